"""Virtual time against the time that a viewer spends: long stretches of nothing are passed fast.

The film's time runs in seconds from 0. It is a rising, piecewise linear function of virtual time, so that
each moment of either belongs to one of the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lambdalab.plots.frames import Floats, Ints

NICE = (
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200,
    21_600, 86_400,
)  # fmt: skip
"""Virtual seconds that may pass in one second of the film."""
LONGEST_GAP = 3.0
"""Seconds of the film that a stretch of nothing takes at most, where such stretches are passed fast."""
TAIL = 1.0
_LEAST, _MOST, _EACH = 8.0, 120.0, 0.35
_WORTH = 4.0


@dataclass(frozen=True)
class Warp:
    """``times`` (microseconds) and ``film`` (seconds) are the corners of the function.

    ``pace`` is how many virtual seconds pass in a second of the film outside the fast stretches;
    ``fast`` holds the beginning and end (microseconds) of each of those.
    """

    times: Floats
    film: Floats
    pace: float
    fast: Ints

    @property
    def length(self) -> float:
        """Seconds that the film takes."""
        return float(self.film[-1])

    def to_film(self, times: Floats | Ints | float) -> Floats:
        """Virtual times (microseconds) as the film's (seconds)."""
        return np.interp(np.asarray(times, dtype=np.float64), self.times, self.film)

    def to_virtual(self, film: Floats | float) -> Floats:
        """The film's times (seconds) as virtual ones (microseconds)."""
        return np.interp(np.asarray(film, dtype=np.float64), self.film, self.times)


def warp(moments: Ints, decisions: int, start: int, end: int) -> Warp:
    """The film of what happens at these ``moments`` (microseconds), of which so many are decisions.

    A fast stretch lies between two neighbouring moments: nothing happens in it.

    >>> film = warp(np.array([0, 2_000_000, 21_600_000_000]), 3, 0, 21_600_000_000)
    >>> film.pace, film.fast.tolist()
    (1, [[2000000, 21600000000]])
    """
    corners = np.unique(np.concatenate([moments, [start, end]]))
    corners = corners[(corners >= start) & (corners <= end)]
    gaps = np.diff(corners) / 1e6
    wanted = min(max(_EACH * decisions, _LEAST), _MOST)
    even, fast = _pace(gaps, wanted, np.inf), _pace(gaps, wanted, LONGEST_GAP)
    # at least every other gap is shown at its own length
    usual = float(np.sort(gaps)[(len(gaps) - 1) // 2]) if len(gaps) else 0.0
    fast = max(fast, next((pace for pace in NICE if usual <= pace * LONGEST_GAP), NICE[-1]))
    worth = even / fast > _WORTH
    pace, longest = (fast, LONGEST_GAP) if worth else (even, np.inf)
    shown = np.minimum(gaps / pace, longest)
    film = np.concatenate([[0.0], np.cumsum(shown)])
    fast_places = np.flatnonzero(gaps / pace > longest)
    keep = np.unique(np.concatenate([[0, len(corners) - 1], fast_places, fast_places + 1]))
    times = np.append(corners[keep], corners[-1] + TAIL * pace * 1e6).astype(np.float64)
    return Warp(
        times, np.append(film[keep], film[-1] + TAIL), pace,
        np.stack([corners[fast_places], corners[fast_places + 1]], axis=1).astype(np.int64),
    )  # fmt: skip


def _pace(gaps: Floats, wanted: float, longest: float) -> float:
    """The slowest nice pace at which the film is not longer than wanted."""
    for pace in NICE:
        if float(np.minimum(gaps / pace, longest).sum()) <= wanted:
            return pace
    return NICE[-1]
