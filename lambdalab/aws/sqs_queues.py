"""SQS's operations on queues: their attributes and their tags.

Source: botocore's model of SQS (1.44.5) and the SQS API reference: names, defaults and errors.
"""

from __future__ import annotations

import json
from typing import Any

from lambdalab.aws.operations import ApiError, Call, kept, of_run
from lambdalab.aws.sqs_words import SERVICE, named, now_s, queue_of
from lambdalab.aws.values import disable, page
from lambdalab.errors import InvalidSetting
from lambdalab.kernel.clock import US
from lambdalab.sources.sqs.events import queue_arn
from lambdalab.sources.sqs.service import Queue
from lambdalab.sources.sqs.settings import FIFO

# ------------------------------------------------------------------ attributes

_SETTINGS = {
    "VisibilityTimeout": "visibility_timeout", "DelaySeconds": "delay",
    "MessageRetentionPeriod": "retention",
}  # fmt: skip
_RANGES = {
    "ReceiveMessageWaitTimeSeconds": ("", "sqs_wait_maximum"),
    "MaximumMessageSize": ("sqs_message_size_minimum", "sqs_message_size"),
}
_KEPT = (
    *("Policy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"),
    *_RANGES,
    *("RedriveAllowPolicy", "FifoThroughputLimit"),
)
"""What the lab does not simulate: kept and given back. Two of them hold here: the longest message, and
how long a receive waits."""
_OPTIONAL = ("Policy", "RedriveAllowPolicy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds")
_KNOWN = frozenset(
    {
        *_SETTINGS, *_KEPT, "All", "QueueArn", "CreatedTimestamp", "LastModifiedTimestamp",
        "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed", "RedrivePolicy", "FifoQueue",
        "ContentBasedDeduplication", "DeduplicationScope",
    }
)  # fmt: skip


def _unknown(name: str) -> ApiError:
    return ApiError("InvalidAttributeName", f"Unknown Attribute {name}.")


def _wrong(name: str) -> ApiError:
    return ApiError("InvalidAttributeValue", f"Invalid value for the parameter {name}.")


def _given(attributes: dict[str, str], call: Call) -> tuple[dict[str, Any], dict[str, str]]:
    """The lab's settings for queue attributes as SQS takes them (all texts), and what is only kept."""
    settings: dict[str, Any] = {}
    rest: dict[str, str] = {}
    for name, value in attributes.items():
        if name in _SETTINGS:
            settings[_SETTINGS[name]] = _number(name, value)
        elif name == "ContentBasedDeduplication":
            settings["content_based_deduplication"] = value.lower() == "true"
        elif name == "DeduplicationScope":
            settings["deduplication_scope"] = value
        elif name == "RedrivePolicy":
            settings |= _redrive(value, call)
        elif name in _KEPT:
            rest[name] = _checked(name, value, call)
        else:
            raise _unknown(name)
    return settings, rest


def _checked(name: str, value: str, call: Call) -> str:
    """An attribute that is kept."""
    if name in _RANGES:
        least, most = (getattr(call.lab.rules, rule) if rule else 0 for rule in _RANGES[name])
        if not least <= _number(name, value) <= most:
            raise _wrong(name)
    if name in ("Policy", "RedriveAllowPolicy") and value:
        try:
            json.loads(value)
        except ValueError:
            raise _wrong(name) from None
    return value


def _number(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise _wrong(name) from None


def _redrive(value: str, call: Call) -> dict[str, Any]:
    if not value:
        return {"dead_letter_queue": None}
    told = f"Value {value} for parameter RedrivePolicy is invalid."
    try:
        policy = json.loads(value)
        arn, times = policy["deadLetterTargetArn"], int(policy["maxReceiveCount"])
    except (ValueError, KeyError, TypeError):
        raise ApiError("InvalidParameterValue", told) from None
    most = call.lab.rules.sqs_max_receive_count_maximum
    if not 1 <= times <= most:
        why = (
            f"Reason: Invalid value for maxReceiveCount: {times}, valid values are from 1 to {most}"
        )
        raise ApiError("InvalidParameterValue", f"{told} {why} both inclusive.")
    name = str(arn).rpartition(":")[2]
    if name not in call.lab.sqs or call.lab.sqs[name].arn != arn:
        why = "Reason: Dead letter target does not exist."
        raise ApiError("InvalidParameterValue", f"{told} {why}")
    return {"dead_letter_queue": name, "max_receive_count": times}


def attributes_of(queue: Queue, call: Call) -> dict[str, str]:
    """All attributes of a queue, as SQS gives them."""
    settings, store, own, rules = queue.settings, queue.store, kept(queue), call.lab.rules
    now = now_s(call)
    began = call.lab._clock.start_us // US
    created = min(own.get("created", began), now)
    found = {
        "QueueArn": queue.arn,
        "ApproximateNumberOfMessages": str(store.visible),
        "ApproximateNumberOfMessagesNotVisible": str(store.in_flight),
        "ApproximateNumberOfMessagesDelayed": str(store.delayed),
        "CreatedTimestamp": str(created),
        "LastModifiedTimestamp": str(min(own.get("modified", created), now)),
        "VisibilityTimeout": str(settings.visibility_timeout),
        "MaximumMessageSize": str(rules.sqs_message_size),
        "MessageRetentionPeriod": str(settings.retention),
        "DelaySeconds": str(settings.delay),
        "ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true",
    }  # fmt: skip
    if queue.fifo:
        more = settings.as_dict()
        found |= {
            "FifoQueue": "true", "FifoThroughputLimit": "perQueue",
            "ContentBasedDeduplication": str(more["content_based_deduplication"]).lower(),
            "DeduplicationScope": more["deduplication_scope"],
        }  # fmt: skip
    found |= {name: own[name] for name in _KEPT if own.get(name)}
    if settings.dead_letter_queue is not None:
        found["RedrivePolicy"] = json.dumps(
            {
                "deadLetterTargetArn": queue_arn(settings.dead_letter_queue),
                "maxReceiveCount": settings.max_receive_count,
            },
            separators=(",", ":"),
        )
    return found


# ------------------------------------------------------------------ queues


@SERVICE.operation
def create_queue(call: Call) -> dict[str, Any]:
    """A queue; the same again where its attributes are the same."""
    name, sqs = call["QueueName"], call.lab.sqs
    attributes = dict(call.get("Attributes", {}))
    fifo = attributes.pop("FifoQueue", None)
    if fifo is not None and fifo.lower() != "true":
        raise _unknown("FifoQueue")
    if (fifo is not None) != name.endswith(FIFO):
        raise _bad_name(call, fifo is not None)
    settings, rest = _given(attributes, call)
    if name in sqs and not sqs[name].implied:
        queue = sqs[name]
        there = attributes_of(queue, call)
        for each, value in attributes.items():
            if not _same(there.get(each, ""), value):
                raise ApiError("QueueNameExists", _TAKEN.format(each))
        return {"QueueUrl": queue.url}
    try:
        queue = sqs.create_queue(name, **settings)
    except InvalidSetting as error:
        if error.setting == "name":
            raise _bad_name(call, False) from None
        raise _attribute_error(error) from None
    kept(queue).update(rest, created=now_s(call), modified=now_s(call))
    kept(queue)["tags"] = dict(call.get("tags", {}))
    return {"QueueUrl": queue.url}


def _bad_name(call: Call, fifo: bool) -> ApiError:
    """A name that no queue can have."""
    most = call.lab.rules.sqs_name_length
    told = (
        f"Can only include alphanumeric characters, hyphens, or underscores. 1 to {most} in length"
    )
    if fifo:
        told = (
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or "
            f"underscores, must end with .fifo suffix and be 1 to {most} in length."
        )
    return ApiError("InvalidParameterValue", told)


_TAKEN = "A queue already exists with the same name and a different value for attribute {}"


def _same(there: str, given: str) -> bool:
    """Whether two values are one: JSON however it is written."""
    if there == given:
        return True
    try:
        return bool(json.loads(there) == json.loads(given))
    except ValueError:
        return False


def _attribute_error(error: InvalidSetting) -> ApiError:
    """A setting that cannot be, as an attribute's."""
    theirs = {ours: name for name, ours in _SETTINGS.items()} | {
        "content_based_deduplication": "ContentBasedDeduplication",
        "deduplication_scope": "DeduplicationScope",
    }
    if error.setting not in theirs:
        return SERVICE.error(error)
    name = theirs[error.setting]
    # SQS knows some of FIFO queues only
    return _unknown(name) if "standard queue" in error.limit else _wrong(name)


@SERVICE.operation
def get_queue_url(call: Call) -> dict[str, Any]:
    """The URL of a queue by its name."""
    return {"QueueUrl": named(call, call["QueueName"]).url}


@SERVICE.operation
def list_queues(call: Call) -> dict[str, Any]:
    """The URLs of all queues, or of those that begin so; in pages where MaxResults is given."""
    prefix = call.get("QueueNamePrefix", "")
    return _urls(
        call, [name for name in sorted(call.lab.sqs) if name.startswith(prefix)], "QueueUrls"
    )


def _urls(call: Call, names: list[str], member: str) -> dict[str, Any]:
    highest = call.lab.rules.sqs_list_page
    most = call.get("MaxResults", highest)
    if not 1 <= most <= highest:
        why = f"Value {most} for parameter MaxResults is invalid. Reason: Must be between 1 and {highest}."
        raise ApiError("InvalidParameterValue", why)
    wrong = ApiError("InvalidParameterValue", "Invalid or expired next token.")
    shown, token = page(names, call.get("NextToken"), most, wrong)
    answer: dict[str, Any] = {member: [call.lab.sqs[name].url for name in shown]} if shown else {}
    if token and "MaxResults" in call:
        answer["NextToken"] = token
    return answer


@SERVICE.operation
def delete_queue(call: Call) -> None:
    """A queue and its messages; a mapping that reads it stays, disabled."""
    queue = queue_of(call)
    disable(call.lab, [queue])
    call.lab.sqs.delete_queue(queue)


@SERVICE.operation
def purge_queue(call: Call) -> None:
    """Every message of a queue, at once; AWS takes up to a minute."""
    queue, now = queue_of(call), call.lab._scheduler.now
    purged, every = of_run(call.lab, "sqs"), call.lab.rules.sqs_purge_interval
    if queue.name in purged and now - purged[queue.name] < every * US:
        told = f"Only one PurgeQueue operation on {queue.name} is allowed every {every} seconds."
        raise ApiError("PurgeQueueInProgress", told, 403)
    queue.purge()
    purged[queue.name] = now


@SERVICE.operation
def get_queue_attributes(call: Call) -> dict[str, Any]:
    """The attributes asked for, as texts."""
    queue, names = queue_of(call), call.get("AttributeNames", [])
    for name in names:
        if name not in _KNOWN:
            raise _unknown(name)
    found = attributes_of(queue, call)
    if "All" not in names:
        found = {name: found[name] for name in names if name in found}
    return {"Attributes": found} if found else {}


@SERVICE.operation
def set_queue_attributes(call: Call) -> None:
    """Change attributes; an empty text takes a policy away."""
    queue, attributes = queue_of(call), dict(call["Attributes"])
    if queue.fifo and attributes.get("FifoQueue") == "true":
        del attributes["FifoQueue"]
    settings, rest = _given(attributes, call)
    if settings:
        try:
            queue.update(**settings)
        except InvalidSetting as error:
            raise _attribute_error(error) from None
    kept(queue).update(rest, modified=now_s(call))


# ------------------------------------------------------------------ tags


@SERVICE.operation
def tag_queue(call: Call) -> None:
    """Tags of a queue; the lab has no other use for them."""
    kept(queue_of(call)).setdefault("tags", {}).update(call["Tags"])


@SERVICE.operation
def untag_queue(call: Call) -> None:
    """Tags that go."""
    tags = kept(queue_of(call)).setdefault("tags", {})
    for key in call["TagKeys"]:
        tags.pop(key, None)


@SERVICE.operation
def list_queue_tags(call: Call) -> dict[str, Any]:
    """The tags of a queue."""
    tags = kept(queue_of(call)).get("tags")
    return {"Tags": dict(tags)} if tags else {}


@SERVICE.operation
def list_dead_letter_source_queues(call: Call) -> dict[str, Any]:
    """The queues whose dead-letter queue it is."""
    names = sorted(queue.name for queue in call.lab.sqs.sources_of(queue_of(call)))
    return {"queueUrls": [], **_urls(call, names, "queueUrls")}
