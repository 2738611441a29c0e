"""Locks and ``SimpleQueue`` inside handlers: who has to wait, waits in virtual time.

The methods of the builtin types are exchanged in place, so every lock takes part: those a handler
makes, those of its module, those inside conditions, events, semaphores, barriers and queues, and
names imported early. Whoever waits for a lock that a *task* holds is parked, first come, first
served; one that a real thread holds is waited for in real time, as it will come back by itself.
"""

from __future__ import annotations

import queue
import threading
from _thread import allocate_lock, get_ident
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lambdalab.kernel.current import green, running
from lambdalab.kernel.outside import outside
from lambdalab.kernel.shims.lines import until_of, wait, wait_outside, waiting, wake_first
from lambdalab.kernel.shims.outsiders import living
from lambdalab.kernel.shims.reaim import TypePatch

if TYPE_CHECKING:
    from lambdalab.kernel.task import Task

_LOCK = type(allocate_lock())
_RLOCK = type(threading.RLock())
_QUEUE: Any = queue.SimpleQueue
_LOCK_NAMES = ("acquire", "acquire_lock", "release", "release_lock", "__enter__", "__exit__")
_RLOCK_NAMES = (
    *("acquire", "release", "__enter__", "__exit__"),
    *("_release_save", "_acquire_restore", "_is_owned"),
)
_BOUND_NAMES = ("acquire", "release", "_release_save", "_acquire_restore", "_is_owned")
_QUEUE_NAMES = ("get", "put", "put_nowait")

OUTSIDE = object()
"""Who holds an RLock that code outside has taken in a lab's time."""
_held: dict[int, Any] = {}  # id of a lock that a task took -> who owns it, if it is an RLock


class Locks:
    """The exchange of all methods."""

    def __init__(self) -> None:
        self._patches = []
        for kind, names, shims in (
            (_LOCK, _LOCK_NAMES, _lock_shims),
            (_RLOCK, _RLOCK_NAMES, _rlock_shims),
            (_QUEUE, _QUEUE_NAMES, _queue_shims),
        ):
            patch = TypePatch(kind, tuple(name for name in names if name in kind.__dict__))
            made = shims(patch.real)
            patch.shims = {name: made[name] for name in patch.real}
            self._patches.append(patch)
        self._bound = {name: _bound_shim(name) for name in _BOUND_NAMES}
        self._real = {name: vars(threading.Condition).get(name) for name in _BOUND_NAMES}

    def on(self) -> None:
        """Virtual waits inside tasks from now on."""
        for patch in self._patches:
            patch.on()
        for name, shim in self._bound.items():
            setattr(threading.Condition, name, shim)

    def off(self) -> None:
        """The real methods again."""
        for name, real in self._real.items():
            if real is None:
                delattr(threading.Condition, name)
            else:
                setattr(threading.Condition, name, real)
        for patch in self._patches:
            patch.off()


def _bound_shim(name: str) -> property:
    """What a condition kept of its lock when it was made, asked of the lock anew inside a task."""
    default = vars(threading.Condition).get(name)

    def get(self: Any) -> Any:
        kept = vars(self)
        if name in kept:
            here = green() is not None or get_ident() in outside
            return getattr(kept["_lock"], name) if here else kept[name]
        if default is None:
            raise AttributeError(name)
        return default.__get__(self)

    def put(self: Any, value: Any) -> None:
        vars(self)[name] = value

    return property(get, put)


# ---------------------------------------------------------------------- Lock


def _lock_shims(real: dict[str, Any]) -> dict[str, Any]:
    real_acquire, real_release = real["acquire"], real["release"]

    def acquire_outside(self: Any, blocking: bool, timeout: Any) -> bool:
        if not outside or not blocking or timeout == 0:
            return bool(real_acquire(self, blocking, timeout))
        if real_acquire(self, False):
            return True

        def take(seconds: float) -> bool:
            return bool(real_acquire(self, True, seconds) if seconds else real_acquire(self, False))

        time = living()
        found = None if time is None else wait_outside(self, take, time, timeout)
        return bool(real_acquire(self, blocking, timeout)) if found is None else found

    def acquire(self: Any, blocking: bool = True, timeout: Any = -1) -> bool:
        task = running.get(get_ident()) if running else None
        if task is None:
            taken = acquire_outside(self, blocking, timeout)
            if taken and outside and get_ident() in outside:
                _held[id(self)] = None  # a visitor of the same thread may have to wait for it
            elif taken and _held:
                _held.pop(id(self), None)
            return taken
        if real_acquire(self, False):
            _held[id(self)] = None
            return True
        if not blocking or timeout == 0 or id(self) not in _held:
            return bool(real_acquire(self, blocking, timeout))

        def take() -> bool:
            if real_acquire(self, False):
                _held[id(self)] = None
                return True
            return False

        return wait(self, take, task, until_of(task, timeout))

    def release(self: Any) -> None:
        real_release(self)
        if _held:
            _held.pop(id(self), None)
        if waiting and self in waiting:
            wake_first(self)

    def leave(self: Any, *_: object) -> None:
        release(self)

    return {
        "acquire": acquire,
        "acquire_lock": acquire,
        "__enter__": acquire,
        "release": release,
        "release_lock": release,
        "__exit__": leave,
    }


# ---------------------------------------------------------------------- RLock


class _Owners:
    """Which task holds which RLock: for the real lock all tasks of a thread are one owner."""

    def __init__(self, real: dict[str, Any]) -> None:
        self.really_owned = real["_is_owned"]

    def owner(self, lock: Any) -> Any:
        """The task that holds the lock, or ``OUTSIDE``."""
        found = _held.get(id(lock))
        return found if found is not None and self.really_owned(lock) else None

    def holder(self, lock: Any, task: Task) -> Any:
        """Who holds it, as far as that is a task's matter: for a visitor code outside counts, too."""
        found = self.owner(lock)
        return None if found is OUTSIDE and not task.visitor else found

    def outside(self, lock: Any, call: Callable[[], object], timeout: Any) -> bool:
        """Take it for code outside by ``call``, which fails only while another thread has it."""

        def take(_seconds: float = 0) -> bool:
            if self.owner(lock) not in (None, OUTSIDE) or call() is False:
                return False
            _held[id(lock)] = OUTSIDE
            return True

        if self.owner(lock) in (None, OUTSIDE):
            return take()
        if timeout == 0:
            return False
        found = wait_outside(lock, take, outside[get_ident()], timeout)
        if found is None:
            raise RuntimeError("a thread that waits for ever holds this lock: nothing can free it")
        return found

    def taker(self, lock: Any, task: Task, call: Callable[[], object]) -> Callable[[], bool]:
        """What takes the lock for the task, by ``call``, if it is free."""

        def take() -> bool:
            if self.holder(lock, task) is not None or call() is False:
                return False
            _held[id(lock)] = task
            return True

        return take

    @staticmethod
    def freed(lock: Any) -> None:
        """Nobody holds it any more."""
        _held.pop(id(lock), None)
        if waiting and lock in waiting:
            wake_first(lock)


def _rlock_shims(real: dict[str, Any]) -> dict[str, Any]:
    owners = _Owners(real)
    real_acquire, real_release = real["acquire"], real["release"]

    def acquire(self: Any, blocking: bool = True, timeout: Any = -1) -> bool:
        task = running.get(get_ident()) if running else None
        if task is None:
            if outside and get_ident() in outside:
                how = timeout if blocking else 0
                return owners.outside(self, lambda: real_acquire(self, blocking, timeout), how)
            return bool(real_acquire(self, blocking, timeout))
        now_owner = owners.holder(self, task)
        if now_owner is task:
            return bool(real_acquire(self))
        if now_owner is None:
            if real_acquire(self, blocking, timeout):
                _held[id(self)] = task
                return True
            return False
        if not blocking or timeout == 0:
            return False
        take = owners.taker(self, task, lambda: real_acquire(self, False))
        return wait(self, take, task, until_of(task, timeout))

    def release(self: Any) -> None:
        task = running.get(get_ident()) if running else None
        now_owner = owners.owner(self) if task is not None else None
        if now_owner is not None and now_owner is not task and now_owner is not OUTSIDE:
            if task is not None and task.dead:
                return  # it lost the lock when it was killed in a wait
            raise RuntimeError("cannot release un-acquired lock")
        real_release(self)
        if not owners.really_owned(self):
            owners.freed(self)

    def leave(self: Any, *_: object) -> None:
        release(self)

    return {
        "acquire": acquire,
        "__enter__": acquire,
        "release": release,
        "__exit__": leave,
        **_rlock_shims_for_conditions(real, owners),
    }


def _rlock_shims_for_conditions(real: dict[str, Any], owners: _Owners) -> dict[str, Any]:
    """What :class:`threading.Condition` asks of its lock."""
    real_save, real_restore = real["_release_save"], real["_acquire_restore"]

    def release_save(self: Any) -> Any:
        state = real_save(self)
        owners.freed(self)
        return state

    def acquire_restore(self: Any, state: Any) -> None:
        task = green()
        if task is None:
            if outside and get_ident() in outside:
                owners.outside(self, lambda: real_restore(self, state), None)
            else:
                real_restore(self, state)
            return
        take = owners.taker(self, task, lambda: real_restore(self, state))
        if not take():
            wait(self, take, task, until_of(task, None))

    def is_owned(self: Any) -> bool:
        task = green()
        if task is None:
            return bool(owners.really_owned(self)) and owners.owner(self) in (None, OUTSIDE)
        return owners.owner(self) is task

    return {
        "_release_save": release_save,
        "_acquire_restore": acquire_restore,
        "_is_owned": is_owned,
    }


# ---------------------------------------------------------------------- SimpleQueue


def _queue_shims(real: dict[str, Any]) -> dict[str, Any]:
    real_get, real_put = real["get"], real["put"]

    def get(self: Any, block: bool = True, timeout: Any = None) -> Any:
        task = green()
        time = living() if task is None else None
        if (task is None and time is None) or not block:
            return real_get(self, block, timeout)
        try:
            return real_get(self, False)
        except queue.Empty:
            pass
        if timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        found: list[Any] = []

        def take(seconds: float = 0) -> bool:
            try:
                found.append(real_get(self, seconds > 0, seconds or None))
            except queue.Empty:
                return False
            return True

        if task is not None:
            there = wait(self, take, task, until_of(task, timeout))
        else:
            there = wait_outside(self, take, time, timeout)  # type: ignore[assignment, arg-type]
        if there is None:
            return real_get(self, block, timeout)
        if not there:
            raise queue.Empty
        return found[0]

    def put(self: Any, item: Any, block: bool = True, timeout: Any = None) -> None:
        real_put(self, item)
        if waiting and self in waiting:
            wake_first(self)

    return {"get": get, "put": put, "put_nowait": put}
