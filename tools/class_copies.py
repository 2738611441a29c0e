"""Copies of the notebooks for a class: the same lessons, with the answers taken out.

    python tools/class_copies.py                                # all of them, into build/class/
    python tools/class_copies.py --out week-1 notebooks/0[0-2]* # some of them, elsewhere
    python tools/class_copies.py --keep-outputs                 # with what the cells showed
    python tools/class_copies.py --answers                      # for the lecturer

An answer is a code cell that the notebooks fold: its id is `answer-1` and so on, or it has the tag
`hide-cell` and a hidden source. Its copy is empty but for a prompt. Predictions and questions stay. A
link to what has not been copied keeps its words and leads nowhere.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import nbformat

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS, OUT = ROOT / "notebooks", ROOT / "build" / "class"
PROMPT = "# your answer"
FOLDED = "The cells below, folded, *compute* the answers: look only when you have yours."
EMPTY = "Then have each cell below *compute* its answer."
ANSWER = re.compile(r"answer-\d+")
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"


def is_answer(cell: Any) -> bool:
    """Whether a cell is one that a student shall not have."""
    if cell.cell_type != "code":
        return False
    folded = "hide-cell" in cell.metadata.get("tags", []) and cell.metadata.get("jupyter", {}).get(
        "source_hidden", False
    )
    return bool(ANSWER.fullmatch(cell.id)) or folded


def copied(notebook: Any, names: set[str], *, answers: bool, outputs: bool) -> Any:
    """The copy of a notebook, for a folder that has the notebooks of these file names.

    Parameters: ``answers``, whether they stay; ``outputs``, whether the other cells' outputs stay.
    """
    copy = nbformat.from_dict(notebook)
    shown: set[str] = set()
    for cell in copy.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(lambda link: kept(link, names), cell.source)
            if not answers:
                cell.source = cell.source.replace(FOLDED, EMPTY)
        elif is_answer(cell) and not answers:
            cell.source, cell.metadata = PROMPT, nbformat.from_dict({})
            shown |= models(cell)
            cleared(cell)
        elif cell.cell_type == "code" and not outputs:
            cleared(cell)
    if not outputs:
        copy.metadata.pop("widgets", None)
    for model in shown:
        copy.metadata.get("widgets", {}).get(STATE, {}).get("state", {}).pop(model, None)
    return copy


def kept(link: re.Match[str], names: set[str]) -> str:
    """A link, or its words alone where it would lead nowhere."""
    words, target = link[1], link[2]
    place = unquote(target.partition("#")[0])
    elsewhere = "://" in target or target.startswith("mailto:")
    return link[0] if elsewhere or not place or place in names else words


def models(cell: Any) -> set[str]:
    """The widgets that a cell shows."""
    views = (output.get("data", {}).get(VIEW) for output in cell.outputs)
    return {view["model_id"] for view in views if view}


def cleared(cell: Any) -> None:
    """Take away what a cell showed when it was run."""
    cell.outputs, cell.execution_count = [], None


def make(paths: list[Path], out: Path, *, answers: bool, outputs: bool) -> list[Path]:
    """Write the copies into a folder (made if missing), and return where they are."""
    names = {path.name for path in paths}
    out.mkdir(parents=True, exist_ok=True)
    made = []
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        copy = copied(notebook, names, answers=answers, outputs=outputs)
        nbformat.validate(copy)
        made.append(out / path.name)
        nbformat.write(copy, made[-1])
    return made


def main(argv: list[str] | None = None) -> int:
    """Make the copies that are asked for; say where they are, and how many answers were taken out."""
    parser = argparse.ArgumentParser(description="Copies of the notebooks without their answers.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="by default all of notebooks/")
    parser.add_argument("--out", type=Path, default=OUT, help="the folder for them: build/class")
    parser.add_argument("--answers", action="store_true", help="leave everything in")
    parser.add_argument("--keep-outputs", action="store_true", help="leave the outputs in")
    args = parser.parse_args(argv)
    paths: list[Path] = args.notebooks or sorted(NOTEBOOKS.glob("*.ipynb"))
    if any(path.resolve().parent == args.out.resolve() for path in paths):
        sys.exit(f"the copies would replace the notebooks: {args.out} is their own folder")
    outputs = args.keep_outputs or args.answers
    made = make(paths, args.out, answers=args.answers, outputs=outputs)
    cells = (cell for path in made for cell in nbformat.read(path, as_version=4).cells)
    empty = sum(cell.cell_type == "code" and cell.source == PROMPT for cell in cells)
    told = "with their answers" if args.answers else f"{empty} answers taken out"
    print(f"{args.out}: {len(made)} notebooks, {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
