"""A sitting in plain Python: which questions, in which order, the score, what to read again."""

from __future__ import annotations

import pytest

import lambdalab as ll
from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.quiz import Quiz


def wrong(sitting: Quiz) -> list[str]:
    """A wrong answer to the question that is next."""
    asked = sitting.current
    right = asked.prove().right
    return [*(letter for letter in asked.letters if letter not in right), *right][: asked.choose]


def test_the_seed_decides_questions_and_orders() -> None:
    one, same, other = Quiz(seed=1), Quiz(seed=1), Quiz(seed=2)
    assert one.questions == same.questions
    assert [each.id for each in one.questions] != [each.id for each in other.questions]
    assert len(one.questions) == 10
    assert len({each.id for each in one.questions}) == 10


def test_few_questions_are_of_many_topics() -> None:
    for seed in range(5):
        assert len({each.topic for each in Quiz(number=8, seed=seed).questions}) == 8


def test_topic_lesson_and_number() -> None:
    streams = Quiz("streams", number=1000)
    assert {each.id for each in streams.questions} == {
        each.id for each in ll.quiz.questions("streams")
    }
    assert {each.lesson for each in Quiz(lesson=8, number=2).questions} == {"08"}
    for number in (0, -1, 2.5, True):
        with pytest.raises(InvalidSetting, match="number="):
            Quiz(number=number)  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="did you mean 'failures'"):
        Quiz("failure")
    with pytest.raises(UnknownName, match="lesson"):
        Quiz("cost", lesson="05")


def test_a_sitting_from_begin_to_end() -> None:
    sitting = Quiz(number=4, seed=3)
    first, second, *_ = sitting.questions
    assert str(sitting.ask()).startswith(f"1 of 4 · {first.topic}\n")
    assert sitting.answer(*wrong(sitting)).correct is False
    assert str(sitting.ask()).startswith(f"2 of 4 · {second.topic}\n")
    assert repr(sitting) == str(sitting.ask())
    assert sitting.answer(*sitting.current.prove().right).correct is True
    assert (sitting.score, sitting.answered, sitting.finished) == (1, 2, False)
    assert "1 of 2 right, 2 to go" in sitting.summary()
    while not sitting.finished:
        sitting.answer(*sitting.current.prove().right)
    assert sitting.score == 3
    assert sitting.to_read() == {first.lesson: ll.quiz.LESSONS[first.lesson]}
    assert f"Read again: {first.lesson} {ll.quiz.LESSONS[first.lesson]}" in sitting.summary()
    assert sum(right for right, _ in sitting.by_topic().values()) == 3
    assert sitting.ask() == sitting.summary()


def test_the_first_answer_counts() -> None:
    sitting = Quiz(number=3)
    sitting.answer(*wrong(sitting))
    with pytest.raises(InvalidSetting, match="makes a new sitting"):
        sitting.answer(*sitting.questions[0].prove().right, place=0)
    with pytest.raises(InvalidSetting, match="0 to 2"):
        sitting.ask(3)
    last = sitting.questions[2]
    assert sitting.answer(*last.prove().right, place=2).question == last.id
    assert sitting.place == 1


def test_a_refused_answer_is_none() -> None:
    sitting = Quiz(number=2)
    with pytest.raises(UnknownName):
        sitting.answer("Z")
    assert sitting.answered == 0
