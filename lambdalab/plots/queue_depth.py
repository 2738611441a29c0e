"""What lies in a queue over time: visible, in flight, delayed; and what left it as a dead letter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from lambdalab.errors import UnknownName
from lambdalab.plots import bars, canvas, words
from lambdalab.plots.canvas import Style
from lambdalab.plots.frames import Floats, Ints, end_of, ordinals, seconds
from lambdalab.plots.palette import DEAD_LETTER, DEPTHS, INK, KEPT, LOST, Look
from lambdalab.plots.waits import thinned

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_TITLE = "What lies in the queue"
_THINGS = {"asynchronous": "event", "sqs": "message", "stream": "record", "push": "event"}
_GONE = {"dead_lettered": DEAD_LETTER, "expired": LOST, "dropped": LOST}
_AGES = 300  # points at most on the line of ages
_ENDS = ("deleted", "filtered", "expired", "dropped", "dead_lettered")
# whole rows take three times as long to choose
_READ = ["at", "kind", "event_id", "action", "cause", "depth", *DEPTHS]


def queue_depth(
    trace: Trace, *, ax: Axes | None = None, queue: str | None = None, age: bool = True,
    **style: Unpack[Style],
) -> Axes:  # fmt: skip
    """Draw how many messages (Lambda's own queues: events) lie in a queue, stacked by where they are.

    Look at the blue part: messages that wait for somebody to receive them. If it grows, more comes
    than is received. Orange is in flight (received, not yet deleted), pale is delayed: not to be seen
    until a delay, a back-off or a retry's wait is over. A purple cross is a dead letter, a black one an
    event that was lost. The broken line, on the right axis, is the age of the oldest event: it climbs
    while nothing is dealt with, and tells of trouble before the depth does.

    Parameters
    ----------
    trace
        The trace to draw.
    ax
        The axes to draw on; by default those of a new figure.
    queue
        The queue's name; Lambda's own are called ``"<function> (events)"``. By default the queue in
        which most happened. Of a stream all records are there until they are too old, read or not;
        what a mapping has of them is the queue ``"<mapping> (records)"``.
    age
        Whether to draw the age of the oldest event, on an axis of its own at the right.
    style
        See :class:`~lambdalab.plots.canvas.Style`.

    Returns the axes, x in seconds since the lab's start.
    """
    table = trace.queue_events
    name = choose(table, queue)
    ax = canvas.axes(ax, "queue_depth", (9.0, 3.4), **style)
    if name is None:
        sentence = "No queue in this trace: nothing was sent to one, and no event was asynchronous."
        return canvas.nothing(ax, sentence, _TITLE, **style)
    rows = table.loc[(table["queue"] == name).to_numpy(), _READ]
    at = seconds(trace, rows["at"])
    end = max(end_of(trace), float(at[-1]))
    low = 0.0 if at[0] < 0.3 * end else float(at[0])
    canvas.time_axis(ax, low, canvas.beyond(low, end))
    deepest = int(rows["depth"].max())
    ax.set_ylim(0, 1.12 * max(deepest, 1))
    thing = _THINGS[str(rows["kind"].iloc[0])]
    stream = thing == "record" and not name.endswith(" (records)")  # not what a mapping has of one
    present = _areas(ax, rows, at, end, DEPTHS | ({"visible": KEPT} if stream else {}))
    gone = _dead_letters(ax, rows, at)
    ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.set_ylabel(f"{thing}s in the {'stream' if stream else 'queue'}")
    entries: list[Any] = [look.patch() for look in present] + [look.point() for look in gone]
    if age:
        entries.append(_oldest(ax, rows, at, end))
    left = f"{rows['depth'].iloc[-1]:,} at the end"
    told = f"{name}: at most {words.count(deepest, thing)} at once, {left}"
    letters = int((rows["action"] == "dead_lettered").sum())
    if letters:
        told += f", {words.count(letters, 'dead letter')}"
    canvas.headline(ax, told, entries, columns=5, **style)
    return ax


def choose(table: pd.DataFrame, queue: str | None) -> str | None:
    """The queue of this name, or the one in which most happened; None where there is none.

    Raises :class:`~lambdalab.errors.UnknownName` for another name.
    """
    names = [str(known) for known in table["queue"].unique()]
    if queue is not None and queue not in names:
        raise UnknownName("queue in this trace", queue, names)
    return queue or (str(table["queue"].value_counts().index[0]) if names else None)


def _areas(
    ax: Axes, rows: pd.DataFrame, at: Floats, end: float, looks: dict[str, Look]
) -> list[Look]:
    """Stacked steps; of a million rows, for each column of the picture the last and the deepest.

    Returns the looks of what is there for at least a pixel.
    """
    kept = _columns(at, rows["depth"].to_numpy(), (end - at[0]) / bars.COLUMNS or 1.0)
    x = np.append(at[kept], end)
    base = np.zeros(len(x))
    present = []
    for name, look in looks.items():
        count = rows[name].to_numpy()[kept].astype(float)
        if not count.any():
            continue
        top = base + np.append(count, count[-1])
        ax.fill_between(
            x, base, top, step="post", facecolor=look.colour, hatch=look.hatch or None, edgecolor=INK,
            linewidth=0.3 if len(x) < 500 else 0, gid=f"depth:{name}", label=look.label, zorder=2,
        )  # fmt: skip
        base = top
        if bars.wide(ax, np.zeros(1), np.array([(np.diff(x) * (count > 0)).sum()])):
            present.append(look)
    return present


def _columns(at: Floats, depth: Ints, width: float) -> Ints:
    """Rows to draw: the last of each moment; of each column the last and the deepest."""
    last = np.flatnonzero(np.append(at[1:] != at[:-1], True))
    if len(last) <= bars.COLUMNS:
        return last
    column = np.floor((at[last] - at[0]) / width).astype(np.int64)
    order = np.lexsort((depth[last], column))
    edge = np.append(column[order][1:] != column[order][:-1], True)
    closing = np.flatnonzero(np.append(column[1:] != column[:-1], True))
    return np.unique(np.concatenate([last[order[edge]], last[closing]]))


def _dead_letters(ax: Axes, rows: pd.DataFrame, at: Floats) -> list[Look]:
    """A cross where an event left for a dead-letter queue, or for nowhere; returns their looks."""
    depth = rows["depth"].to_numpy()
    there = (rows["cause"] == "deduplicated") | (rows["action"] == "dead_lettered")
    delivered = set(rows.loc[there.to_numpy(), "event_id"])  # it is somewhere: nothing is lost
    low, high = ax.get_xlim()
    looks = []
    for action, look in _GONE.items():
        chosen = np.flatnonzero((rows["action"] == action).to_numpy())
        if action != "dead_lettered" and len(chosen):
            gone = ~rows["event_id"].iloc[chosen].isin(delivered).to_numpy()
            chosen = chosen[gone]
        if not len(chosen):
            continue
        kept = chosen[thinned(at[chosen], (high - low) / 80)]
        ax.plot(
            at[kept], depth[kept], linestyle="none", marker=look.marker, markersize=8,
            color=look.colour, markeredgecolor=INK, markeredgewidth=0.5, gid=action, zorder=5,
            clip_on=False,
        )  # fmt: skip
        if look not in looks:
            looks.append(look)
    return looks


def _oldest(ax: Axes, rows: pd.DataFrame, at: Floats, end: float) -> Artist:
    """The age of the oldest event on an axis at the right; returns its entry."""
    thing = _THINGS[str(rows["kind"].iloc[0])]
    right = canvas.twin(ax)
    x, y = oldest(rows, at, end)
    if len(x) > 3 * _AGES:  # a line of saw teeth: of each column the highest
        column = np.floor(x[1::3] * _AGES / end).astype(np.int64)
        edge = np.flatnonzero(np.append(True, column[1:] != column[:-1]))
        x, y = x[1::3][edge], np.maximum.reduceat(y[1::3], edge)
    (line,) = right.plot(
        x, y, color=INK, linewidth=1.2, linestyle="-.", gid="oldest", zorder=4,
        label=f"age of the oldest {thing} (right)",
        path_effects=[withStroke(linewidth=3, foreground="white")],
    )  # fmt: skip
    highest = canvas.length(float(np.nanmax(y, initial=0.0)))
    factor, unit = canvas.time_unit(highest)
    right.set_ylim(0, 1.12 * highest)
    right.yaxis.set_major_locator(MultipleLocator(_step(highest / factor) * factor))
    right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / factor:.6g}"))
    right.set_ylabel(f"age of the oldest ({unit})")
    return line


def _step(highest: float) -> float:
    """A round distance between ticks, so that there are two to five of them."""
    power = 10.0 ** np.floor(np.log10(highest))
    return float(next(power * m for m in (0.2, 0.5, 1, 2, 5) if highest / (power * m) <= 5.5))


def oldest(rows: pd.DataFrame, at: Floats, end: float) -> tuple[Floats, Floats]:
    """The age of the oldest event over time, as a broken line with NaN where the queue is empty."""
    events = ordinals(rows["event_id"])
    own = (rows["kind"] == "asynchronous").to_numpy()
    letters = (rows["action"] == "dead_lettered").to_numpy()
    over = rows["action"].isin(_ENDS).to_numpy() & ~(own & letters)
    came = np.flatnonzero((rows["action"] == "sent").to_numpy())[::-1]
    count = int(events.max()) + 1
    sent, gone = np.full(count, np.nan), np.full(count, np.nan)
    sent[events[came]] = at[came]
    gone[events[over]] = at[over]
    known = np.flatnonzero(~np.isnan(sent))
    known = known[np.argsort(sent[known], kind="stable")]
    begins, ends = sent[known], np.where(np.isnan(gone[known]), end, gone[known])
    # an event is the oldest from when all that came before it have gone (or from when it came)
    before = np.concatenate([[-np.inf], np.maximum.accumulate(ends)[:-1]])
    first = np.maximum(begins, before)
    leads = ends > first
    x, y = np.full(3 * int(leads.sum()), np.nan), np.full(3 * int(leads.sum()), np.nan)
    x[0::3], x[1::3] = first[leads], ends[leads]
    y[0::3], y[1::3] = (first - begins)[leads], (ends - begins)[leads]
    return x, y
