"""The documented limits, to the unit and to the byte, both ways."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import lambdalab as ll
from lambdalab.errors import InvalidSetting, RequestTooLargeException, ServiceError

RULES = ll.Rules.as_of("2025-01-07")
KB = 1024


def payload_of(size: int) -> bytes:
    """A JSON text of exactly so many bytes."""
    return b'"' + b"a" * (size - 2) + b'"'


# ---- settings


def test_by_default_a_function_has_128_mb_and_3_seconds(lab: ll.Lab) -> None:
    """A sleep of 4 s ends after 3."""

    @lab.function
    def slow(event: object, context: object) -> None:
        import time

        time.sleep(4)

    reply = lab.invoke(slow)
    assert reply.function_error == "Unhandled"
    assert reply.payload["errorType"] == "Sandbox.Timedout"
    assert reply.payload["errorMessage"].endswith("Task timed out after 3.00 seconds")
    (attempt,) = lab.trace.attempts.itertuples()
    assert (attempt.memory_mb, attempt.outcome, attempt.duration_ms) == (128, "timeout", 3000)


@pytest.mark.parametrize(
    ("setting", "value", "limits"),
    [
        ("memory_size", 127, "128 to 10,240 MB"),
        ("memory_size", 10_241, "128 to 10,240 MB"),
        ("memory_size", 128.5, "128 to 10,240 MB"),
        ("timeout", 0, "1 to 900 s"),
        ("timeout", 901, "1 to 900 s"),
    ],
)
def test_memory_and_timeout_outside_their_limits(
    lab: ll.Lab, setting: str, value: object, limits: str
) -> None:
    with pytest.raises(InvalidSetting) as error:
        lab.create_function("f", duration=0.1, **{setting: value})
    for told in (setting, str(value), limits, "dg/configuration-", "2025-01-07"):
        assert told in str(error.value)


@pytest.mark.parametrize(
    "settings",
    [{"memory_size": 128}, {"memory_size": 10_240}, {"timeout": 1}, {"timeout": 900}],
    ids=str,
)
def test_memory_and_timeout_at_their_limits(lab: ll.Lab, settings: dict[str, int]) -> None:
    lab.create_function("f", duration=0.1, **settings)
    assert lab.invoke("f").function_error is None


# ---- synchronous payloads


def test_the_synchronous_limit_is_6_mb_as_the_service_counts_it() -> None:
    """The words say 6 MB, the service's own error text 100 bytes more."""
    assert RULES.synchronous_payload == 6 * KB * KB + 100


def test_a_request_of_6_mb_passes_and_one_byte_more_is_refused(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1)
    most = RULES.synchronous_payload
    assert lab.invoke("f", payload_of(most)).status_code == 200
    with pytest.raises(RequestTooLargeException, match=str(most)) as error:
        lab.invoke("f", payload_of(most + 1))
    assert error.value.status_code == 413
    refused = lab.trace.invocations.iloc[-1]
    assert (refused["status"], refused["cause"]) == ("refused", "payload_too_large")
    assert refused["payload_bytes"] == most + 1
    assert len(lab.trace.attempts) == 1


def test_a_response_of_6_mb_passes_and_one_byte_more_is_an_error(lab: ll.Lab) -> None:
    @lab.function
    def echo(event: int, context: object) -> str:
        return "a" * (event - 2)

    most = RULES.synchronous_payload
    assert len(lab.invoke(echo, most).body) == most
    reply = lab.invoke(echo, most + 1)
    assert reply.status_code == 200
    assert reply.function_error == "Unhandled"
    assert reply.payload["errorType"] == "Function.ResponseSizeTooLarge"
    assert str(most) in reply.payload["errorMessage"]
    assert lab.trace.attempts["outcome"].tolist() == ["success", "response_too_large"]


def test_a_response_is_measured_in_bytes_not_in_characters(lab: ll.Lab) -> None:
    @lab.function
    def echo(event: int, context: object) -> str:
        return "é" * ((event - 2) // 2)

    most = RULES.synchronous_payload  # an even number
    assert lab.invoke(echo, most).function_error is None
    assert lab.invoke(echo, most + 2).function_error == "Unhandled"


# ---- events


def outcome(send: Callable[[], object]) -> str:
    try:
        send()
    except ServiceError as error:
        return error.code
    return "accepted"


@pytest.mark.parametrize(
    ("rules", "most"), [("2025-01-07", 256 * KB), ("latest", 1024 * KB)], ids=["2025", "latest"]
)
def test_an_event_at_its_limit_and_one_byte_more(rules: str, most: int) -> None:
    """256 KB by the default rules, 1 MB since October 2025."""
    lab = ll.Lab(rules=rules)
    lab.create_function("f", duration=0.1)
    assert outcome(lambda: lab.invoke("f", payload_of(most), invocation_type="Event")) == "accepted"
    refused = outcome(lambda: lab.invoke("f", payload_of(most + 1), invocation_type="Event"))
    assert refused == "RequestTooLargeException"
    lab.run()
    assert lab.trace.invocations["status"].tolist() == ["succeeded", "refused"]
    assert len(lab.trace.attempts) == 1


def test_a_quota_of_ones_own_moves_the_limit() -> None:
    lab = ll.Lab(quotas={"asynchronous_payload": 10})
    lab.create_function("f", duration=0.1)
    assert outcome(lambda: lab.invoke("f", payload_of(10), invocation_type="Event")) == "accepted"
    with pytest.raises(RequestTooLargeException, match="changed by quotas="):
        lab.invoke("f", payload_of(11), invocation_type="Event")
