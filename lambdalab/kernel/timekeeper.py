"""Lets time pass: the loop with everything that must be on around it, and nothing inside a handler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lambdalab.errors import InsideHandler, NeverAnswered
from lambdalab.kernel import outside
from lambdalab.kernel.current import green
from lambdalab.kernel.interrupts import interruptible
from lambdalab.kernel.scheduler import Scheduler

if TYPE_CHECKING:
    from lambdalab.kernel.bell import Bell
    from lambdalab.kernel.task import Task
    from lambdalab.kernel.tasks import Tasks


class Timekeeper:
    """Runs a scheduler for people outside.

    Parameters: the ``scheduler``; ``tasks()``, the lab's tasks, None while no function has code.
    """

    def __init__(self, scheduler: Scheduler, tasks: Callable[[], Tasks | None]) -> None:
        self._scheduler, self._tasks = scheduler, tasks

    def check_outside(self, verb: str) -> None:
        """Raise :class:`~lambdalab.errors.InsideHandler` where the clock is running already."""
        if self._scheduler.running:
            if self.visitor is not None:
                raise InsideHandler(
                    f"lab.{verb}() in a thread of a `with lab.aws():` block: others run beside it; time "
                    "passes while they sleep and wait. lab.advance() sleeps"
                )
            raise InsideHandler(
                f"lab.{verb}() inside a handler: the clock is running already; time passes when the "
                "handler sleeps, waits or returns"
            )

    def run(self, until: int | None = None, *, while_pending: bool = False) -> None:
        """To ``until`` (microseconds), or until nothing is in flight; with ``while_pending`` to
        whichever comes first."""
        with self._activity():
            self._scheduler.run(until, while_pending=while_pending)

    @property
    def now(self) -> int:
        """Microseconds since the lab's start."""
        return self._scheduler.now

    @property
    def pending(self) -> bool:
        """Whether anything is in flight."""
        return self._scheduler.pending > 0

    @property
    def due(self) -> int | None:
        """When the next thing happens, if any does."""
        heap = self._scheduler.heap
        return max(heap[0][0], self._scheduler.now) if heap else None

    def step(self) -> bool:
        """The next event; False when nothing is left to happen."""
        with self._activity():
            return self._scheduler.step()

    def wait(self, done: Callable[[], bool]) -> None:
        """Until ``done()``, for a caller who waits for an answer.

        Raises :class:`~lambdalab.errors.NeverAnswered` when nothing is left that could bring it.
        """
        if done():
            return
        self.check_outside("invoke")
        with self._activity():
            while not done():
                if not self._scheduler.pending:
                    raise NeverAnswered("nothing is left to happen, and no answer has come")
                self._scheduler.run()

    def linger(
        self, bell: Bell, until: int | None = None, listen: Callable[[], bool] = lambda: False
    ) -> None:
        """Until the bell rings, until that time, or, without one, until nothing is left to happen.

        Then ``listen()`` waits for what else may come; it returns whether anything can.
        """
        scheduler, bell.answer = self._scheduler, self._scheduler.stop
        token = None if until is None else scheduler.at(max(until, scheduler.now), bell.expire)
        try:
            while True:
                with self._activity():
                    while not bell.over and scheduler.pending:
                        scheduler.run()
                if bell.over or not listen():
                    break
        finally:
            if token is not None and not bell.expired:
                scheduler.cancel(token)

    @property
    def visitor(self) -> Task | None:
        """The visitor of this lab that is running in this thread."""
        task, tasks = green(), self._tasks()
        return task if task is not None and task.visitor and task.tasks is tasks else None

    @contextmanager
    def _activity(self) -> Iterator[None]:
        """What is on while time passes: Ctrl-C between events; shims where there are handlers."""
        tasks = self._tasks()
        watched = interruptible(self._scheduler) if tasks is None else tasks.active()
        with outside.real(), watched:
            yield
