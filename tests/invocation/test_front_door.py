"""Invoke: what is answered, refused and recorded for each of the three invocation types."""

from __future__ import annotations

import time
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import (
    InvalidParameterValueException,
    InvalidRequestContentException,
    RequestTooLargeException,
    ResourceConflictException,
    ResourceNotFoundException,
    ServiceError,
    TooManyRequestsException,
)


def test_request_response_waits_for_the_result(lab: ll.Lab) -> None:
    @lab.function(timeout=10)
    def put_order(event: dict[str, int], context: object) -> dict[str, int]:
        time.sleep(2)
        return {"ok": event["order"]}

    reply = lab.invoke(put_order, {"order": 1})
    assert (reply.status_code, reply.payload, reply.function_error) == (200, {"ok": 1}, None)
    assert reply.executed_version == "$LATEST"
    assert lab.elapsed == reply.latency_ms / 1000 > 2


def test_event_takes_the_caller_no_time(lab: ll.Lab) -> None:
    lab.create_function("f", duration=2)
    reply = lab.invoke("f", {"order": 1}, invocation_type="Event")
    assert (reply.status_code, reply.payload, reply.executed_version) == (202, None, None)
    assert lab.elapsed == 0
    assert lab.trace.invocations["status"].tolist() == ["in_flight"]
    lab.run()
    (row,) = lab.trace.invocations.itertuples()
    assert (row.status, row.status_code, row.invocation_type) == ("succeeded", 202, "Event")
    (request,) = lab.trace.requests.itertuples()
    assert (request.status_code, request.latency_ms) == (202, 0)


def test_dry_run_checks_and_runs_nothing(lab: ll.Lab) -> None:
    lab.create_function("f", duration=2)
    reply = lab.invoke("f", {"order": 1}, invocation_type="DryRun")
    assert (reply.status_code, reply.payload) == (204, None)
    assert lab.elapsed == 0
    assert len(lab.trace.attempts) == 0
    (row,) = lab.trace.invocations.itertuples()
    assert (row.status, row.cause) == ("dry_run", "dry_run")
    with pytest.raises(RequestTooLargeException):
        lab.invoke("f", b'"' + b"a" * 6_300_000 + b'"', invocation_type="DryRun")


def test_a_synchronous_call_is_never_retried(lab: ll.Lab) -> None:
    """Neither after an error nor after a throttle: the caller hears of it, once."""
    lab.create_function("f", duration=1, failure_rate=1, reserved_concurrency=1)
    lab.drive("f", ll.Burst(2))
    lab.run()
    assert lab.trace.invocations["status"].tolist() == ["failed", "throttled"]
    assert len(lab.trace.attempts) == 1
    assert len(lab.trace.retries) == 0
    assert lab.trace.requests["status_code"].tolist() == [200, 429]


def test_a_refusal_is_a_row_with_its_cause(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, reserved_concurrency=0)
    with pytest.raises(TooManyRequestsException):
        lab.invoke("f")
    (row,) = lab.trace.invocations.itertuples()
    assert (row.status, row.status_code, row.attempts) == ("throttled", 429, 0)
    assert row.completed_at == row.requested_at
    (request,) = lab.trace.requests.itertuples()
    assert (request.status_code, request.request_id) == (429, row.request_id)


def test_a_refusal_travels_the_network_too() -> None:
    lab = ll.Lab(quotas={"network_latency": 0.1})
    lab.create_function("f", duration=1, reserved_concurrency=0)
    lab.drive("f", ll.Burst(1))
    lab.run()
    (row,) = lab.trace.invocations.itertuples()
    assert row.status == "throttled"
    assert lab.trace.requests["latency_ms"].tolist() == [row.latency_ms]
    lab.audit()


def test_every_caller_is_told_apart(lab: ll.Lab) -> None:
    """By source, and by what led to the call."""
    lab.create_function("f", duration=0.1)

    @lab.function
    def outer(event: object, context: object) -> None:
        lab.invoke("f")
        lab.invoke("f", invocation_type="Event")

    lab.invoke(outer)
    lab.drive("f", ll.Burst(1))
    orders = lab.sqs.create_queue("orders")
    mapping = lab.create_event_source_mapping(orders, "f")
    orders.send({"order": 1})
    lab.run()
    rows = lab.trace.invocations.set_index("request_id")
    assert rows["source"].tolist()[:3] == ["client", "outer", "outer"]
    assert sorted(rows["source"].tolist()[3:]) == sorted(["drive", mapping.name])
    assert rows["parent_kind"].tolist()[:3] == ["", "request", "request"]
    batch = rows[rows["source"] == mapping.name].iloc[0]
    assert batch["parent_kind"] == "batch"
    assert batch["parent_id"] == lab.trace.batches["batch_id"].iloc[0]
    assert batch["invocation_type"] == "RequestResponse"


def test_no_payload_is_an_empty_event(lab: ll.Lab) -> None:
    lab.function(lambda event, context: event, name="echo")  # type: ignore[call-overload]
    assert lab.invoke("echo").payload == {}
    assert lab.invoke("echo", b"").payload == {}
    assert lab.invoke("echo", b" [1] ").payload == [1]
    assert lab.invoke("echo", False).payload is False
    assert lab.invoke("echo", 0).payload == 0
    assert lab.invoke("echo", "").payload == ""


def test_payload_bytes_are_those_of_the_request(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1)
    lab.invoke("f", b'{"a":1}')
    lab.invoke("f", {"a": "é"})
    lab.invoke("f")
    assert lab.trace.invocations["payload_bytes"].tolist() == [7, 11, 0]
    assert set(lab.trace.invocations["response_bytes"]) == {4}, "null"


def test_a_function_is_named_or_given(lab: ll.Lab) -> None:
    @lab.function(name="other-name")
    def handler(event: object, context: object) -> str:
        return "here"

    handle = lab.create_function("f", duration=0.1)
    assert lab.invoke(handler).payload == "here"
    assert lab.invoke("other-name").payload == "here"
    assert lab.invoke(handle).status_code == 200


# ---------------------------------------------------------------------- what is refused

ARN = "arn:aws:lambda:us-east-1:123456789012:function"
REFUSALS: dict[str, tuple[dict[str, Any], type[ServiceError], int, str, str]] = {
    # what is asked; the exception, its status, how its message begins; the cause in the books
    "no json": (
        {"payload": b"{'a': 1}"}, InvalidRequestContentException, 400,
        "Could not parse request body into json: Could not parse payload into json: ",
        "invalid_json",
    ),
    "two qualifiers": (
        {"function": "f:1", "qualifier": "$LATEST"}, InvalidParameterValueException, 400,
        "The derived qualifier from the function name does not match the specified qualifier.",
        "invalid_parameter",
    ),
    "no function": (
        {"function": "g"}, ResourceNotFoundException, 404, f"Function not found: {ARN}:g",
        "unknown_function",
    ),
    "no version": (
        {"qualifier": "9"}, ResourceNotFoundException, 404, f"Function not found: {ARN}:f:9",
        "unknown_function",
    ),
    "too large": (
        {"payload": b'"' + b"a" * 6_300_000 + b'"'}, RequestTooLargeException, 413, "6300002 byte",
        "payload_too_large",
    ),
    "switched off": (
        {"function": "off"}, TooManyRequestsException, 429, "Rate Exceeded.",
        "zero_reserved_concurrency",
    ),
    "pending": (
        {"function": "new"}, ResourceConflictException, 409,
        "The operation cannot be performed at this time. "
        "The function is currently in the following state: Pending", "function_state",
    ),
}  # fmt: skip


@pytest.fixture
def account() -> ll.Lab:
    """A function f with version 1, one that is switched off, and one that is being created."""
    lab = ll.Lab(seed=7, quotas={"function_creation": 1})
    lab.create_function("f", duration=1)
    lab.create_function("off", duration=1, reserved_concurrency=0)
    lab.run()
    lab.publish_version("f")
    lab.create_function("new", duration=1)
    return lab


@pytest.mark.parametrize("what", REFUSALS)
def test_each_refusal_with_its_status_and_words(account: ll.Lab, what: str) -> None:
    """Raised as AWS's exception; a row of the call, one of its caller, and nothing else."""
    asked, error, status, message, cause = REFUSALS[what]
    at, arguments = account.elapsed, {"function": "f", **asked}
    with pytest.raises(error) as raised:
        account.invoke(**arguments)
    assert account.elapsed == at, "told at once"
    refusal = raised.value
    assert (refusal.code, refusal.status_code) == (error.__name__, status)
    assert refusal.message.startswith(message)
    (row,) = account.trace.invocations.itertuples()
    assert row.status == ("throttled" if status == 429 else "refused")
    assert (row.status_code, row.cause, row.attempts) == (status, cause, 0)
    assert (row.latency_ms, row.executed_version, row.function_error) == (0, "", "")
    (request,) = account.trace.requests.itertuples()
    assert (request.status_code, request.request_id) == (status, row.request_id)
    assert len(account.trace.attempts) == len(account.trace.queue_events) == 0
    metrics = account.trace.metrics(period=60)
    assert "Errors" not in metrics.columns or not metrics["Errors"].any()


@pytest.mark.parametrize("kind", ["Event", "DryRun"])
@pytest.mark.parametrize("what", ["no json", "two qualifiers", "no function", "no version"])
def test_whatever_the_invocation_type(account: ll.Lab, what: str, kind: str) -> None:
    asked, error, status, *_ = REFUSALS[what]
    with pytest.raises(error):
        account.invoke(**{"function": "f", **asked}, invocation_type=kind)
    (row,) = account.trace.invocations.itertuples()
    assert (row.invocation_type, row.status_code, row.status) == (kind, status, "refused")


def test_a_switched_off_function_takes_events_and_drops_them(account: ll.Lab) -> None:
    """202; it is the queue that gives them up."""
    assert account.invoke("off", invocation_type="Event").status_code == 202
    account.run()
    (row,) = account.trace.invocations.itertuples()
    assert (row.status, row.cause) == ("dropped", "zero_reserved_concurrency")


# ---------------------------------------------------------------------- events a second


def test_ten_events_a_second_for_each_unit_of_the_account() -> None:
    """Then 429 CallerRateLimitExceeded, until more tokens have come."""
    lab = ll.Lab(seed=1, quotas={"account_concurrency": 3, "unreserved_minimum": 0})
    lab.create_function("f", duration=0, init=0)
    lab.drive("f", ll.Burst(40), invocation_type="Event")
    lab.drive("f", ll.Burst(40, at=0.5), invocation_type="Event")
    lab.run()
    calls = lab.trace.invocations
    assert (calls["status"] != "throttled").tolist() == [
        *[True] * 30, *[False] * 10, *[True] * 15, *[False] * 25,
    ]  # fmt: skip
    refused = calls.query("status == 'throttled'")
    assert set(refused["throttle_reason"]) == {"CallerRateLimitExceeded"}
    assert set(refused["invocation_type"]) == {"Event"}
    assert lab.trace.requests["status_code"].value_counts().to_dict() == {202: 45, 429: 35}
    throttles = lab.trace.scaling.query("kind == 'throttle' and cause == 'throttled_caller_rate'")
    assert throttles["after"].tolist() == [30] * 35


def test_a_reservation_does_not_change_what_callers_may_send() -> None:
    lab = ll.Lab(seed=1, quotas={"account_concurrency": 3, "unreserved_minimum": 0})
    lab.create_function("f", duration=0, init=0, reserved_concurrency=1)
    lab.drive("f", ll.Burst(40), invocation_type="Event")
    lab.run()
    assert lab.trace.requests["status_code"].value_counts().to_dict() == {202: 30, 429: 10}


def test_records_at_a_destination_are_not_a_callers() -> None:
    """Lambda's own deliveries are not bound by what a caller may send."""
    lab = ll.Lab(seed=1, quotas={"account_concurrency": 2, "unreserved_minimum": 0})
    lab.create_function("log", duration=0, init=0)
    lab.create_function("f", duration=0, init=0, on_success="log")
    lab.drive("f", ll.Burst(20), invocation_type="Event")
    lab.run()
    assert (lab.trace.invocations["status"] == "succeeded").all()
    assert lab.trace.invocations["function"].value_counts().to_dict() == {"f": 20, "log": 20}


# ---------------------------------------------------------------------- calls on their way


def test_a_call_on_its_way_finds_what_is_there_when_it_arrives() -> None:
    """The version an alias leads to by then, the new code; and nobody where it has been deleted."""
    lab = ll.Lab(seed=1, quotas={"network_latency": 1.0})
    lab.create_function("f", duration=0.1, memory_size=128)
    lab.create_function("g", duration=0.1)
    for memory in (256, 512):
        lab.update_function("f", memory_size=memory)
        lab.publish_version("f")
    for name in ("live", "old"):
        lab.create_alias("f", name, "1")
    for name in ("f", "f:live", "f:old", "g"):
        lab.drive(name, ll.Burst(1))
    lab.run(until=0.1)
    lab.update_function("f", memory_size=1024)
    lab.update_alias("f", "live", "2")
    lab.delete_alias("f", "old")
    lab.delete_function("g")
    lab.create_function("h", duration=0.1)
    lab.run()
    rows = lab.trace.invocations
    assert rows["status"].tolist() == ["succeeded", "succeeded", "refused", "refused"]
    assert rows["cause"].tolist()[2:] == ["unknown_function"] * 2
    assert rows["executed_version"].tolist() == ["$LATEST", "2", "", ""]
    assert lab.trace.attempts["memory_mb"].tolist() == [1024, 512]
    assert lab.trace.requests["status_code"].tolist() == [200, 200, 404, 404]
