"""What caused what in the viewer: each link against the tables, and chains without strangers."""

from __future__ import annotations

from typing import Any

import pytest

import lambdalab as ll
from lambdalab.widgets.viewer.links import links
from lambdalab.widgets.viewer.parts import NODES
from tests.acceptance import story_lab

R, A, B, M = (NODES.index(letter) for letter in "rabm")


@pytest.fixture(scope="module")
def trace() -> Any:
    lab = story_lab.build(7)

    @lab.function(dead_letter_queue="failed", timeout=10)
    def audited(event: Any, context: Any) -> None:
        lab.invoke("put", event, invocation_type="Event")
        raise ValueError("no stock")

    lab.invoke(audited, {"order": -1}, invocation_type="Event")
    lab.run(until=story_lab.ENDS_AT)
    return lab.trace


def number(text: str) -> int:
    return int(text[:8])


def causes(found: Any, kind: int, own: int) -> set[tuple[int, int]]:
    """What leads straight to a thing: kinds and numbers."""
    node = found.node(kind, own)
    return {found.named(int(cause)) for cause in found.causes[found.effects == node]}


def test_a_nested_call_comes_of_the_run_that_made_it(trace: Any) -> None:
    """Of a request that was tried again, the attempt that was at work then."""
    found, runs = links(trace), trace.attempts
    nested = trace.invocations[trace.invocations["parent_kind"] == "request"]
    later = 0
    for call in nested.itertuples():
        mine = runs[runs["request_id"] == call.parent_id]
        begun = mine["started_at"] <= call.requested_at
        at_work = mine[begun & ~(mine["ended_at"] < call.requested_at)]
        assert causes(found, R, number(call.request_id)) == {(A, int(at_work.index[0]) + 1)}
        later += int(at_work["attempt"].iloc[0] > 1)
    assert later > 0, "one of them is no first attempt"


def test_a_batch_comes_of_its_records_and_of_the_batch_that_failed(trace: Any) -> None:
    found, held = links(trace), trace.batch_records
    for batch in trace.batches.itertuples():
        inside = held.loc[held["batch_id"] == batch.batch_id, "event_id"]
        expected = {(M, number(event)) for event in inside}
        if batch.parent_batch_id:
            expected.add((B, number(batch.parent_batch_id)))
        assert causes(found, B, number(batch.batch_id)) == expected
    assert (trace.batches["parent_batch_id"] != "").any()


def test_a_chain_has_no_strangers(lab: ll.Lab) -> None:
    """What was in a message's batch beside it is neither its cause nor its effect."""
    lab.create_function("bill", duration=0.5)
    orders = lab.sqs.create_queue("orders")
    lab.create_event_source_mapping(orders, "bill", batch_size=10, maximum_batching_window=2)
    lab.drive(orders, ll.Every(0.3), count=20)
    lab.run()
    viewer, held = ll.TraceViewer(lab), lab.trace.batch_records
    for event, batches in held.groupby("event_id")["batch_id"]:
        (batch,) = batches
        assert (held["batch_id"] == batch).sum() > 1
        calls = lab.trace.invocations.query("parent_id == @batch")["request_id"]
        (run,) = lab.trace.attempts.query("request_id in @calls").index
        expected = {f"m{number(event)}", f"b{number(batch)}", f"a{run + 1}"}
        expected |= {f"r{number(call)}" for call in calls}
        assert set(viewer.select(event).selection["id"]) == expected
