"""Ten times the invocations must take ten times as long, however many environments live."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import lambdalab as ll
from benchmarks.ours import modelled_lab, modelled_seconds, seconds_to_the_end
from benchmarks.peers import WARM
from benchmarks.table import Row
from benchmarks.timing import interleaved

FULL, QUICK = 100_000, 20_000
LIVE, STEADY_REQUESTS, WARM_UP = (2, 10_000), 60_000, 10 * WARM
FLAT = 1.5  # times: a heap of 10,000 ends is 13 levels deep, and does not fit the first cache
MIXED_REQUESTS = 4_000
MIXED = 4  # times: a call that goes the long way does three times the work of one that need not


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

    mixed = interleaved({"alone": partial(modelled_seconds, few), "mixed": mixed_seconds}, rounds)
    ratio = mixed["mixed"] / mixed["alone"]
    seen = (
        f"{ratio:.2f} x ({mixed['alone'] * 1e6:.2f} us alone, {mixed['mixed'] * 1e6:.2f} us mixed)"
    )
    yield Row("growth: beside traffic of another kind", f"<= {MIXED} x", seen, ratio <= MIXED)


def steady_seconds(live: int) -> float:
    """Seconds per invocation when so many environments live; they have been started before."""
    rate = live / WARM
    lab = modelled_lab(round(rate * WARM_UP) + STEADY_REQUESTS, rate)
    lab.run(until=WARM_UP)
    served = len(lab.trace.attempts)
    seconds = seconds_to_the_end(lab)
    return seconds / (len(lab.trace.attempts) - served)


def mixed_seconds() -> float:
    """Seconds per invocation of two functions in turn, one with durations that need the event."""
    lab = ll.Lab(seed=1)
    lab.create_function("plain", duration=ll.Exponential(0.1))
    lab.create_function("by-event", duration=lambda event: 0.1)
    for name in ("plain", "by-event"):
        lab.drive(name, ll.Poisson(10), count=MIXED_REQUESTS // 2)
    return seconds_to_the_end(lab) / MIXED_REQUESTS
