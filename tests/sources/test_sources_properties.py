"""Whatever is sent, fails, times out, is throttled, switched off or meddled with: the queue is true.

No message is lost, none ends twice, every row has the depths that follow from the rows before it, no
batch is over its size, its window or its payload, and no poller has more batches at a time than it may.
What no filter matches reaches no function.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from lambdalab.errors import InvalidParameterValueException

if TYPE_CHECKING:
    from conftest import Bench

S = 1_000_000
ENDS = {"deleted", "expired", "dead_lettered", "filtered"}
FILTERS = {"Filters": [{"Pattern": '{"body": {"order": [{"numeric": ["<", 9]}]}}'}]}
TIMEOUT = 5

worlds = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32),
        "rules": st.sampled_from(["2025-01-07", "latest"]),
        "payload": st.sampled_from([1_500, 3_000, 6 * 1024 * 1024]),
        "pollers": st.integers(1, 5),
        "scaling": st.sampled_from([
            {}, {}, {"maximum_concurrency": 2}, {"maximum_concurrency": 7},
            {"provisioned_poller_config": {"minimum_pollers": 2, "maximum_pollers": 3}},
        ]),
        "fewest": st.integers(1, 5),
        "haste": st.sampled_from([1, 10]),
        "long_poll": st.sampled_from([0, 0, 20]),
        "visibility": st.integers(TIMEOUT, 40),
        "delay": st.sampled_from([0, 0, 7]),
        "retention": st.sampled_from([60, 200, 345_600]),
        "most_receives": st.integers(1, 4),
        "batch_size": st.sampled_from([1, 2, 7, 10, 25]),
        "window": st.sampled_from([0, 1, 5, 20]),
        "report": st.booleans(),
        "filters": st.sampled_from([None, None, FILTERS]),
        "reserved": st.sampled_from([None, None, 0, 1, 2]),
        "actions": st.lists(
            st.tuples(
                st.integers(0, 400),
                st.sampled_from(
                    ["send", "send", "send", "batch", "batch", "delayed", "receive", "delete",
                     "visible", "purge", "disable", "enable", "update", "shorten"]
                ),
                st.integers(0, 12),
            ),
            min_size=1,
            max_size=25,
        ),
    }
)  # fmt: skip


class World:
    """A queue, its dead-letter queue, a function that does everything, and people who meddle."""

    def __init__(self, benches: type[Bench], given: dict[str, Any]) -> None:
        self.given = given
        self.chance = random.Random(given["seed"])
        self.bench = bench = benches(
            given["rules"],
            mapping_payload=given["payload"],
            mapping_pollers_start=given["pollers"],
            mapping_pollers_throttled=given["fewest"],
            mapping_pollers_failing=given["fewest"],
            mapping_growth_interval=given["haste"],
            mapping_recovery_interval=5 * given["haste"],
            mapping_shrink_after=4 * given["haste"],
            mapping_idle_after=10 * given["haste"],
            mapping_long_poll=given["long_poll"],
            mapping_provisioned=True,
        )
        self.orders = bench.queue(
            visibility_timeout=given["visibility"], delay=given["delay"],
            retention=given["retention"], dead_letter_queue="failed",
            max_receive_count=given["most_receives"],
        )  # fmt: skip
        self.done: set[str] = set()
        self.wrong: list[Any] = []  # events that the function should not have got
        function = bench.function(
            answer=self.answer, timeout=TIMEOUT, reserved_concurrency=given["reserved"],
            duration=lambda _: self.chance.choice([0.001, 0.5, 2, 4.9, 5, 60]),
        )  # fmt: skip
        self.mapping = bench.map(
            self.orders, function,
            batch_size=given["batch_size"] if given["window"] else min(given["batch_size"], 10),
            maximum_batching_window=given["window"],
            function_response_types=["ReportBatchItemFailures"] if given["report"] else [],
            filter_criteria=given["filters"],
            **given["scaling"],
        )  # fmt: skip
        self.received: list[Any] = []
        for at, what, number in given["actions"]:
            bench.at(at / 10, lambda what=what, number=number: self.act(what, number))

    def answer(self, event: Any) -> Any:
        names = [record["messageId"] for record in event["Records"]]
        orders = [json.loads(record["body"])["order"] for record in event["Records"]]
        if len(set(names)) < len(names) or (self.given["filters"] and max(orders) >= 9):
            self.wrong.append(event)
        how = self.chance.random()
        if how < 0.3:
            raise ValueError("no stock")
        if how > 0.6 and self.given["report"]:
            if how > 0.9:
                return b"garbage"
            failed = [name for name in names if self.chance.random() < 0.5]
            self.done.update(set(names) - set(failed))
            return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
        self.done.update(names)
        return None

    def act(self, what: str, number: int) -> None:
        orders = self.orders
        body = {"order": number, "note": "x" * self.chance.randrange(300)}
        if what == "send":
            orders.send(body)
        elif what == "batch":
            orders.send_batch([body] * max(1, min(number, 10)))
        elif what == "delayed":
            orders.send(body, delay=number)
        elif what == "receive":
            self.received += orders.receive(max(1, min(number, 10)), number)
        elif what == "delete" and self.received:
            orders.delete(self.received[number % len(self.received)])
        elif what == "visible" and self.received:
            with contextlib.suppress(InvalidParameterValueException):
                orders.change_visibility(self.received[number % len(self.received)], number)
        elif what == "purge" and number == 12:
            orders.purge()
        elif what == "disable":
            self.mapping.update(enabled=False)
        elif what == "enable":
            self.mapping.update(enabled=True)
        elif what == "update":
            self.mapping.update(maximum_batching_window=number or None, batch_size=number or None)
        elif what == "shorten":
            orders.update(visibility_timeout=TIMEOUT + number)


def replay(bench: Bench, queue: str) -> Counter[str]:
    """Follow every row of a queue; the number of messages by what they are at the end."""
    state: dict[int, str] = {}
    legal = {
        "received": {"visible"}, "returned": {"in flight", "delayed"}, "dead_lettered": {"visible"},
        "filtered": {"in flight"}, "deleted": {"visible", "in flight", "delayed"},
        "expired": {"visible", "in flight", "delayed"},
    }  # fmt: skip
    count: Counter[str] = Counter()
    for row in bench.events(queue):
        before = state.get(row.event)
        if row.action == "sent":
            assert before is None
            after = "delayed" if row.delay_us else "visible"
        else:
            assert before in legal[row.action], (row, before)
            count[before] -= 1
            after = {"received": "in flight", "returned": "visible"}.get(row.action, row.action)
        state[row.event] = after
        count[after] += 1
        here = count["visible"] + count["in flight"] + count["delayed"]
        assert (row.depth, row.in_flight, row.delayed) == (
            here, count["in flight"], count["delayed"]
        )  # fmt: skip
        assert row.age_us >= 0
    return count


def check_batches(world: World) -> None:
    bench, given = world.bench, world.given
    each = 10 if "provisioned_poller_config" in given["scaling"] else 1
    busy: dict[int, list[int]] = defaultdict(list)
    numbers = [row for row in bench.rows("scaling") if row.kind == "pollers"]
    for number, batch in enumerate(bench.batches(), start=1):
        has = busy[batch.poller] = [end for end in busy[batch.poller] if end > batch.opened_at]
        assert len(has) < each
        has.append(batch.completed_at)
        assert batch.completed_at >= batch.flushed_at
        known = [row for row in numbers if row.at <= batch.opened_at]
        # of what was received before somebody switched it off, a batch may be made afterwards
        most = max([row.after for row in known if row.at == batch.opened_at] + [known[-1].after])
        assert 1 <= batch.poller <= max(most, known[-1].before)
        assert batch.records == len(set(bench.messages_of(number))) > 0
        assert batch.size_bytes <= given["payload"] or batch.records == 1
        assert batch.outcome != "in_flight"
        if not any(what == "update" for _, what, _ in given["actions"]):
            assert batch.records <= world.mapping.settings.batch_size
            window = given["window"] * S
            began = batch.window_opened_at
            assert (began < 0) == (window == 0)
            waited = batch.flushed_at - (batch.opened_at if began < 0 else began)
            assert waited <= window or (batch.cause in ("long_poll", "batch_size", "payload_size")
                                        and given["long_poll"] * S > window > 0)  # fmt: skip
            if batch.cause == "batching_window":
                assert batch.flushed_at - batch.window_opened_at == window
            if batch.cause == "batch_size":
                assert batch.records == world.mapping.settings.batch_size
            assert (batch.cause == "no_window") <= (window == 0)
    for invocation in bench.rows("invocations"):
        assert invocation.payload_bytes == bench.batches()[invocation.parent - 1].size_bytes


@given(given_world=worlds)
def test_queues_and_mappings_are_true(benches: type[Bench], given_world: dict[str, Any]) -> None:
    world = World(benches, given_world)
    bench = world.bench
    bench.run()
    if not world.mapping.enabled:
        world.mapping.update(enabled=True)
        bench.run()

    assert not world.wrong
    at_end = replay(bench, "orders")
    letters = replay(bench, "failed")
    assert at_end["visible"] == at_end["in flight"] == at_end["delayed"] == 0
    assert letters["visible"] + letters["expired"] == at_end["dead_lettered"]
    assert sum(at_end[end] for end in ENDS) == len(bench.events(action="sent"))
    for row in bench.events(action="deleted"):
        if row.cause in ("batch_succeeded", "partial_batch_failure"):
            assert bench.service.ids.message(row.event) in world.done
    for row in bench.events(action="received"):
        assert row.receive_count <= given_world["most_receives"]
    check_batches(world)
    assert bench.scheduler.pending == 0
    assert not world.mapping._collector._held
    assert world.mapping._collector.pollers.busy == 0
    assert json.dumps(bench.sqs.left_over()) in (
        "{}", json.dumps({"failed": letters["visible"]})
    )  # fmt: skip
    bench.audit()
    benches.made.clear()  # audited, and there will be many


@given(given_world=worlds)
def test_the_same_story_gives_the_same_books(
    benches: type[Bench], given_world: dict[str, Any]
) -> None:
    books = []
    for _ in range(2):
        world = World(benches, given_world)
        world.bench.run()
        books.append({name: bytes(data) for name, data in world.bench.books.buffers.items()})
    benches.made.clear()
    assert books[0] == books[1]
