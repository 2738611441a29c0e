"""What people try before they read: other words, names for things, things for names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import lambdalab as ll
from lambdalab import Lab
from lambdalab.errors import InvalidParameterValueException, UnknownName, UnknownSetting

GUESSES: dict[str, Callable[[Lab], Any]] = {
    "pre_sign_up": lambda lab: lab.cognito.create_user_pool("p", PreSignUp="f"),
    "attributes": lambda lab: lab.cognito.create_user_pool("p").sign_up(
        "ann", user_attributes={"email": "ann@example.com"}
    ),
    "buffer_interval": lambda lab: lab.firehose.create_delivery_stream(
        "s", "f", buffering_interval=30
    ),
    "filter_pattern": lambda lab: lab.logs.put_subscription_filter(
        "/aws/lambda/f", "f", pattern=""
    ),
    "detail_type": lambda lab: lab.eventbridge["default"].put_event(
        source="shop", detail_type="paid", detail={}, detailtype="paid"
    ),
}


@pytest.mark.parametrize("right", GUESSES)
def test_a_keyword_that_is_not_there_is_told_the_right_one(lab: Lab, right: str) -> None:
    lab.create_function("f", duration=1)
    with pytest.raises(UnknownSetting, match=f"did you mean '{right}'"):
        GUESSES[right](lab)


def test_a_bucket_by_its_name_is_where_a_delivery_stream_delivers(lab: Lab) -> None:
    @lab.function
    def keep(event: Any, context: Any) -> Any:
        return {"records": [{**record, "result": "Ok"} for record in event["records"]]}

    clicks = lab.s3.create_bucket("clicks")
    with pytest.raises(UnknownName, match="did you mean 'clicks'"):
        lab.firehose.create_delivery_stream("s", keep, "click")
    lab.firehose.create_delivery_stream("s", keep, "clicks").put_record("hello")
    lab.run()
    assert [each.body for each in clicks.objects] == [b"hello"]


def test_a_resource_as_a_template_has_it(lab: Lab) -> None:
    events: list[dict[str, Any]] = []

    @lab.function
    def seed(event: dict[str, Any], context: Any) -> None:
        events.append(event)

    properties = {"ServiceToken": seed, "ServiceTimeout": 30, "Rows": 3}
    template = {"Seed": {"Type": "Custom::Seed", "Properties": properties}}
    lab.cloudformation.create_stack("shop", template, disable_rollback=True)
    lab.run()
    assert events[0]["ResourceProperties"]["Rows"] == "3"
    assert "ServiceTimeout" not in events[0]["ResourceProperties"]
    assert lab.elapsed == 30  # nobody answered
    assert properties["ServiceToken"] is seed


def test_a_function_stands_for_its_log_group(lab: Lab) -> None:
    bill, alarm = lab.create_function("bill", duration=1), lab.create_function("alarm", duration=1)
    lab.logs.put_subscription_filter(bill, alarm)
    assert list(lab.logs) == ["/aws/lambda/bill"]


@pytest.mark.parametrize("principal", ["sns", "SNS.amazonaws.com", "arn:aws:sns:us-east-1:1:t"])
def test_a_principal_that_is_nobodys_is_refused(lab: Lab, principal: str) -> None:
    lab.create_function("bill", duration=1)
    with pytest.raises(InvalidParameterValueException, match="principal was invalid") as refused:
        lab.add_permission("bill", "topic", principal=principal)
    assert ("did you mean 'sns.amazonaws.com'" in str(refused.value)) == (principal == "sns")
    assert lab.get_policy("bill")["Statement"] == []


@pytest.mark.parametrize("principal", ["*", "123456789012", "arn:aws:iam::123456789012:role/r"])
def test_who_may_be_a_principal(lab: Lab, principal: str) -> None:
    lab.create_function("bill", duration=1)
    lab.add_permission("bill", "them", principal=principal)


@pytest.mark.parametrize(
    "names", [("InputPathsMap", "InputTemplate"), ("input_paths_map", "input_template")]
)
def test_a_transformer_in_either_words(lab: Lab, names: tuple[str, str]) -> None:
    heard: list[Any] = []
    lab.function(lambda event, context: heard.append(event), name="hear")
    bus = lab.eventbridge["default"]
    given = dict(zip(names, ({"o": "$.detail.order"}, '{"order": <o>}'), strict=True))
    rule = bus.put_rule("paid", event_pattern={"source": ["shop"]})
    rule.put_target("hear", input_transformer=given)
    bus.put_event(source="shop", detail_type="paid", detail={"order": "A1"})
    lab.run()
    assert heard == [{"order": "A1"}]


def test_the_attributes_of_a_message_that_lies_in_a_queue(lab: Lab) -> None:
    queue = lab.sqs.create_queue("failed")
    queue.send("x", attributes={"tries": 3})
    assert queue.messages[0].message_attributes == {"tries": ("Number", "3")}
    assert queue.receive()[0].message_attributes == {"tries": ("Number", "3")}


def test_a_story_of_the_thing_itself(lab: Lab) -> None:
    queue = lab.sqs.create_queue("failed")
    sent = queue.send("x")
    lab.create_function("bill", lambda event, context: {"statusCode": 200})
    api = lab.api_gateway.create_rest_api("shop")
    api.route("GET", "/bill", "bill")
    replies = lab.invoke("bill"), api.get("/bill")
    for thing in (queue.messages[0], sent, queue.receive()[0], "m1"):
        assert lab.trace.story(thing).title.startswith("m1: a message in failed")
    for reply, name in zip(replies, ("r1", "r2"), strict=True):
        assert lab.trace.story(reply).title.startswith(f"{name}: bill")
    with pytest.raises(UnknownName, match="is no id"):
        lab.trace.story(api.get("/nowhere"))  # led to no request


def test_a_function_names_where_its_results_go(lab: Lab) -> None:
    lab.sqs.create_queue("broken")
    lab.create_function("mail", duration=1)
    bill = lab.create_function("bill", duration=1, on_success="mail", on_failure="broken")
    assert repr(bill).endswith(", on_success 'mail' (lambda), on_failure 'broken' (sqs)>")


def test_a_long_run_is_told_in_digits() -> None:
    lab = ll.Lab()
    lab.create_function("night", duration=1)
    lab.scheduler.create_schedule("night", "rate(1 day)", "night")
    assert str(lab.run(until=30 * 86_400)).startswith("ran 2,592,000 s, to 2025-02-06")
    assert "(2,592,000 s)" in repr(lab)


def test_nothing_yet_in_good_english(lab: Lab) -> None:
    assert repr(lab.codecommit) == "<codecommit: no repositories>"
    assert repr(lab.elb) == "<elb: no load balancers>"
