"""AWS::Config: rules that a function evaluates."""

from __future__ import annotations

from typing import Any

from lambdalab.aws.templates.intrinsics import Facts
from lambdalab.aws.templates.kinds.kind import Kind
from lambdalab.aws.templates.parameters import text_of
from lambdalab.aws.templates.resource import NotBuilt, Resource, as_list


def rule(resource: Resource) -> Facts:
    """A rule of one's own; AWS's managed ones are not there."""
    source = resource.needed("Source")
    if source.get("Owner") != "CUSTOM_LAMBDA":
        raise NotBuilt("a lab has the rules that a function evaluates, none of AWS's own")
    given: dict[str, Any] = {}
    types = as_list((resource.take("Scope") or {}).get("ComplianceResourceTypes"))
    every = resource.take("MaximumExecutionFrequency")
    for each in as_list(source.get("SourceDetails")):
        every = every or each.get("MaximumExecutionFrequency")
    if types:
        given["resource_types"] = types
    elif every is not None:
        given["maximum_execution_frequency"] = every
    parameters = resource.take("InputParameters")
    if isinstance(parameters, dict):
        given["parameters"] = {name: text_of(value) for name, value in parameters.items()}
    resource.ignore("EvaluationModes", "Compliance")
    made = resource.lab.config.put_config_rule(
        resource.name, str(source.get("SourceIdentifier")), **given
    )
    arn = resource.stack.arn("config", f"config-rule/{resource.id}")
    return Facts(resource.name, made, Arn=arn, ConfigRuleId=resource.id)


KINDS = {"AWS::Config::ConfigRule": Kind(rule, "ConfigRuleName")}
