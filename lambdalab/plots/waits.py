"""The history of one asynchronous event, and the picture of many waits by the event's age."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from lambdalab.plots import canvas, words
from lambdalab.plots.canvas import Style
from lambdalab.plots.frames import (
    Floats,
    Ints,
    end_of,
    function_setting,
    ordinals,
    request_number,
    seconds,
    start_of,
)
from lambdalab.plots.journey import dead_letter_queue
from lambdalab.plots.palette import ANSWER as SUCCEEDED
from lambdalab.plots.palette import DEAD_LETTER, INK, LOST, MUTED, OUTCOMES, THROTTLE, Look

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_NICE_AGES = (0.1, 1, 10, 60, 600, 3600, 21_600)
_NICE_WAITS = (0.1, 1, 2, 5, 10, 30, 60, 120, 300, 600)
_YOUNGEST = 0.1
_APART, _APART_TEXT = 1 / 45, 1 / 19  # of the axis' width: between points, between their texts
_ALIKE, _SEVERAL = 0.85, 5  # so close to the longest wait, and so many: told together
_TOGETHER = 0.75  # of the axis' width: where the words about those begin


@dataclass(frozen=True, slots=True)
class History:
    """One event's tries and waits, in seconds since it was accepted.

    ``begun``, ``lengths`` and ``causes`` are its waits; ``attempts`` (start, handler's start, end,
    outcome, error type); ``fate`` is succeeded, dead letter, lost or in flight.
    """

    request: int
    begun: Floats
    lengths: Floats
    causes: list[str]
    attempts: list[tuple[float, float, float, str, str]]
    ended_at: float
    fate: str
    cause: str
    queue: str
    maximum_age: float | None

    @property
    def throttles(self) -> int:
        """How often no concurrency was free."""
        return sum(cause.startswith("throttled") for cause in self.causes)

    def title(self) -> str:
        """What happened, in a line."""
        waits = int((self.lengths > 0).sum())
        tries = words.count(len(self.attempts), "attempt")
        throttled = f", {words.count(self.throttles, 'throttle')}" if self.throttles else ""
        text = f"r{self.request}: {tries}{throttled}, {words.count(waits, 'wait')}"
        told = {"succeeded": "then success", "in flight": "not over yet", "lost": "then lost"}
        return f"{text}, {told.get(self.fate, 'then the dead-letter queue')}"

    def ending(self) -> str:
        """The rule that ended it, and where the event went."""
        if self.fate == "in flight":
            return "not over yet"
        if self.fate == "succeeded":
            return f"succeeded\nat {words.duration(self.ended_at)}"
        where = (
            f"to dead-letter queue\n{self.queue!r}" if self.fate == "dead letter" else "event lost"
        )
        return f"{words.plain(self.cause)}:\n{where}"


def most_interesting(trace: Trace, request: str | None) -> int | None:
    """The row of the event to show: the one named, else the one that waited most often."""
    if request is not None:
        return request_number(trace, request) - 1
    own = trace.retries[trace.retries["lane"] == "service"]
    if len(own):
        numbers, counts = np.unique(ordinals(own["request_id"]), return_counts=True)
        return int(numbers[np.argmax(counts)]) - 1
    events = trace.invocations[trace.invocations["invocation_type"] == "Event"]
    return int(events.index[0]) if len(events) else None


def history(trace: Trace, row: int) -> History:
    """What the books say about the event in ``row`` of ``trace.invocations``."""
    call = trace.invocations.iloc[row]
    name = str(call["request_id"])
    zero = (call["requested_at"] - start_of(trace)).total_seconds()
    latest = end_of(trace) - zero
    waits = trace.retries[
        (trace.retries["request_id"] == name) & (trace.retries["lane"] == "service")
    ]
    begun = seconds(trace, waits["at"]) - zero
    lengths = waits["waited_ms"].to_numpy(dtype=float) / 1000
    lengths = np.where(np.isnan(lengths), latest - begun, lengths)
    over = not pd.isna(call["completed_at"])
    ended = (call["completed_at"] - start_of(trace)).total_seconds() - zero if over else latest
    queue = dead_letter_queue(trace, name)
    worked = call["status"] == "succeeded"
    fate = "succeeded" if worked else "dead letter" if queue else "lost" if over else "in flight"
    age = function_setting(trace, str(call["function"]), "maximum_event_age")
    return History(
        row + 1, begun, lengths, waits["cause"].astype(str).tolist(),
        _attempts(trace, name, zero, latest), ended, fate, str(call["cause"]), queue,
        None if age is None else float(age),
    )  # fmt: skip


def _attempts(
    trace: Trace, name: str, zero: float, latest: float
) -> list[tuple[float, float, float, str, str]]:
    own = trace.attempts[trace.attempts["request_id"] == name]
    starts, ends = seconds(trace, own["started_at"]) - zero, seconds(trace, own["ended_at"]) - zero
    cold = own[["setup_ms", "init_ms"]].sum(axis=1).to_numpy() / 1000
    ends = np.where(np.isnan(ends), latest, ends)
    outcomes, errors = own["outcome"].astype(str), own["error_type"].astype(str)
    return list(
        zip(starts.tolist(), (starts + cold).tolist(), ends.tolist(), outcomes, errors, strict=True)
    )


def thinned(values: Floats, apart: float) -> Ints:
    """Places of rising values that are at least ``apart`` from the one kept before; the last too.

    >>> thinned(np.array([0.0, 0.1, 1.0, 1.05, 1.1]), 0.5).tolist()
    [0, 2, 4]
    """
    kept: list[int] = []
    for place, value in enumerate(values.tolist()):
        if not kept or value - values[kept[-1]] >= apart:
            kept.append(place)
    if kept and kept[-1] != len(values) - 1:
        kept.append(len(values) - 1)
    return np.array(kept, dtype=np.int64)


def waits_by_age(ax: Axes, found: History, style: Style) -> Axes:
    """Many waits: each a point, at the age at which it began and as high as it is long."""
    real = found.lengths > 0
    ages = np.maximum(found.begun[real], _YOUNGEST)
    lengths = found.lengths[real]
    causes = np.array(found.causes)[real]
    high = max(found.ended_at, float(ages[-1])) * 1.25
    _axes(ax, ages, lengths, high)
    kept = thinned(np.log10(ages), _APART * np.log10(high / ages[0]))
    ax.step(
        np.append(ages, found.ended_at), np.append(lengths, lengths[-1]), where="post",
        color=MUTED, linewidth=0.8, gid="steps", zorder=1.5,
    )  # fmt: skip
    looks = []
    for cause in dict.fromkeys(causes.tolist()):
        own = kept[causes[kept] == cause]
        look = _look(cause)
        ax.plot(
            ages[own], lengths[own], linestyle="none", marker=look.marker, markersize=8,
            color=look.colour, markeredgecolor=INK, markeredgewidth=0.5, gid=f"waits:{cause}",
        )  # fmt: skip
        point = look.point()
        point.set_label(f"a wait after {words.reason(cause)}")
        looks.append(point)
    _lengths(ax, ages, lengths, len(kept), high)
    _ending(ax, found, high, float(lengths.max()), float(lengths.min()))
    canvas.headline(ax, found.title(), looks, **style)
    return ax


def _look(cause: str) -> Look:
    """Throttles by their own mark, errors as attempts show them."""
    if cause.startswith("throttled"):
        return THROTTLE
    return OUTCOMES.get(cause, OUTCOMES["error"])


def _axes(ax: Axes, ages: Floats, lengths: Floats, high: float) -> None:
    ax.set(xscale="log", yscale="log", xlim=(float(ages[0]) / 1.5, high))
    ax.set_ylim(float(lengths.min()) / 3.2, float(lengths.max()) * 3)
    for axis, nice in ((ax.xaxis, _NICE_AGES), (ax.yaxis, _NICE_WAITS)):
        axis.set_major_locator(FixedLocator(nice))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: words.tick(value)))
    ax.set_xlabel("age of the event (virtual time, logarithmic)")
    ax.set_ylabel("wait before the next try")
    ax.grid(color="#E6E6E6", linewidth=0.8)
    ax.set_axisbelow(True)


def _lengths(ax: Axes, ages: Floats, lengths: Floats, drawn: int, high: float) -> None:
    """The length of each wait above its point; those at the longest level are told together."""
    level = lengths >= _ALIKE * lengths.max()
    first = int(np.argmax(level))
    together = int(level[first:].sum()) >= _SEVERAL
    alone = np.arange(first + 1 if together else len(ages))
    if together:  # a single length has no room below the words about many
        share = np.log10(ages / ages[0] * 1.5) / np.log10(high / ages[0] * 1.5)
        alone = alone[share[alone] < _TOGETHER]
    for place in thinned(np.log10(ages[alone]), _APART_TEXT * np.log10(high / ages[0])).tolist():
        ax.annotate(
            f"{lengths[place]:.3g} s", (float(ages[place]), float(lengths[place])),
            (0, 8), textcoords="offset points", ha="center", fontsize="small", color=INK,
        )  # fmt: skip
    if together:
        text = f"{level.sum():,} waits of {lengths[level].min():.0f} to {lengths.max():.0f} s"
        if drawn < len(ages):
            text += f"\n({drawn} of all {len(ages):,} waits drawn)"
        ax.annotate(
            text, (float(ages[-1]), float(lengths.max())), (-6, 10), textcoords="offset points",
            ha="right", fontsize="small", color=INK,
        )  # fmt: skip


def _ending(ax: Axes, found: History, high: float, longest: float, shortest: float) -> None:
    """The rule that ended it: a line at its age, a mark, and words to the left of it."""
    look = {"succeeded": SUCCEEDED, "dead letter": DEAD_LETTER}.get(found.fate, LOST)
    ax.axvline(found.ended_at, color=INK, linestyle="--", linewidth=1, gid="end line", zorder=1)
    y = shortest / 1.5
    if found.fate != "in flight":
        ax.plot(
            [found.ended_at], [y], marker=look.marker, markersize=11, color=look.colour,
            markeredgecolor=INK, markeredgewidth=0.6, linestyle="none", gid="end", zorder=5,
        )  # fmt: skip
    text = found.ending().replace("\n", " ")
    if found.cause == "event_age_exceeded" and found.maximum_age is not None:
        text = (
            f"{text}\nat {words.duration(found.ended_at)}: one more wait would pass "
            f"the maximum age of {words.duration(found.maximum_age)}"
        )
    elif found.attempts:
        text += f" (attempt {len(found.attempts)})"
    ax.annotate(
        text, (found.ended_at, y), (-12, 0), textcoords="offset points", ha="right", va="center",
        fontsize="small", color=INK,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85},
    )  # fmt: skip
