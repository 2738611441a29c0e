"""A rule: which events of its bus, or which times, are told to which targets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.errors import (
    InvalidSetting,
    LimitExceededException,
    ResourceNotFoundException,
    UnknownName,
    UnknownSetting,
    ValidationException,
)
from lambdalab.rules import Rules
from lambdalab.sources.filters.patterns import Pattern
from lambdalab.sources.shown import Shown
from lambdalab.trace.schema import Cause
from lambdalab.triggers.eventbridge.input_settings import read_input
from lambdalab.triggers.eventbridge.inputs import Matched, compact
from lambdalab.triggers.eventbridge.receivers import (
    BusReceiver,
    Watched,
    letters_of,
    receiver_of,
)
from lambdalab.triggers.eventbridge.targets import RuleTarget, TargetSettings, allow
from lambdalab.triggers.parts import arn, one_of
from lambdalab.triggers.schedule_expressions import Expression
from lambdalab.triggers.schedules import Ticker

if TYPE_CHECKING:
    from lambdalab.triggers.eventbridge.bus import EventBus

ENABLED, DISABLED = "ENABLED", "DISABLED"
_NAME = re.compile(r"[.\-_A-Za-z0-9]+\Z")
_KNOWN = (
    "id", "input", "input_path", "input_transformer", "maximum_retry_attempts", "maximum_event_age",
    "dead_letter_queue",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """What a rule is made of; ``pattern`` and ``expression`` have been read."""

    pattern: Pattern | None
    expression: Expression | None
    state: str
    description: str

    def __post_init__(self) -> None:
        if self.pattern is None and self.expression is None:
            raise ValidationException(
                "Parameter(s) EventPattern or ScheduleExpression must be specified."
            )
        one_of("state", self.state, (ENABLED, DISABLED), "botocore PutRule")

    def as_dict(self) -> dict[str, Any]:
        """The settings as the books keep them."""
        return {
            "event_pattern": self.pattern and self.pattern.text,
            "schedule_expression": self.expression and self.expression.text,
            "state": self.state,
            "description": self.description,
        }


def check_name(setting: str, name: object, limit: str, rules: Rules) -> str:
    """A name of EventBridge's, or :class:`~lambdalab.errors.InvalidSetting`."""
    most = getattr(rules, limit)
    if not isinstance(name, str) or not _NAME.match(name) or len(name) > most:
        words = f"1 to {most} letters, digits, '.', '-' or '_'"
        raise InvalidSetting(setting, name, words, rules.source(limit))
    return name


class Rule(Shown):
    """A rule of a bus, made by :meth:`~lambdalab.triggers.eventbridge.bus.EventBus.put_rule`.

    Attributes: ``name``, ``arn``, ``bus``, ``settings``, ``targets`` by id.

    Example
    -------
    >>> from lambdalab import Lab
    >>> lab = Lab()
    >>> bill = lab.create_function("bill", duration=0.1)
    >>> rule = lab.eventbridge["default"].put_rule("big", event_pattern={"detail": {"total": [120]}})
    >>> rule.put_target(bill)
    <target bill: 'bill'>
    >>> lab.eventbridge["default"].put_event(source="shop", detail_type="paid", detail={"total": 120})
    m1
    >>> note = lab.run()
    >>> lab.trace.short.invocations["status"].tolist()
    ['succeeded']
    """

    def __init__(self, bus: EventBus, name: str, settings: RuleSettings) -> None:
        self.name, self.bus, self.settings = name, bus, settings
        self.label = name if bus.is_default else f"{bus.name}/{name}"
        self.arn = arn("events", f"rule/{self.label}")
        self.targets: dict[str, RuleTarget] = {}
        self._ticker: Ticker | None = None
        self._parts = bus.parts
        self._settle()

    @property
    def state(self) -> str:
        """``ENABLED`` or ``DISABLED``."""
        return self.settings.state

    def change(self, settings: RuleSettings) -> None:
        """What PutRule does to a rule that is there: replace everything but its targets."""
        if settings.as_dict() != self.settings.as_dict():
            self.settings = settings
            self._settle()

    # ------------------------------------------------------------------ targets

    def put_target(
        self,
        target: Any,
        *,
        id: str | None = None,
        input: Any = None,
        input_path: str | None = None,
        input_transformer: Any = None,
        maximum_retry_attempts: int | None = None,
        maximum_event_age: int | None = None,
        dead_letter_queue: Any = None,
        **unknown: object,
    ) -> RuleTarget:
        """Tell a target of the rule's events; with an id that is there, tell it otherwise.

        Parameters
        ----------
        target
            A function, a queue, a topic, a bus, its name or its ARN. EventBridge may invoke a function
            from now on: the permission is granted.
        id
            The target's own name by default; two targets that are the same thing need one each.
        input
            JSON in place of the event: a text is JSON already, anything else is made JSON.
        input_path
            The part of the event that is sent, such as ``"$.detail"``.
        input_transformer
            A pair of paths by name and a template:
            ``({"n": "$.detail.order"}, '{"order": <n>}')``, or AWS's
            ``{"InputPathsMap": {...}, "InputTemplate": "..."}``; see
            :mod:`lambdalab.triggers.eventbridge.inputs`.
        maximum_retry_attempts
            0 to 185 (default).
        maximum_event_age
            Seconds for which EventBridge tries: 60 to 86,400 (default).
        dead_letter_queue
            A standard queue for events that could not be delivered; without one they are dropped.

        Raises
        ------
        ValidationException, InvalidSetting, UnknownName, LimitExceededException
            Before anything has been changed.
        """
        self._live()
        for setting in unknown:
            raise UnknownSetting("put_target", setting, _KNOWN)
        rules = self._parts.rules
        receiver = receiver_of(self._parts, self._own_bus(target), self.arn)
        target_id = self._id(id, receiver.name, receiver.arn)
        made = read_input(target_id, input, input_path, input_transformer, rules)
        letters = letters_of(self._parts, dead_letter_queue)
        settings = TargetSettings.make(
            rules, made, maximum_retry_attempts, maximum_event_age, letters
        )
        self._check(target_id, receiver.arn, settings)
        return self._put(target_id, receiver, settings)

    def _put(self, target_id: str, receiver: Watched, settings: TargetSettings) -> RuleTarget:
        """What has been checked: a new target, or another one in the place of the old."""
        allow(self._parts, receiver, self.arn, f"AWSEvents_{self.name}_{target_id}")
        ways, way = self.bus.service.ways, f"{self.label}->{target_id}"
        known = ways.get(way)
        if known is None:
            known = ways[way] = RuleTarget(
                self._parts, target_id, way, self.arn, receiver, settings
            )
        else:
            known.change(receiver, settings)
        self.targets[target_id] = known
        self._note()
        return known

    def _own_bus(self, target: Any) -> Any:
        """A target that is a bus of this lab, as a receiver; anything else as it is."""
        found = self.bus.service.bus_of(target)
        if found is self.bus:
            raise ValidationException(
                "Event bus(es) of the rule and of its target must be different.",
                f" ({found.name!r}; the words are ours, AWS refuses it too)",
            )
        return target if found is None else BusReceiver(found)

    def _id(self, given: object, name: str, target_arn: str) -> str:
        if given is not None:
            return check_name("id", given, "eventbridge_rule_name_length", self._parts.rules)
        short = re.sub(r"[^.\-_A-Za-z0-9]", "_", name)
        found = short[: self._parts.rules.eventbridge_rule_name_length]
        known = self.targets.get(found)
        if known is not None and known.arn != target_arn:
            raise InvalidSetting(
                "id", None,
                f"given: the rule has a target {found!r} already, which is {known.arn}",
                "botocore PutTargets",
            )  # fmt: skip
        return found

    def _check(self, target_id: str, target_arn: str, settings: TargetSettings) -> None:
        """What AWS refuses of a target as a whole. A bus takes events as they are (the console has no
        input for it)."""
        given = list(settings.input.as_dict())
        if ":event-bus/" in target_arn and given:
            raise ValidationException(
                f"Parameter(s) {given[0]} not supported for target: {target_id}."
            )
        rules = self._parts.rules
        if target_id not in self.targets and len(self.targets) >= rules.eventbridge_targets:
            most, source = rules.eventbridge_targets, rules.source("eventbridge_targets")
            raise LimitExceededException(
                "The requested resource exceeds the maximum number allowed.",
                f" (a rule has at most {most} targets; {source})",
            )

    def remove_target(self, id: str) -> None:
        """Tell a target no more. Events on their way to it are still delivered.

        Raises :class:`UnknownName` where there is no target of that id.
        """
        self._live()
        id = getattr(id, "id", id)  # the target itself will do
        if not isinstance(id, str) or id not in self.targets:
            raise UnknownName("target", id, self.targets)
        del self.targets[id]
        self._note()

    # ------------------------------------------------------------------ state

    def enable(self) -> None:
        """Match again; a rate begins anew."""
        self._put_state(ENABLED)

    def disable(self) -> None:
        """Match nothing, and fire no more, until it is enabled again."""
        self._put_state(DISABLED)

    def delete(self) -> None:
        """Take the rule away; again, it does nothing.

        Raises :class:`ValidationException` while it has targets.
        """
        self._parts.origin()
        if self.targets:
            raise ValidationException(
                "Rule can't be deleted since it has targets.",
                f" ({', '.join(self.targets)}; rule.remove_target(id) takes one away)",
            )
        if self.bus.rules.drop(self):
            self._stop()
            self._parts.books.wired("rule", self.label, {"state": "DELETED"})

    def _put_state(self, state: str) -> None:
        self._live()
        settings = self.settings
        made = RuleSettings(settings.pattern, settings.expression, state, settings.description)
        self.change(made)

    def _live(self) -> None:
        """Refuse what is done to a rule that was deleted, and in a handler that is dead."""
        self._parts.origin()
        if self not in self.bus.rules:
            raise ResourceNotFoundException(
                f"Rule {self.name} does not exist on EventBus {self.bus.name}."
            )

    # ------------------------------------------------------------------ events

    def matches(self, document: dict[str, Any]) -> bool:
        """Whether the rule is enabled and its pattern matches an event."""
        settings = self.settings
        return (
            settings.state == ENABLED
            and settings.pattern is not None
            and settings.pattern.matches(document)
        )

    def hand_on(
        self,
        number: int,
        document: dict[str, Any],
        *,
        request: int = 0,
        path: tuple[str, ...] = (),
        cause: int = Cause.PUBLISHED,
        delay_us: int = 0,
    ) -> None:
        """An event is for every target."""
        data = compact(document).encode()
        event = Matched(document, data, self.arn, self.name, self.bus.time())
        for target in list(self.targets.values()):
            target.send(
                number, event, request=request, path=path, cause=cause, delay_us=delay_us
            )  # fmt: skip

    def _fire(self, due_us: int) -> None:
        """The time of the schedule has come."""
        number = self._parts.new_number()
        seconds = due_us - self._parts.clock.start_us
        document = self.bus.document(
            number, "aws.events", "Scheduled Event", {}, (self.arn,), self.bus.time(seconds)
        )
        self.hand_on(number, document, cause=Cause.SCHEDULED)

    # ------------------------------------------------------------------ runs

    def begin(self) -> None:
        """Begin a run: nothing on its way, a schedule from its beginning."""
        for target in self.targets.values():
            target.begin()
            self.bus.service.ways[target.way] = target
        self._ticker = None
        self._settle()

    def _settle(self) -> None:
        """Make the schedule go, or stop, by the settings; tell the books."""
        self._stop()
        expression = self.settings.expression
        if expression is not None and self.settings.state == ENABLED:
            self._ticker = Ticker(self._parts, f"rule {self.label!r}", expression, self._fire)
            self._ticker.begin()
        self._note()

    def _stop(self) -> None:
        if self._ticker is not None:
            self._ticker.stop()
            self._ticker = None

    def _note(self) -> None:
        self.bus.note()
        settings = {
            "bus": self.bus.name,
            **self.settings.as_dict(),
            "targets": [target.as_dict() for target in self.targets.values()],
        }
        self._parts.books.wired("rule", self.label, settings)

    def __repr__(self) -> str:
        what = [each for each in (self.settings.pattern, self.settings.expression) if each]
        told = " or ".join(each.text for each in what)
        names = ", ".join(self.targets) or "nobody"
        off = "" if self.state == ENABLED else " (disabled)"
        return f"<rule {self.label}{off}: {told} to {names}>"
