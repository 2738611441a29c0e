"""What is worth a look first: the places in a trace to which the viewer jumps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from lambdalab.plots import words
from lambdalab.widgets.viewer.bars import Bars
from lambdalab.widgets.viewer.looks import PLACE, WAITS
from lambdalab.widgets.viewer.parts import TABLES, Floats, Mask

_TOO_MANY = 429


class Found(NamedTuple):
    """One thing worth a look: what it is, the bar that shows it, and how it is told."""

    what: str
    bar: int
    said: str


def findings(made: Bars) -> list[Found]:
    """What is worth a look, the most telling first; empty where nothing has happened."""
    return [found for look in _LOOKS for found in look(made)]


def _first(made: Bars, what: str, mask: Mask, told: Callable[[int], str]) -> Iterator[Found]:
    chosen = np.flatnonzero(mask)
    if len(chosen):
        place = int(chosen[np.lexsort((chosen, made.start[chosen]))[0]])
        more = f"; {len(chosen):,} in all" if len(chosen) > 1 else ""
        yield Found(what, place, told(place) + more)


def _most(
    made: Bars, what: str, mask: Mask, values: Floats, told: Callable[[int], str]
) -> Iterator[Found]:
    chosen = np.flatnonzero(mask)
    if len(chosen) and values[chosen].max() > 0:
        order = np.lexsort((chosen, made.start[chosen], -values[chosen]))
        place = int(chosen[order[0]])
        yield Found(what, place, told(place))


def _look(made: Bars, *keys: str) -> Mask:
    return np.isin(made.numbers["look"], [PLACE[key] for key in keys])


def _name(made: Bars, place: int) -> str:
    return made.group_of(place).name


def _took(made: Bars, place: int) -> str:
    return words.duration(float(made.end[place] - made.start[place]))


def _at(made: Bars, place: int) -> str:
    return f"at {words.duration(float(made.start[place]))}"


def _letters(made: Bars) -> Iterator[Found]:
    yield from _first(
        made, "First dead letter", _look(made, "dead_letter"),
        lambda p: f"{made.id(p)} of {_name(made, p)} {_at(made, p)}",
    )  # fmt: skip


def _left(made: Bars) -> Iterator[Found]:
    table = made.numbers["b"]  # what the caller was told

    def told(place: int) -> str:
        answer = f"got {table[place]}" if table[place] else "gave up"
        return f"{_name(made, place)} {answer} after {_took(made, place)}"

    yield from _first(made, "First caller let down", _look(made, "gave_up"), told)


def _failures(made: Bars) -> Iterator[Found]:
    runs = made.failing() & (made.numbers["table"] == TABLES.index("attempts"))
    yield from _first(
        made, "First failure", runs,
        lambda p: f"{made.id(p)} of r{made.numbers['a'][p]}, {_name(made, p)} {_at(made, p)}",
    )  # fmt: skip
    refused = _look(made, "refused")
    too_many = refused & (made.numbers["a"] == _TOO_MANY)
    for what, chosen in (
        ("First throttle", _look(made, "throttled") | too_many),
        ("First refusal", refused & ~too_many),
    ):
        yield from _first(
            made, what, chosen, lambda p: f"{made.id(p)} of {_name(made, p)} {_at(made, p)}"
        )


def _waits(made: Bars) -> Iterator[Found]:
    over = made.end < made.last  # what nobody takes would always be the longest
    waiting = np.isin(made.numbers["look"], list(WAITS)) & over
    yield from _most(
        made, "Longest wait", waiting, made.end - made.start,
        lambda p: f"{made.id(p)} in {_name(made, p)}, {_took(made, p)}",
    )  # fmt: skip


def _batches(made: Bars) -> Iterator[Found]:
    ran = (made.numbers["table"] == TABLES.index("batches")) & ~_look(made, "gathering")
    yield from _most(
        made, "Biggest batch", ran, made.numbers["a"].astype(np.float64),
        lambda p: f"{made.id(p)} of {_name(made, p)}, {words.count(int(made.numbers['a'][p]), 'record')}",
    )  # fmt: skip


def _tries(made: Bars) -> Iterator[Found]:
    runs = made.numbers["table"] == TABLES.index("attempts")
    again = runs & (made.numbers["d"] > 1)
    yield from _most(
        made, "Most attempts", again, made.numbers["d"].astype(np.float64),
        lambda p: f"r{made.numbers['a'][p]} of {_name(made, p)}, {made.numbers['d'][p]} of them",
    )  # fmt: skip


def _lengths(made: Bars) -> Iterator[Found]:
    runs = made.numbers["table"] == TABLES.index("attempts")
    cold, length = _look(made, "cold_start"), made.end - made.start
    yield from _most(
        made, "Longest cold start", cold, length, lambda p: f"{_name(made, p)}, {_took(made, p)}"
    )
    yield from _most(
        made, "Longest run", runs & ~cold, length,
        lambda p: f"{made.id(p)} of {_name(made, p)}, {_took(made, p)}",
    )  # fmt: skip


_LOOKS = (_letters, _left, _failures, _waits, _batches, _tries, _lengths)
