"""Every lesson in JupyterLab: opened, run to its end, its widgets seen, its answers unfolded.

That each output is the stored one is nbval's to compare; what a widget does when it is used is tested
beside it. The screenshots (top, middle, end of each lesson) are there to be looked at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import fresh_page
from tests.browser.lessons import Lessons
from tests.browser.server import NOTEBOOKS

if os.environ.get("BROWSER_REQUIRED") != "1":  # else the import below fails, as it should
    pytest.importorskip("playwright")
from playwright.sync_api import expect

NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
NOT_SHOWN = re.compile("Loading widget|Error displaying widget|Error creating widget")
LIVE = ".jp-OutputArea-output:not([data-mime-type])"  # what JupyterLab renders itself has its kind
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def lab(chromium: Any, server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lessons]:
    """One page for all lessons: JupyterLab itself takes seconds to begin."""
    with fresh_page(chromium, server, tmp_path_factory.mktemp("shots")) as notebook:
        yield Lessons(notebook)


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_runs_to_its_end(lab: Lessons, name: str) -> None:
    lab.open(f"notebooks/{name}.ipynb")
    try:
        cells = lab.run_all()
        assert list(complaints(cells)) == []
        _see_widgets(lab, cells)
        lab.shots(name)
        _unfold_answers(lab, name, cells)
        lab.notebook.check()
    finally:
        lab.close()


def complaints(cells: list[dict[str, Any]]) -> Iterator[str]:
    """What went wrong in a run, by the cells' ids."""
    number = 0
    for cell in cells:
        if cell["cell_type"] != "code" or not "".join(cell["source"]).strip():
            continue
        number += 1
        if cell["execution_count"] != number:
            yield f"{cell['id']}: ran as {cell['execution_count']}, not as {number}"
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                yield f"{cell['id']}: {output['ename']}: {output['evalue']}"
            elif output.get("name") == "stderr":
                yield f"{cell['id']}: {output['text']}"


def _see_widgets(lab: Lessons, cells: list[dict[str, Any]]) -> None:
    """Each widget is a live one, not its stored picture, and there is something in it to see."""
    for number, cell in enumerate(cells):
        if any(WIDGET in output.get("data", {}) for output in cell.get("outputs", ())):
            shown = lab.cell(number).locator(LIVE).last
            expect(shown).to_be_visible()
            expect(shown.locator("canvas, img, svg, button, input").first).to_be_attached()
            expect(shown.get_by_text(NOT_SHOWN)).to_have_count(0)


def _unfold_answers(lab: Lessons, name: str, cells: list[dict[str, Any]]) -> None:
    """An answer's cell is folded, and so is what it shows; a click opens each."""
    for number, cell in enumerate(cells):
        if not cell["metadata"].get("jupyter", {}).get("source_hidden"):
            continue
        folded = lab.cell(number)
        source, bar = folded.locator(".jp-Editor"), folded.locator(".jp-InputPlaceholder")
        expect(source).to_be_hidden()
        bar.locator(".jp-Placeholder-content").click()
        expect(source).to_be_visible()
        for details in folded.locator("details").all():
            expect(details).not_to_have_attribute("open", "")
            details.locator("summary").click()
            expect(details).to_have_attribute("open", "")
    if any(cell["id"].startswith("answer-") for cell in cells):
        lab.notebook.shot(f"lesson-{name}-4-answers")
