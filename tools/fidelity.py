"""Check docs/fidelity.md, the map from each fact about AWS Lambda to the test that shows it.

    python tools/fidelity.py              # one line of counts; what is wrong, if anything is
    python tools/fidelity.py other-map.md

A fact is a row of a table `| id | fact | source | shown by |`. Its id is unique in the map, its
source begins with a tag of the map's table `| tag | stands for |` or is an address, and its last
cell is one of

    `tests/x/test_y.py::test_z`, ...   tests that show it, parametrised ids left out or not
    not simulated: <reason>
    later: <what it waits for>

The tests are looked up in the files' syntax trees; nothing is imported or run.
"""

from __future__ import annotations

import argparse
import ast
import functools
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAP = ROOT / "docs" / "fidelity.md"
FACTS = ["id", "fact", "source", "shown by"]
TAGS = ["tag", "stands for"]
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
CELL_END = re.compile(r"(?<!\\)\|")
TEST = re.compile(r"`(tests/[\w/]+\.py)((?:::\w+)+)(\[[^`]*\])?`")
NOT_A_TEST = re.compile(r"(not simulated|later): *(.*)")


@dataclass(frozen=True)
class Row:
    """A line of a table, and where it stands in the file."""

    line: int
    cells: list[str]


@dataclass
class Report:
    """How many facts are shown, deviate, are not simulated, come later; and what is wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = self.counts
        deviate = f"{counts['deviates']} deviate, " if counts["deviates"] else ""
        return (
            f"fidelity: {counts['built']} facts built and tested, {deviate}"
            f"{counts['not simulated']} not simulated, {counts['later']} for later"
        )


# ---- the map


def tables(text: str) -> Iterator[tuple[list[str], list[Row]]]:
    """Each table of a Markdown text: its header and its rows."""
    header: list[str] | None = None
    rows: list[Row] = []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if not line.lstrip().startswith("|"):
            if header is not None:
                yield header, rows
            header, rows = None, []
            continue
        cells = [cell.strip() for cell in CELL_END.split(line.strip().strip("|"))]
        if header is None:
            header = cells
        elif not all(re.fullmatch(":?-+:?", cell) for cell in cells):
            rows.append(Row(number, cells))


def check(text: str, root: Path = ROOT) -> Report:
    """Read a map whose tests lie below `root`."""
    report = Report()
    facts: list[Row] = []
    tags: set[str] = set()
    for header, rows in tables(text):
        if header == FACTS:
            facts += rows
        elif header == TAGS:
            tags |= {row.cells[0].strip("`") for row in rows}
        else:
            report.problems.append(f"a table with the columns {', '.join(header)}")
    if not facts:
        report.problems.append("no facts")
    seen: set[str] = set()
    for row in facts:
        found = [*fact_problems(row, tags, seen)] or [*shown_problems(row, report, root)]
        report.problems += [f"line {row.line}: {problem}" for problem in found]
        seen.add(row.cells[0])
    return report


def fact_problems(row: Row, tags: set[str], seen: set[str]) -> Iterator[str]:
    """What is wrong with a fact beside the tests that show it."""
    if len(row.cells) != len(FACTS):
        yield f"{len(row.cells)} cells, not {len(FACTS)}"
        return
    name, fact, source, _ = row.cells
    if not SLUG.fullmatch(name):
        yield f"{name!r} is no id: small letters, digits and single hyphens"
    if name in seen:
        yield f"the id {name!r} stands there twice"
    if not fact:
        yield f"{name}: no fact"
    for part in re.split(r"; ?", source):
        tag = re.match(r"[\w-]*", part)
        if not part.startswith("https://") and (tag is None or tag[0] not in tags):
            yield f"{name}: {part!r} is no source: neither an address nor a tag of this map"


def shown_problems(row: Row, report: Report, root: Path) -> Iterator[str]:
    """What is wrong with the last cell of a fact; counts the fact."""
    name, shown = row.cells[0], row.cells[-1]
    excuse = NOT_A_TEST.fullmatch(shown)
    if excuse:
        report.counts[excuse[1]] += 1
        if not excuse[2]:
            yield f"{name}: {excuse[1]}, without a reason"
        return
    named = list(TEST.finditer(shown))
    if not named or TEST.sub("", shown).strip(", "):
        yield f"{name}: {shown!r} is neither tests, 'not simulated: ...' nor 'later: ...'"
        return
    found = [status(root, test[1], tuple(test[2].split("::")[1:])) for test in named]
    for test, what in zip(named, found, strict=True):
        if what in ("missing", "skipped"):
            yield f"{name}: {test[1]}{test[2]} is {what}"
    report.counts["deviates" if "deviates" in found else "built"] += 1


# ---- the tests


def status(root: Path, file: str, path: tuple[str, ...]) -> str:
    """`there`, `missing`, `skipped`, or `deviates`: expected to fail until the runtime is mended."""
    marks = tests_of(root / file).get(path)
    if marks is None:
        return "missing"
    if "pytest.mark.skip" in marks:
        return "skipped"
    return "deviates" if "pytest.mark.xfail" in marks else "there"


@functools.cache
def tests_of(file: Path) -> dict[tuple[str, ...], frozenset[str]]:
    """The tests and test classes of a file, as (class, function), each with its decorators."""
    if not file.is_file():
        return {}
    return dict(_tests(ast.parse(file.read_text(encoding="utf-8")).body, (), frozenset()))


def _tests(
    body: list[ast.stmt], above: tuple[str, ...], marks: frozenset[str]
) -> Iterator[tuple[tuple[str, ...], frozenset[str]]]:
    for item in body:
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if item.name.startswith("test"):
                yield (*above, item.name), marks | _decorators(item)
        elif isinstance(item, ast.ClassDef) and item.name.startswith("Test"):
            own = marks | _decorators(item)
            yield (*above, item.name), own
            yield from _tests(item.body, (*above, item.name), own)
        elif isinstance(item, ast.Assign):  # TestPool = PoolMachine.TestCase
            for target in item.targets:
                if isinstance(target, ast.Name) and target.id.startswith("Test"):
                    yield (*above, target.id), marks


def _decorators(item: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> frozenset[str]:
    calls = (d.func if isinstance(d, ast.Call) else d for d in item.decorator_list)
    return frozenset(ast.unparse(call) for call in calls)


def main(arguments: list[str] | None = None) -> int:
    """Print the counts and the problems; the exit status says whether there are any."""
    parser = argparse.ArgumentParser(description="Check the map of facts.")
    parser.add_argument("map", nargs="?", type=Path, default=MAP)
    args = parser.parse_args(arguments)
    report = check(args.map.read_text(encoding="utf-8"))
    for problem in report.problems:
        print(f"{args.map.name}: {problem}")
    print(report)
    return int(bool(report.problems))


if __name__ == "__main__":
    sys.exit(main())
