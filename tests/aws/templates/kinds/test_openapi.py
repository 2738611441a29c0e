"""Routes in an OpenAPI document."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("samtranslator")

from lambdalab.aws.templates.kinds.openapi import integration_of, operations

ARN = "arn:aws:lambda:us-east-1:123456789012:function:fn:live"
PATH = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{ARN}/invocations"
PROXY = {
    "x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": PATH, "httpMethod": "POST"}
}


@pytest.mark.parametrize("uri", [PATH, ARN])
def test_the_function_of_an_address(uri: str) -> None:
    assert integration_of({"Type": "AWS_PROXY", "Uri": uri}).function == ARN
    assert integration_of({"integrationType": "AWS_PROXY", "integrationUri": uri}).function == ARN


def test_what_an_integration_says() -> None:
    found = integration_of(
        {"type": "aws", "uri": PATH, "timeoutInMillis": "2500", "credentials": "arn:role",
         "responses": {"default": {"statusCode": "200"}, ".*no.*": {"statusCode": 404}}}
    )  # fmt: skip
    assert (found.timeout, found.role, found.proxy, found.missing) == (2.5, True, False, {})
    assert found.more == {"integration_responses": {"": 200, ".*no.*": 404}}
    assert integration_of({"type": "aws_proxy", "integrationSubtype": "SQS-SendMessage"}).why == (
        "it calls no function (SQS-SendMessage)"
    )


def test_the_operations_of_a_document() -> None:
    body: dict[str, Any] = {
        "security": [{"key": []}],
        "paths": {
            "/a": {"get": PROXY, "parameters": [], "post": {"security": [{"NONE": []}]} | PROXY},
            "/b": {"x-amazon-apigateway-any-method": PROXY | {"security": [{"one": []}, {"two": []}]}},
            "/c": {"put": {}}, "/d": None,
        },
    }  # fmt: skip
    found = [
        (each.method, each.path, each.secured, each.integration.why) for each in operations(body)
    ]
    assert found == [
        ("GET", "/a", "key", ""), ("POST", "/a", "", ""), ("ANY", "/b", "one, two", ""),
        ("PUT", "/c", "key", "it has no integration"),
    ]  # fmt: skip
    assert list(operations({})) == []
