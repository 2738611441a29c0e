"""``ll.sweep``: the same scenario at every point of a grid, with every seed.

Common random numbers: all points get the same seeds, so that run 3 of each sees the same traffic, and a
difference between points is the settings', not chance's (:meth:`.result.Sweep.difference` uses it).

What runs it is no part of the result: this process, others of this machine (started afresh, each found
again when it dies), or the workers of a cluster (what a lost one had is run again). With two points of a
setting of your own and a Dask cluster::

    found = ll.sweep(my_scenario, {"rate": [5, 50]}, seeds=100, client=Client(cluster), folder="sweep")

What is refused before anything runs: a setting that the scenario has not
(:class:`~lambdalab.errors.UnknownSetting`); a grid, seeds or a scenario that cannot be one
(:class:`~lambdalab.errors.InvalidSetting`); a folder that holds another sweep or something else
(:class:`~lambdalab.errors.LabError`). A *value* that a setting cannot have is no error of the sweep, for
the other points are good: the runs of that point are rows with their error, like every run that fails.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

from lambdalab.errors import InvalidSetting
from lambdalab.progress import counted
from lambdalab.sweeps.executors import Done, Packed, cores, here, here_while_short, on_client
from lambdalab.sweeps.plan import Grid, Plan, Task
from lambdalab.sweeps.processes import check_outside, on_processes
from lambdalab.sweeps.result import Sweep
from lambdalab.sweeps.scenario import Scenario, Seed
from lambdalab.sweeps.store import Store
from lambdalab.sweeps.work import Outcome, Unpackable


def sweep(
    scenario: Any,
    grid: Grid,
    seeds: int | Iterable[Seed] = 20,
    client: Any = None,
    *,
    metrics: Callable[[Any], Any] | None = None,
    workers: int | None = None,
    folder: str | Path | None = None,
) -> Sweep:
    """Run a scenario with every combination of settings, each with many seeds.

    All points get the same seeds, and the result is the same wherever the runs happen:
    :mod:`lambdalab.sweeps.sweeping` says more, and what is refused.

    Parameters
    ----------
    scenario
        A class of :mod:`lambdalab.scenarios`, an instance of one (its other settings stay), one of its
        functions, or your own ``f(seed=3, **settings)`` that gives a trace or a mapping of numbers.
    grid
        ``{setting: values}``: every combination, the last changing fastest. Or a list of points,
        ``{setting: value}`` each. ``{}`` is one point: how much do the seeds alone differ?
    seeds
        How many (0, 1, 2 ... are taken), or the seeds themselves.
    client
        A Dask client, or any executor of :mod:`concurrent.futures`: the runs happen on its workers.
    metrics
        A function: trace to mapping of numbers (or None). By default :mod:`lambdalab.trace.figures`.
    workers
        Processes of this machine (1: only this one); by default one a processor where it takes long.
    folder
        Where results are kept as Parquet. The same sweep on the same folder goes on where it was stopped.

    Returns a :class:`~lambdalab.sweeps.Sweep`: a DataFrame with a row for each point of the grid.

    Example
    -------
    >>> import lambdalab as ll
    >>> found = ll.sweep(ll.scenarios.Batching, {"window": [0, 5]}, seeds=4)
    >>> found.short("batches", "batch_mean")
       window      batches   batch_mean
    0       0  92.25 ± 7.2            1
    1       5  11.25 ± 1.5  8.245 ± 1.3
    """
    plan, store = _prepared(Scenario(scenario, metrics), grid, seeds, workers, folder)
    done: dict[Task, Outcome] = {} if store is None else dict(store.done)
    tasks = [task for task in plan.tasks() if task not in done]
    outcomes = _outcomes(plan, tasks, client, workers)
    try:
        for task, outcome in counted(outcomes, "sweep", total=len(tasks), unit="runs"):
            done[task] = outcome
            if store is not None:
                store.add(task, outcome)
    finally:
        outcomes.close()
        if store is not None:
            store.write()
    return Sweep.of(plan, done)


def _prepared(
    scenario: Scenario,
    grid: Grid,
    seeds: int | Iterable[Seed],
    workers: object,
    folder: str | Path | None,
) -> tuple[Plan, Store | None]:
    """The plan and the folder's store; raises for what cannot be, before anything runs."""
    check_outside()
    good = isinstance(workers, int) and not isinstance(workers, bool) and workers >= 1
    if workers is not None and not good:
        raise InvalidSetting("workers", workers, "a whole number of processes, 1 or more")
    plan = Plan.of(scenario, grid, seeds)
    return plan, None if folder is None else Store(folder, plan)


def _outcomes(
    plan: Plan, tasks: list[Task], client: Any, workers: int | None
) -> Generator[Done, None, None]:
    """The outcomes of the runs, in the order in which they end."""
    if client is not None:
        yield from on_client(Packed(plan), tasks, client)
        return
    if workers is None and cores() > 1:
        left = dict.fromkeys(tasks)
        for task, outcome in here_while_short(plan, tasks):
            del left[task]
            yield task, outcome
        tasks = list(left)
    elsewhere = workers or cores()
    if elsewhere > 1 and tasks:
        try:
            packed = Packed(plan)
        except Unpackable as why:
            warnings.warn(f"{why}; all runs happen in this process", stacklevel=4)
        else:
            yield from on_processes(packed, tasks, elsewhere)
            return
    yield from here(plan, tasks)
