"""A card that asks the questions of a quiz, one after the other: pick, check, see the run that proves it.

The card knows nothing of questions and of simulations: it shows what a sitting gives it
(:class:`lambdalab.quiz.Quiz`), and hands the picks back.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import anywidget
import traitlets

from lambdalab.errors import LabError, UnknownName
from lambdalab.plots.picture import question as picture
from lambdalab.widgets.wording import rendered

_HERE = Path(__file__).parent
_ROWS = 12
"""Of the run's table, at most."""


class Asked(Protocol):
    """What a card shows of a question."""

    id: str
    topic: str
    lesson: str
    text: str
    choose: int
    table: str

    @property
    def letters(self) -> dict[str, str]:
        """The options' texts by letter."""

    @property
    def code(self) -> str:
        """The program that runs."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Where AWS documents it."""


class Judged(Protocol):
    """What a card shows of a verdict."""

    correct: bool
    chosen: tuple[str, ...]
    right: tuple[str, ...]
    why: str
    shown: Mapping[str, str]

    @property
    def headline(self) -> str:
        """Right or not, and what is right."""

    @property
    def traces(self) -> Mapping[str, Any]:
        """The runs, by the letters of the options."""


class Sitting(Protocol):
    """What a card asks for: questions, and verdicts by their place."""

    @property
    def questions(self) -> Sequence[Any]:
        """The questions, in their order."""

    @property
    def verdicts(self) -> Mapping[int, Any]:
        """What was answered, by the question's place."""

    def answer(self, *picks: Any, place: int | None = None) -> Any:
        """Answer one."""

    @property
    def score(self) -> int:
        """How many answers were right."""

    @property
    def answered(self) -> int:
        """How many questions have been answered."""

    @property
    def finished(self) -> bool:
        """Whether all have been answered."""

    @property
    def place(self) -> int:
        """The place of the first question that is not answered."""

    def by_topic(self) -> Mapping[str, tuple[int, int]]:
        """Right answers and all answers, by topic."""

    def to_read(self) -> Mapping[str, str]:
        """Lessons to read again, by number."""


class QuestionCard(anywidget.AnyWidget):
    """Asks the questions of a sitting. All its state is in its traits: what is done in the browser can be
    done from code.

    From code: ``card.chosen = ["B"]``, ``card.check()``, ``card.next()``, ``card.previous()``.

    Parameters
    ----------
    sitting
        A :class:`lambdalab.quiz.Quiz`.

    Attributes
    ----------
    position
        The place of the question on show, from 0 (a trait).
    chosen
        The letters that are picked (a trait); those of the answer once there is one.
    checked
        Whether the question on show has been answered (a trait). Setting it answers the question; with
        too few or too many letters picked it returns to False, and the card says why.
    opened
        Whether the run is on show: its program, a table of its trace, where AWS documents it (a trait).

    Example
    -------
    >>> from lambdalab import quiz
    >>> card = quiz.Quiz(topic="failures", number=3).card()
    >>> card.chosen = ["A"]
    >>> card.check()
    >>> card.checked, card.sitting.answered
    (True, 1)
    """

    _esm = _HERE / "question_card.js"
    _css = _HERE / "question_card.css"

    position = traitlets.Int(0).tag(sync=True)
    chosen = traitlets.List(traitlets.Unicode()).tag(sync=True)
    checked = traitlets.Bool(False).tag(sync=True)
    opened = traitlets.Bool(False).tag(sync=True)
    card = traitlets.Dict().tag(sync=True)
    """What the browser shows: made from the rest."""

    def __init__(self, sitting: Sitting) -> None:
        self.sitting = sitting
        self._note = ""
        self._busy = False
        super().__init__(position=sitting.place)
        self.refresh()

    # ---- from code -----------------------------------------------------------------------------

    def check(self) -> None:
        """Answer the question on show with what is picked."""
        self.checked = True

    def next(self) -> None:
        """Go to the next question; at the last one nothing happens."""
        self.position = min(self.position + 1, len(self.sitting.questions) - 1)

    def previous(self) -> None:
        """Go to the question before; at the first one nothing happens."""
        self.position = max(self.position - 1, 0)

    def refresh(self) -> None:
        """Show what the sitting has come to: it may have been answered elsewhere."""
        verdict = self._verdict
        self._busy = True
        try:
            self.checked = verdict is not None
            if verdict is not None:
                self.chosen = list(verdict.chosen)
            self.card = self._shown()
        finally:
            self._busy = False

    # ---- what happens when something changes -----------------------------------------------------

    @property
    def _question(self) -> Asked:
        asked: Asked = self.sitting.questions[self.position]
        return asked

    @property
    def _verdict(self) -> Judged | None:
        return self.sitting.verdicts.get(self.position)

    @traitlets.validate("position")
    def _a_place(self, proposal: Any) -> int:
        count = len(self.sitting.questions)
        if not 0 <= proposal["value"] < count:
            raise traitlets.TraitError(f"position must be 0 to {count - 1}")
        return int(proposal["value"])

    @traitlets.validate("chosen")
    def _known_letters(self, proposal: Any) -> list[str]:
        if self._verdict is not None:
            return list(self._verdict.chosen)  # who has seen the answer picks no more
        known = self._question.letters
        for letter in proposal["value"]:
            if letter not in known:
                raise UnknownName(f"option in question {self._question.id!r}", letter, known)
        return sorted(set(proposal["value"]))

    @traitlets.observe("position")
    def _moved(self, _: object) -> None:
        self._note = ""
        if self._verdict is None:
            self.chosen = []
        self.refresh()

    @traitlets.observe("checked")
    def _answered(self, change: Any) -> None:
        if self._busy:
            return
        self._note = ""
        if change["new"]:
            try:
                self.sitting.answer(*self.chosen, place=self.position)
            except LabError:
                if len(self.chosen) == self._question.choose:
                    raise
                self._note = f"{_choose(self._question.choose)} first."
        self.refresh()

    # ---- what it shows -------------------------------------------------------------------------

    def _shown(self) -> dict[str, Any]:
        asked, verdict, sitting = self._question, self._verdict, self.sitting
        many = f" ({_choose(asked.choose)[: -len(' options')]}.)" if asked.choose > 1 else ""
        return {
            "place": f"Question {self.position + 1} of {len(sitting.questions)}",
            "about": f"{asked.topic} · lesson {asked.lesson}",
            "score": f"{sitting.score} of {sitting.answered} right" if sitting.answered else "",
            "text": rendered(f"{asked.text}{many}"),
            "options": [[letter, rendered(text)] for letter, text in asked.letters.items()],
            "single": asked.choose == 1,
            "first": self.position == 0,
            "last": self.position == len(sitting.questions) - 1,
            "note": self._note,
            "verdict": _verdict(verdict),
            "run": _run(asked, verdict),
            "summary": _summary(sitting) if sitting.finished else "",
        }

    # ---- without JavaScript --------------------------------------------------------------------

    def __repr__(self) -> str:
        asked, verdict = self._question, self._verdict
        place = f"Question {self.position + 1} of {len(self.sitting.questions)}: {asked.topic}"
        lines = [place, asked.text, *self._options()]
        if verdict is not None:
            lines += [verdict.headline, verdict.why]
        return "\n".join(lines)

    def _options(self) -> list[str]:
        return [f"{letter}) {text}" for letter, text in self._question.letters.items()]

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The live widget; a picture of the question, and its text, for places that run no JavaScript."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        verdict = self._verdict
        below = [] if verdict is None else [verdict.headline, verdict.why]
        plain = [line.replace("`", "") for line in (self._question.text, *self._options(), *below)]
        text, options = plain[0], plain[1 : len(plain) - len(below)]
        png = picture(text, options, plain[len(plain) - len(below) :])
        shown = {"text/plain": repr(self), "image/png": base64.b64encode(png).decode()}
        return {**(data or {}), **shown}, metadata


def _choose(count: int) -> str:
    words = {1: "one option", 2: "two options", 3: "three options"}
    return f"Choose {words.get(count, f'{count} options')}"


def _verdict(verdict: Judged | None) -> dict[str, Any] | None:
    """What a verdict says, as the browser shows it."""
    if verdict is None:
        return None
    return {
        "correct": verdict.correct,
        "right": list(verdict.right),
        "headline": rendered(verdict.headline),
        "why": rendered(verdict.why),
        "shown": {letter: rendered(text) for letter, text in verdict.shown.items()},
    }


def _run(asked: Asked, verdict: Judged | None) -> dict[str, Any] | None:
    """The program, tables of what happened, and where AWS documents it."""
    if verdict is None:
        return None
    return {
        "code": html.escape(asked.code),
        "tables": [
            [told, html.escape(_rows(getattr(verdict.traces[letter].short, asked.table)))]
            for letter, told in _worth_a_look(verdict).items()
        ],
        "named": f"trace.short.{asked.table}",
        "sources": html.escape("; ".join(asked.sources)),
    }


def _worth_a_look(verdict: Judged) -> dict[str, str]:
    """The letters whose runs are shown: of remedies what was picked, and what is right."""
    if not verdict.shown:
        return {verdict.right[0]: ""}
    return {letter: f"with {letter})" for letter in sorted({*verdict.chosen, *verdict.right})}


def _rows(table: Any) -> str:
    """The first rows of a table as text, and how many there are besides."""
    if not len(table):
        return "no rows: nothing of the kind has happened"
    more = f"\n... {len(table) - _ROWS:,} more rows" if len(table) > _ROWS else ""
    return f"{table.head(_ROWS)!r}{more}"


def _summary(sitting: Sitting) -> str:
    """The score by topic as a table, and what to read again."""
    head = "<tr><th scope='col'>topic</th><th scope='col'>right</th></tr>"
    rows = "".join(
        f"<tr><th scope='row'>{html.escape(topic)}</th><td>{right} of {count}</td></tr>"
        for topic, (right, count) in sitting.by_topic().items()
    )
    read = ", ".join(f"{number} {title}" for number, title in sitting.to_read().items())
    again = f"<p>Read again: {html.escape(read)}.</p>" if read else "<p>All right.</p>"
    return f"<p><b>{sitting.score} of {sitting.answered} right</b></p><table>{head}{rows}</table>{again}"
