"""SNS through clients of botocore: every operation, its answers and its errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdalab.lab import Lab

pytest.importorskip("boto3")

from botocore.exceptions import ClientError

from tests.aws.checked import checked, not_called

ARN = "arn:aws:sns:us-east-1:123456789012:"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:"


@pytest.fixture
def sns(lab: Lab) -> Any:
    return checked(lab.client("sns"))


@pytest.fixture
def news(sns: Any) -> str:
    arn: str = sns.create_topic(Name="news")["TopicArn"]
    return arn


def refused(call: Any, **named: Any) -> tuple[str, str, str]:
    """Code, class and message of the error that a call gets."""
    with pytest.raises(ClientError) as caught:
        call(**named)
    error = caught.value.response["Error"]
    return error["Code"], type(caught.value).__name__, error["Message"]


def bodies(lab: Lab, queue: str) -> list[Any]:
    lab.run()
    return [each.body for each in lab.sqs[queue].messages]


def subscribed(sns: Any, lab: Lab, topic: str, queue: str = "q", **attributes: str) -> str:
    """A queue's subscription."""
    if queue not in lab.sqs:
        lab.sqs.create_queue(queue)
    arn: str = sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=QUEUE + queue, Attributes=attributes,
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]  # fmt: skip
    return arn


class TestTopics:
    def test_create_list_delete(self, sns: Any, news: str, lab: Lab) -> None:
        assert news == ARN + "news"
        assert sns.create_topic(Name="news")["TopicArn"] == news
        subscribed(sns, lab, news)
        assert sns.list_topics()["Topics"] == [{"TopicArn": news}]
        for _ in range(2):  # once more is no error
            sns.delete_topic(TopicArn=news)
        assert sns.list_topics()["Topics"] == sns.list_subscriptions()["Subscriptions"] == []
        code, kind, told = refused(sns.publish, TopicArn=news, Message="x")
        assert (code, kind, told) == ("NotFound", "NotFoundException", "Topic does not exist")

    def test_pages(self, sns: Any) -> None:
        for number in range(103):
            sns.create_topic(Name=f"t{number}")
        pages = [page["Topics"] for page in sns.get_paginator("list_topics").paginate()]
        assert [len(page) for page in pages] == [100, 3]
        assert refused(sns.list_topics, NextToken="x")[0] == "InvalidParameter"

    def test_names_that_cannot_be(self, sns: Any) -> None:
        code, kind, told = refused(sns.create_topic, Name="no spaces")
        assert (code, kind) == ("InvalidParameter", "InvalidParameterException")
        assert told == "Invalid parameter: Topic Name"
        fifo = {"FifoTopic": "true"}
        assert refused(sns.create_topic, Name="t", Attributes=fifo)[0] == "InvalidParameter"
        assert "FIFO" in refused(sns.create_topic, Name="t.fifo", Attributes=fifo)[2]
        assert refused(sns.get_topic_attributes, TopicArn="nope")[0] == "InvalidParameter"

    def test_attributes(self, sns: Any, news: str, lab: Lab) -> None:
        subscribed(sns, lab, news)
        sns.set_topic_attributes(TopicArn=news, AttributeName="DisplayName", AttributeValue="News")
        found = sns.get_topic_attributes(TopicArn=news)["Attributes"]
        assert (found["TopicArn"], found["DisplayName"]) == (news, "News")
        assert (found["Owner"], found["SubscriptionsConfirmed"]) == ("123456789012", "1")
        assert json.loads(found["Policy"])["Statement"][0]["Resource"] == news
        assert "http" in json.loads(found["EffectiveDeliveryPolicy"])
        code = refused(sns.set_topic_attributes, TopicArn=news, AttributeName="Nope")[0]
        assert code == "InvalidParameter"
        told = refused(sns.create_topic, Name="news", Attributes={"DisplayName": "Olds"})[2]
        assert told.endswith("Topic already exists with different attributes")

    def test_tags(self, sns: Any) -> None:
        tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
        arn = sns.create_topic(Name="news", Tags=tags)["TopicArn"]
        sns.untag_resource(ResourceArn=arn, TagKeys=["a"])
        sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "c", "Value": "3"}])
        found = sns.list_tags_for_resource(ResourceArn=arn)["Tags"]
        assert found == [{"Key": "b", "Value": "2"}, {"Key": "c", "Value": "3"}]
        code, kind, _ = refused(sns.list_tags_for_resource, ResourceArn=ARN + "nope")
        assert (code, kind) == ("ResourceNotFound", "ResourceNotFoundException")
        told = refused(sns.create_topic, Name="news", Tags=tags)[2]
        assert told.endswith("Topic already exists with different tags")


class TestSubscriptions:
    def test_a_function_is_called(self, sns: Any, news: str, lab: Lab) -> None:
        seen: list[Any] = []

        @lab.function
        def bill(event: Any, context: Any) -> None:
            seen.append(event["Records"][0]["Sns"]["Message"])

        arn = "arn:aws:lambda:us-east-1:123456789012:function:bill"
        made = sns.subscribe(TopicArn=news, Protocol="lambda", Endpoint=arn)["SubscriptionArn"]
        assert made.startswith(news + ":")
        sns.publish(TopicArn=news, Message="an order")
        lab.run()
        assert seen == ["an order"]

    def test_what_there_is_of_one(self, sns: Any, news: str, lab: Lab) -> None:
        arn = subscribed(sns, lab, news, FilterPolicy='{"kind": ["new"]}')
        lab.sqs.create_queue("letters")
        change, get = sns.set_subscription_attributes, sns.get_subscription_attributes
        policy = json.dumps({"deadLetterTargetArn": QUEUE + "letters"})
        given = {"SubscriptionArn": arn}
        change(**given, AttributeName="RedrivePolicy", AttributeValue=policy)
        change(**given, AttributeName="RawMessageDelivery", AttributeValue="true")
        change(**given, AttributeName="DeliveryPolicy", AttributeValue="{}")
        assert get(**given)["Attributes"] == {
            "SubscriptionArn": arn, "Owner": "123456789012", "Protocol": "sqs",
            "Endpoint": QUEUE + "q", "TopicArn": news, "ConfirmationWasAuthenticated": "true",
            "PendingConfirmation": "false", "RawMessageDelivery": "true",
            "SubscriptionPrincipal": "arn:aws:iam::123456789012:user/lambdalab",
            "FilterPolicy": '{"kind": ["new"]}', "FilterPolicyScope": "MessageAttributes",
            "RedrivePolicy": policy, "DeliveryPolicy": "{}",
        }  # fmt: skip
        change(**given, AttributeName="FilterPolicy", AttributeValue="{}")
        assert "FilterPolicy" not in get(**given)["Attributes"]
        listed = sns.list_subscriptions_by_topic(TopicArn=news)["Subscriptions"]
        assert listed == sns.list_subscriptions()["Subscriptions"]
        assert listed[0]["SubscriptionArn"] == arn
        for _ in range(2):
            sns.unsubscribe(SubscriptionArn=arn)
        assert refused(get, **given)[1] == "NotFoundException"

    def test_what_cannot_be(self, sns: Any, news: str, lab: Lab) -> None:
        def told(protocol: str, endpoint: str, **attributes: str) -> str:
            code, kind, said = refused(
                sns.subscribe, TopicArn=news, Protocol=protocol, Endpoint=endpoint,
                Attributes=attributes,
            )  # fmt: skip
            assert (code, kind) == ("InvalidParameter", "InvalidParameterException")
            return said

        assert "not simulated" in told("email", "a@b.example")
        assert told("sqs", "https://q") == "Invalid parameter: SQS endpoint ARN"
        assert "nope" in told("sqs", QUEUE + "nope")
        lab.sqs.create_queue("q")
        assert "FilterPolicy" in told("sqs", QUEUE + "q", FilterPolicy="{")
        assert "RawMessageDelivery" in told("sqs", QUEUE + "q", RawMessageDelivery="maybe")
        assert "RedrivePolicy" in told("sqs", QUEUE + "q", RedrivePolicy="x")
        assert told("sqs", QUEUE + "q", Nope="x") == "Invalid parameter: AttributeName"


class TestPublishing:
    def test_envelope_raw_and_filter(self, sns: Any, news: str, lab: Lab) -> None:
        subscribed(sns, lab, news, "plain")
        subscribed(sns, lab, news, "raw", RawMessageDelivery="true", FilterPolicy='{"k": ["v"]}')
        own = {"k": {"DataType": "String", "StringValue": "v"}}
        sent = sns.publish(TopicArn=news, Message="a", Subject="s", MessageAttributes=own)
        sns.publish(TargetArn=news, Message="b")
        first, second = bodies(lab, "plain")
        assert first["MessageId"] == sent["MessageId"]
        assert first["Subject"] == "s"
        assert first["MessageAttributes"] == {"k": {"Type": "String", "Value": "v"}}
        assert second["Message"] == "b"
        assert bodies(lab, "raw") == ["a"]

    def test_a_text_for_each_protocol(self, sns: Any, news: str, lab: Lab) -> None:
        subscribed(sns, lab, news, "raw", RawMessageDelivery="true")
        text = {"default": "d", "sqs": "for queues"}
        sns.publish(TopicArn=news, Message=json.dumps(text), MessageStructure="json")
        assert bodies(lab, "raw") == ["for queues"]
        for wrong in ("{}", "x"):
            given = {"TopicArn": news, "Message": wrong, "MessageStructure": "json"}
            assert "Message Structure" in refused(sns.publish, **given)[2]

    def test_what_is_refused(self, sns: Any, news: str) -> None:
        def told(**named: Any) -> str:
            code, _, said = refused(sns.publish, **{"TopicArn": news, "Message": "x"} | named)
            assert code in ("InvalidParameter", "ParameterValueInvalid")
            return said

        assert told(Message="") == "Invalid parameter: Empty message"
        assert told(Subject="a\nb") == "Invalid parameter: Subject"
        assert told(Message="x" * 262_145) == "Invalid parameter: Message too long"
        assert "MessageGroupId" in told(MessageGroupId="a")
        assert "text messages" in told(PhoneNumber="+1")
        empty = {"a": {"DataType": "String", "StringValue": ""}}
        assert "Message Attributes" in told(MessageAttributes=empty)
        assert "TopicArn or TargetArn" in refused(sns.publish, Message="x")[2]

    def test_batches(self, sns: Any, news: str, lab: Lab) -> None:
        subscribed(sns, lab, news, "raw", RawMessageDelivery="true")

        def batch(*entries: Any) -> dict[str, Any]:
            return {"TopicArn": news, "PublishBatchRequestEntries": list(entries)}

        good = [
            {"Id": "a", "Message": "a"},
            {"Id": "b", "Message": ""},
            {"Id": "c", "Message": "c"},
        ]
        answer = sns.publish_batch(**batch(*good))
        assert [each["Id"] for each in answer["Successful"]] == ["a", "c"]
        assert [(e["Id"], e["Code"]) for e in answer["Failed"]] == [("b", "InvalidParameter")]
        assert bodies(lab, "raw") == ["a", "c"]
        eleven = [{"Id": str(i), "Message": "x"} for i in range(11)]
        long = [{"Id": str(i), "Message": "x" * 140_000} for i in range(2)]
        for kind, entries in (
            ("EmptyBatchRequest", []), ("TooManyEntriesInBatchRequest", eleven),
            ("BatchEntryIdsNotDistinct", [good[0], good[0]]), ("BatchRequestTooLong", long),
            ("InvalidBatchEntryId", [{"Id": "a b", "Message": "x"}]),
        ):  # fmt: skip
            code, name, _ = refused(sns.publish_batch, **batch(*entries))
            assert (code, name) == (kind, f"{kind}Exception")


def test_the_resource(lab: Lab) -> None:
    topic = lab.session().resource("sns").create_topic(Name="news")
    lab.sqs.create_queue("q")
    subscription = topic.subscribe(Protocol="sqs", Endpoint=QUEUE + "q")
    topic.publish(Message="x")
    assert bodies(lab, "q")[0]["Message"] == "x"
    assert [each.arn for each in topic.subscriptions.all()] == [subscription.arn]
    topic.delete()


def test_every_operation_was_called() -> None:
    assert not_called("sns") == set()
