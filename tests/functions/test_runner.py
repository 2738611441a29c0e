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
