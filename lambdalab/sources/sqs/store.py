"""The messages of one queue: which are visible, delayed or in flight, and until when.

* Messages are received in the order in which they became visible (SQS itself promises no order).
* Of several mappings that poll the queue each has its turn in being the first (SQS promises nothing).
* One timer stands for the next message to become visible again. It keeps a run alive only while a
  consumer is enabled: what nobody will receive does not (see :meth:`Store.rewatch`).
* Another stands for the oldest message's retention; it never keeps a run alive.
* A message that has been received as often as the redrive policy allows is moved to the dead-letter
  queue when it would be received once more, as on AWS. It keeps its id, its body, its sent timestamp
  and its receive count; the policy of the queue it comes to counts its own receives only.

That is a standard queue; :mod:`.fifo_store` has what is otherwise in a FIFO queue.

Sources: event-source-mappings.md 3 of the reference; SQS developer guide, dead-letter queue retention.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Protocol

from lambdalab.functions.mishaps import Mishap
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.sources.sqs.messages import DELAYED, GONE, IN_FLIGHT, VISIBLE, Message
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import Action, Cause, QueueKind

_CLEARED = (Cause.PURGED, Cause.REDRIVE)  # deleted, and not by one who had received it
SLACK = 1_000  # entries of finished messages that may lie in a heap before it is swept


class Consumer(Protocol):
    """What polls a queue."""

    @property
    def enabled(self) -> bool:
        """Whether it receives messages."""

    def wake(self) -> None:
        """A message has become visible."""


class Store:
    """The messages of one queue in one run.

    Attributes: ``visible``, ``delayed`` and ``in_flight`` count them; ``messages`` has them by
    number, in the order in which they came. The queue sets ``retention_us`` and ``redrive``, the
    redrive policy (most receives, where to), and settles changes with :meth:`settle`. ``name`` is the
    queue's in the books.
    """

    __slots__ = (
        "_ages", "_books", "_choked", "_code", "_expires_at", "_expiry", "_hidden", "_in_flight_most",
        "_kept", "_ready", "_scheduler", "_sequence", "_timer", "_timer_at", "arn", "consumers",
        "delayed", "faults", "in_flight", "messages", "name", "redrive", "retention_us", "visible",
    )  # fmt: skip

    def __init__(
        self, name: str, arn: str, scheduler: Scheduler, books: Recorder, in_flight_most: int
    ) -> None:
        self._scheduler, self._books = scheduler, books
        self._code = books.queue(name, QueueKind.SQS, "queue")
        self.name = books.names[self._code]
        self.arn = arn
        self.messages: dict[int, Message] = {}
        self.visible = self.delayed = self.in_flight = 0
        self.retention_us = 0
        self.redrive: tuple[int, Store] | None = None
        self.consumers: list[Consumer] = []
        self.faults: list[Mishap] = []
        self._in_flight_most = in_flight_most
        self._choked = False  # a receive was cut short by the limit of messages in flight
        self._ready: deque[Message] = deque()
        self._sequence = 0
        self._hidden: list[tuple[int, int, Message]] = []  # a heap, by when they become visible
        self._timer, self._timer_at, self._kept = 0, -1, False
        self._ages: list[tuple[int, int]] = []  # a heap of (sent at, number)
        self._expiry, self._expires_at = 0, -1

    @property
    def depth(self) -> int:
        """All messages: visible, delayed and in flight."""
        return len(self.messages)

    @property
    def blocked(self) -> int:
        """How many wait behind others that are in flight: none in a standard queue."""
        return 0

    # ------------------------------------------------------------------ coming and going

    def put(self, message: Message, cause: int, request: int = 0, delay_us: int = 0) -> None:
        """A message arrives."""
        now = self._scheduler.now
        message.store = self
        self.messages[message.number] = message
        self._watch_age(message)
        if delay_us:
            message.standing = DELAYED
            message.fate = Cause.DELAY
            self.delayed += 1
            self._hide(message, now + delay_us)
            self._note(message, Action.SENT, cause, delay_us, request)
            self._rearm()
        else:
            self._show(message)
            self._note(message, Action.SENT, cause, 0, request)
            self._wake()

    def take(self, most: int, visibility_us: int, cause: int) -> list[Message]:
        """Receive up to ``most`` messages; each stays invisible for ``visibility_us``."""
        ready = self._ready
        room = self._in_flight_most - self.in_flight
        if room < most:
            self._choked, most = True, room
        taken: list[Message] = []
        while ready and len(taken) < most:
            message = ready.popleft()
            if message.standing != VISIBLE or message.store is not self:
                continue
            if self._is_spent(message):
                self._dead_letter(message)
                continue
            self.visible -= 1
            self._hand_out(message, visibility_us, cause)
            taken.append(message)
        self._rearm()
        return taken

    def _hand_out(self, message: Message, visibility_us: int, cause: int) -> None:
        """A message is received."""
        now = self._scheduler.now
        self.in_flight += 1
        message.standing = IN_FLIGHT
        message.receive_count += 1
        if message.first_received_at < 0:
            message.first_received_at = now
        message.fate, message.request, message.batch = Cause.VISIBILITY_TIMEOUT, 0, 0
        self._hide(message, now + visibility_us)
        self._note(message, Action.RECEIVED, cause, visibility_us)

    def remove(
        self, message: Message, action: int, cause: int, request: int = 0, batch: int = 0
    ) -> bool:
        """A message's end; False (and nothing happens) where it has had one already.

        :meth:`settle` is due after the last of several.
        """
        if message.store is not self:
            return False
        until = message.visible_at
        self._drop(message)
        self._note(message, action, cause, 0, request, batch)
        if self.faults and action == Action.DELETED and cause not in _CLEARED:
            self._keep_copy(message, until, request)
        return True

    def _keep_copy(self, message: Message, until: int, request: int) -> None:
        """``lab.faults``: a copy of a deleted message is left, and hidden for as long as that would be.

        So it may happen on AWS (SQS developer guide, at-least-once delivery).
        """
        if not message.receive_count:
            return
        struck = [mishap for mishap in self.faults if mishap.doubles(message.number)]
        if struck:
            struck[0].strike(request, message.number)
            self._scheduler.at(self._scheduler.now, self._come_back, (message, until))

    def _come_back(self, copy: tuple[Message, int]) -> None:
        message, until = copy
        self.put(message, Cause.DUPLICATE, 0, max(0, until - self._scheduler.now))

    def settle(self) -> None:
        """Messages have ended: look after the timer, and let in who waited for room."""
        self._rearm()
        if self._choked and self.in_flight < self._in_flight_most:
            self._choked = False
            self._wake()

    def blame(self, message: Message, receive: int, cause: int, request: int, batch: int) -> None:
        """Note what became of a message in flight, to be told when it becomes visible again.

        ``receive`` is the receive count it was taken with: nothing is noted about an older receive.
        """
        held = message.store is self and message.standing == IN_FLIGHT
        if held and message.receive_count == receive:
            message.fate, message.request, message.batch = cause, request, batch

    def change_visibility(self, message: Message, timeout_us: int) -> None:
        """Another visibility timeout for a message in flight, from now on."""
        message.fate = Cause.VISIBILITY_CHANGED
        if timeout_us:
            self._hide(message, self._scheduler.now + timeout_us)
        else:
            message.visible_at = self._scheduler.now
            self._return(message)
        self._rearm()
        self._wake()

    def purge(self) -> int:
        """Every message ends; returns how many there were."""
        gone = list(self.messages.values())
        for message in gone:
            self.remove(message, Action.DELETED, Cause.PURGED)
        self._ready.clear()
        self.settle()
        return len(gone)

    # ------------------------------------------------------------------ consumers

    def attach(self, consumer: Consumer) -> None:
        """A consumer polls this queue from now on."""
        self.consumers.append(consumer)
        self.rewatch()

    def detach(self, consumer: Consumer) -> None:
        """A consumer polls it no more."""
        self.consumers.remove(consumer)
        self.rewatch()

    def rewatch(self) -> None:
        """A consumer came, or was enabled or disabled: whether the timer keeps a run alive."""
        self._disarm()
        self._kept = any(consumer.enabled for consumer in self.consumers)
        self._rearm()

    def _wake(self) -> None:
        """The consumers take turns in being the first to poll."""
        consumers = self.consumers
        if self.visible:
            for consumer in consumers:
                consumer.wake()
            if len(consumers) > 1:
                consumers.append(consumers.pop(0))

    # ------------------------------------------------------------------ visible and invisible

    def _show(self, message: Message) -> None:
        message.standing, message.visible_at = VISIBLE, -1
        self.visible += 1
        self._ready.append(message)

    def _hide(self, message: Message, until: int) -> None:
        message.visible_at = until
        self._sequence += 1
        heappush(self._hidden, (until, self._sequence, message))
        if len(self._hidden) > 2 * (self.in_flight + self.delayed) + SLACK:
            self._hidden = [entry for entry in self._hidden if not self._stale(entry)]
            heapify(self._hidden)

    def _stale(self, entry: tuple[int, int, Message]) -> bool:
        """Whether its message is gone, visible, or hidden until another time."""
        return entry[2].visible_at != entry[0] or entry[2].store is not self

    def _return(self, message: Message) -> None:
        """It becomes visible again (or, after its delay, for the first time)."""
        planned = message.visible_at
        if message.standing == DELAYED:
            self.delayed -= 1
        else:
            self.in_flight -= 1
        self._show(message)
        self._note(
            message, Action.RETURNED, message.fate, 0, message.request, message.batch, planned
        )

    def _due(self, _: object) -> None:
        self._timer_at = -1
        now, hidden = self._scheduler.now, self._hidden
        while hidden and hidden[0][0] <= now:
            entry = heappop(hidden)
            if not self._stale(entry):
                self._return(entry[2])
        self._rearm()
        self._wake()

    def _rearm(self) -> None:
        """The timer goes off when the next message becomes visible."""
        hidden = self._hidden
        while hidden and self._stale(hidden[0]):
            heappop(hidden)
        at = hidden[0][0] if hidden else -1
        if at != self._timer_at:
            self._disarm()
            if at >= 0:
                ask = self._scheduler.at if self._kept else self._scheduler.background
                self._timer, self._timer_at = ask(at, self._due), at

    def _disarm(self) -> None:
        if self._timer_at >= 0:
            cancel = self._scheduler.cancel if self._kept else self._scheduler.cancel_background
            cancel(self._timer)
            self._timer_at = -1

    # ------------------------------------------------------------------ dead letters and retention

    def _is_spent(self, message: Message) -> bool:
        """Whether it has been received here as often as the redrive policy allows."""
        policy = self.redrive
        if policy is None:
            return False
        return message.receive_count - message.received_elsewhere >= policy[0]

    def _dead_letter(self, message: Message) -> None:
        assert self.redrive is not None
        self._drop(message)
        self._note(message, Action.DEAD_LETTERED, Cause.MAX_RECEIVE_COUNT)
        message.received_elsewhere = message.receive_count
        message.dead_letter_source = self.arn
        self._readdress(message)
        self.redrive[1].put(message, Cause.DEAD_LETTER)

    def _readdress(self, message: Message) -> None:
        """What else changes about a message on its way to the dead-letter queue: nothing."""

    def reschedule_retention(self) -> None:
        """The retention period has changed."""
        if self._expires_at >= 0:
            self._scheduler.cancel_background(self._expiry)
            self._expires_at = -1
        self._watch_oldest()

    def _watch_age(self, message: Message) -> None:
        heappush(self._ages, (message.sent_at, message.number))
        if len(self._ages) > 2 * len(self.messages) + SLACK:
            self._ages = [(m.sent_at, number) for number, m in self.messages.items()]
            heapify(self._ages)
        due = message.sent_at + self.retention_us
        if self._expires_at < 0 or due < self._expires_at:
            self.reschedule_retention()

    def _watch_oldest(self) -> None:
        ages, messages = self._ages, self.messages
        while ages and ages[0][1] not in messages:
            heappop(ages)
        if ages:
            self._expires_at = max(ages[0][0] + self.retention_us, self._scheduler.now)
            self._expiry = self._scheduler.background(self._expires_at, self._expire)

    def _expire(self, _: object) -> None:
        """Messages that have lain here for the retention period end, in flight or not."""
        self._expires_at = -1
        ages, oldest = self._ages, self._scheduler.now - self.retention_us
        while ages and ages[0][0] <= oldest:
            message = self.messages.get(heappop(ages)[1])
            if message is not None:
                self.remove(message, Action.EXPIRED, Cause.RETENTION)
        self._watch_oldest()
        self.settle()

    # ------------------------------------------------------------------ inside

    def _drop(self, message: Message) -> None:
        del self.messages[message.number]
        if message.standing == VISIBLE:
            self.visible -= 1
        elif message.standing == IN_FLIGHT:
            self.in_flight -= 1
        else:
            self.delayed -= 1
        message.standing, message.visible_at, message.store = GONE, -1, None

    def _note(
        self, message: Message, action: int, cause: int, delay_us: int = 0, request: int = 0,
        batch: int = 0, visible_at: int = -1,
    ) -> None:  # fmt: skip
        now = self._scheduler.now
        self._books.queue_event(
            now, self._code, message.number, action, len(self.messages), now - message.sent_at,
            delay_us, request, batch, cause, self.in_flight, self.delayed, message.receive_count,
            message.visible_at if delay_us else visible_at,
        )  # fmt: skip

    def close(self) -> None:
        """The run is over: nothing of this store happens any more."""
        for message in self.messages.values():
            message.standing, message.store = GONE, None
        self.consumers.clear()


def lying_about(stores: Iterable[tuple[str, Store]]) -> dict[str, int]:
    """How many messages lie where, of the queues that hold any."""
    return {name: store.depth for name, store in stores if store.depth}
