"""AWS::Scheduler."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("samtranslator")

from tests.aws.templates.making import FUNCTION, get, left_out, made, ref, resource


def schedule(**more: Any) -> dict[str, Any]:
    target = {"Arn": get("Fn"), "RoleArn": "arn:aws:iam::123456789012:role/x"}
    given = {
        "ScheduleExpression": "rate(1 minute)", "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": target | more.pop("Target", {}),
    }  # fmt: skip
    return resource("AWS::Scheduler::Schedule", **given | more)


def test_a_schedule() -> None:
    retries = {"RetryPolicy": {"MaximumRetryAttempts": "2", "MaximumEventAgeInSeconds": 600}}
    more = {"Input": '{"n": 1}', "DeadLetterConfig": {"Arn": get("Queue")}}
    lab = made(
        {
            "Fn": FUNCTION,
            "Queue": resource("AWS::SQS::Queue"),
            "Tick": schedule(
                Target=retries | more, ScheduleExpressionTimezone="Europe/Berlin", Name="tick"
            ),
            "Off": schedule(State="DISABLED"),
        }
    )
    lab.run(until=150)
    assert lab.trace.logs["message"].str.contains("{'n': 1}", regex=False).sum() == 3
    assert lab.scheduler["tick"].settings.maximum_retry_attempts == 2
    assert left_out(lab) == {}


def test_what_of_it_is_left_out() -> None:
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}
    lab = made(
        {
            "Fn": FUNCTION, "Group": resource("AWS::Scheduler::ScheduleGroup", Name="night"),
            "Tick": schedule(FlexibleTimeWindow=window, GroupName=ref("Group")),
            "Api": schedule(Target={"Arn": "arn:aws:scheduler:::aws-sdk:lambda:invoke"}),
        }
    )  # fmt: skip
    assert set(left_out(lab)) == {"Group", "Tick.FlexibleTimeWindow", "Tick.GroupName", "Api"}
    assert list(lab.scheduler) == ["Tick"]
