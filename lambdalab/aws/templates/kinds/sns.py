"""AWS::SNS: topics and subscriptions."""

from __future__ import annotations

import json
from typing import Any

from lambdalab.aws.templates.intrinsics import Facts
from lambdalab.aws.templates.kinds.kind import Kind
from lambdalab.aws.templates.parameters import text_of
from lambdalab.aws.templates.resource import NotBuilt, Resource, as_list, truth

_ATTRIBUTES = (
    "DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy",
    "SubscriptionRoleArn",
)  # fmt: skip


def topic(resource: Resource) -> Facts:
    """A topic, and the subscriptions that stand in it."""
    if truth(resource.take("FifoTopic")):
        raise NotBuilt("FIFO topics deliver to no function, and are not simulated")
    given: dict[str, Any] = {"Name": resource.name}
    shown = resource.take("DisplayName")
    if shown is not None:
        given["Attributes"] = {"DisplayName": shown}
    arn = resource.call("sns", "CreateTopic", given)["TopicArn"]
    for number, each in enumerate(as_list(resource.take("Subscription"))):
        wanted = {"TopicArn": arn, "Protocol": each["Protocol"], "Endpoint": each["Endpoint"]}
        try:
            resource.call("sns", "Subscribe", wanted)
        except NotBuilt as error:
            where = f"Subscription[{number}]"
            resource.left_out.partly(resource.id, resource.type, where, str(error))
    resource.ignore(
        "ArchivePolicy", "ContentBasedDeduplication", "DataProtectionPolicy", "DeliveryStatusLogging",
        "FifoThroughputScope", "KmsMasterKeyId", "SignatureVersion",
    )  # fmt: skip
    return Facts(arn, resource.lab.sns[resource.name], resource.name, TopicArn=arn,
                 TopicName=resource.name)  # fmt: skip


def subscription(resource: Resource) -> Facts:
    """A function's or a queue's subscription."""
    given = {name: resource.needed(name) for name in ("TopicArn", "Protocol")}
    given["Endpoint"] = resource.take("Endpoint", "")
    attributes = {
        name: _text(resource.take(name)) for name in _ATTRIBUTES if name in resource.properties
    }
    resource.ignore("Region")
    arn = resource.call("sns", "Subscribe", given | {"Attributes": attributes})["SubscriptionArn"]
    found = resource.lab.sns[str(given["TopicArn"]).rpartition(":")[2]].subscriptions
    made = next(each for each in found if each.arn == arn)
    return Facts(arn, made, made.name, Arn=arn)


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (dict, list)) else text_of(value)


KINDS = {
    "AWS::SNS::Topic": Kind(topic, "TopicName"),
    "AWS::SNS::Subscription": Kind(subscription),
}
