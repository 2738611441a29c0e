"""What happens in order, and what holds it up: shards of a stream, message groups of a FIFO queue.

While a failed batch of a shard is tried again nothing behind it comes to the function; while a failed
message of a group is hidden or with the function, nothing else of its group is received.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lambdalab.errors import UnknownName
from lambdalab.plots import words
from lambdalab.plots.batches import Batches, find, queue_of
from lambdalab.plots.frames import Floats, Ints, Mask, end_of, ordinal, ordinals, seconds, wired
from lambdalab.trace.chains import roots

if TYPE_CHECKING:
    from lambdalab.trace import Trace

#: How a block ended, in the order in which later words outweigh earlier ones.
ENDINGS = ("succeeded", "expired", "discarded", "bisected", "open")
_LEFT = ("deleted", "filtered", "expired", "dropped", "dead_lettered")
_GIVEN_UP = ("dropped", "dead_lettered")
_MOST_NAMED = 3
# whole rows take three times as long to choose
_READ = ["at", "event_id", "action", "age_ms", "message_group", "batch_id", "cause", "queue"]


@dataclass(frozen=True, slots=True)
class Blocks:
    """What held lanes up, one each: ``lane``, ``begin`` and ``end`` (seconds), ``ended`` (a place in
    :data:`ENDINGS`), how many ``tries``, and its ``key``: the place of its first batch or message.
    """

    lane: Ints
    begin: Floats
    end: Floats
    ended: Ints
    tries: Ints
    key: Ints

    def __len__(self) -> int:
        return len(self.lane)


@dataclass(frozen=True, slots=True)
class Ordered:
    """One mapping whose source keeps an order.

    ``lane``, ``at`` and ``age`` (seconds) of each hand-over, in order of time; ``lane_names``; the
    ``blocks``; when batches were ``cut`` in two, and in which lane. ``kind`` is stream or fifo.
    """

    kind: str
    name: str
    lane: Ints
    at: Floats
    age: Floats
    lane_names: list[str]
    blocks: Blocks
    cut: tuple[Ints, Floats]
    limit: float | None
    rows: pd.DataFrame
    batches: Batches | None = None

    def named(self, place: int) -> str:
        """What a block is, in words: "b4: 50 records, 13 batches · m138 given up"."""
        tries, key = int(self.blocks.tries[place]), int(self.blocks.key[place])
        if self.batches is None:
            return _message(self.rows, key, tries)
        table = self.batches.table
        records = words.count(int(table["records"].iloc[key]), "record")
        text = f"b{ordinal(table['batch_id'].iloc[key])}: {records}, {tries:,} batches"
        poison = _poison(self, key)
        return f"{text} · {poison}" if poison else text


def ordered(trace: Trace, mapping: str | None) -> Ordered | None:
    """What the books have of a mapping with an order; by default of that with most batches.

    Streams come before queues. None where there is none; raises
    :class:`~lambdalab.errors.UnknownName` for a mapping that has handed over no batch.
    """
    return trace.kept(f"ordered by {mapping}", lambda: _ordered(trace, mapping))


def _ordered(trace: Trace, mapping: str | None) -> Ordered | None:
    known = _kinds(trace)
    if mapping is not None and mapping not in set(trace.batches["mapping"].unique()):
        raise UnknownName("mapping with batches", mapping, list(known))
    names = sorted(known, key=lambda name: known[name] != "stream")  # stable: most batches first
    name = mapping or next(iter(names), None)
    if name is None or name not in known:
        return None
    return _of_stream(trace, name) if known[name] == "stream" else _of_groups(trace, name)


def _kinds(trace: Trace) -> dict[str, str]:
    """The mappings whose source keeps an order: stream or fifo, those with most batches first."""
    events = trace.queue_events
    codes = events["kind"].cat.codes.to_numpy()
    of = dict(enumerate(events["kind"].cat.categories))
    streams = set(events["queue"][codes == _code(of, "stream")].unique())
    grouped = set(events["queue"][(events["message_group"] != "").to_numpy()].unique())
    found = {}
    for name in trace.batches["mapping"].value_counts().index:
        queue = queue_of(trace, str(name))
        if queue in streams or queue in grouped:
            found[str(name)] = "stream" if queue in streams else "fifo"
    return found


def _code(names: dict[int, str], wanted: str) -> int:
    return next((code for code, name in names.items() if name == wanted), -1)


# ---- shards ----------------------------------------------------------------------------------------


def _of_stream(trace: Trace, name: str) -> Ordered | None:
    found = find(trace, name)
    assert found is not None
    events = trace.queue_events
    rows = events.loc[(events["queue"] == queue_of(trace, name)).to_numpy(), _READ]
    age = rows["age_ms"].to_numpy(dtype=float) / 1000
    taken = np.flatnonzero((rows["action"] == "received").to_numpy())
    place = _places(found, ordinals(rows["batch_id"].iloc[taken]))
    taken, place = taken[place >= 0], place[place >= 0]
    ages = np.full(len(found.flushed), np.nan)
    ages[place] = age[taken]  # the last record of each batch stays
    order = np.argsort(found.flushed, kind="stable")
    limit = float(found.settings.get("maximum_record_age") or -1)
    children = np.bincount(found.parents[found.again], minlength=len(found.parents))
    cut = np.flatnonzero(children > 1)
    return Ordered(
        "stream", name, found.lanes[order], found.flushed[order], ages[order], found.lane_names,
        _chains(trace, found, rows, taken, place), (found.lanes[cut], found.over[cut]),
        limit if limit > 0 else None, rows, found,
    )  # fmt: skip


def _places(found: Batches, numbers: Ints) -> Ints:
    """Where in the table batches of these numbers are; -1 for another mapping's."""
    own = found.table.index.to_numpy() + 1  # the table of all batches is in order of their numbers
    if not len(own):
        return np.full(len(numbers), -1)
    place = np.minimum(np.searchsorted(own, numbers), len(own) - 1)
    return np.where(own[place] == numbers, place, -1)


def _chains(trace: Trace, found: Batches, rows: pd.DataFrame, taken: Ints, place: Ints) -> Blocks:
    """Failed batches with what came of them: from the end of the first to that of its last record."""
    chain = roots(found.parents + 1)
    count = len(chain)
    events, at = ordinals(rows["event_id"]), seconds(trace, rows["at"])
    home = np.full(int(events.max(initial=0)) + 1, -1)
    home[events[taken]] = chain[place]
    last = np.flatnonzero(rows["action"].isin(_LEFT).to_numpy() & (home[events] >= 0))
    of, actions = home[events[last]], rows["action"].iloc[last]
    given_up = actions.isin(_GIVEN_UP).to_numpy()
    end = np.full(count, -np.inf)
    np.maximum.at(end, chain, found.over)
    np.maximum.at(end, of, at[last])
    held = np.bincount(home[home >= 0], minlength=count)
    dropped = np.bincount(of[given_up], minlength=count)
    expired = np.bincount(of[(actions == "expired").to_numpy()], minlength=count)
    split = np.zeros(count, dtype=bool)
    split[chain[np.bincount(found.parents[found.again], minlength=count) > 1]] = True
    ended = np.select(
        [np.bincount(of, minlength=count) < held, split & (dropped > 0) & (dropped < held),
         dropped > 0, expired > 0],
        [ENDINGS.index(word) for word in ("open", "bisected", "discarded", "expired")],
        ENDINGS.index("succeeded"),
    )  # fmt: skip
    end[ended == ENDINGS.index("open")] = max(end_of(trace), float(found.over.max(initial=0)))
    tries = np.bincount(chain, minlength=count)
    first = np.flatnonzero(tries > 1)
    return Blocks(
        found.lanes[first], found.over[first], end[first], ended[first], tries[first], first
    )


def _poison(found: Ordered, key: int) -> str:
    """The records of a chain that were given up; where none was, those of its smallest failed batch."""
    assert found.batches is not None
    batches, rows = found.batches, found.rows
    mine = np.flatnonzero(roots(batches.parents + 1) == key)
    table = batches.table.iloc[mine]
    held = rows[(rows["action"] == "received") & rows["batch_id"].isin(table["batch_id"])]
    gone = rows[rows["action"].isin(("dropped", "expired"))]
    gone = gone[gone["event_id"].isin(set(held["event_id"]))]
    if len(gone):
        verb = "given up" if (gone["action"] == "dropped").any() else "let go"
        why = words.plain(str(gone["cause"].iloc[-1]))
        return f"{_records(gone['event_id'])} {verb}: {why}"
    failed = table[batches.failed[mine]]
    if not len(failed):
        return ""
    smallest = failed["batch_id"].iloc[int(failed["records"].to_numpy().argmin())]
    inside = held.loc[held["batch_id"] == smallest, "event_id"]
    return f"{_records(inside)} failed" if 0 < len(inside) <= _MOST_NAMED else ""


def _records(events: pd.Series[str]) -> str:
    """Records by their short ids; of many how many, and the first and last."""
    numbers = sorted({ordinal(event) for event in events})
    if len(numbers) <= _MOST_NAMED:
        return ", ".join(f"m{number}" for number in numbers)
    return f"{len(numbers):,} records (m{numbers[0]} to m{numbers[-1]})"


# ---- message groups --------------------------------------------------------------------------------


def _of_groups(trace: Trace, name: str) -> Ordered:
    events = trace.queue_events
    rows = events[(events["queue"] == queue_of(trace, name)).to_numpy()]
    rows = rows[(rows["message_group"] != "").to_numpy()]
    lane, names = pd.factorize(rows["message_group"], sort=True)
    at, age = seconds(trace, rows["at"]), rows["age_ms"].to_numpy(dtype=float) / 1000
    taken = np.flatnonzero((rows["action"] == "received").to_numpy())
    kept = wired(trace, "sqs").get(str(rows["queue"].iloc[0]), {}) if len(rows) else {}
    retention = kept.get("retention")
    return Ordered(
        "fifo", name, lane[taken].astype(np.int64), at[taken], age[taken], [str(n) for n in names],
        _held_groups(trace, rows, lane.astype(np.int64), at), (np.zeros(0, np.int64), np.zeros(0)),
        None if retention is None else float(retention), rows,
    )  # fmt: skip


def _held_groups(trace: Trace, rows: pd.DataFrame, lane: Ints, at: Floats) -> Blocks:
    """Messages that came back, from the end of the failed run to their own end; those of a group that
    overlap are one block, known by its first message."""
    actions, causes = (rows[name].astype(str).to_numpy() for name in ("action", "cause"))
    events = ordinals(rows["event_id"])
    back = np.flatnonzero((actions == "returned") & (causes != "delay"))
    known, first = np.unique(events[back], return_index=True)
    begin = _failed_at(trace, rows, at)[back[first]]
    end, ended = _ends(trace, known, events, actions, at)
    received = np.bincount(events[actions == "received"], minlength=int(events.max(initial=0)) + 1)
    lanes = lane[back[first]]
    order = np.lexsort((begin, lanes))
    lanes, ended, known = lanes[order], ended[order], known[order]
    begin, end = begin[order], end[order]
    fresh = _fresh(lanes, begin, end)
    group = np.cumsum(fresh) - 1
    count = int(fresh.sum())
    until, worst, tries = np.full(count, -np.inf), np.zeros(count, np.int64), np.zeros(count, int)
    np.maximum.at(until, group, end)
    np.maximum.at(worst, group, ended)
    np.maximum.at(tries, group, received[known])
    return Blocks(lanes[fresh], begin[fresh], until, worst, tries, known[fresh])


def _failed_at(trace: Trace, rows: pd.DataFrame, at: Floats) -> Floats:
    """When the batch of each row was over, where that was before the row; else the row's own time."""
    over = np.append(np.nan, seconds(trace, trace.batches["completed_at"]))
    ended = over[ordinals(rows["batch_id"])]
    return np.where(ended < at, ended, at)


def _ends(
    trace: Trace, known: Ints, events: Ints, actions: np.ndarray[tuple[int], np.dtype[np.object_]],
    at: Floats,
) -> tuple[Floats, Ints]:  # fmt: skip
    """When and how each of these messages left the queue; the end of the books where it did not."""
    last = np.flatnonzero(np.isin(actions, _LEFT))
    until = np.full(int(events.max(initial=0)) + 1, np.nan)
    how = np.full(len(until), ENDINGS.index("open"))
    until[events[last]] = at[last]
    how[events[last]] = np.select(
        [np.isin(actions[last], _GIVEN_UP), actions[last] == "expired"],
        [ENDINGS.index("discarded"), ENDINGS.index("expired")], ENDINGS.index("succeeded"),
    )  # fmt: skip
    return np.where(np.isnan(until[known]), end_of(trace), until[known]), how[known]


def _fresh(lanes: Ints, begin: Floats, end: Floats) -> Mask:
    """Which of these spans, by lane and beginning, do not begin within one before them."""
    fresh = np.ones(len(lanes), dtype=bool)
    reach, current = -np.inf, -1
    for place, (lane, start, stop) in enumerate(
        zip(lanes.tolist(), begin.tolist(), end.tolist(), strict=True)
    ):
        fresh[place] = lane != current or start >= reach
        reach = stop if fresh[place] else max(reach, stop)
        current = lane
    return fresh


def _message(rows: pd.DataFrame, number: int, tries: int) -> str:
    """The message with which a block began, and its end."""
    mine = rows[ordinals(rows["event_id"]) == number]
    text = f"m{number}: received {words.times(tries)}"
    last = mine.iloc[-1]
    told = {"dead_lettered": "dead letter", "expired": "expired", "deleted": "then dealt with"}
    end = told.get(str(last["action"]))
    why = f" ({words.plain(str(last['cause']))})" if str(last["action"]) != "deleted" else ""
    return f"{text}, {end}{why}" if end else text
