"""A lesson open in JupyterLab: run, read, looked at. What has run is asked of JupyterLab's own model."""

from __future__ import annotations

from typing import Any

from tests.browser.pages import Notebook

# The notebook's panel, once it is there.
OPEN = """async path => {
    const app = window.jupyterapp;
    await app.commands.execute('docmanager:open', { path, factory: 'Notebook' });
    const panel = app.shell.currentWidget;
    await panel.context.ready;
    await panel.revealed;
    await app.commands.execute('notebook:clear-all-cell-outputs');
}"""

# What is stored was cleared, so each number and each output is of this run. A cell that raises ends the
# run, and leaves the cells below it without a number.
OVER = r"""() => {
    const panel = window.jupyterapp.shell.currentWidget;
    if (panel.sessionContext.session?.kernel?.status !== 'idle') return false;
    const cells = [...panel.content.widgets].filter(cell =>
        cell.model.type === 'code' && cell.model.sharedModel.source.trim());
    const waiting = cell => /\*/.test(cell.node.querySelector('.jp-InputPrompt')?.textContent);
    const numbered = cell => cell.model.executionCount !== null
        && cell.model.executionState === 'idle' && !waiting(cell);
    const raised = cell => cell.model.outputs.toJSON().some(o => o.output_type === 'error');
    return cells.some(raised) || (cells.length > 0 && cells.every(numbered));
}"""

CELLS = "() => window.jupyterapp.shell.currentWidget.context.model.toJSON().cells"

CLOSE = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    panel.context.model.dirty = false;
    panel.dispose();
}"""

SCROLL = """async ([share, block]) => {
    const cells = window.jupyterapp.shell.currentWidget.content.widgets;
    cells[Math.floor(share * (cells.length - 1))].node.scrollIntoView({ block });
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
}"""


class Lessons:
    """JupyterLab with one lesson open at a time, in one page."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook, self.page = notebook, notebook.page
        self.page.goto(f"{notebook.server.url}/lab?reset")
        self.page.wait_for_function("() => window.jupyterapp?.shell?.layoutModified !== undefined")
        self.page.evaluate("() => window.jupyterapp.restored")
        self.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")

    def open(self, path: str) -> None:
        """Open a notebook, cleared, with an idle kernel."""
        self.page.evaluate(OPEN, path)
        self.notebook.server.wait_for_the_kernel()

    def run_all(self) -> list[dict[str, Any]]:
        """Run > Run All Cells, to the end; return the cells as they would be stored now."""
        for item in ("Run", "Run All Cells"):
            self.page.get_by_role("menuitem", name=item, exact=True).click()
        self.page.wait_for_function(OVER, timeout=120_000)
        cells: list[dict[str, Any]] = self.page.evaluate(CELLS)
        return cells

    def cell(self, number: int) -> Any:
        """A cell on the page, counted from 0 as in the file."""
        return self.page.locator(".jp-NotebookPanel .jp-Notebook .jp-Cell").nth(number)

    def shots(self, name: str) -> None:
        """How the lesson looks at its top, in its middle and at its end."""
        for place, *where in (
            ("1-top", 0, "start"),
            ("2-middle", 0.5, "start"),
            ("3-end", 1, "end"),
        ):
            self.page.evaluate(SCROLL, where)
            self.notebook.shot(f"lesson-{name}-{place}")

    def close(self) -> None:
        """Close the notebook unsaved, and stop its kernel."""
        self.page.evaluate(CLOSE)
        self.notebook.server.stop_kernels()
