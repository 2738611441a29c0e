"""The tour as a person takes it: all of it in JupyterLab, its explorers in Voila, once in Notebook 7.

What the page says is compared with a twin of the explorer, here and without a browser: to the letter, and
the picture to the byte. What each explorer does by itself is tested in test_explorers.py.
"""

from __future__ import annotations

import os

import pytest

import lambdalab as ll
from tests.browser.pages import spoken

if os.environ.get("BROWSER_REQUIRED") != "1":  # else the import below fails, as it should
    pytest.importorskip("playwright")
from playwright.sync_api import expect

TOUR = "notebooks/00-tour.ipynb"
EXPLORERS = [ll.SyncAsyncExplorer, ll.BackoffExplorer, ll.BatchingExplorer]
WHO_WAITS, WHEN_RETRIED, WHY_FIRED = (explorer.heading for explorer in EXPLORERS)
"""The headings of the three explorers."""

# Voila's own page asks these for icons and formulas, and does without where it gets no answer.
VOILAS_OWN = (
    "https://cdn.jsdelivr.net/npm/@fortawesome/",
    "https://cdnjs.cloudflare.com/ajax/libs/mathjax/",
)
# Notebook 7 (7.6) throws these in any notebook.
NOTEBOOK7S_OWN = ("(reading 'schema')", "Command 'filebrowser:open-path' not registered")


def choose(view, twin, preset: str) -> None:
    """Press a preset's button."""
    view.button(preset).click()
    twin.preset = preset
    agree(view, twin)
    expect(view.button(preset)).to_contain_class("mod-active")


def agree(view, twin) -> None:
    """The page says what the twin says, and shows its picture."""
    expect(view.status).to_have_text(spoken(twin))
    assert view.shown() == bytes(twin.picture.value)


def test_the_tour_in_jupyterlab(notebook) -> None:
    notebook.open_lab(TOUR)
    _see_stored_pictures(notebook)
    notebook.run_all().check()
    _ask_who_waits(notebook.explorer(WHO_WAITS))
    _ask_when_it_is_retried(notebook.explorer(WHEN_RETRIED))
    _ask_why_it_fired(notebook.explorer(WHY_FIRED))
    _unfold_the_answers(notebook)
    notebook.check()


def _see_stored_pictures(notebook) -> None:
    """Before anything has run there is no widget, but the picture of one."""
    for explorer in EXPLORERS:
        cell = notebook.page.locator(".jp-CodeCell", has_text=f"ll.{explorer.__name__}()")
        expect(cell.locator("img")).to_be_visible()
        expect(cell.locator(".lambdalab-explorer")).to_have_count(0)


def _ask_who_waits(view) -> None:
    expect(view.status).to_contain_text("failing=True")  # a cell chose this preset
    twin = ll.SyncAsyncExplorer()
    choose(view, twin, "times out")
    view.slide_keys("function's timeout (s)", +3)
    twin.set(timeout=6)
    agree(view, twin)
    view.root.scroll_into_view_if_needed()
    view.notebook.shot("lab-who-waits")


def _ask_when_it_is_retried(view) -> None:
    twin = ll.BackoffExplorer()
    choose(view, twin, "default")
    view.slide_keys("retry attempts", -1)
    twin.set(maximum_retry_attempts=1)
    agree(view, twin)
    view.button("Another seed").click()  # same settings, other chances: the sentence is another
    before, twin.seed = str(twin.why), 8
    assert twin.why != before
    agree(view, twin)
    view.root.scroll_into_view_if_needed()
    view.notebook.shot("lab-when-retried")


def _ask_why_it_fired(view) -> None:
    twin = ll.BatchingExplorer()
    choose(view, twin, "window 5 s")
    view.slide_type("rate (messages/s)", 7.5)
    twin.set(rate=7.5)
    agree(view, twin)
    view.slide_mouse("batching window (s)", 1.0)
    twin.set(window=60)
    agree(view, twin)
    view.root.scroll_into_view_if_needed()
    view.notebook.shot("lab-why-fired")


def _unfold_the_answers(notebook) -> None:
    answers = notebook.page.locator("details")
    expect(answers).to_have_count(3)
    for answer, begins in zip(
        answers.all(), ("3 attempts, 9 s", "1 attempt;", "batching_window,"), strict=True
    ):
        answer.locator("summary").click()
        expect(answer).to_contain_text(begins)
    notebook.shot("lab-answers")


class TestVoila:
    """Voila runs the notebook and shows its text, outputs and widgets; most behaviour is tested here."""

    def test_nothing_went_wrong_and_nothing_is_cut_off(self, voila) -> None:
        expect(voila.page.locator(".lambdalab-explorer")).to_have_count(3)
        for heading in (WHO_WAITS, WHEN_RETRIED, WHY_FIRED):
            view = voila.explorer(heading)
            expect(view.status).to_contain_text("seed=7")
            assert view.cut_off() == []
            view.shown()
        self.check(voila)

    def test_what_cannot_be_is_said_in_words_and_drawn_once_it_can(self, voila) -> None:
        view, twin = voila.explorer(WHY_FIRED), ll.BatchingExplorer()
        choose(view, twin, "window 0")
        before = view.shown()
        view.slide_type("batch size (records)", 1000)  # more than 10 needs a window
        expect(view.status).to_contain_text("Not drawn")
        assert view.shown() == before
        view.shot("voila-not-drawn")
        view.slide_type("batching window (s)", 3)
        twin.set(batch_size=1000, window=3)
        agree(view, twin)
        self.check(voila)

    @staticmethod
    def check(voila) -> None:
        voila.check(outside=VOILAS_OWN)


def test_the_tour_in_notebook_7(notebook) -> None:
    notebook.open_notebook7(TOUR).run_all()
    view, twin = notebook.explorer(WHY_FIRED), ll.BatchingExplorer()
    choose(view, twin, "slow function")
    view.slide_type("rate (messages/s)", 12)
    twin.set(rate=12.0)
    agree(view, twin)
    view.root.scroll_into_view_if_needed()
    notebook.shot("notebook7")
    notebook.check(errors=NOTEBOOK7S_OWN)
