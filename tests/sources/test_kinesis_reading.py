"""Reading a stream: where iterators begin, what a read brings, its limits, and the end of a shard."""

from __future__ import annotations

from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import (
    ExpiredIteratorException,
    InvalidArgumentException,
    InvalidSetting,
    ProvisionedThroughputExceededException,
    UnknownName,
)
from lambdalab.sources.kinesis.service import Stream

FIRST = "shardId-000000000000"
MIB = 1024 * 1024


@pytest.fixture
def clicks(lab: ll.Lab) -> Stream:
    """Ten records, one a second, in one shard."""
    stream = lab.kinesis.create_stream("clicks")
    for number in range(10):
        stream.put_record(number, "k")
        lab.advance(1)
    return stream


def numbers(stream: Stream, *arguments: Any, **more: Any) -> list[int]:
    read = stream.get_records(stream.get_shard_iterator(FIRST, *arguments, **more))
    return [record.json() for record in read]


def test_trim_horizon_and_latest(lab: ll.Lab, clicks: Stream) -> None:
    assert numbers(clicks) == list(range(10))
    latest = clicks.get_shard_iterator(FIRST, "LATEST")
    clicks.put_record(10, "k")
    read = clicks.get_records(latest)
    assert [record.json() for record in read] == [10]
    assert read.next_shard_iterator is not None
    clicks.put_record(11, "k")
    assert [r.json() for r in clicks.get_records(read.next_shard_iterator)] == [11]
    assert len(clicks.get_records(clicks.get_shard_iterator(FIRST, "LATEST"))) == 0


def test_at_and_after_a_sequence_number(lab: ll.Lab, clicks: Stream) -> None:
    number = clicks.records[6].sequence_number
    assert numbers(clicks, "AT_SEQUENCE_NUMBER", starting_sequence_number=number) == [6, 7, 8, 9]
    assert numbers(clicks, "AFTER_SEQUENCE_NUMBER", starting_sequence_number=number) == [7, 8, 9]
    for record in clicks.records:
        at = clicks.get_shard_iterator(
            FIRST, "AT_SEQUENCE_NUMBER", starting_sequence_number=record.sequence_number
        )
        assert clicks.get_records(at, limit=1).records == (record,)
        lab.advance(1)
    begin = clicks.shards[0].starting_sequence_number
    assert numbers(clicks, "AFTER_SEQUENCE_NUMBER", starting_sequence_number=begin)[0] == 0


@pytest.mark.parametrize(
    ("at", "first"), [(0, 0), (3, 3), (3.000001, 4), ("2025-01-07T00:00:05Z", 5), (9, 9)]
)
def test_at_a_timestamp(clicks: Stream, at: Any, first: int) -> None:
    assert numbers(clicks, "AT_TIMESTAMP", timestamp=at)[0] == first


def test_a_timestamp_after_every_record_is_the_latest(clicks: Stream) -> None:
    assert numbers(clicks, "AT_TIMESTAMP", timestamp=9.5) == []


def test_what_was_trimmed_meanwhile_is_passed_over(lab: ll.Lab, clicks: Stream) -> None:
    number = clicks.records[2].sequence_number
    lab.run(until=86_400 + 5)
    assert numbers(clicks) == [6, 7, 8, 9]
    assert numbers(clicks, "AT_TIMESTAMP", timestamp=1) == [6, 7, 8, 9]
    assert numbers(clicks, "AT_SEQUENCE_NUMBER", starting_sequence_number=number) == [6, 7, 8, 9]
    lab.run(until=86_400 + 60)
    assert numbers(clicks) == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"shard_iterator_type": "FIRST"}, InvalidSetting),
        ({"shard_iterator_type": "AT_TIMESTAMP"}, InvalidSetting),
        ({"shard_iterator_type": "AT_TIMESTAMP", "timestamp": 11}, InvalidSetting),
        ({"shard_iterator_type": "AT_TIMESTAMP", "timestamp": "soon"}, InvalidSetting),
        ({"shard_iterator_type": "LATEST", "timestamp": 1}, InvalidSetting),
        ({"starting_sequence_number": "1"}, InvalidSetting),
        ({"shard_iterator_type": "AT_SEQUENCE_NUMBER"}, InvalidSetting),
        *(
            (
                {"shard_iterator_type": "AT_SEQUENCE_NUMBER", "starting_sequence_number": number},
                InvalidArgumentException,
            )
            for number in ("1", "x", "-1", "4" * 56, "4" * 6_000)
        ),
    ],
)
def test_iterators_that_cannot_be(
    clicks: Stream, arguments: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        clicks.get_shard_iterator(FIRST, **arguments)


def test_another_shards_sequence_number_is_refused(lab: ll.Lab) -> None:
    stream = lab.kinesis.create_stream("two", 2)
    number = stream.put_record("x", "k", 0).sequence_number
    with pytest.raises(InvalidArgumentException, match="did not come from this shard"):
        stream.get_shard_iterator(
            "shardId-000000000001", "AT_SEQUENCE_NUMBER", starting_sequence_number=number
        )


def test_shards_that_are_none(lab: ll.Lab, clicks: Stream) -> None:
    with pytest.raises(UnknownName, match=r"shard .* in stream 'clicks'.*shardId-000000000000"):
        clicks.get_shard_iterator("shardId-000000000001")
    other = lab.kinesis.create_stream("other")
    with pytest.raises(UnknownName):
        clicks.get_shard_iterator(other.shards[0])
    with pytest.raises(UnknownName):
        other.get_records(clicks.get_shard_iterator(FIRST))
    with pytest.raises(InvalidSetting, match="shard_iterator"):
        clicks.get_records(FIRST)  # type: ignore[arg-type]


def test_a_limit_and_going_on(clicks: Stream) -> None:
    read = clicks.get_records(clicks.get_shard_iterator(FIRST), limit=4)
    assert [record.json() for record in read] == [0, 1, 2, 3]
    assert read.millis_behind_latest == 6_000, "number 4 came six seconds ago"
    assert read.next_shard_iterator is not None
    rest = clicks.get_records(read.next_shard_iterator)
    assert (len(rest), rest.millis_behind_latest, rest.child_shards) == (6, 0, ())
    for limit in (0, 10_001, 1.5, True):
        with pytest.raises(InvalidSetting, match="limit"):
            clicks.get_records(read.next_shard_iterator, limit=limit)  # type: ignore[arg-type]


def test_an_iterator_lives_for_five_minutes(lab: ll.Lab, clicks: Stream) -> None:
    iterator = clicks.get_shard_iterator(FIRST)
    lab.advance(300)
    assert len(clicks.get_records(iterator)) == 10
    lab.advance(0.000001)
    with pytest.raises(ExpiredIteratorException):
        clicks.get_records(iterator)


def test_five_reads_a_second(lab: ll.Lab, clicks: Stream) -> None:
    iterator = clicks.get_shard_iterator(FIRST)
    for _ in range(5):
        clicks.get_records(iterator)
    with pytest.raises(ProvisionedThroughputExceededException):
        clicks.get_records(iterator)
    [row] = lab.trace.scaling.itertuples()
    assert (row.subject, row.before, row.cause) == (f"clicks/{FIRST}", 5, "throttled_shard")
    lab.advance(1)
    clicks.get_records(iterator)


def test_ten_mebibytes_at_once_are_five_seconds(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    for _ in range(12):
        clicks.put_record(b"x" * (MIB - 1), "k")
        lab.advance(1)
    read = clicks.get_records(clicks.get_shard_iterator(FIRST))
    assert len(read) == 10
    assert read.next_shard_iterator is not None
    lab.advance(4.999999)
    with pytest.raises(ProvisionedThroughputExceededException):
        clicks.get_records(read.next_shard_iterator)
    lab.advance(0.000001)
    assert len(clicks.get_records(read.next_shard_iterator)) == 2


def test_two_mebibytes_a_second(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    for _ in range(4):
        clicks.put_record(b"x" * (MIB - 1), "k")
        lab.advance(1)
    iterator = clicks.get_shard_iterator(FIRST)
    assert len(clicks.get_records(iterator, limit=1)) == 1
    assert len(clicks.get_records(iterator)) == 1, "what is left of this second's"
    with pytest.raises(ProvisionedThroughputExceededException):
        clicks.get_records(iterator)


def test_the_end_of_a_closed_shard(lab: ll.Lab, clicks: Stream) -> None:
    children = clicks.split_shard(FIRST)
    read = clicks.get_records(clicks.get_shard_iterator(FIRST), limit=5)
    assert read.child_shards == ()
    assert read.next_shard_iterator is not None
    read = clicks.get_records(read.next_shard_iterator)
    assert read.next_shard_iterator is None
    assert read.child_shards == children
    end = clicks.shards[0].ending_sequence_number
    after = clicks.get_shard_iterator(FIRST, "AT_SEQUENCE_NUMBER", starting_sequence_number=end)
    assert clicks.get_records(after).next_shard_iterator is None


def test_reading_changes_nothing(lab: ll.Lab, clicks: Stream) -> None:
    before = len(lab.trace.queue_events)
    numbers(clicks)
    assert (clicks.depth, len(lab.trace.queue_events)) == (10, before)
