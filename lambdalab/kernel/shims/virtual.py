"""What time it is for the task running in this thread, or for code that lives in a lab's time."""

from __future__ import annotations

import math
import operator
from _thread import get_ident
from typing import Any

from lambdalab.kernel.current import running
from lambdalab.kernel.outside import outside

_ident = get_ident


def epoch_us() -> int | None:
    """Microseconds since 1970 in the running task's lab; None where time is the machine's."""
    if running:
        task = running.get(_ident())
        if task is not None:
            tasks = task.tasks
            return tasks.start_us + tasks.scheduler.now
    if outside:
        time = outside.get(_ident())
        if time is not None:
            return time.start_us + time.now()
    return None


def lab_us() -> int | None:
    """Microseconds since the start of the running task's lab; None where time is the machine's."""
    if running:
        task = running.get(_ident())
        if task is not None:
            return task.tasks.scheduler.now
    if outside:
        time = outside.get(_ident())
        if time is not None:
            return time.now()
    return None


def timeout_us(seconds: Any, what: str = "timeout value") -> int:
    """Seconds as Python's own waits take them, in microseconds; a wait that is due takes one.

    Raises what the real functions raise: TypeError, ValueError, OverflowError.
    """
    if isinstance(seconds, float):
        if 0.0 <= seconds < 9e9:
            return round(seconds * 1_000_000) or 1
        if math.isnan(seconds):
            raise ValueError("Invalid value NaN (not a number)")
        if not abs(seconds) < 2**63 / 1e9:
            raise OverflowError("timestamp too large to convert to C PyTime_t")
    else:
        seconds = operator.index(seconds)
    if seconds < 0:
        raise ValueError(f"{what} must be non-negative")
    # at least one microsecond: a loop that polls with sleep(0) must get somewhere
    return round(seconds * 1_000_000) or 1
