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

With all pollers busy nothing is received until one is free. AWS documents the limits and the first
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
from lambdalab.sources.mappings.pollers import Pollers
from lambdalab.sources.mappings.queue_settings import MappingSettings
from lambdalab.sources.sqs.events import sqs_record
from lambdalab.sources.sqs.messages import Message
from lambdalab.sources.sqs.queue import Queue
from lambdalab.trace.schema import Action, BatchCause, Cause

HandOver = Callable[[Batch, int], None]


class Collector:
    """The receiving half of a mapping in one run; ``hand_over(batch, cause)`` is the other.

    ``settings`` may be replaced at any time: they hold for receives and batches from then on.
    """

    def __init__(
        self,
        queue: Queue,
        target: Target,
        settings: MappingSettings,
        scheduler: Scheduler,
        rules: Rules,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self._queue, self._target = queue, target
        self._scheduler, self._rules, self._clock = scheduler, rules, clock
        self._store = queue.store
        self._receive_most: int = rules.sqs_receive_batch
        self._payload_limit: int = rules.mapping_payload
        self.pollers = Pollers(rules.mapping_pollers_start)
        self._open: Batch | None = None
        self._held: deque[Record] = deque()  # received, and in no batch yet
        self._polling = False
        self.hand_over: HandOver
        self.answered: Callable[[Batch, Call], None]

    @property
    def enabled(self) -> bool:
        """Whether it receives messages."""
        return self.settings.enabled

    def wake(self) -> None:
        """There may be something to do: a message is visible, a poller is free, it was enabled."""
        if self._polling or not (self._held or (self._store.visible and self.settings.enabled)):
            return
        if self._open is not None or self.pollers.lowest is not None:
            self._polling = True
            self._scheduler.at(self._scheduler.now, self._poll)

    def _poll(self, _: object) -> None:
        """Receive and fill batches until nothing is visible or nobody can take it."""
        self._polling = False
        while (batch := self._batch()) is not None and self._bring(batch):
            self._fill(batch)

    def _batch(self) -> Batch | None:
        """The open batch, or an empty one of the idle poller with the lowest number."""
        if self._open is not None:
            return self._open
        poller = self.pollers.lowest
        if poller is None:
            return None
        return Batch(poller, self.settings.batch_size, self._payload_limit, self.answered)

    def _bring(self, batch: Batch) -> bool:
        """Receive, unless records are waiting already; whether there are any now."""
        held = self._held
        while held and not held[0].is_held:  # visible again meanwhile: another receive's
            held.popleft()
        most = min(self._receive_most, batch.room)
        while not held and self.settings.enabled and self._store.visible:
            messages = self._store.take(most, self.visibility_us(), Cause.POLLED)
            if not messages:
                break
            passed = self._passed(messages)
            held.extend(Record(message, self._json(message)) for message in passed)
            if held or self._open is batch:
                batch.filtered += len(messages) - len(passed)
        return bool(held)

    def _passed(self, messages: list[Message]) -> list[Message]:
        """Those that a filter matches; the others leave the queue."""
        criteria = self.settings.filter_criteria
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
        while held and (not held[0].is_held or batch.takes(held[0])):
            record = held.popleft()
            if record.is_held:  # not visible again meanwhile, nor gone
                batch.add(record)
        if not batch.room:
            self._close(batch, BatchCause.BATCH_SIZE)
        elif held:
            self._close(batch, BatchCause.PAYLOAD_SIZE)
        elif not batch.timer:
            self._close(batch, BatchCause.NO_WINDOW)

    def _begin(self, batch: Batch) -> None:
        """The batch's first record has come: its poller is taken and its window runs."""
        now, window_us = self._scheduler.now, self.settings.maximum_batching_window * US
        poller = self.pollers.take()
        self._open = batch
        batch.opened_at = now
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
        self._close(batch, BatchCause.BATCHING_WINDOW)

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
        and 30 s more (dg/with-sqs).
        """
        queue_us = self._queue.settings.visibility_timeout * US
        window_us = self.settings.maximum_batching_window * US
        needed = window_us + self._target.timeout * US
        if window_us and needed > queue_us:
            return needed + int(self._rules.mapping_visibility_margin) * US
        return queue_us

    def _json(self, message: Message) -> bytes:
        milliseconds = self._clock.epoch_us
        return sqs_record(
            message_id=message.message_id,
            receipt_handle=message.receipt_handle,
            body=message.body,
            attributes=message.attributes,
            arn=self._queue.arn,
            receive_count=message.receive_count,
            sent_ms=milliseconds(message.sent_at) // 1000,
            first_received_ms=milliseconds(message.first_received_at) // 1000,
            dead_letter_source=message.dead_letter_source,
            trace_header=message.trace_header,
        )

    def free(self, batch: Batch) -> None:
        """A batch is over: its poller can have the next."""
        self.pollers.give_back(batch.poller, self._scheduler.now)
        self.wake()
