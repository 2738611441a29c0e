"""EventBridge through botocore: buses, rules, targets, events."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

pytest.importorskip("boto3")

import lambdalab as ll
from tests.aws.checked import checked, not_called

ARN = "arn:aws:events:us-east-1:123456789012:"
PAID = json.dumps({"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}]}})


@pytest.fixture
def events(shop: ll.Lab) -> Any:
    return checked(shop.client("events"))


def refused(events: Any, code: str, words: str, act: Any, **given: Any) -> None:
    with pytest.raises(events.exceptions.from_code(code), match=words) as caught:
        act(**given)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def bill_arn() -> str:
    return "arn:aws:lambda:us-east-1:123456789012:function:bill"


def entry(**more: Any) -> dict[str, Any]:
    return {"Source": "shop", "DetailType": "paid", "Detail": '{"total": 120}'} | more


# ------------------------------------------------------------------ buses


def test_buses(events: Any) -> None:
    made = events.create_event_bus(
        Name="shop", Description="orders", Tags=[{"Key": "a", "Value": "b"}]
    )
    assert made["EventBusArn"] == f"{ARN}event-bus/shop"
    assert events.describe_event_bus(Name="shop")["Description"] == "orders"
    assert events.describe_event_bus()["Name"] == "default"
    names = [each["Name"] for each in events.list_event_buses()["EventBuses"]]
    assert names == ["default", "shop"]
    assert len(events.list_event_buses(NamePrefix="s")["EventBuses"]) == 1
    exists = "ResourceAlreadyExistsException"
    refused(events, exists, "shop already exists", events.create_event_bus, Name="shop")
    events.put_rule(Name="r", EventPattern=PAID, EventBusName="shop")
    refused(events, "ValidationException", "has rules", events.delete_event_bus, Name="shop")
    events.delete_rule(Name="r", EventBusName="shop")
    for _ in range(2):
        events.delete_event_bus(Name="shop")
    missing = "ResourceNotFoundException"
    refused(events, missing, "bus shop does not exist", events.describe_event_bus, Name="shop")
    refused(events, missing, "bus shop does not exist", events.list_rules, EventBusName="shop")
    refused(events, "ValidationException", "name", events.create_event_bus, Name="a/b")
    refused(
        events, "ValidationException", "partner", events.create_event_bus, Name="a",
        EventSourceName="aws.partner/x",
    )  # fmt: skip


# ------------------------------------------------------------------ rules and targets


def test_rules(events: Any, shop: ll.Lab) -> None:
    arn = events.put_rule(
        Name="paid", EventPattern=PAID, Description="large", RoleArn="arn:aws:iam::1:role/r"
    )["RuleArn"]
    assert arn == f"{ARN}rule/paid"
    told = events.describe_rule(Name="paid")
    assert json.loads(told["EventPattern"]) == json.loads(PAID)
    assert (told["State"], told["Description"]) == ("ENABLED", "large")
    assert (told["RoleArn"], told["EventBusName"]) == ("arn:aws:iam::1:role/r", "default")
    assert "ScheduleExpression" not in told
    events.put_rule(Name="nightly", ScheduleExpression="cron(0 3 * * ? *)", State="DISABLED")
    pages = events.get_paginator("list_rules").paginate(PaginationConfig={"PageSize": 1})
    assert [[each["Name"] for each in page["Rules"]] for page in pages] == [["nightly"], ["paid"]]
    assert len(events.list_rules(NamePrefix="p")["Rules"]) == 1
    events.disable_rule(Name="paid")
    assert shop.eventbridge["default"].rules["paid"].state == "DISABLED"
    events.enable_rule(Name="paid")
    assert events.describe_rule(Name="paid")["State"] == "ENABLED"
    for _ in range(2):
        events.delete_rule(Name="paid")
    missing = "ResourceNotFoundException"
    refused(
        events, missing, "Rule paid does not exist on EventBus", events.describe_rule, Name="paid"
    )
    refused(events, missing, "Rule paid", events.enable_rule, Name="paid")


def test_rules_that_cannot_be(events: Any) -> None:
    putting, invalid = events.put_rule, "ValidationException"
    refused(events, invalid, "must be specified", putting, Name="r")
    refused(events, invalid, "ScheduleExpression", putting, Name="r", ScheduleExpression="rate(0)")
    refused(
        events, "InvalidEventPatternException", "not valid", putting, Name="r", EventPattern="{"
    )
    refused(events, invalid, "state", putting, Name="r", EventPattern=PAID, State="X")
    refused(events, invalid, "NextToken", events.list_rules, NextToken="x")


def test_targets(events: Any, shop: ll.Lab) -> None:
    events.put_rule(Name="paid", EventPattern=PAID)
    letters = shop.sqs.create_queue("letters")
    transformer = {"InputPathsMap": {"n": "$.detail.total"}, "InputTemplate": '{"n": <n>}'}
    answer = events.put_targets(
        Rule="paid",
        Targets=[
            {"Id": "plain", "Arn": bill_arn(), "RoleArn": "arn:aws:iam::123456789012:role/r"},
            {
                "Id": "other", "Arn": bill_arn(), "InputTransformer": transformer,
                "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 300},
                "DeadLetterConfig": {"Arn": letters.arn},
            },
        ],
    )  # fmt: skip
    assert (answer["FailedEntryCount"], answer["FailedEntries"]) == (0, [])
    plain, other = events.list_targets_by_rule(Rule="paid")["Targets"]
    assert plain == {
        "Id": "plain", "Arn": bill_arn(), "RoleArn": "arn:aws:iam::123456789012:role/r",
    }  # fmt: skip
    assert other["InputTransformer"] == transformer
    assert other["RetryPolicy"]["MaximumRetryAttempts"] == 2
    assert other["DeadLetterConfig"] == {"Arn": letters.arn}
    assert events.list_rule_names_by_target(TargetArn=bill_arn())["RuleNames"] == ["paid"]
    assert events.list_rule_names_by_target(TargetArn=letters.arn)["RuleNames"] == []
    pages = events.get_paginator("list_targets_by_rule").paginate(
        Rule="paid", PaginationConfig={"PageSize": 1}
    )
    assert [len(page["Targets"]) for page in pages] == [1, 1]
    refused(events, "ValidationException", "has targets", events.delete_rule, Name="paid")
    gone = events.remove_targets(Rule="paid", Ids=["plain", "other", "none"])
    assert gone["FailedEntryCount"] == 1
    assert gone["FailedEntries"][0]["TargetId"] == "none"
    assert events.list_targets_by_rule(Rule="paid")["Targets"] == []


def test_targets_that_cannot_be(events: Any) -> None:
    events.put_rule(Name="paid", EventPattern=PAID)
    putting, invalid = events.put_targets, "ValidationException"
    none = {"Id": "none", "Arn": bill_arn() + "s"}
    answer = putting(Rule="paid", Targets=[none, {"Id": "bill", "Arn": bill_arn()}])
    assert answer["FailedEntryCount"] == 1
    assert answer["FailedEntries"][0]["TargetId"] == "none"
    assert len(events.list_targets_by_rule(Rule="paid")["Targets"]) == 1
    two = {"Id": "two", "Arn": bill_arn(), "Input": "1", "InputPath": "$.detail"}
    refused(events, invalid, "Only one of", putting, Rule="paid", Targets=[two])
    other = {"Id": "x", "Arn": bill_arn(), "KinesisParameters": {"PartitionKeyPath": "$.id"}}
    refused(events, invalid, "KinesisParameters", putting, Rule="paid", Targets=[other])
    refused(events, "ResourceNotFoundException", "Rule no", putting, Rule="no", Targets=[none])


# ------------------------------------------------------------------ events


def test_events_reach_targets(events: Any, shop: ll.Lab) -> None:
    seen: list[Any] = []

    @shop.function
    def tell(event: Any, context: Any) -> None:
        seen.append(event)

    events.create_event_bus(Name="shop")
    events.put_rule(Name="paid", EventPattern=PAID, EventBusName="shop")
    arn = bill_arn().replace("bill", "tell")
    events.put_targets(Rule="paid", EventBusName="shop", Targets=[{"Id": "1", "Arn": arn}])
    at = dt.datetime(2025, 1, 6, 12, tzinfo=dt.UTC)
    answer = events.put_events(
        Entries=[
            entry(EventBusName="shop", Time=at, Resources=["r"]),
            entry(EventBusName=f"{ARN}event-bus/shop", Detail='{"total": 5}'),
            entry(),
            entry(EventBusName="shop", Detail="no"),
            entry(EventBusName="nothing"),
            {"EventBusName": "nothing", "Detail": "{}"},
        ]
    )
    assert answer["FailedEntryCount"] == 2
    told = answer["Entries"]
    assert told[3] == {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    assert told[5]["ErrorCode"] == "InvalidArgument"
    assert len({each["EventId"] for each in told if "EventId" in each}) == 4
    shop.run()
    [event] = seen
    assert (event["id"], event["time"]) == (told[0]["EventId"], "2025-01-06T12:00:00Z")
    assert (event["detail"], event["resources"]) == ({"total": 120}, ["r"])


def test_events_that_are_refused_put_nothing(events: Any, shop: ll.Lab) -> None:
    many = [entry() for _ in range(11)]
    invalid = "ValidationException"
    refused(events, invalid, "less than or equal to 10", events.put_events, Entries=many)
    large = [entry(Detail=json.dumps({"a": "x" * 200_000})) for _ in range(2)]
    refused(events, invalid, "over the limit", events.put_events, Entries=large)
    assert shop.trace.queue_events.empty


def test_patterns_are_tried(events: Any) -> None:
    event = {
        "id": "1", "account": "123456789012", "source": "shop", "time": "2025-01-07T00:00:00Z",
        "region": "us-east-1", "resources": [], "detail-type": "paid", "detail": {"total": 120},
    }  # fmt: skip
    trying = events.test_event_pattern
    assert trying(EventPattern=PAID, Event=json.dumps(event))["Result"] is True
    event["source"] = "other"
    assert trying(EventPattern=PAID, Event=json.dumps(event))["Result"] is False
    refused(
        events, "InvalidEventPatternException", "not valid", trying, EventPattern="[]", Event="{}"
    )


def test_every_operation_is_called_here() -> None:
    assert not not_called("events")
