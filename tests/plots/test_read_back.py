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
import pandas as pd
import pytest
from matplotlib.axes import Axes

from lambdalab import plots
from lambdalab.plots import bars
from tests.plots import truth_calls, truth_lives, truth_queues
from tests.plots.changes import CHANGES, Change
from tests.plots.gallery import runs, shown
from tests.plots.reading import Altered, lane, same, strokes

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


@pytest.mark.parametrize("row", range(0, 100, 9))
def test_lines_of_very_many_bars_are_the_attempts_too(row: int, monkeypatch) -> None:
    """Of each environment and outcome the union of the attempts; gaps that no pixel shows are closed."""
    monkeypatch.setattr(bars, "MANY", 50)
    trace = shown.telling("timeline")[0].run()
    lines(trace, plots.timeline(trace))
    until = trace.attempts["ended_at"].iloc[row] + pd.Timedelta(seconds=7.3)
    with pytest.raises(AssertionError):
        lines(trace, plots.timeline(Altered(trace, "attempts", row, "ended_at", until)))


def lines(trace: Any, ax: Axes) -> None:
    table = truth_calls.runs(trace)
    span = np.ptp(ax.get_xlim())
    homes = [
        f"{f}  e{truth_calls.number(e)}"
        for f, e in zip(table["function"], table["environment_id"], strict=True)
    ]
    for outcome, own in table.assign(home=homes).groupby(table["outcome"].astype(str)):
        expected: list[list[Any]] = []
        for run in own.sort_values(["home", "begun"]).itertuples():
            last = expected[-1] if expected else None
            if last and last[0] == run.home and run.begun <= last[2] + span / 3_000:
                last[2] = max(last[2], run.end)
            else:
                expected.append([run.home, run.begun, run.end])
        drawn = [(lane(ax, y), a, b) for a, b, y, _ in strokes(ax, outcome)]
        same(drawn, [(name, a, max(b, a + span / 900)) for name, a, b in expected], outcome)
