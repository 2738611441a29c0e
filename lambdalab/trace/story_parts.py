"""What the parts of a story share: names, causes, calls and their ends, as pieces of sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lambdalab.trace.codes import Cause, InvocationStatus, InvocationType
from lambdalab.trace.tables import Tables
from lambdalab.trace.words import duration

Told = Iterator[tuple[int, str]]
"""Sentences, each with its time in microseconds."""


def because(cause: int) -> str:
    """A cause's meaning, as the end of a sentence."""
    name = Cause.names[cause]
    return f"{name}: {Cause.meanings[name]}"


def name_of(tables: Tables, code: int) -> str:
    """An interned name."""
    return tables.recorder.names[code]


def children(tables: Tables, kind: int, number: int) -> list[int]:
    """The invocations (places) that a request, a batch or an event (:class:`.ParentKind`) led to."""
    calls = tables.rows("invocations")
    return np.flatnonzero((calls["parent_kind"] == kind) & (calls["parent"] == number)).tolist()


def ending(row: np.void) -> str:
    """How an invocation ended, and after what time."""
    took = duration(int(row["completed_at"] - row["requested_at"]))
    status = InvocationStatus.names[row["status"]].replace("_", " ")
    code = f" with {row['status_code']}" if row["status_code"] else ""
    if row["invocation_type"] == InvocationType.EVENT and row["status_code"] == 202:
        return f"over: {status} after {took} ({because(int(row['cause']))})"
    return f"answered{code} after {took}: {status} ({because(int(row['cause']))})"
