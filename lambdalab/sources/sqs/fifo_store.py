"""The messages of one FIFO queue: in order within each message group.

* A message that arrives gets the next place in the queue. While one of its group is in flight, none
  of the group is handed out; one receive may bring several of them, in order. What comes back takes
  its old place, so the group begins again with it.
* A receive takes as many as it can of the group whose first message is the oldest, then of the next.
* What leaves a group for good, in whatever way, lets the group go on: done with, deleted, expired, or
  moved to the dead-letter queue, where its time of sending starts anew (in a standard queue it does
  not).
* A deduplication id is remembered for five minutes, whatever becomes of the message. One that comes
  again is accepted and answered as the first, and is not put in the queue: in the books it is sent,
  and dropped with the cause ``deduplicated`` at the same moment, under a number of its own.
* The queue's delay holds for every arrival, and a new delay for what is delayed already.

Sources: SQS developer guide, FIFO delivery logic, exactly-once processing, dead-letter queue retention
and redrive, delay queues; repost.aws/knowledge-center/sqs-fifo-messages-not-returned. Which of the
available groups comes first is undocumented. Not simulated: that SQS looks for available groups among
its first 120,000 messages only, and the limits of API calls a second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heapify, heappop, heappush

from lambdalab.kernel.scheduler import Scheduler
from lambdalab.sources.sqs.groups import FifoMessage, Group
from lambdalab.sources.sqs.messages import DELAYED, IN_FLIGHT, VISIBLE, Message
from lambdalab.sources.sqs.store import SLACK, Store
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import Action, Cause


class FifoStore(Store):
    """The messages of one FIFO queue in one run.

    ``visible`` counts what can be received now; ``blocked`` what waits behind messages of its group
    that are in flight. ``single_group_polls``: a poll of a mapping brings one group's messages only,
    as it did before batches could hold several groups.
    """

    __slots__ = (
        "_available", "_deduplicated", "_delay_us", "_groups", "_interval_us", "_last", "_recent",
        "_remembered", "_single_group_polls",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        arn: str,
        scheduler: Scheduler,
        books: Recorder,
        in_flight_most: int,
        deduplication_interval_us: int,
        *,
        single_group_polls: bool,
    ) -> None:
        super().__init__(name, arn, scheduler, books, in_flight_most)
        self._interval_us = deduplication_interval_us
        self._single_group_polls = single_group_polls
        self._delay_us = 0
        self._last = 0  # the place of the latest arrival
        self._groups: dict[str, Group] = {}
        self._available: list[tuple[int, str]] = []  # a heap: the first place in a group, its name
        self._recent: dict[str, FifoMessage] = {}  # by what it is recognised by
        self._remembered: deque[tuple[int, str]] = deque()  # until when, by what

    @property
    def blocked(self) -> int:
        """How many wait behind others of their group."""
        return len(self.messages) - self.visible - self.delayed - self.in_flight

    def blocks(self, group: str) -> bool:
        """Whether nothing of a group can be received now, for a message of it is in flight."""
        known = self._groups.get(group)
        return known is not None and known.in_flight > 0

    # ------------------------------------------------------------------ coming

    def put(self, message: Message, cause: int, request: int = 0, delay_us: int = 0) -> None:
        """A message arrives, after all others. It waits for the queue's delay, whatever it is."""
        assert isinstance(message, FifoMessage)
        self._last += 1
        message.sequence = self._last
        super().put(message, cause, request, self._delay_us)

    def known(self, key: str) -> FifoMessage | None:
        """The message that was sent with this deduplication id in the last five minutes."""
        remembered, now = self._remembered, self._scheduler.now
        while remembered and remembered[0][0] <= now:
            del self._recent[remembered.popleft()[1]]
        return self._recent.get(key)

    def remember(self, key: str, message: FifoMessage) -> None:
        """Recognise the message by ``key``, which :meth:`known` does not know, from now on."""
        self._recent[key] = message
        self._remembered.append((self._scheduler.now + self._interval_us, key))

    def pass_over(self, message: FifoMessage, request: int) -> None:
        """A message that is known already came once more: it is accepted, and goes nowhere."""
        self.messages[message.number] = message
        self._note(message, Action.SENT, Cause.MESSAGE_SENT, 0, request)
        del self.messages[message.number]
        self._note(message, Action.DROPPED, Cause.DEDUPLICATED, 0, request)

    def delay_by(self, delay_us: int) -> None:
        """The queue has another delay: for what is delayed already, too."""
        if delay_us == self._delay_us:
            return
        self._delay_us = delay_us
        now = self._scheduler.now
        for message in self.messages.values():
            if message.standing == DELAYED:
                self._hide(message, max(now, message.sent_at + delay_us))
        self._rearm()

    # ------------------------------------------------------------------ being received

    def take(
        self,
        most: int,
        visibility_us: int,
        cause: int,
        fits: Callable[[Message], bool] | None = None,
    ) -> list[Message]:
        """Receive up to ``most`` messages; each stays invisible for ``visibility_us``.

        ``fits`` is asked about each; the first that does not fit ends the receive.
        """
        room = self._in_flight_most - self.in_flight
        if room < most:
            self._choked, most = True, room
        taken: list[Message] = []
        single = self._single_group_polls and cause == Cause.POLLED
        more = True
        while more and len(taken) < most and not (taken and single):
            group = self._next_group()
            if group is None:
                break
            more = self._take_from(group, most, visibility_us, cause, taken, fits)
        self._rearm()
        return taken

    def _next_group(self) -> Group | None:
        """The group that can be received from and whose first message is the oldest."""
        available = self._available
        while available:
            place, name = heappop(available)
            group = self._groups.get(name)
            if group is None or group.in_flight or not group.visible:
                continue
            ready = group.ready
            while self._has_left(ready[0]):
                heappop(ready)
            if ready[0][0] == place:
                return group
            heappush(available, (ready[0][0], name))
        return None

    def _take_from(
        self, group: Group, most: int, visibility_us: int, cause: int, taken: list[Message],
        fits: Callable[[Message], bool] | None,
    ) -> bool:  # fmt: skip
        """Receive of one group; False where the receive is over, for a message does not fit."""
        while group.ready and len(taken) < most:
            entry = heappop(group.ready)
            if self._has_left(entry):
                continue
            message = entry[1]
            if self._is_spent(message):
                self._dead_letter(message)
                continue
            if fits is not None and not fits(message):
                heappush(group.ready, entry)
                if not group.in_flight:
                    self._offer(group)
                return False
            if not group.in_flight:  # from now on nobody gets any of the group
                self.visible -= group.visible
            group.visible -= 1
            group.in_flight += 1
            self._hand_out(message, visibility_us, cause)
            taken.append(message)
        return True

    def _has_left(self, entry: tuple[int, FifoMessage]) -> bool:
        place, message = entry
        return message.store is not self or message.sequence != place or message.standing != VISIBLE

    def settle(self) -> None:
        """Messages have ended: their groups may go on."""
        super().settle()
        self._wake()

    # ------------------------------------------------------------------ visible and invisible

    def _show(self, message: Message) -> None:
        assert isinstance(message, FifoMessage)
        message.standing, message.visible_at = VISIBLE, -1
        group = self._groups.get(message.group)
        if group is None:
            group = self._groups[message.group] = Group(message.group)
        heappush(group.ready, (message.sequence, message))
        group.visible += 1
        if not group.in_flight:
            self.visible += 1
            if group.ready[0][1] is message:
                self._offer(group)

    def _offer(self, group: Group) -> None:
        """The group can be received from, by the place of its first message."""
        available = self._available
        heappush(available, (group.ready[0][0], group.name))
        if len(available) > 2 * len(self._groups) + SLACK:
            groups = self._groups.values()
            self._available = [(g.ready[0][0], g.name) for g in groups if g.ready]
            heapify(self._available)

    def _return(self, message: Message) -> None:
        held = message.standing == IN_FLIGHT
        super()._return(message)
        if held:
            assert isinstance(message, FifoMessage)
            self._let_go(self._groups[message.group])

    def _let_go(self, group: Group) -> None:
        """A message of the group is in flight no more."""
        group.in_flight -= 1
        if group.in_flight:
            return
        if group.visible:
            self.visible += group.visible
            self._offer(group)
        else:
            del self._groups[group.name]

    def _drop(self, message: Message) -> None:
        assert isinstance(message, FifoMessage)
        standing = message.standing
        super()._drop(message)
        if standing == IN_FLIGHT:
            self._let_go(self._groups[message.group])
        elif standing == VISIBLE:
            group = self._groups[message.group]
            group.visible -= 1
            if group.in_flight:
                self.visible += 1  # it had not been counted
            elif not group.visible:
                del self._groups[group.name]

    # ------------------------------------------------------------------ ends

    def _readdress(self, message: Message) -> None:
        """In the dead-letter queue it is a message sent now, and known by its message id."""
        assert isinstance(message, FifoMessage)
        message.sent_at = self._scheduler.now
        message.deduplication = message.message_id

    def _keep_copy(self, message: Message, until: int, request: int) -> None:
        """No copies: a FIFO queue introduces none (SQS developer guide, exactly-once processing)."""
