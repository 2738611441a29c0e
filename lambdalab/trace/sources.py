"""What the books have of an event source mapping, drawn together: its queue, its batches, its calls.

The records that a stream's mapping has read have a queue of their own in the books, ``"<mapping>
(records)"``; the mapping of an SQS queue takes from that queue itself, which others may do too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lambdalab.trace.codes import Action, Cause, ParentKind, QueueKind
from lambdalab.trace.columns import Numbers, Rows, frame
from lambdalab.trace.tables import Tables
from lambdalab.trace.words import shard_name


@dataclass(frozen=True)
class Source:
    """One mapping: numbers of its name, its function and its queue, and the rows of that queue.

    ``batches`` are the places of its batches; ``shared`` says that other mappings take from the queue too.
    """

    name: str
    mapping: int
    function: int
    queue: int
    stream: bool
    shared: bool
    rows: Rows
    batches: Numbers

    @property
    def polled(self) -> Rows:
        """Each time that a poller has got an event."""
        action = Action.SENT if self.stream else Action.RECEIVED
        chosen: Rows = self.rows[
            (self.rows["action"] == action) & (self.rows["cause"] == Cause.POLLED)
        ]
        return chosen


def sources(tables: Tables) -> list[Source]:
    """Every mapping that the books know, in the order in which they were made."""
    return tables.keep("sources", lambda: list(_sources(tables)))


def _sources(tables: Tables) -> Iterator[Source]:
    names, batches = tables.recorder.names, tables.rows("batches")
    places = {name: number for number, name in enumerate(names)}
    wiring = tables.recorder.wiring.get("mapping", {})
    used = [names[code] for code in dict.fromkeys(batches["mapping"].tolist())]
    found: list[tuple[str, int]] = []
    for name in dict.fromkeys([*wiring, *used]):
        own = places.get(f"{name} (records)")
        queue = places.get(str(wiring.get(name, {}).get("source", "")))
        mine = batches["source"][batches["mapping"] == places.get(name, -1)]
        if len(mine):  # its name in the books may have its kind along
            queue = int(mine[0])
        if name in places and (own is not None or queue is not None):
            found.append((name, int(own if own is not None else queue)))  # type: ignore[arg-type]
    events, kinds = tables.rows("queue_events"), tables.recorder.queue_kinds
    owners = _functions(tables)
    for name, queue in found:
        number = places[name]
        function = places.get(str(wiring.get(name, {}).get("function", "")), owners.get(number, 0))
        shared = sum(other == queue for _, other in found) > 1
        rows = events[events["queue"] == queue]
        mine = np.flatnonzero(batches["mapping"] == number)
        if shared:
            rows = _own(tables, rows, mine)
        yield Source(
            name, number, function, queue, kinds.get(queue) == QueueKind.STREAM, shared, rows, mine
        )


def _functions(tables: Tables) -> dict[int, int]:
    """The function of each mapping, by its calls."""
    calls = tables.rows("invocations")
    calls = calls[calls["parent_kind"] == ParentKind.BATCH]
    return dict(zip(calls["source"].tolist(), calls["function"].tolist(), strict=True))


def _own(tables: Tables, rows: Rows, batches: Numbers) -> Rows:
    """Of the rows of a queue from which several mappings take, those of this one's batches."""
    held = tables.rows("batch_records")
    held = held[np.isin(held["batch"], batches + 1)]
    by_batch = np.isin(rows["batch"], batches + 1)
    taken = (rows["action"] == Action.RECEIVED) & np.isin(rows["event"], held["message"])
    chosen: Rows = rows[by_batch | taken]
    return chosen


def is_open(tables: Tables, source: Source, batch: int) -> bool:
    """Whether records of a stream's batch (by number) have no end yet: they are to be tried again."""
    ended = tables.keep(f"ended in {source.name}", lambda: _ended(source))
    held = tables.rows("batch_records")
    first, last = np.searchsorted(held["batch"], (batch, batch + 1))
    return not ended[held["message"][first:last]].all()


def _ended(source: Source) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether each event (by number) has left the mapping's queue."""
    rows = source.rows
    ends = np.isin(
        rows["action"], (Action.DELETED, Action.DROPPED, Action.EXPIRED, Action.FILTERED)
    )
    ended = np.zeros(int(rows["event"].max(initial=0)) + 1, dtype=bool)
    ended[rows["event"][ends]] = True
    return ended


def invokes(tables: Tables, source: Source) -> tuple[Rows, Numbers, Rows]:
    """The calls with a mapping's batches, the place of each one's batch, and the table of batches.

    A call has its ``number``, its times and its ``status``.
    """
    calls, batches = tables.rows("invocations"), tables.rows("batches")
    chosen = np.flatnonzero(
        (calls["parent_kind"] == ParentKind.BATCH) & (calls["source"] == source.mapping)
    )
    fields = [("number", "i8"), ("requested_at", "i8"), ("completed_at", "i8"), ("status", "i8")]
    out = np.zeros(len(chosen), dtype=fields)
    out["number"] = chosen + 1
    for name in ("requested_at", "completed_at", "status"):
        out[name] = calls[name][chosen]
    return out, calls["parent"][chosen].astype(np.int64) - 1, batches


def batch_records(tables: Tables) -> pd.DataFrame:
    """One row per message or record of a batch: which batch held which."""
    held = tables.fields("batch_records")
    columns = {
        "batch_id": tables.ids_of("batch", held["batch"]),
        "event_id": tables.ids_of("message", held["message"]),
    }
    return frame(columns)


def poller_names(tables: Tables, batches: Rows) -> list[str]:
    """Whose each batch is, in few signs: a poller ("3"), a shard ("s0") or its lane ("s0.2")."""
    names = tables.recorder.names
    laned = set(batches["mapping"][(batches["poller"] > 1) & (batches["shard"] > 0)].tolist())
    shards = {
        code: shard_name(names[code]).replace("shard ", "s")
        for code in set(batches["shard"].tolist())
    }
    columns = (batches[name].tolist() for name in ("mapping", "shard", "poller"))
    return [
        str(poller) if not names[shard]
        else f"{shards[shard]}.{poller}" if mapping in laned
        else shards[shard]
        for mapping, shard, poller in zip(*columns, strict=True)
    ]  # fmt: skip
