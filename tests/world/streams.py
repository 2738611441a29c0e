"""An independent reckoning of streams and of what their mappings read: nothing skipped, nothing twice.

What becomes of a batch is reckoned in :mod:`.shards`; here is the way of each record: it is read in its
place, while the mapping is on, is filtered if no filter matches, is never handed over before an earlier
one of its key is done with, and ends once.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import Any, NamedTuple

from tests.world.contents import admits
from tests.world.numbers import FAR, S, dated
from tests.world.reading import Books, Held, Past, need, same

HOUR = 3_600 * S
ENDS = ("deleted", "filtered", "dropped", "expired")
USUAL = {
    "batch_size": 100, "maximum_batching_window": 0, "parallelization_factor": 1,
    "maximum_retry_attempts": -1, "maximum_record_age": -1, "bisect_batch_on_function_error": False,
    "tumbling_window": 0, "function_response_types": (), "filter_criteria": None, "on_failure": None,
    "enabled": True,
}  # fmt: skip


class Record(NamedTuple):
    """A record of a stream: its place in its shard from 0, when it came, when it was let go."""

    id: str
    shard: str
    place: int
    arrived: int
    gone: int
    held: Held


class Stream:
    """The records of one stream or table, by id and by shard."""

    def __init__(self, books: Books, name: str) -> None:
        self.name, self.table = name, name in books.past.names("table")
        self.records: dict[str, Record] = {}
        self.shards: dict[str, list[Record]] = {key: [] for key in books.past.shards[name]}
        self.parents = books.past.shards[name]
        gone, kind = {}, "dynamodb_stream_retention" if self.table else "kinesis_retention_default"
        hours = books.past.quotas.get(kind, 24)
        rows = [row for row in books.queue_events if row.queue == name]
        for row in rows:
            if row.action == "expired":
                gone[row.event_id] = row.at
                same("a record is kept for so long", row, row.age_us, hours * HOUR)
        for row in rows:
            if row.action == "sent":
                held = books.past.held[row.event_id]
                line = self.shards[held.where]
                record = Record(
                    row.event_id, held.where, len(line), row.at, gone.get(row.event_id, FAR), held
                )
                told = int(held.number) > int(line[-1].held.number) if line else True
                need("sequence numbers rise", row, told, held, line[-1:])
                kept = record.gone < FAR or row.at + hours * HOUR >= books.now
                need("a record is kept no longer", row, kept, row.at, books.now)
                line.append(record)
                self.records[record.id] = record


def hashed(record: Record) -> int:
    """The number that decides the lane of its key."""
    return int.from_bytes(hashlib.md5(record.held.key.encode(), usedforsecurity=False).digest())


def settings_of(past: Past, name: str, at: int) -> dict[str, Any]:
    """A mapping's settings, defaults included; not enabled where it is not there."""
    given = past.last("stream_mapping", name, at)
    return USUAL | {key: value for key, value in given.items() if value is not None}


class Flow:
    """What one mapping of a stream read in one life: from when it was made until it was deleted."""

    def __init__(self, books: Books, stream: Stream, name: str, life: tuple[int, int]) -> None:
        self.books, self.past, self.now = books, books.past, books.now
        self.stream, self.name, (self.begun, self.ended) = stream, name, life
        self.numbers = dated(books.past)
        later = [begun for begun, _ in self.past.lives("stream_mapping", name) if begun > life[0]]
        self.until = min(later, default=FAR)
        queue = f"{name} (records)"
        self.rows = [r for r in books.queue_events if r.queue == queue and self.mine(r.at)]
        self.batches = [b for b in books.batches if b.mapping == name and self.mine(b.flushed_at)]
        self.contents: dict[str, list[str]] = defaultdict(list)
        self.over: dict[str, int] = {}  # when a record ended
        self.read: dict[str, int] = {}  # and was read

    def mine(self, at: int) -> bool:
        """Whether that is in this life."""
        return self.begun <= at < self.until

    def settings(self, at: int) -> dict[str, Any]:
        """What holds at a time."""
        return settings_of(self.past, self.name, min(at, self.until - 1))

    def on(self, at: int) -> bool:
        """Whether it is enabled then."""
        return bool(self.settings(at)["enabled"])

    def check(self) -> None:
        """Each row, in order; then what should have been read and was not."""
        begin = {shard: self.first(shard) for shard in self.stream.shards}
        self.position = dict(begin)
        self.alive: dict[str, dict[str, str]] = defaultdict(dict)  # by shard: record to its batch
        self.count: dict[str, int] = defaultdict(int)
        self.last_read: dict[str, int] = {}
        for row in self.rows:
            if row.action == "received":
                self.contents[row.batch_id].append(row.event_id)
        for row in self.rows:
            if row.action != "delivered":
                known = self.stream.records
                need("it is a record of its stream", row, row.event_id in known, row.event_id, "")
                record = known[row.event_id]
                same("an age counts from its coming", row, row.age_us, row.at - record.arrived)
                if row.action == "sent":
                    self.comes(row, record)
                else:
                    self.moves(row, record)
                same("how often it was tried", row, row.receive_count, self.count[record.id])
        self.left_over()

    def first(self, shard: str) -> int:
        """The place of the first record that is to be read of a shard."""
        given = self.past.of("stream_mapping", self.name, self.begun)
        records = self.stream.shards[shard]
        if given["starting_position"] == "TRIM_HORIZON":
            return sum(record.gone <= self.begun for record in records)
        if given["starting_position"] == "LATEST":
            times = [at for at in self.past.times("stream_mapping", self.name) if self.mine(at)]
            since = min((at for at in times if self.on(at)), default=FAR)
            return sum(record.arrived < since for record in records)
        since = round(given["starting_position_timestamp"] * S)
        return sum(record.arrived < since or record.gone <= self.begun for record in records)

    # ------------------------------------------------------------------ coming

    def comes(self, row: Any, record: Record) -> None:
        """It is read in its place, or lost because its stream has let it go."""
        shard = record.shard
        need("a record is read once", row, record.id not in self.read, "twice", "once")
        same("nothing is skipped or repeated", row, record.place, self.position[shard])
        self.position[shard] += 1
        self.read[record.id], self.alive[shard][record.id] = row.at, ""
        if row.cause == "retention":
            same("what is lost has gone", row, row.at, record.gone)
            return
        same("it is polled while it is on", row, (row.cause, self.on(row.at)), ("polled", True))
        need("only what is there is read", row, row.at <= record.gone, row.at, record.gone)
        interval = S // 4 if self.stream.table else S
        last = self.last_read.get(shard, row.at)
        gap = row.at - last
        need("a shard is read once an interval", row, not gap or gap >= interval, row.at, last)
        self.last_read[shard] = row.at
        for parent in self.stream.parents[shard]:
            told = self.position[parent], len(self.alive[parent])
            done = len(self.stream.shards[parent]), 0
            need(
                "children come after their parents",
                row,
                told[0] >= done[0] and not told[1],
                told,
                done,
            )

    # ------------------------------------------------------------------ going

    def moves(self, row: Any, record: Record) -> None:
        """It is handed over, comes back, or ends."""
        here = self.alive[record.shard]
        need("only what was read and has not ended moves", row, record.id in here, row.action, here)
        batch = here[record.id]
        if row.action == "received":
            same("it is in one batch", row, batch, "")
            same("all that reaches a function matches", row, self.admits(record), True)
            self.in_turn(row, record)
            here[record.id] = row.batch_id
            self.count[record.id] += 1
        elif row.action == "returned":
            same("it comes back from its batch", row, row.batch_id, batch)
            here[record.id] = ""
        else:
            same("it has ended", row, row.action in ENDS, True)
            del here[record.id]
            self.over[record.id] = row.at
            self.ending(row, record, batch)

    def in_turn(self, row: Any, record: Record) -> None:
        """Every earlier one of its key (with one lane: of its shard) is done with, or goes with it."""
        alone = self.lanes(row.at) == {1}
        with_it = set(self.contents[row.batch_id])
        for other in self.alive[record.shard]:
            before = self.stream.records[other]
            if before.place < record.place and (alone or before.held.key == record.held.key):
                need("order is kept", row, other in with_it, before, record)

    def lanes(self, at: int) -> set[int]:
        """How many lanes a shard may have had by then."""
        times = [t for t in self.past.times("stream_mapping", self.name) if self.begun <= t <= at]
        return {self.settings(t)["parallelization_factor"] for t in times}

    def admits(self, record: Record) -> bool:
        """Whether a filter of the time when it was read lets it through."""
        given = self.settings(self.read[record.id])["filter_criteria"]
        return admits(given, "table" if self.stream.table else "stream", record.held.content)

    def ending(self, row: Any, record: Record, batch: str) -> None:
        """Its end is of the right kind."""
        settings = self.settings(row.at)
        seen = self.admits(record)
        if (
            self.read[record.id] == row.at
            and not self.count[record.id]
            and row.cause != "retention"
        ):
            old = row.cause in ("record_age_exceeded", "mapping_deleted")
            same(
                "what no filter matches is filtered",
                row,
                row.action == "filtered",
                not seen and not old,
            )
        told = row.action, row.cause
        if row.action == "deleted":
            known = (
                row.cause in ("batch_succeeded", "partial_batch_failure") and batch == row.batch_id
            )
            need("it was dealt with by its batch", row, known and batch != "", told, batch)
        elif row.action == "filtered":
            same(
                "filtered at once",
                row,
                (row.at, row.cause),
                (self.read[record.id], "filter_mismatch"),
            )
        elif row.action == "expired":
            same(
                "its stream has let it go",
                row,
                (row.cause, record.gone <= row.at),
                ("retention", True),
            )
        elif row.cause == "record_age_exceeded":
            most = settings["maximum_record_age"]
            need("it is too old", row, 0 <= most * S < row.age_us, row.age_us, most)
        elif row.cause == "mapping_deleted":
            need("the mapping was deleted", row, row.at >= self.ended, row.at, self.ended)
        else:
            same("why it was given up", row, told, ("dropped", "retries_exhausted"))

    # ------------------------------------------------------------------ the end

    def left_over(self) -> None:
        """What lies in a shard unread: nobody could have read it yet."""
        refused = any(
            row.cause == "throttled_shard" and row.subject.startswith(f"{self.stream.name}/")
            for row in self.books.scaling
        )
        grace = (5 if refused else 1) * S + 10
        changes = [at for at in self.past.times("stream_mapping", self.name) if at <= self.now]
        settings = self.settings(self.now)
        under_way = any(batch.completed_at < 0 for batch in self.batches)
        if self.until < FAR or not settings["enabled"] or settings["tumbling_window"] or under_way:
            return
        for shard, records in self.stream.shards.items():
            parents = self.stream.parents[shard]
            ready = all(
                not self.alive[p] and self.position[p] >= len(self.stream.shards[p])
                for p in parents
            )
            if not ready or self.alive[shard] or self.position[shard] >= len(records):
                continue
            before = [self.over[r.id] for p in (*parents, shard) for r in self.stream.shards[p]
                      if r.id in self.over]  # fmt: skip
            due = max([records[self.position[shard]].arrived, *before, *changes]) + grace
            need("what comes is read", shard, due >= self.now, self.now, due)


def check(books: Books) -> None:
    """All streams, all mappings of them, all their lives."""
    from tests.world.shards import Work

    streams = {name: Stream(books, name) for name in books.past.shards}
    for name in books.past.names("stream_mapping"):
        stream = streams[name.split("->")[0]]
        for life in books.past.lives("stream_mapping", name):
            flow = Flow(books, stream, name, life)
            flow.check()
            Work(flow).check()
