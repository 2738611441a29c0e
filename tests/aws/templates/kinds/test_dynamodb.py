"""AWS::DynamoDB."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("samtranslator")

from lambdalab.errors import TemplateError
from tests.aws.templates.making import get, left_out, made, ref, resource, value

DEFINED = [{"AttributeName": n, "AttributeType": t} for n, t in (("id", "S"), ("at", "N"))]
KEYS = [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}]


def table(**more: Any) -> dict[str, Any]:
    given = {"BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": DEFINED, "KeySchema": KEYS}
    return resource("AWS::DynamoDB::Table", **given | more)


def test_keys_stream_and_time_to_live() -> None:
    resources = {
        "Orders": table(
            TableName="orders", StreamSpecification={"StreamViewType": "NEW_AND_OLD_IMAGES"},
            TimeToLiveSpecification={"AttributeName": "forget", "Enabled": "true"},
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            SSESpecification={"SSEEnabled": True}, DeletionProtectionEnabled=True,
        )
    }  # fmt: skip
    lab = made(resources)
    found = lab.dynamodb["orders"]
    assert repr(found) == (
        "<table orders: 0 items by id (S) and at (N), stream of NEW_AND_OLD_IMAGES, "
        "time to live in 'forget'>"
    )
    assert left_out(lab) == {}
    assert value(get("Orders", "StreamArn"), resources=resources) == found.stream.arn
    assert value(get("Orders"), resources=resources) == found.arn
    assert value(ref("Orders"), resources=resources) == "orders"


def test_provisioned_and_simple_and_global() -> None:
    throughput = {"ReadCapacityUnits": "5", "WriteCapacityUnits": 5}
    provisioned = table(BillingMode="PROVISIONED", ProvisionedThroughput=throughput)
    simple = resource(
        "AWS::Serverless::SimpleTable",
        PrimaryKey={"Name": "key", "Type": "Number"},
        TableName="simple",
    )
    everywhere = resource(
        "AWS::DynamoDB::GlobalTable", AttributeDefinitions=DEFINED, KeySchema=KEYS,
        Replicas=[{"Region": "us-east-1"}],
    )  # fmt: skip
    lab = made({"A": provisioned, "B": simple, "C": everywhere}, sam=True)
    assert set(lab.dynamodb) == {"A", "simple", "C"}
    assert "by key (N)" in repr(lab.dynamodb["simple"])
    assert set(left_out(lab)) == {"C.Replicas"}


def test_indexes_are_left_out_with_their_attributes() -> None:
    more = [*DEFINED, {"AttributeName": "who", "AttributeType": "S"}]
    index = {
        "IndexName": "by_who", "KeySchema": [{"AttributeName": "who", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }  # fmt: skip
    lab = made({"T": table(AttributeDefinitions=more, GlobalSecondaryIndexes=[index])})
    assert list(left_out(lab)) == ["T.GlobalSecondaryIndexes"]
    lab.dynamodb["T"].put_item({"id": "a", "at": 1, "who": "me"})


def test_what_aws_refuses() -> None:
    with pytest.raises(TemplateError, match=r"^T \(AWS::DynamoDB::Table\): .*PROVISIONED"):
        made({"T": table(BillingMode="PROVISIONED")})
