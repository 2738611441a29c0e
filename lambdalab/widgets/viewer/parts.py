"""Bars as columns of numbers, and what the parts of the books need to make them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lambdalab.trace.codes import BatchCause, Cause

if TYPE_CHECKING:
    from lambdalab.trace import Trace

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

NODES = "rabmec"
"""The kinds of things that bars belong to: request, attempt, batch, message, environment, outside call."""

TABLES = ("requests", "invocations", "queue_events", "batches", "environments", "attempts")
"""The tables that bars come of, in the order in which their lanes stand."""

#: Columns of whole numbers that every bar has; ``a`` to ``e`` are what its sentence tells.
WHOLE = (
    "group",
    "lane",
    "look",
    "kind",
    "number",
    "why",
    "say",
    "a",
    "b",
    "c",
    "d",
    "e",
    "table",
    "row",
)

WHYS: tuple[tuple[str, str], ...] = (
    *((name, Cause.meanings[name]) for name in Cause.names),
    *((name, BatchCause.meanings[name]) for name in BatchCause.names),
)
"""Every cause and what it means; bars have its place."""

_WHY = {name: place for place, (name, _) in reversed(list(enumerate(WHYS)))}
_BATCH_WHY = {name: len(Cause.names) + place for place, name in enumerate(BatchCause.names)}


class Words:
    """Texts by number: each is kept once."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        """The number of a text, new or known."""
        return self.known.setdefault(text, len(self.known))

    def column(self, texts: Iterable[Any]) -> Ints:
        """The number of each text of a column."""
        codes, unique = pd.factorize(pd.Series(texts, dtype=object))
        places = np.array([self(str(text)) for text in unique] or [0], dtype=np.int64)
        found: Ints = places[codes]
        return found

    def list(self) -> list[str]:
        """The texts in order of their numbers."""
        return list(self.known)


@dataclass
class Part:
    """Bars of one table: their times in seconds, and :data:`WHOLE` as columns.

    ``columns`` holds numbers or arrays; what is not in it is 0.
    """

    start: Floats
    end: Floats
    columns: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.start)

    def chosen(self, mask: Mask) -> Part:
        """The bars for which the mask is true."""
        kept = {n: v[mask] if isinstance(v, np.ndarray) else v for n, v in self.columns.items()}
        return Part(self.start[mask], self.end[mask], kept)

    def column(self, name: str) -> Ints:
        """One of :data:`WHOLE`, as an array."""
        return np.broadcast_to(np.asarray(self.columns.get(name, 0), dtype=np.int64), len(self))


def joined(parts: Sequence[Part]) -> Part:
    """Several parts as one."""
    if not parts:
        return Part(np.zeros(0), np.zeros(0), {name: np.zeros(0, np.int64) for name in WHOLE})
    return Part(
        np.concatenate([part.start for part in parts]),
        np.concatenate([part.end for part in parts]),
        {name: np.concatenate([part.column(name) for part in parts]) for name in WHOLE},
    )


def times(trace: Trace, column: pd.Series[Any]) -> Floats:
    """Times in seconds since the lab's start; NaN where there is none."""
    at = column.to_numpy(dtype="datetime64[us]")
    since = at - trace.start.to_numpy().astype("datetime64[us]")
    found: Floats = np.where(np.isnat(at), np.nan, since.astype(np.int64) / 1e6)
    return found


def numbers(ids: pd.Series[Any]) -> Ints:
    """The numbers in front of public ids; 0 where there is none.

    >>> numbers(pd.Series(["00000012-0f73-43a8-8199-fc66ffc0423d", ""])).tolist()
    [12, 0]
    """
    if not len(ids):
        return np.zeros(0, dtype=np.int64)
    letters = ids.to_numpy(dtype=object).astype("U8").view(np.uint32).reshape(-1, 8)
    digits = np.where(letters == 0, 48, letters).astype(np.int64) - 48
    found: Ints = digits @ 10 ** np.arange(7, -1, -1)
    return found


def places(column: pd.Series[Any], known: dict[str, int], otherwise: int = 0) -> Ints:
    """A categorical's values by a dictionary of its words."""
    words = [known.get(str(word), otherwise) for word in column.cat.categories]
    found: Ints = np.array([*words, otherwise], dtype=np.int64)[column.cat.codes.to_numpy()]
    return found


def whys(column: pd.Series[Any], *, batches: bool = False) -> Ints:
    """The place of each cause in :data:`WHYS`."""
    return places(column, _BATCH_WHY if batches else _WHY)


def which(column: pd.Series[Any], *words: str) -> Mask:
    """Where a categorical has one of these words."""
    chosen = [word in words for word in column.cat.categories]
    found: Mask = np.array([*chosen, False])[column.cat.codes.to_numpy()]
    return found
