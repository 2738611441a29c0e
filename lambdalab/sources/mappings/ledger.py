"""What the books hear of the records that a mapping has read from a stream.

A stream keeps its records whatever becomes of them, and several mappings may read it; so each mapping has
a queue of its own in the books, ``"<mapping> (records)"``, as a function has one for its events. A record
is *sent* there when a poller has read it, *received* with each batch it is in, *returned* when it is to be
tried once more; and it ends once: *deleted* (dealt with), *filtered* (no filter matched), *dropped* (given
up) or *expired* (its stream let it go first). A failure record that goes to a destination is *delivered*,
one row for all that it tells of. The depth is what the mapping has read and not yet done with.

A record that its stream lets go before any poller has read it is lost to the mapping: it is *sent* and
*expired* at that moment, for both the cause is ``retention``, and it was received 0 times.

The age of a row is the record's: at *received* its iterator age as today's guide has it (when the batch
is sent: dg/monitoring-metrics-types), at *deleted* as the older one has it (when the function has
finished: dg-old/with-kinesis).
"""

from __future__ import annotations

from collections.abc import Iterable

from lambdalab.kernel.scheduler import Scheduler
from lambdalab.sources.streams.shard import StreamRecord
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import Action, Cause, QueueKind


class Item:
    """A record as a mapping has it: its JSON in the event, and how often it was handed over."""

    __slots__ = ("json", "record", "tries", "under_way")

    def __init__(self, record: StreamRecord, json: bytes) -> None:
        self.record, self.json = record, json
        self.tries = 0
        self.under_way = False


class Ledger:
    """The queue of one mapping in the books."""

    def __init__(self, mapping: str, scheduler: Scheduler, books: Recorder) -> None:
        self._scheduler, self._books = scheduler, books
        self.code = books.queue(f"{mapping} (records)", QueueKind.STREAM)
        self.in_flight = 0
        self._here: dict[Item, None] = {}

    @property
    def depth(self) -> int:
        """How many records the mapping has read and is not done with."""
        return len(self._here)

    def read(self, item: Item) -> None:
        """A poller has read a record."""
        self._here[item] = None
        self._note(item, Action.SENT, Cause.POLLED)

    def missed(self, record: StreamRecord) -> None:
        """The stream lets a record go that no poller has read."""
        item = Item(record, b"")
        self._here[item] = None
        self._note(item, Action.SENT, Cause.RETENTION)
        self.end([item], Action.EXPIRED, Cause.RETENTION)

    def delivered(self, item: Item, cause: int, request: int, batch: int) -> None:
        """A record of the failure of this record, and of those that follow it, goes to a destination."""
        self._note(item, Action.DELIVERED, cause, request, batch)

    def hand_over(self, items: Iterable[Item], batch: int) -> None:
        """The records of a batch go to the function."""
        for item in items:
            item.tries += 1
            item.under_way = True
            self.in_flight += 1
            self._note(item, Action.RECEIVED, Cause.EVENT_SOURCE_MAPPING, 0, batch)

    def back(self, items: Iterable[Item], cause: int, request: int, batch: int) -> None:
        """They are to be tried once more, now."""
        for item in items:
            self._down(item)
            self._note(item, Action.RETURNED, cause, request, batch, self._scheduler.now)

    def end(
        self, items: Iterable[Item], action: int, cause: int, request: int = 0, batch: int = 0
    ) -> None:
        """Their end, of whatever kind."""
        for item in items:
            self._down(item)
            del self._here[item]
            self._note(item, action, cause, request, batch)

    def close(self) -> None:
        """The mapping is gone: what it has read and was not done with is no more its business."""
        self.end(list(self._here), Action.DROPPED, Cause.MAPPING_DELETED)

    def _down(self, item: Item) -> None:
        self.in_flight -= item.under_way
        item.under_way = False

    def _note(
        self, item: Item, action: int, cause: int, request: int = 0, batch: int = 0,
        visible_at: int = -1,
    ) -> None:  # fmt: skip
        now, record = self._scheduler.now, item.record
        self._books.queue_event(
            now, self.code, record.number, action, self.depth, now - record.arrived_at, 0, request,
            batch, cause, self.in_flight, 0, item.tries, visible_at,
        )  # fmt: skip
