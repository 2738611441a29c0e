"""Consumers with enhanced fan-out: a stream pushes its records to them, to each at a rate of its own.

Sources: kdg/enhanced-consumers (2 MB/s a shard and consumer; about 70 ms from put to reader),
dg/with-kinesis. The event then names the consumer as its source: our reading, nothing was recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdalab.errors import LimitExceededException, ResourceInUseException
from lambdalab.kernel.clock import US
from lambdalab.sources.kinesis.input import check_name
from lambdalab.sources.kinesis.source import KinesisSource
from lambdalab.sources.streams.shard import Budget, Shard
from lambdalab.sources.streams.store import StreamStore

if TYPE_CHECKING:
    from lambdalab.sources.kinesis.stream import Stream

_ANY = 1 << 62  # pushes are not counted, their bytes are


class Consumer(KinesisSource):
    """A consumer of a stream, made by ``stream.register_consumer``; a mapping's source.

    Attributes: ``stream``, ``consumer_name``, ``name`` ("clicks/fast"), ``arn``.
    """

    def __init__(self, consumer_name: str, stream: Stream, made_at: int) -> None:
        self.stream, self.consumer_name = stream, consumer_name
        self._kinesis = stream._kinesis
        self.name = f"{stream.name}/{consumer_name}"
        made_s = self._kinesis.clock.epoch_us(made_at) // US
        self.arn = f"{stream.arn}/consumer/{consumer_name}:{made_s}"

    @property
    def store(self) -> StreamStore:
        """The stream's shards and records in this run."""
        return self.stream.store

    @property
    def poll_interval(self) -> float:
        """0: the stream pushes."""
        return 0.0

    @property
    def push_latency(self) -> float:
        """Seconds after which a record arrives."""
        return float(self._kinesis.rules.kinesis_push_latency)

    @property
    def read_limits(self) -> tuple[int, int]:
        """Most records and most bytes of one push: no more than go in a second."""
        rules = self._kinesis.rules
        return rules.kinesis_read_records, rules.kinesis_shard_read_bytes

    def read_budget(self, shard: Shard) -> Budget:
        """A rate of its own, nobody else's."""
        return Budget(_ANY, self._kinesis.rules.kinesis_shard_read_bytes)

    def __repr__(self) -> str:
        return f"<consumer {self.consumer_name} of stream {self.stream.name}: enhanced fan-out>"


def register(stream: Stream, name: str) -> Consumer:
    """One more consumer of a stream; see :meth:`Stream.register_consumer`."""
    kinesis = stream._kinesis
    check_name(name, kinesis.rules)
    if name in stream.consumers:
        raise ResourceInUseException(
            f"Consumer {name} under stream {stream.arn} already exists.",
            f"; lab.kinesis[{stream.name!r}].consumers[{name!r}] is it",
        )
    most = kinesis.rules.kinesis_consumers
    if len(stream.consumers) >= most:
        raise LimitExceededException(
            f"Stream {stream.name} already has {most} registered consumers.",
            f" ({kinesis.rules.source('kinesis_consumers')})",
        )
    made = stream.consumers[name] = Consumer(name, stream, kinesis.scheduler.now)
    return made
