"""Where failed events go beside queues: topics, buses and buckets; and loops that go through them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import InvalidSetting, ServiceError
from tests.fidelity.shapes import ACCOUNT, MILLIS, REGION, SECONDS, TEXT, UUID, AtLeast, arn, check

LATEST = arn("lambda", "function:f:$LATEST")


def record(condition: str, payload: Any) -> dict[str, Any]:
    """The record of a function that returned 7, or raised."""
    good = condition == "Success"
    context = {"statusCode": 200, "executedVersion": "$LATEST"}
    error = {"errorMessage": "no", "errorType": "ValueError", "requestId": UUID, "stackTrace": list}
    return {
        "version": "1.0", "timestamp": MILLIS,
        "requestContext": {
            "requestId": UUID, "functionArn": LATEST, "condition": condition,
            "approximateInvokeCount": 1,
        },
        "requestPayload": payload,
        "responseContext": context if good else {**context, "functionError": "Unhandled"},
        "responsePayload": 7 if good else error,
    }  # fmt: skip


def work(event: Any, context: Any) -> int:
    if event["n"] == 0:
        raise ValueError("no")
    return 7


def working(lab: ll.Lab, **settings: Any) -> None:
    """A function with these targets, called with a success and a failure."""
    lab.create_function("f", work, maximum_retry_attempts=0, **settings)
    for number in (1, 0):
        lab.invoke("f", {"n": number}, invocation_type="Event")
    lab.run()


def bodies(lab: ll.Lab, queue: str) -> list[Any]:
    return [json.loads(message.body) for message in lab.sqs[queue].receive(10)]


# ---------------------------------------------------------------------- destinations


def test_a_topic_gets_the_record_as_message(lab: ll.Lab) -> None:
    topic, queue = lab.sns.create_topic("t"), lab.sqs.create_queue("q")
    topic.subscribe(queue)
    working(lab, on_success=topic, on_failure=topic)
    told = [json.loads(each["Message"]) for each in bodies(lab, "q")]
    check(told, [record("Success", {"n": 1}), record("RetriesExhausted", {"n": 0})])


def test_a_record_above_256_kb_loses_its_payloads_or_fails(lab: ll.Lab) -> None:
    """AWS's two texts differ; which one holds is a rule."""
    topic, queue = lab.sns.create_topic("t"), lab.sqs.create_queue("q")
    topic.subscribe(queue)
    lab.create_function("f", lambda event, context: "x" * 200_000, on_success=topic)
    lab.invoke("f", {"n": "x" * 100_000}, invocation_type="Event")
    lab.run()
    [envelope] = bodies(lab, "q")
    told = json.loads(envelope["Message"])
    assert {"requestPayload", "responsePayload"} & set(told) == set()
    assert told["requestContext"]["condition"] == "Success"
    other = ll.Lab(seed=7, quotas={"sns_record_drops_payloads": False})
    other.create_function(
        "f", lambda event, context: "x" * 300_000, on_success=other.sns.create_topic("t")
    )
    other.invoke("f", invocation_type="Event")
    other.run()
    figures = other.trace.metrics(period=86_400).set_index("metric")["sum"]
    assert figures["DestinationDeliveryFailures"] == 1


def test_a_bus_gets_the_record_as_detail(lab: ll.Lab) -> None:
    bus, queue = lab.eventbridge["default"], lab.sqs.create_queue("q")
    bus.put_rule("all", event_pattern={"source": ["lambda"]}).put_target(queue)
    working(lab, on_success=bus, on_failure=bus)

    def event(how: str, detail: dict[str, Any]) -> dict[str, Any]:
        return {
            "version": "0", "id": UUID, "account": ACCOUNT, "time": SECONDS, "region": REGION,
            "source": "lambda", "detail-type": f"Lambda Function Invocation Result - {how}",
            "resources": [arn("events", "event-bus/default"), LATEST], "detail": detail,
        }  # fmt: skip

    good, bad = record("Success", {"n": 1}), record("RetriesExhausted", {"n": 0})
    check(bodies(lab, "q"), [event("Success", good), event("Failure", bad)])


def test_a_bucket_gets_the_record_of_a_failure_as_an_object(lab: ll.Lab) -> None:
    bucket = lab.s3.create_bucket("failed")
    with pytest.raises(InvalidSetting, match="on_failure"):
        lab.create_function("g", duration=1, on_success=bucket)
    working(lab, on_failure=bucket)
    [kept] = bucket.objects
    day = r"2025/01/07/2025-01-07T\d\d\.\d\d\.\d\d-"
    assert re.fullmatch(f"aws/lambda/async/f/{day}{UUID.pattern}", kept.key)
    check(kept.json(), record("RetriesExhausted", {"n": 0}))


@pytest.mark.parametrize(("rules", "may"), [("2024-11-21", False), ("2024-11-22", True)])
def test_buckets_are_destinations_since_november_2024(rules: str, may: bool) -> None:
    lab = ll.Lab(seed=7, rules=rules)
    bucket = lab.s3.create_bucket("failed")
    if may:
        assert lab.create_function("f", duration=1, on_failure=bucket)
        return
    with pytest.raises(InvalidSetting, match="2024-11-22"):
        lab.create_function("f", duration=1, on_failure=bucket)


def test_no_fifo_topics(lab: ll.Lab) -> None:
    for setting in ("on_failure", "dead_letter_queue"):
        with pytest.raises((InvalidSetting, ServiceError), match="FIFO"):
            lab.create_function("f", duration=1, **{setting: arn("sns", "t.fifo")})


# ---------------------------------------------------------------------- of streams


def failing_stream(lab: ll.Lab, target: Any) -> Any:
    stream = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=0.1, failure_rate=1)
    mapping = lab.create_event_source_mapping(
        stream, "count", starting_position="TRIM_HORIZON", maximum_retry_attempts=0,
        on_failure=target,
    )  # fmt: skip
    stream.put_record({"n": 1}, partition_key="a")
    lab.run(until=30)
    return mapping


def stream_record(**members: Any) -> dict[str, Any]:
    batch = {
        "shardId": "shardId-000000000000", "startSequenceNumber": TEXT, "endSequenceNumber": TEXT,
        "approximateArrivalOfFirstRecord": MILLIS, "approximateArrivalOfLastRecord": MILLIS,
        "batchSize": 1, "streamArn": arn("kinesis", "stream/clicks"),
    }  # fmt: skip
    return {
        "version": "1.0", "timestamp": MILLIS,
        "requestContext": {
            "requestId": UUID, "functionArn": arn("lambda", "function:count"),
            "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 1,
        },
        "responseContext": {
            "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled",
        },
        "KinesisBatchInfo": batch, **members,
    }  # fmt: skip


def test_a_topic_gets_the_record_of_a_stream(lab: ll.Lab) -> None:
    topic, queue = lab.sns.create_topic("t"), lab.sqs.create_queue("q")
    topic.subscribe(queue)
    failing_stream(lab, topic)
    [envelope] = bodies(lab, "q")
    check(json.loads(envelope["Message"]), stream_record())


def test_a_bucket_gets_the_payload_of_a_stream_too(lab: ll.Lab) -> None:
    bucket = lab.s3.create_bucket("failed")
    mapping = failing_stream(lab, bucket)
    [kept] = bucket.objects
    day = r"2025/01/07/2025-01-07T\d\d\.\d\d\.\d\d-"
    start = f"aws/lambda/{mapping.uuid}/shardId-000000000000/"
    assert re.fullmatch(re.escape(start) + day + UUID.pattern, kept.key)
    told = kept.json()
    payload = told.pop("payload")
    check(payload, {"Records": [AtLeast(eventSource="aws:kinesis")]})
    check(told, stream_record())


# ---------------------------------------------------------------------- dead letters


def test_a_topic_as_dead_letter_queue(lab: ll.Lab) -> None:
    """The event as it was, and three attributes."""
    topic, queue = lab.sns.create_topic("t"), lab.sqs.create_queue("q")
    topic.subscribe(queue)
    working(lab, dead_letter_queue=topic)
    [envelope] = bodies(lab, "q")
    assert envelope["Message"] == '{"n": 0}'
    attributes = {
        "RequestID": {"Type": "String", "Value": UUID},
        "ErrorCode": {"Type": "Number", "Value": "200"},
        "ErrorMessage": {"Type": "String", "Value": "no"},
    }
    check(envelope["MessageAttributes"], attributes)


# ---------------------------------------------------------------------- loops


def stopped(lab: ll.Lab) -> int:
    """How often a function that feeds itself ran before it was stopped; 0: it was not."""
    lab.run(until=300)
    runs = lab.trace.invocations
    if str(runs.cause.iloc[-1]) != "recursive_loop":
        return 0
    return int((runs.status == "succeeded").sum())


def test_a_loop_through_a_topic(lab: ll.Lab) -> None:
    topic, dead = lab.sns.create_topic("t"), lab.sqs.create_queue("dead")
    lab.create_function(
        "again", lambda event, context: topic.publish("x") and None, dead_letter_queue=dead
    )
    topic.subscribe("again")
    topic.publish("x")
    assert stopped(lab) == 16
    assert dead.depth == 1


@pytest.mark.parametrize(("rules", "runs"), [("2024-10-08", 0), ("2024-10-09", 16)])
def test_a_loop_through_a_bucket(rules: str, runs: int) -> None:
    lab = ll.Lab(seed=7, rules=rules)
    bucket = lab.s3.create_bucket("photos")
    lab.create_function("again", lambda event, context: bucket.put_object("k", b"x") and None)
    bucket.notify("again")
    bucket.put_object("k", b"x")
    assert stopped(lab) == runs
    assert len(lab.trace.invocations) == (17 if runs else len(lab.trace.invocations))
    assert len(lab.trace.invocations) > 16


def test_a_loop_through_a_bus_is_not_seen(lab: ll.Lab) -> None:
    """Lambda, SQS, SNS and S3 only."""
    bus = lab.eventbridge["default"]

    def again(event: Any, context: Any) -> None:
        bus.put_event(source="s", detail_type="d", detail={})

    lab.create_function("again", again)
    bus.put_rule("r", event_pattern={"source": ["s"]}).put_target("again")
    bus.put_event(source="s", detail_type="d", detail={})
    assert stopped(lab) == 0
    assert len(lab.trace.invocations) > 20
