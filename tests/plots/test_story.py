"""The picture of a story: its numbers are the sentences, its spans the tables."""

from __future__ import annotations

import time

import matplotlib.pyplot as plt
import numpy as np
import pytest

import lambdalab as ll
from lambdalab import plots, scenarios
from lambdalab.errors import UnknownName
from lambdalab.plots.places import most_telling
from lambdalab.plots.story import grouped
from tests.trace.mapped import poisoned


@pytest.fixture(scope="module")
def failing():
    """An event that fails three times and becomes a dead letter."""
    lab = ll.Lab(seed=7)

    @lab.function(dead_letter_queue="failed")
    def notify(event, context):
        time.sleep(1)
        raise KeyError("customer")

    lab.invoke(notify, {"order": 1}, invocation_type="Event")
    lab.run()
    return lab.trace


@pytest.fixture(scope="module")
def queue():
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=2.0, failure_rate=0.6)
    orders = lab.sqs.create_queue(
        "orders", visibility_timeout=30, dead_letter_queue="dead", max_receive_count=2
    )
    lab.create_event_source_mapping(orders, "bill", maximum_batching_window=1, batch_size=20)
    lab.drive(orders, ll.Poisson(rate=3), duration=10)
    lab.run()
    return lab.trace


def texts(ax, gid):
    return [text.get_text() for text in ax.texts if text.get_gid() == gid]


def lanes(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


ids = ["r1", "m1"]


@pytest.mark.parametrize("name", ids)
def test_the_numbers_are_the_sentences_of_the_story(failing, name, read_points) -> None:
    told = failing.story(name)
    ax = plots.story(failing, name)
    assert ax.get_title(loc="left") == told.title
    assert [x for x, _ in read_points(ax, "events")] == [at for at, _ in told.lines]
    (written,) = texts(ax, "sentences")
    lines = written.split("\n")
    assert len(lines) == len(told.lines)
    for number, (line, (at, sentence)) in enumerate(zip(lines, told.lines, strict=True), start=1):
        assert line.strip().startswith(f"{number}.  {at:,.3f} s  {sentence[:60]}")


def test_numbers_tell_every_sentence_once(failing) -> None:
    ax = plots.story(failing)
    found: list[int] = []
    for text in texts(ax, "numbers"):
        first, _, last = text.partition("–")
        found += range(int(first), int(last or first) + 1)
    assert found == list(range(1, len(failing.story("r1").lines) + 1))


def test_spans_are_the_attempts_and_the_waits(failing, read_bars, elapsed) -> None:
    ax = plots.story(failing, "r1")
    table = failing.attempts
    begun = np.array(elapsed(table["started_at"])) + (table.setup_ms + table.init_ms) / 1000
    bars = read_bars(ax, "span:error")
    assert [start for _, start, _ in bars] == pytest.approx(begun.tolist())
    assert [end for _, _, end in bars] == pytest.approx(elapsed(table["ended_at"]))
    ((_, start, end),) = read_bars(ax, "span:init")
    assert [start, end] == pytest.approx([elapsed(table["started_at"])[0], begun[0]])
    waits = read_bars(ax, "span:hidden")
    retries = failing.retries
    assert [start for _, start, _ in waits] == pytest.approx(elapsed(retries["at"]))
    assert [e - s for _, s, e in waits] == pytest.approx((retries["waited_ms"] / 1000).tolist())
    assert lanes(ax) == ["what happened", "caller client", "Lambda's queue", "notify e1", "failed"]
    assert {lane for lane, _, _ in waits} == {2.0}


def test_text_and_picture_agree_on_lengths(failing, words_on) -> None:
    text = words_on(plots.story(failing, "r1"))
    (written,) = texts(plots.story(failing, "r1"), "sentences")
    for line in written.split("\n"):
        if "waits" in line:
            length = line.partition("waits ")[2].partition(" for")[0]
            assert f"waits {length} (function error)" in text


def test_a_changed_row_changes_the_picture(failing, altered, read_bars) -> None:
    other = altered(failing, "attempts", 1, "ended_at", 5_000_000)
    assert read_bars(plots.story(other, "r1"), "span:error") != read_bars(
        plots.story(failing, "r1"), "span:error"
    )


def test_a_message_on_its_way(queue, read_bars, read_points, elapsed) -> None:
    rows = queue.queue_events
    letter = rows.loc[rows["action"] == "dead_lettered", "event_id"].iloc[0]
    number = int(letter.partition("-")[0])
    ax = plots.story(queue, f"m{number}")
    assert {"orders", "dead", "orders->bill", "bill e1"} <= set(lanes(ax))
    own = rows[(rows["event_id"] == letter) & (rows["queue"] == "orders")]
    at, actions = elapsed(own["at"]), own["action"].tolist()
    received = [(at[n], at[n + 1]) for n, action in enumerate(actions) if action == "received"]
    assert [(s, e) for _, s, e in read_bars(ax, "span:received")] == [
        pytest.approx(span) for span in received
    ]
    assert len(read_bars(ax, "span:batch")) == 2
    waited = {s for lane, s, _ in read_bars(ax, "span:queued") if lane == 1}
    waited |= {x for x, lane in read_points(ax, "point:queued") if lane == 1}
    again = [at[n] for n, action in enumerate(actions) if action in ("sent", "returned")]
    assert sorted(waited) == pytest.approx(sorted(set(again)))


def test_a_batch_an_environment_and_an_attempt(queue, read_bars, elapsed) -> None:
    table = queue.batches
    ax = plots.story(queue, "b1")
    ((_, start, end),) = read_bars(ax, "span:batch")
    assert [start, end] == pytest.approx(
        [elapsed(table["flushed_at"])[0], elapsed(table["completed_at"])[0]]
    )
    ((_, start, end),) = read_bars(ax, "span:gathers")
    assert start == pytest.approx(elapsed(table["opened_at"])[0])
    assert lanes(plots.story(queue, "e1")) == ["what happened", "alive", "bill e1"]
    assert plots.story(queue, "a1").get_title(loc="left") == queue.story("a1").title


def test_what_it_called_and_who_asked(lab) -> None:
    @lab.function
    def inner(event, context):
        time.sleep(0.2)

    @lab.function
    def outer(event, context):
        lab.invoke("inner", {})

    api = lab.api_gateway.create_rest_api("shop")
    api.route("GET", "/orders", outer)
    api.get("/orders")
    ax = plots.story(lab.trace, "r1")
    assert "inner r2" in lanes(ax)
    assert any(lane.startswith("caller ") for lane in lanes(ax))


def test_every_story_of_a_stream_can_be_drawn() -> None:
    trace = poisoned(bisect_batch_on_function_error=True, maximum_retry_attempts=1, until=30)
    poison = int(trace.queue_events.loc[trace.queue_events["action"] == "dropped", "event_id"]
                 .iloc[0].partition("-")[0])  # fmt: skip
    for name in (f"m{poison}", "m1", "b4", "r4", "e1"):
        ax = plots.story(trace, name)
        assert ax.get_title(loc="left") == trace.story(name).title
        plt.close(ax.figure)


def test_a_long_story_is_cut_in_the_middle(read_points) -> None:
    trace = scenarios.backoff(kind="throttle")
    ax = plots.story(trace, sentences=12)
    lines = trace.story(most_telling(trace)).lines
    assert len(lines) > 60
    (written,) = texts(ax, "sentences")
    written = written.split("\n")
    assert len(written) == 13
    assert f"{len(lines) - 12} more" in written[8]
    assert written[-1].strip().startswith(f"{len(lines)}.")
    assert len(read_points(ax, "events")) == len(lines)
    assert not texts(plots.story(trace, sentences=0), "sentences")


def test_words_do_not_overlap(failing, queue) -> None:
    for trace in (failing, queue, scenarios.backoff(kind="throttle")):
        ax = plots.story(trace)
        ax.figure.canvas.draw()
        for gid in ("numbers", "said"):
            boxes = [t.get_window_extent() for t in ax.texts if t.get_gid() == gid]
            for number, box in enumerate(boxes):
                assert not any(box.overlaps(other) for other in boxes[number + 1 :])


def test_grouping_keeps_order_and_loses_none() -> None:
    at = [0.0, 0.0, 0.5, 3.0, 3.05, 9.0]
    groups = grouped(at, 0.2)
    assert [n for first, last in groups for n in range(first, last + 1)] == list(range(6))


def test_the_most_telling_is_chosen(failing, queue, lab) -> None:
    assert most_telling(failing) == "r1"
    retried = queue.retries
    waits = retried[retried["lane"] == "source"]["event_id"].value_counts()
    assert most_telling(queue).startswith("m")
    number = int(most_telling(queue)[1:])
    assert waits[queue.ids.message(number)] == waits.max()
    lab.create_function("quick", duration=0.1)
    lab.create_function("slow", duration=2)
    for name in ("quick", "slow", "quick"):
        lab.invoke(name)
    assert most_telling(lab.trace) == "r2"


def test_empty_unknown_and_given_axes(empty, failing, words_on) -> None:
    assert "Nothing has happened yet" in words_on(plots.story(empty))
    with pytest.raises(UnknownName):
        plots.story(failing, "r9")
    _, ax = plt.subplots()
    assert failing.plot.story("r1", ax=ax) is ax
    both = plots.compare({"a": failing, "b": failing}, plot="story")
    assert not any(texts(one, "sentences") for one in both.axes)


def test_what_is_not_over_goes_on_to_the_end_of_the_books() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=60, timeout=90)
    lab.create_function("g", duration=1)
    lab.drive("f", ll.Every(1), count=1)
    lab.drive("g", ll.Every(1), count=30)
    lab.run(until=20)
    assert plots.story(lab.trace, "r1").get_xlim()[1] >= 19


def test_a_message_that_nobody_receives_waits_to_the_end_of_the_books() -> None:
    lab = ll.Lab(seed=7)
    queue = lab.sqs.create_queue("orders")
    queue.send("one")
    lab.advance(300)
    queue.send("two")
    low, high = plots.story(lab.trace, "m1").get_xlim()
    assert low <= 0 < 300 <= high
