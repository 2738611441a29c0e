"""A backlog is over when nobody waits any more, whoever has seen to it: then no poller is added."""

from __future__ import annotations

import pytest

import lambdalab as ll


def pollers(lab: ll.Lab) -> list[int]:
    """How many there were after each change."""
    rows = lab.trace.scaling
    return rows[rows.kind == "pollers"].after.tolist()


@pytest.mark.parametrize("how", ["purge", "receive", "delete"])
def test_what_others_took_away_brings_no_more_pollers(how: str) -> None:
    lab = ll.Lab(seed=1, quotas={"environment_setup": 0.0})
    queue = lab.sqs.create_queue("orders", visibility_timeout=60)
    lab.create_function("bill", duration=0.9, init=0, timeout=60)
    lab.create_event_source_mapping(queue, "bill", batch_size=1)
    sent = [queue.send({"n": n}) for n in range(8)]
    lab.advance(0.5)
    assert len(lab.trace.batches) == 5, "three wait, and no poller is free"
    if how == "purge":
        queue.purge()
    elif how == "receive":
        assert len(queue.receive(10)) == 3
    else:
        for message in sent[5:]:
            queue.delete(message)
    lab.advance(20)
    assert pollers(lab) == [5]


def test_a_function_that_is_pending_is_waited_for() -> None:
    """The books know the cause: a record that comes back because its function is being made."""
    lab = ll.Lab(seed=1, quotas={"function_creation": 70})
    stream = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=0.1)
    lab.create_event_source_mapping(
        stream, "count", starting_position="TRIM_HORIZON", maximum_record_age=60
    )
    stream.put_record({"n": 1}, "k")
    lab.run()
    rows = lab.trace.queue_events
    back = rows[rows.action == "returned"]
    assert back.cause.tolist() == ["function_state"]
    assert lab.trace.retries.cause.tolist() == ["function_state"]


def test_a_mapping_that_never_polled_has_lost_nothing() -> None:
    """LATEST begins where polling does: what came and went before was not to be read."""
    lab = ll.Lab(seed=1)
    stream = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=0.1)
    mapping = lab.create_event_source_mapping(
        stream, "count", starting_position="LATEST", enabled=False
    )
    stream.put_record({"n": 1}, "k")
    assert mapping.behind == 0
    lab.advance("2d")
    assert set(lab.trace.queue_events.queue) == {"clicks"}


def test_a_timestamp_that_is_yet_to_come_after_a_reset_is_waited_for() -> None:
    lab = ll.Lab(seed=1)
    stream = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=0.1)
    lab.advance(5)
    lab.create_event_source_mapping(
        stream, "count", starting_position="AT_TIMESTAMP", starting_position_timestamp=5
    )
    lab.reset()
    for number in range(3):
        stream.put_record({"n": number}, "k")
        lab.advance(4)
    lab.run()
    rows = lab.trace.queue_events
    read = rows[(rows.queue == "clicks->count (records)") & (rows.action == "sent")]
    assert (read["at"] - lab.trace.start).dt.total_seconds().ge(8).all()
    assert len(read) == 1
