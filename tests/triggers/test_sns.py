"""SNS: topics, subscribers, what they get, and what becomes of what they cannot get."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.envelopes import SnsEnvelope, SnsSqsEnvelope
from aws_lambda_powertools.utilities.parser.models import SnsModel
from pydantic import BaseModel

import lambdalab as ll
from lambdalab.errors import InvalidParameterException, InvalidSetting, UnknownName, UnknownSetting


class Order(BaseModel):
    order: int


def heard(lab: ll.Lab, name: str = "hear") -> list[dict[str, Any]]:
    """A function of this name, and the events that it gets."""
    events: list[dict[str, Any]] = []
    lab.function(name=name)(lambda event, context: events.append(event))
    return events


def actions(lab: ll.Lab, queue: str) -> list[tuple[str, str]]:
    rows = lab.trace.queue_events
    rows = rows[rows["queue"] == queue]
    return list(zip(map(str, rows["action"]), map(str, rows["cause"]), strict=True))


def test_each_subscriber_gets_one_record_of_awss_shape(lab: ll.Lab) -> None:
    events = heard(lab)
    topic = lab.sns.create_topic("orders")
    subscription = topic.subscribe("hear")
    message = topic.publish(
        {"order": 1}, subject="An order", attributes={"kind": "new", "n": 2, "raw": b"\x00"}
    )
    topic.publish('{"order": 2}')
    lab.run()
    first, second = sorted(events, key=lambda event: event["Records"][0]["Sns"]["MessageId"])
    (record,) = first["Records"]
    assert record["EventSource"] == "aws:sns"
    assert record["EventVersion"] == "1.0"
    assert record["EventSubscriptionArn"] == subscription.arn
    assert subscription.arn.startswith(f"{topic.arn}:")
    sns = record["Sns"]
    assert sns["MessageId"] == message.message_id == lab._lambda.ids.message(message.number)
    assert sns["Message"] == '{"order": 1}'
    assert (sns["Subject"], sns["TopicArn"], sns["Type"]) == (
        "An order",
        topic.arn,
        "Notification",
    )
    assert sns["Timestamp"] == "2025-01-07T00:00:00.000Z"
    assert sns["MessageAttributes"] == {
        "kind": {"Type": "String", "Value": "new"},
        "n": {"Type": "Number", "Value": "2"},
        "raw": {"Type": "Binary", "Value": "AA=="},
    }
    assert second["Records"][0]["Sns"]["Subject"] is None
    assert second["Records"][0]["Sns"]["MessageAttributes"] == {}
    for event, number in ((first, 1), (second, 2)):
        parsed = SnsModel.model_validate(event)
        assert parsed.Records[0].Sns.TopicArn == topic.arn
        assert SnsEnvelope().parse(event, Order) == [Order(order=number)]


def test_a_queue_gets_an_envelope_or_the_message_as_it_is(lab: ll.Lab) -> None:
    plain, raw = lab.sqs.create_queue("plain"), lab.sqs.create_queue("raw")
    topic = lab.sns.create_topic("orders")
    topic.subscribe(plain)
    topic.subscribe(raw, raw_message_delivery=True)
    topic.publish({"order": 7}, attributes={"kind": "new", "blob": b"x"})
    (received,) = plain.receive()
    told = received.json()
    assert list(told) == [
        "Type", "MessageId", "TopicArn", "Message", "Timestamp", "SignatureVersion", "Signature",
        "SigningCertURL", "UnsubscribeURL", "MessageAttributes",
    ]  # fmt: skip
    assert not received.attributes
    (received,) = raw.receive()
    assert received.body == '{"order": 7}'
    assert received.attributes == {"kind": ("String", "new"), "blob": ("Binary", b"x")}


def test_a_function_behind_the_queue_can_read_the_envelope(lab: ll.Lab) -> None:
    events = heard(lab)
    queue, topic = lab.sqs.create_queue("q"), lab.sns.create_topic("orders")
    lab.create_event_source_mapping(queue, "hear")
    topic.subscribe(queue)
    topic.publish({"order": 3})
    lab.run()
    assert SnsSqsEnvelope().parse(events[0], Order) == [Order(order=3)]


def test_filtered_deliveries_are_in_the_books(lab: ll.Lab) -> None:
    events = heard(lab)
    topic = lab.sns.create_topic("orders")
    topic.subscribe("hear", filter_policy={"kind": ["new"]})
    topic.publish("a", attributes={"kind": "new"})
    topic.publish("b", attributes={"kind": "old"})
    lab.run()
    assert [event["Records"][0]["Sns"]["Message"] for event in events] == ["a"]
    way = actions(lab, "orders->hear")
    assert way == [
        ("sent", "published"), ("deleted", "accepted"), ("sent", "published"),
        ("filtered", "pattern_mismatch"),
    ]  # fmt: skip
    assert actions(lab, "orders")[-1] == ("filtered", "pattern_mismatch")


def test_a_refusal_is_tried_again_in_four_phases(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    topic = lab.sns.create_topic("orders")
    topic.subscribe("bill")
    lab.faults.service_error("bill", end=200)
    topic.publish("x")
    lab.run()
    rows = lab.trace.requests
    waits = [round(w, 3) for w in rows["sent_at"].diff().dt.total_seconds().tolist()[1:]]
    assert waits[:2] == [0, 0]
    assert all(0.95 <= wait <= 1.05 for wait in waits[2:5])
    growing = [20 ** (k / 9) for k in range(10)]
    for wait, middle in zip(waits[4:14], growing, strict=True):
        assert 0.95 * middle - 0.001 <= wait <= 1.05 * middle + 0.001
    assert waits[14:]
    assert all(19 <= wait <= 21 for wait in waits[14:])
    assert len(set(waits[14:])) > 1
    assert rows["status_code"].tolist()[-1] == 202
    assert set(rows["status_code"].tolist()[:-1]) == {500}


def test_the_tries_are_as_many_as_the_rules_say() -> None:
    quotas = {
        "sns_immediate_tries": 2, "sns_tries_before_backoff": 1, "sns_backoff_tries": 2,
        "sns_tries_after_backoff": 3,
    }  # fmt: skip
    lab = ll.Lab(quotas=quotas)
    lab.create_function("bill", duration=0.1)
    lost = lab.sqs.create_queue("lost")
    topic = lab.sns.create_topic("orders")
    topic.subscribe("bill", dead_letter_queue=lost)
    lab.faults.service_error("bill")
    topic.publish("x", attributes={"kind": "new"})
    lab.run()
    assert lab.trace.requests["tries"].tolist() == list(range(1, 9))
    (letter,) = lost.receive()
    assert letter.json()["Message"] == "x"
    assert letter.attributes["ErrorCode"] == ("Number", "500")
    assert actions(lab, "orders->bill")[-1] == ("dead_lettered", "retries_exhausted")


def test_all_of_it_takes_100015_tries_and_23_days() -> None:
    rules = ll.Rules.as_of()
    tries = (
        rules.sns_immediate_tries
        + rules.sns_tries_before_backoff
        + rules.sns_backoff_tries
        + rules.sns_tries_after_backoff
    )
    assert tries == 100_015
    days = rules.sns_tries_after_backoff * rules.sns_retry_wait_maximum / 86_400
    assert 23 <= days < 24


def test_what_the_client_did_is_not_tried_again(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    lost = lab.sqs.create_queue("lost")
    topic = lab.sns.create_topic("orders")
    topic.subscribe("bill", dead_letter_queue=lost)
    (statement,) = lab.get_policy("bill")["Statement"]
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": topic.arn}}
    lab.remove_permission("bill")
    topic.publish("x")
    lab.delete_function("bill")
    topic.publish("y")
    lab.run()
    assert lab.trace.requests["status_code"].tolist() == [403, 404]
    causes = [cause for action, cause in actions(lab, "orders->bill") if action == "dead_lettered"]
    assert causes == ["permission_denied", "target_gone"]
    codes = [received.attributes["ErrorCode"] for received in lost.receive(10)]
    assert codes == [("Number", "403"), ("Number", "404")]


def test_without_a_dead_letter_queue_it_is_lost(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    topic = lab.sns.create_topic("orders")
    topic.subscribe("bill")
    lab.remove_permission("bill")
    topic.publish("x")
    lab.run()
    assert actions(lab, "orders->bill")[-1] == ("dropped", "permission_denied")


def test_a_raw_message_with_too_many_attributes_goes_to_the_dead_letters(lab: ll.Lab) -> None:
    queue, lost = lab.sqs.create_queue("q"), lab.sqs.create_queue("lost")
    topic = lab.sns.create_topic("orders")
    topic.subscribe(queue, raw_message_delivery=True, dead_letter_queue=lost)
    topic.publish("x", attributes={f"a{n}": n for n in range(11)})
    assert (queue.depth, lost.depth) == (0, 1)


@pytest.mark.parametrize("size", [0, 1])
def test_a_message_too_large_is_refused_before_anything(lab: ll.Lab, size: int) -> None:
    topic = lab.sns.create_topic("orders")
    text = "x" * (256 * 1024 - len("kindStringnew") + size)
    if not size:
        topic.publish(text, attributes={"kind": "new"})
        return
    with pytest.raises(InvalidParameterException, match="too long") as caught:
        topic.publish(text, attributes={"kind": "new"})
    assert caught.value.code == "InvalidParameter"
    assert caught.value.message == "Invalid parameter: Message too long"
    assert caught.value.status_code == 400
    assert lab.trace.queue_events.empty


def test_a_batch_is_all_or_nothing(lab: ll.Lab) -> None:
    topic = lab.sns.create_topic("orders")
    queue = lab.sqs.create_queue("q")
    topic.subscribe(queue, raw_message_delivery=True)
    sent = topic.publish_batch(["a", {"message": "b", "attributes": {"k": 1}}, {"order": 1}])
    assert [repr(each) for each in sent] == ["m1", "m3", "m5"]
    assert [seen.body for seen in queue.messages] == ["a", "b", {"order": 1}]
    for bad in (["x" * 200_000] * 2, ["x"] * 11, [], ["x", ""], "xx"):
        with pytest.raises((InvalidParameterException, InvalidSetting)):
            topic.publish_batch(bad)
    with pytest.raises(UnknownSetting, match="attributes"):
        topic.publish_batch([{"message": "x", "attribute": {}}])
    assert queue.depth == 3


@pytest.mark.parametrize("subject", ["", " x", "é", "a\nb", "x" * 100, 5])
def test_a_subject_that_cannot_be(lab: ll.Lab, subject: Any) -> None:
    topic = lab.sns.create_topic("orders")
    with pytest.raises(InvalidParameterException, match="Invalid parameter: Subject"):
        topic.publish("x", subject=subject)


@pytest.mark.parametrize(
    "attributes",
    [
        {"AWS.x": "a"}, {"a b": "a"}, {"k": ""}, {"k": ("Text", "a")}, {"k": ("Number", "x")}, [1],
        {"k": None}, {"k": ("Binary", "text")},
    ],
)  # fmt: skip
def test_attributes_that_cannot_be(lab: ll.Lab, attributes: Any) -> None:
    topic = lab.sns.create_topic("orders")
    with pytest.raises(InvalidSetting, match="attributes"):
        topic.publish("x", attributes=attributes)


def test_making_a_thing_again_gives_the_same_thing(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    topic = lab.sns.create_topic("orders")
    assert lab.sns.create_topic("orders") is topic
    one = topic.subscribe("bill", filter_policy={"kind": ["new"]})
    assert topic.subscribe("bill", filter_policy='{"kind": ["new"]}') is one
    with pytest.raises(InvalidParameterException, match="different attributes") as caught:
        topic.subscribe("bill")
    assert "unsubscribe()" in str(caught.value)
    assert one.update(filter_policy=None).settings.filter_policy is None
    assert topic.subscribe("bill") is one
    assert len(lab.get_policy("bill")["Statement"]) == 1


def test_who_has_left_hears_no_more_and_can_come_back(lab: ll.Lab) -> None:
    events = heard(lab)
    topic = lab.sns.create_topic("orders")
    subscription = topic.subscribe("hear")
    lab.faults.service_error("hear", end=1)
    topic.publish("a")
    subscription.unsubscribe()
    subscription.unsubscribe()
    topic.publish("b")
    again = topic.subscribe("hear")
    assert again.arn == subscription.arn
    topic.publish("c")
    lab.run()
    assert sorted(event["Records"][0]["Sns"]["Message"] for event in events) == ["a", "c"]
    with pytest.raises(InvalidParameterException, match="does not exist"):
        subscription.update(filter_policy={"kind": ["new"]})


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("https://example.com/x", "HTTP, e-mail, SMS"), ("me@example.com", "e-mail"),
        ("+491234", "SMS"), ("orders.fifo", "FIFO"),
    ],
)  # fmt: skip
def test_other_endpoints_are_not_simulated(lab: ll.Lab, target: str, told: str) -> None:
    with pytest.raises(InvalidSetting, match=told):
        lab.sns.create_topic("orders").subscribe(target)


def test_bad_input_makes_nothing(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    with pytest.raises(InvalidSetting, match="FIFO topics deliver to no function"):
        lab.sns.create_topic("orders.fifo")
    for name in ("", "a b", "x" * 257, None):
        with pytest.raises(InvalidParameterException, match="Topic Name"):
            lab.sns.create_topic(name)  # type: ignore[arg-type]
    topic = lab.sns.create_topic("orders")
    with pytest.raises(UnknownSetting, match="'filter_policy'"):
        topic.subscribe("bill", filter_polcy={})
    with pytest.raises(UnknownName, match="did you mean 'bill'"):
        topic.subscribe("bil")
    with pytest.raises(InvalidSetting, match="a function or a standard SQS queue"):
        topic.subscribe(topic)
    with pytest.raises(InvalidParameterException, match="raw message delivery"):
        topic.subscribe("bill", raw_message_delivery=True)
    with pytest.raises(InvalidSetting, match="dead_letter_queue"):
        topic.subscribe("bill", dead_letter_queue="bill")
    with pytest.raises(InvalidSetting, match="MessageBody"):
        topic.subscribe("bill", filter_policy_scope="Body")
    with pytest.raises(InvalidParameterException, match="Empty message"):
        topic.publish("")
    with pytest.raises(InvalidSetting, match="message"):
        topic.publish(object())
    assert not topic.subscriptions
    assert lab.get_policy("bill")["Statement"] == []
    with pytest.raises(UnknownName, match="did you mean 'orders'"):
        lab.sns["order"]


def test_a_topic_can_be_driven(lab: ll.Lab) -> None:
    events = heard(lab)
    topic = lab.sns.create_topic("orders")
    topic.subscribe("hear")
    lab.drive(topic, ll.Every(1), count=3, payload=lambda n: {"order": n})
    lab.run()
    told = [json.loads(event["Records"][0]["Sns"]["Message"]) for event in events]
    assert told == [{"order": 0}, {"order": 1}, {"order": 2}]
    with pytest.raises(InvalidParameterException, match="too long"):
        lab.drive(topic, ll.Every(1), count=1, payload="x" * 300_000)


def test_a_reset_keeps_the_wiring_and_nothing_else(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    topic = lab.sns.create_topic("orders")
    topic.subscribe("bill")
    lab.faults.service_error("bill", end=30)

    def run() -> tuple[object, object]:
        topic.publish("x")
        lab.run()
        return lab.trace.requests.to_dict(), lab.trace.queue_events.to_dict()

    first = run()
    lab.reset()
    assert run() == first
    lab.reset()
    topic.publish("on its way")
    lab.reset()
    lab.run()
    assert lab.trace.invocations.empty


def test_a_function_that_publishes_to_itself_is_stopped(lab: ll.Lab) -> None:
    topic = lab.sns.create_topic("orders")

    @lab.function
    def again(event: Any, context: Any) -> None:
        topic.publish("again")

    topic.subscribe(again)
    topic.publish("go")
    lab.run()
    calls = lab.trace.invocations
    assert [str(status) for status in calls["status"]] == ["succeeded"] * 16 + ["dropped"]
    assert str(calls["cause"].iloc[-1]) == "recursive_loop"


@pytest.mark.parametrize("by_arn", [False, True])
def test_a_topic_is_a_dead_letter_queue(lab: ll.Lab, by_arn: bool) -> None:
    letters = lab.sns.create_topic("letters")
    kept = lab.sqs.create_queue("kept")
    letters.subscribe(kept)
    letters.subscribe(lab.sqs.create_queue("raw"), raw_message_delivery=True)
    given: Any = letters.arn if by_arn else letters
    function = lab.create_function(
        "bill", duration=0.1, failure_rate=1, maximum_retry_attempts=0, dead_letter_queue=given
    )
    assert function.settings.dead_letter_queue == letters.arn
    lab.update_function("bill", timeout=5)
    reply = lab.invoke("bill", {"order": 1}, invocation_type="Event")
    lab.run()
    (letter,) = kept.receive()
    told = letter.json()
    assert json.loads(told["Message"]) == {"order": 1}
    assert told["MessageAttributes"]["RequestID"] == {"Type": "String", "Value": reply.request_id}
    assert told["MessageAttributes"]["ErrorCode"] == {"Type": "Number", "Value": "200"}
    (raw,) = lab.sqs["raw"].receive()
    assert set(raw.attributes) == {"RequestID", "ErrorCode", "ErrorMessage"}
    assert actions(lab, "letters") == [("sent", "dead_letter"), ("deleted", "fanned_out")]


def test_a_queue_can_be_a_dead_letter_queue_by_its_arn(lab: ll.Lab) -> None:
    kept = lab.sqs.create_queue("kept")
    made = lab.create_function("bill", duration=1, dead_letter_queue=kept.arn)
    assert made.settings.dead_letter_queue == "kept"
    with pytest.raises(InvalidSetting, match="dead_letter_queue"):
        lab.create_function("f", duration=1, dead_letter_queue=made.arn)
    with pytest.raises(InvalidSetting, match="FIFO"):
        lab.create_function("f", duration=1, dead_letter_queue=f"{kept.arn}.fifo")


def test_topics_are_destinations_of_both_kinds(lab: ll.Lab) -> None:
    good, bad = lab.sns.create_topic("good"), lab.sns.create_topic("bad")
    one, other = lab.sqs.create_queue("one"), lab.sqs.create_queue("other")
    good.subscribe(one)
    bad.subscribe(other)

    @lab.function(on_success="good", on_failure=bad.arn, maximum_retry_attempts=0)
    def bill(event: Any, context: Any) -> Any:
        return 1 / event["n"]

    lab.invoke(bill, {"n": 1}, invocation_type="Event")
    lab.invoke(bill, {"n": 0}, invocation_type="Event")
    lab.run()
    record = json.loads(one.receive()[0].json()["Message"])
    assert (record["requestContext"]["condition"], record["responsePayload"]) == ("Success", 1.0)
    record = json.loads(other.receive()[0].json()["Message"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"


@pytest.mark.parametrize("drops", [True, False])
def test_a_record_too_large_goes_without_its_payloads_or_not_at_all(drops: bool) -> None:
    lab = ll.Lab(quotas={"sns_record_drops_payloads": drops})
    topic, kept = lab.sns.create_topic("done"), lab.sqs.create_queue("kept")
    topic.subscribe(kept)
    lab.create_function("bill", lambda event, context: "y" * 200_000, on_success=topic)
    lab.invoke("bill", "x" * 200_000, invocation_type="Event")
    lab.run()
    if not drops:
        assert kept.depth == 0
        assert ("delivered", "delivery_failed") in actions(lab, "bill (events)")
        return
    record = json.loads(kept.receive()[0].json()["Message"])
    assert list(record) == ["version", "timestamp", "requestContext", "responseContext"]


def test_a_topic_hears_of_stream_records_that_were_given_up(lab: ll.Lab) -> None:
    topic, kept = lab.sns.create_topic("failed"), lab.sqs.create_queue("kept")
    topic.subscribe(kept)
    stream = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=0.1, failure_rate=1)
    lab.create_event_source_mapping(
        stream, "count", starting_position="TRIM_HORIZON", maximum_retry_attempts=0,
        on_failure=topic,
    )  # fmt: skip
    stream.put_record({"n": 1}, partition_key="a")
    lab.run(until=30)
    record = json.loads(kept.receive()[0].json()["Message"])
    assert record["KinesisBatchInfo"]["batchSize"] == 1
    assert "payload" not in record


def test_reprs_tell_what_is_wired(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    topic = lab.sns.create_topic("orders")
    topic.subscribe("bill", filter_policy_scope="MessageBody", filter_policy={"n": [1]})
    assert repr(topic) == "<topic orders: 1 subscription (bill)>"
    assert "filter_policy_scope='MessageBody'" in repr(topic.subscriptions[0])
    assert "<topic orders" in repr(lab)
    wired = lab._books.wiring["topic"]["orders"]["subscriptions"]
    assert wired["orders->bill"]["filter_policy"] == '{"n": [1]}'
    assert {"create_topic"} <= set(dir(lab.sns))
    assert not {"deliver", "begin", "arrive"} & set(dir(topic))


def test_a_function_and_a_queue_of_one_name_are_two_ways(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    topic = lab.sns.create_topic("orders")
    topic.subscribe("bill")
    topic.subscribe(lab.sqs.create_queue("bill"))
    lab.create_function("x", duration=0.1)
    bucket = lab.s3.create_bucket("orders")
    bucket.notify(lab._functions.find("bill"))
    topic.publish("x")
    bucket.put_object("k")
    lab.run()
    names = {str(name) for name in lab.trace.queue_events["queue"]}
    assert len([name for name in names if name.startswith("orders->bill")]) == 3


def test_an_alias_is_asked_with_its_own_permission(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    lab.publish_version("bill")
    lab.create_alias("bill", "live", "1")
    topic = lab.sns.create_topic("orders")
    topic.subscribe("bill:live")
    assert lab.get_policy("bill")["Statement"] == []
    assert len(lab.get_policy("bill", qualifier="live")["Statement"]) == 1
    topic.publish("x")
    lab.run()
    assert lab.trace.invocations["status"].tolist() == ["succeeded"]
    assert actions(lab, "orders->bill:live")[-1] == ("deleted", "accepted")


def test_a_handler_that_publishes_is_named_where_the_message_came_from(lab: ll.Lab) -> None:
    topic = lab.sns.create_topic("orders")
    queue = lab.sqs.create_queue("q")
    topic.subscribe(queue)

    @lab.function
    def order(event: Any, context: Any) -> str:
        return lab.sns["orders"].publish(event).message_id

    reply = lab.invoke(order, {"order": 1})
    rows = lab.trace.queue_events
    assert set(rows[rows["queue"] == "orders"]["request_id"]) == {reply.request_id}
    assert queue.receive()[0].json()["MessageId"] == reply.payload


def test_subscribing_again_lets_the_topic_in_again(lab: ll.Lab) -> None:
    events, topic = heard(lab), lab.sns.create_topic("orders")
    topic.subscribe("hear")
    for _ in range(2):  # as a cell that is run twice
        lab.remove_permission("hear", "sns-orders")
        topic.subscribe("hear")
    topic.publish("there")
    lab.run()
    lab.delete_function("hear")
    again = heard(lab)
    topic.publish("nowhere")
    topic.subscribe("hear")
    topic.publish("here")
    lab.run()
    texts = [event["Records"][0]["Sns"]["Message"] for event in events + again]
    assert texts == ["there", "here"]
    assert len(lab.get_policy("hear")["Statement"]) == 1


def test_a_subscription_of_a_function_that_is_gone_can_be_changed(lab: ll.Lab) -> None:
    heard(lab)
    subscription = lab.sns.create_topic("orders").subscribe("hear")
    lab.delete_function("hear")
    subscription.update(filter_policy={"kind": ["new"]})
    told = lab.trace.wired("topic")["orders"]["subscriptions"]["orders->hear"]
    assert told["filter_policy"] == '{"kind": ["new"]}'


@pytest.mark.parametrize("value", [[object()], [2**70], "\ud800", ["\ud800"], ("String", "\ud800")])
def test_attributes_that_no_message_can_have(lab: ll.Lab, value: object) -> None:
    topic = lab.sns.create_topic("orders")
    with pytest.raises(InvalidSetting, match=r"attributes\['a'\]"):
        topic.publish("x", attributes={"a": value})
    assert not len(lab.trace.queue_events)


def test_policies_that_are_no_text_or_too_deep(lab: ll.Lab) -> None:
    heard(lab)
    topic, deep = lab.sns.create_topic("orders"), ["x"]
    for _ in range(5_000):
        deep = [deep]
    for policy, error in (
        ("\ud800", InvalidSetting),
        ({"a": ["\ud800"]}, InvalidSetting),
        ({"a": deep}, InvalidParameterException),
    ):
        with pytest.raises(error, match=r"filter_policy|FilterPolicy"):
            topic.subscribe("hear", filter_policy=policy)
    assert not topic.subscriptions


def test_a_batch_in_awss_own_words_says_what_it_wants(lab: ll.Lab) -> None:
    topic = lab.sns.create_topic("orders")
    with pytest.raises(UnknownSetting, match="did you mean 'message'"):
        topic.publish_batch([{"Id": "1", "Message": "an order"}])


def test_only_a_queue_can_be_meant_by_a_dead_letter_queue(lab: ll.Lab) -> None:
    topic = lab.sns.create_topic("orders")
    queue = lab.sqs.create_queue("orders")
    lab.s3.create_bucket("orders")
    lab.create_function("orders", duration=0.1)
    given = {"dead_letter_queue": "orders"}
    subscription = topic.subscribe(lab.sqs.create_queue("other"), **given)
    rule = lab.eventbridge["default"].put_rule("all", event_pattern={"source": ["a"]})
    target = rule.put_target("other", **given)
    schedule = lab.scheduler.create_schedule("it", "rate(1 day)", "other", **given)
    for made in (subscription, target, schedule):
        assert made.settings.dead_letter_queue.arn == queue.arn
    with pytest.raises(InvalidSetting, match="there is a queue and a function and a topic"):
        topic.subscribe("orders")
    with pytest.raises(InvalidSetting, match="or a bucket or an event bus of this lab"):
        topic.subscribe(5)
