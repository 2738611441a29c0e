"""Where the runs happen: in this process, in others of this machine, or on a cluster."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor
from functools import partial
from typing import Any, Protocol

from lambdalab.errors import InvalidSetting
from lambdalab.kernel.outside import monotonic
from lambdalab.sweeps.plan import Plan, Task
from lambdalab.sweeps.scenario import told
from lambdalab.sweeps.work import Outcome, attempt, needs_main, pack, work

Done = tuple[Task, Outcome]
_SOON = 2.0
"""Seconds of work that this process does alone: others take about one to begin."""
_AHEAD = 1_000
"""Runs at most that a cluster has been asked for and not answered yet."""
_LOOK = 1.0  # seconds; on Windows Ctrl-C does not end a wait


class Packed:
    """The runs of a plan as they are sent to where they happen."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        scenario = plan.scenario
        self.scenario = pack((scenario.given, scenario.metrics), "the scenario")
        self.points = [pack(point, "a value of the grid") for point in plan.points]

    @property
    def needs_main(self) -> bool:
        """Whether the main program must be run where the runs happen."""
        return any(map(needs_main, (self.scenario, *self.points)))

    def arguments(self, task: Task) -> tuple[Any, ...]:
        """What :func:`~.work.work` needs for a run."""
        return self.scenario, self.points[task.point], self.plan.seeds[task.seed]


class Future(Protocol):
    """What an executor gives for a call: a future of this machine's, or of Dask's."""

    def add_done_callback(self, fn: Callable[[Any], object], /) -> None:
        """Call ``fn(future)`` when it is done, in whichever thread."""

    def result(self) -> Any:
        """What the call gave."""

    def cancel(self) -> Any:
        """Do not begin it any more."""


def here(plan: Plan, tasks: Sequence[Task]) -> Iterator[Done]:
    """One after the other, in this process."""
    for task in tasks:
        yield task, attempt(plan.scenario, plan.points[task.point], plan.seeds[task.seed])


def here_while_short(plan: Plan, tasks: Sequence[Task]) -> Iterator[Done]:
    """In this process until it is plain that it would take long; then the rest is left."""
    began = monotonic()
    for number, done in enumerate(here(plan, tasks), 1):
        yield done
        each = (monotonic() - began) / number
        if each * number >= _SOON / 2 and each * (len(tasks) - number) >= _SOON:
            return


def on_client(packed: Packed, tasks: Sequence[Task], client: Any) -> Iterator[Done]:
    """On a Dask client, or on any executor of :mod:`concurrent.futures`."""
    if not callable(getattr(client, "submit", None)):
        raise InvalidSetting("client", client, "a Dask client: dask.distributed.Client(...)")
    submit = client.submit
    if not isinstance(client, Executor):
        submit = partial(submit, pure=False)  # Dask need not look whether it has done that before
    for task, future in submitted(submit, packed, tasks, _AHEAD):
        try:
            yield task, future.result()
        except (Exception, CancelledError) as error:
            yield task, Outcome({}, told(error), final=False)


def submitted(
    submit: Callable[..., Future], packed: Packed, tasks: Sequence[Task], ahead: int
) -> Iterator[tuple[Task, Future]]:
    """The runs' futures as they are done; never more than ``ahead`` are under way.

    An error of ``submit`` ends it; those under way are still waited for. Left early, it takes back what
    has not begun.
    """
    ready: queue.SimpleQueue[tuple[Task, Future]] = queue.SimpleQueue()
    waiting: dict[Task, Future] = {}
    left = iter(tasks)
    problem: Exception | None = None

    def tell(task: Task, future: Future) -> None:
        ready.put((task, future))

    def fill() -> Exception | None:
        for task in left:
            try:
                future = submit(work, *packed.arguments(task))
            except Exception as error:
                return error
            waiting[task] = future
            future.add_done_callback(partial(tell, task))
            if len(waiting) >= ahead:
                break
        return None

    try:
        problem = fill()
        while waiting:
            try:
                task, future = ready.get(timeout=_LOOK)
            except queue.Empty:
                continue
            del waiting[task]
            problem = problem or fill()
            yield task, future
    finally:
        for future in waiting.values():
            future.cancel()
    if problem is not None:
        raise problem


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
