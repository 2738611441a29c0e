"""Copies for a class: the lessons run on, and the answers are gone."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.notebooks.lessons import python
from tests.test_readme import ROOT, load

LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WITH_QUESTIONS = [path for path in LESSONS if path.name[:2] != "90"]
tool = load("class_copies")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copies that `make class` makes."""
    out = tmp_path_factory.mktemp("class")
    assert tool.main(["--out", str(out)]) == 0
    return out


def cells(path: Path, kind: str = "code") -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def lesson(*sources: Any, state: dict[str, Any] | None = None) -> Any:
    """A notebook of code cells; one that is given as a pair has this id."""
    made = []
    for source in sources:
        name, text = source if isinstance(source, tuple) else (f"cell-{len(made)}", source)
        made.append(nbformat.v4.new_code_cell(text, id=name))
    widgets = {"widgets": {tool.STATE: {"state": state}}} if state is not None else {}
    return nbformat.v4.new_notebook(cells=made, metadata=widgets)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_all_but_the_answers_is_as_it_was(path: Path, folder: Path) -> None:
    """So a copy runs as far as its lesson does, and nbval runs the lessons."""
    before, after = cells(path), cells(folder / path.name)
    assert [cell.id for cell in after] == [cell.id for cell in before]
    for old, new in zip(before, after, strict=True):
        if tool.is_answer(old):
            assert new.source == tool.PROMPT
            assert not new.metadata, "a prompt that nobody sees"
        else:
            assert (new.source, new.metadata) == (old.source, old.metadata)
        assert not new.outputs
        assert new.execution_count is None


@pytest.mark.parametrize("path", WITH_QUESTIONS, ids=lambda path: path.stem)
def test_a_copy_promises_no_answers(path: Path, folder: Path) -> None:
    asked = [cell.source for cell in cells(folder / path.name, "markdown")]
    assert sum(tool.EMPTY in text for text in asked) == 1
    assert not any("folded" in text for text in asked)


@pytest.mark.parametrize("path", WITH_QUESTIONS, ids=lambda path: path.stem)
def test_there_are_answers_and_nothing_else_needs_them(path: Path) -> None:
    answers = [cell for cell in cells(path) if tool.is_answer(cell)]
    assert len(answers) >= 3
    others = [cell for cell in cells(path) if not tool.is_answer(cell)]
    only_there = bound(answers) - bound(others)
    assert not only_there & used(others)


@pytest.mark.parametrize("path", WITH_QUESTIONS, ids=lambda path: path.stem)
def test_a_copy_has_none_of_the_answers_text(path: Path, folder: Path) -> None:
    answers = [cell for cell in cells(path) if tool.is_answer(cell)]
    elsewhere = {line for cell in cells(path) if cell not in answers for line in lines(cell.source)}
    told = {line for cell in answers for line in lines(cell.source)} - elsewhere
    copy = {line for cell in cells(folder / path.name) for line in lines(cell.source)}
    assert told
    assert not told & copy
    whole = (folder / path.name).read_text(encoding="utf-8")
    for output in (output for cell in answers for output in cell.outputs):
        for text in output.get("data", {}).values():
            assert json.dumps(text)[1:-1] not in whole


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_links_of_a_copy_lead_somewhere(path: Path, folder: Path) -> None:
    texts = "".join(cell.source for cell in cells(folder / path.name, "markdown"))
    targets = re.findall(r"\]\(([^)#\s]+)", texts)
    local = [target for target in targets if "://" not in target]
    assert local
    assert not [target for target in local if not (folder / target).exists()]


def test_a_copy_runs_in_a_fresh_kernel(folder: Path) -> None:
    copy = nbformat.read(folder / "03-asynchronous.ipynb", as_version=4)
    NotebookClient(copy, timeout=60, kernel_name="python3").execute()
    code = [cell for cell in copy.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


def test_an_answer_is_known_by_its_id_or_by_being_folded(tmp_path: Path) -> None:
    notebook = lesson("a = 1", ("answer-1", "a + 1"), "a + 2", ("answer-later", "a + 3"))
    notebook.cells[2].metadata = {"tags": ["hide-cell"], "jupyter": {"source_hidden": True}}
    copy = tool.copied(notebook, set(), answers=False, outputs=False)
    sources = [cell.source for cell in copy.cells]
    assert sources == ["a = 1", tool.PROMPT, tool.PROMPT, "a + 3"]
    assert notebook.cells[1].source == "a + 1", "the lesson itself stays as it is"


def test_outputs_stay_if_they_shall_but_not_those_of_the_answers() -> None:
    notebook = lesson("a", ("answer-1", "b"), state={"one": {"x": 1}, "two": {"x": 2}})
    for cell, model in zip(notebook.cells, ("one", "two"), strict=True):
        data = {tool.VIEW: {"model_id": model}, "text/plain": model}
        cell.outputs = [nbformat.v4.new_output("display_data", data=data)]
        cell.execution_count = 1
    copy = tool.copied(notebook, set(), answers=False, outputs=True)
    assert copy.cells[0].outputs[0].data["text/plain"] == "one"
    assert copy.cells[1].outputs == []
    assert list(copy.metadata.widgets[tool.STATE].state) == ["one"]
    assert "widgets" not in tool.copied(notebook, set(), answers=False, outputs=False).metadata


def test_the_lecturers_copy_has_everything(tmp_path: Path, capsys: Any) -> None:
    path = LESSONS[3]
    assert tool.main(["--answers", "--out", str(tmp_path), str(path)]) == 0
    assert cells(tmp_path / path.name) == cells(path)
    assert capsys.readouterr().out == f"{tmp_path}: 1 notebooks, with their answers\n"


def test_a_link_to_what_is_not_copied_keeps_its_words() -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell(
                "[next](02-b.ipynb#part), [facts](../docs/fidelity.md), [here](#part), "
                "![drawn](x.png), [AWS](https://docs.aws.amazon.com)"
            )
        ]
    )
    copy = tool.copied(notebook, {"02-b.ipynb"}, answers=False, outputs=False)
    assert copy.cells[0].source == (
        "[next](02-b.ipynb#part), facts, [here](#part), ![drawn](x.png), "
        "[AWS](https://docs.aws.amazon.com)"
    )


def test_the_lessons_themselves_are_never_overwritten() -> None:
    with pytest.raises(SystemExit, match="their own folder"):
        tool.main(["--out", str(ROOT / "notebooks")])


def lines(source: str) -> set[str]:
    """The lines of a cell that say something; imports and short ones are everybody's."""
    stripped = {line.strip() for line in source.splitlines()}
    return {line for line in stripped if len(line) > 12 and not line.startswith(("import", "from"))}


def bound(cells_: list[Any]) -> set[str]:
    """The names that cells give a value to, at their top level or deeper."""
    found = set()
    for node in (node for cell in cells_ for node in ast.walk(ast.parse(python(cell.source)))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def used(cells_: list[Any]) -> set[str]:
    """The names that cells read."""
    nodes = (node for cell in cells_ for node in ast.walk(ast.parse(python(cell.source))))
    return {node.id for node in nodes if isinstance(node, ast.Name)}
