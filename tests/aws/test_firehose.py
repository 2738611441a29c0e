"""Firehose through botocore: delivery streams, records, and what comes to the bucket."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

import pytest

pytest.importorskip("boto3")

import lambdalab as ll
from tests.aws.checked import checked, not_called

START = dt.datetime(2025, 1, 7, tzinfo=dt.UTC)
SHOUT = "arn:aws:lambda:us-east-1:123456789012:function:shout"
ROLE = "arn:aws:iam::123456789012:role/r"
ARN = "arn:aws:firehose:us-east-1:123456789012:deliverystream/clicks"


@pytest.fixture
def lab() -> ll.Lab:
    lab = ll.Lab(seed=4)
    lab.s3.create_bucket("lake")

    @lab.function
    def shout(event: Any, context: Any) -> Any:
        def loud(data: str) -> str:
            return base64.b64encode(base64.b64decode(data).upper()).decode()

        return {
            "records": [
                {"recordId": each["recordId"], "result": "Ok", "data": loud(each["data"])}
                for each in event["records"]
            ]
        }

    return lab


@pytest.fixture
def firehose(lab: ll.Lab) -> Any:
    return checked(lab.client("firehose"))


def destination(**parameters: str) -> dict[str, Any]:
    named = {"LambdaArn": SHOUT} | parameters
    listed = [{"ParameterName": n, "ParameterValue": v} for n, v in named.items()]
    return {
        "RoleARN": ROLE, "BucketARN": "arn:aws:s3:::lake", "Prefix": "in/",
        "ProcessingConfiguration": {
            "Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": listed}],
        },
    }  # fmt: skip


def create(firehose: Any, name: str = "clicks", **parameters: str) -> Any:
    return firehose.create_delivery_stream(
        DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination(**parameters)
    )


def refused(firehose: Any, code: str, words: str, act: Any, **given: Any) -> None:
    with pytest.raises(firehose.exceptions.ClientError, match=words) as caught:
        act(**given)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_records_come_to_the_bucket(firehose: Any, lab: ll.Lab) -> None:
    assert create(firehose, BufferIntervalInSeconds="10")["DeliveryStreamARN"] == ARN
    one = firehose.put_record(DeliveryStreamName="clicks", Record={"Data": b"one\n"})
    answer = firehose.put_record_batch(
        DeliveryStreamName="clicks", Records=[{"Data": "two\n"}, {"Data": b"three\n"}]
    )
    ids = [one["RecordId"], *(each["RecordId"] for each in answer["RequestResponses"])]
    assert len(set(ids)) == 3
    assert answer["FailedPutCount"] == 0
    lab.run(until=11)
    [found] = lab.s3["lake"].objects
    assert found.body == b"ONE\nTWO\nTHREE\n"


def test_a_stream_is_described_as_it_was_made(firehose: Any, lab: ll.Lab) -> None:
    lab.run(until=60)
    create(firehose, NumberOfRetries="1", BufferSizeInMBs="0.5")
    told = firehose.describe_delivery_stream(DeliveryStreamName="clicks")
    told = told["DeliveryStreamDescription"]
    assert (told["DeliveryStreamStatus"], told["DeliveryStreamType"]) == ("ACTIVE", "DirectPut")
    assert told["CreateTimestamp"] == START + dt.timedelta(seconds=60)
    shown = told["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert (shown["Prefix"], shown["BufferingHints"]["SizeInMBs"]) == ("in/", 5)
    parameters = shown["ProcessingConfiguration"]["Processors"][0]["Parameters"]
    assert {each["ParameterName"]: each["ParameterValue"] for each in parameters} == {
        "LambdaArn": SHOUT, "NumberOfRetries": "1", "BufferSizeInMBs": "0.5",
        "BufferIntervalInSeconds": "60",
    }  # fmt: skip


def test_a_stream_made_by_the_labs_own_verb_is_described_too(firehose: Any, lab: ll.Lab) -> None:
    lab.firehose.create_delivery_stream("views", "shout")
    told = firehose.describe_delivery_stream(DeliveryStreamName="views")
    assert told["DeliveryStreamDescription"]["CreateTimestamp"] == START


def test_lists_and_deletes(firehose: Any, lab: ll.Lab) -> None:
    for number in range(12):
        create(firehose, f"s{number:02}")
    first = firehose.list_delivery_streams()
    assert (len(first["DeliveryStreamNames"]), first["HasMoreDeliveryStreams"]) == (10, True)
    rest = firehose.list_delivery_streams(ExclusiveStartDeliveryStreamName="s09", Limit=2)
    assert (rest["DeliveryStreamNames"], rest["HasMoreDeliveryStreams"]) == (["s10", "s11"], False)
    kinesis = "KinesisStreamAsSource"
    assert not firehose.list_delivery_streams(DeliveryStreamType=kinesis)["DeliveryStreamNames"]
    firehose.delete_delivery_stream(DeliveryStreamName="s00")
    missing, words = (
        "ResourceNotFoundException",
        "Firehose s00 under account 123456789012 not found",
    )
    for act in (firehose.delete_delivery_stream, firehose.describe_delivery_stream):
        refused(firehose, missing, words, act, DeliveryStreamName="s00")
    put = firehose.put_record
    refused(firehose, missing, words, put, DeliveryStreamName="s00", Record={"Data": b""})


def test_what_cannot_be(firehose: Any, lab: ll.Lab) -> None:
    create(firehose)
    again = {"ExtendedS3DestinationConfiguration": destination(), "DeliveryStreamName": "clicks"}
    there = "Firehose clicks under accountId 123456789012 already exists"
    refused(firehose, "ResourceInUseException", there, firehose.create_delivery_stream, **again)
    make, invalid = firehose.create_delivery_stream, "InvalidArgumentException"

    def no(words: str, **given: Any) -> None:
        refused(firehose, invalid, words, make, DeliveryStreamName="x", **given)

    no("are of the type DirectPut")
    no("RedshiftDestinationConfiguration is not simulated", RedshiftDestinationConfiguration={
        "RoleARN": ROLE, "ClusterJDBCURL": "jdbc:redshift://h:1/db",
        "CopyCommand": {"DataTableName": "t"}, "S3Configuration": {
            "RoleARN": ROLE, "BucketARN": "arn:aws:s3:::lake"},
    })  # fmt: skip
    name = "ExtendedS3DestinationConfiguration"
    plain = {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::lake"}
    no("one Lambda processor", **{name: plain})
    no("no bucket arn:aws:s3:::gone", **{name: destination() | {"BucketARN": "arn:aws:s3:::gone"}})
    no("Invalid value 'x' for NumberOfRetries", **{name: destination(NumberOfRetries="x")})
    no("retries", **{name: destination(NumberOfRetries="999")})
    no("(?i)function", **{name: destination(LambdaArn=SHOUT + "x")})
    assert firehose.list_delivery_streams()["DeliveryStreamNames"] == ["clicks"]
    records = [{"Data": b"x"}] * 501
    batch = firehose.put_record_batch
    refused(firehose, invalid, "1 to 500", batch, DeliveryStreamName="clicks", Records=records)


def test_every_operation_is_called_here() -> None:
    assert not not_called("firehose")
