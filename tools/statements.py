"""Check docs/coverage.md: each statement of the founding text, the cell that shows it, and the test.

    python tools/statements.py              # one line of counts; what is wrong, if anything is

A statement is a row of a table `| no | it says | cell | what to see | shown by | remark |`, numbered
from 1 through all tables. Its cell is `[NN](../notebooks/NAME.ipynb) `id``; what to see are texts in
backticks, separated by commas, each of which must stand in the cell's stored output, or, after `text:`,
in the cell itself (white space does not count). Tests are named as in docs/fidelity.md.
"""

from __future__ import annotations

import argparse
import functools
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from fidelity import ROOT, TEST, Report, Row, status, tables

PAGE = ROOT / "docs" / "coverage.md"
STATEMENTS = ["no", "it says", "cell", "what to see", "shown by", "remark"]
CELL = re.compile(r"\[(\d\d)\]\(\.\./(notebooks/(\d\d)-[\w-]+\.ipynb)\) `([\w-]+)`")
SEEN = re.compile(r"(text: )?`([^`]+)`")


def check(text: str, root: Path = ROOT) -> Report:
    """Read a page whose notebooks and tests lie below `root`."""
    report = Report()
    count = 0
    for header, rows in tables(text):
        if header != STATEMENTS:
            report.problems.append(f"a table with the columns {', '.join(header)}")
            continue
        for row in rows:
            count += 1
            found = list(problems(row, count, root))
            report.problems += [f"line {row.line}: {problem}" for problem in found]
            report.counts["statements"] += not found
    if not count:
        report.problems.append("no statements")
    return report


def problems(row: Row, number: int, root: Path) -> Iterator[str]:
    """What is wrong with one statement."""
    if len(row.cells) != len(STATEMENTS):
        yield f"{len(row.cells)} cells, not {len(STATEMENTS)}"
        return
    no, says, cell, see, shown, _ = row.cells
    if no != str(number):
        yield f"number {no}, not {number}"
    if not says:
        yield f"{no}: it says nothing"
    yield from (f"{no}: {problem}" for problem in cell_problems(cell, see, root))
    named = list(TEST.finditer(shown))
    if not named or TEST.sub("", shown).strip(", "):
        yield f"{no}: {shown!r} are no tests"
    for test in named:
        what = status(root, test[1], tuple(test[2].split("::")[1:]))
        if what != "there":
            yield f"{no}: {test[1]}{test[2]} is {what}"


def cell_problems(cell: str, see: str, root: Path) -> Iterator[str]:
    """What is wrong with the cell, or with what is to be seen there."""
    link = CELL.fullmatch(cell)
    if link is None or link[1] != link[3]:
        yield f"{cell!r} is no link to a notebook with the id of a cell"
        return
    known = cells_of(root / link[2])
    if link[4] not in known:
        yield f"{link[2]} has no cell {link[4]}"
        return
    source, output = known[link[4]]
    wanted = list(SEEN.finditer(see))
    if not wanted or SEEN.sub("", see).strip(", "):
        yield f"{see!r} is nothing to see"
    for what in wanted:
        if flat(what[2]) not in (source if what[1] else output):
            where = "the cell" if what[1] else "the output of"
            yield f"{where} {link[1]} {link[4]} does not have {what[2]!r}"


def flat(text: str) -> str:
    """A text with each white space as one blank."""
    return " ".join(text.split())


@functools.cache
def cells_of(path: Path) -> dict[str, tuple[str, str]]:
    """By id, the source of each cell of a notebook, and its stored output as text."""
    if not path.is_file():
        return {}
    notebook = nbformat.read(path, as_version=4)
    return {cell.id: (flat(cell.source), flat(said(cell))) for cell in notebook.cells}


def said(cell: Any) -> str:
    """What a cell's outputs say as text."""
    outputs = cell.get("outputs", [])
    texts = [o.get("text", "") or o.get("data", {}).get("text/plain", "") for o in outputs]
    return "\n".join(texts)


def main(arguments: list[str] | None = None) -> int:
    """Print the count and the problems; the exit status says whether there are any."""
    parser = argparse.ArgumentParser(description="Check the statements of the founding text.")
    parser.add_argument("page", nargs="?", type=Path, default=PAGE)
    args = parser.parse_args(arguments)
    report = check(args.page.read_text(encoding="utf-8"))
    for problem in report.problems:
        print(f"{args.page.name}: {problem}")
    print(f"coverage: {report.counts['statements']} statements, each with its cell and its test")
    return int(bool(report.problems))


if __name__ == "__main__":
    sys.exit(main())
