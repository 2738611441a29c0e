"""Queues and mappings through the lab's public face, with real handlers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

import lambdalab as ll
from lambdalab.errors import InvalidParameterValueException, InvalidSetting

if TYPE_CHECKING:
    from lambdalab import Lab


def test_orders_are_billed_in_batches(lab: Lab) -> None:
    seen: list[list[int]] = []

    @lab.function(timeout=10)
    def bill(event: Any, context: Any) -> None:
        time.sleep(2)
        seen.append([len(event["Records"])])

    orders = lab.sqs.create_queue("orders", visibility_timeout=60)
    mapping = lab.create_event_source_mapping(orders, bill, maximum_batching_window=5)
    orders.send_batch([{"order": n} for n in range(7)])
    lab.run()
    assert lab.elapsed == pytest.approx(7.3, abs=0.3)
    assert seen == [[7]]
    assert orders.depth == 0
    before = lab.trace
    mapping.update(maximum_batching_window=0)
    lab.reset()
    orders.send("x")
    lab.run()
    assert list(before.batches["cause"]) == ["batching_window"]
    assert list(lab.trace.batches["cause"]) == ["no_window"]


def test_a_handler_sends_messages_of_its_own(lab: Lab) -> None:
    orders = lab.sqs.create_queue("orders")

    @lab.function
    def put_order(event: Any, context: Any) -> None:
        time.sleep(1)
        lab.sqs["orders"].send(event)

    lab.invoke(put_order, {"order": 1})
    assert [m.body for m in orders.messages] == [{"order": 1}]
    [row] = lab.trace.queue_events.query("queue == 'orders'").itertuples()
    assert row.request_id == lab.trace.invocations.request_id[0]


def test_a_failing_order_is_reprocessed_from_the_dead_letter_queue(lab: Lab) -> None:
    saved: list[Any] = []

    @lab.function(dead_letter_queue="failed")
    def put_order(event: Any, context: Any) -> None:
        raise KeyError("stock")

    @lab.function
    def reprocess(event: Any, context: Any) -> None:
        saved.extend(record["body"] for record in event["Records"])

    lab.create_event_source_mapping("failed", reprocess)
    lab.invoke(put_order, {"order": 1}, invocation_type="Event")
    lab.run()
    assert saved == ['{"order": 1}']
    assert lab.sqs["failed"].depth == 0


def test_driven_messages(lab: Lab) -> None:
    orders = lab.sqs.create_queue(
        "orders", visibility_timeout=60, dead_letter_queue="orders-dlq", max_receive_count=3
    )
    lab.create_function("bill", duration=ll.LogNormal(p50=0.12, p99=0.8), failure_rate=0.2)
    lab.create_event_source_mapping(orders, "bill", batch_size=10, maximum_batching_window=5)
    lab.drive(orders, ll.Poisson(rate=20), duration=60, payload=lambda i: {"order": i})
    lab.run()
    sent = (lab.trace.queue_events.query("queue == 'orders'")["action"] == "sent").sum()
    assert sent > 1_000
    assert orders.depth == 0


def test_targets_are_checked_before_anything_happens(lab: Lab) -> None:
    lab.create_function("bill", duration=1)
    orders = lab.sqs.create_queue("orders")
    with pytest.raises(LookupError, match="did you mean 'orders'"):
        lab.create_event_source_mapping("order", "bill")
    with pytest.raises(InvalidParameterValueException, match=r"Function does not exist.*'bill'"):
        lab.create_event_source_mapping(orders, "bil")
    with pytest.raises(InvalidSetting):
        lab.create_event_source_mapping(orders, "bill", batch_size=0)
    orders.send("x")
    lab.run()
    assert orders.depth == 1


def test_a_mapping_goes_by_the_timeout_of_the_version_it_invokes(lab: ll.Lab) -> None:
    """Not by that of $LATEST, which is shorter here."""
    lab.create_function("f", duration=1, timeout=60)
    lab.publish_version("f")
    lab.update_function("f", timeout=3)
    orders = lab.sqs.create_queue("orders", visibility_timeout=30)
    with pytest.raises(InvalidParameterValueException, match="less than Function timeout: 60"):
        lab.create_event_source_mapping(orders, "f:1")
    mapping = lab.create_event_source_mapping(orders, "f")
    orders.send("x")
    lab.run()
    assert mapping.name == "orders->f"
    assert lab.trace.invocations["executed_version"].tolist() == ["$LATEST"]
