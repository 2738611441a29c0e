from __future__ import annotations

import datetime as dt
import email.utils
import logging
import pickle
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from time import monotonic_ns as early_monotonic_ns
from time import sleep as early_sleep
from time import strftime as early_strftime
from time import time as early_time
from typing import Any

import pytest

from lambdalab.kernel import shims
from lambdalab.kernel.shims import clocks
from lambdalab.kernel.shims.adopt import Adopt
from lambdalab.kernel.shims.virtual import timeout_us

START = 1_736_208_000
NOW = datetime(2025, 1, 7, 0, 0, 5, 250_000)
UTC = timezone.utc  # noqa: UP017
EAST = timezone(timedelta(hours=3))

bound_now, bound_utcnow, bound_today = datetime.now, datetime.utcnow, date.today


@dataclass
class Order:
    at: datetime = field(default_factory=datetime.now)
    stamp: datetime = field(default_factory=datetime.utcnow)


def after(function: Callable[[], Any], seconds: float = 5.25) -> Callable[[], Any]:
    def handler() -> Any:
        time.sleep(seconds)
        return function()

    return handler


def default_argument(timer: Callable[[], float] = time.time) -> float:
    return timer()


CLOCKS: list[tuple[Callable[[], Any], Any]] = [
    (lambda: time.time(), START + 5.25),
    (lambda: time.time_ns(), (START * 10**6 + 5_250_000) * 1000),
    (lambda: time.monotonic(), 5.25),
    (lambda: time.monotonic_ns(), 5_250_000_000),
    (lambda: time.perf_counter(), 5.25),
    (lambda: time.perf_counter_ns(), 5_250_000_000),
    (lambda: time.clock_gettime(time.CLOCK_REALTIME), START + 5.25),
    (lambda: time.clock_gettime(time.CLOCK_MONOTONIC), 5.25),
    (lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME), 5_250_000_000),
    (lambda: time.gmtime()[:6], (2025, 1, 7, 0, 0, 5)),
    (lambda: time.localtime()[:6], (2025, 1, 7, 0, 0, 5)),
    (lambda: time.localtime(0)[:6], (1970, 1, 1, 0, 0, 0)),
    (lambda: time.ctime(), "Tue Jan  7 00:00:05 2025"),
    (lambda: time.ctime(0), "Thu Jan  1 00:00:00 1970"),
    (lambda: time.asctime(), "Tue Jan  7 00:00:05 2025"),
    (lambda: time.asctime(time.gmtime(0)), "Thu Jan  1 00:00:00 1970"),
    (lambda: time.strftime("%Y-%m-%d %H:%M:%S"), "2025-01-07 00:00:05"),
    (lambda: time.strftime("%Y", time.gmtime(0)), "1970"),
    (lambda: time.mktime((2025, 1, 7, 0, 0, 5, 0, 0, -1)), START + 5.0),
    (lambda: time.mktime((2024, 13, 7, 0, 0, 5, 0, 0, -1)), START + 5.0),
    (lambda: datetime.now(), NOW),
    (lambda: datetime.now(UTC), NOW.replace(tzinfo=UTC)),
    (lambda: datetime.now(tz=EAST).isoformat(), "2025-01-07T03:00:05.250000+03:00"),
    (lambda: datetime.utcnow(), NOW),
    (lambda: datetime.today(), NOW),
    (lambda: date.today(), date(2025, 1, 7)),
    (lambda: datetime.fromtimestamp(START), datetime(2025, 1, 7)),
    (lambda: datetime.fromtimestamp(START, EAST).hour, 3),
    (lambda: date.fromtimestamp(START), date(2025, 1, 7)),
    (lambda: NOW.timestamp(), START + 5.25),
    (lambda: NOW.replace(tzinfo=EAST).timestamp(), START + 5.25 - 3 * 3600),
    (lambda: NOW.astimezone().isoformat(), "2025-01-07T00:00:05.250000+00:00"),
    (lambda: NOW.astimezone(EAST).isoformat(), "2025-01-07T03:00:05.250000+03:00"),
    (lambda: datetime.now().timestamp() == time.time(), True),
    (lambda: early_time(), START + 5.25),
    (lambda: early_monotonic_ns(), 5_250_000_000),
    (lambda: early_strftime("%S"), "05"),
    (lambda: bound_now(), NOW),
    (lambda: bound_now(UTC), NOW.replace(tzinfo=UTC)),
    (lambda: bound_utcnow(), NOW),
    (lambda: bound_today(), date(2025, 1, 7)),
    (lambda: Order(), Order(NOW, NOW)),
    (default_argument, START + 5.25),
    (lambda: email.utils.formatdate(), "Tue, 07 Jan 2025 00:00:05 -0000"),
    (lambda: logging.LogRecord("x", 20, "", 0, "", (), None).created, pytest.approx(START + 5.25)),
]


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
@pytest.mark.parametrize("index", range(len(CLOCKS)))
def test_every_clock_is_virtual_in_a_handler(world: Any, index: int) -> None:
    function, expected = CLOCKS[index]
    assert world.value(after(function)) == expected


def test_early_names_sleep_virtually(world: Any) -> None:
    def handler() -> float:
        early_sleep(3)
        return early_time()

    assert world.value(handler) == START + 3


def test_real_outside_and_beside(world: Any) -> None:
    """Between two runs, in the service's logic and in another thread: real time."""
    seen: list[float] = []
    stop = threading.Event()

    def beside() -> None:
        while not stop.is_set():
            seen.extend((time.time(), datetime.now().timestamp()))
            began = time.perf_counter()
            time.sleep(0.001)
            assert time.perf_counter() - began >= 0.001
            stop.wait(0.001)

    thread = threading.Thread(target=beside)
    thread.start()
    try:
        for index in range(2_000):
            world.at(index, after(time.time, 10))
        world.scheduler.at(5, lambda _: seen.append(time.time()))
        world.run()
    finally:
        stop.set()
        thread.join()
    assert seen
    assert all(moment > START + 86_400 * 30 for moment in seen)
    assert {ending.value for _, ending in world.endings} == {START + i + 10.0 for i in range(2000)}


def test_types_stay_what_they_are(world: Any) -> None:
    class Mine(datetime):
        pass

    def handler() -> Any:
        now = datetime.now()
        mine = Mine.now(EAST)
        assert type(now) is datetime
        assert isinstance(now, date)
        assert type(mine) is Mine
        assert mine.tzinfo is EAST
        assert type(Mine.today()) is Mine
        assert pickle.loads(pickle.dumps(now)) == now
        assert pickle.loads(pickle.dumps(datetime)) is datetime
        assert datetime is dt.datetime
        return now

    assert world.value(handler) == datetime(2025, 1, 7)


def test_pandas_and_pydantic(world: Any) -> None:
    pandas, pydantic = pytest.importorskip("pandas"), pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        at: datetime = pydantic.Field(default_factory=datetime.now)

    def handler() -> Any:
        return pandas.Timestamp.now(), pandas.Timestamp.now("UTC"), Model().at, Model(at=NOW).at

    shims.handlers_changed(lambda: True)  # the model's default was bound after the first run
    plain, aware, made, given = world.value(after(handler))
    assert plain == pandas.Timestamp(NOW)
    assert aware == pandas.Timestamp(NOW, tz="UTC")
    assert (made, given) == (NOW, NOW)


def test_botocores_clock(world: Any) -> None:
    compat = pytest.importorskip("botocore.compat")
    auth = pytest.importorskip("botocore.auth")

    def handler() -> Any:
        return compat.get_current_datetime(), auth.formatdate(usegmt=True)

    assert world.value(after(handler)) == (NOW, "Tue, 07 Jan 2025 00:00:05 GMT")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: time.sleep("x"), TypeError),
        (lambda: time.sleep(-1), ValueError),
        (lambda: time.sleep(-0.5), ValueError),
        (lambda: time.sleep(float("nan")), ValueError),
        (lambda: time.sleep(float("inf")), OverflowError),
        (lambda: time.sleep(None), TypeError),
        (lambda: time.sleep(), TypeError),
        (lambda: datetime.now(5), TypeError),
        (lambda: datetime.now(1, 2), TypeError),
        (lambda: bound_now(5), TypeError),
        (lambda: date.today(1), TypeError),
        (lambda: time.time(1), TypeError),
        (lambda: time.gmtime("x"), TypeError),
        (lambda: time.mktime(5), TypeError),
        (lambda: time.clock_gettime("x"), TypeError),
        (lambda: time.clock_gettime(12345), OSError),
        (lambda: datetime.fromtimestamp("x"), TypeError),
        (lambda: NOW.astimezone(5), TypeError),
    ],
)
def test_bad_arguments_raise_as_ever(world: Any, call: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        call()
    with pytest.raises(error):
        world.value(call)


def test_a_wait_takes_at_least_a_microsecond() -> None:
    assert [timeout_us(t) for t in (0, 1e-9, 0.5, 2, True)] == [1, 1, 500_000, 2_000_000, 1_000_000]


def test_polling_with_sleep_zero_gets_somewhere(world: Any) -> None:
    def handler() -> int:
        rounds = 0
        while time.time() < START + 0.001:
            time.sleep(0)
            rounds += 1
        return rounds

    assert world.value(handler) == 1_000


def test_a_host_that_is_not_on_utc(run_python: Any) -> None:
    program = """
import time, datetime as dt
def body():
    time.sleep(1)
    naive = dt.datetime(2025, 1, 7, 12)
    return [str(dt.datetime.now()), time.localtime().tm_hour, naive.timestamp(), time.mktime(
        naive.timetuple()), str(naive.astimezone()), str(dt.date.fromtimestamp(1736208000)),
        time.ctime(0), str(dt.datetime.fromtimestamp(0)), dt.datetime.now().timestamp() ==
        time.time(), time.strftime("%H %Z")]
print(run(body)[0][1].value)
print(dt.datetime.fromtimestamp(0).hour, time.localtime(0).tm_hour)
"""
    inside, outside = run_python(program, TZ="America/New_York").splitlines()
    assert inside == run_python(program, TZ="UTC").splitlines()[0]
    assert inside.startswith("['2025-01-07 00:00:01', 0, 1736251200.0, 1736251200.0, ")
    assert outside == "19 19"


def test_nothing_is_left_behind(world: Any) -> None:
    before = [time.time, time.sleep, datetime.__dict__["now"], date.__dict__["today"]]
    texts = [repr(item) for item in before]
    world.run(after(time.time))
    now = [time.time, time.sleep, datetime.__dict__["now"], date.__dict__["today"]]
    assert all(a is b for a, b in zip(before, now, strict=True))
    assert texts == [repr(item) for item in now]
    assert repr(bound_now) == "<built-in method now of type object at " + repr(bound_now)[39:]
    assert bound_now().year > 2025
    assert pickle.loads(pickle.dumps(time.time)) is time.time


def test_library_defaults_are_virtual(world: Any) -> None:
    def handler() -> Any:
        with pytest.raises(queue.Empty):
            queue.Queue().get(timeout=7)
        return time.time()

    assert world.value(handler) == START + 7


def test_the_test_of_the_clocks_notices_a_broken_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "check", lambda _: 1 / 0)
    made = clocks.Clocks()
    assert made.level == "adopt"
    assert "ZeroDivisionError" in made.why


def test_the_fallback_replaces_names() -> None:
    """Module globals and default arguments; the class gives out real datetimes."""
    from _thread import get_ident

    from lambdalab.kernel.current import running

    adopt, probe = Adopt(), clocks._Probe()
    adopt.on()
    try:
        running[get_ident()] = probe  # type: ignore[assignment]
        early_sleep(2)
        found = [early_time(), default_argument(), datetime.now(), date.today(), time.time()]
        assert isinstance(NOW, datetime)
        assert type(datetime.now()) is type(NOW)
    finally:
        running.clear()
        adopt.off()
    moment = datetime(2025, 1, 7, 0, 0, 7)
    assert found == [START + 7, START + 7, moment, moment.date(), START + 7]
    assert early_time() > START + 86_400
    assert default_argument() > START + 86_400
    assert datetime is type(NOW)
