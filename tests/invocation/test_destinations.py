"""Destinations: how they are named, what a record says, where it arrives, and what if it does not."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import (
    AuditError,
    InvalidParameterValueException,
    InvalidSetting,
    UnknownName,
)
from lambdalab.invocation.destinations import Destination, Destinations, Envelope, Ran, record
from lambdalab.trace.schema import Action, Cause
from tests.trace.histories import change, rows_of

ARN = "arn:aws:{}:us-east-1:123456789012:{}"


class Fake:
    """A service whose targets are texts."""

    def __init__(self, service: str, noun: str, prefix: str, *names: str) -> None:
        self.service, self.noun, self._prefix, self._names = service, noun, prefix, names
        self.taken: list[bytes] = []

    def names(self) -> Iterable[str]:
        return self._names

    def find(self, given: object) -> Destination | None:
        name = given[0] if isinstance(given, list) else given
        if name not in self._names:
            return None
        return Destination(
            self.service, str(name), ARN.format(self.service, f"{self._prefix}{name}")
        )

    def deliver(self, destination: Destination, record: bytes, envelope: Envelope) -> str:
        self.taken.append(record)
        return "" if envelope.request else "no"


@pytest.fixture
def places() -> Destinations:
    queues = Fake("sqs", "queue", "", "failed", "both")
    return Destinations([queues, Fake("lambda", "function", "function:", "notify", "both", "f")])


# ---- naming


@pytest.mark.parametrize(
    "given",
    ["failed", ["failed"], ARN.format("sqs", "failed"), Destination("sqs", "failed", "arn")],
)
def test_a_destination_is_named_in_many_ways(places: Destinations, given: object) -> None:
    found = places.resolve("on_failure", given, "f")
    assert found is not None
    assert (found.service, found.name) == ("sqs", "failed")


def test_no_destination_is_none(places: Destinations) -> None:
    assert places.resolve("on_failure", None, "f") is None


def test_a_function_is_found_by_name_and_arn(places: Destinations) -> None:
    arn = ARN.format("lambda", "function:notify")
    assert places.resolve("on_success", "notify", "f") == Destination("lambda", "notify", arn)
    assert places.resolve("on_success", arn, "f") == Destination("lambda", "notify", arn)


def test_a_name_that_nothing_has_lists_those_there_are(places: Destinations) -> None:
    with pytest.raises(UnknownName, match=r"no queue or function 'x'; .*'failed', 'notify'"):
        places.resolve("on_failure", "x", "f")
    with pytest.raises(UnknownName, match="did you mean 'notify'"):
        places.resolve("on_failure", "notfy", "f")


def test_a_name_that_two_services_have_is_refused(places: Destinations) -> None:
    with pytest.raises(InvalidSetting, match="a queue and a function of this name"):
        places.resolve("on_failure", "both", "f")
    assert places.resolve("on_failure", ARN.format("sqs", "both"), "f") is not None


@pytest.mark.parametrize(
    "arn",
    [
        ARN.format("lambda", "function:nothing"),
        ARN.format("lambda", "notify"),
        ARN.format("sqs", "nothing"),
        ARN.format("sqs", "function:failed"),
        ARN.format("sqs", "failed").replace("123456789012", "999999999999"),
        ARN.format("sqs", "failed").replace("us-east-1", "eu-west-1"),
        ARN.format("dynamodb", "table/t"),
        "arn:",
    ],
)
def test_an_arn_of_nothing_is_invalid_in_awss_words(places: Destinations, arn: str) -> None:
    with pytest.raises(InvalidParameterValueException) as caught:
        places.resolve("on_failure", arn, "f")
    assert caught.value.message == f"The destination ARN {arn} is invalid."
    assert caught.value.status_code == 400


@pytest.mark.parametrize("given", ["f", ["f"], ARN.format("lambda", "function:f")])
def test_a_function_is_no_destination_for_itself(places: Destinations, given: object) -> None:
    with pytest.raises(InvalidParameterValueException) as caught:
        places.resolve("on_success", given, "f")
    assert caught.value.message == "You can't specify the function as a destination for itself."
    if given == ["f"]:
        assert places.resolve("on_success", given, "g") is not None


def test_a_kind_that_is_added_can_be_a_destination(places: Destinations) -> None:
    with pytest.raises(InvalidParameterValueException, match="is invalid"):
        places.resolve("on_failure", ARN.format("sns", "x"), "f")
    places.add(Fake("sns", "thing", "", "x"))
    assert places.resolve("on_failure", ARN.format("sns", "x"), "f") is not None


@pytest.mark.parametrize("given", ["orders.fifo", ARN.format("sqs", "orders.fifo")])
def test_no_fifo_queue(places: Destinations, given: str) -> None:
    with pytest.raises(InvalidSetting, match="FIFO"):
        places.resolve("on_failure", given, "f")


@pytest.mark.parametrize("given", [5, b"failed", object()])
def test_what_is_no_destination_is_refused(places: Destinations, given: object) -> None:
    with pytest.raises(InvalidSetting, match="a queue or a function"):
        places.resolve("on_failure", given, "f")


# ---- the record


def made(**changed: object) -> bytes:
    known: dict[str, object] = {
        "timestamp": "2025-01-07T00:00:01.234Z", "request_id": "id",
        "function_arn": ARN.format("lambda", "function:f:$LATEST"), "condition": "RetriesExhausted",
        "invoke_count": 3, "payload": b'{"n": 1}', "ran": Ran("7", True, b'{"errorMessage": "x"}'),
    }  # fmt: skip
    return record(**(known | changed))  # type: ignore[arg-type]


def test_the_record_of_a_failure_has_awss_members_in_awss_order() -> None:
    assert made().decode() == (
        '{"version":"1.0","timestamp":"2025-01-07T00:00:01.234Z",'
        '"requestContext":{"requestId":"id",'
        '"functionArn":"arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",'
        '"condition":"RetriesExhausted","approximateInvokeCount":3},"requestPayload":{"n": 1},'
        '"responseContext":{"statusCode":200,"executedVersion":"7","functionError":"Unhandled"},'
        '"responsePayload":{"errorMessage": "x"}}'
    )


def test_the_record_of_a_success_names_no_error() -> None:
    told = json.loads(made(condition="Success", invoke_count=1, ran=Ran("$LATEST", False, b"null")))
    assert told["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert told["responsePayload"] is None


def test_what_never_ran_has_no_response() -> None:
    told = json.loads(made(condition="ZeroReservedConcurrency", invoke_count=0, ran=None))
    assert list(told) == ["version", "timestamp", "requestContext", "requestPayload"]
    assert told["requestContext"]["approximateInvokeCount"] == 0


@pytest.mark.parametrize("answer", [b"<html>", b"\xff\xfe", b"NaN", b""])
def test_an_answer_that_is_no_json_becomes_a_text(answer: bytes) -> None:
    told = json.loads(made(ran=Ran("1", False, answer)))
    assert told["responsePayload"] == answer.decode(errors="replace")


def test_the_event_is_in_it_as_it_came() -> None:
    event = '{"a" :12345678901234567890123, "b":"Zoë"}'.encode()
    assert event in made(payload=event)


# ---- in a lab


def event(lab: ll.Lab, function: object, payload: object, **given: Any) -> str:
    """An asynchronous invocation, to its end; returns its id."""
    reply = lab.invoke(function, payload, invocation_type="Event", **given)
    lab.run()
    return reply.request_id


def bodies(lab: ll.Lab, queue: str) -> list[Any]:
    """The parsed bodies of the messages in a queue."""
    return [seen.body for seen in lab.sqs[queue].messages]


def only(lab: ll.Lab, queue: str) -> Any:
    """The body of the single message in a queue."""
    (body,) = bodies(lab, queue)
    return body


def metric(lab: ll.Lab, name: str) -> float:
    """The sum of a metric over everything."""
    figures = lab.trace.metrics()
    return float(figures[figures["metric"] == name]["sum"].sum())


def deliveries(lab: ll.Lab) -> list[tuple[str, str]]:
    """Actions and causes of what left Lambda's own queues."""
    events = lab.trace.queue_events
    left = events[events["action"].isin(["delivered", "dead_lettered"])]
    own = left[left["kind"] == "asynchronous"]
    return list(zip(own["action"].astype(str), own["cause"].astype(str), strict=True))


@pytest.fixture
def lab() -> ll.Lab:
    """A lab with the queues "ok" and "failed"."""
    lab = ll.Lab(seed=5)
    lab.sqs.create_queue("ok")
    lab.sqs.create_queue("failed")
    return lab


def test_a_failure_after_three_attempts(lab: ll.Lab) -> None:
    @lab.function(on_failure="failed", on_success="ok")
    def f(event: object, context: object) -> None:
        raise KeyError("stock")

    request_id = event(lab, f, {"order": 1})
    told = only(lab, "failed")
    ended = lab.trace.invocations["completed_at"].iloc[0]
    assert (
        told["timestamp"]
        == ended.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ended.microsecond // 1000:03}Z"
    )
    answer = told.pop("responsePayload")
    assert (answer["errorType"], answer["requestId"]) == ("KeyError", request_id)
    del told["timestamp"]
    assert told == {
        "version": "1.0",
        "requestContext": {
            "requestId": request_id,
            "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"order": 1},
        "responseContext": {
            "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled",
        },
    }  # fmt: skip
    assert bodies(lab, "ok") == []
    assert deliveries(lab) == [("delivered", "retries_exhausted")]


@pytest.mark.parametrize("value", [None, False, 0, "", {"error": "no"}])
def test_a_success_whatever_the_value(lab: ll.Lab, value: object) -> None:
    @lab.function(on_failure="failed", on_success="ok")
    def f(event: object, context: object) -> object:
        return value

    event(lab, f, b"")
    told = only(lab, "ok")
    assert told["requestContext"]["condition"] == "Success"
    assert told["requestContext"]["approximateInvokeCount"] == 1
    assert (told["requestPayload"], told["responsePayload"]) == ({}, value)
    assert told["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert bodies(lab, "failed") == []


def test_a_success_at_the_second_attempt_counts_both(lab: ll.Lab) -> None:
    tries: list[int] = []

    @lab.function(on_success="ok")
    def f(event: object, context: object) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OSError

    event(lab, f, {})
    assert only(lab, "ok")["requestContext"]["approximateInvokeCount"] == 2


def test_never_for_a_synchronous_call(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, on_success="ok")
    lab.create_function("g", duration=1, failure_rate=1, on_failure="failed", dead_letter_queue="d")
    lab.invoke("f")
    lab.invoke("g")
    lab.run()
    assert [bodies(lab, name) for name in ("ok", "failed", "d")] == [[], [], []]


def test_an_alias_is_named_and_its_version_has_run(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    lab.publish_version("f")
    lab.create_alias("f", "live", 1)
    lab.put_function_event_invoke_config("f", qualifier="live", on_success="ok")
    event(lab, "f:live", {})
    told = only(lab, "ok")
    assert told["requestContext"]["functionArn"].endswith(":function:f:live")
    assert told["responseContext"]["executedVersion"] == "1"


def test_reserved_concurrency_0_has_no_answer(lab: ll.Lab) -> None:
    """Recorded on AWS: no response, no attempt, and no throttle is counted."""
    lab.create_function("f", duration=1, reserved_concurrency=0, on_failure="failed")
    event(lab, "f", {"n": 1})
    told = only(lab, "failed")
    assert told["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert told["requestContext"]["approximateInvokeCount"] == 0
    assert list(told) == ["version", "timestamp", "requestContext", "requestPayload"]
    counts = {name: metric(lab, name) for name in ("AsyncEventsReceived", "AsyncEventsDropped")}
    assert counts == {"AsyncEventsReceived": 1, "AsyncEventsDropped": 1}
    assert metric(lab, "Throttles") == metric(lab, "Invocations") == 0


@pytest.mark.parametrize(("age", "count"), [(60, 1), (90, 2)])
def test_too_old_after_an_attempt_has_that_attempts_answer(
    lab: ll.Lab, age: int, count: int
) -> None:
    lab.create_function("f", duration=1, failure_rate=1, maximum_event_age=age, on_failure="failed")
    event(lab, "f", {})
    told = only(lab, "failed")
    assert told["requestContext"]["condition"] == "EventAgeExceeded"
    assert told["requestContext"]["approximateInvokeCount"] == count
    assert told["responseContext"]["functionError"] == "Unhandled"
    assert told["responsePayload"]["errorType"] == "ModelledError"


def test_too_old_and_never_run_has_none(lab: ll.Lab) -> None:
    lab.create_function(
        "f", duration=lambda e: e.get("takes", 1), timeout=900, reserved_concurrency=1,
        maximum_event_age=60, on_failure="failed", dead_letter_queue="d",
    )  # fmt: skip
    lab.drive("f", ll.Burst(1), payload={"takes": 890})
    event(lab, "f", {})
    told = only(lab, "failed")
    assert told["requestContext"]["condition"] == "EventAgeExceeded"
    assert told["requestContext"]["approximateInvokeCount"] == 0
    assert "responseContext" not in told
    assert "responsePayload" not in told
    (letter,) = lab.sqs["d"].messages
    assert letter.message.attributes["ErrorCode"] == ("Number", "429")


def test_the_destination_first_then_the_dead_letter_queue(lab: ll.Lab) -> None:
    lab.create_function(
        "f", duration=1, failure_rate=1, on_failure="failed", dead_letter_queue="letters",
        maximum_retry_attempts=0,
    )  # fmt: skip
    event(lab, "f", {"n": 1})
    assert only(lab, "failed")["requestPayload"] == only(lab, "letters") == {"n": 1}
    assert deliveries(lab) == [
        ("delivered", "retries_exhausted"), ("dead_lettered", "retries_exhausted")
    ]  # fmt: skip
    assert metric(lab, "AsyncEventsDropped") == 1, "also what was sent elsewhere"
    assert lab.trace.short.queue_events["event"].tolist()[-5:] == ["m1", "r1", "m2", "r1", "r1"]


def test_a_message_of_a_destination_has_a_trace_header(lab: ll.Lab) -> None:
    seen: list[dict[str, Any]] = []

    @lab.function
    def reader(event: dict[str, Any], context: object) -> None:
        seen.extend(event["Records"])

    lab.create_function("f", duration=1, on_success="ok", dead_letter_queue="d")
    lab.create_event_source_mapping("ok", reader)
    event(lab, "f", {})
    lab.sqs["ok"].send("by hand")
    lab.run()
    recorded, by_hand = seen
    header = recorded["attributes"]["AWSTraceHeader"]
    assert header.startswith("Root=1-")
    assert ";Lineage=1:" in header
    assert "AWSTraceHeader" not in by_hand["attributes"]
    assert json.loads(recorded["body"])["requestContext"]["condition"] == "Success"


def test_a_function_as_a_destination_is_invoked_asynchronously_with_the_record(lab: ll.Lab) -> None:
    events: list[Any] = []

    @lab.function
    def notify(event: object, context: object) -> None:
        events.append(event)

    lab.create_function(
        "f", duration=1, failure_rate=1, on_failure=notify, maximum_retry_attempts=0
    )
    request_id = event(lab, "f", {"n": 1})
    (told,) = events
    assert told["requestContext"]["requestId"] == request_id
    _, row = lab.trace.invocations.itertuples()
    assert (row.function, row.invocation_type, row.source) == ("notify", "Event", "f")
    assert row.parent_id == request_id
    sent = lab.trace.queue_events.query("queue == 'notify (events)' and action == 'sent'")
    assert sent["cause"].tolist() == ["destination"]
    lines = [sentence for _, sentence in lab.trace.story("r1").lines]
    assert any(line.startswith("a record of it goes to function 'notify' as r2") for line in lines)
    assert not any(line.startswith("calls notify") for line in lines)
    assert lab.trace.story("r2").lines[0][1].startswith("a record of f (r1) invokes notify")


def test_a_destination_may_name_an_alias(lab: ll.Lab) -> None:
    lab.create_function("notify", duration=1)
    lab.publish_version("notify")
    lab.create_alias("notify", "live", 1)
    for given in ("notify:live", "arn:aws:lambda:us-east-1:123456789012:function:notify:live"):
        lab.create_function(f"f{len(given)}", duration=1, on_success=given)
        event(lab, f"f{len(given)}", {})
    calls = lab.trace.invocations.query("function == 'notify'")
    assert calls["qualifier"].tolist() == ["live", "live"]
    assert calls["executed_version"].tolist() == ["1", "1"]


# ---- when nothing arrives


def test_a_record_too_large_for_a_queue(lab: ll.Lab) -> None:
    @lab.function(on_success="ok", on_failure="failed")
    def f(event: object, context: object) -> str:
        return "x" * lab.rules.sqs_message_size

    event(lab, f, {})
    assert bodies(lab, "ok") == []
    assert deliveries(lab) == [("delivered", "delivery_failed")]
    assert metric(lab, "DestinationDeliveryFailures") == 1
    assert metric(lab, "DeadLetterErrors") == metric(lab, "AsyncEventsDropped") == 0
    assert lab.trace.invocations["status"].tolist() == ["succeeded"]
    assert "could not be delivered" in repr(lab.trace.story("r1"))


def test_a_record_too_large_for_a_function(lab: ll.Lab) -> None:
    lab.create_function("g", duration=1)

    @lab.function(on_success="g")
    def f(event: object, context: object) -> str:
        return "x" * lab.rules.asynchronous_payload

    event(lab, f, {})
    assert deliveries(lab) == [("delivered", "delivery_failed")]
    refused = lab.trace.invocations.iloc[1]
    assert (refused["status"], refused["status_code"]) == ("refused", 413)
    assert metric(lab, "AsyncEventsReceived") == 1


def test_a_function_that_has_been_deleted(lab: ll.Lab) -> None:
    lab.create_function("g", duration=1)
    lab.create_function("f", duration=1, on_success="g")
    lab.delete_function("g")
    event(lab, "f", {})
    assert deliveries(lab) == [("delivered", "delivery_failed")]
    lab.update_function("f", timeout=10)
    lab.create_function("g", duration=1)
    event(lab, "f", {})
    assert lab.trace.attempts["function"].tolist() == ["f", "f", "g"]


def test_a_queue_that_is_gone(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, on_success="ok")
    del lab.sqs._found["ok"]
    event(lab, "f", {})
    assert deliveries(lab) == [("delivered", "delivery_failed")]


def test_both_may_fail_and_each_is_counted(lab: ll.Lab) -> None:
    size = lab.rules.asynchronous_payload
    lab.create_function(
        "f", duration=1, failure_rate=1, maximum_retry_attempts=0, on_failure="failed",
        dead_letter_queue="letters",
    )  # fmt: skip
    event(lab, "f", "x" * (size - 2))
    assert deliveries(lab) == [
        ("delivered", "delivery_failed"),
        ("dead_lettered", "delivery_failed"),
    ]
    assert metric(lab, "DestinationDeliveryFailures") == metric(lab, "DeadLetterErrors") == 1
    assert metric(lab, "AsyncEventsDropped") == 1
    assert len(lab.sqs["failed"]) == len(lab.sqs["letters"]) == 0


# ---- the audit


@pytest.mark.no_audit
@pytest.mark.parametrize("arrival", ["queue", "function"])
def test_a_record_that_did_not_arrive_is_found(lab: ll.Lab, arrival: str) -> None:
    lab.create_function("g", duration=1)
    lab.create_function("f", duration=1, on_success="ok" if arrival == "queue" else "g")
    event(lab, "f", {})
    lab.audit()
    rows = rows_of(lab._books, "queue_events")
    (place,) = (rows["cause"] == Cause.DESTINATION).nonzero()[0]
    change(lab._books, "queue_events", place, cause=Cause.MESSAGE_SENT)
    with pytest.raises(AuditError, match="records of an event arrived as left"):
        lab.audit()


@pytest.mark.no_audit
def test_a_delivery_for_another_cause_than_the_events_end_is_found(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, on_success="ok")
    event(lab, "f", {})
    rows = rows_of(lab._books, "queue_events")
    (place,) = (rows["action"] == Action.DELIVERED).nonzero()[0]
    change(lab._books, "queue_events", place, cause=Cause.EVENT_AGE_EXCEEDED)
    with pytest.raises(AuditError, match="another cause than its event's end"):
        lab.audit()
