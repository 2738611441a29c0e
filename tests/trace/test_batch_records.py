"""Which batch held which records, as a table."""

from __future__ import annotations

import lambdalab as ll


def test_every_record_of_every_batch_is_a_row(lab: ll.Lab) -> None:
    """Those too that came back while their batch was still out: no row of a queue ties them to it."""
    lab.create_function("slow", duration=20, timeout=30, reserved_concurrency=2)
    queue = lab.sqs.create_queue("orders", visibility_timeout=60)
    lab.create_event_source_mapping(queue, "slow", batch_size=5)
    queue.update(visibility_timeout=10)
    lab.drive(queue, ll.Burst(40, at=1))
    lab.run(until=200)
    held, batches, events = lab.trace.batch_records, lab.trace.batches, lab.trace.queue_events
    assert held.columns.tolist() == ["batch_id", "event_id"]
    counts = held.groupby("batch_id").size()
    assert counts.to_dict() == batches.set_index("batch_id")["records"].to_dict()
    assert set(held["event_id"]) <= set(events["event_id"])
    told = events[events["batch_id"] != ""][["batch_id", "event_id"]].drop_duplicates()
    assert len(told.merge(held)) == len(told) < len(held.drop_duplicates())


def test_a_trace_without_batches_has_the_columns(lab: ll.Lab) -> None:
    held = lab.trace.batch_records
    assert held.empty
    assert held.columns.tolist() == ["batch_id", "event_id"]
