"""Means and their intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.sweeps.intervals import means, student_t

# Student's t, 97.5 %: any table of it
TABLE = {
    1: 12.706,
    2: 4.303,
    3: 3.182,
    4: 2.776,
    5: 2.571,
    10: 2.228,
    19: 2.093,
    30: 2.042,
    120: 1.980,
}


@pytest.mark.parametrize(("degrees", "t"), TABLE.items())
def test_student_t_is_that_of_the_tables(degrees, t) -> None:
    assert student_t(degrees) == pytest.approx(t, abs=5.1e-4)


def test_it_tends_to_the_normal_distribution() -> None:
    values = [student_t(n) for n in (1, 2, 5, 20, 100, 5_000)]
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(1.96, abs=1e-3)


numbers = st.floats(-1e6, 1e6) | st.just(math.nan)


@given(st.lists(numbers, min_size=1, max_size=12))
def test_means_are_of_what_is_known(values) -> None:
    mean, half = means(np.array(values)[:, None])
    known = [value for value in values if value == value]
    if not known:
        assert np.isnan(mean[0])
        return
    assert mean[0] == pytest.approx(math.fsum(known) / len(known), rel=1e-9, abs=1e-6)
    assert min(known) - 1e-6 <= mean[0] <= max(known) + 1e-6
    assert np.isnan(half[0]) == (len(known) < 2)
    if len(known) > 1:
        error = np.std(known, ddof=1) / math.sqrt(len(known))
        assert half[0] == pytest.approx(student_t(len(known) - 1) * error, rel=1e-6, abs=1e-6)


@given(st.floats(-1e6, 1e6), st.integers(2, 30))
def test_what_never_differs_stays_what_it_is(value, runs) -> None:
    mean, half = means(np.full((runs, 1), value))
    assert (mean[0], half[0]) == (value, 0)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    chance = np.random.default_rng(7)
    mean, half = means(chance.normal(3.0, 2.0, (6, 4_000)))
    share = (np.abs(mean - 3.0) <= half).mean()
    assert share == pytest.approx(0.95, abs=0.012)
