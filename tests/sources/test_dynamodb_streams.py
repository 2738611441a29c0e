"""A table's stream: which changes are records, their JSON, shards, and mappings that read them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import (
    InvalidParameterValueException,
    InvalidSetting,
    UnknownName,
    ValidationException,
)
from lambdalab.sources.dynamodb.table import Table

DAY = 24 * 3600
QUICK = {"environment_setup": 0.0}


def make(view: str | None = "NEW_AND_OLD_IMAGES", **settings: Any) -> tuple[ll.Lab, Table]:
    """A lab whose environments need no time, and its table `orders`."""
    lab = ll.Lab(seed=7, quotas=QUICK)
    return lab, lab.dynamodb.create_table("orders", stream_view_type=view, **settings)


def connect(lab: ll.Lab, source: Any, answer: Any = None, **settings: Any) -> list[list[Any]]:
    """A function that collects the records it gets, and a mapping; each run is a list of records."""
    seen: list[list[Any]] = []

    def collect(event: Any, context: Any) -> Any:
        seen.append(event["Records"])
        return None if answer is None else answer(event["Records"])

    lab.create_function("collect", collect, init=0)
    settings = {"starting_position": "TRIM_HORIZON"} | settings
    lab.create_event_source_mapping(source, "collect", **settings)
    return seen


def names(table: Table) -> list[str]:
    return [record.json()["eventName"] for record in table.stream.records]


# ---- which changes are records


def test_what_has_really_changed_is_a_record() -> None:
    _, orders = make()
    orders.put_item({"id": "7", "n": 5, "tags": {"a", "b"}})
    orders.put_item({"tags": {"b", "a"}, "id": "7", "n": 5.0})  # the same
    orders.put_item({"id": "7", "n": 6})
    orders.delete_item({"id": "7"})
    orders.delete_item({"id": "7"})  # nothing there
    orders.put_item({"id": "7", "n": 6})
    assert names(orders) == ["INSERT", "MODIFY", "REMOVE", "INSERT"]
    assert [record.event_name for record in orders.stream.store.records] == names(orders)


def test_a_record_to_the_letter() -> None:
    lab, orders = make(sort_key=("at", "N"))
    lab.advance(1.75)
    orders.put_item({"id": "7", "at": 2, "raw": b"hi", "set": {3, 1}})
    [record] = orders.stream.records
    assert json.dumps(record.json()) == json.dumps({
        "eventID": lab._lambda.ids.message(1).replace("-", ""),
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1736208001,
            "Keys": {"id": {"S": "7"}, "at": {"N": "2"}},
            "NewImage": {
                "id": {"S": "7"}, "at": {"N": "2"}, "raw": {"B": "aGk="}, "set": {"NS": ["1", "3"]}
            },
            "SequenceNumber": "100000000000000000001",
            "SizeBytes": 26,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/"
        "2025-01-07T00:00:00.000",
    })  # fmt: skip
    event_id = record.json()["eventID"]
    assert len(event_id) == 32
    assert set(event_id) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("view", "insert", "modify", "remove"),
    [
        ("KEYS_ONLY", [], [], []),
        ("NEW_IMAGE", ["NewImage"], ["NewImage"], []),
        ("OLD_IMAGE", [], ["OldImage"], ["OldImage"]),
        ("NEW_AND_OLD_IMAGES", ["NewImage"], ["NewImage", "OldImage"], ["OldImage"]),
    ],
)
def test_a_view_says_what_records_show(
    view: str, insert: list[str], modify: list[str], remove: list[str]
) -> None:
    _, orders = make(view)
    orders.put_item({"id": "7", "n": 1})
    orders.put_item({"id": "7", "n": 2})
    orders.delete_item({"id": "7"})
    shown = [record.json()["dynamodb"] for record in orders.stream.records]
    around = {
        "ApproximateCreationDateTime",
        "Keys",
        "SequenceNumber",
        "SizeBytes",
        "StreamViewType",
    }
    assert [sorted(set(each) - around) for each in shown] == [insert, modify, remove]
    assert [each["SizeBytes"] for each in shown] == [
        3 + 6 * len(images) for images in (insert, modify, remove)
    ]
    assert {each["StreamViewType"] for each in shown} == {view}
    if view == "NEW_AND_OLD_IMAGES":
        assert (shown[1]["NewImage"]["n"], shown[1]["OldImage"]["n"]) == ({"N": "2"}, {"N": "1"})


def test_sizes_are_those_of_the_guides_example() -> None:
    lab = ll.Lab()
    table = lab.dynamodb.create_table("t", ("Id", "N"), stream_view_type="NEW_AND_OLD_IMAGES")
    table.put_item({"Id": 101, "Message": "New item!"})
    table.put_item({"Id": 101, "Message": "This item has changed"})
    table.delete_item({"Id": 101})
    sizes = [record.json()["dynamodb"]["SizeBytes"] for record in table.stream.records]
    assert sizes == [26, 59, 38]
    assert [record.size for record in table.stream.records] == sizes


# ---- the stream in the books


def test_the_stream_is_a_queue_named_like_the_table() -> None:
    lab, orders = make()
    orders.put_item({"id": "7"})
    lab.advance(10)
    orders.put_item({"id": "8"})
    rows = lab.trace.queue_events
    assert list(zip(rows.queue, rows.kind, rows.action, rows.cause, rows.depth, strict=True)) == [
        ("orders", "stream", "sent", "message_sent", 1),
        ("orders", "stream", "sent", "message_sent", 2),
    ]


def test_records_stay_for_a_day_and_keep_no_run_alive() -> None:
    lab, orders = make()
    orders.put_item({"id": "7"})
    assert lab.run().ran_s == 0
    lab.run(until=DAY - 1)
    assert orders.stream.depth == 1
    lab.run(until=DAY)
    assert (orders.stream.depth, len(orders)) == (0, 1)
    row = lab.trace.queue_events.iloc[-1]
    assert (row.action, row.cause) == ("expired", "retention")


def test_a_stream_keeps_up_with_any_number_of_writes() -> None:
    lab, orders = make()
    for number in range(3000):
        orders.put_item({"id": str(number), "text": "x" * 1000})
    assert orders.stream.depth == 3000
    assert len(lab.trace.scaling) == 0


def test_changes_of_a_partition_key_stay_in_their_shard_in_order() -> None:
    _, orders = make(sort_key=("n", "N"), shards=4)
    for number in range(100):
        orders.put_item({"id": f"p{number % 10}", "n": number})
    shards = orders.stream.shards
    assert len(shards) == 4
    assert sum(map(len, shards)) == 100
    assert sum(len(shard) > 0 for shard in shards) > 1
    for partition in range(10):
        keys = [record for record in orders.stream.records if f"id='p{partition}'" in record.keys]
        assert len({record.shard.shard_id for record in keys}) == 1
    sequences = set()
    for shard in shards:
        records = [record for record in orders.stream.records if record.shard is shard]
        found = [record.json()["dynamodb"]["SequenceNumber"] for record in records]
        assert found == [record.sequence_number for record in records]
        assert [int(number) for number in found] == sorted(map(int, found))
        assert all(21 <= len(number) <= 40 for number in found)
        assert [shard.place_of(number) for number in found] == [r.place for r in records]
        sequences.update(found)
        assert 28 <= len(shard.shard_id) <= 65
        assert shard.place_of("x") is shard.place_of("5") is None
    assert len(sequences) == 100


def test_a_look_at_a_stream() -> None:
    lab, orders = make(sort_key=("at", "B"))
    orders.put_item({"id": "<7>", "at": b"\x01"})
    assert repr(orders.stream) == (
        "<stream of table orders, NEW_AND_OLD_IMAGES: 1 record in 1 shard>"
    )
    assert repr(orders.stream.records).splitlines() == [
        "1 record in 'orders'",
        f"m1  {orders.stream.shards[0].shard_id}  INSERT  id='<7>', at=AQ==",
    ]
    assert "<7>" not in orders.stream._repr_html_()
    assert len(orders.stream) == 1
    assert bool(lab.dynamodb.create_table("empty", stream_view_type="NEW_IMAGE").stream)


# ---- switching it on and off


def test_a_stream_is_switched_on_later() -> None:
    lab, orders = make(None)
    orders.put_item({"id": "7"})
    with pytest.raises(InvalidSetting, match=r"update\(stream_view_type=\.\.\.\)"):
        orders.stream  # noqa: B018
    lab.advance(61.5)
    assert orders.update(stream_view_type="NEW_IMAGE") is orders
    assert orders.stream.label == "2025-01-07T00:01:01.500"
    assert orders.stream.arn.endswith("table/orders/stream/2025-01-07T00:01:01.500")
    orders.put_item({"id": "7"})
    orders.put_item({"id": "7", "n": 1})
    assert names(orders) == ["MODIFY"], "what was there before is no news"


def test_a_stream_is_switched_off_and_on_again() -> None:
    lab, orders = make("NEW_IMAGE")
    orders.put_item({"id": "7"})
    with pytest.raises(
        ValidationException, match="already has an enabled stream: TableName: orders"
    ):
        orders.update(stream_view_type="OLD_IMAGE")
    orders.update(stream_view_type="NEW_IMAGE")
    assert orders.stream.label == "2025-01-07T00:00:00.000", "nothing has changed"
    lab.advance(5)
    orders.update(stream_view_type=None)
    orders.put_item({"id": "8"})
    assert names(orders) == ["INSERT"], "its records stay, no more come"
    orders.update(stream_view_type="OLD_IMAGE")
    orders.delete_item({"id": "8"})
    assert names(orders) == ["INSERT", "REMOVE"]
    assert orders.stream.label == "2025-01-07T00:00:05.000"
    with pytest.raises(InvalidSetting, match="KEYS_ONLY"):
        orders.update(stream_view_type="BOTH")


# ---- mappings


@pytest.mark.parametrize("kind", ["table", "name", "stream", "arn"])
def test_a_mapping_reads_the_stream(kind: str) -> None:
    lab, orders = make()
    orders.put_item({"id": "7", "n": 1})
    given = {"table": orders, "name": "orders", "stream": orders.stream, "arn": orders.stream.arn}
    seen = connect(lab, given[kind])
    orders.put_item({"id": "7", "n": 2})
    lab.run()
    assert [[record["eventName"] for record in run] for run in seen] == [["INSERT", "MODIFY"]]
    assert seen[0] == [record.json() for record in orders.stream.records]
    assert list(lab.trace.batches.shard) == [orders.stream.shards[0].shard_id]
    assert lab.run().ran_s == 0


def test_a_table_without_a_stream_has_nothing_to_read() -> None:
    lab, orders = make(None)
    lab.create_function("f", duration=0.1)
    with pytest.raises(InvalidSetting, match="stream_view_type"):
        lab.create_event_source_mapping(orders, "f", starting_position="LATEST")
    with pytest.raises(InvalidParameterValueException, match="Stream not found"):
        lab.create_event_source_mapping(
            f"{orders.arn}/stream/2025-01-07T00:00:00.000", "f", starting_position="LATEST"
        )
    other = ll.Lab().dynamodb.create_table("orders", stream_view_type="NEW_IMAGE")
    with pytest.raises(UnknownName):
        lab.create_event_source_mapping(other, "f", starting_position="LATEST")


def test_a_mapping_does_not_begin_at_a_timestamp() -> None:
    lab, orders = make()
    lab.create_function("f", duration=0.1)
    for position in ("AT_TIMESTAMP", None):
        with pytest.raises((InvalidSetting, InvalidParameterValueException)):
            lab.create_event_source_mapping(
                orders, "f", starting_position=position, starting_position_timestamp=0
            )


def test_latest_begins_with_what_comes() -> None:
    lab, orders = make()
    orders.put_item({"id": "1"})
    seen = connect(lab, orders, starting_position="LATEST")
    orders.put_item({"id": "2"})
    lab.run()
    assert [r["dynamodb"]["Keys"]["id"]["S"] for run in seen for r in run] == ["2"]


def test_a_shard_is_read_four_times_a_second_and_a_thousand_records_at_a_time() -> None:
    lab, orders = make()
    seen = connect(lab, orders, batch_size=10_000, maximum_batching_window=5)
    for number in range(2500):
        orders.put_item({"id": str(number)})
    lab.run()
    assert [len(run) for run in seen] == [2500]
    rows = lab.trace.queue_events
    reads = rows[(rows.queue == "orders->collect (records)") & (rows.action == "sent")]["at"]
    at = sorted(set((reads - reads.min()).dt.total_seconds()))
    assert at == [0, 0.25, 0.5]


def test_a_read_brings_at_most_a_megabyte() -> None:
    lab, orders = make("NEW_IMAGE")
    for number in range(5):
        orders.put_item({"id": str(number), "text": "x" * 390_000})
    seen = connect(lab, orders)
    lab.run()
    assert [len(run) for run in seen] == [2, 2, 1]


def test_filters_see_the_record_as_it_is() -> None:
    lab, orders = make()
    pattern = {
        "eventName": ["INSERT"],
        "dynamodb": {"NewImage": {"kind": {"S": [{"prefix": "a"}]}}},
    }
    seen = connect(lab, orders, filter_criteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    for number, kind in enumerate(["a", "b", "ab"]):
        orders.put_item({"id": str(number), "kind": kind})
        orders.put_item({"id": str(number), "kind": kind, "more": 1})
    lab.run()
    assert [r["dynamodb"]["Keys"]["id"]["S"] for run in seen for r in run] == ["0", "2"]


def test_a_failed_batch_leads_to_a_record_in_the_services_words() -> None:
    lab, orders = make()
    failed = lab.sqs.create_queue("failed")

    def fail(records: Any) -> None:
        raise ValueError

    lab.advance(1.5)
    connect(lab, orders, fail, maximum_retry_attempts=1, on_failure=failed)
    orders.put_item({"id": "7"})
    lab.run()
    [message] = failed.messages
    told: Any = message.body
    info = told["DDBStreamBatchInfo"]
    assert info == {
        "shardId": orders.stream.shards[0].shard_id,
        "startSequenceNumber": "100000000000000000001",
        "endSequenceNumber": "100000000000000000001",
        "approximateArrivalOfFirstRecord": "2025-01-07T00:00:01Z",
        "approximateArrivalOfLastRecord": "2025-01-07T00:00:01Z",
        "batchSize": 1,
        "streamArn": orders.stream.arn,
    }
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"


def test_partial_failures_name_sequence_numbers() -> None:
    lab, orders = make()

    def answer(records: Any) -> Any:
        bad = [
            record["dynamodb"]["SequenceNumber"]
            for record in records
            if record["dynamodb"]["Keys"]["id"]["S"] == "3" and len(records) > 1
        ]
        return {"batchItemFailures": [{"itemIdentifier": number} for number in bad]}

    for number in range(4):
        orders.put_item({"id": str(number)})
    seen = connect(lab, orders, answer, function_response_types=("ReportBatchItemFailures",))
    lab.run()
    assert [len(run) for run in seen] == [4, 1]


def test_parallel_lanes_keep_each_items_order() -> None:
    lab, orders = make(sort_key=("n", "N"))
    for version in range(5):
        for number in range(20):
            orders.put_item({"id": "one partition", "n": number, "version": version})
    seen = connect(lab, orders, batch_size=5, parallelization_factor=5)
    lab.run()
    records = [record["dynamodb"] for run in seen for record in run]
    assert lab.trace.batches.poller.nunique() > 1, "items of one partition go different ways"
    for number in range(20):
        versions = [
            record["NewImage"]["version"]["N"]
            for record in records
            if record["Keys"]["n"]["N"] == str(number)
        ]
        assert versions == ["0", "1", "2", "3", "4"]


def test_a_second_run_of_a_mapping_reads_the_tables_new_records() -> None:
    lab, orders = make()
    seen = connect(lab, orders)
    orders.put_item({"id": "7"})
    lab.run()
    digest = lab.trace.digest()
    lab.reset()
    orders.put_item({"id": "7"})
    lab.run()
    assert len(seen) == 2
    assert lab.trace.digest() == digest


def test_a_handler_that_writes_to_a_table_feeds_its_stream() -> None:
    lab, orders = make()
    done = lab.dynamodb.create_table("done")

    def copy(event: Any, context: Any) -> None:
        for record in event["Records"]:
            done.put_item(record["dynamodb"]["NewImage"], typed=True)

    lab.create_function("copy", copy)
    lab.create_event_source_mapping(orders, "copy", starting_position="TRIM_HORIZON")
    lab.drive(orders, ll.Every(0.1), count=20)
    lab.run()
    assert sorted(item["id"] for item in done.items) == sorted(map(str, range(20)))


# ---- powertools


def test_powertools_models_and_data_classes_read_the_event() -> None:
    parser = pytest.importorskip("aws_lambda_powertools.utilities.parser.models")
    data_classes = pytest.importorskip("aws_lambda_powertools.utilities.data_classes")
    lab, orders = make(sort_key=("at", "N"))
    item = {
        "id": "7", "at": 2, "none": None, "yes": True, "list": [1, "a", {"x": b"raw"}],
        "strings": {"a", "b"}, "numbers": {1, 2}, "empty": "",
    }  # fmt: skip
    orders.put_item(item)
    orders.put_item(item | {"more": 1.5})
    orders.delete_item({"id": "7", "at": 2})
    seen = connect(lab, orders)
    lab.run()
    event = {"Records": seen[0]}
    records = parser.DynamoDBStreamModel.model_validate(event).Records
    assert [record.eventName for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    image = records[0].dynamodb.NewImage
    assert (image["strings"], image["numbers"], image["at"]) == ({"a", "b"}, {1, 2}, 2)
    assert str(records[1].dynamodb.NewImage["more"]) == "1.5"
    assert records[2].dynamodb.NewImage is None
    found = list(data_classes.DynamoDBStreamEvent(event).records)
    assert found[0].dynamodb.new_image["list"][:2] == [1, "a"]
    assert found[0].event_name.name == "INSERT"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), max_size=25))
def test_the_records_tell_the_table(writes: list[tuple[str, int]]) -> None:
    """Whoever follows the stream has the table: no change is missing, none is told twice."""
    lab, orders = make(shards=2)
    for key, value in writes:
        if value:
            orders.put_item({"id": key, "v": value})
        else:
            orders.delete_item({"id": key})
    followed: dict[str, Any] = {}
    for record in orders.stream.records:
        told = record.json()["dynamodb"]
        key = told["Keys"]["id"]["S"]
        assert followed.get(key) == told.get("OldImage")
        assert told.get("OldImage") != told.get("NewImage")
        followed[key] = told.get("NewImage")
    left = {key: image for key, image in followed.items() if image is not None}
    assert left == {
        item["id"]: {"id": {"S": item["id"]}, "v": {"N": str(item["v"])}} for item in orders.items
    }
    lab.audit()
