"""AWS::Lambda: functions, their versions and aliases, mappings, permissions and URLs."""

from __future__ import annotations

from typing import Any

from lambdalab.aws.function_changes import publish
from lambdalab.aws.function_settings import keep, settings_given
from lambdalab.aws.lambda_api import touch
from lambdalab.aws.operations import ApiError
from lambdalab.aws.templates.intrinsics import Facts
from lambdalab.aws.templates.kinds.code import Found, code_of
from lambdalab.aws.templates.kinds.kind import Kind
from lambdalab.aws.templates.resource import NotBuilt, Resource, refusal, whole
from lambdalab.functions.target import split

_SAMS = [{"Key": "lambda:createdBy", "Value": "SAM"}]
_POLLED = ("sqs", "kinesis", "dynamodb")
_ONLY_KEPT = {
    "VpcConfig": "a lab has no networks", "EphemeralStorage": "a lab's /tmp has no end",
    "RuntimeManagementConfig": "a lab has one runtime of each kind",
    "CodeSigningConfigArn": "a lab trusts its code", "PackageType": "it follows from the code",
}  # fmt: skip
_NOT_BUILT = {
    "Layers": "a layer's files are not there: what only it brings cannot be imported",
    "FileSystemConfigs": "a lab has no file systems", "ImageConfig": "a lab runs no images",
    "SnapStart": "a lab's environments start from code",
    "CapacityProviderConfig": "a lab has no capacity providers",
    "DurableConfig": "a lab's functions are not durable", "TenancyConfig": "a lab has no tenants",
}  # fmt: skip


def function(resource: Resource) -> Facts:
    """A function: with its code where that is there and Python, else a model of one."""
    found = code_of(resource)
    reserved = resource.take("ReservedConcurrentExecutions")
    more: dict[str, Any] = {}
    if reserved is not None:
        more["reserved_concurrency"] = whole(reserved)
    loop = resource.take("RecursiveLoop")
    if loop is not None:
        more["recursive_loop"] = loop
    snap = resource.properties.get("SnapStart")
    if isinstance(snap, dict) and snap.get("ApplyOn") == "None":
        del resource.properties["SnapStart"]
    for name, why in _NOT_BUILT.items():
        if resource.properties.get(name):
            resource.skip(name, why)
    given: dict[str, Any] = {
        each: resource.take(each)
        for each in (
            "Architectures", "DeadLetterConfig", "Description", "Environment", "EphemeralStorage",
            "LoggingConfig", "MemorySize", "Role", "Timeout", "TracingConfig", "VpcConfig",
        )
        if each in resource.properties
    }  # fmt: skip
    resource.ignore(*_ONLY_KEPT)
    return _made(resource, found, given, more)


def _made(resource: Resource, found: Found, given: dict[str, Any], more: dict[str, Any]) -> Facts:
    lab, name = resource.lab, resource.name
    request = {"FunctionName": name, **given}
    if found.runtime:
        request["Runtime"] = found.runtime
    call = resource.request("lambda", "CreateFunction", request)
    try:
        settings = settings_given(call) | found.settings | more
    except ApiError as error:
        raise resource.refused(refusal(error)) from None
    made = lab.create_function(name, found.code, handler=found.handler, **settings)
    keep(call, made)
    touch(call, made, "configuration")
    if resource.properties.get("Tags") == _SAMS:
        resource.told("Tags")
    for each in ("EphemeralStorage", "TracingConfig", "VpcConfig", "Description"):
        if each in given:
            resource.properties[each] = given[each]
            resource.ignore(each, why=_ONLY_KEPT.get(each, ""))
    return Facts(made.name, made, Arn=made.arn)


def version(resource: Resource) -> Facts:
    """A version, and what of it is provisioned."""
    wanted = resource.needed("FunctionName")
    resource.ignore("CodeSha256", "RuntimePolicy")
    call = resource.request("lambda", "PublishVersion", {"FunctionName": wanted})
    made = resource.lab.get_function(_function(wanted))
    number = publish(call, made, str(resource.take("Description", "")))
    arn = f"{made.arn}:{number}"
    _provision(resource, made.name, number)
    return Facts(
        arn, made.version(number), f"{made.name}:{number}", Version=number, FunctionArn=arn
    )


def alias(resource: Resource) -> Facts:
    """An alias, with its weights and what of it is provisioned."""
    wanted, name = _function(resource.needed("FunctionName")), resource.name
    given: dict[str, Any] = {"FunctionName": wanted, "Name": name}
    given |= {
        each: resource.take(each)
        for each in ("FunctionVersion", "Description")
        if each in resource.properties
    }
    weights = (resource.take("RoutingConfig") or {}).get("AdditionalVersionWeights") or []
    if weights:
        shares = {str(each["FunctionVersion"]): each["FunctionWeight"] for each in weights}
        given["RoutingConfig"] = {"AdditionalVersionWeights": shares}
    arn = resource.call("lambda", "CreateAlias", given)["AliasArn"]
    _provision(resource, wanted, name)
    made = resource.lab.get_function(wanted).aliases[name]
    return Facts(arn, made, f"{wanted}:{name}", AliasArn=arn)


def _provision(resource: Resource, wanted: str, qualifier: str) -> None:
    count = (resource.take("ProvisionedConcurrencyConfig") or {}).get(
        "ProvisionedConcurrentExecutions"
    )
    if count is not None:
        resource.call(
            "lambda", "PutProvisionedConcurrencyConfig",
            {"FunctionName": wanted, "Qualifier": qualifier, "ProvisionedConcurrentExecutions": count},
        )  # fmt: skip


def _function(reference: Any) -> str:
    """The name in a reference to a function."""
    name, _ = split(str(reference)) or (str(reference), "")
    return name


def event_invoke_config(resource: Resource) -> Facts:
    """How asynchronous events are retried, and where records of them go."""
    given, resource.properties = dict(resource.properties), {}
    resource.call("lambda", "PutFunctionEventInvokeConfig", given)
    return Facts(resource.id, None, f"{_function(given['FunctionName'])} events")


def mapping(resource: Resource) -> Facts:
    """An event source mapping of a queue, a stream or a table's stream."""
    given, resource.properties = dict(resource.properties), {}
    service = [*str(given.get("EventSourceArn", "")).split(":"), "", ""][2]
    if service not in _POLLED:
        where = given.get("EventSourceArn", "a cluster of one's own")
        raise NotBuilt(f"a lab polls SQS, Kinesis and DynamoDB streams, not {where}")
    for name in [each for each in ("Tags", "KmsKeyArn") if each in given]:
        resource.properties[name] = given.pop(name)
    answer = resource.call("lambda", "CreateEventSourceMapping", given)
    found = [m for m in resource.lab.list_event_source_mappings() if m.uuid == answer["UUID"]]
    return Facts(
        answer["UUID"], found[0], found[0].name, Id=answer["UUID"],
        EventSourceMappingArn=answer["EventSourceMappingArn"],
    )  # fmt: skip


def permission(resource: Resource) -> Facts:
    """A statement of a function's policy; its name is the logical id."""
    given, resource.properties = dict(resource.properties), {}
    for name in ("PrincipalOrgID", "EventSourceToken"):
        if name in given:
            del given[name]
            resource.skip(name, "a lab has one account, and no Alexa")
    if str(given.get("Principal", "")).endswith(".amazon.com"):
        raise NotBuilt("a lab has no Alexa")
    given["StatementId"] = resource.id
    resource.call("lambda", "AddPermission", given)
    name, qualifier = split(str(given["FunctionName"])) or (str(given["FunctionName"]), "")
    resource.stack.granted.add((name, str(given.get("Qualifier") or qualifier), resource.id))
    return Facts(resource.id)


def url(resource: Resource) -> Facts:
    """A function's own HTTPS address."""
    wanted = resource.needed("TargetFunctionArn")
    given = {"FunctionName": wanted, "AuthType": resource.needed("AuthType")}
    given |= {
        each: resource.take(each) for each in ("Qualifier", "Cors") if each in resource.properties
    }
    mode = resource.take("InvokeMode", "BUFFERED")
    if mode != "BUFFERED":
        resource.skip("InvokeMode", f"answers come as a whole, not as {mode}")
    answer = resource.call("lambda", "CreateFunctionUrlConfig", given)
    made = resource.lab.get_function_url(str(wanted), qualifier=given.get("Qualifier"))
    resource.stack.urls.append(made)
    return Facts(
        answer["FunctionArn"], made, made.name, FunctionArn=answer["FunctionArn"],
        FunctionUrl=answer["FunctionUrl"],
    )  # fmt: skip


def layer(resource: Resource) -> Facts:
    """A layer is listed; what refers to it finds an ARN."""
    name = resource.name
    arn = f"{resource.stack.arn('lambda', f'layer:{name}')}:1"
    resource.ignore("CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo")
    resource.skip("Content", "a lab does not mount layers")
    return Facts(arn, None, name, LayerVersionArn=arn)


KINDS = {
    "AWS::Lambda::Function": Kind(function, "FunctionName", "function_name_length"),
    "AWS::Lambda::Version": Kind(version),
    "AWS::Lambda::Alias": Kind(alias, "Name"),
    "AWS::Lambda::EventInvokeConfig": Kind(event_invoke_config),
    "AWS::Lambda::EventSourceMapping": Kind(mapping),
    "AWS::Lambda::Permission": Kind(permission),
    "AWS::Lambda::Url": Kind(url),
    "AWS::Lambda::LayerVersion": Kind(layer, "LayerName"),
}
