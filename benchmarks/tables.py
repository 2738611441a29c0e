"""From packed rows to DataFrames."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from benchmarks.ours import modelled_lab
from benchmarks.table import Row
from benchmarks.timing import clock, interleaved
from lambdalab.trace import Trace

ROWS = 1_000_000
TABLES = ("invocations", "attempts", "requests")  # one row each for a synchronous invocation


def rows(rounds: int) -> Iterator[Row]:
    """The line of the table: a million rows in all, and each of its tables alone."""
    lab = modelled_lab(ROWS // len(TABLES))
    lab.run()
    recorder = lab.trace._recorder

    def build(*names: str) -> float:
        trace = Trace(recorder)  # a new one has nothing cached
        frames: list[pd.DataFrame] = []
        return clock(lambda: frames.extend(getattr(trace, name) for name in names))

    contenders = {name: lambda name=name: build(name) for name in TABLES}
    seconds = interleaved({"all": lambda: build(*TABLES)} | contenders, rounds)
    parts = ", ".join(f"{name} {seconds[name]:.3f}" for name in TABLES)
    seen = f"{seconds['all']:.3f} s ({parts})"
    yield Row(f"{ROWS:,} trace rows to DataFrames", "<= 0.15 s", seen, seconds["all"] <= 0.15)
