"""AWS::S3."""

from __future__ import annotations

import pytest

pytest.importorskip("samtranslator")

from lambdalab.errors import TemplateError
from tests.aws.templates.making import FUNCTION, get, left_out, made, permission, resource, value


def test_a_bucket_tells_functions_queues_and_topics() -> None:
    rules = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".jpg"}]
    lab = made(
        {
            "Fn": FUNCTION,
            "May": permission("Fn", "s3"),
            "Queue": resource("AWS::SQS::Queue"),
            "Topic": resource("AWS::SNS::Topic"),
            "Photos": resource(
                "AWS::S3::Bucket",
                BucketName="my-photos",
                BucketEncryption={},
                AccessControl="Private",
                NotificationConfiguration={
                    "LambdaConfigurations": [
                        {
                            "Event": "s3:ObjectCreated:*",
                            "Function": get("Fn"),
                            "Filter": {"S3Key": {"Rules": rules}},
                        }
                    ],
                    "QueueConfigurations": [{"Event": "s3:ObjectRemoved:*", "Queue": get("Queue")}],
                    "TopicConfigurations": [
                        {
                            "Event": "s3:ObjectCreated:Put",
                            "Topic": get("Topic", "TopicArn"),
                            "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": "x"}]}},
                        }
                    ],
                },
            ),
        }
    )
    bucket = lab.s3["my-photos"]
    assert [each.destination.name for each in bucket.notifications] == ["Fn", "Queue", "Topic"]
    bucket.put_object("in/a.jpg", b"")
    bucket.put_object("in/a.png", b"")
    lab.run()
    assert len(lab.trace.invocations) == 1
    assert left_out(lab) == {}


def test_what_of_it_is_left_out() -> None:
    given = {
        "VersioningConfiguration": {"Status": "Enabled"},
        "LifecycleConfiguration": {"Rules": []},
    }
    bridge = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    lab = made({"Photos": resource("AWS::S3::Bucket", NotificationConfiguration=bridge, **given)})
    assert set(left_out(lab)) == {
        "Photos.VersioningConfiguration", "Photos.LifecycleConfiguration",
        "Photos.NotificationConfiguration.EventBridgeConfiguration",
    }  # fmt: skip
    bridge["EventBridgeConfiguration"]["EventBridgeEnabled"] = False
    assert (
        left_out(made({"Photos": resource("AWS::S3::Bucket", NotificationConfiguration=bridge)}))
        == {}
    )


def test_what_refers_to_it() -> None:
    resources = {"Photos": resource("AWS::S3::Bucket")}
    assert value(get("Photos"), resources=resources) == "arn:aws:s3:::photos"
    assert value(get("Photos", "DomainName"), resources=resources) == "photos.s3.amazonaws.com"


def test_notifications_that_aws_refuses() -> None:
    one = {"Event": "s3:Nothing", "Queue": get("Queue")}
    bucket = resource("AWS::S3::Bucket", NotificationConfiguration={"QueueConfigurations": [one]})
    with pytest.raises(TemplateError, match=r"^Photos \(AWS::S3::Bucket\)"):
        made({"Photos": bucket, "Queue": resource("AWS::SQS::Queue")})
