"""Plots with strips above them: which part of the height is whose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from lambdalab.plots.frames import Floats
from lambdalab.plots.palette import INK, PALE

_LINE = 7.5  # points of a line of the smallest text

#: Ticks between two values.
Locate = Callable[[float, float], npt.ArrayLike]


def below(ax: Axes, low: float, high: float, share: float, locate: Locate) -> None:
    """Give the values ``low`` to ``high`` the lowest ``share`` of the height.

    The axis' line and its ticks, which ``locate`` finds, end there, whatever the limits become later:
    what stands in the strips above is drawn in shares of the height. Linear and logarithmic axes will do.
    """
    scale = ax.yaxis.get_transform()
    foot, top = (float(scale.transform(np.array([value]))[0]) for value in (low, high))
    reach = scale.inverted().transform(np.array([foot + (top - foot) / share]))[0]
    ax.set_ylim(low, float(reach))

    def end(ax: Axes) -> None:
        least, most = edge(ax, share)
        ax.spines["left"].set_bounds(least, most)
        ticks = np.asarray(locate(least, most), dtype=float)
        ax.set_yticks(ticks[(ticks >= least) & (ticks <= most)])
        ax.set_yticks([], minor=True)

    ax.callbacks.connect("ylim_changed", end)
    end(ax)


def edge(ax: Axes, share: float) -> tuple[float, float]:
    """The lowest value, and the one at which the strips begin."""
    low, high = ax.get_ylim()
    scale = ax.yaxis.get_transform()
    foot, top = scale.transform(np.array([low, high])).tolist()
    return low, float(scale.inverted().transform(np.array([foot + share * (top - foot)]))[0])


def columns(
    ax: Axes, starts: Floats, wide: float, foot: float, heights: Floats, colour: str, name: str,
    zorder: float,
) -> None:  # fmt: skip
    """Columns that stand on ``foot``, as high as these shares of the axes' height: one artist."""
    corners = np.empty((len(starts), 4, 2))
    corners[:, 0, 0] = corners[:, 3, 0] = starts
    corners[:, 1, 0] = corners[:, 2, 0] = starts + wide
    corners[:, :2, 1] = foot
    corners[:, 2, 1] = corners[:, 3, 1] = foot + heights
    ax.add_collection(
        PolyCollection(
            cast(Any, corners), facecolors=colour, edgecolors=INK if name == "share" else "white",
            linewidths=0.3, transform=ax.get_xaxis_transform(), gid=name, zorder=zorder,
        ),
        autolim=False,
    )  # fmt: skip


class Rows:
    """The rows of a strip, from the top, as shares of the axes' height.

    Parameters: how many rows, and the shares between which they lie.
    """

    def __init__(self, count: int, foot: float, top: float) -> None:
        self.count, self.foot, self.tall = max(count, 1), foot, top - foot
        self.half = min(0.35 * self.tall / self.count, 0.03)

    def middle(self, row: int) -> float:
        """The middle of a row."""
        return self.foot + self.tall * (1 - (row + 0.5) / self.count)

    def label(self, ax: Axes, names: list[str]) -> None:
        """Write the rows' names at the left, where there is room, and a faint line through each row."""
        figure = ax.get_figure(root=True)
        tall = 4.0 if figure is None else figure.get_figheight() * ax.get_position().height
        step = max(int(np.ceil(_LINE * self.count / (72 * tall * self.tall))), 1)
        for row, name in enumerate(names):
            y = self.middle(row)
            ax.plot([0, 1], [y, y], color=PALE, linewidth=0.8, transform=ax.transAxes, zorder=1)
            if row % step:
                continue
            ax.text(
                -0.012, y, name, ha="right", va="center", color=INK, transform=ax.transAxes,
                fontsize="small" if len(names) < 5 else "x-small", gid="rows", parse_math=False,
            )  # fmt: skip
