"""Which lane each stay gets: the first one that is free."""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np

from lambdalab.widgets.viewer.parts import Floats, Ints

MOST = 100_000
"""Stays of one group that are fitted one by one; more share lanes in turn, where they may overlap."""

_SHARED = 24


def first_fit(starts: Floats, ends: Floats) -> Ints:
    """A lane for each stay, none of which overlaps another in its lane.

    >>> first_fit(np.array([0.0, 1.0, 2.0]), np.array([3.0, 2.0, 4.0])).tolist()
    [0, 1, 1]
    """
    order = np.lexsort((ends, starts))
    lanes = np.zeros(len(starts), dtype=np.int64)
    if len(starts) > MOST:
        lanes[order] = np.arange(len(starts)) % _SHARED
        return lanes
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    opened = 0
    found = []
    for start, end in zip(starts[order].tolist(), ends[order].tolist(), strict=True):
        while busy and busy[0][0] <= start:
            heappush(free, heappop(busy)[1])
        if free:
            lane = heappop(free)
        else:
            lane, opened = opened, opened + 1
        # an instant takes its place as well: two at one time are two
        heappush(busy, (end if end > start else np.nextafter(start, np.inf), lane))
        found.append(lane)
    lanes[order] = found
    return lanes


def fitted(groups: Ints, starts: Floats, ends: Floats) -> Ints:
    """:func:`first_fit` for each group by itself."""
    lanes = np.zeros(len(groups), dtype=np.int64)
    order = np.argsort(groups, kind="stable")
    cuts = np.flatnonzero(np.diff(groups[order])) + 1
    for chosen in np.split(order, cuts):
        lanes[chosen] = first_fit(starts[chosen], ends[chosen])
    return lanes
