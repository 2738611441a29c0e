"""The six fields of a cron expression as AWS reads them, and the minutes they name.

Source: the EventBridge user guide, "Cron expressions reference" (ebug/eb-cron-expressions). Where it is
silent the fields are read as Quartz does, whose dialect this is: names in any case, ``15W`` never leaves
its month. A range that runs backwards is refused.
"""

from __future__ import annotations

import datetime as dt
import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

Days = Callable[[int, int], "frozenset[int]"]
"""The days of a month (year, month) that a field names."""

_NUMBER = re.compile(r"[0-9]{1,4}")
_WORD = re.compile(r"\S+")
_NTH = re.compile(r"(\w+)#(\d{1,4})", re.ASCII)


class Unreadable(Exception):
    """What does not parse: its ``position`` in the text (from 0) and what was ``expected`` there."""

    def __init__(self, position: int, expected: str) -> None:
        self.position, self.expected = position, expected
        super().__init__(position, expected)


@dataclass(frozen=True, slots=True)
class Field:
    """What may stand in one field: numbers from ``low`` to ``high``, and ``names`` for them in order."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def numbers(self, text: str, at: int) -> frozenset[int]:
        """The numbers that a text such as ``1,5-10,20/5`` names; ``at``: where in the expression it is."""
        found: set[int] = set()
        for item in text.split(","):
            found.update(self._item(item, at))
            at += len(item) + 1
        return frozenset(found)

    def number(self, text: str, at: int) -> int:
        """One number, or a name of one."""
        if text.upper() in self.names:
            return self.names.index(text.upper()) + self.low
        if _NUMBER.fullmatch(text) and self.low <= int(text) <= self.high:
            return int(text)
        raise Unreadable(at, self.expected)

    @property
    def expected(self) -> str:
        """What one number of this field may be, in words."""
        names = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
        return f"{self.name} from {self.low} to {self.high}{names}"

    def _item(self, item: str, at: int) -> range:
        span, slash, step = item.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            low, high = self.low, self.high
        else:
            low = self.number(first, at)
            high = self.number(last, at + len(first) + 1) if dash else low
            if high < low:
                raise Unreadable(at + len(first) + 1, f"{self.name} not below {first}")
        if not slash:
            return range(low, high + 1)
        if not (_NUMBER.fullmatch(step) and 1 <= int(step) <= self.high):
            raise Unreadable(at + len(span) + 1, f"a step from 1 to {self.high}")
        return range(low, (high if dash else self.high) + 1, int(step))


MINUTE, HOUR = Field("minutes", 0, 59), Field("hours", 0, 23)
DAY_OF_MONTH = Field("days of the month", 1, 31)
MONTH = Field("months", 1, 12, MONTHS)
DAY_OF_WEEK = Field("days of the week", 1, 7, DAYS)
YEAR = Field("years", 1970, 2199)
FIELDS = (MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK, YEAR)


@dataclass(frozen=True, slots=True)
class Cron:
    """Six fields that have been read: sorted numbers, and the days of a month."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Days
    months: tuple[int, ...]
    years: tuple[int, ...]

    def moments(self, start: dt.datetime) -> Iterator[dt.datetime]:
        """Every minute that the fields name, from ``start`` on, of a calendar without time zones."""
        first = (start.year, start.month, start.day)
        for year, month in self._months(start):
            for day in sorted(self.days(year, month)):
                if (year, month, day) < first:
                    continue
                today = (year, month, day) == first
                for hour in self.hours:
                    if today and hour < start.hour:
                        continue
                    now = today and hour == start.hour
                    for minute in self.minutes:
                        if not now or minute >= start.minute:
                            yield dt.datetime(year, month, day, hour, minute)

    def _months(self, start: dt.datetime) -> Iterator[tuple[int, int]]:
        for year in self.years:
            if year >= start.year:
                for month in self.months:
                    if year > start.year or month >= start.month:
                        yield year, month


def read(text: str, at: int) -> Cron:
    """The six fields in ``text``, which begins at position ``at`` of the expression.

    Raises :class:`Unreadable` with the position of what is wrong.
    """
    words = [(match[0], at + match.start()) for match in _WORD.finditer(text)]
    if len(words) != 6:
        where = words[6][1] if len(words) > 6 else at + len(text)
        raise Unreadable(
            where,
            f"six fields, minutes hours day-of-month month day-of-week year, not {len(words)}",
        )
    (of_month, month_at), (of_week, week_at) = words[2], words[4]
    if of_month != "?" and of_week != "?":
        raise Unreadable(
            week_at, "'?' in day-of-month or in day-of-week: a day cannot be told by both"
        )
    if of_month == "?" and of_week == "?":
        raise Unreadable(week_at, "a day: '?' cannot stand in day-of-month and in day-of-week")
    minutes, hours, months, years = (
        tuple(sorted(FIELDS[place].numbers(*words[place]))) for place in (0, 1, 3, 5)
    )
    days = _of_month(of_month, month_at) if of_week == "?" else _of_week(of_week, week_at)
    return Cron(minutes, hours, days, months, years)


def _of_month(text: str, at: int) -> Days:
    """Day-of-month: numbers, ``L`` (the last), ``15W`` (the weekday nearest to the 15th)."""
    plain: list[tuple[str, int]] = []
    last, near = False, []
    for item in text.upper().split(","):
        if item == "L":
            last = True
        elif item.endswith("W"):
            near.append(DAY_OF_MONTH.number(item[:-1], at))
        else:
            plain.append((item, at))
        at += len(item) + 1
    numbers = frozenset().union(*(DAY_OF_MONTH.numbers(item, place) for item, place in plain))

    def days(year: int, month: int) -> frozenset[int]:
        length = monthrange(year, month)[1]
        found = {day for day in numbers if day <= length}
        found.update(_nearest_weekday(year, month, day) for day in near if day <= length)
        if last:
            found.add(length)
        return frozenset(found)

    return days


def _nearest_weekday(year: int, month: int, day: int) -> int:
    """The day from Monday to Friday that is nearest to this one in the same month."""
    weekday, length = dt.date(year, month, day).weekday(), monthrange(year, month)[1]
    if weekday == 5:
        return day - 1 if day > 1 else day + 2
    if weekday == 6:
        return day + 1 if day < length else day - 2
    return day


def _of_week(text: str, at: int) -> Days:
    """Day-of-week: numbers, ``L`` (Saturday), ``6L`` (the last Friday), ``3#2`` (the second Tuesday)."""
    if "#" in text:
        return _nth(text, at)
    numbers, last = set(), set()
    for item in text.upper().split(","):
        if item == "L":
            numbers.add(DAY_OF_WEEK.high)
        elif item.endswith("L"):
            last.add(DAY_OF_WEEK.number(item[:-1], at))
        else:
            numbers.update(DAY_OF_WEEK.numbers(item, at))
        at += len(item) + 1

    def days(year: int, month: int) -> frozenset[int]:
        first, length = _first_day(year, month)
        return frozenset(
            day
            for day in range(1, length + 1)
            if (weekday := (first + day - 1) % 7 + 1) in numbers
            or (weekday in last and day + 7 > length)
        )

    return days


def _nth(text: str, at: int) -> Days:
    found = _NTH.fullmatch(text)
    if found is None:
        raise Unreadable(at, "a single day such as 3#2 or TUE#2: nothing may stand beside '#'")
    wanted, which = DAY_OF_WEEK.number(found[1], at), int(found[2])
    if not 1 <= which <= 5:
        raise Unreadable(at + found.start(2), "a number from 1 to 5: which of them in the month")

    def days(year: int, month: int) -> frozenset[int]:
        first, length = _first_day(year, month)
        day = (wanted - 1 - first) % 7 + 1 + 7 * (which - 1)
        return frozenset((day,)) if day <= length else frozenset()

    return days


def _first_day(year: int, month: int) -> tuple[int, int]:
    """The weekday of the first of a month (Sunday is 0), and how many days it has."""
    weekday, length = monthrange(year, month)
    return (weekday + 1) % 7, length
