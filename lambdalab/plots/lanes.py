"""Bars in named lanes, whatever they are of: the picture behind the trace viewer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from lambdalab.plots import bars, canvas
from lambdalab.plots.frames import Floats
from lambdalab.plots.palette import INK, Look

_NARROW = 0.004  # of the width: the least that a bar takes, so that an instant is seen

Drawn = tuple[Look, bool, Floats, Floats, Floats]
"""Bars of one look: it, whether they are failures, their lanes, starts and ends."""


def draw(
    ax: Axes, names: Sequence[str], drawn: Sequence[Drawn], span: tuple[float, float], title: str
) -> Axes:
    """Draw bars in lanes, the first lane on top, from ``span[0]`` to ``span[1]`` (seconds).

    Failures come last, so that they lie on top, with a dark rim.
    """
    ax.spines[["top", "right"]].set_visible(False)
    if not drawn:
        sentence = (
            "Nothing is selected." if title else "Nothing has happened yet: there are no bars."
        )
        return canvas.nothing(ax, sentence, title or "Trace viewer")
    canvas.lane_labels(ax, names)
    canvas.time_axis(ax, *span)
    entries: list[Artist] = []
    least = (span[1] - span[0]) * _NARROW
    for place, (look, failing, lanes, starts, ends) in enumerate(drawn):
        height = 0.9 if failing else 0.66
        seen = np.maximum(ends, starts + least)
        bars.draw(
            ax, lanes, starts, seen, look, f"bars:{place}", height=height, zorder=2 + place / 100
        )
        entries.append(look.patch())
    ax.tick_params(axis="y", labelcolor=INK, labelsize="small")
    canvas.headline(ax, title, entries, columns=4)
    return ax
