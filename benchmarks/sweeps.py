"""A sweep of 1,000 runs: one process, two, and a Dask cluster of two workers that loses one midway.

All three must find the same, to the last bit. ``python -m benchmarks --only sweeps``.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from benchmarks.table import Row, missing
from benchmarks.timing import ROOT

GRID = {"batch_size": [1, 5, 10, 100, 1_000], "window": [1, 2, 5, 10, 20]}
SEEDS, RATE, SECONDS = 40, 20.0, 30.0
RUNS = len(GRID["batch_size"]) * len(GRID["window"]) * SEEDS
SPEED_UP, ENOUGH_CORES = 1.6, 2


def rows() -> Iterator[Row]:
    """Seconds of each way, and whether it found the same as one process did."""
    what = f"sweep of {RUNS:,} runs"
    alone, one = timed(lambda: swept(workers=1))
    each = 1000 * one / RUNS
    yield Row(
        f"{what}: one process", "every run counts", f"{one:.1f} s, {each:.1f} ms a run", good(alone)
    )
    before = of_processes()
    several, two = timed(lambda: swept(workers=2))
    row = compared(f"{what}: two processes", alone, several, one, two, f">= {SPEED_UP:g} x, equal")
    busy = of_processes() - before  # less than twice the wall's: the machine did something else
    yield replace(row, seen=f"{row.seen}; {busy:.1f} s of processors")
    if not importlib.util.find_spec("distributed"):
        yield missing(f"{what}: Dask, a worker killed", "equal", "dask is not installed")
        return
    with cluster() as client:
        clustered, three = timed(lambda: swept(client=client))
        yield compared(f"{what}: Dask, two workers", alone, clustered, one, three, "equal")
        losing = Losing(client, at=RUNS // 2)
        clustered, four = timed(lambda: swept(client=losing))
        row = compared(f"{what}: Dask, a worker killed", alone, clustered, one, four, "equal")
        yield row if losing.killed else missing(row.what, row.aim, "no worker was killed")


def swept(**where: Any) -> Any:
    """The sweep, wherever it happens."""
    import lambdalab as ll

    scenario = ll.scenarios.Batching(rate=RATE, seconds=SECONDS)
    return ll.sweep(scenario, GRID, seeds=SEEDS, **where)


def of_processes() -> float:
    """Processor seconds of all processes that this one has started and that are over."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What the work gave, and its seconds on the wall's clock: several processes share it."""
    began = time.perf_counter()
    return work(), time.perf_counter() - began


def good(found: Any) -> bool:
    """Whether no run failed."""
    return len(found.by_run) == RUNS and not found["failed_runs"].any()


def compared(what: str, alone: Any, found: Any, one: float, seconds: float, aim: str) -> Row:
    """A line: seconds, how much faster than one process, and whether every number is the same."""
    same = good(found) and found.by_run.equals(alone.by_run) and found.equals(alone)
    fast = one / seconds >= SPEED_UP or "x" not in aim or (os.cpu_count() or 1) < ENOUGH_CORES
    told = f"{seconds:.1f} s, {one / seconds:.2f} x; {'equal' if same else 'NOT equal'}"
    return Row(what, aim, told, same and fast)


@contextlib.contextmanager
def cluster() -> Iterator[Any]:
    """A client of a cluster of two processes, which find this clone's lambdalab."""
    from dask.distributed import Client, LocalCluster

    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    quiet = {"dashboard_address": None, "silence_logs": logging.CRITICAL}
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, **quiet) as cluster,
        Client(cluster) as client,
    ):
        yield client


class Losing:
    """A client whose cluster loses a worker when so many runs have been done."""

    def __init__(self, client: Any, at: int) -> None:
        self._client, self._at, self._done, self.killed = client, at, 0, False
        self._worker = next(iter(client.run(os.getpid).values()))

    def submit(self, *args: Any, **how: Any) -> Any:
        """Send a run."""
        future = self._client.submit(*args, **how)
        future.add_done_callback(self._count)
        return future

    def _count(self, _: object) -> None:
        self._done += 1
        if self._done == self._at:
            os.kill(self._worker, signal.SIGKILL)
            self.killed = True
