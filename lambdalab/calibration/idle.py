"""How long environments live idle: read from the gaps they survived, and from those they did not.

An environment that is used again has lived for as long as it stood idle. When a call starts cold, no
environment was idle any more: each that had been is gone, and its life ended somewhere within that time.
Of no gap more is known. (Nothing is made of an environment that others are preferred to: it may live.)
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lambdalab.calibration.figures import Floats
from lambdalab.functions.durations import Empirical
from lambdalab.rules import Rules

Truths = npt.NDArray[np.bool_]
CLEAR = 0.25
"""A single idle time will do where no more gaps speak against it than this share of the ends."""
_NARROW = 1.5  # high over low: the middle of so narrow an interval will do
_HIDDEN = 1.0  # seconds: a cold start began before its lines tell; who became idle meanwhile was not there
_USUAL = float(Rules.as_of().idle_expiry)


@dataclass(frozen=True, slots=True)
class IdleExpiry:
    """How long an environment may stand idle before it ends.

    Attributes
    ----------
    model
        What a function takes as ``idle_expiry=``: seconds, or a distribution where no single number fits;
        None where the logs say too little (then it is the rules' own).
    low, high
        Seconds between which a single number must lie; ``high`` is infinite where nothing ended.
    gaps, gone
        The idle times that were looked at, in seconds, rising; and of each whether the environment was
        gone after it.
    contradictions
        How many of the gaps do not fit a number between ``low`` and ``high``.
    known
        Whether the environments stood in the logs. If not, calls were given to them as Lambda does: to
        the one that became idle last.
    why
        Why this model was chosen, in words.
    """

    model: float | Empirical | None
    low: float
    high: float
    gaps: Floats = field(repr=False)
    gone: Truths = field(repr=False)
    contradictions: int
    known: bool
    why: str

    @property
    def ended(self) -> int:
        """After how many of the gaps the environment was gone."""
        return int(self.gone.sum())

    def told(self) -> str:
        """The model in a few words."""
        if isinstance(self.model, Empirical):
            quarter, middle, most = (self.model.quantile(part) for part in (0.25, 0.5, 0.75))
            return f"{quarter:,.0f}, {middle:,.0f}, {most:,.0f} s (quartiles); {self.why}"
        bounds = f"{self.low:,.1f} to {self.high:,.1f} s"
        if math.isinf(self.high):
            bounds = f"more than {self.low:,.1f} s"
        told = "unknown" if self.model is None else f"{self.model:,.1f} s ({bounds})"
        return f"{told}; {self.why}"


def fit(
    started: Floats, ended: Floats, cold: Truths, environments: Sequence[str]
) -> IdleExpiry | None:
    """Idle expiry from runs in the order in which they started (seconds); None where there is no gap.

    ``environments`` are their names, or "" where nobody knows them.
    """
    known = all(environments)
    found = (
        _gaps_known(started, ended, cold, environments)
        if known
        else _gaps_unknown(started, ended, cold)
    )
    if not found:
        return None
    found.sort()
    gaps = np.array([gap for gap, _ in found])
    gone = np.array([end for _, end in found])
    low, high, against = threshold(gaps, gone)
    model, why = _chosen(gaps, gone, low, high, against)
    return IdleExpiry(model, low, high, gaps, gone, against, known, why)


def _gaps_known(
    started: Floats, ended: Floats, cold: Truths, environments: Sequence[str]
) -> list[tuple[float, bool]]:
    """Each gap that was put to the test, and whether its environment was gone."""
    last = {name: number for number, name in enumerate(environments)}
    running: list[tuple[float, str]] = []
    idle: dict[str, float] = {}  # since when; the one that became idle last stands last
    found: list[tuple[float, bool]] = []
    for number, (now, end, is_cold, name) in enumerate(
        zip(started.tolist(), ended.tolist(), cold.tolist(), environments, strict=True)
    ):
        while running and running[0][0] <= now:
            since, whose = heapq.heappop(running)
            idle.pop(whose, None)
            idle[whose] = since
        if is_cold:
            there = [other for other, since in idle.items() if since < now - _HIDDEN]
            if all(last[other] < number for other in there):
                found += [(now - idle.pop(other), True) for other in there]
            # else one of them lives: whatever made this start cold, it was not for want of it
        elif name in idle:
            found.append((now - idle[name], False))
        idle.pop(name, None)
        heapq.heappush(running, (end, name))
    return found


def _gaps_unknown(started: Floats, ended: Floats, cold: Truths) -> list[tuple[float, bool]]:
    """The same where calls bear no environment: each is given the one that became idle last."""
    running: list[float] = []
    idle: list[float] = []
    found: list[tuple[float, bool]] = []
    for now, end, is_cold in zip(started.tolist(), ended.tolist(), cold.tolist(), strict=True):
        while running and running[0] <= now:
            idle.append(heapq.heappop(running))
        if is_cold:
            found += [(now - since, True) for since in idle if since < now - _HIDDEN]
            idle = [since for since in idle if since >= now - _HIDDEN]
        elif idle:
            found.append((now - idle.pop(), False))
        heapq.heappush(running, end)
    return found


def threshold(gaps: Floats, gone: Truths) -> tuple[float, float, int]:
    """The single idle time that most of the gaps agree with.

    Parameters: gaps, rising, and whether the environment was gone after each.
    Returns the bounds between which it must lie, and how many gaps speak against it all the same.

    >>> threshold(np.array([10.0, 400.0, 610.0, 900.0]), np.array([False, False, True, True]))
    (400.0, 610.0, 0)
    """
    # with k gaps below the time: those gone among them, and those alive among the rest, disagree
    early = np.concatenate(([0], np.cumsum(gone)))
    late = np.concatenate((np.cumsum(~gone[::-1])[::-1], [0]))
    against = early + late
    best = int(against.min())
    places = np.flatnonzero(against == best)
    low = float(gaps[places[0] - 1]) if places[0] else 0.0
    high = float(gaps[places[-1]]) if places[-1] < len(gaps) else math.inf
    return low, high, best


def _chosen(
    gaps: Floats, gone: Truths, low: float, high: float, against: int
) -> tuple[float | Empirical | None, str]:
    ends = int(gone.sum())
    if not ends:
        if low > _USUAL:
            return round(low, 3), f"no environment ended; one lived idle for {low:,.0f} s"
        return None, f"no environment ended: it is more than {low:,.0f} s"
    if against > CLEAR * ends:
        return steps(
            gaps, gone
        ), f"no single number fits: {against} gaps speak against the best one"
    told = f"{against} of {len(gaps):,} gaps speak against it"
    if not low or high / low > _NARROW:
        if low <= _USUAL <= high:
            return None, f"between {low:,.0f} and {high:,.0f} s no gap was put to the test"
        return round(math.sqrt(max(low, 1.0) * high), 3), told
    return round((low + high) / 2, 3), told


def isotonic(gaps: Floats, gone: Truths) -> list[tuple[float, float, float]]:
    """Share of environments gone after an idle time: the likeliest one that never falls.

    By pooling neighbours that would fall. Returns for each level its first gap, its last, and the share.

    >>> isotonic(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, True, False, True]))
    [(1.0, 1.0, 0.0), (2.0, 3.0, 0.5), (4.0, 4.0, 1.0)]
    """
    levels: list[list[float]] = []
    for gap, end in zip(gaps.tolist(), gone.tolist(), strict=True):
        levels.append([gap, gap, float(end), 1.0])
        while len(levels) > 1 and levels[-2][2] * levels[-1][3] >= levels[-1][2] * levels[-2][3]:
            _, upto, ends, count = levels.pop()
            levels[-1][1] = upto
            levels[-1][2] += ends
            levels[-1][3] += count
    return [(first, upto, ends / count) for first, upto, ends, count in levels]


def steps(gaps: Floats, gone: Truths) -> Empirical:
    """A distribution of idle expiry: the isotonic shares, straight from the end of one level to the next.

    Who outlives all gaps ends after the longest.
    """
    values, shares = [0.0], [0.0]
    for first, upto, share in isotonic(gaps, gone):
        values += [first, upto]
        shares += [share, share]
    return Empirical([*values, values[-1]], [*shares, 1.0])
