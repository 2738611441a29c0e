"""The key figures of a run: what one looks at first, each with its unit in its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lambdalab.plots.frames import Floats

if TYPE_CHECKING:
    from lambdalab.trace import Trace


def key_figures(trace: Trace) -> pd.Series[float]:
    """Counts, latencies, batches, ages, cost of one trace; NaN where there is nothing to tell."""
    return pd.Series(
        {**_calls(trace), **_runs(trace), **_batches(trace), **_queues(trace)}, dtype=float
    )


def _calls(trace: Trace) -> dict[str, float]:
    table = trace.invocations
    status = table["status"].value_counts()
    waits = trace.requests["latency_ms"].dropna().to_numpy() / 1000
    return {
        "invocations": len(table),
        "succeeded": status.get("succeeded", 0),
        "failed": status.get("failed", 0) + status.get("expired", 0) + status.get("dropped", 0),
        "refused or throttled": status.get("refused", 0) + status.get("throttled", 0),
        "client waited, median s": _share(waits, 0.5),
        "client waited, p95 s": _share(waits, 0.95),
    }


def _runs(trace: Trace) -> dict[str, float]:
    table = trace.attempts
    retries = trace.retries
    return {
        "runs": len(table),
        "cold starts": int(table["cold_start"].sum()),
        "retries waited for": len(retries),
        "billed s": float(table["billed_ms"].sum()) / 1000 if len(table) else np.nan,
        "cost, millionths of a USD": float(table["cost_usd"].sum()) * 1e6 if len(table) else np.nan,
    }


def _batches(trace: Trace) -> dict[str, float]:
    table = trace.batches
    if not len(table):
        return {"batches": np.nan, "records in a batch, mean": np.nan}
    return {"batches": len(table), "records in a batch, mean": float(table["records"].mean())}


def _queues(trace: Trace) -> dict[str, float]:
    events = trace.queue_events
    if not len(events):
        return {}
    messages = events[(events["kind"] == "sqs") & (events["action"] == "deleted")]
    ages = messages["age_ms"].to_numpy() / 1000
    letters = events["action"] == "dead_lettered"
    return {
        "message dealt with after, median s": _share(ages, 0.5),
        "message dealt with after, p95 s": _share(ages, 0.95),
        "dead letters": int(letters.sum()),
    }


def _share(values: Floats, share: float) -> float:
    """The value below which this share of them lie (nearest rank); NaN of nothing."""
    if not len(values):
        return np.nan
    ordered = np.sort(values)
    return float(ordered[max(int(np.ceil(share * len(ordered))), 1) - 1])
