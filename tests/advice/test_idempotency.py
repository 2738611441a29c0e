"""Handlers that are retried: tried twice in a copy of the lab, which nothing reaches but the copy."""

from __future__ import annotations

import functools
import socket
import time
import types
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lambdalab as ll
from lambdalab.advice import Advice
from lambdalab.errors import UnknownName
from lambdalab.examples import orders

Event = dict[str, Any]


def kinds(lab: ll.Lab, **given: Any) -> list[str]:
    return [found.kind for found in lab.check(**given)]


def said(lab: ll.Lab, **given: Any) -> str:
    """All that a check says, on one line."""
    return " ".join(repr(lab.check(**given)).split())


@pytest.fixture
def shop(lab: ll.Lab) -> ll.Lab:
    """A queue, a table and a topic that handlers write to, and a place for failed events."""
    lab.sqs.create_queue("mails")
    lab.dynamodb.create_table("stock").put_item({"id": "bike", "count": 10})
    lab.sns.create_topic("news")
    lab.s3.create_bucket("photos")
    lab.eventbridge.create_event_bus("shop")
    lab.kinesis.create_stream("clicks")
    return lab


def retried(lab: ll.Lab, handler: Any, event: Any = None) -> list[str]:
    """The kinds found once a handler has had an asynchronous event."""
    lab.function(dead_letter_queue="failed")(handler)
    lab.invoke(handler, event or {"id": "A1"}, invocation_type="Event")
    lab.run()
    return kinds(lab)


def test_messages_that_are_sent_again(shop: ll.Lab) -> None:
    mails = shop.sqs["mails"]

    def tell(event: Event, context: Any) -> None:
        mails.send("hello")

    assert retried(shop, tell) == ["not idempotent"]
    [found] = shop.check()
    assert isinstance(found, Advice)
    [sent, answer] = found.proof.to_dict("records")
    assert sent == {"what": "sent to mails", "one_run": "1", "two_runs": "2"}
    assert answer["what"] == "answer"
    assert "2 times by Lambda's queue of asynchronous events" in found.advice
    assert len(mails.messages) == 1, "the lab itself has seen one run only"


@pytest.mark.parametrize(
    "write",
    [
        lambda lab, event: lab.sns["news"].publish("x"),
        lambda lab, event: lab.eventbridge["shop"].put_event(
            source="shop", detail_type="order put", detail=event
        ),
        lambda lab, event: lab.kinesis["clicks"].put_record(b"x", "key"),
        lambda lab, event: lab.invoke("other", invocation_type="Event"),
        lambda lab, event: lab.s3["photos"].put_object(f"{time.time_ns()}", b"x"),
        lambda lab, event: lab.dynamodb["stock"].put_item(
            {"id": "bike", "count": lab.dynamodb["stock"].get_item({"id": "bike"})["count"] - 1}
        ),
    ],
    ids=["topic", "bus", "stream", "function", "bucket", "table"],
)
def test_other_things_that_are_done_again(shop: ll.Lab, write: Any) -> None:
    shop.create_function("other", duration=0.1, dead_letter_queue="failed")

    def work(event: Event, context: Any) -> None:
        write(shop, event)

    assert retried(shop, work) == ["not idempotent"]


@pytest.mark.parametrize(
    "write",
    [
        lambda lab, event: None,
        lambda lab, event: lab.s3["photos"].put_object(event["id"], b"x"),
        lambda lab, event: lab.dynamodb["stock"].put_item({"id": "last", "at": str(time.time())}),
        lambda lab, event: (
            lab.dynamodb["stock"].get_item({"id": event["id"]})
            or (lab.dynamodb["stock"].put_item({"id": event["id"]}), lab.sqs["mails"].send("x"))
        ),
    ],
    ids=["nothing", "same object", "time of the last run", "remembers"],
)
def test_what_may_run_twice_is_no_finding(shop: ll.Lab, write: Any) -> None:
    def work(event: Event, context: Any) -> float:
        write(shop, event)
        return time.time()

    assert retried(shop, work) == []
    shop.reset()
    shop.dynamodb["stock"].put_item({"id": "bike", "count": 10})
    assert kinds(shop, events={"work": {"id": "A2"}}) == [], "one that it has not had yet"


def test_data_in_memory_where_the_answer_tells(lab: ll.Lab) -> None:
    stock, calls = {"bike": 10}, [0]

    @lab.function(dead_letter_queue="failed")
    def take(event: Event, context: Any) -> int:
        stock["bike"] -= 1
        return stock["bike"]

    @lab.function(dead_letter_queue="failed")
    def count(event: Event, context: Any) -> str:
        calls[0] += 1
        return "done"

    for handler in (take, count):
        lab.invoke(handler, invocation_type="Event")
    lab.run()
    assert [found.subject for found in lab.check()] == ["take"]
    assert (stock, calls) == ({"bike": 9}, [1])


def test_only_what_is_retried(shop: ll.Lab) -> None:
    @shop.function
    def tell(event: Event, context: Any) -> None:
        shop.sqs["mails"].send("hello")

    shop.invoke(tell)
    assert kinds(shop) == []
    queue = shop.sqs.create_queue("orders", visibility_timeout=60)
    shop.create_event_source_mapping(queue, tell)
    assert kinds(shop, record_size=10) == ["not idempotent"]
    shop.update_function("tell", maximum_retry_attempts=0)
    assert "by the mapping orders->tell" in shop.check(record_size=10)[0].advice


def test_without_an_event_nothing_is_said(shop: ll.Lab) -> None:
    @shop.function(dead_letter_queue="failed")
    def tell(event: Event, context: Any) -> None:
        shop.sqs["mails"].send("hello")

    shop.sns["news"].subscribe(tell)
    assert "not decided: whether tell is idempotent: no event seen yet" in said(shop)
    assert kinds(shop, events={tell: {}}) == ["not idempotent"]
    assert kinds(shop, events={"tell": {}}) == ["not idempotent"]


def test_the_lab_itself_is_shut_meanwhile(shop: ll.Lab) -> None:
    class Hidden:
        """A thing of the user's through which the lab is reached all the same."""

        def __deepcopy__(self, memo: object) -> Hidden:
            return self

        def send(self) -> None:
            shop.sqs["mails"].send("x")

    hidden = Hidden()

    def tell(event: Event, context: Any) -> None:
        hidden.send()

    assert retried(shop, tell) == []
    assert "its code reaches for what the copy of the lab has not (LabClosed)" in said(shop)
    assert len(shop.sqs["mails"].messages) == 1
    shop.sqs["mails"].send("open again")


def test_every_other_lab_is_shut_too(shop: ll.Lab) -> None:
    other = ll.Lab(seed=8).sqs.create_queue("mails")

    def tell(event: Event, context: Any) -> None:
        other.send("x")

    assert retried(shop, tell) == []
    assert "(LabClosed)" in said(shop)
    assert len(other.messages) == 1, "the lab's own run only"
    other.send("open again")


def test_methods_and_what_holds_things_of_the_lab(shop: ll.Lab) -> None:
    mails = shop.sqs["mails"]

    class Teller:
        def tell(self, event: Event, context: Any) -> None:
            mails.send("hello")

    held = (mails, types.SimpleNamespace(again=mails))

    def hold(event: Event, context: Any) -> None:
        held[0].send("hello")
        held[1].again.send("hello")

    shop.create_function("tell", code=Teller().tell, dead_letter_queue="failed")
    shop.invoke("tell", {}, invocation_type="Event")
    assert retried(shop, hold) == ["not idempotent"] * 2
    assert len(mails.messages) == 3


def test_arrays_and_frames_of_the_user_stay(lab: ll.Lab) -> None:
    counts, frame = np.zeros(3), pd.DataFrame({"count": [0]})

    def count(event: Event, context: Any) -> float:
        counts[0] += 1
        frame["count"] += 1
        return float(counts[0])

    retried(lab, count)
    assert (counts[0], frame.loc[0, "count"]) == (1, 1)


def test_objects_lie_in_the_copy_too(shop: ll.Lab) -> None:
    shop.s3["photos"].put_object("cat", b"large")

    def read(event: Event, context: Any) -> None:
        shop.sqs["mails"].send(shop.s3["photos"].get_object("cat").body.decode())

    assert retried(shop, read) == ["not idempotent"]


def test_what_fails_in_the_copy_is_not_decided(shop: ll.Lab) -> None:
    @shop.function
    def price(event: Event, context: Any) -> dict[str, int]:
        return {"cents": 3}

    def work(event: Event, context: Any) -> None:
        shop.sqs["mails"].send(str(shop.invoke("price").payload["cents"]))

    assert retried(shop, work) == []
    assert "it fails in the copy of the lab" in said(shop)


def test_large_data_is_not_slow(lab: ll.Lab) -> None:
    prices = dict.fromkeys(map(str, range(200_000)), 1)

    def look(event: Event, context: Any) -> int:
        return len(prices)

    began = time.perf_counter()
    assert retried(lab, look) == []
    assert time.perf_counter() - began < 2


def test_an_event_of_a_function_that_is_not_there(shop: ll.Lab) -> None:
    shop.create_function("tell", duration=1)
    with pytest.raises(UnknownName, match="did you mean 'tell'"):
        shop.check(events={"tel": {}})


def test_never_the_network(lab: ll.Lab) -> None:
    @lab.function(dead_letter_queue="failed", allow_network=True)
    def call(event: Event, context: Any) -> None:
        socket.create_connection(("localhost", 9))

    lab.sns.create_topic("news").subscribe(call)
    assert "NetworkRefused" in said(lab, events={call: {}})


def test_handlers_in_files(lab: ll.Lab) -> None:
    service = orders.build(lab)
    lab.invoke(service.put_order, orders.load()[3], invocation_type="Event")
    lab.run()
    found = {one.kind: one for one in lab.check(record_size=100)}
    assert (
        "calls of notify_customer: 1 after one run, 2 after two" in found["not idempotent"].advice
    )


def test_what_stands_around_a_handler_and_in_its_defaults(shop: ll.Lab) -> None:
    def logged(function: Any) -> Any:
        @functools.wraps(function)
        def around(event: Event, context: Any) -> Any:
            return function(event, context)

        return around

    @logged
    def tell(event: Event, context: Any, queue: Any = shop.sqs["mails"]) -> None:
        queue.send("hello")

    assert retried(shop, tell) == ["not idempotent"]
    assert len(shop.sqs["mails"].messages) == 1


def test_a_handler_of_another_module_and_its_globals(shop: ll.Lab) -> None:
    space: dict[str, Any] = {"lab": shop, "wraps": functools.wraps}
    exec(SOURCE, space)
    assert retried(shop, space["tell"]) == ["not idempotent"]
    assert space["told"] == ["A1"], "its data in memory is what the lab's own run made"
    assert len(shop.sqs["mails"].messages) == 1


SOURCE = """
told = []

def send(id):
    told.append(id)
    lab.sqs["mails"].send(id)

def tell(event, context):
    send(event["id"])
"""


def test_an_event_that_is_refused_now_is_told_and_stops_nothing() -> None:
    """With other quotas than when the event came, or an event that is given."""
    lab = ll.Lab(quotas={"synchronous_payload": 40_000})
    queue = lab.sqs.create_queue("orders")

    @lab.function
    def bill(event, context):
        return None

    lab.create_event_source_mapping(queue, bill)
    found = lab.check(events={"bill": {"text": "x" * 50_000}})
    assert any("the event is refused" in why for why in found.looked.left_out)
