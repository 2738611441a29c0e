"""The lab's own verbs: the clock, reset, close, what a cell shows."""

from __future__ import annotations

import datetime as dt
import threading
import time

import pandas as pd
import pytest

import lambdalab as ll
from lambdalab.errors import InvalidSetting, NeverAnswered, ResourceConflictException


def small(seed: int = 7) -> ll.Lab:
    lab = ll.Lab(seed=seed)
    lab.create_function("bill", duration=1, init=0)
    return lab


# ---- the clock


def test_run_ends_with_the_last_event_and_says_how_far_it_went() -> None:
    lab = small()
    lab.drive("bill", ll.Every(10), count=3)
    note = lab.run()
    assert lab.elapsed == 21
    assert repr(note) == "ran 21 s, to 2025-01-07 00:00:21"
    assert repr(lab.run()) == "ran 0 s, to 2025-01-07 00:00:21"


def test_run_until_goes_to_the_moment_and_no_further() -> None:
    """All forms of a moment; what happens at it has happened."""
    lab = small()
    lab.drive("bill", ll.Every(10), duration=100)
    for until, seconds in (
        (10, 10),
        ("20s", 20),
        (dt.timedelta(seconds=30), 30),
        (pd.Timedelta("40s"), 40),
        (dt.datetime(2025, 1, 7, 0, 0, 50), 50),
        (pd.Timestamp("2025-01-07T00:01:00Z"), 60),
    ):
        lab.run(until=until)
        assert lab.elapsed == seconds
        assert len(lab.trace.invocations) == seconds / 10 + 1
    assert lab.now == dt.datetime(2025, 1, 7, 0, 1, tzinfo=dt.UTC)


def test_advance_goes_on_by() -> None:
    lab = small()
    lab.advance("1.5h")
    lab.advance(0.000001)
    assert lab.elapsed == 5400.000001


def test_step_is_one_event() -> None:
    lab = small()
    lab.drive("bill", ll.Burst(2, at=5))
    seen = []
    while lab.step():
        seen.append((lab.elapsed, len(lab.trace.invocations)))
    assert seen[0] == (5, 1)
    assert seen[1] == (5, 2)
    assert lab.trace.invocations["status"].tolist() == ["succeeded"] * 2
    assert lab.step() is False


def test_an_invoke_runs_the_clock_only_until_its_answer() -> None:
    lab = small()
    lab.drive("bill", ll.Every(0.7), count=5)
    lab.invoke("bill")
    assert lab.elapsed == pytest.approx(1 + lab.rules.environment_setup)
    assert (lab.trace.invocations["status"] == "in_flight").sum() > 0
    lab.run()
    assert set(lab.trace.invocations["status"]) == {"succeeded"}


def test_messages_that_nobody_consumes_are_told() -> None:
    lab = small()
    lab.sqs.create_queue("orders").send_batch([1, 2])
    assert repr(lab.run()).endswith("· 2 messages lie in 'orders'")


def test_a_handler_that_waits_for_ever_times_out(lab: ll.Lab) -> None:
    @lab.function
    def wait(event: object, context: object) -> None:
        threading.Event().wait()

    assert lab.invoke(wait).payload["errorType"] == "Sandbox.Timedout"


def test_an_answer_that_cannot_come_is_an_error_and_not_a_hang() -> None:
    lab = small()
    with pytest.raises(NeverAnswered):
        lab._time.wait(lambda: False)


def test_real_time_does_not_pass() -> None:
    lab = small()

    @lab.function(timeout=900)
    def sleepy(event: object, context: object) -> None:
        time.sleep(800)

    before = time.perf_counter()
    lab.invoke(sleepy)
    assert time.perf_counter() - before < 30
    assert lab.elapsed > 800


@pytest.mark.parametrize(
    ("start", "shown"),
    [
        ("2030-06-01", "2030-06-01 00:00:00"),
        (dt.date(2030, 6, 1), "2030-06-01 00:00:00"),
        (dt.datetime(2030, 6, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=2))), "2030-06-01 10:00:00"),
    ],
)  # fmt: skip
def test_the_lab_starts_when_told(start: object, shown: str) -> None:
    lab = ll.Lab(start=start)  # type: ignore[arg-type]
    assert f"{lab.now:%Y-%m-%d %H:%M:%S}" == shown
    assert str(lab.rules.date) == "2025-01-07", "the rules are another matter"


@pytest.mark.parametrize("seed", [True, 1.5, None, b"x"])
def test_seeds_that_are_none(seed: object) -> None:
    with pytest.raises(InvalidSetting, match="seed="):
        ll.Lab(seed=seed)  # type: ignore[arg-type]


def test_a_seed_may_be_a_text() -> None:
    def first(seed: int | str) -> float:
        return ll.Lab(seed=seed).random("dice").uniform()

    assert first("lecture 3") == first("lecture 3") != first("lecture 4")


# ---- functions


def test_running_a_cell_twice_is_the_normal_case() -> None:
    lab = ll.Lab()
    for answer in (1, 2):

        @lab.function
        def handler(event: object, context: object, answer: int = answer) -> int:
            return answer

        assert lab.invoke(handler).payload == answer
    assert lab.sqs.create_queue("orders", delay=5) is lab.sqs.create_queue("orders", delay=5)


def test_other_creates_conflict_and_name_the_verb() -> None:
    lab = small()
    with pytest.raises(ResourceConflictException, match=r"update_function.*lab\.reset"):
        lab.create_function("bill", duration=2)


def test_a_dead_letter_queue_is_made_when_it_is_missing() -> None:
    lab = ll.Lab()
    lab.create_function("f", duration=1, dead_letter_queue="failed")
    assert "failed" in lab.sqs
    assert "<queue failed: 0 visible" in repr(lab)


# ---- traffic


def test_drive_sends_to_functions_and_queues_alike() -> None:
    lab = small()
    orders = lab.sqs.create_queue("orders")
    lab.drive("bill", ll.Every(1), count=3, payload={"n": 1})
    lab.drive("bill", ll.Every(1), count=3, invocation_type="Event")
    lab.drive(orders, ll.Every(1), duration=3, payload=lambda i: {"order": i})
    lab.drive("orders", ll.Burst(2))
    lab.run()
    kinds = lab.trace.invocations["invocation_type"].value_counts()
    assert (kinds["RequestResponse"], kinds["Event"]) == (3, 3)
    bodies = [seen.body for seen in orders.messages]
    assert bodies == [{"order": 0}, {"n": 0}, {"n": 1}, {"order": 1}, {"order": 2}]
    assert lab.trace.requests["caller"].value_counts()["drive"] == 6


def test_drive_schedules_and_run_makes_it_happen() -> None:
    lab = small()
    lab.drive("bill", ll.Burst(5))
    assert len(lab.trace.invocations) == 0
    lab.run()
    assert len(lab.trace.invocations) == 5


def test_poisson_arrivals_have_their_rate_and_their_spread() -> None:
    lab = small()
    lab.drive("bill", ll.Poisson(2), duration=5000)
    lab.run()
    gaps = lab.trace.invocations["requested_at"].diff().dt.total_seconds().dropna()
    assert gaps.mean() == pytest.approx(0.5, rel=0.03)
    assert gaps.std() == pytest.approx(0.5, rel=0.05)
    assert (lab.trace.requests["sent_at"] < pd.Timestamp("2025-01-07 01:23:20Z")).all()


def test_each_traffic_has_chance_of_its_own() -> None:
    lab = small()
    lab.drive("bill", ll.Poisson(1), count=20)
    lab.drive("bill", ll.Poisson(1), count=20)
    lab.run()
    assert lab.trace.invocations["requested_at"].nunique() == 40


def test_a_replay_keeps_each_recorded_time() -> None:
    lab = ll.Lab()
    times = [100 + n / 3 for n in range(1000)]
    replay = ll.Replay(times, durations=[0.1] * 1000)
    lab.create_function("f", duration=replay.duration)
    lab.drive("f", replay)
    lab.run()
    at = (
        lab.trace.invocations["requested_at"] - pd.Timestamp("2025-01-07", tz="UTC")
    ).dt.total_seconds()
    assert at.tolist() == pytest.approx([time - 100 for time in times], abs=1e-6)
    assert at.iloc[-1] == pytest.approx(333, abs=1e-6), "rounding does not add up"


# ---- reset and close


def test_reset_keeps_the_wiring_and_empties_the_books() -> None:
    lab = small()
    orders = lab.sqs.create_queue("orders")
    lab.create_event_source_mapping(orders, "bill")
    orders.send({"order": 1})
    lab.run()
    before = lab.trace
    lab.reset()
    assert lab.elapsed == 0
    assert [len(table) for table in (lab.trace.invocations, lab.trace.batches)] == [0, 0]
    assert [len(table) for table in (before.invocations, before.batches)] == [1, 1]
    assert len(orders) == 0
    orders.send({"order": 2})
    lab.run()
    assert lab.trace.batches["batch_id"].tolist() == before.batches["batch_id"].tolist()
    assert lab.invoke("bill").status_code == 200


def test_reset_keeps_reserved_concurrency_and_the_decorated_function() -> None:
    lab = ll.Lab()

    @lab.function(reserved_concurrency=1)
    def handler(event: object, context: object) -> int:
        time.sleep(1)
        return 1

    lab.invoke(handler)
    lab.reset()
    lab.drive(handler, ll.Burst(2))
    lab.run()
    assert lab.trace.invocations["status"].tolist() == ["succeeded", "throttled"]


def test_a_lab_is_closed_by_with() -> None:
    with small() as lab:
        lab.invoke("bill")
    assert lab.trace.environments["ended_because"].tolist() == ["lab_closed"]
    lab.audit()


# ---- what a cell shows


def test_the_labs_repr_tells_its_parts_and_its_cold_starts() -> None:
    lab = small()
    lab.drive("bill", ll.Every(2), count=4)
    lab.run()
    lines = repr(lab).splitlines()
    assert lines[0] == "Lab(seed=7) · 2025-01-07 00:00:07 (7 s) · rules of 2025-01-07"
    assert lines[1] == "  <function bill: modelled, 128 MB, timeout 3 s>"
    assert lines[-1] == "  1 cold start of 4 invocations (25.0 %)"
    assert "&lt;function bill" in lab._repr_html_()
    assert repr(lab) == repr(lab)


def test_many_functions_are_not_all_listed() -> None:
    lab = ll.Lab()
    for n in range(20):
        lab.create_function(f"f{n}", duration=1)
    assert "... and 12 more" in repr(lab)
    assert len(repr(lab).splitlines()) < 15
