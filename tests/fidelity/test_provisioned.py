"""Provisioned concurrency: where, when, how much, what it serves, and what it costs."""

from __future__ import annotations

import pytest

import lambdalab as ll
from lambdalab.errors import LabError, TooManyRequestsException

CODE = """
import os
def lambda_handler(event, context):
    return os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
"""


def versioned(seed: int = 1, **settings: object) -> ll.Lab:
    """A lab whose function f has the versions 1 and 2, and the alias live for 1."""
    lab = ll.Lab(seed=seed)
    lab.create_function("f", **({"duration": 10, "timeout": 60} | settings))  # type: ignore[arg-type]
    lab.publish_version("f")
    lab.update_function("f", memory_size=256)
    lab.publish_version("f")
    lab.create_alias("f", "live", "1")
    return lab


def starts(lab: ll.Lab, qualifier: str, calls: int) -> list[str]:
    """The init types of so many calls at once."""
    before = len(lab.trace.attempts)
    for _ in range(calls):
        lab.invoke("f", {}, qualifier=qualifier, invocation_type="Event")
    lab.advance(2)
    return lab.trace.attempts["init_type"].iloc[before:].tolist()


def test_not_on_latest() -> None:
    lab = versioned()
    with pytest.raises(LabError) as error:
        lab.put_provisioned_concurrency("f", "$LATEST", 1)
    assert getattr(error.value, "status_code", 0) == 400
    assert str(error.value).startswith(
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    )


def test_one_configuration_for_a_version() -> None:
    lab = versioned()
    lab.put_provisioned_concurrency("f", "live", 1)
    with pytest.raises(LabError):
        lab.put_provisioned_concurrency("f", "1", 1)
    lab.put_provisioned_concurrency("f", "2", 1)
    lab.run()


def test_in_progress_then_ready() -> None:
    """None can be used before all are there: a minute or two, then 100 a second."""
    lab = versioned()
    fleet = lab.put_provisioned_concurrency("f", "1", 300)
    assert (fleet.status, fleet.requested, fleet.allocated, fleet.available) == (
        "IN_PROGRESS", 300, 0, 0
    )  # fmt: skip
    lab.advance(59.9)
    assert fleet.allocated == 0
    while fleet.status == "IN_PROGRESS":
        lab.advance(0.5)
        assert fleet.available == (0 if fleet.status == "IN_PROGRESS" else 300)
    assert (fleet.status, fleet.allocated) == ("READY", 300)
    made = lab.trace.environments.query("kind == 'provisioned'")["started_at"]
    assert 60 <= lab.elapsed <= 126
    assert (made.max() - made.min()).total_seconds() == pytest.approx(299 / 100)


def test_meanwhile_calls_run_on_demand() -> None:
    lab = versioned()
    lab.put_provisioned_concurrency("f", "1", 1)
    assert starts(lab, "1", 1) == ["on_demand"]


def test_an_init_that_fails_fails_the_allocation() -> None:
    lab = ll.Lab()
    lab.create_function("f", "raise ValueError('early')\ndef lambda_handler(event, context): ...")
    lab.publish_version("f")
    fleet = lab.put_provisioned_concurrency("f", "1", 1)
    lab.run()
    assert (fleet.status, fleet.status_reason) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    assert len(lab.trace.environments) == 6
    assert lab.invoke("f:1").function_error == "Unhandled"
    assert set(lab.trace.attempts["init_type"]) == {"on_demand"}


def test_what_is_too_much_spills_over() -> None:
    lab = versioned()
    lab.put_provisioned_concurrency("f", "1", 2)
    lab.run()
    assert starts(lab, "1", 3) == ["provisioned", "provisioned", "on_demand"]
    attempts = lab.trace.attempts
    assert attempts["cold_start"].tolist() == [False, False, True]


def test_it_spills_over_at_ten_times_as_many_requests_a_second() -> None:
    """10 environments: at 10 at once or 100 a second, whichever comes first."""
    lab = versioned(duration=0.001)
    lab.put_provisioned_concurrency("f", "1", 10)
    lab.run()
    lab.drive("f:1", ll.Every(0.005), count=400)
    lab.run()
    kinds = lab.trace.attempts["init_type"].value_counts()
    assert kinds["provisioned"] == pytest.approx(100 + 2 * 100, abs=1)
    assert kinds["on_demand"] == pytest.approx(100, abs=1)


def test_it_comes_before_a_new_environment_on_demand() -> None:
    lab = versioned()
    lab.put_provisioned_concurrency("f", "1", 1)
    lab.run()
    for _ in range(3):
        assert starts(lab, "1", 1) == ["provisioned"]
        lab.run()
    assert len(lab.trace.environments) == 1


def test_an_alias_and_its_version_use_the_same() -> None:
    lab = versioned()
    lab.put_provisioned_concurrency("f", "live", 2)
    lab.run()
    assert starts(lab, "live", 1) + starts(lab, "1", 1) == ["provisioned"] * 2
    assert starts(lab, "2", 1) == ["on_demand"]


def test_it_moves_with_its_alias() -> None:
    lab = versioned()
    lab.put_provisioned_concurrency("f", "live", 1)
    lab.run()
    lab.update_alias("f", "live", "2")
    lab.run()
    assert starts(lab, "1", 1) == ["on_demand"]
    lab.run()
    assert starts(lab, "2", 1) == ["provisioned"]


def test_not_more_than_is_reserved() -> None:
    lab = versioned(reserved_concurrency=2)
    with pytest.raises(LabError) as error:
        lab.put_provisioned_concurrency("f", "1", 3)
    assert str(error.value).startswith(
        "Requested Provisioned Concurrency should not be greater than the "
        "reservedConcurrentExecution for function"
    )


def test_no_reservation_below_it() -> None:
    lab = versioned(reserved_concurrency=2)
    lab.put_provisioned_concurrency("f", "1", 2)
    with pytest.raises(LabError) as error:
        lab.put_function_concurrency("f", 1)
    assert str(error.value).startswith(
        " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned "
        "concurrency [2]."
    )


def test_a_reservation_caps_both_together() -> None:
    lab = versioned(reserved_concurrency=3)
    lab.put_provisioned_concurrency("f", "1", 2)
    lab.run()
    starts(lab, "1", 5)
    assert (lab.trace.attempts["outcome"] == "running").sum() == 3


def test_where_all_is_provisioned_latest_is_throttled() -> None:
    lab = versioned(reserved_concurrency=2)
    lab.put_provisioned_concurrency("f", "1", 2)
    lab.run()
    with pytest.raises(TooManyRequestsException) as error:
        lab.invoke("f")
    assert error.value.fields["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert starts(lab, "1", 1) == ["provisioned"]


def test_it_comes_out_of_the_accounts_pool() -> None:
    lab = versioned()
    with pytest.raises(LabError, match="900"):
        lab.put_provisioned_concurrency("f", "1", 901)
    lab.put_provisioned_concurrency("f", "1", 900)
    lab.create_function("g", duration=10, timeout=60)
    lab.drive("g", ll.Burst(101))
    lab.advance(1)
    assert (lab.trace.invocations["status"] == "throttled").sum() == 1
    lab.delete_provisioned_concurrency("f", "1")
    lab.run()


def test_the_handler_finds_its_init_type() -> None:
    lab = ll.Lab()
    lab.create_function("f", CODE)
    lab.publish_version("f")
    lab.put_provisioned_concurrency("f", "1", 1)
    lab.run()
    assert lab.invoke("f:1").payload == "provisioned-concurrency"
    assert lab.invoke("f").payload == "on-demand"


def test_its_init_runs_when_it_is_allocated() -> None:
    lab = ll.Lab()
    lab.create_function("f", "print('init')\ndef lambda_handler(event, context): ...")
    lab.publish_version("f")
    lab.put_provisioned_concurrency("f", "1", 1)
    lab.run()
    assert "init" in lab.trace.logs["message"].tolist()
    reply = lab.invoke("f:1")
    assert not reply.cold
    assert "Init Duration" not in reply.log
    assert lab.trace.logs["message"].tolist().count("init") == 1


def test_its_init_may_take_longer_than_ten_seconds() -> None:
    """130 s here, the function's timeout where that is longer."""
    lab = ll.Lab()
    lab.create_function("f", duration=1, init=120, timeout=3)
    lab.create_function("g", duration=1, init=131, timeout=3)
    fleets = []
    for name in "fg":
        lab.publish_version(name)
        fleets.append(lab.put_provisioned_concurrency(name, "1", 1))
    lab.run()
    assert [fleet.status for fleet in fleets] == ["READY", "FAILED"]


# ---- what it costs


def cost(lab: ll.Lab) -> float:
    return float(lab.trace.summary()["cost_usd"].sum())


@pytest.mark.parametrize(("minutes", "billed"), [(60, 60), (61, 65)])
def test_it_is_billed_though_nobody_calls(minutes: int, billed: int) -> None:
    """From enabling to giving back, rounded up to five minutes; 1 GB for an hour are 3,600 GB-s."""
    lab = ll.Lab()
    lab.create_function("f", duration=1, init=0, memory_size=1024)
    lab.publish_version("f")
    lab.put_provisioned_concurrency("f", "1", 1)
    lab.run(until=minutes * 60)
    lab.delete_provisioned_concurrency("f", "1")
    init = 0.0000097222 / 1000  # at most a millisecond of it
    assert cost(lab) == pytest.approx(billed * 60 * 0.0000041667, abs=init)


@pytest.mark.parametrize(
    ("architecture", "price"), [("x86_64", 0.0000097222), ("arm64", 0.0000077778)]
)
def test_its_runs_have_a_price_of_their_own(architecture: str, price: float) -> None:
    lab = ll.Lab()
    lab.create_function("f", duration=2, init=0, memory_size=1024, architecture=architecture)
    lab.publish_version("f")
    lab.put_provisioned_concurrency("f", "1", 1)
    lab.run()
    lab.invoke("f:1")
    attempt = lab.trace.attempts.iloc[-1]
    assert attempt["init_type"] == "provisioned"
    assert attempt["cost_usd"] == pytest.approx(2 * price + 0.0000002, abs=1e-9)
