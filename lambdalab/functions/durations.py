"""How long a modelled function runs: a number, a distribution, or a callable of the event.

Every distribution draws from one named stream by inversion, and is rounded once to microseconds, so
that the same seed gives the same durations on every machine.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lambdalab.errors import InvalidSetting
from lambdalab.kernel.clock import US, microseconds
from lambdalab.kernel.random import RandomStream

Draw = Callable[[Any], int]
"""The event in, microseconds out."""

Z99 = 2.3263478740408408
"""The 99th percentile of the standard normal distribution."""


def _positive(setting: str, value: float) -> None:
    microseconds(value, setting)
    if value <= 0:
        raise InvalidSetting(setting, value, "more than 0 seconds")


@dataclass(frozen=True, slots=True)
class Exponential:
    """Durations without memory: many short ones, a few long.

    Parameters: ``mean`` in seconds.

    >>> Exponential(2.0).median
    1.386
    """

    mean: float

    def __post_init__(self) -> None:
        _positive("mean", self.mean)

    @property
    def median(self) -> float:
        """Half of the durations are shorter than this many seconds."""
        return round(self.mean * math.log(2), 3)

    def sampler(self, stream: RandomStream) -> Draw:
        """Inversion: ``-mean * log(1 - u)``."""
        scale, uniform, log1p = -self.mean * US, stream.uniform, math.log1p
        return lambda _event: round(scale * log1p(-uniform()))


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Durations as services show them: named by their median and their 99th percentile.

    Parameters: ``p50`` and ``p99`` in seconds, ``p99`` not below ``p50``.

    >>> LogNormal(p50=0.12, p99=0.8).median
    0.12
    """

    p50: float
    p99: float

    def __post_init__(self) -> None:
        _positive("p50", self.p50)
        _positive("p99", self.p99)
        if self.p99 < self.p50:
            raise InvalidSetting("p99", self.p99, f"at least p50 ({self.p50})")

    @property
    def median(self) -> float:
        """Half of the durations are shorter than this many seconds."""
        return self.p50

    def sampler(self, stream: RandomStream) -> Draw:
        """``p50 * exp(sigma * z)`` with the sigma that puts 1 % above ``p99``."""
        scale, sigma = self.p50 * US, math.log(self.p99 / self.p50) / Z99
        normal, exp = stream.normal, math.exp
        return lambda _event: round(scale * exp(sigma * normal()))


_Z10 = 1.2815515655446004
_Z = (-_Z10, 0.0, _Z10, Z99)


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Durations through four published percentiles, for what is measured rather than modelled.

    Between them, and beyond, the logarithm is a straight line over the normal distribution's own
    percentiles: two of them alone would be a :class:`LogNormal`, a heavy tail keeps its weight.

    Parameters: ``p10``, ``p50``, ``p90``, ``p99`` in milliseconds, none below the one before.

    >>> Percentiles(76, 84, 98, 117).median
    0.084
    """

    p10: float
    p50: float
    p90: float
    p99: float

    def __post_init__(self) -> None:
        known = (self.p10, self.p50, self.p90, self.p99)
        for name, value in zip(("p10", "p50", "p90", "p99"), known, strict=True):
            _positive(name, value)
        if list(known) != sorted(known):
            raise InvalidSetting("percentiles", known, "in rising order")

    @property
    def median(self) -> float:
        """Half of the durations are shorter than this many seconds."""
        return self.p50 / 1000

    def sampler(self, stream: RandomStream) -> Draw:
        """Inversion: a normal number, taken to the line through its two neighbours."""
        logs = [math.log(value * 1000) for value in (self.p10, self.p50, self.p90, self.p99)]
        lines = []
        for (low, high), (a, b) in zip(pairwise(_Z), pairwise(logs), strict=True):
            slope = (b - a) / (high - low)
            lines.append((high, slope, a - slope * low))
        normal, exp, (first, middle, last) = stream.normal, math.exp, lines

        def draw(_event: Any) -> int:
            z = normal()
            _, slope, offset = first if z < first[0] else middle if z < middle[0] else last
            return round(exp(offset + slope * z))

        return draw


@dataclass(frozen=True, slots=True, repr=False)
class Empirical:
    """Durations as they were measured, whatever their shape.

    Between two measured values each is as likely as the other; below the least and above the greatest
    there is none.

    Parameters: ``values`` in seconds, in any order; or, rising with ``shares``, how many of all
    durations are not longer than each (rising from 0 on, the last is 1).

    Raises :class:`~lambdalab.errors.InvalidSetting` for no value, one below 0, or shares that do not
    rise to 1.

    >>> Empirical([0.3, 0.1, 0.2])
    Empirical(3 values, p50=0.2, p99=0.298)
    >>> Empirical([60, 600], shares=[0.1, 1]).quantile(0.1)
    60.0
    """

    values: Sequence[float]
    shares: Sequence[float] = ()

    def __post_init__(self) -> None:
        values, shares = tuple(map(float, self.values)), tuple(map(float, self.shares))
        if not values:
            raise InvalidSetting("values", [], "one duration or more, in seconds")
        for value in values:
            microseconds(value, "values")
        if shares:
            ends = len(shares) == len(values) and shares[-1] == 1 and shares[0] >= 0
            if not ends or list(shares) != sorted(shares) or list(values) != sorted(values):
                limit = f"{len(values)} shares that rise to 1, for values that rise"
                raise InvalidSetting("shares", f"{len(shares)} shares", limit)
        else:
            values, last = tuple(sorted(values)), max(len(values) - 1, 1)
            shares = (*(n / last for n in range(len(values) - 1)), 1.0)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "shares", shares)

    @property
    def median(self) -> float:
        """Half of the durations are shorter than this many seconds."""
        return self.quantile(0.5)

    def quantile(self, share: float) -> float:
        """The seconds that so large a share (0 to 1) of the durations does not exceed."""
        if not 0 <= share <= 1:
            raise InvalidSetting("share", share, "between 0 and 1")
        return self._quantile(share)

    def _quantile(self, share: float) -> float:
        values, shares = self.values, self.shares
        at = bisect_left(shares, share)
        if at == 0:
            return values[0]
        part = (share - shares[at - 1]) / (shares[at] - shares[at - 1])
        return values[at - 1] + (values[at] - values[at - 1]) * part

    def sampler(self, stream: RandomStream) -> Draw:
        """Inversion: the quantile of a uniform number."""
        uniform, quantile = stream.uniform, self._quantile
        return lambda _event: round(quantile(uniform()) * US)

    def __repr__(self) -> str:
        p50, p99 = (f"{self.quantile(share):.6g}" for share in (0.5, 0.99))
        noun = "value" if len(self.values) == 1 else "values"
        return f"Empirical({len(self.values):,} {noun}, p50={p50}, p99={p99})"


def drawer(duration: object, stream: RandomStream, setting: str = "duration") -> Draw:
    """Turn what a user gave as a duration into a function of the event.

    Parameters
    ----------
    duration
        Seconds as a number, a distribution, or a callable that takes the event and returns seconds.
    stream
        The named stream that distributions draw from.
    setting
        The name to use in errors.
    """
    if callable(duration):
        return lambda event: microseconds(duration(event), f"{setting}(event)")
    if hasattr(duration, "sampler"):
        draw: Draw = duration.sampler(stream)
        return draw
    fixed = microseconds(duration, setting)
    return lambda _event: fixed


def is_plain(duration: object) -> bool:
    """Whether it is nobody's own code: a number or one of the distributions here, which never fail."""
    kinds = (int, float, Exponential, LogNormal, Empirical, Percentiles)
    return duration is None or isinstance(duration, kinds)


def check(setting: str, duration: object) -> None:
    """Raise :class:`InvalidSetting` unless ``duration`` is something :func:`drawer` understands."""
    if callable(duration) or hasattr(duration, "sampler"):
        return
    number = isinstance(duration, (int, float)) and not isinstance(duration, bool)
    if not number or not 0 <= duration < 1e9:  # type: ignore[operator]
        raise InvalidSetting(
            setting, duration, "seconds from 0 on, a distribution such as LogNormal, or a callable"
        )


def median(duration: object) -> float | None:
    """The typical duration in seconds, or None where only a run can tell."""
    if hasattr(duration, "median"):
        return float(duration.median)
    return None if callable(duration) else float(duration)  # type: ignore[arg-type]
