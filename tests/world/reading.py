"""The public tables of a run as plain rows, and what was set when: all that a reckoner may know.

Times are whole microseconds since the lab's start and -1 where a table has none; what a table tells in
``_ms`` stands here in ``_us``; ids and words are text.
"""

from __future__ import annotations

from collections import defaultdict, namedtuple
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tests.world.numbers import FAR

TABLES = (
    "invocations", "attempts", "retries", "queue_events", "batches", "environments", "requests",
    "scaling", "faults",
)  # fmt: skip


class Difference(AssertionError):
    """What a table tells is not what follows from the others."""

    def __init__(self, what: str, row: object, told: object, reckoned: object) -> None:
        super().__init__(f"{what}: told {told!r}, reckoned {reckoned!r}\n  {row}")


def same(what: str, row: object, told: object, reckoned: object) -> None:
    """Raise :class:`Difference` unless both are equal."""
    if told != reckoned:
        raise Difference(what, row, told, reckoned)


def need(what: str, row: object, holds: bool, told: object, reckoned: object) -> None:
    """Raise :class:`Difference` unless it holds."""
    if not holds:
        raise Difference(what, row, told, reckoned)


class Held(NamedTuple):
    """What a record or message holds: its content; its partition key, item or message group; its
    sequence number (of a stream); its shard, or what a FIFO queue knows it by."""

    content: Any
    key: str
    number: str
    where: str


class Past:
    """What users set, and when: the settings of a thing as they were at any time.

    ``note(kind, name, at, settings)`` with whole settings (None: it is gone); ``of`` looks them up.
    ``moved`` are visibility timeouts that callers changed: (queue, message) to (at, until). ``held`` is
    what was seen of records and messages, by id; ``shards`` those of each stream with their parents;
    ``saw`` and ``answers`` the events that handlers got, and what they returned, by request;
    ``redrives`` are (queue, at, messages a second, where to); ``sends`` what was sent to a FIFO queue is
    known by, in order, by queue and time; ``events`` the kind of what topics and buses were told, by id;
    ``puts`` what was done in a bucket: (at, key, event).
    """

    def __init__(self, quotas: Mapping[str, Any], rules: str) -> None:
        self.quotas, self.rules = dict(quotas), rules
        self.changes: dict[tuple[str, str], list[tuple[int, Any]]] = defaultdict(list)
        self.faults: list[tuple[str, str, int, int]] = []  # kind, target, from and to
        self.moved: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        self.held: dict[str, Held] = {}
        self.shards: dict[str, dict[str, list[str]]] = {}
        self.saw: dict[str, Any] = {}
        self.answers: dict[str, Any] = {}
        self.sends: dict[tuple[str, int], list[str]] = {}
        self.redrives: list[tuple[str, int, int, str | None]] = []
        self.events: dict[str, str | None] = {}
        self.puts: list[tuple[int, str, str]] = []

    def note(self, kind: str, name: str, at: int, settings: Mapping[str, Any] | None) -> None:
        """From ``at`` on it is so."""
        self.changes[kind, name].append((at, None if settings is None else dict(settings)))

    def of(self, kind: str, name: str, at: int) -> dict[str, Any]:
        """The settings in force at a time; empty before the first and after the end."""
        found: dict[str, Any] | None = None
        for since, settings in self.changes.get((kind, name), ()):
            if since > at:
                break
            found = settings
        return found or {}

    def last(self, kind: str, name: str, at: int) -> dict[str, Any]:
        """Its settings then; of what is gone the last that it had, with ``enabled`` off."""
        found: dict[str, Any] = {}
        for since, settings in self.changes.get((kind, name), ()):
            if since > at:
                break
            found = found | {"enabled": False} if settings is None else settings
        return found

    def names(self, kind: str) -> list[str]:
        """All things of a kind there ever were."""
        return [name for known, name in self.changes if known == kind]

    def lives(self, kind: str, name: str) -> list[tuple[int, int]]:
        """From when to when a thing was there, each time; the last may go on for ever."""
        found: list[tuple[int, int]] = []
        for at, settings in self.changes.get((kind, name), ()):
            if settings is None:
                found[-1] = (found[-1][0], at)
            elif not found or found[-1][1] < FAR:
                found.append((at, FAR))
        return found

    def times(self, kind: str, name: str) -> list[int]:
        """When something of it was set."""
        return [at for at, _ in self.changes.get((kind, name), ())]


class Books:
    """A run's tables as lists of rows, ``past`` and the time it is ``now``."""

    def __init__(self, trace: object, start: pd.Timestamp, now: int, past: Past) -> None:
        self.now, self.past = now, past
        self.tables = {name: _rows(name, getattr(trace, name), start) for name in TABLES}

    def __getattr__(self, name: str) -> list[Any]:
        try:
            return self.__dict__["tables"][name]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(name) from None


def grouped(rows: Iterable[Any], *columns: str) -> dict[Any, list[Any]]:
    """Rows by the values of some columns, each group in the order of the table."""
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        key = tuple(getattr(row, column) for column in columns)
        found[key if len(columns) > 1 else key[0]].append(row)
    return found


def _rows(name: str, frame: pd.DataFrame, start: pd.Timestamp) -> list[Any]:
    columns = {}
    for column in frame:
        values = frame[column]
        if isinstance(values.dtype, pd.DatetimeTZDtype):
            since = values.to_numpy(dtype="M8[us]").view("i8") - start.value // 1000
            columns[column] = np.where(values.isna(), -1, since).tolist()
        elif column.endswith("_ms"):
            columns[column[:-2] + "us"] = np.rint(values.fillna(-0.001) * 1000).astype(int).tolist()
        else:
            columns[column] = values.tolist()
    return list(map(_kind(name, tuple(columns))._make, zip(*columns.values(), strict=True)))


@cache
def _kind(name: str, columns: tuple[str, ...]) -> Any:
    """The kind of row that a table with these columns has."""
    return namedtuple(name, columns)  # type: ignore[misc]
