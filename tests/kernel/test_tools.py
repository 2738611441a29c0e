"""The tools people use on their handlers: the notebook's stop button, a debugger, coverage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def cell() -> Iterator[Any]:
    """Runs cells in a real kernel; ``cell(code, interrupt_after=s)`` presses stop meanwhile."""
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(ROOT))

    def run(code: str, interrupt_after: float | None = None) -> tuple[str, str]:
        request = client.execute(textwrap.dedent(code))
        if interrupt_after is not None:
            deadline = time.monotonic() + interrupt_after
            while time.monotonic() < deadline:
                time.sleep(0.01)
            manager.interrupt_kernel()
        printed, error = "", ""
        while True:
            message = client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                printed += content["text"]
            elif kind == "error":
                error = content["ename"]
            elif kind == "status" and content["execution_state"] == "idle":
                return printed, error

    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_the_stop_button_loses_no_event(cell: Any) -> None:
    printed, error = cell(
        """
        import random, time
        import lambdalab as ll
        lab = ll.Lab(seed=3)

        @lab.function(timeout=20)
        def handler(event, context):
            time.sleep(random.random())
            return event["n"]

        @lab.function(timeout=3)
        def stuck(event, context):
            while True:
                pass

        lab.drive(handler, ll.Every(0.1), count=60_000, payload=lambda i: {"n": i})
        """
    )
    assert not error, printed
    stops = 0
    for _ in range(3):
        printed, error = cell("lab.run(); print('finished')", interrupt_after=0.3)
        assert error in ("", "KeyboardInterrupt")
        stops += error == "KeyboardInterrupt"
    assert stops, "the run was over before anybody could stop it"
    printed, error = cell(
        """
        lab.run()
        lab.audit()
        rows = lab.trace.invocations
        print(len(rows), rows["status"].eq("succeeded").all(), rows["request_id"].is_unique)
        """
    )
    assert (printed.split(), error) == (["60000", "True", "True"], "")
    _, error = cell("time.sleep(30)", interrupt_after=0.3)
    assert error == "KeyboardInterrupt", "an ordinary cell can be stopped as before"


def run_program(program: str, tmp_path: Path, *before: str, **kwargs: Any) -> str:
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(program))
    done = subprocess.run(
        [sys.executable, *before, str(script)], env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False, **kwargs,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_debugger_steps_over_a_virtual_sleep(tmp_path: Path) -> None:
    program = """
        import time
        import lambdalab as ll
        lab = ll.Lab(seed=1)

        @lab.function(timeout=60, init=0)
        def handler(event, context):
            breakpoint()
            before = time.time()
            time.sleep(20)
            after = time.time()
            return after - before

        @lab.function(timeout=60, init=0)
        def other(event, context):
            time.sleep(1)

        lab.drive(other, ll.Every(2), count=5)
        print("result", lab.invoke(handler).payload)
        lab.run()
    """
    printed = run_program(program, tmp_path, input="next\nnext\nnext\nprint(after - before)\nc\n")
    assert "time.sleep(20)" in printed, "the prompt shows the line it stopped at"
    assert "\n(Pdb) 20.0" in printed
    assert "result 20.0" in printed


def test_coverage_sees_every_line_of_a_handler(tmp_path: Path) -> None:
    program = """
        import threading, time
        import lambdalab as ll

        def deep(seconds):
            time.sleep(seconds)
            return seconds + 1

        def work(found):
            found.append(deep(1))
            found.append(2)

        def handler(event, context):
            found = []
            threads = [threading.Thread(target=work, args=(found,)) for _ in range(2)]
            for thread in threads:
                thread.start()
            value = deep(0.5)
            for thread in threads:
                thread.join()
            return [value, len(found)]

        lab = ll.Lab(seed=1)
        lab.function(timeout=60)(handler)
        lab.drive(handler, ll.Every(0.3), count=4)
        lab.run()
    """
    (tmp_path / ".coveragerc").write_text(
        "[run]\nconcurrency = thread,greenlet\ncore = ctrace\ninclude = */program.py\n"
    )
    run_program(program, tmp_path, "-m", "coverage", "run")
    subprocess.run(
        [sys.executable, "-m", "coverage", "json", "-q"], cwd=tmp_path, check=True, timeout=60
    )
    report = json.loads((tmp_path / "coverage.json").read_text())
    assert report["files"]["program.py"]["missing_lines"] == []
