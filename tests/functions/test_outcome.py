"""How attempts end, what AWS's error documents say, and JSON in and out."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.functions.outcome import decode, encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
FEWER = settings(max_examples=settings().max_examples // 4)


# ---- JSON


@given(JSON)
def test_what_is_encoded_is_decoded_to_the_same(value: Any) -> None:
    """Whole numbers beyond 64 bits and floats included: as Python's own json has it."""
    try:
        data = encode(value)
    except UnicodeEncodeError:
        return  # half of a surrogate pair has no bytes
    assert decode(data) == value == json.loads(data)


@given(st.integers() | st.decimals(allow_nan=False, allow_infinity=False))
def test_numbers_of_any_length(value: Any) -> None:
    data = f'{{"n": {value if isinstance(value, int) else float(value)!r}}}'.encode()
    assert repr(decode(data)) == repr(json.loads(data))


def test_json_is_written_as_the_managed_runtime_writes_it() -> None:
    assert encode({"a": [1, 2.0, None, True], "b": "Zoë"}) == (
        '{"a": [1, 2.0, null, true], "b": "Zoë"}'.encode()
    )
    assert encode(Decimal("1.5")) == b"1.5"
    assert encode((1, 2)) == b"[1, 2]"
    assert encode({1: "a"}) == b'{"1": "a"}'


def test_the_empty_payload_is_an_empty_event() -> None:
    assert decode(b"") == {}


# ---- copies


def test_the_handler_gets_its_own_copy_of_the_event(lab: ll.Lab) -> None:
    given, seen = {"items": [1]}, []

    @lab.function
    def change(event: dict[str, list[int]], context: object) -> Any:
        event["items"].append(2)
        seen.append(event)
        return event

    reply = lab.invoke(change, given)
    assert given == {"items": [1]}
    assert reply.payload == {"items": [1, 2]}
    seen[0]["items"].append(3)
    assert reply.payload == {"items": [1, 2]}, "so has the caller"
    reply.payload["items"].clear()
    assert reply.payload == {"items": [1, 2]}, "each time a fresh one"


def test_retries_get_the_event_as_it_was_sent(lab: ll.Lab) -> None:
    seen = []

    @lab.function
    def spoil(event: dict[str, int], context: object) -> None:
        seen.append(dict(event))
        event["order"] = 0
        raise ValueError

    lab.invoke(spoil, {"order": 1}, invocation_type="Event")
    lab.run()
    assert seen == [{"order": 1}] * 3


@FEWER
@given(JSON)
def test_events_and_results_go_through_json(value: Any) -> None:
    lab = ll.Lab()
    lab.function(lambda event, context: event, name="echo")  # type: ignore[call-overload]
    try:
        expected = decode(encode(value)) if value is not None else {}
    except UnicodeEncodeError:
        return
    assert lab.invoke("echo", value).payload == expected


def test_keys_and_tuples_change_as_json_has_them(lab: ll.Lab) -> None:
    lab.function(lambda event, context: event, name="echo")  # type: ignore[call-overload]
    assert lab.invoke("echo", {1: (2, 3)}).payload == {"1": [2, 3]}


# ---- ends


def crash() -> None:
    import os

    os._exit(3)


def leave() -> None:
    raise SystemExit(1)


def overrun() -> None:
    import time

    time.sleep(10)


def fail() -> None:
    raise KeyError("stock")


def unmarshallable() -> object:
    return {1, 2}


ENDS: list[tuple[Callable[[], object], str, str, str]] = [
    (fail, "error", "KeyError", "'stock'"),
    (overrun, "timeout", "Sandbox.Timedout", "Task timed out after 3.00 seconds"),
    (crash, "exit", "Runtime.ExitError", "exit status 3"),
    (leave, "exit", "Runtime.ExitError", "Runtime exited"),
    (unmarshallable, "error", "Runtime.MarshalError", "Unable to marshal response"),
]


@pytest.mark.parametrize(
    ("body", "outcome", "kind", "text"), ENDS, ids=[e[0].__name__ for e in ENDS]
)
def test_ends_of_an_attempt(
    lab: ll.Lab, body: Callable[[], object], outcome: str, kind: str, text: str
) -> None:
    """Status 200, `Unhandled`, AWS's document; the attempt has its outcome and error; 2nd call works."""
    calls = []

    @lab.function
    def handler(event: object, context: object) -> object:
        calls.append(1)
        return body() if len(calls) == 1 else "fine"

    reply = lab.invoke(handler)
    assert (reply.status_code, reply.function_error) == (200, "Unhandled")
    assert reply.payload["errorType"] == kind
    assert text in reply.payload["errorMessage"]
    (attempt,) = lab.trace.attempts.itertuples()
    assert (attempt.outcome, attempt.error_type) == (outcome, kind)
    assert attempt.error_message == reply.payload["errorMessage"]
    (invocation,) = lab.trace.invocations.itertuples()
    assert (invocation.status, invocation.function_error) == ("failed", "Unhandled")
    again = lab.invoke(handler)
    assert again.payload == "fine"
    assert not again.cold, "the environment goes on, if need be with a new runtime"


def test_the_document_of_an_exception(lab: ll.Lab) -> None:
    """Message, type, request id and the user's own frames, as the managed runtime writes them."""

    @lab.function
    def handler(event: object, context: object) -> None:
        inner()

    def inner() -> None:
        raise LookupError("no order")

    reply = lab.invoke(handler)
    document = reply.payload
    assert list(document) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert document["errorMessage"] == "no order"
    assert document["errorType"] == "LookupError"
    assert document["requestId"] == reply.request_id
    assert len(document["stackTrace"]) == 2
    assert 'in inner\n    raise LookupError("no order")\n' in document["stackTrace"][1]
    assert "/var/task/" in document["stackTrace"][0]


def test_the_document_of_a_timeout_names_the_request(lab: ll.Lab) -> None:
    lab.create_function("slow", duration=lambda event: 4)
    reply = lab.invoke("slow")
    assert reply.payload == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {reply.request_id} Error: Task timed out after 3.00 seconds",
    }


def test_a_modelled_failure_is_an_error_like_any_other() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=0.1, failure_rate=0.25)
    lab.drive("f", ll.Every(1), count=2000)
    lab.run()
    outcomes = lab.trace.attempts["outcome"].value_counts()
    assert outcomes["error"] / 2000 == pytest.approx(0.25, abs=0.03)
    assert set(lab.trace.attempts.query("outcome == 'error'")["error_type"]) == {"ModelledError"}
