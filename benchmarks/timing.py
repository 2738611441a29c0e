"""Timing on a machine that others use too: interleaved rounds, and the quiet minimum of each."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

Contender = Callable[[], float]
"""Does its work and returns seconds per unit of it."""


def clock(work: Callable[[], object]) -> float:
    """Seconds of processor time that the work took, the garbage of earlier work collected before.

    Everything measured here computes in one thread and waits for nothing, so this is what a clock on
    the wall would show on a machine of one's own.
    """
    gc.collect()
    before = time.process_time()
    work()
    return time.process_time() - before


def interleaved(contenders: Mapping[str, Contender], rounds: int) -> dict[str, float]:
    """Let everybody run once per round; the least seconds per unit of each.

    A disturbance hits a few runs of everybody rather than all runs of one.
    """
    seen: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            seen[name].append(contender())
    return {name: min(times) for name, times in seen.items()}


def resident_bytes() -> int:
    """Memory this process holds now (Linux), or has held at most (elsewhere)."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        scale = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


def in_own_process(module: str, *arguments: str) -> str:
    """The output of ``python -m module``: for what needs a process that has done nothing else."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
