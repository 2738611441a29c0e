"""How code outside the lab that lives in its time waits: for a lock, for a thread, in its event loop.

While it waits the lab runs, and with it the threads that this code has started: see
:mod:`lambdalab.kernel.visitors`. Notebook servers, progress bars and debuggers have waits of their own in
the same thread, for threads that are real: those stay real.
"""

from __future__ import annotations

import _thread
import functools
import sys
import threading
import time as clock
from _thread import get_ident
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lambdalab.kernel.bell import Bell
from lambdalab.kernel.current import green, running
from lambdalab.kernel.outside import Outside, outside
from lambdalab.kernel.shims.virtual import timeout_us

_active: dict[int, Any] = threading._active  # type: ignore[attr-defined]
_BETWEEN = frozenset({"threading", "queue", "concurrent", "contextlib", "lambdalab", "asyncio"})
"""Packages that wait on behalf of whoever called them."""
_THEIR_OWN = frozenset(
    {
        "IPython",
        "comm",
        "debugpy",
        "ipykernel",
        "jupyter_client",
        "pydevd",
        "tornado",
        "tqdm",
        "zmq",
    }
)
"""Packages whose threads and waits are none of the notebook's own code."""
_LAB_OWN = frozenset({"lambdalab", "lambdalab watchman"})  # names of the lab's own threads
_LISTEN = 0.002  # seconds after which is looked again whether a real thread has ended a wait
_GRACE = 0.02  # seconds that a real thread is given to end a wait, before virtual time is let pass


class Waiter:
    """Code outside that stands in the line for a lock, as a task does."""

    is_here = True

    def __init__(self) -> None:
        self.tasks, self.bell = self, Bell()

    def wake(self, _: object) -> bool:
        """It is its turn."""
        self.bell.wake()
        return True


def living() -> Outside | None:
    """The time in which the code that asks lives; None for tasks, and where waits stay real."""
    time = outside.get(get_ident()) if outside else None
    if time is None:
        return None
    frame = sys._getframe(1)
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package not in _BETWEEN:
            return None if package in _THEIR_OWN else time
        frame = frame.f_back  # type: ignore[assignment]
    return time


def until_of(time: Outside, timeout: Any) -> int | None:
    """The moment at which a wait with that timeout (seconds; None or -1: none) gives up."""
    return None if timeout is None or timeout == -1 else time.now() + timeout_us(timeout)


def real_first(time: Outside, timeout: Any) -> float:
    """How many seconds of real time a wait lasts at first: there may be real threads that end it."""
    if time.has_visitors or len(_active) < 2:
        return 0
    return float(min(_GRACE, timeout))


def listen() -> bool:
    """Wait a moment for real threads, which may end what code outside waits for; False: there are none."""
    own = sum(thread.name in _LAB_OWN for thread in list(_active.values()))
    on_main = threading.main_thread().ident == get_ident()
    if _thread._count() - own - (not on_main) <= 0:
        return False
    with machine_time():
        clock.sleep(_LISTEN)
    return True


@contextmanager
def machine_time() -> Iterator[None]:
    """The machine's time for code outside, a visitor too: for what is not the lab's, another process."""
    ident = get_ident()
    task, time = running.pop(ident, None), outside.pop(ident, None)
    try:
        yield
    finally:
        if task is not None:
            running[ident] = task
        if time is not None:
            outside[ident] = time


def really(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that has the machine's time where code outside calls it, and a handler's in a handler."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        task = green()
        if get_ident() not in outside if task is None else not task.visitor:
            return function(*args, **kwargs)
        with machine_time():
            return function(*args, **kwargs)

    return call
