"""Reading streams for mappings: the event, when batches come, where reading begins, shards and lanes."""

from __future__ import annotations

import json
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import (
    InvalidParameterValueException,
    LimitExceededException,
    ResourceConflictException,
    ResourceInUseException,
    UnknownName,
)
from tests.sources.streams import (
    connect,
    counting,
    ends,
    fail_at,
    flat,
    flushed,
    ledger,
    make,
    put,
)


def test_the_event(lab: ll.Lab) -> None:
    clicks, events = lab.kinesis.create_stream("clicks"), []

    @lab.function
    def count(event: Any, context: Any) -> None:
        events.append(event)

    connect(lab, clicks, "count")
    lab.advance(0.123)
    shard_id, number = clicks.put_record("hi", "ké")
    lab.run()
    assert events == [
        {
            "Records": [
                {
                    "kinesis": {
                        "kinesisSchemaVersion": "1.0",
                        "partitionKey": "ké",
                        "sequenceNumber": number,
                        "data": "aGk=",
                        "approximateArrivalTimestamp": 1736208000.123,
                    },
                    "eventSource": "aws:kinesis",
                    "eventVersion": "1.0",
                    "eventID": f"{shard_id}:{number}",
                    "eventName": "aws:kinesis:record",
                    "invokeIdentityArn": "arn:aws:iam::123456789012:role/lambda-role",
                    "awsRegion": "us-east-1",
                    "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
                }
            ]
        }
    ]
    [batch] = lab.trace.batches.itertuples()
    assert batch.source == "clicks"
    assert (batch.shard, batch.poller, batch.cause) == (shard_id, 1, "no_window")
    payload = int(lab.trace.invocations.payload_bytes.iloc[0])
    assert batch.size_bytes == payload == len(json.dumps(events[0], ensure_ascii=False).encode())
    assert ends(lab) == {("deleted", "batch_succeeded"): 1}
    assert clicks.depth == 1, "the record stays in the stream"


def test_a_shard_is_read_once_a_second() -> None:
    lab, clicks = make()
    seen = counting(lab)
    connect(lab, clicks, "count")
    for number in range(30):
        put(clicks, number)
        lab.advance(0.1)
    lab.run()
    assert seen == [[0], list(range(1, 10)), list(range(10, 20)), list(range(20, 30))]
    asked = lab.trace.invocations.requested_at.dt.microsecond
    assert (asked == 0).all(), "at whole seconds"


def test_a_batch_of_a_hundred_by_default() -> None:
    lab, clicks = make()
    seen = counting(lab)
    put(clicks, *range(250))
    connect(lab, clicks, "count")
    lab.run()
    assert list(map(len, seen)) == [100, 100, 50]
    assert lab.trace.batches.cause.tolist() == ["batch_size", "batch_size", "no_window"]
    assert flat(seen) == list(range(250))


def test_a_window_gathers() -> None:
    lab, clicks = make()
    seen = counting(lab)
    connect(lab, clicks, "count", maximum_batching_window=10, batch_size=8)
    for number in range(20):
        put(clicks, number)
        lab.advance(1)
    lab.run()
    assert list(map(len, seen)) == [8, 8, 4]
    assert lab.trace.batches.cause.tolist() == ["batch_size", "batch_size", "batching_window"]


def test_a_window_begins_when_the_last_batch_was_done() -> None:
    lab, clicks = make()
    lab.create_function("count", duration=2, init=0)
    connect(lab, clicks, "count", maximum_batching_window=10)
    put(clicks, 0)
    lab.run(until=15)
    put(clicks, 1)
    lab.run(until=40)
    put(clicks, 2)
    lab.run()
    assert flushed(lab) == [10, 22, 50], "the second's at 12, the third's with its record"


def test_six_megabytes_of_json() -> None:
    """Data of 102,400 bytes is 136,536 in base64: 45 records fit."""
    lab, clicks = make(shards=1, kinesis_shard_bytes=10**9, kinesis_shard_read_bytes=10**9)
    lab.create_function("count", duration=0.1)
    for _ in range(100):
        clicks.put_record(b"x" * 102_400, "k")
    connect(lab, clicks, "count", batch_size=10_000, maximum_batching_window=60)
    lab.run()
    batches = lab.trace.batches
    assert batches.records.tolist() == [45, 45, 10]
    assert batches.cause.tolist() == ["payload_size", "payload_size", "batching_window"]
    assert (batches.size_bytes <= 6 * 1024 * 1024).all()
    assert (batches.size_bytes == lab.trace.invocations.payload_bytes).all()


@pytest.mark.parametrize(
    ("position", "found"),
    [
        ({"starting_position": "TRIM_HORIZON"}, [0, 1, 2, 3]),
        ({"starting_position": "LATEST"}, [3]),
        ({"starting_position": "AT_TIMESTAMP", "starting_position_timestamp": 5}, [1, 2, 3]),
        ({"starting_position": "AT_TIMESTAMP", "starting_position_timestamp": 5.5}, [2, 3]),
    ],
)
def test_starting_positions(position: dict[str, Any], found: list[int]) -> None:
    lab, clicks = make()
    seen = counting(lab)
    for number in range(3):
        put(clicks, number)
        lab.advance(5)
    mapping = connect(lab, clicks, "count", **position)
    assert mapping.behind == len(found) - 1
    put(clicks, 3)
    lab.run()
    assert flat(seen) == found
    assert mapping.behind == 0


def test_two_mappings_each_get_every_record() -> None:
    lab, clicks = make()
    seen = counting(lab, fail_at())
    lab.create_function("other", duration=0.1, failure_rate=0.5)
    connect(lab, clicks, "count", batch_size=2)
    connect(lab, clicks, "other", batch_size=3)
    put(clicks, *range(10))
    lab.run()
    assert flat(seen) == list(range(10))
    assert ends(lab, "clicks->other") == {("deleted", "batch_succeeded"): 10}


def test_reads_count_for_the_shards_limits() -> None:
    lab, clicks = make(kinesis_shard_reads=1)
    seen = counting(lab)
    other = counting(lab, name="other")
    connect(lab, clicks, "count")
    connect(lab, clicks, "other")
    put(clicks, 1)
    lab.run()
    assert seen == other == [[1]]
    throttles = lab.trace.scaling.query("kind == 'throttle'")
    assert throttles.cause.tolist() == ["throttled_shard"]


def test_lanes_run_at_once_and_keep_each_keys_order() -> None:
    lab, clicks = make()
    lab.create_function("count", duration=10, timeout=20)
    connect(lab, clicks, "count", parallelization_factor=4, batch_size=10)
    for number in range(80):
        clicks.put_record(number, f"k{number % 16}")
    lab.run()
    assert set(lab.trace.batches.poller) == {1, 2, 3, 4}
    calls = lab.trace.invocations
    running = [
        ((calls.requested_at <= at) & (calls.completed_at > at)).sum() for at in calls.requested_at
    ]
    assert max(running) == 4


def test_another_number_of_lanes_waits_for_these_to_be_empty() -> None:
    lab, clicks = make()
    lab.create_function("count", duration=5, timeout=20)
    mapping = connect(lab, clicks, "count", batch_size=1)
    for number in range(6):
        clicks.put_record(number, f"k{number}")
    lab.run(until=7)
    mapping.update(parallelization_factor=3)
    for number in range(6):
        clicks.put_record(number, f"k{number}")
    lab.run()
    assert lab.trace.batches.poller.tolist()[:6] == [1] * 6
    assert len(set(lab.trace.batches.poller[6:])) > 1
    assert mapping.behind == 0


def test_children_come_after_their_parent() -> None:
    lab, clicks = make()
    seen = counting(lab, fail_at(0))
    connect(lab, clicks, "count", batch_size=1, maximum_retry_attempts=3)
    put(clicks, 0, 1)
    clicks.split_shard("shardId-000000000000")
    clicks.put_record(2, "k", 0)
    clicks.put_record(3, "k", 2**127)
    low, high = clicks.shards[1:]
    clicks.merge_shards(low, high)
    put(clicks, 4)
    lab.run()
    assert seen[:5] == [[0]] * 4 + [[1]]
    assert sorted(seen[5:7]) == [[2], [3]]
    assert seen[7:] == [[4]]


def test_a_merged_shard_comes_after_both_its_parents() -> None:
    lab, clicks = make(2)
    seen = counting(lab, fail_at(1))
    connect(lab, clicks, "count", maximum_retry_attempts=2)
    clicks.put_record(1, "k", 0)
    clicks.put_record(2, "k", 2**127)  # done with long before the other parent
    clicks.merge_shards(*clicks.shards)
    put(clicks, 3)
    lab.run()
    assert seen == [[1], [2], [1], [1], [3]]


def test_any_number_of_empty_generations_is_passed_over() -> None:
    """More of them than Python's stack has room for."""
    lab, clicks = make()
    seen = counting(lab)
    for _ in range(250):
        clicks.merge_shards(*clicks.split_shard(clicks.shards[-1]))
    connect(lab, clicks, "count", starting_position="LATEST")
    put(clicks, 1)
    lab.run()
    assert seen == [[1]]


def test_latest_passes_over_what_was_closed() -> None:
    lab, clicks = make()
    seen = counting(lab)
    put(clicks, 0)
    clicks.split_shard("shardId-000000000000")
    put(clicks, 1)
    connect(lab, clicks, "count", starting_position="LATEST")
    put(clicks, 2)
    lab.run()
    assert seen == [[2]]


def test_each_key_keeps_its_order_whatever_the_number_of_lanes() -> None:
    lab, clicks = make()
    seen = counting(lab, duration_of_each(lab))
    mapping = connect(lab, clicks, "count", batch_size=3, parallelization_factor=4)
    for number in range(30):
        clicks.put_record(number, f"k{number % 5}")
    lab.run(until=2.5)
    mapping.update(parallelization_factor=2)
    for number in range(30, 60):
        clicks.put_record(number, f"k{number % 5}")
    lab.run()
    found = flat(seen)
    assert sorted(found) == list(range(60))
    for key in range(5):
        own = [number for number in found if number % 5 == key]
        assert own == sorted(own)
    scaling = lab.trace.scaling.query("kind == 'pollers'")
    assert list(zip(scaling.before, scaling.after, strict=True)) == [(0, 4), (4, 2)]
    assert set(lab.trace.batches.poller) == {1, 2, 3, 4}


def duration_of_each(lab: ll.Lab) -> Any:
    """A run takes a second for each record of an even key, and none for others."""
    import time

    def answer(found: list[int]) -> None:
        time.sleep(sum(number % 2 == 0 for number in found))

    return answer


def test_lanes_that_read_are_rows_of_scaling() -> None:
    lab, clicks = make(shards=2)
    counting(lab)
    mapping = connect(lab, clicks, "count", parallelization_factor=2)
    lab.advance(10)
    clicks.split_shard("shardId-000000000000")  # nothing in it: its children come at once
    lab.advance(10)
    low, high = clicks.shards[2:4]
    clicks.merge_shards(low, high)
    mapping.update(enabled=False)
    mapping.update(enabled=True)
    lab.run()
    rows = lab.trace.scaling
    assert set(rows.subject) == {"clicks->count"}
    assert set(zip(rows.kind, rows.cause, strict=True)) == {("pollers", "configured")}
    assert list(zip(rows.before, rows.after, strict=True)) == [
        (0, 4), (4, 6), (6, 4), (4, 0), (0, 4),
    ]  # fmt: skip


def test_records_that_nobody_read_in_time_are_lost_in_the_open() -> None:
    lab, clicks = make()
    seen = counting(lab, fail_at(0))
    mapping = connect(lab, clicks, "count", batch_size=1)
    put(clicks, 0)
    lab.advance(1)
    put(clicks, 1)  # it has gone when the first is tried for the last time, 2.75 s after its end
    lab.advance("12h")
    put(clicks, 2)
    lab.run()
    assert flat(seen)[-1] == 2
    assert set(flat(seen)) == {0, 2}, "the second record waited for the first for a day"
    rows = ledger(lab)
    lost = rows[(rows.action == "sent") & (rows.cause == "retention")]
    assert len(lost) == 1
    assert (lost.age_ms == 86_400_000).all()
    assert ends(lab) == {("expired", "retention"): 2, ("deleted", "batch_succeeded"): 1}
    assert mapping.behind == 0


def test_what_a_mapping_does_not_read_is_not_lost_to_it() -> None:
    lab, clicks = make()
    counting(lab)
    put(clicks, 0)
    connect(lab, clicks, "count", starting_position="LATEST")
    lab.advance("2d")
    assert clicks.depth == 0
    assert not len(ledger(lab))


# ---- enhanced fan-out


def test_a_consumer_gets_records_pushed() -> None:
    lab, clicks = make()
    fast = clicks.register_consumer("fast")
    assert fast.arn == f"{clicks.arn}/consumer/fast:1736208000"
    events: list[Any] = []
    lab.create_function("count", lambda event, context: events.append(event), init=0)
    lab.create_function("slow", duration=0, init=0)
    connect(lab, fast, "count")
    connect(lab, clicks, "slow")
    for number in range(3):
        put(clicks, number)
        lab.advance(0.3)
    lab.run()
    batches = lab.trace.batches
    since = (batches.flushed_at - lab.trace.start).dt.total_seconds()
    assert since[batches.mapping == "clicks/fast->count"].tolist() == [0.07, 0.37, 0.67]
    assert since[batches.mapping == "clicks->slow"].tolist() == [0, 1]
    assert set(batches.source) == {"clicks"}
    assert {record["eventSourceARN"] for event in events for record in event["Records"]} == {
        fast.arn
    }


def test_records_on_their_way_come_in_a_push_of_their_own() -> None:
    lab, clicks = make()
    seen = counting(lab)
    connect(lab, clicks.register_consumer("fast"), "count")
    put(clicks, 0)
    lab.advance(0.05)
    put(clicks, 1)
    lab.run()
    assert seen == [[0], [1]]
    assert flushed(lab) == [0.07, 0.12]


def test_what_was_due_expires_before_it_is_pushed() -> None:
    lab, clicks = make(kinesis_push_latency=1.0, kinesis_shard_read_bytes=1_000)
    for _ in range(3):
        clicks.put_record(b"1" * 900, "k")
    seen = counting(lab)
    fast = clicks.register_consumer("fast")
    mapping = connect(lab, fast, "count", batch_size=1, enabled=False)
    lab.run(until=86_399.9)
    mapping.enable()  # one is read; the rate keeps the others out until they have expired
    lab.run(until=86_400.05)
    put(clicks, 5)
    lab.run()
    assert [found[0] % 10 for found in seen] == [1, 5]
    assert flushed(lab)[-1] == 86_401.05


def test_a_consumer_is_found_by_its_arn_and_its_name() -> None:
    lab, clicks = make()
    fast = clicks.register_consumer("fast")
    counting(lab)
    mapping = connect(lab, fast.arn, "count")
    assert mapping.source is fast
    assert lab.list_event_source_mappings(source="clicks/fast") == [mapping]
    assert lab.list_event_source_mappings(source=clicks) == []
    with pytest.raises(ResourceConflictException):
        connect(lab, "clicks/fast", "count")
    with pytest.raises(InvalidParameterValueException, match="Stream not found"):
        connect(lab, f"{fast.arn}0", "count")
    with pytest.raises(UnknownName):
        connect(lab, "clicks/slow", "count")


def test_consumers_have_a_rate_of_their_own() -> None:
    """Of 3 MiB two come with the first second, wherever others read."""
    lab, clicks = make(kinesis_shard_bytes=10**9)
    for _ in range(6):
        clicks.put_record(b"x" * (512 * 1024 - 1), "k")
    lab.create_function("count", duration=0, init=0)
    connect(lab, clicks.register_consumer("a"), "count", batch_size=1)
    connect(lab, clicks.register_consumer("b"), "count", batch_size=1)
    lab.run()
    at = [second for second in flushed(lab) if second < 1]
    assert len(at) == 8, "four of each"


def test_consumers_have_names_and_a_limit(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    first = clicks.register_consumer("c0")
    assert repr(first) == "<consumer c0 of stream clicks: enhanced fan-out>"
    with pytest.raises(ResourceInUseException, match="already exists"):
        clicks.register_consumer("c0")
    with pytest.raises(ValueError, match="name"):
        clicks.register_consumer("no spaces")
    for number in range(1, 20):
        clicks.register_consumer(f"c{number}")
    with pytest.raises(LimitExceededException, match="20"):
        clicks.register_consumer("c20")
    assert list(clicks.consumers)[:2] == ["c0", "c1"]
    lab.create_function("count", duration=0.1)
    other = ll.Lab().kinesis.create_stream("clicks").register_consumer("c0")
    with pytest.raises(UnknownName):
        connect(lab, other, "count")
