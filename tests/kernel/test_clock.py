from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.errors import InvalidSetting
from lambdalab.kernel.clock import US, Clock, microseconds


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (2, 2 * US),
        (0.25, 250_000),
        (1e-6, 1),
        ("90s", 90 * US),
        ("2min", 120 * US),
        ("1.5h", 5_400 * US),
        ("1d", 86_400 * US),
        ("250ms", 250_000),
        ("1h 30min", 5_400 * US),
        (" 5 Seconds ", 5 * US),
        ("0.1us", 0),
        (dt.timedelta(minutes=1, microseconds=1), 60 * US + 1),
        (pd.Timedelta("2min"), 120 * US),
        (np.int64(3), 3 * US),
        (np.float32(0.5), 500_000),
    ],
)
def test_a_duration_in_any_form(value: object, expected: int) -> None:
    assert microseconds(value) == expected
    assert type(microseconds(value)) is int


BAD = [
    True,
    -1,
    -0.5,
    math.nan,
    math.inf,
    "soon",
    "",
    "  ",
    "5",
    "-5s",
    "5 parsecs",
    "1h 2",
    None,
    [1],
    101 * 366 * 86_400,
    dt.timedelta(seconds=-1),
    pd.NaT,
    1j,
]


@pytest.mark.parametrize("value", BAD)
def test_what_is_no_duration_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidSetting) as error:
        microseconds(value, "timeout")
    assert error.value.setting == "timeout"
    assert repr(value) in str(error.value)


@given(st.integers(0, 10**15))
def test_a_number_of_seconds_is_rounded_once(us: int) -> None:
    assert abs(microseconds(us / US) - us) <= us * 2**-52 + 1
    assert microseconds(dt.timedelta(microseconds=us)) == us


def test_the_default_start() -> None:
    clock = Clock()
    assert clock.start_us == 1_736_208_000 * US
    assert clock.epoch_us(5) == clock.start_us + 5
    assert clock.datetime(US) == dt.datetime(2025, 1, 7, 0, 0, 1, tzinfo=dt.UTC)
    assert clock.iso(1_234_999) == "2025-01-07T00:00:01.234Z"


@pytest.mark.parametrize(
    "start",
    [
        "2025-01-07T01:00:00",
        "2025-01-07T02:00:00+01:00",
        dt.datetime(2025, 1, 7, 1),
        dt.datetime(2025, 1, 6, 20, tzinfo=dt.timezone(dt.timedelta(hours=-5))),
        pd.Timestamp("2025-01-07 01:00", tz="UTC"),
    ],
)
def test_a_start_in_any_form(start: str | dt.datetime) -> None:
    assert Clock(start).iso(0) == "2025-01-07T01:00:00.000Z"


def test_a_start_that_is_a_date() -> None:
    assert Clock(dt.date(2024, 2, 29)).iso(0) == "2024-02-29T00:00:00.000Z"


@pytest.mark.parametrize("start", ["tomorrow", 5, None, "1969-12-31", "2300-01-01", pd.NaT])
def test_what_is_no_start_is_refused(start: object) -> None:
    with pytest.raises(InvalidSetting, match="start="):
        Clock(start)  # type: ignore[arg-type]


def test_a_moment_in_any_form() -> None:
    clock = Clock("2025-01-07")
    for value in (
        120,
        "2min",
        dt.timedelta(minutes=2),
        dt.datetime(2025, 1, 7, 0, 2),
        dt.datetime(2025, 1, 7, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        pd.Timestamp("2025-01-07 00:02"),
        pd.Timestamp("2025-01-07 00:02", tz="UTC"),
    ):
        assert clock.at(value) == 120 * US


@pytest.mark.parametrize("value", [dt.datetime(2025, 1, 6), "x", pd.NaT, dt.datetime(2225, 1, 1)])
def test_what_is_no_moment_is_refused(value: object) -> None:
    with pytest.raises(InvalidSetting, match="until="):
        Clock("2025-01-07").at(value)


def test_a_moment_may_be_a_date_or_its_text() -> None:
    clock, day = Clock("2025-01-07"), 86_400 * US
    assert clock.at(dt.date(2025, 1, 8)) == clock.at("2025-01-08") == day
    assert clock.at("2025-01-07 00:05") == 300 * US
    with pytest.raises(InvalidSetting, match="or a date"):
        clock.at("tomorrow")
