"""CloudWatch's metrics of event source mappings, of streams' ages, and of what lies in SQS queues.

Those of a mapping are counts of events (``EventCount`` of its ``MetricsConfig``; here they are always
told). CloudWatch knows a mapping by its id (dimension ``EventSourceMappingUUID``), the rows of
``trace.metrics()`` by its name; ``trace.wired("mapping")`` has the one by the other.

Where the guide is silent it is ours: ``FailedInvokeEventCount`` counts refused invokes (throttles) too,
as ``InvokedEventCount`` does.

Sources: dg/monitoring-metrics-types; metrics-and-shapes.md 1 of the reference; for queues the SQS
developer guide, sqs-available-cloudwatch-metrics.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lambdalab.trace.codes import (
    Action,
    Cause,
    InvocationStatus,
    QueueKind,
    ScalingKind,
)
from lambdalab.trace.columns import Numbers, Rows
from lambdalab.trace.sources import Source, invokes, sources
from lambdalab.trace.tables import Tables

_PROCESSED = (Cause.BATCH_SUCCEEDED, Cause.PARTIAL_BATCH_FAILURE)
_GIVEN_UP = (Cause.RETRIES_EXHAUSTED, Cause.RECORD_AGE_EXCEEDED)
_ENDS = (Action.DELETED, Action.FILTERED, Action.EXPIRED, Action.DROPPED, Action.DEAD_LETTERED)


class Sample(NamedTuple):
    """Samples of one metric: its name and unit, when, of what (name numbers), how much."""

    metric: str
    unit: str
    at: Numbers
    names: Numbers
    values: npt.NDArray[np.float64]


def _sample(metric: str, at: Numbers, name: int, values: Any = None, unit: str = "Count") -> Sample:
    each = np.ones(len(at)) if values is None else np.asarray(values, dtype=np.float64)
    return Sample(metric, unit, at.astype(np.int64), np.full(len(at), name), each)


# ---- mappings -----------------------------------------------------------------------------------


def mappings(tables: Tables) -> Iterator[Sample]:
    """The counts of each mapping, and how many pollers it is provisioned with."""
    for source in sources(tables):
        name, rows = source.mapping, source.rows
        polled = source.polled
        yield _sample("PolledEventCount", polled["at"], name)
        filtered = rows[rows["action"] == Action.FILTERED]
        yield _sample("FilteredOutEventCount", filtered["at"], name)
        yield from _invoked(tables, source)
        if source.stream:
            yield from _given_up(source)
        else:
            done = (rows["action"] == Action.DELETED) & np.isin(rows["cause"], _PROCESSED)
            yield _sample("DeletedEventCount", rows["at"][done], name)
    yield from _pollers(tables)


def _invoked(tables: Tables, source: Source) -> Iterator[Sample]:
    """Events that went to the function, each time; and those of which that failed, at its end."""
    calls, of, batches = invokes(tables, source)
    records = batches["records"][of]
    yield _sample("InvokedEventCount", calls["requested_at"], source.mapping, records)
    over = calls["completed_at"] >= 0
    failed = np.where(calls["status"] == InvocationStatus.SUCCEEDED, 0, records)
    last = batches["request"][of] == calls["number"]
    failed = np.where(last & (failed == 0), batches["failed_records"][of], failed)
    bad = over & (failed > 0)
    yield _sample("FailedInvokeEventCount", calls["completed_at"][bad], source.mapping, failed[bad])


def _given_up(source: Source) -> Iterator[Sample]:
    """Records given up: those of which a destination heard, and those of which none did.

    What the stream itself let go (retention) is in neither.
    """
    rows = source.rows
    dropped = rows[(rows["action"] == Action.DROPPED) & np.isin(rows["cause"], _GIVEN_UP)]
    told = rows[(rows["action"] == Action.DELIVERED) & (rows["cause"] != Cause.DELIVERY_FAILED)]
    records = set(_when(told))
    heard = np.array([when in records for when in _when(dropped)], dtype=bool)
    yield _sample("DroppedEventCount", dropped["at"][~heard], source.mapping)
    yield _sample("OnFailureDestinationDeliveredEventCount", dropped["at"][heard], source.mapping)


def _when(rows: Rows) -> list[tuple[int, int]]:
    """Batch and time of each row: what was given up together has them in common with the record of it."""
    return list(zip(rows["batch"].tolist(), rows["at"].tolist(), strict=True))


def undelivered(tables: Tables) -> Iterator[tuple[Numbers, Numbers]]:
    """When a failure record of a stream did not arrive, and of which function's mapping."""
    for source in sources(tables):
        rows = source.rows
        failed = (rows["action"] == Action.DELIVERED) & (rows["cause"] == Cause.DELIVERY_FAILED)
        at = rows["at"][failed & source.stream].astype(np.int64)
        yield at, np.full(len(at), source.function)


def _pollers(tables: Tables) -> Iterator[Sample]:
    """How many pollers there were, for mappings in provisioned mode."""
    rows, names = tables.rows("scaling"), tables.recorder.names
    known = tables.recorder.wiring.get("mapping", {})
    rows = rows[rows["kind"] == ScalingKind.POLLERS]
    for code in np.unique(rows["subject"]).tolist():
        if known.get(names[code], {}).get("provisioned_poller_config"):
            mine = rows[rows["subject"] == code]
            yield _sample("ProvisionedPollers", mine["at"], code, mine["after"])


def ages(tables: Tables) -> Iterator[Sample]:
    """``IteratorAge``: how old the last record of each batch is when the function is invoked with it.

    (An older guide measures it when the function has finished: dg-old/with-kinesis.)
    """
    for source in sources(tables):
        if not source.stream:
            continue
        taken = source.rows[source.rows["action"] == Action.RECEIVED]
        last = np.append(taken["batch"][1:] != taken["batch"][:-1], True)[: len(taken)]
        arrived = np.full(len(tables.rows("batches")) + 1, -1, dtype=np.int64)
        arrived[taken["batch"][last]] = (taken["at"] - taken["age_us"])[last]
        calls, of, _ = invokes(tables, source)
        came = arrived[of + 1]
        age = (calls["requested_at"] - came) / 1000
        there = came >= 0  # the last invocation of a tumbling window may have no record
        at = calls["requested_at"][there]
        yield _sample("IteratorAge", at, source.function, age[there], "Milliseconds")


# ---- SQS queues ---------------------------------------------------------------------------------


def queues(tables: Tables, length: int) -> Iterator[Sample]:
    """What lies in each SQS queue, and how old the oldest message is: at each change, at each period.

    ``length`` is the period in microseconds.
    """
    events = tables.rows("queue_events")
    for code, kind in tables.recorder.queue_kinds.items():
        rows = events[events["queue"] == code]
        if kind != QueueKind.SQS or not len(rows):
            continue
        last = np.append(rows["at"][1:] != rows["at"][:-1], True)
        at = rows["at"][last].astype(np.int64)
        edges = np.arange(at[0] // length + 1, at[-1] // length + 1) * length
        held = np.searchsorted(at, edges, side="right") - 1
        for metric, level in (
            ("NumberOfMessagesVisible", rows["depth"] - rows["in_flight"] - rows["delayed"]),
            ("NumberOfMessagesNotVisible", rows["in_flight"]),
            ("NumberOfMessagesDelayed", rows["delayed"]),
        ):
            values = level[last].astype(np.float64)
            times, values = np.append(at, edges), np.append(values, values[held])
            yield _sample(f"Approximate{metric}", times, code, values)
        yield _oldest(rows, code, edges)


def _oldest(rows: Rows, code: int, edges: Numbers) -> Sample:
    """The age of the oldest message: just before it leaves, and at the end of each period."""
    known, places = np.unique(rows["event"], return_inverse=True)
    sent = np.full(len(known), np.iinfo(np.int64).max)
    came = rows["action"] == Action.SENT
    np.minimum.at(sent, places[came], rows["at"][came])
    gone = np.full(len(known), int(rows["at"].max()), dtype=np.int64)
    over = np.isin(rows["action"], _ENDS)
    gone[places[over]] = rows["at"][over]
    order = np.argsort(sent, kind="stable")
    begins, ends = sent[order], gone[order]
    reach = np.maximum.accumulate(ends)
    leads = ends > np.append(-1, reach[:-1])
    begins, ends = begins[leads], ends[leads]  # one after the other: each the oldest until its end
    which = np.searchsorted(ends, edges, side="right")
    inside = which < len(ends)
    inside[inside] &= begins[which[inside]] <= edges[inside]
    at = np.append(ends, edges[inside] - 1)  # at the end of a period, which it belongs to
    age = np.append(ends - begins, edges[inside] - begins[which[inside]]) / 1e6
    return _sample("ApproximateAgeOfOldestMessage", at, code, age, "Seconds")
