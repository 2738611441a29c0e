"""The line before a lock or a queue: who waits for it, in virtual time, first come, first served."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lambdalab.errors import NeverAnswered
from lambdalab.kernel.outside import Outside
from lambdalab.kernel.shims.outsiders import Waiter, listen, real_first
from lambdalab.kernel.shims.outsiders import until_of as outside_until
from lambdalab.kernel.shims.virtual import timeout_us

if TYPE_CHECKING:
    from lambdalab.kernel.task import Task

waiting: dict[Any, deque[Any]] = {}
"""Lock or queue -> the tasks, or code outside, that wait for it."""


def wait(resource: Any, take: Callable[[], bool], task: Task, until: int) -> bool:
    """Park the task until it is its turn and ``take`` succeeds; False when ``until`` comes first."""
    from lambdalab.kernel.task import EXPIRED

    line = waiting.setdefault(resource, deque())
    line.append(task)
    try:
        while task.tasks.block(task, until) is not EXPIRED:
            if take():
                return True
            line = waiting.setdefault(resource, deque())
            line.appendleft(task)
    except BaseException:
        _leave_line(resource, line, task)
        wake_first(resource)  # it may have been this one's turn
        raise
    _leave_line(resource, line, task)
    return False


def wait_outside(
    resource: Any, take: Callable[[float], bool], time: Outside, timeout: Any
) -> bool | None:
    """Let the lab run until ``take(0)`` succeeds; False when the ``timeout`` comes first.

    ``take(seconds)`` tries for so long in real time. None where no thread lives in this time: then the
    wait is a real one. Raises NeverAnswered where nobody is left who could free the resource.
    """
    until = outside_until(time, timeout)
    if until is None and not time.has_visitors:
        return None
    first = 0.0 if until is None else real_first(time, timeout)
    if first and take(first):
        return True
    taken: list[bool] = []

    def heard() -> bool:  # nothing is left to happen in the lab: a real thread may still free it
        there = listen()
        if there and take(0):
            taken.append(True)
        return there and not taken

    while True:
        waiter = Waiter()
        line = waiting.setdefault(resource, deque())
        line.append(waiter)
        try:
            time.keeper().linger(waiter.bell, until, heard)
        finally:
            _leave_line(resource, waiting.get(resource, line), waiter)
        if taken or take(0):
            return True
        if until is not None and time.now() >= until:
            return False
        if not waiter.bell.over:
            raise NeverAnswered("all threads wait, and nothing is left to happen: a deadlock")


def _leave_line(resource: Any, line: deque[Any], task: Any) -> None:
    if task in line:
        line.remove(task)
    if not line and waiting.get(resource) is line:
        del waiting[resource]


def wake_first(resource: Any) -> None:
    """Let the one who has waited longest try again."""
    line = waiting.get(resource)
    while line:
        task = line.popleft()
        if task.tasks.is_here and task.tasks.wake(task):
            break
    if line is not None and not line:
        del waiting[resource]


def until_of(task: Task, timeout: Any) -> int:
    """The moment at which a wait with that timeout (seconds; None or -1: none) gives up."""
    from lambdalab.kernel.task import NEVER

    if timeout is None or timeout == -1:
        return NEVER
    return task.tasks.scheduler.now + timeout_us(timeout)
