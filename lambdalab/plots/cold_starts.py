"""Cold starts: when, how many, how long, of which function, and what came before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from lambdalab.errors import UnknownName
from lambdalab.plots import bars, canvas, strips, words
from lambdalab.plots.canvas import Style
from lambdalab.plots.cold_lives import draw_lives, tall
from lambdalab.plots.frames import Floats, Ints, Mask, end_of, seconds
from lambdalab.plots.palette import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, SKY, VERMILLION

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_TITLE = "When did runs start cold, and how long did it take?"
_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION)
_MARKERS = ("o", "s", "^", "D", "v", "P")
_UNEVEN = 20  # longest over shortest: above it a linear axis shows only the longest
_WINDOWS = 40  # at most, over the picture
_ROUND = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600,
    *(86_400 * days for days in (1, 2, 5, 10, 20, 50, 100)),
)  # fmt: skip
_TOPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # what the full height of the strip is
_SHARE = "#8C8C8C"
_BAND = 0.62  # inches of the strip of shares
_CROWD = 500  # marks: the rims of more would hide the colour
_GRID = 900  # points are merged to so many columns, and a third as many rows


def cold_starts(
    trace: Trace, *, ax: Axes | None = None, function: str | None = None, **style: Unpack[Style]
) -> Axes:
    """Draw each cold start at its time, as high as it took: set-up of the environment and init.

    Each point is a request that found no environment free and paid for a new one. Look in the strip
    above for the share of runs that started cold, window by window: it is high at the beginning, after
    each pause longer than an environment lives idle, and where traffic climbs. Cold starts at the same
    moment stand above each other: so many calls overlapped that no environment was free.

    Where there are few environments the strip on top shows their lives: pale while they are idle, blue
    while they run. A cross is an idle end: the next call of that function starts cold.

    Parameters
    ----------
    trace
        The trace to draw.
    ax
        The axes to draw on; by default those of a new figure.
    function
        A function's name; by default all, each with a mark of its own (the first six).
    style
        See :class:`~lambdalab.plots.canvas.Style`.

    Returns the axes, x in seconds since the lab's start, y in seconds (logarithmic where the longest
    is twenty times the shortest).

    Raises :class:`~lambdalab.errors.UnknownName` for a function that has not run.
    """
    table = _of(trace, function)
    homes = trace.environments
    homes = homes[homes["function"].isin(set(table["function"].unique())).to_numpy()]
    inches = tall(homes)
    size = (9.0, 3.7 + inches)
    ax = canvas.axes(ax, "cold_starts", size, **style)
    if not len(table):
        sentence = "Nothing has run yet: there is no attempt in this trace."
        return canvas.nothing(ax, sentence, _TITLE, **style)
    at = seconds(trace, table["started_at"])
    end = max(end_of(trace), float(at.max()))
    low = 0.0 if at.min() < 0.3 * end else float(at.min())
    canvas.time_axis(ax, low, canvas.beyond(low, end))
    cold = table["cold_start"].to_numpy(dtype=bool)
    took = table[["setup_ms", "init_ms"]].sum(axis=1).to_numpy() / 1000
    figure = ax.get_figure(root=True)
    high = (size[1] if figure is None else figure.get_size_inches()[1]) * ax.get_position().height
    lives = min(inches / high, 0.35) if inches else 0.0
    share = 1 - lives - max(_BAND / high, 0.16)
    known = cold & ~table["ended_at"].isna().to_numpy()  # the books have lengths of what is over
    _scale(ax, took[known], share)
    entries = _marks(ax, table, at, took, known)
    entries += _fractions(ax, at, cold, share, 1 - lives)
    if lives:
        entries += draw_lives(ax, trace, homes, table, (1 - lives, 1.0), end)
    canvas.headline(ax, _told(took, cold, known, function), entries, columns=5, **style)
    return ax


def _of(trace: Trace, function: str | None) -> pd.DataFrame:
    table = trace.attempts
    if function is None:
        return table
    own = table[(table["function"] == function).to_numpy()]
    if not len(own) and not trace.settings(function):
        known = list(dict.fromkeys(table["function"]))
        raise UnknownName("function in this trace", function, known)
    return own


def _scale(ax: Axes, took: Floats, share: float) -> None:
    """The axis of lengths below the strips: from nought, or logarithmic where they differ much."""
    took = took[took > 0]
    longest = max(float(took.max(initial=0.0)), 1e-3)
    shortest = float(took.min(initial=longest))
    if longest > _UNEVEN * shortest:
        ax.set_yscale("log")
        locator: Any = LogLocator(subs=(1, 3))
        strips.below(ax, shortest / 1.6, longest * 1.6, share, locator.tick_values)
    else:
        locator = MaxNLocator(4, steps=(1, 2, 2.5, 5, 10))
        strips.below(ax, 0, 1.15 * longest, share, locator.tick_values)
    ax.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: words.tick(value) if value else "0")
    )
    ax.set_ylabel("cold start takes", y=share / 2)


def _marks(ax: Axes, table: pd.DataFrame, at: Floats, took: Floats, cold: Mask) -> list[Artist]:
    """A mark for each cold start; returns the functions' entries, with their counts."""
    codes, names = pd.factorize(table["function"])
    counts = np.bincount(codes[cold], minlength=len(names))
    few = len(names) <= len(_COLOURS)
    entries: list[Artist] = []
    for number, name in enumerate(names) if few else [(0, "")]:
        mine = cold & (codes == number) if few else cold
        if not mine.any():
            continue
        x, y = _thinned(ax, at[mine], took[mine])
        count = int(counts[number]) if few else int(cold.sum())
        whose = words.shortened(str(name), 24) if few else f"{len(names):,} functions"
        line = ax.plot(
            x, y, linestyle="none", marker=_MARKERS[number], color=_COLOURS[number],
            markersize=6 if cold.sum() < _CROWD else 2.5, markeredgecolor=INK,
            markeredgewidth=0.4 if cold.sum() < _CROWD else 0,
            gid=f"cold:{name}", label=f"{whose}: {words.count(count, 'cold start')}", zorder=4,
            clip_on=False,
        )[0]  # fmt: skip
        entries.append(line)
    return entries


def _thinned(ax: Axes, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Of many marks one for each place that pixels can show."""
    if len(x) <= bars.COLUMNS:
        return x, y
    low, high = ax.get_xlim()
    column = np.floor((x - low) * _GRID / (high - low)).astype(np.int64)
    scale = ax.yaxis.get_transform()
    tall = scale.transform(np.maximum(y, 1e-6))
    foot, top = scale.transform(np.array(ax.get_ylim())).tolist()
    row = np.floor((tall - foot) / (top - foot) * _GRID / 3).astype(np.int64)
    kept: Ints = np.unique(column * _GRID + row, return_index=True)[1]
    kept = np.sort(kept)[:: max(len(kept) // (10 * _GRID), 1)]
    return x[kept], y[kept]


def window(span: float) -> float:
    """The length of the windows of which shares are told: a round one, at most 40 in a picture.

    >>> window(60), window(3600)
    (2.0, 120.0)
    """
    return float(next((step for step in _ROUND if span / step <= _WINDOWS), span / _WINDOWS))


def _fractions(ax: Axes, at: Floats, cold: Mask, foot: float, top: float) -> list[Artist]:
    """Of each window the share of runs that started cold, as columns in a strip of its own."""
    low, high = ax.get_xlim()
    wide = window(high - low)
    place = np.floor(at / wide).astype(np.int64)
    runs = np.bincount(place)
    shares = np.divide(np.bincount(place[cold], minlength=len(runs)), np.maximum(runs, 1))
    some = np.flatnonzero(runs)
    begins = np.arange(len(runs), dtype=np.float64) * wide
    most = next(step for step in _TOPS if step >= float(shares.max()))
    foot, tall_ = foot + 0.04, top - foot - 0.06
    strips.columns(ax, begins[some], wide, foot, np.full(len(some), tall_), "#F2F2F2", "runs", 1)
    own = some[shares[some] > 0]
    strips.columns(ax, begins[own], wide, foot, tall_ * shares[own] / most, _SHARE, "share", 2)
    ax.plot([0, 1], [foot, foot], color=MUTED, linewidth=0.6, transform=ax.transAxes, zorder=3)
    for y, text in ((foot, "0 %"), (foot + tall_, f"{100 * most:g} %")):
        ax.text(
            -0.008, y, text, ha="right", va="center", fontsize="x-small", color=INK,
            transform=ax.transAxes, gid="share label",
        )  # fmt: skip
    return [Patch(facecolor=_SHARE, edgecolor=INK, label=f"share of runs in {words.tick(wide)}")]


def _told(took: Floats, cold: Mask, known: Mask, function: str | None) -> str:
    count, runs, open_ = int(cold.sum()), len(cold), int((cold & ~known).sum())
    text = f"{words.count(count, 'cold start')} of {words.count(runs, 'run')} ({count / runs:.1%})"
    text = text.replace("%)", " %)")
    if function is not None:
        text = f"{function}: {text}"
    if known.any():
        text += f", {words.duration(float(took[known].sum()))} in all"
        text += f", the longest {words.duration(float(took[known].max()))}"
    return text + (f"; {open_:,} still running, not drawn" if open_ else "")
