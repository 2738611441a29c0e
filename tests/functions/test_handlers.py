"""Real handlers: init once per environment, globals that live as long, logs, nested calls."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import lambdalab as ll

COUNTER = """
import time
time.sleep(0.5)
served = 0
def lambda_handler(event, context):
    global served
    served += 1
    time.sleep(event.get("takes", 0))
    if event.get("fail"):
        raise RuntimeError("asked to")
    return served
"""


def test_module_code_runs_once_for_each_environment(lab: ll.Lab) -> None:
    """Its globals live as long; two environments have two of them."""
    lab.create_function("count", code=COUNTER, timeout=10)
    assert [lab.invoke("count", {}).payload for _ in range(3)] == [1, 2, 3]
    lab.drive("count", ll.Burst(2), payload={"takes": 5})
    lab.run()
    assert lab.invoke("count", {}).payload in (2, 5)
    assert len(lab.trace.environments) == 2
    lab.advance(3600)
    assert lab.invoke("count", {}).payload == 1


def test_what_the_modules_code_sleeps_is_init(lab: ll.Lab) -> None:
    """On top of the time an init takes by itself."""
    lab.create_function("count", code=COUNTER, init=0.2)
    reply = lab.invoke("count", {})
    assert reply.cold
    (attempt,) = lab.trace.attempts.itertuples()
    assert attempt.init_ms == 700
    assert attempt.duration_ms < 0.01


def test_an_error_keeps_the_globals_a_timeout_does_not(lab: ll.Lab) -> None:
    lab.create_function("count", code=COUNTER)
    lab.invoke("count", {"fail": True})
    assert lab.invoke("count", {}).payload == 2
    lab.invoke("count", {"takes": 10})
    assert lab.invoke("count", {}).payload == 1
    assert len(lab.trace.environments) == 1


def test_a_function_object_keeps_its_own_globals(lab: ll.Lab) -> None:
    calls = []

    @lab.function
    def remember(event: object, context: object) -> int:
        calls.append(event)
        return len(calls)

    assert [lab.invoke(remember, n).payload for n in (5, 6)] == [1, 2]
    assert calls == [5, 6]
    assert remember(7, None) == 3, "it stays an ordinary function"


def test_updated_code_runs_from_the_next_call_on(lab: ll.Lab) -> None:
    lab.create_function("f", code="def lambda_handler(event, context):\n    return 1\n")
    assert lab.invoke("f").payload == 1
    lab.update_function("f", code="def lambda_handler(event, context):\n    return 2\n")
    reply = lab.invoke("f")
    assert (reply.payload, reply.cold) == (2, True)
    lab.update_function("f", duration=1)
    assert lab.invoke("f").payload is None, "a model from now on"


def test_a_handler_from_a_folder_with_modules_of_its_own(lab: ll.Lab, tmp_path: Path) -> None:
    (tmp_path / "images.py").write_text(
        "from shapes import area\ndef resize(event, context):\n    return area(**event)\n",
        encoding="utf-8",
    )
    (tmp_path / "shapes.py").write_text("def area(w, h):\n    return w * h\n", encoding="utf-8")
    lab.create_function("resize", code=tmp_path, handler="images.resize")
    assert lab.invoke("resize", {"w": 2, "h": 3}).payload == 6


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        (
            "import missing_module\ndef lambda_handler(e, c): ...",
            "Runtime.ImportModuleError",
            "missing_module",
        ),
        ("raise ValueError('at import')\ndef lambda_handler(e, c): ...", "ValueError", "at import"),
        ("def lambda_handler(e, c)\n    ...", "Runtime.UserCodeSyntaxError", "Syntax error"),
    ],
)  # fmt: skip
def test_an_init_that_fails(lab: ll.Lab, code: str, kind: str, text: str) -> None:
    """It is run again inside the invoke, whose caller hears of it; so does the next call."""
    lab.create_function("f", code=code)
    reply = lab.invoke("f")
    assert reply.payload["errorType"] == kind
    assert text in reply.payload["errorMessage"]
    (attempt,) = lab.trace.attempts.itertuples()
    assert (attempt.outcome, attempt.error_type) == ("init_error", kind)
    assert (attempt.init_status, attempt.invoke_init_status) == ("error", "error")
    assert lab.invoke("f").function_error == "Unhandled"
    (environment,) = lab.trace.environments.itertuples()  # it stays, and is not ready
    assert (environment.invocations, environment.ended_because) == (2, "")
    assert lab.trace.attempts["init_status"].tolist() == ["error", ""]


def test_what_is_printed_is_logged_line_by_line(lab: ll.Lab) -> None:
    @lab.function
    def talk(event: object, context: object) -> None:
        print("one")
        print("tw", end="")
        time.sleep(1)
        print("o\nthree")
        print("no newline", end="")

    reply = lab.invoke(talk)
    logs = lab.trace.logs
    mine = logs[logs["message"].isin(["one", "two", "three", "no newline"])]
    assert mine["message"].tolist() == ["one", "two", "three", "no newline"]
    assert set(mine["request_id"]) == {reply.request_id}
    waits = mine["at"].diff().dt.total_seconds().tolist()[1:]
    assert waits == [1, 0, 0]
    assert reply.log.splitlines()[2:6] == ["one", "two", "three", "no newline"]


def test_interleaved_handlers_keep_their_logs_apart(lab: ll.Lab) -> None:
    @lab.function
    def talk(event: dict[str, int], context: object) -> None:
        for step in range(3):
            print(event["n"], step)
            time.sleep(0.3)

    lab.drive(talk, ll.Every(0.1), count=5, payload=lambda n: {"n": n})
    lab.run()
    logs = lab.trace.logs
    for n, request in enumerate(lab.trace.invocations["request_id"]):
        own = logs[(logs["request_id"] == request)]["message"].tolist()
        assert [line for line in own if line[0].isdigit()] == [f"{n} {step}" for step in range(3)]


def test_an_error_is_logged_with_its_traceback(lab: ll.Lab) -> None:
    @lab.function
    def fail(event: object, context: object) -> None:
        raise KeyError("stock")

    reply = lab.invoke(fail)
    assert "[ERROR] KeyError: 'stock'\nTraceback (most recent call last):\n" in reply.log
    assert 'raise KeyError("stock")' in reply.log


def test_a_reply_carries_the_exception_for_debuggers(lab: ll.Lab) -> None:
    @lab.function
    def fail(event: object, context: object) -> None:
        raise KeyError("stock")

    reply = lab.invoke(fail)
    assert isinstance(reply.exception, KeyError)
    with pytest.raises(KeyError, match="stock") as raised:
        reply.raise_for_error()
    assert raised.traceback[-1].name == "fail"


def test_nested_invocations_three_deep(lab: ll.Lab) -> None:
    """Each waits for the next; the books tie them together; all that time is billed."""

    @lab.function(timeout=10)
    def a(event: int, context: object) -> Any:
        return ["a", lab.invoke("b", event + 1).payload]

    @lab.function(timeout=10)
    def b(event: int, context: object) -> Any:
        return ["b", lab.invoke("c", event + 1).payload]

    @lab.function(timeout=10)
    def c(event: int, context: object) -> Any:
        time.sleep(2)
        return ["c", event]

    assert lab.invoke(a, 1).payload == ["a", ["b", ["c", 3]]]
    invocations = lab.trace.invocations
    assert invocations["function"].tolist() == ["a", "b", "c"]
    assert invocations["source"].tolist() == ["client", "a", "b"]
    assert invocations["parent_id"].tolist()[1:] == invocations["request_id"].tolist()[:2]
    assert (lab.trace.attempts["billed_ms"] >= 2000).all()
    assert len(lab.trace.requests) == 1, "only one caller stands outside"


def test_a_caller_that_times_out_leaves_the_callee_running(lab: ll.Lab) -> None:
    lab.create_function("slow", duration=5, timeout=10)

    @lab.function(timeout=1)
    def impatient(event: object, context: object) -> None:
        lab.invoke("slow")

    assert lab.invoke(impatient).payload["errorType"] == "Sandbox.Timedout"
    lab.run()
    assert lab.trace.attempts["outcome"].tolist() == ["timeout", "success"]


def test_chance_is_the_environments_own_and_repeats() -> None:
    def draw(lab: ll.Lab) -> list[Any]:
        @lab.function
        def chance(event: object, context: object) -> Any:
            import random
            import secrets
            import uuid

            return [random.random(), str(uuid.uuid4()), secrets.token_hex(4)]

        return [lab.invoke(chance).payload for _ in range(2)]

    first = draw(ll.Lab(seed=1))
    assert first == draw(ll.Lab(seed=1)) != draw(ll.Lab(seed=2))
    assert first[0] != first[1]


def test_the_sandbox_has_no_network(lab: ll.Lab) -> None:
    @lab.function
    def call_home(event: object, context: object) -> None:
        import socket

        socket.create_connection(("192.0.2.1", 80), timeout=1)

    reply = lab.invoke(call_home)
    assert reply.payload["errorType"] == "NetworkRefused"
    assert "allow_network=True" in reply.payload["errorMessage"]
