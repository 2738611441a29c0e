"""One Kinesis data stream: what its users can do with it."""

from __future__ import annotations

import html
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lambdalab.errors import (
    InvalidArgumentException,
    InvalidSetting,
    ProvisionedThroughputExceededException,
    UnknownName,
)
from lambdalab.functions.context import ACCOUNT, REGION
from lambdalab.kernel.clock import US
from lambdalab.sources.checks import whole
from lambdalab.sources.holding import Holding
from lambdalab.sources.kinesis.consumers import Consumer, register
from lambdalab.sources.kinesis.input import (
    Entry,
    check_record_size,
    check_retention,
    entries_of,
    entry_of,
    hash_key_given,
)
from lambdalab.sources.kinesis.naming import KinesisNaming
from lambdalab.sources.kinesis.source import KinesisSource
from lambdalab.sources.streams.reading import iterator_of, read
from lambdalab.sources.streams.shard import Budget, Shard, StreamRecord
from lambdalab.sources.streams.store import StreamStore
from lambdalab.sources.streams.views import (
    Put,
    PutResult,
    PutResults,
    Read,
    Records,
    ShardIterator,
    Shards,
)
from lambdalab.trace.schema import ParentKind

if TYPE_CHECKING:
    from lambdalab.sources.kinesis.service import Kinesis

HOUR_US = 3_600 * US


def stream_arn(name: str) -> str:
    """The ARN of a stream of the lab's account."""
    return f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"


class Stream(Holding, KinesisSource):
    """A Kinesis data stream in provisioned mode, made by ``lab.kinesis.create_stream``.

    Attributes: ``name``, ``arn``, ``shard_count`` (that it was made with), ``retention_hours``,
    ``max_record_size`` (KiB), ``consumers`` by name (enhanced fan-out).

    Example
    -------
    >>> from lambdalab import Lab
    >>> clicks = Lab().kinesis.create_stream("clicks", shard_count=2)
    >>> clicks.put_record({"page": 1}, partition_key="ann").shard_id
    'shardId-000000000000'
    >>> clicks.records
    1 record in 'clicks'
    m1  shardId-000000000000  ann  {"page": 1}
    """

    def __init__(
        self, name: str, shard_count: int, retention_hours: int, max_record_size: int,
        kinesis: Kinesis,
    ) -> None:  # fmt: skip
        self.name, self.arn = name, stream_arn(name)
        self.shard_count = shard_count
        self.retention_hours = retention_hours
        self.max_record_size = max_record_size
        self._kinesis = kinesis
        self.consumers: dict[str, Consumer] = {}
        self.store: StreamStore
        self.start()

    # ------------------------------------------------------------------ writing

    def put_record(
        self,
        data: object,
        partition_key: str,
        explicit_hash_key: int | str | None = None,
    ) -> Put:
        """Put a record in the stream; returns its shard's id and its sequence number.

        Parameters
        ----------
        data
            Bytes as they are, a text as UTF-8; any other value is put as JSON.
        partition_key
            1 to 256 characters: records with the same one go to the same shard, in order.
        explicit_hash_key
            Decides the shard in place of the partition key's MD5: 0 to 2**128 - 1.

        Raises
        ------
        InvalidSetting
            For what Kinesis refuses, a record over the limit (1 MiB) too.
        ProvisionedThroughputExceededException
            The shard has taken 1,000 records or 1 MiB in this second. Nothing has been put.
        """
        rules = self._kinesis.rules
        entry = entry_of(data, partition_key, explicit_hash_key, self.max_record_size, rules)
        request = self._request()
        shard = self._admit(entry)
        if isinstance(shard, str):
            raise ProvisionedThroughputExceededException(
                shard, "; the same call a second later finds room"
            )
        return self._put(entry, shard, request)

    drive_key = "partition_key"

    def check_arrival(self, data: object, key: object) -> None:
        """Refuse what :meth:`arrive` would refuse."""
        name: Any = "0" if key is None else key
        entry_of(data, name, None, self.max_record_size, self._kinesis.rules)

    def arrive(self, data: object, number: int, key: object) -> None:
        """What ``lab.drive`` puts; what the shard refuses is a row of ``trace.scaling``, and lost."""
        with suppress(ProvisionedThroughputExceededException):
            self.put_record(data, str(number) if key is None else key)  # type: ignore[arg-type]

    def put_records(self, records: Iterable[object]) -> PutResults:
        """Put up to 500 records at once, together at most 5 MiB.

        Each is a pair (data, partition_key), a triple with an explicit hash key, or a mapping with
        ``Data``, ``PartitionKey`` and ``ExplicitHashKey``, or ``data``, ``partition_key`` and
        ``explicit_hash_key``. Each succeeds or fails on its own: see
        ``failed_record_count``, and each result's ``error_code``.

        Raises :class:`InvalidSetting` for what Kinesis refuses; then none has been put.
        """
        entries = entries_of(records, self.max_record_size, self._kinesis.rules)
        request = self._request()
        results = []
        for entry in entries:
            shard = self._admit(entry)
            if isinstance(shard, str):
                code = ProvisionedThroughputExceededException.__name__
                results.append(PutResult(None, None, code, shard))
            else:
                results.append(PutResult(*self._put(entry, shard, request)))
        return PutResults(results)

    def _admit(self, entry: Entry) -> Shard | str:
        """The shard that takes a record now, or Kinesis's words for why it does not."""
        shard = self.store.shard_for(entry.hash_key)
        limit = shard.writes.lacks(self._kinesis.scheduler.now, entry.size)
        if limit is None:
            return shard
        self.store.refused(shard, limit)
        return self._exceeded(shard)

    def _exceeded(self, shard: Shard) -> str:
        return f"Rate exceeded for shard {shard.shard_id} in stream {self._described}."

    def _put(self, entry: Entry, shard: Shard, request: int) -> Put:
        record = StreamRecord(self._kinesis.next_number(), *entry)
        self.store.put(record, shard, request)
        return Put(shard.shard_id, record.sequence_number)

    def _request(self) -> int:
        """The invocation whose handler calls; 0 for a caller outside."""
        origin = self._kinesis._origin_of(self)
        return origin.parent if origin.parent_kind == ParentKind.REQUEST else 0

    # ------------------------------------------------------------------ reading

    def get_shard_iterator(
        self,
        shard: Shard | str,
        shard_iterator_type: str = "TRIM_HORIZON",
        *,
        starting_sequence_number: str | None = None,
        timestamp: Any = None,
    ) -> ShardIterator:
        """A place in a shard to read from with :meth:`get_records`; it can be used for 300 s.

        Parameters
        ----------
        shard
            A shard, or its id.
        shard_iterator_type
            ``TRIM_HORIZON`` (the oldest record), ``LATEST`` (what comes from now on),
            ``AT_SEQUENCE_NUMBER`` and ``AFTER_SEQUENCE_NUMBER`` (of ``starting_sequence_number``),
            ``AT_TIMESTAMP`` (the first record that came then or later).
        timestamp
            Seconds since the lab's start, a date, a datetime; not after now.

        Raises
        ------
        InvalidSetting, UnknownName, InvalidArgumentException
            For a type, a shard or a sequence number that is none.
        """
        kinesis = self._kinesis
        kinesis._origin_of(self)
        at = None if timestamp is None else kinesis.clock.at(timestamp, "timestamp")
        return iterator_of(
            self._shard(shard), shard_iterator_type, starting_sequence_number, at,
            kinesis.scheduler.now,
        )  # fmt: skip

    def get_records(self, shard_iterator: ShardIterator, limit: int | None = None) -> Read:
        """Read on from an iterator: at most ``limit`` records (10,000) or 10 MiB.

        Raises
        ------
        ExpiredIteratorException
            The iterator is older than 300 s.
        ProvisionedThroughputExceededException
            The shard has been read five times in this second, or 2 MiB of it. Reading changes
            nothing: :attr:`records` shows everything, without limits.
        """
        rules = self._kinesis.rules
        self._kinesis._origin_of(self)
        if not isinstance(shard_iterator, ShardIterator):
            raise InvalidSetting("shard_iterator", shard_iterator, "from get_shard_iterator()")
        shard = self._shard(shard_iterator.shard)
        most, room = self.read_limits
        if limit is not None:
            source = rules.source("kinesis_read_records")
            most = whole("limit", limit, 1, most, "records", source)
        life_us = round(rules.kinesis_iterator_life * US)
        found = read(shard_iterator, most, room, life_us, self._kinesis.scheduler.now)
        if isinstance(found, int):
            self.store.refused(shard, found)
            raise ProvisionedThroughputExceededException(
                self._exceeded(shard), "; read again a second later"
            )
        return found

    def register_consumer(self, consumer_name: str) -> Consumer:
        """A consumer with enhanced fan-out: as a mapping's source in place of the stream, it gets each
        record some 70 ms after it was put, at a rate of its own (2 MB/s a shard). It can be used at once.

        Raises :class:`ResourceInUseException` where there is one of that name,
        :class:`LimitExceededException` for more than a stream may have.
        """
        self._kinesis._origin_of(self)
        return register(self, consumer_name)

    # ------------------------------------------------------------------ shards

    def split_shard(
        self, shard: Shard | str, new_starting_hash_key: int | str | None = None
    ) -> tuple[Shard, Shard]:
        """Close a shard; two new ones take its hash keys, the second from ``new_starting_hash_key``
        (the middle by default) on.

        It happens at once (on AWS the stream is ``UPDATING`` for a while). Readers go on to the
        children at the end of the parent.

        Raises :class:`InvalidArgumentException` for a closed shard, and for a hash key that does not
        cut it; :class:`LimitExceededException` for more shards than the account may have.
        """
        self._kinesis._origin_of(self)
        parent = self._open_shard(shard)
        low, high = parent.starting_hash_key, parent.ending_hash_key
        if new_starting_hash_key is None:
            cut = low + (high - low + 1) // 2
        else:
            cut = hash_key_given(new_starting_hash_key, "new_starting_hash_key")
        if not low + 1 < cut < high:
            raise InvalidArgumentException(
                f"NewStartingHashKey {cut} used in SplitShard() on shard {parent.shard_id} in stream "
                f"{self._described} is not both greater than one plus the shard's "
                f"StartingHashKey {low} and less than the shard's EndingHashKey {high}."
            )
        self._kinesis.check_shards(1)
        first, second = self.store.replace((parent,), [(low, cut - 1), (cut, high)])
        return first, second

    def merge_shards(self, shard: Shard | str, adjacent_shard: Shard | str) -> Shard:
        """Close two shards; a new one takes the hash keys of both, of which the second's follow.

        It happens at once. Raises :class:`InvalidArgumentException` for shards that are closed or
        not neighbours.
        """
        self._kinesis._origin_of(self)
        first, second = self._open_shard(shard), self._open_shard(adjacent_shard)
        if first.ending_hash_key + 1 != second.starting_hash_key:
            raise InvalidArgumentException(
                f"Shards {first.shard_id} and {second.shard_id} in stream {self._described} are not "
                "an adjacent pair of shards eligible for merging"
            )
        keys = first.starting_hash_key, second.ending_hash_key
        [child] = self.store.replace((first, second), [keys])
        return child

    def _shard(self, given: object) -> Shard:
        shards = self.store.shards
        wanted = given.shard_id if isinstance(given, Shard) else given
        found = [shard for shard in shards if shard.shard_id == wanted]
        if not found or (isinstance(given, Shard) and found[0] is not given):
            known = [shard.shard_id for shard in shards]
            raise UnknownName(f"shard in stream {self.name!r} (in this run)", wanted, known)
        return found[0]

    def _open_shard(self, given: object) -> Shard:
        shard = self._shard(given)
        if shard.closed_at >= 0:
            children = " and ".join(child.shard_id for child in shard.children)
            raise InvalidArgumentException(
                f"Shard {shard.shard_id} in stream {self._described} is closed",
                f"; its hash keys went to {children}",
            )
        return shard

    @property
    def _described(self) -> str:
        return f"{self.name} under account {ACCOUNT}"

    # ------------------------------------------------------------------ settings

    def update_retention(self, retention_hours: int) -> Stream:
        """Keep records for 24 (default) to 8,760 hours; those that are there, too.

        What is older than a shorter period goes at once. What is gone does not come back.
        """
        hours = check_retention(retention_hours, self._kinesis.rules)
        self._kinesis._origin_of(self)
        self.retention_hours = hours
        self.store.retain(hours * HOUR_US)
        self._note()
        return self

    def update_max_record_size(self, max_record_size: int) -> Stream:
        """Take records of at most so many KiB: 1,024, and up to 10,240 by rules from 2025-10-27 on."""
        size = check_record_size(max_record_size, self._kinesis.rules)
        self._kinesis._origin_of(self)
        self.max_record_size = size
        self._note()
        return self

    # ------------------------------------------------------------------ looking

    @property
    def shards(self) -> Shards:
        """Its shards, closed ones too."""
        return Shards(self.name, self.store.shards)

    @property
    def records(self) -> Records:
        """A look at every record in it, without reading any."""
        return Records(self.name, self.store.records)

    def __repr__(self) -> str:
        number, depth = len(self.store.open_shards), self.store.depth
        return (
            f"<stream {self.name}: {depth:,} record{'s' * (depth != 1)} in {number:,} open "
            f"shard{'s' * (number != 1)}, kept {self.retention_hours:,} h>"
        )

    def _repr_html_(self) -> str:
        return f"<div><code>{html.escape(repr(self))}</code></div>{self.shards._repr_html_()}"

    # ------------------------------------------------------------------ runs

    def start(self) -> None:
        """Begin a run: empty, with the shards it was made with."""
        kinesis = self._kinesis
        self.store = StreamStore(
            self.name, self.shard_count, self.retention_hours * HOUR_US, kinesis.scheduler,
            kinesis.books, kinesis.clock, KinesisNaming(), self._budgets,
        )  # fmt: skip
        self._note()

    def _budgets(self) -> tuple[Budget, Budget]:
        """What a shard lets in and out in a second."""
        rules = self._kinesis.rules
        return (
            Budget(rules.kinesis_shard_records, rules.kinesis_shard_bytes),
            Budget(rules.kinesis_shard_reads, rules.kinesis_shard_read_bytes),
        )

    def _note(self) -> None:
        settings = {
            "shard_count": self.shard_count,
            "retention_hours": self.retention_hours,
            "max_record_size": self.max_record_size,
        }
        self._kinesis.books.wired("kinesis", self.store.name, settings)
