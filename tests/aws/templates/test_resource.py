"""A resource's properties as the lab's API takes them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("samtranslator")

from lambdalab.aws.templates.resource import _scalar, as_list, truth, whole
from tests.aws.templates.making import FUNCTION, get, left_out, made, ref, resource


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("integer", "5", 5), ("integer", "-5", -5), ("integer", 5.0, 5), ("integer", "x", "x"),
        ("long", " 7 ", 7), ("float", "0.5", 0.5), ("double", "x", "x"),
        ("boolean", "true", True), ("boolean", "False", False), ("boolean", "yes", "yes"),
        ("string", 5, "5"), ("string", True, "true"), ("string", {"a": [1]}, '{"a": [1]}'),
        ("blob", b"x", b"x"),
    ],
)  # fmt: skip
def test_scalars_of_the_type_that_is_wanted(kind: str, value: Any, expected: Any) -> None:
    found = _scalar(kind, value)
    assert (found, type(found)) == (expected, type(expected))


@given(st.integers())
def test_whole_numbers_are_read_from_texts(number: int) -> None:
    assert whole(str(number)) == whole(number) == number


def test_one_thing_is_a_list_of_one() -> None:
    assert (as_list(None), as_list("a"), as_list(["a"])) == ([], ["a"], ["a"])
    assert (truth("true"), truth(True), truth("no"), truth(None)) == (True, True, False, False)


def test_the_properties_of_a_mapping_are_those_of_the_operation() -> None:
    lab = made(
        {
            "Fn": FUNCTION, "Stream": resource("AWS::Kinesis::Stream", ShardCount="2"),
            "Map": resource(
                "AWS::Lambda::EventSourceMapping", EventSourceArn=get("Stream"),
                FunctionName=ref("Fn"), StartingPosition="LATEST", BatchSize="7", Enabled="false",
                BisectBatchOnFunctionError="true", FunctionResponseTypes="ReportBatchItemFailures",
                Tags=[{"Key": "a", "Value": "b"}],
            ),
        }
    )  # fmt: skip
    (mapping,) = lab.list_event_source_mappings()
    settings = mapping.settings.as_dict()
    assert (settings["batch_size"], settings["bisect_batch_on_function_error"]) == (7, True)
    assert tuple(settings["function_response_types"]) == ("ReportBatchItemFailures",)
    assert mapping.state == "Disabled"
    assert left_out(lab) == {}
