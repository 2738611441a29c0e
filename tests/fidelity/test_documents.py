"""The error documents, to the letter."""

from __future__ import annotations

import json
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.invocation.reply import Reply

EXIT, TIMEOUT = "Runtime.ExitError", "Sandbox.Timedout"
MARSHAL = (
    '{"errorMessage": "Unable to marshal response: Object of type set is not JSON serializable", '
    '"errorType": "Runtime.MarshalError", "requestId": "%s", "stackTrace": []}'
)
EXCEPTION = (
    '{"errorMessage": "no order", "errorType": "LookupError", "requestId": "%s", "stackTrace": '
    '["  File \\"/var/task/lambda_function.py\\", line 3, in lambda_handler\\n'
    "    raise LookupError('no order')\\n\"]}"
)
KILLED = "Runtime exited with error: signal: killed"
NO_REASON = "Runtime exited without providing a reason"


def platform(reply: Reply, error_type: str, reason: str) -> bool:
    """Whether it is the platform's document: these two members, in this order."""
    text = f"RequestId: {reply.request_id} Error: {reason}"
    expected = [("errorType", error_type), ("errorMessage", text)]
    return list(json.loads(reply.body).items()) == expected


def handler(body: str) -> str:
    return f"import os, signal, sys, time\ndef lambda_handler(event, context):\n    {body}\n"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("sys.exit()", NO_REASON),
        ("sys.exit(0)", NO_REASON),
        ("sys.exit(3)", "Runtime exited with error: exit status 3"),
        ("os._exit(1)", "Runtime exited with error: exit status 1"),
        ("os.kill(os.getpid(), signal.SIGKILL)", KILLED),
        ("signal.raise_signal(signal.SIGKILL)", KILLED),
    ],
)
def test_leaving_the_process(lab: ll.Lab, body: str, reason: str) -> None:
    lab.create_function("f", handler(body))
    reply = lab.invoke("f")
    assert (reply.status_code, reply.function_error) == (200, "Unhandled")
    assert platform(reply, EXIT, reason)


def test_leaving_at_import(lab: ll.Lab) -> None:
    lab.create_function("f", "import sys\nsys.exit()\ndef lambda_handler(event, context): ...")
    reply = lab.invoke("f")
    assert platform(reply, EXIT, NO_REASON)


def test_a_timeout(lab: ll.Lab) -> None:
    lab.create_function("f", handler("time.sleep(60)"), timeout=7)
    reply = lab.invoke("f")
    assert platform(reply, TIMEOUT, "Task timed out after 7.00 seconds")


def test_a_timeout_before_2025() -> None:
    lab = ll.Lab(rules="2024-12-31")
    lab.create_function("f", handler("time.sleep(60)"), init=0)
    reply = lab.invoke("f")
    ended = lab.trace.attempts["ended_at"].iloc[0]
    moment = ended.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ended.microsecond // 1000:03}Z"
    text = f"{moment} {reply.request_id} Task timed out after 3.00 seconds"
    assert reply.payload == {"errorMessage": text}
    assert list(reply.payload) == ["errorMessage"]
    assert text in reply.log.splitlines()
    report = next(line for line in reply.log.splitlines() if line.startswith("REPORT"))
    assert "Duration: 3004.92 ms\tBilled Duration: 3000 ms\t" in report
    assert "Status: timeout" not in report


def test_out_of_memory(lab: ll.Lab) -> None:
    lab.create_function(
        "f", "import lambdalab as ll\ndef lambda_handler(e, c): ll.allocate(200)", memory_size=128
    )
    reply = lab.invoke("f")
    assert platform(reply, EXIT, KILLED)
    attempt = lab.trace.attempts.iloc[0]
    assert attempt["outcome"] == "out_of_memory"
    assert attempt["max_memory_mb"] == attempt["memory_mb"] == 128
    assert "Memory Size: 128 MB\tMax Memory Used: 128 MB\t" in reply.log


def test_out_of_memory_in_a_model(lab: ll.Lab) -> None:
    with pytest.warns(UserWarning, match="above memory_size=128"):
        lab.create_function("f", duration=1, memory=200, memory_size=128)
    reply = lab.invoke("f")
    assert platform(reply, EXIT, KILLED)
    assert lab.trace.attempts["max_memory_mb"].tolist() == [128]


def test_a_result_that_is_no_json(lab: ll.Lab) -> None:
    lab.create_function("f", handler("return {1, 2}"))
    reply = lab.invoke("f")
    assert reply.body.decode() == MARSHAL % reply.request_id


def test_a_response_that_is_too_large(lab: ll.Lab) -> None:
    lab.create_function("f", handler("return 'x' * 7_000_000"))
    told = "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
    expected = [("errorMessage", told), ("errorType", "Function.ResponseSizeTooLarge")]
    assert list(json.loads(lab.invoke("f").body).items()) == expected


@pytest.mark.parametrize("end", ["time.sleep(60)", "os._exit(1)", "return 'x' * 7_000_000"])
def test_the_platform_writes_without_spaces(lab: ll.Lab, end: str) -> None:
    """As recorded; the runtime's own documents have them, as Python's json has."""
    lab.create_function("f", handler(end))
    body = lab.invoke("f").body.decode()
    assert body == json.dumps(json.loads(body), separators=(",", ":"))


def test_an_exception(lab: ll.Lab) -> None:
    lab.create_function("f", handler("raise LookupError('no order')"))
    reply = lab.invoke("f")
    assert reply.body.decode() == EXCEPTION % reply.request_id


def test_only_the_outer_exception_is_told(lab: ll.Lab) -> None:
    body = "try:\n        {}['a']\n    except KeyError as e:\n        raise ValueError('b') from e"
    lab.create_function("f", handler(body))
    reply = lab.invoke("f")
    assert reply.payload["errorType"] == "ValueError"
    assert "KeyError" not in reply.body.decode()


def test_an_exception_at_import_has_no_request(lab: ll.Lab) -> None:
    lab.create_function("f", "raise ValueError('early')\ndef lambda_handler(event, context): ...")
    payload = lab.invoke("f").payload
    assert list(payload) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert (payload["errorMessage"], payload["errorType"]) == ("early", "ValueError")
    assert payload["requestId"] == ""
    assert payload["stackTrace"][-1] == (
        '  File "/var/task/lambda_function.py", line 1, in <module>\n'
        "    raise ValueError('early')\n"
    )


def test_decimals_are_numbers(lab: ll.Lab) -> None:
    text = (
        "from decimal import Decimal as D\ndef lambda_handler(e, c): return [D('1.50'), D('NaN')]"
    )
    lab.create_function("f", text)
    assert lab.invoke("f").body == b"[1.50, NaN]", "its own digits"


@pytest.mark.parametrize("end", ["os._exit(1)", "sys.exit()", "time.sleep(60)", "return {1}"])
def test_the_notebook_and_the_function_go_on(lab: ll.Lab, end: str) -> None:
    text = handler(f"if event: {end}\n    return 'fine'")
    lab.create_function("f", text)
    document: Any = json.loads(lab.invoke("f", {"end": True}).body)
    assert document["errorType"]
    assert lab.invoke("f", {}).payload == "fine"
