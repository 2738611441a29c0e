import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.trace import Recorder, Trace
from lambdalab.trace.summary import COLUMNS, most_at_once, percentile
from tests.trace.histories import World


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
    for name, row in figures[figures.kind != "function"].iterrows():
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
