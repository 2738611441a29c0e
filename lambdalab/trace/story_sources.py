"""The stories of messages, of records of a stream, and of batches."""

from __future__ import annotations

import numpy as np

from lambdalab.trace.chains import roots
from lambdalab.trace.codes import (
    Action,
    BatchCause,
    BatchOutcome,
    Cause,
    InvocationStatus,
    ParentKind,
    QueueKind,
)
from lambdalab.trace.columns import Rows
from lambdalab.trace.ids import short
from lambdalab.trace.retries import asynchronous
from lambdalab.trace.sources import is_open, sources
from lambdalab.trace.story_parts import Told, because, children, ending, name_of
from lambdalab.trace.story_pushes import (
    becomes,
    came_of,
    is_push,
    push_line,
    push_title,
    runs_of,
)
from lambdalab.trace.tables import Tables
from lambdalab.trace.words import duration, shard_name, times

_MOST_TRIES = 6
"""So many refused calls of a batch are told one by one; of more, the first, and how many followed."""


def messages(tables: Tables) -> int:
    """The number of the last message or record."""
    rows = tables.rows("queue_events")
    return int(rows["event"][~asynchronous(tables, rows["queue"])].max(initial=0))


def _rows(tables: Tables, number: int) -> Rows:
    rows = tables.rows("queue_events")
    found: Rows = rows[(rows["event"] == number) & ~asynchronous(tables, rows["queue"])]
    return found


def _of_stream(tables: Tables, row: np.void) -> bool:
    return tables.recorder.queue_kinds.get(int(row["queue"])) == QueueKind.STREAM


def message_title(tables: Tables, number: int) -> str:
    """What it is, where it was, how often it was handed over."""
    rows = _rows(tables, number)
    queues = [name_of(tables, code) for code in dict.fromkeys(rows["queue"].tolist())]
    received = int((rows["action"] == Action.RECEIVED).sum())
    often = "once" if received == 1 else f"{received} times"
    if len(rows) and is_push(tables, rows[0]):
        return push_title(tables, number, rows)
    if len(rows) and _of_stream(tables, rows[0]):
        return f"{short('message', number)}: a record of {queues[0]}, in a batch {often}"
    group = tables.recorder.message_groups.get(number)
    of = "" if group is None else f" of group {group!r}"
    return f"{short('message', number)}: a message{of} in {', '.join(queues)}, received {often}"


def message(tables: Tables, number: int) -> Told:
    """All that happened to a message or a record, with the ends of the batches it was in."""
    rows = _rows(tables, number)
    yield from came_of(tables, number, rows)
    held = tables.rows("batch_records")
    batches = held["batch"][held["message"] == number].tolist()
    for row in rows:
        if _of_stream(tables, row):
            yield from _record_line(tables, row)
            continue
        if is_push(tables, row):
            yield push_line(tables, row)
            continue
        yield int(row["at"]), f"{_sentence(tables, row)} ({because(int(row['cause']))})"
        if row["action"] == Action.RECEIVED and row["cause"] == Cause.POLLED and batches:
            yield from _joined(tables, int(row["at"]), batches)
    yield from becomes(tables, number)
    yield from runs_of(tables, number)


def _sentence(tables: Tables, row: np.void) -> str:
    """What happened to a message of a queue."""
    queue, action = name_of(tables, row["queue"]), Action.names[row["action"]].replace("_", " ")
    batch = int(row["batch"])
    inside = f" in {short('batch', batch)}" if batch else ""
    match int(row["action"]):
        case Action.SENT:
            delay = f", hidden for {duration(int(row['delay_us']))}" if row["delay_us"] else ""
            sender = f" by {short('request', int(row['request']))}" if row["request"] else ""
            verb = "comes back to" if row["cause"] == Cause.DUPLICATE else "sent to"
            return f"{verb} {queue!r}{sender}{delay}"
        case Action.RECEIVED:
            return f"received from {queue!r}{inside}, time {row['receive_count']}"
        case Action.RETURNED:
            after = f" after {short('batch', batch)}" if batch else ""
            return f"visible again in {queue!r}{after}"
        case Action.DEAD_LETTERED:
            return f"leaves {queue!r} for its dead-letter queue"
        case _:
            return f"{action}{inside} from {queue!r}"


def _joined(tables: Tables, at: int, batches: list[int]) -> Told:
    """The batch that a receive of a poller led to: when it was handed over, and its end."""
    table = tables.rows("batches")
    while batches and table["flushed_at"][batches[0] - 1] < at:
        batches.pop(0)
    if batches:
        number = batches.pop(0)
        yield _handed_over(tables, number)
        if table["completed_at"][number - 1] >= 0:
            yield _end(tables, number)


def _handed_over(tables: Tables, number: int) -> tuple[int, str]:
    row = tables.rows("batches")[number - 1]
    cause = BatchCause.names[row["cause"]]
    name = short("batch", number)
    what = f"goes to the function in {name}, with {_records(row)} ({cause}: {BatchCause.meanings[cause]})"
    return int(row["flushed_at"]), what


def _record_line(tables: Tables, row: np.void) -> Told:
    """What happened to a record: in its stream, or in the queue of a mapping that has read it."""
    at, cause, batch = int(row["at"]), int(row["cause"]), int(row["batch"])
    queue = name_of(tables, row["queue"])
    mapping = queue.removesuffix(" (records)")
    old = f"{duration(int(row['age_us']))} old"
    action = int(row["action"])
    inside = f" in {short('batch', batch)}" if batch else ""
    if action == Action.SENT and cause == Cause.POLLED:
        yield at, f"read for {mapping}, {old}"
    elif action == Action.SENT and cause == Cause.RETENTION:
        yield at, f"let go by its stream before it was read for {mapping}, {old}"
    elif action == Action.SENT:
        sender = f" by {short('request', int(row['request']))}" if row["request"] else ""
        yield at, f"put into {queue!r}{sender} ({because(cause)})"
    elif action == Action.RECEIVED:
        yield at, f"goes to the function{inside}, time {row['receive_count']}, {old}"
        if batch and tables.rows("batches")["completed_at"][batch - 1] >= 0:
            yield _end(tables, batch)
    elif action == Action.RETURNED:
        yield at, f"is to be tried again after {short('batch', batch)} ({because(cause)})"
    elif action == Action.DELIVERED:
        failed = "could not be delivered" if cause == Cause.DELIVERY_FAILED else "goes"
        yield (
            at,
            f"a record of its failure {failed} to the on-failure destination ({because(cause)})",
        )
    else:
        ends = {
            Action.DELETED: "done with", Action.DROPPED: "given up",
            Action.FILTERED: f"left out by {mapping}", Action.EXPIRED: "let go by its stream",
        }  # fmt: skip
        yield at, f"{ends.get(action, Action.names[action])}{inside}, {old} ({because(cause)})"


# ---- batches ------------------------------------------------------------------------------------


def batch_title(tables: Tables, number: int) -> str:
    """What it is: how many records, of which mapping, whose."""
    row = tables.rows("batches")[number - 1]
    shard = name_of(tables, row["shard"])
    whose = f"{shard_name(shard)}, lane {row['poller']}" if shard else f"poller {row['poller']}"
    mapping = name_of(tables, row["mapping"])
    return f"{short('batch', number)}: {_records(row)} of {mapping} ({whose})"


def _records(row: np.void) -> str:
    return times(int(row["records"]), "record")


def _end(tables: Tables, number: int) -> tuple[int, str]:
    row = tables.rows("batches")[number - 1]
    outcome = BatchOutcome.names[row["outcome"]]
    ran = row["outcome"] != BatchOutcome.THROTTLED
    failed = int(row["failed_records"]) if ran else 0
    some = f", {failed:,} of {row['records']:,} records failed" if failed else ""
    text = f"{short('batch', number)} is over: {outcome} ({BatchOutcome.meanings[outcome]}){some}"
    return int(row["completed_at"]), text


def batch(tables: Tables, number: int) -> Told:
    """A batch from its window to what came of it."""
    row = tables.rows("batches")[number - 1]
    cause, parent = BatchCause.names[row["cause"]], int(row["parent_batch"])
    if parent:
        yield int(row["flushed_at"]), _origin(tables, row)
    else:
        if row["window_opened_at"] >= 0:
            yield int(row["window_opened_at"]), "its window opens"
        if row["opened_at"] >= 0:
            source = name_of(tables, row["source"]).removesuffix(" (records)")
            yield int(row["opened_at"]), f"its first record joins, from {source}"
    why = "" if parent else f" ({cause}: {BatchCause.meanings[cause]})"
    yield (
        int(row["flushed_at"]),
        f"handed over with {_records(row)}, {row['size_bytes']:,} bytes{why}",
    )
    if row["filtered"]:
        left = f"{times(int(row['filtered']), 'record')} had been filtered out before"
        yield int(row["flushed_at"]), left
    yield from _calls(tables, number)
    if row["completed_at"] >= 0:
        yield _end(tables, number)
        yield from _after(tables, number)


def _origin(tables: Tables, row: np.void) -> str:
    """Of a batch that came of a failed one: what it is of that one."""
    table, parent = tables.rows("batches"), int(row["parent_batch"])
    before, name = table[parent - 1], short("batch", parent)
    if row["records"] == before["records"]:
        return f"the records of {name} are tried again"
    siblings = int((table["parent_batch"] == parent).sum())
    part = "a half" if siblings > 1 else "the rest"
    return f"{part} of {name}, which failed with {_records(before)}"


def _calls(tables: Tables, number: int) -> Told:
    """The calls with a batch; of many refusals the first and the last."""
    calls, places = tables.rows("invocations"), children(tables, ParentKind.BATCH, number)
    throttled = [n for n in places if calls["status"][n] == InvocationStatus.THROTTLED]
    untold = set(throttled[1:-1]) if len(throttled) > _MOST_TRIES else set()
    for place in places:
        if place in untold:
            continue
        call, name = calls[place], short("request", place + 1)
        yield int(call["requested_at"]), f"invokes {name_of(tables, call['function'])} as {name}"
        if call["completed_at"] >= 0:
            more = f"; so are {len(untold):,} more" if untold and place == throttled[0] else ""
            yield int(call["completed_at"]), f"{name} is {ending(call)}{more}"


def _after(tables: Tables, number: int) -> Told:
    """What a batch of a stream was split into or followed by, and when all of it was over."""
    table = tables.rows("batches")
    mine = np.flatnonzero(table["parent_batch"] == number)
    for place in mine.tolist():
        child = table[place]
        yield (
            int(child["flushed_at"]),
            f"{short('batch', place + 1)} follows, with {_records(child)}",
        )
    if len(mine) and not table["parent_batch"][number - 1]:
        chain = np.flatnonzero(roots(table["parent_batch"]) == number - 1)
        ends, mapping = table["completed_at"][chain], name_of(tables, table["mapping"][number - 1])
        (source,) = (one for one in sources(tables) if one.name == mapping)
        if (ends >= 0).all() and not is_open(tables, source, number):
            tries = times(len(chain), "batch")
            yield int(ends.max()), f"with {tries} in all, its lane goes on to the next records"
