"""AWS::SQS: queues."""

from __future__ import annotations

import json
from typing import Any

from lambdalab.aws.templates.intrinsics import Facts
from lambdalab.aws.templates.kinds.kind import Kind
from lambdalab.aws.templates.parameters import text_of
from lambdalab.aws.templates.resource import Resource, truth

_FIFO = ".fifo"
_ATTRIBUTES = (
    "ContentBasedDeduplication", "DeduplicationScope", "DelaySeconds", "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "MaximumMessageSize", "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds", "RedriveAllowPolicy", "RedrivePolicy", "SqsManagedSseEnabled",
    "VisibilityTimeout",
)  # fmt: skip
"""Properties that are attributes of the same name."""


def queue(resource: Resource) -> Facts:
    """A queue; one that is FIFO and gives itself no name ends with ``.fifo``."""
    name, fifo = resource.name, truth(resource.take("FifoQueue"))
    if fifo and not name.endswith(_FIFO):
        if name != resource.id:
            raise resource.wrong("the name of a FIFO queue ends with .fifo")
        name += _FIFO
    given = {each: resource.take(each) for each in _ATTRIBUTES if each in resource.properties}
    attributes = {each: _text(value) for each, value in given.items()}
    if fifo:
        attributes["FifoQueue"] = "true"
    resource.call("sqs", "CreateQueue", {"QueueName": name, "Attributes": attributes})
    made = resource.lab.sqs[name]
    return Facts(made.url, made, made.name, Arn=made.arn, QueueName=name, QueueUrl=made.url)


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else text_of(value)


KINDS = {"AWS::SQS::Queue": Kind(queue, "QueueName")}
