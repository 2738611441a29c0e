"""The order service of a bicycle shop: the example behind the demo, the tour and the documentation.

Five handlers in files (``handlers/``), as one would deploy them, and 500 orders as JSON lines.

>>> from lambdalab import Lab
>>> from lambdalab.examples import orders
>>> service = orders.build(Lab(seed=7))
>>> reply = service.lab.invoke("get_order", {"id": "A1003"})
>>> reply.payload["customer"]
'dina22@example.com'
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambdalab.examples.orders import sdk
from lambdalab.functions.function import Function
from lambdalab.lab import Lab
from lambdalab.sources.mappings.mapping import Mapping as EventSourceMapping
from lambdalab.sources.sqs.service import Queue

_FOLDER = Path(__file__).parent / "handlers"
FAILED = "failed-orders"
"""The queue of orders that ``put_order`` could not put."""


def load() -> list[dict[str, Any]]:
    """The 500 orders; five of them ask for an article that the shop has renamed."""
    lines = (_FOLDER / "orders.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def handlers(lab: Lab) -> Path:
    """The folder with the handlers, for ``code=``; their ``boto3`` reaches this lab's functions."""
    sdk.connect(lab)
    return _FOLDER


class Source(str):
    """The text of a file of Python; a notebook shows it in colours."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        return f"```python\n{self}\n```"


def source(name: str) -> Source:
    """The text of a handler's file, to read: ``print(source("get_order"))``."""
    return Source((_FOLDER / f"{name}.py").read_text(encoding="utf-8").rstrip())


@dataclass(frozen=True)
class OrderService:
    """A lab with the whole service in it: five functions, two queues, two mappings."""

    lab: Lab
    get_order: Function
    put_order: Function
    notify_customer: Function
    bill_orders: Function
    reprocess: Function
    orders: Queue
    failed: Queue
    billing: EventSourceMapping
    second_chance: EventSourceMapping


def build(lab: Lab, *, batch_size: int = 10, maximum_batching_window: int = 0) -> OrderService:
    """Wire the whole service: the settings are those of the mapping that bills."""
    folder = handlers(lab)

    def create(name: str, **settings: Any) -> Function:
        return lab.create_function(name, code=folder, handler=f"{name}.handler", **settings)

    failed = lab.sqs.create_queue(FAILED)
    get_order = create("get_order")
    put_order = create("put_order", dead_letter_queue=FAILED)
    notify_customer = create("notify_customer")
    bill_orders = create("bill_orders", timeout=30)
    reprocess = create("reprocess", timeout=30)
    orders = lab.sqs.create_queue("orders")
    billing = lab.create_event_source_mapping(
        orders, bill_orders, batch_size=batch_size, maximum_batching_window=maximum_batching_window
    )
    second_chance = lab.create_event_source_mapping(failed, reprocess, batch_size=1)
    return OrderService(
        lab, get_order, put_order, notify_customer, bill_orders, reprocess,
        orders, failed, billing, second_chance,
    )  # fmt: skip
