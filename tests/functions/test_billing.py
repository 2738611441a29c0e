"""What a run costs: whole milliseconds, rounded up, in nano-dollars that add up exactly."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.functions.billing import Tariff
from lambdalab.functions.settings import FunctionSettings

RULES = ll.Rules.as_of("2025-01-07")
LATEST = ll.Rules.as_of("latest")


def tariff(rules: ll.Rules = RULES, **settings: object) -> Tariff:
    return Tariff(rules, FunctionSettings.make(rules, "test", name="f", duration=1, **settings))


@pytest.mark.parametrize(
    ("duration_us", "billed_ms"),
    [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (1_234_567, 1235), (3_000_000, 3000)],
)
def test_duration_is_rounded_up_to_whole_milliseconds(duration_us: int, billed_ms: int) -> None:
    assert tariff().billed_ms(duration_us, 0) == billed_ms


@given(st.integers(1, 900_000_000), st.integers(0, 10_000_000))
def test_the_bill_is_the_time_rounded_up_once(duration_us: int, init_us: int) -> None:
    """Never less than the time, and never a whole millisecond more."""
    assert tariff().billed_ms(duration_us, init_us) == ceil(Fraction(duration_us, 1000))
    both = ceil(Fraction(duration_us + init_us, 1000))
    assert tariff(LATEST).billed_ms(duration_us, init_us) == both


def test_the_init_of_an_on_demand_environment_is_billed_since_august_2025() -> None:
    before, after = ll.Rules.as_of("2025-07-31"), ll.Rules.as_of("2025-08-01")
    assert tariff(before).billed_ms(1000, 84_000) == 1
    assert tariff(after).billed_ms(1000, 84_000) == 85


@pytest.mark.parametrize(
    ("settings", "dollars_a_gb_second"),
    [
        ({"architecture": "x86_64"}, Fraction("0.0000166667")),
        ({"architecture": "arm64"}, Fraction("0.0000133334")),
    ],
    ids=["x86_64", "arm64"],
)
@given(memory_size=st.integers(128, 10_240), billed_ms=st.integers(1, 900_000))
def test_the_price_is_gb_seconds_and_the_request(
    settings: dict[str, str], dollars_a_gb_second: Fraction, memory_size: int, billed_ms: int
) -> None:
    """Exact to the nano-dollar."""
    compute = Fraction(memory_size, 1024) * Fraction(billed_ms, 1000) * dollars_a_gb_second
    exact = (compute + Fraction("0.0000002")) * 10**9
    found = tariff(memory_size=memory_size, **settings).cost_nano(billed_ms)
    assert abs(found - exact) <= Fraction(1, 2)


def test_a_million_short_runs_cost_what_the_price_list_says() -> None:
    """128 MB, 100 ms, a million requests: 0.20 USD and 12,500 GB-seconds."""
    nano = 1_000_000 * tariff().cost_nano(100)
    assert nano / 1e9 == pytest.approx(0.20 + 12_500 * 0.0000166667, rel=1e-3)


def test_the_trace_adds_up_to_the_bill(lab: ll.Lab) -> None:
    """Each attempt is billed, failed and timed-out ones too; a cold start's init is not, in 2025-01."""
    lab.create_function("f", duration=lambda event: event, timeout=1, memory_size=1024)
    for seconds in (0.0101, 0.5, 5):
        lab.invoke("f", seconds)
    attempts = lab.trace.attempts
    assert attempts["billed_ms"].tolist() == [11, 500, 1000]
    assert attempts["cold_start"].tolist() == [True, False, False]
    expected = [0.0000002 + ms / 1000 * 0.0000166667 for ms in (11, 500, 1000)]
    assert attempts["cost_usd"].tolist() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("rules", [RULES, LATEST], ids=["2025-01", "latest"])
def test_a_custom_runtimes_init_was_always_billed(rules: ll.Rules) -> None:
    assert tariff(rules, runtime="provided.al2023").billed_ms(1000, 84_000) == 85


@pytest.mark.parametrize(
    ("architecture", "dollars_a_gb_second"),
    [("x86_64", Fraction("0.0000097222")), ("arm64", Fraction("0.0000077778"))],
)
@given(memory_size=st.integers(128, 10_240), billed_ms=st.integers(1, 900_000))
def test_a_run_in_a_provisioned_environment_has_a_price_of_its_own(
    architecture: str, dollars_a_gb_second: Fraction, memory_size: int, billed_ms: int
) -> None:
    settings = FunctionSettings.make(
        RULES, "test", name="f", duration=1, memory_size=memory_size, architecture=architecture
    )
    compute = Fraction(memory_size, 1024) * Fraction(billed_ms, 1000) * dollars_a_gb_second
    exact = (compute + Fraction("0.0000002")) * 10**9
    found = Tariff(RULES, settings, provisioned=True).cost_nano(billed_ms)
    assert abs(found - exact) <= Fraction(1, 2)


def test_queueing_and_refusing_cost_nothing(lab: ll.Lab) -> None:
    """Each attempt is paid for, also a retry; waiting and throttles are not."""
    lab.create_function("f", duration=0.1, failure_rate=1, reserved_concurrency=1)
    lab.drive("f", ll.Burst(3), invocation_type="Event")
    lab.run()
    attempts = lab.trace.attempts
    assert len(attempts) == 9
    assert "throttled" in set(lab.trace.queue_events["action"])
    assert attempts["cost_usd"].sum() == pytest.approx(9 * tariff().cost_nano(100) / 1e9)
    figures = lab.trace.summary().set_index("name")
    assert figures.loc["f"].cost_usd == pytest.approx(attempts["cost_usd"].sum())
