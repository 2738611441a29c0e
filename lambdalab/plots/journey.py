"""One invocation's life as spans on lanes: what the client, the queue and the functions did, when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lambdalab.plots import words
from lambdalab.plots.frames import end_of, ordinal, seconds, start_of

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_STARTS = ("sent", "retry_scheduled", "throttled")
# whole rows take ten times as long to make
_RUN = ["attempt", "started_at", "ended_at", "setup_ms", "init_ms", "outcome"]
_CHILD = ["request_id", "function"]
_EVENT = ["at", "action", "cause"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one lane, in seconds since the call.

    ``what`` is its look (client, queue, init, next, answer or an outcome), ``text`` what is said about
    it, ``answer`` whether that is what the client got.
    """

    what: str
    start: float
    end: float
    text: str = ""
    answer: bool = False


@dataclass(slots=True)
class Journey:
    """The life of one invocation of ``function``.

    ``lanes`` by name, what the client ``waited``, and its ``length``.
    """

    kind: str
    function: str
    waited: float
    lanes: dict[str, list[Span]] = field(default_factory=dict)

    @property
    def length(self) -> float:
        """Seconds from the call to the end of the last span."""
        return max((span.end for spans in self.lanes.values() for span in spans), default=0.0)

    @classmethod
    def of(cls, trace: Trace, row: int, kind: str) -> Journey:
        """The journey of the invocation in ``row`` of ``trace.invocations``."""
        call = trace.invocations.iloc[row]
        zero = (call["requested_at"] - start_of(trace)).total_seconds()
        answered = _answered(trace, call)
        waited = (end_of(trace) if answered is None else answered) - zero
        journey = cls(kind, str(call["function"]), waited)
        journey.lanes["client"] = _client(trace, call, waited, answered is not None)
        if kind == "Event" and call["status"] != "refused":
            journey.lanes["event queue"] = _queue(trace, call, zero)
        if (trace.attempts["request_id"] == call["request_id"]).any():
            journey.lanes["function"] = _function(trace, call, zero)
            following = _next(trace, call, zero)
            if following:
                journey.lanes["next function"] = following
        return journey


def _answered(trace: Trace, call: pd.Series[Any]) -> float | None:
    """When the caller had its answer, in seconds since the lab's start; None: not yet."""
    requests = trace.requests
    seen = requests["answered_at"][requests["request_id"] == call["request_id"]]
    at = seen.iloc[-1] if len(seen) else call["completed_at"]
    return None if pd.isna(at) else float((at - start_of(trace)).total_seconds())


def _client(trace: Trace, call: pd.Series[Any], waited: float, over: bool) -> list[Span]:
    if not over:
        return [Span("client", 0, waited, "still waiting", True)]
    answer = answer_text(trace, call)
    if waited == 0:
        return [Span("answer", 0, 0, f"{answer}: the client goes on at once", True)]
    if call["invocation_type"] == "Event":
        return [
            Span("client", 0, waited, f"{answer}: goes on after {words.duration(waited)}", True)
        ]
    waits = f"the client waits {words.duration(waited)}"
    return [Span("client", 0, waited, waits), Span("answer", waited, waited, answer, True)]


def answer_text(trace: Trace, call: pd.Series[Any]) -> str:
    """What the client got, in words: "200 + payload", "202, empty payload", "429: throttled ..."."""
    if call["status"] in ("throttled", "refused"):
        return f"{call['status_code']}: {words.plain(str(call['cause']))}"
    if call["invocation_type"] == "Event":
        return "202, empty payload"
    if not call["function_error"]:
        return f"{call['status_code']} + payload"
    own = trace.attempts["error_type"][trace.attempts["request_id"] == call["request_id"]]
    kind = str(own.iloc[-1]) if len(own) else ""
    return f"{call['status_code']} + error" + (f" ({kind})" if kind else "")


def _queue(trace: Trace, call: pd.Series[Any], zero: float) -> list[Span]:
    """The stretches that the event spent in Lambda's own queue, and where it went from there."""
    events = trace.queue_events
    own = (events["event_id"] == call["request_id"]) & (events["kind"] == "asynchronous")
    events = events[_EVENT][own]
    at = seconds(trace, events["at"]) - zero
    actions, causes = events["action"].astype(str).tolist(), events["cause"].astype(str).tolist()
    spans: list[Span] = []
    for number, action in enumerate(actions):
        if action in _STARTS:
            end = float(at[number + 1]) if number + 1 < len(at) else end_of(trace) - zero
            length = words.duration(end - at[number])
            text = f"queued {length}" if action == "sent" else f"waits {length}"
            spans.append(Span("queue", float(at[number]), end, text))
    ending = _ending(trace, call, actions, causes)
    if ending and len(at):
        spans.append(Span("answer", float(at[-1]), float(at[-1]), ending))
    return spans


def _ending(trace: Trace, call: pd.Series[Any], actions: list[str], causes: list[str]) -> str:
    """How an event that did not succeed ended."""
    if not actions or actions[-1] not in ("dropped", "expired"):
        return ""
    why = words.plain(causes[-1])
    where = dead_letter_queue(trace, str(call["request_id"]))
    return f"{why}: to {where!r}" if where else f"{why}: lost"


def dead_letter_queue(trace: Trace, request_id: str) -> str:
    """The queue that an event of Lambda's own queue went to as a dead letter; "" for none."""
    events = trace.queue_events
    arrived = events["queue"][
        (events["request_id"] == request_id) & (events["cause"] == "dead_letter")
        & (events["action"] == "sent")
    ]  # fmt: skip
    return str(arrived.iloc[0]) if len(arrived) else ""


def _function(trace: Trace, call: pd.Series[Any], zero: float) -> list[Span]:
    own = trace.attempts["request_id"] == call["request_id"]
    attempts = trace.attempts[_RUN][own]
    spans: list[Span] = []
    several = len(attempts) > 1
    for attempt in attempts.itertuples(index=False):
        start = (attempt.started_at - start_of(trace)).total_seconds() - zero
        ended = None if pd.isna(attempt.ended_at) else attempt.ended_at
        end = end_of(trace) if ended is None else (ended - start_of(trace)).total_seconds()
        cold = 0.0 if ended is None else (attempt.setup_ms + attempt.init_ms) / 1000
        handler = f"handler {words.duration(end - zero - start - cold)}"
        if several:
            handler = f"attempt {attempt.attempt}: {words.plain(str(attempt.outcome))}"
        if cold:
            text = "" if several else f"cold start {words.duration(cold)}"
            spans.append(Span("init", start, start + cold, text))
        spans.append(Span(str(attempt.outcome), start + cold, end - zero, handler))
    return spans


def _next(trace: Trace, call: pd.Series[Any], zero: float) -> list[Span]:
    """The runs of what this invocation caused: nested calls and events, each with its cold part."""
    calls = trace.invocations
    children = calls[_CHILD][calls["parent_id"] == call["request_id"]]
    spans = []
    for child in children.itertuples(index=False):
        runs = trace.attempts[trace.attempts["request_id"] == child.request_id]
        starts, ends = seconds(trace, runs["started_at"]), seconds(trace, runs["ended_at"])
        cold = runs[["setup_ms", "init_ms"]].sum(axis=1).to_numpy() / 1000
        ends = np.where(np.isnan(ends), end_of(trace), ends)
        for number in range(len(runs)):
            start, end = float(starts[number]) - zero, float(ends[number]) - zero
            begun = min(start + float(cold[number]), end)
            last = number == len(runs) - 1
            text = f"{child.function} (r{ordinal(child.request_id)})" if last else ""
            if begun > start:
                spans.append(Span("init", start, begun))
            spans.append(Span("next", begun, end, text))
    return spans
