"""The script of an animation: every dot's stays, cells, windows, counts and decisions as sorted arrays.

Where a dot is at a moment is a function of these arrays alone; the browser draws them, and knows no more.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lambdalab.plots.frames import Ints
from lambdalab.widgets.flow import layout as places
from lambdalab.widgets.flow.books import MOST_ROWS, Books, read
from lambdalab.widgets.flow.calls import Calls
from lambdalab.widgets.flow.cells import Span, spans
from lambdalab.widgets.flow.counts import Series, series
from lambdalab.widgets.flow.decisions import Decision, decisions
from lambdalab.widgets.flow.dots import AHEAD, DONE, HELD, INSIDE, RUNNING, Dots, Stay
from lambdalab.widgets.flow.graph import Graph, bridge, grouped, wiring
from lambdalab.widgets.flow.queued import Batched, messages, pushes, records
from lambdalab.widgets.flow.stretch import stretch
from lambdalab.widgets.flow.warp import Warp, warp

if TYPE_CHECKING:
    from lambdalab.trace import Trace


@dataclass(frozen=True)
class Window:
    """A batch while it gathers: its mapping's box, its lane there, when it opened, is due, was flushed."""

    batch: int
    node: str
    lane: int
    opened: int
    due: int
    flushed: int


@dataclass(frozen=True)
class Script:
    """All that is drawn; times in microseconds. ``start`` and ``end`` bound the film.

    ``moves`` are the ways between boxes that dots take: the names of the boxes. ``lanes`` names the lanes
    of each mapping. ``left_out`` says what is not shown.
    """

    books: Books
    graph: Graph
    dots: Dots
    layout: places.Layout
    spans: list[Span]
    windows: list[Window]
    series: dict[str, Series]
    decisions: list[Decision]
    warp: Warp
    lanes: dict[str, list[str]]
    start: int
    end: int
    shown: dict[str, str] = field(default_factory=dict)

    @property
    def left_out(self) -> str:
        """What is not shown, in sentences; "" where all is."""
        some = [one for one in self.series.values() if not one.whole]
        rare = max((len(one.times) for one in some), default=0)
        said = f"The numbers in the boxes are those of {rare:,} moments." if some else ""
        return f"{self.books.left_out} {said}".strip()

    def at(self, time: int) -> list[Stay]:
        """The stays that hold at a time (microseconds): what is where."""
        return [stay for stay in self.dots.stays if stay.start <= time < stay.end]

    def decided(self, time: float) -> int:
        """The place of the last decision up to a time (microseconds); -1 before the first."""
        return int(np.searchsorted([one.at for one in self.decisions], time, side="right")) - 1


def write(
    trace: Trace, start: float | None = None, end: float | None = None, most: int = MOST_ROWS,
    changes: int | None = None,
) -> Script:  # fmt: skip
    """The script of a trace, or of what is there from ``start`` to ``end`` (seconds).

    ``most`` rows go into it or so, and of each box's counts so many ``changes``: those of as many rows,
    where none are given.
    """
    whole = read(trace)
    low = 0 if start is None else max(round(start * 1e6), 0)
    high = whole.end if end is None else min(round(end * 1e6), whole.end)
    books = stretch(whole, low, max(high, low), most)
    high = max(min(books.end, high), low)
    graph, dots = wiring(books), Dots()
    batched = Batched(books, graph)
    messages(books, graph, dots, batched)
    records(books, graph, dots, batched)
    pushes(books, graph, dots)
    Calls(books, graph, dots, batched).all()
    dots.stays = [stay for stay in dots.stays if stay.end >= low]
    dots.stays.sort(key=lambda stay: (stay.start, stay.dot))
    _alone(graph)
    shown = grouped(graph, Counter(stay.node for stay in dots.stays))
    _show(dots, shown)
    bridge(graph, _moves(dots))
    cells, homes = spans(books, shown)
    lanes = _lanes(dots, books, shown)
    drawn = places.arrange(
        graph, {name: len(found) for name, found in lanes.items()}, _widths(graph, cells)
    )
    _settle(dots, homes, lanes)
    told = decisions(books, batched, low, high)
    moments = _moments(dots, cells, told, low, high)
    film = warp(moments, len({one.at for one in told}), low, high)
    return Script(
        books, graph, dots, drawn, cells, _windows(books, graph, lanes, shown),
        series(whole, shown, graph, (low, high), 2 * most if changes is None else changes), told, film,
        {name: [label for _, label in found] for name, found in lanes.items()}, low, high, shown,
    )  # fmt: skip


def _alone(graph: Graph) -> None:
    """Queues that nothing joins are left out where there is other wiring to see."""
    joined = {name for edge in graph.edges for name in edge}
    if joined:
        alone = [
            name for name, node in graph.nodes.items()
            if name not in joined and node.role in ("queue", "letters", "push")
        ]  # fmt: skip
        for name in alone:
            del graph.nodes[name]


def _show(dots: Dots, shown: dict[str, str]) -> None:
    """Each stay at the box that its node is shown as."""
    for stay in dots.stays:
        stay.node = shown.get(stay.node, stay.node)
        stay.source = shown.get(stay.source, stay.source)
        stay.via = tuple(shown.get(name, name) for name in stay.via)


def legs(stays: list[Stay]) -> list[tuple[str, ...]]:
    """The boxes that the dot of each stay passes on its way to it, its own included."""
    last: dict[int, str] = {}
    found = []
    for stay in stays:
        came = stay.source or last.get(stay.dot, "")
        way = [name for name in (came, *stay.via, stay.node) if name]
        slim = [name for place, name in enumerate(way) if not place or name != way[place - 1]]
        found.append(tuple(slim) if len(slim) > 1 else ())
        last[stay.dot] = stay.node
    return found


def _moves(dots: Dots) -> list[tuple[str, str]]:
    pairs = [pair for leg in dict.fromkeys(legs(dots.stays)) for pair in itertools.pairwise(leg)]
    return list(dict.fromkeys(pairs))


def _widths(graph: Graph, cells: list[Span]) -> dict[str, int]:
    """How many cells each function shows: those it used, or may use by its reservation."""
    used: dict[str, int] = defaultdict(int)
    for span in cells:
        used[span.node] = max(used[span.node], span.place + 1)
    for name, node in graph.nodes.items():
        reserved = node.settings.get("reserved")
        if reserved:
            used[name] = max(used[name], int(reserved))
    return used


def _lanes(
    dots: Dots, books: Books, shown: dict[str, str]
) -> dict[str, list[tuple[tuple[object, ...], str]]]:
    """The lanes of each mapping's box, in order: their keys and their names."""
    found: dict[str, dict[tuple[object, ...], str]] = defaultdict(dict)
    keys = {(row.mapping, row.shard, row.poller) for row in books.batches}
    keys |= {stay.key for stay in dots.stays if stay.state == HELD and stay.key}  # type: ignore[misc]
    for key in sorted(keys, key=lambda key: (str(key[0]), str(key[1]), int(str(key[2])))):
        mapping, shard, poller = key
        node = shown.get(f"mapping:{mapping}", f"mapping:{mapping}")
        number = str(shard).rpartition("-")[2].lstrip("0") or "0"
        name = f"s{number[-3:]}" if shard else f"p{poller}"
        if shard and any(k[:2] == key[:2] and k != key for k in keys):
            name += f".{poller}"
        found[node][key] = name
    return {node: list(named.items()) for node, named in found.items()}


def _settle(
    dots: Dots, homes: dict[int, int], lanes: dict[str, list[tuple[tuple[object, ...], str]]]
) -> None:
    """A place in its box for each stay: the lowest that is free when it begins."""
    free: dict[object, list[int]] = defaultdict(list)
    ends: dict[object, list[tuple[int, int]]] = defaultdict(list)
    used: dict[object, int] = defaultdict(int)
    rows = {
        node: {key: place for place, (key, _) in enumerate(found)} for node, found in lanes.items()
    }
    for stay in dots.stays:
        if stay.state in (INSIDE,) or stay.state >= DONE:
            continue
        if stay.state == RUNNING:
            stay.place = homes.get(stay.key[0], -1) if stay.key else -1  # type: ignore[call-overload]
            continue
        lane = rows.get(stay.node, {}).get(stay.key, 0) if stay.node in rows else -1
        kind = "held" if stay.state == HELD else "rest"
        where: object = (stay.node, lane, kind)
        while ends[where] and ends[where][0][0] <= stay.start:
            heapq.heappush(free[where], heapq.heappop(ends[where])[1])
        if free[where]:
            place = heapq.heappop(free[where])
        else:
            place, used[where] = used[where], used[where] + 1
        heapq.heappush(ends[where], (stay.end, place))
        if lane >= 0:
            stay.place, stay.sub = lane, place
        else:
            stay.place = place


def _windows(
    books: Books, graph: Graph, lanes: dict[str, list[tuple[tuple[object, ...], str]]],
    shown: dict[str, str],
) -> list[Window]:  # fmt: skip
    wired = books.trace.wired("mapping")
    found = []
    for row in books.batches:
        if row.parent_batch or row.opened_at < 0:
            continue
        node = shown.get(f"mapping:{row.mapping}", f"mapping:{row.mapping}")
        keys = [key for key, _ in lanes.get(node, [])]
        lane = keys.index((row.mapping, row.shard, row.poller))
        window = float(str(wired.get(row.mapping, {}).get("maximum_batching_window") or 0))
        opened = row.window_opened_at if row.window_opened_at >= 0 else row.opened_at
        due = opened + round(window * 1e6) if window else -1
        found.append(Window(row.batch, node, lane, row.opened_at, due, row.flushed_at))
    return found


def _moments(
    dots: Dots, cells: list[Span], told: list[Decision], low: int, high: int
) -> Ints:  # fmt: skip
    """Every moment at which something changes."""
    times: list[Any] = [one.at for one in told]
    times += [time for stay in dots.stays for time in (stay.start, stay.end)]
    times += [time for span in cells for time in (span.start, span.end)]
    found = np.unique(np.array([time for time in times if time < AHEAD], dtype=np.int64))
    inside: Ints = found[(found >= low) & (found <= high)]
    return inside
