"""A call with somebody in front of it, or sent again: each bar is that of a table's row."""

from __future__ import annotations

import pytest

from lambdalab import plots, scenarios

BEHIND = {"duration": 35.0, "timeout": 60, "api": True}
IMPATIENT = {"duration": 5.0, "timeout": 10, "client_timeout": 3.0, "client_tries": 3}


def spans(found):
    return [pytest.approx((start, end)) for _, start, end in found]


def since(trace, column):
    return (column - trace.start).dt.total_seconds().tolist()


def called(trace):
    """The rows of the synchronous call, and those of its runs."""
    own = trace.invocations.query("invocation_type == 'RequestResponse'")["request_id"]
    requests = trace.requests[trace.requests["request_id"].isin(own)]
    return requests, trace.attempts[trace.attempts["request_id"].isin(own)].sort_values(
        "started_at"
    )


def test_the_api_waits_29_seconds_and_what_ran_on_is_hatched(read_bars, words_on) -> None:
    trace = scenarios.sync_vs_async(**BEHIND)
    ax = plots.sync_vs_async(trace)
    requests, runs = called(trace)
    (answered,), (ended,) = since(trace, requests["answered_at"]), since(trace, runs["ended_at"])
    assert spans(read_bars(ax, "RequestResponse:client")) == [(0, answered)]
    assert spans(read_bars(ax, "RequestResponse:front")) == [(0, answered)]
    assert spans(read_bars(ax, "RequestResponse:ran_on")) == [(answered, ended)]
    assert not read_bars(ax, "Event:ran_on"), "nobody waits for an event"
    text = words_on(ax)
    for part in (
        "504: integration timeout", "waits 29 s, then 504", "ran on 6.23 s, 35.0 s billed",
        "202: the client goes on at once", "shop POST\n/orders", "202 at once",
    ):  # fmt: skip
        assert part in text


def test_each_try_has_a_bar_and_a_run(read_bars, words_on) -> None:
    trace = scenarios.sync_vs_async(**IMPATIENT)
    ax = plots.sync_vs_async(trace)
    requests, runs = called(trace)
    sent, answered = since(trace, requests["sent_at"]), since(trace, requests["answered_at"])
    tries = list(zip(sent, answered, strict=True))
    assert spans(read_bars(ax, "RequestResponse:client")) == tries
    away = [pair for pair in zip(answered, sent[1:], strict=False) if pair[1] > pair[0]]
    assert spans(read_bars(ax, "RequestResponse:away")) == away
    late = list(zip(answered, since(trace, runs["ended_at"]), strict=True))
    assert spans(read_bars(ax, "RequestResponse:ran_on")) == late
    assert {"put_order r2", "put_order r3", "put_order r4"} <= {
        label.rpartition("\n")[2] for label in words_on(ax).split("\n")
    }


def test_a_changed_row_changes_the_picture(altered, read_bars) -> None:
    trace = scenarios.sync_vs_async(**BEHIND)
    other = altered(trace, "requests", 1, "answered_at", 500_000)
    before, after = (
        read_bars(plots.sync_vs_async(t), "RequestResponse:front") for t in (trace, other)
    )
    assert after[0][2] - before[0][2] == pytest.approx(0.5)


def test_lambda_alone_asked_once_is_drawn_as_ever(read_bars) -> None:
    ax = plots.sync_vs_async(scenarios.sync_vs_async())
    assert len(read_bars(ax, "RequestResponse:client")) == 1
    for gid in ("front", "away", "ran_on"):
        assert not read_bars(ax, f"RequestResponse:{gid}")
