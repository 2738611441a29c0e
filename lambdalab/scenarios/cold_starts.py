"""How often does it start cold? A function that is called at random, and its idle environments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.rules import Rules
from lambdalab.scenarios import checks
from lambdalab.scenarios.concurrency import Concurrency

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_RULES = Rules.as_of()


@dataclass(frozen=True, slots=True)
class ColdStarts:
    """Independent callers, and an environment that ends when nobody has called it for too long.

    Look at the share of runs that start cold (``trace.plot.cold_starts()``): it is not the first call
    alone. Seldom called, a function has lost its environment before the next call comes; called so often
    that calls overlap, it needs another. In between lies traffic that is nearly always warm: with short
    runs the share is about exp(-rate × idle_expiry), which is 13.5 % for two calls in the time that an
    environment lives idle, and 5 % for three.

    Parameters
    ----------
    rate
        Calls a second on average (0.0001 to 10,000).
    idle_expiry
        Seconds after which an environment that nobody calls ends (1 to 86,400). AWS documents none.
    duration
        Seconds that the handler works (0 to 900).
    init
        Seconds of the function's own initialisation in a cold start (0 to 10).
    calls
        How many (1 to 200,000).

    Raises :class:`~lambdalab.errors.InvalidSetting`, with the limit.

    Example
    -------
    >>> trace = ColdStarts(rate=1 / 300, calls=10_000).run(seed=7)
    >>> round(float(trace.attempts["cold_start"].mean()), 2)
    0.13
    """

    rate: float = 1 / 300
    idle_expiry: float = _RULES.idle_expiry
    duration: float = 0.2
    init: float = 0.4
    calls: int = 300

    def __post_init__(self) -> None:
        self._settings()

    def run(self, seed: int | str = 7) -> Trace:
        """Let all calls come, until the last one is over."""
        return self._settings().run(seed)

    def code(self, seed: int | str = 7) -> str:
        """The few lines that make the same trace."""
        return self._settings().code(seed)

    def _settings(self) -> Concurrency:
        return Concurrency(
            rate=self.rate, arrivals="poisson", calls=self.calls, duration=self.duration,
            init=self.init, idle_expiry=self.idle_expiry,
        )  # fmt: skip


def cold_starts(*, seed: int | str = 7, **settings: Any) -> Trace:
    """Run :class:`ColdStarts` with these settings."""
    return checks.made(ColdStarts, settings).run(seed)
