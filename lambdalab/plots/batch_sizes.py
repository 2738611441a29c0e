"""Many batches: each a line as high as it is large, or one row for each poller or lane of a shard."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lambdalab.plots import bars, words
from lambdalab.plots.batch_marks import arrivals, points
from lambdalab.plots.batches import Batches
from lambdalab.plots.frames import Floats, Ints, Mask
from lambdalab.plots.palette import BATCH_CAUSES, BATCH_RUNS, INK, MUTED

MOST_CROSSES = 120
"""So many crosses of failed batches stand beside each other: more would hide what they are drawn on."""
_THINNEST = 0.0015  # of the axis: bars that are thinner are marks
_BAND = 0.82  # share of the height below the band of arrivals
_MOST_NAMES = 12  # lanes whose names stand beside them


def by_size(ax: Axes, found: Batches) -> None:
    """Each batch a line from its first record to its hand-over, as high as it is large."""
    by_bytes = "payload_size" in found.causes
    column = "size_bytes" if by_bytes else "records"
    height = found.table[column].to_numpy(dtype=float) / (2**20 if by_bytes else 1)
    top = found.limit / 2**20 if by_bytes else float(height.max())
    ax.set_ylabel("size of the batch (MB)" if by_bytes else "records in the batch", y=_BAND / 2)
    ax.callbacks.connect("ylim_changed", lambda ax: _end_below_the_band(ax, not by_bytes))
    ax.set_ylim(0, 1.12 * top / _BAND)
    step = (ax.get_xlim()[1] - ax.get_xlim()[0]) / bars.COLUMNS
    for cause, chosen in found.by_cause():
        look = BATCH_CAUSES[cause]
        lines = bars.merged(height[chosen], found.opened[chosen], found.flushed[chosen], step)
        x, y = np.full(3 * len(lines[0]), np.nan), np.full(3 * len(lines[0]), np.nan)
        x[0::3], x[1::3], y[0::3], y[1::3] = lines[1], lines[2], lines[0], lines[0]
        ax.plot(x, y, color=look.colour, linewidth=1.6, alpha=0.7, gid=f"batch:{cause}")
        first = _seen(found.flushed[chosen], height[chosen], found.again[chosen], step)
        points(
            ax, found.flushed[chosen][first], height[chosen][first], cause, 5,
            found.again[chosen][first],
        )  # fmt: skip
    _failures(ax, found, height, step)
    if by_bytes:
        ax.axhline(top, color=INK, linestyle="--", linewidth=1, gid="payload limit")
        ax.text(
            0.01, 1.03 * top, f"payload limit {words.size(found.limit)}", color=INK, fontsize="small",
            va="bottom", transform=ax.get_yaxis_transform(),
        )  # fmt: skip
    _band_of_arrivals(ax, found)


def by_lane(ax: Axes, found: Batches, there: tuple[Floats, Floats]) -> None:
    """One row for each poller or lane of a shard: when it had a batch, and why that was handed over.

    ``there`` are the times at which the number of pollers changed, and what it became.
    """
    count = len(found.lane_names)
    place = found.lanes.astype(np.float64) + 1
    if found.kind == "sqs":
        count = max(count, int(there[1].max(initial=0)))
        place = found.table["poller"].to_numpy(dtype=np.float64)
        count = max(count, int(place.max()))
    foot = -count * (1 - _BAND) / _BAND
    ax.set_ylim(count + 0.6, foot)
    many = len(place) > 2_000 or count > 60
    short = found.flushed - found.opened < _THINNEST * (ax.get_xlim()[1] - ax.get_xlim()[0])
    for outcome, chosen in found.by_outcome():
        bars.draw(
            ax, place[chosen], found.flushed[chosen], found.over[chosen], BATCH_RUNS[outcome],
            f"run:{outcome}", many=many, height=0.8, zorder=1.6,
        )  # fmt: skip
    step = (ax.get_xlim()[1] - ax.get_xlim()[0]) / bars.COLUMNS
    for cause, chosen in found.by_cause():
        own = chosen & ~found.again
        bars.draw(
            ax, place[own], found.opened[own], found.flushed[own], BATCH_CAUSES[cause],
            f"batch:{cause}", many=many, height=0.8,
        )  # fmt: skip
        marked = chosen if many else chosen & (short | found.again)  # bars tell by hatch and colour
        first = _seen(found.flushed[marked], place[marked], found.again[marked], step)
        size = 5.0 if count <= 60 else 3.5
        points(
            ax, found.flushed[marked][first], place[marked][first], cause, size,
            found.again[marked][first],
        )  # fmt: skip
    if found.kind == "sqs":
        _number_of_pollers(ax, there)
    _name_lanes(ax, found, count)
    _band_of_arrivals(ax, found)


def _number_of_pollers(ax: Axes, there: tuple[Floats, Floats]) -> None:
    at, number = there
    if len(at):
        high = ax.get_xlim()[1]
        ax.plot(
            np.append(at, high), np.append(number, number[-1]) + 0.5, drawstyle="steps-post",
            color=INK, linewidth=1.2, linestyle="-.", gid="pollers", zorder=4,
        )  # fmt: skip


def _name_lanes(ax: Axes, found: Batches, count: int) -> None:
    if found.kind == "sqs":
        ax.set_ylabel("poller", y=_BAND / 2)
        ticks = np.asarray(MaxNLocator(8, integer=True).tick_values(1, count))
        ax.set_yticks(sorted({1, *(int(t) for t in ticks if 1 <= t <= count)}))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    elif count <= _MOST_NAMES:
        ax.set_yticks(range(1, count + 1), found.lane_names)
    else:
        ax.set_ylabel("lane of a shard", y=_BAND / 2)
        ticks = np.unique(np.linspace(1, count, 8).astype(int))
        ax.set_yticks(ticks, [found.lane_names[tick - 1] for tick in ticks.tolist()])
    ax.spines["left"].set_bounds(0.4, count + 0.6)


def _seen(x: Floats, y: Floats, again: Mask, step: float) -> Ints:
    """Of marks that would lie on one pixel the first."""
    pixels = np.column_stack([np.floor(x / step), y, again])
    _, first = np.unique(pixels, axis=0, return_index=True)
    return np.asarray(first, dtype=np.int64)


def _failures(ax: Axes, found: Batches, height: Floats, step: float) -> None:
    """A cross through each batch that failed, or never ran."""
    chosen = np.flatnonzero(found.failed)
    if len(chosen):
        x, y = found.flushed[chosen], height[chosen]
        apart = step if len(x) <= MOST_CROSSES else step * bars.COLUMNS / MOST_CROSSES
        first = _seen(x, y, np.zeros(len(x), dtype=bool), apart)
        ax.plot(
            x[first], y[first], linestyle="none", marker="x", markersize=6, color=INK, gid="failed",
            markeredgewidth=1.1, zorder=4,
        )  # fmt: skip


def _band_of_arrivals(ax: Axes, found: Batches) -> None:
    arrivals(ax, found, _BAND + 0.04, 0.93 - _BAND, of_axes=True)
    across = ax.transAxes
    ax.plot([0, 1], [_BAND + 0.04] * 2, color=MUTED, linewidth=0.6, transform=across, zorder=1.5)
    ax.text(
        -0.012, _BAND + 0.09, f"{found.thing}s\narrive", transform=across, ha="right", va="center",
        color=INK, fontsize="small",
    )  # fmt: skip


def _end_below_the_band(ax: Axes, whole: bool) -> None:
    """End the axis of sizes where the band of arrivals begins, which has another scale."""
    top = _BAND * ax.get_ylim()[1]
    ticks = np.asarray(MaxNLocator(5, integer=whole, steps=[1, 2, 5, 10]).tick_values(0, top))
    ax.spines["left"].set_bounds(0, top)
    ax.set_yticks(ticks[(ticks >= 0) & (ticks <= top)])
