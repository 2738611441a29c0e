import pytest

import lambdalab as ll
from lambdalab.trace import Trace
from tests.trace.mapped import poisoned, trap


def only(trace: Trace, kind: str):
    (found,) = (one for one in trace.findings() if one.kind == kind)
    return found


def kinds(trace: Trace) -> set[str]:
    return {found.kind for found in trace.findings()}


def test_the_throttle_trap() -> None:
    trace = trap()
    found = only(trace, "throttle trap")
    events = trace.queue_events
    dead = events[(events.queue == "orders") & (events.action == "dead_lettered")]
    never = (trace.batches.outcome == "throttled").sum()
    assert found.subject == "orders->bill"
    assert len(found.rows) == len(dead) > 0
    for part in (
        f"{len(dead)} messages became dead letters though no run of theirs failed:",
        f"{never} of {len(trace.batches)} batches found no concurrency",
        "Up to 5 batches were held at once, and bill reserves 2 of concurrency",
        "maximum_concurrency=2",
    ):
        assert part in found.advice
    assert "pollers" not in kinds(trace), "told already"


def test_messages_whose_runs_failed_are_in_no_trap(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1, failure_rate=1.0)
    orders = lab.sqs.create_queue("orders", dead_letter_queue="gone", max_receive_count=2)
    lab.create_event_source_mapping(orders, "bill")
    lab.drive(orders, ll.Burst(20))
    lab.run()
    assert "throttle trap" not in kinds(lab.trace)


def test_some_of_the_dead_letters_are_in_the_trap() -> None:
    lab = ll.Lab(seed=7)
    orders = lab.sqs.create_queue(
        "orders", visibility_timeout=30, dead_letter_queue="gone", max_receive_count=1
    )

    @lab.function(timeout=30, reserved_concurrency=1)
    def bill(event, context):
        import time

        time.sleep(25)
        raise ValueError("no")

    lab.create_event_source_mapping(orders, bill, batch_size=1)
    lab.drive(orders, ll.Burst(8))
    lab.run()
    found = only(lab.trace, "throttle trap")
    failed = (lab.trace.batches.outcome == "failure").sum()
    assert len(found.rows) == 8 - failed < 8
    assert "(of 8 dead letters)" in found.advice
    assert "reserve more" in found.advice, "maximum_concurrency is 2 or more"


def test_a_message_with_one_run_that_failed_is_in_no_trap() -> None:
    lab = ll.Lab(seed=7)
    orders = lab.sqs.create_queue(
        "orders", visibility_timeout=30, dead_letter_queue="gone", max_receive_count=2
    )
    bill = lab.create_function(
        "bill", duration=25, timeout=30, failure_rate=1.0, reserved_concurrency=1
    )
    lab.create_event_source_mapping(orders, bill, batch_size=1)
    lab.drive(orders, ll.Burst(7))
    lab.run()
    causes: dict[str, set[str]] = {}
    events = lab.trace.queue_events
    for row in events[(events.queue == "orders") & (events.action == "returned")].itertuples():
        causes.setdefault(row.event_id, set()).add(row.cause)
    both = [event for event, found in causes.items() if len(found) == 2]
    healthy = [event for event, found in causes.items() if found == {"throttled_reserved"}]
    assert both, "some were throttled once and failed once"
    assert len(only(lab.trace, "throttle trap").rows) == len(healthy)


def test_pollers_above_the_concurrency_before_anything_died() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=25.0, timeout=30, reserved_concurrency=2)
    orders = lab.sqs.create_queue("orders", visibility_timeout=30)
    lab.create_event_source_mapping(orders, "bill")
    lab.drive(orders, ll.Burst(100))
    lab.run()
    found = only(lab.trace, "pollers")
    assert len(found.rows) == (lab.trace.batches.outcome == "throttled").sum() > 0
    assert "maximum_concurrency=2" in found.advice


def test_a_blocked_shard() -> None:
    trace = poisoned(until=600)
    found = only(trace, "blocked shards")
    batches = trace.batches
    chain = batches[(batches.parent_batch_id != "") | (batches.outcome != "success")]
    assert len(found.rows) == len(chain)
    assert "longest behind b4 (50 records): handed over " in found.advice
    assert f"handed over {len(chain)} times" in found.advice
    assert "and still is" in found.advice
    assert "maximum_retry_attempts, maximum_record_age, bisect_batch_on_function_error or" in (
        found.advice
    )
    assert "received often" not in kinds(trace), "that is for queues"


def test_a_shard_that_soon_goes_on_is_no_finding() -> None:
    trace = poisoned(bisect_batch_on_function_error=True, maximum_retry_attempts=2)
    assert "blocked shards" not in kinds(trace)
    lost = only(trace, "lost records")
    assert "1 record was given up (retries_exhausted) and left nothing behind" in lost.advice
    assert "told where in clicks to find such" in lost.advice


def test_records_that_a_destination_heard_of_are_not_lost() -> None:
    lab = ll.Lab(seed=7)
    gone = lab.sqs.create_queue("gone")
    clicks = lab.kinesis.create_stream("clicks", shard_count=1)
    lab.create_function("count", duration=0.1, failure_rate=1.0)
    lab.create_event_source_mapping(
        clicks, "count", starting_position="TRIM_HORIZON", maximum_retry_attempts=1, on_failure=gone
    )
    clicks.put_record("1", partition_key="k")
    lab.run()
    assert "lost records" not in kinds(lab.trace)


@pytest.fixture(scope="module")
def expired() -> Trace:
    return poisoned(until=100_000)


def test_records_lost_by_retention(expired: Trace) -> None:
    found = only(expired, "lost records")
    events = expired.queue_events
    gone = events[(events.action == "expired") & (events.queue == "clicks->count (records)")]
    assert len(found.rows) == len(gone) > 100
    unread = (gone.receive_count == 0).sum()
    assert f"{len(gone)} records outlived what the stream keeps" in found.advice
    assert (f"{unread} of them before they ever went" in found.advice) == (unread > 0)


def test_ages_near_retention(expired: Trace) -> None:
    found = only(expired, "iterator age")
    events = expired.queue_events
    taken = events[(events.action == "received") & (events.queue == "clicks->count (records)")]
    assert len(found.rows) == (taken.age_ms > 12 * 3600 * 1000).sum() > 0
    assert "24 h 0 min that its stream keeps it" in found.advice


def test_thin_batches(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    orders = lab.sqs.create_queue("orders")
    lab.create_event_source_mapping(orders, "bill", batch_size=10)
    lab.drive(orders, ll.Every(1.0), count=60)
    lab.run()
    found = only(lab.trace, "thin batches")
    assert len(found.rows) == 60
    assert "60 batches of 60 had less than 20% of the 10 records" in found.advice
    assert "60 were sent at once: there is no window" in found.advice


def test_full_batches_are_no_finding(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    orders = lab.sqs.create_queue("orders")
    lab.create_event_source_mapping(orders, "bill", batch_size=10, maximum_batching_window=20)
    lab.drive(orders, ll.Every(0.1), count=600)
    lab.run()
    assert kinds(lab.trace).isdisjoint({"thin batches", "filtered", "throttle trap", "pollers"})


def test_filtered_events(lab: ll.Lab) -> None:
    orders = lab.sqs.create_queue("orders")
    lab.create_function("bill", duration=0.1)
    pattern = {"Filters": [{"Pattern": '{"body": {"n": [{"numeric": ["<", 3]}]}}'}]}
    lab.create_event_source_mapping(orders, "bill", filter_criteria=pattern)
    for number in range(30):
        orders.send({"n": number})
    lab.run()
    found = only(lab.trace, "filtered")
    assert len(found.rows) == 27
    assert "27 of 30 events were filtered out (90%) and deleted from the queue" in found.advice
