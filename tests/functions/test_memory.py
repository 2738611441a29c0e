"""Memory: what handlers hold, the most an environment has held, and the end of one that holds too much."""

from __future__ import annotations

import json
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import InvalidSetting


def most(lab: ll.Lab) -> list[int]:
    """The environments' high-water marks, by attempt."""
    return [int(mb) for mb in lab.trace.attempts.max_memory_mb]


def test_max_memory_used_is_the_high_water_mark_of_the_environment(lab: ll.Lab) -> None:
    @lab.function(memory_size=512)
    def hold(event: Any, context: Any) -> None:
        with ll.allocate(event):
            pass

    for mb in (10, 100.5, 50, 0):
        lab.invoke(hold, mb)
    assert most(lab) == [46, 137, 137, 137]
    lab.advance(3600)
    lab.invoke(hold, 1)
    assert most(lab)[-1] == 37, "a new environment has held nothing"


def test_too_much_is_an_exit_by_signal_and_nothing_runs_any_more(lab: ll.Lab) -> None:
    ran: list[str] = []

    @lab.function(memory_size=128)
    def greedy(event: Any, context: Any) -> None:
        try:
            ll.allocate(50)
            kept = [ll.allocate(50) for _ in range(3)]
            ran.append(str(kept))
        except BaseException:
            ran.append("except")
        finally:
            ran.append("finally")

    reply = lab.invoke(greedy)
    assert reply.body.decode() == json.dumps(
        {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: {reply.request_id} Error: Runtime exited with error: "
            "signal: killed",
        },
        separators=(",", ":"),
    )
    assert ran == []
    (attempt,) = lab.trace.attempts.itertuples()
    assert (attempt.outcome, attempt.max_memory_mb) == ("out_of_memory", 128)
    assert lab.trace.invocations.cause[0] == "out_of_memory"
    assert reply.log.rstrip().endswith(
        "Memory Size: 128 MB\tMax Memory Used: 128 MB\tInit Duration: "
        f"{attempt.init_ms:.2f} ms\tStatus: error\tError Type: Runtime.ExitError"
    )


def test_exactly_all_of_it_is_enough(lab: ll.Lab) -> None:
    lab.create_function("f", lambda event, context: bool(ll.allocate(128 - 36)))
    assert lab.invoke("f").payload is True
    assert most(lab) == [128]


def test_what_globals_hold_stays_while_the_environment_is_warm(lab: ll.Lab) -> None:
    code = """
import lambdalab as ll
kept = []
def lambda_handler(event, context):
    kept.append(ll.allocate(20))
    return len(kept)
"""
    lab.create_function("leak", code, timeout=10)
    replies = [lab.invoke("leak") for _ in range(6)]
    assert [reply.payload for reply in replies[:4]] == [1, 2, 3, 4]
    assert replies[4].payload["errorType"] == "Runtime.ExitError"
    assert replies[5].payload == 1, "the crash ended the process and what it held"
    assert most(lab) == [56, 76, 96, 116, 128, 128]


def test_a_timeout_frees_what_was_held(lab: ll.Lab) -> None:
    import time

    kept: list[ll.Allocation] = []

    @lab.function(timeout=1)
    def slow(event: Any, context: Any) -> None:
        kept.append(ll.allocate(60))
        time.sleep(event)

    assert lab.invoke(slow, 5).payload["errorType"] == "Sandbox.Timedout"
    assert lab.invoke(slow, 0).function_error is None, "60 and 36 MB, not 120 and 36"


def test_what_only_a_tracebacks_frames_hold_is_free_again(lab: ll.Lab) -> None:
    """The lab keeps the exception for debuggers; on Lambda it is gone with the response."""

    @lab.function
    def fail(event: Any, context: Any) -> None:
        buffer = ll.allocate(30)
        more = {"a": [ll.allocate(30)]}
        raise ValueError(buffer, more) if event else ValueError

    replies = [lab.invoke(fail) for _ in range(3)]
    assert [reply.payload["errorType"] for reply in replies] == ["ValueError"] * 3
    frames = replies[0].exception
    assert frames is not None
    assert frames.__traceback__ is not None
    lab.invoke(fail, True)
    assert lab.invoke(fail).payload["errorType"] == "Runtime.ExitError", (
        "an exception's own is held"
    )


def test_an_allocation_is_freed_once(lab: ll.Lab) -> None:
    seen: list[str] = []

    @lab.function
    def hold(event: Any, context: Any) -> None:
        first = ll.allocate(60)
        seen.append(repr(first))
        first.free()
        first.free()
        seen.append(repr(first))
        with ll.allocate(60):
            pass
        ll.allocate(60)

    assert lab.invoke(hold).function_error is None
    assert seen == ["<allocation of 60 MB>", "<allocation of 60 MB, not held>"]


def test_memory_used_up_in_the_init(lab: ll.Lab) -> None:
    code = (
        "import lambdalab as ll\nkept = ll.allocate(500)\ndef lambda_handler(event, context): ..."
    )
    lab.create_function("f", code)
    reply = lab.invoke("f")
    assert reply.payload["errorMessage"].endswith("Runtime exited with error: signal: killed")
    (attempt,) = lab.trace.attempts.itertuples()
    assert attempt.outcome == "out_of_memory"
    assert (attempt.init_status, attempt.invoke_init_status) == ("error", "error")
    assert most(lab) == [128]


def test_outside_a_handler_nothing_is_counted() -> None:
    with ll.allocate(1e6) as held:
        assert held.mb == 1e6


@pytest.mark.parametrize("mb", [-1, "1", None, True, float("nan")])
def test_memory_is_a_number_of_mb(mb: Any) -> None:
    with pytest.raises(InvalidSetting, match="mb"):
        ll.allocate(mb)


# ---------------------------------------------------------------------- modelled


def test_a_modelled_function_holds_what_memory_says(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1, memory=lambda event: event["mb"], memory_size=256)
    for mb in (50, 200.2, 10):
        assert lab.invoke("f", {"mb": mb}).function_error is None
    assert most(lab) == [50, 201, 201]
    reply = lab.invoke("f", {"mb": 257})
    assert reply.payload["errorMessage"].endswith("signal: killed")
    (*_, last) = lab.trace.attempts.itertuples()
    assert (last.outcome, last.duration_ms, last.max_memory_mb) == ("out_of_memory", 100.0, 256)


def test_memory_may_be_a_distribution_and_goes_the_long_way(lab: ll.Lab) -> None:
    lab.create_function("f", duration=0.1, memory=ll.LogNormal(p50=60, p99=128), memory_size=128)
    lab.drive("f", ll.Poisson(50), duration=20)
    lab.run()
    outcomes = lab.trace.attempts.outcome.value_counts()
    assert outcomes["success"] > 900
    assert 0 < outcomes["out_of_memory"] < 20


def test_a_timeout_comes_before_the_end_of_memory(lab: ll.Lab) -> None:
    with pytest.warns(UserWarning, match="above memory_size=128"):
        lab.create_function("f", duration=lambda event: 5, memory=500)
    assert lab.invoke("f").payload["errorType"] == "Sandbox.Timedout"


def test_a_memory_callable_that_fails_is_the_functions_error(lab: ll.Lab) -> None:
    lab.create_function("f", duration=1, memory=lambda event: event["none"])
    assert lab.invoke("f", {}).payload["errorType"] == "KeyError"


@pytest.mark.parametrize("wrong", [-1, "64", True])
def test_modelled_memory_is_checked(lab: ll.Lab, wrong: Any) -> None:
    with pytest.raises(InvalidSetting, match="memory"):
        lab.create_function("f", duration=1, memory=wrong)


def test_code_holds_what_it_allocates(lab: ll.Lab) -> None:
    with pytest.raises(InvalidSetting, match="allocate"):
        lab.create_function("f", lambda event, context: 1, memory=64)
