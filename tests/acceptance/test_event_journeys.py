"""Two long journeys of an event, each in well under a second of real time, the books balanced."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd
import pytest

import lambdalab as ll

HOURS = 3600


@contextmanager
def under_a_second() -> Iterator[None]:
    """What happens inside may use one second of processor time."""
    before = time.process_time()
    yield
    assert time.process_time() - before < 1


def seconds(table: pd.Series) -> list[float]:
    return [value.total_seconds() for value in table]


@pytest.mark.parametrize("kind", ["code", "model"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_event_whose_function_always_fails(kind: str, seed: int) -> None:
    """Three attempts, about one and two minutes apart, then its body unchanged in the queue."""
    body = b'{"order":  1.50, "who": "Zo\xc3\xab", "none": null}'
    with under_a_second():
        lab = ll.Lab(seed=seed)

        def fail(event: dict[str, object], context: object) -> None:
            raise KeyError(event["order"])

        if kind == "code":
            lab.function(fail, name="fail", dead_letter_queue="failed")  # type: ignore[call-overload]
        else:
            lab.create_function("fail", duration=2, failure_rate=1, dead_letter_queue="failed")
        accepted = lab.invoke("fail", body, invocation_type="Event")
        assert (accepted.status_code, accepted.payload) == (202, None)
        assert lab.elapsed == 0, "queueing takes the caller no time"
        lab.run()

        attempts = lab.trace.attempts
        assert attempts["attempt"].tolist() == [1, 2, 3]
        assert set(attempts["request_id"]) == {accepted.request_id}, "the same id throughout"
        assert set(attempts["outcome"]) == {"error"}
        first, second = seconds((attempts["started_at"].shift(-1) - attempts["ended_at"]).dropna())
        assert 60 <= first <= 75
        assert 120 <= second <= 140

        (invocation,) = lab.trace.invocations.itertuples()
        assert (invocation.status, invocation.cause) == ("failed", "retries_exhausted")
        assert invocation.function_error == "Unhandled"
        (letter,) = lab.sqs["failed"].messages
        assert letter.message.body.encode() == body
        assert letter.message.attributes["RequestID"] == ("String", accepted.request_id)
        assert letter.message.attributes["ErrorCode"] == ("Number", "200")
        lab.audit()


def busy_lab(seed: int) -> ll.Lab:
    """The only reserved environment runs one call after the other, a microsecond apart, 7 hours."""
    lab = ll.Lab(seed=seed)
    lab.create_function(
        "busy",
        duration=lambda event: event.get("takes", 0),
        timeout=900,
        reserved_concurrency=1,
        dead_letter_queue="failed",
    )
    lab.invoke("busy")  # the environment is warm from now on
    lab.drive("busy", ll.Every(890.000001), duration=7 * HOURS, payload={"takes": 890})
    return lab


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_event_that_finds_its_only_environment_busy_for_six_hours(seed: int) -> None:
    """Some 76 to 80 throttles, no attempt and no retry used up; in the end it is too old."""
    with under_a_second():
        lab = busy_lab(seed)
        event = lab.invoke("busy", {"takes": 1, "order": 2}, invocation_type="Event")
        lab.run()

        events = lab.trace.queue_events
        mine = events[events["request_id"] == event.request_id]
        own = mine[mine["kind"] == "asynchronous"]
        throttles = own[own["action"] == "throttled"]
        assert 76 <= len(throttles) <= 80
        assert set(throttles["cause"]) == {"throttled_reserved"}
        assert event.request_id not in set(lab.trace.attempts["request_id"])
        assert (own["action"] == "expired").sum() == 1
        assert own["age_ms"].max() <= 6 * HOURS * 1000

        invocations = lab.trace.invocations.set_index("request_id")
        mine_alone = invocations.loc[event.request_id]
        assert (mine_alone["status"], mine_alone["attempts"]) == ("expired", 0)
        assert mine_alone["cause"] == "event_age_exceeded"
        (letter,) = lab.sqs["failed"].messages
        assert letter.body == {"takes": 1, "order": 2}
        lab.audit()


def test_throttled_events_come_back_ever_later_up_to_five_minutes() -> None:
    """1, 2, 4 ... 256 and then 300 seconds, each up to a tenth longer."""
    lab = busy_lab(seed=4)
    lab.invoke("busy", {"takes": 1}, invocation_type="Event")
    lab.run()
    events = lab.trace.queue_events
    delays = events[events["action"] == "throttled"]["delay_ms"][:-1] / 1000
    expected = [min(2**n, 300) for n in range(len(delays))]
    for delay, plain in zip(delays, expected, strict=True):
        assert plain <= delay <= 1.1 * plain


def test_an_event_that_finds_room_in_time_has_used_up_no_retry() -> None:
    """Throttled for ten minutes, it then still gets all its three attempts."""
    lab = ll.Lab(seed=5)
    lab.create_function(
        "fail",
        duration=lambda event: event.get("takes", 0),
        timeout=900,
        failure_rate=1,
        reserved_concurrency=1,
    )
    lab.drive("fail", ll.Burst(1), payload={"takes": 600})
    event = lab.invoke("fail", {}, invocation_type="Event")
    lab.run()
    attempts = lab.trace.attempts
    assert attempts[attempts["request_id"] == event.request_id]["attempt"].tolist() == [1, 2, 3]
    events = lab.trace.queue_events
    assert (events["action"] == "throttled").sum() >= 9


def test_reserved_concurrency_0_drops_an_event_at_once() -> None:
    """That is another thing than being busy: accepted (202), then given up without a try."""
    with under_a_second():
        lab = ll.Lab(seed=1)
        lab.create_function("off", duration=1, reserved_concurrency=0, dead_letter_queue="failed")
        reply = lab.invoke("off", {"order": 3}, invocation_type="Event")
        assert reply.status_code == 202
        lab.run()
        assert lab.elapsed == 0
        (invocation,) = lab.trace.invocations.itertuples()
        assert (invocation.status, invocation.attempts) == ("dropped", 0)
        assert invocation.cause == "zero_reserved_concurrency"
        assert "throttled" not in set(lab.trace.queue_events["action"])
        assert "throttle" not in set(lab.trace.scaling["kind"]), "no datapoint of a throttle"
        (letter,) = lab.sqs["failed"].messages
        assert letter.body == {"order": 3}
        lab.audit()
