"""The stories of events that a service hands to its targets, and of what callers outside were told."""

from __future__ import annotations

import numpy as np

from lambdalab.trace.answers import answer_causes
from lambdalab.trace.codes import Action, Cause, ParentKind, QueueKind
from lambdalab.trace.columns import Rows
from lambdalab.trace.ids import short
from lambdalab.trace.story_parts import Told, because, children, name_of
from lambdalab.trace.tables import Tables, origins
from lambdalab.trace.words import duration


def is_push(tables: Tables, row: np.void) -> bool:
    """Whether a row of queue events is of a service that calls its targets by itself."""
    return tables.recorder.queue_kinds.get(int(row["queue"])) == QueueKind.PUSH


def push_title(tables: Tables, number: int, rows: Rows) -> str:
    """What it is, and on which ways it went."""
    ways = [name_of(tables, code) for code in dict.fromkeys(rows["queue"].tolist())]
    return f"{short('message', number)}: an event of {', '.join(ways)}"


def push_line(tables: Tables, row: np.void) -> tuple[int, str]:
    """What happened to an event on its way to a target."""
    way, cause = name_of(tables, row["queue"]), int(row["cause"])
    request = int(row["request"])
    wait = duration(int(row["delay_us"]))
    match int(row["action"]):
        case Action.SENT:
            by = f" by {short('request', request)}" if request else ""
            after = f", which takes {wait}" if row["delay_us"] else ""
            what = f"begins its way through {way!r}{by}{after}"
        case Action.DELETED if cause == Cause.FANNED_OUT:
            what = f"{way!r} hands it on"
        case Action.DELETED:
            led = f" as {short('request', request)}" if request else ""
            what = f"{way!r}: the target takes it{led}"
        case Action.RECEIVED:
            what = f"{way!r} hands it to its function, with its batch"
        case Action.RETRY_SCHEDULED:
            what = f"{way!r} waits {wait} for another try"
        case Action.DEAD_LETTERED:
            what = f"{way!r} gives it to its dead-letter queue"
        case Action.FILTERED:
            what = f"{way!r} leaves it: nobody wants it"
        case action:
            what = f"{way!r} gives it up: {Action.names[action].replace('_', ' ')}"
    return int(row["at"]), f"{what} ({because(cause)})"


def came_of(tables: Tables, number: int, rows: Rows) -> Told:
    """Which event a message was before it came here, told where it begins."""
    event = int(origins(tables)[number]) if number < len(origins(tables)) else 0
    if event and len(rows):
        what = f"{short('message', event)} becomes {short('message', number)}"
        yield int(rows[0]["at"]), f"{what} in {name_of(tables, rows[0]['queue'])!r}"


def becomes(tables: Tables, number: int) -> Told:
    """What an event has become where services handed it on."""
    rows, events = tables.rows("origins"), tables.rows("queue_events")
    for child in rows["message"][rows["event"] == number].tolist():
        yield from came_of(tables, child, events[events["event"] == child][:1])


def runs_of(tables: Tables, number: int) -> Told:
    """The ends of the invocations that an event led to."""
    calls = tables.rows("invocations")
    for place in children(tables, ParentKind.EVENT, number):
        row = calls[place]
        if row["completed_at"] >= 0 and row["status_code"] == 202:
            name, function = short("request", place + 1), name_of(tables, row["function"])
            yield (
                int(row["completed_at"]),
                f"{name} of {function} is over ({because(int(row['cause']))})",
            )


def caller_lines(tables: Tables, number: int) -> Told:
    """What the caller of a front that led to this invocation was told, and when.

    Of a caller that asked Lambda itself, only where it waited no longer: else the invocation's own lines
    say the same.
    """
    rows, late = tables.rows("requests"), tables.rows("fronts")
    left = (rows["answered_at"] >= 0) & (rows["status_code"] == 0)
    for place in np.flatnonzero(
        (rows["request"] == number) & ((rows["front"] != 0) | left)
    ).tolist():
        row = rows[place]
        who, front = name_of(tables, row["caller"]), name_of(tables, row["front"]) or "Lambda"
        again = f", try {row['try_number']}" if row["try_number"] > 1 else ""
        yield int(row["sent_at"]), f"{who} asks {front!r}{again}"
        if row["answered_at"] < 0:
            continue
        took = duration(int(row["answered_at"] - row["sent_at"]))
        cause = because(int(answer_causes(tables)[place]))
        told = f"is answered {row['status_code']}" if row["status_code"] else "waits no longer"
        yield int(row["answered_at"]), f"{who} {told} after {took} ({cause})"
        for answer in late[late["row"] == place]:
            what = f"{front!r} answers {answer['status_code']}, and nobody listens"
            yield int(answer["answered_at"]), f"{what} ({because(int(answer['cause']))})"
