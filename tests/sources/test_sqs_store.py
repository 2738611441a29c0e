"""When messages are visible, when they leave, and what keeps a run alive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Bench


def test_the_visibility_timeout(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=30)
    orders.send("x")
    orders.receive()
    bench.run(until=29.999999)
    assert orders.receive() == []
    bench.run(until=30)
    [again] = orders.receive()
    assert again.receive_count == 2
    returned = bench.events(action="returned")
    assert [(row.at, row.cause, row.visible_at) for row in returned] == [
        (30_000_000, "visibility_timeout", 30_000_000)
    ]


def test_a_receive_may_have_its_own_visibility_timeout(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=30)
    orders.send("x")
    orders.receive(visibility_timeout=3)
    [row] = bench.events(action="received")
    assert (row.delay_us, row.visible_at) == (3_000_000, 3_000_000)
    bench.run(until=3)
    assert len(orders.receive(visibility_timeout=0)) == 1
    bench.run(until=3)
    assert orders.store.visible == 1


def test_returned_messages_come_last(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=10)
    for n in range(3):
        orders.send(n)
    orders.receive()
    bench.run(until=10)
    assert [m.json() for m in orders.receive(10)] == [1, 2, 0]


def test_a_delayed_message_becomes_visible_then(bench: Bench) -> None:
    orders = bench.queue(delay=5)
    orders.send("queue's")
    orders.send("own", delay=1)
    orders.send("none", delay=0)
    assert [(row.delay_us, row.visible_at) for row in bench.events()] == [
        (5_000_000, 5_000_000),
        (1_000_000, 1_000_000),
        (0, -1),
    ]
    bench.run(until=1)
    assert [m.body for m in orders.receive(10)] == ["none", "own"]
    bench.run(until=5)
    assert [m.body for m in orders.receive(10)] == ["queue's"]
    assert {row.cause for row in bench.events(action="returned")} == {"delay"}


def test_retention_ends_messages_wherever_they_are(bench: Bench) -> None:
    orders = bench.queue(retention=60, visibility_timeout=300)
    orders.send("in flight")
    orders.receive()
    orders.send("visible")
    orders.send("delayed", delay=100)
    bench.at(10, lambda: orders.send("younger"))
    bench.run(until=59.999999)
    assert orders.depth == 4
    bench.run(until=60)
    assert [m.body for m in orders.messages] == ["younger"]
    rows = bench.events(action="expired")
    assert [(r.event, r.cause, r.age_us) for r in rows] == [
        (n, "retention", 60_000_000) for n in (1, 2, 3)
    ]
    assert [r.depth for r in rows] == [3, 2, 1]
    bench.run(until=70)
    assert orders.depth == 0
    bench.run(until=500)
    assert len(bench.events()) == 4 + 1 + 4


def test_a_new_retention_holds_at_once(bench: Bench) -> None:
    orders = bench.queue()
    orders.send("x")
    bench.run(until=100)
    orders.update(retention=60)
    bench.run(until=100)
    assert orders.depth == 0
    orders.send("y")
    orders.update(retention=1000)
    bench.run(until=1099)
    assert orders.depth == 1
    bench.run(until=1100)
    assert orders.depth == 0


@pytest.mark.parametrize("most", [1, 3])
def test_dead_letters_go_with_the_receive_after_the_last(bench: Bench, most: int) -> None:
    orders = bench.queue(dead_letter_queue="failed", max_receive_count=most, visibility_timeout=10)
    failed = bench.sqs["failed"]
    message = orders.send({"order": 1})
    for n in range(most):
        assert len(orders.receive()) == 1
        bench.run(until=10 * (n + 1))
    assert (orders.depth, failed.depth) == (1, 0)
    assert orders.receive() == []
    assert (orders.depth, failed.depth) == (0, 1)
    [row] = bench.events(action="dead_lettered")
    assert (row.cause, row.receive_count, row.depth) == ("max_receive_count", most, 0)
    [row] = bench.events("failed")
    assert (row.action, row.cause, row.event, row.age_us) == (
        "sent", "dead_letter", 1, most * 10_000_000
    )  # fmt: skip
    [letter] = failed.receive()
    assert letter.message is message
    assert letter.body == '{"order": 1}'
    assert message.sent_at == 0
    assert letter.receive_count == most + 1


def test_a_receive_passes_over_dead_letters(bench: Bench) -> None:
    orders = bench.queue(dead_letter_queue="failed", max_receive_count=1, visibility_timeout=10)
    orders.send_batch(range(3))
    orders.receive(2)
    bench.run(until=10)
    orders.send("new")
    assert [m.body for m in orders.receive(2)] == ["2", "new"]
    assert [m.body for m in bench.sqs["failed"].messages] == [0, 1]


def test_a_dead_letter_queues_own_policy_counts_its_own_receives(bench: Bench) -> None:
    bench.queue("failed", dead_letter_queue="lost", max_receive_count=2, visibility_timeout=10)
    orders = bench.queue(dead_letter_queue="failed", max_receive_count=2, visibility_timeout=10)
    failed, lost = bench.sqs["failed"], bench.sqs["lost"]
    orders.send("x")
    for n in range(6):
        orders.receive()
        failed.receive()
        bench.run(until=10 * (n + 1))
    assert (orders.depth, failed.depth, lost.depth) == (0, 0, 1)
    assert len(bench.events("failed", "received")) == 2


def test_a_dead_letter_keeps_its_age(bench: Bench) -> None:
    orders = bench.queue(dead_letter_queue="failed", max_receive_count=1, visibility_timeout=10)
    bench.sqs["failed"].update(retention=60)
    orders.send("x")
    bench.run(until=30)
    orders.receive()
    bench.run(until=45)
    orders.receive()
    assert bench.sqs["failed"].depth == 1
    bench.run(until=60)
    assert bench.sqs["failed"].depth == 0


def test_an_older_dead_letter_ends_before_what_was_there(bench: Bench) -> None:
    orders = bench.queue(dead_letter_queue="failed", max_receive_count=1, visibility_timeout=10)
    failed = bench.sqs["failed"].update(retention=60)
    orders.send("old")
    orders.receive()
    bench.at(20, lambda: failed.send("young"))
    bench.at(30, orders.receive)
    bench.run(until=60)
    assert [m.body for m in failed.messages] == ["young"]
    bench.run(until=80)
    assert failed.depth == 0


def test_a_dead_letters_old_timer_says_nothing(bench: Bench) -> None:
    orders = bench.queue(dead_letter_queue="failed", max_receive_count=1)
    failed = bench.sqs["failed"]
    orders.send_batch(["stays", "goes"])
    failed.send("own")
    orders.receive(visibility_timeout=29)
    orders.receive(visibility_timeout=30)
    orders.change_visibility("m2", 0)
    orders.receive()
    bench.run(until=10)
    # both visible at 29 and 30, as their like in the other queue are, or once were to be
    failed.receive(visibility_timeout=19)
    failed.receive(visibility_timeout=20)
    bench.run(until=30)
    returned = bench.events("failed", "returned")
    assert [(r.event, r.at) for r in returned] == [(3, 29_000_000), (2, 30_000_000)]
    assert (failed.store.visible, orders.store.visible) == (2, 1)


def test_in_flight_messages_are_limited(benches: type[Bench]) -> None:
    bench = benches(sqs_in_flight=3)
    orders = bench.queue()
    orders.send_batch(range(5))
    held = orders.receive(10)
    assert len(held) == 3
    assert orders.receive(10) == []
    orders.delete(held[0])
    assert len(orders.receive(10)) == 1


def test_a_mapping_goes_on_when_there_is_room_in_flight_again(benches: type[Bench]) -> None:
    bench = benches(sqs_in_flight=3)
    orders = bench.queue()
    mapping = bench.map(orders, bench.function(), enabled=False)
    orders.send_batch(range(5))
    held = orders.receive(3)
    mapping.update(enabled=True)
    bench.run(until=1)
    assert bench.batches() == []
    for message in held:
        orders.delete(message)
    bench.run()
    assert [batch.records for batch in bench.batches()] == [2]


def test_every_row_has_the_depths_after_it(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=10)
    orders.send("a")
    orders.send("b", delay=1)
    orders.receive()
    bench.run(until=1)
    bench.run(until=10)
    orders.delete("m1")
    rows = [(r.action, r.depth, r.in_flight, r.delayed) for r in bench.events()]
    assert rows == [
        ("sent", 1, 0, 0),
        ("sent", 2, 0, 1),
        ("received", 2, 1, 1),
        ("returned", 2, 1, 0),
        ("returned", 2, 0, 0),
        ("deleted", 1, 0, 0),
    ]


# ---- what keeps a run alive ------------------------------------------------------------------


def test_messages_nobody_consumes_do_not_keep_a_run_alive(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=30)
    orders.send("visible")
    orders.send("delayed", delay=100)
    orders.receive()
    assert bench.scheduler.pending == 0
    assert bench.run() == 0
    assert bench.sqs.left_over() == {"orders": 2}


def test_invisible_and_delayed_ones_do_where_a_mapping_waits(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=30)
    orders.send("held")
    orders.receive()
    orders.send("delayed", delay=100)
    bench.map(orders, bench.function(duration=1))
    assert bench.run() == 101
    assert orders.depth == 0


def test_a_disabled_mapping_keeps_nothing_alive(bench: Bench) -> None:
    orders = bench.queue()
    mapping = bench.map(orders, bench.function(), enabled=False)
    orders.send("delayed", delay=100)
    assert bench.run() == 0
    mapping.update(enabled=True)
    assert bench.scheduler.pending == 1
    mapping.update(enabled=False)
    assert bench.scheduler.pending == 0
    mapping.update(enabled=True)
    assert bench.run() == 101


def test_a_run_ends_with_the_last_event_not_with_a_timeout_nobody_needs(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=600)
    bench.map(orders, bench.function(duration=2))
    orders.send("x")
    assert bench.run() == 2
    assert bench.scheduler.pending == 0


def test_memory_stays_flat_behind_a_stuck_message(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=43_200, retention=1_209_600)
    orders.send("stuck")
    orders.receive()
    for n in range(5_000):
        orders.send(n)
        orders.delete(orders.receive()[0])
    store = orders.store
    assert len(store._hidden) <= 1_100
    assert len(store._ages) <= 1_100
    assert len(store._ready) == 0
    assert orders.depth == 1
