"""DynamoDB Streams through botocore: lists, descriptions, iterators, records."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("boto3")

import lambdalab as ll
from lambdalab.errors import ExpiredIteratorException, InvalidSetting, UnknownName
from lambdalab.sources.dynamodb.table import Table
from tests.aws.checked import checked, not_called

START = dt.datetime(2025, 1, 7, tzinfo=dt.UTC)


@pytest.fixture
def lab() -> Iterator[ll.Lab]:
    with ll.Lab(seed=3, quotas={"dynamodb_ttl_delay": (0, 0)}) as lab:
        yield lab


@pytest.fixture
def orders(lab: ll.Lab) -> Table:
    lab.dynamodb.create_table("plain")
    return lab.dynamodb.create_table(
        "orders", stream_view_type="NEW_AND_OLD_IMAGES", time_to_live="until"
    )


@pytest.fixture
def streams(lab: ll.Lab, orders: Table) -> Any:
    return checked(lab.client("dynamodbstreams"))


def refused(client: Any, code: str, words: str, act: Any, **given: Any) -> None:
    with pytest.raises(client.exceptions.ClientError, match=words) as caught:
        act(**given)
    response = caught.value.response
    assert response["Error"]["Code"] == code
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400


def iterator(client: Any, orders: Table, kind: str = "TRIM_HORIZON", **more: Any) -> str:
    shard = orders.stream.shards[0].shard_id
    answer = client.get_shard_iterator(
        StreamArn=orders.stream.arn, ShardId=shard, ShardIteratorType=kind, **more
    )
    return str(answer["ShardIterator"])


def names(answer: Any) -> list[str]:
    return [record["eventName"] for record in answer["Records"]]


# ------------------------------------------------------------------ streams


def test_streams_are_listed_in_pages(streams: Any, lab: ll.Lab, orders: Table) -> None:
    other = lab.dynamodb.create_table("a", stream_view_type="KEYS_ONLY").stream
    first = streams.list_streams(Limit=1)
    assert first["Streams"] == [
        {"StreamArn": other.arn, "TableName": "a", "StreamLabel": other.label}
    ]
    rest = streams.list_streams(ExclusiveStartStreamArn=first["LastEvaluatedStreamArn"])
    assert [each["TableName"] for each in rest["Streams"]] == ["orders"]
    assert "LastEvaluatedStreamArn" not in rest
    found = streams.list_streams(TableName="orders")["Streams"]
    assert [each["StreamArn"] for each in found] == [orders.stream.arn]
    assert streams.list_streams(TableName="plain")["Streams"] == []


def test_a_stream_is_described(streams: Any, lab: ll.Lab, orders: Table) -> None:
    told = streams.describe_stream(StreamArn=orders.stream.arn)["StreamDescription"]
    assert (told["TableName"], told["StreamStatus"]) == ("orders", "ENABLED")
    assert told["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert told["CreationRequestDateTime"] == START
    assert told["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    [shard] = told["Shards"]
    assert shard["ShardId"] == orders.stream.shards[0].shard_id
    assert set(shard["SequenceNumberRange"]) == {"StartingSequenceNumber"}
    orders.update(stream_view_type=None)
    told = streams.describe_stream(StreamArn=orders.stream.arn)["StreamDescription"]
    assert told["StreamStatus"] == "DISABLED"
    with pytest.raises(
        streams.exceptions.ResourceNotFoundException, match=r"Stream: arn:aws\S+x not found"
    ):
        streams.describe_stream(StreamArn=f"{orders.stream.arn}x")


def test_shards_come_in_pages(streams: Any, lab: ll.Lab) -> None:
    arn = lab.dynamodb.create_table("wide", stream_view_type="KEYS_ONLY", shards=3).stream.arn
    first = streams.describe_stream(StreamArn=arn, Limit=2)["StreamDescription"]
    last = first["LastEvaluatedShardId"]
    assert last == first["Shards"][1]["ShardId"]
    rest = streams.describe_stream(StreamArn=arn, ExclusiveStartShardId=last)["StreamDescription"]
    assert len(rest["Shards"]) == 1
    assert "LastEvaluatedShardId" not in rest


# ------------------------------------------------------------------ records


def test_changes_are_read(streams: Any, lab: ll.Lab, orders: Table) -> None:
    at = iterator(streams, orders)
    item = {"id": "a", "pic": b"\x00", "l": [b"x", {"m": {b"y"}}]}
    orders.put_item(item)
    lab.run(until=2)
    orders.put_item({"id": "a"})
    orders.delete_item({"id": "a"})
    found = streams.get_records(ShardIterator=at, Limit=2)
    assert names(found) == ["INSERT", "MODIFY"]
    first, second = found["Records"]
    assert first["dynamodb"]["NewImage"] == {
        "id": {"S": "a"}, "pic": {"B": b"\x00"},
        "l": {"L": [{"B": b"x"}, {"M": {"m": {"BS": [b"y"]}}}]},
    }  # fmt: skip
    assert (first["eventSource"], first["eventVersion"]) == ("aws:dynamodb", "1.1")
    assert second["dynamodb"]["OldImage"] == first["dynamodb"]["NewImage"]
    assert second["dynamodb"]["Keys"] == {"id": {"S": "a"}}
    assert second["dynamodb"]["ApproximateCreationDateTime"] == START + dt.timedelta(seconds=2)
    rest = streams.get_records(ShardIterator=found["NextShardIterator"])
    assert names(rest) == ["REMOVE"]
    assert names(streams.get_records(ShardIterator=rest["NextShardIterator"])) == []


def test_what_time_to_live_deletes_says_so(streams: Any, lab: ll.Lab, orders: Table) -> None:
    at = iterator(streams, orders, "LATEST")
    orders.put_item({"id": "a", "until": int(START.timestamp()) + 60})
    lab.run(until=100)
    put, gone = streams.get_records(ShardIterator=at)["Records"]
    assert "userIdentity" not in put
    assert gone["userIdentity"] == {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}


def test_where_an_iterator_begins(streams: Any, lab: ll.Lab, orders: Table) -> None:
    orders.put_item({"id": "a"})
    orders.put_item({"id": "a", "x": 1})
    number = orders.stream.records[1].sequence_number

    def found(kind: str, **more: Any) -> list[str]:
        return names(streams.get_records(ShardIterator=iterator(streams, orders, kind, **more)))

    assert found("AT_SEQUENCE_NUMBER", SequenceNumber=number) == ["MODIFY"]
    assert found("AFTER_SEQUENCE_NUMBER", SequenceNumber=number) == []
    assert found("TRIM_HORIZON") == ["INSERT", "MODIFY"]
    assert found("LATEST") == []
    lab.run(until="25h")
    assert found("TRIM_HORIZON") == []
    with pytest.raises(streams.exceptions.TrimmedDataAccessException, match="oldest stream record"):
        found("AT_SEQUENCE_NUMBER", SequenceNumber=number)


def test_iterators_that_cannot_be(streams: Any, lab: ll.Lab, orders: Table) -> None:
    ask, read, wrong = streams.get_shard_iterator, streams.get_records, "ValidationException"
    shard = orders.stream.shards[0].shard_id
    given = {"StreamArn": orders.stream.arn, "ShardId": shard}
    refused(
        streams, wrong, "one of TRIM_HORIZON, LATEST, AT_SEQ", ask,
        **given, ShardIteratorType="AT_TIMESTAMP",
    )  # fmt: skip
    refused(
        streams, wrong, "did not come from this shard", ask,
        **given, ShardIteratorType="AT_SEQUENCE_NUMBER", SequenceNumber="1" * 21,
    )  # fmt: skip
    none = given | {"ShardId": "shardId-" + "0" * 20}
    missing = "ResourceNotFoundException"
    refused(streams, missing, "no shard", ask, **none, ShardIteratorType="LATEST")
    refused(streams, wrong, "Invalid ShardIterator", read, ShardIterator="nonsense")
    at = iterator(streams, orders)
    refused(streams, wrong, "1000", read, ShardIterator=at, Limit=1_001)
    lab.run(until=900)
    assert names(read(ShardIterator=at)) == []
    lab.run(until=901)
    with pytest.raises(streams.exceptions.ExpiredIteratorException):
        read(ShardIterator=at)


# ------------------------------------------------------------------ the lab's own verbs for it


def test_a_tables_stream_is_read_by_the_labs_own_verbs(lab: ll.Lab, orders: Table) -> None:
    stream = orders.stream
    at = stream.get_shard_iterator(stream.shards[0])
    for n in range(3):
        orders.put_item({"id": str(n)})
    found = stream.get_records(at, limit=2)
    assert [record.json()["eventName"] for record in found] == ["INSERT"] * 2
    assert found.next_shard_iterator is not None
    assert len(stream.get_records(found.next_shard_iterator)) == 1
    with pytest.raises(UnknownName, match="no shard 'x'"):
        stream.get_shard_iterator("x")
    with pytest.raises(InvalidSetting, match="shard_iterator_type"):
        stream.get_shard_iterator(stream.shards[0], "AT_TIMESTAMP")
    with pytest.raises(InvalidSetting, match="limit"):
        stream.get_records(at, limit=1_001)
    lab.run(until=901)
    with pytest.raises(ExpiredIteratorException):
        stream.get_records(at)


def test_every_operation_was_called() -> None:
    assert not not_called("dynamodbstreams")
