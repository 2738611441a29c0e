"""The platform's lines: in both formats, by level, about every kind of init; and the reply's tail."""

from __future__ import annotations

import base64
import json
import os
import re
import time
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidSetting
from lambdalab.trace.loglines import tail


def words(lines: list[str]) -> list[str]:
    """The first word of each line; an event's type, where the line is JSON."""
    found = []
    for line in lines:
        if line.startswith("{"):
            members = json.loads(line)
            found.append(members.get("type") or members.get("message") or members["errorType"])
        else:
            found.append(re.split(r"\s", line)[0])
    return found


# ---------------------------------------------------------------------- inits that fail


def test_an_init_of_more_than_ten_seconds_as_it_was_recorded(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, init=12, timeout=3)
    reply = lab.invoke("f")
    first, init, invoke, start, end, report = reply.log.splitlines()
    assert first.startswith("INIT_START Runtime Version: python:3.13.v")
    assert init == "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout"
    assert invoke == "INIT_REPORT Init Duration: 3000.00 ms\tPhase: invoke\tStatus: timeout"
    assert start == f"START RequestId: {reply.request_id} Version: $LATEST"
    assert end == f"END RequestId: {reply.request_id}"
    assert report == (
        f"REPORT RequestId: {reply.request_id}\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\t"
        "Memory Size: 128 MB\tMax Memory Used: 36 MB\tStatus: timeout"
    )


def test_an_init_that_fails_is_run_twice_and_told_twice(lab: ll.Lab) -> None:
    code = "print('hello')\nraise Exception('uh oh')\ndef lambda_handler(event, context): ..."
    lab.create_function("f", code, init=0.1)
    reply = lab.invoke("f")
    told = words(reply.log.splitlines())
    once = ["hello", "[WARNING]", "[ERROR]", "Traceback", "", "", "INIT_REPORT"]
    assert told == ["INIT_START", *once, *once, "START", "END", "REPORT"]
    warnings = [line for line in reply.log.splitlines() if line.startswith("[WARNING]")]
    assert [line.partition(" exception. ")[0] for line in warnings] == [
        f"[WARNING]\t2025-01-07T00:00:00.{ms}Z\t\tLAMBDA_WARNING: Unhandled" for ms in (250, 350)
    ]
    assert "Phase: init\tStatus: error\tError Type: Runtime.Unknown" in reply.log
    assert "Init Duration: 100.00 ms\tPhase: invoke\tStatus: error" in reply.log
    assert "Init Duration" not in reply.log.splitlines()[-1]


def test_an_init_that_works_the_second_time_is_told_once(lab: ll.Lab) -> None:
    """The first found a file of /tmp missing."""
    code = (
        "import os\nif not os.path.exists('/tmp/seen'):\n    open('/tmp/seen', 'w').close()\n"
        "    raise LookupError('not yet')\ndef lambda_handler(event, context):\n    return 'done'"
    )
    lab.create_function("f", code, init=0.1)
    reply = lab.invoke("f")
    assert reply.payload == "done"
    assert words(reply.log.splitlines()).count("INIT_REPORT") == 1
    assert "Duration: 100.00 ms\tBilled Duration: 100 ms" in reply.log.splitlines()[-1]


# ---------------------------------------------------------------------- JSON

NOISY = """
import logging
print("init")
def lambda_handler(event, context):
    logging.info("info")
    print("raw")
    if event == "fail":
        raise KeyError("x")
"""
COLD = ["platform.initStart", "init", "platform.initRuntimeDone", "platform.initReport"]
RUN = ["platform.start", "info", "raw", "platform.runtimeDone", "platform.report"]


@pytest.mark.parametrize(
    ("level", "hidden"),
    [
        ("DEBUG", ()),
        (None, ("initRuntimeDone", "initReport", "runtimeDone")),
        ("INFO", ("initRuntimeDone", "initReport", "runtimeDone")),
        ("WARN", ("initRuntimeDone", "initReport", "runtimeDone", "initStart", "start", "report")),
    ],
)
def test_which_events_the_system_log_level_lets_through(
    lab: ll.Lab, level: str | None, hidden: tuple[str, ...]
) -> None:
    lab.create_function("f", NOISY, log_format="JSON", system_log_level=level)
    gone = {f"platform.{name}" for name in hidden}
    assert words(lab.invoke("f").log.splitlines()) == [w for w in COLD + RUN if w not in gone]


def test_failures_are_warnings(lab: ll.Lab) -> None:
    lab.create_function("f", NOISY, log_format="JSON", system_log_level="WARN")
    lab.invoke("f")
    failed = lab.invoke("f", "fail")
    assert words(failed.log.splitlines()) == [
        "info", "raw", "KeyError", "platform.runtimeDone", "platform.report"
    ]  # fmt: skip
    lab.create_function(
        "g", duration=1, init=12, timeout=3, log_format="JSON", system_log_level="WARN"
    )
    assert words(lab.invoke("g").log.splitlines()) == [
        *["platform.initRuntimeDone", "platform.initReport"] * 2,
        "platform.runtimeDone",
        "platform.report",
    ]


def test_platform_events_to_the_letter(lab: ll.Lab) -> None:
    lab.create_function(
        "f", NOISY, log_format="JSON", system_log_level="DEBUG", init=0.25, memory_size=512
    )
    reply = lab.invoke("f")
    at = '{"time":"2025-01-07T00:00:00.'
    request = f'"requestId":"{reply.request_id}"'
    first, init, done, init_report, start, info, raw, end, report = reply.log.splitlines()
    assert re.fullmatch(
        re.escape(
            f'{at}150Z","type":"platform.initStart","record":{{"initializationType":"on-demand",'
            '"phase":"init","runtimeVersion":"python:3.13.v1","runtimeVersionArn":"ARN",'
            '"functionName":"f","functionVersion":"$LATEST"}}'
        ).replace("ARN", "arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}"),
        first,
    )
    assert (init, raw) == ("init", "raw")
    assert done == (
        f'{at}400Z","type":"platform.initRuntimeDone","record":{{"initializationType":"on-demand",'
        '"phase":"init","status":"success"}}'
    )
    assert init_report == (
        f'{at}400Z","type":"platform.initReport","record":{{"initializationType":"on-demand",'
        '"phase":"init","status":"success","metrics":{"durationMs":250.0}}}'
    )
    assert start == (
        f'{at}400Z","type":"platform.start","record":{{{request},"version":"$LATEST"}}}}'
    )
    assert info == (
        '{"timestamp": "2025-01-07T00:00:00Z", "level": "INFO", "message": "info", '
        f'"logger": "root", "requestId": "{reply.request_id}"}}'
    )
    assert end == (
        f'{at}400Z","type":"platform.runtimeDone","record":{{{request},'
        '"metrics":{"durationMs":0.0},"status":"success"}}'
    )
    assert report == (
        f'{at}400Z","type":"platform.report","record":{{{request},"metrics":{{"durationMs":0.0,'
        '"billedDurationMs":1,"memorySizeMB":512,"maxMemoryUsedMB":36,"initDurationMs":250.0},'
        '"status":"success"}}'
    )


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (lambda event, context: time.sleep(9), "timeout", None),
        (lambda event, context: os._exit(1), "error", "Runtime.ExitError"),
        (lambda event, context: ll.allocate(500), "error", "Runtime.ExitError"),
        (lambda event, context: 1 / 0, "error", "Runtime.Unknown"),
        (lambda event, context: {1}, "error", "Runtime.MarshalError"),
    ],
    ids=["timeout", "exit", "memory", "exception", "marshal"],
)
def test_how_an_attempt_ended(lab: ll.Lab, code: Any, status: str, kind: str | None) -> None:
    lab.create_function("f", code, log_format="JSON")
    record = json.loads(lab.invoke("f").log.splitlines()[-1])["record"]
    assert (record["status"], record.get("errorType")) == (status, kind)


def test_the_record_of_an_uncaught_error(lab: ll.Lab) -> None:
    lab.create_function("f", NOISY, log_format="JSON")
    reply = lab.invoke("f", "fail")
    (line,) = [
        line for line in reply.log.splitlines() if "KeyError" in line and "timestamp" in line
    ]
    document = reply.body.decode()
    assert line == f'{{"timestamp": "2025-01-07T00:00:00Z", "log_level": "ERROR", {document[1:]}'
    lab.update_function("f", application_log_level="FATAL")
    assert "log_level" not in lab.invoke("f", "fail").log


@pytest.mark.parametrize("name", ["application_log_level", "system_log_level"])
def test_levels_belong_to_json(lab: ll.Lab, name: str) -> None:
    with pytest.raises(InvalidSetting, match=name):
        lab.create_function("f", NOISY, **{name: "INFO"})
    with pytest.raises(InvalidSetting, match=name):
        lab.create_function("f", NOISY, log_format="JSON", **{name: "LOUD"})


def test_environments_keep_the_format_they_began_with(lab: ll.Lab) -> None:
    lab.create_function("f", NOISY)
    lab.invoke("f")
    lab.publish_version("f")
    lab.update_function("f", log_format="JSON", runtime="python3.12")
    lab.invoke("f")
    lab.invoke("f:1")
    lab.update_function("f", log_format="Text")
    lab.invoke("f")
    first = lab.trace.logs.groupby("environment_id").message.first().tolist()
    assert [re.search(r"python:3.1\d", line).group() for line in first] == [  # type: ignore[union-attr]
        "python:3.13", "python:3.12", "python:3.13", "python:3.12"
    ]  # fmt: skip
    assert [line[:10] for line in first] == ["INIT_START", '{"time":"2', "INIT_START", "INIT_START"]


# ---------------------------------------------------------------------- the tail


def lines_of(trace: Any, reply: Any) -> str:
    """The lines that the table has for a request, and those of the init that it waited for."""
    logs: pd.DataFrame = trace.logs
    mine = logs.request_id == reply.request_id
    if reply.cold:
        home = trace.attempts.environment_id[trace.attempts.request_id == reply.request_id]
        mine |= (logs.environment_id == home.iloc[0]) & (logs.request_id == "")
    return "".join(f"{line}\n" for line in logs.message[mine])


def test_a_handler_that_prints_a_megabyte_succeeds(lab: ll.Lab) -> None:
    lab.create_function("f", lambda event, context: print("é" * 500_000))
    reply = lab.invoke("f")
    assert reply.function_error is None
    result = base64.b64decode(reply.log_result)
    whole = lines_of(lab.trace, reply).encode()
    assert len(whole) > 1_000_000
    assert result == whole[-len(result) :]
    assert len(result) in (4095, 4096), "a character is never cut"
    result.decode()


def test_many_small_pieces_are_one_line(lab: ll.Lab) -> None:
    def handler(event: Any, context: Any) -> None:
        for _ in range(200_000):
            print("x", end="")
        print("y")

    lab.create_function("f", handler)
    assert lab.invoke("f").log.count("\n") == 3
    assert lab.trace.logs.message.str.len().max() == 200_001


@pytest.mark.parametrize("size", range(1, 12))
def test_the_tail_holds_whole_characters(size: int) -> None:
    text = "aé€😀b"
    assert text.endswith(tail(text, size))
    assert size - 3 <= len(tail(text, size).encode()) <= size


CODE = """
import logging, os, sys, time
import lambdalab as ll
if ll.MODE == "init":
    raise LookupError("init")
if ll.MODE == "leave":
    sys.exit(0)
print("loaded")
kept = []
def lambda_handler(event, context):
    print("in", event["n"])
    logging.warning("warned")
    time.sleep(event["sleep"])
    kept.append(ll.allocate(event["mb"]))
    ll.compute(event["cpu"])
    if event["end"] == "raise":
        raise KeyError(event["n"])
    if event["end"] == "exit":
        os._exit(3)
    return event["n"]
"""
EVENTS = st.fixed_dictionaries(
    {
        "n": st.integers(0, 9),
        "sleep": st.sampled_from([0, 0.0123, 1, 5]),
        "mb": st.sampled_from([0, 10.5, 60, 200]),
        "cpu": st.sampled_from([0, 0.01]),
        "end": st.sampled_from(["", "", "raise", "exit"]),
    }
)


@settings(max_examples=40)
@given(
    events=st.lists(EVENTS, min_size=1, max_size=6),
    mode=st.sampled_from(["", "", "", "init", "leave"]),
    form=st.sampled_from(["Text", "JSON"]),
    level=st.sampled_from(["DEBUG", "INFO", "WARN"]),
    rules=st.sampled_from(["2024-06-01", "2025-01-07", "latest"]),
    init=st.sampled_from([0.05, 0.0501234, 11]),
    seed=st.integers(0, 99),
)
def test_tail_table_and_attempts_agree_to_the_digit(
    events: list[dict[str, Any]],
    mode: str,
    form: str,
    level: str,
    rules: str,
    init: float,
    seed: int,
) -> None:
    lab = ll.Lab(seed=seed, rules=rules)
    chosen: dict[str, Any] = {"log_format": form, "init": init, "timeout": 3, "memory_size": 128}
    if form == "JSON":
        chosen["system_log_level"] = level
    code = CODE.replace("ll.MODE", repr(mode))
    lab.create_function("f", code, idle_expiry=600 if seed % 2 else 0, **chosen)
    lab.create_function("model", duration=ll.Exponential(1.5), failure_rate=0.3, **chosen)
    replies = [lab.invoke("f", event) for event in events]
    replies += [lab.invoke("model") for _ in range(3)]
    lab.drive("model", ll.Poisson(2), count=5)
    lab.run()
    for reply in replies:
        whole = lines_of(lab.trace, reply)
        assert reply.log == tail(whole, 4096)
    check_reports(lab)


def check_reports(lab: ll.Lab) -> None:
    """Each report's numbers are those of its attempt."""
    attempts = {row.request_id: row for row in lab.trace.attempts.itertuples()}
    lines = [*lab.trace.logs.itertuples()]
    reports = [line for line in lines if report_of(line.message)]
    level_hides = any(line.message.startswith("{") for line in lines)
    assert level_hides or len(reports) == len(attempts)
    for line in reports:
        attempt, told = attempts[line.request_id], report_of(line.message)
        assert told is not None
        has_init = attempt.init_status == "success" and attempt.init_ms > 0
        digits = 3 if line.message.startswith("{") else 2
        expected = {
            "duration": float(f"{attempt.duration_ms:.{digits}f}"),
            "billed": int(attempt.billed_ms),
            "memory": int(attempt.memory_mb),
            "used": int(attempt.max_memory_mb),
            "init": float(f"{attempt.init_ms:.{digits}f}") if has_init else None,
        }
        assert told == expected
        assert line.at == attempt.ended_at


def report_of(line: str) -> dict[str, Any] | None:
    """The numbers of a REPORT line or a platform.report."""
    if line.startswith('{"time"') and '"platform.report"' in line:
        metrics = json.loads(line)["record"]["metrics"]
        names = (
            "durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs"
        )  # fmt: skip
        found = [metrics.get(name) for name in names]
    else:
        match = re.match(
            r"REPORT RequestId: \S+\tDuration: ([\d.]+) ms\tBilled Duration: (\d+) ms\t"
            r"Memory Size: (\d+) MB\tMax Memory Used: (\d+) MB\t(?:Init Duration: ([\d.]+) ms\t)?",
            line,
        )
        if match is None:
            return None
        duration, billed, memory, used, init = match.groups()
        found = [float(duration), int(billed), int(memory), int(used), init and float(init)]
    return dict(zip(("duration", "billed", "memory", "used", "init"), found, strict=True))
