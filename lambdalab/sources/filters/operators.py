"""The rules in the list of an event pattern's field: what one value of an event must be like.

A rule is a value (a string, a number, true, false, null) that the event's must equal, or an operator
as an object with one key, its name. Operators and their arguments are checked as AWS's matcher does
when a pattern is given: names are case sensitive and an argument of the wrong type is refused.
Sources: event-source-mappings.md 6 of the reference; EventBridge user guide, comparison operators;
AWS Event Ruler for what ``anything-but`` and ``numeric`` may hold.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NoReturn

from lambdalab.errors import LabError

Test = Callable[[Any], bool]
"""Whether one scalar of an event passes."""


class PatternError(LabError, ValueError):
    """A pattern that does not parse. ``where`` is a path in it, or a line and column; ``reason`` why."""

    def __init__(self, where: str, reason: str) -> None:
        self.where, self.reason = where, reason
        super().__init__(f"at {where}: {reason}" if where else reason)


def refuse(where: str, reason: str) -> NoReturn:
    """The pattern is wrong there."""
    raise PatternError(where, reason)


class Leaf:
    """A field's rules: ``test`` for a value, ``absent`` for none; ``where`` it is in the pattern."""

    __slots__ = ("absent", "test", "where")

    def __init__(self, test: Test, absent: bool, where: str) -> None:
        self.test, self.absent, self.where = test, absent, where


def read_leaf(rules: Any, where: str, event_bridge: bool) -> Leaf:
    """Read a field's list of rules; any of them is enough."""
    if not isinstance(rules, list):
        refuse(where, "the value of a field must be a list of rules (or an object with fields)")
    if not rules:
        refuse(where, "an empty list of rules")
    exact: list[Any] = []
    tests: list[Test] = []
    absent = False
    for number, rule in enumerate(rules):
        at = f"{where}[{number}]"
        if isinstance(rule, list):
            refuse(at, "a list in a list of rules")
        if not isinstance(rule, dict):
            exact.append(rule)
        elif (test := _operator(rule, at, event_bridge)) is not None:
            tests.append(test)
        else:
            absent = True
    if exact:
        tests.insert(0, _equals(exact))
    return Leaf(_any(tests), absent, where)


def _any(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda value: any(test(value) for test in tests)


def _equals(values: Sequence[Any]) -> Test:
    """One of these. 300 equals 300.0; true is not 1, and no string equals a number."""
    literals = [value for value in values if value is None or isinstance(value, bool)]
    others = frozenset(value for value in values if isinstance(value, str) or _is_number(value))
    if not literals and all(isinstance(value, str) for value in others):
        return others.__contains__

    def equals(value: Any) -> bool:
        if value is None or value.__class__ is bool:
            return value in literals
        return value in others

    return equals


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# ------------------------------------------------------------------ operators


def _operator(rule: dict[str, Any], where: str, event_bridge: bool) -> Test | None:
    """The test of an operator; None for ``{"exists": false}``, which no value passes."""
    name, argument = _single(rule, where)
    at = f"{where}.{name}"
    if name == "exists":
        if not isinstance(argument, bool):
            refuse(at, "exists takes true or false")
        return _everything if argument else None
    if name not in _OPERATORS:
        refuse(at, f"there is no operator {name!r}; there are {', '.join([*_OPERATORS, 'exists'])}")
    if name in _EVENT_BRIDGE_ONLY and not event_bridge:
        refuse(at, f"{name} is for EventBridge rules; event source mappings do not take it")
    return _OPERATORS[name](argument, at, event_bridge)


def _single(rule: dict[str, Any], where: str) -> tuple[str, Any]:
    if len(rule) != 1:
        refuse(where, "an operator is an object with one key")
    ((name, argument),) = rule.items()
    return name, argument


def _everything(_: Any) -> bool:
    return True


def _text(argument: Any, where: str) -> str:
    if not isinstance(argument, str):
        refuse(where, "takes a string")
    return argument


def _prefix(argument: Any, where: str, event_bridge: bool) -> Test:
    text, ignore_case = _affix(argument, where, event_bridge)
    if ignore_case:
        return lambda value: value.__class__ is str and value.lower().startswith(text)
    return lambda value: value.__class__ is str and value.startswith(text)


def _suffix(argument: Any, where: str, event_bridge: bool) -> Test:
    text, ignore_case = _affix(argument, where, event_bridge)
    if ignore_case:
        return lambda value: value.__class__ is str and value.lower().endswith(text)
    return lambda value: value.__class__ is str and value.endswith(text)


def _affix(argument: Any, where: str, event_bridge: bool) -> tuple[str, bool]:
    """The text of a prefix or suffix, and whether its case is ignored (EventBridge only)."""
    if not (event_bridge and isinstance(argument, dict)):
        return _text(argument, where), False
    name, text = _single(argument, where)
    if name != "equals-ignore-case":
        refuse(f"{where}.{name}", "only equals-ignore-case can stand here")
    return _text(text, f"{where}.{name}").lower(), True


def _equals_ignore_case(argument: Any, where: str, _: bool) -> Test:
    text = _text(argument, where).lower()
    return lambda value: value.__class__ is str and value.lower() == text


def _wildcard(argument: Any, where: str, _: bool) -> Test:
    """``*`` stands for any characters; a backslash before ``*`` or itself makes it an ordinary one."""
    text = _text(argument, where)
    parts = re.findall(r"\\[*\\]|.", text, re.DOTALL)
    if "\\" in parts:
        refuse(where, "a backslash can only stand before * or another backslash")
    if any(one == other == "*" for one, other in pairwise(parts)):
        refuse(where, "two wildcards in a row")
    matches = re.compile(
        "".join(".*" if part == "*" else re.escape(part[-1]) for part in parts), re.DOTALL
    ).fullmatch
    return lambda value: value.__class__ is str and matches(value) is not None


def _cidr(argument: Any, where: str, _: bool) -> Test:
    try:
        if "/" not in _text(argument, where):
            raise ValueError
        network = ipaddress.ip_network(argument, strict=False)
    except ValueError as error:
        if isinstance(error, PatternError):
            raise
        refuse(where, "takes addresses such as 10.0.0.0/24")

    def inside(value: Any) -> bool:
        try:
            return value.__class__ is str and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return inside


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def _numeric(argument: Any, where: str, _: bool) -> Test:
    """One comparison, or a range: a lower bound, then an upper one."""
    if not isinstance(argument, list) or len(argument) not in (2, 4):
        refuse(where, 'takes one comparison or a range, such as [">", 0, "<=", 5]')
    for place, value in enumerate(argument):
        at = f"{where}[{place}]"
        if place % 2 and not _is_number(value):
            refuse(at, "a number must stand here")
        if not place % 2 and (not isinstance(value, str) or value not in _COMPARE):
            refuse(at, f"one of {', '.join(_COMPARE)} must stand here")
    low, least = _COMPARE[argument[0]], argument[1]
    if len(argument) == 2:
        return lambda value: (
            (value.__class__ is int or value.__class__ is float) and low(value, least)
        )
    if argument[0][0] != ">" or argument[2][0] != "<":
        at = f"{where}[{2 if argument[0][0] == '>' else 0}]"
        refuse(at, "a range is a lower bound (> or >=), then an upper one (< or <=)")
    high, most = _COMPARE[argument[2]], argument[3]
    if least >= most:
        refuse(f"{where}[3]", "the upper bound must be above the lower one")
    return lambda value: (
        (value.__class__ is int or value.__class__ is float)
        and low(value, least)
        and high(value, most)
    )


def _anything_but(argument: Any, where: str, event_bridge: bool) -> Test:
    """Present, and none of these: null and values of other types pass."""
    if isinstance(argument, dict):
        return _anything_like(argument, where, event_bridge)
    values = _values(argument, where, "anything-but takes strings or numbers")
    texts = [isinstance(value, str) for value in values]
    for place, (value, is_text) in enumerate(zip(values, texts, strict=True)):
        at = f"{where}[{place}]" if isinstance(argument, list) else where
        if not is_text and not _is_number(value):
            refuse(at, "anything-but takes strings or numbers")
        if is_text != texts[0]:
            refuse(at, "anything-but takes strings or numbers, not both")
    barred = frozenset(values)
    return lambda value: value.__class__ is bool or value not in barred


def _anything_like(argument: dict[str, Any], where: str, event_bridge: bool) -> Test:
    """Neither of what another operator accepts (EventBridge only)."""
    name, inner = _single(argument, where)
    at = f"{where}.{name}"
    if not event_bridge:
        refuse(at, "operators inside anything-but are for EventBridge rules; mappings take values")
    if name not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
        refuse(at, "prefix, suffix, equals-ignore-case or wildcard can stand here")
    tests: list[Test] = []
    for text in _values(inner, at, "takes a string or a list of strings"):
        if not _text(text, at) and name in ("prefix", "suffix"):
            refuse(at, f"an empty {name} inside anything-but")
        tests.append(_OPERATORS[name](text, at, False))
    return lambda value: not any(test(value) for test in tests)


def _values(argument: Any, where: str, what: str) -> list[Any]:
    values = argument if isinstance(argument, list) else [argument]
    if not values:
        refuse(where, f"{what}: the list is empty")
    return values


_OPERATORS: dict[str, Callable[[Any, str, bool], Test]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "cidr": _cidr,
}
_EVENT_BRIDGE_ONLY = ("wildcard", "cidr")
