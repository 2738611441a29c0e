"""What comes of an answer: right or not, why, and the run that proves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdalab.quiz import telling
from lambdalab.quiz.seen import Seen

if TYPE_CHECKING:
    from lambdalab.trace import Trace


@dataclass(frozen=True, repr=False)
class Verdict:
    """The verdict on an answer.

    Attributes
    ----------
    question
        The question's id.
    correct
        Whether the chosen options are those that hold.
    chosen, right
        Letters.
    options
        The options' texts by letter.
    why
        What the run showed, in words and numbers.
    shown
        For remedies: what the run of each option showed, by letter.
    seen, traces
        By letter, the values that the option's run reported, and its trace.
    """

    question: str
    correct: bool
    chosen: tuple[str, ...]
    right: tuple[str, ...]
    options: Mapping[str, str]
    why: str
    shown: Mapping[str, str]
    seen: Mapping[str, Seen]
    traces: Mapping[str, Trace]

    @property
    def trace(self) -> Trace:
        """The trace of the run that proves the answer."""
        return self.traces[self.right[0]]

    @property
    def headline(self) -> str:
        """Right or not, and what is right."""
        return telling.headline(self.correct, {n: self.options[n] for n in self.right})

    def __repr__(self) -> str:
        return telling.verdict(self.headline, self.why, self.shown)
