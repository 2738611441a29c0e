"""Advice about callers and the services between: who gave up, who was not let in, what was lost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lambdalab.trace.answers import answer_causes
from lambdalab.trace.codes import Action, Cause, QueueKind
from lambdalab.trace.columns import Numbers
from lambdalab.trace.finding import Finding
from lambdalab.trace.ids import short
from lambdalab.trace.short import Short
from lambdalab.trace.tables import Tables
from lambdalab.trace.words import duration, seconds, times

_TOO_LATE = (Cause.INTEGRATION_TIMEOUT, Cause.CLIENT_TIMEOUT)


def gave_up(tables: Tables) -> Iterator[Finding]:
    """Callers who had gone when their answer was ready: the function ran on, and was billed."""
    rows, calls = tables.rows("requests"), tables.rows("invocations")
    left = (rows["request"] > 0) & (rows["answered_at"] >= 0)
    left &= np.isin(answer_causes(tables), _TOO_LATE) | ((rows["gave_up"] != 0) & _cut_off(tables))
    places = np.flatnonzero(left)
    ended = calls["completed_at"][rows["request"][places] - 1]
    places = places[(ended < 0) | (ended > rows["answered_at"][places])]
    for subject, mine in _by_front(tables, places):
        requests = rows["request"][mine]
        ends = calls["completed_at"][requests - 1]
        waited = duration(int((rows["answered_at"][mine] - rows["sent_at"][mine]).max()))
        over = (ends - rows["answered_at"][mine])[ends >= 0]
        longer = duration(int(over.max())) if len(over) else ""
        billed = f"{seconds(_billed(tables, requests))} s"
        first = short("request", int(requests[0]))
        if len(mine) == 1:
            on = f" for {longer}" if longer else ""
            advice = (
                f"1 request ended after {waited} without its answer; the function ran on{on}, and "
                f"{billed} were billed for an answer that nobody got ({first}). "
            )
        else:
            on = f", for up to {longer}" if longer else ""
            advice = (
                f"{len(mine):,} requests ended without their answers, after {waited} at most; the "
                f"function ran on{on}, and {billed} were billed for answers that nobody got ({first} "
                "is the first). "
            )
        advice += "Answer sooner, or take the work on with 202 and do it asynchronously."
        yield Finding("caller gave up", subject, advice, Short(tables).requests.iloc[mine])


def _cut_off(tables: Tables) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Requests without a status: no answer came while the caller listened."""
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = tables.rows("requests")["status_code"] == 0
    return found


def _billed(tables: Tables, requests: Numbers) -> float:
    attempts = tables.rows("attempts")
    mine = np.isin(attempts["request"], requests)
    return int(attempts["billed_ms"][mine].sum(dtype=np.int64)) / 1000


def _by_front(tables: Tables, places: Numbers) -> Iterator[tuple[str, Numbers]]:
    """Places of requests by what was asked: a front, or else the function."""
    rows, names = tables.rows("requests"), tables.recorder.names
    functions = tables.functions_of_requests()[rows["request"]]
    asked = np.where(rows["front"] > 0, rows["front"], functions)[places]
    for code in np.unique(asked).tolist():
        yield names[code] or "a caller", places[asked == code]


def malformed(tables: Tables) -> Iterator[Finding]:
    """Answers that an HTTP front could make nothing of: callers saw 502."""
    rows = tables.rows("requests")
    places = np.flatnonzero(answer_causes(tables) == Cause.MALFORMED_RESPONSE)
    for subject, mine in _by_front(tables, places):
        first = int(rows["request"][mine[0]])
        advice = (
            f"{times(len(mine), 'caller')} got {int(rows['status_code'][mine[0]])} although the function "
            f"had returned ({short('request', first)} is the first): its answer is not of the form that "
            "the front takes. Return statusCode (a number), headers and body (a text)."
        )
        yield Finding("malformed responses", subject, advice, Short(tables).requests.iloc[mine])


def denied(tables: Tables) -> Iterator[Finding]:
    """Calls that a function's resource policy did not allow."""
    calls, names = tables.rows("invocations"), tables.recorder.names
    places = np.flatnonzero(calls["cause"] == Cause.ACCESS_DENIED)
    for code in np.unique(calls["function"][places]).tolist():
        mine = places[calls["function"][places] == code]
        who = dict.fromkeys(names[source] for source in calls["source"][mine].tolist())
        advice = (
            f"{times(len(mine), 'call')} of {', '.join(who)} {'was' if len(mine) == 1 else 'were'} "
            "refused with 403: the function's resource policy does not allow the caller. "
            "lab.add_permission() lets it in; lab.get_policy() shows who may."
        )
        yield Finding(
            "permission denied", names[code], advice, Short(tables).invocations.iloc[mine]
        )


def lost_pushes(tables: Tables) -> Iterator[Finding]:
    """Events that a service could not hand to its target, and of which nothing is left."""
    rows, names = tables.rows("queue_events"), tables.recorder.names
    ends = np.isin(rows["action"], (Action.EXPIRED, Action.DROPPED))
    for code in (c for c, kind in tables.recorder.queue_kinds.items() if kind == QueueKind.PUSH):
        places = np.flatnonzero(ends & (rows["queue"] == code))
        if not len(places):
            continue
        causes = [Cause.names[cause] for cause in np.unique(rows["cause"][places]).tolist()]
        were = "was" if len(places) == 1 else "were"
        kept = "Its dead-letter queue did not take them either."
        if (rows["cause"][places] == Cause.THIRD_BUS).all():
            kept = "Let the first bus's own rules name every bus that is to have them."
        elif (rows["cause"][places] != Cause.DELIVERY_FAILED).any():
            kept = "A dead-letter queue of the subscription or target would have kept them."
        advice = (
            f"{times(len(places), 'event')} {were} given up ({', '.join(causes)}) and left nothing "
            f"behind. {kept}"
        )
        view = Short(tables).queue_events.iloc[places]
        yield Finding("lost events", names[code], advice, view)
