"""From a slider's move to the new picture, at a thousand invocations where the question has so many."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from benchmarks.table import Row, missing
from benchmarks.timing import clock

WHAT, AIM = "slider to picture, 1,000 invocations", "<= 100 ms"
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "SyncAsyncExplorer": {"failing": True, "api": True, "client_tries": 3},
    "BackoffExplorer": {"kind": "throttle"},
    "BatchingExplorer": {"rate": 34.0, "seconds": 30.0, "batch_size": 1, "window": 0},
    "VisibilityExplorer": {"messages": 1000},
    "ThrottleTrapExplorer": {"messages": 1700},
    "ConcurrencyExplorer": {"rate": 20.0, "arrivals": "poisson", "calls": 1000, "duration": 2.0},
    "ShardExplorer": {
        "records": 1000, "batch_size": 1, "maximum_retry_attempts": 3, "poison": 417,
    },
    "MemoryCostExplorer": {"cpu_seconds": 0.3, "waiting": 0.5},
}  # fmt: skip
"""About a thousand invocations; one order, one event and one function's sizes have fewer of themselves."""
MORE = {"burst of 5,000": ("ConcurrencyExplorer", {"preset": "burst of 5,000"})}
"""What is not at a thousand."""


def rows(rounds: int) -> Iterator[Row]:
    """One line for each explorer."""
    if importlib.util.find_spec("lambdalab.widgets") is None:
        yield missing(WHAT, AIM, "lambdalab.widgets is not there yet")
        return
    import lambdalab.widgets as widgets

    asked = {name: (name, settings) for name, settings in SETTINGS.items()}
    for title, (name, settings) in {**asked, **MORE}.items():
        made = getattr(widgets, name, None)
        if made is None:
            yield missing(f"{title}: slider to picture", AIM, "not there yet")
            continue
        yield measured(title, made(**settings), max(rounds, 5))


def measured(title: str, explorer: Any, turns: int) -> Row:
    """The quickest of so many moves."""
    move(explorer, -1)
    times = [clock(partial(move, explorer, turn)) for turn in range(turns)]
    ms = 1000 * min(times)
    many = len(explorer.trace.invocations)
    explorer.close()
    seen = f"{ms:.0f} ms, {many:,} invocation{'s' if many != 1 else ''}"
    return Row(f"{title}: slider to picture", AIM, seen, ms <= 100)


def move(explorer: Any, turn: int) -> None:
    """What a slider's move does: another seed, so that nothing is cached."""
    explorer.seed = turn + 100
