"""The shards and records of one stream in one run, and what the books hear of them.

A record lies in its stream until its retention is over, read or not: then it ends as ``expired``. One
timer stands for the oldest record; it never keeps a run alive. What a shard refuses is a row of
``trace.scaling``, of the kind ``throttle``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from typing import Protocol

from lambdalab.kernel.clock import US, Clock
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.sources.streams.shard import (
    Budget,
    Naming,
    Shard,
    StreamRecord,
    Unlimited,
    even_ranges,
)
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import Action, Cause, QueueKind, ScalingKind


def unlimited() -> tuple[Budget, Budget]:
    """What a shard lets in and out where nothing is counted."""
    return Unlimited(), Unlimited()


class StreamConsumer(Protocol):
    """What reads a stream for a mapping."""

    def arrived(self, shard: Shard) -> None:
        """A record has come to a shard."""

    def resharded(self, parents: tuple[Shard, ...]) -> None:
        """These shards were closed."""

    def expires(self, record: StreamRecord) -> None:
        """The stream lets its oldest record go."""

    @property
    def enabled(self) -> bool:
        """Whether it is to read."""

    @property
    def source(self) -> object:
        """What it reads: the stream, or a consumer of it."""


class StreamStore:
    """A stream's shards and records. ``shards`` has all of them by number, closed ones too.

    Parameters: its name in the books, how many shards it begins with and for how long it keeps a record
    (microseconds), the lab's parts; how its service names things; and ``budgets``, which makes what a
    shard lets in and out. ``consumers`` hear of new records and shards, and of records that go.
    """

    def __init__(
        self, name: str, shard_count: int, retention_us: int, scheduler: Scheduler,
        books: Recorder, clock: Clock, naming: Naming,
        budgets: Callable[[], tuple[Budget, Budget]] = unlimited, kind: str = "stream",
    ) -> None:  # fmt: skip
        self.retention_us = retention_us
        self._scheduler, self._books = scheduler, books
        self._naming, self._budgets = naming, budgets
        self._start_us = clock.start_us
        self._code = books.queue(name, QueueKind.STREAM, kind)
        self.name = books.names[self._code]
        self.shards: list[Shard] = []
        self.consumers: list[StreamConsumer] = []
        self._open: list[Shard] = []  # by hash key: their ranges hold every key once
        self._starts: list[int] = []
        self._ages: deque[StreamRecord] = deque()  # all records, in the order in which they came
        self._expiry, self._expires_at = 0, -1
        for keys in even_ranges(shard_count):
            self._make(keys)
        self._sort()

    # ------------------------------------------------------------------ shards

    @property
    def open_shards(self) -> list[Shard]:
        """The shards that take records, by hash key."""
        return list(self._open)

    def shard_for(self, hash_key: int) -> Shard:
        """The open shard whose range holds the hash key."""
        return self._open[bisect_right(self._starts, hash_key) - 1]

    def replace(self, parents: tuple[Shard, ...], ranges: list[tuple[int, int]]) -> list[Shard]:
        """Close shards; new ones take over the same hash keys, cut otherwise."""
        children = [self._make(keys, parents) for keys in ranges]
        for parent in parents:
            parent.close(self._scheduler.now, children)
        self._sort()
        for consumer in self.consumers:
            consumer.resharded(parents)
        return children

    def _make(self, keys: tuple[int, int], parents: tuple[Shard, ...] = ()) -> Shard:
        """A shard; a child counts as made after its parents, so that its numbers are larger."""
        made_s = (self._start_us + self._scheduler.now) // US
        made_s = max([made_s, *(parent.made_s + 1 for parent in parents)])
        shard = Shard(
            len(self.shards), keys, made_s, self._start_us, self._naming, self._budgets(), parents
        )
        self.shards.append(shard)
        return shard

    def _sort(self) -> None:
        self._open = [shard for shard in self.shards if shard.closed_at < 0]
        self._open.sort(key=lambda shard: shard.starting_hash_key)
        self._starts = [shard.starting_hash_key for shard in self._open]

    # ------------------------------------------------------------------ records

    @property
    def depth(self) -> int:
        """How many records lie in it."""
        return len(self._ages)

    @property
    def records(self) -> list[StreamRecord]:
        """Every record in it, in the order in which they came."""
        return list(self._ages)

    def put(self, record: StreamRecord, shard: Shard, request: int) -> None:
        """A record comes to the end of a shard."""
        now = self._scheduler.now
        shard.writes.take(now, record.size)
        shard.add(record, now)
        self._ages.append(record)
        self._note(record, Action.SENT, Cause.MESSAGE_SENT, request)
        if self._expires_at < 0:
            self._watch_oldest()
        for consumer in self.consumers:
            consumer.arrived(shard)

    def refused(self, shard: Shard, limit: int) -> None:
        """Write down that a shard's limit has refused a record, or a read."""
        subject = self._books.name(f"{self.name}/{shard.shard_id}")
        self._books.scaling(
            self._scheduler.now, subject, ScalingKind.THROTTLE, limit, limit, Cause.THROTTLED_SHARD
        )

    # ------------------------------------------------------------------ retention

    def retain(self, retention_us: int) -> None:
        """Another retention period, also for the records that are there."""
        self.retention_us = retention_us
        if self._expires_at >= 0:
            self._scheduler.cancel_background(self._expiry)
            self._expire(None)

    def clear(self) -> None:
        """The stream is deleted: every record goes, read or not."""
        if self._expires_at >= 0:
            self._scheduler.cancel_background(self._expiry)
            self._expires_at = -1
        while self._ages:
            record = self._ages.popleft()
            record.shard.trim()
            self._note(record, Action.DELETED, Cause.STREAM_DELETED)

    def _watch_oldest(self) -> None:
        if self._ages:
            self._expires_at = self._ages[0].arrived_at + self.retention_us
            self._expiry = self._scheduler.background(self._expires_at, self._expire)

    def _expire(self, _: object) -> None:
        """The records that have lain here for the retention period end."""
        self._expires_at = -1
        ages, oldest = self._ages, self._scheduler.now - self.retention_us
        while ages and ages[0].arrived_at <= oldest:
            record = ages.popleft()
            for consumer in self.consumers:
                consumer.expires(record)
            record.shard.trim()
            self._note(record, Action.EXPIRED, Cause.RETENTION)
        self._watch_oldest()

    def _note(self, record: StreamRecord, action: int, cause: int, request: int = 0) -> None:
        now = self._scheduler.now
        self._books.queue_event(
            now, self._code, record.number, action, len(self._ages), now - record.arrived_at,
            0, request, 0, cause, 0, 0, 0, -1,
        )  # fmt: skip
