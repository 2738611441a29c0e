"""A lab driven in a thread of its own, for callers in other threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import LabError, NeverAnswered, ResourceNotFoundException
from lambdalab.kernel.bell import Bell
from lambdalab.kernel.current import green
from lambdalab.kernel.driver import Driver

PATIENCE = 20


@pytest.fixture
def lab() -> Iterator[ll.Lab]:
    """A lab with a function that sleeps as long as it is told."""
    with ll.Lab(seed=3) as lab:

        @lab.function(timeout=60, name="slow")
        def slow(event: Any, context: Any) -> Any:
            time.sleep(event)
            return event

        yield lab
        lab.audit()


@pytest.fixture
def drive(lab: ll.Lab) -> Iterator[Any]:
    """Makes drivers of the lab, and closes them."""
    made: list[Driver] = []

    def make(**settings: Any) -> Driver:
        made.append(Driver(lab._own_time, **settings))
        return made[-1]

    yield make
    for driver in made:
        driver.close()


def answers(*futures: Future[Any]) -> list[Any]:
    return [future.result(PATIENCE) for future in futures]


def test_what_is_asked_while_others_wait_begins_at_their_time(lab: ll.Lab, drive: Any) -> None:
    driver, began = drive(), list[float]()

    def ask(seconds: float) -> float:
        began.append(lab.elapsed)
        lab.invoke("slow", seconds)
        return lab.elapsed

    def first() -> float:
        other.append(driver.submit(lambda: ask(1)))  # comes while the lab stands still
        return ask(3)

    other: list[Future[float]] = []
    long = driver.submit(first)
    assert answers(long)[0] > answers(*other)[0]
    assert began == [0, 0]


def test_time_stands_still_while_nobody_waits(lab: ll.Lab, drive: Any) -> None:
    driver = drive()
    driver.call(lambda: lab.invoke("slow", 5, invocation_type="Event"))
    assert driver.call(lambda: lab.elapsed) == 0
    assert len(lab.trace.attempts) == 0


def test_or_the_lab_comes_to_rest(lab: ll.Lab, drive: Any) -> None:
    driver = drive(idle=lambda: True)
    driver.call(lambda: lab.invoke("slow", 5, invocation_type="Event"))
    assert driver.submit(lambda: lab.elapsed, waits=True).result(PATIENCE) > 5
    assert lab.trace.invocations["status"].tolist() == ["succeeded"]


def test_who_waits_for_rest_may_be_hurried(lab: ll.Lab, drive: Any) -> None:
    lab.create_function("loop", duration=1)
    lab.drive("loop", ll.Every(1))  # which never ends
    driver = drive(idle=lambda: True)
    driver.call(lambda: None)
    asked = driver.submit(lambda: lab.elapsed, waits=True)
    with pytest.raises(TimeoutError):
        asked.result(0.05)
    driver.hurry()
    assert asked.result(PATIENCE) > 0


def test_alone_one_lets_time_pass_by_the_labs_verbs(lab: ll.Lab, drive: Any) -> None:
    driver = drive()
    lab._driver = driver
    driver.call(lambda: lab.invoke("slow", 5, invocation_type="Event"))
    driver.submit(lambda: lab.run(), alone=True).result(PATIENCE)
    assert lab.elapsed > 5
    with pytest.raises(ZeroDivisionError):
        driver.submit(lambda: 1 // 0, alone=True).result(PATIENCE)
    with pytest.raises(LabError, match="while an endpoint serves this lab"):
        lab.run()
    lab._driver = None


def test_real_time(lab: ll.Lab, drive: Any) -> None:
    driver = drive(speed=20)
    began = time.monotonic()
    with ThreadPoolExecutor(3) as pool:
        found = list(
            pool.map(lambda s: driver.call(lambda: lab.invoke("slow", s).payload), (4, 5, 6))
        )
    assert found == [4, 5, 6]
    assert 6 / 20 < time.monotonic() - began < PATIENCE
    assert lab.trace.attempts["environment_id"].nunique() == 3  # they were under way together
    time.sleep(0.1)
    assert driver.call(lambda: lab.elapsed) > 6 + 0.1 * 20


def test_errors_come_to_who_asked(lab: ll.Lab, drive: Any) -> None:
    driver = drive()
    with pytest.raises(ZeroDivisionError):
        driver.call(lambda: 1 // 0)
    with pytest.raises(ResourceNotFoundException):
        driver.call(lambda: lab.invoke("nobody"))
    assert driver.call(lambda: lab.invoke("slow", 1).payload) == 1


def test_who_waits_for_what_never_comes_is_told(lab: ll.Lab, drive: Any) -> None:
    driver = drive()

    def wait() -> None:
        task = green()
        assert task is not None
        task.tasks.block(task)

    with pytest.raises(NeverAnswered):
        driver.submit(wait).result(PATIENCE)
    assert driver.call(lambda: lab.invoke("slow", 1).payload) == 1


def test_what_goes_wrong_in_the_run_is_raised_where_it_is_waited_for(
    lab: ll.Lab, drive: Any
) -> None:
    def payload(number: int) -> Any:
        raise RuntimeError("no payload")

    lab.drive("slow", ll.Every(1), count=1, payload=payload)
    driver = drive()
    with pytest.raises(RuntimeError, match="no payload"):
        driver.submit(lambda: lab.invoke("slow", 5)).result(PATIENCE)
    assert driver.submit(lambda: lab.invoke("slow", 1).payload).result(PATIENCE) == 1


def test_handlers_that_another_thread_began_cannot_move(lab: ll.Lab, drive: Any) -> None:
    lab.invoke("slow", 30, invocation_type="Event")
    lab.advance(5)  # it sleeps in this thread
    driver = drive()
    with pytest.raises(LabError, match="began in another thread"):
        driver.submit(lambda: lab.invoke("slow", 1)).result(PATIENCE)
    driver.close()
    lab.run()
    assert lab.trace.invocations["status"].tolist()[0] == "succeeded"


def test_who_waits_for_rest_finds_the_lab_at_rest(lab: ll.Lab, drive: Any) -> None:
    driver = drive(idle=lambda: True)
    for number in range(1, 40):
        driver.call(lambda: lab.invoke("slow", 1, invocation_type="Event"))
        runs = driver.submit(lambda: len(lab.trace.attempts), waits=True)
        assert runs.result(PATIENCE) == number


def test_a_lab_that_cannot_run_does_not_spin(lab: ll.Lab, drive: Any) -> None:
    lab.invoke("slow", 30, invocation_type="Event")
    lab.advance(5)  # it sleeps in this thread
    driver = drive(idle=lambda: True)
    with pytest.raises(LabError, match="began in another thread"):
        driver.call(lambda: lab.invoke("slow", 1))
    used = time.process_time()
    time.sleep(0.2)
    assert time.process_time() - used < 0.15
    driver.close()
    lab.run()


def test_what_was_taken_back_does_not_begin(lab: ll.Lab, drive: Any) -> None:
    driver, began, go = drive(), list[int](), threading.Event()
    first = driver.submit(go.wait, alone=True)
    second = driver.submit(lambda: began.append(1))
    assert second.cancel()
    go.set()
    assert first.result(PATIENCE)
    assert driver.call(lambda: 7) == 7
    assert began == []


def test_those_who_call_together_begin_in_the_order_of_their_threads(drive: Any) -> None:
    """Not in that in which they happened to come: here it is the other way round."""
    driver, go, began = drive(grace=0.01), threading.Event(), list[int]()
    busy = driver.submit(go.wait, alone=True)
    turns = [threading.Event() for _ in range(4)]

    def ask(number: int) -> None:
        assert turns[number].wait(PATIENCE)
        asked = driver.submit(lambda: began.append(number))
        (turns[number - 1] if number else go).set()
        asked.result(PATIENCE)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    turns[-1].set()
    for thread in threads:
        thread.join()
    assert busy.result(PATIENCE)
    assert began == [0, 1, 2, 3]


def test_closed_it_takes_nothing_more(lab: ll.Lab, drive: Any) -> None:
    driver = drive()
    assert driver.call(lambda: 1) == 1
    driver.close()
    driver.close()
    with pytest.raises(LabError, match="closed"):
        driver.submit(lambda: 2)
    assert lab.invoke("slow", 1).payload == 1


def test_a_bell_that_rings_or_expires() -> None:
    bell, told = Bell(), list[str]()
    bell.answer = lambda: told.append("told")
    bell.expire()
    assert bell.over
    assert not bell.rung
    bell.wake()
    bell.wake()
    assert bell.rung
    assert told == ["told", "told"]
