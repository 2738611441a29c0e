"""Advice about what still waits: the oldest message of each queue, who holds it, until when and why."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lambdalab.trace.codes import Action, BatchOutcome, Cause, ParentKind, QueueKind
from lambdalab.trace.columns import Numbers, Rows
from lambdalab.trace.finding import Finding
from lambdalab.trace.ids import short
from lambdalab.trace.short import Short
from lambdalab.trace.tables import Tables
from lambdalab.trace.words import seconds, times

#: What has waited for less than this (microseconds) is no news.
_YOUNG = 1_000_000
_ENDS = (Action.DELETED, Action.FILTERED, Action.EXPIRED, Action.DROPPED)
_NOUNS = {
    QueueKind.ASYNCHRONOUS: "event",
    QueueKind.SQS: "message",
    QueueKind.STREAM: "record",
    QueueKind.PUSH: "event",
}
_WHY = {
    Cause.VISIBILITY_TIMEOUT: "its visibility timeout had run out",
    Cause.BATCH_FAILED: "its batch had failed",
    Cause.PARTIAL_BATCH_FAILURE: "the function had named it as failed",
    Cause.DEAD_LETTER: "it came as a dead letter",
    Cause.FUNCTION_ERROR: "the function had failed",
    Cause.TIMEOUT: "the function had timed out",
    Cause.THROTTLED: "the target was throttled",
    Cause.SERVER_ERROR: "the target had answered with 5xx",
}
"""Why an event waits, where its last row's word is better said in a sentence."""


def oldest_messages(tables: Tables) -> Iterator[Finding]:
    """The oldest event that waits in each queue: who holds it, until when, and why."""
    rows = tables.rows("queue_events")
    now = latest(tables)
    for code, kind in tables.recorder.queue_kinds.items():
        places = still_in(rows, np.flatnonzero(rows["queue"] == code), kind)
        places = not_taken(tables, places, code)
        if not len(places) or _letters_only(rows, places):
            continue
        born = rows["at"][places] - rows["age_us"][places]
        place = int(places[np.lexsort((rows["event"][places], born))[0]])
        row, since = rows[place], int(born.min())
        if now - since < _YOUNG:
            continue
        letter = "request" if kind == QueueKind.ASYNCHRONOUS else "message"
        number = int(row["event"])
        name, sent = short(letter, number), f"sent at {_at(since)}"
        head = f"{name} waits, {sent}"
        if len(places) > 1:
            head = f"Of {times(len(places), _NOUNS[kind])} that wait, {name} is the oldest, {sent}"
        advice = f"{head}: {standing(tables, row, kind)}"
        mine = np.flatnonzero((rows["queue"] == code) & (rows["event"] == number))
        subject = tables.recorder.names[code]
        yield Finding("oldest message", subject, advice, Short(tables).queue_events.iloc[mine])


def latest(tables: Tables) -> int:
    """The latest time that the books know."""
    calls = tables.rows("invocations")
    times_us = (tables.rows("queue_events")["at"], calls["requested_at"], calls["completed_at"])
    return max(int(column.max(initial=0)) for column in times_us)


def still_in(rows: Rows, places: Numbers, kind: int) -> Numbers:
    """The last row of each event of a queue that has not left it."""
    aside = [Action.DELIVERED]
    if kind in (QueueKind.ASYNCHRONOUS, QueueKind.STREAM):
        aside.append(Action.DEAD_LETTERED)  # one row for each delivery, beside the event's own end
    places = places[~np.isin(rows["action"][places], aside)]
    _, from_the_end = np.unique(rows["event"][places][::-1], return_index=True)
    last = np.sort(places[len(places) - 1 - from_the_end])
    ends = [*_ENDS, Action.DEAD_LETTERED]
    found: Numbers = last[~np.isin(rows["action"][last], ends)]
    return found


def not_taken(tables: Tables, places: Numbers, code: int) -> Numbers:
    """Of a stream's records, which stay in it, those that a mapping that is on has still to take.

    What was there before the first record that it took is none of its business.
    """
    names, rows = tables.recorder.names, tables.rows("queue_events")
    known = tables.recorder.wiring.get("mapping", {})
    mine = [name for name, told in known.items() if told.get("source") == names[code]]
    queues = {names[queue]: queue for queue in tables.recorder.queue_kinds}
    taking = [queues[f"{name} (records)"] for name in mine if f"{name} (records)" in queues]
    if not taking:
        return places
    events, waits = rows["event"][places], np.zeros(len(places), dtype=bool)
    for queue in taking:
        taken = rows["event"][rows["queue"] == queue]
        waits |= ~np.isin(events, taken) & (events > (taken.min() if len(taken) else 0))
    found: Numbers = places[waits]
    return found


def _letters_only(rows: Rows, places: Numbers) -> bool:
    """Whether nothing waits but dead letters nobody has looked at: another finding tells of them."""
    lying = (rows["action"][places] == Action.SENT) & (rows["cause"][places] == Cause.DEAD_LETTER)
    return bool(lying.all())


def standing(tables: Tables, row: Rows, kind: int) -> str:
    """Who holds an event, until when and why, as its last row tells."""
    action = int(row["action"])
    if action == Action.RECEIVED:
        return _held(tables, row, kind)
    until = int(row["visible_at"])
    if until < 0 and int(row["delay_us"]):
        until = int(row["at"] + row["delay_us"])
    if action in (Action.RETRY_SCHEDULED, Action.THROTTLED):
        why = _WHY.get(int(row["cause"]), Cause.names[int(row["cause"])])
        told = f", which ends at {_at(until)}" if until >= 0 else ""
        return f"it waits for its next try{told}, because {why}."
    if until > int(row["at"]):
        return f"it is delayed until {_at(until)}."
    since = _at(int(row["at"]))
    if action == Action.RETURNED:
        why = _WHY.get(int(row["cause"]), Cause.names[int(row["cause"])])
        return f"nobody holds it; it came back at {since}, because {why}."
    if kind == QueueKind.ASYNCHRONOUS:
        return f"Lambda has queued it since {since} and not yet tried it."
    takers = _takers(tables, int(row["queue"]))
    return f"nobody holds it; it can be received since {since}, and {takers}."


def _takers(tables: Tables, queue: int) -> str:
    """Who could take from a queue, and has not."""
    every, on = mappings_of(tables, queue)
    if on:
        return f"the pollers of {' and '.join(on)} have not come to it"
    return f"{' and '.join(every)} is switched off" if every else "no mapping takes from it"


def mappings_of(tables: Tables, queue: int) -> tuple[list[str], list[str]]:
    """The mappings of a queue or stream, by name; and those of them that are on."""
    known, name = tables.recorder.wiring.get("mapping", {}), tables.recorder.names[queue]
    every = [m for m, told in known.items() if told.get("source") == name]
    return every, [m for m in every if known[m].get("state") == "Enabled"]


def _held(tables: Tables, row: Rows, kind: int) -> str:
    """An event that somebody has taken."""
    until = int(row["visible_at"])
    limit = f", until {_at(until)}, when its visibility timeout ends" if until >= 0 else ""
    if kind == QueueKind.ASYNCHRONOUS:
        return f"it is being run since {_at(int(row['at']))}."
    if int(row["cause"]) != Cause.POLLED:
        return f"a caller holds it since {_at(int(row['at']))}{limit}."
    batch = int(row["batch"]) or _batch_of(tables, int(row["event"]), int(row["at"]))
    if not batch:
        return f"a poller has received it and gathers its batch{limit}."
    return _in_batch(tables, batch, until)


def _in_batch(tables: Tables, number: int, until: int) -> str:
    """An event of a batch: it runs, it waits for concurrency, or it is over and failed."""
    names, calls = tables.recorder.names, tables.rows("invocations")
    batch = tables.rows("batches")[number - 1]
    named = f"{short('batch', number)} of {names[int(batch['mapping'])]}"
    ends = f"{_at(until)}, when its visibility timeout ends" if until >= 0 else "an unknown time"
    mine = np.flatnonzero((calls["parent_kind"] == ParentKind.BATCH) & (calls["parent"] == number))
    if not len(mine):
        return f"{named} holds it and has not been run; nobody else gets it before {ends}."
    call = int(mine[-1])
    run = f"{short('request', call + 1)} of {names[int(calls['function'][call])]}"
    if batch["outcome"] != BatchOutcome.IN_FLIGHT:
        word = BatchOutcome.names[int(batch["outcome"])]
        return f"{named} had it ({run}: {word}); it comes back at {ends}."
    if int(calls["completed_at"][call]) < 0:
        return f"{named} holds it and {run} runs; nobody else gets it before {ends}."
    return (
        f"{named} holds it and finds no concurrency ({run} was refused); it comes back at {ends}."
    )


def _batch_of(tables: Tables, message: int, taken: int) -> int:
    """The batch, made after it was taken, that an event is in; 0: it is in none yet."""
    held = tables.rows("batch_records")
    mine = held["batch"][held["message"] == message]
    flushed = tables.rows("batches")["flushed_at"]
    mine = mine[flushed[mine - 1] >= taken]
    return int(mine.max(initial=0))


def _at(us: int) -> str:
    return f"{seconds(round(us / 1e6, 3))} s"
