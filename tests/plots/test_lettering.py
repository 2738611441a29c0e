"""Words laid down from pieces look as matplotlib draws them, and no piece is mistaken for another."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lambdalab.plots.lettering import LetteringCanvas

SHIFT = 64
"""Of 255: as far as an edge goes that stands an eighth of a pixel beside its place."""


def drawn(canvas: type[FigureCanvasAgg], *texts: dict[str, Any], dpi: float = 108) -> Any:
    figure = Figure(figsize=(4, 1), dpi=dpi)
    for text in texts:
        figure.text(**{"x": 0.1, "y": 0.5, "s": "Who waits? jpgq", **text})
    made = canvas(figure)
    made.draw()
    return np.asarray(made.buffer_rgba()).astype(int)


@pytest.mark.parametrize(
    "text",
    [
        {},
        {"x": 0.1234, "y": 0.4321},
        {"fontweight": "bold", "fontsize": 14, "color": "#0072B2"},
        {"fontstyle": "italic", "s": "fjord"},
        {"rotation": 90},
        {"alpha": 0.4},
        {"s": "two\nlines", "ha": "right", "x": 0.9},
        {"s": "$x^2$ and words"},
        {"s": "cut off at the end of the picture " * 4},
        {"x": -0.05, "y": 0.9},
        {"s": "ragged", "antialiased": False},
    ],
)
def test_it_looks_as_agg_draws_it(text: dict[str, Any]) -> None:
    for _ in range(2):  # a new piece, and one that was kept
        ours, agg = drawn(LetteringCanvas, text), drawn(FigureCanvasAgg, text)
        if text.get("antialiased", True):
            assert np.abs(ours - agg).max() <= SHIFT
        assert abs(ours.sum() - agg.sum()) < 0.02 * (255 * 4 * ours[..., 0].size - agg.sum() + 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"s": "Who waits? jpgg"}),
        ({}, {"color": "#444444"}),
        ({}, {"fontweight": "bold"}),
        ({}, {"fontsize": 10.5}),
        ({}, {"x": 0.1 + 0.25 / 432}),
        ({}, {"antialiased": False}),
    ],
)
def test_texts_that_differ_share_no_piece(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (drawn(LetteringCanvas, one) != drawn(LetteringCanvas, other)).any()


def test_another_resolution_and_another_font_are_another_text() -> None:
    usual = drawn(LetteringCanvas, {})
    assert drawn(LetteringCanvas, {}, dpi=90).shape != usual.shape
    with mpl.rc_context({"font.sans-serif": ["DejaVu Sans Mono"]}):
        assert (drawn(LetteringCanvas, {}) != usual).any()
    assert (drawn(LetteringCanvas, {}) == usual).all()


def test_a_figure_that_grows_gets_a_renderer_of_its_size() -> None:
    canvas = LetteringCanvas(Figure(figsize=(4, 1), dpi=100))
    first = canvas.get_renderer()
    assert canvas.get_renderer() is first
    canvas.figure.set_size_inches(4, 2)
    assert canvas.get_renderer().height == 200
