"""A call from outside as a journey: its client's tries, the service in front, and each run it led to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdalab.plots import words
from lambdalab.plots.anatomy import Anatomy, Stretch
from lambdalab.plots.journey import Journey, Span, answer_text

if TYPE_CHECKING:
    import pandas as pd

    from lambdalab.trace import Trace


_NAME = 14  # letters that have room beside a lane


def called(trace: Trace, row: int, kind: str) -> Journey:
    """The journey of the invocation in ``row`` of ``trace.invocations``, its caller's other tries too.

    Who asks Lambda itself, once, and waits until the end, has the journey of the invocation alone.
    """
    journey = Journey.of(trace, row, kind)
    requests = trace.requests
    seen = requests[requests["request_id"] == trace.invocations["request_id"].iloc[row]]
    if not len(seen):
        return journey
    tries = requests[requests["call"] == seen["call"].iloc[0]]
    first = tries.iloc[0]
    left = str(first["cause"]) == "client_timeout" or bool(first["gave_up"])
    if len(tries) == 1 and not first["front"] and not left:
        return journey
    anatomy = Anatomy.of(trace, int(first["call"]))
    if anatomy is None:
        return journey
    journey.lanes = _lanes(trace, row, journey, anatomy, tries)
    client = journey.lanes["client"]
    journey.waited = max(span.end for span in client)
    return journey


def _lanes(
    trace: Trace, row: int, journey: Journey, anatomy: Anatomy, tries: pd.DataFrame
) -> dict[str, list[Span]]:
    """The lanes from the client down; of an event those below the front are the queue's own."""
    event = journey.kind == "Event"
    lanes: dict[str, list[Span]] = {}
    front = str(tries["front"].iloc[0])
    for name, stretches in anatomy.lanes.items():
        if name.startswith("caller"):
            answer = stretches[-1].text  # of a front: what it makes of Lambda's answer
            if event and not front:
                answer = answer_text(trace, trace.invocations.iloc[row])
            lanes["client"] = _client(stretches, answer, bool(tries["answered_at"].notna().all()))
        elif name.startswith("front"):
            lanes[_named(name, front)] = [
                Span("front", s.start, s.end, _asked(s)) for s in stretches
            ]
        elif not event:
            lanes[name] = [Span(s.what, s.start, s.end, s.text) for s in stretches]
    if event:
        lanes |= {name: spans for name, spans in journey.lanes.items() if name != "client"}
    return lanes


def _named(lane: str, front: str) -> str:
    """The name of a front's lane in two short lines: "shop POST" and "/orders"; a second lane by its
    number."""
    number = lane.partition("\n")[0].partition(" ")[2]
    service, _, path = front.rpartition(" ")
    lines = [words.shortened(text, _NAME) for text in (service or "front", path)]
    return "\n".join(lines) + (f" ({number})" if number else "")


def _asked(stretch: Stretch) -> str:
    """What the service in front does and says."""
    if stretch.end == stretch.start:
        return f"{stretch.text} at once"
    return f"waits {words.duration(stretch.end - stretch.start)}, then {stretch.text}"


def _client(stretches: list[Stretch], answer: str, over: bool) -> list[Span]:
    """The client's tries, its own waits between them, and the answer it went away with."""
    last = stretches[-1]
    if last.end == 0:
        return [Span("answer", 0, 0, f"{answer}: the client goes on at once", True)]
    count = sum(stretch.what == "asked" for stretch in stretches)
    spans: list[Span] = []
    number = 0
    for stretch in stretches:
        length = words.duration(stretch.end - stretch.start)
        if stretch.what == "away":
            spans.append(Span("away", stretch.start, stretch.end))
            continue
        number += 1
        told = f"the client waits {length}" if count == 1 else f"try {number}: {length}"
        spans.append(Span("client", stretch.start, stretch.end, told))
    if over:
        spans.append(Span("answer", last.end, last.end, answer, True))
    return spans
