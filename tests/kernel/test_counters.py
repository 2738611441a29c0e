"""Default names of threads, executors and asyncio's tasks count from 1 in each environment."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import lambdalab as ll


def names() -> list[str]:
    async def main() -> list[str]:
        tasks = [asyncio.current_task(), asyncio.create_task(asyncio.sleep(0))]
        named = asyncio.create_task(asyncio.sleep(0), name="mine")
        await asyncio.gather(tasks[1], named)  # type: ignore[arg-type]
        return [task.get_name() for task in (*tasks, named)]  # type: ignore[union-attr]

    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(lambda: threading.current_thread().name).result()
    return [threading.Thread().name, threading.Timer(1, print).name, worker, *asyncio.run(main())]


FIRST = ["Thread-1", "Thread-2", "ThreadPoolExecutor-0_0", "Task-1", "Task-2", "mine"]


def test_each_environment_counts_for_itself(world: Any) -> None:
    threading.Thread()
    assert world.value(names) == FIRST
    here = world.surroundings("f/again")
    assert world.value(names, surroundings=here) == FIRST
    later = world.value(names, surroundings=here)
    assert later[:3] == ["Thread-3", "Thread-4", "ThreadPoolExecutor-1_0"]
    assert int(later[3].partition("-")[2]) > 2  # asyncio.run makes some of its own, as it closes
    here.reset()
    assert world.value(names, surroundings=here) == FIRST


def test_outside_they_count_as_ever(world: Any) -> None:
    before = int(threading.Thread().name.partition("-")[2])
    world.value(names)
    assert threading.Thread().name == f"Thread-{before + 1}"


def test_a_task_factory_is_called_as_ever(world: Any) -> None:
    def handler() -> list[str]:
        made = []

        def factory(loop: Any, coro: Any) -> Any:  # takes no name
            made.append(coro.__name__)
            return asyncio.Task(coro, loop=loop)

        async def main() -> None:
            loop = asyncio.get_running_loop()
            loop.set_task_factory(factory)
            await loop.create_task(asyncio.sleep(0))

        asyncio.run(main())
        return made[:1]

    assert world.value(handler) == ["sleep"]


def test_the_same_script_twice_in_a_process_gives_the_same_trace() -> None:
    def digest() -> str:
        with ll.Lab(seed=1) as lab:

            @lab.function
            def crash(event: Any, context: Any) -> None:
                thread = threading.Thread(target=lambda: 1 / 0)
                thread.start()
                thread.join()

            lab.invoke(crash)
            assert lab.trace.logs.message.str.contains("Thread-1 ").any()
            return lab.trace.digest()

    assert digest() == digest()
