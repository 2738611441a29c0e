"""FIFO queues: order within groups, groups that wait for each other's messages, and no duplicates."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab import Every, Lab
from lambdalab.errors import (
    InvalidParameterValueException,
    InvalidSetting,
    ResourceConflictException,
    UnknownSetting,
)
from lambdalab.sources.sqs.fifo import FifoQueue
from lambdalab.trace import Trace

if TYPE_CHECKING:
    from conftest import Bench


def fifo(bench: Bench, name: str = "orders.fifo", **settings: Any) -> FifoQueue:
    """A queue where the body is the deduplication id, unless it is told otherwise."""
    queue = bench.queue(name, **({"content_based_deduplication": True} | settings))
    assert isinstance(queue, FifoQueue)
    return queue


def fill(queue: FifoQueue, *bodies: str) -> None:
    """Send messages such as "a1": the letter is the group."""
    for body in bodies:
        queue.send(body, message_group_id=body[0])


def bodies(received: list[Any]) -> list[str]:
    return [message.body for message in received]


# ---- which queue is one ------------------------------------------------------------------------


def test_the_name_makes_the_kind(bench: Bench) -> None:
    orders = bench.queue("orders.fifo")
    assert orders.fifo
    assert not bench.queue("orders").fifo
    assert bench.queue("orders.fifo", fifo=True) is orders
    assert orders.arn == "arn:aws:sqs:us-east-1:123456789012:orders.fifo"
    assert bench.books.wiring["sqs"]["orders.fifo"]["fifo"] is True
    assert "fifo" not in bench.books.wiring["sqs"]["orders"]


@pytest.mark.parametrize(("name", "said"), [("orders", True), ("orders.fifo", False)])
def test_a_kind_that_the_name_does_not_have(bench: Bench, name: str, said: bool) -> None:
    with pytest.raises(InvalidSetting, match=r"fifo=.*ends with \.fifo"):
        bench.queue(name, fifo=said)
    assert name not in bench.sqs


@pytest.mark.parametrize("name", [".fifo", "a.fifo.fifo", "a.FIFO", "a" * 76 + ".fifo"])
def test_names_that_no_fifo_queue_has(bench: Bench, name: str) -> None:
    with pytest.raises(InvalidSetting, match="1 to 80 letters"):
        bench.queue(name)
    assert len("a" * 75 + ".fifo") == 80
    bench.queue("a" * 75 + ".fifo")


def test_settings_of_fifo_queues_only(bench: Bench) -> None:
    for setting, value in (("content_based_deduplication", True), ("deduplication_scope", "queue")):
        with pytest.raises(InvalidSetting, match=f"{setting}.*standard queue"):
            bench.queue("orders", **{setting: value})
    with pytest.raises(UnknownSetting):
        bench.queue("orders").update(content_based_deduplication=True)
    with pytest.raises(InvalidSetting, match="not simulated"):
        bench.queue("orders.fifo", fifo_throughput_limit="perQueue")
    for setting, wrong in (
        ("content_based_deduplication", "yes"),
        ("deduplication_scope", "group"),
        ("deduplication_scope", ["queue"]),
    ):
        with pytest.raises(InvalidSetting, match=setting):
            bench.queue("orders.fifo", **{setting: wrong})
    orders = fifo(bench)
    with pytest.raises(InvalidSetting, match="no queue changes its kind"):
        orders.update(fifo=False)
    with pytest.raises(ResourceConflictException, match=r"content_based_deduplication=True"):
        bench.queue("orders.fifo", content_based_deduplication=False)


def test_dead_letter_queues_are_of_the_same_kind(bench: Bench) -> None:
    with pytest.raises(InvalidSetting, match=r"a FIFO queue, as 'orders.fifo' is"):
        bench.queue("orders.fifo", dead_letter_queue="failed")
    with pytest.raises(InvalidSetting, match="a standard queue, as 'orders' is"):
        bench.queue("orders", dead_letter_queue="failed.fifo")
    orders = bench.queue("orders.fifo", dead_letter_queue="failed.fifo")
    assert bench.sqs["failed.fifo"].fifo
    with pytest.raises(InvalidSetting, match="FIFO"):
        orders.update(dead_letter_queue="failed")
    assert "failed" not in bench.sqs


def test_functions_have_no_fifo_dead_letter_queue(lab: Lab) -> None:
    queue = lab.sqs.create_queue("failed.fifo")
    for named in ("failed.fifo", queue):
        with pytest.raises(InvalidSetting, match="a standard queue"):
            lab.create_function("bill", duration=1, dead_letter_queue=named)
        with pytest.raises(InvalidSetting, match=r"on_failure=.*no FIFO queue"):
            lab.create_function("bill", duration=1, on_failure=named)
    assert "MessageGroupId" in queue.deliver(b"{}", {}, 0)
    assert queue.depth == 0


# ---- sending -----------------------------------------------------------------------------------


def test_a_group_and_something_to_know_it_by_are_needed(bench: Bench) -> None:
    orders = fifo(bench, content_based_deduplication=False)
    with pytest.raises(InvalidSetting, match=r"message_group_id=None.*group"):
        orders.send("x", message_deduplication_id="1")
    with pytest.raises(InvalidParameterValueException, match="ContentBasedDeduplication enabled"):
        orders.send("x", message_group_id="a")
    message = orders.send("x", message_group_id="a", message_deduplication_id="1")
    assert (message.message_group_id, message.message_deduplication_id) == ("a", "1")
    orders.update(content_based_deduplication=True)
    by_body = orders.send("é", message_group_id="a")
    assert by_body.message_deduplication_id == hashlib.sha256("é".encode()).hexdigest()
    own = orders.send("é", message_group_id="a", message_deduplication_id="2")
    assert own is not by_body
    assert orders.depth == 3


@pytest.mark.parametrize("wrong", ["", "a b", "é", "a" * 129, 3, "tab\t"])
def test_ids_that_sqs_refuses(bench: Bench, wrong: object) -> None:
    orders = fifo(bench)
    with pytest.raises(InvalidSetting, match=r"message_group_id=.*1 to 128"):
        orders.send("x", message_group_id=wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidSetting, match=r"message_deduplication_id=.*1 to 128"):
        orders.send("x", message_group_id="a", message_deduplication_id=wrong)  # type: ignore[arg-type]
    assert orders.depth == 0
    every = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    assert orders.send("x", message_group_id=every).message_group_id == every


def test_a_body_without_a_utf8_form(bench: Bench) -> None:
    orders = fifo(bench)
    for body in ("\ud800", {"a": "\ud800"}):
        with pytest.raises(InvalidSetting, match="body"):
            orders.send(body, message_group_id="a")
    assert orders.depth == 0


def test_no_message_has_a_delay_of_its_own(bench: Bench) -> None:
    orders = fifo(bench)
    with pytest.raises(InvalidParameterValueException, match="DelaySeconds is invalid"):
        orders.send("x", message_group_id="a", delay=5)
    with pytest.raises(InvalidParameterValueException, match="DelaySeconds is invalid"):
        orders.send_batch(["x"], message_group_id="a", delay=0)
    assert orders.depth == 0


def test_standard_queues_know_no_groups(bench: Bench) -> None:
    orders = bench.queue()
    with pytest.raises(InvalidSetting, match=r"message_group_id='a'.*standard queue"):
        orders.send("x", message_group_id="a")
    with pytest.raises(InvalidSetting, match=r"message_deduplication_id='1'"):
        orders.send("x", message_deduplication_id="1")
    with pytest.raises(InvalidSetting, match="message_group_id"):
        orders.send_batch(["x"], message_group_id="a")
    assert orders.depth == 0


def test_places_rise(bench: Bench) -> None:
    orders = fifo(bench)
    fill(orders, "a1", "a2", "b1")
    numbers = [m.sequence_number for m in orders.receive(10)]
    assert all(len(number) == 20 and number.isdecimal() for number in numbers)
    assert numbers == sorted(set(numbers))


def test_batches(bench: Bench) -> None:
    orders = fifo(bench)
    orders.send_batch(["1", "2"], message_group_id="a")
    orders.send_batch(["3", "4"], message_group_id=["b", "a"], message_deduplication_id=["x", "y"])
    assert [m.message_group_id for m in orders.messages] == ["a", "a", "b", "a"]
    for wrong in (["a"], ["a", "b", "c"], None, 3):
        with pytest.raises(InvalidSetting, match="message_group_id"):
            orders.send_batch(["5", "6"], message_group_id=wrong)  # type: ignore[arg-type]
    for ids in (["x"], "xy"):
        with pytest.raises(InvalidSetting, match=r"message_deduplication_id=.*each of the 2"):
            orders.send_batch(["5", "6"], message_group_id="a", message_deduplication_id=ids)
    with pytest.raises(InvalidSetting, match=r"message_group_id='no good'"):
        orders.send_batch(["5", "6"], message_group_id=["a", "no good"])
    assert orders.depth == 4


def test_traffic_is_of_one_group_and_never_known_already(bench: Bench) -> None:
    orders = fifo(bench, content_based_deduplication=False)
    for number in range(3):
        orders.arrive({"n": 0}, number, None)
    orders.arrive({"n": 0}, 0, "other")
    assert [m.message_group_id for m in orders.messages] == ["drive"] * 3 + ["other"]
    assert orders.drive_key == "message_group_id"
    orders.update(content_based_deduplication=True)
    orders.arrive({"n": 1}, 0, None)
    orders.arrive({"n": 1}, 1, None)
    assert orders.depth == 5


# ---- deduplication -----------------------------------------------------------------------------


def test_what_is_known_is_accepted_and_goes_nowhere(bench: Bench) -> None:
    orders = fifo(bench)
    first = orders.send("x", message_group_id="a")
    again = orders.send("x", message_group_id="b")
    assert again is first
    assert orders.depth == 1
    rows = bench.events("orders.fifo")
    assert [(r.action, r.cause, r.event, r.depth) for r in rows] == [
        ("sent", "message_sent", 1, 1),
        ("sent", "message_sent", 2, 2),
        ("dropped", "deduplicated", 2, 1),
    ]


def test_it_is_known_for_five_minutes_whatever_becomes_of_it(bench: Bench) -> None:
    orders = fifo(bench)
    first = orders.send("x", message_group_id="a")
    orders.delete(orders.receive()[0])
    bench.run(until=299.999999)
    assert orders.send("x", message_group_id="a") is first
    assert orders.depth == 0
    bench.run(until=300)
    assert orders.send("x", message_group_id="a") is not first
    assert orders.depth == 1


def test_it_is_known_in_its_group_only_where_the_queue_says_so(bench: Bench) -> None:
    orders = fifo(bench, deduplication_scope="messageGroup")
    first = orders.send("x", message_group_id="a")
    assert orders.send("x", message_group_id="b") is not first
    assert orders.send("x", message_group_id="a") is first


def test_what_is_known_does_not_pile_up(benches: type[Bench]) -> None:
    bench = benches(sqs_deduplication_interval=1)
    orders = fifo(bench)
    for n in range(50):
        bench.run(until=n)
        orders.send(str(n), message_group_id=str(n))
        orders.delete(orders.receive()[0])
    assert len(orders.store._recent) == len(orders.store._remembered) == 1
    assert orders.store._groups == {}


# ---- receiving ---------------------------------------------------------------------------------


def test_a_receive_takes_all_it_can_of_the_oldest_group(bench: Bench) -> None:
    orders = fifo(bench)
    fill(orders, "a1", "b1", "a2", "c1", "b2", "a3")
    received = orders.receive(4)
    assert bodies(received) == ["a1", "a2", "a3", "b1"]
    assert bodies(orders.receive(10)) == ["c1"]
    assert received[0].message_group_id == "a"
    assert received[0].message.fifo is not None
    assert received[0].sequence_number == received[0].message.fifo[0]
    assert received[0].message_deduplication_id == hashlib.sha256(b"a1").hexdigest()
    assert repr(received[0]) == "m1 of 'a': a1"


def test_a_group_waits_while_one_of_it_is_in_flight(bench: Bench) -> None:
    orders = fifo(bench)
    fill(orders, "a1", "a2", "b1")
    [held] = orders.receive()
    assert [m.state for m in orders.messages] == ["in flight", "blocked", "visible"]
    assert repr(orders) == (
        "<FIFO queue orders.fifo: 1 visible, 1 in flight, 0 delayed, 1 blocked>"
    )
    assert bodies(orders.receive(10)) == ["b1"]
    assert orders.receive(10) == []
    fill(orders, "a3")
    assert orders.receive(10) == []
    orders.delete(held)
    assert bodies(orders.receive(10)) == ["a2", "a3"]


def test_what_comes_back_is_the_first_of_its_group_again(bench: Bench) -> None:
    orders = fifo(bench, visibility_timeout=10)
    fill(orders, "b1", "a1", "a2", "a3", "a4")
    orders.delete(orders.receive()[0])
    two = orders.receive(2)
    assert bodies(two) == ["a1", "a2"]
    orders.change_visibility(two[0], 0)
    assert orders.receive(10) == [], "a2 is in flight still"
    bench.run(until=10)
    again = orders.receive(10)
    assert bodies(again) == ["a1", "a2", "a3", "a4"]
    assert [m.receive_count for m in again] == [2, 2, 1, 1]


def test_a_group_that_came_back_keeps_its_rank(bench: Bench) -> None:
    orders = fifo(bench, visibility_timeout=10)
    fill(orders, "a1", "b1")
    orders.receive()
    bench.run(until=10)
    assert bodies(orders.receive()) == ["a1"]


def test_a_group_has_the_rank_of_what_is_left_of_it(bench: Bench) -> None:
    orders = fifo(bench)
    fill(orders, "a1", "b1", "a2")
    orders.delete("m1")
    assert bodies(orders.receive()) == ["b1"]


def test_a_group_that_was_gone_is_not_handed_out_twice(bench: Bench) -> None:
    orders = fifo(bench)
    fill(orders, "a1")
    orders.delete("m1")
    fill(orders, "a2", "a3")
    assert bodies(orders.receive()) == ["a2"]
    assert orders.receive() == []


def test_deleting_what_waits_behind_another(bench: Bench) -> None:
    orders = fifo(bench)
    fill(orders, "a1", "a2", "a3")
    orders.receive()
    orders.delete("m2")
    assert (orders.store.visible, orders.store.blocked) == (0, 1)
    orders.delete("m1")
    assert bodies(orders.receive(10)) == ["a3"]


def test_whatever_ends_a_message_lets_its_group_go_on(bench: Bench) -> None:
    orders = fifo(bench, visibility_timeout=300, retention=60)
    fill(orders, "a1")
    orders.receive()
    bench.run(until=50)
    fill(orders, "a2")
    assert orders.receive() == []
    bench.run(until=60)
    assert bodies(orders.receive()) == ["a2"]
    orders.purge()
    assert orders.store._groups == {}
    fill(orders, "a3")
    assert bodies(orders.receive()) == ["a3"]


def test_messages_in_flight_are_limited_by_the_date(benches: type[Bench]) -> None:
    assert benches("2025-01-01").rules.sqs_fifo_in_flight == 20_000
    assert benches("2025-01-02").rules.sqs_fifo_in_flight == 120_000
    bench = benches(sqs_fifo_in_flight=3)
    orders = fifo(bench)
    fill(orders, "a1", "b1", "c1", "d1")
    held = orders.receive(10)
    assert len(held) == 3
    assert orders.receive(10) == []
    orders.delete(held[1])
    assert bodies(orders.receive(10)) == ["d1"]


def test_the_queues_delay_keeps_the_order_and_holds_at_once(bench: Bench) -> None:
    orders = fifo(bench, delay=60)
    fill(orders, "a1", "a2")
    assert [m.state for m in orders.messages] == ["delayed", "delayed"]
    bench.run(until=10)
    orders.update(delay=20)
    fill(orders, "a3")
    bench.run(until=20)
    assert bodies(orders.receive(10)) == ["a1", "a2"]
    orders.update(delay=0)
    bench.run(until=20)
    orders.purge()
    fill(orders, "a4")
    assert bodies(orders.receive()) == ["a4"]


def test_the_handle_of_a_receive_that_is_over(bench: Bench) -> None:
    orders = fifo(bench, visibility_timeout=5)
    fill(orders, "a1")
    [first] = orders.receive()
    bench.run(until=5)
    for late in (first, first.receipt_handle):
        with pytest.raises(InvalidParameterValueException, match="receipt handle has expired"):
            orders.delete(late)
        with pytest.raises(InvalidParameterValueException, match="receipt handle has expired"):
            orders.change_visibility(late, 3)
    [second] = orders.receive()
    with pytest.raises(InvalidParameterValueException, match="receipt handle has expired"):
        orders.delete(first)
    orders.change_visibility(second, 30)
    orders.delete(second)
    orders.delete(second)
    orders.delete(first)
    assert len(bench.events("orders.fifo", "deleted")) == 1


def test_a_spent_message_goes_and_its_group_goes_on(bench: Bench) -> None:
    orders = fifo(
        bench, visibility_timeout=10, dead_letter_queue="failed.fifo", max_receive_count=2
    )
    failed = bench.sqs["failed.fifo"]
    fill(orders, "a1", "a2", "b1")
    for n in range(2):
        assert bodies(orders.receive()) == ["a1"]
        bench.run(until=10 * (n + 1))
    assert bodies(orders.receive(10)) == ["a2", "b1"]
    [letter] = failed.receive()
    assert (letter.body, letter.message_group_id) == ("a1", "a")
    assert letter.message_deduplication_id == letter.message_id
    assert letter.message.sent_at == 20_000_000
    assert bench.events("failed.fifo", "sent")[0].age_us == 0
    fill(orders, "a1")
    assert [m.body for m in orders.messages] == ["a2", "b1"], "a1 is known for five minutes"


def test_no_copies(lab: Lab) -> None:
    orders = lab.sqs.create_queue("orders.fifo", content_based_deduplication=True)
    with pytest.raises(InvalidSetting, match="a FIFO queue delivers no copies"):
        lab.faults.duplicate(orders)
    orders.faults.append(object())  # type: ignore[arg-type]
    orders.send("x", message_group_id="a")
    orders.delete(orders.receive()[0])
    assert lab.run() is not None
    assert orders.depth == 0


def test_what_a_look_shows(bench: Bench) -> None:
    orders = fifo(bench)
    orders.send("x", message_group_id="ann")
    orders.send("y", message_group_id="b")
    assert repr(orders.messages) == (
        "2 messages in 'orders.fifo'\n"
        "m1  ann  visible  received 0×  x\n"
        "m2  b    visible  received 0×  y"
    )
    assert "<td>ann</td>" in orders.messages._repr_html_()


def test_reset_forgets(bench: Bench) -> None:
    orders = fifo(bench, delay=5)
    fill(orders, "a1")
    bench.reset()
    fill(orders, "a1")
    assert [m.state for m in orders.messages] == ["delayed"]
    assert bench.sqs.left_over() == {"orders.fifo": 1}


def test_memory_stays_flat_behind_a_stuck_group(bench: Bench) -> None:
    orders = fifo(bench, visibility_timeout=43_200, retention=1_209_600)
    fill(orders, "a1", "a2")
    orders.receive()
    for n in range(3_000):
        orders.send(str(n), message_group_id=f"g{n}", message_deduplication_id=str(n))
        orders.delete(orders.receive()[0])
    store = orders.store
    assert len(store._available) <= 1_100
    assert len(store._hidden) <= 1_100
    assert list(store._groups) == ["a"]


# ---- a reference that does it the slow way -----------------------------------------------------


class Slow:
    """A FIFO queue as one would write it down: a list, and who is in flight."""

    def __init__(self) -> None:
        self.line: list[str] = []
        self.flying: set[str] = set()

    def take(self, most: int) -> list[str]:
        taken: list[str] = []
        blocked = {body[0] for body in self.flying}
        for first in self.line:
            if first[0] in blocked:
                continue
            blocked.add(first[0])
            taken += [body for body in self.line if body[0] == first[0]]
        taken = taken[:most]
        self.flying.update(taken)
        return taken

    def end(self, body: str) -> None:
        self.line.remove(body)
        self.flying.discard(body)


@given(
    seed=st.integers(0, 2**32),
    steps=st.lists(st.sampled_from("sssttttddrxxp"), min_size=20, max_size=80),
)
def test_it_is_what_one_would_write_down(benches: type[Bench], seed: int, steps: list[str]) -> None:
    bench, slow, chance = benches(), Slow(), random.Random(seed)
    orders = fifo(bench)
    held: dict[str, Any] = {}
    for n, step in enumerate(steps):
        if step == "s":
            body = f"{chance.choice('abc')}{n}"
            fill(orders, body)
            slow.line.append(body)
        elif step == "t":
            most = chance.choice([1, 1, 2, 3, 10])
            received = orders.receive(most)
            assert bodies(received) == slow.take(most)
            held.update({message.body: message for message in received})
        elif step in "dr" and slow.flying:
            body = chance.choice(sorted(slow.flying))
            if step == "d":
                orders.delete(held[body])
                slow.end(body)
            else:
                orders.change_visibility(held[body], 0)
                slow.flying.discard(body)
        elif step == "x" and slow.line:
            body = chance.choice(slow.line)
            orders.delete(next(seen for seen in orders.messages if seen.body == body))
            slow.end(body)
        elif step == "p" and chance.random() < 0.1:
            assert orders.purge() == len(slow.line)
            slow = Slow()
        flying = {body[0] for body in slow.flying}
        free = [body for body in slow.line if body[0] not in flying]
        assert orders.store.visible == len(free)
        assert orders.store.in_flight == len(slow.flying)
        assert orders.store.blocked == len(slow.line) - len(free) - len(slow.flying)
    bench.audit()
    benches.made.clear()


# ---- in the books ------------------------------------------------------------------------------


def test_the_books_know_the_groups(tmp_path: Path) -> None:
    traces = []
    for group in ("ann", "bob"):
        lab = Lab(seed=7)
        orders = lab.sqs.create_queue("orders.fifo", content_based_deduplication=True)
        lab.create_function("bill", duration=1)
        lab.create_event_source_mapping(orders, "bill")
        lab.sqs.create_queue("plain").send("no group")
        orders.send("1", message_group_id="zoe")
        orders.send("2", message_group_id=group)
        lab.invoke("bill", {}, invocation_type="Event")
        lab.run()
        traces.append(lab.trace)
    events = traces[0].queue_events
    sent = events[events["action"] == "sent"]
    assert list(sent["message_group"]) == ["", "zoe", "ann", ""]
    assert set(events[events["queue"] == "orders.fifo"]["message_group"]) == {"zoe", "ann"}
    assert traces[0].digest() != traces[1].digest()
    traces[0].save(tmp_path)
    loaded = Trace.load(tmp_path)
    assert loaded.digest() == traces[0].digest()
    assert list(loaded.queue_events["message_group"]) == list(events["message_group"])


def test_traffic_goes_to_the_groups_it_is_told(lab: Lab) -> None:
    orders = lab.sqs.create_queue("orders.fifo")
    lab.drive(orders, Every(1), count=4, message_group_id=lambda n: f"g{n % 2}")
    lab.drive(orders, Every(1), count=2)
    lab.run()
    groups = sorted(m.message_group_id for m in orders.messages)
    assert groups == ["drive", "drive", "g0", "g0", "g1", "g1"]
