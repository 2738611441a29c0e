"""Threads inside handlers: each is a green thread, a task of the same surroundings.

``Thread.start`` is all that changes: the thread object is given a handle of ours in place of the
interpreter's, and ``join``, ``is_alive``, executors and timers go on with their own code.
"""

from __future__ import annotations

import _thread
import itertools
import sys
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lambdalab.errors import NeverAnswered
from lambdalab.kernel.bell import Bell
from lambdalab.kernel.current import green
from lambdalab.kernel.outside import Outside, outside
from lambdalab.kernel.shims.lines import until_of
from lambdalab.kernel.shims.locks import Locks
from lambdalab.kernel.shims.loops import go_on_with_the_loop
from lambdalab.kernel.shims.outsiders import listen, living
from lambdalab.kernel.shims.outsiders import until_of as outside_until

if TYPE_CHECKING:
    from lambdalab.kernel.task import Task

_real_ident = _thread.get_ident
_idents = itertools.count(1)  # real ones are addresses: never so small
_active: dict[int, threading.Thread] = threading._active  # type: ignore[attr-defined]
_HANDLE = "_handle" if sys.version_info >= (3, 13) else "_tstate_lock"


_process_hook: Any = threading.excepthook  # the process's, as it was when the run began


class Threads:
    """Green threads, and locks for them."""

    def __init__(self) -> None:
        self._locks = Locks()
        self._green: dict[int, threading.Thread] = {}  # alive; visible to the process in a run only
        thread: Any = threading.Thread
        real_start, real_new = thread.start, _thread.start_new_thread
        self._real = [
            (threading.Thread, "start", real_start),
            (threading, "get_ident", threading.get_ident),
            (_thread, "start_new_thread", real_new),
        ]
        self._shims = [
            (threading.Thread, "start", self._start_shim(real_start)),
            (threading, "get_ident", _get_ident),
            (_thread, "start_new_thread", self._start_new_shim(real_new)),
        ]

    def on(self) -> None:
        """Green inside tasks from now on."""
        global _process_hook
        _process_hook = threading.excepthook
        self._locks.on()
        for owner, name, shim in self._shims:
            setattr(owner, name, shim)
        _active.update(self._green)

    def off(self) -> None:
        """Real threads again; green ones that are still there are seen by nobody."""
        for ident in self._green:
            _active.pop(ident, None)
        for owner, name, real in self._real:
            setattr(owner, name, real)
        self._locks.off()

    def _start_shim(self, real: Callable[[Any], None]) -> Callable[[Any], None]:
        def start(thread: Any) -> None:
            task, time = _starter()
            if task is None and time is None:
                return real(thread)
            if not thread._initialized:
                raise RuntimeError("thread.__init__() not called")
            if thread._started.is_set():
                raise RuntimeError("threads can only be started once")
            handle = Handle(next(_idents))
            setattr(thread, _HANDLE, handle)
            thread._ident, thread._native_id = handle.ident, threading.get_native_id()
            thread._started.set()
            self._green[handle.ident] = _active[handle.ident] = thread
            tell = thread._invoke_excepthook if time is not None else None
            return self._launch(task, time, lambda: _run(thread, tell), handle)

        return start

    def _start_new_shim(self, real: Callable[..., int]) -> Callable[..., int]:
        def start_new_thread(
            function: Callable[..., object], arguments: Any, keywords: Any = None, /
        ) -> int:
            task, time = _starter()
            if task is None and time is None:
                return real(function, arguments, *(() if keywords is None else (keywords,)))
            handle = Handle(next(_idents))
            self._launch(task, time, lambda: function(*arguments, **(keywords or {})), handle)
            return handle.ident

        return start_new_thread

    def _launch(
        self, task: Task | None, time: Outside | None, body: Callable[[], object], handle: Handle
    ) -> None:
        def done(*_: object) -> None:
            self._green.pop(handle.ident, None)
            _active.pop(handle.ident, None)
            handle.finish()

        if time is not None:
            time.visitors.start(body, done, handle.ident)
            go_on_with_the_loop(time)
        elif task is not None:
            task.tasks.start_thread(body, done, handle.ident)


def _starter() -> tuple[Task | None, Outside | None]:
    """The handler's task that starts a thread, or the time in which code outside does."""
    task = green()
    if task is None:
        return None, living()
    return (None, outside[_real_ident()]) if task.visitor else (task, None)


class Handle:
    """What a thread object knows its thread by: a thread handle, or, before 3.13, a lock."""

    def __init__(self, ident: int) -> None:
        self.ident = ident
        self._finished = False
        self._waiting: list[Task] = []
        self._bells: list[Bell] = []

    def finish(self) -> None:
        """The thread has ended: whoever joins it goes on."""
        self._finished = True
        for task in self._waiting:
            task.tasks.wake(task)
        for bell in self._bells:
            bell.wake()

    def is_done(self) -> bool:
        """Whether the thread has ended."""
        return self._finished

    def join(self, timeout: float | None = None) -> None:
        """Wait for the thread; where no lab can run there is no waiting for a green one."""
        task = green()
        if self._finished or (timeout is not None and timeout <= 0):
            return
        if task is None:
            self._join_outside(timeout)
            return
        self._waiting.append(task)
        try:
            task.tasks.block(task, until_of(task, timeout))
        finally:
            self._waiting.remove(task)

    def _join_outside(self, timeout: float | None) -> None:
        """Code outside waits, and the lab runs."""
        time, bell = outside.get(_real_ident()), Bell()
        if time is None:
            return
        self._bells.append(bell)
        try:
            time.keeper().linger(bell, outside_until(time, timeout), listen)
            if not bell.over:
                raise NeverAnswered("the thread waits, and nothing is left to happen: a deadlock")
        finally:
            self._bells.remove(bell)

    def _set_done(self) -> None:
        self._finished = True

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Before 3.13: true once the thread has ended."""
        if blocking:
            self.join(None if timeout == -1 else timeout)
        return self._finished or (blocking and green() is None and _real_ident() not in outside)

    def release(self) -> None:
        """Before 3.13: nothing to do."""

    def locked(self) -> bool:
        """Before 3.13: nobody holds it when the thread object looks."""
        return False


def _run(thread: Any, tell: Callable[[Any], None] | None) -> None:
    from lambdalab.kernel.task import Runaway, TimedOut

    try:
        thread.run()
    except (TimedOut, Runaway):
        raise
    except BaseException as error:
        if tell is not None:
            tell(thread)
        elif (
            threading.excepthook is _process_hook
        ):  # the notebook's, or pytest's: not the function's
            _tell(thread, error)
        else:  # the handler's own
            thread._invoke_excepthook(thread)


def _tell(thread: Any, error: BaseException) -> None:
    """What the usual hook writes; it is C code, which would show this machine's paths."""
    if isinstance(error, SystemExit):
        return
    frames = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])  # without ours
    own = [frame for frame in frames if '"/var/lang/' not in frame]  # Python's differ by version
    lines = [*own, *traceback.format_exception_only(error)]
    head = f"Exception in thread {thread.name}:\nTraceback (most recent call last):\n"
    print(head + "".join(lines), end="", file=sys.stderr)


def _get_ident() -> int:
    task = green()
    return task.ident if task is not None and task.ident else _real_ident()
