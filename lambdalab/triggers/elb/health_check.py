"""Health checks of a target group: real invocations, billed like any other (off unless asked for).

Sources: botocore CreateTargetGroup for the settings; for what they mean
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html.
One difference: a check waits for its turn while the one before still runs in the function; AWS would
run both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from lambdalab.errors import InvalidSetting, UnknownSetting
from lambdalab.kernel.clock import US
from lambdalab.rules import Rules
from lambdalab.triggers.front import Result
from lambdalab.triggers.http import Response
from lambdalab.triggers.parts import Parts

AGENT = "ELB-HealthChecker/2.0"
_SOURCE = "botocore CreateTargetGroup"
_CODES = re.compile(r"\d{3}(-\d{3})?(,\d{3}(-\d{3})?)*\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How a target's health is checked.

    Attributes: ``path``; ``interval`` and ``timeout``, whole seconds; how many checks in a row make it
    healthy again (``healthy_threshold``) or unhealthy (``unhealthy_threshold``); ``matcher``, the good
    status codes ("200", "200,202", "200-299").
    """

    path: str
    interval: int
    timeout: int
    healthy_threshold: int
    unhealthy_threshold: int
    matcher: str

    @classmethod
    def of(cls, rules: Rules, verb: str, given: object) -> HealthCheck | None:
        """What a person gives: None or False for none, True for AWS's defaults, or a mapping.

        Raises :class:`~lambdalab.errors.InvalidSetting` and :class:`~lambdalab.errors.UnknownSetting`.
        """
        if given is None or given is False or isinstance(given, HealthCheck):
            return given or None
        if given is not True and not isinstance(given, Mapping):
            told = "True, or a mapping such as {'path': '/health', 'interval': 35}"
            raise InvalidSetting("health_check", given, told, _SOURCE)
        told_settings: dict[str, Any] = {} if given is True else dict(given)
        known = [field.name for field in fields(cls)]
        for name in told_settings:
            if name not in known:
                raise UnknownSetting(f"{verb}: health_check", str(name), known)
        defaults = {
            "path": "/",
            "interval": rules.load_balancer_check_interval,
            "timeout": rules.load_balancer_check_timeout,
            "healthy_threshold": rules.load_balancer_healthy_threshold,
            "unhealthy_threshold": rules.load_balancer_unhealthy_threshold,
            "matcher": "200",
        }
        made = cls(**(defaults | told_settings))
        made._check()
        return made

    def _check(self) -> None:
        for name, low, high in (
            ("interval", 5, 300), ("timeout", 2, 120), ("healthy_threshold", 2, 10),
            ("unhealthy_threshold", 2, 10),
        ):  # fmt: skip
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise InvalidSetting(f"health_check.{name}", value, f"{low} to {high}", _SOURCE)
        if self.timeout >= self.interval:
            limit = f"below the interval, {self.interval} s"
            raise InvalidSetting("health_check.timeout", self.timeout, limit, _SOURCE)
        if not isinstance(self.path, str) or not self.path.startswith("/"):
            raise InvalidSetting(
                "health_check.path", self.path, "a text that begins with '/'", _SOURCE
            )
        if not isinstance(self.matcher, str) or not _CODES.match(self.matcher):
            limit = "status codes from 200 to 499, as '200,202' or '200-299'"
            raise InvalidSetting("health_check.matcher", self.matcher, limit, _SOURCE)

    def matches(self, status_code: int) -> bool:
        """Whether a status is a good one."""
        ranges = [part.partition("-") for part in self.matcher.split(",")]
        return any(int(low) <= status_code <= int(high or low) for low, _, high in ranges)

    def as_dict(self) -> dict[str, Any]:
        """The settings by name."""
        return asdict(self)


class Checker:
    """Checks one target for as long as somebody uses it.

    Parameters: the lab's ``parts``; the ``settings``; ``ask(heard)``, which invokes the function and calls
    ``heard`` with the result when it is over; ``response_of``, which makes a response of a result.
    """

    def __init__(
        self,
        parts: Parts,
        settings: HealthCheck,
        ask: Callable[[Callable[[Result], None]], None],
        response_of: Callable[[Result], Response],
    ) -> None:
        self._parts, self.settings = parts, settings
        self._ask, self._response_of = ask, response_of
        self.state = "initial"
        """"initial", "healthy" or "unhealthy", as DescribeTargetHealth has it."""
        self._same = 0  # how many checks in a row say other than the state
        self._busy = False
        self._late = 0  # the timer of the check under way
        self._token = 0

    def begin(self) -> None:
        """Begin to check, from now on (also in a new run)."""
        self.state, self._same, self._busy, self._late = "initial", 0, False, 0
        self._token = self._parts.scheduler.background(self._parts.now, self._due)

    def end(self) -> None:
        """Check no more."""
        if self._token:
            self._parts.scheduler.cancel_background(self._token)
            self._token = 0

    def _due(self, _: object) -> None:
        scheduler = self._parts.scheduler
        self._token = scheduler.background(scheduler.now + self.settings.interval * US, self._due)
        if self._busy:
            return
        self._busy = True
        self._late = scheduler.at(scheduler.now + self.settings.timeout * US, self._timed_out)
        self._ask(self._heard)

    def _heard(self, result: Result) -> None:
        self._busy = False
        if self._late:
            self._parts.scheduler.cancel(self._late)
            self._late = 0
            self._count(self.settings.matches(self._response_of(result).status_code))

    def _timed_out(self, _: object) -> None:
        self._late = 0
        self._count(False)

    def _count(self, good: bool) -> None:
        """One check more: enough of them change the state; a single good one, the first."""
        settings = self.settings
        if self.state != "initial" and good == (self.state == "healthy"):
            self._same = 0
            return
        self._same += 1
        needed = settings.healthy_threshold if good else settings.unhealthy_threshold
        if good and self.state == "initial":
            needed = 1
        if self._same >= needed:
            self.state, self._same = "healthy" if good else "unhealthy", 0
