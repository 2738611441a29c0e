"""docs/fidelity.md is sound, and tools/fidelity.py refuses maps that are not."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fidelity", ROOT / "tools" / "fidelity.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fidelity"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


fidelity = load()

HEAD = """# A map

| tag | stands for |
|---|---|
| `dg` | the guide |

## A section

| id | fact | source | shown by |
|---|---|---|---|
"""
TESTS = """
import pytest
def test_it(): ...
async def test_async(): ...
def helper(): ...
class TestClass:
    def test_method(self): ...
class Machine: ...
TestMachine = Machine.TestCase
@pytest.mark.skip(reason="later")
def test_left_out(): ...
@pytest.mark.xfail(strict=True, reason="to be mended")
def test_deviates(): ...
@pytest.mark.skip
class TestLeftOut:
    def test_method(self): ...
@pytest.mark.parametrize("n", [1])
def test_many(n): ...
"""
GOOD = "| a-1 | It does. | dg/page | `tests/test_a.py::test_it` |"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text(TESTS, encoding="utf-8")
    return tmp_path


def test_the_map_is_sound() -> None:
    report = fidelity.check(fidelity.MAP.read_text(encoding="utf-8"))
    assert report.problems == []
    assert report.counts["built"] > 700


@pytest.mark.parametrize(
    "shown",
    [
        "`tests/test_a.py::test_it`",
        "`tests/test_a.py::test_async`",
        "`tests/test_a.py::TestClass::test_method`",
        "`tests/test_a.py::TestClass`",
        "`tests/test_a.py::TestMachine`",
        "`tests/test_a.py::test_many`",
        "`tests/test_a.py::test_many[1]`",
        "`tests/test_a.py::test_it`, `tests/test_a.py::test_async`",
    ],
)
def test_ways_to_name_a_test(root: Path, shown: str) -> None:
    report = fidelity.check(f"{HEAD}| a | It does. | dg/page; https://x.org/y | {shown} |", root)
    assert report.problems == []
    assert str(report) == "fidelity: 1 facts built and tested, 0 not simulated, 0 for later"


def test_the_kinds_are_counted_over_all_tables(root: Path) -> None:
    text = "\n".join(
        [
            HEAD + GOOD,
            "| b | It \\| does. | dg | not simulated: nobody knows |",
            "\n## Another\n\n| id | fact | source | shown by |\n|:--|---|:-:|--:|",
            "| c | It does. | dg | later: queues |",
            "| d | It does. | dg | `tests/test_a.py::test_deviates`, `tests/test_a.py::test_it` |",
        ]
    )
    report = fidelity.check(text, root)
    assert report.problems == []
    assert str(report) == (
        "fidelity: 1 facts built and tested, 1 deviate, 1 not simulated, 1 for later"
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (GOOD + "\n" + GOOD, "line 12: the id 'a-1' stands there twice"),
        ("| A b | It does. | dg | later: x |", "'A b' is no id"),
        ("| a--b | It does. | dg | later: x |", "'a--b' is no id"),
        ("|  | It does. | dg | later: x |", "'' is no id"),
        ("| a |  | dg | later: x |", "a: no fact"),
        ("| a | It does. |  | later: x |", "a: '' is no source"),
        ("| a | It does. | heard/say | later: x |", "a: 'heard/say' is no source"),
        ("| a | It does. | dg/x; hearsay | later: x |", "a: 'hearsay' is no source"),
        ("| a | It does. | dg |", "3 cells, not 4"),
        ("| a | It does. | dg | later: x | y |", "5 cells, not 4"),
        ("| a | It does. | dg | later: |", "a: later, without a reason"),
        ("| a | It does. | dg | not simulated: |", "a: not simulated, without a reason"),
        ("| a | It does. | dg |  |", "a: '' is neither tests"),
        ("| a | It does. | dg | TODO: a test |", "a: 'TODO: a test' is neither tests"),
        ("| a | It does. | dg | tests/test_a.py::test_it |", "is neither tests"),
        ("| a | It does. | dg | `tests/test_a.py` |", "is neither tests"),
        ("| a | It does. | dg | `tests/test_a.py::test_it` and more |", "is neither tests"),
        ("| a | It does. | dg | `tests/test_b.py::test_it` |", "test_b.py::test_it is missing"),
        ("| a | It does. | dg | `tests/test_a.py::test_no` |", "test_a.py::test_no is missing"),
        ("| a | It does. | dg | `tests/test_a.py::helper` |", "test_a.py::helper is missing"),
        (
            "| a | It does. | dg | `tests/test_a.py::TestClass::test_it` |",
            "TestClass::test_it is missing",
        ),
        ("| a | It does. | dg | `tests/test_a.py::test_left_out` |", "test_left_out is skipped"),
        (
            "| a | It does. | dg | `tests/test_a.py::TestLeftOut::test_method` |",
            "TestLeftOut::test_method is skipped",
        ),
        ("", "no facts"),
        (GOOD + "\n\n| id | fact | shown by |\n|---|---|---|\n| b | c | d |", "a table with the"),
    ],
)
def test_what_is_wrong_is_told(root: Path, line: str, problem: str) -> None:
    report = fidelity.check(HEAD + line, root)
    assert any(problem in told for told in report.problems), report.problems


def test_a_broken_map_is_a_failure(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = root / "map.md"
    path.write_text(HEAD + "| a | It does. | dg | later: x |", encoding="utf-8")
    assert fidelity.main([str(path)]) == 0
    assert capsys.readouterr().out == (
        "fidelity: 0 facts built and tested, 0 not simulated, 1 for later\n"
    )
    path.write_text(HEAD + "| a | It does. | dg | later: |", encoding="utf-8")
    assert fidelity.main([str(path)]) == 1
    assert capsys.readouterr().out.startswith("map.md: line 11: a: later, without a reason\n")
