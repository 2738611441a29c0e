from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from lambdalab.kernel import US

START = 1_736_208_000


def now() -> float:
    return round(time.time() - START, 6)


def test_gather(world: Any) -> None:
    async def work(n: int) -> int:
        await asyncio.sleep(n)
        return n

    async def main() -> Any:
        return await asyncio.gather(work(3), work(1), work(2)), now()

    assert world.value(lambda: asyncio.run(main())) == ([3, 1, 2], 3.0)


def test_many_short_sleeps_add_up(world: Any) -> None:
    async def main() -> float:
        for _ in range(100):
            await asyncio.sleep(0.1)
        return now()

    assert world.value(lambda: asyncio.run(main())) == pytest.approx(10, abs=1e-4)


def test_wait_for_and_timeouts(world: Any) -> None:
    async def main() -> Any:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.sleep(100), 2)
        at = now()
        async with asyncio.timeout(5):
            await asyncio.sleep(3)
        return at, now()

    assert world.value(lambda: asyncio.run(main())) == (2.0, 5.0)


def test_to_thread(world: Any) -> None:
    async def main() -> Any:
        return await asyncio.gather(
            asyncio.to_thread(time.sleep, 2), asyncio.to_thread(time.sleep, 3), asyncio.sleep(1)
        )

    world.value(lambda: asyncio.run(main()))
    assert world.scheduler.now == 3 * US


def test_three_invocations_interleave(world: Any) -> None:
    def handler() -> Any:
        async def main() -> Any:
            loop = asyncio.get_running_loop()
            variable = asyncio.current_task()
            await asyncio.sleep(1)
            time.sleep(1)  # a blocking call in a coroutine
            assert asyncio.get_running_loop() is loop
            assert asyncio.current_task() is variable
            await asyncio.sleep(1)
            return now()

        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return asyncio.run(main())

    endings = world.run(handler, handler, handler, gap=0.7)
    assert [ending.value for _, ending in endings] == pytest.approx([3.0, 3.7, 4.4])


def test_call_soon_threadsafe_from_a_green_thread(world: Any) -> None:
    async def main() -> Any:
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def work() -> None:
            time.sleep(4)
            loop.call_soon_threadsafe(done.set)
            asyncio.run_coroutine_threadsafe(asyncio.sleep(3), loop).result()

        thread = threading.Thread(target=work)
        thread.start()
        await done.wait()
        at = now()
        await asyncio.to_thread(thread.join)
        return at, now()

    assert world.value(lambda: asyncio.run(main())) == (4.0, 7.0)


def test_async_primitives(world: Any) -> None:
    async def main() -> Any:
        box: asyncio.Queue[int] = asyncio.Queue(1)
        lock = asyncio.Lock()

        async def produce() -> None:
            for n in range(3):
                async with lock:
                    await asyncio.sleep(1)
                await box.put(n)

        task = asyncio.create_task(produce())
        found = [(await box.get(), now()) for _ in range(3)]
        await task
        return found

    assert world.value(lambda: asyncio.run(main())) == [(0, 1.0), (1, 2.0), (2, 3.0)]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_deadline_inside_asyncio(world: Any) -> None:
    async def main() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(100)

    ((at, ending),) = world.run(lambda: asyncio.run(main()), timeout=3)
    assert (at, ending.kind) == (3, "timed_out")
    assert world.scheduler.now == 3 * US


def test_polling_with_sleep_zero_lets_threads_work(world: Any) -> None:
    async def main() -> Any:
        future = asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.01)
        while not future.done():
            await asyncio.sleep(0)
        return now()

    assert world.value(lambda: asyncio.run(main())) == pytest.approx(0.01, abs=1e-4)


def test_a_loop_made_outside(world: Any) -> None:
    loop = asyncio.new_event_loop()
    try:
        world.value(lambda: loop.run_until_complete(asyncio.sleep(50)))
        assert world.scheduler.now == 50 * US
        began = time.perf_counter()
        loop.run_until_complete(asyncio.sleep(0.002))
        assert time.perf_counter() - began >= 0.0015
        assert "select" not in vars(loop._selector)  # type: ignore[attr-defined]
    finally:
        loop.close()


def test_a_run_inside_a_running_loop(world: Any) -> None:
    """As in a notebook's cell: the loop is hidden from handlers and there again afterwards."""

    async def handler_main() -> float:
        await asyncio.sleep(5)
        return now()

    def handler() -> Any:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return asyncio.run(handler_main())

    async def cell() -> Any:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        value = world.value(handler)
        assert asyncio.get_running_loop() is loop
        assert asyncio.current_task() is task
        await asyncio.sleep(0.001)
        return value

    assert asyncio.run(cell()) == 5.0


def test_another_threads_loop_keeps_real_time(world: Any) -> None:
    waits: list[float] = []

    async def ticks() -> None:
        for _ in range(10):
            began = time.perf_counter()
            await asyncio.sleep(0.002)
            waits.append(time.perf_counter() - began)

    thread = threading.Thread(target=lambda: asyncio.run(ticks()))
    thread.start()

    def handler() -> None:
        time.sleep(1)

    while thread.is_alive():
        world.run(*[handler] * 50)
    thread.join()
    assert len(waits) == 10
    assert min(waits) >= 0.0015
