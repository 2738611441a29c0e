"""SNS's operations on topics: their attributes and their tags.

Source: botocore's model of SNS (1.44.5) and the SNS API reference. FIFO topics are not simulated, and
refused.
"""

from __future__ import annotations

import json
from typing import Any

from lambdalab.aws.operations import ApiError, Call, Service, kept
from lambdalab.aws.values import page
from lambdalab.errors import InvalidParameterValueException, InvalidSetting
from lambdalab.functions.context import ACCOUNT
from lambdalab.triggers.sns.topic import Topic


def _tell(error: InvalidSetting) -> ApiError | None:
    """A message attribute that cannot be has a code of its own."""
    if error.setting.startswith("attributes"):
        return ApiError("ParameterValueInvalid", f"Invalid parameter: Message Attributes: {error}")
    return None


SERVICE = Service(
    "sns", invalid="InvalidParameter", unknown=("NotFound", 404), tell=_tell,
    codes={InvalidParameterValueException: "InvalidParameter"},
)  # fmt: skip


def topic_of(call: Call, member: str = "TopicArn") -> Topic:
    """The topic that the request names."""
    arn: str = call[member]
    name = arn.rpartition(":")[2]
    if not arn.startswith("arn:") or arn.count(":") != 5:
        raise ApiError("InvalidParameter", f"Invalid parameter: {member} Reason: An ARN must have at "
                       f"least 6 elements, not {arn.count(':') + 1}")  # fmt: skip
    if name not in call.lab.sns or call.lab.sns[name].arn != arn:
        raise ApiError("NotFound", "Topic does not exist", 404)
    topic: Topic = call.lab.sns[name]
    return topic


def page_of(call: Call, items: list[Any], member: str) -> dict[str, Any]:
    """A page of a list, as the member of an answer, and the token of the next."""
    wrong = ApiError("InvalidParameter", "Invalid parameter: NextToken Reason: invalid token")
    shown, token = page(items, call.get("NextToken"), call.lab.rules.sns_list_page, wrong)
    return {member: list(shown), **({"NextToken": token} if token else {})}


# ------------------------------------------------------------------ topics

_TOPIC_ATTRIBUTES = (
    "DeliveryPolicy", "DisplayName", "Policy", "TracingConfig", "KmsMasterKeyId", "SignatureVersion",
    "LambdaSuccessFeedbackRoleArn", "LambdaSuccessFeedbackSampleRate", "LambdaFailureFeedbackRoleArn",
    "SQSSuccessFeedbackRoleArn", "SQSSuccessFeedbackSampleRate", "SQSFailureFeedbackRoleArn",
)  # fmt: skip
"""What changes nothing that a lab simulates: kept and given back."""


def _delivery_policy(call: Call) -> str:
    """What holds of HTTP endpoints where a topic says nothing."""
    wait, retries = call.lab.rules.sns_http_retry_wait, call.lab.rules.sns_http_retries
    healthy = {
        "minDelayTarget": wait, "maxDelayTarget": wait, "numRetries": retries,
        "numMaxDelayRetries": 0, "numNoDelayRetries": 0, "numMinDelayRetries": 0,
        "backoffFunction": "linear",
    }  # fmt: skip
    http = {"defaultHealthyRetryPolicy": healthy, "disableSubscriptionOverrides": False}
    return json.dumps({"http": http})


def _kept(attributes: dict[str, str]) -> dict[str, str]:
    for name in attributes:
        if name not in _TOPIC_ATTRIBUTES:
            raise ApiError("InvalidParameter", "Invalid parameter: AttributeName")
    return attributes


@SERVICE.operation
def create_topic(call: Call) -> dict[str, Any]:
    """A topic; that of the name, if it is there."""
    attributes = dict(call.get("Attributes", {}))
    if attributes.pop("FifoTopic", "false").lower() == "true" and not call["Name"].endswith(
        ".fifo"
    ):
        told = (
            "Invalid parameter: Fifo Topic names must end with .fifo and must be made up of only "
        )
        more = "uppercase and lowercase ASCII letters, numbers, underscores, and hyphens"
        raise ApiError("InvalidParameter", told + more)
    _kept(attributes)
    there, tags = call["Name"] in call.lab.sns, _tags(call.get("Tags", []))
    topic = call.lab.sns.create_topic(call["Name"])
    own = kept(topic)
    if there and "Tags" in call and own.get("tags", {}) != tags:
        told = "Invalid parameter: Tags Reason: Topic already exists with different tags"
        raise ApiError("InvalidParameter", told)
    if there and any(own.get(name, value) != value for name, value in attributes.items()):
        told = (
            "Invalid parameter: Attributes Reason: Topic already exists with different attributes"
        )
        raise ApiError("InvalidParameter", told)
    own.update(attributes)
    own.setdefault("tags", tags)
    return {"TopicArn": topic.arn}


@SERVICE.operation
def delete_topic(call: Call) -> None:
    """A topic and its subscriptions; one that does not exist is no error."""
    call.lab.sns.delete_topic(call["TopicArn"].rpartition(":")[2])


@SERVICE.operation
def list_topics(call: Call) -> dict[str, Any]:
    """The topics, a hundred to a page."""
    arns = [{"TopicArn": call.lab.sns[name].arn} for name in sorted(call.lab.sns)]
    return page_of(call, arns, "Topics")


@SERVICE.operation
def get_topic_attributes(call: Call) -> dict[str, Any]:
    """What a topic is, as texts."""
    topic = topic_of(call)
    own = kept(topic)
    found = {
        "Policy": _policy(topic), "Owner": ACCOUNT, "SubscriptionsPending": "0",
        "TopicArn": topic.arn, "EffectiveDeliveryPolicy": _delivery_policy(call),
        "SubscriptionsConfirmed": str(len(topic.subscriptions)), "DisplayName": "",
        "SubscriptionsDeleted": "0",
    }  # fmt: skip
    return {"Attributes": found | {name: own[name] for name in _TOPIC_ATTRIBUTES if name in own}}


def _policy(topic: Topic) -> str:
    """The policy that a topic has of itself: its owner may do everything with it."""
    verbs = (
        "GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission",
        "DeleteTopic", "Subscribe", "ListSubscriptionsByTopic", "Publish",
    )  # fmt: skip
    statement = {
        "Sid": "__default_statement_ID", "Effect": "Allow", "Principal": {"AWS": "*"},
        "Action": [f"SNS:{verb}" for verb in verbs], "Resource": topic.arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": ACCOUNT}},
    }  # fmt: skip
    document = {
        "Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement],
    }  # fmt: skip
    return json.dumps(document, separators=(",", ":"))


@SERVICE.operation
def set_topic_attributes(call: Call) -> None:
    """One attribute; the lab keeps it and does nothing with it."""
    topic, name = topic_of(call), call["AttributeName"]
    kept(topic).update(_kept({name: call.get("AttributeValue", "")}))


# ------------------------------------------------------------------ tags


def _tags(given: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in given}


def _tagged(call: Call) -> dict[str, str]:
    """The tags of a topic, to be read and changed."""
    name = call["ResourceArn"].rpartition(":")[2]
    if name not in call.lab.sns:
        raise ApiError("ResourceNotFound", "Resource does not exist", 404)
    found: dict[str, str] = kept(call.lab.sns[name]).setdefault("tags", {})
    return found


@SERVICE.operation
def tag_resource(call: Call) -> dict[str, Any]:
    """Tags of a topic; the lab has no other use for them."""
    _tagged(call).update(_tags(call["Tags"]))
    return {}


@SERVICE.operation
def untag_resource(call: Call) -> dict[str, Any]:
    """Tags that go."""
    tags = _tagged(call)
    for key in call["TagKeys"]:
        tags.pop(key, None)
    return {}


@SERVICE.operation
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    """The tags of a topic."""
    return {"Tags": [{"Key": key, "Value": value} for key, value in _tagged(call).items()]}
