"""How code outside the lab that lives in its time waits: for a lock, for a thread, in its event loop.

While it waits the lab runs, and with it the threads that this code has started: see
:mod:`lambdalab.kernel.visitors`. Notebook servers, progress bars and debuggers have waits of their own in
the same thread, for threads that are real: those stay real.
"""

from __future__ import annotations

import sys
import threading
from _thread import get_ident
from typing import Any

from lambdalab.kernel.bell import Bell
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
