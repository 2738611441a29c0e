"""``ll.sweep``: the same scenario at every point of a grid, with every seed."""

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

    All points of the grid get the same seeds (common random numbers): run 3 of each sees the same traffic,
    so that a difference between points is the settings', not chance's. The result is the same, to the last
    bit, wherever the runs happen and in whichever order they end.

    Parameters
    ----------
    scenario
        A class of :mod:`lambdalab.scenarios`, an instance of one (its other settings stay as they are),
        one of its functions, or a function of your own: ``f(seed=3, **settings)`` that gives a trace or a
        mapping of numbers.
    grid
        ``{setting: values}``: every combination, the last setting changing fastest. Or a list of
        ``{setting: value}``, each a point. ``{}`` is one point: how much do the seeds alone differ?
    seeds
        How many (0, 1, 2 ... are taken), or the seeds themselves.
    client
        A Dask client (``dask.distributed.Client``): the runs happen on its workers, which need lambdalab;
        a worker that is lost loses nothing. Or any executor of :mod:`concurrent.futures`.
    metrics
        What is read off a run: a function that makes of a trace (or of what else the scenario gives) a
        mapping of numbers, None where there is nothing. By default
        :func:`lambdalab.trace.figures.figures`.
    workers
        Processes of this machine. By default as many as it has cores, and none for what takes only a few
        seconds; 1 runs everything in this process.
    folder
        Where results are kept as Parquet, point by point. The same sweep on the same folder goes on where
        the last one was stopped; another sweep is refused.

    Returns
    -------
    Sweep
        A DataFrame with a row for each point: settings, ``runs``, ``failed_runs``, ``error``, and each
        metric with ``_low`` and ``_high``, the 95 % interval of its mean (Student's t over the seeds). Its
        ``by_run`` has a row for each run, its ``difference(a, b)`` compares two points run by run.

    Raises
    ------
    UnknownSetting
        For a setting that the scenario has not, before anything runs.
    InvalidSetting
        For a grid, seeds or a scenario that cannot be one. A *value* that a setting cannot have is no
        error of the sweep: the runs of that point are rows with their error, like every run that fails.
    LabError
        For a folder that holds something else.

    Example
    -------
    >>> import lambdalab as ll
    >>> found = ll.sweep(ll.scenarios.Batching, {"window": [0, 5]}, seeds=4)
    >>> found.short("batches", "batch_mean")
       window      batches   batch_mean
    0       0  92.25 ± 7.2            1
    1       5  11.25 ± 1.5  8.245 ± 1.3
    >>> found.difference({"window": 0}, {"window": 5}).loc["batches", "difference"]
    np.float64(-81.0)
    """
    check_outside()
    plan = Plan.of(Scenario(scenario, metrics), grid, seeds)
    if workers is not None and (
        isinstance(workers, bool) or not isinstance(workers, int) or workers < 1
    ):
        raise InvalidSetting("workers", workers, "a whole number of processes, 1 or more")
    store = None if folder is None else Store(folder, plan)
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
