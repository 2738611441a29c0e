"""Bad input: one clear error before anything has happened, and the lab goes on."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import (
    EndlessRun,
    HandlerError,
    InsideHandler,
    InvalidParameterValueException,
    InvalidRequestContentException,
    InvalidSetting,
    LabClosed,
    LabError,
    RequestTooLargeException,
    ResourceConflictException,
    ResourceNotFoundException,
    TooManyRequestsException,
    UnknownName,
    UnknownSetting,
)

Attempt = Callable[[ll.Lab], object]


@pytest.fixture
def lab() -> ll.Lab:
    """A lab in mid-life: a function, a queue, a mapping, one invocation in the books."""
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=0.5)
    lab.create_function("resize", duration=0.5)
    orders = lab.sqs.create_queue("orders")
    lab.create_event_source_mapping(orders, "bill")
    lab.invoke("bill", {"order": 1})
    return lab


@contextmanager
def refused(lab: ll.Lab, error: type[LabError], *told: str, rows: int = 0) -> Iterator[None]:
    """What happens inside raises ``error`` and tells it all; the books get ``rows`` refused rows."""
    digest, shown = lab.trace.digest(), repr(lab)
    before = len(lab.trace.invocations)
    with pytest.raises(error) as raised:
        yield
    for word in told:
        assert word in str(raised.value)
    assert len(str(raised.value)) < 400, "clear is also short"
    assert repr(lab) == shown, "the same time, functions, queues and mappings"
    added = lab.trace.invocations[before:]
    assert len(added) == rows
    assert set(added["status"]) <= {"refused", "throttled"}
    if not rows:
        assert lab.trace.digest() == digest, "nothing has happened"
    assert lab.invoke("bill", {"order": 2}).status_code == 200, "and the lab goes on"
    lab.run()
    lab.audit()


# ---- unknown function, source or setting: with a suggestion


@pytest.mark.parametrize(
    ("attempt", "error", "told"),
    [
        (lambda lab: lab.update_function("bil", timeout=5), ResourceNotFoundException, "'bill'"),
        (lambda lab: lab.delete_function("bil"), ResourceNotFoundException, "'bill'"),
        (lambda lab: lab.put_function_concurrency("bil", 1), ResourceNotFoundException, "'bill'"),
        (
            lambda lab: lab.create_event_source_mapping("order", "bill"),
            UnknownName,
            "did you mean 'orders'",
        ),
        (
            lambda lab: lab.create_event_source_mapping("orders", "bil"),
            InvalidParameterValueException,
            "'bill'",
        ),
        (lambda lab: lab.drive("order", ll.Burst(1)), UnknownName, "did you mean 'orders'"),
        (lambda lab: lab.sqs["order"], UnknownName, "did you mean 'orders'"),
        (
            lambda lab: lab.create_function("f", duration=1, memorysize=512),
            UnknownSetting,
            "did you mean 'memory_size'",
        ),
        (
            lambda lab: lab.function(time_out=3)(lambda event, context: None),
            UnknownSetting,
            "did you mean 'timeout'",
        ),
        (
            lambda lab: lab.create_event_source_mapping("orders", "resize", batching_window=5),
            UnknownSetting,
            "did you mean 'maximum_batching_window'",
        ),
        (
            lambda lab: lab.sqs.create_queue("new", visibility=5),
            UnknownSetting,
            "did you mean 'visibility_timeout'",
        ),
        (lambda lab: ll.Lab(quotas={"account_concurency": 1}), UnknownName, "account_concurrency"),
    ],
)
def test_unknown_names(lab: ll.Lab, attempt: Attempt, error: type[LabError], told: str) -> None:
    with refused(lab, error, told):
        attempt(lab)


@pytest.mark.parametrize(
    ("name", "told"), [("bil", "did you mean 'bill'"), ("zzz", "there are 'bill', 'resize'")]
)
def test_invoking_what_does_not_exist(lab: ll.Lab, name: str, told: str) -> None:
    """Lambda has got the call, and so has the trace."""
    with refused(lab, ResourceNotFoundException, told, rows=1):
        lab.invoke(name)
    request = lab.trace.requests.iloc[-2]  # `refused` has called once more
    assert (request["status_code"], request["function"]) == (404, name)


# ---- a value out of range: which, limit, source


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"memory_size": 64}, ("memory_size=64", "128 to 10,240 MB", "dg/configuration-memory")),
        ({"timeout": 1000}, ("timeout=1000", "1 to 900 s", "dg/configuration-timeout")),
        ({"maximum_retry_attempts": 3}, ("maximum_retry_attempts=3", "0 to 2", "dg/")),
        ({"maximum_event_age": 59}, ("maximum_event_age=59", "60 to 21,600 s", "botocore")),
        ({"reserved_concurrency": -1}, ("reserved_concurrency=-1", "0 or more", "botocore")),
        ({"failure_rate": 1.5}, ("failure_rate=1.5", "between 0 and 1")),
        ({"architecture": "x86"}, ("architecture='x86'", "x86_64, arm64")),
        ({"runtime": "python2.7"}, ("runtime='python2.7'", "python3.13")),
        ({"environment": {"BIG": "x" * 5000}}, ("environment", "4,096 bytes", "dg/")),
    ],
)
def test_function_settings_out_of_range(
    lab: ll.Lab, settings: dict[str, Any], told: tuple[str, ...]
) -> None:
    with refused(lab, InvalidSetting, *told):
        lab.create_function("f", duration=0.1, **settings)
    with refused(lab, InvalidSetting, *told):
        lab.update_function("bill", **settings)


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 65])
def test_function_names_out_of_range(lab: ll.Lab, name: str) -> None:
    with refused(lab, InvalidSetting, "name=", "1 to 64 letters", "botocore CreateFunction"):
        lab.create_function(name, duration=0.1)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"batch_size": 0}, ("batch_size=0", "1 to 10,000 records", "botocore")),
        ({"batch_size": 10_001}, ("batch_size=10001", "1 to 10,000 records", "botocore")),
        ({"maximum_batching_window": 301}, ("maximum_batching_window=301", "0 to 300 s")),
        ({"function_response_types": ["Report"]}, ("function_response_types", "botocore")),
    ],
)
def test_mapping_settings_out_of_range(
    lab: ll.Lab, settings: dict[str, Any], told: tuple[str, ...]
) -> None:
    with refused(lab, InvalidSetting, *told):
        lab.create_event_source_mapping("orders", "resize", **settings)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"visibility_timeout": 43_201}, ("visibility_timeout=43201", "0 to 43,200 s", "botocore")),
        ({"delay": 901}, ("delay=901", "0 to 900 s", "botocore")),
        ({"retention": 59}, ("retention=59", "60 to 1,209,600 s", "botocore")),
        (
            {"dead_letter_queue": "new-dlq", "max_receive_count": 1001},
            ("max_receive_count=1001", "1 to 1,000"),
        ),
    ],
)
def test_queue_settings_out_of_range(
    lab: ll.Lab, settings: dict[str, Any], told: tuple[str, ...]
) -> None:
    with refused(lab, InvalidSetting, *told):
        lab.sqs.create_queue("new", **settings)


def test_the_account_keeps_a_hundred_unreserved(lab: ll.Lab) -> None:
    lab.put_function_concurrency("resize", 600)
    told = "minimum value of [100].", "reserved_concurrency=301", "at most 300", "dg/"
    with refused(lab, InvalidParameterValueException, *told):
        lab.create_function("new", duration=0.1, reserved_concurrency=301)
    with refused(lab, InvalidParameterValueException, "reserved_concurrency=901", "at most 300"):
        lab.update_function("bill", reserved_concurrency=901)


# ---- a payload too large, or not JSON


def test_a_payload_too_large(lab: ll.Lab) -> None:
    big = "a" * (6 * 1024 * 1024 + 99)
    with refused(lab, RequestTooLargeException, "6291557", "6291556", "dg/", rows=1):
        lab.invoke("bill", big)
    big = "a" * (256 * 1024 - 1)
    with refused(lab, RequestTooLargeException, "262145", "262144", "2025-01-07", rows=1):
        lab.invoke("bill", big, invocation_type="Event")


def test_a_value_that_is_no_json(lab: ll.Lab) -> None:
    """Python values JSON cannot hold never leave the caller; bytes that are no JSON are a 400."""
    for value in ({1, 2}, object(), dt.datetime(2025, 1, 7), {"a": lambda: 0}, {(1, 2): 3}):
        with refused(lab, InvalidSetting, "payload=", "JSON"):
            lab.invoke("bill", value)
        with refused(lab, InvalidSetting, "payload=", "JSON"):
            lab.drive("bill", ll.Burst(1), payload=value)
    circle: list[object] = []
    circle.append(circle)
    with refused(lab, InvalidSetting, "payload=", "JSON"):
        lab.invoke("bill", circle)


@pytest.mark.parametrize("body", [b"{", b"{'order': 1}", b"\xff\xfe", b"nope", b"[1,]"])
@pytest.mark.parametrize("kind", ["RequestResponse", "Event", "DryRun"])
def test_bytes_that_are_no_json(lab: ll.Lab, body: bytes, kind: str) -> None:
    with refused(lab, InvalidRequestContentException, "Could not parse", rows=1):
        lab.invoke("bill", body, invocation_type=kind)


def test_an_unknown_invocation_type(lab: ll.Lab) -> None:
    with refused(lab, InvalidSetting, "invocation_type='event'", "RequestResponse, Event, DryRun"):
        lab.invoke("bill", invocation_type="event")


# ---- a handler that is no callable, has no file, no such attribute


@pytest.mark.parametrize("code", [42, {"a": 1}, ["handler"]])
def test_a_handler_that_is_no_callable(lab: ll.Lab, code: object) -> None:
    with refused(lab, HandlerError, repr(code), "not callable"):
        lab.create_function("f", code)


def test_a_handler_that_takes_the_wrong_parameters(lab: ll.Lab) -> None:
    with refused(lab, HandlerError, "(event, context)"):
        lab.create_function("f", lambda event: None)


def test_a_handler_without_its_file(lab: ll.Lab, tmp_path: Path) -> None:
    (tmp_path / "images.py").write_text("def resize(event, context): ...\n", encoding="utf-8")
    with refused(lab, HandlerError, "imagse.py", "did you mean 'images.py'"):
        lab.create_function("f", str(tmp_path / "imagse.py"))
    with refused(lab, HandlerError, "there is no module 'imagse'", "images"):
        lab.create_function("f", tmp_path, handler="imagse.resize")


def test_a_handler_without_its_attribute(lab: ll.Lab, tmp_path: Path) -> None:
    (tmp_path / "images.py").write_text("def resize(event, context): ...\n", encoding="utf-8")
    with refused(lab, HandlerError, "'images'", "'shrink'", "images.resize"):
        lab.create_function("f", tmp_path, handler="images.shrink")
    with refused(lab, HandlerError, "module.function"):
        lab.create_function("f", tmp_path, handler="resize")
    with refused(lab, HandlerError, "did you mean 'lambda_function.handle'"):
        lab.create_function("f", "def handle(event, context):\n    return 1\n")


def test_a_function_with_neither_code_nor_model_or_with_both(lab: ll.Lab) -> None:
    with refused(lab, InvalidSetting, "code", "duration"):
        lab.create_function("f")
    with refused(lab, InvalidSetting, "code", "duration"):
        lab.create_function("f", lambda event, context: None, duration=1)


# ---- batch size over 10 with no window (SQS)


def test_a_batch_size_over_ten_needs_a_window(lab: ll.Lab) -> None:
    error = InvalidParameterValueException
    with refused(lab, error, "batch window", "greater than 10", "batch_size=11"):
        lab.create_event_source_mapping("orders", "resize", batch_size=11)
    lab.create_event_source_mapping("orders", "resize", batch_size=11, maximum_batching_window=1)


# ---- negative, infinite or absurd times

NO_TIMES = [-1, -0.001, math.inf, -math.inf, math.nan, 1e12, "soon", "-5s", "", True, None, [1]]


@pytest.mark.parametrize("value", NO_TIMES, ids=repr)
def test_times_that_are_none(lab: ll.Lab, value: Any) -> None:
    if value is not None:
        with refused(lab, InvalidSetting, "until=", repr(value)):
            lab.run(until=value)
        with refused(lab, InvalidSetting, "duration=", repr(value)):
            lab.drive("bill", ll.Poisson(1), duration=value)
        with refused(lab, InvalidSetting, "idle_expiry", repr(value)):
            lab.create_function("f", duration=0.1, idle_expiry=value)
    with refused(lab, InvalidSetting, "duration=", repr(value)):
        lab.advance(value)
    with refused(lab, InvalidSetting, "interval=", repr(value)):
        ll.Every(value)


@pytest.mark.parametrize("value", [-1, math.inf, math.nan, 1e12, "2min", True, [1]], ids=repr)
def test_durations_that_are_none(lab: ll.Lab, value: Any) -> None:
    with refused(lab, InvalidSetting, "duration=", repr(value)):
        lab.create_function("f", duration=value)
    with refused(lab, InvalidSetting, "init=", repr(value)):
        lab.create_function("f", duration=1, init=value)


@pytest.mark.parametrize("value", [0, -1, math.inf, math.nan, True, "1", None], ids=repr)
def test_rates_that_are_none(lab: ll.Lab, value: Any) -> None:
    with refused(lab, InvalidSetting, "rate=", repr(value)):
        lab.drive("bill", ll.Poisson(value), duration=1)


def test_times_that_have_passed(lab: ll.Lab) -> None:
    lab.advance(60)
    with refused(lab, InvalidSetting, "until=30", "not before now"):
        lab.run(until=30)
    with refused(lab, InvalidSetting, "until=", "lab's start"):
        lab.run(until=dt.datetime(2024, 1, 1))


def test_replays_that_are_none(lab: ll.Lab) -> None:
    for times in ([], [2, 1], [0, math.nan], [0, math.inf]):
        with refused(lab, InvalidSetting, "times="):
            ll.Replay(times)
    for durations in ([1], [1, -1], [1, math.nan]):
        with refused(lab, InvalidSetting, "durations="):
            ll.Replay([0, 1], durations=durations)


def test_dates_that_are_none(lab: ll.Lab) -> None:
    for start in ("yesterday", "1066-10-14", 5, None):
        with refused(lab, InvalidSetting, "start="):
            ll.Lab(start=start)  # type: ignore[arg-type]
    for rules in ("newest", "2019-01-01", 7):
        with refused(lab, InvalidSetting, "rules="):
            ll.Lab(rules=rules)  # type: ignore[arg-type]


def test_traffic_that_never_ends(lab: ll.Lab) -> None:
    lab.drive("resize", ll.Every(10))
    with pytest.raises(EndlessRun, match=r"'resize' never ends.*until="):
        lab.run()
    assert lab.elapsed < 1
    lab.run(until=60)
    assert (lab.trace.invocations["function"] == "resize").sum() == 6


# ---- a target that does not exist


def test_targets_that_do_not_exist(lab: ll.Lab) -> None:
    other = ll.Lab()
    theirs = other.sqs.create_queue("theirs")
    with refused(lab, UnknownName, "'theirs'", "'orders'"):
        lab.create_event_source_mapping(theirs, "bill")
    with refused(lab, UnknownName, "'theirs'"):
        lab.drive(theirs, ll.Burst(1))
    with refused(lab, ResourceNotFoundException, "'bill'"):
        lab.drive(test_targets_that_do_not_exist, ll.Burst(1))


def test_names_that_are_taken(lab: ll.Lab) -> None:
    with refused(lab, ResourceConflictException, "bill", "update_function", "lab.reset()"):
        lab.create_function("bill", duration=1)
    with refused(lab, ResourceConflictException, "orders"):
        lab.sqs.create_queue("orders", delay=5)
    with refused(lab, ResourceConflictException, "orders", "bill"):
        lab.create_event_source_mapping("orders", "bill")


# ---- a lab used after it was closed

VERBS: list[Attempt] = [
    lambda lab: lab.invoke("bill"),
    lambda lab: lab.create_function("f", duration=1),
    lambda lab: lab.function(lambda event, context: None),
    lambda lab: lab.update_function("bill", timeout=5),
    lambda lab: lab.delete_function("bill"),
    lambda lab: lab.put_function_concurrency("bill", 1),
    lambda lab: lab.put_function_event_invoke_config("bill", maximum_retry_attempts=0),
    lambda lab: lab.create_event_source_mapping("orders", "bill"),
    lambda lab: lab.drive("bill", ll.Burst(1)),
    lambda lab: lab.run(),
    lambda lab: lab.advance(1),
    lambda lab: lab.step(),
    lambda lab: lab.reset(),
]


@pytest.mark.parametrize("verb", VERBS)
def test_a_closed_lab_can_only_be_read(lab: ll.Lab, verb: Attempt) -> None:
    lab.close()
    digest = lab.trace.digest()
    with pytest.raises(LabClosed, match="closed"):
        verb(lab)
    assert lab.trace.digest() == digest
    assert len(lab.trace.invocations) == 1
    lab.close()  # a second time does nothing


def test_a_closed_labs_queue_takes_nothing_more(lab: ll.Lab) -> None:
    orders = lab.sqs["orders"]
    lab.close()
    with pytest.raises(LabClosed, match="closed"):
        orders.send({"order": 1})
    with pytest.raises(LabClosed, match="closed"):
        lab.sqs.create_queue("new")


# ---- two labs at once: allowed, and they do not see each other


def test_two_labs_do_not_see_each_other() -> None:
    def story(lab: ll.Lab) -> Iterator[None]:
        lab.create_function("bill", duration=ll.Exponential(0.2), failure_rate=0.2)
        orders = lab.sqs.create_queue("orders")
        yield
        lab.create_event_source_mapping(orders, "bill")
        lab.drive(orders, ll.Poisson(5), duration=20)
        yield
        for _ in range(20):
            lab.advance(2)
            yield

    alone = ll.Lab(seed=7)
    for _ in story(alone):
        pass
    here, there = ll.Lab(seed=7), ll.Lab(seed=8)
    for _ in zip(story(here), story(there), strict=True):
        pass
    assert here.trace.digest() == alone.trace.digest() != there.trace.digest()
    there.create_function("only-there", duration=1)
    with pytest.raises(ResourceNotFoundException):
        here.invoke("only-there")


def test_a_lab_inside_a_handler_of_another_lab() -> None:
    """A handler may make a lab of its own; both clocks are right."""
    outer, seen = ll.Lab(seed=7), []

    @outer.function(timeout=10)
    def simulate(event: object, context: object) -> float:
        inner = ll.Lab(seed=8)
        inner.create_function("f", duration=100, timeout=900, init=0)
        inner.invoke("f")
        seen.append(inner.elapsed)
        return inner.elapsed

    assert outer.invoke(simulate).payload == seen[0] == pytest.approx(100, abs=1)
    assert outer.elapsed < 1


# ---- run() inside a handler


@pytest.mark.parametrize("verb", ["run", "advance", "step", "reset", "close"])
def test_driving_the_clock_inside_a_handler(lab: ll.Lab, verb: str) -> None:
    errors = []

    @lab.function
    def meddle(event: object, context: object) -> str:
        try:
            getattr(lab, verb)(*([1] if verb == "advance" else []))
        except InsideHandler as error:
            errors.append(str(error))
            raise
        return "drove"

    reply = lab.invoke(meddle)
    assert reply.function_error == "Unhandled"
    assert reply.payload["errorType"] == "InsideHandler"
    assert f"lab.{verb}() inside a handler" in errors[0]
    assert lab.invoke("bill").status_code == 200
    lab.run()


def test_a_service_refusal_inside_a_handler_is_the_handlers_to_catch(lab: ll.Lab) -> None:
    lab.put_function_concurrency("resize", 0)

    @lab.function
    def call(event: object, context: object) -> str:
        try:
            lab.invoke("resize")
        except TooManyRequestsException as error:
            return str(error.fields["Reason"])
        return "ran"

    assert lab.invoke(call).payload == "ReservedFunctionConcurrentInvocationLimitExceeded"
