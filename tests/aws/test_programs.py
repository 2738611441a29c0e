"""Somebody's program that uses boto3 and `time.sleep`, unchanged: as a script, and as a notebook."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("boto3")
pytest.importorskip("nbclient")

import nbformat
from nbclient import NotebookClient

PROGRAM = Path(__file__).parent / "programs" / "orders.py"
BEGIN = "import lambdalab as ll\nlab = ll.Lab(seed=7)\n%load_ext lambdalab\n%lambdalab on lab"
SCRIPT = """
import runpy, sys
import lambdalab as ll

with ll.Lab(seed=7) as lab:
    with lab.aws():
        runpy.run_path(sys.argv[1], run_name="__main__")
    lab.audit()
"""
SAYS = """\
mapping: Enabled
waited 300.0 s
dead letter: {"id": 1, "article": "lamp"} received 4 times
Invocations [('2025-01-07T00:00:00+00:00', 4.0), ('2025-01-07T00:01:00+00:00', 1.0)]
Errors [('2025-01-07T00:00:00+00:00', 2.0), ('2025-01-07T00:01:00+00:00', 1.0)]
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment without credentials, region or a way to another lambdalab."""
    here = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    root = os.fspath(Path(__file__).resolve().parents[2])
    return here | {"PYTHONPATH": root, "HOME": os.fspath(tmp_path)}


def as_a_script(environment: dict[str, str]) -> str:
    """What it prints."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, PROGRAM],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_a_notebook(environment: dict[str, str], folder: Path) -> str:
    """What its cells print, each in its own."""
    parts = PROGRAM.read_text(encoding="utf-8").split("# %% ")
    cells = [BEGIN, *(part.partition("\n")[2] for part in parts[1:])]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=environment)
    return "".join(
        output.text
        for cell in notebook.cells[1:]
        for output in cell.outputs
        if output.output_type == "stream"
    )


def test_a_script_and_a_notebook_say_the_same(
    environment: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five minutes of waiting take seconds; how many is told with `pytest -s`."""
    began = time.perf_counter()
    script = as_a_script(environment)
    between = time.perf_counter()
    notebook = as_a_notebook(environment, tmp_path)
    over = time.perf_counter()
    assert script == notebook
    assert script.startswith(SAYS), script
    assert script.count("billed order") == 2
    assert script.endswith("left: [] []\n")
    with capsys.disabled():
        print(f" [script {between - began:.1f} s, notebook {over - between:.1f} s]", end="")
