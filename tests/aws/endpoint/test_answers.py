"""Answers and refusals in the shapes of services' protocols."""

from __future__ import annotations

import io
import json
import warnings
from typing import Any

import pytest

pytest.importorskip("boto3")
pytest.importorskip("uvicorn")

from lambdalab.aws.endpoint import answers
from lambdalab.aws.endpoint.http import Request, Response
from lambdalab.aws.endpoint.protocols import protocol_of
from lambdalab.aws.operations import ApiError

FORM = Request("POST", "/", "", {"content-type": "application/x-www-form-urlencoded"})
JSON = Request("POST", "/", "", {"x-amz-target": "x.y"})


def answered(
    service: str, name: str, parsed: dict[str, Any], status: int = 200, asked: Request = JSON
) -> Response:
    protocol = protocol_of(service, asked)
    operation = protocol.model.operation_model(name)
    return answers.answered(protocol, operation, parsed, status, "the-id")


def refused(service: str, error: ApiError, asked: Request = JSON) -> Response:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return answers.refused(protocol_of(service, asked), None, error, "the-id")


def test_a_stream_is_the_body() -> None:
    made = answered(
        "lambda", "Invoke", {"StatusCode": 200, "Payload": io.BytesIO(b'"x"'), "LogResult": "bG9n"}
    )
    assert (made.status, made.body) == (200, b'"x"')
    assert made.headers == {
        "content-type": "application/json", "x-amz-log-result": "bG9n", "x-amzn-requestid": "the-id",
    }  # fmt: skip


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_content(status: int) -> None:
    made = answered("lambda", "DeleteFunction", {}, status)
    assert (made.status, made.body, made.headers) == (status, b"", {"x-amzn-requestid": "the-id"})


def test_an_object_keeps_its_type_and_its_id() -> None:
    parsed = {"Body": io.BytesIO(b"<p>"), "ContentType": "text/html", "Metadata": {"a": "1"}}
    made = answered("s3", "GetObject", parsed)
    assert (made.body, made.headers["content-type"]) == (b"<p>", "text/html")
    assert (made.headers["x-amz-meta-a"], made.headers["x-amz-request-id"]) == ("1", "the-id")


def test_lambdas_refusals() -> None:
    error = ApiError("TooManyRequestsException", "Rate Exceeded.", 429, Type="User", Reason="R",
                     retryAfterSeconds="7")  # fmt: skip
    made = refused("lambda", error)
    assert (made.status, made.headers["x-amzn-errortype"]) == (429, "TooManyRequestsException")
    assert made.headers["retry-after"] == "7"
    assert json.loads(made.body) == {"Type": "User", "message": "Rate Exceeded.", "Reason": "R"}


def test_refusals_in_json() -> None:
    made = refused("dynamodb", ApiError("ResourceNotFoundException", "no table"))
    assert json.loads(made.body) == {
        "__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message": "no table",
    } or json.loads(made.body)["__type"].endswith("#ResourceNotFoundException")  # fmt: skip
    made = refused("sqs", ApiError("QueueDoesNotExist", "gone"))
    assert made.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"


def test_refusals_in_xml() -> None:
    made = refused("sns", ApiError("NotFound", "Topic <b> does not exist", 404), FORM)
    assert made.status == 404
    assert b"<Type>Sender</Type><Code>NotFound</Code>" in made.body
    assert made.body.count(b"Topic &lt;b&gt; does not exist") == 1
    made = refused("sts", ApiError("InternalFailure", "oh", 500), FORM)
    assert b"<Type>Receiver</Type>" in made.body
    made = refused("s3", ApiError("NoSuchBucket", "The specified bucket does not exist", 404))
    assert made.body.startswith(
        b'<?xml version="1.0" encoding="utf-8"?>\n<Error><Code>NoSuchBucket'
    )


def test_codes_that_no_model_has() -> None:
    made = refused("lambda", ApiError("Surprise", "!", 418))
    assert (made.status, made.headers["x-amzn-errortype"]) == (418, "Surprise")
