"""A trace as bars in lanes: everything the viewer draws, as sorted arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lambdalab.plots import words
from lambdalab.widgets.viewer import queues, runs
from lambdalab.widgets.viewer.links import Links, links
from lambdalab.widgets.viewer.looks import FAILING, LASTING, LOOKS, PLACE
from lambdalab.widgets.viewer.making import KINDS, Making
from lambdalab.widgets.viewer.parts import NODES, WHYS, Floats, Ints, Mask, Part, joined
from lambdalab.widgets.viewer.sentences import filled

if TYPE_CHECKING:
    from lambdalab.trace import Trace


@dataclass(frozen=True)
class Group:
    """Lanes that belong together: ``kind`` and ``name``, the number of its first lane, and how many.

    ``labels`` are the lanes' own names, where they have some.
    """

    kind: str
    name: str
    first: int
    lanes: int
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Bars:
    """All bars of a trace, sorted by lane, look and start.

    ``numbers`` has a column for each of :data:`~lambdalab.widgets.viewer.parts.WHOLE`; ``node`` is the
    number of the thing whose bar it is among all things (see :class:`.links.Links`), 0 for none. ``told``
    has the places of all bars in the order in which they are told: by time, causes before effects.
    ``merged`` counts the bars that stand in others (see :mod:`.thinning`).
    """

    start: Floats
    end: Floats
    node: Ints
    numbers: dict[str, Ints]
    groups: tuple[Group, ...]
    links: Links
    texts: list[str]
    says: list[str]
    last: float
    told: Ints
    merged: int = 0

    def __len__(self) -> int:
        return len(self.start)

    def id(self, place: int) -> str:
        """The short id of the thing whose bar it is."""
        return f"{NODES[self.numbers['kind'][place]]}{self.numbers['number'][place]}"

    def sentence(self, place: int) -> str:
        """What the bar tells."""
        why, meaning = WHYS[self.numbers["why"][place]]
        own = {
            "id": self.id(place),
            "took": words.duration(float(self.end[place] - self.start[place])),
            "why": f"{why}: {meaning}",
        }
        template = self.says[self.numbers["say"][place]]
        return filled(template, lambda name: int(self.numbers[name][place]), self.texts, own)

    def group_of(self, place: int) -> Group:
        """The group of lanes in which a bar stands."""
        return self.groups[int(self.numbers["group"][place])]

    def of(self, node: int) -> Ints:
        """The bars of one thing, in order of time."""
        return self.in_order(self.node == node)

    def lit(self, node: int) -> Ints:
        """The bars of a thing's chain of causes and effects, in order of time."""
        return self.in_order(self.links.chain(node)[self.node])

    def in_order(self, mask: Mask) -> Ints:
        """The places of these bars as they are told."""
        found: Ints = self.told[mask[self.told]]
        return found

    def over(self, places: Ints) -> Floats:
        """When bars end; of states still open when the books end, when they begin."""
        lasting = np.isin(self.numbers["look"][places], list(LASTING))
        open_ = lasting & (self.end[places] >= self.last)
        found: Floats = np.where(open_, self.start[places], self.end[places])
        return found

    def failing(self) -> Mask:
        """Which bars are of what went wrong."""
        return np.isin(self.numbers["look"], list(FAILING))


def bars(trace: Trace) -> Bars:
    """All bars of a trace, one for each row and state: nothing is left out or merged."""
    make = Making(trace)
    parts = _parts(make)
    whole, groups = _grouped(make, joined(parts))
    found = links(trace)
    numbers = {name: whole.column(name) for name in whole.columns}
    node = found.base[numbers["kind"]] + numbers["number"]
    order = np.lexsort((whole.start, numbers["look"], numbers["lane"]))
    numbers = {name: values[order] for name, values in numbers.items()}
    return Bars(
        whole.start[order], whole.end[order], node[order], numbers, groups, found,
        make.words.list(), make.says.list(), make.end, told(whole.start[order], whole.end[order], numbers),
    )  # fmt: skip


_STEPS = (0, 6, 2, 4, 8, 8)
"""For each table its place among what begins at one time: who asks, messages, batches, requests, runs."""


def told(start: Floats, end: Floats, numbers: dict[str, Ints]) -> Ints:
    """The places of bars in the order in which they are told."""
    step = np.array(_STEPS)[numbers["table"]]
    step = np.where(
        (step == 2) & (numbers["kind"] == 0), 7, step
    )  # Lambda's own queue: after the request
    # what an event is for no time at all, then that it leaves, then that it comes to the next queue
    left = np.isin(numbers["look"], [PLACE[key] for key in ("mark", "dead_letter", "lost")])
    early = (numbers["d"] > 0) | left
    step = np.where((numbers["table"] == 2) & (start == end) & early, np.where(left, 1.5, 1), step)
    late = np.isin(numbers["look"], [PLACE[key] for key in ("in_flight", "handed_over", "success")])
    order: Ints = np.lexsort((numbers["look"], step * 2 + late, start))
    return order


def _parts(make: Making) -> list[Part]:
    lived, ran = runs.environments(make), runs.attempts(make)
    runs.in_lanes_of_environments(make, [lived, ran])
    made = [
        runs.callers(make), runs.invocations(make), queues.queues(make), runs.batches(make), lived, ran,
    ]  # fmt: skip
    return [part for part in made if len(part)]


def _grouped(make: Making, part: Part) -> tuple[Part, tuple[Group, ...]]:
    """Groups in order of their kinds, and lanes counted through all of them."""
    group, lane = part.column("group"), part.column("lane")
    counts = np.zeros(len(make.groups) + 1, dtype=np.int64)
    np.maximum.at(counts, group, lane + 1)
    names = list(make.groups)
    used = np.flatnonzero(counts[:-1]).tolist()
    ranked = sorted(used, key=lambda code: (KINDS.index(names[code][0]), code))
    place, first = np.zeros_like(counts), np.zeros_like(counts)
    place[ranked] = np.arange(len(ranked))
    first[ranked] = np.cumsum(counts[ranked]) - counts[ranked]
    found = [
        Group(*names[c], int(first[c]), int(counts[c]), tuple(make.labels.get(c, ())))
        for c in ranked
    ]
    columns: dict[str, Any] = {**part.columns, "group": place[group], "lane": lane + first[group]}
    return replace(part, columns=columns), tuple(found)


def legend(made: Bars) -> list[tuple[int, int]]:
    """The looks that occur, each with its number of bars."""
    counts = np.bincount(made.numbers["look"], minlength=len(LOOKS))
    return [(place, int(count)) for place, count in enumerate(counts.tolist()) if count]
