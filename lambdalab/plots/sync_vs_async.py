"""Who waits? One synchronous call and one asynchronous event on the same time axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from lambdalab.plots import bars, canvas, words
from lambdalab.plots.called import called
from lambdalab.plots.canvas import Style
from lambdalab.plots.frames import Floats, request_number
from lambdalab.plots.journey import Journey, Span
from lambdalab.plots.palette import (
    AWAY,
    FRONT,
    INIT,
    INK,
    MUTED,
    NEXT,
    OUTCOMES,
    QUEUED,
    RAN_ON,
    WAIT,
    Look,
)

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_TITLE = "Who waits? A synchronous call and an asynchronous event"
_GROUPS = {
    "RequestResponse": "RequestResponse: the client waits for the function",
    "Event": "Event: the queue answers, the function runs later",
}
_NAME = 14  # letters of a function's name that have room beside its lane
_GAP = 1.2  # lanes between the two groups
_CROWDED = 8  # lanes above which a name has one line
_LETTER = 0.0145  # width of a letter as a share of the longest journey


def sync_vs_async(
    trace: Trace, *, ax: Axes | None = None, sync: str | None = None, event: str | None = None,
    beside: Trace | None = None, **style: Unpack[Style],
) -> Axes:  # fmt: skip
    """Draw one RequestResponse and one Event invocation below each other, each from its own call.

    Look at the two grey bars in the lanes ``client``: the synchronous caller waits for cold start and
    handler and gets the payload; the asynchronous one gets 202 and nothing else, at once, while its
    event waits in Lambda's queue and the function does the same work later. When the function fails,
    the first hears of it and Lambda does nothing more; the second never hears of it, and Lambda tries
    again. Where a service stands in front it has a lane of its own; a client that sends its call again
    has a bar for each try, and each try a run. What is hatched in a function's lane ran on when nobody
    waited any more, and was billed.

    Parameters
    ----------
    trace
        A trace that holds both.
    ax
        The axes to draw on (both groups share them); by default those of a new figure.
    sync, event
        Ids of the two invocations (``"r2"``); by default the first of each kind that a caller outside
        sent, of the same function where there is one.
    beside
        Another run that is drawn on a time axis of the same length: texts are placed for that one.
    style
        See :class:`~lambdalab.plots.canvas.Style`.

    Returns the axes, x in seconds since the call.
    """
    journeys = _choose(trace, sync, event)
    lanes = sum(len(journey.lanes) for journey in journeys)
    ax = canvas.axes(ax, "sync_vs_async", (9.0, 1.5 + 0.5 * max(lanes, 4)), **style)
    if not journeys:
        sentence = "No invocation to show: there is no RequestResponse and no Event in this trace."
        return canvas.nothing(ax, sentence, _TITLE, **style)
    shown = [*journeys, *(_choose(beside, None, None) if beside is not None else [])]
    longest = canvas.length(max(journey.length for journey in shown))
    canvas.time_axis(ax, 0, _room(shown, longest), "virtual time since the call")
    ticks: list[tuple[float, str]] = []
    place = 0.0
    for journey in journeys:
        ax.text(
            0.0, place - 0.02, _group(journey), transform=ax.get_yaxis_transform(),
            fontweight="bold", fontsize="medium", color=INK, va="center",
        )  # fmt: skip
        for name, spans in journey.lanes.items():
            place += 1
            label = _name(journey) if name == "function" else name
            ticks.append((place, label.rpartition("\n")[2] if lanes > _CROWDED else label))
            _lane(ax, place, spans, longest, journey.kind)
        place += _GAP
    ax.set_ylim(place - _GAP + 0.6, -0.6)
    ax.set_yticks([y for y, _ in ticks], [name for _, name in ticks])
    ax.tick_params(axis="y", length=0)
    canvas.headline(ax, _title(journeys), _legend(ax, journeys), columns=6, **style)
    return ax


def _choose(trace: Trace, sync: str | None, event: str | None) -> list[Journey]:
    """The journeys to draw, the synchronous one first."""
    table = trace.invocations
    wanted = {"RequestResponse": sync, "Event": event}
    rows: dict[str, int] = {}
    for kind, named in wanted.items():
        if named is not None:
            rows[kind] = request_number(trace, named) - 1
            continue
        own = table[(table["invocation_type"] == kind) & (table["parent_kind"] == "")]
        functions = [str(table["function"].iloc[row]) for row in rows.values()]
        same = own[own["function"].isin(functions)]
        found = same if len(same) else own
        if len(found):
            rows[kind] = int(found.index[0])
    return [called(trace, row, kind) for kind, row in rows.items()]


def _group(journey: Journey) -> str:
    if not any(name.startswith(("function", "event queue")) for name in journey.lanes):
        return f"{journey.kind}: refused, and nothing runs"
    queue = journey.lanes.get("event queue", [])
    if "function" not in journey.lanes and any(span.what == "answer" for span in queue):
        return f"{journey.kind}: the queue answers, and the function never runs"
    return _GROUPS[journey.kind]


def _name(journey: Journey) -> str:
    """What stands beside the lane of a function: which one it is."""
    name = journey.function
    return f"function\n{name if len(name) <= _NAME else name[: _NAME - 1] + '…'}"


def _room(journeys: list[Journey], longest: float) -> float:
    """Where the axis ends: right of the texts that stand beside the last bar of a lane."""
    ends = [longest * 1.02]
    for journey in journeys:
        for spans in journey.lanes.values():
            last = spans[-1] if spans else None
            if last is not None and not _fits(last, longest):
                ends.append(last.end + longest * (0.03 + len(last.text) * _LETTER))
    return max(ends)


def _fits(span: Span, longest: float) -> bool:
    """Whether a span's text has room on its bar, and can be read there."""
    return span.end - span.start > len(span.text) * longest * _LETTER and not _look(span).hatch


def _lane(ax: Axes, place: float, spans: list[Span], longest: float, kind: str) -> None:
    for span in spans:
        look = _look(span)
        if span.end > span.start:
            bars.draw(
                ax, _one(place), _one(span.start), _one(span.end), look,
                f"{kind}:{span.what}", height=0.5,
            )  # fmt: skip
        else:  # it took no time: a mark, not a bar
            ax.plot(
                [span.start], [place], marker="|", markersize=17, markeredgewidth=2.5, color=INK,
                gid=f"{kind}:{span.what}", linestyle="none", zorder=4, clip_on=False,
            )  # fmt: skip
    _say(ax, place, spans, longest)


def _say(ax: Axes, place: float, spans: list[Span], longest: float) -> None:
    """The texts of one lane: inside a bar that is wide and plain, else right of or above it."""
    said_until = -longest
    for number, span in enumerate(spans):
        if not span.text:
            continue
        last = number == len(spans) - 1
        if _fits(span, longest):
            white = _look(span).colour == OUTCOMES["success"].colour
            ax.text(
                (span.start + span.end) / 2, place, span.text, ha="center", va="center",
                fontsize="small", color="white" if white else INK, zorder=6,
            )  # fmt: skip
        elif last:
            canvas.note(
                ax, span.end + 0.012 * longest, place, span.text, va="center",
                fontweight="bold" if span.answer else "normal",
            )  # fmt: skip
        elif span.start >= said_until:
            ax.annotate(  # on no ground of its own, which would cut the rim of the bar
                span.text, (span.start + 0.004 * longest, place - 0.25), (0, 1.5),
                textcoords="offset points", va="bottom", color=MUTED, fontsize="small",
            )  # fmt: skip
            said_until = span.start + len(span.text) * longest * _LETTER


def _one(value: float) -> Floats:
    return np.array([value])


def _look(span: Span) -> Look:
    fixed = {
        "client": WAIT, "queue": QUEUED, "init": INIT, "next": NEXT, "answer": WAIT, "away": AWAY,
        "front": FRONT, "ran_on": RAN_ON,
    }  # fmt: skip
    return fixed.get(span.what) or OUTCOMES[span.what]


def _legend(ax: Axes, journeys: list[Journey]) -> list[Artist]:
    """What the words on the bars and lanes do not say: the cold start, and how the handler ended.

    Only what is wide enough to show its colour.
    """
    every = [span for journey in journeys for spans in journey.lanes.values() for span in spans]
    seen = {span.what for span in every if bars.wide(ax, _one(span.start), _one(span.end))}
    named = {"away": AWAY, "init": INIT, **OUTCOMES, "ran_on": RAN_ON, "next": NEXT}
    looks = [look for name, look in named.items() if name in seen]
    return [look.patch() for look in looks]


def _title(journeys: list[Journey]) -> str:
    by_kind = {journey.kind: journey for journey in journeys}
    both = by_kind.get("RequestResponse"), by_kind.get("Event")
    told = []
    for name, journey in zip(("Synchronous", "Event"), both, strict=True):
        if journey is not None:
            length = words.duration(journey.waited)
            told.append(f"{name}: {f'the client, {length}' if journey.waited else 'nobody'}")
    return f"Who waits? {'. '.join(told)}"
