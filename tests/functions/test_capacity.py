"""Concurrency: the account's pool, what functions reserve of it, and who is throttled."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

import lambdalab as ll
from lambdalab.errors import InvalidSetting, TooManyRequestsException

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
        except InvalidSetting:
            assert sum(v or 0 for v in self.reserved.values()) + (reserved or 0) > 15
            reserved = None
            self.lab.create_function(name, duration=5, timeout=10)
        self.reserved[name] = reserved
        return name

    @rule(name=functions, reserved=st.none() | st.integers(0, 8))
    def reserve(self, name: str, reserved: int | None) -> None:
        others = sum(v or 0 for other, v in self.reserved.items() if other != name)
        if others + (reserved or 0) > 15:
            with pytest.raises(InvalidSetting, match="stay unreserved"):
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
