"""The time zone's names in ``time``: UTC in a handler, whatever the host's.

They are plain values of the module, so the module gets a class whose properties ask who reads them. (The
functions of ``time`` are made virtual in :mod:`.clocks`.)
"""

from __future__ import annotations

import time
from types import ModuleType
from typing import Any

from lambdalab.kernel.shims.environ import Names, here

_IN_UTC: dict[str, Any] = {"tzname": ("UTC", "UTC"), "timezone": 0, "altzone": 0, "daylight": 0}


class Zone:
    """Shows UTC in ``time.tzname``, ``timezone``, ``altzone`` and ``daylight``."""

    def __init__(self) -> None:
        names = {name: _asking(name, value) for name, value in _IN_UTC.items()}
        self._ours = type(ModuleType.__name__, (ModuleType,), names)
        self._theirs: type = type(time)
        self._names = Names()
        self._names.dispatch(time, "tzset", lambda _: None)

    def on(self) -> None:
        """Dispatch."""
        self._theirs = type(time)
        time.__class__ = self._ours
        self._names.on()

    def off(self) -> None:
        """Stop."""
        self._names.off()
        if type(time) is self._ours:
            time.__class__ = self._theirs


def _asking(name: str, in_utc: Any) -> property:
    def get(module: ModuleType) -> Any:
        return vars(module)[name] if here() is None else in_utc

    def put(module: ModuleType, value: Any) -> None:
        vars(module)[name] = value

    return property(get, put)
