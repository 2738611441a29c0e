"""A lane of a shard: it gathers records into batches, and has one batch at a time under way.

A shard has ``parallelization_factor`` lanes; a partition key always goes to the same one. A batch closes
with whichever comes first, as in :mod:`.collector`: ``batch_size``, ``payload_size`` (6 MB of JSON),
``batching_window`` (which begins when the lane's previous batch was done, or with the first record), or
``no_window``. What is done with it then is told in :mod:`.work`.

Sources: event-source-mappings.md 2 and 4 of the reference.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from lambdalab.kernel.clock import US
from lambdalab.sources.mappings.event import EMPTY_PAYLOAD, SEPARATOR
from lambdalab.sources.mappings.ledger import Item
from lambdalab.sources.mappings.work import Piece, Work, Workplace
from lambdalab.trace.schema import BatchCause


class Lane:
    """One lane. ``number`` counts from 1 in its shard; ``idle`` is called when a batch is done."""

    def __init__(
        self, number: int, shard_name: int, place: Workplace, idle: Callable[[], None]
    ) -> None:
        self.number = number
        self._place, self._idle = place, idle
        self._scheduler = place.scheduler
        self._payload_limit: int = place.rules.mapping_payload
        self._work = Work(number, shard_name, place, self._done)
        self._waiting: deque[Item] = deque()
        self._open: list[Item] = []
        self._size = EMPTY_PAYLOAD
        self._opened_at = self._window_at = -1
        self._timer = 0
        self._busy = False
        self._completed_at = -1

    @property
    def empty(self) -> bool:
        """Whether nothing is here: no record waits, none is under way."""
        return not (self._busy or self._open or self._waiting)

    @property
    def wants(self) -> bool:
        """Whether its next batch could take more records than there are."""
        there = len(self._open) + len(self._waiting)
        return not self._busy and there < self._place.settings.batch_size

    def offer(self, items: Sequence[Item]) -> None:
        """Records have been read."""
        self._waiting.extend(items)
        self._fill()

    def _fill(self) -> None:
        """Records join the open batch; close it if that is due."""
        if self._busy or not self._waiting:
            return
        if not self._open:
            self._begin()
        waiting, batch = self._waiting, self._open
        most = self._place.settings.batch_size
        while waiting and len(batch) < most and self._fits(waiting[0]):
            item = waiting.popleft()
            self._size += len(item.json) + (SEPARATOR if batch else 0)
            batch.append(item)
        if len(batch) >= most:
            self._close(BatchCause.BATCH_SIZE)
        elif waiting:
            self._close(BatchCause.PAYLOAD_SIZE)
        elif not self._timer:
            self._close(BatchCause.NO_WINDOW)

    def _fits(self, item: Item) -> bool:
        """One record alone always does."""
        return not self._open or self._size + SEPARATOR + len(item.json) <= self._payload_limit

    def _begin(self) -> None:
        now = self._scheduler.now
        window_us = self._place.settings.maximum_batching_window * US
        self._size, self._opened_at, self._window_at = EMPTY_PAYLOAD, now, -1
        if window_us:
            self._window_at = now
            if self._completed_at >= 0 and self._completed_at + window_us > now:
                self._window_at = self._completed_at
            self._timer = self._scheduler.at(self._window_at + window_us, self._window_over)

    def _window_over(self, _: object) -> None:
        self._timer = 0
        self._close(BatchCause.BATCHING_WINDOW)

    def _close(self, cause: int) -> None:
        if self._timer:
            self._scheduler.cancel(self._timer)
            self._timer = 0
        self._busy = True
        items, self._open = self._open, []
        self._work.begin(Piece(items, cause, self._opened_at, self._window_at))

    def _done(self) -> None:
        """The batch is done with, and whatever it was split into."""
        self._busy, self._completed_at = False, self._scheduler.now
        self._fill()
        self._idle()
