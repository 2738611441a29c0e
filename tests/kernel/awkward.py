"""Handlers that are hard to run in virtual time, each as a case: a function of a fresh lab.

``test_awkward.py`` runs every case in plain Python, in a thread that is not the main one, and in a
notebook cell while the kernel's event loop runs. A case raises AssertionError where it fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import dataclasses
import datetime as dt
import logging
import os
import pickle
import queue
import random
import re
import secrets
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from time import monotonic as early_monotonic
from time import sleep as early_sleep
from typing import Any

import lambdalab as ll

START = 1_736_208_000.0  # 2025-01-07 00:00 UTC
CASES: dict[str, Callable[[ll.Lab], None]] = {}
MAIN_THREAD_ONLY = {"catastrophic_regex"}


def case(function: Callable[[ll.Lab], None]) -> Callable[[ll.Lab], None]:
    CASES[function.__name__] = function
    return function


def run(name: str) -> None:
    lab = ll.Lab(seed=7, quotas={"environment_setup": 0.0})
    CASES[name](lab)
    lab.run()
    lab.audit()
    again = ll.Lab(seed=7)  # whatever the handler did, the process is as it was
    assert abs(time.time() - START) > 1e6
    again.create_function("model", duration=1)
    assert again.invoke("model").status_code == 200


def invoke(lab: ll.Lab, handler: Callable[..., Any], event: Any = None, **settings: Any) -> Any:
    """Register, invoke, and give the result back; the handler must not fail."""
    lab.function(**{"timeout": 60, "init": 0, **settings})(handler)
    reply = lab.invoke(handler, event)
    reply.raise_for_error()
    return reply.payload


# ---------------------------------------------------------------------- clocks


@case
def sleep_and_all_clocks(lab: ll.Lab) -> None:
    def readings() -> list[float]:
        return [
            time.time(), time.time_ns() / 1e9, time.monotonic(), time.monotonic_ns() / 1e9,
            time.perf_counter(), time.perf_counter_ns() / 1e9,
            time.clock_gettime(time.CLOCK_REALTIME), time.clock_gettime(time.CLOCK_MONOTONIC),
            time.clock_gettime_ns(time.CLOCK_REALTIME) / 1e9,
            datetime.now().timestamp(), datetime.now(dt.UTC).timestamp(),
            datetime.utcnow().replace(tzinfo=dt.UTC).timestamp(),
        ]  # fmt: skip

    def handler(event, context):
        before = readings()
        time.sleep(2)
        return [round(after - start, 6) for start, after in zip(before, readings(), strict=True)]

    assert invoke(lab, handler) == [2.0] * 12


@case
def calendar_without_argument(lab: ll.Lab) -> None:
    def handler(event, context):
        time.sleep(840)
        return [
            time.strftime("%Y-%m-%d %H:%M:%S"), list(time.localtime())[:6], list(time.gmtime())[:6],
            time.ctime(), time.asctime(), dt.date.today().isoformat(), datetime.today().isoformat(),
            time.mktime(time.localtime()), datetime.now().astimezone().isoformat(),
            datetime.fromtimestamp(time.time()).isoformat(),
        ]  # fmt: skip

    assert invoke(lab, handler, timeout=900) == [
        "2025-01-07 00:14:00", [2025, 1, 7, 0, 14, 0], [2025, 1, 7, 0, 14, 0],
        "Tue Jan  7 00:14:00 2025", "Tue Jan  7 00:14:00 2025", "2025-01-07",
        "2025-01-07T00:14:00", START + 840, "2025-01-07T00:14:00+00:00", "2025-01-07T00:14:00",
    ]  # fmt: skip


early_utcnow = datetime.utcnow


@dataclasses.dataclass
class Record:
    at: datetime = dataclasses.field(default_factory=datetime.utcnow)
    late: datetime = dataclasses.field(default_factory=early_utcnow)


@case
def names_bound_early(lab: ll.Lab) -> None:
    def default_argument(seconds: float, sleep: Any = early_sleep, clock: Any = time.time) -> float:
        sleep(seconds)
        return clock()

    def handler(event, context):
        early_sleep(1.5)
        record = Record()
        return [
            early_monotonic(), default_argument(0.5), record.at.isoformat(), record.late.isoformat(),
        ]  # fmt: skip

    found = invoke(lab, handler)
    assert found == [
        1.5, START + 2.0, "2025-01-07T00:00:01.500000", "2025-01-07T00:00:01.500000"
    ], found  # fmt: skip


@case
def clocks_of_libraries(lab: ll.Lab) -> None:
    import botocore.compat
    import pandas as pd

    def handler(event, context):
        time.sleep(3)
        record = logging.LogRecord("n", 20, "p", 1, "m", (), None)
        waited = queue.Queue()
        began = time.monotonic()
        with contextlib.suppress(queue.Empty):
            waited.get(timeout=0.5)
        return [
            pd.Timestamp.now().isoformat(), pd.Timestamp.now("UTC").timestamp(), record.created,
            botocore.compat.get_current_datetime().isoformat(), time.monotonic() - began,
        ]  # fmt: skip

    found = invoke(lab, handler)
    assert found == [
        "2025-01-07T00:00:03.500000", START + 3.5, START + 3, "2025-01-07T00:00:03.500000", 0.5
    ], found  # fmt: skip


@case
def datetime_stays_itself(lab: ll.Lab) -> None:
    import pydantic

    class Order(pydantic.BaseModel):
        at: datetime

    def handler(event, context):
        now = datetime.now(dt.UTC)
        back = pickle.loads(pickle.dumps(now))
        order = Order(at=now)
        return [
            isinstance(now, datetime), isinstance(now, dt.date), type(now) is dt.datetime,
            back == now, order.at == now, Order.model_validate_json(order.model_dump_json()) == order,
            issubclass(datetime, dt.date),
        ]  # fmt: skip

    assert invoke(lab, handler) == [True] * 7


@case
def bad_arguments(lab: ll.Lab) -> None:
    def handler(event, context):
        errors = []
        for call in (
            lambda: time.sleep("x"), lambda: time.sleep(-1), lambda: time.sleep(),
            lambda: datetime.now(5), lambda: time.strftime(5), lambda: time.clock_gettime("x"),
            lambda: time.sleep(float("nan")),
        ):  # fmt: skip
            try:
                call()
                errors.append("nothing")
            except (TypeError, ValueError) as error:
                errors.append(type(error).__name__)
        return errors

    assert invoke(lab, handler) == ["TypeError", "ValueError", "TypeError", "TypeError",
                                    "TypeError", "TypeError", "ValueError"]  # fmt: skip


# ---------------------------------------------------------------------- threads


@case
def thread_pool(lab: ll.Lab) -> None:
    def handler(event, context):
        began = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda i: (time.sleep(1), i)[1], range(8)))
        return [time.monotonic() - began, results]

    assert invoke(lab, handler) == [2.0, list(range(8))]


@case
def thread_lock_event(lab: ll.Lab) -> None:
    def handler(event, context):
        ended, lock, ready = [], threading.Lock(), threading.Event()

        def work() -> None:
            with lock:
                time.sleep(1)
                ended.append(time.monotonic())
            ready.set()

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        first, second = ready.wait(0.5), ready.wait()
        for thread in threads:
            thread.join()
        return [first, second, ended, any(thread.is_alive() for thread in threads)]

    assert invoke(lab, handler) == [False, True, [1.0, 2.0, 3.0], False]


@case
def bounded_queue(lab: ll.Lab) -> None:
    def handler(event, context):
        channel, got = queue.Queue(2), []

        def produce() -> None:
            for i in range(5):
                channel.put(i)
                time.sleep(0.1)
            channel.put(None)

        threading.Thread(target=produce).start()
        while (item := channel.get()) is not None:
            time.sleep(0.3)
            got.append(item)
        try:
            channel.get(timeout=1)
        except queue.Empty:
            got.append(round(time.monotonic(), 6))
        return got

    assert invoke(lab, handler) == [0, 1, 2, 3, 4, 2.5]


@case
def thread_past_the_deadline(lab: ll.Lab) -> None:
    def handler(event, context):
        threading.Event().wait()

    lab.function(timeout=3, init=0)(handler)
    reply = lab.invoke(handler)
    assert "timed out after 3.00" in reply.payload["errorMessage"]
    assert lab.elapsed == 3.0


# ---------------------------------------------------------------------- asyncio


@case
def asyncio_in_a_handler(lab: ll.Lab) -> None:
    def handler(event, context):
        async def wait(seconds: float) -> float:
            await asyncio.sleep(seconds)
            return seconds

        async def main() -> list[Any]:
            together = await asyncio.gather(wait(1), wait(2), wait(0.5))
            try:
                await asyncio.wait_for(wait(100), 3)
            except TimeoutError:
                together.append("late")
            thread = await asyncio.to_thread(lambda: (time.sleep(2), "thread")[1])
            return [*together, thread, time.monotonic()]

        return asyncio.run(main())

    assert invoke(lab, handler) == [1, 2, 0.5, "late", "thread", 7.0]


@case
def asyncio_interleaved(lab: ll.Lab) -> None:
    ended = []

    def handler(event, context):
        async def main() -> None:
            await asyncio.gather(*(asyncio.sleep(1 + i) for i in range(event["i"] + 1)))

        asyncio.run(main())
        ended.append([event["i"], time.monotonic()])

    lab.function(timeout=60, init=0)(handler)
    lab.drive(handler, ll.Every(0.7), count=3, payload=lambda i: {"i": i})
    lab.run()
    assert ended == [[0, 1.0], [1, 2.7], [2, 4.4]], ended


# ---------------------------------------------------------------------- chance and context

variable: contextvars.ContextVar[Any] = contextvars.ContextVar("variable", default="unset")


@case
def context_variables(lab: ll.Lab) -> None:
    variable.set("outside")
    seen = []

    def handler(event, context):
        before = variable.get()
        variable.set(event["i"])
        time.sleep(1)
        seen.append([before, variable.get()])

    lab.function(timeout=60, init=0)(handler)
    lab.drive(handler, ll.Every(0.3), count=3, payload=lambda i: {"i": i})
    lab.run()
    assert seen == [["unset", 0], ["unset", 1], ["unset", 2]], seen
    assert variable.get() == "outside"


@case
def chance_repeats(lab: ll.Lab) -> None:
    import numpy as np

    def handler(event, context):
        return [
            random.random(), random.choice("abcdef"), str(uuid.uuid4()), str(uuid.uuid1()),
            secrets.token_hex(8), random.SystemRandom().random(), os.urandom(4).hex(),
            random.Random().random(), float(np.random.default_rng().random()),
        ]  # fmt: skip

    outside = random.getstate()
    first = invoke(lab, handler)
    second = lab.invoke(handler).payload
    again = ll.Lab(seed=7, quotas={"environment_setup": 0.0})
    assert invoke(again, handler) == first, (first, invoke(again, handler))
    assert first[2] != second[2]
    other = invoke(ll.Lab(seed=8), handler)
    assert all(a != b for a, b in zip(first[2:], other[2:], strict=True))
    assert random.getstate() == outside


# ---------------------------------------------------------------------- ends


@case
def timeout_is_not_swallowed(lab: ll.Lab) -> None:
    effects = []

    def handler(event, context):
        try:
            time.sleep(100)
        except Exception:
            effects.append("swallowed")
        finally:
            effects.append("finally")
            try:
                lab.sqs.create_queue("ghost")
                effects.append("ghost")
            finally:
                time.sleep(1)
                effects.append("slept")

    lab.function(timeout=3, init=0)(handler)
    reply = lab.invoke(handler)
    assert reply.payload["errorType"] == "Sandbox.Timedout"
    assert effects == ["finally"]
    assert lab.elapsed == 3.0
    assert "ghost" not in lab.sqs


@case
def timeout_is_ignored(lab: ll.Lab) -> None:
    rounds = []

    def handler(event, context):
        while True:
            try:
                time.sleep(100)
            except BaseException:
                rounds.append(1)

    lab.function(timeout=3, init=0)(handler)
    for expected in (3.0, 6.0):
        reply = lab.invoke(handler)
        assert reply.payload["errorType"] == "Sandbox.Timedout"
        assert lab.elapsed == expected
    assert len(rounds) < 20


def assert_stopped(lab: ll.Lab, handler: Callable[..., Any]) -> None:
    """The guard stops it, and on AWS it would have run into its timeout."""
    lab.function(timeout=3, init=0)(handler)
    lab._lambda.tasks.cpu_limit = 0.2
    reply = lab.invoke(handler)
    assert reply.payload["errorType"] == "Sandbox.Timedout"
    assert lab.elapsed == 3.0


@case
def endless_loop(lab: ll.Lab) -> None:
    def handler(event, context):
        while True:
            pass

    assert_stopped(lab, handler)


@case
def catastrophic_regex(lab: ll.Lab) -> None:
    def handler(event, context):
        return re.match(r"(a+)+b", "a" * 60) is None

    assert_stopped(lab, handler)


@case
def nested_three_deep(lab: ll.Lab) -> None:
    @lab.function(timeout=60, init=0)
    def inner(event, context):
        time.sleep(1)
        return event["n"] + 1

    @lab.function(timeout=60, init=0)
    def middle(event, context):
        time.sleep(1)
        return lab.invoke(inner, {"n": event["n"] + 1}).payload

    def outer(event, context):
        time.sleep(1)
        reply = lab.invoke("middle", {"n": 1})
        return [reply.payload, reply.status_code, time.monotonic()]

    assert invoke(lab, outer) == [3, 200, 3.0]
    parents = lab.trace.invocations["parent_id"].tolist()
    assert parents[0] == ""
    assert parents[1]
    assert parents[2]


@case
def leaving(lab: ll.Lab) -> None:
    def interrupts(event, context):
        raise KeyboardInterrupt

    def exits(event, context):
        sys.exit(3)

    def hard(event, context):
        try:
            os._exit(3)
        finally:
            raise AssertionError("no finally runs")

    for handler in (interrupts, exits, hard):
        lab.function(init=0)(handler)
        reply = lab.invoke(handler)
        assert reply.function_error == "Unhandled"
        assert reply.payload["errorType"] == "Runtime.ExitError", reply.payload


@case
def no_network(lab: ll.Lab) -> None:
    def handler(event, context):
        socket.create_connection(("192.0.2.1", 80), timeout=1)

    lab.function(init=0)(handler)
    reply = lab.invoke(handler)
    assert reply.payload["errorType"] == "NetworkRefused"
    assert "allow_network=True" in reply.payload["errorMessage"]


@case
def real_time_beside(lab: ll.Lab) -> None:
    from tqdm import tqdm

    seen, stop = [], threading.Event()

    def other() -> None:
        while not stop.is_set():
            before = time.time()
            time.sleep(0.002)
            record = logging.LogRecord("n", 20, "p", 1, "m", (), None)
            seen.append((before, time.time() - before, record.created, datetime.now().year))

    def handler(event, context):
        time.sleep(random.random())

    lab.function(timeout=60, init=0)(handler)
    thread = threading.Thread(target=other)
    began = time.perf_counter()
    thread.start()
    lab.drive(handler, ll.Every(0.01), count=2_000)
    with open(os.devnull, "w") as nowhere:
        for _ in tqdm(range(20), file=nowhere):
            lab.advance(2)
    lab.run()
    stop.set()
    thread.join()
    assert time.perf_counter() - began < 30
    assert len(seen) > 3
    for before, took, created, year in seen:
        assert before > START + 1e6
        assert 0.002 <= took < 5
        assert created > START + 1e6
        assert year > 2025


@case
def ten_thousand_asleep(lab: ll.Lab) -> None:
    def resident() -> float:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    peak = []

    def handler(event, context):
        time.sleep(60)
        if not peak:
            peak.append(resident())

    big = ll.Lab(seed=1, quotas={"account_concurrency": 20_000, "scaling_burst": 20_000})
    big.function(timeout=90, init=0)(handler)
    before = resident() if os.path.exists("/proc/self/statm") else 0.0
    big.drive(handler, ll.Burst(10_000))
    big.run()
    assert len(big.trace.attempts) == 10_000
    assert peak[0] - before < 300, peak[0] - before
