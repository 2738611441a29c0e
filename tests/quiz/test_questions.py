"""Every question: its answer is proved with three seeds, its program runs, and says what was seen."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache

import pytest

import lambdalab as ll
from lambdalab.quiz import Question, Verdict
from lambdalab.rules import RULES

ALL = ll.quiz.questions()
EACH = pytest.mark.parametrize("question", ALL, ids=[question.id for question in ALL])
SEEDS = (7, 1, "three")

# What the founding document states as a number, or as a rule that a number stands for.
ASKED = {
    *("memory_minimum", "memory_maximum", "memory_of_one_vcpu", "timeout_default"),
    *("timeout_maximum", "api_gateway_rest_timeout", "synchronous_payload"),
    *("asynchronous_payload", "maximum_retry_attempts", "retry_waits"),
    *("mapping_batch_size_default", "mapping_batch_size_maximum", "mapping_payload"),
    *("mapping_window_maximum", "stream_batch_size_default", "event_age_maximum"),
}


@cache
def first(name: str) -> Verdict:
    """The verdict on the first options, with the first seed."""
    asked = ll.quiz.find(name)
    return asked.answer(list(asked.letters)[: asked.choose], seed=SEEDS[0])


@EACH
def test_the_answer_is_proved_with_three_seeds(question: Question) -> None:
    proved = first(question.id).right
    assert len(proved) == question.choose
    wrong = [letter for letter in question.letters if letter not in proved]
    right = question.answer(proved, seed=SEEDS[1])
    other = question.answer([*wrong, *proved][: question.choose], seed=SEEDS[2])
    assert (right.correct, other.correct) == (True, False) or "about" in question.text
    assert str(right).startswith("Right: ")
    assert str(other).startswith("Not quite: ")


@EACH
def test_the_verdict_quotes_the_run(question: Question) -> None:
    verdict = first(question.id)
    for seen in verdict.seen.values():
        json.dumps(dict(seen))  # plain values: they are printed, and stand in sentences
    assert verdict.why == question.explain.format_map(verdict.seen[verdict.right[0]])
    assert "{" in question.explain, "no value of the run stands in the explanation"
    assert bool(verdict.shown) == question.remedies == bool(question.shows)
    table = getattr(verdict.trace.short, question.table)
    assert len(table) or not len(verdict.trace.invocations), "nothing to look at"


@EACH
def test_the_program_runs_and_prints_what_was_seen(
    question: Question, capsys: pytest.CaptureFixture[str]
) -> None:
    code = question.code
    exec(compile(code, question.id, "exec"), {"__name__": "__main__"})
    printed = capsys.readouterr().out.splitlines()
    seen = [repr(dict(each)) for each in first(question.id).seen.values()]
    assert printed == (seen if question.remedies else seen[:1])
    assert max(map(len, code.splitlines())) <= 107
    assert "# fmt" not in code
    assert "# noqa" not in code


@EACH
def test_it_says_where_it_stands(question: Question) -> None:
    assert question.sources, "no page of AWS's, and no rule"
    assert set(question.rules) <= set(RULES)
    assert question.text.endswith("?")
    for text in (question.text, question.explain, *question.letters.values()):
        assert text.count("`") % 2 == 0
        assert "  " not in text
    assert ll.quiz.find(question.id) is question


def test_there_are_enough_and_of_everything() -> None:
    assert len(ALL) >= 48
    counts = Counter(question.topic for question in ALL)
    assert set(counts) == set(ll.quiz.TOPICS)
    assert min(counts.values()) >= 5
    assert {question.lesson for question in ALL} <= set(ll.quiz.LESSONS)
    assert sum(question.remedies for question in ALL) >= len(ALL) / 3, "what should be done"


def test_every_number_of_the_founding_document_is_asked_for() -> None:
    assert {rule for question in ALL for rule in question.rules} >= ASKED


def test_the_place_of_an_option_tells_nothing() -> None:
    """Of questions whose options have no order of their own no letter is right too often."""
    free = [question for question in ALL if not question.in_order and question.choose == 1]
    right = Counter(first(question.id).right[0] for question in free)
    assert max(right.values()) < len(free) / 2
    longest = sum(
        max(question.letters, key=lambda n: len(question.letters[n])) == first(question.id).right[0]
        for question in free
    )
    assert longest < len(free) / 2, "the longest option is right too often"


def test_no_two_ask_the_same() -> None:
    assert len({question.text for question in ALL}) == len(ALL)
