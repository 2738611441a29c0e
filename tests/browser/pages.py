"""Pages with a notebook in them, and what a person does there."""

from __future__ import annotations

import base64
import html
import re
from pathlib import Path
from typing import Any

from tests.browser.server import Server

STDERR = "[data-mime-type='application/vnd.jupyter.stderr']"  # tracebacks are shown as this too
# After an error no further cell runs: then the wait is over too.
ALL_CELLS_RAN = r"""stderr => {
    const prompts = [...document.querySelectorAll('.jp-CodeCell')]
        .filter(cell => cell.querySelector('.cm-content')?.innerText.trim())
        .map(cell => cell.querySelector('.jp-InputPrompt').innerText.trim());
    const ran = prompts.length && prompts.every(text => /^\[\d+\]:$/.test(text));
    return ran || document.querySelector(stderr);
}"""

# The bytes of an <img>; decode() rejects what is no picture.
PICTURE = """async image => {
    await image.decode();
    const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
    return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''));
}"""

# What is wider than the room it has, by its text.
CUT_OFF = """root => [root, ...root.querySelectorAll(
        '.widget-label, .widget-label-basic, button, .widget-readout, select')]
    .filter(each => each.scrollWidth > each.clientWidth + 1).map(each => each.innerText)"""


class Notebook:
    """A page with a notebook in it, and what a person does there."""

    def __init__(self, page: Any, server: Server, shots: Path) -> None:
        self.page, self.server, self.shots = page, server, shots
        self.errors: list[str] = []  # of the page's own JavaScript
        self.outside: list[str] = []  # addresses beyond this server: there should be none
        own = (server.url, server.url.replace("http", "ws"), "data:", "blob:", "about:")
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        for kind in ("request", "websocket"):
            page.on(kind, lambda sent: sent.url.startswith(own) or self.outside.append(sent.url))

    def open_lab(self, path: str) -> Notebook:
        return self._open(f"lab/tree/{path}?reset")

    def open_notebook7(self, path: str) -> Notebook:
        return self._open(f"notebooks/{path}")

    def _open(self, address: str) -> Notebook:
        self.page.goto(f"{self.server.url}/{address}")
        self.page.locator(".jp-Notebook").wait_for(timeout=60_000)
        self.server.wait_for_the_kernel()
        return self

    def open_voila(self, path: str) -> Notebook:
        """Voila runs the notebook itself and shows only what it shows."""
        self.page.goto(f"{self.server.url}/voila/render/{path}")
        self.page.locator("body.jp-Notebook, .jp-Cell").first.wait_for(timeout=60_000)
        self.page.locator("#loading").wait_for(state="hidden", timeout=60_000)
        return self

    def run_all(self, timeout: float = 120_000) -> Notebook:
        """Run > Run All Cells, until every code cell has its number."""
        for item in ("Run", "Run All Cells"):
            self.page.get_by_role("menuitem", name=item, exact=True).click()
        self.page.wait_for_function(ALL_CELLS_RAN, arg=STDERR, timeout=timeout)
        return self

    def check(self, *, errors: tuple[str, ...] = (), outside: tuple[str, ...] = ()) -> None:
        """No cell raised or wrote to stderr, no script failed, nothing was asked of the internet.

        What begins with one of ``outside``, or holds one of ``errors``, is the front end's own.
        """
        assert self.page.locator(STDERR).all_inner_texts() == []
        assert [e for e in self.errors if not any(own in e for own in errors)] == []
        assert [url for url in self.outside if not url.startswith(outside or ("-",))] == []

    def explorer(self, heading: str) -> ExplorerView:
        """The explorer below that heading."""
        return ExplorerView(self, heading)

    def shot(self, name: str) -> None:
        """A screenshot, to be looked at: a test can pass over an ugly picture."""
        self.page.screenshot(path=self.shot_path(name), animations="disabled")

    def shot_path(self, name: str) -> Path:
        """Where the screenshot of that name goes."""
        self.shots.mkdir(parents=True, exist_ok=True)
        return self.shots / f"{name}.png"


class ExplorerView:
    """One explorer as it stands on a page: found by its heading, used by its labels."""

    def __init__(self, notebook: Notebook, heading: str) -> None:
        self.notebook, self.page = notebook, notebook.page
        named = self.page.get_by_text(heading, exact=True)
        self.root = self.page.locator(".lambdalab-explorer", has=named)
        self.status = self.root.locator(".lambdalab-status")
        self.picture = self.root.locator("img")
        self.figures = self.root.locator("table")

    def button(self, name: str) -> Any:
        """A preset, the pin, another seed."""
        # not by role and name: the icon's character counts as a part of the name
        return self.root.locator("button", has_text=re.compile(rf"^\s*{re.escape(name)}\s*$"))

    def slider(self, label: str) -> Any:
        """The row of a slider, found by the label that a person reads."""
        return self.root.locator(".widget-slider", has=self.page.get_by_text(label, exact=True))

    def slide_keys(self, label: str, steps: int) -> None:
        """Arrow keys. Notebook 7 keeps them for itself: type there."""
        handle = self.slider(label).locator(".noUi-handle")
        handle.focus()
        for _ in range(abs(steps)):
            handle.press("ArrowRight" if steps > 0 else "ArrowLeft")

    def slide_mouse(self, label: str, fraction: float) -> None:
        """Drag the handle to a fraction of the track."""
        row = self.slider(label)
        row.scroll_into_view_if_needed()
        track = row.locator(".noUi-base").bounding_box()
        handle = row.locator(".noUi-handle").bounding_box()
        height = track["y"] + track["height"] / 2
        self.page.mouse.move(handle["x"] + handle["width"] / 2, height)
        self.page.mouse.down()
        self.page.mouse.move(track["x"] + track["width"] * fraction, height, steps=8)
        self.page.mouse.up()

    def slide_type(self, label: str, value: float) -> None:
        """Type into the number beside the slider: the exact way."""
        self.slider(label).locator(".widget-readout").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(str(value))
        self.page.keyboard.press("Enter")

    def shown(self) -> bytes:
        """The bytes of the picture on show, which is seen and not blank nor broken."""
        box = self.picture.bounding_box()
        assert box is not None
        assert box["width"] > 300, box
        assert box["height"] > 100, box
        return base64.b64decode(self.picture.evaluate(PICTURE))

    def cut_off(self) -> list[str]:
        """The texts that have too little room."""
        texts: list[str] = self.root.evaluate(CUT_OFF)
        return texts

    def shot(self, name: str) -> None:
        """A screenshot of this explorer alone."""
        self.root.screenshot(path=self.notebook.shot_path(name), animations="disabled")


def spoken(twin: Any) -> str:
    """What the status line of a page reads where an explorer stands as this one does here."""
    return html.unescape(re.sub("<[^>]+>", "", twin.status.value))
