"""The fast lane leaves the same books as the long way, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.traffic.traffic import Traffic


def told(lab: ll.Lab) -> str:
    lab.audit()
    return lab.trace.digest()


def story(plan: dict[str, Any], *, fast: bool, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(Traffic, "fast", fast)
    lab = ll.Lab(seed=plan["seed"], quotas={"account_concurrency": 100 + plan["shared"]})
    lab.create_function(
        "first", duration=ll.Exponential(plan["mean"]), timeout=plan["timeout"],
        failure_rate=plan["failures"], idle_expiry=plan["expiry"],
    )  # fmt: skip
    lab.create_function("second", duration=0.4, init=ll.LogNormal(0.2, 0.9))
    if plan["reserved"] is not None and plan["reserved"] <= plan["shared"]:
        lab.put_function_concurrency("first", plan["reserved"])
    lab.drive("first", ll.Poisson(plan["rate"]), duration=60)
    lab.drive("second", ll.Every(0.7), count=40, payload={"constant": True})
    lab.run(until=20)
    lab.invoke("second", {"n": 1})  # somebody else writes in the same tables
    lab.invoke("first", {}, invocation_type="Event")
    digests = [lab.trace.digest()]  # and somebody reads while calls are in flight
    if plan["update"]:
        lab.update_function("first", memory_size=512, duration=0.3)
    lab.drive("first", ll.Burst(5))
    lab.run()
    return " ".join([*digests, told(lab)])


@pytest.mark.filterwarnings("ignore:.*is above the timeout")
@settings(max_examples=25, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "seed": st.integers(0, 1_000),
            "mean": st.sampled_from([0.01, 0.5, 3.0]),
            "timeout": st.sampled_from([1, 3, 60]),
            "failures": st.sampled_from([0.0, 0.3, 1.0]),
            "expiry": st.sampled_from([0.5, 5, 600]),
            "shared": st.sampled_from([1, 5, 900]),
            "reserved": st.sampled_from([None, 0, 1, 5]),
            "rate": st.sampled_from([0.2, 2.0, 20.0]),
            "update": st.booleans(),
        }
    )
)
def test_both_ways_leave_the_same_books(plan: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        fast = story(plan, fast=True, monkeypatch=patch)
        assert fast == story(plan, fast=False, monkeypatch=patch)


def test_the_lane_is_taken() -> None:
    """Else the comparison above would compare the long way with itself."""
    lab = ll.Lab(seed=1)
    lab.create_function("model", duration=1)
    lab.drive("model", ll.Every(1), count=3)
    lab.run()
    assert lab._books.journal.count == 3


@pytest.mark.parametrize(
    "quotas", [{"network_latency": 0.1}, {"invoke_overhead": 0.05}], ids=["network", "overhead"]
)
def test_where_a_call_takes_longer_the_lane_is_not_taken(quotas: dict[str, float]) -> None:
    lab = ll.Lab(seed=1, quotas=quotas)
    lab.create_function("model", duration=1)
    lab.drive("model", ll.Every(5), count=3)
    lab.run()
    latency = lab.trace.invocations["latency_ms"].tolist()
    assert latency[1] == 1000 + 1000 * sum(quotas.values())


def test_in_flight_calls_are_seen() -> None:
    lab = ll.Lab(seed=1)
    lab.create_function("model", duration=10, timeout=60)
    lab.drive("model", ll.Every(1), count=5)
    lab.run(until=3.5)
    assert lab.trace.invocations["status"].tolist() == ["in_flight"] * 4
    lab.run()
    assert lab.trace.invocations["status"].tolist() == ["succeeded"] * 5
    assert lab.trace.attempts["duration_ms"].tolist() == [10_000.0] * 5
