"""The golden numbers: what the notebooks said when somebody last looked at every line of it.

notebooks/golden.json holds a hash of the text that each code cell shows, and the line of
CHANGELOG.md that says why it last changed. So no number in a lesson changes by the way.
"""

from __future__ import annotations

import hashlib
import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from notebook_diff import cells_of, texts

ROOT = Path(__file__).resolve().parents[1]
STORE = ROOT / "notebooks" / "golden.json"
CHANGELOG = ROOT / "CHANGELOG.md"
RELEASE, LIST = "## Unreleased", "Golden numbers:"
COLUMNS = 115  # of the changelog
WIDTH = 12  # hexadecimal digits: enough to notice a change, short enough for a diff
UNSTABLE = "nbval-ignore-output"  # the tag of cells whose text nobody compares


@dataclass
class Golden:
    """What one notebook said, and why it last changed.

    Parameters
    ----------
    cells
        A hash of what each code cell says, by the cell's id.
    why
        The line of the changelog that explains the last change; "" for none yet.
    """

    cells: dict[str, str] = field(default_factory=dict)
    why: str = ""


def hashes(notebook: Any) -> dict[str, str]:
    """A hash of what each code cell says; of cells that say nothing, and nothing stable, none."""
    found = {}
    for name, cell in cells_of(notebook).items():
        said = [texts(output) for output in cell.outputs]
        if any(map(any, said)) and UNSTABLE not in cell.metadata.get("tags", []):
            text = json.dumps(said, ensure_ascii=False)
            found[name] = hashlib.sha256(text.encode()).hexdigest()[:WIDTH]
    return found


def load() -> dict[str, Golden] | None:
    """The golden numbers by notebook; None as long as nobody has frozen them."""
    if not STORE.exists():
        return None
    stored = json.loads(STORE.read_text(encoding="utf-8"))
    return {name: Golden(**golden) for name, golden in stored.items()}


def save(golden: dict[str, Golden]) -> None:
    """Write the golden numbers, a line for each cell."""
    text = {name: {"why": one.why, "cells": one.cells} for name, one in sorted(golden.items())}
    STORE.write_text(json.dumps(text, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def covers(path: Path) -> bool:
    """Whether this is a notebook of the folder that has golden numbers, and not a copy elsewhere."""
    return path.resolve().parent == STORE.resolve().parent


def changed(notebook: Any, golden: Golden) -> list[str]:
    """The cells that say something else than their golden numbers; new and lost ones are none."""
    now, cells = hashes(notebook), cells_of(notebook)
    return [name for name, was in golden.cells.items() if name in cells and now.get(name) != was]


def freeze(paths: Iterable[Path]) -> None:
    """Take what these notebooks say now as their golden numbers, without a reason."""
    numbers = {path.name: Golden(hashes(nbformat.read(path, 4))) for path in paths}
    save({**(load() or {}), **numbers})


def renew(notebooks: dict[Path, Any], explained: Iterable[Path], reason: str) -> None:
    """Store what these notebooks say now; for the explained ones the changelog gets the reason."""
    known = load() or {}
    changed = [path.name for path in explained]
    line = told(reason, changed)
    if changed:
        add_line(CHANGELOG, line)
    for path, notebook in notebooks.items():
        if covers(path):
            was = known.get(path.name, Golden())
            why = line if path.name in changed else was.why
            known[path.name] = Golden(hashes(notebook), why)
    save({name: one for name, one in known.items() if (STORE.parent / name).exists()})


def problems(path: Path, notebook: Any, golden: dict[str, Golden]) -> Iterator[str]:
    """Where a stored notebook and its golden numbers are not of one mind."""
    if path.name not in golden:
        yield "has no golden numbers yet: make notebooks"
        return
    own, now = golden[path.name], hashes(notebook)
    other = changed(notebook, own)
    if other:
        yield f'says other golden numbers ({", ".join(other)}): make notebooks REASON="..."'
    if (now.keys() ^ own.cells.keys()) - set(other):
        yield "has cells without golden numbers, or golden numbers without a cell: make notebooks"
    if own.why and own.why not in lines_of(CHANGELOG):
        yield f"its golden numbers changed, and {CHANGELOG.name} does not say why: {own.why!r}"


# ---- the changelog


def lines_of(changelog: Path) -> set[str]:
    """The points of all its lists, each as one line."""
    text = re.sub(r"\n {2,}", " ", changelog.read_text(encoding="utf-8"))
    return {line[2:].strip() for line in text.splitlines() if line.startswith("- ")}


def add_line(changelog: Path, line: str) -> None:
    """Add a point to the golden numbers of the coming release, at the end of their list."""
    if line in lines_of(changelog):
        return
    lines = changelog.read_text(encoding="utf-8").splitlines()
    if RELEASE not in lines:
        raise SystemExit(f"{changelog.name} has no {RELEASE!r}: where should the line go?")
    begin = lines.index(RELEASE) + 1
    end = next((i for i in range(begin, len(lines)) if lines[i].startswith("## ")), len(lines))
    point = textwrap.wrap(f"- {line}", COLUMNS, subsequent_indent="  ", break_long_words=False)
    if LIST in lines[begin:end]:
        at = lines.index(LIST, begin, end) + 1
        while at < end and (lines[at].startswith(("- ", "  ")) or not lines[at - 1].strip(LIST)):
            at += 1
    else:
        at, point = begin, ["", LIST, "", *point]
    lines[at:at] = point
    changelog.write_text("\n".join(lines) + "\n", encoding="utf-8")


def told(reason: str, names: Iterable[str]) -> str:
    """The line of the changelog for a change of these notebooks' golden numbers."""
    numbers = ", ".join(sorted(name.split("-")[0] for name in names))
    return f"{numbers}: {' '.join(reason.split())}"
