"""How a firing reaches its target: the input with its keywords filled in, and the dead letter of it.

Sources: the Scheduler user guide, managing-schedule-context-attributes and configuring-schedule-dlq.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from lambdalab.invocation.destinations import Envelope
from lambdalab.trace.schema import Cause
from lambdalab.triggers.parts import Parts
from lambdalab.triggers.push import (
    Event,
    FunctionReceiver,
    Letters,
    PlaceReceiver,
    Receiver,
    Taken,
    handed_on,
    letters_to,
)
from lambdalab.triggers.scheduler.settings import ScheduleSettings

_CONDITIONS = {
    Cause.RETRIES_EXHAUSTED: "MaximumRetryAttempts",
    Cause.EVENT_AGE_EXCEEDED: "MaximumEventAgeInSeconds",
}


@dataclass(slots=True)
class Firing:
    """One firing on its way.

    Attributes: the ``input`` as it was set, the ARN of the schedule, the time it was due (as AWS writes
    it), the lab's seed; of the last try its ``execution_id`` and what came of it (``last``).
    """

    input: str
    schedule_arn: str
    scheduled_time: str
    seed: int | str
    execution_id: str = ""
    last: Taken | None = None

    def body(self, number: int, tries: int) -> bytes:
        """What the target gets at this try: the input, its keywords filled in."""
        secret = f"{self.seed}/execution/{number}/{tries}"
        self.execution_id = hashlib.sha256(secret.encode()).hexdigest()[:16]
        text = self.input
        for keyword, value in (
            ("schedule-arn", self.schedule_arn),
            ("scheduled-time", self.scheduled_time),
            ("execution-id", self.execution_id),
            ("attempt-number", str(tries)),
        ):
            text = text.replace(f"<aws.scheduler.{keyword}>", value)
        return text.encode()


class Entry:
    """An event bus: the input is the detail of an event, put there with the schedule's own words for it.

    Parameters: the lab's ``parts``, the settings of the schedule.
    """

    def __init__(self, parts: Parts, settings: ScheduleSettings) -> None:
        self._parts, self._bus = parts, settings.target
        self._words = dict(settings.event_bridge_parameters)
        self.name, self.arn = self._bus.name, self._bus.arn

    def take(self, event: Event, source: int) -> Taken:
        """Put it on the bus."""
        firing: Firing = event.extra
        words = {
            "Source": self._words["source"],
            "DetailType": self._words["detail_type"],
            "Resources": firing.schedule_arn,
        }
        envelope = Envelope(
            0, source, None, "", cause=Cause.PUBLISHED,
            attributes={name: ("String", value) for name, value in words.items()},
        )  # fmt: skip
        told = handed_on(self._parts, self._bus, event.number, event.body, envelope)
        if told:
            return Taken(400, 0, Cause.TARGET_FAILED, message=told)
        return Taken(200, 0, Cause.DELIVERED)


class Filled:
    """A target that gets each try's own body. Parameters: the target itself."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self.name, self.arn = receiver.name, receiver.arn

    def take(self, event: Event, source: int) -> Taken:
        """Fill in the keywords, and hand it over."""
        firing: Firing = event.extra
        event.body = firing.body(event.number, event.tries)
        firing.last = self._receiver.take(event, source)
        return firing.last


def receiver(parts: Parts, settings: ScheduleSettings) -> Filled:
    """The target of a schedule. Scheduler assumes a role: it needs no permission of a function's own."""
    target = settings.target
    if target.service == "lambda":
        return Filled(FunctionReceiver(parts, target, "", ""))
    if target.service == "events":
        return Filled(Entry(parts, settings))
    return Filled(PlaceReceiver(parts, target))


def letters(parts: Parts, settings: ScheduleSettings, source: int) -> Letters | None:
    """Where firings go that cannot be delivered; None where the schedule has no dead-letter queue."""
    if settings.dead_letter_queue is None:
        return None
    target_arn = settings.target.arn

    def attributes(event: Event, taken: Taken, cause: int) -> dict[str, tuple[str, str]]:
        firing: Firing = event.extra
        last = firing.last or taken
        told = {
            "ERROR_CODE": last.error.code if last.error is not None else "TargetError",
            "ERROR_MESSAGE": last.message,
            "EXECUTION_ID": firing.execution_id,
            "EXHAUSTED_RETRY_CONDITION": _CONDITIONS.get(cause, ""),
            "IS_PAYLOAD_TRUNCATED": "false",
            "RETRY_ATTEMPTS": str(event.tries - 1),
            "SCHEDULED_TIME": firing.scheduled_time,
            "SCHEDULE_ARN": firing.schedule_arn,
            "TARGET_ARN": target_arn,
        }
        return {name: ("String", value) for name, value in told.items() if value}

    return letters_to(parts, settings.dead_letter_queue, source, attributes)
