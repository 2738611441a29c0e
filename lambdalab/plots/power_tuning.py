"""Time and price against memory: where more of it is free, and where it is wasted."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from lambdalab.plots import canvas, words
from lambdalab.plots.bill import Sizes
from lambdalab.plots.canvas import Style
from lambdalab.plots.frames import Floats
from lambdalab.plots.palette import BLUE, INK, ORANGE

_MOST_TICKS = 10
_HEADROOM = 1.35  # above the highest point: room for names


def power_tuning(ax: Axes, found: Sizes, style: Style) -> Axes:
    """Draw the time of a run and the price of a million invocations for each memory size.

    Circles and the full line belong to the left axis, squares and the broken line to the right one.
    """
    memory = np.array([size.memory for size in found.sizes], dtype=float)
    took = np.array([size.took for size in found.sizes])
    usd = np.array([size.usd for size in found.sizes])
    right = canvas.twin(ax)
    ax.set_xscale("log", base=2)
    ax.set_xlim(memory[0] / 1.35, memory[-1] * 1.35)
    _memory_axis(ax, memory)
    spread = np.array([[s.took - s.low, s.high - s.took] for s in found.sizes]).T
    ax.errorbar(
        memory, took, np.maximum(spread, 0), color=BLUE, linewidth=1.6, elinewidth=1, capsize=3,
        marker="o", markersize=7, markeredgecolor=INK, markeredgewidth=0.5, gid="took", zorder=4,
        label="mean time of a run, with p5 to p95 (left)",
    )  # fmt: skip
    (price,) = right.plot(
        memory, usd, color=ORANGE, linewidth=1.6, linestyle="--", marker="s", markersize=7,
        markeredgecolor=INK, markeredgewidth=0.5, gid="usd", zorder=3,
        label="price of a million invocations (right)",
    )  # fmt: skip
    ax.set_ylim(0, _HEADROOM * max(max(size.high for size in found.sizes), float(took.max())))
    right.set_ylim(0, _HEADROOM * float(usd.max()) or 1.0)
    factor, unit = canvas.time_unit(float(took.max()))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / factor:.6g}"))
    ax.set_ylabel(f"● mean time of a run ({unit})")
    right.set_ylabel("■ USD a million invocations")
    right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    cheapest, fastest = int(np.argmin(usd)), int(np.argmin(took))
    price_said, time_said = f"${usd[cheapest]:,.2f}", words.duration(float(took[fastest]))
    _ring(right, memory[cheapest], usd[cheapest], "cheapest")
    _ring(ax, memory[fastest], took[fastest], "fastest")
    if cheapest == fastest:
        names = {cheapest: f"cheapest and fastest\n{price_said}, {time_said}"}
    else:
        names = {cheapest: f"cheapest\n{price_said}", fastest: f"fastest\n{time_said}"}
    for place, name in names.items():
        _name(right if place == cheapest else ax, memory[place], name)
    lines = list(ax.get_legend_handles_labels()[0])
    title = (
        f"{found.function}: cheapest with {memory[cheapest]:,.0f} MB, "
        f"fastest with {memory[fastest]:,.0f} MB"
    )
    canvas.headline(ax, title, [*lines, price], columns=2, **style)
    return ax


def _memory_axis(ax: Axes, memory: Floats) -> None:
    """A tick at each size that was tried, as far as they have room."""
    step = -(-len(memory) // _MOST_TICKS)
    ax.xaxis.set_major_locator(FixedLocator(memory[::step].tolist()))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.set_xlabel("memory (MB, each doubling as wide as the last)")
    ax.grid(axis="x", color="#E6E6E6", linewidth=0.8)
    ax.set_axisbelow(True)


def _ring(ax: Axes, memory: float, value: float, which: str) -> None:
    """A ring around a point."""
    ax.plot(
        memory, value, marker="o", markersize=15, markerfacecolor="none", markeredgecolor=INK,
        markeredgewidth=1.4, linestyle="none", gid=which, zorder=6, clip_on=False,
    )  # fmt: skip


def _name(ax: Axes, memory: float, text: str) -> None:
    """The name of a ringed size at the top, where no line comes; a dotted line leads down to it."""
    ax.axvline(memory, color=INK, linewidth=0.8, linestyle=":", zorder=1.5)
    ax.annotate(
        text, (memory, 0.99), xycoords=ax.get_xaxis_transform(), ha="center", va="top",
        fontsize="small", fontweight="bold", color=INK, zorder=7,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85},
    )  # fmt: skip
