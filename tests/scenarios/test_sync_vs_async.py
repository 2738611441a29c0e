"""Sync and async: who waits, for what, and what runs when nobody waits any more."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdalab.errors import InvalidSetting
from lambdalab.rules import Rules
from lambdalab.scenarios import SyncVsAsync

RULES = Rules.as_of()


def runs(trace) -> int:
    """How often the function ran for the synchronous call, and its repetitions."""
    called = trace.invocations.query("invocation_type == 'RequestResponse'")["request_id"]
    return int(trace.attempts["request_id"].isin(called).sum())


def test_sync_vs_async_both_start_cold_at_zero() -> None:
    trace = SyncVsAsync(duration=2.0).run()
    assert trace.attempts["cold_start"].all()
    assert trace.invocations["requested_at"].nunique() == 1
    assert trace.requests["status_code"].tolist() == [202, 200]
    assert trace.requests["latency_ms"].iloc[0] == 0
    assert trace.requests["latency_ms"].iloc[1] > 2000


def test_the_payload_has_the_size_asked_for() -> None:
    trace = SyncVsAsync(payload_bytes=4321).run()
    assert trace.invocations["payload_bytes"].tolist() == [4321, 4321]


@pytest.mark.parametrize(
    ("size", "codes"),
    [
        (RULES.asynchronous_payload, [202, 200]),
        (RULES.asynchronous_payload + 1, [413, 200]),
        (RULES.synchronous_payload, [413, 200]),
        (RULES.synchronous_payload + 1, [413, 413]),
    ],
)
def test_payload_limits_to_the_byte(size, codes) -> None:
    assert SyncVsAsync(payload_bytes=size).run().invocations["status_code"].tolist() == codes


def test_behind_an_api_the_caller_gets_504_and_the_function_runs_on() -> None:
    trace = SyncVsAsync(duration=35.0, timeout=60, api=True).run()
    event, call = (row for _, row in trace.requests.iterrows())
    assert (event["front"], event["status_code"], event["latency_ms"]) == (
        "shop POST /events",
        202,
        0,
    )
    assert (call["cause"], call["status_code"]) == ("integration_timeout", 504)
    assert call["latency_ms"] == 29_000
    assert set(trace.attempts["outcome"]) == {"success"}
    assert trace.attempts["billed_ms"].tolist() == [35_000, 35_000]


def test_a_client_without_patience_makes_one_order_into_three_runs() -> None:
    trace = SyncVsAsync(duration=5.0, timeout=10, client_timeout=3.0, client_tries=3).run()
    tries = trace.requests[trace.requests["call"] == trace.requests["call"].iloc[-1]]
    assert tries["tries"].tolist() == [1, 2, 3]
    assert set(tries["cause"]) == {"client_timeout"}
    assert tries["gave_up"].tolist() == [False, False, True]
    assert runs(trace) == 3
    assert trace.attempts["billed_ms"].sum() == 4 * 5_000


def test_an_error_in_a_200_is_an_answer_that_nobody_sends_again() -> None:
    direct = SyncVsAsync(failing=True, client_tries=3, sent="RequestResponse").run()
    assert direct.requests["status_code"].tolist() == [200]
    assert runs(direct) == 1
    behind = SyncVsAsync(failing=True, client_tries=3, sent="RequestResponse", api=True).run()
    assert behind.requests["status_code"].tolist() == [502, 502, 502]
    assert runs(behind) == 3


def test_only_one_of_them_is_sent() -> None:
    alone = SyncVsAsync(sent="Event").run()
    assert alone.invocations["invocation_type"].tolist() == ["Event"]
    called = SyncVsAsync(sent="RequestResponse", api=True).run()
    assert called.invocations["invocation_type"].tolist() == ["RequestResponse"]


@settings(max_examples=25, deadline=None)
@given(
    st.builds(
        SyncVsAsync,
        duration=st.floats(0, 60),
        timeout=st.integers(1, 60),
        init=st.none() | st.floats(0, 10),
        payload_bytes=st.sampled_from([13, 5000, 262_144, 262_145, 6_291_556, 6_291_557]),
        failing=st.booleans(),
        api=st.booleans(),
        client_timeout=st.floats(0.1, 60),
        client_tries=st.integers(1, 4),
        sent=st.sampled_from(["both", "RequestResponse", "Event"]),
    ),
    st.integers(0, 9),
)
def test_the_code_makes_the_same_trace_and_the_books_balance(chosen, seed) -> None:
    space: dict[str, object] = {}
    exec(chosen.code(seed), space)
    trace = chosen.run(seed)
    assert space["trace"].digest() == trace.digest()
    trace.audit()
    assert "in_flight" not in set(trace.invocations["status"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"duration": -1}, {"duration": float("nan")}, {"timeout": 0}, {"timeout": 2.5}, {"init": 11},
        {"payload_bytes": 3}, {"failing": 1}, {"api": "shop"}, {"client_timeout": 0},
        {"client_tries": 0}, {"sent": "twice"},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_setting_is_named(wrong) -> None:
    with pytest.raises(InvalidSetting, match=f"^{next(iter(wrong))}="):
        SyncVsAsync(**wrong)
