"""Asynchronous events from acceptance to their end: settings, retries, records, dead letters."""

from __future__ import annotations

import json
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import LabError

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
FAIL = "def lambda_handler(event, context): raise ValueError('no')"


def configured(code: str = FAIL, **settings: Any) -> ll.Lab:
    """A lab with a function f whose events end in the queues won and lost."""
    lab = ll.Lab(seed=1)
    for name in ("won", "lost"):
        lab.sqs.create_queue(name)
    lab.create_function("f", code, on_success="won", on_failure="lost", **settings)
    return lab


def send(lab: ll.Lab, payload: Any = None, name: str = "f") -> Any:
    reply = lab.invoke(name, payload, invocation_type="Event")
    lab.run()
    return reply


def records(lab: ll.Lab, queue: str = "lost") -> list[dict[str, Any]]:
    return [json.loads(seen.message.body) for seen in lab.sqs[queue].messages]


def metric(lab: ll.Lab, name: str) -> float:
    figures = lab.trace.metrics(period=86_400)
    return float(figures[figures["metric"] == name]["sum"].sum())


# ---- settings


@pytest.mark.parametrize(
    ("setting", "good", "bad"),
    [
        ("maximum_retry_attempts", (0, 2), (-1, 3)),
        ("maximum_event_age", (60, 21_600), (59, 21_601)),
    ],
)
def test_settings_have_limits(
    lab: ll.Lab, setting: str, good: tuple[int, ...], bad: tuple[int, ...]
) -> None:
    lab.create_function("f", duration=1)
    for value in good:
        lab.put_function_event_invoke_config("f", **{setting: value})
    for value in bad:
        with pytest.raises(LabError, match=setting):
            lab.put_function_event_invoke_config("f", **{setting: value})


def test_put_replaces_all_settings(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, failure_rate=1)
    lab.put_function_event_invoke_config("f", maximum_retry_attempts=0)
    lab.put_function_event_invoke_config("f", maximum_event_age=21_600)
    send(lab)
    assert len(lab.trace.attempts) == 3


def test_at_least_one_setting(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    with pytest.raises(LabError) as error:
        lab.put_function_event_invoke_config("f")
    assert getattr(error.value, "status_code", 0) == 400
    assert getattr(error.value, "message", "") == (
        "You must specify at least one of error handling or destination setting."
    )


def test_no_function_is_its_own_destination(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    with pytest.raises(LabError) as error:
        lab.put_function_event_invoke_config("f", on_failure="f")
    assert getattr(error.value, "message", "") == (
        "You can't specify the function as a destination for itself."
    )


def test_a_destination_must_be_there(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    arn = ARN[:-1] + "nobody"
    with pytest.raises(LabError) as error:
        lab.put_function_event_invoke_config("f", on_failure=arn)
    assert getattr(error.value, "message", "") == f"The destination ARN {arn} is invalid."


def test_each_qualifier_has_settings_of_its_own(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, failure_rate=1)
    lab.publish_version("f")
    lab.create_alias("f", "live", "1")
    lab.put_function_event_invoke_config("f", maximum_retry_attempts=0)
    lab.put_function_event_invoke_config("f", qualifier="1", maximum_retry_attempts=1)
    for name in ("f", "f:$LATEST", "f:1", "f:live"):
        send(lab, name=name)
    assert lab.trace.invocations["attempts"].tolist() == [1, 1, 2, 3]


# ---- retries


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError",
        "time.sleep(60)",
        "sys.exit()",
        "os._exit(1)",
        "ll.allocate(300)",
        "return 'x' * 7_000_000",
        "return {1}",
    ],
)
def test_every_kind_of_failure_is_tried_again(lab: ll.Lab, body: str) -> None:
    head = "import os, sys, time\nimport lambdalab as ll\n"
    lab.create_function("f", f"{head}def lambda_handler(event, context):\n    {body}\n")
    send(lab)
    (row,) = lab.trace.invocations.itertuples()
    assert (row.attempts, row.status) == (3, "failed")


def test_while_one_event_waits_the_others_run(lab: ll.Lab) -> None:
    text = "def lambda_handler(event, context):\n    if event['bad']: raise ValueError\n"
    lab.create_function("f", text, reserved_concurrency=1)
    lab.invoke("f", {"bad": True}, invocation_type="Event")
    lab.run(until=10)
    for _ in range(5):
        lab.invoke("f", {"bad": False}, invocation_type="Event")
    lab.run(until=20)
    assert lab.trace.invocations["status"].tolist() == ["in_flight"] + ["succeeded"] * 5
    lab.run()


def test_each_attempt_is_billed(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, failure_rate=1, memory_size=1024)
    send(lab)
    costs = lab.trace.attempts["cost_usd"]
    assert costs.tolist() == pytest.approx([0.0000002 + 0.0000166667] * 3, abs=1e-9)
    assert lab.trace.summary()["cost_usd"].sum() == pytest.approx(costs.sum()), "the queue is free"


# ---- ends, and the records of them


def test_the_record_of_a_success() -> None:
    lab = configured("def lambda_handler(event, context): return {'ok': event['order']}")
    reply = send(lab, {"order": 7})
    ended = lab.trace.invocations["completed_at"].iloc[0]
    (record,) = records(lab, "won")
    assert record == {
        "version": "1.0",
        "timestamp": ended.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ended.microsecond // 1000:03}Z",
        "requestContext": {
            "requestId": reply.request_id,
            "functionArn": ARN + ":$LATEST",
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"order": 7},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"ok": 7},
    }
    assert list(record) == [
        "version", "timestamp", "requestContext", "requestPayload", "responseContext",
        "responsePayload",
    ]  # fmt: skip
    assert records(lab) == []


@pytest.mark.parametrize("value", ["None", "False", "{'statusCode': 500}"])
def test_success_is_whatever_is_returned(value: str) -> None:
    lab = configured(f"def lambda_handler(event, context): return {value}")
    send(lab)
    assert len(records(lab, "won")) == 1


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_the_record_of_retries_used_up(retries: int) -> None:
    lab = configured(maximum_retry_attempts=retries)
    reply = send(lab, {"order": 7})
    (record,) = records(lab)
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == retries + 1
    assert record["responseContext"] == {
        "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"
    }  # fmt: skip
    assert record["responsePayload"] == {
        "errorMessage": "no",
        "errorType": "ValueError",
        "requestId": reply.request_id,
        "stackTrace": [
            '  File "/var/task/lambda_function.py", line 1, in lambda_handler\n    ' + FAIL + "\n"
        ],
    }
    assert records(lab, "won") == []


@pytest.mark.parametrize(("age", "count"), [(60, 1), (90, 2)])
def test_the_record_of_an_event_that_grew_too_old(age: int, count: int) -> None:
    lab = configured(maximum_event_age=age)
    send(lab)
    (record,) = records(lab)
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == count
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorType"] == "ValueError"


def test_the_record_of_an_event_that_never_ran() -> None:
    busy = "import time\ndef lambda_handler(event, context): time.sleep(event.get('takes', 0))"
    lab = configured(busy, maximum_event_age=60, reserved_concurrency=1, timeout=900)
    lab.drive("f", ll.Burst(1), payload={"takes": 800})
    lab.run(until=1)
    send(lab, {"order": 7})
    (record,) = records(lab)
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 0, "throttles do not count"
    assert list(record) == ["version", "timestamp", "requestContext", "requestPayload"]


def test_the_record_of_reserved_concurrency_0() -> None:
    lab = configured(reserved_concurrency=0)
    send(lab, {"order": 7})
    (record,) = records(lab)
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert list(record) == ["version", "timestamp", "requestContext", "requestPayload"]
    assert metric(lab, "AsyncEventsReceived") == metric(lab, "AsyncEventsDropped") == 1
    assert metric(lab, "Throttles") == 0


def test_the_record_names_the_qualifier() -> None:
    lab = configured()
    lab.publish_version("f")
    lab.put_function_event_invoke_config("f", qualifier="1", on_failure="lost")
    send(lab, name="f:1")
    (record,) = records(lab)
    assert record["requestContext"]["functionArn"] == ARN + ":1"
    assert record["responseContext"]["executedVersion"] == "1"


def test_destinations_are_for_events_only() -> None:
    lab = configured()
    lab.invoke("f")
    lab.update_function("f", "def lambda_handler(event, context): return 1")
    lab.invoke("f")
    lab.run()
    assert records(lab) == records(lab, "won") == []


def test_a_function_as_destination() -> None:
    lab = ll.Lab()
    seen: list[Any] = []
    lab.create_function("next", lambda event, context: seen.append(event))
    lab.create_function("f", "def lambda_handler(e, c): return 'done'", on_success="next")
    send(lab, {"order": 7})
    (record,) = seen
    assert record["requestPayload"] == {"order": 7}
    assert record["responsePayload"] == "done"
    rows = lab.trace.invocations.set_index("function")
    assert rows.loc["next", "invocation_type"] == "Event"


def test_a_record_that_is_too_large_fails_to_arrive() -> None:
    """256 KB is what an SQS message may have on 2025-01-07; the record holds event and answer."""
    lab = configured("def lambda_handler(event, context): return 'x' * 300_000")
    send(lab)
    assert records(lab, "won") == []
    assert metric(lab, "DestinationDeliveryFailures") == 1


def test_a_failed_event_may_have_both_a_dead_letter_and_a_record() -> None:
    lab = configured(dead_letter_queue="dead")
    send(lab, {"order": 7})
    assert len(records(lab)) == 1
    assert records(lab, "dead") == [{"order": 7}]
    events = lab.trace.queue_events
    order = [a for a in events["action"].tolist() if a in ("delivered", "dead_lettered")]
    assert order == ["delivered", "dead_lettered"]


def test_a_version_has_the_functions_dead_letter_queue() -> None:
    lab = ll.Lab()
    lab.create_function("f", FAIL)
    lab.publish_version("f")
    lab.update_function("f", dead_letter_queue="dead")
    send(lab, {"order": 7}, "f:1")
    assert records(lab, "dead") == [{"order": 7}]


def test_a_dead_letter_counts_as_dropped() -> None:
    lab = ll.Lab()
    lab.create_function("f", FAIL, dead_letter_queue="dead")
    send(lab, {})
    assert metric(lab, "AsyncEventsDropped") == 1
