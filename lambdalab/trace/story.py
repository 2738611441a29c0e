"""``trace.story("r2")``: what happened to one thing, in numbered plain sentences."""

from __future__ import annotations

import html
from collections.abc import Callable

import numpy as np

from lambdalab.trace.codes import (
    Action,
    AttemptOutcome,
    Cause,
    EnvironmentEnd,
    InvocationStatus,
    InvocationType,
    ParentKind,
)
from lambdalab.trace.columns import Rows
from lambdalab.trace.ids import UnknownId, short
from lambdalab.trace.retries import asynchronous
from lambdalab.trace.story_faults import faults
from lambdalab.trace.story_parts import Told, because, children, ending, name_of
from lambdalab.trace.story_pushes import caller_lines
from lambdalab.trace.story_sources import batch, batch_title, message, message_title, messages
from lambdalab.trace.tables import Tables
from lambdalab.trace.words import duration

_MESSAGE = 300  # characters of an error's text that are told
_TABLE_OF = {
    "request": "invocations",
    "environment": "environments",
    "batch": "batches",
    "attempt": "attempts",
}
_OUTCOMES = {
    AttemptOutcome.TIMEOUT: "times out",
    AttemptOutcome.EXIT: "ends its process",
    AttemptOutcome.OUT_OF_MEMORY: "runs out of memory",
    AttemptOutcome.INIT_ERROR: "fails to initialise",
    AttemptOutcome.RESPONSE_TOO_LARGE: "answers with too large a response",
    AttemptOutcome.KILLED: "is ended from outside",
}


class Story:
    """What happened to one thing: a title and numbered sentences with their times.

    ``title`` and ``lines`` (pairs of seconds from the lab's start, and a sentence) are there for
    programs; ``print`` it or end a cell with it to read it.
    """

    def __init__(self, title: str, lines: list[tuple[float, str]]) -> None:
        self.title, self.lines = title, lines

    def __repr__(self) -> str:
        numbered = (
            f"{number:>3}. {at:>10,.3f} s  {sentence}"
            for number, (at, sentence) in enumerate(self.lines, start=1)
        )
        return "\n".join([self.title, *numbered])

    def _repr_html_(self) -> str:
        items = "".join(
            f"<li><code>{at:,.3f} s</code> {html.escape(sentence)}</li>"
            for at, sentence in self.lines
        )
        return f"<div><b>{html.escape(self.title)}</b><ol>{items}</ol></div>"


def story(tables: Tables, thing: object) -> Story:
    """The story of a request, message, batch, environment, or of an attempt's request.

    ``thing`` is an id, or has one: a message (``message_id``), a reply (``request``). Raises
    :class:`~lambdalab.errors.UnknownName` for an id that is not in the trace.
    """
    text = _id_of(thing)
    kind, number = tables.ids.parse(text)
    known = messages(tables) if kind == "message" else len(tables.rows(_TABLE_OF[kind]))
    if number > known:
        raise _unknown(kind, text, known)
    if kind == "attempt":
        kind, number = "request", int(tables.rows("attempts")["request"][number - 1])
    told = sorted(TELLERS[kind](tables, number), key=lambda line: line[0])
    return Story(
        TITLES[kind](tables, number), [(round(at / 1e6, 3), sentence) for at, sentence in told]
    )


def _id_of(thing: object) -> str:
    """The id that was given, or the one that the given thing has; else the thing as text."""
    for name in ("message_id", "request"):
        found = getattr(thing, name, None)
        if isinstance(found, str) and found:
            return found
    return str(thing)


def _unknown(kind: str, text: str, known: int) -> UnknownId:
    """The error for an id beyond the last one."""
    first, last = short(kind, 1), short(kind, known)
    there = "none" if not known else first if known == 1 else f"{first} to {last}"
    return UnknownId(kind, text, f"there is no {kind} {text!r} in this trace; it has {there}")


# ---- requests -----------------------------------------------------------------------------------


def _request_title(tables: Tables, number: int) -> str:
    row = tables.rows("invocations")[number - 1]
    kind = InvocationType.names[row["invocation_type"]]
    status = InvocationStatus.names[row["status"]].replace("_", " ")
    return f"{short('request', number)}: {name_of(tables, row['function'])}, {kind}, {status}"


def _request(tables: Tables, number: int) -> Told:
    """Causes before effects: lines of one microsecond are told in this order."""
    row = tables.rows("invocations")[number - 1]
    told = list(caller_lines(tables, number))
    yield from told[:1]
    yield int(row["requested_at"]), _arrival(tables, number, row)
    yield from faults(tables, number)
    places = np.flatnonzero(tables.rows("attempts")["request"] == number).tolist()
    informed = _informed(tables)
    called = [c for c in children(tables, ParentKind.REQUEST, number) if c not in informed]
    for event in _own_queue(tables, number):
        if event["action"] == Action.RECEIVED and places:
            yield from _try(tables, places.pop(0), called)
        elif sentence := _queue_sentence(tables, event):
            yield int(event["at"]), sentence
    for place in places:  # of an invocation that was not queued
        yield from _try(tables, place, called)
    yield from _calls(tables, called)
    if row["completed_at"] >= 0:
        yield int(row["completed_at"]), ending(row)
    yield from told[1:]


def _try(tables: Tables, place: int, called: list[int]) -> Told:
    """One attempt, and between its beginning and its end what it called, taken from ``called``."""
    begin, *end = _attempt(tables, place, tables.rows("attempts")[place])
    yield begin
    called_at = tables.rows("invocations")["requested_at"]
    count = sum(not end or called_at[child] <= end[0][0] for child in called)
    yield from _calls(tables, called[:count])
    del called[:count]
    yield from end


def _calls(tables: Tables, called: list[int]) -> Told:
    calls = tables.rows("invocations")
    for child in called:
        what = f"calls {name_of(tables, calls['function'][child])} as {short('request', child + 1)}"
        yield int(calls["requested_at"][child]), what


def _informed(tables: Tables) -> list[int]:
    """The invocations (places) whose event is the record of another one."""
    rows = tables.rows("queue_events")
    came = (rows["action"] == Action.SENT) & (rows["cause"] == Cause.DESTINATION)
    found: list[int] = (rows["event"][came & asynchronous(tables, rows["queue"])] - 1).tolist()
    return found


def _taker(tables: Tables, number: int) -> str:
    """Where the record of a request arrived: a queue and a message, or a function and a request."""
    rows, calls = tables.rows("queue_events"), tables.rows("invocations")
    came = (rows["action"] == Action.SENT) & (rows["cause"] == Cause.DESTINATION)
    own = asynchronous(tables, rows["queue"])
    for row in rows[came & ~own & (rows["request"] == number)]:
        return f"queue {name_of(tables, row['queue'])!r} as {short('message', int(row['event']))}"
    for child in children(tables, ParentKind.REQUEST, number):
        if child in _informed(tables):
            name = name_of(tables, calls["function"][child])
            return f"function {name!r} as {short('request', child + 1)}"
    return "its destination"


def _arrival(tables: Tables, number: int, row: np.void) -> str:
    parent = ""
    if row["parent_kind"] != ParentKind.NONE:
        of_event = row["parent_kind"] == ParentKind.EVENT
        kind = "message" if of_event else ParentKind.names[row["parent_kind"]]
        parent = f" ({short(kind, int(row['parent']))})"
    sender = f"{name_of(tables, row['source'])}{parent}"
    sender = f"a record of {sender}" if number - 1 in _informed(tables) else sender
    function, size = name_of(tables, row["function"]), int(row["payload_bytes"])
    if row["invocation_type"] == InvocationType.EVENT and row["status_code"] in (0, 202):
        return f"{sender} invokes {function} asynchronously with {size:,} bytes"
    return f"{sender} invokes {function} with {size:,} bytes"


def _own_queue(tables: Tables, number: int) -> Rows:
    """What happened to an event in Lambda's own queue."""
    rows = tables.rows("queue_events")
    found: Rows = rows[(rows["event"] == number) & asynchronous(tables, rows["queue"])]
    return found


def _queue_sentence(tables: Tables, row: np.void) -> str:
    """What an event of Lambda's own queue says beyond the attempts; "" where it says nothing."""
    cause, wait = because(int(row["cause"])), duration(int(row["delay_us"]))
    failed = row["cause"] == Cause.DELIVERY_FAILED
    match int(row["action"]):
        case Action.SENT:
            return f"accepted (202) and queued in {name_of(tables, row['queue'])!r}"
        case Action.RETRY_SCHEDULED:
            return f"waits {wait} for its next try ({cause})"
        case Action.THROTTLED:
            again = f", waits {wait} to try again" if row["delay_us"] else ""
            return f"finds no concurrency{again} ({cause})"
        case Action.DEAD_LETTERED:
            goes = "could not be sent" if failed else "is sent"
            return f"{goes} to the dead-letter queue ({cause})"
        case Action.DELIVERED:
            if failed:
                return f"a record of it could not be delivered to its destination ({cause})"
            return f"a record of it goes to {_taker(tables, int(row['event']))} ({cause})"
        case _:
            return ""


def _attempt(tables: Tables, place: int, row: np.void) -> Told:
    number, environment = int(row["attempt"]), short("environment", int(row["environment"]))
    begun = int(row["started_at"])
    started = int(row["setup_us"] + row["init_us"])
    cold = f", a cold start of {duration(started)}" if started else ", a cold start"
    warm = ", warm"
    again = f" ({because(int(row['cause']))})" if row["cause"] == Cause.DUPLICATE else ""
    how = cold if row["cold_start"] else warm
    yield begun, f"attempt {number} runs in {environment}{how}{again}"
    if row["ended_at"] < 0:
        return
    took = duration(int(row["duration_us"]))
    outcome = int(row["outcome"])
    kind, message, _ = tables.recorder.errors.get(place, ("", "", b""))
    if outcome == AttemptOutcome.SUCCESS:
        what = f"succeeds after {took}"
    elif outcome in _OUTCOMES:
        what = f"{_OUTCOMES[outcome]} after {took}"
    else:
        cut = message if len(message) <= _MESSAGE else f"{message[:_MESSAGE]}..."
        what = f"fails after {took}: {kind}: {cut}" if kind else f"fails after {took}"
    yield int(row["ended_at"]), f"attempt {number} {what} (billed {row['billed_ms']:,} ms)"


# ---- environments -------------------------------------------------------------------------------


def _environment_title(tables: Tables, number: int) -> str:
    row = tables.rows("environments")[number - 1]
    return f"{short('environment', number)}: an environment of {name_of(tables, row['function'])}"


def _environment(tables: Tables, number: int) -> Told:
    row, attempts = tables.rows("environments")[number - 1], tables.rows("attempts")
    yield int(row["started_at"]), "it begins to be made"
    if row["ready_at"] >= 0:
        yield int(row["ready_at"]), f"ready after an initialisation of {duration(row['init_us'])}"
    for place in np.flatnonzero(attempts["environment"] == number).tolist():
        yield from _serving(attempts[place], row)
    if row["ended_at"] >= 0:
        name = EnvironmentEnd.names[row["because"]]
        yield int(row["ended_at"]), f"it ends ({name}: {EnvironmentEnd.meanings[name]})"


def _serving(attempt: np.void, home: np.void) -> Told:
    """An attempt as its environment has it: from when the handler begins to when it is over."""
    what = f"attempt {attempt['attempt']} of {short('request', int(attempt['request']))}"
    started, outcome = int(attempt["started_at"]), int(attempt["outcome"])
    if outcome == AttemptOutcome.RUNNING:  # its spans are not in the books yet
        ready = max(started, int(home["ready_at"]))
        waits = attempt["cold_start"] and home["ready_at"] < 0
        yield ready, f"{what} waits for it" if waits else f"runs {what}"
        return
    if outcome != AttemptOutcome.INIT_ERROR:  # whose handler never began
        yield started + int(attempt["setup_us"]) + int(attempt["init_us"]), f"runs {what}"
    name = AttemptOutcome.names[outcome]
    yield int(attempt["ended_at"]), f"{what} is over: {name} ({AttemptOutcome.meanings[name]})"


TITLES: dict[str, Callable[[Tables, int], str]] = {
    "request": _request_title,
    "message": message_title,
    "batch": batch_title,
    "environment": _environment_title,
}
TELLERS: dict[str, Callable[[Tables, int], Told]] = {
    "request": _request,
    "message": message,
    "batch": batch,
    "environment": _environment,
}
