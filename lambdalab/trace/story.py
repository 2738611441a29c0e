"""``trace.story("r2")``: what happened to one thing, in numbered plain sentences."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator

import numpy as np

from lambdalab.trace.codes import (
    Action,
    AttemptOutcome,
    BatchCause,
    BatchOutcome,
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
from lambdalab.trace.tables import Tables
from lambdalab.trace.words import duration

Told = Iterator[tuple[int, str]]
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


def story(tables: Tables, text: str) -> Story:
    """The story of a request, message, batch, environment, or of an attempt's request.

    Raises :class:`~lambdalab.errors.UnknownName` for an id that is not in the trace.
    """
    kind, number = tables.ids.parse(str(text))
    known = _messages(tables) if kind == "message" else len(tables.rows(_TABLE_OF[kind]))
    if number > known:
        raise _unknown(kind, str(text), known)
    if kind == "attempt":
        kind, number = "request", int(tables.rows("attempts")["request"][number - 1])
    told = sorted(TELLERS[kind](tables, number), key=lambda line: line[0])
    return Story(
        TITLES[kind](tables, number), [(round(at / 1e6, 3), sentence) for at, sentence in told]
    )


def _unknown(kind: str, text: str, known: int) -> UnknownId:
    """The error for an id beyond the last one."""
    first, last = short(kind, 1), short(kind, known)
    there = "none" if not known else first if known == 1 else f"{first} to {last}"
    return UnknownId(kind, text, f"there is no {kind} {text!r} in this trace; it has {there}")


def because(cause: int) -> str:
    """A cause's meaning, as the end of a sentence."""
    name = Cause.names[cause]
    return f"{name}: {Cause.meanings[name]}"


def _messages(tables: Tables) -> int:
    rows = tables.rows("queue_events")
    return int(rows["event"][~asynchronous(tables, rows["queue"])].max(initial=0))


def _name(tables: Tables, code: int) -> str:
    return tables.recorder.names[code]


# ---- requests -----------------------------------------------------------------------------------


def _request_title(tables: Tables, number: int) -> str:
    row = tables.rows("invocations")[number - 1]
    kind = InvocationType.names[row["invocation_type"]]
    status = InvocationStatus.names[row["status"]].replace("_", " ")
    return f"{short('request', number)}: {_name(tables, row['function'])}, {kind}, {status}"


def _request(tables: Tables, number: int) -> Told:
    """Causes before effects: lines of one microsecond are told in this order."""
    row = tables.rows("invocations")[number - 1]
    yield int(row["requested_at"]), _arrival(tables, number, row)
    yield from faults(tables, number)
    places = np.flatnonzero(tables.rows("attempts")["request"] == number).tolist()
    informed = _informed(tables)
    children = [c for c in _children(tables, ParentKind.REQUEST, number) if c not in informed]
    for event in _own_queue(tables, number):
        if event["action"] == Action.RECEIVED and places:
            yield from _try(tables, places.pop(0), children)
        elif sentence := _queue_sentence(tables, event):
            yield int(event["at"]), sentence
    for place in places:  # of an invocation that was not queued
        yield from _try(tables, place, children)
    yield from _calls(tables, children)
    if row["completed_at"] >= 0:
        yield int(row["completed_at"]), _ending(row)


def _try(tables: Tables, place: int, children: list[int]) -> Told:
    """One attempt, and between its beginning and its end what it called, taken from ``children``."""
    begin, *end = _attempt(tables, place, tables.rows("attempts")[place])
    yield begin
    called_at = tables.rows("invocations")["requested_at"]
    count = sum(not end or called_at[child] <= end[0][0] for child in children)
    yield from _calls(tables, children[:count])
    del children[:count]
    yield from end


def _calls(tables: Tables, children: list[int]) -> Told:
    calls = tables.rows("invocations")
    for child in children:
        what = f"calls {_name(tables, calls['function'][child])} as {short('request', child + 1)}"
        yield int(calls["requested_at"][child]), what


def _children(tables: Tables, kind: int, number: int) -> list[int]:
    calls = tables.rows("invocations")
    return np.flatnonzero((calls["parent_kind"] == kind) & (calls["parent"] == number)).tolist()


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
        return f"queue {_name(tables, row['queue'])!r} as {short('message', int(row['event']))}"
    for child in _children(tables, ParentKind.REQUEST, number):
        if child in _informed(tables):
            name = _name(tables, calls["function"][child])
            return f"function {name!r} as {short('request', child + 1)}"
    return "its destination"


def _arrival(tables: Tables, number: int, row: np.void) -> str:
    parent = ""
    if row["parent_kind"] in (ParentKind.REQUEST, ParentKind.BATCH, ParentKind.MESSAGE):
        parent = f" ({short(ParentKind.names[row['parent_kind']], int(row['parent']))})"
    sender = f"{_name(tables, row['source'])}{parent}"
    sender = f"a record of {sender}" if number - 1 in _informed(tables) else sender
    function, size = _name(tables, row["function"]), int(row["payload_bytes"])
    if row["invocation_type"] == InvocationType.EVENT and row["status_code"] in (0, 202):
        return f"{sender} invokes {function} asynchronously with {size:,} bytes"
    return f"{sender} invokes {function} with {size:,} bytes"


def _ending(row: np.void) -> str:
    took = duration(int(row["completed_at"] - row["requested_at"]))
    status = InvocationStatus.names[row["status"]].replace("_", " ")
    code = f" with {row['status_code']}" if row["status_code"] else ""
    if row["invocation_type"] == InvocationType.EVENT and row["status_code"] == 202:
        return f"over: {status} after {took} ({because(int(row['cause']))})"
    return f"answered{code} after {took}: {status} ({because(int(row['cause']))})"


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
            return f"accepted (202) and queued in {_name(tables, row['queue'])!r}"
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


# ---- messages -----------------------------------------------------------------------------------


def _message_rows(tables: Tables, number: int) -> Rows:
    rows = tables.rows("queue_events")
    found: Rows = rows[(rows["event"] == number) & ~asynchronous(tables, rows["queue"])]
    return found


def _message_title(tables: Tables, number: int) -> str:
    rows = _message_rows(tables, number)
    queues = dict.fromkeys(_name(tables, code) for code in rows["queue"].tolist())
    received = int((rows["action"] == Action.RECEIVED).sum())
    times = "once" if received == 1 else f"{received} times"
    return f"{short('message', number)}: a message in {', '.join(queues)}, received {times}"


def _message(tables: Tables, number: int) -> Told:
    batches = tables.rows("batches")
    for row in _message_rows(tables, number):
        queue, action = _name(tables, row["queue"]), Action.names[row["action"]].replace("_", " ")
        batch = int(row["batch"])
        inside = f" in {short('batch', batch)}" if batch else ""
        if row["action"] == Action.SENT:
            delay = f", hidden for {duration(int(row['delay_us']))}" if row["delay_us"] else ""
            sender = f" by {short('request', int(row['request']))}" if row["request"] else ""
            verb = "comes back to" if row["cause"] == Cause.DUPLICATE else "sent to"
            sentence = f"{verb} {queue!r}{sender}{delay}"
        elif row["action"] == Action.RECEIVED:
            sentence = f"received from {queue!r}{inside}, time {row['receive_count']}"
            if batch and batches["completed_at"][batch - 1] >= 0:
                yield from _batch_end(tables, batch)
        elif row["action"] == Action.RETURNED:
            sentence = f"visible again in {queue!r}"
        elif row["action"] == Action.DEAD_LETTERED:
            sentence = f"leaves {queue!r} for its dead-letter queue"
        else:
            sentence = f"{action}{inside} from {queue!r}"
        yield int(row["at"]), f"{sentence} ({because(int(row['cause']))})"


# ---- batches ------------------------------------------------------------------------------------


def _batch_title(tables: Tables, number: int) -> str:
    row = tables.rows("batches")[number - 1]
    return f"{short('batch', number)}: {_records(row)} of {_name(tables, row['mapping'])}"


def _records(row: np.void) -> str:
    records = int(row["records"])
    return f"{records:,} record{'' if records == 1 else 's'}"


def _batch_end(tables: Tables, number: int) -> Told:
    row = tables.rows("batches")[number - 1]
    outcome = BatchOutcome.names[row["outcome"]]
    failed = int(row["failed_records"])
    some = f", {failed:,} of {row['records']:,} records failed" if failed else ""
    yield (
        int(row["completed_at"]),
        f"{short('batch', number)} is over: {outcome} ({BatchOutcome.meanings[outcome]}){some}",
    )


def _batch(tables: Tables, number: int) -> Told:
    row = tables.rows("batches")[number - 1]
    cause = BatchCause.names[row["cause"]]
    if row["window_opened_at"] >= 0:
        yield int(row["window_opened_at"]), "its window opens"
    if row["opened_at"] >= 0:
        yield int(row["opened_at"]), f"its first record joins, from {_name(tables, row['source'])}"
    yield (
        int(row["flushed_at"]),
        f"handed over with {_records(row)}, {row['size_bytes']:,} bytes "
        f"({cause}: {BatchCause.meanings[cause]})",
    )
    calls = tables.rows("invocations")
    for child in _children(tables, ParentKind.BATCH, number):
        call = calls[child]
        yield (
            int(call["requested_at"]),
            f"invokes {_name(tables, call['function'])} as {short('request', child + 1)}",
        )
        if call["completed_at"] >= 0:
            yield int(call["completed_at"]), f"{short('request', child + 1)} is {_ending(call)}"
    if row["completed_at"] >= 0:
        yield from _batch_end(tables, number)


# ---- environments -------------------------------------------------------------------------------


def _environment_title(tables: Tables, number: int) -> str:
    row = tables.rows("environments")[number - 1]
    return f"{short('environment', number)}: an environment of {_name(tables, row['function'])}"


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
    "message": _message_title,
    "batch": _batch_title,
    "environment": _environment_title,
}
TELLERS: dict[str, Callable[[Tables, int], Told]] = {
    "request": _request,
    "message": _message,
    "batch": _batch,
    "environment": _environment,
}
