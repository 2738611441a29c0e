"""The event of each service that calls functions, member by member, as AWS's pages show it.

Those of the services that speak HTTP stand in test_http_events.py.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser import models

import lambdalab as ll
from tests.fidelity.shapes import (
    ACCOUNT,
    BASE64,
    IP,
    MILLIS,
    REGION,
    SECONDS,
    TEXT,
    UUID,
    AtLeast,
    arn,
    check,
)


@pytest.fixture
def seen(lab: ll.Lab) -> list[Any]:
    """What the function ``f`` is given; it answers as a proxy would."""
    events: list[Any] = []

    def keep(event: Any, context: Any) -> dict[str, Any]:
        events.append(event)
        return {"statusCode": 200, "body": "{}"}

    lab.create_function("f", keep)
    return events


# ---------------------------------------------------------------------- storage and messages


def s3_record(name: str, of: dict[str, Any]) -> dict[str, Any]:
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": MILLIS,
        "eventName": name,
        "userIdentity": {"principalId": re.compile(r"AWS:\w+")},
        "requestParameters": {"sourceIPAddress": IP},
        "responseElements": {"x-amz-request-id": TEXT, "x-amz-id-2": TEXT},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "c1",
            "bucket": {
                "name": "photos",
                "ownerIdentity": {"principalId": TEXT},
                "arn": "arn:aws:s3:::photos",
            },
            "object": of,
        },
    }


def test_s3(lab: ll.Lab, seen: list[Any]) -> None:
    bucket = lab.s3.create_bucket("photos")
    bucket.notify("f", ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"], name="c1")
    bucket.put_object("a/b c+ü.txt", b"hi!")
    lab.run()
    bucket.delete_object("a/b c+ü.txt")
    lab.run()
    key = "a/b+c%2B%C3%BC.txt"  # URL encoded, with + for a space
    order = re.compile(r"[0-9A-F]+")
    made = {"key": key, "size": 3, "eTag": re.compile("[0-9a-f]{32}"), "sequencer": order}
    check(seen[0], {"Records": [s3_record("ObjectCreated:Put", made)]})
    gone = {"key": key, "sequencer": order}
    check(seen[1], {"Records": [s3_record("ObjectRemoved:Delete", gone)]})
    numbers = [event["Records"][0]["s3"]["object"]["sequencer"] for event in seen]
    assert numbers == sorted(numbers)
    for event in seen:
        models.S3Model.model_validate(event)


def test_sns(lab: ll.Lab, seen: list[Any]) -> None:
    topic = lab.sns.create_topic("t")
    topic.subscribe("f")
    topic.publish("hi", attributes={"k": "v", "n": 7, "b": b"\x01"})
    topic.publish("there", subject="Hello")
    lab.run()

    def record(message: str, subject: str | None, attributes: dict[str, Any]) -> dict[str, Any]:
        notification = {
            "Type": "Notification", "MessageId": UUID, "TopicArn": arn("sns", "t"),
            "Subject": subject, "Message": message, "Timestamp": MILLIS, "SignatureVersion": "1",
            "Signature": BASE64, "SigningCertUrl": re.compile(r"https://sns\..+\.pem"),
            "UnsubscribeUrl": re.compile(r"https://sns\..+Action=Unsubscribe.+"),
            "MessageAttributes": attributes,
        }  # fmt: skip
        return {
            "EventVersion": "1.0",
            "EventSource": "aws:sns",
            "EventSubscriptionArn": re.compile(re.escape(arn("sns", "t:")) + UUID.pattern),
            "Sns": notification,
        }

    attributes = {
        "k": {"Type": "String", "Value": "v"}, "n": {"Type": "Number", "Value": "7"},
        "b": {"Type": "Binary", "Value": "AQ=="},
    }  # fmt: skip
    check(seen[0], {"Records": [record("hi", None, attributes)]})
    check(seen[1], {"Records": [record("there", "Hello", {})]})
    for event in seen:
        models.SnsModel.model_validate(event)


# ---------------------------------------------------------------------- EventBridge


def bridge(**members: Any) -> dict[str, Any]:
    return {
        "version": "0", "id": UUID, "account": ACCOUNT, "time": SECONDS, "region": REGION, **members,
    }  # fmt: skip


def test_eventbridge(lab: ll.Lab, seen: list[Any]) -> None:
    bus = lab.eventbridge["default"]
    bus.put_rule("r", event_pattern={"source": ["my.app"]}).put_target("f")
    bus.put_event(source="my.app", detail_type="MyType", detail={"k": 1})
    lab.run()
    told = {"detail-type": "MyType", "source": "my.app", "resources": [], "detail": {"k": 1}}
    check(seen, [bridge(**told)])
    models.EventBridgeModel.model_validate(seen[0])


def test_a_scheduled_rule(lab: ll.Lab, seen: list[Any]) -> None:
    rule = lab.eventbridge["default"].put_rule("r", schedule_expression="rate(1 minute)")
    rule.put_target("f")
    lab.run(until="61s")
    told = {
        "detail-type": "Scheduled Event", "source": "aws.events", "detail": {},
        "resources": [arn("events", "rule/r")],
    }  # fmt: skip
    check(seen, [bridge(**told)])
    models.EventBridgeModel.model_validate(seen[0])


def test_scheduler(lab: ll.Lab, seen: list[Any]) -> None:
    """The input that was configured, whatever JSON it is; an empty event without one."""
    for number, given in enumerate(({"a": [1]}, "[7]", None)):
        when = f"at(2025-01-07T00:0{number}:30)"
        more = {} if given is None else {"input": given}
        lab.scheduler.create_schedule(f"s{number}", when, "f", **more)
    lab.run(until="5min")
    assert seen == [{"a": [1]}, [7], {}]


# ---------------------------------------------------------------------- logs, code, stacks, rules


def test_cloudwatch_logs(lab: ll.Lab, seen: list[Any]) -> None:
    lab.create_function("g", duration=0.1)
    lab.logs.put_subscription_filter("/aws/lambda/g", "f", name="flt", filter_pattern="REPORT")
    lab.invoke("g")
    lab.run()
    check(seen, [{"awslogs": {"data": BASE64}}])
    told = json.loads(gzip.decompress(base64.b64decode(seen[0]["awslogs"]["data"])))
    line = {"id": re.compile(r"\d+"), "timestamp": int, "message": re.compile("REPORT .+", re.S)}
    stream = re.compile(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}")
    wanted = {
        "messageType": "DATA_MESSAGE", "owner": ACCOUNT, "logGroup": "/aws/lambda/g",
        "logStream": stream, "subscriptionFilters": ["flt"], "logEvents": [line],
    }  # fmt: skip
    check(told, wanted, "data")
    models.CloudWatchLogsModel.model_validate(seen[0])


def test_codecommit(lab: ll.Lab, seen: list[Any]) -> None:
    repository = lab.codecommit.create_repository("repo")
    repository.push("main")
    repository.put_trigger("t", "f")
    commit = repository.push("main")
    lab.run()
    record = {
        "awsRegion": REGION,
        "codecommit": {"references": [{"commit": commit, "ref": "refs/heads/main"}]},
        "eventId": UUID, "eventName": "ReferenceChanges", "eventPartNumber": 1,
        "eventSource": "aws:codecommit", "eventSourceARN": arn("codecommit", "repo"),
        "eventTime": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000"),
        "eventTotalParts": 1, "eventTriggerConfigId": UUID, "eventTriggerName": "t",
        "eventVersion": "1.0", "userIdentityARN": re.compile(rf"arn:aws:iam::{ACCOUNT}:user/\w+"),
    }  # fmt: skip
    check(seen, [{"Records": [record]}])


def test_cloudformation(lab: ll.Lab) -> None:
    seen: list[Any] = []

    @lab.function
    def make(event: Any, context: Any) -> None:
        seen.append(event)
        lab.cloudformation.respond(event, physical_resource_id="x-1")

    def template(value: str) -> dict[str, Any]:
        return {"X": {"Type": "Custom::X", "ServiceToken": make, "Properties": {"A": value}}}

    lab.cloudformation.create_stack("s", template("1"))
    lab.run()
    lab.cloudformation.update_stack("s", template("2"))
    lab.run()
    lab.cloudformation.delete_stack("s")
    lab.run()
    token = arn("lambda", "function:make")

    def event(kind: str, value: str, **members: Any) -> dict[str, Any]:
        return {
            "RequestType": kind, "ServiceToken": token, "ResponseURL": re.compile("https://.+"),
            "StackId": re.compile(re.escape(arn("cloudformation", "stack/s/")) + UUID.pattern),
            "RequestId": UUID, "LogicalResourceId": "X", "ResourceType": "Custom::X",
            "ResourceProperties": {"ServiceToken": token, "A": value}, **members,
        }  # fmt: skip

    old = {"ServiceToken": token, "A": "1"}
    wanted = [
        event("Create", "1"),
        event("Update", "2", PhysicalResourceId="x-1", OldResourceProperties=old),
        event("Delete", "2", PhysicalResourceId="x-1"),
    ]
    check(seen, wanted)
    assert len({each["RequestId"] for each in seen}) == 3
    for each, kind in zip(seen, ("Create", "Update", "Delete"), strict=True):
        getattr(models, f"CloudFormationCustomResource{kind}Model").model_validate(each)


def test_config(lab: ll.Lab, seen: list[Any]) -> None:
    lab.config.put_config_rule("n", "f", resource_types=["AWS::EC2::Instance"])
    lab.config.record("AWS::EC2::Instance", "i-0", {"type": "t3"})
    lab.run()
    rule = re.compile("config-rule-[0-9a-z]+")
    event = {
        "invokingEvent": TEXT, "ruleParameters": "{}", "resultToken": TEXT, "eventLeftScope": False,
        "executionRoleArn": re.compile(rf"arn:aws:iam::{ACCOUNT}:role/.+"),
        "configRuleArn": re.compile(re.escape(arn("config", "config-rule/")) + rule.pattern),
        "configRuleName": "n", "configRuleId": rule, "accountId": ACCOUNT, "version": "1.0",
    }  # fmt: skip
    check(seen, [event])
    item = AtLeast(
        resourceType="AWS::EC2::Instance", resourceId="i-0", configurationItemStatus="OK"
    )
    kind = "ConfigurationItemChangeNotification"
    told = json.loads(seen[0]["invokingEvent"])
    check(told, AtLeast(configurationItem=item, messageType=kind), "invokingEvent")


# ---------------------------------------------------------------------- Cognito, Firehose, CloudFront


def test_cognito(lab: ll.Lab) -> None:
    seen: list[Any] = []

    @lab.function
    def same(event: Any, context: Any) -> Any:
        seen.append(event)
        return event

    pool = lab.cognito.create_user_pool("people", pre_sign_up=same)
    pool.sign_up("u", {"email": "a@b.c"})
    event = {
        "version": "1", "region": REGION, "userPoolId": re.compile(r"us-east-1_\w+"),
        "userName": "u", "triggerSource": "PreSignUp_SignUp",
        "callerContext": {"awsSdkVersion": TEXT, "clientId": TEXT},
        "request": {"userAttributes": {"email": "a@b.c"}},
        "response": {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False},
    }  # fmt: skip
    check(seen, [event])
    models.CognitoPreSignupTriggerModel.model_validate(seen[0])


def test_firehose(lab: ll.Lab) -> None:
    """Records that were put directly have no metadata of a Kinesis stream."""
    seen: list[Any] = []

    @lab.function
    def same(event: Any, context: Any) -> Any:
        seen.append(event)
        return {"records": [{**record, "result": "Ok"} for record in event["records"]]}

    stream = lab.firehose.create_delivery_stream("d", same)
    for text in ("hi", "there"):
        stream.put_record(text)
    lab.run()
    records = [
        {"recordId": re.compile(r"\d+"), "approximateArrivalTimestamp": int, "data": data}
        for data in ("aGk=", "dGhlcmU=")
    ]
    event = {
        "invocationId": UUID, "deliveryStreamArn": arn("firehose", "deliverystream/d"),
        "region": REGION, "records": records,
    }  # fmt: skip
    check(seen, [event])
    models.KinesisFirehoseModel.model_validate(seen[0])


def test_cloudfront(lab: ll.Lab) -> None:
    seen: list[Any] = []

    @lab.function
    def through(event: Any, context: Any) -> Any:
        seen.append(event)
        cf = event["Records"][0]["cf"]
        return cf.get("response") or cf["request"]

    site = lab.cloudfront.create_distribution("site", {"/": "hello"})
    kinds = ("viewer-request", "origin-request", "origin-response", "viewer-response")
    version = lab.publish_version(through)
    for kind in kinds:
        site.associate(kind, version)
    site.get("/", headers={"X-A": "1"})
    header = [{"key": "X-A", "value": "1"}]
    request = {
        "clientIp": IP, "method": "GET", "uri": "/", "querystring": "",
        "headers": AtLeast({"host": [{"key": "Host", "value": TEXT}], "x-a": header}),
    }  # fmt: skip
    response = {"status": "200", "statusDescription": "OK", "headers": dict}
    for event, kind in zip(seen, kinds, strict=True):
        config = {
            "distributionId": re.compile("[0-9A-Z]+"), "eventType": kind, "requestId": TEXT,
            "distributionDomainName": re.compile(r"[0-9a-z]+\.cloudfront\.net"),
        }  # fmt: skip
        more = {"response": response} if kind.endswith("response") else {}
        check(event, {"Records": [{"cf": {"config": config, "request": request, **more}}]})
