"""What throttles and failures do to a mapping's pollers, and the trap that throttles lead to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

import lambdalab as ll
from lambdalab.rules import RULES

if TYPE_CHECKING:
    from conftest import Bench

S = 1_000_000


def pollers(bench: Bench) -> list[tuple[float, int, int, str]]:
    """Second, before, after and cause of each change."""
    rows = [row for row in bench.rows("scaling") if row.kind == "pollers"]
    return [(row.at / S, row.before, row.after, row.cause) for row in rows]


def flood(bench: Bench, number: int) -> None:
    """So many messages at once."""
    for _ in range(number // 10):
        bench.sqs["orders"].send_batch(range(10))


# ---- the trap --------------------------------------------------------------------------------


def trap(**quotas: Any) -> ll.Lab:
    """2,000 messages at once, and a function of which two can run, 25 s each."""
    most = quotas.pop("maximum_concurrency", None)
    lab = ll.Lab(seed=7, quotas=quotas)
    orders = lab.sqs.create_queue(
        "orders", visibility_timeout=30, dead_letter_queue="dead", max_receive_count=3
    )
    lab.create_function("bill", duration=25, timeout=30, reserved_concurrency=2)
    lab.create_event_source_mapping(orders, "bill", batch_size=10, maximum_concurrency=most)
    for start in range(0, 2_000, 10):
        orders.send_batch([{"order": start + n} for n in range(10)])
    lab.run()
    assert orders.depth == 0
    return lab


def dead(lab: ll.Lab) -> int:
    return lab.sqs["dead"].depth


def test_healthy_messages_die_where_pollers_outnumber_what_can_run() -> None:
    lab = trap()
    assert 200 <= dead(lab) <= 600
    batches, attempts = lab.trace.batches, lab.trace.attempts
    assert set(attempts["outcome"]) == {"success"}, "no run of the function failed"
    assert set(batches["outcome"]) == {"success", "throttled"}
    # nothing hidden: each of the dead was received three times, given up three times
    events = lab.trace.queue_events
    letters = events[(events["queue"] == "orders") & (events["action"] == "dead_lettered")]
    lives = events[(events["queue"] == "orders") & events["event_id"].isin(letters["event_id"])]
    counts = lives.groupby("event_id")["action"].value_counts().unstack(fill_value=0)
    assert (counts["received"] == 3).all()
    assert (counts["returned"] == 3).all()
    returned = lives[lives["action"] == "returned"]
    assert set(returned["cause"]) == {"throttled_reserved"}
    assert len(letters) == dead(lab)


def test_maximum_concurrency_keeps_them_all_alive() -> None:
    lab = trap(maximum_concurrency=2)
    assert dead(lab) == 0
    invocations = lab.trace.invocations
    assert set(invocations["status"]) == {"succeeded"}
    assert len(invocations) == 200
    assert lab.elapsed == pytest.approx(100 * 25, abs=1)


def test_one_named_setting_decides_how_many_die() -> None:
    begun = time.process_time()
    died = {floor: dead(trap(mapping_pollers_throttled=floor)) for floor in (5, 3, 1)}
    assert died[5] > 4 * died[3] > 4 * died[1] >= 0
    assert died[5] > 200
    assert died[3] > 20
    assert died[1] < 10
    assert time.process_time() - begun < 2
    assert RULES["mapping_pollers_throttled"].source == "choice"


def test_throttled_batches_are_tried_again_at_a_pace() -> None:
    lab = trap()
    invocations = lab.trace.invocations
    tries = invocations.groupby("parent_id").size()
    assert tries.max() == 5  # after 0, 1, 3, 7 and 15 s
    assert len(invocations) < 1_500


# ---- fewer pollers ---------------------------------------------------------------------------


def slow(bench: Bench, reserved: int, duration: float = 10, **settings: Any) -> None:
    """A flood, and a function of which ``reserved`` can run."""
    bench.queue(visibility_timeout=60)
    bill = bench.function(duration=duration, timeout=30, reserved_concurrency=reserved)
    bench.map(bench.sqs["orders"], bill, **settings)
    flood(bench, 3_000)


def test_throttles_halve_the_pollers_and_stop_their_growth(bench: Bench) -> None:
    slow(bench, reserved=22)
    bench.run(until=60)
    rows = pollers(bench)
    assert rows[:5] == [
        (0, 0, 5, "configured"), (1, 5, 10, "backlog"), (2, 10, 15, "backlog"),
        (3, 15, 20, "backlog"), (4, 20, 25, "backlog"),
    ]  # fmt: skip
    assert rows[5] == (4, 25, 12, "throttled")
    assert not [row for row in rows[5:] if row[3] == "backlog"]
    # twelve of 22 are too few to be throttled, and a minute later there are more again
    bench.run(until=600)
    after = pollers(bench)[6:]
    assert after[0][3] == "recovered"
    last_throttle = max(
        row.requested_at for row in bench.rows("invocations")
        if row.status == "throttled" and row.requested_at / S < after[0][0]
    )  # fmt: skip
    assert after[0][0] == last_throttle / S + 60


def test_they_grow_again_by_one_then_twice_as_many_each_time() -> None:
    quotas = {"mapping_pollers_throttled": 1, "mapping_recovery_interval": 5}
    lab = ll.Lab(seed=7, quotas=quotas)
    orders = lab.sqs.create_queue("orders", visibility_timeout=900)
    lab.create_function("bill", duration=2, timeout=30, reserved_concurrency=0)
    lab.create_event_source_mapping(orders, "bill", batch_size=1)
    for _ in range(50):
        orders.send_batch(range(10))
    lab.run(until=25)
    lab.put_function_concurrency("bill", None)
    lab.run(until=80)
    scaling = lab.trace.scaling
    rows = scaling[scaling["kind"] == "pollers"]
    changes = list(zip(rows["before"], rows["after"], rows["cause"], strict=True))
    assert changes[:8] == [
        (0, 5, "configured"), (5, 2, "throttled"), (2, 1, "throttled"), (1, 2, "recovered"),
        (2, 4, "recovered"), (4, 8, "recovered"), (8, 13, "recovered"), (13, 18, "backlog"),
    ]  # fmt: skip
    seconds = rows["at"].diff().dt.total_seconds().tolist()[4:8]
    assert seconds == [5, 5, 5, 1]


def test_no_growth_before_something_has_succeeded(benches: type[Bench]) -> None:
    bench = benches(mapping_recovery_interval=5)
    bench.queue(visibility_timeout=600)
    bench.map(bench.sqs["orders"], bench.function(reserved_concurrency=0), batch_size=1)
    flood(bench, 100)
    bench.run(until=599)
    assert pollers(bench) == [(0, 0, 5, "configured")]
    tries = [r.requested_at / S for r in bench.rows("invocations") if r.parent == 1]
    assert tries == [0, 1, 3, 7, 15, *range(31, 599, 30)]


@pytest.mark.parametrize(("share", "left"), [(0.8, 20), (0.5, 12), (0.0, 5), (1.0, 25)])
def test_how_many_are_kept_is_a_setting(benches: type[Bench], share: float, left: int) -> None:
    bench = benches(mapping_throttle_reduction=share)
    slow(bench, reserved=22)
    bench.run(until=4.5)
    assert pollers(bench)[-1][2] == left


# ---- failures --------------------------------------------------------------------------------


def fail(_: Any) -> None:
    raise ValueError("no stock")


def broken(bench: Bench, until: float, **settings: Any) -> None:
    """A flood, and a function that fails for some seconds and then no more."""
    orders = bench.queue(visibility_timeout=300)
    state = {"broken": False}
    bill = bench.function(answer=lambda event: fail(event) if state["broken"] else None,
                          duration=2, timeout=30)  # fmt: skip
    bench.map(orders, bill, **settings)
    flood(bench, 10_000)
    bench.at(5.5, lambda: state.update(broken=True))
    bench.at(until, lambda: state.update(broken=False))


def test_failures_in_a_row_make_them_fewer(bench: Bench) -> None:
    broken(bench, until=20)
    bench.run(until=1_500)
    rows = pollers(bench)
    causes = [row[3] for row in rows]
    assert causes[:6] == ["configured"] + 5 * ["backlog"]
    assert rows[6] == (6, 30, 15, "failures")
    assert rows[7] == (16, 15, 7, "failures")
    assert causes[8] == "recovered"
    assert rows[8][0] == pytest.approx(20 + 60, abs=4)
    assert set(causes[8:]) == {"recovered", "backlog", "backlog_gone", "idle"}


def test_failures_now_and_then_change_nothing(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=300)
    turn = iter(range(100_000))
    bill = bench.function(answer=lambda e: fail(e) if next(turn) % 3 == 0 else None, duration=2)
    bench.map(orders, bill)
    flood(bench, 3_000)
    bench.run(until=60)
    assert {row[3] for row in pollers(bench)} == {"configured", "backlog"}


def test_with_partial_failures_reported_they_stay(bench: Bench) -> None:
    broken(bench, until=20, function_response_types=["ReportBatchItemFailures"])
    bench.run(until=60)
    causes = {row[3] for row in pollers(bench)}
    assert causes <= {"configured", "backlog", "backlog_gone"}


def test_a_timeout_is_a_failure_too(benches: type[Bench]) -> None:
    bench = benches(mapping_pollers_failing=2)
    orders = bench.queue(visibility_timeout=300)
    bench.map(orders, bench.function(duration=60, timeout=3))
    flood(bench, 1_000)
    bench.run(until=20)
    rows = [(row[0], row[3]) for row in pollers(bench) if row[3] != "backlog"]
    assert rows == [(0, "configured"), (3, "failures"), (13, "failures")]
    assert pollers(bench)[-1] == (13, 7, 3, "failures")


def test_disabled_they_are_none_whatever_happens(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=30)
    mapping = bench.map(orders, bench.function(reserved_concurrency=0))
    flood(bench, 100)
    bench.at(2, lambda: mapping.update(enabled=False))
    bench.run(until=100)
    assert pollers(bench) == [(0, 0, 5, "configured"), (2, 5, 0, "configured")]


# ---- corners --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["orders", "orders.fifo"])
def test_a_timeout_of_0_makes_no_endless_loop(name: str) -> None:
    lab = ll.Lab()
    orders = lab.sqs.create_queue(name)
    lab.create_function("bill", duration=1, reserved_concurrency=0)
    lab.create_event_source_mapping(orders, "bill")
    orders.update(visibility_timeout=0)  # nothing is refused once the mapping is there
    ids = {"message_group_id": "a", "message_deduplication_id": "a"} if orders.fifo else {}
    orders.send("x", **ids)
    lab.run(until=10)
    receives = lab.trace.queue_events.query("action == 'received'")
    assert len(receives) == 10 * 5 + 1  # each of the five pollers once a second


def test_what_fails_at_once_with_a_timeout_of_0_takes_a_millisecond() -> None:
    lab = ll.Lab()
    orders = lab.sqs.create_queue("orders")
    lab.create_function("bill", duration=0, failure_rate=1)
    lab.create_event_source_mapping(orders, "bill", maximum_concurrency=2)
    orders.update(visibility_timeout=0)
    orders.send("x")
    lab.run(until=1)
    assert orders.depth == 1
    assert 500 < len(lab.trace.batches) <= 1_001


def test_a_back_off_of_0_is_a_millisecond() -> None:
    lab = ll.Lab(quotas={"mapping_throttle_backoff_first": 0})
    lab.create_function("bill", duration=1, reserved_concurrency=0)
    orders = lab.sqs.create_queue("orders")
    lab.create_event_source_mapping(orders, "bill")
    orders.send("x")
    lab.run(until=0.1)
    assert len(lab.trace.invocations) == 101


def test_a_batch_may_be_throttled_more_than_a_thousand_times() -> None:
    lab = ll.Lab(quotas={"mapping_throttle_backoff_first": 0.5})
    lab.create_function("bill", duration=1, reserved_concurrency=0)
    orders = lab.sqs.create_queue("orders", visibility_timeout=43_200)
    lab.create_event_source_mapping(orders, "bill")
    orders.send("x")
    lab.run(until="11h")
    assert len(lab.trace.invocations) > 1_024
