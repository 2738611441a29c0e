"""How far a function lags behind its stream, and which batches held a shard up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lambdalab.plots import bars, canvas, words
from lambdalab.plots.batches import Batches, find, queue_of
from lambdalab.plots.canvas import Style
from lambdalab.plots.frames import Floats, ordinal
from lambdalab.plots.palette import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PALE,
    PURPLE,
    SKY,
    VERMILLION,
    Look,
)
from lambdalab.trace.chains import roots

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_TITLE = "How old are records when the function gets them?"
_BLOCKED = Look("the shard is blocked: failed records are tried again", VERMILLION, "////")
_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION)
_MARKERS = ("o", "s", "^", "D", "v", "P")
_MOST_LINES = 6  # lanes with a colour of their own
_MOST_ROWS = 8  # lanes with a row of their own in the strip
_MOST_NAMED = 12  # blocks that are named in words, as far as there is room
_LETTER = 0.0085  # width of a letter of such a name, as a share of the axis
_MOST_TEXTS = 3  # rows of the strip between which there is room for words
_STRIP = 0.78  # share of the height below the strip of blocks
_FOOT, _TALL = _STRIP + 0.05, 0.95 - _STRIP  # where it begins, and how tall it is


def iterator_age(
    trace: Trace, *, ax: Axes | None = None, mapping: str | None = None, **style: Unpack[Style]
) -> Axes:
    """Draw the iterator age of a stream's mapping over time, and what blocked its shards.

    Each point is a batch that is handed over, as high as its last record is old then: CloudWatch's
    ``IteratorAge``. A line that climbs one second a second is a shard that stands still. Look in the
    strip above for the hatched bar: there a failed batch is tried again, whole or in parts, and
    nothing behind it comes to the function. The broken line is ``maximum_record_age``, where it is near.

    Parameters
    ----------
    trace
        The trace to draw.
    ax
        The axes to draw on; by default those of a new figure.
    mapping
        The name of the mapping (``"clicks->count"``); by default the stream's mapping with most batches.
    style
        See :class:`~lambdalab.plots.canvas.Style`.

    Returns the axes, x in seconds since the lab's start.
    """
    found = find(trace, mapping or _busiest(trace))
    ax = canvas.axes(ax, "iterator_age", (9.0, 4.0), **style)
    if found is None or found.kind != "stream":
        sentence = "No batch of a stream in this trace: iterator age is told of streams alone."
        return canvas.nothing(ax, sentence, _TITLE, **style)
    age = _ages(trace, found)
    low = min(float(found.arrivals.min(initial=np.inf)), float(found.flushed.min()))
    high = float(found.over.max())
    span = max(high - low, 1e-3)
    canvas.time_axis(ax, 0.0 if 0 <= low < 0.3 * high else low, high + 0.02 * span)
    highest = _scale(ax, float(np.nanmax(age, initial=0.0)))
    entries = _lines(ax, found, age)
    entries += _limit(ax, found, highest)
    blocks = _blocks(found)
    entries += _Strip(ax, found, blocks).draw()
    canvas.headline(ax, _told(found, age, blocks), entries, columns=3, **style)
    return ax


def _busiest(trace: Trace) -> str | None:
    """The mapping of a stream with most batches."""
    events = trace.queue_events
    streams = set(events.loc[events["kind"] == "stream", "queue"].unique())
    names = trace.batches["mapping"].value_counts().index
    return next((name for name in names if queue_of(trace, name) in streams), None)


def _ages(trace: Trace, found: Batches) -> Floats:
    """How old the last record of each batch was at its hand-over, in seconds."""
    events = trace.queue_events
    taken = events[events["queue"] == queue_of(trace, found.name)]
    taken = taken[taken["action"] == "received"]
    last = taken.groupby("batch_id", sort=False)["age_ms"].last()
    ages: Floats = found.table["batch_id"].map(last).to_numpy(dtype=float) / 1000
    return ages


def _scale(ax: Axes, highest: float) -> float:
    """The axis of ages, in the unit that suits them; returns the highest."""
    highest = max(highest, 1e-3)
    factor, unit = canvas.time_unit(highest)
    ax.set_ylim(0, 1.08 * highest / _STRIP)
    ax.set_ylabel(f"iterator age ({unit})", y=_STRIP / 2)

    def below(ax: Axes) -> None:
        top = _STRIP * ax.get_ylim()[1]
        ticks = np.asarray(MaxNLocator(5, steps=[1, 2, 3, 5, 6, 10]).tick_values(0, top / factor))
        ticks = ticks * factor
        ax.spines["left"].set_bounds(0, top)
        ax.set_yticks(ticks[(ticks >= 0) & (ticks <= top)])

    ax.callbacks.connect("ylim_changed", below)
    below(ax)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / factor:.6g}"))
    return highest


def _lines(ax: Axes, found: Batches, age: Floats) -> list[Any]:
    """A line through the batches of each lane; where there are many lanes, all alike."""
    entries: list[Any] = []
    step = (ax.get_xlim()[1] - ax.get_xlim()[0]) / bars.COLUMNS
    for lane, name in enumerate(found.lane_names):
        places = np.flatnonzero(found.lanes == lane)
        places = places[np.argsort(found.flushed[places], kind="stable")]
        x, y = found.flushed[places], age[places]
        if len(x) > bars.COLUMNS:  # of each column of the picture the highest
            column = np.floor(x / step).astype(np.int64)
            edge = np.flatnonzero(np.append(True, column[1:] != column[:-1]))
            x, y = x[edge], np.fmax.reduceat(y, edge)
        few = len(found.lane_names) <= _MOST_LINES
        colour = _COLOURS[lane] if few else BLUE
        line = ax.plot(
            x, y, color=colour, linewidth=1.1, marker=_MARKERS[lane] if few else "",
            markersize=5 if len(x) < 200 else 2.5, markeredgecolor=INK, markeredgewidth=0.4,
            alpha=1.0 if few else 0.4, gid=f"age:{name}", label=name, zorder=3,
        )[0]  # fmt: skip
        if few and len(found.lane_names) > 1:
            entries.append(line)
    return entries


def _limit(ax: Axes, found: Batches, highest: float) -> list[Any]:
    """The age at which records are given up, where the ages come near it."""
    limit = float(found.settings.get("maximum_record_age") or -1)
    if limit <= 0 or limit > 3 * highest:
        return []
    ax.axhline(
        limit, color=MUTED, linestyle="--", linewidth=1.2, gid="maximum_record_age", zorder=2
    )
    top = max(ax.get_ylim()[1], 1.15 * limit / _STRIP)
    ax.set_ylim(0, top)
    label = f"maximum_record_age {words.duration(limit)}"
    return [Line2D([], [], color=MUTED, linestyle="--", linewidth=1.2, label=label)]


# ---- what blocks a shard ---------------------------------------------------------------------------


class Block(NamedTuple):
    """A chain of batches that held its lane up: its first one's place, from when to when, how many."""

    place: int
    begin: float
    end: float
    tries: int


def _blocks(found: Batches) -> list[Block]:
    """What held a lane up: from the end of the batch that failed to the end of the last one of it."""
    chain = roots(found.parents + 1)
    tries = np.bincount(chain, minlength=len(chain))
    ends = np.full(len(chain), -np.inf)
    np.maximum.at(ends, chain, found.over)
    return [
        Block(place, float(found.over[place]), float(ends[place]), int(tries[place]))
        for place in np.flatnonzero(tries > 1).tolist()
    ]


class _Strip:
    """The strip above: a row for each lane that was blocked, as far as there is room for them."""

    def __init__(self, ax: Axes, found: Batches, blocks: list[Block]) -> None:
        self.ax, self.found, self.blocks = ax, found, blocks
        lanes = sorted({int(found.lanes[block.place]) for block in blocks})
        self.count = min(len(lanes), _MOST_ROWS)
        self._row = {lane: n * self.count // len(lanes) for n, lane in enumerate(lanes)}
        self.lanes = lanes
        self.half = min(0.35 * _TALL / max(self.count, 1), 0.03)

    def middle(self, row: int) -> float:
        """Where a row is, as a share of the height."""
        return _FOOT + _TALL * (1 - (row + 0.5) / self.count)

    def draw(self) -> list[Any]:
        """Draw it; returns the entries of the legend."""
        if not self.blocks:
            return []
        ax, (low, high) = self.ax, self.ax.get_xlim()
        for row in range(self.count):
            ax.plot(
                [0, 1], [self.middle(row)] * 2, color=PALE, linewidth=0.8, transform=ax.transAxes
            )
        for row in range(self.count):
            mine = [b for b in self.blocks if self._row[int(self.found.lanes[b.place])] == row]
            starts = np.array([block.begin for block in mine])
            ends = np.array([max(b.end, b.begin + 0.002 * (high - low)) for b in mine])
            _, starts, ends = bars.merged(
                np.zeros(len(mine)), starts, ends, (high - low) / bars.COLUMNS
            )
            x = np.repeat(np.nan, 3 * len(starts))
            x[0::3], x[1::3] = starts, ends
            ax.fill_between(
                x, self.middle(row) - self.half, self.middle(row) + self.half,
                facecolor=_BLOCKED.colour, hatch=_BLOCKED.hatch, edgecolor=INK, linewidth=0.4,
                transform=ax.get_xaxis_transform(), gid="blocked", zorder=3,
            )  # fmt: skip
        self._names()
        if self.count <= _MOST_TEXTS:
            taken: list[list[tuple[float, float]]] = [[] for _ in range(self.count)]
            for block in sorted(self.blocks, key=lambda block: block.begin - block.end)[
                :_MOST_NAMED
            ]:
                self._tell(block, taken)
        return [_BLOCKED.patch()]

    def _names(self) -> None:
        names = [self.found.lane_names[lane] for lane in self.lanes]
        if len(names) > _MOST_ROWS:
            names = [f"{len(names)} lanes\nof shards"]
        for number, name in enumerate(names):
            self.ax.text(
                -0.012, _FOOT + _TALL * (1 - (number + 0.5) / len(names)), name, ha="right",
                va="center", color=INK, fontsize="small" if len(names) < 5 else "x-small",
                transform=self.ax.transAxes,
            )  # fmt: skip

    def _tell(self, block: Block, taken: list[list[tuple[float, float]]]) -> None:
        """What blocked a lane, in words below its bar; of those that have no room the longest."""
        low, high = self.ax.get_xlim()
        row = self._row[int(self.found.lanes[block.place])]
        number = ordinal(self.found.table["batch_id"].iloc[block.place])
        records = int(self.found.table["records"].iloc[block.place])
        text = f"b{number}: {words.count(records, 'record')}, {block.tries:,} batches"
        right = (block.begin + block.end) / 2 > (low + high) / 2
        wide = _LETTER * len(text) * (high - low)
        at = block.end if right else block.begin
        span = (at - wide, at) if right else (at, at + wide)
        if any(begin < span[1] and span[0] < end for begin, end in taken[row]):
            return
        taken[row].append(span)
        self.ax.text(
            at, self.middle(row) - self.half - 0.01, text, ha="right" if right else "left", va="top",
            fontsize="x-small", color=INK, zorder=5, gid="blocks",
            transform=self.ax.get_xaxis_transform(),
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.85},
        )  # fmt: skip


def _told(found: Batches, age: Floats, blocks: list[Block]) -> str:
    oldest = float(np.nanmax(age, initial=0.0))
    text = f"{found.name}: iterator age up to {words.duration(oldest)}"
    if blocks:
        blocked = sum(block.end - block.begin for block in blocks)
        text += f"; blocked {_times(len(blocks))}, {words.duration(blocked)} in all"
    return text


def _times(count: int) -> str:
    return "once" if count == 1 else "twice" if count == 2 else f"{count:,} times"
