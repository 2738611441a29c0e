"""The permissions of a template: what it does not allow is refused, and told beforehand."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("samtranslator")

import lambdalab as ll
from lambdalab.triggers.http import Response
from tests.aws.templates.making import FUNCTION, get, made, permission, ref, resource

BUCKET = resource(
    "AWS::S3::Bucket",
    NotificationConfiguration={
        "LambdaConfigurations": [{"Event": "s3:ObjectCreated:*", "Function": get("Fn")}]
    },
)


def warnings(lab: ll.Lab) -> tuple[str, ...]:
    assert lab.template is not None
    return lab.template.warnings


def called(lab: ll.Lab) -> int:
    lab.s3["photos"].put_object("a", b"x")
    lab.run()
    return int((lab.trace.invocations["status"] == "succeeded").sum())


def test_a_trigger_without_a_permission_is_refused() -> None:
    lab = made({"Fn": FUNCTION, "Photos": BUCKET})
    assert warnings(lab) == (
        "no AWS::Lambda::Permission lets s3.amazonaws.com invoke Fn on behalf of arn:aws:s3:::photos: "
        "its calls are refused",
    )
    assert "1 warning" in repr(lab)
    assert called(lab) == 0


def test_one_that_has_it_is_not() -> None:
    for more in (
        {},
        {"SourceAccount": ref("AWS::AccountId")},
        {"SourceArn": "arn:aws:s3:::photos"},
    ):
        lab = made({"Fn": FUNCTION, "May": permission("Fn", "s3", **more), "Photos": BUCKET})
        assert warnings(lab) == ()
        assert [each["Sid"] for each in lab.get_policy("Fn")["Statement"]] == ["May"]
        assert called(lab) == 1


def test_one_of_another_service_or_source_does_not_help() -> None:
    other: dict[str, Any]
    for other in (permission("Fn", "sns"), permission("Fn", "s3", SourceArn="arn:aws:s3:::other")):
        lab = made({"Fn": FUNCTION, "May": other, "Photos": BUCKET})
        assert len(warnings(lab)) == 1
        assert called(lab) == 0


def test_the_permissions_of_an_alias_are_its_own() -> None:
    resources = {
        "Fn": FUNCTION, "V": resource("AWS::Lambda::Version", FunctionName=ref("Fn")),
        "Live": resource(
            "AWS::Lambda::Alias", FunctionName=ref("Fn"), FunctionVersion=get("V", "Version"), Name="live"
        ),
        "May": permission("Fn", "sns"), "Topic": resource("AWS::SNS::Topic"),
        "Sub": resource(
            "AWS::SNS::Subscription", TopicArn=ref("Topic"), Protocol="lambda", Endpoint=ref("Live")
        ),
    }  # fmt: skip
    (told,) = warnings(made(resources))
    assert "lets sns.amazonaws.com invoke Fn:live on behalf of" in told
    resources["May"] = permission("Live", "sns")
    assert warnings(made(resources)) == ()


def test_an_api_that_calls_by_a_role_needs_none() -> None:
    integration = {
        "Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Credentials": "arn:aws:iam::1:role/x",
        "Uri": {"Fn::Sub": "arn:aws:apigateway:us-east-1:lambda:path/x/functions/${Fn.Arn}/invocations"},
    }  # fmt: skip
    method = resource(
        "AWS::ApiGateway::Method", RestApiId=ref("Api"), ResourceId=get("Api", "RootResourceId"),
        HttpMethod="GET", Integration=integration,
    )  # fmt: skip
    resources = {"Fn": FUNCTION, "Api": resource("AWS::ApiGateway::RestApi"), "Get": method}
    lab = made(resources)
    assert warnings(lab) == ()
    assert lab.api_gateway["Api"].get("/").status_code == 502, "called, and no answer for a proxy"
    del integration["Credentials"]
    lab = made(resources)
    assert len(warnings(lab)) == 1
    assert lab.api_gateway["Api"].get("/").status_code == 500


@pytest.mark.parametrize("kind", ["NONE", "AWS_IAM"])
def test_a_url_that_nobody_may_call(kind: str) -> None:
    url = resource("AWS::Lambda::Url", TargetFunctionArn=get("Fn"), AuthType=kind)
    lab = made({"Fn": FUNCTION, "Url": url})
    told = ("no AWS::Lambda::Permission lets anybody call the Fn url: it answers 403",)
    assert warnings(lab) == (told if kind == "NONE" else ())
    answer: Response = lab.get_function_url("Fn").get("/")
    assert answer.status_code == 403
    may = resource(
        "AWS::Lambda::Permission", FunctionName=ref("Fn"), Action="lambda:InvokeFunctionUrl",
        Principal="*", FunctionUrlAuthType="NONE",
    )  # fmt: skip
    lab = made({"Fn": FUNCTION, "Url": url, "May": may})
    assert warnings(lab) == ()
    if kind == "NONE":
        assert lab.get_function_url("Fn").get("/").status_code == 200
