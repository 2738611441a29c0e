"""An order service to review: one with a mistake for each rule of ``lab.check()``, and the same mended.

>>> from lambdalab import Lab
>>> from lambdalab.examples import design_review
>>> lab = Lab(seed=7)
>>> shop = design_review.wrong(lab)
>>> design_review.a_day(shop)
>>> lab.check().kinds == list(design_review.PLANTED)
True
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lambdalab.lab import Lab

PLANTED: Mapping[str, str] = MappingProxyType(
    {
        "api timeout": "the invoice may take a minute, behind an API that waits for 29 s",
        "visibility timeout": "somebody has set the visibility timeout of orders below the function's",
        "visibility margin": "that of parcels is just the function's timeout",
        "batch payload": "1,000 scans of 200 KB shall make a batch",
        "no failure destination": "nobody hears of a customer who could not be told",
        "reserved concurrency": "payments reserve 2, and their mapping knows no limit",
        "bucket loop": "small photos go where large ones come from",
        "not idempotent": "an order that is put twice is billed twice",
    }
)
"""The mistakes of :func:`wrong`, by the kind of the finding that tells of each."""

SCAN_BYTES = 200_000


@dataclass(frozen=True)
class Plan:
    """The settings in which the two services differ: those of the right one by default."""

    invoice_timeout: int = 20
    orders_visibility: int = 180
    parcels_visibility: int = 180
    scans_batch: int = 25
    notices_letters: str | None = "failed-notices"
    payments_limit: int | None = 2
    photos_from: str = "large/"
    photos_to: str = "small/"
    once: bool = True


WRONG = Plan(
    invoice_timeout=60, orders_visibility=20, parcels_visibility=30, scans_batch=1000,
    notices_letters=None, payments_limit=None, photos_from="", photos_to="small/", once=False,
)  # fmt: skip


@dataclass(frozen=True)
class Shop:
    """A lab with the service in it; its API, queues, topic and bucket have the names of the lab's."""

    lab: Lab
    plan: Plan


def wrong(lab: Lab) -> Shop:
    """The service with its mistakes (:data:`PLANTED`)."""
    return _build(lab, WRONG)


def right(lab: Lab) -> Shop:
    """The same service, mended."""
    return _build(lab, Plan())


def _build(lab: Lab, plan: Plan) -> Shop:
    _orders(lab, plan)
    _invoices(lab, plan)
    _queue(lab, "parcels", "ship", timeout=30, visibility=plan.parcels_visibility)
    _queue(
        lab, "scans", "read_scan", timeout=10, visibility=120, batch_size=plan.scans_batch,
        maximum_batching_window=5,
    )  # fmt: skip
    _queue(
        lab, "payments", "pay", timeout=10, visibility=60, reserved_concurrency=2, batch_size=1,
        maximum_concurrency=plan.payments_limit,
    )  # fmt: skip
    lab.create_function("notify", duration=0.3, dead_letter_queue=plan.notices_letters)
    lab.sns.create_topic("order-events").subscribe("notify")
    _photos(lab, plan)
    return Shop(lab, plan)


def _queue(
    lab: Lab, queue: str, function: str, *, timeout: int, visibility: int,
    reserved_concurrency: int | None = None, **mapping: Any,
) -> None:  # fmt: skip
    """A queue, the function that works it off, and the mapping between."""
    lab.sqs.create_queue(
        queue, visibility_timeout=max(visibility, timeout), dead_letter_queue=f"failed-{queue}",
        max_receive_count=5,
    )  # fmt: skip
    lab.create_function(
        function, duration=timeout / 2, timeout=timeout, reserved_concurrency=reserved_concurrency
    )
    lab.create_event_source_mapping(queue, function, **mapping)
    lab.sqs[queue].update(visibility_timeout=visibility)


def _orders(lab: Lab, plan: Plan) -> None:
    """PUT /orders: an order is stored and billed; the caller does not wait for it."""
    _queue(lab, "orders", "bill", timeout=30, visibility=plan.orders_visibility)
    lab.dynamodb.create_table("taken")

    def put_order(event: Any, context: Any) -> dict[str, Any]:
        if plan.once and lab.dynamodb["taken"].get_item({"id": event["id"]}):
            return {"id": event["id"]}  # it was put before
        lab.sqs["orders"].send(event)
        lab.dynamodb["taken"].put_item({"id": event["id"]})
        return {"id": event["id"]}

    lab.create_function("put_order", code=put_order, dead_letter_queue="failed-puts")
    lab.api_gateway.create_rest_api("shop").route(
        "PUT", "/orders", "put_order", proxy=False, invocation_type="Event",
        integration_responses={"": 202},
    )  # fmt: skip


def _invoices(lab: Lab, plan: Plan) -> None:
    """GET /orders/{id}/invoice: the caller waits for it."""

    def invoice(event: Any, context: Any) -> dict[str, Any]:
        time.sleep(min(35, plan.invoice_timeout - 2))
        return {"statusCode": 200, "body": f"invoice of {event['pathParameters']['id']}"}

    lab.create_function("invoice", code=invoice, timeout=plan.invoice_timeout)
    lab.api_gateway["shop"].route("GET", "/orders/{id}/invoice", "invoice")


def _photos(lab: Lab, plan: Plan) -> None:
    """A photo that is put in the bucket is made smaller, and put there too."""

    def shrink(event: Any, context: Any) -> None:
        for record in event["Records"]:
            key = record["s3"]["object"]["key"].removeprefix(plan.photos_from)
            lab.s3["photos"].put_object(plan.photos_to + key, b"small")

    lab.create_function("shrink", code=shrink, dead_letter_queue="failed-photos")
    lab.s3.create_bucket("photos").notify("shrink", prefix=plan.photos_from)


def a_day(shop: Shop) -> None:
    """A little of everything, for a quarter of an hour; it ends while payments are still waiting."""
    lab = shop.lab
    api = lab.api_gateway["shop"]
    api.put("/orders", {"id": "A1003", "total_cents": 12_900})
    api.get("/orders/A1003/invoice")
    lab.sns["order-events"].publish("A1003 is on its way")
    lab.s3["photos"].put_object(f"{shop.plan.photos_from}bike.jpg", b"large")
    for _ in range(3):
        lab.sqs["parcels"].send({"order": "A1003"})
        lab.sqs["scans"].send("x" * SCAN_BYTES)
    lab.run(until="15min")
    for number in range(30):
        lab.sqs["payments"].send({"order": f"A{number}"})
    lab.advance(20)
