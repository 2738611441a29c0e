"""What Lambda polls, and the event source mapping that polls it.

From the source to the function: :mod:`.sqs` (the service), :mod:`.queue` (one queue's verbs) and
:mod:`.store` (its messages); then :mod:`.mapping`, whose :mod:`.collector` fills batches from a queue
and whose :mod:`.delivery` invokes the function with them and settles what becomes of the messages.

Streams: :mod:`.kinesis` (the service), :mod:`.stream` (one stream's verbs), :mod:`.stream_store` and
:mod:`.shard` (its records); then :mod:`.stream_mapping`, which tells of the rest.
"""
