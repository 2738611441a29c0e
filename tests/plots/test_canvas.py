"""What all pictures share: the legend stays over the axes, however much there is to say."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Patch

import lambdalab as ll
from lambdalab import plots, scenarios
from lambdalab.errors import UnknownSetting
from lambdalab.plots import canvas, words
from lambdalab.plots.palette import INK

LABELS = ["in the queue, received three times", "dealt with", "batches held by pollers (up to 5)"]


@pytest.mark.parametrize("entries", [1, 4, 9, 12])
@pytest.mark.parametrize("width", [6.0, 9.0])
def test_a_legend_is_no_wider_than_its_figure(entries: int, width: float) -> None:
    ax = canvas.axes(None, "any", (width, 4.0))
    handles = [Patch(label=LABELS[number % 3]) for number in range(entries)]
    canvas.headline(ax, "title", handles, columns=6)
    ax.figure.canvas.draw()
    legend = ax.get_legend().get_window_extent()
    assert legend.x1 <= ax.figure.bbox.x1
    assert ax.get_window_extent().width > 0.8 * ax.figure.bbox.width, "the axes keep their room"


def test_beside_each_other_too() -> None:
    figure, both = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
    for ax in both:
        canvas.headline(ax, "title", [Patch(label=LABELS[0]) for _ in range(6)], columns=6)
    figure.canvas.draw()
    left, right = (ax.get_legend().get_window_extent() for ax in both)
    assert left.x1 < right.x0


def test_few_short_entries_stay_in_one_row() -> None:
    ax = canvas.axes(None, "any", (9.0, 4.0))
    canvas.headline(ax, "title", [Patch(label="success") for _ in range(5)])
    assert ax.get_legend()._ncols == 5


def test_a_name_as_long_as_it_may_be_leaves_room_for_the_rest_of_the_title() -> None:
    ax = canvas.axes(None, "any", (9.0, 4.0))
    canvas.headline(ax, f"{'s' * 128}->{'f' * 64}: 20 of 20 records dealt with, 3 lost")
    ax.figure.canvas.draw()
    title = ax.get_title(loc="left")
    assert title.startswith("sss")
    assert "fff: 20 of 20 records dealt with, 3 lost" in title
    (drawn,) = (text for text in ax.get_children() if getattr(text, "get_text", str)() == title)
    assert drawn.get_window_extent().x1 <= ax.figure.bbox.x1


def test_rates_in_few_digits() -> None:
    assert [words.rate(n) for n in (0.5, 40, 1000)] == ["0.5", "40", "1,000"]


@pytest.mark.parametrize("wrong", ["size", "plot", "fig_size"])
def test_a_style_that_no_plot_has_is_named_whatever_it_is_called(wrong: str) -> None:
    with pytest.raises(UnknownSetting, match=wrong):
        plots.timeline(scenarios.sync_vs_async(), **{wrong: (7, 3)})


@pytest.mark.parametrize("given", [False, True], ids=["its own figure", "two axes of a figure"])
def test_a_dark_figure_becomes_white_and_its_words_dark(given: bool) -> None:
    trace = scenarios.batching(rate=2, window=5, seconds=10)
    with plt.style.context("dark_background"):
        both = plt.subplots(1, 2, layout="constrained")[1] if given else (None, None)
        drawn = [plots.queue_depth(trace, ax=ax) for ax in both]
        for ax in drawn:
            ax.figure.canvas.draw()
    for ax in drawn:
        assert set(map(to_hex, (ax.figure.get_facecolor(), ax.get_facecolor()))) == {"#ffffff"}
        for scaled in (ax, canvas.second(ax)):
            assert scaled is not None
            words_drawn = [*scaled.get_yticklabels(), scaled.yaxis.label]
            assert {to_hex(text.get_color()) for text in words_drawn} == {INK.lower()}
        assert {to_hex(text.get_color()) for text in ax.get_legend().get_texts()} == {INK.lower()}


def test_a_light_figure_keeps_its_colours() -> None:
    _, ax = plt.subplots(facecolor="#FFF8E7")
    plots.timeline(scenarios.sync_vs_async(), ax=ax)
    assert to_hex(ax.figure.get_facecolor()) == "#fff8e7"


def test_a_title_has_two_lines_where_the_axes_are_small() -> None:
    trace = scenarios.visibility()
    figure, axs = plt.subplots(2, 2, figsize=(11, 7), layout="constrained")
    title = plots.visibility(trace, ax=axs[0, 0]).get_title(loc="left")
    assert "\n" in title
    assert title.replace("\n", " ") == plots.visibility(trace).get_title(loc="left")
    figure.canvas.draw()
    (drawn,) = (
        text for text in axs[0, 0].get_children() if getattr(text, "get_text", str)() == title
    )
    assert drawn.get_window_extent().x1 <= axs[0, 1].get_window_extent().x0


def test_a_moment_is_drawn_on_an_axis_of_a_second() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=1)
    lab.invoke("f", invocation_type="Event")
    for name in ("backoff", "queue_depth", "request_anatomy", "story", "sync_vs_async"):
        low, high = plots.PLOTS[name](lab.trace).get_xlim()
        assert 1 <= high - low <= 1.5, name


def test_late_moments_have_commas_and_short_ones_no_exponents() -> None:
    ax = canvas.axes(None, "any", (9.0, 4.0))
    canvas.time_axis(ax, 4_233_600, 4_233_900)
    ax.figure.canvas.draw()
    assert "4,233,600" in {label.get_text() for label in ax.get_xticklabels()}
    canvas.time_axis(ax, 0, 2e-5)
    ax.figure.canvas.draw()
    assert not any("e" in label.get_text() for label in ax.get_xticklabels())
