"""Elastic Load Balancing as a lab has it: ``lab.elb`` makes load balancers and target groups."""

from __future__ import annotations

import re
from typing import Any

from lambdalab.errors import (
    DuplicateLoadBalancerNameException,
    DuplicateTargetGroupNameException,
    InvalidSetting,
)
from lambdalab.sources.directory import Directory
from lambdalab.triggers.elb.balancer import LoadBalancer
from lambdalab.triggers.elb.health_check import HealthCheck
from lambdalab.triggers.elb.target_group import TargetGroup
from lambdalab.triggers.parts import Parts, no_others

_SETTINGS = ("function", "multi_value_headers", "health_check")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\Z", re.ASCII)


class TargetGroups(Directory[TargetGroup]):
    """The target groups of a lab."""

    service = "elb.target_groups"
    noun = "target group"

    def put(self, group: TargetGroup) -> None:
        """Keep a group that was made."""
        self._found[group.name] = group


class Elb(Directory[LoadBalancer]):
    """Application Load Balancers: ``lab.elb.create_load_balancer("shop", get_order)``."""

    service = "elb"
    noun = "load balancer"

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self._parts = parts
        self.target_groups = TargetGroups()
        parts.on_reset(self._begin)

    def create_load_balancer(
        self,
        name: str,
        function: Any = None,
        *,
        multi_value_headers: bool = False,
        health_check: Any = None,
        idle_timeout: int | None = None,
        **unknown: object,
    ) -> LoadBalancer:
        """Make a load balancer that forwards everything to a function, or by rules.

        Parameters
        ----------
        name
            Letters, digits and ``-``, at most 32.
        function
            What takes the requests that no rule does, in a target group of the load balancer's name;
            None: those get a 404.
        multi_value_headers, health_check
            As of :meth:`create_target_group`, for that group.
        idle_timeout
            Seconds it waits for an answer before it says 504; None: 60.

        The same once more is the one that is there.
        Raises :class:`~lambdalab.errors.DuplicateLoadBalancerNameException` where the settings differ.

        Example
        -------
        >>> from lambdalab import Lab
        >>> lab = Lab()
        >>> hello = lab.create_function("hello", lambda e, c: {"statusCode": 200, "body": e["path"]})
        >>> lab.elb.create_load_balancer("shop", hello).get("/orders").text
        '/orders'
        """
        self._parts.origin()
        no_others("create_load_balancer", unknown, (*_SETTINGS, "idle_timeout"))
        self._check_name("name", name)
        seconds = self._seconds(idle_timeout)
        default = None
        known = self._found.get(name)
        if known is not None:
            self._same(known, function, seconds)
        if function is not None:
            default = self.create_target_group(
                name, function, multi_value_headers=multi_value_headers, health_check=health_check
            )
        if known is not None:
            return known
        made = self._found[name] = LoadBalancer(self._parts, name, default, seconds)
        if default is not None:
            default.use()
        made.tell()
        return made

    def create_target_group(
        self,
        name: str,
        function: Any = None,
        *,
        multi_value_headers: bool = False,
        health_check: Any = None,
        **unknown: object,
    ) -> TargetGroup:
        """Make a target group with a function, for ``balancer.create_rule(group, path_pattern=...)``.

        Parameters
        ----------
        name
            Letters, digits and ``-``, at most 32.
        function
            Its target; the group is allowed to call it. None: none yet, callers get 503.
        multi_value_headers
            Headers and query as lists of values, both ways.
        health_check
            True, or a mapping with some of ``path``, ``interval``, ``timeout`` (seconds),
            ``healthy_threshold``, ``unhealthy_threshold`` and ``matcher``: the function is invoked, and
            billed, at every interval. None: no checks, as AWS has it for functions.

        The same once more is the one that is there.
        Raises :class:`~lambdalab.errors.DuplicateTargetGroupNameException` where the settings differ.
        """
        self._parts.origin()
        no_others("create_target_group", unknown, _SETTINGS)
        self._check_name("name", name)
        check = HealthCheck.of(self._parts.rules, "create_target_group", health_check)
        multi_value = bool(multi_value_headers)
        target = None if function is None else self._parts.target(function)
        if name in self.target_groups:
            known = self.target_groups[name]
            if (known.multi_value_headers, known.health_check) != (multi_value, check) or (
                target is not None and not known.has(target)
            ):
                raise DuplicateTargetGroupNameException(
                    f"A target group with the same name '{name}' exists, but with different settings",
                    f"; lab.elb.target_groups[{name!r}] is the one that is there",
                )
            if target is not None and known.function is not target:
                known.take(target)  # the function was made anew
            return known
        made = TargetGroup(self._parts, name, multi_value, check)
        self.target_groups.put(made)
        made.tell() if target is None else made.take(target)
        return made

    def _same(self, known: LoadBalancer, function: Any, seconds: int) -> None:
        """Raise unless what is to be made is there already."""
        of, wanted = known.default, function is not None
        same = wanted == (of is not None)
        if of is not None and wanted:
            same = of.has(self._parts.target(function))
        if not same or known.idle_timeout != seconds:
            raise DuplicateLoadBalancerNameException(
                f"A load balancer with the same name '{known.name}' exists, but with different settings",
                f"; lab.elb[{known.name!r}] is the one that is there",
            )

    def _seconds(self, idle_timeout: object) -> int:
        """The idle timeout, checked."""
        rules = self._parts.rules
        seconds = rules.load_balancer_idle_timeout if idle_timeout is None else idle_timeout
        most = rules.load_balancer_idle_timeout_maximum
        if isinstance(seconds, bool) or not isinstance(seconds, int) or not 1 <= seconds <= most:
            source = rules.source("load_balancer_idle_timeout_maximum")
            raise InvalidSetting("idle_timeout", seconds, f"1 to {most:,} whole seconds", source)
        return seconds

    def _check_name(self, setting: str, name: object) -> None:
        most = self._parts.rules.load_balancer_name_length
        if not isinstance(name, str) or not _NAME.match(name) or len(name) > most:
            limit = f"letters, digits and '-' between them, at most {most}"
            raise InvalidSetting(setting, name, limit, "botocore CreateLoadBalancer")

    def _begin(self) -> None:
        for group in self.target_groups:
            self.target_groups[group].begin()
        for name in self:
            self[name].begin()
