"""What the makers of bars share: the trace, its end, the groups of lanes, texts and sentences."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lambdalab.plots.frames import end_of
from lambdalab.widgets.viewer.looks import PLACE
from lambdalab.widgets.viewer.parts import NODES, TABLES, Floats, Ints, Mask, Part, Words, times

if TYPE_CHECKING:
    from lambdalab.trace import Trace

KINDS = ("callers", "requests", "event queue", "queue", "batches", "environments")
"""The kinds of groups of lanes, from top to bottom."""


@dataclass
class Making:
    """One trace on its way to bars.

    ``groups`` are pairs of kind and name, ``labels`` the names of lanes where lanes have some.
    """

    trace: Trace
    end: float = 0.0
    words: Words = field(default_factory=Words)
    says: Words = field(default_factory=Words)
    groups: dict[tuple[str, str], int] = field(default_factory=dict)
    labels: dict[int, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.says("")  # number 0, so that a bar without a sentence has none
        self.words("")
        last = [
            times(self.trace, table[name]).max(initial=0.0, where=~table[name].isna().to_numpy())
            for table, names in (
                (self.trace.batches, ("flushed_at", "completed_at")),
                (self.trace.environments, ("started_at", "ready_at", "ended_at")),
            )
            for name in names
        ]
        self.end = max([end_of(self.trace), *map(float, last)])

    def group(self, kind: str, name: str) -> int:
        """The number of a group of lanes."""
        return self.groups.setdefault((kind, name), len(self.groups))

    def group_column(self, kind: str, names: pd.Series[Any]) -> Ints:
        """The group of each row, by a column of names."""
        codes, unique = pd.factorize(names)
        known = np.array([self.group(kind, str(name)) for name in unique] or [0], dtype=np.int64)
        return known[codes]

    def closed(self, ends: Floats) -> Floats:
        """Times of ends; what has not ended reaches to the end of the books."""
        return np.where(np.isnan(ends), self.end, ends)

    def say(self, count: int, *cases: tuple[Mask, str], otherwise: str) -> Ints:
        """The sentence of each row: of the first case that holds."""
        found = np.full(count, self.says(otherwise), dtype=np.int64)
        for mask, template in reversed(cases):
            if mask.any():
                found[mask] = self.says(template)
        return found

    def part(self, table: str, node: str, start: Floats, end: Floats, **columns: Any) -> Part:
        """Bars of a table; ``node`` is the letter of whose they are, ``look`` may be a look's key."""
        if isinstance(columns.get("look"), str):
            columns["look"] = PLACE[columns["look"]]
        known = {"table": TABLES.index(table), "kind": NODES.index(node), **columns}
        return Part(start, end, known)
