"""The numbers in the flow's boxes, and the order of its decisions, against the tables."""

from __future__ import annotations

import numpy as np
import pytest

import lambdalab as ll
from lambdalab.widgets.flow.script import write
from tests.acceptance import story_lab


@pytest.fixture(scope="module")
def trace():
    lab = story_lab.build(7)
    lab.run(until=story_lab.ENDS_AT)
    return lab.trace


def us(trace, times) -> np.ndarray:
    """Microseconds since the start; what is not yet comes after everything."""
    since = np.round((times - trace.start).dt.total_seconds().to_numpy() * 1e6)
    return np.where(np.isnan(since), np.inf, since)


def test_the_counts_of_a_function_are_those_of_its_environments(trace) -> None:
    """At each change: environments that run something, are being made, or stand ready."""
    script = write(trace, most=10**9)
    homes, runs = trace.environments, trace.attempts
    checked = 0
    for function, mine in homes.groupby("function"):
        name = f"function:{function}"
        if script.shown.get(name, name) != name:
            continue  # several functions in one box
        begun, gone = us(trace, mine["started_at"]), us(trace, mine["ended_at"])
        ready = np.minimum(us(trace, mine["ready_at"]), gone)
        own = runs[runs["environment_id"].isin(mine["environment_id"])]
        home = own["environment_id"].map(dict(zip(mine["environment_id"], ready, strict=True)))
        started = np.maximum(us(trace, own["started_at"]), home)
        ended = us(trace, own["ended_at"])
        series = script.series[name]
        for time in series.times.tolist():
            alive = int(((begun <= time) & (time < gone)).sum())
            cold = int(((begun <= time) & (time < ready)).sum())
            busy = int(((started <= time) & (time < ended)).sum())
            assert series.at(time) == (busy, cold, alive - cold - busy), (function, time)
            checked += busy
    assert checked > 50


def test_decisions_of_one_moment_tell_what_ends_before_what_begins(trace) -> None:
    order = [(one.at, one.kind) for one in write(trace, most=10**9).decisions]
    assert order == sorted(order)
    assert len({at for at, _ in order}) < len(order), "some moments have several"


def test_at_the_moment_of_a_decision_it_is_told(trace) -> None:
    """The last of those of one moment; just before it the one before."""
    flow = ll.Flow(trace)
    told = flow.plan.decisions
    last = {one.at: place for place, one in enumerate(told)}
    for at in list(last)[::7]:
        flow.seek(at / 1e6)
        assert flow.caption == told[last[at]].sentence()
        assert flow.plan.decided(at - 1) == max((last[t] for t in last if t < at), default=-1)
