"""Event age: what too little room does to events, and what their age limit does then."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdalab.errors import InvalidSetting
from lambdalab.scenarios import EventAge


def test_what_finds_no_room_in_time_expires_and_uses_up_no_retry() -> None:
    trace = EventAge().run()
    expired = trace.invocations.query("status == 'expired'")
    assert len(expired) > 500
    assert set(expired["attempts"]) == {0}
    assert set(expired["cause"]) == {"event_age_exceeded"}
    assert expired["latency_ms"].max() <= 60_000
    letters = trace.queue_events.query("queue == 'too-late' and action == 'sent'")
    assert len(letters) == len(expired)


def test_given_a_day_each_runs_but_long_after_there_was_room() -> None:
    trace = EventAge(maximum_event_age=21_600).run()
    assert set(trace.invocations["status"]) == {"succeeded"}
    work = trace.attempts["duration_ms"].sum() / 1000 / 4
    last = (trace.attempts["started_at"].max() - trace.start).total_seconds()
    assert last > 3 * work, "four environments could have been done long before"


@settings(max_examples=12, deadline=None)
@given(
    st.builds(
        EventAge,
        rate=st.floats(0.5, 30),
        seconds=st.floats(1, 20),
        duration=st.floats(0, 10),
        reserved_concurrency=st.integers(1, 5),
        maximum_event_age=st.integers(60, 600),
        dead_letter_queue=st.booleans(),
    ),
    st.integers(0, 9),
)
def test_the_code_makes_the_same_trace_and_nothing_runs_too_old(chosen, seed) -> None:
    space: dict[str, object] = {}
    exec(chosen.code(seed), space)
    trace = chosen.run(seed)
    assert space["trace"].digest() == trace.digest()
    begun = trace.attempts.merge(trace.invocations[["request_id", "requested_at"]])
    age = (begun["started_at"] - begun["requested_at"]).dt.total_seconds()
    assert not len(age) or age.max() <= chosen.maximum_event_age


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 0}, {"seconds": 0.5}, {"rate": 1000.0, "seconds": 3600.0}, {"duration": 901},
        {"reserved_concurrency": 901}, {"maximum_event_age": 21_601}, {"dead_letter_queue": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_setting_is_named(wrong) -> None:
    named = list(wrong)[-1]
    with pytest.raises(InvalidSetting, match=f"^{named}="):
        EventAge(**wrong)
