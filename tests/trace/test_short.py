import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.trace import Recorder, Trace
from lambdalab.trace.short import fit
from lambdalab.trace.tables import TABLES
from tests.trace.histories import World
from tests.trace.mapped import poisoned, trap


@pytest.fixture(scope="module")
def trace() -> Trace:
    return Trace(World(3, calls=40, events=30, messages=30, failures=0.5).run())


def width(table: pd.DataFrame) -> int:
    return max(map(len, table.to_string().split("\n")))


@pytest.mark.parametrize("table", TABLES)
def test_a_view_has_at_most_nine_columns_and_a_hundred_characters(trace: Trace, table: str) -> None:
    view = getattr(trace.short, table)
    assert len(view) == len(getattr(trace, table))
    assert len(view.columns) <= 9
    assert width(view) <= 100
    assert list(getattr(Trace(Recorder()).short, table).columns) == list(view.columns)


@pytest.mark.parametrize("table", TABLES)
def test_a_view_prints_the_same_every_time(table: str) -> None:
    prints = {getattr(Trace(World(4).run()).short, table).to_string() for _ in range(2)}
    assert len(prints) == 1
    assert not re.search(r"\d\.\d{4,}", prints.pop())


def test_views_speak_of_seconds_and_short_ids(trace: Trace) -> None:
    calls = trace.short.invocations
    assert list(calls.request[:2]) == ["r1", "r2"]
    assert calls.t_s.tolist() == sorted(calls.t_s)
    assert set(calls.type) == {"sync", "async"}
    assert set(calls["from"].str.extract(r"^(b\d+|client)$")[0].notna()) == {True}
    assert trace.short.queue_events.event.str.match(r"[rm]\d+$").all()
    assert trace.short.retries.event.str.match(r"[rm]\d+$").all()
    assert trace.short.batches.batch.tolist()[:2] == ["b1", "b2"]
    assert trace.short.environments.env.tolist()[:2] == ["e1", "e2"]
    assert set(trace.short.attempts.outcome) == {"success", "KeyError"}


def test_log_lines_name_requests_in_short(trace: Trace) -> None:
    lines = trace.short.logs
    starts = lines[lines.message.str.startswith("START")]
    for request, message in zip(starts.request, starts.message, strict=True):
        assert message.startswith(f"START RequestId: {request} ")


names = st.lists(st.text("abcdefgh", max_size=90), min_size=1, max_size=4)


@given(names, names, st.integers(0, 10**9), st.sampled_from([0.0, 0.125, 86400.5, 1e6]))
def test_names_are_cut_only_as_far_as_needed(
    left: list[str], right: list[str], number: int, time: float
) -> None:
    count = min(len(left), len(right))
    columns = {
        "t_s": pd.Series([time] * count).to_numpy(),
        "function": left[:count],
        "count": pd.Series([number] * count).to_numpy(),
        "queue": right[:count],
        "cause": ["retry_after_service_error"] * count,
    }
    whole = pd.DataFrame(columns)
    view = fit(dict(columns), ["function", "queue"])
    assert width(view) <= 100
    if width(whole) <= 100:
        assert view["function"].tolist() == left[:count]
        assert view["queue"].tolist() == right[:count]


@pytest.mark.parametrize("table", TABLES)
def test_a_view_prints_whole_lines(trace: Trace, table: str) -> None:
    view = getattr(trace.short, table)
    with pd.option_context("display.width", 20, "display.max_columns", 3):
        part, long = repr(view.head(5)), repr(pd.concat([view] * 100))
        assert part == view.head(5).to_string()
        assert long.endswith(f"[{len(view) * 100} rows x {len(view.columns)} columns]")
        assert len(long.split("\n")) < 20
        assert max(map(len, long.split("\n"))) <= 110  # "..." and longer numbers in front
        assert repr(trace.invocations) == repr(pd.DataFrame(trace.invocations))
    pd.testing.assert_frame_equal(pd.DataFrame(view), view, check_frame_type=False)
    assert view._repr_html_() == pd.DataFrame(view)._repr_html_()


def test_what_a_view_is_made_wider_to_prints_as_any_table(trace: Trace) -> None:
    wide = trace.short.invocations.assign(more=1)
    assert repr(wide) == repr(pd.DataFrame(wide))


def test_the_views_list_themselves(trace: Trace) -> None:
    assert "queue_events" in repr(trace.short)


def test_a_batch_names_its_poller_or_its_shard() -> None:
    trace = poisoned(shards=2, parallelization_factor=2, bisect_batch_on_function_error=True,
                     maximum_retry_attempts=0)  # fmt: skip
    view, full = trace.short.batches, trace.batches
    for told, shard, lane in zip(view.poller, full.shard, full.poller, strict=True):
        assert told == f"s{int(shard[-1])}.{lane}"
    assert width(view) <= 100
    assert len(view.columns) <= 9
    parts = full.parent_batch_id != ""
    assert parts.any()
    assert view.gathering_s[parts.to_numpy()].isna().all()
    assert set(poisoned(until=9).short.batches.poller) == {"s0"}
    assert set(trap().short.batches.poller) == {"1", "2", "3", "4", "5"}


@pytest.mark.parametrize("table", TABLES)
def test_views_of_streams_are_as_narrow(table: str) -> None:
    trace = poisoned(shards=2, parallelization_factor=3, maximum_retry_attempts=0)
    assert width(getattr(trace.short, table)) <= 100
