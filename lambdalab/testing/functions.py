"""Assertions about functions and queues: how often one ran, was throttled, how long it took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.kernel.clock import microseconds
from lambdalab.testing.books import (
    check_count,
    fail,
    function_name,
    functions,
    often,
    queue_name,
    queues,
    story,
    tables_of,
)
from lambdalab.trace.codes import Action, Cause, InvocationStatus
from lambdalab.trace.findings_waiting import latest, still_in
from lambdalab.trace.ids import short
from lambdalab.trace.retries import asynchronous
from lambdalab.trace.words import duration

if TYPE_CHECKING:
    from lambdalab.testing.books import Books
    from lambdalab.trace.columns import Numbers
    from lambdalab.trace.tables import Tables

_NOT_RUN = (InvocationStatus.REFUSED, InvocationStatus.THROTTLED, InvocationStatus.DRY_RUN)
_LEFT = (Action.DELETED, Action.DEAD_LETTERED, Action.EXPIRED, Action.DROPPED)


def assert_invoked(lab: Books, function: Any, times: int | None = None) -> None:
    """The function ran so many times (None: at least once), each retry counted, as CloudWatch does.

    Parameters: ``lab``, a lab or a trace; ``function``, the function or its name; ``times``, 0 for never.

    Raises AssertionError with what it ran for, and :class:`~lambdalab.errors.UnknownName` for a function
    that is not there.

    >>> import lambdalab as ll
    >>> lab = ll.Lab(seed=7)
    >>> made = lab.create_function("bill", duration=0.1)
    >>> reply = lab.invoke("bill", {})
    >>> assert_invoked(lab, "bill", times=1)
    """
    __tracebackhide__ = True
    check_count("times", times)
    name, tables = function_name(lab, function), tables_of(lab)
    owners = tables.functions_of_requests()[tables.rows("attempts")["request"]]
    names = tables.recorder.names
    places = np.flatnonzero(owners == (names.index(name) if name in names else -1))
    if len(places) == times or (times is None and len(places)):
        return
    wanted = "" if times is None else f", not {often(times)}"
    fail(f"{name} ran {often(len(places))}{wanted}", *_runs(tables, places), _refused(tables, name))


def _runs(tables: Tables, places: Numbers) -> list[str]:
    """The first runs, a line each: when, of which request, why, how it ended."""
    view = _view(tables, places)
    more = [f"  ... {len(places) - len(view):,} more"] if len(places) > len(view) else []
    return [*view, *more]


def _view(tables: Tables, places: Numbers) -> list[str]:
    table = tables.frame("attempts")
    rows = tables.rows("attempts")[places[:6]]
    return [
        f"  {row['started_at'] / 1e6:,.3f} s  {short('request', int(row['request']))} attempt "
        f"{row['attempt']}: {table['outcome'].iloc[place]} ({table['cause'].iloc[place]})"
        for place, row in zip(places[:6].tolist(), rows, strict=True)
    ]


def _refused(tables: Tables, name: str) -> str:
    """How many invocations of a function never ran, and why."""
    calls = tables.frame("invocations")
    mine = calls[(calls["function"] == name) & (calls["attempts"] == 0)]
    if mine.empty:
        return ""
    told = [f"{many:,} {cause}" for cause, many in mine["cause"].value_counts().items() if many]
    return f"Invoked and not run: {', '.join(told)}."


def assert_no_throttles(lab: Books, function: Any = None) -> None:
    """No invocation of the function (None: of any) was refused for want of capacity or rate.

    Parameters: ``lab``, a lab or a trace; ``function``, the function or its name. Raises AssertionError
    with the limits that bound and the story of the first request that was throttled.
    """
    __tracebackhide__ = True
    name = None if function is None else function_name(lab, function)
    tables = tables_of(lab)
    found = _throttled(tables, name)
    if not found:
        return
    causes: dict[str, int] = {}
    for _, _, cause in found:
        causes[cause] = causes.get(cause, 0) + 1
    told = ", ".join(f"{many:,} {cause}" for cause, many in causes.items())
    at, request, _ = found[0]
    said = (
        f"{name or 'functions'} throttled {often(len(found))} ({told}), first at {at / 1e6:,.3f} s"
    )
    fail(said, story(lab, short("request", request)))


def _throttled(tables: Tables, name: str | None) -> list[tuple[int, int, str]]:
    """Every refusal for want of capacity: its time, its request and why, in order of time."""
    calls, events = tables.rows("invocations"), tables.rows("queue_events")
    refused = np.flatnonzero(calls["status"] == InvocationStatus.THROTTLED)
    events = events[events["action"] == Action.THROTTLED]
    events = events[asynchronous(tables, events["queue"])]
    times = [calls["requested_at"][refused], events["at"]]
    requests = [refused + 1, events["event"]]
    causes = [calls["cause"][refused], events["cause"]]
    found = zip(*(np.concatenate(part).tolist() for part in (times, requests, causes)), strict=True)
    owners, names = tables.functions_of_requests(), tables.recorder.names
    return sorted(
        (at, request, Cause.names[cause])
        for at, request, cause in found
        if name is None or names[owners[request]] == name
    )


def assert_latency(lab: Books, of: Any, at_most: Any, *, share: float = 1.0) -> None:
    """Whatever this function was invoked for, or whatever was in this queue, was over soon enough.

    Of a function: from the request to its answer, of asynchronous events to their end; refused ones are
    left out. Of a queue: from when a message was sent until it left the queue. What is not over yet counts
    with the time it has waited so far.

    Parameters
    ----------
    lab
        A lab or a trace.
    of
        A function or an SQS queue, or the name of one.
    at_most
        Seconds, ``"2min"`` or a timedelta.
    share
        So much of them must be (0 to 1): 0.95 lets every twentieth take longer.

    Raises AssertionError with the share that was, and the story of the slowest; also where nothing was
    there to be measured.
    """
    __tracebackhide__ = True
    limit, tables = microseconds(at_most, "at_most"), tables_of(lab)
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= 1:
        raise InvalidSetting("share", share, "more than 0, and 1 at most")
    name, kind = _named(lab, of)
    waits, numbers = (_answers if kind == "request" else _stays)(tables, name)
    if not len(waits):
        fail(f"nothing to measure: {name} has had no {kind}")
    within = int((waits <= limit).sum())
    if within >= share * len(waits):
        return
    slowest = int(np.argmax(waits))
    asked = "" if share == 1 else f", {share:.0%} asked for"
    fail(
        f"{within:,} of {len(waits):,} of {name} took {duration(limit)} at most{asked}; "
        f"the slowest took {duration(int(waits[slowest]))}",
        story(lab, short(kind, int(numbers[slowest]))),
    )


def _named(lab: Books, of: Any) -> tuple[str, str]:
    """What was given, by name, and what is measured of it."""
    known, others = functions(lab), queues(lab)
    if isinstance(of, str) and of in known and of in others:
        limit = f"one of several: a function and a queue are called {of!r}; give it itself"
        raise InvalidSetting("of", of, limit)
    if isinstance(of, str) and of not in known and of not in others:
        raise UnknownName("function or queue", of, [*known, *others])
    is_queue = of in others if isinstance(of, str) else hasattr(of, "messages")
    return (queue_name(lab, of), "message") if is_queue else (function_name(lab, of), "request")


def _answers(tables: Tables, name: str) -> tuple[Numbers, Numbers]:
    """How long each invocation of a function took, and its number."""
    calls, names = tables.rows("invocations"), tables.recorder.names
    code = names.index(name) if name in names else -1
    places = np.flatnonzero((calls["function"] == code) & ~np.isin(calls["status"], _NOT_RUN))
    ended = calls["completed_at"][places]
    ended = np.where(ended < 0, latest(tables), ended)
    return ended - calls["requested_at"][places], places + 1


def _stays(tables: Tables, name: str) -> tuple[Numbers, Numbers]:
    """How long each message was in a queue, from when it was sent, and its number."""
    rows, kinds = tables.rows("queue_events"), tables.recorder.queue_kinds
    code = next((c for c in kinds if tables.recorder.names[c] == name), -1)
    own = np.flatnonzero(rows["queue"] == code)
    gone = own[np.isin(rows["action"][own], _LEFT)]
    there = still_in(rows, own, kinds.get(code, 0))
    so_far = latest(tables) - rows["at"][there] + rows["age_us"][there]
    ages = np.concatenate([rows["age_us"][gone], so_far]).astype(np.int64)
    return ages, rows["event"][np.concatenate([gone, there])]
