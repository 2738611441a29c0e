"""Intervals: known values, and as often right as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lambdalab.calibration.figures import Figure, quantile, rate, share


def test_wilsons_interval() -> None:
    """Against the worked example of 10 of 20 (0.299 to 0.701), and at both ends."""
    found = share(10, 20)
    assert (found.low, found.high) == pytest.approx((0.2993, 0.7007), abs=1e-4)
    none, all_ = share(0, 20), share(20, 20)
    assert (none.low, none.high) == pytest.approx((0, 0.1611), abs=1e-4)
    assert (all_.low, all_.high) == pytest.approx((0.8389, 1), abs=1e-4)
    assert math.isnan(share(0, 0).value)


def test_byars_interval() -> None:
    """Against the exact one of 10 events, 4.80 to 18.39."""
    found = rate(10, 2.0)
    assert found.value == 5
    assert (found.low, found.high) == pytest.approx((4.80 / 2, 18.39 / 2), rel=0.01)


@pytest.mark.parametrize(("part", "n"), [(0.5, 15), (0.5, 400), (0.95, 400), (0.99, 2000)])
def test_an_interval_contains_the_quantile_95_times_of_100(part: float, n: int) -> None:
    chance = np.random.default_rng(5)
    hit = 0
    for _ in range(600):
        found = quantile(np.sort(chance.random(n)), part, "")
        hit += found.low <= part <= found.high
    assert hit / 600 > 0.93


def test_what_few_observations_do_not_bound() -> None:
    found = quantile(np.arange(1.0, 11.0), 0.99, "s")
    assert math.isinf(found.high)
    assert repr(found) == "9.91 s (9 or more), n=10"


def test_figures_for_people() -> None:
    assert repr(Figure(1.5, 1.5, 1.5, 3, "MB")) == "1.5 MB, n=3"
    assert repr(Figure(12_345.6, 12_000, 13_000, 3)) == "12,346 (12,000 to 13,000), n=3"
    assert repr(share(1, 4)) == "25 % (4.56 to 69.9 %), n=4"
