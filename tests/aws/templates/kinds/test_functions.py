"""AWS::Lambda: everything of a function that a template says."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("samtranslator")

import lambdalab as ll
from lambdalab.errors import TemplateError
from tests.aws.templates.making import (
    FUNCTION,
    function,
    get,
    left_out,
    made,
    names,
    permission,
    ref,
    resource,
    serverless,
    value,
)

QUEUE = resource("AWS::SQS::Queue")
VERSION = resource("AWS::Lambda::Version", FunctionName=ref("Fn"))


def test_its_settings() -> None:
    lab = made(
        {
            "Fn": function(
                Timeout="20", MemorySize=512, Architectures=["arm64"], ReservedConcurrentExecutions="5",
                Environment={"Variables": {"A": 1, "B": ref("Queue"), "C": True}},
                DeadLetterConfig={"TargetArn": get("Queue")}, RecursiveLoop="Terminate",
                LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN"},
                SnapStart={"ApplyOn": "None"},
            ),
            "Queue": QUEUE,
        }
    )  # fmt: skip
    found = lab.get_function("Fn").settings
    assert (found.timeout, found.memory_size, found.architecture) == (20, 512, "arm64")
    assert (found.reserved_concurrency, found.dead_letter_queue) == (5, "Queue")
    assert dict(found.environment) == {"A": "1", "B": lab.sqs["Queue"].url, "C": "true"}
    assert (found.log_format, found.application_log_level) == ("JSON", "WARN")
    assert left_out(lab) == {}
    shown = lab.client("lambda").get_function(FunctionName="Fn")["Configuration"]
    assert (shown["Runtime"], shown["Timeout"]) == ("python3.13", 20)


def test_what_of_it_is_left_out() -> None:
    given: dict[str, Any] = {
        "Layers": ["arn:x"], "SnapStart": {"ApplyOn": "PublishedVersions"},
        "FileSystemConfigs": [{"Arn": "x", "LocalMountPath": "/mnt/x"}], "ImageConfig": {"Command": ["x"]},
    }  # fmt: skip
    assert set(left_out(made({"Fn": function(**given)}))) == {f"Fn.{name}" for name in given}
    layer = resource(
        "AWS::Lambda::LayerVersion", LayerName="shared", Content={"S3Bucket": "b", "S3Key": "k"}
    )
    lab = made({"Layer": layer, "Fn": function(Layers=[ref("Layer")])})
    assert set(left_out(lab)) == {"Layer.Content", "Fn.Layers"}
    arn = value(ref("Layer"), resources={"Layer": layer})
    assert arn == "arn:aws:lambda:us-east-1:123456789012:layer:shared:1"


def test_versions_and_aliases() -> None:
    resources = {
        "Fn": FUNCTION, "V": VERSION,
        "Live": resource(
            "AWS::Lambda::Alias", FunctionName=ref("Fn"), FunctionVersion=get("V", "Version"), Name="live",
            ProvisionedConcurrencyConfig={"ProvisionedConcurrentExecutions": 2},
        ),
    }  # fmt: skip
    lab = made(resources)
    assert names(lab) == {"Fn": "Fn", "V": "Fn:1", "Live": "Fn:live"}
    lab.run()
    assert lab.invoke("Fn:live").executed_version == "1"
    assert lab.trace.environments["kind"].tolist()[:2] == ["provisioned", "provisioned"]
    arn = "arn:aws:lambda:us-east-1:123456789012:function:Fn"
    assert value(ref("V"), resources=resources) == f"{arn}:1"
    assert value(ref("Live"), resources=resources) == f"{arn}:live"
    assert value(get("V", "Version"), resources=resources) == "1"


def test_the_weights_of_an_alias() -> None:
    weights = {"AdditionalVersionWeights": [{"FunctionVersion": "1", "FunctionWeight": 0.25}]}
    alias = resource(
        "AWS::Lambda::Alias", FunctionName=ref("Fn"), FunctionVersion="$LATEST", Name="live"
    )
    lab = made({"Fn": FUNCTION, "V": VERSION, "Live": alias | {"DependsOn": "V"}})
    assert dict(lab.get_function("Fn").aliases["live"].routing) == {}
    two = resource(
        "AWS::Lambda::Alias", FunctionName=ref("Fn"), FunctionVersion=get("V", "Version"), Name="live",
        RoutingConfig=weights,
    )  # fmt: skip
    with pytest.raises(TemplateError, match=r"^Live \(AWS::Lambda::Alias\): "):
        made({"Fn": FUNCTION, "V": VERSION, "Live": two})


def test_how_events_are_retried_and_where_records_go() -> None:
    config = resource(
        "AWS::Lambda::EventInvokeConfig",
        FunctionName=ref("Fn"),
        Qualifier="$LATEST",
        MaximumRetryAttempts="1",
        MaximumEventAgeInSeconds=120,
        DestinationConfig={
            "OnSuccess": {"Destination": get("Good")},
            "OnFailure": {"Destination": get("Bad")},
        },
    )
    lab = made({"Fn": FUNCTION, "Good": QUEUE, "Bad": QUEUE, "Config": config})
    lab.invoke("Fn", {"n": 1}, invocation_type="Event")
    lab.run()
    assert (lab.sqs["Good"].store.visible, lab.sqs["Bad"].store.visible) == (1, 0)
    found = lab.get_function("Fn").settings
    assert (found.maximum_retry_attempts, found.maximum_event_age) == (1, 120)


def test_a_mapping_of_each_source() -> None:
    table = resource(
        "AWS::DynamoDB::Table", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamViewType": "NEW_IMAGE"},
    )  # fmt: skip
    stream = resource("AWS::Kinesis::Stream", ShardCount=1)

    def polls(source: Any, **more: Any) -> dict[str, Any]:
        kind = "AWS::Lambda::EventSourceMapping"
        return resource(kind, FunctionName=ref("Fn"), EventSourceArn=source, **more)

    lab = made(
        {
            "Fn": FUNCTION,
            "Queue": QUEUE,
            "Table": table,
            "Stream": stream,
            "Bad": QUEUE,
            "A": polls(
                get("Queue"),
                BatchSize=3,
                FilterCriteria={"Filters": [{"Pattern": '{"body":{"a":[1]}}'}]},
            ),
            "B": polls(get("Table", "StreamArn"), StartingPosition="TRIM_HORIZON"),
            "C": polls(
                get("Stream"),
                StartingPosition="TRIM_HORIZON",
                MaximumRetryAttempts=0,
                DestinationConfig={"OnFailure": {"Destination": get("Bad")}},
            ),
        }
    )
    assert names(lab)["A"] == "Queue->Fn"
    lab.sqs["Queue"].send({"a": 1})
    lab.sqs["Queue"].send({"a": 2})
    lab.dynamodb["Table"].put_item({"id": "x"})
    lab.kinesis["Stream"].put_record("x", "k")
    lab.run()
    assert sorted(lab.trace.batches["source"]) == ["Queue", "Stream", "Table"]
    kafka = polls("arn:aws:kafka:us-east-1:123456789012:cluster/a/b", Topics=["top"])
    own = polls(None, SelfManagedEventSource={})
    del own["Properties"]["EventSourceArn"]
    found = left_out(made({"Fn": FUNCTION, "K": kafka, "O": own}))
    assert found["K"].startswith("a lab polls SQS, Kinesis and DynamoDB streams, not arn:aws:kafka")
    assert found["O"].endswith("not a cluster of one's own")


def test_permissions_that_mean_nothing_here() -> None:
    alexa = permission("Fn", "x") | {}
    alexa["Properties"] = alexa["Properties"] | {"Principal": "alexa-appkit.amazon.com"}
    org = permission("Fn", "sns", PrincipalOrgID="o-123456", EventSourceToken="x")
    lab = made({"Fn": FUNCTION, "Alexa": alexa, "Org": org})
    assert left_out(lab) == {
        "Alexa": "a lab has no Alexa",
        "Org.PrincipalOrgID": "a lab has one account, and no Alexa",
        "Org.EventSourceToken": "a lab has one account, and no Alexa",
    }


def test_a_url() -> None:
    lab = made(
        {
            "Fn": serverless(
                FunctionUrlConfig={
                    "AuthType": "NONE", "Cors": {"AllowOrigins": ["https://a.example"]},
                    "InvokeMode": "RESPONSE_STREAM",
                }
            )
        },
        sam=True, Outputs={"Url": {"Value": get("FnUrl", "FunctionUrl")}},
    )  # fmt: skip
    url = lab.get_function_url("Fn")
    assert lab.template is not None
    assert lab.template.outputs["Url"] == url.url
    assert url.get("/", headers={"Origin": "https://a.example"}).status_code == 200
    assert left_out(lab) == {"FnUrl.InvokeMode": "answers come as a whole, not as RESPONSE_STREAM"}


def test_the_url_of_an_alias() -> None:
    url = serverless(FunctionUrlConfig={"AuthType": "NONE"}, AutoPublishAlias="live")
    lab = made({"Fn": url}, sam=True)
    assert lab.get_function_url("Fn", qualifier="live").get("/").status_code == 200
    assert isinstance(lab, ll.Lab)
