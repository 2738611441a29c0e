"""``datetime`` and ``date`` in virtual time, with UTC as local time, as on Lambda.

Everything that reads a clock or the host's time zone is here together: were only ``now`` shimmed,
``datetime.now().timestamp()`` would differ from ``time.time()`` on a host that is not on UTC.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from lambdalab.kernel.shims.virtual import epoch_us

DATETIME_NAMES = ("now", "utcnow", "fromtimestamp", "timestamp", "astimezone")
DATE_NAMES = ("today", "fromtimestamp")

_UTC = dt.timezone.utc  # noqa: UP017 - `dt.UTC` is the same object
_EPOCH = dt.datetime(1970, 1, 1)
_AWARE_EPOCH = _EPOCH.replace(tzinfo=_UTC)
_real_replace = dt.datetime.replace
_DATETIME = dt.datetime

Shims = dict[str, Callable[..., Any]]


def _moment(kind: Any, us: int, tz: Any = None) -> Any:
    """A time as an object of that class, naive UTC or in a zone."""
    span = dt.timedelta(microseconds=us)
    found = _EPOCH + span if tz is None else _AWARE_EPOCH + span
    if tz is not None and tz is not _UTC:
        found = tz.fromutc(_real_replace(found, tzinfo=tz))
    if kind is _DATETIME:
        return found
    fields = (*found.timetuple()[:6], found.microsecond)
    return kind(*fields, tzinfo=found.tzinfo, fold=found.fold)


def datetime_shims(real: dict[str, Any]) -> Shims:
    """The functions behind the methods of ``datetime``; ``real`` holds its own descriptors."""
    bind_now, bind_utcnow = real["now"].__get__, real["utcnow"].__get__
    bind_fromtimestamp = real["fromtimestamp"].__get__
    real_timestamp, real_astimezone = real["timestamp"], real["astimezone"]

    def now(cls: Any, tz: Any = None) -> Any:
        us = epoch_us()
        if us is None or not (tz is None or isinstance(tz, dt.tzinfo)):
            return bind_now(None, cls)(tz)
        return _moment(cls, us, tz)

    def utcnow(cls: Any) -> Any:
        us = epoch_us()
        return bind_utcnow(None, cls)() if us is None else _moment(cls, us)

    def fromtimestamp(cls: Any, timestamp: Any, tz: Any = None) -> Any:
        if tz is not None or epoch_us() is None:
            return bind_fromtimestamp(None, cls)(timestamp, tz)
        return _real_replace(bind_fromtimestamp(None, cls)(timestamp, _UTC), tzinfo=None)

    def timestamp(self: Any) -> Any:
        if self.tzinfo is None and epoch_us() is not None:
            self = _real_replace(self, tzinfo=_UTC)
        return real_timestamp(self)

    def astimezone(self: Any, tz: Any = None) -> Any:
        if epoch_us() is None:
            return real_astimezone(self, tz)
        if self.tzinfo is None:
            self = _real_replace(self, tzinfo=_UTC)
        return real_astimezone(self, _UTC if tz is None else tz)

    return {
        "now": now,
        "utcnow": utcnow,
        "fromtimestamp": fromtimestamp,
        "timestamp": timestamp,
        "astimezone": astimezone,
    }


def date_shims(real: dict[str, Any], fromtimestamp_utc: Callable[..., Any]) -> Shims:
    """The functions behind the class methods of ``date``.

    Parameters: its own descriptors; and datetime's real ``fromtimestamp``, bound to datetime.
    """
    bind_today, bind_fromtimestamp = real["today"].__get__, real["fromtimestamp"].__get__

    def today(cls: Any) -> Any:
        us = epoch_us()
        if us is None:
            return bind_today(None, cls)()
        if issubclass(cls, _DATETIME):
            return _moment(cls, us)
        found = _EPOCH + dt.timedelta(microseconds=us)
        return cls(found.year, found.month, found.day)

    def fromtimestamp(cls: Any, timestamp: Any, /) -> Any:
        if epoch_us() is None:
            return bind_fromtimestamp(None, cls)(timestamp)
        found = fromtimestamp_utc(timestamp, _UTC)
        return cls(found.year, found.month, found.day)

    return {"today": today, "fromtimestamp": fromtimestamp}


def as_method(name: str, function: Callable[..., Any]) -> Any:
    """The shim as it stands in the class: a class method, unless it is about one datetime."""
    return function if name in ("timestamp", "astimezone") else classmethod(function)
