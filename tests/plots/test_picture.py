"""The picture of an explorer: nothing is cut off above, however many rows its legend has."""

from __future__ import annotations

import pytest
from matplotlib.patches import Patch

from lambdalab.plots import canvas
from lambdalab.plots.picture import Picture


def drawn(entries: int):
    def draw(ax):
        ax.plot([0, 1], [0, 1])
        looks = [Patch(label=f"what number {n} of them looks like") for n in range(entries)]
        canvas.headline(ax, "A title", looks, columns=2)
        return ax

    return draw


@pytest.mark.parametrize("entries", [0, 2, 4, 8, 10])
@pytest.mark.parametrize("pinned", [0, 1])
def test_the_title_stays_inside_and_the_axes_do_not_overlap(entries, pinned) -> None:
    picture = Picture(height=3.8)
    png = picture.png(drawn(entries), drawn(8) if pinned else None)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    tall = 3.8 * picture.figure.dpi
    renderer = picture.canvas.get_renderer()
    for number, ax in enumerate(picture.figure.axes):
        title = ax._left_title.get_window_extent(renderer)
        top = tall * (1 + pinned - number)
        assert title.y1 < top
        assert title.y0 > ax.get_window_extent(renderer).y1
        assert ax.get_window_extent(renderer).height > 0.4 * tall


def test_a_small_legend_leaves_the_axes_where_they_are() -> None:
    picture = Picture()
    places = []
    for entries in (0, 2):
        picture.png(drawn(entries))
        places.append(picture.figure.axes[0].get_position().bounds)
    assert places[0] == places[1]
