"""A figure that is drawn again and again: what an explorer shows, as the bytes of a PNG.

Nothing of pyplot: the figure has its own Agg canvas, is kept, and its margins are fixed, because a
constrained layout draws everything twice.
"""

from __future__ import annotations

import struct
import textwrap
import zlib
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes as Axes  # the widgets name it in their hints
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lambdalab.plots.canvas import one_scale, retitle, second
from lambdalab.plots.lettering import LetteringCanvas
from lambdalab.plots.palette import INK, MUTED

Draw = Callable[[Axes], Axes]

_DPI = 90
_LEFT, _RIGHT, _TOP, _BOTTOM = 1.15, 0.25, 0.62, 0.55  # inches
_SECOND = 0.85  # at the right of axes that have a second scale there
_LINE = 0.22  # of the title
_WIDTH, _LETTERS = 9.0, 100  # of a picture that is text: inches, and letters in a line


class Picture:
    """Draws one plot, or two below each other, into PNG bytes.

    Parameters: ``width`` and ``height`` of one plot in inches.
    """

    def __init__(self, width: float = 9.0, height: float = 3.8) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width, height), dpi=_DPI)
        self.canvas = LetteringCanvas(self.figure)

    def png(self, draw: Draw, pinned: Draw | None = None) -> bytes:
        """The picture; ``pinned`` is drawn faint below it, on the same time axis."""
        draws = [draw] if pinned is None else [draw, pinned]
        for ax in list(self.figure.axes):
            self.figure.delaxes(ax)  # cheaper than clear(), which empties each of them first
        self.figure.set_size_inches(self.width, self.height * len(draws))
        axes = [each(self._place(n, len(draws))) for n, each in enumerate(draws)]
        for number, ax in enumerate(axes):
            self._make_room(ax, number, len(draws))
        if pinned is not None:
            one_scale(axes)
            _fade(axes[1])
        return _png(self.canvas)

    @property
    def told(self) -> str:
        """What is drawn, in words: the titles."""
        return "; ".join(
            ax.get_title(loc="left") for ax in self.figure.axes if ax.get_title(loc="left")
        )

    def _place(self, number: int, count: int) -> Axes:
        """The axes of the ``number``-th plot from the top."""
        return self.figure.add_axes(self._bounds(number, count, _TOP))

    def _make_room(self, ax: Axes, number: int, count: int) -> None:
        """Lower axes whose legend has so many rows that the title above it would be cut off.

        Narrow those that have another axis at their right.
        """
        offset = ax.titleOffsetTrans  # type: ignore[attr-defined]  # of the pad that it was given
        above = float(offset.get_matrix()[1, 2]) / self.figure.dpi + _LINE
        right = _RIGHT if second(ax) is None else _SECOND
        if above > _TOP or right > _RIGHT:
            ax.set_position(self._bounds(number, count, max(above, _TOP), right))

    def _bounds(
        self, number: int, count: int, top: float, right: float = _RIGHT
    ) -> tuple[float, float, float, float]:
        """Left, bottom, width, height as shares of the figure; margins are in inches."""
        tall = self.height * count
        foot = (count - 1 - number) * self.height + _BOTTOM
        return (
            _LEFT / self.width, foot / tall, 1 - (_LEFT + right) / self.width,
            (self.height - top - _BOTTOM) / tall,
        )  # fmt: skip


def question(text: str, options: Sequence[str], below: Sequence[str] = ()) -> bytes:
    """A question and its options as the bytes of a PNG, for places that show nothing but pictures.

    Parameters: ``below``, paragraphs that stand under the options, such as the answer.

    >>> question("Who waits?", ["the caller", "nobody"])[1:4]
    b'PNG'
    """
    asked = textwrap.wrap(text, _LETTERS)
    offered = [
        line
        for option in options
        for line in textwrap.wrap(
            option, _LETTERS, initial_indent="  \N{WHITE CIRCLE} ", subsequent_indent="     "
        )
    ]
    told = [line for each in below for line in ["", *textwrap.wrap(each, _LETTERS)]]
    tall = _LINE * (len(asked) + len(offered) + len(told) + 2)
    figure = Figure(figsize=(_WIDTH, tall), dpi=_DPI)
    for number, line in enumerate([*asked, *offered, *told]):
        figure.text(
            0.02, 1 - _LINE * (number + 1) / tall, line, va="center", color=INK, parse_math=False,
            fontweight="bold" if number < len(asked) else "normal",
        )  # fmt: skip
    return _png(FigureCanvasAgg(figure))


def _png(canvas: FigureCanvasAgg) -> bytes:
    """The figure as a PNG without transparency, its lines as they are: quicker to make than by Pillow,
    which tries five ways to write each line."""
    canvas.draw()  # type: ignore[no-untyped-call]
    points = np.asarray(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
    tall, wide, colours = points.shape
    lines = np.zeros((tall, 1 + wide * colours), np.uint8)  # a line begins with how it was written
    lines[:, 1:] = points.reshape(tall, -1)
    head = struct.pack(">IIBBBBB", wide, tall, 8, 2, 0, 0, 0)  # 8 bits each of red, green and blue
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.data, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    told = kind + data
    return struct.pack(">I", len(data)) + told + struct.pack(">I", zlib.crc32(told))


def _fade(ax: Axes) -> None:
    """A white veil over the plot of the pinned run; its title says what it is."""
    (second(ax) or ax).add_patch(
        Rectangle(
            (0, 0), 1, 1, transform=ax.transAxes, facecolor="white", alpha=0.55, zorder=50,
            edgecolor="none",
        )
    )  # fmt: skip
    retitle(ax, "pinned", MUTED)
    legend = ax.get_legend()
    if legend is not None:
        legend.set_alpha(0.5)
