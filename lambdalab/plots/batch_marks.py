"""Marks that every picture of batches has: when records came, and when a batch was handed over."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from lambdalab.plots.batches import Batches
from lambdalab.plots.frames import Floats, Mask
from lambdalab.plots.palette import BATCH_CAUSES, INK, MUTED

MOST_TICKS = 400
"""Up to so many arrivals are ticks; more are drawn as how many there are a second."""
_MANY_POINTS = 1_000  # above so many, marks are smaller and without a rim
_BINS = 120  # of the histogram that stands for more ticks


def too_short(ax: Axes, found: Batches) -> Mask:
    """Which batches were gathered for too short a time to be seen as bars: they are marks."""
    low, high = ax.get_xlim()
    return found.flushed - found.opened < 0.003 * (high - low)


def points(ax: Axes, x: Floats, y: Floats, cause: str, size: float, again: Mask) -> None:
    """The moments of hand-over; hollow where records are handed over once more."""
    look, many = BATCH_CAUSES[cause], len(x) > _MANY_POINTS
    for kind, chosen in (("flushed", ~again), ("again", again)):
        if kind == "again" and not chosen.any():
            continue
        ax.plot(
            x[chosen], y[chosen], linestyle="none", marker=look.marker, markersize=size - 2 * many,
            color="white" if kind == "again" else look.colour,
            markeredgecolor=look.colour if kind == "again" else INK,
            markeredgewidth=1.4 if kind == "again" else 0 if many else 0.5,
            gid=f"{kind}:{cause}", zorder=3,
        )  # fmt: skip


def arrivals(
    ax: Axes, found: Batches, foot: float, height: float, *, of_axes: bool = False
) -> None:
    """A tick for each message; where there are hundreds, how many there are a second.

    ``foot`` and ``height`` are of the data, or shares of the axes: then the strip stays where it is.
    """
    times, (low, high) = found.arrivals, ax.get_xlim()
    where = ax.get_xaxis_transform() if of_axes else ax.transData
    if len(times) <= MOST_TICKS:
        x, y = np.full(3 * len(times), np.nan), np.full(3 * len(times), np.nan)
        x[0::3] = x[1::3] = times
        y[0::3], y[1::3] = foot, foot + height
        ax.plot(x, y, color=INK, linewidth=0.9, gid="arrivals", transform=where)
        return
    counts, edges = np.histogram(times, bins=_BINS, range=(low, high))
    tall = np.append(counts, counts[-1]) / max(counts.max(), 1) * height
    ax.fill_between(
        edges, foot, foot + tall, step="post", facecolor=MUTED, linewidth=0, gid="arrival rate",
        transform=where,
    )  # fmt: skip


def busiest(ax: Axes, found: Batches) -> float:
    """The most messages a second in a bin of the picture."""
    low, high = ax.get_xlim()
    counts, _ = np.histogram(found.arrivals, bins=_BINS, range=(low, high))
    return float(counts.max() / ((high - low) / _BINS))
