"""Tasks: handlers in pooled greenlets, entered only by the scheduler's loop.

A task runs until it blocks (a sleep, a nested invoke, a lock, asyncio's wait) and gives the thread
back to the loop, the *hub*. Its deadline is compared where it blocks, so a timeout costs no timer.
A handler's green threads are tasks too; they stand still between two invocations, as on Lambda.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from time import thread_time_ns
from typing import TYPE_CHECKING, Any, NoReturn

from greenlet import getcurrent, greenlet

from lambdalab.errors import LabError
from lambdalab.kernel import guard, shims
from lambdalab.kernel.current import running
from lambdalab.kernel.measured import count, measure, pay, pay_later
from lambdalab.kernel.processes import Processes
from lambdalab.kernel.shims.loops import hide_loop, show_loop
from lambdalab.kernel.task import (
    EXPIRED,
    NEVER,
    Body,
    Done,
    Ending,
    Environment,
    Returned,
    Runaway,
    Task,
    TimedOut,
)

if TYPE_CHECKING:
    from lambdalab.kernel.clock import Clock
    from lambdalab.kernel.scheduler import Scheduler

_POOL = 1_000  # idle greenlets kept for the next tasks
_PATIENCE = 3  # throws that a dead task may swallow before it is parked for good
_graveyard: list[greenlet | None] = []  # parked for good: collecting one would run its `finally`

__all__ = ["EXPIRED", "NEVER", "Ending", "Runaway", "Task", "Tasks", "TimedOut"]


class Tasks:
    """All tasks of one lab.

    Parameters: the lab's scheduler and clock; ``cpu_limit``, the seconds of CPU time a task may
    use without blocking before the guard stops it.
    """

    def __init__(self, scheduler: Scheduler, clock: Clock, *, cpu_limit: float = 5.0) -> None:
        self.scheduler, self.clock, self.cpu_limit = scheduler, clock, cpu_limit
        self.start_us = clock.start_us
        self.current: Task | None = None
        self.segment = 0  # counts the entries into tasks: the guards' measure of progress
        self.hub: greenlet | None = None  # the greenlet of the loop, while active
        self._ident, self._starting = 0, False
        self._root: greenlet | None = None  # the main greenlet of the thread the tasks belong to
        self._outer: Task | None = None  # a handler of another lab, inside which this one runs
        self._free: list[greenlet] = []
        self._live: dict[Task, None] = {}
        self._processes = Processes(self)
        self.hosts: dict[str, Any] = {}  # what the lab itself answers: see shims/hosts.py

    @property
    def level(self) -> str:
        """Which clock shims run: "re-aim", or "adopt" and why."""
        return shims.level()

    @property
    def is_here(self) -> bool:
        """Whether these tasks run in the thread that asks."""
        return self._ident == get_ident()

    # ------------------------------------------------------------------ for the runtime

    def start(
        self,
        body: Body,
        surroundings: Environment,
        deadline: int,
        done: Done,
        *,
        measured: bool = False,
    ) -> Task:
        """Run ``body()`` as a task: at once when called from the loop, else through the heap.

        Parameters: its surroundings; its deadline, in microseconds of the lab; ``done(task, ending)``,
        called by the loop when it ends; ``measured``: the CPU time it uses costs virtual time.
        """
        now = self.scheduler.now
        task = Task(self, body, surroundings, deadline if deadline > now else now, done)
        if measured:
            measure(task)
        if self.current is None and self.hub is not None and not self._starting:
            self._live[task] = None
            self._starting = True  # a start inside a `done` inside a start would nest without end
            try:
                self._begin(task)
            finally:
                self._starting = False
        else:
            self.admit(task)
        return task

    def admit(self, task: Task) -> None:
        """Let a new task begin, through the heap; for the kernel."""
        self._live[task] = None
        task.waiting = self.scheduler.at(self.scheduler.now, self._begin, task)

    def kill(self, task: Task) -> None:
        """End the task as its deadline does: a throw now, refusal of all it tries afterwards."""
        if task.dead or task.ending is not None:
            return
        if self.current is not None:
            self.scheduler.at(self.scheduler.now, self.kill, task)
            return
        self.doom(task)
        if task.worker is None:
            task.ending = Ending("timed_out")
            self._finish(task)
        else:
            self.enter(task)

    def abandon(self) -> None:
        """Unwind every task that is still there, without a word to anybody: the lab starts anew."""
        for task in list(self._live):
            if task in self._live:
                task.done = lambda _task, _ending: None
                self.kill(task)

    def end_threads(self, surroundings: Environment) -> None:
        """End the green threads that an environment left behind; for the end of its life."""
        self._processes.end(surroundings)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Everything a run of handlers needs: the shims, the guards, the rule for Ctrl-C.

        Raises :class:`LabError` while freezegun or time-machine is active, and when tasks that
        began in another thread are still there.
        """
        ident, root = get_ident(), guard.main_greenlet()
        if self.hub is not None:
            raise LabError("the handlers of this lab are running already")
        if root is not self._root:  # idents are used again, main greenlets are not
            begun = any(task.worker is not None for task in self._live)
            if begun and self._root is not None:
                raise LabError("this lab's handlers began in another thread; they cannot move")
            self._root = root
        self._ident, self._outer = ident, running.pop(ident, None)  # set up outside any task
        try:
            with guard.Interrupts(self), shims.installed():
                yield from self._watched(ident)
        finally:
            self._show_outer()

    def _watched(self, ident: int) -> Iterator[None]:
        loop = hide_loop()
        watch = guard.watch(self, ident)
        self.hub = getcurrent()
        self._show_outer()
        try:
            yield
        finally:
            running.pop(ident, None)
            self._free.clear()  # while they are suspended no collector sees that they hold the lab
            self.hub = None
            watch.stop()
            show_loop(loop)

    def _show_outer(self) -> None:
        """When this lab runs inside another lab's handler, what is no task of ours is that one's."""
        if self._outer is not None:
            running[self._ident] = self._outer

    # ------------------------------------------------------------------ inside a task

    def sleep(self, us: int) -> None:
        """Let the running task sleep. Raises :class:`TimedOut` at its deadline."""
        task = self.running_task()
        if task.measured:
            pay(task)
        scheduler = self.scheduler
        at = scheduler.now + us
        if at <= task.deadline:
            task.waiting = scheduler.at(at, self.enter, task)
        else:
            task.waiting = scheduler.at(task.deadline, self.expire, task)
        self.park(task)

    def block(self, task: Task, until: int = NEVER) -> Any:
        """Park the running task until :meth:`wake`; returns the value given there.

        ``EXPIRED`` when ``until`` (microseconds) comes first; raises :class:`TimedOut` when killed.
        """
        self.running_task()
        if until <= task.deadline and until != NEVER:
            task.waiting = self.scheduler.at(until, self._lapse, task)
        elif task.deadline != NEVER:
            task.waiting = self.scheduler.at(task.deadline, self.expire, task)
        task.parked = True
        if task.measured:
            pay_later(task)
        else:
            self.park(task)
        value, task.value = task.value, None
        return value

    def wake(self, task: Task, value: object = None) -> bool:
        """Let a blocked task go on, through the heap at ``now``; False if it was not blocked."""
        if not task.parked or task.dead:
            return False
        task.parked, task.value = False, value
        if task.waiting:
            self.scheduler.cancel(task.waiting)
        self.resume(task)
        return True

    def resume(self, task: Task) -> None:
        """Let a task go on that stood still, through the heap; for the kernel."""
        task.waiting = self.scheduler.at(self.scheduler.now, self.enter, task)

    def refuse_if_dead(self, task: Task) -> None:
        """Raise :class:`TimedOut` in a task that was killed; one that goes on never comes back.

        For what does not block: a measured task pays here for what it has used until now.
        """
        if task.dead:
            task.refusals += 1
            if task.refusals > _PATIENCE:
                self._bury(task, Ending("timed_out"))
            raise TimedOut("the handler reached its deadline; it can do nothing more")
        if task.measured:
            pay(task)

    def leave(self, **how: Any) -> NoReturn:
        """End the running task's process (``how``: see :class:`Ending`); no ``finally`` runs."""
        task = self.running_task()
        if task.parent is not None:
            self.destroy(task.parent, **how)
        self._bury(task, Ending("exited", **how))

    def destroy(self, main: Task, **how: Any) -> None:
        """End a handler's process from outside, as :meth:`leave` does from inside."""
        if main.ending is None:
            self.doom(main, fate="")
            main.ending, main.buried = Ending("exited", **how), True
            self.scheduler.at(self.scheduler.now, self._finish, main)

    def start_thread(self, body: Body, done: Done, ident: int) -> Task:
        """Start a green thread of the running task, through the heap."""
        starter = self.running_task()
        thread = self._processes.start(starter, body, done, ident)
        self.admit(thread)
        return thread

    def shoot(self, task: Task, reason: str) -> Runaway:
        """What a guard throws into the running task; after the third it may not block again."""
        task.shots += 1
        task.fate = "runaway"
        if task.shots >= _PATIENCE:
            task.dead, task.refusals = True, _PATIENCE
        return Runaway(reason)

    # ------------------------------------------------------------------ switching

    def running_task(self) -> Task:
        """The task that asks; for what blocks. Raises what :meth:`refuse_if_dead` raises."""
        task = self.current
        if task is None:
            raise LabError("only a handler can block: no task is running")
        if task.dead:
            self.refuse_if_dead(task)
        return task

    def _begin(self, task: Task) -> None:
        worker = self._free.pop() if self._free else greenlet(self._work)
        worker.gr_context = Context()
        task.worker = worker
        if self._processes.known and task.process is None:
            self._processes.thaw(task)
        self.enter(task)

    def enter(self, task: Task) -> None:
        """Let a task go on until it blocks or ends; only the hub calls this."""
        task.waiting = 0
        if task.process is not None and task.process.main is None and not task.dead:
            task.process.frozen.append(task)
            return
        worker, ident, surroundings = task.worker, self._ident, task.surroundings
        if worker is None:
            return  # a guard's shot ended it between asking for this wake-up and waiting for it
        surroundings.enter()
        self.segment += 1
        if task.measured:
            task.entered_ns = thread_time_ns()
        running[ident] = self.current = task
        try:
            worker.switch(task)
        except Runaway:
            pass  # a shot that came as the task gave the thread back
        finally:
            self.current = None
            del running[ident]
            if self._outer is not None:
                running[ident] = self._outer
            surroundings.leave()
        if task.measured:
            count(task)
        if task.ending is not None:
            self._finish(task)

    def _work(self, task: Task | None) -> None:
        """A pooled greenlet: one task after the other."""
        while task is not None:
            try:
                try:
                    task.ending = Returned(task.body())  # type: ignore[misc]
                except BaseException as error:
                    task.ending = Ending.raised(error)
            except BaseException as error:  # a guard's shot that came as the handler ended
                task.ending = Ending.raised(error)
            task = None  # the pool must not keep a finished task's payload
            task = self.hub.switch()  # type: ignore[union-attr]

    def park(self, task: Task) -> None:
        """Give the thread back; whoever calls this has seen to it that the task is entered again."""
        if task.uses_asyncio:
            loop = hide_loop()
            self.hub.switch()  # type: ignore[union-attr]
            show_loop(loop)
        else:
            self.hub.switch()  # type: ignore[union-attr]
        if task.dead:
            self.refuse_if_dead(task)

    def inter(self, task: Task, ending: Ending) -> None:
        """Park another task for good; nobody is told. For the kernel."""
        self.doom(task)
        task.ending, task.buried = ending, True
        del self._live[task]
        if task.worker is not None:
            _graveyard.append(task.worker)

    def _bury(self, task: Task, ending: Ending) -> NoReturn:
        task.ending, task.buried = ending, True
        if task.uses_asyncio:
            hide_loop()
        while True:
            self.hub.switch()  # type: ignore[union-attr]

    def expire(self, task: Task) -> None:
        """The task's deadline has come, and it waits."""
        task.waiting = 0
        self.kill(task)

    def _lapse(self, task: Task) -> None:
        task.parked, task.value = False, EXPIRED
        self.enter(task)

    def doom(self, task: Task, fate: str = "timed_out") -> None:
        """Mark a task dead and take back its wake-up; for the kernel."""
        task.dead, task.parked = True, False
        task.fate = task.fate or fate
        if task.computes is not None:
            task.computes.drop(task)
        if task.waiting:
            self.scheduler.cancel(task.waiting)
            task.waiting = 0

    # ------------------------------------------------------------------ ending

    def _finish(self, task: Task) -> None:
        """Tell whoever waits for a task that it has ended; only the hub calls this."""
        del self._live[task]
        if task.waiting:
            self.scheduler.cancel(task.waiting)
        worker, task.worker, task.body = task.worker, None, None
        if task.buried:
            _graveyard.append(worker)
        elif worker is not None and len(self._free) < _POOL:
            self._free.append(worker)
        ending: Ending = task.ending  # type: ignore[assignment]
        if task.fate:
            ending.kind, ending.value = task.fate, None
        if task.measured:
            ending.cpu_us = task.cpu_ns // 1_000
        if self._processes.known:
            self._processes.settle(task, ending)
        task.done(task, ending)
