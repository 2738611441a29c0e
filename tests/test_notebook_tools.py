"""`make notebooks`: a diff that can be read, and no golden number changes without a line that says why."""

from __future__ import annotations

import base64
import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest
from PIL import Image, ImageDraw

TOOLS = Path(__file__).resolve().parents[1] / "tools"
WIDGET = "application/vnd.jupyter.widget-view+json"
LINE = "05: a batch waits for its window, also when it is the first"
CHANGES = """# Changelog

## Unreleased

See it:

- Eight explorers.

## 0.1.0

- The first one.
"""


@pytest.fixture(scope="module")
def tools() -> Any:
    """tools/check_notebooks.py and what it is made of."""
    names = ("notebook_diff", "golden", "check_notebooks")
    with pytest.MonkeyPatch.context() as path:
        path.syspath_prepend(TOOLS)
        loaded = [load(name) for name in names]
        yield dict(zip(names, loaded, strict=True))
    for name in names:
        del sys.modules[name]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- a notebook of two cells, and what each run of it says


def picture(mark: int) -> str:
    drawn, packed = Image.new("RGB", (200, 100), "white"), io.BytesIO()
    ImageDraw.Draw(drawn).rectangle((0, 0, mark, 9), fill="black")
    drawn.save(packed, "PNG")
    return base64.b64encode(packed.getvalue()).decode()


def output(text: str, **others: str) -> Any:
    kinds = {"html": "text/html", "png": "image/png"}
    data = {"text/plain": text, **{kinds[name]: other for name, other in others.items()}}
    return nbformat.v4.new_output("execute_result", data, execution_count=1)


def lesson(table: str, *, mark: int = 19, folded: str = "3 runs") -> Any:
    details = f"<style>b {{}}</style><details><summary>show it</summary>{folded}</details>"
    shows = {
        "batches": [output(table), output("<Figure>", png=picture(mark))],
        "answer-1": [output("<IPython.core.display.HTML object>", html=details)],
    }
    cells = []
    for number, (name, outputs) in enumerate(shows.items(), 1):
        cell = nbformat.v4.new_code_cell(f"show({name!r})", id=name, outputs=outputs)
        cell.execution_count = number
        cells.append(cell)
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    return made


TABLE = "batch  cause            records\nb1     batching_window  3\nb2     batch_size       10"
OTHER = TABLE.replace("batching_window  3", "batching_window  4")


@pytest.fixture
def house(tools: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A folder with one stored lesson, frozen, and a changelog; `house.says` is what a run gives."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (tmp_path / "CHANGELOG.md").write_text(CHANGES, encoding="utf-8")
    monkeypatch.setattr(tools["golden"], "STORE", folder / "golden.json")
    monkeypatch.setattr(tools["golden"], "CHANGELOG", tmp_path / "CHANGELOG.md")
    found = House(tools["check_notebooks"], folder / "05-mappings.ipynb", monkeypatch)
    found.store(lesson(TABLE))
    assert found.command("--freeze") == 0
    return found


class House:
    def __init__(self, tool: Any, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tool, self.path, self.monkeypatch = tool, path, monkeypatch
        self.changelog = path.parents[1] / "CHANGELOG.md"

    def store(self, notebook: Any) -> None:
        nbformat.write(notebook, self.path)

    @property
    def stored(self) -> Any:
        return nbformat.read(self.path, 4)

    def command(self, *words: str, says: Any = None) -> int:
        self.monkeypatch.setattr(self.tool, "run", lambda path: says)
        self.monkeypatch.setattr(sys, "argv", ["check", *words, str(self.path.parent)])
        status: int = self.tool.main()
        return status


# ---- golden numbers


def test_what_is_stored_is_what_was_frozen(house: House, capsys: Any) -> None:
    assert house.command() == 0
    assert house.command("--update", says=lesson(TABLE)) == 0
    assert capsys.readouterr().out == f"running {house.path}\n", "nothing changed, nothing told"


@pytest.mark.parametrize("changed", [lesson(OTHER), lesson(TABLE, folded="4 runs")])
def test_a_changed_number_fails_and_passes_with_its_line(
    house: House, changed: Any, capsys: Any
) -> None:
    assert house.command("--update", says=changed) == 1
    told = capsys.readouterr().out
    assert "Not stored" in told
    assert 'make notebooks REASON="what changed, and why"' in told
    assert house.stored == lesson_as_read(lesson(TABLE)), "nothing of it is stored"
    assert house.changelog.read_text() == CHANGES

    assert house.command("--update", "--reason", LINE[4:], says=changed) == 0
    assert house.stored == lesson_as_read(changed)
    assert f"## Unreleased\n\nGolden numbers:\n\n- {LINE}\n\nSee it:" in house.changelog.read_text()
    assert house.command() == 0


def lesson_as_read(notebook: Any) -> Any:
    return nbformat.reads(nbformat.writes(notebook), 4)


def test_a_number_changed_by_hand_is_found(house: House, capsys: Any) -> None:
    house.store(lesson(OTHER))
    assert house.command() == 1
    assert "says other golden numbers (batches)" in capsys.readouterr().out


def test_a_line_taken_out_of_the_changelog_is_missed(house: House, capsys: Any) -> None:
    assert house.command("--update", "--reason", LINE[4:], says=lesson(OTHER)) == 0
    house.changelog.write_text(CHANGES, encoding="utf-8")
    assert house.command() == 1
    assert "CHANGELOG.md does not say why" in capsys.readouterr().out


def test_lines_follow_each_other_and_long_ones_are_wrapped(house: House) -> None:
    long = "the window is reckoned from the first record " * 4
    assert house.command("--update", "--reason", LINE[4:], says=lesson(OTHER)) == 0
    assert house.command("--update", "--reason", long, says=lesson(TABLE)) == 0
    text = house.changelog.read_text()
    assert f"Golden numbers:\n\n- {LINE}\n- 05: the window is" in text
    assert max(map(len, text.splitlines())) <= 115
    assert house.command() == 0
    assert house.command("--update", "--reason", LINE[4:], says=lesson(OTHER)) == 0
    assert house.changelog.read_text() == text, "the same reason stands there once"


def test_new_cells_lost_cells_and_pictures_need_no_reason(house: House, capsys: Any) -> None:
    now = lesson(TABLE, mark=99)
    del now.cells[1]
    new = nbformat.v4.new_code_cell("1", id="new", outputs=[output("1")], execution_count=2)
    now.cells.append(new)
    house.store(now)
    assert house.command() == 1, "and yet they are to be noted"
    assert "cells without golden numbers" in capsys.readouterr().out
    assert house.command("--update", says=now) == 0
    assert house.command() == 0


def test_a_dry_run_tells_and_stores_nothing(house: House, capsys: Any) -> None:
    before = house.path.read_bytes()
    assert house.command("--update", "--diff", "--reason", "x", says=lesson(OTHER)) == 0
    assert "other golden numbers: batches" in capsys.readouterr().out
    assert house.path.read_bytes() == before
    assert house.changelog.read_text() == CHANGES


def test_before_anything_is_frozen_an_update_stores_and_a_check_asks(
    house: House, capsys: Any
) -> None:
    (house.path.parent / "golden.json").unlink()
    assert house.command("--update", says=lesson(OTHER)) == 0
    assert house.stored == lesson_as_read(lesson(OTHER))
    assert house.command() == 1
    assert "--freeze" in capsys.readouterr().out


def test_what_differs_from_run_to_run_is_no_number(tools: Any) -> None:
    hashes = tools["golden"].hashes
    assert hashes(lesson("<f at 0x7f00aa>")) == hashes(lesson("<f at 0x7f11bb>"))
    assert hashes(lesson(TABLE)) != hashes(lesson(OTHER))
    ignored = lesson(TABLE)
    ignored.cells[0].metadata["tags"] = ["nbval-ignore-output"]
    assert hashes(ignored).keys() == {"answer-1"}


# ---- the diff


def test_the_diff_is_one_that_can_be_read(tools: Any) -> None:
    before = lesson(TABLE + "\nb3     batch_size       10" * 3)
    after = lesson(OTHER + "\nb3     batch_size       10" * 3, mark=99, folded="4 runs")
    after.cells.append(nbformat.v4.new_code_cell("1", id="new"))
    assert list(tools["notebook_diff"].changes(before, after)) == [
        "  batches: show('batches')",
        "      batch  cause            records",
        "    - b1     batching_window  3",
        "    + b1     batching_window  4",
        "      b2     batch_size       10",
        "    picture changed: 200x100, 4.0% of its pixels",
        "  answer-1: show('answer-1')",
        "      show it",
        "    - 3 runs",
        "    + 4 runs",
        "  new: a new cell",
    ]


def test_a_diff_has_an_end(tools: Any) -> None:
    lines = list(tools["notebook_diff"].changes(lesson("a\n" * 500), lesson("b\n" * 500)))
    assert len(lines) < 50
    assert lines[-1].strip().endswith("lines more")


def test_widgets_are_told_by_their_text_and_get_names_that_stay(tools: Any) -> None:
    shown = output("Explorer(rate=3)", png=picture(5))
    shown.data[WIDGET] = {"model_id": "0" * 32, "version_major": 2, "version_minor": 0}
    tools["check_notebooks"].name_widgets("05/play", [shown])
    assert shown.data[WIDGET]["model_id"] != "0" * 32
    assert tools["notebook_diff"].texts(shown) == ["Explorer(rate=3)"]


def test_tables_and_pictures_are_read_as_a_reader_sees_them(tools: Any) -> None:
    diff, check = tools["notebook_diff"], tools["check_notebooks"]
    page = "<table><tr><th>a</th><th>b</th></tr>\n<tr><td>1</td><td>&lt;2</td></tr></table>"
    assert diff.words(page) == "a  b\n1  <2"
    shown = output("", png=picture(50))
    check.lighten_pictures([shown])
    light = base64.b64decode(shown.data["image/png"])
    assert Image.open(io.BytesIO(light)).mode == "P"
    dark = base64.b64decode(picture(50))
    assert diff.picture_change(dark, light).endswith("no pixel that an eye could tell")
