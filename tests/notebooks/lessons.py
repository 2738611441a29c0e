"""A lesson as its shape has it: cells, parts, predictions, how long it takes to read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).resolve().parents[2]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WIDGET = "application/vnd.jupyter.widget-view+json"
PREDICT = "> **Predict.**"
READS = 180  # words a minute, of prose with numbers in it
LOOKS = 20  # seconds for what a cell shows, and as many for a prediction


@dataclass(frozen=True)
class Part:
    """A section: its heading, and its cells up to the next heading of its kind."""

    title: str
    cells: tuple[Any, ...]

    @property
    def number(self) -> int | None:
        """The 3 of `3 · Time`, and None for a section that is no part."""
        found = re.match(r"(\d+) · ", self.title)
        return int(found[1]) if found else None

    @property
    def is_predicted(self) -> bool:
        """Does a prediction come before a cell of code, and prose after that cell?"""
        kinds = "".join(letter(cell) for cell in self.cells)
        return re.search(r"PC+[MP]", kinds) is not None


def letter(cell: Any) -> str:
    """P for prose that ends by asking for a prediction, M for other prose, C for code."""
    if cell.cell_type != "markdown":
        return "C"
    return "P" if PREDICT in cell.source else "M"


@dataclass(frozen=True)
class Lesson:
    """A stored notebook."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def number(self) -> str:
        return self.name[:2]

    @cached_property
    def notebook(self) -> Any:
        return nbformat.read(self.path, as_version=4)

    @property
    def cells(self) -> list[Any]:
        return list(self.notebook.cells)

    @property
    def prose(self) -> str:
        return "\n\n".join(cell.source for cell in self.cells if cell.cell_type == "markdown")

    @property
    def code(self) -> list[Any]:
        return [cell for cell in self.cells if cell.cell_type == "code"]

    @cached_property
    def parts(self) -> list[Part]:
        """All sections of the second level, numbered or not."""
        starts = [i for i, cell in enumerate(self.cells) if heading(cell)]
        ends = [*starts[1:], len(self.cells)]
        return [
            Part(heading(self.cells[start]), tuple(self.cells[start:end]))
            for start, end in zip(starts, ends, strict=True)
        ]

    def section(self, title: str) -> Part | None:
        """The section of that name."""
        return next((part for part in self.parts if part.title == title), None)

    @property
    def predictions(self) -> int:
        return self.prose.count(PREDICT)

    @property
    def minutes(self) -> float:
        """How long a reader needs who runs every cell, looks at it, and predicts first."""
        text = re.sub(r"\]\([^)]*\)", "]", self.prose)
        words = len(re.findall(r"[^\W\d_][\w'-]*", text))
        return words / READS + LOOKS / 60 * (len(self.code) + self.predictions)

    @property
    def promised(self) -> int | None:
        """The minutes that the first cell promises."""
        first = " ".join(self.cells[0].source.lower().split())
        found = re.search(r"in about (\d+) minutes", first)
        return int(found[1]) if found else None

    def outputs(self) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Each cell of code with each of the things that it shows, streams as text/plain."""
        for cell in self.code:
            for output in cell.outputs:
                data = output.get("data")
                yield cell, {"text/plain": output.text} if data is None else data

    @property
    def widgets(self) -> list[tuple[Any, dict[str, Any]]]:
        return [(cell, data) for cell, data in self.outputs() if WIDGET in data]

    @cached_property
    def runs_labs(self) -> set[str]:
        """The functions of this notebook that make a lab or a scenario, at any depth."""
        bodies: dict[str, ast.AST] = {}
        for cell in self.code:
            for node in ast.walk(ast.parse(python(cell.source))):
                if isinstance(node, ast.FunctionDef):
                    bodies[node.name] = node
        found: set[str] = set()
        while more := {name for name, body in bodies.items() if simulates(body, found)} - found:
            found |= more
        return found


def calls_a_lab(lesson: Lesson, cell: Any) -> bool:
    """Does this cell call a lab, itself or through a function of its lesson?"""
    return simulates(ast.parse(python(cell.source)), lesson.runs_labs)


def python(source: str) -> str:
    """A cell's code without its magics."""
    return "\n".join("" if line.startswith("%") else line for line in source.split("\n"))


def heading(cell: Any) -> str:
    """The text of a heading of the second level that begins this cell, or nothing."""
    if cell.cell_type != "markdown" or not cell.source.startswith("## "):
        return ""
    return str(cell.source.splitlines()[0][3:].strip())


def simulates(tree: ast.AST, known: set[str]) -> bool:
    """Does this code call a lab, a scenario or a sweep, or a function known to do so?"""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        handed = {ast.unparse(argument) for argument in node.args}  # map(running, ...)
        if called in known or handed & known:
            return True
        if re.fullmatch(r"ll\.(Lab|sweep|scenarios\.\w+)|lab\w*\.\w+", called):
            return True
    return False


LESSONS = [Lesson(path) for path in PATHS]
