"""Copies of handlers, in which whatever they reach of a lab is replaced, and their data are copies."""

from __future__ import annotations

import copy
import inspect
import marshal
import reprlib
from collections import deque
from dataclasses import dataclass, field
from types import CellType, CodeType, FunctionType, MethodType, SimpleNamespace
from typing import Any

_DATA = (dict, list, set, bytearray, deque)
_ATOMS = {bool, int, float, complex, str, bytes, type(None)}
_COPIED = (
    "__main__",
    "numpy",
    "pandas",
    "array",
    "io",
)  # modules of whose classes things are copied
_HOLDERS = (
    tuple,
    SimpleNamespace,
)  # no data themselves, but they may hold some, or things of the lab


@dataclass(frozen=True)
class Remembered:
    """Data in memory as it was: ``told``, its beginning, for people; ``all``, to compare."""

    told: str
    all: str | bytes = field(repr=False)

    @classmethod
    def of(cls, value: Any) -> Remembered:
        """How a value looks now."""
        try:
            return cls(reprlib.repr(value), marshal.dumps(value, 2))
        except ValueError:
            return cls(reprlib.repr(value), repr(value))


class Mirror:
    """Copies a handler with whatever it reaches of the lab replaced.

    Parameters: ``same``, by the id of each thing of the lab, what stands for it. ``data``: the plain
    data that the handler reaches, by name, as copies.
    """

    def __init__(self, same: dict[int, Any]) -> None:
        self._same, self.data = same, dict[str, Any]()
        self._functions: dict[int, FunctionType] = {}
        self._globals: dict[int, dict[str, Any]] = {}
        self._home: object = None
        self._kept: list[Any] = []

    def handler(self, handler: Any) -> Any:
        """The handler, as the copy of the lab is to have it."""
        if isinstance(handler, MethodType) and isinstance(handler.__func__, FunctionType):
            self._home = handler.__func__.__globals__
            owner = self.value("", handler.__self__)
            return MethodType(self.function(handler.__func__), owner)
        if not isinstance(handler, FunctionType):
            return copy.deepcopy(handler, dict(self._same))
        inner = inspect.unwrap(handler)  # what decorators of libraries stand around
        self._home = getattr(inner, "__globals__", handler.__globals__)
        return self.function(handler)

    def function(self, function: FunctionType) -> FunctionType:
        """A function whose names and closed-over variables lead to the copy."""
        if id(function) in self._functions:
            return self._functions[id(function)]
        cells = tuple(CellType() for _ in function.__closure__ or ())
        space = self._space(function)
        made = FunctionType(function.__code__, space, function.__name__, None, cells or None)
        self._functions[id(function)] = made
        self._kept.append(function)
        given = function.__defaults__
        made.__defaults__ = given and tuple(self.value("", value) for value in given)
        named = function.__kwdefaults__
        made.__kwdefaults__ = named and {n: self.value(n, value) for n, value in named.items()}
        made.__module__ = function.__module__
        made.__qualname__, made.__doc__ = function.__qualname__, function.__doc__
        for name, cell, new in zip(
            function.__code__.co_freevars, function.__closure__ or (), cells, strict=True
        ):
            try:
                new.cell_contents = self.value(name, cell.cell_contents)
            except ValueError:  # a variable that has no value yet
                continue
        if function.__globals__ is self._home:
            for name in sorted(_names(function.__code__)):
                if name in function.__globals__:
                    space[name] = self.value(name, function.__globals__[name])
        return made

    def value(self, name: str, value: Any) -> Any:
        """What a name of the handler's stands for in the copy."""
        if id(value) in self._same:
            return self._same[id(value)]
        if isinstance(value, FunctionType):
            return self.function(value) if self._reaches(value) else value
        if isinstance(value, (*_DATA, *_HOLDERS)) or _root(value) in _COPIED:
            try:
                made = self._copied(value)
            except Exception:  # what cannot be copied stays; the lab is shut all the same
                return value
            self._same[id(value)] = made
            self._kept.append(value)
            if isinstance(value, _DATA):
                self.data[name] = made
            return made
        return value

    def _copied(self, value: Any) -> Any:
        """A deep copy with the lab's things replaced; what is flat goes the short way: it may be large."""
        if type(value) in (list, set) and set(map(type, value)) <= _ATOMS:
            return value.copy()
        if type(value) is dict and {*map(type, value), *map(type, value.values())} <= _ATOMS:
            return value.copy()
        return copy.deepcopy(value, dict(self._same))

    def _reaches(self, function: FunctionType) -> bool:
        return function.__globals__ is self._home or function.__closure__ is not None

    def _space(self, function: FunctionType) -> dict[str, Any]:
        known = function.__globals__
        if known is not self._home:
            return known
        return self._globals.setdefault(id(known), dict(known))


def _root(value: Any) -> str:
    """The package that the class of a thing is of."""
    return str(type(value).__module__).partition(".")[0]


def _names(code: CodeType) -> set[str]:
    """The global names that a function's code uses, and the functions within it."""
    found = set(code.co_names)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found |= _names(inner)
    return found
