"""The script as one block of bytes: a JSON head that names the arrays, and the arrays behind it.

The browser lays typed arrays over the same bytes; nothing is parsed but the head.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np

from lambdalab.plots import palette
from lambdalab.plots.words import shortened
from lambdalab.trace.codes import BatchCause, BatchOutcome, Cause
from lambdalab.widgets.flow import layout as places
from lambdalab.widgets.flow.cells import CELL_STATES
from lambdalab.widgets.flow.counts import HEADS
from lambdalab.widgets.flow.decisions import DECISIONS, FAILURES
from lambdalab.widgets.flow.dots import AHEAD, KINDS, LETTER, STATE_WORDS, STATES
from lambdalab.widgets.flow.script import Script, legs

FOREVER = 1e18
"""What has no end, in microseconds."""
_NO_ROUTE, _NOWHERE = 65_535, 255
_ALIGN = 8
_NAME = 16

COLOURS = {
    "ink": palette.INK, "muted": palette.MUTED, "pale": palette.PALE, "black": palette.BLACK,
    "orange": palette.ORANGE, "sky": palette.SKY, "green": palette.GREEN,
    "yellow": palette.YELLOW, "blue": palette.BLUE, "vermillion": palette.VERMILLION,
    "purple": palette.PURPLE,
}  # fmt: skip


class Texts:
    """Texts by number, each kept once."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._known: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        """The number of a text."""
        if text not in self._known:
            self._known[text] = len(self.all)
            self.all.append(text)
        return self._known[text]


def packed(script: Script) -> bytes:
    """All of it as bytes."""
    texts, patterns = Texts(), Texts()
    nodes = {name: place for place, name in enumerate(script.layout.boxes)}
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    arrays |= _dots(script, texts)
    routes, stays = _stays(script, nodes, texts)
    arrays |= stays | routes
    arrays |= _decisions(script, nodes, texts, patterns)
    arrays |= _cells(script, nodes) | _windows(script, nodes) | _film(script)
    series, arrays_of_series = _series(script, nodes)
    arrays |= arrays_of_series
    head = {
        "nodes": _nodes(script), "edges": _edges(script), "series": series, "heads": HEADS,
        "texts": texts.all, "patterns": patterns.all, "causes": _causes(texts.all),
        "kinds": KINDS, "letters": [LETTER[kind] for kind in KINDS], "states": STATES,
        "stateWords": [STATE_WORDS[state] for state in STATES], "cellStates": CELL_STATES,
        "decisions": DECISIONS, "failures": FAILURES, "note": script.left_out,
        "width": script.layout.width, "height": script.layout.height,
        "start": script.start, "end": script.end, "pace": script.warp.pace, "colours": COLOURS,
        "sizes": {"head": places.HEAD, "slot": places.SLOT, "cell": places.CELL,
                  "lane": places.LANE, "slots": places.SLOTS, "cells": places.CELLS,
                  "lanes": places.LANES},
    }  # fmt: skip
    return _block(head, arrays)


def _block(head: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]]) -> bytes:
    """The head's length, the head, and each array at a multiple of eight bytes behind it."""
    table, at, parts = {}, 0, []
    for name, array in arrays.items():
        data = np.ascontiguousarray(array).tobytes()
        table[name] = [array.dtype.str[1:], at, len(array)]
        parts.append(data + bytes(-len(data) % _ALIGN))
        at += len(parts[-1])
    text = json.dumps(head | {"arrays": table}, ensure_ascii=True, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % _ALIGN)
    return struct.pack("<II", len(text), 0) + text + b"".join(parts)


def _causes(texts: Iterable[str]) -> dict[str, str]:
    """What each word of the books means that stands among the texts."""
    meanings = {**BatchOutcome.meanings, **BatchCause.meanings, **Cause.meanings}
    return {text: meanings[text] for text in texts if text in meanings}


def _times(values: Iterable[int]) -> np.ndarray[Any, Any]:
    found = np.array(list(values), dtype=np.float64)
    return np.where(found >= AHEAD, FOREVER, found)


def _ints(values: Iterable[int], dtype: str) -> np.ndarray[Any, Any]:
    kind = np.dtype(dtype)
    limits = np.iinfo(kind)
    return np.clip(np.array(list(values), dtype=np.int64), limits.min, limits.max).astype(kind)


def _dots(script: Script, texts: Texts) -> dict[str, np.ndarray[Any, Any]]:
    dots = script.dots
    return {
        "dKind": _ints(dots.kinds, "u1"),
        "dNumber": _ints(dots.numbers, "<i4"),
        "dFact": _ints(map(texts, dots.facts), "<i4"),
    }


def _stays(
    script: Script, nodes: dict[str, int], texts: Texts
) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, np.ndarray[Any, Any]]]:
    stays = script.dots.stays
    ways = legs(stays)
    numbers = {way: place for place, way in enumerate(dict.fromkeys(filter(None, ways)))}
    last: dict[int, int] = {}
    before = []
    for place, stay in enumerate(stays):
        before.append(last.get(stay.dot, -1))
        last[stay.dot] = place

    def box(name: str) -> int:
        return nodes.get(script.shown.get(name, name), _NOWHERE)

    lines = [script.layout.route(script.graph, list(way)) for way in numbers]
    offsets = np.cumsum([0, *(len(line) for line in lines)])
    routes = {
        "rFrom": offsets.astype("<i4"),
        "rX": np.array([x for line in lines for x, _ in line], dtype="<f4"),
        "rY": np.array([y for line in lines for _, y in line], dtype="<f4"),
    }
    return routes, {
        "sDot": _ints((stay.dot for stay in stays), "<i4"),
        "sNode": _ints((box(stay.node) for stay in stays), "u1"),
        "sHome": _ints((box(stay.home) for stay in stays), "u1"),
        "sState": _ints((stay.state for stay in stays), "u1"),
        "sStart": _times(stay.start for stay in stays),
        "sEnd": _times(stay.end for stay in stays),
        "sUntil": _times(stay.until for stay in stays),
        "sPlace": _ints((stay.place for stay in stays), "<i2"),
        "sSub": _ints((stay.sub for stay in stays), "<i2"),
        "sBatch": _ints((stay.batch for stay in stays), "<i4"),
        "sCause": _ints((texts(stay.cause) for stay in stays), "<i4"),
        "sRoute": _ints((numbers.get(way, _NO_ROUTE) for way in ways), "<u2"),
        "sBefore": _ints(before, "<i4"),
    }


def _decisions(
    script: Script, nodes: dict[str, int], texts: Texts, patterns: Texts
) -> dict[str, np.ndarray[Any, Any]]:
    told = script.decisions
    dots = {
        f"{LETTER[KINDS[kind]]}{number}": place
        for place, (kind, number) in enumerate(
            zip(script.dots.kinds, script.dots.numbers, strict=True)
        )
    }
    values = [
        texts(value) if isinstance(value, str) else value for one in told for value in one.values
    ]
    return {
        "eAt": _times(one.at for one in told),
        "eKind": _ints((one.kind for one in told), "u1"),
        "ePattern": _ints((patterns(one.pattern) for one in told), "<u2"),
        "eNode": _ints(
            (nodes.get(script.shown.get(one.node, one.node), _NOWHERE) for one in told), "u1"
        ),
        "eDot": _ints((dots.get(one.about, -1) for one in told), "<i4"),
        "eFrom": np.cumsum([0, *(len(one.values) for one in told)]).astype("<i4"),
        "eValue": _ints(values, "<i4"),
    }


def _cells(script: Script, nodes: dict[str, int]) -> dict[str, np.ndarray[Any, Any]]:
    most = places.CELLS[0] * places.CELLS[1]
    drawn = (span for span in script.spans if span.place < most)  # the others are only counted
    spans = sorted(drawn, key=lambda span: span.start)
    return {
        "cEnvironment": _ints((span.environment for span in spans), "<i4"),
        "cNode": _ints((nodes.get(span.node, _NOWHERE) for span in spans), "u1"),
        "cPlace": _ints((span.place for span in spans), "<i2"),
        "cState": _ints((span.state for span in spans), "u1"),
        "cStart": _times(span.start for span in spans),
        "cEnd": _times(span.end for span in spans),
    }


def _windows(script: Script, nodes: dict[str, int]) -> dict[str, np.ndarray[Any, Any]]:
    windows = sorted(script.windows, key=lambda window: window.opened)
    return {
        "wBatch": _ints((window.batch for window in windows), "<i4"),
        "wNode": _ints((nodes[window.node] for window in windows), "u1"),
        "wLane": _ints((window.lane for window in windows), "<i2"),
        "wOpened": _times(window.opened for window in windows),
        "wDue": _times(window.due for window in windows),
        "wFlushed": _times(window.flushed for window in windows),
    }


def _film(script: Script) -> dict[str, np.ndarray[Any, Any]]:
    warp = script.warp
    return {
        "filmTime": warp.times,
        "filmAt": warp.film,
        "fastFrom": warp.fast[:, 0].astype(np.float64),
        "fastTo": warp.fast[:, 1].astype(np.float64),
    }


def _series(
    script: Script, nodes: dict[str, int]
) -> tuple[dict[str, list[int]], dict[str, np.ndarray[Any, Any]]]:
    """Where in the arrays each box's counts stand, by its number."""
    table, at, times, values = {}, 0, [np.zeros(0)], [np.zeros((0, 3), dtype=np.int64)]
    for name, one in script.series.items():
        if name in nodes:
            table[str(nodes[name])] = [at, at + len(one.times)]
            at += len(one.times)
            times.append(one.times.astype(np.float64))
            values.append(one.values)
    counts = np.concatenate(values).astype("<i4")
    return table, {"nAt": np.concatenate(times), **{f"n{k}": counts[:, k].copy() for k in range(3)}}


def _nodes(script: Script) -> list[dict[str, Any]]:
    found = []
    for name, box in script.layout.boxes.items():
        node = asdict(box.node)
        found.append({
            "name": name, "role": box.node.role, "label": box.node.label,
            "about": box.node.about, "x": box.x, "y": box.y, "w": box.width, "h": box.height,
            "size": int(node["settings"].get("size") or 0),
            "reserved": node["settings"].get("reserved"), "lanes": script.lanes.get(name, []),
        })  # fmt: skip
    return found


def _edges(script: Script) -> list[dict[str, Any]]:
    found = []
    for (a, b), label in script.graph.edges.items():
        path = script.layout.paths[a, b]
        x, y = script.layout.names.get((a, b), path[0])
        label = label if (a, b) in script.layout.names else ""
        letters = script.graph.nodes[b].role == "letters"
        found.append({
            "path": [value for point in path for value in point], "label": shortened(label, _NAME),
            "x": x, "y": y, "letters": letters, "to": b, "from": a,
        })  # fmt: skip
    return found
