"""docs/coverage.md holds: cells show what it says, tests exist; and what is wrong there is found."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parents[1]


def load(name: str) -> ModuleType:
    """A script of tools/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # one script imports the other, and dataclasses look theirs up
    spec.loader.exec_module(module)
    return module


load("fidelity")
statements = load("statements")

HEAD = "| no | it says | cell | what to see | shown by | remark |\n|---|---|---|---|---|---|\n"
TEST = "`tests/test_a.py::test_it`"
CELL = "[02](../notebooks/02-waiting.ipynb) `wait-cli`"
GOOD = f"| 1 | It waits. | {CELL} | `200 after 2.00 s` | {TEST} |  |"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text("def test_it(): ...\n", encoding="utf-8")
    stream = new_output("stream", name="stdout", text="200  after\n2.00 s\n")
    shown = new_output("display_data", data={"text/plain": "<queue failed>"})
    cells = [
        new_markdown_cell("Use\n`--payload`.", id="wait"),
        new_code_cell("lab.invoke(f)", id="wait-cli", outputs=[stream, shown]),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / "02-waiting.ipynb")
    return tmp_path


def test_every_statement_has_a_cell_that_shows_it_and_a_test() -> None:
    report = statements.check(statements.PAGE.read_text(encoding="utf-8"))
    assert report.problems == []
    assert report.counts["statements"] >= 60


@pytest.mark.parametrize(
    "row",
    [
        GOOD,
        f"| 1 | It waits. | {CELL} | `200 after`, `<queue failed>` | {TEST}, {TEST} | a remark |",
        f"| 1 | It waits. | {CELL} | text: `lab.invoke`, `2.00 s` | {TEST} |  |",
        f"| 1 | It is. | {CELL.replace('-cli', '')} | text: `Use` | {TEST} | |",
        f"{GOOD}\n\n## More\n\n{HEAD}{GOOD.replace('| 1 |', '| 2 |')}",
    ],
)
def test_ways_to_say_it(root: Path, row: str) -> None:
    report = statements.check(HEAD + row, root)
    assert report.problems == []
    assert report.counts["statements"] == 1 + row.count("\n## ")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("", "no statements"),
        (GOOD.replace("| 1 |", "| 2 |"), "line 3: number 2, not 1"),
        (f"{GOOD}\n{GOOD}", "line 4: number 1, not 2"),
        (GOOD.replace("It waits.", ""), "it says nothing"),
        (GOOD.replace("`wait-cli`", "wait-cli"), "is no link"),
        (GOOD.replace("[02]", "[03]"), "is no link"),
        (GOOD.replace("wait-cli", "wait-long"), "has no cell wait-long"),
        (GOOD.replace("02-waiting", "02-wait"), "02-wait.ipynb has no cell wait-cli"),
        (
            GOOD.replace("2.00 s", "2.01 s"),
            "the output of 02 wait-cli does not have '200 after 2.01",
        ),
        (GOOD.replace("`200", "text: `200"), "the cell 02 wait-cli does not have"),
        (GOOD.replace("`200 after 2.00 s`", ""), "'' is nothing to see"),
        (GOOD.replace("`200 after 2.00 s`", "`200` or so"), "is nothing to see"),
        (GOOD.replace("test_it", "test_no"), "tests/test_a.py::test_no is missing"),
        (GOOD.replace(TEST, ""), "'' are no tests"),
        (GOOD.replace(TEST, "later"), "'later' are no tests"),
        ("| 1 | It waits. |", "2 cells, not 6"),
        (f"{GOOD}\n\n| no | text |\n|---|---|\n| 2 | x |", "a table with the columns no, text"),
    ],
)
def test_what_is_wrong_is_told(root: Path, row: str, problem: str) -> None:
    report = statements.check(HEAD + row, root)
    assert any(problem in told for told in report.problems), report.problems


def test_a_broken_page_is_a_failure(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = root / "page.md"
    path.write_text(HEAD + GOOD, encoding="utf-8")
    assert statements.main([str(path)]) == 1  # its notebook is not among ours
    assert "notebooks/02-waiting.ipynb has no cell wait-cli" in capsys.readouterr().out
    assert statements.main([]) == 0
    assert capsys.readouterr().out.startswith("coverage: ")
