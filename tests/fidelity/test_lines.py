"""Log lines that other tests do not show."""

from __future__ import annotations

import json

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
