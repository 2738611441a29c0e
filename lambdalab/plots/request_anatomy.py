"""Who gave up first, and what ran on? One call from outside: its tries, what it asked, what Lambda did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from lambdalab.plots import bars, canvas
from lambdalab.plots.anatomy import Anatomy, Stretch
from lambdalab.plots.canvas import Style
from lambdalab.plots.palette import (
    ASKED,
    AWAY,
    FRONT,
    INIT,
    INK,
    MUTED,
    OUTCOMES,
    QUEUED,
    RAN_ON,
    Look,
)

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_HEADING = "Who gave up first, and what ran on?"
_LETTER = 0.0135  # width of a letter as a share of the axis
_LOOKS = {
    "asked": ASKED, "away": AWAY, "front": FRONT, "queue": QUEUED, "init": INIT, "ran_on": RAN_ON,
}  # fmt: skip
_WHITE = (OUTCOMES["success"].colour,)
_MANY = 400  # stretches above which bars are lines, without texts


def request_anatomy(
    trace: Trace, *, ax: Axes | None = None, call: int | str | None = None, **style: Unpack[Style]
) -> Axes:
    """Draw one call from outside: the caller's tries, the service in front, Lambda's queue, the function.

    Look at the lanes from the top: each one waits for the next. A dashed line shows where somebody
    stopped waiting; what the function did after that was hatched: it ran on, nobody heard of it, and it
    was billed. White gaps between tries are the *caller's* waits (retries of lane client), those in the
    lane ``event queue`` are *Lambda's* (lane service).

    Parameters
    ----------
    trace
        A trace with at least one row in ``requests``.
    ax
        The axes to draw on; by default those of a new figure.
    call
        Which one: a number of ``requests.call``, or the id of an invocation it led to (``"r2"``). By
        default the first that somebody gave up on; else the first with several tries; else the first.
    style
        See :class:`~lambdalab.plots.canvas.Style`.

    Returns the axes, x in seconds since the first try.

    Raises :class:`~lambdalab.errors.UnknownName` for a call that is not in the trace.

    Example
    -------
    >>> from lambdalab import plots, scenarios
    >>> ax = plots.request_anatomy(scenarios.sync_vs_async(), call="r2")
    >>> ax.get_title(loc="left")
    'Nobody gave up: the answer came after 2.23 s'
    """
    anatomy = Anatomy.of(trace, call)
    lanes = [] if anatomy is None else list(anatomy.lanes)
    ax = canvas.axes(ax, "request_anatomy", (9.0, 1.4 + 0.5 * max(len(lanes), 4)), **style)
    if anatomy is None:
        sentence = "No call to show: nobody outside has asked for anything in this trace."
        return canvas.nothing(ax, sentence, _HEADING, **style)
    length = canvas.length(anatomy.length)
    at_once = any(s.end == 0 for stretches in anatomy.lanes.values() for s in stretches)
    low = -0.015 * length if at_once else 0  # else the axis would hide the mark
    canvas.time_axis(ax, low, length * 1.22, "virtual time since the first try")
    canvas.lane_labels(ax, lanes)
    many = sum(map(len, anatomy.lanes.values())) > _MANY
    for place, stretches in enumerate(anatomy.lanes.values()):
        _lane(ax, place, stretches, length, many)
    for at, name in anatomy.gave_up:
        ax.axvline(at, color=INK, linestyle="--", linewidth=1.1, zorder=1, gid=f"gave up:{name}")
    canvas.headline(ax, anatomy.title, _legend(anatomy), columns=5, **style)
    return ax


def _lane(ax: Axes, place: float, stretches: list[Stretch], length: float, many: bool) -> None:
    for what in dict.fromkeys(s.what for s in stretches):
        own = [s for s in stretches if s.what == what and s.end > s.start]
        starts, ends = np.array([s.start for s in own]), np.array([s.end for s in own])
        lanes = np.full(len(own), float(place))
        bars.draw(ax, lanes, starts, ends, look(what), what, many=many, height=0.5)
    marks = [s.start for s in stretches if s.end == s.start]
    if marks:
        ax.plot(
            marks, [place] * len(marks), marker="|", markersize=15, markeredgewidth=2.2, color=INK,
            linestyle="none", gid="at once", zorder=4,
        )  # fmt: skip
    if not many:
        _say(ax, place, stretches, length)


def _say(ax: Axes, place: float, stretches: list[Stretch], length: float) -> None:
    """The texts of a lane: on a bar that is wide and plain, else right of the last one."""
    for number, stretch in enumerate(stretches):
        later = stretches[number + 1 :]
        if not stretch.text or (later and later[0].start < stretch.end):
            continue
        shown = look(stretch.what)
        room = stretch.end - stretch.start > len(stretch.text) * length * canvas.letter(ax, _LETTER)
        if room and not shown.hatch:
            ax.text(
                (stretch.start + stretch.end) / 2, place, stretch.text, ha="center", va="center",
                fontsize="small", color="white" if shown.colour in _WHITE else INK, zorder=6,
            )  # fmt: skip
        elif number == len(stretches) - 1:
            canvas.note(ax, stretch.end + 0.012 * length, place, stretch.text, va="center")
        elif room:
            ax.text(
                stretch.start + 0.004 * length, place - 0.27, stretch.text, va="bottom",
                fontsize="small", color=MUTED,
            )  # fmt: skip


def look(what: str) -> Look:
    """What a stretch looks like: its own look, or that of the outcome it is named after."""
    return _LOOKS.get(what) or OUTCOMES[what]


def _legend(anatomy: Anatomy) -> list[Artist]:
    """An entry for each look that is on the picture."""
    seen = {s.what for stretches in anatomy.lanes.values() for s in stretches if s.end > s.start}
    return [look(what).patch() for what in [*_LOOKS, *OUTCOMES] if what in seen]
