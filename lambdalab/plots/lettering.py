"""A canvas that keeps the words it has drawn: most words of a picture stood in the one before it too.

Matplotlib lays out and renders every text anew, letter by letter, which takes as long as all the rest of
a picture. Here a text is drawn once, on a piece of its own, and laid down as an image wherever the same
letters are needed in the same font, size and colour.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.font_manager import FontProperties, findfont

_MOST = 600  # texts kept: those of some pictures, with all their ticks
_STEPS = 4  # places of a letter between one pixel and the next
_ROOM = 3  # pixels around a text, for letters may reach out of their box


class _Text(NamedTuple):
    """All that a text's looks depend on; ``right`` and ``down``: its place in a pixel, in steps."""

    letters: str
    prop: FontProperties
    font: str  # the file that is found for it now
    dpi: float
    colour: Any  # as matplotlib keeps it: red, green, blue, opacity
    smooth: bool
    right: int
    down: int


class _Piece(NamedTuple):
    """A text's image, from the bottom up, and how far below the baseline it begins (pixels)."""

    image: npt.NDArray[np.uint8]
    below: int


class LetteringCanvas(FigureCanvasAgg):
    """The canvas of a figure that is drawn again and again, with nearly the same words."""

    def get_renderer(self) -> RendererAgg:
        """The renderer, kept as long as the figure has the same size."""
        kept: RendererAgg | None = getattr(self, "renderer", None)
        wide, tall = self.get_width_height(physical=True)
        dpi = self.figure.dpi
        if kept is None or (kept.width, kept.height, kept.dpi) != (wide, tall, dpi):
            kept = self.renderer = _Lettering(wide, tall, dpi)  # type: ignore[no-untyped-call]
        return kept


class _Lettering(RendererAgg):
    """Draws as Agg does, but level texts from the pieces kept."""

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: FontProperties, angle: float,
        ismath: Any = False, mtext: Any = None,
    ) -> None:  # fmt: skip
        """Draw a text whose baseline begins ``x`` pixels from the left and ``y`` from the top."""
        if angle or ismath or gc.get_alpha() != 1:
            super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)  # type: ignore[no-untyped-call]
            return
        (left, right), (top, down) = (divmod(round(at * _STEPS), _STEPS) for at in (x, y))
        piece = _drawn(
            _Text(
                s, prop.copy(), findfont(prop), self.dpi, gc.get_rgb(), gc.get_antialiased(),
                right, down,
            )
        )  # fmt: skip
        self.draw_image(gc, left - _ROOM, int(self.height) - top - piece.below, piece.image)

    def get_text_width_height_descent(
        self, s: str, prop: FontProperties, ismath: Any
    ) -> tuple[float, float, float]:
        """How wide and tall a text is, and how far it reaches below its baseline (pixels)."""
        if ismath:
            return super().get_text_width_height_descent(s, prop, ismath)  # type: ignore[no-any-return, no-untyped-call]
        return _measured(s, prop.copy(), findfont(prop), self.dpi)


@lru_cache(maxsize=_MOST)
def _measured(
    letters: str, prop: FontProperties, font: str, dpi: float
) -> tuple[float, float, float]:
    """A text's sizes, which are asked for again when it is drawn; they take a third of the time."""
    return _agg(1, 1, dpi).get_text_width_height_descent(letters, prop, False)  # type: ignore[no-any-return]


@lru_cache(maxsize=_MOST)
def _drawn(text: _Text) -> _Piece:
    wide, tall, descent = _measured(text.letters, text.prop, text.font, text.dpi)
    above, below = ceil(tall - descent) + _ROOM, ceil(descent) + _ROOM
    paper = _agg(ceil(wide) + 2 * _ROOM, above + below, text.dpi)
    gc = paper.new_gc()
    gc.set_foreground(text.colour, isRGBA=True)
    gc.set_antialiased(text.smooth)
    at = _ROOM + text.right / _STEPS, above + text.down / _STEPS
    paper.draw_text(gc, *at, text.letters, text.prop, 0)
    return _Piece(np.array(paper.buffer_rgba())[::-1], below)


def _agg(wide: int, tall: int, dpi: float) -> Any:
    """A sheet of so many pixels."""
    return RendererAgg(wide, tall, dpi)  # type: ignore[no-untyped-call]
