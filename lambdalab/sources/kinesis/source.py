"""A Kinesis stream as event source mappings see it: :class:`.StreamSource`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdalab.sources.filters.criteria import KINESIS, Source
from lambdalab.sources.kinesis.events import kinesis_record
from lambdalab.sources.streams.shard import Budget, Shard, StreamRecord

if TYPE_CHECKING:
    from lambdalab.sources.kinesis.service import Kinesis


class KinesisSource:
    """What a stream and its consumers with enhanced fan-out have in common for a mapping.

    A mapping polls a shard once a second; its reads count for the shard's limits, together with
    everybody's (dg/with-kinesis).
    """

    service: str = "kinesis"
    positions: tuple[str, ...] = ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")
    filters: Source = KINESIS
    batch_info: str = "KinesisBatchInfo"

    arn: str
    _kinesis: Kinesis

    @property
    def poll_interval(self) -> float:
        """Seconds between two reads of a shard by one mapping."""
        return float(self._kinesis.rules.stream_poll_interval)

    @property
    def push_latency(self) -> float:
        """Of no account: shards are polled."""
        return 0.0

    @property
    def read_limits(self) -> tuple[int, int]:
        """Most records and most bytes of one read."""
        rules = self._kinesis.rules
        return rules.kinesis_read_records, rules.kinesis_read_size

    def read_budget(self, shard: Shard) -> Budget:
        """What reads of the shard count for."""
        return shard.reads

    def record_json(self, record: StreamRecord) -> bytes:
        """A record as it stands in the function's event."""
        return kinesis_record(record, self.arn, self._kinesis.clock)

    def filter_text(self, record: StreamRecord) -> str | None:
        """A record's data for filters: decoded, not in base64; what is no UTF-8 is no JSON either."""
        try:
            return record.data.decode()
        except UnicodeDecodeError:
            return ""

    def arrival(self, at: int) -> str:
        """A time as failure records write it: in milliseconds."""
        return self._kinesis.clock.iso(at)
