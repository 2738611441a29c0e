"""Execution environments: made cold, reused newest-idle first, ended after standing idle."""

from __future__ import annotations

import itertools
from collections import defaultdict
from time import sleep

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll

CALLS = st.lists(st.tuples(st.floats(0, 30), st.floats(0.01, 20)), min_size=1, max_size=30)
"""Pauses between arrivals, and durations."""

TEN_SECONDS = pd.Timedelta(seconds=10)
FEWER = settings(max_examples=settings().max_examples // 4)  # each example is a lab, audited


def serve(calls: list[tuple[float, float]], **settings: object) -> ll.Lab:
    """A lab that has served calls given as (pause before it, duration)."""
    times, now = [], 0.0
    for pause, _ in calls:
        now += pause
        times.append(now)
    replay = ll.Replay(times, durations=[duration for _, duration in calls], start=0)
    lab = ll.Lab(seed=1)
    lab.create_function("f", duration=replay.duration, timeout=900, **settings)  # type: ignore[arg-type]
    lab.drive("f", replay)
    lab.run()
    return lab


def test_cold_then_warm_then_cold_again_after_ten_minutes(lab: ll.Lab) -> None:
    """Idle for 600 s is too long; a microsecond less is not."""
    lab.create_function("f", duration=1)
    cold = []
    for pause in (0, 0, 599.999999, 600, 600.000001):
        lab.advance(pause)
        cold.append(lab.invoke("f").cold)
    assert cold == [True, False, False, True, True]
    ended = lab.trace.environments["ended_because"].tolist()
    assert ended == ["idle_expiry", "idle_expiry", ""]


def test_idle_expiry_can_be_set(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, idle_expiry=5)
    cold = [lab.invoke("f").cold]
    for pause in (4.9, 5.1):
        lab.advance(pause)
        cold.append(lab.invoke("f").cold)
    assert cold == [True, False, True]


def test_a_cold_start_takes_setup_and_init_before_the_handler(lab: ll.Lab) -> None:
    """Beside the function's duration; warm calls take that alone."""
    lab.create_function("f", duration=1, init=0.4)
    cold, warm = lab.invoke("f"), lab.invoke("f")
    assert cold.latency_ms == 1000 + 400 + 1000 * lab.rules.environment_setup
    assert warm.latency_ms == 1000
    first = lab.trace.attempts.iloc[0]
    assert (first["init_ms"], first["duration_ms"], first["init_type"]) == (400, 1000, "on_demand")
    assert first["setup_ms"] == 1000 * lab.rules.environment_setup


def test_the_default_init_is_drawn_from_what_was_measured(lab: ll.Lab) -> None:
    lab.create_function("f", duration=60, timeout=900)
    lab.create_function("g", duration=60, timeout=900, architecture="arm64", runtime="java21")
    for name in ("f", "g"):
        lab.drive(name, ll.Burst(400))
    lab.run()
    by_function = lab.trace.attempts.groupby("function")["init_ms"]
    for name, kind in {"f": ("python3.13", "x86_64"), "g": ("java21", "arm64")}.items():
        p10, p50, p90, _ = lab.rules.init_percentiles[kind]
        seen = by_function.get_group(name).quantile([0.1, 0.5, 0.9]).tolist()
        assert seen == pytest.approx([p10, p50, p90], rel=0.06)


def test_the_environment_idle_for_the_shortest_time_serves_first(lab: ll.Lab) -> None:
    """Three become idle after 1, 2 and 3 s; then they are asked for one after the other."""
    lab.create_function("f", duration=lambda event: event.get("takes", 10), timeout=60)
    lab.drive("f", ll.Burst(3), payload=lambda i: {"takes": [2, 3, 1][i]})
    lab.run()
    lab.drive("f", ll.Burst(3))
    lab.run()
    attempts = lab.trace.attempts["environment_id"].tolist()
    first, second = attempts[:3], attempts[3:]
    assert second == [first[1], first[0], first[2]]


@FEWER
@given(CALLS)
def test_every_warm_call_takes_the_environment_released_last(
    calls: list[tuple[float, float]],
) -> None:
    """Checked against the books alone, whatever the traffic."""
    lab = serve(calls, idle_expiry=10)
    released: dict[str, object] = {}
    events = []
    for n, attempt in enumerate(lab.trace.attempts.itertuples()):
        events.append((attempt.started_at, 1, n, attempt))
        events.append((attempt.ended_at, 0, n, attempt))
    # what ends at a moment is free for what starts then only if it ended first in the heap: such
    # ties are left out
    ties = {time for time, kind, *_ in events if kind} & {
        time for time, kind, *_ in events if not kind
    }
    for time, kind, _, attempt in sorted(events, key=lambda event: event[:3]):
        if kind == 0:
            released[attempt.environment_id] = time
        elif attempt.cold_start:
            assert not released or time in ties or max(released.values()) + TEN_SECONDS <= time
        else:
            assert time in ties or released[attempt.environment_id] == max(released.values())
            released.pop(attempt.environment_id, None)


@FEWER
@given(CALLS)
def test_no_environment_runs_two_at_a_time_and_none_is_idle_for_too_long(
    calls: list[tuple[float, float]],
) -> None:
    lab = serve(calls, idle_expiry=10)
    lab.audit()
    by_environment = defaultdict(list)
    for attempt in lab.trace.attempts.itertuples():
        by_environment[attempt.environment_id].append(attempt)
    for attempts in by_environment.values():
        assert [a.cold_start for a in attempts] == [True] + [False] * (len(attempts) - 1)
        for before, after in itertools.pairwise(attempts):
            assert before.ended_at <= after.started_at < before.ended_at + TEN_SECONDS


def test_updating_a_function_retires_its_environments(lab: ll.Lab) -> None:
    """Idle ones at once, busy ones when they finish; the next call starts cold with the new settings."""
    lab.create_function("f", duration=10, timeout=60)
    lab.drive("f", ll.Burst(2))
    lab.drive("f", ll.Burst(1, at=15))
    lab.run(until=16)
    lab.update_function("f", memory_size=256)
    environments = lab.trace.environments
    assert sorted(environments["ended_because"]) == ["", "function_updated"]
    lab.run()
    assert set(lab.trace.environments["ended_because"]) == {"function_updated"}
    assert lab.invoke("f").cold
    assert lab.trace.attempts["memory_mb"].tolist() == [128, 128, 128, 256]


def test_changing_concurrency_or_retries_keeps_the_environments(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    lab.invoke("f")
    lab.put_function_concurrency("f", 5)
    lab.put_function_event_invoke_config("f", maximum_retry_attempts=0)
    assert not lab.invoke("f").cold


def test_deleting_a_function_ends_its_environments(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    lab.invoke("f")
    lab.delete_function("f")
    assert lab.trace.environments["ended_because"].tolist() == ["function_deleted"]
    lab.create_function("f", duration=1)
    assert lab.invoke("f").cold


def test_expiry_does_not_keep_a_run_alive(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, init=0)
    lab.invoke("f")
    lab.run()
    assert lab.elapsed == pytest.approx(1 + lab.rules.environment_setup)
    lab.advance(3600)
    assert lab.trace.environments["ended_because"].tolist() == ["idle_expiry"]


# ---------------------------------------------------------------------- idle for how long


def test_an_idle_expiry_of_nothing_reuses_nothing(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, idle_expiry=0)
    assert [lab.invoke("f").cold for _ in range(3)] == [True] * 3
    environments = lab.trace.environments
    assert set(environments["ended_because"]) == {"idle_expiry"}
    assert environments["ended_at"].tolist() == lab.trace.attempts["ended_at"].tolist()


@pytest.mark.parametrize(
    "expiry", [ll.LogNormal(p50=60, p99=300), ll.Exponential(30)], ids=["log-normal", "exponential"]
)
def test_an_idle_expiry_drawn_for_each_spell(expiry: object) -> None:
    """Each spell of standing idle has its own time, and nothing is reused after it."""
    lab = ll.Lab(seed=3)
    lab.create_function("f", duration=1, idle_expiry=expiry)
    lab.drive("f", ll.Burst(200))
    lab.advance(10_000)
    environments = lab.trace.environments
    assert set(environments["ended_because"]) == {"idle_expiry"}
    idle = (environments["ended_at"] - lab.trace.attempts["ended_at"]).dt.total_seconds()
    assert idle.nunique() > 150
    assert idle.median() == pytest.approx(expiry.median, rel=0.25)  # type: ignore[attr-defined]
    assert lab.invoke("f").cold


def test_a_call_in_between_begins_another_spell() -> None:
    """What was drawn for the spell before does not end the environment in this one."""
    lab = ll.Lab(seed=3)
    lab.create_function("f", duration=1, idle_expiry=ll.LogNormal(p50=100, p99=101))
    lab.invoke("f")
    for _ in range(5):
        lab.advance(90)
        assert not lab.invoke("f").cold
    lab.advance(110)
    assert lab.trace.environments["ended_because"].tolist() == ["idle_expiry"]


def test_a_shorter_expiry_holds_for_the_next_spell(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, idle_expiry=600)
    lab.invoke("f")
    lab.update_function("f", idle_expiry=5)
    lab.invoke("f")
    lab.advance(6)
    assert lab.invoke("f").cold
    assert lab.trace.environments["ended_because"].tolist() == [
        "function_updated", "idle_expiry", "",
    ]  # fmt: skip


@FEWER
@given(CALLS, st.integers(0, 100))
def test_a_drawn_expiry_balances_too(calls: list[tuple[float, float]], seed: int) -> None:
    lab = serve(calls, idle_expiry=ll.Exponential(10))
    lab.audit()
    ends = lab.trace.environments.set_index("environment_id")["ended_at"]
    last = lab.trace.attempts.groupby("environment_id")["ended_at"].max()
    over = ends.dropna()
    assert (over >= last[over.index]).all()


# ---------------------------------------------------------------------- the end of the lab


@pytest.mark.parametrize("code", [False, True], ids=["model", "code"])
def test_closing_a_lab_ends_every_environment(code: bool) -> None:
    """Idle, busy or in its init; what ran in them stays in flight: nobody has seen its end."""
    lab = ll.Lab(seed=7)
    if code:
        lab.function(lambda event, context: sleep(10), name="f", timeout=60)  # type: ignore[call-overload]
    else:
        lab.create_function("f", duration=10, timeout=60)
    lab.drive("f", ll.Burst(2))
    lab.drive("f", ll.Burst(1, at=12))
    lab.drive("f", ll.Burst(2, at=14.9))
    lab.invoke("f", invocation_type="Event")
    lab.run(until=15)
    lab.close()
    lab.audit()
    environments = lab.trace.environments
    assert set(environments["ended_because"]) == {"lab_closed"}
    assert set(environments["ended_at"]) == {lab.trace.start + pd.Timedelta(seconds=15)}
    assert (lab.trace.attempts["outcome"] == "running").sum() == 3
    assert (lab.trace.invocations["status"] == "in_flight").sum() == 3
    alive = lab.trace.scaling.query("kind == 'environments'")["after"].iloc[-1]
    assert alive == 0
    digest = lab.trace.digest()
    lab.close()
    assert lab.trace.digest() == digest
