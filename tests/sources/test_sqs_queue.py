"""What users do with a queue: send, receive, delete, look, and how it comes and goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambdalab import Every, Lab
from lambdalab.errors import (
    InvalidParameterValueException,
    InvalidSetting,
    ResourceConflictException,
    UnknownName,
    UnknownSetting,
)

if TYPE_CHECKING:
    from conftest import Bench


def told(bench: Bench, queue: str = "orders") -> list[tuple[str, str]]:
    return [(row.action, row.cause) for row in bench.events(queue)]


def test_a_message_is_sent_received_and_deleted(bench: Bench) -> None:
    orders = bench.queue()
    message = orders.send({"order": 1, "name": "Zoë"})
    assert repr(message) == "m1"
    assert message.body == '{"order": 1, "name": "Zoë"}'
    assert message.message_id == bench.service.ids.message(1)
    [received] = orders.receive()
    assert received.json() == {"order": 1, "name": "Zoë"}
    assert received.receive_count == 1
    assert orders.receive() == []
    orders.delete(received)
    assert orders.depth == 0
    assert told(bench) == [
        ("sent", "message_sent"),
        ("received", "received_by_caller"),
        ("deleted", "deleted_by_caller"),
    ]


def test_text_stays_as_it_is_and_other_values_become_json(bench: Bench) -> None:
    orders = bench.queue()
    assert orders.send("plain").body == "plain"
    assert orders.send([1, None]).body == "[1, null]"


@pytest.mark.parametrize("body", ["", "nul\0", "bell\x07", "\ufffe", "\ud800", {1, 2}, object()])
def test_a_body_that_sqs_refuses(bench: Bench, body: object) -> None:
    orders = bench.queue()
    with pytest.raises(InvalidSetting, match="body"):
        orders.send(body)
    assert orders.depth == 0
    assert bench.events() == []


def test_tabs_and_line_ends_are_text(bench: Bench) -> None:
    assert bench.queue().send("a\tb\r\nc").body == "a\tb\r\nc"


@pytest.mark.parametrize(("rules", "most"), [("2025-01-07", 262_144), ("latest", 1_048_576)])
def test_the_largest_message(benches: type[Bench], rules: str, most: int) -> None:
    orders = benches(rules).queue()
    orders.send("x" * most)
    with pytest.raises(InvalidSetting, match=f"message='{most + 1:,} bytes'.*rules of"):
        orders.send("x" * (most + 1))
    orders.send("ü" * (most // 2))
    with pytest.raises(InvalidSetting):
        orders.send("ü" * (most // 2) + "x")
    assert orders.depth == 2


def test_attributes_count_for_the_size(bench: Bench) -> None:
    orders = bench.queue()
    room = 262_144 - len("kind") - len("String") - len("vip")
    orders.send("x" * room, attributes={"kind": "vip"})
    with pytest.raises(InvalidSetting):
        orders.send("x" * (room + 1), attributes={"kind": "vip"})


@pytest.mark.parametrize(
    "attributes",
    [{"": "v"}, {"a b": "v"}, {"a": ""}, {"a": True}, {"a": ("Text", "v")}, {"a": ("Binary", "v")},
     {"a": None}, dict.fromkeys("abcdefghijk", "v"), ["a"]],
)  # fmt: skip
def test_attributes_that_sqs_refuses(bench: Bench, attributes: object) -> None:
    with pytest.raises(InvalidSetting, match="attributes"):
        bench.queue().send("x", attributes=attributes)  # type: ignore[arg-type]


def test_a_batch_of_ten(bench: Bench) -> None:
    orders = bench.queue()
    assert list(map(repr, orders.send_batch(range(10)))) == [f"m{n}" for n in range(1, 11)]
    with pytest.raises(InvalidSetting, match="1 to 10 messages"):
        orders.send_batch(range(11))
    with pytest.raises(InvalidSetting, match="1 to 10 messages"):
        orders.send_batch([])
    assert orders.depth == 10


def test_a_batch_is_within_the_size_of_one_message(bench: Bench) -> None:
    orders = bench.queue()
    orders.send_batch(["x" * 131_072] * 2)
    with pytest.raises(InvalidSetting, match="messages together"):
        orders.send_batch(["x" * 131_072] * 2 + ["x"])
    assert orders.depth == 2


def test_receiving_up_to_ten_in_order(bench: Bench) -> None:
    orders = bench.queue()
    for n in range(12):
        orders.send(n)
    assert [m.json() for m in orders.receive(10)] == list(range(10))
    assert [m.json() for m in orders.receive(10)] == [10, 11]
    for wrong in (0, 11, True, 1.0):
        with pytest.raises(InvalidSetting, match="max_messages"):
            orders.receive(wrong)  # type: ignore[arg-type]


def test_deleting_by_every_name_and_twice(bench: Bench) -> None:
    orders = bench.queue()
    sent = [orders.send(n) for n in range(5)]
    received = orders.receive(10)
    orders.delete(sent[0])
    orders.delete(received[1])
    orders.delete(received[2].receipt_handle)
    orders.delete("m4")
    orders.delete(orders.messages[0])
    assert orders.depth == 0
    orders.delete(received[1])
    orders.delete("m4")
    assert len(bench.events(action="deleted")) == 5
    with pytest.raises(UnknownName):
        orders.delete("order 4")
    with pytest.raises(InvalidSetting):
        orders.delete(4)  # type: ignore[arg-type]


def test_an_old_receipt_handle_still_deletes(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=5)
    orders.send("x")
    [first] = orders.receive()
    bench.run(until=6)
    [second] = orders.receive()
    assert first.receipt_handle != second.receipt_handle
    orders.delete(first)
    assert orders.depth == 0


def test_another_queues_message_is_not_deleted(bench: Bench) -> None:
    orders, others = bench.queue(), bench.queue("others")
    message = others.send("x")
    orders.delete(message)
    orders.delete("m1")
    assert others.depth == 1


def test_changing_the_visibility(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=30)
    orders.send_batch(["a", "b", "c"])
    a, b, c = orders.receive(3)
    orders.change_visibility(a, 0)
    orders.change_visibility(b, 10)
    orders.change_visibility(c, 100)
    assert [m.state for m in orders.messages] == ["visible", "in flight", "in flight"]
    bench.run(until=30)
    assert [m.state for m in orders.messages] == ["visible", "visible", "in flight"]
    returned = bench.events(action="returned")
    assert [(row.at, row.cause) for row in returned] == [
        (0, "visibility_changed"),
        (10_000_000, "visibility_changed"),
    ]
    with pytest.raises(InvalidParameterValueException, match="not in flight"):
        orders.change_visibility(a, 5)
    with pytest.raises(InvalidSetting, match="43,200"):
        orders.change_visibility(c, 43_201)


def test_purging(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=30)
    orders.send_batch(["a", "b", "c"])
    orders.send("later", delay=10)
    orders.receive()
    assert orders.purge() == 4
    assert repr(orders) == "<queue orders: 0 visible, 0 in flight, 0 delayed>"
    assert told(bench)[-4:] == [("deleted", "purged")] * 4
    bench.run(until=60)
    assert orders.receive(10) == []


def test_what_a_look_shows(bench: Bench) -> None:
    orders = bench.queue()
    orders.send({"order": 1})
    orders.send("text <b>")
    orders.send({"order": 3}, delay=5)
    orders.receive()
    seen = orders.messages
    assert [m.state for m in seen] == ["in flight", "visible", "delayed"]
    assert [m.body for m in seen] == [{"order": 1}, "text <b>", {"order": 3}]
    assert seen[0].body["order"] == 1
    assert repr(seen) == (
        "3 messages in 'orders'\n"
        'm1  in flight  received 1×  {"order": 1}\n'
        "m2  visible    received 0×  text <b>\n"
        'm3  delayed    received 0×  {"order": 3}'
    )
    assert "text &lt;b&gt;" in seen._repr_html_()
    assert repr(orders) == "<queue orders: 1 visible, 1 in flight, 1 delayed>"
    orders.purge()
    assert len(seen) == 3
    assert repr(orders.messages) == "0 messages in 'orders'"


def test_long_looks_are_cut(bench: Bench) -> None:
    orders = bench.queue()
    for _ in range(12):
        orders.send("x" * 100)
    lines = repr(orders.messages).splitlines()
    assert len(lines) == 12
    assert lines[-1] == "... and 2 more"
    assert max(map(len, lines)) <= 100


# ---- creating and finding ---------------------------------------------------------------------


def test_equal_attributes_give_the_existing_queue(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=60)
    orders.send("x")
    assert bench.queue(visibility_timeout=60) is orders
    assert orders.depth == 1
    with pytest.raises(
        ResourceConflictException, match=r"visibility_timeout=60, not 30.*update.*lab\.reset\(\)"
    ):
        bench.queue(visibility_timeout=30)
    assert bench.queue() is orders, "what is not given is not compared"


def test_finding_queues(bench: Bench) -> None:
    orders = bench.queue()
    assert bench.sqs["orders"] is orders
    assert "orders" in bench.sqs
    assert orders in bench.sqs
    assert "others" not in bench.sqs
    assert list(bench.sqs) == ["orders"]
    assert len(bench.sqs) == 1
    with pytest.raises(UnknownName, match="did you mean 'orders'"):
        bench.sqs["order"]
    assert repr(bench.sqs) == f"<sqs>\n  {orders!r}"
    assert orders.arn == "arn:aws:sqs:us-east-1:123456789012:orders"
    assert orders.url == "https://sqs.us-east-1.amazonaws.com/123456789012/orders"
    assert bool(orders)


@pytest.mark.parametrize("name", ["", "a b", "a" * 81, "a.b", None, 3])
def test_names_that_sqs_refuses(bench: Bench, name: object) -> None:
    with pytest.raises(InvalidSetting, match="1 to 80 letters"):
        bench.sqs.create_queue(name)  # type: ignore[arg-type]
    assert len(bench.sqs) == 0


@pytest.mark.parametrize(
    ("setting", "good", "bad"),
    [
        ("visibility_timeout", (0, 43_200), (-1, 43_201, 1.5, "30", True)),
        ("delay", (0, 900), (-1, 901, 0.5)),
        ("retention", (60, 1_209_600), (59, 1_209_601)),
    ],
)
def test_limits(bench: Bench, setting: str, good: tuple[int, ...], bad: tuple[object, ...]) -> None:
    for n, value in enumerate(good):
        made = bench.queue(f"q{n}", **{setting: value})
        assert getattr(made.settings, setting) == value
    for value in bad:
        with pytest.raises(InvalidSetting, match=rf"{setting}=.*SetQueueAttributes.*2025-01-07"):
            bench.queue("bad", **{setting: value})
        with pytest.raises(InvalidSetting):
            bench.queue("q0", **{setting: good[0]}).update(**{setting: value})
    assert "bad" not in bench.sqs


def test_a_wrong_keyword(bench: Bench) -> None:
    with pytest.raises(UnknownSetting, match="did you mean 'visibility_timeout'"):
        bench.queue(visibility=3)
    with pytest.raises(UnknownSetting, match="did you mean 'retention'"):
        bench.queue().update(retention_period=3)
    assert list(bench.sqs) == ["orders"]


def test_a_dead_letter_queue_is_made_when_missing(bench: Bench) -> None:
    orders = bench.queue(dead_letter_queue="failed")
    failed = bench.sqs["failed"]
    assert failed.implied
    assert not orders.implied
    assert orders.settings.max_receive_count == 10
    assert "dead letters to 'failed' after 10 receives" in repr(orders)
    assert bench.queue(dead_letter_queue=failed) is orders
    assert bench.queue("failed", retention=1_209_600) is failed
    assert not failed.implied
    assert failed.settings.retention == 1_209_600
    with pytest.raises(ResourceConflictException):
        bench.queue("failed", retention=60)


def test_dead_letter_settings_that_cannot_be(bench: Bench, benches: type[Bench]) -> None:
    with pytest.raises(InvalidSetting, match="together with dead_letter_queue"):
        bench.queue(max_receive_count=3)
    for wrong in (0, 1_001, 2.5):
        with pytest.raises(InvalidSetting, match="max_receive_count"):
            bench.queue(dead_letter_queue="failed", max_receive_count=wrong)
    with pytest.raises(InvalidSetting, match="another queue"):
        bench.queue(dead_letter_queue="orders")
    with pytest.raises(UnknownName):
        bench.queue(dead_letter_queue=benches().queue("failed"))
    assert len(bench.sqs) == 0


def test_updating(bench: Bench) -> None:
    orders = bench.queue(dead_letter_queue="failed", max_receive_count=3)
    assert orders.update(visibility_timeout=5, delay=2) is orders
    assert (orders.settings.visibility_timeout, orders.settings.max_receive_count) == (5, 3)
    orders.send("x")
    assert orders.messages[0].state == "delayed"
    orders.update(dead_letter_queue=None)
    assert orders.settings.max_receive_count is None
    assert orders.update(dead_letter_queue="other").settings.max_receive_count == 10
    assert "other" in bench.sqs


def test_a_dead_letter_of_a_function(bench: Bench) -> None:
    failed = bench.queue("failed", delay=3)
    bill = bench.function(answer=lambda _: 1 / 0, maximum_retry_attempts=0)
    bill.dead_letters = failed
    bench.service.front_door.event(bill.target(), b'{"order": 1}', bench.caller)
    bench.run()
    [row] = bench.events("failed")
    assert (row.action, row.cause, row.request, row.delayed) == ("sent", "dead_letter", 1, 1)
    bench.run(until=60)
    [letter] = failed.receive()
    assert letter.body == '{"order": 1}'
    assert letter.attributes["ErrorCode"] == ("Number", "200")
    assert letter.attributes["RequestID"] == ("String", bench.service.ids.request(1))


def test_a_dead_letter_that_is_too_large(bench: Bench) -> None:
    failed = bench.queue("failed")
    assert "262144" in failed.deliver(b"x" * 262_144, {"ErrorCode": ("Number", "200")}, 1)
    assert failed.depth == 0


def test_reset_empties_and_keeps_the_wiring(bench: Bench) -> None:
    orders = bench.queue(dead_letter_queue="failed", max_receive_count=1, visibility_timeout=5)
    old = orders.send("x")
    bench.reset()
    assert (orders.depth, old.state) == (0, "gone")
    assert bench.events() == []
    assert repr(orders.send("y")) == "m1"
    orders.receive()
    bench.run(until=6)
    assert orders.receive() == []
    assert bench.sqs["failed"].depth == 1
    assert bench.sqs.left_over() == {"failed": 1}


@pytest.mark.parametrize(
    "attributes",
    [{"AWS.kind": "v"}, {"amazon.kind": "v"}, {"a": "\ud800"}, {"a": ("String.\ud800", "v")},
     {"a": "bell\x07"}, {"a": ("Number", "many")}, {"a": float("nan")}, {"a": ("Number", "1_0")}, [],
     False, ""],
)  # fmt: skip
def test_more_attributes_that_sqs_refuses(bench: Bench, attributes: object) -> None:
    with pytest.raises(InvalidSetting, match="attributes"):
        bench.queue().send("x", attributes=attributes)  # type: ignore[arg-type]


def test_numbers_and_texts_as_attributes(bench: Bench) -> None:
    given = {
        "a": -1.5e-7,
        "b": ("Number.int", "+12"),
        "c": "é🎉",
        "d": ("Number", ".5"),
        "aws": "x",
    }
    assert len(bench.queue().send("x", attributes=given).attributes) == 5


@pytest.mark.parametrize("bodies", ["abc", b"abc", {"a": 1}, None, 5])
def test_what_is_no_batch(bench: Bench, bodies: object) -> None:
    orders = bench.queue()
    with pytest.raises(InvalidSetting, match=r"bodies=.*a list of bodies"):
        orders.send_batch(bodies)  # type: ignore[arg-type]
    assert orders.depth == 0


def test_mappings_of_one_queue_take_turns() -> None:
    lab = Lab()
    orders = lab.sqs.create_queue("orders")
    for name in ("bill", "ship"):
        lab.create_function(name, duration=0.1)
        lab.create_event_source_mapping(orders, name)
    lab.drive(orders, Every(1), count=100)
    lab.run()
    assert lab.trace.batches["mapping"].value_counts().to_dict() == {
        "orders->bill": 50, "orders->ship": 50
    }  # fmt: skip


def test_a_message_between_two_dead_letter_queues() -> None:
    lab = Lab()
    lab.create_function("bill", duration=0.1, failure_rate=1)
    for name, other in (("a", "b"), ("b", "a")):
        queue = lab.sqs.create_queue(
            name, dead_letter_queue=other, max_receive_count=1, retention=600
        )
        lab.create_event_source_mapping(queue, "bill")
    lab.sqs["a"].send("x")
    lab.run()
    assert lab.trace.queue_events["receive_count"].max() == 20
    lab.audit()
