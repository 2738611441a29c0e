"""The fallback where builtins cannot be re-aimed: names are replaced, as far as they can be found.

Module attributes of ``time``, then the globals and default arguments that hold an old function;
``datetime`` by a subclass that gives out real datetimes. Names kept in closures, class attributes,
partials or bound methods escape.
"""

from __future__ import annotations

import datetime as dt
import gc
import time
import types
from collections.abc import Callable
from typing import Any

from lambdalab.kernel.shims import datetimes

_OWN = ("lambdalab.", "asyncio.")


class _VirtualMeta(type):
    """Real datetimes are instances of the subclass, and the other way round."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.__mro__[1])

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.__mro__[1])


def _subclass(base: Any, shims: datetimes.Shims) -> Any:
    """A class that makes real objects of ``base``, with the class methods exchanged."""

    def maker(function: Callable[..., Any]) -> Any:
        return classmethod(lambda _, *given, **named: function(base, *given, **named))

    body: dict[str, Any] = {
        name: maker(function)
        for name, function in shims.items()
        if name not in ("timestamp", "astimezone")
    }
    body["__new__"] = lambda _, *given, **named: base(*given, **named)
    body["__module__"], body["__qualname__"] = base.__module__, base.__qualname__
    return _VirtualMeta(base.__name__, (base,), body)


class Adopt:
    """The clocks by replacement."""

    level = "adopt"

    def __init__(self) -> None:
        from lambdalab.kernel.shims.clocks import NAMES, time_shims

        self.real = {name: getattr(time, name) for name in NAMES}
        self.shims = time_shims(self.real)
        moments = {name: dt.datetime.__dict__[name] for name in datetimes.DATETIME_NAMES}
        dates = {name: dt.date.__dict__[name] for name in datetimes.DATE_NAMES}
        whole = dt.datetime.fromtimestamp
        self._moments = _subclass(dt.datetime, datetimes.datetime_shims(moments))
        self._dates = _subclass(dt.date, datetimes.date_shims(dates, whole))
        self._swaps = {id(self.real[name]): shim for name, shim in self.shims.items()}
        self._swaps[id(dt.datetime)], self._swaps[id(dt.date)] = self._moments, self._dates
        self._undo: list[Callable[[], None]] = []

    def on(self) -> None:
        """Virtual inside tasks from now on, wherever a name can be found."""
        for name, shim in self.shims.items():
            self._put(vars(time), name, shim)
        self._put(vars(dt), "datetime", self._moments)
        self._put(vars(dt), "date", self._dates)
        for thing in gc.get_objects():
            if type(thing) is dict:
                self._replace_globals(thing)
            elif type(thing) is types.FunctionType and thing.__defaults__:
                self._replace_defaults(thing)

    def off(self) -> None:
        """Everything as it was."""
        while self._undo:
            self._undo.pop()()

    def adopt(self) -> None:
        """Nothing to prepare: :meth:`on` looks for early names each time."""

    def _put(self, names: dict[str, Any], name: str, value: object) -> None:
        old = names[name]
        names[name] = value
        self._undo.append(lambda: names.__setitem__(name, old))

    def _replace_globals(self, names: dict[str, Any]) -> None:
        owner = names.get("__name__")
        if "__spec__" not in names or not isinstance(owner, str):
            return
        if not f"{owner}.".startswith((*_OWN, "datetime.", "time.")):
            for name, value in [item for item in names.items() if id(item[1]) in self._swaps]:
                self._put(names, name, self._swaps[id(value)])

    def _replace_defaults(self, function: types.FunctionType) -> None:
        old = function.__defaults__ or ()
        if any(id(value) in self._swaps for value in old):
            function.__defaults__ = tuple(self._swaps.get(id(value), value) for value in old)
            self._undo.append(lambda: setattr(function, "__defaults__", old))
