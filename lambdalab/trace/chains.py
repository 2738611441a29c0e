"""Batches of streams that came of one another: tried once more, cut in two, shortened.

A failed batch of a stream is followed by others with the same records or a part of them, each tied to
what it came of (``parent_batch_id``). Together they are a chain; while it lasts, its lane of the shard
hands over nothing else.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lambdalab.trace.columns import Numbers


def roots(parents: Numbers) -> Numbers:
    """For each batch the place of the one its chain began with.

    ``parents`` are numbers of batches, counted from 1; 0 is none. A parent comes before its children.

    >>> roots(np.array([0, 1, 2, 0, 4])).tolist()
    [0, 0, 0, 3, 3]
    """
    own = np.arange(len(parents), dtype=np.int64)
    found = np.where(parents > 0, np.asarray(parents, dtype=np.int64) - 1, own)
    while len(found) and (found[found] != found).any():
        found = found[found]
    return found


class Chain(NamedTuple):
    """One chain: the place of its first batch, the places of all, its time (-1: not over)."""

    first: int
    places: Numbers
    began: int
    ended: int

    @property
    def tries(self) -> int:
        """How many batches were handed over, the first one included."""
        return len(self.places)


def chains(parents: Numbers, flushed: Numbers, completed: Numbers, least: int = 2) -> list[Chain]:
    """The chains of at least so many batches, in order of their beginning.

    >>> [(c.first, c.tries, c.ended) for c in chains(np.array([0, 1, 0]), np.arange(3), np.arange(5, 8))]
    [(0, 2, 6)]
    """
    of = roots(parents)
    order = np.argsort(of, kind="stable")
    first = np.flatnonzero(np.append(True, np.diff(of[order]) != 0)) if len(of) else of
    parts = np.split(order, first[1:]) if len(of) else []
    found = []
    for places in parts:
        if len(places) >= least:
            ends = completed[places]
            ended = -1 if (ends < 0).any() else int(ends.max())
            found.append(Chain(int(places[0]), places, int(flushed[places].min()), ended))
    return found
