"""``logs``: what the functions wrote, merged with the platform's own lines.

START, END, REPORT and the lines about inits are not recorded: they are made here from the attempts, so
that their numbers agree with the table to the digit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from lambdalab.trace import loglines
from lambdalab.trace.codes import EnvironmentEnd, InitStatus
from lambdalab.trace.columns import Columns, Numbers, frame, plain, take, text
from lambdalab.trace.loglines import Form
from lambdalab.trace.tables import Tables, log_streams

_LAST = np.iinfo(np.int64).max

#: One line: time, attempt's row, place in it, sequence, function, environment, request, text.
Line = tuple[int, int, int, int, int, int, int, str]


def logs(tables: Tables) -> pd.DataFrame:
    """One row per log line, in order of time."""
    forms = _forms(tables)
    platform = [*_initialisations(tables, forms), *_invocations(tables, forms)]
    lines = sorted([*platform, *_written(tables)])
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


def _forms(tables: Tables) -> list[Form]:
    """How each environment's lines are written, by its id (0: none)."""
    recorder, names = tables.recorder, tables.recorder.names
    find = loglines.settings_of(recorder.wiring.get("logging", {}))
    rows = tables.rows("environments")
    made: dict[tuple[object, ...], Form] = {}
    forms: list[Form] = [loglines.TextForm("")]
    columns = (rows[name].tolist() for name in ("function", "version", "kind"))
    for number, (function, version, kind) in enumerate(zip(*columns, strict=True), 1):
        settings: Mapping[str, object] = find(names[function], names[version], number)
        settings = settings or recorder.functions.get(names[function], {})
        key = function, version, kind, id(settings)
        if key not in made:
            made[key] = loglines.form_of(
                settings, names[function], names[version], kind, recorder.start_us
            )
        forms.append(made[key])
    return forms


def _initialisations(tables: Tables, forms: list[Form]) -> Iterator[Line]:
    """The lines about the init of every environment, in so far as it has come about."""
    rows, tries = tables.rows("environments"), tables.rows("attempts")
    errors, first = tables.recorder.errors, _first_attempts(tables)
    columns = ("function", "started_at", "ready_at", "init_us", "ended_at", "because")
    for number, (function, started, ready, us, ended, because) in enumerate(
        zip(*(rows[name].tolist() for name in columns), strict=True), 1
    ):
        row = int(first[number])
        begun, status, kind = started, InitStatus.NONE, ""
        if ready >= 0:
            begun, status = ready - us, InitStatus.SUCCESS
        elif row < len(tries):
            begun += int(tries["setup_us"][row])
            us, status = int(tries["init_us"][row]), int(tries["init_status"][row])
            if tries["invoke_init_status"][row] == InitStatus.ERROR:
                kind = errors.get(row, ("",))[0]
        elif because == EnvironmentEnd.INIT_FAILED:  # of provisioned concurrency
            us, status = ended - started, InitStatus.ERROR
        platform = loglines.init_lines(forms[number], begun, us, status, kind)
        for order, (at, place, line) in enumerate(platform):
            yield at, row, place, order, function, number, 0, line


def _first_attempts(tables: Tables) -> Numbers:
    """The row of the first attempt in each environment, by its id."""
    tries = tables.rows("attempts")["environment"]
    first = np.full(len(tables.rows("environments")) + 1, _LAST, dtype=np.int64)
    first[tries[::-1]] = np.arange(len(tries))[::-1]  # the last assignment wins
    return first


def _invocations(tables: Tables, forms: list[Form]) -> Iterator[Line]:
    """The platform's lines about every attempt whose handler was run."""
    rows, calls = tables.rows("attempts"), tables.rows("invocations")
    names, ids, errors = tables.recorder.names, tables.ids, tables.recorder.errors
    functions = calls["function"].tolist()
    homes = tables.rows("environments")["version"].tolist()
    ready = tables.rows("environments")["ready_at"].tolist()
    fields = (
        "request", "environment", "cold_start", "started_at", "ended_at", "setup_us", "init_us",
        "init_status", "invoke_init_status", "duration_us", "billed_ms", "memory_mb",
        "max_memory_mb", "outcome",
    )  # fmt: skip
    columns = [rows[name].tolist() for name in fields]
    for row, (request, environment, cold, started, ended, setup, init, *rest) in enumerate(
        zip(*columns, strict=True)
    ):
        if ended < 0 and cold:  # its spans are not yet written
            if ready[environment - 1] < 0:
                continue
            init, started = 0, ready[environment - 1]
        kind, message = errors[row][:2] if row in errors else ("", "")
        whom = ids.request(request), names[homes[environment - 1]]
        told = (*whom, started + setup + init, ended, init, *rest, kind, message)
        attempt = loglines.Attempt._make(told)
        function, platform = (
            functions[request - 1],
            loglines.attempt_lines(forms[environment], attempt),
        )
        for order, (at, place, line) in enumerate(platform):
            yield at, row, place, order, function, environment, request, line


def _written(tables: Tables) -> Iterator[Line]:
    """The lines the functions wrote, each beside the attempt it belongs to."""
    rows, texts = tables.rows("logs"), tables.recorder.log_texts
    first = _first_attempts(tables)
    tries = _tries_of(tables, set(rows["request"].tolist()))
    late = np.isin(
        tables.rows("attempts")["invoke_init_status"], (InitStatus.ERROR, InitStatus.TIMEOUT)
    )
    columns = [rows[name].tolist() for name in ("at", "function", "environment", "request")]
    for number, (at, function, environment, request) in enumerate(zip(*columns, strict=True)):
        if request:
            begun = [row for row, started in tries.get(request, []) if started <= at]
            row = begun[-1] if begun else _LAST
            place = loglines.LATE_LINE if begun and late[row] else loglines.LINE
        else:
            row, place = int(first[environment]), loglines.INIT_LINE
        yield at, row, place, number, function, environment, request, texts[number]


def _tries_of(tables: Tables, requests: set[int]) -> dict[int, list[tuple[int, int]]]:
    rows = tables.rows("attempts")
    found: dict[int, list[tuple[int, int]]] = {}
    owners, started = rows["request"].tolist(), rows["started_at"].tolist()
    for row, request in enumerate(owners):
        if request in requests:
            found.setdefault(request, []).append((row, started[row]))
    return found
