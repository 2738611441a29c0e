"""Drives a target: one arrival schedules the next, so endless traffic costs no memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sized
from typing import Any, Protocol

from lambdalab.functions.call import Call
from lambdalab.functions.target import Target
from lambdalab.invocation.front_door import FrontDoor, Origin
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import Cause

Send = Callable[[int], None]


class Sender(Protocol):
    """A queue, stream or table, as traffic sees it."""

    name: str

    @property
    def drive_key(self) -> str:
        """The keyword of ``drive`` that says what an arrival belongs to; "" where there is none."""

    def check_arrival(self, body: Any, key: Any) -> None:
        """Raise where every arrival would be refused."""

    def arrive(self, body: Any, number: int, key: Any) -> None:
        """Take what has arrived; ``number`` counts from 0, ``key`` is None where none was given."""


class Driver:
    """Traffic on its way to one target.

    Parameters
    ----------
    scheduler
        The lab's.
    waits
        Microseconds between arrivals (see :mod:`.arrivals`).
    send
        Called with the number of the arrival, from 0.
    ends_at
        No arrival happens at or after this time; None: only ``waits`` or ``count`` end it.
    count
        At most so many arrivals.
    waiting
        What has arrived and is not done with: what could not be sent yet, or may be sent again.

    ``active`` is whether anything is still to be sent.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        waits: Iterator[int],
        send: Send,
        ends_at: int | None,
        count: int | None,
        waiting: Sized = (),
    ) -> None:
        self._scheduler, self._send, self._waiting = scheduler, send, waiting
        self._next_wait = waits.__next__
        self._ends_at = (1 << 62) if ends_at is None else ends_at
        self._count = (1 << 62) if count is None else count
        self._at = scheduler.at
        self._coming = True
        self._plan(0)

    @property
    def active(self) -> bool:
        """Whether arrivals are to come, or wait for their turn."""
        return self._coming or bool(self._waiting)

    def _plan(self, sent: int) -> None:
        """Put the next arrival on the heap, unless traffic ends before it."""
        if sent < self._count:
            try:
                at = self._scheduler.now + self._next_wait()
            except StopIteration:
                at = self._ends_at
            if at < self._ends_at:
                self._at(at, self._arrive, sent)
                return
        self._coming = False

    def _arrive(self, number: int) -> None:
        self._plan(number + 1)
        self._send(number)


class Turns:
    """A caller that has at most so many calls under way; the next in line follows when one is answered.

    Parameters: ``most`` calls at once.

    >>> turns = Turns(1)
    >>> turns.take(lambda: print("first")), turns.take(lambda: print("second"))
    first
    (None, None)
    >>> turns.give_back()
    second
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._calling = False
        self.waiting: deque[Callable[[], object]] = deque()

    def take(self, call: Callable[[], object]) -> None:
        """Call now, or as soon as it is its turn."""
        self.waiting.append(call)
        self._go_on()

    def give_back(self) -> None:
        """A call has been answered."""
        self._free += 1
        self._go_on()

    def _go_on(self) -> None:
        """A loop: a call that is refused gives its turn back before it returns."""
        if self._calling:
            return
        self._calling = True
        try:
            while self._free and self.waiting:
                self._free -= 1
                self.waiting.popleft()()
        finally:
            self._calling = False


def to_function(
    target: Target,
    front_door: FrontDoor,
    books: Recorder,
    scheduler: Scheduler,
    body: Callable[[int], bytes],
    *,
    asynchronous: bool,
    turns: Turns | None = None,
) -> Send:
    """Call the function for each arrival, as a caller outside would, without waiting for the last.

    ``body(number)`` is the request's payload, as JSON. With ``turns`` a synchronous call is made when
    it is its turn; its request counts from its arrival.
    """
    caller = books.name("drive")
    origin = Origin(caller, Cause.DRIVEN)
    sent, answered = books.sent, books.answered
    invoke = front_door.request_response

    def send_event(number: int) -> None:
        data = body(number)
        row = sent(caller, 0, 1, scheduler.now)
        call = front_door.event(target, data, origin)
        status = 202 if call.error is None else call.error.status_code
        answered(row, scheduler.now, status, False, call.request)

    def send(number: int) -> None:
        data = body(number)
        row = sent(caller, 0, 1, scheduler.now)

        def hear(call: Call) -> None:
            status = 200 if call.error is None else call.error.status_code
            answered(row, scheduler.now, status, False, call.request)

        if turns is None:
            invoke(target, data, origin, hear)
        else:
            turns.take(lambda: invoke(target, data, origin, _then(hear, turns.give_back)))

    return send_event if asynchronous else send


def _then(hear: Callable[[Call], None], give_back: Callable[[], None]) -> Callable[[Call], None]:
    def heard(call: Call) -> None:
        hear(call)
        give_back()

    return heard


def to_source(
    source: Sender, payload: Callable[[int], Any] | None, key: Callable[[int], Any] | None
) -> Send:
    """Send a message, put a record or an item for each arrival."""
    arrive = source.arrive

    def send(number: int) -> None:
        body = {"n": number} if payload is None else payload(number)
        arrive(body, number, None if key is None else key(number))

    return send
