"""Every event that SAM knows of a function: what a lab makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("samtranslator")

import lambdalab as ll
from tests.aws.templates.making import get, left_out, made, ref, resource, serverless

QUEUE = resource("AWS::SQS::Queue")
TABLE = resource(
    "AWS::DynamoDB::Table", BillingMode="PAY_PER_REQUEST",
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    StreamSpecification={"StreamViewType": "NEW_IMAGE"},
)  # fmt: skip
STREAM = resource("AWS::Kinesis::Stream", ShardCount=1)
TOPIC = resource("AWS::SNS::Topic")
ENTRY = {"Source": "shop", "DetailType": "x", "Detail": {}}


def put_events(lab: ll.Lab) -> None:
    lab.eventbridge["default"].put_events([ENTRY])


def tick(lab: ll.Lab) -> None:
    lab.run(until=90)


EVENTS: dict[str, tuple[dict[str, Any], dict[str, Any], Callable[[ll.Lab], object]]] = {
    "SQS": ({"Queue": get("Q"), "BatchSize": 1}, {"Q": QUEUE}, lambda lab: lab.sqs["Q"].send("x")),
    "Kinesis": (
        {
            "Stream": get("S"),
            "StartingPosition": "TRIM_HORIZON",
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        },
        {"S": STREAM},
        lambda lab: lab.kinesis["S"].put_record("x", "k"),
    ),
    "DynamoDB": (
        {"Stream": get("T", "StreamArn"), "StartingPosition": "TRIM_HORIZON"},
        {"T": TABLE},
        lambda lab: lab.dynamodb["T"].put_item({"id": "a"}),
    ),
    "SNS": (
        {"Topic": ref("N"), "FilterPolicy": {"a": ["b"]}},
        {"N": TOPIC},
        lambda lab: lab.sns["N"].publish("x", attributes={"a": "b"}),
    ),
    "S3": (
        {"Bucket": ref("Box"), "Events": "s3:ObjectCreated:*"},
        {"Box": resource("AWS::S3::Bucket")},
        lambda lab: lab.s3["box"].put_object("a", b""),
    ),
    "Schedule": ({"Schedule": "rate(1 minute)", "Name": "each"}, {}, tick),
    "ScheduleV2": ({"ScheduleExpression": "rate(2 minutes)"}, {}, tick),
    "EventBridgeRule": ({"Pattern": {"source": ["shop"]}}, {}, put_events),
    "CloudWatchEvent": ({"Pattern": {"source": ["shop"]}, "State": "ENABLED"}, {}, put_events),
    "Api": (
        {"Path": "/x", "Method": "get"},
        {},
        lambda lab: lab.api_gateway["ServerlessRestApi"].get("/x"),
    ),
    "HttpApi": (
        {"Path": "/x", "Method": "get"},
        {},
        lambda lab: lab.api_gateway["ServerlessHttpApi"].get("/x"),
    ),
    "CloudWatchLogs": (
        {"LogGroupName": "/aws/lambda/other", "FilterPattern": "START"},
        {"Other": serverless(FunctionName="other")},
        lambda lab: lab.invoke("other"),
    ),
    "Cognito": (
        {"UserPool": ref("P"), "Trigger": "PostAuthentication"},
        {"P": resource("AWS::Cognito::UserPool")},
        lambda lab: (
            lab.cognito["P"].sign_up("a"),
            lab.cognito["P"].confirm("a"),
            lab.cognito["P"].sign_in("a"),
        ),
    ),
}


@pytest.mark.parametrize("alias", [False, True])
@pytest.mark.parametrize("kind", EVENTS)
def test_it_calls_the_function(kind: str, alias: bool) -> None:
    properties, more, happen = EVENTS[kind]
    live = {"AutoPublishAlias": "live"} if alias else {}
    fn = serverless(Events={"E": {"Type": kind, "Properties": properties}}, **live)
    lab = made({"Fn": fn, **more}, sam=True)
    assert lab.template is not None
    assert (left_out(lab), lab.template.warnings) == ({}, ())
    happen(lab)
    lab.run()
    calls = lab.trace.invocations.query("function == 'Fn'")
    assert len(calls) >= 1
    assert set(calls["status"]) == {"succeeded"}
    assert set(calls["qualifier"]) == {"live" if alias else "$LATEST"}


def test_a_topic_by_way_of_a_queue() -> None:
    event = {"Type": "SNS", "Properties": {"Topic": ref("N"), "SqsSubscription": True}}
    lab = made({"Fn": serverless(Events={"E": event}), "N": TOPIC}, sam=True)
    lab.sns["N"].publish("x")
    lab.run()
    assert lab.trace.batches["source"].tolist() == ["FnEQueue"]
    assert left_out(lab) == {}


def test_destinations_and_dead_letters() -> None:
    config = {
        "MaximumRetryAttempts": 0,
        "DestinationConfig": {
            "OnFailure": {"Type": "SQS", "Destination": get("Bad")},
            "OnSuccess": {"Type": "Lambda", "Destination": get("Next")},
        },
    }
    fail = "def handler(event, context):\n    raise KeyError('x')\n"
    fn = serverless(
        InlineCode=fail,
        EventInvokeConfig=config,
        DeadLetterQueue={"Type": "SQS", "TargetArn": get("Dead")},
    )
    lab = made({"Fn": fn, "Next": serverless(), "Bad": QUEUE, "Dead": QUEUE}, sam=True)
    lab.invoke("Fn", {}, invocation_type="Event")
    lab.run()
    assert (lab.sqs["Bad"].store.visible, lab.sqs["Dead"].store.visible) == (1, 1)


@pytest.mark.parametrize(
    ("kind", "properties", "missing"),
    [
        ("AlexaSkill", {}, {"FnEPermission": "a lab has no Alexa"}),
        ("IoTRule", {"Sql": "SELECT * FROM 'x'"}, {"FnE": "not simulated"}),
        ("MSK", {"Stream": "arn:aws:kafka:us-east-1:123456789012:cluster/a/b", "Topics": ["top"],
                 "StartingPosition": "LATEST"}, {"FnE": None}),
        ("MQ", {"Broker": "arn:aws:mq:us-east-1:123456789012:broker:a:b", "Queues": ["q"],
                "SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": "arn:x"}]}, {"FnE": None}),
    ],
)  # fmt: skip
def test_events_that_a_lab_has_not(
    kind: str, properties: dict[str, Any], missing: dict[str, str | None]
) -> None:
    fn = serverless(Events={"E": {"Type": kind, "Properties": properties}})
    found = left_out(made({"Fn": fn}, sam=True))
    assert set(found) == set(missing)
    for name, why in missing.items():
        assert found[name] == why or found[name].startswith("a lab polls SQS, Kinesis")
