"""The vCPUs of an environment: who gets how much of them, and when."""

from __future__ import annotations

import time
from fractions import Fraction
from typing import Any

import pytest

from lambdalab.kernel.current import current
from lambdalab.kernel.task import TimedOut


def use(us: int, threads: int = 1) -> None:
    """Compute in the running task."""
    task = current()
    assert task is not None
    task.surroundings.processor.use(task, us, threads)


def spawn(body: Any) -> None:
    """Start a green thread."""
    task = current()
    assert task is not None
    task.tasks.start_thread(body, lambda task, ending: None, 1)


def test_one_task_gets_one_vcpu_at_most(world: Any) -> None:
    def body() -> float:
        use(1_000_000)
        return time.monotonic()

    for vcpus, seconds in ((Fraction(1, 4), 4), (Fraction(1), 1), (Fraction(6), 1)):
        place = world.surroundings()
        place.processor.vcpus = vcpus
        begun = world.scheduler.now / 1e6
        assert world.value(body, surroundings=place) - begun == seconds


def test_tasks_of_one_environment_share_evenly_to_the_microsecond(world: Any) -> None:
    ended: list[float] = []

    def part(us: int) -> None:
        use(us)
        ended.append(time.monotonic())

    def body() -> None:
        for us in (100, 200, 300):
            spawn(lambda us=us: part(us))
        time.sleep(1)

    world.value(body)
    assert [round(moment * 1e6) for moment in ended] == [300, 500, 600]


def test_a_killed_task_leaves_its_share_to_the_others(world: Any) -> None:
    ended: list[float] = []

    def body() -> None:
        def part() -> None:
            use(1_000)
            ended.append(time.monotonic())

        spawn(part)
        spawn(lambda: use(1_000_000))
        time.sleep(1e-6)
        (victim,) = [t for t in world.tasks._live if t.parent and t is not current()][1:]
        world.scheduler.at(1_000, world.tasks.kill, victim)
        time.sleep(1)

    world.value(body)
    assert [round(moment * 1e6) for moment in ended] == [1_500]


def test_a_deadline_interrupts_it(world: Any) -> None:
    def body() -> None:
        with pytest.raises(TimedOut):
            use(5_000_000)
        raise KeyError("late")

    world.run(body, timeout=2)
    ((at, ending),) = world.endings
    assert (at, ending.kind) == (2.0, "timed_out")


def test_threads_stand_still_between_two_invocations(world: Any) -> None:
    ended: list[float] = []
    place = world.surroundings()

    def first() -> None:
        def part() -> None:
            use(1_000_000)
            ended.append(time.monotonic())

        spawn(part)
        time.sleep(0.25)

    world.run(first, surroundings=place)
    world.run(gap=0)
    world.at(10, lambda: time.sleep(5), surroundings=place)
    world.run()
    assert ended == [10.75]


def test_more_vcpus_in_the_middle_quicken_what_is_left(world: Any) -> None:
    place = world.surroundings()
    place.processor.vcpus = Fraction(1, 2)
    world.scheduler.at(1_000_000, lambda _: setattr(place.processor, "vcpus", Fraction(1)))

    def body() -> float:
        use(1_000_000)
        return time.monotonic()

    assert world.value(body, surroundings=place) == 1.5


def test_work_that_is_none_takes_no_time(world: Any) -> None:
    assert world.value(lambda: use(0) or time.monotonic()) == 0
