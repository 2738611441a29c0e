"""``audit()``: proof that the books balance, or a list of every difference.

This module looks at invocations, attempts, environments and callers; :mod:`.audit_queues` at queues
and batches. Everything is counted in whole numbers, in bulk: a million invocations take seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np

from lambdalab.errors import AuditError
from lambdalab.trace import schema
from lambdalab.trace.answers import answer_causes
from lambdalab.trace.audit_queues import QUEUE_CHECKS
from lambdalab.trace.codes import (
    AttemptOutcome,
    ClosedList,
    FaultKind,
    FunctionError,
    InvocationStatus,
    InvocationType,
    ParentKind,
    ScalingKind,
)
from lambdalab.trace.columns import Rows
from lambdalab.trace.differences import Difference, previous, wrong
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.tables import Tables, spans

_UNRUN = (InvocationStatus.THROTTLED, InvocationStatus.REFUSED, InvocationStatus.DRY_RUN)
_SHOWN = 50


def audit(recorder: Recorder) -> None:
    """Check every account of the books against the others.

    Raises :class:`~lambdalab.errors.AuditError` that lists what differs, each with the number of
    rows and the first few of them; its ``differences`` attribute has them as a list.
    """
    found = differences(recorder)
    if found:
        shown = [f"  {n}. {text}" for n, text in enumerate(found[:_SHOWN], start=1)]
        more = [f"  ... and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        title = f"the books do not balance, {len(found)} difference{'s' * (len(found) > 1)}:"
        error = AuditError("\n".join([title, *shown, *more]))
        error.differences = found  # type: ignore[attr-defined]
        raise error


def differences(recorder: Recorder) -> list[str]:
    """Everything that does not balance; empty when all is well.

    Ids that point nowhere are reported alone: the other checks need them.
    """
    tables = Tables(recorder)
    dangling = list(_references(tables))
    if dangling:
        return dangling
    return list(chain.from_iterable(check(tables) for check in (*CHECKS, *QUEUE_CHECKS)))


# ---- words and references -----------------------------------------------------------------------

#: (table, column, table it points into, whether 0 for "none" is allowed)
_POINTERS = (
    ("attempts", "request", "invocations", False),
    ("attempts", "environment", "environments", False),
    ("waits", "request", "invocations", False),
    ("batches", "request", "invocations", True),
    ("batches", "parent_batch", "batches", True),
    ("batch_records", "batch", "batches", False),
    ("queue_events", "request", "invocations", True),
    ("queue_events", "batch", "batches", True),
    ("requests", "request", "invocations", True),
    ("logs", "request", "invocations", True),
    ("logs", "environment", "environments", True),
    ("faults", "request", "invocations", True),
)
_WORDS: tuple[tuple[str, str, type[ClosedList]], ...] = (
    ("invocations", "invocation_type", InvocationType),
    ("invocations", "status", InvocationStatus),
    ("invocations", "function_error", FunctionError),
    ("invocations", "parent_kind", ParentKind),
    ("attempts", "init_type", schema.InitType),
    ("attempts", "outcome", AttemptOutcome),
    ("environments", "kind", schema.EnvironmentKind),
    ("environments", "because", schema.EnvironmentEnd),
    ("queue_events", "action", schema.Action),
    ("batches", "cause", schema.BatchCause),
    ("batches", "outcome", schema.BatchOutcome),
    ("scaling", "kind", ScalingKind),
    ("faults", "kind", FaultKind),
)


def _references(tables: Tables) -> Iterator[Difference]:
    """Ids point at rows that are there, names are known, words are in their lists."""
    for table, column, into, optional in _POINTERS:
        values, count = tables.rows(table)[column], len(tables.rows(into))
        bad = (values > count) | (values < (0 if optional else 1))
        yield from wrong(f"{table}.{column} points at no row of {into}", bad)
    beyond = tables.rows("queued_at")["row"] >= len(tables.rows("attempts"))
    yield from wrong("queued_at.row points at no row of attempts", beyond)
    for name, layout in schema.PACKED.items():
        for field in layout.name_fields:
            bad = tables.rows(name)[field] >= len(tables.recorder.names)
            yield from wrong(f"{name}.{field} is no name", bad)
    for table, column, closed in _WORDS:
        values = tables.rows(table)[column]
        yield from wrong(
            f"{table}.{column} is not in its list", (values < 0) | (values >= len(closed.names))
        )
    for table in ("invocations", "attempts", "queue_events", "scaling"):
        known = ~np.isin(tables.rows(table)["cause"], schema.CAUSES[table])
        yield from wrong(f"{table}.cause is not in its list", known)


# ---- time ---------------------------------------------------------------------------------------

#: (table, column): recorded in order of time.
_ORDERED = (
    ("invocations", "requested_at"),
    ("attempts", "started_at"),
    ("environments", "started_at"),
    ("queue_events", "at"),
    ("batches", "flushed_at"),
    ("requests", "sent_at"),
    ("scaling", "at"),
    ("faults", "at"),
)
#: (table, earlier, later): -1 means not yet.
_BEFORE = (
    ("invocations", "requested_at", "completed_at"),
    ("attempts", "started_at", "ended_at"),
    ("environments", "started_at", "ready_at"),
    ("environments", "ready_at", "ended_at"),
    ("batches", "window_opened_at", "flushed_at"),
    ("batches", "opened_at", "flushed_at"),
    ("batches", "flushed_at", "completed_at"),
    ("requests", "sent_at", "answered_at"),
)


def _time(tables: Tables) -> Iterator[Difference]:
    """Time never goes back, neither down a table nor along a row."""
    for table, column in _ORDERED:
        at = tables.rows(table)[column]
        back = np.append(False, at[1:] < at[:-1]) if len(at) else np.zeros(0, dtype=bool)
        yield from wrong(f"{table}.{column} goes back in time", back)
    for table, earlier, later in _BEFORE:
        rows = tables.rows(table)
        back = (rows[later] >= 0) & (rows[later] < rows[earlier])
        yield from wrong(f"{table}.{later} is before {earlier}", back, table)
    attempts, calls = tables.rows("attempts"), tables.rows("invocations")
    queued, owners = tables.queued_at(), attempts["request"] - 1
    yield from wrong("an attempt was queued after it began", queued > attempts["started_at"])
    early = attempts["started_at"] < calls["requested_at"][owners]
    yield from wrong("an attempt began before its request was sent", early, "attempts")
    over = calls["completed_at"][owners]
    late = (over >= 0) & ((attempts["ended_at"] < 0) | (attempts["ended_at"] > over))
    yield from wrong("an attempt went on after its invocation was over", late, "attempts")


# ---- invocations and attempts -------------------------------------------------------------------


def _invocations(tables: Tables) -> Iterator[Difference]:
    """Each invocation stands where its rows say; its spans add up to its latency exactly."""
    rows = tables.rows("invocations")
    over, status = rows["completed_at"] >= 0, rows["status"]
    yield from wrong(
        "an invocation is over and in flight at once",
        over == (status == InvocationStatus.IN_FLIGHT),
        "invocations",
    )
    total = sum(spans(tables).values(), start=np.zeros(len(rows), dtype=np.int64))
    yield from wrong(
        "the spans of an invocation do not add up to its latency",
        over & (total != rows["completed_at"] - rows["requested_at"]),
        "invocations",
    )
    tries = np.bincount(tables.rows("attempts")["request"] - 1, minlength=len(rows))
    yield from wrong(
        "invocations.attempts is not the number of attempts",
        over & (tries != rows["attempts"]),
        "invocations",
    )
    yield from wrong(
        "an invocation was refused and ran", np.isin(status, _UNRUN) & (tries > 0), "invocations"
    )
    waited = np.bincount(tables.rows("waits")["request"] - 1, minlength=len(rows))
    yield from wrong("waits were noted more than once", waited > 1, "invocations")
    yield from _last_outcomes(tables, rows)
    yield from _parents(tables, rows)


def _last_outcomes(tables: Tables, rows: Rows) -> Iterator[Difference]:
    attempts = tables.rows("attempts")
    last = np.full(len(rows), -1, dtype=np.int64)
    last[attempts["request"] - 1] = attempts["outcome"]  # the last assignment wins
    status, worked = rows["status"], last == AttemptOutcome.SUCCESS
    succeeded = status == InvocationStatus.SUCCEEDED
    yield from wrong("an invocation succeeded without one", succeeded & ~worked, "invocations")
    failed = (status == InvocationStatus.FAILED) & (worked | (last <= AttemptOutcome.RUNNING))
    yield from wrong("an invocation failed without a failed last attempt", failed, "invocations")
    claims = rows["function_error"] != FunctionError.NONE
    yield from wrong(
        "function_error does not agree with the last attempt",
        (rows["completed_at"] >= 0) & (claims != ((last >= 0) & ~worked)),
        "invocations",
    )


def _parents(tables: Tables, rows: Rows) -> Iterator[Difference]:
    own = np.arange(1, len(rows) + 1)
    kind, parent = rows["parent_kind"], rows["parent"]
    nested = (kind == ParentKind.REQUEST) & ((parent < 1) | (parent >= own))
    yield from wrong("a nested invocation comes before its parent", nested, "invocations")
    mappings = np.unique(tables.rows("batches")["mapping"])
    mapped = np.isin(rows["source"], mappings)
    from_batch = kind == ParentKind.BATCH
    yield from wrong(
        "an invocation of a mapping has no batch as parent", mapped & ~from_batch, "invocations"
    )
    yield from wrong(
        "an invocation has a batch and no mapping", from_batch & ~mapped, "invocations"
    )


def _attempts(tables: Tables) -> Iterator[Difference]:
    """Attempts count from 1, do not overlap within a request, and their spans add up."""
    rows = tables.rows("attempts")
    over = rows["ended_at"] >= 0
    yield from wrong(
        "an attempt is over and running at once",
        over == (rows["outcome"] == AttemptOutcome.RUNNING),
        "attempts",
    )
    spent = rows["setup_us"].astype(np.int64) + rows["init_us"] + rows["duration_us"]
    yield from wrong(
        "the spans of an attempt do not add up",
        over & (spent != rows["ended_at"] - rows["started_at"]),
        "attempts",
    )
    order = np.argsort(rows["request"], kind="stable")
    rows = rows[order]
    first, before = previous(rows["request"]), np.roll(rows, 1)
    number = np.where(first, 0, before["attempt"]) + 1
    yield from wrong("attempts do not count from 1", rows["attempt"] != number, "attempts", order)
    early = (before["ended_at"] < 0) | (before["ended_at"] > rows["started_at"])
    yield from wrong("attempts of a request overlap", ~first & early, "attempts", order)


def _bills(tables: Tables) -> Iterator[Difference]:
    """What is billed is the handler's time, or that and the initialisation's, in whole ms, 1 at least."""
    rows = tables.rows("attempts")
    usual = (rows["ended_at"] >= 0) & ~np.isin(
        rows["outcome"], (AttemptOutcome.INIT_ERROR, AttemptOutcome.KILLED)
    )
    run, init = rows["duration_us"].astype(np.int64), rows["init_us"]
    bare, whole = (np.maximum(-(-us // 1000), 1) for us in (run, run + init))
    billed = rows["billed_ms"]
    capped = (rows["outcome"] == AttemptOutcome.TIMEOUT) & (billed < whole)  # as before 2025
    bad = usual & (billed != bare) & (billed != whole) & ~capped
    yield from wrong("an attempt is billed for another time than it took", bad, "attempts")
    order = np.lexsort((billed, rows["environment"]))  # an environment keeps its price
    billed, cost = billed[order], rows["cost_nano"][order]
    same = ~previous(rows["environment"][order])
    less = same & (np.roll(cost, 1) > cost)
    more = same & (np.roll(billed, 1) == billed) & (np.roll(cost, 1) != cost)
    yield from wrong("the same billed time costs differently", less | more, "attempts", order)


# ---- environments, callers, capacity ------------------------------------------------------------


def _environments(tables: Tables) -> Iterator[Difference]:
    """An environment runs one attempt at a time, of its own function, within its own life."""
    attempts, homes = tables.rows("attempts"), tables.rows("environments")
    order = np.argsort(attempts["environment"], kind="stable")
    rows = attempts[order]
    first, before, home = previous(rows["environment"]), np.roll(rows, 1), rows["environment"] - 1
    busy = (before["ended_at"] < 0) | (before["ended_at"] > rows["started_at"])
    yield from wrong("an environment runs two at a time", ~first & busy, "attempts", order)
    own = tables.functions_of_requests()[rows["request"]] == homes["function"][home]
    yield from wrong("an attempt ran in another function's environment", ~own, "attempts", order)
    cold = rows["cold_start"] != 0
    yield from wrong("a used environment started cold", ~first & cold, "attempts", order)
    ended = homes["ended_at"][home]
    cut_short = homes["because"][home] == schema.EnvironmentEnd.LAB_CLOSED
    outside = (rows["started_at"] < homes["started_at"][home]) | (
        (ended >= 0) & (((rows["ended_at"] < 0) & ~cut_short) | (rows["ended_at"] > ended))
    )
    yield from wrong("an attempt ran outside its environment's life", outside, "attempts", order)
    alive = homes["because"] == schema.EnvironmentEnd.ALIVE
    yield from wrong(
        "an environment ended without a reason", alive != (homes["ended_at"] < 0), "environments"
    )


def _callers(tables: Tables) -> Iterator[Difference]:
    """The tries of one call count from 1, and each answer belongs to one invocation."""
    rows = tables.rows("requests")
    order = np.lexsort((rows["try_number"], rows["call"]))
    rows = rows[order]
    first, before = previous(rows["call"]), np.roll(rows, 1)
    number = np.where(first, 0, before["try_number"]) + 1
    yield from wrong("the tries of a call do not count from 1", rows["try_number"] != number)
    led = np.bincount(rows["request"], minlength=1)[1:]
    yield from wrong("two requests led to one invocation", led > 1, "invocations")
    known = ~np.isin(answer_causes(tables), schema.CAUSES["requests"])
    yield from wrong("requests.cause is not in its list", known)
    rows, late = tables.rows("requests"), tables.rows("fronts")
    whole = (late["row"] >= 0) & (late["row"] < len(rows))
    yield from wrong("fronts.row points at no row of requests", ~whole)
    late = late[whole]
    left = rows["answered_at"][late["row"]]
    early = (left < 0) | (late["answered_at"] < left)
    yield from wrong("a front answered late a caller who was still there", early)
    again = np.bincount(late["row"], minlength=1) > 1
    yield from wrong("a front answered one request twice", again)


def _scaling(tables: Tables) -> Iterator[Difference]:
    """Each change of a capacity begins where the last one ended (a throttle changes none)."""
    rows = tables.rows("scaling")
    rows = rows[rows["kind"] != schema.ScalingKind.THROTTLE]
    order = np.lexsort((rows["kind"], rows["subject"]))
    rows = rows[order]
    first = previous(rows["subject"]) | previous(rows["kind"])
    broken = ~first & (np.roll(rows["after"], 1) != rows["before"])
    yield from wrong("a change of capacity does not begin where the last ended", broken)


def _faults(tables: Tables) -> Iterator[Difference]:
    """What ``lab.faults`` did to a run or a delivery is to be seen there, and then."""
    rows, attempts = tables.rows("faults"), tables.rows("attempts")
    events, scaling = tables.rows("queue_events"), tables.rows("scaling")
    injected = scaling[scaling["cause"] == schema.Cause.INJECTED]
    again = events[events["cause"] == schema.Cause.DUPLICATE]
    for kind, own, done in (
        (FaultKind.FAIL, "request", attempts[attempts["outcome"] == AttemptOutcome.ERROR]),
        (FaultKind.KILL, "request", attempts[attempts["outcome"] == AttemptOutcome.KILLED]),
        (FaultKind.THROTTLE, "subject", injected),
        (FaultKind.DUPLICATE, "at", again),
    ):
        struck = rows["kind"] == kind
        at = done["ended_at"] if "ended_at" in done.dtype.names else done["at"]
        known = {(int(a), int(b)) for a, b in zip(at, done[own], strict=True)}
        lone = [(int(row["at"]), int(row[own])) not in known for row in rows[struck]]
        name = FaultKind.names[kind]
        yield from wrong(f"a fault, {name}, has left no trace", np.array(lone, dtype=bool))


CHECKS: tuple[Callable[[Tables], Iterator[Difference]], ...] = (
    _time,
    _invocations,
    _attempts,
    _bills,
    _environments,
    _callers,
    _scaling,
    _faults,
)
