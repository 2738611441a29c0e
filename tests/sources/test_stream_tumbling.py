"""Tumbling windows: what each invocation gets, and when a window ends."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

import lambdalab as ll
from tests.sources.streams import (
    QUICK,
    add,
    connect,
    each_second,
    flushed,
    make,
    numbers,
    put,
    summing,
    told,
)


def test_the_event() -> None:
    lab, clicks = make()
    events = summing(lab)
    connect(lab, clicks, "count", tumbling_window=120)
    put(clicks, 1)
    lab.run()
    first, last = events
    assert list(first) == [
        "Records", "window", "state", "shardId", "eventSourceARN", "isFinalInvokeForWindow",
        "isWindowTerminatedEarly",
    ]  # fmt: skip
    assert last == {
        "Records": [],
        "window": {"start": "2025-01-07T00:00:00Z", "end": "2025-01-07T00:02:00Z"},
        "state": {"sum": 1},
        "shardId": "shardId-000000000000",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
        "isFinalInvokeForWindow": True,
        "isWindowTerminatedEarly": False,
    }
    sizes = lab.trace.batches.size_bytes.tolist()
    assert sizes == [len(json.dumps(event)) for event in events]
    assert sizes == lab.trace.invocations.payload_bytes.tolist()


def test_windows_follow_each_other_from_1970_on() -> None:
    lab = ll.Lab(seed=7, quotas=QUICK, start="2025-01-07T00:00:37")
    clicks = lab.kinesis.create_stream("clicks")
    events = summing(lab)
    connect(lab, clicks, "count", tumbling_window=60)
    put(clicks, 1)
    lab.advance(23)
    put(clicks, 2)
    lab.run()
    assert [event["window"]["start"][11:19] for event in events] == [
        "00:00:00", "00:00:00", "00:01:00", "00:01:00",
    ]  # fmt: skip


def test_a_window_without_records_is_none() -> None:
    lab, clicks = make()
    events = summing(lab)
    connect(lab, clicks, "count", tumbling_window=10)
    put(clicks, 1)
    lab.advance(45)
    put(clicks, 2)
    lab.run()
    assert [event["window"]["start"][17:19] for event in events] == ["00", "00", "40", "40"]
    assert flushed(lab) == [0, 45, 45, 170], "a record of a later window ends one at once"


def test_records_that_are_left_come_with_the_last_invocation() -> None:
    lab, clicks = make()
    events = summing(lab)
    connect(lab, clicks, "count", tumbling_window=10, maximum_batching_window=30)
    each_second(lab, clicks, 0, 1, 2, 3)
    lab.advance(8)
    put(clicks, 4)
    lab.run()
    assert told(events) == [
        ("00:00:00", [0, 1, 2, 3], {}, True),
        ("00:00:10", [4], {}, False),
        ("00:00:10", [], {"sum": 4}, True),
    ]
    assert flushed(lab) == [12, 42, 140]
    causes = lab.trace.batches.cause.tolist()
    assert causes == ["tumbling_window", "batching_window", "tumbling_window"]


def test_the_quiet_is_a_rule() -> None:
    lab, clicks = make(stream_tumbling_quiet=0)
    summing(lab)
    connect(lab, clicks, "count", tumbling_window=10)
    put(clicks, 1)
    lab.run()
    assert flushed(lab) == [0, 10]


def test_a_mapping_that_is_late_ends_a_window_after_its_last_record() -> None:
    lab, clicks = make()

    def slowly(event: Any, found: list[int]) -> Any:
        time.sleep(200)
        return add(event, found)

    events = summing(lab, slowly, timeout=900)
    connect(lab, clicks, "count", tumbling_window=10, batch_size=1)
    each_second(lab, clicks, 1, 2, 3)
    lab.run()
    assert [(numbers(e), e["isFinalInvokeForWindow"]) for e in events] == [
        ([1], False), ([2], False), ([3], False), ([], True),
    ]  # fmt: skip
    assert flushed(lab) == pytest.approx([0, 200, 400, 600], abs=2)


# ---- how windows end


def test_too_large_a_state_ends_its_window_early() -> None:
    lab, clicks = make(stream_tumbling_state=12)

    def growing(event: Any, found: list[int]) -> Any:
        return {"state": event["state"] | {str(number): 0 for number in found}}

    events = summing(lab, growing)
    connect(lab, clicks, "count", tumbling_window=60, batch_size=1)
    each_second(lab, clicks, 1, 2, 3)
    lab.run()
    assert [
        (numbers(e), e["state"], e["isFinalInvokeForWindow"], e["isWindowTerminatedEarly"])
        for e in events
    ] == [
        ([1], {}, False, False),
        ([2], {"1": 0}, False, False),  # 8 bytes; with the next 16
        ([], {"1": 0, "2": 0}, True, True),
        ([3], {}, False, False),
        ([], {"3": 0}, True, False),
    ]
    assert len({event["window"]["start"] for event in events}) == 1
    assert flushed(lab) == [0, 1, 1, 2, 180]


def test_a_state_of_a_megabyte_may_be() -> None:
    lab, clicks = make()
    filler = "x" * (1024 * 1024 - len('{"x": ""}'))

    def answer(event: Any, found: list[int]) -> Any:
        return {"state": {"x": filler + "x" * (2 in found)}}

    events = summing(lab, answer)
    connect(lab, clicks, "count", tumbling_window=60, batch_size=1)
    each_second(lab, clicks, 1, 2)
    lab.run()
    early = [event["isWindowTerminatedEarly"] for event in events]
    assert early == [False, False, True]


def test_a_shard_ends_its_window_and_its_children_begin_afresh() -> None:
    lab, clicks = make()
    events = summing(lab)
    connect(lab, clicks, "count", tumbling_window=60)
    put(clicks, 1, 2)
    lab.advance(5)
    clicks.split_shard("shardId-000000000000")
    clicks.put_record(3, "k", 0)
    lab.run()
    assert [(e["shardId"][-1], numbers(e), e["state"], e["isFinalInvokeForWindow"]) for e in events] == [
        ("0", [1, 2], {}, False),
        ("0", [], {"sum": 3}, True),
        ("1", [3], {}, False),
        ("1", [], {"sum": 3}, True),
    ]  # fmt: skip
    assert flushed(lab) == [0, 5, 5, 180]


def test_shards_have_states_of_their_own() -> None:
    lab, clicks = make(shards=2)
    events = summing(lab)
    connect(lab, clicks, "count", tumbling_window=10)
    clicks.put_record(1, "k", 0)
    clicks.put_record(10, "k", 2**127)
    lab.run()
    last = [e["state"] for e in events if e["isFinalInvokeForWindow"]]
    assert sorted(state["sum"] for state in last) == [1, 10]


def test_another_length_holds_from_the_next_window_on() -> None:
    lab, clicks = make()
    events = summing(lab, lambda event, found: add(event, found) if "state" in event else None)
    mapping = connect(lab, clicks, "count", tumbling_window=10)
    put(clicks, 1)
    lab.advance(5)
    mapping.update(tumbling_window=0)
    put(clicks, 2)
    lab.advance(10)
    put(clicks, 3)
    lab.run()
    assert [event.get("state") for event in events] == [{}, {"sum": 1}, {"sum": 3}, None]


def test_a_shard_that_is_to_have_other_lanes_ends_its_window() -> None:
    lab, clicks = make()
    events = summing(lab, lambda event, found: add(event, found) if "state" in event else None)
    mapping = connect(lab, clicks, "count", tumbling_window=60)
    put(clicks, 1)
    lab.advance(2)
    mapping.update(tumbling_window=0, parallelization_factor=4)
    put(clicks, 2)  # of the same window: it must not wait for the window, nor the window for it
    lab.run()
    assert told(events[:2])[1:] == [("00:00:00", [], {"sum": 1}, True)]
    assert (numbers(events[2]), events[2].get("state")) == ([2], None)
    assert mapping.behind == 0


def test_lanes_that_are_to_be_one_have_no_windows() -> None:
    lab, clicks = make()
    events = summing(
        lab,
        lambda event, found: time.sleep(0.5) or (add(event, found) if "state" in event else None),
    )
    mapping = connect(lab, clicks, "count", parallelization_factor=4, batch_size=1)
    for number in range(12):
        clicks.put_record(1, f"k{number}")
    lab.advance(0.3)
    mapping.update(parallelization_factor=1, tumbling_window=10)
    clicks.put_record(10, "k")
    lab.run()
    assert sum(sum(numbers(event)) for event in events) == 22
    states = [
        (event["state"], event["isFinalInvokeForWindow"]) for event in events if "state" in event
    ]
    assert states == [({}, False), ({"sum": 10}, True)]


def test_disabled_it_ends_its_window_when_it_is_enabled() -> None:
    lab, clicks = make()
    events = summing(lab)
    mapping = connect(lab, clicks, "count", tumbling_window=10)
    put(clicks, 1)
    lab.advance(5)
    mapping.update(enabled=False)
    lab.run(until=1_000)
    assert len(events) == 1
    mapping.update(enabled=True)
    lab.run()
    assert told(events)[1:] == [("00:00:00", [], {"sum": 1}, True)]
    assert flushed(lab) == [0, 1_000]


# ---- sizes


@pytest.mark.parametrize("bisect", [False, True])
def test_no_event_is_larger_than_six_megabytes(bisect: bool) -> None:
    """The state grows by 500 bytes a record: what fitted before may not fit any more."""
    lab, clicks = make(mapping_payload=6_000)
    runs: list[int] = []

    def growing(event: Any, found: list[int]) -> Any:
        runs.append(len(found))
        if len(runs) % 3 == 1 and len(found) > 1:
            raise ValueError("now and then")
        return {"state": {"x": "x" * 500 * len(event["Records"])}}

    events = summing(lab, growing)
    connect(
        lab, clicks, "count", tumbling_window=60, maximum_batching_window=5, batch_size=100,
        bisect_batch_on_function_error=bisect,
    )  # fmt: skip
    put(clicks, *range(40))
    lab.run()
    assert (lab.trace.batches.size_bytes <= 6_000).all()
    done = lab.trace.batches.query("outcome == 'success'")
    assert done.records.sum() == 40
    assert "payload_size" in set(lab.trace.batches.cause)
    assert events[-1]["isFinalInvokeForWindow"]
    assert sum(event["isFinalInvokeForWindow"] for event in events) == 1


def test_the_state_counts_towards_the_size() -> None:
    """Fewer records fit when there is a state, and none of what was gathered has to be cut again."""
    lab, clicks = make(mapping_payload=6_000)
    events = summing(lab, lambda event, found: {"state": {"x": "x" * 3_000}})
    connect(lab, clicks, "count", tumbling_window=60, batch_size=100)
    put(clicks, *range(100, 140))
    lab.run()
    batches = lab.trace.batches
    record = len(json.dumps(events[0]["Records"][0])) + len(", ")
    full = batches[batches.cause == "payload_size"]
    assert len(full) > 2
    assert ((full.size_bytes <= 6_000) & (full.size_bytes + record > 6_000)).all()
    assert full.records.iloc[0] > full.records.iloc[1] > 0


def test_what_fitted_before_the_state_grew_is_cut() -> None:
    lab, clicks = make(mapping_payload=6_000)
    runs: list[int] = []

    def answer(event: Any, found: list[int]) -> Any:
        runs.append(len(found))
        if len(runs) == 1:
            raise ValueError("once")
        return {"state": {"x": "x" * 4_000}}

    events = summing(lab, answer)
    connect(
        lab, clicks, "count", tumbling_window=60, batch_size=10,
        bisect_batch_on_function_error=True, maximum_batching_window=1,
    )  # fmt: skip
    put(clicks, *range(10))
    lab.run()
    assert [numbers(event) for event in events] == [
        [*range(10)], [*range(5)], [5, 6, 7], [8, 9], [],
    ]  # fmt: skip
    batches = lab.trace.batches
    assert (batches.size_bytes <= 6_000).all()
    ids = batches.batch_id.tolist()
    assert batches.parent_batch_id.tolist() == ["", *[ids[0]] * 3, ""], "no try was used up"


def test_another_run_leaves_the_same_books() -> None:
    lab, clicks = make(shards=2)
    summing(lab)
    connect(lab, clicks, "count", tumbling_window=10)
    digests = []
    for _ in range(2):
        for number in range(30):
            clicks.put_record(number, f"k{number}")
            lab.advance(0.7)
        lab.run()
        digests.append(str(lab.trace.digest()))
        lab.reset()
    assert digests[0] == digests[1]
