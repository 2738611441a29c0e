"""Reading a shard for a mapping: when, how much, and what comes after its end.

* A shard is read once an interval (Kinesis 1 s, DynamoDB 0.25 s), counted from when the mapping began
  with it; a read that would find nothing, or nobody to give records to, is left out, so that a quiet
  stream keeps no run alive. Reads count for the shard's limits. Where a source pushes its records
  (enhanced fan-out), they come so long after they arrived.
* What no filter of the mapping matches ends here; each lane gets the records of its partition keys, in
  order.
* Children of a shard that was split or merged are begun when all its records are done with, from their
  first record on, so that the records of a partition key keep their order.

Sources: event-source-mappings.md 4 and 6 of the reference; that a shard is read only while some lane's
next batch has room is our choice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lambdalab.functions.outcome import decode
from lambdalab.kernel.clock import US
from lambdalab.sources.mappings.lane import Lane
from lambdalab.sources.mappings.ledger import Item
from lambdalab.sources.mappings.place import Workplace
from lambdalab.sources.streams.reading import take
from lambdalab.sources.streams.shard import Shard, StreamRecord, hash_key_of
from lambdalab.trace.schema import Action, Cause


class ShardPoller:
    """Reads one shard for one mapping, from a position on.

    ``finished`` is called when all of it is done with, ``recount`` when it has another number of lanes.
    """

    def __init__(
        self, shard: Shard, position: int, place: Workplace, finished: Callable[[Shard], None],
        recount: Callable[[], None],
    ) -> None:  # fmt: skip
        self.shard, self.position = shard, position
        self._place, self._source = place, place.source
        self._finished, self._recount = finished, recount
        self._scheduler = place.scheduler
        self._budget = self._source.read_budget(shard)
        self._interval_us = round(self._source.poll_interval * US)
        self._latency_us = round(self._source.push_latency * US)
        self._pause_us = round(place.rules.stream_refused_pause * US)
        self._next_read = self._scheduler.now  # not before
        self._reading = False
        self._over = False
        self.lanes = self._new_lanes()

    def _new_lanes(self) -> list[Lane]:
        number = self._place.settings.parallelization_factor
        return [
            Lane(n + 1, self.shard, self._place, self.wake, self._unread, alone=number == 1)
            for n in range(number)
        ]

    def wake(self) -> None:
        """There may be something to do: a record has come, a lane is free, the shard was closed."""
        if self._reading or self._over:
            return
        if self._unread() is not None:
            if self._place.settings.enabled and self._wanted:
                self._reading = True
                self._scheduler.at(self._due(), self._read)
        elif self.shard.closed_at >= 0:
            self._end()

    def _end(self) -> None:
        """The shard has been read to its end."""
        for lane in self.lanes:
            lane.no_more()
        if all(lane.empty for lane in self.lanes):
            self._over = True
            self._finished(self.shard)

    def _unread(self) -> StreamRecord | None:
        """The first record of the shard that was not read."""
        if self.position >= self.shard.next_place:
            return None
        found = self.shard.read(self.position, 1)
        return found[0] if found else None

    @property
    def _wanted(self) -> bool:
        """Whether a lane has room; another number of lanes waits until these are empty."""
        if len(self.lanes) != self._place.settings.parallelization_factor:
            for lane in self.lanes:
                lane.no_more()
            if not all(lane.empty for lane in self.lanes):
                return False
            self.lanes = self._new_lanes()
            self._recount()
        return any(lane.wants for lane in self.lanes)

    # ------------------------------------------------------------------ when

    def _due(self) -> int:
        """The next time at which the shard is read: a whole number of intervals after the last."""
        now = self._scheduler.now
        if not self._interval_us:
            first = self._unread()
            arrives = now if first is None else first.arrived_at + self._latency_us
            return max(now, arrives, self._next_read)
        if self._next_read < now:
            late = now - self._next_read
            self._next_read += -(-late // self._interval_us) * self._interval_us
        return max(self._next_read, now)

    def _read(self, _: object) -> None:
        self._reading = False
        if not (self._place.settings.enabled and self._unread() is not None and self._wanted):
            self.wake()
            return
        now = self._scheduler.now
        self._next_read = now + self._interval_us
        most, room = self._source.read_limits
        if self._latency_us:  # later ones are on their way
            there = self.shard.place_at(now - self._latency_us + 1)
            most = min(most, there - max(self.position, self.shard.trim_horizon))
            if most < 1:  # what was due has expired, and what comes next is on its way too
                self.wake()
                return
        found = take(self.shard, self.position, (most, room), self._budget, now)
        if isinstance(found, int):
            self._source.store.refused(self.shard, found)
            self._next_read = max(self._next_read, now + self._pause_us)
        else:
            self.position = found[-1].place + 1
            self._share_out(found)
        self.wake()

    # ------------------------------------------------------------------ what

    def _share_out(self, records: Sequence[StreamRecord]) -> None:
        """Each record to the lane of its partition key, if a filter matches it."""
        lanes = self.lanes
        shares: list[list[Item]] = [[] for _ in lanes]
        filtered = [0] * len(lanes)
        for record in records:
            item = Item(record, b"")
            self._place.ledger.read(item)
            number = hash_key_of(record.partition_key) % len(lanes) if len(lanes) > 1 else 0
            if self._admits(item):
                shares[number].append(item)
            else:
                self._place.ledger.end([item], Action.FILTERED, Cause.FILTER_MISMATCH)
                filtered[number] += 1
        for lane, share, dropped in zip(lanes, shares, filtered, strict=True):
            lane.offer(share, dropped)

    def _admits(self, item: Item) -> bool:
        """Whether a filter matches a record; one that passes gets its JSON."""
        source, record, criteria = self._source, item.record, self._place.settings.filter_criteria
        if criteria is not None:
            text = source.filter_text(record)
            if text is not None:
                if not criteria.admits(text, lambda: decode(source.record_json(record))):
                    return False
            elif not criteria.matches(decode(source.record_json(record))):
                return False
        item.json = source.record_json(record)
        return True
