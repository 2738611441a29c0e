"""Lambda's own queue of asynchronous events: dwell, retries, back-off, age, dead letters."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import ServiceError, TooManyRequestsException
from lambdalab.trace.schema import Cause

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


def test_every_kind_of_function_error_is_retried(lab: ll.Lab) -> None:
    def raises(event: object, context: object) -> None:
        raise ValueError

    def lasts(event: object, context: object) -> None:
        time.sleep(60)

    def leaves(event: object, context: object) -> None:
        sys.exit(1)

    def says_too_much(event: object, context: object) -> str:
        return "x" * 7_000_000

    for handler in (raises, lasts, leaves, says_too_much):
        lab.create_function(handler.__name__, handler, maximum_retry_attempts=1)
        lab.invoke(handler.__name__, {}, invocation_type="Event")
    lab.run()
    outcomes = lab.trace.attempts.groupby("function")["outcome"].agg(list).to_dict()
    assert outcomes == {
        "raises": ["error", "error"], "lasts": ["timeout", "timeout"], "leaves": ["exit", "exit"],
        "says_too_much": ["response_too_large", "response_too_large"],
    }  # fmt: skip


def test_the_others_run_while_one_waits_for_its_retry(lab: ll.Lab) -> None:
    lab.create_function(
        "f", duration=lambda event: event["takes"], timeout=5, reserved_concurrency=1
    )
    for takes in (9, 1, 1):  # the first times out
        lab.invoke("f", {"takes": takes}, invocation_type="Event")
    lab.run(until=60)
    assert lab.trace.invocations["status"].tolist() == ["in_flight", "succeeded", "succeeded"]


def test_each_attempt_is_billed() -> None:
    lab = failing(duration=1.5)
    bills = lab.trace.attempts["billed_ms"].tolist()
    assert bills == [1500, 1500, 1500]
    one = lab.trace.attempts["cost_usd"].iloc[0]
    assert one > lab.rules.price_request / 1e9
    assert lab.trace.summary()["cost_usd"].iloc[0] == pytest.approx(3 * one)
    figures = lab.trace.metrics()
    assert figures[figures["metric"] == "Invocations"]["sum"].sum() == 3


# ---- accepting


def test_what_is_wrong_with_the_request_is_told_at_once(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    for function, payload, status in (
        ("g", {}, 404), ("f:7", {}, 404), ("f", b"{", 400), ("f", "x" * 262_143, 413),
    ):  # fmt: skip
        with pytest.raises(ServiceError) as caught:
            lab.invoke(function, payload, invocation_type="Event")
        assert caught.value.status_code == status
    assert set(lab.trace.invocations["status"]) == {"refused"}
    assert lab.trace.queue_events.empty


def test_a_caller_may_send_ten_events_a_second_for_each_unit_of_concurrency() -> None:
    lab = ll.Lab(quotas={"account_concurrency": 5, "unreserved_minimum": 0})
    lab.create_function("f", duration=0.01)
    for _ in range(50):
        lab.invoke("f", {}, invocation_type="Event")
    with pytest.raises(TooManyRequestsException) as caught:
        lab.invoke("f", {}, invocation_type="Event")
    assert caught.value.fields["Reason"] == "CallerRateLimitExceeded"
    lab.advance(0.1)
    for _ in range(5):
        lab.invoke("f", {}, invocation_type="Event")


def test_records_come_as_fast_as_they_come() -> None:
    """A destination is fed by AWS itself: the callers' limit is not for it."""
    quotas = {"account_concurrency": 40, "unreserved_minimum": 0, "requests_per_concurrency": 1}
    lab = ll.Lab(quotas=quotas)
    lab.create_function("g", duration=0.01, init=0.01)
    lab.create_function("f", duration=0.01, init=0.01, on_success="g")
    for _ in range(40):
        lab.invoke("f", {}, invocation_type="Event")
    lab.run()
    assert set(lab.trace.invocations["status"]) == {"succeeded"}
    assert len(lab.trace.invocations) == 80


# ---- what changes while events wait


def test_a_waiting_event_runs_on_the_new_code(lab: ll.Lab) -> None:
    def old(event: object, context: object) -> None:
        raise OSError("old")

    def new(event: object, context: object) -> str:
        return "new"

    lab.create_function("f", old)
    lab.invoke("f", {}, invocation_type="Event")
    lab.run(until=30)
    lab.update_function("f", new)
    lab.run()
    assert lab.trace.attempts["outcome"].tolist() == ["error", "success"]


def test_a_waiting_event_of_an_alias_runs_where_it_leads_by_then(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, failure_rate=1)
    lab.publish_version("f")
    lab.create_alias("f", "live", 1)
    lab.invoke("f:live", {}, invocation_type="Event")
    lab.invoke("f:1", {}, invocation_type="Event")
    lab.run(until=30)
    lab.update_function("f", failure_rate=0)
    lab.publish_version("f")
    lab.update_alias("f", "live", 2)
    lab.run()
    moved, stayed = lab.trace.invocations.itertuples()
    assert (moved.executed_version, moved.status, moved.attempts) == ("2", "succeeded", 2)
    assert (stayed.executed_version, stayed.status, stayed.attempts) == ("1", "failed", 3)


def test_a_function_switched_off_drops_what_waits_for_it(lab: ll.Lab) -> None:
    """At the next try, as an event that comes then: no throttle, the destination told so."""
    lab.sqs.create_queue("failed")
    lab.create_function("f", duration=1, failure_rate=1, on_failure="failed")
    lab.invoke("f", {}, invocation_type="Event")
    lab.run(until=5)
    lab.put_function_concurrency("f", 0)
    lab.run()
    (row,) = lab.trace.invocations.itertuples()
    assert (row.status, row.cause, row.attempts) == ("dropped", "zero_reserved_concurrency", 1)
    assert "throttle" not in set(lab.trace.scaling["kind"])
    (seen,) = lab.sqs["failed"].messages
    assert seen.body["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert "responseContext" not in seen.body


# ---- failures of the service itself


def failing_service(lab: ll.Lab, monkeypatch: pytest.MonkeyPatch, until: float) -> None:
    """Lambda answers 5xx to its own queue until then."""
    capacity = lab._lambda.capacity
    admit = capacity.admit
    monkeypatch.setattr(
        capacity,
        "admit",
        lambda call, paced: Cause.SERVICE_ERROR if lab.elapsed < until else admit(call, paced),
    )


def test_a_system_error_backs_off_like_a_throttle_and_uses_up_no_retry(
    lab: ll.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.create_function("f", duration=1, failure_rate=1)
    failing_service(lab, monkeypatch, 10)
    lab.invoke("f", {}, invocation_type="Event")
    lab.run()
    events = lab.trace.queue_events
    waits = events[events["cause"] == "service_error"]["delay_ms"] / 1000
    assert len(waits) == 4
    for n, wait in enumerate(waits):
        assert 2**n <= wait <= 1.1 * 2**n
    attempts = lab.trace.attempts["cause"].tolist()
    assert attempts == ["retry_after_service_error", "retry_after_error", "retry_after_error"]
    figures = lab.trace.metrics().set_index("metric")
    assert figures.loc["AsyncEventAge", "samples"].sum() == 7, "one for each try"
    assert "Throttles" not in figures.index


def test_an_event_that_only_met_system_errors_says_so_in_its_dead_letter(
    lab: ll.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.create_function("f", duration=1, dead_letter_queue="failed", maximum_event_age=60)
    failing_service(lab, monkeypatch, 1000)
    lab.invoke("f", {}, invocation_type="Event")
    lab.run()
    (seen,) = lab.sqs["failed"].messages
    assert seen.message.attributes["ErrorCode"] == ("Number", "500")


# ---- delivered at least once


def double(lab: ll.Lab, function: str, chosen: Callable[[], bool] = lambda: True) -> None:
    """Events that are chosen as they are accepted will be handed over twice."""
    queue = lab._lambda.front_door._queues.of(lab._lambda.functions[function])
    accept = queue.accept

    def accept_and_double(*given: Any) -> Any:
        call = accept(*given)
        if chosen():
            queue.duplicate(call)
        return call

    queue.accept = accept_and_double  # type: ignore[method-assign]


def doubled(lab: ll.Lab, function: str) -> str:
    """An event that the queue hands over twice; returns its id."""
    double(lab, function)
    reply = lab.invoke(function, {}, invocation_type="Event")
    lab.run()
    return reply.request_id


def test_a_duplicate_runs_the_same_event_again(lab: ll.Lab) -> None:
    ids = []
    lab.sqs.create_queue("ok")

    @lab.function(on_success="ok")
    def charge(event: object, context: Any) -> None:
        ids.append(context.aws_request_id)

    request_id = doubled(lab, "charge")
    assert ids == [request_id, request_id]
    first, second = lab.trace.attempts.itertuples()
    assert (first.cause, second.cause) == ("first_attempt", "duplicate")
    assert (first.attempt, second.attempt) == (1, 2)
    (row,) = lab.trace.invocations.itertuples()
    assert (row.status, row.attempts) == ("succeeded", 2)
    assert len(lab.sqs["ok"]) == 1, "one event, one end"
    assert lab.trace.retries.empty
    assert "(duplicate: the queue handed the same event over once more)" in repr(
        lab.trace.story("r1")
    )


def test_a_duplicate_uses_up_no_retry(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, failure_rate=1)
    doubled(lab, "f")
    causes = lab.trace.attempts["cause"].tolist()
    assert causes == ["first_attempt", "duplicate", "retry_after_error", "retry_after_error"]
    assert (lab.trace.retries["planned_ms"] // 60_000).tolist() == [1, 2], "the usual waits"


def test_a_duplicate_that_finds_no_room_does_not_come(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    double(lab, "f")
    lab.invoke("f", {}, invocation_type="Event")
    lab.run(until=1)
    lab.put_function_concurrency("f", 0)
    lab.run()
    assert lab.trace.attempts["cause"].tolist() == ["first_attempt"]
    assert lab.trace.invocations["status"].tolist() == ["succeeded"]


@FEWER
@given(st.integers(0, 10_000))
def test_books_balance_with_duplicates_of_anything(seed: int) -> None:
    """Failures, throttles, ages and duplicates at random: retries are counted without duplicates."""
    lab = ll.Lab(seed=seed)
    lab.sqs.create_queue("q")
    lab.create_function(
        "f", duration=ll.LogNormal(p50=2, p99=20), timeout=60, failure_rate=0.5, on_failure="q",
        on_success="q", dead_letter_queue="d", reserved_concurrency=2, maximum_event_age=300,
    )  # fmt: skip
    chance = lab.random("test").uniform
    double(lab, "f", lambda: chance() < 0.5)
    lab.drive("f", ll.Poisson(rate=1), duration=20, invocation_type="Event")
    lab.run()
    lab.audit()
    attempts = lab.trace.attempts
    own = attempts[attempts["cause"] != "duplicate"]
    assert own.groupby("request_id").size().max() <= 3
    assert attempts["cause"].eq("duplicate").groupby(attempts["request_id"]).sum().max() == 1
    assert len(lab.sqs["q"]) == len(lab.trace.invocations)


# ---- dead letters


def test_versions_have_the_dead_letter_queue_of_latest(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, failure_rate=1, dead_letter_queue="old")
    lab.publish_version("f")
    lab.update_function("f", dead_letter_queue="new")
    lab.invoke("f:1", {}, invocation_type="Event")
    lab.run()
    assert (len(lab.sqs["old"]), len(lab.sqs["new"])) == (0, 1)


def test_an_error_without_a_text_leaves_the_message_out(lab: ll.Lab) -> None:
    """An attribute of SQS cannot be empty."""

    @lab.function(dead_letter_queue="failed", maximum_retry_attempts=0)
    def fail(event: object, context: object) -> None:
        raise ValueError

    lab.invoke(fail, {}, invocation_type="Event")
    lab.run()
    (seen,) = lab.sqs["failed"].messages
    assert sorted(seen.message.attributes) == ["ErrorCode", "RequestID"]


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
