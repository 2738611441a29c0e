"""A service that hands events over: its tries, its waits, its dead-letter queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidSetting, UnknownName
from lambdalab.kernel import US
from lambdalab.triggers.push import Arrivals, FunctionReceiver, Push, Retries, letters_to
from tests.triggers.fronts import parts_of

TOPIC = "arn:aws:sns:us-east-1:123456789012:orders"
Make = Callable[..., Push]


def push_to(lab: ll.Lab, function: str, retries: Retries | None = None, **more: Any) -> Push:
    parts = parts_of(lab)
    target = parts.target(function)
    parts.grant(target, "sns.amazonaws.com", TOPIC, "orders")
    receiver = FunctionReceiver(parts, target, "sns.amazonaws.com", TOPIC)
    return Push(parts, f"orders->{function}", receiver, retries, **more)


def actions(lab: ll.Lab, queue: str) -> list[str]:
    events = lab.trace.queue_events
    return [str(a) for a in events[events["queue"] == queue]["action"]]


def test_an_event_is_taken_and_forgotten(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=1, failure_rate=1, maximum_retry_attempts=0)
    push = push_to(lab, "bill")
    push.send(lab.sqs.new_number(), b'{"n": 1}', delay_us=US)
    lab.run()
    assert actions(lab, "orders->bill") == ["sent", "deleted"]
    (row,) = lab.trace.requests.to_dict("records")
    assert (row["caller"], row["status_code"], row["cause"]) == ("orders->bill", 202, "accepted")
    (call,) = lab.trace.invocations.to_dict("records")
    assert (call["source"], call["parent_kind"]) == ("orders->bill", "event")
    assert call["parent_id"] == parts_of(lab).ids.message(1)
    assert call["requested_at"] == row["sent_at"] == lab.trace.queue_events["at"].iloc[1]
    assert push.depth == 0
    told = [line for _, line in lab.trace.story("m1").lines]
    assert any("takes it as r1" in line for line in told)
    assert "over" in told[-1]


def test_refusals_are_tried_again_as_the_rules_say(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=1)
    lab.faults.service_error("bill", end=10)
    push = push_to(lab, "bill", Retries(lambda tries: 4 * US))
    push.send(lab.sqs.new_number(), b"{}")
    lab.run()
    rows = lab.trace.requests
    assert rows["status_code"].tolist() == [500, 500, 500, 202]
    assert rows["tries"].tolist() == [1, 2, 3, 4]
    assert rows["call"].nunique() == 1
    waits = lab.trace.retries
    assert [str(lane) for lane in waits["lane"]] == ["client"] * 3
    assert waits["waited_ms"].tolist() == [4_000] * 3
    assert [str(end) for end in waits["ended_as"]] == ["failed", "failed", "succeeded"]
    assert actions(lab, "orders->bill") == ["sent", *["retry_scheduled"] * 3, "deleted"]


@pytest.mark.parametrize("letters", [True, False])
def test_what_no_try_can_mend_ends_at_once(lab: ll.Lab, letters: bool) -> None:
    lab.create_function("bill", duration=1)
    dead = lab.sqs.create_queue("dead")
    push = push_to(lab, "bill", Retries(lambda tries: US))
    if letters:
        place = parts_of(lab).functions.destinations.resolve("dead_letter_queue", dead, "")
        assert place is not None
        push.dead_letters = letters_to(
            parts_of(lab), place, 0,
            lambda event, taken, cause: {"ERROR": ("String", taken.message[:20])},
        )  # fmt: skip
    lab.remove_permission("bill")
    push.send(lab.sqs.new_number(), b'{"n": 1}')
    lab.run()
    assert lab.trace.requests["status_code"].tolist() == [403]
    assert actions(lab, push.name)[-1] == ("dead_lettered" if letters else "dropped")
    assert str(lab.trace.queue_events["cause"].iloc[-1]) == "permission_denied"
    if letters:
        (letter,) = dead.receive()
        assert letter.body == '{"n": 1}'
        assert "ERROR" in letter.attributes


def test_a_function_that_is_gone(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=1)
    push = push_to(lab, "bill")
    lab.delete_function("bill")
    push.send(lab.sqs.new_number(), b"{}")
    assert lab.trace.requests["status_code"].tolist() == [404]
    assert str(lab.trace.queue_events["cause"].iloc[-1]) == "target_gone"


def test_events_nobody_wants_are_in_the_books(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=1)
    push, arrivals = push_to(lab, "bill"), Arrivals(parts_of(lab), "orders", "topic")
    number = lab.sqs.new_number()
    arrivals.arrive(number, wanted=False)
    push.filtered(number)
    assert actions(lab, "orders") == ["sent", "filtered"] == actions(lab, "orders->bill")


@given(
    wait=st.integers(1, 50), most=st.integers(1, 20), age=st.integers(1, 200),
    healed=st.integers(1, 300),
)  # fmt: skip
def test_an_event_ends_once_within_its_rules(wait: int, most: int, age: int, healed: int) -> None:
    lab = ll.Lab(seed=1)
    lab.create_function("bill", duration=0.1)
    lab.faults.service_error("bill", end=healed)
    retries = Retries(lambda tries: wait * US if tries < most else None, age * US)
    push_to(lab, "bill", retries).send(lab.sqs.new_number(), b"{}")
    lab.run()
    rows = lab.trace.requests
    assert len(rows) <= most
    sent = (rows["sent_at"] - rows["sent_at"].iloc[0]).dt.total_seconds()
    assert sent.max() <= age
    ends = [a for a in actions(lab, "orders->bill") if a not in ("sent", "retry_scheduled")]
    by_tries = -(-healed // wait) * wait
    if by_tries <= age and by_tries // wait + 1 <= most:
        assert ends == ["deleted"]
    else:
        assert ends in (["expired"], ["dropped"])
    lab.audit()
    lab.close()


def test_a_dead_letter_queue_of_a_new_name_is_made(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=1)
    lab.sns.create_topic("orders").subscribe("bill", dead_letter_queue="a")
    rule = lab.eventbridge["default"].put_rule("r", event_pattern={"source": ["shop"]})
    rule.put_target("bill", dead_letter_queue="b")
    lab.scheduler.create_schedule("s", "rate(1 hour)", "bill", dead_letter_queue="c")
    assert list(lab.sqs) == ["a", "b", "c"]


def test_traffic_finds_topics_buckets_and_buses_by_name(lab: ll.Lab) -> None:
    bill = lab.create_function("bill", duration=0.1)
    lab.sns.create_topic("orders").subscribe(bill)
    lab.s3.create_bucket("pictures").notify(bill)
    bus = lab.eventbridge.create_event_bus("shop")
    bus.put_rule("all", event_pattern={"account": ["123456789012"]}).put_target(bill)
    for name in ("orders", "pictures", "shop"):
        lab.drive(name, ll.Every(1), count=3)
    lab.run()
    assert len(lab.trace.invocations) == 9
    with pytest.raises(UnknownName, match="did you mean 'pictures'"):
        lab.drive("picture", ll.Every(1), count=1)
    lab.sns.create_topic("shop")
    with pytest.raises(InvalidSetting, match="one of several"):
        lab.drive("shop", ll.Every(1), count=1)


def test_what_is_handed_on_says_what_it_came_of(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=0.1)
    queue, topic = lab.sqs.create_queue("heard"), lab.sns.create_topic("orders")
    topic.subscribe(queue)
    topic.subscribe("bill")
    rule = lab.eventbridge["default"].put_rule("r", event_pattern={"source": ["shop"]})
    rule.put_target(topic)
    lab.eventbridge["default"].put_event(source="shop", detail_type="paid", detail={})
    lab.run()
    events = lab.trace.queue_events
    parents = events[events["parent_id"] != ""].groupby("event_id")["parent_id"].unique()
    names = parts_of(lab).ids.message
    assert {key: list(value) for key, value in parents.items()} == {
        names(2): [names(1)], names(3): [names(2)],
    }  # fmt: skip
    first, second = ([line for _, line in lab.trace.story(m).lines] for m in ("m1", "m2"))
    assert "m1 becomes m2 in 'orders'" in first
    assert second[0] == "m1 becomes m2 in 'orders'"
    assert "m2 becomes m3 in 'heard'" in second


def test_what_an_event_causes_as_it_is_handed_over_comes_before_its_end() -> None:
    """A topic whose function's failures go to the same topic: while one is taken, the next is sent."""
    quotas = {"sns_delivery_latency": 0.5, "asynchronous_dwell": 0.0}
    with ll.Lab(seed=1, quotas=quotas) as lab:
        news = lab.sns.create_topic("news")
        lab.create_function("f", duration=0.1, reserved_concurrency=0, on_failure=news)
        news.subscribe("f")
        news.publish("x")
        lab.advance("1min")
        lab.audit()
        rows = lab.trace.queue_events
        mine = rows[rows["queue"] == "news->f"]
        sent = mine[mine["action"] == "sent"]
        assert len(sent) > 2
        assert sent["delayed"].tolist()[1:] == sent["depth"].tolist()[1:]
