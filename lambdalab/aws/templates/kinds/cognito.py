"""AWS::Cognito: user pools and their triggers."""

from __future__ import annotations

from typing import Any

from lambdalab.aws.templates.intrinsics import Facts
from lambdalab.aws.templates.kinds.kind import Kind
from lambdalab.aws.templates.resource import Resource
from lambdalab.functions.context import REGION
from lambdalab.triggers.cognito.calls import TRIGGERS

_CONFIG = "PreTokenGenerationConfig"


def pool(resource: Resource) -> Facts:
    """A user pool and the functions it calls."""
    made = resource.lab.cognito.create_user_pool(resource.name)
    for name, given in (resource.take("LambdaConfig") or {}).items():
        function: Any = given.get("LambdaArn") if isinstance(given, dict) else given
        trigger = "PreTokenGeneration" if name == _CONFIG else name
        if trigger in TRIGGERS.values():
            made.trigger(trigger, function)
        elif trigger != "KMSKeyID":
            where, why = f"LambdaConfig.{name}", "this trigger is not simulated"
            resource.left_out.partly(resource.id, resource.type, where, why)
    resource.ignore(*resource.properties, why="a lab's user pools have users and triggers alone")
    provider = f"cognito-idp.{REGION}.amazonaws.com/{made.id}"
    _pools(resource)[made.id] = made
    return Facts(
        made.id, made, made.name, Arn=made.arn, UserPoolId=made.id, ProviderName=provider,
        ProviderURL=f"https://{provider}",
    )  # fmt: skip


def _pools(resource: Resource) -> dict[str, Any]:
    found: dict[str, Any] = resource.stack.notes.setdefault("pools", {})
    return found


def client(resource: Resource) -> Facts:
    """A client of a pool: a pool of a lab has one."""
    made = _pools(resource).get(str(resource.needed("UserPoolId")))
    resource.ignore(*resource.properties, why="a lab's user pools have one client")
    ref = resource.id if made is None else made.client_id
    return Facts(ref, None, resource.name, ClientId=ref, Name=resource.name)


KINDS = {
    "AWS::Cognito::UserPool": Kind(pool, "UserPoolName"),
    "AWS::Cognito::UserPoolClient": Kind(client, "ClientName"),
}
