"""Reading a shard for a mapping: when, how much, and what comes after its end.

* A shard is read once a second (``stream_poll_interval``), counted from when the mapping began with it;
  a read that would find nothing, or nobody to give records to, is left out, so that a quiet stream keeps
  no run alive. Reads count for the shard's limits.
* Each lane gets the records of its partition keys, in order.
* Children of a shard that was split or merged are begun when all its records are done with, from their
  first record on, so that the records of a partition key keep their order.

Sources: event-source-mappings.md 4 of the reference; that a shard is read only while some lane's next
batch has room is our choice.
"""

from __future__ import annotations

from collections.abc import Callable

from lambdalab.kernel.clock import US, Clock
from lambdalab.sources.kinesis.events import kinesis_record
from lambdalab.sources.mappings.lane import Lane
from lambdalab.sources.mappings.ledger import Item
from lambdalab.sources.mappings.work import Workplace
from lambdalab.sources.streams.reading import read
from lambdalab.sources.streams.shard import Shard, StreamRecord, hash_key_of
from lambdalab.sources.streams.store import StreamStore
from lambdalab.sources.streams.views import ShardIterator


class ShardPoller:
    """Reads one shard for one mapping; ``finished`` is called when all of it is done with."""

    def __init__(
        self, shard: Shard, position: int, place: Workplace, arn: str, clock: Clock,
        store: StreamStore, finished: Callable[[Shard], None],
    ) -> None:  # fmt: skip
        self.shard, self.position = shard, position
        self._place, self._arn, self._clock = place, arn, clock
        self._store, self._finished = store, finished
        self._scheduler = place.scheduler
        self._shard_name = place.books.name(shard.shard_id)
        self._interval_us = round(place.rules.stream_poll_interval * US)
        self._next_read = self._scheduler.now
        self._reading = False
        self._over = False
        self.lanes: list[Lane] = []
        self._make_lanes()

    def _make_lanes(self) -> None:
        number = self._place.settings.parallelization_factor
        self.lanes = [Lane(n + 1, self._shard_name, self._place, self.wake) for n in range(number)]

    def wake(self) -> None:
        """There may be something to do: a record has come, a lane is free, the shard was closed."""
        if self._reading or self._over:
            return
        if self._left:
            if self._place.settings.enabled and self._wanted:
                self._reading = True
                self._scheduler.at(self._due(), self._read)
        elif self.shard.closed_at >= 0 and all(lane.empty for lane in self.lanes):
            self._over = True
            self._finished(self.shard)

    @property
    def _left(self) -> bool:
        """Whether the shard has records that were not read."""
        return self.position < self.shard.next_place and bool(self.shard.read(self.position, 1))

    @property
    def _wanted(self) -> bool:
        """Whether a lane has room; another number of lanes waits until these are empty."""
        if len(self.lanes) != self._place.settings.parallelization_factor:
            if not all(lane.empty for lane in self.lanes):
                return False
            self._make_lanes()
        return any(lane.wants for lane in self.lanes)

    def _due(self) -> int:
        """The next time at which the shard is read: a whole number of intervals after the last."""
        now = self._scheduler.now
        if self._next_read < now and self._interval_us:
            late = now - self._next_read
            self._next_read += -(-late // self._interval_us) * self._interval_us
        return max(self._next_read, now)

    def _read(self, _: object) -> None:
        self._reading = False
        if not (self._place.settings.enabled and self._left and self._wanted):
            self.wake()
            return
        now = self._scheduler.now
        self._next_read = now + self._interval_us
        found = read(ShardIterator(self.shard, self.position, now), None, self._place.rules, now)
        if isinstance(found, int):
            self._store.refused(self.shard, found)
        else:
            self.position = found.records[-1].place + 1
            self._share_out(found.records)
        self.wake()

    def _share_out(self, records: tuple[StreamRecord, ...]) -> None:
        """Each record to the lane of its partition key."""
        shares: list[list[Item]] = [[] for _ in self.lanes]
        for record in records:
            item = Item(record, kinesis_record(record, self._arn, self._clock))
            self._place.ledger.read(item)
            number = hash_key_of(record.partition_key) % len(shares) if len(shares) > 1 else 0
            shares[number].append(item)
        for lane, share in zip(self.lanes, shares, strict=True):
            if share:
                lane.offer(share)
