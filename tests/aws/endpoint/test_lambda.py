"""Lambda over HTTP: Invoke's headers and body, refusals, media types, sizes.

Sources: botocore Invoke; recordings of the real service (see docs/fidelity.md).
"""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

pytest.importorskip("boto3")
pytest.importorskip("uvicorn")

import lambdalab as ll
from tests.aws.endpoint.wire import INVOKE, Came, ask, raw, send, signed_headers

ID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z"


def invoke(server: Any, name: str, body: bytes = b"{}", query: str = "", **headers: str) -> Came:
    return ask(server, "lambda", "POST", INVOKE.format(name) + query, body, **headers)


def test_a_reply_over_http(server: Any) -> None:
    came = invoke(server, "echo", b'{"order": 1}')
    assert (came.status, came.body) == (200, b'{"order": 1}')
    assert came.headers["x-amz-executed-version"] == "$LATEST"
    assert came.headers["content-type"] == "application/json"
    assert came.headers["x-amzn-remapped-content-length"] == "0"
    assert re.match(ID, came.headers["x-amzn-requestid"])
    assert came.headers["x-amzn-trace-id"].startswith("Root=1-677c6")
    assert not {"x-amz-function-error", "x-amz-log-result", "server"} & set(came.headers)


def test_the_trace_is_the_one_that_the_handler_saw(server: Any) -> None:
    came = invoke(server, "traced")
    assert came.json() == came.headers["x-amzn-trace-id"]


def test_a_failed_function_is_an_answer_with_a_header(server: Any) -> None:
    came = invoke(server, "echo", b'{"fail": "no stock"}', x_amz_log_type="Tail")
    assert (came.status, came.headers["x-amz-function-error"]) == (200, "Unhandled")
    told = came.json()
    assert (told["errorType"], told["errorMessage"]) == ("ValueError", "no stock")
    assert told["requestId"] == came.headers["x-amzn-requestid"]
    log = base64.b64decode(came.headers["x-amz-log-result"]).decode()
    assert f"END RequestId: {told['requestId']}" in log


@pytest.mark.parametrize(("kind", "status"), [("Event", 202), ("DryRun", 204)])
def test_an_answer_without_a_body(server: Any, kind: str, status: int) -> None:
    came = invoke(server, "bill", x_amz_invocation_type=kind)
    assert (came.status, came.body) == (status, b"")
    assert "content-type" not in came.headers
    assert "x-amz-executed-version" not in came.headers


def test_a_qualifier_in_the_path_and_in_the_query(server: Any) -> None:
    assert invoke(server, "bill%3A%24LATEST").status == 200
    assert invoke(server, "bill", query="?Qualifier=%24LATEST").status == 200
    came = invoke(server, "bill", query="?Qualifier=7")
    assert (came.status, came.headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")
    arn = "arn:aws:lambda:us-east-1:123456789012:function:bill"
    assert invoke(server, arn.replace(":", "%3A")).status == 200
    assert invoke(server, arn).status == 200


def test_a_refusal_on_the_wire(server: Any) -> None:
    came = invoke(server, "full")
    assert (came.status, came.headers["x-amzn-errortype"]) == (429, "TooManyRequestsException")
    assert came.json() == {
        "Type": "User", "message": "Rate Exceeded.",
        "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
    }  # fmt: skip
    came = invoke(server, "nobody")
    assert (came.status, came.headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")
    assert set(came.json()) == {"Type", "Message"}
    assert came.json()["Type"] == "User"
    assert re.match(ID, came.headers["x-amzn-requestid"])


@pytest.mark.parametrize("body", [b"{", b"'a'", b"\xff", b"{} x", b"\x00"])
def test_an_event_that_is_no_json(server: Any, body: bytes) -> None:
    came = invoke(server, "bill", body)
    assert (came.status, came.headers["x-amzn-errortype"]) == (
        400, "InvalidRequestContentException",
    )  # fmt: skip
    assert came.json()["message"].startswith("Could not parse request body into json")


def test_an_event_that_is_not_declared_as_json(server: Any) -> None:
    for kind in ("text/xml", "application/x-www-form-urlencoded", "image/png"):
        came = invoke(server, "bill", content_type=kind)
        assert (came.status, came.headers["x-amzn-errortype"]) == (
            415, "UnsupportedMediaTypeException",
        )  # fmt: skip
    for kind in ("application/json; charset=utf-8", "application/octet-stream"):
        assert invoke(server, "bill", content_type=kind).status == 200


def test_an_event_that_is_too_large(server: Any) -> None:
    came = invoke(server, "bill", b'"' + 6_300_000 * b"a" + b'"')
    assert (came.status, came.headers["x-amzn-errortype"]) == (413, "RequestTooLargeException")


def test_a_head_of_more_than_a_megabyte(server: Any) -> None:
    path = INVOKE.format("bill")
    size = 900 * 1024
    headers = signed_headers(server, "lambda", "POST", path, b"{}", x_large=size * "a")
    assert send(server, "POST", path, b"{}", headers).status == 200
    many = b"".join(b"X-%d: %s\r\n" % (i, 60_000 * b"a") for i in range(20))
    answer = raw(server, b"POST /2015-03-31/functions HTTP/1.1\r\nHost: localhost\r\n" + many)
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_who_called_stands_in_the_books(server: Any, served_lab: ll.Lab) -> None:
    came = invoke(server, "bill")
    requests = served_lab.trace.requests
    row = requests[requests["request_id"] == came.headers["x-amzn-requestid"]].iloc[0]
    assert (row["caller"], row["status_code"], row["tries"]) == ("http", 200, 1)


def test_a_client_of_boto3_tries_again_by_itself(server: Any, served_lab: ll.Lab) -> None:
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "total_max_attempts": 2})
    client = server.client("lambda", config=config)
    before = len(served_lab.trace.requests)
    with pytest.raises(client.exceptions.TooManyRequestsException) as caught:
        client.invoke(FunctionName="full")
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 1
    assert len(served_lab.trace.requests) == before + 2


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("create_function", {"FunctionName": "new", "Role": "arn:aws:iam::123456789012:role/r",
                             "Code": {"ZipFile": b"PK"}}),
        ("update_function_code", {"FunctionName": "echo", "ZipFile": b"PK"}),
        ("update_function_code", {"FunctionName": "echo", "S3Bucket": "photos", "S3Key": "zip"}),
        ("publish_layer_version", {"LayerName": "new", "Content": {"ZipFile": b"PK"}}),
        ("update_function_configuration", {"FunctionName": "echo", "Handler": "shutil.rmtree"}),
    ],
)  # fmt: skip
def test_code_is_not_taken(server: Any, operation: str, given: dict[str, Any]) -> None:
    client = server.client("lambda")
    with pytest.raises(client.exceptions.ClientError, match="--allow-code") as caught:
        getattr(client, operation)(**given)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    assert client.update_function_configuration(FunctionName="echo", MemorySize=512)["MemorySize"]


def test_the_other_operations_of_lambda(server: Any) -> None:
    client = server.client("lambda")
    assert {"echo", "traced", "bill", "full"} == {
        each["FunctionName"] for each in client.list_functions()["Functions"]
    }
    assert client.get_function(FunctionName="bill")["Configuration"]["Version"] == "$LATEST"
    assert client.publish_version(FunctionName="bill")["Version"] == "1"
    client.create_alias(FunctionName="bill", Name="live", FunctionVersion="1")
    assert client.invoke(FunctionName="bill", Qualifier="live")["ExecutedVersion"] == "1"
    with pytest.raises(client.exceptions.ResourceConflictException):
        client.create_alias(FunctionName="bill", Name="live", FunctionVersion="1")
    client.delete_alias(FunctionName="bill", Name="live")
    assert client.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 1000
    with pytest.raises(client.exceptions.ClientError, match="ValidationException"):
        client.list_functions(MaxItems=10_001)
