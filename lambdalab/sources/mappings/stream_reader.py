"""A mapping's way through a stream in one run: where it begins, and from which shards it goes on to which.

``TRIM_HORIZON`` begins with the oldest record of every shard, ``AT_TIMESTAMP`` with the first that came at
that time or later (a time yet to come is waited for), ``LATEST`` with what comes to the open shards from
now on. Children come after their parents, from their beginning (from the timestamp, where they were there
when the mapping began).
"""

from __future__ import annotations

from lambdalab.sources.mappings.place import Workplace
from lambdalab.sources.mappings.shard_poller import ShardPoller
from lambdalab.sources.streams.shard import Shard, StreamRecord
from lambdalab.sources.streams.source import StreamSource
from lambdalab.trace.schema import Cause, ScalingKind


class StreamReader:
    """The reading half of a mapping of a stream; its lanes do the rest.

    Parameters: what lanes share; the timestamp to begin with, in microseconds since the lab's start, or
    None. Attributes: ``pollers`` by shard number, as far as they have begun; ``place``.
    """

    def __init__(self, place: Workplace, at: int | None) -> None:
        self.place = place
        self._store = place.source.store
        self._lanes = 0  # that read, as the books have it
        self.pollers: dict[int, ShardPoller] = {}
        self._done: set[int] = set()
        self._ended: list[Shard] = []  # whose children are about to begin
        self._positions: dict[int, int] = {}
        # LATEST begins where polling does: disabled, a mapping has nothing to read and nothing to lose
        self._begun = place.settings.enabled or place.settings.starting_position != "LATEST"
        if at is not None and at > place.scheduler.now:
            self._begun = False
            place.scheduler.background(at, self._begin_late, at)
        else:
            self._begin(place.settings.starting_position, at)
        self._store.consumers.append(self)

    def _begin_late(self, at: int) -> None:
        """The time has come from which on it reads."""
        if self in self._store.consumers:
            self._begun = True
            self._begin(self.place.settings.starting_position, at)

    def _begin(self, position: str, at: int | None) -> None:
        for shard in self._store.shards:
            if at is not None:
                self._positions[shard.index] = shard.place_at(at)
            elif position == "LATEST":
                self._positions[shard.index] = shard.next_place
        for shard in self._store.shards:
            self._begin_with(shard)
        self._recount()

    def _begin_with(self, shard: Shard) -> None:
        """Read a shard from now on, if its parents are done with and it is not."""
        index = shard.index
        if index in self.pollers or index in self._done:
            return
        if all(parent.index in self._done for parent in shard.parents):
            poller = self.pollers[index] = ShardPoller(
                shard,
                self._positions.get(index, 0),
                self.place,
                self._finished,
                self._recount,
            )
            poller.wake()

    def _finished(self, shard: Shard) -> None:
        """All of a closed shard is done with: its children come."""
        self._done.add(shard.index)
        self._ended.append(shard)
        if len(self._ended) > 1:  # one whose beginning was its end: the loop below comes to it
            return
        for ended in self._ended:
            for child in ended.children:
                self._begin_with(child)
        self._ended.clear()
        self._recount()

    def _recount(self) -> None:
        """Write down how many lanes read, if that has changed."""
        place = self.place
        reading = [p for index, p in self.pollers.items() if index not in self._done]
        number = sum(len(p.lanes) for p in reading) if place.settings.enabled else 0
        if number != self._lanes:
            now, before = place.scheduler.now, self._lanes
            self._lanes = number
            place.books.scaling(
                now, place.name, ScalingKind.POLLERS, before, number, Cause.CONFIGURED
            )

    @property
    def enabled(self) -> bool:
        """Whether the mapping polls."""
        return self.place.settings.enabled

    @property
    def source(self) -> StreamSource:
        """What it reads: the stream, or a consumer of it."""
        return self.place.source

    # ------------------------------------------------------------------ what it hears

    def arrived(self, shard: Shard) -> None:
        """A record has come to a shard."""
        poller = self.pollers.get(shard.index)
        if poller is not None:
            poller.wake()

    def resharded(self, parents: tuple[Shard, ...]) -> None:
        """Shards were closed: those that are read to their end already are over."""
        for parent in parents:
            self.arrived(parent)

    def expires(self, record: StreamRecord) -> None:
        """The stream lets a record go: lost, where it was to be read and has not been."""
        shard = record.shard
        if self._begun and shard.index not in self._done and record.place >= self._first(shard):
            self.place.ledger.missed(record)

    def wake(self) -> None:
        """The settings have changed."""
        self._recount()
        self.place.resume()
        for poller in list(self.pollers.values()):
            poller.wake()

    @property
    def behind(self) -> int:
        """How many records of the stream it has not read yet."""
        count = 0
        for shard in self._store.shards if self._begun else ():
            if shard.index not in self._done:
                count += shard.next_place - max(self._first(shard), shard.trim_horizon)
        return count

    def _first(self, shard: Shard) -> int:
        """The place of the first record of a shard that it has not read."""
        poller = self.pollers.get(shard.index)
        return poller.position if poller else self._positions.get(shard.index, 0)

    def leave(self) -> None:
        """Hear no more of the stream."""
        self._store.consumers.remove(self)

    def rest(self) -> None:
        """Wait for nothing any more: the mapping is gone, and keeps no run alive."""
        for poller in self.pollers.values():
            for lane in poller.lanes:
                lane.rest()
