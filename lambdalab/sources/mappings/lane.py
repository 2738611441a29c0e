"""A lane of a shard: it gathers records into batches, and has one batch at a time under way.

A shard has ``parallelization_factor`` lanes; a partition key always goes to the same one. A batch closes
with whichever comes first, as in :mod:`.collector`: ``batch_size``, ``payload_size`` (6 MB of JSON),
``batching_window`` (which begins when the lane's previous batch was done, or with the first record),
``no_window``, or ``tumbling_window`` (:mod:`.tumbling`): a batch holds records of one window only. What is
done with it then is told in :mod:`.work`.

Sources: event-source-mappings.md 2 and 4 of the reference.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from lambdalab.kernel.clock import US
from lambdalab.sources.mappings.event import EMPTY_PAYLOAD, SEPARATOR
from lambdalab.sources.mappings.ledger import Item
from lambdalab.sources.mappings.place import Workplace
from lambdalab.sources.mappings.tumbling import Window
from lambdalab.sources.mappings.work import Piece, Work
from lambdalab.sources.streams.shard import Shard, StreamRecord
from lambdalab.trace.schema import BatchCause


class Lane:
    """One lane of a shard. ``number`` counts from 1; ``idle`` is called when a batch is done.

    ``unread`` gives the shard's first record that was not read yet, or None. ``alone``: the shard has no
    other lane; only then there are tumbling windows, whose state belongs to a whole shard.
    """

    def __init__(
        self, number: int, shard: Shard, place: Workplace, idle: Callable[[], None],
        unread: Callable[[], StreamRecord | None], *, alone: bool = True,
    ) -> None:  # fmt: skip
        self.number, self._alone = number, alone
        self._shard, self._place, self._idle, self._unread = shard, place, idle, unread
        self._scheduler = place.scheduler
        self._payload_limit: int = place.rules.mapping_payload
        self._quiet_us = round(place.rules.stream_tumbling_quiet * US)
        self._work = Work(number, place.books.name(shard.shard_id), place, self._done)
        self._waiting: deque[Item] = deque()
        self._open: list[Item] = []
        self._size = EMPTY_PAYLOAD
        self._opened_at = self._window_at = -1
        self._timer = 0
        self._filtered = 0
        self._busy = self._final = False
        self._completed_at = -1
        self._window: Window | None = None
        self._quiet = 0  # the timer of the window that is open

    @property
    def empty(self) -> bool:
        """Whether nothing is here: no record waits, none is under way, no window is open."""
        return not (self._busy or self._open or self._waiting or self._window)

    @property
    def wants(self) -> bool:
        """Whether its next batch could take more records than there are."""
        there = len(self._open) + len(self._waiting)
        return not self._busy and there < self._place.settings.batch_size

    def offer(self, items: Sequence[Item], filtered: int) -> None:
        """Records have been read; so many more did not pass the filters."""
        self._filtered += filtered
        self._waiting.extend(items)
        self._fill()

    def no_more(self) -> None:
        """No more records come (the shard is over, or is to have other lanes): an open window ends."""
        if self._window is not None and not (self._busy or self._open or self._waiting):
            self._close(BatchCause.TUMBLING_WINDOW, final=True)

    def rest(self) -> None:
        """Wait for nothing any more."""
        for timer in (self._timer, self._quiet):
            if timer:
                self._scheduler.cancel(timer)
        self._timer = self._quiet = 0
        self._work.rest()

    # ------------------------------------------------------------------ batches

    def _fill(self) -> None:
        """Records join the open batch; close it if that is due."""
        if self._busy:
            return
        if self._window_over():
            self._close(BatchCause.TUMBLING_WINDOW, final=True)
        elif self._waiting:
            self._gather()

    def _gather(self) -> None:
        if self._window is None:
            self._begin_window(self._waiting[0].record)
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
        elif self._window_over():
            self._close(BatchCause.TUMBLING_WINDOW, final=True)
        elif waiting:
            self._close(BatchCause.PAYLOAD_SIZE)
        elif not self._timer:
            self._close(BatchCause.NO_WINDOW)

    def _fits(self, item: Item) -> bool:
        """Of its window, one record alone always does."""
        if self._window is not None and not self._window.holds(item.record):
            return False
        return not self._open or self._size + SEPARATOR + len(item.json) <= self._payload_limit

    def _begin(self) -> None:
        now = self._scheduler.now
        window_us = self._place.settings.maximum_batching_window * US
        self._size, self._opened_at, self._window_at = EMPTY_PAYLOAD, now, -1
        if self._window is not None:
            self._size += self._window.extra
        if window_us:
            self._window_at = now
            if self._completed_at >= 0 and self._completed_at + window_us > now:
                self._window_at = self._completed_at
            self._timer = self._scheduler.at(self._window_at + window_us, self._batching_over)

    def _batching_over(self, _: object) -> None:
        self._timer = 0
        self._close(BatchCause.BATCHING_WINDOW)

    def _close(self, cause: int, final: bool = False) -> None:
        if self._timer:
            self._scheduler.cancel(self._timer)
            self._timer = 0
        self._busy, self._final = True, final
        items, self._open = self._open, []
        filtered, self._filtered = self._filtered, 0
        if not items:  # the last invocation of a window, without records
            self._opened_at, self._window_at = self._scheduler.now, -1
        self._work.begin(
            Piece(
                items, cause, self._opened_at, self._window_at, filtered=filtered,
                window=self._window, final=final,
            )
        )  # fmt: skip

    def _done(self) -> None:
        """The batch is done with, and whatever it was split into."""
        self._busy, self._completed_at = False, self._scheduler.now
        if self._final:
            self._final, self._window = False, None
            if self._quiet:
                self._scheduler.cancel(self._quiet)
                self._quiet = 0
        self._fill()
        self._idle()

    # ------------------------------------------------------------------ tumbling windows

    def _begin_window(self, record: StreamRecord) -> None:
        """The window of a record begins, if the mapping has any."""
        place = self._place
        seconds = place.settings.tumbling_window
        if not (seconds and self._alone):
            return
        self._window = Window(
            record.arrived_at, seconds, place.clock, self._shard.shard_id, place.source.arn,
            place.rules.stream_tumbling_state,
        )  # fmt: skip
        due = self._window.end + self._quiet_us
        if due > self._scheduler.now:
            self._quiet = self._scheduler.at(due, self._quiet_over)

    def _quiet_over(self, _: object) -> None:
        self._quiet = 0
        self._fill()

    def _window_over(self) -> bool:
        """Whether there is a window, and no more records of it come."""
        window = self._window
        if window is None:
            return False
        if window.early:
            return True
        if self._waiting:
            return not window.holds(self._waiting[0].record)
        if self._scheduler.now < window.end + self._quiet_us:
            return False
        unread = self._unread()
        return unread is None or not window.holds(unread)
