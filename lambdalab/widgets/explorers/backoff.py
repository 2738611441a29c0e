"""When is it retried? One event whose function fails, or has no room for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lambdalab.plots import backoff, words
from lambdalab.plots.journey import dead_letter_queue
from lambdalab.plots.waits import History, history, most_interesting
from lambdalab.rules import Rules
from lambdalab.scenarios import Backoff
from lambdalab.scenarios.backoff import KINDS
from lambdalab.widgets.controls import Control, choice, number, switch, whole
from lambdalab.widgets.explorer import Explorer
from lambdalab.widgets.facts import Why
from lambdalab.widgets.predicting import Question

if TYPE_CHECKING:
    from lambdalab.plots.picture import Axes
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
_ORDINALS = ("first", "second", "third", "fourth", "fifth")


class BackoffExplorer(Explorer):
    """When is it retried? One event whose function fails, or has no room for it.

    Cures: "throttles use up retries", "nothing is ever lost".
    """

    name = "backoff"
    heading = "When is it retried? One event, and the waits between its tries"
    scenario = Backoff
    presets: ClassVar = {
        "default": {},
        "90 s age": {"maximum_event_age": 90},
        "throttled for 6 h": {"kind": "throttle"},
        "healed in time": {"failing_for": 100.0},
        "free again in time": {"kind": "throttle", "failing_for": 300.0},
        "nothing kept": {"maximum_retry_attempts": 0, "dead_letter_queue": False},
    }

    def controls(self) -> list[Control]:
        """Kind, retries, maximum age, when it heals, dead-letter queue."""
        return [
            choice("kind", "what goes wrong", KINDS),
            whole("maximum_retry_attempts", "retry attempts", 0, _RULES.maximum_retry_attempts),
            whole(
                "maximum_event_age", "maximum event age (s)",
                _RULES.event_age_minimum, _RULES.event_age_maximum, 30,
            ),
            number(
                "failing_for", "fails for (s; 0: always)", 0.0, 3600.0, 5.0,
                shown=lambda value: value or 0.0, meant=lambda value: value or None,
            ),
            switch("dead_letter_queue", "with a dead-letter queue"),
        ]  # fmt: skip

    def draw(self, trace: Trace, ax: Axes, other: Trace | None) -> Axes:
        """The event that waited most often."""
        return backoff(trace, ax=ax)

    def drawing(self) -> str:
        """The plot."""
        return "trace.plot.backoff()"

    def ask(self, trace: Trace) -> Question:
        """TODO."""
        return Question("TODO", ("a", "b"), "a")

    def explain(self, trace: Trace) -> Why:
        """What ended the series."""
        return Why.of(explained(trace))

    def figures(self, trace: Trace) -> dict[str, str]:
        """Tries, throttles, the longest wait, the age at the end."""
        row = most_interesting(trace, None)
        if row is None:
            return {}
        found = history(trace, row)
        longest = float(found.lengths.max()) if len(found.lengths) else 0.0
        return {
            "attempts": f"{len(found.attempts):,}",
            "throttles": f"{found.throttles:,}",
            "longest wait": words.duration(longest) if longest else "–",
            "age at the end": words.duration(found.ended_at),
            "ended as": found.fate,
        }


def _gone(trace: Trace, row: int) -> str:
    where = dead_letter_queue(trace, str(trace.invocations["request_id"].iloc[row]))
    return f"went to `{where}`" if where else "was lost"


def explained(trace: Trace) -> str:
    """Why the event was tried when it was, and what ended the series."""
    row = most_interesting(trace, None)
    if row is None:
        return "No event has been sent yet."
    found = history(trace, row)
    age = words.duration(found.ended_at)
    if found.fate == "succeeded":
        return f"{_before(found)}Attempt {len(found.attempts)} succeeded at an age of {age}."
    if found.fate == "in flight":
        return f"{_before(found)}The event is not over yet."
    end = f"so it {_gone(trace, row)}"
    if found.cause != "event_age_exceeded":
        return f"{_failed(found)} No retry was left at an age of {age}, {end}."
    limit = words.duration(found.maximum_age or 0.0)
    passes = (
        f"at an age of {age} the next wait would have passed the maximum age of {limit}, {end}."
    )
    if not found.attempts:
        return f"{_throttled(found)} It never ran: {passes}"
    number = len(found.attempts)
    return f"No {_ORDINALS[number] if number < 5 else 'further'} attempt: {passes}"


def _before(found: History) -> str:
    if found.throttles:
        return f"{_throttled(found)} "
    return f"{_failed(found)} " if len(found.attempts) > 1 else ""


def _throttled(found: History) -> str:
    waits = found.lengths[found.lengths > 0]
    grew = ""
    if len(waits) > 1:
        grew = (
            f", and the waits grew from {words.duration(waits[0])} to {words.duration(waits.max())}"
        )
    return f"{words.count(found.throttles, 'throttle')} used up no retry{grew}."


def _failed(found: History) -> str:
    failed = sum(attempt[3] != "success" for attempt in found.attempts)
    waits = [words.duration(length) for length in found.lengths if length > 0]
    between = f"{'waits' if len(waits) > 1 else 'a wait'} of {' and '.join(waits)}"
    after = f", with {between} between" if waits else ""
    return f"{words.count(failed, 'attempt')} failed{after}."
