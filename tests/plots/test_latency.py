"""Latency: the columns add up to the calls of the table, p50, p95 and p99 are its nearest ranks."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import PolyCollection

import lambdalab as ll
from lambdalab import plots
from lambdalab.errors import UnknownName, UnknownSetting
from lambdalab.plots.latency import percentiles
from tests.trace.mapped import poisoned


@pytest.fixture(scope="module")
def trace():
    lab = ll.Lab(seed=7)
    lab.create_function("bill", duration=ll.LogNormal(p50=0.3, p99=4), failure_rate=0.03, timeout=5)
    lab.create_function("stock", duration=ll.LogNormal(p50=0.05, p99=0.4))
    for name in ("bill", "stock"):
        lab.drive(name, ll.Poisson(rate=10), duration=30)
    lab.run()
    return lab.trace


def heights(ax, gid):
    """The heights of the columns whose gid begins so, by where they begin."""
    found = {}
    for artist in ax.collections:
        if isinstance(artist, PolyCollection) and str(artist.get_gid()).startswith(gid):
            for path in artist.get_paths():
                x, y = path.vertices[:4, 0], path.vertices[:4, 1]
                found[float(x.min())] = float(np.ptp(y))
    return found


def lane(ax, name):
    labels = [label.get_text().split("\n")[0] for label in ax.get_yticklabels()]
    return labels.index(name)


def test_columns_are_as_high_as_calls_are_many(trace) -> None:
    ax = plots.latency(trace)
    own = trace.requests[trace.requests["function"] == "stock"]["latency_ms"].to_numpy() / 1000
    found = heights(ax, f"well:{lane(ax, 'stock')}")
    edges = np.geomspace(*ax.get_xlim(), 71)
    counts = np.histogram(own, edges)[0]
    assert sorted(found) == pytest.approx(edges[:-1][counts > 0])
    tallest = max(found.values())
    for low, height in found.items():
        count = counts[np.argmin(abs(edges - low))]
        least = 0.02 * tallest  # the smallest can be seen
        assert height == pytest.approx(max(tallest * count / counts.max(), least))


def test_lanes_tell_how_many_and_how_many_failed(trace) -> None:
    ax = plots.latency(trace)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    table = trace.requests
    calls = trace.invocations.set_index("request_id")["function_error"]
    for label in labels:
        name, *told = label.split("\n")
        own = table[table["function"] == name]
        failed = int((calls[own["request_id"]] != "").sum())
        assert told[0] == f"{len(own)} calls"
        assert (f"{failed} failed" in told) == (failed > 0)
    assert sum(1 for label in labels if "failed" in label) == 1
    failures = int((calls[table["request_id"]] != "").sum())
    assert f"; {failures} failed" in ax.get_title(loc="left")


def test_percentiles_are_named_with_their_values(trace, read_points) -> None:
    ax = plots.latency(trace)
    for name in ("bill", "stock"):
        own = trace.requests[trace.requests["function"] == name]["latency_ms"] / 1000
        number = lane(ax, name)
        written = " ".join(t.get_text() for t in ax.texts if t.get_gid() == f"named:{number}")
        for share, value in zip((50, 95, 99), percentiles(own.to_numpy()), strict=True):
            assert {x for x, _ in read_points(ax, f"p{share}:{number}")} == {value}
            assert f"p{share} = " in written


@given(st.lists(st.floats(0.001, 100), min_size=1, max_size=300))
def test_a_percentile_is_a_wait_that_was(values) -> None:
    found = percentiles(np.array(values))
    assert set(found) <= set(values)
    for share, value in zip((50, 95, 99), found, strict=True):
        assert np.mean(np.array(values) <= value) >= share / 100
        assert np.mean(np.array(values) < value) < share / 100


def test_a_changed_row_changes_the_picture(trace, altered) -> None:
    slowest = int(trace.requests["latency_ms"].to_numpy().argmax())
    other = altered(trace, "requests", slowest, "answered_at", 90_000_000)
    before, after = (plots.latency(t) for t in (trace, other))
    assert after.get_xlim()[1] > 90 > before.get_xlim()[1]


def test_failures_have_a_colour_and_a_hatch(trace) -> None:
    ax = plots.latency(trace)
    looks = {str(c.get_gid()).partition(":")[0]: c for c in ax.collections}
    assert looks["failed"].get_hatch()
    assert not looks["well"].get_hatch()
    assert tuple(looks["failed"].get_facecolor()[0]) != tuple(looks["well"].get_facecolor()[0])


def test_failures_stand_on_what_was_answered_well(trace) -> None:
    ax = plots.latency(trace)
    number = lane(ax, "bill")
    tops, feet = {}, {}
    for artist in ax.collections:
        for path in artist.get_paths():
            x, y = path.vertices[:4, 0], path.vertices[:4, 1]
            if artist.get_gid() == f"well:{number}":
                tops[float(x.min())] = float(y.min())
            elif artist.get_gid() == f"failed:{number}":
                feet[float(x.min())] = float(y.max())
    assert feet
    assert feet == pytest.approx({low: tops.get(low, number + 0.3) for low in feet})


def test_names_do_not_run_into_each_other(trace) -> None:
    both = plots.compare({"a": trace, "b": poisoned()}, plot="latency")
    both.figure.canvas.draw()
    for ax in both.axes:
        boxes = [
            text.get_window_extent() for text in ax.texts
            if str(text.get_gid()).startswith("named:")
        ]  # fmt: skip
        for number, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[number + 1 :])


def test_few_waits_are_points(lab, read_points, words_on) -> None:
    lab.create_function("f", duration=0.1)
    lab.create_function("bad", duration=0.1, failure_rate=1.0)
    for _ in range(3):
        lab.invoke("f")
    lab.invoke("bad")
    ax = plots.latency(lab.trace)
    waits = sorted(lab.trace.requests["latency_ms"] / 1000)
    points = read_points(ax, "well:") + read_points(ax, "failed:")
    assert sorted(x for x, _ in points) == pytest.approx(waits)
    assert len(set(points)) == 4, "none lies on another"
    assert "p50 = p95 = p99 = " in words_on(ax)


def test_without_callers_outside_invocations_are_drawn(words_on) -> None:
    trace = poisoned(maximum_retry_attempts=0)
    assert not len(trace.requests)
    text = words_on(plots.latency(trace))
    assert f"{len(trace.invocations)} invocations: p50" in text


def test_accepted_events_have_a_lane_of_their_own(lab) -> None:
    lab.create_function("f", duration=0.1)
    lab.invoke("f")
    lab.invoke("f", invocation_type="Event")
    lab.run()
    labels = [label.get_text() for label in plots.latency(lab.trace).get_yticklabels()]
    assert any(label.startswith("f (202: accepted)") for label in labels)
    assert len(labels) == 2


def test_many_functions_share_the_last_lane(lab) -> None:
    for number in range(15):
        lab.create_function(f"f{number}", duration=0.1)
        lab.invoke(f"f{number}")
    labels = [label.get_text() for label in plots.latency(lab.trace).get_yticklabels()]
    assert len(labels) == 12
    assert labels[-1].startswith("4 others\n4 calls")


def test_one_function_and_unknown_names(trace, words_on) -> None:
    ax = plots.latency(trace, function="bill")
    assert len(ax.get_yticklabels()) == 1
    with pytest.raises(UnknownName, match="did you mean 'bill'"):
        plots.latency(trace, function="bil")
    with pytest.raises(UnknownSetting):
        plots.latency(trace, titel="x")


def test_empty_unanswered_and_given_axes(empty, lab, words_on) -> None:
    assert "there is no wait to show" in words_on(plots.latency(empty))
    lab.create_function("slow", duration=100, timeout=200)
    lab.create_function("quick", duration=1)
    lab.drive("slow", ll.Burst(1))
    lab.run(until=1)
    assert "1 still wait" in words_on(plots.latency(lab.trace))
    lab.invoke("quick")
    assert "1 not answered yet" in words_on(plots.latency(lab.trace))
    _, ax = plt.subplots()
    assert lab.trace.plot.latency(ax=ax) is ax
    lab.run()


def test_a_long_name_does_not_hide_that_calls_were_only_accepted(words_on) -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f" * 64, duration=1)
    lab.invoke("f" * 64)
    lab.invoke("f" * 64, invocation_type="Event")
    lab.run()
    assert "(202: accepted)" in words_on(plots.latency(lab.trace))
