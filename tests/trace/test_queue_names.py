"""A queue, a stream and a table of one name are told apart in the books."""

from __future__ import annotations

import lambdalab as ll


def crowd() -> ll.Lab:
    """Three sources called "orders", all mapped to one function."""
    lab = ll.Lab()
    lab.create_function("bill", duration=0.1)
    table = lab.dynamodb.create_table("orders", stream_view_type="KEYS_ONLY")
    for source, position in (
        (table, {"starting_position": "TRIM_HORIZON"}),
        (lab.sqs.create_queue("orders"), {}),
        (lab.kinesis.create_stream("orders"), {"starting_position": "TRIM_HORIZON"}),
    ):
        lab.create_event_source_mapping(source, "bill", **position)
    return lab


def fill(lab: ll.Lab) -> None:
    """Something for each of them."""
    lab.dynamodb["orders"].put_item({"id": "1"})
    lab.sqs["orders"].send("x")
    lab.kinesis["orders"].put_record("x", "key")
    lab.run()


def test_the_first_keeps_its_name_and_the_others_get_their_kind() -> None:
    lab = crowd()
    fill(lab)
    lab.audit()
    assert sorted(set(lab.trace.queue_events["queue"])) == [
        "orders", "orders (queue)", "orders (stream)", "orders (stream)->bill (records)",
        "orders->bill (records)",
    ]  # fmt: skip
    names = {
        mapping.name: type(mapping.source).__name__ for mapping in lab.list_event_source_mappings()
    }
    assert names == {
        "orders->bill": "TableStream",
        "orders (queue)->bill": "Queue",
        "orders (stream)->bill": "Stream",
    }
    assert set(lab.trace.batches["source"]) == {"orders", "orders (queue)", "orders (stream)"}


def test_names_stay_through_a_reset() -> None:
    lab = crowd()
    fill(lab)
    before = lab.trace.digest()
    lab.reset()
    fill(lab)
    assert lab.trace.digest() == before
