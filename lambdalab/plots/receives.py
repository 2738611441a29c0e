"""What becomes of a queue's messages: how often each was received, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lambdalab.plots import bars, canvas, strips, words
from lambdalab.plots.batches import queue_of
from lambdalab.plots.canvas import Style
from lambdalab.plots.frames import Floats, Ints, Mask, end_of, ordinals, seconds
from lambdalab.plots.limits import limits
from lambdalab.plots.palette import FATES, INK, MUTED, RECEIVED, Look
from lambdalab.plots.queue_depth import choose

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_TAIL = 0.05
"""How much longer than the run the picture is: how things stood at its end must be seen."""
_TITLE = "How often was each message received, and how did it end?"
_STRIP = 0.8  # share of the height below the strip of batches and runs
_MOST_TOLD = 3  # receives that have a look of their own; more share the last one
_FAILED = ("batch_failed", "partial_batch_failure")
# whole rows take three times as long to choose
_COLUMNS = ["at", "kind", "event_id", "action", "cause", "receive_count"]


@dataclass(frozen=True, slots=True)
class Messages:
    """What happened to a queue's messages: rows of its events, and the state each one leads to.

    States: 0 not sent yet, then one for each number of receives so far up to ``receives``, then one for
    each fate. ``before`` is the state that a row ends, ``highest`` the most receives of a message.
    """

    at: Floats
    before: Ints
    after: Ints
    receives: int
    highest: int
    counts: dict[str, int]


def receives(
    trace: Trace, *, ax: Axes | None = None, queue: str | None = None, **style: Unpack[Style]
) -> Axes:
    """Draw all messages of a queue by what has become of them so far, over time.

    From the bottom: dealt with; dead letters of which a run failed; dead letters of which *none* did,
    which is the throttle trap; lost; and above what is still in the queue, by how often it has
    been received. Look whether the colours of many receives grow while nothing fails: the messages
    are taken from the queue, find no concurrency, and come back.

    The strip above tells why: the grey area is how many batches the pollers hold, the dark one how many
    run, the broken line is the concurrency that the function may use.

    Parameters
    ----------
    trace
        The trace to draw.
    ax
        The axes to draw on; by default those of a new figure.
    queue
        The queue's name; by default the SQS queue from which a mapping took most batches, else the one in
        which most happened. A mapping's records of a stream are the queue ``"<mapping> (records)"``; the
        name of the stream itself stands for those of the mapping that made most batches of them.
    style
        See :class:`~lambdalab.plots.canvas.Style`.

    Returns the axes, x in seconds since the lab's start.
    """
    table = trace.queue_events
    own = (table["kind"] != "asynchronous").to_numpy()
    name = choose(table.loc[own, ["queue"]], queue or _busiest(trace))
    name = name and _as_read(trace, name)
    ax = canvas.axes(ax, "receives", (9.0, 4.4), **style)
    if name is None:
        return canvas.nothing(ax, "No message in this trace: nothing was sent.", _TITLE, **style)
    rows = table.loc[
        ((table["queue"] == name) & (table["action"] != "delivered")).to_numpy(), _COLUMNS
    ]
    known = rows.loc[rows["cause"] == "deduplicated", "event_id"]  # sent once more, and left out
    if len(known):
        rows = rows[~rows["event_id"].isin(set(known)).to_numpy()]
    found = _read(trace, name, rows)
    end = max(end_of(trace), float(found.at[-1]))
    shown_to = end * (1 + _TAIL) or 1.0
    canvas.time_axis(ax, 0.0, shown_to)
    thing = "message" if str(rows["kind"].iloc[0]) == "sqs" else "record"
    entries: list[Any] = [look.patch() for look in _areas(ax, found, shown_to)]
    ax.set_ylabel(f"{thing}s", y=_STRIP / 2)
    entries += _strip(ax, trace, name, end)
    canvas.headline(ax, _told(name, found, thing), entries, columns=4, **style)
    return ax


def _busiest(trace: Trace) -> str | None:
    """The queue of the mapping with most batches."""
    table = trace.batches
    return queue_of(trace, str(table["mapping"].value_counts().index[0])) if len(table) else None


def _as_read(trace: Trace, name: str) -> str:
    """In place of a stream, which keeps what was read, the records of the mapping that read most of it."""
    table = trace.batches
    readers = table.loc[table["source"] == name, "mapping"].value_counts().index
    return queue_of(trace, str(readers[0])) if len(readers) else name


def _read(trace: Trace, queue: str, rows: pd.DataFrame) -> Messages:
    """The states of the messages, row by row."""
    numbers = ordinals(rows["event_id"])
    there = np.bincount(numbers) > 0
    events = (np.cumsum(there) - 1)[numbers]
    received = rows["receive_count"].to_numpy()
    highest = max(int(received.max(initial=0)), 1)
    most = min(highest, _MOST_TOLD)
    state = 1 + np.minimum(received, most).astype(np.int64)
    ever_failed = np.isin(np.flatnonzero(there), _in_failed_batches(trace, queue))
    back = np.flatnonzero((rows["action"] == "returned").to_numpy())
    failed = rows["cause"].iloc[back].isin(_FAILED).to_numpy()
    ever_failed[events[back[failed]]] = True
    fates = _fates(rows["action"], ever_failed[events])
    for number, ended in enumerate(fates.values()):
        state[ended] = 2 + most + number
    order = np.argsort(events, kind="stable")
    before = np.zeros(len(rows), dtype=np.int64)
    earlier = np.append(-1, order[:-1])
    same = np.append(False, events[order][1:] == events[order][:-1])
    before[order] = np.where(same, state[earlier], 0)
    counts = {look: int(ended.sum()) for look, ended in fates.items()}
    counts["sent"] = len(ever_failed)
    return Messages(seconds(trace, rows["at"]), before, state, most, highest, counts)


def _in_failed_batches(trace: Trace, queue: str) -> Ints:
    """The numbers of messages of which a batch failed whole, be it when they had long come back."""
    table = trace.batches
    mine = (table["source"] == queue) | (table["mapping"] + " (records)" == queue)
    failed = set(table.loc[mine & (table["outcome"] == "failure"), "batch_id"])
    if not failed:
        return np.zeros(0, dtype=np.int64)
    held = trace.batch_records
    return ordinals(held.loc[held["batch_id"].isin(failed).to_numpy(), "event_id"])


def _fates(actions: pd.Series[str], failed: Mask) -> dict[str, Mask]:
    """For each key of ``FATES`` which rows end their message so."""
    letter = (actions == "dead_lettered").to_numpy()
    found = {
        "deleted": actions.isin(("deleted", "filtered")).to_numpy(),
        "failed": letter & failed,
        "healthy": letter & ~failed,
        "lost": actions.isin(("expired", "dropped")).to_numpy(),
    }
    return {name: found[name] for name in FATES}


def _areas(ax: Axes, found: Messages, end: float) -> list[Look]:
    """Stacked steps; returns the looks of what is there, from the top of the pile."""
    states = 2 + found.receives + len(FATES)
    last = np.flatnonzero(np.append(found.at[1:] != found.at[:-1], True))
    width = max(end, 1e-6) / bars.COLUMNS
    last = last[np.append(np.diff(np.floor(found.at[last] / width)) != 0, True)]
    x = np.append(found.at[last], max(end, float(found.at[-1])))
    base = np.zeros(len(x))
    shown = []
    fates = [(2 + found.receives + n, look) for n, look in enumerate(FATES.values())]
    waiting = [
        (1 + n, received(n, found.receives, found.highest)) for n in range(found.receives, -1, -1)
    ]
    for state, look in fates + waiting:
        change = (found.after == state).astype(np.int64) - (found.before == state)
        count = np.cumsum(change)[last].astype(float)
        top = base + np.append(count, count[-1])
        if count.any() and state < states:
            ax.fill_between(
                x, base, top, step="post", facecolor=look.colour, hatch=look.hatch or None,
                edgecolor=INK, linewidth=0.3 if len(x) < 500 else 0, gid=f"messages:{look.label}",
                zorder=2,
            )  # fmt: skip
            shown.append(look)
        base = top
    strips.below(
        ax, 0, 1.06 * max(float(base.max()), 1), _STRIP, MaxNLocator(5, integer=True).tick_values
    )
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    return shown[::-1]


def received(times: int, most: int, highest: int) -> Look:
    """The look of a message that was received so often and is still in the queue.

    ``most`` receives have looks of their own; of a message that was received ``highest`` times the last.
    """
    shade = RECEIVED[times]
    said = "never received" if not times else f"received {('once', 'twice', '3 times')[times - 1]}"
    said += " or more" if times == most < highest else ""
    return Look(f"in the queue, {said}", shade.colour, shade.hatch)


# ---- the strip: batches that pollers hold, and runs ------------------------------------------------


def _strip(ax: Axes, trace: Trace, queue: str, end: float) -> list[Any]:
    """How many batches of the queue are held and how many run; returns entries of the legend."""
    batches = trace.batches
    mappings = [name for name in batches["mapping"].unique() if queue_of(trace, name) == queue]
    own = batches["mapping"].isin(mappings).to_numpy()
    if not own.any():
        return []
    functions, ran = _runs_of(trace, own)
    held = _level(trace, batches["flushed_at"][own], batches["completed_at"][own], end)
    runs = _level(trace, trace.attempts["started_at"][ran], trace.attempts["ended_at"][ran], end)
    bounds = [one for one in limits(trace, functions) if one.kind == "reserved"]
    most = max(float(held[1].max()), *(one.highest for one in bounds), 1.0)
    foot, tall = _STRIP + 0.03, 0.97 - _STRIP
    across = ax.get_xaxis_transform()
    looks = ((held, "#BFBFBF", "batches held by pollers"), (runs, INK, "runs of the function"))
    entries: list[Any] = []
    for (at, level), colour, label in looks:
        ax.fill_between(
            at, foot, foot + tall * level / most, step="post", facecolor=colour, linewidth=0,
            transform=across, gid=label, zorder=2,
        )  # fmt: skip
        entries.append(Patch(facecolor=colour, label=f"{label} (up to {level.max():,.0f})"))
    for one in bounds:
        x, y = one.steps(end)
        ax.plot(
            x, foot + tall * y / most, color=MUTED, linestyle="--", linewidth=1.2, transform=across,
            gid="limit", zorder=4,
        )  # fmt: skip
        label = one.label(one.highest)
        entries.append(Line2D([], [], color=MUTED, linestyle="--", linewidth=1.2, label=label))
    ax.plot([0, 1], [foot, foot], color=MUTED, linewidth=0.6, transform=ax.transAxes, zorder=3)
    ax.text(
        -0.012, foot + tall / 2, "at the\nsame time", transform=ax.transAxes, ha="right",
        va="center", color=INK, fontsize="small",
    )  # fmt: skip
    return entries


def _runs_of(trace: Trace, batches: Mask) -> tuple[list[str], Mask]:
    """The functions that these batches were handed to, and which attempts are of them.

    Batches, and requests, are numbered in the order of their tables.
    """
    calls = trace.invocations
    handed = np.flatnonzero((calls["parent_kind"] == "batch").to_numpy())
    mine = handed[batches[ordinals(calls["parent_id"].iloc[handed]) - 1]]
    of = np.zeros(len(calls), dtype=bool)
    of[mine] = True
    functions = [str(name) for name in calls["function"].iloc[mine].unique()]
    return functions, of[ordinals(trace.attempts["request_id"]) - 1]


def _level(
    trace: Trace, began: pd.Series[Any], ended: pd.Series[Any], end: float
) -> tuple[Floats, Floats]:
    """How many of these spans there are at once: where that changes, and to what."""
    starts, stops = seconds(trace, began), seconds(trace, ended)
    stops = stops[~np.isnan(stops)]
    at = np.concatenate([stops, starts])
    change = np.concatenate([-np.ones(len(stops)), np.ones(len(starts))])
    order = np.lexsort((change, at))
    at, level = at[order], np.cumsum(change[order])
    last = np.append(at[1:] != at[:-1], True) if len(at) else np.zeros(0, dtype=bool)
    at, level = at[last], level[last]
    if len(at) > bars.COLUMNS:  # of each column of the picture the highest
        column = np.floor(at / max(end, 1e-6) * bars.COLUMNS).astype(np.int64)
        edge = np.flatnonzero(np.append(True, column[1:] != column[:-1]))
        at, level = at[edge], np.maximum.reduceat(level, edge)
    return np.append(at, end), np.append(level, level[-1] if len(level) else 0.0)


def _told(name: str, found: Messages, thing: str) -> str:
    counts = found.counts
    text = f"{name}: {counts['deleted']:,} of {words.count(counts['sent'], thing)} dealt with"
    letters = counts["healthy"] + counts["failed"]
    if letters:
        text += f", {words.count(letters, 'dead letter')}"
    if counts["healthy"]:
        many = "all" if counts["healthy"] == letters else f"{counts['healthy']:,} of them"
        text += f", {many} though no run failed"
    if counts["lost"]:
        text += f", {counts['lost']:,} lost"
    return text
