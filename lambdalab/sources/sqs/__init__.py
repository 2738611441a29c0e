"""SQS. :mod:`.service` finds queues, :mod:`.queue` has their verbs, :mod:`.store` their messages."""
