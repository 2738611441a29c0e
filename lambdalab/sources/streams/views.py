"""What a stream shows and answers: records, shards, and the results of putting and reading."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar, overload

from lambdalab.sources.streams.shard import Shard, StreamRecord

_SHOWN = 10
_WIDTH = 40


class Put(NamedTuple):
    """Where a record went: its shard and its sequence number there."""

    shard_id: str
    sequence_number: str


class PutResult(NamedTuple):
    """What became of one record of ``put_records``: a place, or an error's code and words."""

    shard_id: str | None
    sequence_number: str | None
    error_code: str | None = None
    error_message: str | None = None


class PutResults(tuple[PutResult, ...]):
    """What became of the records of ``put_records``, in their order."""

    __slots__ = ()

    @property
    def failed_record_count(self) -> int:
        """How many were not taken: put them once more."""
        return sum(result.error_code is not None for result in self)

    def __repr__(self) -> str:
        failed = self.failed_record_count
        return f"<{len(self) - failed:,} records put, {failed:,} failed>"


@dataclass(frozen=True, slots=True)
class ShardIterator:
    """A place in a shard to read on from; made at ``made_at`` (microseconds since the lab's start)."""

    shard: Shard
    place: int
    made_at: int

    def __repr__(self) -> str:
        return f"<iterator of {self.shard.shard_id}>"


@dataclass(frozen=True, slots=True)
class Read:
    """What ``get_records`` brought.

    ``next_shard_iterator`` is None at the end of a closed shard: its ``child_shards`` go on.
    ``millis_behind_latest``: how long ago the oldest record came that is still to be read; 0: none is.
    """

    records: tuple[StreamRecord, ...]
    next_shard_iterator: ShardIterator | None
    millis_behind_latest: int
    child_shards: tuple[Shard, ...]

    def __iter__(self) -> Iterator[StreamRecord]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __bool__(self) -> bool:
        return True


Thing = TypeVar("Thing")


class _Table(Sequence[Thing]):
    """Things as they were when they were looked at, shown as a table."""

    _noun = ""

    def __init__(self, stream: str, things: Sequence[Thing]) -> None:
        self._stream = stream
        self._things: tuple[Thing, ...] = tuple(things)
        self._cells = [self._row(thing) for thing in self._things[:_SHOWN]]

    def _row(self, thing: Thing) -> tuple[str, ...]:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Thing: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Thing, ...]: ...
    def __getitem__(self, index: int | slice) -> Thing | tuple[Thing, ...]:
        return self._things[index]

    def __len__(self) -> int:
        return len(self._things)

    def _head(self) -> str:
        number = len(self)
        return f"{number:,} {self._noun}{'s' * (number != 1)} in {self._stream!r}"

    def _more(self) -> list[str]:
        return [f"... and {len(self) - _SHOWN:,} more"] if len(self) > _SHOWN else []

    def __repr__(self) -> str:
        widths = [max(map(len, column)) for column in zip(*self._cells, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in self._cells
        ]
        return "\n".join([self._head(), *lines, *self._more()])

    def _repr_html_(self) -> str:
        rows = [
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._cells
        ]
        table = f"<table>{''.join(rows)}</table>" if rows else ""
        return f"<div>{html.escape(self._head())}</div>{table}{''.join(self._more())}"


class Records(_Table[StreamRecord]):
    """What lay in a stream when it was looked at, in the order in which it came."""

    _noun = "record"

    def _row(self, thing: StreamRecord) -> tuple[str, ...]:
        text = " ".join(thing.data.decode(errors="replace").split())
        shown = text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
        return repr(thing), thing.shard.shard_id, thing.partition_key, shown


class Shards(_Table[Shard]):
    """The shards of a stream, closed ones too, by number."""

    _noun = "shard"

    def _row(self, thing: Shard) -> tuple[str, ...]:
        keys = f"{thing.starting_hash_key} to {thing.ending_hash_key}"
        number = len(thing)
        parents = " and ".join(parent.shard_id for parent in thing.parents)
        count = f"{number:,} record{'s' * (number != 1)}"
        return thing.shard_id, thing.state, count, keys, f"from {parents}" if parents else ""
