r"""Log lines in, one run for each REPORT: plain text and JSON, with whatever stands in front of them.

Forms of the lines: dg/python-logging, dg/nodejs-logging, dg/telemetry-schema-reference and
dg/monitoring-cloudwatchlogs-logformat. Times are seconds since 1970.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

SUCCESS, ERROR, TIMEOUT = "success", "error", "timeout"
OUTCOMES = (SUCCESS, ERROR, TIMEOUT)
NAN = float("nan")

_PART = re.compile(
    r"(Billed Restore Duration|Restore Duration|Billed Duration|Init Duration|Duration|Memory Size"
    r"|Max Memory Used): *([\d.,]+) *(ms|MB)\b"
)
_REPORT = re.compile(r"\bREPORT RequestId: *(\S+)")
_MARK = re.compile(r"\b(START|END) RequestId: *(\S+)")
_STATUS = re.compile(r"\bStatus: *(\w+)")
_TIMED_OUT = re.compile(r"(\S+) Task timed out after [\d.]+ seconds")
_PYTHON_ERROR = re.compile(r"\[ERROR\] [A-Za-z_][\w.]*(:|$)")
_NODE_ERROR = re.compile(r"(?:^|\t)(\S+)\tERROR\t(Invoke|Uncaught Exception|Unhandled Promise)")
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?(?=\s|$)|\d{13}(?=\s)"
)
_STREAM = re.compile(r"\d{4}/\d\d/\d\d/\S*\[\S+\]\S*(?=\s)")
_NAME_IN_STREAM = re.compile(r"\d{4}/\d\d/\d\d/([A-Za-z0-9_-]+)\[")
_LEADING = " \t\r\ufeff"


class Line(NamedTuple):
    """A log line, and what is known of it from elsewhere: time, function, log stream."""

    text: str
    at: float = NAN
    function: str = ""
    stream: str = ""


@dataclass(slots=True)
class Run:
    """What one REPORT line tells; ``ended`` in seconds since 1970, NaN where it has no time."""

    request_id: str
    function: str
    environment: str
    ended: float
    duration_ms: float
    init_ms: float
    billed_ms: float
    memory_mb: float
    max_memory_mb: float
    outcome: str


@dataclass(slots=True)
class Found:
    """The runs in some lines, and what became of the other lines.

    ``broken`` are REPORT lines that lack a number; ``others`` belong to no REPORT. ``tells_errors``:
    whether the lines would tell of an exception that a handler raised.
    """

    runs: list[Run] = field(default_factory=list)
    looked_at: int = 0
    broken: int = 0
    tells_errors: bool = False


class Reader:
    """Reads lines in their order, and keeps of each request what its other lines said."""

    def __init__(self) -> None:
        self.found = Found()
        self._failed: dict[tuple[str, str], str] = {}  # what has no REPORT yet
        self._last: dict[tuple[str, str], Run] = {}  # a request that is tried again has several
        self._running: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def read(self, lines: Iterator[Line]) -> Found:
        """All runs in the lines."""
        for line in lines:
            self.found.looked_at += 1
            if line.text.lstrip(_LEADING).startswith("{"):
                self._json(line)
            else:
                self._text(line)
        for run in self.found.runs:
            run.function = run.function or self._names.get(run.environment, "")
        return self.found

    def _text(self, line: Line) -> None:
        text = line.text
        if "RequestId:" in text:
            line = _unprefixed(line)
            if report := _REPORT.search(text):
                self._report(report[1], line)
                return
            if mark := _MARK.search(text):
                self._mark(mark[1], mark[2], line.stream)
                return
        if "ERROR" in text or "timed out" in text:
            self._complaint(line)

    def _report(self, request_id: str, line: Line) -> None:
        parts = {name: float(value.replace(",", "")) for name, value, _ in _PART.findall(line.text)}
        if "Duration" not in parts:
            self.found.broken += 1
            return
        status = _STATUS.search(line.text)
        init = parts.get("Init Duration", parts.get("Restore Duration", NAN))
        self._run(
            request_id, line, parts["Duration"], init, parts.get("Billed Duration", NAN),
            parts.get("Memory Size", NAN), parts.get("Max Memory Used", NAN),
            _outcome(status[1] if status else "success"),
        )  # fmt: skip

    def _run(
        self, request_id: str, line: Line, duration: float, init: float, billed: float,
        memory: float, used: float, outcome: str,
    ) -> None:  # fmt: skip
        name = line.function or _in_stream(line.stream)
        key = line.stream, request_id
        told = self._failed.pop(key, SUCCESS)
        run = Run(
            request_id, name, line.stream, line.at, duration, init, billed, memory, used,
            told if outcome == SUCCESS else outcome,
        )  # fmt: skip
        self._last[key] = run
        if self._running.get(line.stream) == request_id:  # its END may have been left out
            del self._running[line.stream]
        self.found.runs.append(run)

    def _fail(self, stream: str, request_id: str, outcome: str) -> None:
        """A run has failed: the one that goes on, or the one whose REPORT has come already."""
        last = self._last.get((stream, request_id))
        if last is None or self._running.get(stream) == request_id:
            self._failed[stream, request_id] = outcome
        elif last.outcome == SUCCESS:
            last.outcome = outcome

    def _mark(self, kind: str, request_id: str, stream: str) -> None:
        """START and END: whose error a line between them is. Without a stream two may run at once."""
        if kind == "END":
            self._running.pop(stream, None)
        elif stream in self._running and not stream:
            self._running[stream] = ""
        else:
            self._running[stream] = request_id

    def _complaint(self, line: Line) -> None:
        """A line by which a runtime or the platform tells that a run has failed."""
        if late := _TIMED_OUT.search(line.text):
            self._fail(_unprefixed(line).stream, late[1], TIMEOUT)
            return
        line = _unprefixed(line)
        if named := _NODE_ERROR.search(line.text):
            whose = named[1]
        elif _PYTHON_ERROR.match(line.text.lstrip(_LEADING)):
            whose = self._running.get(line.stream, "")
        else:
            return
        self.found.tells_errors = True
        if whose:
            self._fail(line.stream, whose, ERROR)

    def _json(self, line: Line) -> None:
        try:
            event = orjson.loads(line.text)
        except orjson.JSONDecodeError:
            return
        if not isinstance(event, dict):
            return
        record = event.get("record")
        if not isinstance(record, dict):
            return
        kind = event.get("type")
        if kind == "platform.initStart" and record.get("functionName"):
            name = str(record["functionName"])
            known = self._names.setdefault(line.stream, name)
            self._names[line.stream] = name if known == name else ""
        if kind != "platform.report":
            return
        metrics = record.get("metrics")
        if not isinstance(metrics, dict) or not _is_number(metrics.get("durationMs")):
            self.found.broken += 1
            return
        self.found.tells_errors = True
        if line.at != line.at:
            line = line._replace(at=seconds(event.get("time")))
        init = metrics.get("initDurationMs", metrics.get("restoreDurationMs"))
        billed, memory, used = (
            _number(metrics.get(name))
            for name in ("billedDurationMs", "memorySizeMB", "maxMemoryUsedMB")
        )
        self._run(
            str(record.get("requestId", "")), line, float(metrics["durationMs"]), _number(init),
            billed, memory, used, _outcome(str(record.get("status", "success"))),
        )  # fmt: skip


def events(found: Any, function: str = "", stream: str = "") -> Iterator[Line]:
    """Lines of what an API of CloudWatch Logs answers, or a subscription sends: events with a message."""
    for event in found:
        yield Line(
            str(event.get("message") or event.get("@message") or "").rstrip("\r\n"),
            seconds(event.get("timestamp", event.get("@timestamp"))),
            function or group_name(str(event.get("logGroup") or event.get("@log") or "")),
            str(event.get("logStreamName") or event.get("@logStream") or stream),
        )


def unwrapped(lines: Iterator[Line]) -> Iterator[Line]:
    """Lines, those of a subscription (one JSON object with many events) taken apart."""
    for line in lines:
        if '"logEvents"' not in line.text:
            yield line
            continue
        try:
            sent = orjson.loads(line.text)
            yield from events(
                sent["logEvents"], group_name(str(sent.get("logGroup", ""))),
                str(sent.get("logStream", "")),
            )  # fmt: skip
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            yield line


def seconds(value: object) -> float:
    """A moment as seconds since 1970, NaN where it is none: ISO text (UTC unless it says otherwise),
    or milliseconds, as CloudWatch counts.

    >>> seconds("2025-01-07T00:00:01.500Z"), seconds(1736208001500), seconds("nothing")
    (1736208001.5, 1736208001.5, nan)
    """
    if _is_number(value):
        return float(value) / 1000  # type: ignore[arg-type]
    if not isinstance(value, str):
        return NAN
    text = value.strip()
    if text.isdigit():
        return int(text) / 1000
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return NAN
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()


def group_name(group: str) -> str:
    """The function's name in that of its log group, with or without an account in front.

    >>> group_name("123456789012:/aws/lambda/orders"), group_name("/shop/logs")
    ('orders', '')
    """
    _, found, name = group.partition("/aws/lambda/")
    return name if found else ""


def _unprefixed(line: Line) -> Line:
    """The line without the time and log stream that tools put in front, which are kept."""
    text, at, stream = line.text.lstrip(_LEADING), line.at, line.stream
    while found := _TIME.match(text) or _STREAM.match(text):
        if found.re is _TIME:
            at = at if at == at else seconds(found[0])
        else:
            stream = stream or found[0]
        text = text[found.end() :].lstrip(_LEADING)
    return Line(text, at, line.function, stream)


def _in_stream(stream: str) -> str:
    """The function's name, where the log group is not its own and the stream bears it."""
    found = _NAME_IN_STREAM.match(stream)
    return found[1] if found else ""


def _outcome(status: str) -> str:
    status = status.lower()
    return status if status in (SUCCESS, TIMEOUT) else ERROR


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: object) -> float:
    return float(value) if _is_number(value) else NAN  # type: ignore[arg-type]


def is_event(row: Mapping[str, Any]) -> bool:
    """Whether a row is a log event with a message, rather than the numbers of a run."""
    return "message" in row or "@message" in row
