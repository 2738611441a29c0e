"""Notebooks in a real browser: JupyterLab, Notebook 7 and Voila, as a person uses them.

Needs the Python package playwright (no `playwright install`) and a Chromium or Chrome on PATH.

| variable           |                                                                          |
|--------------------|--------------------------------------------------------------------------|
| `CHROMIUM`         | the browser, where it is not on PATH                                     |
| `BROWSER_REQUIRED` | `1`: without a browser the tests fail; otherwise they are skipped        |
| `SHOTS`            | folder for screenshots (else pytest's temporary one)                     |

Wait with `expect(...)`, which retries; never sleep. A widget sets its picture first and its status
text last, so wait for the text and then look at the picture.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.browser.making import make_notebook as make_notebook
from tests.browser.making import plain_page as plain_page
from tests.browser.pages import Notebook
from tests.browser.server import Server

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
BROWSER_OPTIONS = [
    "--no-sandbox",  # root, and most containers
    "--disable-dev-shm-usage",  # containers have a small /dev/shm
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # a lecture hall without internet
]


def cannot_run(why: str) -> NoReturn:
    """Fail where a browser is required, skip elsewhere."""
    if os.environ.get("BROWSER_REQUIRED") == "1":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a browser test."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("jupyter"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        cannot_run("playwright is not installed")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        cannot_run("no Chromium on PATH (install it, or name it in CHROMIUM)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=BROWSER_OPTIONS)
        yield browser
        browser.close()


@contextmanager
def fresh_page(chromium: Any, server: Server, shots: Path) -> Iterator[Notebook]:
    """A page of its own, and no kernel of another test's."""
    server.stop_kernels()
    context = chromium.new_context(
        viewport={"width": 1100, "height": 1400}, reduced_motion="reduce", locale="en-US"
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield Notebook(page, server, Path(os.environ.get("SHOTS", shots)))
    context.close()
    server.stop_kernels()


# chromium before server: without a browser no server is started
@pytest.fixture
def notebook(chromium: Any, server: Server, tmp_path: Path) -> Iterator[Notebook]:
    """A fresh page for one test."""
    with fresh_page(chromium, server, tmp_path) as notebook:
        yield notebook


@pytest.fixture(scope="class")
def voila(
    chromium: Any, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Notebook]:
    """The tour in Voila: one page for all tests of a class, each of which begins with a preset."""
    with fresh_page(chromium, server, tmp_path_factory.mktemp("shots")) as notebook:
        yield notebook.open_voila("notebooks/00-tour.ipynb")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Iterator[pytest.TestReport]:
    """When a test fails, its last sight is kept in `SHOTS`."""
    report: pytest.TestReport = yield
    if report.when == "call" and report.failed:
        for used in item.funcargs.values():
            shown = getattr(used, "notebook", used)  # a page, or what holds one
            if isinstance(shown, Notebook):
                shown.shot(f"failed-{item.name}")
    return report
