"""The lives of few environments, on a strip: when each was made, ran, stood idle and ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from lambdalab.plots import bars, canvas, words
from lambdalab.plots.frames import Floats, ordinals, seconds
from lambdalab.plots.palette import BLUE, INIT, INK, PALE, Look
from lambdalab.plots.strips import Rows

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_MOST = 10  # environments whose lives have room
_ROW = 0.17  # inches
_IDLE = Look("alive and idle", PALE, "")
_BUSY = Look("alive and running", BLUE, "")
_END = Look("ended after idle time", "#FFFFFF", "", "X")
_OTHER = Look("ended otherwise", INK, "", "|")
_LETTER = 0.0085
_COLUMNS = 500  # no stretch is narrower than one


def tall(homes: pd.DataFrame) -> float:
    """Inches that the strip of these environments takes; 0 where there are too many of them."""
    return 0.25 + _ROW * len(homes) if 0 < len(homes) <= _MOST else 0.0


def draw_lives(
    ax: Axes, trace: Trace, homes: pd.DataFrame, runs: pd.DataFrame, part: tuple[float, float],
    end: float,
) -> list[Artist]:  # fmt: skip
    """Draw the strip between two shares of the height; returns the entries of the legend."""
    numbers = ordinals(homes["environment_id"])
    rows = Rows(len(homes), part[0] + 0.02, part[1])
    rows.label(ax, _names(homes, numbers))
    began, ended = seconds(trace, homes["started_at"]), seconds(trace, homes["ended_at"])
    until = np.where(np.isnan(ended) | (ended > end), end, ended)
    started, over = seconds(trace, runs["started_at"]), seconds(trace, runs["ended_at"])
    over = np.where(np.isnan(over), end, over)
    cold = runs[["setup_ms", "init_ms"]].sum(axis=1).to_numpy() / 1000
    place = np.searchsorted(numbers, ordinals(runs["environment_id"]))
    for row in range(len(homes)):
        mine = place == row
        begun = started[mine] + cold[mine]
        _bar(ax, rows, row, began[row : row + 1], until[row : row + 1], _IDLE, "alive")
        _bar(ax, rows, row, started[mine], begun, INIT, "init")
        _bar(ax, rows, row, begun, over[mine], _BUSY, "busy")
    looks = [_IDLE, _BUSY, *([INIT] if bars.wide(ax, started, started + cold) else [])]
    entries: list[Artist] = [look.patch() for look in looks]
    return entries + _ends(ax, rows, homes, ended, _idle(numbers, place, over, began), end)


def _names(homes: pd.DataFrame, numbers: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[str]:
    several = homes["function"].nunique() > 1
    owners = homes["function"].tolist()
    return [
        f"{words.shortened(str(owner), 12)} e{number}" if several else f"e{number}"
        for owner, number in zip(owners, numbers.tolist(), strict=True)
    ]


def _bar(
    ax: Axes, rows: Rows, row: int, starts: Floats, ends: Floats, look: Look, name: str
) -> None:
    """Stretches of one environment as one artist, merged where pixels end."""
    long = ends > starts
    if not long.any():
        return
    low, high = ax.get_xlim()
    least = (high - low) / _COLUMNS
    _, starts, ends = bars.merged(np.zeros(int(long.sum())), starts[long], ends[long], least)
    ends = np.maximum(ends, starts + least)
    x = np.repeat(np.nan, 3 * len(starts))
    x[0::3], x[1::3] = starts, ends
    half = rows.half * (0.55 if name == "alive" else 1.0)
    ax.fill_between(
        x, rows.middle(row) - half, rows.middle(row) + half, facecolor=look.colour,
        hatch=look.hatch or None, edgecolor=INK,
        linewidth=0.3 if name == "alive" else 0, zorder=2 + (name != "alive"),
        transform=ax.get_xaxis_transform(), gid=f"life:{name}", label=look.label,
    )  # fmt: skip


def _idle(
    numbers: np.ndarray[tuple[int], np.dtype[np.int64]],
    place: np.ndarray[tuple[int], np.dtype[np.intp]], over: Floats, began: Floats,
) -> Floats:  # fmt: skip
    """Since when each environment has had nothing more to do."""
    last = began.copy()
    np.maximum.at(last, place, over)
    assert len(last) == len(numbers)
    return last


def _ends(
    ax: Axes, rows: Rows, homes: pd.DataFrame, ended: Floats, last: Floats, end: float
) -> list[Artist]:
    """A mark where an environment ended, with how long it had stood idle, or why it ended."""
    entries: list[Artist] = []
    low, high = ax.get_xlim()
    reasons = homes["ended_because"].astype(str).tolist()
    for row, reason in enumerate(reasons):
        if np.isnan(ended[row]) or ended[row] > end:
            continue
        idle = reason == "idle_expiry"
        look = _END if idle else _OTHER
        ax.plot(
            ended[row : row + 1], [rows.middle(row)], linestyle="none", marker=look.marker,
            markersize=7, color=look.colour, markeredgecolor=INK, markeredgewidth=0.8,
            transform=ax.get_xaxis_transform(), gid=f"end:{reason}", zorder=5, clip_on=False,
        )  # fmt: skip
        if look.label not in [entry.get_label() for entry in entries]:
            entries.append(look.point())
        text = (
            f"idle {words.duration(round(ended[row] - last[row], 1))}"
            if idle
            else words.plain(reason)
        )
        if ended[row] + (len(text) + 2) * canvas.letter(ax, _LETTER) * (high - low) < high:
            ax.text(
                ended[row] + 0.012 * (high - low), rows.middle(row), text, va="center", ha="left",
                fontsize="x-small", color=INK, transform=ax.get_xaxis_transform(), gid="ends",
            )  # fmt: skip
    return entries
