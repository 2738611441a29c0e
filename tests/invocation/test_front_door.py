"""Invoke: what is answered, refused and recorded for each of the three invocation types."""

from __future__ import annotations

import time

import pytest

import lambdalab as ll
from lambdalab.errors import RequestTooLargeException, TooManyRequestsException


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
