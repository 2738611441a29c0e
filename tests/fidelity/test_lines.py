"""Log lines that other tests do not show."""

from __future__ import annotations

import json
import re

import pytest

import lambdalab as ll

FAIL = "import time\ndef lambda_handler(event, context):\n    print('plain')\n    raise ValueError('no')"


def messages(lab: ll.Lab) -> list[str]:
    return [str(message) for message in lab.trace.logs["message"]]


def test_frames_are_indented_with_no_break_spaces(lab: ll.Lab) -> None:
    lab.create_function("f", FAIL)
    log = lab.invoke("f").log
    assert (
        "[ERROR] ValueError: no\nTraceback (most recent call last):\n"
        '\u00a0\u00a0File "/var/task/lambda_function.py", line 4, in lambda_handler\n'
        "\u00a0\u00a0\u00a0\u00a0raise ValueError('no')" in log
    )


def test_print_stays_text_in_json(lab: ll.Lab) -> None:
    lab.create_function("f", FAIL, log_format="JSON")
    lab.invoke("f")
    assert "plain" in messages(lab)


def test_an_error_nobody_caught_in_json(lab: ll.Lab) -> None:
    lab.create_function("f", FAIL, log_format="JSON")
    reply = lab.invoke("f")
    (line,) = [text for text in messages(lab) if '"log_level"' in text]
    told = json.loads(line)
    assert list(told) == [
        "timestamp", "log_level", "errorMessage", "errorType", "requestId", "stackTrace"
    ]  # fmt: skip
    assert (told["log_level"], told["errorMessage"], told["errorType"]) == (
        "ERROR", "no", "ValueError"
    )  # fmt: skip
    assert told["requestId"] == reply.request_id
    assert told["stackTrace"][-1].endswith("    raise ValueError('no')\n")


def test_platform_events_in_json(lab: ll.Lab) -> None:
    lab.create_function("f", "def lambda_handler(event, context): ...", log_format="JSON")
    reply = lab.invoke("f")
    told = [json.loads(text) for text in messages(lab)]
    assert all(list(event) == ["time", "type", "record"] for event in told)
    types = [event["type"] for event in told]
    assert types[0] == "platform.initStart"
    assert types[-1] == "platform.report"
    assert "platform.start" in types
    start = next(event for event in told if event["type"] == "platform.initStart")
    assert start["record"]["initializationType"] == "on-demand"
    assert start["record"]["phase"] == "init"
    assert start["record"]["runtimeVersion"].startswith("python:3.13.v")
    report = told[-1]["record"]
    assert report["requestId"] == reply.request_id
    assert report["metrics"]["billedDurationMs"] == 1


LEVELS = """
import logging
def lambda_handler(event, context):
    for level in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger(), level)(level)
"""


@pytest.mark.parametrize(
    ("level", "written"),
    [(None, 3), ("DEBUG", 4), ("TRACE", 4), ("WARN", 2), ("ERROR", 1), ("FATAL", 0)],
)
def test_the_application_level_filters_json(lab: ll.Lab, level: str | None, written: int) -> None:
    lab.create_function("f", LEVELS, log_format="JSON", application_log_level=level)
    lab.invoke("f")
    assert sum('"level"' in text for text in messages(lab)) == written


def test_the_system_level_filters_platform_events() -> None:
    """Each level writes less than the one before; WARN leaves a success without a line."""
    numbers = []
    for level in ("DEBUG", "INFO", "WARN"):
        lab = ll.Lab()
        code = "def lambda_handler(event, context): ..."
        lab.create_function("f", code, log_format="JSON", system_log_level=level)
        lab.invoke("f")
        numbers.append(len(messages(lab)))
    assert numbers[0] > numbers[1] > numbers[2] == 0


def test_levels_are_for_json_alone(lab: ll.Lab) -> None:
    with pytest.raises(ll.LabError, match="log_level"):
        lab.create_function("f", LEVELS, application_log_level="DEBUG")


# ---- text, to the letter


HASH = re.compile(r"runtime:[0-9a-f]{64}$")
MEMORY = "Memory Size: 128 MB\tMax Memory Used: 36 MB\t"


def test_the_lines_of_a_cold_and_of_a_warm_call(lab: ll.Lab) -> None:
    code = "import time\ndef lambda_handler(event, context):\n    print('own')\n    time.sleep(0.00219)"
    lab.create_function("f", code, init=4.09879)
    replies = [lab.invoke("f") for _ in range(2)]
    first, *told = messages(lab)
    version = "INIT_START Runtime Version: python:3.13.v1\tRuntime Version ARN: "
    assert HASH.sub("", first) == version + "arn:aws:lambda:us-east-1::"
    assert told == [
        line
        for reply, billed, init in zip(
            replies, (3, 3), ("Init Duration: 4098.79 ms\t", ""), strict=True
        )
        for line in (
            f"START RequestId: {reply.request_id} Version: $LATEST",
            "own",
            f"END RequestId: {reply.request_id}",
            f"REPORT RequestId: {reply.request_id}\tDuration: 2.19 ms\t"
            f"Billed Duration: {billed} ms\t{MEMORY}{init}",
        )
    ]
    assert lab.trace.logs["request_id"].iloc[0] == ""
    assert lab.trace.logs["log_stream"].nunique() == 1


def test_the_bill_of_a_cold_call_since_august_2025() -> None:
    """The recorded 2.19 and 4,098.79 ms, billed as 4,101."""
    lab = ll.Lab(rules="2025-08-01")
    code = "import time\ndef lambda_handler(event, context): time.sleep(0.00219)"
    lab.create_function("f", code, init=4.09879)
    assert "Duration: 2.19 ms\tBilled Duration: 4101 ms\t" in lab.invoke("f").log


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("time.sleep(60)", "Duration: 3000.00 ms\tBilled Duration: 3000 ms\t{}Status: timeout"),
        ("os._exit(1)", "Duration: 0.00 ms\tBilled Duration: 1 ms\t{}Status: error\tError Type: "
         "Runtime.ExitError"),
    ],
)  # fmt: skip
def test_what_the_platform_ends_says_so(lab: ll.Lab, end: str, told: str) -> None:
    lab.create_function("f", f"import os, time\ndef lambda_handler(event, context): {end}", init=0)
    lab.invoke("f")
    lab.invoke("f")
    *_, start, close, report = messages(lab)
    assert (start.split()[0], close.split()[0]) == ("START", "END"), "no further line"
    assert report.split("\t", 1)[1] == told.format(MEMORY)


def test_an_exception_is_no_matter_of_the_platform(lab: ll.Lab) -> None:
    lab.create_function("f", FAIL, init=0)
    lab.invoke("f")
    assert messages(lab)[-1].endswith(MEMORY)


def test_a_failed_init_has_a_line_of_its_own(lab: ll.Lab) -> None:
    lab.create_function("f", "1 / 0\ndef lambda_handler(event, context): ...", init=0.17115)
    lab.invoke("f")
    reports = [text for text in messages(lab) if text.startswith("INIT_REPORT")]
    assert reports[0].startswith(
        "INIT_REPORT Init Duration: 171.15 ms\tPhase: init\tStatus: error\tError Type: "
    )
    assert "Init Duration" not in messages(lab)[-1]
