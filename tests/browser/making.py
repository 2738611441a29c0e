"""Pages that a test makes itself: a throw-away notebook on the server, and a widget without a kernel."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.browser.server import Server

# What a widget's module needs of a model; `saved` holds what it would have sent to Python.
STUB = """
const heard = {};
window.saved = {};
window.model = {
  get: name => state[name],
  set(name, value) {
    const before = JSON.stringify(state[name]);
    state[name] = value;
    window.saved[name] = value;
    if (JSON.stringify(value) !== before) (heard['change:' + name] || []).forEach(does => does());
  },
  save_changes() {},
  send() {},
  on(name, does) { (heard[name] ??= []).push(does); },
  off() {},
};
"""


def notebook_of(cells: list[str]) -> str:
    """A notebook of these code cells, as the text of its file."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    text: str = nbformat.writes(made)
    return text


def page_of(widget: Any) -> str:
    """A page that shows an anywidget with the state it has now, without a kernel or a network."""
    own = {name: value for name, value in widget.get_state().items() if not name.startswith("_")}
    plain = {n: v for n, v in own.items() if not isinstance(v, bytes | memoryview) and is_json(v)}
    binary = {
        name: base64.b64encode(bytes(value)).decode()
        for name, value in own.items()
        if isinstance(value, bytes | memoryview)
    }
    module = base64.b64encode(str(widget._esm).encode()).decode()
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>widget</title>
<style>{widget._css}</style><div id="here"></div>
<script type="module">
const state = {json.dumps(plain)}, binary = {json.dumps(binary)};
for (const [name, text] of Object.entries(binary)) {{
  state[name] = new DataView(Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer);
}}
{STUB}
const module = await import("data:text/javascript;base64,{module}");
module.default.render({{ model: window.model, el: document.getElementById("here") }});
</script></html>"""


def is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True


@pytest.fixture
def make_notebook(server: Server) -> Callable[[list[str]], str]:
    """Puts a notebook of some code cells on the server; returns its path, for ``open_voila``."""
    folder = server.root / "made"
    folder.mkdir(exist_ok=True)

    def make(cells: list[str]) -> str:
        path = folder / f"made-{len(list(folder.iterdir()))}.ipynb"
        path.write_text(notebook_of(cells), encoding="utf-8")
        return f"made/{path.name}"

    return make


@pytest.fixture
def plain_page(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens a widget on a page of its own, from disk, with the network off; returns playwright's page.

    After the test no script may have failed, and nothing may have been asked of a network.
    """
    context = chromium.new_context(
        viewport={"width": 1100, "height": 900},
        reduced_motion="reduce",
        locale="en-US",
        offline=True,
    )
    errors: list[str] = []

    def show(widget: Any, name: str = "widget") -> Any:
        path = tmp_path / f"{name}.html"
        path.write_text(page_of(widget), encoding="utf-8")
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "request",
            lambda sent: (
                sent.url.startswith(("file:", "data:", "blob:")) or errors.append(sent.url)
            ),
        )
        page.goto(path.as_uri())
        return page

    yield show
    context.close()
    assert errors == []
