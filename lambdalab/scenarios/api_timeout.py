"""Who gave up first, and what ran on? One request through an API to a function that takes too long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.lab import Lab
from lambdalab.rules import Rules
from lambdalab.scenarios import checks
from lambdalab.traffic.callers import Browser

if TYPE_CHECKING:
    from lambdalab.trace import Trace

_RULES = Rules.as_of()
FUNCTION, API, PATH = "report", "shop", "/report"
_LONGEST = 900


@dataclass(frozen=True, slots=True)
class ApiTimeout:
    """Somebody waits for a page; a REST API waits for its function; the function waits for nobody.

    Look at ``trace.plot.request_anatomy()``: the first to lose patience ends the wait of all above it, and
    stops nothing below. A REST API answers 504 after 29 s; what runs on is billed, and a caller who asks
    again begins one more run.

    Parameters
    ----------
    duration
        Seconds that the handler works (0 to 900).
    timeout
        Seconds after which Lambda stops the function (whole, 1 to 900).
    integration_timeout
        Seconds that the API waits for it (0.05 to 29).
    gives_up_after
        Seconds that the person in front waits for the page (0.1 to 900).

    Example
    -------
    >>> trace = ApiTimeout().run(seed=7)
    >>> trace.short.requests[["latency_s", "status", "cause"]].to_string(index=False)
    ' latency_s  status               cause\\n      29.0     504 integration_timeout'
    >>> trace.attempts["billed_ms"].tolist()
    [35000.0]
    """

    duration: float = 35.0
    timeout: int = 60
    integration_timeout: float = _RULES.api_gateway_rest_timeout_maximum
    gives_up_after: float = 60.0

    def __post_init__(self) -> None:
        rules = _RULES
        checks.number("duration", self.duration, 0, _LONGEST, "s", rules.source("timeout_maximum"))
        checks.whole(
            "timeout", self.timeout, rules.timeout_minimum, rules.timeout_maximum, "s",
            rules.source("timeout_maximum"),
        )  # fmt: skip
        checks.number(
            "integration_timeout", self.integration_timeout, rules.api_gateway_timeout_minimum,
            rules.api_gateway_rest_timeout_maximum, "s",
            rules.source("api_gateway_rest_timeout_maximum"),
        )  # fmt: skip
        checks.number("gives_up_after", self.gives_up_after, 0.1, _LONGEST, "s")

    def run(self, seed: int | str = 7) -> Trace:
        """Ask once, and let everything happen that follows."""
        lab = Lab(seed=seed)
        lab.create_function(FUNCTION, duration=lambda event: self.duration, timeout=self.timeout)
        api = lab.api_gateway.create_rest_api(API)
        api.route("GET", PATH, FUNCTION, integration_timeout=self.integration_timeout)
        api.get(PATH, caller=Browser(gives_up_after=self.gives_up_after))
        lab.run()
        return lab.trace

    def code(self, seed: int | str = 7) -> str:
        """The few lines that make the same trace."""
        return checks.code(
            seed,
            f'lab.create_function("{FUNCTION}", duration=lambda event: {self.duration!r}, '
            f"timeout={self.timeout})",
            f'api = lab.api_gateway.create_rest_api("{API}")',
            f'api.route("GET", "{PATH}", "{FUNCTION}", '
            f"integration_timeout={self.integration_timeout!r})",
            f'api.get("{PATH}", caller=ll.Browser(gives_up_after={self.gives_up_after!r}))',
            "lab.run()",
        )


def api_timeout(*, seed: int | str = 7, **settings: Any) -> Trace:
    """Run :class:`ApiTimeout` with these settings."""
    return checks.made(ApiTimeout, settings).run(seed)
