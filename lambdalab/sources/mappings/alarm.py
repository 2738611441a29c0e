"""A timer of a mapping that neither keeps a run alive nor goes off twice."""

from __future__ import annotations

from collections.abc import Callable

from lambdalab.kernel.scheduler import Scheduler


class Alarm:
    """One background timer. ``armed`` tells whether it will go off.

    >>> scheduler = Scheduler()
    >>> alarm = Alarm(scheduler, lambda: print("at", scheduler.now))
    >>> alarm.at(5); alarm.at(3); alarm.armed
    True
    >>> scheduler.run(until=10)
    at 5
    """

    __slots__ = ("_act", "_scheduler", "_token", "armed")

    def __init__(self, scheduler: Scheduler, act: Callable[[], None]) -> None:
        self._scheduler, self._act = scheduler, act
        self._token, self.armed = 0, False

    def at(self, time: int) -> None:
        """Go off then; if it is armed already that time holds."""
        if not self.armed:
            self.armed = True
            self._token = self._scheduler.background(time, self._ring)

    def off(self) -> None:
        """Do not go off."""
        if self.armed:
            self.armed = False
            self._scheduler.cancel_background(self._token)

    def _ring(self, _: object) -> None:
        self.armed = False
        self._act()
