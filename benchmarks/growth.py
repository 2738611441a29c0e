"""Ten times the invocations must take ten times as long, however many environments live."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.ours import modelled_seconds
from benchmarks.peers import WARM
from benchmarks.table import Row
from benchmarks.timing import interleaved

FULL, QUICK = 100_000, 20_000
LIVE, FLAT_REQUESTS = (2, 10_000), 60_000
FLAT = 1.25  # times; the heap of 10,000 pending ends is four levels deeper


def rows(full: bool, rounds: int) -> Iterator[Row]:
    """The lines of the table. ``full`` goes to a million invocations."""
    few = FULL if full else QUICK
    seconds = interleaved(
        {"few": lambda: modelled_seconds(few), "many": lambda: modelled_seconds(10 * few)},
        min(rounds, 3) if full else rounds,
    )
    ratio = 10 * seconds["many"] / seconds["few"]
    note = "" if full else "; --full for 1,000,000"
    seen = f"{ratio:.1f} x ({few:,} to {10 * few:,}{note})"
    yield Row("growth: time for ten times as many", "<= 11 x", seen, ratio <= 11)

    flat = interleaved({f"{live:,} live": partial(steady_seconds, live) for live in LIVE}, rounds)
    least, most = flat.values()
    parts = ", ".join(f"{seconds * 1e6:.2f} us with {name}" for name, seconds in flat.items())
    what, aim = "growth: in the number of live environments", f"flat (<= {FLAT} x)"
    yield Row(what, aim, f"{most / least:.2f} x ({parts})", most / least <= FLAT)
