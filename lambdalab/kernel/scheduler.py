"""The scheduler: one heap of ``(time, sequence, callback, argument)`` and one loop.

Nothing else in a lab orders events. What is due at the same microsecond happens in the order in
which it was asked for. Background entries (idle expiry, retention, empty polls) happen in their
turn but do not keep a run alive.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

from lambdalab.errors import InsideHandler

Callback = Callable[[Any], object]
Entry = tuple[int, int, Callback, Any]

_LAST = 1 << 62  # a sequence after every other of the same time
_COMPACT = 1_024  # cancelled entries are swept out when they are this many and most of the heap


class _Stop(Exception):
    """Ends the loop; never leaves this module."""


class Scheduler:
    """Virtual time and the order of events.

    Attributes: ``now``, microseconds since the lab's start; ``running``, whether the loop runs;
    ``stepping``, whether it is to end after one event.

    >>> scheduler = Scheduler()
    >>> seen = []
    >>> token = scheduler.at(5, seen.append, "b"), scheduler.at(2, seen.append, "a")
    >>> scheduler.run()
    >>> seen, scheduler.now
    (['a', 'b'], 5)
    """

    __slots__ = (
        "_cancelled",
        "_marks",
        "_quiet",
        "_signals",
        "heap",
        "now",
        "running",
        "sequence",
        "stepping",
    )

    def __init__(self) -> None:
        self.now = 0
        self.running = False
        self.stepping = False
        # For callbacks that have a queue of events of their own and may go on with it for as long
        # as nothing in the heap comes first: the heap to compare with, and the last sequence given.
        self.heap: list[Entry] = []
        self.sequence = 0
        self._quiet: set[int] = set()  # in the heap, not keeping it alive: background, cancelled
        self._cancelled: set[int] = set()
        self._signals = 0  # Ctrl-C that the loop has not yet seen
        self._marks = 0  # ends of run(until=...) in the heap

    # ------------------------------------------------------------------ asking

    def at(self, time: int, callback: Callback, argument: Any = None) -> int:
        """Call ``callback(argument)`` at that time; returns a token for :meth:`cancel`.

        Raises ValueError for a time before ``now``.
        """
        if time < self.now:
            raise ValueError(f"cannot schedule at {time} us: it is {self.now} us already")
        self.sequence = sequence = self.sequence + 1
        heappush(self.heap, (time, sequence, callback, argument))
        return sequence

    def background(self, time: int, callback: Callback, argument: Any = None) -> int:
        """Like :meth:`at`, but does not keep :meth:`run` alive."""
        token = self.at(time, callback, argument)
        self._quiet.add(token)
        return token

    def cancel(self, token: int) -> None:
        """Take back what :meth:`at` promised: at most once, and only while it is pending."""
        self._quiet.add(token)
        self.cancel_background(token)

    def cancel_background(self, token: int) -> None:
        """Take back what :meth:`background` promised: at most once, only while it is pending."""
        cancelled = self._cancelled
        cancelled.add(token)
        if len(cancelled) >= _COMPACT and 2 * len(cancelled) > len(self.heap):
            self._compact()

    @property
    def pending(self) -> int:
        """How many foreground entries are left."""
        return len(self.heap) - len(self._quiet) - self._marks

    # ------------------------------------------------------------------ running

    def run(self, until: int | None = None, *, while_pending: bool = False) -> None:
        """Let things happen.

        Without ``until``: until only background entries are left; those later than the last
        foreground event do not happen. With it: everything up to and including that time, and
        then it is that time. With both ``until`` and ``while_pending``: until one of the two; runs
        of this kind, one after the other, do what one run without ``until`` does.
        An exception from a callback ends the run; the event counts as done, the rest is whole,
        and another ``run()`` goes on. So does :class:`KeyboardInterrupt` after :meth:`interrupt`.
        """
        self._begin()
        mark = None if until is None else self._mark(until, while_pending)
        heap, quiet, pop = self.heap, self._quiet, heappop
        try:
            while heap:
                if quiet and len(quiet) == len(heap):
                    break
                time, sequence, callback, argument = pop(heap)
                if sequence in quiet and self._is_cancelled(sequence):
                    continue
                if time >= 0:  # a stop has no time
                    self.now = time
                callback(argument)
        except _Stop as stop:
            mark = None if stop.args else mark
        finally:
            self._end(mark)

    def step(self) -> bool:
        """One foreground event, with the background ones before it; False when none is left."""
        self._begin()
        self.stepping = True
        heap, quiet = self.heap, self._quiet
        try:
            while len(heap) > len(quiet):
                time, sequence, callback, argument = heappop(heap)
                background = sequence in quiet
                if background and self._is_cancelled(sequence):
                    continue
                if time >= 0:
                    self.now = time
                callback(argument)
                if not background:
                    return True
        except _Stop:
            return True
        finally:
            self._end(None)
        return False

    def stop(self) -> None:
        """End :meth:`run` after the event under way; ``now`` stays at that event's time."""
        if self.running and not (self.heap and self.heap[0][1] < 0):
            heappush(self.heap, (-1, -1, self._stopped, ()))

    def nudge(self, callback: Callback) -> None:
        """Call ``callback(None)`` before the next event of :meth:`run`; for a signal handler.

        It must be the same callback every time, and leave what happens and when as it is.
        """
        # twice the same entry is no matter: none of its parts is compared by order
        if self.running:
            heappush(self.heap, (-1, 0, callback, None))

    def interrupt(self) -> None:
        """End :meth:`run` between two events with KeyboardInterrupt; for a signal handler.

        Raises KeyboardInterrupt at once when the loop is not running.
        """
        # heappush and heappop are C and compare ints only: the heap is whole whenever this runs
        if not self.running:
            raise KeyboardInterrupt
        self._signals += 1
        if self._signals == 1:
            self._push_interrupt()

    # ------------------------------------------------------------------ inside

    def _begin(self) -> None:
        if self.running:
            raise InsideHandler("the clock is running already: run(), advance() and step() wait")
        self._signals = 0
        self._sweep_stops()
        self.running = True

    def _end(self, mark: int | None) -> None:
        if mark is not None:  # the run ended before its `until`
            self._quiet.add(mark)
            self._cancelled.add(mark)
        self._marks = 0
        self.running = False
        self._sweep_stops()
        if self._signals:
            self._signals = 0
            raise KeyboardInterrupt

    def _sweep_stops(self) -> None:
        while self.heap and self.heap[0][0] < 0:
            heappop(self.heap)

    def _mark(self, until: int, quiet: bool) -> int:
        if until < self.now:
            self.running = False
            raise ValueError(f"cannot run until {until} us: it is {self.now} us already")
        self.sequence += 1
        mark = _LAST + self.sequence
        heappush(self.heap, (until, mark, self._stopped, (mark,)))
        if quiet:
            self._quiet.add(mark)
        else:
            self._marks = 1
        return mark

    @staticmethod
    def _stopped(arguments: tuple[int, ...]) -> None:
        raise _Stop(*arguments)

    def _push_interrupt(self) -> None:
        entry: Entry = (-2, -2, self._interrupted, None)
        heappush(self.heap, entry)

    def _interrupted(self, _: None) -> None:
        self._signals = 0
        raise KeyboardInterrupt

    def _is_cancelled(self, sequence: int) -> bool:
        self._quiet.remove(sequence)
        if sequence not in self._cancelled:
            return False
        self._cancelled.remove(sequence)
        return True

    def _compact(self) -> None:
        heap, cancelled = self.heap, self._cancelled
        heap[:] = [entry for entry in heap if entry[1] not in cancelled]
        heapify(heap)
        if self._signals and not (heap and heap[0][0] == -2):  # Ctrl-C came in between
            self._push_interrupt()
        self._quiet -= cancelled
        cancelled.clear()
