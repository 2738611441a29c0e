"""Log lines that other tests do not show."""

from __future__ import annotations

import json

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
