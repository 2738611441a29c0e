"""Figures and how sure they are: 95 % intervals that assume no shape, by plain numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_Z = 1.959963984540054  # 95 % of a normal distribution lie within so many standard deviations


@dataclass(frozen=True, slots=True)
class Figure:
    """A number from ``n`` observations, with the ends of its 95 % interval; ``unit`` may be "".

    An end that the observations do not bound is infinite.

    >>> share(3, 120)
    2.5 % (0.854 to 7.09 %), n=120
    """

    value: float
    low: float
    high: float
    n: int
    unit: str = ""

    def __repr__(self) -> str:
        return f"{self.told()}, n={self.n:,}"

    def told(self) -> str:
        """The figure with its interval, without the count."""
        factor = 100.0 if self.unit == "%" else 1.0
        value, low = _short(self.value * factor), _short(self.low * factor)
        unit = f" {self.unit}" if self.unit else ""
        if math.isinf(self.high):
            return f"{value}{unit} ({low} or more)"
        high = _short(self.high * factor)
        return (
            f"{value}{unit}" if low == high == value else f"{value}{unit} ({low} to {high}{unit})"
        )


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def share(count: int, n: int) -> Figure:
    """What share of ``n`` these are (Wilson's interval): a fraction, told in per cent."""
    if not n:
        return Figure(math.nan, 0.0, 1.0, 0, "%")
    p, square = count / n, _Z * _Z / n
    middle = (p + square / 2) / (1 + square)
    half = _Z / (1 + square) * math.sqrt(p * (1 - p) / n + square / (4 * n))
    low, high = max(middle - half, 0.0), min(middle + half, 1.0)
    return Figure(p, 0.0 if count == 0 else low, 1.0 if count == n else high, n, "%")


def quantile(ordered: Floats, part: float, unit: str) -> Figure:
    """A quantile of rising values, its interval by ranks: whatever their distribution, 95 % contain it.

    >>> quantile(np.arange(1.0, 101.0), 0.5, "s")
    50.5 s (40 to 61 s), n=100
    """
    n = len(ordered)
    value = float(np.quantile(ordered, part))
    spread = _Z * math.sqrt(n * part * (1 - part))
    low, high = math.floor(n * part - spread), math.ceil(n * part + spread) + 1
    return Figure(
        value,
        float(ordered[low - 1]) if low >= 1 else 0.0,
        float(ordered[high - 1]) if high <= n else math.inf,
        n,
        unit,
    )


def rate(count: int, seconds: float) -> Figure:
    """Arrivals a second, counted over a time (Byar's interval of a Poisson count)."""
    low = count * (1 - 1 / (9 * count) - _Z / (3 * math.sqrt(count))) ** 3
    more = count + 1
    high = more * (1 - 1 / (9 * more) + _Z / (3 * math.sqrt(more))) ** 3
    return Figure(count / seconds, max(low, 0.0) / seconds, high / seconds, count, "a second")
