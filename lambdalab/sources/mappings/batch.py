"""A batch: the records that go to the function together, and how much room there is for more."""

from __future__ import annotations

from collections.abc import Callable

from lambdalab.functions.call import Call
from lambdalab.invocation.recursion import Chain, joined
from lambdalab.sources.mappings.event import EMPTY_PAYLOAD, SEPARATOR, payload
from lambdalab.sources.mappings.pollers import Poller
from lambdalab.sources.sqs.messages import Message


class Record:
    """A received message as a record of an event: its JSON, and the receive it came with."""

    __slots__ = ("json", "message", "receive")

    def __init__(self, message: Message, json: bytes) -> None:
        self.message = message
        self.receive = message.receive_count
        self.json = json

    @property
    def is_held(self) -> bool:
        """Whether its message is still invisible because of this receive."""
        return self.message.visible_at >= 0 and self.message.receive_count == self.receive


class Batch:
    """One batch of a mapping. Times are microseconds since the lab's start.

    ``size`` is the length of the event that the function will get, to the byte. ``deadline`` is when
    the first of its messages becomes visible again. ``filtered`` counts messages that no filter matched
    and that came with its records, or while it was open. ``answered`` is what the front door calls.
    """

    __slots__ = (
        "_hear", "chain", "deadline", "filtered", "limit", "number", "opened_at", "overdue",
        "payload", "payload_limit", "poller", "records", "request", "size", "timer", "tries",
        "window_opened_at", "window_us",
    )  # fmt: skip

    def __init__(
        self, poller: Poller, limit: int, payload_limit: int, hear: Callable[[Batch, Call], None]
    ) -> None:
        self.poller = poller
        self.limit, self.payload_limit = limit, payload_limit
        self._hear = hear
        self.records: list[Record] = []
        self.size = EMPTY_PAYLOAD
        self.opened_at = self.window_opened_at = -1
        self.window_us = 0  # the batching window that held when its first record joined
        self.timer = 0  # the end of its window; 0: none
        self.deadline = -1
        self.overdue = False  # its window is over, and it waits for the long poll under way
        self.filtered = 0
        # once it is closed
        self.number = 0
        self.payload = b""
        self.tries = 0
        self.request = 0
        self.chain: Chain | None = None  # of the requests that led to its messages

    @property
    def room(self) -> int:
        """How many more records it may hold."""
        return self.limit - len(self.records)

    def add(self, record: Record) -> bool:
        """One more record; False, and nothing happens, where it does not fit. One alone always does."""
        records = self.records
        size = self.size + len(record.json)
        if records:
            size += SEPARATOR
            if size > self.payload_limit or len(records) >= self.limit:
                return False
        self.size = size
        records.append(record)
        until = record.message.visible_at
        if self.deadline < 0 or until < self.deadline:
            self.deadline = until
        return True

    def close(self) -> None:
        """No more records come: make the event, and let go of its pieces."""
        self.payload = payload([record.json for record in self.records])
        for record in self.records:
            record.json = b""
        chains = [r.message.chain for r in self.records if r.message.chain is not None]
        if chains:
            self.chain = joined(chains)

    def answered(self, call: Call) -> None:
        """The function's answer has come, or the service's refusal."""
        self._hear(self, call)
