"""Does the work last longer than its messages are invisible? A queue's batches, one below the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lambdalab.errors import UnknownName
from lambdalab.plots import bars, canvas, words
from lambdalab.plots.canvas import Style
from lambdalab.plots.frames import Floats, Ints, Mask, end_of, ordinals, seconds
from lambdalab.plots.palette import DEAD_LETTER, INK, MUTED, ORANGE, SKY, Look
from lambdalab.plots.palette import OUTCOMES as RUNS

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_TITLE = "Does the work last longer than its messages are invisible?"
MOST_NAMED = 24
"""Up to so many batches have their names beside them, and are tied to what came of them."""
MOST_ROWS = 120
"""Up to so many batches have a row each; of more each is a point, as high as it took long."""
_TALL, _THIN = 0.86, 0.4  # of the time in which messages are invisible; of the bar within it
_MANY_POINTS = 1_000  # above so many, points have no rim
_TAIL = 0.14  # room for the names, as a share of the axis

HIDDEN = Look("its messages are invisible", "#DCE9F2", "")
GATHERED = Look("gathered", SKY, "..")
LATE = Look("runs on while others can receive them", ORANGE, "////", "^")
_FAILED = ("failure", "partial")
_BY_OUTCOME: dict[str, Look] = {
    "success": Look("run: success", RUNS["success"].colour, "", "o"),
    "partial": Look("run: some records failed", "#CC79A7", "\\\\", "P"),
    "failure": Look("run: failure", RUNS["error"].colour, "xx", "X"),
    "throttled": Look("throttled: never run", "#FFFFFF", "....", "v"),
    "in_flight": Look("run: not over yet", RUNS["running"].colour, RUNS["running"].hatch, ">"),
}


@dataclass(frozen=True, slots=True)
class Visits:
    """A queue's batches in the order of their first receive: times in seconds, a place in all arrays each.

    ``until`` is when the messages of a batch could be received again; ``again`` the pairs (a batch, the
    next one that had a message of it); ``died`` when messages of a batch became dead letters, ``dead``
    in which batch they had been last.
    """

    table: pd.DataFrame
    opened: Floats
    flushed: Floats
    over: Floats
    until: Floats
    outcomes: list[str]
    again: Ints
    died: Floats
    dead: Ints
    messages: int
    repeated: int
    letters: int

    @property
    def late(self) -> Mask:
        """Which ran on when their messages could be received again."""
        ran = np.isin(self.outcomes, ("success", "partial", "failure", "in_flight"))
        return ran & (self.over > self.until)


def visibility(
    trace: Trace, *, ax: Axes | None = None, queue: str | None = None, **style: Unpack[Style]
) -> Axes:
    """Draw the batches of a queue, each within the time for which its messages were invisible.

    A row is a batch. The pale bar begins when its first message was received, and ends when that can be
    received again. Look for bars that stick out of theirs: the function is still at work, and somebody
    else already gets the same messages. A line leads from there to the batch in which they went to the
    function once more. A failed run leaves its messages invisible until the pale bar ends; a cross is
    where messages became dead letters, though a run of them may still be on its way.

    Of more than 120 batches each is a point, as high as it took long from its first receive to its end:
    look for points above the broken line, which is for how long the messages were invisible.

    Parameters
    ----------
    trace
        The trace to draw.
    ax
        The axes to draw on; by default those of a new figure.
    queue
        The queue's name; by default the one of which most batches were made.
    style
        See :class:`~lambdalab.plots.canvas.Style`.

    Returns the axes, x in seconds since the lab's start.

    Raises :class:`~lambdalab.errors.UnknownName` for a queue of which no batch was made.
    """
    name = _busiest(trace, queue)
    ax = canvas.axes(ax, "visibility", (9.0, 4.4), **style)
    if name is None:
        sentence = "No batch in this trace: no mapping has taken messages from a queue."
        return canvas.nothing(ax, sentence, _TITLE, **style)
    found = visits(trace, name)
    if len(found.table) <= MOST_ROWS:
        _axes(ax, found)
        entries: list[Any] = [look.patch() for look in _bars(ax, found)] + _marks(ax, found)
    else:
        entries = _lengths(ax, found)
    canvas.headline(ax, _told(name, found), entries, columns=4, **style)
    return ax


def _busiest(trace: Trace, queue: str | None) -> str | None:
    """The queue of this name, or the one of which most batches were made; None where there is none."""
    table = trace.batches
    table = table[(table["shard"] == "").to_numpy()]
    names = [str(name) for name in table["source"].value_counts().index]
    if queue is not None and queue not in names:
        raise UnknownName("queue of which batches were made", queue, names)
    return queue or next(iter(names), None)


def visits(trace: Trace, queue: str) -> Visits:
    """The batches of a queue's messages."""
    return trace.kept(f"visits of {queue}", lambda: _visits(trace, queue))


def _visits(trace: Trace, queue: str) -> Visits:
    table = trace.batches[trace.batches["source"] == queue]
    table = table.iloc[np.argsort(seconds(trace, table["opened_at"]), kind="stable")]
    opened, flushed, over = (
        seconds(trace, table[f"{what}_at"]) for what in ("opened", "flushed", "completed")
    )
    end = end_of(trace)
    flushed = np.where(np.isnan(flushed), end, flushed)
    events = trace.queue_events
    events = events[events["queue"] == queue]
    again, messages, last, repeated = _again(table, trace.batch_records)
    letters = events[events["action"] == "dead_lettered"]
    gone = ordinals(letters["event_id"])
    place = np.minimum(np.searchsorted(messages, gone), max(len(messages) - 1, 0))
    known = messages[place] == gone if len(messages) else np.zeros(len(gone), dtype=bool)
    return Visits(
        table, opened, flushed, np.where(np.isnan(over), np.maximum(flushed, end), over),
        opened + _hidden(trace, events, opened), table["outcome"].astype(str).tolist(), again,
        seconds(trace, letters["at"])[known], last[place[known]], len(messages), repeated,
        len(letters),
    )  # fmt: skip


def _hidden(trace: Trace, events: pd.DataFrame, opened: Floats) -> Floats:
    """For how long messages that were received at these moments are invisible."""
    rows = events[events["action"] == "received"]
    at = seconds(trace, rows["at"])
    row = np.clip(np.searchsorted(at, opened, side="right") - 1, 0, len(at) - 1)
    lasts = rows["delay_ms"].to_numpy(dtype=float) / 1000
    return lasts[row] if len(lasts) else np.zeros(len(opened))


def _again(table: pd.DataFrame, held: pd.DataFrame) -> tuple[Ints, Ints, Ints, int]:
    """Of the messages of these batches: pairs of batches that had the same one, one after the other; the
    numbers of all messages, and the last batch of each; how many were in more than one."""
    numbers = (
        table.index.to_numpy() + 1
    )  # batches are numbered in the order of the table they are from
    sort = np.argsort(numbers)
    events, batches = ordinals(held["event_id"]), ordinals(held["batch_id"])
    found = np.minimum(np.searchsorted(numbers[sort], batches), max(len(sort) - 1, 0))
    mine = numbers[sort][found] == batches if len(sort) else np.zeros(0, dtype=bool)
    events, places = events[mine], sort[found[mine]]
    order = np.lexsort((places, events))
    events, places = events[order], places[order]
    same = np.flatnonzero(events[1:] == events[:-1])
    pairs = np.unique(places[same] * (len(numbers) + 1) + places[same + 1])
    pairs = np.column_stack(np.divmod(pairs, len(numbers) + 1)).astype(np.int64)
    ends = np.flatnonzero(np.append(events[1:] != events[:-1], True)) if len(events) else events
    return pairs, events[ends], places[ends], len(np.unique(events[same]))


def _axes(ax: Axes, found: Visits) -> None:
    named = len(found.table) <= MOST_NAMED
    low = min(float(found.opened.min()), 0.0)
    ends = [found.over.max(), found.until.max() if named else found.over.max()]
    high = max(*ends, found.died.max(initial=0.0), low + 1e-3)
    canvas.time_axis(ax, low, high + (_TAIL if named else 0.02) * (high - low))
    ax.set_ylim(max(len(found.table), 2) - 0.4, -0.6)
    ax.set_ylabel("batches, as they were received")
    if named:
        ax.set_yticks([])
        return
    ax.yaxis.set_major_locator(MaxNLocator(8, integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value + 1:,.0f}"))


def _bars(ax: Axes, found: Visits) -> list[Look]:
    """The bars; returns the looks of those that are there."""
    y = np.arange(len(found.table), dtype=np.float64)
    many = len(y) > bars.MANY
    outcomes = np.array(found.outcomes)
    split = np.minimum(found.over, np.maximum(found.until, found.flushed))
    drawn: list[tuple[Look, str, Mask, Floats, Floats, float]] = [
        (HIDDEN, "hidden", found.until > found.opened, found.opened, found.until, _TALL),
        (GATHERED, "gathered", found.flushed > found.opened, found.opened, found.flushed, _THIN),
    ]
    for name, look in _BY_OUTCOME.items():
        drawn.append((look, f"run:{name}", outcomes == name, found.flushed, split, _THIN))
    drawn.append((LATE, "late", found.late, split, found.over, _THIN))
    for depth, (look, gid, chosen, starts, ends, height) in enumerate(drawn):
        bars.draw(
            ax, y[chosen], starts[chosen], ends[chosen], look, gid, many=many, height=height,
            zorder=1 + depth / 10,
        )  # fmt: skip
    return [look for look, _, chosen, *_ in drawn if chosen.any()]


def _marks(ax: Axes, found: Visits) -> list[Line2D]:
    """Names, ties and crosses; returns their entries of the legend."""
    entries = []
    if len(found.table) <= MOST_NAMED:
        _names(ax, found)
        if len(found.again):
            first, then = found.again[:, 0], found.again[:, 1]
            x, y = np.full(4 * len(first), np.nan), np.full(4 * len(first), np.nan)
            x[0::4] = x[1::4] = found.until[first]
            x[2::4] = np.maximum(found.opened[then], found.until[first])
            y[0::4], y[1::4], y[2::4] = first, then, then
            ax.plot(x, y, color=MUTED, linewidth=1, gid="again", zorder=0.9)
            label = "to the function once more"
            entries.append(Line2D([], [], color=MUTED, linewidth=1, label=label))
    if len(found.died):
        marks = np.unique(np.column_stack([found.died, found.dead]), axis=0)
        ax.plot(
            marks[:, 0], marks[:, 1], linestyle="none", marker=DEAD_LETTER.marker, markersize=8,
            markerfacecolor=DEAD_LETTER.colour, markeredgecolor=INK, markeredgewidth=0.5,
            gid="dead letters", zorder=3,
        )  # fmt: skip
        entries.append(DEAD_LETTER.point())
    return entries


def _lengths(ax: Axes, found: Visits) -> list[Any]:
    """Each batch a point: when it began, and how long it took; returns the entries of the legend."""
    low, high = float(found.opened.min()), float(found.over.max())
    canvas.time_axis(ax, min(low, 0.0), high + 0.02 * max(high - low, 1e-3))
    took, hidden = found.over - found.opened, np.round(found.until - found.opened, 6)
    top = 1.08 * max(float(took.max()), float(hidden.max()), 1e-3)
    ax.set_ylim(0, top)
    ax.set_ylabel("from the first receive to the end (s)")
    outcomes, step = np.array(found.outcomes), (high - low) / bars.COLUMNS or 1.0
    groups = [(f"took:{n}", look, (outcomes == n) & ~found.late) for n, look in _BY_OUTCOME.items()]
    entries: list[Any] = []
    for gid, look, chosen in [*groups, ("took:late", LATE, found.late)]:
        if not chosen.any():
            continue
        pixel = np.floor(found.opened[chosen] / step) * 1_000 + np.floor(took[chosen] / top * 500)
        _, first = np.unique(pixel, return_index=True)
        ax.plot(
            found.opened[chosen][first], took[chosen][first], linestyle="none", marker=look.marker,
            markersize=6.5 if look.marker == "X" else 4.5, color=look.colour, markeredgecolor=INK, gid=gid,
            markeredgewidth=0.3 if len(first) < _MANY_POINTS else 0, zorder=2.5,
        )  # fmt: skip
        entries.append(look.point())
    change = np.flatnonzero(np.append(True, np.diff(hidden) != 0))
    ax.plot(
        np.append(found.opened[change], high), np.append(hidden[change], hidden[-1]), color=INK,
        linestyle="--", linewidth=1.2, drawstyle="steps-post", gid="invisible", zorder=3,
    )  # fmt: skip
    label = f"messages are invisible ({words.duration(float(hidden.max()))})"
    return [*entries, Line2D([], [], color=INK, linestyle="--", linewidth=1.2, label=label)]


def _names(ax: Axes, found: Visits) -> None:
    low, high = ax.get_xlim()
    dead = np.bincount(found.dead, minlength=len(found.table))
    last = np.maximum(found.over, found.until)
    np.maximum.at(last, found.dead, found.died)
    numbers, records = ordinals(found.table["batch_id"]), found.table["records"].tolist()
    for row, (number, count) in enumerate(zip(numbers.tolist(), records, strict=True)):
        text = f"b{number} · {count:,}" + (f", {dead[row]:,} died" if dead[row] else "")
        canvas.note(
            ax, float(last[row]) + 0.012 * (high - low), row, text, va="center", gid="records",
            fontweight="bold", zorder=2,
        )  # fmt: skip


def _told(name: str, found: Visits) -> str:
    ran = len(found.table) - found.outcomes.count("throttled")
    late, failed = int(found.late.sum()), sum(one in _FAILED for one in found.outcomes)
    text = f"{name}: no run outlasted the visibility timeout"
    if late:
        text = f"{name}: {late:,} of {words.count(ran, 'run')} outlasted the visibility timeout"
    elif failed:
        text = f"{name}: {failed:,} of {words.count(ran, 'run')} failed"
    if found.repeated:
        text += f"; {words.count(found.repeated, 'message')} came again"
    if found.letters:
        text += f"; {found.letters:,} died"
    return text
