"""What it cost, and of what; and what memory makes of time and price."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lambdalab.plots import bars, canvas, words
from lambdalab.plots.bill import SMALL, Bill, Part, bill, money, sizes
from lambdalab.plots.canvas import Style
from lambdalab.plots.frames import Floats, end_of
from lambdalab.plots.palette import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    YELLOW,
    Look,
)
from lambdalab.plots.power_tuning import power_tuning

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_TITLE = "What did it cost, and of what?"
_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, YELLOW)
_HATCHES = {"duration": "", "requests": "....", "provisioned": "////"}
_MARGIN = 0.05  # how much longer than the run the picture is: the sums at its end must be seen
_MOST = 4  # functions told apart; the rest are told together


def cost(
    trace: Trace, *, ax: Axes | None = None, function: str | None = None, by: str | None = None,
    **style: Unpack[Style],
) -> Axes:  # fmt: skip
    """Draw what a run cost: by function and by what is billed, added up over time.

    For each function: the plain area is duration (GB-seconds), the dotted one above it requests, the
    hatched one provisioned concurrency by itself, used or not. Look which of them is thick: many short
    runs pay for requests, long ones for duration, idle provisioned environments for nothing at all. The
    slope is the price of a second of this traffic; the legend has the sums.

    Where a function ran with several memory sizes the picture is another one (*power tuning*): how long
    a run takes (circles, left axis) and what a million invocations cost (squares, right axis), against
    memory. Look for where the time goes on falling and the price does not rise: until there more memory
    is free. Beyond one vCPU (1,769 MB) code of one thread gets no faster. The cheapest and the fastest
    size are named.

    Parameters
    ----------
    trace
        The trace to draw.
    ax
        The axes to draw on; by default those of a new figure.
    function
        A function's name; by default all together (for power tuning the one with most sizes).
    by
        ``"time"`` or ``"memory"``; by default memory where a function ran with several sizes.
    style
        See :class:`~lambdalab.plots.canvas.Style`.

    Returns the axes. By time: x in seconds since the lab's start, y in nano-dollars (labels in dollars).
    By memory: x in MB, y in seconds; the axes at the right, y in dollars a million invocations. A run is
    paid for when it ends. Sums are of whole nano-dollars.

    Raises :class:`~lambdalab.errors.UnknownName` for a function that has not run,
    :class:`~lambdalab.errors.InvalidSetting` for another ``by``.
    """
    found = sizes(trace, function, by)
    ax = canvas.axes(ax, "cost", (9.0, 3.8), **style)
    if found is not None:
        return power_tuning(ax, found, style)
    paid = bill(trace, function)
    if not paid.parts:
        sentence = "Nothing has run to its end, and nothing was provisioned: it cost nothing."
        return canvas.nothing(ax, sentence, _TITLE, **style)
    end = max(end_of(trace), max(float(part.at[-1]) for part in paid.parts))
    low = 0.0 if paid.began < 0.3 * end else paid.began
    canvas.time_axis(ax, low, canvas.beyond(low, end, _MARGIN))
    entries = _areas(ax, paid)
    _money_axis(ax, paid.total)
    canvas.headline(ax, _told(paid, function), entries[::-1], columns=3, **style)
    return ax


def _areas(ax: Axes, paid: Bill) -> list[Artist]:
    """Stacked steps, one for each part; returns their entries, from the bottom."""
    parts = _few(paid)
    x = _moments(ax, parts)
    base = np.zeros(len(x))
    colours = dict(zip(dict.fromkeys(p.function for p in parts), _COLOURS, strict=False))
    entries: list[Artist] = []
    for part in parts:
        place = np.searchsorted(part.at, x, side="right")
        top = base + np.append(0, np.cumsum(part.nano))[place]
        look = Look(
            _said(part, paid.total), _shade(colours[part.function], part.what), _HATCHES[part.what]
        )
        ax.fill_between(
            x, base, top, step="post", facecolor=look.colour, hatch=look.hatch or None,
            edgecolor=INK, linewidth=0.3, gid=f"cost:{part.function}:{part.what}",
            label=look.label, zorder=2,
        )  # fmt: skip
        base = top
        entries.append(look.patch())
    return entries


def _shade(colour: str, what: str) -> str:
    """A function's colour; for what is billed beside duration half as strong, under its hatch."""
    if what == "duration":
        return colour
    red, green, blue = ((part + 1) / 2 for part in to_rgb(colour))
    return to_hex((red, green, blue))


def _few(paid: Bill) -> list[Part]:
    """The parts to draw, function by function, the dearest at the bottom; small ones together."""
    sums: dict[str, int] = {}
    for part in paid.parts:
        sums[part.function] = sums.get(part.function, 0) + part.total
    ordered = sorted(sums, key=lambda name: -sums[name])
    shown = ordered if len(ordered) <= _MOST + 1 else ordered[:_MOST]
    parts = [part for name in shown for part in paid.parts if part.function == name]
    rest = [part for part in paid.parts if part.function not in shown]
    if rest:
        at = np.concatenate([part.at for part in rest])
        nano = np.concatenate([part.nano for part in rest])
        order = np.argsort(at, kind="stable")
        others = f"{len(ordered) - len(shown):,} others"
        parts.append(Part(others, "duration", at[order], nano[order], "all of it"))
    return parts


def _moments(ax: Axes, parts: list[Part]) -> Floats:
    """When the sums change; of many the last of each column of the picture."""
    low, high = ax.get_xlim()
    at = np.unique(np.concatenate([part.at for part in parts]))
    if len(at) > bars.COLUMNS:
        column = np.floor((at - low) * bars.COLUMNS / (high - low)).astype(np.int64)
        at = at[np.append(column[1:] != column[:-1], True)]
    return np.concatenate([[min(low, at[0])], at, [max(high, float(at[-1]))]])


def _said(part: Part, total: int) -> str:
    """What the legend says of a part: whose, what, how much of it, its price."""
    return f"{words.shortened(part.function, 20)}: {part.said}, {money(part.total, total)}"


def _money_axis(ax: Axes, total: int) -> None:
    """The axis in dollars; small sums in millionths of them."""
    factor, unit = (1e3, "millionths of a USD") if total < SMALL else (1e9, "USD")
    ax.set_ylim(0, 1.1 * max(total, 1))
    ticks = np.asarray(MaxNLocator(5).tick_values(0, 1.1 * max(total, 1) / factor)) * factor
    ax.set_yticks(ticks[(ticks >= 0) & (ticks <= ax.get_ylim()[1])])
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / factor:,.6g}"))
    ax.set_ylabel(f"paid so far ({unit})")


def _percent(share: float) -> str:
    """Whole percents; what is there is never nought, and never all where there is something else."""
    if 0 < share < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < share < 1 else f"{100 * share:.0f} %"


def _told(paid: Bill, function: str | None) -> str:
    """The title: the sum, and how it divides."""
    sums: dict[str, int] = {}
    for part in paid.parts:
        sums[part.what] = sums.get(part.what, 0) + part.total
    shares = ", ".join(
        f"{what} {_percent(sums[what] / max(paid.total, 1))}" for what in _HATCHES if what in sums
    )
    who = f"{function}: " if function is not None else ""
    return f"{who}{money(paid.total)} for {words.count(paid.runs, 'run')}: {shares}"
