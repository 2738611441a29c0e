"""What Lambda polls, and the event source mappings that poll it.

One folder for each service (:mod:`.sqs`, :mod:`.kinesis`), one for what streams have in common
(:mod:`.streams`); :mod:`.mappings` connects them with functions, and :mod:`.filters` says what passes.
"""
