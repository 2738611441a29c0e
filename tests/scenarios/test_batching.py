"""Batching: pollers at most, and the lines that make the same trace."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdalab.errors import InvalidSetting
from lambdalab.rules import Rules
from lambdalab.scenarios import Batching

RULES = Rules.as_of()


def at_once(trace) -> int:
    """How many batches were held at the same moment, by looking at each one's beginning."""
    table = trace.batches
    return max(
        int(((table["flushed_at"] <= at) & (table["completed_at"] > at)).sum())
        for at in table["flushed_at"]
    )


@pytest.mark.parametrize("most", [2, 5, 7])
def test_no_more_batches_at_a_time_than_the_maximum_concurrency(most) -> None:
    trace = Batching(
        rate=10.0, window=0, duration=3.0, seconds=10.0, maximum_concurrency=most
    ).run()
    assert at_once(trace) == most
    assert trace.wired("mapping")["orders->bill"]["maximum_concurrency"] == most
    assert "throttled" not in set(trace.invocations["status"])


def test_without_a_maximum_there_are_five_pollers_and_then_more() -> None:
    trace = Batching(rate=20.0, window=0, duration=5.0, seconds=10.0).run()
    pollers = trace.scaling[trace.scaling["kind"] == "pollers"]
    assert pollers["after"].iloc[0] == RULES.mapping_pollers_start
    assert at_once(trace) > RULES.mapping_pollers_start


def test_busy_pollers_make_batches_larger() -> None:
    few, many = (
        Batching(rate=6.0, window=0, duration=5.0, seconds=20.0, maximum_concurrency=most).run()
        for most in (2, 20)
    )
    assert few.batches["records"].mean() > 2 * many.batches["records"].mean()
    assert few.batches["records"].sum() == many.batches["records"].sum()


@settings(max_examples=15)
@given(
    rate=st.floats(0.5, 10), size=st.integers(1, 5000), batch=st.integers(1, 50),
    window=st.integers(1, 20), duration=st.floats(0, 10), most=st.none() | st.integers(2, 9),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_the_code_makes_the_same_trace(rate, size, batch, window, duration, most, seed) -> None:
    chosen = Batching(rate, size, batch, window, duration, 5.0, most)
    space: dict[str, object] = {}
    exec(chosen.code(seed), space)
    assert space["trace"].digest() == chosen.run(seed).digest()


@pytest.mark.parametrize("wrong", [0, 1, 1001, 2.5, True])
def test_a_wrong_maximum_is_named_with_its_limit(wrong) -> None:
    with pytest.raises(InvalidSetting, match=r"^maximum_concurrency=.*2 to 1,000"):
        Batching(maximum_concurrency=wrong)
