"""AWS::DynamoDB: tables and their streams."""

from __future__ import annotations

from typing import Any

from lambdalab.aws.templates.intrinsics import Facts
from lambdalab.aws.templates.kinds.kind import Kind
from lambdalab.aws.templates.resource import Resource, truth

_INDEXES = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
_HARMLESS = (
    "ContributorInsightsSpecification", "DeletionProtectionEnabled", "OnDemandThroughput",
    "PointInTimeRecoverySpecification", "ResourcePolicy", "SSESpecification", "TableClass",
    "WarmThroughput", "WriteProvisionedThroughputSettings", "WriteOnDemandThroughputSettings",
)  # fmt: skip


def table(resource: Resource) -> Facts:
    """A table with its keys, its stream and its time to live."""
    name = resource.name
    for each in _INDEXES:
        if resource.properties.get(each):
            resource.skip(
                each, "a lab's tables have no secondary indexes: a query of one is refused"
            )
    for each in ("ReplicationSpecification", "Replicas", "KinesisStreamSpecification"):
        if each in resource.properties:
            resource.skip(each, "a lab has one region, and copies nothing")
    if "ImportSourceSpecification" in resource.properties:
        resource.skip("ImportSourceSpecification", "the table begins empty")
    schema = resource.needed("KeySchema")
    keys = [each.get("AttributeName") for each in schema]
    given: dict[str, Any] = {
        "TableName": name, "KeySchema": schema,
        "AttributeDefinitions": [
            each for each in resource.needed("AttributeDefinitions")
            if each.get("AttributeName") in keys
        ],
    }  # fmt: skip
    given |= {
        each: resource.take(each)
        for each in ("BillingMode", "ProvisionedThroughput")
        if each in resource.properties
    }
    if resource.type.endswith("GlobalTable"):
        given["BillingMode"] = "PAY_PER_REQUEST"
        given.pop("ProvisionedThroughput", None)
    view = (resource.take("StreamSpecification") or {}).get("StreamViewType")
    if view is not None:
        given["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": view}
    resource.call("dynamodb", "CreateTable", given)
    expiry = resource.take("TimeToLiveSpecification") or {}
    if truth(expiry.get("Enabled")):
        told = {"AttributeName": expiry.get("AttributeName"), "Enabled": True}
        request = {"TableName": name, "TimeToLiveSpecification": told}
        resource.call("dynamodb", "UpdateTimeToLive", request)
    resource.ignore(*_HARMLESS)
    made = resource.lab.dynamodb[name]
    stream = {} if view is None else {"StreamArn": made.stream.arn}
    return Facts(name, made, Arn=made.arn, **stream)


KINDS = {
    "AWS::DynamoDB::Table": Kind(table, "TableName"),
    "AWS::DynamoDB::GlobalTable": Kind(table, "TableName"),
}
