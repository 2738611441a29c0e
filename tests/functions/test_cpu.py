"""CPU follows memory: what work takes, threads that share it, and CPU time that is measured."""

from __future__ import annotations

import threading
import time
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidSetting


def spent(lab: ll.Lab, row: int = -1) -> float:
    """The duration of an attempt in seconds."""
    return float(lab.trace.attempts.duration_ms.iloc[row]) / 1000


@pytest.mark.parametrize(
    ("memory", "threads", "seconds"),
    [
        (128, 1, 13.820313),
        (512, 1, 3.455079),
        (1_769, 1, 1.0),
        (10_240, 1, 1.0),
        (128, 4, 13.820313),
        (1_769, 8, 1.0),
        (3_538, 2, 0.5),
        (10_240, 6, 0.172754),
        (10_240, 2, 0.5),
    ],
)
def test_one_vcpu_second_takes_what_the_share_says(
    lab: ll.Lab, memory: int, threads: int, seconds: float
) -> None:
    lab.create_function(
        "f", lambda event, context: ll.compute(1, threads), memory_size=memory, timeout=900
    )
    lab.invoke("f")
    assert spent(lab) == pytest.approx(seconds, abs=1e-9)


@settings(max_examples=30)
@given(
    work=st.integers(1, 10_000_000),
    memory=st.integers(128, 10_240),
    threads=st.integers(1, 12),
)
def test_the_duration_is_the_exact_quotient_rounded_up(
    work: int, memory: int, threads: int
) -> None:
    lab = ll.Lab()
    lab.create_function(
        "f", lambda event, context: ll.compute(work / 1e6, threads), memory_size=memory, timeout=900
    )
    lab.invoke("f")
    exact = work / min(Fraction(memory, 1_769), Fraction(threads))
    assert round(spent(lab) * 1e6) == -(-exact.numerator // exact.denominator)


def test_threads_of_one_handler_share_its_vcpus(lab: ll.Lab) -> None:
    """At one vCPU: two works of 1 s that begin together end after 2 s; one alone goes on faster."""
    seen: dict[str, float] = {}

    @lab.function(memory_size=1_769, timeout=60)
    def share(event: Any, context: Any) -> None:
        begun = time.monotonic()

        def work(name: str, seconds: float) -> None:
            ll.compute(seconds)
            seen[name] = round(time.monotonic() - begun, 6)

        threads = [threading.Thread(target=work, args=pair) for pair in (("a", 1), ("b", 3))]
        for thread in threads:
            thread.start()
        time.sleep(5)
        work("alone", 1)
        for thread in threads:
            thread.join()

    assert lab.invoke(share).function_error is None
    assert seen == {"a": 2.0, "b": 4.0, "alone": 6.0}


def test_a_late_comer_slows_the_others(lab: ll.Lab) -> None:
    """1 s on one vCPU; after half of it another comes with as much: both ends are exact."""
    seen: list[float] = []

    @lab.function(memory_size=1_769, timeout=60)
    def share(event: Any, context: Any) -> None:
        def late() -> None:
            time.sleep(0.5)
            ll.compute(1)
            seen.append(time.monotonic())

        begun = time.monotonic()
        thread = threading.Thread(target=late)
        thread.start()
        ll.compute(1)
        seen.append(time.monotonic())
        thread.join()
        seen[:] = [round(moment - begun, 6) for moment in seen]

    lab.invoke(share)
    assert seen == [1.5, 2.0]


@settings(max_examples=30)
@given(
    works=st.lists(st.integers(1, 5_000_000), min_size=1, max_size=6), memory=st.integers(128, 6000)
)
def test_what_threads_compute_together_takes_as_long_as_the_vcpus_allow(
    works: list[int], memory: int
) -> None:
    """Work is conserved: at or below one vCPU the last end is the sum of all over the share."""
    lab = ll.Lab()

    def handler(event: Any, context: Any) -> None:
        threads = [threading.Thread(target=ll.compute, args=(work / 1e6,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    lab.create_function("f", handler, memory_size=memory, timeout=900)
    lab.invoke("f")
    share = Fraction(memory, 1_769)
    took = round(spent(lab) * 1e6)
    if share <= 1:
        exact = sum(works) / share
        assert took - len(works) <= exact <= took
    assert took >= max(max(works) / min(share, 1), sum(works) / share) - 1


def test_a_thread_left_behind_computes_on_with_the_next_invocation(lab: ll.Lab) -> None:
    ended: list[float] = []

    @lab.function(memory_size=1_769, timeout=60)
    def leave(event: Any, context: Any) -> None:
        if event["first"]:

            def work() -> None:
                ll.compute(1)
                ended.append(time.time())

            threading.Thread(target=work).start()
        time.sleep(0.75)

    lab.invoke(leave, {"first": True})
    lab.advance(100)
    lab.invoke(leave, {"first": False})
    begun = lab.trace.attempts.started_at.iloc[1].timestamp()
    assert ended == [pytest.approx(begun + 0.25)]


def test_an_init_has_two_vcpus_however_little_the_memory(lab: ll.Lab) -> None:
    code = """
import lambdalab as ll
ll.compute(1, threads=2)
def lambda_handler(event, context):
    ll.compute(0.01)
"""
    lab.create_function("f", code, init=0.1, timeout=10)
    lab.invoke("f")
    (attempt,) = lab.trace.attempts.itertuples()
    assert attempt.init_ms == 600
    assert attempt.duration_ms == pytest.approx(138.204)


def test_a_timeout_in_the_middle_is_as_in_a_sleep(lab: ll.Lab) -> None:
    ran: list[str] = []

    @lab.function(timeout=3)
    def slow(event: Any, context: Any) -> None:
        try:
            ll.compute(event)
        finally:
            ran.append("finally")
            with pytest.raises(BaseException, match="deadline"):
                ll.compute(1)

    assert lab.invoke(slow, 1).payload["errorType"] == "Sandbox.Timedout"
    assert spent(lab) == 3.0
    assert ran == ["finally"]


def test_work_that_ends_at_the_deadline_is_done(lab: ll.Lab) -> None:
    lab.create_function("f", lambda event, context: ll.compute(3), memory_size=1_769, timeout=3)
    assert lab.invoke("f").function_error is None
    assert spent(lab) == 3.0


def test_an_environment_is_not_slowed_by_another(lab: ll.Lab) -> None:
    lab.create_function("f", lambda event, context: ll.compute(1), memory_size=1_769)
    lab.drive("f", ll.Burst(5))
    lab.run()
    assert set(lab.trace.attempts.duration_ms) == {1000.0}


def test_outside_a_handler_it_returns_at_once() -> None:
    begun = time.monotonic()
    ll.compute(1e9)
    ll.compute(0)
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("work", [-1, "1", None, True, float("nan"), float("inf")])
def test_work_is_a_number_of_seconds(work: Any) -> None:
    with pytest.raises(InvalidSetting, match="vcpu_seconds"):
        ll.compute(work)


@pytest.mark.parametrize("threads", [0, 1.5, True, "2"])
def test_threads_are_whole(threads: Any) -> None:
    with pytest.raises(InvalidSetting, match="threads"):
        ll.compute(1, threads)


# ---------------------------------------------------------------------- cpu="measured"


def burn(seconds: float) -> None:
    """Use so much CPU time for real."""
    begun = time.thread_time()
    while time.thread_time() - begun < seconds:
        pass


def test_measured_cpu_time_costs_virtual_time_by_the_share(lab: ll.Lab) -> None:
    for name, memory in (("whole", 1_769), ("eighth", 221)):
        lab.create_function(
            name, lambda event, context: burn(0.02), memory_size=memory, cpu="measured", timeout=60
        )
        lab.invoke(name)
    assert 0.02 <= spent(lab, 0) < 0.2
    assert 0.16 <= spent(lab, 1) < 1.6


def test_it_is_spent_where_the_handler_next_blocks(lab: ll.Lab) -> None:
    @lab.function(cpu="measured", memory_size=1_769, timeout=60)
    def work(event: Any, context: Any) -> list[float]:
        moments = [time.time()]
        burn(0.02)
        moments.append(time.time())
        time.sleep(1)
        moments.append(time.time())
        lock = threading.Lock()
        lock.acquire()
        burn(0.02)
        lock.acquire(timeout=0.001)
        moments.append(time.time())
        return [later - moments[0] for later in moments]

    _, still, slept, waited = lab.invoke(work).payload
    assert still == 0
    assert 1.02 <= slept < 1.2
    assert waited - slept >= 0.02


def test_nested_calls_are_made_after_what_was_used_before_them(lab: ll.Lab) -> None:
    lab.create_function("inner", duration=1)

    @lab.function(cpu="measured", memory_size=1_769, timeout=60)
    def outer(event: Any, context: Any) -> None:
        burn(0.03)
        lab.invoke("inner")

    lab.invoke(outer)
    calls = lab.trace.attempts.set_index("request_id")
    outer_at, inner_at = calls.started_at
    setup = calls.setup_ms.iloc[0] + calls.init_ms.iloc[0]
    assert (inner_at - outer_at).total_seconds() * 1000 - setup >= 30


def test_a_measured_handler_times_out(lab: ll.Lab) -> None:
    lab.create_function(
        "f", lambda event, context: burn(0.1), memory_size=128, cpu="measured", timeout=1
    )
    assert lab.invoke("f").payload["errorType"] == "Sandbox.Timedout"
    assert spent(lab) == 1.0


def test_an_error_costs_what_led_to_it(lab: ll.Lab) -> None:
    @lab.function(cpu="measured", memory_size=1_769)
    def fail(event: Any, context: Any) -> None:
        burn(0.02)
        raise KeyError("x")

    assert lab.invoke(fail).payload["errorType"] == "KeyError"
    assert spent(lab) >= 0.02


def test_unmeasured_work_costs_nothing(lab: ll.Lab) -> None:
    lab.create_function("f", lambda event, context: burn(0.02))
    lab.invoke("f")
    assert spent(lab) == 0


@pytest.mark.parametrize("wrong", ["yes", True, 1])
def test_the_setting_knows_one_word(lab: ll.Lab, wrong: Any) -> None:
    with pytest.raises(InvalidSetting, match="cpu"):
        lab.create_function("f", lambda event, context: None, cpu=wrong)


def test_a_model_has_no_cpu_to_measure(lab: ll.Lab) -> None:
    with pytest.raises(InvalidSetting, match="cpu"):
        lab.create_function("f", duration=1, cpu="measured")
