"""How fast does it grow? More callers from one moment to the next, and new environments for them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidSetting
from lambdalab.lab import Lab
from lambdalab.rules import Rules
from lambdalab.scenarios import checks
from lambdalab.traffic.arrivals import Every

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
FUNCTION = "render"
_MOST_CALLS = 500_000
_MOST_FUNCTIONS = 5


@dataclass(frozen=True, slots=True)
class ScalingBurst:
    """Steady calls from nothing, in an account whose quota has room for all of them.

    Look at the thin line of ``trace.plot.concurrency()``: a function gets 1,000 environments as fast as
    calls come, and from then on 100 a second (1,000 every 10 s), whatever the account has room for. Calls
    that find neither an environment nor the right to a new one are throttled, until finished environments
    take them. Two functions grow twice as fast: the rate is each one's own.

    Parameters
    ----------
    rate
        Calls a second, of all functions together (1 to 10,000).
    duration
        Seconds that the handler works (0 to 900). It takes rate × duration environments to serve all.
    seconds
        How long calls come (1 to 600).
    functions
        How many functions share the calls (1 to 5).
    account
        The account's quota of concurrency (100 to 100,000).
    invocation_type
        ``"RequestResponse"``: what is throttled is refused. ``"Event"``: it waits in Lambda's own queue
        and is tried again.

    Raises :class:`~lambdalab.errors.InvalidSetting`, with the limit.

    Example
    -------
    >>> trace = ScalingBurst(rate=300.0, seconds=12).run(seed=7)
    >>> (trace.environments["started_at"] - trace.start).dt.total_seconds().lt(10).sum()
    np.int64(1999)
    """

    rate: float = 300.0
    duration: float = 10.0
    seconds: float = 30.0
    functions: int = 1
    account: int = 10_000
    invocation_type: str = "RequestResponse"

    def __post_init__(self) -> None:
        rules = _RULES
        checks.number("rate", self.rate, 1, 10_000, "calls/s")
        checks.number(
            "duration", self.duration, 0, rules.timeout_maximum, "s",
            rules.source("timeout_maximum"),
        )  # fmt: skip
        checks.number("seconds", self.seconds, 1, 600, "s")
        checks.whole("functions", self.functions, 1, _MOST_FUNCTIONS, "functions")
        checks.whole("account", self.account, rules.unreserved_minimum, 100_000, "environments")
        checks.one_of("invocation_type", self.invocation_type, ("RequestResponse", "Event"))
        if self.rate * self.seconds > _MOST_CALLS:
            limit = f"less: rate × seconds is {self.rate * self.seconds:,.0f} calls"
            raise InvalidSetting("seconds", self.seconds, limit)

    def run(self, seed: int | str = 7) -> Trace:
        """Let the calls come, until the last one is over."""
        lab = Lab(seed=seed, quotas={"account_concurrency": self.account})
        for name in self._names():
            lab.create_function(name, duration=self.duration, timeout=self._timeout())
            lab.drive(
                name, Every(self._interval()), duration=self.seconds,
                invocation_type=self.invocation_type,
            )  # fmt: skip
        lab.run()
        return lab.trace

    def code(self, seed: int | str = 7) -> str:
        """The few lines that make the same trace."""
        return checks.code(
            seed,
            f"for name in {self._names()}:",
            f"    lab.create_function(name, duration={self.duration!r}, timeout={self._timeout()})",
            f"    lab.drive(name, ll.Every({self._interval()!r}), duration={self.seconds!r}, "
            f'invocation_type="{self.invocation_type}")',
            "lab.run()",
            quotas={"account_concurrency": self.account},
        )

    def _names(self) -> list[str]:
        if self.functions == 1:
            return [FUNCTION]
        return [f"{FUNCTION}-{number}" for number in range(1, self.functions + 1)]

    def _interval(self) -> float:
        """Seconds between two calls of one function, to the microsecond."""
        return round(self.functions / self.rate, 6)

    def _timeout(self) -> int:
        enough: int = max(_RULES.timeout_default, math.floor(self.duration) + 1)
        return min(enough, int(_RULES.timeout_maximum))


def burst(*, seed: int | str = 7, **settings: Any) -> Trace:
    """Run :class:`ScalingBurst` with these settings."""
    return checks.made(ScalingBurst, settings).run(seed)
