"""AWS Config: which rules are told of a change, how a frequency goes on, and what they may put back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from lambdalab import Lab
from lambdalab.errors import InvalidSetting
from lambdalab.triggers.errors import (
    InvalidResultTokenException,
    MaxNumberOfConfigRulesExceededException,
)


class Event(BaseModel):
    """The event of a rule's function (metrics-and-shapes.md 3 of the reference)."""

    model_config = ConfigDict(extra="forbid")

    version: str
    invokingEvent: str
    ruleParameters: str
    resultToken: str
    eventLeftScope: bool
    executionRoleArn: str
    configRuleArn: str
    configRuleName: str
    configRuleId: str
    accountId: str


def evaluating(lab: Lab, seen: list[Any]) -> Any:
    @lab.function
    def check(event: Any, context: Any) -> None:
        seen.append(event)
        item = json.loads(event["invokingEvent"]).get("configurationItem")
        if item:
            tagged = bool(item["configuration"]["tags"])
            told = {
                "ComplianceResourceType": item["resourceType"],
                "ComplianceResourceId": item["resourceId"],
                "ComplianceType": "COMPLIANT" if tagged else "NON_COMPLIANT",
                "OrderingTimestamp": item["configurationItemCaptureTime"],
            }
            lab.config.put_evaluations(event["resultToken"], [told])

    return check


def test_a_change_is_evaluated(lab: Lab) -> None:
    seen: list[Any] = []
    types = ["AWS::S3::Bucket"]
    rule = lab.config.put_config_rule(
        "tagged", evaluating(lab, seen), resource_types=types, parameters={"key": "owner"}
    )
    lab.config.record("AWS::S3::Bucket", "photos", {"tags": {}})
    lab.config.record("AWS::S3::Bucket", "films", {"tags": {"owner": "ann"}})
    lab.config.record("AWS::EC2::Instance", "i-0", {"tags": {}})
    lab.run()
    assert rule.compliance == {"photos": "NON_COMPLIANT", "films": "COMPLIANT"}
    assert "1 not compliant" in repr(rule)
    first = Event.model_validate(seen[0])
    invoking = json.loads(first.invokingEvent)
    assert invoking["messageType"] == "ConfigurationItemChangeNotification"
    assert invoking["configurationItem"]["resourceType"] == "AWS::S3::Bucket"
    assert invoking["configurationItem"]["configurationItemStatus"] == "OK"
    assert json.loads(first.ruleParameters) == {"key": "owner"}
    assert (first.eventLeftScope, first.configRuleName) == (False, "tagged")
    actions = lab.trace.queue_events[lab.trace.queue_events.queue == "tagged->check"].action
    assert list(actions) == ["sent", "deleted", "sent", "deleted", "sent", "filtered"]


def test_a_deleted_resource_has_left_the_scope(lab: Lab) -> None:
    seen: list[Any] = []
    lab.create_function("check", lambda event, context: seen.append(event))
    lab.config.put_config_rule("tagged", "check", resource_types=["AWS::S3::Bucket"])
    lab.config.record("AWS::S3::Bucket", "photos", status="ResourceDeleted")
    lab.run()
    assert seen[0]["eventLeftScope"] is True


def test_an_item_too_large_for_an_event_comes_as_a_summary(lab: Lab) -> None:
    seen: list[Any] = []
    lab.create_function("check", lambda event, context: seen.append(event))
    lab.config.put_config_rule("tagged", "check", resource_types=["AWS::S3::Bucket"])
    lab.config.record("AWS::S3::Bucket", "photos", {"policy": "x" * 256 * 1024})
    lab.run()
    invoking = json.loads(seen[0]["invokingEvent"])
    assert invoking["messageType"] == "OversizedConfigurationItemChangeNotification"
    assert invoking["configurationItemSummary"]["resourceId"] == "photos"
    assert "configuration" not in invoking["configurationItemSummary"]


def test_a_periodic_rule(lab: Lab) -> None:
    seen: list[Any] = []
    lab.create_function("check", lambda event, context: seen.append(event))
    lab.config.put_config_rule("daily", "check", maximum_execution_frequency="Six_Hours")
    lab.run()
    assert seen == []  # it keeps no run going
    lab.run(until=86_410)
    assert len(seen) == 4
    invoking = json.loads(seen[0]["invokingEvent"])
    assert invoking["messageType"] == "ScheduledNotification"
    assert invoking["notificationCreationTime"] == "2025-01-07T06:00:00.000Z"
    assert list(lab.trace.short.invocations.t_s) == [21_600, 43_200, 64_800, 86_400]
    lab.reset()
    seen.clear()
    lab.run(until=6 * 3600 + 10)
    assert len(seen) == 1
    lab.config.delete_config_rule("daily")
    lab.run(until=86_400)
    assert len(seen) == 1


def test_only_a_token_that_was_given_out(lab: Lab) -> None:
    seen: list[Any] = []
    rule = lab.config.put_config_rule(
        "tagged", evaluating(lab, seen), resource_types=["AWS::S3::Bucket"]
    )
    with pytest.raises(InvalidResultTokenException):
        lab.config.put_evaluations("made up", [])
    lab.config.record("AWS::S3::Bucket", "photos", {"tags": {}})
    lab.run()
    token = seen[0]["resultToken"]
    told = {"ComplianceResourceType": "t", "ComplianceResourceId": "i", "ComplianceType": "good"}
    with pytest.raises(InvalidSetting, match="COMPLIANT"):
        lab.config.put_evaluations(token, [told])
    with pytest.raises(InvalidSetting, match="100"):
        lab.config.put_evaluations(token, [{}] * 101)
    with pytest.raises(InvalidSetting, match="ComplianceResourceType"):
        lab.config.put_evaluations(token, [{}])
    assert len(rule.evaluations) == 1


def test_bad_input(lab: Lab) -> None:
    check = lab.create_function("check", duration=1)
    with pytest.raises(InvalidSetting, match="one of the two"):
        lab.config.put_config_rule("r", check)
    with pytest.raises(InvalidSetting, match="TwentyFour_Hours"):
        lab.config.put_config_rule("r", check, maximum_execution_frequency="Daily")
    with pytest.raises(InvalidSetting, match="ResourceDeleted"):
        lab.config.record("AWS::S3::Bucket", "b", status="gone")
    with pytest.raises(InvalidSetting, match="JSON"):
        lab.config.record("AWS::S3::Bucket", "b", {1, 2})
    assert len(lab.config) == 0
    small = Lab(quotas={"config_rules": 1})
    small.create_function("check", duration=1)
    small.config.put_config_rule("r", "check", resource_types=["t"])
    with pytest.raises(MaxNumberOfConfigRulesExceededException, match="limit of 1 rules"):
        small.config.put_config_rule("s", "check", resource_types=["t"])


def test_without_the_permission(lab: Lab) -> None:
    check = lab.create_function("check", duration=1)
    lab.config.put_config_rule("r", check, resource_types=["t"])
    lab.remove_permission(check)
    lab.config.record("t", "x")
    lab.run()
    assert list(lab.trace.requests.cause) == ["permission_denied"]


def test_a_rule_that_is_put_again_keeps_what_is_known(lab: Lab) -> None:
    seen: list[Any] = []
    check = evaluating(lab, seen)
    put = lab.config.put_config_rule
    put("tags", check, resource_types=["AWS::S3::Bucket"])
    lab.config.record("AWS::S3::Bucket", "photos", {"tags": {"a": "b"}})
    rule = put("tags", check, resource_types=["AWS::S3::Bucket", "AWS::EC2::Instance"])
    lab.run()
    assert len(seen) == 1  # its token still held: no try failed
    assert rule.compliance == {"photos": "COMPLIANT"}
    with pytest.raises(InvalidSetting, match="parameters"):
        put("tags", check, resource_types=["AWS::S3::Bucket"], parameters="x")
    assert lab.config["tags"] is rule


def test_a_daily_rule_put_twice_is_due_once_a_day(lab: Lab) -> None:
    seen: list[Any] = []
    check = evaluating(lab, seen)
    for _ in range(2):
        lab.config.put_config_rule("daily", check, maximum_execution_frequency="TwentyFour_Hours")
    lab.run(until=31 * 86_400 + 1)
    assert len(seen) == 31


def test_more_bad_input(lab: Lab) -> None:
    check = evaluating(lab, [])
    for types in (3, "AWS::S3::Bucket", [], [1]):
        with pytest.raises(InvalidSetting, match="resource_types"):
            lab.config.put_config_rule("x", check, resource_types=types)
    rule = lab.config.put_config_rule("x", check, resource_types=["a"])
    for tags in (3, "x", {"a": {1}}):
        with pytest.raises(InvalidSetting, match="tags"):
            lab.config.record("a", "b", tags=tags)
    lab.config.record("a", "b", {"tags": {}})
    token = next(iter(rule.tokens))
    one = {"ComplianceResourceType": "a", "ComplianceType": "COMPLIANT"}
    for given in (None, 3, "x", [1], {}, [{**one, "ComplianceResourceId": ["b"]}]):
        with pytest.raises(InvalidSetting):
            lab.config.put_evaluations(token, given)
    with pytest.raises(InvalidResultTokenException):
        lab.config.put_evaluations([token], [])
