"""Stopping what runs too long in real time, and Ctrl-C without losing an event.

A guard counts CPU time, not the wall clock: a debugger's prompt, a slow machine or a real wait is no
runaway. On the main thread it is the process's virtual interval timer, which leaves SIGALRM to
others and costs nothing per invocation; elsewhere one parked watchman thread for the process.
"""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from _thread import allocate_lock, get_ident
from typing import TYPE_CHECKING, Any, Protocol

from greenlet import getcurrent, greenlet

from lambdalab.kernel.task import Runaway

if TYPE_CHECKING:
    from lambdalab.kernel.tasks import Tasks

_MOST_SIGNALS = 4  # Ctrl-C so often, and the loop itself is interrupted


def _on_main_thread() -> bool:
    return get_ident() == threading.main_thread().ident


def _reason(limit: float) -> str:
    return f"the handler used {limit:g} s of CPU time without waiting once"


class Interrupts:
    """The rule for Ctrl-C while a run is on; a context manager.

    The first puts a stop at the head of the heap: the run ends between two events with
    KeyboardInterrupt. The second is thrown into the running handler. One that comes while the
    shims are put on or taken off is raised afterwards.
    """

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._seen = 0
        self._late = False
        self._previous: Any = signal.SIG_IGN

    def __enter__(self) -> None:
        if _on_main_thread() and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            self._previous = signal.signal(signal.SIGINT, self._arrived)

    def __exit__(self, kind: object, *_: object) -> None:
        if self._previous is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._previous or signal.default_int_handler)
        if self._late and kind is None:
            raise KeyboardInterrupt

    def _arrived(self, _signum: int, _frame: object) -> None:
        tasks = self._tasks
        if not tasks.scheduler.running:
            self._late = True
            return
        self._seen += 1
        if self._seen == 1:
            tasks.scheduler.interrupt()
            return
        task = tasks.current
        if task is not None and task.ending is None and getcurrent() is not tasks.hub:
            if task.visitor:
                raise KeyboardInterrupt
            raise tasks.shoot(task, "stopped by a second Ctrl-C")
        if self._seen >= _MOST_SIGNALS:
            raise KeyboardInterrupt


class Watch(Protocol):
    """A guard at work."""

    def stop(self) -> None:
        """The run is over."""


def watch(tasks: Tasks, ident: int) -> Watch:
    """Guard the tasks that run in this thread, in the best way that is free."""
    if _on_main_thread() and CpuGuard.is_free():
        return CpuGuard(tasks)
    return WatchGuard(tasks, ident)


class _Progress:
    """How much CPU time the running task has used since it was last entered."""

    __slots__ = ("_segment", "_since", "tasks")

    def __init__(self, tasks: Tasks) -> None:
        self.tasks = tasks
        self._segment, self._since = -1, 0.0

    def is_runaway(self, used: float) -> bool:
        """Given the thread's CPU time: is this the moment to stop the running task?"""
        tasks = self.tasks
        task = tasks.current
        if (
            task is None
            or task.ending is not None
            or tasks.segment != self._segment
            or task.visitor
        ):
            self._segment, self._since = tasks.segment, used
            return False
        if used - self._since < tasks.cpu_limit:
            return False
        self._since = used
        return True


class CpuGuard:
    """POSIX, main thread: ITIMER_VIRTUAL and SIGVTALRM."""

    @staticmethod
    def is_free() -> bool:
        """Whether nobody else (a profiler) uses the timer or its signal."""
        if not hasattr(signal, "setitimer"):
            return False
        used = signal.getsignal(signal.SIGVTALRM) not in (signal.SIG_DFL, signal.SIG_IGN)
        return not used and signal.getitimer(signal.ITIMER_VIRTUAL)[0] == 0

    def __init__(self, tasks: Tasks) -> None:
        self._progress = _Progress(tasks)
        self._previous = signal.signal(signal.SIGVTALRM, self._tick)
        tick = _tick_seconds(tasks.cpu_limit)
        signal.setitimer(signal.ITIMER_VIRTUAL, tick, tick)

    def _tick(self, _signum: int, _frame: object) -> None:
        tasks = self._progress.tasks
        if self._progress.is_runaway(time.thread_time()) and getcurrent() is not tasks.hub:
            task = tasks.current
            if task is not None:
                raise tasks.shoot(task, _reason(tasks.cpu_limit))

    def stop(self) -> None:
        """The run is over."""
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, self._previous)


class WatchGuard:
    """Any thread, any platform: the watchman looks at the thread's CPU time.

    It needs the interpreter's lock, so C code that keeps it (a regular expression) is not stopped.
    """

    def __init__(self, tasks: Tasks, ident: int) -> None:
        self._progress = _Progress(tasks)
        self._ident = ident
        self._clock = _thread_clock(ident)
        self.tick = _tick_seconds(tasks.cpu_limit)
        _watchman.add(self)

    def look(self) -> None:
        """Stop the running task if it is a runaway; called by the watchman."""
        try:
            used = time.process_time() if self._clock is None else time.clock_gettime(self._clock)
        except OSError:
            return  # the thread has ended meanwhile
        if not self._progress.is_runaway(used):
            return
        tasks = self._progress.tasks
        task, segment = tasks.current, tasks.segment
        if task is not None:
            tasks.shoot(task, "")
            _throw(self._ident, Runaway)
            if tasks.segment != segment:
                _throw(self._ident, None)  # it gave the thread back meanwhile

    def stop(self) -> None:
        """The run is over."""
        _watchman.remove(self)


class _Watchman:
    """One daemon thread for the process, parked while nobody needs it."""

    def __init__(self) -> None:
        self._guards: list[WatchGuard] = []
        self._needed = threading.Event()
        self._change = allocate_lock()  # labs in several threads come and go at once
        self._thread: threading.Thread | None = None

    def add(self, guard: WatchGuard) -> None:
        with self._change:
            self._guards.append(guard)
            if self._thread is None or not self._thread.is_alive():
                name = "lambdalab watchman"
                self._thread = threading.Thread(target=self._watch, name=name, daemon=True)
                self._thread.start()
            self._needed.set()

    def remove(self, guard: WatchGuard) -> None:
        with self._change:
            self._guards.remove(guard)
            if not self._guards:
                self._needed.clear()

    def _watch(self) -> None:
        while self._needed.wait():
            for guard in (guards := list(self._guards)):
                guard.look()
            time.sleep(min((guard.tick for guard in guards), default=0.05))


_watchman = _Watchman()


def _tick_seconds(limit: float) -> float:
    return min(max(limit / 4, 0.01), 0.25)


def _thread_clock(ident: int) -> int | None:
    clock_of = getattr(time, "pthread_getcpuclockid", None)
    return None if clock_of is None else int(clock_of(ident))


def _throw(ident: int, exception: type[BaseException] | None) -> None:
    """Raise in another thread at its next bytecode; None takes back what was not yet raised."""
    argument = ctypes.py_object(exception) if exception else ctypes.py_object()
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), argument)


def main_greenlet() -> greenlet:
    """That of the thread which asks: tasks cannot move to another."""
    found = getcurrent()
    while found.parent is not None:
        found = found.parent
    return found
