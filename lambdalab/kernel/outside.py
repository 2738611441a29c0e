"""Virtual time for code that no task runs: a notebook's own cell, a script, between ``on`` and ``off``.

What it sleeps is time in which the lab runs, and its clocks show the lab's. While the lab runs, nothing
of this holds: what runs then are tasks, which have their own answers, and the lab's own code, which asks
the real clocks.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic as _monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambdalab.kernel.tasks import Tasks
    from lambdalab.kernel.timekeeper import Timekeeper
    from lambdalab.kernel.visitors import Visitors


class Outside:
    """Whose time it is.

    Parameters: ``start_us``, the date of its beginning; ``keeper()``, who keeps it (a lab that starts anew
    has another one); ``sleep(us)``, which lets time pass; ``tasks()``, among which the ``visitors`` are.
    """

    def __init__(
        self,
        start_us: int,
        keeper: Callable[[], Timekeeper],
        sleep: Callable[[int], object],
        tasks: Callable[[], Tasks],
    ) -> None:
        self.start_us, self.keeper, self.sleep, self._tasks = start_us, keeper, sleep, tasks
        self._visitors: Visitors | None = None

    def now(self) -> int:
        """Microseconds since the start."""
        return self.keeper().now

    @property
    def visitors(self) -> Visitors:
        """The threads of code that lives in this time."""
        if self._visitors is None:
            from lambdalab.kernel.visitors import Visitors  # brings greenlet

            self._visitors = Visitors(self, self._tasks)
        return self._visitors

    @property
    def has_visitors(self) -> bool:
        """Whether there is any."""
        return self._visitors is not None and len(self._visitors) > 0

    def begin(self) -> None:
        """The lab starts anew."""
        if self._visitors is not None:
            from lambdalab.kernel.shims import executors

            self._visitors.forget()
            executors.forget(self)


outside: dict[int, Outside] = {}
"""Thread ident -> whose time its own code lives in. Only this module writes it."""


class Virtual:
    """Gives the thread that calls :meth:`on` another time than the machine's, until :meth:`off`.

    One within another: the inner one's time holds until it is off. Only its own thread's time changes.
    """

    def __init__(self, time: Outside) -> None:
        self._time = time
        self._thread: int | None = None
        self._before: Outside | None = None

    def on(self) -> None:
        """From now on, unless it is on; raises what :func:`lambdalab.kernel.shims.install` raises."""
        from lambdalab.kernel import shims  # brings greenlet

        if self._thread is not None:
            return
        shims.install()
        self._thread = get_ident()
        self._before = outside.get(self._thread)
        outside[self._thread] = self._time

    def off(self) -> None:
        """The time before again; once more does nothing."""
        from lambdalab.kernel import shims

        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._before is None:
            outside.pop(thread, None)
        else:
            outside[thread] = self._before
        shims.executors.leave(self._time)
        shims.uninstall()


@contextmanager
def virtual(time: Outside) -> Iterator[None]:
    """Give this thread another time than the machine's, for what it does in the block."""
    given = Virtual(time)
    given.on()
    try:
        yield
    finally:
        given.off()


@contextmanager
def real() -> Iterator[None]:
    """Within a :func:`virtual` block, the machine's time again: for a lab that runs."""
    ident = get_ident()
    time = outside.pop(ident, None)
    try:
        yield
    finally:
        if time is not None:
            outside[ident] = time


def monotonic() -> float:
    """The machine's seconds, also where time is a lab's: for progress bars, and for loops of others."""
    if not outside:
        return _monotonic()
    with real():
        return _monotonic()
