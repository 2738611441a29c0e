"""``trace.metrics()``: what CloudWatch would show of the same run.

Names, units and times follow dg/monitoring-metrics-types: a metric of an invocation bears the time
at which it was invoked, not when it failed; refused ones count in ``Throttles`` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from lambdalab.errors import InvalidSetting
from lambdalab.trace import metrics_capacity, metrics_mappings, metrics_urls
from lambdalab.trace.codes import Action, AttemptOutcome, Cause, QueueKind
from lambdalab.trace.columns import Columns, Numbers, frame, plain, text
from lambdalab.trace.retries import asynchronous
from lambdalab.trace.summary import percentile, throttled
from lambdalab.trace.tables import Tables

LAMBDA, SQS = "AWS/Lambda", "AWS/SQS"
OF_VERSIONS = ("Invocations", "Errors", "Duration")
"""The metrics that a version or an alias has of its own."""
COLUMNS = ("at", "namespace", "metric", "name", "unit", "samples", "sum", "average", "minimum",
           "maximum", "p50", "p95", "p99")  # fmt: skip


class Samples(NamedTuple):
    """Samples of one metric: when, of which function or queue (name numbers), how much."""

    namespace: str
    metric: str
    unit: str
    at: Numbers
    names: Numbers
    values: npt.NDArray[np.float64]


def metrics(tables: Tables, period: float = 60) -> pd.DataFrame:
    """One row per metric, function, queue or mapping (``name``) and period that has samples.

    ``period`` is in seconds; ``at`` is where the period begins. Columns ``samples``, ``sum``,
    ``average``, ``minimum``, ``maximum``, ``p50``, ``p95``, ``p99`` are CloudWatch's statistics;
    read the one that the metric is made for (``Invocations``: sum; ``ConcurrentExecutions``:
    maximum). The account's ``ConcurrentExecutions`` has the name "", and the metrics of an event source
    mapping that of the mapping (see :mod:`.metrics_mappings`).
    """
    if isinstance(period, bool) or not 0 < period < 1e9:
        raise InvalidSetting("period", period, "a number of seconds above 0")
    length = max(round(period * 1_000_000), 1)
    rows: list[tuple[object, ...]] = []
    for each in _merged(_all(tables, length)):
        rows.extend(_statistics(each, length, tables.recorder.names))
    rows.sort(key=lambda row: (row[1:4], row[0]))
    return _frame(tables, rows)


def samples(
    tables: Tables, namespace: str, metric: str, qualifier: str | None = None
) -> pd.DataFrame:
    """One row per sample of one metric, in order of time: ``at``, ``name``, ``unit``, ``value``.

    With a ``qualifier`` of those invocations alone that named this version or alias: of them there are the
    metrics of :data:`OF_VERSIONS`.

    What the statistics of :func:`metrics` are made of, for periods and percentiles that it has not;
    levels (``ConcurrentExecutions``) have a sample at each change and at the beginning of each minute.
    """
    wanted = namespace, metric
    every = _all(tables, 60_000_000) if qualifier is None else _of_version(tables, qualifier)
    found = list(_merged(each for each in every if each[:2] == wanted))
    unit = found[0].unit if found else ""
    at, names, values = found[0][3:] if found else (np.empty(0, int), np.empty(0, int), np.empty(0))
    order = np.argsort(at, kind="stable")
    columns: Columns = {
        "at": tables.times(at[order]),
        "name": tables.name_column(names[order]),
        "unit": text([unit] * len(at)),
        "value": values[order],
    }
    return frame(columns)


def _all(tables: Tables, length: int) -> Iterator[Samples]:
    yield from chain(
        _lambda(tables), _concurrency(tables, length), _sqs(tables), _sources(tables, length)
    )


def _merged(found: Iterable[Samples]) -> Iterator[Samples]:
    """One for each metric: several mappings may tell of one function, which has one series."""
    of_metric: dict[tuple[str, str, str], list[Samples]] = {}
    for samples in found:
        of_metric.setdefault(samples[:3], []).append(samples)
    for metric, parts in of_metric.items():
        yield Samples(
            *metric, *map(np.concatenate, zip(*(part[3:] for part in parts), strict=True))
        )


def _frame(tables: Tables, rows: list[tuple[object, ...]]) -> pd.DataFrame:
    by_name = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True)) if rows else {}
    columns: Columns = {"at": tables.times(plain(by_name.get("at", ())))}
    for name in COLUMNS[1:5]:
        columns[name] = text([str(value) for value in by_name.get(name, ())])
    columns["samples"] = plain(by_name.get("samples", ()))
    for name in COLUMNS[6:]:
        columns[name] = np.array(by_name.get(name, ()), dtype=np.float64)
    return frame(columns)


def _statistics(samples: Samples, length: int, names: list[str]) -> Iterator[tuple[object, ...]]:
    """The statistics of each period and name."""
    begins = samples.at // length * length
    order = np.lexsort((begins, samples.names))
    begins, owners, values = begins[order], samples.names[order], samples.values[order]
    if not len(begins):
        return
    edges = np.flatnonzero((np.diff(begins) != 0) | (np.diff(owners) != 0)) + 1
    for first, last in zip([0, *edges.tolist()], [*edges.tolist(), len(begins)], strict=True):
        group = values[first:last]
        total = float(group.sum())
        yield (
            int(begins[first]), samples.namespace, samples.metric, names[owners[first]],
            samples.unit, last - first, total, total / (last - first), float(group.min()),
            float(group.max()), percentile(group, 0.5), percentile(group, 0.95),
            percentile(group, 0.99),
        )  # fmt: skip


def _counted(
    metric: str, at: Numbers, names: Numbers, values: npt.ArrayLike | None = None
) -> Samples:
    each = np.ones(len(at)) if values is None else np.asarray(values, dtype=np.float64)
    return Samples(LAMBDA, metric, "Count", at.astype(np.int64), names.astype(np.int64), each)


def _lambda(tables: Tables) -> Iterator[Samples]:
    attempts = tables.rows("attempts")
    yield from _runs(attempts, tables.functions_of_requests()[attempts["request"]])
    yield _counted("Throttles", *throttled(tables))
    calls = tables.rows("invocations")
    looped = calls[calls["cause"] == Cause.RECURSIVE_LOOP]
    yield _counted("RecursiveInvocationsDropped", looped["requested_at"], looped["function"])
    yield from _asynchronous(tables)


def _of_version(tables: Tables, qualifier: str) -> Iterator[Samples]:
    """Of the invocations that named one version or alias, of whichever function."""
    calls, attempts = tables.rows("invocations"), tables.rows("attempts")
    names = tables.recorder.names
    code = names.index(qualifier) if qualifier in names else -1
    mine = attempts[calls["qualifier"][attempts["request"] - 1] == code]
    yield from _runs(mine, tables.functions_of_requests()[mine["request"]])


def _runs(attempts: npt.NDArray[np.void], owners: Numbers) -> Iterator[Samples]:
    """What some attempts come to: :data:`OF_VERSIONS`."""
    started, over = attempts["started_at"], attempts["ended_at"] >= 0
    failed = (attempts["outcome"] != AttemptOutcome.SUCCESS) & over
    yield _counted("Invocations", started, owners)
    yield _counted("Errors", started[over], owners[over], failed[over])
    yield _counted(
        "Duration", started[over], owners[over], attempts["duration_us"][over] / 1000
    )._replace(unit="Milliseconds")


def _asynchronous(tables: Tables) -> Iterator[Samples]:
    rows = tables.rows("queue_events")
    rows = rows[asynchronous(tables, rows["queue"])]
    owners, action = tables.functions_of_requests()[rows["event"]], rows["action"]
    undelivered = rows["cause"] == Cause.DELIVERY_FAILED
    tried = np.isin(action, (Action.RECEIVED, Action.THROTTLED))
    tried |= (action == Action.RETRY_SCHEDULED) & (rows["cause"] == Cause.SERVICE_ERROR)
    ages = rows["age_us"][tried] / 1000
    for metric, chosen in (
        ("AsyncEventsReceived", action == Action.SENT),
        ("AsyncEventsDropped", np.isin(action, (Action.DROPPED, Action.EXPIRED))),
        ("DeadLetterErrors", (action == Action.DEAD_LETTERED) & undelivered),
        ("DestinationDeliveryFailures", (action == Action.DELIVERED) & undelivered),
    ):
        yield _counted(metric, rows["at"][chosen], owners[chosen])
    age = _counted("AsyncEventAge", rows["at"][tried], owners[tried], ages)
    yield age._replace(unit="Milliseconds")


def _concurrency(tables: Tables, length: int) -> Iterator[Samples]:
    """Levels at each change and at each beginning of a period, per function and in all."""
    for metric, at, names, change in metrics_capacity.levels(tables):
        for code in np.unique(names).tolist():
            mine = names == code
            times, levels = _levels(at[mine], change[mine], length)
            yield _counted(metric, times, np.full(len(times), code), levels)
    for metric, at, names in metrics_capacity.counts(tables):
        yield _counted(metric, at, names)
    for at, names, share in metrics_capacity.utilization(tables):
        yield _counted("ProvisionedConcurrencyUtilization", at, names, share)


def _levels(at: Numbers, change: Numbers, length: int) -> tuple[Numbers, Numbers]:
    order = np.lexsort((change, at))
    at, levels = at[order], np.cumsum(change[order])
    if not len(at):
        return at, levels
    last = np.append(at[1:] != at[:-1], True)  # the level that holds after each moment
    edges = np.arange(at[0] // length + 1, at[-1] // length + 1) * length
    before = levels[np.searchsorted(at, edges, side="right") - 1]
    running = before > 0
    return (
        np.concatenate([at[last], edges[running]]),
        np.concatenate([levels[last], before[running]]),
    )


def _sqs(tables: Tables) -> Iterator[Samples]:
    rows = tables.rows("queue_events")
    kinds = tables.recorder.queue_kinds
    queues = [code for code, kind in kinds.items() if kind == QueueKind.SQS]
    rows = rows[np.isin(rows["queue"], queues)]
    action, cause = rows["action"], rows["cause"]
    # nobody sent copies, nor what SQS itself moved to a dead-letter queue
    by_itself = (cause == Cause.DEAD_LETTER) & (rows["request"] == 0)
    sent = (action == Action.SENT) & (cause != Cause.DUPLICATE) & ~by_itself
    deleted = np.isin(action, (Action.DELETED, Action.FILTERED)) & (cause != Cause.PURGED)
    for metric, those in (
        ("NumberOfMessagesSent", sent),
        ("NumberOfMessagesReceived", action == Action.RECEIVED),
        ("NumberOfMessagesDeleted", deleted),
    ):
        chosen = rows[those]
        yield _counted(metric, chosen["at"], chosen["queue"])._replace(namespace=SQS)


def _sources(tables: Tables, length: int) -> Iterator[Samples]:
    """Mappings, streams, function URLs, and what lies in queues."""
    for metric, unit, at, owners, values in metrics_urls.urls(tables):
        yield Samples(LAMBDA, metric, unit, at.astype(np.int64), owners, values)
    for sample in (*metrics_mappings.mappings(tables), *metrics_mappings.ages(tables)):
        yield Samples(LAMBDA, *sample)
    for at, owners in metrics_mappings.undelivered(tables):
        yield _counted("DestinationDeliveryFailures", at, owners)
    for sample in metrics_mappings.queues(tables, length):
        yield Samples(SQS, *sample)
