"""One attempt: environment, init, handler, settlement; the spans add up to what the caller saw."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll

SPANS = ["network", "queued", "waiting", "setup", "init", "handler", "overhead"]
FEWER = settings(max_examples=settings().max_examples // 4)


@FEWER
@given(
    duration=st.floats(0, 5),
    init=st.floats(0, 3),
    latency=st.floats(0, 0.2),
    overhead=st.floats(0, 0.1),
    kind=st.sampled_from(["RequestResponse", "Event"]),
)
def test_the_spans_of_an_invocation_add_up_to_its_latency(
    duration: float, init: float, latency: float, overhead: float, kind: str
) -> None:
    lab = ll.Lab(quotas={"network_latency": latency, "invoke_overhead": overhead})
    lab.create_function("f", duration=lambda event: duration, init=init, failure_rate=0.5)
    for _ in range(3):
        lab.invoke("f", invocation_type=kind)
    lab.run()
    lab.audit()
    invocations = lab.trace.invocations
    total = sum(invocations[f"{span}_ms"] for span in SPANS)
    assert total.tolist() == pytest.approx(invocations["latency_ms"].tolist(), abs=1e-6)
    if kind == "RequestResponse":
        there_and_back = 2 * (round(latency * 1e6) // 2) / 1000
        assert invocations["network_ms"].tolist() == [there_and_back] * 3


def test_a_run_that_takes_its_timeout_times_out(lab: ll.Lab) -> None:
    """A microsecond less does not."""
    lab.create_function("f", duration=lambda event: event)
    assert lab.invoke("f", 2.999999).function_error is None
    assert lab.invoke("f", 3).payload["errorType"] == "Sandbox.Timedout"
    assert lab.trace.attempts["duration_ms"].tolist() == [2999.999, 3000]


def test_after_a_timeout_the_init_runs_again_inside_the_next_call(lab: ll.Lab) -> None:
    """A suppressed init: no cold start, but its time is the function's, and billed."""
    lab.create_function("f", duration=lambda event: event, init=0.5)
    lab.invoke("f", 10)
    reply = lab.invoke("f", 1)
    assert not reply.cold
    attempts = lab.trace.attempts
    assert attempts["environment_id"].nunique() == 1
    assert attempts["cold_start"].tolist() == [True, False]
    assert attempts["duration_ms"].tolist() == [3000, 1500]
    assert attempts["billed_ms"].tolist() == [3000, 1500]
    assert attempts["init_ms"].tolist() == [500, 0]
    lab.invoke("f", 1)
    assert lab.trace.attempts["duration_ms"].iloc[-1] == 1000, "and then never again"


def test_an_ordinary_error_leaves_the_runtime_as_it_is(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, init=0.5, failure_rate=1)
    for _ in range(2):
        lab.invoke("f")
    assert lab.trace.attempts["duration_ms"].tolist() == [1000, 1000]


def test_memory_used_is_measured_and_never_more_than_there_is(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1)
    lab.invoke("f")
    (attempt,) = lab.trace.attempts.itertuples()
    assert attempt.max_memory_mb == lab.rules.max_memory_used["python3.13"] <= attempt.memory_mb


def test_network_and_overhead_are_the_callers_not_the_functions() -> None:
    lab = ll.Lab(quotas={"network_latency": 0.1, "invoke_overhead": 0.02})
    lab.create_function("f", duration=1, init=0)
    lab.invoke("f")
    reply = lab.invoke("f")
    assert reply.latency_ms == 1120
    warm = lab.trace.invocations.iloc[1]
    assert (warm["network_ms"], warm["overhead_ms"], warm["handler_ms"]) == (100, 20, 1000)
    assert lab.trace.requests["latency_ms"].iloc[1] == 1120
    assert lab.trace.attempts["billed_ms"].iloc[1] == 1000


def test_code_and_model_of_the_same_function_give_the_same_times() -> None:
    """A handler that sleeps and a model of as long leave the same books but for chance and logs."""

    def books(lab: ll.Lab) -> Any:
        lab.drive("f", ll.Burst(3))
        lab.drive("f", ll.Every(0.7, first=5), count=5)
        lab.run()
        return lab.trace.attempts[["started_at", "ended_at", "init_ms", "cold_start", "billed_ms"]]

    modelled, real = ll.Lab(seed=1), ll.Lab(seed=1)
    modelled.create_function("f", duration=1.25)
    real.function(lambda event, context: time.sleep(1.25), name="f")  # type: ignore[call-overload]
    assert books(modelled).equals(books(real))


# ---------------------------------------------------------------------- an init that is too slow


def last_attempt(lab: ll.Lab) -> Any:
    return lab.trace.attempts.iloc[-1]


def test_an_init_of_ten_seconds_is_in_time(lab: ll.Lab) -> None:
    """It does not count against the function's timeout of 3 s; a microsecond more is too slow."""
    lab.create_function("f", duration=1, init=lambda _: 10, timeout=3)
    assert lab.invoke("f").function_error is None
    assert (last_attempt(lab)["init_status"], last_attempt(lab)["init_ms"]) == ("success", 10_000)
    lab.create_function("g", duration=1, init=10.000001, timeout=3)
    assert lab.invoke("g").payload["errorType"] == "Sandbox.Timedout"
    attempt = last_attempt(lab)
    assert (attempt["init_status"], attempt["invoke_init_status"]) == ("timeout", "timeout")
    assert (attempt["init_ms"], attempt["duration_ms"], attempt["billed_ms"]) == (
        10_000,
        3000,
        3000,
    )


@pytest.mark.parametrize("rules", ["2025-01-07", "2025-08-01"])
def test_its_second_try_is_inside_the_invoke(rules: str) -> None:
    """The first ten seconds are the caller's wait, and in no bill; the second try is Duration."""
    lab = ll.Lab(seed=1, rules=rules)
    lab.create_function("f", duration=1, init=12, timeout=30)
    reply = lab.invoke("f")
    assert (reply.cold, reply.function_error) == (True, None)
    assert reply.latency_ms == 1000 * (lab.rules.environment_setup + 10 + 12 + 1)
    attempt = last_attempt(lab)
    assert (attempt["init_status"], attempt["invoke_init_status"]) == ("timeout", "success")
    assert (attempt["init_ms"], attempt["duration_ms"], attempt["billed_ms"]) == (
        10_000, 13_000, 13_000,
    )  # fmt: skip
    report = lab.trace.logs["message"].iloc[-1]
    assert report.startswith("REPORT")
    assert "Init Duration" not in report
    assert lab.invoke("f").latency_ms == 1000, "and then it is warm"
    environment = lab.trace.environments.iloc[0]
    assert (environment["invocations"], environment["ended_because"]) == (2, "")


def test_too_slow_again_and_again(lab: ll.Lab) -> None:
    """After it the environment is not ready: each call begins with the init, and no call is cold."""
    lab.create_function("f", duration=1, init=12, timeout=3)
    for _ in range(3):
        assert lab.invoke("f").payload["errorMessage"].endswith("timed out after 3.00 seconds")
    attempts = lab.trace.attempts
    assert attempts["environment_id"].nunique() == 1
    assert attempts["cold_start"].tolist() == [True, False, False]
    assert attempts["init_status"].tolist() == ["timeout", "", ""]
    assert attempts["invoke_init_status"].tolist() == ["timeout"] * 3
    assert attempts["duration_ms"].tolist() == attempts["billed_ms"].tolist() == [3000] * 3


SLOW = """
import time
time.sleep({sleep})

def lambda_handler(event, context):
    return "here"
"""


def test_a_module_that_takes_too_long() -> None:
    """Real code: stopped after ten seconds, then run again inside the invoke, and heard there."""
    lab = ll.Lab(seed=1)
    lab.create_function("f", SLOW.format(sleep=10), timeout=60)
    reply = lab.invoke("f")
    assert (reply.payload, reply.function_error) == ("here", None)
    attempt = last_attempt(lab)
    assert (attempt["init_status"], attempt["invoke_init_status"]) == ("timeout", "success")
    assert attempt["init_ms"] == 10_000
    assert 10_000 < attempt["duration_ms"] < 10_500
    assert attempt["billed_ms"] == -(-attempt["duration_ms"] // 1)
    assert lab.invoke("f").latency_ms == 0
    lab.create_function("g", SLOW.format(sleep=10), timeout=3)
    assert lab.invoke("g").payload["errorType"] == "Sandbox.Timedout"
    attempt = last_attempt(lab)
    assert (attempt["invoke_init_status"], attempt["billed_ms"]) == ("timeout", 3000)


FLAKY = """
with open("/tmp/tried", "a+") as file:
    file.write("x")
    tries = file.tell() - 1
if tries < {failures}:
    raise KeyError("not yet")

def lambda_handler(event, context):
    return tries
"""


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_an_init_that_fails_is_repeated_in_the_invoke(failures: int) -> None:
    """Once in each invoke; the caller hears of the second, the environment and its /tmp stay."""
    lab = ll.Lab(seed=1)
    lab.create_function("f", FLAKY.format(failures=failures))
    replies = [lab.invoke("f") for _ in range(failures)]
    errors = [reply.function_error for reply in replies]
    assert errors == ["Unhandled"] * (failures - 1) + [None]
    assert replies[-1].payload == failures
    attempts = lab.trace.attempts
    assert attempts["init_status"].tolist() == ["error"] + [""] * (failures - 1)
    assert attempts["invoke_init_status"].tolist() == ["error"] * (failures - 1) + ["success"]
    assert attempts["outcome"].tolist() == ["init_error"] * (failures - 1) + ["success"]
    assert attempts["environment_id"].nunique() == 1


def test_init_statuses_of_ordinary_calls(lab: ll.Lab) -> None:
    lab.create_function("f", duration=lambda event: event, timeout=3)
    for seconds in (1, 1, 9, 1, 1):
        lab.invoke("f", seconds)
    attempts = lab.trace.attempts
    assert attempts["init_status"].tolist() == ["success", "", "", "", ""]
    assert attempts["invoke_init_status"].tolist() == ["", "", "", "success", ""]


@FEWER
@given(
    init=st.floats(0, 25),
    duration=st.floats(0, 4),
    timeout=st.integers(1, 40),
    calls=st.integers(1, 4),
    rules=st.sampled_from(["2025-01-07", "latest"]),
)
def test_spans_and_bills_whatever_the_init(
    init: float, duration: float, timeout: int, calls: int, rules: str
) -> None:
    """The audit adds up the spans; here the bill: no failed init is in it, every run is."""
    lab = ll.Lab(seed=1, rules=rules)
    lab.create_function("f", duration=lambda event: duration, init=init, timeout=timeout)
    for _ in range(calls):
        lab.invoke("f")
    lab.audit()
    for attempt in lab.trace.attempts.itertuples():
        worked = lab.rules.init_billed and attempt.init_status == "success"
        billed_us = round(attempt.duration_ms * 1000) + worked * round(attempt.init_ms * 1000)
        assert attempt.billed_ms == max(-(-billed_us // 1000), 1)
        assert attempt.init_ms <= 10_000
        assert attempt.duration_ms <= timeout * 1000
        assert (attempt.init_status != "") == attempt.cold_start
