"""Many bars fast: one collection for each look, lines above 10,000, merged where pixels end.

A picture is some 1,500 pixels wide: of a million bars most share their pixels with others of the same
lane and look. Those are merged into one; nothing that stands alone is left out.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from lambdalab.plots.frames import Floats
from lambdalab.plots.palette import INK, Look

#: Above so many bars a plot draws one line for each look instead of bars.
MANY = 10_000
#: Columns into which a merged picture is divided.
COLUMNS = 3_000
_PIXELS = 900  # of the axis of a usual picture: no line is shorter than one
_THIN = 3.0  # points
_SEEN = 2  # pixels from which a bar shows its colour: its two rims take one


def draw(
    ax: Axes, lanes: Floats, starts: Floats, ends: Floats, look: Look, name: str, *,
    many: bool = False, height: float | Floats = 0.7, zorder: float = 2,
) -> None:  # fmt: skip
    """Draw bars of one look, all of them one artist whose ``gid`` is ``name``.

    Parameters
    ----------
    lanes, starts, ends
        Where: the middle of the lane, and the x positions.
    many
        True draws one NaN-separated line, of bars merged to what pixels can show and without hatch.
    height
        Of a bar, in lanes.
    """
    if not len(starts):
        return
    if many:
        _lines(ax, lanes, starts, ends, look, name, float(np.max(height)), zorder)
        return
    half = np.broadcast_to(np.asarray(height, dtype=float) / 2, lanes.shape)
    corners = np.empty((len(starts), 4, 2))
    corners[:, 0, 0] = corners[:, 3, 0] = starts
    corners[:, 1, 0] = corners[:, 2, 0] = ends
    corners[:, 0, 1] = corners[:, 1, 1] = lanes - half
    corners[:, 2, 1] = corners[:, 3, 1] = lanes + half
    ax.add_collection(
        PolyCollection(
            cast(Any, corners), facecolors=look.colour, edgecolors=INK,
            linewidths=_rim(ax, len(starts), float(np.max(height))), hatch=look.hatch or None, gid=name,
            label=look.label, zorder=zorder,
        ),
        autolim=False,
    )  # fmt: skip


def _rim(ax: Axes, count: int, height: float) -> float:
    """The width of the rims: of many bars it is less, and thin bars have none, for it would hide them."""
    if _points(ax, height) < _THIN:
        return 0.0
    return 0.6 if count < 400 else 0.2


def wide(ax: Axes, starts: Floats, ends: Floats) -> bool:
    """Whether one of the bars shows a pixel of its colour between its rims."""
    low, high = ax.get_xlim()
    return bool(np.any(ends - starts >= _SEEN * (high - low) / _PIXELS))


def _lines(
    ax: Axes, lanes: Floats, starts: Floats, ends: Floats, look: Look, name: str, height: float,
    zorder: float,
) -> None:  # fmt: skip
    low, high = ax.get_xlim()
    lanes, starts, ends = merged(lanes, starts, ends, (high - low) / COLUMNS)
    ends = np.maximum(ends, starts + (high - low) / _PIXELS)  # what stands alone can be seen
    x, y = np.full(3 * len(starts), np.nan), np.full(3 * len(starts), np.nan)
    x[0::3], x[1::3] = starts, ends
    y[0::3] = y[1::3] = lanes
    ax.plot(
        x, y, color=look.colour, linewidth=_points(ax, height), solid_capstyle="butt",
        gid=name, label=look.label, zorder=zorder,
    )  # fmt: skip


def _points(ax: Axes, height: float) -> float:
    """The width of a line as thick as a bar of ``height`` lanes would be."""
    figure = ax.get_figure(root=True)
    tall = 4.0 if figure is None else figure.get_size_inches()[1] * ax.get_position().height
    low, high = sorted(ax.get_ylim())
    return float(np.clip(72 * tall * height / max(high - low, 1), 0.6, 12))


def merged(
    lanes: Floats, starts: Floats, ends: Floats, resolution: float
) -> tuple[Floats, Floats, Floats]:
    """Bars of one look with those closer than ``resolution`` on the same lane made one.

    >>> lanes, starts, ends = merged(np.zeros(3), np.array([0, 1, 9.0]), np.array([1, 2, 9.5]), 0.1)
    >>> starts.tolist(), ends.tolist()
    ([0.0, 9.0], [2.0, 9.5])
    """
    if not len(starts):
        return lanes, starts, ends
    order = np.lexsort((starts, lanes))
    lanes, starts, ends = lanes[order], starts[order], ends[order]
    new_lane = np.append(True, lanes[1:] != lanes[:-1])
    origin = min(starts[0], starts.min())
    # lanes one after another on a single axis, so that one running maximum serves them all
    offset = np.cumsum(new_lane) * (max(float(ends.max()) - origin, resolution) + 2 * resolution)
    reach = np.maximum.accumulate(ends - origin + offset)
    fresh = new_lane.copy()
    fresh[1:] |= (starts[1:] - origin + offset[1:]) > reach[:-1] + resolution
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], len(starts)) - 1
    return lanes[first], starts[first], reach[last] - offset[last] + origin
