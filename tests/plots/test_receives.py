"""Receives: at each moment the pile has every message once, in the state that the table tells of."""

from __future__ import annotations

import time

import numpy as np
import pytest

import lambdalab as ll
from lambdalab import plots
from lambdalab.errors import UnknownName
from tests.trace.mapped import poisoned, trap


@pytest.fixture(scope="module")
def trace():
    return trap(duration=29.0)


def thickness(ax, label: str, at: float) -> float:
    """How thick the area of this look is just after a moment."""
    for artist in ax.collections:
        if artist.get_gid() == f"messages:{label}":
            path = artist.get_paths()[0]
            x, y = path.vertices[:, 0], path.vertices[:, 1]
            steps = [k for k in range(len(x) - 1) if x[k] != x[k + 1]]
            here = [y[k] for k in steps if min(x[k], x[k + 1]) <= at < max(x[k], x[k + 1])]
            return max(here) - min(here) if here else 0.0
    return 0.0


def states(trace, until: float, elapsed) -> dict[str, int]:
    """What the table tells of the messages of "orders" up to a moment."""
    rows = trace.queue_events[trace.queue_events["queue"] == "orders"]
    rows = rows[np.array(elapsed(rows["at"])) <= until]
    last = rows.groupby("event_id").last()
    open_ = last[~last["action"].isin(["deleted", "dead_lettered"])]
    counts = open_["receive_count"].value_counts()
    named = {0: "never received", 1: "received once", 2: "received twice", 3: "received 3 times"}
    found = {f"in the queue, {text}": int(counts.get(n, 0)) for n, text in named.items()}
    found["dealt with"] = int((last["action"] == "deleted").sum())
    found["dead letter: no run of it failed"] = int((last["action"] == "dead_lettered").sum())
    return found


@pytest.mark.parametrize("share", [0.1, 0.35, 0.6, 0.85, 1.0])
def test_each_message_is_in_the_pile_once(trace, elapsed, share) -> None:
    ax = plots.receives(trace, queue="orders")
    at = share * max(elapsed(trace.queue_events["at"])) - 0.5
    expected = states(trace, at, elapsed)
    assert sum(expected.values()) == 300
    drawn = {name: thickness(ax, name, at) for name in expected}
    assert drawn == expected


def test_healthy_dead_letters_are_told(trace, words_on) -> None:
    text = words_on(plots.receives(trace))
    rows = trace.queue_events
    dead = int(((rows["queue"] == "orders") & (rows["action"] == "dead_lettered")).sum())
    assert dead > 0
    assert f"{dead} dead letters, all though no run failed" in text
    assert "reserved concurrency 2" in text
    assert "runs of the function (up to 2)" in text
    assert "batches held by pollers (up to " in text


def test_a_dead_letter_whose_run_failed_is_no_healthy_one(lab, words_on) -> None:
    lab.create_function("bill", duration=0.1, failure_rate=1.0)
    orders = lab.sqs.create_queue("orders", dead_letter_queue="gone", max_receive_count=2)
    lab.create_event_source_mapping(orders, "bill")
    orders.send("one")
    lab.run()
    text = words_on(plots.receives(lab.trace, queue="orders"))
    assert "0 of 1 message dealt with, 1 dead letter\n" in text + "\n"
    assert "a run of it failed" in text
    assert "no run" not in text


def test_records_of_a_stream_too(words_on) -> None:
    text = words_on(plots.receives(poisoned(maximum_retry_attempts=4)))
    assert "received 3 times or more" in text
    assert "clicks->count (records): " in text
    assert "lost" in text


def test_a_streams_name_stands_for_what_was_read_of_it(words_on) -> None:
    lab = ll.Lab(seed=7)
    clicks = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=0.1)
    clicks.put_record("1", partition_key="k")
    unread = words_on(plots.receives(lab.trace, queue="clicks"))
    assert "clicks: 0 of 1 record dealt with" in unread, "nobody reads it"
    lab.create_event_source_mapping(clicks, "count", starting_position="TRIM_HORIZON")
    lab.run()
    text = words_on(plots.receives(lab.trace, queue="clicks"))
    assert "clicks->count (records): 1 of 1 record dealt with" in text


def test_thousands_are_read_with_their_comma(words_on) -> None:
    lab = ll.Lab(seed=7)
    orders = lab.sqs.create_queue("orders")
    lab.drive(orders, ll.Burst(2_000))
    lab.run()
    ax = plots.receives(lab.trace)
    ax.figure.canvas.draw()
    assert "2,000" in [tick.get_text() for tick in ax.get_yticklabels()]


def test_a_record_whose_failure_went_to_a_destination_is_told_once(words_on) -> None:
    lab = ll.Lab(seed=7)
    gone = lab.sqs.create_queue("gone")
    clicks = lab.kinesis.create_stream("clicks", shard_count=1)
    lab.create_function("count", duration=0.1, failure_rate=1.0)
    lab.create_event_source_mapping(
        clicks, "count", starting_position="TRIM_HORIZON", maximum_retry_attempts=0, on_failure=gone
    )
    clicks.put_record("1", partition_key="k")
    lab.run()
    ax = plots.receives(lab.trace)
    assert "0 of 1 record dealt with, 1 lost" in words_on(ax)
    (lost,) = (c for c in ax.collections if "lost" in str(c.get_gid()))
    assert lost.get_paths()[0].vertices[:, 1].max() == 1


def test_empty_one_and_unknown(empty, words_on, lab) -> None:
    assert "No message" in words_on(plots.receives(empty))
    lab.sqs.create_queue("orders").send("one")
    assert "orders: 0 of 1 message dealt with" in words_on(plots.receives(lab.trace))
    with pytest.raises(UnknownName, match="did you mean 'orders'"):
        plots.receives(lab.trace, queue="order")


def test_two_thousand_messages_are_drawn_at_once() -> None:
    trace = trap(2000)
    began = time.process_time()
    plots.receives(trace).figure.canvas.draw()
    assert time.process_time() - began < 2


def test_who_died_before_its_run_failed_is_one_of_the_failed(lab, words_on) -> None:
    """The visibility timeout brings messages back while their first run is at work, which then fails."""
    lab.create_function("slow", duration=20, timeout=30, failure_rate=1.0)
    orders = lab.sqs.create_queue(
        "orders", visibility_timeout=30, dead_letter_queue="dead", max_receive_count=1
    )
    lab.create_event_source_mapping(orders, "slow")
    orders.update(visibility_timeout=5)
    orders.send_batch(range(10))
    lab.run()
    rows = lab.trace.queue_events.query("queue == 'orders' and action == 'returned'")
    assert set(rows["cause"].astype(str)) == {"visibility_timeout"}
    ax = plots.receives(lab.trace, queue="orders")
    end = float(ax.get_xlim()[1]) - 0.01
    assert thickness(ax, "dead letter: a run of it failed", end) == 10
    assert "though no run failed" not in words_on(ax)
