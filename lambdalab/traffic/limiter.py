"""The client-side rate limiter of the SDKs' adaptive mode.

A throttle makes the client send less than it was sending; then its rate grows again, slowly near the rate
that was throttled and faster beyond it, as TCP's CUBIC does. Until the first throttle it limits nothing.
Source: botocore 1.35.91, retries/adaptive, retries/bucket and retries/throttling.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from lambdalab.kernel.clock import US
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules

Go = Callable[[], None]
_ENOUGH = 1 - 1e-9  # of a token: what a float may have lost on the way to 1


class RateLimiter:
    """Lets tries out at the rate that the service's answers suggest.

    Parameters: the run's ``scheduler``, and the ``rules``.
    """

    def __init__(self, scheduler: Scheduler, rules: Rules) -> None:
        self._scheduler = scheduler
        self._cubic = _Cubic(scheduler.now / US, rules)
        self._meter = _Meter(scheduler.now / US, rules)
        self._lead: float = rules.sdk_rate_lead
        self._slowest: float = rules.sdk_rate_minimum
        self.limits = False
        """Whether there has been a throttle."""
        self.rate = 1.0
        """Tries a second."""
        self._capacity, self._tokens, self._filled_at = 1.0, 0.0, scheduler.now
        self._waiting: deque[Go] = deque()
        self._wake = 0

    def send(self, go: Go) -> None:
        """Let a try out, now or when it is its turn."""
        if not self.limits:
            go()
            return
        self._waiting.append(go)
        if not self._wake:
            self._let_out(None)

    def heard(self, throttled: bool) -> None:
        """A try is over; whether it was throttled."""
        now = self._scheduler.now / US
        measured = self._meter.record(now)
        if throttled:
            asked = min(measured, self.rate) if self.limits else measured
            rate = self._cubic.throttled(asked, now)
            self.limits = True
        else:
            rate = self._cubic.rate(now)
        self._set(min(rate, self._lead * measured))

    def _set(self, rate: float) -> None:
        self._fill()
        self.rate = max(rate, self._slowest)
        self._capacity = max(rate, 1.0)
        self._tokens = min(self._tokens, self._capacity)
        if self._wake:  # whoever waits now waits for another time
            self._scheduler.cancel(self._wake)
            self._plan()

    def _fill(self) -> None:
        now = self._scheduler.now
        gained = (now - self._filled_at) / US * self.rate
        self._tokens, self._filled_at = min(self._capacity, self._tokens + gained), now

    def _plan(self) -> None:
        short = max(1.0 - self._tokens, 0.0) / self.rate
        at = self._scheduler.now + math.ceil(short * US)
        self._wake = self._scheduler.at(at, self._let_out)

    def _let_out(self, _: object) -> None:
        self._wake = 0
        self._fill()
        if self._tokens < _ENOUGH:
            self._plan()
            return
        self._tokens -= 1
        go = self._waiting.popleft()
        if self._waiting:  # before it goes: its answer may come at once, and change the rate
            self._plan()
        go()


class _Cubic:
    """The rate over time after a throttle."""

    def __init__(self, now: float, rules: Rules) -> None:
        self._cut: float = rules.sdk_rate_cut
        self._growth: float = rules.sdk_rate_growth
        self._before, self._since = 0.0, now
        self._back = 0.0  # seconds until the rate is again what was throttled

    def rate(self, now: float) -> float:
        return self._growth * (now - self._since - self._back) ** 3 + self._before

    def throttled(self, rate: float, now: float) -> float:
        self._before, self._since = rate, now
        self._back = math.cbrt(rate * (1 - self._cut) / self._growth)
        return rate * self._cut


class _Meter:
    """The rate at which answers come, smoothed over intervals."""

    def __init__(self, now: float, rules: Rules) -> None:
        self._interval: float = rules.sdk_rate_interval
        self._weight: float = rules.sdk_rate_smoothing
        self._began = float(math.floor(now))
        self._count, self._rate = 0, 0.0

    def record(self, now: float) -> float:
        begins = math.floor(now / self._interval) * self._interval
        self._count += 1
        if begins > self._began:
            latest = self._count / (begins - self._began)
            self._rate = latest * self._weight + self._rate * (1 - self._weight)
            self._count, self._began = 0, begins
        return self._rate
