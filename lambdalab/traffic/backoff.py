"""How long a caller waits before it tries again.

The strategies and their formulas: AWS Architecture Blog, "Exponential Backoff And Jitter" (2015).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lambdalab.errors import InvalidSetting
from lambdalab.kernel.clock import microseconds
from lambdalab.rules import Rules

STRATEGIES = ("none", "exponential", "equal", "full", "decorrelated")
SOURCE = "AWS Architecture Blog, Exponential Backoff And Jitter"
_RULES = Rules.as_of()

Uniform = Callable[[], float]
"""Gives numbers from 0 up to, but without, 1: what waits are drawn with."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """A rule for the waits between the tries of one call.

    Parameters
    ----------
    strategy
        With ``temp = min(cap, base * 2**n)`` for the n-th wait, counted from 0:

        - ``"none"``: no wait at all
        - ``"exponential"``: ``temp``, the same for everybody
        - ``"equal"``: half of ``temp``, and at random up to as much again
        - ``"full"``: at random from 0 to ``temp``
        - ``"decorrelated"``: at random from ``base`` to three times the wait before (the first: from
          ``base`` to three times ``base``), ``cap`` at most
    base
        Seconds: what the waits begin with; more than 0.
    cap
        Seconds: no wait is longer; at least ``base``.

    Example
    -------
    >>> waits = Backoff("exponential", base=0.1, cap=1).waits(lambda: 0.5)
    >>> [next(waits) / 1_000_000 for _ in range(5)]
    [0.1, 0.2, 0.4, 0.8, 1.0]
    """

    strategy: str = "full"
    base: float = _RULES.sdk_backoff_base
    cap: float = _RULES.sdk_backoff_maximum

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise InvalidSetting(
                "strategy", self.strategy, f"one of {', '.join(STRATEGIES)}", SOURCE
            )
        base, cap = microseconds(self.base, "base"), microseconds(self.cap, "cap")
        if base <= 0:
            raise InvalidSetting("base", self.base, "more than 0 seconds")
        if cap < base:
            raise InvalidSetting("cap", self.cap, f"at least base ({self.base})")

    def waits(self, uniform: Uniform) -> Iterator[int]:
        """The waits of one call, one after the other, in whole microseconds; they never end."""
        base, cap = microseconds(self.base), microseconds(self.cap)
        if self.strategy == "none":
            return _none()
        if self.strategy == "exponential":
            return _exponential(base, cap)
        if self.strategy == "equal":
            return _equal(base, cap, uniform)
        if self.strategy == "full":
            return full(base, cap, uniform)
        return _decorrelated(base, cap, uniform)


def _none() -> Iterator[int]:
    while True:
        yield 0


def _exponential(base: int, cap: int) -> Iterator[int]:
    temp = base
    while True:
        yield temp
        temp = min(cap, 2 * temp)


def _equal(base: int, cap: int, uniform: Uniform) -> Iterator[int]:
    temp = base
    while True:
        half = temp / 2
        yield round(half + uniform() * half)
        temp = min(cap, 2 * temp)


def full(base: int, cap: int, uniform: Uniform) -> Iterator[int]:
    """Full jitter, in microseconds; what AWS's SDKs use."""
    temp = base
    while True:
        yield round(uniform() * temp)
        temp = min(cap, 2 * temp)


def _decorrelated(base: int, cap: int, uniform: Uniform) -> Iterator[int]:
    before = float(base)
    while True:
        before = min(cap, base + uniform() * (3 * before - base))
        yield round(before)
