"""The one way from the server into a lab."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from lambdalab.errors import EndlessRun
from lambdalab.kernel.driver import Driver

if TYPE_CHECKING:
    from lambdalab.lab import Lab

T = TypeVar("T")
_PATIENCE = 1.0
"""Seconds of real time for which a request lets the lab come to rest before it begins."""


class Desk:
    """A thread in which a lab lives, and into which requests are handed, as many as come at once.

    A lab's handlers run in the thread that began them; between :meth:`start` and :meth:`close` this is
    the desk's. Before and after, the lab is anybody's.

    In virtual time the lab runs on after each answer until nothing is in flight, and then its clock stands
    still. A request begins when that is done, so that a client which sends one after the other finds the
    same each time; a lab that takes long to come to rest is interrupted, and one whose traffic never ends
    stands still while nobody waits. Messages that a client has received are in flight as well: they are
    visible again before its next request. For consumers that need their time there is ``speed``.

    Parameters: the ``lab``; ``speed``, seconds of the lab in a second of the clock on the wall (None:
    virtual time).
    """

    def __init__(self, lab: Lab, speed: float | None = None) -> None:
        self.lab, self.speed = lab, speed
        self._driver: Driver | None = None

    def start(self) -> None:
        """Take the lab."""
        self.lab._alone("serve")
        self._driver = Driver(self.lab._own_time, speed=self.speed, idle=self._comes_to_rest)
        self.lab._driver = self._driver

    def _comes_to_rest(self) -> bool:
        """Whether the lab's traffic ends at all: else nobody waiting, the books would grow for ever."""
        try:
            self.lab._traffic.check_ends()
        except EndlessRun:
            return False
        return True

    def close(self) -> None:
        """Finish what is there, and give the lab back; once more does nothing."""
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.close()
            self.lab._driver = None

    async def do(self, work: Callable[[], T], *, alone: bool = False) -> T:
        """What ``work()`` returns, done in the lab's time beside what others ask; raises what it raises.

        ``alone``: it runs while nothing else does, and may let time pass by the lab's verbs.
        """
        if self._driver is None:
            raise RuntimeError("the desk is closed")
        answer = self._driver.submit(work, alone=alone, waits=True)
        late = asyncio.get_running_loop().call_later(_PATIENCE, self._driver.hurry)
        try:
            return await asyncio.wrap_future(answer)
        finally:
            late.cancel()
