"""Recursive loops: stopped after 16 runs of a function in one chain."""

from __future__ import annotations

import time
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import RecursiveInvocationException


def runs(lab: ll.Lab) -> int:
    return len(lab.trace.attempts)


def metric(lab: ll.Lab, name: str) -> float:
    figures = lab.trace.metrics(period=86_400)
    return float(figures[figures["metric"] == name]["sum"].sum())


def test_a_direct_call_is_refused(lab: ll.Lab) -> None:
    heard: list[str] = []

    @lab.function(timeout=60)
    def again(event: Any, context: Any) -> None:
        try:
            lab.invoke("again")
        except RecursiveInvocationException as error:
            heard.append(f"{error.status_code} {error.code}")

    lab.invoke(again)
    assert runs(lab) == 16
    assert heard == ["400 RecursiveInvocationException"]


def looping(lab: ll.Lab, **settings: Any) -> None:
    @lab.function(dead_letter_queue="dead", **settings)
    def again(event: Any, context: Any) -> None:
        if event["n"] < 40:
            lab.invoke("again", {"n": event["n"] + 1}, invocation_type="Event")

    lab.invoke(again, {"n": 1}, invocation_type="Event")
    lab.run()


def test_an_event_ends_as_a_dead_letter(lab: ll.Lab) -> None:
    looping(lab)
    assert runs(lab) == 16
    (letter,) = lab.sqs["dead"].messages
    assert letter.body == {"n": 17}
    assert metric(lab, "RecursiveInvocationsDropped") == 1


def test_it_may_be_allowed(lab: ll.Lab) -> None:
    looping(lab, recursive_loop="Allow")
    assert runs(lab) == 40
    assert len(lab.sqs["dead"].messages) == 0
    assert metric(lab, "RecursiveInvocationsDropped") == 0


def test_a_loop_over_two_functions(lab: ll.Lab) -> None:
    @lab.function
    def ping(event: Any, context: Any) -> None:
        lab.invoke("pong", {}, invocation_type="Event")

    @lab.function
    def pong(event: Any, context: Any) -> None:
        lab.invoke("ping", {}, invocation_type="Event")

    lab.invoke("ping", {}, invocation_type="Event")
    lab.run()
    assert lab.trace.attempts["function"].value_counts().to_dict() == {"ping": 16, "pong": 16}


def test_a_loop_through_a_queue(lab: ll.Lab) -> None:
    """The poller is refused; the message comes back until its own dead-letter queue takes it."""
    orders = lab.sqs.create_queue("orders", dead_letter_queue="dead", max_receive_count=3)

    @lab.function
    def again(event: Any, context: Any) -> None:
        time.sleep(1)
        orders.send("next")

    lab.create_event_source_mapping(orders, again)
    orders.send("first")
    lab.run(until="10min")  # a loop that nobody stops has no end
    assert runs(lab) == 16
    assert [letter.body for letter in lab.sqs["dead"].messages] == ["next"]


def test_a_choice_since_august_2024() -> None:
    for rules in ("2024-08-18", "2024-08-19"):
        lab = ll.Lab(rules=rules)
        if rules == "2024-08-19":
            lab.create_function("f", duration=1, recursive_loop="Allow")
        else:
            with pytest.raises(ll.LabError, match="2024-08-19"):
                lab.create_function("f", duration=1, recursive_loop="Allow")
