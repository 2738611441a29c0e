import pandas as pd
import pytest

import lambdalab as ll
from lambdalab.errors import InvalidSetting
from lambdalab.trace import Recorder, Trace
from lambdalab.trace.metrics import COLUMNS
from lambdalab.trace.schema import Action, Cause, InvocationType, QueueKind
from tests.trace.histories import S, World


@pytest.fixture(scope="module")
def trace() -> Trace:
    return Trace(World(3, calls=30, events=20, messages=20, failures=0.6).run())


def sums(trace: Trace, metric: str, name: str = "bill") -> float:
    figures = trace.metrics()
    return float(figures[(figures.metric == metric) & (figures.name == name)]["sum"].sum())


def test_counts_are_those_of_the_tables(trace: Trace) -> None:
    own = trace.attempts[trace.attempts.function == "bill"]
    events = trace.queue_events[trace.queue_events.kind == "asynchronous"].action
    assert sums(trace, "Invocations") == len(own)
    assert sums(trace, "Errors") == (own.outcome == "error").sum()
    assert sums(trace, "Duration") == pytest.approx(own.duration_ms.sum())
    refused = (trace.invocations.status == "throttled").sum()
    assert sums(trace, "Throttles") == refused + (events == "throttled").sum()
    assert sums(trace, "AsyncEventsReceived") == (events == "sent").sum()
    assert sums(trace, "AsyncEventsDropped") == events.isin(["dropped", "expired"]).sum()
    figures = trace.metrics()
    ages = figures[figures.metric == "AsyncEventAge"]["samples"].sum()
    assert ages == events.isin(["received", "throttled"]).sum()


def test_samples_are_what_the_statistics_are_made_of(trace: Trace) -> None:
    single = trace.samples("AWS/Lambda", "Duration")
    assert list(single.columns) == ["at", "name", "unit", "value"]
    assert set(single.unit) == {"Milliseconds"}
    assert single["at"].is_monotonic_increasing
    own = single[single.name == "bill"]
    figures = trace.metrics()
    figures = figures[(figures.metric == "Duration") & (figures.name == "bill")]
    assert len(own) == figures.samples.sum()
    assert own.value.sum() == pytest.approx(figures["sum"].sum())
    assert own.value.max() == figures.maximum.max()
    assert trace.samples("AWS/Lambda", "Nothing").empty
    assert trace.samples("AWS/SQS", "Duration").empty


def test_messages_of_queues_are_counted_too(trace: Trace) -> None:
    for metric, action in (
        ("NumberOfMessagesSent", "sent"),
        ("NumberOfMessagesReceived", "received"),
        ("NumberOfMessagesDeleted", "deleted"),
    ):
        own = trace.queue_events[trace.queue_events.queue == "orders"]
        assert sums(trace, metric, "orders") == (own.action == action).sum()


def test_an_error_counts_when_its_invocation_began() -> None:
    books = Recorder()
    bill = books.name("bill")
    books.environment(bill, 0, 0)
    books.invocation(bill, 0, 0, bill, 0, 0, 59 * S, 2)
    row = books.attempt(1, 1, 1, 0, 59 * S, 59 * S, False, 128, Cause.CALLED)
    books.attempt_done(row, 62 * S, 0, 0, 3 * S, 3000, 40, 2, 1)
    figures = Trace(books).metrics().set_index("metric")
    start = pd.Timestamp("2025-01-07", tz="UTC")
    assert figures.loc["Errors", "at"] == start
    assert figures.loc["Duration", "maximum"] == 3000
    running = figures.loc["ConcurrentExecutions"].set_index(["name", "at"]).maximum
    assert running["bill", start] == running["bill", start + pd.Timedelta("1min")] == 1


def test_what_goes_on_through_a_quiet_period_counts_in_it() -> None:
    books = Recorder()
    bill = books.name("bill")
    books.environment(bill, 0, 0)
    books.invocation(bill, 0, 0, bill, 0, 0, 0, 2)
    row = books.attempt(1, 1, 1, 0, 0, 0, False, 128, Cause.CALLED)
    books.attempt_done(row, 200 * S, 0, 0, 200 * S, 200_000, 40, 1, 1)
    figures = Trace(books).metrics()
    running = figures[(figures.metric == "ConcurrentExecutions") & (figures.name == "bill")]
    assert list(running.maximum) == [1, 1, 1, 1]


def test_an_undelivered_dead_letter_is_an_error() -> None:
    books = Recorder()
    bill = books.name("bill")
    books.invocation(bill, 0, InvocationType.EVENT, bill, 0, 0, 0, 2)
    queue = books.queue("bill (events)", QueueKind.ASYNCHRONOUS)
    for action, cause in (
        (Action.SENT, Cause.CALLED),
        (Action.DEAD_LETTERED, Cause.DELIVERY_FAILED),
        (Action.DELIVERED, Cause.DELIVERY_FAILED),
        (Action.DROPPED, Cause.RETRIES_EXHAUSTED),
    ):
        books.queue_event(0, queue, 1, action, 1, 0, 0, 1, 0, cause, 0, 0, 0, -1)
    trace = Trace(books)
    assert sums(trace, "DeadLetterErrors") == 1
    assert sums(trace, "DestinationDeliveryFailures") == 1


def test_periods_divide_the_same_samples(trace: Trace) -> None:
    for period in (1, 10, 3600.0):
        figures = trace.metrics(period=period)
        total = figures[figures.metric == "Invocations"].groupby("name", observed=True)["sum"].sum()
        assert total["bill"] == sums(trace, "Invocations")
        since = (figures["at"] - pd.Timestamp("2025-01-07", tz="UTC")).dt.total_seconds()
        assert (since % period == 0).all()
        assert (figures.minimum <= figures.p50).all()
        assert (figures.p50 <= figures.p95).all()
        assert (figures.p99 <= figures.maximum).all()


@pytest.mark.parametrize("period", [0, -1, float("nan"), float("inf"), True])
def test_a_wrong_period_is_refused(trace: Trace, period: float) -> None:
    with pytest.raises(InvalidSetting, match="period"):
        trace.metrics(period=period)


def test_of_nothing_it_has_its_columns_and_types(trace: Trace) -> None:
    empty = Trace(Recorder()).metrics()
    assert tuple(empty.columns) == COLUMNS
    assert len(empty) == 0
    assert list(empty.dtypes) == list(trace.metrics().dtypes)


def test_a_function_with_two_mappings_has_one_series_of_iterator_ages() -> None:
    lab = ll.Lab()
    lab.create_function("count", duration=0.1)
    lab.publish_version("count")
    stream = lab.kinesis.create_stream("clicks")
    for name in ("count", "count:1"):
        lab.create_event_source_mapping(stream, name, starting_position="TRIM_HORIZON")
    stream.put_record("x", "key")
    lab.run()
    found = lab.trace.metrics()
    ages = found[found["metric"] == "IteratorAge"]
    assert ages[["name", "samples"]].values.tolist() == [["count", 2]]


def test_messages_that_sqs_moves_or_lambda_filters() -> None:
    """A dead letter that SQS moves was sent by nobody; what a filter refuses is deleted by Lambda."""
    lab = ll.Lab()
    lab.create_function("bill", duration=0.1, failure_rate=1)
    orders = lab.sqs.create_queue("orders", dead_letter_queue="dead", max_receive_count=1)
    pattern = {"Filters": [{"Pattern": {"body": {"kind": ["a"]}}}]}
    lab.create_event_source_mapping(orders, "bill", filter_criteria=pattern)
    orders.send({"kind": "a"})
    orders.send({"kind": "b"})
    lab.run()
    assert lab.sqs["dead"].depth == 1
    found = lab.trace.metrics(period=3600)
    sums = {(row["name"], row["metric"]): row["sum"] for _, row in found.iterrows()}
    assert sums["orders", "NumberOfMessagesSent"] == 2
    assert sums["orders", "NumberOfMessagesDeleted"] == 1
    assert ("dead", "NumberOfMessagesSent") not in sums


def test_a_letter_that_a_function_sends_counts() -> None:
    lab = ll.Lab()
    lab.create_function("bill", duration=0.1, failure_rate=1, dead_letter_queue="dead")
    lab.invoke("bill", {}, invocation_type="Event")
    lab.run()
    found = lab.trace.metrics(period=3600)
    assert found[found["metric"] == "NumberOfMessagesSent"]["name"].tolist() == ["dead"]
