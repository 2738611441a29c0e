"""Target groups of Application Load Balancers: a group has one function, and says how it is called.

Sources: botocore CreateTargetGroup and RegisterTargets;
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from typing import Any

from lambdalab.errors import InvalidSetting
from lambdalab.functions.target import Target
from lambdalab.invocation.front_door import Origin
from lambdalab.rules import Rules
from lambdalab.sources.shown import Shown
from lambdalab.trace.schema import Cause
from lambdalab.triggers import front
from lambdalab.triggers.elb import payload
from lambdalab.triggers.elb.health_check import AGENT, Checker, HealthCheck
from lambdalab.triggers.http import NULL, Request, Response
from lambdalab.triggers.parts import Parts, arn

PRINCIPAL = "elasticloadbalancing.amazonaws.com"
_TITLES = {
    400: "400 Bad Request", 404: "404 Not Found", 413: "413 Request Entity Too Large",
    502: "502 Bad Gateway", 503: "503 Service Temporarily Unavailable", 504: "504 Gateway Time-out",
}  # fmt: skip


class TargetGroup(Shown):
    """A function that a load balancer forwards to.

    Attributes: ``name``; ``arn``, which the function's resource policy names; ``function``, the target or
    None; ``multi_value_headers``; ``health_check``, its settings or None.
    """

    def __init__(
        self, parts: Parts, name: str, multi_value_headers: bool, health_check: HealthCheck | None
    ) -> None:
        self._parts, self.name = parts, name
        self.multi_value_headers, self.health_check = multi_value_headers, health_check
        drawn = hashlib.sha256(f"{parts.ids.seed}/target group/{name}".encode()).hexdigest()
        self.arn = arn("elasticloadbalancing", f"targetgroup/{name}/{drawn[:16]}")
        self.function: Target | None = None
        self._checker: Checker | None = None
        self._used = False

    # ------------------------------------------------------------------ what people say

    def register_targets(self, function: Any) -> None:
        """Make a function the group's target, and allow the group to call it (botocore RegisterTargets).

        Raises :class:`~lambdalab.errors.InvalidSetting` where the group has another one: it takes one.
        """
        self._parts.origin()
        target = self._parts.target(function)
        if self.function is not None and not self.has(target):
            known = self.function.name
            told = f"the group's target, {known!r}, or deregister that first: it takes one"
            raise InvalidSetting("function", target.name, told, "botocore RegisterTargets")
        self.take(target)

    def deregister_targets(self) -> None:
        """Leave the group without a target: callers get 503 (botocore DeregisterTargets)."""
        self._parts.origin()
        self._stop()
        self.function = None
        self.tell()

    def has(self, target: Target) -> bool:
        """Whether this is the group's target: a function counts by its name, as in its ARN."""
        return self.function is not None and self.function.arn == target.arn

    @property
    def target_health(self) -> str:
        """As DescribeTargetHealth has it: "initial", "healthy", "unhealthy", or "unused" (no target, or
        no load balancer), or "unavailable" (no health checks)."""
        if self.function is None or not self._used:
            return "unused"
        return "unavailable" if self._checker is None else self._checker.state

    # ------------------------------------------------------------------ what a load balancer says

    def take(self, target: Target) -> None:
        """Make it the target."""
        self._stop()
        self.function = target
        self._parts.grant(target, PRINCIPAL, self.arn, f"elb-{self.name}")
        self.tell()
        if self._used:
            self._check()

    def use(self) -> None:
        """A load balancer forwards to it now: its health is checked from now on."""
        if not self._used:
            self._used = True
            self._check()

    def begin(self) -> None:
        """A new run."""
        self.tell()
        self._checker = None
        if self._used:
            self._check()

    def tell(self) -> None:
        """Write into the books what it is."""
        target, check = self.function, self.health_check
        self._parts.books.wired(
            "target_group",
            self.name,
            {
                "function": "" if target is None else target.name,
                "qualifier": "" if target is None else target.qualifier,
                "multi_value_headers": self.multi_value_headers,
                "health_check": {} if check is None else check.as_dict(),
                "arn": self.arn,
            },
        )

    def call(
        self,
        request: Request,
        headers: payload.Pairs,
        origin: Origin | None,
        source: str,
        answer: Callable[[Response], None],
        limit_us: int | None = None,
    ) -> front.Waiting | None:
        """Have the function answer a request; None where there is nobody to ask (answered at once)."""
        target = self.function
        closed = (
            self.target_health == "unhealthy" and not self._parts.rules.load_balancer_fails_open
        )
        if target is None or closed:
            answer(refusal(503, cause=Cause.NO_TARGET))
            return None
        event = payload.event(request, self.arn, self.multi_value_headers, headers)
        return self._invoke(target, event, origin, source, self._answered(answer), limit_us)

    def _answered(self, answer: Callable[[Response], None]) -> front.Heard:
        return lambda result: answer(self.response_of(result))

    def _invoke(
        self,
        target: Target,
        event: bytes,
        origin: Origin | None,
        source: str,
        heard: front.Heard,
        limit_us: int | None,
    ) -> front.Waiting:
        return front.call(
            self._parts, target, event, heard, source=self._parts.books.name(source),
            principal=PRINCIPAL, source_arn=self.arn, limit_us=limit_us, cause_of=origin,
        )  # fmt: skip

    def response_of(self, result: front.Result) -> Response:
        """The answer that the caller gets of what Lambda says (invocation.md 8)."""
        rules: Rules = self._parts.rules
        request, cause = result.request, result.cause
        if result.timed_out:
            return refusal(504, request, cause)
        if result.error is not None and result.error.status_code == 429:
            return refusal(rules.load_balancer_throttled_status, request, cause)
        if not result.good:
            return refusal(502, request, cause)
        if result.modelled:
            return dataclasses.replace(NULL, request=request)
        if len(result.response) > rules.load_balancer_response:
            return refusal(502, request, Cause.RESPONSE_TOO_LARGE)
        made = payload.response_of(result.response, self.multi_value_headers)
        if made is None:
            return refusal(502, request, Cause.MALFORMED_RESPONSE)
        return Response(made.status_code, made.body, made.headers, request)

    # ------------------------------------------------------------------ health

    def _check(self) -> None:
        self._stop()
        if self.health_check is not None and self.function is not None:
            self._checker = Checker(self._parts, self.health_check, self._ask, self.response_of)
            self._checker.begin()

    def _stop(self) -> None:
        if self._checker is not None:
            self._checker.end()
            self._checker = None

    def _ask(self, heard: front.Heard) -> None:
        """One health check: an invocation like any other, but for its only header."""
        check, target = self.health_check, self.function
        if check is None or target is None:  # nobody checks then
            return
        headers = (("user-agent", AGENT),)
        event = payload.event(
            Request("GET", check.path), self.arn, self.multi_value_headers, headers
        )
        self._invoke(target, event, None, f"{self.name} health check", heard, None)

    def __repr__(self) -> str:
        target = "no target" if self.function is None else self.function.name
        more = ", multi-value headers" if self.multi_value_headers else ""
        return f"<target group {self.name}: {target}{more}, {self.target_health}>"


def refusal(status_code: int, request: int = 0, cause: int = 0) -> Response:
    """An error of the load balancer itself: a page in HTML, with its name in ``Server``."""
    title = _TITLES.get(status_code, str(status_code))
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>"
        "\r\n</body>\r\n</html>\r\n"
    )
    headers = (("Server", "awselb/2.0"), ("Content-Type", "text/html"))
    return Response(status_code, page.encode(), headers, request, cause)
