"""Polling a queue and filling batches: when a batch opens, what joins it, and why it closes.

Pollers long-poll: a message that becomes visible is received at once when a poller is idle. All
receives (of at most ten messages, and never more than the batch still takes) fill the mapping's one
open batch. It belongs to the poller that was the idle one with the lowest number when its first
record joined, and closes with whichever comes first:

* ``batch_size``: it holds as many records as the mapping allows;
* ``payload_size``: the next record would push the event, metadata included, over 6 MB; that record
  opens the next batch;
* ``batching_window``: the window is over. It begins when that poller's previous invocation completed;
  if it ends empty, or the poller has never invoked, with the next record received;
* ``no_window``: without a window, whatever one receive brought is handed over at once.

With filters, what none matches leaves the queue as soon as it is received (dg/invocation-eventfiltering),
before batches are filled: it takes no place in one, and a receive that brings nothing else opens none
(whether AWS fills a batch up after filtering is undocumented).

With all pollers busy nothing is received until one is free: that is a backlog, by which :mod:`.scaling`
adds pollers. Provisioned pollers receive at the pace of :class:`.Pace`.

A poller that has received something begins its next long poll at once. With the rule
``mapping_long_poll`` a batch whose window, shorter than that, is over and which is not full waits for
it: for the next message, which joins, or until that many seconds have passed since the last receive
(dg/with-sqs, note on batching windows); but the function's timeout is left of the messages' visibility
timeout. Its cause is ``long_poll``. On a busy queue the next message is not far.

AWS documents the limits and the first
half of the window rule (dg/invocation-eventsourcemapping, dg/services-sqs-configure); one open batch
for all receives, the lowest idle poller and the second half are our reading.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson

from lambdalab.functions.call import Call
from lambdalab.functions.target import Target
from lambdalab.kernel.clock import US, Clock
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.sources.mappings.batch import Batch, Record
from lambdalab.sources.mappings.fifo_rules import Fit
from lambdalab.sources.mappings.provisioned_pollers import Pace
from lambdalab.sources.mappings.queue_settings import MappingSettings
from lambdalab.sources.mappings.scaling import Scaling
from lambdalab.sources.sqs.events import sqs_record
from lambdalab.sources.sqs.fifo_store import FifoStore
from lambdalab.sources.sqs.messages import Message, size_of
from lambdalab.sources.sqs.queue import Queue
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import Action, BatchCause, Cause

HandOver = Callable[[Batch, int], None]
_LEAST_US = 1_000


class Collector:
    """The receiving half of a mapping in one run; ``hand_over(batch, cause)`` is the other.

    ``mapping`` is the mapping's name. ``settings`` and ``target`` may be replaced at any time: they hold
    for receives and batches from then on.
    """

    def __init__(
        self,
        mapping: str,
        queue: Queue,
        target: Target,
        settings: MappingSettings,
        scheduler: Scheduler,
        books: Recorder,
        rules: Rules,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._queue, self.target = queue, target
        self._scheduler, self._rules = scheduler, rules
        self._store = queue.store
        self._receive_most: int = rules.sqs_receive_batch
        self._payload_limit: int = rules.mapping_payload
        self._long_poll_us: int = round(rules.mapping_long_poll * US)
        self._epoch_us = clock.epoch_us(0)
        self.scaling = Scaling(
            books.name(mapping), settings, scheduler, books, rules, self.wake, self._something_waits
        )
        self.pollers = self.scaling.pollers
        self._pace: Pace | None = None
        self._pause = 0  # until provisioned pollers may poll again; 0: they may
        self._open: Batch | None = None
        self._held: deque[Record] = deque()  # received, and in no batch yet
        self._received_at = -1
        self._fit: Fit | None = None  # of the latest receive of a FIFO queue
        self._polling = False
        self._set_pace()
        self.hand_over: HandOver
        self.answered: Callable[[Batch, Call], None]
        self.polled: Callable[[], None]  # disabled, it has done what it received for

    @property
    def settings(self) -> MappingSettings:
        """What holds for receives and batches from now on."""
        return self._settings

    @settings.setter
    def settings(self, settings: MappingSettings) -> None:
        self._settings = settings
        self.scaling.configure(settings)
        self._set_pace()

    def _set_pace(self) -> None:
        """Provisioned pollers have a pace; it begins anew when there were none."""
        if self._settings.provisioned_poller_config is None:
            self._pace, self._pause = None, 0
        elif self._pace is None:
            self._pace = Pace(self._rules)

    @property
    def enabled(self) -> bool:
        """Whether it receives messages."""
        return self._settings.enabled

    @property
    def idle(self) -> bool:
        """Whether nothing it has received is still under way."""
        return self._open is None and not self._held and not self.pollers.busy

    def wake(self) -> None:
        """There may be something to do: a message is visible, a poller is free, it was enabled."""
        if self._polling or not self._something_waits():
            return
        if self._open is not None or self.pollers.lowest is not None:
            self._polling = True
            self._scheduler.at(self._scheduler.now, self._poll)
        elif not self.scaling.backlog:
            self.scaling.begin_backlog()

    def _something_waits(self) -> bool:
        """Whether a message is there that a poller with room would take."""
        held = self._held
        while held and not held[0].is_held:  # visible again meanwhile: another receive's
            held.popleft()
        return bool(held or (self._store.visible and self._settings.enabled))

    def _poll(self, _: object) -> None:
        """Receive and fill batches until nothing is visible or nobody can take it."""
        self._polling = False
        while (batch := self._batch()) is not None and self._bring(batch):
            self._fill(batch)
        if not self._something_waits() or (batch is not None and not self._pause):
            self.scaling.backlog = False
        elif not self.scaling.backlog:
            self.scaling.begin_backlog()
        if not self._settings.enabled:
            self.polled()

    def _batch(self) -> Batch | None:
        """The open batch, or an empty one of the idle poller with the lowest number."""
        if self._open is not None:
            return self._open
        poller = self.pollers.lowest
        if poller is None:
            return None
        return Batch(poller, self._settings.batch_size, self._payload_limit, self.answered)

    def _bring(self, batch: Batch) -> bool:
        """Receive, unless records are waiting already; whether there are any now."""
        held = self._held
        while held and not held[0].is_held:  # visible again meanwhile: another receive's
            held.popleft()
        most = min(self._receive_most, batch.room)
        while not held and self._settings.enabled and self._store.visible:
            if self._pace is not None and self._must_pause(self._pace):
                break
            messages = self._receive(most)
            if not messages:
                break
            self._received_at = self._scheduler.now
            if self._pace is not None:
                self._pace.polled(self._received_at, sum(map(_size, messages)))
            passed = self._passed(messages)
            held.extend([Record(message, self._json(message)) for message in passed])
            if held or self._open is batch:
                batch.filtered += len(messages) - len(passed)
            if batch.overdue and not held:  # the long poll has ended, with nothing for the batch
                self._close(batch, BatchCause.LONG_POLL)
                self.wake()  # what else is visible is another poller's
                break
        return bool(held)

    def _receive(self, most: int) -> list[Message]:
        """One receive; of a FIFO queue it brings no more than one batch can hold."""
        store, visibility_us = self._store, self.visibility_us()
        if not isinstance(store, FifoStore):
            return store.take(most, visibility_us, Cause.POLLED)
        self._fit = Fit(self._payload_limit, self._json)
        return store.take(most, visibility_us, Cause.POLLED, self._fit)

    def _must_pause(self, pace: Pace) -> bool:
        """Whether no provisioned poller may poll yet; then there is another look when one may."""
        now = self._scheduler.now
        pace.resize(self.pollers.number, now)
        if pace.free_at <= now:
            self._pause = 0
            return False
        if self._pause != pace.free_at:
            self._pause = pace.free_at
            self._scheduler.at(self._pause, self._go_on, self._pause)
        return True

    def _go_on(self, pause: int) -> None:
        if pause == self._pause:
            self._pause = 0
            self.wake()

    def _passed(self, messages: list[Message]) -> list[Message]:
        """Those that a filter matches; the others leave the queue."""
        criteria = self._settings.filter_criteria
        if criteria is None:
            return messages
        passed = []
        for message in messages:
            if criteria.admits(message.body, partial(self._record, message)):
                passed.append(message)
            else:
                self._store.remove(message, Action.FILTERED, Cause.FILTER_MISMATCH)
        if len(passed) < len(messages):
            self._store.settle()
        return passed

    def _record(self, message: Message) -> dict[str, Any]:
        """A message as a record of an event, as filters see it."""
        record: dict[str, Any] = orjson.loads(self._json(message))
        return record

    def _fill(self, batch: Batch) -> None:
        """Records join the batch; close it if that is due."""
        held = self._held
        if self._open is None:
            self._begin(batch)
        while held:
            record = held[0]
            if record.is_held and not batch.add(record):  # else visible again meanwhile, or gone
                break
            held.popleft()
        if not batch.room:
            self._close(batch, BatchCause.BATCH_SIZE)
        elif held or (self._fit is not None and self._fit.full):
            self._close(batch, BatchCause.PAYLOAD_SIZE)
        elif batch.overdue:
            self._close(batch, BatchCause.LONG_POLL)
        elif not batch.timer:
            self._close(batch, BatchCause.NO_WINDOW)

    def _begin(self, batch: Batch) -> None:
        """The batch's first record has come: its poller is taken and its window runs."""
        now, window_us = self._scheduler.now, self._settings.maximum_batching_window * US
        poller = self.pollers.take()
        self._open = batch
        batch.opened_at, batch.window_us = now, window_us
        if window_us:
            batch.window_opened_at = now
            completed_at = poller.completed_at
            if completed_at >= 0 and completed_at + window_us > now:
                batch.window_opened_at = completed_at
            batch.timer = self._scheduler.at(
                batch.window_opened_at + window_us, self._window_over, batch
            )

    def _window_over(self, batch: Batch) -> None:
        batch.timer = 0
        until = self._long_poll_until(batch)
        if until > self._scheduler.now:
            batch.overdue = True
            batch.timer = self._scheduler.at(until, self._long_poll_over, batch)
        else:
            self._close(batch, BatchCause.BATCHING_WINDOW)

    def _long_poll_until(self, batch: Batch) -> int:
        """When the long poll under way ends at the latest, if a batch waits for that; else 0."""
        longest_us = self._long_poll_us
        if not self._settings.enabled or batch.window_us >= longest_us:
            return 0
        return min(self._received_at + longest_us, batch.deadline - self.target.timeout * US)

    def _long_poll_over(self, batch: Batch) -> None:
        batch.timer = 0
        self._close(batch, BatchCause.LONG_POLL)

    def _close(self, batch: Batch, cause: int) -> None:
        if batch.timer:
            self._scheduler.cancel(batch.timer)
            batch.timer = 0
        self._open = None
        batch.close()
        self.hand_over(batch, cause)

    def visibility_us(self) -> int:
        """For how long a received message is invisible.

        The queue's timeout; where a window and the function's timeout would pass it, both together
        and 30 s more (dg/with-sqs). A timeout of 0 (a queue may be given one after the mapping was made)
        is a millisecond: nothing is received twice in one instant.
        """
        queue_us = self._queue.settings.visibility_timeout * US
        window_us = self._settings.maximum_batching_window * US
        needed = window_us + self.target.timeout * US
        if window_us and needed > queue_us:
            return needed + int(self._rules.mapping_visibility_margin) * US
        return max(queue_us, _LEAST_US)

    def _json(self, message: Message) -> bytes:
        epoch_us = self._epoch_us
        return sqs_record(
            message_id=message.message_id,
            receipt_handle=message.receipt_handle,
            body=message.body,
            attributes=message.attributes,
            arn=self._queue.arn,
            receive_count=message.receive_count,
            sent_ms=(epoch_us + message.sent_at) // 1000,
            first_received_ms=(epoch_us + message.first_received_at) // 1000,
            dead_letter_source=message.dead_letter_source,
            trace_header=message.trace_header,
            fifo=message.fifo,
        )

    def free(self, batch: Batch) -> None:
        """A batch is over: its poller can have the next."""
        self.pollers.give_back(batch.poller, self._scheduler.now)
        if not self.pollers.busy:
            self.scaling.rests()
        self.wake()


def _size(message: Message) -> int:
    """Bytes that count for what provisioned pollers let through."""
    return size_of(message.body, message.attributes)
