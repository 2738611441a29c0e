"""Lambda's own queue of asynchronous events: dwell, retries, back-off, age, dead letters."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll

FEWER = settings(max_examples=settings().max_examples // 4)


def failing(seed: int = 1, **settings: Any) -> ll.Lab:
    """A lab that has done with one event of a function that always fails."""
    quotas = settings.pop("quotas", None)
    lab = ll.Lab(seed=seed, quotas=quotas)
    lab.create_function("f", **({"duration": 1, "failure_rate": 1} | settings))
    lab.invoke("f", {"order": 1}, invocation_type="Event")
    lab.run()
    return lab


def test_the_first_attempt_comes_after_a_short_dwell() -> None:
    lab = failing()
    (first, *_) = lab.trace.attempts.itertuples()
    waited = (first.started_at - first.queued_at).total_seconds()
    assert waited == lab.rules.asynchronous_dwell
    assert first.cause == "first_attempt"


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_errors_are_retried_as_often_as_set(retries: int) -> None:
    lab = failing(maximum_retry_attempts=retries)
    assert len(lab.trace.attempts) == retries + 1
    (row,) = lab.trace.invocations.itertuples()
    assert (row.attempts, row.status, row.cause) == (retries + 1, "failed", "retries_exhausted")
    again = lab.trace.attempts["cause"].tolist()[1:]
    assert again == ["retry_after_error"] * retries


def test_a_retry_that_succeeds_ends_the_matter(lab: ll.Lab) -> None:
    calls = []

    @lab.function
    def second_time_lucky(event: object, context: object) -> str:
        calls.append(event)
        if len(calls) == 1:
            raise OSError
        return "done"

    lab.invoke(second_time_lucky, {}, invocation_type="Event")
    lab.run()
    (row,) = lab.trace.invocations.itertuples()
    assert (row.status, row.attempts, row.function_error) == ("succeeded", 2, "")
    actions = lab.trace.queue_events["action"].tolist()
    assert actions == ["sent", "received", "retry_scheduled", "received", "deleted"]


@FEWER
@given(st.integers(0, 10_000))
def test_retry_waits_are_the_documented_ones_and_the_measured_jitter(seed: int) -> None:
    lab = failing(seed)
    low, high = lab.rules.retry_jitter
    first, second = lab.trace.retries["waited_ms"] / 1000
    assert 60 + low <= first <= 60 + high
    assert 120 + low <= second <= 120 + high
    assert lab.trace.retries["lane"].tolist() == ["service", "service"]
    lab.audit()


def test_jitter_differs_between_events(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, failure_rate=1)
    for _ in range(20):
        lab.invoke("f", {}, invocation_type="Event")
    lab.run()
    waits = lab.trace.retries["planned_ms"]
    assert waits.nunique() == 40
    attempts = lab.trace.attempts["attempt"].to_numpy()
    assert len(attempts) == 60


@pytest.mark.parametrize(("age", "attempts"), [(60, 1), (90, 2), (150, 2), (240, 3), (21_600, 3)])
def test_the_look_ahead_gives_an_event_up_that_would_grow_too_old(age: int, attempts: int) -> None:
    """60 s: dropped right after its only attempt; 90 s: one retry (as recorded on AWS)."""
    lab = failing(maximum_event_age=age)
    (row,) = lab.trace.invocations.itertuples()
    assert row.attempts == attempts
    expected = "failed" if attempts == 3 else "expired"
    assert row.status == expected
    assert row.completed_at == lab.trace.attempts["ended_at"].iloc[-1], "at once, with no more wait"
    assert row.function_error == "Unhandled"


@FEWER
@given(st.integers(0, 10_000), st.integers(60, 2_000))
def test_the_back_off_series(seed: int, age: int) -> None:
    """min(2^n, 300) s, at most a tenth longer, and no wait that would end past the event's age."""
    lab = ll.Lab(seed=seed)
    lab.create_function(
        "f", duration=lambda event: event.get("takes", 0), timeout=900, reserved_concurrency=1,
        maximum_event_age=age,
    )  # fmt: skip
    lab.invoke("f")
    lab.drive("f", ll.Every(890.000001), duration=age + 900, payload={"takes": 890})
    lab.invoke("f", {}, invocation_type="Event")
    lab.run()
    events = lab.trace.queue_events
    throttled = events[events["action"] == "throttled"]
    *delays, last = throttled["delay_ms"] / 1000
    assert last == 0, "looked ahead: it would grow too old"
    for n, delay in enumerate(delays):
        assert min(2**n, 300) <= delay <= 1.1 * min(2**n, 300)
    assert lab.rules.asynchronous_dwell + sum(delays) <= age
    event = lab.trace.invocations.query("invocation_type == 'Event'").iloc[0]
    assert (event["status"], event["cause"]) == ("expired", "event_age_exceeded")
    assert event["waiting_ms"] == pytest.approx(sum(delays) * 1000)
    lab.audit()


def test_a_throttle_after_an_attempt_backs_off_from_a_second_again() -> None:
    """The back-off grows with throttles in a row only."""
    lab = ll.Lab(seed=3)
    lab.create_function(
        "f", duration=lambda event: event.get("takes", 0), timeout=900, failure_rate=1,
        reserved_concurrency=1,
    )  # fmt: skip
    for at in (0, 120):  # busy when the event comes, and again when it would be retried
        lab.drive("f", ll.Burst(1, at=at), payload={"takes": 40})
    event = lab.invoke("f", {}, invocation_type="Event")
    lab.run()
    events = lab.trace.queue_events
    mine = events[events["event_id"] == event.request_id]
    delays = mine[mine["action"] == "throttled"]["delay_ms"].round(-3).tolist()
    assert delays.count(1000) == 2
    assert mine[mine["action"] == "received"].shape[0] == 3, "and all three attempts"


def test_put_event_invoke_config_counts_for_what_is_waiting(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, failure_rate=1)
    lab.invoke("f", {}, invocation_type="Event")
    lab.run(until=5)
    lab.put_function_event_invoke_config("f", maximum_retry_attempts=1)
    lab.run()
    assert len(lab.trace.attempts) == 2
    lab.put_function_event_invoke_config("f", maximum_event_age=60)
    lab.invoke("f", {}, invocation_type="Event")
    lab.run()
    assert lab.trace.invocations["attempts"].tolist() == [2, 1]


# ---- dead letters


@pytest.mark.parametrize("body", [b'{"a" :1}', b"[]", '"Zoë"'.encode(), b"null", b"1e3"])
def test_a_dead_letter_is_the_event_unchanged(body: bytes) -> None:
    lab = ll.Lab()
    lab.create_function("f", duration=1, failure_rate=1, dead_letter_queue="failed")
    reply = lab.invoke("f", body, invocation_type="Event")
    lab.run()
    (seen,) = lab.sqs["failed"].messages
    assert seen.message.body.encode() == body
    attributes = seen.message.attributes
    assert attributes["RequestID"] == ("String", reply.request_id)
    assert attributes["ErrorCode"] == ("Number", "200")
    assert attributes["ErrorMessage"] == ("String", lab.trace.attempts["error_message"].iloc[-1])


def test_the_error_message_is_cut_at_a_kilobyte(lab: ll.Lab) -> None:
    @lab.function(dead_letter_queue="failed", maximum_retry_attempts=0)
    def fail(event: object, context: object) -> None:
        raise ValueError("é" * 2000)

    lab.invoke(fail, {}, invocation_type="Event")
    lab.run()
    (seen,) = lab.sqs["failed"].messages
    _, text = seen.message.attributes["ErrorMessage"]
    assert text == "é" * 512


def test_no_dead_letter_for_a_synchronous_call_or_a_success(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, failure_rate=1, dead_letter_queue="failed")
    lab.create_function("g", duration=1, dead_letter_queue="failed")
    lab.invoke("f")
    lab.invoke("g", {}, invocation_type="Event")
    lab.run()
    assert len(lab.sqs["failed"]) == 0


def test_an_event_without_a_dead_letter_queue_is_dropped() -> None:
    lab = failing()
    assert lab.trace.queue_events["action"].tolist()[-1] == "dropped"
    assert "dead_lettered" not in set(lab.trace.queue_events["action"])


def test_the_queues_depth_is_always_what_lies_in_it(lab: ll.Lab) -> None:
    """Visible, delayed and in flight add up, and it ends empty."""
    lab.create_function("f", duration=2, failure_rate=0.5, reserved_concurrency=2)
    for _ in range(10):
        lab.invoke("f", {}, invocation_type="Event")
    lab.run()
    events = lab.trace.queue_events
    assert (events["depth"] == events["visible"] + events["delayed"] + events["in_flight"]).all()
    assert events["depth"].max() == 10
    assert events["in_flight"].max() == 2
    assert events["depth"].iloc[-1] == 0
    assert events["visible"].min() == 0
