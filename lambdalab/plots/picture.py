"""A figure that is drawn again and again: what an explorer shows, as the bytes of a PNG.

Nothing of pyplot: the figure has its own Agg canvas, is kept, and its margins are fixed, because a
constrained layout draws everything twice.
"""

from __future__ import annotations

import io
from collections.abc import Callable

from matplotlib.axes import Axes as Axes  # the widgets name it in their hints
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lambdalab.plots.canvas import one_scale, retitle
from lambdalab.plots.palette import MUTED

Draw = Callable[[Axes], Axes]

_DPI = 90
_LEFT, _RIGHT, _TOP, _BOTTOM = 1.15, 0.25, 0.62, 0.55  # inches


class Picture:
    """Draws one plot, or two below each other, into PNG bytes.

    Parameters: ``width`` and ``height`` of one plot in inches.
    """

    def __init__(self, width: float = 9.0, height: float = 3.8) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width, height), dpi=_DPI)
        self.canvas = FigureCanvasAgg(self.figure)

    def png(self, draw: Draw, pinned: Draw | None = None) -> bytes:
        """The picture; ``pinned`` is drawn faint below it, on the same time axis."""
        draws = [draw] if pinned is None else [draw, pinned]
        for ax in list(self.figure.axes):
            self.figure.delaxes(ax)  # cheaper than clear(), which empties each of them first
        self.figure.set_size_inches(self.width, self.height * len(draws))
        axes = [each(self._place(n, len(draws))) for n, each in enumerate(draws)]
        if pinned is not None:
            one_scale(axes)
            _fade(axes[1])
        out = io.BytesIO()
        self.canvas.print_png(  # type: ignore[no-untyped-call]
            out, metadata={"Software": None}, pil_kwargs={"compress_level": 1}
        )
        return out.getvalue()

    def _place(self, number: int, count: int) -> Axes:
        """The axes of the ``number``-th plot from the top, with margins in inches."""
        tall = self.height * count
        foot = (count - 1 - number) * self.height + _BOTTOM
        return self.figure.add_axes(
            (_LEFT / self.width, foot / tall, 1 - (_LEFT + _RIGHT) / self.width,
             (self.height - _TOP - _BOTTOM) / tall)
        )  # fmt: skip


def _fade(ax: Axes) -> None:
    """A white veil over the plot of the pinned run; its title says what it is."""
    ax.add_patch(
        Rectangle(
            (0, 0), 1, 1, transform=ax.transAxes, facecolor="white", alpha=0.55, zorder=50,
            edgecolor="none",
        )
    )  # fmt: skip
    retitle(ax, "pinned", MUTED)
    legend = ax.get_legend()
    if legend is not None:
        legend.set_alpha(0.5)
