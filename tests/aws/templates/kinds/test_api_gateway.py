"""AWS::ApiGateway: REST APIs, written out and as SAM writes them."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("samtranslator")

import lambdalab as ll
from tests.aws.templates.making import (
    function,
    get,
    left_out,
    made,
    names,
    permission,
    ref,
    resource,
    serverless,
)

ANSWER = (
    "import json\n\n"
    "def handler(event, context):\n"
    "    return {'statusCode': 200, 'body': json.dumps([event['httpMethod'], event['path'], "
    "event['pathParameters'], event['stageVariables']])}\n"
)
FN = function(Code={"ZipFile": ANSWER})
URI = {
    "Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Fn.Arn}/invocations"
}
MAY = permission("Fn", "apigateway")


def method(verb: str, at: Any, **more: Any) -> dict[str, Any]:
    integration = {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": URI}
    given = {"Integration": integration | more.pop("Integration", {}), "AuthorizationType": "NONE"}
    return resource(
        "AWS::ApiGateway::Method",
        RestApiId=ref("Api"),
        ResourceId=at,
        HttpMethod=verb,
        **given | more,
    )


def part(of: Any, text: str) -> dict[str, Any]:
    return resource("AWS::ApiGateway::Resource", RestApiId=ref("Api"), ParentId=of, PathPart=text)


ROOT = get("Api", "RootResourceId")
BASE = {
    "Fn": FN, "May": MAY, "Api": resource("AWS::ApiGateway::RestApi", Name="shop"),
    "Orders": part(ROOT, "orders"), "Order": part(ref("Orders"), "{id}"),
}  # fmt: skip


def test_written_out_in_resources_and_methods() -> None:
    stage = resource(
        "AWS::ApiGateway::Stage", RestApiId=ref("Api"), DeploymentId=ref("Deployment"), StageName="v1",
        Variables={"colour": "red"}, TracingEnabled=True,
        MethodSettings=[{"ResourcePath": "/*", "HttpMethod": "*", "ThrottlingRateLimit": "100",
                         "ThrottlingBurstLimit": 50}],
    )  # fmt: skip
    deployment = resource("AWS::ApiGateway::Deployment", RestApiId=ref("Api"), Description="x")
    url = {"Fn::Sub": "https://${Api}.execute-api.${AWS::Region}.amazonaws.com/${Stage}"}
    lab = made(
        BASE | {
            "Get": method("GET", ref("Order"), Integration={"TimeoutInMillis": "5000"}),
            "Any": method("ANY", ROOT), "Deployment": deployment, "Stage": stage,
        },
        Outputs={"Url": {"Value": url}},
    )  # fmt: skip
    api = lab.api_gateway["shop"]
    assert api.get("/orders/7").json() == ["GET", "/orders/7", {"id": "7"}, {"colour": "red"}]
    assert api.post("/").json()[:2] == ["POST", "/"]
    assert api.get("/orders").status_code == 404
    assert (api.settings.throttle_rate, api.settings.throttle_burst) == (100, 50)
    assert [route.settings.integration_timeout for route in api.routes] == [5, 29]
    assert lab.template is not None
    assert lab.template.outputs["Url"] == api.url == f"https://{api.domain}/v1"
    assert left_out(lab) == {}


def test_an_integration_that_is_no_proxy() -> None:
    told = {
        "Type": "AWS",
        "RequestParameters": {"integration.request.header.X-Amz-Invocation-Type": "'Event'"},
        "IntegrationResponses": [
            {"StatusCode": "202"},
            {"StatusCode": 400, "SelectionPattern": ".*no.*"},
        ],
    }
    lab = made(BASE | {"Put": method("PUT", ref("Orders"), Integration=told)})
    route = lab.api_gateway["shop"].routes[0]
    assert [(each.pattern, each.status_code) for each in route.settings.responses] == [
        ("", 202), (".*no.*", 400),
    ]  # fmt: skip
    answer = lab.api_gateway["shop"].put("/orders", body={"a": 1})
    lab.run()
    assert answer.status_code == 202
    assert lab.trace.invocations["invocation_type"].tolist() == ["Event"]
    vtl = told | {
        "RequestTemplates": {"application/json": "$input"},
        "RequestParameters": {"x": "y"},
    }
    lab = made(BASE | {"Put": method("PUT", ref("Orders"), Integration=vtl)})
    assert set(left_out(lab)) == {
        "Put.PUT /orders.RequestTemplates",
        "Put.PUT /orders.RequestParameters",
    }


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"Type": "MOCK"}, "integrations of the type MOCK are not simulated"),
        ({"Type": "HTTP_PROXY", "Uri": "https://x"}, "integrations of the type HTTP_PROXY"),
        ({"Uri": "arn:aws:apigateway:us-east-1:sqs:path/x"}, "it calls no function"),
        ({"Uri": "arn:aws:apigateway:x:lambda:path/x/functions/arn:aws:lambda:x:1:function:"
                 "${stageVariables.fn}/invocations"}, "stage variables in an address"),
    ],
)  # fmt: skip
def test_integrations_that_a_lab_has_not(told: dict[str, Any], why: str) -> None:
    lab = made(BASE | {"Get": method("GET", ref("Orders"), Integration=told)})
    assert left_out(lab)["Get.GET /orders"].startswith(why)
    assert lab.api_gateway["shop"].routes == []


def test_who_must_prove_who_they_are() -> None:
    lab = made(BASE | {"Get": method("GET", ref("Orders"), AuthorizationType="AWS_IAM")})
    assert left_out(lab) == {
        "Get.GET /orders.Authorizer": "everybody is let in: AWS_IAM is not asked for"
    }
    assert lab.api_gateway["shop"].get("/orders").status_code == 200


def test_several_stages_and_settings_of_one_method() -> None:
    def stage(name: str, **more: Any) -> dict[str, Any]:
        return resource("AWS::ApiGateway::Stage", RestApiId=ref("Api"), StageName=name, **more)

    one = [
        {
            "ResourcePath": "/orders",
            "HttpMethod": "GET",
            "ThrottlingRateLimit": 1,
            "CachingEnabled": True,
        }
    ]
    lab = made(
        BASE | {"One": stage("a", MethodSettings=one), "Two": stage("b", CanarySetting={"x": 1})}
    )
    assert lab.api_gateway["shop"].settings.stage == "a"
    found = left_out(lab)
    assert set(found) == {"Api.Stage", "One.MethodSettings[0]", "Two.CanarySetting"}


def test_two_apis_of_one_name() -> None:
    second = {
        "Other": resource("AWS::ApiGateway::RestApi", Name="shop", BodyS3Location={"Bucket": "b"})
    }
    lab = made(BASE | second)
    assert (names(lab)["Api"], names(lab)["Other"]) == ("shop", "Other")
    assert set(left_out(lab)) == {"Other.BodyS3Location"}


# ---------------------------------------------------------------------- as SAM writes them


def sam(events: dict[str, Any], more: dict[str, Any] | None = None, **sections: Any) -> ll.Lab:
    fn = serverless(InlineCode=ANSWER, Events=events)
    return made({"Fn": fn, **(more or {})}, sam=True, **sections)


def api_event(path: str, verb: str, **more: Any) -> dict[str, Any]:
    return {"Type": "Api", "Properties": {"Path": path, "Method": verb, **more}}


def test_the_api_that_events_imply() -> None:
    url = {
        "Fn::Sub": "https://${ServerlessRestApi}.execute-api.${AWS::Region}.amazonaws.com/Prod/hello/"
    }
    lab = sam(
        {"A": api_event("/hello", "get"), "B": api_event("/{proxy+}", "any")},
        Outputs={"Url": {"Value": url}},
    )  # fmt: skip
    api = lab.api_gateway["ServerlessRestApi"]
    assert api.get("/hello").json()[:2] == ["GET", "/hello"]
    assert api.delete("/a/b").json()[2] == {"proxy": "a/b"}
    assert api.settings.stage == "Prod"
    assert lab.template is not None
    assert lab.template.outputs["Url"] == f"{api.url}/hello/"
    assert (left_out(lab), lab.template.warnings) == ({}, ())


def test_cors_and_authorizers_and_a_pool() -> None:
    auth = {
        "DefaultAuthorizer": "People",
        "Authorizers": {"People": {"UserPoolArn": get("Pool")}},
    }
    more = {
        "Api": resource(
            "AWS::Serverless::Api", StageName="v1", Cors="'*'", Auth=auth, BinaryMediaTypes=["image~1png"],
            Variables={"colour": "blue"},
        ),
        "Pool": resource("AWS::Cognito::UserPool"),
    }  # fmt: skip
    lab = sam({"A": api_event("/x", "post", RestApiId=ref("Api"))}, more)
    assert left_out(lab) == {
        "Api.POST /x.Authorizer": "everybody is let in: People is not asked for"
    }
    api = lab.api_gateway["Api"]
    assert api.post("/x").json()[3] == {"colour": "blue"}
    assert api.settings.binary_media_types == ("image/png",)
    assert lab.template is not None
    assert any("CORS" in each.why for each in lab.template.ignored)


def test_the_api_of_an_alias() -> None:
    fn = serverless(
        InlineCode=ANSWER, AutoPublishAlias="live", Events={"A": api_event("/x", "get")}
    )
    lab = made({"Fn": fn}, sam=True)
    assert lab.api_gateway["ServerlessRestApi"].get("/x").status_code == 200
    assert lab.trace.invocations["qualifier"].tolist() == ["live"]
