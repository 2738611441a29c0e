"""Why did each batch fire? Messages or records that come, and the batches a mapping makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lambdalab.errors import InvalidSetting
from lambdalab.plots import bars, batch_rows, canvas, words
from lambdalab.plots.batch_marks import MOST_TICKS, busiest, too_short
from lambdalab.plots.batch_sizes import MOST_CROSSES, by_lane, by_size
from lambdalab.plots.batches import Batches, find
from lambdalab.plots.canvas import Style
from lambdalab.plots.frames import Floats, seconds, start_of
from lambdalab.plots.palette import BATCH_CAUSES, BATCH_RUNS, INK, MUTED, SKY

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_TITLE = "Why did each batch fire?"
MOST_BATCHES = 40
"""Up to so many batches are drawn one by one."""
_MOST_WINDOWS = 60  # tumbling windows that are marked
_SAID = {
    "batch_size": "full", "batching_window": "out of time", "payload_size": "at the size limit",
    "no_window": "sent at once", "long_poll": "by the end of a poll", "tumbling_window": "by window",
}  # fmt: skip


def batching(
    trace: Trace, *, ax: Axes | None = None, mapping: str | None = None, each: bool | None = None,
    by: str | None = None, **style: Unpack[Style],
) -> Axes:  # fmt: skip
    """Draw when messages or records came and, below, the batches that were made of them.

    Up to 40 batches are drawn one by one, in a band for each poller of a queue or lane of a shard: a
    coloured bar from the first record to the hand-over, a thin grey one while the function works on it.
    Look for colour and hatch: full (``batch_size``), out of time (``batching_window``), or one record
    short of 6 MB (``payload_size``). Beside it stand its name and its records (``b2 · 10``); of more than
    20, the records only. Where sizes come near 6 MB, the outline of a bar is that limit and its fill the
    batch. The upright mark is where its window began. What came of a failed batch of a stream (a retry,
    a half, the rest) is a hollow mark, tied to that batch by a line.

    More are drawn as lines as high as the batch is large: look for the level at which they end and for
    the moments when the cause changes; a cross is one that failed or never ran. With ``by="poller"``
    there is a row for each poller or lane of a shard instead; the broken line is how many pollers there
    were.

    Parameters
    ----------
    trace
        The trace to draw.
    ax
        The axes to draw on; by default those of a new figure.
    mapping
        The name of the mapping (``"orders->bill"``); by default the one with most batches.
    each
        True draws every batch as a bar, False none; None decides by their number.
    by
        What the height of many batches means: ``"size"`` (the default) or ``"poller"``.
    style
        See :class:`~lambdalab.plots.canvas.Style`.

    Returns the axes, x in seconds since the lab's start.

    Raises :class:`~lambdalab.errors.UnknownName` for a mapping that has handed over no batch,
    :class:`~lambdalab.errors.InvalidSetting` for another ``by``.
    """
    if by not in (None, "size", "poller"):
        raise InvalidSetting("by", by, "'size' or 'poller'")
    found = find(trace, mapping)
    ax = canvas.axes(ax, "batching", (9.0, 4.4), **style)
    if found is None:
        sentence = "No batch in this trace: no event source mapping has handed one over."
        return canvas.nothing(ax, sentence, _TITLE, **style)
    if each is None:
        each = by is None and len(found.table) <= MOST_BATCHES
    _time_axis(ax, found, each)
    rows, tall = batch_rows.rows(found, _ends(ax, found)) if each else (None, None)
    if rows is not None and tall is not None and tall.sum() <= batch_rows.MOST_ROWS:
        batch_rows.draw(ax, found, rows, tall)
    elif by == "poller":
        by_lane(ax, found, _pollers(trace, found))
    else:
        by_size(ax, found)
    windows = _tumbling(ax, trace, found)
    entries = _entries(ax, found) + windows
    canvas.headline(ax, _title(found), entries, columns=4, **style)
    return ax


def _time_axis(ax: Axes, found: Batches, each: bool) -> None:
    low = min(float(x.min()) for x in (found.opened, found.arrivals) if len(x))
    high = max(float(x.max()) for x in (found.over, found.arrivals) if len(x))
    span = max(high - low, 1e-3)
    if each:
        ends = np.maximum(found.over, found.flushed) + span * batch_rows.beside(found)
        high = max(high, float(ends.max()))
    high += 0.02 * span
    if 0 < low < 0.3 * high:
        low = 0.0
    else:  # a mark at the very beginning is not to hide behind the edge
        low -= 0.01 * span if low == 0 else 0.02 * span
    canvas.time_axis(ax, low, high)


def _ends(ax: Axes, found: Batches) -> Floats:
    """Where the text beside each batch ends."""
    low, high = ax.get_xlim()
    return np.maximum(found.over, found.flushed) + (high - low) * batch_rows.beside(found)


def _pollers(trace: Trace, found: Batches) -> tuple[Floats, Floats]:
    """When the number of the mapping's pollers changed, and to what."""
    table = trace.scaling
    table = table[(table["subject"] == found.name) & (table["kind"] == "pollers")]
    return seconds(trace, table["at"]), table["after"].to_numpy(dtype=float)


def _tumbling(ax: Axes, trace: Trace, found: Batches) -> list[Any]:
    """Tumbling windows as bands by turns; their entry in the legend."""
    lengths = [
        value for name, value in found.settings.items() if name.startswith("tumbling_window")
    ]
    length = float(lengths[0] or 0) if lengths else 0.0
    low, high = ax.get_xlim()
    if not length or (high - low) / length > _MOST_WINDOWS:
        return []
    pair = 2 * length
    since = start_of(trace).timestamp() % pair  # windows begin at whole multiples since 1970
    begins = np.arange(np.floor((low + since) / pair) * pair - since, high, pair)
    for begin in begins.tolist():
        ax.axvspan(
            max(begin, low), min(max(begin + length, low), high), color=SKY, alpha=0.16, linewidth=0,
            zorder=0.5, gid="tumbling",
        )  # fmt: skip
    label = f"every other tumbling window of {words.duration(length)}"
    return [Patch(facecolor=SKY, alpha=0.16, label=label)]


def _title(found: Batches) -> str:
    counts = [f"{chosen.sum():,} {_SAID[cause]}" for cause, chosen in found.by_cause()]
    told = words.count(len(found.table), "batch", "batches")
    text = f"{told} of {words.count(len(found.arrivals), found.thing)}: {', '.join(counts)}"
    never, again = found.outcomes.count("throttled"), int(found.again.sum())
    failed = int(found.failed.sum()) - never
    if failed:
        text += f"; {failed:,} failed"
    if never:
        text += f"; {never:,} never ran"
    if again:
        text += f", {again:,} came of such"
    if found.kept_out:
        text += f"; {words.count(found.kept_out, found.thing)} filtered out"
    return text


def _entries(ax: Axes, found: Batches) -> list[Artist]:
    gids = {str(artist.get_gid()) for artist in (*ax.lines, *ax.collections)}
    rows = "windows" in gids
    bared = any(str(artist.get_gid()).startswith("batch:") for artist in ax.collections)
    marks = too_short(ax, found) if rows or bared else np.ones(len(found.table), dtype=bool)
    entries: list[Any] = [
        BATCH_CAUSES[cause].point() if marks[chosen].all() else BATCH_CAUSES[cause].patch()
        for cause, chosen in found.by_cause()
    ]
    for name, look in BATCH_RUNS.items():
        chosen = np.array(found.outcomes) == name
        if f"run:{name}" in gids and bars.wide(ax, found.flushed[chosen], found.over[chosen]):
            entries.append(look.patch())
    if "limit" in gids:
        label = f"outline: {words.size(found.limit)}; fill: the batch"
        entries.append(Patch(facecolor="none", edgecolor=INK, linewidth=0.6, label=label))
    if any(line.get_gid() == "windows" and len(np.asarray(line.get_xdata())) for line in ax.lines):
        entries.append(_mark("|", "its window begins", 12, 1.4))
    if "failed" in gids:
        some = f" (not each of {found.failed.sum():,})" if found.failed.sum() > MOST_CROSSES else ""
        entries.append(_mark("x", f"failed or never run{some}", 6, 1.1))
    if found.again.any():
        entries.append(_mark("o", "hollow: again, or a part of a failed one", 6, 1.2, "none"))
    if "pollers" in gids:
        label = "pollers there are"
        entries.append(Line2D([], [], color=INK, linewidth=1.2, linestyle="-.", label=label))
    if len(found.arrivals) > MOST_TICKS:
        text = f"{found.thing}s arrive (up to {words.rate(busiest(ax, found))} a second)"
        entries.append(Patch(facecolor=MUTED, label=text))
    elif not rows:
        entries.append(_mark("|", f"a {found.thing} arrives", 8, 0.9))
    return entries


def _mark(marker: str, label: str, size: float, width: float, fill: str = INK) -> Line2D:
    return Line2D(
        [], [], linestyle="none", marker=marker, markersize=size, color=INK, markerfacecolor=fill,
        markeredgewidth=width, label=label,
    )  # fmt: skip
