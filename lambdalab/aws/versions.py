"""Lambda's operations on versions and aliases."""

from __future__ import annotations

from typing import Any

from lambdalab.aws.function_changes import publish
from lambdalab.aws.function_settings import configuration
from lambdalab.aws.lambda_api import (
    SERVICE,
    check_revision,
    function_of,
    invalid,
    listed,
    missing,
    notes_of,
    refuse,
    revision,
)
from lambdalab.aws.operations import Call
from lambdalab.functions.function import Function
from lambdalab.functions.target import LATEST, Alias


@SERVICE.operation
def publish_version(call: Call) -> dict[str, Any]:
    """A version of what ``$LATEST`` is now; the last one again where nothing has changed."""
    refuse(call, "PublishTo")
    function = function_of(call)
    check_revision(call, function)
    known = configuration(call, function.target())["CodeSha256"]
    asked = call.get("CodeSha256")
    if asked and asked != known:
        raise invalid(
            f"CodeSHA256 ({asked}) is different from current CodeSHA256 in $LATEST ({known}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )
    number = publish(call, function, call.get("Description", ""))
    call.status = 201
    return configuration(call, function.target(number))


@SERVICE.operation
def list_versions_by_function(call: Call) -> dict[str, Any]:
    """``$LATEST`` and the published versions of a function."""
    function = function_of(call)
    targets = [function.target(version.number) for version in function.all_versions()]
    return listed(call, "Versions", (configuration(call, t, listing=True) for t in targets))


# ---------------------------------------------------------------------- aliases


def _shown(call: Call, function: Function, alias: Alias) -> dict[str, Any]:
    """An alias as AWS gives it."""
    shown: dict[str, Any] = {
        "AliasArn": alias.arn,
        "Name": alias.name,
        "FunctionVersion": alias.function_version,
        "Description": alias.description,
    }
    if alias.routing:
        weights = {number: float(weight) for number, weight in alias.routing.items()}
        shown["RoutingConfig"] = {"AdditionalVersionWeights": weights}
    return shown | {"RevisionId": revision(call, function, alias.name)}


def _routing(call: Call) -> dict[str, float] | None:
    """The weights that a request gives; None where it says nothing of them."""
    if "RoutingConfig" not in call:
        return None
    return dict(call["RoutingConfig"].get("AdditionalVersionWeights", {}))


def _alias(call: Call, function: Function) -> Alias:
    """The alias that a request names."""
    if call["Name"] not in function.aliases:
        raise missing(f"Cannot find alias arn: {function.arn}:{call['Name']}")
    return function.aliases[call["Name"]]


@SERVICE.operation
def create_alias(call: Call) -> dict[str, Any]:
    """A name for a version, or for two of them with weights."""
    function, version = function_of(call), call["FunctionVersion"]
    if version != LATEST and version not in function.versions:
        raise missing(f"Function not found: {function.arn}:{version}")
    alias = call.lab.create_alias(
        function, call["Name"], version,
        routing=_routing(call), description=call.get("Description", ""),
    )  # fmt: skip
    call.status = 201
    return _shown(call, function, alias)


@SERVICE.operation
def get_alias(call: Call) -> dict[str, Any]:
    """An alias by its name."""
    function = function_of(call)
    return _shown(call, function, _alias(call, function))


@SERVICE.operation
def update_alias(call: Call) -> dict[str, Any]:
    """Another version, other weights or another description for an alias."""
    function = function_of(call)
    _alias(call, function)
    check_revision(call, function, call["Name"])
    revision(call, function, call["Name"])  # what it was until now has been seen
    alias = call.lab.update_alias(
        function, call["Name"], call.get("FunctionVersion"),
        routing=_routing(call), description=call.get("Description"),
    )  # fmt: skip
    return _shown(call, function, alias)


@SERVICE.operation
def list_aliases(call: Call) -> dict[str, Any]:
    """The aliases of a function, or those that lead to a version."""
    function, version = function_of(call), call.get("FunctionVersion")
    found = [
        _shown(call, function, alias)
        for _, alias in sorted(function.aliases.items())
        if version is None or version == alias.function_version or version in alias.routing
    ]
    return listed(call, "Aliases", found)


@SERVICE.operation
def delete_alias(call: Call) -> None:
    """An alias no more; where there is none, nothing happens."""
    function = function_of(call)
    if call["Name"] in function.aliases:
        call.lab.delete_alias(function, call["Name"])
        notes = notes_of(function)
        notes.forget(call["Name"])
        notes.changes[call["Name"]] = notes.changes.get(call["Name"], 0) + 1
        notes.seen.pop(call["Name"], None)
    call.status = 204
