"""Questions, verdicts and sums as text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

WIDTH = 100
_WORDS = {1: "one", 2: "two", 3: "three", 4: "four"}


class Told(str):
    """A text that a cell shows as it is, without quotes and with its line ends."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def spelt(count: int) -> str:
    """A small number as a word."""
    return _WORDS.get(count, str(count))


def asked(text: str, options: Mapping[str, str], count: int, above: str = "") -> Told:
    """A question with its options below it."""
    wanted = f" (Choose {spelt(count)}.)" if count > 1 else ""
    lines = [above] if above else []
    lines += textwrap.wrap(f"{text}{wanted}", WIDTH)
    return Told("\n".join([*lines, *listed(options)]))


def listed(options: Mapping[str, str]) -> list[str]:
    """Lettered lines, wrapped."""
    return [
        line
        for letter, text in options.items()
        for line in textwrap.wrap(
            text, WIDTH, initial_indent=f"  {letter}) ", subsequent_indent="     "
        )
    ]


def headline(correct: bool, right: Mapping[str, str]) -> str:
    """Right or not, and what is right.

    >>> headline(False, {"C": "Three times"})
    'Not quite: C) Three times'
    """
    told = " · ".join(f"{letter}) {text}" for letter, text in right.items())
    return f"{'Right' if correct else 'Not quite'}: {told}"


def verdict(said: str, why: str, shown: Mapping[str, str]) -> str:
    """A verdict: the headline, why, and what the run of each remedy showed."""
    return "\n".join([*textwrap.wrap(said, WIDTH), *textwrap.wrap(why, WIDTH), *listed(shown)])


def summary(
    score: int,
    answered: int,
    count: int,
    topics: Mapping[str, tuple[int, int]],
    to_read: Mapping[str, str],
) -> Told:
    """The score, by topic, and what to read again."""
    lines = [
        f"{score} of {answered} right" + (f", {count - answered} to go" if answered < count else "")
    ]
    wide = max(map(len, topics), default=0)
    lines += [f"  {topic:{wide}}  {right} of {asked}" for topic, (right, asked) in topics.items()]
    if to_read:
        lines.append("Read again: " + ", ".join(f"{n} {title}" for n, title in to_read.items()))
    return Told("\n".join(lines))
