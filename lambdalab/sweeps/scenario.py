"""What is run again and again: a scenario with its settings, and what is read off each run."""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from lambdalab.errors import InvalidSetting, UnknownSetting
from lambdalab.trace import Trace
from lambdalab.trace.figures import figures

Settings = Mapping[str, Any]
Seed = int | str
RESERVED = ("point", "runs", "failed_runs", "seed", "error")
"""Columns of the result that no setting and no metric can be called."""

_LONGEST = 500
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")


class Scenario:
    """One way to look at all that can be swept: a class, an instance of one, or a function.

    Parameters
    ----------
    given
        A scenario's class (``scenarios.Batching``) or an instance of it, whose other settings stay: a
        dataclass with ``run(seed)``. Or a function that takes the settings and ``seed=``. It gives a
        trace, what has a ``.trace``, or a mapping of numbers.
    metrics
        What makes numbers of that, None for :func:`~lambdalab.trace.figures.figures`.

    Raises :class:`~lambdalab.errors.InvalidSetting` for what is none of these.
    """

    def __init__(self, given: Any, metrics: Callable[[Any], Any] | None = None) -> None:
        self.given, self.metrics = given, metrics
        self._settled = _settled(given)
        if metrics is not None and not callable(metrics):
            raise InvalidSetting("metrics", metrics, "a function of a trace")
        if self._settled is None and not (callable(given) and _takes(given, "seed")):
            limit = (
                "a scenario's class or instance (with run(seed)), or a function that takes seed="
            )
            raise InvalidSetting("scenario", given, limit)

    @property
    def name(self) -> str:
        """What it is called: its module and name."""
        named = self.given if hasattr(self.given, "__qualname__") else type(self.given)
        return f"{named.__module__}.{named.__qualname__}"

    def check_names(self, names: Iterable[str]) -> None:
        """Raise for a setting that it has not, as far as that can be known beforehand."""
        known = self._known()
        for name in names:
            if name in RESERVED:
                limit = (
                    "another name: seeds are given by seeds=" if name == "seed" else "another name"
                )
                raise InvalidSetting("grid", name, limit)
            if known is not None and name not in known:
                raise UnknownSetting(f"sweep of {self.name.rpartition('.')[2]}", name, known)

    def defaults(self) -> dict[str, Any]:
        """The settings' values where a point of the grid says nothing; empty where nobody knows."""
        settled = self._settled
        if settled is None:
            return {
                name: one.default
                for name, one in inspect.signature(self.given).parameters.items()
                if one.default is not one.empty
            }
        if not isinstance(settled, type):
            return {f.name: getattr(settled, f.name) for f in _fields(settled)}
        return {f.name: f.default for f in _fields(settled) if f.default is not dataclasses.MISSING}

    def problem(self, settings: Settings) -> str:
        """Why a run with these settings cannot be, as far as that shows without one; else ""."""
        if self._settled is None:
            return ""
        try:
            self._made(settings)
        except Exception as error:
            return told(error)
        return ""

    def run(self, settings: Settings, seed: Seed) -> dict[str, float]:
        """The figures of one run."""
        if self._settled is None:
            result = self.given(**settings, seed=seed)
        elif _takes(self._settled.run, "seed"):
            result = self._made(settings).run(seed=seed)
        else:
            result = self._made({**settings, "seed": seed}).run()
        return self._numbers(result, settings)

    def _known(self) -> list[str] | None:
        if self._settled is not None:
            return [field.name for field in _fields(self._settled)]
        parameters = inspect.signature(self.given).parameters
        if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
            return None
        return [name for name in parameters if name != "seed"]

    def _made(self, settings: Settings) -> Any:
        if isinstance(self._settled, type):
            return self._settled(**settings)
        return dataclasses.replace(self._settled, **settings)

    def _numbers(self, result: Any, settings: Settings) -> dict[str, float]:
        trace = getattr(result, "trace", result)
        if self.metrics is not None:
            result = self.metrics(trace if isinstance(trace, Trace) else result)
        elif isinstance(trace, Trace):
            return figures(trace)
        if isinstance(result, pd.Series):
            result = result.to_dict()
        if not isinstance(result, Mapping):
            asked, what = ("scenario", "a trace or ") if self.metrics is None else ("metrics", "")
            kind = type(result).__name__
            raise InvalidSetting(asked, kind, f"what gives {what}a mapping of names to numbers")
        return {_metric(name, settings): _number(name, value) for name, value in result.items()}


def told(error: BaseException) -> str:
    """An error in one line that is the same in every process."""
    text = _ADDRESS.sub("", " ".join(str(error).split()))
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _settled(given: Any) -> Any:
    """The dataclass (or instance of one) that has the settings and ``run``; None for a function.

    The functions of :mod:`lambdalab.scenarios` have one of their own name beside them.
    """
    if dataclasses.is_dataclass(given) and callable(getattr(given, "run", None)):
        return given
    module = getattr(given, "__module__", None) or ""
    if inspect.isfunction(given) and module.startswith("lambdalab.scenarios."):
        name = given.__name__.replace("_", "")
        for other in vars(sys.modules[module]).values():
            own = isinstance(other, type) and other.__module__ == module
            if own and other.__name__.lower().endswith(name):  # ScalingBurst is that of burst
                return _settled(other)
    return None


def _fields(settled: Any) -> list[dataclasses.Field[Any]]:
    return [f for f in dataclasses.fields(settled) if f.init and f.name != "seed"]


def _takes(function: Callable[..., Any], name: str) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some built-in functions tell nothing
        return False
    return name in parameters or any(one.kind is one.VAR_KEYWORD for one in parameters.values())


def _metric(name: object, settings: Settings) -> str:
    if name in RESERVED or name in settings:
        raise InvalidSetting("metrics", name, "another name: a column of the result is called so")
    return str(name)


def _number(name: object, value: Any) -> float:
    if value is None or value is pd.NA:
        return float("nan")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InvalidSetting(f"metric {name}", value, "a number, or None for none") from None
