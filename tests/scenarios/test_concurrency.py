"""How many environments it takes: overlap, idle expiry, reserved and provisioned concurrency, bursts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.errors import InvalidSetting, LabError
from lambdalab.rules import Rules
from lambdalab.scenarios import Concurrency, concurrency
from lambdalab.scenarios.concurrency import ARRIVALS

RULES = Rules.as_of()


def most_at_once(trace) -> int:
    """By looking at each beginning: who else has begun and not ended."""
    began = (trace.attempts["started_at"] - trace.start).dt.total_seconds().to_numpy()
    ended = (trace.attempts["ended_at"] - trace.start).dt.total_seconds().to_numpy()
    return max(int(np.sum((began <= at) & (ended > at))) for at in began)


def causes(trace) -> set[str]:
    return set(trace.scaling.loc[trace.scaling["kind"] == "throttle", "cause"].astype(str))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "rate": st.floats(0.01, 200),
            "arrivals": st.sampled_from(ARRIVALS),
            "calls": st.integers(1, 60),
            "burst": st.integers(1, 40),
            "duration": st.floats(0, 20),
            "init": st.floats(0, 10),
            "idle_expiry": st.floats(1, 900),
            "reserved": st.none() | st.integers(1, 20),
            "provisioned": st.integers(0, 20),
            "account": st.integers(100, 2000),
        },
    ),
    st.integers(0, 99),
)
def test_the_code_makes_the_same_trace(settings, seed) -> None:
    try:
        scenario = Concurrency(**settings)
    except LabError:  # more provisioned than reserved, or than the account has
        return
    space: dict[str, object] = {}
    exec(scenario.code(seed), space)
    trace = scenario.run(seed)
    assert space["trace"].digest() == trace.digest()
    trace.audit()
    assert set(trace.invocations["status"]) <= {"succeeded", "throttled"}


def test_as_many_environments_as_calls_overlap() -> None:
    trace = concurrency()
    assert len(trace.environments) == most_at_once(trace)
    assert int(trace.attempts["cold_start"].sum()) == len(trace.environments)
    # the mean: calls a second times seconds that each takes
    busy = trace.attempts["duration_ms"].sum() / 1000
    assert busy / (60 / 2.0) == pytest.approx(2.0 * 3.0)


def test_chance_needs_more_environments_than_a_steady_stream() -> None:
    steady, poisson = (len(concurrency(arrivals=name).environments) for name in ARRIVALS[:2])
    assert poisson > steady


def test_a_seldom_called_function_has_always_lost_its_environment() -> None:
    trace = concurrency(rate=1 / 900, calls=6)
    assert trace.attempts["cold_start"].all()
    lived = trace.environments["ended_at"] - trace.attempts["ended_at"]
    assert lived.iloc[:-1].dt.total_seconds().tolist() == [RULES.idle_expiry] * 5
    kept = concurrency(rate=1 / 900, calls=6, idle_expiry=1000.0)
    assert kept.attempts["cold_start"].tolist() == [True] + [False] * 5


def test_pings_keep_one_environment_warm() -> None:
    trace = concurrency(rate=1 / 300, arrivals="ping", calls=12, burst=10, duration=0.5)
    assert trace.attempts["cold_start"].tolist()[:12] == [True] + [False] * 11
    crowd = trace.attempts.iloc[12:]
    assert crowd["started_at"].nunique() == 1
    assert int(crowd["cold_start"].sum()) == 9
    assert len(trace.environments) == 10


def test_a_burst_meets_the_account_limit_then_the_scaling_rate() -> None:
    settings = {"rate": 1.0, "arrivals": "burst", "calls": 10, "burst": 3000, "duration": 5.0}
    limited = concurrency(**settings)
    assert causes(limited) == {"throttled_account"}
    assert most_at_once(limited) == RULES.account_concurrency
    raised = concurrency(**settings, account=10_000)
    assert causes(raised) == {"throttled_scaling"}
    at_once = raised.environments["started_at"].value_counts().max()
    assert RULES.scaling_burst - 10 <= at_once <= RULES.scaling_burst


def test_reserved_concurrency_is_a_ceiling() -> None:
    trace = concurrency(arrivals="poisson", reserved=5)
    assert most_at_once(trace) == 5
    assert causes(trace) == {"throttled_reserved"}
    assert (trace.invocations["status"] == "throttled").any()


def test_short_calls_meet_ten_a_second_for_each_unit() -> None:
    trace = concurrency(rate=100.0, calls=600, duration=0.001, reserved=5)
    throttles = trace.scaling[trace.scaling["kind"] == "throttle"]
    warm = throttles[(throttles["at"] - trace.start).dt.total_seconds() > 1]
    assert set(warm["cause"].astype(str)) == {"throttled_reserved_rate"}
    assert set(warm["after"]) == {50}


def test_calls_wait_for_provisioned_concurrency_to_be_ready() -> None:
    trace = concurrency(rate=20.0, arrivals="poisson", calls=300, duration=2.0, provisioned=50)
    ready = trace.scaling[trace.scaling["kind"] == "provisioned"]["at"].iloc[0]
    low, high = RULES.provisioned_preparation
    assert low <= (ready - trace.start).total_seconds() <= high + 5
    assert (trace.invocations["requested_at"] >= ready).all()
    warm = trace.attempts[trace.attempts["init_type"] == "provisioned"]
    assert not warm["cold_start"].any()
    enough = concurrency(rate=1.0, calls=30, duration=2.0, provisioned=50)
    assert (enough.attempts["init_type"] == "provisioned").all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 0}, {"rate": float("nan")}, {"arrivals": "bored"}, {"calls": 0}, {"calls": 2.5},
        {"burst": 0}, {"duration": 901}, {"init": 11}, {"idle_expiry": 0}, {"reserved": 0},
        {"reserved": 901}, {"provisioned": -1}, {"provisioned": 901}, {"account": 99},
        {"provisioned": 6, "reserved": 5}, {"calls": 20_000, "rate": 0.0001},
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(wrong) -> None:
    with pytest.raises(InvalidSetting, match=f"^{next(iter(wrong))}="):
        Concurrency(**wrong)
