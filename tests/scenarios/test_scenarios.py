"""Scenarios: checked settings, the rule each shows, and the lines that make the same trace."""

from __future__ import annotations

import dataclasses
import warnings

import pytest

import lambdalab as ll
from lambdalab.errors import InvalidSetting
from lambdalab.rules import Rules
from lambdalab.scenarios import Backoff, Batching, SyncVsAsync

RULES = Rules.as_of()

SETTINGS = [
    SyncVsAsync(),
    SyncVsAsync(duration=5.0, timeout=2, init=1.5),
    SyncVsAsync(failing=True, payload_bytes=5000),
    SyncVsAsync(payload_bytes=300 * 1024),
    SyncVsAsync(payload_bytes=7 * 1024 * 1024),
    Backoff(),
    Backoff(maximum_event_age=90, dead_letter_queue=False),
    Backoff(failing_for=100.0, maximum_retry_attempts=1),
    Backoff(kind="throttle"),
    Backoff(kind="throttle", failing_for=300.0),
    Backoff(kind="throttle", failing_for=1199.0),
    Batching(),
    Batching(window=0, duration=3.0),
    Batching(rate=20.0, batch_size=100, window=2, record_size=5000, seconds=5.0),
]


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
def test_the_code_makes_the_same_trace(settings, capsys) -> None:
    space: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a duration above the timeout
        exec(settings.code(seed=3), space)
    assert space["trace"].digest() == settings.run(seed=3).digest()
    assert space["trace"].digest() != settings.run(seed=4).digest()


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
def test_the_books_balance_and_nothing_is_in_flight(settings) -> None:
    trace = settings.run()
    trace.audit()
    assert "in_flight" not in set(trace.invocations["status"])


@pytest.mark.parametrize("make", [SyncVsAsync, Backoff, Batching])
def test_settings_are_frozen_and_the_function_is_the_class(make) -> None:
    settings = make()
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(settings, dataclasses.fields(settings)[0].name, 1)
    by_name = {SyncVsAsync: "sync_vs_async", Backoff: "backoff", Batching: "batching"}[make]
    assert getattr(ll.scenarios, by_name)(seed=5).digest() == settings.run(seed=5).digest()


@pytest.mark.parametrize(
    ("make", "wrong", "named"),
    [
        (SyncVsAsync, {"duration": -1}, "duration"),
        (SyncVsAsync, {"duration": float("nan")}, "duration"),
        (SyncVsAsync, {"timeout": 0}, "timeout"),
        (SyncVsAsync, {"timeout": 2.5}, "timeout"),
        (SyncVsAsync, {"init": 11}, "init"),
        (SyncVsAsync, {"payload_bytes": 3}, "payload_bytes"),
        (SyncVsAsync, {"failing": 1}, "failing"),
        (Backoff, {"kind": "bored"}, "kind"),
        (Backoff, {"maximum_retry_attempts": 3}, "maximum_retry_attempts"),
        (Backoff, {"maximum_event_age": 59}, "maximum_event_age"),
        (Backoff, {"failing_for": 0}, "failing_for"),
        (Backoff, {"dead_letter_queue": "failed"}, "dead_letter_queue"),
        (Batching, {"rate": 0}, "rate"),
        (Batching, {"record_size": 300_000}, "record_size"),
        (Batching, {"batch_size": 0}, "batch_size"),
        (Batching, {"batch_size": 11, "window": 0}, "batch_size"),
        (Batching, {"window": 301}, "window"),
        (Batching, {"seconds": 0.5}, "seconds"),
        (Batching, {"rate": 1000, "seconds": 86_400}, "seconds"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_happens(make, wrong, named) -> None:
    with pytest.raises(InvalidSetting, match=f"^{named}="):
        make(**wrong)


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


def test_backoff_after_errors() -> None:
    trace = Backoff().run()
    assert len(trace.attempts) == 3
    first, second = (trace.retries["waited_ms"] / 1000).tolist()
    assert 60 <= first <= 75
    assert 120 <= second <= 140
    letters = trace.queue_events[trace.queue_events["queue"] == "failed"]
    assert letters["action"].tolist() == ["sent"]


def test_backoff_after_throttles_uses_up_no_retry() -> None:
    trace = Backoff(kind="throttle", maximum_retry_attempts=0).run()
    event = trace.invocations[trace.invocations["invocation_type"] == "Event"].iloc[0]
    assert (event["status"], event["attempts"]) == ("expired", 0)
    throttles = (trace.queue_events["action"] == "throttled").sum()
    assert 76 <= throttles <= 80
    # all that time the other callers are served, each in the only environment
    others = trace.invocations[trace.invocations["invocation_type"] == "RequestResponse"]
    assert set(others["status"]) == {"succeeded"}
    assert trace.attempts["environment_id"].nunique() == 1


@pytest.mark.parametrize("seconds", [7.0, 300.0, 599.0, 600.0, 1199.0, 5000.5])
def test_the_environment_is_busy_for_as_long_as_was_asked(seconds) -> None:
    trace = Backoff(kind="throttle", failing_for=seconds).run()
    event = trace.invocations[trace.invocations["invocation_type"] == "Event"].iloc[0]
    assert event["status"] == "succeeded"
    own = trace.attempts["request_id"] == event["request_id"]
    ended = trace.attempts.loc[~own, "ended_at"].max()
    assert (ended - event["requested_at"]).total_seconds() == pytest.approx(seconds, abs=1e-4)
    throttled = trace.queue_events[trace.queue_events["action"] == "throttled"]
    assert throttled["at"].max() < ended <= trace.attempts.loc[own, "started_at"].min()


def test_a_mended_function_is_new_code() -> None:
    trace = Backoff(failing_for=100.0).run()
    assert trace.attempts["outcome"].tolist() == ["error", "error", "success"]
    assert trace.attempts["cold_start"].tolist() == [True, False, True]


def test_batching_by_window_size_and_payload() -> None:
    assert set(Batching(window=0).run().batches["cause"]) == {"no_window"}
    slow = Batching(rate=0.5, window=5, seconds=60).run()
    assert set(slow.batches["cause"]) == {"batching_window"}
    fast = Batching(rate=40, window=20, seconds=10).run()
    assert fast.batches["cause"].value_counts().idxmax() == "batch_size"
    heavy = Batching(rate=35, record_size=100 * 1024, batch_size=10_000, window=20, seconds=4).run()
    full = heavy.batches[heavy.batches["cause"] == "payload_size"]
    assert full["records"].tolist() == [61, 61]
    assert (full["size_bytes"] <= RULES.mapping_payload).all()
    bodies = heavy.queue_events[heavy.queue_events["action"] == "sent"]
    assert heavy.batches["records"].sum() == len(bodies)
