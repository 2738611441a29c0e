"""SQS queues as destinations: a record is the body of a message.

Source: dg/invocation-async-retain-records; the trace header was seen in recordings (async.md 5 of the
reference).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lambdalab.invocation.destinations import Destination, Envelope

if TYPE_CHECKING:
    from lambdalab.sources.sqs.service import Sqs


class SqsTarget:
    """The queues of a lab, as far as they take invocation records."""

    service, noun = "sqs", "queue"

    def __init__(self, sqs: Sqs) -> None:
        self._sqs = sqs

    def names(self) -> Iterable[str]:
        """The queues there are."""
        return self._sqs

    def find(self, given: object) -> Destination | None:
        """A standard queue by name, or as such: AWS delivers to no FIFO queue."""
        if given not in self._sqs:
            return None
        name = given if isinstance(given, str) else given.name  # type: ignore[attr-defined]
        if self._sqs[name].fifo:
            return None
        return Destination(self.service, name, self._sqs[name].arn)

    def deliver(self, destination: Destination, record: bytes, envelope: Envelope) -> str:
        """Send a message with the record, and the trace header as its system attribute."""
        if destination.name not in self._sqs:
            return "The specified queue does not exist."
        return self._sqs[destination.name].deliver(
            record,
            dict(envelope.attributes),
            envelope.request,
            envelope.chain,
            envelope.cause,
            envelope.trace_header,
        )
