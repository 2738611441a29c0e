"""The tables of a trace as plain columns: microseconds, ordinals, words.

Only what the animation needs is read, and only of the rows that it shows: see :class:`Stretch`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, make_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lambdalab.plots.frames import Ints, Mask, ordinals

if TYPE_CHECKING:
    from lambdalab.trace import Trace

MOST_ROWS = 16_000
"""So many rows of queue events, attempts and requests go into one animation; of more, a part."""

_COLUMNS: dict[str, tuple[str, ...]] = {
    "events": (
        "at", "queue", "kind", "event_id", "action", "delay_ms", "visible_at", "receive_count",
        "parent_id", "request_id", "batch_id", "cause", "visible", "in_flight", "delayed",
    ),
    "invocations": (
        "request_id", "function", "invocation_type", "source", "parent_kind", "parent_id",
        "requested_at", "completed_at", "status", "status_code", "attempts", "cause",
    ),
    "attempts": (
        "request_id", "attempt", "function", "environment_id", "started_at", "ended_at",
        "cold_start", "duration_ms", "billed_ms", "outcome", "error_type", "cause",
    ),
    "batches": (
        "batch_id", "mapping", "source", "shard", "poller", "window_opened_at", "opened_at",
        "flushed_at", "completed_at", "records", "outcome", "failed_records", "parent_batch_id",
        "cause",
    ),
    "environments": (
        "environment_id", "function", "started_at", "ready_at", "ended_at", "ended_because",
    ),
    "requests": (
        "caller", "front", "function", "call", "tries", "sent_at", "answered_at", "status_code",
        "request_id", "cause",
    ),
    "scaling": ("at", "subject", "kind", "before", "after", "cause"),
}  # fmt: skip
_KEYS = {"event_id": "event", "request_id": "request", "environment_id": "environment",
         "batch_id": "batch", "parent_id": "parent", "parent_batch_id": "parent_batch"}  # fmt: skip


class Table:
    """Rows of one table: a numpy array per column, times in microseconds (-1: none), ids as numbers.

    A duration's column is named without its unit: ``delay`` is that of ``delay_ms``, in microseconds.

    >>> table = Table({"request": np.array([1, 2]), "status": np.array(["failed", "succeeded"])})
    >>> [(row.request, row.status) for row in table]
    [(1, 'failed'), (2, 'succeeded')]
    """

    def __init__(self, columns: dict[str, Any]) -> None:
        self.columns = columns
        self._row = make_dataclass("Row", list(columns), slots=True)

    def __getitem__(self, name: str) -> Any:
        return self.columns[name]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __iter__(self) -> Any:
        lists = (column.tolist() for column in self.columns.values())
        return (self._row(*values) for values in zip(*lists, strict=True))

    def only(self, mask: Mask | Ints) -> Table:
        """Those rows alone."""
        return Table({name: column[mask] for name, column in self.columns.items()})


@dataclass(frozen=True)
class Books:
    """The tables that an animation is made from; ``end`` is the last moment (microseconds).

    ``left_out`` says in a sentence what the animation does not show, "" where it shows all.
    """

    trace: Trace
    events: Table
    invocations: Table
    attempts: Table
    batches: Table
    environments: Table
    requests: Table
    scaling: Table
    end: int
    left_out: str = ""
    known: dict[str, Any] = field(default_factory=dict, repr=False)


def microseconds(trace: Trace, times: pd.Series[Any]) -> Ints:
    """Times since the lab's start in microseconds; -1 where there is none."""
    stamps = times.dt.as_unit("us").astype("int64").to_numpy()
    start = pd.Timestamp(trace.start).as_unit("us").asm8.astype("int64")
    return np.where(times.isna().to_numpy(), -1, stamps - start).astype(np.int64)


def read(trace: Trace) -> Books:
    """Every table that the animation needs, whole."""
    names = {"events": "queue_events"}
    tables = {name: _table(trace, names.get(name, name), columns) for name, columns in
              _COLUMNS.items()}  # fmt: skip
    times = [
        column.max(initial=0)
        for table in tables.values()
        for name, column in table.columns.items()
        if name == "at" or (name.endswith("_at") and name != "visible_at")
    ]
    made: dict[str, Any] = dict(tables)
    return Books(trace, **made, end=int(max(times, default=0)))


def _table(trace: Trace, name: str, columns: tuple[str, ...]) -> Table:
    frame = getattr(trace, name)
    named = {_KEYS.get(column, column.removesuffix("_ms")): column for column in columns}
    return Table({short: _column(trace, frame, column) for short, column in named.items()})


def _column(trace: Trace, frame: pd.DataFrame, name: str) -> Any:
    values = frame[name]
    if name == "at" or name.endswith("_at"):
        return microseconds(trace, values)
    if name in _KEYS:
        return ordinals(values)
    if name.endswith("_ms"):
        return np.round(values.fillna(0).to_numpy(dtype=float) * 1000).astype(np.int64)
    if isinstance(values.dtype, pd.CategoricalDtype) or values.dtype == "str":
        return values.astype(object).to_numpy()
    return values.to_numpy()
