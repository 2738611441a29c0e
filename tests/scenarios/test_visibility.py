"""Visibility: what comes back and when, who is processed twice, and who dies."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdalab.errors import InvalidSetting
from lambdalab.scenarios import Visibility, visibility

QUICK = {"p50": 2.0, "p99": 5.0, "messages": 10}


def counts(trace) -> dict[str, int]:
    rows = trace.queue_events
    rows = rows[rows["queue"] == "orders"]
    return rows["action"].astype(str).value_counts().to_dict()


def test_a_run_that_lasts_too_long_is_not_stopped_and_its_messages_run_again() -> None:
    trace = Visibility().run()
    first = trace.batches.iloc[0]
    assert (first["completed_at"] - first["opened_at"]).total_seconds() > 30
    mine = set(trace.batch_records.query("batch_id == @first.batch_id")["event_id"])
    rows = trace.queue_events[trace.queue_events["event_id"].isin(mine)]
    back = rows[rows["action"] == "returned"]
    assert set(back["cause"]) == {"visibility_timeout"}
    assert ((back["at"] - first["opened_at"]).dt.total_seconds() == 30).all()
    assert trace.batch_records["event_id"].value_counts()[list(mine)].eq(2).all()
    assert set(trace.attempts["outcome"]) == {"success"}
    assert counts(trace)["deleted"] == 30, "who ends first deletes it, once"


def test_long_enough_and_each_goes_once() -> None:
    trace = Visibility(visibility_timeout=120).run()
    assert counts(trace) == {"sent": 30, "received": 30, "deleted": 30}


def test_with_a_window_lambda_makes_the_timeout_longer() -> None:
    trace = Visibility(window=5).run()
    taken = trace.queue_events.query("action == 'received'")["delay_ms"]
    assert set(taken) == {(5 + 60 + 30) * 1000}
    assert "returned" not in counts(trace)
    assert trace.wired("sqs")["orders"]["visibility_timeout"] == 30


def test_messages_die_while_their_runs_succeed() -> None:
    trace = Visibility(visibility_timeout=5).run()
    assert counts(trace)["dead_lettered"] == 30
    assert set(trace.attempts["outcome"]) == {"success"}
    died = trace.queue_events.query("action == 'dead_lettered'")["at"].max()
    assert died < trace.batches["completed_at"].min()


def test_one_bad_message_takes_the_batch_with_it_unless_it_is_named() -> None:
    whole = Visibility(bad=1, **QUICK).run()
    assert counts(whole) == {"sent": 10, "received": 30, "returned": 30, "dead_lettered": 10}
    named = Visibility(bad=1, partial_failures=True, **QUICK).run()
    assert counts(named) == {
        "sent": 10, "received": 12, "returned": 3, "deleted": 9, "dead_lettered": 1,
    }  # fmt: skip


@pytest.mark.parametrize("receives", [1, 2, 5])
def test_so_many_receives_and_then_the_dead_letter_queue(receives) -> None:
    trace = Visibility(bad=10, max_receive_count=receives, **QUICK).run()
    assert len(trace.batches) == receives
    assert counts(trace)["dead_lettered"] == 10
    error = trace.attempts["error_message"].unique().tolist()
    assert error == ["order 1 has no price"]


def test_a_redrive_brings_the_dead_back_as_new_messages() -> None:
    trace = Visibility(bad=1, redrive=True, **QUICK).run()
    rows = trace.queue_events
    again = rows[(rows["queue"] == "orders") & (rows["cause"] == "redrive")]
    assert len(again) == 10
    assert not set(again["event_id"]) & set(rows.query("cause == 'message_sent'")["event_id"])
    assert counts(trace)["deleted"] == 10
    assert trace.attempts["outcome"].iloc[-1] == "success"
    nothing = Visibility(visibility_timeout=120, redrive=True).run()
    assert counts(nothing)["deleted"] == 30


@settings(max_examples=15)
@given(
    timeout=st.integers(1, 120), p50=st.floats(0.5, 40), more=st.floats(1, 2),
    window=st.integers(0, 20), receives=st.integers(1, 5), partial=st.booleans(),
    bad=st.integers(0, 5), redrive=st.booleans(), messages=st.integers(5, 25),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_the_code_makes_the_same_trace(
    timeout, p50, more, window, receives, partial, bad, redrive, messages, seed
) -> None:
    chosen = Visibility(timeout, p50, p50 * more, window, receives, partial, bad, redrive, messages)
    trace = chosen.run(seed)
    trace.audit()
    space: dict[str, object] = {}
    exec(chosen.code(seed), space)
    assert space["trace"].digest() == trace.digest()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"visibility_timeout": 0}, "visibility_timeout=.*1 to 43,200"),
        ({"p50": 0}, "p50"),
        ({"p50": 5.0, "p99": 4.0}, r"p99=.*at least p50 \(5 s\)"),
        ({"window": 301}, "window=.*0 to 300"),
        ({"max_receive_count": 0}, "max_receive_count=.*1 to 1,000"),
        ({"partial_failures": 1}, "partial_failures=.*True or False"),
        ({"redrive": "yes"}, "redrive"),
        ({"messages": 0}, "messages=.*1 to 1,000"),
        ({"messages": 5, "bad": 6}, "bad=.*0 to 5"),
        ({"timeout": 901}, "timeout=.*1 to 900"),
    ],
)
def test_a_wrong_setting_is_named_with_its_limit(wrong, named) -> None:
    with pytest.raises(InvalidSetting, match=f"^{named}"):
        Visibility(**wrong)


def test_the_function_is_the_class() -> None:
    assert visibility(seed=3, bad=1).digest() == Visibility(bad=1).run(3).digest()
    assert visibility(seed=3).digest() != visibility(seed=4).digest()
