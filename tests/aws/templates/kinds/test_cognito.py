"""AWS::Cognito."""

from __future__ import annotations

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
)

CONFIRM = """
def handler(event, context):
    event["response"]["autoConfirmUser"] = True
    return event
"""


def test_the_triggers_of_a_pool() -> None:
    config = {
        "PostConfirmation": get("Fn"),
        "DefineAuthChallenge": get("Fn"),
        "PreTokenGenerationConfig": {"LambdaArn": get("Fn"), "LambdaVersion": "V1_0"},
        "KMSKeyID": "arn:x",
    }
    lab = made(
        {
            "Fn": FUNCTION,
            "May": permission("Fn", "cognito-idp"),
            "People": resource(
                "AWS::Cognito::UserPool", UserPoolName="people", LambdaConfig=config, Policies={}
            ),
            "Web": resource(
                "AWS::Cognito::UserPoolClient", UserPoolId=ref("People"), GenerateSecret=False
            ),
        },
        Outputs={"Client": {"Value": ref("Web")}, "Pool": {"Value": get("People", "ProviderURL")}},
    )
    pool = lab.cognito["people"]
    assert (
        repr(pool)
        == "<user pool people: PostConfirmation -> Fn, PreTokenGeneration -> Fn · 0 users>"
    )
    assert left_out(lab) == {
        "People.LambdaConfig.DefineAuthChallenge": "this trigger is not simulated"
    }
    assert lab.template is not None
    assert lab.template.outputs["Client"] == pool.client_id
    assert lab.template.outputs["Pool"].endswith(pool.id)


def test_an_event_of_sam() -> None:
    event = {"Type": "Cognito", "Properties": {"UserPool": ref("People"), "Trigger": "PreSignUp"}}
    fn = serverless(InlineCode=CONFIRM, Events={"Sign": event})
    lab = made({"Fn": fn, "People": resource("AWS::Cognito::UserPool")}, sam=True)
    assert lab.cognito["People"].sign_up("ann", {"email": "ann@example.com"}).status == "CONFIRMED"
    assert lab.template is not None
    assert (left_out(lab), lab.template.warnings) == ({}, ())
