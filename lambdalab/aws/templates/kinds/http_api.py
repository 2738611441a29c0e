"""AWS::ApiGatewayV2: HTTP APIs, their routes, integrations and stages."""

from __future__ import annotations

from typing import Any

from lambdalab.aws.templates.intrinsics import Facts
from lambdalab.aws.templates.kinds.api_gateway import api_of, route, throttle
from lambdalab.aws.templates.kinds.kind import Kind
from lambdalab.aws.templates.kinds.openapi import (
    Integration,
    Operation,
    integration_of,
    operations,
)
from lambdalab.aws.templates.resource import NotBuilt, Resource

_STAGE, _INTEGRATION = "AWS::ApiGatewayV2::Stage", "AWS::ApiGatewayV2::Integration"
_DEFAULT = "$default"
_CORS = "CORS headers are not added: a lab's callers are no browsers"


def api(resource: Resource) -> Facts:
    """An HTTP API, with the routes of its document."""
    lab, name = resource.lab, resource.name
    if resource.take("ProtocolType", "HTTP") != "HTTP":
        raise NotBuilt("WebSocket APIs are not simulated")
    if name in lab.api_gateway:
        name = resource.id
    body = resource.take("Body") or {}
    if "BodyS3Location" in resource.properties:
        resource.skip("BodyS3Location", "the document is elsewhere: nothing is fetched")
    found = list(operations(body))
    given = _stage(resource)
    format_version = _format(resource, found)
    if format_version is not None:
        given["payload_format"] = format_version
    made = lab.api_gateway.create_http_api(name, **given)
    resource.stack.notes.setdefault("apis", {})[made.api_id] = made
    for each in found:
        route(resource, made, each)
    target = resource.take("Target")
    if target is not None:
        key = str(resource.take("RouteKey", _DEFAULT))
        route(resource, made, _operation(key, Integration(str(target))))
    if resource.take("CorsConfiguration") or body.get("x-amazon-apigateway-cors"):
        resource.left_out.partly(resource.id, resource.type, "CorsConfiguration", _CORS)
    resource.ignore(
        "ApiKeySelectionExpression", "CredentialsArn", "DisableExecuteApiEndpoint",
        "DisableSchemaValidation", "FailOnWarnings", "IpAddressType", "RouteSelectionExpression",
        "Version",
    )  # fmt: skip
    return Facts(made.api_id, made, name, ApiId=made.api_id, ApiEndpoint=f"https://{made.domain}")


def _stage(resource: Resource) -> dict[str, Any]:
    stages = resource.stack.peers(_STAGE, "ApiId", resource.id)
    if not stages:
        return {}
    first = stages[0]
    if len(stages) > 1:
        told = f"a lab's API has one stage: {first.get('StageName')}"
        resource.left_out.partly(resource.id, resource.type, "Stage", told)
    given: dict[str, Any] = {"stage": first.get("StageName", _DEFAULT)}
    if first.get("StageVariables"):
        given["stage_variables"] = first["StageVariables"]
    return given | throttle(first.get("DefaultRouteSettings") or {})


def _format(resource: Resource, found: list[Operation]) -> str | None:
    """The payload format of its integrations: one, in a lab."""
    told = [each.integration.payload for each in found if each.integration.payload]
    peers = resource.stack.peers(_INTEGRATION, "ApiId", resource.id)
    told += [each["PayloadFormatVersion"] for each in peers if each.get("PayloadFormatVersion")]
    formats = list(dict.fromkeys(map(str, told)))
    if len(formats) > 1:
        why = f"a lab's API has one payload format: {formats[0]}"
        resource.left_out.partly(resource.id, resource.type, "PayloadFormatVersion", why)
    return formats[0] if formats else None


def integration(resource: Resource) -> Facts:
    """An integration, for the routes that name it."""
    told, resource.properties = dict(resource.properties), {}
    found = integration_of(told)
    api_id = str(told.get("ApiId"))
    ref = f"{api_id}{resource.id}".lower()[:24]
    resource.stack.notes.setdefault("integrations", {})[ref] = found
    if found.function is None:
        raise NotBuilt(found.why)
    return Facts(ref, None, f"integration {resource.id}", IntegrationId=ref)


def api_route(resource: Resource) -> Facts:
    """A route of an API."""
    made = api_of(resource, "ApiId")
    key, target = str(resource.needed("RouteKey")), str(resource.take("Target", ""))
    name = target.rpartition("/")[2]
    found = resource.stack.notes.get("integrations", {}).get(name)
    if found is None:
        raise NotBuilt("its integration is not built")
    kind = resource.take("AuthorizationType", "NONE")
    resource.ignore("AuthorizerId", "AuthorizationScopes", "OperationName", "ApiKeyRequired")
    operation = _operation(key, found)
    operation.secured = "" if kind == "NONE" else str(kind)
    route(resource, made, operation)
    return Facts(resource.id, None, f"route {key}", RouteId=resource.id)


def _operation(key: str, found: Integration) -> Operation:
    verb, _, path = key.partition(" ")
    return Operation("ANY", _DEFAULT, found) if key == _DEFAULT else Operation(verb, path, found)


def stage(resource: Resource) -> Facts:
    """A stage has been read with its API."""
    name = resource.needed("StageName")
    if resource.take("RouteSettings"):
        told = "the token buckets of single routes are not built"
        resource.left_out.partly(resource.id, resource.type, "RouteSettings", told)
    resource.told("ApiId", "AutoDeploy", "DefaultRouteSettings", "DeploymentId", "StageVariables")
    resource.ignore("AccessLogSettings", "ClientCertificateId")
    return Facts(str(name))


def deployment(resource: Resource) -> Facts:
    """A lab's API is deployed as it is made."""
    resource.told("ApiId", "StageName")
    return Facts(resource.id)


KINDS = {
    "AWS::ApiGatewayV2::Api": Kind(api, "Name"),
    _INTEGRATION: Kind(integration),
    "AWS::ApiGatewayV2::Route": Kind(api_route),
    _STAGE: Kind(stage),
    "AWS::ApiGatewayV2::Deployment": Kind(deployment),
}
