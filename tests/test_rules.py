"""Every number AWS documents: dated, sourced, changed on the day it changed."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.rules import EARLIEST, RULES

CHANGES = [
    ("asynchronous_payload", "2025-10-24", 256 * 1024, 1024 * 1024),
    ("init_billed", "2025-08-01", False, True),
    ("sqs_message_size", "2025-08-04", 256 * 1024, 1024 * 1024),
    ("sqs_fifo_in_flight", "2025-01-02", 20_000, 120_000),
    ("mapping_fifo_groups", "2024-01-01", 1, 0),
    ("recursion_setting", "2024-08-19", False, True),
    ("kinesis_record_size_maximum", "2025-10-27", 1024, 10_240),
    ("kinesis_put_records_size", "2025-10-27", 5 * 1024 * 1024, 10 * 1024 * 1024),
    ("timeout_wording", "2025-01-01", "old", "Sandbox.Timedout"),
    ("timeout_overrun", "2025-01-01", 0.00492, 0.0),
    ("unknown_function_version", "2025-07-01", "", ":$LATEST"),
    ("mapping_provisioned", "2025-11-14", False, True),
    ("function_url_needs_invoke", "2025-10-10", False, True),
    ("s3_destination", "2024-11-22", False, True),
    ("s3_recursion", "2024-10-09", False, True),
    ("eventbridge_entry_size", "2026-01-29", 256 * 1024, 1024 * 1024),
    ("api_gateway_rest_timeout_raised", "2024-06-04", False, True),
    ("sdk_backoff_base", "2026-11-10", 1.0, 0.05),
    ("sdk_retry_cost", "2026-11-10", 5, 14),
    ("sdk_retry_cost_timeout", "2026-11-10", 10, 14),
]
MORE_RUNTIMES = {"init_percentiles": "2025-10-31", "max_memory_used": "2025-10-31"}


@pytest.mark.parametrize(("name", "day", "before", "after"), CHANGES)
def test_a_number_changes_on_its_day(name: str, day: str, before: object, after: object) -> None:
    date = dt.date.fromisoformat(day)
    assert getattr(ll.Rules.as_of(date - dt.timedelta(days=1)), name) == before
    assert getattr(ll.Rules.as_of(date), name) == after
    assert getattr(ll.Rules.as_of("latest"), name) == after
    assert RULES[name].since(date) == date


@given(st.dates(EARLIEST, dt.date(2030, 1, 1)))
def test_every_day_has_every_number(day: dt.date) -> None:
    rules, default = ll.Rules.as_of(day), ll.Rules.as_of("2025-01-07")
    dates = {name: date for name, date, *_ in CHANGES} | MORE_RUNTIMES
    days = {name: dt.date.fromisoformat(date) for name, date in dates.items()}
    changed = {name for name, date in days.items() if (day >= date) != (default.date >= date)}
    for name in RULES:
        same = getattr(rules, name) == getattr(default, name)
        assert same == (name not in changed), name


def test_every_number_has_a_unit_a_source_and_rising_dates() -> None:
    for name, rule in RULES.items():
        assert rule.name == name
        assert rule.unit
        assert rule.source
        days = [since for since, _ in rule.values]
        assert days == sorted(set(days))
        assert days[0] == EARLIEST
        if rule.source == "choice":
            assert name in dir(ll.Rules.as_of()), "what AWS leaves open can be chosen"


def test_the_numbers_of_the_default_date() -> None:
    rules = ll.Lab().rules
    assert str(rules.date) == "2025-01-07"
    assert (rules.memory_minimum, rules.memory_maximum, rules.memory_default) == (128, 10_240, 128)
    assert (rules.timeout_minimum, rules.timeout_maximum, rules.timeout_default) == (1, 900, 3)
    assert (rules.account_concurrency, rules.unreserved_minimum) == (1000, 100)
    assert rules.retry_waits == (60, 120)
    assert rules.event_age_maximum == 6 * 3600
    assert (rules.throttle_backoff_first, rules.throttle_backoff_maximum) == (1, 300)
    assert rules.mapping_payload == 6 * 1024 * 1024
    assert rules.memory_of_one_vcpu == 1769


@pytest.mark.parametrize("day", ["2025-01-07", dt.date(2025, 1, 7), dt.datetime(2025, 1, 7, 23)])
def test_dates_in_any_form(day: object) -> None:
    assert str(ll.Rules.as_of(day).date) == "2025-01-07"  # type: ignore[arg-type]


@pytest.mark.parametrize("day", ["tomorrow", "2025-13-01", 2025, None, "2023-11-30"])
def test_dates_that_are_none_or_too_early(day: object) -> None:
    with pytest.raises(InvalidSetting, match="rules="):
        ll.Rules.as_of(day)  # type: ignore[arg-type]


def test_rules_stay_whatever_the_clock_passes() -> None:
    lab = ll.Lab(start="2025-10-23", rules="2025-10-23")
    lab.run(until="3d")
    assert lab.rules.asynchronous_payload == 256 * 1024


def test_a_quota_is_changed_by_name() -> None:
    lab = ll.Lab(quotas={"account_concurrency": 5000})
    assert lab.rules.account_concurrency == 5000
    assert "account_concurrency=5000" in repr(lab)
    assert "changed by quotas=" in lab.rules.source("account_concurrency")
    assert ll.Lab().rules.account_concurrency == 1000


@pytest.mark.parametrize(
    ("quotas", "error"),
    [
        ({"acount_concurrency": 1}, UnknownName),
        ({"account_concurrency": "many"}, InvalidSetting),
        ({"account_concurrency": -1}, InvalidSetting),
        ({"account_concurrency": float("nan")}, InvalidSetting),
        ({"account_concurrency": True}, InvalidSetting),
        ({"retry_waits": 60}, InvalidSetting),
        ({"retry_waits": (60,)}, InvalidSetting),
        ({"retry_waits": (60, "x")}, InvalidSetting),
        ({"init_billed": 1}, InvalidSetting),
        ({"runtime_default": 3}, InvalidSetting),
        ({"billing_step": 0}, InvalidSetting),
        ({"provisioned_billing_step": 0}, InvalidSetting),
        ({"memory_of_one_vcpu": 0}, InvalidSetting),
        ({"sqs_receive_batch": 0}, InvalidSetting),
        ({"kinesis_read_records": 0}, InvalidSetting),
        ({"dynamodb_read_records": 0}, InvalidSetting),
        ({"timeout_wording": "x"}, InvalidSetting),
        ({"account_concurrency": 10**30}, InvalidSetting),
    ],
)
def test_quotas_that_cannot_be(quotas: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        ll.Lab(quotas=quotas)


def test_a_rule_that_is_none() -> None:
    with pytest.raises(AttributeError, match="there is no rule 'memory'"):
        ll.Rules.as_of().memory  # noqa: B018


def test_describe_and_repr() -> None:
    rules = ll.Rules.as_of("2025-01-07", {"timeout_default": 5})
    assert rules.describe("timeout_maximum") == (
        "timeout_maximum = 900 s (dg/configuration-timeout; rules of 2025-01-07)"
    )
    assert "timeout_default=5" in repr(rules)
    assert "memory_minimum" in dir(rules)
