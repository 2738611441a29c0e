"""DynamoDB. :mod:`.service` finds tables, :mod:`.table` has their verbs, :mod:`.stream` their streams."""
