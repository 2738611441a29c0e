"""Kinesis Data Streams. :mod:`.service` finds streams, :mod:`.stream` has their verbs."""
