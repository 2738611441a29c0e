"""How a call is carried out: its tries, the waits between them, its timeouts, and its rows in the books.

Every try is a row of ``requests``. A caller who stops waiting closes its row at that moment: status 0,
cause ``client_timeout``, ``gave_up`` where no further try follows. What it asked for goes on, and what
the front answers in the end is written down beside it (``front_answered_at``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from lambdalab.invocation.calling import Answer, Operation, Try
from lambdalab.invocation.front_door import Origin
from lambdalab.invocation.service import LambdaService
from lambdalab.kernel.task import Task
from lambdalab.trace.schema import Cause
from lambdalab.traffic.callers import NO_MORE, Manner, check_caller
from lambdalab.traffic.driver import Turns

Done = Callable[[Answer], None]


class Calls:
    """Everybody's calls in one run of a lab.

    Parameters: Lambda, the ``service``. Attributes: ``scheduler``, ``books``, ``streams``, ``rules``.
    """

    def __init__(self, service: LambdaService) -> None:
        self.scheduler, self.books = service.scheduler, service.books
        self.streams, self.rules = service.streams, service.rules
        self._manners: WeakKeyDictionary[Any, Manner] = WeakKeyDictionary()

    def manner(self, caller: Any) -> Manner:
        """What a caller remembers in this run. Raises where ``caller`` is none."""
        check_caller(caller)
        found = self._manners.get(caller)
        if found is None:
            made: Manner = caller.manner(self)
            found = self._manners[caller] = made
        return found

    def place(
        self, operation: Operation, origin: Origin, manner: Manner, done: Done, **more: Any
    ) -> Placed:
        """Begin a call; ``done`` hears its last answer, at once or later. See :class:`Placed`."""
        placed = Placed(self, operation, origin, manner, done, **more)
        placed.start()
        return placed


class Placed:
    """A call under way.

    Parameters
    ----------
    calls, operation, origin, manner
        The run; what is asked, for whom, and how.
    done
        Hears the last answer: of a caller who stopped waiting it says so (``gave_up``).
    turns
        Further ones to wait for, before the manner's own.
    task
        The handler's task that asks: once it is dead, nothing more is tried.

    ``abandoned`` is whether whoever asked has gone.
    """

    __slots__ = (
        "_books", "_call", "_code", "_done", "_held", "_manner", "_operation", "_origin", "_row",
        "_scheduler", "_sent_last", "_task", "_told", "_tries", "_turns", "abandoned",
    )  # fmt: skip

    def __init__(
        self,
        calls: Calls,
        operation: Operation,
        origin: Origin,
        manner: Manner,
        done: Done,
        *,
        turns: tuple[Turns, ...] = (),
        task: Task | None = None,
    ) -> None:
        self._scheduler, self._books = calls.scheduler, calls.books
        self._operation, self._origin, self._manner = operation, origin, manner
        self._code = calls.books.name(manner.name)
        self._done, self._task, self.abandoned = done, task, False
        self._turns, self._held = (*turns, *manner.turns), 0
        self._told = manner.begin()
        self._call, self._tries, self._row = 0, 0, -1
        self._sent_last: _Sent | None = None

    def start(self) -> None:
        """Call, or wait for one's turn; then the first row counts from now."""
        if self._turns:
            self._row = self._sent()
        self._take_turn()

    def _take_turn(self) -> None:
        if self._held < len(self._turns):
            self._held += 1
            self._turns[self._held - 1].take(self._take_turn)
        else:
            self._manner.send(self._go)

    def abandon(self) -> None:
        """Whoever asked has gone, and waits no longer: a dead handler, a person's Ctrl-C."""
        self.abandoned = True
        if self._row >= 0:  # it waits for its turn, and lets it pass
            self._close_unsent()
        elif self._sent_last is not None:
            self._sent_last.leave()

    def _close_unsent(self) -> None:
        row, self._row = self._row, -1
        self._books.answered(row, self._scheduler.now, 0, True, 0, Cause.CLIENT_TIMEOUT)

    def _gone(self) -> bool:
        return self.abandoned or (self._task is not None and self._task.dead)

    def _sent(self) -> int:
        self._tries += 1
        now, front = self._scheduler.now, self._operation.front
        row = self._books.sent(self._code, self._call, self._tries, now, front)
        self._call = self._call or row + 1
        return row

    def _go(self) -> None:
        """Send the next try."""
        if self._gone():
            if self._row >= 0:  # gone while it waited for its turn
                self._close_unsent()
            self._give_turns_back()
            return
        row, self._row = self._row, -1
        self._sent_last = sent = _Sent(self, self._sent() if row < 0 else row)
        under_way = self._operation.begin(self._origin, sent.answered)
        if not sent.over:
            sent.wait_for(under_way, self._manner.timeout_us)

    def heard(self, row: int, answer: Answer) -> bool:
        """A try is over, with an answer or without; returns whether the caller has given up."""
        now = self._scheduler.now
        wait = NO_MORE if self._gone() else self._told.heard(answer.status_code)
        answer.gave_up = gave_up = answer.gave_up and wait < 0
        self._books.answered(row, now, answer.status_code, gave_up, answer.request, answer.cause)
        if wait < 0:
            answer.tries = self._tries
            self._give_turns_back()
            if not self.abandoned:
                self._done(answer)
        else:
            self._scheduler.at(now + wait, self._again)
        return gave_up

    def _again(self, _: object) -> None:
        self._manner.send(self._go)

    def _give_turns_back(self) -> None:
        for turns in reversed(self._turns):
            turns.give_back()


class _Sent:
    """A try that has been sent: it is over with its answer, or when the caller stops waiting for it."""

    __slots__ = (
        "_gave_up", "_left_at", "_placed", "_request", "_row", "_timer", "_under_way", "over",
    )  # fmt: skip

    _under_way: Try

    def __init__(self, placed: Placed, row: int) -> None:
        self._placed, self._row, self.over = placed, row, False
        self._timer, self._left_at, self._request, self._gave_up = 0, -1, 0, False

    def wait_for(self, under_way: Try, timeout_us: int) -> None:
        """Wait no longer than that; 0: for ever."""
        self._under_way = under_way
        if timeout_us:
            scheduler = self._placed._scheduler
            self._timer = scheduler.at(scheduler.now + timeout_us, self._stop_waiting)

    def leave(self) -> None:
        """Wait no longer, unless it is over already."""
        if not self.over:
            if self._timer:
                self._placed._scheduler.cancel(self._timer)
            self._stop_waiting(None)

    def answered(self, answer: Answer) -> None:
        """The front answers: the caller, or nobody any more."""
        if self.over:
            self._too_late(answer)
            return
        self.over = True
        if self._timer:
            self._placed._scheduler.cancel(self._timer)
        self._placed.heard(self._row, answer)

    def _stop_waiting(self, _: object) -> None:
        self.over = True
        self._left_at = self._placed._scheduler.now
        self._request = self._under_way.request
        nothing = Answer(0, self._request, Cause.CLIENT_TIMEOUT, gave_up=True)
        self._gave_up = self._placed.heard(self._row, nothing)

    def _too_late(self, answer: Answer) -> None:
        books = self._placed._books
        now, status, cause = self._placed._scheduler.now, answer.status_code, answer.cause
        books.front_answered(self._row, now, status, cause)
        if answer.request and not self._request:  # the front was still busy with other things then
            books.answered(
                self._row, self._left_at, 0, self._gave_up, answer.request, Cause.CLIENT_TIMEOUT
            )


class Driven:
    """Traffic whose arrivals are calls of one caller, none of which anybody waits for.

    Parameters
    ----------
    calls, manner, origin
        The run, how the caller goes about it, and who it is.
    operation
        Makes the operation of an arrival, by its number.
    turns
        How many of this traffic's calls may be under way; None: any number.

    Its length: the calls that are not over yet.
    """

    def __init__(
        self,
        calls: Calls,
        manner: Manner,
        origin: Origin,
        operation: Callable[[int], Operation],
        turns: Turns | None,
    ) -> None:
        self._calls, self._manner, self._origin = calls, manner, origin
        self._operation = operation
        self._turns = () if turns is None else (turns,)
        self._under_way = 0

    def __len__(self) -> int:
        return self._under_way

    def send(self, number: int) -> None:
        """An arrival."""
        operation = self._operation(number)
        self._under_way += 1
        self._calls.place(operation, self._origin, self._manner, self._over, turns=self._turns)

    def _over(self, _: Answer) -> None:
        self._under_way -= 1
