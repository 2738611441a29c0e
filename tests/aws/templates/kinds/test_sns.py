"""AWS::SNS."""

from __future__ import annotations

import pytest

pytest.importorskip("samtranslator")

from tests.aws.templates.making import (
    FUNCTION,
    get,
    left_out,
    made,
    names,
    permission,
    ref,
    resource,
    value,
)


def test_a_topic_with_its_subscriptions() -> None:
    lab = made(
        {
            "Fn": FUNCTION, "Queue": resource("AWS::SQS::Queue"), "May": permission("Fn", "sns"),
            "News": resource(
                "AWS::SNS::Topic", DisplayName="News", KmsMasterKeyId="alias/aws/sns",
                Subscription=[
                    {"Protocol": "sqs", "Endpoint": get("Queue")},
                    {"Protocol": "email", "Endpoint": "a@b.example"},
                ],
            ),
            "Some": resource(
                "AWS::SNS::Subscription", TopicArn=ref("News"), Protocol="lambda", Endpoint=get("Fn"),
                FilterPolicy={"kind": ["good"], "n": [{"numeric": [">", 5]}]},
                FilterPolicyScope="MessageAttributes",
            ),
            "Raw": resource(
                "AWS::SNS::Subscription", TopicArn=ref("News"), Protocol="https", Endpoint="https://x",
            ),
        }
    )  # fmt: skip
    assert set(left_out(lab)) == {"News.Subscription[1]", "Raw"}
    assert names(lab)["Some"] == "News->Fn"
    lab.sns["News"].publish("a", attributes={"kind": "good", "n": 7})
    lab.sns["News"].publish("b", attributes={"kind": "bad", "n": 7})
    lab.run()
    assert lab.sqs["Queue"].store.visible == 2
    assert len(lab.trace.invocations) == 1


def test_fifo_topics_are_left_out() -> None:
    resources = {"T": resource("AWS::SNS::Topic", FifoTopic=True, TopicName="a.fifo")}
    assert set(left_out(made(resources))) == {"T"}
    assert value(ref("T"), resources=resources) == "arn:aws:sns:us-east-1:123456789012:topic/T"


def test_what_refers_to_it() -> None:
    resources = {"T": resource("AWS::SNS::Topic")}
    arn = "arn:aws:sns:us-east-1:123456789012:T"
    assert value(ref("T"), resources=resources) == arn
    assert value(get("T", "TopicArn"), resources=resources) == arn
    assert value(get("T", "TopicName"), resources=resources) == "T"
