"""Application Load Balancers: a listener with rules, each of which forwards to a target group.

Sources: dg/services-alb; botocore's model of elbv2; invocation.md 8 of the reference; for the errors
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html.
"""

from __future__ import annotations

import hashlib
from typing import Any

from lambdalab.errors import InvalidSetting, PriorityInUseException
from lambdalab.invocation.front_door import Origin
from lambdalab.kernel.clock import US
from lambdalab.sources.checks import whole
from lambdalab.trace.schema import Cause
from lambdalab.triggers.elb import payload
from lambdalab.triggers.elb.rule import SOURCE, ListenerRule, conditions
from lambdalab.triggers.elb.target_group import TargetGroup, refusal
from lambdalab.triggers.http import Handed, Handling, HttpFront, Request
from lambdalab.triggers.parts import REGION, Parts, no_others

_CONDITIONS = ("path_pattern", "host_header", "http_request_method", "priority")


class LoadBalancer(HttpFront):
    """An Application Load Balancer: ``balancer.get("/orders")``.

    Attributes: ``name``; ``dns_name``; ``idle_timeout``, seconds; ``default``, the group that takes what
    no rule does (None: a fixed 404); ``rules``, in the order in which they are tried.
    """

    def __init__(
        self, parts: Parts, name: str, default: TargetGroup | None, idle_timeout: int
    ) -> None:
        self.parts, self.name, self.default = parts, name, default
        self.idle_timeout = idle_timeout
        drawn = int(
            hashlib.sha256(f"{parts.ids.seed}/load balancer/{name}".encode()).hexdigest(), 16
        )
        self.dns_name = f"{name}-{drawn % 10**10:010d}.{REGION}.elb.amazonaws.com"
        self._rules: list[ListenerRule] = []
        self._requests = 0

    @property
    def listener_rules(self) -> tuple[ListenerRule, ...]:
        """The rules in the order in which they are tried."""
        return tuple(self._rules)

    def create_rule(
        self,
        target_group: TargetGroup,
        *,
        path_pattern: Any = None,
        host_header: Any = None,
        http_request_method: Any = None,
        priority: int | None = None,
        **unknown: object,
    ) -> ListenerRule:
        """Forward what meets every condition given to a target group (botocore CreateRule).

        Parameters
        ----------
        target_group
            Of ``lab.elb.create_target_group``.
        path_pattern, host_header, http_request_method
            A text or several: ``"/img/*"``, ``"*.example.com"``, ``"GET"``.
        priority
            1 to 50,000, the lowest first; None: after the others.

        The same rule once more is the one that is there.
        Raises :class:`~lambdalab.errors.PriorityInUseException` for a priority that another rule has.
        """
        self.parts.origin()
        no_others("create_rule", unknown, _CONDITIONS)
        if not isinstance(target_group, TargetGroup):
            told = "a target group: lab.elb.create_target_group(name, function) makes one"
            raise InvalidSetting("target_group", target_group, told, SOURCE)
        limits = self.parts.rules
        found = conditions(path_pattern, host_header, http_request_method, limits)
        following = self._rules[-1].priority + 1 if self._rules else 1
        wanted = following if priority is None else priority
        most, source = limits.load_balancer_priority, limits.source("load_balancer_priority")
        place = whole("priority", wanted, 1, most, "", source)
        made = ListenerRule(place, target_group, *found)
        for known in self._rules:
            same = (known.group, known.path_pattern, known.host_header, known.http_request_method)
            if same == (target_group, *found) and priority in (None, known.priority):
                return known
            if known.priority == made.priority:
                raise PriorityInUseException(
                    f"Priority '{made.priority}' is currently in use", f": {known!r}"
                )
        self._rules.append(made)
        self._rules.sort(key=lambda rule: rule.priority)
        target_group.use()
        self.tell()
        return made

    # ------------------------------------------------------------------ requests

    def label(self, request: Request) -> str:
        """The load balancer, and the condition that a request meets: "shop /orders/*"."""
        rule = self._rule(request)
        return self.name if rule is None else f"{self.name} {rule.conditions}"

    def handle(self, request: Request, origin: Origin, handling: Handling, answer: Handed) -> None:
        """Answer a request (invocation.md 8)."""
        self._requests += 1
        if (request.header("Upgrade") or "").lower() == "websocket":
            answer(refusal(400, cause=Cause.INVALID_PARAMETER))
            return
        rule = self._rule(request)
        group = self.default if rule is None else rule.group
        if group is None:
            answer(refusal(404, cause=Cause.NO_ROUTE))
            return
        if len(request.body) > self.parts.rules.load_balancer_request_body:
            answer(refusal(413, cause=Cause.PAYLOAD_TOO_LARGE))
            return
        drawn = f"{self.parts.ids.seed}/{self.name}/{self._requests}"
        headers = payload.headers_of(request, self.dns_name, self.parts.epoch_ms, drawn)
        limit_us = self.idle_timeout * US
        waiting = group.call(request, headers, origin, self.name, answer, limit_us)
        if waiting is not None:
            handling.waiting, handling.request = waiting, waiting.request

    def _rule(self, request: Request) -> ListenerRule | None:
        host = request.header("Host") or self.dns_name
        return next((rule for rule in self._rules if rule.matches(request, host)), None)

    # ------------------------------------------------------------------ runs

    def begin(self) -> None:
        """A new run."""
        self._requests = 0
        self.tell()

    def tell(self) -> None:
        """Write into the books what it is."""
        default = self.default
        self.parts.books.wired(
            "load_balancer",
            self.name,
            {
                "idle_timeout": self.idle_timeout,
                "default": "" if default is None else default.name,
                "rules": [
                    {
                        "priority": rule.priority,
                        "conditions": rule.conditions,
                        "target_group": rule.group.name,
                    }
                    for rule in self._rules
                ],
            },
        )

    def __repr__(self) -> str:
        ways = [f"{rule.conditions} -> {rule.group.name}" for rule in self._rules]
        if not ways and self.default is not None:
            function = self.default.function
            named = "no target" if function is None else function.name
            return f"<load balancer {self.name}: everything -> {self.default.name} ({named})>"
        ways.append(f"else {'404' if self.default is None else self.default.name}")
        return f"<load balancer {self.name}: {', '.join(ways)}>"
