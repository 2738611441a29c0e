"""AWS::ElasticLoadBalancingV2."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("samtranslator")

from tests.aws.templates.making import (
    FUNCTION,
    function,
    get,
    left_out,
    made,
    permission,
    ref,
    resource,
)

KIND = "AWS::ElasticLoadBalancingV2"
ANSWER = "def handler(event, context):\n    return {'statusCode': 200, 'body': event['path']}\n"
FORWARD = [{"Type": "forward", "TargetGroupArn": ref("Group")}]


def balanced(**more: Any) -> dict[str, Any]:
    return {
        "Fn": function(Code={"ZipFile": ANSWER}),
        "May": permission("Fn", "elasticloadbalancing"),
        "Front": resource(
            f"{KIND}::LoadBalancer", Subnets=["a"], Scheme="internal",
            LoadBalancerAttributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "30"}],
        ),
        "Group": resource(
            f"{KIND}::TargetGroup", TargetType="lambda", Targets=[{"Id": get("Fn")}],
            TargetGroupAttributes=[{"Key": "lambda.multi_value_headers.enabled", "Value": "true"}],
        ),
        **more,
    }  # fmt: skip


def listener(actions: Any) -> dict[str, Any]:
    return resource(
        f"{KIND}::Listener",
        LoadBalancerArn=ref("Front"),
        Port=80,
        Protocol="HTTP",
        DefaultActions=actions,
    )


def rule(conditions: Any, actions: Any = None, priority: Any = "1") -> dict[str, Any]:
    return resource(
        f"{KIND}::ListenerRule", ListenerArn=ref("Listen"), Priority=priority, Conditions=conditions,
        Actions=actions or FORWARD,
    )  # fmt: skip


def test_everything_to_a_function() -> None:
    dns = get("Front", "DNSName")
    lab = made(balanced(Listen=listener(FORWARD)), Outputs={"Dns": {"Value": dns}})
    front = lab.elb["Front"]
    assert front.get("/a").text == "/a"
    assert front.idle_timeout == 30
    assert lab.elb.target_groups["Group"].multi_value_headers
    assert lab.template is not None
    assert lab.template.outputs["Dns"] == front.dns_name
    assert (left_out(lab), lab.template.warnings) == ({}, ())
    lab.reset()
    assert front.get("/a").text == "/a"


def test_by_rules() -> None:
    fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    conditions = [
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a/*"]}},
        {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}},
    ]
    weighted = [
        {
            "Type": "forward",
            "ForwardConfig": {
                "TargetGroups": [
                    {"TargetGroupArn": ref("Group"), "Weight": 1},
                    {"TargetGroupArn": "arn:x", "Weight": 1},
                ]
            },
        }
    ]
    lab = made(
        balanced(
            Listen=listener(fixed),
            One=rule(conditions),
            Two=rule([{"Field": "host-header", "Values": ["*.x"]}], weighted, 2),
            Odd=rule([{"Field": "source-ip"}], None, 3),
            Nowhere=rule(conditions, fixed, 4),
        )
    )
    front = lab.elb["Front"]
    assert (front.get("/a/b").status_code, front.post("/a/b").status_code) == (200, 404)
    assert front.get("/b").status_code == 404
    assert set(left_out(lab)) == {"Listen.DefaultActions", "Two.ForwardConfig", "Odd", "Nowhere"}


def test_health_checks_and_kinds_that_are_not_there() -> None:
    group = resource(
        f"{KIND}::TargetGroup", TargetType="lambda", Targets=[{"Id": get("Fn")}], HealthCheckEnabled=True,
        HealthCheckPath="/health", HealthCheckIntervalSeconds="60", Matcher={"HttpCode": "200"},
    )  # fmt: skip
    lab = made(balanced(Group=group, Listen=listener(FORWARD)))
    check = lab.elb.target_groups["Group"].health_check
    assert check is not None
    assert (check.path, check.interval) == ("/health", 60)
    lab.run(until=200)
    assert len(lab.trace.invocations) >= 2, "the listener's default is in use"
    lab = made(
        {
            "Net": resource(f"{KIND}::LoadBalancer", Type="network"),
            "Listen": resource(f"{KIND}::Listener", LoadBalancerArn=ref("Net"), DefaultActions=[]),
            "Ip": resource(f"{KIND}::TargetGroup", TargetType="ip"),
            "Fn": FUNCTION,
            "Rule": rule([{"Field": "path-pattern", "Values": ["/"]}]) | {"DependsOn": "Fn"},
            "Group": FUNCTION,
        }
    )
    assert set(left_out(lab)) == {"Net", "Listen", "Ip", "Rule"}
