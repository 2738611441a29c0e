"""EventBridge Scheduler through botocore."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any

import pytest

pytest.importorskip("boto3")

import lambdalab as ll
from tests.aws.checked import checked, not_called

START = dt.datetime(2025, 1, 7, tzinfo=dt.UTC)
ROLE = "arn:aws:iam::123456789012:role/r"
BILL = {"Arn": "arn:aws:lambda:us-east-1:123456789012:function:bill", "RoleArn": ROLE}
OFF = {"Mode": "OFF"}


@pytest.fixture
def scheduler(shop: ll.Lab) -> Any:
    return checked(shop.client("scheduler"))


def refused(scheduler: Any, code: str, words: str, act: Any, **given: Any) -> None:
    with pytest.raises(scheduler.exceptions.from_code(code), match=words) as caught:
        act(**given)
    assert caught.value.response["Error"]["Code"] == code


def create(scheduler: Any, name: str = "tick", **more: Any) -> Any:
    given = {"ScheduleExpression": "rate(1 minute)", "Target": BILL, "FlexibleTimeWindow": OFF}
    return scheduler.create_schedule(Name=name, **given | more)


def test_a_schedule_fires(scheduler: Any, shop: ll.Lab) -> None:
    seen: list[Any] = []
    shop.function(lambda event, context: seen.append(event), name="tell")
    target = {**BILL, "Arn": BILL["Arn"].replace("bill", "tell"), "Input": '{"n": 1}'}
    arn = create(scheduler, Target=target)["ScheduleArn"]
    assert arn == "arn:aws:scheduler:us-east-1:123456789012:schedule/default/tick"
    shop.run(until=150)
    assert seen == [{"n": 1}] * 3
    scheduler.delete_schedule(Name="tick")
    shop.run(until=600)
    assert len(seen) == 3


def test_what_is_told_of_a_schedule(scheduler: Any, shop: ll.Lab) -> None:
    letters = shop.sqs.create_queue("letters")
    shop.run(until=60)
    target = BILL | {
        "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600},
        "DeadLetterConfig": {"Arn": letters.arn},
    }
    create(
        scheduler, Target=target, ScheduleExpression="cron(0 9 ? * MON *)", State="DISABLED",
        ScheduleExpressionTimezone="Europe/Berlin", Description="weekly", EndDate="2026-01-01",
        StartDate=START + dt.timedelta(hours=1), ActionAfterCompletion="DELETE", GroupName="default",
    )  # fmt: skip
    told = scheduler.get_schedule(Name="tick")
    del told["ResponseMetadata"]
    at = START + dt.timedelta(minutes=1)
    assert told == {
        "Arn": "arn:aws:scheduler:us-east-1:123456789012:schedule/default/tick", "Name": "tick",
        "GroupName": "default", "ScheduleExpression": "cron(0 9 ? * MON *)", "State": "DISABLED",
        "ScheduleExpressionTimezone": "Europe/Berlin", "Description": "weekly", "Target": target,
        "StartDate": START + dt.timedelta(hours=1), "FlexibleTimeWindow": OFF,
        "EndDate": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "ActionAfterCompletion": "DELETE",
        "CreationDate": at, "LastModificationDate": at,
    }  # fmt: skip
    shop.run(until=120)
    scheduler.update_schedule(
        Name="tick", ScheduleExpression="rate(1 hour)", Target=BILL, FlexibleTimeWindow=OFF
    )
    told = scheduler.get_schedule(Name="tick")
    assert (told["State"], told["ScheduleExpression"]) == ("ENABLED", "rate(1 hour)")
    assert "Description" not in told
    assert "Input" not in told["Target"]
    assert told["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 185
    assert (told["CreationDate"], told["LastModificationDate"]) == (
        at, START + dt.timedelta(minutes=2),
    )  # fmt: skip


def test_a_schedule_made_by_hand_and_one_to_a_bus(scheduler: Any, shop: ll.Lab) -> None:
    shop.scheduler.create_schedule("hand", "rate(5 minutes)", "bill")
    told = scheduler.get_schedule(Name="hand")
    assert told["CreationDate"] == START
    assert told["Target"]["Input"] == "{}"
    words = {"Source": "shop", "DetailType": "night"}
    bus = {"Arn": "arn:aws:events:us-east-1:123456789012:event-bus/default", "RoleArn": ROLE}
    create(scheduler, Target=bus | {"EventBridgeParameters": words, "Input": "{}"})
    assert scheduler.get_schedule(Name="tick")["Target"]["EventBridgeParameters"] == words


def test_the_list_of_schedules(scheduler: Any) -> None:
    for name, state in (("b", "ENABLED"), ("a1", "DISABLED"), ("a2", "ENABLED")):
        create(scheduler, name, State=state)
    pages = scheduler.get_paginator("list_schedules").paginate(PaginationConfig={"PageSize": 2})
    found = [each for page in pages for each in page["Schedules"]]
    assert [each["Name"] for each in found] == ["a1", "a2", "b"]
    assert found[0]["Target"] == {"Arn": BILL["Arn"]}

    def names(**given: Any) -> list[str]:
        return [each["Name"] for each in scheduler.list_schedules(**given)["Schedules"]]

    assert names(NamePrefix="a") == ["a1", "a2"]
    assert names(State="DISABLED", GroupName="default") == ["a1"]
    assert [each["Name"] for each in scheduler.list_schedule_groups()["ScheduleGroups"]] == [
        "default"
    ]
    assert scheduler.list_schedule_groups(NamePrefix="x")["ScheduleGroups"] == []


def test_what_is_refused(scheduler: Any) -> None:
    create(scheduler)
    refused(scheduler, "ConflictException", "tick already exists", lambda: create(scheduler))
    invalid, missing = "ValidationException", "ResourceNotFoundException"
    for words, given in (
        ("ScheduleExpression", {"ScheduleExpression": "rate(x)"}),
        ("flexible", {"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}}),
        ("group", {"GroupName": "other"}),
        ("bills", {"Target": {**BILL, "Arn": BILL["Arn"] + "s"}}),
        ("KinesisParameters", {"Target": {**BILL, "KinesisParameters": {"PartitionKey": "k"}}}),
        ("zone", {"ScheduleExpressionTimezone": "Mars/Base"}),
    ):
        refused(scheduler, invalid, words, partial(create, scheduler, "x"), **given)
    refused(scheduler, missing, "Schedule x does not exist", scheduler.get_schedule, Name="x")
    refused(scheduler, missing, "Schedule x does not exist", scheduler.delete_schedule, Name="x")
    refused(scheduler, missing, "group", scheduler.get_schedule, Name="tick", GroupName="other")
    refused(scheduler, missing, "group", scheduler.list_schedules, GroupName="other")
    refused(scheduler, invalid, "NextToken", scheduler.list_schedules, NextToken="x")


def test_every_operation_is_called_here() -> None:
    assert not not_called("scheduler")
