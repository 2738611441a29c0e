"""Lambda's operations on what a function has: versions, concurrency, mappings, URLs, permissions."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("boto3")

from botocore.exceptions import ClientError

import lambdalab as ll
from tests.aws.checked import checked, not_called

ARN = "arn:aws:lambda:us-east-1:123456789012:function:bill"
START = dt.datetime(2025, 1, 7, tzinfo=dt.UTC)


@pytest.fixture
def lab() -> Iterator[ll.Lab]:
    with ll.Lab(seed=7) as made:
        made.create_function("bill", duration=0.1)
        yield made


@pytest.fixture
def client(lab: ll.Lab) -> Any:
    return checked(lab.client("lambda"))


def refused(code: str, call: Any, **given: Any) -> str:
    """The message of the error that a call ends in."""
    with pytest.raises(ClientError) as caught:
        call(**given)
    assert caught.value.response["Error"]["Code"] == code
    return str(caught.value.response["Error"]["Message"])


# ---------------------------------------------------------------------- versions and aliases


def test_versions_are_published_and_keep_what_they_had(lab: ll.Lab, client: Any) -> None:
    client.update_function_configuration(
        FunctionName="bill", Role="arn:aws:iam::123456789012:role/first"
    )
    lab.advance(10)
    one = client.publish_version(FunctionName="bill", Description="the first")
    assert (one["Version"], one["FunctionArn"], one["Description"]) == (
        "1",
        f"{ARN}:1",
        "the first",
    )
    assert one["LastModified"] == "2025-01-07T00:00:10.000+0000"
    assert client.publish_version(FunctionName="bill")["Version"] == "1"  # nothing has changed
    client.update_function_configuration(
        FunctionName="bill", Timeout=9, Role="arn:aws:iam::123456789012:role/second"
    )
    sha = client.get_function_configuration(FunctionName="bill")["CodeSha256"]
    two = client.publish_version(FunctionName="bill", CodeSha256=sha)
    assert two["Version"] == "2"
    every = client.list_versions_by_function(FunctionName="bill")["Versions"]
    assert [version["Role"].rpartition("/")[2] for version in every] == [
        "second",
        "first",
        "second",
    ]
    assert every[0]["FunctionArn"] == f"{ARN}:$LATEST"
    told = refused(
        "InvalidParameterValueException",
        client.publish_version,
        FunctionName="bill",
        CodeSha256="x",
    )
    assert told.startswith(
        f"CodeSHA256 (x) is different from current CodeSHA256 in $LATEST ({sha})."
    )
    refused(
        "PreconditionFailedException", client.publish_version, FunctionName="bill", RevisionId="x"
    )


def test_aliases(lab: ll.Lab, client: Any) -> None:
    for timeout in (4, 5):
        client.update_function_configuration(FunctionName="bill", Timeout=timeout)
        client.publish_version(FunctionName="bill")
    made = client.create_alias(
        FunctionName="bill", Name="live", FunctionVersion="1", Description="ours",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.25}},
    )  # fmt: skip
    assert made["AliasArn"] == f"{ARN}:live"
    assert made["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.25}}
    moved = client.update_alias(
        FunctionName="bill", Name="live", FunctionVersion="2", RevisionId=made["RevisionId"],
        RoutingConfig={},
    )  # fmt: skip
    assert (moved["FunctionVersion"], moved["Description"]) == ("2", "ours")
    assert "RoutingConfig" not in moved
    assert moved["RevisionId"] != made["RevisionId"]
    known = client.get_alias(FunctionName="bill", Name="live")
    assert known["RevisionId"] == moved["RevisionId"]
    shown = client.get_function(FunctionName="bill", Qualifier="live")["Configuration"]
    assert (shown["FunctionArn"], shown["Version"], shown["Timeout"]) == (f"{ARN}:live", "2", 5)
    assert client.invoke(FunctionName="bill:live")["ExecutedVersion"] == "2"
    client.create_alias(FunctionName="bill", Name="beta", FunctionVersion="1")
    pages = client.get_paginator("list_aliases").paginate(
        FunctionName="bill", PaginationConfig={"PageSize": 1}
    )
    assert [alias["Name"] for page in pages for alias in page["Aliases"]] == ["beta", "live"]
    found = client.list_aliases(FunctionName="bill", FunctionVersion="1")["Aliases"]
    assert [alias["Name"] for alias in found] == ["beta"]
    told = refused("ResourceNotFoundException", client.get_alias, FunctionName="bill", Name="no")
    assert told == f"Cannot find alias arn: {ARN}:no"
    told = refused(
        "ResourceConflictException", client.create_alias,
        FunctionName="bill", Name="live", FunctionVersion="1",
    )  # fmt: skip
    assert told.startswith(f"Alias already exists: {ARN}:live")
    refused(
        "PreconditionFailedException", client.update_alias,
        FunctionName="bill", Name="live", RevisionId=made["RevisionId"],
    )  # fmt: skip
    refused(
        "ResourceNotFoundException", client.create_alias,
        FunctionName="bill", Name="none", FunctionVersion="9",
    )  # fmt: skip
    assert client.delete_alias(FunctionName="bill", Name="live")["ResponseMetadata"][
        "HTTPStatusCode"
    ] == 204  # fmt: skip
    client.delete_alias(FunctionName="bill", Name="live")


# ---------------------------------------------------------------------- concurrency, events


def test_reserved_concurrency(client: Any) -> None:
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(
        FunctionName="bill"
    )
    put = client.put_function_concurrency(FunctionName="bill", ReservedConcurrentExecutions=5)
    assert put["ReservedConcurrentExecutions"] == 5
    got = client.get_function_concurrency(FunctionName=ARN)
    assert got["ReservedConcurrentExecutions"] == 5
    told = client.get_function(FunctionName="bill")["Concurrency"]
    assert told == {"ReservedConcurrentExecutions": 5}
    told = refused(
        "InvalidParameterValueException", client.put_function_concurrency,
        FunctionName="bill", ReservedConcurrentExecutions=950,
    )  # fmt: skip
    assert told.endswith("below its minimum value of [100].")
    client.delete_function_concurrency(FunctionName="bill")
    assert "Concurrency" not in client.get_function(FunctionName="bill")


def test_provisioned_concurrency_is_ready_after_a_while(lab: ll.Lab, client: Any) -> None:
    client.publish_version(FunctionName="bill")
    lab.advance(5)
    put = client.put_provisioned_concurrency_config(
        FunctionName="bill", Qualifier="1", ProvisionedConcurrentExecutions=3
    )
    assert (put["Status"], put["RequestedProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 3)
    assert put["LastModified"] == "2025-01-07T00:00:05+0000"
    lab.run()
    got = client.get_provisioned_concurrency_config(FunctionName="bill", Qualifier="1")
    assert (got["Status"], got["AvailableProvisionedConcurrentExecutions"]) == ("READY", 3)
    (only,) = client.list_provisioned_concurrency_configs(FunctionName="bill")[
        "ProvisionedConcurrencyConfigs"
    ]
    assert only["FunctionArn"] == f"{ARN}:1"
    client.delete_provisioned_concurrency_config(FunctionName="bill", Qualifier="1")
    with pytest.raises(client.exceptions.ProvisionedConcurrencyConfigNotFoundException):
        client.get_provisioned_concurrency_config(FunctionName="bill", Qualifier="1")
    told = refused(
        "InvalidParameterValueException", client.put_provisioned_concurrency_config,
        FunctionName="bill", Qualifier="$LATEST", ProvisionedConcurrentExecutions=1,
    )  # fmt: skip
    assert "cannot be applied to unpublished function versions" in told


def test_event_invoke_configs(lab: ll.Lab, client: Any) -> None:
    told = refused(
        "ResourceNotFoundException", client.get_function_event_invoke_config, FunctionName="bill"
    )
    assert told == f"The function {ARN}:$LATEST doesn't have an EventInvokeConfig"
    failed = lab.sqs.create_queue("failed")
    lab.advance(3)
    put = client.put_function_event_invoke_config(
        FunctionName="bill", MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": failed.arn}},
    )  # fmt: skip
    assert put["LastModified"] == START + dt.timedelta(seconds=3)
    assert (put["MaximumRetryAttempts"], put["MaximumEventAgeInSeconds"]) == (1, 21_600)
    assert put["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {"Destination": failed.arn}}
    changed = client.update_function_event_invoke_config(
        FunctionName="bill", MaximumEventAgeInSeconds=60
    )
    assert (changed["MaximumRetryAttempts"], changed["MaximumEventAgeInSeconds"]) == (1, 60)
    assert lab.get_function("bill").settings.maximum_event_age == 60
    client.publish_version(FunctionName="bill")
    client.put_function_event_invoke_config(
        FunctionName="bill", Qualifier="1", MaximumRetryAttempts=2
    )
    found = client.list_function_event_invoke_configs(FunctionName="bill")
    arns = [config["FunctionArn"] for config in found["FunctionEventInvokeConfigs"]]
    assert arns == [f"{ARN}:$LATEST", f"{ARN}:1"]
    client.delete_function_event_invoke_config(FunctionName="bill")
    refused(
        "ResourceNotFoundException", client.update_function_event_invoke_config,
        FunctionName="bill", MaximumRetryAttempts=1,
    )  # fmt: skip
    refused(
        "InvalidParameterValueException", client.put_function_event_invoke_config,
        FunctionName="bill", DestinationConfig={"OnFailure": {"Destination": f"{failed.arn}x"}},
    )  # fmt: skip


# ---------------------------------------------------------------------- mappings


def test_a_mapping_of_a_queue(lab: ll.Lab, client: Any) -> None:
    queue = lab.sqs.create_queue("orders")
    made = client.create_event_source_mapping(
        EventSourceArn=queue.arn, FunctionName="bill", BatchSize=5,
        MaximumBatchingWindowInSeconds=2, FunctionResponseTypes=["ReportBatchItemFailures"],
        FilterCriteria={"Filters": [{"Pattern": '{"body": {"n": [1]}}'}]},
        ScalingConfig={"MaximumConcurrency": 3}, Tags={"team": "pay"},
    )  # fmt: skip
    uuid = made["UUID"]
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert made["EventSourceMappingArn"].endswith(f":event-source-mapping:{uuid}")
    assert (made["State"], made["StateTransitionReason"]) == ("Enabled", "USER_INITIATED")
    assert made["ScalingConfig"] == {"MaximumConcurrency": 3}
    assert made["FilterCriteria"] == {"Filters": [{"Pattern": '{"body": {"n": [1]}}'}]}
    assert (made["FunctionArn"], made["EventSourceArn"]) == (ARN, queue.arn)
    assert client.list_tags(Resource=made["EventSourceMappingArn"])["Tags"] == {"team": "pay"}
    client.publish_version(FunctionName="bill")
    lab.advance(9)
    changed = client.update_event_source_mapping(
        UUID=uuid, Enabled=False, BatchSize=7, FunctionName="bill:1", FilterCriteria={},
        ScalingConfig={},
    )  # fmt: skip
    assert (changed["State"], changed["BatchSize"], changed["FunctionArn"]) == (
        "Disabled", 7, f"{ARN}:1"
    )  # fmt: skip
    assert changed["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert "FilterCriteria" not in changed
    assert "ScalingConfig" not in changed
    assert changed["LastModified"] == START + dt.timedelta(seconds=9)
    assert client.get_event_source_mapping(UUID=uuid)["BatchSize"] == 7
    told = refused(
        "ResourceConflictException", client.create_event_source_mapping,
        EventSourceArn=queue.arn, FunctionName="bill:1",
    )  # fmt: skip
    assert f"mapping with UUID {uuid}" in told
    deleted = client.delete_event_source_mapping(UUID=uuid)
    assert (deleted["State"], deleted["ResponseMetadata"]["HTTPStatusCode"]) == ("Deleting", 202)
    told = refused("ResourceNotFoundException", client.get_event_source_mapping, UUID=uuid)
    assert told == "The resource you requested does not exist."


def test_provisioned_pollers_of_a_mapping() -> None:
    with ll.Lab(rules="latest") as lab:
        client = checked(lab.client("lambda"))
        lab.create_function("bill", duration=0.1)
        made = client.create_event_source_mapping(
            EventSourceArn=lab.sqs.create_queue("orders").arn, FunctionName="bill",
            ProvisionedPollerConfig={"MaximumPollers": 5},
        )  # fmt: skip
        assert made["ProvisionedPollerConfig"] == {"MinimumPollers": 2, "MaximumPollers": 5}
        client.update_event_source_mapping(UUID=made["UUID"], ProvisionedPollerConfig={})
        shown = client.get_event_source_mapping(UUID=made["UUID"])
        assert "ProvisionedPollerConfig" not in shown


def test_a_mapping_of_a_stream(lab: ll.Lab, client: Any) -> None:
    stream, dead = lab.kinesis.create_stream("clicks", 1), lab.sqs.create_queue("dead")
    made = client.create_event_source_mapping(
        EventSourceArn=stream.arn, FunctionName="bill", StartingPosition="AT_TIMESTAMP",
        StartingPositionTimestamp="2024-12-31T00:00:00Z", ParallelizationFactor=2,
        MaximumRetryAttempts=3, MaximumRecordAgeInSeconds=600, BisectBatchOnFunctionError=True,
        DestinationConfig={"OnFailure": {"Destination": dead.arn}},
    )  # fmt: skip
    assert (made["StartingPosition"], made["StartingPositionTimestamp"]) == ("AT_TIMESTAMP", START)
    assert (made["ParallelizationFactor"], made["BatchSize"]) == (2, 100)
    assert made["DestinationConfig"] == {"OnFailure": {"Destination": dead.arn}}
    changed = client.update_event_source_mapping(
        UUID=made["UUID"], MaximumRetryAttempts=-1,
        DestinationConfig={"OnFailure": {"Destination": ""}},
    )  # fmt: skip
    assert changed["MaximumRetryAttempts"] == -1
    assert changed["DestinationConfig"] == {"OnFailure": {}}


def test_a_mapping_of_a_tables_stream_and_lists_of_mappings(lab: ll.Lab, client: Any) -> None:
    table = lab.dynamodb.create_table("orders", "id", stream_view_type="NEW_IMAGE")
    queue = lab.sqs.create_queue("queue")
    client.create_event_source_mapping(
        EventSourceArn=table.stream.arn, FunctionName=ARN, StartingPosition="LATEST",
        TumblingWindowInSeconds=30,
    )  # fmt: skip
    client.create_event_source_mapping(
        EventSourceArn=queue.arn, FunctionName="bill", MetricsConfig={"Metrics": ["EventCount"]}
    )
    pages = client.get_paginator("list_event_source_mappings").paginate(
        FunctionName="bill", PaginationConfig={"PageSize": 1}
    )
    found = [mapping for page in pages for mapping in page["EventSourceMappings"]]
    assert [m["EventSourceArn"] for m in found] == [table.stream.arn, queue.arn]
    assert found[0]["TumblingWindowInSeconds"] == 30
    assert found[1]["MetricsConfig"] == {"Metrics": ["EventCount"]}
    of_queue = client.list_event_source_mappings(EventSourceArn=queue.arn)["EventSourceMappings"]
    assert len(of_queue) == 1
    assert client.list_event_source_mappings(FunctionName="other")["EventSourceMappings"] == []


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        ({}, "InvalidParameterValueException", "Unrecognized event source."),
        ({"Topics": ["topic"]}, "InvalidParameterValueException", "Topics is not simulated"),
        ({"EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:none"},
         "InvalidParameterValueException", "AWS.SimpleQueueService.NonExistentQueue"),
        ({"EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:orders", "BatchSize": 20_000},
         "ValidationException", "Value '20000' at 'batchSize' failed to satisfy constraint"),
        ({"EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:orders", "FunctionName": "none"},
         "InvalidParameterValueException", "Function does not exist"),
        ({"EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:orders",
          "StartingPosition": "LATEST"},
         "InvalidParameterValueException", "StartingPosition is not valid for SQS event sources."),
    ],
)  # fmt: skip
def test_what_create_event_source_mapping_refuses(
    lab: ll.Lab, client: Any, given: dict[str, Any], code: str, told: str
) -> None:
    lab.sqs.create_queue("orders")
    given = {"FunctionName": "bill"} | given
    assert told in refused(code, client.create_event_source_mapping, **given)
    assert client.list_event_source_mappings()["EventSourceMappings"] == []


# ---------------------------------------------------------------------- URLs and permissions


def test_a_url_lets_in_whom_the_policy_allows(lab: ll.Lab, client: Any) -> None:
    lab.advance(1)
    made = client.create_function_url_config(
        FunctionName="bill", AuthType="NONE", Cors={"AllowOrigins": ["*"], "MaxAge": 60}
    )
    assert made["CreationTime"] == "2025-01-07T00:00:01.000000Z"
    assert made["Cors"] == {"AllowOrigins": ["*"], "MaxAge": 60}
    url = lab.get_function_url("bill")
    assert made["FunctionUrl"] == url.url
    assert url.get("/").status_code == 403
    client.add_permission(
        FunctionName="bill", StatementId="FunctionURLAllowPublicAccess",
        Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE",
    )  # fmt: skip
    client.add_permission(
        FunctionName="bill", StatementId="invoke", Action="lambda:InvokeFunction", Principal="*",
        InvokedViaFunctionUrl=True,
    )  # fmt: skip
    assert url.get("/").status_code == 200
    lab.advance(to_whole_minute(lab))
    changed = client.update_function_url_config(FunctionName="bill", AuthType="AWS_IAM", Cors={})
    assert changed["AuthType"] == "AWS_IAM"
    assert "Cors" not in changed
    assert changed["LastModifiedTime"] == "2025-01-07T00:01:00.000000Z"
    assert (
        client.get_function_url_config(FunctionName="bill")["CreationTime"] == made["CreationTime"]
    )
    client.publish_version(FunctionName="bill")
    client.create_alias(FunctionName="bill", Name="live", FunctionVersion="1")
    client.create_function_url_config(FunctionName="bill", Qualifier="live", AuthType="AWS_IAM")
    found = client.list_function_url_configs(FunctionName="bill")["FunctionUrlConfigs"]
    assert [config["FunctionArn"] for config in found] == [ARN, f"{ARN}:live"]
    told = refused(
        "ResourceConflictException", client.create_function_url_config,
        FunctionName="bill", AuthType="NONE",
    )  # fmt: skip
    assert "FunctionUrlConfig exists for this Lambda function" in told
    client.delete_function_url_config(FunctionName="bill")
    refused("ResourceNotFoundException", client.get_function_url_config, FunctionName="bill")


def to_whole_minute(lab: ll.Lab) -> float:
    return 60 - lab.elapsed


def test_permissions(lab: ll.Lab, client: Any) -> None:
    told = refused("ResourceNotFoundException", client.get_policy, FunctionName="bill")
    assert told == "The resource you requested does not exist."
    topic = "arn:aws:sns:us-east-1:123456789012:orders"
    added = client.add_permission(
        FunctionName="bill", StatementId="topic", Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com", SourceArn=topic, SourceAccount="123456789012",
    )  # fmt: skip
    statement = json.loads(added["Statement"])
    assert statement["Condition"]["ArnLike"] == {"AWS:SourceArn": topic}
    got = client.get_policy(FunctionName="bill")
    assert json.loads(got["Policy"])["Statement"] == [statement]
    told = refused(
        "ResourceConflictException", client.add_permission, FunctionName="bill",
        StatementId="topic", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com",
    )  # fmt: skip
    assert told.startswith("The statement id (topic) provided already exists.")
    told = refused(
        "PreconditionFailedException", client.remove_permission,
        FunctionName="bill", StatementId="topic", RevisionId="x",
    )  # fmt: skip
    assert "Call the GetPolicy API" in told
    told = refused(
        "ResourceNotFoundException", client.remove_permission, FunctionName="bill", StatementId="no"
    )
    assert told == "Statement no is not found in resource policy."
    refused(
        "InvalidParameterValueException", client.add_permission, FunctionName="bill",
        StatementId="org", Action="lambda:InvokeFunction", Principal="*", PrincipalOrgID="o-1234567890",
    )  # fmt: skip
    client.remove_permission(FunctionName="bill", StatementId="topic", RevisionId=got["RevisionId"])
    refused("ResourceNotFoundException", client.get_policy, FunctionName="bill")


def test_what_is_kept_stays_through_a_reset(lab: ll.Lab, client: Any) -> None:
    lab.advance(100)
    client.update_function_configuration(FunctionName="bill", Description="kept")
    lab.reset()
    shown = client.get_function_configuration(FunctionName="bill")
    assert shown["Description"] == "kept"
    assert shown["LastModified"] == "2025-01-07T00:00:00.000+0000"  # never later than now


ELSEWHERE = {
    "CreateFunction", "UpdateFunctionCode", "ListFunctions", "DeleteFunction", "InvokeAsync",
    "TagResource", "UntagResource", "GetAccountSettings",
}  # fmt: skip


def test_every_operation_is_called_here_or_in_the_tests_of_functions() -> None:
    assert not_called("lambda") <= ELSEWHERE
