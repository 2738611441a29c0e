import numpy as np
import pytest

import lambdalab as ll
from lambdalab.trace import Trace
from tests.trace.mapped import poisoned, trap


def figures(trace: Trace, metric: str, name: str):
    found = trace.metrics(3600)
    return found[(found.metric == metric) & (found.name == name)]


def total(trace: Trace, metric: str, name: str = "clicks->count") -> float:
    return float(figures(trace, metric, name)["sum"].sum())


@pytest.fixture(scope="module")
def bisected() -> Trace:
    return poisoned(bisect_batch_on_function_error=True, maximum_retry_attempts=2)


def test_events_of_a_stream_are_counted(bisected: Trace) -> None:
    batches = bisected.batches
    assert total(bisected, "PolledEventCount") == 300
    assert total(bisected, "InvokedEventCount") == (batches.records * batches.invocations).sum()
    failed = batches[batches.outcome == "failure"]
    assert total(bisected, "FailedInvokeEventCount") == failed.records.sum() > 0
    assert total(bisected, "DroppedEventCount") == 1
    assert figures(bisected, "DeletedEventCount", "clicks->count").empty, "of queues only"


def test_what_a_destination_heard_of_is_not_dropped() -> None:
    lab = ll.Lab(seed=7)
    lab.sqs.create_queue("gone")
    clicks = lab.kinesis.create_stream("clicks", shard_count=1)
    lab.create_function("count", duration=0.1, failure_rate=1.0)
    lab.create_event_source_mapping(
        clicks, "count", starting_position="TRIM_HORIZON", maximum_retry_attempts=1,
        on_failure=lab.sqs["gone"],
    )  # fmt: skip
    for number in range(7):
        clicks.put_record(str(number), partition_key="k")
    lab.run()
    assert total(lab.trace, "OnFailureDestinationDeliveredEventCount") == 7
    assert total(lab.trace, "DroppedEventCount") == 0
    assert total(lab.trace, "DestinationDeliveryFailures", "count") == 0


def test_the_iterator_age_is_that_of_the_last_record_when_it_is_sent(bisected: Trace) -> None:
    events = bisected.queue_events
    taken = events[(events.action == "received") & (events.kind == "stream")]
    last = taken.groupby("batch_id").age_ms.last()
    (row,) = figures(bisected, "IteratorAge", "count").itertuples()
    assert row.samples == len(bisected.batches)
    assert (row.unit, row.maximum) == ("Milliseconds", pytest.approx(last.max()))
    assert row.sum == pytest.approx(last.sum())


def test_a_throttled_batch_of_a_stream_grows_older_at_each_invoke(lab: ll.Lab) -> None:
    clicks = lab.kinesis.create_stream("clicks", shard_count=1)
    lab.create_function("count", duration=10.0, timeout=20, reserved_concurrency=1)
    lab.invoke("count", invocation_type="Event")
    lab.advance(1)
    lab.create_event_source_mapping(clicks, "count", starting_position="TRIM_HORIZON")
    clicks.put_record("1", partition_key="k")
    lab.run()
    (batch,) = lab.trace.batches.itertuples()
    (row,) = figures(lab.trace, "IteratorAge", "count").itertuples()
    assert row.samples == batch.invocations > 2
    calls = lab.trace.invocations
    sent = calls[calls.parent_id == batch.batch_id].requested_at
    span = (sent.iloc[-1] - sent.iloc[0]).total_seconds() * 1000
    assert row.maximum - row.minimum == pytest.approx(span)


def test_events_of_a_queue_are_counted() -> None:
    trace = trap(200)
    name = "orders->bill"
    events = trace.queue_events[trace.queue_events.queue == "orders"]
    counts = events.action.value_counts()
    assert total(trace, "PolledEventCount", name) == counts["received"]
    assert total(trace, "DeletedEventCount", name) == counts["deleted"]
    records = (trace.batches.records * trace.batches.invocations).sum()
    assert total(trace, "InvokedEventCount", name) == records
    done = trace.batches[trace.batches.outcome == "success"].records.sum()
    assert total(trace, "FailedInvokeEventCount", name) == records - done > 0
    assert figures(trace, "DroppedEventCount", name).empty, "of streams only"


def test_partial_failures_are_failed_events(lab: ll.Lab) -> None:
    orders = lab.sqs.create_queue("orders", dead_letter_queue="gone", max_receive_count=1)

    @lab.function
    def bill(event, context):
        return {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}

    lab.create_event_source_mapping(
        orders, bill, function_response_types=("ReportBatchItemFailures",)
    )
    for number in range(10):
        orders.send(str(number))
    lab.run()
    name = "orders->bill"
    assert total(lab.trace, "FailedInvokeEventCount", name) == len(lab.trace.batches)
    assert total(lab.trace, "DeletedEventCount", name) == 10 - len(lab.trace.batches)


def test_filtered_events(lab: ll.Lab) -> None:
    orders = lab.sqs.create_queue("orders")
    lab.create_function("bill", duration=0.1)
    pattern = {"Filters": [{"Pattern": '{"body": {"n": [{"numeric": ["<", 3]}]}}'}]}
    lab.create_event_source_mapping(orders, "bill", filter_criteria=pattern)
    for number in range(10):
        orders.send({"n": number})
    lab.run()
    name = "orders->bill"
    assert total(lab.trace, "PolledEventCount", name) == 10
    assert total(lab.trace, "FilteredOutEventCount", name) == 7
    assert total(lab.trace, "InvokedEventCount", name) == 3


def test_mappings_that_share_a_queue_have_their_own_events(lab: ll.Lab) -> None:
    orders = lab.sqs.create_queue("orders")
    for name in ("bill", "ship"):
        lab.create_function(name, duration=1.0)
        lab.create_event_source_mapping(orders, name, batch_size=1)
    lab.drive(orders, ll.Every(0.1), count=40)
    lab.run()
    for name in ("bill", "ship"):
        own = lab.trace.batches[lab.trace.batches.mapping == f"orders->{name}"].records.sum()
        assert total(lab.trace, "DeletedEventCount", f"orders->{name}") == own > 0
        assert total(lab.trace, "PolledEventCount", f"orders->{name}") == own


def test_what_lies_in_a_queue_and_how_old_it_is(lab: ll.Lab) -> None:
    orders = lab.sqs.create_queue("orders")
    orders.send("first")
    lab.advance(90)
    orders.send("second")
    lab.advance(100)
    for message in orders.receive(2):
        orders.delete(message)
    trace = lab.trace
    ages = trace.metrics(60)
    ages = ages[(ages.metric == "ApproximateAgeOfOldestMessage") & (ages.name == "orders")]
    assert ages.unit.unique().tolist() == ["Seconds"]
    assert ages.maximum.tolist() == [60, 120, 180, 190]
    visible = trace.metrics(60)
    visible = visible[visible.metric == "ApproximateNumberOfMessagesVisible"]
    assert visible.maximum.tolist() == [1, 2, 2, 2]
    assert (np.diff(visible["at"]).astype("m8[s]").astype(int) == 60).all()


def test_a_queue_that_shares_its_name_with_a_stream(lab: ll.Lab) -> None:
    lab.kinesis.create_stream("orders", shard_count=1).put_record("1", partition_key="k")
    orders = lab.sqs.create_queue("orders")
    lab.create_function("bill", duration=0.1)
    mapping = lab.create_event_source_mapping(orders, "bill")
    for _ in range(3):
        orders.send("one")
    lab.run()
    assert total(lab.trace, "DeletedEventCount", mapping.name) == 3
    assert lab.trace.summary().set_index("name").loc[mapping.name].records == 3
