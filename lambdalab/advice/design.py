"""The wiring of a lab as the rules look at it: who invokes what, and with which settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lambdalab.advice.small import Small
from lambdalab.errors import UnknownName
from lambdalab.functions.function import Function
from lambdalab.functions.target import LATEST
from lambdalab.sources.sqs.service import Queue
from lambdalab.trace.codes import InvocationStatus, InvocationType
from lambdalab.trace.tables import Tables

if TYPE_CHECKING:
    from lambdalab.lab import Lab
    from lambdalab.rules import Rules
    from lambdalab.sources.mappings.mapping import Mapping as EventSourceMapping

_ASYNCHRONOUS = {
    "topic": ("SNS topic", "sns"),
    "bucket": ("S3 bucket", "s3"),
    "rule": ("EventBridge rule", ""),
    "schedule": ("schedule", "scheduler"),
    "log_group": ("log group", ""),
    "repository": ("CodeCommit repository", "codecommit"),
    "config_rule": ("AWS Config rule", "config"),
    "stack": ("CloudFormation stack", "cloudformation"),
}
"""What invokes asynchronously, by its kind in the books' wiring: in words, and where the lab lists it."""
_ELSEWHERE = ("dead_letter_queue", "on_failure", "on_success", "deleted")
_NAMES = ("function", "triggers")
_GONE = ("DELETED", "DISABLED")


class Design:
    """A lab's wiring. Parameters: the ``lab``; ``record_size`` and ``events`` as given to check."""

    def __init__(
        self, lab: Lab, record_size: int | None = None, events: Mapping[Any, Any] | None = None
    ) -> None:
        self.lab, self.record_size = lab, record_size
        self.events = {_name(function): event for function, event in (events or {}).items()}
        for name in self.events:
            if self.function(name) is None:
                raise UnknownName("function", name, lab._lambda.functions)
        self.small = Small(lab.rules)
        self.tables = Tables(lab._books)
        self.left_out: list[str] = []
        """What could not be decided, and why."""

    @property
    def rules(self) -> Rules:
        """The lab's rules."""
        return self.lab.rules

    def wired(self, kind: str) -> dict[str, dict[str, object]]:
        """The settings of what has been wired of one kind, by name."""
        return self.lab._books.wiring.get(kind, {})

    def functions(self) -> list[Function]:
        """Every function."""
        return list(self.lab._lambda.functions.values())

    def function(self, name: str) -> Function | None:
        """A function by its name, qualified or not."""
        return self.lab._lambda.functions.get(name.partition(":")[0])

    def mappings(self) -> Iterator[EventSourceMapping]:
        """Every mapping that polls."""
        return (m for m in self.lab._mappings if m.settings.enabled)

    def queue_mappings(self) -> Iterator[EventSourceMapping]:
        """Those of SQS queues."""
        return (m for m in self.mappings() if isinstance(m.source, Queue))

    # ------------------------------------------------------------------ asynchronous callers

    def asynchronous(self, function: Function) -> list[str]:
        """Who invokes a function asynchronously: services, destinations, or calls in the books."""
        found = dict.fromkeys(self._wired_to(function))
        for other in self.functions():
            for setting in ("on_success", "on_failure"):
                destination = getattr(other.settings, setting)
                if getattr(destination, "arn", None) == function.arn:
                    found[f"{setting} of {other.name}"] = None
        for name, route in self.wired("route").items():
            mine = route.get("function") == function.name and not route.get("deleted")
            if mine and route.get("invocation_type") == "Event":
                found[f"route {name}"] = None
        called = self._called(function)
        if called and not found:
            found[f"{called:,} call{'s' * (called != 1)} with invocation_type='Event'"] = None
        return list(found)

    def _wired_to(self, function: Function) -> Iterator[str]:
        """The services' things that have the function as a target, as the books' wiring tells."""
        for kind, (words, service) in _ASYNCHRONOUS.items():
            listed = getattr(self.lab, service, None) if service else None
            for name, settings in self.wired(kind).items():
                gone = listed is not None and name not in listed
                if not gone and _mentions(settings, function):
                    yield f"{words} {name}"

    def _called(self, function: Function) -> int:
        """How many asynchronous invocations Lambda has accepted."""
        calls = self.tables.rows("invocations")
        mine = calls["function"] == function.name_code
        refused = np.isin(calls["status"], (InvocationStatus.REFUSED, InvocationStatus.THROTTLED))
        return int((mine & ~refused & (calls["invocation_type"] == InvocationType.EVENT)).sum())

    def failure_place(self, function: Function) -> str:
        """Where a failed event is kept: a dead-letter queue or a destination; "": nowhere."""
        if function.settings.dead_letter_queue:
            return function.settings.dead_letter_queue
        configs = [
            function.settings.on_failure,
            *(
                c.on_failure
                for qualifier, c in function.event_configs.items()
                if qualifier != LATEST
            ),
        ]
        return next((str(getattr(c, "name", c)) for c in configs if c is not None), "")


def _mentions(settings: object, function: Function, key: str = "") -> bool:
    """Whether wired settings name the function as a target: by its ARN, or where a name stands for one."""
    if isinstance(settings, Mapping):
        if settings.get("state") in _GONE or settings.get("deleted"):
            return False
        return any(
            _mentions(value, function, key if key in _NAMES else str(name))
            for name, value in settings.items()
            if name not in _ELSEWHERE
        )
    if isinstance(settings, (list, tuple)):
        return any(_mentions(value, function, key) for value in settings)
    if not isinstance(settings, str):
        return False
    if key in _NAMES and settings.partition(":")[0] == function.name:
        return True
    return settings == function.arn or settings.startswith(f"{function.arn}:")


def _name(function: Any) -> str:
    """The name of a function given as such, decorated or by name."""
    if isinstance(function, str):
        return function
    return str(getattr(function, "name", getattr(function, "__name__", function)))
