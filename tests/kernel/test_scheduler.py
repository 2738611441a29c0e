from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.errors import InsideHandler
from lambdalab.kernel import Scheduler


def noting(scheduler: Scheduler, seen: list[Any]) -> Callable[[Any], None]:
    return lambda name: seen.append((scheduler.now, name))


def test_events_happen_in_order_of_time_then_of_asking() -> None:
    scheduler, seen = Scheduler(), []
    note = noting(scheduler, seen)
    for name, time_ in (("c", 9), ("a", 3), ("d", 9), ("b", 3)):
        scheduler.at(time_, note, name)
    scheduler.run()
    assert seen == [(3, "a"), (3, "b"), (9, "c"), (9, "d")]
    assert scheduler.now == 9
    assert scheduler.pending == 0


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.booleans())))
def test_against_a_sorted_list(plan: list[tuple[int, bool, bool]]) -> None:
    """Foreground and background entries, some cancelled: what happens is the sorted plan."""
    scheduler, seen = Scheduler(), []
    kept = []
    for index, (at, background, cancelled) in enumerate(plan):
        ask = scheduler.background if background else scheduler.at
        token = ask(at, seen.append, index)
        if cancelled:
            (scheduler.cancel_background if background else scheduler.cancel)(token)
        else:
            kept.append((at, index, background))
    kept.sort()
    last = max((i for i, entry in enumerate(kept) if not entry[2]), default=-1)
    assert scheduler.pending == sum(not background for *_, background in kept)
    scheduler.run()
    assert seen == [index for _, index, _ in kept[: last + 1]]
    assert scheduler.pending == 0
    scheduler.run(until=20)
    assert seen == [index for _, index, _ in kept]
    assert scheduler.now == 20
    assert not scheduler.heap
    assert not scheduler._quiet
    assert not scheduler._cancelled


def test_the_past_cannot_be_scheduled() -> None:
    scheduler = Scheduler()
    scheduler.at(5, lambda _: None)
    scheduler.run()
    with pytest.raises(ValueError, match="5 us already"):
        scheduler.at(4, print)
    with pytest.raises(ValueError, match="5 us already"):
        scheduler.run(until=4)
    scheduler.run(until=5)


def test_run_until_moves_the_clock_even_when_nothing_happens() -> None:
    scheduler, seen = Scheduler(), []
    scheduler.at(10, seen.append, "at")
    scheduler.at(11, seen.append, "after")
    scheduler.run(until=10)
    assert (seen, scheduler.now, scheduler.pending) == (["at"], 10, 1)
    scheduler.run(until=10)
    scheduler.run(until=500)
    assert (seen, scheduler.now, scheduler.pending) == (["at", "after"], 500, 0)


def test_events_asked_for_at_the_until_time_still_happen() -> None:
    scheduler, seen = Scheduler(), []

    def chain(n: int) -> None:
        seen.append((n, scheduler.pending))
        if n:
            scheduler.at(scheduler.now, chain, n - 1)

    scheduler.at(3, chain, 3)
    scheduler.run(until=3)
    assert seen == [(3, 0), (2, 0), (1, 0), (0, 0)]


def test_background_work_before_the_last_event_happens_and_later_does_not() -> None:
    scheduler, seen = Scheduler(), []
    scheduler.background(1, seen.append, "early")
    scheduler.at(2, seen.append, "event")
    scheduler.background(3, seen.append, "late")
    scheduler.run()
    assert (seen, scheduler.now) == (["early", "event"], 2)


def test_background_work_may_make_an_event() -> None:
    scheduler, seen = Scheduler(), []
    scheduler.background(1, lambda _: scheduler.at(7, seen.append, "made"))
    scheduler.at(2, seen.append, "event")
    scheduler.run()
    assert (seen, scheduler.now) == (["event", "made"], 7)


def test_step_makes_one_foreground_event() -> None:
    scheduler, seen = Scheduler(), []
    scheduler.background(1, seen.append, "background")
    scheduler.cancel(scheduler.at(1, seen.append, "cancelled"))
    scheduler.at(2, seen.append, "one")
    scheduler.at(2, seen.append, "two")
    scheduler.background(2, seen.append, "late")
    assert scheduler.step()
    assert seen == ["background", "one"]
    assert scheduler.step()
    assert not scheduler.step()
    assert seen == ["background", "one", "two"]


def test_stop_ends_the_run_after_the_event_under_way() -> None:
    scheduler, seen = Scheduler(), []

    def answer(_: object) -> None:
        scheduler.stop()
        scheduler.stop()
        scheduler.at(scheduler.now, seen.append, "next")
        seen.append("answered")

    scheduler.at(4, answer)
    scheduler.run()
    assert (seen, scheduler.now, scheduler.pending) == (["answered"], 4, 1)
    scheduler.run()
    assert seen == ["answered", "next"]
    scheduler.stop()  # nothing runs: nothing to stop
    scheduler.at(5, seen.append, "more")
    scheduler.run()
    assert seen[-1] == "more"


def test_stop_during_run_until_leaves_the_clock_where_it_is() -> None:
    scheduler = Scheduler()
    scheduler.at(4, lambda _: scheduler.stop())
    scheduler.run(until=100)
    assert scheduler.now == 4
    assert scheduler.pending == 0
    scheduler.run()
    assert scheduler.now == 4
    scheduler.run(until=200)
    assert scheduler.now == 200
    assert not scheduler.heap


def test_an_exception_leaves_the_rest_whole() -> None:
    scheduler, seen = Scheduler(), []
    scheduler.at(1, seen.append, "a")
    scheduler.at(2, lambda _: 1 / 0)
    scheduler.at(3, seen.append, "b")
    with pytest.raises(ZeroDivisionError):
        scheduler.run(until=50)
    assert (seen, scheduler.now, scheduler.running) == (["a"], 2, False)
    scheduler.run()
    assert (seen, scheduler.now) == (["a", "b"], 3)


def test_a_run_inside_a_run_is_refused() -> None:
    scheduler = Scheduler()
    scheduler.at(1, lambda _: scheduler.run())
    with pytest.raises(InsideHandler):
        scheduler.run()
    assert not scheduler.running


def test_interrupt_between_two_events() -> None:
    scheduler, seen = Scheduler(), []

    def interrupted(_: object) -> None:
        scheduler.interrupt()
        scheduler.interrupt()
        seen.append("whole")

    scheduler.at(3, interrupted)
    scheduler.at(3, seen.append, "next")
    with pytest.raises(KeyboardInterrupt):
        scheduler.run()
    assert (seen, scheduler.now) == (["whole"], 3)
    scheduler.run()
    assert seen == ["whole", "next"]
    with pytest.raises(KeyboardInterrupt):
        scheduler.interrupt()


def test_interrupt_in_the_last_event_is_not_lost() -> None:
    scheduler = Scheduler()
    scheduler.background(9, print)
    scheduler.at(1, lambda _: scheduler.interrupt())
    with pytest.raises(KeyboardInterrupt):
        scheduler.run()
    assert len(scheduler.heap) == 1


def test_ctrl_c_at_200_moments_loses_and_doubles_nothing() -> None:
    previous, interval = signal.getsignal(signal.SIGINT), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # so that the other thread gets its turn in the middle of a run
    stops = attempt = 0
    while attempt < 200 or (stops <= 20 and attempt < 2_000):  # a busy machine sends many too late
        attempt += 1
        scheduler, ran = Scheduler(), []

        def event(number: int, scheduler: Scheduler = scheduler, ran: list[int] = ran) -> None:
            ran.append(number)
            if number % 3 == 0:
                scheduler.cancel(scheduler.at(scheduler.now + 2, ran.append, -1))
            if number < 1_800:
                scheduler.at(scheduler.now + 1, event, number + 200)

        for number in range(200):
            scheduler.at(number % 7, event, number)
        signal.signal(signal.SIGINT, lambda *_, s=scheduler: s.running and s.interrupt())
        delay = 0.0002 + attempt % 200 * 5e-6
        timer = threading.Timer(delay, lambda: os.kill(os.getpid(), signal.SIGINT))
        timer.start()
        try:
            while scheduler.pending:
                try:
                    scheduler.run()
                except KeyboardInterrupt:
                    stops += 1
            timer.join()
            time.sleep(0)
        finally:
            signal.signal(signal.SIGINT, previous)
        assert sorted(ran) == list(range(2_000))
    sys.setswitchinterval(interval)
    assert stops > 20


def test_cancelled_entries_are_swept_out() -> None:
    scheduler, seen = Scheduler(), []
    for number in range(20_000):
        token = scheduler.at(10**9 + number, seen.append, number)
        if number % 100:
            scheduler.cancel(token)
    assert len(scheduler.heap) < 3_000
    assert scheduler.pending == 200
    scheduler.run()
    assert seen == list(range(0, 20_000, 100))
    scheduler.run(until=2 * 10**9)
    assert not scheduler._cancelled
    assert not scheduler._quiet


def test_two_schedulers_in_two_threads() -> None:
    def work(scheduler: Scheduler, seen: list[int]) -> None:
        for number in range(2_000):
            scheduler.at(number, seen.append, number)
        scheduler.run()

    lists: list[list[int]] = [[], []]
    threads = [threading.Thread(target=work, args=(Scheduler(), seen)) for seen in lists]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lists[0] == lists[1] == list(range(2_000))


def test_arguments_are_never_compared_or_kept() -> None:
    class Odd:
        __slots__ = ("__weakref__",)

        def __lt__(self, other: object) -> bool:
            raise AssertionError

    import weakref

    scheduler = Scheduler()
    odd = Odd()
    gone = weakref.ref(odd)
    for _ in range(3):
        scheduler.at(1, lambda _: None, odd)
    del odd
    scheduler.run()
    gc.collect()
    assert gone() is None


@given(
    events=st.lists(st.tuples(st.integers(0, 100), st.booleans()), max_size=30),
    stops=st.lists(st.integers(0, 120), max_size=8),
)
def test_runs_while_something_is_pending_are_one_run(events, stops) -> None:
    def made() -> tuple[Scheduler, list[object]]:
        scheduler, seen = Scheduler(), []
        for number, (time_, background) in enumerate(events):
            ask = scheduler.background if background else scheduler.at
            ask(time_, seen.append, number)
        return scheduler, seen

    (one, whole), (other, parts) = made(), made()
    one.run()
    for stop in sorted(stops):
        other.run(until=max(stop, other.now), while_pending=True)
        assert other.now <= max(stop, one.now)
    other.run()
    assert (other.now, parts) == (one.now, whole)
    assert other.pending == one.pending == 0
