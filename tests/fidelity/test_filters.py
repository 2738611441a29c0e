"""Filter criteria of mappings: what reaches the function, and what becomes of the rest.

What the language itself means is in tests/sources/test_patterns.py, operator by operator.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import InvalidParameterValueException, InvalidSetting

JSON, PLAIN, BINARY = '{"kind": "a"}', "a plain text", b"\xff\xfe"
FIELDS, TEXT, OTHER = {"kind": ["a"]}, [PLAIN], None


def criteria(*patterns: Any) -> dict[str, Any]:
    return {
        "Filters": [
            {"Pattern": each if isinstance(each, str) else json.dumps(each)} for each in patterns
        ]
    }


class Site:
    """A lab with a source, a function that keeps its records, and their mapping."""

    def __init__(self, kind: str, *patterns: Any, quotas: Any = None) -> None:
        self.lab = ll.Lab(seed=7, quotas=quotas or {})
        self.records: list[Any] = []
        self.lab.create_function("keep", self.keep, init=0)
        self.source: Any
        settings: dict[str, Any] = {"filter_criteria": criteria(*patterns)}
        if kind == "queue":
            self.source = self.lab.sqs.create_queue("source")
            self.send = self.source.send
        else:
            self.source = self.lab.kinesis.create_stream("source")
            self.send = lambda data: self.source.put_record(data, "key")
            settings["starting_position"] = "TRIM_HORIZON"
        self.mapping = self.lab.create_event_source_mapping(self.source, "keep", **settings)

    def keep(self, event: Any, context: Any) -> None:
        self.records += event["Records"]

    @property
    def filtered(self) -> Any:
        rows = self.lab.trace.queue_events
        return rows[rows.action == "filtered"]


@pytest.mark.parametrize(("kind", "data", "pattern", "passes"), [
    # JSON data, fields
    ("queue", JSON, {"body": FIELDS}, True), ("stream", JSON, {"data": FIELDS}, True),
    ("queue", '{"kind": "b"}', {"body": FIELDS}, False),
    ("stream", '{"kind": "b"}', {"data": FIELDS}, False),
    # a text, a list of rules
    ("queue", PLAIN, {"body": TEXT}, True), ("queue", "other", {"body": TEXT}, False),
    # no JSON, fields: dropped
    ("queue", PLAIN, {"body": FIELDS}, False), ("stream", PLAIN, {"data": FIELDS}, False),
    ("stream", BINARY, {"data": FIELDS}, False),
    ("queue", PLAIN, {"body": {"kind": [{"exists": False}]}}, False),
    ("stream", PLAIN, {"data": {"kind": [{"exists": False}]}}, False),
    # JSON, a list of rules: dropped
    ("queue", JSON, {"body": TEXT}, False), ("queue", JSON, {"body": [{"exists": True}]}, False),
    # nothing asked of the data: the other keys decide
    ("queue", PLAIN, {"eventSource": ["aws:sqs"]}, True),
    ("queue", JSON, {"eventSource": ["aws:sqs"]}, True),
    ("queue", PLAIN, {"eventSource": ["aws:other"]}, False),
    ("stream", PLAIN, {"eventSource": ["aws:kinesis"]}, True),
    ("stream", BINARY, {"eventSource": ["aws:other"]}, False),
    # what the event has under "kinesis" stands beside the data
    ("stream", JSON, {"partitionKey": ["key"], "data": FIELDS}, True),
    ("stream", JSON, {"partitionKey": ["other"], "data": FIELDS}, False),
    ("stream", PLAIN, {"partitionKey": [{"prefix": "k"}]}, True),
    ("stream", JSON, {"kinesis": {"partitionKey": ["key"]}}, False),
])  # fmt: skip
def test_data_and_patterns_by_source(kind: str, data: Any, pattern: Any, passes: bool) -> None:
    site = Site(kind, pattern)
    site.send(data)
    site.lab.run()
    assert len(site.records) == passes
    assert len(site.filtered) == (not passes)


@pytest.mark.parametrize("rules", [["x"], [{"prefix": "x"}], [{"exists": True}]])
def test_a_streams_data_as_a_text_is_refused_when_the_mapping_is_made(rules: Any) -> None:
    with pytest.raises(InvalidParameterValueException) as caught:
        Site("stream", {"data": rules})
    assert caught.value.message == "Invalid filter pattern definition."
    assert "at data" in str(caught.value)


def test_what_does_not_match_leaves_the_queue_at_once_and_invokes_nothing() -> None:
    site = Site("queue", {"body": FIELDS})
    for _ in range(25):
        site.source.send("x")
    site.lab.run()
    assert site.source.store.depth == 0
    assert site.lab.elapsed == 0
    assert len(site.lab.trace.invocations) == 0
    assert set(site.filtered.cause) == {"filter_mismatch"}


def test_a_mapping_of_a_stream_goes_on_past_what_does_not_match() -> None:
    site = Site("stream", {"data": FIELDS})
    for data in ("x", JSON, "y", '{"kind": "b"}'):
        site.send(data)
    site.lab.run()
    assert len(site.records) == 1
    assert len(site.filtered) == 3
    assert site.source.depth == 4, "nothing leaves the stream"
    assert site.mapping.behind == 0


@pytest.mark.parametrize("pattern", [
    "null", '"simple string"', "[]", '{"eventSource": "aws:sqs"}', '{"eventSource": ["aws:sqs"}',
    '{"body": {"a": []}}', '{"body": {"a": 1}}', '{"body": {"a": [{"Prefix": "x"}]}}',
    '{"body": {"a": [{"prefix": 1}]}}', '{"body": {"a": [{"wildcard": "x*"}]}}',
    '{"body": {"a": [{"cidr": "10.0.0.0/8"}]}}', '{"body": {"a": [{"anything-but": {"prefix": "x"}}]}}',
    '{"body": {"a": [{"prefix": {"equals-ignore-case": "x"}}]}}',
])  # fmt: skip
def test_a_pattern_that_is_none_is_refused_in_awss_words_with_its_place(pattern: str) -> None:
    with pytest.raises(InvalidParameterValueException) as caught:
        Site("queue", pattern)
    assert (caught.value.status_code, caught.value.message) == (
        400, "Invalid filter pattern definition.",
    )  # fmt: skip
    assert "Filters[0].Pattern" in str(caught.value)


@pytest.mark.parametrize("kind", ["queue", "stream"])
def test_five_filters_of_4096_characters_any_of_which_may_match(kind: str) -> None:
    key = "body" if kind == "queue" else "data"
    five = [{key: {"kind": [name]}} for name in "bcdea"]
    site = Site(kind, *five)
    site.send(JSON)
    site.lab.run()
    assert len(site.records) == 1
    with pytest.raises(InvalidSetting, match="at most 5 filters"):
        Site(kind, *five, five[0])
    assert Site(kind, *five, *five, quotas={"mapping_filters": 10}).mapping.state == "Enabled"
    with pytest.raises(InvalidSetting, match="at most 4,096 characters"):
        Site(kind, {key: {"kind": ["x" * 4_096]}})


def test_without_filters_everything_passes() -> None:
    site = Site("queue")
    site.send(PLAIN)
    site.lab.run()
    assert len(site.records) == 1
    assert site.mapping.settings.filter_criteria is None
