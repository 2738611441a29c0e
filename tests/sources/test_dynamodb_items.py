"""Items: Python values and attribute values, what comes back, numbers, sizes, what is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidSetting, ValidationException
from lambdalab.sources.dynamodb import items
from lambdalab.sources.dynamodb.table import Table


@pytest.fixture
def table(lab: ll.Lab) -> Table:
    return lab.dynamodb.create_table("t")


def kept(table: Table, value: object) -> Any:
    """An attribute value as it is kept."""
    table.put_item({"id": "1", "v": value})
    found = table.get_item({"id": {"S": "1"}}, typed=True)
    assert found is not None
    return found["v"]


VALUES = [
    ("text", {"S": "text"}),
    ("", {"S": ""}),
    (5, {"N": "5"}),
    (-0.5, {"N": "-0.5"}),
    (0.1, {"N": "0.1"}),
    (1e20, {"N": "100000000000000000000"}),
    (Decimal("1.500"), {"N": "1.5"}),
    (Decimal("-0"), {"N": "0"}),
    (10**125, {"N": "1" + "0" * 125}),
    (Decimal("1E-130"), {"N": "0." + "0" * 129 + "1"}),
    (np.int64(3), {"N": "3"}),
    (np.float64(0.25), {"N": "0.25"}),
    (b"\x00\xff", {"B": b"\x00\xff"}),
    (bytearray(b"raw"), {"B": b"raw"}),
    (True, {"BOOL": True}),
    (None, {"NULL": True}),
    ([], {"L": []}),
    ((1, "a"), {"L": [{"N": "1"}, {"S": "a"}]}),
    ({}, {"M": {}}),
    ({"a": {"b": None}}, {"M": {"a": {"M": {"b": {"NULL": True}}}}}),
    ({"b", "a"}, {"SS": ["a", "b"]}),
    (frozenset((10, 9)), {"NS": ["9", "10"]}),
    ({1.5, Decimal(2)}, {"NS": ["1.5", "2"]}),
    ({b"b", b"a"}, {"BS": [b"a", b"b"]}),
]


@pytest.mark.parametrize(("value", "typed"), VALUES)
def test_every_kind_of_value_has_its_type(table: Table, value: object, typed: object) -> None:
    assert kept(table, value) == typed
    back = (table.get_item({"id": "1"}) or {})["v"]
    if isinstance(value, float):
        assert float(back) == value, "exact: the digits that Python shows"
    elif isinstance(value, tuple):
        assert back == list(value)
    elif value != {1.5, Decimal(2)}:
        assert back == value
        assert type(back) in (type(value), int, bytes, set, Decimal)


@pytest.mark.parametrize(("value", "typed"), VALUES)
def test_an_item_may_be_given_in_awss_own_form(table: Table, value: object, typed: Any) -> None:
    table.put_item({"id": {"S": "1"}, "v": typed}, typed=True)
    assert (table.get_item({"id": {"S": "1"}}, typed=True) or {})["v"] == typed
    wired = json.loads(json.dumps(items.wired(typed)))
    table.put_item({"id": {"S": "1"}, "v": wired}, typed=True)
    assert (table.get_item({"id": {"S": "1"}}, typed=True) or {})["v"] == typed, "bytes in base64"


def test_old_items_come_in_the_form_that_is_asked_for(table: Table) -> None:
    table.put_item({"id": "1", "n": 5})
    item = {"id": {"S": "1"}}
    old = table.put_item(item, return_values="ALL_OLD", typed=True)
    assert old == {"id": {"S": "1"}, "n": {"N": "5"}}
    assert table.delete_item(item, return_values="ALL_OLD", typed=True) == item


def test_whole_numbers_come_back_whole_and_others_exact(table: Table) -> None:
    table.put_item({"id": "1", "whole": 5.0, "part": 0.1, "large": 10**30, "set": {1, 2.5}})
    item = table.get_item({"id": "1"}) or {}
    assert (item["whole"], type(item["whole"])) == (5, int)
    assert (item["part"], type(item["part"])) == (Decimal("0.1"), Decimal)
    assert item["large"] == 10**30
    assert item["set"] == {1, Decimal("2.5")}


def test_what_is_put_and_got_is_the_tables_own(table: Table) -> None:
    given: dict[str, Any] = {"id": "1", "list": [1, {"a": 1}]}
    table.put_item(given)
    given["list"].append(2)
    got = table.get_item({"id": "1"}) or {}
    got["list"][1]["a"] = 5
    typed = table.get_item({"id": {"S": "1"}}, typed=True) or {}
    typed["list"]["L"].clear()
    table.items[0]["list"].clear()
    assert table.get_item({"id": "1"}) == {"id": "1", "list": [1, {"a": 1}]}


def test_sets_have_no_order(lab: ll.Lab) -> None:
    table = lab.dynamodb.create_table("t", stream_view_type="NEW_IMAGE")
    for numbers, texts in ((["9", "10.0"], ["b", "a"]), (["10", "9"], ["a", "b"])):
        item = {"id": {"S": "1"}, "n": {"NS": numbers}, "s": {"SS": texts}}
        table.put_item(item, typed=True)
    assert table.stream.depth == 1
    assert table.stream.records[0].json()["dynamodb"]["NewImage"]["n"] == {"NS": ["9", "10"]}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (10**125 * 10, "Number overflow"),
        (Decimal("1E-131"), "Number underflow"),
        (int("1" * 39), "more than 38 significant digits"),
        (set(), "An string set  may not be empty"),
    ],
)
def test_values_that_dynamodb_refuses(table: Table, value: object, told: str) -> None:
    with pytest.raises(ValidationException, match=rf"{told}.*item\['v'\]"):
        table.put_item({"id": "1", "v": value})
    assert len(table) == 0


@pytest.mark.parametrize(
    "value",
    [
        object(), float("nan"), float("inf"), Decimal("NaN"), {1, "a"}, {True}, {(1, 2)}, 1j,
        {5: "x"}, [object()], {"a": {"b": object()}}, {"": 1}, "\ud800", {"\ud800": 1},
    ],
)  # fmt: skip
def test_values_of_no_type_are_refused_by_name(table: Table, value: object) -> None:
    with pytest.raises(InvalidSetting, match=r"^item\['v'\]"):
        table.put_item({"id": "1", "v": value})
    assert len(table) == 0


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({"S": 5}, InvalidSetting), ({"N": "5", "S": "5"}, InvalidSetting), ({}, InvalidSetting),
        ({"X": "5"}, InvalidSetting), ("5", InvalidSetting), ({"B": "not base64!"}, InvalidSetting),
        ({"B": 5}, InvalidSetting), ({"NULL": False}, InvalidSetting), ({"L": {}}, InvalidSetting),
        ({"SS": "ab"}, InvalidSetting), ({"M": {"a": "b"}}, InvalidSetting),
        ({"N": "five"}, ValidationException), ({"N": ""}, ValidationException),
        ({"N": True}, ValidationException), ({"NS": []}, ValidationException),
        ({"N": "1_000"}, ValidationException), ({"N": "\uff11"}, ValidationException),
        ({"N": "1e99999999999999999999"}, ValidationException), ({"N": 10**5_000}, ValidationException),
        ({"N": [1]}, ValidationException), ({"N": Decimal("sNaN")}, ValidationException),
        ({"BS": []}, ValidationException), ({"NS": ["1", "1.0"]}, ValidationException),
    ],
)  # fmt: skip
def test_attribute_values_that_are_none(table: Table, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        table.put_item({"id": {"S": "1"}, "v": value}, typed=True)
    assert len(table) == 0


def test_lists_and_maps_nest_32_levels_deep(table: Table) -> None:
    value: Any = "x"
    for _ in range(32):
        value = [value]
    kept(table, value)
    with pytest.raises(ValidationException, match="more than 32 levels"):
        kept(table, {"one": value})
    for _ in range(100_000):
        value = [value]
    with pytest.raises(InvalidSetting):
        kept(table, value)


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"Id": 101, "Message": "New item!"}, 21),  # the guide's own record: 26 with its key
        ({"Id": 101, "Message": "This item has changed"}, 33),
        ({"a": "ü"}, 3),
        ({"a": 0}, 2),
        ({"a": 1200}, 3),
        ({"a": -0.012}, 3),
        ({"a": b"abc"}, 4),
        ({"a": None, "b": True}, 4),
        ({"a": []}, 4),
        ({"a": ["x", 1]}, 1 + 3 + 2 + 1 + 2),
        ({"a": {"bc": "x"}}, 1 + 3 + 1 + 2 + 1),
        ({"a": {"x", "yz"}}, 4),
    ],
)
def test_sizes_are_counted_as_documented(item: dict[str, Any], size: int) -> None:
    lab = ll.Lab()
    table = lab.dynamodb.create_table("t")
    table.put_item({"id": "1"} | item)
    assert table.size_bytes - 3 == size


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.text(st.characters(codec="utf-8"), max_size=5)
    | st.binary(max_size=5)
    | st.integers(-(10**37), 10**37)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-9999, max_value=9999)
    | st.sets(st.integers(-99, 99), min_size=1, max_size=3)
    | st.sets(st.text(st.characters(codec="utf-8"), max_size=3), min_size=1, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(codec="utf-8"), min_size=1, max_size=3), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(PLAIN)
def test_what_is_put_comes_back_and_is_put_again_without_a_change(value: object) -> None:
    lab = ll.Lab()
    table = lab.dynamodb.create_table("t", stream_view_type="NEW_IMAGE")
    table.put_item({"id": "1", "v": value})
    back = table.get_item({"id": "1"})
    assert back == {"id": "1", "v": value}
    table.put_item(back)
    typed = table.get_item({"id": {"S": "1"}}, typed=True)
    table.put_item(typed, typed=True)
    assert table.stream.depth == 1
    image = table.stream.records[0].json()["dynamodb"]["NewImage"]
    table.put_item(image, typed=True)
    assert table.stream.depth == 1, "nor as it stands in the record"
