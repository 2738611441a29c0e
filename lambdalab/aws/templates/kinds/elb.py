"""AWS::ElasticLoadBalancingV2: Application Load Balancers in front of functions."""

from __future__ import annotations

import hashlib
from typing import Any

from lambdalab.aws.templates.intrinsics import Facts
from lambdalab.aws.templates.kinds.kind import Kind
from lambdalab.aws.templates.resource import NotBuilt, Resource, as_list, truth, whole

_IDLE, _LISTS = "idle_timeout.timeout_seconds", "lambda.multi_value_headers.enabled"
_FIELDS = {
    "path-pattern": ("path_pattern", "PathPatternConfig"),
    "host-header": ("host_header", "HostHeaderConfig"),
    "http-request-method": ("http_request_method", "HttpRequestMethodConfig"),
}
_CHECKS = {
    "HealthCheckPath": "path", "HealthCheckIntervalSeconds": "interval",
    "HealthCheckTimeoutSeconds": "timeout", "HealthyThresholdCount": "healthy_threshold",
    "UnhealthyThresholdCount": "unhealthy_threshold",
}  # fmt: skip


def _things(resource: Resource, what: str) -> dict[str, Any]:
    """Load balancers, groups and listeners by their ARNs."""
    found: dict[str, Any] = resource.stack.notes.setdefault(f"elb {what}", {})
    return found


def _attributes(given: Any) -> dict[str, Any]:
    return {str(each.get("Key")): each.get("Value") for each in as_list(given)}


def balancer(resource: Resource) -> Facts:
    """An Application Load Balancer; its default comes with the listener."""
    if resource.take("Type", "application") != "application":
        raise NotBuilt("only Application Load Balancers call functions")
    seconds = _attributes(resource.take("LoadBalancerAttributes")).get(_IDLE)
    made = resource.lab.elb.create_load_balancer(resource.name, idle_timeout=whole(seconds))
    tail = hashlib.sha256(made.dns_name.encode()).hexdigest()[:16]
    full = f"app/{made.name}/{tail}"
    arn = resource.stack.arn("elasticloadbalancing", f"loadbalancer/{full}")
    _things(resource, "balancers")[arn] = made
    resource.ignore(
        "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic", "IpAddressType", "Scheme",
        "SecurityGroups", "SubnetMappings", "Subnets",
    )  # fmt: skip
    return Facts(
        arn, made, made.name, LoadBalancerArn=arn, DNSName=made.dns_name,
        LoadBalancerName=made.name, LoadBalancerFullName=full,
    )  # fmt: skip


def group(resource: Resource) -> Facts:
    """A target group with a function."""
    if resource.take("TargetType", "instance") != "lambda":
        raise NotBuilt("a lab's target groups have functions: TargetType lambda")
    targets = as_list(resource.take("Targets"))
    given: dict[str, Any] = {"function": targets[0]["Id"] if targets else None}
    if truth(_attributes(resource.take("TargetGroupAttributes")).get(_LISTS)):
        given["multi_value_headers"] = True
    checks = {
        ours: resource.take(name)
        for name, ours in _CHECKS.items()
        if name in resource.properties
    }  # fmt: skip
    code = (resource.take("Matcher") or {}).get("HttpCode")
    if truth(resource.take("HealthCheckEnabled", False)):
        given["health_check"] = {
            name: value if name == "path" else whole(value) for name, value in checks.items()
        } | ({} if code is None else {"matcher": str(code)})
        given["health_check"] = given["health_check"] or True
    made = resource.lab.elb.create_target_group(resource.name, **given)
    _things(resource, "groups")[made.arn] = made
    resource.ignore("HealthCheckPort", "HealthCheckProtocol", "Port", "Protocol", "VpcId")
    return Facts(
        made.arn, made, made.name, TargetGroupArn=made.arn, TargetGroupName=made.name,
        TargetGroupFullName=made.arn.rpartition(":")[2],
    )  # fmt: skip


def _group_of(resource: Resource, actions: Any) -> Any:
    """The group that a list of actions forwards to."""
    for each in as_list(actions):
        if each.get("Type") == "forward":
            groups = as_list((each.get("ForwardConfig") or {}).get("TargetGroups"))
            arns = [each.get("TargetGroupArn"), *(one.get("TargetGroupArn") for one in groups)]
            known = [arn for arn in arns if arn in _things(resource, "groups")]
            if len(groups) > 1:
                told = "weights are not simulated: the first group takes all"
                resource.left_out.partly(resource.id, resource.type, "ForwardConfig", told)
            return _things(resource, "groups")[known[0]] if known else None
    return None


def listener(resource: Resource) -> Facts:
    """A listener: what no rule takes goes to its default."""
    arn = str(resource.needed("LoadBalancerArn"))
    made = _things(resource, "balancers").get(arn)
    if made is None:
        raise NotBuilt("its load balancer is not built")
    actions = resource.take("DefaultActions")
    found = _group_of(resource, actions)
    if found is not None and made.default is None:
        made.default = found
        found.use()
        made.tell()
    elif found is not made.default:
        told = "a lab's load balancer has one listener: the first one's default holds"
        resource.left_out.partly(resource.id, resource.type, "DefaultActions", told)
    kinds = [str(each.get("Type")) for each in as_list(actions) if each.get("Type") != "forward"]
    if kinds:
        told = f"{', '.join(kinds)} is not simulated: what no rule takes gets a 404"
        resource.left_out.partly(resource.id, resource.type, "DefaultActions", told)
    resource.ignore(
        "AlpnPolicy", "Certificates", "ListenerAttributes", "MutualAuthentication", "Port", "Protocol",
        "SslPolicy",
    )  # fmt: skip
    own = arn.replace(":loadbalancer/", ":listener/") + f"/{resource.id.lower()}"
    _things(resource, "listeners")[own] = made
    return Facts(own, None, f"{made.name} listener", ListenerArn=own)


def rule(resource: Resource) -> Facts:
    """A rule of a listener."""
    made = _things(resource, "listeners").get(str(resource.needed("ListenerArn")))
    if made is None:
        raise NotBuilt("its listener is not built")
    found = _group_of(resource, resource.take("Actions"))
    if found is None:
        raise NotBuilt("it forwards to no group of functions")
    given: dict[str, Any] = {"priority": whole(resource.needed("Priority"))}
    for each in as_list(resource.take("Conditions")):
        name, config = _FIELDS.get(str(each.get("Field")), ("", ""))
        if not name:
            raise NotBuilt(f"the condition {each.get('Field')} is not simulated")
        given[name] = as_list(each.get("Values")) or as_list((each.get(config) or {}).get("Values"))
    rule_made = made.create_rule(found, **given)
    return Facts(resource.id, rule_made, f"{made.name} {rule_made.conditions}", RuleArn=resource.id)


KINDS = {
    "AWS::ElasticLoadBalancingV2::LoadBalancer": Kind(
        balancer, "Name", "load_balancer_name_length"
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": Kind(group, "Name", "load_balancer_name_length"),
    "AWS::ElasticLoadBalancingV2::Listener": Kind(listener),
    "AWS::ElasticLoadBalancingV2::ListenerRule": Kind(rule),
}
