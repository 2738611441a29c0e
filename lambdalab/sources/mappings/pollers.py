"""The pollers of an event source mapping: each has one batch at a time.

Source: dg/services-sqs-scaling (five at the start). How their number grows and shrinks is a matter for
:class:`Pollers` alone: nobody else counts them.
"""

from __future__ import annotations

from heapq import heappop, heappush


class Poller:
    """One poller: its number from 1, and when its last invocation was over (-1: it had none)."""

    __slots__ = ("completed_at", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.completed_at = -1

    def __lt__(self, other: Poller) -> bool:
        return self.number < other.number

    def __repr__(self) -> str:
        return f"<poller {self.number}>"


class Pollers:
    """All pollers of one mapping in one run.

    >>> pollers = Pollers(2)
    >>> first = pollers.take(); pollers.lowest, pollers.busy
    (<poller 2>, 1)
    >>> pollers.give_back(first, at=5); pollers.lowest
    <poller 1>
    """

    __slots__ = ("_all", "_idle")

    def __init__(self, number: int) -> None:
        self._all = [Poller(n + 1) for n in range(number)]
        self._idle = list(self._all)  # a heap, by number

    @property
    def lowest(self) -> Poller | None:
        """The idle poller with the lowest number."""
        return self._idle[0] if self._idle else None

    @property
    def busy(self) -> int:
        """How many have a batch."""
        return len(self._all) - len(self._idle)

    def take(self) -> Poller:
        """The idle poller with the lowest number begins a batch."""
        return heappop(self._idle)

    def give_back(self, poller: Poller, at: int) -> None:
        """The poller's batch is over."""
        poller.completed_at = at
        heappush(self._idle, poller)

    def __len__(self) -> int:
        return len(self._all)
