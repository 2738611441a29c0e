"""AWS::Logs."""

from __future__ import annotations

import pytest

pytest.importorskip("samtranslator")

from tests.aws.templates.making import (
    FUNCTION,
    function,
    get,
    left_out,
    made,
    permission,
    ref,
    resource,
    value,
)


def test_a_group_and_who_hears_of_its_lines() -> None:
    lab = made(
        {
            "Lines": resource(
                "AWS::Logs::LogGroup", LogGroupName="/aws/lambda/talker", RetentionInDays="7"
            ),
            "Filter": resource(
                "AWS::Logs::SubscriptionFilter",
                LogGroupName=ref("Lines"),
                FilterPattern="secret",
                DestinationArn=get("Fn"),
            ),
            "May": permission("Fn", "logs"),
            "Fn": FUNCTION,
            "Talker": function(FunctionName="talker"),
        }
    )
    groups = lab.client("logs").describe_log_groups()["logGroups"]
    assert [(each["logGroupName"], each["retentionInDays"]) for each in groups] == [
        ("/aws/lambda/talker", 7)
    ]
    lab.invoke("talker", {"a": "secret"})
    lab.run()
    assert lab.trace.invocations["function"].tolist() == ["talker", "Fn"]
    assert left_out(lab) == {}


def test_groups_that_a_lab_writes_nothing_to() -> None:
    group = resource("AWS::Logs::LogGroup", RetentionInDays=7)
    lines = {
        "Fn": FUNCTION, "Group": group,
        "Filter": resource(
            "AWS::Logs::SubscriptionFilter", LogGroupName=ref("Group"), FilterPattern="",
            DestinationArn=get("Fn"),
        ),
    }  # fmt: skip
    lab = made(lines)
    assert left_out(lab) == {"Filter": "a lab writes no lines to Group: it is no function's group"}
    assert lab.template is not None
    assert list(lab.template.names) == ["Fn", "Group"]
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:Group:*"
    assert value(get("Group"), resources={"Group": group}) == arn
