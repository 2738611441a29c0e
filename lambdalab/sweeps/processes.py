"""The processes of this machine: none is left behind, and one that dies takes no result with it."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from typing import Any

from lambdalab.errors import LabError
from lambdalab.sweeps.executors import Done, Packed, submitted
from lambdalab.sweeps.plan import Task
from lambdalab.sweeps.work import Outcome

_DIED = "the process that ran it ended: out of memory, or ended by something from outside"
_UNGUARDED = (
    "the processes of the sweep did not start. Does the program keep its work under "
    '`if __name__ == "__main__":`? Each process imports it for the scenario that it defines. Put the '
    "scenario in a module of its own, install cloudpickle, or say workers=1"
)


def check_outside() -> None:
    """Raise where a program is imported by one of the processes that its own sweep has started."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise LabError(_UNGUARDED)


def on_processes(packed: Packed, tasks: Sequence[Task], workers: int) -> Iterator[Done]:
    """On ``workers`` processes, each started afresh (never forked).

    When one dies, what was under way is tried once more, one after the other in a process of its own: only
    what kills its process again counts as failed.
    """
    left = dict.fromkeys(tasks)
    while left:
        suspects: list[Task] = []
        for task, outcome in _until_one_dies(packed, list(left), workers, 2 * workers):
            if outcome is None:
                suspects.append(task)
            else:
                del left[task]
                yield task, outcome
        while suspects:
            for task, outcome in _until_one_dies(packed, list(suspects), 1, 1):
                suspects.remove(task)
                del left[task]
                yield task, outcome or Outcome({}, _DIED, final=False)


def _until_one_dies(
    packed: Packed, tasks: Sequence[Task], workers: int, ahead: int
) -> Iterator[tuple[Task, Outcome | None]]:
    """The outcomes of one pool; None for what was under way when a process died."""
    workers = min(workers, len(tasks))
    with _pool(packed, workers) as pool:
        try:
            submit = partial(_submit, pool, packed)
            for task, future in submitted(submit, packed, tasks, ahead):
                try:
                    yield task, future.result()
                except BrokenProcessPool:
                    yield task, None
        except BrokenProcessPool:  # of submit: the rest has not begun
            return


@contextmanager
def _pool(packed: Packed, workers: int) -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)
    try:
        ready = [_submit(pool, packed, _nothing) for _ in range(workers)]  # starts each of them
        try:
            for future in ready:
                future.result()
        except BrokenProcessPool:
            raise LabError(_UNGUARDED) from None
        yield pool
    except BaseException:
        _end(pool)
        raise
    pool.shutdown(wait=True, cancel_futures=True)


def _submit(
    pool: ProcessPoolExecutor, packed: Packed, function: Callable[..., Any], *arguments: Any
) -> Future[Any]:
    with _main_unseen(packed.needs_main):  # a process may be started by it
        return pool.submit(function, *arguments)


def _end(pool: ProcessPoolExecutor) -> None:
    """Stop at once: nobody waits for what is under way."""
    running: dict[Any, Any] = getattr(pool, "_processes", None) or {}
    for process in list(running.values()):
        process.terminate()
    pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _main_unseen(needed: bool) -> Iterator[None]:
    """While inside, new processes do not import the main program, unless it is needed.

    A program that calls ``sweep`` where everybody can see it would else run once more in each of them.
    """
    main = sys.modules["__main__"]
    names = () if needed else ("__spec__", "__file__")
    kept = {name: getattr(main, name) for name in names if hasattr(main, name)}
    for name in kept:
        setattr(main, name, None)
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(main, name, value)


def _nothing() -> None:
    """The first call of a process: it has started."""


def _begin() -> None:
    """In a new process: Ctrl-C is the first one's to hear, and with that one it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
