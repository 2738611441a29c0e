"""When schedules fire: against a naive check of every minute, and AWS's own examples."""

from __future__ import annotations

import calendar
import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.errors import InvalidSetting, ValidationException
from lambdalab.triggers.schedule_expressions import InvalidExpression, parse

US = 1_000_000
MINUTE = 60 * US
UTC = dt.UTC
NAMES = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
MONTHS = [name.upper() for name in calendar.month_abbr]


def us(text: str) -> int:
    moment = dt.datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp()) * US


def firings(text: str, start: str, count: int, time_zone: str = "UTC") -> list[str]:
    """The first firings after a moment, in local time."""
    expression, at, found = parse(text, time_zone=time_zone), us(start), []
    for _ in range(count):
        due = expression.next_after(at)
        if due is None:
            break
        at = due
        moment = dt.datetime.fromtimestamp(at / US, UTC).astimezone(zoneinfo.ZoneInfo(time_zone))
        found.append(f"{moment:%Y-%m-%d %H:%M}")
    return found


# ---------------------------------------------------------------- cron against a naive check


def numbers(text: str, low: int, high: int, names: list[str]) -> set[int]:
    """What a plain field names, found by trying every number."""
    found = set()
    for value in range(low, high + 1):
        for item in text.split(","):
            span, _, step = item.partition("/")
            ends = [names.index(e) if e in names else e for e in span.split("-")]
            first = low if span == "*" else int(ends[0])
            last = high if span == "*" or (step and len(ends) == 1) else int(ends[-1])
            if first <= value <= last and (value - first) % int(step or 1) == 0:
                found.add(value)
    return found


def matches(text: str, moment: dt.datetime) -> bool:
    """Whether a minute is one of a cron expression, by looking at each field."""
    minutes, hours, of_month, months, of_week, years = text[5:-1].split()
    weekday = moment.isoweekday() % 7 + 1  # Sunday is 1
    length = calendar.monthrange(moment.year, moment.month)[1]
    if of_week == "?":
        if of_month == "L":
            day = moment.day == length
        elif of_month.endswith("W"):
            wanted = int(of_month[:-1])
            near = [
                d for d in range(1, length + 1)
                if dt.date(moment.year, moment.month, d).isoweekday() < 6 and wanted <= length
            ]  # fmt: skip
            day = bool(near) and moment.day == min(near, key=lambda d: (abs(d - wanted), d))
        else:
            day = moment.day in numbers(of_month, 1, 31, [])
    elif of_week.endswith("L"):
        day = weekday == int(of_week[:-1]) and moment.day + 7 > length
    elif "#" in of_week:
        wanted, which = map(int, of_week.split("#"))
        day = weekday == wanted and (moment.day + 6) // 7 == which
    else:
        day = weekday in numbers(of_week, 1, 7, ["", *NAMES])
    return (
        day
        and moment.minute in numbers(minutes, 0, 59, [])
        and moment.hour in numbers(hours, 0, 23, [])
        and moment.month in numbers(months, 1, 12, MONTHS)
        and moment.year in numbers(years, 1970, 2199, [])
    )


def field(low: int, high: int) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    span = st.tuples(value, value).map(lambda pair: f"{min(pair)}-{max(pair)}")
    item = st.one_of(
        st.just("*"), value.map(str), span,
        st.tuples(st.one_of(st.just("*"), value.map(str), span), st.integers(1, high))
        .map(lambda pair: f"{pair[0]}/{pair[1]}"),
    )  # fmt: skip
    return st.lists(item, min_size=1, max_size=2).map(",".join)


DAYS = st.one_of(
    st.one_of(field(1, 31), st.just("L"), st.integers(1, 31).map("{}W".format)).map("{} {{}} ?".format),
    st.one_of(
        field(1, 7), st.sampled_from(["MON-FRI", "SAT,SUN"]), st.integers(1, 7).map("{}L".format),
        st.tuples(st.integers(1, 7), st.integers(1, 5)).map(lambda p: f"{p[0]}#{p[1]}"),
    ).map("? {{}} {}".format),
)  # fmt: skip
CRONS = st.builds(
    lambda minute, hour, days, month: f"cron({minute} {hour} {days.format(month)} *)",
    field(0, 59), field(0, 23), DAYS, st.one_of(field(1, 12), st.just("*")),
)  # fmt: skip
STARTS = st.integers(us("2024-01-01"), us("2029-01-01"))


@given(CRONS, STARTS)
def test_each_firing_matches_and_comes_later(text: str, start: int) -> None:
    expression, at = parse(text), start
    for _ in range(10):
        due = expression.next_after(at)
        if due is None:
            return
        assert due > at
        assert due % MINUTE == 0
        assert matches(text, dt.datetime.fromtimestamp(due // US, UTC))
        assert expression.next_after(due - 1) == due
        at = due


@given(CRONS, STARTS)
def test_no_minute_of_a_day_is_skipped(text: str, start: int) -> None:
    begin = start - start % (1_440 * MINUTE)
    wanted = [
        at for at in range(begin, begin + 1_440 * MINUTE, MINUTE)
        if matches(text, dt.datetime.fromtimestamp(at // US, UTC))
    ]  # fmt: skip
    expression, found = parse(text), []
    due = expression.next_after(begin - 1)
    while due is not None and due < begin + 1_440 * MINUTE:
        found.append(due)
        due = expression.next_after(due)
    assert found == wanted


@given(DAYS, st.integers(2020, 2032), st.integers(1, 12))
def test_no_day_of_a_month_is_skipped(days: str, year: int, month: int) -> None:
    text = f"cron(30 12 {days.format('*')} *)"
    wanted = [
        day for day in range(1, calendar.monthrange(year, month)[1] + 1)
        if matches(text, dt.datetime(year, month, day, 12, 30))
    ]  # fmt: skip
    expression, found = parse(text), []
    due = expression.next_after(us(f"{year}-{month:02}-01") - 1)
    while due is not None:
        moment = dt.datetime.fromtimestamp(due // US, UTC)
        if (moment.year, moment.month) != (year, month):
            break
        found.append(moment.day)
        due = expression.next_after(due)
    assert found == wanted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cron(0 10 * * ? *)", ["2025-01-07 10:00", "2025-01-08 10:00"]),
        ("cron(15 12 * * ? *)", ["2025-01-07 12:15", "2025-01-08 12:15"]),
        ("cron(0 18 ? * MON-FRI *)", ["2025-01-07 18:00", "2025-01-08 18:00"]),
        ("cron(0 8 1 * ? *)", ["2025-02-01 08:00", "2025-03-01 08:00"]),
        ("cron(0/5 8-17 ? * MON-FRI *)", ["2025-01-07 08:00", "2025-01-07 08:05"]),
        ("cron(0 9 ? * 2#1 *)", ["2025-02-03 09:00", "2025-03-03 09:00"]),  # the first Monday
        ("cron(15 10 ? * 6L 2022-2025)", ["2025-01-31 10:15", "2025-02-28 10:15"]),
        ("cron(0 9 L * ? *)", ["2025-01-31 09:00", "2025-02-28 09:00"]),
        ("cron(0 9 ? * L *)", ["2025-01-11 09:00", "2025-01-18 09:00"]),  # Saturday
        ("cron(0 9 1W 2,3 ? *)", ["2025-02-03 09:00", "2025-03-03 09:00"]),  # both are Saturdays
        ("cron(0 9 31W * ? *)", ["2025-01-31 09:00", "2025-03-31 09:00"]),
        ("cron(0 0 29 FEB ? *)", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("cron(0 0 29 2 ? 2098-2105)", ["2104-02-29 00:00"]),
        ("cron(0  9 ?\t* mon *)", ["2025-01-13 09:00", "2025-01-20 09:00"]),
        ("cron(0 0 31 2 ? *)", []),
        ("cron(0 0 1 1 ? 1999)", []),
    ],
)
def test_examples(text: str, expected: list[str]) -> None:
    assert firings(text, "2025-01-07", 2) == expected


def test_the_last_year_is_2199() -> None:
    assert firings("cron(59 23 31 12 ? *)", "2198-12-31", 5) == [
        "2198-12-31 23:59",
        "2199-12-31 23:59",
    ]
    assert parse("cron(0 0 * * ? *)").next_after(us("2299-01-01")) is None
    assert parse("cron(0 0 * * ? *)").next_after(-(10**17)) == 0


# ---------------------------------------------------------------- time zones


def test_a_local_hour_stays_across_daylight_saving() -> None:
    expression = parse("cron(0 9 ? * MON *)", time_zone="Europe/Berlin")
    at, hours = us("2025-01-01"), []
    for _ in range(52):
        due = expression.next_after(at)
        assert due is not None
        at = due
        hours.append(dt.datetime.fromtimestamp(at // US, UTC).hour)
    assert hours.count(8) == 22  # of the 52 Mondays of 2025
    assert hours.count(7) == 30


def test_a_local_time_that_does_not_exist_is_skipped() -> None:
    daily = firings("cron(30 2 * * ? *)", "2025-03-29T00:00", 3, "Europe/Berlin")
    assert daily == ["2025-03-29 02:30", "2025-03-31 02:30", "2025-04-01 02:30"]


def test_a_local_time_that_comes_twice_fires_once() -> None:
    expression = parse("cron(30 2 * * ? *)", time_zone="Europe/Berlin")
    first = expression.next_after(us("2025-10-25T12:00"))
    assert first == us("2025-10-26T02:30+02:00")
    assert expression.next_after(first) == us("2025-10-27T02:30+01:00")
    assert expression.next_after(us("2025-10-26T02:10+01:00")) == us("2025-10-27T02:30+01:00")


@pytest.mark.parametrize(
    ("zone", "around"),
    [
        ("Europe/Berlin", "2025-03-30T01:00"), ("Europe/Berlin", "2025-10-26T01:00"),
        ("America/New_York", "2025-11-02T06:00"), ("Australia/Lord_Howe", "2025-04-05T15:00"),
        ("Pacific/Apia", "2011-12-30T10:00"), ("Asia/Kolkata", "2025-06-01T00:00"),
    ],
)  # fmt: skip
def test_in_a_time_zone_every_local_minute_fires_once(zone: str, around: str) -> None:
    tz, middle = zoneinfo.ZoneInfo(zone), us(around)
    begin, end = middle - 180 * MINUTE, middle + 180 * MINUTE
    wanted, seen = [], set()
    earlier = begin - 300 * MINUTE  # local times of before that come again
    for at in range(earlier, end, MINUTE):
        local = dt.datetime.fromtimestamp(at // US, tz).replace(tzinfo=None, fold=0)
        if local.minute % 7 == 0 and local not in seen and at >= begin:
            wanted.append(at)
        seen.add(local)
    expression, found = parse("cron(0/7 * * * ? *)", time_zone=zone), []
    due = expression.next_after(begin - 1)
    while due is not None and due < end:
        found.append(due)
        due = expression.next_after(due)
    assert found == wanted


def test_time_zones_that_nobody_knows() -> None:
    for name in ("Europe/Berln", "America", "", "../etc/passwd", 5, None):
        with pytest.raises(InvalidSetting, match="a time zone of the IANA database"):
            parse("rate(1 day)", time_zone=name)  # type: ignore[arg-type]
    with pytest.raises(InvalidSetting, match="did you mean 'Europe/Berlin'"):
        parse("rate(1 day)", time_zone="Europe/Berln")


def test_a_computer_without_time_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise zoneinfo.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", nothing)
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    with pytest.raises(InvalidSetting, match="no time zone data"):
        parse("cron(0 9 ? * MON *)", time_zone="Europe/Berlin")
    assert parse("cron(0 9 ? * MON *)").next_after(0) == us("1970-01-05T09:00")


# ---------------------------------------------------------------- rate and at


@given(st.sampled_from(["minute", "hour", "day"]), st.integers(1, 999), STARTS, STARTS)
def test_rates_count_from_their_beginning(unit: str, number: int, begin: int, after: int) -> None:
    text = f"rate({number} {unit}{'' if number == 1 else 's'})"
    period = number * {"minute": 60, "hour": 3_600, "day": 86_400}[unit] * US
    due = parse(text).since(begin).next_after(after)
    assert due is not None
    assert due > after
    assert (due - begin) % period == 0
    assert due == begin if after < begin else due - period <= after


def test_once_fires_once() -> None:
    once = parse("at(2025-07-01T09:00:30)", time_zone="Europe/Berlin")
    assert once.next_after(0) == us("2025-07-01T07:00:30")
    assert once.next_after(us("2025-07-01T07:00:30")) is None
    assert once.since(5).next_after(0) == once.next_after(0)
    assert parse("at(2025-03-30T02:30:00)", time_zone="Europe/Berlin").next_after(0) is None


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("rate(1 minutes)", 7, "minute, hour or day (of one)"),
        ("rate(5 minute)", 7, "minutes, hours or days (of more than one)"),
        ("rate(0 minutes)", 5, "a whole number from 1"),
        ("rate(-1 minutes)", 5, "a whole number from 1"),
        ("rate(1.5 hours)", 5, "a whole number from 1"),
        ("rate(5 seconds)", 7, "minutes, hours or days"),
        ("rate(5)", 6, "a number and a unit"),
        ("rate(5 minutes now)", 15, "a number and a unit"),
        ("cron(0 9 * * * *)", 13, "'?' in day-of-month or in day-of-week"),
        ("cron(0 9 ? * ? *)", 13, "a day"),
        ("cron(0 9 ? * MON)", 16, "six fields"),
        ("cron(0 0 9 ? * MON *)", 19, "six fields"),
        ("cron(60 9 ? * MON *)", 5, "minutes from 0 to 59"),
        ("cron(0 24 ? * MON *)", 7, "hours from 0 to 23"),
        ("cron(0 9 0 * ? *)", 9, "days of the month from 1 to 31"),
        ("cron(0 9 ? 13 MON *)", 11, "months from 1 to 12 or JAN to DEC"),
        ("cron(0 9 ? * 0 *)", 13, "days of the week from 1 to 7 or SUN to SAT"),
        ("cron(0 9 ? * MON,FOO *)", 17, "days of the week"),
        ("cron(0 9 ? * MON 1969)", 17, "years from 1970 to 2199"),
        ("cron(0 9 ? * MON 2200)", 17, "years from 1970 to 2199"),
        ("cron(0 17-9 ? * MON *)", 10, "hours not below 17"),
        ("cron(0/0 9 ? * MON *)", 7, "a step from 1 to 59"),
        ("cron(/5 9 ? * MON *)", 5, "minutes from 0 to 59"),
        ("cron(0 9 ? * 3#1,6#3 *)", 13, "a single day"),
        ("cron(0 9 ? * 3#6 *)", 15, "a number from 1 to 5"),
        ("cron(0 9 32W * ? *)", 9, "days of the month"),
        ("cron(0 9 LW * ? *)", 9, "days of the month"),
        ("cron(0 9 ? * MON *", 18, "')' at the end"),
        ("at(2025-01-07)", 3, "a date as yyyy-mm-ddThh:mm:ss"),
        ("at(2025-02-30T09:00:00)", 3, "a date as yyyy-mm-ddThh:mm:ss"),
        ("at(2025-01-07T09:00:00Z)", 3, "a date as yyyy-mm-ddThh:mm:ss"),
        ("every 5 minutes", 0, "rate(5 minutes) or cron("),
        ("Rate(5 minutes)", 0, "rate(5 minutes) or cron("),
        ("", 0, "rate(5 minutes) or cron("),
        (None, 0, "rate(5 minutes) or cron("),
        (5, 0, "rate(5 minutes) or cron("),
    ],
)
def test_what_does_not_parse(text: object, position: int, expected: str) -> None:
    with pytest.raises(InvalidExpression) as caught:
        parse(text)
    error = caught.value
    assert isinstance(error, (InvalidSetting, ValueError))
    assert isinstance(error, ValidationException)
    assert (error.code, error.status_code) == ("ValidationException", 400)
    assert error.position == position
    assert error.expected.startswith(expected)
    assert "Parameter ScheduleExpression is not valid." in str(error)
    assert f"at character {position + 1} expected" in str(error)


def test_rules_know_no_single_time() -> None:
    with pytest.raises(InvalidExpression, match=r"expected rate\(5 minutes\) or cron"):
        parse("at(2025-01-07T09:00:00)", kinds=("rate", "cron"))


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for candidate in (text, f"cron({text})", f"rate({text})", f"at({text})"):
        position = 0
        try:
            parse(candidate).next_after(0)
        except InvalidExpression as error:
            position = error.position
        assert 0 <= position <= len(candidate)


def test_equal_texts_are_equal_expressions() -> None:
    for text in ("rate(5 minutes)", "cron(0 9 ? * MON *)", "at(2025-01-07T09:00:00)"):
        assert parse(text) == parse(text)
        assert parse(text).text == text
    assert parse("cron(0 9 ? * MON *)") != parse("cron(0 9 ? * MON *)", time_zone="Asia/Tokyo")
