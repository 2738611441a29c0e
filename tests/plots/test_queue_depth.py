"""Queue depth: the steps are the depths of the table; dead letters are marked; ages are right."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes

import lambdalab as ll
from lambdalab import plots, scenarios
from lambdalab.errors import UnknownName


@pytest.fixture(scope="module")
def trace():
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=2.0, failure_rate=0.6)
    orders = lab.sqs.create_queue(
        "orders", visibility_timeout=30, dead_letter_queue="orders-dlq", max_receive_count=2
    )
    lab.create_event_source_mapping(orders, "bill")
    lab.drive(orders, ll.Poisson(rate=8), duration=20)
    lab.run()
    return lab.trace


def top_of(ax: Axes, at: float) -> float:
    """The height of the topmost area just after a moment."""
    top = 0.0
    for artist in ax.collections:
        if str(artist.get_gid()).startswith("depth:"):
            (path,) = artist.get_paths()
            x, y = path.vertices[:, 0], path.vertices[:, 1]
            around = [
                k for k in range(len(x) - 1) if min(x[k], x[k + 1]) <= at <= max(x[k], x[k + 1])
            ]
            heights = [max(y[k], y[k + 1]) for k in around if x[k] != x[k + 1]]
            top = max(top, *heights, 0.0)
    return top


def of_queue(trace, name):
    return trace.queue_events[trace.queue_events["queue"] == name]


def test_the_steps_are_the_depths_of_the_table(trace, elapsed) -> None:
    ax = plots.queue_depth(trace, queue="orders")
    rows = of_queue(trace, "orders")
    at, depth = np.array(elapsed(rows["at"])), rows["depth"].to_numpy()
    last = np.flatnonzero(np.append(at[1:] != at[:-1], True))
    for place in last[:-1:7]:
        between = (at[place] + at[place + 1]) / 2
        assert top_of(ax, between) == depth[place]


def test_a_changed_row_changes_the_picture(trace, altered) -> None:
    rows = trace.queue_events
    place = int(np.flatnonzero((rows["queue"] == "orders") & (rows["action"] == "sent"))[20])
    after = place
    while rows["at"].iloc[after + 1] == rows["at"].iloc[place]:
        after += 1
    other = altered(trace, "queue_events", after, "depth", 40)
    at = (rows["at"].iloc[after] - rows["at"].iloc[0]).total_seconds()
    start = (rows["at"].iloc[0] - rows["at"].iloc[0].normalize()).total_seconds()
    now = start + at + 1e-5
    assert top_of(plots.queue_depth(other, queue="orders"), now) == (
        top_of(plots.queue_depth(trace, queue="orders"), now) + 40
    )


def test_dead_letters_are_marked_and_counted(trace, read_points, elapsed) -> None:
    ax = plots.queue_depth(trace, queue="orders")
    rows = of_queue(trace, "orders")
    letters = elapsed(rows[rows["action"] == "dead_lettered"]["at"])
    marks = [x for x, _ in read_points(ax, "dead_lettered")]
    assert marks
    assert np.isclose(np.array(marks)[:, None], letters).any(axis=1).all()
    assert f"{len(letters)} dead letters" in ax.get_title(loc="left")


def test_units_labels_and_whole_numbers(trace, words_on) -> None:
    ax = plots.queue_depth(trace, queue="orders")
    ax.figure.canvas.draw()
    text = words_on(ax)
    for part in (
        "messages in the queue",
        "virtual time (s)",
        "received, not yet deleted",
        "dead letter",
    ):
        assert part in text
    assert all(float(tick).is_integer() for tick in ax.get_yticks())


def test_the_age_of_the_oldest(lab) -> None:
    lab.create_function("bill", duration=2.0)
    orders = lab.sqs.create_queue("orders")
    lab.create_event_source_mapping(orders, "bill", batch_size=1)
    orders.send("a")
    lab.advance(1)
    orders.send("b")
    lab.run()
    ax = plots.queue_depth(lab.trace, queue="orders", age=True)
    (right,) = (other for other in ax.figure.axes if other is not ax)
    (line,) = (line for line in right.lines if line.get_gid() == "oldest")
    rows = of_queue(lab.trace, "orders")
    gone = rows[rows["action"] == "deleted"]
    assert np.nanmax(line.get_ydata()) == pytest.approx(gone["age_ms"].max() / 1000)
    # b becomes the oldest when a has gone, and is younger by the second between them
    x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert y[3] == pytest.approx(x[3] - 1.0)
    assert "age of the oldest (s)" in right.get_ylabel()


def test_the_age_is_there_unless_it_is_not_wanted(trace, words_on) -> None:
    with_age, without = plots.queue_depth(trace), plots.queue_depth(trace, age=False)
    assert "age of the oldest message (right)" in words_on(with_age)
    assert len(with_age.figure.axes) == 2
    assert "age of the oldest" not in words_on(without)
    assert len(without.figure.axes) == 1


def test_the_busiest_queue_unless_one_is_named(trace) -> None:
    assert plots.queue_depth(trace).get_title(loc="left").startswith("orders:")
    assert (
        plots.queue_depth(trace, queue="orders-dlq").get_title(loc="left").startswith("orders-dlq:")
    )
    with pytest.raises(UnknownName, match="did you mean 'orders'"):
        plots.queue_depth(trace, queue="order")


def test_lambdas_own_queue(read_points) -> None:
    trace = scenarios.backoff()
    ax = plots.queue_depth(trace, queue="report (events)")
    assert [y for _, y in read_points(ax, "dead_lettered")] == [1.0]
    assert ax.get_ylabel() == "events in the queue"
    assert "at most 1 event at once" in ax.get_title(loc="left")
    lost = plots.queue_depth(scenarios.backoff(dead_letter_queue=False))
    assert len(read_points(lost, "dropped")) == 1, "what nobody keeps is marked too"


def test_empty_and_one(empty, words_on, lab) -> None:
    assert "No queue in this trace" in words_on(plots.queue_depth(empty))
    lab.sqs.create_queue("orders").send("one")
    assert "at most 1 message at once, 1 at the end" in words_on(plots.queue_depth(lab.trace))


def test_a_stream_keeps_what_was_read(lab, words_on) -> None:
    clicks = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=0.1)
    lab.create_event_source_mapping(clicks, "count", starting_position="LATEST")
    lab.drive(clicks, ll.Every(0.1), count=20)
    lab.run()
    ax = plots.queue_depth(lab.trace, queue="clicks")
    assert "kept in the stream, read or not" in words_on(ax)
    assert "waiting to be received" not in words_on(ax), "nobody knows that of a stream"
    assert ax.get_ylabel() == "records in the stream"
    read = plots.queue_depth(lab.trace, queue="clicks->count (records)")
    assert "0 at the end" in words_on(read)
    assert read.get_ylabel() == "records in the queue"
