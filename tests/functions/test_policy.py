"""Resource policies: who may invoke what, for whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import (
    InvalidParameterValueException,
    InvalidSetting,
    ResourceConflictException,
    ResourceNotFoundException,
)
from lambdalab.functions.policy import INVOKE, INVOKE_URL, Policy, Statement

SNS = "sns.amazonaws.com"
TOPIC = "arn:aws:sns:us-east-1:123456789012:orders"


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        (Statement("s", SNS), True),
        (Statement("s", SNS, source_arn=TOPIC), True),
        (Statement("s", SNS, source_arn="arn:aws:sns:*:*:ord?rs"), True),
        (Statement("s", SNS, source_arn="arn:aws:sns:*:*:order"), False),
        (Statement("s", SNS, source_arn="arn:aws:sns:us.east-1:123456789012:orders"), False),
        (Statement("s", "*"), True),
        (Statement("s", "s3.amazonaws.com"), False),
        (Statement("s", SNS, INVOKE_URL), False),
        (Statement("s", SNS, "lambda:*"), True),
    ],
)
def test_what_a_statement_allows(statement: Statement, allowed: bool) -> None:
    policy = Policy()
    policy.add("", statement)
    assert policy.allows("", SNS, INVOKE, TOPIC) == allowed
    assert not policy.allows("live", SNS, INVOKE, TOPIC)


@given(st.text(st.characters(codec="ascii", exclude_characters="*?"), min_size=1))
def test_an_arn_without_wildcards_matches_itself_alone(arn: str) -> None:
    statement = Statement("s", SNS, source_arn=arn)
    assert statement.allows(SNS, INVOKE, arn)
    assert not statement.allows(SNS, INVOKE, arn + "x")


def test_the_verbs(lab: ll.Lab) -> None:
    bill = lab.create_function("bill", duration=1)
    assert lab.get_policy(bill)["Statement"] == []
    shown = lab.add_permission(bill, "topic", principal=SNS, source_arn=TOPIC)
    assert lab.get_policy("bill")["Statement"] == [shown]
    assert shown["Principal"] == {"Service": SNS}
    assert shown["Condition"] == {"ArnLike": {"AWS:SourceArn": TOPIC}}
    with pytest.raises(ResourceConflictException, match="already exists"):
        lab.add_permission(bill, "topic", principal=SNS)
    with pytest.raises(ResourceNotFoundException, match="'topic'"):
        lab.remove_permission(bill, "topics")
    lab.remove_permission(bill, "topic")
    lab.add_permission(bill, "a", principal="*")
    lab.remove_permission(bill)
    assert lab.get_policy(bill)["Statement"] == []


def test_each_qualifier_has_its_own(lab: ll.Lab) -> None:
    bill = lab.create_function("bill", duration=1)
    lab.publish_version(bill)
    lab.add_permission(bill, "v1", principal=SNS, qualifier="1")
    assert lab.get_policy(bill)["Statement"] == []
    (shown,) = lab.get_policy("bill:1")["Statement"]
    assert shown["Resource"].endswith(":bill:1")


@pytest.mark.parametrize(
    "bad",
    [{"statement_id": "a b"}, {"statement_id": ""}, {"principal": ""}, {"statement_id": "x" * 101}],
)
def test_bad_input(lab: ll.Lab, bad: dict[str, str]) -> None:
    lab.create_function("bill", duration=1)
    given = {"statement_id": "s", "principal": SNS} | bad
    with pytest.raises(InvalidSetting):
        lab.add_permission("bill", given["statement_id"], principal=given["principal"])
    with pytest.raises(InvalidParameterValueException):
        lab.add_permission("bill", "s", principal=SNS, action="lambda:GetFunction")
    with pytest.raises(ResourceNotFoundException):
        lab.get_policy("nobody")


def test_input_that_changes_nothing(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    for source in (5, "", "orders", "arn:\ud800", ["arn:aws:sns:::orders"]):
        with pytest.raises(InvalidSetting, match="source_arn"):
            lab.add_permission("bill", "topic", principal=SNS, source_arn=source)  # type: ignore[arg-type]
    with pytest.raises(InvalidSetting, match="statement_id"):
        lab.remove_permission("bill", ["topic"])  # type: ignore[arg-type]
    assert lab.get_policy("bill")["Statement"] == []


def test_an_alias_takes_its_permissions_along(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    lab.publish_version("bill")
    lab.create_alias("bill", "live", "1")
    lab.add_permission("bill", "topic", principal=SNS, qualifier="live")
    lab.delete_alias("bill", "live")
    lab.create_alias("bill", "live", "1")
    assert lab.get_policy("bill", qualifier="live")["Statement"] == []


def test_a_source_account(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    topic = lab.sns.create_topic("orders")
    topic.subscribe("bill")
    for account, status in (("210987654321", 403), ("123456789012", 202)):
        lab.remove_permission("bill")
        shown = lab.add_permission(
            "bill", "topic", principal=SNS, source_arn=TOPIC, source_account=account
        )
        assert shown["Condition"]["StringEquals"] == {"AWS:SourceAccount": account}
        topic.publish("an order")
        assert lab.trace.requests["status_code"].iloc[-1] == status
    with pytest.raises(InvalidSetting, match="source_account"):
        lab.add_permission("bill", "other", principal=SNS, source_account=123456789012)  # type: ignore[arg-type]


def test_latest_has_the_functions_policy(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=1)
    with pytest.raises(InvalidParameterValueException, match="LATEST"):
        lab.add_permission("bill", "s", principal=SNS, qualifier="$LATEST")
    topic = lab.sns.create_topic("orders")
    topic.subscribe("bill:$LATEST")
    (shown,) = lab.get_policy("bill")["Statement"]
    assert shown["Principal"] == {"Service": SNS}
    topic.publish("paid")
    lab.run()
    assert lab.trace.invocations["status"].tolist() == ["succeeded"]
    lab.remove_permission("bill")
    topic.publish("paid")
    lab.run()
    assert lab.trace.invocations["status_code"].tolist() == [202, 403]
