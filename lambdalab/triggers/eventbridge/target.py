"""Event buses as destinations: a function's invocation record arrives as an event of source ``lambda``.

Source: async.md 5 of the reference (``LS:test_invoke_lambda_eventbridge``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lambdalab.invocation.destinations import Destination, Envelope

if TYPE_CHECKING:
    from lambdalab.triggers.eventbridge.service import EventBridge

_TYPE = "Lambda Function Invocation Result - "


class BusTarget:
    """The buses of a lab, as far as they take invocation records."""

    service, noun = "events", "event bus"

    def __init__(self, eventbridge: EventBridge) -> None:
        self._eventbridge = eventbridge

    def names(self) -> Iterable[str]:
        """The buses there are."""
        return self._eventbridge

    def find(self, given: object) -> Destination | None:
        """A bus by name, as such, or by the last part of its ARN."""
        bus = self._eventbridge.bus_of(given)
        return None if bus is None else Destination(self.service, bus.name, bus.arn)

    def deliver(self, destination: Destination, record: bytes, envelope: Envelope) -> str:
        """Put the record on the bus, as the detail of an event."""
        bus = self._eventbridge.bus_of(destination.name)
        if bus is None:
            return f"Event bus {destination.name} does not exist."
        if len(record) > self._eventbridge.parts.rules.eventbridge_entry_size:
            return "Total size of the entries in the request is over the limit."
        detail = json.loads(record)
        named = {name: str(value) for name, (_, value) in envelope.attributes.items()}
        if "DetailType" in named and isinstance(detail, dict):  # an entry of a service's own
            bus.receive(
                named["Source"], named["DetailType"], detail, (named["Resources"],),
                request=envelope.request, cause=envelope.cause,
            )  # fmt: skip
            return ""
        context = detail.get("requestContext", {}) if isinstance(detail, dict) else {}
        if "functionArn" not in context:
            return "Detail is malformed."
        how = "Success" if context.get("condition") == "Success" else "Failure"
        bus.receive(
            "lambda", f"{_TYPE}{how}", detail, (bus.arn, context["functionArn"]),
            request=envelope.request, cause=envelope.cause,
        )  # fmt: skip
        return ""
