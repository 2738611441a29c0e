"""The guides and background pages: their programs print what they say, and their counts are true."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import pytest

from lambdalab.rules import RULES, Rule
from tests.test_readme import ROOT, load

GUIDES = sorted((ROOT / "docs" / "how-to").glob("*.md"))
BACKGROUND = ROOT / "docs" / "background"
TEACHING = ROOT / "docs" / "teaching.md"
PAGES = [*GUIDES, *sorted(BACKGROUND.glob("*.md")), TEACHING]
readme, fidelity = load("readme"), load("fidelity")
WITH_CODE = [page for page in PAGES if readme.blocks(page.read_text(encoding="utf-8"))]
MAP = fidelity.MAP.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_a_page_shows_what_its_program_prints(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python tools/readme.py --update docs/how-to/*.md` writes what they print now."""
    monkeypatch.chdir(tmp_path)
    with mpl.rc_context({"backend": "agg"}):
        assert list(readme.differences(page.read_text(encoding="utf-8"), page)) == []


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_a_guide_asks_one_question_and_has_a_program(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    headings = [line for line in readme.FENCE.sub("", text).splitlines() if line.startswith("#")]
    assert len(headings) == 1
    assert re.fullmatch(r"# .+\?", headings[0])
    assert any(block.span for block in readme.blocks(text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_relative_links_lead_to_files(page: Path) -> None:
    text = readme.FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\(([^)#\s]+)", text.replace("\n", " "))
    local = [target for target in targets if "://" not in target]
    assert local
    assert not [target for target in local if not (page.parent / target).exists()]


# ---- counts


def facts() -> dict[str, list[bool]]:
    """For each section of the map: whether each of its facts is simulated."""
    found: dict[str, list[bool]] = {}
    for part in re.split(r"^## ", MAP, flags=re.MULTILINE)[1:]:
        rows = [
            row
            for header, rows in fidelity.tables(part)
            if header == fidelity.FACTS
            for row in rows
        ]
        if rows:
            simulated = [not row.cells[3].startswith("not simulated") for row in rows]
            found[part.partition("\n")[0]] = simulated
    return found


def test_the_counts_of_what_is_not_simulated_are_those_of_the_map() -> None:
    text = (BACKGROUND / "not-simulated.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| \[([^\]]+)\]\([^)]+\) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    sections = facts()
    expected = {
        name: (len(known), known.count(False)) for name, known in sections.items() if False in known
    }
    assert {name: (int(lines), int(left)) for name, lines, left in table} == expected
    whole = [known for section in sections.values() for known in section]
    left_out, later = whole.count(False), fidelity.check(MAP).counts["later"]
    assert f"| all {len(sections)} | {len(whole)} | {left_out} |" in text
    assert text.splitlines()[2].startswith(f"{left_out} of the {len(whole)} facts")
    assert f"{later} comes later" in text or f"{later} come later" in text


def test_the_counts_of_what_was_tested_are_those_of_the_map() -> None:
    text = " ".join((BACKGROUND / "how-it-was-tested.md").read_text(encoding="utf-8").split())
    counts = fidelity.check(MAP).counts
    assert f"has {sum(counts.values())} lines" in text
    assert f"{counts['built']} have such a test, {counts['not simulated']} say why" in text
    assert f"simulated, {counts['later']} wait" in text


def test_every_choice_is_told_with_its_number() -> None:
    text = (BACKGROUND / "choices.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$", text, re.MULTILINE))
    chosen = {name: rule for name, rule in RULES.items() if rule.source.startswith("choice")}
    assert told == {name: shown(rule) for name, rule in chosen.items()}


def shown(rule: Rule) -> str:
    """A rule's number as the page has it."""
    ((_, value),) = rule.values
    if isinstance(value, str):
        return f"`{value}`"
    return (
        f"{value[0]:,} to {value[1]:,} {rule.unit}"
        if isinstance(value, tuple)
        else f"{value:,} {rule.unit}"
    )
