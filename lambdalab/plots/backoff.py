"""When is it retried? The waits between the tries of one asynchronous event, and what ended them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

from lambdalab.plots import bars, canvas, words
from lambdalab.plots.canvas import Style
from lambdalab.plots.palette import ANSWER as SUCCEEDED
from lambdalab.plots.palette import DEAD_LETTER, INIT, INK, LOST, MUTED, OUTCOMES, WAIT
from lambdalab.plots.waits import History, history, most_interesting, waits_by_age

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_TITLE = "When is it retried?"
_FEW = 6
_UNEVEN = 8  # longest wait over shortest: above it a linear axis shows only the longest


def backoff(
    trace: Trace, *, ax: Axes | None = None, request: str | None = None, **style: Unpack[Style]
) -> Axes:
    """Draw the tries of one asynchronous event and the waits between them.

    A few waits are drawn as grey bars on a linear axis: look for the two retries after errors, about
    one and two minutes after the failed attempt, and for the rule that ends the series (the last
    text). Many waits, as throttles make them, are points: age of the event to the right, length of the
    next wait upwards, both logarithmic. Look for the straight rise (each wait is twice the one before),
    the level at five minutes, and the age at which the event is given up.

    Parameters
    ----------
    trace
        The trace to draw.
    ax
        The axes to draw on; by default those of a new figure.
    request
        The event's request id (``"r3"``); by default the event that waited most often.
    style
        See :class:`~lambdalab.plots.canvas.Style`.

    Returns the axes, x in seconds since the event was accepted.
    """
    event = most_interesting(trace, request)
    ax = canvas.axes(ax, "backoff", (9.0, 3.6), **style)
    if event is None:
        sentence = "No asynchronous event in this trace: only those are retried by Lambda."
        return canvas.nothing(ax, sentence, _TITLE, **style)
    found = history(trace, event)
    lengths = found.lengths[found.lengths > 0]
    if len(lengths) > _FEW or (len(lengths) and lengths.max() > _UNEVEN * lengths.min()):
        return waits_by_age(ax, found, style)
    return _line(ax, found, style)


def _line(ax: Axes, found: History, style: Style) -> Axes:
    """A few waits: everything on one line, each with its length and cause below."""
    end = canvas.length(found.ended_at)
    limit = found.maximum_age
    shows_limit = limit is not None and limit <= 2 * end
    canvas.time_axis(
        ax, -0.02 * end, max(1.26 * end, 1.05 * limit if shows_limit and limit else 0),
        "virtual time since the event was accepted",
    )  # fmt: skip
    ax.set(ylim=(-1.15, 1.15), yticks=[])
    ax.spines["left"].set_visible(False)
    bars.draw(
        ax, np.zeros(len(found.begun)), found.begun, found.begun + found.lengths, WAIT, "waits",
        height=0.16,
    )  # fmt: skip
    for begun, length, cause in zip(found.begun, found.lengths, found.causes, strict=True):
        if length:
            text = f"waits {words.duration(length)}\n{words.plain(cause)}"
            ax.text(
                begun + length / 2, -0.22, text, ha="center", va="top", fontsize="small", color=INK
            )
    _attempts(ax, found)
    _end(ax, found, found.ended_at)
    if shows_limit and limit is not None:
        ax.axvline(limit, color=MUTED, linestyle="--", linewidth=1, gid="maximum age")
        canvas.note(
            ax, limit, -0.98, f"maximum event age {words.duration(limit)} ", ha="right", va="center"
        )
    canvas.headline(ax, found.title(), _entries(ax, found), **style)
    return ax


def _attempts(ax: Axes, found: History) -> None:
    attempts = found.attempts
    for number, (start, begun, end, outcome, error) in enumerate(attempts, start=1):
        zero = np.zeros(1)
        if begun > start:
            bars.draw(ax, zero, np.array([start]), np.array([begun]), INIT, "init", height=0.4)
        look = OUTCOMES[outcome]
        bars.draw(ax, zero, np.array([begun]), np.array([end]), look, outcome, height=0.4, zorder=3)
        ax.plot(
            [end], [0.42], marker=look.marker, markersize=8, color=look.colour, linestyle="none",
            markeredgecolor=INK, markeredgewidth=0.5, gid="attempts", zorder=5,
        )  # fmt: skip
        text = f"attempt {number}\n{error or words.plain(outcome)}"
        near_left = end < 0.05 * ax.get_xlim()[1]
        ax.text(
            0 if near_left else end, 0.58, text, ha="left" if near_left else "center", va="bottom",
            fontsize="small", color=INK,
        )  # fmt: skip


def _end(ax: Axes, found: History, end: float) -> None:
    """The rule that ended the series, where it ended."""
    look = {"succeeded": SUCCEEDED, "dead letter": DEAD_LETTER}.get(found.fate, LOST)
    beside: dict[str, Any] = {
        "xycoords": "data",
        "textcoords": "offset points",
        "va": "center",
        "fontsize": "small",
    }
    white = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
    if found.fate != "in flight":
        figure = ax.get_figure(root=True)
        if figure is not None:
            right = ScaledTranslation(12 / 72, 0, figure.dpi_scale_trans)
            ax.plot(
                [end], [0], marker=look.marker, markersize=11, color=look.colour, zorder=5, gid="end",
                markeredgecolor=INK, markeredgewidth=0.6, linestyle="none",
                transform=ax.transData + right,
            )  # fmt: skip
    ax.annotate(found.ending(), (end, 0), (22, 0), bbox=white, color=INK, **beside)


def _entries(ax: Axes, found: History) -> list[Artist]:
    """Bars that are wide enough to be seen, and the mark of each outcome."""
    starts, begun = (np.array([attempt[n] for attempt in found.attempts]) for n in (0, 1))
    outcomes = dict.fromkeys(attempt[3] for attempt in found.attempts)
    entries: list[Artist] = []
    if bars.wide(ax, found.begun, found.begun + found.lengths):
        entries.append(WAIT.patch())
    if bars.wide(ax, starts, begun):
        entries.append(INIT.patch())
    return entries + [OUTCOMES[name].point() for name in outcomes]
