"""What the books hear of the records that a mapping has read from a stream.

A stream keeps its records whatever becomes of them, and several mappings may read it; so each mapping has
a queue of its own in the books, ``"<mapping> (records)"``, as a function has one for its events. A record
is *sent* there when a poller has read it, *received* with each batch it is in, *returned* when it is to be
tried once more; and it ends once: *deleted* (dealt with), *dropped* (given up) or *expired* (its stream
let it go first). The depth is what the mapping has read and not yet done with; the age of a row is the
record's, which at *received* is the iterator age.
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
    """The queue of one mapping in the books. ``depth`` is what it has read and not done with."""

    def __init__(self, mapping: str, scheduler: Scheduler, books: Recorder) -> None:
        self._scheduler, self._books = scheduler, books
        self.code = books.queue(f"{mapping} (records)", QueueKind.STREAM)
        self.depth = self.in_flight = 0

    def read(self, item: Item) -> None:
        """A poller has read a record."""
        self.depth += 1
        self._note(item, Action.SENT, Cause.POLLED)

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
            self.depth -= 1
            self._note(item, action, cause, request, batch)

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
