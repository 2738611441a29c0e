"""Looks are told apart by people who see colours otherwise, and every text can be read on its ground.

No meaning rests on colour alone: of two looks that can stand in one picture, hatch, marker or dashes
differ, or their distance in CIELAB is at least ``APART`` in the usual vision and in the simulated ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from lambdalab import plots
from lambdalab.plots import blocked_strip, palette
from lambdalab.plots.palette import (
    ASKED,
    AWAY,
    BATCH_CAUSES,
    BATCH_RUNS,
    CLIENT,
    DEAD_LETTER,
    DEPTHS,
    FATES,
    FRONT,
    INIT,
    INIT_TYPES,
    INK,
    KEPT,
    LOST,
    NEXT,
    OUTCOMES,
    QUEUED,
    RAN_ON,
    RECEIVED,
    THROTTLE,
    THROTTLES,
    WAIT,
    Look,
)
from tests.plots.gallery import make, runs, shown
from tests.plots.seeing import APART, READABLE, VISIONS, contrast, distance, seen

GROUNDED = 0.9  # share of the pixels under a text on which it can be read: thin lines may cross it
Looks = dict[str, Look]


def named(*looks: Look) -> Looks:
    return {look.label or str(n): look for n, look in enumerate(looks)}


def inside(module: str, *names: str) -> Looks:
    """Looks that a plot keeps for itself."""
    found = vars(__import__(f"lambdalab.plots.{module}", fromlist=names))
    return {name: found[name] for name in names}


STORY: Looks = inside("story", "_LOOKS")["_LOOKS"]
#: What can stand in one picture as areas or bars.
AREAS: dict[str, Looks] = {
    "timeline": {"init": INIT, **OUTCOMES},
    "sync_vs_async": {
        **named(INIT, CLIENT, AWAY, FRONT, QUEUED, NEXT, RAN_ON), **OUTCOMES,
    },
    "request_anatomy": {**named(INIT, ASKED, AWAY, FRONT, QUEUED, RAN_ON), **OUTCOMES},
    "backoff": {"init": INIT, "wait": WAIT, **OUTCOMES},
    "batches": BATCH_CAUSES,
    "runs of batches": BATCH_RUNS,
    "depths": DEPTHS,
    "depths of a stream": {**DEPTHS, "visible": KEPT},
    "receives": {**FATES, **named(*RECEIVED)},
    "concurrency": INIT_TYPES,
    "blocked": blocked_strip.looks("stream"),
    "lives": {"init": INIT, **inside("cold_lives", "_IDLE", "_BUSY")},
    "latency": inside("latency", "_WELL", "_FAILED"),
    "visibility": {
        **inside("visibility", "HIDDEN", "GATHERED", "LATE"),
        **inside("visibility", "_BY_OUTCOME")["_BY_OUTCOME"],
    },
    "story": {name: look for name, look in STORY.items() if name != "alive"},
    "story of an environment": {name: STORY[name] for name in ("alive", "init", *OUTCOMES)},
}  # fmt: skip
#: What can stand in one picture as points.
POINTS: dict[str, Looks] = {
    "outcomes": OUTCOMES,
    "batches": BATCH_CAUSES,
    "throttles": THROTTLES,
    "ends of events": named(DEAD_LETTER, LOST, THROTTLE),
    "idle gaps": inside("calibration", "LIVED", "GONE"),
}


def test_the_simulation_keeps_greys_and_confuses_what_people_confuse() -> None:
    for vision in VISIONS:
        for grey in (0.0, 0.4, 1.0):
            assert np.allclose(seen((grey,) * 3, vision)[1:], 0, atol=0.6), "a grey stays one"
    red, green = "#C00000", "#5F6F00"
    assert np.linalg.norm(seen(red, "usual") - seen(green, "usual")) > 60
    assert distance(red, green) < 25, "red and dark green, which one man in twelve confuses"
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01), "WCAG's own example"


@pytest.mark.parametrize("name", AREAS)
def test_areas_are_told_apart(name: str) -> None:
    for (one, first), (other, second) in itertools.combinations(AREAS[name].items(), 2):
        told = first.hatch != second.hatch or distance(first.colour, second.colour) >= APART
        assert told, f"{one} and {other} look alike: {distance(first.colour, second.colour):.1f}"


@pytest.mark.parametrize("name", POINTS)
def test_points_are_told_apart(name: str) -> None:
    for (one, first), (other, second) in itertools.combinations(POINTS[name].items(), 2):
        told = first.marker != second.marker or distance(first.colour, second.colour) >= APART
        assert told, f"{one} and {other} look alike: {distance(first.colour, second.colour):.1f}"


def test_a_hatch_is_seen_on_its_colour() -> None:
    every = [look for looks in AREAS.values() for look in looks.values() if look.hatch]
    for look in every:
        assert contrast(INK, look.colour) >= 2, f"{look.label}: {look.hatch} on {look.colour}"


# ---- every picture of the gallery --------------------------------------------------------------------


def pictures() -> Iterator[Any]:
    for name in sorted(plots.PLOTS):
        for number, one in enumerate(shown.telling(name), start=1):
            yield pytest.param(_drawn(name, one.run, one.how), id=f"{name}-{number}")
        yield pytest.param(_drawn(name, runs.nothing, {}), id=f"{name}-empty")
        yield pytest.param(
            _drawn(name, lambda name=name: shown.one_row(name), {}), id=f"{name}-one"
        )
    for _, _, drawings in make.further(seeds=1):
        for drawing in drawings:
            yield pytest.param(drawing.draw, id=drawing.name)


def _drawn(name: str, run: Callable[[], Any], how: dict[str, Any]) -> Callable[[], Figure]:
    return lambda: plots.PLOTS[name](run(), **how).figure


@pytest.mark.parametrize("draw", list(pictures()))
def test_a_picture_is_read_by_everybody(draw: Callable[[], Figure]) -> None:
    figure = draw()
    FigureCanvasAgg(figure).draw()
    legends = [ax.get_legend() for ax in figure.axes if ax.get_legend() is not None]
    for legend in legends:
        entries = list(zip(legend.texts, legend.legend_handles, strict=True))
        for (one, first), (other, second) in itertools.combinations(entries, 2):
            assert apart(first, second), f"{one.get_text()!r} and {other.get_text()!r} look alike"
    poor = unreadable(figure)
    assert not poor, "\n".join(poor)


def test_a_poor_picture_is_found() -> None:
    figure, ax = mpl.pyplot.subplots()
    ax.add_patch(mpl.patches.Rectangle((0, 0), 1, 1, color=palette.BLUE))
    ax.text(0.3, 0.3, "dark on blue", color=INK)
    ax.text(0.3, 0.6, "white on blue", color="white")
    ax.set_title("pale on white", color="#999999")
    assert {line.partition(":")[0] for line in unreadable(figure)} == {
        "'dark on blue'",
        "'pale on white'",
    }
    same = [Patch(facecolor=palette.GREEN), Patch(facecolor="#1AA07A")]
    assert not apart(*same)
    assert apart(same[0], Patch(facecolor=palette.GREEN, hatch="//"))


def apart(one: Artist, other: Artist) -> bool:
    """Whether two entries of a legend differ in kind, hatch, marker or dashes, or enough in colour."""
    first, second = _channels(one), _channels(other)
    return first[:-1] != second[:-1] or distance(first[-1], second[-1]) >= APART


def _channels(artist: Artist) -> tuple[Any, ...]:
    """What a legend's entry is, its second channels, and last its colour."""
    if isinstance(artist, Patch):
        return "area", artist.get_hatch(), artist.get_facecolor()
    if isinstance(artist, LineCollection):
        return "line with a spread", artist.get_color()[0]
    assert isinstance(artist, Line2D), artist
    marker = artist.get_marker() if artist.get_marker() not in ("", "None", None) else ""
    if not marker and artist.get_linestyle() in ("None", "none", ""):
        return "only words", artist.get_label(), "white"
    colour = artist.get_markerfacecolor() if marker else artist.get_color()
    hollow = colour == "none"
    return (
        "line", marker, hollow, artist.get_markersize() if marker == "|" else 0, artist.get_linestyle(),
        str(artist._unscaled_dash_pattern), artist.get_markeredgecolor() if hollow else colour,
    )  # fmt: skip


def unreadable(figure: Figure) -> list[str]:
    """The texts of a figure that have too little contrast to what lies under them."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    figure.set_layout_engine("none")  # nothing moves when the letters are gone
    texts = [
        (text, mpl.colors.to_rgba(text.get_color(), text.get_alpha()), text.get_path_effects())
        for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()
    ]  # fmt: skip
    boxes = [text.get_window_extent() for text, _, _ in texts]
    for text, _, _ in texts:
        text.set(color=(0, 0, 0, 0), path_effects=[])
    canvas.draw()
    ground = np.asarray(canvas.buffer_rgba())[::-1, :, :3] / 255
    poor = []
    for (text, colour, effects), box in zip(texts, boxes, strict=True):
        (x0, y0), (x1, y1) = np.floor(box.min).astype(int), np.ceil(box.max).astype(int)
        under = ground[max(y0, 0) : y1, max(x0, 0) : x1].reshape(-1, 3)
        if effects:  # letters with a rim of their own, which is what lies around them
            under = np.array([mpl.colors.to_rgb(effect._gc["foreground"]) for effect in effects])
        if not len(under):
            continue  # beyond the picture
        shown = np.array(colour[:3]) * colour[3] + under * (1 - colour[3])
        share = (contrast(shown, under) >= READABLE).mean()
        if share < GROUNDED:
            poor.append(f"{text.get_text()!r}: readable on {share:.0%} of what lies under it")
    return poor
