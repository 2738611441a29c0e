"""Requests as services' protocols have them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

pytest.importorskip("boto3")
pytest.importorskip("uvicorn")

from lambdalab.aws.endpoint.http import Request
from lambdalab.aws.endpoint.protocols import Asked, Unreadable, protocol_of
from lambdalab.aws.operations import ApiError

FORM = {"content-type": "application/x-www-form-urlencoded"}


def parsed(service: str, request: Request, bucket: str = "") -> tuple[str, str, dict[str, Any]]:
    """Protocol, operation and parameters of a request."""
    protocol, asked = protocol_of(service, request), Asked(request, bucket)
    operation, params = protocol.operation(asked)
    return protocol.name, operation.name, protocol.parse(operation, asked, params)


def test_json() -> None:
    headers = {"x-amz-target": "Kinesis_20131202.PutRecord"}
    body = b'{"StreamName": "s", "Data": "AP8=", "PartitionKey": "k", "Unknown": 1}'
    assert parsed("kinesis", Request("POST", "/", "", headers, body)) == (
        "json", "PutRecord", {"StreamName": "s", "Data": b"\x00\xff", "PartitionKey": "k"},
    )  # fmt: skip


def test_query() -> None:
    body = (
        b"Action=Publish&TopicArn=a%3Ab&Message=x+%2B&MessageAttributes.entry.1.Name=n&"
        b"MessageAttributes.entry.1.Value.DataType=Binary&MessageAttributes.entry.1.Value.BinaryValue=AP8%3D"
    )
    given = parsed("sns", Request("POST", "/", "", FORM, body))[2]
    attribute = {"DataType": "Binary", "BinaryValue": b"\x00\xff"}
    assert given == {"TopicArn": "a:b", "Message": "x +", "MessageAttributes": {"n": attribute}}


@pytest.mark.parametrize(
    ("service", "target"),
    [("sqs", "AmazonSQS.ListQueues"), ("cloudwatch", "GraniteServiceVersion20100801.ListMetrics")],
)
def test_services_of_two_protocols(service: str, target: str) -> None:
    name = target.partition(".")[2]
    asked = Request("POST", "/", "", {"x-amz-target": target}, b"{}")
    assert parsed(service, asked)[:2] == ("json", name)
    asked = Request("POST", "/", "", FORM, f"Action={name}".encode())
    assert parsed(service, asked)[:2] == ("query", name)


def test_rest_json() -> None:
    headers = {"x-amz-invocation-type": "Event"}
    path = "/2015-03-31/functions/bill%3Alive/invocations"
    assert parsed("lambda", Request("POST", path, "Qualifier=1", headers, b"{}")) == (
        "rest-json", "Invoke", {
            "FunctionName": "bill:live", "InvocationType": "Event", "Qualifier": "1", "Payload": b"{}",
        },
    )  # fmt: skip


def test_moments_are_of_utc() -> None:
    headers = {"x-amz-target": "Logs_20140328.GetLogEvents"}
    body = b'{"startTime": 5, "logStreamName": "s"}'
    assert parsed("logs", Request("POST", "/", "", headers, body))[2]["startTime"] == 5
    form = b"Action=GetMetricStatistics&StartTime=2025-01-07T02%3A00%3A00%2B02%3A00&Period=60"
    found = parsed("cloudwatch", Request("POST", "/", "", FORM, form))[2]
    assert found == {"StartTime": dt.datetime(2025, 1, 7, tzinfo=dt.UTC), "Period": 60}


@pytest.mark.parametrize(
    ("path", "bucket"), [("/photos/a/b%2F%20c", ""), ("/a/b%2F%20c", "photos")]
)
def test_rest_xml_with_buckets_in_paths_and_in_hosts(path: str, bucket: str) -> None:
    headers = {"x-amz-meta-a": "1", "content-type": "text/html"}
    name, operation, given = parsed("s3", Request("PUT", path, "", headers, b"x"), bucket)
    assert (name, operation) == ("rest-xml", "PutObject")
    assert (given["Bucket"], given["Key"]) == ("photos", "a/b/ c")
    assert (given["Metadata"], given["Body"]) == ({"a": "1"}, b"x")


def test_queries_decide_between_operations_of_one_path() -> None:
    for query, operation in (("", "ListObjects"), ("list-type=2", "ListObjectsV2"),
                             ("notification", "GetBucketNotificationConfiguration")):  # fmt: skip
        assert parsed("s3", Request("GET", "/photos", query))[1] == operation


@pytest.mark.parametrize(
    ("service", "asked", "code", "status"),
    [("sqs", Request("POST", "/", "", {"x-amz-target": "AmazonSQS.No"}), "UnknownOperationException", 400),
     ("sns", Request("POST", "/", "", FORM, b"Action=No"), "InvalidAction", 400),
     ("lambda", Request("GET", "/2015-03-31/no"), "UnknownOperationException", 404),
     ("s3", Request("PATCH", "/photos/a"), "MethodNotAllowed", 405)],
)  # fmt: skip
def test_operations_that_are_none(service: str, asked: Request, code: str, status: int) -> None:
    with pytest.raises(ApiError) as caught:
        parsed(service, asked)
    assert (caught.value.code, caught.value.status) == (code, status)


@pytest.mark.parametrize(
    ("service", "asked"),
    [("sqs", Request("POST", "/", "", {"x-amz-target": "AmazonSQS.SendMessage"}, b"{")),
     ("sqs", Request("POST", "/", "", {"x-amz-target": "AmazonSQS.SendMessage"}, b"[1]")),
     ("sns", Request("POST", "/", "", FORM, b"Action=Publish&MessageAttributes=\xff")),
     ("s3", Request("POST", "/photos", "delete", {}, b"<!DOCTYPE a><Delete/>")),
     ("s3", Request("POST", "/photos", "delete", {}, "<!DOCTYPE a><Delete/>".encode("utf-16"))),
     ("kinesis", Request("POST", "/", "", {"x-amz-target": "Kinesis_20131202.PutRecord"},
                         b'{"Data": "x"}'))],
)  # fmt: skip
def test_bodies_that_cannot_be_read(service: str, asked: Request) -> None:
    with pytest.raises(Unreadable):
        parsed(service, asked)
