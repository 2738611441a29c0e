"""``requests``: what callers outside saw of each try, and why."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lambdalab.trace import schema
from lambdalab.trace.columns import Columns, Numbers, causes, frame, ms, plain
from lambdalab.trace.tables import Tables


def requests(tables: Tables) -> pd.DataFrame:
    """One row per try by anyone outside; ``call`` ties the tries of one call together.

    Where the caller had gone before its front answered, the ``front_`` columns say what it answered when.
    """
    rows, late = tables.fields("requests"), tables.fields("fronts")
    done = rows["answered_at"] >= 0
    front_at, front_status = np.full(len(rows), -1), np.zeros(len(rows), dtype=np.int64)
    front_at[late["row"]], front_status[late["row"]] = late["answered_at"], late["status_code"]
    columns: Columns = {
        "caller": tables.name_column(rows["caller"]),
        "front": tables.name_column(rows["front"]),
        "function": tables.name_column(tables.functions_of_requests()[rows["request"]]),
        "call": plain(rows["call"]),
        "tries": plain(rows["try_number"]),
        "sent_at": tables.times(rows["sent_at"]),
        "answered_at": tables.times(rows["answered_at"]),
        "latency_ms": ms(rows["answered_at"] - rows["sent_at"], done),
        "status_code": plain(rows["status_code"]),
        "gave_up": rows["gave_up"] != 0,
        "request_id": tables.ids_of("request", rows["request"]),
        "front_answered_at": tables.times(front_at),
        "front_status_code": front_status,
        "cause": causes(answer_causes(tables), schema.CAUSES["requests"]),
    }
    return frame(columns)


def answer_causes(tables: Tables) -> Numbers:
    """Why each caller was answered as it was: as its front says, or as Lambda's own row does."""

    def build() -> Numbers:
        rows, calls = tables.fields("requests"), tables.fields("invocations")
        queued = rows["status_code"] == 202
        own = np.append(schema.Cause.IN_FLIGHT, calls["cause"])[rows["request"]]
        lambdas = np.where(queued, schema.Cause.ACCEPTED, own)
        told = np.where(rows["cause"] == schema.Cause.IN_FLIGHT, lambdas, rows["cause"])
        return np.where(rows["answered_at"] >= 0, told, schema.Cause.IN_FLIGHT).astype(np.int64)

    return tables.keep("causes of answers", build)
