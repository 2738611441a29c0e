"""AWS::ApiGateway: REST APIs, their resources, methods and stages.

A lab's API has one stage, which is made with it: what a stage of the template says is read when its API is
made. Methods stand in resources of their own, or in the API's OpenAPI document, which is what SAM writes.
"""

from __future__ import annotations

from typing import Any

from lambdalab.aws.templates.intrinsics import Facts
from lambdalab.aws.templates.kinds.kind import Kind
from lambdalab.aws.templates.kinds.openapi import Operation, integration_of, operations, wire
from lambdalab.aws.templates.resource import NotBuilt, Resource, as_list, whole

_STAGE, _DEPLOYMENT = "AWS::ApiGateway::Stage", "AWS::ApiGateway::Deployment"
_HARMLESS = (
    "ApiKeySourceType", "CloneFrom", "DisableExecuteApiEndpoint", "EndpointAccessMode", "FailOnWarnings",
    "MinimumCompressionSize", "Mode", "Parameters", "Policy", "SecurityPolicy",
)  # fmt: skip


def rest_api(resource: Resource) -> Facts:
    """A REST API, with the routes of its document."""
    lab, name = resource.lab, resource.name
    if name in lab.api_gateway:  # AWS finds them by their ids, a lab by their names
        name = resource.id
    body = resource.take("Body") or {}
    if "BodyS3Location" in resource.properties:
        resource.skip("BodyS3Location", "the document is elsewhere: nothing is fetched")
    given: dict[str, Any] = _stage(resource)
    kinds = as_list((resource.take("EndpointConfiguration") or {}).get("Types"))
    given["endpoint_type"] = kinds[0] if kinds else "REGIONAL"
    media = as_list(resource.take("BinaryMediaTypes")) or as_list(
        body.get("x-amazon-apigateway-binary-media-types")
    )
    given["binary_media_types"] = tuple(str(each).replace("~1", "/") for each in media)
    api = lab.api_gateway.create_rest_api(name, **given)
    root = f"{api.api_id}root"
    _paths(resource)[root] = ""
    _apis(resource)[api.api_id] = api
    for found in operations(body):
        route(resource, api, found)
    resource.ignore(*_HARMLESS)
    return Facts(api.api_id, api, name, RootResourceId=root, RestApiId=api.api_id)


def _paths(resource: Resource) -> dict[str, str]:
    """The path of each AWS::ApiGateway::Resource by its id."""
    found: dict[str, str] = resource.stack.notes.setdefault("paths", {})
    return found


def _apis(resource: Resource) -> dict[str, Any]:
    """The APIs by their ids."""
    found: dict[str, Any] = resource.stack.notes.setdefault("apis", {})
    return found


def api_of(resource: Resource, prop: str) -> Any:
    """The API that a resource belongs to; one that is not built is no error."""
    found = _apis(resource).get(str(resource.needed(prop)))
    if found is None:
        raise NotBuilt("its API is not built")
    return found


def route(resource: Resource, api: Any, found: Operation) -> None:
    """A route, and what of it is left out; a preflight is what CORS needs and a lab's callers do not."""

    def report(where: str, why: str) -> None:
        if found.method == "OPTIONS" and "MOCK" in why:
            told = "CORS: no browser asks a lab beforehand"
            resource.left_out.ignore(resource.id, resource.type, where, told)
        else:
            resource.left_out.partly(resource.id, resource.type, where, why)

    made = wire(api, found, report)
    if made is not None and found.integration.role:
        resource.stack.trusted(made.target)


def _stage(resource: Resource) -> dict[str, Any]:
    """What the API's stage says, where the template has one."""
    stages = resource.stack.peers(_STAGE, "RestApiId", resource.id)
    named = [each for each in stages if each.get("StageName")]
    for each in resource.stack.peers(_DEPLOYMENT, "RestApiId", resource.id):
        if each.get("StageName") and not named:
            named = [each]
    if not named:
        return {}
    first = named[0]
    if len(named) > 1:
        told = f"a lab's API has one stage: {first['StageName']}"
        resource.left_out.partly(resource.id, resource.type, "Stage", told)
    given: dict[str, Any] = {"stage": first["StageName"]}
    if first.get("Variables"):
        given["stage_variables"] = first["Variables"]
    for each in as_list(first.get("MethodSettings")):
        if each.get("ResourcePath") == "/*" and each.get("HttpMethod") == "*":
            given |= throttle(each)
    return given


def throttle(told: dict[str, Any]) -> dict[str, Any]:
    """The token bucket of a stage."""
    found: dict[str, Any] = {}
    if "ThrottlingRateLimit" in told:
        found["throttle_rate"] = float(told["ThrottlingRateLimit"])
    if "ThrottlingBurstLimit" in told:
        found["throttle_burst"] = whole(told["ThrottlingBurstLimit"])
    return found


def path_resource(resource: Resource) -> Facts:
    """A part of a path, below another one."""
    api, paths = api_of(resource, "RestApiId"), _paths(resource)
    parent = str(resource.needed("ParentId"))
    path = f"{paths.get(parent, '')}/{resource.needed('PathPart')}"
    ref = f"{api.api_id}{len(paths):03d}"
    paths[ref] = path
    return Facts(ref, None, path, ResourceId=ref)


def method(resource: Resource) -> Facts:
    """A method of a path."""
    api = api_of(resource, "RestApiId")
    path = _paths(resource).get(str(resource.needed("ResourceId")), "") or "/"
    verb = str(resource.needed("HttpMethod"))
    kind = resource.take("AuthorizationType", "NONE")
    integration = integration_of(resource.take("Integration") or {})
    found = Operation(verb, path, integration, "" if kind == "NONE" else str(kind))
    route(resource, api, found)
    resource.ignore(
        "ApiKeyRequired", "AuthorizerId", "AuthorizationScopes", "MethodResponses", "OperationName",
        "RequestModels", "RequestParameters", "RequestValidatorId",
    )  # fmt: skip
    return Facts(resource.id, None, f"{verb} {path}")


def stage(resource: Resource) -> Facts:
    """A stage has been read with its API."""
    name = resource.needed("StageName")
    resource.told("RestApiId", "DeploymentId", "Variables")
    resource.ignore(
        "AccessLogSetting", "ClientCertificateId", "DocumentationVersion", "TracingEnabled"
    )
    for number, each in enumerate(as_list(resource.take("MethodSettings"))):
        general = each.get("ResourcePath") == "/*" and each.get("HttpMethod") == "*"
        if throttle(each) and not general:
            told = "the token buckets of single methods are not built"
            resource.left_out.partly(resource.id, resource.type, f"MethodSettings[{number}]", told)
        if str(each.get("CachingEnabled", "")).lower() == "true":
            told = "a lab's APIs have no cache"
            resource.left_out.partly(resource.id, resource.type, f"MethodSettings[{number}]", told)
    for each in ("CacheClusterEnabled", "CacheClusterSize", "CanarySetting"):
        if resource.properties.get(each):
            resource.skip(each, "not simulated")
    return Facts(str(name))


def deployment(resource: Resource) -> Facts:
    """A lab's API is deployed as it is made."""
    resource.told("RestApiId", "StageName", "Description")
    resource.ignore("DeploymentCanarySettings", "StageDescription")
    return Facts(resource.id)


KINDS = {
    "AWS::ApiGateway::RestApi": Kind(rest_api, "Name"),
    "AWS::ApiGateway::Resource": Kind(path_resource),
    "AWS::ApiGateway::Method": Kind(method),
    _STAGE: Kind(stage),
    _DEPLOYMENT: Kind(deployment),
}
