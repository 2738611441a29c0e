"""How old may an event grow? More events than a function has room for, and the age that ends them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidSetting
from lambdalab.lab import Lab
from lambdalab.rules import Rules
from lambdalab.scenarios import checks
from lambdalab.traffic.arrivals import Poisson

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
FUNCTION, DEAD_LETTERS = "thumbnail", "too-late"
_MOST_EVENTS = 50_000


@dataclass(frozen=True, slots=True)
class EventAge:
    """Events that come faster than a function's reserved concurrency can work on them.

    What finds no room goes back to Lambda's queue, for 1, 2, 4 ... 300 s, and uses up no retry: its age
    alone ends it. Look at ``trace.invocations``: which ``expired`` and how old the others were when they
    ran (``trace.plot.latency()``). Since each waits twice as long after each throttle, there is room again
    long before the last one comes back: the function stands idle while events grow old.

    Parameters
    ----------
    rate, seconds
        Events a second on average (0.01 to 1,000), and how long they come (1 second to a day).
    duration
        Seconds that the function works on one (0 to 900).
    reserved_concurrency
        Environments it may have at most (whole, 1 to 900).
    maximum_event_age
        Seconds after which an event is given up (whole, 60 to 21,600).
    dead_letter_queue
        True: what is given up goes to the queue ``too-late``. False: it is lost.

    Example
    -------
    >>> EventAge(seconds=20).run(seed=7).invocations["status"].value_counts().loc["expired"] > 0
    np.True_
    """

    rate: float = 20.0
    seconds: float = 60.0
    duration: float = 1.0
    reserved_concurrency: int = 4
    maximum_event_age: int = 60
    dead_letter_queue: bool = True

    def __post_init__(self) -> None:
        rules = _RULES
        checks.number("rate", self.rate, 0.01, 1000, "events a second")
        checks.number("seconds", self.seconds, 1, 86_400, "s")
        longest = rules.timeout_maximum
        checks.number("duration", self.duration, 0, longest, "s", rules.source("timeout_maximum"))
        most = rules.account_concurrency - rules.unreserved_minimum
        checks.whole(
            "reserved_concurrency", self.reserved_concurrency, 1, most, "environments",
            rules.source("unreserved_minimum"),
        )  # fmt: skip
        checks.whole(
            "maximum_event_age", self.maximum_event_age, rules.event_age_minimum,
            rules.event_age_maximum, "s", rules.source("event_age_maximum"),
        )  # fmt: skip
        checks.flag("dead_letter_queue", self.dead_letter_queue)
        if self.rate * self.seconds > _MOST_EVENTS:
            limit = f"less: rate × seconds is {self.rate * self.seconds:,.0f} events"
            raise InvalidSetting("seconds", self.seconds, limit)

    def run(self, seed: int | str = 7) -> Trace:
        """Let the events come, until each has run or been given up."""
        lab = Lab(seed=seed)
        lab.create_function(FUNCTION, **self._function())
        lab.drive(FUNCTION, Poisson(self.rate), duration=self.seconds, invocation_type="Event")
        lab.run()
        return lab.trace

    def _function(self) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "duration": self.duration, "timeout": _RULES.timeout_maximum,
            "reserved_concurrency": self.reserved_concurrency,
            "maximum_event_age": self.maximum_event_age,
        }  # fmt: skip
        if self.dead_letter_queue:
            settings["dead_letter_queue"] = DEAD_LETTERS
        return settings

    def code(self, seed: int | str = 7) -> str:
        """The few lines that make the same trace."""
        settings = "".join(f", {name}={value!r}" for name, value in self._function().items())
        return checks.code(
            seed,
            f'lab.create_function("{FUNCTION}"{settings})',
            f'lab.drive("{FUNCTION}", ll.Poisson({self.rate!r}), duration={self.seconds!r}, '
            'invocation_type="Event")',
            "lab.run()",
        )


def event_age(*, seed: int | str = 7, **settings: Any) -> Trace:
    """Run :class:`EventAge` with these settings."""
    return checks.made(EventAge, settings).run(seed)
