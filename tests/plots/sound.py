"""What holds for every picture: looks as the legend has them, nothing beyond the axes, true units.

The tables are not asked here: see ``truth_*.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import Collection
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lambdalab import plots
from lambdalab.plots.palette import Look

UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
BEYOND = {"visibility": ("hidden",), "concurrency": ("environments", "limit:", "steps")}
"""What may go on beyond the axes: invisibility that nobody waits for, what stood before the first run."""
EDGE = 3  # pixels


def looks() -> dict[str, set[tuple[str, str]]]:
    """All looks that the plots have, by what the legend says: colour and hatch."""
    found: dict[str, set[tuple[str, str]]] = {}
    for module in iter_modules(plots.__path__):
        for value in vars(import_module(f"lambdalab.plots.{module.name}")).values():
            for look in _inside(value):
                found.setdefault(look.label, set()).add((to_hex(look.colour), look.hatch))
    return found


def _inside(value: Any) -> Iterator[Look]:
    if isinstance(value, Look):
        yield value
    elif isinstance(value, (dict, tuple)):
        for one in value.values() if isinstance(value, dict) else value:
            if isinstance(one, Look):
                yield one


LOOKS = looks()


def check_sound(plot: str, ax: Axes) -> None:
    """Raises AssertionError for a picture whose looks, legend, limits or unit are not true."""
    figure = ax.figure
    figure.canvas.draw()
    legend = ax.get_legend()
    assert legend is not None, "there is a legend"
    entries = dict(
        zip((t.get_text() for t in legend.get_texts()), legend.legend_handles, strict=True)
    )
    drawn = [
        artist for one in figure.axes for artist in (*one.lines, *one.collections)
        if artist.get_gid()
    ]  # fmt: skip
    for artist in drawn:
        _looks_as_said(artist, entries)
        if not str(artist.get_gid()).startswith(BEYOND.get(plot, "\0")):
            _within(ax, artist)
    for text, handle in entries.items():
        colour, hatch = _look(handle)
        hatches = (
            {hatch for _, hatch in LOOKS.get(text, ())} if isinstance(handle, Line2D) else {hatch}
        )
        assert text not in LOOKS or {(colour, one) for one in hatches} & LOOKS[text], text
    _unit(ax)


def _look(artist: Artist | None) -> tuple[str, str]:
    """Colour and hatch."""
    if isinstance(artist, Line2D):
        marked = artist.get_marker() not in ("", "None", None)
        return to_hex(artist.get_markerfacecolor() if marked else artist.get_color()), ""
    if isinstance(artist, Patch):
        return to_hex(artist.get_facecolor()), artist.get_hatch() or ""
    assert isinstance(artist, Collection)
    colours = artist.get_facecolor()
    return to_hex(colours[0] if len(colours) else (0, 0, 0, 0)), artist.get_hatch() or ""


def _looks_as_said(artist: Artist, entries: dict[str, Any]) -> None:
    """An artist that has an entry looks like it; one that has a look's name looks like that."""
    label = str(artist.get_label())
    allowed = set(LOOKS.get(label, ()))
    if label in entries:
        allowed.add(_look(entries[label]))
    if not allowed:
        return
    colour, hatch = _look(artist)
    if isinstance(artist, Line2D):
        assert colour in {colour for colour, _ in allowed}, f"{label}: {colour}"
    else:
        assert (colour, hatch) in allowed, f"{label}: {colour} {hatch!r}, not {allowed}"


def _within(ax: Axes, artist: Artist) -> None:
    """Nothing is drawn left or right of the axes."""
    bounds = ax.get_window_extent()
    paths = [artist.get_path()] if isinstance(artist, Line2D) else artist.get_paths()  # type: ignore[attr-defined]
    for path in paths:
        if not len(path.vertices) or (isinstance(artist, Collection) and len(artist.get_offsets())):
            continue
        x = artist.get_transform().transform(path.vertices)[:, 0]
        x = x[np.isfinite(x)]
        inside = (x >= bounds.x0 - EDGE) & (x <= bounds.x1 + EDGE)
        assert inside.all(), f"{artist.get_gid()} goes on beyond the axes"


def _unit(ax: Axes) -> None:
    """The unit in the label is that of the numbers at the ticks, which are seconds."""
    found = re.search(r"virtual time.* \((\w+)\)$", ax.get_xlabel())
    if found and ax.get_xscale() == "linear":
        seconds = UNITS[found[1]]
        assert ax.xaxis.get_major_formatter()(12 * seconds, 0) == "12"
