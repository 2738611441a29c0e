"""What a run of a notebook changed in what its cells show: short enough to be read.

Text as `-` and `+` lines, tables by their text form, widgets by theirs, pictures by how much of
them is another: never a wall of base64. What differs from run to run without meaning anything
(tests/nbval_sanitize.cfg) is no change.
"""

from __future__ import annotations

import base64
import difflib
import html
import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SANITIZE = Path(__file__).resolve().parents[1] / "tests" / "nbval_sanitize.cfg"
MOST = 40  # lines of one output: who needs more runs the notebook
SEEN = 8  # of 255: what of a pixel's colour an eye notices
BLOCKS = r"</(?:tr|p|div|li|h\d|details|summary|pre|caption)>|<br ?/?>"


# ---- what an output says


@cache
def _patterns() -> list[tuple[str, str]]:
    # as nbval reads the file
    text = SANITIZE.read_text(encoding="utf-8")
    return re.findall("^regex: (.*)$\n^replace: (.*)$", text, flags=re.MULTILINE)


def sanitized(text: str) -> str:
    """The text without what differs from run to run, as nbval compares it."""
    for pattern, put in _patterns():
        text = re.sub(pattern, put, text)
    return text


def words(page: str) -> str:
    """What a reader sees of a piece of HTML: a line for each row or paragraph."""
    page = re.sub(r"(?s)<(style|script)\b.*?</\1>", "", page)
    page = re.sub(r"\s+", " ", page)
    page = re.sub(r"</t[dh]> ?(?=<t[dh])", "  ", re.sub(BLOCKS, r"\g<0>\n", page))
    lines = (line.strip() for line in html.unescape(re.sub(r"<[^>]+>", "", page)).splitlines())
    return "\n".join(filter(None, lines))


def texts(output: Any) -> list[str]:
    """The textual forms of one output, sanitised: what is printed, or text/plain and the others."""
    if output.output_type == "stream":
        return [sanitized(f"{output.text}")]
    if output.output_type == "error":
        return [sanitized(f"{output.ename}: {output.evalue}")]
    data = output.get("data", {})
    forms = [data["text/plain"]] if "text/plain" in data else []
    others = sorted(kind for kind in data if kind.startswith("text/") and kind != "text/plain")
    forms += [words(data[kind]) if kind == "text/html" else data[kind] for kind in others]
    return [sanitized(form) for form in forms]


def pictures(output: Any) -> list[bytes]:
    """The PNGs of one output."""
    shown = output.get("data", {}).get("image/png")
    return [base64.b64decode(shown)] if shown else []


def cells_of(notebook: Any) -> dict[str, Any]:
    """The code cells, by id."""
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


# ---- what changed


def changes(before: Any, after: Any) -> Iterator[str]:
    """Lines that tell what a notebook shows now and did not show before, cell by cell."""
    old, new = cells_of(before), cells_of(after)
    for name, cell in new.items():
        if name not in old:
            yield f"  {name}: a new cell"
        elif found := list(cell_changes(old[name], cell)):
            yield f"  {name}: {first_line(cell.source)}"
            yield from (f"    {line}" for line in found)
    yield from (f"  {name}: the cell is gone" for name in old if name not in new)


def first_line(source: str) -> str:
    """Which cell it is, for a reader who does not know it by its id."""
    lines = source.strip().splitlines() or [""]
    return lines[0] if len(lines[0]) <= 80 else f"{lines[0][:79]}…"


def cell_changes(before: Any, after: Any) -> Iterator[str]:
    """What changed in the outputs of one cell."""
    old, new = (visible(cell) for cell in (before, after))
    yield from text_changes(old, new)
    was = [shot for output in before.outputs for shot in pictures(output)]
    now = [shot for output in after.outputs for shot in pictures(output)]
    for one, other in zip(was, now, strict=False):
        if one != other:
            yield picture_change(one, other)
    for shot in now[len(was) :]:
        yield f"a new picture: {size(opened(shot))}"
    yield from ("a picture is gone" for _ in was[len(now) :])


def visible(cell: Any) -> list[list[str]]:
    """The lines of each textual form: the first forms of all outputs, then all the second ones."""
    forms = [texts(output) for output in cell.outputs]
    depth = max(map(len, forms), default=0)
    layers = ([form[i] for form in forms if len(form) > i] for i in range(depth))
    return [[line for text in layer for line in text.splitlines()] for layer in layers]


def text_changes(old: list[list[str]], new: list[list[str]]) -> Iterator[str]:
    """The first textual form that differs, as - and + lines with one line of context."""
    for i in range(max(len(old), len(new))):
        was, now = (forms[i] if i < len(forms) else [] for forms in (old, new))
        if was == now:
            continue
        lines = list(difflib.unified_diff(was, now, n=1, lineterm=""))[2:]
        told = ["  …" if line.startswith("@@") else f"{line[0]} {line[1:]}" for line in lines]
        told = told[1:]  # where the first change stands is of no use without numbers of lines
        yield from (line.rstrip() for line in told[:MOST])
        if len(told) > MOST:
            yield f"  … and {len(told) - MOST} lines more"
        return


def opened(shot: bytes) -> Image.Image:
    """A picture from its bytes, with its transparency on white as a page shows it."""
    picture = Image.open(io.BytesIO(shot)).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def size(picture: Image.Image) -> str:
    """Width and height."""
    return f"{picture.width}x{picture.height}"


def picture_change(before: bytes, after: bytes) -> str:
    """How far two pictures are from each other."""
    old, new = opened(before), opened(after)
    if old.size != new.size:
        return f"picture changed: {size(old)} before, {size(new)} now"
    apart = np.abs(np.asarray(old, dtype=int) - np.asarray(new, dtype=int)).max(axis=2)
    share = (apart > SEEN).mean()
    if not share:
        return f"picture changed: {size(new)}, no pixel that an eye could tell"
    return f"picture changed: {size(new)}, {max(share, 0.001):.1%} of its pixels"
