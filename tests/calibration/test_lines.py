"""REPORT lines in every form in which people have them, and what other lines say about their runs."""

from __future__ import annotations

import json
import math

import pytest

import lambdalab as ll
from lambdalab.calibration.lines import Line, Reader, events, group_name, seconds, unwrapped

ID = "8f507cfc-e6d0-4bd0-9a4d-7b0f6f2f1a11"
REPORT = (
    f"REPORT RequestId: {ID}\tDuration: 1234.56 ms\tBilled Duration: 1235 ms\tMemory Size: 512 MB\t"
    "Max Memory Used: 87 MB\t"
)
COLD = f"{REPORT}Init Duration: 310.20 ms\t"
STREAM = "2025/01/07/[$LATEST]92ed8f8b9f2ba53b8824f91230ddebfd"
AT = 1736208001.5  # 2025-01-07T00:00:01.500Z


def read(*texts, **how):
    return Reader().read(Line(text, **how) for text in texts)


def only(*texts, **how):
    (run,) = read(*texts, **how).runs
    return run


def test_every_number_of_a_report() -> None:
    run = only(COLD, at=AT, function="orders", stream=STREAM)
    assert (run.request_id, run.function, run.environment, run.ended) == (ID, "orders", STREAM, AT)
    assert (run.duration_ms, run.billed_ms, run.init_ms) == (1234.56, 1235, 310.2)
    assert (run.memory_mb, run.max_memory_mb, run.outcome) == (512, 87, "success")
    assert math.isnan(only(REPORT).init_ms)
    assert math.isnan(only(REPORT).ended)


@pytest.mark.parametrize(
    "text",
    [
        COLD.replace("\t", " "),
        COLD.replace("\t", "    ").strip(),
        f"{COLD}\nXRAY TraceId: 1-677c-ab SegmentId: 1f Sampled: true".replace("\n", "\t"),
        f"2025-01-07T00:00:01.500Z {COLD}",
        f"2025-01-07T01:00:01.500+01:00\t{COLD}",
        f"2025-01-07T00:00:01.500000+00:00 {STREAM} {COLD}",
        f"{STREAM} 2025-01-07T00:00:01.500000 {COLD}",
        f"1736208001500 {COLD}",
        f"\ufeff{COLD}",
    ],
)
def test_what_tools_do_to_a_line(text: str) -> None:
    run = only(text)
    assert (run.request_id, run.duration_ms, run.init_ms) == (ID, 1234.56, 310.2)
    if "2025-01" in text or "17362" in text:
        assert run.ended == AT
    assert run.environment == (STREAM if STREAM in text else "")


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        ("", "success"),
        ("Status: timeout", "timeout"),
        ("Status: error\tError Type: Runtime.ExitError", "error"),
        ("Status: failure", "error"),
    ],
)
def test_how_a_run_ended(end: str, outcome: str) -> None:
    assert only(REPORT + end).outcome == outcome


def test_a_restore_is_a_cold_start() -> None:
    text = REPORT + "Restore Duration: 432.10 ms\tBilled Restore Duration: 89 ms\t"
    run = only(text)
    assert (run.init_ms, run.duration_ms, run.billed_ms) == (432.1, 1234.56, 1235)


TIMED_OUT = f"2025-01-07T00:00:04.500Z {ID} Task timed out after 3.00 seconds"


@pytest.mark.parametrize("later", [False, True])
def test_a_line_about_a_timeout_before_its_report_or_after(later: bool) -> None:
    """AWS wrote it after the REPORT, a lab writes it before: one run of two is meant."""
    other = REPORT.replace(ID, "other")
    begun = f"START RequestId: {ID} Version: $LATEST"
    lines = [begun, REPORT, TIMED_OUT] if later else [begun, TIMED_OUT, REPORT]
    runs = read(other, *lines).runs
    assert [run.outcome for run in runs] == ["success", "timeout"]


def test_of_a_request_that_is_tried_again_only_the_run_that_failed() -> None:
    begun, ended = f"START RequestId: {ID} Version: 1", f"END RequestId: {ID}"
    first, second = (begun, TIMED_OUT, ended, REPORT), (begun, ended, REPORT)
    assert [run.outcome for run in read(*first, *second).runs] == ["timeout", "success"]
    assert [run.outcome for run in read(*second, *first).runs] == ["success", "timeout"]


def test_an_exception_of_python_belongs_to_the_run_around_it() -> None:
    begun, ended = f"START RequestId: {ID} Version: 1", f"END RequestId: {ID}"
    found = read(begun, "[ERROR] KeyError: 'stock'\nTraceback ...", ended, REPORT)
    assert [run.outcome for run in found.runs] == ["error"]
    assert found.tells_errors
    logged = read(begun, f"[ERROR]\t2025-01-07T00:00:01.5Z\t{ID}\tout of stock", ended, REPORT)
    assert [run.outcome for run in logged.runs] == ["success"], (
        "a handler may log an error and go on"
    )


def test_an_exception_between_two_runs_at_once_is_nobodys() -> None:
    """Without log streams nobody can say whose it is; with them it is plain."""
    lines = [
        ("a", "START RequestId: one Version: 1"), ("b", "START RequestId: two Version: 1"),
        ("a", "[ERROR] KeyError: 'stock'"), ("a", "END RequestId: one"),
        ("a", REPORT.replace(ID, "one")), ("b", "END RequestId: two"),
        ("b", REPORT.replace(ID, "two")),
    ]  # fmt: skip
    blind = read(*(text for _, text in lines))
    assert [run.outcome for run in blind.runs] == ["success", "success"]
    assert blind.tells_errors
    seen = Reader().read(Line(text, stream=stream) for stream, text in lines)
    assert [run.outcome for run in seen.runs] == ["error", "success"]


def test_an_exception_of_node_names_its_request() -> None:
    told = f'2025-01-07T00:00:01.500Z\t{ID}\tERROR\tInvoke Error \t{{"errorType":"Error"}}'
    assert only(told, REPORT).outcome == "error"


def platform(kind: str = "report", **record) -> str:
    metrics = {
        "durationMs": 1234.56, "billedDurationMs": 1235, "memorySizeMB": 512, "maxMemoryUsedMB": 87,
        "initDurationMs": 310.2,
    }  # fmt: skip
    told = {"requestId": ID, "metrics": metrics, "status": "success"} | record
    event = {"time": "2025-01-07T00:00:01.500Z", "type": f"platform.{kind}", "record": told}
    return json.dumps(event)


def test_a_report_in_json() -> None:
    run = only(platform())
    assert (run.duration_ms, run.billed_ms, run.init_ms) == (1234.56, 1235, 310.2)
    assert (run.memory_mb, run.max_memory_mb, run.ended) == (512, 87, AT)
    assert only(platform(status="timeout")).outcome == "timeout"
    assert only(platform(status="error", errorType="Runtime.Unknown")).outcome == "error"
    assert read(platform()).tells_errors
    restored = {"durationMs": 5.0, "restoreDurationMs": 300.0}
    assert only(platform(metrics=restored)).init_ms == 300


def test_json_tells_the_functions_name_at_an_init() -> None:
    begun = platform("initStart", functionName="orders")
    assert only(begun, platform(), stream=STREAM).function == "orders"
    other = platform("initStart", functionName="bills")
    assert only(begun, platform(), begun).function == "orders"
    assert only(begun, platform(), other).function == "", "without streams nobody knows whose it is"


def test_a_stream_in_a_group_of_many_bears_the_functions_name() -> None:
    assert only(REPORT, stream="2025/01/07/orders[$LATEST]92ed8f8b").function == "orders"
    assert only(REPORT, stream=STREAM).function == ""


def test_what_is_no_report_is_counted() -> None:
    other = [
        "hello",
        "REPORT card",
        "{not json",
        '{"a": 1}',
        "[1, 2]",
        '{"record": 1}',
        "",
        "{1: 2}",
    ]
    found = read(*other, REPORT, "REPORT RequestId: x\tBilled Duration: 3 ms", platform(metrics={}))
    assert (found.looked_at, len(found.runs), found.broken) == (len(other) + 3, 1, 2)


def test_events_of_an_api() -> None:
    answer = [
        {
            "logStreamName": STREAM,
            "timestamp": 1736208001500,
            "message": f"{COLD}\n",
            "eventId": "1",
        }
    ]
    (line,) = events(answer)
    assert line == Line(COLD, AT, "", STREAM)


def test_a_subscription_sends_many_in_one() -> None:
    sent = {
        "messageType": "DATA_MESSAGE", "logGroup": "/aws/lambda/orders", "logStream": STREAM,
        "logEvents": [{"id": "1", "timestamp": 1736208001500, "message": COLD}],
    }  # fmt: skip
    run = Reader().read(unwrapped(iter([Line(json.dumps(sent)), Line("hello")]))).runs[0]
    assert (run.function, run.environment, run.ended) == ("orders", STREAM, AT)
    strange = '{"logEvents": 3}'
    assert list(unwrapped(iter([Line(strange)]))) == [Line(strange)]


def test_moments() -> None:
    assert seconds("2025-01-07T00:00:01.5") == AT == seconds("2025-01-07 00:00:01,500")
    assert seconds(1736208001500) == AT == seconds("1736208001500")
    assert math.isnan(seconds("soon"))
    assert math.isnan(seconds(None))
    assert math.isnan(seconds(True))
    assert group_name("/aws/lambda/orders") == "orders"


def test_the_labs_own_lines_are_read_whole() -> None:
    """Both formats, with timeouts, crashes and exceptions: as many runs, and as they ended."""
    for log_format in ("Text", "JSON"):
        lab = ll.Lab(seed=7, rules="latest")

        @lab.function(timeout=2, log_format=log_format)
        def work(event, context):
            import os
            import time

            print("at work")
            if event["n"] % 5 == 0:
                raise KeyError("stock")
            if event["n"] % 7 == 0:
                os._exit(3)
            time.sleep(5 if event["n"] % 11 == 0 else 0.2)

        lab.drive(work, ll.Every(30), count=60, payload=lambda i: {"n": i})
        lab.run()
        rows = lab.trace.logs
        found = Reader().read(
            Line(message, function="work", stream=stream)
            for message, stream in zip(rows["message"], rows["log_stream"], strict=True)
        )
        table = lab.trace.attempts
        expected = ["error" if o in ("error", "exit") else str(o) for o in table["outcome"]]
        assert {"error", "timeout", "success"} == set(expected)
        assert [run.outcome for run in found.runs] == expected
        took = [run.duration_ms for run in found.runs]
        assert took == pytest.approx(table["duration_ms"].tolist(), abs=0.011)
        assert found.tells_errors
