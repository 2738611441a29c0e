"""Batches one by one: a band for each poller or lane of a shard, a bar for each batch."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from lambdalab.plots import bars, canvas
from lambdalab.plots.batch_marks import arrivals, points, too_short
from lambdalab.plots.batches import Batches
from lambdalab.plots.frames import Floats, Ints
from lambdalab.plots.palette import BATCH_CAUSES, BATCH_RUNS, FAINT, INK, MUTED, Look

MOST_ROWS = 14
"""More rows than this are not drawn one by one."""
_BESIDE = 0.026  # what the marks beside a text take, as a share of the axis
_LETTER = 0.01  # width of a letter
_TALL, _THIN = 0.62, 0.2  # height of a bar: while it is gathered, while the function works on it
_TOP = 1.3  # where the rows begin, below the band of arrivals


def beside(found: Batches) -> Floats:
    """The room that each batch's text needs, as a share of the axis."""
    return np.array([_BESIDE + _LETTER * len(text) for text in found.labels()])


def rows(found: Batches, ends: Floats) -> tuple[Ints, Ints]:
    """A row for each batch, and how many rows each lane takes.

    In its lane a batch stands in the first row that is free, its text included; what came of another
    batch never above it. ``ends`` is where each text ends.
    """
    within = np.zeros(len(found.table), dtype=np.int64)
    free: list[list[float]] = [[] for _ in found.lane_names]
    for place in np.lexsort((found.flushed, found.opened)).tolist():
        mine, parent = free[found.lanes[place]], int(found.parents[place])
        lowest = int(within[parent]) if parent >= 0 else 0
        begin = min(found.opened[place], _window(found, place))
        row = next((n for n in range(lowest, len(mine)) if mine[n] <= begin), len(mine))
        mine[row : row + 1] = [float(ends[place])]
        within[place] = row
    tall = np.array([len(lane) for lane in free], dtype=np.int64)
    begins = np.concatenate([[0], np.cumsum(tall)[:-1]])
    return begins[found.lanes] + within, tall


def _window(found: Batches, place: int) -> float:
    at = found.window[place]
    return float(found.opened[place] if np.isnan(at) else at)


def draw(ax: Axes, found: Batches, lanes: Ints, tall: Ints) -> None:
    """Draw the batches in these rows, and the lanes that the rows are of."""
    place = lanes.astype(np.float64) + _TOP
    _bands(ax, found, tall)
    _runs(ax, found, place)
    _gathered(ax, found, place)
    _windows(ax, found, place)
    _ties(ax, found, place)
    _texts(ax, found, place)
    arrivals(ax, found, 0.3, -0.6)


def _bands(ax: Axes, found: Batches, tall: Ints) -> None:
    """Lanes by turns on grey, each with its name; the band of arrivals above."""
    edges = np.concatenate([[0], np.cumsum(tall)]) + _TOP - 0.5
    for low, high in zip(edges[1:-1:2], edges[2::2], strict=False):
        ax.axhspan(low, high, color=FAINT, alpha=0.6, linewidth=0, zorder=0)
    bottom = max(float(edges[-1]) + 0.1, 2.9)
    ax.set_ylim(bottom, -0.7)
    middles = (edges[:-1] + edges[1:]) / 2
    names = list(found.lane_names)
    if len(names) == 1 and found.kind == "sqs":
        names[0] += "\nhands over\nall batches"
    ax.set_yticks([0, *middles.tolist()], [f"{found.thing}s\narrive", *names])
    ax.tick_params(axis="y", length=0)


def _gathered(ax: Axes, found: Batches, place: Floats) -> None:
    """A bar from the first record to the hand-over; where sizes matter, as full as the batch is."""
    fill = found.sizes if found.sizes_matter else np.ones(len(place))
    short = too_short(ax, found)
    if found.sizes_matter:
        whole = Look("the limit of 6 MB", "none", "")
        bars.draw(
            ax, place[~short], found.opened[~short], found.flushed[~short], whole, "limit",
            height=_TALL, zorder=1.8,
        )  # fmt: skip
    for cause, chosen in found.by_cause():
        first = chosen & ~found.again
        height = _TALL * fill[first]
        bars.draw(
            ax, place[first] + (_TALL - height) / 2, found.opened[first], found.flushed[first],
            BATCH_CAUSES[cause], f"batch:{cause}", height=height,
        )  # fmt: skip
        marked = chosen & short
        points(ax, found.flushed[marked], place[marked], cause, 8, found.again[marked])


def _runs(ax: Axes, found: Batches, place: Floats) -> None:
    """A thin bar from the hand-over to the end: the function works on it, or it waits to be run."""
    for outcome, chosen in found.by_outcome():
        bars.draw(
            ax, place[chosen], found.flushed[chosen], found.over[chosen], BATCH_RUNS[outcome],
            f"run:{outcome}", height=_THIN, zorder=1.6,
        )  # fmt: skip


def _windows(ax: Axes, found: Batches, place: Floats) -> None:
    has = ~np.isnan(found.window) & (np.array(found.causes) != "no_window")
    x, y = np.full(3 * int(has.sum()), np.nan), np.full(3 * int(has.sum()), np.nan)
    x[0::3], x[1::3], y[0::3], y[1::3] = (
        found.window[has], found.opened[has], place[has], place[has]
    )  # fmt: skip
    ax.plot(x, y, color=MUTED, linestyle=":", linewidth=1, zorder=1.5)
    ax.plot(
        found.window[has], place[has], linestyle="none", marker="|", markersize=16, color=INK,
        markeredgewidth=1.4, gid="windows", zorder=3,
    )  # fmt: skip


def _ties(ax: Axes, found: Batches, place: Floats) -> None:
    """A line from the end of a failed batch to what came of it: down, then along."""
    children = np.flatnonzero(found.again)
    parents = found.parents[children]
    x, y = np.full(4 * len(children), np.nan), np.full(4 * len(children), np.nan)
    x[0::4] = x[1::4] = found.over[parents]
    x[2::4] = found.flushed[children]
    y[0::4], y[1::4], y[2::4] = place[parents], place[children], place[children]
    ax.plot(x, y, color=INK, linewidth=0.9, gid="ties", zorder=1.7)


def _texts(ax: Axes, found: Batches, place: Floats) -> None:
    low, high = ax.get_xlim()
    ends = np.maximum(found.over, found.flushed)
    at = ends + np.where(ends - found.flushed < 0.008 * (high - low), 0.014, 0.006) * (high - low)
    for number, text in enumerate(found.labels()):
        canvas.note(
            ax, float(at[number]), place[number], text, va="center",
            fontweight="bold", zorder=1.8, gid="records",
        )  # fmt: skip
