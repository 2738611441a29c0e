"""What becomes of stream records whose batch fails: tried again, cut, given up, told to a queue."""

from __future__ import annotations

import pytest

import lambdalab as ll
from tests.sources.streams import (
    connect,
    counting,
    ends,
    fail_at,
    ledger,
    make,
    outcomes,
    put,
)


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


def test_after_throttles_a_batch_has_all_its_retries() -> None:
    lab, clicks = make()
    seen = counting(lab, fail_at(0), reserved_concurrency=0)
    failed = lab.sqs.create_queue("failed")
    connect(lab, clicks, "count", maximum_retry_attempts=2, on_failure=failed)
    put(clicks, 0)
    lab.run(until=100)
    lab.put_function_concurrency("count", 1)
    lab.run()
    assert seen == [[0]] * 3
    [message] = failed.messages
    assert message.body["requestContext"]["approximateInvokeCount"] == 3


def test_a_throttled_batch_grows_too_old() -> None:
    lab, clicks = make()
    seen = counting(lab, reserved_concurrency=0)
    connect(lab, clicks, "count", maximum_record_age=60)
    put(clicks, 0)
    lab.run()
    assert (seen, outcomes(lab)) == ([], [(1, "throttled")])
    assert ends(lab) == {("dropped", "record_age_exceeded"): 1}


def test_a_failure_record_is_a_delivery() -> None:
    """Each part of a batch that is given up leaves the mapping's books once, and arrives once."""
    lab, clicks = make()
    counting(lab, fail_at(1, 6))
    failed = lab.sqs.create_queue("failed")
    connect(
        lab, clicks, "count", maximum_retry_attempts=0, bisect_batch_on_function_error=True,
        on_failure=failed,
    )  # fmt: skip
    put(clicks, *range(8))
    first = clicks.records[1]
    lab.run()
    rows = ledger(lab).query("action == 'delivered'")
    assert rows.cause.tolist() == ["retries_exhausted"] * 2
    assert rows.depth.tolist() == [6, 1], "not yet done with"
    arrived = lab.trace.queue_events.query("queue == 'failed'")
    assert set(zip(arrived.action, arrived.cause, strict=True)) == {("sent", "destination")}
    assert arrived.request_id.tolist() == rows.request_id.tolist()
    assert rows.event_id.iloc[0] == ledger(lab).query("action == 'dropped'").event_id.iloc[0]
    assert [message.body["KinesisBatchInfo"]["batchSize"] for message in failed.messages] == [1, 1]
    info = failed.messages[0].body["KinesisBatchInfo"]
    assert info["startSequenceNumber"] == info["endSequenceNumber"] == first.sequence_number


def test_a_qualified_function_is_named_as_the_mapping_has_it() -> None:
    lab, clicks = make()
    counting(lab, fail_at(0))
    lab.publish_version("count")
    lab.create_alias("count", "live", 1)
    failed = lab.sqs.create_queue("failed")
    connect(lab, clicks, "count:live", maximum_retry_attempts=0, on_failure=failed)
    put(clicks, 0)
    lab.run()
    [message] = failed.messages
    arn = "arn:aws:lambda:us-east-1:123456789012:function:count:live"
    assert message.body["requestContext"]["functionArn"] == arn
    assert message.body["responseContext"]["executedVersion"] == "1"


def test_disabled_it_tries_nothing_again_and_goes_on_from_there() -> None:
    lab, clicks = make()
    seen = counting(lab, fail_at(0))
    mapping = connect(lab, clicks, "count", batch_size=2)
    put(clicks, 0, 1, 2)
    lab.run(until=2)
    assert seen == [[0, 1]] * 4, "at 0, 0.25, 0.75 and 1.75 s"
    mapping.update(enabled=False)
    lab.run(until="1h")
    assert (len(seen), mapping.behind) == (4, 3)
    mapping.update(enabled=True, maximum_retry_attempts=4)
    lab.run()
    assert seen == [[0, 1]] * 5 + [[2]]
    assert ends(lab) == {("dropped", "retries_exhausted"): 2, ("deleted", "batch_succeeded"): 1}


def test_disabled_it_lets_a_throttled_batch_go() -> None:
    lab, clicks = make()
    seen = counting(lab, reserved_concurrency=0)
    mapping = connect(lab, clicks, "count")
    put(clicks, 0)
    lab.run(until=2)
    mapping.update(enabled=False)
    lab.run()
    assert lab.elapsed < 10
    assert outcomes(lab) == [(1, "throttled")]
    lab.put_function_concurrency("count", 1)
    mapping.update(enabled=True)
    lab.run()
    assert (seen, outcomes(lab)) == ([[0]], [(1, "throttled"), (1, "success")])


def test_a_record_that_no_function_can_be_given_uses_up_its_retries() -> None:
    """As JSON it is over 6 MB: waiting would not help."""
    lab = ll.Lab(rules="latest")
    lab.create_function("count", duration=0.1)
    stream = lab.kinesis.create_stream("clicks", max_record_size=10_240)
    failed = lab.sqs.create_queue("failed")
    lab.create_event_source_mapping(
        stream, "count", starting_position="TRIM_HORIZON", maximum_retry_attempts=2,
        on_failure=failed, batch_size=1,
    )  # fmt: skip
    stream.put_record(b"x" * 5_000_000, "key")
    lab.advance(10)  # the shard lets no more in before
    stream.put_record(b"y", "key")
    lab.run()
    assert lab.trace.batches["outcome"].tolist() == ["failure"] * 3 + ["success"]
    [told] = failed.messages
    assert told.body["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert told.body["KinesisBatchInfo"]["batchSize"] == 1


@pytest.mark.parametrize("setting", ["stream_retry_backoff_first", "stream_retry_backoff_maximum"])
def test_nothing_is_tried_twice_in_one_instant(setting: str) -> None:
    """Where no back-off is wanted a millisecond passes; else time would stand still."""
    lab, clicks = make(**{setting: 0})
    seen = counting(lab, fail_at(0))
    connect(lab, clicks, "count")
    put(clicks, 0)
    lab.run(until=0.1)
    assert 90 <= len(seen) <= 101
    lab.put_function_concurrency("count", 0)
    lab.run(until=0.2)
    assert lab.elapsed == 0.2
