"""Models of times: the right kind is chosen, as near as it says, by a distance that is Kolmogorov's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.calibration.distributions import distance, empirical, fit, kind, shares
from lambdalab.functions.durations import Empirical, Exponential, LogNormal
from lambdalab.kernel.random import RandomStreams


def draws(model, n: int, seed: int = 3) -> np.ndarray:
    """As a lab draws them, in seconds with the digits of a REPORT line."""
    draw = model.sampler(RandomStreams(seed).stream("x"))
    return np.round(np.array([draw(None) for _ in range(n)]) / 1e6, 5)


@pytest.mark.parametrize(
    ("truth", "name"),
    [
        (LogNormal(p50=0.12, p99=0.8), "log-normal"),
        (LogNormal(p50=2, p99=2.1), "log-normal"),
        (Exponential(0.5), "exponential"),
        (Empirical([0.1, 0.11, 3, 3.1]), "empirical"),
    ],
)
def test_the_kind_that_made_them_is_chosen(truth, name: str) -> None:
    found = fit(draws(truth, 2000))
    assert kind(found.model) == name
    assert set(found.distances) == {"log-normal", "exponential", "empirical"}
    assert found.distance <= 0.05
    assert found.p50.low <= truth.median <= found.p50.high
    if name == "log-normal":
        assert found.model.p50 == pytest.approx(truth.p50, rel=0.05)
        assert found.model.p99 == pytest.approx(truth.p99, rel=0.1)
    if name == "exponential":
        assert found.model.mean == pytest.approx(truth.mean, rel=0.07)
    assert ("the recorded times themselves" in found.why) == (name == "empirical")


def test_why_says_how_far_off_the_curves_are() -> None:
    found = fit(draws(Empirical([0.1, 0.11, 3, 3.1]), 500))
    nearest = min(found.distances["log-normal"], found.distances["exponential"])
    assert f"{100 * nearest:.1f} points of a hundred off" in found.why
    tail = np.sort(draws(LogNormal(0.1, 0.3), 1000))
    assert kind(fit(tail).model) == "log-normal"
    tail[-20:] *= 1.5
    assert kind(fit(tail).model) == "empirical"
    assert "misses the 99th percentile by more than 10 %" in fit(tail).why


def test_times_that_are_all_the_same() -> None:
    assert fit(np.full(9, 0.25)).model == 0.25
    assert fit(np.full(9, 0.25)).why == "all 9 are the same"
    assert fit(np.array([0.25])).why == "there is only one"
    assert kind(fit(np.array([0.0, 0.0])).model) == "constant"


def test_noughts_have_no_curve() -> None:
    some = draws(LogNormal(0.1, 0.5), 300)
    assert "some are 0" in fit(np.append(some, 0.0)).why


@pytest.mark.parametrize("few", [3, 2000])
def test_times_that_were_cut_off_come_back_as_long_as_the_limit(few: int) -> None:
    """However few there are: a quarter is cut off here and there, and none lies just below."""
    some = np.linspace(0.1, 0.3, few)
    found = fit(some, cut=few // 3, limit=2.0)
    assert kind(found.model) == "empirical"
    assert "cut off by the timeout" in found.why
    drawn = draws(found.model, 4000)
    assert (drawn == 2.0).mean() == pytest.approx((few // 3) / (few + few // 3), abs=0.03)
    assert not ((drawn > 0.3) & (drawn < 2.0)).any()
    assert fit(np.array([]), cut=4, limit=2.0).model == 2.0


def test_few_times_take_a_curve_where_chance_allows() -> None:
    assert kind(fit(draws(LogNormal(0.1, 0.5), 5)).model) != "empirical"


def test_the_distance_of_one_sample_by_hand() -> None:
    """Three values; of a constant between them the recorded share is a third, its own 0 and then 1."""
    values = np.array([1.0, 2.0, 4.0])
    assert distance(values, 3.0) == pytest.approx(2 / 3)
    assert distance(values, Empirical([1.0, 2.0, 4.0])) == pytest.approx(1 / 3)
    exponential = Exponential(2.0)
    by_hand = max(
        max(abs((k + 1) / 3 - (1 - math.exp(-x / 2))), abs(k / 3 - (1 - math.exp(-x / 2))))
        for k, x in enumerate(values.tolist())
    )
    assert distance(values, exponential) == pytest.approx(by_hand)


@given(
    st.sampled_from([LogNormal(0.1, 0.9), Exponential(0.3), Empirical([0.1, 0.2, 0.2, 0.7])]),
    st.lists(st.floats(0, 3), min_size=2, max_size=9).map(sorted),
)
def test_shares_rise_from_none_to_all(model, places: list[float]) -> None:
    found = shares(model, np.array(places))
    assert (np.diff(found) >= -1e-12).all()
    assert ((found >= 0) & (found <= 1)).all()
    assert shares(model, np.array([-1.0, 1e9])).tolist() == pytest.approx([0, 1], abs=1e-6)


@pytest.mark.parametrize(
    "model", [LogNormal(0.1, 0.9), Exponential(0.3), Empirical([0.1, 0.2, 0.2, 0.7])]
)
def test_shares_are_those_of_what_is_drawn(model) -> None:
    some = draws(model, 4000)
    at = np.quantile(some, [0.1, 0.5, 0.9]) + 1e-4
    drawn = [(some <= x).mean() for x in at.tolist()]
    assert shares(model, at).tolist() == pytest.approx(drawn, abs=0.03)


def test_many_times_become_few_that_look_alike() -> None:
    some = np.sort(draws(LogNormal(0.1, 0.9), 20_000))
    made = empirical(some)
    assert len(made.values) < 600
    assert distance(some, made) < 0.005
    assert (made.values[0], made.values[-1]) == pytest.approx((some[0], some[-1]), abs=1e-4)
