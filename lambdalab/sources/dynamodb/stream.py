"""A table's stream: every change of an item is a record, and a mapping may read it.

* A record comes to the shard that the hash of the item's partition key falls to, so that the changes of
  an item keep their order; a mapping's lanes keep it for each item, sort key included.
* What is written is not limited (a stream keeps up with its table), nor is how often a shard is read.
* Shards stay for the whole run, where AWS replaces them every few hours. They are named, and records
  numbered, as the service does it: rising numbers of 21 digits.
* Records stay for 24 h, read or not.

Sources: event-source-mappings.md 4 of the reference, ddg/Streams, botocore dynamodbstreams; the names of
shards are seen in dg/services-dynamodb-errors.
"""

from __future__ import annotations

import hashlib
import html
from typing import TYPE_CHECKING

from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.kernel.clock import US
from lambdalab.sources.checks import whole
from lambdalab.sources.dynamodb.events import Change, change_record, table_arn
from lambdalab.sources.dynamodb.items import wired
from lambdalab.sources.filters.criteria import DYNAMODB
from lambdalab.sources.holding import Holding
from lambdalab.sources.streams.reading import TYPES, iterator_of, read
from lambdalab.sources.streams.shard import Budget, Shard, StreamRecord, hash_key_of
from lambdalab.sources.streams.store import StreamStore
from lambdalab.sources.streams.views import Read, Records, ShardIterator, Shards

if TYPE_CHECKING:
    from lambdalab.sources.dynamodb.service import DynamoDb

_PLACES = 10**20  # how many records a shard's numbers have room for
HOUR_US = 3_600 * US


class _Names:
    """How DynamoDB calls shards and numbers records: see :class:`~..streams.shard.Naming`."""

    def shard_id(self, index: int, made_s: int) -> str:
        mark = hashlib.sha256(f"shard {index}".encode()).hexdigest()[:8]
        return f"shardId-{made_s * 1_000 + index:020d}-{mark}"

    def sequence_number(self, shard: Shard, place: int, at_s: int) -> str:
        return str((shard.index + 1) * _PLACES + place)

    def place_of(self, shard: Shard, number: str) -> int | None:
        if not (number.isascii() and number.isdecimal()):
            return None
        made, place = divmod(int(number), _PLACES)
        return place if made == shard.index + 1 and place < shard.next_place else None


class ChangeRecord(StreamRecord):
    """A record of a table's stream. ``data`` is its JSON as a function's event has it.

    Attributes, beside those of every record: ``event_name``, ``keys`` (the values, for people).
    """

    __slots__ = ("_size", "event_name", "keys")

    def __init__(
        self, number: int, data: bytes, item: str, hash_key: int, change: Change, size: int
    ) -> None:
        super().__init__(number, data, item, hash_key)
        self.event_name, self._size = change.event_name, size
        self.keys = ", ".join(f"{name}={_shown(value)}" for name, value in change.keys.items())

    @property
    def size(self) -> int:
        """Bytes that count for limits: the record's ``SizeBytes``."""
        return self._size


def _shown(value: dict[str, object]) -> str:
    [(kind, inside)] = wired(value).items()
    return repr(inside) if kind == "S" else str(inside)


class Changes(Records):
    """What lay in a table's stream when it was looked at, in the order in which it came."""

    def _row(self, thing: StreamRecord) -> tuple[str, ...]:
        assert isinstance(thing, ChangeRecord)
        return repr(thing), thing.shard.shard_id, thing.event_name, thing.keys


class TableStream(Holding):
    """The stream of a table, as ``table.stream`` and as event source mappings know it.

    Attributes: ``name`` (the table's), ``arn``, ``label`` (when it was enabled), ``view_type``,
    ``store`` (the shards and records of this run). It is a
    :class:`~lambdalab.sources.streams.source.StreamSource`.
    """

    service = "dynamodb"
    positions = ("TRIM_HORIZON", "LATEST")
    filters = DYNAMODB
    batch_info = "DDBStreamBatchInfo"
    push_latency = 0.0

    def __init__(self, name: str, shards: int, dynamodb: DynamoDb) -> None:
        self.name, self._shard_count, self._dynamodb = name, shards, dynamodb
        self.view_type = self.label = self.arn = ""
        self.store: StreamStore
        self.start()

    def start(self) -> None:
        """Begin a run: empty."""
        dynamodb = self._dynamodb
        hours: float = dynamodb.rules.dynamodb_stream_retention
        self.store = StreamStore(
            self.name, self._shard_count, round(hours * HOUR_US), dynamodb.scheduler,
            dynamodb.books, dynamodb.clock, _Names(), kind="table",
        )  # fmt: skip

    def enable(self, view_type: str) -> None:
        """Show changes so, from now on. The label, and with it the ARN, is of now."""
        self.view_type = view_type
        self.label = self._dynamodb.clock.iso(self._dynamodb.scheduler.now).removesuffix("Z")
        self.arn = f"{table_arn(self.name)}/stream/{self.label}"

    def put(self, change: Change, request: int) -> None:
        """An item has changed; ``request`` is the invocation that did it (0: none)."""
        dynamodb, store = self._dynamodb, self.store
        values = [str(next(iter(wired(value).values()))) for value in change.keys.values()]
        hash_key = hash_key_of(values[0])
        shard = store.shard_for(hash_key)
        number, now = dynamodb.next_number(), dynamodb.scheduler.now
        data = change_record(
            change, self.view_type, event_id=dynamodb.ids.message(number).replace("-", ""),
            sequence_number=shard.sequence_number(shard.next_place, now),
            epoch_us=dynamodb.clock.epoch_us(now), arn=self.arn,
        )  # fmt: skip
        size = change.size(self.view_type)
        record = ChangeRecord(number, data, "/".join(values), hash_key, change, size)
        store.put(record, shard, request)

    # ------------------------------------------------------------------ what mappings ask

    @property
    def poll_interval(self) -> float:
        """Seconds between two reads of a shard by one mapping."""
        interval: float = self._dynamodb.rules.dynamodb_poll_interval
        return interval

    @property
    def read_limits(self) -> tuple[int, int]:
        """Most records and most bytes of one read."""
        rules = self._dynamodb.rules
        return rules.dynamodb_read_records, rules.dynamodb_read_size

    def read_budget(self, shard: Shard) -> Budget:
        """What reads count for: here for nothing."""
        return shard.reads

    def record_json(self, record: StreamRecord) -> bytes:
        """A record as it stands in the function's event."""
        return record.data

    def filter_text(self, record: StreamRecord) -> None:
        """Filters see the record as it is."""

    def arrival(self, at: int) -> str:
        """How failure records write when a record came: in whole seconds."""
        return f"{self._dynamodb.clock.iso(at)[:19]}Z"

    # ------------------------------------------------------------------ reading

    def get_shard_iterator(
        self,
        shard: Shard | str,
        shard_iterator_type: str = "TRIM_HORIZON",
        *,
        starting_sequence_number: str | None = None,
    ) -> ShardIterator:
        """A place in a shard (or the shard of that id) to read from; it can be used for 900 s.

        Types are those of a Kinesis stream, without ``AT_TIMESTAMP``. Raises :class:`InvalidSetting`,
        :class:`UnknownName` and :class:`InvalidArgumentException`.
        """
        self._dynamodb.origin()
        if shard_iterator_type == "AT_TIMESTAMP":
            limit = f"one of {', '.join(kind for kind in TYPES if kind != 'AT_TIMESTAMP')}"
            raise InvalidSetting("shard_iterator_type", shard_iterator_type, limit)
        wanted = shard.shard_id if isinstance(shard, Shard) else shard
        for found in self.store.shards:
            if found.shard_id == wanted:
                now = self._dynamodb.scheduler.now
                return iterator_of(found, shard_iterator_type, starting_sequence_number, None, now)
        known = [each.shard_id for each in self.store.shards]
        raise UnknownName(f"shard in the stream of table {self.name!r}", wanted, known)

    def get_records(self, shard_iterator: ShardIterator, limit: int | None = None) -> Read:
        """Read on from an iterator: at most ``limit`` records (1,000) or 1 MiB.

        Raises :class:`ExpiredIteratorException` for one older than 900 s.
        """
        rules = self._dynamodb.rules
        self._dynamodb.origin()
        if not isinstance(shard_iterator, ShardIterator):
            raise InvalidSetting("shard_iterator", shard_iterator, "from get_shard_iterator()")
        most, room = self.read_limits
        if limit is not None:
            most = whole("limit", limit, 1, most, "records", rules.source("dynamodb_read_records"))
        life_us = round(rules.dynamodb_iterator_life * US)
        found = read(shard_iterator, most, room, life_us, self._dynamodb.scheduler.now)
        assert isinstance(found, Read), "reading counts for nothing here"
        return found

    # ------------------------------------------------------------------ looking

    @property
    def records(self) -> Changes:
        """A look at every record in it, without reading any."""
        return Changes(self.name, self.store.records)

    @property
    def shards(self) -> Shards:
        """Its shards."""
        return Shards(self.name, self.store.shards)

    def __repr__(self) -> str:
        depth, number = self.store.depth, self._shard_count
        return (
            f"<stream of table {self.name}, {self.view_type}: {depth:,} record{'s' * (depth != 1)} "
            f"in {number:,} shard{'s' * (number != 1)}>"
        )

    def _repr_html_(self) -> str:
        return f"<div><code>{html.escape(repr(self))}</code></div>{self.records._repr_html_()}"
