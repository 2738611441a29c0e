"""Back-off: the waits after errors and after throttles, and what ends them."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambdalab.errors import InvalidSetting
from lambdalab.scenarios import Backoff


def test_backoff_after_errors() -> None:
    trace = Backoff().run()
    assert len(trace.attempts) == 3
    first, second = (trace.retries["waited_ms"] / 1000).tolist()
    assert 60 <= first <= 75
    assert 120 <= second <= 140
    letters = trace.queue_events[trace.queue_events["queue"] == "failed"]
    assert letters["action"].tolist() == ["sent"]


def test_backoff_after_throttles_uses_up_no_retry() -> None:
    trace = Backoff(kind="throttle", maximum_retry_attempts=0).run()
    event = trace.invocations[trace.invocations["invocation_type"] == "Event"].iloc[0]
    assert (event["status"], event["attempts"]) == ("expired", 0)
    throttles = (trace.queue_events["action"] == "throttled").sum()
    assert 76 <= throttles <= 80
    # all that time the other callers are served, each in the only environment
    others = trace.invocations[trace.invocations["invocation_type"] == "RequestResponse"]
    assert set(others["status"]) == {"succeeded"}
    assert trace.attempts["environment_id"].nunique() == 1


@pytest.mark.parametrize("seconds", [7.0, 300.0, 599.0, 600.0, 1199.0, 5000.5])
def test_the_environment_is_busy_for_as_long_as_was_asked(seconds) -> None:
    trace = Backoff(kind="throttle", failing_for=seconds).run()
    event = trace.invocations[trace.invocations["invocation_type"] == "Event"].iloc[0]
    assert event["status"] == "succeeded"
    own = trace.attempts["request_id"] == event["request_id"]
    ended = trace.attempts.loc[~own, "ended_at"].max()
    assert (ended - event["requested_at"]).total_seconds() == pytest.approx(seconds, abs=1e-4)
    throttled = trace.queue_events[trace.queue_events["action"] == "throttled"]
    assert throttled["at"].max() < ended <= trace.attempts.loc[own, "started_at"].min()


def test_a_mended_function_is_new_code() -> None:
    trace = Backoff(failing_for=100.0).run()
    assert trace.attempts["outcome"].tolist() == ["error", "error", "success"]
    assert trace.attempts["cold_start"].tolist() == [True, False, True]


@settings(max_examples=25, deadline=None)
@given(
    st.builds(
        Backoff,
        kind=st.sampled_from(["error", "throttle"]),
        maximum_retry_attempts=st.integers(0, 2),
        maximum_event_age=st.integers(60, 21_600),
        failing_for=st.none() | st.floats(1, 7_200),
        dead_letter_queue=st.booleans(),
    ),
    st.integers(0, 9),
)
@example(Backoff(kind="throttle", failing_for=599.0), 0)  # all calls keep the environment as long
def test_the_code_makes_the_same_trace_and_the_event_has_an_end(chosen, seed) -> None:
    space: dict[str, object] = {}
    exec(chosen.code(seed), space)
    trace = chosen.run(seed)
    assert space["trace"].digest() == trace.digest()
    trace.audit()
    event = trace.invocations.query("invocation_type == 'Event'").iloc[0]
    assert event["status"] in ("succeeded", "failed", "expired")
    assert event["latency_ms"] <= 1000 * (chosen.maximum_event_age + 5), "and what ran is no older"


def test_what_the_next_wait_would_have_been_stands_in_the_books() -> None:
    kept = Backoff().run().wired("account")["retries"]
    assert (kept["wait_1"], kept["wait_2"]) == (60, 120)
    assert (kept["jitter_least"], kept["jitter_most"]) == (5, 10)
    assert (kept["back_off_first"], kept["back_off_most"]) == (1, 300)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "bored"}, {"maximum_retry_attempts": 3}, {"maximum_event_age": 59},
        {"failing_for": 0}, {"dead_letter_queue": "failed"},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_setting_is_named(wrong) -> None:
    with pytest.raises(InvalidSetting, match=f"^{next(iter(wrong))}="):
        Backoff(**wrong)
