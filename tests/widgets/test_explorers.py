"""Explorers: presets, sliders, state from code, the pin, the text form and the picture."""

from __future__ import annotations

import base64
import html
import re

import pytest
import traitlets

import lambdalab as ll
from lambdalab.errors import InvalidSetting, UnknownName, UnknownSetting
from lambdalab.plots.picture import question
from lambdalab.widgets import EXPLORERS, BackoffExplorer, BatchingExplorer, SyncAsyncExplorer
from tests.widgets import proving

COURSE = ["sync_vs_async", "backoff", "batching", "visibility", "throttle_trap"]
PNG = b"\x89PNG\r\n\x1a\n"
ALL = pytest.mark.parametrize("make", EXPLORERS.values(), ids=list(EXPLORERS))


def control(explorer, name):
    return next(c.widget for c in explorer._controls if c.name == name)


@ALL
def test_an_explorer_begins_with_its_first_preset(make) -> None:
    explorer = make()
    assert explorer.preset == next(iter(make.presets))
    assert explorer.preset_buttons.value == explorer.preset
    assert explorer.settings == make.scenario()
    assert bytes(explorer.picture.value[:8]) == PNG
    told = re.sub("</?code>", "`", html.unescape(explorer.status.value))
    assert explorer.why in told
    assert "lambdalab-explorer" in explorer._dom_classes
    assert "class='lambdalab-status'" in explorer.status.value
    assert "aria-live='polite'" in explorer.status.value


@ALL
def test_every_preset_shows_something_else(make) -> None:
    explorer, elsewhere = make(), make()
    pictures, sentences = set(), set()
    for name, preset in make.presets.items():
        explorer.preset = name
        assert explorer.settings == make.scenario(**preset)
        proving.check(explorer.why, explorer.trace)
        assert len(explorer.why.proof()) == len(explorer.why.facts) >= 1
        assert explorer.copy_button.code == explorer.code
        assert explorer.code.endswith(f"{explorer.drawing()}\n")
        assert max(map(len, explorer.code.splitlines())) < 240
        assert_told_of_the_run_alone(explorer, elsewhere)
        pictures.add(explorer.picture.value)
        sentences.add(explorer.why)
    assert len(pictures) == len(sentences) == len(make.presets)


def assert_told_of_the_run_alone(explorer, elsewhere) -> None:
    """An explorer whose sliders stand elsewhere says the same of the same trace."""
    trace = explorer.trace
    assert elsewhere.explain(trace) == explorer.why
    assert elsewhere.figures(trace) == explorer.figures(trace)
    asked, question = elsewhere.ask(trace), explorer.question
    assert (asked.text, asked.answer) == (question.text, question.answer)


@ALL
def test_controls_follow_the_settings_and_the_settings_the_controls(make) -> None:
    explorer = make()
    for name, preset in make.presets.items():
        explorer.preset_buttons.value = name
        assert explorer.settings == make.scenario(**preset)
        for each in explorer._controls:
            value = getattr(explorer.settings, each.name)
            meant = each.meant(each.widget.value)
            if isinstance(value, int | float):
                assert meant == pytest.approx(value, rel=1e-3)
            elif value is not None:
                assert meant == value
        assert explorer.preset == name, "showing the settings changes none of them"


@ALL
def test_every_control_has_a_label_and_sliders_can_be_typed(make) -> None:
    explorer = make()
    labels = [each.widget.description for each in explorer._controls]
    assert all(labels)
    assert len(set(labels)) == len(labels)
    assert {each.name for each in explorer._controls} <= set(make.scenario.__dataclass_fields__)
    for each in explorer._controls:
        if hasattr(each.widget, "readout"):
            assert each.widget.readout
            assert not each.widget.continuous_update
    assert explorer.children.index(explorer.preset_buttons) < 2, "presets stand before sliders"
    assert [*explorer.children[-2:]] == [explorer.status, explorer.copy_button]


def test_a_slider_draws_anew_and_leaves_the_preset() -> None:
    explorer = BatchingExplorer()
    before = explorer.picture.value, explorer.status.value
    control(explorer, "rate").value = 7.5
    assert explorer.settings.rate == 7.5
    assert explorer.preset == ""
    assert explorer.preset_buttons.value is None
    assert explorer.picture.value != before[0]
    assert "rate=7.5" in explorer.status.value
    control(explorer, "rate").value = 3.0
    assert explorer.preset == "window 5 s", (
        "back at the settings of a preset, its button is on again"
    )
    assert (explorer.picture.value, explorer.status.value) == before


def test_the_picture_comes_before_the_text() -> None:
    explorer = BackoffExplorer()
    order: list[str] = []
    explorer.picture.observe(lambda _: order.append("picture"), "value")
    explorer.key_figures.observe(lambda _: order.append("figures"), "value")
    explorer.status.observe(lambda _: order.append("text"), "value")
    explorer.set(maximum_event_age=90)
    assert order == ["picture", "figures", "text"]


def test_set_changes_several_at_once_and_draws_once() -> None:
    explorer = BatchingExplorer()
    drawn: list[object] = []
    explorer.picture.observe(drawn.append, "value")
    explorer.set(rate=5.0, window=2, seconds=12.0)
    assert len(drawn) == 1
    assert (explorer.settings.rate, control(explorer, "window").value) == (5.0, 2)


def test_wrong_settings_from_code_change_nothing() -> None:
    explorer = BatchingExplorer()
    before = explorer.settings, explorer.picture.value, explorer.status.value
    with pytest.raises(UnknownSetting, match="did you mean 'batch_size'"):
        explorer.set(batchsize=5)
    with pytest.raises(InvalidSetting):
        explorer.set(window=0, batch_size=500)
    with pytest.raises(traitlets.TraitError):
        explorer.settings = ll.scenarios.Backoff()
    with pytest.raises(UnknownName, match="did you mean 'window 0'"):
        explorer.preset = "window0"
    assert (explorer.settings, explorer.picture.value, explorer.status.value) == before


def test_a_slider_that_asks_too_much_is_answered_in_words() -> None:
    explorer = BatchingExplorer(window=0)
    picture = explorer.picture.value
    control(explorer, "batch_size").value = 1000
    assert "Not drawn:" in explorer.status.value
    assert "at most 10 where there is no window" in explorer.status.value
    assert explorer.picture.value == picture
    control(explorer, "rate").value = 4.0
    assert "Not drawn:" in explorer.status.value, "what the controls show is what is asked for"
    control(explorer, "window").value = 3
    assert "Not drawn:" not in explorer.status.value
    wanted = explorer.settings
    assert (wanted.batch_size, wanted.window, wanted.rate) == (1000, 3, 4.0)


def test_a_slider_that_asked_too_much_and_comes_back_is_forgiven() -> None:
    explorer = BatchingExplorer(window=0)
    before = explorer.status.value, explorer.settings
    control(explorer, "batch_size").value = 1000
    control(explorer, "batch_size").value = 10
    assert (explorer.status.value, explorer.settings) == before
    control(explorer, "batch_size").value = 1000
    explorer.preset = "quiet queue"
    assert control(explorer, "batch_size").value == 10
    control(explorer, "rate").value = 0.5
    assert explorer.settings.batch_size == 10, "a preset forgets what was refused"


def test_a_control_shows_what_its_setting_became() -> None:
    explorer = BatchingExplorer(maximum_concurrency=2)
    control(explorer, "maximum_concurrency").value = 1
    assert explorer.settings.maximum_concurrency == 2, "AWS allows no less"
    assert control(explorer, "maximum_concurrency").value == 2
    control(explorer, "maximum_concurrency").value = 0
    assert explorer.settings.maximum_concurrency is None


def test_sliders_grow_for_what_is_typed_in_code() -> None:
    explorer = BatchingExplorer()
    explorer.set(rate=80.0, window=120)
    assert control(explorer, "rate").value == 80.0
    assert control(explorer, "window").value == 120


def test_settings_is_a_trait_that_can_be_observed() -> None:
    explorer = SyncAsyncExplorer()
    seen: list[object] = []
    explorer.observe(lambda change: seen.append(change["new"].duration), "settings")
    explorer.settings = ll.scenarios.SyncVsAsync(duration=1.0)
    control(explorer, "duration").value = 1.5
    assert seen == [1.0, 1.5]


def test_another_seed() -> None:
    explorer = BatchingExplorer()
    digest = explorer.trace.digest()
    explorer.seed_button.click()
    assert explorer.seed == 8
    assert explorer.trace.digest() != digest
    assert "seed=8" in explorer.status.value
    explorer.seed = 7
    assert explorer.trace.digest() == digest


@ALL
def test_the_pin_keeps_a_run_beside_the_new_one(make) -> None:
    explorer = make()
    names = list(make.presets)
    alone = height(explorer)
    explorer.pin_button.value = True
    assert explorer.pinned
    kept = explorer.key_figures.value
    explorer.preset = names[1]
    assert height(explorer) == pytest.approx(2 * alone, abs=2)
    assert explorer.key_figures.value.count("<tr>") == 3
    assert rows_told(explorer) == {
        "this run": list(explorer.figures(explorer.trace).values()),
        "pinned": list(explorer.figures(make().trace).values()),
    }
    assert explorer.key_figures.value != kept
    explorer.pinned = False
    assert not explorer.pin_button.value
    assert height(explorer) == alone


def rows_told(explorer) -> dict[str, list[str]]:
    """The key figures as they are shown, by the run that each row is of."""
    rows = re.findall(r"<tr>(.*?)</tr>", explorer.key_figures.value, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows[1:]]
    return {html.unescape(first): [html.unescape(one) for one in rest] for first, *rest in cells}


def height(explorer) -> int:
    """Of the picture, in pixels (bytes 20 to 24 of a PNG)."""
    return int.from_bytes(explorer.picture.value[20:24], "big")


@ALL
def test_places_without_javascript_get_the_picture_and_the_text(make) -> None:
    explorer = make()
    data, _ = explorer._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]) == explorer.picture.value
    assert data["text/plain"] == repr(explorer)
    assert "application/vnd.jupyter.widget-view+json" in data
    assert repr(explorer) == repr(make()), "stable"
    assert "0x" not in repr(explorer)
    assert explorer.why in repr(explorer)


@ALL
def test_the_code_makes_the_trace_on_show(make) -> None:
    explorer = make()
    explorer.seed = 11
    space: dict[str, object] = {}
    exec(explorer.code, space)
    assert space["trace"].digest() == explorer.trace.digest()


@ALL
def test_key_figures_are_told(make) -> None:
    explorer = make()
    for name, value in explorer.figures(explorer.trace).items():
        told = html.unescape(explorer.key_figures.value)
        assert f">{name}<" in told
        assert f">{value}<" in told


@ALL
def test_an_explorer_can_begin_elsewhere(make) -> None:
    last = list(make.presets)[-1]
    explorer = make(preset=last, seed=5, predict_first=True)
    assert (explorer.preset, explorer.seed, explorer.hidden) == (last, 5, True)
    assert explorer.settings == make.scenario(**make.presets[last])
    assert explorer.trace.digest() == explorer.settings.run(5).digest()
    with pytest.raises(UnknownName, match="preset"):
        make(preset="no such preset")


# ---- predict first ---------------------------------------------------------------------------


@ALL
def test_predict_first_hides_each_run_until_a_guess(make) -> None:
    explorer = make()
    shown = explorer.picture.value, explorer.key_figures.value, explorer.status.value
    assert explorer.question_box.layout.display == "none"
    explorer.predict_button.value = True
    assert explorer.predict_first
    assert explorer.hidden
    assert explorer.question_box.layout.display is None
    assert explorer.picture.layout.display == "none"
    assert_nothing_is_told(explorer)
    assert explorer.guesses.options == explorer.question.options
    assert explorer.guesses.value is None
    assert not explorer.guesses.disabled
    explorer.guesses.value = explorer.question.answer
    assert explorer.guess == explorer.question.answer
    assert not explorer.hidden
    assert (explorer.picture.value, explorer.key_figures.value) == shown[:2]
    assert "Right: " in explorer.status.value
    assert explorer.guesses.disabled, "who has seen the answer guesses no more"
    explorer.preset = list(make.presets)[1]
    assert explorer.hidden
    assert explorer.guess == ""
    assert not explorer.guesses.disabled
    assert_nothing_is_told(explorer)
    wrong = next(o for o in explorer.question.options if o != explorer.question.answer)
    explorer.guess = wrong
    assert explorer.guesses.value == wrong
    assert "Not quite. It is: " in explorer.status.value
    explorer.preset = next(iter(make.presets))
    explorer.predict_first = False
    assert (explorer.picture.value, explorer.key_figures.value, explorer.status.value) == shown


def assert_nothing_is_told(explorer) -> None:
    assert explorer.picture.value == b""
    assert explorer.key_figures.value == ""
    told = re.sub("</?code>", "`", html.unescape(explorer.status.value))
    assert str(explorer.why) not in told
    assert str(explorer.why) not in repr(explorer)
    assert explorer.question.text in repr(explorer)
    assert all(option in repr(explorer) for option in explorer.question.options)
    data, _ = explorer._repr_mimebundle_()
    asked = question(explorer.question.text, explorer.question.options)
    assert base64.b64decode(data["image/png"]) == asked, "where no widget runs: the question"
    assert data["text/plain"] == repr(explorer)


@ALL
def test_what_runs_nothing_anew_keeps_the_guess(make) -> None:
    explorer = make(predict_first=True)
    explorer.guess = explorer.question.answer
    shown = explorer.status.value
    explorer.pinned = True
    assert explorer.guess == explorer.question.answer
    assert explorer.status.value == shown
    explorer.set()
    assert not explorer.hidden
    explorer.seed += 1
    assert explorer.hidden


def test_nothing_that_is_hidden_can_be_pinned_with_the_button() -> None:
    explorer = BatchingExplorer(predict_first=True)
    assert explorer.pin_button.disabled
    explorer.guess = explorer.question.answer
    assert not explorer.pin_button.disabled
    explorer.pinned = True
    explorer.set(rate=7.0)
    assert explorer.hidden
    assert not explorer.pin_button.disabled, "what is pinned can be let go"
    assert explorer.key_figures.value == ""
    explorer.guess = explorer.question.answer
    assert ">pinned<" in explorer.key_figures.value


def test_what_is_refused_while_a_run_is_hidden_leaves_it_hidden() -> None:
    explorer = BatchingExplorer(window=0, predict_first=True)
    control(explorer, "batch_size").value = 1000
    assert "Not drawn:" in explorer.status.value
    assert explorer.hidden
    assert explorer.picture.value == b""
    explorer.guess = explorer.question.answer
    assert "Not drawn:" not in explorer.status.value
    assert control(explorer, "batch_size").value == 10, "the controls tell of the run on show"


def test_the_guess_is_one_of_the_options_and_can_be_observed() -> None:
    explorer = BatchingExplorer(predict_first=True)
    with pytest.raises(UnknownName, match="did you mean"):
        explorer.guess = "it is ful"
    assert explorer.hidden
    seen: list[str] = []
    explorer.observe(lambda change: seen.append(change["new"]), "guess")
    explorer.guesses.value = "it is full"
    explorer.seed += 1
    assert seen == ["it is full", ""]


def test_the_questions_of_two_runs_may_have_other_options() -> None:
    explorer = ll.explore("visibility", predict_first=True)
    before = explorer.guesses.options
    explorer.preset = "one bad of ten"
    assert explorer.guesses.options == explorer.question.options != before
    assert explorer.guesses.value is None
    assert explorer.hidden


# ---- the list --------------------------------------------------------------------------------


def test_explore_lists_and_finds() -> None:
    listed = ll.explore()
    assert [*listed] == list(EXPLORERS)
    assert [name for name in listed if name in COURSE] == COURSE, "in the order of a course"
    assert "explore('batching')" in repr(listed)
    explorer = ll.explore("batching", rate=9.0)
    assert isinstance(explorer, ll.BatchingExplorer)
    assert explorer.settings.rate == 9.0
    with pytest.raises(UnknownName, match="did you mean 'batching'"):
        ll.explore("batch")
