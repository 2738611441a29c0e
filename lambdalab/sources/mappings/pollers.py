"""The pollers of an event source mapping: each has one batch at a time, or several in provisioned mode.

Source: dg/services-sqs-scaling. How many there are, and why, is decided in :mod:`.scaling`; nobody else
counts them.
"""

from __future__ import annotations

from heapq import heappop, heappush


class Poller:
    """One poller: its number from 1, and when its last invocation was over (-1: it had none).

    ``room`` is how many more batches it may have now.
    """

    __slots__ = ("completed_at", "number", "room")

    def __init__(self, number: int, room: int = 1) -> None:
        self.number = number
        self.room = room
        self.completed_at = -1

    def __repr__(self) -> str:
        return f"<poller {self.number}>"


class Pollers:
    """All pollers of one mapping in one run.

    Parameters: how many, and how many batches each may have at a time. Attributes: ``number``, how many
    poll now; ``each``; ``busy``, how many batches they have.

    >>> pollers = Pollers(2)
    >>> first = pollers.take(); pollers.lowest, pollers.busy
    (<poller 2>, 1)
    >>> pollers.give_back(first, at=5); pollers.lowest
    <poller 1>
    """

    __slots__ = ("_all", "_idle", "busy", "each", "number")

    def __init__(self, number: int, each: int = 1) -> None:
        self._all: list[Poller] = []
        self._idle: list[int] = []  # a heap of the numbers of those that may have another batch
        self.busy = 0
        self.number, self.each = 0, each
        self.resize(number, each)

    @property
    def lowest(self) -> Poller | None:
        """Of those that may have another batch the one with the lowest number."""
        return self._all[self._idle[0] - 1] if self._idle else None

    def take(self) -> Poller:
        """The poller with the lowest number that may have another batch begins one."""
        poller = self._all[self._idle[0] - 1]
        poller.room -= 1
        self.busy += 1
        if not poller.room:
            heappop(self._idle)
        return poller

    def give_back(self, poller: Poller, at: int) -> None:
        """A batch of the poller's is over."""
        poller.completed_at = at
        poller.room += 1
        self.busy -= 1
        if poller.room == 1 and poller.number <= self.number:
            heappush(self._idle, poller.number)

    def resize(self, number: int, each: int) -> None:
        """So many poll from now on. Those that stop finish the batches they have."""
        if each != self.each:
            for poller in self._all:
                poller.room += each - self.each
            self.each = each
        while len(self._all) < number:
            self._all.append(Poller(len(self._all) + 1, each))
        self.number = number
        # ascending numbers are a heap
        self._idle = [poller.number for poller in self._all[:number] if poller.room > 0]

    def needed(self, least: int, since: int) -> int:
        """How many are left when those at the end that had no batch ``since`` then stop."""
        number = self.number
        while number > least:
            poller = self._all[number - 1]
            if poller.room < self.each or poller.completed_at > since:
                break
            number -= 1
        return number

    def idle_since(self, number: int) -> int:
        """When the last batch of that poller was over; -1 while it has one, and if it had none."""
        poller = self._all[number - 1]
        return poller.completed_at if poller.room == self.each else -1

    def __len__(self) -> int:
        return self.number
