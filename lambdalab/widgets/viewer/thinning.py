"""Of a trace with too many bars for a browser: what went wrong and all around it, the rest merged.

Nothing that failed is merged, nor what is linked to it, nor what the findings show. Other bars of one
lane and look that stand closer than a pixel of a usual view are sent as one, which says how many it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from lambdalab.widgets.viewer.bars import Bars, told
from lambdalab.widgets.viewer.links import Links
from lambdalab.widgets.viewer.parts import Ints, Mask

MOST = 400_000
"""Bars that are sent one by one."""

_STEPS = (20_000, 5_000, 1_200, 300)
"""Parts of the whole time within which quiet bars are merged: finer ones first, if they will do."""

_HOPS = 4
_SAID = "{a} bars in a row, too many to be sent one by one: they take {took} together"


def thinned(made: Bars, shown: Iterable[int], most: int | None = None) -> Bars:
    """The same bars, or fewer that tell as much; ``shown`` are things that stay with all their chain.

    What is kept keeps its numbers and links.
    """
    most = MOST if most is None else most
    if len(made) <= most:
        return made
    keep = _kept_nodes(made, shown)
    single = keep[made.node] | made.failing()
    rest = np.flatnonzero(~single)
    for steps in _STEPS:
        first, count, end = _runs(made, rest, steps)
        if int(single.sum()) + len(first) <= most:
            break
    places = np.concatenate([np.flatnonzero(single), rest[first]])
    numbers = {name: values[places].copy() for name, values in made.numbers.items()}
    merged = np.zeros(len(places), dtype=bool)
    merged[int(single.sum()) :] = count > 1
    says = [*made.says, _SAID]
    ends, node = made.end[places], made.node[places].copy()
    ends[int(single.sum()) :] = end
    numbers["a"][int(single.sum()) :][count > 1] = count[count > 1]
    for name, value in (("say", len(made.says)), ("row", -1), ("kind", 0), ("number", 0)):
        numbers[name][merged] = value
    node[merged] = 0
    order = np.lexsort((made.start[places], numbers["look"], numbers["lane"]))
    numbers = {name: values[order] for name, values in numbers.items()}
    start = made.start[places][order]
    return replace(
        made, start=start, end=ends[order], node=node[order], numbers=numbers, says=says,
        told=told(start, ends[order], numbers), links=_between(made.links, keep),
        merged=int(count[count > 1].sum()),
    )  # fmt: skip


def _kept_nodes(made: Bars, shown: Iterable[int]) -> Mask:
    links = made.links
    keep = np.zeros(int(links.base[-1]) + 1, dtype=bool)
    keep[made.node[made.failing()]] = True
    for _ in range(_HOPS):
        keep[links.effects[keep[links.causes]]] = True
        keep[links.causes[keep[links.effects]]] = True
    for node in shown:
        keep |= links.chain(node)
    keep[0] = False
    return keep


def _between(links: Links, keep: Mask) -> Links:
    some = keep[links.causes] | keep[links.effects]
    return replace(links, causes=links.causes[some], effects=links.effects[some])


def _runs(
    made: Bars, rest: Ints, steps: int
) -> tuple[Ints, Ints, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Runs of neighbouring bars: the first of each among ``rest``, how many, and where it ends."""
    near = max(made.last, 1e-6) / steps
    start, end = made.start[rest], made.end[rest]
    key = made.numbers["lane"][rest] * 256 + made.numbers["look"][rest]
    fresh = np.append(True, key[1:] != key[:-1])
    # one lane after another on one axis, so that a running maximum serves them all
    offset = np.cumsum(fresh) * (made.last + 2 * near + 1.0)
    reach = np.maximum.accumulate(end + offset)
    fresh[1:] |= (start[1:] + offset[1:]) > reach[:-1] + near
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], len(rest)) - 1
    return first, last - first + 1, reach[last] - offset[last]
