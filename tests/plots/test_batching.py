"""Batching: arrivals, batches, causes and sizes are those of the tables."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import lambdalab as ll
from lambdalab import plots, scenarios
from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.plots.palette import BATCH_CAUSES
from lambdalab.trace.schema import BatchCause
from tests.trace.mapped import poisoned


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


@pytest.fixture(scope="module")
def bisected():
    return poisoned(bisect_batch_on_function_error=True, maximum_retry_attempts=2)


def test_the_fill_of_a_bar_is_its_share_of_the_limit(heavy) -> None:
    ax = plots.batching(heavy)
    table = heavy.batches
    heights = []
    for artist in ax.collections:
        if str(artist.get_gid()).startswith("batch:"):
            for path in artist.get_paths():
                y = path.vertices[:4, 1]
                heights.append(float(y.max() - y.min()))
    outlines = [c for c in ax.collections if c.get_gid() == "limit"]
    whole = np.ptp(outlines[0].get_paths()[0].vertices[:4, 1])
    shares = np.minimum(table["size_bytes"] / (6 * 2**20), 1)
    assert sorted(h / whole for h in heights) == pytest.approx(sorted(shares))
    assert max(shares) > 0.99 > min(shares)


def test_a_lane_for_each_poller(lab, words_on, read_bars) -> None:
    lab.create_function("bill", duration=5.0, timeout=60)
    orders = lab.sqs.create_queue("orders", visibility_timeout=60)
    lab.create_event_source_mapping(orders, "bill", batch_size=2)
    lab.drive(orders, ll.Every(1.0), count=12)
    lab.run()
    pollers = sorted(set(lab.trace.batches["poller"]))
    assert len(pollers) > 2
    ax = plots.batching(lab.trace)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[1:] == [f"poller {number}" for number in pollers]
    runs = read_bars(ax, "run:")
    assert len(runs) == len(lab.trace.batches)
    rows = plots.batching(lab.trace, by="poller")
    assert {lane for lane, _, _ in read_bars(rows, "run:")} == {float(n) for n in pollers}


def test_what_came_of_a_failed_batch_is_tied_to_it(bisected, read_points, elapsed) -> None:
    ax = plots.batching(bisected)
    table = bisected.batches
    children = table[table["parent_batch_id"] != ""]
    over = dict(zip(table["batch_id"], elapsed(table["completed_at"]), strict=True))
    ties = read_points(ax, "ties")
    assert len(ties) == 3 * len(children) > 0
    begins = [over[parent] for parent in children["parent_batch_id"]]
    assert [x for x, _ in ties[0::3]] == pytest.approx(begins)
    assert [x for x, _ in ties[2::3]] == pytest.approx(elapsed(children["flushed_at"]))
    assert len(read_points(ax, "again:")) == len(children), "hollow marks"
    assert f"{len(children)} came of such" in ax.get_title(loc="left")


def test_no_text_of_one_row_lies_on_another(bisected) -> None:
    ax = plots.batching(bisected)
    ax.figure.canvas.draw()
    texts = [t for t in ax.texts if t.get_gid() == "records"]
    boxes = [t.get_window_extent() for t in texts]
    for number, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[number + 1 :])


def test_records_of_a_stream_arrive_when_they_were_put(bisected, read_points) -> None:
    ticks = sorted({round(x, 6) for x, _ in read_points(plots.batching(bisected), "arrivals")})
    assert ticks == pytest.approx([round(0.2 * n, 6) for n in range(30)])


def test_failures_are_crossed_out_among_many(words_on, read_points) -> None:
    trace = poisoned(until=4000)
    assert len(trace.batches) > 40
    ax = plots.batching(trace)
    failed = trace.batches[trace.batches["outcome"] == "failure"]
    crosses = read_points(ax, "failed")
    assert {y for _, y in crosses} == {float(n) for n in failed["records"]}
    assert f"{len(failed)} failed" in ax.get_title(loc="left")
    assert "failed or never run" in words_on(ax)


def test_each_lane_of_a_shard_has_its_name(words_on) -> None:
    trace = poisoned(shards=2, parallelization_factor=2, maximum_retry_attempts=0)
    text = words_on(plots.batching(trace, by="poller"))
    lanes = set(zip(trace.batches["shard"], trace.batches["poller"], strict=True))
    assert len(lanes) > 2
    for shard, lane in lanes:
        assert f"shard {int(shard[-1])} · lane {lane}" in text


def test_tumbling_windows_are_bands(altered, bisected) -> None:
    trace = altered(bisected, "batches", 0, "records", 0)
    trace._recorder.wired("mapping", "clicks->count", {"tumbling_window": 7})
    bands = [p for p in plots.batching(trace).patches if p.get_gid() == "tumbling"]
    ends = [p.get_x() + p.get_width() for p in bands]
    assert len(bands) >= 1
    since_1970 = trace.start.timestamp() + ends[0]
    assert since_1970 % 7 == 0, "windows end at whole multiples since 1970"
    assert trace.start.timestamp() % 7, "the lab does not begin at one"


def test_hundreds_of_pollers(lab, read_points) -> None:
    many = ll.Lab(seed=7, quotas={"mapping_pollers_start": 300})
    many.create_function("bill", duration=20.0, timeout=60)
    orders = many.sqs.create_queue("orders", visibility_timeout=60)
    many.create_event_source_mapping(orders, "bill", batch_size=1)
    many.drive(orders, ll.Every(0.05), count=400)
    many.run()
    ax = plots.batching(many.trace, by="poller")
    ax.figure.canvas.draw()
    marks = read_points(ax, "flushed")
    assert {y for _, y in marks} == set(many.trace.batches["poller"].astype(float))
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert 3 <= len(labels) <= 12
    assert len([*ax.lines, *ax.collections]) < 20


def test_another_height_is_refused(windowed) -> None:
    with pytest.raises(InvalidSetting, match="'size' or 'poller'"):
        plots.batching(windowed, by="shard")


def test_what_happens_at_zero_does_not_hide_behind_the_edge(read_points) -> None:
    lab = ll.Lab(seed=7)
    orders = lab.sqs.create_queue("orders")
    lab.create_function("bill", duration=1.0)
    lab.create_event_source_mapping(orders, "bill")
    lab.drive(orders, ll.Burst(30))
    lab.run()
    ax = plots.batching(lab.trace)
    low, high = ax.get_xlim()
    assert -0.02 * (high - low) < low < 0
    assert min(x for x, _ in read_points(ax, "arrivals") if x == x) == 0


def test_the_limit_on_sizes_is_that_of_the_books() -> None:
    lab = ll.Lab(seed=7, quotas={"mapping_payload": 100_000})
    lab.create_function("bill", duration=0.2)
    orders = lab.sqs.create_queue("orders")
    lab.create_event_source_mapping(orders, "bill", batch_size=100, maximum_batching_window=5)
    lab.drive(orders, ll.Every(0.1), count=40, payload="x" * 20_000)
    lab.run()
    assert (lab.trace.batches["cause"] == "payload_size").any()
    labels = [text.get_text() for text in plots.batching(lab.trace).get_legend().get_texts()]
    assert "outline: 98 KB; fill: the batch" in labels
