"""Reading a shard: where an iterator begins, and what one read brings.

Source: botocore GetShardIterator and GetRecords, of Kinesis and of DynamoDB Streams.
"""

from __future__ import annotations

from lambdalab.errors import (
    ExpiredIteratorException,
    InvalidArgumentException,
    InvalidSetting,
)
from lambdalab.kernel.clock import US
from lambdalab.sources.streams.shard import Budget, Shard, StreamRecord
from lambdalab.sources.streams.views import Read, ShardIterator

TYPES = (
    "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER",
)  # fmt: skip


def iterator_of(
    shard: Shard, kind: object, sequence_number: str | None, at: int | None, now: int
) -> ShardIterator:
    """An iterator of a shard; ``at`` is the timestamp in microseconds since the lab's start."""
    if kind not in TYPES:
        raise InvalidSetting("shard_iterator_type", kind, f"one of {', '.join(TYPES)}")
    _check_goes("starting_sequence_number", sequence_number, str(kind), kind in TYPES[3:])
    _check_goes("timestamp", at, str(kind), kind == "AT_TIMESTAMP")
    if kind == "TRIM_HORIZON":
        place = 0
    elif kind == "LATEST":
        place = shard.next_place
    elif at is not None:
        if at > now:
            raise InvalidSetting("timestamp", f"{at / US:g} s", f"not after now, {now / US:g} s")
        place = shard.place_at(at)
    else:
        place = _place(shard, str(sequence_number)) + (kind == "AFTER_SEQUENCE_NUMBER")
    return ShardIterator(shard, place, now)


def _check_goes(setting: str, value: object, kind: str, needed: bool) -> None:
    if needed != (value is not None):
        limit = "given with it" if needed else "left out with it"
        raise InvalidSetting(setting, value, f"{limit}: shard_iterator_type={kind!r}")


def _place(shard: Shard, number: str) -> int:
    place = shard.place_of(number)
    if place is None:
        raise InvalidArgumentException(
            f"StartingSequenceNumber {number} used in GetShardIterator on shard {shard.shard_id} is "
            "invalid because it did not come from this shard."
        )
    return place


def read(iterator: ShardIterator, most: int, room: int, life_us: int, now: int) -> Read | int:
    """What an iterator brings; or the limit of the shard that keeps it from being read now.

    ``most`` records and ``room`` bytes are what one read may bring; ``life_us`` is for how long an
    iterator can be used.
    """
    if now - iterator.made_at > life_us:
        raise ExpiredIteratorException(
            f"Iterator expired. The iterator was created {(now - iterator.made_at) // US} seconds "
            f"ago, while it lives for {life_us // US} seconds.",
            "; make another, or use the one the last read gave in time",
        )
    shard = iterator.shard
    records = take(shard, iterator.place, (most, room), shard.reads, now)
    if isinstance(records, int):
        return records
    place = records[-1].place + 1 if records else max(iterator.place, shard.trim_horizon)
    return _answer(shard, tuple(records), place, now)


def take(
    shard: Shard, place: int, limits: tuple[int, int], budget: Budget, now: int
) -> list[StreamRecord] | int:
    """The records from a place on, as many as one read brings; or the limit that forbids it now.

    ``limits`` are the most records and the most bytes of one read; the first record always comes.
    ``budget`` is what the read counts for.
    """
    most, room = limits
    records = shard.read(place, most)
    refused = budget.lacks(now, records[0].size if records else 0)
    if refused is not None:
        return refused
    left = budget.room
    records, size = _fitting(records, room if left is None else min(room, left))
    budget.take(now, size)
    return records


def _fitting(records: list[StreamRecord], room: int) -> tuple[list[StreamRecord], int]:
    """The first of the records that fit in so many bytes (one at least), and their bytes."""
    total = 0
    for number, record in enumerate(records):
        if number and total + record.size > room:
            return records[:number], total
        total += record.size
    return records, total


def _answer(shard: Shard, records: tuple[StreamRecord, ...], place: int, now: int) -> Read:
    left = shard.read(place, 1)
    behind = (now - left[0].arrived_at) // 1_000 if left else 0
    if shard.closed_at >= 0 and not left:
        return Read(records, None, behind, tuple(shard.children))
    return Read(records, ShardIterator(shard, place, now), behind, ())
