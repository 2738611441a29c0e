"""Filter policies: which messages pass, and which policies cannot be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.errors import InvalidParameterException, InvalidSetting
from lambdalab.rules import Rules
from lambdalab.triggers.sns.filters import ATTRIBUTES, BODY, FilterPolicy
from lambdalab.triggers.sns.messages import attributes_of

RULES = Rules.as_of()


def passes(policy: Any, attributes: Any) -> bool:
    made = FilterPolicy.make(policy, ATTRIBUTES, RULES)
    assert made is not None
    return made.admits("text", attributes_of(attributes))


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ("a", ["a", ["b", "a"]], ["b", "A", 1, ["b"]]),
        (100, [100, 100.0, "1e2" and 1e2], ["100", 101]),
        ({"anything-but": ["a", "b"]}, ["c", ["a", "c"]], ["a", ["a", "b"]]),
        ({"anything-but": {"prefix": "a"}}, ["b"], ["ab", "a"]),
        ({"prefix": "ab"}, ["abc"], ["xab", 1]),
        ({"suffix": "ab"}, ["xab"], ["abx"]),
        ({"equals-ignore-case": "aB"}, ["AB"], ["ABC"]),
        ({"numeric": [">", 0, "<=", 5]}, [5, 0.1], [0, 6, "3"]),
        ({"cidr": "10.0.0.0/24"}, ["10.0.0.7"], ["10.0.1.7", "text"]),
        ({"exists": True}, ["a", 1], []),
        (True, [[True]], ["true"]),
        (None, [[None]], ["null"]),
    ],
)
def test_operators_on_attributes(rule: Any, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert passes({"k": [rule]}, {"k": value}), value
    for value in bad:
        assert not passes({"k": [rule]}, {"k": value}), value
    other = {"other": "x"}
    assert not passes({"k": [rule]}, other)


def test_a_missing_attribute_and_no_attribute_at_all_are_two_things() -> None:
    policy = {"k": [{"exists": False}]}
    assert passes(policy, {"other": "x"})
    assert not passes(policy, {"k": "x"})
    assert not passes(policy, {})


def test_keys_are_all_needed_rules_of_one_are_alternatives_and_or_is_either() -> None:
    policy = {"a": ["1", "2"], "$or": [{"b": ["x"]}, {"c": [{"numeric": ["=", 3]}]}]}
    assert passes(policy, {"a": "2", "b": "x"})
    assert passes(policy, {"a": "1", "c": 3})
    assert not passes(policy, {"a": "1", "c": 4})
    assert not passes(policy, {"b": "x"})


def test_names_with_dots_and_binary_values() -> None:
    assert passes({"a.b": ["x"]}, {"a.b": "x"})
    assert not passes({"a": [{"exists": True}]}, {"a": b"x", "other": "x"})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"order": {"total": 120, "lines": [{"sku": "a"}, {"sku": "b"}]}}', True),
        ('{"order": {"total": 120, "lines": [{"sku": "c"}]}}', False),
        ('{"order": {"total": 12, "lines": [{"sku": "a"}]}}', False),
        ("text", False),
        ("[1]", False),
        ("", False),
    ],
)
def test_a_policy_on_the_body(body: str, expected: bool) -> None:
    policy = {"order": {"total": [{"numeric": [">", 100]}], "lines": {"sku": ["a", "b"]}}}
    made = FilterPolicy.make(policy, BODY, RULES)
    assert made is not None
    assert made.admits(body, {}) is expected


@pytest.mark.parametrize("nothing", [None, {}, "{}"])
def test_no_policy(nothing: Any) -> None:
    assert FilterPolicy.make(nothing, ATTRIBUTES, RULES) is None


@pytest.mark.parametrize(
    ("policy", "told", "where"),
    [
        ('{"a": [', "no JSON", "line 1, column 8"),
        ("[]", "an object with fields", "filter_policy"),
        ({"a": "x"}, "list of rules", "at a"),
        ({"a": []}, "empty list", "at a"),
        ({"a": [["x"]]}, "a list in a list", r"at a\[0\]"),
        ({"a": [{"like": "x"}]}, "no operator 'like'", r"at a\[0\].like"),
        ({"a": [{"wildcard": "x*"}]}, "Unrecognized match type wildcard", r"at a\[0\]"),
        ({"a": ["x", {"prefix": {"equals-ignore-case": "x"}}]}, "Unsupported prefix", r"at a\[1\]"),
        ({"a": [{"anything-but": {"wildcard": "x"}}]}, "Unsupported anything-but pattern: wildcard",
         r"at a\[0\].anything-but"),
        ({"a": [{"numeric": [">", "x"]}]}, "a number", r"at a\[0\].numeric\[1\]"),
        ({"a": {"b": ["x"]}}, "does not support nested", "at a"),
        ({k: ["x"] for k in "abcdef"}, "more than 5 keys", "at f"),
        ({k: [str(n) for n in range(6)] for k in "abc"}, "too complex", "216 combinations"),
        ({"$or": [{"a": ["x"]}]}, "two or more", r"at \$or"),
        ('{"a": ["' + "x" * 262_144 + '"]}', "too large", "sns_filter_size"),
    ],
)  # fmt: skip
def test_a_policy_that_cannot_be_tells_where_and_why(policy: Any, told: str, where: str) -> None:
    with pytest.raises(InvalidParameterException, match=told) as caught:
        FilterPolicy.make(policy, ATTRIBUTES, RULES)
    assert caught.value.message.startswith("Invalid parameter: FilterPolicy: ")
    caught.match(where)


def test_combinations_count_how_deep_a_key_is_nested() -> None:
    values = ["1", "2", "3", "4", "5"]
    FilterPolicy.make({"a": {"b": values, "c": values}}, BODY, RULES)  # 10 × 10
    with pytest.raises(InvalidParameterException, match="225 combinations"):
        FilterPolicy.make({"a": {"b": {"c": values, "d": values}}}, BODY, RULES)


@pytest.mark.parametrize("given", [5, ["a"], {"a": [object()]}])
def test_what_is_no_policy_at_all(given: Any) -> None:
    with pytest.raises(InvalidSetting, match="filter_policy"):
        FilterPolicy.make(given, ATTRIBUTES, RULES)


TEXTS = st.text("abc", min_size=1, max_size=2)


@given(st.dictionaries(TEXTS, TEXTS, min_size=1), st.dictionaries(TEXTS, st.lists(TEXTS, min_size=1),
       min_size=1, max_size=3))  # fmt: skip
def test_exact_values_are_what_sets_say(
    attributes: dict[str, str], policy: dict[str, list[str]]
) -> None:
    if any(len(values) > 5 for values in policy.values()):
        policy = {name: values[:5] for name, values in policy.items()}
    expected = all(attributes.get(name) in values for name, values in policy.items())
    assert passes(policy, attributes) is expected
    body = FilterPolicy.make(policy, BODY, RULES)
    assert body is not None
    assert body.admits(json.dumps(attributes), {}) is expected
