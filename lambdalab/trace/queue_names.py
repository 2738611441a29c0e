"""What queues, streams and tables are called in the books."""

from __future__ import annotations


class QueueNames:
    """Names of queues. On AWS a queue, a stream and a table may share a name; the first that was made
    keeps it in the books, the next gets its kind along.

    Lambda's own queue of a function is "bill (events)", that of a stream's mapping
    "clicks->count (records)". What was given stays through every run of a lab.

    >>> names = QueueNames()
    >>> names.of("orders", "queue"), names.of("orders", "table"), names.of("orders", "queue")
    ('orders', 'orders (table)', 'orders')
    """

    __slots__ = ("_given", "_owners")

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}
        self._given: dict[tuple[str, str], str] = {}

    def of(self, name: str, kind: str) -> str:
        """The name in the books of the ``kind`` ("queue", "stream", "table") with that name."""
        known = self._given.get((name, kind))
        if known is None:
            mine = self._owners.setdefault(name, kind) == kind
            known = self._given[name, kind] = name if mine else f"{name} ({kind})"
        return known
