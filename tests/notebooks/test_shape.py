"""All lessons have one shape, so that a reader who knows one finds the way in each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from lambdalab.quiz.lessons import LESSONS as QUIZZED
from tests.notebooks.lessons import LESSONS, PATHS, ROOT, Lesson, calls_a_lab

LIMIT = 1_000_000  # bytes
WIDE, LONG = 100, 15  # characters, rows: what a projector and a narrow window still show
PRINTED = 112  # a printed line beyond these is broken by the browser, in the middle of a word
TOLERANCE = 5  # minutes between what is promised and what is reckoned
PLAYED = {"02", "04", "05", "06", "07", "08", "09", "12"}  # where playing teaches more

# Who need not keep to a part of the shape, and why.
EXCUSED = {
    ("00-tour", "before"): "it is the first",
    ("90-gallery", "promise"): "a catalogue: to look things up in, not to read through",
    ("90-gallery", "goals"): "it teaches nothing of its own: each picture has its lesson",
    ("90-gallery", "before"): "it may be opened from anywhere",
    ("90-gallery", "predictions"): "its sections are kinds of pictures, not steps",
    ("90-gallery", "questions"): "it teaches nothing to ask about",
    ("90-gallery", "next"): "it is the last",
    ("90-gallery", "quiz"): "it teaches nothing to ask about",
}


def title(lesson: Lesson) -> Iterator[str]:
    """`# Subject: what of it`, in the first cell, and nowhere else."""
    lines = [line for line in lesson.prose.splitlines() if line.startswith("# ")]
    if not re.match(r"# [^:\n]+: \S", lesson.cells[0].source):
        yield "the first cell begins with `# Subject: what of it`"
    if len(lines) != 1:
        yield f"{len(lines)} titles"


def goals(lesson: Lesson) -> Iterator[str]:
    """What the reader will be able to do, as a list."""
    first = lesson.cells[0].source
    if "be able to" not in " ".join(first.split()) or len(re.findall("^- ", first, re.M)) < 3:
        yield "the first cell says in three points or more what you will be able to do"


def promise(lesson: Lesson) -> Iterator[str]:
    """How long it takes: 15 to 25 minutes, and not far from what reading it takes."""
    if lesson.promised is None:
        yield "no promise like `In about 20 minutes`"
    elif not 15 <= lesson.promised <= 25:
        yield f"promises {lesson.promised} minutes: a lesson has 15 to 25"
    elif abs(lesson.promised - lesson.minutes) > TOLERANCE:
        yield f"promises {lesson.promised} minutes, and takes {lesson.minutes:.1f}"


def before(lesson: Lesson) -> Iterator[str]:
    """The first cell links the lesson before."""
    wanted = PATHS[place(lesson) - 1].name
    if wanted not in targets(lesson.cells[0].source):
        yield f"the first cell does not link {wanted}"


def predictions(lesson: Lesson) -> Iterator[str]:
    """Parts are numbered from 1, and each is predicted, run and explained."""
    parts = [part for part in lesson.parts if part.number is not None]
    if [part.number for part in parts] != list(range(1, len(parts) + 1)) or not parts:
        yield f"parts {[part.number for part in parts]}"
    for part in parts:
        if not part.is_predicted:
            yield f"part {part.title!r}: no prediction, then code, then prose"


def sections(lesson: Lesson) -> Iterator[str]:
    """A section begins its cell, so that it can be linked and folded."""
    for cell in lesson.cells:
        if cell.cell_type == "markdown" and re.search(r"\n##? ", cell.source):
            yield f"cell {cell.id}: a heading in its middle"


def questions(lesson: Lesson) -> Iterator[str]:
    """Three questions; each answer is folded, and computed by its cell."""
    asked = lesson.section("Three questions")
    if asked is None:
        yield "no `## Three questions`"
        return
    if len(re.findall(r"^\d\. ", asked.cells[0].source, re.M)) != 3:
        yield "not three questions"
    titles = [line for cell in asked.cells for line in re.findall("^### (.*)", cell.source, re.M)]
    if titles != ["Answer 1", "Answer 2", "Answer 3"]:
        yield f"answers {titles}"
    for number in (1, 2, 3):
        yield from answer(lesson, f"answer-{number}")


def answer(lesson: Lesson, name: str) -> Iterator[str]:
    """What is wrong with one answer."""
    cell = next((cell for cell in lesson.code if cell.id == name), None)
    if cell is None:
        yield f"no cell {name}"
        return
    if not cell.metadata.get("jupyter", {}).get("source_hidden"):
        yield f"{name}: its source is not hidden"
    if "hide-cell" not in cell.metadata.get("tags", []):
        yield f"{name}: no tag hide-cell"
    shown = [str(data) for other, data in lesson.outputs() if other is cell]
    if not any(re.search(r"\d", text) for text in shown):
        yield f"{name}: shows no number"
    if not calls_a_lab(lesson, cell):
        yield f"{name}: asks no lab and no scenario"


def next_(lesson: Lesson) -> Iterator[str]:
    """The last section; its first link is the next lesson."""
    last = lesson.parts[-1]
    if last.title != "Where to go from here":
        yield f"ends with {last.title!r}"
        return
    links = targets("\n".join(cell.source for cell in last.cells))
    wanted = PATHS[place(lesson) + 1].name
    if not links or links[0] != wanted:
        yield f"the first link of the end is {links[:1]}, not {wanted}"


def quiz(lesson: Lesson) -> Iterator[str]:
    """The end points to the questions about this lesson, or to all where it has none of its own."""
    of_its_own = f'quiz.Quiz(lesson="{lesson.number}")'
    wanted = of_its_own if lesson.number in QUIZZED else "quiz.Quiz()"
    if wanted not in lesson.parts[-1].cells[0].source:
        yield f"the end does not point to `{wanted}`"


def links(lesson: Lesson) -> Iterator[str]:
    """What is linked is there."""
    for target in targets(lesson.prose):
        if "://" not in target and not (lesson.path.parent / target).exists():
            yield f"leads nowhere: {target}"


def names(lesson: Lesson) -> Iterator[str]:
    """Every cell has a name of its own, in words: other pages link to it."""
    ids = [cell.id for cell in lesson.cells]
    yield from (f"two cells {name}" for name in sorted(set(ids)) if ids.count(name) > 1)
    for name in ids:
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or re.search(r"\d{3}", name):
            yield f"cell {name}: not a name in words"


def tables(lesson: Lesson) -> Iterator[str]:
    """Short views: a table fits the page, and nobody scrolls through it."""
    for cell, data in lesson.outputs():
        printed = data.get("text/plain", "")
        lines = printed.splitlines()
        is_table = "<table" in data.get("text/html", "")
        aligned = [line for line in lines if len(re.findall(r"\S {2,}\S", line)) >= 2]
        is_printed = set(data) == {"text/plain"}
        if (is_table or (is_printed and len(aligned) >= 2)) and max(map(len, lines)) > WIDE:
            yield f"cell {cell.id}: {max(map(len, lines))} characters wide"
        elif is_printed and max(map(len, lines), default=0) > PRINTED:
            yield f"cell {cell.id}: prints a line of {max(map(len, lines))}, broken within words"
        if is_table and data["text/html"].count("<tr") - data["text/html"].count("<thead") > LONG:
            yield f"cell {cell.id}: more than {LONG} rows"


def widgets(lesson: Lesson) -> Iterator[str]:
    """A widget where playing teaches more, each with a picture for where no notebook runs."""
    if lesson.number in PLAYED and not lesson.widgets:
        yield "nothing to play with"
    for cell, data in lesson.widgets:
        if "image/png" not in data:
            yield f"cell {cell.id}: a widget without a picture"


def size(lesson: Lesson) -> Iterator[str]:
    """GitHub shows it, and a browser opens it at once."""
    if lesson.path.stat().st_size >= LIMIT:
        yield f"{lesson.path.stat().st_size:,} bytes"


def place(lesson: Lesson) -> int:
    """Which of all notebooks it is, in their order."""
    return [path.name for path in PATHS].index(lesson.path.name)


def targets(text: str) -> list[str]:
    """Where the links of a text lead, without their anchors."""
    return [target for target in re.findall(r"\]\(([^)#\s]+)", text) if target]


CHECKS = {
    "title": title,
    "goals": goals,
    "promise": promise,
    "before": before,
    "predictions": predictions,
    "sections": sections,
    "questions": questions,
    "next": next_,
    "quiz": quiz,
    "links": links,
    "names": names,
    "tables": tables,
    "widgets": widgets,
    "size": size,
}


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
@pytest.mark.parametrize("check", CHECKS)
def test_the_lesson_has_its_shape(lesson: Lesson, check: str) -> None:
    problems = list(CHECKS[check](lesson)) if (lesson.name, check) not in EXCUSED else []
    assert not problems, f"{lesson.path.relative_to(ROOT)}: " + "; ".join(problems)


# What is done to a good lesson: a cell, what stands there, what takes its place; who must notice.
SPOILED = [
    ("title", "title", "# Partial failures and order: one", "# One"),
    ("goals", "title", "be able to", "hear of"),
    ("promise", "title", "about 20 minutes", "about 30 minutes"),
    ("before", "title", "(05-event-source-mappings.ipynb)", "(04-when-asynchronous-fails.ipynb)"),
    ("predictions", "destination", "> **Predict.**", "> Think."),
    ("predictions", "fifo", "## 5", "## 7"),
    ("sections", "report", "With `", "\n## With `"),
    ("questions", "questions", "3. ", "and "),
    ("questions", "answer-2-title", "Answer 2", "Answer 4"),
    ("questions", "answer-1", "clicks(", "dict("),
    ("next", "next", "(07-concurrency.ipynb)", "(06-partial-failures-and-order.ipynb)"),
    ("quiz", "next", 'lesson="06"', 'lesson="07"'),
    ("links", "next", "07-concurrency", "70-concurrency"),
]


@pytest.mark.parametrize(("check", "name", "stands", "instead"), SPOILED)
def test_a_lesson_out_of_shape_is_found(
    tmp_path: Path, check: str, name: str, stands: str, instead: str
) -> None:
    good = next(lesson for lesson in LESSONS if lesson.number == "06")
    notebook = nbformat.read(good.path, as_version=4)
    cell = next(cell for cell in notebook.cells if cell.id == name)
    assert stands in cell.source
    cell.source = cell.source.replace(stands, instead)
    assert list(CHECKS[check](stored(notebook, tmp_path / good.path.name)))


@pytest.mark.parametrize("check", ["names", "tables", "widgets", "size"])
def test_outputs_out_of_shape_are_found(tmp_path: Path, check: str) -> None:
    good = next(lesson for lesson in LESSONS if lesson.number == "06")
    notebook = nbformat.read(good.path, as_version=4)
    for cell in notebook.cells:
        cell.id = cell.id.replace("answer-1", "cell-001")
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.pop("image/png", None)
            if "<table" in data.get("text/html", ""):
                data["text/plain"] += "x" * LIMIT
    assert list(CHECKS[check](stored(notebook, tmp_path / good.path.name)))


def stored(notebook: Any, path: Path) -> Lesson:
    """A lesson of this notebook, somewhere else."""
    nbformat.write(notebook, path)
    return Lesson(path)
