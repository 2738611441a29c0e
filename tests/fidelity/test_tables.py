"""DynamoDB tables, their streams, and the mappings of those."""

from __future__ import annotations

import json
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import LabError

START = 1_736_208_000
DAY = 86_400


class Site:
    """A lab with a table, a function that keeps its events, and their mapping."""

    def __init__(self, view: str = "NEW_AND_OLD_IMAGES", *, answer: Any = None, table: Any = None,
                 quotas: Any = None, **mapping: Any) -> None:  # fmt: skip
        self.lab = ll.Lab(seed=7, quotas=quotas or {})
        self.answer, self.events = answer, []
        self.lab.create_function("keep", self.keep, init=0)
        self.failed = self.lab.sqs.create_queue("failed")
        self.table = self.lab.dynamodb.create_table("orders", stream_view_type=view, **table or {})
        given = {"starting_position": "TRIM_HORIZON"} | mapping
        self.mapping = self.lab.create_event_source_mapping(self.table, "keep", **given)

    def keep(self, event: Any, context: Any) -> Any:
        self.events.append(event)
        return self.answer(event["Records"]) if callable(self.answer) else self.answer

    def run(self, until: float | None = None) -> Site:
        self.lab.run(until=until)
        return self

    @property
    def records(self) -> list[Any]:
        return [record for event in self.events for record in event["Records"]]

    @property
    def letters(self) -> list[Any]:
        return [message.body for message in self.failed.messages]


def fail(records: Any) -> None:
    raise ValueError("no")


def test_the_event() -> None:
    site = Site()
    site.lab.advance(0.7)
    site.table.put_item({"id": "1", "n": 5})
    site.run()
    [record] = site.records
    arn = site.lab.dynamodb["orders"].arn
    assert record == {
        "eventID": record["eventID"],
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": START,
            "Keys": {"id": {"S": "1"}},
            "NewImage": {"id": {"S": "1"}, "n": {"N": "5"}},
            "SequenceNumber": record["dynamodb"]["SequenceNumber"],
            "SizeBytes": record["dynamodb"]["SizeBytes"],
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": f"{arn}/stream/2025-01-07T00:00:00.000",
    }
    assert list(record["dynamodb"]) == [
        "ApproximateCreationDateTime", "Keys", "NewImage", "SequenceNumber", "SizeBytes",
        "StreamViewType",
    ]  # fmt: skip
    assert record["dynamodb"]["SequenceNumber"].isdigit()


@pytest.mark.parametrize(("view", "images"), [
    ("KEYS_ONLY", [(), (), ()]), ("NEW_IMAGE", [("NewImage",), ("NewImage",), ()]),
    ("OLD_IMAGE", [(), ("OldImage",), ("OldImage",)]),
    ("NEW_AND_OLD_IMAGES", [("NewImage",), ("NewImage", "OldImage"), ("OldImage",)]),
])  # fmt: skip
def test_what_changes_show_by_view_type(view: str, images: Any) -> None:
    site = Site(view)
    site.table.put_item({"id": "1", "n": 5})
    site.table.put_item({"id": "1", "n": 6})
    site.table.delete_item({"id": "1"})
    site.run()
    assert [record["eventName"] for record in site.records] == ["INSERT", "MODIFY", "REMOVE"]
    shown = [set(record["dynamodb"]) & {"NewImage", "OldImage"} for record in site.records]
    assert shown == [set(names) for names in images]


def test_a_deletion_by_time_to_live_is_dynamodbs_own() -> None:
    site = Site(table={"time_to_live": "until"}, quotas={"dynamodb_ttl_delay": (0, 60)})
    site.table.put_item({"id": "1", "until": START + 100})
    site.table.put_item({"id": "2"})
    site.table.delete_item({"id": "2"})
    site.run(until=DAY)
    [gone] = [r for r in site.records if r.get("userIdentity")]
    assert gone["eventName"] == "REMOVE"
    assert gone["dynamodb"]["Keys"] == {"id": {"S": "1"}}
    assert gone["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


def test_a_shard_is_polled_four_times_a_second() -> None:
    site = Site()
    for number in range(40):
        site.table.put_item({"id": str(number)})
        site.lab.advance(0.1)
    site.run()
    at = (site.lab.trace.invocations.requested_at - site.lab.trace.start).dt.total_seconds()
    assert (at % 0.25 == 0).all()
    assert (at.diff().dropna() < 0.6).all()
    assert len(at) >= 14


def test_at_most_a_thousand_records_a_read() -> None:
    site = Site(batch_size=10_000, maximum_batching_window=0, enabled=False)
    for number in range(1_500):
        site.table.put_item({"id": str(number)})
    site.mapping.enable()
    site.run()
    assert [len(event["Records"]) for event in site.events] == [1_000, 500]


def test_changes_are_kept_for_a_day() -> None:
    site = Site(enabled=False)
    site.table.put_item({"id": "old"})
    site.lab.advance(DAY + 1)
    site.table.put_item({"id": "new"})
    site.mapping.enable()
    site.run()
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in site.records] == ["new"]


def test_order_holds_for_each_item() -> None:
    site = Site(parallelization_factor=5, enabled=False)
    for number in range(30):
        site.table.put_item({"id": str(number % 5), "n": number})
    site.mapping.enable()
    site.run()
    for item in range(5):
        mine = [r for r in site.records if r["dynamodb"]["Keys"]["id"]["S"] == str(item)]
        numbers = [int(r["dynamodb"]["NewImage"]["n"]["N"]) for r in mine]
        assert numbers == sorted(numbers)
        assert len(numbers) == 6


@pytest.mark.parametrize("answer", [
    [], None, {}, "", {"batchItemFailures": []}, {"batchItemFailures": None},
])  # fmt: skip
def test_answers_that_are_success(answer: Any) -> None:
    site = Site(answer=answer, function_response_types=["ReportBatchItemFailures"])
    site.table.put_item({"id": "1"})
    site.run()
    assert len(site.events) == 1


@pytest.mark.parametrize("answer", [
    {"batchItemFailures": [{"itemIdentifier": ""}]},
    {"batchItemFailures": [{"itemIdentifier": None}]},
    {"batchItemFailures": [{"foo": "bar"}]}, {"batchItemFailures": [{"foo": None}]},
    {"batchItemFailures": [{"itemIdentifier": "nobody"}]}, fail,
])  # fmt: skip
def test_answers_that_fail_the_whole_batch(answer: Any) -> None:
    site = Site(
        answer=answer, maximum_retry_attempts=1, function_response_types=["ReportBatchItemFailures"]
    )
    site.table.put_item({"id": "1"})
    site.run()
    assert len(site.events) == 2


def test_the_record_of_a_failure_tells_seconds() -> None:
    site = Site(answer=fail, maximum_retry_attempts=1, on_failure="failed")
    site.lab.advance(0.25)
    site.table.put_item({"id": "1"})
    site.run()
    [letter] = site.letters
    [first, *_] = site.records
    number = first["dynamodb"]["SequenceNumber"]
    assert list(letter) == [
        "requestContext", "responseContext", "version", "timestamp", "DDBStreamBatchInfo",
    ]  # fmt: skip
    assert letter["DDBStreamBatchInfo"] == {
        "shardId": letter["DDBStreamBatchInfo"]["shardId"],
        "startSequenceNumber": number,
        "endSequenceNumber": number,
        "approximateArrivalOfFirstRecord": "2025-01-07T00:00:00Z",
        "approximateArrivalOfLastRecord": "2025-01-07T00:00:00Z",
        "batchSize": 1,
        "streamArn": first["eventSourceARN"],
    }
    assert letter["requestContext"]["approximateInvokeCount"] == 2


# ------------------------------------------------------------------ filters


def passes(pattern: Any, **item: Any) -> bool:
    site = Site(filter_criteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    site.table.put_item({"id": "1"} | item)
    site.run()
    return bool(site.records)


@pytest.mark.parametrize(("pattern", "fits"), [
    ({"dynamodb": {"NewImage": {"n": {"N": ["101"]}}}}, True),
    ({"dynamodb": {"NewImage": {"n": {"N": [{"numeric": [">", 100]}]}}}}, False),
    ({"dynamodb": {"NewImage": {"n": {"N": [{"anything-but": "7"}]}}}}, True),
    ({"dynamodb": {"NewImage": {"s": {"S": [{"prefix": "ab"}]}}}}, True),
    ({"dynamodb": {"NewImage": {"other": {"S": [{"exists": False}]}}}}, True),
    ({"dynamodb": {"Keys": {"id": {"S": ["2"]}}}}, False),
    ({"dynamodb": {"ApproximateCreationDateTime": [{"numeric": [">=", START]}]}}, True),
    ({"dynamodb": {"ApproximateCreationDateTime": [{"numeric": ["<", START]}]}}, False),
    ({"eventName": ["INSERT"], "eventSource": ["aws:dynamodb"]}, True),
    ({"eventName": ["REMOVE"]}, False),
    ({"$or": [{"eventName": ["REMOVE"]}, {"dynamodb": {"Keys": {"id": {"S": ["1"]}}}}]}, True),
])  # fmt: skip
def test_patterns_for_changes(pattern: Any, fits: bool) -> None:
    assert passes(pattern, n=101, s="abc") is fits


def test_a_table_without_a_stream_is_no_source(lab: ll.Lab) -> None:
    lab.create_function("keep", duration=0.1)
    with pytest.raises(LabError, match=r"(?i)stream"):
        lab.create_event_source_mapping(
            lab.dynamodb.create_table("orders"), "keep", starting_position="LATEST"
        )
