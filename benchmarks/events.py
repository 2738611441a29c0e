"""Thousands of asynchronous events that find no concurrency free: each throttle is a row of two tables."""

from __future__ import annotations

from collections.abc import Iterator

import lambdalab as ll
from benchmarks.ours import seconds_to_the_end
from benchmarks.table import Row
from benchmarks.timing import interleaved

EVENTS, SECONDS = 5_000, 3.0


def rows(rounds: int) -> Iterator[Row]:
    """The lines of the table: a long queue in front of ten environments, and a burst that scales."""
    seconds = interleaved({"reserved": reserved_seconds, "burst": burst_seconds}, rounds)
    for name, what in (
        ("reserved", f"{EVENTS:,} events of 1 s, reserved concurrency 10"),
        ("burst", f"{EVENTS:,} events of 60 s, account limit {EVENTS:,}"),
    ):
        seen = f"{seconds[name]:.2f} s, every row of the books written"
        yield Row(what, f"<= {SECONDS:g} s", seen, seconds[name] <= SECONDS)


def reserved_seconds() -> float:
    """Seconds until the last of the events has found one of ten environments free."""
    return _all_at_once(ll.Lab(seed=7), duration=1.0, reserved_concurrency=10)


def burst_seconds() -> float:
    """Seconds until all have run where only the scaling rate holds back."""
    lab = ll.Lab(seed=7, quotas={"account_concurrency": EVENTS})
    return _all_at_once(lab, duration=60.0, timeout=100)


def _all_at_once(lab: ll.Lab, **settings: object) -> float:
    lab.create_function("bill", **settings)
    lab.drive("bill", ll.Burst(EVENTS), invocation_type="Event")
    return seconds_to_the_end(lab)
