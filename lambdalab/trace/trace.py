"""A trace: everything that happened in one run of a lab, for people and programs to read."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy as np
import pandas as pd

from lambdalab.trace.answers import requests
from lambdalab.trace.audit import audit
from lambdalab.trace.codes import InvocationStatus
from lambdalab.trace.digest import digest
from lambdalab.trace.findings import Findings, findings
from lambdalab.trace.ids import Ids
from lambdalab.trace.logs import logs
from lambdalab.trace.metrics import metrics, samples
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.retries import retries
from lambdalab.trace.save import load, restored, save, save_tables, text_beside
from lambdalab.trace.short import Short
from lambdalab.trace.sources import batch_records
from lambdalab.trace.story import Story, story
from lambdalab.trace.summary import summary
from lambdalab.trace.tables import BUILDERS, TABLES, Tables
from lambdalab.trace.words import cold_starts, no_attribute, times

Made = TypeVar("Made")
#: Where pictures of a trace come from; looked up when first asked for.
_PLOTS = "lambdalab.plots"

# the tables that are derived from others, or told of in several
BUILDERS.update(retries=retries, logs=logs, requests=requests, batch_records=batch_records)


_MOMENTS = {
    "invocations": ("requested_at", "completed_at"), "attempts": ("started_at", "ended_at"),
    "queue_events": ("at",), "requests": ("sent_at", "answered_at"),
}  # fmt: skip
"""What :attr:`Trace.end` looks at, by table."""


class Plots:
    """``trace.plot``: each picture of :mod:`lambdalab.plots`, drawn of this trace.

    ``trace.plot.batching(ax=ax)`` is ``plots.batching(trace, ax=ax)``.
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name not in dir(self):
            raise no_attribute("trace.plot", name, [] if name.startswith("_") else dir(self))
        return partial(getattr(import_module(_PLOTS), name), self._trace)

    def __dir__(self) -> Iterable[str]:
        return list(import_module(_PLOTS).PLOTS)

    def __repr__(self) -> str:
        return f"plots: {', '.join(dir(self))}"


class Trace:
    """The books of one run, as tables, views, figures and stories.

    It is a live view: what the lab records later appears in it. Tables are DataFrames, built when
    first asked for and kept until the next event; do not change them in place. A trace taken before
    ``lab.reset()`` stays as it was.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._tables = Tables(recorder)

    # ---- tables -----------------------------------------------------------------------------

    @property
    def invocations(self) -> pd.DataFrame:
        """One row per Invoke call (refused ones included) and per asynchronous event."""
        return self._tables.frame("invocations")

    @property
    def attempts(self) -> pd.DataFrame:
        """One row per try at running an invocation; a refused try is in ``queue_events``."""
        return self._tables.frame("attempts")

    @property
    def retries(self) -> pd.DataFrame:
        """One row per wait before another try, whoever does the retrying."""
        return self._tables.frame("retries")

    @property
    def queue_events(self) -> pd.DataFrame:
        """One row per thing that happened to one event in one queue."""
        return self._tables.frame("queue_events")

    @property
    def batches(self) -> pd.DataFrame:
        """One row per batch that an event source mapping formed."""
        return self._tables.frame("batches")

    @property
    def batch_records(self) -> pd.DataFrame:
        """One row per message or record of a batch: ``batch_id`` and ``event_id``."""
        return self._tables.frame("batch_records")

    @property
    def environments(self) -> pd.DataFrame:
        """One row per execution environment."""
        return self._tables.frame("environments")

    @property
    def requests(self) -> pd.DataFrame:
        """One row per try by a caller outside: what it sent and what it saw."""
        return self._tables.frame("requests")

    @property
    def scaling(self) -> pd.DataFrame:
        """One row per change of capacity."""
        return self._tables.frame("scaling")

    @property
    def logs(self) -> pd.DataFrame:
        """One row per log line: the functions' own and the platform's."""
        return self._tables.frame("logs")

    @property
    def faults(self) -> pd.DataFrame:
        """One row per time that ``lab.faults`` struck."""
        return self._tables.frame("faults")

    @property
    def short(self) -> Short:
        """The views people read: ``trace.short.batches`` and so on for every table."""
        return Short(self._tables)

    # ---- what no table has --------------------------------------------------------------------

    @property
    def start(self) -> pd.Timestamp:
        """When the lab began (UTC)."""
        return pd.Timestamp(self._recorder.start_us, unit="us", tz="UTC")

    @property
    def end(self) -> pd.Timestamp:
        """The last moment of a call, a try, a request or a queue in the books (UTC); of none the start.

        It is read from the packed rows: no table is built for it.
        """
        us: int = self.kept("end of the books", self._last_us)
        return pd.Timestamp(self._recorder.start_us + us, unit="us", tz="UTC")

    def _last_us(self) -> int:
        every = ((self._tables.fields(table), names) for table, names in _MOMENTS.items())
        return max(int(rows[name].max(initial=0)) for rows, names in every for name in names)

    @property
    def ids(self) -> Ids:
        """Public ids and their short forms: ``trace.ids.parse("r2")``."""
        return self._tables.ids

    def settings(self, function: str) -> dict[str, object]:
        """The settings of a function as they were last; empty for one that is not in the books."""
        return dict(self._recorder.functions.get(function, {}))

    def wired(self, kind: str) -> dict[str, dict[str, object]]:
        """The settings of the account's other parts by name, as they were last.

        ``kind`` is "sqs", "mapping", "account" (its limits on concurrency and on payloads, in bytes, the
        waits before retries of asynchronous events, in seconds, and its prices: of a request in
        nano-dollars, of a GB-second in tenths of one) and so on; empty for one that is not in the books.
        """
        return {name: dict(known) for name, known in self._recorder.wiring.get(kind, {}).items()}

    def kept(self, name: str, build: Callable[[], Made]) -> Made:
        """What ``build`` gives, remembered under ``name`` until the next event; do not change it.

        For whatever is worked out from the tables and asked for more than once.
        """
        return self._tables.keep(name, build)

    # ---- figures, stories, advice -----------------------------------------------------------

    def summary(self) -> pd.DataFrame:
        """Key figures: one row per function, per queue and per mapping."""
        frame: pd.DataFrame = summary(self._tables)
        return frame

    def metrics(self, period: float = 60) -> pd.DataFrame:
        """What CloudWatch would show, per ``period`` (seconds): one row per metric and period."""
        frame: pd.DataFrame = metrics(self._tables, period)
        return frame

    def samples(self, namespace: str, metric: str, *, qualifier: str | None = None) -> pd.DataFrame:
        """What :meth:`metrics` makes its statistics of: one row per sample of one metric.

        Parameters: as in its columns, such as ``"AWS/Lambda"`` and ``"Duration"``; with a ``qualifier``
        only those of invocations that named this version or alias (of Invocations, Errors, Duration).
        Columns: ``at``, ``name``, ``unit``, ``value``.
        """
        frame: pd.DataFrame = samples(self._tables, namespace, metric, qualifier)
        return frame

    def story(self, id: Any) -> Story:
        """What happened to one request (r2), message (m12), batch (b3) or environment (e1).

        Takes short ids and full ones, and what has one: a message of ``queue.messages`` or of
        ``queue.receive()``, a reply. An id that is not in this trace raises
        :class:`~lambdalab.errors.UnknownName`.
        """
        return story(self._tables, id)

    def findings(self) -> Findings:
        """Short advice from what happened, each with the rows that prove it."""
        return findings(self._tables)

    @property
    def plot(self) -> Plots:
        """Pictures of this trace: ``trace.plot.batching()``."""
        return Plots(self)

    # ---- proof and keeping ------------------------------------------------------------------

    def audit(self) -> None:
        """Prove that the books balance.

        Raises :class:`~lambdalab.errors.AuditError` with every difference found.
        """
        audit(self._recorder)

    def digest(self) -> str:
        """SHA-256 over everything recorded: equal for the same run in any process."""
        return digest(self._recorder)

    def save(self, folder: str | Path, tables: str | None = None) -> Path:
        """Write the trace to a folder (made if missing), for :meth:`load` and for other tools.

        ``tables`` is the form of the tables for other tools: "parquet", "csv", or None for Parquet
        where pyarrow is installed and CSV elsewhere.
        """
        path = save(self._recorder, folder)
        save_tables(((name, self._tables.frame(name)) for name in TABLES), path, tables)
        return path

    @classmethod
    def load(cls, folder: str | Path) -> Trace:
        """Read a saved trace; its digest is that of the one that was saved."""
        return cls(load(folder))

    def __reduce__(self) -> tuple[Any, ...]:
        """What :mod:`pickle` takes to another process: the trace as it is now, as :meth:`save` does."""
        buffers = {name: bytes(rows) for name, rows in self._recorder.buffers.items()}
        return _unpickled, (text_beside(self._recorder), buffers)

    # ---- what a cell shows ------------------------------------------------------------------

    if not TYPE_CHECKING:  # a type checker shall go on finding wrong names by itself

        def __getattr__(self, name: str) -> NoReturn:
            if name in dir(Trace):  # it is there and failed: its own error tells why
                object.__getattribute__(self, name)
            raise no_attribute("a trace", name, dir(Trace))

    def __repr__(self) -> str:
        return f"<Trace: {self._text()}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{name}</td><td style='text-align:right'>{count:,}</td></tr>"
            for name, count in self._counts().items()
        )
        return (
            f"<div><b>Trace</b>: {html.escape(self._text())}"
            f"<table><tr><th>table</th><th>rows</th></tr>{rows}</table></div>"
        )

    def _counts(self) -> dict[str, int]:
        """Rows per recorded table."""
        return {n: len(self._tables.rows(n)) for n in TABLES if n in self._recorder.buffers}

    def _text(self) -> str:
        rows, attempts = self._tables.rows("invocations"), self._tables.rows("attempts")
        if not len(rows):
            return "nothing has happened yet" if not self._recorder.nbytes else "no invocations yet"
        counts = np.bincount(rows["status"], minlength=len(InvocationStatus.names))
        told = [
            f"{count:,} {name.replace('_', ' ')}"
            for name, count in zip(InvocationStatus.names, counts.tolist(), strict=True)
            if count
        ]
        cold = int((attempts["cold_start"] != 0).sum())
        text = f"{times(len(rows), 'invocation')}: {', '.join(told)}"
        return f"{text}; {cold_starts(cold, len(attempts), int((attempts['attempt'] == 1).sum()))}"


def _unpickled(beside: str, buffers: dict[str, bytes]) -> Trace:
    return Trace(restored(json.loads(beside), buffers, "the pickle"))
