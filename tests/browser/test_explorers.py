"""Every explorer in Voila: typed, by keys, by mouse; presets, pin, predict first, and the code to copy.

Each has a twin here, without a browser, that is set to the same: what the page says must be what the
twin says, to the letter, and its picture the twin's, to the byte.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import ipywidgets as w
import pytest

from lambdalab.errors import LabError
from lambdalab.widgets import EXPLORERS
from tests.browser.conftest import fresh_page
from tests.browser.making import notebook_of
from tests.browser.pages import spoken

if os.environ.get("BROWSER_REQUIRED") != "1":  # else the import below fails, as it should
    pytest.importorskip("playwright")
from playwright.sync_api import expect

# Voila's own page asks these for icons and formulas, and does without where it gets no answer.
VOILAS_OWN = (
    "https://cdn.jsdelivr.net/npm/@fortawesome/",
    "https://cdnjs.cloudflare.com/ajax/libs/mathjax/",
)
NAMES = pytest.mark.parametrize("name", EXPLORERS)


@pytest.fixture(scope="module")
def page(chromium: Any, server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One page with all explorers below each other; each test uses one of them."""
    cells = ["import lambdalab as ll", *(f"ll.explore({name!r})" for name in EXPLORERS)]
    made = server.root / "made" / "explorers.ipynb"
    made.parent.mkdir(exist_ok=True)
    made.write_text(notebook_of(cells), encoding="utf-8")
    with fresh_page(chromium, server, tmp_path_factory.mktemp("shots")) as notebook:
        yield notebook.open_voila("made/explorers.ipynb")


@NAMES
def test_an_explorer_in_the_browser(page, name) -> None:
    twin = EXPLORERS[name]()
    view = page.explorer(twin.heading)
    expect(view.root).to_have_count(1)
    _says(view, twin)
    _is_heard(view, twin)
    _choose_presets(view, twin)
    _keep_a_run(view, twin)
    _guess_first(view, twin)
    _copy_the_code(view, twin)
    with _blind(twin):
        _type_every_number(view, twin)
        _press_keys(view, twin)
    _drag(view, twin)
    page.check(outside=VOILAS_OWN)


def _says(view: Any, twin: Any) -> None:
    """The page says what the twin says: sentence, settings, and its verdict or refusal if any."""
    expect(view.status).to_have_text(spoken(twin))


def _is_heard(view: Any, twin: Any) -> None:
    """A screen reader has a name for each control, words for the picture, and which button is pressed."""
    expect(view.root.get_by_role("heading", name=twin.heading, exact=True)).to_have_count(1)
    expect(view.root.get_by_role("img", name=twin.spoken.picture, exact=True)).to_have_count(1)
    for control in twin._controls:
        label, kind = control.widget.description, type(control.widget)
        role = {w.Checkbox: "checkbox", w.Dropdown: "combobox"}.get(kind, "slider")
        heard = view.root.get_by_role(role, name=label, exact=True)
        expect(heard).to_have_count(1)
        if role == "slider":
            expect(heard).to_have_attribute(
                "aria-valuetext", view.slider(label).locator(".widget-readout").inner_text()
            )
    expect(
        view.root.get_by_role("button", name=twin.preset, exact=True, pressed=True)
    ).to_have_count(1)


def _choose_presets(view: Any, twin: Any) -> None:
    for preset in reversed(twin.presets):  # the first one is on, and would change nothing
        view.button(preset).click()
        twin.preset = preset
        _says(view, twin)
        expect(view.button(preset)).to_contain_class("mod-active")
        assert view.shown() == bytes(twin.picture.value)
        assert view.cut_off() == []
        if "SHOTS" in os.environ:
            view.shot(f"{twin.name}-{re.sub('[^a-z0-9]+', '-', preset.lower())}")


def _keep_a_run(view: Any, twin: Any) -> None:
    first, second = list(twin.presets)[:2]
    view.button("Pin this run").click()
    twin.pinned = True
    view.button(second).click()
    twin.preset = second
    _says(view, twin)
    expect(view.figures.locator("tr", has_text="pinned")).to_have_count(1)
    assert view.shown() == bytes(twin.picture.value)
    view.shot(f"{twin.name}-pinned")
    view.button("Pin this run").click()
    twin.pinned = False
    expect(view.figures.locator("tr", has_text="pinned")).to_have_count(0)
    view.button(first).click()
    twin.preset = first
    _says(view, twin)


def _guess_first(view: Any, twin: Any) -> None:
    """Nothing of the answer is on the page before the guess; then all of it is, with a verdict."""
    question = view.root.locator(".lambdalab-question")
    expect(question).to_be_hidden()
    view.button("Predict first").click()
    twin.predict_first = True
    expect(question).to_be_visible()
    preset = list(twin.presets)[-1]
    view.button(preset).click()
    twin.preset = preset
    _says(view, twin)
    expect(view.picture).to_be_hidden()
    expect(view.figures).to_have_count(0)
    expect(question).to_contain_text(twin.question.text.replace("`", ""))
    assert str(twin.why).replace("`", "") not in view.root.inner_text()
    assert view.cut_off() == []
    view.shot(f"{twin.name}-question")
    wrong = next(option for option in twin.question.options if option != twin.question.answer)
    question.locator("button", has_text=re.compile(rf"^\s*{re.escape(wrong)}\s*$")).click()
    twin.guess = wrong
    _says(view, twin)
    expect(view.status).to_contain_text("Not quite")
    expect(view.status).to_contain_text(str(twin.why).replace("`", ""))
    expect(view.picture).to_be_visible()
    assert view.shown() == bytes(twin.picture.value)
    view.shot(f"{twin.name}-guessed")
    view.button("Predict first").click()
    twin.predict_first = False
    expect(question).to_be_hidden()


def _copy_the_code(view: Any, twin: Any) -> None:
    copy = view.root.locator(".lambdalab-copy")
    copy.get_by_role("button", name="Copy as code").click()
    expect(copy.locator("pre")).to_have_text(twin.code.strip())
    assert copy.locator("pre").text_content() == twin.code
    view.shot(f"{twin.name}-code")
    copy.get_by_role("button", name="Hide the code").click()
    expect(copy.locator("pre")).to_be_hidden()


@contextmanager
def _blind(twin: Any) -> Iterator[None]:
    """The twin says what it says but draws nothing: half of the time goes into pictures."""
    picture, twin._picture = twin._picture, SimpleNamespace(png=lambda *draws: b"", told="")
    yield
    twin._picture = picture


def _type_every_number(view: Any, twin: Any) -> None:
    """Each control once: sliders by typing, choices by choosing, boxes by ticking."""
    for control in twin._controls:
        value = _another(control, twin)
        label = control.widget.description
        if isinstance(control.widget, w.Checkbox):
            view.root.get_by_label(label).set_checked(value)
        elif isinstance(control.widget, w.Dropdown):
            view.root.get_by_label(label, exact=True).select_option(value)
        else:
            view.slide_type(label, value)
        twin.set(**{control.name: control.meant(value)})
        _says(view, twin)


def _press_keys(view: Any, twin: Any) -> None:
    control, steps = next(_steps(twin))
    slider = control.widget
    view.slide_keys(slider.description, steps)
    value = round(slider.value + steps * slider.step, 9)
    twin.set(**{control.name: control.meant(type(slider.value)(value))})
    _says(view, twin)


def _drag(view: Any, twin: Any) -> None:
    """Where a hand lets go is not known to the step: the page tells, and the twin follows."""
    control, fraction = next(_aims(twin))
    before = view.status.text_content()
    view.slide_mouse(control.widget.description, fraction)
    expect(view.status).not_to_have_text(before)
    expect(view.status).to_contain_text(f" {control.name}=")
    shown = re.search(rf" {control.name}=(\S+)", view.status.text_content())
    assert shown is not None
    kind = type(control.meant(control.widget.value))
    twin.set(**{control.name: kind(shown[1])})
    _says(view, twin)
    assert view.shown() == bytes(twin.picture.value)
    low, high = control.widget.min, control.widget.max
    assert (control.widget.value - low) / (high - low) == pytest.approx(fraction, abs=0.1)


def _aims(twin: Any) -> Iterator[tuple[Any, float]]:
    """Linear sliders, and a part of their track that is far from here and that the scenario accepts."""
    for control in reversed(twin._controls):
        slider = control.widget
        if isinstance(slider, w.IntSlider | w.FloatSlider) and control.meant(slider.value):
            for fraction in (0.3, 0.7, 0.5):
                value = slider.min + fraction * (slider.max - slider.min)
                far = abs(value - slider.value) > 0.15 * (slider.max - slider.min)
                if far and _accepted(control, twin, type(slider.value)(value)):
                    yield control, fraction


def _steps(twin: Any) -> Iterator[tuple[Any, int]]:
    """The linear sliders that can go a step up or down from here."""
    for control in twin._controls:
        slider = control.widget
        if isinstance(slider, w.IntSlider | w.FloatSlider):
            for steps in (1, -1):
                value = round(slider.value + steps * slider.step, 9)
                if slider.min <= value <= slider.max and _accepted(control, twin, value):
                    yield control, steps
                    break


def _another(control: Any, twin: Any) -> Any:
    """A value that the control can show, that its scenario accepts, and that is not there now."""
    widget = control.widget
    if isinstance(widget, w.Checkbox):
        return not widget.value
    if isinstance(widget, w.Dropdown):
        return next(option for option in widget.options if option != widget.value)
    return next(
        value for value in _candidates(widget)
        if value != widget.value and _accepted(control, twin, value)
    )  # fmt: skip


def _candidates(slider: Any) -> Iterator[Any]:
    if isinstance(slider, w.FloatLogSlider):
        for factor in (1.5, 0.6, 3.0, 0.2):
            value = float(f"{slider.value * factor:.2g}")
            if slider.base**slider.min <= value <= slider.base**slider.max:
                yield int(value) if "d" in slider.readout_format else value
        return
    steps = round((slider.max - slider.min) / slider.step)
    for change in (3, -3, 1, -1, steps // 10, -steps // 10, steps // 2, -steps // 2):
        value = round(slider.value + change * slider.step, 6)
        if slider.min <= value <= slider.max:
            yield value


def _accepted(control: Any, twin: Any, value: Any) -> bool:
    try:
        return bool(replace(twin.settings, **{control.name: control.meant(value)}) != twin.settings)
    except LabError:
        return False
