"""What is built, what need not be, and what things without names are called."""

from __future__ import annotations

import pytest

pytest.importorskip("samtranslator")

from lambdalab.aws.templates.kinds import IGNORED, KINDS, kind_of
from lambdalab.aws.templates.kinds.kind import Kind
from lambdalab.rules import Rules

RULES = Rules.as_of()


def test_every_type_is_one_of_three() -> None:
    assert isinstance(kind_of("AWS::SQS::Queue"), Kind)
    assert kind_of("AWS::IAM::Role") == "a lab has no IAM: everything is allowed"
    assert kind_of("AWS::EC2::VPC") == kind_of("Custom::Thing") == ""
    assert not [name for name in KINDS for begin in IGNORED if name.startswith(begin)]
    assert all(kind.build.__doc__ for kind in KINDS.values())


@pytest.mark.parametrize(
    ("kind", "logical_id", "expected"),
    [
        ("AWS::SQS::Queue", "Orders", "Orders"),
        ("AWS::S3::Bucket", "PhotoBucket", "photobucket"),
        ("AWS::S3::Bucket", "B", "shop-b"),
        ("AWS::Lambda::Function", "F" * 70 + "Abcdefgh", "F" * 56 + "Abcdefgh"),
        ("AWS::ElasticLoadBalancingV2::TargetGroup", "T" * 33, "T" * 32),
    ],
)
def test_names(kind: str, logical_id: str, expected: str) -> None:
    assert KINDS[kind].name(logical_id, "shop", RULES) == expected
