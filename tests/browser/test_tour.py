"""The tour as a person takes it: all of it in JupyterLab, its explorers in Voila, once in Notebook 7.

What the page says is compared with the same scenario, run here with the same seed: with its tables,
and for every preset with sentence and picture, byte for byte.
"""

from __future__ import annotations

import os

import pytest

import lambdalab as ll
from lambdalab.plots import words
from lambdalab.scenarios import Backoff, Batching, SyncVsAsync

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


def plain(sentence: str) -> str:
    """As it is read on the page."""
    return sentence.replace("`", "")


def client_waits(settings: SyncVsAsync) -> str:
    """The books' word for how long the synchronous client waits."""
    calls = settings.run(7).invocations
    call = calls[calls["invocation_type"] == "RequestResponse"]
    return words.duration(call["latency_ms"].iloc[0] / 1000)


def causes(settings: Batching) -> dict[str, int]:
    """How many batches were closed for which reason, in the books."""
    counts: dict[str, int] = settings.run(7).batches["cause"].astype(str).value_counts().to_dict()
    return counts


def choose(view, preset: str) -> None:
    """Press a preset's button."""
    view.button(preset).click()
    expect(view.button(preset)).to_contain_class("mod-active")


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
    expect(view.button("failing")).to_contain_class("mod-active")
    before = view.shown()
    choose(view, "times out")
    waits = client_waits(SyncVsAsync(duration=5.0))
    expect(view.status).to_contain_text(
        f"waited {waits}, heard in a 200 that the function timed out"
    )
    timed_out = view.shown()
    assert timed_out != before
    view.slide_keys("timeout (s)", +3)
    expect(view.status).to_contain_text("timeout=6")
    waits = client_waits(SyncVsAsync(duration=5.0, timeout=6))
    expect(view.status).to_contain_text(f"The client waited {waits} for its answer.")
    expect(view.figures).to_contain_text(waits)
    assert view.shown() != timed_out
    view.root.scroll_into_view_if_needed()
    view.notebook.shot("lab-who-waits")


def _ask_when_it_is_retried(view) -> None:
    choose(view, "default")
    expect(view.status).to_contain_text("3 attempts failed")
    before = view.shown()
    view.slide_keys("retry attempts", -1)
    expect(view.status).to_contain_text("maximum_retry_attempts=1")
    expect(view.status).to_contain_text("2 attempts failed")
    one_retry = view.shown()
    assert one_retry != before
    told = view.status.inner_text()
    view.button("Another seed").click()  # same settings, other chances: the sentence is another
    expect(view.status).to_contain_text("seed=8")
    retries = Backoff(maximum_retry_attempts=1).run(8).short.retries
    expect(view.status).to_contain_text(
        f"with a wait of {words.duration(retries['planned_s'].iloc[0])}"
    )
    assert view.status.inner_text().partition("\n")[0] != told.partition("\n")[0]
    assert view.shown() != one_retry
    view.root.scroll_into_view_if_needed()
    view.notebook.shot("lab-when-retried")


def _ask_why_it_fired(view) -> None:
    choose(view, "window 5 s")
    before = view.shown()
    view.slide_type("rate (messages/s)", 7.5)
    expect(view.status).to_contain_text("rate=7.5")
    full = causes(Batching(rate=7.5))["batch_size"]
    expect(view.status).to_contain_text("that is as many as the mapping allows")
    expect(view.status).to_contain_text(f"So did {full} of")
    typed = view.shown()
    assert typed != before
    view.slide_mouse("batching window (s)", 1.0)
    expect(view.status).to_contain_text("window=60")
    assert view.shown() != typed
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

    @pytest.mark.parametrize("kind", EXPLORERS)
    def test_every_preset(self, voila, kind) -> None:
        view, twin = voila.explorer(kind.heading), kind()
        for number, preset in enumerate(kind.presets):
            choose(view, preset)
            twin.preset = preset
            expect(view.status).to_contain_text(plain(twin.why))
            assert view.shown() == bytes(twin.picture.value)
            for name, value in twin.figures(twin.trace).items():
                expect(view.figures).to_contain_text(name)
                expect(view.figures).to_contain_text(value)
            assert view.cut_off() == []
            view.shot(f"voila-{kind.name}-{number}")
        self.check(voila)

    def test_numbers_typed_into_who_waits(self, voila) -> None:
        view = voila.explorer(WHO_WAITS)
        choose(view, "getOrder")
        view.slide_type("handler works (s)", 2.5)
        expect(view.status).to_contain_text("duration=2.5")
        waits = client_waits(SyncVsAsync(duration=2.5))
        expect(view.status).to_contain_text(f"The client waited {waits} for its answer.")
        view.slide_type("payload (KB)", 400)
        expect(view.status).to_contain_text("The Event was refused with 413: 400 KB is too large")
        view.root.get_by_label("the function raises").check()
        expect(view.status).to_contain_text("heard the error in a 200")
        self.check(voila)

    def test_numbers_typed_into_when_is_it_retried(self, voila) -> None:
        view = voila.explorer(WHEN_RETRIED)
        choose(view, "default")
        view.root.get_by_label("what goes wrong").select_option("throttle")
        expect(view.status).to_contain_text("kind=throttle")
        view.slide_type("maximum event age (s)", 600)
        expect(view.status).to_contain_text("maximum_event_age=600")
        events = Backoff(kind="throttle", maximum_event_age=600).run(7).queue_events
        throttles = int((events["action"].astype(str) == "throttled").sum())
        assert throttles > 5
        expect(view.status).to_contain_text(f"{throttles} throttles used up no retry")
        expect(view.status).to_contain_text("so it went to failed")
        view.root.get_by_label("dead-letter queue").uncheck()
        expect(view.status).to_contain_text("so it was lost")
        self.check(voila)

    def test_numbers_typed_into_why_did_it_fire(self, voila) -> None:
        view = voila.explorer(WHY_FIRED)
        choose(view, "window 0")
        fired = causes(Batching(window=0))
        expect(view.status).to_contain_text(f"So did {fired['no_window']} of")
        before = view.shown()
        view.slide_type("batch size (records)", 1000)  # more than 10 needs a window
        expect(view.status).to_contain_text("Not drawn")
        assert view.shown() == before
        view.shot("voila-not-drawn")
        view.slide_type("batching window (s)", 3)
        expect(view.status).to_contain_text("window=3")
        expect(view.status).not_to_contain_text("Not drawn")
        expect(view.status).to_contain_text("its window of 3.00 s was over")
        self.check(voila)

    @pytest.mark.parametrize("kind", EXPLORERS)
    def test_the_pin_keeps_a_run_for_comparison(self, voila, kind) -> None:
        view, twin = voila.explorer(kind.heading), kind()
        first, second = list(kind.presets)[:2]
        choose(view, first)
        expect(view.status).to_contain_text(plain(twin.why))
        kept = view.figures.locator("tr", has_text="this run").inner_text()
        view.button("Pin this run").click()
        twin.pinned = True
        choose(view, second)
        twin.preset = second
        expect(view.status).to_contain_text(plain(twin.why))
        assert view.shown() == bytes(twin.picture.value)
        pinned = view.figures.locator("tr", has_text="pinned")
        expect(pinned).to_have_text(kept.replace("this run", "pinned"), use_inner_text=True)
        view.shot(f"voila-{kind.name}-pinned")
        view.button("Pin this run").click()
        expect(pinned).to_have_count(0)
        self.check(voila)

    @staticmethod
    def check(voila) -> None:
        voila.check(outside=VOILAS_OWN)


def test_the_tour_in_notebook_7(notebook) -> None:
    notebook.open_notebook7(TOUR).run_all()
    view = notebook.explorer(WHY_FIRED)
    choose(view, "slow function")
    expect(view.status).to_contain_text("duration=8.0")
    before = view.shown()
    view.slide_type("rate (messages/s)", 12)
    expect(view.status).to_contain_text("rate=12")
    full = causes(Batching(rate=12.0, duration=8.0))["batch_size"]
    expect(view.status).to_contain_text(f"So did {full} of")
    assert view.shown() != before
    view.root.scroll_into_view_if_needed()
    notebook.shot("notebook7")
    notebook.check(errors=NOTEBOOK7S_OWN)
