"""What a part of the tests came to, and the closing table."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

NOTHING_COLLECTED = 5


@dataclass
class Outcome:
    """The counts of one part, with a line for each failure and each skip."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    says: str = ""  # a line of its own at the end

    def count(self, what: str, good: bool) -> None:
        """One more passed or failed."""
        self.passed += good
        self.failed += not good
        if not good:
            self.notes.append(f"failed: {self.name}: {what}")

    def skip(self, what: str, why: str) -> None:
        """One more skipped, and why."""
        self.skipped += 1
        self.notes.append(f"skipped: {self.name}: {what}: {why}")


def read_junit(outcome: Outcome, report: Path, status: int) -> None:
    """Add pytest's report to an outcome; a run that leaves none, or finds no test, has failed."""
    failed_before = outcome.failed
    cases: dict[str, list[ElementTree.Element]] = {}
    if report.exists():
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            # a test that fails, and fails again while it cleans up, stands there twice
            where = ".".join(filter(None, (case.get("classname"), case.get("name"))))
            cases.setdefault(where, []).append(case)
    for where, parts in cases.items():
        _count_test(outcome, where, parts)
    if status and outcome.failed == failed_before:
        why = "found no test" if status == NOTHING_COLLECTED else f"ended with status {status}"
        outcome.count(f"pytest {why}", False)


def _count_test(outcome: Outcome, where: str, cases: list[ElementTree.Element]) -> None:
    """One test: failed if any part of it did; one that fails as it must (xfail) has passed."""
    results = [result for case in cases for result in case]
    skips = [r for r in results if r.tag == "skipped" and r.get("type") != "pytest.xfail"]
    if any(result.tag in ("failure", "error") for result in results):
        outcome.count(where, False)
    elif skips:
        outcome.skip(where, (skips[0].get("message") or "no reason given").strip())
    else:
        outcome.count(where, True)


def closing_lines(outcomes: list[Outcome]) -> list[str]:
    """The table of all parts, what failed or was skipped, and one line with the totals."""
    total = Outcome("total")
    for outcome in outcomes:
        total.passed += outcome.passed
        total.failed += outcome.failed
        total.skipped += outcome.skipped
        total.seconds += outcome.seconds
    lines = ["", f"{'part':12}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}"]
    for row in [*outcomes, total]:
        counts = f"{row.passed:8}{row.failed:8}{row.skipped:9}{row.seconds:9.1f}"
        lines.append(f"{row.name:12}{counts}")
    notes = [note for outcome in outcomes for note in outcome.notes]
    lines += ["", *notes, ""] if notes else [""]
    lines += [outcome.says for outcome in outcomes if outcome.says]
    return [*lines, f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped"]
