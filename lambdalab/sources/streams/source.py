"""What an event source mapping needs to know of a stream, whichever service it belongs to."""

from __future__ import annotations

from typing import Protocol

from lambdalab.sources.filters.criteria import Source
from lambdalab.sources.streams.shard import Budget, Shard, StreamRecord
from lambdalab.sources.streams.store import StreamStore


class StreamSource(Protocol):
    """A stream that a mapping can read: of Kinesis, or of a DynamoDB table.

    Attributes: ``name`` (in the books), ``arn``, ``service`` (``kinesis`` or ``dynamodb``), ``store``
    (of this run), ``positions`` (the starting positions it knows), ``filters`` (what patterns may ask),
    ``batch_info`` (the key under which failure records tell of its records).
    """

    name: str
    arn: str
    service: str
    positions: tuple[str, ...]
    filters: Source
    batch_info: str

    @property
    def store(self) -> StreamStore:
        """Its shards and records in this run."""

    @property
    def poll_interval(self) -> float:
        """Seconds between two reads of a shard by one mapping; 0: records are pushed."""

    @property
    def push_latency(self) -> float:
        """Seconds after which a record that is pushed arrives; of no account where the shard is polled."""

    @property
    def read_limits(self) -> tuple[int, int]:
        """Most records and most bytes of one read."""

    def read_budget(self, shard: Shard) -> Budget:
        """What a mapping's reads of the shard count for: ``shard.reads`` where all readers share it."""

    def record_json(self, record: StreamRecord) -> bytes:
        """A record as it stands in the function's event."""

    def filter_text(self, record: StreamRecord) -> str | None:
        """Its data as text, for filters; None where the event holds it as it is."""

    def arrival(self, at: int) -> str:
        """How failure records write the time (microseconds since the lab's start) of an arrival."""
