"""Pictures are true: bars, counts, marks and lines read back from the axes equal the tables.

What each plot must show is counted from the tables without lambdalab.plots (``truth_*.py``). The same
check fails on the picture of a trace with one altered row, whichever row and column it is.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes

from lambdalab import plots
from tests.plots import truth_calls, truth_lives, truth_queues
from tests.plots.changes import CHANGES, Change
from tests.plots.gallery import runs, shown
from tests.plots.reading import Altered

CHECKS: dict[str, Callable[..., None]] = {
    name: function
    for module in (truth_calls, truth_lives, truth_queues)
    for name, function in vars(module).items()
    if name in plots.PLOTS
}
ROWS = 2  # altered, for each column


def draw(plot: str, trace: Any, how: dict[str, Any]) -> Axes:
    return plots.PLOTS[plot](trace, **how)


def telling(plot: str) -> list[Any]:
    return [pytest.param(plot, n, id=f"{plot}-{n}") for n in range(len(shown.telling(plot)))]


def test_every_plot_is_checked() -> None:
    assert set(CHECKS) == set(CHANGES) == set(plots.PLOTS)


@pytest.mark.parametrize(("plot", "number"), [p for plot in CHECKS for p in telling(plot)])
def test_the_picture_is_what_the_tables_say(plot: str, number: int) -> None:
    one = shown.telling(plot)[number]
    CHECKS[plot](one.run(), draw(plot, one.run(), one.how), **one.how)


@pytest.mark.parametrize("plot", CHECKS)
def test_one_row(plot: str) -> None:
    trace = shown.one_row(plot)
    CHECKS[plot](trace, draw(plot, trace, {}))


@pytest.mark.parametrize("plot", sorted(plots.PLOTS))
def test_an_empty_trace_says_so_and_shows_nothing(plot: str) -> None:
    ax = draw(plot, runs.nothing(), {})
    assert not ax.lines
    assert not ax.collections
    (text,) = ax.texts
    assert text.get_text().endswith(".")
    assert ax.get_title(loc="left")


@pytest.mark.parametrize(
    ("plot", "change"),
    [
        pytest.param(plot, change, id=f"{plot}-{change.shown}-{change.table}.{change.column}-{n}")
        for plot, changes in CHANGES.items() for n, change in enumerate(changes)
    ],
)  # fmt: skip
def test_one_altered_row_is_found(plot: str, change: Change) -> None:
    one = shown.telling(plot)[change.shown]
    trace = one.run()
    table = getattr(trace, change.table)
    known = table[change.column].notna().to_numpy() & change.among(trace, table)
    rows = np.flatnonzero(known).tolist()
    assert rows, "there is a row to alter"
    chance = random.Random(f"{plot} {change.table} {change.column}")
    for row in chance.sample(rows, min(ROWS, len(rows))):
        to = change.to(table[change.column].iloc[row])
        other = Altered(trace, change.table, row, change.column, to)
        assert not agrees(plot, trace, other, one.how), f"nobody sees that {other.told}"
        mpl.pyplot.close("all")


def agrees(plot: str, trace: Any, other: Any, how: dict[str, Any]) -> bool:
    """Whether the picture of another trace passes for that of this one."""
    try:
        CHECKS[plot](trace, draw(plot, other, how), **how)
    except AssertionError:
        return False
    return True
