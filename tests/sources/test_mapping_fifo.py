"""Mappings of FIFO queues: one batch of a group at a time, and what a failure does to the rest."""

from __future__ import annotations

import random
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab import Lab
from lambdalab.errors import InvalidParameterValueException, InvalidSetting
from lambdalab.sources.sqs.fifo import FifoQueue
from lambdalab.sources.sqs.messages import Received

if TYPE_CHECKING:
    from conftest import Bench

REPORT = ["ReportBatchItemFailures"]


def fifo(bench: Bench, **settings: Any) -> FifoQueue:
    queue = bench.queue("orders.fifo", **({"content_based_deduplication": True} | settings))
    assert isinstance(queue, FifoQueue)
    return queue


def fill(queue: FifoQueue, *bodies: str) -> None:
    """Send messages such as "a1": the letter is the group."""
    for body in bodies:
        queue.send(body, message_group_id=body[0])


def bodies(event: Any) -> list[str]:
    return [record["body"] for record in event["Records"]]


class Handler:
    """Notes what it gets, and fails where it is told: ``fails(body, how often it was seen)``."""

    def __init__(self, fails: Any = None, answer: Any = None) -> None:
        self.fails, self.answer = fails or (lambda body, times: False), answer
        self.got: list[list[str]] = []
        self.times: defaultdict[str, int] = defaultdict(int)

    def __call__(self, event: Any) -> Any:
        batch = bodies(event)
        self.got.append(batch)
        bad = []
        for record in event["Records"]:
            self.times[record["body"]] += 1
            if self.fails(record["body"], self.times[record["body"]]):
                bad.append(record)
        if self.answer is not None:
            return self.answer(event, bad)
        if bad:
            raise ValueError("no stock")
        return None


# ---- settings ----------------------------------------------------------------------------------


def test_no_window_and_no_large_batches(bench: Bench) -> None:
    orders, bill = fifo(bench), bench.function()
    with pytest.raises(InvalidParameterValueException, match="Batching window is not supported"):
        bench.map(orders, bill, maximum_batching_window=1)
    with pytest.raises(
        InvalidSetting, match="batch_size=11: must be a whole number of 1 to 10 rec"
    ):
        bench.map(orders, bill, batch_size=11)
    mapping = bench.map(orders, bill)
    assert mapping.settings.batch_size == 10
    with pytest.raises(InvalidParameterValueException, match="Batching window is not supported"):
        mapping.update(maximum_batching_window=5)
    assert mapping.settings.maximum_batching_window == 0
    mapping.update(batch_size=1)
    assert mapping.settings.batch_size == 1


def test_the_limit_of_a_batch_is_a_rule(benches: type[Bench]) -> None:
    bench = benches(mapping_fifo_batch_size_maximum=5)
    with pytest.raises(
        InvalidSetting, match=r"batch_size=6: must be .* 1 to 5 records, for a FIFO"
    ):
        bench.map(fifo(bench), bench.function(), batch_size=6)
    bench.map(bench.queue("standard"), bench.function(), batch_size=6)


# ---- batches -----------------------------------------------------------------------------------


def test_the_event(bench: Bench) -> None:
    seen: list[Any] = []
    orders = fifo(bench)
    bench.map(orders, bench.function(answer=seen.append))
    sent = orders.send("x", message_group_id='a"b', message_deduplication_id="id\\1")
    bench.run()
    [event] = seen
    [record] = event["Records"]
    assert list(record["attributes"].items()) == [
        ("ApproximateReceiveCount", "1"),
        ("SentTimestamp", "1736208000000"),
        ("SequenceNumber", sent.sequence_number),
        ("MessageGroupId", 'a"b'),
        ("SenderId", "AIDALAMBDALABSENDER00"),
        ("MessageDeduplicationId", "id\\1"),
        ("ApproximateFirstReceiveTimestamp", "1736208000000"),
    ]
    assert record["eventSourceARN"] == orders.arn


def test_a_batch_may_hold_several_groups(bench: Bench) -> None:
    orders, handler = fifo(bench), Handler()
    fill(orders, "a1", "b1", "a2", "c1")
    bench.map(orders, bench.function(answer=handler), batch_size=3)
    bench.run()
    assert handler.got == [["a1", "a2", "b1"], ["c1"]]
    assert {batch.cause for batch in bench.batches()} == {"batch_size", "no_window"}


def test_once_a_batch_was_of_one_group(benches: type[Bench]) -> None:
    for rules, expected in (
        ("2023-12-31", [["a1", "a2"], ["b1"], ["c1"]]),
        ("2024-01-01", [["a1", "a2", "b1", "c1"]]),
    ):
        bench, handler = benches(rules), Handler()
        orders = fifo(bench)
        fill(orders, "a1", "b1", "a2", "c1")
        bench.map(orders, bench.function(answer=handler))
        bench.run()
        assert handler.got == expected
        assert len(orders.receive()) == 0


def test_a_caller_always_gets_several_groups(benches: type[Bench]) -> None:
    orders = fifo(benches("2023-12-31"))
    fill(orders, "a1", "b1")
    assert len(orders.receive(10)) == 2


def test_one_group_is_served_one_after_the_other_in_one_environment(bench: Bench) -> None:
    orders, handler = fifo(bench), Handler()
    bench.map(orders, bench.function(answer=handler, duration=2), batch_size=1)
    fill(orders, *(f"a{n}" for n in range(8)))
    assert bench.run() == 16
    assert handler.got == [[f"a{n}"] for n in range(8)]
    assert len(bench.rows("environments")) == 1


@pytest.mark.parametrize(
    ("groups", "most", "seconds"), [(1, None, 16), (2, None, 8), (4, None, 4), (4, 2, 8), (2, 4, 8)]
)
def test_as_many_batches_at_once_as_groups_and_the_concurrency_allows(
    bench: Bench, groups: int, most: int | None, seconds: int
) -> None:
    orders = fifo(bench)
    bench.map(orders, bench.function(duration=2), batch_size=1, maximum_concurrency=most)
    fill(orders, *(f"{'abcd'[n % groups]}{n}" for n in range(8)))
    assert bench.run() == seconds
    assert {row.event for row in bench.events("orders.fifo", "deleted")} == set(range(1, 9))


def test_nothing_of_a_group_is_left_over_for_a_second_batch(benches: type[Bench]) -> None:
    bench, handler = benches(mapping_payload=3_000), Handler()
    orders = fifo(bench)
    fill(orders, *(f"a{n}{'x' * 700}" for n in range(5)), "b1")
    bench.map(orders, bench.function(answer=handler))
    bench.run()
    assert [[body[:2] for body in batch] for batch in handler.got] == [
        ["a0", "a1"], ["b1"], ["a2", "a3"], ["a4"]
    ]  # fmt: skip
    assert next(batch.cause for batch in bench.batches()) == "payload_size"
    assert all(batch.size_bytes <= 3_000 for batch in bench.batches())
    assert {row.receive_count for row in bench.events("orders.fifo", "received")} == {1}


def test_one_message_above_the_payload_goes_alone(benches: type[Bench]) -> None:
    bench, handler = benches(mapping_payload=1_000), Handler()
    orders = fifo(bench)
    fill(orders, f"a{'x' * 2_000}", "a2")
    bench.map(orders, bench.function(answer=handler))
    bench.run()
    assert [len(batch) for batch in handler.got] == [1, 1]


# ---- the third message fails -------------------------------------------------------------------

FIVE = ("a1", "a2", "a3", "a4", "a5")


def third(body: str, times: int) -> bool:
    return body == "a3" and times == 1


def only_the_failed(event: Any, bad: list[Any]) -> Any:
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in bad]}


def the_failed_and_what_follows(event: Any, bad: list[Any]) -> Any:
    records = event["Records"]
    rest = records[records.index(bad[0]) :] if bad else []
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in rest]}


@pytest.mark.parametrize(
    ("answer", "types", "got", "back"),
    [
        (None, [], [[*FIVE], [*FIVE]], {1, 2, 3, 4, 5}),
        (only_the_failed, REPORT, [[*FIVE], ["a3"]], {3}),
        (the_failed_and_what_follows, REPORT, [[*FIVE], ["a3", "a4", "a5"]], {3, 4, 5}),
    ],
    ids=["the whole batch", "only the failed one", "the failed one and what follows"],
)
def test_the_third_message_fails(
    bench: Bench, answer: Any, types: list[str], got: Any, back: set[int]
) -> None:
    handler, orders = Handler(third, answer), fifo(bench, visibility_timeout=30)
    bench.map(orders, bench.function(answer=handler), function_response_types=types)
    fill(orders, *FIVE)
    bench.at(5, lambda: fill(orders, "a6", "b1"))
    bench.run()
    assert handler.got == [got[0], ["b1"], [*got[1], "a6"]], "a6 waits for what comes back"
    assert {row.event for row in bench.events("orders.fifo", "returned")} == back
    assert {row.at for row in bench.events("orders.fifo", "returned")} == {30_000_000}
    assert len(bench.events("orders.fifo", "deleted")) == 7
    assert orders.depth == 0


def test_a_group_with_a_poisoned_message_goes_on_without_it(bench: Bench) -> None:
    handler = Handler(lambda body, _: body == "a1")
    orders = fifo(
        bench, visibility_timeout=30, dead_letter_queue="failed.fifo", max_receive_count=3
    )
    bench.map(orders, bench.function(answer=handler), batch_size=1)
    fill(orders, "a1", "a2", "b1")
    assert bench.run() == 91
    assert handler.got == [["a1"], ["b1"], ["a1"], ["a1"], ["a2"]]
    assert [m.body for m in bench.sqs["failed.fifo"].messages] == ["a1"]


def test_filtered_messages_do_not_hold_their_group_up(bench: Bench) -> None:
    handler, orders = Handler(), fifo(bench)
    pattern = '{"attributes": {"MessageGroupId": ["a"]}, "body": {"n": [{"numeric": [">", 2]}]}}'
    bench.map(
        orders, bench.function(answer=handler), batch_size=2,
        filter_criteria={"Filters": [{"Pattern": pattern}]},
    )  # fmt: skip
    for group in "ab":
        for n in range(5):
            orders.send({"n": n, "of": group}, message_group_id=group)
    bench.run()
    assert [body for batch in handler.got for body in batch] == [
        '{"n": 3, "of": "a"}', '{"n": 4, "of": "a"}'
    ]  # fmt: skip
    assert len(bench.events("orders.fifo", "filtered")) == 8


def test_a_caller_who_deletes_lets_the_mapping_go_on(bench: Bench) -> None:
    handler, orders = Handler(), fifo(bench)
    mapping = bench.map(orders, bench.function(answer=handler), enabled=False)
    fill(orders, "a1", "a2")
    [held] = orders.receive()
    mapping.update(enabled=True)
    bench.at(3, lambda: orders.delete(held))
    assert bench.run() == 4
    assert handler.got == [["a2"]]


# ---- whatever happens --------------------------------------------------------------------------

worlds = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32),
        "rules": st.sampled_from(["2023-12-01", "2025-01-07", "latest"]),
        "payload": st.sampled_from([1_500, 6 * 1024 * 1024]),
        "pollers": st.integers(1, 5),
        "visibility": st.integers(5, 40),
        "delay": st.sampled_from([0, 0, 3]),
        "most_receives": st.sampled_from([None, None, 1, 3]),
        "batch_size": st.integers(1, 10),
        "report": st.booleans(),
        "reserved": st.sampled_from([None, None, 0, 1, 2]),
        "actions": st.lists(
            st.tuples(
                st.integers(0, 600),
                st.sampled_from(["send"] * 5 + ["batch", "receive", "visible", "disable", "enable"]),
            ),
            min_size=1,
            max_size=30,
        ),
    }
)  # fmt: skip


class World:
    """A FIFO queue, a function that does everything, and people who meddle but delete nothing."""

    def __init__(self, benches: type[Bench], given: dict[str, Any]) -> None:
        self.given, self.chance, self.sent = given, random.Random(given["seed"]), 0
        self.bench = bench = benches(
            given["rules"],
            mapping_payload=given["payload"],
            mapping_pollers_start=given["pollers"],
        )
        letters = {}
        if given["most_receives"]:
            letters = {
                "dead_letter_queue": "failed.fifo", "max_receive_count": given["most_receives"]
            }  # fmt: skip
        self.orders = fifo(
            bench, visibility_timeout=given["visibility"], delay=given["delay"], **letters
        )
        self.seen: defaultdict[str, list[int]] = defaultdict(list)
        self.held: list[Received] = []
        self.groups: dict[int, str] = {}
        self.function = bench.function(
            answer=self.answer, timeout=4, reserved_concurrency=given["reserved"],
            duration=lambda _: self.chance.choice([0.001, 0.5, 2, 3.9, 60]),
        )  # fmt: skip
        self.mapping = bench.map(
            self.orders, self.function, batch_size=given["batch_size"],
            function_response_types=REPORT if given["report"] else [],
        )  # fmt: skip
        for at, what in given["actions"]:
            bench.at(at / 10, partial(self.act, what))

    def answer(self, event: Any) -> Any:
        for record in event["Records"]:
            self.seen[record["body"][0]].append(int(record["body"][1:]))
        records, how = event["Records"], self.chance.random()
        if how < 0.3:
            raise ValueError("no stock")
        if how > 0.5 and self.given["report"]:
            rest = records[self.chance.randrange(len(records) + 1) :]
            return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in rest]}
        return None

    def act(self, what: str) -> None:
        orders = self.orders
        if what in ("send", "batch"):
            names = []
            for _ in range(1 if what == "send" else self.chance.randint(2, 10)):
                self.sent += 1
                names.append(f"{self.chance.choice('abc')}{self.sent:03d}")
            sent = orders.send_batch(names, message_group_id=[name[0] for name in names])
            self.groups.update({m.number: m.body[0] for m in sent})
        elif what == "receive":
            self.held += orders.receive(self.chance.randint(1, 10), self.chance.randint(0, 20))
        elif what == "visible":
            for received in self.held:
                if received.message.state == "in flight" and self.chance.random() < 0.5:
                    orders.change_visibility(received.message, self.chance.randint(0, 5))
        else:
            self.mapping.update(enabled=what == "enable")


def in_flight_by_group(world: World) -> None:
    """Follow the books: what is handed out is the first of its group, and nobody else has any of it."""
    line: defaultdict[str, list[int]] = defaultdict(list)  # what is in the queue, by group
    flying: defaultdict[str, set[int]] = defaultdict(set)
    last: tuple[Any, ...] = ()
    for row in world.bench.events("orders.fifo"):
        group = world.groups[row.event]
        if row.action == "sent":
            line[group].append(row.event)
        elif row.action == "received":
            now = (row.at, row.cause, group, row.delay_us)
            assert not flying[group] or last == now, "one receive may bring several of a group"
            waiting = [event for event in line[group] if event not in flying[group]]
            assert row.event == waiting[0], "the first of its group that is not in flight"
            flying[group].add(row.event)
            last = now
        elif row.action == "returned":
            flying[group].discard(row.event)
        else:
            assert row.action in ("deleted", "dead_lettered")
            line[group].remove(row.event)  # ValueError where it ended twice
            flying[group].discard(row.event)


@given(given_world=worlds)
def test_order_is_kept_and_nothing_is_lost(
    benches: type[Bench], given_world: dict[str, Any]
) -> None:
    world = World(benches, given_world)
    bench, orders = world.bench, world.orders
    bench.run(until=150)
    world.mapping.update(enabled=True)
    endless = not given_world["most_receives"] and given_world["reserved"] == 0
    bench.run(until=5_000) if endless else bench.run()
    in_flight_by_group(world)
    if not endless:
        assert orders.depth == 0
        assert bench.scheduler.pending == 0
        assert orders.store._groups == {}
        left = bench.sqs["failed.fifo"].depth if given_world["most_receives"] else 0
        assert left + len(bench.events("orders.fifo", "deleted")) == world.sent
    for numbers in world.seen.values():
        first = list(dict.fromkeys(numbers))
        assert first == sorted(first), "first seen in the order in which they were sent"
    bench.audit()
    benches.made.clear()


def test_powertools_stops_a_batch_at_the_first_failure(lab: Lab) -> None:
    batch = pytest.importorskip("aws_lambda_powertools.utilities.batch")
    done: list[str] = []

    def handle(record: Any) -> None:
        done.append(record.body)
        if done.count("a3") == 1 and record.body == "a3":
            raise ValueError("no stock")

    processor = batch.SqsFifoPartialProcessor()
    orders = lab.sqs.create_queue("orders.fifo", content_based_deduplication=True)

    @lab.function
    def bill(event: Any, context: Any) -> Any:
        return batch.process_partial_response(
            event=event, record_handler=handle, processor=processor, context=context
        )

    lab.create_event_source_mapping(orders, bill, function_response_types=REPORT)
    assert isinstance(orders, FifoQueue)
    fill(orders, *FIVE)
    lab.run()
    assert done == ["a1", "a2", "a3", "a3", "a4", "a5"]
    assert orders.depth == 0


def test_a_receive_that_is_over_deletes_nothing() -> None:
    lab = Lab()
    orders = lab.sqs.create_queue("orders.fifo", visibility_timeout=30)
    lab.create_function("bill", duration=20, timeout=30)
    lab.create_event_source_mapping(orders, "bill", batch_size=1)
    orders.send("x", message_group_id="a", message_deduplication_id="1")
    orders.update(visibility_timeout=15)  # AWS lets that happen, too
    lab.run(until=34)
    assert set(lab.trace.batches["outcome"]) == {"success", "in_flight"}
    assert orders.depth == 1  # it came back at 15 s: its handle had expired at 20 s
    orders.update(visibility_timeout=30)
    lab.run()  # the receive at 45 s, or earlier, ends well
    assert orders.depth == 0
    lab.audit()
