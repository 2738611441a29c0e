"""Function settings: frozen, defaults from the rules, checked when they are made."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidSetting, UnknownSetting
from lambdalab.functions.settings import FunctionSettings

RULES = ll.Rules.as_of("2025-01-07")


def make(**settings: Any) -> FunctionSettings:
    return FunctionSettings.make(RULES, "create_function", **({"name": "f"} | settings))


def test_defaults() -> None:
    made = make()
    assert (made.memory_size, made.timeout, made.runtime) == (128, 3, "python3.13")
    assert (made.maximum_retry_attempts, made.maximum_event_age) == (2, 21_600)
    assert (made.architecture, made.log_format, made.reserved_concurrency) == (
        "x86_64",
        "Text",
        None,
    )
    assert made.idle_expiry == 600
    assert dict(made.environment) == {}


def test_none_is_the_default() -> None:
    assert make(memory_size=None, timeout=None, idle_expiry=None) == make()


def test_defaults_follow_the_rules_of_the_lab() -> None:
    rules = ll.Rules.as_of("2025-01-07", {"timeout_default": 7, "idle_expiry": 60})
    made = FunctionSettings.make(rules, "create_function", name="f")
    assert (made.timeout, made.idle_expiry) == (7, 60)


def test_settings_cannot_be_changed_once_made() -> None:
    mine = {"STAGE": "test"}
    made = make(environment=mine)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.timeout = 5  # type: ignore[misc]
    with pytest.raises(TypeError):
        made.environment["STAGE"] = "live"  # type: ignore[index]
    mine["STAGE"] = "live"
    assert made.environment["STAGE"] == "test", "a copy of what was given"


@given(st.integers(-(10**6), 10**6))
def test_memory_and_timeout_are_whole_numbers_within_their_limits(value: int) -> None:
    for setting, low, high in (("memory_size", 128, 10_240), ("timeout", 1, 900)):
        if low <= value <= high:
            assert getattr(make(**{setting: value}), setting) == value
        else:
            with pytest.raises(InvalidSetting, match=f"{setting}={value}"):
                make(**{setting: value})


@pytest.mark.parametrize("value", [True, 3.0, "3", [3], float("nan")], ids=repr)
def test_numbers_must_be_whole(value: object) -> None:
    for setting in ("memory_size", "timeout", "maximum_event_age", "maximum_retry_attempts"):
        with pytest.raises(InvalidSetting, match=setting):
            make(**{setting: value})


def test_an_invalid_setting_is_a_value_error_that_says_everything() -> None:
    with pytest.raises(ValueError, match="timeout=0") as error:
        make(timeout=0)
    found = error.value
    assert isinstance(found, InvalidSetting)
    assert (found.setting, found.value) == ("timeout", 0)
    assert "1 to 900 s" in found.limit
    assert found.source == RULES.source("timeout_maximum")


def test_unknown_settings_are_type_errors_with_a_suggestion() -> None:
    with pytest.raises(TypeError, match="did you mean 'reserved_concurrency'") as error:
        make(reserved_concurency=5)
    assert isinstance(error.value, UnknownSetting)


def test_the_environment_may_take_4_kb() -> None:
    assert make(environment={"KEY": "é" * 2046 + "x"}), "3 + 4,093 bytes"
    with pytest.raises(InvalidSetting, match=r"environment='4,097 bytes'"):
        make(environment={"KEY": "é" * 2047})
    for wrong in ({"A": 1}, {1: "a"}, "A=1"):
        with pytest.raises(InvalidSetting, match="environment"):
            make(environment=wrong)


@pytest.mark.parametrize("reserved", [0, 1, 900])
def test_reserved_concurrency_within_the_account(reserved: int) -> None:
    assert make(reserved_concurrency=reserved).reserved_concurrency == reserved


@pytest.mark.parametrize(
    "settings",
    [
        {"reserved_concurrency": -1}, {"failure_rate": -0.1}, {"failure_rate": True},
        {"log_format": "xml"}, {"allow_network": 1}, {"duration": "2s"}, {"init": -1},
        {"idle_expiry": -1}, {"idle_expiry": float("inf")}, {"maximum_event_age": 21_601},
    ],
    ids=str,
)  # fmt: skip
def test_other_values_that_cannot_be(settings: dict[str, object]) -> None:
    with pytest.raises(InvalidSetting, match=next(iter(settings))):
        make(**settings)


def test_changed_settings_are_checked_again() -> None:
    made = make(timeout=10)
    assert made.changed(RULES, "update_function", memory_size=256) == make(
        timeout=10, memory_size=256
    )
    with pytest.raises(InvalidSetting, match="timeout=901"):
        made.changed(RULES, "update_function", timeout=901)


def test_a_median_above_the_timeout_warns_that_durations_are_in_seconds(lab: ll.Lab) -> None:
    with pytest.warns(UserWarning, match="f: the median duration .* durations are in seconds"):
        lab.create_function("f", duration=ll.LogNormal(p50=120, p99=800))
