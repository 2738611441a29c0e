"""Lambda's operations on functions: made, changed, shown, listed, deleted.

A function is Active as soon as it is made, and an update is over at once, unless the rules
``function_creation`` and ``function_update`` of the lab give AWS some time. DeleteFunction refuses while a
mapping or an invocation needs the function.
"""

from __future__ import annotations

from typing import Any

from lambdalab.aws.function_code import code_of, with_handler
from lambdalab.aws.function_settings import configuration, keep, settings_given
from lambdalab.aws.lambda_api import (
    SERVICE,
    check_revision,
    function_of,
    invalid,
    listed,
    missing,
    notes_of,
    refuse,
    tags_of,
    target_of,
    touch,
)
from lambdalab.aws.operations import ApiError, Call
from lambdalab.functions.context import ACCOUNT, REGION, function_arn
from lambdalab.functions.function import Function
from lambdalab.functions.target import LATEST, Target, split


@SERVICE.operation
def create_function(call: Call) -> dict[str, Any]:
    """A function from a zip, given as bytes or as an object of the lab's S3."""
    if call.get("PackageType", "Zip") != "Zip":
        raise invalid("Container images are not simulated by lambdalab; give a zip.")
    name, _ = split(call["FunctionName"]) or (call["FunctionName"], "")
    if not call.get("Runtime") or not call.get("Handler"):
        raise invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        )
    if any(known.name == name for known in call.lab.list_functions()):
        raise ApiError(
            "ResourceConflictException", f"Function already exist: {name}", 409, Type="User"
        )
    _check_publish(call, "function_creation")
    settings = settings_given(call)
    code = code_of(call, call["Code"], call["Handler"])
    function = call.lab.create_function(name, code, **settings)
    keep(call, function)
    if call.get("Tags"):
        tags_of(call.lab)[function.arn] = dict(call["Tags"])
    touch(call, function, "configuration")
    call.status = 201
    if call.get("Publish"):
        number = publish(call, function)
        return configuration(call, function.target(number), arn=function.arn)
    return configuration(call, function.target())


def _check_publish(call: Call, rule: str) -> None:
    """Raise where a version is to be published of a function that is not settled at once."""
    if call.get("Publish") and getattr(call.lab.rules, rule):
        raise invalid(
            f"Publish=True is not simulated in a lab with {rule} > 0: wait for the function, then call "
            "PublishVersion."
        )


def publish(call: Call, function: Function, description: str = "") -> str:
    """Publish a version with what is kept of ``$LATEST``; its number."""
    before = set(function.versions)
    version = call.lab.publish_version(function, description)
    if version.number not in before:
        notes = notes_of(function)
        notes.kept[version.number] = dict(notes.of(LATEST))
        touch(call, function, "configuration", version.number)
        notes.changes[LATEST] = notes.changes.get(LATEST, 0) + 1
    return version.number


@SERVICE.operation
def update_function_code(call: Call) -> dict[str, Any]:
    """Other code for ``$LATEST``; the handler keeps its name."""
    refuse(call, "PublishTo")
    function = function_of(call)
    check_revision(call, function)
    _check_publish(call, "function_update")
    handler = function.code.handler if function.code else "lambda_function.lambda_handler"
    code = code_of(call, call.given, handler)
    if call.get("DryRun"):
        return configuration(call, function.target())
    more = {"architecture": call["Architectures"][0]} if call.get("Architectures") else {}
    call.lab.update_function(function, code, **more)
    touch(call, function, "configuration")
    number = ""
    if call.get("Publish"):
        number = publish(call, function)
    return configuration(call, function.target(number))


@SERVICE.operation
def update_function_configuration(call: Call) -> dict[str, Any]:
    """Other settings for ``$LATEST``; what is not given stays."""
    function = function_of(call)
    check_revision(call, function)
    settings, code = settings_given(call), None
    if call.get("Handler"):
        code = with_handler(function, function.code, call["Handler"])
    call.lab.update_function(function, code, **settings)
    keep(call, function)
    touch(call, function, "configuration")
    return configuration(call, function.target())


@SERVICE.operation
def get_function(call: Call) -> dict[str, Any]:
    """A function's configuration, where its code is, its tags and reserved concurrency.

    The code's location is an address that leads nowhere.
    """
    target = target_of(call)
    function, shown = target.function, configuration(call, target)
    place = f"https://awslambda-{REGION}-tasks.s3.{REGION}.amazonaws.com/snapshots/{ACCOUNT}"
    location = f"{place}/{function.name}-{shown['RevisionId']}"
    answer: dict[str, Any] = {
        "Configuration": shown, "Code": {"RepositoryType": "S3", "Location": location}
    }  # fmt: skip
    tags = tags_of(call.lab).get(function.arn)
    if tags:
        answer["Tags"] = dict(tags)
    reserved = function.settings.reserved_concurrency
    if reserved is not None:
        answer["Concurrency"] = {"ReservedConcurrentExecutions": reserved}
    return answer


@SERVICE.operation
def get_function_configuration(call: Call) -> dict[str, Any]:
    """A function's configuration, or that of a version of it."""
    return configuration(call, target_of(call))


@SERVICE.operation
def list_functions(call: Call) -> dict[str, Any]:
    """All functions, with ``FunctionVersion="ALL"`` their versions too; without their states."""
    every = call.get("FunctionVersion") == "ALL"
    targets: list[Target] = []
    for function in sorted(call.lab.list_functions(), key=lambda function: function.name):
        targets += [function.target(LATEST if every else "")]
        targets += [function.target(number) for number in function.versions if every]
    return listed(call, "Functions", (configuration(call, t, listing=True) for t in targets))


@SERVICE.operation
def delete_function(call: Call) -> dict[str, Any]:
    """A function with all that it has, or one version of it; a mapping to it stays, disabled."""
    target = target_of(call)
    function, qualifier = target.function, target.qualifier
    call.status = 204
    if not qualifier:
        for mapping in call.lab.list_event_source_mappings(function=function):
            if mapping.enabled:
                mapping.disable()
        call.lab.delete_function(function)
        tags_of(call.lab).pop(function.arn, None)
        return {"StatusCode": 204}
    if qualifier == LATEST:
        raise invalid("$LATEST version cannot be deleted without deleting the function.")
    if qualifier in function.aliases:
        raise invalid(
            "Deletion of aliases is not currently supported. Please use DeleteAlias instead."
        )
    call.lab.delete_version(function, qualifier)
    notes_of(function).forget(qualifier)
    return {"StatusCode": 204}


# ---------------------------------------------------------------------- tags, the account


def _tagged(call: Call) -> str:
    """The ARN that tags belong to: of a function without a qualifier, or of a mapping."""
    arn: str = call["Resource"]
    kind, _, uuid = arn.rpartition(":")
    if kind.endswith(":event-source-mapping"):
        if not any(m.uuid == uuid for m in call.lab.list_event_source_mappings()):
            raise missing()
        return arn
    found = split(arn)
    if found is not None and arn.startswith("arn:"):
        name, qualifier = found
        if qualifier:
            raise invalid(
                "Tags on function aliases and versions are not supported. Please specify a function ARN."
            )
        if not any(function.name == name for function in call.lab.list_functions()):
            raise missing(f"Function not found: {arn}")
        return function_arn(name)
    raise missing()


@SERVICE.operation
def tag_resource(call: Call) -> None:
    """Tags of a function or mapping; those of the same names are replaced."""
    tags = tags_of(call.lab).setdefault(_tagged(call), {})
    if len(tags | call["Tags"]) > call.lab.rules.lambda_tags:
        raise invalid("Number of tags exceeds resource tag limit.")
    tags |= call["Tags"]
    call.status = 204


@SERVICE.operation
def untag_resource(call: Call) -> None:
    """Tags no more, by their names."""
    tags = tags_of(call.lab).get(_tagged(call), {})
    for name in call["TagKeys"]:
        tags.pop(name, None)
    call.status = 204


@SERVICE.operation
def list_tags(call: Call) -> dict[str, Any]:
    """The tags of a function or mapping."""
    return {"Tags": dict(tags_of(call.lab).get(_tagged(call), {}))}


@SERVICE.operation
def get_account_settings(call: Call) -> dict[str, Any]:
    """The account's limits, by the lab's rules and quotas, and what its functions use of them."""
    rules, functions = call.lab.rules, call.lab.list_functions()
    reserved = sum(function.settings.reserved_concurrency or 0 for function in functions)
    sizes = [
        configuration(call, function.target(version.number), listing=True)["CodeSize"]
        for function in functions
        for version in function.all_versions()
    ]
    return {
        "AccountLimit": {
            "TotalCodeSize": rules.code_storage,
            "CodeSizeUnzipped": rules.code_unzipped,
            "CodeSizeZipped": rules.code_zipped,
            "ConcurrentExecutions": rules.account_concurrency,
            "UnreservedConcurrentExecutions": rules.account_concurrency - reserved,
        },
        "AccountUsage": {"TotalCodeSize": sum(sizes), "FunctionCount": len(functions)},
    }
