"""What all pictures share: the legend stays over the axes, however much there is to say."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest
from matplotlib.patches import Patch

from lambdalab import plots, scenarios
from lambdalab.errors import UnknownSetting
from lambdalab.plots import canvas, words

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
