"""Callers that wait: at most so many calls of a traffic are under way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdalab as ll
from lambdalab.errors import InvalidSetting, LabError, ResourceConflictException

AT_ONCE = {"environment_setup": 0}


def served(seed: int = 1, **settings: object) -> ll.Lab:
    lab = ll.Lab(seed=seed, quotas=AT_ONCE)
    lab.create_function("served", **{"duration": 1.0, "init": 0, **settings})
    return lab


def seconds(lab: ll.Lab, column: str, table: str = "requests") -> list[float]:
    return (getattr(lab.trace, table)[column] - lab.trace.start).dt.total_seconds().tolist()


def most_at_once(lab: ll.Lab) -> int:
    """The most calls that were under way at once, an answer coming before the call it makes room for."""
    begun = [(at, 1) for at in seconds(lab, "requested_at", "invocations")]
    over = [(at, -1) for at in seconds(lab, "completed_at", "invocations")]
    running = most = 0
    for _, change in sorted(begun + over):
        running += change
        most = max(most, running)
    return most


def test_one_caller_calls_one_after_another() -> None:
    lab = served()
    lab.drive("served", ll.Burst(4), concurrency=1)
    lab.run()
    assert seconds(lab, "sent_at") == [0, 0, 0, 0], "when each wanted to call"
    assert lab.trace.requests["latency_ms"].tolist() == [1000, 2000, 3000, 4000]
    assert seconds(lab, "requested_at", "invocations") == [0, 1, 2, 3]
    waited = lab.trace.requests["latency_ms"] - lab.trace.invocations["latency_ms"]
    assert waited.tolist() == [0, 1000, 2000, 3000]
    assert len(lab.trace.environments) == 1


def test_they_wait_in_order() -> None:
    lab = served(duration=lambda event: event["takes"], timeout=10)
    takes = [5, 1, 1, 1, 1]
    lab.drive("served", ll.Burst(5), payload=lambda i: {"takes": takes[i]}, concurrency=2)
    lab.run()
    assert seconds(lab, "answered_at") == [5, 1, 2, 3, 4]


@given(
    st.integers(1, 5), st.sampled_from([0.5, 3.0, 20.0]), st.integers(0, 50), st.booleans(),
    st.sampled_from([{}, {"network_latency": 0.1}]),
)  # fmt: skip
def test_never_more_are_under_way_and_all_are_answered(
    callers: int, rate: float, seed: int, throttled: bool, quotas: dict[str, float]
) -> None:
    lab = ll.Lab(seed=seed, quotas={**AT_ONCE, **quotas})
    lab.create_function(
        "served",
        duration=ll.Exponential(0.5),
        init=0,
        reserved_concurrency=2 if throttled else None,
    )
    lab.drive("served", ll.Poisson(rate), count=40, concurrency=callers)
    lab.run()
    assert most_at_once(lab) <= callers
    requests = lab.trace.requests
    assert requests["status_code"].isin([200, 429]).all()
    assert requests["sent_at"].is_monotonic_increasing
    assert lab.trace.invocations["requested_at"].is_monotonic_increasing
    lab.audit()


def test_more_callers_than_calls_change_nothing() -> None:
    digests = set()
    for callers in (None, 1000):
        lab = served(seed=3)
        lab.drive("served", ll.Poisson(5), count=100, concurrency=callers)
        lab.run()
        digests.add(lab.trace.digest())
    assert len(digests) == 1


def test_a_refusal_makes_room_too() -> None:
    """Thousands refused one after another, while each makes room for the next."""
    lab = served(reserved_concurrency=1)
    lab.drive("served", ll.Burst(3000), concurrency=1)
    lab.run(until=0.5)
    lab.put_function_concurrency("served", 0)
    lab.run()
    assert lab.trace.requests["status_code"].value_counts().to_dict() == {429: 2999, 200: 1}
    assert lab.elapsed == 1.0


def test_events_are_answered_at_once_and_never_wait() -> None:
    lab = served()
    lab.drive("served", ll.Burst(10), invocation_type="Event", concurrency=1)
    lab.run()
    assert lab.trace.requests["latency_ms"].tolist() == [0.0] * 10
    assert len(lab.trace.environments) == 10


def test_messages_never_wait() -> None:
    lab = ll.Lab(seed=1)
    lab.sqs.create_queue("orders")
    lab.drive("orders", ll.Burst(10), concurrency=1)
    lab.run()
    assert len(lab.trace.queue_events) == 10


def test_each_traffic_has_callers_of_its_own() -> None:
    lab = served()
    for _ in range(2):
        lab.drive("served", ll.Burst(3), concurrency=1)
    lab.run()
    assert most_at_once(lab) == 2


def test_a_function_that_callers_wait_for_is_in_use() -> None:
    lab = ll.Lab(seed=1, quotas={"environment_setup": 0, "network_latency": 2.0})
    lab.create_function("served", duration=0.1, init=0)
    lab.drive("served", ll.Burst(2), concurrency=1)
    lab.run(until=1.5)  # the first answer is on its way, the second call waits
    with pytest.raises(ResourceConflictException, match=r"traffic from lab.drive"):
        lab.delete_function("served")
    lab.run()
    lab.delete_function("served")


@pytest.mark.parametrize("callers", [0, -1, 1.5, True, "2"])
def test_concurrency_is_a_whole_number(callers: object) -> None:
    lab = served()
    with pytest.raises(InvalidSetting, match="concurrency"):
        lab.drive("served", ll.Burst(1), concurrency=callers)  # type: ignore[arg-type]
    lab.run()
    assert not len(lab.trace.requests)


@pytest.mark.parametrize(
    ("target", "wrong", "told"),
    [
        ("orders", {"payload": ""}, "at least one character"),
        ("orders", {"payload": "x" * 300_000}, "262,144 bytes"),
        ("orders", {"message_group_id": "g"}, "left out"),
        ("orders.fifo", {"message_group_id": 5}, "message_group_id"),
        ("clicks", {"partition_key": ""}, "partition_key"),
        ("clicks", {"payload": "x" * 2_000_000}, "1,048,576"),
        ("clicks", {"message_group_id": "g"}, "takes partition_key"),
        ("items", {"payload": "no item"}, "item"),
    ],
)
def test_what_a_source_would_refuse_at_every_arrival_is_refused_at_once(
    target: str, wrong: dict[str, Any], told: str
) -> None:
    lab = ll.Lab()
    lab.sqs.create_queue("orders")
    lab.sqs.create_queue("orders.fifo")
    lab.kinesis.create_stream("clicks")
    lab.dynamodb.create_table("items")
    with pytest.raises(LabError, match=told):
        lab.drive(target, ll.Every(1), count=2, **wrong)
    lab.run()
    assert len(lab.trace.queue_events) == 0


def test_every_kind_of_source_is_driven() -> None:
    lab = ll.Lab()
    queue, fifo = lab.sqs.create_queue("orders"), lab.sqs.create_queue("orders.fifo")
    stream, table = lab.kinesis.create_stream("clicks"), lab.dynamodb.create_table("items")
    lab.drive(queue, ll.Every(1), count=3)
    lab.drive(fifo, ll.Every(1), count=3, message_group_id=lambda number: f"g{number % 2}")
    lab.drive(stream, ll.Every(1), count=3, partition_key="ann")
    lab.drive(table, ll.Every(1), count=3, payload={"kind": "a"})
    lab.run()
    assert (queue.depth, fifo.depth, stream.depth, len(table)) == (3, 3, 3, 3)
    assert [record.partition_key for record in stream.store.records] == ["ann"] * 3
    assert set(lab.trace.queue_events["message_group"]) == {"", "g0", "g1"}


def test_a_name_of_a_function_and_a_queue_is_no_name() -> None:
    lab = ll.Lab()
    lab.create_function("orders", duration=1)
    queue = lab.sqs.create_queue("orders")
    with pytest.raises(InvalidSetting, match="one of several"):
        lab.drive("orders", ll.Every(1), count=1)
    lab.drive(queue, ll.Every(1), count=1)
    lab.run()
    assert queue.depth == 1
