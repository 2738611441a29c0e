"""The engine: what a run shows decides, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.quiz import Option, Question, QuizError, Seen
from lambdalab.quiz.declaring import SHELF, claim, question, remedy


def runs(lab: ll.Lab, **settings: Any) -> dict[str, Any]:
    lab.create_function("bill", duration=1, failure_rate=1, **settings)
    lab.invoke("bill", invocation_type="Event")
    lab.run()
    return {"runs": len(lab.trace.attempts)}


def made(*options: Option, **changes: Any) -> Question:
    settings: dict[str, Any] = {
        "id": "runs", "topic": "failures", "lesson": "04", "text": "How often?", "setup": runs,
        "options": options, "explain": "It ran {runs} times.", "shows": "{runs} runs",
    }  # fmt: skip
    return Question(**(settings | changes))


ONCE, THRICE = Option("once", lambda s: s.runs == 1), Option("thrice", lambda s: s.runs == 3)


def test_what_holds_is_right() -> None:
    verdict = made(ONCE, THRICE).answer("A")
    assert (verdict.correct, verdict.chosen, verdict.right) == (False, ("A",), ("B",))
    assert verdict.why == "It ran 3 times."
    assert len(verdict.trace.attempts) == 3
    assert made(ONCE, THRICE).answer("B").correct
    assert verdict.seen["A"] == verdict.seen["B"] == {"runs": 3}


def test_a_question_that_nothing_proves() -> None:
    broken = made(ONCE, Option("never", lambda s: s.runs == 0))
    with pytest.raises(QuizError, match=r"'runs' asks for 1 of its options.*proves none: runs=3"):
        broken.answer("A")


def test_a_question_with_two_answers() -> None:
    ambiguous = made(THRICE, Option("more than once", lambda s: s.runs > 1))
    with pytest.raises(QuizError, match="proves A, B"):
        ambiguous.answer("A")
    two = replace(ambiguous, options=(*ambiguous.options, ONCE), choose=2)
    assert two.answer("A", "B").correct
    assert not two.answer("A", "C").correct, "half right is not right"


def test_a_remedy_is_tried_in_a_run_of_its_own() -> None:
    goal = lambda s: s.runs == 1  # noqa: E731
    asked = made(Option("no retries", goal, {"maximum_retry_attempts": 0}), Option("nothing", goal))
    verdict = asked.answer("B")
    assert not verdict.correct
    assert verdict.shown == {"A": "1 runs", "B": "3 runs"}
    assert [len(verdict.traces[letter].attempts) for letter in "AB"] == [1, 3]
    assert "maximum_retry_attempts=0))  # A" in asked.code


@pytest.mark.parametrize(
    ("name", "before", "changes", "after"),
    [
        ("largest_asynchronous_event", "256 KB", {"rules": "latest"}, "1 MB"),
        ("largest_synchronous_event", "6 MB", {"synchronous_payload": 1024**2}, "1 MB"),
        ("runs_of_a_failing_event", "Three times", {"maximum_retry_attempts": 1}, "Twice"),
        (
            "default_timeout", "A timeout error after 3 seconds", {"timeout_default": 6},
            "The result after 5 seconds",
        ),
        (
            "waits_between_retries", "After about 1 minute, then after about 2",
            {"retry_waits": (1, 2), "retry_jitter": (0, 0)}, "After about 1 second, then after about 2",
        ),
        ("default_batch_of_a_queue", "10", {"mapping_batch_size_default": 1}, "1"),
        ("age_of_one_minute", "Once", {"retry_waits": (20, 90)}, "Twice"),
    ],
)  # fmt: skip
def test_other_rules_have_other_answers(
    name: str, before: str, changes: dict[str, Any], after: str
) -> None:
    asked = ll.quiz.find(name)
    assert asked.answer(before).correct
    how = changes if "rules" in changes else {"quotas": changes}
    assert not asked.answer(before, **how).correct
    assert asked.answer(after, **how).correct


def test_picks_are_letters_or_texts() -> None:
    asked = made(ONCE, THRICE, Option("not at all", lambda s: s.runs != 0), choose=2)
    for picks in (
        ["B", "C"],
        ["c", "b"],
        ["B, C"],
        ["b c"],
        [["B", "C"]],
        ["thrice", "not at all"],
    ):
        assert asked.answer(*picks).correct, picks
    for picks in (["B"], [], ["A", "B", "C"], ["B", "thrice"]):
        with pytest.raises(InvalidSetting, match="must be two of A, B, C"):
            asked.answer(*picks)
    with pytest.raises(
        UnknownName, match="no option 'E' in question 'runs'; there are 'A', 'B', 'C'"
    ):
        asked.answer("E", "A")
    with pytest.raises(UnknownName, match="did you mean 'thrice'"):
        asked.answer("thrise", "A")


def test_a_question_as_text() -> None:
    asked = made(ONCE, THRICE, Option("never", lambda s: not s.runs))
    assert str(asked.ask()) == "How often?\n  A) once\n  B) thrice\n  C) never"
    assert repr(replace(asked, choose=2).ask()).startswith("How often? (Choose two.)\n  A) once")
    assert str(asked.answer("B")) == "Right: B) thrice\nIt ran 3 times."


def test_what_cannot_be_asked() -> None:
    for changes in ({"topic": "weather"}, {"lesson": "99"}, {"rules": ("no_such",)}):
        with pytest.raises(UnknownName):
            made(ONCE, THRICE, **changes)
    for options, changes in (((ONCE,), {}), ((ONCE, ONCE), {}), ((ONCE, THRICE), {"choose": 2})):
        with pytest.raises(InvalidSetting):
            made(*options, **changes)


def test_declaring() -> None:
    rest: dict[str, Any] = {"lesson": "04", "text": "How often?", "explain": "{runs}"}
    declare = question("failures", options=(claim("once", lambda s: True), ONCE), **rest)

    def what_202_says(lab: ll.Lab) -> dict[str, Any]:
        return {}

    before = dict(SHELF)
    with pytest.raises(InvalidSetting, match="there is a question of this one"):
        declare(what_202_says)
    with pytest.raises(InvalidSetting, match="whether 'wait' helped"):
        question("failures", options=(remedy("wait"), ONCE), **rest)(runs)
    assert before == SHELF


def test_the_order_of_options_comes_from_the_seed() -> None:
    asked = ll.quiz.find("what_202_says")
    orders = {tuple(asked.arranged(seed).letters.values()) for seed in range(20)}
    assert len(orders) > 5
    assert asked.arranged(3) == asked.arranged(3)
    for seed in range(5):
        (right,) = (arranged := asked.arranged(seed)).prove().right
        assert arranged.letters[right].startswith("The event is in Lambda's queue")
    steps = ll.quiz.find("largest_synchronous_event")
    assert steps.arranged(3).letters == steps.letters


def test_what_was_seen_is_read_and_not_changed() -> None:
    seen = Seen({"runs": 3})
    assert (seen.runs, seen["runs"], len(seen), repr(seen)) == (3, 3, 1, "runs=3")
    with pytest.raises(UnknownName, match="did you mean 'runs'"):
        _ = seen.run
    with pytest.raises(AttributeError):
        seen.runs = 4


def test_finding() -> None:
    with pytest.raises(UnknownName, match="did you mean 'what_202_says'"):
        ll.quiz.find("what_202_say")
    with pytest.raises(UnknownName, match="there is no topic 'stream'; did you mean 'streams'"):
        ll.quiz.questions("stream")
    with pytest.raises(UnknownName, match="no lesson with questions '12'"):
        ll.quiz.questions(lesson=12)
    assert {each.lesson for each in ll.quiz.questions(lesson=4)} == {"04"}
    both = ll.quiz.questions("triggers", "04")
    assert both
    assert {(each.topic, each.lesson) for each in both} == {("triggers", "04")}
