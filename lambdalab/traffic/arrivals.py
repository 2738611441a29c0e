"""When requests come: arrival processes, each a stream of waits in microseconds.

An arrival process is asked for its waits once per ``drive``; it ends when they end, or when the
``duration`` or ``count`` given to ``drive`` does.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from lambdalab.errors import InvalidSetting
from lambdalab.kernel.clock import US, microseconds
from lambdalab.kernel.random import RandomStream

_MOST_PER_SECOND = 1_000_000


class Arrivals(Protocol):
    """What ``drive`` accepts: ``endless`` says whether only a duration or count can end it."""

    endless: bool

    def waits(self, stream: RandomStream) -> Iterator[int]:
        """Microseconds from each arrival to the next, the first counted from the start."""


def _check_rate(rate: object) -> None:
    good = isinstance(rate, (int, float)) and not isinstance(rate, bool)
    if not good or not 0 < rate <= _MOST_PER_SECOND:  # type: ignore[operator]
        raise InvalidSetting("rate", rate, "a number of arrivals a second, more than 0")


@dataclass(frozen=True, slots=True)
class Poisson:
    """Independent callers: exponential gaps between arrivals.

    Parameters: ``rate`` in arrivals a second.

    >>> Poisson(rate=20)
    Poisson(rate=20)
    """

    rate: float
    endless = True

    def __post_init__(self) -> None:
        _check_rate(self.rate)

    def waits(self, stream: RandomStream) -> Iterator[int]:
        """Exponential gaps by inversion."""
        uniform, log1p, scale = stream.uniform, math.log1p, -US / self.rate
        while True:
            yield round(scale * log1p(-uniform()))


@dataclass(frozen=True, slots=True)
class Every:
    """A steady beat: one arrival every ``interval`` seconds, the first after ``first`` seconds.

    >>> list(next(Every(0.5).waits(None)) for _ in range(2))
    [0, 0]
    """

    interval: float
    first: float = 0.0
    endless = True

    def __post_init__(self) -> None:
        if microseconds(self.interval, "interval") == 0:
            raise InvalidSetting("interval", self.interval, "more than 0 seconds")
        microseconds(self.first, "first")

    def waits(self, stream: RandomStream | None) -> Iterator[int]:
        """The first wait, then the same one for ever."""
        yield microseconds(self.first)
        interval = microseconds(self.interval)
        while True:
            yield interval


@dataclass(frozen=True, slots=True)
class Burst:
    """Everybody at once: ``size`` arrivals at the same moment, ``at`` seconds after the start."""

    size: int
    at: float = 0.0
    endless = False

    def __post_init__(self) -> None:
        if isinstance(self.size, bool) or not isinstance(self.size, int) or self.size < 1:
            raise InvalidSetting("size", self.size, "a whole number, 1 or more")
        microseconds(self.at, "at")

    def waits(self, stream: RandomStream) -> Iterator[int]:
        """One wait, then none."""
        yield microseconds(self.at)
        for _ in range(self.size - 1):
            yield 0


@dataclass(frozen=True, slots=True, repr=False)
class Replay:
    """Recorded traffic: the times of arrivals, and what each call took.

    Parameters
    ----------
    times
        Seconds, rising; the first arrival comes at the lab's start unless ``start`` names an earlier
        moment on the same scale.
    durations
        Seconds each call took, as many as ``times``; give the function ``duration=replay.duration``
        and each run takes what was recorded (the payload carries it).

    Example
    -------
    >>> replay = Replay([10.0, 12.5], durations=[1.9, 2.1])
    >>> list(replay.waits(None)), replay.payload(1), replay.duration({"duration": 2.1})
    ([0, 2500000], {'duration': 2.1}, 2.1)
    """

    times: Sequence[float] = field(repr=False)
    durations: Sequence[float] | None = field(default=None, repr=False)
    start: float | None = None
    endless = False

    def __post_init__(self) -> None:
        times = tuple(map(float, self.times))  # ours: nobody changes them under us
        object.__setattr__(self, "times", times)
        if self.durations is not None:
            object.__setattr__(self, "durations", tuple(map(float, self.durations)))
        if not times:
            raise InvalidSetting("times", times, "at least one arrival")
        origin = times[0] if self.start is None else self.start
        rising = all(later >= earlier for earlier, later in itertools.pairwise(times))
        if not rising or origin > times[0] or not all(map(math.isfinite, (origin, times[-1]))):
            raise InvalidSetting(
                "times", f"{len(times)} numbers", "finite and rising, from start on"
            )
        if self.durations is not None:
            if len(self.durations) != len(times):
                raise InvalidSetting(
                    "durations",
                    f"{len(self.durations)} numbers",
                    f"as many as times ({len(times)})",
                )
            for value in self.durations:
                microseconds(value, "durations")

    def waits(self, stream: RandomStream | None) -> Iterator[int]:
        """The recorded gaps; rounding does not add up, each time is rounded once."""
        origin = self.times[0] if self.start is None else self.start
        before = 0
        for time in self.times:
            at = round((time - origin) * US)
            yield at - before
            before = at

    def payload(self, i: int) -> dict[str, Any]:
        """The payload of arrival ``i``: how long it took when it was recorded."""
        return {} if self.durations is None else {"duration": self.durations[i]}

    def __repr__(self) -> str:
        span = self.times[-1] - self.times[0]
        taken = "" if self.durations is None else ", with durations"
        return f"Replay({len(self.times):,} arrivals in {span:,.6g} s{taken})"

    @staticmethod
    def duration(event: dict[str, Any]) -> float:
        """The recorded duration of the call that carries ``event``: for ``duration=`` of a function."""
        return float(event["duration"])
