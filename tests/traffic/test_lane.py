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


# ---------------------------------------------------------------------- every limit, both ways


def limited(plan: dict[str, Any], *, fast: bool, monkeypatch: pytest.MonkeyPatch) -> str:
    """Traffic that meets the limits of concurrency, rate and growth, and what else changes under it."""
    monkeypatch.setattr(Traffic, "fast", fast)
    quotas = {"account_concurrency": 40, "unreserved_minimum": 2} | plan["quotas"]
    lab = ll.Lab(seed=plan["seed"], quotas=quotas, rules=plan["rules"])
    lab.create_function(
        "first", duration=plan["duration"], timeout=60, init=plan["init"],
        idle_expiry=plan["expiry"], runtime=plan["runtime"], reserved_concurrency=plan["reserved"],
    )  # fmt: skip
    lab.create_function("second", duration=0.2, timeout=1)
    lab.drive("first", ll.Poisson(plan["rate"]), duration=40)
    lab.drive("second", ll.Every(0.3), duration=40)
    lab.run(until=quotas.get("function_creation", 0))
    lab.publish_version("first")
    lab.create_alias("first", "live", "1")
    lab.drive("first:live", ll.Every(1.1), duration=35)
    lab.drive("first", ll.Burst(plan["burst"], at=3))
    lab.run(until=5)
    if plan["provision"] and plan["reserved"] != 0:
        lab.put_provisioned_concurrency("first", "live", 2)
    digests = [lab.trace.digest()]
    lab.run(until=10)
    if plan["change"] == "update":
        lab.update_function("first", memory_size=512, idle_expiry=3, init=0.1, failure_rate=0.2)
    elif plan["change"] == "reserve":
        lab.put_function_concurrency("first", 3)
    elif plan["change"] == "release":
        lab.put_function_concurrency("first", None)
    lab.drive("first", ll.Burst(plan["burst"], at=2))
    lab.run(until=20)
    if plan["change"] == "update":
        lab.update_function("first", duration=lambda event: 0.7, failure_rate=0)
    lab.run()
    lab.advance(100)
    lab.close()
    return " ".join([*digests, told(lab)])


PLANS = {
    "seed": st.integers(0, 1_000),
    "rules": st.sampled_from(["2025-01-07", "2025-08-01"]),
    "runtime": st.sampled_from(["python3.13", "provided.al2023"]),
    "quotas": st.sampled_from(
        [
            {}, {"scaling_burst": 3, "scaling_rate": 1}, {"requests_per_concurrency": 1},
            {"init_limit": 0.09}, {"function_creation": 4}, {"function_update": 3},
            {"environment_setup": 0.0}, {"requests_per_concurrency": 1, "scaling_burst": 5},
        ]
    ),
    "duration": st.sampled_from([0.01, 1.5, ll.LogNormal(0.1, 2.0)]),
    "init": st.sampled_from([None, 0, 0.5, 11, ll.Exponential(0.5)]),
    "expiry": st.sampled_from([0, 0.5, 7, ll.Exponential(2), ll.LogNormal(1, 9)]),
    "reserved": st.sampled_from([None, 0, 2, 8]),
    "rate": st.sampled_from([1.0, 8.0, 40.0]),
    "burst": st.sampled_from([1, 12, 60]),
    "provision": st.booleans(),
    "change": st.sampled_from(["", "update", "reserve", "release"]),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*is above the timeout")
@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries(PLANS))
def test_both_ways_meet_the_same_limits(plan: dict[str, Any]) -> None:
    """Concurrency, requests a second, scaling, init limit, idle expiry, provisioned environments."""
    with pytest.MonkeyPatch.context() as patch:
        fast = limited(plan, fast=True, monkeypatch=patch)
        assert fast == limited(plan, fast=False, monkeypatch=patch)


@pytest.mark.parametrize(
    ("settings", "quotas", "count"),
    [
        ({}, {}, 30),
        ({"init": 0.5, "idle_expiry": 2}, {"scaling_burst": 2, "scaling_rate": 1}, None),
        ({"idle_expiry": ll.Exponential(5)}, {}, 0),
        ({"idle_expiry": 0}, {}, 0),
        ({"init": 11}, {}, 0),
        ({}, {"init_limit": 0.1}, 0),
        ({}, {"function_creation": 1}, 0),
    ],
    ids=["plain", "scaling", "drawn expiry", "no reuse", "slow init", "init limit", "pending"],
)
def test_which_traffic_takes_the_lane(
    settings: dict[str, Any], quotas: dict[str, Any], count: int | None
) -> None:
    lab = ll.Lab(seed=1, quotas=quotas)
    lab.create_function("model", duration=0.1, timeout=60, **settings)
    lab.drive("model", ll.Every(0.05), count=30)
    lab.run()
    taken = lab._books.journal.count
    assert taken == count if count is not None else 0 < taken < 30
    assert len(lab.trace.invocations) == 30
