"""What does provisioned concurrency not serve? It spills over to environments started on demand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidSetting
from lambdalab.scenarios import checks
from lambdalab.scenarios.concurrency import Concurrency

if TYPE_CHECKING:
    from lambdalab.trace import Trace


@dataclass(frozen=True, slots=True)
class SpillOver:
    """Independent callers of an alias with provisioned concurrency, more of them than it can serve.

    Look in ``trace.plot.concurrency()`` at what stands above the dotted line: calls that found no
    provisioned environment free, and started one on demand, cold. With short runs look at the requests:
    each provisioned environment brings ten a second, so that calls spill over while environments stand
    idle. ``reserved`` puts a lid on both together: what it leaves beside the provisioned ones is all
    that can spill over, and the rest is throttled.

    Parameters
    ----------
    provisioned
        Provisioned concurrency of the alias (1 and more). Calls begin when it is ready.
    rate
        Calls a second on average (0.0001 to 10,000).
    duration
        Seconds that the handler works (0 to 900).
    init
        Seconds of the function's own initialisation in a cold start (0 to 10).
    calls
        How many (1 to 200,000).
    reserved
        Reserved concurrency of the function, at least ``provisioned``; None: none.

    Raises :class:`~lambdalab.errors.InvalidSetting`, with the limit.

    Example
    -------
    >>> trace = SpillOver(provisioned=10, rate=20.0, duration=0.5).run(seed=7)
    >>> on_demand = trace.attempts["init_type"] == "on_demand"
    >>> int(on_demand.sum()), int(trace.attempts["cold_start"].sum())
    (89, 11)
    """

    provisioned: int = 10
    rate: float = 20.0
    duration: float = 0.5
    init: float = 0.4
    calls: int = 400
    reserved: int | None = None

    def __post_init__(self) -> None:
        self._settings()
        if not self.provisioned:
            raise InvalidSetting("provisioned", self.provisioned, "1 or more environments")

    def run(self, seed: int | str = 7) -> Trace:
        """Wait for the provisioned environments, then let all calls come, until the last is over."""
        return self._settings().run(seed)

    def code(self, seed: int | str = 7) -> str:
        """The few lines that make the same trace."""
        return self._settings().code(seed)

    def _settings(self) -> Concurrency:
        return Concurrency(
            rate=self.rate, arrivals="poisson", calls=self.calls, duration=self.duration,
            init=self.init, provisioned=self.provisioned, reserved=self.reserved,
        )  # fmt: skip


def spill_over(*, seed: int | str = 7, **settings: Any) -> Trace:
    """Run :class:`SpillOver` with these settings."""
    return checks.made(SpillOver, settings).run(seed)
