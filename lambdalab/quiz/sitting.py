"""A sitting: some questions in an order, the answers given, and what to read again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidSetting
from lambdalab.quiz import telling
from lambdalab.quiz.lessons import LESSONS, TOPICS
from lambdalab.quiz.question import Question, digest
from lambdalab.quiz.shelf import questions

if TYPE_CHECKING:
    from lambdalab.quiz.verdict import Verdict


class Quiz:
    """Some questions to answer, one after the other; a cell that ends with it shows it as a widget.

    Parameters
    ----------
    topic, lesson
        Only questions about this topic, or of this notebook (``"04"`` or 4); all by default.
    number
        How many at most (1 or more); without a topic they are of as many topics as possible.
    seed
        Decides which, their order and that of their options.

    Raises :class:`~lambdalab.errors.UnknownName` for a topic or lesson that has no questions, and
    :class:`~lambdalab.errors.InvalidSetting` for another number.

    Example
    -------
    >>> from lambdalab import quiz
    >>> sitting = quiz.Quiz(topic="failures", lesson=4, number=2, seed=7)
    >>> asked = sitting.ask()
    >>> verdict = sitting.answer("A")
    >>> sitting.answered, sitting.score == int(verdict.correct)
    (1, True)
    """

    def __init__(
        self,
        topic: str | None = None,
        lesson: str | int | None = None,
        number: int = 10,
        seed: int | str = 7,
    ) -> None:
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise InvalidSetting("number", number, "a whole number, 1 or more")
        self.seed = seed
        found = _drawn(questions(topic, lesson), number, seed)
        self.questions: tuple[Question, ...] = tuple(each.arranged(seed) for each in found)
        self.verdicts: dict[int, Verdict] = {}
        """What was answered, by the question's place (from 0)."""
        self._card: Any = None

    # ---- in plain Python -----------------------------------------------------------------------

    @property
    def place(self) -> int:
        """The place (from 0) of the first question that is not answered; the last one's at the end."""
        left = [n for n in range(len(self.questions)) if n not in self.verdicts]
        return left[0] if left else len(self.questions) - 1

    @property
    def current(self) -> Question:
        """The first question that is not answered."""
        return self.questions[self.place]

    @property
    def answered(self) -> int:
        """How many questions have been answered."""
        return len(self.verdicts)

    @property
    def score(self) -> int:
        """How many answers were right."""
        return sum(verdict.correct for verdict in self.verdicts.values())

    @property
    def finished(self) -> bool:
        """Whether every question has been answered."""
        return self.answered == len(self.questions)

    def ask(self, place: int | None = None) -> telling.Told:
        """The question at a place (from 0), by default the first that is not answered.

        When all are answered: the summary.
        """
        if place is None and self.finished:
            return self.summary()
        at = self._at(place)
        each = self.questions[at]
        above = f"{at + 1} of {len(self.questions)} · {each.topic}"
        return telling.asked(each.text, each.letters, each.choose, above)

    def answer(self, *picks: Any, place: int | None = None) -> Verdict:
        """Answer the question at a place (from 0), by default the first that is not answered.

        The first answer counts; see :meth:`Question.answer <lambdalab.quiz.Question.answer>`.
        """
        at = self._at(place)
        if at in self.verdicts:
            limit = "one that is not answered yet; Quiz(...) makes a new sitting"
            raise InvalidSetting("place", at, limit)
        self.verdicts[at] = self.questions[at].answer(*picks)
        if self._card is not None:
            self._card.refresh()
        return self.verdicts[at]

    def _at(self, place: int | None) -> int:
        at = self.place if place is None else place
        if not 0 <= at < len(self.questions):
            raise InvalidSetting("place", place, f"0 to {len(self.questions) - 1}")
        return at

    # ---- at the end ----------------------------------------------------------------------------

    def by_topic(self) -> dict[str, tuple[int, int]]:
        """Right answers and all answers of each topic that was asked about."""
        asked = Counter(self.questions[n].topic for n in self.verdicts)
        right = Counter(self.questions[n].topic for n, v in self.verdicts.items() if v.correct)
        return {topic: (right[topic], asked[topic]) for topic in TOPICS if topic in asked}

    def to_read(self) -> dict[str, str]:
        """The lessons of the questions that were not answered right, by number."""
        missed = {self.questions[n].lesson for n, v in self.verdicts.items() if not v.correct}
        return {number: title for number, title in LESSONS.items() if number in missed}

    def summary(self) -> telling.Told:
        """The score, by topic, and the lessons to read again."""
        return telling.summary(
            self.score, self.answered, len(self.questions), self.by_topic(), self.to_read()
        )

    def __repr__(self) -> str:
        return str(self.ask())

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The card in which the questions can be answered."""
        return self.card()._repr_mimebundle_(**kwargs)

    def card(self) -> Any:
        """The widget that asks these questions; an answer given there counts here, and the other way."""
        if self._card is None:
            # it draws: not before it is needed
            from lambdalab.widgets.question_card import QuestionCard

            self._card = QuestionCard(self)
        return self._card


def show(
    topic: str | None = None,
    lesson: str | int | None = None,
    number: int = 10,
    seed: int | str = 7,
) -> Any:
    """The card of a new sitting: a widget; ``card.sitting`` is the :class:`Quiz`.

    Parameters, and what is raised: as of :class:`Quiz`.
    """
    return Quiz(topic, lesson, number, seed).card()


def _drawn(found: list[Question], number: int, seed: int | str) -> list[Question]:
    """So many questions, of as many topics as possible, in an order that the seed decides."""
    drawn = sorted(found, key=lambda each: digest(seed, "draw", each.id))
    seen: Counter[str] = Counter()
    rounds = {}
    for each in drawn:
        rounds[each.id] = seen[each.topic]
        seen[each.topic] += 1
    drawn.sort(key=lambda each: rounds[each.id])
    return sorted(drawn[:number], key=lambda each: digest(seed, "order", each.id))
