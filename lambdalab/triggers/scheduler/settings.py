"""What a schedule of EventBridge Scheduler may be set to (botocore CreateSchedule)."""

from __future__ import annotations

import datetime as dt
import inspect
import re
from dataclasses import dataclass
from typing import Any

from lambdalab.errors import InvalidSetting, UnknownSetting, ValidationException
from lambdalab.invocation.destinations import Destination
from lambdalab.kernel.clock import US
from lambdalab.triggers.parts import Parts, one_of
from lambdalab.triggers.schedule_expressions import Expression, parse, time_zone_of
from lambdalab.triggers.scheduler.places import event_words, input_text, letters_queue, place_of

_SOURCE = "botocore CreateSchedule"
_NAME = re.compile(r"[0-9a-zA-Z._-]+\Z")
_EPOCH = dt.datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """Everything a schedule is set to, checked.

    ``expression`` is the schedule expression as it was read; ``target`` and ``dead_letter_queue`` are
    places of the lab; ``input`` is a text; ``start_us`` and ``end_us`` count microseconds since 1970.
    """

    expression: Expression
    target: Destination
    input: str
    schedule_expression_timezone: str
    start_us: int | None
    end_us: int | None
    state: str
    maximum_retry_attempts: int
    maximum_event_age: int
    dead_letter_queue: Destination | None
    action_after_completion: str
    description: str
    event_bridge_parameters: tuple[tuple[str, str], ...]

    @property
    def once(self) -> bool:
        """Whether it fires a single time, heeding neither start nor end date (botocore)."""
        return self.expression.kind == "at"

    @property
    def completes(self) -> bool:
        """Whether there is a last firing after which it can be deleted (managing-schedule-delete)."""
        return self.once or self.end_us is not None

    def as_dict(self) -> dict[str, Any]:
        """In plain values, by their names in snake_case."""
        letters = self.dead_letter_queue
        return {
            "schedule_expression": self.expression.text,
            "schedule_expression_timezone": self.schedule_expression_timezone,
            "target": self.target.arn,
            "input": self.input,
            "start_date": _iso(self.start_us),
            "end_date": _iso(self.end_us),
            "state": self.state,
            "maximum_retry_attempts": self.maximum_retry_attempts,
            "maximum_event_age": self.maximum_event_age,
            "dead_letter_queue": None if letters is None else letters.name,
            "action_after_completion": self.action_after_completion,
            "description": self.description,
            "event_bridge_parameters": dict(self.event_bridge_parameters) or None,
        }


def checked_name(parts: Parts, name: object) -> str:
    """The name of a schedule; raises :class:`~lambdalab.errors.InvalidSetting` where it cannot be one."""
    most, source = parts.rules.scheduler_name_length, parts.rules.source("scheduler_name_length")
    if not isinstance(name, str) or not _NAME.match(name) or len(name) > most:
        limit = f"1 to {most} letters, digits, '-', '_' or '.'"
        raise InvalidSetting("name", name, limit, source)
    return name


def make(
    parts: Parts, verb: str, schedule_expression: object, target: object, given: dict[str, Any]
) -> ScheduleSettings:
    """The settings that people give to a verb; raises before anything has been made or changed."""
    for name in given:
        if name not in _KNOWN:
            raise UnknownSetting(verb, name, [*_KNOWN, "schedule_expression", "target"])
    return _made(parts, schedule_expression, target, **given)


def _made(
    parts: Parts,
    schedule_expression: object,
    target: object,
    *,
    input: object = None,
    schedule_expression_timezone: Any = "UTC",
    start_date: object = None,
    end_date: object = None,
    state: Any = "ENABLED",
    maximum_retry_attempts: Any = None,
    maximum_event_age: Any = None,
    dead_letter_queue: object = None,
    action_after_completion: Any = "NONE",
    description: Any = "",
    event_bridge_parameters: object = None,
    flexible_time_window: object = "OFF",
    group_name: object = "default",
) -> ScheduleSettings:
    one_of("state", state, ("ENABLED", "DISABLED"), _SOURCE)
    one_of("action_after_completion", action_after_completion, ("NONE", "DELETE"), _SOURCE)
    _not_simulated(flexible_time_window, group_name)
    time_zone_of(schedule_expression_timezone)
    expression = _expression(parts, schedule_expression, schedule_expression_timezone)
    start_us, end_us = _bounds(parts, expression, start_date, end_date)
    place = place_of("target", parts, target)
    if not isinstance(description, str):
        raise InvalidSetting("description", description, "a text", _SOURCE)
    return ScheduleSettings(
        expression, place, input_text(parts, input, place), schedule_expression_timezone, start_us,
        end_us, state, _number(parts, "maximum_retry_attempts", maximum_retry_attempts, "retries"),
        _number(parts, "maximum_event_age", maximum_event_age, "event_age"),
        letters_queue(parts, dead_letter_queue), action_after_completion, description,
        event_words(event_bridge_parameters, place),
    )  # fmt: skip


_KNOWN = tuple(inspect.signature(_made).parameters)[3:]


def _not_simulated(flexible_time_window: object, group_name: object) -> None:
    if flexible_time_window not in ("OFF", {"Mode": "OFF"}, {"mode": "OFF"}):
        limit = "'OFF': flexible time windows are not simulated, a schedule fires when it is due"
        raise InvalidSetting(
            "flexible_time_window", flexible_time_window, limit, "docs/fidelity.md"
        )
    if group_name != "default":
        limit = "'default': other schedule groups are not simulated"
        raise InvalidSetting("group_name", group_name, limit, "docs/fidelity.md")


def _expression(parts: Parts, text: object, time_zone: str) -> Expression:
    longest = parts.rules.schedule_expression_length
    if isinstance(text, str) and len(text) > longest:
        source = parts.rules.source("schedule_expression_length")
        raise InvalidSetting("schedule_expression", text, f"at most {longest} characters", source)
    expression = parse(text, time_zone=time_zone)
    now = parts.clock.epoch_us(parts.now)
    if expression.kind == "at" and expression.next_after(now - 1) is None:
        raise ValidationException(
            f"Invalid Schedule Expression {expression.text}.",
            f"; it is {parts.iso} already, or no such time in {time_zone}: it would never fire",
        )
    return expression


def _bounds(
    parts: Parts, expression: Expression, start_date: object, end_date: object
) -> tuple[int | None, int | None]:
    """Start and end date in microseconds since 1970; one-time schedules ignore both (botocore)."""
    clock, now = parts.clock, parts.now
    start = None if start_date is None else clock.at(start_date, "start_date")
    end = None if end_date is None else clock.at(end_date, "end_date")
    if expression.kind == "at":
        return None, None
    if start is not None and start < now - parts.us("scheduler_start_date_past"):
        raise ValidationException(
            "The StartDate you specify cannot be earlier than 5 minutes ago.",
            f"; it is {clock.iso(start)}, and now {parts.iso}",
        )
    if end is not None and end <= max(now, start or 0):
        raise InvalidSetting("end_date", end_date, "after now and after start_date", _SOURCE)
    return (
        None if start is None else clock.epoch_us(start),
        None if end is None else clock.epoch_us(end),
    )


def _number(parts: Parts, setting: str, value: object, rule: str) -> int:
    """A whole number between the rules' bounds; None stands for the rules' default."""
    rules = parts.rules
    if value is None:
        value = getattr(rules, f"scheduler_{rule}_default")
    least = getattr(rules, f"scheduler_{rule}_minimum", 0) if rule == "event_age" else 0
    most = getattr(rules, f"scheduler_{rule}_maximum")
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        limit = f"a whole number from {least} to {most:,}"
        raise InvalidSetting(setting, value, limit, rules.source(f"scheduler_{rule}_maximum"))
    return value


def _iso(epoch_us: int | None) -> str | None:
    """A moment as AWS writes it, to the second."""
    return None if epoch_us is None else utc(epoch_us)


def utc(epoch_us: int) -> str:
    """A moment as Scheduler writes it.

    >>> utc(1_736_208_000_000_000)
    '2025-01-07T00:00:00Z'
    """
    return (_EPOCH + dt.timedelta(seconds=epoch_us // US)).isoformat() + "Z"
