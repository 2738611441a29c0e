"""The tables: DataFrames built on demand from the packed rows, cached until the next event."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pandas as pd

from lambdalab.trace import schema
from lambdalab.trace.columns import (
    Columns,
    Fields,
    Numbers,
    Rows,
    Strings,
    Texts,
    causes,
    frame,
    ms,
    per,
    plain,
    take,
    text,
    times,
    words,
)
from lambdalab.trace.ids import Ids
from lambdalab.trace.message_groups import group_column
from lambdalab.trace.recorder import Recorder

#: The tables of a trace, in the order people read them.
TABLES = (
    "invocations", "attempts", "retries", "queue_events", "batches", "environments", "requests",
    "scaling", "logs", "faults",
)  # fmt: skip

_Built = TypeVar("_Built")


class Tables:
    """Every table of one recorder; each is built when first asked for.

    ``rows(name)`` gives the packed rows of a table as a numpy structured array (a copy);
    ``frame(name)`` the DataFrame. Both are kept until something more is recorded.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.ids = Ids(recorder.seed)
        self._version: tuple[int, ...] = ()
        self._kept: dict[str, object] = {}
        self._id_columns: dict[str, Texts] = {}

    def keep(self, name: str, build: Callable[[], _Built]) -> _Built:
        """What ``build`` gives, remembered under ``name`` until the next event."""
        version = self.recorder.version()
        if version != self._version:
            self._kept.clear()
            self._version = version
        if name not in self._kept:
            self._kept[name] = build()
        return self._kept[name]  # type: ignore[return-value]

    def rows(self, name: str) -> Rows:
        """The packed rows of a table, copied: the buffer can go on growing."""

        def copy() -> Rows:
            data = bytes(self.recorder.buffers[name])
            return np.frombuffer(data, dtype=schema.PACKED[name].dtype)

        return self.keep(f"rows of {name}", copy)

    def fields(self, name: str) -> Fields:
        """The packed rows of a table, field by field: for use at once, not to be kept."""
        return Fields(self.recorder.buffers[name], schema.PACKED[name].dtype)

    def frame(self, name: str) -> pd.DataFrame:
        """A table as a DataFrame."""
        return self.keep(f"table {name}", lambda: BUILDERS[name](self))

    # ---- pieces the builders share ----------------------------------------------------------

    def id_column(self, kind: str, count: int) -> Texts:
        """Ids 0 (none: "") to at least ``count``; grown, not built anew, as the books grow."""
        known = self._id_columns.get(kind)
        if known is None or len(known) <= count:
            old = np.array([""] if known is None else known, dtype=object)
            known = text(np.concatenate([old, self.ids.column(kind, len(old), count)]))
            self._id_columns[kind] = known
        return known

    def ids_of(self, kind: str, numbers: Numbers) -> Texts:
        """A column of public ids."""
        highest = int(numbers.max(initial=0))
        return take(self.id_column(kind, highest), numbers)

    def names(self) -> Texts:
        """Interned names by number."""
        return self.keep("names", lambda: text(self.recorder.names))

    def name_column(self, codes: Numbers) -> Texts:
        """A column of names."""
        return take(self.names(), codes)

    def times(self, at: Numbers) -> pd.DatetimeIndex:
        """A column of UTC timestamps."""
        return times(at, self.recorder.start_us)

    def queued_at(self) -> Numbers:
        """Since when each attempt had been waiting for its turn."""
        queued = np.array(self.fields("attempts")["started_at"], dtype=np.int64)
        late = self.fields("queued_at")
        queued[late["row"]] = late["queued_at"]
        return queued

    def functions_of_requests(self) -> Numbers:
        """The function's name number by request id (0: none)."""

        def build() -> Numbers:
            rows = self.fields("invocations")
            out = np.zeros(len(rows) + 1, dtype=np.int64)
            out[1:] = rows["function"]
            return out

        return self.keep("functions of requests", build)


def spans(tables: Tables) -> dict[str, Numbers]:
    """The named spans of each invocation in microseconds; they add up to its latency when over."""
    rows, attempts, waits = (tables.fields(t) for t in ("invocations", "attempts", "waits"))
    count, owner, waited = len(rows), attempts["request"] - 1, waits["request"] - 1
    return {
        "network": plain(rows["network_us"]),
        "queued": per(waits["queued_us"], waited, count),
        "waiting": per(waits["waiting_us"], waited, count),
        "setup": per(attempts["setup_us"], owner, count),
        "init": per(attempts["init_us"], owner, count),
        "handler": per(attempts["duration_us"], owner, count),
        "overhead": plain(rows["overhead_us"]),
    }


def invocations(tables: Tables) -> pd.DataFrame:
    """One row per Invoke call, refused ones included, and per asynchronous event."""
    rows = tables.fields("invocations")
    done = rows["completed_at"] >= 0
    reasons = np.full(256, "", dtype=object)
    for cause, reason in schema.THROTTLE_REASONS.items():
        reasons[cause] = reason
    refused = rows["status"] == schema.InvocationStatus.THROTTLED
    columns: Columns = {
        "request_id": tables.ids_of("request", np.arange(1, len(rows) + 1)),
        "function": tables.name_column(rows["function"]),
        "qualifier": tables.name_column(rows["qualifier"]),
        "executed_version": tables.name_column(rows["executed_version"]),
        "invocation_type": words(rows["invocation_type"], schema.InvocationType),
        "source": tables.name_column(rows["source"]),
        "parent_kind": words(rows["parent_kind"], schema.ParentKind),
        "parent_id": _parents(tables, rows),
        "requested_at": tables.times(rows["requested_at"]),
        "completed_at": tables.times(rows["completed_at"]),
        "latency_ms": ms(rows["completed_at"] - rows["requested_at"], done),
        "status": words(rows["status"], schema.InvocationStatus),
        "status_code": plain(rows["status_code"]),
        "function_error": words(rows["function_error"], schema.FunctionError),
        "attempts": plain(rows["attempts"]),
    }
    for name, us in spans(tables).items():
        columns[f"{name}_ms"] = ms(us, done)
    columns["payload_bytes"] = plain(rows["payload_bytes"])
    columns["response_bytes"] = plain(rows["response_bytes"])
    columns["throttle_reason"] = take(
        text(reasons), np.where(refused, rows["cause"], schema.Cause.IN_FLIGHT)
    )
    columns["cause"] = causes(rows["cause"], schema.CAUSES["invocations"])
    return frame(columns)


def _parents(tables: Tables, rows: Fields) -> Texts:
    """The id of what caused each invocation."""
    known, places = [np.array([""], dtype=object)], np.zeros(len(rows), dtype=np.int64)
    for kind, name in (
        (schema.ParentKind.REQUEST, "request"),
        (schema.ParentKind.BATCH, "batch"),
        (schema.ParentKind.MESSAGE, "message"),
        (schema.ParentKind.EVENT, "message"),
    ):
        chosen = np.flatnonzero(rows["parent_kind"] == kind)
        if len(chosen):
            parents = rows["parent"][chosen]
            places[chosen] = sum(map(len, known)) + parents
            known.append(np.asarray(tables.id_column(name, int(parents.max()))))
    return take(text(np.concatenate(known)), places)


def attempts(tables: Tables) -> pd.DataFrame:
    """One row per try at running an invocation; refused tries are in ``queue_events``."""
    rows = tables.fields("attempts")
    done = rows["ended_at"] >= 0
    kinds, messages = _errors(tables, len(rows))
    columns: Columns = {
        "request_id": tables.ids_of("request", rows["request"]),
        "attempt": plain(rows["attempt"]),
        "function": tables.name_column(tables.functions_of_requests()[rows["request"]]),
        "environment_id": tables.ids_of("environment", rows["environment"]),
        "init_type": words(rows["init_type"], schema.InitType),
        "queued_at": tables.times(tables.queued_at()),
        "started_at": tables.times(rows["started_at"]),
        "ended_at": tables.times(rows["ended_at"]),
        "cold_start": rows["cold_start"] != 0,
        "init_status": words(rows["init_status"], schema.InitStatus),
        "invoke_init_status": words(rows["invoke_init_status"], schema.InitStatus),
        "setup_ms": ms(rows["setup_us"], done),
        "init_ms": ms(rows["init_us"], done),
        "duration_ms": ms(rows["duration_us"], done),
        "billed_ms": ms(rows["billed_ms"].astype(np.int64) * 1000, done),
        "memory_mb": plain(rows["memory_mb"]),
        "max_memory_mb": plain(rows["max_memory_mb"]),
        "outcome": words(rows["outcome"], schema.AttemptOutcome),
        "error_type": kinds,
        "error_message": messages,
        "cost_usd": rows["cost_nano"] / 1e9,
        "cause": causes(rows["cause"], schema.CAUSES["attempts"]),
    }
    return frame(columns)


def _errors(tables: Tables, count: int) -> tuple[Texts, Texts]:
    errors = tables.recorder.errors
    places = np.zeros(count, dtype=np.int64)
    places[list(errors)] = np.arange(1, len(errors) + 1)
    kinds = text(["", *(kind for kind, _, _ in errors.values())])
    messages = text(["", *(message for _, message, _ in errors.values())])
    return take(kinds, places), take(messages, places)


def environments(tables: Tables) -> pd.DataFrame:
    """One row per execution environment."""
    rows, tries = tables.fields("environments"), tables.fields("attempts")
    count, home = len(rows), tries["environment"] - 1
    ended = tries["ended_at"] >= 0
    busy = np.where(ended, tries["ended_at"] - tries["started_at"], 0)
    numbers = np.arange(1, count + 1)
    columns: Columns = {
        "environment_id": tables.ids_of("environment", numbers),
        "function": tables.name_column(rows["function"]),
        "version": tables.name_column(rows["version"]),
        "kind": words(rows["kind"], schema.EnvironmentKind),
        "started_at": tables.times(rows["started_at"]),
        "ready_at": tables.times(rows["ready_at"]),
        "ended_at": tables.times(rows["ended_at"]),
        "init_ms": ms(rows["init_us"], rows["ready_at"] >= 0),
        "invocations": per(np.ones(len(tries)), home, count),
        "busy_ms": ms(per(busy, home, count)),
        "log_stream": text(log_streams(tables)[1:]),
        "ended_because": words(rows["because"], schema.EnvironmentEnd),
    }
    return frame(columns)


def log_streams(tables: Tables) -> Strings:
    """The log stream of each environment by its id (0: "")."""

    def build() -> Strings:
        rows = tables.fields("environments")
        names, start = tables.recorder.names, tables.recorder.start_us
        dates = np.datetime_as_string((rows["started_at"] + start).view("M8[us]"), unit="D")
        streams = [
            tables.ids.log_stream(number, date, names[version] or "$LATEST")
            for number, (date, version) in enumerate(
                zip(dates.tolist(), rows["version"].tolist(), strict=True), start=1
            )
        ]
        return np.array(["", *streams], dtype=object)

    return tables.keep("log streams", build)


def queue_events(tables: Tables) -> pd.DataFrame:
    """One row per thing that happened to one event in one queue."""
    rows = tables.fields("queue_events")
    kinds = np.zeros(len(tables.recorder.names), dtype=np.int8)
    kinds[list(tables.recorder.queue_kinds)] = list(tables.recorder.queue_kinds.values())
    kind = kinds[rows["queue"]]
    own = kind == schema.QueueKind.ASYNCHRONOUS
    messages = np.where(own, 0, rows["event"])
    events = tables.ids_of("message", messages)
    of_requests = tables.ids_of("request", np.where(own, rows["event"], 0))
    columns: Columns = {
        "at": tables.times(rows["at"]),
        "queue": tables.name_column(rows["queue"]),
        "kind": words(kind, schema.QueueKind),
        "event_id": text(np.where(own, np.asarray(of_requests), np.asarray(events))),
        "action": words(rows["action"], schema.Action),
        "depth": plain(rows["depth"]),
        "visible": plain(rows["depth"] - rows["in_flight"] - rows["delayed"]),
        "in_flight": plain(rows["in_flight"]),
        "delayed": plain(rows["delayed"]),
        "age_ms": ms(rows["age_us"]),
        "delay_ms": ms(rows["delay_us"]),
        "visible_at": tables.times(rows["visible_at"]),
        "receive_count": plain(rows["receive_count"]),
        "message_group": group_column(tables.recorder.message_groups, messages),
        "parent_id": tables.ids_of("message", origins(tables)[messages]),
        "request_id": tables.ids_of("request", rows["request"]),
        "batch_id": tables.ids_of("batch", rows["batch"]),
        "cause": causes(rows["cause"], schema.CAUSES["queue_events"]),
    }
    return frame(columns)


def origins(tables: Tables) -> Numbers:
    """The event that each message came of, by its number; 0 where it came of none."""

    def build() -> Numbers:
        rows, events = tables.rows("origins"), tables.rows("queue_events")["event"]
        last = max(int(rows["message"].max(initial=0)), int(events.max(initial=0)))
        found = np.zeros(last + 1, dtype=np.int64)
        found[rows["message"]] = rows["event"]
        return found

    return tables.keep("origins", build)


def batches(tables: Tables) -> pd.DataFrame:
    """One row per batch that a mapping formed."""
    rows, calls = tables.fields("batches"), tables.fields("invocations")
    numbers = np.arange(1, len(rows) + 1)
    own = calls["parent"][calls["parent_kind"] == schema.ParentKind.BATCH]
    columns: Columns = {
        "batch_id": tables.ids_of("batch", numbers),
        "mapping": tables.name_column(rows["mapping"]),
        "source": tables.name_column(rows["source"]),
        "shard": tables.name_column(rows["shard"]),
        "poller": plain(rows["poller"]),
        "window_opened_at": tables.times(rows["window_opened_at"]),
        "opened_at": tables.times(rows["opened_at"]),
        "flushed_at": tables.times(rows["flushed_at"]),
        "completed_at": tables.times(rows["completed_at"]),
        "gathering_ms": ms(rows["flushed_at"] - rows["opened_at"], rows["opened_at"] >= 0),
        "records": plain(rows["records"]),
        "size_bytes": plain(rows["size_bytes"]),
        "filtered": plain(rows["filtered"]),
        "invocations": per(np.ones(len(own)), own - 1, len(rows)),
        "request_id": tables.ids_of("request", rows["request"]),
        "outcome": words(rows["outcome"], schema.BatchOutcome),
        "failed_records": plain(rows["failed_records"]),
        "parent_batch_id": tables.ids_of("batch", rows["parent_batch"]),
        "cause": words(rows["cause"], schema.BatchCause),
    }
    return frame(columns)


def scaling(tables: Tables) -> pd.DataFrame:
    """One row per change of capacity."""
    rows = tables.fields("scaling")
    columns: Columns = {
        "at": tables.times(rows["at"]),
        "subject": tables.name_column(rows["subject"]),
        "kind": words(rows["kind"], schema.ScalingKind),
        "before": plain(rows["before"]),
        "after": plain(rows["after"]),
        "cause": causes(rows["cause"], schema.CAUSES["scaling"]),
    }
    return frame(columns)


def faults(tables: Tables) -> pd.DataFrame:
    """One row per time that ``lab.faults`` struck."""
    rows = tables.fields("faults")
    columns: Columns = {
        "at": tables.times(rows["at"]),
        "kind": words(rows["kind"], schema.FaultKind),
        "subject": tables.name_column(rows["subject"]),
        "request_id": tables.ids_of("request", rows["request"]),
        "message_id": tables.ids_of("message", rows["message"]),
    }
    return frame(columns)


#: How each table is built; ``retries`` and ``logs``, derived from others, join in :mod:`.trace`.
BUILDERS: dict[str, Callable[[Tables], pd.DataFrame]] = {
    "invocations": invocations,
    "attempts": attempts,
    "environments": environments,
    "queue_events": queue_events,
    "batches": batches,
    "scaling": scaling,
    "faults": faults,
}
