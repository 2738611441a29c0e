"""What is lit, as a picture, for places that run no JavaScript."""

from __future__ import annotations

import numpy as np

from lambdalab.plots import lanes, words
from lambdalab.plots.palette import Look as Drawn
from lambdalab.plots.picture import Picture
from lambdalab.widgets.viewer.bars import Bars
from lambdalab.widgets.viewer.looks import LOOKS
from lambdalab.widgets.viewer.parts import Ints

_MOST_LANES = 24
_NAME = 8  # letters


def png(made: Bars, lit: Ints, view: tuple[float, float]) -> bytes:
    """The bars that are lit, in their lanes; of many lanes the first, with a note that says so."""
    own = made.numbers["lane"][lit]
    shown = np.unique(own)
    names = [_name(made, int(lane)) for lane in shown[:_MOST_LANES]]
    kept = np.isin(own, shown[:_MOST_LANES])
    place, some = np.searchsorted(shown, own[kept]).astype(float), lit[kept]
    drawn = []
    for code, look in enumerate(LOOKS):
        mine = made.numbers["look"][some] == code
        if mine.any():
            bars = (place[mine], made.start[some][mine], made.end[some][mine])
            drawn.append((Drawn(look.label, look.colour, look.pattern), look.failing, *bars))
    more = len(shown) - len(names)
    title = _title(made, lit) + (f" (+ {more:,} more lanes)" if more else "")
    picture = Picture(height=1.6 + 0.26 * max(len(names), 4))
    return picture.png(lambda ax: lanes.draw(ax, names, drawn, view, title))


def _title(made: Bars, lit: Ints) -> str:
    if not len(made):
        return ""
    return f"{len(lit):,} bars of one chain" if len(lit) else "Nothing is selected"


def _name(made: Bars, lane: int) -> str:
    first = [group.first for group in made.groups]
    group = made.groups[int(np.searchsorted(first, lane, side="right")) - 1]
    label = group.labels[lane - group.first] if group.labels else ""
    if not label:
        return words.shortened(group.name, _NAME + 8)
    return f"{words.shortened(group.name, _NAME)} {words.shortened(label, _NAME + 1)}"
