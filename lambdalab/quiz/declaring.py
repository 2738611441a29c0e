"""How questions are declared: a decorator on the set-up, and the shelf on which they stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lambdalab.errors import InvalidSetting
from lambdalab.quiz.question import Option, Question
from lambdalab.quiz.seen import Seen

SHELF: dict[str, Question] = {}
"""Every question, by its id."""

Holds = Callable[[Seen], bool]
_ORDER = "lambdalab"


def claim(text: str, holds: Holds) -> Option:
    """An option that says what happens: it is right where the predicate holds on what was seen."""
    return Option(text, holds)


def remedy(text: str, **settings: Any) -> Option:
    """An option that says what to do: it is run with these settings, and right where the goal is met."""
    return Option(text, _no_goal, settings)


def question(
    topic: str,
    *,
    lesson: str,
    text: str,
    options: Sequence[Option],
    explain: str,
    goal: Holds | None = None,
    **others: Any,
) -> Callable[[Callable[..., Mapping[str, Any]]], Question]:
    """Make a question of the set-up below it, whose name is the question's id.

    Parameters
    ----------
    topic, lesson, text, options, explain
        As of :class:`~lambdalab.quiz.question.Question`.
    goal
        What the right :func:`remedy` reaches: a predicate over what its run showed.
    others
        ``choose``, ``shows``, ``rules``, ``source``, ``quotas``, ``in_order``, ``table``.

    Raises :class:`~lambdalab.errors.InvalidSetting` where there is a question of that name already,
    and where remedies have no goal.
    """

    def declare(setup: Callable[..., Mapping[str, Any]]) -> Question:
        name = setup.__name__
        if name in SHELF:
            raise InvalidSetting("id", name, "another name: there is a question of this one")
        made = Question(
            id=name, topic=topic, lesson=lesson, text=text, setup=setup,
            options=tuple(_with_goal(option, goal) for option in options), explain=explain, **others,
        )  # fmt: skip
        SHELF[name] = made.arranged(_ORDER)
        return SHELF[name]

    return declare


def _with_goal(option: Option, goal: Holds | None) -> Option:
    if option.holds is not _no_goal:
        return option
    if goal is None:
        raise InvalidSetting("goal", goal, f"a predicate that tells whether {option.text!r} helped")
    return Option(option.text, goal, option.settings)


def _no_goal(seen: Seen) -> bool:
    """Stands where the question's goal will stand."""
    raise NotImplementedError
