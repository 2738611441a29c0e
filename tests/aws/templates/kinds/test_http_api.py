"""AWS::ApiGatewayV2: HTTP APIs."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("samtranslator")

from tests.aws.templates.making import (
    FUNCTION,
    get,
    left_out,
    made,
    permission,
    ref,
    resource,
    serverless,
    value,
)

MAY = permission("Fn", "apigateway")
BASE = {
    "Fn": FUNCTION, "May": MAY, "Web": resource("AWS::ApiGatewayV2::Api", Name="web", ProtocolType="HTTP"),
}  # fmt: skip


def integration(**more: Any) -> dict[str, Any]:
    given = {
        "IntegrationType": "AWS_PROXY",
        "IntegrationUri": get("Fn"),
        "PayloadFormatVersion": "2.0",
    }
    return resource("AWS::ApiGatewayV2::Integration", ApiId=ref("Web"), **given | more)


def route(key: str, to: str = "Int", **more: Any) -> dict[str, Any]:
    target = {"Fn::Sub": f"integrations/${{{to}}}"}
    return resource(
        "AWS::ApiGatewayV2::Route", ApiId=ref("Web"), RouteKey=key, Target=target, **more
    )


def test_written_out() -> None:
    stage = resource(
        "AWS::ApiGatewayV2::Stage", ApiId=ref("Web"), StageName="$default", AutoDeploy=True,
        DefaultRouteSettings={"ThrottlingRateLimit": 10, "ThrottlingBurstLimit": 5},
        StageVariables={"colour": "red"},
    )  # fmt: skip
    lab = made(
        BASE | {
            "Int": integration(TimeoutInMillis=7000), "Get": route("GET /orders/{id}"),
            "Rest": route("$default"), "Stage": stage,
        }
    )  # fmt: skip
    api = lab.api_gateway["web"]
    assert [each.key for each in api.routes] == ["GET /orders/{id}", "$default"]
    assert api.get("/orders/7").json()["pathParameters"] == {"id": "7"}
    assert api.post("/elsewhere").json()["routeKey"] == "$default"
    assert (api.settings.throttle_rate, api.routes[0].settings.integration_timeout) == (10, 7)
    assert left_out(lab) == {}


def test_made_quickly() -> None:
    quick = resource("AWS::ApiGatewayV2::Api", Name="quick", ProtocolType="HTTP", Target=get("Fn"))
    keyed = resource("AWS::ApiGatewayV2::Api", Name="k", Target=get("Fn"), RouteKey="GET /x")
    lab = made({"Fn": FUNCTION, "May": MAY, "Quick": quick, "Keyed": keyed})
    assert lab.api_gateway["quick"].get("/any").status_code == 200
    assert [each.key for each in lab.api_gateway["k"].routes] == ["GET /x"]


def test_what_refers_to_it() -> None:
    endpoint = value(get("Web", "ApiEndpoint"), resources=BASE)
    assert (
        endpoint
        == f"https://{value(ref('Web'), resources=BASE)}.execute-api.us-east-1.amazonaws.com"
    )


def test_what_of_it_is_left_out() -> None:
    stage = resource(
        "AWS::ApiGatewayV2::Stage", ApiId=ref("Web"), StageName="a", RouteSettings={"GET /x": {}}
    )
    second = resource("AWS::ApiGatewayV2::Stage", ApiId=ref("Web"), StageName="b")
    cors = resource("AWS::ApiGatewayV2::Api", Name="web", CorsConfiguration={"AllowOrigins": ["*"]})
    lab = made(
        BASE | {
            "Web": cors, "Stage": stage, "Second": second,
            "Int": integration(), "Old": integration(PayloadFormatVersion="1.0"),
            "Http": integration(IntegrationType="HTTP_PROXY", IntegrationUri="https://x"),
            "Get": route("GET /x", AuthorizationType="JWT", AuthorizerId="a"),
            "Post": route("POST /x", "Http"),
        }
    )  # fmt: skip
    found = left_out(lab)
    assert set(found) == {
        "Web.CorsConfiguration", "Web.Stage", "Web.PayloadFormatVersion", "Stage.RouteSettings",
        "Get.GET /x.Authorizer", "Http", "Post",
    }  # fmt: skip
    assert found["Post"] == "its integration is not built"
    socket = {
        "Socket": resource("AWS::ApiGatewayV2::Api", Name="s", ProtocolType="WEBSOCKET"),
        "Route": resource("AWS::ApiGatewayV2::Route", ApiId=ref("Socket"), RouteKey="$connect"),
    }
    assert left_out(made(socket)) == {
        "Socket": "WebSocket APIs are not simulated", "Route": "its API is not built",
    }  # fmt: skip


def test_as_sam_writes_them() -> None:
    events = {
        "A": {
            "Type": "HttpApi",
            "Properties": {"Path": "/a/{id}", "Method": "get", "TimeoutInMillis": 4000},
        },
        "B": {"Type": "HttpApi"},
    }
    url = {"Fn::Sub": "https://${ServerlessHttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"}
    lab = made({"Fn": serverless(Events=events)}, sam=True, Outputs={"Url": {"Value": url}})
    api = lab.api_gateway["ServerlessHttpApi"]
    assert api.get("/a/7").json()["pathParameters"] == {"id": "7"}
    assert api.get("/b").json()["routeKey"] == "$default"
    assert lab.template is not None
    assert lab.template.outputs["Url"] == api.url
    assert (left_out(lab), lab.template.warnings) == ({}, ())
    auth = {
        "DefaultAuthorizer": "Jwt",
        "Authorizers": {
            "Jwt": {
                "JwtConfiguration": {"issuer": "https://x", "audience": ["a"]},
                "IdentitySource": "$request.header.A",
            }
        },
    }
    own = {"Api": resource("AWS::Serverless::HttpApi", Auth=auth, CorsConfiguration=True)}
    events = {
        "A": {"Type": "HttpApi", "Properties": {"ApiId": ref("Api"), "Path": "/x", "Method": "get"}}
    }
    lab = made({"Fn": serverless(Events=events)} | own, sam=True)
    assert set(left_out(lab)) == {"Api.GET /x.Authorizer", "Api.CorsConfiguration"}
