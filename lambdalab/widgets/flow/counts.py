"""How much was where: the counts that stand in the boxes, straight from the books."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lambdalab.plots.frames import Ints
from lambdalab.widgets.flow.books import Books
from lambdalab.widgets.flow.graph import Graph

FEW = 1500
"""Where room is scarce, so many changes of a box's counts are kept: of more, those at so many moments."""
HEADS = {
    "function": ("busy", "cold", "idle"), "queue": ("waiting", "in flight", "delayed"),
    "letters": ("waiting", "in flight", "delayed"), "events": ("waiting", "running", "retrying"),
    "stream": ("kept", "", ""), "push": ("waiting", "in flight", "delayed"),
}  # fmt: skip
"""What the three counts of a box are, by its role."""


@dataclass(frozen=True)
class Series:
    """Counts over time: ``values[i]`` (three numbers) holds from ``times[i]`` (microseconds) on.

    ``whole``: every change is there.
    """

    times: Ints
    values: Ints
    whole: bool = True

    def at(self, time: int) -> tuple[int, int, int]:
        """The counts at a time; zeros before the first."""
        place = int(np.searchsorted(self.times, time, side="right")) - 1
        a, b, c = self.values[place].tolist() if place >= 0 else (0, 0, 0)
        return a, b, c


def series(
    books: Books, shown: dict[str, str], graph: Graph, span: tuple[int, int], most: int
) -> dict[str, Series]:
    """The counts of each box that has any within a span of time, with at most so many changes of each."""
    changes: dict[str, list[tuple[Ints, Ints]]] = {}
    events = books.events
    for queue in dict.fromkeys(events["queue"]):
        mine = np.flatnonzero(events["queue"] == queue)
        role = {"asynchronous": "events", "sqs": "queue", "stream": "stream"}.get(
            str(events["kind"][mine[0]]), "push"
        )
        name = f"{role}:{str(queue).partition('->')[0] if role == 'push' else queue}"
        name = shown.get(name, name)
        if name in graph.nodes:
            values = np.stack([events[c][mine] for c in ("visible", "in_flight", "delayed")], 1)
            steps = np.diff(values, axis=0, prepend=np.zeros((1, 3), dtype=np.int64))
            changes.setdefault(name, []).append((events["at"][mine], steps))
    for name, found in _cells(books, shown).items():
        changes.setdefault(name, []).extend(found)
    return {name: _summed(found, span, most) for name, found in changes.items()}


def _cells(books: Books, shown: dict[str, str]) -> dict[str, list[tuple[Ints, Ints]]]:
    """Changes of busy, cold and idle environments by the box of their function."""
    homes, runs = books.environments, books.attempts
    far = np.iinfo(np.int64).max
    gone = np.where(homes["ended_at"] >= 0, homes["ended_at"], far)
    ready = np.minimum(np.where(homes["ready_at"] >= 0, homes["ready_at"], gone), gone)
    place = np.searchsorted(homes["environment"], runs["environment"])
    begun = np.maximum(runs["started_at"], ready[place]) if len(runs) else runs["started_at"]
    over = np.where(runs["ended_at"] >= 0, runs["ended_at"], far)
    over = np.minimum(over, gone[place]) if len(runs) else over
    ran = over > begun
    moves = (
        (homes["function"], homes["started_at"], (0, 1, 0)),
        (homes["function"], ready, (0, -1, 1)),
        (homes["function"], gone, (0, 0, -1)),
        (runs["function"][ran], begun[ran], (1, 0, -1)),
        (runs["function"][ran], over[ran], (-1, 0, 1)),
    )
    found: dict[str, list[tuple[Ints, Ints]]] = {}
    for functions, times, step in moves:
        for function in dict.fromkeys(functions):
            mine = times[(functions == function) & (times < far)]
            name = shown.get(f"function:{function}", f"function:{function}")
            steps = np.tile(np.array(step, dtype=np.int64), (len(mine), 1))
            found.setdefault(name, []).append((mine, steps))
    return found


def _summed(found: list[tuple[Ints, Ints]], span: tuple[int, int], most: int) -> Series:
    times = np.concatenate([times for times, _ in found])
    steps = np.concatenate([steps for _, steps in found])
    order = np.argsort(times, kind="stable")
    times, values = times[order], np.cumsum(steps[order], axis=0)
    last = np.append(times[1:] != times[:-1], True) if len(times) else np.zeros(0, dtype=bool)
    times, values = times[last], values[last]
    first = max(int(np.searchsorted(times, span[0], side="right")) - 1, 0)
    inside = slice(first, int(np.searchsorted(times, span[1], side="right")))
    times, values = times[inside], values[inside]
    whole = len(times) <= most
    if not whole:
        pick = np.unique(np.linspace(0, len(times) - 1, most).round().astype(np.int64))
        times, values = times[pick], values[pick]
    return Series(times.astype(np.int64), values.astype(np.int64), whole)
