"""Filter criteria of a mapping: what is accepted, what becomes of the messages, what the books say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidParameterValueException, InvalidSetting
from lambdalab.rules import Rules
from lambdalab.sources.filters.criteria import DYNAMODB, KINESIS, SQS, FilterCriteria, Source

RULES = Rules.as_of("2025-01-07")
KIND_A = {"body": {"kind": ["a"]}}


def criteria(*patterns: Any) -> dict[str, Any]:
    return {"Filters": [{"Pattern": pattern} for pattern in patterns]}


def make(*patterns: Any, source: Source = SQS) -> FilterCriteria:
    made = FilterCriteria.make(criteria(*patterns), RULES, source)
    assert made is not None
    return made


class Shop:
    """A lab with a queue, and a function that keeps the bodies it got."""

    def __init__(self, *patterns: Any, **mapping: Any) -> None:
        self.lab = ll.Lab(seed=7)
        self.got: list[str] = []
        self.lab.create_function("bill", self.bill)
        self.orders = self.lab.sqs.create_queue("orders")
        if patterns:
            mapping["filter_criteria"] = criteria(*patterns)
        self.mapping = self.lab.create_event_source_mapping(self.orders, "bill", **mapping)

    def bill(self, event: Any, context: Any) -> None:
        self.got += [record["body"] for record in event["Records"]]

    def send(self, *bodies: Any) -> Shop:
        for body in bodies:
            self.orders.send(body)
        self.lab.run()
        return self

    @property
    def filtered(self) -> Any:
        rows = self.lab.trace.queue_events
        return rows[rows.action == "filtered"]


# ------------------------------------------------------------------ what is accepted


@pytest.mark.parametrize("none", [None, {}, {"Filters": []}, {"Filters": ()}])
def test_no_filter(none: Any) -> None:
    shop = Shop(filter_criteria=none).send("x", {"kind": "b"})
    assert shop.mapping.settings.filter_criteria is None
    assert shop.got == ["x", '{"kind": "b"}']
    assert "filter" not in repr(shop.mapping)


def test_a_pattern_is_json_or_a_dict() -> None:
    made = make(json.dumps(KIND_A), KIND_A)
    assert made.patterns == ('{"body": {"kind": ["a"]}}', '{"body":{"kind":["a"]}}')
    assert made == FilterCriteria.make(made.as_dict(), RULES, SQS) != make(KIND_A)
    assert made.as_dict() == criteria(*made.patterns)
    assert repr(made) == repr(made.as_dict())
    assert len(made) == len({made, make(*made.patterns)}) + 1


@pytest.mark.parametrize("wrong", [
    [], "text", 3, {"filters": []}, {"Filters": {}}, {"Filters": [KIND_A]},
    {"Filters": ['{"body": ["a"]}']}, {"Filters": [{"Pattern": 3}]}, {"Filters": [{"Pattern": [1]}]},
    {"Filters": [], "More": 1}, {"Filters": [{"Pattern": {"body": {1, 2}}}]},
])  # fmt: skip
def test_another_shape_is_refused(wrong: Any) -> None:
    shop = Shop()
    with pytest.raises(InvalidSetting, match="filter_criteria"):
        shop.mapping.update(filter_criteria=wrong)


def test_how_many_and_how_long() -> None:
    shop = Shop(*[KIND_A] * 5)
    with pytest.raises(InvalidSetting, match=r"at most 5 filters \(dg/invocation-eventfiltering"):
        shop.mapping.update(filter_criteria=criteria(*[KIND_A] * 6))
    frame = len('{"body":["') + len('"]}')
    shop.mapping.update(filter_criteria=criteria('{"body":["' + "x" * (4_096 - frame) + '"]}'))
    with pytest.raises(InvalidSetting, match="at most 4,096 characters"):
        shop.mapping.update(filter_criteria=criteria({"body": ["x" * (4_097 - frame)]}))
    lab = ll.Lab(quotas={"mapping_filters": 10})
    lab.create_function("bill", duration=0.1)
    lab.create_event_source_mapping(
        lab.sqs.create_queue("q"), "bill", filter_criteria=criteria(*[KIND_A] * 10)
    )


@pytest.mark.parametrize(("pattern", "where"), [
    ('{"body": {"kind": ["a"}}', r"Filters\[0\].Pattern, at line 1, column 23: no JSON"),
    ({"body": {"kind": [{"prefix": 1}]}}, r"Filters\[0\].Pattern, at body.kind\[0\].prefix: takes"),
    ({"body": {"kind": "a"}}, r"at body.kind: the value of a field must be a list"),
    ({"body": {"kind": []}}, "at body.kind: an empty list"),
    ({"body": {"kind": [{"wildcard": "a*"}]}}, r"at body.kind\[0\].wildcard: wildcard is for Event"),
    ({"body": {"ip": [{"cidr": "10.0.0.0/8"}]}}, r"at body.ip\[0\].cidr: cidr is for EventBridge"),
    ({"body": [{"anything-but": {"prefix": "x"}}]}, r"at body\[0\].anything-but.prefix: operators"),
    ("null", "an object"), ('"simple string"', "an object"), ("[]", "an object"), ("", "no JSON"),
    ('{"eventSource": "aws:sqs"}', "at eventSource"),
])  # fmt: skip
def test_a_pattern_that_does_not_parse_is_refused_with_its_place(pattern: Any, where: str) -> None:
    shop = Shop()
    with pytest.raises(InvalidParameterValueException, match=where) as caught:
        shop.mapping.update(filter_criteria=criteria(pattern))
    assert caught.value.message == "Invalid filter pattern definition."
    assert caught.value.status_code == 400
    assert str(caught.value).startswith("Invalid filter pattern definition. (Filters[0].Pattern, ")
    assert shop.mapping.settings.filter_criteria is None
    with pytest.raises(InvalidParameterValueException):
        shop.lab.create_event_source_mapping("orders", "bill", filter_criteria=criteria(pattern))


def test_the_place_names_the_filter() -> None:
    with pytest.raises(InvalidParameterValueException, match=r"\(Filters\[1\].Pattern, at b: "):
        make({"a": ["x"]}, {"b": "x"})


# ------------------------------------------------------------------ data, JSON and not

JSON, PLAIN = '{"kind": "a"}', "a plain text"


@pytest.mark.parametrize(("pattern", "body", "passes"), [
    (KIND_A, JSON, True), (KIND_A, '{"kind": "b"}', False), (KIND_A, '[{"kind": "a"}]', True),
    (KIND_A, PLAIN, False), (KIND_A, " ", False), (KIND_A, '"a"', False), (KIND_A, "12", False),
    (KIND_A, '{"kind": "a"', False),
    ({"body": [PLAIN]}, PLAIN, True), ({"body": [PLAIN]}, "other", False),
    ({"body": [{"prefix": "a "}]}, PLAIN, True), ({"body": [{"suffix": "text"}]}, PLAIN, True),
    ({"body": [{"anything-but": "x"}]}, PLAIN, True), ({"body": [{"exists": True}]}, PLAIN, True),
    ({"body": [JSON]}, JSON, False), ({"body": [{"prefix": "{"}]}, JSON, False),
    ({"body": [{"anything-but": "x"}]}, JSON, False), ({"body": [{"exists": True}]}, JSON, False),
    ({"body": [{"exists": False}]}, JSON, False), ({"body": [{"exists": False}]}, PLAIN, False),
    ({"body": {"kind": [{"exists": False}]}}, PLAIN, False),
    ({"body": {"kind": [{"exists": False}]}}, "{}", True),
    ({"body": {"n": [{"numeric": [">", 100]}]}}, '{"n": 105}', True),
    ({"body": {"n": [{"numeric": [">", 100]}]}}, '{"n": "105"}', False),
    ({"body": {"n": [300]}}, '{"n": 300.0}', True), ({"body": {"n": [300]}}, '{"n": 3e2}', True),
    ({"body": ["12"]}, "12", True), ({"body": [12]}, "12", False), ({"body": ["null"]}, "null", True),
    ({"body": {"d": {"k": ["v"]}}}, '{"d": "{\\"k\\": \\"v\\"}"}', False),
    ({"body.kind": ["a"]}, JSON, True),
    ({"eventSource": ["aws:sqs"]}, PLAIN, True), ({"eventSource": ["aws:sqs"]}, JSON, True),
    ({"eventSource": ["aws:sns"]}, JSON, False), ({"eventSource": ["aws:sqs"], **KIND_A}, JSON, True),
    ({"$or": [KIND_A, {"body": [PLAIN]}]}, PLAIN, True),
    ({"$or": [KIND_A, {"body": [PLAIN]}]}, JSON, True),
    ({"nowhere": ["x"]}, JSON, False),
])  # fmt: skip
def test_a_body_and_a_pattern(pattern: Any, body: str, passes: bool) -> None:
    shop = Shop(pattern)
    shop.send(body)
    assert len(shop.got) == passes
    assert len(shop.filtered) == (not passes)
    assert shop.orders.store.depth == 0


def test_other_keys_match_as_they_stand_in_the_event() -> None:
    shop = Shop(
        {"messageAttributes": {"tier": {"stringValue": ["gold"]}}},
        {"attributes": {"SenderId": [{"prefix": "nobody"}]}},
    )
    for tier in ("gold", "tin"):
        shop.orders.send(tier, attributes={"tier": tier})
    shop.send("none")
    assert shop.got == ["gold"]


def test_one_matching_filter_is_enough() -> None:
    shop = Shop(KIND_A, {"body": {"kind": ["b"]}}, {"body": ["text"]})
    shop.send(*({"kind": kind} for kind in "abc"), "text", "other")
    assert shop.got == ['{"kind": "a"}', '{"kind": "b"}', "text"]


@pytest.mark.parametrize("source", [KINESIS, DYNAMODB])
def test_streams_refuse_strings_for_their_data(source: Source) -> None:
    for pattern, where in (
        ({source.key: ["x"]}, source.key),
        ({"$or": [{"eventName": ["x"]}, {source.key: [{"exists": True}]}]}, r"\$or\[1\]"),
    ):
        words = (
            rf"Invalid filter pattern definition. \(Filters\[0\].Pattern, at {where}.*{source.name}"
        )
        with pytest.raises(InvalidParameterValueException, match=words):
            make(pattern, source=source)
    assert len(make({source.key: {"k": ["v"]}, "eventName": ["INSERT"]}, source=source)) == 1


def test_what_stream_records_pass() -> None:
    kinesis = make({"data": {"k": ["v"]}, "partitionKey": ["p"]}, source=KINESIS)
    for data, key, passes in (
        ('{"k": "v"}', "p", True),
        ('{"k": "v"}', "q", False),
        ("v", "p", False),
    ):
        record = {"partitionKey": key, "data": "eyJ"}
        assert kinesis.admits(data, record.copy) is passes
    table = make({"dynamodb": {"NewImage": {"n": {"N": ["1"]}}}}, source=DYNAMODB)
    assert table.matches({"dynamodb": {"NewImage": {"n": {"N": "1"}}}})
    assert not table.matches({"dynamodb": {"NewImage": {"n": {"N": "2"}}}})


# ------------------------------------------------------------------ what the books say


def test_filtered_messages_leave_at_once_and_are_counted() -> None:
    shop = Shop(KIND_A).send(*({"kind": kind} for kind in "abacb"))
    assert shop.got == ['{"kind": "a"}'] * 2
    rows, trace = shop.filtered, shop.lab.trace
    assert list(rows.cause) == ["filter_mismatch"] * 3
    assert list(rows.kind) == ["sqs"] * 3
    received = trace.queue_events[trace.queue_events.action == "received"]
    first = received.groupby("event_id")["at"].min()
    assert (rows["at"] == first[rows.event_id].to_numpy()).all(), "in the very moment"
    assert trace.batches.records.sum() == 2
    assert len(trace.invocations) == len(trace.batches)
    shop.lab.audit()


def test_what_is_filtered_counts_in_the_batch_that_was_open() -> None:
    shop = Shop(KIND_A, maximum_batching_window=5)
    for second, kind in enumerate("baabba", 1):
        shop.lab.run(until=second)
        shop.orders.send({"kind": kind})
    shop.lab.run()
    batches = shop.lab.trace.batches
    assert list(batches.records) == [3], "the first came before a batch was open"
    assert list(batches.filtered) == [2]
    assert len(shop.filtered) == 3


def test_what_came_with_the_first_record_counts_in_its_batch() -> None:
    shop = Shop(KIND_A, enabled=False).send(*({"kind": kind} for kind in "bbacc"))
    shop.mapping.update(enabled=True)
    shop.lab.run()
    assert list(shop.lab.trace.batches.filtered) == [4]
    shop.mapping.update(enabled=False)
    shop.send(*["x"] * 10, *({"kind": kind} for kind in "bbacc"))
    shop.mapping.update(enabled=True)
    shop.lab.run()
    assert list(shop.lab.trace.batches.filtered) == [4, 4], "a receive of ten came before the batch"


def test_a_receive_that_is_filtered_whole_invokes_nothing() -> None:
    shop = Shop(KIND_A, batch_size=100, maximum_batching_window=5)
    shop.send(*["x"] * 25)
    trace = shop.lab.trace
    assert (len(shop.filtered), len(trace.batches), len(trace.invocations)) == (25, 0, 0)
    assert shop.lab.elapsed == 0
    shop.send(*["x"] * 25, {"kind": "a"})
    assert shop.got == ['{"kind": "a"}']


def test_a_batch_is_filled_with_what_passes() -> None:
    shop = Shop({"body": {"n": [{"numeric": ["<", 40]}]}}, enabled=False, batch_size=10)
    shop.send(*({"n": number if number % 2 else 100} for number in range(40)))
    shop.mapping.update(enabled=True, batch_size=100, maximum_batching_window=1)
    shop.lab.run()
    assert list(shop.lab.trace.batches.records) == [20]
    assert [json.loads(body)["n"] for body in shop.got] == list(range(1, 40, 2))


def test_a_failed_message_is_filtered_by_what_holds_then() -> None:
    """A message that comes back is received anew, and filtered anew."""
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=1, failure_rate=1)
    orders = lab.sqs.create_queue("orders", visibility_timeout=30)
    mapping = lab.create_event_source_mapping(orders, "bill", filter_criteria=criteria(KIND_A))
    orders.send({"kind": "a"})
    lab.run(until=10)
    mapping.update(filter_criteria=criteria({"body": {"kind": ["b"]}}))
    lab.run()
    rows = lab.trace.queue_events
    assert list(rows.action) == ["sent", "received", "returned", "received", "filtered"]
    assert lab.elapsed == 30


def test_filters_change_and_go() -> None:
    shop = Shop(KIND_A).send("x")
    shop.mapping.update(batch_size=5)
    assert shop.mapping.settings.filter_criteria == make(KIND_A), "other settings leave it alone"
    assert repr(shop.mapping).endswith("1 filter>")
    shop.mapping.update(filter_criteria=criteria({"body": ["x"]}, {"body": ["y"]}))
    assert repr(shop.mapping).endswith("2 filters>")
    told = shop.lab.trace.wired("mapping")["orders->bill"]["filter_criteria"]
    assert told == criteria('{"body":["x"]}', '{"body":["y"]}')
    shop.send("x", {"kind": "a"})
    assert shop.got == ["x"]
    shop.mapping.update(filter_criteria=None)
    shop.send("z")
    assert shop.got == ["x", "z"]
    assert "filter_criteria" not in shop.lab.trace.wired("mapping")["orders->bill"]


def test_a_new_run_has_the_same_filters() -> None:
    shop = Shop(KIND_A).send("x", {"kind": "a"})
    digest = shop.lab.trace.digest()
    shop.lab.reset()
    shop.send("x", {"kind": "a"})
    assert shop.lab.trace.digest() == digest


@settings(max_examples=30)
@given(
    st.lists(st.sampled_from(["a", "b", "text"]), max_size=60),
    st.sampled_from([{"batch_size": 1}, {}, {"batch_size": 25, "maximum_batching_window": 2}]),
    st.integers(0, 2**16),
)
def test_every_message_is_delivered_or_filtered(kinds: list[str], how: Any, seed: int) -> None:
    lab = ll.Lab(seed=seed)
    lab.create_function("bill", duration=0.5, failure_rate=0.2)
    orders = lab.sqs.create_queue("orders", visibility_timeout=5)
    lab.create_event_source_mapping(orders, "bill", filter_criteria=criteria(KIND_A), **how)
    for kind in kinds:
        orders.send("text" if kind == "text" else {"kind": kind})
    lab.run()
    ends = lab.trace.queue_events.action.value_counts()
    assert ends.get("deleted", 0) == kinds.count("a")
    assert ends.get("filtered", 0) == len(kinds) - kinds.count("a")
    batches = lab.trace.batches
    assert batches.filtered.sum() <= ends.get("filtered", 0)
    assert (batches.records > 0).all()
    lab.audit()
    lab.close()
