"""One telling moment of the animation as a still picture, for places without JavaScript."""

from __future__ import annotations

import numpy as np

from lambdalab.plots.flow import Arrow, Box, Mark, Scene, flow_png
from lambdalab.plots.words import duration
from lambdalab.widgets.flow import layout as places
from lambdalab.widgets.flow.cells import CELL_STATES
from lambdalab.widgets.flow.counts import HEADS
from lambdalab.widgets.flow.decisions import DECISIONS
from lambdalab.widgets.flow.dots import HELD, INSIDE, KINDS, STATES
from lambdalab.widgets.flow.script import Script

_LOOKED_AT = 200
_DIED = DECISIONS.index("dead letter")


def telling_moment(script: Script) -> int:
    """The time (microseconds) of the decision at which most boxes have something in them; of those, the
    one at which dots are in the most different situations.

    Where something came to a dead-letter queue, only those moments are looked at: nothing tells more.
    """
    died = [one.at for one in script.decisions if one.kind == _DIED]
    times = np.unique(np.array(died or [one.at for one in script.decisions], dtype=np.int64))
    if not len(times):
        return script.end
    picked = times[np.unique(np.linspace(0, len(times) - 1, _LOOKED_AT).round().astype(np.int64))]
    stays = script.dots.stays
    start = np.array([stay.start for stay in stays], dtype=np.int64)
    end = np.array([stay.end for stay in stays], dtype=np.int64)
    nodes = {name: place for place, name in enumerate(script.layout.boxes)}
    where = np.array([nodes.get(stay.node, 0) * len(STATES) + stay.state for stay in stays])
    seen = []
    for time in picked.tolist():
        situations = np.unique(where[(start <= time) & (end > time)])
        seen.append((len(np.unique(situations // len(STATES))), len(situations)))
    return int(picked[seen.index(max(seen))])


def telling_picture(script: Script) -> bytes:
    """That moment as the bytes of a PNG."""
    return flow_png(scene(script, telling_moment(script)))


def scene(script: Script, time: int) -> Scene:
    """What is where at a time (microseconds), every dot at rest."""
    stays = script.at(time)
    boxes = [
        Box(box.x, box.y, box.width, box.height, box.node.label, _numbers(script, name, time, stays),
            box.node.about, box.node.role == "letters")
        for name, box in script.layout.boxes.items()
    ]  # fmt: skip
    arrows = []
    for pair, label in script.graph.edges.items():
        path = script.layout.paths[pair]
        x, y = script.layout.names.get(pair, path[0])
        letters = script.graph.nodes[pair[1]].role == "letters"
        name = label if pair in script.layout.names else ""
        arrows.append(Arrow(path, name, x, y, letters))
    place = script.decided(time)
    told = script.decisions[place].sentence() if place >= 0 else "nothing has been decided yet"
    title = f"at {duration(time / 1e6)}: {told}" if script.decisions else "nothing happened"
    return Scene(
        script.layout.width, script.layout.height, boxes, arrows, _bars(script, stays),
        [*_cells(script, time), *_dots(script, stays)], title,
    )  # fmt: skip


def _numbers(script: Script, name: str, time: int, stays: list) -> str:  # type: ignore[type-arg]
    box = script.layout.boxes[name]
    if box.node.role == "mapping":
        held = sum(stay.node == name and stay.state == HELD for stay in stays)
        return f"{held:,} held"
    names = HEADS.get(box.node.role)
    series = script.series.get(name)
    if not names or series is None:
        return ""
    counts = series.at(time)
    values = zip(counts, names, strict=True)
    told = [
        f"{value:,} {what}"
        for i, (value, what) in enumerate(values)
        if what and (value or (not i and not any(counts)))
    ]
    return " · ".join(told)


def _bars(script: Script, stays: list) -> list[tuple[float, float, float, float, str]]:  # type: ignore[type-arg]
    """Each poller's bar: where it is, how wide, how full, its name."""
    found = []
    for name, labels in script.lanes.items():
        box = script.layout.boxes.get(name)
        if box is None or box.node.role != "mapping":
            continue
        size = int(box.node.settings.get("size") or 1)
        for place, label in enumerate(labels[: places.LANES]):
            x, wide, y = places.lane(box, place)
            held = sum(s.node == name and s.state == HELD and s.place == place for s in stays)
            found.append((x, y, wide, min(held / size, 1), label))
    return found


def _cells(script: Script, time: int) -> list[Mark]:
    found = []
    for span in script.spans:
        box = script.layout.boxes.get(span.node)
        if box is None or not span.start <= time < span.end:
            continue
        if span.place < places.CELLS[0] * places.CELLS[1]:
            x, y = places.cell(box, span.place)
            found.append(Mark(x, y, "cell", CELL_STATES[span.state]))
    return found


def _dots(script: Script, stays: list) -> list[Mark]:  # type: ignore[type-arg]
    found = []
    for stay in stays:
        box = script.layout.boxes.get(stay.node)
        if box is None or stay.state == INSIDE:
            continue
        size = int(box.node.settings.get("size") or 1)
        state = STATES[stay.state]
        at = places.spot(box, state, stay.place, stay.sub, size)
        if at is None:
            continue
        kind = KINDS[script.dots.kinds[stay.dot]]
        letter = box.node.role == "letters" and state in ("waiting", "delayed")
        text = script.dots.facts[stay.dot] if kind == "batch" else ""
        found.append(Mark(*at, kind, "letter" if letter else state, text))
    return found
