"""The lab's clock: what its microseconds mean as dates, and what people may write for a time.

Everything inside the lab counts integer microseconds since the lab's start; only this module knows
which date that start was.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal
from numbers import Real

from lambdalab.errors import InvalidSetting

US = 1_000_000
"""Microseconds in a second."""

LONGEST_US = 100 * 366 * 86_400 * US
"""The longest time anybody may ask for: a hundred years. More is a mistake in units."""

_UNITS = {
    **dict.fromkeys(("us", "µs", "microsecond", "microseconds"), 1),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 1_000),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), US),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60 * US),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600 * US),
    **dict.fromkeys(("d", "day", "days"), 86_400 * US),
}
_PIECE = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*([a-zµ]+)\s*", re.ASCII | re.IGNORECASE)
_DURATIONS = (
    "a number of seconds, a text such as '90s', '2min', '1.5h', '1d' or '250ms', or a timedelta; "
    "from 0 to 100 years"
)
_EPOCH = dt.datetime(1970, 1, 1)
_UTC = dt.timezone.utc  # noqa: UP017 - `dt.UTC` is the same object


def microseconds(value: object, setting: str = "duration") -> int:
    """A duration as integer microseconds.

    Parameters: a number of seconds (int, float or numpy's), a text with units, or a timedelta
    (pandas' too); and the setting's name, for the error.
    Raises :class:`InvalidSetting` for anything else, and for what is negative, not finite or
    longer than a hundred years.

    >>> microseconds("1.5h"), microseconds(0.25), microseconds("1h 30min")
    (5400000000, 250000, 5400000000)
    """
    found = _duration(value)
    if found is None or not 0 <= found <= LONGEST_US:
        raise InvalidSetting(setting, value, _DURATIONS)
    return found


def _duration(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value * US
    if isinstance(value, dt.timedelta):
        return _whole(value) if value == value else None  # pandas' NaT is not equal to itself
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Real):
        seconds = float(value)
        return round(seconds * US) if math.isfinite(seconds) else None
    return None


def _whole(span: dt.timedelta) -> int:
    return (span.days * 86_400 + span.seconds) * US + span.microseconds


def _text(text: str) -> int | None:
    total, position = Decimal(0), 0
    while position < len(text):
        piece = _PIECE.match(text, position)
        if piece is None or piece[2].lower() not in _UNITS:
            return None
        total += Decimal(piece[1]) * _UNITS[piece[2].lower()]
        position = piece.end()
    return round(total) if text.strip() else None


class Clock:
    """The date of a lab's start, and from it the date of every moment.

    Parameters: the start, as an ISO text, a date or a datetime; a naive one is UTC.

    >>> clock = Clock("2025-01-07")
    >>> clock.iso(clock.at("2min"))
    '2025-01-07T00:02:00.000Z'
    """

    __slots__ = ("_naive", "start_us")

    def __init__(self, start: str | dt.date | dt.datetime = "2025-01-07") -> None:
        self._naive = _naive_utc(start)
        self.start_us = _whole(self._naive - _EPOCH)
        """The start in microseconds since 1970."""

    def epoch_us(self, at: int) -> int:
        """Microseconds since 1970 at a moment of the lab."""
        return self.start_us + at

    def datetime(self, at: int) -> dt.datetime:
        """The moment as an aware UTC datetime."""
        return (self._naive + dt.timedelta(microseconds=at)).replace(tzinfo=_UTC)

    def iso(self, at: int) -> str:
        """The moment as AWS writes it: UTC, in milliseconds (the rest is cut off)."""
        moment = self._naive + dt.timedelta(microseconds=at)
        return moment.isoformat(timespec="milliseconds") + "Z"

    def at(self, value: object, setting: str = "until") -> int:
        """A moment as microseconds since the start.

        Parameters: seconds since the start in any form :func:`microseconds` takes, or a date, a
        datetime or the ISO text of one (a naive one is UTC); and the setting's name, for the error.
        Raises :class:`InvalidSetting` for anything else, and for a moment before the start.
        """
        value = _as_date(value)
        if not isinstance(value, dt.datetime):
            found = _duration(value)
            if found is None or not 0 <= found <= LONGEST_US:
                raise InvalidSetting(setting, value, f"{_DURATIONS}; or a date, as '2025-01-08'")
            return found
        if value != value:
            raise InvalidSetting(setting, value, "a moment")
        moment = value if value.tzinfo is None else value.astimezone(_UTC).replace(tzinfo=None)
        found = _whole(moment - self._naive)
        if not 0 <= found <= LONGEST_US:
            limit = f"from the lab's start, {self.iso(0)}, to 100 years later"
            raise InvalidSetting(setting, str(value), limit)
        return found

    def __repr__(self) -> str:
        return f"Clock({self._naive.isoformat()!r})"


def _as_date(value: object) -> object:
    """A date or an ISO text as a datetime; anything else as it is."""
    if isinstance(value, str) and value[:4].isdigit() and value[4:5] == "-":
        try:
            return dt.datetime.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime(value.year, value.month, value.day)
    return value


def _naive_utc(start: object) -> dt.datetime:
    limit = "an ISO date such as '2025-01-07', a date or a datetime, from 1970 to 2200"
    moment = start
    if isinstance(moment, str):
        try:
            moment = dt.datetime.fromisoformat(moment)
        except ValueError:
            raise InvalidSetting("start", start, limit) from None
    elif isinstance(moment, dt.date) and not isinstance(moment, dt.datetime):
        moment = dt.datetime(moment.year, moment.month, moment.day)
    if not isinstance(moment, dt.datetime) or moment != moment:
        raise InvalidSetting("start", start, limit)
    if moment.tzinfo is not None:
        moment = moment.astimezone(_UTC)
    if not 1970 <= moment.year <= 2200:
        raise InvalidSetting("start", str(start), limit)
    return dt.datetime(*moment.timetuple()[:6], moment.microsecond)
