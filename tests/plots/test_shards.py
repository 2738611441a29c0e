"""Shards: points are ages of last records, bars the chains of failed batches and what ended them."""

from __future__ import annotations

import time

import matplotlib.pyplot as plt
import numpy as np
import pytest

import lambdalab as ll
from lambdalab import plots, scenarios
from lambdalab.errors import UnknownName
from tests.trace.mapped import poisoned


@pytest.fixture(scope="module")
def trace():
    return poisoned(bisect_batch_on_function_error=True, maximum_retry_attempts=2)


@pytest.fixture(scope="module")
def groups():
    """Four message groups, one of which has a message that always fails."""
    lab = ll.Lab(seed=7)
    orders = lab.sqs.create_queue(
        "orders.fifo", fifo=True, visibility_timeout=30, dead_letter_queue="dead.fifo",
        max_receive_count=3,
    )  # fmt: skip

    @lab.function(timeout=20)
    def bill(event, context):
        time.sleep(0.3)
        if any("poison" in record["body"] for record in event["Records"]):
            raise ValueError("poison")

    lab.create_event_source_mapping(orders, bill, batch_size=2)
    for number in range(40):
        body = "poison" if number == 9 else f"order {number}"
        orders.send(body, message_group_id=f"g{number % 4}", message_deduplication_id=str(number))
        lab.advance(1)
    lab.run()
    return lab.trace


def spans(ax, ending):
    """From when to when the bars of one ending reach."""
    found = []
    for artist in ax.collections:
        if artist.get_gid() == f"blocked:{ending}":
            for path in artist.get_paths():
                x = path.vertices[:, 0]
                found.append((float(np.nanmin(x)), float(np.nanmax(x))))
    return sorted(found)


# ---- streams


def test_points_are_the_ages_of_the_last_records(trace, read_points, elapsed) -> None:
    points = read_points(plots.shards(trace), "age:shard 0")
    events = trace.queue_events
    taken = events[(events["action"] == "received") & (events["kind"] == "stream")]
    expected = []
    for batch, at in zip(
        trace.batches["batch_id"], elapsed(trace.batches["flushed_at"]), strict=True
    ):
        expected.append((at, taken[taken["batch_id"] == batch]["age_ms"].iloc[-1] / 1000))
    assert points == [pytest.approx(point) for point in expected]


def test_a_changed_row_changes_the_picture(trace, altered, read_points) -> None:
    place = int(np.flatnonzero(trace.queue_events["action"] == "received")[-1])
    other = altered(trace, "queue_events", place, "age_us", 3_000_000)
    other._recorder.wiring = trace._recorder.wiring
    before, after = (read_points(plots.shards(t), "age:shard 0") for t in (trace, other))
    assert max(y for _, y in after) == pytest.approx(before[-1][1] + 3)


def test_what_blocked_the_shard_and_the_record_that_did_it(trace, words_on, elapsed) -> None:
    ax = plots.shards(trace)
    ((begin, end),) = spans(ax, "bisected")
    table = trace.batches
    first = table[table["outcome"] == "failure"].iloc[0]
    children = table[table["parent_batch_id"] != ""]
    assert begin == pytest.approx(elapsed(table["completed_at"])[int(first.name)])
    assert end == pytest.approx(max(elapsed(children["completed_at"])))
    events = trace.queue_events
    (poison,) = events.loc[events["action"] == "dropped", "event_id"]
    text = words_on(ax)
    number = int(poison.partition("-")[0])
    assert f"b4: 50 records, {len(children) + 1} batches · m{number} given up" in text
    assert "retries exhausted" in text
    assert "blocked once" in text
    assert "halves left only the bad ones" in text


def test_cuts_are_where_a_batch_has_two_children(trace, read_points, elapsed) -> None:
    table = trace.batches
    parents = table.loc[table["parent_batch_id"] != "", "parent_batch_id"].value_counts()
    cut = table["batch_id"].isin(parents[parents > 1].index)
    expected = [
        at for at, is_cut in zip(elapsed(table["completed_at"]), cut, strict=True) if is_cut
    ]
    assert [x for x, _ in read_points(plots.shards(trace), "cut")] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("settings", "ending", "why"),
    [
        ({"maximum_retry_attempts": 2}, "discarded", "50 records (m101 to m150) given up: retries"),
        ({"maximum_record_age": 60}, "discarded", "record age exceeded"),
        ({"until": 20}, "open", "b4: 50 records"),
    ],
)
def test_each_ending_has_its_look(settings, ending, why, words_on) -> None:
    ax = plots.shards(poisoned(**settings))
    assert len(spans(ax, ending)) == 1
    assert why in words_on(ax)


def test_a_try_that_succeeds_sets_the_shard_free(lab) -> None:
    clicks = lab.kinesis.create_stream("clicks", shard_count=1)
    lab.create_function("count", duration=0.2, failure_rate=0.4)
    lab.create_event_source_mapping(
        clicks, "count", starting_position="TRIM_HORIZON", batch_size=10, maximum_retry_attempts=3
    )
    for number in range(400):
        clicks.put_record(str(number), partition_key="k")
        lab.advance(0.1)
    lab.run()
    ax = plots.shards(lab.trace)
    assert spans(ax, "succeeded")
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_gid() == "blocks"]
    assert len(boxes) > 1
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])


def test_the_age_at_which_records_are_given_up(words_on) -> None:
    assert "maximum_record_age 60 s" in words_on(plots.shards(poisoned(maximum_record_age=60)))
    assert "maximum_record_age" not in words_on(plots.shards(poisoned(until=20)))


def test_lanes_have_lines_of_their_own(words_on, read_points) -> None:
    trace = poisoned(shards=2, maximum_retry_attempts=0)
    ax = plots.shards(trace)
    table = trace.batches
    for shard, name in (("shardId-000000000000", "shard 0"), ("shardId-000000000001", "shard 1")):
        assert len(read_points(ax, f"age:{name}")) == (table["shard"] == shard).sum()
        assert name in words_on(ax)


def test_many_lanes_are_one_line_of_the_oldest(read_points, words_on) -> None:
    trace = poisoned(shards=9, until=9)
    ax = plots.shards(trace)
    assert not read_points(ax, "age:shard")
    assert "the oldest of" in words_on(ax)
    events = trace.queue_events
    oldest = events.loc[(events["action"] == "received"), "age_ms"].max() / 1000
    assert max(y for _, y in read_points(ax, "age:all")) <= oldest


def test_minutes_where_it_takes_minutes() -> None:
    ax = plots.shards(poisoned(until=4000))
    assert ax.get_ylabel() == "iterator age (min)"
    assert np.ptp(ax.get_yticks()) >= 600


# ---- message groups


def test_points_are_the_messages_received(groups, read_points, elapsed) -> None:
    ax = plots.shards(groups)
    rows = groups.queue_events
    rows = rows[(rows["action"] == "received") & (rows["queue"] == "orders.fifo")]
    for group, own in rows.groupby("message_group", observed=True):
        expected = zip(elapsed(own["at"]), (own["age_ms"] / 1000).tolist(), strict=True)
        found = read_points(ax, f"age:{group}")
        assert found == [pytest.approx(point) for point in expected]


def test_a_failing_message_blocks_its_group(groups, words_on, elapsed) -> None:
    ax = plots.shards(groups)
    ((begin, end),) = spans(ax, "discarded")
    rows = groups.queue_events
    letter = rows[(rows["action"] == "dead_lettered") & (rows["queue"] == "orders.fifo")].iloc[0]
    batches = groups.batches
    failed = batches[batches["outcome"] == "failure"].iloc[0]
    assert begin == pytest.approx(elapsed(batches["completed_at"])[int(failed.name)])
    innocent = rows[
        (rows["message_group"] == letter["message_group"]) & (rows["at"] >= letter["at"])
    ]
    assert elapsed(rows["at"])[int(letter.name)] <= end <= max(elapsed(innocent["at"]))
    text = words_on(ax)
    assert "m10: received 3 times, dead letter (max receive count)" in text
    assert "1 of 4 groups blocked once" in text
    assert [t.get_text() for t in ax.texts if t.get_gid() == "rows"] == ["g1"]


# ---- edges


def test_empty_other_queues_and_unknown(empty, words_on) -> None:
    assert "Nothing that keeps an order" in words_on(plots.shards(empty))
    assert "Nothing that keeps an order" in words_on(plots.shards(scenarios.batching(seconds=5)))
    with pytest.raises(UnknownName):
        plots.shards(poisoned(until=9), mapping="click->count")


def test_one_record(lab, read_points) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=0.1)
    lab.create_event_source_mapping(clicks, "count", starting_position="TRIM_HORIZON")
    clicks.put_record("one", partition_key="k")
    lab.run(until=5)
    _, ax = plt.subplots()
    assert lab.trace.plot.shards(ax=ax) is ax
    assert len(read_points(ax, "age:shard 0")) == 1


def test_side_by_side_the_strips_stay_above_the_ages(trace) -> None:
    other = poisoned(maximum_retry_attempts=0)
    axes = plots.compare({"a": trace, "b": other}, plot="shards").axes
    for ax in axes:
        low, top = ax.spines["left"].get_bounds()
        assert low == 0
        assert top == pytest.approx(0.76 * ax.get_ylim()[1])
        assert max(ax.get_yticks()) <= top


def test_a_group_may_have_any_name() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=1)
    queue = lab.sqs.create_queue("q.fifo", content_based_deduplication=True)
    lab.create_event_source_mapping(queue, "f", batch_size=1)
    names = ["$\\frac$", "$a_b$", "a$b"]
    for name in names:
        queue.send(name, message_group_id=name)
    lab.run()
    ax = plots.shards(lab.trace)
    ax.figure.canvas.draw()
    assert {text.get_text() for text in ax.get_legend().get_texts()} == set(names)
    assert not any(text.get_parse_math() for text in ax.get_legend().get_texts())


def test_records_too_old_for_their_stream_set_it_free(elapsed) -> None:
    """The last try is over a while before: the shard stands still until the stream keeps it no longer."""
    trace = scenarios.shard()
    ((begin, end),) = spans(plots.shards(trace), "expired")
    failed = trace.batches[trace.batches["outcome"] == "failure"]
    assert begin == pytest.approx(elapsed(failed["completed_at"])[0])
    gone = trace.queue_events.query("action == 'expired' and receive_count > 0")
    assert end == pytest.approx(max(elapsed(gone["at"])))
    assert end > max(elapsed(trace.batches["completed_at"])) + 1
