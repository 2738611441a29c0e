"""The event pattern language: what matches, what does not, and what is refused and where."""

from __future__ import annotations

import json
import timeit
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.sources.filters.patterns import Decoded, PatternError, parse

DEEP = {"a": {"b": {"c": 1}}}


def matches(pattern: Any, event: Any, event_bridge: bool = False) -> bool:
    return parse(json.dumps(pattern), event_bridge=event_bridge).matches(event)


def field(rules: Any, *value: Any) -> bool:
    """Whether a field with this value (or no field) passes these rules."""
    return matches({"f": rules}, {"f": value[0]} if value else {})


@pytest.mark.parametrize(("rules", "fit", "unfit"), [
    # exact
    (["x"], ["x"], ["X", "", "xx", 1, None, True, {}, []]),
    (["x", "y"], ["x", "y"], ["z"]),
    (["1"], ["1"], [1, 1.0, True]),
    ([1], [1, 1.0], ["1", True, 2, None]), ([0], [0, -0.0], [False, "", None]),
    ([300], [300.0, 3.0e2], ["300", 301]), ([1.5], [1.5], [1, 2, "1.5"]),
    ([True], [True], [1, "true", False]), ([False], [False], [0, "", None, True]),
    ([None], [None], ["", 0, False, "null", [], {}]), ([""], [""], [None, " ", [], 0]),
    (["x", 1, None, True], ["x", 1, None, True], [0, False, "", "1"]),
    # prefix, suffix
    ([{"prefix": "ab"}], ["ab", "abc"], ["a", "cab", "ABc", 1, None, True]),
    ([{"prefix": ""}], ["", "x"], [None, 1, []]), ([{"suffix": ""}], ["", "x"], [None, 1]),
    ([{"suffix": ".png"}], [".png", "a.png"], ["a.png.zip", "a.PNG", 1, None]),
    # equals-ignore-case
    ([{"equals-ignore-case": "Ab"}], ["ab", "AB", "aB"], ["a", "abc", 1, None]),
    ([{"equals-ignore-case": ""}], [""], [" ", None]),
    # anything-but
    ([{"anything-but": "x"}], ["y", "", None, 1, True, False], ["x"]),
    ([{"anything-but": ["x", "y"]}], ["z", None, 1], ["x", "y"]),
    ([{"anything-but": 1}], [2, "1", None, True], [1, 1.0]),
    ([{"anything-but": 0}], [789, False, None], [0]),
    ([{"anything-but": [1, 2]}], [3, "1"], [1, 2.0]),
    # numeric
    ([{"numeric": ["=", 5]}], [5, 5.0], [4, "5", None, True]),
    ([{"numeric": [">", 100]}], [100.5, 101.0, 101], [100, 99, "101", None, True]),
    ([{"numeric": [">=", 100]}], [100, 100.0], [99.9]),
    ([{"numeric": ["<", 1]}], [0, -5], [1, "0", False, None]),
    ([{"numeric": ["<=", 1.5]}], [1.5, 1], [1.51]),
    ([{"numeric": [">", 0, "<=", 5]}], [0.1, 5], [0, 5.1, "3"]),
    ([{"numeric": [">=", 0, "<", 5]}], [0, 4], [-1, 5, True]),
    # several rules: any of them
    ([{"numeric": [">", 100]}, {"anything-but": "101"}], ["42", 101], ["101"]),
    ([{"prefix": "a"}, {"suffix": "z"}, 7], ["ab", "yz", 7], ["ba", 8]),
    # exists
    ([{"exists": True}], ["", 0, False, None, "x", [1]], [{}, {"a": 1}, [], [[]], [{"a": 1}]]),
    ([{"exists": False}], [{}, {"a": 1}, [], [{"a": 1}]], ["", 0, False, None, [1]]),
    # arrays: any element
    (["x"], [["x"], ["y", "x"], [["x"]], [{"a": 1}, "x"]], [["y"], [], [["y"]], [{"f": "x"}]]),
    ([None], [[None]], [[], [[]]]),
    ([{"anything-but": "x"}], [["x", "y"]], [["x"], []]),
    ([{"numeric": [">", 2]}], [[1, 3]], [[1, 2], ["3"]]),
])  # fmt: skip
def test_rules_of_a_field(rules: Any, fit: list[Any], unfit: list[Any]) -> None:
    assert [value for value in fit if not field(rules, value)] == []
    assert [value for value in unfit if field(rules, value)] == []


@pytest.mark.parametrize(("rules", "fits"), [
    ([{"exists": False}], True), ([{"exists": True}], False), ([{"anything-but": "x"}], False),
    ([{"anything-but": ["x"]}], False), ([None], False), ([""], False), ([{"prefix": ""}], False),
    ([{"numeric": ["<", 1]}], False), ([{"anything-but": "x"}, {"exists": False}], True),
])  # fmt: skip
def test_a_missing_field(rules: Any, fits: bool) -> None:
    assert field(rules) is fits
    deep = {"f": {"g": {"h": rules}}}
    events: list[Any] = [{}, {"f": None}, {"f": "a"}, {"f": {}}, {"f": {"g": 1}}, {"f": []}]
    for event in events:
        assert matches(deep, event) is fits, event


@pytest.mark.parametrize(("pattern", "event", "fits"), [
    # every field (AND), whatever else the event has
    ({"a": ["x"], "b": [1]}, {"a": "x", "b": 1, "c": {}}, True),
    ({"a": ["x"], "b": [1]}, {"a": "x"}, False),
    ({"a": {"b": {"c": [1]}}}, DEEP, True), ({"a": {"b": {"c": [2]}}}, DEEP, False),
    ({"a": {"b": [{"exists": True}]}}, DEEP, False),  # no leaf
    ({"a": {"b": [{"exists": False}]}}, DEEP, True),
    ({"a": {"k": [1]}, "b": {"k": [2]}}, {"a": {"k": 1}, "b": {"k": 2}}, True),
    ({"a": {"k": [1]}, "b": {"k": [2]}}, {"a": {"k": 1}, "b": {"k": 3}}, False),
    ({"A": {"b": {"c": [1]}}}, DEEP, False),  # keys are case sensitive
    ({"a": {"k": ["v"]}}, {"a": '{"k": "v"}'}, False),  # a JSON string is a string
    # the parent is missing
    ({"img": {"S": [{"anything-but": ["rose"]}, {"exists": False}]}}, {"other": {"N": "1"}}, True),
    ({"img": {"S": [{"anything-but": ["rose"]}, {"exists": False}]}}, {"img": {"S": "lily"}}, True),
    ({"img": {"S": [{"anything-but": ["rose"]}, {"exists": False}]}}, {"img": {"S": "rose"}}, False),
    # DynamoDB's numbers are strings
    ({"new": {"n": {"N": [{"numeric": [">", 100]}]}}}, {"new": {"n": {"N": "101"}}}, False),
    # $or
    ({"$or": [{"a": [1]}, {"b": [1]}]}, {"b": 1}, True),
    ({"$or": [{"a": [1]}, {"b": [1]}]}, {"a": 2, "b": 2}, False),
    ({"$or": [{"a": [1]}, {"b": [1]}], "c": [1]}, {"a": 1, "c": 1}, True),
    ({"$or": [{"a": [1]}, {"b": [1]}], "c": [1]}, {"a": 1, "c": 2}, False),
    ({"d": {"$or": [{"a": [1]}, {"b": {"c": [1]}}]}}, {"d": {"b": {"c": 1}}}, True),
    ({"$or": [{"a": [1]}, {"$or": [{"b": [1]}, {"c": [1]}]}]}, {"c": 1}, True),
    ({"$or": [{"a": [1], "b": [1]}, {"c": [1]}]}, {"a": 1, "b": 2}, False),
    # arrays of objects: all in one element
    ({"l": {"id": [{"exists": True}]}}, {"l": [{"k": 1}, {"id": "x"}]}, True),
    ({"l": {"a": [1], "b": [2]}}, {"l": [{"a": 1, "b": 2}]}, True),
    ({"l": {"a": [1], "b": [2]}}, {"l": [{"a": 1}, {"b": 2}]}, False),
    ({"l": {"a": [1]}}, {"l": [[{"a": 1}], 5]}, True),
    ({"l": {"$or": [{"a": [1]}, {"b": [1]}]}}, {"l": [{"c": 1}, {"b": 1}]}, True),
    # exists: false of an array of objects: in none of them
    ({"l": {"id": [{"exists": False}]}}, {"l": [{"k": 1}, {"id": "x"}]}, False),
    ({"l": {"id": [{"exists": False}]}}, {"l": [{"k": 1}, {"j": "x"}]}, True),
    ({"l": {"id": [{"exists": False}], "k": [1]}}, {"l": [{"k": 1}, {"id": "x"}]}, False),
    ({"l": {"m": {"id": [{"exists": False}]}}}, {"l": [{"k": 1}, {"m": {"id": 1}}]}, False),
    ({"l": {"$or": [{"id": [{"exists": False}]}, {"k": [1]}]}}, {"l": [{"k": 2}, {"id": 1}]}, False),
    # dotted keys and nested ones are one path
    ({"a.b.c": [1]}, DEEP, True), ({"a.b": {"c": [1]}}, DEEP, True),
    ({"a": {"b.c": [1]}}, DEEP, True), ({"a.b.c": [2]}, DEEP, False),
    ({"a": {"b": [1]}}, {"a.b": 1}, True), ({"a.b": [1]}, {"a.b": 1}, True),
    ({"a": {"b": {"c": [1]}}}, {"a.b": {"c": 1}}, True),
    ({"a": {"b": {"c": [1]}}}, {"a": {"b.c": 1}}, True),
    ({"a": {"b": {"c": [1]}}}, {"a.b.c": 1}, True),
    ({"a": {"b": [1], "d": [2]}}, {"a.b": 1, "a": {"d": 2}}, True),
    ({"a": {"b": [1], "d": [2]}}, {"a.b": 1, "a": [{"d": 2}, 5]}, True),
    ({"a.b": [1]}, {"a.b": 1, "a": []}, True),
    ({"a": {"b": {"c": [1]}}}, {"a.b": {"b": {"c": 1}}}, False),
    ({"a.b": {"b": [1]}}, {"a": {"b": 1}}, False),
    ({"a": {"b": [{"exists": False}]}}, {"a.b": 1}, False),
    ({"a.b": [1], "a": {"d": [2]}}, {"a": {"b": 1, "d": 2}}, True),
    ({"a.b": [1], "a": {"d": [2]}}, {"a": {"b": 1, "d": 3}}, False),
])  # fmt: skip
def test_patterns(pattern: Any, event: Any, fits: bool) -> None:
    assert matches(pattern, event) is fits


@pytest.mark.parametrize(("pattern", "where", "reason"), [
    ([], "", "an object"), ("text", "", "an object"), (None, "", "an object"),
    ({}, "", "an empty object"), ({"a": {}}, "a", "an empty object"),
    ({"a": "x"}, "a", "a list of rules"), ({"a": {"b": 1}}, "a.b", "a list of rules"),
    ({"a": None}, "a", "a list of rules"),
    ({"a": []}, "a", "an empty list"), ({"a": ["x", ["y"]]}, "a[1]", "a list in a list"),
    ({"a": [{}]}, "a[0]", "one key"), ({"a": [{"prefix": "x", "suffix": "y"}]}, "a[0]", "one key"),
    ({"a": [{"Prefix": "x"}]}, "a[0].Prefix", "there is no operator 'Prefix'"),
    ({"a": [{"prefix": 1}]}, "a[0].prefix", "takes a string"),
    ({"a": [{"prefix": ["x"]}]}, "a[0].prefix", "takes a string"),
    ({"a": ["x", {"suffix": None}]}, "a[1].suffix", "takes a string"),
    ({"a": [{"equals-ignore-case": 1}]}, "a[0].equals-ignore-case", "takes a string"),
    ({"a": [{"equals-ignore-case": ["x"]}]}, "a[0].equals-ignore-case", "takes a string"),
    ({"a": [{"exists": "true"}]}, "a[0].exists", "true or false"),
    ({"a": [{"exists": 1}]}, "a[0].exists", "true or false"),
    ({"a": [{"anything-but": None}]}, "a[0].anything-but", "strings or numbers"),
    ({"a": [{"anything-but": ["x", None]}]}, "a[0].anything-but[1]", "strings or numbers"),
    ({"a": [{"anything-but": True}]}, "a[0].anything-but", "strings or numbers"),
    ({"a": [{"anything-but": ["x", 1]}]}, "a[0].anything-but[1]", "not both"),
    ({"a": [{"anything-but": []}]}, "a[0].anything-but", "empty"),
    ({"a": [{"numeric": 5}]}, "a[0].numeric", "one comparison or a range"),
    ({"a": [{"numeric": []}]}, "a[0].numeric", "one comparison or a range"),
    ({"a": [{"numeric": [">", 0, "<"]}]}, "a[0].numeric", "one comparison or a range"),
    ({"a": [{"numeric": [">", "0"]}]}, "a[0].numeric[1]", "a number"),
    ({"a": [{"numeric": [">", True]}]}, "a[0].numeric[1]", "a number"),
    ({"a": [{"numeric": ["!=", 0]}]}, "a[0].numeric[0]", "one of"),
    ({"a": [{"numeric": [["="], 0]}]}, "a[0].numeric[0]", "one of"),
    ({"a": [{"numeric": [">", 0, ">", 0]}]}, "a[0].numeric[2]", "a lower bound"),
    ({"a": [{"numeric": ["<", 5, ">", 0]}]}, "a[0].numeric[0]", "a lower bound"),
    ({"a": [{"numeric": ["=", 5, "<", 9]}]}, "a[0].numeric[0]", "a lower bound"),
    ({"a": [{"numeric": [">", 5, "<", 5]}]}, "a[0].numeric[3]", "above the lower"),
    ({"a": [{"Numeric": [">", 5]}]}, "a[0].Numeric", "no operator"),
    ({"$or": {"a": [1]}}, "$or", "two or more"), ({"$or": [{"a": [1]}]}, "$or", "two or more"),
    ({"a": {"$or": [{"b": [1]}, {"c": 1}]}}, "a.$or[1].c", "a list of rules"),
    ({"$or": [{"b": [1]}, "c"]}, "$or[1]", "an object"),
    ({"body": {"kind": [{"prefix": 3}]}}, "body.kind[0].prefix", "takes a string"),
])  # fmt: skip
def test_what_is_refused(pattern: Any, where: str, reason: str) -> None:
    for event_bridge in (False, True):
        with pytest.raises(PatternError) as caught:
            parse(json.dumps(pattern), event_bridge=event_bridge)
        assert caught.value.where == where
        assert reason in caught.value.reason


@pytest.mark.parametrize(("text", "where"), [
    ("", "line 1, column 1"), ('{"a": ["x"]', "line 1, column 12"),
    ('{\n  "a": [x]\n}', "line 2, column 9"), ('{"a": [NaN]}', ""), ("[" * 4_000 + "]" * 4_000, ""),
    ('{"a":' * 700 + '["x"]' + "}" * 700, ""), ('{"' + "a." * 101 + '": ["x"]}', ""),
    ('{"a":' * 101 + '["x"]' + "}" * 101, ""),
])  # fmt: skip
def test_what_is_no_json(text: str, where: str) -> None:
    with pytest.raises(PatternError) as caught:
        parse(text)
    assert caught.value.where == where


@pytest.mark.parametrize(("rules", "fit", "unfit"), [
    ([{"wildcard": "a*c"}], ["ac", "abc", "a\nc"], ["ab", "xac", 1, None]),
    ([{"wildcard": "*/init/*"}], ["x/init/y"], ["init/y"]),
    ([{"wildcard": r"a\*c"}], ["a*c"], ["abc"]), ([{"wildcard": r"a\\*"}], ["a\\b"], ["a*"]),
    ([{"wildcard": "a.c"}], ["a.c"], ["abc"]),
    ([{"cidr": "10.0.0.0/24"}], ["10.0.0.255"], ["10.0.1.0", "text", 10, None]),
    ([{"cidr": "2001:db8::/32"}], ["2001:db8::1"], ["2001:db9::1", "10.0.0.1"]),
    ([{"anything-but": {"prefix": "in"}}], ["out", 12, None], ["init"]),
    ([{"anything-but": {"prefix": ["in", "te"]}}], ["out", 12], ["init", "test"]),
    ([{"anything-but": {"suffix": ".png"}}], ["a.txt", 1], ["a.png"]),
    ([{"anything-but": {"equals-ignore-case": ["A", "b"]}}], ["c", None], ["a", "B"]),
    ([{"anything-but": {"wildcard": "*/lib/*"}}], ["a/b", 1], ["a/lib/b"]),
    ([{"anything-but": {"wildcard": ""}}], ["dir/init"], [""]),
    ([{"prefix": {"equals-ignore-case": "EventB"}}], ["EvEnTb", "eventbus"], ["event", 1]),
    ([{"suffix": {"equals-ignore-case": ".PNG"}}], ["a.png"], ["a.pn"]),
])  # fmt: skip
def test_what_only_event_bridge_takes(rules: Any, fit: list[Any], unfit: list[Any]) -> None:
    test = parse(json.dumps({"f": rules}), event_bridge=True)
    assert [value for value in fit if not test.matches({"f": value})] == []
    assert [value for value in unfit if test.matches({"f": value})] == []
    assert not test.matches({})
    with pytest.raises(PatternError, match=r"f\[0\]"):
        parse(json.dumps({"f": rules}))


@pytest.mark.parametrize(("rules", "where"), [
    ([{"wildcard": "a**b"}], "f[0].wildcard"), ([{"wildcard": 1}], "f[0].wildcard"),
    ([{"wildcard": "a\\b"}], "f[0].wildcard"), ([{"cidr": "10.0.0.0"}], "f[0].cidr"),
    ([{"cidr": "bad-/64filter"}], "f[0].cidr"), ([{"cidr": 5}], "f[0].cidr"),
    ([{"cidr": "10.0.0.0/33"}], "f[0].cidr"),
    ([{"anything-but": {"prefix": ""}}], "f[0].anything-but.prefix"),
    ([{"anything-but": {"suffix": ["a", ""]}}], "f[0].anything-but.suffix"),
    ([{"anything-but": {"prefix": [123, "test"]}}], "f[0].anything-but.prefix"),
    ([{"anything-but": {"prefix": []}}], "f[0].anything-but.prefix"),
    ([{"anything-but": {"prefix": {"equals-ignore-case": "x"}}}], "f[0].anything-but.prefix"),
    ([{"anything-but": {"equals-ignore-case": [1, 2]}}], "f[0].anything-but.equals-ignore-case"),
    ([{"anything-but": {"numeric": [">", 1]}}], "f[0].anything-but.numeric"),
    ([{"prefix": {"numeric": "x"}}], "f[0].prefix.numeric"),
])  # fmt: skip
def test_what_event_bridge_refuses(rules: Any, where: str) -> None:
    with pytest.raises(PatternError) as caught:
        parse(json.dumps({"f": rules}), event_bridge=True)
    assert caught.value.where == where


def test_a_field_that_arrives_as_text() -> None:
    inner, whole = parse('{"body": {"k": ["v"]}}'), parse('{"body": [{"prefix": "v"}]}')
    assert inner.matches({"body": Decoded('{"k":"v"}', {"k": "v"})})
    assert inner.matches({"body": Decoded('[{"k":"v"}]', [{"k": "v"}])})
    assert not inner.matches({"body": Decoded("v", None)})
    assert whole.matches({"body": Decoded("v1", None)})
    assert not whole.matches({"body": Decoded('{"k":"v"}', {"k": "v"})})
    for missing in ('{"body": {"k": [{"exists": false}]}}', '{"body.k": [{"exists": false}]}'):
        assert not parse(missing).matches({"body": Decoded("v", None)})
        assert parse(missing).matches({"body": Decoded("{}", {})})
    assert not parse('{"body": [{"exists": false}]}').matches({"body": Decoded("{}", {})})


def test_what_a_pattern_tells_of_itself() -> None:
    pattern = parse('{"a": [1], "b": {"c": [1]}, "$or": [{"d.e": [1]}, {"b": ["x"]}]}')
    assert pattern.names == {"a", "b", "d"}
    assert pattern.rules_at("a") == ["a"]
    assert pattern.rules_at("b") == ["$or[1].b"]
    assert pattern.rules_at("d") == []
    assert repr(parse('{"a": [1]}')) == '<pattern {"a": [1]}>'


def test_a_deep_pattern_matches() -> None:
    pattern = parse('{"a":' * 100 + '["x"]' + "}" * 100)
    assert pattern.matches(json.loads('{"a":' * 100 + '["x"]' + "}" * 100))
    assert not pattern.matches(json.loads('{"a":' * 99 + '["x"]' + "}" * 99))


def test_a_deep_event_is_looked_through() -> None:
    """As deep as JSON is read: far deeper than Python's stack would let a recursion go."""
    inner = json.loads("[" * 900 + '{"k": "v"}' + "]" * 900)
    deep: Any = inner
    for _ in range(5_000):
        deep = [deep, "x"]
    assert matches({"a": {"k": ["v"]}}, {"a": deep})
    assert matches({"a": ["x"]}, {"a": deep})
    assert not matches({"a": {"k": [{"exists": False}]}}, {"a": deep})
    assert matches({"a": {"j": [{"exists": False}]}}, {"a": deep})


@pytest.mark.parametrize(
    "digits", ["9007199254740993", "18446744073709551615", "1" * 30, "-" + "9" * 50]
)
def test_a_number_equals_itself_however_long(digits: str) -> None:
    """Events are read by orjson: whole numbers beyond 64 bits as the nearest fraction."""
    event = orjson.loads(f'{{"a": {digits}}}')
    assert parse(f'{{"a": [{digits}]}}').matches(event)
    assert parse(f'{{"a": [{{"numeric": ["=", {digits}]}}]}}').matches(event)
    assert not parse(f'{{"a": [{{"anything-but": {digits}}}]}}').matches(event)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 400])
def test_a_number_too_large_for_any_event_is_refused(number: str) -> None:
    with pytest.raises(PatternError, match="is too large"):
        parse(f'{{"a": [{{"numeric": [">", {number}]}}]}}')


def test_matching_is_fast() -> None:
    """Far above what it takes (1 to 2 µs), far below what compiling it each time would."""
    pattern = parse('{"body": {"kind": ["a", "b"], "total": [{"numeric": [">", 100]}]}}')
    event = {"body": {"kind": "b", "total": 120, "items": [1, 2, 3]}}
    assert min(timeit.repeat(lambda: pattern.matches(event), number=500, repeat=5)) / 500 < 20e-6


# ------------------------------------------------------------------ properties

keys = st.text(st.sampled_from("abcX. -"), min_size=1, max_size=3)
numbers = st.integers(-1_000, 1_000) | st.floats(-1e6, 1e6)
texts = st.text(max_size=4)
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
events = st.dictionaries(keys, values, min_size=1, max_size=4)


def rule_for(value: Any, chance: Any) -> Any:
    """A rule that a scalar passes."""
    rules: list[Any] = [value, {"exists": True}]
    if isinstance(value, str):
        cut = chance.randint(0, len(value))
        rules += [{"prefix": value[:cut]}, {"suffix": value[cut:]}, {"anything-but": value + "!"}]
        rules.append({"equals-ignore-case": value})
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        rules += [{"numeric": ["=", value]}, {"numeric": [">=", value, "<", abs(value) + 1]}]
        rules += [{"numeric": [">", value - 1]}, {"anything-but": value + 1}]
    else:
        rules.append({"anything-but": "!"})
    return chance.choice(rules)


def pattern_for(value: Any, chance: Any) -> Any:
    """A pattern (or a list of rules) made from a value; None where it has no leaf."""
    if isinstance(value, dict):
        made = {key: pattern_for(each, chance) for key, each in value.items()}
        return {key: each for key, each in made.items() if each is not None} or None
    if isinstance(value, list):
        found = [each for each in (pattern_for(each, chance) for each in value) if each is not None]
        return chance.choice(found) if found else None
    return ["never", rule_for(value, chance)]


@given(events, st.randoms(use_true_random=False))
def test_a_pattern_made_from_an_event_matches_it(event: Any, chance: Any) -> None:
    paths = paths_of(event)
    pattern = pattern_for(event, chance)
    if pattern is not None and len(set(paths)) == len(paths):  # a.b and a with b: one path twice
        assert matches(pattern, json.loads(json.dumps(event)))


def paths_of(value: Any, path: str = "") -> list[str]:
    """The dotted paths of an event's objects and fields, once for all elements of an array."""
    if isinstance(value, list):
        return list(dict.fromkeys(found for each in value for found in paths_of(each, path)))
    found = []
    for key, each in value.items() if isinstance(value, dict) else ():
        found += [f"{path}.{key}", *paths_of(each, f"{path}.{key}")]
    return found


patterns = st.dictionaries(
    st.sampled_from("abc"),
    st.lists(scalars | st.just({"exists": False}) | st.just({"prefix": "a"}), min_size=1, max_size=2),
    min_size=1, max_size=2,
)  # fmt: skip
small = st.dictionaries(st.sampled_from("abc"), scalars | st.lists(scalars, max_size=2), max_size=3)


@given(st.lists(patterns, min_size=2, max_size=4), small, st.randoms(use_true_random=False))
def test_or_commutes_and_is_what_any_of_its_patterns_is(some: Any, event: Any, chance: Any) -> None:
    either = matches({"$or": some}, event)
    shuffled = chance.sample(some, len(some))
    assert matches({"$or": shuffled}, event) is either
    assert either is any(matches(each, event) for each in some)


@given(
    st.lists(numbers, min_size=1, max_size=3) | st.lists(texts, min_size=1, max_size=3),
    st.data(),
)
def test_anything_but_is_the_complement_of_exact(barred: list[Any], data: st.DataObject) -> None:
    value = data.draw(scalars | st.sampled_from(barred))
    assert field(barred, value) is not field([{"anything-but": barred}], value)
    assert field(barred) is field([{"anything-but": barred}]) is False


@given(numbers, numbers)
def test_comparisons_agree_with_python(value: float, bound: float) -> None:
    for sign, expected in {
        "=": value == bound, "<": value < bound, "<=": value <= bound, ">": value > bound,
        ">=": value >= bound,
    }.items():  # fmt: skip
        assert field([{"numeric": [sign, bound]}], value) is expected
