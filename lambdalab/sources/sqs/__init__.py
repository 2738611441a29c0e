"""SQS. :mod:`.service` finds queues, :mod:`.queue` has their verbs, :mod:`.store` their messages.

FIFO queues are :mod:`.fifo`, :mod:`.fifo_store` and :mod:`.groups`; :mod:`.redrive` empties dead-letter
queues.
"""
