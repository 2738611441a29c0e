"""AWS::Events."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("samtranslator")

from lambdalab.errors import TemplateError
from tests.aws.templates.making import (
    FUNCTION,
    get,
    left_out,
    made,
    permission,
    ref,
    resource,
    value,
)


def test_rules_and_their_targets() -> None:
    transformer = {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"n": <n>}'}
    lab = made(
        {
            "Fn": FUNCTION,
            "Queue": resource("AWS::SQS::Queue"),
            "May": permission("Fn", "events"),
            "Shop": resource("AWS::Events::EventBus", Name="shop"),
            "Big": resource(
                "AWS::Events::Rule",
                EventBusName=ref("Shop"),
                State="ENABLED",
                EventPattern={
                    "source": ["shop"],
                    "detail": {"n": [{"numeric": [">", 5]}], "new": [True]},
                },
                Targets=[
                    {
                        "Id": "a",
                        "Arn": get("Fn"),
                        "InputTransformer": transformer,
                        "RetryPolicy": {"MaximumRetryAttempts": "3"},
                        "DeadLetterConfig": {"Arn": get("Queue")},
                    },
                    {"Id": "b", "Arn": get("Queue")},
                ],
            ),
        }
    )
    for n, new in ((6, True), (6, False), (5, True)):
        entry = {"Source": "shop", "DetailType": "x", "Detail": {"n": n, "new": new}}
        lab.eventbridge["shop"].put_events([entry])
    lab.run()
    assert lab.sqs["Queue"].store.visible == 1
    assert lab.trace.logs["message"].str.contains("{'n': 6}", regex=False).sum() == 1
    settings = lab.eventbridge["shop"].rules["Big"].targets["a"].settings
    assert settings.maximum_retry_attempts == 3
    assert left_out(lab) == {}


def test_on_a_schedule() -> None:
    rule = resource(
        "AWS::Events::Rule", ScheduleExpression="rate(1 minute)",
        Targets=[{"Id": "a", "Arn": get("Fn"), "Input": '{"a": 1}'}],
    )  # fmt: skip
    lab = made({"Fn": FUNCTION, "May": permission("Fn", "events"), "Tick": rule})
    lab.run(until=150)
    assert len(lab.trace.invocations) == 2


def test_targets_that_a_lab_has_not() -> None:
    targets: list[dict[str, Any]] = [
        {"Id": "a", "Arn": ref("Machine"), "RoleArn": "arn:aws:iam::123456789012:role/x"},
        {"Id": "b", "Arn": get("Queue"), "SqsParameters": {"MessageGroupId": "x"}},
    ]
    rule = resource("AWS::Events::Rule", EventPattern='{"source": ["x"]}', Targets=targets)
    lab = made(
        {
            "Rule": rule,
            "Queue": resource("AWS::SQS::Queue"),
            "Machine": resource("AWS::StepFunctions::StateMachine"),
        }
    )
    found = left_out(lab)
    assert found["Rule.Targets[0]"].startswith(
        "a lab's rules tell functions, queues, topics and buses"
    )
    assert found["Rule.Targets[1].SqsParameters"] == "not simulated"
    gone = resource(
        "AWS::Events::Rule", EventPattern={"source": ["x"]},
        Targets=[{"Id": "a", "Arn": "arn:aws:lambda:us-east-1:123456789012:function:gone"}],
    )  # fmt: skip
    with pytest.raises(TemplateError, match=r"^Rule \(AWS::Events::Rule\): "):
        made({"Rule": gone})


def test_what_refers_to_it() -> None:
    resources = {
        "Bus": resource("AWS::Events::EventBus", Name="shop"),
        "Own": resource(
            "AWS::Events::Rule", EventBusName=ref("Bus"), EventPattern={"source": ["x"]}
        ),
        "Rule": resource("AWS::Events::Rule", EventPattern={"source": ["x"]}),
    }
    assert value(ref("Rule"), resources=resources) == "Rule"
    assert value(ref("Own"), resources=resources) == "shop|Own"
    arn = "arn:aws:events:us-east-1:123456789012"
    assert value(get("Own"), resources=resources) == f"{arn}:rule/shop/Own"
    assert value(get("Bus"), resources=resources) == f"{arn}:event-bus/shop"
    partner = {"Bus": resource("AWS::Events::EventBus", Name="a/b", EventSourceName="a/b")}
    assert left_out(made(partner)) == {"Bus": "partner event sources are not simulated"}
