"""Colours: Okabe and Ito's, a second channel for each, text that can be read."""

from __future__ import annotations

import itertools

import pytest
from matplotlib.colors import to_rgb

from lambdalab.plots import palette
from lambdalab.plots.palette import BATCH_CAUSES, DEPTHS, INK, MUTED, OUTCOMES

OKABE_ITO = {"#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"}
GREYS = {palette.PALE, palette.FAINT, palette.MUTED}


def luminance(colour: str) -> float:
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("text", "ground"),
    [
        (INK, "white"), (MUTED, "white"), ("white", OUTCOMES["success"].colour),
        (INK, palette.WAIT.colour), (INK, palette.QUEUED.colour), (INK, palette.NEXT.colour),
    ],
)  # fmt: skip
def test_text_can_be_read(text: str, ground: str) -> None:
    assert contrast(text, ground) >= 4.5


@pytest.mark.parametrize("looks", [OUTCOMES, BATCH_CAUSES, DEPTHS])
def test_no_meaning_rests_on_colour_alone(looks) -> None:
    assert {look.colour for look in looks.values()} <= OKABE_ITO | GREYS
    for one, other in itertools.combinations(looks.values(), 2):
        assert one.hatch != other.hatch or contrast(one.colour, other.colour) > 1.5
