"""``trace.summary()``: key figures, one row per function, queue, mapping, and provisioned version."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from lambdalab.trace.codes import (
    Action,
    AttemptOutcome,
    BatchOutcome,
    Cause,
    InvocationStatus,
    QueueKind,
)
from lambdalab.trace.columns import Numbers, Rows
from lambdalab.trace.reservations import reservations
from lambdalab.trace.retries import asynchronous
from lambdalab.trace.sources import sources
from lambdalab.trace.tables import Tables

#: Columns and types; those that a row's kind has not got are <NA>.
COLUMNS = {
    "name": "str",
    "kind": "str",
    "invocations": "Int64",
    "succeeded": "Int64",
    "errors": "Int64",
    "throttles": "Int64",
    "cold_starts": "Int64",
    "most_at_once": "Int64",
    "p50_ms": "Float64",
    "p95_ms": "Float64",
    "cost_usd": "Float64",
    "sent": "Int64",
    "deleted": "Int64",
    "dead_lettered": "Int64",
    "lost": "Int64",
    "max_depth": "Int64",
    "oldest_s": "Float64",
    "batches": "Int64",
    "records": "Int64",
    "mean_batch": "Float64",
    "failed": "Int64",
    "filtered": "Int64",
}


def summary(tables: Tables) -> pd.DataFrame:
    """Key figures per function (in order of first use), then per queue, then per mapping.

    For a function: ``invocations`` (runs, which is what is billed), ``succeeded``, ``errors``,
    ``throttles``, ``cold_starts``, ``most_at_once`` (the most runs under way together), the median
    and 95th percentile of the handler's duration, ``cost_usd``. For a queue: ``sent``, ``deleted``
    (dealt with), ``dead_lettered``, ``lost`` (expired or dropped with no delivery; not told of a
    stream, which keeps no record for ever: its mappings' queues tell it), ``max_depth`` and
    ``oldest_s``, the greatest age an event reached in it. The records that a stream's mapping has read
    are a queue too, ``"<mapping> (records)"``. For a mapping: ``batches``, ``records`` (in all of them:
    what was tried again counts again), ``mean_batch``, ``failed`` (batches that failed in whole or
    in part, or never ran), ``filtered`` (records), and ``oldest_s``, how old a record was at most when it
    was handed over: of a stream the greatest iterator age. Where provisioned concurrency was asked
    for, a row of kind ``provisioned concurrency`` for each version (``bill:1``) has what it cost by
    itself, used or not; the runs in it are in the function's row (see :mod:`.reservations`).
    """
    provisioned = (
        {"name": name, "kind": "provisioned concurrency", "cost_usd": nano / 1e9}
        for name, nano in reservations(tables).items()
    )
    found = [*_functions(tables), *provisioned, *_queues(tables), *_mappings(tables)]
    columns = {
        name: pd.array([row.get(name) for row in found], dtype=kind)  # type: ignore[call-overload]
        for name, kind in COLUMNS.items()
    }
    return pd.DataFrame(columns)


_READ = {
    "function": [
        "name",
        "invocations",
        "succeeded",
        "errors",
        "throttles",
        "cold_starts",
        "p95_ms",
    ],
    "queue": ["name", "kind", "sent", "deleted", "dead_lettered", "lost", "max_depth", "oldest_s"],
}


def summary_texts(found: pd.DataFrame) -> list[str]:
    """The figures of a summary that people read first: its functions, and its queues, as text."""
    functions = found[found["kind"] == "function"][_READ["function"]]
    queues = found[found["sent"].notna()][_READ["queue"]]
    parts = [part.astype(object).where(part.notna(), "") for part in (functions, queues)]
    return [part.to_string(index=False) for part in parts if len(part)]


def percentile(values: npt.ArrayLike, share: float) -> float | None:
    """The value below which ``share`` of them lie (nearest rank); None of nothing."""
    ordered = np.sort(np.asarray(values))
    if not len(ordered):
        return None
    rank = -(-len(ordered) * round(share * 1000) // 1000)  # rounded up
    return float(ordered[max(rank, 1) - 1])


def most_at_once(started: Numbers, ended: Numbers) -> int:
    """The greatest number of intervals that overlap; ``ended`` -1 never ends.

    One that ends when another begins does not overlap it.
    """
    over = ended[ended >= 0]
    at = np.concatenate([over, started])
    change = np.concatenate([np.full(len(over), -1), np.ones(len(started), dtype=int)])
    order = np.lexsort((change, at))
    return int(np.cumsum(change[order]).max(initial=0))


def throttled(tables: Tables) -> tuple[Numbers, Numbers]:
    """Every refusal for want of capacity: its time, and the name number of its function."""
    calls, events = tables.rows("invocations"), tables.rows("queue_events")
    refused = calls[calls["status"] == InvocationStatus.THROTTLED]
    backed_off = events[events["action"] == Action.THROTTLED]
    backed_off = backed_off[asynchronous(tables, backed_off["queue"])]
    owners = tables.functions_of_requests()[backed_off["event"]]
    return (
        np.concatenate([refused["requested_at"], backed_off["at"]]),
        np.concatenate([refused["function"], owners]),
    )


def _functions(tables: Tables) -> Iterator[dict[str, object]]:
    attempts = tables.rows("attempts")
    owners = tables.functions_of_requests()[attempts["request"]]
    refused = throttled(tables)[1]
    names = tables.recorder.names
    used = dict.fromkeys(tables.rows("invocations")["function"].tolist())
    for code in used:
        rows = attempts[owners == code]
        over = rows[rows["ended_at"] >= 0]
        worked = int((rows["outcome"] == AttemptOutcome.SUCCESS).sum())
        yield {
            "name": names[code],
            "kind": "function",
            "invocations": len(rows),
            "succeeded": worked,
            "errors": len(over) - worked,
            "throttles": int((refused == code).sum()),
            "cold_starts": int((rows["cold_start"] != 0).sum()),
            "most_at_once": most_at_once(rows["started_at"], rows["ended_at"]),
            "p50_ms": _ms(percentile(over["duration_us"], 0.5)),
            "p95_ms": _ms(percentile(over["duration_us"], 0.95)),
            "cost_usd": int(rows["cost_nano"].sum(dtype=np.int64)) / 1e9,
        }


def _ms(us: float | None) -> float | None:
    return None if us is None else us / 1000


def _queues(tables: Tables) -> Iterator[dict[str, object]]:
    events = tables.rows("queue_events")
    ledgers = {source.queue for source in sources(tables)}
    for code, kind in tables.recorder.queue_kinds.items():
        rows = events[events["queue"] == code]
        keeps = kind == QueueKind.STREAM and code not in ledgers  # its records end in any case
        counts = np.bincount(rows["action"], minlength=len(Action.names)).tolist()
        own = kind == QueueKind.ASYNCHRONOUS
        yield {
            "name": tables.recorder.names[code],
            "kind": QueueKind.names[kind],
            "sent": counts[Action.SENT],
            "deleted": counts[Action.DELETED],
            "dead_lettered": len(delivered(rows)) if own else counts[Action.DEAD_LETTERED],
            "lost": None if keeps else len(lost(rows)),
            "max_depth": int(rows["depth"].max(initial=0)),
            "oldest_s": int(rows["age_us"].max(initial=0)) / 1e6,
        }


def _mappings(tables: Tables) -> Iterator[dict[str, object]]:
    batches = tables.rows("batches")
    for source in sources(tables):
        mine = batches[source.batches]
        records = int(mine["records"].sum(dtype=np.int64))
        well = np.isin(mine["outcome"], (BatchOutcome.SUCCESS, BatchOutcome.IN_FLIGHT))
        taken = source.rows[source.rows["action"] == Action.RECEIVED]
        yield {
            "name": source.name,
            "kind": "mapping",
            "batches": len(mine),
            "records": records,
            "mean_batch": records / len(mine) if len(mine) else None,
            "failed": int((~well).sum()),
            "filtered": int((source.rows["action"] == Action.FILTERED).sum()),
            "oldest_s": int(taken["age_us"].max(initial=0)) / 1e6,
        }


def delivered(rows: Rows) -> Numbers:
    """The events of Lambda's own queue of which a dead letter or a record arrived somewhere."""
    sideways = np.isin(rows["action"], (Action.DEAD_LETTERED, Action.DELIVERED))
    arrived = sideways & (rows["cause"] != Cause.DELIVERY_FAILED)
    return np.unique(rows["event"][arrived])


def lost(rows: Rows) -> Numbers:
    """The events of one queue that were given up, and of which nothing arrived anywhere."""
    ends = np.isin(rows["action"], (Action.EXPIRED, Action.DROPPED))
    gone = rows["event"][ends & (rows["cause"] != Cause.DEDUPLICATED)]
    return np.setdiff1d(gone, delivered(rows))
