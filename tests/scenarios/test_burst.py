"""A burst that scales: 1,000 environments at once, then 100 a second, for each function."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.errors import InvalidSetting
from lambdalab.rules import Rules
from lambdalab.scenarios import ScalingBurst, burst

RULES = Rules.as_of()


def started(trace, function: str | None = None):
    """When environments began, in seconds, in order."""
    table = trace.environments
    if function is not None:
        table = table[table["function"] == function]
    return np.sort((table["started_at"] - trace.start).dt.total_seconds().to_numpy())


@pytest.fixture(scope="module")
def grown():
    return burst(rate=300.0, seconds=18)


def test_never_more_than_a_thousand_and_a_hundred_a_second(grown) -> None:
    at = started(grown)
    allowed = RULES.scaling_burst + RULES.scaling_rate * at
    assert (np.arange(1, len(at) + 1) <= allowed + 1).all()


def test_all_that_the_rate_allows_is_used_while_calls_need_it(grown) -> None:
    """Calls come at 300/s, so the first thousand are gone after 5 s; until 10 s none ends."""
    at = started(grown)
    for moment in (6.0, 8.0, 9.9):
        assert np.sum(at <= moment) == pytest.approx(1000 + 100 * moment, abs=2)


def test_what_finds_neither_is_throttled_for_the_scaling_rate(grown) -> None:
    throttles = grown.scaling[grown.scaling["kind"] == "throttle"]
    assert set(throttles["cause"].astype(str)) == {"throttled_scaling"}
    assert set(throttles["after"]) == {RULES.scaling_burst}
    first = (throttles["at"].min() - grown.start).total_seconds()
    assert first == pytest.approx(5.0, abs=0.05)
    assert set(grown.invocations["status"]) == {"succeeded", "throttled"}


def test_each_function_has_its_own_rate() -> None:
    trace = burst(rate=600.0, seconds=8, functions=2)
    for name in ("render-1", "render-2"):
        assert np.sum(started(trace, name) <= 7.9) == pytest.approx(1000 + 100 * 7.9, abs=2)


def test_the_account_limit_binds_them_together() -> None:
    trace = burst(rate=600.0, seconds=8, functions=2, account=1000)
    causes = set(trace.scaling.loc[trace.scaling["kind"] == "throttle", "cause"].astype(str))
    assert causes == {"throttled_account"}
    assert len(trace.environments) == 1000


def test_events_wait_and_none_is_lost() -> None:
    trace = burst(rate=300.0, seconds=8, invocation_type="Event")
    assert set(trace.invocations["status"]) == {"succeeded"}
    assert (trace.queue_events["action"] == "throttled").any()


@given(
    st.floats(1, 60), st.floats(0, 20), st.floats(1, 4), st.integers(1, 3), st.booleans(),
    st.integers(0, 99),
)  # fmt: skip
def test_the_code_makes_the_same_trace(rate, duration, seconds, functions, event, seed) -> None:
    scenario = ScalingBurst(
        rate=rate, duration=duration, seconds=seconds, functions=functions, account=100,
        invocation_type="Event" if event else "RequestResponse",
    )  # fmt: skip
    space: dict[str, object] = {}
    exec(scenario.code(seed), space)
    assert space["trace"].digest() == scenario.run(seed).digest()


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 0}, {"duration": -1}, {"seconds": 0}, {"functions": 6}, {"account": 10},
        {"invocation_type": "event"}, {"seconds": 600, "rate": 10_000.0},
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(wrong) -> None:
    with pytest.raises(InvalidSetting, match=f"^{next(iter(wrong))}="):
        ScalingBurst(**wrong)
