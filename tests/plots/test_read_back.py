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
from tests.plots import sound, truth_calls, truth_lives, truth_queues
from tests.plots.changes import CHANGES, Change
from tests.plots.gallery import runs, shown
from tests.plots.reading import Altered, lane, same, strokes
from tests.plots.sound import check_sound

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


@pytest.mark.parametrize(("plot", "number"), [p for plot in CHECKS for p in telling(plot)])
def test_looks_legend_limits_and_units_are_true(plot: str, number: int) -> None:
    one = shown.telling(plot)[number]
    check_sound(plot, draw(plot, one.run(), one.how))


def _recolour(ax: Axes) -> None:
    areas = [one for one in ax.collections if one.get_label() in sound.LOOKS]
    areas[0].set_facecolor("#123456")


def _plain(ax: Axes) -> None:
    next(one for one in ax.collections if one.get_hatch()).set_hatch(None)


def _half(ax: Axes) -> None:
    low, high = ax.get_xlim()
    ax.set_xlim(low, (low + high) / 2)


def _swapped(ax: Axes) -> None:
    first, second, *_ = ax.get_legend().get_texts()
    one, other = first.get_text(), second.get_text()
    first.set_text(other)
    second.set_text(one)


def _in_hours(ax: Axes) -> None:
    ax.set_xlabel("virtual time (h)")


@pytest.mark.parametrize("plot", ["batching", "queue_depth", "timeline", "request_anatomy"])
@pytest.mark.parametrize(
    "spoil", [_recolour, _plain, _half, _swapped, _in_hours, lambda ax: ax.get_legend().remove()]
)
def test_a_spoiled_drawing_is_found(plot: str, spoil: Callable[[Axes], None]) -> None:
    one = shown.telling(plot)[0]
    ax = draw(plot, one.run(), one.how)
    spoil(ax)
    with pytest.raises(AssertionError):
        check_sound(plot, ax)


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
