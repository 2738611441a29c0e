"""``logs``: what the functions wrote, merged with the platform's own lines.

START, END, REPORT and INIT_START are not recorded: they are made here from the attempts, so that
their numbers agree with the table to the digit.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lambdalab.trace import loglines
from lambdalab.trace.codes import AttemptOutcome
from lambdalab.trace.columns import Columns, Numbers, frame, plain, take, text
from lambdalab.trace.tables import Tables, log_streams

#: Order of lines that bear the same time and belong to the same attempt.
_INIT_START, _INIT_LINE, _INIT_REPORT, _START, _LINE, _END, _REPORT = range(7)
_LAST = np.iinfo(np.int64).max

#: One line: time, attempt's row, place in it, sequence, function, environment, request, text.
Line = tuple[int, int, int, int, int, int, int, str]


def logs(tables: Tables) -> pd.DataFrame:
    """One row per log line, in order of time."""
    lines = sorted([*_initialisations(tables), *_invocations(tables), *_written(tables)])
    numbers = plain([line[:7] for line in lines]).reshape(-1, 7)
    environments = numbers[:, 5]
    columns: Columns = {
        "at": tables.times(numbers[:, 0]),
        "function": tables.name_column(numbers[:, 4]),
        "environment_id": tables.ids_of("environment", environments),
        "log_stream": take(text(log_streams(tables)), environments),
        "request_id": tables.ids_of("request", numbers[:, 6]),
        "message": text([line[7] for line in lines]),
    }
    return frame(columns)


def _initialisations(tables: Tables) -> Iterator[Line]:
    """INIT_START of every environment that came to run code, and INIT_REPORT where it failed."""
    rows, tries = tables.rows("environments"), tables.rows("attempts")
    first = _first_attempts(tables)
    names, settings = tables.recorder.names, tables.recorder.functions
    setup = np.append(tries["setup_us"], 0)[np.minimum(first[1:], len(tries))]
    begun = np.where(
        rows["ready_at"] >= 0, rows["ready_at"] - rows["init_us"], rows["started_at"] + setup
    )
    failed = AttemptOutcome.INIT_ERROR
    for number, (function, at) in enumerate(
        zip(rows["function"].tolist(), begun.tolist(), strict=True), 1
    ):
        row = int(first[number])
        runtime = str(settings.get(names[function], {}).get("runtime") or "python3.13")
        line = loglines.runtime_line(runtime)
        yield at, row, _INIT_START, 0, function, number, 0, line
        if row < len(tries) and tries["outcome"][row] == failed:
            kind = tables.recorder.errors.get(row, ("", "", b""))[0]
            took = int(tries["init_us"][row])
            line = loglines.init_report(took, kind)
            yield at + took, row, _INIT_REPORT, 0, function, number, 0, line


def _first_attempts(tables: Tables) -> Numbers:
    """The row of the first attempt in each environment, by its id."""
    tries = tables.rows("attempts")["environment"]
    first = np.full(len(tables.rows("environments")) + 1, _LAST, dtype=np.int64)
    first[tries[::-1]] = np.arange(len(tries))[::-1]  # the last assignment wins
    return first


def _invocations(tables: Tables) -> Iterator[Line]:
    """START, END and REPORT of every attempt whose handler was run."""
    rows, calls = tables.rows("attempts"), tables.rows("invocations")
    names, ids, errors = tables.recorder.names, tables.ids, tables.recorder.errors
    functions, versions = calls["function"].tolist(), calls["executed_version"].tolist()
    fields = ("request", "environment", "started_at", "ended_at", "setup_us", "init_us")
    numbers = ("duration_us", "billed_ms", "memory_mb", "max_memory_mb", "outcome")
    columns = [rows[name].tolist() for name in fields + numbers]
    for row, (request, environment, started, ended, setup, init, duration, *rest) in enumerate(
        zip(*columns, strict=True)
    ):
        billed, memory, used, outcome = rest
        request_id, function = ids.request(request), functions[request - 1]
        handler = started + setup + init
        line = loglines.start(request_id, names[versions[request - 1]])
        yield handler, row, _START, 0, function, environment, request, line
        if ended < 0:
            continue
        line = loglines.end(request_id)
        yield ended, row, _END, 0, function, environment, request, line
        kind = errors[row][0] if row in errors else ""
        line = loglines.report(
            request_id, duration, billed, memory, used, init, loglines.status(outcome, kind)
        )
        yield ended, row, _REPORT, 0, function, environment, request, line


def _written(tables: Tables) -> Iterator[Line]:
    """The lines the functions wrote, each beside the attempt it belongs to."""
    rows, texts = tables.rows("logs"), tables.recorder.log_texts
    first = _first_attempts(tables)
    tries = _tries_of(tables, set(rows["request"].tolist()))
    columns = [rows[name].tolist() for name in ("at", "function", "environment", "request")]
    for number, (at, function, environment, request) in enumerate(zip(*columns, strict=True)):
        if request:
            begun = [row for row, started in tries.get(request, []) if started <= at]
            row, place = (begun[-1] if begun else _LAST), _LINE
        else:
            row, place = int(first[environment]), _INIT_LINE
        yield at, row, place, number, function, environment, request, texts[number]


def _tries_of(tables: Tables, requests: set[int]) -> dict[int, list[tuple[int, int]]]:
    rows = tables.rows("attempts")
    found: dict[int, list[tuple[int, int]]] = {}
    owners, started = rows["request"].tolist(), rows["started_at"].tolist()
    for row, request in enumerate(owners):
        if request in requests:
            found.setdefault(request, []).append((row, started[row]))
    return found
