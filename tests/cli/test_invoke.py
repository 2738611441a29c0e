"""`lambdalab invoke`: the console's test button, typed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

KEYS = {
    "request_id", "status_code", "status", "function_error", "executed_version", "payload", "latency_ms",
    "attempts", "cold_start", "duration_ms", "billed_ms", "init_ms", "memory_mb", "max_memory_mb", "log",
    "story",
}  # fmt: skip


def test_a_bare_handler_runs_beside_its_modules(cli: Cli, files: Path) -> None:
    done = cli(
        "invoke", "app.py:handler", "--env", "STAGE=test", "--payload", '{"article": "bell"}'
    )
    assert done.code == 0
    assert done.out.startswith(
        '200 · succeeded · cold start\n{\n  "price": 12,\n  "stage": "test"\n}\n\nLog\n  INIT_START'
    )
    assert "\n  order {'article': 'bell'}\n" in done.out
    assert "\nDuration 200.00 ms · billed 200 ms · initialised in " in done.out
    assert done.err == ""


def test_settings_of_a_bare_handler(cli: Cli, files: Path) -> None:
    done = cli(
        "invoke", "app.py:handler", "--payload", '{"slow": true}', "--timeout", 10,
        "--memory-size", 256, "--seed", 7, "--start", "2025-06-01", "--rules", "latest", "--json",
    )  # fmt: skip
    (found,) = done.json["invocations"]
    assert done.code == 1
    assert found["function_error"] == "Unhandled"
    assert (found["duration_ms"], found["memory_mb"]) == (10_000, 256)
    assert found["payload"]["errorType"] == "Sandbox.Timedout"
    assert set(found) == KEYS


def test_a_function_error_is_told_and_is_exit_code_1(cli: Cli, files: Path) -> None:
    done = cli("invoke", "shop.py", "bill", "--payload", '{"bad": 1}')
    assert done.code == 1
    assert done.out.startswith("200 · failed (Unhandled) · cold start\n")
    assert '"errorType": "KeyError"' in done.out
    assert done.err == "making the shop\n", "what the file prints is no part of the answer"


def test_an_event_with_its_retries(cli: Cli, files: Path) -> None:
    done = cli("invoke", "shop.py", "bill", "--payload", '{"bad": 1}', "--invocation-type", "Event")
    assert done.code == 1
    assert done.out.startswith(
        "202 · accepted; failed after 3 attempts\n\nr1: bill, Event, failed\n"
    )
    assert "is sent to the dead-letter queue" in done.out
    done = cli("invoke", "shop.py", "bill", "--invocation-type", "Event", "--json", "--log", "all")
    (found,) = done.json["invocations"]
    assert done.code == 0
    assert (found["status"], found["attempts"], found["payload"]) == ("succeeded", 1, None)
    assert found["story"].startswith("r1: bill, Event, succeeded")
    assert any(line.startswith("REPORT") for line in found["log"])


def test_a_dry_run(cli: Cli, files: Path) -> None:
    done = cli("invoke", "shop.py", "bill", "--invocation-type", "DryRun")
    assert (done.code, done.out) == (
        0,
        "204 · nothing was run; the call would have been accepted\n",
    )


def test_again_and_again(cli: Cli, files: Path) -> None:
    found = cli("invoke", "shop.py", "model", "--repeat", 3, "--json").json
    assert [each["cold_start"] for each in found["invocations"]] == [True, False, False]
    assert [each["duration_ms"] for each in found["invocations"]] == [1000, 1000, 1000]
    lines = cli("invoke", "shop.py", "model", "--repeat", 3, "--log", "none").out.splitlines()
    assert lines[0].startswith("   1  200 · succeeded · cold start  Duration 1,000.00 ms")
    assert lines[2].startswith("   3  200 · succeeded · warm")
    assert not any("START" in line for line in lines)


@pytest.mark.parametrize("given", ["@event.json", "-", '{"article": "bell"}'])
def test_where_the_payload_may_come_from(
    cli: Cli, files: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    (files / "event.json").write_text('{"article": "bell"}', encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO('{"article": "bell"}'))
    done = cli("invoke", "app.py:handler", "--payload", given, "--json")
    assert done.json["invocations"][0]["payload"]["price"] == 12


def test_a_template(cli: Cli, files: Path) -> None:
    done = cli("invoke", "template.yaml", "--payload", "[1]", "--json", "--seed", "seven")
    assert done.code == 0, done.err
    assert done.json["function"] == "Bill"
    assert done.json["invocations"][0]["payload"] == [1]


def test_one_of_several_labs(cli: Cli, files: Path) -> None:
    two = "import lambdalab as ll\none, two = ll.Lab(), ll.Lab()\n"
    two += "for n, lab_ in (('a', one), ('b', two)): lab_.create_function(n, duration=1)\n"
    (files / "two.py").write_text(two, encoding="utf-8")
    assert cli("invoke", "two.py", "--lab", "two", "--json").json["function"] == "b"
    done = cli("invoke", "two.py")
    assert done.code == 2
    assert "several labs: --lab one of one, two" in done.err
    assert "did you mean 'two'?" in cli("invoke", "two.py", "--lab", "tow").err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nope.py"], "there is no file nope.py"),
        (["app.py"], "app.py:NAME runs its function NAME"),
        (["notes.txt"], "notes.txt is none of these"),
        (["shop.py"], "name a FUNCTION; there are bill, model"),
        (["shop.py", "bil"], "there is no function 'bil'; did you mean 'bill'?"),
        (["shop.py", "bill", "--payload", "{x"], "--payload {x is not JSON"),
        (["shop.py", "bill", "--payload", "@nope"], "--payload @nope: No such file"),
        (["shop.py", "bill", "--repeat", "0"], "--repeat 0: must be 1 or more"),
        (["shop.py", "bill", "--seed", "1"], "--seed has no meaning for shop.py"),
        (["shop.py", "bill", "--timeout", "1"], "--timeout has no meaning"),
        (["app.py:handler", "--parameter", "a=1"], "--parameter has no meaning"),
        (["template.yaml", "--env", "a=1"], "--env has no meaning"),
        (["app.py:handler", "--env", "a"], "give it as NAME=VALUE"),
    ],
)
def test_wrong_words_are_exit_code_2_and_a_line(
    cli: Cli, files: Path, words: list[str], said: str
) -> None:
    (files / "notes.txt").write_text("x", encoding="utf-8")
    done = cli("invoke", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err


def test_what_the_service_refuses(cli: Cli, files: Path) -> None:
    done = cli("invoke", "shop.py", "bill:live")
    assert done.code == 1
    assert "404 ResourceNotFoundException: Function not found" in done.err
    assert done.err.count("\n") == 2  # the file's own line, and ours


def test_a_setting_that_cannot_be(cli: Cli, files: Path) -> None:
    done = cli("invoke", "app.py:handler", "--timeout", "901")
    assert done.code == 1
    assert done.err.startswith("lambdalab invoke: timeout=901: must be ")
    assert done.err.count("\n") == 1


def test_an_error_of_the_file_has_its_place_and_with_debug_its_traceback(
    cli: Cli, files: Path
) -> None:
    (files / "broken.py").write_text("x = 1\n\nraise KeyError('stock')\n", encoding="utf-8")
    done = cli("invoke", "broken.py")
    assert done.code == 1
    assert done.err == "lambdalab invoke: broken.py:3: KeyError: 'stock'\n"
    assert "Traceback (most recent call last):" in cli("invoke", "broken.py", "--debug").err
    (files / "wrong.py").write_text("def f(:\n", encoding="utf-8")
    assert (
        cli("invoke", "wrong.py").err
        == "lambdalab invoke: wrong.py:1: SyntaxError: invalid syntax\n"
    )
