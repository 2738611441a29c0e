"""SQS queues and their mappings: batches, pollers, and what becomes of messages.

Numbers and texts are those that AWS documents, or that were recorded of the service.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

import lambdalab as ll

REPORT = {"function_response_types": ["ReportBatchItemFailures"]}


class Shop:
    """A lab with a queue, a function that keeps the events it got, and their mapping.

    ``answer`` makes the function's result of the bodies it got, and may raise.
    """

    def __init__(
        self, answer: Any = None, *, queue: Any = None, function: Any = None, quotas: Any = None,
        rules: str = "2025-01-07", name: str = "orders", **mapping: Any,
    ) -> None:  # fmt: skip
        self.lab = ll.Lab(seed=7, quotas=quotas or {}, rules=rules)
        self.events: list[Any] = []
        self.answer = answer
        self.lab.create_function("bill", self.bill, **function or {})
        self.orders = self.lab.sqs.create_queue(name, **queue or {})
        self.mapping = self.lab.create_event_source_mapping(self.orders, "bill", **mapping)

    def bill(self, event: Any, context: Any) -> Any:
        self.events.append(event["Records"])
        return self.answer(event["Records"]) if callable(self.answer) else self.answer

    def backlog(self, *bodies: Any, **sending: Any) -> Shop:
        """Send while nothing is received, so that all are there at once."""
        self.mapping.disable()
        for body in bodies:
            self.orders.send(body, **sending)
        self.mapping.enable()
        return self

    def run(self, until: float | None = None) -> Shop:
        self.lab.run(until=until)
        return self

    @property
    def bodies(self) -> list[list[str]]:
        return [[record["body"] for record in records] for records in self.events]

    @property
    def counts(self) -> list[int]:
        """ApproximateReceiveCount of the first record of each event."""
        return [int(records[0]["attributes"]["ApproximateReceiveCount"]) for records in self.events]

    @property
    def batches(self) -> Any:
        return self.lab.trace.batches

    def ends(self, *which: str) -> dict[str, int]:
        rows = self.lab.trace.queue_events
        actions = rows[rows.queue == self.orders.name].action
        wanted = which or ("deleted", "dead_lettered", "expired")
        found = actions[actions.isin(wanted)].value_counts()
        return {name: int(number) for name, number in found.items() if number}


def fail(records: Any) -> None:
    raise ValueError("no")


# ------------------------------------------------------------------ batches


@pytest.mark.parametrize("number", [1, 9, 15])
def test_so_many_messages_are_one_batch(number: int) -> None:
    """As recorded: batch size 15 and a window hold what one receive of ten cannot."""
    shop = Shop(batch_size=15, maximum_batching_window=2).backlog(*range(number)).run()
    assert [len(records) for records in shop.events] == [number]
    received = shop.lab.trace.queue_events.query("action == 'received'")
    assert len(received) == number


def test_without_a_window_what_is_there_is_sent_at_once() -> None:
    shop = Shop()
    shop.lab.advance(5)
    shop.orders.send("alone")
    shop.run()
    assert shop.bodies == [["alone"]]
    assert shop.batches.flushed_at.iloc[0] == shop.batches.opened_at.iloc[0]


@pytest.mark.parametrize(("cause", "settings", "size"), [
    ("batch_size", {"batch_size": 20, "maximum_batching_window": 300}, 10),
    ("batching_window", {"batch_size": 10_000, "maximum_batching_window": 3}, 10),
    ("payload_size", {"batch_size": 10_000, "maximum_batching_window": 300}, 200_000),
])  # fmt: skip
def test_a_batch_is_closed_by_the_first_of_three(cause: str, settings: Any, size: int) -> None:
    shop = Shop(quotas={"mapping_pollers_start": 1}, **settings)
    shop.backlog(*["x" * size] * 40).run(until=3)
    first = shop.batches.iloc[0]
    assert first.cause == cause
    assert first.size_bytes <= 6 * 1024 * 1024
    if cause == "payload_size":
        one = shop.batches.size_bytes.iloc[0] // first.records
        assert first.size_bytes + one > 6 * 1024 * 1024, "the next would not have fitted"


def test_a_batch_never_mixes_queues() -> None:
    shop = Shop(batch_size=20, maximum_batching_window=5)
    other = shop.lab.sqs.create_queue("other")
    shop.lab.create_event_source_mapping(other, "bill", batch_size=20, maximum_batching_window=5)
    for number in range(10):
        shop.orders.send(number)
        other.send(number)
    shop.run()
    sources = [{record["eventSourceARN"] for record in records} for records in shop.events]
    assert sorted(map(sorted, sources)) == [[shop.orders.arn], [other.arn]]


def test_batches_are_synchronous_calls_and_count_towards_concurrency() -> None:
    shop = Shop(batch_size=1, function={"timeout": 10, "reserved_concurrency": 2})
    shop.answer = lambda records: time.sleep(5)
    shop.backlog(*range(6)).run(until=4)
    calls = shop.lab.trace.invocations
    assert set(calls.invocation_type) == {"RequestResponse"}
    assert (calls.status == "throttled").sum() >= 3
    assert shop.lab.trace.attempts.environment_id.nunique() == 2
    shop.run()


def test_a_message_may_come_twice() -> None:
    """At least once, with a fault that makes it visible: a deleted message comes back."""
    shop = Shop()
    shop.lab.faults.duplicate(shop.orders, probability=1.0)
    shop.orders.send("twice")
    shop.run()
    assert shop.bodies == [["twice"], ["twice"]]


@pytest.mark.parametrize(("longest", "waits"), [(0, 5), (20, 20)])
def test_a_quiet_queue_may_wait_for_the_long_poll(longest: int, waits: float) -> None:
    shop = Shop(
        quotas={"mapping_long_poll": longest}, batch_size=10, maximum_batching_window=5
    )  # fmt: skip
    shop.orders.send("one")
    shop.run()
    [batch] = shop.batches.itertuples()
    assert batch.gathering_ms == waits * 1_000
    assert batch.cause == ("long_poll" if longest else "batching_window")


@pytest.mark.parametrize(("window", "effective"), [(0, 30), (5, 65)])
def test_window_timeout_and_thirty_seconds(window: int, effective: int) -> None:
    """Where window and function timeout together pass the queue's own visibility timeout."""
    shop = Shop(
        fail, queue={"visibility_timeout": 30}, function={"timeout": 30},
        maximum_batching_window=window,
    )  # fmt: skip
    shop.orders.send("x")
    shop.run(until=200)
    received = shop.lab.trace.queue_events.query("action == 'received'")
    assert received.delay_ms.iloc[0] == effective * 1_000


# ------------------------------------------------------------------ outcomes


def test_success_deletes_the_whole_batch() -> None:
    shop = Shop().backlog(*range(5)).run()
    assert shop.ends() == {"deleted": 5}
    assert set(shop.lab.trace.queue_events.query("action == 'deleted'").cause) == {
        "batch_succeeded"
    }


def test_a_failure_deletes_nothing_and_all_come_back_after_the_visibility_timeout() -> None:
    shop = Shop(queue={"visibility_timeout": 20}, batch_size=3)
    shop.answer = lambda records: fail(records) if len(shop.events) == 1 else None
    shop.backlog("a", "b", "c").run()
    assert [sorted(bodies) for bodies in shop.bodies] == [["a", "b", "c"]] * 2
    assert shop.counts == [1, 2]
    received = shop.lab.trace.queue_events.query("action == 'received'")["at"]
    assert (received.iloc[3] - received.iloc[0]).total_seconds() == 20


@pytest.mark.parametrize("most", [1, 2, 5])
def test_delivered_max_receive_count_times_then_a_dead_letter(most: int) -> None:
    """Recorded with 2: two attempts; body and id stay."""
    shop = Shop(fail, queue={"dead_letter_queue": "dead", "max_receive_count": most})
    shop.orders.send({"order": 1})
    shop.run()
    assert shop.counts == list(range(1, most + 1))
    [letter] = shop.lab.sqs["dead"].messages
    assert letter.body == {"order": 1}
    assert {records[0]["messageId"] for records in shop.events} == {letter.message_id}


def test_a_throttled_batch_is_kept_until_its_visibility_timeout() -> None:
    shop = Shop(function={"reserved_concurrency": 0}, queue={"visibility_timeout": 30})
    shop.orders.send("x")
    shop.run(until=29)
    assert len(shop.batches) == 1
    assert len(shop.lab.trace.invocations) > 3, "it is tried again and again"
    received = "action == 'received'"
    assert len(shop.lab.trace.queue_events.query(received)) == 1
    shop.run(until=31)
    assert len(shop.lab.trace.queue_events.query(received)) == 2, "then it comes back"
    assert shop.batches.outcome.iloc[0] == "throttled"


def test_neither_the_functions_dead_letter_queue_nor_its_destination_hears_of_messages() -> None:
    shop = Shop(fail, queue={"dead_letter_queue": "dead", "max_receive_count": 1})
    others = [shop.lab.sqs.create_queue(name) for name in ("letters", "failed")]
    shop.lab.update_function("bill", shop.bill, dead_letter_queue="letters", on_failure="failed")
    shop.orders.send("x")
    shop.run()
    assert [len(queue.messages) for queue in others] == [0, 0]
    assert len(shop.lab.sqs["dead"].messages) == 1


def test_a_dead_letter_goes_back_to_its_queue() -> None:
    shop = Shop(queue={"dead_letter_queue": "dead", "max_receive_count": 1})
    shop.answer = lambda records: fail(records) if len(shop.events) == 1 else None
    shop.orders.send("x")
    shop.run()
    assert shop.lab.sqs["dead"].depth == 1
    shop.lab.sqs["dead"].start_message_move_task()
    shop.run()
    assert shop.bodies == [["x"], ["x"]]
    assert shop.ends("deleted") == {"deleted": 1}


# ------------------------------------------------------------------ partial failures


def listed(*bodies: str) -> Any:
    def answer(records: Any) -> Any:
        items = [record["messageId"] for record in records if record["body"] in bodies]
        return {"batchItemFailures": [{"itemIdentifier": item} for item in items]}

    return answer


def items(*identifiers: Any, key: str = "itemIdentifier") -> dict[str, Any]:
    return {"batchItemFailures": [{key: each} for each in identifiers]}


@pytest.mark.parametrize("answer", [
    {}, None, {"batchItemFailures": []}, {"batchItemFailures": None}, "",
])  # fmt: skip
def test_empty_answers_are_success(answer: Any) -> None:
    shop = Shop(answer, **REPORT).backlog("a", "b").run()
    assert shop.ends() == {"deleted": 2}
    assert list(shop.batches.outcome) == ["success"]


@pytest.mark.parametrize("answer", [
    items(""), items(None), items("nobody"), items("x", key="foo"), items(None, key="foo"),
    {"batchItemFailures": "all"}, fail,
])  # fmt: skip
def test_wrong_answers_and_exceptions_fail_the_whole_batch(answer: Any) -> None:
    shop = Shop(answer, queue={"dead_letter_queue": "dead", "max_receive_count": 1}, **REPORT)
    shop.backlog("a", "b").run()
    assert shop.ends() == {"dead_lettered": 2}
    assert list(shop.batches.outcome) == ["failure"]


def test_a_timeout_fails_the_whole_batch_too() -> None:
    shop = Shop(queue={"dead_letter_queue": "dead", "max_receive_count": 1}, **REPORT)
    shop.answer = lambda records: time.sleep(60)
    shop.backlog("a", "b").run()
    assert shop.ends() == {"dead_lettered": 2}


def test_only_the_listed_ones_stay() -> None:
    shop = Shop(listed("b"), queue={"dead_letter_queue": "dead", "max_receive_count": 1}, **REPORT)
    shop.backlog("a", "b", "c").run()
    assert shop.ends() == {"deleted": 2, "dead_lettered": 1}
    assert list(shop.batches.outcome) == ["partial"]


def test_without_the_setting_the_answer_is_ignored() -> None:
    shop = Shop(listed("b")).backlog("a", "b", "c").run()
    assert shop.ends() == {"deleted": 3}


# ------------------------------------------------------------------ pollers


def pollers(shop: Shop) -> list[tuple[float, int, str]]:
    """When the mapping had how many pollers, and why."""
    rows = shop.lab.trace.scaling.query("kind == 'pollers'")
    seconds = (rows["at"] - shop.lab.trace.start).dt.total_seconds()
    return list(zip(seconds, rows.after, rows.cause, strict=True))


def crowd(number: int, duration: float = 60, **settings: Any) -> Shop:
    """A backlog of so many messages, one a batch, and a model that works on each for a while."""
    shop = Shop(**{"batch_size": 1, "enabled": False} | settings)
    shop.lab.create_function("model", duration=duration, timeout=max(1, int(duration) + 1), init=0)
    shop.orders.update(visibility_timeout=12 * 3_600)
    shop.lab.delete_event_source_mapping(shop.mapping)
    given = {"batch_size": 1} | settings
    given.pop("quotas", None)
    given.pop("rules", None)
    for _ in range(number):
        shop.orders.send("x")
    shop.mapping = shop.lab.create_event_source_mapping(shop.orders, "model", **given)
    return shop


def test_five_batches_at_a_time_at_the_start() -> None:
    shop = crowd(100).run(until=0.5)
    assert pollers(shop)[-1][1] == 5
    assert len(shop.lab.trace.invocations) == 5
    assert set(shop.batches.poller) == {1, 2, 3, 4, 5}


def test_three_hundred_more_each_minute_up_to_1250() -> None:
    quotas = {"account_concurrency": 3_000}
    shop = crowd(4_000, 600, quotas=quotas).run(until=60.5)
    assert pollers(shop)[-1][1] == pytest.approx(305, abs=5)
    shop.run(until=120.5)
    assert pollers(shop)[-1][1] == pytest.approx(605, abs=5)
    shop.run(until=300)
    assert max(number for _, number, _ in pollers(shop)) == 1_250
    shop.mapping.disable()


def test_back_to_five_and_down_to_two_in_idleness() -> None:
    shop = crowd(600, 5).run()
    shop.run(until=shop.lab.elapsed + 3_600)
    numbers = [number for _, number, _ in pollers(shop)]
    assert max(numbers) > 5
    assert numbers[-1] == 2
    assert 5 in numbers[numbers.index(max(numbers)) :]


def test_maximum_concurrency_caps_without_throttles() -> None:
    shop = crowd(50, 5, maximum_concurrency=2).run()
    assert {number for _, number, _ in pollers(shop)} == {2}
    assert (shop.lab.trace.invocations.status == "throttled").sum() == 0
    assert shop.lab.trace.attempts.environment_id.nunique() == 2


@pytest.mark.parametrize("number", [2, 1_000])
def test_maximum_concurrency_is_2_to_1000(number: int) -> None:
    shop = Shop(maximum_concurrency=number)
    outside = number - 1 if number == 2 else number + 1
    with pytest.raises(ll.errors.InvalidSetting, match="maximum_concurrency"):
        shop.mapping.update(maximum_concurrency=outside)


def fewest(shop: Shop) -> int:
    """How few pollers a mapping had while it was enabled."""
    return min(number for _, number, _ in pollers(shop) if number)


def named(records: Any) -> Any:
    return items(*(record["messageId"] for record in records))


@pytest.mark.parametrize(("answer", "settings", "least"), [
    (fail, {}, 1), (named, REPORT, 5),
])  # fmt: skip
def test_errors_lower_the_pollers_and_reported_failures_do_not(
    answer: Any, settings: Any, least: int
) -> None:
    quotas = {"mapping_pollers_failing": 1, "mapping_idle_after": 86_400}
    shop = Shop(answer, batch_size=1, queue={"visibility_timeout": 5}, quotas=quotas, **settings)
    shop.backlog(*range(400)).run(until=60)
    assert fewest(shop) == least


def test_throttles_lower_the_pollers_and_no_further_than_five_unless_told() -> None:
    for floor, least in ((5, 5), (2, 3)):
        shop = crowd(
            300, 20, quotas={"account_concurrency": 10, "mapping_pollers_throttled": floor}
        ).run(until=400)
        assert "throttled" in {cause for _, _, cause in pollers(shop)}
        assert fewest(shop) == least


def provisioned(number: int, **config: Any) -> Shop:
    return crowd(
        number, 60, rules="2025-11-14", quotas={"account_concurrency": 3_000},
        provisioned_poller_config=config or {"minimum_pollers": 2, "maximum_pollers": 200},
    )  # fmt: skip


def test_a_provisioned_poller_has_ten_batches_at_a_time() -> None:
    shop = provisioned(200).run(until=2)
    assert pollers(shop)[0][1] == 2
    running = shop.lab.trace.batches.query("poller == 1")
    assert len(running) == 10


def test_provisioned_pollers_are_of_their_day() -> None:
    with pytest.raises(ll.errors.LabError, match="2025-11-14"):
        crowd(1, provisioned_poller_config={"minimum_pollers": 2, "maximum_pollers": 200})


def test_provisioned_pollers_and_maximum_concurrency_exclude_each_other() -> None:
    shop = Shop(rules="2025-11-14", maximum_concurrency=5)
    with pytest.raises(ll.errors.LabError, match="maximum_concurrency"):
        shop.mapping.update(provisioned_poller_config={"minimum_pollers": 2, "maximum_pollers": 9})


@pytest.mark.parametrize("config", [
    {"minimum_pollers": 1}, {"minimum_pollers": 201}, {"maximum_pollers": 1},
    {"maximum_pollers": 2_001},
])  # fmt: skip
def test_provisioned_pollers_out_of_range(config: Any) -> None:
    shop = Shop(rules="2025-11-14")
    with pytest.raises(ll.errors.InvalidSetting, match="pollers"):
        shop.mapping.update(provisioned_poller_config=config)


# ------------------------------------------------------------------ FIFO


def fifo(answer: Any = None, **settings: Any) -> Shop:
    return Shop(
        answer, name="orders.fifo",
        queue={"content_based_deduplication": True} | settings.pop("queue", {}), **settings,
    )  # fmt: skip


def test_one_group_is_worked_on_one_by_one_in_one_environment() -> None:
    """As recorded: batch size 1, never two at a time."""
    shop = fifo(batch_size=1)
    shop.answer = lambda records: time.sleep(2)
    shop.backlog(*range(5), message_group_id="g").run()
    assert shop.bodies == [[str(number)] for number in range(5)]
    runs = shop.lab.trace.attempts.sort_values("started_at")
    assert runs.environment_id.nunique() == 1
    assert (runs.started_at.iloc[1:].to_numpy() >= runs.ended_at.iloc[:-1].to_numpy()).all()


@pytest.mark.parametrize(("concurrency", "most"), [(None, 3), (2, 2)])
def test_as_many_at_a_time_as_there_are_groups(concurrency: Any, most: int) -> None:
    shop = fifo(batch_size=1, maximum_concurrency=concurrency)
    shop.answer = lambda records: time.sleep(2)
    shop.mapping.disable()
    for number in range(12):
        shop.orders.send(number, message_group_id=f"g{number % 3}")
    shop.mapping.enable()
    shop.run()
    starts, ends = shop.lab.trace.attempts.started_at, shop.lab.trace.attempts.ended_at
    running = max(int(((starts <= at) & (ends > at)).sum()) for at in starts)
    assert running == most


def test_a_batch_holds_several_groups_in_order_within_each() -> None:
    shop = fifo()
    shop.mapping.disable()
    for number in range(6):
        shop.orders.send(number, message_group_id="ab"[number % 2])
    shop.mapping.enable()
    shop.run()
    got = [(record["attributes"]["MessageGroupId"], record["body"]) for record in shop.events[0]]
    assert len(shop.events) == 1
    assert [body for group, body in got if group == "a"] == ["0", "2", "4"]
    assert [body for group, body in got if group == "b"] == ["1", "3", "5"]


def test_until_2024_a_batch_held_one_group() -> None:
    shop = fifo(rules="2023-12-01")
    shop.mapping.disable()
    for number in range(6):
        shop.orders.send(number, message_group_id="ab"[number % 2])
    shop.mapping.enable()
    shop.run()
    groups = [{r["attributes"]["MessageGroupId"] for r in records} for records in shop.events]
    assert sorted(map(sorted, groups)) == [["a"], ["b"]]


def test_messages_of_a_fifo_queue_that_are_not_listed_are_deleted_too() -> None:
    """So a function has to stop at the first failure, and list it and all that follow."""
    shop = fifo(queue={"visibility_timeout": 10}, **REPORT)
    shop.answer = lambda records: listed("b")(records) if len(shop.events) == 1 else None
    shop.backlog("a", "b", "c", message_group_id="g").run()
    assert shop.bodies == [["a", "b", "c"], ["b"]]
    assert shop.ends() == {"deleted": 3}


def test_the_rest_of_a_group_waits_for_a_message_that_failed() -> None:
    shop = fifo(batch_size=1, queue={"visibility_timeout": 10})
    shop.answer = lambda records: (
        fail(records) if records[0]["body"] == "b" and shop.counts[-1] == 1 else None
    )
    shop.backlog("a", "b", "c", message_group_id="g").run()
    assert shop.bodies == [["a"], ["b"], ["b"], ["c"]]
    assert shop.lab.elapsed >= 10


def test_the_event_of_a_fifo_queue() -> None:
    shop = fifo()
    shop.orders.send("x", message_group_id="g", message_deduplication_id="d")
    shop.run()
    attributes = shop.events[0][0]["attributes"]
    assert (attributes["MessageGroupId"], attributes["MessageDeduplicationId"]) == ("g", "d")
    assert attributes["SequenceNumber"].isdigit()
