"""The numbers in default names (``Thread-1``, ``ThreadPoolExecutor-0``, ``Task-1``), per environment.

Python counts them over its process, and an environment is a process of its own: what a handler logs
shall not depend on what the notebook has run before. They begin anew when the runtime does.
"""

from __future__ import annotations

import threading
from asyncio import base_events
from typing import Any

from lambdalab.kernel.shims.environ import Names, dispatching, here


class Counters:
    """Counts the names of threads, executors and asyncio's tasks for the environment that runs."""

    def __init__(self) -> None:
        names = Names()
        names.dispatch(threading, "_newname", _thread_name)
        names.put_when_imported("concurrent.futures.thread.ThreadPoolExecutor", _executor)
        loop: Any = base_events.BaseEventLoop
        names.put(loop, "create_task", _create_task(loop.create_task))
        self.on, self.off = names.on, names.off


def _count(surroundings: Any, kind: str, start: int = 1) -> int:
    number: int = surroundings.counts.get(kind, start)
    surroundings.counts[kind] = number + 1
    return number


def _thread_name(surroundings: Any, template: str = "Thread-%d") -> str:
    return template % _count(surroundings, "thread")


def _executor(real: Any) -> Any:
    """An executor's counter is an attribute of its class; teach it to dispatch, for good."""
    counter = dispatching(real._counter, lambda surroundings: _count(surroundings, "executor", 0))
    real._counter = staticmethod(counter)
    return real


def _create_task(real: Any) -> Any:
    """Asyncio counts in C; a name of our own keeps it from doing so. A task factory is left alone."""

    def create_task(self: Any, coro: Any, **options: Any) -> Any:
        surroundings = here()
        if (
            surroundings is not None
            and options.get("name") is None
            and self.get_task_factory() is None
        ):
            options["name"] = f"Task-{_count(surroundings, 'task')}"
        return real(self, coro, **options)

    return create_task
