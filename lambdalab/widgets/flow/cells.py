"""Environments as cells of their function: cold, busy, idle, or idle after a run that failed."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lambdalab.widgets.flow.books import Books
from lambdalab.widgets.flow.dots import AHEAD

CELL_STATES = ("cold", "busy", "idle", "failed")
COLD, BUSY, IDLE, BROKEN = range(len(CELL_STATES))
_GOOD = ("success", "running")


@dataclass(slots=True)
class Span:
    """What one environment is doing from when to when (microseconds)."""

    environment: int
    node: str
    place: int
    state: int
    start: int
    end: int


def spans(books: Books, shown: dict[str, str]) -> tuple[list[Span], dict[int, int]]:
    """What each environment does, and the place of each in its function's box.

    ``shown`` says which box a node is shown as. A place is taken again when its environment has ended.
    """
    places = _places(books, shown)
    runs: dict[int, list[Any]] = defaultdict(list)
    for row in books.attempts:
        runs[row.environment].append(row)
    found = []
    for row in books.environments:
        node = shown.get(f"function:{row.function}", f"function:{row.function}")
        for state, start, end in _life(row, runs[row.environment]):
            if end > start:
                found.append(
                    Span(row.environment, node, places[row.environment], state, start, end)
                )
    return found, places


def _places(books: Books, shown: dict[str, str]) -> dict[int, int]:
    found: dict[int, int] = {}
    free: dict[str, list[int]] = defaultdict(list)
    ends: dict[str, list[tuple[int, int]]] = defaultdict(list)
    used: dict[str, int] = defaultdict(int)
    for row in sorted(books.environments, key=lambda row: (row.started_at, row.environment)):
        node = shown.get(f"function:{row.function}", f"function:{row.function}")
        while ends[node] and ends[node][0][0] <= row.started_at:
            heapq.heappush(free[node], heapq.heappop(ends[node])[1])
        if free[node]:
            place = heapq.heappop(free[node])
        else:
            place, used[node] = used[node], used[node] + 1
        found[row.environment] = place
        if row.ended_at >= 0:
            heapq.heappush(ends[node], (row.ended_at, place))
    return found


def _life(row: Any, runs: list[Any]) -> Iterator[tuple[int, int, int]]:
    """States with their beginnings and ends, in order of time."""
    last = row.ended_at if row.ended_at >= 0 else AHEAD
    ready = row.ready_at if row.ready_at >= 0 else last
    yield COLD, row.started_at, min(ready, last)
    at, state = ready, IDLE
    for run in sorted(runs, key=lambda run: run.started_at):
        begun, over = max(run.started_at, ready), run.ended_at if run.ended_at >= 0 else last
        yield state, at, min(begun, last)
        yield BUSY, begun, min(over, last)
        at, state = max(over, ready), IDLE if run.outcome in _GOOD else BROKEN
    yield state, at, last
