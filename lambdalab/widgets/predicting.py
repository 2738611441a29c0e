"""Predict first: an explorer hides its answer until a guess is chosen."""

from __future__ import annotations

from dataclasses import dataclass

_MOST = 5


@dataclass(frozen=True, slots=True)
class Question:
    """What an explorer asks before it shows a run.

    Parameters
    ----------
    text
        The question, in one sentence that can be answered from the settings alone.
    options
        Two to five answers that differ, in an order that tells nothing.
    answer
        The right one, as the books of the run have it; one of ``options``.

    Raises :class:`ValueError` where the answer is none of the options, or two of them are equal.

    Example
    -------
    >>> question = Question("How often does it run?", ("once", "3 times"), "3 times")
    >>> question.verdict("once")
    'Not quite. It is: 3 times.'
    """

    text: str
    options: tuple[str, ...]
    answer: str

    def __post_init__(self) -> None:
        if self.answer not in self.options or len(set(self.options)) != len(self.options):
            raise ValueError(f"the answer {self.answer!r} must be one of {self.options!r}")
        if not 2 <= len(self.options) <= _MOST:
            raise ValueError(f"two to five options, not {len(self.options)}")

    def verdict(self, guess: str) -> str:
        """Whether the guess was right, in words."""
        if guess == self.answer:
            return f"Right: {self.answer}."
        return f"Not quite. It is: {self.answer}."


def numbered(
    text: str, right: int, wrong: tuple[int, ...], thing: str, things: str = ""
) -> Question:
    """A question whose answer is a count: the right one among ``wrong`` ones, in ascending order.

    Of more than five those stay that are next to the right one; its place among them is its own.

    >>> numbered("How many runs?", 3, (1, 3, 5), "run").options
    ('1 run', '3 runs', '5 runs')
    """
    things = things or f"{thing}s"
    counts = sorted({right, *wrong})
    first = max(0, min(counts.index(right) - right % _MOST, len(counts) - _MOST))
    told = {n: f"{n:,} {thing if n == 1 else things}" for n in counts[first : first + _MOST]}
    return Question(text, tuple(told.values()), told[right])
