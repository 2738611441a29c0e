"""AWS::Config."""

from __future__ import annotations

import pytest

pytest.importorskip("samtranslator")

from tests.aws.templates.making import FUNCTION, get, left_out, made, permission, resource


def test_a_rule_that_a_function_evaluates() -> None:
    details = [
        {"EventSource": "aws.config", "MaximumExecutionFrequency": "One_Hour", "MessageType": "x"}
    ]
    own = {"Owner": "CUSTOM_LAMBDA", "SourceIdentifier": get("Fn")}
    lab = made(
        {
            "Fn": FUNCTION,
            "May": permission("Fn", "config"),
            "Tags": resource(
                "AWS::Config::ConfigRule",
                ConfigRuleName="tags",
                Source=own,
                InputParameters={"n": 5},
                Scope={"ComplianceResourceTypes": ["AWS::S3::Bucket"]},
            ),
            "Hourly": resource("AWS::Config::ConfigRule", Source=own | {"SourceDetails": details}),
            "Theirs": resource(
                "AWS::Config::ConfigRule", Source={"Owner": "AWS", "SourceIdentifier": "X"}
            ),
        }
    )
    lab.config.record("AWS::S3::Bucket", "photos", {})
    lab.run()
    assert len(lab.trace.invocations) == 1
    assert set(lab.config) == {"tags", "Hourly"}
    assert set(left_out(lab)) == {"Theirs"}
