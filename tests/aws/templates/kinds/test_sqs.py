"""AWS::SQS."""

from __future__ import annotations

import pytest

pytest.importorskip("samtranslator")

from lambdalab.errors import TemplateError
from tests.aws.templates.making import get, left_out, made, ref, resource, value


def test_a_queue_and_its_dead_letter_queue() -> None:
    lab = made(
        {
            "Orders": resource(
                "AWS::SQS::Queue", QueueName="orders", VisibilityTimeout=60, DelaySeconds="5",
                MessageRetentionPeriod=600, ReceiveMessageWaitTimeSeconds=20, SqsManagedSseEnabled=True,
                RedrivePolicy={"deadLetterTargetArn": get("Dead"), "maxReceiveCount": "4"},
            ),
            "Dead": resource("AWS::SQS::Queue", RedriveAllowPolicy={"redrivePermission": "allowAll"}),
        }
    )  # fmt: skip
    found = lab.sqs["orders"].settings
    assert (found.visibility_timeout, found.delay, found.retention) == (60, 5, 600)
    assert (found.dead_letter_queue, found.max_receive_count) == ("Dead", 4)
    told = lab.client("sqs").get_queue_attributes(
        QueueUrl=lab.sqs["orders"].url, AttributeNames=["All"]
    )
    assert told["Attributes"]["ReceiveMessageWaitTimeSeconds"] == "20"
    assert left_out(lab) == {}


def test_fifo_queues() -> None:
    fifo = resource(
        "AWS::SQS::Queue", FifoQueue="true", ContentBasedDeduplication=True,
        DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId",
    )  # fmt: skip
    lab = made(
        {"Orders": fifo, "Named": resource("AWS::SQS::Queue", QueueName="x.fifo", FifoQueue=True)}
    )
    assert lab.sqs["Orders.fifo"].settings.as_dict()["content_based_deduplication"] is True
    assert "x.fifo" in lab.sqs
    with pytest.raises(TemplateError, match=r"ends with \.fifo"):
        made({"Orders": resource("AWS::SQS::Queue", QueueName="x", FifoQueue=True)})
    plain = resource("AWS::SQS::Queue", FifoQueue=False)
    assert "Orders" in made({"Orders": plain}).sqs


def test_what_refers_to_it() -> None:
    url = "https://sqs.us-east-1.amazonaws.com/123456789012/Queue"
    assert value(ref("Queue")) == value(get("Queue", "QueueUrl")) == url
    assert value(get("Queue")) == "arn:aws:sqs:us-east-1:123456789012:Queue"
    assert value(get("Queue", "QueueName")) == "Queue"
