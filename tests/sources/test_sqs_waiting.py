"""Long polling, and the end of a queue, by the lab's own verbs."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lambdalab.errors import (
    InvalidSetting,
    QueueDeletedRecently,
    ResourceConflictException,
    UnknownName,
)
from lambdalab.lab import Lab


def test_a_receive_waits_for_the_first_message(lab: Lab) -> None:
    orders = lab.sqs.create_queue("orders")
    orders.send("late", delay=7)
    (message,) = orders.receive(wait_time=20)
    assert (message.body, lab.elapsed) == ("late", 7)
    assert orders.receive(wait_time=20) == []
    assert lab.elapsed == 27
    with pytest.raises(InvalidSetting, match="wait_time=21"):
        orders.receive(wait_time=21)


def test_a_message_that_becomes_visible_again_ends_the_wait(lab: Lab) -> None:
    orders = lab.sqs.create_queue("orders.fifo", content_based_deduplication=True)
    orders.send("x", message_group_id="a")
    orders.receive(visibility_timeout=10)
    assert orders.receive(wait_time=20)[0].receive_count == 2
    assert lab.elapsed == 10


def test_two_handlers_wait_and_one_gets_it(lab: Lab) -> None:
    orders = lab.sqs.create_queue("orders")

    @lab.function(timeout=60)
    def poll(event: Any, context: Any) -> int:
        return len(orders.receive(wait_time=20))

    @lab.function(timeout=60)
    def send(event: Any, context: Any) -> None:
        time.sleep(5)
        orders.send("x")

    for function in (poll, poll, send):
        lab.invoke(function, {}, invocation_type="Event")
    lab.run()
    assert orders.messages[0].receive_count == 1
    assert not orders.store.consumers


def test_a_deleted_queue(lab: Lab) -> None:
    letters, orders = lab.sqs.create_queue("letters"), lab.sqs.create_queue("orders")
    orders.update(dead_letter_queue=letters, max_receive_count=1)
    orders.send("x")
    lab.sqs.delete_queue("letters")
    assert "letters" not in lab.sqs
    with pytest.raises(UnknownName):
        lab.sqs.delete_queue(letters)
    for _ in range(3):  # there is nowhere to move it to
        assert orders.receive(visibility_timeout=1)
        lab.advance(2)
    with pytest.raises(QueueDeletedRecently, match="54 s are left"):
        lab.sqs.create_queue("letters")
    lab.advance(54)
    again = lab.sqs.create_queue("letters")
    assert not orders.receive()
    assert len(again.messages) == 1
    lab.reset()
    lab.sqs.delete_queue(again)
    lab.reset()  # and a run begins without it
    assert lab.sqs.create_queue("letters")


def test_a_queue_that_is_read_stays(lab: Lab) -> None:
    lab.sqs.create_queue("orders")
    mapping = lab.create_event_source_mapping("orders", lab.create_function("f", duration=0.1))
    with pytest.raises(ResourceConflictException, match="mapping reads the queue orders"):
        lab.sqs.delete_queue("orders")
    mapping.delete()
    lab.sqs.delete_queue("orders")
    lab.run()


def test_a_deleted_topic(lab: Lab) -> None:
    news = lab.sns.create_topic("news")
    news.subscribe(lab.sqs.create_queue("q"))
    news.publish("x")
    lab.sns.delete_topic("news")
    lab.sns.delete_topic("news")  # once more is no error
    lab.run()
    assert len(lab.sqs["q"].messages) == 1  # it was on its way
    assert "news" not in lab.sns
    assert lab.sns.create_topic("news").subscriptions == []
