"""The wiring of a lab as the rules look at it: who invokes what, and with which settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lambdalab.advice.small import Small
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
    "sns.amazonaws.com": "SNS",
    "s3.amazonaws.com": "S3",
    "events.amazonaws.com": "EventBridge",
    "scheduler.amazonaws.com": "a schedule",
    "codecommit.amazonaws.com": "CodeCommit",
    "config.amazonaws.com": "AWS Config",
    "cloudformation.amazonaws.com": "CloudFormation",
    "ses.amazonaws.com": "SES",
    "iot.amazonaws.com": "IoT",
}
"""The services that invoke asynchronously, by the principal that a resource policy names."""


class Design:
    """A lab's wiring. Parameters: the ``lab``; ``record_size`` (bytes) and ``events`` as given to check."""

    def __init__(
        self, lab: Lab, record_size: int | None = None, events: Mapping[Any, Any] | None = None
    ) -> None:
        self.lab, self.record_size = lab, record_size
        self.events = {_name(function): event for function, event in (events or {}).items()}
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
        """Who invokes a function asynchronously: services wired to it, destinations, calls in the books."""
        found = dict.fromkeys(_granted(function))
        for other in self.functions():
            for setting in ("on_success", "on_failure"):
                destination = getattr(other.settings, setting)
                if getattr(destination, "arn", None) == function.arn:
                    found[f"{setting} of {other.name}"] = None
        for name, route in self.wired("route").items():
            if _asynchronous_route(route) and _names(route, function):
                found[f"route {name}"] = None
        called = self._called(function)
        if called and not found:
            found[f"{called:,} call{'s' * (called != 1)} with invocation_type='Event'"] = None
        return list(found)

    def _called(self, function: Function) -> int:
        """How many asynchronous invocations Lambda has accepted."""
        calls = self.tables.rows("invocations")
        mine = calls["function"] == function.name_code
        refused = np.isin(calls["status"], (InvocationStatus.REFUSED, InvocationStatus.THROTTLED))
        return int((mine & ~refused & (calls["invocation_type"] == InvocationType.EVENT)).sum())

    def failure_place(self, function: Function) -> str:
        """Where a failed event of a function is kept: its dead-letter queue or destination; "": nowhere."""
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


def _granted(function: Function) -> Iterator[str]:
    qualifiers = ["", *function.versions, *function.aliases]
    for qualifier in qualifiers:
        for statement in function.policy.of(qualifier):
            service = _ASYNCHRONOUS.get(statement.principal)
            if service is None and statement.principal.startswith("logs."):
                service = "CloudWatch Logs"
            if service is not None:
                source = (statement.source_arn or "").rpartition(":")[2]
                yield f"{service} ({source})" if source else service


def _asynchronous_route(route: Mapping[str, object]) -> bool:
    return "Event" in (route.get("invocation_type"), route.get("x_amz_invocation_type")) or bool(
        route.get("asynchronous")
    )


def _names(thing: Mapping[str, object], function: Function) -> bool:
    """Whether the settings of a wired thing name the function as its target."""
    named = [str(thing.get(key, "")) for key in ("function", "target")]
    return any(text in (function.name, function.arn) for text in named)


def _name(function: Any) -> str:
    """The name of a function given as such, decorated or by name."""
    if isinstance(function, str):
        return function
    return str(getattr(function, "name", getattr(function, "__name__", function)))
