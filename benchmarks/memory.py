"""Bytes: an invocation in the books, and a handler asleep.

``python -m benchmarks.memory SLEEPERS`` prints the bytes that so many sleeping handlers take.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from typing import Any

import lambdalab as ll
from benchmarks.ours import PLENTY, modelled_lab
from benchmarks.table import Row
from benchmarks.timing import in_own_process, resident_bytes

INVOCATIONS, SLEEPERS = 20_000, 10_000
MB = 1e6


def bytes_per_invocation() -> float:
    """Packed rows of a modelled, synchronous invocation."""
    lab = modelled_lab(INVOCATIONS)
    lab.run()
    return lab.trace._recorder.nbytes / INVOCATIONS


def sleeping_bytes(sleepers: int) -> int:
    """What a process grows by while so many handlers sleep at once; only right in a fresh one."""
    lab = ll.Lab(seed=1, quotas=PLENTY)

    @lab.function(timeout=900)
    def sleepy(event: Any, context: Any) -> None:
        time.sleep(600)

    lab.invoke(sleepy)  # everything imported, the pool begun
    lab.drive(sleepy, ll.Burst(sleepers))
    gc.collect()
    before = resident_bytes()
    lab.run(until=lab.elapsed + 300)
    after = resident_bytes()  # before any table is built: that brings pandas
    asleep = int((lab.trace.attempts["outcome"] == "running").sum())
    if asleep != sleepers:
        raise RuntimeError(f"{asleep} handlers are asleep, not {sleepers}")
    lab.run()
    return after - before


def rows() -> Iterator[Row]:
    """The lines of the table."""
    size = bytes_per_invocation()
    yield Row(
        "memory: an invocation in the books", "<= 150 bytes", f"{size:.0f} bytes", size <= 150
    )
    grown = int(in_own_process("benchmarks.memory", str(SLEEPERS)))
    seen = f"{grown / MB:.0f} MB ({grown / SLEEPERS / 1024:.1f} KiB each)"
    yield Row(f"memory: {SLEEPERS:,} handlers asleep", "<= 100 MB", seen, grown <= 100 * MB)


if __name__ == "__main__":
    print(sleeping_bytes(int(sys.argv[1])))
