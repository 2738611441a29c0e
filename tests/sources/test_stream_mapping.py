"""Mappings of streams: what the function gets, when, and what becomes of batches that fail."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import (
    InvalidParameterValueException,
    InvalidSetting,
    LabClosed,
    ResourceConflictException,
    UnknownName,
    UnknownSetting,
)
from lambdalab.sources.kinesis.stream import Stream
from tests.sources.streams import connect, make, put, numbers, counting, flat, fail_at, ends, outcomes, report

REPORT = ("ReportBatchItemFailures",)
QUICK = {"environment_setup": 0.0}


def make(shards: int = 1, **quotas: Any) -> tuple[ll.Lab, Stream]:
    lab = ll.Lab(seed=7, quotas=QUICK | quotas)
    return lab, lab.kinesis.create_stream("clicks", shard_count=shards)


def numbers(event: dict[str, Any]) -> list[int]:
    """What the records of an event say."""
    return [json.loads(base64.b64decode(r["kinesis"]["data"])) for r in event["Records"]]


def counting(
    lab: ll.Lab, answer: Callable[[list[int]], Any] = lambda found: None, **more: Any
) -> list[list[int]]:
    """A function `count`, made to answer so; the list grows with each of its runs."""
    seen: list[list[int]] = []

    def count(event: Any, context: Any) -> Any:
        found = numbers(event)
        seen.append(found)
        return answer(found)

    lab.create_function("count", count, **({"init": 0} | more))
    return seen


def flat(seen: list[list[int]]) -> list[int]:
    return [number for found in seen for number in found]


def fail_at(*poison: int) -> Callable[[list[int]], None]:
    def answer(found: list[int]) -> None:
        if set(poison) & set(found):
            raise ValueError("poison")

    return answer


def put(stream: Stream, *data: int, key: str = "k") -> None:
    for number in data:
        stream.put_record(number, key)


def ends(lab: ll.Lab, mapping: str = "clicks->count") -> dict[tuple[str, str], int]:
    rows = lab.trace.queue_events
    rows = rows[rows.queue == f"{mapping} (records)"]
    rows = rows[rows.action.isin(["deleted", "dropped", "expired"])]
    return dict(Counter(zip(rows.action, rows.cause, strict=True)))


def outcomes(lab: ll.Lab) -> list[tuple[int, str]]:
    return list(zip(lab.trace.batches.records, lab.trace.batches.outcome, strict=True))


# ---- what the function gets


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
    assert (batch.shard, batch.poller, batch.cause) == (shard_id, 1, "no_window")
    payload = int(lab.trace.invocations.payload_bytes.iloc[0])
    assert batch.size_bytes == payload == len(json.dumps(events[0], ensure_ascii=False).encode())
    assert ends(lab) == {("deleted", "batch_succeeded"): 1}
    assert clicks.depth == 1, "the record stays in the stream"


# ---- when


def test_a_shard_is_read_once_a_second() -> None:
    lab, clicks = make()
    seen = counting(lab)
    connect(lab, clicks, "count")
    for number in range(30):
        put(clicks, number)
        lab.advance(0.1)
    lab.run()
    assert seen == [[0], list(range(1, 10)), list(range(10, 20)), list(range(20, 30))]
    flushed = lab.trace.invocations.requested_at.dt.microsecond
    assert (flushed == 0).all(), "at whole seconds"


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
    flushed = (lab.trace.batches.flushed_at - lab.trace.start).dt.total_seconds()
    assert flushed.tolist() == [10, 22, 50], "the second's at 12, the third's with its record"


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
    other = counting_other(lab)
    connect(lab, clicks, "count")
    connect(lab, clicks, "other")
    put(clicks, 1)
    lab.run()
    assert seen == other == [[1]]
    throttles = lab.trace.scaling.query("kind == 'throttle'")
    assert throttles.cause.tolist() == ["throttled_shard"]


def counting_other(lab: ll.Lab) -> list[list[int]]:
    found: list[list[int]] = []
    lab.create_function("other", lambda event, context: found.append(numbers(event)), init=0)
    return found


# ---- failures


def test_a_failed_batch_is_tried_until_it_succeeds() -> None:
    lab, clicks = make()
    tries: list[int] = []

    def answer(found: list[int]) -> None:
        tries.extend(found[:1])
        if len(tries) < 5:
            raise ValueError("not yet")

    seen = counting(lab, answer)
    connect(lab, clicks, "count", batch_size=2)
    put(clicks, 0, 1, 2, 3)
    lab.run()
    assert seen == [[0, 1]] * 5 + [[2, 3]], "the shard is held up"
    assert outcomes(lab) == [(2, "failure")] * 4 + [(2, "success")] * 2
    retries = lab.trace.retries
    assert retries.planned_ms.tolist()[::2] == [250, 500, 1000, 2000]
    assert set(retries.lane) == {"source"}
    parents = lab.trace.batches.parent_batch_id
    assert parents.ne("").sum() == 4
    assert ends(lab) == {("deleted", "batch_succeeded"): 4}


def test_other_shards_go_on() -> None:
    lab, clicks = make(shards=2)
    seen = counting(lab, fail_at(0))
    connect(lab, clicks, "count", maximum_retry_attempts=20)
    clicks.put_record(0, "k", 0)
    clicks.put_record(1, "k", 2**127)
    lab.run(until=10)
    assert [1] in seen
    assert seen.count([0]) > 3


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_so_many_retries_and_then_the_on_failure_queue(retries: int) -> None:
    lab, clicks = make()
    seen = counting(lab, fail_at(0))
    failed = lab.sqs.create_queue("failed")
    connect(lab, clicks, "count", batch_size=2, maximum_retry_attempts=retries, on_failure=failed)
    put(clicks, 0, 1, 2)
    first, second, _ = clicks.records
    lab.run()
    assert seen == [[0, 1]] * (retries + 1) + [[2]]
    assert ends(lab) == {("dropped", "retries_exhausted"): 2, ("deleted", "batch_succeeded"): 1}
    [message] = failed.messages
    calls = lab.trace.invocations
    assert message.body == {
        "requestContext": {
            "requestId": calls.request_id.iloc[retries],
            "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:count",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": retries + 1,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "version": "1.0",
        "timestamp": message.body["timestamp"],
        "KinesisBatchInfo": {
            "shardId": "shardId-000000000000",
            "startSequenceNumber": first.sequence_number,
            "endSequenceNumber": second.sequence_number,
            "approximateArrivalOfFirstRecord": "2025-01-07T00:00:00.000Z",
            "approximateArrivalOfLastRecord": "2025-01-07T00:00:00.000Z",
            "batchSize": 2,
            "streamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
        },
    }
    assert list(message.body) == [
        "requestContext", "responseContext", "version", "timestamp", "KinesisBatchInfo",
    ]  # fmt: skip


def test_a_failed_batch_is_cut_in_two() -> None:
    lab, clicks = make()
    seen = counting(lab, fail_at(5))
    connect(
        lab, clicks, "count", batch_size=8, maximum_retry_attempts=0,
        bisect_batch_on_function_error=True,
    )  # fmt: skip
    put(clicks, *range(10))
    lab.run()
    assert seen == [
        [0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3], [4, 5, 6, 7], [4, 5], [4], [5], [6, 7], [8, 9],
    ]  # fmt: skip
    assert ends(lab) == {("dropped", "retries_exhausted"): 1, ("deleted", "batch_succeeded"): 9}


def test_cutting_uses_up_no_retry() -> None:
    lab, clicks = make()
    seen = counting(lab, fail_at(3))
    connect(
        lab, clicks, "count", maximum_retry_attempts=2, bisect_batch_on_function_error=True,
    )  # fmt: skip
    put(clicks, 0, 1, 2, 3)
    lab.run()
    assert seen == [[0, 1, 2, 3], [0, 1], [2, 3], [2], [3], [3], [3]]


def report(event: Any, poison: int) -> dict[str, Any]:
    failed = [
        {"itemIdentifier": record["kinesis"]["sequenceNumber"]}
        for record in event["Records"]
        if json.loads(base64.b64decode(record["kinesis"]["data"])) >= poison
    ]
    return {"batchItemFailures": failed[::-1]}


def test_a_checkpoint_as_recorded() -> None:
    """Six records of which the last fails, three retries: 1 to 6, and 6 four times more."""
    lab, clicks = make()
    seen: list[list[int]] = []

    @lab.function(init=0)
    def count(event: Any, context: Any) -> Any:
        seen.append(numbers(event))
        return report(event, 6)

    failed = lab.sqs.create_queue("failed")
    connect(
        lab, clicks, "count", maximum_retry_attempts=3, function_response_types=REPORT,
        on_failure="failed",
    )  # fmt: skip
    put(clicks, *range(1, 7))
    lab.run()
    assert seen == [[1, 2, 3, 4, 5, 6]] + [[6]] * 4
    [message] = failed.messages
    assert message.body["requestContext"]["approximateInvokeCount"] == 4
    assert message.body["responseContext"]["functionError"] is None
    assert message.body["KinesisBatchInfo"]["batchSize"] == 1
    assert outcomes(lab) == [(6, "partial")] + [(1, "partial")] * 4
    assert ends(lab) == {
        ("deleted", "partial_batch_failure"): 5, ("dropped", "retries_exhausted"): 1,
    }  # fmt: skip


def test_a_shortened_batch_has_all_its_retries() -> None:
    lab, clicks = make()
    seen: list[list[int]] = []

    @lab.function(init=0)
    def count(event: Any, context: Any) -> Any:
        seen.append(numbers(event))
        if len(seen) == 1:
            raise ValueError("once")
        return report(event, 3)

    connect(
        lab, clicks, "count", maximum_retry_attempts=1, function_response_types=REPORT,
    )  # fmt: skip
    put(clicks, 1, 2, 3, 4)
    lab.run()
    assert seen == [[1, 2, 3, 4], [1, 2, 3, 4], [3, 4], [3, 4]], "from the lowest that is named"


def test_waits_begin_anew_for_what_a_batch_is_cut_into() -> None:
    lab, clicks = make()
    counting(lab, fail_at(3))
    connect(
        lab, clicks, "count", maximum_retry_attempts=2, bisect_batch_on_function_error=True,
    )  # fmt: skip
    put(clicks, 0, 1, 2, 3)
    lab.run()
    planned = lab.trace.retries.planned_ms.tolist()
    assert planned == [250.0] * 6 + [250.0, 500.0]


@pytest.mark.parametrize(
    "answer", ["", None, {}, [], {"batchItemFailures": []}, {"batchItemFailures": None}]
)
def test_answers_that_mean_success(answer: Any) -> None:
    lab, clicks = make()
    seen = counting(lab, lambda found: answer)
    connect(lab, clicks, "count", function_response_types=REPORT)
    put(clicks, 0, 1)
    lab.run()
    assert (seen, outcomes(lab)) == ([[0, 1]], [(2, "success")])


@pytest.mark.parametrize(
    "entries",
    [
        [{"itemIdentifier": ""}],
        [{"itemIdentifier": None}],
        [{"foo": "bar"}],
        [{"foo": None}],
        [{"itemIdentifier": "4959"}],
    ],
)
def test_answers_that_fail_the_whole_batch(entries: Any) -> None:
    lab, clicks = make()
    seen = counting(lab, lambda found: {"batchItemFailures": entries})
    connect(lab, clicks, "count", function_response_types=REPORT, maximum_retry_attempts=1)
    put(clicks, 0, 1)
    lab.run()
    assert (seen, outcomes(lab)) == ([[0, 1]] * 2, [(2, "failure")] * 2)


def test_without_the_feature_the_answer_says_nothing() -> None:
    lab, clicks = make()
    seen = counting(lab, lambda found: {"batchItemFailures": [{"itemIdentifier": ""}]})
    connect(lab, clicks, "count")
    put(clicks, 0)
    lab.run()
    assert (seen, outcomes(lab)) == ([[0]], [(1, "success")])


def test_a_record_that_fails_for_ever_blocks_until_it_expires() -> None:
    lab, clicks = make()
    seen = counting(lab, fail_at(0))
    failed = lab.sqs.create_queue("failed")
    connect(lab, clicks, "count", batch_size=1, on_failure=failed)
    put(clicks, 0)
    lab.advance("1h")
    put(clicks, 1)
    lab.run()
    assert 86_400 <= lab.elapsed < 86_400 + 61
    assert seen[-1] == [1]
    assert 1_440 <= len(seen) <= 1_460
    assert ends(lab) == {("expired", "retention"): 1, ("deleted", "batch_succeeded"): 1}
    assert not len(failed), "nobody is told of what its stream let go"
    assert lab.trace.invocations.requested_at.lt("2025-01-07T00:01:00Z").sum() == 8


def test_records_that_are_too_old_are_given_up() -> None:
    lab, clicks = make()
    seen = counting(lab, fail_at(0))
    failed = lab.sqs.create_queue("failed")
    connect(lab, clicks, "count", maximum_record_age=60, on_failure=failed.arn)
    put(clicks, 0)
    lab.run()
    assert len(seen) == 8
    [message] = failed.messages
    assert message.body["requestContext"]["condition"] == "RecordAgeExceeded"
    assert message.body["requestContext"]["approximateInvokeCount"] == 8
    assert "responseContext" not in message.body
    assert ends(lab) == {("dropped", "record_age_exceeded"): 1}


def test_records_that_were_too_old_at_once() -> None:
    lab, clicks = make()
    seen = counting(lab)
    failed = lab.sqs.create_queue("failed")
    put(clicks, 0, 1)
    lab.advance(61)
    put(clicks, 2)
    connect(lab, clicks, "count", maximum_record_age=60, on_failure=failed)
    lab.run()
    assert seen == [[2]]
    [message] = failed.messages
    assert message.body["requestContext"]["approximateInvokeCount"] == 1
    assert message.body["KinesisBatchInfo"]["batchSize"] == 2


@pytest.mark.parametrize(("age", "found"), [(60, [[0]]), (60.000001, [])])
def test_the_age_to_the_microsecond(age: float, found: list[list[int]]) -> None:
    lab, clicks = make()
    seen = counting(lab)
    put(clicks, 0)
    lab.advance(age)
    connect(lab, clicks, "count", maximum_record_age=60)
    lab.run()
    assert seen == found


def test_throttles_use_up_no_retries() -> None:
    lab, clicks = make()
    seen = counting(lab, reserved_concurrency=0)
    connect(lab, clicks, "count", maximum_retry_attempts=0)
    put(clicks, 0)
    lab.run(until=100)
    assert seen == []
    assert (lab.trace.invocations.status == "throttled").sum() >= 8
    lab.put_function_concurrency("count", 1)
    lab.run()
    assert seen == [[0]]
    assert outcomes(lab) == [(1, "success")], "one batch, invoked many times"
    assert ends(lab) == {("deleted", "batch_succeeded"): 1}


def test_a_throttled_batch_grows_too_old() -> None:
    lab, clicks = make()
    seen = counting(lab, reserved_concurrency=0)
    connect(lab, clicks, "count", maximum_record_age=60)
    put(clicks, 0)
    lab.run()
    assert (seen, outcomes(lab)) == ([], [(1, "throttled")])
    assert ends(lab) == {("dropped", "record_age_exceeded"): 1}


# ---- lanes, and shards that come and go


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


# ---- as things


def test_disabled_it_reads_nothing_and_goes_on_where_it_was() -> None:
    lab, clicks = make()
    seen = counting(lab)
    mapping = connect(lab, clicks, "count", enabled=False)
    assert mapping.state == "Disabled"
    put(clicks, 0)
    lab.run()
    assert seen == []
    mapping.update(enabled=True)
    lab.run()
    assert (seen, mapping.state) == ([[0]], "Enabled")
    mapping.update(enabled=False)
    put(clicks, 1)
    lab.advance(10)
    assert mapping.behind == 1
    mapping.update(enabled=True)
    lab.run()
    assert seen == [[0], [1]]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"starting_position": None}, InvalidParameterValueException),
        ({"starting_position": "FIRST"}, InvalidSetting),
        ({"starting_position": "AT_TIMESTAMP"}, InvalidSetting),
        ({"starting_position_timestamp": 3}, InvalidSetting),
        (
            {"starting_position": "AT_TIMESTAMP", "starting_position_timestamp": "x"},
            InvalidSetting,
        ),
        ({"batch_size": 0}, InvalidSetting),
        ({"batch_size": 10_001}, InvalidSetting),
        ({"maximum_batching_window": 301}, InvalidSetting),
        ({"parallelization_factor": 0}, InvalidSetting),
        ({"parallelization_factor": 11}, InvalidSetting),
        ({"maximum_retry_attempts": -2}, InvalidSetting),
        ({"maximum_retry_attempts": 10_001}, InvalidSetting),
        ({"maximum_record_age": 0}, InvalidSetting),
        ({"maximum_record_age": 59}, InvalidSetting),
        ({"maximum_record_age": 604_801}, InvalidSetting),
        ({"maximum_record_age": True}, InvalidSetting),
        ({"bisect_batch_on_function_error": 1}, InvalidSetting),
        ({"enabled": None, "function_response_types": ["x"]}, InvalidSetting),
        ({"on_failure": "nobody"}, UnknownName),
        ({"on_failure": 5}, InvalidSetting),
        ({"batching_window": 5}, UnknownSetting),
    ],
)
def test_settings_that_cannot_be(
    lab: ll.Lab, given: dict[str, Any], error: type[Exception]
) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=0.1)
    with pytest.raises(error):
        connect(lab, clicks, "count", **given)
    assert lab.list_event_source_mappings() == []


def test_where_it_starts_cannot_be_changed(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=0.1)
    mapping = connect(lab, clicks, "count", maximum_record_age=60, batch_size=10_000)
    with pytest.raises(InvalidSetting, match="starting_position"):
        mapping.update(starting_position="LATEST")
    mapping.update(maximum_record_age=None)
    assert mapping.settings.maximum_record_age == -1
    assert repr(mapping) == (
        "<mapping clicks->count: TRIM_HORIZON, batch size 10,000, batching window 0 s>"
    )
    assert "clicks-&gt;count" in mapping._repr_html_()


def test_two_are_connected_once(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=0.1)
    mapping = connect(lab, clicks, "count")
    with pytest.raises(ResourceConflictException, match="already exists"):
        connect(lab, clicks, "count")
    found = lab._mappings
    assert found["clicks->count"] is mapping
    assert list(found) == [mapping]
    with pytest.raises(UnknownName):
        found["clicks"]
    lab.close()
    with pytest.raises(LabClosed):
        mapping.update(batch_size=5)


def test_another_run_leaves_the_same_books() -> None:
    lab, clicks = make(shards=2)
    counting(lab, fail_at(7))
    connect(
        lab, clicks, "count", batch_size=5, maximum_retry_attempts=2, parallelization_factor=2,
        bisect_batch_on_function_error=True,
    )  # fmt: skip
    digests = []
    for _ in range(2):
        for number in range(40):
            clicks.put_record(number, f"k{number % 7}")
        clicks.split_shard("shardId-000000000001")
        lab.run()
        digests.append(str(lab.trace.digest()))
        lab.reset()
    assert digests[0] == digests[1]


# ---- whatever happens

SETTINGS = st.fixed_dictionaries(
    {
        "batch_size": st.sampled_from([1, 2, 5, 100]),
        "maximum_batching_window": st.sampled_from([0, 3]),
        "parallelization_factor": st.sampled_from([1, 3]),
        "maximum_retry_attempts": st.sampled_from([0, 2, -1]),
        "maximum_record_age": st.sampled_from([-1, 60]),
        "bisect_batch_on_function_error": st.booleans(),
        "function_response_types": st.sampled_from([(), REPORT]),
    }
)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 8)),
        st.tuples(st.just("wait"), st.integers(0, 4_000)),
        st.tuples(st.just("split"), st.integers(0, 9)),
        st.tuples(st.just("merge"), st.integers(0, 9)),
        st.tuples(st.just("switch"), st.just(0)),
        st.tuples(st.just("reserve"), st.integers(0, 2)),
    ),
    max_size=20,
)


@settings(max_examples=50)
@given(SETTINGS, ACTS, st.sets(st.integers(0, 40), max_size=4), st.integers(0, 2))
def test_no_record_is_lost_and_order_is_kept(
    given_settings: dict[str, Any], acts: list[tuple[str, int]], poison: set[int], flaky: int
) -> None:
    lab, clicks = make()
    runs: list[list[int]] = []
    if given_settings["maximum_retry_attempts"] == given_settings["maximum_record_age"] == -1:
        poison = set()  # it would hold the others up until their stream lets them go

    def count(event: Any, context: Any) -> Any:
        found = numbers(event)
        runs.append(found)
        bad = [n for n in found if n in poison]
        if len(runs) % 3 < flaky and len(runs) < 30:
            raise RuntimeError("flaky")
        if bad and given_settings["function_response_types"]:
            return report(event, min(bad))
        if bad:
            raise ValueError("poison")
        return None

    lab.create_function("count", count, init=0)
    mapping = connect(lab, clicks, "count", **given_settings)
    keys: dict[int, str] = {}
    for verb, number in acts:
        shards = clicks.store.open_shards
        if verb == "put":
            for _ in range(number):
                key = f"k{len(keys) % 5}"
                clicks.put_record(len(keys), key)
                keys[len(keys)] = key
        elif verb == "wait":
            lab.advance(number / 1_000)
        elif verb == "split" and len(shards) < 5:
            clicks.split_shard(shards[number % len(shards)])
        elif verb == "merge" and len(shards) > 1:
            place = number % (len(shards) - 1)
            clicks.merge_shards(shards[place], shards[place + 1])
        elif verb == "switch":
            mapping.update(enabled=not mapping.enabled)
        elif verb == "reserve":
            lab.put_function_concurrency("count", number)
    mapping.update(enabled=True)
    lab.put_function_concurrency("count", 100)
    lab.run()
    assert mapping.behind == 0
    assert sum(ends(lab).values()) == len(keys), "each record ends once"
    assert (lab.trace.batches.records <= given_settings["batch_size"]).all()
    first: dict[int, int] = {}
    for place, numbers_seen in enumerate(runs):
        assert numbers_seen == sorted(numbers_seen)
        for number in numbers_seen:
            first.setdefault(number, place)
    for key in set(keys.values()):
        places = [first[number] for number in keys if keys[number] == key and number in first]
        assert places == sorted(places), "a key's records are begun in order"
    never = given_settings["maximum_record_age"] == -1
    assert not never or sorted(first) == sorted(keys), "and each is tried"
