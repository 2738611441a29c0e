"""Why did each batch fire? Messages that come, and the batches a mapping makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from lambdalab.errors import UnknownName
from lambdalab.plots import bars, canvas, words
from lambdalab.plots.canvas import Style
from lambdalab.plots.frames import Floats, Ints, Mask, end_of, ordinal, seconds
from lambdalab.plots.palette import BATCH_CAUSES, INK, MUTED
from lambdalab.rules import Rules

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_TITLE = "Why did each batch fire?"
MOST_BATCHES = 40
"""Up to so many batches are drawn one by one."""
MOST_NAMED = 20
"""Up to so many have their names beside them."""
_MOST_LANES, _MOST_TICKS = 12, 400
_MANY_POINTS = 1_000  # above so many, marks are smaller and without a rim
_BINS = 120  # of the histogram that stands for more ticks
_BESIDE = 0.026  # what the marks beside a text take
_LETTER = 0.01  # width of a letter as a share of the axis
_BAND = 0.82  # share of the height below the band of arrivals, where many batches are drawn
_MATTERS = 0.5  # share of the payload limit from which sizes are told
_SAID = {
    "batch_size": "full", "batching_window": "out of time", "payload_size": "at the size limit",
    "no_window": "sent at once", "long_poll": "by the end of a poll", "tumbling_window": "by window",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Batches:
    """The batches of one mapping as arrays (seconds), and when the messages of its source came."""

    table: pd.DataFrame
    window: Floats
    opened: Floats
    flushed: Floats
    causes: list[str]
    arrivals: Floats
    limit: int

    @property
    def sizes_matter(self) -> bool:
        """Whether a batch came near the payload limit."""
        return bool((self.table["size_bytes"] >= _MATTERS * self.limit).any())


def batching(
    trace: Trace, *, ax: Axes | None = None, mapping: str | None = None, each: bool | None = None,
    **style: Unpack[Style],
) -> Axes:  # fmt: skip
    """Draw when messages came and, below, each batch from its first record to its hand-over.

    Look for the colour and hatch at which a batch ended: full (``batch_size``), out of time
    (``batching_window``), or one record short of 6 MB (``payload_size``). Beside it stand its name
    and its records (``b2 · 10``); where there are more than 20 batches, the records only. The upright
    mark is where its window began: at the end of that poller's previous invocation, or with the first
    record when that window had ended empty.

    Up to 40 batches are drawn one by one. More are drawn as lines as high as the batch is large: look
    for the level at which they end and for the moments when the cause changes.

    Parameters
    ----------
    trace
        The trace to draw.
    ax
        The axes to draw on; by default those of a new figure.
    mapping
        The name of the mapping (``"orders->bill"``); by default the one with most batches.
    each
        True draws every batch as a bar, False every batch as a line as high as it is large; None
        decides by their number.
    style
        See :class:`~lambdalab.plots.canvas.Style`.

    Returns the axes, x in seconds since the lab's start.
    """
    found = _find(trace, mapping)
    ax = canvas.axes(ax, "batching", (9.0, 4.2), **style)
    if found is None:
        sentence = "No batch in this trace: no event source mapping has handed one over."
        return canvas.nothing(ax, sentence, _TITLE, **style)
    low = min(float(x.min()) for x in (found.opened, found.arrivals) if len(x))
    high = max(float(x.max()) for x in (found.flushed, found.arrivals) if len(x))
    each = len(found.table) <= MOST_BATCHES if each is None else each
    span = max(high - low, 1e-3)
    ends = found.flushed + span * _beside(found) if each else np.array([high])
    high = max(high, float(ends.max())) + 0.02 * span
    canvas.time_axis(ax, 0.0 if low < 0.3 * high else low - 0.02 * span, high)
    lanes = _lanes(found, ends) if each else None
    if lanes is not None and lanes.max() < _MOST_LANES:
        _one_by_one(ax, found, lanes)
    else:
        _by_size(ax, found)
    canvas.headline(ax, _title(found), _entries(ax, found), columns=4, **style)
    return ax


def _find(trace: Trace, mapping: str | None) -> Batches | None:
    table = trace.batches
    names = list(dict.fromkeys(table["mapping"]))
    if mapping is not None and mapping not in names:
        raise UnknownName("mapping with batches", mapping, names)
    if not names:
        return None
    name = mapping or table["mapping"].value_counts().index[0]
    table = table[table["mapping"] == name]
    events = trace.queue_events
    came = events[(events["queue"] == table["source"].iloc[0]) & (events["action"] == "sent")]
    opened, flushed = (seconds(trace, table[f"{what}_at"]) for what in ("opened", "flushed"))
    limit: int = Rules.as_of().mapping_payload
    return Batches(
        table, seconds(trace, table["window_opened_at"]), np.where(np.isnan(opened), flushed, opened),
        np.where(np.isnan(flushed), end_of(trace), flushed), table["cause"].astype(str).tolist(),
        seconds(trace, came["at"]), limit,
    )  # fmt: skip


def _labels(found: Batches) -> list[str]:
    """What stands beside each batch: its name, its records, and its size where that matters."""
    labels = []
    columns = (
        found.table[name].tolist() for name in ("batch_id", "records", "size_bytes", "outcome")
    )
    for batch, records, size, outcome in zip(*columns, strict=True):
        name = f"b{ordinal(batch)} · " if len(found.table) <= MOST_NAMED else ""
        text = f"{name}{records:,}"
        if found.sizes_matter:
            text += f" ({words.size(size)})"
        if outcome not in ("success", "in_flight"):
            text += f" {outcome}"
        labels.append(text)
    return labels


def _beside(found: Batches) -> Floats:
    """The room that each text needs, as a share of the axis."""
    return np.array([_BESIDE + _LETTER * len(text) for text in _labels(found)])


def _lanes(found: Batches, ends: Floats) -> Ints:
    """A lane for each batch, from the top: the first one that is free, its text included."""
    free: list[float] = []
    lanes = np.zeros(len(found.table), dtype=np.int64)
    for place in np.lexsort((found.flushed, found.opened)).tolist():
        begin = min(found.opened[place], _window(found, place))
        lane = next((n for n, until in enumerate(free) if until <= begin), len(free))
        free[lane : lane + 1] = [float(ends[place])]
        lanes[place] = lane
    return lanes


def _window(found: Batches, place: int) -> float:
    at = found.window[place]
    return float(found.opened[place] if np.isnan(at) else at)


def _one_by_one(ax: Axes, found: Batches, lanes: Ints) -> None:
    place = lanes + 1.3
    low, high = ax.get_xlim()
    at_once = _at_once(ax, found)
    _arrivals(ax, found, 0.3, -0.6)
    for cause, chosen in _by_cause(found):
        bars.draw(
            ax, place[chosen], found.opened[chosen], found.flushed[chosen], BATCH_CAUSES[cause],
            f"batch:{cause}", height=0.62,
        )  # fmt: skip
        short = chosen & at_once
        _points(ax, found.flushed[short], place[short], cause, 8)
    has = ~np.isnan(found.window) & (np.array(found.causes) != "no_window")
    x, y = np.full(3 * int(has.sum()), np.nan), np.full(3 * int(has.sum()), np.nan)
    x[0::3], x[1::3], y[0::3], y[1::3] = (
        found.window[has],
        found.opened[has],
        place[has],
        place[has],
    )
    ax.plot(x, y, color=MUTED, linestyle=":", linewidth=1, zorder=1.5)
    ax.plot(
        found.window[has], place[has], linestyle="none", marker="|", markersize=16, color=INK,
        markeredgewidth=1.4, gid="windows", zorder=3,
    )  # fmt: skip
    beside = found.flushed + np.where(at_once, 0.014, 0.006) * (high - low)
    for number, text in enumerate(_labels(found)):
        canvas.note(
            ax, float(beside[number]), place[number], text, va="center",
            fontweight="bold", zorder=1.8, gid="records",
        )  # fmt: skip
    bottom = max(float(place.max()), 2.3) + 0.6
    ax.set_ylim(bottom, -0.7)
    ax.set_yticks(
        [0, (1.0 + bottom) / 2], ["messages\narrive", "batches:\nfirst record\nto hand-over"]
    )
    ax.tick_params(axis="y", length=0)


def _at_once(ax: Axes, found: Batches) -> Mask:
    """Which batches were gathered for too short a time to be seen as bars: they are marks."""
    low, high = ax.get_xlim()
    return found.flushed - found.opened < 0.003 * (high - low)


def _points(ax: Axes, x: Floats, y: Floats, cause: str, size: float) -> None:
    """The moments of hand-over."""
    look, many = BATCH_CAUSES[cause], len(x) > _MANY_POINTS
    ax.plot(
        x, y, linestyle="none", marker=look.marker, markersize=size - 2 * many,
        color=look.colour, markeredgecolor=INK, markeredgewidth=0 if many else 0.5,
        gid=f"flushed:{cause}", zorder=3,
    )  # fmt: skip


def _by_size(ax: Axes, found: Batches) -> None:
    """Many batches: each a line from its first record to its hand-over, as high as it is large."""
    by_bytes = "payload_size" in found.causes
    column = "size_bytes" if by_bytes else "records"
    height = found.table[column].to_numpy(dtype=float) / (2**20 if by_bytes else 1)
    top = found.limit / 2**20 if by_bytes else float(height.max())
    ax.set_ylabel("size of the batch (MB)" if by_bytes else "records in the batch", y=_BAND / 2)
    ax.callbacks.connect("ylim_changed", lambda ax: _end_below_the_band(ax, not by_bytes))
    ax.set_ylim(0, 1.12 * top / _BAND)
    step = (ax.get_xlim()[1] - ax.get_xlim()[0]) / bars.COLUMNS
    for cause, chosen in _by_cause(found):
        look = BATCH_CAUSES[cause]
        lines = bars.merged(height[chosen], found.opened[chosen], found.flushed[chosen], step)
        x, y = np.full(3 * len(lines[0]), np.nan), np.full(3 * len(lines[0]), np.nan)
        x[0::3], x[1::3], y[0::3], y[1::3] = lines[1], lines[2], lines[0], lines[0]
        ax.plot(x, y, color=look.colour, linewidth=1.6, alpha=0.7, gid=f"batch:{cause}")
        pixels = np.column_stack([np.floor(found.flushed[chosen] / step), height[chosen]])
        _, first = np.unique(pixels, axis=0, return_index=True)
        _points(ax, found.flushed[chosen][first], height[chosen][first], cause, 5)
    if by_bytes:
        ax.axhline(top, color=INK, linestyle="--", linewidth=1, gid="payload limit")
        ax.text(
            0.01, 1.03 * top, f"payload limit {words.size(found.limit)}", color=INK, fontsize="small",
            va="bottom", transform=ax.get_yaxis_transform(),
        )  # fmt: skip
    _arrivals(ax, found, _BAND + 0.04, 0.93 - _BAND, of_axes=True)
    beside = ax.transAxes
    ax.plot([0, 1], [_BAND + 0.04] * 2, color=MUTED, linewidth=0.6, transform=beside, zorder=1.5)
    ax.text(
        -0.012, _BAND + 0.09, "messages\narrive", transform=beside, ha="right", va="center",
        color=INK, fontsize="small",
    )  # fmt: skip


def _end_below_the_band(ax: Axes, whole: bool) -> None:
    """End the axis of sizes where the band of arrivals begins, which has another scale."""
    top = _BAND * ax.get_ylim()[1]
    ticks = np.asarray(MaxNLocator(5, integer=whole).tick_values(0, top))
    ax.spines["left"].set_bounds(0, top)
    ax.set_yticks(ticks[(ticks >= 0) & (ticks <= top)])


def _by_cause(found: Batches) -> list[tuple[str, Any]]:
    causes = np.array(found.causes)
    return [(cause, causes == cause) for cause in BATCH_CAUSES if cause in found.causes]


def _arrivals(
    ax: Axes, found: Batches, foot: float, height: float, *, of_axes: bool = False
) -> None:
    """A tick for each message; where there are hundreds, how many there are a second."""
    times, (low, high) = found.arrivals, ax.get_xlim()
    where = ax.get_xaxis_transform() if of_axes else ax.transData  # a strip stays where it is
    if len(times) <= _MOST_TICKS:
        x, y = np.full(3 * len(times), np.nan), np.full(3 * len(times), np.nan)
        x[0::3] = x[1::3] = times
        y[0::3], y[1::3] = foot, foot + height
        ax.plot(x, y, color=INK, linewidth=0.9, gid="arrivals", transform=where)
        return
    counts, edges = np.histogram(times, bins=_BINS, range=(low, high))
    tall = np.append(counts, counts[-1]) / counts.max() * height
    ax.fill_between(
        edges,
        foot,
        foot + tall,
        step="post",
        facecolor=MUTED,
        linewidth=0,
        gid="arrival rate",
        transform=where,
    )


def _busiest(ax: Axes, found: Batches) -> float:
    """The most messages a second in a bin of the picture."""
    low, high = ax.get_xlim()
    counts, _ = np.histogram(found.arrivals, bins=_BINS, range=(low, high))
    return float(counts.max() / ((high - low) / _BINS))


def _title(found: Batches) -> str:
    counts = [f"{chosen.sum():,} {_SAID[cause]}" for cause, chosen in _by_cause(found)]
    told = words.count(len(found.table), "batch", "batches")
    return f"{told} of {words.count(len(found.arrivals), 'message')}: {', '.join(counts)}"


def _entries(ax: Axes, found: Batches) -> list[Artist]:
    windows = [line for line in ax.lines if line.get_gid() == "windows"]
    marks = _at_once(ax, found) if windows else np.ones(len(found.table), dtype=bool)
    entries: list[Any] = [
        BATCH_CAUSES[cause].point() if marks[chosen].all() else BATCH_CAUSES[cause].patch()
        for cause, chosen in _by_cause(found)
    ]
    if windows and len(np.asarray(windows[0].get_xdata())):
        entries.append(_upright("its window begins", 12, 1.4))
    if len(found.arrivals) > _MOST_TICKS:
        text = f"messages arrive (up to {_busiest(ax, found):,.3g} a second)"
        entries.append(Patch(facecolor=MUTED, label=text))
    elif not windows:
        entries.append(_upright("a message arrives", 8, 0.9))
    return entries


def _upright(label: str, size: float, width: float) -> Line2D:
    return Line2D(
        [], [], linestyle="none", marker="|", markersize=size, color=INK, markeredgewidth=width,
        label=label,
    )  # fmt: skip
