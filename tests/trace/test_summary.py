import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.trace import Recorder, Trace
from lambdalab.trace.summary import COLUMNS, most_at_once, percentile
from tests.trace.histories import World
from tests.trace.mapped import poisoned, trap


@pytest.fixture(scope="module")
def trace() -> Trace:
    return Trace(World(3, calls=30, events=20, messages=20, failures=0.6).run())


def test_functions_add_up(trace: Trace) -> None:
    figures = trace.summary().set_index("name")
    for name in ("bill", "ship"):
        own, row = trace.attempts[trace.attempts.function == name], figures.loc[name]
        assert row.invocations == len(own)
        assert row.errors == (own.outcome == "error").sum()
        assert row.succeeded + row.errors == row.invocations
        assert row.cold_starts == own.cold_start.sum()
        assert row.cost_usd == pytest.approx(own.cost_usd.sum())
        assert own.duration_ms.min() <= row.p50_ms <= row.p95_ms <= own.duration_ms.max()
        assert 1 <= row.most_at_once <= 3
    refused = (trace.invocations.status == "throttled").sum()
    assert (
        figures.loc["bill"].throttles == refused + (trace.queue_events.action == "throttled").sum()
    )


def test_queues_add_up(trace: Trace) -> None:
    figures = trace.summary().set_index("name")
    for name, row in figures[~figures.kind.isin(["function", "mapping"])].iterrows():
        own = trace.queue_events[trace.queue_events.queue == name]
        counts = own.action.value_counts()
        assert row.sent == counts["sent"]
        assert row.deleted == counts["deleted"]
        assert row.max_depth == own.depth.max()
        assert row.dead_lettered == counts["dead_lettered"]
    assert figures.loc["bill (events)"].dead_lettered > 0
    lost = figures.loc["bill (events)"].lost
    assert lost == (trace.queue_events.action == "expired").sum()


def test_of_nothing_it_has_its_columns() -> None:
    empty = Trace(Recorder()).summary()
    assert list(empty.columns) == list(COLUMNS)
    assert len(empty) == 0
    assert list(empty.dtypes) == list(Trace(World(1).run()).summary().dtypes)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), max_size=20))
def test_most_at_once_counts_what_overlaps(intervals: list[tuple[int, int]]) -> None:
    started = np.array([at for at, _ in intervals], dtype=np.int64)
    ended = np.array([at + took for at, took in intervals], dtype=np.int64)
    most = max((sum(a <= at < a + took for a, took in intervals) for at in range(60)), default=0)
    assert most_at_once(started, ended) in (most, max(most, min(1, len(intervals))))


def test_percentiles_are_values_that_occurred() -> None:
    values = list(range(1, 101))
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.95) == 95
    assert percentile([7], 0.99) == 7
    assert percentile([], 0.5) is None


def test_figures_a_kind_has_not_got_are_missing(trace: Trace) -> None:
    figures = trace.summary().set_index("name")
    assert figures.cost_usd.isna()["orders"]
    assert figures.max_depth.isna()["bill"]


def test_mappings_add_up() -> None:
    stream = poisoned(bisect_batch_on_function_error=True, maximum_retry_attempts=2)
    figures = stream.summary().set_index("name")
    row, batches = figures.loc["clicks->count"], stream.batches
    assert row.kind == "mapping"
    assert (row.batches, row.records) == (len(batches), batches.records.sum())
    assert row.mean_batch == pytest.approx(batches.records.mean())
    assert row.failed == (batches.outcome == "failure").sum() > 0
    taken = stream.queue_events[stream.queue_events.action == "received"]
    assert row.oldest_s == pytest.approx(taken.age_ms.max() / 1000)
    assert figures.loc["clicks->count (records)"].lost == 1
    assert trap().summary().set_index("name").loc["orders->bill"].failed > 0


def test_filtered_and_deduplicated_messages(lab) -> None:
    orders = lab.sqs.create_queue("orders")
    lab.create_function("bill", duration=0.1)
    pattern = {"Filters": [{"Pattern": '{"body": {"n": [1]}}'}]}
    lab.create_event_source_mapping(orders, "bill", filter_criteria=pattern)
    for number in range(5):
        orders.send({"n": number})
    lab.run()
    row = lab.trace.summary().set_index("name").loc["orders->bill"]
    assert (row.filtered, row.records) == (4, 1)


def test_a_message_that_was_known_is_not_lost(lab) -> None:
    orders = lab.sqs.create_queue("orders.fifo", fifo=True)
    for _ in range(2):
        orders.send("one", message_group_id="a", message_deduplication_id="1")
    assert lab.trace.summary().set_index("name").loc["orders.fifo"].lost == 0
    assert not [found for found in lab.trace.findings() if found.kind == "lost messages"]


def test_a_stream_does_not_tell_of_losses() -> None:
    """It keeps no record for ever; what a mapping did not read in time is told of the mapping."""
    lab = ll.Lab()
    lab.create_function("count", duration=0.1)
    stream = lab.kinesis.create_stream("clicks")
    lab.create_event_source_mapping(stream, "count", starting_position="TRIM_HORIZON")
    stream.put_record("x", "key")
    lab.run(until="25h")
    lost = lab.trace.summary().set_index("name")["lost"]
    assert lost.isna()["clicks"]
    assert lost["clicks->count (records)"] == 0
