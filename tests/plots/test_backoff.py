"""Back-off: every wait is a bar or a point of the right length, and the end is told."""

from __future__ import annotations

import numpy as np
import pytest

import lambdalab as ll
from lambdalab import plots, scenarios
from lambdalab.errors import UnknownName
from lambdalab.plots.palette import OUTCOMES


@pytest.fixture(scope="module")
def failing():
    return scenarios.backoff()


@pytest.fixture(scope="module")
def throttled():
    return scenarios.backoff(kind="throttle")


def test_each_wait_is_a_bar_of_its_length(failing, read_bars, words_on) -> None:
    ax = plots.backoff(failing)
    drawn = [(start, end - start) for _, start, end in read_bars(ax, "waits")]
    zero = failing.invocations["requested_at"].iloc[0]
    begun = (failing.retries["at"] - zero).dt.total_seconds()
    assert drawn == [
        pytest.approx(wait) for wait in zip(begun, failing.retries["waited_ms"] / 1000, strict=True)
    ]
    text = words_on(ax)
    for wait in failing.retries["waited_ms"] / 1000:
        assert f"waits {wait:.1f} s" in text
    assert text.count("function error") == 2, "each wait says why"
    assert "retries exhausted:\nto dead-letter queue\n'failed'" in text
    assert "virtual time since the event was accepted (s)" in text


def test_each_attempt_is_marked_at_its_end(failing, read_points) -> None:
    zero = failing.invocations["requested_at"].iloc[0]
    ends = (failing.attempts["ended_at"] - zero).dt.total_seconds().tolist()
    assert [x for x, _ in read_points(plots.backoff(failing), "attempts")] == pytest.approx(ends)


def test_a_changed_row_changes_the_picture(failing, altered, read_bars) -> None:
    other = altered(failing, "queue_events", 2, "at", 1_000_000)
    before, after = (read_bars(plots.backoff(t), "waits") for t in (failing, other))
    assert before != after


def test_the_legend_has_what_can_be_seen(lab) -> None:
    lab.create_function("bad", duration=0.1, failure_rate=1.0)
    lab.invoke("bad", {}, invocation_type="Event")
    lab.run()
    legend = plots.backoff(lab.trace).get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["waiting", "error"]
    assert legend.legend_handles[1].get_marker() == OUTCOMES["error"].marker, "as in the plot"


def test_the_maximum_age_is_shown_where_it_ends_the_series(words_on) -> None:
    text = words_on(plots.backoff(scenarios.backoff(maximum_event_age=90)))
    assert "event age exceeded" in text
    assert "maximum event age 90 s" in text


def test_success_is_told(words_on) -> None:
    text = words_on(plots.backoff(scenarios.backoff(failing_for=100)))
    assert "succeeded\nat 197.3 s" in text
    assert "then success" in text


def test_hours_are_logarithmic_and_thinned_in_words(throttled, read_points, words_on) -> None:
    ax = plots.backoff(throttled)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    waits = throttled.retries["waited_ms"] / 1000
    waits = waits[waits > 0].to_numpy()
    points = read_points(ax, "waits:throttled_reserved")
    assert len(points) < len(waits), "the last hours would be a smear"
    lengths = np.array([y for _, y in points])
    assert np.isclose(lengths[:, None], waits).any(axis=1).all(), "each point is a wait"
    assert lengths[0] == pytest.approx(waits[0])
    assert lengths[-1] == pytest.approx(waits[-1])
    text = words_on(ax)
    assert f"({len(points)} of all {len(waits)} waits drawn)" in text
    together = waits[waits >= 0.85 * waits.max()]
    assert f"{len(together)} waits of {together.min():.0f} to {together.max():.0f} s" in text
    assert f"{len(throttled.retries)} throttles" in text
    assert "one more wait would pass the maximum age of 6 h" in text
    assert "a wait after a throttle (reserved)" in text


def test_the_whole_series_is_the_thin_line(throttled, read_points) -> None:
    waits = throttled.retries["waited_ms"].to_numpy() / 1000
    steps = [y for _, y in read_points(plots.backoff(throttled), "steps")]
    assert steps[:-1] == pytest.approx(waits[waits > 0].tolist())


def test_the_event_that_waited_most_is_shown_unless_one_is_named(lab) -> None:
    lab.create_function("good", duration=0.1)
    lab.create_function("bad", duration=0.1, failure_rate=1.0)
    lab.invoke("good", {}, invocation_type="Event")
    lab.invoke("bad", {}, invocation_type="Event")
    lab.run()
    assert plots.backoff(lab.trace).get_title(loc="left").startswith("r2: 3 attempts, 2 waits")
    assert (
        plots.backoff(lab.trace, request="r1").get_title(loc="left").startswith("r1: 1 attempt, 0")
    )
    with pytest.raises(UnknownName):
        plots.backoff(lab.trace, request="r7")


def test_an_event_that_is_not_over(words_on) -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("bad", duration=0.1, failure_rate=1.0)
    lab.invoke("bad", {}, invocation_type="Event")
    lab.run(until=30)
    assert "not over yet" in words_on(plots.backoff(lab.trace))
    lab.run()


def test_empty_and_one(empty, words_on) -> None:
    assert "No asynchronous event" in words_on(plots.backoff(empty))
    once = scenarios.backoff(maximum_retry_attempts=0, dead_letter_queue=False)
    assert "1 attempt, 0 waits, then lost" in words_on(plots.backoff(once))


def test_an_injected_throttle_is_called_so(words_on) -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=1)
    lab.faults.throttle("bill", end=600)
    lab.invoke("bill", {}, invocation_type="Event")
    lab.run()
    assert "a wait after an injected throttle" in words_on(plots.backoff(lab.trace))


def test_what_is_lost_at_once_is_lost_at_nought() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=1, reserved_concurrency=0)
    lab.invoke("f", invocation_type="Event")
    lab.run()
    (mark,) = (line for line in plots.backoff(lab.trace).lines if line.get_gid() == "end")
    assert mark.get_xdata() == pytest.approx([0])
