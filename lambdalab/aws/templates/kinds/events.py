"""AWS::Events: buses, rules and their targets."""

from __future__ import annotations

import json
from typing import Any

from lambdalab.aws.templates.intrinsics import Facts
from lambdalab.aws.templates.kinds.kind import Kind
from lambdalab.aws.templates.resource import NotBuilt, Resource, as_list

_TARGET = (
    "Arn", "DeadLetterConfig", "Id", "Input", "InputPath", "InputTransformer", "RetryPolicy", "RoleArn",
)  # fmt: skip
_TOLD = ("lambda", "sqs", "sns", "events")
"""The services that a lab's rules tell, as they stand in an ARN."""


def bus(resource: Resource) -> Facts:
    """A bus of one's own."""
    if "EventSourceName" in resource.properties:
        raise NotBuilt("partner event sources are not simulated")
    given = {"Name": resource.name}
    resource.ignore("DeadLetterConfig", "KmsKeyIdentifier", "LogConfig", "Policy")
    arn = resource.call("events", "CreateEventBus", given)["EventBusArn"]
    return Facts(
        resource.name, resource.lab.eventbridge[resource.name], Arn=arn, Name=resource.name
    )


def rule(resource: Resource) -> Facts:
    """A rule and its targets."""
    name = resource.name
    given: dict[str, Any] = {"Name": name}
    pattern = resource.take("EventPattern")
    if pattern is not None:
        given["EventPattern"] = pattern if isinstance(pattern, str) else json.dumps(pattern)
    given |= {
        each: resource.take(each)
        for each in ("EventBusName", "ScheduleExpression", "State")
        if each in resource.properties
    }
    arn = resource.call("events", "PutRule", given)["RuleArn"]
    on = given.get("EventBusName", "default").rpartition("/")[2]
    for number, each in enumerate(as_list(resource.take("Targets"))):
        _target(resource, on, dict(each), f"Targets[{number}]")
    made = resource.lab.eventbridge[on].rules[name]
    ref = name if on == "default" else f"{on}|{name}"
    return Facts(ref, made, name, Arn=arn)


def _target(resource: Resource, on: str, target: dict[str, Any], where: str) -> None:
    service = [*str(target.get("Arn", "")).split(":"), "", ""][2]
    if service not in _TOLD:
        why = f"a lab's rules tell functions, queues, topics and buses, not {target.get('Arn')}"
        resource.left_out.partly(resource.id, resource.type, where, why)
        return
    for name in [name for name in target if name not in _TARGET]:
        resource.left_out.partly(resource.id, resource.type, f"{where}.{name}", "not simulated")
        del target[name]
    given = {"Rule": resource.name, "EventBusName": on, "Targets": [target]}
    failed = resource.call("events", "PutTargets", given)["FailedEntries"]
    if failed:
        refused = resource.refused(failed[0]["ErrorMessage"])
        if not isinstance(refused, NotBuilt):
            raise refused
        resource.left_out.partly(resource.id, resource.type, where, str(refused))


KINDS = {
    "AWS::Events::EventBus": Kind(bus, "Name"),
    "AWS::Events::Rule": Kind(rule, "Name", "eventbridge_rule_name_length"),
}
