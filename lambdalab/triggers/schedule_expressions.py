"""When a schedule fires: ``rate(5 minutes)``, ``cron(0 9 ? * MON *)`` and ``at(2025-01-07T09:00:00)``.

Sources: the EventBridge user guide (ebug/eb-cron-expressions, ebug/eb-rate-expressions), the Scheduler
user guide (scheduler/schedule-types); for time zones dated-rules.md: a local time that does not exist is
skipped, one that comes twice runs once, the first time.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from dataclasses import dataclass, field, replace
from typing import Protocol

from lambdalab.errors import InvalidSetting, ValidationException, suggestion
from lambdalab.kernel.clock import US
from lambdalab.triggers.cron_fields import Cron, Unreadable, read

_UNITS = {"minute": 60 * US, "hour": 3_600 * US, "day": 86_400 * US}
_UTC = dt.timezone.utc  # noqa: UP017 - `dt.UTC` is the same object
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=_UTC)
_LAST_US = 7_258_118_400 * US  # 2200-01-01: cron knows no later year
_WORD = re.compile(r"\S+")
_FORMS = {
    "rate": "rate(5 minutes)",
    "cron": "cron(0 9 ? * MON *)",
    "at": "at(2025-01-07T09:00:00)",
}
KINDS = tuple(_FORMS)
"""The kinds of expression. EventBridge's rules know no ``at``."""


class InvalidExpression(InvalidSetting, ValidationException):
    """A schedule expression that AWS refuses; ours to say where and why.

    Attributes: ``position`` of what is wrong (from 0), and what was ``expected`` there; ``message`` is
    AWS's. The exception's code is ValidationException, its status 400.
    """

    def __init__(self, setting: str, text: object, position: int, expected: str) -> None:
        self.code, self.fields, self.hint = "ValidationException", {}, ""
        self.message = "Parameter ScheduleExpression is not valid."
        self.position, self.expected = position, expected
        self.setting, self.value, self.limit = setting, text, expected
        self.source = "ebug/eb-scheduled-rule-pattern"
        found = f", found {text[position:]!r}" if isinstance(text, str) and text[position:] else ""
        Exception.__init__(
            self,
            f"{self.message} {setting}={text!r}: at character {position + 1} expected {expected}{found}",
        )


class Expression(Protocol):
    """A schedule expression that has been read."""

    @property
    def text(self) -> str:
        """As it was written."""

    @property
    def kind(self) -> str:
        """One of :data:`KINDS`."""

    def next_after(self, epoch_us: int) -> int | None:
        """The next firing strictly after that time (microseconds since 1970); None: never again."""

    def since(self, epoch_us: int) -> Expression:
        """The same, its intervals counted from that time (which only a rate heeds)."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``rate(5 minutes)``: fires at ``first_us`` and every ``period_us`` after it.

    >>> rate = parse("rate(5 minutes)").since(7)
    >>> rate.next_after(6), rate.next_after(7)
    (7, 300000007)
    """

    text: str
    period_us: int
    first_us: int = 0
    kind: str = "rate"

    def next_after(self, epoch_us: int) -> int | None:
        """The next firing strictly after that time."""
        gone = epoch_us - self.first_us
        return self.first_us + max(gone // self.period_us + 1, 0) * self.period_us

    def since(self, epoch_us: int) -> Expression:
        """Counted from that time."""
        return replace(self, first_us=epoch_us)


@dataclass(frozen=True, slots=True)
class Calendar:
    """``cron(0 9 ? * MON *)``: fires at the beginning of each minute its fields name, in a time zone.

    >>> monday = parse("cron(0 9 ? * MON *)", time_zone="Europe/Berlin")
    >>> dt.datetime.fromtimestamp(monday.next_after(0) / US, _UTC).isoformat()
    '1970-01-05T08:00:00+00:00'
    """

    text: str
    cron: Cron = field(repr=False, compare=False)
    time_zone: str
    zone: dt.tzinfo = field(repr=False, compare=False)
    kind: str = "cron"

    def next_after(self, epoch_us: int) -> int | None:
        """The next firing strictly after that time."""
        if epoch_us >= _LAST_US:
            return None
        epoch_us = max(epoch_us, -86_400 * US)  # a day before the first year, for its time zones
        moment = _EPOCH + dt.timedelta(microseconds=epoch_us)
        for local in self.cron.moments(moment.astimezone(self.zone).replace(tzinfo=None)):
            found = _instant(local, self.zone)
            if found is not None and found > epoch_us:
                return found
        return None

    def since(self, epoch_us: int) -> Expression:
        """The same: a calendar has no beginning."""
        return self


@dataclass(frozen=True, slots=True)
class Once:
    """``at(2025-01-07T09:00:00)``: fires a single time; ``at_us`` is None where no such time exists."""

    text: str
    at_us: int | None
    time_zone: str
    kind: str = "at"

    def next_after(self, epoch_us: int) -> int | None:
        """The firing, if it is strictly after that time."""
        return self.at_us if self.at_us is not None and self.at_us > epoch_us else None

    def since(self, epoch_us: int) -> Expression:
        """The same."""
        return self


def parse(
    text: object,
    *,
    kinds: tuple[str, ...] = KINDS,
    time_zone: str = "UTC",
    setting: str = "schedule_expression",
) -> Expression:
    """Read a schedule expression.

    Parameters
    ----------
    text
        The expression.
    kinds
        Which kinds are allowed.
    time_zone
        Where the clock hangs that ``cron`` and ``at`` look at: "UTC", "Europe/Berlin".
    setting
        The name of the setting, for the error.

    Raises :class:`InvalidExpression` (a ValueError) with the position and what was expected there;
    :class:`~lambdalab.errors.InvalidSetting` for a time zone that nobody knows.

    Example
    -------
    >>> try:
    ...     parse("rate(1 minutes)")
    ... except InvalidExpression as error:
    ...     error.message, error.position, error.expected
    ('Parameter ScheduleExpression is not valid.', 7, 'minute, hour or day (of one)')
    """
    zone = time_zone_of(time_zone)
    forms = " or ".join(_FORMS[kind] for kind in kinds)
    if not isinstance(text, str):
        raise InvalidExpression(setting, text, 0, forms)
    kind, bracket, rest = text.partition("(")
    if kind not in kinds or not bracket:
        raise InvalidExpression(setting, text, 0, forms)
    at = len(kind) + 1
    try:
        if not rest.endswith(")"):
            raise Unreadable(len(text), "')' at the end")
        inner = rest[:-1]
        if kind == "rate":
            return Rate(text, _period(inner, at))
        if kind == "cron":
            return Calendar(text, read(inner, at), time_zone, zone)
        return Once(text, _instant(_date(inner, at), zone), time_zone)
    except Unreadable as error:
        raise InvalidExpression(setting, text, error.position, error.expected) from None


def time_zone_of(name: object, setting: str = "schedule_expression_timezone") -> dt.tzinfo:
    """The time zone of that name; raises :class:`~lambdalab.errors.InvalidSetting` where there is none."""
    if name == "UTC":
        return _UTC
    try:
        if isinstance(name, str):
            return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no such file; not a file's name; a folder's
        pass
    known = zoneinfo.available_timezones()
    if not known:
        limit = "UTC: this computer has no time zone data (pip install tzdata brings it)"
        raise InvalidSetting(setting, name, limit, "Python's zoneinfo")
    near = suggestion(str(name), sorted(known))
    hint = near if near.startswith("; did") else ""
    limit = f"a time zone of the IANA database, such as 'Europe/Berlin'{hint}"
    raise InvalidSetting(setting, name, limit, "botocore CreateSchedule")


# ---------------------------------------------------------------------- inside


def _period(text: str, at: int) -> int:
    """``5 minutes`` in microseconds."""
    words = [(match[0], at + match.start()) for match in _WORD.finditer(text)]
    if len(words) != 2:
        where = words[2][1] if len(words) > 2 else at + len(text)
        raise Unreadable(where, "a number and a unit, as in 5 minutes")
    (number, number_at), (unit, unit_at) = words
    if not (re.fullmatch(r"[0-9]{1,9}", number) and int(number) > 0):
        raise Unreadable(number_at, "a whole number from 1 to 999,999,999")
    ending, how = ("", "of one") if int(number) == 1 else ("s", "of more than one")
    for name, length in _UNITS.items():
        if unit == name + ending:
            return int(number) * length
    raise Unreadable(unit_at, f"minute{ending}, hour{ending} or day{ending} ({how})")


def _date(text: str, at: int) -> dt.datetime:
    """``2025-01-07T09:00:00``, and no other way to write it."""
    expected = "a date as yyyy-mm-ddThh:mm:ss"
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text, re.ASCII):
        raise Unreadable(at, expected)
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise Unreadable(at, f"{expected} ({error})") from None


def _instant(local: dt.datetime, zone: dt.tzinfo) -> int | None:
    """Microseconds since 1970 at a local time, the first of two; None where the clock skips it."""
    moment = local.replace(tzinfo=zone).astimezone(_UTC)
    if zone is not _UTC and moment.astimezone(zone).replace(tzinfo=None) != local:
        return None
    span = moment - _EPOCH
    return (span.days * 86_400 + span.seconds) * US + span.microseconds


__all__ = [
    "KINDS", "Calendar", "Expression", "InvalidExpression", "Once", "Rate", "parse", "time_zone_of",
]  # fmt: skip
