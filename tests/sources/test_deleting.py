"""Deleting queues' siblings: streams, consumers and tables; what becomes of those that use them."""

from __future__ import annotations

import pytest

import lambdalab as ll
from lambdalab.errors import (
    InvalidParameterValueException,
    ResourceConflictException,
    ResourceInUseException,
    ResourceNotFoundException,
    UnknownName,
)


@pytest.fixture
def lab() -> ll.Lab:
    made = ll.Lab(seed=3)
    made.create_function("count", duration=0.1)
    return made


# ------------------------------------------------------------------ streams


def test_a_stream_goes_with_its_records(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks", shard_count=2)
    for number in range(5):
        clicks.put_record(number, str(number))
    lab.kinesis.delete_stream("clicks")
    assert "clicks" not in lab.kinesis
    rows = lab.trace.queue_events
    gone = rows[rows["action"] == "deleted"]
    assert len(gone) == 5
    assert set(gone["cause"]) == {"stream_deleted"}
    with pytest.raises(ResourceNotFoundException, match="Stream clicks under account 123456789012"):
        clicks.put_record(1, "1")
    with pytest.raises(ResourceNotFoundException):
        clicks.get_shard_iterator(clicks.shards[0])
    with pytest.raises(UnknownName):
        lab.kinesis.delete_stream("clicks")
    with pytest.raises(UnknownName):
        lab.kinesis.delete_stream(clicks)
    lab.run(until=2 * 86_400)  # nothing expires a second time


def test_the_name_is_free_at_once(lab: ll.Lab) -> None:
    lab.kinesis.create_stream("clicks").put_record(1, "a")
    lab.kinesis.delete_stream("clicks")
    anew = lab.kinesis.create_stream("clicks")
    assert anew.depth == 0
    anew.put_record(2, "a")
    assert anew.depth == 1


def test_the_shards_of_a_stream_that_is_gone_count_no_more() -> None:
    lab = ll.Lab(quotas={"kinesis_shards": 2})
    lab.kinesis.create_stream("clicks", shard_count=2)
    lab.kinesis.delete_stream("clicks")
    lab.kinesis.create_stream("views", shard_count=2)


def test_a_stream_that_a_mapping_reads_is_kept(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    mapping = lab.create_event_source_mapping(clicks, "count", starting_position="TRIM_HORIZON")
    clicks.put_record(1, "a")
    with pytest.raises(ResourceInUseException, match="An event source mapping reads the stream"):
        lab.kinesis.delete_stream(clicks)
    assert clicks.depth == 1
    mapping.disable()
    lab.kinesis.delete_stream(clicks)
    with pytest.raises(InvalidParameterValueException, match="Event source not found: arn:aws:kin"):
        mapping.enable()
    lab.run(until=100)
    assert mapping.state == "Disabled"
    mapping.delete()
    assert not lab.list_event_source_mappings()


def test_a_mapping_without_a_source_is_gone_in_the_next_run(lab: ll.Lab) -> None:
    for number, source in enumerate((
        lab.kinesis.create_stream("clicks"), lab.sqs.create_queue("orders"),
        lab.dynamodb.create_table("carts", stream_view_type="NEW_IMAGE"),
    )):  # fmt: skip
        start = {} if number == 1 else {"starting_position": "LATEST"}
        lab.create_event_source_mapping(source, "count", **start).disable()
    lab.kinesis.delete_stream("clicks")
    lab.sqs.delete_queue("orders")
    lab.dynamodb.delete_table("carts")
    assert len(lab.list_event_source_mappings()) == 3
    lab.reset()
    assert not lab.list_event_source_mappings()
    lab.run(until=10)


def test_consumers_go_when_they_are_told_to(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    fast = clicks.register_consumer("fast")
    with pytest.raises(ResourceInUseException, match="has registered consumers"):
        lab.kinesis.delete_stream(clicks)
    lab.kinesis.delete_stream(clicks, enforce_consumer_deletion=True)
    assert fast not in lab.kinesis


def test_a_consumer_is_deregistered(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    fast = clicks.register_consumer("fast")
    mapping = lab.create_event_source_mapping(fast, "count", starting_position="LATEST")
    with pytest.raises(ResourceInUseException, match="reads through the consumer clicks/fast"):
        lab.kinesis.deregister_stream_consumer(fast)
    mapping.disable()
    lab.kinesis.deregister_stream_consumer(fast)
    assert not clicks.consumers
    with pytest.raises(UnknownName):
        lab.kinesis.deregister_stream_consumer(fast)
    with pytest.raises(InvalidParameterValueException):
        mapping.enable()
    lab.kinesis.delete_stream(clicks)


# ------------------------------------------------------------------ tables


def test_a_table_goes_and_its_stream_is_read_to_the_end(lab: ll.Lab) -> None:
    carts = lab.dynamodb.create_table("carts", stream_view_type="NEW_IMAGE")
    lab.create_event_source_mapping(carts, "count", starting_position="TRIM_HORIZON")
    carts.put_item({"id": "1"})
    carts.put_item({"id": "2"})
    assert lab.dynamodb.delete_table(carts) is carts
    assert "carts" not in lab.dynamodb
    for use in (
        lambda: carts.put_item({"id": "3"}), lambda: carts.get_item({"id": "1"}),
        lambda: carts.update(time_to_live="until"),
    ):  # fmt: skip
        with pytest.raises(ResourceNotFoundException, match="Table: carts not found"):
            use()
    lab.run(until=60)
    assert len(lab.trace.invocations) == 1  # both records; their deletion is told to nobody
    assert carts.stream.depth == 2
    lab.run(until=2 * 86_400)
    assert carts.stream.depth == 0
    assert lab.dynamodb.left_streams() == []


def test_a_new_table_of_the_name_begins_afresh(lab: ll.Lab) -> None:
    carts = lab.dynamodb.create_table("carts", stream_view_type="NEW_IMAGE")
    carts.put_item({"id": "1"})
    lab.dynamodb.delete_table("carts")
    assert [each.name for each in lab.dynamodb.left_streams()] == ["carts"]
    anew = lab.dynamodb.create_table("carts", stream_view_type="NEW_IMAGE")
    assert (len(anew), anew.stream.depth, carts.stream.depth) == (0, 0, 0)
    anew.put_item({"id": "1"})
    assert anew.stream.depth == 1
    with pytest.raises(UnknownName):
        lab.dynamodb.delete_table(carts)


def test_no_item_of_a_table_that_is_gone_expires(lab: ll.Lab) -> None:
    carts = lab.dynamodb.create_table("carts", stream_view_type="NEW_IMAGE", time_to_live="until")
    carts.put_item({"id": "1", "until": int(lab.now.timestamp()) + 10})
    lab.dynamodb.delete_table("carts")
    lab.run(until=7 * 86_400)
    events = lab.trace.queue_events
    assert list(events["action"]) == ["sent", "expired"]


def test_a_reset_forgets_the_streams_of_deleted_tables(lab: ll.Lab) -> None:
    lab.dynamodb.create_table("carts", stream_view_type="NEW_IMAGE")
    lab.dynamodb.delete_table("carts")
    lab.reset()
    assert lab.dynamodb.left_streams() == []


# ------------------------------------------------------------------ functions


def test_a_function_whose_mapping_is_disabled_can_go(lab: ll.Lab) -> None:
    orders = lab.sqs.create_queue("orders")
    mapping = lab.create_event_source_mapping(orders, "count")
    with pytest.raises(ResourceConflictException, match="mapping orders->count"):
        lab.delete_function("count")
    mapping.disable()
    orders.send("x")
    lab.delete_function("count")
    with pytest.raises(InvalidParameterValueException, match="Function does not exist"):
        mapping.enable()
    lab.run(until=60)
    assert orders.depth == 1
    lab.create_function("count", duration=0.2)
    mapping.enable()
    lab.run(until=120)
    assert orders.depth == 0
    assert mapping.function is lab.get_function("count")


def test_a_batch_that_finds_its_function_gone_comes_back(lab: ll.Lab) -> None:
    orders = lab.sqs.create_queue("orders", visibility_timeout=30)
    mapping = lab.create_event_source_mapping(
        orders, "count", batch_size=10, maximum_batching_window=20
    )
    orders.send("x")
    lab.run(until=5)  # it lies in the window
    mapping.disable()
    lab.delete_function("count")
    lab.run(until=100)
    assert orders.depth == 1
    assert set(lab.trace.invocations["cause"]) == {"unknown_function"}
