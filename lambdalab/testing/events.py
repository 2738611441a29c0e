"""Assertions about events: none is lost, this one succeeded, that one failed and was tried again."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from lambdalab.errors import InvalidSetting
from lambdalab.testing.books import (
    check_count,
    fail,
    identified,
    often,
    queue_name,
    some,
    story,
    tables_of,
    trace_of,
)
from lambdalab.trace.codes import Action, AttemptOutcome, Cause, InvocationStatus, ParentKind
from lambdalab.trace.fates import FATES, Fate, fates, letters
from lambdalab.trace.retries import asynchronous
from lambdalab.trace.words import times as counted

if TYPE_CHECKING:
    from lambdalab.testing.books import Books
    from lambdalab.trace.columns import Rows
    from lambdalab.trace.tables import Tables

_FAILED = ("failed", "expired", "dropped", "dead_lettered", "on_failure")
_ENDS = {
    "succeeded": "it succeeded", "failed": "it failed", "expired": "it grew too old",
    "dropped": "it was given up, and nothing of it is left", "in_flight": "it is not over yet",
    "dead_lettered": "it was given up and lies in a dead-letter queue",
    "on_failure": "it was given up, and its record lies in the queue of an on-failure destination",
    "unread": "no mapping takes from its queue", "filtered": "no filter matched",
    "throttled": "it was throttled", "refused": "it was refused", "dry_run": "it was a dry run",
}  # fmt: skip
_KEPT = ("dead_lettered", "on_failure", "unread")


def assert_no_lost_events(
    lab: Books, *, allow: str | Iterable[str] = (), kept_in: Any = ()
) -> None:
    """Every event that was accepted has been dealt with: it has succeeded, or no filter wanted it.

    Events are asynchronous invocations, messages, what topics, buses, buckets and schedules hand on, and
    records that a stream's mapping has read. An event that was given up and whose dead letter (or record)
    a function has dealt with is not lost.

    Parameters
    ----------
    lab
        A lab or a trace.
    allow
        What may have become of others too, one word or several: ``"in_flight"`` (queued, hidden, running,
        waiting for a try), ``"unread"`` (in a queue from which no mapping takes), ``"dead_lettered"``,
        ``"on_failure"`` (its record lies in the queue of a destination), ``"expired"``, ``"dropped"``.
    kept_in
        The queue, or queues, in which a message may lie at the end: for results, for dead letters.

    Raises AssertionError with ids and causes, and the story of the first.

    >>> import lambdalab as ll
    >>> lab = ll.Lab(seed=7)
    >>> made = lab.create_function("bill", duration=0.1, failure_rate=1, dead_letter_queue="failed")
    >>> reply = lab.invoke("bill", {}, invocation_type="Event")
    >>> note = lab.run()
    >>> assert_no_lost_events(lab, kept_in="failed")
    """
    __tracebackhide__ = True
    allowed = {allow} if isinstance(allow, str) else set(allow)
    if unknown := allowed - set(FATES):
        raise InvalidSetting("allow", sorted(unknown)[0], f"any of {', '.join(map(repr, FATES))}")
    kept = {queue_name(lab, queue) for queue in _several(kept_in)}
    told = [
        fate
        for fate in fates(tables_of(lab))
        if fate.word not in allowed and not (fate.word in _KEPT and fate.queue in kept)
    ]
    if told:
        order = list(FATES)
        told.sort(key=lambda fate: (order.index(fate.word), fate.queue, fate.why))
        first = f"The first of them: {story(lab, told[0].origin)}"
        fail(_lost(told), first, _advice(told))


def _several(given: Any) -> list[Any]:
    return list(given) if isinstance(given, (list, tuple, set, frozenset)) else [given]


def _lost(told: list[Fate]) -> str:
    """How many, and of each kind and queue how many, which and why."""
    were = "event was" if len(told) == 1 else "events were"
    lines = [f"{len(told):,} {were} not dealt with"]
    for (word, queue), group in groupby(told, lambda fate: (fate.word, fate.queue)):
        lines.append(f"  {word} ({FATES[word]}), {queue!r}:")
        for why, same in groupby(group, lambda fate: fate.why):
            lines.append(f"    {some(fate.id for fate in same)}: {why}")
    return "\n".join(lines)


def _advice(told: list[Fate]) -> str:
    words = dict.fromkeys(fate.word for fate in told)
    if list(words) == ["in_flight"]:
        return "lab.run() lets a lab go on until nothing is in flight."
    queues = dict.fromkeys(fate.queue for fate in told if fate.word in _KEPT)
    keep = f"kept_in={list(queues)!r} or " if queues else ""
    return f"Where a test expects this: {keep}allow={list(words)!r}."


def assert_succeeded(lab: Books, *things: Any) -> None:
    """Each of these calls, events or messages has been dealt with, after however many tries.

    Parameters: ``lab``, a lab or a trace; ``things``, each an id (``"r2"``, ``"m3"``, or in full), a reply
    of ``lab.invoke``, or a message of ``queue.send``.

    Raises AssertionError with the story of the first that has not, and
    :class:`~lambdalab.errors.UnknownName` for an id that the trace does not have.
    """
    __tracebackhide__ = True
    if not things:
        raise InvalidSetting("things", things, "at least one id, reply or message")
    for thing in things:
        kind, number, name = identified(lab, thing)
        found = _end(tables_of(lab), kind, number)
        if found != "succeeded":
            fail(f"{name} has not succeeded: {_said(found)}", story(lab, thing))


def assert_failed(lab: Books, thing: Any, error: str | type[BaseException] | None = None) -> None:
    """This call, event or message was given up: it failed in every try that it was given.

    Parameters: ``lab`` and ``thing`` as of :func:`assert_succeeded`; ``error``, what the last try failed
    with: an exception's class or name (``"KeyError"``), or an outcome such as ``"timeout"``.

    Raises AssertionError with its story where it succeeded, is not over, or failed with something else.
    """
    __tracebackhide__ = True
    kind, number, name = identified(lab, thing)
    found = _end(tables_of(lab), kind, number)
    if found not in _FAILED:
        fail(f"{name} has not failed: {_said(found)}", story(lab, thing))
    if error is None:
        return
    wanted = error if isinstance(error, str) else error.__name__
    last = _last_error(tables_of(lab), kind, number)
    if wanted not in last:
        fail(f"{name} failed with {' or '.join(last) or 'no run'}, not {wanted}", story(lab, thing))


def _said(end: str) -> str:
    return _ENDS.get(end, f"it ended with {end}")


def _end(tables: Tables, kind: str, number: int) -> str:
    """How a thing ended: a word of :class:`.InvocationStatus` or of :data:`.FATES`, or "filtered"."""
    if kind == "request":
        status: str = InvocationStatus.names[tables.rows("invocations")["status"][number - 1]]
        return status
    for fate in fates(tables):
        if fate.id == f"m{number}":
            return fate.word
    rows = _rows(tables, number)
    if (rows["action"] == Action.DELETED).any() and rows[-1]["cause"] != Cause.PURGED:
        return "succeeded"
    cause = int(rows[-1]["cause"])
    filtered = (rows["action"] == Action.FILTERED).any()
    return "filtered" if filtered else Cause.names[cause]


def _rows(tables: Tables, number: int) -> Rows:
    """What happened to a message, a record or a service's event, everywhere."""
    rows = tables.rows("queue_events")
    found: Rows = rows[(rows["event"] == number) & ~asynchronous(tables, rows["queue"])]
    return found


def _last_error(tables: Tables, kind: str, number: int) -> list[str]:
    """What the last try failed with, in all the words that there are for it."""
    attempts, calls = tables.rows("attempts"), tables.rows("invocations")
    requests = [number]
    if kind == "message":
        held = tables.rows("batch_records")
        batches = held["batch"][held["message"] == number]
        mine = (calls["parent_kind"] == ParentKind.BATCH) & np.isin(calls["parent"], batches)
        mine |= (calls["parent_kind"] == ParentKind.EVENT) & (calls["parent"] == number)
        requests = (np.flatnonzero(mine) + 1).tolist()
    places = np.flatnonzero(np.isin(attempts["request"], requests))
    if not len(places):
        return []
    place = int(places[-1])
    error, _, _ = tables.recorder.errors.get(place, ("", "", b""))
    return [*filter(None, [error]), AttemptOutcome.names[attempts["outcome"][place]]]


def assert_retried(lab: Books, thing: Any, times: int | None = None) -> None:
    """This call, event or message was tried again, so many times (None: at least once).

    Counted is every try but the first: by Lambda of an asynchronous event, by a caller that tries again,
    by an event source mapping of a message or a record, by a service that calls its targets.

    Parameters: ``lab`` and ``thing`` as of :func:`assert_succeeded`; ``times``, 0 for none.
    """
    __tracebackhide__ = True
    check_count("times", times)
    kind, number, name = identified(lab, thing)
    found = _retries(tables_of(lab), kind, number)
    if found == times or (times is None and found):
        return
    wanted = "" if times is None else f", not {often(times)}"
    said = f"tried again {often(found)}" if found else "never tried again"
    fail(f"{name} was {said}{wanted}", story(lab, thing))


def _retries(tables: Tables, kind: str, number: int) -> int:
    if kind == "request":
        runs = int((tables.rows("attempts")["request"] == number).sum())
        asked = tables.rows("requests")
        tries = asked["try_number"][asked["request"] == number]
        return max(runs - 1, 0) + max(int(tries.max(initial=0)) - 1, 0)
    rows = _rows(tables, number)
    taken = (rows["action"] == Action.RECEIVED) & (rows["cause"] != Cause.RECEIVED_BY_CALLER)
    _, counts = np.unique(rows["queue"][taken], return_counts=True)
    return int((counts - 1).sum()) + int((rows["action"] == Action.RETRY_SCHEDULED).sum())


def assert_dead_lettered(lab: Books, queue: Any, count: int | None = None) -> None:
    """So many dead letters have arrived in this queue (None: at least one).

    The records of events that failed count too, where the queue is an on-failure destination; what is in
    the queue for another reason does not.

    Parameters: ``lab``, a lab or a trace; ``queue``, the queue or its name; ``count``, 0 for none.
    """
    __tracebackhide__ = True
    check_count("count", count)
    name = queue_name(lab, queue)
    found = letters(tables_of(lab), name)
    if len(found) == count or (count is None and found):
        return
    wanted = "" if count is None else f", not {count:,}"
    arrived = f"{counted(len(found), 'dead letter')} arrived in {name!r}" if found else (
        f"no dead letter arrived in {name!r}"
    )  # fmt: skip
    shown = [f"  {fate.id} {fate.why}" for fate in found[:8]]
    others = _others(lab, name)
    fail(f"{arrived}{wanted}", *shown, others)


def _others(lab: Books, name: str) -> str:
    """Where else dead letters have arrived, and what is not over."""
    found = {queue: len(letters(tables_of(lab), queue)) for queue in trace_of(lab).wired("sqs")}
    told = [f"{many:,} in {queue!r}" for queue, many in found.items() if many and queue != name]
    flying = [fate.id for fate in fates(tables_of(lab)) if fate.word == "in_flight"]
    lines = [f"Elsewhere: {', '.join(told)}." if told else ""]
    lines.append(f"Not over yet: {some(flying)}; lab.run() lets them end." if flying else "")
    return "\n".join(filter(None, lines))
