"""Which runs a question needs, and which of them the verdict tells of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lambdalab.lab import Lab
from lambdalab.quiz import Option, Question

SETTINGS: dict[str, Any] = {
    "id": "runs", "topic": "concurrency", "lesson": "07", "text": "How many?",
    "explain": "{running} ran.", "shows": "{running} running",
}  # fmt: skip


def running(lab: Lab, events: int = 10) -> Mapping[str, Any]:
    """How many events are run at once."""
    lab.create_function("bill", duration=1)
    for _ in range(events):
        lab.invoke("bill", invocation_type="Event")
    lab.advance(0.9)
    return {"running": len(lab.trace.attempts)}


def least(count: int, **settings: Any) -> Option:
    return Option(f"{count} or more", lambda seen: seen.running >= count, settings)


def test_claims_share_one_run() -> None:
    proof = Question(setup=running, options=(least(10), least(11)), **SETTINGS).prove()
    assert proof.traces["A"] is proof.traces["B"]


def test_a_verdict_tells_of_the_run_that_is_right() -> None:
    few, many = (
        Option("2", least(5).holds, {"events": 2}),
        Option("6", least(5).holds, {"events": 6}),
    )
    verdict = Question(setup=running, options=(few, many), **SETTINGS).answer("A")
    assert verdict.right == ("B",)
    assert verdict.why == "6 ran."
    assert len(verdict.trace.attempts) == 6


@pytest.mark.parametrize(("picks", "correct"), [("A, B", True), ("A, C", False), ("B, C", False)])
def test_two_are_right_only_together(picks: str, correct: bool) -> None:
    options = (least(1), least(10), least(11))
    question = Question(setup=running, options=options, choose=2, **SETTINGS)
    assert question.answer(picks).correct is correct


def test_a_question_keeps_its_accounts_quotas_unless_others_are_given() -> None:
    small = {"account_concurrency": 5, "unreserved_minimum": 1}
    options = (Option("5", lambda seen: seen.running == 5), least(10))
    question = Question(setup=running, options=options, quotas=small, **SETTINGS)
    assert question.prove().right == ("A",)
    assert question.prove(quotas={"unreserved_minimum": 2}).right == ("A",)
    assert question.prove(quotas={"account_concurrency": 1_000}).right == ("B",)
