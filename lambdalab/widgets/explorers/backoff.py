"""When is it retried? One event whose function fails, or has no room for it."""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING, Any, ClassVar

from lambdalab.plots import backoff, words
from lambdalab.plots.waits import History, history, most_interesting
from lambdalab.rules import Rules
from lambdalab.scenarios import Backoff
from lambdalab.scenarios.backoff import KINDS
from lambdalab.widgets.controls import Control, choice, magnitude, number, switch, whole
from lambdalab.widgets.explorer import Explorer
from lambdalab.widgets.facts import Telling, Why
from lambdalab.widgets.predicting import Question

if TYPE_CHECKING:
    from lambdalab.plots.picture import Axes
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_FATES = {
    "succeeded": "it succeeds in the end",
    "retries_exhausted, dead letter": "its retries are used up, and it is kept",
    "retries_exhausted, lost": "its retries are used up, and it is lost",
    "event_age_exceeded, dead letter": "it grows too old, and it is kept",
    "event_age_exceeded, lost": "it grows too old, and it is lost",
}
"""What may become of an event."""


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
        youngest, oldest = _RULES.event_age_minimum, _RULES.event_age_maximum
        return [
            choice("kind", "what goes wrong", KINDS),
            whole("maximum_retry_attempts", "retry attempts", 0, _RULES.maximum_retry_attempts),
            magnitude(
                "maximum_event_age", "maximum event age (s)", log10(youngest), log10(oldest), "d",
                meant=lambda age: min(max(round(age), youngest), oldest),
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
        """What becomes of the event."""
        row = most_interesting(trace, None)
        fate = "succeeded"
        if row is not None:
            found = history(trace, row)
            fate = found.fate
            if fate in ("dead letter", "lost"):
                fate = f"{found.cause}, {fate}"
        return Question("What becomes of the event?", tuple(_FATES.values()), _FATES[fate])

    def explain(self, trace: Trace) -> Why:
        """Why it was tried when it was, and what ended the series."""
        tell = Telling(trace)
        row = most_interesting(trace, None)
        if row is None:
            return tell.why("No event has been sent yet.")
        return tell.why(_Series(tell, history(trace, row), row).told())

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


class _Series:
    """The sentences about one event and its tries."""

    def __init__(self, tell: Telling, found: History, row: int) -> None:
        self.tell, self.found = tell, found
        event = tell.trace.invocations.iloc[row]
        self.function = str(event["function"])
        self.own: dict[str, Any] = {"request_id": event["request_id"]}
        self.waits: dict[str, Any] = {**self.own, "lane": "service", "planned_ms": (">", 0)}

    def told(self) -> str:
        """Why the event was tried when it was, and what ended the series."""
        found = self.found
        if found.fate == "in flight":
            return f"{self._before()}The event is not over yet."
        if found.fate == "succeeded":
            number = self.tell.value("invocations", "attempts", self.own)
            before = self._before()
            if before.endswith(": "):  # when it ran has been said
                return f"{before}attempt {number} succeeded."
            attempt = "attempt" if before.endswith(" and ") else "Attempt"
            return f"{before}{attempt} {number} succeeded at an age of {self._age()}."
        if found.cause != "event_age_exceeded":
            return f"{self._failed()}{self._no_retry()}, so it {self._gone()}."
        if not found.attempts:
            return f"{self._throttled()} {self._too_old_unrun()}, so it {self._gone()}."
        return f"No {self._next()} attempt: {self._too_old()}, so it {self._gone()}."

    def _age(self) -> str:
        return self.tell.value("invocations", "latency_ms", self.own)

    def _limit(self) -> str:
        return self.tell.setting("function", self.function, "maximum_event_age", "s")

    def _next(self) -> str:
        number = len(self.found.attempts)
        return _ORDINALS[number] if number < len(_ORDINALS) else "further"

    def _gone(self) -> str:
        where = self.found.queue
        return f"went to `{where}`" if where else "is lost: no dead-letter queue keeps it"

    def _before(self) -> str:
        if self.found.throttles:
            return f"{self._throttled()} {self._sat_out()}"
        failed = len(self.found.attempts) - (self.found.fate == "succeeded")
        if failed == 1 and self.found.fate == "succeeded":
            wait = self.tell.value("retries", "waited_ms", self.waits)
            return f"{self._count_failed()} failed; the wait was {wait}, and "
        return f"{self._failed()}. " if failed else ""

    def _sat_out(self) -> str:
        """A wait that has begun is waited to its end, though there is room long before."""
        others = {"function": self.function, "request_id": ("!=", self.own["request_id"])}
        free = self.tell.number("attempts", "ended_at", others, "max")
        ran = self.tell.number("attempts", "started_at", self.own)
        if not ran - free >= 1:
            return ""
        last = self.tell.value("attempts", "ended_at", others, "max")
        begun = self.tell.value("attempts", "started_at", self.own)
        return f"There was room again at {last}, but a wait is waited to its end, at {begun}: "

    def _no_retry(self) -> str:
        """That all the retries there are have been used."""
        retries = self.tell.setting("function", self.function, "maximum_retry_attempts")
        if retries == "0":
            return f", and {retries} retries are allowed"
        return f". With {retries} {'retry' if retries == '1' else 'retries'} allowed none is left"

    def _too_old(self) -> str:
        """An error's next wait is known from the rule: so long, and a few seconds more."""
        tell, number = self.tell, min(len(self.found.attempts), _RULES.maximum_retry_attempts)
        wait = tell.setting("account", "retries", f"wait_{number}", "s")
        least, most = (
            tell.setting("account", "retries", f"jitter_{end}") for end in ("least", "most")
        )
        return (
            f"age {self._age()} + next wait {wait} (and {least} to {most} s of jitter) is over the limit "
            f"of {self._limit()}"
        )

    def _too_old_unrun(self) -> str:
        """A throttle's next wait is twice the last, up to the longest."""
        most = self.tell.setting("account", "retries", "back_off_most", "s")
        longest = self.tell.number("retries", "waited_ms", self.waits, "max") / 1000
        again = f"of {most} and a little jitter"
        if 2 * longest < _RULES.throttle_backoff_maximum:
            again = "twice as long as the last"
        return (
            f"It never ran: at an age of {self._age()} one more wait, {again}, would have passed the "
            f"limit of {self._limit()}"
        )

    def _throttled(self) -> str:
        tell, waits = self.tell, self.found.lengths[self.found.lengths > 0]
        throttled = {**self.own, "action": "throttled"}
        many = tell.count("throttle", "queue_events", throttled)
        said = f"{many} used up no retry"
        if len(waits) < 2:
            return f"{said}."
        first, longest = (
            tell.value("retries", "waited_ms", self.waits, how) for how in ("min", "max")
        )
        return f"{said}: each only made the event wait again, {first} at first and up to {longest}."

    def _failed(self) -> str:
        """How many attempts failed, and how far apart."""
        tell, count = self.tell, self._count_failed()
        numbers = tell.rows("retries", self.waits)["attempt"]
        waits = [tell.value("retries", "waited_ms", {**self.waits, "attempt": n}) for n in numbers]
        between = f"{'waits' if len(waits) > 1 else 'a wait'} of {' and '.join(waits)}"
        return f"{count} failed{f', with {between} between' if waits else ''}"

    def _count_failed(self) -> str:
        return self.tell.count("attempt", "attempts", {**self.own, "outcome": ("!=", "success")})
