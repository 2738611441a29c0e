"""Application Load Balancers: rules, limits, errors, and health checks."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.models import AlbModel

import lambdalab as ll
from lambdalab.errors import (
    DuplicateLoadBalancerNameException,
    DuplicateTargetGroupNameException,
    InvalidSetting,
    PriorityInUseException,
    UnknownSetting,
)
from lambdalab.triggers.elb.payload import response_of


def echo(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return {"statusCode": 200, "body": json.dumps(event)}


def named(name: str) -> Any:
    """A handler that says who it is."""
    return lambda event, context: {"statusCode": 200, "body": name}


def test_the_event_is_a_load_balancers(lab: ll.Lab) -> None:
    balancer = lab.elb.create_load_balancer("shop", lab.create_function("echo", echo))
    seen = balancer.post("/a b?n=1&n=2 3", {"k": 1}, headers={"X-Tag": ["a", "b"]}).json()
    AlbModel.model_validate(seen)
    group = lab.elb.target_groups["shop"]
    assert seen["requestContext"]["elb"]["targetGroupArn"] == group.arn
    assert ":targetgroup/shop/" in group.arn
    assert seen["path"] == "/a%20b"  # nobody decodes it
    assert seen["queryStringParameters"] == {"n": "2+3"}  # the last one counts
    assert (seen["headers"]["x-tag"], seen["headers"]["host"]) == ("b", balancer.dns_name)
    assert (seen["body"], seen["isBase64Encoded"]) == ('{"k": 1}', False)
    assert "multiValueHeaders" not in seen
    assert AlbModel.model_validate(balancer.get("/").json()).body == ""


def test_binary_bodies_come_as_base64(lab: ll.Lab) -> None:
    balancer = lab.elb.create_load_balancer("shop", lab.create_function("echo", echo))
    seen = balancer.post("/", b"\x00\xff").json()
    assert (base64.b64decode(seen["body"]), seen["isBase64Encoded"]) == (b"\x00\xff", True)


def test_with_multi_value_headers_both_sides_say_lists(lab: ll.Lab) -> None:
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        assert event["multiValueQueryStringParameters"] == {"n": ["1", "2"]}
        assert event["multiValueHeaders"]["x-tag"] == ["a", "b"]
        assert "headers" not in event
        return {"statusCode": 200, "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}}

    lab.create_function("f", handler)
    balancer = lab.elb.create_load_balancer("shop", "f", multi_value_headers=True)
    reply = balancer.get("/?n=1&n=2", headers={"X-Tag": ["a", "b"]})
    assert (reply.status_code, reply.headers["set-cookie"]) == (200, "a=1, b=2")


@pytest.mark.parametrize(
    "result",
    [
        "hello", {}, {"body": "x"}, {"statusCode": 600}, {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "headers": {"x": 1}}, {"statusCode": 200, "headers": [1]},
        {"statusCode": 200, "isBase64Encoded": "yes"}, {"statusCode": 200, "statusDescription": 1},
        {"statusCode": 200, "body": "?", "isBase64Encoded": True},
    ],
)  # fmt: skip
def test_a_malformed_response_is_a_502(lab: ll.Lab, result: object) -> None:
    lab.create_function("f", lambda event, context: result)
    reply = lab.elb.create_load_balancer("shop", "f").get("/")
    assert (reply.status_code, reply.headers["server"]) == (502, "awselb/2.0")
    assert "<h1>502 Bad Gateway</h1>" in reply.text
    row = lab.trace.requests.iloc[-1]
    assert (row["cause"], row["front"]) == ("malformed_response", "shop")
    assert lab.trace.invocations.iloc[-1]["status"] == "succeeded"


def test_lists_of_values_only_in_their_mode() -> None:
    lists = json.dumps({"statusCode": 200, "multiValueHeaders": {"a": ["1", "2"]}}).encode()
    single = json.dumps({"statusCode": 200, "multiValueHeaders": {"a": "1"}}).encode()
    ours = response_of(lists, True)
    assert ours is not None
    assert ours.headers == (("a", "1"), ("a", "2"))
    other = response_of(lists, False)
    assert other is not None
    assert other.headers == ()
    assert response_of(single, True) is None


# ---------------------------------------------------------------------- errors and limits


def test_a_function_error_is_a_502(lab: ll.Lab) -> None:
    lab.create_function("f", lambda event, context: 1 / 0)
    assert lab.elb.create_load_balancer("shop", "f").get("/").status_code == 502
    assert lab.trace.requests.iloc[-1]["cause"] == "function_error"


def test_after_the_idle_timeout_it_is_a_504_and_the_function_runs_on(lab: ll.Lab) -> None:
    lab.create_function("slow", lambda event, context: time.sleep(90), timeout=120)
    balancer = lab.elb.create_load_balancer("shop", "slow")
    reply = balancer.get("/")
    assert (reply.status_code, reply.latency_ms) == (504, 60_000)
    lab.run()
    [row] = lab.trace.invocations.to_dict("records")
    assert (row["status"], lab.elapsed >= 90) == ("succeeded", True)
    assert lab.trace.requests.iloc[-1]["cause"] == "integration_timeout"
    patient = lab.elb.create_load_balancer("patient", idle_timeout=100)
    patient.create_rule(lab.elb.target_groups["shop"], path_pattern="*")
    assert patient.get("/").status_code == 502  # what a handler without a result returns


def test_a_throttled_function_is_a_502_unless_the_rule_says_otherwise() -> None:
    for quotas, status in (({}, 502), ({"load_balancer_throttled_status": 503}, 503)):
        lab = ll.Lab(seed=1, quotas=quotas)
        lab.create_function("off", duration=1)
        lab.put_function_concurrency("off", 0)
        assert lab.elb.create_load_balancer("shop", "off").get("/").status_code == status


def test_bodies_above_1_mb(lab: ll.Lab) -> None:
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        return {"statusCode": 200, "body": "x" * int(event["path"][1:])}

    lab.create_function("f", handler)
    balancer = lab.elb.create_load_balancer("shop", "f")
    assert balancer.post("/1", "x" * 1_048_576).status_code == 200
    refused = balancer.post("/1", "x" * 1_048_577)
    assert (refused.status_code, refused.request_id) == (413, "")
    assert balancer.get("/1000000").status_code == 200
    assert balancer.get("/1048576").status_code == 502
    assert lab.trace.requests.iloc[-1]["cause"] == "response_too_large"


def test_websockets_are_refused(lab: ll.Lab) -> None:
    balancer = lab.elb.create_load_balancer("shop", lab.create_function("echo", echo))
    assert balancer.get("/", headers={"Upgrade": "WebSocket"}).status_code == 400
    assert len(lab.trace.invocations) == 0


def test_without_permission_it_is_a_502(lab: ll.Lab) -> None:
    lab.create_function("echo", echo)
    balancer = lab.elb.create_load_balancer("shop", "echo")
    [statement] = lab.get_policy("echo")["Statement"]
    assert statement["Principal"] == {"Service": "elasticloadbalancing.amazonaws.com"}
    assert statement["Condition"]["ArnLike"]["AWS:SourceArn"] == lab.elb.target_groups["shop"].arn
    lab.remove_permission("echo", statement["Sid"])
    assert balancer.get("/").status_code == 502
    assert lab.trace.requests.iloc[-1]["cause"] == "access_denied"


def test_without_a_target_it_is_a_503(lab: ll.Lab) -> None:
    lab.create_function("echo", echo)
    group = lab.elb.create_target_group("empty")
    balancer = lab.elb.create_load_balancer("shop")
    balancer.create_rule(group, path_pattern="/*")
    assert balancer.get("/").status_code == 503
    assert lab.trace.requests.iloc[-1]["cause"] == "no_target"
    group.register_targets("echo")
    assert balancer.get("/").status_code == 200
    lab.create_function("other", echo)
    with pytest.raises(InvalidSetting, match="deregister"):
        group.register_targets("other")
    lab.delete_function("echo")
    assert balancer.get("/").status_code == 502
    assert lab.trace.requests.iloc[-1]["cause"] == "unknown_function"
    lab.create_function("echo", echo)
    assert balancer.get("/").status_code == 502  # its policy went with it
    lab.elb.create_target_group("empty", "echo")
    assert balancer.get("/").status_code == 200
    group.deregister_targets()
    assert balancer.get("/").status_code == 503


# ---------------------------------------------------------------------- rules


def test_the_first_rule_that_matches_counts(lab: ll.Lab) -> None:
    groups = {
        name: lab.elb.create_target_group(name, lab.create_function(name, named(name)))
        for name in ("images", "writes", "api", "rest")
    }
    balancer = lab.elb.create_load_balancer("shop", "rest")
    balancer.create_rule(groups["images"], path_pattern=["/img/*", "/p?c/*"])
    balancer.create_rule(groups["api"], host_header="api.*", priority=50)
    balancer.create_rule(
        groups["writes"], path_pattern="/orders/*", http_request_method=["put", "POST"], priority=10
    )
    assert balancer.get("/img/a.png").text == balancer.get("/pic/a").text == "images"
    assert balancer.get("/IMG/a.png").text == "rest"
    assert balancer.put("/orders/7").text == "writes"
    assert balancer.get("/orders/7").text == "rest"
    host = {"Host": "API.example.com"}
    assert balancer.get("/orders/7", headers=host).text == "api"
    assert balancer.put("/orders/7", headers=host).text == "writes"
    assert [rule.priority for rule in balancer.listener_rules] == [1, 10, 50]
    assert set(lab.trace.requests["front"]) == {
        "shop", "shop /img/*,/p?c/*", "shop api.*", "shop PUT,POST /orders/*"
    }  # fmt: skip


def test_what_nothing_takes_is_a_404(lab: ll.Lab) -> None:
    group = lab.elb.create_target_group("g", lab.create_function("echo", echo))
    balancer = lab.elb.create_load_balancer("shop")
    balancer.create_rule(group, path_pattern="/a[b]")
    assert balancer.get("/ab").status_code == 404
    assert balancer.get("/a[b]").status_code == 200
    assert lab.trace.requests.iloc[0]["cause"] == "no_route"


def test_the_same_once_more_is_the_one_that_is_there(lab: ll.Lab) -> None:
    lab.create_function("echo", echo)
    for _ in range(2):
        balancer = lab.elb.create_load_balancer("shop", "echo")
        group = lab.elb.create_target_group("g", "echo", health_check=True)
        balancer.create_rule(group, path_pattern="/a")
    assert len(balancer.listener_rules) == 1
    with pytest.raises(DuplicateTargetGroupNameException, match="target_groups"):
        lab.elb.create_target_group("g", "echo")
    with pytest.raises(DuplicateLoadBalancerNameException, match="different settings"):
        lab.elb.create_load_balancer("shop", "echo", idle_timeout=30)
    with pytest.raises(PriorityInUseException, match="'1'"):
        balancer.create_rule(group, path_pattern="/b", priority=1)
    assert list(lab.elb) == ["shop"]
    assert repr(balancer) == "<load balancer shop: /a -> g, else shop>"
    plain = lab.elb.create_load_balancer("plain", "echo")
    assert repr(plain) == "<load balancer plain: everything -> plain (echo)>"


@pytest.mark.parametrize(
    ("error", "settings", "told"),
    [
        (InvalidSetting, {"idle_timeout": 4_001}, "4,000"),
        (InvalidSetting, {"health_check": {"interval": 4}}, "5 to 300"),
        (InvalidSetting, {"health_check": {"interval": 30}}, "below the interval"),
        (InvalidSetting, {"health_check": {"matcher": "2xx"}}, "200-299"),
        (InvalidSetting, {"health_check": {"path": "x"}}, "begins with"),
        (UnknownSetting, {"health_check": {"intervall": 30}}, "'interval'"),
    ],
)
def test_bad_settings_make_nothing(
    lab: ll.Lab, error: type[Exception], settings: dict[str, Any], told: str
) -> None:
    lab.create_function("echo", echo)
    with pytest.raises(error, match=told):
        lab.elb.create_load_balancer("shop", "echo", **settings)
    assert not list(lab.elb)
    assert not list(lab.elb.target_groups)
    assert lab.get_policy("echo")["Statement"] == []


@pytest.mark.parametrize("name", ["-a", "a_b", "a" * 33, "", None])
def test_bad_names(lab: ll.Lab, name: Any) -> None:
    with pytest.raises(InvalidSetting, match="at most 32"):
        lab.elb.create_load_balancer(name)


def test_bad_rules(lab: ll.Lab) -> None:
    group, balancer = lab.elb.create_target_group("g"), lab.elb.create_load_balancer("shop")
    for settings in ({}, {"path_pattern": 1}, {"http_request_method": "FETCH"},
                     {"path_pattern": "/a", "priority": 0}):  # fmt: skip
        with pytest.raises(InvalidSetting):
            balancer.create_rule(group, **settings)
    with pytest.raises(InvalidSetting, match="create_target_group"):
        balancer.create_rule("g", path_pattern="/a")  # type: ignore[arg-type]
    assert balancer.listener_rules == ()


# ---------------------------------------------------------------------- health checks


def test_health_checks_are_invocations_that_are_billed(lab: ll.Lab) -> None:
    seen: list[dict[str, Any]] = []

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        seen.append(event)
        return {"statusCode": 200}

    lab.create_function("f", handler)
    check = {"path": "/health", "interval": 60}
    lab.elb.create_load_balancer("shop", "f", health_check=check)
    group = lab.elb.target_groups["shop"]
    assert group.target_health == "initial"
    lab.run()
    assert (lab.elapsed, len(seen)) == (0, 0)  # they keep no run going
    lab.run(until="1h")
    assert len(seen) == 61
    assert group.target_health == "healthy"
    assert (seen[0]["path"], seen[0]["headers"]) == (
        "/health",
        {"user-agent": "ELB-HealthChecker/2.0"},
    )
    AlbModel.model_validate(seen[0])
    assert len(lab.trace.invocations) == 61
    assert set(lab.trace.invocations["source"]) == {"shop health check"}
    assert len(lab.trace.requests) == 0


def test_health_checks_are_off_unless_asked_for(lab: ll.Lab) -> None:
    lab.create_function("echo", echo)
    lab.elb.create_load_balancer("shop", "echo")
    lab.run(until="1h")
    assert len(lab.trace.invocations) == 0
    assert lab.elb.target_groups["shop"].target_health == "unavailable"


def test_an_unhealthy_target_is_asked_all_the_same() -> None:
    for opens, status in ((True, 200), (False, 503)):
        lab = ll.Lab(seed=1, quotas={"load_balancer_fails_open": opens})
        broken = [True]

        def handler(
            event: dict[str, Any], context: Any, broken: list[bool] = broken
        ) -> dict[str, Any]:
            bad = broken[0] and event["path"] == "/health"
            return {"statusCode": 500 if bad else 200}

        lab.create_function("f", handler)
        balancer = lab.elb.create_load_balancer("shop", "f", health_check={"path": "/health"})
        group = lab.elb.target_groups["shop"]
        lab.run(until=34)
        assert group.target_health == "initial"
        lab.run(until=36)  # two in a row
        assert group.target_health == "unhealthy"
        assert balancer.get("/").status_code == status
        broken[0] = False
        lab.run(until=35 * 6 - 1)
        assert group.target_health == "unhealthy"
        lab.run(until=35 * 6 + 1)  # five in a row
        assert group.target_health == "healthy"
        assert balancer.get("/").status_code == 200


def test_a_check_that_takes_too_long_has_failed(lab: ll.Lab) -> None:
    lab.create_function("slow", lambda event, context: time.sleep(50), timeout=60)
    lab.elb.create_load_balancer("shop", "slow", health_check={"interval": 20, "timeout": 10})
    lab.run(until=11)
    assert lab.elb.target_groups["shop"].target_health == "initial"
    lab.run(until=75)  # the second waits until the first has run out
    assert lab.elb.target_groups["shop"].target_health == "unhealthy"
    lab.run()  # ends


def test_after_a_reset_checks_begin_again(lab: ll.Lab) -> None:
    lab.create_function("f", named("f"))
    balancer = lab.elb.create_load_balancer("shop", "f", health_check=True)
    lab.run(until="10min")
    first = lab.trace.digest()
    lab.reset()
    assert lab.elb.target_groups["shop"].target_health == "initial"
    lab.run(until="10min")
    assert lab.trace.digest() == first
    assert balancer.get("/").text == "f"


def test_deregistering_ends_the_checks(lab: ll.Lab) -> None:
    lab.create_function("f", named("f"))
    lab.elb.create_load_balancer("shop", "f", health_check=True)
    lab.run(until=1)
    lab.elb.target_groups["shop"].deregister_targets()
    lab.run(until="1h")
    assert len(lab.trace.invocations) == 1
    assert lab.elb.target_groups["shop"].target_health == "unused"


def test_a_path_and_a_query_stay_as_they_were_sent(lab: ll.Lab) -> None:
    balancer = lab.elb.create_load_balancer("shop", lab.create_function("echo", echo))
    seen = balancer.get("/a%2Fb%20c?flag&q=%20x").json()
    assert seen["path"] == "/a%2Fb%20c"
    assert seen["queryStringParameters"] == {"flag": "", "q": "%20x"}


def test_keywords_that_nobody_knows(lab: ll.Lab) -> None:
    echoes = lab.create_function("echo", echo)
    with pytest.raises(UnknownSetting, match="did you mean 'idle_timeout'"):
        lab.elb.create_load_balancer("shop", echoes, idle_time=5)
    with pytest.raises(UnknownSetting, match="did you mean 'health_check'"):
        lab.elb.create_target_group("shop", echoes, health_checks=True)
    balancer = lab.elb.create_load_balancer("shop", echoes)
    with pytest.raises(UnknownSetting, match="did you mean 'path_pattern'"):
        balancer.create_rule(lab.elb.target_groups["shop"], path="/x")
    assert not balancer.listener_rules
