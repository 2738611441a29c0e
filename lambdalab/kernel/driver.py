"""A thread in which a lab lives, for callers in threads of their own: two of a notebook, an endpoint's.

A lab's handlers run in one thread. What others ask of the lab is handed to that one, begins there as a
visitor (see :mod:`.visitors`) and waits beside what else is under way, so that all meet at the same
virtual time. Locks and clocks here are real: this is where the machine's time meets the lab's.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from lambdalab.errors import LabError, NeverAnswered
from lambdalab.kernel.bell import Bell
from lambdalab.kernel.clock import US
from lambdalab.kernel.outside import Outside

if TYPE_CHECKING:
    from lambdalab.kernel.task import Task

T = TypeVar("T")
_PATIENCE = 1.0  # seconds of real time in which a lab that is closed may come to rest
_LEAST_REAL, _MOST_REAL = 0.0005, 0.5  # seconds for which a lab that keeps real time sleeps at once


class DriverClosed(LabError):
    """A driver takes nothing more."""


class _Work:
    """One thing to do: what, for whom, and where the answer goes."""

    __slots__ = ("alone", "answer", "body", "failed", "result", "thread", "waits")

    def __init__(self, body: Callable[[], Any], alone: bool, waits: bool) -> None:
        self.body, self.alone, self.waits = body, alone, waits
        self.thread = threading.current_thread()
        self.answer: Future[Any] = Future()
        self.result: Any = None
        self.failed: BaseException | None = None

    def run(self) -> None:
        """Do it; the answer is given when the lab has stopped, and not within its run."""
        try:
            self.result = self.body()
        except BaseException as error:
            self.failed = self.failed or error
            if not self.alone:
                raise

    def tell(self) -> None:
        """Give the answer."""
        if self.failed is not None:
            self.answer.set_exception(self.failed)
        else:
            self.answer.set_result(self.result)


class Driver:
    """Drives one lab in a thread of its own, from the first :meth:`call` to :meth:`close`.

    Parameters
    ----------
    time
        The lab's.
    speed
        Seconds of the lab in a second of real time. None: virtual time, which stands still while nobody
        waits for an answer.
    idle
        Asked when nobody waits: whether to go on until nothing is left to happen. In virtual time only.
    grace
        Seconds of real time for which the lab stands still when somebody has come or got an answer, until
        all threads that ask it are known to wait: those that call together, or again, then meet. 0: the
        callers are no threads of this process.

    Attributes: ``keeps``, whether the lab is its own until it is closed.
    """

    def __init__(
        self,
        time: Outside,
        *,
        speed: float | None = None,
        idle: Callable[[], bool] = lambda: False,
        grace: float = 0,
    ) -> None:
        self._time, self._speed, self._idle, self._grace = time, speed, idle, grace
        self.keeps = not grace
        self._known: set[threading.Thread] = set()  # those that ask again and again
        self._seen: set[threading.Thread] = set()  # those that were there when all had come
        self._changed = threading.Condition()
        self._come: deque[_Work] = deque()
        self._there: dict[Task, _Work] = {}
        self._bell = Bell()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._began = (0.0, 0)
        self._over: list[_Work] = []
        self._rested = False  # nobody waits, and what was in flight has come to its end
        self._hurried = False

    def submit(
        self, body: Callable[[], T], *, alone: bool = False, waits: bool = False
    ) -> Future[T]:
        """Let ``body()`` begin; the future has what comes of it.

        Parameters: ``alone``, whether it is to run while nothing else does, so that it can let time pass
        itself; ``waits``, whether it begins only when the lab, which nobody waits for, has come to rest
        (or :meth:`hurry` is called). Raises LabError once it is closed.
        """
        work = _Work(body, alone, waits)
        with self._changed:
            if self._closing:
                raise DriverClosed("what drives this lab is closed")
            self._come.append(work)
            if self._thread is None:
                self._began = monotonic(), self._time.now()
                self._thread = threading.Thread(target=self._run, name="lambdalab", daemon=True)
                self._thread.start()
            self._changed.notify()
            if self._may_begin(work):
                self._bell.wake()
        return work.answer

    def hurry(self) -> None:
        """Let those begin that wait for the lab to come to rest."""
        with self._changed:
            if self._come:
                self._hurried = True
                self._bell.wake()

    def call(self, body: Callable[[], T]) -> T:
        """What ``body()`` returns; raises what it raises."""
        return self.submit(body).result()

    @property
    def is_here(self) -> bool:
        """Whether the thread that asks is the one that drives."""
        return threading.current_thread() is self._thread

    def close(self) -> None:
        """Let everybody have an answer, and end the thread; once more does nothing.

        A lab that is coming to rest gets a second of real time for it.
        """
        with self._changed:
            if self._thread is not None and self._speed is None:
                self._changed.wait_for(lambda: self._rested, _PATIENCE)
            self._closing, self._hurried, thread = True, True, self._thread
            self._changed.notify()
            self._bell.wake()
        if thread is not None and not self.is_here:
            thread.join()

    # ------------------------------------------------------------------ in the thread

    def _run(self) -> None:
        with ExitStack() as kept:
            if self.keeps:  # put on and off for each that comes, they would cost more than all else
                from lambdalab.kernel import shims  # brings greenlet

                with suppress(LabError):  # another library has the clocks: who comes is told
                    kept.enter_context(shims.installed())
            self._drive()

    def _drive(self) -> None:
        while self._take():
            self._bell = bell = Bell()
            if any(self._may_begin(work) for work in self._come):
                continue
            try:
                self._go_on(bell)
            except BaseException as error:  # it is raised where somebody waits for the run
                self._give_up(error)
                self._rested = True  # lest it is tried again and again
            self._answer()

    def _go_on(self, bell: Bell) -> None:
        """Let time pass, or sleep, until the bell rings."""
        keeper = self._time.keeper()
        if self._speed is not None:
            self._keep_pace(bell)
        elif self._there:
            keeper.linger(bell)
            if not bell.over:
                self._give_up(NeverAnswered("nothing is left to happen, and no answer has come"))
        elif self._rested:
            self._rest()
        else:
            if self._idle():
                keeper.linger(bell)
            if not bell.over:
                with self._changed:
                    self._rested = True
                    self._changed.notify_all()

    def _may_begin(self, work: _Work) -> bool:
        """Whether somebody need not wait for the lab to come to rest."""
        now = self._rested or self._hurried or self._speed is not None or bool(self._there)
        return now or not work.waits

    def _take(self) -> bool:
        """Let begin who has come; False when all is done and nobody will come any more."""
        if self._grace and (self._come or self._there):
            self._gather()
        if self._speed is not None:  # who comes, comes now
            with suppress(LabError):  # which is told when they are there
                self._time.keeper().linger(Bell(), self._due_now())
        with self._changed:
            come = [work for work in self._come if self._may_begin(work)]
            self._come = deque(work for work in self._come if work not in come)
            if come:
                self._rested = self._hurried = False
            elif not self._there and self._closing:
                return False
        if self._grace:
            known = {thread: place for place, thread in enumerate(threading.enumerate())}
            come.sort(key=lambda work: known.get(work.thread, len(known)))
        for work in come:
            if not work.answer.set_running_or_notify_cancel():
                continue
            if work.alone:
                self._bell = Bell()
                work.run()
                work.tell()
                self._began = monotonic(), self._time.now()
                continue
            task = self._time.visitors.start(work.run, self._ended)
            self._there[task] = work
        return True

    def _gather(self) -> None:
        """Stand still until all threads that are known to ask wait, and nobody new comes for a while."""
        with self._changed:
            while True:
                count, come = len(self._come), {work.thread for work in self._come}
                waiting = come | {work.thread for work in self._there.values()}
                missing = {thread for thread in self._known - waiting if thread.is_alive()}
                self._known = waiting | missing
                if not missing and not come - self._seen:
                    return
                self._changed.wait(self._grace)
                if len(self._come) == count:  # those that are missing do something else
                    self._known, self._seen = waiting, waiting
                    return

    def _ended(self, task: Task) -> None:
        if (work := self._there.pop(task, None)) is not None:
            self._over.append(work)
        self._bell.wake()

    def _answer(self) -> None:
        over, self._over = self._over, []
        for work in over:
            work.tell()

    def _rest(self, seconds: float | None = None) -> None:
        """Sleep until somebody comes, or for so long."""
        with self._changed:
            if not self._come and not self._closing:
                self._changed.wait(seconds)

    def _keep_pace(self, bell: Bell) -> None:
        """Go on to the moment that it is now in real time, and sleep until the next thing is due."""
        assert self._speed is not None
        now = self._due_now()
        self._time.keeper().linger(bell, now)
        if not bell.rung:
            due = self._time.keeper().due
            wait = _MOST_REAL if due is None else (due - now) / US / self._speed
            self._rest(min(max(wait, _LEAST_REAL), _MOST_REAL))

    def _due_now(self) -> int:
        """The moment of the lab that it is now in real time."""
        began, start = self._began
        passed = (monotonic() - began) * (self._speed or 0)
        return max(start + int(passed * US), self._time.now())

    def _give_up(self, error: BaseException) -> None:
        """Those that are still there wait in vain."""
        left = list(self._there.items())
        for _, work in left:
            work.failed = error
        with suppress(LabError):  # where the lab cannot run at all, they stay where they are
            for task, _ in left:
                with task.tasks.active():
                    task.tasks.kill(task)
        self._over += self._there.values()
        self._there.clear()
