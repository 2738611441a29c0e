"""How many environments does it take? One function, its traffic, and the limits on both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidSetting
from lambdalab.lab import Lab
from lambdalab.rules import Rules
from lambdalab.scenarios import checks
from lambdalab.traffic.arrivals import Burst, Every, Poisson

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
ARRIVALS = ("steady", "poisson", "burst", "ping")
FUNCTION, ALIAS = "checkout", "live"
_MOST_CALLS, _MOST_AT_ONCE = 200_000, 100_000
_LONGEST_INIT = 10.0
_LONGEST = 366 * 86_400
_DIGITS = 6
"""Of seconds: whole microseconds."""


@dataclass(frozen=True, slots=True)
class Concurrency:
    """Synchronous calls of one function: who finds an environment free, who starts one, who is refused.

    Look at how many calls overlap: so many environments there are, for one serves one event at a time.
    Then at what happens to the environments while nobody calls.

    Parameters
    ----------
    rate
        Calls a second (0.0001 to 10,000).
    arrivals
        ``"steady"``: one after the other at equal distances. ``"poisson"``: as independent callers come.
        ``"burst"``: as ``"poisson"``, and ``burst`` more at the same moment halfway. ``"ping"``: the
        steady calls are one caller's that wants to keep the function warm; then come ``burst`` customers
        at the same moment.
    calls
        How many of them (1 to 200,000), those of the burst not counted.
    burst
        How many come at once (1 to 100,000); only with ``"burst"`` and ``"ping"``.
    duration
        Seconds that the handler works (0 to 900).
    init
        Seconds of the function's own initialisation in a cold start (0 to 10).
    idle_expiry
        Seconds after which an environment that nobody calls ends (1 to 86,400).
    reserved
        Reserved concurrency of the function (1 and more); None: it draws from what the account has left.
    provisioned
        Provisioned concurrency (0: none). Traffic begins when it is ready, and goes to its alias.
    account
        The account's quota of concurrency (100 to 100,000).

    Example
    -------
    >>> trace = Concurrency(rate=2.0, arrivals="steady", calls=20, duration=1.2).run(seed=7)
    >>> len(trace.environments), int(trace.attempts["cold_start"].sum())
    (4, 4)
    """

    rate: float = 2.0
    arrivals: str = "steady"
    calls: int = 60
    burst: int = 10
    duration: float = 3.0
    init: float = 0.4
    idle_expiry: float = _RULES.idle_expiry
    reserved: int | None = None
    provisioned: int = 0
    account: int = _RULES.account_concurrency

    def __post_init__(self) -> None:
        rules = _RULES
        checks.number("rate", self.rate, 1e-4, 10_000, "calls/s")
        checks.one_of("arrivals", self.arrivals, ARRIVALS)
        checks.whole("calls", self.calls, 1, _MOST_CALLS, "calls")
        checks.whole("burst", self.burst, 1, _MOST_AT_ONCE, "calls")
        checks.number(
            "duration", self.duration, 0, rules.timeout_maximum, "s",
            rules.source("timeout_maximum"),
        )  # fmt: skip
        checks.number("init", self.init, 0, _LONGEST_INIT, "s")
        checks.number("idle_expiry", self.idle_expiry, 1, 86_400, "s")
        least = rules.unreserved_minimum
        checks.whole("account", self.account, least, 100_000, "environments")
        most, source = self.account - least, rules.source("unreserved_minimum")
        if self.reserved is not None:
            checks.whole("reserved", self.reserved, 1, most, "environments", source)
            most = self.reserved
        checks.whole("provisioned", self.provisioned, 0, most, "environments", source)
        if self.calls / self.rate > _LONGEST:
            limit = f"less: calls / rate is {self.calls / self.rate:,.0f} s, more than a year"
            raise InvalidSetting("calls", self.calls, limit)

    def run(self, seed: int | str = 7) -> Trace:
        """Let all calls come, until the last one is over."""
        lab = Lab(seed=seed, quotas=self._quotas())
        lab.create_function(FUNCTION, **self._function())
        target = FUNCTION
        if self.provisioned:
            target = f"{FUNCTION}:{ALIAS}"
            lab.publish_version(FUNCTION)
            lab.create_alias(FUNCTION, ALIAS, "1")
            lab.put_provisioned_concurrency(FUNCTION, ALIAS, self.provisioned)
            lab.run()
        traffic = Poisson(self.rate) if self._at_random() else Every(self._interval())
        lab.drive(target, traffic, count=self.calls)
        if self.arrivals in {"burst", "ping"}:
            lab.drive(target, Burst(self.burst, at=self._burst_at()))
        lab.run()
        return lab.trace

    def code(self, seed: int | str = 7) -> str:
        """The few lines that make the same trace."""
        settings = "".join(f", {name}={value!r}" for name, value in self._function().items())
        target = f"{FUNCTION}:{ALIAS}" if self.provisioned else FUNCTION
        lines = [f'lab.create_function("{FUNCTION}"{settings})']
        if self.provisioned:
            lines += [
                f'lab.publish_version("{FUNCTION}")',
                f'lab.create_alias("{FUNCTION}", "{ALIAS}", "1")',
                f'lab.put_provisioned_concurrency("{FUNCTION}", "{ALIAS}", {self.provisioned})',
                "lab.run()  # until it is ready",
            ]
        traffic = (
            f"ll.Poisson({self.rate!r})" if self._at_random() else f"ll.Every({self._interval()!r})"
        )
        lines.append(f'lab.drive("{target}", {traffic}, count={self.calls})')
        if self.arrivals in {"burst", "ping"}:
            lines.append(f'lab.drive("{target}", ll.Burst({self.burst}, at={self._burst_at()!r}))')
        quotas = self._quotas()
        return checks.code(seed, *lines, "lab.run()", **({"quotas": quotas} if quotas else {}))

    def _at_random(self) -> bool:
        return self.arrivals in {"poisson", "burst"}

    def _interval(self) -> float:
        """Seconds between two steady calls, to the microsecond."""
        return round(1 / self.rate, _DIGITS)

    def _burst_at(self) -> float:
        """Halfway through the traffic; after pings, half an interval after the last of them."""
        calls = self.calls / 2 if self.arrivals == "burst" else self.calls - 0.5
        return round(calls / self.rate, _DIGITS)

    def _quotas(self) -> dict[str, int]:
        changed = self.account != _RULES.account_concurrency
        return {"account_concurrency": self.account} if changed else {}

    def _function(self) -> dict[str, Any]:
        enough = max(_RULES.timeout_default, math.floor(self.duration) + 1)
        settings: dict[str, Any] = {
            "duration": self.duration, "timeout": min(enough, _RULES.timeout_maximum),
            "init": self.init,
        }  # fmt: skip
        if self.idle_expiry != _RULES.idle_expiry:
            settings["idle_expiry"] = self.idle_expiry
        if self.reserved is not None:
            settings["reserved_concurrency"] = self.reserved
        return settings


def concurrency(*, seed: int | str = 7, **settings: Any) -> Trace:
    """Run :class:`Concurrency` with these settings."""
    return checks.made(Concurrency, settings).run(seed)
