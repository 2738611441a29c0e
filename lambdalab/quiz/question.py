"""A question as data: a set-up that runs, and options that hold, or do not, on what its run showed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lambdalab.errors import InvalidSetting, LabError, UnknownName
from lambdalab.quiz import proving, telling
from lambdalab.quiz.lessons import LESSONS, TOPICS
from lambdalab.quiz.seen import Seen
from lambdalab.quiz.source import program
from lambdalab.quiz.verdict import Verdict
from lambdalab.rules import DEFAULT_DATE, RULES

LETTERS = "ABCDEF"
SEED = 7
_SEVERAL = re.compile(r"[A-Fa-f](?:[\s,;+&]+[A-Fa-f])*")


class QuizError(LabError, ValueError):
    """A question that cannot be answered: its run proves too many options, or too few."""


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that a question offers.

    Parameters
    ----------
    text
        What it says.
    holds
        Whether a run proves it: a predicate over what the set-up saw.
    settings
        What the set-up is called with for this option, by name: a remedy is tried in a run of its own.
    """

    text: str
    holds: Callable[[Seen], bool]
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """A question whose answer is what a simulation shows; no answer is stored.

    Parameters
    ----------
    id
        Its name, that of the set-up.
    topic, lesson
        What it is about (:data:`~lambdalab.quiz.lessons.TOPICS`), and the number of its notebook.
    text
        The question; what stands in backticks is code.
    setup
        A function of a new lab that runs something and returns a few named values.
    options
        Two to six, in the order in which they are shown.
    explain
        Why, with the values of the run in braces, as in ``"It ran {runs} times."``; of remedies those
        of the run that is right.
    choose
        How many options are right.
    shows
        For remedies: what each one's run showed, with values in braces.
    rules, source
        The numbers it rests on (names of :mod:`lambdalab.rules`), and a page where AWS says so.
    quotas
        Numbers of the rules that are different in this account.
    in_order
        Whether the options keep their order, as numbers do.
    table
        The short table of the trace that shows best what has happened (``trace.short.<table>``).

    Raises :class:`~lambdalab.errors.InvalidSetting` or :class:`~lambdalab.errors.UnknownName` for a
    question that cannot be asked.

    Example
    -------
    >>> from lambdalab import quiz
    >>> question = quiz.find("what_202_says")
    >>> question.answer("C").correct
    True
    """

    id: str
    topic: str
    lesson: str
    text: str
    setup: Callable[..., Mapping[str, Any]]
    options: tuple[Option, ...]
    explain: str
    choose: int = 1
    shows: str = ""
    rules: tuple[str, ...] = ()
    source: str = ""
    quotas: Mapping[str, Any] = field(default_factory=dict)
    in_order: bool = False
    table: str = "attempts"

    def __post_init__(self) -> None:
        if self.topic not in TOPICS:
            raise UnknownName("topic", self.topic, TOPICS)
        if self.lesson not in LESSONS:
            raise UnknownName("lesson", self.lesson, LESSONS)
        for rule in self.rules:
            if rule not in RULES:
                raise UnknownName("rule", rule, RULES)
        texts = [option.text for option in self.options]
        if not 2 <= len(set(texts)) == len(texts) <= len(LETTERS):
            raise InvalidSetting("options", texts, f"2 to {len(LETTERS)} that differ")
        if not 1 <= self.choose < len(texts):
            raise InvalidSetting(
                "choose", self.choose, "1 or more, and fewer than there are options"
            )

    # ---- asking ------------------------------------------------------------------------------

    @property
    def letters(self) -> dict[str, str]:
        """The options' texts by their letters."""
        return {LETTERS[n]: option.text for n, option in enumerate(self.options)}

    @property
    def remedies(self) -> bool:
        """Whether each option is tried in a run of its own."""
        return any(option.settings for option in self.options)

    def ask(self) -> telling.Told:
        """The question and its options, as text."""
        return telling.asked(self.text, self.letters, self.choose)

    @property
    def code(self) -> str:
        """The set-up as a program that can be run; it prints what it sees."""
        runs: dict[str, Mapping[str, Any]] = {"": {}}
        if self.remedies:
            runs = dict(zip(LETTERS, (option.settings for option in self.options), strict=False))
        return program(self.setup, runs, self.quotas, SEED)

    @property
    def sources(self) -> tuple[str, ...]:
        """Where AWS documents what the question rests on."""
        pages = [self.source, *(RULES[rule].source for rule in self.rules)]
        return tuple(dict.fromkeys(filter(None, pages)))

    def arranged(self, seed: int | str) -> Question:
        """The same question with its options in an order that ``seed`` decides, unless they keep it."""
        if self.in_order:
            return self
        key = lambda option: digest(seed, self.id, option.text)  # noqa: E731
        return replace(self, options=tuple(sorted(self.options, key=key)))

    # ---- answering -----------------------------------------------------------------------------

    def answer(
        self,
        *picks: str | Iterable[str],
        seed: int | str = SEED,
        rules: Any = DEFAULT_DATE,
        quotas: Mapping[str, Any] | None = None,
    ) -> Verdict:
        """Run the set-up, and see whether the picked options are those that hold.

        Parameters
        ----------
        picks
            Letters (``"B"``, ``"A", "C"`` or ``"A, C"``) or texts of options.
        seed, rules, quotas
            Of the lab in which it runs: with other rules another option may be right.

        Raises :class:`~lambdalab.errors.UnknownName` for an option that there is not,
        :class:`~lambdalab.errors.InvalidSetting` for too many or too few of them, and
        :class:`QuizError` where the run does not prove exactly ``choose`` of them.
        """
        chosen = self.chosen(*picks)
        proof = self.prove(seed=seed, rules=rules, quotas=quotas)
        return proving.judged(self, chosen, proof)

    def chosen(self, *picks: str | Iterable[str]) -> tuple[str, ...]:
        """The letters of what was picked; raises as :meth:`answer` does."""
        found = sorted({letter for pick in picks for letter in self._letters_of(pick)})
        if len(found) != self.choose:
            limit = f"{telling.spelt(self.choose)} of {', '.join(self.letters)}"
            raise InvalidSetting("picks", tuple(found), limit)
        return tuple(found)

    def _letters_of(self, pick: str | Iterable[str]) -> list[str]:
        if not isinstance(pick, str):
            return [letter for each in pick for letter in self._letters_of(each)]
        for letter, text in self.letters.items():
            if pick in (letter, letter.lower(), text):
                return [letter]
        if _SEVERAL.fullmatch(pick) and len(pick) > 1:
            return [
                letter for each in re.findall("[A-Za-z]", pick) for letter in self._letters_of(each)
            ]
        known = self.letters if len(pick) < 3 else self.letters.values()
        raise UnknownName(f"option in question {self.id!r}", pick, known)

    def prove(
        self,
        *,
        seed: int | str = SEED,
        rules: Any = DEFAULT_DATE,
        quotas: Mapping[str, Any] | None = None,
    ) -> proving.Proof:
        """What the runs show, and the letters of the options that hold on it.

        Raises :class:`QuizError` where these are not as many as the question asks for.
        """
        proof = proving.prove(self, seed, rules, {**self.quotas, **(quotas or {})})
        if len(proof.right) != self.choose:
            held = ", ".join(proof.right) or "none"
            raise QuizError(
                f"question {self.id!r} asks for {self.choose} of its options, and its run proves "
                f"{held}: {'; '.join(map(repr, proof.seen.values()))}"
            )
        return proof

    def __repr__(self) -> str:
        return (
            f"<question {self.id}: {self.topic}, lesson {self.lesson}, {len(self.options)} options>"
        )


def digest(*parts: object) -> str:
    """An order that looks like chance and is always the same."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()
