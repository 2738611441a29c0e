"""The figures of a run: what is asked of it first, each with its unit in its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from lambdalab.trace.reservations import reservations
from lambdalab.trace.summary import percentile

if TYPE_CHECKING:
    from lambdalab.trace import Trace

#: What people read for a figure of :func:`figures`, in the order in which it is told, and how many of the
#: label's unit one of the figure's is.
LABELS: dict[str, tuple[str, float]] = {
    "invocations": ("invocations", 1),
    "succeeded": ("succeeded", 1),
    "failed": ("failed", 1),
    "refused": ("refused or throttled", 1),
    "latency_p50_s": ("client waited, median s", 1),
    "latency_p95_s": ("client waited, p95 s", 1),
    "attempts": ("runs", 1),
    "cold_starts": ("cold starts", 1),
    "retries": ("retries waited for", 1),
    "billed_s": ("billed s", 1),
    "cost_usd": ("cost, millionths of a USD", 1e6),
    "batches": ("batches", 1),
    "batch_mean": ("records in a batch, mean", 1),
    "age_p50_s": ("message dealt with after, median s", 1),
    "age_p95_s": ("message dealt with after, p95 s", 1),
    "dead_letters": ("dead letters", 1),
}
_OF_RUNS = ("billed_s", "cost_usd")
_OF_QUEUES = ("age_p50_s", "age_p95_s", "dead_letters")
_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_AGED = ("sqs", "stream", "asynchronous")
"""Whose ages are told: those of the first kind of which something has been dealt with."""


def figures(trace: Trace) -> dict[str, float]:
    """Counts, latencies, ages and cost of one trace, by name; always the same names.

    ``invocations``, and of these ``succeeded``, ``failed`` (expired, dropped too) and ``refused``
    (throttled too); ``throttles``, every refusal for want of capacity, events in Lambda's own queue
    included. ``latency_p50_s``, ``_p95_s``, ``_p99_s``: what callers outside waited. ``attempts`` (runs),
    ``cold_starts``, ``retries`` (waits before another try), ``billed_s``, ``cost_usd`` (requests, duration
    and provisioned concurrency). ``batches``, ``batch_mean`` (records). ``age_p50_s``, ``_p95_s``,
    ``_p99_s``: how old a message was when it was dealt with (a record of a stream where no queue's was;
    an asynchronous event where neither was). ``dead_letters``: those that arrived.

    A count of nothing is 0; a latency, age or mean of nothing is NaN.

    >>> from lambdalab import scenarios
    >>> found = figures(scenarios.batching(rate=3, seconds=10))
    >>> found["batches"], found["dead_letters"], found["age_p95_s"] <= found["age_p99_s"]
    (2.0, 0.0, True)
    """
    found = {**_calls(trace), **_runs(trace), **_batches(trace), **_queues(trace)}
    return {name: float(value) for name, value in found.items()}


def key_figures(trace: Trace) -> pd.Series[float]:
    """The figures that people read, by their label; NaN where there is nothing to tell."""
    found = figures(trace)
    if not len(trace.attempts):
        found.update(dict.fromkeys(_OF_RUNS, np.nan))
    if not len(trace.batches):
        found["batches"] = np.nan
    if not len(trace.queue_events):
        found.update(dict.fromkeys(_OF_QUEUES, np.nan))
    return pd.Series(
        {label: found[name] * unit for name, (label, unit) in LABELS.items()}, dtype=float
    )


def _calls(trace: Trace) -> dict[str, float]:
    table = trace.invocations
    status = table["status"].value_counts()
    waits = trace.requests["latency_ms"].dropna().to_numpy() / 1000
    events = trace.queue_events
    waiting = (events["action"] == "throttled") & (events["kind"] == "asynchronous")
    return {
        "invocations": len(table),
        "succeeded": status.get("succeeded", 0),
        "failed": status.get("failed", 0) + status.get("expired", 0) + status.get("dropped", 0),
        "refused": status.get("refused", 0) + status.get("throttled", 0),
        "throttles": status.get("throttled", 0) + int(waiting.sum()),
        **_shares("latency", waits),
    }


def _runs(trace: Trace) -> dict[str, float]:
    table = trace.attempts
    nano = np.rint(table["cost_usd"].to_numpy(dtype=float) * 1e9).astype(np.int64)
    reserved = sum(reservations(trace._tables).values())
    return {
        "attempts": len(table),
        "cold_starts": int(table["cold_start"].sum()),
        "retries": len(trace.retries),
        "billed_s": float(table["billed_ms"].sum()) / 1000,
        "cost_usd": (int(nano.sum()) + reserved) / 1e9,
    }


def _batches(trace: Trace) -> dict[str, float]:
    records = trace.batches["records"]
    return {
        "batches": len(records),
        "batch_mean": float(records.mean()) if len(records) else np.nan,
    }


def _queues(trace: Trace) -> dict[str, float]:
    events = trace.queue_events
    letters = (events["action"] == "dead_lettered") & (events["cause"] != "delivery_failed")
    return {**_shares("age", _ages(events)), "dead_letters": int(letters.sum())}


def _ages(events: pd.DataFrame) -> npt.NDArray[np.float64]:
    done = events[events["action"] == "deleted"]
    for kind in _AGED:
        ages = done["age_ms"][done["kind"] == kind]
        if len(ages):
            return ages.to_numpy(dtype=np.float64) / 1000
    return np.empty(0)


def _shares(name: str, values: npt.NDArray[np.float64]) -> dict[str, float]:
    """The values below which half, 95 % and 99 % of them lie (nearest rank); NaN of nothing."""
    ordered = np.sort(values)
    found = {word: percentile(ordered, share) for word, share in _SHARES.items()}
    return {f"{name}_{word}_s": np.nan if value is None else value for word, value in found.items()}
