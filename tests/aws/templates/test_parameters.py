"""Parameters: their values, and what they may not be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("samtranslator")

from lambdalab.aws.templates.left_out import LeftOut
from lambdalab.aws.templates.parameters import parameters_of
from lambdalab.errors import TemplateError


def of(described: dict[str, Any], given: dict[str, Any] | None = None) -> dict[str, Any]:
    return parameters_of({"Parameters": described}, given, LeftOut())


def refused(described: dict[str, Any], given: dict[str, Any], words: str) -> None:
    with pytest.raises(TemplateError, match=words):
        of(described, given)


def test_given_or_by_default() -> None:
    described = {
        "Stage": {"Type": "String", "Default": "test"},
        "Size": {"Type": "Number", "Default": 5},
        "Names": {"Type": "CommaDelimitedList", "Default": "a, b"},
        "Subnets": {"Type": "List<AWS::EC2::Subnet::Id>", "Default": "subnet-12345678"},
        "On": {"Type": "String", "Default": True},
    }
    assert of(described) == {
        "Stage": "test", "Size": "5", "Names": ["a", "b"], "Subnets": ["subnet-12345678"],
        "On": "true",
    }  # fmt: skip
    found = of(described, {"Stage": "live", "Size": 6, "Names": ["c", "d"]})
    assert (found["Stage"], found["Size"], found["Names"]) == ("live", "6", ["c", "d"])


def test_unknown_and_missing() -> None:
    described = {"Stage": {"Type": "String"}, "Size": {"Type": "Number"}}
    refused(described, {"Stag": "x"}, "no parameter 'Stag'; did you mean 'Stage'")
    refused(described, {}, "without a value: Stage, Size; give parameters={'Stage': ...}")
    refused({}, {"Stage": "x"}, "no parameter 'Stage'; there are none yet")
    refused({"Stage": {}}, {"Stage": "x"}, "the parameter Stage has no Type")


@pytest.mark.parametrize(
    ("described", "value", "words"),
    [
        ({"Type": "String", "AllowedValues": ["a", "b"]}, "c", "Stage='c': must be one of a, b"),
        ({"Type": "Number", "AllowedValues": [1, 2]}, 3, "Stage='3': must be one of 1, 2"),
        ({"Type": "CommaDelimitedList", "AllowedValues": ["a", "b"]}, "a,c", "one of a, b"),
        ({"Type": "String", "AllowedValues": "a"}, "a", "AllowedValues .* must be a list"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "A", "AllowedPattern"),
        ({"Type": "String", "MinLength": 3}, "ab", "shorter than the minimum length"),
        ({"Type": "String", "MaxLength": "1"}, "ab", "longer than the maximum length"),
        ({"Type": "Number", "MaxValue": 3}, 4, "above the maximum value"),
        ({"Type": "Number", "MinValue": 3}, 2, "below the minimum value"),
        ({"Type": "Number", "MinValue": 3}, "x", "Stage='x'"),
        ({"Type": "AWS::EC2::VPC::Id"}, "vpc", "Stage='vpc'"),
    ],
)
def test_what_a_value_may_not_be(described: dict[str, Any], value: Any, words: str) -> None:
    refused({"Stage": described}, {"Stage": value}, words)


def test_numbers_are_allowed_however_they_are_written() -> None:
    described = {"Size": {"Type": "Number", "AllowedValues": [128, 256], "Default": 128}}
    for given_size in (256, "256"):
        assert of(described, {"Size": given_size}) == {"Size": "256"}


def test_several_allowed_values() -> None:
    described = {"Names": {"Type": "CommaDelimitedList", "AllowedValues": ["a", "b", "c"]}}
    assert of(described, {"Names": "a, c"}) == {"Names": ["a", "c"]}


def test_an_empty_default_of_a_kind_of_id_and_a_kind_nobody_knows() -> None:
    described = {
        "Vpc": {"Type": "AWS::EC2::VPC::Id", "Default": ""},
        "New": {"Type": "AWS::New::Thing::Id", "Default": "x"},
    }
    assert of(described) == {"Vpc": "", "New": "x"}


def test_the_parameter_store_is_listed() -> None:
    left_out, kind = LeftOut(), "AWS::SSM::Parameter::Value<String>"
    described = {"Image": {"Type": kind, "Default": "/aws/image"}}
    assert parameters_of({"Parameters": described}, {}, left_out) == {"Image": "/aws/image"}
    (found,) = left_out.missing
    assert (found.resource, found.type, found.property) == ("Image", kind, "Default")


@given(st.lists(st.from_regex(r"[a-z0-9 ]{1,5}", fullmatch=True), min_size=1, max_size=5))
def test_a_list_is_its_items_without_the_space_around_them(items: list[str]) -> None:
    described = {"Names": {"Type": "CommaDelimitedList"}}
    assert of(described, {"Names": ",".join(items)}) == {"Names": [item.strip() for item in items]}
    assert of(described, {"Names": items}) == of(described, {"Names": ",".join(items)})
