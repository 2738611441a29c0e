from __future__ import annotations

import contextlib
import contextvars
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from greenlet import GreenletExit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdalab.errors import LabError
from lambdalab.kernel import US, shims
from lambdalab.kernel.current import current, running
from lambdalab.kernel.tasks import EXPIRED, Ending, TimedOut


def sleeper(seconds: float) -> Callable[[], float]:
    def handler() -> float:
        time.sleep(seconds)
        return seconds

    return handler


def kinds(endings: list[tuple[float, Ending]]) -> list[tuple[float, str]]:
    return [(at, ending.kind) for at, ending in endings]


def test_a_handler_sleeps_in_virtual_time(world: Any) -> None:
    began = time.monotonic()
    endings = world.run(sleeper(3600), sleeper(1800), timeout=9000)
    assert [(at, ending.value) for at, ending in endings] == [(1800, 1800), (3600, 3600)]
    assert time.monotonic() - began < 5
    assert not running


@given(st.lists(st.integers(1, 50), min_size=1, max_size=12), st.integers(0, 30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_tasks_end_when_their_sleeps_are_over(
    make_world: Any, seconds: list[int], gap: int
) -> None:
    endings = make_world().run(*map(sleeper, seconds), gap=gap)
    expected = sorted((i * gap + length, i) for i, length in enumerate(seconds))
    assert [at for at, _ in endings] == [at for at, _ in expected]


def test_an_exception_keeps_its_traceback(world: Any) -> None:
    def handler() -> None:
        time.sleep(1)
        raise KeyError("stock")

    ((at, ending),) = world.run(handler)
    assert (at, ending.kind, repr(ending.exception)) == (1, "raised", "KeyError('stock')")
    frame = ending.exception.__traceback__.tb_frame
    assert frame.f_code.co_name == "handler"


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, SystemExit, GreenletExit, GeneratorExit, MemoryError]
)
def test_a_handler_may_raise_anything(world: Any, error: type[BaseException]) -> None:
    def handler() -> None:
        time.sleep(1)
        raise error(3)

    ((at, ending),) = world.run(handler)
    assert (at, ending.kind, type(ending.exception)) == (1, "raised", error)
    assert kinds(world.run(sleeper(1)))[1:] == [(2, "returned")]


def test_a_timeout_passes_except_exception(world: Any) -> None:
    seen = []

    def handler() -> str:
        try:
            time.sleep(100)
        except Exception:
            return "swallowed"
        finally:
            seen.append(world.scheduler.now / US)
            try:
                time.sleep(5)
            except TimedOut:
                seen.append("refused")
            time.sleep(5)
            seen.append("never")
        return "slept"

    assert kinds(world.run(handler, timeout=3)) == [(3, "timed_out")]
    assert seen == [3, "refused"]
    assert world.scheduler.now == 3 * US


def test_a_sleep_that_ends_at_the_deadline_is_in_time(world: Any) -> None:
    assert kinds(world.run(sleeper(3), timeout=3)) == [(3, "returned")]
    assert kinds(world.run(sleeper(3.000001), timeout=3))[1:] == [(6, "timed_out")]


def test_a_handler_that_ignores_its_timeout_is_parked_for_good(world: Any) -> None:
    tries = []

    def stubborn() -> None:
        while True:
            try:
                tries.append(time.time())
                time.sleep(1)
            except BaseException:
                pass

    def returns() -> str:
        with contextlib.suppress(BaseException):
            time.sleep(9)
        return "as if nothing had happened"

    endings = world.run(stubborn, returns, sleeper(30), timeout=3)
    assert kinds(endings) == [(3, "timed_out")] * 3
    assert endings[1][1].value is None
    assert len(tries) == 7
    assert kinds(world.run(sleeper(1)))[3:] == [(4, "returned")]
    gc.collect()
    assert len(tries) == 7


def test_a_dead_handlers_wake_up_call_is_cancelled(world: Any) -> None:
    task = []

    def kill() -> None:
        time.sleep(1)
        world.tasks.kill(task[0])
        world.tasks.kill(task[0])
        assert task[0].ending is None  # through the heap

    def victim() -> None:
        task.append(current())
        time.sleep(50)

    assert kinds(world.run(victim, kill)) == [(1, "returned"), (1, "timed_out")]
    assert world.scheduler.now == US


def test_a_task_killed_before_it_began_never_begins(world: Any) -> None:
    seen: list[str] = []

    def starts() -> None:
        task = world.start(lambda: seen.append("ran"))
        world.tasks.kill(task)

    world.run(starts)
    # the kill goes through the heap after the start: both are there, in that order
    assert seen == ["ran"]
    task = world.start(lambda: seen.append("ran again"))
    world.tasks.kill(task)
    world.run()
    assert seen == ["ran"]
    assert [kind for _, kind in kinds(world.endings)][-1] == "timed_out"


def test_blocked_tasks_time_out_too(world: Any) -> None:
    def waits() -> None:
        world.tasks.block(current())

    assert kinds(world.run(waits, timeout=7)) == [(7, "timed_out")]


def test_block_and_wake(world: Any) -> None:
    waiting: list[Any] = []

    def waits() -> object:
        waiting.append(current())
        return world.tasks.block(current())

    def wakes() -> tuple[bool, bool]:
        time.sleep(2)
        return world.tasks.wake(waiting[0], "hello"), world.tasks.wake(waiting[0], "again")

    endings = world.run(waits, wakes)
    assert [(at, ending.value) for at, ending in endings] == [(2, (True, False)), (2, "hello")]
    assert world.scheduler.now == 2 * US  # the timer of the deadline is gone
    assert world.tasks.wake(waiting[0]) is False


def test_block_until(world: Any) -> None:
    def waits() -> object:
        return world.tasks.block(current(), 5 * US) is EXPIRED

    assert [(at, ending.value) for at, ending in world.run(waits)] == [(5, True)]


def test_nested_invokes_three_deep(world: Any) -> None:
    def invoke(body: Callable[[], Any], timeout: float = 100) -> Any:
        me = current()
        assert me is not None
        answers: list[Ending] = []

        def done(_: object, ending: Ending) -> None:
            answers.append(ending)
            world.tasks.wake(me, ending.kind)

        deadline = world.scheduler.now + round(timeout * US)
        world.tasks.start(body, world.surroundings(), deadline, done)
        kind = world.tasks.block(me)
        return kind, answers[0].value

    def inner() -> str:
        time.sleep(1)
        return "inner"

    def middle() -> Any:
        time.sleep(1)
        return invoke(inner)

    def slow() -> Any:
        return invoke(sleeper(9), timeout=5)

    def outer() -> Any:
        return [invoke(middle), invoke(slow), time.time() - 1_736_208_000]

    assert world.value(outer) == [
        ("returned", ("returned", "inner")),
        ("returned", ("timed_out", None)),
        7.0,
    ]


def test_a_caller_that_times_out_does_not_get_the_late_answer(world: Any) -> None:
    def caller() -> Any:
        me = current()
        surroundings = world.surroundings()
        world.tasks.start(
            sleeper(5), surroundings, 100 * US, lambda *_: world.tasks.wake(me, "late")
        )
        return world.tasks.block(me)

    assert kinds(world.run(caller, timeout=3)) == [(3, "timed_out")]
    assert world.scheduler.now == 5 * US


def test_many_that_end_at_once_and_start_the_next_do_not_nest(world: Any) -> None:
    left = [5_000]
    surroundings = world.surroundings()

    def again(*_: object) -> None:
        if left[0]:
            left[0] -= 1
            world.tasks.start(lambda: None, surroundings, US, again)

    with world.tasks.active():
        world.scheduler.at(0, again)
        world.scheduler.run()
    assert left == [0]


def test_context_variables_are_fresh_for_each_invocation(world: Any) -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("the notebook's")

    def handler() -> tuple[str, str]:
        before = variable.get()
        variable.set(str(time.time()))
        time.sleep(2)
        return before, variable.get()

    endings = world.run(handler, handler, handler, gap=1)
    assert [ending.value for _, ending in endings] == [
        ("unset", "1736208000.0"),
        ("unset", "1736208001.0"),
        ("unset", "1736208002.0"),
    ]
    assert world.value(handler) == ("unset", "1736208004.0")  # in a greenlet that served before
    assert variable.get() == "the notebook's"


def test_leaving_runs_no_finally(world: Any) -> None:
    seen = []

    def handler() -> None:
        try:
            time.sleep(1)
            world.tasks.leave(exit_status=3)
        finally:
            seen.append("finally")

    ((at, ending),) = world.run(handler)
    assert (at, ending.kind, ending.exit_status, ending.signal) == (1, "exited", 3, None)
    gc.collect()
    assert not seen


def test_os_exit_ends_the_task_only(world: Any) -> None:
    assert [(ending.kind, ending.exit_status) for _, ending in world.run(lambda: os._exit(7))] == [
        ("exited", 7)
    ]


def test_ten_thousand_sleeping_handlers(world: Any) -> None:
    surroundings = world.surroundings()
    body = sleeper(100)

    def peak() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    before, most = peak(), 0
    for _ in range(10_000):
        world.at(0, body, surroundings=surroundings)
    world.scheduler.at(50 * US, lambda _: sizes.append(peak()))
    sizes: list[int] = []
    with world.tasks.active():
        world.scheduler.run()
    most = sizes[0] - before
    assert len(world.endings) == 10_000
    assert {kind for _, kind in kinds(world.endings)} == {"returned"}
    assert most < 100e6
    assert len(world.tasks._free) <= 1_000


def test_measured_cpu_time(world: Any) -> None:
    def spins() -> None:
        end = 20_000_000 + time.thread_time_ns()
        while time.thread_time_ns() < end:
            pass
        time.sleep(5)

    endings = world.run(spins, measured=True)
    assert 20_000 <= endings[0][1].cpu_us < 2_000_000
    assert world.run(spins)[1][1].cpu_us == 0


def test_a_run_in_another_thread(make_world: Any) -> None:
    worlds = [make_world() for _ in range(2)]
    bodies = [sleeper(n % 7 + 1) for n in range(200)]
    threads = [threading.Thread(target=world.run, args=bodies) for world in worlds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first, second = (kinds(world.endings) for world in worlds)
    assert first == second
    assert len(first) == 200
    assert kinds(worlds[0].run(sleeper(1)))[200:] == [(8, "returned")]  # and now in this one
    assert not running


def test_tasks_cannot_move_to_another_thread(world: Any) -> None:
    world.at(0, sleeper(10))
    with world.tasks.active():
        world.scheduler.run(until=US)
    errors: list[BaseException] = []

    def elsewhere() -> None:
        try:
            world.run()
        except LabError as error:
            errors.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "another thread" in str(errors[0])
    assert kinds(world.run()) == [(10, "returned")]


def test_a_lab_inside_a_handler(make_world: Any) -> None:
    inner = make_world()

    def handler() -> Any:
        time.sleep(5)
        endings = inner.run(sleeper(100))
        time.sleep(1)
        return kinds(endings), time.time() - 1_736_208_000

    before = signal.getsignal(signal.SIGINT)
    assert make_world().value(handler) == ([(100, "returned")], 6.0)
    assert not running
    assert signal.getsignal(signal.SIGINT) is before


def test_a_runaway_of_a_lab_inside_a_handler(make_world: Any) -> None:
    inner = make_world(cpu_limit=0.05)

    def spins() -> None:
        while True:
            pass

    def handler() -> Any:
        return kinds(inner.run(spins, sleeper(1)))

    assert make_world().value(handler) == [(0, "runaway"), (1, "returned")]


def test_abandon_unwinds_without_a_word(world: Any) -> None:
    seen = []

    def handler() -> None:
        try:
            time.sleep(50)
        finally:
            seen.append("unwound")
            time.sleep(1)
            seen.append("never")

    world.at(0, handler)
    world.at(0, handler)
    with world.tasks.active():
        world.scheduler.run(until=US)
        world.tasks.abandon()
    assert seen == ["unwound"] * 2
    assert not world.endings
    assert not world.tasks._live


def test_an_exception_in_done_leaves_everything_usable(world: Any) -> None:
    def done(*_: object) -> None:
        raise ZeroDivisionError

    world.tasks.start(sleeper(1), world.surroundings(), 10 * US, done)
    with pytest.raises(ZeroDivisionError):
        world.run()
    assert current() is None
    assert kinds(world.run(sleeper(1))) == [(2, "returned")]


def test_nothing_of_a_finished_task_is_kept(world: Any) -> None:
    import weakref

    class Payload:
        pass

    payload = Payload()
    gone = weakref.ref(payload)

    def handler(held: object = payload) -> None:
        time.sleep(1)

    world.run(handler)
    world.endings.clear()
    del payload, handler
    gc.collect()
    assert gone() is None


def test_a_world_whose_run_is_over_can_be_collected(make_world: Any) -> None:
    """No collector sees what a suspended greenlet holds: none may be left."""
    import weakref

    world = make_world()
    world.run(sleeper(1), sleeper(2), sleeper(0))
    gone = weakref.ref(world.tasks)
    del world
    gc.collect()
    assert gone() is None


_FROZEN = """
import sys

import lambdalab as ll
from lambdalab.errors import LabError

library = __import__(sys.argv[1])
lab = ll.Lab()
lab.create_function("f", "import time\\ndef lambda_handler(event, context): time.sleep(1)")
try:
    with (library.freeze_time if sys.argv[1] == "freezegun" else library.travel)("2020-01-01"):
        lab.invoke("f")
except LabError as error:
    print(error)
print(lab.invoke("f").status_code)
"""


@pytest.mark.parametrize("library", ["freezegun", "time_machine"])
def test_other_frozen_clocks_are_refused(library: str) -> None:
    """In a process of its own: freezegun looks into every module that is loaded, and not all bear it."""
    pytest.importorskip(library)
    done = subprocess.run(
        [sys.executable, "-c", _FROZEN, library], capture_output=True, text=True, check=True
    )
    told, again = done.stdout.splitlines()
    assert "is active" in told
    assert again == "200"


def test_shims_leave_nothing_however_often(world: Any) -> None:
    import datetime
    import logging

    names = {name: getattr(time, name) for name in dir(time)}
    before = [repr(time.time), repr(datetime.datetime.now), threading.Lock, logging.Logger.level
              if hasattr(logging.Logger, "level") else None]  # fmt: skip
    with world.tasks.active():
        pass
    for _ in range(200):
        with shims.installed():
            pass
    after = [repr(time.time), repr(datetime.datetime.now), threading.Lock, logging.Logger.level
             if hasattr(logging.Logger, "level") else None]  # fmt: skip
    assert after == before
    assert all(getattr(time, name) is value for name, value in names.items())


def test_the_level_is_told(world: Any) -> None:
    assert world.tasks.level == "re-aim"


def test_importing_the_kernel_does_not_import_greenlet(run_python: Any) -> None:
    program = "import sys, lambdalab.kernel; print('greenlet' in sys.modules)"
    assert run_python(program) == "False\n"


def test_a_process_may_end_with_sleeping_handlers(run_python: Any) -> None:
    program = """
import time, os, threading, concurrent.futures as cf
from lambdalab.kernel.surroundings import Surroundings
from lambdalab.kernel.tasks import Tasks
scheduler = Scheduler(); tasks = Tasks(scheduler, Clock())
pool = cf.ThreadPoolExecutor(2)
def body():
    try:
        pool.submit(time.sleep, 1).result()
        threading.Thread(target=time.sleep, args=(9,)).start()
        time.sleep(100)
    finally:
        print("finally")
s = Surroundings("f", environ={}, stream=random.Random(1), write=lambda text: None)
for body in (body, lambda: os._exit(3)):
    tasks.start(body, s, 900 * US, lambda *_: None)
with tasks.active():
    scheduler.run(until=2 * US)
print("end")
"""
    assert run_python(program) == "end\n"


def test_tracing_goes_on_across_a_switch(world: Any) -> None:
    """A debugger that steps over a sleep comes to the next line."""
    lines: list[int] = []

    def handler() -> int:
        first = 1
        time.sleep(1)
        second = 2
        return first + second

    def trace(frame: Any, event: str, _: object) -> Any:
        if frame.f_code is handler.__code__:
            if event == "line":
                lines.append(frame.f_lineno - handler.__code__.co_firstlineno)
            return trace
        return None

    previous = sys.gettrace()

    def traced() -> int:
        sys.settrace(trace)
        try:
            return handler()
        finally:
            sys.settrace(previous)

    world.run(traced, sleeper(0.5), sleeper(2))
    assert lines == [1, 2, 3, 4]
    assert sys.gettrace() is previous


def test_memory_of_a_long_run_is_flat(world: Any) -> None:
    surroundings = world.surroundings()

    def used_after(count: int) -> int:
        for number in range(count):
            world.tasks.start(sleeper(1), surroundings, 10**15, lambda *_: None)
            if number % 100 == 99:
                world.scheduler.run()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        with world.tasks.active():
            before = used_after(1_000)
            assert used_after(5_000) - before < 20_000
    finally:
        tracemalloc.stop()
