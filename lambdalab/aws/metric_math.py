"""Metric math: expressions over the series of a GetMetricData request.

There are ``+ - * / ^``, numbers, ids, lists of them, ``METRICS()``, ``SUM``, ``AVG``, ``MIN``, ``MAX``,
``ABS``, ``CEIL``, ``FLOOR`` and ``FILL`` with a number or ``REPEAT``. Source:
AmazonCloudWatch/using-metric-math.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Series = dict[int, float]
"""Values by time (microseconds); a moment without a value has none."""
Value = Any
"""A number, a series, or a list of series."""

_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b, ast.Sub: lambda a, b: a - b, ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b, ast.Pow: lambda a, b: a**b,
}  # fmt: skip
_OVER: dict[str, Callable[[list[float]], float]] = {
    "SUM": math.fsum, "AVG": lambda v: math.fsum(v) / len(v), "MIN": min, "MAX": max,
}  # fmt: skip
_EACH: dict[str, Callable[[float], float]] = {
    "ABS": abs, "CEIL": lambda v: float(math.ceil(v)), "FLOOR": lambda v: float(math.floor(v)),
}  # fmt: skip


class NotMath(ValueError):
    """An expression that is none, or that a lab does not know; the text says what of it."""


def evaluate(
    expression: str, series: Mapping[str, Series], metrics: Iterable[str], moments: Iterable[int]
) -> Series:
    """What an expression comes to.

    Parameters: the ``expression``; the ``series`` by id; the ids that are metrics (``METRICS()``); and
    every moment of the period asked for, which ``FILL`` fills. Raises :class:`NotMath`.

    >>> evaluate("m1 / m2 * 100", {"m1": {0: 1.0}, "m2": {0: 4.0, 60: 2.0}}, ["m1", "m2"], [0, 60])
    {0: 25.0}
    """
    try:
        tree = ast.parse(expression.strip().replace("^", "**"), mode="eval")
        value = _Evaluation(series, list(metrics), list(moments)).of(tree.body)
    except (SyntaxError, RecursionError, MemoryError):
        raise NotMath(f"{expression!r} does not parse") from None
    if not isinstance(value, dict):
        kind = "an array of series" if isinstance(value, list) else "a number"
        raise NotMath(f"{expression!r} comes to {kind}, and one time series is needed")
    return value


class _Evaluation:
    """One expression's values, from the inside out."""

    def __init__(
        self, series: Mapping[str, Series], metrics: list[str], moments: list[int]
    ) -> None:
        self._series, self._metrics, self._moments = series, metrics, moments

    def of(self, node: ast.expr) -> Value:
        """The value of a part."""
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return float(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.Name):
            if node.id not in self._series:
                raise NotMath(f"there is no query with the id {node.id!r}")
            return self._series[node.id]
        if isinstance(node, ast.List):
            return [self.of(each) for each in node.elts]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return _joined(lambda a, b: a * b, -1.0, self.of(node.operand))
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            return _joined(_BINARY[type(node.op)], self.of(node.left), self.of(node.right))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            return self._call(node.func.id, node.args)
        raise NotMath(f"{ast.unparse(node)!r} is not simulated: + - * / ^, {', '.join(_KNOWN)} are")

    def _call(self, name: str, given: list[ast.expr]) -> Value:
        if name == "METRICS" and not given:
            return [self._series[each] for each in self._metrics]
        if name == "FILL" and len(given) == 2:
            repeat = isinstance(given[1], ast.Name) and given[1].id == "REPEAT"
            return self._filled(self.of(given[0]), None if repeat else self.of(given[1]))
        if name in _OVER and len(given) == 1:
            return _over(_OVER[name], self.of(given[0]))
        if name in _EACH and len(given) == 1:
            return _joined(lambda a, _: _EACH[name](a), self.of(given[0]), 0.0)
        raise NotMath(
            f"{name} with {len(given)} arguments is not simulated: {', '.join(_KNOWN)} are"
        )

    def _filled(self, value: Value, filler: Value) -> Value:
        """The value at every moment; ``filler`` None repeats the last one."""
        if isinstance(value, list):
            return [self._filled(each, filler) for each in value]
        if not isinstance(value, dict) or isinstance(filler, (dict, list)):
            raise NotMath("FILL takes a series, and a number or REPEAT")
        filled: Series = {}
        last = filler
        for at in self._moments:
            if filler is None:
                last = value.get(at, last)
            found = value.get(at, last)
            if found is not None:
                filled[at] = found
        return filled


_KNOWN = (*_OVER, *_EACH, "FILL", "METRICS")


def _joined(act: Callable[[float, float], float], left: Value, right: Value) -> Value:
    """Two values as one: of series the moments that both have, of a list each of its series."""
    if isinstance(left, list):
        return [_joined(act, each, right) for each in left]
    if isinstance(right, list):
        return [_joined(act, left, each) for each in right]
    if isinstance(left, dict) or isinstance(right, dict):
        moments = left if isinstance(left, dict) else right
        if isinstance(left, dict) and isinstance(right, dict):
            moments = [at for at in left if at in right]
        found: Series = {}
        for at in moments:
            value = _number(act, _at(left, at), _at(right, at))
            if value is not None:
                found[at] = value
        return found
    number = _number(act, left, right)
    if number is None:
        raise NotMath("a division by zero")
    return number


def _at(value: Value, at: int) -> float:
    return value[at] if isinstance(value, dict) else value  # type: ignore[no-any-return]


def _number(act: Callable[[float, float], float], left: float, right: float) -> float | None:
    """The result, or None where there is none: such a moment has no data point."""
    try:
        value = act(left, right)
    except (ZeroDivisionError, OverflowError):
        return None
    return value if isinstance(value, float) and math.isfinite(value) else None


def _over(act: Callable[[list[float]], float], value: Value) -> Value:
    """Of a series one number; of a list of series one series over all moments that any of them has."""
    if isinstance(value, dict):
        if not value:
            raise NotMath("a function over a series that has no data")
        return float(act(list(value.values())))
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise NotMath("SUM, AVG, MIN and MAX take a series or a list of series")
    moments = sorted({at for each in value for at in each})
    return {at: float(act([each[at] for each in value if at in each])) for at in moments}
