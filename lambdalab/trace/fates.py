"""What has become of each accepted event that has not been dealt with: still in flight, kept, or lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lambdalab.trace.codes import (
    Action,
    Cause,
    InvocationStatus,
    InvocationType,
    ParentKind,
    QueueKind,
)
from lambdalab.trace.columns import Numbers, Rows
from lambdalab.trace.findings_waiting import mappings_of, not_taken, standing, still_in
from lambdalab.trace.ids import short
from lambdalab.trace.retries import asynchronous
from lambdalab.trace.sources import sources
from lambdalab.trace.story_parts import because
from lambdalab.trace.summary import lost
from lambdalab.trace.tables import Tables
from lambdalab.trace.words import duration

#: What may have become of an event that was not dealt with, and what the word means.
FATES = {
    "dropped": "given up, and nothing of it is left",
    "expired": "grew too old, and nothing of it is left",
    "dead_lettered": "given up, and lies in a dead-letter queue",
    "on_failure": "given up, and its record lies in the queue of an on-failure destination",
    "in_flight": "queued, hidden, running or waiting for a try",
    "unread": "in a queue from which no mapping takes",
}


class Fate(NamedTuple):
    """What has become of one event that was not dealt with.

    ``word`` is one of :data:`FATES`; ``id`` its short id (``r2``, ``m12``); ``queue`` where it lies or was
    last, of a call that runs the function; ``why`` a sentence; ``origin`` the id whose story tells of it:
    that of the request where it is the letter of one.
    """

    word: str
    id: str
    queue: str
    why: str
    origin: str


def fates(tables: Tables) -> list[Fate]:
    """Every event that was accepted and has not been dealt with, once each, where it was last.

    A dead letter, and the record of an event that failed, stand for the event; where a function has dealt
    with them, the event is no loss. A stream keeps its records in any case: of those it is told what its
    mappings have not dealt with. Of synchronous invocations only those that still run.
    """
    return tables.keep("fates", lambda: [*_of_queues(tables), *_of_calls(tables)])


def _of_queues(tables: Tables) -> Iterator[Fate]:
    rows, ledgers = tables.rows("queue_events"), {source.queue for source in sources(tables)}
    for code, kind in tables.recorder.queue_kinds.items():
        own = np.flatnonzero(rows["queue"] == code)
        keeps = kind == QueueKind.STREAM and code not in ledgers
        if not keeps:
            yield from _gone(tables, own, kind)
        elif not mappings_of(tables, code)[0]:
            continue
        places = not_taken(tables, still_in(rows, own, kind), code)
        sent = own[rows["action"][own] == Action.SENT]
        came = dict(zip(rows["event"][sent].tolist(), sent.tolist(), strict=True))  # the last time
        for place in places.tolist():
            yield _open(tables, rows[place], rows[came[int(rows["event"][place])]], kind)


def _name(kind: int, number: int) -> str:
    return short("request" if kind == QueueKind.ASYNCHRONOUS else "message", number)


def _gone(tables: Tables, own: Numbers, kind: int) -> Iterator[Fate]:
    """The events of one queue of which nothing is left."""
    rows = tables.rows("queue_events")
    mine: Rows = rows[own]
    ends = mine[np.isin(mine["action"], (Action.EXPIRED, Action.DROPPED))]
    for row in ends[np.isin(ends["event"], lost(mine))]:
        word = "expired" if row["action"] == Action.EXPIRED else "dropped"
        old = duration(int(row["age_us"]))
        why = f"given up {old} old ({because(int(row['cause']))})"
        queue = tables.recorder.names[row["queue"]]
        name = _name(kind, int(row["event"]))
        yield Fate(word, name, queue, why, name)


def _open(tables: Tables, row: Rows, came: Rows, kind: int) -> Fate:
    """An event that lies in a queue, by its last row there and that by which it came."""
    number, code = int(row["event"]), int(row["queue"])
    name, word = _name(kind, number), "in_flight"
    if kind == QueueKind.SQS and not mappings_of(tables, code)[1]:
        if letter := _letter(tables, came):
            return letter
        if row["action"] != Action.RECEIVED:
            word = "unread"
    told = standing(tables, row, kind).rstrip(".")
    return Fate(word, name, tables.recorder.names[code], told, name)


def _tells_of_failure(tables: Tables, came: Rows) -> bool:
    """Whether a record that arrived is of an event, or of records of a stream, that failed."""
    if not came["request"]:  # of records that were never run
        return True
    call = tables.rows("invocations")[int(came["request"]) - 1]
    return bool(
        call["invocation_type"] != InvocationType.EVENT
        or call["status"] != InvocationStatus.SUCCEEDED
    )


def letters(tables: Tables, queue: str) -> list[Fate]:
    """The dead letters, and the records of what failed, that ever arrived in a queue of SQS."""
    rows, names = tables.rows("queue_events"), tables.recorder.names
    codes = [code for code in tables.recorder.queue_kinds if names[code] == queue]
    came = rows[(rows["action"] == Action.SENT) & np.isin(rows["queue"], codes)]
    return [letter for row in came if (letter := _letter(tables, row))]


def _letter(tables: Tables, came: Rows) -> Fate | None:
    """A dead letter, or the record of a failure, by the row by which it came; None of anything else."""
    number, request = int(came["event"]), int(came["request"])
    if came["cause"] == Cause.DEAD_LETTER:
        word, why = "dead_lettered", _reason(tables, request, number)
    elif came["cause"] == Cause.DESTINATION and _tells_of_failure(tables, came):
        word, why = "on_failure", _reason(tables, request, 0)
    else:
        return None
    name = short("message", number)
    origin = short("request", request) or name
    return Fate(word, name, tables.recorder.names[came["queue"]], why, origin)


def _reason(tables: Tables, request: int, message: int) -> str:
    """Why there is a letter: of a request, or of a message that another queue gave up."""
    if request:
        cause = int(tables.rows("invocations")["cause"][request - 1])
        return f"of {short('request', request)} ({because(cause)})"
    rows = tables.rows("queue_events")
    left = tables.keep("letters that left a queue", lambda: _left(tables, rows))
    if message not in left:
        return "of a service's event"
    last = rows[left[message]]
    return f"from {tables.recorder.names[last['queue']]!r} ({because(int(last['cause']))})"


def _left(tables: Tables, rows: Rows) -> dict[int, int]:
    """Message -> place of the row by which it left a queue, the last time, as a dead letter."""
    chosen = (rows["action"] == Action.DEAD_LETTERED) & ~asynchronous(tables, rows["queue"])
    return dict(zip(rows["event"][chosen].tolist(), np.flatnonzero(chosen).tolist(), strict=True))


def _of_calls(tables: Tables) -> Iterator[Fate]:
    """Synchronous calls from outside that are not over."""
    calls = tables.rows("invocations")
    runs = (calls["status"] == InvocationStatus.IN_FLIGHT) & (
        calls["invocation_type"] == InvocationType.REQUEST_RESPONSE
    )
    runs &= ~np.isin(calls["parent_kind"], (ParentKind.BATCH, ParentKind.REQUEST))
    for place in np.flatnonzero(runs).tolist():
        function, name = (
            tables.recorder.names[calls["function"][place]],
            short("request", place + 1),
        )
        yield Fate("in_flight", name, function, "its caller waits", name)
