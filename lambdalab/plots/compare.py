"""Several runs side by side: key figures in one table, pictures on one scale."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.plots import words
from lambdalab.plots.backoff import backoff
from lambdalab.plots.batching import MOST_BATCHES, batching
from lambdalab.plots.canvas import one_scale, retitle
from lambdalab.plots.cold_starts import cold_starts
from lambdalab.plots.concurrency import concurrency
from lambdalab.plots.cost import cost
from lambdalab.plots.latency import latency
from lambdalab.plots.palette import INK
from lambdalab.plots.queue_depth import queue_depth
from lambdalab.plots.receives import receives
from lambdalab.plots.request_anatomy import request_anatomy
from lambdalab.plots.shards import shards
from lambdalab.plots.story import story
from lambdalab.plots.sync_vs_async import sync_vs_async
from lambdalab.plots.timeline import timeline
from lambdalab.plots.visibility import visibility
from lambdalab.trace.figures import key_figures

if TYPE_CHECKING:
    from lambdalab.trace import Trace

#: Every plot by its name: what stands on ``trace.plot``.
PLOTS: dict[str, Callable[..., Axes]] = {
    "backoff": backoff,
    "batching": batching,
    "cold_starts": cold_starts,
    "concurrency": concurrency,
    "cost": cost,
    "latency": latency,
    "queue_depth": queue_depth,
    "receives": receives,
    "request_anatomy": request_anatomy,
    "shards": shards,
    "story": story,
    "sync_vs_async": sync_vs_async,
    "timeline": timeline,
    "visibility": visibility,
}
_MOST = 12
_ROW = 0.21  # inches of a row of the table
_POINTS = 8.5
_DPI = 90
_HEAD, _TITLE = 76, 40  # letters: in all heads of the table together; of a name above its picture


class Comparison:
    """What :func:`compare` found.

    ``table`` has a row for each key figure and a column for each trace; ``figure`` shows the same table
    above the pictures, which are ``axes``, on one scale. A cell shows the figure; where no picture can
    be, the table as text.
    """

    def __init__(self, table: pd.DataFrame, figure: Figure, axes: list[Axes]) -> None:
        self.table, self.figure, self.axes = table, figure, axes

    def __repr__(self) -> str:
        return _written(self.table).to_string()

    def _repr_png_(self) -> bytes:
        out = io.BytesIO()
        self.figure.savefig(out, format="png", dpi=_DPI, metadata={"Software": None})
        return out.getvalue()


def _written(table: pd.DataFrame) -> pd.DataFrame:
    """The figures as text, each row with one number of digits."""
    return table.map(lambda value: "–" if pd.isna(value) else f"{value:,.5g}")


def compare(traces: Mapping[str, Trace], *, plot: str | None = None) -> Comparison:
    """Put runs side by side: key figures and pictures on one scale.

    Look first at the rows that differ; then at the pictures: one time axis and one height for all of
    them, so that what looks longer is longer.

    Parameters
    ----------
    traces
        One to twelve traces by the name they go by (``{"window 5 s": before, "window 0": lab.trace}``).
    plot
        Which picture (a name of ``lambdalab.plots``); by default batches where there are any, the
        back-off of an event where there were retries, else the timeline.

    Example
    -------
    >>> from lambdalab import plots, scenarios
    >>> both = plots.compare({str(n): scenarios.backoff(maximum_retry_attempts=n) for n in (0, 2)})
    >>> both.table.loc["runs"].tolist()
    [1.0, 3.0]
    """
    if not isinstance(traces, Mapping) or not 1 <= len(traces) <= _MOST:
        raise InvalidSetting("traces", traces, f"1 to {_MOST} traces by name")
    name = plot or _telling(list(traces.values()))
    if name not in PLOTS:
        raise UnknownName("plot", name, PLOTS)
    found = {str(title): key_figures(trace) for title, trace in traces.items()}
    table = pd.DataFrame(found).dropna(how="all")
    tops, tall = len(table) * _ROW + 0.5, 3.1
    figure = plt.figure(figsize=(9.0, tops + tall * len(traces)), layout="constrained")
    top, *rows = figure.subplots(
        len(traces) + 1, 1, gridspec_kw={"height_ratios": [tops, *[tall] * len(traces)]}
    )
    _tabulate(top, table)
    how: dict[str, Any] = {"each": _each(traces.values())} if name == "batching" else {}
    how |= {"sentences": 0} if name == "story" else {}  # they would leave no room for the table
    drawn: list[Axes] = [
        PLOTS[name](trace, ax=ax, **how) for trace, ax in zip(traces.values(), rows, strict=True)
    ]
    for title, ax in zip(traces, drawn, strict=True):
        retitle(ax, words.shortened(str(title), _TITLE))
    one_scale(drawn)
    plt.close(figure)  # the cell shows the comparison, not the figure once more
    return Comparison(table, figure, drawn)


def _tabulate(ax: Axes, table: pd.DataFrame) -> None:
    """The key figures as a table on axes of their own; those that differ in bold."""
    ax.axis("off")
    written = _written(table)
    cells = ax.table(
        cellText=written.to_numpy().tolist(), rowLabels=list(written.index),
        colLabels=[words.shortened(name, _HEAD // len(table.columns)) for name in written.columns],
        bbox=Bbox.from_bounds(0.3, 0.0, 0.7, 1.0), edges="horizontal",
    )  # fmt: skip
    cells.auto_set_font_size(False)
    cells.set_fontsize(_POINTS)
    differ = [len(set(row)) > 1 for row in written.to_numpy().tolist()]
    for (row, _), cell in cells.get_celld().items():
        cell.set(linewidth=0.3, edgecolor=INK)
        cell.get_text().set_color(INK)
        cell.get_text().set_parse_math(False)  # a name may have a $
        if row == 0 or differ[row - 1]:
            cell.set_text_props(fontweight="bold")


def _telling(traces: list[Trace]) -> str:
    if any(len(trace.batches) for trace in traces):
        return "batching"
    return "backoff" if any(len(trace.retries) for trace in traces) else "timeline"


def _each(traces: Iterable[Trace]) -> bool:
    """Whether all of them have few enough batches to be drawn one by one."""
    return all(len(trace.batches) <= MOST_BATCHES for trace in traces)
