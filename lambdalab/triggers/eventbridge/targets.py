"""A target of a rule: how it is told, how often EventBridge tries, and where its dead letters go.

EventBridge tries for 24 hours and up to 185 times, with exponential back-off and jitter, and then puts the
event in the target's dead-letter queue, or drops it. What no further try can mend (no permission, a target
that is gone, no JSON) goes there at once. Sources: ebug/eb-rule-retry-policy, eb-rule-dlq; the waits:
:mod:`lambdalab.triggers.waits`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from lambdalab.functions.policy import INVOKE
from lambdalab.invocation.destinations import Destination, Envelope
from lambdalab.kernel.clock import US
from lambdalab.rules import Rules
from lambdalab.sources.checks import whole
from lambdalab.trace.schema import Action, Cause
from lambdalab.triggers.eventbridge.inputs import Input, Matched, NoInput
from lambdalab.triggers.eventbridge.receivers import PRINCIPAL, Watched, Way
from lambdalab.triggers.parts import Parts
from lambdalab.triggers.push import Event, Push, Retries, Taken, handed_on
from lambdalab.triggers.waits import retry_wait_us

_CONDITIONS = {
    Cause.RETRIES_EXHAUSTED: "MaximumRetryAttempts",
    Cause.EVENT_AGE_EXCEEDED: "MaximumEventAgeInSeconds",
}
_CODES = {403: "NO_PERMISSIONS", 404: "NO_RESOURCE", 429: "THROTTLING"}


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """What a target is told, and how long it is tried: ``maximum_event_age`` in seconds."""

    input: Input
    maximum_retry_attempts: int
    maximum_event_age: int
    dead_letter_queue: Destination | None

    @classmethod
    def make(
        cls,
        rules: Rules,
        made: Input,
        attempts: int | None,
        age: int | None,
        letters: Destination | None,
    ) -> TargetSettings:
        """Checked settings; None stands for AWS's default."""
        most, oldest = rules.eventbridge_retry_attempts, rules.eventbridge_event_age
        if attempts is None:
            attempts = most
        if age is None:
            age = oldest
        source = rules.source("eventbridge_retry_attempts")
        whole("maximum_retry_attempts", attempts, 0, most, "retries", source)
        youngest = rules.eventbridge_event_age_minimum
        source = rules.source("eventbridge_event_age")
        whole("maximum_event_age", age, youngest, oldest, "seconds", source)
        return cls(made, attempts, age, letters)

    def as_dict(self) -> dict[str, Any]:
        """The settings as the books keep them."""
        letters = self.dead_letter_queue
        return {
            "maximum_retry_attempts": self.maximum_retry_attempts,
            "maximum_event_age": self.maximum_event_age,
            "dead_letter_queue": letters and letters.name,
            **self.input.as_dict(),
        }


class RuleTarget:
    """One target of a rule, made by :meth:`~lambdalab.triggers.eventbridge.rule.Rule.put_target`.

    Attributes: ``id``; ``name`` and ``arn`` of what is told; ``settings``; ``way``, as in "big->bill":
    what the way there is called in the books.
    """

    def __init__(
        self,
        parts: Parts,
        target_id: str,
        way: str,
        rule_arn: str,
        receiver: Watched,
        settings: TargetSettings,
    ) -> None:
        self.id, self._parts, self._rule_arn, self.way = target_id, parts, rule_arn, way
        self._push = Push(parts, way, receiver)
        self.change(receiver, settings)

    def change(self, receiver: Watched, settings: TargetSettings) -> None:
        """Tell another one, or otherwise, from now on: events that wait for a try, too."""
        self.name, self.arn, self.settings = receiver.name, receiver.arn, settings
        self._receiver = receiver
        self._push.receiver = receiver
        self._push.retries = Retries(self._wait_us, settings.maximum_event_age * US)
        self._push.dead_letters = self._bury if settings.dead_letter_queue is not None else None

    def begin(self) -> None:
        """Begin a run."""
        self._push.begin()

    def send(
        self,
        number: int,
        event: Matched,
        *,
        request: int,
        path: tuple[str, ...],
        cause: int,
        delay_us: int,
    ) -> None:
        """An event is for this target; one that has come from another bus goes to no third one."""
        if len(path) > self._parts.rules.eventbridge_bus_hops and self._receiver.is_bus:
            self._push.filtered(number, request, Action.DROPPED, Cause.THIRD_BUS)
            return
        way, body = Way(event.data, path=path), b""
        try:
            body = self.settings.input.body(event)
            if self._receiver.but_json and not self.settings.input.sure:
                json.loads(body)
        except NoInput as error:
            way.problem = str(error)
        except (ValueError, RecursionError) as error:
            way.problem = f"The input template does not make JSON: {error}"
        self._push.send(
            number, body, request=request, cause=cause, delay_us=delay_us, extra=way
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """The target as the books keep it."""
        return {"id": self.id, "target": self.name, "arn": self.arn, **self.settings.as_dict()}

    def __repr__(self) -> str:
        letters = self.settings.dead_letter_queue
        where = f", dead letters to {letters.name!r}" if letters else ""
        how = "".join(f" with its {word}" for word in self.settings.input.as_dict())
        return f"<target {self.id}: {self.name!r}{how}{where}>"

    # ------------------------------------------------------------------ inside

    def _wait_us(self, tries: int) -> int | None:
        most = self.settings.maximum_retry_attempts
        return retry_wait_us(self._parts, tries, most, f"eventbridge/{self.way}")

    def _bury(self, event: Event, taken: Taken, cause: int) -> str:
        """Put the event, as the rule matched it, into the dead-letter queue."""
        letters, way = self.settings.dead_letter_queue, event.extra
        assert letters is not None
        last = way.last or taken
        attributes = {
            "RULE_ARN": self._rule_arn,
            "TARGET_ARN": self.arn,
            "ERROR_CODE": _code(last, way.problem),
            "ERROR_MESSAGE": last.message or (str(last.error) if last.error else "") or "unknown",
            "RETRY_ATTEMPTS": str(event.tries - 1),
        }
        if cause in _CONDITIONS:
            attributes["EXHAUSTED_RETRY_CONDITION"] = _CONDITIONS[cause]
        source = self._parts.books.name(self.way)
        envelope = Envelope(
            event.request, source, None, "", cause=Cause.DEAD_LETTER,
            attributes={name: ("String", value) for name, value in attributes.items()},
        )  # fmt: skip
        return handed_on(self._parts, letters, event.number, way.event, envelope)


def _code(taken: Taken, problem: str) -> str:
    """``ERROR_CODE`` of a dead letter: the words are AWS's, which stands when is our reading."""
    if problem:
        return "INVALID_JSON"
    return _CODES.get(taken.status_code, "ERROR_FROM_TARGET")


def allow(parts: Parts, receiver: Watched, rule_arn: str, sid: str) -> None:
    """Let EventBridge invoke a function on behalf of a rule, as the console does."""
    if ":function:" in receiver.arn:
        name = "".join(c if c.isalnum() or c in "-_" else "_" for c in sid)[:90]
        parts.grant(parts.target(receiver.arn), PRINCIPAL, rule_arn, name, INVOKE)
