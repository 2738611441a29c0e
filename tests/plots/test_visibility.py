"""Visibility: bars, their late parts, ties and crosses are those of the tables."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest

import lambdalab as ll
from lambdalab import plots
from lambdalab.errors import UnknownName
from lambdalab.plots.visibility import MOST_ROWS, visits
from lambdalab.scenarios import Sqs, Visibility

QUICK = Visibility(p50=2.0, p99=5.0, messages=10)
SHORT = Visibility()
TRACES = {
    "too short": SHORT,
    "dead, and done": replace(SHORT, visibility_timeout=5),
    "window": replace(SHORT, window=3, visibility_timeout=60, messages=25),
    "partial": replace(QUICK, bad=1, partial_failures=True),
    "redrive": replace(QUICK, bad=2, redrive=True),
}


@pytest.mark.parametrize("settings", TRACES.values(), ids=list(TRACES))
def test_bars_are_the_batches(settings, elapsed, read_bars) -> None:
    trace = settings.run()
    ax = plots.visibility(trace)
    table = trace.batches
    rows = trace.queue_events
    taken = rows[(rows["queue"] == "orders") & (rows["action"] == "received")]
    hidden = taken["delay_ms"].max() / 1000
    assert taken["delay_ms"].nunique() == 1
    opened, flushed, over = (
        np.array(elapsed(table[f"{what}_at"])) for what in ("opened", "flushed", "completed")
    )
    order = np.argsort(opened, kind="stable")
    lanes = np.argsort(order).astype(float)
    expected = sorted(zip(lanes, opened, opened + hidden, strict=True))
    assert same(read_bars(ax, "hidden"), expected)
    late = over > opened + hidden
    expected = sorted(zip(lanes[late], (opened + hidden)[late], over[late], strict=True))
    assert same(read_bars(ax, "late"), expected)
    for outcome in table["outcome"].unique():
        mine = (table["outcome"] == outcome).to_numpy()
        split = np.minimum(over, np.maximum(opened + hidden, flushed))
        expected = sorted(zip(lanes[mine], flushed[mine], split[mine], strict=True))
        assert same(read_bars(ax, f"run:{outcome}"), expected)


def same(drawn, expected) -> bool:
    return len(drawn) == len(expected) and np.allclose(drawn, expected)


def test_a_line_leads_to_where_the_messages_were_next(read_points) -> None:
    trace = SHORT.run()
    found = visits(trace, "orders")
    held = trace.batch_records.groupby("event_id")["batch_id"].apply(list)
    pairs = {(a, b) for batches in held for a, b in pairwise(batches)}
    names = found.table["batch_id"].tolist()
    assert {(names[a], names[b]) for a, b in found.again.tolist()} == pairs
    ties = read_points(plots.visibility(trace), "again")
    assert len(ties) == 3 * len(pairs)
    assert found.repeated == (held.map(len) > 1).sum() == 20


def test_crosses_are_the_dead_letters(elapsed, read_points, words_on) -> None:
    trace = replace(SHORT, visibility_timeout=5).run()
    rows = trace.queue_events
    died = rows[(rows["queue"] == "orders") & (rows["action"] == "dead_lettered")]
    ax = plots.visibility(trace)
    crosses = read_points(ax, "dead letters")
    assert sorted({x for x, _ in crosses}) == pytest.approx(sorted(set(elapsed(died["at"]))))
    assert sum(text.count("10, 10 died") for text in [words_on(ax)]) == 3
    assert "9 of 9 runs outlasted the visibility timeout" in ax.get_title(loc="left")
    assert "30 died" in ax.get_title(loc="left")


def test_many_batches_are_points_by_how_long_they_took(elapsed, read_points) -> None:
    trace = Sqs(rate=20, duration=8, p99=40.0, seconds=60, timeout=45, visibility_timeout=45).run()
    assert len(trace.batches) > MOST_ROWS
    ax = plots.visibility(trace)
    table = trace.batches
    took = np.array(elapsed(table["completed_at"])) - np.array(elapsed(table["opened_at"]))
    points = read_points(ax, "took:")
    assert max(y for _, y in points) == pytest.approx(took.max())
    assert len(points) > 0.9 * len(table)
    assert {y for _, y in read_points(ax, "invisible")} == {45.0}


def test_an_altered_row_is_seen(altered, read_bars) -> None:
    trace = SHORT.run()
    drawn = read_bars(plots.visibility(trace), "run:", "late")
    other = altered(trace, "batches", 2, "completed_at", 100_000)
    assert read_bars(plots.visibility(other), "run:", "late") != drawn


def test_nothing_one_queue_and_another(empty, words_on) -> None:
    assert "No batch in this trace" in words_on(plots.visibility(empty))
    lab = ll.Lab()
    lab.create_function("bill", duration=1.0)
    for name, count in (("orders", 20), ("returns", 1)):
        queue = lab.sqs.create_queue(name)
        lab.create_event_source_mapping(queue, "bill")
        for number in range(count):
            queue.send(number)
    lab.run()
    _, ax = plt.subplots()
    assert plots.visibility(lab.trace, ax=ax) is ax
    assert ax.get_title(loc="left").startswith("orders:")
    one = lab.trace.plot.visibility(queue="returns", legend=False)
    assert one.get_title(loc="left").startswith("returns: no run outlasted")
    assert one.get_legend() is None
    with pytest.raises(UnknownName, match="did you mean 'orders'"):
        plots.visibility(lab.trace, queue="order")


def test_beside_another_run_all_rows_stay() -> None:
    one, other = (settings.run() for settings in (SHORT, QUICK))
    shown = plots.compare({"short": one, "quick": other}, plot="visibility")
    for trace, ax in zip((one, other), shown.axes, strict=True):
        bottom, top = ax.get_ylim()
        assert bottom > len(trace.batches) - 1 > -1 > top - 1
    assert shown.axes[0].get_xlim() == shown.axes[1].get_xlim()
