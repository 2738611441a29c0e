"""Memory, time and money: the rule of the CPU's share, and the price by the millisecond."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdalab.errors import InvalidSetting
from lambdalab.rules import Rules
from lambdalab.scenarios import MemoryCost, memory_cost
from lambdalab.scenarios.memory_cost import MONTH, SIZES

RULES = Rules.as_of()


def means(trace, column: str) -> dict[int, float]:
    found = trace.attempts.groupby("memory_mb")[column].mean()
    return {int(size): float(value) for size, value in found.items()}


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "memory": st.integers(128, 10_240),
            "cpu_seconds": st.just(0) | st.floats(0, 60),
            "waiting": st.just(0) | st.floats(0, 60),
            "threads": st.integers(1, 6),
            "architecture": st.sampled_from(["x86_64", "arm64"]),
            "calls": st.integers(1_000, 10**9),
        },
    ),
    st.integers(0, 99),
)
@settings(max_examples=25)
def test_the_code_makes_the_same_trace(chosen, seed) -> None:
    scenario = MemoryCost(**chosen)
    trace, space = scenario.run(seed), {}
    exec(scenario.code(seed), space)
    assert space["trace"].digest() == trace.digest()
    assert set(trace.attempts["outcome"]) == {"success"}


def test_every_usual_size_and_the_one_in_question_last() -> None:
    trace = memory_cost()
    assert sorted(means(trace, "duration_ms")) == sorted(SIZES)
    assert trace.settings("resize")["memory_size"] == 512
    assert MemoryCost(memory=700).sizes[-1] == 700
    assert 1400 in MemoryCost(memory=700).sizes
    assert MemoryCost(memory=10_240).sizes[-1] == 10_240


@given(st.floats(0.01, 20), st.integers(1, 6))
@settings(max_examples=25)
def test_work_takes_as_long_as_the_share_of_the_cpu_says(work, threads) -> None:
    trace = memory_cost(cpu_seconds=work, threads=threads)
    for size, took in means(trace, "duration_ms").items():
        share = min(size / RULES.memory_of_one_vcpu, threads)
        assert took == pytest.approx(1000 * work / share, abs=0.01)


def test_waiting_takes_as_long_at_any_size() -> None:
    took = means(memory_cost(cpu_seconds=0.0, waiting=1.5), "duration_ms")
    assert set(took.values()) == {1500.0}


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_a_run_costs_its_request_and_its_billed_gigabyte_seconds(architecture) -> None:
    trace = memory_cost(cpu_seconds=0.37, waiting=0.2, architecture=architecture)
    gb_second = {"x86_64": 0.0000166667, "arm64": 0.0000133334}[architecture]
    for _, run in trace.attempts.iterrows():
        billed = math.ceil(run["duration_ms"])
        usd = 0.0000002 + run["memory_mb"] / 1024 * billed / 1000 * gb_second
        assert run["billed_ms"] == billed
        assert run["cost_usd"] == pytest.approx(usd, abs=1e-9)


def test_what_only_computes_costs_the_same_up_to_a_whole_cpu() -> None:
    cost = means(memory_cost(), "cost_usd")
    small = [cost[size] for size in SIZES if size <= RULES.memory_of_one_vcpu]
    assert max(small) == pytest.approx(min(small), rel=0.002)
    assert cost[3008] > 1.6 * cost[1769]


def test_calls_a_month_are_as_far_apart() -> None:
    trace = memory_cost(calls=3_000_000)
    own = trace.invocations[trace.invocations["qualifier"] == "1"]
    gaps = own["requested_at"].diff().dropna().dt.total_seconds()
    assert gaps.tolist() == pytest.approx([MONTH / 3_000_000] * 2, abs=1e-6)
    seldom = memory_cost(calls=1_000)
    assert seldom.attempts["cold_start"].all(), "43 minutes apart: nothing stays warm for so long"


@pytest.mark.parametrize(
    "wrong",
    [
        {"memory": 127}, {"memory": 10_241}, {"cpu_seconds": 61}, {"waiting": -0.1}, {"threads": 7},
        {"architecture": "riscv"}, {"calls": 999},
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(wrong) -> None:
    with pytest.raises(InvalidSetting, match=f"^{next(iter(wrong))}="):
        MemoryCost(**wrong)
