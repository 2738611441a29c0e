"""The oldest message of a queue: who holds it, until when, and why."""

from __future__ import annotations

import pytest

import lambdalab as ll
from lambdalab.trace.finding import Finding


def oldest(lab: ll.Lab) -> list[Finding]:
    return [found for found in lab.trace.findings() if found.kind == "oldest message"]


def orders(lab: ll.Lab, **function: object) -> ll.Queue:
    queue = lab.sqs.create_queue("orders", visibility_timeout=180)
    lab.create_function("bill", **({"duration": 25, "timeout": 30} | function))
    lab.create_event_source_mapping(queue, "bill", batch_size=1)
    return queue


def test_a_running_batch_holds_it_until_its_visibility_timeout_ends(lab: ll.Lab) -> None:
    queue = orders(lab)
    queue.send("1")
    lab.advance(10)
    queue.send("2")
    [found] = oldest(lab)
    assert found.subject == "orders"
    assert found.advice == (
        "Of 2 messages that wait, m1 is the oldest, sent at 0 s: b1 of orders->bill holds it and r1 "
        "of bill runs; nobody else gets it before 180 s, when its visibility timeout ends."
    )
    assert list(found.rows.event.unique()) == ["m1"]


def test_a_failed_batch_leaves_it_hidden(lab: ll.Lab) -> None:
    orders(lab, duration=1, failure_rate=1).send("1")
    lab.advance(100)
    lab.sqs["orders"].send("2")
    assert "b1 of orders->bill had it (r1 of bill: failure); it comes back at 180 s" in (
        oldest(lab)[0].advice
    )


def test_a_batch_that_finds_no_concurrency_holds_it(lab: ll.Lab) -> None:
    queue = orders(lab, reserved_concurrency=1)
    lab.drive("bill", ll.Every(1), count=1)  # it takes all that is reserved
    lab.advance(2)
    queue.send("1")
    lab.advance(10)
    [found] = oldest(lab)
    assert "b1 of orders->bill holds it and finds no concurrency (r" in found.advice
    assert "it comes back at 182 s" in found.advice


@pytest.mark.parametrize(
    ("then", "says"),
    [
        (lambda lab, queue: queue.receive(), "a caller holds it since 5 s, until 35 s"),
        (lambda lab, queue: None, "it can be received since 0 s, and no mapping takes from it"),
    ],
)
def test_without_a_mapping(lab: ll.Lab, then: object, says: str) -> None:
    queue = lab.sqs.create_queue("orders", visibility_timeout=30)
    queue.send("1")
    lab.advance(5)
    then(lab, queue)  # type: ignore[operator]
    queue.send("2")
    assert says in oldest(lab)[0].advice


def test_an_asynchronous_event_waits_for_its_next_try(lab: ll.Lab) -> None:
    lab.create_function("notify", duration=1, failure_rate=1)
    lab.invoke("notify", invocation_type="Event")
    lab.advance(30)
    [found] = oldest(lab)
    assert found.subject == "notify (events)"
    assert "r1 waits, sent at 0 s: it waits for its next try, which ends at " in found.advice
    assert "because the function had failed" in found.advice


def test_nothing_waits_when_all_is_done_or_young(lab: ll.Lab) -> None:
    queue = orders(lab, duration=0.1)
    queue.send("1")
    lab.run()
    queue.send("2")
    assert oldest(lab) == []


def test_records_stay_in_their_stream_and_wait_only_for_a_mapping_that_has_not_taken_them(
    lab: ll.Lab,
) -> None:
    stream = lab.kinesis.create_stream("clicks")
    lab.create_function("count", duration=0.1)
    stream.put_record("before", "k")
    mapping = lab.create_event_source_mapping(stream, "count", starting_position="LATEST")
    lab.run()
    lab.drive(stream, ll.Every(1), count=40)
    lab.run()
    assert not oldest(lab), "all that is the mapping's business is done with"
    mapping.disable()
    lab.advance(60)
    for name in ("later", "last"):
        stream.put_record(name, "k")
        lab.advance(60)
    [found] = oldest(lab)
    assert found.subject == "clicks"
    assert found.advice.startswith("Of 2 records that wait, m42 is the oldest")
    assert "clicks->count is switched off" in found.advice
