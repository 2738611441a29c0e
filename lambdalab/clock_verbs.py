"""The lab's verbs that let time pass."""

from __future__ import annotations

import datetime as dt
from _thread import get_ident
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from lambdalab.errors import InvalidSetting, LabError
from lambdalab.kernel.clock import US, Clock, microseconds
from lambdalab.kernel.current import green
from lambdalab.kernel.driver import Driver, DriverClosed
from lambdalab.kernel.outside import Outside, outside
from lambdalab.progress import following
from lambdalab.reprs import RunNote

if TYPE_CHECKING:
    from lambdalab.invocation.service import LambdaService
    from lambdalab.kernel.scheduler import Scheduler
    from lambdalab.kernel.timekeeper import Timekeeper
    from lambdalab.sources.sqs.service import Sqs
    from lambdalab.traffic.traffic import Traffic
    from lambdalab.triggers.registry import Triggers


Made = TypeVar("Made")
_GRACE = 0.02  # seconds of real time in which threads that call together are awaited


class ClockVerbs:
    """What a :class:`~lambdalab.lab.Lab` does with its clock."""

    _player: Any = None
    """The last of the widgets that :meth:`play` made to play."""
    _driver: Driver | None = None
    """What drives the lab while threads share it."""
    _home: int
    """The ident of the thread that has made the lab."""

    if TYPE_CHECKING:
        _clock: Clock
        _lambda: LambdaService
        _scheduler: Scheduler
        _time: Timekeeper
        _traffic: Traffic
        _triggers: Triggers
        sqs: Sqs

        def _check_open(self) -> None: ...
        def _door(self, door: str) -> Any: ...

    def run(self, until: Any = None) -> RunNote:
        """Let time pass: to ``until``, or until nothing is in flight.

        Parameters: ``until`` is seconds since the lab's start, ``"2min"``, a timedelta, or a date.

        Without it the run ends when no event is queued, delayed, invisible, waiting for a retry or
        running. Ctrl-C ends it between two events; the next ``run()`` goes on. Where somebody looks on, a
        run of more than a second shows how far it is (:mod:`lambdalab.progress`).

        Raises :class:`EndlessRun` without ``until`` while traffic that never ends is on, or what
        schedules start never ends; :class:`InsideHandler` in a handler.
        """
        self._alone("run")
        if until is None:
            self._traffic.check_ends()
            with self._triggers.parts.counting():
                return self._run(None)
        return self._run(self._end_of_run(until))

    def advance(self, duration: Any) -> RunNote:
        """Let ``duration`` pass (seconds, ``"2min"``, a timedelta).

        In a thread of a ``with lab.aws():`` block it sleeps for so long; other threads go on.
        """
        us = microseconds(duration)
        if (visitor := self._time.visitor) is not None:
            self._check_open()
            before = self._scheduler.now
            visitor.tasks.sleep(us)
            return self._noted(before)
        self._alone("advance")
        return self._run(self._scheduler.now + us)

    def play(
        self, speed: float = 60, *, until: Any = None, plots: Sequence[str] = ("timeline",),
        viewer: bool = False,
    ) -> Any:  # fmt: skip
        """Run against the wall clock, in a notebook, without blocking it; pictures follow.

        The trace is that of :meth:`run`, however fast it is played and however often it is paused.

        Parameters
        ----------
        speed
            Virtual seconds in a second of yours (0.01 to 1,000,000); can be changed while it plays.
        until
            As of :meth:`run`.
        plots
            Names of pictures that are drawn anew as time passes: any of ``dir(lab.trace.plot)``.
        viewer
            Whether a trace viewer follows too.

        Returns a widget with play, pause and speed; ``pause()``, ``resume()``, ``finish()`` from code.
        Where another one of this lab's is playing, it pauses.
        Where no event loop runs (a script) it plays to its end before it returns.
        """
        self._alone("play")
        end = None if until is None else self._end_of_run(until) / US
        return self._door("play").play(self, speed, until=end, plots=plots, viewer=viewer)

    def step(self) -> bool:
        """Let the next event happen; False when nothing is left to happen."""
        self._alone("step")
        return self._time.step()

    @property
    def now(self) -> dt.datetime:
        """The lab's date and time (UTC)."""
        return self._clock.datetime(self._scheduler.now)

    @property
    def elapsed(self) -> float:
        """Seconds since the lab's start."""
        return self._scheduler.now / US

    # ------------------------------------------------------------------ several threads

    def _alone(self, verb: str) -> None:
        """Raise unless time may pass by this verb; what drove the lab for other threads ends."""
        self._check_open()
        self._time.check_outside(verb)
        if self._driver is not None and not self._driver.is_here:
            if self._driver.keeps:
                raise LabError(
                    f"lab.{verb}() while an endpoint serves this lab: time is the endpoint's"
                )
            self._driver.close()
            self._driver = None

    def _in_turn(self, body: Callable[[], Made]) -> Made:
        """What ``body()`` returns, for a thread that may not be the only one to use the lab now.

        Two that ask at the same time meet: both are under way at the same virtual time.
        """
        if green() is not None or get_ident() in outside:
            return body()
        while True:
            driver = self._driver
            if driver is None:
                driver = self._driver = Driver(self._own_time, grace=_GRACE)
            if driver.is_here:
                return body()
            try:
                asked = driver.submit(body)
            except DriverClosed:  # by another thread, which lets time pass itself
                if driver.keeps:
                    raise
                if self._driver is driver:
                    self._driver = None
                continue
            return asked.result()

    def _end_of_run(self, until: Any) -> int:
        at: int = self._clock.at(until)
        if at < self._scheduler.now:
            raise InvalidSetting("until", until, f"not before now ({self.elapsed:g} s)")
        return at

    def _run_on(self, until: float) -> bool:
        """A part of a :meth:`run` without ``until``, to so many seconds after the lab's start at most.

        Returns whether more is to come.
        """
        self._check_open()
        self._time.check_outside("run")
        self._time.run(max(microseconds(until), self._scheduler.now), while_pending=True)
        return self._time.pending

    def _run(self, until: int | None) -> RunNote:
        before = self._scheduler.now
        with following(self._scheduler, until, "lab"):
            self._time.run(until)
        return self._noted(before, list(self._triggers.parts.ticking) if until is None else [])

    def _noted(self, before: int, ticking: Sequence[Any] = ()) -> RunNote:
        return RunNote(before, self._scheduler.now, self._clock, self.sqs.left_over(), ticking)

    @cached_property
    def _own_time(self) -> Outside:
        """This lab's time, for code outside it that lives in it: to sleep lets the lab run."""
        return Outside(
            self._clock.start_us,
            lambda: self._time,
            lambda us: self.advance(dt.timedelta(microseconds=us)),
            lambda: self._lambda.needed_tasks(),
        )
