"""How far a function lags behind what comes in order, and what held a shard or a message group up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lambdalab.plots import bars, canvas, strips, words
from lambdalab.plots.blocked import Ordered, ordered
from lambdalab.plots.blocked_strip import draw_blocks
from lambdalab.plots.canvas import Style
from lambdalab.plots.frames import Floats
from lambdalab.plots.palette import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, SKY, VERMILLION

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_TITLE = "How old are records when the function gets them, and what held them up?"
_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION)
_MARKERS = ("o", "s", "^", "D", "v", "P")
_MOST_LINES = 6  # lanes with a line of their own
_STRIP = 0.76  # share of the height below the strip of blocks
_STEPS = (1, 2, 3, 5, 6, 10)
_NEAR = 3  # a limit so many times the highest age is drawn


def shards(
    trace: Trace, *, ax: Axes | None = None, mapping: str | None = None, **style: Unpack[Style]
) -> Axes:
    """Draw how old records are when a function gets them, and what holds its shards up.

    Of a stream each point is a batch that is handed over, as high as its last record is old then:
    CloudWatch's ``IteratorAge``. A line that climbs one second a second is a shard that stands still.
    Look in the strip above for the bar over the climb: there a failed batch is tried again, whole or in
    parts, and nothing behind it comes to the function. Its colour tells what set the shard free: a try
    that succeeded, records given up, halves that left only the bad one, records too old for their stream.
    The words below the bar name the record that did it. White triangles are batches cut in two; the
    broken line is ``maximum_record_age``, where it is near.

    Of a FIFO queue the same is drawn for its message groups: each point is a message that is received,
    each bar a group that waits for a message which failed, until that one succeeds or becomes a dead
    letter. Other groups go on meanwhile.

    Parameters
    ----------
    trace
        The trace to draw.
    ax
        The axes to draw on; by default those of a new figure.
    mapping
        The name of the mapping (``"clicks->count"``); by default the stream's mapping with most batches,
        else that of a FIFO queue.
    style
        See :class:`~lambdalab.plots.canvas.Style`.

    Returns the axes, x in seconds since the lab's start, y in seconds.

    Raises :class:`~lambdalab.errors.UnknownName` for a mapping that has handed over no batch.
    """
    found = ordered(trace, mapping)
    ax = canvas.axes(ax, "shards", (9.0, 4.2), **style)
    if found is None or not len(found.at):
        sentence = (
            "Nothing that keeps an order: no batch of a stream or of a FIFO queue in this trace."
        )
        return canvas.nothing(ax, sentence, _TITLE, **style)
    low = float(found.at.min())
    born = float(np.nanmin(found.at - found.age, initial=low))
    low = min(low, born)
    high = max(float(found.at.max()), float(found.blocks.end.max(initial=-np.inf)))
    if high == low:  # one moment: a second around it
        low, high = low - 0.1, high + 0.9
    span = high - low
    canvas.time_axis(ax, 0.0 if 0 <= low < 0.3 * high else low, high + 0.02 * span)
    highest = _scale(ax, found)
    entries = [*_lines(ax, found), *_limit(ax, found, highest)]
    entries += draw_blocks(ax, found, _STRIP)
    canvas.headline(ax, _told(found), entries, columns=4, **style)
    return ax


def _scale(ax: Axes, found: Ordered) -> float:
    """The axis of ages below the strip, in the unit that suits them; returns the highest."""
    highest = float(np.nanmax(found.age, initial=0.0)) or 1.0
    factor, unit = canvas.time_unit(highest)
    what = "iterator age" if found.kind == "stream" else "age when received"
    ax.set_ylabel(f"{what} ({unit})", y=_STRIP / 2)

    def locate(low: float, high: float) -> Floats:
        ticks = MaxNLocator(5, steps=_STEPS).tick_values(low / factor, high / factor)
        return np.asarray(ticks, dtype=float) * factor

    strips.below(ax, 0, 1.08 * highest, _STRIP, locate)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / factor:.6g}"))
    return highest


def _lines(ax: Axes, found: Ordered) -> list[Any]:
    """A line through what each lane handed over; where there are many lanes, one of the oldest of all."""
    names = found.lane_names
    if len(names) > _MOST_LINES:
        x, y = _highest(ax, found.at, found.age)
        thing = "shards" if found.kind == "stream" else "message groups"
        label = f"the oldest of {words.count(len(names), 'lane')} of {thing}"
        line = ax.plot(x, y, color=BLUE, linewidth=1.1, gid="age:all", label=label, zorder=3)[0]
        return [line]
    entries: list[Any] = []
    for lane, name in enumerate(names):
        mine = found.lane == lane
        x, y = found.at[mine], found.age[mine]
        if len(x) > bars.COLUMNS:
            x, y = _highest(ax, x, y)
        line = ax.plot(
            x, y, color=_COLOURS[lane], linewidth=1.1, marker=_MARKERS[lane],
            markersize=5 if len(found.at) < 200 else 2.5, markeredgecolor=INK, markeredgewidth=0.4,
            gid=f"age:{name}", label=words.shortened(name, 24), zorder=3,
        )[0]  # fmt: skip
        if len(names) > 1:
            entries.append(line)
    return entries


def _highest(ax: Axes, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Of each column of the picture the highest point."""
    low, high = ax.get_xlim()
    column = np.floor((x - low) * bars.COLUMNS / (high - low)).astype(np.int64)
    edge = np.flatnonzero(np.append(True, column[1:] != column[:-1]))
    return x[edge], np.fmax.reduceat(y, edge)


def _limit(ax: Axes, found: Ordered, highest: float) -> list[Any]:
    """The age at which records are given up, where the ages come near it."""
    limit = found.limit
    if limit is None or limit > _NEAR * highest:
        return []
    name = "maximum_record_age" if found.kind == "stream" else "retention"
    ax.axhline(limit, color=MUTED, linestyle="--", linewidth=1.2, gid=name, zorder=2)
    ax.set_ylim(0, max(ax.get_ylim()[1], 1.15 * limit / _STRIP))
    label = f"{name} {words.duration(limit)}"
    return [Line2D([], [], color=MUTED, linestyle="--", linewidth=1.2, label=label)]


def _told(found: Ordered) -> str:
    oldest = words.duration(float(np.nanmax(found.age, initial=0.0)))
    told = (
        f"iterator age up to {oldest}" if found.kind == "stream" else f"messages up to {oldest} old"
    )
    text = f"{found.name}: {told}"
    blocks = found.blocks
    if not len(blocks):
        return text
    blocked = words.duration(float((blocks.end - blocks.begin).sum()))
    lanes = len(np.unique(blocks.lane))
    where = ""
    if len(found.lane_names) > 1:
        laned = any(" · lane " in name for name in found.lane_names)
        thing = "group" if found.kind == "fifo" else "lane" if laned else "shard"
        where = f"{lanes:,} of {words.count(len(found.lane_names), thing)} "
    return f"{text}; {where}blocked {words.times(len(blocks))}, {blocked} in all"
