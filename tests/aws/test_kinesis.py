"""Kinesis through botocore: streams, shards, records, iterators, consumers, pages, refusals."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("boto3")

import lambdalab as ll
from tests.aws.checked import checked, not_called

START = dt.datetime(2025, 1, 7, tzinfo=dt.UTC)
ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"


@pytest.fixture
def lab() -> Iterator[ll.Lab]:
    with ll.Lab(seed=3) as lab:
        yield lab


@pytest.fixture
def kinesis(lab: ll.Lab) -> Any:
    """A client; there is a stream of two shards, made at ten seconds."""
    client = checked(lab.client("kinesis"))
    lab.run(until=10)
    client.create_stream(StreamName="clicks", ShardCount=2, Tags={"team": "web"})
    return client


def refused(client: Any, code: str, words: str, act: Any, **given: Any) -> Any:
    with pytest.raises(client.exceptions.ClientError, match=words) as caught:
        act(**given)
    response = caught.value.response
    assert response["Error"]["Code"] == code
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return response


def iterator(client: Any, shard: int = 0, kind: str = "TRIM_HORIZON", **more: Any) -> str:
    name = f"shardId-{shard:012d}"
    answer = client.get_shard_iterator(
        StreamName="clicks", ShardId=name, ShardIteratorType=kind, **more
    )
    return str(answer["ShardIterator"])


def put(client: Any, *texts: str, shard: int = 0) -> list[str]:
    """The numbers of records put in a shard."""
    key = str(shard << 127)
    return [
        client.put_record(
            StreamName="clicks", Data=text.encode(), PartitionKey="k", ExplicitHashKey=key
        )["SequenceNumber"]
        for text in texts
    ]


def texts(answer: Any) -> list[str]:
    return [record["Data"].decode() for record in answer["Records"]]


# ------------------------------------------------------------------ streams


def test_a_stream_is_described(kinesis: Any, lab: ll.Lab) -> None:
    kinesis.get_waiter("stream_exists").wait(StreamName="clicks")
    told = kinesis.describe_stream(StreamName="clicks")["StreamDescription"]
    assert told["StreamARN"] == lab.kinesis["clicks"].arn
    assert (told["StreamStatus"], told["RetentionPeriodHours"]) == ("ACTIVE", 24)
    assert told["StreamCreationTimestamp"] == START + dt.timedelta(seconds=10)
    assert [shard["ShardId"][-1] for shard in told["Shards"]] == ["0", "1"]
    assert told["Shards"][0]["HashKeyRange"] == {
        "StartingHashKey": "0", "EndingHashKey": str(2**127 - 1),
    }  # fmt: skip
    assert set(told["Shards"][0]["SequenceNumberRange"]) == {"StartingSequenceNumber"}
    kinesis.register_stream_consumer(StreamARN=told["StreamARN"], ConsumerName="fast")
    summary = kinesis.describe_stream_summary(StreamARN=told["StreamARN"])
    summary = summary["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["ConsumerCount"]) == (2, 1)


def test_streams_that_cannot_be(kinesis: Any) -> None:
    create = kinesis.create_stream
    refused(
        kinesis, "ResourceInUseException",
        "Stream clicks under account 123456789012 already exists", create,
        StreamName="clicks", ShardCount=1,
    )  # fmt: skip
    refused(kinesis, "LimitExceededException", "Limit: 500", create, StreamName="x", ShardCount=499)
    refused(kinesis, "ValidationException", "ShardCount", create, StreamName="x")
    demand = {"StreamMode": "ON_DEMAND"}
    refused(
        kinesis, "ValidationException", "provisioned", create,
        StreamName="x", StreamModeDetails=demand,
    )  # fmt: skip
    refused(kinesis, "ValidationException", "letters", create, StreamName="a b", ShardCount=1)
    words = "Stream no under account 123456789012 not found"
    for act in (kinesis.describe_stream, kinesis.describe_stream_summary, kinesis.list_shards):
        refused(kinesis, "ResourceNotFoundException", words, act, StreamName="no")
    refused(kinesis, "ValidationException", "StreamARN", kinesis.describe_stream)
    refused(
        kinesis, "InvalidArgumentException", "different", kinesis.describe_stream,
        StreamName="other", StreamARN=kinesis.describe_stream(StreamName="clicks")[
            "StreamDescription"]["StreamARN"],
    )  # fmt: skip


def test_streams_are_listed_in_pages(kinesis: Any, lab: ll.Lab) -> None:
    for name in ("b", "a"):
        lab.kinesis.create_stream(name)
    found = kinesis.list_streams(Limit=2)
    assert (found["StreamNames"], found["HasMoreStreams"]) == (["a", "b"], True)
    assert found["StreamSummaries"][0]["StreamCreationTimestamp"] == START
    assert kinesis.list_streams(ExclusiveStartStreamName="b")["StreamNames"] == ["clicks"]
    pages = kinesis.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 1})
    assert [name for page in pages for name in page["StreamNames"]] == ["a", "b", "clicks"]
    refused(
        kinesis, "InvalidArgumentException", "NextToken", kinesis.list_streams, NextToken="none"
    )
    refused(kinesis, "ValidationException", "10000", kinesis.list_streams, Limit=10_001)


def test_settings_of_a_stream(kinesis: Any, lab: ll.Lab) -> None:
    more, less = kinesis.increase_stream_retention_period, kinesis.decrease_stream_retention_period
    more(StreamName="clicks", RetentionPeriodHours=48)
    assert lab.kinesis["clicks"].retention_hours == 48
    refused(
        kinesis, "InvalidArgumentException", "can not be shorter than existing", more,
        StreamName="clicks", RetentionPeriodHours=24,
    )  # fmt: skip
    refused(
        kinesis, "InvalidArgumentException", "can not be longer than existing", less,
        StreamName="clicks", RetentionPeriodHours=72,
    )  # fmt: skip
    less(StreamName="clicks", RetentionPeriodHours=24)
    assert lab.kinesis["clicks"].retention_hours == 24
    arn = lab.kinesis["clicks"].arn
    kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=1024)
    refused(
        kinesis, "ValidationException", "KiB", kinesis.update_max_record_size,
        StreamARN=arn, MaxRecordSizeInKiB=99_999,
    )  # fmt: skip


def test_tags_are_kept(kinesis: Any) -> None:
    kinesis.add_tags_to_stream(StreamName="clicks", Tags={"a": "1", "b": "2"})
    kinesis.remove_tags_from_stream(StreamName="clicks", TagKeys=["b", "none"])
    found = kinesis.list_tags_for_stream(StreamName="clicks", Limit=1)
    assert found["Tags"] == [{"Key": "a", "Value": "1"}]
    assert found["HasMoreTags"]
    rest = kinesis.list_tags_for_stream(StreamName="clicks", ExclusiveStartTagKey="a")
    assert rest["Tags"] == [{"Key": "team", "Value": "web"}]
    assert not rest["HasMoreTags"]


# ------------------------------------------------------------------ records


def test_records_are_put_and_read(kinesis: Any, lab: ll.Lab) -> None:
    at = iterator(kinesis)
    [first] = put(kinesis, "one")
    lab.run(until=12.5)
    put(kinesis, "two", "three")
    found = kinesis.get_records(ShardIterator=at, Limit=2)
    assert texts(found) == ["one", "two"]
    assert found["Records"][0]["SequenceNumber"] == first
    assert found["Records"][1]["ApproximateArrivalTimestamp"] == START + dt.timedelta(seconds=12.5)
    assert found["Records"][1]["PartitionKey"] == "k"
    rest = kinesis.get_records(ShardIterator=found["NextShardIterator"])
    assert (texts(rest), rest["MillisBehindLatest"]) == (["three"], 0)
    assert texts(kinesis.get_records(ShardIterator=rest["NextShardIterator"])) == []


def test_where_an_iterator_begins(kinesis: Any, lab: ll.Lab) -> None:
    numbers = put(kinesis, "a", "b")
    lab.run(until=20)
    put(kinesis, "c")

    def found(kind: str, **more: Any) -> list[str]:
        at = iterator(kinesis, kind=kind, **more)
        lab.advance(1)
        return texts(kinesis.get_records(ShardIterator=at))

    assert found("AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]) == ["b", "c"]
    assert found("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]) == ["c"]
    assert found("LATEST") == []
    assert found("AT_TIMESTAMP", Timestamp=START + dt.timedelta(seconds=15)) == ["c"]
    assert found("AT_TIMESTAMP", Timestamp=START - dt.timedelta(days=9)) == ["a", "b", "c"]


def test_iterators_that_cannot_be(kinesis: Any, lab: ll.Lab) -> None:
    ask, wrong = kinesis.get_shard_iterator, "InvalidArgumentException"
    given = {"StreamName": "clicks", "ShardId": "shardId-000000000000"}
    refused(
        kinesis, wrong, "starting_sequence_number", ask,
        **given, ShardIteratorType="AT_SEQUENCE_NUMBER",
    )  # fmt: skip
    refused(
        kinesis, wrong, "did not come from this shard", ask, **given,
        ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber="17",
    )  # fmt: skip
    refused(
        kinesis, wrong, "cannot be greater than the currentTimestampInMillis", ask, **given,
        ShardIteratorType="AT_TIMESTAMP", Timestamp=START + dt.timedelta(hours=1),
    )  # fmt: skip
    refused(kinesis, "ValidationException", "TRIM_HORIZON", ask, **given, ShardIteratorType="NONE")
    refused(
        kinesis, "ResourceNotFoundException", "Could not find shard shardId-9 in stream clicks", ask,
        StreamName="clicks", ShardId="shardId-9", ShardIteratorType="LATEST",
    )  # fmt: skip
    read = kinesis.get_records
    refused(kinesis, wrong, "Invalid ShardIterator", read, ShardIterator="nonsense")
    at = iterator(kinesis)
    refused(kinesis, "ValidationException", "limit", read, ShardIterator=at, Limit=10_001)
    lab.advance(301)
    with pytest.raises(kinesis.exceptions.ExpiredIteratorException, match="Iterator expired"):
        read(ShardIterator=at)


def test_limits_of_a_shard_hold(kinesis: Any, lab: ll.Lab) -> None:
    at = iterator(kinesis)
    for _ in range(5):
        kinesis.get_records(ShardIterator=at)
    with pytest.raises(kinesis.exceptions.ProvisionedThroughputExceededException, match="Rate"):
        kinesis.get_records(ShardIterator=at)
    lab.advance(1)
    assert texts(kinesis.get_records(ShardIterator=at)) == []


def test_records_fail_one_by_one(kinesis: Any) -> None:
    big = {"Data": b"x" * 600_000, "PartitionKey": "k"}
    answer = kinesis.put_records(
        StreamName="clicks",
        Records=[
            big | {"ExplicitHashKey": "0"}, big | {"ExplicitHashKey": "1"},
            {"Data": "text", "PartitionKey": "k", "ExplicitHashKey": str(1 << 127)},
        ],
    )  # fmt: skip
    assert answer["FailedRecordCount"] == 1
    first, second, third = answer["Records"]
    assert first["ShardId"] == "shardId-000000000000"
    assert second["ErrorCode"] == "ProvisionedThroughputExceededException"
    assert second["ErrorMessage"].startswith("Rate exceeded for shard shardId-000000000000")
    assert set(second) == {"ErrorCode", "ErrorMessage"}
    assert third["ShardId"] == "shardId-000000000001"
    assert texts(kinesis.get_records(ShardIterator=iterator(kinesis, 1))) == ["text"]
    with pytest.raises(kinesis.exceptions.ProvisionedThroughputExceededException):
        kinesis.put_record(StreamName="clicks", **big, ExplicitHashKey="0")


def test_records_that_cannot_be(kinesis: Any) -> None:
    one = {"Data": b"x", "PartitionKey": "k"}
    refused(
        kinesis, "ValidationException", "500", kinesis.put_records,
        StreamName="clicks", Records=[one] * 501,
    )  # fmt: skip
    refused(
        kinesis, "ValidationException", "1,048,576 bytes", kinesis.put_record,
        StreamName="clicks", Data=b"x" * 1_048_577, PartitionKey="k",
    )  # fmt: skip
    refused(
        kinesis, "ValidationException", "256", kinesis.put_record,
        StreamName="clicks", Data=b"x", PartitionKey="k" * 257,
    )  # fmt: skip


# ------------------------------------------------------------------ shards


def test_shards_are_split_and_merged(kinesis: Any, lab: ll.Lab) -> None:
    put(kinesis, "before")
    kinesis.split_shard(
        StreamName="clicks", ShardToSplit="shardId-000000000000", NewStartingHashKey="1000"
    )
    found = kinesis.get_records(ShardIterator=iterator(kinesis))
    assert texts(found) == ["before"]
    assert "NextShardIterator" not in found
    low, high = found["ChildShards"]
    assert (low["ShardId"], low["HashKeyRange"]["EndingHashKey"]) == ("shardId-000000000002", "999")
    assert high["ParentShards"] == ["shardId-000000000000"]
    lab.advance(1)
    kinesis.merge_shards(  # in either order
        StreamName="clicks", ShardToMerge=high["ShardId"], AdjacentShardToMerge=low["ShardId"]
    )
    merged = kinesis.list_shards(StreamName="clicks")["Shards"][-1]
    assert {merged["ParentShardId"], merged["AdjacentParentShardId"]} == {
        low["ShardId"], high["ShardId"],
    }  # fmt: skip
    refused(
        kinesis, "InvalidArgumentException", "NewStartingHashKey", kinesis.split_shard,
        StreamName="clicks", ShardToSplit=merged["ShardId"], NewStartingHashKey="0",
    )  # fmt: skip


def test_shards_are_listed_and_filtered(kinesis: Any, lab: ll.Lab) -> None:
    lab.run(until=20)
    stream = lab.kinesis["clicks"]
    stream.split_shard("shardId-000000000001")

    def listed(**more: Any) -> str:
        found = kinesis.list_shards(StreamName="clicks", **more)["Shards"]
        return "".join(shard["ShardId"][-1] for shard in found)

    def filtered(kind: str, **more: Any) -> str:
        return listed(ShardFilter={"Type": kind, **more})

    assert listed() == "0123"
    assert listed(ExclusiveStartShardId="shardId-000000000001") == "23"
    assert filtered("AT_LATEST") == "023"
    assert filtered("AT_TRIM_HORIZON") == "01"
    assert filtered("FROM_TRIM_HORIZON") == "0123"
    assert filtered("AT_TIMESTAMP", Timestamp=START + dt.timedelta(seconds=15)) == "01"
    lab.run(until=30)
    assert filtered("FROM_TIMESTAMP", Timestamp=START + dt.timedelta(seconds=25)) == "023"
    assert filtered("AFTER_SHARD_ID", ShardId="shardId-000000000000") == "123"
    refused(
        kinesis, "InvalidArgumentException", "needs Timestamp", kinesis.list_shards,
        StreamName="clicks", ShardFilter={"Type": "AT_TIMESTAMP"},
    )  # fmt: skip
    lab.run(until="25h")
    assert listed() == "023", "a closed shard is forgotten after the retention period"


def test_shards_come_in_pages(kinesis: Any) -> None:
    kinesis.split_shard(
        StreamName="clicks", ShardToSplit="shardId-000000000000", NewStartingHashKey="99"
    )
    first = kinesis.list_shards(StreamName="clicks", MaxResults=3)
    rest = kinesis.list_shards(NextToken=first["NextToken"])
    assert (len(first["Shards"]), len(rest["Shards"]), "NextToken" in rest) == (3, 1, False)
    pages = kinesis.get_paginator("list_shards").paginate(StreamName="clicks")
    assert [len(page["Shards"]) for page in pages] == [4]
    pages = kinesis.get_paginator("describe_stream").paginate(
        StreamName="clicks", PaginationConfig={"PageSize": 3}
    )
    assert [len(page["StreamDescription"]["Shards"]) for page in pages] == [3, 1]
    token = kinesis.list_shards(StreamName="clicks", MaxResults=1)["NextToken"]
    wrong = "InvalidArgumentException"
    list_shards = kinesis.list_shards
    refused(kinesis, wrong, "together", list_shards, StreamName="clicks", NextToken=token)
    refused(kinesis, wrong, "NextToken", list_shards, NextToken="bad")


# ------------------------------------------------------------------ consumers


def test_consumers(kinesis: Any, lab: ll.Lab) -> None:
    arn = lab.kinesis["clicks"].arn
    made = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="fast")["Consumer"]
    assert made["ConsumerStatus"] == "ACTIVE"
    assert made["ConsumerCreationTimestamp"] == START + dt.timedelta(seconds=10)
    kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="slow")
    by_arn = kinesis.describe_stream_consumer(ConsumerARN=made["ConsumerARN"])
    by_name = kinesis.describe_stream_consumer(StreamARN=arn, ConsumerName="fast")
    assert by_arn["ConsumerDescription"] == by_name["ConsumerDescription"]
    assert by_arn["ConsumerDescription"] == made | {"StreamARN": arn}
    pages = kinesis.get_paginator("list_stream_consumers").paginate(
        StreamARN=arn, PaginationConfig={"PageSize": 1}
    )
    names = [page["Consumers"][0]["ConsumerName"] for page in pages]
    assert names == ["fast", "slow"]
    with pytest.raises(kinesis.exceptions.ResourceInUseException):
        kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="fast")
    with pytest.raises(kinesis.exceptions.ResourceNotFoundException):
        kinesis.describe_stream_consumer(StreamARN=arn, ConsumerName="none")
    refused(kinesis, "InvalidArgumentException", "Either", kinesis.describe_stream_consumer)


# ------------------------------------------------------------------ with the rest of the lab


def test_what_a_client_puts_comes_to_a_function(kinesis: Any, lab: ll.Lab) -> None:
    seen: list[Any] = []

    @lab.function
    def count(event: Any, context: Any) -> None:
        seen.extend(record["kinesis"]["partitionKey"] for record in event["Records"])

    arn = lab.kinesis["clicks"].arn
    lab.client("lambda").create_event_source_mapping(
        EventSourceArn=arn, FunctionName="count", StartingPosition="TRIM_HORIZON"
    )
    kinesis.put_record(StreamARN=arn, Data=json.dumps({"n": 1}), PartitionKey="ann")
    lab.run(until=60)
    assert seen == ["ann"]


def test_a_handler_puts_records(lab: ll.Lab, kinesis: Any) -> None:
    @lab.function
    def relay(event: Any, context: Any) -> str:
        import boto3

        client = boto3.client("kinesis")
        return str(
            client.put_record(StreamName="clicks", Data=b"from a handler", PartitionKey="h")[
                "ShardId"
            ]
        )

    with lab.aws():
        shard = lab.invoke(relay, {}).payload
    assert shard.startswith("shardId-")
    assert [record.data for record in lab.kinesis["clicks"].records] == [b"from a handler"]


def test_a_deleted_stream_is_gone(lab: ll.Lab, kinesis: Any) -> None:
    mapping = lab.create_event_source_mapping(
        "clicks", lab.create_function("count", duration=0.1), starting_position="TRIM_HORIZON"
    )
    put(kinesis, "a", "b")
    lab.run(until=20)
    kinesis.delete_stream(StreamName="clicks")
    kinesis.get_waiter("stream_not_exists").wait(StreamName="clicks")
    missing = "ResourceNotFoundException"
    refused(kinesis, missing, "clicks", kinesis.delete_stream, StreamName="clicks")
    refused(
        kinesis,
        missing,
        "clicks",
        kinesis.put_record,
        StreamName="clicks",
        Data=b"",
        PartitionKey="k",
    )
    assert kinesis.list_streams()["StreamNames"] == []
    assert (mapping.state, len(lab.trace.invocations)) == ("Disabled", 1)
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    assert kinesis.list_tags_for_stream(StreamName="clicks")["Tags"] == []


def test_consumers_are_deregistered_or_go_with_their_stream(lab: ll.Lab, kinesis: Any) -> None:
    def register(name: str) -> str:
        made = kinesis.register_stream_consumer(StreamARN=ARN, ConsumerName=name)
        return str(made["Consumer"]["ConsumerARN"])

    one, _ = register("one"), register("two")
    mapping = lab.create_event_source_mapping(
        one, lab.create_function("count", duration=0.1), starting_position="LATEST"
    )
    refused(kinesis, "ResourceInUseException", "consumers", kinesis.delete_stream, StreamARN=ARN)
    assert mapping.state == "Enabled"  # what is refused has changed nothing
    kinesis.deregister_stream_consumer(ConsumerARN=one)
    assert mapping.state == "Disabled"
    kinesis.deregister_stream_consumer(StreamARN=ARN, ConsumerName="two")
    missing = "ResourceNotFoundException"
    refused(kinesis, missing, "not found", kinesis.deregister_stream_consumer, ConsumerARN=one)
    register("three")
    kinesis.delete_stream(StreamARN=ARN, EnforceConsumerDeletion=True)
    assert "clicks" not in lab.kinesis


def test_every_operation_was_called() -> None:
    assert not not_called("kinesis")
