"""Merging bars, thinning points, words and units."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.plots import bars, words
from lambdalab.plots.waits import thinned

BARS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 1000), st.integers(0, 50)), min_size=1, max_size=60
)


@given(BARS)
def test_merged_bars_cover_the_same_and_lose_none(drawn: list[tuple[int, int, int]]) -> None:
    lanes = np.array([lane for lane, _, _ in drawn], float)
    starts = np.array([start for _, start, _ in drawn], float)
    ends = starts + np.array([length for _, _, length in drawn], float)
    resolution = 5.0
    found = list(zip(*bars.merged(lanes, starts, ends, resolution), strict=True))
    for lane, start, end in zip(lanes, starts, ends, strict=True):
        assert any(a == lane and b <= start + 1e-6 and end <= c + 1e-6 for a, b, c in found)
    for lane, start, end in found:
        inside = (lanes == lane) & (starts >= start - 1e-6) & (ends <= end + 1e-6)
        assert np.isclose(starts[inside].min(), start)
        assert np.isclose(ends[inside].max(), end)
    for first, second in pairwise(found):
        assert second[0] > first[0] or second[1] > first[2] + resolution - 1e-6


@given(st.lists(st.floats(0, 100), max_size=50).map(sorted))
def test_thinned_keeps_the_first_and_the_last(values: list[float]) -> None:
    kept = thinned(np.array(values), 5.0).tolist()
    assert kept == sorted(set(kept))
    if values:
        assert kept[0] == 0
        assert kept[-1] == len(values) - 1
    between = [values[b] - values[a] for a, b in pairwise(kept[:-1])]
    assert all(gap >= 5.0 for gap in between)


def test_words() -> None:
    assert words.duration(0) == "0.00 s"
    assert words.duration(130.04) == "130 s"
    assert words.duration(3600 * 2.5) == "2 h 30 min"
    assert words.plain("retries_exhausted") == "retries exhausted"


def test_importing_the_plots_opens_nothing() -> None:
    code = (
        "import matplotlib; before = dict(matplotlib.rcParams); import lambdalab.plots; "
        "import matplotlib.pyplot as plt; assert not plt.get_fignums(); "
        "after = dict(matplotlib.rcParams); before.pop('backend'); after.pop('backend'); "
        "assert before == after"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
