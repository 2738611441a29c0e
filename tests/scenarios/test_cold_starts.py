"""The share of cold starts, by traffic and by how long an environment lives idle."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.errors import InvalidSetting
from lambdalab.scenarios import ColdStarts, cold_starts


def share(**settings) -> float:
    return float(cold_starts(**settings).attempts["cold_start"].mean())


@pytest.mark.parametrize("calls_while_idle", [0.5, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("idle", [60.0, 600.0])
def test_cold_is_what_comes_after_a_longer_gap_than_the_environment_lives(
    calls_while_idle, idle
) -> None:
    """Gaps of independent callers are exponential: so many are longer than the idle expiry."""
    many = 4000
    expected = math.exp(-calls_while_idle)
    found = share(rate=calls_while_idle / idle, idle_expiry=idle, duration=0.001, calls=many)
    assert found == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / many))


def test_calls_that_overlap_are_cold_too() -> None:
    """With ten calls a second nothing is ever idle for long: what is cold, is the growth to the peak."""
    trace = cold_starts(rate=10.0, duration=1.0, calls=1000)
    assert int(trace.attempts["cold_start"].sum()) == len(trace.environments)
    assert not (trace.environments["ended_because"] == "idle_expiry").any()
    assert 10 < len(trace.environments) < 40


def test_a_busier_function_is_warmer() -> None:
    shares = [share(rate=rate, calls=2000) for rate in (1 / 1200, 1 / 600, 1 / 300, 1 / 100)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.5
    assert shares[-1] < 0.02


@given(st.floats(0.001, 10), st.floats(1, 900), st.integers(1, 40), st.integers(0, 99))
def test_the_code_makes_the_same_trace(rate, idle, calls, seed) -> None:
    scenario = ColdStarts(rate=rate, idle_expiry=idle, calls=calls)
    space: dict[str, object] = {}
    exec(scenario.code(seed), space)
    assert space["trace"].digest() == scenario.run(seed).digest()


@pytest.mark.parametrize("wrong", [{"rate": 0}, {"idle_expiry": 0}, {"calls": 0}, {"init": -1}])
def test_a_wrong_setting_is_named(wrong) -> None:
    with pytest.raises(InvalidSetting, match=f"^{next(iter(wrong))}="):
        ColdStarts(**wrong)
