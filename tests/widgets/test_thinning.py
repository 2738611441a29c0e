"""Of a trace with too many bars: failures stay, and so does what led to them and came of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lambdalab as ll
from lambdalab.widgets.viewer.bars import Bars, bars
from lambdalab.widgets.viewer.thinning import thinned


@pytest.fixture(scope="module")
def made() -> Bars:
    """Hundreds of runs of a queue and of callers, a few of which fail."""
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=0.2, failure_rate=0.03)
    orders = lab.sqs.create_queue("orders", visibility_timeout=30)
    lab.create_event_source_mapping(orders, "bill", batch_size=5, maximum_batching_window=1)
    lab.create_function("put", duration=0.1, failure_rate=0.01, dead_letter_queue="failed")
    lab.drive(orders, ll.Poisson(10), duration=60)
    lab.drive("put", ll.Poisson(10), duration=60, invocation_type="Event")
    lab.run()
    return bars(lab.trace)


def linked(made: Bars, nodes: set[int]) -> set[int]:
    """What leads to these things, and what comes of them."""
    pairs = list(zip(made.links.causes.tolist(), made.links.effects.tolist(), strict=True))
    return {e for c, e in pairs if c in nodes} | {c for c, e in pairs if e in nodes}


def test_what_led_to_a_failure_and_came_of_it_is_not_merged(made: Bars) -> None:
    fewer = thinned(made, [], most=len(made) // 2)
    assert fewer.merged > len(made) // 4
    failing = {int(node) for node in made.node[made.failing()]}
    near = linked(made, failing)
    assert len(near - failing) > 10
    for node in sorted(failing | near | linked(made, near)):
        assert told(fewer, node) == told(made, node)


def told(made: Bars, node: int) -> list[tuple[Any, ...]]:
    """The bars of one thing, as somebody sees them."""
    return [
        (float(made.start[p]), float(made.end[p]), made.sentence(int(p))) for p in made.of(node)
    ]


def test_what_is_merged_is_counted(made: Bars) -> None:
    fewer = thinned(made, [], most=len(made) // 2)
    rows = np.flatnonzero(fewer.numbers["row"] < 0)
    assert int(fewer.numbers["a"][rows].sum()) == fewer.merged
    assert len(fewer) - len(rows) + fewer.merged == len(made)
    assert thinned(made, [], most=len(made)) is made
