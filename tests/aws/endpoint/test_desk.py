"""The way from the server into a lab."""

from __future__ import annotations

import asyncio
import threading

import pytest

pytest.importorskip("uvicorn")

from lambdalab.aws.endpoint.desk import Desk
from lambdalab.lab import Lab
from lambdalab.traffic.arrivals import Every


@pytest.fixture
def desk(lab: Lab) -> Desk:
    lab.create_function("bill", duration=2, init=0)
    return Desk(lab)


def test_what_is_asked_is_done_in_another_thread(desk: Desk) -> None:
    async def ask() -> tuple[int, int]:
        return await desk.do(threading.get_ident), await desk.do(threading.get_ident)

    desk.start()
    first, second = asyncio.run(ask())
    desk.close()
    assert first == second != threading.get_ident()


def test_what_is_raised_is_raised(desk: Desk) -> None:
    async def ask() -> None:
        with pytest.raises(ZeroDivisionError):
            await desk.do(lambda: 1 // 0)
        assert await desk.do(lambda: desk.lab.invoke("bill").status_code) == 200

    desk.start()
    asyncio.run(ask())
    desk.close()


def test_the_lab_is_given_back(desk: Desk) -> None:
    async def ask() -> str:
        return await desk.do(lambda: desk.lab.invoke("bill").request)

    desk.start()
    assert asyncio.run(ask()) == "r1"
    desk.close()
    desk.close()
    assert desk.lab.invoke("bill").request == "r2"
    with pytest.raises(RuntimeError, match="closed"):
        asyncio.run(ask())


def test_a_lab_whose_traffic_never_ends_stands_still_while_nobody_waits(desk: Desk) -> None:
    lab = desk.lab
    lab.drive("bill", Every(1))

    async def ask() -> float:
        reply = await desk.do(lambda: lab.invoke("bill"))
        return reply.latency_ms

    desk.start()
    assert asyncio.run(ask()) == 2150
    desk.close()
    assert lab.elapsed == 2.15
