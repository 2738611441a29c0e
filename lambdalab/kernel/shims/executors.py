"""Executors that outlive a block: a pool has other workers in a lab's time than in the machine's.

A pool keeps idle workers. One that a module made is used in a block, after it, and in the block of another
lab; workers of one time can do no work in another. So what a pool has of workers and work belongs to the
time in which it was asked.
"""

from __future__ import annotations

import logging
import threading
from _thread import get_ident
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, _base
from queue import SimpleQueue
from typing import Any
from weakref import WeakKeyDictionary

from lambdalab.kernel.current import green
from lambdalab.kernel.outside import Outside, outside
from lambdalab.kernel.shims.environ import Names
from lambdalab.kernel.shims.outsiders import living

_PARTS = ("_threads", "_work_queue", "_idle_semaphore")
_LEAST = 1e-6  # seconds

_homes: WeakKeyDictionary[Any, dict[Outside | None, tuple[Any, ...]]] = WeakKeyDictionary()
"""Executor -> what it has in the times in which it is not just now; None: the machine's."""
_in: WeakKeyDictionary[Any, Outside | None] = WeakKeyDictionary()
"""Executor -> the time in which it is; absent: where it was made, unless it has begun elsewhere."""


class Executors:
    """Pools of threads with a home in each time; and ``as_completed``, whose time must pass."""

    def __init__(self) -> None:
        self._names = Names()
        pool: Any = ThreadPoolExecutor
        self._names.put(pool, "submit", _submit_shim(pool.submit))
        self._names.put(pool, "shutdown", _shutdown_shim(pool.shutdown))
        waiter: Any = _base._AsCompletedWaiter
        self._names.put(waiter, "__init__", _waiter_shim(waiter.__init__))

    def on(self) -> None:
        """Dispatch."""
        self._names.on()
        _base.LOGGER.addFilter(_unwound)

    def off(self) -> None:
        """Stop."""
        _base.LOGGER.removeFilter(_unwound)
        self._names.off()


def leave(time: Outside) -> None:
    """Code outside leaves a lab's time: its pools are the machine's again."""
    for pool in [pool for pool, where in list(_in.items()) if where is time]:
        with pool._shutdown_lock:
            _move(pool, None)


def forget(time: Outside) -> None:
    """The lab starts anew: what was there of workers has ended."""
    leave(time)
    for homes in list(_homes.values()):
        homes.pop(time, None)


def _move(pool: Any, time: Outside | None) -> None:
    """Give a pool what it has in that time."""
    before = _in.get(pool)
    if before is time:
        return
    homes = _homes.setdefault(pool, {})
    homes[before] = tuple(getattr(pool, name) for name in _PARTS)
    there = homes.pop(time, None) or (set(), SimpleQueue(), threading.Semaphore(0))
    for name, part in zip(_PARTS, there, strict=True):
        setattr(pool, name, part)
    _in[pool] = time


def _here() -> tuple[bool, Outside | None]:
    """Whether pools have a matter with time here, and in which they are asked."""
    task = green()
    if task is None:
        return True, living()
    return task.visitor, outside.get(get_ident())


def _submit_shim(real: Callable[..., Any]) -> Callable[..., Any]:
    def submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        ours, time = _here()
        if ours and _in.get(self) is not time:
            with self._shutdown_lock:
                _move(self, time)
        return real(self, fn, *args, **kwargs)

    return submit


def _shutdown_shim(real: Callable[..., Any]) -> Callable[..., Any]:
    def shutdown(self: Any, *args: Any, **kwargs: Any) -> None:
        real(self, *args, **kwargs)
        for _, work, _ in _homes.get(self, {}).values():
            work.put(None)  # the workers there go, too

    return shutdown


def _waiter_shim(real: Callable[..., Any]) -> Callable[..., Any]:
    def init(self: Any) -> None:
        real(self)
        self.event = _Event()

    return init


class _Event(threading.Event):
    """What ``as_completed`` waits for, until its deadline has passed: in no time it would not."""

    def wait(self, timeout: float | None = None) -> bool:
        """As any event's; it takes some time."""
        return super().wait(timeout if timeout is None else max(timeout, _LEAST))


def _unwound(record: logging.LogRecord) -> bool:
    """Say nothing of a worker that ends with its lab."""
    from lambdalab.kernel.task import TimedOut

    task = green()
    gone = isinstance(record.exc_info, tuple) and record.exc_info[0] is TimedOut
    return not (gone and task is not None and task.visitor)
