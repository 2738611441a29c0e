"""The intrinsic functions: each one, what it refuses, and what a branch not taken costs."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("samtranslator")

from lambdalab.aws.templates.intrinsics import NOTHING, Facts, Values, looped, variables
from lambdalab.aws.templates.left_out import LeftOut
from lambdalab.errors import TemplateError

TEMPLATE: dict[str, Any] = {
    "Transform": ["AWS::LanguageExtensions"],
    "Mappings": {"Sizes": {"test": {"Memory": 256, "Fast": True, "Zones": ["a", "b"]}}},
    "Conditions": {
        "IsTest": {"Fn::Equals": [{"Ref": "Stage"}, "test"]},
        "IsTwo": {"Fn::Equals": [2, {"Ref": "Count"}]},
        "IsOn": {"Fn::Equals": [{"Ref": "On"}, True]},
        "Neither": {"Fn::Not": [{"Fn::Or": [{"Condition": "IsTest"}, {"Condition": "IsTwo"}]}]},
        "Both": {"Fn::And": [{"Condition": "IsTest"}, {"Condition": "IsTwo"}]},
        "Round": {"Fn::Not": [{"Condition": "About"}]}, "About": {"Condition": "Round"},
        "Odd": {"Fn::Join": ["", ["a"]]},
    },
    "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}, "Table": {"Type": "AWS::DynamoDB::Table"}},
}  # fmt: skip
PARAMETERS = {"Stage": "test", "Count": "2", "On": "true", "Names": ["a", "b"], "At": "1"}
FACTS = {
    "Queue": Facts("https://queue", Arn="arn:queue"),
    "Table": Facts("table", **{"Outputs.Deep": "deep"}),
}


def values(left_out: LeftOut | None = None, **more: Any) -> Values:
    template = TEMPLATE | more
    return Values(
        template, PARAMETERS, FACTS.__getitem__, "shop", "stack-id", left_out or LeftOut()
    )


def found(node: Any, **more: Any) -> Any:
    return values(**more).resolve(node, "Here.Property")


def refused(node: Any, words: str, **more: Any) -> None:
    with pytest.raises(TemplateError, match=words):
        found(node, **more)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"Ref": "Stage"}, "test"),
        ({"Ref": "Names"}, ["a", "b"]),
        ({"Ref": "Queue"}, "https://queue"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "AWS::AccountId"}, "123456789012"),
        ({"Ref": "AWS::StackName"}, "shop"),
        ({"Ref": "AWS::NotificationARNs"}, []),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "arn:queue"),
        ({"Fn::GetAtt": "Queue.Arn"}, "arn:queue"),
        ({"Fn::GetAtt": ["Table", "Outputs", "Deep"]}, "deep"),
        ({"Fn::GetAtt": ["Queue", {"Fn::Sub": "${A}rn"}]}, "no name A"),
        ({"Fn::Sub": "${Stage}-${Queue.Arn}-${AWS::Partition}"}, "test-arn:queue-aws"),
        ({"Fn::Sub": "${!Stage} is ${Stage}"}, "${Stage} is test"),
        ({"Fn::Sub": '{"a": "${Stage}", "b": {"c": 1}}'}, '{"a": "test", "b": {"c": 1}}'),
        ({"Fn::Sub": ["${A}-${Stage}-$B $$", {"A": {"Ref": "Queue"}}]}, "https://queue-test-$B $$"),
        ({"Fn::Sub": ["${Stage}", {"Stage": 5}]}, "5"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Stage"}, 1, True]]}, "a-test-1-true"),
        ({"Fn::Join": [",", {"Ref": "Names"}]}, "a,b"),
        ({"Fn::Split": ["|", "a|b"]}, ["a", "b"]),
        ({"Fn::Select": ["1", ["a", "b"]]}, "b"),
        ({"Fn::Select": [{"Ref": "At"}, {"Fn::Split": [",", "a,b"]}]}, "b"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "Memory"]}, 256),
        ({"Fn::FindInMap": ["Sizes", "live", "Memory", {"DefaultValue": {"Ref": "Count"}}]}, "2"),
        ({"Fn::Base64": {"Fn::Sub": "ü${Stage}"}}, "w7x0ZXN0"),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"Fn::GetAZs": ""}, [f"us-east-1{zone}" for zone in "abcdef"]),
        ({"Fn::GetAZs": {"Ref": "AWS::Region"}}, [f"us-east-1{zone}" for zone in "abcdef"]),
        ({"Fn::Length": {"Ref": "Names"}}, 2),
        ({"Fn::ToJsonString": {"a": {"Ref": "Stage"}, "b": [1]}}, '{"a":"test","b":[1]}'),
        ({"Fn::If": ["IsTest", {"Ref": "Stage"}, {"Ref": "Nobody"}]}, "test"),
        ({"Fn::If": ["Neither", 1, {"a": {"Fn::If": ["Both", 2, 3]}}]}, {"a": 2}),
        ({"a": 1, "b": {"Fn::If": ["Neither", 1, {"Ref": "AWS::NoValue"}]}}, {"a": 1}),
        (["a", {"Ref": "AWS::NoValue"}, "b"], ["a", "b"]),
        ({"detail": {"n": [{"numeric": [">", 5]}], "on": [True, None, 1.5]}},) * 2,
        ({"Condition": {"StringEquals": {"a": "b"}}},) * 2,
    ],
)  # fmt: skip
def test_what_it_comes_to(node: Any, expected: Any) -> None:
    if expected == "no name A":
        refused(node, "Here.Property: Ref to 'A', which is nothing")
    else:
        assert found(node) == expected


def test_no_value_at_all() -> None:
    assert found({"Ref": "AWS::NoValue"}) is NOTHING
    assert repr(NOTHING) == "AWS::NoValue"


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"Ref": "Stag"}, "Ref to 'Stag', which is nothing; did you mean 'Stage'"),
        ({"Fn::GetAtt": ["Queu", "Arn"]}, "no resource; did you mean 'Queue'"),
        ({"Fn::GetAtt": ["Queue"]}, "takes a resource and an attribute"),
        ({"Fn::Sub": "${Names}"}, r"\$\{Names\} is no text"),
        ({"Fn::Sub": 5}, "Fn::Sub takes a text"),
        ({"Fn::Join": ["-"]}, "Fn::Join"),
        ({"Fn::Join": ["-", "a"]}, "Fn::Join"),
        ({"Fn::Select": [5, ["a"]]}, "Fn::Select - List size is smaller"),
        ({"Fn::Select": ["x", ["a"]]}, "Fn::Select"),
        ({"Fn::FindInMap": ["Sizes", "live", "Memory"]}, "Unable to find key live in map Sizes"),
        ({"Fn::FindInMap": ["Size", "a", "b"]}, "Unable to find Size"),
        ({"Fn::If": ["IsTest", 1]}, "Fn::If takes a condition and two values"),
        ({"Fn::If": ["IsTes", 1, 2]}, "no condition 'IsTes'; did you mean 'IsTest'"),
        ({"Fn::If": ["Round", 1, 2]}, "leads back to itself"),
        ({"Fn::If": ["Odd", 1, 2]}, "is no condition"),
        ({"Fn::Cidr": ["10.0.0.0/30", 9, 8]}, "Fn::Cidr"),
        ({"Fn::Sup": "x"}, "no function Fn::Sup; did you mean 'Fn::Sub'"),
    ],
)
def test_what_it_refuses(node: Any, words: str) -> None:
    refused(node, f"^Here.Property: .*{words}")


def test_functions_of_the_language_extensions_need_them() -> None:
    refused({"Fn::Length": [1]}, "it needs Transform: AWS::LanguageExtensions", Transform="x")
    default = {"Fn::FindInMap": ["Sizes", "live", "Memory", {"DefaultValue": 1}]}
    refused(default, "Fn::FindInMap", Transform=[])


def test_what_has_no_value_here_is_listed() -> None:
    left_out = LeftOut()
    here = values(left_out)
    assert here.resolve({"Fn::GetAtt": ["Queue", "Fifo"]}, "A.B", "T") == "Queue.Fifo"
    assert here.resolve({"Fn::ImportValue": {"Fn::Sub": "${Stage}-vpc"}}, "A.C", "T") == "test-vpc"
    secret = "{{resolve:ssm:name}}"
    assert here.resolve(secret, "A.D", "T") == secret
    include = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://x"}}}
    assert here.resolve({"a": 1, **include}, "A.E", "T") == {"a": 1}
    told = {(each.resource, each.property): each.why for each in left_out.missing}
    assert list(told) == [("A", "B"), ("A", "C"), ("A", "D"), ("A", "E")]
    assert "AWS::Include is not carried out" in told["A", "E"]


def test_loops() -> None:
    body = {
        "Queue${Name}": {"Type": "AWS::SQS::Queue", "Properties": {"N": {"Fn::Sub": "q-${Name}"}}}
    }
    inner = {"Fn::ForEach::Y": ["Y", ["1", "2"], {"T${X}${Y}": {"Type": "AWS::SNS::Topic"}}]}
    template = TEMPLATE | {
        "Resources": {
            "Fn::ForEach::Queues": ["Name", {"Ref": "Names"}, body],
            "Fn::ForEach::X": ["X", ["A"], inner],
        }
    }
    found = looped(template, PARAMETERS, "shop")["Resources"]
    assert list(found) == ["Queuea", "Queueb", "TA1", "TA2"]
    assert found["Queueb"]["Properties"] == {"N": {"Fn::Sub": "q-b"}}
    with pytest.raises(TemplateError, match="Fn::ForEach::Queues needs Transform"):
        looped(template | {"Transform": []}, PARAMETERS, "shop")
    for wrong in (["Name"], ["Name", "a", body], [1, ["a"], body]):
        broken = template | {"Resources": {"Fn::ForEach::Queues": wrong}}
        with pytest.raises(TemplateError, match=r"Fn::ForEach"):
            looped(broken, PARAMETERS, "shop")
    over = template | {"Resources": {**template["Resources"], **TEMPLATE["Resources"]}}
    over["Resources"]["Fn::ForEach::Q"] = ["Name", {"Fn::GetAtt": ["Queue", "Arn"]}, body]
    with pytest.raises(TemplateError, match="a loop cannot go over what Queue is"):
        looped(over, PARAMETERS, "shop")


def test_references_are_those_of_the_branches_that_are_taken() -> None:
    node = {
        "a": {"Fn::If": ["IsTest", {"Ref": "A"}, {"Ref": "NotTaken"}]},
        "b": [{"Fn::GetAtt": ["B", "Arn"]}, {"Fn::GetAtt": "C.Arn"}],
        "c": {"Fn::Sub": ["${D} ${E.Arn} ${!F} ${Own}", {"Own": {"Ref": "G"}}]},
        "d": {"Fn::Join": ["", [{"Fn::Sub": "${H}"}]]},
    }
    assert list(values().references(node)) == ["A", "B", "C", "D", "E", "G", "H"]


NAMES = st.text(string.ascii_letters, min_size=1, max_size=5)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="${}"), max_size=10)


@settings(max_examples=50)
@given(st.lists(st.tuples(TEXTS, NAMES), max_size=5), st.data())
def test_sub_puts_every_value_in_its_place(
    parts: list[tuple[str, str]], data: st.DataObject
) -> None:
    own = {name: data.draw(TEXTS) for _, name in parts}
    text = "".join(f"{before}${{{name}}}${{!{name}}}" for before, name in parts)
    expected = "".join(f"{before}{own[name]}${{{name}}}" for before, name in parts)
    assert found({"Fn::Sub": [text, own]}) == expected
    assert variables(text) == [name for _, name in parts]


@settings(max_examples=50)
@given(st.lists(st.text(string.ascii_letters, max_size=4), min_size=1, max_size=6), st.data())
def test_split_undoes_join(items: list[str], data: st.DataObject) -> None:
    delimiter = data.draw(st.sampled_from(",|-:/"))
    joined = {"Fn::Join": [delimiter, items]}
    assert found({"Fn::Split": [delimiter, joined]}) == items
    at = data.draw(st.integers(0, len(items) - 1))
    assert found({"Fn::Select": [at, {"Fn::Split": [delimiter, joined]}]}) == items[at]
