"""What provisioned concurrency cannot serve: by concurrency, by requests a second, under a reservation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.errors import InvalidSetting
from lambdalab.scenarios import SpillOver, spill_over


def by_type(trace):
    """Starts and ends in seconds, and whether the environment was provisioned."""
    table = trace.attempts
    return (
        (table["started_at"] - trace.start).dt.total_seconds().to_numpy(),
        (table["ended_at"] - trace.start).dt.total_seconds().to_numpy(),
        (table["init_type"] == "provisioned").to_numpy(),
    )


def test_a_call_spills_over_when_all_provisioned_environments_are_at_work() -> None:
    began, ended, ready = by_type(spill_over(duration=0.9))
    assert not ready.all()
    busy = [int(np.sum(ready & (began <= at) & (ended > at))) for at in began[~ready]]
    assert set(busy) == {10}


def test_ten_requests_a_second_for_each_then_the_rest_spills_over() -> None:
    """The documents' example: 10 provisioned serve 10 at once or 100 a second, whichever is first."""
    trace = spill_over(provisioned=10, rate=300.0, duration=0.01, calls=1500)
    began, ended, ready = by_type(trace)
    busy = [int(np.sum(ready & (began <= at) & (ended > at))) for at in began[~ready]]
    assert len(busy) > 100
    assert max(busy) < 10, "they stand idle, and calls spill over all the same"
    first = began.min()
    for second in (1.0, 2.0, 3.0):
        served = int(np.sum(ready & (began < first + second)))
        assert served <= 100 + 100 * second
        assert served == pytest.approx(100 + 100 * second, abs=12)


def test_only_what_spills_over_is_ever_cold() -> None:
    trace = spill_over(duration=0.9)
    cold = trace.attempts[trace.attempts["cold_start"]]
    assert len(cold)
    assert set(cold["init_type"]) == {"on_demand"}


def test_a_reservation_caps_both_together() -> None:
    trace = spill_over(rate=40.0, duration=1.0, reserved=12)
    began, ended, _ = by_type(trace)
    assert max(int(np.sum((began <= at) & (ended > at))) for at in began) == 12
    assert (trace.invocations["status"] == "throttled").any()
    nothing_beside = spill_over(rate=40.0, duration=1.0, reserved=10)
    assert set(nothing_beside.attempts["init_type"]) == {"provisioned"}


@given(
    st.integers(1, 20), st.floats(1, 100), st.floats(0, 5), st.integers(1, 60),
    st.none() | st.integers(20, 40), st.integers(0, 99),
)  # fmt: skip
def test_the_code_makes_the_same_trace(provisioned, rate, duration, calls, reserved, seed) -> None:
    scenario = SpillOver(
        provisioned=provisioned, rate=rate, duration=duration, calls=calls, reserved=reserved
    )
    space: dict[str, object] = {}
    exec(scenario.code(seed), space)
    assert space["trace"].digest() == scenario.run(seed).digest()


@pytest.mark.parametrize(
    "wrong",
    [{"provisioned": 0}, {"provisioned": 901}, {"provisioned": 5, "reserved": 4}, {"rate": -1}],
)
def test_a_wrong_setting_is_named(wrong) -> None:
    with pytest.raises(InvalidSetting, match=f"^{next(iter(wrong))}="):
        SpillOver(**wrong)
