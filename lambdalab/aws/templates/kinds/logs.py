"""AWS::Logs: log groups and subscription filters."""

from __future__ import annotations

from typing import Any

from lambdalab.aws.templates.intrinsics import Facts
from lambdalab.aws.templates.kinds.kind import Kind
from lambdalab.aws.templates.resource import NotBuilt, Resource


def group(resource: Resource) -> Facts:
    """A log group and how long it keeps its lines."""
    name = resource.name
    resource.call("logs", "CreateLogGroup", {"logGroupName": name})
    days = resource.take("RetentionInDays")
    if days is not None:
        given = {"logGroupName": name, "retentionInDays": days}
        resource.call("logs", "PutRetentionPolicy", given)
    resource.ignore(
        "DataProtectionPolicy", "DeletionProtectionEnabled", "FieldIndexPolicies", "KmsKeyId",
        "LogGroupClass", "ResourcePolicyDocument",
    )  # fmt: skip
    return Facts(name, None, Arn=f"{resource.stack.arn('logs', f'log-group:{name}')}:*")


def subscription(resource: Resource) -> Facts:
    """A subscription filter, made when everything else is: the group is that of a function."""
    name = resource.name
    given: dict[str, Any] = {"filterName": name}
    given["logGroupName"] = resource.needed("LogGroupName")
    given["filterPattern"] = resource.take("FilterPattern", "")
    given["destinationArn"] = resource.needed("DestinationArn")
    resource.ignore("Distribution")
    resource.stack.later(resource, lambda: _put(resource, given))
    return Facts(name)


def _put(resource: Resource, given: dict[str, Any]) -> None:
    group_name = str(given["logGroupName"])
    functions = {f"/aws/lambda/{each.name}" for each in resource.lab.list_functions()}
    if group_name not in functions:
        raise NotBuilt(f"a lab writes no lines to {group_name}: it is no function's group")
    resource.call("logs", "PutSubscriptionFilter", given)


KINDS = {
    "AWS::Logs::LogGroup": Kind(group, "LogGroupName"),
    "AWS::Logs::SubscriptionFilter": Kind(subscription, "FilterName"),
}
