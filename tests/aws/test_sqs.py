"""SQS through clients of botocore: every operation, its answers and its errors."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import pytest

from lambdalab.errors import EndlessRun
from lambdalab.lab import Lab

pytest.importorskip("boto3")

from botocore.exceptions import ClientError, ParamValidationError

from tests.aws.checked import checked, not_called

BASE = "https://sqs.us-east-1.amazonaws.com/123456789012/"
ARN = "arn:aws:sqs:us-east-1:123456789012:"


@pytest.fixture
def sqs(lab: Lab) -> Any:
    return checked(lab.client("sqs"))


@pytest.fixture
def orders(sqs: Any) -> str:
    url: str = sqs.create_queue(QueueName="orders")["QueueUrl"]
    return url


def refused(call: Any, *given: Any, **named: Any) -> tuple[str, str, str]:
    """Code, class and message of the error that a call gets."""
    with pytest.raises(ClientError) as caught:
        call(*given, **named)
    error = caught.value.response["Error"]
    return error["Code"], type(caught.value).__name__, error["Message"]


def received(sqs: Any, url: str, **named: Any) -> list[Any]:
    found: list[Any] = sqs.receive_message(QueueUrl=url, **named).get("Messages", [])
    return found


class TestQueues:
    def test_the_same_again_and_another_of_the_name(self, sqs: Any, orders: str) -> None:
        assert orders == BASE + "orders"
        assert sqs.create_queue(QueueName="orders")["QueueUrl"] == orders
        given = {"VisibilityTimeout": "30", "MaximumMessageSize": "262144"}
        assert sqs.create_queue(QueueName="orders", Attributes=given)["QueueUrl"] == orders
        code, kind, told = refused(
            sqs.create_queue, QueueName="orders", Attributes={"DelaySeconds": "1"}
        )
        assert (code, kind) == ("QueueAlreadyExists", "QueueNameExists")
        assert told.endswith("a different value for attribute DelaySeconds")

    def test_what_no_queue_can_have(self, sqs: Any) -> None:
        def code(name: str, **attributes: str) -> str:
            return refused(sqs.create_queue, QueueName=name, Attributes=attributes)[0]

        assert code("no spaces") == "InvalidParameterValue"
        assert code("orders.fifo") == "InvalidParameterValue"
        assert code("orders", FifoQueue="true") == "InvalidParameterValue"
        assert code("orders", FifoQueue="false") == "InvalidAttributeName"
        assert code("orders", Nonsense="1") == "InvalidAttributeName"
        assert code("orders", ContentBasedDeduplication="true") == "InvalidAttributeName"
        assert code("orders", VisibilityTimeout="43201") == "InvalidAttributeValue"
        assert code("orders", VisibilityTimeout="x") == "InvalidAttributeValue"
        assert code("orders", ReceiveMessageWaitTimeSeconds="21") == "InvalidAttributeValue"
        assert code("orders", RedrivePolicy="{}") == "InvalidParameterValue"
        policy = json.dumps({"deadLetterTargetArn": ARN + "nope", "maxReceiveCount": 3})
        assert code("orders", RedrivePolicy=policy) == "InvalidParameterValue"
        assert sqs.list_queues().get("QueueUrls") is None

    def test_url_and_list_in_pages(self, sqs: Any) -> None:
        for name in ("a1", "a2", "a3", "b1"):
            sqs.create_queue(QueueName=name)
        assert sqs.get_queue_url(QueueName="a2")["QueueUrl"] == BASE + "a2"
        assert len(sqs.list_queues()["QueueUrls"]) == 4
        pages = sqs.get_paginator("list_queues").paginate(
            QueueNamePrefix="a", PaginationConfig={"PageSize": 2}
        )
        assert [[url[-2:] for url in page["QueueUrls"]] for page in pages] == [["a1", "a2"], ["a3"]]
        code, kind, told = refused(sqs.get_queue_url, QueueName="nope")
        assert code == "AWS.SimpleQueueService.NonExistentQueue"
        assert (kind, told) == ("QueueDoesNotExist", "The specified queue does not exist.")

    def test_all_attributes_are_texts(self, sqs: Any, lab: Lab) -> None:
        letters = sqs.create_queue(QueueName="letters")["QueueUrl"]
        lab.advance(60)
        policy = {"deadLetterTargetArn": ARN + "letters", "maxReceiveCount": 3}
        url = sqs.create_queue(
            QueueName="orders", tags={"team": "a"},
            Attributes={"RedrivePolicy": json.dumps(policy), "Policy": '{"Version":"2012-10-17"}'},
        )["QueueUrl"]  # fmt: skip
        sqs.send_message(QueueUrl=url, MessageBody="x")
        sqs.send_message(QueueUrl=url, MessageBody="y", DelaySeconds=5)
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert json.loads(found.pop("RedrivePolicy")) == policy
        assert found == {
            "QueueArn": ARN + "orders", "ApproximateNumberOfMessages": "1",
            "ApproximateNumberOfMessagesNotVisible": "0", "ApproximateNumberOfMessagesDelayed": "1",
            "CreatedTimestamp": "1736208060", "LastModifiedTimestamp": "1736208060",
            "VisibilityTimeout": "30", "MaximumMessageSize": "262144",
            "MessageRetentionPeriod": "345600", "DelaySeconds": "0",
            "ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true",
            "Policy": '{"Version":"2012-10-17"}',
        }  # fmt: skip
        found = sqs.list_dead_letter_source_queues(QueueUrl=letters)
        assert found["queueUrls"] == [url]
        assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url)
        code = refused(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["Nope"])[0]
        assert code == "InvalidAttributeName"

    def test_changed_attributes_hold(self, sqs: Any, orders: str, lab: Lab) -> None:
        sqs.create_queue(QueueName="letters")
        policy = json.dumps({"deadLetterTargetArn": ARN + "letters", "maxReceiveCount": "2"})
        lab.advance(10)
        new = {"VisibilityTimeout": "5", "MaximumMessageSize": "1024", "RedrivePolicy": policy}
        sqs.set_queue_attributes(QueueUrl=orders, Attributes=new)
        settings = lab.sqs["orders"].settings
        assert (settings.visibility_timeout, settings.max_receive_count) == (5, 2)
        names = ["LastModifiedTimestamp", "MaximumMessageSize"]
        found = sqs.get_queue_attributes(QueueUrl=orders, AttributeNames=names)["Attributes"]
        assert list(found.values()) == ["1736208010", "1024"]
        told = refused(sqs.send_message, QueueUrl=orders, MessageBody="x" * 1025)[2]
        assert told.endswith("Message must be shorter than 1024 bytes.")
        sqs.set_queue_attributes(QueueUrl=orders, Attributes={"RedrivePolicy": ""})
        assert lab.sqs["orders"].settings.dead_letter_queue is None

    def test_tags(self, sqs: Any, orders: str) -> None:
        assert "Tags" not in sqs.list_queue_tags(QueueUrl=orders)
        sqs.tag_queue(QueueUrl=orders, Tags={"a": "1", "b": "2"})
        sqs.untag_queue(QueueUrl=orders, TagKeys=["a", "c"])
        assert sqs.list_queue_tags(QueueUrl=orders)["Tags"] == {"b": "2"}

    def test_a_deleted_queue_is_gone_and_its_name_is_taken_for_a_minute(
        self, sqs: Any, orders: str, lab: Lab
    ) -> None:
        sqs.send_message(QueueUrl=orders, MessageBody="x")
        sqs.delete_queue(QueueUrl=orders)
        assert refused(sqs.send_message, QueueUrl=orders, MessageBody="x")[1] == "QueueDoesNotExist"
        code, kind, told = refused(sqs.create_queue, QueueName="orders")
        assert (code, kind) == (
            "AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently",
        )  # fmt: skip
        assert told.startswith("You must wait 60 seconds after deleting")
        lab.advance(60)
        sqs.create_queue(QueueName="orders")
        assert not received(sqs, orders)

    def test_a_loop_that_would_ask_for_ever_is_told_so(
        self, sqs: Any, orders: str, lab: Lab
    ) -> None:
        plain = lab.client("sqs")

        def wait() -> None:
            while "Messages" not in plain.receive_message(QueueUrl=orders):
                pass

        with pytest.raises(EndlessRun, match="give receive_message its WaitTimeSeconds"):
            wait()
        for _ in range(3):  # where time passes, one may ask as often as one likes
            for _ in range(4_000):
                plain.receive_message(QueueUrl=orders)
            lab.advance(1)

    def test_the_mapping_of_a_deleted_queue_stays_disabled(
        self, sqs: Any, orders: str, lab: Lab
    ) -> None:
        bill = lab.create_function("bill", duration=0.1)
        mapping = lab.create_event_source_mapping("orders", bill)
        sqs.send_message(QueueUrl=orders, MessageBody="x")
        sqs.delete_queue(QueueUrl=orders)
        lab.advance(60)
        assert (mapping.state, len(lab.trace.invocations)) == ("Disabled", 0)
        client = lab.client("lambda")
        assert client.get_event_source_mapping(UUID=mapping.uuid)["State"] == "Disabled"
        with pytest.raises(client.exceptions.InvalidParameterValueException, match="not found"):
            client.update_event_source_mapping(UUID=mapping.uuid, Enabled=True)
        client.delete_event_source_mapping(UUID=mapping.uuid)

    def test_without_its_dead_letter_queue_a_queue_keeps_them(
        self, sqs: Any, orders: str, lab: Lab
    ) -> None:
        letters = sqs.create_queue(QueueName="letters")["QueueUrl"]
        policy = json.dumps({"deadLetterTargetArn": ARN + "letters", "maxReceiveCount": 1})
        sqs.set_queue_attributes(QueueUrl=orders, Attributes={"RedrivePolicy": policy})
        sqs.delete_queue(QueueUrl=letters)
        sqs.send_message(QueueUrl=orders, MessageBody="x")
        for _ in range(3):
            assert len(received(sqs, orders, VisibilityTimeout=0)) == 1
        lab.advance(60)
        sqs.create_queue(QueueName="letters")
        assert not received(sqs, orders)
        assert len(received(sqs, letters)) == 1
        lab.reset()

    def test_purge(self, sqs: Any, orders: str, lab: Lab) -> None:
        sqs.send_message(QueueUrl=orders, MessageBody="x")
        sqs.purge_queue(QueueUrl=orders)
        assert not received(sqs, orders)
        code, kind, told = refused(sqs.purge_queue, QueueUrl=orders)
        assert (code, kind) == (
            "AWS.SimpleQueueService.PurgeQueueInProgress",
            "PurgeQueueInProgress",
        )
        assert told == "Only one PurgeQueue operation on orders is allowed every 60 seconds."
        lab.advance(60)
        sqs.purge_queue(QueueUrl=orders)


class TestSending:
    def test_digests_and_what_comes_back(self, sqs: Any, orders: str) -> None:
        attributes = {
            "kind": {"DataType": "String", "StringValue": "new"},
            "kind.more": {"DataType": "Number", "StringValue": "1.5"},
            "raw": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
        }
        trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd86"}}
        sent = sqs.send_message(
            QueueUrl=orders, MessageBody="hello", MessageAttributes=attributes,
            MessageSystemAttributes=trace,
        )  # fmt: skip
        assert sent["MD5OfMessageBody"] == hashlib.md5(b"hello").hexdigest()
        (message,) = received(sqs, orders, MessageAttributeNames=["All"], AttributeNames=["All"])
        assert message["MessageId"] == sent["MessageId"]
        assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
        assert message["MessageAttributes"] == attributes
        assert message["Attributes"] == {
            "SenderId": "AIDALAMBDALABSENDER00", "SentTimestamp": "1736208000000",
            "ApproximateReceiveCount": "1", "ApproximateFirstReceiveTimestamp": "1736208000000",
            "AWSTraceHeader": "Root=1-5759e988-bd86",
        }  # fmt: skip

    def test_the_digest_of_attributes_is_amazons(self, sqs: Any, orders: str) -> None:
        """A digest that the service gave, as its clients check it."""
        sent = sqs.send_message(
            QueueUrl=orders, MessageBody="x",
            MessageAttributes={"timestamp": {"DataType": "Number", "StringValue": "1493147359900"}},
        )  # fmt: skip
        assert sent["MD5OfMessageAttributes"] == "235c5c510d26fb653d073faed50ae77c"

    @pytest.mark.parametrize(
        ("names", "seen"),
        [
            ([], set()), (["kind"], {"kind"}), (["kind.*"], {"kind", "kind.more"}),
            ([".*"], {"kind", "kind.more", "raw"}), (["nope"], set()),
        ],
    )  # fmt: skip
    def test_attributes_by_name_and_prefix(
        self, sqs: Any, orders: str, names: list[str], seen: set[str]
    ) -> None:
        value = {"DataType": "String", "StringValue": "x"}
        own = dict.fromkeys(("kind", "kind.more", "raw"), value)
        sqs.send_message(QueueUrl=orders, MessageBody="x", MessageAttributes=own)
        (message,) = received(sqs, orders, MessageAttributeNames=names)
        assert set(message.get("MessageAttributes", {})) == seen
        assert ("MD5OfMessageAttributes" in message) == bool(seen)

    def test_what_is_refused(self, sqs: Any, orders: str) -> None:
        def code(**named: Any) -> tuple[str, str]:
            code, _, told = refused(
                sqs.send_message, **{"QueueUrl": orders, "MessageBody": "x"} | named
            )
            return code, told

        assert code(MessageBody="") == (
            "MissingParameter", "The request must contain the parameter MessageBody.",
        )  # fmt: skip
        assert code(MessageBody="\x00")[0] == "InvalidMessageContents"
        assert code(MessageBody="é" * 131_073)[1].endswith("must be shorter than 262144 bytes.")
        assert code(DelaySeconds=901)[1].startswith(
            "Value 901 for parameter DelaySeconds is invalid"
        )
        assert code(MessageGroupId="a")[0] == "InvalidParameterValue"
        empty = {"a": {"DataType": "String", "StringValue": ""}}
        assert "non-empty" in code(MessageAttributes=empty)[1]
        odd = {"a": {"DataType": "Text", "StringValue": "x"}}
        assert "Binary, Number, String" in code(MessageAttributes=odd)[1]
        with pytest.raises(ParamValidationError, match="MessageBody"):
            sqs.send_message(QueueUrl=orders)

    def test_a_batch_fails_entry_by_entry(self, sqs: Any, orders: str) -> None:
        entries = [
            {"Id": "good", "MessageBody": "x"},
            {"Id": "bad", "MessageBody": "x", "DelaySeconds": 1000},
            {"Id": "control", "MessageBody": "\x00"},
        ]
        answer = sqs.send_message_batch(QueueUrl=orders, Entries=entries)
        assert [each["Id"] for each in answer["Successful"]] == ["good"]
        told = [(each["Id"], each["Code"], each["SenderFault"]) for each in answer["Failed"]]
        assert told == [
            ("bad", "InvalidParameterValue", True), ("control", "InvalidMessageContents", True),
        ]  # fmt: skip
        assert len(received(sqs, orders, MaxNumberOfMessages=10)) == 1

    def test_batches_that_cannot_be(self, sqs: Any, orders: str) -> None:
        def kind(*ids: str, body: str = "x") -> tuple[str, str]:
            entries = [{"Id": each, "MessageBody": body} for each in ids]
            code, name, told = refused(sqs.send_message_batch, QueueUrl=orders, Entries=entries)
            assert code == f"AWS.SimpleQueueService.{name}"
            return name, told

        assert kind() == (
            "EmptyBatchRequest",
            "There should be at least one SendMessageBatchRequestEntry in the request.",
        )
        assert kind(*map(str, range(11))) == (
            "TooManyEntriesInBatchRequest",
            "Maximum number of entries per request are 10. You have sent 11.",
        )
        assert kind("a", "b", "a") == ("BatchEntryIdsNotDistinct", "Id a repeated.")
        assert kind("a b")[0] == "InvalidBatchEntryId"
        assert kind("a", "b", body="x" * 140_000) == (
            "BatchRequestTooLong",
            "Batch requests cannot be longer than 262144 bytes. You have sent 280000 bytes.",
        )
        for verb in (sqs.delete_message_batch, sqs.change_message_visibility_batch):
            assert refused(verb, QueueUrl=orders, Entries=[])[1] == "EmptyBatchRequest"


class TestReceiving:
    def test_numbers_out_of_their_range(self, sqs: Any, orders: str) -> None:
        for name, value in (
            ("MaxNumberOfMessages", 11), ("VisibilityTimeout", 43_201), ("WaitTimeSeconds", 21),
        ):  # fmt: skip
            code, _, told = refused(sqs.receive_message, QueueUrl=orders, **{name: value})
            assert code == "InvalidParameterValue"
            assert told.startswith(
                f"Value {value} for parameter {name} is invalid. Reason: Must be"
            )

    def test_long_polling_outside(self, sqs: Any, orders: str, lab: Lab) -> None:
        assert not received(sqs, orders, WaitTimeSeconds=20)
        assert lab.elapsed == 20
        sqs.send_message(QueueUrl=orders, MessageBody="x", DelaySeconds=7)
        assert len(received(sqs, orders, WaitTimeSeconds=20)) == 1
        assert lab.elapsed == 27

    def test_the_queues_own_wait(self, sqs: Any, lab: Lab) -> None:
        url = sqs.create_queue(
            QueueName="orders", Attributes={"ReceiveMessageWaitTimeSeconds": "5"}
        )["QueueUrl"]
        received(sqs, url)
        assert lab.elapsed == 5
        received(sqs, url, WaitTimeSeconds=0)
        assert lab.elapsed == 5

    def test_long_polling_in_a_handler(self, orders: str, lab: Lab) -> None:
        seen: list[Any] = []

        @lab.function(timeout=60)
        def poll(event: Any, context: Any) -> float:
            began = time.monotonic()
            found = received(checked(lab.client("sqs")), orders, WaitTimeSeconds=20)
            seen.extend(found)
            return time.monotonic() - began

        @lab.function(timeout=60)
        def send(event: Any, context: Any) -> None:
            time.sleep(4)
            lab.client("sqs").send_message(QueueUrl=orders, MessageBody="late")

        lab.invoke(send, {}, invocation_type="Event")
        waited = lab.invoke(poll, {}).payload
        assert 3 < waited < 6
        assert seen[0]["Body"] == "late"
        assert lab.invoke(poll, {}).payload == 20

    def test_a_handler_at_its_deadline_polls_no_more(self, orders: str, lab: Lab) -> None:
        @lab.function(timeout=3)
        def poll(event: Any, context: Any) -> None:
            received(lab.client("sqs"), orders, WaitTimeSeconds=20)

        assert "timed out" in lab.invoke(poll, {}).payload["errorMessage"]
        assert not lab.sqs["orders"].store.consumers

    def test_delete(self, sqs: Any, orders: str) -> None:
        sqs.send_message(QueueUrl=orders, MessageBody="x")
        (message,) = received(sqs, orders)
        for _ in range(2):  # once more is no error
            sqs.delete_message(QueueUrl=orders, ReceiptHandle=message["ReceiptHandle"])
        code, kind, told = refused(sqs.delete_message, QueueUrl=orders, ReceiptHandle="m1")
        assert (code, kind) == ("ReceiptHandleIsInvalid",) * 2
        assert told == 'The input receipt handle "m1" is not a valid receipt handle.'

    def test_delete_in_a_batch(self, sqs: Any, orders: str, lab: Lab) -> None:
        sqs.send_message(QueueUrl=orders, MessageBody="x")
        (message,) = received(sqs, orders)
        entries = [
            {"Id": "a", "ReceiptHandle": message["ReceiptHandle"]}, {"Id": "b", "ReceiptHandle": "b"},
        ]  # fmt: skip
        answer = sqs.delete_message_batch(QueueUrl=orders, Entries=entries)
        assert answer["Successful"] == [{"Id": "a"}]
        assert answer["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"
        assert not lab.sqs["orders"].messages

    def test_visibility(self, sqs: Any, orders: str, lab: Lab) -> None:
        sqs.send_message(QueueUrl=orders, MessageBody="x")
        (message,) = received(sqs, orders)
        given = {"QueueUrl": orders, "ReceiptHandle": message["ReceiptHandle"]}
        change = sqs.change_message_visibility
        change(**given, VisibilityTimeout=90)
        lab.advance(60)
        assert not received(sqs, orders)
        told = refused(change, **given, VisibilityTimeout=43_201)[2]
        assert told.startswith("Value 43201 for parameter VisibilityTimeout is invalid.")
        change(**given, VisibilityTimeout=0)
        assert refused(change, **given, VisibilityTimeout=1)[1] == "MessageNotInflight"
        assert len(received(sqs, orders)) == 1
        sqs.delete_message(**given)
        code, _, told = refused(change, **given, VisibilityTimeout=1)
        assert code == "InvalidParameterValue"
        assert "Message does not exist" in told
        entries = [{"Id": "a", "ReceiptHandle": given["ReceiptHandle"], "VisibilityTimeout": 1}]
        answer = sqs.change_message_visibility_batch(QueueUrl=orders, Entries=entries)
        assert answer["Failed"][0]["Code"] == "InvalidParameterValue"


class TestFifo:
    @pytest.fixture
    def queue(self, sqs: Any) -> str:
        url: str = sqs.create_queue(QueueName="orders.fifo", Attributes={"FifoQueue": "true"})[
            "QueueUrl"
        ]
        return url

    def test_its_attributes(self, sqs: Any, queue: str, lab: Lab) -> None:
        given = {
            "ContentBasedDeduplication": "true", "DeduplicationScope": "messageGroup",
            "FifoThroughputLimit": "perMessageGroupId",
        }  # fmt: skip
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=given)
        names = ["FifoQueue", *given]
        found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        assert found == {"FifoQueue": "true", **given}

    def test_messages(self, sqs: Any, queue: str) -> None:
        given = {"QueueUrl": queue, "MessageBody": "x", "MessageGroupId": "ann"}
        code, _, told = refused(sqs.send_message, **given)
        assert code == "InvalidParameterValue"
        assert "ContentBasedDeduplication" in told
        assert refused(sqs.send_message, QueueUrl=queue, MessageBody="x")[0] == "MissingParameter"
        first = sqs.send_message(**given, MessageDeduplicationId="1")
        again = sqs.send_message(**given, MessageDeduplicationId="1")
        assert first["SequenceNumber"] == again["SequenceNumber"]
        (message,) = received(sqs, queue, MessageSystemAttributeNames=["All"])
        shown = message["Attributes"]
        assert shown["MessageGroupId"] == "ann"
        assert shown["MessageDeduplicationId"] == "1"
        assert shown["SequenceNumber"] == first["SequenceNumber"]
        assert refused(sqs.send_message, **given, MessageDeduplicationId="2", DelaySeconds=1)[
            0
        ] == ("InvalidParameterValue")

    def test_a_handle_that_has_expired(self, sqs: Any, queue: str, lab: Lab) -> None:
        sqs.send_message(
            QueueUrl=queue, MessageBody="x", MessageGroupId="a", MessageDeduplicationId="1"
        )
        (message,) = received(sqs, queue)
        lab.advance(31)
        code, _, told = refused(
            sqs.delete_message, QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"]
        )
        assert code == "InvalidParameterValue"
        assert told.endswith("Reason: The receipt handle has expired.")

    def test_a_batch(self, sqs: Any, queue: str) -> None:
        entries = [
            {
                "Id": str(i),
                "MessageBody": "x",
                "MessageGroupId": "a",
                "MessageDeduplicationId": str(i),
            }
            for i in range(3)
        ]
        del entries[1]["MessageGroupId"]
        answer = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
        assert len(answer["Successful"]) == 2
        assert answer["Successful"][0]["SequenceNumber"]
        assert answer["Failed"][0]["Code"] == "MissingParameter"


class TestRedrive:
    def test_a_task(self, sqs: Any, orders: str, lab: Lab) -> None:
        letters = sqs.create_queue(QueueName="letters")["QueueUrl"]
        policy = json.dumps({"deadLetterTargetArn": ARN + "letters", "maxReceiveCount": 1})
        sqs.set_queue_attributes(QueueUrl=orders, Attributes={"RedrivePolicy": policy})
        for i in range(3):
            sqs.send_message(QueueUrl=orders, MessageBody=str(i))
        for _ in range(2):
            received(sqs, orders, MaxNumberOfMessages=10, VisibilityTimeout=0)
        assert len(lab.sqs["letters"].messages) == 3
        (one,) = received(
            sqs, letters, AttributeNames=["DeadLetterQueueSourceArn"], VisibilityTimeout=0
        )
        assert one["Attributes"] == {"DeadLetterQueueSourceArn": ARN + "orders"}
        start, listed = sqs.start_message_move_task, sqs.list_message_move_tasks
        task = start(SourceArn=ARN + "letters", MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
        assert refused(start, SourceArn=ARN + "letters")[1] == "UnsupportedOperation"
        lab.advance(1)
        (shown,) = listed(SourceArn=ARN + "letters")["Results"]
        assert shown["TaskHandle"] == task
        assert shown["Status"] == "RUNNING"
        assert shown["ApproximateNumberOfMessagesMoved"] == 2
        assert shown["StartedTimestamp"] == 1_736_208_000_000
        assert shown["MaxNumberOfMessagesPerSecond"] == 1
        cancel = sqs.cancel_message_move_task
        assert cancel(TaskHandle=task)["ApproximateNumberOfMessagesMoved"] == 2
        assert refused(cancel, TaskHandle=task)[1] == "UnsupportedOperation"
        assert refused(cancel, TaskHandle="x")[1] == "ResourceNotFoundException"
        (shown,) = listed(SourceArn=ARN + "letters")["Results"]
        assert shown["Status"] == "CANCELLED"
        assert "TaskHandle" not in shown

    def test_what_cannot_be_moved(self, sqs: Any, orders: str) -> None:
        start = sqs.start_message_move_task
        assert refused(start, SourceArn=ARN + "nope")[1] == "ResourceNotFoundException"
        told = refused(start, SourceArn=ARN + "orders")[2]
        assert told == "Source queue must be configured as a Dead Letter Queue."


def test_the_resource(lab: Lab) -> None:
    queue = lab.session().resource("sqs").create_queue(QueueName="orders")
    queue.send_message(
        MessageBody="a", MessageAttributes={"k": {"DataType": "String", "StringValue": "v"}}
    )
    (message,) = queue.receive_messages(WaitTimeSeconds=1, MessageAttributeNames=["All"])
    assert (message.body, message.message_attributes["k"]["StringValue"]) == ("a", "v")
    message.change_visibility(VisibilityTimeout=60)
    message.delete()
    assert queue.attributes["ApproximateNumberOfMessages"] == "0"
    assert [each.url for each in lab.session().resource("sqs").queues.all()] == [queue.url]
    queue.delete()
    assert "orders" not in lab.sqs


def test_the_same_calls_give_the_same_answers() -> None:
    def run() -> list[Any]:
        with Lab(seed=3) as lab:
            sqs = lab.client("sqs")
            url = sqs.create_queue(QueueName="q")["QueueUrl"]
            return [
                sqs.send_message(QueueUrl=url, MessageBody="x"),
                sqs.receive_message(QueueUrl=url),
            ]

    assert run() == run()


def test_every_operation_was_called() -> None:
    assert not_called("sqs") == set()
