"""Runs a question's set-up, and sees which options hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.lab import Lab
from lambdalab.quiz.seen import Seen
from lambdalab.quiz.verdict import Verdict

if TYPE_CHECKING:
    from lambdalab.quiz.question import Question
    from lambdalab.trace import Trace


@dataclass(frozen=True)
class Proof:
    """What the runs of a question showed.

    Attributes
    ----------
    right
        The letters of the options that hold.
    seen, traces
        By letter, what the option's run showed, and its trace. Options that need no run of their own
        share one.
    """

    right: tuple[str, ...]
    seen: Mapping[str, Seen]
    traces: Mapping[str, Trace]


def prove(question: Question, seed: int | str, rules: Any, quotas: Mapping[str, Any]) -> Proof:
    """Run the set-up, once for each way in which the options call it."""
    runs: dict[str, tuple[Seen, Trace]] = {}
    held: dict[str, bool] = {}
    by_letter: dict[str, tuple[Seen, Trace]] = {}
    for letter, option in zip(question.letters, question.options, strict=True):
        key = repr(sorted(option.settings.items()))
        if key not in runs:
            runs[key] = _run(question, Lab(seed, rules=rules, quotas=quotas), option.settings)
        by_letter[letter] = runs[key]
        held[letter] = bool(option.holds(runs[key][0]))
    return Proof(
        right=tuple(letter for letter, holds in held.items() if holds),
        seen={letter: seen for letter, (seen, _) in by_letter.items()},
        traces={letter: trace for letter, (_, trace) in by_letter.items()},
    )


def _run(question: Question, lab: Lab, settings: Mapping[str, Any]) -> tuple[Seen, Trace]:
    with lab:
        return Seen(question.setup(lab, **settings)), lab.trace


def judged(question: Question, chosen: tuple[str, ...], proof: Proof) -> Verdict:
    """The verdict on what was chosen."""
    right = proof.right
    shown = {}
    if question.remedies:
        shown = {n: question.shows.format_map(seen) for n, seen in proof.seen.items()}
    return Verdict(
        question=question.id,
        correct=chosen == right,
        chosen=chosen,
        right=right,
        options=question.letters,
        why=question.explain.format_map(proof.seen[right[0]]),
        shown=shown,
        seen=proof.seen,
        traces=proof.traces,
    )
