"""A shard of a stream: the hash keys it takes, its records in order, and what it lets through.

* A partition key's hash key is its MD5 digest as a 128-bit number; the shard whose range holds it takes
  the record (botocore PutRecord).
* How shards and records are called is a matter of their service (:class:`Naming`); that the places of a
  shard's records are consecutive is ours.
* A shard of Kinesis lets so many records and bytes in (and reads and bytes out) in any second. AWS
  documents the numbers; that a second may begin at any moment, and that what is larger than a second's
  bytes counts for as long as it takes at that rate, is our reading.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections import deque
from typing import Any, Protocol

from lambdalab.kernel.clock import US
from lambdalab.trace.ids import short

HASH_KEYS = 1 << 128
"""How many hash keys there are: MD5 digests."""

LAST_PLACE = (1 << 63) - 1
"""The place in the sequence number that ends a closed shard."""

_SLACK = 1_000  # trimmed records whose places may lie in a list before it is cut


def hash_key_of(partition_key: str) -> int:
    """The hash key of a partition key.

    >>> hash_key_of("a")
    16955237001963240173058271559858726497
    """
    return int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest())


def even_ranges(count: int) -> list[tuple[int, int]]:
    """All hash keys cut into ``count`` ranges, first and last included; the last takes what is left.

    >>> even_ranges(2)[0]
    (0, 170141183460469231731687303715884105727)
    """
    width = HASH_KEYS // count
    starts = [number * width for number in range(count)]
    return list(zip(starts, [start - 1 for start in [*starts[1:], HASH_KEYS]], strict=True))


class Naming(Protocol):
    """How a service calls the shards of a stream and numbers their records."""

    def shard_id(self, index: int, made_s: int) -> str:
        """The id of a stream's shard by its number, from 0; it was made in that second since 1970."""

    def sequence_number(self, shard: Shard, place: int, at_s: int) -> str:
        """The number of a record: its place in the shard, from 1 (0: where the shard begins), and the
        second since 1970 in which it came. Numbers rise with places."""

    def place_of(self, shard: Shard, number: str) -> int | None:
        """The place a sequence number stands for; None where it is none of this shard's."""


class StreamRecord:
    """A record of a stream. People read ``m12``; records are numbered with the lab's messages.

    Attributes: ``data`` (bytes), ``partition_key`` (records with the same one keep their order),
    ``hash_key``, ``shard``, ``arrived_at`` (microseconds since the lab's start), ``sequence_number``.
    A service whose records hold more has a class of its own.
    """

    __slots__ = ("arrived_at", "data", "hash_key", "number", "partition_key", "place", "shard")

    def __init__(self, number: int, data: bytes, partition_key: str, hash_key: int) -> None:
        self.number = number
        self.data, self.partition_key, self.hash_key = data, partition_key, hash_key
        self.shard: Shard
        self.place = 0  # in its shard, from 1
        self.arrived_at = -1

    @property
    def sequence_number(self) -> str:
        """Its sequence number: rises with every record of the shard."""
        return self.shard.sequence_number(self.place, self.arrived_at)

    @property
    def size(self) -> int:
        """Bytes that count for limits: the data's and the partition key's."""
        return size_of(self.data, self.partition_key)

    def json(self) -> Any:
        """The data parsed as JSON."""
        return json.loads(self.data)

    def __repr__(self) -> str:
        return short("message", self.number)


def size_of(data: bytes, partition_key: str) -> int:
    """Bytes of a record: its data before base64, and its partition key (botocore PutRecord)."""
    return len(data) + len(partition_key.encode())


class Budget:
    """What gets through in any second: so many items, and so many bytes of them.

    >>> budget = Budget(items=2, size=100)
    >>> budget.take(0, 60); budget.lacks(0, 60), budget.lacks(0, 40), budget.lacks(1_000_000, 60)
    (100, None, None)
    """

    __slots__ = ("_items", "_size", "_taken", "used")

    def __init__(self, items: int, size: int) -> None:
        self._items, self._size = items, size
        self._taken: deque[tuple[int, int]] = deque()  # until when it counts, and its bytes
        self.used = 0
        """Bytes that count now; only after :meth:`lacks`."""

    @property
    def room(self) -> int | None:
        """Bytes that still come in now; only after :meth:`lacks`. None: as many as there are."""
        return self._size - self.used if self.used else None

    def lacks(self, now: int, size: int) -> int | None:
        """The limit that keeps ``size`` more bytes out at that time; None when they may come."""
        taken = self._taken
        while taken and taken[0][0] <= now:
            self.used -= taken.popleft()[1]
        if len(taken) >= self._items:
            return self._items
        return self._size if taken and self.used + size > self._size else None

    def take(self, now: int, size: int) -> None:
        """So many bytes get through; what is more than a second's counts for longer."""
        lasts = max(US, size * US // self._size) if self._size else US
        self._taken.append((now + lasts, size))
        self.used += size


class Unlimited(Budget):
    """A budget that is never used up.

    >>> Unlimited().lacks(0, 10**12) is None
    True
    """

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(1, 1)

    def lacks(self, now: int, size: int) -> None:
        """Nothing is kept out."""

    def take(self, now: int, size: int) -> None:
        """Nothing is counted."""


class Shard:
    """A shard: a range of hash keys, and the records that fell into it, oldest first.

    Attributes: ``shard_id``, ``starting_hash_key`` and ``ending_hash_key`` (both its own),
    ``parent_shard_id`` and ``adjacent_parent_shard_id`` (empty: none), ``closed_at`` (microseconds
    since the lab's start; -1: open).

    ``made_s`` is when it was made, in seconds since 1970, and ``start_us`` when the lab began, in
    microseconds: sequence numbers hold dates. ``budgets`` are for writing and for reading.
    """

    def __init__(
        self, index: int, keys: tuple[int, int], made_s: int, start_us: int, naming: Naming,
        budgets: tuple[Budget, Budget], parents: tuple[Shard, ...] = (),
    ) -> None:  # fmt: skip
        self.index, self.shard_id = index, naming.shard_id(index, made_s)
        self._naming = naming
        self.starting_hash_key, self.ending_hash_key = keys
        self.made_s = made_s
        self.writes, self.reads = budgets
        self.parents = parents
        self.children: list[Shard] = []
        self.parent_shard_id, self.adjacent_parent_shard_id = (
            [parent.shard_id for parent in parents] + ["", ""]
        )[:2]
        self.closed_at = -1
        self.next_place = 1
        self._start_us = start_us
        self._records: list[StreamRecord] = []
        self._trimmed = 0  # of the records in the list

    # ------------------------------------------------------------------ what it is

    @property
    def state(self) -> str:
        """``open``, or ``closed`` when it was split or merged: then it takes no more records."""
        return "open" if self.closed_at < 0 else "closed"

    @property
    def starting_sequence_number(self) -> str:
        """Every record's sequence number is larger."""
        return self._naming.sequence_number(self, 0, self.made_s)

    @property
    def ending_sequence_number(self) -> str | None:
        """Of a closed shard: every record's sequence number is smaller; None while it is open."""
        if self.closed_at < 0:
            return None
        return self.sequence_number(LAST_PLACE, self.closed_at)

    def holds(self, hash_key: int) -> bool:
        """Whether a hash key is in its range."""
        return self.starting_hash_key <= hash_key <= self.ending_hash_key

    def sequence_number(self, place: int, at: int) -> str:
        """The sequence number of a place, for a record that came at that time of the lab."""
        return self._naming.sequence_number(self, place, (self._start_us + at) // US)

    # ------------------------------------------------------------------ its records

    def add(self, record: StreamRecord, now: int) -> None:
        """A record comes to its end."""
        record.shard, record.place, record.arrived_at = self, self.next_place, now
        self.next_place += 1
        self._records.append(record)

    def trim(self) -> None:
        """Its oldest record goes."""
        self._trimmed += 1
        if self._trimmed >= _SLACK and 2 * self._trimmed > len(self._records):
            del self._records[: self._trimmed]
            self._trimmed = 0

    def close(self, now: int, children: list[Shard]) -> None:
        """It takes no more records: its children do."""
        self.closed_at, self.children = now, children

    def __len__(self) -> int:
        return len(self._records) - self._trimmed

    def __bool__(self) -> bool:
        return True

    @property
    def trim_horizon(self) -> int:
        """The place of its oldest record, or where the next will be."""
        return self.next_place - len(self)

    def read(self, place: int, most: int) -> list[StreamRecord]:
        """At most so many records from a place on (from the oldest, where it is gone)."""
        begin = self._index(place)
        return self._records[begin : begin + most]

    def place_at(self, at: int) -> int:
        """The place of the first record that came at that time or later."""
        found = bisect_left(self._records, at, self._trimmed, key=lambda record: record.arrived_at)
        return found - len(self._records) + self.next_place

    def place_of(self, number: str) -> int | None:
        """The place a sequence number stands for; None where it is none of this shard's."""
        return self._naming.place_of(self, number)

    def _index(self, place: int) -> int:
        """Where in the list a place is: never before the oldest record."""
        return max(place - self.next_place + len(self._records), self._trimmed)

    def __repr__(self) -> str:
        keys = f"hash keys {self.starting_hash_key} to {self.ending_hash_key}"
        number = len(self)
        return f"<{self.shard_id}, {self.state}: {number:,} record{'s' * (number != 1)}, {keys}>"
