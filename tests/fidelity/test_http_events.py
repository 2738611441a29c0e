"""The events of services that speak HTTP, member by member, as AWS's pages show them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser import models

import lambdalab as ll
from tests.fidelity.shapes import ACCOUNT, IP, LOG_TIME, TEXT, UUID, AtLeast, arn, check


@pytest.fixture
def seen(lab: ll.Lab) -> list[Any]:
    """What the function ``f`` is given; it answers as a proxy would."""
    events: list[Any] = []

    def keep(event: Any, context: Any) -> dict[str, Any]:
        events.append(event)
        return {"statusCode": 200, "body": "{}"}

    lab.create_function("f", keep)
    return events


_ANONYMOUS = (
    "accessKey accountId apiKey apiKeyId caller cognitoAuthenticationProvider "
    "cognitoAuthenticationType cognitoIdentityId cognitoIdentityPoolId principalOrgId user userArn"
)


def test_rest_api(lab: ll.Lab, seen: list[Any]) -> None:
    """Payload format 1.0."""
    api = lab.api_gateway.create_rest_api("api")
    api.route("ANY", "/{proxy+}", "f")
    api.post("/p?a=1", {}, headers={"User-Agent": "ua", "X-Two": ["1", "2"]})
    api.get("/q")
    identity = {**dict.fromkeys(_ANONYMOUS.split()), "sourceIp": IP, "userAgent": TEXT}

    def context(method: str, path: str) -> dict[str, Any]:
        return {
            "accountId": ACCOUNT, "apiId": api.api_id, "resourceId": re.compile(r"[0-9a-z]+"),
            "resourcePath": "/{proxy+}", "httpMethod": method, "path": f"/prod{path}",
            "stage": "prod", "requestId": UUID, "extendedRequestId": TEXT, "requestTime": LOG_TIME,
            "deploymentId": re.compile("[0-9a-z]+"), "requestTimeEpoch": int,
            "protocol": "HTTP/1.1", "domainPrefix": api.api_id,
            "domainName": f"{api.api_id}.execute-api.us-east-1.amazonaws.com",
            "identity": identity,
        }  # fmt: skip

    def event(method: str, path: str, **members: Any) -> dict[str, Any]:
        headers = {"Host": api.domain, "X-Forwarded-Port": "443", "X-Forwarded-Proto": "https"}
        nothing = dict.fromkeys(
            ("queryStringParameters", "multiValueQueryStringParameters", "stageVariables", "body")
        )
        return {
            "resource": "/{proxy+}", "path": path, "httpMethod": method,
            "headers": AtLeast(headers),
            "multiValueHeaders": AtLeast({name: [value] for name, value in headers.items()}),
            "pathParameters": {"proxy": path[1:]}, "requestContext": context(method, path),
            "isBase64Encoded": False, **nothing, **members,
        }  # fmt: skip

    asked = {"queryStringParameters": {"a": "1"}, "multiValueQueryStringParameters": {"a": ["1"]}}
    check(seen[0], event("POST", "/p", **asked, body="{}"))
    check(seen[1], event("GET", "/q"))
    assert (seen[0]["headers"]["X-Two"], seen[0]["multiValueHeaders"]["X-Two"]) == ("2", ["1", "2"])
    assert seen[0]["requestContext"]["identity"]["userAgent"] == "ua"
    for each in seen:
        models.APIGatewayProxyEventModel.model_validate(each)


def version_2(domain: str, route: str, method: str, account: str, **members: Any) -> dict[str, Any]:
    prefix = domain.partition(".")[0]
    http = {
        "method": method, "path": "/p", "protocol": "HTTP/1.1", "sourceIp": IP, "userAgent": TEXT,
    }  # fmt: skip
    return {
        "version": "2.0", "routeKey": route, "rawPath": "/p", "rawQueryString": "",
        "headers": AtLeast(
            {"host": domain, "x-forwarded-port": "443", "x-forwarded-proto": "https"}
        ),
        "requestContext": {
            "accountId": account, "apiId": prefix, "domainName": domain, "domainPrefix": prefix,
            "http": http, "requestId": TEXT, "routeKey": route, "stage": "$default",
            "time": LOG_TIME, "timeEpoch": int,
        },
        "isBase64Encoded": False, **members,
    }  # fmt: skip


ASKED: dict[str, Any] = {
    "rawQueryString": "a=1&a=2", "queryStringParameters": {"a": "1,2"}, "cookies": ["c=1", "d=2"],
    "body": "{}",
}  # fmt: skip


def test_http_api(lab: ll.Lab, seen: list[Any]) -> None:
    """Payload format 2.0: what is not there is left out."""
    api = lab.api_gateway.create_http_api("api")
    for method in ("POST", "GET"):
        api.route(method, "/p", "f")
    api.post("/p?a=1&a=2", {}, headers={"Cookie": "c=1; d=2", "X-Two": ["1", "2"]})
    api.get("/p")
    check(seen[0], version_2(api.domain, "POST /p", "POST", ACCOUNT, **ASKED))
    check(seen[1], version_2(api.domain, "GET /p", "GET", ACCOUNT))
    assert seen[0]["headers"]["x-two"] == "1,2"
    for each in seen:
        models.APIGatewayProxyEventV2Model.model_validate(each)


def test_function_url(lab: ll.Lab, seen: list[Any]) -> None:
    """The same of a function URL: ``$default`` everywhere, and nobody's account without a signature."""
    url = lab.create_function_url("f")
    url.post("/p?a=1&a=2", {}, headers={"Cookie": "c=1; d=2", "X-Two": ["1", "2"]})
    url.get("/p")
    domain = url.url.removeprefix("https://").removesuffix("/")
    assert re.fullmatch(r"[a-z0-9]+\.lambda-url\.us-east-1\.on\.aws", domain)
    check(seen[0], version_2(domain, "$default", "POST", "anonymous", **ASKED))
    check(seen[1], version_2(domain, "$default", "GET", "anonymous"))
    assert seen[0]["headers"]["x-two"] == "1,2"
    for each in seen:
        models.LambdaFunctionUrlModel.model_validate(each)


def test_load_balancer(lab: ll.Lab, seen: list[Any]) -> None:
    lab.elb.create_load_balancer("t", "f").get("/?a=1")
    headers = {"x-forwarded-for": IP, "x-forwarded-port": "80", "x-forwarded-proto": "http"}
    target = re.compile(re.escape(arn("elasticloadbalancing", "targetgroup/t/")) + "[0-9a-f]+")
    event = {
        "requestContext": {"elb": {"targetGroupArn": target}},
        "httpMethod": "GET", "path": "/", "queryStringParameters": {"a": "1"},
        "headers": AtLeast({"host": TEXT, **headers}), "body": "", "isBase64Encoded": False,
    }  # fmt: skip
    check(seen, [event])
    models.AlbModel.model_validate(seen[0])


def test_load_balancer_with_several_values(lab: ll.Lab, seen: list[Any]) -> None:
    """With multi-value headers there are lists, and nothing else."""
    balancer = lab.elb.create_load_balancer("t", "f", multi_value_headers=True)
    balancer.get("/p?a=1&a=2", headers={"X-Two": ["1", "2"]})
    event = {
        "requestContext": {"elb": {"targetGroupArn": TEXT}}, "httpMethod": "GET", "path": "/p",
        "multiValueQueryStringParameters": {"a": ["1", "2"]},
        "multiValueHeaders": AtLeast({"host": [TEXT], "x-two": ["1", "2"]}),
        "body": "", "isBase64Encoded": False,
    }  # fmt: skip
    check(seen, [event])


def test_a_query_stands_as_it_was_sent(lab: ll.Lab, seen: list[Any]) -> None:
    """``rawQueryString`` is the URL's own text; a load balancer decodes nothing, the others do."""
    api = lab.api_gateway.create_rest_api("api")
    api.route("GET", "/", "f")
    web = lab.api_gateway.create_http_api("web")
    web.route("$default", "f")
    fronts = [
        lab.create_function_url("f"), web, api, lab.elb.create_load_balancer("t", "f"),
        lab.elb.create_load_balancer("m", "f", multi_value_headers=True),
    ]  # fmt: skip
    for front in fronts:
        front.get("/?verbose&q=a%20b%26")
    decoded, as_sent = {"verbose": "", "q": "a b&"}, {"verbose": "", "q": "a%20b%26"}
    assert [each["rawQueryString"] for each in seen[:2]] == ["verbose&q=a%20b%26"] * 2
    assert [each["queryStringParameters"] for each in seen[:4]] == [decoded] * 3 + [as_sent]
    assert seen[4]["multiValueQueryStringParameters"] == {"verbose": [""], "q": ["a%20b%26"]}
