"""A year of schedules: rules know only UTC, Scheduler the time zone of each schedule."""

from __future__ import annotations

import time
from collections import Counter

import pandas as pd

import lambdalab as ll

YEAR = "2026-01-07"


def started(lab: ll.Lab, source: str) -> pd.Series[pd.Timestamp]:
    """When a schedule's invocations were asked for, in UTC."""
    calls = lab.trace.invocations
    return calls[calls["source"] == source]["requested_at"]


def hours(times: pd.Series[pd.Timestamp], zone: str = "UTC") -> Counter[str]:
    return Counter(times.dt.tz_convert(zone).dt.strftime("%a %H:%M"))


def test_a_year_of_weekly_schedules(lab: ll.Lab) -> None:
    lab.create_function("utc", duration=0.1)
    lab.create_function("local", duration=0.1)
    rule = lab.eventbridge["default"].put_rule("weekly", schedule_expression="cron(0 9 ? * MON *)")
    rule.put_target("utc")
    lab.scheduler.create_schedule(
        "weekly", "cron(0 9 ? * MON *)", "local", schedule_expression_timezone="Europe/Berlin"
    )
    begun = time.perf_counter()
    lab.run(until=YEAR)
    print(f"a year in {time.perf_counter() - begun:.3f} s")

    by_rule, by_schedule = started(lab, "weekly->utc"), started(lab, "schedule weekly->local")
    assert len(by_rule) == len(by_schedule) == 52
    # the rule: the same hour of UTC all year, so in Berlin an hour later in summer
    assert hours(by_rule) == {"Mon 09:00": 52}
    assert hours(by_rule, "Europe/Berlin") == {"Mon 10:00": 22, "Mon 11:00": 30}
    # the schedule: the same hour in Berlin all year, so an hour earlier in UTC in summer
    assert hours(by_schedule, "Europe/Berlin") == {"Mon 09:00": 52}
    assert hours(by_schedule) == {"Mon 08:00": 22, "Mon 07:00": 30}
    days = by_schedule.dt.tz_convert("Europe/Berlin").dt.normalize().diff().dropna().dt.round("D")
    assert set(days) == {pd.Timedelta(days=7)}


def test_daylight_saving_of_a_daily_schedule(lab: ll.Lab) -> None:
    lab.create_function("local", duration=0.1)
    lab.scheduler.create_schedule(
        "night", "cron(30 2 * * ? *)", "local", schedule_expression_timezone="Europe/Berlin"
    )
    lab.run(until=YEAR)
    times = started(lab, "schedule night->local").dt.tz_convert("Europe/Berlin")
    assert hours(times, "Europe/Berlin").total() == len(times) == 364
    seen = set(times.dt.strftime("%m-%d"))
    assert "03-30" not in seen  # on that day there is no half past two
    assert list(times.dt.strftime("%m-%d")).count("10-26") == 1  # and on that day there are two
    assert set(times.dt.strftime("%H:%M")) == {"02:30"}
