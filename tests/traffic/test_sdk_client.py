"""An SDK's client: what it tries again, how often, after which waits, and when its quota stops it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidSetting, ServiceException, TooManyRequestsException
from lambdalab.traffic.sdk import Quota

MODES = ("legacy", "standard", "adaptive")


def broken(kind: str = "service_error", probability: float = 1.0, **more: object) -> ll.Lab:
    lab = ll.Lab(seed=7, **more)  # type: ignore[arg-type]
    lab.create_function("bill", duration=0.1)
    lab.create_function("fine", duration=0.1)
    getattr(lab.faults, kind)("bill", probability=probability)
    return lab


def tries(lab: ll.Lab) -> list[int]:
    return lab.trace.requests["tries"].tolist()


def refused(lab: ll.Lab, client: ll.SdkClient, function: str = "bill") -> int:
    """Call in vain; how many tries it took."""
    before = len(lab.trace.requests)
    with pytest.raises(ll.ServiceError):
        lab.invoke(function, caller=client)
    return len(lab.trace.requests) - before


@pytest.mark.parametrize(("mode", "most"), [("legacy", 5), ("standard", 3), ("adaptive", 3)])
@pytest.mark.parametrize(
    ("kind", "error"),
    [("service_error", ServiceException), ("throttle", TooManyRequestsException)],
)
def test_each_mode_tries_so_often(mode: str, most: int, kind: str, error: type) -> None:
    lab = broken(kind)
    with pytest.raises(error):
        lab.invoke("bill", caller=ll.SdkClient(mode))
    rows = lab.trace.requests
    assert rows["tries"].tolist() == list(range(1, most + 1))
    assert rows["call"].unique().tolist() == [1]
    assert rows["caller"].unique().tolist() == ["sdk"]
    assert rows["status_code"].unique().tolist() == [error.status_code]  # type: ignore[attr-defined]
    assert not rows["gave_up"].any(), "an error is an answer"
    assert len(lab.trace.invocations) == most, "each try is an invocation of its own"
    lane = lab.trace.retries
    assert lane["lane"].tolist() == ["client"] * (most - 1)
    cause = "throttled" if kind == "throttle" else "server_error"
    assert lane["cause"].unique().tolist() == [cause]
    ended = "throttled" if kind == "throttle" else "failed"
    assert lane["ended_as"].unique().tolist() == [ended]


@pytest.mark.parametrize("mode", MODES)
def test_a_functions_error_is_an_answer_and_never_tried_again(mode: str, lab: ll.Lab) -> None:
    lab.create_function("bad", duration=0.1, failure_rate=1.0)
    reply = lab.invoke("bad", caller=ll.SdkClient(mode))
    assert (reply.status_code, reply.function_error, reply.tries) == (200, "Unhandled", 1)
    assert tries(lab) == [1]
    assert lab.trace.retries.empty


@pytest.mark.parametrize("mode", MODES)
def test_what_no_retry_can_mend_is_told_at_once(mode: str, lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    with pytest.raises(ll.ServiceError) as error:
        lab.invoke("bill", b"{", caller=ll.SdkClient(mode))
    assert error.value.status_code == 400
    with pytest.raises(ll.ServiceError) as error:
        lab.invoke("nobody", caller=ll.SdkClient(mode))
    assert error.value.status_code == 404
    assert tries(lab) == [1, 1]
    assert lab.trace.requests["caller"].tolist() == ["sdk", "sdk"]


def test_the_last_reply_is_given_and_counts_its_tries() -> None:
    lab = broken(probability=0.5)
    client = ll.SdkClient("legacy")
    replies = [lab.invoke("bill", caller=client) for _ in range(20)]
    assert max(reply.tries for reply in replies) > 1
    more = next(reply for reply in replies if reply.tries > 1)
    assert f"{more.tries} tries" in repr(more)
    rows = lab.trace.requests
    for call, own in rows.groupby("call"):
        assert own["tries"].tolist() == list(range(1, len(own) + 1)), call
        assert own["status_code"].tolist() == [500] * (len(own) - 1) + [200]
    last = rows.groupby("call").tail(1)
    assert [reply.request_id for reply in replies] == last["request_id"].tolist()
    whole = rows.groupby("call").agg({"sent_at": "min", "answered_at": "max"})
    took = (whole["answered_at"] - whole["sent_at"]).dt.total_seconds() * 1000
    assert [reply.latency_ms for reply in replies] == pytest.approx(took.tolist())


def test_one_call_in_three_fails_with_and_without_retries() -> None:
    """Who retries fails one time in twenty-seven instead of one in three."""
    lab = broken(probability=1 / 3)
    lab.drive("bill", ll.Every(1), count=300)
    lab.drive("bill", ll.Every(1), count=300, caller=ll.SdkClient())
    lab.run()
    rows = lab.trace.requests
    last = rows.groupby("call").tail(1)
    failed = (last["status_code"] != 200).groupby(last["caller"], observed=True).mean()
    assert 0.26 < failed["drive"] < 0.41
    assert failed["sdk"] < 0.08
    assert 1.3 < (rows["caller"] == "sdk").sum() / 300 < 1.6, "1 + 1/3 + 1/9 tries a call"


def test_client_and_service_retry_in_lanes_of_their_own() -> None:
    lab = broken(probability=1 / 3)
    lab.create_function("bad", duration=0.1, failure_rate=1.0)
    lab.invoke("bad", invocation_type="Event", caller=ll.SdkClient())
    client = ll.SdkClient()
    for _ in range(20):
        lab.invoke("bill", invocation_type="Event", caller=client)
    lab.run()
    lanes = lab.trace.retries.groupby("lane", observed=True)
    assert lanes.size()["service"] >= 2
    assert lanes.size()["client"] >= 2
    assert set(lanes.get_group("client")["ended_as"]) <= {"succeeded", "failed"}
    assert "succeeded" in set(lanes.get_group("client")["ended_as"]), "202 is what it waited for"


def test_a_handler_that_fails_later_is_no_failure_of_the_clients_try(lab: ll.Lab) -> None:
    lab.create_function("bad", duration=0.1, failure_rate=1.0, maximum_retry_attempts=0)
    fault = lab.faults.service_error("bad", probability=1.0)
    lab.drive("bad", ll.Burst(1), invocation_type="Event", caller=ll.SdkClient())
    lab.run(until=0)
    fault.stop()
    lab.run()
    assert lab.trace.requests["status_code"].tolist() == [500, 202]
    assert lab.trace.retries["ended_as"].tolist() == ["succeeded"]


# ---- waits


def gaps(lab: ll.Lab) -> list[float]:
    return (lab.trace.retries["waited_ms"] / 1000).tolist()


@given(st.integers(0, 500), st.sampled_from(MODES), st.sampled_from(["service_error", "throttle"]))
def test_waits_stay_within_the_modes_bounds(seed: int, mode: str, kind: str) -> None:
    lab = ll.Lab(seed=seed, rules="2025-01-07")
    lab.create_function("bill", duration=0.1)
    getattr(lab.faults, kind)("bill", probability=1.0)
    client = ll.SdkClient(mode if mode != "adaptive" else "standard", max_attempts=8)
    refused(lab, client)
    cap = 1e9 if mode == "legacy" else 20
    for n, wait in enumerate(gaps(lab)):
        assert 0 <= wait <= min(2**n, cap)
    lab.audit()


def test_waits_differ_between_modes_at_their_cap() -> None:
    found = {}
    for mode in ("legacy", "standard"):
        lab = broken(quotas={"sdk_retry_quota": 10**6})
        lab.drive("bill", ll.Burst(40), caller=ll.SdkClient(mode, max_attempts=9))
        lab.run()
        found[mode] = max(gaps(lab))
    assert 15 < found["standard"] <= 20
    assert found["legacy"] > 60, "2**7 s at most: legacy has no cap"


def test_from_november_2026_an_error_is_tried_again_sooner_than_a_throttle() -> None:
    for kind, most in (("service_error", 0.05), ("throttle", 1.0)):
        lab = broken(kind, rules="2026-11-10")
        lab.drive("bill", ll.Burst(30), caller=ll.SdkClient(max_attempts=2))
        lab.run()
        assert most / 2 < max(gaps(lab)) <= most


def test_a_backoff_of_ones_own_replaces_the_modes() -> None:
    lab = broken()
    refused(lab, ll.SdkClient("legacy", backoff=ll.Backoff("exponential", base=0.25, cap=1)))
    assert gaps(lab) == [0.25, 0.5, 1, 1]
    assert refused(lab, ll.SdkClient("legacy", backoff=ll.Backoff("none"))) == 5
    assert gaps(lab)[4:] == [0, 0, 0, 0]


# ---- timeouts


def test_it_tries_again_after_its_own_timeout_and_every_try_runs_to_its_end() -> None:
    lab = ll.Lab(seed=7, quotas={"environment_setup": 0})
    lab.create_function("slow", duration=40, timeout=60, init=0)
    client = ll.SdkClient(read_timeout=10, backoff=ll.Backoff("exponential", base=1))
    with pytest.raises(ll.ReadTimeoutError, match="within 10 s in 3 tries") as error:
        lab.invoke("slow", caller=client)
    assert error.value.tries == 3
    assert lab.elapsed == 10 + 1 + 10 + 2 + 10
    lab.run()
    rows = lab.trace.requests
    assert rows["gave_up"].tolist() == [False, False, True]
    assert rows["status_code"].tolist() == [0, 0, 0]
    assert rows["front_status_code"].tolist() == [200, 200, 200]
    at = (rows["front_answered_at"] - lab.trace.start).dt.total_seconds()
    assert at.tolist() == [40, 51, 63]
    assert lab.trace.attempts["billed_ms"].tolist() == [40_000] * 3
    assert lab.trace.retries["cause"].tolist() == ["client_timeout"] * 2


def test_its_patience_is_sixty_seconds_unless_the_rules_say_otherwise() -> None:
    for quotas, seconds in (({}, 60), ({"sdk_read_timeout": 5}, 5)):
        lab = ll.Lab(seed=7, quotas=quotas)
        lab.create_function("slow", duration=300, timeout=900)
        with pytest.raises(ll.ReadTimeoutError):
            lab.invoke("slow", caller=ll.SdkClient(max_attempts=1))
        assert lab.elapsed == seconds


# ---- the quota


def test_the_quota_ends_retries_in_an_outage_and_successes_bring_them_back() -> None:
    lab = broken(quotas={"sdk_retry_quota": 12})
    client = ll.SdkClient()
    assert [refused(lab, client) for _ in range(3)] == [3, 1, 1], "5 and 5 of 12 tokens"
    for _ in range(3):
        lab.invoke("fine", caller=client)
    assert refused(lab, client) == 2, "2 + 3 tokens are one retry's"
    assert refused(lab, ll.SdkClient()) == 3, "another client has a quota of its own"
    assert refused(lab, ll.SdkClient("legacy")) == 5, "legacy mode has none"
    assert [refused(lab, client), refused(lab, ll.SdkClient(max_attempts=9))] == [1, 3]


def test_a_timeout_costs_twice_and_a_success_pays_back_its_own_retry() -> None:
    lab = ll.Lab(seed=7, quotas={"sdk_retry_quota": 19})
    lab.create_function("slow", duration=lambda event: event["takes"], timeout=900)
    client = ll.SdkClient(read_timeout=2)
    with pytest.raises(ll.ReadTimeoutError, match="in 2 tries"):
        lab.invoke("slow", {"takes": 30}, caller=client)
    lab.run()

    lab = broken(probability=0.5, quotas={"sdk_retry_quota": 10})
    client = ll.SdkClient(max_attempts=2)
    outcomes = []
    for _ in range(60):
        try:
            outcomes.append(lab.invoke("bill", caller=client).tries)
        except ll.ServiceError:
            outcomes.append(0)
    assert outcomes.count(2) > 3, "a retry that works costs nothing in the end"


def test_what_goes_into_the_quota_and_out_of_it() -> None:
    quota = Quota(ll.Rules.as_of())
    assert [quota.cost(status) for status in (429, 503, 0)] == [5, 5, 10]
    assert quota.take(10)
    assert quota.take(5)
    quota.give_back(5)
    assert quota.left == 490, "what the last retry cost, not what all of them did"
    quota.give_back(0)
    assert quota.left == 491, "one for a call that needed no retry"
    quota.give_back(10)
    assert quota.left == 500, "never more than at first"


def test_the_quota_is_full_again_in_a_new_run() -> None:
    lab = broken(quotas={"sdk_retry_quota": 10})
    client = ll.SdkClient()
    assert [refused(lab, client), refused(lab, client)] == [3, 1]
    lab.reset()
    lab.faults.service_error("bill", probability=1.0)
    assert refused(lab, client) == 3


# ---- the rate


def test_adaptive_mode_slows_down_after_throttles_and_standard_does_not() -> None:
    sent = {}
    for mode in ("standard", "adaptive"):
        lab = ll.Lab(seed=7, quotas={"environment_setup": 0})
        lab.create_function("bill", duration=1, init=0, reserved_concurrency=1)
        lab.drive("bill", ll.Every(0.05), duration=30, caller=ll.SdkClient(mode))
        lab.run(until=30)
        rows = lab.trace.requests
        sent[mode] = (rows["status_code"] == 429).sum() / len(rows)
        assert (rows["status_code"] == 200).sum() > 10
        lab.run()
    assert sent["adaptive"] < 0.75 < 0.9 < sent["standard"]


def test_adaptive_mode_limits_nothing_before_the_first_throttle() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=0.1)
    lab.drive("bill", ll.Burst(50), caller=ll.SdkClient("adaptive"))
    lab.run()
    assert lab.trace.requests["sent_at"].nunique() == 1


def test_after_a_throttle_it_sends_one_try_every_two_seconds_at_least() -> None:
    lab = broken("throttle")
    lab.drive("bill", ll.Burst(10), caller=ll.SdkClient("adaptive", max_attempts=2))
    lab.run()
    rows = lab.trace.requests
    assert rows["tries"].value_counts().to_dict() == {1: 10, 2: 10}
    assert rows["sent_at"].is_monotonic_increasing
    again = rows[rows["tries"] == 2]["sent_at"].diff().dt.total_seconds().dropna()
    assert (again <= 2.000_01).all()
    assert (again > 0.5).all()


# ---- what is refused


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"retry_mode": "eager"}, "one of legacy, standard, adaptive"),
        ({"max_attempts": 0}, "1 or more"),
        ({"max_attempts": True}, "1 or more"),
        ({"backoff": "full"}, "Backoff"),
        ({"read_timeout": 0}, "more than 0"),
        ({"name": 7}, "a text"),
    ],
)
def test_what_is_no_client_is_refused_when_made(settings: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidSetting, match=told):
        ll.SdkClient(**settings)  # type: ignore[arg-type]
