"""The timeline: every bar is an attempt of the table, where and as long as the table says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import lambdalab as ll
from lambdalab import plots, scenarios
from lambdalab.errors import InvalidSetting, UnknownSetting
from lambdalab.plots import bars
from lambdalab.plots.palette import INIT, OUTCOMES

OUTCOME_GIDS = tuple(OUTCOMES)


@pytest.fixture
def busy():
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=ll.LogNormal(p50=0.4, p99=2.5), failure_rate=0.2)
    lab.drive("bill", ll.Poisson(rate=4), duration=10)
    lab.run()
    return lab.trace


def expected(trace, elapsed):
    """(start of the handler, end) of every attempt, and of every cold part."""
    table = trace.attempts
    starts, ends = np.array(elapsed(table["started_at"])), np.array(elapsed(table["ended_at"]))
    cold = (table["setup_ms"] + table["init_ms"]).to_numpy() / 1000
    handlers = sorted(zip((starts + cold).tolist(), ends.tolist(), strict=True))
    begun = sorted(zip(starts[cold > 0].tolist(), (starts + cold)[cold > 0].tolist(), strict=True))
    return handlers, begun


def drawn(found):
    return sorted((start, end) for _, start, end in found)


@pytest.mark.parametrize("lanes", ["environment", "request", "function"])
def test_bars_are_the_attempts(busy, lanes, read_bars, elapsed) -> None:
    ax = plots.timeline(busy, lanes=lanes)
    handlers, cold = expected(busy, elapsed)
    assert drawn(read_bars(ax, *OUTCOME_GIDS)) == [pytest.approx(bar) for bar in handlers]
    assert drawn(read_bars(ax, "init")) == [pytest.approx(bar) for bar in cold]


def test_a_changed_row_changes_the_picture(busy, altered, read_bars, elapsed) -> None:
    other = altered(busy, "attempts", 3, "ended_at", 50_000)
    assert drawn(read_bars(plots.timeline(other), *OUTCOME_GIDS)) != drawn(
        read_bars(plots.timeline(busy), *OUTCOME_GIDS)
    )


def test_one_lane_for_each_environment_in_order(busy, read_bars) -> None:
    ax = plots.timeline(busy)
    count = busy.attempts["environment_id"].nunique()
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [f"e{n}" for n in range(1, count + 1)]
    assert ax.get_ylim() == (count - 0.5, -0.5), "the first on top"
    lanes = {lane for lane, _, _ in read_bars(ax, *OUTCOME_GIDS)}
    assert lanes == {float(n) for n in range(count)}
    by_lane = busy.attempts["environment_id"].value_counts().sort_index().tolist()
    drawn_lanes = [lane for lane, _, _ in read_bars(ax, *OUTCOME_GIDS)]
    assert [drawn_lanes.count(float(n)) for n in range(count)] == by_lane


def test_environments_of_a_function_share_its_lane_without_overlap(busy, read_bars) -> None:
    found = read_bars(plots.timeline(busy, lanes="function"), *OUTCOME_GIDS)
    by_row: dict[float, list] = {}
    for lane, start, end in found:
        by_row.setdefault(round(lane, 6), []).append((start, end))
    assert len(by_row) == busy.attempts["environment_id"].nunique()
    for spans in by_row.values():
        spans.sort()
        assert all(b[0] >= a[1] - 1e-9 for a, b in pairwise(spans))


def test_colours_and_second_channel(busy, words_on) -> None:
    ax = plots.timeline(busy)
    looks = {artist.get_gid(): artist for artist in ax.collections}
    for name in ("success", "error"):
        assert looks[name].get_facecolor()[0, :3] == pytest.approx(_rgb(OUTCOMES[name].colour))
    assert looks["error"].get_hatch() == OUTCOMES["error"].hatch
    assert looks["init"].get_hatch() == INIT.hatch
    assert looks["success"].get_hatch() is None
    assert looks["error"].get_zorder() > looks["success"].get_zorder(), "failures lie on top"
    for text in ("success", "error", "cold start", "virtual time (s)"):
        assert text in words_on(ax)


def test_every_outcome_looks_different() -> None:
    looks = [(look.colour, look.hatch) for look in OUTCOMES.values()]
    assert len(set(looks)) == len(looks)
    from lambdalab.trace.schema import AttemptOutcome

    assert set(OUTCOMES) == set(AttemptOutcome.names)


def test_retries_are_joined(read_points) -> None:
    trace = scenarios.backoff()
    joints = read_points(plots.timeline(trace), "retries")
    attempts = trace.attempts
    start = attempts["started_at"].iloc[0]
    ends = (attempts["ended_at"] - start).dt.total_seconds().tolist()
    begins = (attempts["started_at"] - start).dt.total_seconds().tolist()
    offset = joints[0][0] - ends[0]
    assert [x - offset for x, _ in joints] == pytest.approx(
        [ends[0], begins[1], ends[1], begins[2]]
    )


@pytest.mark.parametrize("events", [20, 21])
def test_waits_of_many_retried_events_are_only_counted(events, lab, read_points, words_on) -> None:
    lab.create_function("bad", duration=0.1, failure_rate=1.0)
    for _ in range(events):
        lab.invoke("bad", {}, invocation_type="Event")
    lab.run()
    ax = plots.timeline(lab.trace)
    assert bool(read_points(ax, "retries")) == (events == 20)
    assert ("(42 retry waits not drawn)" in words_on(ax)) == (events == 21)


def test_what_is_too_short_for_a_bar_is_a_mark(lab, read_points) -> None:
    lab.create_function("bad", duration=0.1, failure_rate=1.0)
    lab.invoke("bad", {}, invocation_type="Event")
    lab.run()
    ax = plots.timeline(lab.trace)
    assert len(read_points(ax, "marks:error")) == len(lab.trace.attempts)
    legend = ax.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["error", "wait before a retry"]
    assert legend.legend_handles[0].get_marker() == OUTCOMES["error"].marker


def test_title_counts(busy) -> None:
    attempts = busy.attempts
    title = plots.timeline(busy).get_title(loc="left")
    assert title.startswith(f"{len(attempts)} attempts in {attempts.environment_id.nunique()} ")
    assert f"{attempts.cold_start.sum()} cold start" in title


def test_long_times_are_shown_in_hours_and_kept_in_seconds(read_bars, elapsed) -> None:
    trace = scenarios.backoff(kind="throttle")
    ax = plots.timeline(trace)
    ax.figure.canvas.draw()
    assert ax.get_xlabel() == "virtual time (h)"
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert "4" in labels
    assert max(end for _, _, end in read_bars(ax, "success")) == pytest.approx(
        max(elapsed(trace.attempts["ended_at"]))
    )


def test_many_are_lines_and_failures_stay(read_bars) -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=0.01, failure_rate=0.001)
    lab.drive("bill", ll.Every(0.05), count=bars.MANY + 1)
    lab.run()
    ax = plots.timeline(lab.trace)
    assert not read_bars(ax, *OUTCOME_GIDS), "no bars any more"
    gids = [line.get_gid() for line in ax.lines]
    assert gids.count("success") == 1
    assert gids.count("error") == 1
    failed = int((lab.trace.attempts["outcome"] == "error").sum())
    (line,) = (line for line in ax.lines if line.get_gid() == "error")
    assert len(line.get_xdata()) == 3 * failed, "each failure is drawn on its own"


def test_running_attempts_reach_to_the_end_of_the_trace(read_bars) -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("slow", duration=100, timeout=200)
    lab.create_function("quick", duration=1)
    lab.invoke("slow", {}, invocation_type="Event")
    lab.invoke("quick", {})
    ((_, _, end),) = read_bars(plots.timeline(lab.trace), "running")
    assert end == pytest.approx(lab.elapsed)
    lab.run()


def test_empty_and_one(empty, words_on, read_bars) -> None:
    assert "Nothing has run yet" in words_on(plots.timeline(empty))
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=0.1)
    lab.invoke("f")
    assert len(read_bars(plots.timeline(lab.trace), "success")) == 1


def test_given_axes_are_used(busy) -> None:
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    assert plots.timeline(busy, ax=ax) is ax
    assert busy.plot.timeline(ax=ax) is ax


def test_style_and_wrong_words(busy) -> None:
    ax = plots.timeline(busy, title="Mine", legend=False, figsize=(4, 2))
    assert ax.get_title(loc="left") == "Mine"
    assert ax.get_legend() is None
    assert ax.figure.get_size_inches().tolist() == [4, 2]
    with pytest.raises(UnknownSetting, match="did you mean 'title'"):
        plots.timeline(busy, titel="x")
    with pytest.raises(InvalidSetting, match="lanes='pod'"):
        plots.timeline(busy, lanes="pod")


def _rgb(colour: str):
    from matplotlib.colors import to_rgb

    return to_rgb(colour)
