"""Amazon S3: buckets, objects in memory, and notifications of what is written and deleted.

Not simulated: versions, access control, life cycles, storage classes, replication.
"""
