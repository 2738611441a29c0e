"""The platform's log lines of one environment or attempt, in Lambda's text and JSON formats.

Forms of the lines: dg/python-logging, dg/lambda-runtime-environment, dg/telemetry-schema-reference,
dg/monitoring-cloudwatchlogs-logformat and -log-level, and recorded runs of 2023 to 2026. Only text is
made here: nothing of this brings pandas.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol

from lambdalab.trace.codes import AttemptOutcome, EnvironmentKind, InitStatus

#: Order of lines that bear the same time and belong to the same attempt.
INIT_START, INIT_LINE, INIT_REPORT, LATE_LINE, LATE_REPORT, START, LINE, END, REPORT = range(9)

_ENDED = (
    AttemptOutcome.EXIT, AttemptOutcome.OUT_OF_MEMORY, AttemptOutcome.INIT_ERROR,
    AttemptOutcome.KILLED,
)  # fmt: skip
_FAILED = (InitStatus.TIMEOUT, InitStatus.ERROR)


class Attempt(NamedTuple):
    """What the lines tell of an attempt: its numbers in the books, times in microseconds of the lab.

    ``handler`` is when the handler began, ``ended`` when it was over (-1: it is not); ``message`` the
    error's text.
    """

    request_id: str
    version: str
    handler: int
    ended: int
    init_us: int
    init_status: int
    invoke_init_status: int
    duration_us: int
    billed_ms: int
    memory_mb: int
    max_memory_mb: int
    outcome: int
    error_type: str
    message: str

    @property
    def init_failed_inside(self) -> bool:
        """Whether it came no further than the init inside the invoke."""
        return self.invoke_init_status in _FAILED

    @property
    def told_init_us(self) -> int:
        """The init that its report tells of: one that failed is none."""
        return self.init_us if self.init_status == InitStatus.SUCCESS else 0


class Form(Protocol):
    """How an environment's platform lines are written."""

    def init_start(self, at: int) -> str:
        """An init begins; "" where nothing is said of it."""

    def init_report(self, at: int, us: int, phase: str, status: int, error_type: str) -> list[str]:
        """An init of the ``phase`` ("init" or "invoke") is over."""

    def start(self, at: int, attempt: Attempt) -> str:
        """The handler begins."""

    def end(self, at: int, attempt: Attempt) -> str:
        """The handler is over."""

    def report(self, at: int, attempt: Attempt) -> str:
        """What it took."""


Line = tuple[int, int, str]
"""Time, place among those of the same time, text."""


def init_lines(form: Form, begun: int, us: int, status: int, error_type: str) -> Iterator[Line]:
    """The platform's lines about the init of a new environment; ``status`` 0: it is not over."""
    if line := form.init_start(begun):
        yield begun, INIT_START, line
    if status:
        for line in form.init_report(begun + us, us, "init", status, error_type):
            yield begun + us, INIT_REPORT, line


def attempt_lines(form: Form, attempt: Attempt) -> Iterator[Line]:
    """The platform's lines about one attempt.

    Where it came no further than the init inside it, it starts when it ends: so it was recorded.
    """
    ended = attempt.ended
    began = attempt.handler
    if attempt.init_failed_inside:
        began = ended
        for line in form.init_report(
            ended, attempt.duration_us, "invoke", attempt.invoke_init_status, attempt.error_type
        ):
            yield ended, LATE_REPORT, line
    if line := form.start(began, attempt):
        yield began, START, line
    if ended < 0:
        return
    if attempt.outcome == AttemptOutcome.TIMEOUT and not attempt.error_type:  # before 2025
        yield ended, LINE, attempt.message
    if line := form.end(ended, attempt):
        yield ended, END, line
    if line := form.report(ended, attempt):
        yield ended, REPORT, line


def form_of(
    settings: Mapping[str, object], function: str, version: str, kind: int, start_us: int
) -> Form:
    """The form of an environment's lines.

    Parameters: the settings in force when it was made (``runtime``, ``log_format``,
    ``system_log_level``), its function and version, its :class:`.EnvironmentKind`, and the lab's start in
    microseconds since 1970.
    """
    runtime = str(settings.get("runtime") or "python3.13")
    if settings.get("log_format") != "JSON":
        return TextForm(runtime)
    level = str(settings.get("system_log_level") or "INFO")
    return JsonForm(runtime, function, version or "$LATEST", kind, level, start_us)


class TextForm:
    """Plain text, fields separated by tabs: the default."""

    def __init__(self, runtime: str) -> None:
        self._runtime = runtime

    def init_start(self, at: int) -> str:
        """INIT_START: the runtime's version."""
        version, arn = runtime_of(self._runtime)
        return f"INIT_START Runtime Version: {version}\tRuntime Version ARN: {arn}"

    def init_report(self, at: int, us: int, phase: str, status: int, error_type: str) -> list[str]:
        """INIT_REPORT, which is written for an init that failed."""
        if status not in _FAILED:
            return []
        told = "timeout"
        if status == InitStatus.ERROR:
            told = f"error\tError Type: {reported(error_type)}"
        return [f"INIT_REPORT Init Duration: {in_ms(us)} ms\tPhase: {phase}\tStatus: {told}"]

    def start(self, at: int, attempt: Attempt) -> str:
        """START; an unknown version ("") is the latest."""
        return f"START RequestId: {attempt.request_id} Version: {attempt.version or '$LATEST'}"

    def end(self, at: int, attempt: Attempt) -> str:
        """END."""
        return f"END RequestId: {attempt.request_id}"

    def report(self, at: int, attempt: Attempt) -> str:
        r"""REPORT: durations, memory, and how it ended where the platform ended it.

        >>> TextForm("").report(0, Attempt("id", "", 0, 1770, 0, 0, 0, 1770, 2, 128, 37, 1, "", ""))
        'REPORT RequestId: id\tDuration: 1.77 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 37 MB\t'
        """  # noqa: E501
        init_us = attempt.told_init_us
        init = f"Init Duration: {in_ms(init_us)} ms\t" if init_us else ""
        return (
            f"REPORT RequestId: {attempt.request_id}\tDuration: {in_ms(attempt.duration_us)} ms\t"
            f"Billed Duration: {attempt.billed_ms} ms\tMemory Size: {attempt.memory_mb} MB\t"
            f"Max Memory Used: {attempt.max_memory_mb} MB\t{init}"
            f"{_text_status(attempt.outcome, attempt.error_type)}"
        )


def _text_status(outcome: int, error_type: str) -> str:
    """What a REPORT line says of an attempt that the platform, not the handler, ended."""
    if outcome == AttemptOutcome.TIMEOUT:
        return "Status: timeout" if error_type else ""
    if outcome in _ENDED:
        return f"Status: error\tError Type: {reported(error_type)}"
    return ""


_LEVELS = {"DEBUG": 0, "INFO": 1, "WARN": 2}
_INITIALIZATION = {
    EnvironmentKind.ON_DEMAND: "on-demand",
    EnvironmentKind.PROVISIONED: "provisioned-concurrency",
}
_INIT_WORDS = {
    InitStatus.SUCCESS: "success", InitStatus.TIMEOUT: "timeout", InitStatus.ERROR: "error"
}  # fmt: skip
_EPOCH = dt.datetime(1970, 1, 1)  # naive, and UTC


class JsonForm:
    """One JSON object a line: platform events of the system log level and above.

    Which level an event has: dg/monitoring-cloudwatchlogs-log-level.
    """

    def __init__(
        self, runtime: str, function: str, version: str, kind: int, level: str, start_us: int
    ) -> None:
        self._runtime, self._function, self._version = runtime, function, version
        self._kind, self._least, self._start_us = _INITIALIZATION[kind], _LEVELS[level], start_us

    def init_start(self, at: int) -> str:
        """platform.initStart."""
        version, arn = runtime_of(self._runtime)
        record = {
            "initializationType": self._kind, "phase": "init", "runtimeVersion": version,
            "runtimeVersionArn": arn, "functionName": self._function,
            "functionVersion": self._version,
        }  # fmt: skip
        return self._event(at, "initStart", record, "INFO")

    def init_report(self, at: int, us: int, phase: str, status: int, error_type: str) -> list[str]:
        """platform.initRuntimeDone and platform.initReport."""
        failed = status in _FAILED
        record: dict[str, object] = {
            "initializationType": self._kind, "phase": phase, "status": _INIT_WORDS[status]
        }  # fmt: skip
        if status == InitStatus.ERROR:
            record["errorType"] = reported(error_type)
        usual = "DEBUG" if self._kind == "on-demand" else "INFO"
        lines = [
            self._event(at, "initRuntimeDone", record, "WARN" if failed else "DEBUG"),
            self._event(
                at, "initReport", record | {"metrics": {"durationMs": us / 1000}},
                "WARN" if failed else usual,
            ),
        ]  # fmt: skip
        return [line for line in lines if line]

    def start(self, at: int, attempt: Attempt) -> str:
        """platform.start."""
        record = {"requestId": attempt.request_id, "version": attempt.version or "$LATEST"}
        return self._event(at, "start", record, "INFO")

    def end(self, at: int, attempt: Attempt) -> str:
        """platform.runtimeDone."""
        metrics = {"durationMs": attempt.duration_us / 1000}
        return self._done(at, "runtimeDone", attempt, metrics, "DEBUG")

    def report(self, at: int, attempt: Attempt) -> str:
        """platform.report."""
        metrics: dict[str, float] = {
            "durationMs": attempt.duration_us / 1000,
            "billedDurationMs": attempt.billed_ms,
            "memorySizeMB": attempt.memory_mb,
            "maxMemoryUsedMB": attempt.max_memory_mb,
        }
        if init_us := attempt.told_init_us:
            metrics["initDurationMs"] = init_us / 1000
        return self._done(at, "report", attempt, metrics, "INFO")

    def _done(
        self, at: int, kind: str, attempt: Attempt, metrics: Mapping[str, float], usual: str
    ) -> str:
        record: dict[str, object] = {"requestId": attempt.request_id, "metrics": metrics}
        level = "WARN"
        if attempt.outcome == AttemptOutcome.SUCCESS:
            record["status"], level = "success", usual
        elif attempt.outcome == AttemptOutcome.TIMEOUT:
            record["status"] = "timeout"
        else:
            record |= {"status": "error", "errorType": reported(attempt.error_type)}
        return self._event(at, kind, record, level)

    def _event(self, at: int, kind: str, record: Mapping[str, object], level: str) -> str:
        if _LEVELS[level] < self._least:
            return ""
        moment = _EPOCH + dt.timedelta(microseconds=self._start_us + at)
        event = {
            "time": f"{moment.isoformat(timespec='milliseconds')}Z",
            "type": f"platform.{kind}",
            "record": record,
        }
        return json.dumps(event, separators=(",", ":"), ensure_ascii=False)


def in_ms(us: int) -> str:
    """Microseconds as milliseconds with two decimals, as anybody prints the attempts table's.

    >>> in_ms(2190), in_ms(3_000_000), in_ms(79_175)
    ('2.19', '3000.00', '79.17')
    """
    return f"{us / 1000:.2f}"


def runtime_of(runtime: str) -> tuple[str, str]:
    """Version and ARN of a runtime ("python3.13"), as INIT_START tells them; AWS's change with time."""
    version = runtime.replace("python", "python:") if runtime.startswith("python") else runtime
    digest = hashlib.sha256(runtime.encode()).hexdigest()
    return f"{version}.v1", f"arn:aws:lambda:us-east-1::runtime:{digest}"


def reported(error_type: str) -> str:
    """An error's type in the platform's own lines: AWS's own names, and one for everything else.

    So does the open source of AWS's runtime interface emulator.

    >>> reported("Runtime.ExitError"), reported("KeyError")
    ('Runtime.ExitError', 'Runtime.Unknown')
    """
    own = error_type.startswith(("Runtime.", "Function.", "Sandbox."))
    return error_type if own else "Runtime.Unknown"


def tail(text: str, size: int) -> str:
    """The last ``size`` bytes of a log, whole characters only.

    >>> tail("aé", 2), tail("aé", 1)
    ('é', '')
    """
    return text.encode()[-size:].decode(errors="ignore")


SettingsOf = Callable[[str, str, int], Mapping[str, object]]
"""Function, version and environment in, the settings of its logs out."""


def settings_of(wiring: Mapping[str, Mapping[str, object]]) -> SettingsOf:
    """Find the settings an environment logs by in what the books have been told of them."""
    known: dict[tuple[str, str], list[tuple[int, Mapping[str, object]]]] = {}
    for name, settings in wiring.items():
        function, version, first = name.rsplit(":", 2)
        known.setdefault((function, version), []).append((int(first), settings))

    def find(function: str, version: str, environment: int) -> Mapping[str, object]:
        told = [s for first, s in known.get((function, version), ()) if first <= environment]
        return told[-1] if told else {}

    return find
