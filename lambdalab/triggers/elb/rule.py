"""The rules of a listener: which requests go to which target group (botocore CreateRule)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache

from lambdalab.errors import InvalidSetting
from lambdalab.rules import Rules
from lambdalab.triggers.elb.target_group import TargetGroup
from lambdalab.triggers.http import METHODS, Request

SOURCE = "botocore CreateRule"


@dataclass(frozen=True, slots=True)
class ListenerRule:
    """Which requests go to a group: all of the conditions that are given must hold.

    Attributes: ``priority``, the lowest number first; ``group``; ``path_pattern``, ``host_header`` and
    ``http_request_method``, each a tuple of which one must match; ``*`` and ``?`` stand for anything in
    the first two.
    """

    priority: int
    group: TargetGroup
    path_pattern: tuple[str, ...] = ()
    host_header: tuple[str, ...] = ()
    http_request_method: tuple[str, ...] = ()

    def matches(self, request: Request, host: str) -> bool:
        """Whether the rule takes a request."""
        return (
            _any(self.path_pattern, request.path)
            and _any(tuple(each.lower() for each in self.host_header), host.lower())
            and (not self.http_request_method or request.method in self.http_request_method)
        )

    def __repr__(self) -> str:
        return f"<rule {self.priority}: {self.conditions} -> {self.group.name}>"

    @property
    def conditions(self) -> str:
        """In one line: "GET,POST /orders/*"."""
        wanted = (self.http_request_method, self.host_header, self.path_pattern)
        return " ".join(",".join(values) for values in wanted if values)


def conditions(
    path_pattern: object, host_header: object, http_request_method: object, rules: Rules
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """What people give for a rule's conditions, checked.

    Raises :class:`~lambdalab.errors.InvalidSetting`.
    """
    most: int = rules.load_balancer_condition_length
    methods = tuple(
        each.upper() for each in _texts("http_request_method", http_request_method, most)
    )
    paths = _texts("path_pattern", path_pattern, most)
    found = paths, _texts("host_header", host_header, most), methods
    if not any(found):
        told = "given, or host_header or http_request_method: a rule has a condition"
        raise InvalidSetting("path_pattern", None, told, SOURCE)
    for method in methods:
        if method not in METHODS:
            told = f"of {', '.join(METHODS)}"
            raise InvalidSetting("http_request_method", method, told, SOURCE)
    return found


def _any(patterns: tuple[str, ...], text: str) -> bool:
    return not patterns or any(_like(pattern).match(text) for pattern in patterns)


@lru_cache(maxsize=256)
def _like(pattern: str) -> re.Pattern[str]:
    """A pattern of AWS's: ``[`` stands for itself."""
    return re.compile(translate(pattern.replace("[", "[[]")))


def _texts(setting: str, given: object, most: int) -> tuple[str, ...]:
    if given is None:
        return ()
    values = (given,) if isinstance(given, str) else given
    if not isinstance(values, (list, tuple)) or not all(
        isinstance(each, str) and 0 < len(each) <= most for each in values
    ):
        raise InvalidSetting(
            setting, given, f"a text, or several, of at most {most} characters", SOURCE
        )
    return tuple(values)
