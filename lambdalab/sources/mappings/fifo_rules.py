"""What is otherwise in a mapping of a FIFO queue: its settings, and how much one batch takes.

That the messages of a group stay in order is the queue's own doing: it hands out none of a group of which
one is in flight (:mod:`lambdalab.sources.sqs.fifo_store`). So a group has one batch at a time, and as many
batches are under way as there are groups, pollers, and as the maximum concurrency allows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidParameterValueException
from lambdalab.rules import Rules
from lambdalab.sources.checks import whole
from lambdalab.sources.mappings.event import EMPTY_PAYLOAD, SEPARATOR
from lambdalab.sources.sqs.messages import Message, size_of

if TYPE_CHECKING:
    from lambdalab.sources.mappings.queue_settings import MappingSettings
    from lambdalab.sources.sqs.queue import Queue

# A record is at most so many times as long as what was sent, and so many bytes more.
_GROWTH, _AROUND = 6, 4_000
# Bytes that it may grow by when its message is received: the count stands in it twice.
_LONGER = 8


def check_fifo(queue: Queue, settings: MappingSettings, rules: Rules) -> None:
    """Refuse a window for a FIFO queue.

    Sources: dg/services-sqs-configure; the words about the window are AWS's (aws/aws-lambda-dotnet pull
    request 1758). A standard queue passes.
    """
    if not queue.fifo:
        return
    if settings.maximum_batching_window:
        raise InvalidParameterValueException(
            "Batching window is not supported for FIFO queues",
            f" (maximum_batching_window={settings.maximum_batching_window}; {queue.name!r})",
        )


def check_fifo_size(queue: Queue, given: dict[str, Any], rules: Rules) -> None:
    """The same of the batch size; first, for a larger one would need a window, elsewhere."""
    size = given.get("batch_size")
    if queue.fifo and size is not None:
        whole(
            "batch_size", size, 1, rules.mapping_fifo_batch_size_maximum,
            "records, for a FIFO queue", rules.source("mapping_fifo_batch_size_maximum"),
        )  # fmt: skip


class Fit:
    """Which messages one receive of a FIFO queue may bring: those that one batch can hold.

    Nothing of a group is left over for a second batch then, while the first is under way. What Lambda
    does instead is undocumented; with messages of 256 KB, ten of them always fit.

    Parameters: the ``limit`` of an event in bytes, and ``json``, which makes a record of a message.
    Called with one message after the other. ``full``: one did not fit.
    """

    def __init__(self, limit: int, json: Callable[[Message], bytes]) -> None:
        self._limit, self._json = limit, json
        self._messages: list[Message] = []
        self._at_most = 0
        self.full = False

    def __call__(self, message: Message) -> bool:
        """Whether the message is received with the others; the first always is."""
        self._messages.append(message)
        self._at_most += _GROWTH * size_of(message.body, message.attributes) + _AROUND
        if self._at_most > self._limit and len(self._messages) > 1:
            records = [len(self._json(m)) + _LONGER + SEPARATOR for m in self._messages]
            self.full = EMPTY_PAYLOAD + sum(records) > self._limit
        return not self.full
