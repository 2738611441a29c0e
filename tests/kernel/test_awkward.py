"""Every awkward handler in plain Python, in another thread, and in a notebook cell."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.kernel import awkward

pytestmark = pytest.mark.filterwarnings("ignore:.*utcnow:DeprecationWarning")
ROOT = Path(awkward.__file__).parents[2]


@pytest.mark.parametrize("name", awkward.CASES)
def test_in_plain_python(name: str) -> None:
    awkward.run(name)


@pytest.mark.parametrize("name", sorted(set(awkward.CASES) - awkward.MAIN_THREAD_ONLY))
def test_in_another_thread(name: str) -> None:
    problems: list[BaseException] = []

    def work() -> None:
        try:
            awkward.run(name)
        except BaseException as error:
            problems.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if problems:
        raise problems[0]


def test_in_a_notebook_cell_while_the_event_loop_runs() -> None:
    cell = f"""
import asyncio, sys
sys.path.insert(0, {str(ROOT)!r})
assert asyncio.get_running_loop().is_running()
from tests.kernel import awkward
for name in awkward.CASES:
    try:
        awkward.run(name)
    except BaseException as error:
        print("FAILED", name, repr(error)[:500])
    else:
        print("ok", name)
"""
    after = "import asyncio\nawait asyncio.sleep(0.01)\nprint('the loop goes on')"
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell), nbformat.v4.new_code_cell(after)]
    )
    NotebookClient(notebook, timeout=240, kernel_name="python3").execute()
    printed = "".join(
        output.get("text", "") for c in notebook.cells for output in c.outputs
        if output.output_type == "stream" and output.name == "stdout"
    )  # fmt: skip
    assert "FAILED" not in printed, printed
    assert [line[3:] for line in printed.splitlines() if line.startswith("ok ")] == list(
        awkward.CASES
    )
    assert "the loop goes on" in printed


CLOCKS = [
    "sleep_and_all_clocks", "calendar_without_argument", "names_bound_early", "clocks_of_libraries"
]  # fmt: skip


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu"])
def test_on_a_host_that_is_not_on_utc(zone: str) -> None:
    program = f"from tests.kernel import awkward\nfor n in {CLOCKS!r}: awkward.run(n)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program],
        env=os.environ | {"TZ": zone}, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


HANGS = """
import time

import pytest
from tests.kernel import awkward

@pytest.mark.timeout(1, method="signal")
def test_hangs():
    deadline = time.perf_counter() + 20
    while time.perf_counter() < deadline:  # runs of handlers, one after the other
        awkward.run("nested_three_deep")
"""


def test_pytest_timeout_still_works(tmp_path: Path) -> None:
    """In a process of its own: what it interrupts may be the very putting on of the shims."""
    (tmp_path / "test_hangs.py").write_text(HANGS)
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_hangs.py"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert "Timeout (>1.0s)" in done.stdout, done.stdout
    assert "1 failed" in done.stdout
