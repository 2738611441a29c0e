"""Provisioned concurrency: initialised ahead, all at once, spilling over, paid for whether used or not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings

import lambdalab as ll
from lambdalab.errors import (
    InvalidParameterValueException,
    InvalidSetting,
    ResourceConflictException,
    ResourceNotFoundException,
    TooManyRequestsException,
)
from lambdalab.functions.provisioned import ProvisionedConcurrency

FEWER = settings(max_examples=settings().max_examples // 4)  # each example is a lab, audited
GB = {"memory_size": 1024}


def provided(
    number: int = 5, *, seed: int = 7, **settings: Any
) -> tuple[ll.Lab, ProvisionedConcurrency]:
    """A lab in which version 1 of f, also called live, has provisioned concurrency, ready to be used."""
    lab = ll.Lab(seed=seed)
    lab.create_function("f", **({"duration": 1, "timeout": 10} | settings))
    lab.publish_version("f")
    lab.create_alias("f", "live", "1")
    fleet = lab.put_provisioned_concurrency("f", "1", number)
    lab.run()
    assert (fleet.status, fleet.available) == ("READY", number)
    return lab, fleet


def used(lab: ll.Lab) -> list[str]:
    """How the environment of each attempt had been initialised."""
    return lab.trace.attempts["init_type"].tolist()  # type: ignore[no-any-return]


def rows(lab: ll.Lab, kind: str) -> list[tuple[str, int, int, str]]:
    """The changes of a capacity: subject, before, after, cause."""
    scaling = lab.trace.scaling.query("kind == @kind")
    return list(scaling[["subject", "before", "after", "cause"]].itertuples(index=False, name=None))


# ---------------------------------------------------------------------- allocation


def test_run_waits_until_it_is_ready() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=1)
    lab.publish_version("f")
    fleet = lab.put_provisioned_concurrency("f", "1", 3)
    figures = fleet.requested, fleet.allocated, fleet.available, fleet.status, fleet.status_reason
    assert figures == (3, 0, 0, "IN_PROGRESS", "")
    assert lab.elapsed == 0
    lab.run()
    figures = fleet.requested, fleet.allocated, fleet.available, fleet.status, fleet.status_reason
    assert figures == (3, 3, 3, "READY", "")
    assert rows(lab, "provisioned") == [("f:1", 0, 3, "allocated")]


@pytest.mark.parametrize("seed", range(8))
def test_preparation_takes_one_to_two_minutes(seed: int) -> None:
    lab, _ = provided(seed=seed)
    first = (lab.trace.environments["started_at"].iloc[0] - lab.trace.start).total_seconds()
    assert 60 <= first <= 120


def test_six_thousand_a_minute_and_none_before_all() -> None:
    """500 take five seconds; in the middle of them calls still run on demand."""
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=0.01, init=0.5)
    lab.publish_version("f")
    fleet = lab.put_provisioned_concurrency("f", "1", 500)
    lab.drive("f:1", ll.Every(0.5), duration=130)
    lab.run()
    made = lab.trace.environments.query("kind == 'provisioned'")
    pauses = made["started_at"].diff().dt.total_seconds().iloc[1:]
    assert pauses.tolist() == pytest.approx([60 / lab.rules.provisioned_per_minute] * 499)
    usable = lab.trace.scaling.query("kind == 'provisioned'")["at"].iloc[0]
    assert usable == made["ready_at"].max()
    attempts = lab.trace.attempts
    early = attempts["started_at"] < usable
    assert early.sum() > 100
    assert set(attempts["init_type"][early]) == {"on_demand"}
    assert set(attempts["init_type"][~early]) == {"provisioned"}
    assert not attempts["cold_start"][~early].any(), "its init was no call's"
    assert fleet.status == "READY"


def test_more_keeps_what_there_is_and_less_ends_what_is_idle() -> None:
    lab, fleet = provided(4)
    lab.put_provisioned_concurrency("f", "1", 10)
    assert (fleet.status, fleet.requested, fleet.available) == ("IN_PROGRESS", 10, 4)
    lab.drive("f:1", ll.Burst(6))
    lab.advance(5)
    assert sorted(used(lab)) == ["on_demand"] * 2 + ["provisioned"] * 4
    lab.run()
    assert (fleet.status, fleet.available) == ("READY", 10)
    lab.put_provisioned_concurrency("f", "1", 3)
    assert (fleet.status, fleet.available) == ("READY", 3)
    ended = lab.trace.environments.query("kind == 'provisioned'")["ended_because"]
    assert sorted(ended) == [""] * 3 + ["scaled_in"] * 7
    assert [row[1:3] for row in rows(lab, "provisioned")] == [(0, 4), (4, 10), (10, 3)]
    assert [row[1:3] for row in rows(lab, "requested")] == [(0, 4), (4, 10), (10, 3)]


def test_less_while_all_are_busy_waits_for_them_and_never_runs_more() -> None:
    lab, fleet = provided(4, duration=100, timeout=200)
    lab.drive("f:1", ll.Burst(4))
    lab.advance(1)
    lab.put_provisioned_concurrency("f", "1", 1)
    assert fleet.available == 1
    lab.drive("f:1", ll.Burst(1))
    lab.advance(1)
    assert used(lab) == ["provisioned"] * 4 + ["on_demand"]
    lab.put_provisioned_concurrency("f", "1", 5)
    lab.advance(97.9)  # the old four are still at work; perhaps the new ones are there
    lab.drive("f:1", ll.Burst(5))
    lab.advance(0)
    running = lab.trace.attempts.query("outcome == 'running' and init_type == 'provisioned'")
    assert len(running) <= 5
    lab.run()
    alive = lab.trace.environments.query("kind == 'provisioned' and ended_because == ''")
    assert len(alive) == 5


def test_asking_again_gives_up_what_is_under_way() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=1, init=30)
    lab.publish_version("f")
    fleet = lab.put_provisioned_concurrency("f", "1", 3)
    lab.advance(121)  # they are being initialised
    lab.put_provisioned_concurrency("f", "1", 2)
    lab.run()
    assert (fleet.status, fleet.allocated) == ("READY", 2)
    because = lab.trace.environments["ended_because"].value_counts()
    assert (because[""], because["scaled_in"]) == (2, 3)


def test_the_same_again_changes_nothing() -> None:
    lab, fleet = provided(3)
    before = lab.trace.digest()
    again = lab.put_provisioned_concurrency("f", "1", 3)
    assert (again.status, again.requested) == (fleet.status, 3)
    assert fleet.status == "READY"
    lab.run()
    assert lab.trace.digest() == before


def test_it_is_given_back() -> None:
    lab, _ = provided(3, duration=5)
    lab.drive("f:1", ll.Burst(1))
    lab.advance(1)
    lab.delete_provisioned_concurrency("f", "1")
    assert sorted(lab.trace.environments["ended_because"]) == ["", "scaled_in", "scaled_in"]
    with pytest.raises(ResourceConflictException, match="under way"):
        lab.delete_function("f")
    lab.run()
    assert set(lab.trace.environments["ended_because"]) == {"scaled_in"}
    assert lab.invoke("f:1").cold
    assert used(lab) == ["provisioned", "on_demand"]
    lab.delete_function("f")


def test_handles_name_what_is_given_back() -> None:
    lab, _ = provided(1)
    lab.delete_provisioned_concurrency("f", lab.publish_version("f"))
    lab.put_provisioned_concurrency("f", lab.update_alias("f", "live"), 2)
    lab.delete_provisioned_concurrency("f", lab.update_alias("f", "live"))
    with pytest.raises(ResourceNotFoundException, match="No Provisioned Concurrency Config found"):
        lab.delete_provisioned_concurrency("f", "live")


# ---------------------------------------------------------------------- serving


def test_a_call_to_it_is_never_cold() -> None:
    lab, _ = provided(2, init=8)
    for name in ("f:1", "f:live"):
        reply = lab.invoke(name)
        assert (reply.cold, reply.latency_ms) == (False, 1000)
    attempts = lab.trace.attempts
    assert set(attempts["init_type"]) == {"provisioned"}
    assert set(attempts["init_status"]) == set(attempts["invoke_init_status"]) == {""}
    assert set(attempts["init_ms"]) == set(attempts["setup_ms"]) == {0}
    made = lab.trace.environments
    assert set(made["init_ms"]) == {8000}
    assert made["ready_at"].min() < attempts["started_at"].min()


def test_latest_and_other_versions_do_not_use_it() -> None:
    lab, _ = provided(2)
    lab.update_function("f", memory_size=256)
    lab.publish_version("f")
    for name in ("f", "f:2", "f:$LATEST"):
        lab.invoke(name)
    assert used(lab) == ["on_demand"] * 3


def test_events_use_it_and_so_do_mappings() -> None:
    lab, _ = provided(2)
    lab.invoke("f:live", invocation_type="Event")
    orders = lab.sqs.create_queue("orders")
    lab.create_event_source_mapping(orders, "f:1")
    orders.send({"n": 1})
    lab.run()
    assert used(lab) == ["provisioned", "provisioned"]


def test_what_is_too_much_spills_over_and_comes_back() -> None:
    lab, _ = provided(3)
    lab.drive("f:1", ll.Burst(5))
    lab.run()
    lab.drive("f:1", ll.Burst(3))
    lab.run()
    assert sorted(used(lab)[:5]) == ["on_demand"] * 2 + ["provisioned"] * 3
    assert used(lab)[5:] == ["provisioned"] * 3, "rather than a warm one on demand"
    assert (lab.trace.invocations["status"] == "succeeded").all()


def test_ten_requests_a_second_for_each() -> None:
    """2 of them: 20 at once in quick succession; the 21st spills over, though none is busy."""
    lab, _ = provided(2, duration=0.001)
    lab.advance(10)
    lab.drive("f:1", ll.Every(0.002), count=30)
    lab.run()
    kinds = used(lab)
    assert kinds[:20] == ["provisioned"] * 20
    assert kinds.count("on_demand") == 9, "in 0.06 s one more token has come"
    assert (lab.trace.invocations["status"] == "succeeded").all()


def test_events_are_not_paced() -> None:
    lab, _ = provided(1, duration=0.001)
    lab.advance(10)
    lab.drive("f:1", ll.Every(0.01), count=30, invocation_type="Event")
    lab.run()
    assert set(used(lab)) == {"provisioned"}


def test_after_a_timeout_the_init_runs_inside_the_next_call() -> None:
    """The environment stays, provisioned as it was; its runtime starts anew in the invoke."""
    lab, _ = provided(1, duration=lambda event: event["takes"], init=0.5, timeout=3)
    lab.invoke("f:1", {"takes": 9})
    reply = lab.invoke("f:1", {"takes": 1})
    assert (reply.cold, reply.latency_ms) == (False, 1500)
    attempts = lab.trace.attempts
    assert set(attempts["init_type"]) == {"provisioned"}
    assert attempts["environment_id"].nunique() == 1
    assert attempts["invoke_init_status"].tolist() == ["", "success"]
    assert attempts["duration_ms"].tolist() == attempts["billed_ms"].tolist() == [3000, 1500]
    assert lab.invoke("f:1", {"takes": 1}).latency_ms == 1000


def test_an_update_does_not_touch_it() -> None:
    lab, fleet = provided(2)
    lab.update_function("f", memory_size=512, duration=2)
    assert (fleet.status, fleet.available) == ("READY", 2)
    assert lab.invoke("f:1").latency_ms == 1000
    assert used(lab) == ["provisioned"]
    assert set(lab.trace.environments["ended_because"]) == {""}


def test_it_never_expires() -> None:
    lab, _ = provided(2, idle_expiry=5)
    lab.advance(3600)
    assert not lab.invoke("f:1").cold
    assert set(lab.trace.environments["ended_because"]) == {""}


MODULE = """
import os, time
time.sleep({sleep})
started = time.time()

def lambda_handler(event, context):
    return [os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], time.time() - started]
"""


def test_real_code_is_initialised_at_its_allocation() -> None:
    """For longer than ten seconds if need be: its limit is 130 s, or the function's timeout."""
    lab = ll.Lab(seed=7)
    lab.create_function("f", MODULE.format(sleep=100))
    lab.publish_version("f")
    lab.put_provisioned_concurrency("f", "1", 1)
    lab.run()
    lab.advance(50)
    kind, since = lab.invoke("f:1").payload
    assert kind == "provisioned-concurrency"
    assert since == pytest.approx(50, abs=0.1)
    assert lab.trace.environments["init_ms"].iloc[0] == pytest.approx(100_000, abs=300)
    assert used(lab) == ["provisioned"]


# ---------------------------------------------------------------------- an init that fails


def test_an_init_that_fails_six_times() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f", "raise KeyError('no')\ndef lambda_handler(e, c): pass\n")
    lab.publish_version("f")
    fleet = lab.put_provisioned_concurrency("f", "1", 1)
    lab.run()
    assert (fleet.status, fleet.status_reason) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    assert (fleet.requested, fleet.allocated, fleet.available) == (1, 0, 0)
    environments = lab.trace.environments
    assert environments["ended_because"].tolist() == ["init_failed"] * 6
    assert environments["ready_at"].isna().all()
    assert rows(lab, "provisioned") == []
    assert lab.invoke("f:1").function_error == "Unhandled"
    assert used(lab) == ["on_demand"]
    assert [row[1:] for row in rows(lab, "requested")] == [
        (0, 1, "configured"), (1, 0, "environment_failed"),
    ]  # fmt: skip


def test_a_model_whose_init_fails_or_takes_too_long() -> None:
    for init, seconds in ((lambda _: 1 / 0, 0), (131, 6 * 130)):
        lab = ll.Lab(seed=7)
        lab.create_function("f", duration=1, init=init, timeout=3)
        lab.publish_version("f")
        fleet = lab.put_provisioned_concurrency("f", "1", 1)
        lab.run()
        assert fleet.status == "FAILED"
        environments = lab.trace.environments
        assert len(environments) == 6
        spent = environments["ended_at"].iloc[-1] - environments["started_at"].iloc[0]
        assert spent.total_seconds() == seconds


def test_many_that_fail_are_all_accounted_for() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=1, init=lambda _: 1 / 0)
    lab.publish_version("f")
    fleet = lab.put_provisioned_concurrency("f", "1", 50)
    lab.run()
    assert (fleet.status, fleet.allocated) == ("FAILED", 0)
    assert lab.trace.environments["ended_at"].notna().all()


def test_what_failed_is_tried_again_when_asked() -> None:
    good = []
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=1, init=lambda _: 1 if good else 1 / 0)
    lab.publish_version("f")
    fleet = lab.put_provisioned_concurrency("f", "1", 2)
    lab.run()
    assert fleet.status == "FAILED"
    good.append(True)
    lab.put_provisioned_concurrency("f", "1", 2)
    lab.run()
    assert (fleet.status, fleet.available) == ("READY", 2)
    assert lab.invoke("f:1").cold is False


# ---------------------------------------------------------------------- what is refused


def test_only_published_versions() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=1)
    lab.create_alias("f", "dev", "$LATEST")
    for qualifier in ("$LATEST", "dev", ""):
        with pytest.raises(InvalidParameterValueException) as error:
            lab.put_provisioned_concurrency("f", qualifier, 1)
        assert error.value.message == (
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
        )
    with pytest.raises(ResourceNotFoundException):
        lab.put_provisioned_concurrency("f", "1", 1)
    assert len(lab.trace.scaling) == 0


@pytest.mark.parametrize("number", [0, -1, 1.5, True, "3", None])
def test_numbers_that_cannot_be(number: Any) -> None:
    lab, fleet = provided(1)
    with pytest.raises(InvalidSetting, match="provisioned_concurrency="):
        lab.put_provisioned_concurrency("f", "1", number)
    assert fleet.requested == 1


def test_one_configuration_for_each_version() -> None:
    lab, _ = provided(1)
    with pytest.raises(ResourceConflictException):
        lab.put_provisioned_concurrency("f", "live", 1)
    lab.update_function("f", memory_size=256)
    lab.publish_version("f")
    lab.put_provisioned_concurrency("f", "2", 2)
    lab.run()
    assert rows(lab, "provisioned") == [("f:1", 0, 1, "allocated"), ("f:2", 0, 2, "allocated")]
    lab.delete_provisioned_concurrency("f", "1")
    lab.put_provisioned_concurrency("f", "live", 1)
    with pytest.raises(InvalidParameterValueException):
        lab.update_alias("f", "live", "2")
    with pytest.raises(InvalidParameterValueException):
        lab.update_alias("f", "live", routing={"2": 0.5})
    with pytest.raises(InvalidParameterValueException):
        lab.update_alias("f", "live", "$LATEST")
    with pytest.raises(ResourceConflictException, match="give it back"):
        lab.delete_alias("f", "live")


# ---------------------------------------------------------------------- concurrency


def test_it_comes_out_of_the_accounts_pool() -> None:
    """At most what is unreserved less a hundred."""
    lab = ll.Lab(seed=7)
    for name in ("f", "g"):
        lab.create_function(name, duration=10, timeout=20)
    lab.put_function_concurrency("g", 300)
    lab.publish_version("f")
    with pytest.raises(InvalidParameterValueException, match=r"concurrency \[600\]"):
        lab.put_provisioned_concurrency("f", "1", 601)
    lab.put_provisioned_concurrency("f", "1", 600)
    lab.run()
    with pytest.raises(InvalidParameterValueException, match=r"minimum value of \[100\]"):
        lab.put_function_concurrency("g", 301)
    lab.drive("f:1", ll.Burst(800))
    lab.advance(1)
    assert lab.trace.attempts["init_type"].value_counts().to_dict() == {
        "provisioned": 600, "on_demand": 100,
    }  # fmt: skip
    refused = lab.trace.scaling.query("kind == 'throttle'")
    assert set(refused["cause"]) == {"throttled_account"}
    assert set(refused["after"]) == {100}
    lab.run()
    lab.delete_provisioned_concurrency("f", "1")
    lab.drive("f", ll.Burst(800))
    lab.run()
    assert len(lab.trace.attempts) == 700 + 700


def test_within_a_reservation() -> None:
    """Both together never exceed it, and neither may be set past the other."""
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=10, timeout=20, reserved_concurrency=5)
    lab.publish_version("f")
    with pytest.raises(InvalidParameterValueException) as error:
        lab.put_provisioned_concurrency("f", "1", 6)
    assert error.value.message == (
        "Requested Provisioned Concurrency should not be greater than the "
        "reservedConcurrentExecution for function"
    )
    lab.put_provisioned_concurrency("f", "1", 2)
    lab.run()
    with pytest.raises(InvalidParameterValueException) as error:
        lab.put_function_concurrency("f", 1)
    assert error.value.message == (
        " ReservedConcurrentExecutions  1 should not be lower than function's "
        "total provisioned concurrency [2]."
    )
    with pytest.raises(InvalidParameterValueException):
        lab.update_function("f", reserved_concurrency=0)
    lab.drive("f:1", ll.Burst(9))
    lab.run()
    assert sorted(used(lab)) == ["on_demand"] * 3 + ["provisioned"] * 2
    (limit,) = set(lab.trace.scaling.query("kind == 'throttle'")["after"])
    assert limit == 3, "what the reservation leaves beside it"


def test_all_that_is_reserved_is_provisioned() -> None:
    lab, _ = provided(2, reserved_concurrency=2)
    with pytest.raises(TooManyRequestsException) as error:
        lab.invoke("f")
    assert error.value.fields["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert lab.trace.invocations["cause"].tolist() == ["throttled_provisioned"]
    assert lab.invoke("f:1").status_code == 200
    lab.delete_provisioned_concurrency("f", "1")
    assert lab.invoke("f").status_code == 200


@pytest.mark.parametrize("reserved", [None, 3, 8])
def test_a_reservation_made_or_given_back_beside_it(reserved: int | None) -> None:
    """Whoever holds the units, the account's sum stays what it is."""
    lab = ll.Lab(seed=7, quotas={"account_concurrency": 20, "unreserved_minimum": 2})
    lab.create_function("f", duration=5, timeout=20)
    lab.create_function("g", duration=5, timeout=20)
    lab.publish_version("f")
    lab.put_provisioned_concurrency("f", "1", 3)
    lab.run()
    for value in (reserved, None, reserved):
        lab.put_function_concurrency("f", value)
        before = len(lab.trace.attempts)
        for name in ("f:1", "f", "g"):
            lab.drive(name, ll.Burst(20))
        lab.run()
        assert len(lab.trace.attempts) - before == (20 if value is None else value + 20 - value)


# ---------------------------------------------------------------------- aliases


def test_it_moves_with_its_alias() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=1)
    lab.publish_version("f")
    lab.update_function("f", memory_size=256)
    lab.publish_version("f")
    lab.create_alias("f", "live", "1")
    lab.put_provisioned_concurrency("f", "live", 3)
    lab.run()
    assert not lab.invoke("f:1").cold, "the version it leads to uses it too"
    lab.update_alias("f", "live", "2")
    assert lab.invoke("f:live").cold, "allocated anew: a minute or two"
    lab.run()
    assert not lab.invoke("f:live").cold
    assert not lab.invoke("f:2").cold
    assert used(lab) == ["provisioned", "on_demand", "provisioned", "provisioned"]
    environments = lab.trace.environments.query("kind == 'provisioned'")
    assert environments["version"].tolist() == ["1"] * 3 + ["2"] * 3
    assert environments["ended_because"].tolist() == ["scaled_in"] * 3 + [""] * 3
    assert [row[:3] for row in rows(lab, "provisioned")] == [
        ("f:live", 0, 3), ("f:live", 3, 0), ("f:live", 0, 3),
    ]  # fmt: skip
    assert [row[:3] for row in rows(lab, "requested")] == [
        ("f:1", 0, 3), ("f:1", 3, 0), ("f:2", 0, 3),
    ]  # fmt: skip


def test_a_moved_alias_leaves_busy_ones_to_finish() -> None:
    lab, _ = provided(2, duration=5)
    lab.delete_provisioned_concurrency("f", "1")
    lab.put_provisioned_concurrency("f", "live", 2)
    lab.run()
    lab.drive("f:live", ll.Burst(2))
    lab.advance(1)
    lab.update_function("f", memory_size=256)
    lab.publish_version("f")
    lab.update_alias("f", "live", "2")
    lab.run()
    assert set(lab.trace.invocations["status"]) == {"succeeded"}
    alive = lab.trace.environments.query("ended_because == ''")
    assert alive["version"].tolist() == ["2", "2"]


# ---------------------------------------------------------------------- the end


def test_closing_the_lab_at_any_moment() -> None:
    for seconds in (0, 30, 121, 123, 200):
        lab = ll.Lab(seed=7)
        lab.create_function("f", duration=30, timeout=60, init=2)
        lab.publish_version("f")
        lab.put_provisioned_concurrency("f", "1", 4)
        lab.drive("f:1", ll.Every(20), duration=300)
        lab.run(until=seconds)
        lab.close()
        lab.audit()
        assert set(lab.trace.environments["ended_because"]) <= {"lab_closed", "idle_expiry"}
        assert lab.trace.environments["ended_at"].notna().all()
        for _, group in lab.trace.scaling.query("kind != 'throttle'").groupby(["subject", "kind"]):
            if len(group):
                assert group["after"].iloc[-1] == 0


def test_deleting_the_function_and_making_it_again() -> None:
    lab, _ = provided(3)
    lab.delete_function("f")
    assert set(lab.trace.environments["ended_because"]) == {"function_deleted"}
    lab.create_function("f", duration=1, timeout=10)
    number = lab.publish_version("f").number
    assert lab.put_provisioned_concurrency("f", number, 897).requested == 897, "all is free again"
    lab.run()
    lab.audit()


@pytest.mark.parametrize("seconds", [0, 50, 121, 300])
def test_reset_asks_for_it_again(seconds: float) -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=30, timeout=60, init=2, reserved_concurrency=6)
    lab.publish_version("f")
    lab.create_alias("f", "live", "1")
    lab.put_provisioned_concurrency("f", "live", 4)
    lab.drive("f:1", ll.Every(20), duration=400)
    lab.run(until=seconds)
    for _ in range(2):
        lab.reset()
        assert lab.elapsed == 0
        lab.run()
        assert rows(lab, "provisioned") == [("f:live", 0, 4, "allocated")]
        assert not lab.invoke("f:1").cold
        lab.audit()


def test_the_handle_goes_along_with_its_alias_and_its_lab() -> None:
    lab, handle = provided(2)
    name, alias = handle.function.name, handle.qualifier
    lab.run()
    assert (handle.status, handle.available) == ("READY", 2)
    lab.update_function(name, memory_size=256)
    number = lab.publish_version(name).number
    if alias in handle.function.aliases:
        lab.update_alias(name, alias, number)
        assert (handle.status, handle.requested, handle.available) == ("IN_PROGRESS", 2, 0)
        lab.run()
    assert (handle.status, handle.available) == ("READY", 2)
    lab.reset()
    assert (handle.status, handle.requested) == ("IN_PROGRESS", 2)
    lab.delete_provisioned_concurrency(name, alias)
    assert (handle.status, handle.requested) == ("", 0)
    assert "no provisioned concurrency" in repr(handle)
