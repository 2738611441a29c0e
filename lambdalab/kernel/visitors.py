"""Visitors: code outside a lab of which several pieces live in its time side by side.

The threads that a ``with lab.aws():`` block starts, and the requests that an endpoint answers. Each is a
task, so that what one of them waits for (an answer, a sleep, a lock) lets the others and the lab go on,
and all meet at the same virtual time, in an order that repeats. Of the process nothing is kept apart: they
see the variables, files and modules of the code that started them.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from lambdalab.errors import LabError
from lambdalab.kernel.outside import Outside, outside
from lambdalab.kernel.shims.modules import stage
from lambdalab.kernel.shims.warnings_ import Kept, shared
from lambdalab.kernel.task import NEVER, Visitor

if TYPE_CHECKING:
    from lambdalab.kernel.task import Body, Task
    from lambdalab.kernel.tasks import Tasks


class Visitors:
    """The visitors of one lab.

    Parameters: ``time``, the lab's time, in which they live; ``tasks()``, the lab's tasks.
    """

    def __init__(self, time: Outside, tasks: Callable[[], Tasks]) -> None:
        self._time, self._tasks = time, tasks
        self._there: dict[Task, None] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._there)

    def start(self, body: Body, done: Callable[[Task], object], ident: int = 0) -> Task:
        """Let ``body()`` begin at this moment; ``done(task)`` is called when it has ended."""

        def ended(task: Task, _ending: object) -> None:
            self._there.pop(task, None)
            done(task)

        tasks = self._tasks()
        task = Visitor(tasks, body, _Place(self._time), NEVER, ended)
        task.ident = ident
        self._there[task] = None
        tasks.admit(task)
        return task

    def forget(self) -> None:
        """The lab starts anew: those that were there are being unwound."""
        self._there.clear()


class _Place:
    """What tasks know as a visitor's surroundings: those of the process, and the lab's time.

    A stream or a warning filter that it puts in place of the process's (``redirect_stdout``) is its own:
    handlers run in between, and theirs are others.
    """

    __slots__ = ("__weakref__", "_kept", "_time")

    def __init__(self, time: Outside) -> None:
        self._time = time
        self._kept: Kept | None = None

    def enter(self) -> None:
        """It goes on, and sees the process's modules."""
        if stage.owner is not None:
            stage.show(None)
        if self._kept is not None:
            shared.set(self._kept)
            self._kept = None
        outside[get_ident()] = self._time

    def leave(self) -> None:
        """It has given the thread back."""
        outside.pop(get_ident(), None)
        if shared.replaced():
            self._kept = shared.take_away()

    @property
    def processor(self) -> NoReturn:
        """None: their computing costs no virtual time."""
        raise LabError("code outside a lab computes on no processor of its own")

    @property
    def memory(self) -> Any:
        """None: their memory is the process's."""
        return self.processor
