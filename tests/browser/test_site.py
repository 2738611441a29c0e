"""The site as a reader sees it, on a wide screen and on a telephone; `make docs` builds it."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parents[2]
HOMES = (ROOT / "build" / "docs" / "html", ROOT.parent / "docs" / "html")  # a clone in build/ too
PAGES = {
    "landing": "docs/index.html",
    "see": "docs/see-it.html",
    "tutorial": "notebooks/08-the-throttle-trap.html",
    "how-to": "docs/how-to/try-a-queue.html",
    "glossary": "docs/glossary.html",
    "lab": "docs/reference/lab.html",
    "rules": "docs/reference/rules.html",
    "tables": "docs/reference/tables.html",
    "coverage": "docs/coverage.html",
}
SIZES = {"wide": (1400, 900), "narrow": (390, 844)}
TOO_WIDE = "document.documentElement.scrollWidth - window.innerWidth"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    """The address of the built site."""
    home = next((folder for folder in HOMES if (folder / "index.html").is_file()), None)
    if home is None:
        assert not os.environ.get("CI"), "the site is not built (make docs)"
        pytest.skip("the site is not built (make docs)")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(home)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("size", SIZES)
def test_every_kind_of_page(chromium: Any, site: str, size: str, tmp_path: Path) -> None:
    """Nothing scrolls sideways, nothing fails, nothing is asked of another host; the search finds."""
    width, height = SIZES[size]
    context = chromium.new_context(viewport={"width": width, "height": height}, locale="en-US")
    page = context.new_page()
    page.set_default_timeout(10_000)
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request", lambda asked: wrong.append(asked.url) if not is_here(asked.url, site) else None
    )
    shots = Path(os.environ.get("SHOTS", tmp_path))
    shots.mkdir(parents=True, exist_ok=True)
    for name, address in PAGES.items():
        page.goto(site + address)
        page.screenshot(path=shots / f"site-{name}-{size}.png")
        assert page.evaluate(TOO_WIDE) <= 0, name
    page.goto(site + PAGES["see"])
    page.locator("iframe.flow").scroll_into_view_if_needed()
    flow = page.frame_locator("iframe.flow")
    expect(flow.get_by_role("button", name="Play")).to_be_visible()
    page.goto(f"{site}search.html?q=visibility")
    expect(page.locator("#search-results li").first).to_be_visible()
    page.screenshot(path=shots / f"site-search-{size}.png")
    assert page.evaluate(TOO_WIDE) <= 0, "search"
    context.close()
    assert wrong == []


def is_here(address: str, site: str) -> bool:
    return address.startswith((site, "data:", "blob:"))
