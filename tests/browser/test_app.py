"""The page with all explorers, in Voila: choose, move, predict; only what is chosen is there."""

from __future__ import annotations

import os
from typing import Any

import pytest

from lambdalab.widgets import EXPLORERS
from lambdalab.widgets.app import LESSONS, short
from tests.browser.pages import spoken

if os.environ.get("BROWSER_REQUIRED") != "1":  # else the import below fails, as it should
    pytest.importorskip("playwright")
from playwright.sync_api import expect

APP = "lambdalab/widgets/app/explorers.ipynb"

# Voila's own page asks these for icons and formulas, and does without where it gets no answer.
VOILAS_OWN = (
    "https://cdn.jsdelivr.net/npm/@fortawesome/",
    "https://cdnjs.cloudflare.com/ajax/libs/mathjax/",
)


def test_all_explorers_on_one_page(notebook: Any) -> None:
    page = notebook.open_voila(APP).page
    expect(page).to_have_title("lambdalab: eight explorers")
    expect(page.get_by_role("radio")).to_have_count(len(EXPLORERS))
    expect(page.locator(".jp-CodeCell .jp-InputArea")).to_have_count(0)
    _use(notebook, "sync_vs_async", "function's timeout (s)", "timeout", 1)
    notebook.shot("app-who-waits")
    page.get_by_role("radio", name=short("batching")).check()
    _use(notebook, "batching", "rate (messages/s)", "rate", 7.5)
    notebook.shot("app-why-fired")
    _predict_in_all_of_them(notebook)
    notebook.check(outside=VOILAS_OWN)


def _use(notebook: Any, name: str, label: str, setting: str, value: float) -> None:
    """The chosen explorer alone is on the page; a slider is moved, and the sentence is another."""
    view, twin = notebook.explorer(EXPLORERS[name].heading), EXPLORERS[name]()
    expect(view.status).to_have_text(spoken(twin))
    expect(notebook.page.locator(".lambdalab-explorer")).to_have_count(1)
    before = str(twin.why)
    view.slide_type(label, value)
    twin.set(**{setting: value})
    assert str(twin.why) != before
    expect(view.status).to_have_text(spoken(twin))
    assert view.shown() == bytes(twin.picture.value)
    assert view.cut_off() == []
    link = notebook.page.get_by_role("link", name=LESSONS[name].replace("-", " "))
    expect(link).to_have_attribute("href", f"/lab/tree/notebooks/{LESSONS[name]}.ipynb")


def _predict_in_all_of_them(notebook: Any) -> None:
    page = notebook.page
    page.get_by_role("checkbox", name="Predict first, in all of them").check()
    batching = notebook.explorer(EXPLORERS["batching"].heading)
    expect(batching.root.locator(".lambdalab-question")).to_be_visible()
    expect(batching.picture).to_be_hidden()
    page.get_by_role("radio", name=short("shard")).check()
    shard = notebook.explorer(EXPLORERS["shard"].heading)
    expect(shard.root.locator(".lambdalab-question")).to_be_visible()
    expect(shard.picture).to_be_hidden()
    notebook.shot("app-predict")


def test_an_address_that_asks_for_an_explorer(notebook: Any) -> None:
    notebook.page.set_viewport_size({"width": 640, "height": 1400})
    page = notebook.open_voila(f"{APP}?explore=visibility").page
    view = notebook.explorer(EXPLORERS["visibility"].heading)
    expect(view.picture).to_be_visible()
    wide = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) <= 0, "a narrow page is not scrolled sideways"
    notebook.shot("app-narrow")
