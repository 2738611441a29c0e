"""Error documents to the letter, for every way in which code can come and go (invocation.md 2)."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lambdalab as ll

FAILING = "def lambda_handler(event, context):\n    raise KeyError('stock')\n"
FRAME = (
    '  File "/var/task/lambda_function.py", line 2, in lambda_handler\n'
    "    raise KeyError('stock')\n"
)


def text(*members: tuple[str, Any]) -> str:
    """A document as AWS writes it, its members in this order."""
    return json.dumps(dict(members), ensure_ascii=False)


def reported(request_id: str, kind: str, message: str, stack: list[str]) -> str:
    """What the runtime reports."""
    return text(
        ("errorMessage", message),
        ("errorType", kind),
        ("requestId", request_id),
        ("stackTrace", stack),
    )


def of_platform(request_id: str, kind: str, message: str) -> str:
    """What the service itself reports: without the spaces of Python's runtime."""
    told = f"RequestId: {request_id} Error: {message}"
    return f'{{"errorType":"{kind}","errorMessage":"{told}"}}'


def body(lab: ll.Lab, code: Any, event: Any = None, **settings: Any) -> tuple[str, str]:
    """A new function's answer, as text, and the request's id; the lab goes on to serve others."""
    lab.create_function("f", code, **settings)
    reply = lab.invoke("f", event)
    assert (reply.status_code, reply.function_error) == (200, "Unhandled")
    lab.create_function("after", lambda event, context: "alive")
    assert lab.invoke("after").payload == "alive"
    return reply.body.decode(), reply.request_id


# ---------------------------------------------------------------------- what the runtime reports


@pytest.fixture(params=["text", "file", "folder", "zip"])
def failing(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """The same failing code, in every form code can have."""
    (tmp_path / "lambda_function.py").write_text(FAILING)
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("lambda_function.py", FAILING)
    forms = {"text": FAILING, "file": tmp_path / "lambda_function.py", "folder": tmp_path}
    return forms.get(request.param, tmp_path / "code.zip")


def test_an_exception_of_the_handler(lab: ll.Lab, failing: Any) -> None:
    document, request_id = body(lab, failing)
    assert document == reported(request_id, "KeyError", "'stock'", [FRAME])


def test_an_exception_of_a_decorated_function(lab: ll.Lab) -> None:
    def inner() -> None:
        raise LookupError("é")

    @lab.function
    def outer(event: Any, context: Any) -> None:
        inner()

    reply = lab.invoke(outer)
    document = json.loads(reply.body)
    assert list(document) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert [line.split(", ")[0] for line in document["stackTrace"]] == [
        '  File "/var/task/test_error_documents.py"'
    ] * 2
    assert document["stackTrace"][1].endswith(', in inner\n    raise LookupError("é")\n')
    assert '"errorMessage": "é"' in reply.body.decode(), "characters as they are"


def test_only_the_outer_of_two_exceptions_is_told(lab: ll.Lab) -> None:
    code = (
        "def lambda_handler(event, context):\n    try:\n        1 / 0\n"
        "    except ZeroDivisionError as error:\n        raise ValueError('bad') from error\n"
    )
    document, request_id = body(lab, code)
    frame = (
        '  File "/var/task/lambda_function.py", line 5, in lambda_handler\n'
        "    raise ValueError('bad') from error\n"
    )
    assert document == reported(request_id, "ValueError", "bad", [frame])


@pytest.mark.parametrize(
    ("code", "handler", "kind", "message", "stack"),
    [
        ("import nope\ndef lambda_handler(event, context): ...", None,
         "Runtime.ImportModuleError",
         "Unable to import module 'lambda_function': No module named 'nope'", []),
        ("def lambda_handler(event, context)\n    return 1", None, "Runtime.UserCodeSyntaxError",
         "Syntax error in module 'lambda_function': expected ':' (lambda_function.py, line 1)",
         ['  File "/var/task/lambda_function.py" Line 1\n    '
          "def lambda_handler(event, context)\n"]),
        ("globals().update()\n", "lambda_function.nobody", "Runtime.HandlerNotFound",
         "Handler 'nobody' missing on module 'lambda_function'", []),
        ("def exit(event, context): ...", "sys.exit", "Runtime.BuiltInModuleConflict",
         "Cannot use built-in module sys as a handler module", []),
        ("raise RuntimeError('uh oh')\ndef lambda_handler(event, context): ...", None,
         "RuntimeError", "uh oh",
         ['  File "/var/task/lambda_function.py", line 1, in <module>\n'
          "    raise RuntimeError('uh oh')\n"]),
    ],
)  # fmt: skip
def test_errors_of_the_init_name_no_request(
    lab: ll.Lab, code: str, handler: str | None, kind: str, message: str, stack: list[str]
) -> None:
    document, _ = body(lab, code, handler=handler)
    assert document == reported("", kind, message, stack)


def test_a_malformed_handler_name(lab: ll.Lab) -> None:
    """Creating a function refuses such a name; the runtime's own words are kept for the record."""
    from lambdalab.functions.code import MalformedHandlerName, _import
    from tests.kernel.surroundings_helper import Place

    with pytest.raises(
        MalformedHandlerName, match=r"Bad handler 'nodot': not enough values to unpack"
    ):
        _import("nodot", Place().surroundings)


@pytest.mark.parametrize(
    ("result", "name"), [({1}, "set"), ({"at": object()}, "object"), ([b"x", {1}], "set")]
)
def test_a_result_that_json_cannot_hold(lab: ll.Lab, result: Any, name: str) -> None:
    document, request_id = body(lab, lambda event, context: result)
    assert document == reported(
        request_id,
        "Runtime.MarshalError",
        f"Unable to marshal response: Object of type {name} is not JSON serializable",
        [],
    )


def test_a_result_that_refers_to_itself(lab: ll.Lab) -> None:
    def handler(event: Any, context: Any) -> Any:
        result: list[Any] = []
        result.append(result)
        return result

    document, _ = body(lab, handler)
    assert json.loads(document)["errorMessage"].endswith("Circular reference detected")


# ---------------------------------------------------------------------- what the service reports


def test_a_timeout(lab: ll.Lab) -> None:
    document, request_id = body(lab, lambda event, context: time.sleep(9), timeout=3)
    assert document == of_platform(
        request_id, "Sandbox.Timedout", "Task timed out after 3.00 seconds"
    )


def test_a_handler_that_never_returns(lab: ll.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def handler(event: Any, context: Any) -> None:
        while True:
            pass

    lab.create_function("spin", handler, timeout=7)
    assert lab._lambda.tasks is not None
    monkeypatch.setattr(lab._lambda.tasks, "cpu_limit", 0.1)
    reply = lab.invoke("spin")
    expected = "Task timed out after 7.00 seconds"
    assert reply.body.decode() == of_platform(reply.request_id, "Sandbox.Timedout", expected)
    assert lab.trace.attempts.duration_ms[0] == 7000


def test_a_response_that_is_too_large(lab: ll.Lab) -> None:
    document, _ = body(lab, lambda event, context: "x" * 7 * 1024 * 1024)
    told = "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
    assert document == f'{{"errorMessage":"{told}","errorType":"Function.ResponseSizeTooLarge"}}'


NO_REASON = "Runtime exited without providing a reason"
STATUS_1 = "Runtime exited with error: exit status 1"


@pytest.mark.parametrize(
    ("leave", "reason"),
    [
        (lambda: sys.exit(), NO_REASON),
        (lambda: sys.exit(0), NO_REASON),
        (lambda: os._exit(0), NO_REASON),
        (lambda: sys.exit(1), STATUS_1),
        (lambda: sys.exit("why"), STATUS_1),
        (lambda: os._exit(1), STATUS_1),
        (lambda: os._exit(127), "Runtime exited with error: exit status 127"),
        (lambda: os._exit(256), NO_REASON),
        (lambda: os.abort(), "Runtime exited with error: signal: aborted"),
        (
            lambda: os.kill(os.getpid(), signal.SIGKILL),
            "Runtime exited with error: signal: killed",
        ),
        (
            lambda: signal.raise_signal(signal.SIGTERM),
            "Runtime exited with error: signal: terminated",
        ),
    ],
    ids=["exit()", "exit(0)", "_exit(0)", "exit(1)", "exit(text)", "_exit(1)", "_exit(127)",
         "_exit(256)", "abort", "kill", "raise_signal"],
)  # fmt: skip
@pytest.mark.parametrize("nested", [False, True], ids=["handler", "thread or try"])
def test_the_end_of_the_process(
    lab: ll.Lab, leave: Callable[[], None], reason: str, nested: bool
) -> None:
    ran: list[str] = []

    def handler(event: Any, context: Any) -> None:
        try:
            leave()
        except Exception:
            ran.append("except")

    document, request_id = body(lab, handler if nested else lambda event, context: leave())
    assert document == of_platform(request_id, "Runtime.ExitError", reason)
    assert ran == []
    assert lab.trace.attempts.outcome[0] == "exit"


def test_the_end_of_the_process_runs_no_finally_and_loses_the_globals(lab: ll.Lab) -> None:
    ran: list[str] = []
    lab.create_function(
        "f",
        "import os\nserved = 0\ndef lambda_handler(event, context):\n    global served\n"
        "    served += 1\n    try:\n        if event: os._exit(1)\n    finally:\n"
        "        print('finally')\n    return served\n",
    )
    assert [lab.invoke("f").payload for _ in range(2)] == [1, 2]
    assert "finally" not in lab.invoke("f", True).log
    assert lab.invoke("f").payload == 1
    assert len(lab.trace.environments) == 1, "the environment goes on, with a new process"
    assert ran == []


@pytest.mark.parametrize("code", ["import sys\nsys.exit(0)", "import os\nos._exit(0)"])
def test_the_end_of_the_process_at_import(lab: ll.Lab, code: str) -> None:
    document, request_id = body(lab, f"{code}\ndef lambda_handler(event, context): ...")
    assert document == of_platform(request_id, "Runtime.ExitError", NO_REASON)
    assert lab.trace.attempts.outcome[0] == "init_error"


def test_a_segmentation_fault_is_seen_as_a_timeout(lab: ll.Lab) -> None:
    document, request_id = body(
        lab, lambda event, context: os.kill(os.getpid(), signal.SIGSEGV), timeout=5
    )
    assert document == of_platform(
        request_id, "Sandbox.Timedout", "Task timed out after 5.00 seconds"
    )
    assert lab.trace.attempts.duration_ms[0] == 5000


def test_the_text_of_an_exit_is_logged(lab: ll.Lab) -> None:
    lab.create_function("f", lambda event, context: sys.exit("good bye"))
    assert "\ngood bye\nEND" in lab.invoke("f").log


def test_a_signal_to_oneself_calls_the_handlers_own_handler(lab: ll.Lab) -> None:
    def handler(event: Any, context: Any) -> list[int]:
        got: list[int] = []
        signal.signal(signal.SIGUSR1, lambda number, frame: got.append(number))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.kill(os.getpid(), signal.SIGUSR1)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGCHLD)
        return got

    lab.create_function("f", handler)
    assert lab.invoke("f").payload == [signal.SIGUSR1]


# ---------------------------------------------------------------------- the wording until 2025


def test_a_timeout_under_the_rules_of_2024() -> None:
    lab = ll.Lab(rules="2024-06-01", start="2024-06-01")
    lab.create_function("f", lambda event, context: time.sleep(9), init=0.1)
    lab.create_function("model", duration=lambda event: 9)
    lab.create_function("plain", duration=0.5)
    for name in ("f", "model"):
        reply = lab.invoke(name)
        line = (
            rf"2024-06-01T00:00:0\d\.\d{{3}}Z {reply.request_id} Task timed out after 3\.00 seconds"
        )
        (member,) = json.loads(reply.body).items()
        assert member[0] == "errorMessage"
        assert re.fullmatch(line, member[1])
        *_, told, end, report = reply.log.splitlines()
        assert (told, end) == (member[1], f"END RequestId: {reply.request_id}")
        assert "\tDuration: 3004.92 ms\tBilled Duration: 3000 ms\t" in report
        assert "Status" not in report
        assert "Task timed out" in repr(reply)
    lab.drive("plain", ll.Every(1), count=3)
    lab.run()
    assert lab.trace.attempts.outcome.tolist() == ["timeout"] * 2 + ["success"] * 3


def test_the_wording_changed_with_2025() -> None:
    lab = ll.Lab(rules="2025-01-01")
    lab.create_function("f", duration=lambda event: 9)
    assert lab.invoke("f").payload["errorType"] == "Sandbox.Timedout"


# ---------------------------------------------------------------------- in the handler's own time


class Slow(Exception):
    def __str__(self) -> str:
        time.sleep(2)
        return f"at {time.time():.0f}"


class SlowItems(dict[str, Any]):
    def items(self) -> Any:
        time.sleep(2)
        return super().items()


def test_the_text_of_an_exception_is_made_in_virtual_time(lab: ll.Lab) -> None:
    @lab.function(init=0.1)
    def fail(event: Any, context: Any) -> None:
        raise Slow

    assert lab.invoke(fail).payload["errorMessage"] == f"at {1_736_208_002}"
    assert lab.trace.attempts.duration_ms[0] == 2000


def test_a_result_is_encoded_in_virtual_time(lab: ll.Lab) -> None:
    lab.create_function("f", lambda event, context: SlowItems(a=1), timeout=5)
    assert lab.invoke("f").payload == {"a": 1}
    lab.drive("f", ll.Burst(3))
    lab.run()
    assert lab.trace.attempts.duration_ms.tolist() == [2000] * 4
    lab.update_function("f", timeout=1)
    assert lab.invoke("f").payload["errorType"] == "Sandbox.Timedout"


def test_results_that_are_encoded_at_once_leave_each_other_alone(lab: ll.Lab) -> None:
    """One of them reaches its timeout in the middle of its text, the other goes on."""
    lab.create_function("short", lambda event, context: SlowItems(a=1), timeout=1)
    lab.create_function("long", lambda event, context: SlowItems(b=[2]), timeout=9)
    lab.invoke("short")
    lab.invoke("long")
    for name in ("short", "long"):
        lab.drive(name, ll.Burst(2))
    lab.run()
    outcomes = lab.trace.attempts.groupby(lab.trace.invocations.function.to_numpy()).outcome
    assert outcomes.agg(lambda found: set(found)).to_dict() == {
        "short": {"timeout"}, "long": {"success"}
    }  # fmt: skip
