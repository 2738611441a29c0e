"""What widgets write can be read, and what they draw is told apart, by everybody.

Read from the sources of the widgets themselves: styles, canvases and tables of looks.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

import lambdalab
from lambdalab.plots import palette
from lambdalab.widgets.flow import packing
from lambdalab.widgets.viewer import looks
from tests.plots.seeing import APART, READABLE, contrast, distance, luminance

HOME = Path(lambdalab.__file__).parent / "widgets"
SOURCES = sorted(path for kind in ("*.js", "*.css", "*.html", "*.py") for path in HOME.rglob(kind))
HEX = r"#[0-9a-fA-F]{6}\b|#[0-9a-fA-F]{3}\b"
WHITE = "#ffffff"


def texts_and_grounds(source: str) -> list[tuple[str | None, str | None]]:
    """Of each rule or inline style: the colour of its text and of its background."""
    found = []
    for rule in re.split(r"[{}\n]", re.sub(r'"\s*\n\s*\+ "', "", source)):
        text = re.search(rf"(?<![-\w])color:\s*({HEX})", rule)
        ground = re.search(rf"(?<![-\w])background(?:-color)?:\s*({HEX})", rule)
        if text or ground:
            found.append((text and text.group(1), ground and ground.group(1)))
    return found


@pytest.mark.parametrize("path", [p for p in SOURCES if texts_and_grounds(p.read_text("utf-8"))],
                         ids=lambda path: path.name)  # fmt: skip
def test_text_of_styles_can_be_read(path: Path) -> None:
    """On its own background; without one, on every light background of the same sheet."""
    rules = texts_and_grounds(path.read_text("utf-8"))
    grounds = {WHITE, *(g for _, g in rules if g and luminance(_rgb(g)) > 0.5)}
    for text, ground in rules:
        for under in [ground] if ground else grounds:
            if text:
                assert contrast(text, under) >= READABLE, f"{text} on {under}"


def test_poor_styles_are_found() -> None:
    assert texts_and_grounds(
        ".a { color: #999; background: #fff; }\n b { border-color: #eee }"
    ) == [("#999", "#fff")]
    assert contrast("#999", "#fff") < READABLE


def _rgb(colour: str) -> tuple[float, ...]:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)


# ---- the viewer's canvas -------------------------------------------------------------------------------


def test_text_of_the_viewer_can_be_read() -> None:
    """Each text's colour is the last that was chosen before it; a light one stands on the one before."""
    source = (HOME / "viewer" / "viewer.js").read_text("utf-8")
    names = dict(re.findall(rf"\b([A-Z]+) = \"({HEX})\"", source))
    light = {WHITE, *(c for c in names.values() if luminance(_rgb(c)) > 0.5)}
    chosen: list[str] = []
    seen = 0
    for style, write in re.findall(rf"fillStyle = (\"(?:{HEX})\"|[A-Z]+);|(fillText\()", source):
        if style:
            chosen.append(names.get(style, style.strip('"')))
        elif write:
            text, seen = chosen[-1], seen + 1
            on = {chosen[-2]} if luminance(_rgb(text)) > 0.5 else light
            assert all(contrast(text, ground) >= READABLE for ground in on), f"{text} on {on}"
    assert seen >= 5


def test_bars_of_the_viewer_are_told_apart() -> None:
    for one, other in itertools.combinations(looks.LOOKS, 2):
        told = one.pattern != other.pattern or distance(one.colour, other.colour) >= APART
        assert told, f"{one.key} and {other.key}: {distance(one.colour, other.colour):.1f}"


# ---- the flow's canvas ---------------------------------------------------------------------------------

FLOW = (HOME / "flow" / "flow.js").read_text("utf-8")


def test_text_of_the_flow_can_be_read() -> None:
    """Dark text on every light fill; white text is that of the clock's bubble and of batches only."""
    grounds = {WHITE, *re.findall(rf"fillStyle = [^;]*?({HEX})", FLOW)}
    light = {ground for ground in grounds if luminance(_rgb(ground)) > 0.5}
    written = re.findall(r"\btext\(g, [^;]*?colour: ([^,}]+)", FLOW)
    assert len(written) > 5
    whites = 0
    for colour in {c for each in written for c in re.findall(HEX, each)} | {palette.INK}:
        if luminance(_rgb(colour)) > 0.5:
            whites += 1
            continue
        assert all(contrast(colour, ground) >= READABLE for ground in light), colour
    assert whites <= 1


def states() -> dict[str, str]:
    """The colour of each state, from the script itself."""
    (table,) = re.findall(r"return \{ (waiting: [^}]*) \}\[state\]", FLOW)
    found = {}
    for name, value in re.findall(r"(\w+): (c\.\w+|\"#\w+\")", table):
        found[name] = packing.COLOURS[value[2:]] if value.startswith("c.") else value.strip('"')
    return found


def test_the_number_on_a_batch_can_be_read() -> None:
    line = next(line for line in FLOW.splitlines() if "s.texts[s.a.dFact[d]]" in line)
    white = set(re.findall(r'state === "(\w+)"', line))
    (dark,) = re.findall(rf': "({HEX})"', line)
    for state, colour in states().items():
        if state != "lost":  # no batch is
            text = WHITE if state in white else dark
            assert contrast(text, colour) >= READABLE, f"{text} on {state}"


def test_dots_of_the_flow_are_told_apart() -> None:
    """Colours that mean different things differ enough; those of one colour mean one thing."""
    colours = {*states().values(), packing.COLOURS["purple"]}
    for one, other in itertools.combinations(sorted(colours), 2):
        assert distance(one, other) >= APART, f"{one} and {other}"
