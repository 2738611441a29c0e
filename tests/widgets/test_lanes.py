"""Lanes of the viewer: no two stays of one lane overlap, and there are no more lanes than it takes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.widgets.viewer import lanes
from lambdalab.widgets.viewer.lanes import first_fit, fitted

STAYS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6)), max_size=40)


def columns(stays: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    starts = np.array([start for start, _ in stays], dtype=float)
    return starts, starts + np.array([length for _, length in stays], dtype=float)


@given(STAYS)
def test_in_a_lane_one_ends_before_the_next_begins(stays: list[tuple[int, int]]) -> None:
    starts, ends = columns(stays)
    found = first_fit(starts, ends)
    for lane in np.unique(found):
        mine = sorted(zip(starts[found == lane], ends[found == lane], strict=True))
        for (start, end), (after, _) in pairwise(mine):
            assert end <= after
            assert start < after, "two of one moment are two, be they instants"


@given(STAYS)
def test_there_are_as_many_lanes_as_stays_at_once(stays: list[tuple[int, int]]) -> None:
    starts, ends = columns(stays)
    until = np.where(ends > starts, ends, starts + 0.5)  # an instant takes its place
    most = max((int(((starts <= t) & (t < until)).sum()) for t in starts), default=0)
    assert len(np.unique(first_fit(starts, ends))) == most


def test_each_group_has_lanes_of_its_own() -> None:
    groups, starts, ends = np.array([1, 0, 1, 0]), np.zeros(4), np.ones(4)
    assert fitted(groups, starts, ends).tolist() == [0, 0, 1, 1]


def test_very_many_share_lanes_in_turn(monkeypatch) -> None:
    monkeypatch.setattr(lanes, "MOST", 10)
    found = first_fit(np.arange(60.0), np.arange(60.0) + 100)
    assert len(np.unique(found)) < 60
    assert found[:3].tolist() == [0, 1, 2]
