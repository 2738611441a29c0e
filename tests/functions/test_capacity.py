"""Concurrency: the account's pool, what functions reserve of it, and who is throttled."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

import lambdalab as ll
from lambdalab.errors import InvalidParameterValueException, TooManyRequestsException

FEWER = settings(max_examples=settings().max_examples // 4)  # each example is a lab, audited


def most_at_once(lab: ll.Lab, function: str | None = None) -> int:
    """How many attempts ran at the same time, by the books."""
    attempts = lab.trace.attempts
    if function is not None:
        attempts = attempts[attempts["function"] == function]
    changes = [(time, 1) for time in attempts["started_at"]]
    changes += [(time, -1) for time in attempts["ended_at"]]
    now = most = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def test_the_account_runs_a_thousand_at_once(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    lab.drive("f", ll.Burst(1001))
    lab.run()
    invocations = lab.trace.invocations
    refused = invocations[invocations["status"] == "throttled"]
    assert len(refused) == 1
    assert refused.iloc[0]["status_code"] == 429
    assert refused.iloc[0]["throttle_reason"] == "ConcurrentInvocationLimitExceeded"
    assert refused.iloc[0]["cause"] == "throttled_account"
    assert most_at_once(lab) == 1000
    assert (lab.trace.requests["status_code"] == 429).sum() == 1


def test_a_throttle_is_raised_with_its_reason(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, reserved_concurrency=0)
    with pytest.raises(TooManyRequestsException, match="Rate Exceeded") as error:
        lab.invoke("f")
    assert error.value.status_code == 429
    reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert error.value.fields["Reason"] == reason
    (row,) = lab.trace.invocations.itertuples()
    assert (row.status, row.cause) == ("throttled", "zero_reserved_concurrency")
    assert row.throttle_reason == reason
    assert len(lab.trace.attempts) == 0
    lab.put_function_concurrency("f", None)
    assert lab.invoke("f").status_code == 200


def test_reserved_concurrency_is_a_ceiling_and_a_guarantee() -> None:
    """Five reserve for themselves; the others get what is left, and no more."""
    lab = ll.Lab(quotas={"account_concurrency": 110})
    lab.create_function("mine", duration=1, reserved_concurrency=5)
    lab.create_function("theirs", duration=1)
    lab.drive("theirs", ll.Burst(200))
    lab.drive("mine", ll.Burst(10))
    lab.run()
    assert most_at_once(lab, "mine") == 5
    assert most_at_once(lab, "theirs") == 105
    causes = lab.trace.invocations.groupby(["function", "cause"], observed=True).size()
    assert causes["mine", "throttled_reserved"] == 5
    assert causes["theirs", "throttled_account"] == 95


def test_reserving_and_giving_back_while_calls_run() -> None:
    """What runs counts for the pool it is in now: nobody gets room that is taken."""
    lab = ll.Lab(quotas={"account_concurrency": 10, "unreserved_minimum": 0})
    lab.create_function("f", duration=10, timeout=60, reserved_concurrency=5)
    for reserved in (None, 4, None):
        lab.drive("f", ll.Burst(20))
        lab.advance(1)
        lab.put_function_concurrency("f", reserved)
        lab.drive("f", ll.Burst(20))
        lab.advance(1)
    lab.run()
    assert most_at_once(lab) == 10
    lab.drive("f", ll.Burst(20))
    lab.run()
    assert most_at_once(lab) == 10


def test_a_cold_start_takes_a_unit_from_its_beginning(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, reserved_concurrency=1, init=2)
    lab.drive("f", ll.Every(2.5), count=2)
    lab.run()
    assert lab.trace.invocations["status"].tolist() == ["succeeded", "throttled"]


@FEWER
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0.01, 3)), min_size=1, max_size=40),
    st.integers(1, 4),
    st.booleans(),
)
def test_the_ceiling_is_never_passed_and_a_throttle_means_it_was_reached(
    calls: list[tuple[float, float]], ceiling: int, reserved: bool
) -> None:
    times, now = [], 0.0
    for pause, _ in calls:
        now += pause
        times.append(now)
    replay = ll.Replay(times, durations=[takes for _, takes in calls])
    quotas = {} if reserved else {"account_concurrency": ceiling, "unreserved_minimum": 0}
    lab = ll.Lab(quotas=quotas)
    lab.create_function(
        "f", duration=replay.duration, timeout=60,
        reserved_concurrency=ceiling if reserved else None,
    )  # fmt: skip
    lab.drive("f", replay)
    lab.run()
    lab.audit()
    attempts = lab.trace.attempts
    assert most_at_once(lab) <= ceiling
    refused = lab.trace.invocations.query("status == 'throttled'")
    for at in refused["requested_at"]:
        running = (attempts["started_at"] <= at) & (attempts["ended_at"] >= at)
        assert running.sum() >= ceiling


class Concurrency(RuleBasedStateMachine):
    """Reserving, giving back and invoking in any order: the pool's sum is always right."""

    functions = Bundle("functions")

    def __init__(self) -> None:
        super().__init__()
        self.lab = ll.Lab(quotas={"account_concurrency": 20, "unreserved_minimum": 5})
        self.reserved: dict[str, int | None] = {}

    @rule(target=functions, reserved=st.none() | st.integers(0, 8))
    def create(self, reserved: int | None) -> str:
        name = f"f{len(self.reserved)}"
        try:
            self.lab.create_function(name, duration=5, timeout=10, reserved_concurrency=reserved)
        except InvalidParameterValueException:
            assert sum(v or 0 for v in self.reserved.values()) + (reserved or 0) > 15
            reserved = None
            self.lab.create_function(name, duration=5, timeout=10)
        self.reserved[name] = reserved
        return name

    @rule(name=functions, reserved=st.none() | st.integers(0, 8))
    def reserve(self, name: str, reserved: int | None) -> None:
        others = sum(v or 0 for other, v in self.reserved.items() if other != name)
        if others + (reserved or 0) > 15:
            with pytest.raises(InvalidParameterValueException, match="below its minimum value"):
                self.lab.put_function_concurrency(name, reserved)
        else:
            self.lab.put_function_concurrency(name, reserved)
            self.reserved[name] = reserved

    @rule(name=functions, size=st.integers(1, 12))
    def burst(self, name: str, size: int) -> None:
        self.lab.drive(name, ll.Burst(size))

    @rule(seconds=st.floats(0.5, 12))
    def advance(self, seconds: float) -> None:
        self.lab.advance(seconds)

    @invariant()
    def nobody_has_too_much(self) -> None:
        """Who runs when others reserve runs on; beyond that the account's concurrency holds."""
        assert (self.lab.trace.attempts["outcome"] == "running").sum() <= 20 + 15

    def teardown(self) -> None:
        self.lab.run()
        self.lab.audit()
        for name in self.reserved:  # everything has been given back
            self.lab.put_function_concurrency(name, None)
        if self.reserved:
            name = next(iter(self.reserved))
            before = len(self.lab.trace.attempts)
            self.lab.drive(name, ll.Burst(25))
            self.lab.run()
            assert len(self.lab.trace.attempts) - before == 20


TestConcurrency = Concurrency.TestCase
TestConcurrency.settings = settings(FEWER, stateful_step_count=20)


# ---------------------------------------------------------------------- what can be reserved


def test_all_but_a_hundred_can_be_reserved(lab: ll.Lab) -> None:
    for name in ("f", "g"):
        lab.create_function(name, duration=1)
    lab.put_function_concurrency("f", 500)
    lab.put_function_concurrency("g", 400)
    for name, reserved in (("g", 401), ("f", 501)):
        with pytest.raises(InvalidParameterValueException) as error:
            lab.put_function_concurrency(name, reserved)
        assert (error.value.status_code, error.value.code) == (
            400,
            "InvalidParameterValueException",
        )
        assert error.value.message == (
            "Specified ReservedConcurrentExecutions for function decreases account's "
            "UnreservedConcurrentExecution below its minimum value of [100]."
        )
    lab.put_function_concurrency("g", None)
    lab.put_function_concurrency("f", 900)
    assert [(row.subject, row.before, row.after, row.cause) for row in limits(lab)] == [
        ("f", 0, 500, "configured"), ("g", 0, 400, "configured"), ("g", 400, 0, "released"),
        ("f", 500, 900, "configured"),
    ]  # fmt: skip


def limits(lab: ll.Lab) -> list[Any]:
    return list(lab.trace.scaling.query("kind == 'limit'").itertuples())


@pytest.mark.parametrize("account", [10, 100])
def test_zero_can_always_be_reserved(account: int) -> None:
    lab = ll.Lab(quotas={"account_concurrency": account})
    lab.create_function("f", duration=1)
    with pytest.raises(InvalidParameterValueException, match=r"\[100\]"):
        lab.put_function_concurrency("f", 1)
    lab.put_function_concurrency("f", 0)
    with pytest.raises(TooManyRequestsException):
        lab.invoke("f")
    assert lab.trace.wired("account")["concurrency"]["limit"] == account


def test_a_reservation_holds_for_all_versions_together(lab: ll.Lab) -> None:
    lab.create_function("f", duration=5, timeout=10, reserved_concurrency=4)
    lab.publish_version("f")
    lab.create_alias("f", "live", "1")
    for name in ("f:live", "f", "f:1"):
        lab.drive(name, ll.Burst(3))
    lab.run()
    assert most_at_once(lab) == 4
    assert lab.trace.invocations["cause"].value_counts()["throttled_reserved"] == 5


def test_what_is_throttled_costs_nothing(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, reserved_concurrency=2)
    lab.drive("f", ll.Burst(50))
    lab.run()
    figures = lab.trace.summary().set_index("name").loc["f"]
    assert (figures.invocations, figures.throttles) == (2, 48)
    assert figures.cost_usd == pytest.approx(lab.trace.attempts["cost_usd"].sum())
    assert len(lab.trace.attempts) == len(lab.trace.environments) == 2


# ---------------------------------------------------------------------- who is told what

REASONS = {
    "throttled_account": "ConcurrentInvocationLimitExceeded",
    "throttled_reserved": "ReservedFunctionConcurrentInvocationLimitExceeded",
    "zero_reserved_concurrency": "ReservedFunctionConcurrentInvocationLimitExceeded",
    "throttled_provisioned": "ReservedFunctionConcurrentInvocationLimitExceeded",
    "throttled_rate": "FunctionInvocationRateLimitExceeded",
    "throttled_reserved_rate": "ReservedFunctionInvocationRateLimitExceeded",
    "throttled_caller_rate": "CallerRateLimitExceeded",
    "throttled_scaling": "ConcurrentInvocationLimitExceeded",
}


def provoke(cause: str) -> tuple[ll.Lab, int]:
    """A lab whose next call is throttled for this cause, and the limit that binds."""
    quotas: dict[str, Any] = {"account_concurrency": 5, "unreserved_minimum": 0}
    if cause == "throttled_scaling":
        quotas |= {"scaling_burst": 3, "scaling_rate": 1}
    lab = ll.Lab(seed=1, quotas=quotas)
    long = cause in ("throttled_account", "throttled_reserved", "throttled_scaling")
    lab.create_function("f", duration=60 if long else 0, timeout=100, init=0)
    lab.publish_version("f")
    if "reserved" in cause:
        lab.put_function_concurrency("f", 0 if cause.startswith("zero") else 2)
    if cause == "throttled_provisioned":
        lab.put_function_concurrency("f", 2)
        lab.put_provisioned_concurrency("f", "1", 2)
        lab.run()
        return lab, 0
    if cause == "throttled_caller_rate":
        for _ in range(50):
            lab.invoke("f", invocation_type="Event")
        return lab, 50
    before = {"throttled_account": 5, "throttled_reserved": 2, "throttled_scaling": 3}.get(cause, 0)
    if cause.endswith("rate"):
        lab.invoke("f")
        lab.advance(10)
        before = 20 if "reserved" in cause else 50
    if before:
        lab.drive("f", ll.Burst(before) if long else ll.Every(0.0001, first=0), count=before)
        lab.run(until=lab.elapsed + (0.0 if long else 0.01))
    return lab, before


@pytest.mark.parametrize("cause", REASONS)
def test_each_throttle_has_its_reason_and_the_limit_that_bound(cause: str) -> None:
    """429, ``Rate Exceeded.``, the Reason; a row of the call and one of scaling, at that moment."""
    lab, limit = provoke(cause)
    assert "throttled" not in set(lab.trace.invocations["status"])
    kind = "Event" if cause == "throttled_caller_rate" else "RequestResponse"
    with pytest.raises(TooManyRequestsException) as error:
        lab.invoke("f", invocation_type=kind)
    assert (error.value.status_code, error.value.message) == (429, "Rate Exceeded.")
    assert error.value.fields["Reason"] == REASONS[cause]
    row = lab.trace.invocations.iloc[-1]
    assert (row.status, row.status_code, row.cause) == ("throttled", 429, cause)
    assert (row.throttle_reason, row.attempts) == (REASONS[cause], 0)
    throttle = lab.trace.scaling.iloc[-1]
    assert (throttle.kind, throttle.cause, throttle.subject) == ("throttle", cause, "f")
    assert throttle.before == throttle.after == limit
    assert throttle["at"] == row.completed_at


# ---------------------------------------------------------------------- requests a second


@pytest.mark.parametrize("reserved", [None, 3])
def test_ten_a_second_for_each_unit_in_the_long_run(reserved: int | None) -> None:
    """Twice as many as that are asked for; over a minute so many get through, and a second's worth."""
    lab = ll.Lab(seed=1, quotas={"account_concurrency": 5, "unreserved_minimum": 0})
    lab.create_function("f", duration=0.001, init=0, reserved_concurrency=reserved)
    lab.invoke("f")
    lab.advance(10)
    units = reserved or 5
    lab.drive("f", ll.Every(0.05 / units), duration=60)
    lab.run()
    served = (lab.trace.invocations["status"] == "succeeded").sum() - 1
    assert served == pytest.approx(10 * units * 61, abs=2)
    cause = "throttled_rate" if reserved is None else "throttled_reserved_rate"
    assert set(lab.trace.invocations["cause"]) == {"completed", cause}


def test_one_environment_may_serve_more_than_ten_a_second(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.001)
    lab.invoke("f")
    lab.drive("f", ll.Every(0.01), count=500)
    lab.run()
    assert (lab.trace.invocations["status"] == "succeeded").all()
    assert len(lab.trace.environments) == 1


def test_events_are_bound_by_concurrency_alone() -> None:
    """A reservation of 1 serves more than ten events a second, where they are short."""
    lab = ll.Lab(seed=1)
    lab.create_function("f", duration=0.001, init=0, reserved_concurrency=1)
    lab.invoke("f")
    lab.drive("f", ll.Every(0.02), count=500, invocation_type="Event")
    lab.run()
    assert (lab.trace.invocations["status"] == "succeeded").all()
    assert "throttled" not in set(lab.trace.queue_events["action"])


# ---------------------------------------------------------------------- how fast it grows


def test_a_scaling_rate_for_each_function_by_itself() -> None:
    """1,000 at once and a hundred a second, whatever another function has just taken."""
    lab = ll.Lab(seed=1, quotas={"account_concurrency": 5000})
    for name in ("f", "g"):
        lab.create_function(name, duration=800, timeout=900)
        lab.drive(name, ll.Burst(1500))
        lab.run(until=lab.elapsed)
        running = lab.trace.attempts["function"].value_counts()
        assert running[name] == 1000
        lab.advance(5)
        lab.drive(name, ll.Burst(1500))
        lab.run(until=lab.elapsed)
        assert lab.trace.attempts["function"].value_counts()[name] == 1500
    refused = lab.trace.scaling.query("cause == 'throttled_scaling'")
    assert set(refused["after"]) == {1000}


@FEWER
@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 40)), min_size=1, max_size=12))
def test_new_environments_never_exceed_burst_and_rate(bursts: list[tuple[float, int]]) -> None:
    """In no stretch of time more than the burst and what the rate brings in it."""
    lab = ll.Lab(seed=1, quotas={"scaling_burst": 20, "scaling_rate": 2})
    lab.create_function("f", duration=900, timeout=900, idle_expiry=0)
    for pause, size in bursts:
        lab.advance(pause)
        if size:
            lab.drive("f", ll.Burst(size))
    lab.advance(0)
    started = lab.trace.environments["started_at"].astype("int64").to_numpy() / 1e6
    for first in range(len(started)):
        for last in range(first, len(started)):
            assert last - first + 1 <= 20 + 2 * (started[last] - started[first]) + 1e-6


def test_a_second_after_the_limit_was_lowered_requests_come_through_again() -> None:
    """Thirty a second were allowed, now ten are; what was taken before counts as ten at most."""
    lab = ll.Lab(quotas={"account_concurrency": 3, "unreserved_minimum": 1, "environment_setup": 0})
    for name in ("bill", "other"):
        lab.create_function(name, duration=0.001, init=0)
    lab.drive("bill", ll.Every(0.01), count=50)
    lab.run(until=0.5)
    lab.put_function_concurrency("other", 2)  # one is left to share
    with pytest.raises(TooManyRequestsException):
        lab.invoke("bill", {})
    lab.run(until=1.6)
    assert lab.invoke("bill", {}).status_code == 200
