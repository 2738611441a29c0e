"""A push: a service hands an event to a target, tries again by its own rules, and lets go of it.

Each way from a service to a target ("orders->bill") is a queue in the books: an event is ``sent`` there
when it is to be delivered, waits with ``retry_scheduled`` where the target was not to be had, and ends as
``deleted`` (the target took it), ``dead_lettered``, ``expired`` or ``dropped``. Each try is a row of
``requests`` besides, the tries of one event tied together. What a function makes of an event that Lambda
has accepted is no concern of the service any more (async.md 9 of the reference).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from lambdalab.errors import ResourceNotFoundException, ServiceError
from lambdalab.functions.target import Target
from lambdalab.invocation.destinations import Destination, Envelope
from lambdalab.invocation.front_door import Origin
from lambdalab.invocation.recursion import Chain
from lambdalab.trace.schema import Action, Cause, InvocationType, ParentKind, QueueKind
from lambdalab.triggers.parts import Parts


@dataclass(slots=True)
class Event:
    """One event on its way to one target.

    Attributes: ``number`` (``m12``, the same on each of its ways), ``body`` for this target,
    ``request``: the invocation whose handler caused it (0: none), ``chain``: the chain of requests that
    recursive loops are found by (None where the service carries none), ``made_at``, ``tries`` so far,
    ``delayed``, whether the books have it as one that waits.
    """

    number: int
    body: bytes
    request: int
    chain: Chain | None
    made_at: int
    tries: int = 0
    call: int = 0
    extra: Any = None
    delayed: bool = False


@dataclass(slots=True)
class Taken:
    """What came of one try: HTTP status, the invocation it led to, and why not where it did not go well.

    ``retry`` says whether another try could mend it.
    """

    status_code: int
    request: int = 0
    cause: int = 0
    error: ServiceError | None = None
    message: str = ""
    retry: bool = False

    @property
    def good(self) -> bool:
        """Whether the target took it."""
        return 200 <= self.status_code < 300


class Receiver(Protocol):
    """A target that takes events: a function, a queue, a topic ..."""

    name: str
    arn: str

    def take(self, event: Event, source: int) -> Taken:
        """Take it or not, at once. ``source`` is the pushing service's name in the books."""


class FunctionReceiver:
    """A function, invoked asynchronously; its resource policy has to allow it.

    Parameters: the lab's ``parts``, the ``target`` (a destination where it may be gone by now), and
    who asks: ``principal`` and ``source_arn``. A service that assumes a role (an empty principal)
    needs no permission of the function.
    """

    def __init__(
        self, parts: Parts, target: Target | Destination, principal: str, source_arn: str
    ) -> None:
        self._parts, self._principal, self._source_arn = parts, principal, source_arn
        qualifier = target.qualifier if isinstance(target, Target) else ""
        self._named = f"{target.name}:{qualifier}" if qualifier else target.name
        self.name, self.arn = self._named, target.arn

    def take(self, event: Event, source: int) -> Taken:
        """Invoke it. 429 and 5xx are worth another try; what the policy or a size forbids is not."""
        parts, door = self._parts, self._parts.service.front_door
        kind = ParentKind.EVENT
        origin = Origin(source, Cause.TRIGGERED, kind, event.number, event.chain)
        try:
            target = parts.target(self._named)
        except ResourceNotFoundException as error:
            name, _, qualifier = self._named.partition(":")
            request = door.unknown(name, qualifier, origin, InvocationType.EVENT)
            return Taken(404, request, Cause.TARGET_GONE, error, error.message)
        principal = self._principal
        if principal and not parts.allowed(target, principal, self._source_arn):
            call = door.denied(target, event.body, origin, InvocationType.EVENT, self._principal)
        else:
            call = door.event(target, event.body, origin)
        if call.error is None:
            return Taken(202, call.request, Cause.ACCEPTED)
        status = call.error.status_code
        cause = Cause.PERMISSION_DENIED if status == 403 else call.cause
        retry = status == 429 or status >= 500
        return Taken(status, call.request, cause, call.error, call.error.message, retry)


class PlaceReceiver:
    """Anything that takes invocation records too (a queue, a topic, a bus): a destination of the lab.

    Parameters: the lab's ``parts``, the ``destination``; the ``subject`` of what it gets, for places
    that know such a thing.
    """

    def __init__(self, parts: Parts, destination: Destination, subject: str = "") -> None:
        self._parts, self._destination, self._subject = parts, destination, subject
        self.name, self.arn = destination.name, destination.arn

    def take(self, event: Event, source: int) -> Taken:
        """Put it there."""
        envelope = Envelope(
            event.request, source, event.chain, "", cause=Cause.PUBLISHED, subject=self._subject
        )
        told = handed_on(self._parts, self._destination, event.number, event.body, envelope)
        if told:
            return Taken(400, 0, Cause.TARGET_FAILED, message=told)
        return Taken(200, 0, Cause.DELIVERED)


def handed_on(
    parts: Parts, destination: Destination, number: int, body: bytes, envelope: Envelope
) -> str:
    """Deliver an event to another service, and tell the books what it is there; "" or why not."""
    last = parts.last_number()
    told = parts.functions.destinations.deliver(destination, body, envelope)
    if parts.last_number() > last:  # the first thing made is what the event has become
        parts.books.came_of(last + 1, number)
    return told


@dataclass(frozen=True, slots=True)
class Retries:
    """How a service tries again.

    Attributes: ``wait_us(tries)``, the wait after so many tries (None: no more); ``maximum_age_us`` of an
    event, from when it was made (None: any age).
    """

    wait_us: Callable[[int], int | None] = field(default=lambda _tries: None)
    maximum_age_us: int | None = None


Letters = Callable[[Event, Taken, int], str]
"""Takes an event that cannot be delivered, with the last try and why it ended; "" or why not."""


def letters_to(
    parts: Parts,
    destination: Destination,
    source: int,
    attributes: Callable[[Event, Taken, int], Mapping[str, tuple[str, str]]],
) -> Letters:
    """A dead-letter queue: the body as it would have been delivered, with these message attributes."""

    def take(event: Event, taken: Taken, cause: int) -> str:
        envelope = Envelope(
            event.request, source, event.chain, "", cause=Cause.DEAD_LETTER,
            attributes=dict(attributes(event, taken, cause)),
        )  # fmt: skip
        return handed_on(parts, destination, event.number, event.body, envelope)

    return take


class Push:
    """The way from a service to one target.

    Parameters
    ----------
    parts
        The lab's.
    name
        Its name in the books, as in "orders->bill"; also the name of the caller in ``requests``.
    receiver
        The target.
    retries
        The service's rules.
    dead_letters
        Where events go that cannot be delivered (:data:`Letters`); None: they are dropped.
    kind
        Whose way it is, for the books: two services may have ways of one name.
    """

    def __init__(
        self,
        parts: Parts,
        name: str,
        receiver: Receiver,
        retries: Retries | None = None,
        dead_letters: Letters | None = None,
        kind: str = "push",
    ) -> None:
        self.name, self.receiver, self._kind = name, receiver, kind
        self.retries = Retries() if retries is None else retries
        self.dead_letters = dead_letters
        self._parts = parts
        self.begin()

    def begin(self) -> None:
        """Begin a run: nothing on its way. The owner calls it at each reset."""
        books = self._parts.books
        self._queue = books.queue(self.name, QueueKind.PUSH, self._kind)
        self._source = books.name(self.name)
        self._count = self._parts.count(self._queue)

    @property
    def depth(self) -> int:
        """How many events are on their way."""
        return self._count.depth

    def send(
        self,
        number: int,
        body: bytes,
        *,
        request: int = 0,
        chain: Chain | None = None,
        cause: int = Cause.PUBLISHED,
        delay_us: int = 0,
        extra: Any = None,
    ) -> Event:
        """An event is to be delivered: at once, or after the service's own ``delay_us``."""
        now = self._parts.now
        event = Event(number, body, request, chain, now, extra=extra)
        self._count.depth += 1
        self._delay(event, bool(delay_us))
        self._note(event, Action.SENT, cause, request, delay_us)
        if delay_us:
            self._parts.scheduler.at(now + delay_us, self._due, event)
        else:
            self._try(event)
        return event

    def filtered(
        self,
        number: int,
        request: int = 0,
        action: int = Action.FILTERED,
        cause: int = Cause.PATTERN_MISMATCH,
    ) -> None:
        """The target does not want this event, or is not to get it: it is in the books, at its end."""
        event = Event(number, b"", request, None, self._parts.now)
        self._count.depth += 1
        self._note(event, Action.SENT, Cause.PUBLISHED, request)
        self._end(event, action, cause)

    # ------------------------------------------------------------------ inside

    def _delay(self, event: Event, waits: bool) -> None:
        """From the event's next row on it waits, or no longer; what it causes meanwhile comes before."""
        self._count.delayed += waits - event.delayed
        event.delayed = waits

    def _due(self, event: Event) -> None:
        limit = self.retries.maximum_age_us
        if limit is not None and event.tries and self._parts.now - event.made_at > limit:
            self._give_up(event, Taken(0), Cause.EVENT_AGE_EXCEEDED)
        else:
            self._try(event)

    def _try(self, event: Event) -> None:
        parts, books = self._parts, self._parts.books
        event.tries += 1
        row = books.sent(self._source, event.call, event.tries, parts.now)
        event.call = event.call or row + 1
        taken = self.receiver.take(event, self._source)
        books.answered(row, parts.now, taken.status_code, False, taken.request, taken.cause)
        if taken.good:
            self._end(event, Action.DELETED, taken.cause, taken.request)
        elif not taken.retry:
            self._give_up(event, taken, taken.cause)
        else:
            self._again(event, taken)

    def _again(self, event: Event, taken: Taken) -> None:
        """Wait, unless the rules allow no more tries or the event would be too old then."""
        wait, now = self.retries.wait_us(event.tries), self._parts.now
        limit = self.retries.maximum_age_us
        if wait is None:
            self._give_up(event, taken, Cause.RETRIES_EXHAUSTED)
        elif limit is not None and now + wait - event.made_at > limit:
            self._give_up(event, taken, Cause.EVENT_AGE_EXCEEDED)
        else:
            self._delay(event, True)
            cause = Cause.THROTTLED if taken.status_code == 429 else Cause.SERVER_ERROR
            self._note(event, Action.RETRY_SCHEDULED, cause, taken.request, wait)
            self._parts.scheduler.at(now + wait, self._due, event)

    def _give_up(self, event: Event, taken: Taken, cause: int) -> None:
        if self.dead_letters is None:
            action = Action.EXPIRED if cause == Cause.EVENT_AGE_EXCEEDED else Action.DROPPED
            self._end(event, action, cause, taken.request)
            return
        if self.dead_letters(event, taken, cause):
            self._end(event, Action.DROPPED, Cause.DELIVERY_FAILED, taken.request)
        else:
            self._end(event, Action.DEAD_LETTERED, cause, taken.request)

    def _end(self, event: Event, action: int, cause: int, request: int = 0) -> None:
        self._count.depth -= 1
        self._delay(event, False)
        self._note(event, action, cause, request)

    def _note(self, event: Event, action: int, cause: int, request: int, delay_us: int = 0) -> None:
        now = self._parts.now
        self._parts.books.queue_event(
            now, self._queue, event.number, action, self._count.depth, now - event.made_at, delay_us,
            request, 0, cause, 0, self._count.delayed, 0, now + delay_us if delay_us else -1,
        )  # fmt: skip


class Arrivals:
    """What arrives at a service, before it is handed on: one queue in the books, whose events end at once.

    Parameters: the lab's ``parts``; the ``name`` of the topic, bus or bucket, and what it is (``kind``).
    """

    def __init__(self, parts: Parts, name: str, kind: str) -> None:
        self._parts, self._name, self._kind = parts, name, kind
        self.begin()

    def begin(self) -> None:
        """Begin a run. The owner calls it at each reset."""
        books = self._parts.books
        self._queue = books.queue(self._name, QueueKind.PUSH, self._kind)
        self.name = books.names[self._queue]

    def arrive(
        self, number: int, *, wanted: bool, request: int = 0, cause: int = Cause.PUBLISHED
    ) -> None:
        """An event came; ``wanted``: somebody is told of it, or it is kept."""
        self._note(number, Action.SENT, cause, request, 1)
        if wanted:
            self._note(number, Action.DELETED, Cause.FANNED_OUT, request, 0)
        else:
            self._note(number, Action.FILTERED, Cause.PATTERN_MISMATCH, request, 0)

    def _note(self, number: int, action: int, cause: int, request: int, depth: int) -> None:
        self._parts.books.queue_event(
            self._parts.now,
            self._queue,
            number,
            action,
            depth,
            0,
            0,
            request,
            0,
            cause,
            0,
            0,
            0,
            -1,
        )
