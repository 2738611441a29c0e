"""What can be a function's dead-letter queue: an SQS queue, or an SNS topic.

A queue is known by its name, a topic by its ARN; people give either as itself, or by its ARN, a queue
also by its name, which makes it where it is missing. Neither may be FIFO. Source: async.md 6 of the
reference (dg/invocation-async-retain-records).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.functions.function import DeadLetters
from lambdalab.invocation.destinations import Destination, Destinations, Envelope, TargetKind
from lambdalab.invocation.recursion import Chain
from lambdalab.trace.schema import Cause

SETTING = "dead_letter_queue"
_SOURCE = "dg/invocation-async-retain-records"


class DeadLetterQueues(Protocol):
    """SQS, as far as a function's dead letters go."""

    def letters_name(self, given: object) -> str | None:
        """The name of a queue given as such or by name."""

    def imply(self, name: str) -> DeadLetters:
        """The queue of that name, made when it is missing."""

    def target_kind(self) -> TargetKind:
        """Queues as destinations of invocation records."""


class PlaceLetters:
    """Any destination of the lab as a place for dead letters. Attributes: ``name``, its ARN."""

    def __init__(self, destinations: Destinations, destination: Destination) -> None:
        self._destinations, self._destination = destinations, destination
        self.name = destination.arn

    def deliver(
        self,
        body: bytes,
        attributes: Mapping[str, tuple[str, str]],
        request: int,
        chain: Chain | None,
    ) -> str:
        """Take an event; ``""``, or why it was not taken."""
        envelope = Envelope(
            request, 0, chain, "", cause=Cause.DEAD_LETTER, attributes=dict(attributes)
        )
        return self._destinations.deliver(self._destination, body, envelope)


class Letters:
    """Finds the dead-letter queues that functions name. Parameters: SQS, the lab's destinations."""

    def __init__(self, queues: DeadLetterQueues, destinations: Destinations) -> None:
        self._queues, self._destinations = queues, destinations

    def name(self, given: object) -> str | None:
        """What a function's settings keep of it: a queue's name, a topic's ARN; None for none.

        Raises :class:`~lambdalab.errors.InvalidSetting` for what is neither, and as
        :meth:`Destinations.resolve` does for an ARN of nothing there is.
        """
        found = self._place(given)
        if found is None:
            return self._queues.letters_name(given)
        return found.name if found.service == "sqs" else found.arn

    def place(self, name: str) -> DeadLetters:
        """The queue or topic of that name (see :meth:`name`); a queue is made where it is missing."""
        found = self._place(name)
        return (
            self._queues.imply(name) if found is None else PlaceLetters(self._destinations, found)
        )

    def queue(self, given: object) -> Destination | None:
        """The dead-letter queue of another service's way to its target; None where none was given.

        A name that nothing has makes the queue. What it leads to may be of another service: who asks
        says what it takes. Raises as :meth:`Destinations.resolve` does.
        """
        found = self._destinations.handle("sqs", given)
        if found is not None:
            return found
        try:
            return self._destinations.resolve(SETTING, given, "")
        except UnknownName:
            if not isinstance(given, str):
                raise
            self._queues.imply(given)
            return self._destinations.handle("sqs", given)

    def _place(self, given: object) -> Destination | None:
        """What an ARN, or a topic, stands for; None for what SQS is to find."""
        topic = None if isinstance(given, str) else self._destinations.handle("sns", given)
        if topic is None and not (isinstance(given, str) and given.startswith("arn:")):
            return None
        found = self._destinations.resolve(SETTING, given if topic is None else topic, "")
        if found is not None and found.service not in ("sqs", "sns"):
            raise InvalidSetting(SETTING, given, "a queue or a topic, its name or ARN", _SOURCE)
        return found
