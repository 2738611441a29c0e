"""Who waits: the spans on the lanes are those of the tables, and the answer is told in words."""

from __future__ import annotations

import pytest

import lambdalab as ll
from lambdalab import plots, scenarios
from lambdalab.errors import UnknownName


@pytest.fixture
def trace():
    return scenarios.sync_vs_async(duration=2.0)


def spans(found):
    return [(start, end) for _, start, end in found]


def test_the_client_waits_as_long_as_the_table_says(trace, read_bars) -> None:
    ax = plots.sync_vs_async(trace)
    row = trace.invocations[trace.invocations["invocation_type"] == "RequestResponse"].iloc[0]
    assert spans(read_bars(ax, "RequestResponse:client")) == [
        pytest.approx((0, row["latency_ms"] / 1000))
    ]
    assert not read_bars(ax, "Event:client"), "the other one does not wait at all"


def test_queue_and_handlers_are_where_the_table_has_them(trace, read_bars) -> None:
    ax = plots.sync_vs_async(trace)
    attempts = trace.attempts.set_index("request_id")
    for kind in ("Event", "RequestResponse"):
        call = trace.invocations[trace.invocations["invocation_type"] == kind].iloc[0]
        attempt = attempts.loc[call["request_id"]]
        start = (attempt["started_at"] - call["requested_at"]).total_seconds()
        cold = (attempt["setup_ms"] + attempt["init_ms"]) / 1000
        handler = attempt["duration_ms"] / 1000
        assert spans(read_bars(ax, f"{kind}:init")) == [pytest.approx((start, start + cold))]
        assert spans(read_bars(ax, f"{kind}:success")) == [
            pytest.approx((start + cold, start + cold + handler))
        ]
        if kind == "Event":
            assert spans(read_bars(ax, "Event:queue")) == [pytest.approx((0, start))]


def test_a_changed_row_changes_the_picture(trace, altered, read_bars) -> None:
    other = altered(trace, "requests", 1, "answered_at", 100_000)
    before, after = (
        spans(read_bars(plots.sync_vs_async(t), "RequestResponse:client")) for t in (trace, other)
    )
    assert after[0][1] - before[0][1] == pytest.approx(0.1)


def test_the_answer_is_told_in_words(trace, words_on) -> None:
    text = words_on(plots.sync_vs_async(trace))
    for part in (
        "200 + payload", "202, empty payload: the client goes on at once", "queued 0.15 s",
        "the client waits 2.23 s", "handler 2.00 s", "virtual time since the call (s)",
    ):  # fmt: skip
        assert part in text
    assert text.count("client\n") + text.endswith("client") >= 1


def test_failures_are_retried_on_one_side_only(words_on, read_bars) -> None:
    trace = scenarios.sync_vs_async(failing=True)
    ax = plots.sync_vs_async(trace)
    text = words_on(ax)
    assert "200 + error (ModelledError)" in text
    assert "attempt 3: error" in text
    assert "retries exhausted: to 'failed'" in text
    assert len(read_bars(ax, "Event:error")) == 3
    assert len(read_bars(ax, "RequestResponse:error")) == 1
    waits = trace.retries["waited_ms"].tolist()
    drawn = [end - start for start, end in spans(read_bars(ax, "Event:queue"))][1:]
    assert drawn == pytest.approx([wait / 1000 for wait in waits])


def test_a_refused_event(words_on) -> None:
    text = words_on(plots.sync_vs_async(scenarios.sync_vs_async(payload_bytes=300 * 1024)))
    assert "413: payload too large" in text
    assert "Event: refused, and nothing runs" in text


def test_what_follows_is_a_lane_of_its_own(read_bars, words_on) -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("notify", duration=0.5)

    @lab.function(timeout=10)
    def put_order(event, context):
        lab.invoke("notify", event, invocation_type="Event")

    lab.invoke(put_order, {}, invocation_type="Event")
    lab.run()
    ax = plots.sync_vs_async(lab.trace)
    assert "next function" in words_on(ax)
    assert "notify (r2)" in words_on(ax)
    ((start, end),) = spans(read_bars(ax, "Event:next"))
    child = lab.trace.attempts.iloc[1]
    assert end - start == pytest.approx(child["duration_ms"] / 1000)
    cold = [end - start for start, end in spans(read_bars(ax, "Event:init"))]
    assert cold[1] == pytest.approx((child["setup_ms"] + child["init_ms"]) / 1000)
    assert "next function's handler" in words_on(ax)


def test_other_invocations_can_be_named(trace) -> None:
    assert plots.sync_vs_async(trace, sync="r2", event="r1")
    with pytest.raises(UnknownName):
        plots.sync_vs_async(trace, event="r9")


def test_only_one_kind_and_none(empty, words_on, lab) -> None:
    assert "No invocation to show" in words_on(plots.sync_vs_async(empty))
    lab.create_function("f", duration=0.1)
    lab.invoke("f")
    title = plots.sync_vs_async(lab.trace).get_title(loc="left")
    assert title == "Who waits? Synchronous: the client, 0.33 s"


def test_both_groups_stand_on_axes_that_are_given(trace) -> None:
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    assert plots.sync_vs_async(trace, ax=ax) is ax
    labels = [label.get_text() for label in ax.get_yticklabels()]
    function = f"function\n{trace.invocations['function'].iloc[0]}"
    assert labels == ["client", function, "client", "event queue", function]


def test_long_names_of_functions_are_cut(words_on, lab) -> None:
    lab.create_function("a_rather_long_name", duration=0.1)
    lab.invoke("a_rather_long_name")
    assert "function\na_rather_long…" in words_on(plots.sync_vs_async(lab.trace))


def test_texts_over_bars_have_no_ground(trace) -> None:
    over = [t for t in plots.sync_vs_async(trace).texts if t.get_text().startswith("cold start")]
    assert over
    assert all(text.get_bbox_patch() is None for text in over)


def test_an_event_that_never_runs_is_said_so(words_on) -> None:
    lab = ll.Lab(seed=7)
    lab.create_function("f", duration=1, reserved_concurrency=0)
    lab.invoke("f", invocation_type="Event")
    lab.run()
    assert "Event: the queue answers, and the function never runs" in words_on(
        plots.sync_vs_async(lab.trace)
    )
