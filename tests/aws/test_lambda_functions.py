"""Lambda's operations on functions, through real clients of botocore."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("boto3")

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError, ReadTimeoutError

import lambdalab as ll
from lambdalab.errors import ResourceConflictException, ResourceNotFoundException
from tests.aws.checked import checked

ROLE = "arn:aws:iam::123456789012:role/worker"
ECHO = "def handler(event, context):\n    print('seen')\n    return {'got': event}\n"


def zipped(**files: str) -> bytes:
    """A zip of modules by their names."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.py", (2025, 1, 7, 0, 0, 0)), text)
    return made.getvalue()


@pytest.fixture
def lab() -> Iterator[ll.Lab]:
    with ll.Lab(seed=7) as made:
        yield made


@pytest.fixture
def client(lab: ll.Lab) -> Any:
    return checked(lab.client("lambda"))


def create(client: Any, name: str = "bill", source: str = ECHO, **more: Any) -> dict[str, Any]:
    given = {
        "FunctionName": name, "Runtime": "python3.12", "Role": ROLE, "Handler": "app.handler",
        "Code": {"ZipFile": zipped(app=source)},
    }  # fmt: skip
    made: dict[str, Any] = client.create_function(**given | more)
    return made


def refused(code: str, call: Any, **given: Any) -> str:
    """The message of the error that a call ends in."""
    with pytest.raises(ClientError) as caught:
        call(**given)
    assert caught.value.response["Error"]["Code"] == code
    return str(caught.value.response["Error"]["Message"])


# ---------------------------------------------------------------------- create, show, change


def test_a_function_from_a_zip_has_what_aws_shows_and_runs(client: Any) -> None:
    made = create(
        client, Description="bills", Timeout=10, MemorySize=512, Architectures=["arm64"],
        Environment={"Variables": {"STAGE": "test"}}, Tags={"team": "pay"},
        LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN"},
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        TracingConfig={"Mode": "Active"}, EphemeralStorage={"Size": 1024},
        Layers=["arn:aws:lambda:us-east-1:123456789012:layer:tools:3"],
    )  # fmt: skip
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["FunctionArn"] == "arn:aws:lambda:us-east-1:123456789012:function:bill"
    assert made["LastModified"] == "2025-01-07T00:00:00.000+0000"
    assert (made["State"], made["LastUpdateStatus"], made["Version"]) == (
        "Active", "Successful", "$LATEST"
    )  # fmt: skip
    assert made["LoggingConfig"] == {
        "LogFormat": "JSON", "ApplicationLogLevel": "WARN", "SystemLogLevel": "INFO",
        "LogGroup": "/aws/lambda/bill",
    }  # fmt: skip
    assert made["Environment"] == {"Variables": {"STAGE": "test"}}
    assert made["VpcConfig"]["SubnetIds"] == ["subnet-1"]
    assert made["Layers"][0]["Arn"].endswith(":tools:3")
    assert made["CodeSize"] == len(zipped(app=ECHO))
    shown = client.get_function(FunctionName="bill")
    assert shown["Configuration"]["CodeSha256"] == made["CodeSha256"]
    assert shown["Tags"] == {"team": "pay"}
    assert shown["Code"]["RepositoryType"] == "S3"
    reply = client.invoke(FunctionName=made["FunctionArn"], Payload=json.dumps({"n": 1}))
    assert json.load(reply["Payload"]) == {"got": {"n": 1}}


def test_what_is_shown_is_the_same_in_every_lab_of_a_seed() -> None:
    def made() -> dict[str, Any]:
        with ll.Lab(seed=3) as lab:
            return create(lab.client("lambda"))

    assert made() == made()


def test_code_comes_from_the_labs_s3(lab: ll.Lab, client: Any) -> None:
    lab.s3.create_bucket("code-of-mine").put_object("bill.zip", zipped(app=ECHO))
    made = create(client, Code={"S3Bucket": "code-of-mine", "S3Key": "bill.zip"})
    assert made["CodeSize"] == len(zipped(app=ECHO))
    told = refused(
        "InvalidParameterValueException", client.update_function_code, FunctionName="bill",
        S3Bucket="code-of-mine", S3Key="other.zip",
    )  # fmt: skip
    assert told == (
        "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key "
        "does not exist."
    )


def test_a_handler_uses_boto3_in_the_lab(lab: ll.Lab) -> None:
    source = (
        "import boto3\n"
        "def handler(event, context):\n"
        "    boto3.client('sqs').send_message(QueueUrl='done', MessageBody=event['text'])\n"
    )
    lab.sqs.create_queue("done")
    with lab.aws():
        client = checked(boto3.client("lambda"))
        create(client, source=source)
        client.invoke(FunctionName="bill", Payload=b'{"text": "hello"}')
    assert [message.body for message in lab.sqs["done"].receive()] == ["hello"]


def test_a_handler_invokes_another_function_and_tries_again(lab: ll.Lab) -> None:
    source = (
        "import boto3\n"
        "def handler(event, context):\n"
        "    reply = boto3.client('lambda').invoke(FunctionName='price', Payload=b'2')\n"
        "    return [reply['Payload'].read().decode(), reply['ResponseMetadata']['RetryAttempts']]\n"
    )
    with lab.aws():
        client = checked(boto3.client("lambda"))
        create(client, source=source, Timeout=60)
        create(client, "price", "def handler(event, context): return event * 21\n")
        lab.put_function_concurrency("price", 0)
        client.invoke(FunctionName="bill", InvocationType="Event", Payload=b"{}")
        lab.run(until=1)
        lab.put_function_concurrency("price", None)
        reply = client.invoke(FunctionName="bill", Payload=b"{}")
        lab.run()
    assert json.load(reply["Payload"]) == ["42", 0]
    ran = lab.trace.invocations
    assert set(ran[ran["function"] == "bill"]["status"]) == {"succeeded"}
    assert 429 in ran[ran["function"] == "price"]["status_code"].tolist()
    lab.audit()


def test_code_and_configuration_change(lab: ll.Lab, client: Any) -> None:
    first = create(client)
    lab.advance(60)
    other = zipped(
        app="def handler(event, context): return 'new'\n", more="def handler(e, c): return 2\n"
    )
    second = client.update_function_code(FunctionName="bill", ZipFile=other)
    assert second["CodeSha256"] != first["CodeSha256"]
    assert second["RevisionId"] != first["RevisionId"]
    assert second["LastModified"] == "2025-01-07T00:01:00.000+0000"
    assert client.invoke(FunctionName="bill")["Payload"].read() == b'"new"'
    dead = lab.sqs.create_queue("dead")
    third = client.update_function_configuration(
        FunctionName="bill", Timeout=20, Handler="more.handler", Description="other",
        DeadLetterConfig={"TargetArn": dead.arn}, Runtime="python3.13",
    )  # fmt: skip
    assert (third["Timeout"], third["Handler"], third["Description"], third["Runtime"]) == (
        20, "more.handler", "other", "python3.13"
    )  # fmt: skip
    assert third["DeadLetterConfig"] == {"TargetArn": dead.arn}
    assert third["CodeSha256"] == second["CodeSha256"]
    assert client.invoke(FunctionName="bill")["Payload"].read() == b"2"
    gone = client.update_function_configuration(
        FunctionName="bill", DeadLetterConfig={"TargetArn": ""}, Environment={"Variables": {}}
    )
    assert "DeadLetterConfig" not in gone
    dry = client.update_function_code(FunctionName="bill", ZipFile=zipped(app=ECHO), DryRun=True)
    assert dry["CodeSha256"] == second["CodeSha256"]


def test_a_python_that_the_lab_has_not_measured_is_shown_as_it_was_given(
    lab: ll.Lab, client: Any
) -> None:
    assert create(client, Runtime="python3.9")["Runtime"] == "python3.9"
    assert lab.get_function("bill").settings.runtime == "python3.12"
    lab.update_function("bill", runtime="python3.13")
    assert client.get_function_configuration(FunctionName="bill")["Runtime"] == "python3.13"


def test_a_revision_that_is_no_more_is_refused(lab: ll.Lab, client: Any) -> None:
    seen = create(client)["RevisionId"]
    client.update_function_configuration(FunctionName="bill", Timeout=5, RevisionId=seen)
    told = refused(
        "PreconditionFailedException", client.update_function_configuration,
        FunctionName="bill", Timeout=6, RevisionId=seen,
    )  # fmt: skip
    assert told.startswith("The Revision Id provided does not match the latest Revision Id.")
    now = client.get_function_configuration(FunctionName="bill")["RevisionId"]
    lab.update_function("bill", timeout=9)  # by somebody else
    assert client.get_function_configuration(FunctionName="bill")["RevisionId"] != now


def test_waiters_let_the_labs_time_pass() -> None:
    quotas = {"function_creation": 7, "function_update": 4}
    with ll.Lab(seed=1, quotas=quotas) as lab, lab.aws():
        client = checked(boto3.client("lambda"))
        made = create(client)
        told = refused(
            "InvalidParameterValueException", lambda: create(client, "other", Publish=True)
        )
        assert "function_creation > 0" in told
        assert (made["State"], made["StateReasonCode"]) == ("Pending", "Creating")
        assert "LastUpdateStatus" not in made
        client.get_waiter("function_exists").wait(FunctionName="bill")
        client.get_waiter("function_active_v2").wait(FunctionName="bill")
        client.get_waiter("function_active").wait(FunctionName="bill")
        assert lab.elapsed == 7
        shown = client.update_function_configuration(FunctionName="bill", Timeout=30)
        assert (shown["LastUpdateStatus"], shown["Timeout"]) == ("InProgress", 30)
        told = refused("ResourceConflictException", client.publish_version, FunctionName="bill")
        assert "An update is in progress for resource" in told
        client.get_waiter("function_updated_v2").wait(FunctionName="bill")
        client.get_waiter("function_updated").wait(FunctionName="bill")
        assert lab.elapsed == 11


# ---------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        ({"Code": {"ZipFile": b"no zip"}}, "InvalidParameterValueException",
         "Could not unzip uploaded file. Please check your file, then try to upload again."),
        ({"Code": {}}, "InvalidParameterValueException", "Please provide a source for function code."),
        ({"Runtime": "python9"}, "InvalidParameterValueException", "Value python9 at 'runtime' failed"),
        ({"Runtime": "nodejs22.x"}, "InvalidParameterValueException", "runs code in Python only"),
        ({"Runtime": ""}, "InvalidParameterValueException", "Runtime and Handler are mandatory"),
        ({"Role": "me"}, "ValidationException", "1 validation error detected: Value 'me' at 'role'"),
        ({"MemorySize": 99_999}, "ValidationException", "Member must have value less than or equal to"),
        ({"Timeout": 901}, "InvalidParameterValueException", "timeout=901: must be a whole number"),
        ({"PackageType": "Image"}, "InvalidParameterValueException", "Container images are not simulated"),
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, "InvalidParameterValueException", "SnapStart"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "InvalidParameterValueException",
         "Reserved keys used in this request: AWS_REGION"),
        ({"Architectures": ["mips"]}, "ValidationException", "enum value set: [x86_64, arm64]"),
    ],
)  # fmt: skip
def test_what_create_function_refuses(
    lab: ll.Lab, client: Any, given: dict[str, Any], code: str, told: str
) -> None:
    if "Timeout" in given:  # newer models of botocore name the limit too
        with pytest.raises(ClientError, match=r"901"):
            create(client, **given)
    else:
        assert told in refused(code, lambda **more: create(client, **more), **given)
    assert client.list_functions()["Functions"] == []


def test_zips_that_reach_out_or_blow_up_are_refused(client: Any) -> None:
    def archive(name: str, size: int) -> bytes:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as zipped_:
            zipped_.writestr(name, bytes(size))
        return made.getvalue()

    for name in ("../app.py", "/etc/app.py"):
        told = refused(
            "InvalidParameterValueException", lambda **g: create(client, **g),
            Code={"ZipFile": archive(name, 5)},
        )  # fmt: skip
        assert "lies outside of it" in told
    bomb = bytearray(archive("app.py", 1000))
    at = bomb.rindex(b"PK\x01\x02")  # its directory says how large it is
    bomb[at + 24 : at + 28] = (300 * 1024 * 1024).to_bytes(4, "little")
    told = refused(
        "InvalidParameterValueException",
        lambda **g: create(client, **g),
        Code={"ZipFile": bytes(bomb)},
    )
    assert told == "Unzipped size must be smaller than 262144000 bytes"


def test_names_that_are_taken_or_unknown(client: Any) -> None:
    create(client)
    told = refused("ResourceConflictException", lambda: create(client))
    assert told == "Function already exist: bill"
    with pytest.raises(client.exceptions.ResourceNotFoundException) as caught:
        client.get_function(FunctionName="ball")
    assert caught.value.response["Error"]["Message"] == (
        "Function not found: arn:aws:lambda:us-east-1:123456789012:function:ball"
    )
    assert caught.value.response["Type"] == "User"
    told = refused(
        "ResourceNotFoundException", client.get_function, FunctionName="bill", Qualifier="4"
    )
    assert told.endswith(":function:bill:4")
    told = refused(
        "InvalidParameterValueException", client.update_function_configuration,
        FunctionName="bill:$LATEST", Timeout=4,
    )  # fmt: skip
    assert told.startswith("This operation is permitted on Lambda functions only.")
    told = refused(
        "InvalidParameterValueException", client.get_function, FunctionName="bill:a", Qualifier="b"
    )
    assert told.startswith("The derived qualifier")
    with pytest.raises(ParamValidationError):
        client.get_function()


def test_a_handler_that_is_not_there_shows_when_it_runs(client: Any) -> None:
    create(client, Handler="nowhere.handler")
    reply = client.invoke(FunctionName="bill")
    assert reply["FunctionError"] == "Unhandled"
    assert json.load(reply["Payload"])["errorType"] == "Runtime.ImportModuleError"


# ---------------------------------------------------------------------- lists, delete


def test_lists_come_in_pages_without_states(lab: ll.Lab, client: Any) -> None:
    for number in range(60):
        lab.create_function(f"f{number:02}", duration=0.1)
    lab.publish_version("f00")
    assert len(client.list_functions()["Functions"]) == 50
    pages = client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 25})
    every = [function for page in pages for function in page["Functions"]]
    assert [function["FunctionName"] for function in every] == [f"f{n:02}" for n in range(60)]
    assert "State" not in every[0]
    found = client.list_functions(FunctionVersion="ALL", MaxItems=3)["Functions"]
    assert [function["FunctionArn"].rpartition(":")[2] for function in found] == [
        "$LATEST", "1", "$LATEST"
    ]  # fmt: skip
    told = refused("InvalidParameterValueException", client.list_functions, Marker="nonsense")
    assert told == "Invalid value for Marker."


def test_the_mapping_of_a_deleted_function_stays_disabled(lab: ll.Lab, client: Any) -> None:
    create(client)
    orders = lab.sqs.create_queue("orders")
    made = client.create_event_source_mapping(FunctionName="bill", EventSourceArn=orders.arn)
    client.delete_function(FunctionName="bill")
    orders.send("x")
    lab.run(until=60)
    assert client.get_event_source_mapping(UUID=made["UUID"])["State"] == "Disabled"
    assert orders.depth == 1
    told = refused(
        "InvalidParameterValueException", client.update_event_source_mapping, UUID=made["UUID"],
        Enabled=True,
    )  # fmt: skip
    assert told.startswith("Function does not exist")
    create(client)
    client.update_event_source_mapping(UUID=made["UUID"], Enabled=True)
    lab.run(until=120)
    assert orders.depth == 0


def test_functions_are_deleted_with_their_versions(lab: ll.Lab, client: Any) -> None:
    create(client, Publish=True)
    client.create_alias(FunctionName="bill", Name="live", FunctionVersion="1")
    told = refused(
        "ResourceConflictException", client.delete_function, FunctionName="bill", Qualifier="1"
    )
    assert told == "Unable to delete version because the following aliases reference it: [live]"
    client.delete_alias(FunctionName="bill", Name="live")
    client.delete_function(FunctionName="bill", Qualifier="1")
    assert client.publish_version(FunctionName="bill")["Version"] == "2"
    told = refused(
        "InvalidParameterValueException", client.delete_function, FunctionName="bill:$LATEST"
    )
    assert told == "$LATEST version cannot be deleted without deleting the function."
    answer = client.delete_function(FunctionName="bill")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert client.list_functions()["Functions"] == []
    lab.audit()


def test_the_labs_own_verb_deletes_versions(lab: ll.Lab) -> None:
    bill = lab.create_function("bill", duration=0.1)
    lab.publish_version(bill)
    lab.invoke("bill:1")
    with pytest.raises(ResourceNotFoundException):
        lab.delete_version(bill, "2")
    lab.delete_version(bill, "1")
    assert lab.get_function("bill") is bill
    assert lab.list_functions() == [bill]
    assert not bill.versions
    lab.create_alias(bill, "live", lab.publish_version(bill))
    with pytest.raises(ResourceConflictException, match=r"\[live\]"):
        lab.delete_version(bill, "2")
    lab.audit()


def test_functions_made_by_the_labs_verbs_are_shown_too(lab: ll.Lab, client: Any) -> None:
    @lab.function(memory_size=256, dead_letter_queue="dead")
    def pay(event: Any, context: Any) -> None:
        """Nothing."""

    lab.create_function("model", duration=1)
    shown = client.get_function_configuration(FunctionName="pay")
    assert (shown["Handler"], shown["MemorySize"]) == ("lambda_function.pay", 256)
    assert shown["DeadLetterConfig"]["TargetArn"].endswith(":dead")
    assert client.get_function_configuration(FunctionName="model")["CodeSize"] > 0
    told = refused(
        "InvalidParameterValueException", client.update_function_configuration,
        FunctionName="model", Handler="app.other",
    )  # fmt: skip
    assert "cannot be changed" in told
    client.update_function_code(FunctionName="model", ZipFile=zipped(lambda_function="x = 1\n"))
    reply = client.invoke(FunctionName="model")
    assert json.load(reply["Payload"])["errorType"] == "Runtime.HandlerNotFound"


# ---------------------------------------------------------------------- invoke


def test_the_three_kinds_of_invoke(lab: ll.Lab, client: Any) -> None:
    create(client, source="def handler(event, context):\n    return event['n'] / 2\n")
    reply = client.invoke(FunctionName="bill", Payload=b'{"n": 4}', LogType="Tail")
    assert (reply["StatusCode"], reply["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in reply
    assert reply["Payload"].read() == b"2.0"
    assert "REPORT RequestId" in base64.b64decode(reply["LogResult"]).decode()
    assert reply["ResponseMetadata"]["RequestId"] in base64.b64decode(reply["LogResult"]).decode()
    failed = client.invoke(FunctionName="bill", Payload=b"{}")
    assert (failed["StatusCode"], failed["FunctionError"]) == (200, "Unhandled")
    assert "LogResult" not in failed
    assert json.load(failed["Payload"])["errorType"] == "KeyError"
    queued = client.invoke(FunctionName="bill", InvocationType="Event", Payload=b'{"n": 1}')
    assert (queued["StatusCode"], queued["Payload"].read()) == (202, b"")
    assert queued["ResponseMetadata"]["HTTPStatusCode"] == 202
    dry = client.invoke(FunctionName="bill", InvocationType="DryRun")
    assert dry["StatusCode"] == 204
    assert client.invoke_async(FunctionName="bill", InvokeArgs=b'{"n": 1}')["Status"] == 202
    lab.run()
    assert len(lab.trace.invocations) == 5  # the dry run is one of them


def test_what_invoke_refuses(lab: ll.Lab, client: Any) -> None:
    lab.create_function("bill", duration=0.1)
    bad = "InvalidRequestContentException"
    assert refused(bad, client.invoke, FunctionName="bill", Payload=b"{").startswith(
        "Could not parse"
    )
    told = refused(bad, client.invoke, FunctionName="bill", ClientContext="no base64!")
    assert told == "Client context must be a valid Base64-encoded JSON object."
    told = refused("ValidationException", client.invoke, FunctionName="bill", InvocationType="Soon")
    assert "at 'invocationType'" in told
    refused("ResourceNotFoundException", client.invoke, FunctionName="bill", Qualifier="no")
    refused("InvalidParameterValueException", client.invoke, FunctionName="bill", TenantId="a")


def test_a_client_context_arrives(client: Any) -> None:
    create(
        client, source="def handler(event, context):\n    return context.client_context.custom\n"
    )
    context = base64.b64encode(b'{"custom": {"a": 1}}').decode()
    reply = client.invoke(FunctionName="bill", ClientContext=context)
    assert json.load(reply["Payload"]) == {"a": 1}


def test_throttled_invokes_are_tried_again_in_virtual_time(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=1)
    lab.put_function_concurrency("bill", 0)
    config = Config(retries={"mode": "standard", "total_max_attempts": 4})
    client = checked(lab.client("lambda", config=config))
    with pytest.raises(client.exceptions.TooManyRequestsException) as caught:
        client.invoke(FunctionName="bill")
    told = caught.value.response
    assert told["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert told["ResponseMetadata"]["RetryAttempts"] == 3
    assert "(reached max retries: 3)" in str(caught.value)
    assert lab.elapsed > 0
    assert lab.trace.requests["status_code"].tolist() == [429] * 4
    once = checked(lab.client("lambda", config=Config(retries={"total_max_attempts": 1})))
    with pytest.raises(ClientError) as caught:
        once.invoke(FunctionName="bill")
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_a_retry_that_works_is_counted(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    lab.faults.throttle("bill", probability=0.25)
    client = checked(lab.client("lambda", config=Config(retries={"mode": "legacy"})))
    tries = [
        client.invoke(FunctionName="bill")["ResponseMetadata"]["RetryAttempts"] for _ in range(8)
    ]
    assert max(tries) > 0
    assert len(lab.trace.requests) == 8 + sum(tries)


def test_a_read_timeout_is_botocores(lab: ll.Lab) -> None:
    lab.create_function("slow", duration=30, timeout=60)
    config = Config(read_timeout=5, retries={"total_max_attempts": 1})
    client = checked(lab.client("lambda", config=config))
    with pytest.raises(ReadTimeoutError, match=r"/2015-03-31/functions/slow/invocations"):
        client.invoke(FunctionName="slow")
    assert lab.elapsed == 5
    patient = checked(lab.client("lambda", config=Config(read_timeout=None)))
    assert patient.invoke(FunctionName="slow")["StatusCode"] == 200


# ---------------------------------------------------------------------- tags, the account


def test_tags(client: Any) -> None:
    arn = create(client, Tags={"team": "pay"})["FunctionArn"]
    client.tag_resource(Resource=arn, Tags={"stage": "test"})
    client.untag_resource(Resource=arn, TagKeys=["team", "none"])
    assert client.list_tags(Resource=arn)["Tags"] == {"stage": "test"}
    refused("ResourceNotFoundException", client.list_tags, Resource=f"{arn}x")
    refused("InvalidParameterValueException", client.list_tags, Resource=f"{arn}:$LATEST")
    client.delete_function(FunctionName="bill")
    create(client)
    assert client.list_tags(Resource=arn)["Tags"] == {}


def test_the_account(lab: ll.Lab, client: Any) -> None:
    size = create(client)["CodeSize"]
    client.put_function_concurrency(FunctionName="bill", ReservedConcurrentExecutions=100)
    told = client.get_account_settings()
    assert told["AccountLimit"] == {
        "TotalCodeSize": 80_530_636_800, "CodeSizeUnzipped": 262_144_000,
        "CodeSizeZipped": 52_428_800, "ConcurrentExecutions": 1000,
        "UnreservedConcurrentExecutions": 900,
    }  # fmt: skip
    assert told["AccountUsage"] == {"TotalCodeSize": size, "FunctionCount": 1}
