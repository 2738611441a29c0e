"""Lambda's operations on concurrency and on asynchronous events: reserved, provisioned, event invoke."""

from __future__ import annotations

from typing import Any

from lambdalab.aws.function_settings import stamp, when
from lambdalab.aws.lambda_api import (
    SERVICE,
    changed_at,
    function_of,
    listed,
    missing,
    notes_of,
    target_of,
    touch,
)
from lambdalab.aws.operations import ApiError, Call
from lambdalab.functions.provisioned import ProvisionedConcurrency
from lambdalab.functions.target import LATEST, Target
from lambdalab.invocation.event_config import EventInvokeConfig

# ---------------------------------------------------------------------- reserved


@SERVICE.operation
def put_function_concurrency(call: Call) -> dict[str, Any]:
    """Reserve concurrency for a function; 0 throttles it."""
    function, number = function_of(call), call["ReservedConcurrentExecutions"]
    call.lab.put_function_concurrency(function, number)
    return {"ReservedConcurrentExecutions": number}


@SERVICE.operation
def get_function_concurrency(call: Call) -> dict[str, Any]:
    """What a function reserves; nothing where it reserves nothing."""
    reserved = function_of(call).settings.reserved_concurrency
    return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}


@SERVICE.operation
def delete_function_concurrency(call: Call) -> None:
    """Give reserved concurrency back."""
    call.lab.put_function_concurrency(function_of(call), None)
    call.status = 204


# ---------------------------------------------------------------------- provisioned


def _provisioned(call: Call, target: Target) -> dict[str, Any]:
    """A configuration of provisioned concurrency as AWS gives it."""
    found = ProvisionedConcurrency(target.function, target.qualifier)
    at = changed_at(call, target.function, "provisioned", target.qualifier)
    shown: dict[str, Any] = {
        "RequestedProvisionedConcurrentExecutions": found.requested,
        "AvailableProvisionedConcurrentExecutions": found.available,
        "AllocatedProvisionedConcurrentExecutions": found.allocated,
        "Status": found.status,
        "LastModified": stamp(call, at)[:19] + "+0000",
    }
    return shown | ({"StatusReason": found.status_reason} if found.status_reason else {})


@SERVICE.operation
def put_provisioned_concurrency_config(call: Call) -> dict[str, Any]:
    """Keep environments of a version or alias initialised; it takes a minute or two."""
    target, number = target_of(call), call["ProvisionedConcurrentExecutions"]
    call.lab.put_provisioned_concurrency(target.function, target.qualifier, number)
    touch(call, target.function, "provisioned", target.qualifier)
    call.status = 202
    return _provisioned(call, target)


@SERVICE.operation
def get_provisioned_concurrency_config(call: Call) -> dict[str, Any]:
    """How far the provisioned concurrency of a version or alias is."""
    target = target_of(call)
    if target.qualifier not in target.function.provisioned:
        raise ApiError(
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function", 404, Type="User",
        )  # fmt: skip
    return _provisioned(call, target)


@SERVICE.operation
def list_provisioned_concurrency_configs(call: Call) -> dict[str, Any]:
    """The provisioned concurrency of a function's versions and aliases."""
    function = function_of(call)
    targets = [function.target(qualifier) for qualifier in function.provisioned]
    shown = ({"FunctionArn": target.arn} | _provisioned(call, target) for target in targets)
    return listed(call, "ProvisionedConcurrencyConfigs", shown)


@SERVICE.operation
def delete_provisioned_concurrency_config(call: Call) -> None:
    """Give provisioned concurrency back; where there is none, nothing happens."""
    target = target_of(call)
    if target.qualifier in target.function.provisioned:
        call.lab.delete_provisioned_concurrency(target.function, target.qualifier)
    call.status = 204


# ---------------------------------------------------------------------- asynchronous events


def _given(call: Call) -> dict[str, Any]:
    """The lab's settings of an event invoke configuration."""
    found = call.settings(
        maximum_retry_attempts="MaximumRetryAttempts", maximum_event_age="MaximumEventAgeInSeconds"
    )
    given = call.get("DestinationConfig", {})
    for ours, theirs in (("on_success", "OnSuccess"), ("on_failure", "OnFailure")):
        if theirs in given:
            found[ours] = given[theirs].get("Destination") or None
    return found


def _config(call: Call, target: Target) -> EventInvokeConfig | None:
    """The configuration of a qualifier, where somebody made one.

    Every ``$LATEST`` has one in the lab, out of its function's settings; it counts where it says
    something, or was put here.
    """
    function, qualifier = target.function, target.qualifier or LATEST
    found: EventInvokeConfig | None = function.event_configs.get(qualifier)
    usual = EventInvokeConfig.make(call.lab.rules)
    put = ("events", qualifier) in notes_of(function).changed
    return found if found is not None and (qualifier != LATEST or put or found != usual) else None


def _shown(call: Call, target: Target, config: EventInvokeConfig) -> dict[str, Any]:
    """An event invoke configuration as AWS gives it."""
    places = {
        name: {"Destination": place.arn} if place else {}
        for name, place in (("OnSuccess", config.on_success), ("OnFailure", config.on_failure))
    }
    return {
        "LastModified": when(call, changed_at(call, target.function, "events", target.qualifier)),
        "FunctionArn": target.qualified_arn,
        "MaximumRetryAttempts": config.maximum_retry_attempts,
        "MaximumEventAgeInSeconds": config.maximum_event_age,
        "DestinationConfig": places,
    }


def _found(call: Call, target: Target) -> EventInvokeConfig:
    config = _config(call, target)
    if config is None:
        raise missing(f"The function {target.qualified_arn} doesn't have an EventInvokeConfig")
    return config


def _changed(call: Call, target: Target) -> dict[str, Any]:
    notes = notes_of(target.function)
    notes.changed["events", target.qualifier or LATEST] = call.lab._scheduler.now
    return _shown(call, target, _found(call, target))


@SERVICE.operation
def put_function_event_invoke_config(call: Call) -> dict[str, Any]:
    """How asynchronous events of a qualifier are treated; it replaces all that was set before."""
    target = target_of(call)
    call.lab.put_function_event_invoke_config(
        target.function, qualifier=target.qualifier or None, **_given(call)
    )
    return _changed(call, target)


@SERVICE.operation
def update_function_event_invoke_config(call: Call) -> dict[str, Any]:
    """Some of how asynchronous events of a qualifier are treated; the rest stays."""
    target = target_of(call)
    _found(call, target)
    call.lab.update_function_event_invoke_config(
        target.function, qualifier=target.qualifier or None, **_given(call)
    )
    return _changed(call, target)


@SERVICE.operation
def get_function_event_invoke_config(call: Call) -> dict[str, Any]:
    """How asynchronous events of a qualifier are treated."""
    target = target_of(call)
    return _shown(call, target, _found(call, target))


@SERVICE.operation
def list_function_event_invoke_configs(call: Call) -> dict[str, Any]:
    """The event invoke configurations of a function and its qualifiers."""
    function = function_of(call)
    targets = [function.target("" if q == LATEST else q) for q in function.event_configs]
    found = [(target, _config(call, target)) for target in targets]
    shown = [_shown(call, target, config) for target, config in found if config is not None]
    return listed(call, "FunctionEventInvokeConfigs", shown)


@SERVICE.operation
def delete_function_event_invoke_config(call: Call) -> None:
    """Forget how a qualifier's events were to be treated: the defaults hold again."""
    target = target_of(call)
    _found(call, target)
    call.lab.delete_function_event_invoke_config(
        target.function, qualifier=target.qualifier or None
    )
    notes_of(target.function).changed.pop(("events", target.qualifier or LATEST), None)
    call.status = 204
