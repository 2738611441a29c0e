"""What becomes of messages: success, failure, timeouts, throttles, late deletes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import lambdalab as ll
from lambdalab.trace.schema import ParentKind

if TYPE_CHECKING:
    from conftest import Bench

S = 1_000_000


def fail(_: Any) -> None:
    raise ValueError("no stock")


def actions(bench: Bench, queue: str = "orders") -> list[tuple[str, str, float]]:
    return [(r.action, r.cause, r.at / S) for r in bench.events(queue)]


def test_success_deletes_every_message(bench: Bench) -> None:
    orders = bench.queue()
    bench.map(orders, bench.function(duration=1))
    orders.send_batch(range(3))
    bench.run()
    [batch] = bench.batches()
    assert (batch.outcome, batch.failed_records, batch.completed_at) == ("success", 0, S)
    assert [(r.event, r.cause, r.batch, r.request) for r in bench.events(action="deleted")] == [
        (n, "batch_succeeded", 1, 1) for n in (1, 2, 3)
    ]
    [invocation] = bench.rows("invocations")
    assert bench.books.names[invocation.source] == "orders->bill"
    assert (invocation.parent_kind, invocation.parent) == (ParentKind.BATCH, 1)


@pytest.mark.parametrize(
    ("made", "ended"), [({"answer": fail}, 1), ({"duration": 10, "timeout": 3}, 3)]
)
def test_failure_leaves_them_until_their_visibility_timeout(
    bench: Bench, made: dict[str, Any], ended: int
) -> None:
    orders = bench.queue(visibility_timeout=30)
    bench.map(orders, bench.function(**made))
    orders.send_batch(range(2))
    bench.run(until=40)
    first, second = bench.batches()
    assert (first.outcome, first.failed_records, first.completed_at) == ("failure", 2, ended * S)
    assert (second.opened_at, second.records) == (30 * S, 2)
    returned = bench.events(action="returned")
    assert [(r.cause, r.batch, r.request, r.at) for r in returned] == [
        ("batch_failed", 1, 1, 30 * S)
    ] * 2
    counts = [row.receive_count for row in bench.events(action="received")]
    assert counts == [1, 1, 2, 2]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_failing_function_gets_a_message_max_receive_count_times(bench: Bench, most: int) -> None:
    orders = bench.queue(visibility_timeout=30, dead_letter_queue="failed", max_receive_count=most)
    bench.map(orders, bench.function(answer=fail))
    orders.send({"order": 1})
    assert bench.run() == 30 * most
    assert len(bench.batches()) == most
    assert actions(bench)[-1] == ("dead_lettered", "max_receive_count", 30.0 * most)
    [letter] = bench.sqs["failed"].messages
    assert letter.body == {"order": 1}
    assert letter.message_id == bench.service.ids.message(1)


def test_without_a_dead_letter_queue_a_message_is_tried_until_its_retention(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=30, retention=100)
    bench.map(orders, bench.function(answer=fail))
    orders.send("x")
    bench.run()
    assert [b.opened_at / S for b in bench.batches()] == [0, 30, 60, 90]
    assert actions(bench)[-1] == ("expired", "retention", 100.0)


def test_retention_during_the_run_ends_the_message_once(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=100, retention=60)
    bench.map(orders, bench.function(duration=80, timeout=90))
    orders.send("x")
    bench.run()
    assert [a for a, *_ in actions(bench)] == ["sent", "received", "expired"]
    assert bench.batches()[0].outcome == "success"


def test_deleted_by_a_caller_while_the_function_works(bench: Bench) -> None:
    orders = bench.queue()
    bench.map(orders, bench.function(answer=fail, duration=2))
    orders.send("x")
    bench.at(1, lambda: orders.delete("m1"))
    bench.run()
    assert [a for a, *_ in actions(bench)] == ["sent", "received", "deleted"]


# ---- late ------------------------------------------------------------------------------------


def slow_first(bench: Bench, answer: Any = None, visibility: int = 10) -> Any:
    """A function whose first run outlasts the visibility timeout: 25 s, later ones 20 s."""
    orders = bench.queue(visibility_timeout=30)
    times = iter([25, 20, 20])
    bench.map(orders, bench.function(duration=lambda _: next(times), answer=answer, timeout=30))
    orders.update(visibility_timeout=visibility)
    return orders


def test_a_duplicate_is_deleted_once(bench: Bench) -> None:
    orders = slow_first(bench)
    orders.send("x")
    bench.run()
    assert actions(bench) == [
        ("sent", "message_sent", 0),
        ("received", "polled", 0),
        ("returned", "visibility_timeout", 10),
        ("received", "polled", 10),
        ("returned", "visibility_timeout", 20),
        ("received", "polled", 20),
        ("deleted", "batch_succeeded", 25),
    ]
    assert [b.outcome for b in bench.batches()] == ["success"] * 3
    assert orders.depth == 0


def test_a_late_failure_says_nothing_about_a_newer_receive(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=30, dead_letter_queue="failed", max_receive_count=2)
    bench.map(orders, bench.function(duration=25, answer=fail, timeout=30))
    orders.update(visibility_timeout=22)
    orders.send("x")
    bench.run()
    # what failed at 25 is the first receive; the second, begun at 22, is under way until 47
    assert actions(bench) == [
        ("sent", "message_sent", 0),
        ("received", "polled", 0),
        ("returned", "visibility_timeout", 22),
        ("received", "polled", 22),
        ("returned", "visibility_timeout", 44),
        ("dead_lettered", "max_receive_count", 44),
    ]


def test_a_late_success_of_a_dead_letter_changes_nothing(bench: Bench) -> None:
    orders = slow_first(bench)
    orders.update(dead_letter_queue="failed", max_receive_count=1)
    orders.send("x")
    bench.run()
    assert [a for a, *_ in actions(bench)] == ["sent", "received", "returned", "dead_lettered"]
    assert bench.batches()[0].outcome == "success"
    assert bench.sqs["failed"].depth == 1


# ---- throttled -------------------------------------------------------------------------------


def test_a_throttled_batch_is_tried_again_with_growing_waits(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=60)
    bench.map(orders, bench.function(duration=9, timeout=10, reserved_concurrency=1), batch_size=1)
    orders.send_batch(["first", "second"])
    bench.run()
    second = bench.batches()[1]
    tries = [r.requested_at / S for r in bench.rows("invocations") if r.parent == 2]
    assert tries == [0, 1, 3, 7, 15]
    statuses = [r.status for r in bench.rows("invocations") if r.parent == 2]
    assert statuses == ["throttled"] * 4 + ["succeeded"]
    assert (second.outcome, second.completed_at) == ("success", 24 * S)
    assert second.request == len(bench.rows("invocations"))
    assert orders.depth == 0


def test_the_waits_end_at_their_maximum(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=120, retention=60)
    bench.map(orders, bench.function(reserved_concurrency=0))
    orders.send("x")
    bench.run()
    tries = [r.requested_at / S for r in bench.rows("invocations")]
    assert tries == [0, 1, 3, 7, 15, 31, 61, 91]


def test_a_throttled_batch_is_given_up_when_its_messages_come_back(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=30, dead_letter_queue="failed", max_receive_count=2)
    bench.map(orders, bench.function(reserved_concurrency=0))
    orders.send("healthy")
    assert bench.run() == 60
    first, second = bench.batches()
    assert (first.outcome, first.failed_records, first.completed_at) == ("throttled", 1, 30 * S)
    assert (second.opened_at, second.completed_at) == (30 * S, 60 * S)
    tries = [r.requested_at / S for r in bench.rows("invocations") if r.parent == 1]
    assert tries == [0, 1, 3, 7, 15]
    assert first.request == 5
    assert actions(bench) == [
        ("sent", "message_sent", 0),
        ("received", "polled", 0),
        ("returned", "zero_reserved_concurrency", 30),
        ("received", "polled", 30),
        ("returned", "zero_reserved_concurrency", 60),
        ("dead_lettered", "max_receive_count", 60),
    ]
    assert bench.sqs["failed"].depth == 1


def test_a_retry_comes_before_the_messages_do(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=31, dead_letter_queue="failed", max_receive_count=1)
    bench.map(orders, bench.function(reserved_concurrency=0))
    orders.send("x")
    assert bench.run() == 31
    assert [r.requested_at / S for r in bench.rows("invocations")] == [0, 1, 3, 7, 15]


def test_the_first_message_to_come_back_ends_a_throttled_batch(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=30, dead_letter_queue="failed", max_receive_count=1)
    bench.map(orders, bench.function(reserved_concurrency=0), maximum_batching_window=5)
    orders.send("first")
    bench.at(4, lambda: orders.send("second"))
    bench.run()
    [batch] = bench.batches()
    assert (batch.records, batch.completed_at / S) == (2, 30)
    assert [r.at / S for r in bench.events(action="returned")] == [30, 34]


def test_a_poller_keeps_its_throttled_batch(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=60)
    bench.map(orders, bench.function(duration=2, reserved_concurrency=1), batch_size=1)
    orders.send_batch(range(6))
    bench.run(until=1.5)
    assert len(bench.batches()) == 5
    assert orders.store.visible == 1
    bench.run()
    assert orders.depth == 0


def test_a_batch_too_large_for_the_function_fails(benches: type[Bench]) -> None:
    bench = benches(synchronous_payload=100)
    orders = bench.queue(dead_letter_queue="failed", max_receive_count=1)
    bench.map(orders, bench.function())
    orders.send("x")
    bench.run()
    [batch] = bench.batches()
    assert (batch.outcome, batch.failed_records) == ("failure", 1)
    assert bench.sqs["failed"].depth == 1


def test_what_a_mapping_held_and_lost_meanwhile_is_not_handed_over() -> None:
    """One record is left over at 6 MB and waits for a poller, until it is visible again."""
    lab = ll.Lab(quotas={"mapping_pollers_start": 1, "mapping_pollers_maximum": 1})
    seen: list[str] = []

    @lab.function(timeout=30, reserved_concurrency=0)
    def bill(event: Any, context: Any) -> None:
        seen.extend(each["attributes"]["ApproximateReceiveCount"] for each in event["Records"])

    orders = lab.sqs.create_queue("orders")
    lab.create_event_source_mapping(orders, bill, batch_size=10_000, maximum_batching_window=1)
    for _ in range(65):
        orders.send("x" * 102_400)
    lab.run(until=60)
    assert lab.trace.batches["records"].tolist() == [61]
    assert orders.store.in_flight > 61, "one more receive than the batch could take"
    lab.run(until=61)  # 1 + 30 + 30 s: all of them are visible again, and received once more
    lab.put_function_concurrency(bill, 1)
    lab.run()
    assert orders.depth == 0
    assert seen == ["2"] * 65, "each as it was received the second time"
