"""What the target of a rule can be: a function, another bus, or any place that takes records.

EventBridge carries no chain of requests: a loop through a bus is not found (dg/invocation-recursion names
SQS, SNS and S3 alone).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from lambdalab.errors import (
    InvalidParameterValueException,
    InvalidSetting,
    ResourceNotFoundException,
    ValidationException,
)
from lambdalab.invocation.destinations import Destination
from lambdalab.trace.schema import Cause
from lambdalab.triggers.parts import Parts
from lambdalab.triggers.push import Event, FunctionReceiver, PlaceReceiver, Receiver, Taken

PRINCIPAL = "events.amazonaws.com"
FIFO = ".fifo"

_NOT_SIMULATED = {
    "kinesis": "Kinesis streams", "states": "Step Functions", "firehose": "Firehose streams",
    "ecs": "ECS tasks", "batch": "Batch jobs", "logs": "log groups", "execute-api": "APIs",
    "codebuild": "CodeBuild projects", "codepipeline": "pipelines", "glue": "Glue workflows",
    "redshift": "Redshift clusters", "sagemaker": "SageMaker pipelines", "ssm": "Systems Manager",
    "appsync": "AppSync APIs", "pipes": "EventBridge pipes",
}  # fmt: skip


@dataclass(slots=True)
class Way:
    """What goes along with an event on its way to one target, and never arrives there.

    Attributes: ``event``, as its rule matched it; ``problem``, why there is no body for the target ("":
    there is one); ``path``, the buses it has been on; ``last``, the last try that did not go well.
    """

    event: bytes
    problem: str = ""
    path: tuple[str, ...] = ()
    last: Taken | None = field(default=None)


class Bus(Protocol):
    """A bus, as far as another one sends to it."""

    name: str
    arn: str
    deleted: bool

    def forward(self, number: int, event: bytes, request: int, path: tuple[str, ...]) -> None:
        """Take an event of another bus."""


class BusReceiver:
    """Another bus: the event arrives there as it is, its id and time included."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.name, self.arn = bus.name, bus.arn

    def take(self, event: Event, source: int) -> Taken:
        """Put it on the bus."""
        if self._bus.deleted:
            message = f"Event bus {self.name} does not exist."
            return Taken(404, 0, Cause.TARGET_GONE, message=message)
        self._bus.forward(event.number, event.body, event.request, event.extra.path)
        return Taken(200, 0, Cause.DELIVERED)


class Watched:
    """A receiver whose failures are remembered, for the dead letter.

    Parameters: the lab's ``parts``, the ``receiver``, and whether it takes nothing ``but_json``.
    """

    def __init__(self, parts: Parts, receiver: Receiver, but_json: bool) -> None:
        self._parts, self._receiver, self.but_json = parts, receiver, but_json
        self.name, self.arn = receiver.name, receiver.arn
        self.is_bus = isinstance(receiver, BusReceiver)

    def take(self, event: Event, source: int) -> Taken:
        """Take it or not."""
        way: Way = event.extra
        if way.problem:
            taken = Taken(400, 0, Cause.TARGET_FAILED, message=way.problem)
        else:
            taken = self._receiver.take(event, source)
            if taken.cause == Cause.TARGET_FAILED and self._is_gone():
                taken = Taken(404, 0, Cause.TARGET_GONE, message=taken.message)
        if not taken.good:
            way.last = taken
        return taken

    def _is_gone(self) -> bool:
        try:
            self._parts.functions.destinations.resolve("target", self.arn, "")
        except (InvalidParameterValueException, ResourceNotFoundException):
            return True
        return False


def receiver_of(parts: Parts, given: Any, rule_arn: str) -> Watched:
    """The receiver that a target stands for.

    Parameters: the lab's parts; a function (decorated, handle or name), a queue, a topic, a bus, or
    an ARN; the ARN of the rule, on whose behalf functions are invoked.

    Raises
    ------
    UnknownName, InvalidSetting, InvalidParameterValueException
        For what is nothing in this lab, for several things of one name, and for what EventBridge
        sends to on AWS and this lab does not.
    """
    if isinstance(given, BusReceiver):
        return Watched(parts, given, True)
    _check_simulated(given)
    found = parts.functions.destinations.resolve("target", given, "")
    if found is None:
        raise InvalidSetting("target", given, "a function, a queue, a topic or a bus")
    if found.service != "lambda":
        return Watched(parts, PlaceReceiver(parts, found), False)
    target = parts.target(given if not isinstance(given, Destination) else found.name)
    return Watched(parts, FunctionReceiver(parts, target, PRINCIPAL, rule_arn), True)


def _check_simulated(given: Any) -> None:
    arn = given if isinstance(given, str) else getattr(given, "arn", "")
    name = given if isinstance(given, str) else getattr(given, "name", "")
    if isinstance(name, str) and name.endswith(FIFO):
        limit = "a standard queue or topic: FIFO targets of rules are not simulated"
        raise InvalidSetting("target", name, limit, "botocore SqsParameters")
    if not isinstance(arn, str) or not arn.startswith("arn:"):
        return
    service = [*arn.split(":"), "", ""][2]
    if service == "events" and ":api-destination/" in arn:
        _refuse(arn, "API destinations")
    if service in _NOT_SIMULATED:
        _refuse(arn, _NOT_SIMULATED[service])


def _refuse(arn: str, what: str) -> NoReturn:
    limit = f"a function, a queue, a topic or a bus: {what} are not simulated as targets of rules"
    raise InvalidSetting("target", arn, limit, "ebug/eb-targets")


def letters_of(parts: Parts, given: Any) -> Destination | None:
    """The dead-letter queue of a target, made where it is missing; None where none was given.

    Raises :class:`~lambdalab.errors.ValidationException` in AWS's words for anything else.
    """
    name = given if isinstance(given, str) else getattr(given, "name", "")
    if isinstance(name, str) and name.endswith(FIFO):
        raise ValidationException("SQS FIFO is not supported by Dead Letter Queues")
    found = parts.functions.letters.queue(given)
    if found is not None and found.service != "sqs":
        raise ValidationException(f"{found.service} is not supported as a dead letter resource")
    return found
