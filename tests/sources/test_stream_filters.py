"""Filters of streams' mappings: which records the function gets, and what becomes of the others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sources.streams import (
    connect,
    counting,
    ends,
    fail_at,
    flat,
    flushed,
    ledger,
    make,
    numbers,
    put,
)


def criteria(*patterns: Any) -> dict[str, Any]:
    return {"Filters": [{"Pattern": pattern} for pattern in patterns]}


def seen_by(lab: Any, clicks: Any, *patterns: Any, **settings: Any) -> list[str]:
    """The partition keys of the records that a function with these filters gets."""
    keys: list[str] = []

    def count(event: Any, context: Any) -> None:
        keys.extend(record["kinesis"]["partitionKey"] for record in event["Records"])

    lab.create_function("count", count, init=0)
    connect(lab, clicks, "count", filter_criteria=criteria(*patterns), **settings)
    lab.run()
    return keys


DATA: dict[str, Any] = {
    "match": {"kind": "a", "n": 5},
    "other value": {"kind": "b"},
    "no such field": {"n": 1},
    "a string": "kind: a",
    "a number": 5,
    "an array": [{"kind": "a"}],
    "no JSON": b'{"kind": "a"',
    "no text": b'{"kind": "a\xff"}',
    "nothing": b"",
}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ({"data": {"kind": ["a"]}}, ["match", "an array"]),
        ({"data": {"n": [{"numeric": [">", 2]}]}}, ["match"]),
        ({"data": {"kind": ["b", "a"]}, "eventName": ["aws:kinesis:record"]},
         ["match", "other value", "an array"]),
        ({"eventName": ["aws:kinesis:other"]}, []),
        ({"eventSource": ["aws:kinesis"]}, list(DATA)),
    ],
)  # fmt: skip
def test_data_is_decoded_and_must_be_json(pattern: Any, found: list[str]) -> None:
    lab, clicks = make()
    for key, data in DATA.items():
        clicks.put_record(data, key)
    assert sorted(seen_by(lab, clicks, pattern)) == sorted(found)
    gone = len(DATA) - len(found)
    assert ends(lab).get(("filtered", "filter_mismatch"), 0) == gone
    assert ends(lab).get(("deleted", "batch_succeeded"), 0) == len(found)


def test_any_of_several_filters_lets_a_record_pass() -> None:
    lab, clicks = make()
    for number in range(10):
        clicks.put_record({"n": number}, f"k{number}")
    found = seen_by(lab, clicks, {"data": {"n": [3]}}, '{"data": {"n": [7]}}')
    assert found == ["k3", "k7"]


EVEN = {"data": {"even": [True]}}


def put_numbers(stream: Any, *data: int) -> None:
    for number in data:
        stream.put_record({"n": number, "even": number % 2 == 0}, "k")


def counting_records(lab: Any) -> list[int]:
    seen: list[int] = []

    def count(event: Any, context: Any) -> None:
        seen.append(len(event["Records"]))

    lab.create_function("count", count, init=0)
    return seen


def test_what_does_not_pass_leaves_no_gap_and_is_counted() -> None:
    lab, clicks = make()
    seen = counting_records(lab)
    mapping = connect(lab, clicks, "count", batch_size=4, filter_criteria=criteria(EVEN))
    put_numbers(clicks, *range(20))
    lab.run()
    assert seen == [4, 4, 2], "batches are filled with what passes"
    batches = lab.trace.batches
    assert batches.filtered.tolist() == [10, 0, 0], "all were read at once"
    assert batches.cause.tolist() == ["batch_size", "batch_size", "no_window"]
    assert mapping.behind == 0
    gone = ledger(lab).query("action == 'filtered'")
    assert (gone.receive_count == 0).all()
    assert clicks.depth == 20, "the stream keeps them"


def test_a_fully_filtered_read_invokes_nothing() -> None:
    lab, clicks = make()
    seen = counting_records(lab)
    mapping = connect(lab, clicks, "count", filter_criteria=criteria(EVEN))
    put_numbers(clicks, 1, 3, 5)
    lab.run()
    assert seen == []
    assert mapping.behind == 0
    assert mapping.last_processing_result == "No records processed"
    lab.advance(10)
    put_numbers(clicks, 2)
    lab.run()
    assert seen == [1]
    assert lab.trace.batches.filtered.tolist() == [3], "told with the lane's next batch"


def test_a_window_begins_with_the_first_record_that_passes() -> None:
    lab, clicks = make()
    counting_records(lab)
    connect(lab, clicks, "count", maximum_batching_window=10, filter_criteria=criteria(EVEN))
    put_numbers(clicks, 1)
    lab.advance(5)
    put_numbers(clicks, 2, 3)
    lab.run()
    assert flushed(lab) == [15]
    assert lab.trace.batches.filtered.tolist() == [2]


def test_each_lane_counts_its_own() -> None:
    lab, clicks = make()
    counting_records(lab)
    connect(lab, clicks, "count", parallelization_factor=4, filter_criteria=criteria(EVEN))
    for number in range(40):
        clicks.put_record({"even": number < 20}, f"k{number % 20}")
    lab.run()
    batches = lab.trace.batches
    assert batches.filtered.tolist() == batches.records.tolist(), "each key has one of either"
    assert batches.filtered.sum() == 20


def test_other_filters_hold_from_the_next_read_on() -> None:
    lab, clicks = make()
    seen = counting(lab, fail_at())
    mapping = connect(lab, clicks, "count", filter_criteria=criteria({"data": {"n": [1]}}))
    put(clicks, 0)
    lab.run()
    mapping.update(filter_criteria=None)
    assert mapping.settings.filter_criteria is None
    put(clicks, 1)
    lab.run()
    assert flat(seen) == [1]


def test_what_is_too_old_and_does_not_pass_is_filtered() -> None:
    """Filters come first: nobody hears of what no filter matches."""
    lab, clicks = make()
    counting_records(lab)
    failed = lab.sqs.create_queue("failed")
    put_numbers(clicks, 1, 2)
    lab.advance(61)
    connect(
        lab, clicks, "count", filter_criteria=criteria(EVEN), maximum_record_age=60,
        on_failure=failed,
    )  # fmt: skip
    lab.run()
    assert ends(lab) == {("filtered", "filter_mismatch"): 1, ("dropped", "record_age_exceeded"): 1}
    [message] = failed.messages
    assert message.body["KinesisBatchInfo"]["batchSize"] == 1


def test_what_passes_is_as_it_was() -> None:
    lab, clicks = make()
    events: list[Any] = []
    lab.create_function("count", lambda event, context: events.append(event), init=0)
    connect(lab, clicks, "count", filter_criteria=criteria({"data": {"n": [1]}}))
    clicks.put_record({"n": 1}, "k")
    lab.run()
    assert numbers(events[0]) == [{"n": 1}]
    assert set(events[0]["Records"][0]) == {
        "kinesis", "eventSource", "eventVersion", "eventID", "eventName", "invokeIdentityArn",
        "awsRegion", "eventSourceARN",
    }  # fmt: skip
