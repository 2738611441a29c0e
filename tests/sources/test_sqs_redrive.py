"""Out of the dead-letter queue again: where to, how fast, and as what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lambdalab.errors import InvalidParameterValueException, InvalidSetting, UnknownName

if TYPE_CHECKING:
    from conftest import Bench

    from lambdalab.sources.sqs.queue import Queue


def letters(bench: Bench, number: int, suffix: str = "") -> tuple[Queue, Queue]:
    """A queue, and its dead-letter queue with so many messages that were received once."""
    orders = bench.queue(
        f"orders{suffix}", dead_letter_queue=f"failed{suffix}", max_receive_count=1,
        visibility_timeout=0,
    )  # fmt: skip
    for n in range(number):
        group, known_by = ("ab"[n % 2], str(n)) if suffix else (None, None)
        orders.send(n, message_group_id=group, message_deduplication_id=known_by)
    failed = bench.sqs[f"failed{suffix}"]
    bench.at(1, lambda: [orders.receive(10) for _ in range(number // 5 + 2)])
    bench.at(2, lambda: [orders.receive(10) for _ in range(number // 5 + 2)])
    bench.run(until=3)
    assert (orders.depth, failed.depth) == (0, number)
    return orders, failed


def test_messages_go_back_to_their_source_as_new_ones(bench: Bench) -> None:
    orders, failed = letters(bench, 2)
    old = failed.messages[0]
    task = failed.start_message_move_task()
    assert task.running
    assert repr(task) == (
        "<message move task from 'failed' to their sources: RUNNING, 0 of 2 moved, at most 500/s>"
    )
    bench.run()
    assert (task.status, task.moved, task.to_move) == ("COMPLETED", 2, 2)
    assert (orders.depth, failed.depth) == (2, 0)
    assert [m.body for m in orders.messages] == [0, 1]
    new = orders.messages[0]
    assert new.message_id != old.message_id
    assert (new.receive_count, new.message.sent_at) == (0, 3_000_000)
    assert new.message.dead_letter_source == ""
    gone = bench.events("failed", "deleted")
    come = [row for row in bench.events("orders", "sent") if row.cause == "redrive"]
    assert [row.cause for row in gone] == ["redrive", "redrive"]
    assert [row.at for row in gone] == [row.at for row in come] == [3_000_000, 3_002_000]
    assert [row.age_us for row in come] == [0, 0]


def test_the_rate(bench: Bench) -> None:
    _, failed = letters(bench, 5)
    task = failed.start_message_move_task(max_messages_per_second=3)
    bench.run(until=3.5)
    assert (task.moved, task.status) == (2, "RUNNING")
    bench.run()
    assert [row.at for row in bench.events("failed", "deleted")] == [
        3_000_000, 3_333_333, 3_666_666, 4_000_000, 4_333_333
    ]  # fmt: skip


def test_limits_of_the_rate(benches: type[Bench]) -> None:
    bench = benches(sqs_redrive_rate_default=1)
    _, failed = letters(bench, 2)
    for wrong in (0, 501, 2.5, "5", True):
        with pytest.raises(InvalidSetting, match=r"max_messages_per_second=.*1 to 500"):
            failed.start_message_move_task(max_messages_per_second=wrong)  # type: ignore[arg-type]
    assert failed.message_move_tasks == []
    failed.start_message_move_task()
    assert bench.run() == 4


def test_a_task_keeps_a_run_alive(bench: Bench) -> None:
    _, failed = letters(bench, 3)
    failed.start_message_move_task(max_messages_per_second=1)
    assert bench.run() == 5
    assert bench.scheduler.pending == 0


def test_a_mapping_gets_what_comes_back(bench: Bench) -> None:
    seen: list[Any] = []
    orders, failed = letters(bench, 2)
    orders.update(visibility_timeout=30)
    bench.map(orders, bench.function(answer=seen.append))
    failed.start_message_move_task()
    bench.run()
    records = [record for event in seen for record in event["Records"]]
    assert [record["body"] for record in records] == ["0", "1"]
    for record in records:
        assert record["attributes"]["ApproximateReceiveCount"] == "1"
        assert "DeadLetterQueueSourceArn" not in record["attributes"]


def test_another_destination(bench: Bench) -> None:
    orders, failed = letters(bench, 2)
    failed.send("own")
    other = bench.queue("other", delay=5)
    task = failed.start_message_move_task("other")
    bench.run()
    assert task.status == "COMPLETED"
    assert [m.state for m in other.messages] == ["delayed"] * 3
    assert (orders.depth, failed.depth) == (0, 0)
    assert "to 'other'" in repr(task)
    failed.start_message_move_task(other)
    for wrong in (failed, "failed"):
        with pytest.raises(InvalidSetting, match="another queue than the source"):
            failed.start_message_move_task(wrong)
    with pytest.raises(UnknownName):
        failed.start_message_move_task("others")
    bench.queue("other.fifo")
    with pytest.raises(InvalidSetting, match="a standard queue, as the source is"):
        failed.start_message_move_task("other.fifo")


def test_what_came_from_nowhere_ends_the_task(bench: Bench) -> None:
    orders, failed = letters(bench, 1)
    failed.send("own")
    failed.send("more")
    task = failed.start_message_move_task()
    bench.run()
    assert (task.status, task.moved) == ("FAILED", 1)
    assert "FAILED (CouldNotDetermineMessageSource), 1 of 3 moved" in task._repr_html_()
    assert [m.body for m in failed.messages] == ["own", "more"]
    assert orders.depth == 1


def test_only_a_dead_letter_queue_has_tasks_and_one_at_a_time(bench: Bench) -> None:
    orders, failed = letters(bench, 2)
    with pytest.raises(
        InvalidParameterValueException, match="must be configured as a Dead Letter Queue"
    ):
        orders.start_message_move_task()
    first = failed.start_message_move_task(max_messages_per_second=1)
    with pytest.raises(InvalidParameterValueException, match="one message move task at a time"):
        failed.start_message_move_task()
    bench.run()
    second = failed.start_message_move_task()
    assert failed.message_move_tasks == [second, first]


def test_cancelling(bench: Bench) -> None:
    orders, failed = letters(bench, 3)
    task = failed.start_message_move_task(max_messages_per_second=1)
    bench.run(until=4)
    task.cancel()
    bench.run()
    assert (task.status, task.moved) == ("CANCELLED", 2)
    assert (orders.depth, failed.depth) == (2, 1)
    assert bench.scheduler.pending == 0
    with pytest.raises(InvalidParameterValueException, match="this one is CANCELLED"):
        task.cancel()
    assert failed.start_message_move_task().running


def test_what_is_in_flight_or_comes_later_stays(bench: Bench) -> None:
    orders, failed = letters(bench, 3)
    failed.update(visibility_timeout=100)
    failed.receive()
    task = failed.start_message_move_task("orders", max_messages_per_second=1)
    assert task.to_move == 2
    failed.send("later")
    bench.at(3.5, lambda: failed.receive())
    bench.run(until=10)
    assert (task.status, task.moved) == ("COMPLETED", 1)
    assert [m.body for m in orders.messages] == [1]
    assert failed.depth == 3


def test_an_empty_queue(bench: Bench) -> None:
    _, failed = letters(bench, 0)
    task = failed.start_message_move_task()
    bench.run()
    assert (task.status, task.moved, task.to_move) == ("COMPLETED", 0, 0)


def test_redriven_messages_are_not_doubled_by_a_fault(bench: Bench) -> None:
    _, failed = letters(bench, 1)
    failed.faults.append(object())  # type: ignore[arg-type]
    failed.receive(visibility_timeout=0)
    bench.run(until=4)
    failed.start_message_move_task()
    bench.run()
    assert failed.depth == 0


def test_a_fifo_queue_gets_them_back_in_order_and_in_their_groups(bench: Bench) -> None:
    orders, failed = letters(bench, 4, ".fifo")
    before = {m.body: m.message_id for m in failed.messages}
    held = failed.receive(visibility_timeout=30)
    task = failed.start_message_move_task()
    assert task.to_move == 3
    bench.run(until=10)
    assert [(m.body, m.message_group_id) for m in orders.messages] == [(1, "b"), (3, "b")]
    assert [m.body for m in failed.messages] == [0, 2], "2 is of the group of 0, which is in flight"
    for seen in orders.messages:
        assert seen.message.fifo is not None
        assert seen.message.fifo[2] == before[seen.body]
    failed.change_visibility(held[0], 0)
    failed.start_message_move_task()
    bench.run(until=20)
    assert [m.body for m in orders.messages] == [1, 3, 0, 2]
    assert [m.body for m in orders.receive(10)] == ["1", "3", "0", "2"]


def test_reset_forgets_the_tasks(bench: Bench) -> None:
    _, failed = letters(bench, 2)
    failed.start_message_move_task(max_messages_per_second=1)
    bench.reset()
    assert failed.message_move_tasks == []
    assert bench.run() == 0
