from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from typing import Any

import pytest

from lambdalab.kernel import guard

LIMIT = 0.1


def spins() -> None:
    while True:
        pass


def backtracks() -> object:
    return re.match(r"(a+)+b", "a" * 32)


def sleeps() -> str:
    time.sleep(1)
    return "slept"


@pytest.mark.parametrize("body", [spins, backtracks])
def test_a_runaway_is_stopped(make_world: Any, body: Any) -> None:
    endings = make_world(cpu_limit=LIMIT).run(body, sleeps)
    assert [ending.kind for _, ending in endings] == ["runaway", "returned"]
    assert isinstance(endings[0][1].exception, guard.Runaway)
    assert endings[0][0] == 0
    assert signal.getsignal(signal.SIGVTALRM) == signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0, 0)


def test_a_runaway_in_another_thread(make_world: Any) -> None:
    world = make_world(cpu_limit=LIMIT)
    for _ in range(2):
        thread = threading.Thread(target=world.run, args=(spins, sleeps))
        thread.start()
        thread.join()
    assert [ending.kind for _, ending in world.endings] == ["runaway", "returned"] * 2
    watchmen = [t for t in threading.enumerate() if t.name == "lambdalab watchman"]
    assert len(watchmen) == 1


def test_a_runaway_while_a_profiler_has_the_timer(make_world: Any) -> None:
    previous = signal.signal(signal.SIGVTALRM, lambda *_: None)
    try:
        endings = make_world(cpu_limit=LIMIT).run(spins, sleeps)
    finally:
        signal.signal(signal.SIGVTALRM, previous)
    assert [ending.kind for _, ending in endings] == ["runaway", "returned"]


def test_a_runaway_that_swallows_its_stop(make_world: Any) -> None:
    """Only where it blocks can it be parked, and there it is."""
    stops = []

    def stubborn() -> None:
        while len(stops) < 3:
            try:
                spins()
            except BaseException as error:
                stops.append(error)
        time.sleep(1)
        stops.append("went on")

    endings = make_world(cpu_limit=0.03).run(stubborn, sleeps)
    assert [ending.kind for _, ending in endings] == ["runaway", "returned"]
    assert len(stops) == 3


def test_a_runaway_green_thread_ends_the_handler(make_world: Any) -> None:
    def handler() -> None:
        threading.Thread(target=spins).start()
        time.sleep(100)

    endings = make_world(cpu_limit=LIMIT).run(handler)
    assert [(at, ending.kind) for at, ending in endings] == [(0, "runaway")]


def test_much_work_in_many_pieces_is_no_runaway(make_world: Any) -> None:
    def works() -> str:
        for _ in range(20):
            end = time.thread_time() + LIMIT / 4
            while time.thread_time() < end:
                pass
            time.sleep(1)
        return "done"

    ((_, ending),) = make_world(cpu_limit=LIMIT).run(works)
    assert ending.kind == "returned"


def test_a_real_wait_is_no_runaway(make_world: Any) -> None:
    def waits() -> int:
        read, write = os.pipe()
        real.append(write)
        found = os.read(read, 1)
        os.close(read)
        return len(found)

    real: list[int] = []

    def answers() -> None:
        while not real:
            time.sleep(0.005)
        time.sleep(3 * 0.02)
        os.write(real[0], b"x")
        os.close(real[0])

    thread = threading.Thread(target=answers)
    thread.start()
    ((_, ending),) = make_world(cpu_limit=0.02).run(waits)
    thread.join()
    assert (ending.kind, ending.value) == ("returned", 1)


def test_sigalrm_is_left_alone(make_world: Any) -> None:
    """pytest-timeout's timer goes on, and stops a run that really hangs."""
    before = signal.getsignal(signal.SIGALRM)
    left = signal.getitimer(signal.ITIMER_REAL)[0]
    make_world().run(sleeps)
    assert signal.getsignal(signal.SIGALRM) == before
    assert (signal.getitimer(signal.ITIMER_REAL)[0] > 0) == (left > 0)


def _interrupt(after: float) -> threading.Timer:
    timer = threading.Timer(after, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    return timer


def _interrupt_twice(world: Any) -> threading.Thread:
    """One Ctrl-C once a handler runs, another once the loop knows of the first."""

    def work() -> None:
        for ready in (lambda: world.tasks.current, lambda: world.scheduler._signals):
            while not ready():
                time.sleep(0.005)
            time.sleep(0.02)
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.fixture
def _late_ones_are_dropped() -> Any:
    """A Ctrl-C that comes after the run would end the test run."""
    previous = signal.signal(signal.SIGINT, lambda *_: None)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.mark.usefixtures("_late_ones_are_dropped")
def test_ctrl_c_at_200_moments_of_a_run_with_handlers(make_world: Any) -> None:
    interval, stops = sys.getswitchinterval(), 0
    sys.setswitchinterval(1e-5)
    before = signal.getsignal(signal.SIGINT)
    try:
        for attempt in range(200):
            world = make_world()
            surroundings = world.surroundings()
            for n in range(60):
                world.at(n % 5, sleeps, surroundings=surroundings)
            timer = _interrupt(0.0002 + attempt * 1e-5)
            while world.scheduler.pending:
                try:
                    world.run()
                except KeyboardInterrupt:
                    stops += 1
            timer.join()
            assert len(world.endings) == 60
            assert {ending.value for _, ending in world.endings} == {"slept"}
            assert not world.tasks._live
            assert signal.getsignal(signal.SIGINT) is before
    finally:
        sys.setswitchinterval(interval)
    assert stops > 20


def test_a_second_ctrl_c_stops_the_running_handler(make_world: Any) -> None:
    world = make_world(cpu_limit=60)
    world.at(5, sleeps)
    thread = _interrupt_twice(world)
    with pytest.raises(KeyboardInterrupt):
        world.run(spins)
    thread.join()
    assert [ending.kind for _, ending in world.endings] == ["runaway"]
    assert "Ctrl-C" in str(world.endings[0][1].exception)
    assert [ending.kind for _, ending in world.run()] == ["runaway", "returned"]


def test_a_second_ctrl_c_ends_a_real_wait(make_world: Any) -> None:
    read, write = os.pipe()
    world = make_world()
    thread = _interrupt_twice(world)
    with pytest.raises(KeyboardInterrupt):
        world.run(lambda: os.read(read, 1))
    thread.join()
    os.close(read)
    os.close(write)
    assert [ending.kind for _, ending in world.endings] == ["runaway"]


def test_ctrl_c_between_runs_is_the_notebooks(world: Any) -> None:
    world.run(sleeps)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_outside_the_loop_comes_after_the_shims_are_off(world: Any) -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), world.tasks.active():
        done += [signal.raise_signal(signal.SIGINT), time.sleep(0.001)]
    assert done == [None, None]


def test_an_ignored_sigint_stays_ignored(world: Any) -> None:
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        world.run(sleeps, lambda: os.kill(os.getpid(), 0))
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, previous)


def test_coverage_counts_every_line(tmp_path: Any, run_python: Any) -> None:
    pytest.importorskip("coverage")
    (tmp_path / "handler_module.py").write_text(
        "import time\n"
        "def nested():\n"
        "    time.sleep(1)\n"
        "    return 1\n"
        "def handler():\n"
        "    found = [nested() for _ in range(2)]\n"
        "    time.sleep(1)\n"
        "    return found\n"
    )
    program = f"""
import sys, coverage
sys.path.insert(0, {str(tmp_path)!r})
measure = coverage.Coverage(data_file=None, config_file=False, concurrency=["thread", "greenlet"],
                            include=[{str(tmp_path / "*")!r}])
measure.set_option("run:core", "ctrace")
measure.start()
import handler_module
run(handler_module.handler, handler_module.handler)
measure.stop()
print(measure.analysis2(handler_module)[3])
"""
    assert run_python(program) == "[]\n"
