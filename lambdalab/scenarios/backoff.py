"""When is it retried? One asynchronous event whose function fails, or never has room for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.lab import Lab
from lambdalab.rules import Rules
from lambdalab.scenarios import checks
from lambdalab.traffic.arrivals import Every

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
KINDS = ("error", "throttle")
FUNCTION = "report"
DEAD_LETTERS = "failed"
_LONGEST = 7 * 86_400
_HOLD = 600
"""Seconds between the other callers' calls; each ends a microsecond before the next begins."""
_GAP = 1e-6
_BEYOND = 600
"""A function that never heals is busy for so many seconds more than the event may live."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """One event that does not succeed at first, and the waits between its tries.

    Parameters
    ----------
    kind
        ``"error"``: the function raises. ``"throttle"``: the function's only reserved environment is
        busy with other callers' synchronous calls, one directly after the other.
    maximum_retry_attempts
        Retries after errors: 0, 1 or 2. Throttles use up none.
    maximum_event_age
        Seconds after which the event is given up (whole, 60 to 21,600).
    failing_for
        Seconds until the function is mended, or free again (1 second to 7 days); None: never.
    dead_letter_queue
        True: what is given up goes to the queue ``failed``. False: it is lost.

    Example
    -------
    >>> trace = Backoff(maximum_event_age=90).run(seed=7)
    >>> trace.short.retries[["planned_s", "cause", "ended_as"]].to_string(index=False)
    ' planned_s          cause ended_as\\n    68.247 function_error   failed'
    """

    kind: str = "error"
    maximum_retry_attempts: int = _RULES.maximum_retry_attempts
    maximum_event_age: int = _RULES.event_age_maximum
    failing_for: float | None = None
    dead_letter_queue: bool = True

    def __post_init__(self) -> None:
        rules = _RULES
        checks.one_of("kind", self.kind, KINDS)
        checks.whole(
            "maximum_retry_attempts", self.maximum_retry_attempts, 0, rules.maximum_retry_attempts,
            "retries", rules.source("maximum_retry_attempts"),
        )  # fmt: skip
        checks.whole(
            "maximum_event_age", self.maximum_event_age, rules.event_age_minimum,
            rules.event_age_maximum, "s", rules.source("event_age_maximum"),
        )  # fmt: skip
        if self.failing_for is not None:
            checks.number("failing_for", self.failing_for, 1, _LONGEST, "s")
        checks.flag("dead_letter_queue", self.dead_letter_queue)

    def run(self, seed: int | str = 7) -> Trace:
        """Send the event and let everything happen that follows."""
        lab = Lab(seed=seed)
        if self.kind == "error":
            self._errors(lab)
        else:
            self._throttles(lab)
        lab.run()
        return lab.trace

    def _errors(self, lab: Lab) -> None:
        lab.create_function(FUNCTION, duration=1.0, failure_rate=1.0, **self._settings())
        lab.invoke(FUNCTION, {}, invocation_type="Event")
        if self.failing_for is not None:
            lab.run(until=self.failing_for)
            lab.update_function(FUNCTION, failure_rate=0.0)

    def _throttles(self, lab: Lab) -> None:
        lab.create_function(
            FUNCTION, duration=lambda event: event["seconds"], timeout=_RULES.timeout_maximum,
            reserved_concurrency=1, **self._settings(),
        )  # fmt: skip
        lab.invoke(FUNCTION, {"seconds": 0})
        holds = self._holds()
        lab.drive(FUNCTION, Every(_HOLD), count=len(holds), payload=lambda i: {"seconds": holds[i]})
        lab.advance(1)
        lab.invoke(FUNCTION, {"seconds": 1.0}, invocation_type="Event")

    def _holds(self) -> list[float]:
        """How long each of the other callers' calls keeps the environment, back to back."""
        busy = self.failing_for or self.maximum_event_age + _BEYOND
        full, rest = divmod(busy + 1, _HOLD)  # the event comes one second after the first of them
        return [_HOLD - _GAP] * int(full) + ([rest] if rest else [])

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "maximum_retry_attempts": self.maximum_retry_attempts,
            "maximum_event_age": self.maximum_event_age,
        }
        if self.dead_letter_queue:
            settings["dead_letter_queue"] = DEAD_LETTERS
        return settings

    def code(self, seed: int | str = 7) -> str:
        """The few lines that make the same trace."""
        settings = "".join(f", {name}={value!r}" for name, value in self._settings().items())
        event = f'lab.invoke("{FUNCTION}", {{}}, invocation_type="Event")'
        if self.kind == "error":
            made = f'lab.create_function("{FUNCTION}", duration=1.0, failure_rate=1.0{settings})'
            mended = [
                f"lab.run(until={self.failing_for!r})",
                f'lab.update_function("{FUNCTION}", failure_rate=0.0)',
            ]
            after = mended if self.failing_for is not None else []
            return checks.code(seed, made, event, *after, "lab.run()")
        holds = self._holds()
        tail = f" + [{holds[-1]!r}]" if holds[-1] != _HOLD - _GAP else ""
        full = len(holds) - bool(tail)
        return checks.code(
            seed,
            f'lab.create_function("{FUNCTION}", duration=lambda event: event["seconds"], '
            f"timeout={_RULES.timeout_maximum}, reserved_concurrency=1{settings})",
            f'lab.invoke("{FUNCTION}", {{"seconds": 0}})  # the environment is warm from here on',
            f"holds = [{_HOLD - _GAP!r}] * {full}{tail}  # other callers keep it busy",
            f'lab.drive("{FUNCTION}", ll.Every({_HOLD}), count=len(holds), '
            'payload=lambda i: {"seconds": holds[i]})',
            "lab.advance(1)",
            event.replace("{}", '{"seconds": 1.0}'),
            "lab.run()",
        )


def backoff(*, seed: int | str = 7, **settings: Any) -> Trace:
    """Run :class:`Backoff` with these settings."""
    return checks.made(Backoff, settings).run(seed)
