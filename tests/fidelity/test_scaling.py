"""How many run at once, how fast that grows, and how many requests a second are served."""

from __future__ import annotations

import pandas as pd
import pytest

import lambdalab as ll
from lambdalab.errors import TooManyRequestsException


def room(concurrency: int = 5000, **settings: object) -> ll.Lab:
    """An account with other concurrency, and a function f that runs for a quarter of an hour."""
    lab = ll.Lab(seed=1, quotas={"account_concurrency": concurrency, "unreserved_minimum": 0})
    lab.create_function("f", **({"duration": 899, "timeout": 900} | settings))  # type: ignore[arg-type]
    return lab


def burst(lab: ll.Lab, size: int, function: str = "f") -> pd.Series:
    """How a burst of calls begins, by status: those that were let in are in flight."""
    before = len(lab.trace.invocations)
    lab.drive(function, ll.Burst(size))
    lab.run(until=lab.elapsed)
    return lab.trace.invocations["status"].iloc[before:].value_counts()


def test_a_thousand_new_environments_at_once() -> None:
    lab = room()
    begun = burst(lab, 1500)
    assert (begun["in_flight"], begun["throttled"]) == (1000, 500)
    refused = lab.trace.invocations.query("status == 'throttled'")
    assert set(refused["cause"]) == {"throttled_scaling"}


def test_then_a_hundred_a_second() -> None:
    lab = room()
    burst(lab, 1000)
    for seconds, more in ((1, 100), (0.5, 50), (10, 1000), (5, 500)):
        lab.advance(seconds)
        assert burst(lab, 2000)["in_flight"] == more


def test_no_more_than_a_thousand_are_saved_up() -> None:
    lab = room()
    burst(lab, 1)
    lab.advance(600)
    assert burst(lab, 2000)["in_flight"] == 1000


def test_each_function_grows_on_its_own() -> None:
    lab = room()
    lab.create_function("g", duration=899, timeout=900)
    assert burst(lab, 1200)["in_flight"] == burst(lab, 1200, "g")["in_flight"] == 1000


@pytest.mark.parametrize("duration", [1, lambda event: 1], ids=["a number", "a callable"])
def test_warm_environments_do_not_count(duration: object) -> None:
    """Nor do they where calls cannot take the short way of plain models."""
    lab = room(duration=duration)
    burst(lab, 1000)
    lab.run()
    lab.advance(10)
    assert burst(lab, 3000)["in_flight"] == 1000 + 1000


def test_each_throttle_tells_the_limit_that_bound() -> None:
    lab = room(20)
    lab.create_function("g", duration=1, reserved_concurrency=5)
    burst(lab, 18)
    burst(lab, 6, "g")
    throttles = lab.trace.scaling.query("kind == 'throttle'")
    told = throttles[["subject", "before", "after", "cause"]].drop_duplicates().values.tolist()
    assert told == [["f", 15, 15, "throttled_account"], ["g", 5, 5, "throttled_reserved"]]


# ---- requests a second


def served(lab: ll.Lab, rate: int, seconds: int) -> int:
    """How many of so many calls a second are served by an environment that is warm."""
    lab.invoke("f")
    lab.advance(60)
    lab.drive("f", ll.Every(1 / rate), count=rate * seconds)
    lab.run()
    return int((lab.trace.invocations["status"] == "succeeded").sum())


def test_the_account_serves_ten_requests_a_second_for_each_unit() -> None:
    """10 units: 100 a second, and 100 that were saved up."""
    lab = room(10, duration=0.001)
    assert served(lab, 200, 5) - 1 == pytest.approx(100 + 5 * 100, abs=1)
    refused = lab.trace.invocations.query("status == 'throttled'")
    assert set(refused["throttle_reason"]) == {"FunctionInvocationRateLimitExceeded"}


def test_so_does_a_function_for_each_unit_it_reserves() -> None:
    lab = room(1000, duration=0.001, reserved_concurrency=2)
    assert served(lab, 100, 5) - 1 == pytest.approx(20 + 5 * 20, abs=1)
    refused = lab.trace.invocations.query("status == 'throttled'")
    assert set(refused["throttle_reason"]) == {"ReservedFunctionInvocationRateLimitExceeded"}


def test_one_environment_may_serve_more_than_ten_a_second() -> None:
    lab = room(100, duration=0.001, init=0)
    assert served(lab, 90, 2) - 1 == 180
    assert len(lab.trace.environments) == 1


def test_callers_may_send_ten_events_a_second_for_each_unit() -> None:
    lab = room(10, duration=0.001)
    for _ in range(100):
        lab.invoke("f", {}, invocation_type="Event")
    with pytest.raises(TooManyRequestsException) as error:
        lab.invoke("f", {}, invocation_type="Event")
    assert error.value.fields["Reason"] == "CallerRateLimitExceeded"
    lab.advance(0.01)
    lab.invoke("f", {}, invocation_type="Event")


# ---- sums


def test_concurrency_is_rate_times_duration() -> None:
    """Little's law: 20 a second of 1.5 s each are 30 at once, here to a second of three hours."""
    lab = ll.Lab(seed=1)
    lab.create_function("f", duration=1.5, init=0)
    lab.drive("f", ll.Poisson(20), duration=3 * 3600)
    lab.run(until=3 * 3600)
    busy = lab.trace.attempts["duration_ms"].sum() / 1000
    assert busy / (3 * 3600) == pytest.approx(30, rel=0.02)


def test_a_reservation_costs_nothing() -> None:
    costs = []
    for reserved in (None, 500):
        lab = ll.Lab(seed=1)
        lab.create_function("f", duration=1, reserved_concurrency=reserved)
        lab.drive("f", ll.Every(2), count=5)
        lab.run(until="1h")
        costs.append(float(lab.trace.summary()["cost_usd"].sum()))
    assert costs[0] == costs[1] > 0


def test_a_mapping_is_throttled_where_nothing_is_reserved(lab: ll.Lab) -> None:
    orders = lab.sqs.create_queue("orders", dead_letter_queue="dead", max_receive_count=2)
    lab.create_function("f", duration=1, reserved_concurrency=0)
    lab.create_event_source_mapping(orders, "f")
    orders.send("order")
    lab.run()
    assert len(lab.trace.attempts) == 0
    assert set(lab.trace.invocations["status"]) == {"throttled"}
    assert [letter.body for letter in lab.sqs["dead"].messages] == ["order"]


def test_a_reservation_holds_for_all_versions() -> None:
    lab = room(100, reserved_concurrency=3)
    lab.publish_version("f")
    assert burst(lab, 2)["in_flight"] == 2
    for _ in range(2):
        lab.invoke("f:1", {}, invocation_type="Event")
    lab.advance(1)
    assert (lab.trace.attempts["outcome"] == "running").sum() == 3
    with pytest.raises(TooManyRequestsException):
        lab.invoke("f:1")
