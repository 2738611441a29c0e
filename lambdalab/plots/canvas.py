"""What every picture has: its axes, a title that tells, a legend off the data, time with its unit."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, TypedDict, Unpack

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from lambdalab.errors import UnknownSetting
from lambdalab.plots import words
from lambdalab.plots.palette import INK, MUTED

_LEGEND_ROW = 15.0  # points that one row of the legend takes
_LEGEND_KEY, _LETTER = 28.0, 4.6  # points of a key with the space around it, of a letter on average
_POINTS = 72.0  # of an inch
_TITLE_LETTER = 5.8  # points of a letter of a title on average
_USUAL = 6.975  # inches: the width of the axes of a usual picture, before it is laid out
_BRIGHT = 1.5  # of the sum of red, green and blue: a ground on which dark words can be read
_LONGEST_NAME = 44  # letters: the rest of a title has room beside it
_SHARE = 1.15  # axes are so much wider than matplotlib's first guess once the figure is laid out
_UNITS = ((3 * 86_400, 86_400, "d"), (3 * 3600, 3600, "h"), (600, 60, "min"), (0, 1, "s"))
_STEPS = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60, 100, 120, 200, 500, 1000)


class Style(TypedDict, total=False):
    """What every plot accepts beside its own parameters.

    ``title`` replaces the title, ``legend=False`` leaves the legend out, ``figsize`` (inches) is
    used where the plot makes its own figure.
    """

    title: str
    legend: bool
    figsize: tuple[float, float]


def axes(
    ax: Axes | None, plot: str, size: tuple[float, float], /, **style: Unpack[Style]
) -> Axes:  # fmt: skip
    """The axes to draw on: those given, or those of a new figure.

    Pictures are drawn on white, and their words in dark: a dark figure becomes white.

    Raises :class:`~lambdalab.errors.UnknownSetting` for a style no plot has.
    """
    known = Style.__annotations__
    for name in style:
        if name not in known:
            raise UnknownSetting(plot, name, known)
    if ax is None:
        _, ax = plt.subplots(figsize=style.get("figsize", size), layout="constrained")
    ax.spines[["top", "right"]].set_visible(False)
    _on_white(ax)
    return ax


def twin(ax: Axes) -> Axes:
    """Axes with a scale of their own at the right of these."""
    right = ax.twinx()
    right.spines["top"].set_visible(False)
    readable(right)
    return right


def readable(ax: Axes) -> None:
    """Draw ticks and labels of axes at the side in dark, where they would be light on white."""
    if not _dark(ax.yaxis.label.get_color()):
        _in_ink(ax)


def _on_white(ax: Axes) -> None:
    """Make a dark figure white, whose words and ticks would be light."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    if _dark(figure.get_facecolor()) or _dark(ax.get_facecolor()):
        figure.set_facecolor("white")
        ax.set_facecolor("white")
        _in_ink(ax)


def _dark(colour: Any) -> bool:
    """Whether dark words cannot be read on a ground; what can be seen through counts as light."""
    red, green, blue, seen = to_rgba(colour)
    return seen > 0 and red + green + blue < _BRIGHT


def _in_ink(ax: Axes) -> None:
    """Draw the frame, the ticks and their labels in dark."""
    ax.tick_params(which="both", color=INK, labelcolor=INK)
    for spine in ax.spines.values():
        spine.set_edgecolor(INK)
    for label in (ax.xaxis.label, ax.yaxis.label):
        label.set_color(INK)


def letter(ax: Axes, share: float) -> float:
    """How wide a letter is, which takes this ``share`` of the width of a usual picture's axes."""
    figure = ax.get_figure(root=True)
    wide = _USUAL if figure is None else figure.get_figwidth() * ax.get_position().width
    return share * max(_USUAL / wide, 1.0)


def headline(
    ax: Axes, text: str, entries: Sequence[Artist] = (), columns: int = 5, **style: Unpack[Style]
) -> None:
    """The title, and the legend in the space between it and the axes, of at most so many columns.

    A name in ``text`` that would fill the line is told by its beginning and its end.
    """
    text = " ".join(words.shortened(word, _LONGEST_NAME) for word in text.split(" "))
    text = textwrap.fill(text, max(int(_room(ax) / _TITLE_LETTER), _LONGEST_NAME))
    shown = list(entries) if style.get("legend", True) else []
    columns = _fitting(ax, shown, columns)
    rows = -(-len(shown) // columns)
    ax.set_title(
        style.get("title", text), loc="left", fontweight="bold", fontsize="medium",
        y=1.0,  # where it stands anyway; without, matplotlib measures all labels to find that out
        pad=8 + _LEGEND_ROW * rows, color=INK, parse_math=False,
    )  # fmt: skip
    if shown:
        legend = ax.legend(
            handles=shown, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2,
            ncols=columns, frameon=False, fontsize="small", handlelength=1.6, columnspacing=1.2,
            handletextpad=0.5, borderpad=0.1,
        )  # fmt: skip
        for label in legend.get_texts():
            label.set_parse_math(False)  # names may have a "$"
            if not _dark(label.get_color()):
                label.set_color(INK)


def _room(ax: Axes) -> float:
    """How wide the axes will be, in points."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    return float(_POINTS * figure.get_figwidth() * _SHARE * ax.get_position().width)


def _fitting(ax: Axes, entries: Sequence[Artist], columns: int) -> int:
    """How many columns of a legend fit over the axes: a wider one would make the axes narrow.

    Widths are estimated, for drawing the words to measure them costs more than the picture.
    """
    room = _room(ax)
    widths = [_LEGEND_KEY + _LETTER * len(str(entry.get_label())) for entry in entries]
    while columns > 1 and widths:
        split = np.array_split(np.array(widths), columns)  # as matplotlib fills columns
        if sum(column.max(initial=0) for column in split) <= room:
            break
        columns -= 1
    return columns


def retitle(ax: Axes, prefix: str, colour: str = INK) -> None:
    """Put a word in front of the title, which stays where it is."""
    old = ax.get_title(loc="left")
    for text in ax.get_children():
        if isinstance(text, Text) and text.get_text() == old:
            text.set(text=f"{prefix} · {old}", color=colour)
            return


def time_unit(span: float) -> tuple[int, str]:
    """The unit that suits a stretch of time: its seconds and its sign.

    >>> time_unit(30), time_unit(1200), time_unit(21_600)
    ((1, 's'), (60, 'min'), (3600, 'h'))
    """
    return next((factor, unit) for least, factor, unit in _UNITS if span >= least)


def length(seconds: float) -> float:
    """A stretch of time that can be drawn: a second, where it was only a moment.

    >>> length(0.25), length(0.0)
    (0.25, 1.0)
    """
    return seconds if seconds > 0 else 1.0


def beyond(low: float, end: float, share: float = 0.02) -> float:
    """Where the axis of a run from ``low`` to ``end`` ends: a little behind it."""
    return end + share * (end - low) if end > low else low + 1.0


def time_axis(ax: Axes, low: float, high: float, what: str = "virtual time") -> None:
    """The x axis in seconds, shown in the unit that suits its length.

    The data stay in seconds, so that bars can be read back from the axes; only the labels change.
    """
    span = max(high - low, 1e-6)
    factor, unit = time_unit(span)
    ax.set_xlim(low, high)
    if factor == 1:
        ax.xaxis.set_major_locator(MaxNLocator(8))
    else:
        step = next((s for s in _STEPS if span / (s * factor) <= 8), _STEPS[-1])
        ax.xaxis.set_major_locator(MultipleLocator(step * factor))
    digits = 6 if span > 1e-3 * max(abs(low), abs(high)) else 12  # a moment late in a long run
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _number(value / factor, digits)))
    ax.set_xlabel(f"{what} ({unit})")
    ax.grid(axis="x", color="#E6E6E6", linewidth=0.8)
    ax.set_axisbelow(True)


def _number(value: float, digits: int) -> str:
    """A number on an axis: as plain as it can be, with commas where it is long."""
    text = f"{value:,.{digits}g}"
    if "e" not in text:
        return text
    if abs(value) >= 1:
        return f"{value:,.0f}"
    return str(np.format_float_positional(value, precision=digits, fractional=False, trim="-"))


def one_scale(drawn: Sequence[Axes]) -> None:
    """The same time axis for all; the same height where it counts something."""
    drawn = [ax for ax in drawn if ax.axison and len(ax.get_xticks())]
    if not drawn or len({ax.get_xscale() for ax in drawn}) > 1:
        return
    low, high = min(ax.get_xlim()[0] for ax in drawn), max(ax.get_xlim()[1] for ax in drawn)
    for ax in drawn:
        if ax.get_xscale() == "linear":
            what = ax.get_xlabel().rpartition(" (")[0]
            time_axis(ax, low, high, what)
        else:
            ax.set_xlim(low, high)
    _one_height(drawn)
    _one_height([right for ax in drawn if (right := second(ax)) is not None], len(drawn))


def _one_height(drawn: Sequence[Axes], of: int | None = None) -> None:
    """The same limits for axes that count the same thing, as long as all of them (``of``) do."""
    if len(drawn) != (len(drawn) if of is None else of):
        return
    if any(ax.yaxis_inverted() for ax in drawn):  # lanes from the top down count nothing
        return
    if len({ax.get_ylabel() for ax in drawn}) == 1 and drawn[0].get_ylabel():
        bottom = float(np.min([ax.get_ylim()[0] for ax in drawn]))
        top = float(np.max([ax.get_ylim()[1] for ax in drawn]))
        for ax in drawn:
            ax.set_ylim(bottom, top)


def second(ax: Axes) -> Axes | None:
    """The axes with another scale at the right of these; None where there are none."""
    figure = ax.get_figure(root=True)
    place = ax.get_position().bounds
    others = [] if figure is None else figure.axes
    return next((o for o in others if o is not ax and o.get_position().bounds == place), None)


def nothing(ax: Axes, sentence: str, heading: str, **style: Unpack[Style]) -> Axes:
    """Axes that say why there is nothing on them."""
    ax.set(xticks=[], yticks=[], xlabel="", ylabel="", xlim=(0, 1), ylim=(0, 1))
    ax.spines[:].set_visible(False)
    ax.text(0.5, 0.5, sentence, ha="center", va="center", color=MUTED, wrap=True)
    headline(ax, heading, **style)
    return ax


def lane_labels(ax: Axes, labels: Sequence[str], most: int = 40) -> None:
    """One lane a row, the first on top; its name where there is room, else whole numbers."""
    ax.set_ylim(len(labels) - 0.5, -0.5)
    if len(labels) <= most:
        ax.set_yticks(range(len(labels)), list(labels), parse_math=False)  # names may have a "$"
    else:
        ax.yaxis.set_major_locator(MaxNLocator(10, integer=True))
        ax.yaxis.set_major_formatter(
            FuncFormatter(lambda value, _: labels[int(value)] if 0 <= value < len(labels) else "")
        )
    ax.tick_params(axis="y", length=0)


def note(ax: Axes, x: float, y: float, text: str, **how: Any) -> None:
    """A small text at a point of the data, on a plain patch so that nothing runs through it."""
    settings: dict[str, Any] = {
        "fontsize": "small", "color": INK, "clip_on": False, "parse_math": False,
        "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85},
    }  # fmt: skip
    ax.text(x, y, text, **{**settings, **how})
