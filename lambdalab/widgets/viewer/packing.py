"""Bars as one block of bytes and a small dictionary: what the browser gets, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lambdalab.widgets.viewer.bars import Bars, legend
from lambdalab.widgets.viewer.findings import Found
from lambdalab.widgets.viewer.looks import LASTING, LOOKS
from lambdalab.widgets.viewer.parts import NODES, WHYS

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_TYPES = {
    "lane": "<u4", "look": "<u1", "kind": "<u1", "number": "<u4", "why": "<u1", "say": "<u2",
    "a": "<i4", "b": "<i4", "c": "<i4", "d": "<i4", "e": "<i4",
}  # fmt: skip
_ALIGN = 8


def packed(made: Bars) -> tuple[bytes, dict[str, list[Any]]]:
    """All columns one after another, and for each its type, where it begins, and its length."""
    columns: dict[str, Any] = {"start": made.start.astype("<f8"), "end": made.end.astype("<f8")}
    columns |= {name: made.numbers[name].astype(kind) for name, kind in _TYPES.items()}
    columns["told"] = made.told.astype("<u4")
    for name in ("causes", "effects", "home"):
        columns[name] = getattr(made.links, name).astype("<u4")
    blocks, places, at = [], {}, 0
    for name, column in columns.items():
        block = np.ascontiguousarray(column).tobytes()
        block += b"\0" * (-len(block) % _ALIGN)
        places[name] = [column.dtype.str[1:], at, len(column)]
        blocks.append(block)
        at += len(block)
    return b"".join(blocks), places


def described(trace: Trace, made: Bars, found: list[Found]) -> dict[str, Any]:
    """Everything that is no column: names, looks, sentences with gaps, findings."""
    counts = dict(legend(made))
    return {
        "groups": [
            {"kind": g.kind, "name": g.name, "first": g.first, "lanes": g.lanes, "labels": g.labels}
            for g in made.groups
        ],
        "looks": [
            {"key": k.key, "label": k.label, "colour": k.colour, "pattern": k.pattern,
             "share": k.share, "failing": k.failing, "count": counts.get(place, 0)}
            for place, k in enumerate(LOOKS)
        ],
        "texts": made.texts, "says": made.says, "whys": [list(why) for why in WHYS],
        "lasting": sorted(LASTING),
        "nodes": NODES, "base": made.links.base.tolist(),
        "tails": _tails(trace), "last": made.last, "bars": len(made), "merged": made.merged,
        "findings": [{"what": f.what, "bar": f.bar, "said": f.said} for f in found],
    }  # fmt: skip


def _tails(trace: Trace) -> dict[str, str]:
    """What stands behind the number in a full id, and the letter of its kind."""
    kinds = {"request": "r", "attempt": "a", "batch": "b", "message": "m", "environment": "e"}
    return {getattr(trace.ids, kind)(1)[8:]: letter for kind, letter in kinds.items()}
