"""What was given to ``calibrate``: a text, a file, lines, events, a table, or a trace."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from lambdalab.calibration import frames, lines
from lambdalab.calibration.lines import Line
from lambdalab.errors import InvalidSetting
from lambdalab.trace import Trace

_TAKEN = (
    "CloudWatch REPORT lines (a text, lines, a path, log events), a Logs Insights export (a path or a "
    "table), or a trace"
)
_SHORT = 60  # letters of a text that an error repeats
_MESSAGES = ("message", "@message")


@dataclass(frozen=True, slots=True)
class Given:
    """The runs that were found, and what else there was."""

    runs: pd.DataFrame
    skipped: int
    broken: int
    tells_errors: bool
    tells_cold: bool = True


def read(reports: Any, columns: Mapping[str, str] | None) -> Given:
    """The runs in what was given.

    Raises :class:`~lambdalab.errors.InvalidSetting` for what cannot be read, or has no REPORT in it.
    """
    if isinstance(reports, Trace):
        table = reports.attempts
        return _from_frame(table[table["ended_at"].notna().to_numpy()], columns)
    if isinstance(reports, pd.DataFrame):
        return _from_frame(reports, columns)
    if isinstance(reports, Path):
        return _from_file(reports, columns)
    if isinstance(reports, str):
        if _is_text(reports):
            return _from_text(reports, columns)
        return _from_file(Path(reports), columns)
    if isinstance(reports, bytes) or not isinstance(reports, Iterable):
        raise InvalidSetting("reports", type(reports).__name__, _TAKEN)
    if isinstance(reports, Mapping):
        return _from_document(reports, columns)
    found = list(reports)
    if found and all(isinstance(one, Mapping) for one in found):
        return _from_document(found, columns)
    if not all(isinstance(one, str) for one in found):
        odd = next(one for one in found if not isinstance(one, str))
        raise InvalidSetting("reports", f"a list with a {type(odd).__name__}", _TAKEN)
    return _from_lines(Line(text) for one in found for text in one.splitlines())


def _is_text(given: str) -> bool:
    return "\n" in given or "REPORT RequestId" in given or given.lstrip().startswith(("{", "["))


def _from_file(path: Path, columns: Mapping[str, str] | None) -> Given:
    if not path.is_file():
        raise InvalidSetting("reports", str(path)[:_SHORT], f"{_TAKEN}: there is no such file")
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    text = data.decode("utf-8-sig", errors="replace")
    if Path(path.name.removesuffix(".gz")).suffix.lower() == ".csv":
        return _from_frame(_table(text), columns)
    return _from_text(text, columns)


def _from_text(text: str, columns: Mapping[str, str] | None) -> Given:
    """JSON as a whole, an export as CSV, or lines."""
    if text.lstrip().startswith(("{", "[")):
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError:  # one document a line, or a line that begins so
            document = None
        if isinstance(document, list) or (isinstance(document, dict) and _is_answer(document)):
            return _from_document(document, columns)
    first = text.lstrip("\ufeff\r\n").partition("\n")[0]
    if any(name in first.lower() for name in ("@message", "@duration", "timestamp,message")):
        return _from_frame(_table(text), columns)
    return _from_lines(Line(line) for line in text.splitlines())


def _is_answer(document: Mapping[str, Any]) -> bool:
    """Whether it is an answer of CloudWatch Logs: get-log-events, filter-log-events, get-query-results."""
    return any(isinstance(document.get(name), list) for name in ("events", "results"))


def _table(text: str) -> pd.DataFrame:
    try:
        return pd.read_csv(io.StringIO(text))
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as problem:
        raise InvalidSetting(
            "reports", text[:_SHORT], f"a table of comma-separated values ({problem})"
        ) from None


def _from_document(document: Any, columns: Mapping[str, str] | None) -> Given:
    """Rows or events, as an API of CloudWatch Logs answers them, or as Insights exports them."""
    rows = document
    if isinstance(document, Mapping):
        rows = document.get("events", document.get("results"))
        if rows is None:
            rows = [document]
    rows = [_plain(row) for row in rows]
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise InvalidSetting("reports", f"a document of {len(rows)} parts", _TAKEN)
    if all(
        "record" in row and "type" in row for row in rows
    ):  # platform events, as Telemetry sends them
        return _from_lines(Line(orjson.dumps(row).decode()) for row in rows)
    if any(lines.is_event(row) and "@duration" not in row for row in rows):
        return _from_lines(lines.events(rows))
    return _from_frame(pd.DataFrame(rows), columns)


def _plain(row: Any) -> Any:
    """A row of get-query-results, which is a list of fields and values, as a mapping."""
    if isinstance(row, list) and all(isinstance(part, Mapping) and "field" in part for part in row):
        return {part["field"]: part.get("value") for part in row}
    return row


def _from_frame(table: pd.DataFrame, columns: Mapping[str, str] | None) -> Given:
    message = next((name for name in _MESSAGES if name in table.columns), None)
    if message is not None and "@duration" not in table.columns and not columns:
        return _from_lines(_lines_of(table, message))
    runs = frames.of_frame(table, columns)
    if not len(runs):
        limit = f"a table with a duration in some row; none of {len(table):,} rows has one"
        raise InvalidSetting("reports", f"a table of {len(table):,} rows", limit)
    told = bool((runs["outcome"] != lines.SUCCESS).any()) or "outcome" in table.columns
    return Given(runs, len(table) - len(runs), 0, told, frames.tells_cold(table, columns))


def _lines_of(table: pd.DataFrame, message: str) -> Iterator[Line]:
    """The lines of a table with a message in each row, and what its other columns say of them."""
    texts = table[message].fillna("").astype(str)
    rows = zip(
        texts, _first(table, "at", "timestamp", "@timestamp"),
        _first(table, "function", "@log", "logGroup"),
        _first(table, "log_stream", "@logStream", "logStreamName", "environment_id"), strict=True,
    )  # fmt: skip
    for text, at, function, stream in rows:
        moment = at.timestamp() if isinstance(at, pd.Timestamp) else lines.seconds(at)
        name = lines.group_name(str(function)) or ("" if "/" in str(function) else str(function))
        yield Line(text.rstrip("\r\n"), moment, name, str(stream))


def _first(table: pd.DataFrame, *names: str) -> list[Any]:
    """The first of these columns that is there, or a column of nothing."""
    column = next((name for name in names if name in table.columns), None)
    if column is None:
        return [""] * len(table)
    return list(table[column].astype(object).where(table[column].notna(), ""))


def _from_lines(given: Iterator[Line]) -> Given:
    found = lines.Reader().read(lines.unwrapped(given))
    others = found.looked_at - len(found.runs) - found.broken
    if not found.runs:
        told = f"{found.looked_at:,} lines were looked at, and none is a REPORT"
        if found.broken:
            told = (
                f"{found.broken:,} REPORT lines have no duration, {others:,} other lines are none"
            )
        raise InvalidSetting("reports", f"{found.looked_at:,} lines", f"{_TAKEN}: {told}")
    return Given(frames.of_runs(found.runs), others, found.broken, found.tells_errors)
