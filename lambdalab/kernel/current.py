"""Which task is running in this thread: the one question every shim asks.

Outside a run, in the notebook's own threads and in the service's logic the answer is None, and a
shim does what the real function does. A *visitor* is a task of code outside the lab, one of several that
live in its time side by side: only what has to do with time and waiting asks for it too.
"""

from __future__ import annotations

from _thread import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambdalab.kernel.task import Task

running: dict[int, Task] = {}
"""Thread ident -> the task running there now. Only :mod:`lambdalab.kernel.tasks` writes it."""


def green(_running: dict[int, Task] = running, _ident: object = get_ident) -> Task | None:
    """The task running in this thread, be it a handler's or a visitor, or None."""
    return _running.get(_ident()) if _running else None  # type: ignore[operator]


def current(_running: dict[int, Task] = running, _ident: object = get_ident) -> Task | None:
    """The handler's task running in this thread, or None."""
    if not _running:
        return None
    task = _running.get(_ident())  # type: ignore[operator]
    return None if task is None or task.visitor else task
