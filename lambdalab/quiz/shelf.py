"""All questions, by topic and lesson, and one by its id."""

from __future__ import annotations

from lambdalab.errors import UnknownName
from lambdalab.quiz.declaring import SHELF
from lambdalab.quiz.lessons import LESSONS, TOPICS
from lambdalab.quiz.question import Question
from lambdalab.quiz.topics import declared

_LESSON_DIGITS = 2


def questions(topic: str | None = None, lesson: str | int | None = None) -> list[Question]:
    """The questions about a topic, of a lesson, or both; all of them by default.

    Parameters: ``topic``, one of :data:`~lambdalab.quiz.lessons.TOPICS`; ``lesson``, the number of a
    notebook, as ``"04"`` or 4.

    Raises :class:`~lambdalab.errors.UnknownName` where there is none.

    >>> {question.topic for question in questions(lesson=3)}
    {'asynchronous'}
    """
    found = [SHELF[name] for name in declared()]
    if topic is not None:
        if topic not in TOPICS:
            raise UnknownName("topic", topic, TOPICS)
        found = [each for each in found if each.topic == topic]
    if lesson is not None:
        number = str(lesson).zfill(_LESSON_DIGITS)
        known = sorted({each.lesson for each in found})
        if number not in known:
            raise UnknownName("lesson with questions", number, known or LESSONS)
        found = [each for each in found if each.lesson == number]
    return found


def find(id: str) -> Question:
    """The question with this id.

    Raises :class:`~lambdalab.errors.UnknownName`, which names the nearest one.

    >>> find("what_202_says")
    <question what_202_says: asynchronous, lesson 03, 4 options>
    """
    known = declared()
    if id not in known:
        raise UnknownName("question", id, known)
    return SHELF[id]
