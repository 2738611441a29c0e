"""Iterator age: points are ages of last records, bars the chains of failed batches."""

from __future__ import annotations

import numpy as np
import pytest

from lambdalab import plots, scenarios
from lambdalab.errors import UnknownName
from tests.trace.mapped import poisoned


@pytest.fixture(scope="module")
def trace():
    return poisoned(bisect_batch_on_function_error=True, maximum_retry_attempts=2)


def test_points_are_the_ages_of_the_last_records(trace, read_points, elapsed) -> None:
    points = read_points(plots.iterator_age(trace), "age:shard 0")
    events = trace.queue_events
    taken = events[(events["action"] == "received") & (events["kind"] == "stream")]
    expected = []
    for batch, at in zip(
        trace.batches["batch_id"], elapsed(trace.batches["flushed_at"]), strict=True
    ):
        expected.append((at, taken[taken["batch_id"] == batch]["age_ms"].iloc[-1] / 1000))
    assert points == [pytest.approx(point) for point in expected]


def test_what_blocked_the_shard(trace, words_on, read_points, elapsed) -> None:
    ax = plots.iterator_age(trace)
    (bar,) = (c for c in ax.collections if c.get_gid() == "blocked")
    x = bar.get_paths()[0].vertices[:, 0]
    table = trace.batches
    first = table[table["outcome"] == "failure"].iloc[0]
    children = table[table["parent_batch_id"] != ""]
    assert x.min() == pytest.approx(elapsed(table["completed_at"])[int(first.name)])
    assert x.max() == pytest.approx(max(elapsed(children["completed_at"])))
    text = words_on(ax)
    assert f"b4: 50 records, {len(children) + 1} batches" in text
    assert "blocked once" in text
    oldest = plots.words.duration(max(y for _, y in read_points(ax, "age:shard 0")))
    assert f"iterator age up to {oldest}; " in text, "that of the last record, not of the oldest"


def test_the_age_at_which_records_are_given_up(words_on) -> None:
    text = words_on(plots.iterator_age(poisoned(maximum_record_age=60, until=300)))
    assert "maximum_record_age 60 s" in text
    assert "maximum_record_age" not in words_on(plots.iterator_age(poisoned(until=20)))


def test_lanes_have_lines_of_their_own(words_on, read_points) -> None:
    trace = poisoned(shards=2, maximum_retry_attempts=0)
    ax = plots.iterator_age(trace)
    table = trace.batches
    for shard, name in (("shardId-000000000000", "shard 0"), ("shardId-000000000001", "shard 1")):
        assert len(read_points(ax, f"age:{name}")) == (table["shard"] == shard).sum()
        assert name in words_on(ax)


def test_names_of_blocks_do_not_overlap(lab) -> None:
    clicks = lab.kinesis.create_stream("clicks", shard_count=1)
    lab.create_function("count", duration=0.2, failure_rate=0.4)
    lab.create_event_source_mapping(
        clicks, "count", starting_position="TRIM_HORIZON", batch_size=10, maximum_retry_attempts=3
    )
    for number in range(400):
        clicks.put_record(str(number), partition_key="k")
        lab.advance(0.1)
    lab.run()
    ax = plots.iterator_age(lab.trace)
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_gid() == "blocks"]
    assert len(boxes) > 1
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])


def test_minutes_where_it_takes_minutes(words_on) -> None:
    ax = plots.iterator_age(poisoned(until=4000))
    assert ax.get_ylabel() == "iterator age (min)"
    assert np.ptp(ax.get_yticks()) >= 600


def test_empty_queues_and_unknown(empty, words_on) -> None:
    assert "No batch of a stream" in words_on(plots.iterator_age(empty))
    assert "No batch of a stream" in words_on(plots.iterator_age(scenarios.batching(seconds=5)))
    with pytest.raises(UnknownName):
        plots.iterator_age(poisoned(until=9), mapping="click->count")
