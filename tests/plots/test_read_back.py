"""Pictures are true: bars, counts, marks and lines read back from the axes equal the tables.

What each plot must show is counted from the tables without lambdalab.plots (``truth_*.py``). The same
check fails on the picture of a trace with one altered row, whichever row and column it is.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from lambdalab import plots
from tests.plots import truth_calls, truth_queues
from tests.plots.gallery import runs
from tests.plots.reading import Altered

CHECKS: dict[str, Callable[..., None]] = {
    name: function
    for module in (truth_calls, truth_queues)
    for name, function in vars(module).items()
    if name in plots.PLOTS
}
ROWS = 2  # altered, for each column


class Change(NamedTuple):
    """One column of a table whose every cell, of the rows ``among``, shows in the picture."""

    table: str
    column: str
    to: Callable[[Any], Any]
    among: Callable[[Any, pd.DataFrame], Any] = lambda trace, table: np.ones(len(table), bool)
    shown: int = 0


def later(seconds: float) -> Callable[[Any], Any]:
    return lambda cell: cell + pd.Timedelta(seconds=seconds)


def more(by: float) -> Callable[[Any], Any]:
    return lambda cell: cell + by


def either(one: Any, other: Any) -> Callable[[Any], Any]:
    return lambda cell: other if cell == one else one


def where(**values: Any) -> Callable[[Any, pd.DataFrame], Any]:
    """Rows that have these values (one, or one of a tuple) in these columns."""

    def rows(trace: Any, table: pd.DataFrame) -> Any:
        chosen = np.ones(len(table), bool)
        for name, value in values.items():
            chosen &= table[name].isin(value if isinstance(value, tuple) else (value,)).to_numpy()
        return chosen

    return rows


def of_request(number: int, column: str = "request_id") -> Callable[[Any, pd.DataFrame], Any]:
    return lambda trace, table: table[column].str.startswith(f"{number:08d}-").to_numpy()


def queued(number: int) -> Callable[[Any, pd.DataFrame], Any]:
    """The rows in which an event enters Lambda's queue and leaves it."""
    mine, moves = of_request(number, "event_id"), where(action=("sent", "received"))
    return lambda trace, table: mine(trace, table) & moves(trace, table)


def closing(queue: str) -> Callable[[Any, pd.DataFrame], Any]:
    """The last row of each moment of a queue: what the picture shows until the next one."""

    def rows(trace: Any, table: pd.DataFrame) -> Any:
        own = (table["queue"] == queue).to_numpy()
        mine = table.index[own]
        last = ~table.loc[own, "at"].duplicated(keep="last").to_numpy()
        gap = table.loc[own, "at"].diff(-1).dt.total_seconds().abs().to_numpy() > 1e-4
        chosen = np.zeros(len(table), bool)
        chosen[mine[last & gap]] = True
        return chosen

    return rows


CHANGES: dict[str, list[Change]] = {
    "timeline": [
        Change("attempts", "started_at", later(-0.5)),
        Change("attempts", "ended_at", later(0.7)),
        Change("attempts", "outcome", either("success", "error")),
        Change("attempts", "setup_ms", more(40.0), where(cold_start=True)),
        Change("attempts", "init_ms", more(300.0), where(cold_start=True)),
        Change("attempts", "environment_id", lambda cell: "00000003-1" if cell[7] == "1" else "00000001-1"),
        Change("attempts", "cold_start", lambda cell: not cell),
        Change("attempts", "started_at", later(0.5), where(attempt=2), shown=1),
        Change("attempts", "function", either("mail", "quote"), shown=2),
    ],
    "backoff": [
        Change("retries", "at", later(3)),
        Change("retries", "waited_ms", more(1500.0)),
        Change("retries", "cause", either("timeout", "function_error")),
        Change("attempts", "ended_at", later(0.4)),
        Change("attempts", "outcome", either("timeout", "error")),
        Change("invocations", "completed_at", later(5)),
        Change("retries", "waited_ms", more(1500.0), shown=1),
        Change("retries", "at", later(0.7), shown=1),
    ],
    "batching": [
        *(
            Change("batches", f"{what}_at", later(0.3), shown=shown)
            for shown in (0, 1) for what in ("opened", "flushed", "completed")
        ),
        Change("batches", "window_opened_at", later(-0.2)),
        Change("batches", "cause", either("batch_size", "batching_window")),
        Change("batches", "outcome", either("success", "failure")),
        Change("batches", "records", more(1)),
        Change("batches", "size_bytes", more(70_000), shown=1),
        Change("batches", "poller", lambda cell: 3 - cell, where(cause="batch_size")),
        Change("queue_events", "at", later(0.1), where(action="sent")),
        Change("batches", "flushed_at", later(0.25), shown=2),
        Change("batches", "records", more(1), shown=2),
        Change("batches", "cause", either("batch_size", "long_poll"), shown=2),
        Change("batches", "flushed_at", later(0.25), shown=3),
        Change("batches", "poller", lambda cell: cell % 4 + 1, shown=3),
        Change("batches", "outcome", either("success", "failure"), shown=4),
        Change("batches", "records", more(1), shown=4),
    ],
    "concurrency": [
        Change("attempts", "started_at", later(-0.4)),
        Change("attempts", "ended_at", later(0.4)),
        Change("attempts", "init_type", either("provisioned", "on_demand")),
        Change("environments", "started_at", later(-20)),
        Change("scaling", "after", more(3), where(kind=("limit", "provisioned"))),
        Change("scaling", "cause", lambda cell: "throttled_account", where(kind="throttle")),
        Change("scaling", "kind", lambda cell: "environments", where(kind="throttle")),
    ],
    "queue_depth": [
        *(
            Change("queue_events", name, more(4), closing("orders"))
            for name in ("visible", "in_flight", "delayed")
        ),
        Change("queue_events", "depth", more(300), where(queue="orders")),
        Change("queue_events", "at", later(0.31), closing("orders")),
        Change("queue_events", "action", lambda cell: "dropped", where(queue="orders", action="dead_lettered")),
    ],
    "receives": [
        Change("queue_events", "receive_count", lambda cell: cell % 3 + 1, where(queue="tasks", action="received")),
        Change("queue_events", "action", lambda cell: "dropped", where(queue="tasks", action="deleted")),
        Change("queue_events", "action", lambda cell: "deleted", where(queue="tasks", action="dead_lettered")),
        Change("batches", "flushed_at", later(-9), where(outcome="success")),
        Change("batches", "completed_at", later(-9), where(outcome="success")),
        Change("attempts", "started_at", later(-7)),
        Change("attempts", "ended_at", later(7)),
    ],
    "request_anatomy": [
        Change("requests", "sent_at", later(-1)),
        Change("requests", "answered_at", later(1)),
        Change("attempts", "started_at", later(-0.1)),
        Change("attempts", "ended_at", later(2)),
        Change("attempts", "outcome", lambda cell: "timeout"),
        Change("requests", "answered_at", later(0.2), where(call=1), shown=1),
        Change("attempts", "ended_at", later(0.2), of_request(2), shown=1),
    ],
    "sync_vs_async": [
        Change("attempts", "started_at", later(-0.05), of_request(1)),
        Change("attempts", "ended_at", later(0.2), of_request(4)),
        Change("attempts", "init_ms", more(30.0), of_request(1)),
        Change("queue_events", "at", later(0.2), queued(4)),
        Change("requests", "answered_at", later(0.2), of_request(1)),
        Change("attempts", "outcome", either("error", "timeout"), shown=1),
        Change("attempts", "ended_at", later(2), shown=1),
        Change("queue_events", "at", later(3), where(kind="asynchronous"), shown=1),
    ],
}  # fmt: skip


def draw(plot: str, trace: Any, how: dict[str, Any]) -> Axes:
    return plots.PLOTS[plot](trace, **how)


def telling(plot: str) -> list[Any]:
    return [pytest.param(plot, n, id=f"{plot}-{n}") for n in range(len(runs.telling(plot)))]


def test_every_plot_is_checked() -> None:
    assert set(CHECKS) == set(CHANGES) == set(plots.PLOTS)


@pytest.mark.parametrize(("plot", "number"), [p for plot in CHECKS for p in telling(plot)])
def test_the_picture_is_what_the_tables_say(plot: str, number: int) -> None:
    shown = runs.telling(plot)[number]
    CHECKS[plot](shown.run(), draw(plot, shown.run(), shown.how), **shown.how)


@pytest.mark.parametrize("plot", CHECKS)
def test_one_row(plot: str) -> None:
    trace = runs.one_row(plot)
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
    shown = runs.telling(plot)[change.shown]
    trace = shown.run()
    table = getattr(trace, change.table)
    known = table[change.column].notna().to_numpy() & change.among(trace, table)
    rows = np.flatnonzero(known).tolist()
    assert rows, "there is a row to alter"
    chance = random.Random(f"{plot} {change.table} {change.column}")
    for row in chance.sample(rows, min(ROWS, len(rows))):
        other = Altered(trace, change.table, row, change.column, change.to(table[change.column].iloc[row]))
        with pytest.raises(AssertionError):
            CHECKS[plot](trace, draw(plot, other, shown.how), **shown.how)
            pytest.fail(f"nobody sees that {other.told}", pytrace=False)
        mpl.pyplot.close("all")
