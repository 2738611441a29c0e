"""Message groups: what a FIFO queue knows of a message beyond what every queue does.

Sources: botocore SendMessage; SQS developer guide, FIFO delivery logic and message deduplication id.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

from lambdalab.errors import InvalidSetting
from lambdalab.rules import Rules
from lambdalab.sources.sqs.events import Attributes
from lambdalab.sources.sqs.messages import VISIBLE, Message

if TYPE_CHECKING:
    from lambdalab.sources.sqs.fifo_store import FifoStore

_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]+\Z")
_FIRST_SEQUENCE, _SEQUENCE_STEP = 18_849_496_460_000_000_000, 256


class FifoMessage(Message):
    """A message of a FIFO queue.

    Attributes, beside those of every message: ``message_group_id``, ``message_deduplication_id``
    and ``sequence_number``. Its state may also be ``blocked``: it waits behind a message of its
    group that is in flight.
    """

    __slots__ = ("deduplication", "group", "sequence")

    store: FifoStore | None

    def __init__(
        self,
        number: int,
        message_id: str,
        body: str,
        attributes: Attributes,
        sent_at: int,
        group: str,
        deduplication: str,
    ) -> None:
        super().__init__(number, message_id, body, attributes, sent_at)
        self.group, self.deduplication = group, deduplication
        self.sequence = 0  # its place in the queue it is in, from 1

    @property
    def message_group_id(self) -> str:
        """The group within which it keeps its place."""
        return self.group

    @property
    def message_deduplication_id(self) -> str:
        """What it is recognised by when it is sent twice.

        In a dead-letter queue that is its message id: two messages there may once have had the same
        (SQS developer guide, dead-letter queue redrive).
        """
        return self.deduplication

    @property
    def sequence_number(self) -> str:
        """AWS's number for its place: 20 digits that rise from message to message of a queue."""
        return str(_FIRST_SEQUENCE + _SEQUENCE_STEP * self.sequence)

    @property
    def fifo(self) -> tuple[str, str, str]:
        """Sequence number, group and deduplication id, as an event has them."""
        return self.sequence_number, self.group, self.deduplication

    @property
    def state(self) -> str:
        """``visible``, ``blocked``, ``delayed``, ``in flight`` or ``gone``."""
        if self.standing == VISIBLE and self.store is not None and self.store.blocks(self.group):
            return "blocked"
        return super().state


class Group:
    """The messages of one group that are in a queue, but for delayed ones.

    ``ready`` is a heap of those that are not in flight, by their place; what has left since lies in
    it until it comes to the top. ``visible`` and ``in_flight`` count without those.
    """

    __slots__ = ("in_flight", "name", "ready", "visible")

    def __init__(self, name: str) -> None:
        self.name = name
        self.ready: list[tuple[int, FifoMessage]] = []
        self.visible = self.in_flight = 0


def check_id(setting: str, value: object, rules: Rules) -> str:
    """A message group id or deduplication id, or :class:`InvalidSetting`."""
    most = rules.sqs_fifo_id_length
    if isinstance(value, str) and len(value) <= most and _ID.match(value):
        return value
    limit = f"1 to {most} letters, digits and ASCII punctuation, no spaces"
    raise InvalidSetting(setting, value, limit, rules.source("sqs_fifo_id_length"))


def content_id(body: str) -> str:
    """The deduplication id that a body makes: its SHA-256, attributes do not count."""
    return sha256(body.encode()).hexdigest()
