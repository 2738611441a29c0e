"""AWS::KinesisFirehose."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("samtranslator")

from tests.aws.templates.making import function, get, left_out, made, resource

SHOUT = (
    "def handler(event, context):\n"
    "    return {'records': [{**each, 'result': 'Ok'} for each in event['records']]}\n"
)


def stream(processing: Any = None, **more: Any) -> dict[str, Any]:
    parameters = [
        {"ParameterName": "LambdaArn", "ParameterValue": get("Fn")},
        {"ParameterName": "BufferSizeInMBs", "ParameterValue": "2"},
        {"ParameterName": "NumberOfRetries", "ParameterValue": "1"},
    ]
    lambda_ = {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": parameters}]}
    told = {
        "BucketARN": get("Lake"), "RoleARN": "x", "Prefix": "in/",
        "ProcessingConfiguration": processing or lambda_,
    }  # fmt: skip
    kind = "AWS::KinesisFirehose::DeliveryStream"
    return resource(kind, **{"ExtendedS3DestinationConfiguration": told} | more)


def test_through_a_function_into_a_bucket() -> None:
    resources = {"Fn": function(Code={"ZipFile": SHOUT}), "Lake": resource("AWS::S3::Bucket")}
    lab = made(resources | {"Hose": stream()})
    lab.firehose["Hose"].put_record("hello")
    lab.run()
    assert len(lab.s3["lake"]) == 1
    assert "2 MB or 60 s" in repr(lab.firehose["Hose"])
    assert left_out(lab) == {"Hose.ExtendedS3DestinationConfiguration.Prefix": "not simulated"}


def test_what_a_lab_has_not() -> None:
    off = {"Enabled": False, "Processors": []}
    for wrong in (
        stream(off),
        stream(DeliveryStreamType="KinesisStreamAsSource"),
        resource("AWS::KinesisFirehose::DeliveryStream", HttpEndpointDestinationConfiguration={}),
    ):
        lab = made({"Fn": function(), "Lake": resource("AWS::S3::Bucket"), "Hose": wrong})
        assert set(left_out(lab)) == {"Hose"}
