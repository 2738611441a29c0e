"""asyncio inside handlers: a loop's wait becomes a virtual one.

The handler's loop keeps its own code; only the wait of its selector is exchanged while it runs. A
loop with sockets of its own (a function that may use the network) waits for them in real time.
The loop of the notebook, which is running in the same thread, is hidden from handlers.
"""

from __future__ import annotations

import asyncio
from _thread import get_ident
from asyncio import base_events, selector_events
from asyncio.events import _get_running_loop, _set_running_loop
from asyncio.tasks import _enter_task, _leave_task
from typing import TYPE_CHECKING, Any

from lambdalab.kernel.bell import Bell
from lambdalab.kernel.current import green
from lambdalab.kernel.outside import Outside, monotonic, outside
from lambdalab.kernel.shims.virtual import timeout_us

if TYPE_CHECKING:
    from lambdalab.kernel.task import Task

_WAIT = "_lambdalab_wait"
_FREE_SPINS = 100  # rounds without a wait before they begin to cost time: a loop that polls
_AGAIN = 0.005  # seconds until the threads of a notebook's cell are looked after again
_SPIN_US = 20  # what each round costs from then on, about as much as a real one

Hidden = tuple[Any, Any] | None


def hide_loop() -> Hidden:
    """Let this thread have no running loop (and no running asyncio task) for now."""
    loop = _get_running_loop()
    if loop is None:
        return None
    task = asyncio.current_task(loop)
    if task is not None:
        _leave_task(loop, task)
    _set_running_loop(None)
    return loop, task


def show_loop(hidden: Hidden) -> None:
    """Undo :func:`hide_loop`."""
    if hidden is not None:
        loop, task = hidden
        _set_running_loop(loop)
        if task is not None:
            _enter_task(loop, task)


class Loops:
    """Virtual waits for the loops that run inside handlers."""

    def __init__(self) -> None:
        base: Any = base_events.BaseEventLoop
        selecting: Any = selector_events.BaseSelectorEventLoop
        self._real = [
            (base, "run_forever", base.run_forever),
            (base, "time", base.time),
            (selecting, "_write_to_self", selecting._write_to_self),
        ]
        self._shims = [
            (base, "run_forever", _run_forever_shim(base.run_forever)),
            (base, "time", _time_shim(base.time)),
            (selecting, "_write_to_self", _write_shim(selecting._write_to_self)),
        ]

    def on(self) -> None:
        """Virtual inside tasks from now on."""
        for owner, name, shim in self._shims:
            setattr(owner, name, shim)

    def off(self) -> None:
        """Everything as it was."""
        for owner, name, real in self._real:
            setattr(owner, name, real)


def _run_forever_shim(real: Any) -> Any:
    def run_forever(self: Any) -> Any:
        task = green()
        selector = getattr(self, "_selector", None)
        if selector is None or (task is None and get_ident() not in outside):
            return real(self)
        if task is not None:
            task.uses_asyncio = True
        setattr(self, _WAIT, _Wait(self, selector.select))
        selector.select = getattr(self, _WAIT).select
        try:
            return real(self)
        finally:
            delattr(self, _WAIT)
            del selector.select

    return run_forever


def _time_shim(real: Any) -> Any:
    def time(self: Any) -> Any:
        # a loop that ran before its thread was given a lab's time (a notebook's) keeps the machine's
        if outside and not hasattr(self, _WAIT) and get_ident() in outside:
            return monotonic()
        return real(self)

    return time


def _write_shim(real: Any) -> Any:
    def _write_to_self(self: Any) -> None:
        real(self)
        wait = getattr(self, _WAIT, None)
        if wait is not None:
            wait.wake()

    return _write_to_self


class _Wait:
    """The wait of one running loop."""

    def __init__(self, loop: Any, real: Any) -> None:
        self._loop, self._real = loop, real
        self._parked: Task | None = None
        self._bell = Bell()
        self._spins = 0

    def select(self, timeout: float | None = None) -> Any:
        """What ``selector.select`` does, with the time passing virtually."""
        task = green()
        if task is None:
            return self._outside(timeout)
        if timeout is not None and timeout <= 0:
            return self._spin(task)
        self._spins = 0
        if len(self._loop._selector.get_map()) > self._loop._internal_fds:
            return self._with_sockets(task, timeout)
        ready = self._real(0)
        return ready or self._park(task, timeout)

    def _outside(self, timeout: float | None) -> Any:
        """The wait of code that no task runs, and that has a lab's time."""
        time = outside.get(get_ident())
        forever = timeout is None
        if time is None or (not forever and timeout <= 0) or (forever and not time.has_visitors):  # type: ignore[operator]
            return self._real(timeout)
        ready = self._real(0)
        if not ready:
            self._bell = Bell()
            time.keeper().linger(
                self._bell, None if timeout is None else time.now() + timeout_us(timeout)
            )
            ready = self._real(timeout if forever and not self._bell.over else 0)
        return ready

    def wake(self) -> None:
        """Somebody has work for the loop."""
        self._bell.wake()
        if self._parked is not None and self._parked.tasks.is_here:
            self._parked.tasks.wake(self._parked)

    def _park(self, task: Task, timeout: float | None) -> Any:
        from lambdalab.kernel.task import NEVER

        tasks = task.tasks
        until = NEVER if timeout is None else tasks.scheduler.now + timeout_us(timeout)
        self._parked = task
        try:
            tasks.block(task, until)
        finally:
            self._parked = None
        return self._real(0)

    def _spin(self, task: Task) -> Any:
        self._spins += 1
        if self._spins > _FREE_SPINS:
            task.tasks.sleep(_SPIN_US)
        return self._real(0)

    def _with_sockets(self, task: Task, timeout: float | None) -> Any:
        ready = self._real(timeout)
        return ready if ready or timeout is None else self._park(task, timeout)


def go_on_with_the_loop(time: Outside) -> None:
    """Let the threads of code outside go on while the event loop of its thread waits in real time.

    A notebook's own loop is one: ``await asyncio.to_thread(...)`` in a cell.
    """
    loop, ident = _get_running_loop(), get_ident()
    if loop is None or hasattr(loop, _WAIT):
        return

    def go_on() -> None:
        if outside.get(ident) is time and time.has_visitors:
            loop.call_later(0 if time.keeper().step() else _AGAIN, go_on)

    loop.call_soon(go_on)
