"""What distribution times have: the simplest curve that is near enough, else the recorded times."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from lambdalab.calibration.figures import Figure, Floats, quantile
from lambdalab.functions.durations import Z99, Empirical, Exponential, LogNormal

Model = float | LogNormal | Exponential | Empirical
NEAR = 0.05
"""A curve that is nowhere further than this from the recorded share of shorter times will do ..."""
TAIL = 0.1
"""... if its 99th percentile is no further than this from the recorded one, or in its interval."""
_CHANCE = 1.36  # over the root of n: so far apart are samples of one distribution, 95 times of 100
_MANY = 100  # times that tell a 99th percentile
_KNOTS = 513  # quantiles that are kept of more times than these
_EQUAL = 5e-6  # seconds: REPORT lines tell hundredths of a millisecond


@dataclass(frozen=True, slots=True)
class Distribution:
    """Recorded times and the model that was chosen for them.

    Attributes
    ----------
    model
        What a function takes as ``duration=`` or ``init=``: seconds, :class:`~lambdalab.LogNormal`,
        :class:`~lambdalab.Exponential` or :class:`~lambdalab.Empirical`.
    values
        The recorded times in seconds, rising.
    distances
        Of each model that was tried the greatest distance between its share of shorter times and the
        recorded one (Kolmogorov and Smirnov's): 0.02 are two points of a hundred.
    why
        Why this one was chosen, in words.
    p50, p95, p99
        :class:`~lambdalab.calibration.Figure` s of the recorded times, in seconds.
    """

    model: Model
    values: Floats = field(repr=False)
    distances: Mapping[str, float]
    why: str

    @property
    def p50(self) -> Figure:
        """The median."""
        return quantile(self.values, 0.5, "s")

    @property
    def p95(self) -> Figure:
        """95 of 100 are not longer."""
        return quantile(self.values, 0.95, "s")

    @property
    def p99(self) -> Figure:
        """99 of 100 are not longer."""
        return quantile(self.values, 0.99, "s")

    @property
    def distance(self) -> float:
        """That of the model that was chosen."""
        return self.distances[kind(self.model)]


def fit(seconds: Floats, cut: int = 0, limit: float = 0.0) -> Distribution:
    """The distribution of times; beside them ``cut`` more were cut off at a ``limit``.

    No curve is fitted where some were cut off: how long they would have been nobody knows.
    """
    values = np.sort(np.concatenate((np.asarray(seconds, dtype=np.float64), [limit] * cut)))
    if values[-1] - values[0] <= _EQUAL:
        constant = _told(float(np.median(values)))
        why = f"all {len(values):,} are the same" if len(values) > 1 else "there is only one"
        return _made(constant, values, {"constant": 0.0}, why)
    tried: dict[str, Model] = {"empirical": empirical(np.sort(seconds), cut, limit)}
    if values[0] > 0 and not cut:
        logs = np.log(values)
        mu, sigma = float(logs.mean()), float(logs.std(ddof=1))
        p50, p99 = _told(math.exp(mu)), _told(math.exp(mu + Z99 * sigma))
        tried |= {"log-normal": LogNormal(p50, max(p50, p99))}
        tried |= {"exponential": Exponential(_told(float(values.mean())))}
    distances = {name: distance(values, model) for name, model in tried.items()}
    near = max(NEAR, _CHANCE / math.sqrt(len(values)))
    for name in sorted(set(tried) - {"empirical"}, key=distances.__getitem__):
        if distances[name] <= near and _tail_fits(values, tried[name]):
            why = f"nowhere more than {_points(distances[name])} from the recorded share of shorter times"
            return _made(tried[name], values, distances, why)
    return _made(tried["empirical"], values, distances, _why_none(distances, bool(cut), near))


def _why_none(distances: Mapping[str, float], censored: bool, near: float) -> str:
    if censored:
        return "the recorded times themselves: some were cut off by the timeout"
    if "log-normal" not in distances:
        return "the recorded times themselves: some are 0"
    name = min(set(distances) - {"empirical"}, key=distances.__getitem__)
    told = f"the recorded times themselves: the nearest curve ({name})"
    if distances[name] <= near:
        return f"{told} misses the 99th percentile by more than {TAIL:.0%}".replace("0%", "0 %")
    return f"{told} is {_points(distances[name])} off"


def _points(distance: float) -> str:
    return f"{100 * distance:.1f} points of a hundred"


def _made(
    model: Model, values: Floats, distances: Mapping[str, float], why: str
) -> Distribution:  # fmt: skip
    values.flags.writeable = False
    return Distribution(model, values, MappingProxyType(dict(distances)), why)


def _tail_fits(values: Floats, model: Model) -> bool:
    if len(values) < _MANY:
        return True
    recorded, p99 = quantile(values, 0.99, "s"), _p99(model)
    return abs(p99 / recorded.value - 1) <= TAIL or recorded.low <= p99 <= recorded.high


def _p99(model: Model) -> float:
    if isinstance(model, LogNormal):
        return model.p99
    if isinstance(model, Exponential):
        return -model.mean * math.log(0.01)
    return model.quantile(0.99) if isinstance(model, Empirical) else model


def empirical(values: Floats, cut: int = 0, limit: float = 0.0) -> Empirical:
    """Rising times as a distribution: all of them, or as many quantiles as can be told apart.

    Those that were ``cut`` off are just as long as the ``limit``.
    """
    whole = len(values) / (len(values) + cut)
    if len(values) > _KNOTS:
        values = np.quantile(values, np.linspace(0, 1, _KNOTS))
    told = [_told(value) for value in values.tolist()]
    if not cut:
        return Empirical(told)
    within = np.minimum(np.linspace(0, whole, len(told)), whole).tolist()
    return Empirical([*(min(one, limit) for one in told), limit, limit], [*within, whole, 1.0])


def kind(model: Model) -> str:
    """The model's name among ``distances``.

    >>> kind(LogNormal(1, 2)), kind(0.25)
    ('log-normal', 'constant')
    """
    names = {LogNormal: "log-normal", Exponential: "exponential", Empirical: "empirical"}
    return next((name for made, name in names.items() if isinstance(model, made)), "constant")


def shares(model: Model, seconds: Floats) -> Floats:
    """What share of a model's times is not longer than each of these."""
    if isinstance(model, Exponential):
        return 1 - np.exp(-np.maximum(seconds, 0) / model.mean)
    if isinstance(model, LogNormal):
        sigma = math.log(model.p99 / model.p50) / Z99
        with np.errstate(divide="ignore"):
            apart = np.log(np.maximum(seconds, 0)) - math.log(model.p50)
        if sigma == 0:
            return (apart >= 0).astype(np.float64)
        return np.array([0.5 * math.erfc(-x / sigma / math.sqrt(2)) for x in apart.tolist()])
    if isinstance(model, Empirical):
        known, part = np.asarray(model.values), np.asarray(model.shares)
        last = np.searchsorted(known, seconds, side="right") - 1  # of equal ones the last
        after = np.minimum(last + 1, len(known) - 1)
        wide = known[after] - known[np.maximum(last, 0)]
        step = np.divide(
            seconds - known[np.maximum(last, 0)], wide, out=np.zeros(len(seconds)), where=wide > 0
        )
        between = part[last] + (part[after] - part[last]) * np.clip(step, 0, 1)
        return np.where(last < 0, 0.0, np.where(last >= len(known) - 1, 1.0, between))
    return (seconds >= model).astype(np.float64)


def distance(values: Floats, model: Model) -> float:
    """The greatest distance between a model's share of shorter times and that of rising values.

    >>> round(distance(np.array([1.0, 2.0, 3.0, 4.0]), 2.5), 2)
    0.5
    """
    ends = np.unique(values)
    upto = np.searchsorted(values, ends, side="right") / len(values)
    below = np.searchsorted(values, ends, side="left") / len(values)
    at, before = shares(model, ends), shares(model, np.nextafter(ends, -np.inf))
    return float(max(np.abs(upto - at).max(), np.abs(below - before).max()))


def _told(value: float) -> float:
    """A time with as many digits as it deserves: to the microsecond, and four that count.

    >>> _told(0.119512345), _told(1.88261934)
    (0.1195, 1.8826)
    """
    return (
        round(value, 6) if value <= 0 else round(value, max(4, 3 - math.floor(math.log10(value))))
    )
