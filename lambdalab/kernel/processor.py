"""The vCPUs of one execution environment, shared by those of its threads that compute at once.

Threads share evenly, none gets more than one vCPU: with n of them on c vCPUs each advances at
min(1, c/n). Sums are exact fractions, ends are rounded up to whole microseconds once, so a run repeats
to the microsecond.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from lambdalab.kernel.task import Task

if TYPE_CHECKING:
    from lambdalab.kernel.tasks import Tasks

_ONE = Fraction(1)


class Work:
    """What one task computes: on so many threads, until each has had ``until`` of service."""

    __slots__ = ("task", "threads", "until")

    def __init__(self, task: Task, threads: int, until: Fraction) -> None:
        self.task, self.threads, self.until = task, threads, until


class Processor:
    """Lets tasks of one environment compute.

    Parameters: ``vcpus``, how many it has; a fraction.
    """

    __slots__ = ("_paused", "_service", "_since", "_threads", "_vcpus", "_works")

    def __init__(self, vcpus: Fraction = _ONE) -> None:
        self._vcpus = vcpus
        self._works: dict[Task, Work] = {}
        self._threads = 0
        self._service = Fraction(0)  # microseconds of vCPU time that each thread has had
        self._since = 0
        self._paused = False

    @property
    def vcpus(self) -> Fraction:
        """How many vCPUs there are; what computes now goes on at the new pace."""
        return self._vcpus

    @vcpus.setter
    def vcpus(self, vcpus: Fraction) -> None:
        with_others = next(iter(self._works), None)
        if with_others is not None:
            self._advance(with_others.tasks.scheduler.now)
        self._vcpus = vcpus
        self._time_all()

    def work_us(self, wall_us: int) -> int:
        """How much vCPU time a single thread gets in so much time, when nobody else computes."""
        return int(wall_us * min(self._vcpus, _ONE))

    def use(self, task: Task, work_us: int, threads: int = 1) -> None:
        """Let the running task use so many microseconds of vCPU time, on so many threads at once.

        Raises what a sleep raises: :class:`~lambdalab.kernel.task.TimedOut` at the deadline.
        """
        if work_us <= 0:
            return
        tasks = task.tasks
        self._advance(tasks.scheduler.now)
        before = self._pace()
        work = Work(task, threads, self._service + Fraction(work_us, threads))
        self._works[task] = work
        self._threads += threads
        task.computes = self
        if self._pace() == before:
            self._time(work)
        else:
            self._time_all()
        tasks.park(task)

    def drop(self, task: Task) -> None:
        """The task computes no longer: it is done, or was killed."""
        task.computes = None
        work = self._works.get(task)
        if work is None:
            return
        self._advance(task.tasks.scheduler.now)
        before = self._pace()
        del self._works[task]
        self._threads -= work.threads
        if not self._works:
            self._service = Fraction(0)  # keeps the fractions short
        elif self._pace() != before:
            self._time_all()

    def pause(self) -> None:
        """The environment is frozen between two invocations: nothing in it advances."""
        self._set_paused(True)

    def resume(self) -> None:
        """An invocation goes on with what the last one left."""
        self._set_paused(False)

    def _set_paused(self, paused: bool) -> None:
        if self._works:
            self._advance(next(iter(self._works)).tasks.scheduler.now)
        self._paused = paused
        self._time_all()

    # ------------------------------------------------------------------ time

    def _pace(self) -> Fraction:
        """Microseconds of vCPU time that each thread gets in a microsecond."""
        if self._paused or not self._threads:
            return Fraction(0) if self._paused else _ONE
        return min(_ONE, self._vcpus / self._threads)

    def _advance(self, now: int) -> None:
        if self._works:
            self._service += self._pace() * (now - self._since)
        self._since = now

    def _time_all(self) -> None:
        for work in list(self._works.values()):
            self._time(work)

    def _time(self, work: Work) -> None:
        """Set when a task goes on; its deadline, if that comes first."""
        task = work.task
        tasks: Tasks = task.tasks
        scheduler = tasks.scheduler
        if task.waiting:
            scheduler.cancel(task.waiting)
            task.waiting = 0
        if self._paused:
            return
        at = scheduler.now + max(0, _ceiling((work.until - self._service) / self._pace()))
        if at <= task.deadline:
            task.waiting = scheduler.at(at, self._done, task)
        else:
            task.waiting = scheduler.at(task.deadline, tasks.expire, task)

    def _done(self, task: Task) -> None:
        task.waiting = 0
        self.drop(task)
        task.tasks.enter(task)


def _ceiling(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)
