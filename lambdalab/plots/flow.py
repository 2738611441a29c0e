"""A still of the flow animation: boxes, arrows, cells and dots where they are at one moment.

Look for where dots gather, which cells are hatched (cold) and which crossed (their last run failed), and
what lies in the boxes with a dashed arrow: the dead letters.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from matplotlib.path import Path

from lambdalab.plots.palette import (
    BLACK,
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PALE,
    PURPLE,
    SKY,
    VERMILLION,
    YELLOW,
)
from lambdalab.plots.words import shortened

Point = tuple[float, float]

_DPI = 100
_UNITS = 100.0  # of the picture's own units to an inch
_TITLE = 56.0
_LETTER = 6.6
_MARKERS = {"request": "o", "message": "s", "record": "D", "event": "^", "try": "o", "batch": "s"}
_COLOURS = {
    "waiting": SKY, "kept": SKY, "held": SKY, "front": SKY, "delayed": "#FFFFFF",
    "hidden": "#FFFFFF", "retry": ORANGE, "throttled": ORANGE, "running": BLUE, "done": GREEN,
    "failed": VERMILLION, "lost": BLACK, "letter": PURPLE,
}  # fmt: skip
_CELLS = {"cold": (YELLOW, "////"), "busy": (BLUE, ""), "idle": (PALE, ""), "failed": (PALE, "xx")}


@dataclass(frozen=True)
class Box:
    """A box: its rectangle from the upper left corner, its name and the two lines below it."""

    x: float
    y: float
    width: float
    height: float
    name: str
    numbers: str
    about: str
    letters: bool


@dataclass(frozen=True)
class Arrow:
    """An arrow as a polyline, and its name with its place."""

    path: list[Point]
    name: str
    x: float
    y: float
    letters: bool


@dataclass(frozen=True)
class Mark:
    """A dot (its kind and state) or an environment's cell (kind "cell")."""

    x: float
    y: float
    kind: str
    state: str
    text: str = ""


@dataclass(frozen=True)
class Scene:
    """All that a still shows; lengths in units of the picture, y downwards.

    ``bars`` are the pollers' windows: x, the height of the middle, width, share that is full, name.
    """

    width: float
    height: float
    boxes: list[Box]
    arrows: list[Arrow]
    bars: list[tuple[float, float, float, float, str]]
    marks: list[Mark]
    title: str


def flow(scene: Scene, ax: Axes) -> Axes:
    """Draw a scene on axes, whose data are then the picture's units."""
    ax.set(xlim=(0, scene.width), ylim=(scene.height, -_TITLE), aspect="equal")
    ax.axis("off")
    lines = wrap(scene.title, max(int(scene.width / 7.2), 20))[:2]
    ax.text(10, -_TITLE + 6, "\n".join(lines), va="top", fontsize=9, color=INK, parse_math=False)
    for arrow in scene.arrows:
        _arrow(ax, arrow)
    for box in scene.boxes:
        _box(ax, box)
    for x, y, width, full, name in scene.bars:
        ax.add_patch(Rectangle((x, y - 6), width, 12, facecolor="#E3E6EA", edgecolor="none"))
        ax.add_patch(Rectangle((x, y - 6), width * full, 12, facecolor="#B9CFE0", edgecolor="none"))
        ax.text(x - 4, y, name, ha="right", va="center", fontsize=6.5, color=INK, parse_math=False)
    for mark in scene.marks:
        _cell(ax, mark) if mark.kind == "cell" else _dot(ax, mark)
    for arrow in scene.arrows:  # last: an arrow's name stands over whatever it meets
        ax.text(arrow.x, arrow.y, shortened(arrow.name, 16), ha="center", va="baseline", fontsize=6.5,
                color=INK, parse_math=False)  # fmt: skip
    return ax


def flow_png(scene: Scene) -> bytes:
    """A scene as the bytes of a PNG."""
    size = max(scene.width, 300) / _UNITS, (scene.height + _TITLE) / _UNITS
    figure = Figure(figsize=size, dpi=_DPI)
    canvas = FigureCanvasAgg(figure)
    flow(scene, figure.add_axes((0, 0, 1, 1)))
    out = io.BytesIO()
    canvas.print_png(  # type: ignore[no-untyped-call]
        out, metadata={"Software": None}
    )
    return out.getvalue()


def _arrow(ax: Axes, arrow: Arrow) -> None:
    colour = VERMILLION if arrow.letters else "#767676"
    ax.add_patch(
        FancyArrowPatch(
            path=Path(arrow.path), arrowstyle="-|>", mutation_scale=9, color=colour, linewidth=1.2,
            linestyle="--" if arrow.letters else "-", shrinkA=0, shrinkB=0,
        )
    )  # fmt: skip


def _box(ax: Axes, box: Box) -> None:
    ax.add_patch(
        FancyBboxPatch(
            (box.x, box.y), box.width, box.height, boxstyle="round,pad=0,rounding_size=8",
            facecolor="#FBF4F8" if box.letters else "#F6F7F9", edgecolor=MUTED, linewidth=1,
        )
    )  # fmt: skip
    most = int(box.width / _LETTER)
    lines = [line for line in (box.numbers, box.about) if line]
    ax.text(box.x + 10, box.y + 19, shortened(box.name, most), fontsize=8, fontweight="bold",
            color=INK, parse_math=False)  # fmt: skip
    for place, line in enumerate(lines):
        ax.text(box.x + 10, box.y + 35 + 16 * place, shortened(line, int(most * 1.25)), fontsize=6.8,
                color=INK if not place else MUTED, parse_math=False)  # fmt: skip


def _cell(ax: Axes, mark: Mark) -> None:
    colour, hatch = _CELLS[mark.state]
    ax.add_patch(
        Rectangle((mark.x - 10, mark.y - 10), 20, 20, facecolor=colour, hatch=hatch,
                  edgecolor=VERMILLION if mark.state == "failed" else MUTED, linewidth=0.8)
    )  # fmt: skip


def _dot(ax: Axes, mark: Mark) -> None:
    batch = mark.kind == "batch"
    ax.plot(
        mark.x, mark.y, _MARKERS[mark.kind], markersize=11 if batch else 6.5, linestyle="none",
        markerfacecolor=_COLOURS[mark.state], markeredgecolor="white" if mark.state == "running" else INK,
        markeredgewidth=0.7, zorder=4,
    )  # fmt: skip
    if batch:
        ax.text(mark.x, mark.y, mark.text, ha="center", va="center", fontsize=6.5, zorder=5,
                color="white" if mark.state == "running" else INK)  # fmt: skip
