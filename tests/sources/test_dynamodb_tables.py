"""Tables: making them, putting, getting and deleting items by key, what is refused, a second run."""

from __future__ import annotations

from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import (
    InvalidSetting,
    LabClosed,
    ResourceInUseException,
    UnknownName,
    UnknownSetting,
    ValidationException,
)
from lambdalab.kernel.current import current

# ---- making them


def test_an_item_is_put_got_and_deleted(lab: ll.Lab) -> None:
    orders = lab.dynamodb.create_table("orders")
    assert orders.put_item({"id": "7", "total": 3}) is None
    assert orders.get_item({"id": "7"}) == {"id": "7", "total": 3}
    assert orders.get_item({"id": "8"}) is None
    assert len(orders) == 1
    assert orders.delete_item({"id": "7"}) is None
    assert (len(orders), orders.get_item({"id": "7"})) == (0, None)
    assert orders.delete_item({"id": "7"}) is None, "nothing to delete is no error"


def test_a_put_replaces_the_whole_item(lab: ll.Lab) -> None:
    orders = lab.dynamodb.create_table("orders")
    orders.put_item({"id": "7", "total": 3})
    assert orders.put_item({"id": "7", "note": "x"}, return_values="ALL_OLD") == {
        "id": "7",
        "total": 3,
    }
    assert orders.get_item({"id": "7"}) == {"id": "7", "note": "x"}
    assert orders.put_item({"id": "8"}, return_values="ALL_OLD") is None
    assert orders.delete_item({"id": "8"}, return_values="ALL_OLD") == {"id": "8"}
    assert orders.delete_item({"id": "8"}, return_values="ALL_OLD") is None


def test_a_key_of_two_attributes_and_of_every_type(lab: ll.Lab) -> None:
    events = lab.dynamodb.create_table("events", ("device", "B"), sort_key=("at", "N"))
    events.put_item({"device": b"\x01", "at": 1, "what": "on"})
    events.put_item({"device": b"\x01", "at": 2, "what": "off"})
    events.put_item({"device": b"\x01", "at": 1.0, "what": "on again"})
    assert events.get_item({"at": 1, "device": b"\x01"}) == {
        "device": b"\x01",
        "at": 1,
        "what": "on again",
    }
    assert len(events) == 2
    assert repr(events) == "<table events: 2 items by device (B) and at (N)>"


def test_tables_are_found_by_name(lab: ll.Lab) -> None:
    orders = lab.dynamodb.create_table("orders")
    assert lab.dynamodb["orders"] is orders
    assert "orders" in lab.dynamodb
    assert orders in lab.dynamodb
    assert (list(lab.dynamodb), len(lab.dynamodb)) == (["orders"], 1)
    with pytest.raises(UnknownName, match="did you mean 'orders'"):
        lab.dynamodb["order"]
    assert ll.Lab().dynamodb.create_table("orders") not in lab.dynamodb


def test_a_table_of_that_name_is_there_already(lab: ll.Lab) -> None:
    orders = lab.dynamodb.create_table("orders")
    orders.put_item({"id": "7"})
    with pytest.raises(ResourceInUseException, match=r"Table already exists: orders.*lab.reset"):
        lab.dynamodb.create_table("orders")
    assert len(lab.dynamodb["orders"]) == 1


@pytest.mark.parametrize(
    ("name", "settings", "told"),
    [
        ("", {}, "1 to 255 letters"),
        ("a b", {}, "1 to 255 letters"),
        ("a" * 256, {}, "botocore CreateTable"),
        (5, {}, "1 to 255 letters"),
        ("t", {"partition_key": ("id", "BOOL")}, "types are S, N, B"),
        ("t", {"partition_key": ""}, "the name of an attribute"),
        ("t", {"sort_key": ("at", "N", "x")}, "the name of an attribute"),
        ("t", {"sort_key": "id"}, "another attribute than partition_key"),
        ("t", {"stream_view_type": "ALL"}, "NEW_AND_OLD_IMAGES"),
        ("t", {"time_to_live": 5}, "the name of an attribute"),
        ("t", {"shards": 0}, "1 to 1,000 shards"),
    ],
)
def test_a_table_that_cannot_be_is_refused(
    lab: ll.Lab, name: Any, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidSetting, match=told):
        lab.dynamodb.create_table(name, **settings)
    assert len(lab.dynamodb) == 0


def test_a_wrong_keyword_suggests_the_right_one(lab: ll.Lab) -> None:
    with pytest.raises(UnknownSetting, match="did you mean 'stream_view_type'"):
        lab.dynamodb.create_table("orders", stream_view="NEW_IMAGE")
    orders = lab.dynamodb.create_table("orders")
    with pytest.raises(UnknownSetting, match="did you mean 'time_to_live'"):
        orders.update(time_to_liv="expires")
    with pytest.raises(UnknownSetting, match="did you mean 'condition_expression'"):
        orders.put_item({"id": "7"}, ConditionExpresion="x")


def test_a_rule_asks_for_names_as_long_as_on_aws() -> None:
    lab = ll.Lab(quotas={"dynamodb_name_minimum": 3})
    with pytest.raises(InvalidSetting, match="3 to 255"):
        lab.dynamodb.create_table("t")


# ---- what is refused


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ({"at": 1}, "Missing the key id in the item"),
        ({"id": "7"}, "Missing the key at in the item"),
        ({"id": 7, "at": 1}, r"Type mismatch for key id expected: S actual: N.*\(\"id\", \"N\"\)"),
        ({"id": "7", "at": "1"}, r"key at expected: N actual: S.*sort_key=\(\"at\", \"S\"\)"),
        ({"id": "", "at": 1}, "cannot contain an empty string value. Key: id"),
    ],
)
def test_an_item_without_a_good_key_is_refused(
    lab: ll.Lab, item: dict[str, Any], told: str
) -> None:
    orders = lab.dynamodb.create_table("orders", sort_key=("at", "N"), stream_view_type="KEYS_ONLY")
    with pytest.raises(ValidationException, match=told):
        orders.put_item(item)
    assert len(orders) == len(orders.stream) == 0


@pytest.mark.parametrize(
    "key", [{"id": 7}, {}, {"id": "7", "more": 1}, {"other": "7"}, {"id": None}]
)
def test_a_key_that_is_none_is_refused(lab: ll.Lab, key: dict[str, Any]) -> None:
    orders = lab.dynamodb.create_table("orders")
    for verb in (orders.get_item, orders.delete_item):
        with pytest.raises(
            ValidationException, match=r"does not match the schema; .* is 'id' \(S\)"
        ):
            verb(key)


def test_keys_have_their_limits(lab: ll.Lab) -> None:
    words = lab.dynamodb.create_table("words", sort_key="word")
    words.put_item({"id": "a" * 2048, "word": "ü" * 512})
    with pytest.raises(ValidationException, match=r"Size of hashkey .* limit of2048 bytes; 2,049"):
        words.put_item({"id": "a" * 2049, "word": "b"})
    with pytest.raises(
        ValidationException, match=r"Aggregated size of all range keys .* 1024 bytes"
    ):
        words.get_item({"id": "a", "word": "ü" * 513})
    blobs = lab.dynamodb.create_table("blobs", ("id", "B"))
    with pytest.raises(ValidationException, match="empty binary value"):
        blobs.get_item({"id": b""})


def test_an_item_has_at_most_400_kb(lab: ll.Lab) -> None:
    orders = lab.dynamodb.create_table("orders")
    most = 400 * 1024 - len("id") - 1 - len("text")
    orders.put_item({"id": "7", "text": "x" * most})
    with pytest.raises(
        ValidationException, match=r"maximum allowed size; 409,601 bytes, .*409,600"
    ):
        orders.put_item({"id": "7", "text": "x" * (most + 1)})
    assert orders.size_bytes == 400 * 1024


@pytest.mark.parametrize("given", ["7", 7, None, [("id", "7")]])
def test_what_is_no_item_is_refused(lab: ll.Lab, given: Any) -> None:
    orders = lab.dynamodb.create_table("orders")
    with pytest.raises(InvalidSetting, match=r"a mapping such as {'id': '1'}"):
        orders.put_item(given)
    with pytest.raises(InvalidSetting, match="a mapping such as"):
        orders.get_item(given)


def test_only_old_items_can_be_returned(lab: ll.Lab) -> None:
    orders = lab.dynamodb.create_table("orders")
    with pytest.raises(ValidationException, match="ReturnValues can only be ALL_OLD or NONE"):
        orders.put_item({"id": "7"}, return_values="ALL_NEW")
    assert len(orders) == 0


# ---- looking


def test_a_look_at_a_table(lab: ll.Lab) -> None:
    orders = lab.dynamodb.create_table("orders", time_to_live="ends", stream_view_type="NEW_IMAGE")
    assert repr(lab.dynamodb) == (
        "<dynamodb>\n  <table orders: 0 items by id (S), stream of NEW_IMAGE, time to live in 'ends'>"
    )
    for number in range(12):
        orders.put_item({"id": str(number), "tags": {"b", "a"}, "more": {"x": [1, {"<y>"}]}})
    look = orders.items
    orders.delete_item({"id": "0"})
    assert len(look) == 12
    assert look[1]["tags"] == {"a", "b"}
    assert [item["id"] for item in look] == [str(number) for number in range(12)]
    lines = repr(look).splitlines()
    assert lines[0] == "12 items in 'orders'"
    assert lines[1] == "{'id': '0', 'tags': {'a', 'b'}, 'more': {'x': [1, {'<y>'}]}}"
    assert lines[-1] == "... and 2 more"
    assert "<y>" not in orders._repr_html_()
    assert "orders" in lab.dynamodb._repr_html_()
    assert "<table orders: 11 items" in repr(lab)
    assert bool(lab.dynamodb.create_table("empty"))


def test_long_items_are_shown_in_a_line(lab: ll.Lab) -> None:
    orders = lab.dynamodb.create_table("orders")
    orders.put_item({"id": "7", "text": "x" * 1000})
    assert max(map(len, repr(orders.items).splitlines())) <= 100


def test_the_books_know_its_settings(lab: ll.Lab) -> None:
    orders = lab.dynamodb.create_table("orders", sort_key=("at", "N"))
    orders.put_item({"id": "7", "at": 1})
    orders.update(time_to_live="ends")
    assert lab.trace.wired("dynamodb") == {
        "orders": {
            "partition_key": ["id", "S"],
            "sort_key": ["at", "N"],
            "stream_view_type": None,
            "time_to_live": "ends",
            "shards": 1,
        }
    }
    assert len(lab.trace.queue_events) == 0, "a table without a stream has no rows"


# ---- handlers, traffic and runs


def test_handlers_use_tables(lab: ll.Lab) -> None:
    orders = lab.dynamodb.create_table("orders", stream_view_type="NEW_IMAGE")

    @lab.function
    def put_order(event: Any, context: Any) -> Any:
        before = orders.put_item({"id": event["id"], "price": 1.5}, return_values="ALL_OLD")
        return {"before": before, "now": orders.get_item({"id": event["id"]})}

    assert lab.invoke(put_order, {"id": "7"}).payload == {
        "before": None,
        "now": {"id": "7", "price": 1.5},
    }
    assert lab.invoke(put_order, {"id": "7"}).payload["before"] == {"id": "7", "price": 1.5}
    [row] = lab.trace.queue_events.to_dict("records")
    assert row["request_id"] == lab.trace.invocations.request_id[0]


def test_what_evaluates_expressions_sees_nothing_of_the_handler(lab: ll.Lab) -> None:
    """It runs as the process: with real time, the process's surroundings and no guard."""
    seen: list[object] = []

    class Door:
        def scratch(self, keys: object, items: object) -> Door:
            seen.append((keys, items, current()))
            return self

        def call(self, action: str, request: dict[str, Any], value: object) -> dict[str, Any]:
            seen.append((action, request, current()))
            return {"Items": [{"id": {"S": "x"}}], "Count": 1, "ScannedCount": 5}

    lab.dynamodb.open_door = Door  # type: ignore[assignment]
    table = lab.dynamodb.create_table("t")
    table.put_item({"id": "1", "raw": b"hi"})

    @lab.function
    def look(event: Any, context: Any) -> Any:
        assert current() is not None
        found = table.scan(limit=3)
        return [*found, found.count, found.scanned_count]

    assert lab.invoke(look).payload == [{"id": "x"}, 1, 5]
    assert seen == [
        ((("id", "S"),), [{"id": {"S": "1"}, "raw": {"B": "aGk="}}], None),
        ("Scan", {"Limit": 3}, None),
    ]


def test_what_a_handler_does_after_its_timeout_is_refused(lab: ll.Lab) -> None:
    orders = lab.dynamodb.create_table("orders")

    @lab.function(timeout=1)
    def late(event: Any, context: Any) -> None:
        import time

        try:
            time.sleep(5)
        finally:
            orders.put_item({"id": "7"})

    assert lab.invoke(late).function_error
    assert len(orders) == 0


def test_traffic_puts_items(lab: ll.Lab) -> None:
    orders = lab.dynamodb.create_table("orders", stream_view_type="NEW_IMAGE")
    lab.drive(orders, ll.Every(1), count=3)
    lab.drive("orders", ll.Every(1), count=2, payload=lambda n: {"id": f"own{n}"})
    lab.run()
    assert sorted(item["id"] for item in orders.items) == ["0", "1", "2", "own0", "own1"]
    assert orders.get_item({"id": "1"}) == {"id": "1", "n": 1}


def test_a_second_run_begins_with_empty_tables(lab: ll.Lab) -> None:
    orders = lab.dynamodb.create_table("orders")
    orders.put_item({"id": "7"})
    orders.update(stream_view_type="NEW_IMAGE", time_to_live="ends")
    orders.put_item({"id": "8"})
    lab.advance(60)
    stream, first = orders.stream, lab.trace
    lab.reset()
    assert len(orders) == len(orders.stream) == 0
    assert orders.stream is stream
    assert orders.stream.label == "2025-01-07T00:00:00.000"
    assert lab.trace.wired("dynamodb")["orders"]["time_to_live"] == "ends"
    orders.put_item({"id": "8"})
    assert list(lab.trace.queue_events.event_id) == list(first.queue_events.event_id)


def test_two_runs_are_the_same() -> None:
    def run() -> str:
        lab = ll.Lab(seed=3)
        table = lab.dynamodb.create_table("t", time_to_live="ends", stream_view_type="NEW_IMAGE")
        for number in range(20):
            table.put_item({"id": str(number), "ends": 1_736_208_000, "tags": {"a", "b", "c"}})
        lab.run(until="3d")
        assert len(table) == 0
        return lab.trace.digest()

    assert run() == run()


def test_a_closed_lab_has_no_tables(lab: ll.Lab) -> None:
    orders = lab.dynamodb.create_table("orders")
    lab.close()
    for call in (
        lambda: orders.put_item({"id": "7"}),
        lambda: orders.get_item({"id": "7"}),
        lambda: orders.delete_item({"id": "7"}),
        lambda: orders.update(time_to_live="ends"),
        lambda: lab.dynamodb.create_table("more"),
    ):
        with pytest.raises(LabClosed):
            call()
