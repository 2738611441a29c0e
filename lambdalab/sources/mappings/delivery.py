"""Handing batches to the function, and settling what becomes of their messages.

* The function is invoked synchronously, so that it takes part in concurrency like any caller's call.
* Success deletes every message, failure leaves them invisible until their visibility timeout is over.
* ``ReportBatchItemFailures``: the messages the function names stay, the others are deleted.
* A throttled batch is kept and tried again, 1, 2, 4 ... s later (the pace is ours, AWS documents none),
  until the first of its messages would become visible; then it is given up.
* So is a batch when the service itself fails (our choice); any other refusal fails it.
* Throttles and failures make the mapping's pollers fewer, success more again (:mod:`.scaling`); with
  ``ReportBatchItemFailures`` failures do not (dg/services-sqs-errorhandling).
* A message is deleted even where it has become visible, or was received again, while the function
  worked; what has ended is not ended again. In a FIFO queue a receive that is over deletes nothing (SQS
  refuses its handle: "The receipt handle has expired").

Sources: dg/services-sqs-errorhandling, dg/with-sqs; event-source-mappings.md 3 of the reference.
"""

from __future__ import annotations

from collections.abc import Callable

from lambdalab.functions.call import Call
from lambdalab.functions.target import Target
from lambdalab.invocation.front_door import FrontDoor, Origin
from lambdalab.kernel.clock import US
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.sources.mappings.batch import Batch, Record
from lambdalab.sources.mappings.queue_settings import MappingSettings
from lambdalab.sources.mappings.responses import failed_items
from lambdalab.sources.mappings.scaling import Scaling
from lambdalab.sources.sqs.queue import Queue
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import (
    Action,
    BatchOutcome,
    Cause,
    InvocationStatus,
    ParentKind,
)

_DOUBLINGS = 30  # more of them would pass any back-off there can be
_LEAST_US = 1_000  # nothing is tried twice in one instant, whatever the rules say


class Delivery:
    """The invoking half of a mapping in one run; ``free(batch)`` is called when a batch is over.

    ``settings`` and ``target`` may be replaced at any time.
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
        front_door: FrontDoor,
        scaling: Scaling,
        free: Callable[[Batch], None],
    ) -> None:
        self.settings = settings
        self._store, self.target = queue.store, target
        self._scheduler, self._books, self._door = scheduler, books, front_door
        self._scaling, self._free = scaling, free
        self._name, self._source = books.name(mapping), books.name(queue.store.name)
        self._backoff_first: float = rules.mapping_throttle_backoff_first
        self._backoff_most: float = rules.mapping_throttle_backoff_maximum
        self._fifo = queue.fifo

    def hand_over(self, batch: Batch, cause: int) -> None:
        """A batch is closed: write it down and invoke the function."""
        books = self._books
        batch.number = books.batch(
            self._name, self._source, 0, batch.poller.number, batch.window_opened_at,
            batch.opened_at, self._scheduler.now, cause, len(batch.records), batch.size,
            batch.filtered, 0,
        )  # fmt: skip
        books.batch_records(batch.number, [record.message.number for record in batch.records])
        self._invoke(batch)

    def _invoke(self, batch: Batch) -> None:
        origin = Origin(
            self._name, Cause.EVENT_SOURCE_MAPPING, ParentKind.BATCH, batch.number, batch.chain
        )
        self._door.request_response(self.target, batch.payload, origin, batch.answered)

    def answered(self, batch: Batch, call: Call) -> None:
        """The answer to an invocation of a batch."""
        batch.request = call.request
        if call.status == InvocationStatus.THROTTLED:
            self._scaling.throttled()
            self._back_off(batch, call.cause)
            return
        if call.error is not None and call.error.status_code >= 500:
            self._back_off(batch, call.cause)
            return
        if call.error is not None or call.failure is not None:
            self._failed(batch)
        elif not self.settings.reports_failures:
            self._succeeded(batch)
        else:
            known = {record.message.message_id: record for record in batch.records}
            named = failed_items(call.response, known)
            if named is None:
                self._failed(batch)
            elif named:
                self._partly(batch, [known[name] for name in named])
            else:
                self._succeeded(batch)

    # ------------------------------------------------------------------ outcomes

    def _succeeded(self, batch: Batch) -> None:
        if self._scaling.troubled:
            self._scaling.succeeded()
        self._delete(batch, batch.records, Cause.BATCH_SUCCEEDED)
        self._done(batch, BatchOutcome.SUCCESS, 0)

    def _failed(self, batch: Batch) -> None:
        if not self.settings.reports_failures:
            self._scaling.failed()
        self._blame(batch, batch.records, Cause.BATCH_FAILED)
        self._done(batch, BatchOutcome.FAILURE, len(batch.records))

    def _partly(self, batch: Batch, failed: list[Record]) -> None:
        """The function has named the records that failed (all of them, it may be)."""
        if self._scaling.troubled:
            self._scaling.succeeded()
        self._blame(batch, failed, Cause.PARTIAL_BATCH_FAILURE)
        stay = set(map(id, failed))
        done = [record for record in batch.records if id(record) not in stay]
        self._delete(batch, done, Cause.PARTIAL_BATCH_FAILURE)
        self._done(batch, BatchOutcome.PARTIAL, len(failed))

    def _delete(self, batch: Batch, records: list[Record], cause: int) -> None:
        remove = self._store.remove
        for record in records:
            if not self._fifo or record.is_held:
                remove(record.message, Action.DELETED, cause, batch.request, batch.number)
        self._store.settle()

    def _blame(self, batch: Batch, records: list[Record], cause: int) -> None:
        blame = self._store.blame
        for record in records:
            blame(record.message, record.receive, cause, batch.request, batch.number)

    def _done(self, batch: Batch, outcome: int, failed_records: int) -> None:
        now = self._scheduler.now
        self._books.batch_done(batch.number, now, batch.request, outcome, failed_records)
        batch.payload = b""
        self._free(batch)

    # ------------------------------------------------------------------ throttled

    def _back_off(self, batch: Batch, cause: int) -> None:
        """Try again later, or let the messages go when there is no later.

        A poller that is throttled at once waits for the first back-off before it receives again, also
        where its messages were not invisible for so long (a timeout of 0).
        """
        now = self._scheduler.now
        seconds = min(self._backoff_first * 2 ** min(batch.tries, _DOUBLINGS), self._backoff_most)
        batch.tries += 1
        at = now + max(round(seconds * US), _LEAST_US)
        if at < batch.deadline:
            self._scheduler.at(at, self._invoke, batch)
            return
        self._blame(batch, batch.records, cause)
        rested = at if batch.tries == 1 else now
        self._scheduler.at(max(batch.deadline, rested), self._give_up, batch)

    def _give_up(self, batch: Batch) -> None:
        self._done(batch, BatchOutcome.THROTTLED, len(batch.records))
