"""Filter criteria and event patterns: which records a mapping hands on. See :mod:`.criteria`."""
