"""The strip of blocks above the picture of ages: when each shard or group stood still, and why."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from lambdalab.plots import bars, canvas
from lambdalab.plots.blocked import ENDINGS, Ordered
from lambdalab.plots.palette import FAINT, GREEN, INK, ORANGE, PURPLE, VERMILLION, Look
from lambdalab.plots.strips import Rows

_MOST_ROWS = 8  # lanes with a row of their own
_MOST_NAMED = 12  # blocks that are named in words, as far as there is room
_MOST_TEXTS = 3  # rows between which there is room for words
_MOST_CUTS = 60
_MOST_HATCHED = (
    400  # blocks of one look: of more, each is too thin for a hatch, which takes long to draw
)
_LETTER = 0.0085  # width of a letter of such words, as a share of the axis

_STREAM = {
    "succeeded": Look("blocked until a try succeeded", GREEN, "...."),
    "expired": Look("blocked until its records were too old", PURPLE, "\\\\\\\\"),
    "discarded": Look("blocked until its records were given up", VERMILLION, "////"),
    "bisected": Look("blocked until halves left only the bad ones", ORANGE, "xxxx"),
    "open": Look("blocked, and not over yet", FAINT, "||||"),
}
_FIFO = {
    "succeeded": Look("group blocked until a try succeeded", GREEN, "...."),
    "expired": Look("group blocked until a message was too old", PURPLE, "\\\\\\\\"),
    "discarded": Look("group blocked until a dead letter", VERMILLION, "////"),
    "bisected": Look("", ORANGE, "xxxx"),
    "open": Look("group blocked, and not over yet", FAINT, "||||"),
}
_CUT = Look("a batch cut in two", "#FFFFFF", "", "^")


def looks(kind: str) -> dict[str, Look]:
    """How each ending of a block looks: of a stream's shards, or of a fifo queue's groups."""
    return _STREAM if kind == "stream" else _FIFO


def draw_blocks(ax: Axes, found: Ordered, share: float) -> list[Any]:
    """Draw the strip above ``share`` of the height; returns the entries of the legend."""
    blocks = found.blocks
    if not len(blocks):
        return []
    lanes = np.unique(blocks.lane)
    count = min(len(lanes), _MOST_ROWS)
    row = np.searchsorted(lanes, blocks.lane) * count // len(lanes)
    rows = Rows(count, share + 0.05, 0.97)
    rows.label(ax, _names(found, lanes))
    entries: list[Any] = []
    for code, name in enumerate(ENDINGS):
        mine = np.flatnonzero(blocks.ended == code)
        if len(mine):
            look = looks(found.kind)[name]
            _bars(ax, rows, found, row, mine, look, name)
            entries.append(look.patch())
    entries += _cuts(ax, rows, found, lanes)
    if count <= _MOST_TEXTS:
        _tell(ax, rows, found, row)
    return entries


def _names(found: Ordered, lanes: Any) -> list[str]:
    """The names of the rows; of too many lanes how many."""
    if len(lanes) > _MOST_ROWS:
        first = f"{len(lanes):,} lanes" if found.kind == "stream" else f"{len(lanes):,} groups"
        return [first, *[""] * (_MOST_ROWS - 1)]
    return [_short(found.lane_names[int(lane)]) for lane in lanes]


def _short(name: str) -> str:
    return name if len(name) <= 14 else f"{name[:7]}…{name[-6:]}"


def _bars(ax: Axes, rows: Rows, found: Ordered, row: Any, mine: Any, look: Look, name: str) -> None:
    """The blocks of one ending, merged where pixels end; none is too short to be seen."""
    low, high = ax.get_xlim()
    least = 0.002 * (high - low)
    starts, ends = found.blocks.begin[mine], found.blocks.end[mine]
    lanes, starts, ends = bars.merged(
        row[mine].astype(float), starts, np.maximum(ends, starts + least), least / 6
    )
    few = len(starts) <= _MOST_HATCHED
    for number in range(rows.count):
        own = lanes == number
        if not own.any():
            continue
        x = np.repeat(np.nan, 3 * int(own.sum()))
        x[0::3], x[1::3] = starts[own], ends[own]
        middle = rows.middle(number)
        ax.fill_between(
            x, middle - rows.half, middle + rows.half, facecolor=look.colour, edgecolor=INK,
            hatch=look.hatch if few else None, linewidth=0.4 if few else 0.0,
            transform=ax.get_xaxis_transform(), gid=f"blocked:{name}", label=look.label, zorder=3,
        )  # fmt: skip


def _cuts(ax: Axes, rows: Rows, found: Ordered, lanes: Any) -> list[Any]:
    """A triangle where a batch was cut in two, as long as there are few."""
    lane, at = found.cut
    if not 0 < len(at) <= _MOST_CUTS or len(lanes) > _MOST_ROWS:
        return []
    known = np.isin(lane, lanes)
    y = [rows.middle(int(np.searchsorted(lanes, one))) for one in lane[known]]
    ax.plot(
        at[known], y, linestyle="none", marker=_CUT.marker, markersize=6, color=_CUT.colour,
        markeredgecolor=INK, markeredgewidth=0.7, gid="cut", transform=ax.get_xaxis_transform(),
        zorder=4,
    )  # fmt: skip
    return [_CUT.point()]


def _tell(ax: Axes, rows: Rows, found: Ordered, row: Any) -> None:
    """What blocked a lane, in words below its bar; of those that have no room the longest."""
    blocks, (low, high) = found.blocks, ax.get_xlim()
    taken: list[list[tuple[float, float]]] = [[] for _ in range(rows.count)]
    longest = np.argsort(blocks.begin - blocks.end, kind="stable")[:_MOST_NAMED]
    for place in longest.tolist():
        number = int(row[place])
        begin, end = float(blocks.begin[place]), float(blocks.end[place])
        text = found.named(place)
        wide = canvas.letter(ax, _LETTER) * len(text) * (high - low)
        right = begin + wide > high
        at = end if right else begin
        span = (at - wide, at) if right else (at, at + wide)
        if span[0] < low or any(a < span[1] and span[0] < b for a, b in taken[number]):
            continue
        taken[number].append(span)
        ax.text(
            at, rows.middle(number) - rows.half - 0.01, text, ha="right" if right else "left",
            va="top", fontsize="x-small", color=INK, zorder=5, gid="blocks", parse_math=False,
            transform=ax.get_xaxis_transform(),
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.85},
        )  # fmt: skip
