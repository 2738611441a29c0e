"""From a slider's move to the new picture, at a thousand invocations."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks.table import Row, missing
from benchmarks.timing import clock

WHAT, AIM = "slider to picture, 1,000 invocations", "<= 100 ms"
EXPLORERS = ("SyncAsyncExplorer", "BackoffExplorer", "BatchingExplorer")


def rows(rounds: int) -> Iterator[Row]:
    """One line for each explorer."""
    if importlib.util.find_spec("lambdalab.widgets") is None:
        yield missing(WHAT, AIM, "lambdalab.widgets is not there yet")
        return
    import lambdalab.widgets as widgets

    for name in EXPLORERS:
        made = getattr(widgets, name, None)
        if made is None:
            yield missing(f"{WHAT}: {name}", AIM, "not there yet")
            continue
        explorer = made()
        times = [clock(partial(move, explorer, turn)) for turn in range(max(rounds, 5))]
        ms = 1000 * min(times)
        yield Row(f"{name}: slider to picture", AIM, f"{ms:.0f} ms", ms <= 100)


def move(explorer: Any, turn: int) -> None:
    """What a slider's move does: another seed, so that nothing is cached."""
    explorer.seed = turn + 1
