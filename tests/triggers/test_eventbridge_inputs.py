"""What a target is given of an event: whole, constant, a part, or put together by a template."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidSetting, ValidationException
from lambdalab.rules import Rules
from lambdalab.triggers.eventbridge.input_settings import read_input
from lambdalab.triggers.eventbridge.inputs import Input, Matched, NoInput, compact
from lambdalab.triggers.eventbridge.paths import MISSING, Path

RULES = Rules.as_of()
EVENT = {
    "version": "0", "id": "7bf7", "detail-type": "state", "source": "ec2", "account": "1",
    "time": "2015-11-11T21:29:54Z", "region": "us-east-1", "resources": ["arn:i"],
    "detail": {"instance-id": "i-0123", "state": "RUNNING", "n": 9, "tags": ["a", "b"], "o": {"k": "v"}},
}  # fmt: skip
PATHS = {
    "instance": "$.detail.instance-id", "state": "$.detail.state", "n": "$.detail.n",
    "tags": "$.detail.tags", "o": "$.detail.o", "second": "$.detail.tags[1]", "none": "$.detail.none",
}  # fmt: skip


def made(template: str, paths: dict[str, str] = PATHS) -> Input:
    return read_input("t", None, None, (paths, template), RULES)


def filled(template: str, event: dict[str, Any] = EVENT) -> str:
    matched = Matched(event, compact(event).encode(), "arn:rule", "example", "2025-01-07T00:00:00Z")
    return made(template).body(matched).decode()


@pytest.mark.parametrize(
    ("template", "body"),
    [
        ('"instance <instance> is in <state>"', '"instance i-0123 is in RUNNING"'),
        (r'"instance \"<instance>\" is <state>"', r'"instance \"i-0123\" is RUNNING"'),
        ('{\n "i" : <instance>,\n "s": <state>\n}', '{"i":"i-0123","s":"RUNNING"}'),
        ('{"i": <instance>, "s": "<state>"}', '{"i":"i-0123","s":"RUNNING"}'),
        ('{"s": [ 9, <state>, true ], "x y": "Y es"}', '{"s":[9,"RUNNING",true],"x y":"Y es"}'),
        ('{"n": <n>, "q": "<n>", "t": <tags>, "o": <o>}', '{"n":9,"q":"9","t":["a","b"],"o":{"k":"v"}}'),
        ('{"o": "is <o>", "t": "<tags>"}', '{"o":"is {k:v}","t":"[a,b]"}'),
        ('"got <second> and <none>."', '"got b and ."'),
        ('{"a": <none>, "b": "<none>"}', '{"a":"","b":""}'),
        ('{"r": <aws.events.rule-arn>, "n": <aws.events.rule-name>}', '{"r":"arn:rule","n":"example"}'),
        ('"<aws.events.rule-name> triggered"', '"example triggered"'),
        ('{"t": <aws.events.event.ingestion-time>}', '{"t":"2025-01-07T00:00:00Z"}'),
        ('{"e": <aws.events.event.json>}', f'{{"e":{compact(EVENT)}}}'),
        ("<instance> is in state <state>", "i-0123 is in state RUNNING"),
        ("[<n>, <state>]", '[9,"RUNNING"]'),
    ],
)  # fmt: skip
def test_templates(template: str, body: str) -> None:
    assert filled(template) == body


def test_the_event_without_its_detail() -> None:
    told = json.loads(filled('{"e": <aws.events.event>}'))["e"]
    assert told == {key: value for key, value in EVENT.items() if key != "detail"}


words = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner) | st.dictionaries(words, inner),
    max_leaves=8,
)  # fmt: skip


@given(values)
def test_whatever_the_event_holds_json_stays_json(value: Any) -> None:
    event = {**EVENT, "detail": {"n": value}}
    told = json.loads(filled('{"v": <n>, "text": "is <n>!", "list": [1, <n>]}', event))
    assert told["v"] == value
    assert told["list"] == [1, value]
    assert told["text"].startswith("is ")
    if isinstance(value, str):
        assert told["text"] == f"is {value}!"
        assert json.loads(filled('"<n>"', event)) == value


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ('"<nobody>"', "InputTemplate for target t contains invalid placeholder nobody."),
        ('"<aws.events.event.json>"', "contains placeholder aws.events.event.json valid only for JSON"),
        ("[<aws.events.event.json>]", "valid only for JSON template."),
        ('{"a": <n>', "Invalid InputTemplate for target t."),
        ('{<n>: 1}', "Invalid InputTemplate for target t."),
        ('{"<n>": 1}', "a name cannot be, or be in, the key"),
        ('{"a": <n><n>}', "Invalid InputTemplate"),
    ],
)  # fmt: skip
def test_templates_that_are_none(template: str, words: str) -> None:
    with pytest.raises(ValidationException, match=words.replace(".", r"\.")):
        made(template)


def test_a_template_that_only_some_events_fill() -> None:
    assert filled('{"a": 1<n>}') == '{"a":19}'
    with pytest.raises(NoInput, match="does not make JSON"):
        filled('{"a": 1<state>}')


@pytest.mark.parametrize(
    ("given", "limit"),
    [
        (({f"p{n}": "$.id" for n in range(101)}, '"x"'), "at most 100"),
        (({"aws.events.rule-name": "$.id"}, '"x"'), "AWS's own names"),
        (({}, '"' + "x" * 8_191 + '"'), "at most 8,192 characters"),
        (({}, ""), "not empty"),
        (({"a": "$.id"},), "a pair of paths"),
        ("<a>", "a pair of paths"),
        (({"a": "$." + "x" * 256}, '"<a>"'), "at most 256 characters"),
    ],
)  # fmt: skip
def test_limits_of_a_transformer(given: object, limit: str) -> None:
    with pytest.raises(InvalidSetting, match=limit):
        read_input("t", None, None, given, RULES)
    assert read_input("t", None, None, ({f"p{n}": "$.id" for n in range(100)}, '"<p7>"'), RULES)
    form = {"InputPathsMap": {"a": "$.id"}, "InputTemplate": '"<a>"'}
    assert read_input("t", None, None, form, RULES).as_dict() == {"InputTransformer": form}


def test_only_one_of_three() -> None:
    words = "Only one of Input, InputPath, or InputTransformer must be provided for target t"
    with pytest.raises(ValidationException, match=words):
        read_input("t", {"a": 1}, "$.detail", None, RULES)


@pytest.mark.parametrize(
    "path", ["detail", "$.detail['id']", "$..id", "$.a[1:2]", "$.", "$.ä", "$a"]
)
def test_paths_that_are_none(path: str) -> None:
    with pytest.raises(
        ValidationException, match=r"InputPath for target t is invalid\. .*character \d"
    ):
        read_input("t", None, path, None, RULES)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", EVENT), ("$.detail.n", 9), ("$.detail-type", "state"), ("$.detail.tags[0]", "a"),
        ("$.detail.tags[*]", ["a", "b"]), ("$.detail.o.*", ["v"]), ("$.detail.tags[2]", MISSING),
        ("$.detail.n.x", MISSING), ("$.detail.none[*]", []),
    ],
)  # fmt: skip
def test_paths(path: str, found: object) -> None:
    assert Path(path).find(EVENT) == found


def test_inputs_arrive(lab: ll.Lab) -> None:
    queue, bus = lab.sqs.create_queue("orders"), lab.eventbridge["default"]
    rule = bus.put_rule("all", event_pattern={"source": [{"prefix": ""}]})
    for number, setting in enumerate(
        [
            {"input": {"fixed": 1}}, {"input": '"done"'}, {"input_path": "$.detail"},
            {"input_path": "$.detail.who"}, {"input_path": "$.nowhere"},
        ]
    ):  # fmt: skip
        rule.put_target(queue, id=f"t{number}", **setting)
    bus.put_event(source="shop", detail_type="paid", detail={"who": "ann"})
    lab.run()
    bodies = [message.body for message in queue.receive(10)]
    assert bodies == ['{"fixed": 1}', '"done"', '{"who":"ann"}', '"ann"', "null"]


def test_a_constant_that_is_no_json(lab: ll.Lab) -> None:
    rule = lab.eventbridge["default"].put_rule("all", event_pattern={"source": ["a"]})
    with pytest.raises(ValidationException, match="JSON syntax error in input for target orders"):
        rule.put_target(lab.sqs.create_queue("orders"), input="done")
    with pytest.raises(InvalidSetting, match="at most 8,192 characters"):
        rule.put_target(lab.sqs["orders"], input='"' + "x" * 8_192 + '"')
    with pytest.raises(InvalidSetting, match="JSON can express"):
        rule.put_target(lab.sqs["orders"], input={1, 2})
    assert not rule.targets
