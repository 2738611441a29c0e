from __future__ import annotations

import _thread
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor, TimeoutError, as_completed, wait
from threading import Lock as EarlyLock
from threading import Thread, current_thread
from typing import Any

import pytest

from lambdalab.kernel import US
from lambdalab.kernel.current import current
from lambdalab.kernel.shims import lines

START = 1_736_208_000
module_lock = threading.Lock()
module_rlock = threading.RLock()
module_condition = threading.Condition()
module_queue: queue.Queue[int] = queue.Queue()
module_simple: queue.SimpleQueue[int] = queue.SimpleQueue()


@pytest.fixture(autouse=True)
def _nothing_waits() -> Any:
    yield
    assert not lines.waiting


def now() -> float:
    return time.time() - START


def test_an_executor(world: Any) -> None:
    def work(n: int) -> int:
        time.sleep(1)
        return n * n

    def handler() -> Any:
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(work, range(8))), now()

    assert world.value(handler) == ([n * n for n in range(8)], 2.0)


def test_futures_with_timeouts(world: Any) -> None:
    def handler() -> Any:
        with ThreadPoolExecutor() as pool:
            futures = [pool.submit(time.sleep, seconds) for seconds in (3, 1, 2)]
            order = [futures.index(future) for future in as_completed(futures)]
            slow = pool.submit(time.sleep, 9)
            done, waiting = wait([slow], timeout=4)
            with pytest.raises(TimeoutError):
                slow.result(timeout=1)
            return order, len(done), len(waiting), now()

    assert world.value(handler) == ([1, 2, 0], 0, 1, 8.0)
    assert world.scheduler.now == 12 * US


def test_a_thread_and_an_event(world: Any) -> None:
    def handler() -> Any:
        event, seen = threading.Event(), []

        def waits(timeout: float) -> None:
            seen.append((event.wait(timeout), now()))

        threads = [Thread(target=waits, args=(timeout,)) for timeout in (1, 5)]
        for thread in threads:
            thread.start()
        time.sleep(2)
        event.set()
        alive = [thread.is_alive() for thread in threads]
        for thread in threads:
            thread.join()
        return seen, alive, [thread.is_alive() for thread in threads]

    assert world.value(handler) == ([(False, 1.0), (True, 2.0)], [False, True], [False, False])


@pytest.mark.parametrize("where", ["inside", "module", "early", "rlock", "module rlock"])
def test_a_lock_keeps_others_out_in_order(world: Any, where: str) -> None:
    def handler() -> Any:
        lock: Any = {
            "inside": threading.Lock,
            "module": lambda: module_lock,
            "early": EarlyLock,
            "rlock": threading.RLock,
            "module rlock": lambda: module_rlock,
        }[where]()
        seen = []

        def work(name: str) -> None:
            with lock:
                seen.append((name, now()))
                time.sleep(1)

        threads = [Thread(target=work, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        assert not lock.acquire(blocking=False)
        assert not lock.acquire(timeout=0.25)
        assert now() == 0.75
        assert lock.acquire(timeout=60)
        seen.append(("main", now()))
        lock.release()
        for thread in threads:
            thread.join()
        return seen

    assert world.value(handler) == [("a", 0.0), ("b", 1.0), ("c", 2.0), ("main", 3.0)]
    assert not module_lock.locked()


def test_an_rlock_is_its_owners(world: Any) -> None:
    def handler() -> Any:
        lock = threading.RLock()

        def steals() -> None:
            with pytest.raises(RuntimeError):
                lock.release()
            seen.append(lock.acquire(timeout=1))

        seen: list[Any] = []
        with lock, lock:
            thread = Thread(target=steals)
            thread.start()
            time.sleep(2)
            seen.append(now())
        thread.join()
        with pytest.raises(RuntimeError):
            lock.release()
        return seen

    assert world.value(handler) == [False, 2.0]


@pytest.mark.parametrize("where", ["inside", "module"])
def test_a_bounded_queue(world: Any, where: str) -> None:
    def handler() -> Any:
        box: queue.Queue[int] = queue.Queue(2) if where == "inside" else module_queue
        box.maxsize = 2
        seen = []

        def produce() -> None:
            for n in range(5):
                box.put(n)
                seen.append(("put", n, now()))

        Thread(target=produce).start()
        time.sleep(1)
        for _ in range(5):
            seen.append(("got", box.get(timeout=3), now()))
            time.sleep(1)
        try:
            box.get(timeout=2.5)
        except queue.Empty:
            seen.append(("empty", 0, now()))
        box.put(1)
        box.put(2)
        with pytest.raises(queue.Full):
            box.put(3, timeout=1)
        box.queue.clear()
        return seen

    seen = world.value(handler)
    assert [entry for entry in seen if entry[0] == "got"] == [("got", n, n + 1.0) for n in range(5)]
    assert [entry[2] for entry in seen if entry[0] == "put"] == [0, 0, 1, 2, 3]
    assert seen[-1] == ("empty", 0, 8.5)


@pytest.mark.parametrize("where", ["inside", "module"])
def test_a_simple_queue(world: Any, where: str) -> None:
    def handler() -> Any:
        box: Any = queue.SimpleQueue() if where == "inside" else module_simple
        seen: list[Any] = []
        for name in "ab":
            Thread(target=lambda name=name: seen.append((name, box.get(), now()))).start()
        time.sleep(1)
        box.put(1)
        box.put(2)
        time.sleep(0.5)
        with pytest.raises(queue.Empty):
            box.get(timeout=3)
        with pytest.raises(queue.Empty):
            box.get_nowait()
        return seen, now()

    assert world.value(handler) == ([("a", 1, 1.0), ("b", 2, 1.0)], 4.5)


@pytest.mark.parametrize("where", ["inside", "module"])
def test_a_condition(world: Any, where: str) -> None:
    def handler() -> Any:
        condition = threading.Condition() if where == "inside" else module_condition
        seen: list[Any] = []

        def waits(name: str) -> None:
            with condition:
                seen.append((name, condition.wait(10), now()))

        for name in "abc":
            Thread(target=waits, args=(name,)).start()
        time.sleep(1)
        with condition:
            condition.notify(1)
            time.sleep(1)
        time.sleep(1)
        with condition:
            condition.notify_all()
            seen.append(condition.wait_for(lambda: len(seen) >= 3, timeout=5))
        return seen, now()

    values, at = world.value(handler)
    assert (values, at) == (
        [("a", True, 2.0), ("b", True, 3.0), ("c", True, 3.0), False],
        8.0,
    ) or values[-1] is True


def test_semaphore_barrier_timer(world: Any) -> None:
    def handler() -> Any:
        seen: list[Any] = []
        semaphore, barrier = threading.Semaphore(2), threading.Barrier(3)

        def work(name: str) -> None:
            with semaphore:
                time.sleep(1)
            seen.append((name, now()))
            barrier.wait()
            seen.append(("past", now()))

        for name in "abc":
            Thread(target=work, args=(name,)).start()
        timer = threading.Timer(1.5, lambda: seen.append(("timer", now())))
        timer.start()
        threading.Timer(9, lambda: seen.append("never")).cancel()
        time.sleep(5)
        with pytest.raises(threading.BrokenBarrierError):
            barrier.wait(timeout=1)
        return seen

    assert world.value(handler) == [
        ("a", 1.0),
        ("b", 1.0),
        ("timer", 1.5),
        ("c", 2.0),
        *[("past", 2.0)] * 3,
    ]


def test_who_a_green_thread_is(world: Any) -> None:
    def handler() -> Any:
        seen: dict[str, Any] = {}

        def who() -> None:
            me = current_thread()
            seen[me.name] = (me.ident, threading.get_ident(), me is threading.current_thread())
            time.sleep(1)

        threads = [Thread(target=who, name=name) for name in "ab"]
        for thread in threads:
            thread.start()
        who()
        for thread in threads:
            with pytest.raises(RuntimeError):
                thread.start()
            assert seen[thread.name] == (thread.ident, thread.ident, True)
        assert len({entry[0] for entry in seen.values()}) == 3
        return set(seen)

    assert world.value(handler) == {"a", "b", threading.current_thread().name}
    assert not any(thread.name in "ab" for thread in threading.enumerate())


def test_an_error_in_a_thread_is_printed_by_the_hook(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)  # put back afterwards

    def handler() -> None:
        threading.excepthook = lambda args: seen.append(args.exc_value)  # the handler's own
        for work in (lambda: 1 / 0, lambda: exit(3)):
            thread = Thread(target=work)
            thread.start()
            thread.join()

    world.run(handler)
    assert [type(error) for error in seen] == [ZeroDivisionError, SystemExit]


def test_start_new_thread(world: Any) -> None:
    def handler() -> Any:
        seen: list[Any] = []

        def work(a: int, b: int) -> None:
            time.sleep(3)
            seen.append((a, b, now()))

        _thread.start_new_thread(work, (1,), {"b": 2})
        time.sleep(4)
        return seen

    assert world.value(handler) == [(1, 2, 3.0)]


class Overridden(Thread):
    def run(self) -> None:
        time.sleep(2)
        self.result = now()

    def join(self, timeout: float | None = None) -> Any:
        super().join(timeout)
        return self.result


def test_a_subclass_with_its_own_run_and_join(world: Any) -> None:
    def handler() -> Any:
        thread = Overridden()
        thread.start()
        Thread.join(thread, timeout=1)
        return now(), thread.is_alive(), thread.join()

    assert world.value(handler) == (1.0, True, 2.0)


@pytest.mark.parametrize("primitive", ["lock", "rlock", "queue", "simple", "event", "join", "cond"])
def test_a_deadline_while_blocked(world: Any, primitive: str) -> None:
    def holds(lock: Any) -> None:
        with lock:
            time.sleep(100)

    def handler() -> Any:
        lock: Any = threading.Lock() if primitive == "lock" else threading.RLock()
        thread = Thread(target=holds, args=(lock,))
        thread.start()
        time.sleep(1)
        {
            "lock": lock.acquire,
            "rlock": lock.acquire,
            "queue": queue.Queue().get,
            "simple": queue.SimpleQueue().get,
            "event": threading.Event().wait,
            "join": thread.join,
            "cond": lambda: waits(threading.Condition()),
        }[primitive]()

    def waits(condition: Any) -> None:
        with condition:
            condition.wait()

    ((at, ending),) = world.run(handler, timeout=3)
    assert (at, ending.kind) == (3, "timed_out")
    assert world.scheduler.now == 3 * US  # its threads died with it
    assert not world.tasks._live


def test_a_killed_waiter_does_not_lose_the_lock_for_the_next(world: Any) -> None:
    """It dies when it is its turn, before it could take the lock."""
    lock = threading.Lock()
    seen, tasks = [], {}

    def take(name: str, hold: float) -> Any:
        def handler() -> None:
            tasks[name] = current()
            with lock:
                seen.append((name, now()))
                time.sleep(hold)

        return handler

    for at, name in ((0, "a"), (1, "b"), (2, "c")):
        world.at(at, take(name, 5))
    world.scheduler.at(3 * US, lambda _: world.scheduler.at(5 * US, lambda _: kill("b")))

    def kill(name: str) -> None:
        world.tasks.kill(tasks[name])

    world.run()
    assert seen == [("a", 0.0), ("c", 5.0)]
    assert [ending.kind for _, ending in world.endings] == ["returned", "timed_out", "returned"]
    assert not lock.locked()


def test_threads_stand_still_between_two_invocations(world: Any) -> None:
    seen: list[float] = []
    surroundings = world.surroundings()

    def beats() -> None:
        while True:
            time.sleep(1)
            seen.append(now())

    def first() -> None:
        Thread(target=beats, daemon=True).start()
        time.sleep(2.5)

    def second() -> None:
        time.sleep(2.5)

    world.at(0, first, surroundings=surroundings)
    world.at(10, second, surroundings=surroundings)
    world.run()
    assert seen == [1.0, 2.0, 10.0, 11.0, 12.0]
    with world.tasks.active():
        world.tasks.end_threads(surroundings)
    assert not world.tasks._live
    assert not world.tasks._processes.known


def test_an_executor_of_the_module_serves_two_invocations(world: Any) -> None:
    pool = ThreadPoolExecutor(1)
    surroundings = world.surroundings()

    def handler() -> Any:
        return pool.submit(lambda: (time.sleep(1), now())[1]).result()

    for at in (0, 10):
        world.at(at, handler, surroundings=surroundings)
    assert [ending.value for _, ending in world.run()] == [1.0, 11.0]
    with world.tasks.active():
        world.tasks.end_threads(surroundings)


def test_leaving_from_a_thread_ends_the_handler(world: Any) -> None:
    seen = []

    def leaves() -> None:
        time.sleep(2)
        world.tasks.leave(exit_status=9)

    def handler() -> None:
        Thread(target=leaves).start()
        Thread(target=time.sleep, args=(50,)).start()
        try:
            time.sleep(10)
        finally:
            seen.append("finally")

    ((at, ending),) = world.run(handler)
    assert (at, ending.kind, ending.exit_status) == (2, "exited", 9)
    assert not seen
    assert world.scheduler.now == 2 * US
    assert not world.tasks._live


def test_a_real_thread_waits_really(world: Any) -> None:
    """Locks, queues and events of the process's own threads, while handlers run."""
    lock, box, seen = threading.Lock(), queue.SimpleQueue(), []

    def other() -> None:
        for _ in range(20):
            with lock:
                time.sleep(0.0005)
        seen.append(box.get(timeout=5))
        assert not threading.Event().wait(0.001)

    def handler() -> None:
        with lock:  # a real thread has it: a real, short wait
            pass
        time.sleep(1)

    thread = threading.Thread(target=other)
    thread.start()
    world.run(*[handler] * 50)
    box.put("hello")
    thread.join()
    assert seen == ["hello"]
    assert {ending.kind for _, ending in world.endings} == {"returned"}


def test_tqdm_and_logging_beside(world: Any) -> None:
    tqdm = pytest.importorskip("tqdm")
    import io
    import logging

    def handler() -> None:
        time.sleep(1)

    stream = io.StringIO()
    with tqdm.tqdm(total=50, file=stream) as bar:
        for _ in range(50):
            world.at(0, handler)
            world.scheduler.at(US, lambda _: bar.update())
        world.run()
    assert "50/50" in stream.getvalue()
    logging.getLogger("beside").debug("real")


def test_locks_are_real_again_afterwards(world: Any) -> None:
    before = [threading.Lock, threading.get_ident, Thread.start, type(module_lock).acquire]
    world.run(lambda: threading.Lock().acquire())
    after = [threading.Lock, threading.get_ident, Thread.start, type(module_lock).acquire]
    assert all(a is b for a, b in zip(before, after, strict=True))
