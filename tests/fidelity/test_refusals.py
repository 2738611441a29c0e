"""What the service refuses, with AWS's statuses, names, words and fields."""

from __future__ import annotations

import pytest

import lambdalab as ll
from lambdalab.errors import (
    InvalidParameterValueException,
    InvalidRequestContentException,
    LabError,
    RequestTooLargeException,
    ResourceConflictException,
    ResourceNotFoundException,
    ServiceError,
    TooManyRequestsException,
)

ARN = "arn:aws:lambda:us-east-1:123456789012:function:nobody"


@pytest.mark.parametrize("kind", ["RequestResponse", "Event", "DryRun"])
def test_a_body_that_is_no_json(lab: ll.Lab, kind: str) -> None:
    lab.create_function("f", duration=1)
    with pytest.raises(InvalidRequestContentException) as error:
        lab.invoke("f", b"{'a': 1}", invocation_type=kind)
    assert error.value.status_code == 400
    start = "Could not parse request body into json: Could not parse payload into json: "
    assert error.value.message.startswith(start)
    assert lab.trace.invocations["status"].tolist() == ["refused"]


@pytest.mark.parametrize(
    ("rules", "tail"), [("2025-01-07", ""), ("2025-06-30", ""), ("2025-07-01", ":$LATEST")]
)
def test_a_function_that_is_not_there(rules: str, tail: str) -> None:
    lab = ll.Lab(rules=rules)
    for kind in ("RequestResponse", "Event"):
        with pytest.raises(ResourceNotFoundException) as error:
            lab.invoke("nobody", invocation_type=kind)
        assert error.value.status_code == 404
        assert error.value.message == f"Function not found: {ARN}{tail}"


def test_a_throttle_says_why(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, reserved_concurrency=0)
    with pytest.raises(TooManyRequestsException) as error:
        lab.invoke("f")
    assert error.value.status_code == 429
    assert error.value.message == "Rate Exceeded."
    assert error.value.fields["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert "retryAfterSeconds" in error.value.fields


def test_an_invocation_type_that_is_none(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    with pytest.raises(LabError, match="RequestResponse"):
        lab.invoke("f", invocation_type="Later")
    assert issubclass(InvalidParameterValueException, ServiceError)
    assert InvalidParameterValueException.status_code == 400


def test_what_is_wrong_with_an_event_is_told_at_once(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    for payload, refusal in (
        (b"no json", InvalidRequestContentException),
        (b'"' + b"x" * 262_144 + b'"', RequestTooLargeException),
    ):
        with pytest.raises(refusal):
            lab.invoke("f", payload, invocation_type="Event")
    with pytest.raises(ResourceNotFoundException):
        lab.invoke("nobody", {}, invocation_type="Event")
    lab.run()
    assert len(lab.trace.queue_events) == 0
    assert set(lab.trace.invocations["status"]) == {"refused"}


def test_a_new_function_is_pending() -> None:
    lab = ll.Lab(quotas={"function_creation": 5})
    function = lab.create_function("f", duration=1)
    assert function.state == "Pending"
    with pytest.raises(ResourceConflictException) as error:
        lab.invoke("f")
    assert error.value.status_code == 409
    assert error.value.message == (
        "The operation cannot be performed at this time. "
        "The function is currently in the following state: Pending"
    )
    lab.advance(5)
    assert function.state == "Active"
    assert lab.invoke("f").status_code == 200


def test_an_update_takes_its_time() -> None:
    """The old code serves until it is done; another update must wait."""
    lab = ll.Lab(quotas={"function_update": 5})
    function = lab.create_function("f", "def lambda_handler(event, context): return 1")
    assert (function.state, function.last_update_status) == ("Active", "Successful")
    lab.update_function("f", "def lambda_handler(event, context): return 2")
    assert function.last_update_status == "InProgress"
    assert lab.invoke("f").payload == 1
    with pytest.raises(ResourceConflictException):
        lab.update_function("f", memory_size=256)
    lab.advance(5)
    assert function.last_update_status == "Successful"
    assert lab.invoke("f").payload == 2


def test_reserving_more_than_there_is() -> None:
    lab = ll.Lab()
    lab.create_function("f", duration=1)
    lab.put_function_concurrency("f", 900)
    with pytest.raises(LabError) as error:
        lab.put_function_concurrency("f", 901)
    assert (
        "Specified ReservedConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [100]." in str(error.value)
    )


def test_reserving_nothing_is_always_allowed() -> None:
    lab = ll.Lab(quotas={"account_concurrency": 10})
    lab.create_function("f", duration=1)
    with pytest.raises(LabError):
        lab.put_function_concurrency("f", 1)
    lab.put_function_concurrency("f", 0)
    with pytest.raises(TooManyRequestsException):
        lab.invoke("f")


def test_reserving_for_a_version_is_refused(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    lab.publish_version("f")
    with pytest.raises(LabError):
        lab.put_function_concurrency("f:1", 5)
