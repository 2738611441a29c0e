"""SNS's operations: subscriptions and publishing. Those on topics: .sns_topics.

Source: botocore's model of SNS (1.44.5) and the SNS API reference. HTTP, e-mail, SMS and mobile endpoints
are not simulated, and refused.
"""

from __future__ import annotations

import json
import re
from typing import Any

from lambdalab.aws.operations import OURS, ApiError, Call, kept
from lambdalab.aws.sns_topics import SERVICE, page_of, topic_of
from lambdalab.errors import UnknownName
from lambdalab.functions.context import ACCOUNT
from lambdalab.sources.sqs.events import queue_arn
from lambdalab.triggers.sns.messages import size_of
from lambdalab.triggers.sns.subscription import Subscription
from lambdalab.triggers.sns.topic import Topic

_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]+\Z")
_PER_PROTOCOL = ("lambda", "sqs")


def _subscription(call: Call) -> Subscription:
    arn = call["SubscriptionArn"]
    for found in _subscriptions(call):
        if found.arn == arn:
            return found
    raise ApiError("NotFound", "Subscription does not exist", 404)


def _subscriptions(call: Call) -> list[Subscription]:
    return [each for name in call.lab.sns for each in call.lab.sns[name].subscriptions]


# ------------------------------------------------------------------ subscriptions


def _settings(call: Call, attributes: dict[str, str]) -> dict[str, Any]:
    """The lab's settings for a subscription's attributes: all texts."""
    found: dict[str, Any] = {}
    for name, value in attributes.items():
        if name == "FilterPolicy":
            found["filter_policy"] = value if value not in ("", "{}") else None
        elif name == "FilterPolicyScope":
            found["filter_policy_scope"] = value
        elif name == "RawMessageDelivery":
            if value.lower() not in ("true", "false"):
                told = f"Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value [{value}]"
                raise ApiError("InvalidParameter", f"{told}. Must be true or false.")
            found["raw_message_delivery"] = value.lower() == "true"
        elif name == "RedrivePolicy":
            found["dead_letter_queue"] = _letters(call, value)
        elif name not in ("DeliveryPolicy", "SubscriptionRoleArn", "ReplayPolicy"):
            raise ApiError("InvalidParameter", "Invalid parameter: AttributeName")
    return found


def _letters(call: Call, value: str) -> str | None:
    if value in ("", "{}"):
        return None
    told = "Invalid parameter: RedrivePolicy:"
    try:
        arn = str(json.loads(value)["deadLetterTargetArn"])
    except (ValueError, KeyError, TypeError):
        raise ApiError("InvalidParameter", f"{told} failed to parse JSON.") from None
    queue = call.lab.sqs.by_arn(arn)
    if queue is None or queue.arn != arn:
        raise ApiError("InvalidParameter", f"{told} deadLetterTargetArn is an invalid arn")
    return queue.name


@SERVICE.operation
def subscribe(call: Call) -> dict[str, Any]:
    """A function or a queue hears of a topic. The lab allows the topic to call the function, as the
    console does; on AWS AddPermission has to."""
    topic, protocol, target = topic_of(call), call["Protocol"], call.get("Endpoint", "")
    if protocol not in _PER_PROTOCOL:
        told = f"Invalid parameter: Protocol Reason: {protocol!r} is not simulated: lambda or sqs"
        raise ApiError("InvalidParameter", told)
    if not target.startswith(f"arn:aws:{protocol}:"):
        kind = "Lambda" if protocol == "lambda" else "SQS"
        told = f"Invalid parameter: {kind} endpoint ARN"
        raise ApiError("InvalidParameter", told)
    attributes = call.get("Attributes", {})
    try:
        made = topic.subscribe(target, **_settings(call, attributes))
    except UnknownName as error:
        raise ApiError("InvalidParameter", f"Invalid parameter: Endpoint Reason: {error}") from None
    _keep(made, attributes)
    return {"SubscriptionArn": made.arn}


def _keep(subscription: Subscription, attributes: dict[str, str]) -> None:
    """What the lab has no use for, and what was written of the policies."""
    own = kept(subscription)
    for name in ("DeliveryPolicy", "SubscriptionRoleArn", "ReplayPolicy", "FilterPolicy"):
        if name in attributes:
            own[name] = attributes[name]


@SERVICE.operation
def unsubscribe(call: Call) -> None:
    """A subscription ends; one that does not exist is no error."""
    for found in _subscriptions(call):
        if found.arn == call["SubscriptionArn"]:
            found.unsubscribe()


def _shown(subscription: Subscription) -> dict[str, str]:
    return {
        "SubscriptionArn": subscription.arn, "Owner": ACCOUNT, "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint, "TopicArn": subscription.topic.arn,
    }  # fmt: skip


@SERVICE.operation
def list_subscriptions(call: Call) -> dict[str, Any]:
    """All subscriptions, a hundred to a page."""
    return page_of(call, [_shown(each) for each in _subscriptions(call)], "Subscriptions")


@SERVICE.operation
def list_subscriptions_by_topic(call: Call) -> dict[str, Any]:
    """Those of one topic."""
    return page_of(call, [_shown(each) for each in topic_of(call).subscriptions], "Subscriptions")


@SERVICE.operation
def get_subscription_attributes(call: Call) -> dict[str, Any]:
    """What a subscription is, as texts."""
    found = _subscription(call)
    settings, own = found.settings.as_dict(), kept(found)
    shown = _shown(found) | {
        "ConfirmationWasAuthenticated": "true", "PendingConfirmation": "false",
        "SubscriptionPrincipal": f"arn:aws:iam::{ACCOUNT}:user/lambdalab",
        "RawMessageDelivery": str(settings["raw_message_delivery"]).lower(),
    }  # fmt: skip
    if settings["filter_policy"] is not None:
        shown["FilterPolicy"] = own.get("FilterPolicy", settings["filter_policy"])
        shown["FilterPolicyScope"] = settings["filter_policy_scope"]
    if settings["dead_letter_queue"] is not None:
        arn = queue_arn(settings["dead_letter_queue"])
        shown["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": arn})
    more = {name: own[name] for name in ("DeliveryPolicy", "ReplayPolicy") if name in own}
    return {"Attributes": shown | more}


@SERVICE.operation
def set_subscription_attributes(call: Call) -> None:
    """One attribute, at once; AWS takes up to 15 minutes for a filter policy."""
    found, given = _subscription(call), {call["AttributeName"]: call.get("AttributeValue", "")}
    settings = _settings(call, given)
    if settings:
        found.update(**settings)
    _keep(found, given)


# ------------------------------------------------------------------ publishing


def _attributes(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in given.items():
        content = value.get("StringValue", value.get("BinaryValue", ""))
        if value["DataType"].startswith("Binary") and not isinstance(content, bytes):
            content = content.encode() if isinstance(content, str) else bytes(content)
        found[name] = value["DataType"], content
    return found


def _text(topic: Topic, entry: dict[str, Any]) -> str:
    """The message; of one with a text for each protocol, that of the topic's subscribers."""
    text: str = entry["Message"]
    if entry.get("MessageStructure") is None:
        return text
    told = "Invalid parameter: Message Structure -"
    if entry["MessageStructure"] != "json":
        raise ApiError("InvalidParameter", "Invalid parameter: MessageStructure")
    try:
        texts = json.loads(text)
    except ValueError:
        raise ApiError("InvalidParameter", f"{told} JSON message body failed to parse") from None
    if not isinstance(texts, dict) or not isinstance(texts.get("default"), str):
        raise ApiError("InvalidParameter", f"{told} No default entry in JSON message body")
    protocols = {each.protocol for each in topic.subscriptions}
    wanted = {texts.get(each, texts["default"]) for each in protocols} or {texts["default"]}
    if len(wanted) > 1:
        why = (
            "the lab has one text for all subscribers of a topic, and this topic has both protocols"
        )
        raise ApiError("InvalidParameter", f"{told} different texts for lambda and sqs: {why}")
    return str(wanted.pop())


def _publish(topic: Topic, entry: dict[str, Any]) -> dict[str, Any]:
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        if name in entry:
            told = (
                f"Invalid parameter: {name} Reason: The request includes {name} parameter that is "
            )
            raise ApiError("InvalidParameter", f"{told}not valid for this topic type")
    message = topic.publish(
        _text(topic, entry), subject=entry.get("Subject"),
        attributes=_attributes(entry.get("MessageAttributes", {})) or None,
    )  # fmt: skip
    return {"MessageId": message.message_id}


@SERVICE.operation
def publish(call: Call) -> dict[str, Any]:
    """A message to every subscriber that wants it."""
    if "PhoneNumber" in call:
        told = "Invalid parameter: PhoneNumber Reason: text messages are not simulated"
        raise ApiError("InvalidParameter", told)
    member = "TopicArn" if "TopicArn" in call else "TargetArn"
    if member not in call:
        told = "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter"
        raise ApiError("InvalidParameter", told)
    return _publish(topic_of(call, member), call.given)


@SERVICE.operation
def publish_batch(call: Call) -> dict[str, Any]:
    """Up to ten messages; each is accepted or refused by itself."""
    topic, entries = topic_of(call), call["PublishBatchRequestEntries"]
    _check_batch(call, entries)
    answer: dict[str, Any] = {"Successful": [], "Failed": []}
    for entry in entries:
        try:
            answer["Successful"].append({"Id": entry["Id"], **_publish(topic, entry)})
        except (ApiError, *OURS) as error:
            told = error if isinstance(error, ApiError) else SERVICE.error(error)
            answer["Failed"].append(
                {"Id": entry["Id"], "Code": told.code, "Message": told.message, "SenderFault": True}
            )
    return answer


def _check_batch(call: Call, entries: list[dict[str, Any]]) -> None:
    rules = call.lab.rules
    if not entries:
        told = "The batch request doesn't contain any entries."
        raise ApiError("EmptyBatchRequest", told)
    if len(entries) > rules.sns_publish_batch:
        told = "The batch request contains more entries than permissible."
        raise ApiError("TooManyEntriesInBatchRequest", told)
    ids = [entry["Id"] for entry in entries]
    longest = rules.sns_entry_id_length
    if not all(_ENTRY_ID.match(each) and len(each) <= longest for each in ids):
        told = "The Id of a batch entry in a batch request doesn't abide by the specification."
        raise ApiError("InvalidBatchEntryId", told)
    if len(set(ids)) < len(ids):
        told = "Two or more batch entries in the request have the same Id."
        raise ApiError("BatchEntryIdsNotDistinct", told)
    sizes = [size_of(e["Message"], _attributes(e.get("MessageAttributes", {}))) for e in entries]
    if sum(sizes) > rules.sns_message_size:
        told = "The length of all the batch messages put together is more than the limit."
        raise ApiError("BatchRequestTooLong", told)
