"""``retries``: every wait before another try, derived from what queues, batches and callers did.

- lane *service*: Lambda's own queue put an event back (``retry_scheduled``, ``throttled``).
- lane *source*: a message became visible again. The wait counts from the end of the batch that
  failed (or from the end of the visibility timeout, if the function was still busy).
- lane *client*: a caller outside sent the same call again.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lambdalab.trace import schema
from lambdalab.trace.codes import Action, Cause, Lane, QueueKind, RetryEnd
from lambdalab.trace.columns import Columns, Numbers, Rows, causes, frame, ms, plain, words
from lambdalab.trace.tables import Tables

#: Fields of a wait while it is being worked out; all integers, -1: not known (yet).
WAIT = np.dtype(
    [
        (name, np.int64)
        for name in ("at", "lane", "queue", "event", "request", "attempt", "planned", "until",
                     "cause", "ended_as")
    ]
)  # fmt: skip

_ENDS = {
    Action.RETRY_SCHEDULED: RetryEnd.FAILED,
    Action.RETURNED: RetryEnd.FAILED,
    Action.THROTTLED: RetryEnd.THROTTLED,
    Action.DELETED: RetryEnd.SUCCEEDED,
    Action.EXPIRED: RetryEnd.EXPIRED,
    Action.DROPPED: RetryEnd.DROPPED,
    Action.DEAD_LETTERED: RetryEnd.DEAD_LETTERED,
    Action.FILTERED: RetryEnd.DELETED,
}
_AFTER_TRY = {**_ENDS, Action.EXPIRED: RetryEnd.FAILED, Action.DROPPED: RetryEnd.FAILED}
_AFTER_TRY[Action.DEAD_LETTERED] = RetryEnd.FAILED


def _lookup(ends: dict[int, int]) -> Numbers:
    table = np.full(len(Action.names) + 1, RetryEnd.IN_FLIGHT, dtype=np.int64)
    table[list(ends)] = list(ends.values())
    return table  # the last place, reached by -1, is "nothing yet"


_INSTEAD, _AFTERWARDS = _lookup(_ENDS | {Action.DELETED: RetryEnd.DELETED}), _lookup(_AFTER_TRY)


def histories(tables: Tables) -> Rows:
    """Queue events sorted by queue, event and time; deliveries of Lambda's own queues, and of those of
    streams' mappings, left out."""

    def build() -> Rows:
        rows = tables.rows("queue_events")
        sideways = (rows["action"] == Action.DEAD_LETTERED) & asynchronous(tables, rows["queue"])
        sideways |= rows["action"] == Action.DELIVERED
        kept: Rows = rows[~sideways]
        return kept[np.lexsort((kept["event"], kept["queue"]))]  # stable: in order of recording

    return tables.keep("histories", build)


def asynchronous(tables: Tables, queues: Numbers) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of these queues (name numbers) are Lambda's own."""
    own = np.zeros(len(tables.recorder.names), dtype=bool)
    kinds = tables.recorder.queue_kinds
    own[[code for code, kind in kinds.items() if kind == QueueKind.ASYNCHRONOUS]] = True
    return own[queues]


def waits(tables: Tables) -> Rows:
    """Every wait as integers (:data:`WAIT`), in order of time."""
    found = np.concatenate([_service(tables), _source(tables), _client(tables)])
    return found[np.lexsort((found["event"], found["lane"], found["at"]))]


def retries(tables: Tables) -> pd.DataFrame:
    """One row per wait before another try."""
    rows = tables.keep("waits", lambda: waits(tables))
    over = rows["until"] >= 0
    own = rows["lane"] == Lane.SERVICE
    events = tables.ids_of("message", np.where(rows["lane"] == Lane.SOURCE, rows["event"], 0))
    of_requests = tables.ids_of("request", np.where(own, rows["event"], 0))
    columns: Columns = {
        "at": tables.times(rows["at"]),
        "request_id": tables.ids_of("request", rows["request"]),
        "queue": tables.name_column(rows["queue"]),
        "event_id": of_requests + events,  # type: ignore[operator]
        "attempt": plain(rows["attempt"]),
        "lane": words(rows["lane"], Lane),
        "planned_ms": ms(rows["planned"], rows["planned"] >= 0),
        "waited_ms": ms(rows["until"] - rows["at"], over),
        "cause": causes(rows["cause"], schema.CAUSES["retries"]),
        "ended_as": words(rows["ended_as"], RetryEnd),
    }
    return frame(columns)


def _following(rows: Rows, by: int) -> Numbers:
    """The action of the ``by``-th next row of the same event; -1 where there is none."""
    out = np.full(len(rows), -1, dtype=np.int64)
    if by < len(rows):
        same = (rows["event"][by:] == rows["event"][:-by]) & (
            rows["queue"][by:] == rows["queue"][:-by]
        )
        out[:-by] = np.where(same, rows["action"][by:], -1)
    return out


def _tries_so_far(rows: Rows) -> Numbers:
    """How often each row's event has been received, that row included."""
    if not len(rows):
        return np.zeros(0, dtype=np.int64)
    received = np.cumsum(rows["action"] == Action.RECEIVED)
    first = np.ones(len(rows), dtype=bool)
    first[1:] = (rows["event"][1:] != rows["event"][:-1]) | (
        rows["queue"][1:] != rows["queue"][:-1]
    )
    before = np.where(first, received - (rows["action"] == Action.RECEIVED), 0)
    return np.asarray(received - np.maximum.accumulate(before), dtype=np.int64)


def _outcomes(rows: Rows) -> Numbers:
    """How the wait that begins with each row ended: by what comes next, or after the next try."""
    after, then = _following(rows, 1), _following(rows, 2)
    return np.where(after == Action.RECEIVED, _AFTERWARDS[then], _INSTEAD[after])


def _until(rows: Rows, after: Numbers) -> Numbers:
    upcoming = np.append(rows["at"][1:], -1) if len(rows) else rows["at"]
    return np.where(after >= 0, upcoming, -1)


def _service(tables: Tables) -> Rows:
    rows = histories(tables)
    chosen = np.isin(rows["action"], (Action.RETRY_SCHEDULED, Action.THROTTLED))
    chosen &= asynchronous(tables, rows["queue"])
    out = np.zeros(int(chosen.sum()), dtype=WAIT)
    for name in ("at", "queue", "event", "cause"):
        out[name] = rows[name][chosen]
    out["lane"], out["request"] = Lane.SERVICE, out["event"]
    out["attempt"] = _tries_so_far(rows)[chosen] + 1
    out["planned"] = rows["delay_us"][chosen]
    out["until"] = _until(rows, _following(rows, 1))[chosen]
    out["ended_as"] = _outcomes(rows)[chosen]
    return out


def _source(tables: Tables) -> Rows:
    rows, batches = histories(tables), tables.rows("batches")
    chosen = (rows["action"] == Action.RETURNED) & (rows["cause"] != Cause.DELAY)
    chosen &= ~asynchronous(tables, rows["queue"])
    ended = np.append(-1, batches["completed_at"])[rows["batch"]]
    at = rows["at"]
    begun = np.where((ended >= 0) & (ended < at), ended, at)
    visible = np.where(rows["visible_at"] >= 0, rows["visible_at"], at)
    called = np.append(0, batches["request"])[rows["batch"]]
    out = np.zeros(int(chosen.sum()), dtype=WAIT)
    for name in ("queue", "event", "cause"):
        out[name] = rows[name][chosen]
    out["lane"], out["at"] = Lane.SOURCE, begun[chosen]
    out["request"] = np.where(rows["request"] > 0, rows["request"], called)[chosen]
    out["attempt"] = _tries_so_far(rows)[chosen] + 1
    out["planned"] = (visible - begun)[chosen]
    out["until"] = _until(rows, _following(rows, 1))[chosen]
    out["ended_as"] = _outcomes(rows)[chosen]
    return out


def _client(tables: Tables) -> Rows:
    rows = tables.rows("requests")
    rows = rows[np.lexsort((rows["try_number"], rows["call"]))]
    again = np.flatnonzero((rows["try_number"][1:] > 1) & (rows["call"][1:] == rows["call"][:-1]))
    before, now = rows[again], rows[again + 1]
    status, answer = before["status_code"], now["status_code"]
    out = np.zeros(len(again), dtype=WAIT)
    out["at"] = np.where(before["answered_at"] >= 0, before["answered_at"], before["sent_at"])
    out["lane"], out["request"], out["attempt"] = Lane.CLIENT, now["request"], now["try_number"]
    out["until"] = now["sent_at"]
    out["planned"] = out["until"] - out["at"]
    out["cause"] = np.select(
        [status == 429, status == 0], [Cause.THROTTLED, Cause.CLIENT_TIMEOUT], Cause.SERVER_ERROR
    )
    failed = _function_failed(tables, now["request"])
    failed &= answer != 202  # that is all it waited for
    worked = (answer >= 200) & (answer < 400) & ~failed
    out["ended_as"] = np.select(
        [now["answered_at"] < 0, answer == 429, worked],
        [RetryEnd.IN_FLIGHT, RetryEnd.THROTTLED, RetryEnd.SUCCEEDED],
        RetryEnd.FAILED,
    )
    return out


def _function_failed(
    tables: Tables, requests: Numbers
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    failed: np.ndarray[tuple[int], np.dtype[np.bool_]]
    failed = np.append(0, tables.rows("invocations")["function_error"]) != 0
    return failed[requests]
