"""The throttle trap: healthy messages that die, and the one setting that cures it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdalab.errors import InvalidSetting
from lambdalab.scenarios import ThrottleTrap, throttle_trap


def dead(trace) -> set[str]:
    rows = trace.queue_events
    return set(rows.loc[rows["action"] == "dead_lettered", "event_id"])


def test_messages_die_though_no_run_fails() -> None:
    trace = ThrottleTrap().run()
    died = dead(trace)
    assert len(died) == 140
    assert set(trace.attempts["outcome"]) == {"success"}
    held = trace.batch_records
    batches = set(held.loc[held["event_id"].isin(died), "batch_id"])
    ends = trace.batches.set_index("batch_id")["outcome"]
    assert set(ends[list(batches)]) == {"throttled"}, "none of them ever ran"
    assert not set(trace.attempts["request_id"]) & set(
        trace.invocations.loc[trace.invocations["parent_id"].isin(batches), "request_id"]
    )


@pytest.mark.parametrize("reserved", [2, 3, 6])
def test_a_mapping_that_takes_what_may_run_loses_nothing(reserved) -> None:
    settings = ThrottleTrap(reserved_concurrency=reserved, maximum_concurrency=reserved)
    trace = settings.run()
    assert not dead(trace)
    assert "throttled" not in set(trace.invocations["status"])
    received = trace.queue_events.query("action == 'received'")["receive_count"]
    assert received.max() == 1


def test_one_poller_too_many_is_a_trap_still() -> None:
    assert dead(ThrottleTrap(maximum_concurrency=3).run())


@settings(max_examples=15)
@given(
    messages=st.integers(1, 120), reserved=st.integers(1, 6), most=st.none() | st.integers(2, 9),
    duration=st.floats(0.1, 19), receives=st.integers(1, 5), visible=st.integers(20, 60),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_the_code_makes_the_same_trace_and_every_message_has_an_end(
    messages, reserved, most, duration, receives, visible, seed
) -> None:
    chosen = ThrottleTrap(messages, reserved, most, duration, receives, visible)
    trace = chosen.run(seed)
    space: dict[str, object] = {}
    exec(chosen.code(seed), space)
    assert space["trace"].digest() == trace.digest()
    done = set(trace.queue_events.query("queue == 'orders' and action == 'deleted'")["event_id"])
    assert len(done) + len(dead(trace)) == messages
    if most is not None and most <= reserved:
        assert not dead(trace)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"messages": 0}, "messages=.*1 to 20,000"),
        ({"reserved_concurrency": 0}, "reserved_concurrency=.*1 to 900"),
        ({"maximum_concurrency": 1}, "maximum_concurrency=.*2 to 1,000"),
        ({"duration": 30.0}, r"duration=.*less than visibility_timeout \(30 s\)"),
        ({"max_receive_count": 1001}, "max_receive_count=.*1 to 1,000"),
        ({"visibility_timeout": 901}, "visibility_timeout=.*1 to 900"),
    ],
)
def test_a_wrong_setting_is_named_with_its_limit(wrong, named) -> None:
    with pytest.raises(InvalidSetting, match=f"^{named}"):
        ThrottleTrap(**wrong)


def test_the_function_is_the_class() -> None:
    trace = throttle_trap(seed=3, messages=50)
    assert trace.digest() == ThrottleTrap(messages=50).run(3).digest()
