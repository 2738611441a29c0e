"""Threads that share a lab: within ``with lab.aws():`` they live in its time, elsewhere they meet."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import queue
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import pytest

from lambdalab.errors import InsideHandler, TooManyRequestsException
from lambdalab.lab import Lab

pytest.importorskip("boto3")

import boto3


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab whose ``slow`` sleeps for as long as it is told."""
    with Lab(seed=1) as lab:

        @lab.function(timeout=60, name="slow")
        def slow(event: Any, context: Any) -> Any:
            time.sleep(event)
            return event

        yield lab
        lab.audit()


def ask(seconds: float) -> Any:
    """Invoke it by boto3's default client."""
    payload = json.dumps(seconds)
    return json.load(boto3.client("lambda").invoke(FunctionName="slow", Payload=payload)["Payload"])


def most_at_once(lab: Lab) -> int:
    """How many attempts ran at the same moment."""
    attempts = lab.trace.attempts
    spans = list(zip(attempts["started_at"], attempts["ended_at"], strict=True))
    return max(sum(a <= at < b for a, b in spans) for at, _ in spans)


class TestInABlock:
    def test_two_synchronous_invokes_meet(self, lab: Lab) -> None:
        with lab.aws(), ThreadPoolExecutor(2) as pool:
            assert list(pool.map(ask, [2, 2])) == [2, 2]
        assert most_at_once(lab) == 2
        assert 2 < lab.elapsed < 3
        assert lab.trace.invocations["requested_at"].nunique() == 1
        assert set(lab.trace.requests["caller"]) == {"boto3"}

    def test_those_behind_others_wait(self, lab: Lab) -> None:
        with lab.aws(), ThreadPoolExecutor(2) as pool:
            assert list(pool.map(ask, [3, 1, 1, 1])) == [3, 1, 1, 1]
        assert most_at_once(lab) == 2
        assert lab.elapsed < 4.5

    def test_futures_come_in_the_order_of_the_labs_time(self, lab: Lab) -> None:
        with lab.aws(), ThreadPoolExecutor(3) as pool:
            futures = [pool.submit(ask, s) for s in (3, 1, 2)]
            assert [future.result() for future in as_completed(futures)] == [1, 2, 3]

    def test_the_order_repeats_in_another_process(self) -> None:
        program = (
            "import json, sys, time, threading, boto3, lambdalab as ll\n"
            "lab = ll.Lab(seed=5)\n"
            "lab.create_function('f', duration=ll.LogNormal(p50=0.2, p99=2), failure_rate=0.2)\n"
            "def work(n):\n"
            "    for _ in range(5):\n"
            "        boto3.client('lambda').invoke(FunctionName='f', Payload=str(n))\n"
            "        time.sleep(n / 10)\n"
            "with lab.aws():\n"
            "    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]\n"
            "    [t.start() for t in threads]; [t.join() for t in threads]\n"
            "print(lab.trace.digest())\n"
        )
        seen = {
            subprocess.run(
                [sys.executable, "-c", program], check=True, capture_output=True, text=True,
                env={**__import__("os").environ, "PYTHONHASHSEED": seed},
            ).stdout
            for seed in "01"
        }  # fmt: skip
        assert len(seen) == 1

    def test_sleeps_and_clocks_of_each(self, lab: Lab) -> None:
        seen: list[tuple[str, float]] = []

        def worker(name: str, seconds: float) -> None:
            for _ in range(2):
                time.sleep(seconds)
                seen.append((name, time.monotonic()))

        with lab.aws():
            threads = [threading.Thread(target=worker, args=pair) for pair in (("a", 3), ("b", 2))]
            for thread in threads:
                thread.start()
            assert threading.active_count() >= 3
            time.sleep(2.5)
            seen.append(("main", time.monotonic()))
            for thread in threads:
                thread.join()
        assert seen == [("b", 2), ("main", 2.5), ("a", 3), ("b", 4), ("a", 6)]

    def test_join_with_a_timeout(self, lab: Lab) -> None:
        with lab.aws():
            thread = threading.Thread(target=time.sleep, args=(10,))
            thread.start()
            thread.join(4)
            assert thread.is_alive()
            assert time.monotonic() == 4
            thread.join()
            assert not thread.is_alive()
        assert lab.elapsed == 10

    def test_queues_events_and_timers(self, lab: Lab) -> None:
        with lab.aws():
            line: queue.Queue[Any] = queue.Queue()
            simple: queue.SimpleQueue[Any] = queue.SimpleQueue()
            done = threading.Event()
            threading.Timer(5, lambda: line.put(time.monotonic())).start()
            threading.Timer(6, lambda: simple.put(time.monotonic())).start()
            threading.Timer(7, done.set).start()
            assert line.get() == 5
            assert simple.get(timeout=10) == 6
            assert done.wait(100)
            assert time.monotonic() == 7
            with pytest.raises(queue.Empty):
                line.get(timeout=3)
            with pytest.raises(queue.Empty):
                simple.get(timeout=3)
            assert not threading.Event().wait(4)
            assert time.monotonic() == 17

    def test_locks_between_the_block_and_its_threads(self, lab: Lab) -> None:
        with lab.aws():
            for lock in (threading.Lock(), threading.RLock(), threading.Condition()):
                began, seen = time.monotonic(), list[float]()

                def hold(lock: Any = lock) -> None:
                    with lock:
                        time.sleep(4)

                def want(lock: Any = lock, seen: list[float] = seen) -> None:
                    with lock:
                        seen.append(time.monotonic())

                thread = threading.Thread(target=hold)
                thread.start()
                time.sleep(1)
                assert not lock.acquire(blocking=False)
                assert not lock.acquire(timeout=1)
                assert time.monotonic() == began + 2
                with lock:
                    assert time.monotonic() == began + 4
                    other = threading.Thread(target=want)
                    other.start()
                    ask(2)
                    assert not seen
                    free = time.monotonic()
                other.join()
                assert seen == [free]

    def test_who_has_waited_longest_for_a_lock_gets_it(self, lab: Lab) -> None:
        lock, seen = threading.Lock(), list[str]()

        def want(name: str, begin: float) -> None:
            time.sleep(begin)
            with lock:
                seen.append(name)
                time.sleep(10)

        with lab.aws():
            given = [("third", 3), ("first", 1), ("fourth", 4), ("second", 2)]
            threads = [threading.Thread(target=want, args=each) for each in given]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert seen == ["first", "second", "third", "fourth"]
        assert lab.elapsed == 41

    def test_what_a_notebooks_tools_wait_for_takes_none_of_its_time(self, lab: Lab) -> None:
        """A progress bar waits, in the notebook's thread, for a thread of its own: a real one."""
        wait = "def wait(lock, seconds):\n    return lock.acquire(timeout=seconds)\n"
        mine, theirs = {"__name__": "__main__"}, {"__name__": "tqdm.std"}
        for namespace in (mine, theirs):
            exec(wait, namespace)
        with lab.aws():
            lock = threading.Lock()
            assert lock.acquire()
            assert not theirs["wait"](lock, 0.01)  # type: ignore[operator]
            assert time.monotonic() == 0
            assert not mine["wait"](lock, 600)  # type: ignore[operator]
            assert time.monotonic() == 600

    def test_a_condition_is_notified(self, lab: Lab) -> None:
        with lab.aws():
            condition, there = threading.Condition(), list[int]()

            def bring() -> None:
                time.sleep(3)
                with condition:
                    there.append(1)
                    condition.notify()

            threading.Thread(target=bring).start()
            with condition:
                assert condition.wait_for(lambda: there, timeout=10)
                assert time.monotonic() == 3

    def test_asyncio_and_its_threads(self, lab: Lab) -> None:
        async def main() -> list[Any]:
            found = await asyncio.gather(*(asyncio.to_thread(ask, s) for s in (2, 3, 1)))
            await asyncio.sleep(4)
            return found

        with lab.aws():
            assert asyncio.run(main()) == [2, 3, 1]
            assert 7 < time.monotonic() < 7.5

    def test_in_a_loop_that_ran_before_the_block(self, lab: Lab) -> None:
        async def cell() -> list[Any]:
            with lab.aws():
                return list(await asyncio.gather(*(asyncio.to_thread(ask, s) for s in (2, 3, 1))))

        assert asyncio.run(asyncio.wait_for(cell(), 20)) == [2, 3, 1]
        assert 3 < lab.elapsed < 3.5

    def test_errors_of_a_thread_are_told_as_always(
        self, lab: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[Any] = []
        monkeypatch.setattr(threading, "excepthook", told.append)

        def fail() -> None:
            raise KeyError("stock")

        with lab.aws():
            thread = threading.Thread(target=fail)
            thread.start()
            thread.join()
        assert told[0].exc_type is KeyError
        assert told[0].thread is thread

    def test_a_thread_sees_the_blocks_process(
        self, lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("MINE", "yes")
        seen: list[Any] = []

        def look() -> None:
            import os

            ask(0.5)  # a handler with another world ran in between
            seen.append((os.environ.get("MINE"), "AWS_LAMBDA_FUNCTION_NAME" in os.environ))
            print("from a thread")

        with lab.aws():
            thread = threading.Thread(target=look)
            thread.start()
            thread.join()
        assert seen == [("yes", False)]
        assert capsys.readouterr().out == "from a thread\n"

    def test_streams_and_filters_of_the_block_and_its_threads(self) -> None:
        said: dict[str, str] = {}

        def speak(name: str) -> None:
            with contextlib.redirect_stdout(io.StringIO()) as stream, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for _ in range(2):
                    boto3.client("lambda").invoke(FunctionName="talk")
                    print("from", name)
                    warnings.warn("which is ignored", stacklevel=1)
            said[name] = stream.getvalue()

        with Lab(seed=1) as lab:

            @lab.function(name="talk")
            def talk(event: Any, context: Any) -> None:
                time.sleep(1)
                print("from the handler")

            with lab.aws():
                threads = [threading.Thread(target=speak, args=(name,)) for name in "ab"]
                for thread in threads:
                    thread.start()
                speak("block")
                for thread in threads:
                    thread.join()
            assert said == {name: f"from {name}\n" * 2 for name in ("a", "b", "block")}
            assert (lab.trace.logs["message"] == "from the handler").sum() == 6
            lab.audit()

    def test_a_pool_outlives_the_block(self, lab: Lab) -> None:
        with ThreadPoolExecutor(2) as pool:
            real = pool.submit(time.time).result(20)
            for n in range(2):
                with lab.aws():
                    assert list(pool.map(ask, [2, 2])) == [2, 2]
                    assert pool.submit(time.time).result() == time.time() < real - 1e6
                assert pool.submit(time.time).result(20) > real - 1
                with Lab(seed=n) as other, other.aws():
                    assert pool.submit(time.monotonic).result() == 0
        assert most_at_once(lab) == 2

    def test_its_verbs(self, lab: Lab) -> None:
        told: list[Any] = []

        def work() -> None:
            note = lab.advance(5)
            told.append(note)
            with pytest.raises(InsideHandler, match="in a thread"):
                lab.run()
            try:
                lab.sqs.create_queue("made").send("x")
            except Exception as error:
                told.append(error)

        with lab.aws():
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        assert lab.elapsed == 5
        assert len(told) == 1
        assert len(lab.sqs["made"].messages) == 1

    def test_throttles_are_each_ones_own(self) -> None:
        with Lab(seed=1) as lab:
            lab.create_function("one", duration=2, reserved_concurrency=1)
            seen: list[str] = []

            def call() -> None:
                try:
                    lab.invoke("one")
                    seen.append("ok")
                except TooManyRequestsException:
                    seen.append("429")

            with lab.aws():
                threads = [threading.Thread(target=call) for _ in range(3)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
            assert sorted(seen) == ["429", "429", "ok"]
            lab.audit()

    def test_what_is_left_of_them_stands_still_and_a_reset_ends_it(self, lab: Lab) -> None:
        ended: list[str] = []

        def forever() -> None:
            try:
                while True:
                    time.sleep(1)
            finally:
                ended.append("unwound")

        with lab.aws():
            threading.Thread(target=forever, daemon=True).start()
            time.sleep(3.5)
        lab.reset()
        assert ended == ["unwound"]
        assert lab.invoke("slow", 1).payload == 1
        assert lab.elapsed < 2

    @pytest.mark.parametrize(
        "deadlock",
        [
            "t = threading.Thread(target=threading.Event().wait); t.start(); t.join()",
            "threading.Thread(target=queue.Queue().get).start(); queue.Queue().get()",
            "threading.Thread(target=queue.SimpleQueue().get).start(); threading.Event().wait()",
        ],
    )
    def test_a_deadlock_is_told(self, deadlock: str) -> None:
        program = (
            "import os, queue, threading, boto3, lambdalab as ll\n"
            "with ll.Lab().aws():\n"
            "    try:\n"
            f"        {deadlock}\n"
            "    except ll.errors.NeverAnswered as error:\n"
            "        print(error)\n"
        )
        said = subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
        )
        assert "deadlock" in said.stdout, said.stderr

    def test_another_process_lives_in_real_time(self, lab: Lab) -> None:
        nap = [sys.executable, "-c", "import time; time.sleep(0.4)"]
        with lab.aws():
            subprocess.run(nap, check=True, timeout=60)
            thread = threading.Thread(target=subprocess.run, args=(nap,), kwargs={"timeout": 60})
            thread.start()
            thread.join()
            assert time.monotonic() == 0
            with pytest.raises(subprocess.TimeoutExpired):
                subprocess.run(nap, check=True, timeout=0.05)
            assert time.monotonic() == 0


class TestElsewhere:
    """Real threads, without a block: they meet when they call at about the same time."""

    def test_two_clients_meet(self, lab: Lab) -> None:
        client = lab.client("lambda")

        def call(seconds: float) -> Any:
            answer = client.invoke(FunctionName="slow", Payload=json.dumps(seconds))
            return json.load(answer["Payload"])

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(call, [2, 2])) == [2, 2]
        assert most_at_once(lab) == 2
        assert lab.elapsed < 3

    def test_invoke_does_too_and_the_lab_comes_home(self, lab: Lab) -> None:
        with ThreadPoolExecutor(2) as pool:
            replies = list(pool.map(lambda s: lab.invoke("slow", s), [3, 1]))
        assert [reply.payload for reply in replies] == [3, 1]
        assert most_at_once(lab) == 2
        assert lab.invoke("slow", 1).payload == 1
        lab.run()
        assert lab.invoke("slow", 1).payload == 1
        assert lab._driver is None

    def test_threads_that_ask_again_stay_in_step(self, lab: Lab) -> None:
        def work(seconds: float) -> list[float]:
            found = []
            for _ in range(4):
                lab.invoke("slow", seconds)
                found.append(lab.elapsed)
            return found

        with ThreadPoolExecutor(2) as pool:
            slow, quick = pool.map(work, [2.0, 1.0])
        assert slow[-1] - slow[0] == pytest.approx(6)
        assert quick[-1] - quick[0] == pytest.approx(3)

    def test_errors_reach_the_thread_that_asked(self, lab: Lab) -> None:
        lab.create_function("one", duration=2, reserved_concurrency=1)

        def call(_: int) -> str:
            try:
                return str(lab.invoke("one").status_code)
            except TooManyRequestsException as error:
                return str(error.status_code)

        with ThreadPoolExecutor(3) as pool:
            assert sorted(pool.map(call, range(3))) == ["200", "429", "429"]

    def test_a_thread_of_its_own_may_make_and_use_a_lab(self) -> None:
        found: list[Any] = []

        def work() -> None:
            with Lab(seed=2) as own:
                own.create_function("f", duration=1)
                found.append(own.invoke("f").status_code)
                found.append(own._driver)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert found == [200, None]
