"""API Gateway: HTTP APIs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.models import (
    APIGatewayProxyEventModel,
    APIGatewayProxyEventV2Model,
)

import lambdalab as ll
from lambdalab.errors import ConflictException, InvalidSetting

ERROR = b'{"message":"Internal Server Error"}'


def echo(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return {"statusCode": 200, "body": json.dumps(event)}


def web(
    lab: ll.Lab, function: Any = echo, method: str = "ANY", path: str = "/x", **more: Any
) -> Any:
    code = function if callable(function) else (lambda event, context: function)
    api = lab.api_gateway.create_http_api("web", **more)
    api.route(method, path, lab.create_function("f", code, timeout=60))
    return api


@pytest.mark.parametrize("payload_format", ["2.0", "1.0"])
def test_a_path_is_decoded(lab: ll.Lab, payload_format: str) -> None:
    event = (
        web(lab, path="/o/{id}", payload_format=payload_format)
        .get("/o/test%2Balias%20%C3%BC")
        .json()
    )
    assert event["pathParameters"] == {"id": "test+alias ü"}
    assert event["rawPath" if payload_format == "2.0" else "path"] == "/o/test+alias ü"


def test_the_event_is_that_of_payload_format_2(lab: ll.Lab) -> None:
    api = web(lab, method="POST", path="/orders/{id}", stage_variables={"v": "1"})
    event = api.post("/orders/7?a=1&a=2", {"n": 1}, headers={"Cookie": "c=1"}).json()
    model = APIGatewayProxyEventV2Model.model_validate(event)
    assert (model.routeKey, model.rawPath) == ("POST /orders/{id}", "/orders/7")
    assert (model.pathParameters, model.stageVariables) == ({"id": "7"}, {"v": "1"})
    assert (model.rawQueryString, model.queryStringParameters) == ("a=1&a=2", {"a": "1,2"})
    assert model.cookies == ["c=1"]
    assert (model.requestContext.stage, model.requestContext.apiId) == ("$default", api.api_id)
    assert event["headers"]["host"] == api.domain
    assert json.loads(event["body"]) == {"n": 1}
    assert api.url == f"https://{api.api_id}.execute-api.us-east-1.amazonaws.com"


def test_a_stage_with_a_name_stands_in_the_path(lab: ll.Lab) -> None:
    event = web(lab, stage="dev").get("/x").json()
    assert (event["rawPath"], event["requestContext"]["stage"]) == ("/dev/x", "dev")


def test_the_event_of_format_1(lab: ll.Lab) -> None:
    api = web(lab, path="/orders/{id}", payload_format="1.0")
    event = api.post("/orders/7", b"\xff", headers={"Content-Type": "image/png"}).json()
    APIGatewayProxyEventModel.model_validate(event)
    assert (event["version"], event["resource"]) == ("1.0", "/orders/{id}")
    assert (event["body"], event["isBase64Encoded"]) == ("/w==", True)
    assert event["headers"]["content-type"] == "image/png"
    assert event["queryStringParameters"] is None
    assert event["requestContext"]["resourceId"] == "ANY /orders/{id}"


def test_no_answer_in_30_seconds_is_a_503(lab: ll.Lab) -> None:
    lab.create_function("slow", duration=35, timeout=60)
    api = lab.api_gateway.create_http_api("web")
    api.route("GET", "/slow", "slow")
    reply = api.get("/slow")
    assert (reply.status_code, reply.body) == (503, b'{"message":"Service Unavailable"}')
    assert reply.latency_ms == 30_000
    lab.run()
    assert lab.trace.requests.iloc[0].cause == "integration_timeout"
    assert lab.trace.attempts.iloc[0].billed_ms == 35_000


@pytest.mark.parametrize(
    ("result", "status", "body"),
    [("hello", 200, b"hello"), ({"a": 1}, 200, b'{"a":1}'), (None, 200, b"null"),
     ({"statusCode": 201, "body": "x"}, 201, b"x"), ({"statusCode": "no"}, 500, ERROR)],
    ids=repr,
)  # fmt: skip
def test_what_a_function_may_return(lab: ll.Lab, result: Any, status: int, body: bytes) -> None:
    reply = web(lab, result).get("/x")
    assert (reply.status_code, reply.body) == (status, body)
    assert len(reply.headers["apigw-requestid"]) == 16
    cause = "malformed_response" if status == 500 else "completed"
    assert lab.trace.requests.iloc[0].cause == cause


@pytest.mark.parametrize(
    ("result", "status"),
    [({"statusCode": 200, "more": 1}, 200), ("hello", 500), ({}, 500), ({"body": "x"}, 500),
     ({"statusCode": 200, "body": "§", "isBase64Encoded": True}, 500)],
    ids=repr,
)  # fmt: skip
def test_what_a_function_may_return_in_format_1(lab: ll.Lab, result: Any, status: int) -> None:
    assert web(lab, result, payload_format="1.0").get("/x").status_code == status


def test_cookies_and_headers(lab: ll.Lab) -> None:
    result = {"statusCode": 200, "cookies": ["a=1", "b=2"], "headers": {"Date": "now"}}
    headers = web(lab, result).get("/x").headers
    assert (headers["set-cookie"], headers["date"]) == ("a=1, b=2", "now")
    assert headers["content-type"] == "text/plain;charset=UTF-8"


def test_errors_and_refusals_are_a_500(lab: ll.Lab) -> None:
    def fails(event: Any, context: Any) -> None:
        raise KeyError("x")

    api = web(lab, fails)
    reply = api.get("/x")
    assert (reply.status_code, reply.body) == (500, ERROR)
    lab.put_function_concurrency("f", 0)
    assert api.get("/x").body == ERROR
    lab.put_function_concurrency("f", 10)
    lab.remove_permission("f")
    assert api.get("/x").body == ERROR
    lab.delete_function("f")
    assert api.get("/x").body == ERROR
    causes = ["function_error", "zero_reserved_concurrency", "access_denied", "unknown_function"]
    assert list(lab.trace.requests.cause) == causes


def test_a_request_over_10_mb_is_a_413(lab: ll.Lab) -> None:
    reply = web(lab).post("/x", b"x" * (10 * 2**20 + 1))
    assert (reply.status_code, reply.body) == (413, b'{"message":"Request Entity Too Large"}')


def test_throttling(lab: ll.Lab) -> None:
    api = web(lab, "ok", throttle_rate=0.001, throttle_burst=1)
    assert [api.get("/x").status_code for _ in range(2)] == [200, 429]


def test_routes_and_what_no_route_takes(lab: ll.Lab) -> None:
    api = web(lab, method="GET", path="/pets/dog/1")
    for method, path in [("GET", "/pets/dog/{id}"), ("GET", "/pets/{proxy+}"), ("POST", "/pets")]:
        api.route(method, path, "f")

    def key(method: str, path: str) -> str:
        told: str = api.request(method, path).json()["routeKey"]
        return told

    assert key("GET", "/pets/dog/1") == "GET /pets/dog/1"
    assert key("GET", "/pets/dog/2") == "GET /pets/dog/{id}"
    assert key("GET", "/pets/cat/3") == "GET /pets/{proxy+}"
    reply = api.get("/pets")
    assert (reply.status_code, reply.body) == (404, b'{"message":"Not Found"}')
    assert api.post("/pets/").status_code == 404, "an HTTP API tells the two apart"
    api.route("ANY", "/{proxy+}", "f")
    assert key("GET", "/pets") == "ANY /{proxy+}", "path and method are found together"
    route = api.route("$default", "f")
    assert repr(route) == "<route web $default → f, 30 s>"
    assert key("GET", "/") == "$default"
    assert lab.trace.requests.front.iloc[-1] == "web $default"
    assert api.route("ANY", "$default", "f") is route
    api.delete_route("$default")
    assert api.get("/").status_code == 404


def test_the_default_route_is_allowed_by_its_own_arn(lab: ll.Lab) -> None:
    lab.create_function("f", echo)
    api = lab.api_gateway.create_http_api("web")
    api.route("$default", "f")
    [statement] = lab.get_policy("f")["Statement"]
    assert statement["Condition"]["ArnLike"]["AWS:SourceArn"].endswith(f"{api.api_id}/*/$default")
    assert api.get("/any/thing").status_code == 200


def test_two_routes_that_take_the_same_requests(lab: ll.Lab) -> None:
    api = web(lab, method="GET", path="/orders/{id}")
    with pytest.raises(ConflictException, match=r"GET /orders/\{id\} already exists"):
        api.route("GET", "/orders/{order}", "f")
    api.route("POST", "/orders/{order}", "f")
    api.route("GET", "/orders/{id}/", "f")
    assert len(api.routes) == 3


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"integration_timeout": 31}, "0.05 to 30 s"), ({"payload_format": "3.0"}, "2.0, 1.0"),
     ({"payload_format": 2.0}, "2.0, 1.0"), ({"stage": "$live"}, r"'\$default'")],
)  # fmt: skip
def test_settings_that_cannot_be(lab: ll.Lab, settings: Any, told: str) -> None:
    with pytest.raises(InvalidSetting, match=told):
        lab.api_gateway.create_http_api("web", **settings)


def test_an_http_api_has_proxy_integrations_only(lab: ll.Lab) -> None:
    api = web(lab)
    with pytest.raises(InvalidSetting, match="HTTP API calls functions by proxy integration only"):
        api.route("GET", "/y", "f", proxy=False, invocation_type="Event")


def test_a_quota_that_is_a_rest_apis_raises_no_http_api() -> None:
    with (
        ll.Lab(quotas={"api_gateway_rest_timeout_maximum": 120}) as lab,
        pytest.raises(InvalidSetting, match="30 s"),
    ):
        lab.api_gateway.create_http_api("web", integration_timeout=60)
