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
        for name, real in self.real.items():
            for holder in gc.get_referrers(real):
                self._replace(holder, real, self.shims[name])
        for shim in (self._moments, self._dates):
            for holder in gc.get_referrers(shim.__mro__[1]):
                self._replace(holder, shim.__mro__[1], shim)

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

    def _replace(self, holder: Any, real: object, shim: object) -> None:
        if type(holder) is dict:
            owner = holder.get("__name__", "lambdalab.")
            if "__spec__" in holder and not f"{owner}.".startswith((*_OWN, "datetime.", "time.")):
                for name in [name for name, value in holder.items() if value is real]:
                    self._put(holder, name, shim)
        elif type(holder) is tuple:
            for function in gc.get_referrers(holder):
                if isinstance(function, types.FunctionType) and function.__defaults__ is holder:
                    new = tuple(shim if value is real else value for value in holder)
                    function.__defaults__ = new
                    self._undo.append(lambda f=function: setattr(f, "__defaults__", holder))
