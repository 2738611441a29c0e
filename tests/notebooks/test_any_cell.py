"""Run all above, then any cell: each works when it is run again, and says the same.

A reader goes back, changes a number, and runs the cell once more. So here each cell runs twice in
a row, in a shell without pictures. Where the second run is *meant* to say something else, because
the cell goes on from where the lab is (one more call, and now it is warm), it has the tag
`continues`.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from tests.notebooks.lessons import LESSONS, Lesson

pytestmark = pytest.mark.no_audit  # a lesson may end in the middle of a run


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[InteractiveShell]:
    """A shell as a notebook has it, that shows text only: no picture is drawn to be compared."""
    monkeypatch.chdir(Path(__file__).resolve().parents[2] / "notebooks")
    monkeypatch.setenv("IPYTHONDIR", os.fspath(tmp_path))  # no history, no profile of anybody's
    shell = InteractiveShell.instance()
    formatter = shell.display_formatter
    formatter.active_types = ["text/plain"]
    formatter.mimebundle_formatter.enabled = False
    gc.collect()
    gc.freeze()  # a lab looks through all objects for clocks: through a lesson's own is enough
    with mpl.rc_context({"backend": "agg"}):
        yield shell
    gc.unfreeze()
    shell.reset(new_session=False)
    InteractiveShell.clear_instance()


def run(shell: InteractiveShell, cell: Any) -> tuple[str, BaseException | None]:
    """What a cell prints and shows, as text, and what it raises."""
    with capture_output() as captured:
        result = shell.run_cell(cell.source, store_history=False)
    plt.close("all")
    shown = [output.data.get("text/plain", "") for output in captured.outputs]
    return "\n".join([captured.stdout, *shown]), result.error_before_exec or result.error_in_exec


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_cell_can_be_run_again(shell: InteractiveShell, lesson: Lesson) -> None:
    problems = []
    for cell in lesson.code:
        once, error = run(shell, cell)
        assert error is None, f"cell {cell.id}: {error!r}"
        again, error = run(shell, cell)
        goes_on = "continues" in cell.metadata.get("tags", [])
        if error is not None:
            problems.append(f"{cell.id}: {type(error).__name__}: {error}")
        elif goes_on == (once == again):
            problems.append(
                f"{cell.id}: " + ("says the same" if goes_on else "says something else")
            )
    assert not problems, f"{lesson.name}: run again, " + "; ".join(problems)
