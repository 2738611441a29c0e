"""Who waits? The same order sent synchronously and as an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lambdalab.plots import sync_vs_async, words
from lambdalab.plots.figures import key_figures
from lambdalab.plots.journey import dead_letter_queue
from lambdalab.rules import Rules
from lambdalab.scenarios import SyncVsAsync
from lambdalab.widgets.controls import (
    Control,
    magnitude,
    number,
    switch,
    to_bytes,
    to_kilobytes,
    whole,
)
from lambdalab.widgets.explorer import Explorer
from lambdalab.widgets.facts import Why
from lambdalab.widgets.predicting import Question

if TYPE_CHECKING:
    from lambdalab.plots.picture import Axes
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
_KB = 1024


class SyncAsyncExplorer(Explorer):
    """Who waits? The same order sent synchronously and as an event, below each other.

    Cures: "202 means done", "Lambda tries synchronous calls again", "an event is faster".
    """

    name = "sync_vs_async"
    heading = "Who waits? One order, sent synchronously and as an event"
    scenario = SyncVsAsync
    tall = 4.4
    presets: ClassVar = {
        "getOrder": {},
        "times out": {"duration": 5.0},
        "failing": {"failing": True},
        "slow init": {"duration": 0.5, "init": 5.0},
        "300 KB": {"payload_bytes": 300 * _KB},
    }

    def controls(self) -> list[Control]:
        """Duration, timeout, init, payload, failing."""
        init = _RULES.init_percentiles[(_RULES.runtime_default, "x86_64")][1] / 1000
        return [
            number("duration", "handler works (s)", 0.0, 30.0, 0.1),
            whole("timeout", "timeout (s)", _RULES.timeout_minimum, 30),
            number(
                "init", "init in a cold start (s)", 0.0, 10.0, 0.01,
                shown=lambda value: init if value is None else value,
            ),
            magnitude(
                "payload_bytes", "payload (KB)", -1.5, 3.85, ".2f",
                shown=to_kilobytes, meant=to_bytes,
            ),
            switch("failing", "the function raises"),
        ]  # fmt: skip

    def draw(self, trace: Trace, ax: Axes, other: Trace | None) -> Axes:
        """Both journeys on one time axis."""
        return sync_vs_async(trace, ax=ax, beside=other)

    def drawing(self) -> str:
        """The plot."""
        return "trace.plot.sync_vs_async()"

    def ask(self, trace: Trace) -> Question:
        """TODO."""
        return Question("TODO", ("a", "b"), "a")

    def explain(self, trace: Trace) -> Why:
        """Who waited for how long."""
        return Why.of(explained(trace))

    def figures(self, trace: Trace) -> dict[str, str]:
        """What each caller waited, what ran and what it cost."""
        waits = {
            kind: trace.requests.loc[trace.requests["request_id"].isin(own), "latency_ms"]
            for kind, own in (
                (
                    kind,
                    trace.invocations.loc[
                        trace.invocations["invocation_type"] == kind, "request_id"
                    ],
                )
                for kind in ("RequestResponse", "Event")
            )
        }
        told = {
            f"{kind}: client waits": words.duration(wait.iloc[0] / 1000) if len(wait) else "–"
            for kind, wait in waits.items()
        }
        found = key_figures(trace)
        return {
            **told,
            "runs": f"{found['runs']:.0f}",
            "cold starts": f"{found['cold starts']:.0f}",
            "billed": words.known(found["billed s"]),
        }


def explained(trace: Trace) -> str:
    """Who waited, for how long, and what happened to the event all the same."""
    calls = trace.invocations
    event, call = (calls[calls["invocation_type"] == kind] for kind in ("Event", "RequestResponse"))
    if not len(event) or not len(call):
        return "Nothing has been called yet."
    return f"{_caller(trace, call.index[0])} {_event(trace, event.index[0])}"


def _caller(trace: Trace, row: int) -> str:
    call = trace.invocations.iloc[row]
    if call["status"] == "refused":
        size = words.size(call["payload_bytes"])
        return f"The synchronous call was refused with {call['status_code']}: {size} is too large."
    waited = words.duration(call["latency_ms"] / 1000)
    if call["function_error"]:
        code = f"in a {call['status_code']}"
        heard = {"timeout": f"{code} that the function timed out"}.get(
            str(call["cause"]), f"the error {code}"
        )
        return f"The client waited {waited}, heard {heard}, and Lambda did not try again."
    return f"The client waited {waited} for its answer."


def _event(trace: Trace, row: int) -> str:
    call = trace.invocations.iloc[row]
    if call["status"] == "refused":
        size = words.size(call["payload_bytes"])
        return f"The Event was refused with {call['status_code']}: {size} is too large for one."
    sent = trace.requests[trace.requests["request_id"] == call["request_id"]]
    waited = float(sent["latency_ms"].iloc[0]) if len(sent) else 0.0
    had = "at once" if waited == 0 else f"after {words.duration(waited / 1000)}"
    runs = trace.attempts[trace.attempts["request_id"] == call["request_id"]]
    if call["status"] == "succeeded" and len(runs) == 1:
        ran = words.duration(runs["duration_ms"].iloc[0] / 1000)
        return f"With Event it had 202 {had}, and the function ran for {ran} all the same."
    age = words.duration(call["latency_ms"] / 1000)
    end = "succeeded in the end" if call["status"] == "succeeded" else _gone(trace, row)
    tries = words.count(len(runs), "time")
    return f"With Event it had 202 {had}; the event was run {tries} within {age} and {end}."


def _gone(trace: Trace, row: int) -> str:
    where = dead_letter_queue(trace, str(trace.invocations["request_id"].iloc[row]))
    return f"went to `{where}`" if where else "was lost"
