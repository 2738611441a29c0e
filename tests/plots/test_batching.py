"""Batching: arrivals, batches, causes and sizes are those of the tables."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import lambdalab as ll
from lambdalab import plots, scenarios
from lambdalab.errors import UnknownName
from lambdalab.plots.palette import BATCH_CAUSES
from lambdalab.trace.schema import BatchCause


@pytest.fixture(scope="module")
def windowed():
    return scenarios.batching(rate=3, window=5, seconds=30)


@pytest.fixture(scope="module")
def heavy():
    return scenarios.batching(
        rate=35, record_size=100 * 1024, batch_size=10_000, window=20, seconds=8
    )


def test_each_batch_is_a_bar_from_first_record_to_hand_over(windowed, read_bars, elapsed) -> None:
    ax = plots.batching(windowed)
    for cause, table in windowed.batches.groupby("cause", observed=True):
        drawn = sorted((a, b) for _, a, b in read_bars(ax, f"batch:{cause}"))
        rows = zip(elapsed(table["opened_at"]), elapsed(table["flushed_at"]), strict=True)
        assert drawn == [pytest.approx(row) for row in sorted(rows)]


def test_a_changed_row_changes_the_picture(windowed, altered, read_bars) -> None:
    other = altered(windowed, "batches", 2, "flushed_at", 300_000)
    assert read_bars(plots.batching(windowed), "batch") != read_bars(plots.batching(other), "batch")
    recounted = altered(windowed, "batches", 2, "records", 1)
    texts = [{t.get_text() for t in plots.batching(t_).texts} for t_ in (windowed, recounted)]
    assert texts[0] != texts[1]


def test_each_message_is_a_tick(windowed, read_points, elapsed) -> None:
    events = windowed.queue_events
    sent = elapsed(events[events["action"] == "sent"]["at"])
    ticks = sorted({x for x, _ in read_points(plots.batching(windowed), "arrivals")})
    assert ticks == pytest.approx(sorted(set(sent)))


def test_its_name_and_its_records_stand_beside_a_batch(windowed) -> None:
    texts = [t.get_text() for t in plots.batching(windowed).texts if t.get_gid() == "records"]
    table = windowed.batches
    names = [f"b{int(batch[:8])}" for batch in table["batch_id"]]
    assert texts == [f"{name} · {n}" for name, n in zip(names, table["records"], strict=True)]


def test_windows_are_marked_where_they_begin(windowed, read_points, elapsed) -> None:
    marks = [x for x, _ in read_points(plots.batching(windowed), "windows")]
    assert marks == pytest.approx(elapsed(windowed.batches["window_opened_at"]))


def test_bars_do_not_overlap(windowed, read_bars) -> None:
    lanes: dict[float, list] = {}
    for lane, start, end in read_bars(plots.batching(windowed), "batch"):
        lanes.setdefault(lane, []).append((start, end))
    for spans in lanes.values():
        spans.sort()
        assert all(b[0] > a[1] for a, b in pairwise(spans))


def test_the_payload_limit_is_told_where_it_matters(heavy, windowed, words_on) -> None:
    text = words_on(plots.batching(heavy))
    assert "b1 · 61 (5.99 MB)" in text
    assert "at the size limit" in text
    assert "MB" not in words_on(plots.batching(windowed))
    many = plots.batching(heavy, each=False)
    assert many.get_ylabel() == "size of the batch (MB)"
    assert "payload limit 6.00 MB" in words_on(many)


def test_causes_have_colour_and_hatch(windowed, words_on) -> None:
    assert set(BATCH_CAUSES) == set(BatchCause.names)
    looks = BATCH_CAUSES.values()
    assert len({(look.colour, look.hatch) for look in looks}) == len(BATCH_CAUSES)
    assert len({look.marker for look in looks}) == len(BATCH_CAUSES)
    ax = plots.batching(windowed)
    drawn = {c.get_gid(): c for c in ax.collections}
    assert drawn["batch:batch_size"].get_hatch() == BATCH_CAUSES["batch_size"].hatch
    for cause in windowed.batches["cause"].unique():
        assert BATCH_CAUSES[cause].label in words_on(ax)


def test_many_batches_are_as_high_as_they_are_large(read_points, elapsed) -> None:
    trace = scenarios.batching(rate=3, window=0, seconds=60)
    ax = plots.batching(trace)
    assert ax.get_ylabel() == "records in the batch"
    points = read_points(ax, "flushed")
    assert {y for _, y in points} == set(trace.batches["records"].astype(float))
    at = np.array(elapsed(trace.batches["flushed_at"]))
    records = trace.batches["records"].to_numpy()
    for x, y in points:
        assert (np.isclose(at, x) & (records == y)).any(), "each point is a batch"
    for moment, number in zip(at, records, strict=True):
        assert any(abs(x - moment) < 0.05 and y == number for x, y in points), (
            "and none is left out"
        )
    assert f"{len(trace.batches)} batches" in ax.get_title(loc="left")


@pytest.mark.parametrize("height", [None, 50])
def test_arrivals_stand_above_the_axis_of_sizes(height) -> None:
    ax = plots.batching(scenarios.batching(rate=20, window=0, seconds=30))
    if height:
        ax.set_ylim(0, height)
    end, top = ax.spines["left"].get_bounds()[1], ax.get_ylim()[1]
    assert max(ax.get_yticks()) <= end < top
    (band,) = (c for c in ax.collections if c.get_gid() == "arrival rate")
    foot = band.get_paths()[0].vertices[:, 1].min()
    assert end / top < foot, "its foot is a share of the height"


def test_batches_that_are_marks_are_marks_in_the_legend() -> None:
    ax = plots.batching(scenarios.batching(rate=0.5, window=0, seconds=20))
    (mark, *_) = ax.get_legend().legend_handles
    assert mark.get_marker() == BATCH_CAUSES["no_window"].marker


def test_the_mapping_can_be_named(windowed) -> None:
    assert plots.batching(windowed, mapping="orders->bill")
    with pytest.raises(UnknownName, match="orders->bill"):
        plots.batching(windowed, mapping="order->bill")


def test_failed_batches_say_so(words_on) -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=0.1, failure_rate=1.0)
    orders = lab.sqs.create_queue("orders", dead_letter_queue="gone", max_receive_count=1)
    lab.create_event_source_mapping(orders, "bill")
    orders.send("one")
    lab.run()
    assert "b1 · 1 failure" in words_on(plots.batching(lab.trace))


def test_empty_and_one(empty, words_on, read_bars) -> None:
    assert "No batch in this trace" in words_on(plots.batching(empty))
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=0.1)
    orders = lab.sqs.create_queue("orders")
    lab.create_event_source_mapping(orders, "bill")
    orders.send("one")
    lab.run()
    assert len(read_bars(plots.batching(lab.trace), "batch")) == 1
