"""Several runs side by side: key figures in one table, pictures on one scale."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.plots.backoff import backoff
from lambdalab.plots.batching import MOST_BATCHES, batching
from lambdalab.plots.canvas import retitle, time_axis
from lambdalab.plots.figures import key_figures
from lambdalab.plots.queue_depth import queue_depth
from lambdalab.plots.sync_vs_async import sync_vs_async
from lambdalab.plots.timeline import timeline

if TYPE_CHECKING:
    from lambdalab.trace import Trace

#: Every plot by its name: what stands on ``trace.plot``.
PLOTS: dict[str, Callable[..., Axes]] = {
    "backoff": backoff,
    "batching": batching,
    "queue_depth": queue_depth,
    "sync_vs_async": sync_vs_async,
    "timeline": timeline,
}
_MOST = 12


class Comparison:
    """What :func:`compare` found.

    ``table`` has a row for each key figure and a column for each trace; ``figure`` the pictures below
    each other, on one scale.
    """

    def __init__(self, table: pd.DataFrame, figure: Figure) -> None:
        self.table, self.figure = table, figure

    def __repr__(self) -> str:
        return self._formatted().to_string()

    def _repr_html_(self) -> str:
        return f"<div>{self._formatted().to_html()}</div>"

    def _repr_png_(self) -> str:
        out = io.BytesIO()
        self.figure.savefig(out, format="png", dpi=90, metadata={"Software": None})
        return base64.b64encode(out.getvalue()).decode()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """The table and the picture: a page shows both, the table inside the text."""
        html = (
            f"{self._repr_html_()}<img alt='the same runs as pictures on one scale' "
            f"src='data:image/png;base64,{self._repr_png_()}'>"
        )
        return {"text/plain": repr(self), "text/html": html}

    def _formatted(self) -> pd.DataFrame:
        return self.table.map(lambda value: "" if pd.isna(value) else f"{value:,.6g}").rename_axis(
            None
        )


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
    table = pd.DataFrame({str(title): key_figures(trace) for title, trace in traces.items()})
    figure, rows = plt.subplots(
        len(traces), 1, figsize=(9.0, 0.4 + 3.1 * len(traces)), layout="constrained", squeeze=False
    )
    how = {"each": _each(traces.values())} if name == "batching" else {}
    drawn: list[Axes] = [
        PLOTS[name](trace, ax=ax, **how)
        for trace, ax in zip(traces.values(), rows[:, 0], strict=True)
    ]
    for title, ax in zip(traces, drawn, strict=True):
        retitle(ax, str(title))
    _one_scale(drawn)
    plt.close(figure)  # the cell shows the comparison, not the figure once more
    return Comparison(table.dropna(how="all"), figure)


def _telling(traces: list[Trace]) -> str:
    if any(len(trace.batches) for trace in traces):
        return "batching"
    return "backoff" if any(len(trace.retries) for trace in traces) else "timeline"


def _each(traces: Iterable[Trace]) -> bool:
    """Whether all of them have few enough batches to be drawn one by one."""
    return all(len(trace.batches) <= MOST_BATCHES for trace in traces)


def _one_scale(drawn: list[Axes]) -> None:
    """The same time axis for all; the same height where it counts something."""
    drawn = [ax for ax in drawn if ax.axison and len(ax.get_xticks())]
    if not drawn or len({ax.get_xscale() for ax in drawn}) > 1:
        return
    low, high = min(ax.get_xlim()[0] for ax in drawn), max(ax.get_xlim()[1] for ax in drawn)
    for ax in drawn:
        if ax.get_xscale() == "linear":
            what = ax.get_xlabel().rpartition(" (")[0]
            time_axis(ax, low, high, what)
        else:
            ax.set_xlim(low, high)
    counted = [ax for ax in drawn if ax.get_ylabel()]
    if len(counted) == len(drawn) and len({ax.get_ylabel() for ax in counted}) == 1:
        bottom = float(np.min([ax.get_ylim()[0] for ax in counted]))
        top = float(np.max([ax.get_ylim()[1] for ax in counted]))
        for ax in counted:
            ax.set_ylim(bottom, top)
