"""The helper that validates answers can say no."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from lambdalab.lab import Lab

pytest.importorskip("boto3")

from tests.aws.checked import checked, problems

GOOD: dict[str, Any] = {
    "RequestId": "x", "HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0,
}  # fmt: skip


def found(lab: Lab, service: str, operation: str, **answer: Any) -> list[str]:
    model = lab.client(service).meta.service_model.operation_model(operation)
    return problems(model, {"ResponseMetadata": GOOD, **answer})


def test_what_fits_is_let_pass(lab: Lab) -> None:
    assert not found(lab, "sqs", "SendMessage", MessageId="x")
    assert not found(lab, "sqs", "GetQueueAttributes", Attributes={"QueueArn": "x"})
    at = dt.datetime(2025, 1, 7, tzinfo=dt.UTC)
    assert not found(lab, "kinesis", "PutRecord", ShardId="s", SequenceNumber="1")
    assert not found(lab, "s3", "ListBuckets", Buckets=[{"Name": "b", "CreationDate": at}])


def test_what_does_not_fit_is_told_with_its_place(lab: Lab) -> None:
    assert found(lab, "sqs", "SendMessage", Nonsense=1) == [".Nonsense is not in the model"]
    assert found(lab, "sqs", "SendMessage", MessageId=1) == [".MessageId: 1 is no string"]
    assert found(lab, "sqs", "DeleteMessage", Status=1) == ["Status: the operation answers nothing"]
    assert found(lab, "kinesis", "PutRecord", ShardId="s") == [".SequenceNumber is required"]
    assert "is none of" in found(lab, "sqs", "GetQueueAttributes", Attributes={"Nope": "x"})[0]
    naive = [{"Name": "b", "CreationDate": dt.datetime(2025, 1, 7)}]
    assert "has no time zone" in found(lab, "s3", "ListBuckets", Buckets=naive)[0]
    assert "is no boolean" in found(lab, "s3", "ListObjectsV2", IsTruncated=1)[0]
    assert "is no integer" in found(lab, "s3", "ListObjectsV2", KeyCount=True)[0]
    assert "no StreamingBody" in found(lab, "s3", "GetObject", Body=b"x")[0]
    model = lab.client("sqs").meta.service_model.operation_model("ListQueues")
    assert problems(model, {})[0] == "ResponseMetadata lacks RequestId"


def test_a_wrong_answer_fails_the_call(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    from lambdalab.aws.sqs import SERVICE

    monkeypatch.setitem(SERVICE.operations, "ListQueues", lambda call: {"QueueUrls": "x"})
    with pytest.raises(AssertionError, match=r"sqs ListQueues: \.QueueUrls: 'x' is no list"):
        checked(lab.client("sqs")).list_queues()
