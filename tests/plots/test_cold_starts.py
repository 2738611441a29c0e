"""Cold starts: each point is a cold attempt of the table, shares and lives are the books'."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

import lambdalab as ll
from lambdalab import plots
from lambdalab.errors import UnknownName
from lambdalab.plots.cold_starts import window


def rested(idle_expiry=600):
    """Calls of f at 0, 15, 30, 45 min and two more soon after the first: each pause ends its
    environment; and of g."""
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=0.1, idle_expiry=idle_expiry)
    lab.create_function("g", duration=0.5, init=2)
    for at, name in (
        (0, "f"), (10, "g"), (20, "g"), (60, "f"), (120, "f"), (900, "f"), (1800, "f"), (2700, "f"),
    ):  # fmt: skip
        lab.advance(max(at - lab.elapsed, 0))
        lab.invoke(name)
    return lab.trace


@pytest.fixture(scope="module")
def trace():
    return rested()


def cold_of(trace, elapsed, function):
    table = trace.attempts
    at = np.array(elapsed(table["started_at"]))
    own = (table["cold_start"] & (table["function"] == function)).to_numpy()
    took = (table["setup_ms"] + table["init_ms"]).to_numpy() / 1000
    return sorted(zip(at[own].tolist(), took[own].tolist(), strict=True))


@pytest.mark.parametrize("function", ["f", "g"])
def test_points_are_the_cold_attempts(trace, function, read_points, elapsed) -> None:
    found = sorted(read_points(plots.cold_starts(trace), f"cold:{function}"))
    assert found == [pytest.approx(point) for point in cold_of(trace, elapsed, function)]


def test_a_changed_row_changes_the_picture(trace, altered, read_points) -> None:
    place = int(np.flatnonzero(trace.attempts["cold_start"])[0])
    other = altered(trace, "attempts", place, "init_us", 700_000)
    assert read_points(plots.cold_starts(other), "cold:") != read_points(
        plots.cold_starts(trace), "cold:"
    )


def test_the_title_and_the_legend_count(trace, words_on) -> None:
    table = trace.attempts
    cold = int(table["cold_start"].sum())
    text = words_on(plots.cold_starts(trace))
    assert f"{cold} cold starts of {len(table)} runs ({100 * cold / len(table):.1f} %)" in text
    assert "f: 4 cold starts" in text
    assert "g: 1 cold start" in text


def test_columns_are_the_shares_of_their_windows(trace, read_bars, elapsed) -> None:
    ax = plots.cold_starts(trace)
    wide = window(np.ptp(ax.get_xlim()))
    columns = {round(start / wide): end - start for _, start, end in read_bars(ax, "share")}
    at = np.floor(np.array(elapsed(trace.attempts["started_at"])) / wide).astype(int)
    cold = trace.attempts["cold_start"].to_numpy()
    assert set(columns) == set(at[cold].tolist())
    runs = {round(start / wide) for _, start, _ in read_bars(ax, "runs")}
    assert runs == set(at.tolist())
    shares = {place: cold[at == place].mean() for place in columns}
    heights = {}
    for artist in ax.collections:
        if artist.get_gid() == "share":
            for path in artist.get_paths():
                x, y = path.vertices[:4, 0], path.vertices[:4, 1]
                heights[round(float(x.min()) / wide)] = float(np.ptp(y))
    full = max(heights.values()) / max(shares.values())
    assert heights == pytest.approx({place: full * share for place, share in shares.items()})


def test_few_environments_have_their_lives_told(trace, words_on, elapsed, read_points) -> None:
    ax = plots.cold_starts(trace)
    homes = trace.environments
    rows = [text.get_text() for text in ax.texts if text.get_gid() == "rows"]
    assert rows == [f"{name} e{n}" for n, name in enumerate(homes["function"], start=1)]
    ended = homes["ended_because"] == "idle_expiry"
    marks = sorted(x for x, _ in read_points(ax, "end:idle_expiry"))
    assert marks == pytest.approx(sorted(np.array(elapsed(homes["ended_at"]))[ended].tolist()))
    told = [text.get_text() for text in ax.texts if text.get_gid() == "ends"]
    assert told
    assert set(told) == {"idle 10 min"}, "since the end of its last run"
    assert "alive and idle" in words_on(ax)


def test_many_environments_have_not(lab) -> None:
    lab.create_function("f", duration=2)
    lab.drive("f", ll.Burst(40))
    lab.run()
    ax = plots.cold_starts(lab.trace)
    assert not [text for text in ax.texts if text.get_gid() == "rows"]
    assert "40 cold starts of 40 runs (100.0 %)" in ax.get_title(loc="left")


def test_very_different_lengths_are_logarithmic(lab) -> None:
    lab.create_function("f", duration=0.1, init=0.01)
    lab.create_function("g", duration=0.1, init=9.5)
    lab.invoke("f")
    assert plots.cold_starts(lab.trace).get_yscale() == "linear"
    lab.invoke("g")
    ax = plots.cold_starts(lab.trace)
    assert ax.get_yscale() == "log"
    low, top = ax.spines["left"].get_bounds()
    assert low < 0.5
    assert 9 < top < ax.get_ylim()[1]


def test_one_function_and_unknown_names(trace, read_points) -> None:
    ax = plots.cold_starts(trace, function="g")
    assert len(read_points(ax, "cold:")) == 1
    assert ax.get_title(loc="left").startswith("g: 1 cold start of 2 runs")
    with pytest.raises(UnknownName):
        plots.cold_starts(trace, function="h")


def test_empty_one_and_given_axes(empty, lab, words_on) -> None:
    assert "Nothing has run yet" in words_on(plots.cold_starts(empty))
    lab.create_function("f", duration=0.1)
    lab.invoke("f")
    _, ax = plt.subplots()
    assert lab.trace.plot.cold_starts(ax=ax) is ax
    assert "1 cold start of 1 run (100.0 %)" in words_on(ax)


def test_words_in_strips_do_not_overlap(trace) -> None:
    ax = plots.cold_starts(trace)
    ax.figure.canvas.draw()
    boxes = [t.get_window_extent() for t in ax.texts if t.get_gid() in ("rows", "share label")]
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])


def test_the_length_of_a_cold_start_is_told_when_its_run_is_over() -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=60, timeout=90)
    lab.drive("f", ll.Every(1), count=5)
    lab.run(until=10)
    ax = plots.cold_starts(lab.trace)
    title = ax.get_title(loc="left")
    assert title == "5 cold starts of 5 runs (100.0 %); 5 still running, not drawn"
    assert not any(str(line.get_gid()).startswith("cold:") for line in ax.lines)
    lab.run()
    assert "still running" not in plots.cold_starts(lab.trace).get_title(loc="left")


def test_windows_of_a_year_are_whole_days() -> None:
    assert window(365 * 86_400) == 10 * 86_400
