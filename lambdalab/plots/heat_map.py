"""A sweep as a map: two settings as its sides, one figure as its colour, and as a number in each cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.plots import canvas, words
from lambdalab.plots.canvas import Style
from lambdalab.plots.frames import Floats
from lambdalab.plots.palette import INK, MUTED, PALE, Look

_TITLE = "A sweep as a map"
_MOST_CELLS = 400  # with a number in each
_MOST_LABELS = 24  # up a side
_ALONG, _LEVEL, _LONGEST_NAME = (
    96,
    9,
    24,
)  # letters: under the map; of a name that stands level; of any
_TYPES = (10.0, 8.3, 6.9)  # points
_WIDE = 30.0  # the greatest over the least from which colours are spread by factors
_PLAIN = 0.005  # of the value: half an interval that is less is no news
_LARGE_USD = 0.01  # from here on money is told in dollars
_COLOURS = "cividis"
#: What has no number to show, and why.
MISSING = {
    "failed": Look("every run failed", "#FFFFFF", "xxxx"),
    "nothing": Look("nothing to tell", "#FFFFFF", "...."),
    "not_run": Look("not in the sweep", PALE, "////"),
}
_UNITS = {"_usd": "USD", "_ms": "ms", "_s": "s", "_bytes": "bytes", "_mb": "MB"}
_OWN_UNITS = {  # of settings, which name none
    "window": "s", "maximum_batching_window": "s", "duration": "s", "timeout": "s", "init": "s",
    "visibility_timeout": "s", "maximum_event_age": "s", "failing_for": "s", "idle_expiry": "s",
    "memory_size": "MB", "record_size": "bytes", "batch_size": "records", "rate": "a second",
}  # fmt: skip


def heat_map(
    frame: pd.DataFrame, x: str, y: str, value: str, *, ax: Axes | None = None, **style: Unpack[Style]
) -> Axes:  # fmt: skip
    """Draw a figure of a sweep (or of any table) over two of its settings.

    Look for the direction in which the colour changes: along it a setting matters, across it the other one
    does not. Then for edges: two neighbours far apart are a limit that was passed between them. The title
    names the least and the greatest value and where they are; the least are framed. Under a number stands
    half of its 95 % interval, where it is more than half a per cent: a difference smaller than that may be
    chance. A hatched cell has no number: the legend says why.

    ``frame`` is what :func:`lambdalab.sweep` gave, or another table with one row for each pair of the
    columns ``x`` and ``y`` (numbers are put in order, all else stays as it comes); the column ``value``
    is shown, and with ``<value>_low`` and ``<value>_high`` its interval. ``ax``, ``style``: as for every
    plot.
    Returns the axes: cell (0, 0) is the first value of each side, at the lower left.

    Raises :class:`~lambdalab.errors.UnknownName` for a column that is not there, and
    :class:`~lambdalab.errors.InvalidSetting` where several rows have the same pair: choose a value of the
    other settings first, ``frame[frame["rate"] == 5]``.

    Example
    -------
    >>> import lambdalab as ll
    >>> found = ll.sweep(ll.scenarios.Batching, {"window": [0, 5], "batch_size": [1, 10]}, seeds=2)
    >>> ax = heat_map(found, "batch_size", "window", "age_p95_s")
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('batch size (records)', 'window (s)')
    """
    _check(frame, x, y, value)
    ax = canvas.axes(ax, "heat_map", (8.0, 4.6), **style)
    if not len(frame):
        return canvas.nothing(ax, "No rows in this table: nothing was swept.", _TITLE, **style)
    columns, rows = _side(frame[x]), _side(frame[y])
    place = _places(frame, x, y, columns, rows)
    (name, unit), scale = _named(value), 1.0
    shown = _spread(frame[value], place, len(rows), len(columns))
    if unit == "USD" and not (shown >= _LARGE_USD).any():
        unit, scale = "millionths of a USD", 1e6
    shown *= scale
    _sides(ax, x, y, columns, rows)
    present = _gaps(ax, frame, shown, place)
    if np.isfinite(shown).any():
        image = _cells(ax, shown)
        if np.nanmin(shown) < np.nanmax(shown):
            _bar(ax, image, f"{name} ({unit})" if unit else name)
        if shown.size <= _MOST_CELLS:
            half = _halves(frame, value, place, shown.shape) * scale
            _numbers(ax, shown, half, image.norm, image.cmap)
        told = f"{name}: {_extremes(shown, unit)}"
        if _is_framed(shown):
            _frame_least(ax, shown)
    else:
        told = f"{name}: no number in any cell"
    entries: list[Patch] = [MISSING[why].patch() for why in MISSING if why in present]
    canvas.headline(ax, told, entries, **style)
    return ax


def _check(frame: pd.DataFrame, x: str, y: str, value: str) -> None:
    for name in (x, y, value):
        if name not in frame.columns:
            raise UnknownName("column in this table", name, map(str, frame.columns))
    if len({x, y, value}) < 3:
        raise InvalidSetting("value", value, f"another column than x={x!r} and y={y!r}")


def _side(column: pd.Series[Any]) -> list[Any]:
    values: list[Any] = list(dict.fromkeys(column.tolist()))
    numbers = all(isinstance(one, (int, float)) and one == one for one in values)
    return sorted(values) if numbers else values


def _places(
    frame: pd.DataFrame, x: str, y: str, columns: list[Any], rows: list[Any]
) -> tuple[Any, Any]:
    """The row and column of the map in which each row of the table is."""
    across = {repr(one): place for place, one in enumerate(columns)}
    down = {repr(one): place for place, one in enumerate(rows)}
    at = (
        np.array([down[repr(one)] for one in frame[y].tolist()]),
        np.array([across[repr(one)] for one in frame[x].tolist()]),
    )
    if len(np.unique(at[0] * len(columns) + at[1])) < len(frame):
        others = [str(name) for name in getattr(frame, "settings", []) if name not in (x, y)]
        varied = [name for name in others if frame[name].nunique() > 1]
        which = f"of {', '.join(map(repr, varied))} " if varied else "of the other settings "
        limit = (
            f"a table with one row for each pair of {x!r} and {y!r}: choose one value {which}first"
        )
        raise InvalidSetting("frame", f"{len(frame)} rows", limit)
    return at


def _spread(column: pd.Series[Any], place: tuple[Any, Any], rows: int, columns: int) -> Floats:
    found = np.full((rows, columns), np.nan)
    found[place] = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    return found


def _halves(
    frame: pd.DataFrame, value: str, place: tuple[Any, Any], shape: tuple[int, ...]
) -> Floats:
    low, high = f"{value}_low", f"{value}_high"
    if low not in frame or high not in frame:
        return np.full(shape, np.nan)
    return _spread((frame[high] - frame[low]) / 2, place, *shape)


def _cells(ax: Axes, shown: Floats) -> Any:
    known = shown[np.isfinite(shown)]
    low, high = float(known.min()), float(known.max())
    wide = low > 0 and high / low >= _WIDE
    norm: Normalize = (
        LogNorm(low, high) if wide else Normalize(low, high if high > low else low + 1)
    )
    return ax.imshow(
        np.ma.masked_invalid(shown), origin="lower", aspect="auto", cmap=_COLOURS, norm=norm,
        interpolation="nearest", gid="cells", zorder=1,
    )  # fmt: skip


def _gaps(ax: Axes, frame: pd.DataFrame, shown: Floats, place: tuple[Any, Any]) -> set[str]:
    """Hatch what has no number; returns the reasons."""
    why = np.full(shown.shape, "not_run", dtype=object)
    why[place] = "nothing"
    if "runs" in frame and "error" in frame:
        gone = (frame["runs"] == 0).to_numpy() & (frame["error"] != "").to_numpy()
        why[place] = np.where(gone, "failed", "nothing")
    empty = ~np.isfinite(shown)
    for row, column in zip(*np.nonzero(empty), strict=True):
        look = MISSING[why[row, column]]
        ax.add_patch(
            Rectangle(
                (column - 0.5, row - 0.5), 1, 1, facecolor=look.colour, hatch=look.hatch,
                edgecolor=MUTED, linewidth=0, gid=f"missing:{why[row, column]}", zorder=2,
            )
        )  # fmt: skip
    return set(why[empty])


def _numbers(ax: Axes, shown: Floats, half: Floats, norm: Normalize, colours: Colormap) -> None:
    """The value in each cell, and half of its interval under it; dark on light, light on dark."""
    known = list(zip(*np.nonzero(np.isfinite(shown)), strict=True))
    texts = [_told(float(shown[cell]), float(half[cell])) for cell in known]
    points = _fitting(ax, shown.shape, texts)
    if points is None and any("\n" in text for text in texts):
        texts = [text.partition("\n")[0] for text in texts]
        points = _fitting(ax, shown.shape, texts)
    if points is None:
        return
    for (row, column), text in zip(known, texts, strict=True):
        ax.text(
            column, row, text, ha="center", va="center", fontsize=points, linespacing=1.15,
            color=_ink(colours(float(norm(shown[row, column])))), gid="number", zorder=4,
        )  # fmt: skip


def _told(number: float, half: float) -> str:
    if not np.isfinite(half) or half <= _PLAIN * abs(number):
        return _written(number)
    return (
        f"{_written(number)}\n± {half:,.2g}"
        if half < 100
        else f"{_written(number)}\n± {_written(half)}"
    )


def _fitting(ax: Axes, shape: tuple[int, ...], texts: Sequence[str]) -> float | None:
    """The largest type in which every text fits in its cell; None where none does."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    box = ax.get_position()
    wide = 72 * figure.get_figwidth() * box.width * 0.9 / shape[1]
    tall = 72 * figure.get_figheight() * box.height / shape[0]
    letters = max(len(line) for text in texts for line in text.split("\n"))
    lines = max(text.count("\n") + 1 for text in texts)
    fits = (p for p in _TYPES if letters * p * 0.62 <= wide and lines * p * 1.3 <= tall)
    return next(fits, None)


def _ink(colour: tuple[float, ...]) -> str:
    """Black or white, whichever is told apart better (WCAG's contrast, at least 4.5 to 1)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#FFFFFF" if luminance < 0.179 else "#000000"


def _is_framed(shown: Floats) -> bool:
    return shown.size <= _MOST_CELLS and bool(np.nanmin(shown) < np.nanmax(shown))


def _frame_least(ax: Axes, shown: Floats) -> None:
    for row, column in np.argwhere(shown == np.nanmin(shown)).tolist():
        ax.add_patch(
            Rectangle(
                (float(column) - 0.47, float(row) - 0.47), 0.94, 0.94, fill=False, edgecolor="#FFFFFF",
                linewidth=2.0, linestyle=(0, (4, 2)), gid="least", zorder=3,
            )
        )  # fmt: skip


def _bar(ax: Axes, image: Any, label: str) -> None:
    figure = ax.get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(image, ax=ax, pad=0.02)
    canvas.readable(bar.ax)
    if isinstance(image.norm, LogNorm):
        label += ", log scale"
        bar.locator = LogLocator(subs=(1.0, 2.0, 5.0))
        bar.update_ticks()
        bar.ax.minorticks_off()
    else:
        bar.locator = MaxNLocator(6)
        bar.update_ticks()
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    bar.set_label(label, color=INK)
    bar.outline.set_linewidth(0.5)


def _sides(ax: Axes, x: str, y: str, columns: list[Any], rows: list[Any]) -> None:
    ax.set_xlim(-0.5, len(columns) - 0.5)
    ax.set_ylim(-0.5, len(rows) - 0.5)
    for axis, values in ((ax.xaxis, columns), (ax.yaxis, rows)):
        names = [words.shortened(_label(one), _LONGEST_NAME) for one in values]
        longest = max(map(len, names)) + 2
        leaning = axis is ax.xaxis and longest > _LEVEL and longest * len(names) > _ALONG
        most = _ALONG // longest if axis is ax.xaxis and not leaning else _MOST_LABELS
        places = range(0, len(values), -(-len(values) // most))
        how: dict[str, Any] = (
            {"rotation": 25, "ha": "right", "rotation_mode": "anchor"} if leaning else {}
        )
        axis.set_ticks(list(places), [names[n] for n in places], parse_math=False, **how)
        axis.set_tick_params(length=0)
    ax.set_xlabel(_worded(x))
    ax.set_ylabel(_worded(y))
    ax.spines[:].set_visible(False)


def _label(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def _named(column: str) -> tuple[str, str]:
    """A column in words, and its unit."""
    for end, unit in _UNITS.items():
        if column.endswith(end):
            return column[: -len(end)].replace("_", " "), unit
    return column.replace("_", " "), _OWN_UNITS.get(column, "")


def _worded(column: str) -> str:
    name, unit = _named(column)
    return f"{name} ({unit})" if unit else name


def _extremes(shown: Floats, unit: str) -> str:
    """The least and the greatest."""
    low, high = float(np.nanmin(shown)), float(np.nanmax(shown))
    if low == high:
        return f"{_written(low)} {unit}".rstrip() + (" everywhere" if shown.size > 1 else "")
    framed = " (framed)" if _is_framed(shown) else ""
    return f"{_written(low)}{framed} to {_written(high)} {unit}".rstrip()


def _written(value: float) -> str:
    """A number of three digits that people read; a whole one as it is.

    >>> _written(0.2718), _written(1.2), _written(7.0), _written(312.4), _written(12_400.0)
    ('0.272', '1.20', '7', '312', '12,400')
    """
    if abs(value) >= 1e6:
        return f"{value / 1e6:,.4g} M"
    if abs(value) >= 100 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:#.3g}"
