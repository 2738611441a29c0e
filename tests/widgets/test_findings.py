"""What the viewer opens on: the extremes of the tables, and nothing that only looks like one."""

from __future__ import annotations

import lambdalab as ll
from lambdalab.widgets.viewer.bars import bars
from lambdalab.widgets.viewer.findings import findings


def said(lab: ll.Lab) -> dict[str, str]:
    return {found.what: found.said for found in findings(bars(lab.trace))}


def test_the_longest_wait_is_one_that_ended(lab: ll.Lab) -> None:
    """A message that nobody takes would else be the finding of every trace."""
    lab.create_function("bill", duration=8, timeout=20, reserved_concurrency=2)
    orders = lab.sqs.create_queue("orders", visibility_timeout=60)
    lab.create_event_source_mapping(orders, "bill", batch_size=1, maximum_concurrency=2)
    lab.sqs.create_queue("forgotten").send("nobody takes it")
    orders.send_batch(range(4))
    lab.run()
    wait = said(lab)["Longest wait"]
    table = lab.trace.queue_events.query("queue == 'orders' and action == 'received'")
    oldest = table.loc[table["age_ms"].idxmax()]
    assert wait.startswith(f"m{int(oldest['event_id'][:8])} in orders, ")
    assert wait.endswith(ll.plots.words.duration(oldest["age_ms"] / 1000))


def test_the_first_failure_is_the_first_to_begin(lab: ll.Lab) -> None:
    for name, seconds in (("slow", 5), ("quick", 1)):
        lab.create_function(name, duration=seconds, failure_rate=1.0, timeout=9)
        lab.invoke(name, {}, invocation_type="Event")
    lab.run(until=30)
    first = lab.trace.attempts.sort_values("ended_at").iloc[0]
    failure = said(lab)["First failure"]
    assert failure.startswith(f"a{int(first.name) + 1} of r{int(first['request_id'][:8])}, ")


def test_dead_letters_are_counted(lab: ll.Lab) -> None:
    lab.create_function(
        "put", duration=1, failure_rate=1.0, maximum_retry_attempts=0, dead_letter_queue="failed"
    )
    lab.drive("put", ll.Every(2), count=3, invocation_type="Event")
    lab.run()
    assert said(lab)["First dead letter"].endswith("; 3 in all")


def test_where_nothing_happened_nothing_is_found(lab: ll.Lab) -> None:
    assert findings(bars(lab.trace)) == []
