"""Means and how sure they are: 95 % intervals by Student's t."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
CONFIDENCE = 0.95


def means(values: Floats) -> tuple[Floats, Floats]:
    """The mean of each column and half the width of its interval; NaN in a column is left out.

    ``values`` has a row for each run. The interval is that of Student's t, for independent runs; NaN of
    fewer than two.

    >>> mean, half = means(np.array([[1.0, 5.0], [2.0, np.nan], [3.0, np.nan]]))
    >>> mean.tolist(), half.round(3).tolist()
    ([2.0, 5.0], [2.484, nan])
    """
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    with np.errstate(all="ignore"):  # of nothing, and of infinity, comes NaN
        mean = np.where(known, values, 0.0).sum(axis=0) / count
        low = np.where(known, values, np.inf).min(axis=0, initial=np.inf)
        high = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
        mean = np.where(low == high, low, mean)  # what is the same in all runs stays what it is
        apart = np.where(known, values - mean, 0.0)
        error = np.sqrt((apart**2).sum(axis=0) / (count - 1) / count)
        wide = np.array([student_t(int(n) - 1) if n > 1 else np.nan for n in count])
        return mean, wide * error


@cache
def student_t(degrees: int) -> float:
    """How many standard errors from the mean the interval ends, for so many degrees of freedom.

    >>> round(student_t(1), 4), round(student_t(19), 4), round(student_t(999), 4)
    (12.7062, 2.093, 1.9623)
    """
    low, high = 0.0, 13.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, degrees) < CONFIDENCE else (low, middle)
    return (low + high) / 2


def _within(t: float, degrees: int) -> float:
    """The probability that Student's t lies between -t and t (Abramowitz and Stegun 26.7.3, 26.7.4)."""
    angle = math.atan2(t, math.sqrt(degrees))
    square = math.cos(angle) ** 2
    odd = degrees % 2
    term = total = math.cos(angle) if odd else 1.0
    if degrees == 1:
        total = 0.0
    for k in range(2 + odd, degrees - 1, 2):
        term *= square * (k - 1) / k
        total += term
    part = math.sin(angle) * total
    return 2 / math.pi * (angle + part) if odd else part
