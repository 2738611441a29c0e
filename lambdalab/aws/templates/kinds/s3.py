"""AWS::S3: buckets and whom they tell of what happens in them."""

from __future__ import annotations

from typing import Any

from lambdalab.aws.templates.intrinsics import Facts
from lambdalab.aws.templates.kinds.kind import Kind
from lambdalab.aws.templates.resource import Resource, as_list, truth
from lambdalab.functions.context import REGION

_KINDS = {
    "LambdaConfigurations": ("LambdaFunctionConfigurations", "Function", "LambdaFunctionArn"),
    "QueueConfigurations": ("QueueConfigurations", "Queue", "QueueArn"),
    "TopicConfigurations": ("TopicConfigurations", "Topic", "TopicArn"),
}
"""Of a template's notifications: what the API calls the list and the target, and the target here."""
_HARMLESS = (
    "AbacStatus", "AccelerateConfiguration", "AccessControl", "AnalyticsConfigurations",
    "BucketEncryption", "CorsConfiguration", "IntelligentTieringConfigurations",
    "InventoryConfigurations", "LoggingConfiguration", "MetricsConfigurations",
    "OwnershipControls", "PublicAccessBlockConfiguration",
)  # fmt: skip


def bucket(resource: Resource) -> Facts:
    """A bucket with its notifications."""
    name = resource.name
    resource.call("s3", "CreateBucket", {"Bucket": name})
    notifications = resource.take("NotificationConfiguration") or {}
    wanted: dict[str, Any] = {}
    for theirs, (member, who, arn) in _KINDS.items():
        found = [_notification(each, who, arn) for each in as_list(notifications.get(theirs))]
        if found:
            wanted[member] = found
    bridge = notifications.get("EventBridgeConfiguration")
    if bridge is not None and (
        not isinstance(bridge, dict) or truth(bridge.get("EventBridgeEnabled", True))
    ):
        told = "a lab's buckets tell functions, queues and topics, not EventBridge"
        where = "NotificationConfiguration.EventBridgeConfiguration"
        resource.left_out.partly(resource.id, resource.type, where, told)
    if wanted:
        given = {"Bucket": name, "NotificationConfiguration": wanted}
        resource.call("s3", "PutBucketNotificationConfiguration", given)
    versions = resource.properties.get("VersioningConfiguration")
    if versions is not None:
        resource.skip("VersioningConfiguration", "a lab's buckets keep the last version alone")
    if "LifecycleConfiguration" in resource.properties:
        resource.skip("LifecycleConfiguration", "nothing expires in a lab's buckets")
    resource.ignore(*_HARMLESS)
    made, host = resource.lab.s3[name], "amazonaws.com"
    return Facts(
        name, made, Arn=made.arn, DomainName=f"{name}.s3.{host}",
        RegionalDomainName=f"{name}.s3.{REGION}.{host}",
        DualStackDomainName=f"{name}.s3.dualstack.{REGION}.{host}",
        WebsiteURL=f"http://{name}.s3-website-{REGION}.{host}",
    )  # fmt: skip


def _notification(given: dict[str, Any], who: str, arn: str) -> dict[str, Any]:
    """One notification as the API has it."""
    found: dict[str, Any] = {arn: given.get(who), "Events": as_list(given.get("Event"))}
    rules = as_list(((given.get("Filter") or {}).get("S3Key") or {}).get("Rules"))
    if rules:
        found["Filter"] = {"Key": {"FilterRules": rules}}
    return found


KINDS = {
    "AWS::S3::Bucket": Kind(bucket, "BucketName", shortest="s3_bucket_name_minimum", small=True)
}
