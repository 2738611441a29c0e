"""The story of the tour, without the notebook: the same calls, the same books.

``run`` says how time passes between two acts; whatever it does (``Lab.run``, many ``advance``, many
``step``), the books are the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from lambdalab.errors import ServiceError
from lambdalab.examples.orders import FAILED, handlers, load
from lambdalab.lab import Lab
from lambdalab.traffic.arrivals import Every, Poisson

Run = Callable[[Lab], object]

GOOD, BAD = 3, 16
"""Places in the list of orders: one that can be put, and one with an article nobody sells."""


def tour_lab(seed: int | str = 7, run: Run = Lab.run) -> Lab:
    """The day of the tour: an order is got, one is put, one fails three times and is put again."""
    lab = Lab(seed=seed)
    code, book = handlers(lab), load()
    lab.create_function("get_order", code=code, handler="get_order.handler")
    lab.invoke("get_order", {"id": "A1003"})
    lab.invoke("get_order", {"id": "A1004"})
    _too_slow(lab)
    lab.create_function("notify_customer", code=code, handler="notify_customer.handler")
    lab.create_function(
        "put_order", code=code, handler="put_order.handler", dead_letter_queue=FAILED
    )
    lab.invoke("put_order", book[GOOD], invocation_type="Event")
    run(lab)
    _too_large(lab)
    lab.invoke("put_order", book[BAD], invocation_type="Event")
    run(lab)
    lab.create_function("reprocess", code=code, handler="reprocess.handler", timeout=30)
    lab.create_event_source_mapping(FAILED, "reprocess", batch_size=1)
    run(lab)
    return lab


def _too_slow(lab: Lab) -> None:
    """A function that works longer than the default timeout lets it."""

    @lab.function
    def yearly_report(event: Any, context: Any) -> str:
        time.sleep(4)
        return "a good year"

    lab.invoke(yearly_report)


def _too_large(lab: Lab) -> None:
    """Two payloads, each sent both ways."""

    @lab.function
    def archive(event: Any, context: Any) -> int:
        return len(event["note"])

    for size in (300_000, 7_000_000):
        for invocation_type in ("RequestResponse", "Event"):
            with suppress(ServiceError):
                lab.invoke(archive, {"note": "x" * size}, invocation_type=invocation_type)


def evening_lab(seed: int | str = 7, window: int = 0, run: Run = Lab.run) -> Lab:
    """The evening of the tour: orders are billed in batches of up to ten, with a window or without."""
    lab = Lab(seed=seed)
    bill(lab, window)
    run(lab)
    return lab


def bill(lab: Lab, window: int = 0) -> None:
    """Wire the billing, and have orders come.

    A quiet half minute, and a rush in its middle: 100 orders within a second.
    """
    book, queue = load(), lab.sqs.create_queue("orders")
    lab.create_function(
        "bill_orders", code=handlers(lab), handler="bill_orders.handler", timeout=30
    )
    lab.create_event_source_mapping(
        queue, "bill_orders", batch_size=10, maximum_batching_window=window
    )
    lab.drive(queue, Poisson(rate=1), duration=30, payload=lambda i: book[i])
    lab.drive(queue, Every(0.01, first=12), count=100, payload=lambda i: book[100 + i])


def noon_lab(seed: int | str = 7) -> Lab:
    """Fifteen seconds of a busy noon: orders are put one after another, customers are told."""
    lab, book = Lab(seed=seed), load()
    code = handlers(lab)
    lab.create_function("put_order", code=code, handler="put_order.handler")
    lab.create_function("notify_customer", code=code, handler="notify_customer.handler")
    lab.drive(
        "put_order", Poisson(rate=2), duration=15, payload=lambda i: book[20 + i],
        invocation_type="Event",
    )  # fmt: skip
    lab.run()
    return lab
