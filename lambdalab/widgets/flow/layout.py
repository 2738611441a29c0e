"""Where everything stands: layers from left to right, boxes, arrows that pass between boxes.

All lengths are in the picture's own units, of which the browser shows about one to a pixel.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import dataclass, field

from lambdalab.widgets.flow.graph import ROLES, Graph, Node

WIDTH = {"function": 164, "mapping": 168}
NARROW = 158
GAP_X, GAP_Y, MARGIN = 92, 30, 18
LEAST_WIDTH = 900
HEAD = 60
"""The height of a box's head: its name, what it holds in numbers, what it is or waits for."""
SLOT, CELL, LANE = 18, 24, 18
"""The pitch of the dots of a queue, of the cells of a function, of the lanes of a mapping."""
SLOTS = (7, 3)
CELLS = (6, 3)
LANES = 5
_CORRIDOR = 18
_CURVE = 14
_NAME_HEIGHT, _LETTER, _LONGEST_NAME, _CLOSE, _NEARER = 11, 6.2, 16, 4, 6

Point = tuple[float, float]


@dataclass(slots=True)
class Box:
    """A node's rectangle; ``layer`` counts from the left."""

    node: Node
    layer: int
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 0

    @property
    def middle(self) -> float:
        """The height at which arrows meet it."""
        return self.y + self.height / 2


@dataclass(slots=True)
class Layout:
    """Boxes by name, arrows as polylines, where the arrows' names stand, and the size of the picture.

    A name is centred on the ``x`` of its place, its letters stand on the ``y``.
    """

    boxes: dict[str, Box] = field(default_factory=dict)
    paths: dict[tuple[str, str], list[Point]] = field(default_factory=dict)
    names: dict[tuple[str, str], Point] = field(default_factory=dict)
    width: float = 0
    height: float = 0

    def route(self, graph: Graph, nodes: list[str]) -> list[Point]:
        """The way through those nodes as one polyline; against the arrows where they point so.

        A way against the arrows runs a little below them, so that both can be told apart.
        """
        found: list[Point] = []
        for start, end in itertools.pairwise(nodes):
            for a, b in _legs(graph, start, end):
                if (a, b) in self.paths:
                    found += self.paths[a, b]
                elif (b, a) in self.paths:
                    found += [(x, y + 9) for x, y in reversed(self.paths[b, a])]
        return found


def _legs(graph: Graph, start: str, end: str) -> list[tuple[str, str]]:
    if graph.linked(start, end):
        return [(start, end)]
    way = graph.way(start, end)
    return list(itertools.pairwise(way))


def arrange(graph: Graph, lanes: dict[str, int], cells: dict[str, int]) -> Layout:
    """Boxes and arrows. ``lanes`` and ``cells`` say how many of them a mapping and a function show."""
    layers = _layers(graph)
    layout = Layout()
    for name, node in graph.nodes.items():
        width, height = _size(node, lanes.get(name, 1), cells.get(name, 1))
        layout.boxes[name] = Box(node, layers[name], width=width, height=height)
    chains = _chains(graph, layers)
    columns = _columns(graph, layers, chains)
    _place(layout, columns)
    for (a, b), chain in chains.items():
        layout.paths[a, b] = _arrow(layout, a, b, chain)
    for name in [name for name in layout.boxes if name.startswith("~")]:
        del layout.boxes[name]
    _name(layout, graph)
    return layout


def _name(layout: Layout, graph: Graph) -> None:
    """A place for each arrow's name that no arrow, box or other name crosses, and is its own, if any."""
    lines = {pair: _dense(path) for pair, path in layout.paths.items()}
    taken = [point for line in lines.values() for point in line]
    leave, come = (Counter(edge[side] for edge in graph.edges) for side in (0, 1))
    for pair, label in graph.edges.items():
        half = _LETTER * min(len(label), _LONGEST_NAME) / 2
        alone = leave[pair[0]] == 1, come[pair[1]] == 1
        others = [line for other, line in lines.items() if graph.edges[other] != label]
        for x, y in _candidates(layout.paths[pair], alone) if label else ():
            free = not any(abs(a - x) < half and -_NAME_HEIGHT < b - y < 4 for a, b in taken)
            boxed = any(
                box.x < x + half and x - half < box.x + box.width
                and box.y < y + 4 and y - _NAME_HEIGHT < box.y + box.height
                for box in layout.boxes.values()
            )  # fmt: skip
            if free and not boxed and _own(lines[pair], others, (x, y - _NAME_HEIGHT / 2)):
                layout.names[pair] = x, y
                taken += [(x + half * share, y - 5) for share in (-1, -0.5, 0, 0.5, 1)]
                break


def _own(line: list[Point], others: list[list[Point]], at: Point) -> bool:
    """Whether no other arrow is much nearer than its own: a name there would be read as that one's."""
    near = min(math.dist(point, at) for point in line)
    return all(math.dist(point, at) > near - _NEARER for other in others for point in other)


def _candidates(path: list[Point], alone: tuple[bool, bool]) -> list[Point]:
    """Above and below either end of an arrow, then above and below its corridors.

    First at the end where the arrow is ``alone`` (where it leaves, where it comes to): at the other the
    name could be that of another arrow.
    """
    (x0, y0), (x1, y1) = path[0], path[-1]
    if x0 == x1:  # from top to bottom
        return [(x0 + GAP_X / 2, (y0 + y1) / 2 + 4), (x0 - GAP_X / 2, (y0 + y1) / 2 + 4)]
    side = GAP_X / 2 if x1 > x0 else -GAP_X / 2
    ends = [(x0 + side, y0, y1), (x1 - side, y1, y0)]
    ends.sort(key=lambda end: end[1])
    if alone[0] != alone[1]:
        ends.sort(key=lambda end: (end[0] == x0 + side) != alone[0])
    near = [(x, y - 6 if y <= other else y + 14) for x, y, other in ends]
    far = [(x, y + 14 if y <= other else y - 6) for x, y, other in ends]
    level = [
        ((a[0] + b[0]) / 2, a[1] + lift)
        for a, b in itertools.pairwise(path)
        if a[1] == b[1] and abs(a[0] - b[0]) > GAP_X
        for lift in (-6, 14)
    ]
    return near + far + level


def _dense(path: list[Point]) -> list[Point]:
    """Points along a path, none far from the next."""
    found = []
    for (x0, y0), (x1, y1) in itertools.pairwise(path):
        steps = max(int(max(abs(x1 - x0), abs(y1 - y0)) / _CLOSE), 1)
        found += [
            (x0 + (x1 - x0) * n / steps, y0 + (y1 - y0) * n / steps) for n in range(steps + 1)
        ]
    return found


def _size(node: Node, lanes: int, cells: int) -> tuple[float, float]:
    width = WIDTH.get(node.role, NARROW)
    match node.role:
        case "caller" | "front":
            return width, HEAD
        case "push":
            return width, HEAD + SLOT + 14
        case "mapping":
            return width, HEAD + LANE * min(lanes, LANES) + 8
        case "function":
            rows = max(1, min(CELLS[1], -(-cells // CELLS[0])))
            rest = 8 if cells > CELLS[0] * CELLS[1] else 0  # room to say how many more there are
            return width, HEAD + CELL * rows + 10 + rest
        case _:
            return width, HEAD + SLOT * SLOTS[1] + 16


def _layers(graph: Graph) -> dict[str, int]:
    """The layer of each node: one more than the furthest of those whose arrows lead to it.

    Arrows that close a circle are taken as pointing the other way.
    """
    forward = _without_circles(graph)
    layers = dict.fromkeys(graph.nodes, 0)
    for _ in graph.nodes:
        for a, b in forward:
            layers[b] = max(layers[b], layers[a] + 1)
    for name in graph.nodes:  # who only sends stands next to whom it sends to
        after = [layers[b] for a, b in forward if a == name]
        sends = graph.nodes[name].role != "caller" and not any(b == name for _, b in forward)
        if after and sends:
            layers[name] = min(after) - 1
    used = sorted(set(layers.values()))
    return {name: used.index(layer) for name, layer in layers.items()}


def _without_circles(graph: Graph) -> list[tuple[str, str]]:
    forward: list[tuple[str, str]] = []
    reach: dict[str, set[str]] = {name: {name} for name in graph.nodes}
    order = sorted(graph.edges, key=lambda edge: ROLES.index(graph.nodes[edge[0]].role))
    for a, b in order:
        if a in reach[b]:
            forward.append((b, a)) if (b, a) not in forward else None
            continue
        forward.append((a, b))
        for name in reach:
            if a in reach[name]:
                reach[name] |= reach[b]
    return forward


def _chains(graph: Graph, layers: dict[str, int]) -> dict[tuple[str, str], list[str]]:
    """For each arrow the stand-ins it passes in the layers between its ends, from left to right."""
    return {
        (a, b): [
            f"~{a}~{b}~{layer}"
            for layer in range(min(layers[a], layers[b]) + 1, max(layers[a], layers[b]))
        ]
        for a, b in graph.edges
    }


def _columns(
    graph: Graph, layers: dict[str, int], chains: dict[tuple[str, str], list[str]]
) -> list[list[str]]:
    """The nodes and stand-ins of each layer, ordered so that few arrows cross."""
    columns: list[list[str]] = [[] for _ in range(max(layers.values(), default=-1) + 1)]
    ranked = sorted(graph.nodes, key=lambda name: ROLES.index(graph.nodes[name].role))
    for name in ranked:
        columns[layers[name]].append(name)
    near: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for (a, b), chain in chains.items():
        left, right = (a, b) if layers[a] <= layers[b] else (b, a)
        way = [left, *chain, right]
        for one, other in itertools.pairwise(way):
            near.setdefault(one, []).append(other)
            near.setdefault(other, []).append(one)
        for place, name in enumerate(chain):
            columns[layers[left] + 1 + place].append(name)
    for turn in range(6):
        for column in columns if turn % 2 == 0 else reversed(columns):
            _sort(column, near, columns)
    return columns


def _sort(column: list[str], near: dict[str, list[str]], columns: list[list[str]]) -> None:
    """Each to the mean height of its neighbours."""
    height = {name: (place + 0.5) / len(one) for one in columns for place, name in enumerate(one)}
    wish = {
        name: sum(height[other] for other in near[name]) / len(near[name])
        if near.get(name)
        else height[name]
        for name in column
    }
    column.sort(key=lambda name: wish[name])


def _place(layout: Layout, columns: list[list[str]]) -> None:
    """Coordinates: each column centred, each layer as wide as its widest box."""
    for number, column in enumerate(columns):
        for name in column:
            if name not in layout.boxes:
                layout.boxes[name] = Box(Node(name, "", ""), number, height=_CORRIDOR)
    heights = [
        sum(layout.boxes[name].height for name in column) + GAP_Y * max(len(column) - 1, 0)
        for column in columns
    ]
    layout.height = max(heights, default=0) + 2 * MARGIN
    widths = [max(layout.boxes[name].width for name in column) for column in columns]
    needed = sum(widths) + GAP_X * max(len(columns) - 1, 0) + 2 * MARGIN
    layout.width = max(needed, LEAST_WIDTH)
    x = MARGIN + (layout.width - needed) / 2
    for column, tall, wide in zip(columns, heights, widths, strict=True):
        y = (layout.height - tall) / 2
        for name in column:
            box = layout.boxes[name]
            if name.startswith("~"):
                box.width = wide
            box.x, box.y = x + (wide - box.width) / 2, y
            y += box.height + GAP_Y
        x += wide + GAP_X


def _arrow(layout: Layout, a: str, b: str, chain: list[str]) -> list[Point]:
    """From the edge of one box to the edge of the other, through the corridors between."""
    start, end = layout.boxes[a], layout.boxes[b]
    if start.layer == end.layer:  # one above the other
        down = start.y < end.y
        x = start.x + start.width / 2
        return [(x, start.y + start.height if down else start.y),
                (x, end.y if down else end.y + end.height)]  # fmt: skip
    rightward = start.layer < end.layer
    between = [layout.boxes[name] for name in (chain if rightward else chain[::-1])]
    ends = (start.x + start.width, end.x) if rightward else (start.x, end.x + end.width)
    stops: list[Point] = [(ends[0], _port(start, end))]
    for box in between:
        sides = (box.x, box.x + box.width)
        stops += [(side, box.middle) for side in (sides if rightward else sides[::-1])]
    stops.append((ends[1], _port(end, start)))
    found: list[Point] = [stops[0]]
    for one, other in zip(stops[::2], stops[1::2], strict=True):
        found += _curve(one, other)
    return found


def _port(box: Box, other: Box) -> float:
    """The height at which an arrow leaves a box: towards the other, within its side."""
    room = box.height / 2 - 12
    return box.middle + max(-room, min(room, (other.middle - box.middle) / 6))


def _curve(one: Point, other: Point) -> list[Point]:
    """A smooth way that leaves and arrives level, as points."""
    if abs(one[1] - other[1]) < 1:
        return [one, other]
    (x0, y0), (x1, y1) = one, other
    half = (x0 + x1) / 2
    points = []
    for step in range(_CURVE + 1):
        t = step / _CURVE
        s = 1 - t
        x = s**3 * x0 + 3 * s * s * t * half + 3 * s * t * t * half + t**3 * x1
        y = s**3 * y0 + 3 * s * s * t * y0 + 3 * s * t * t * y1 + t**3 * y1
        points.append((round(x, 2), round(y, 2)))
    return points


def slot(box: Box, place: int) -> Point:
    """The middle of a queue's place for a dot, counted along rows."""
    row, column = divmod(place, SLOTS[0])
    return box.x + 16 + SLOT * column, box.y + HEAD + SLOT / 2 + SLOT * row


def cell(box: Box, place: int) -> Point:
    """The middle of a function's cell."""
    row, column = divmod(place, CELLS[0])
    return box.x + 10 + CELL / 2 + CELL * column, box.y + HEAD + CELL / 2 + 2 + CELL * row


def lane(box: Box, place: int) -> tuple[float, float, float]:
    """A poller's bar: where it begins, how wide it is, and the height of its middle."""
    return box.x + 34, box.width - 44, box.y + HEAD + LANE / 2 + LANE * place


def spot(box: Box, state: str, place: int, sub: int, size: int) -> Point | None:
    """Where a dot rests in its box; None where the box shows it as a number only.

    ``size`` is how many records a full batch of a mapping has.
    """
    centre = (box.x + box.width / 2, box.y + HEAD - 8)
    match box.node.role:
        case "function" if state == "running":
            return cell(box, place) if 0 <= place < CELLS[0] * CELLS[1] else None
        case "mapping":
            if not 0 <= place < LANES:
                return None
            x, wide, y = lane(box, place)
            return (
                (x + wide * min((sub + 0.5) / max(size, 1), 1), y)
                if state == "held"
                else (x + 9, y)
            )
        case "function" | "caller" | "front":
            return centre
        case "push":
            return slot(box, place) if 0 <= place < SLOTS[0] else None
        case _:
            return slot(box, place) if 0 <= place < SLOTS[0] * SLOTS[1] else None
