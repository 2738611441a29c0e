"""A quiet queue with a short window: the batch may wait for the long poll under way."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

import lambdalab as ll

if TYPE_CHECKING:
    from conftest import Bench

S = 1_000_000


def quiet(
    benches: type[Bench], *times: float, poll: float = 20, visibility: int = 30, **settings: Any
) -> Bench:
    """A message at each of these seconds, a window of 5 s."""
    bench = benches(mapping_long_poll=poll)
    orders = bench.queue(visibility_timeout=visibility)
    given = {"maximum_batching_window": 5} | settings
    bench.map(orders, bench.function(duration=0.1), **given)
    for at in times:
        bench.at(at, partial(orders.send, {"at": at}))
    bench.run()
    assert orders.depth == 0
    return bench


def shape(bench: Bench) -> list[tuple[int, str, float, float]]:
    """Records, cause, opened and flushed of each batch."""
    return [(b.records, b.cause, b.opened_at / S, b.flushed_at / S) for b in bench.batches()]


def test_it_is_off_by_default(bench: Bench) -> None:
    assert bench.rules.mapping_long_poll == 0
    assert bench.rules.source("mapping_long_poll").startswith("dg/with-sqs")


def test_one_message_a_minute_waits_for_its_window(benches: type[Bench]) -> None:
    bench = quiet(benches, 0, 60, 120, poll=0)
    assert shape(bench) == [(1, "batching_window", at, at + 5) for at in (0, 60, 120)]


def test_one_message_a_minute_waits_for_the_long_poll(benches: type[Bench]) -> None:
    bench = quiet(benches, 0, 60, 120)
    assert shape(bench) == [(1, "long_poll", at, at + 20) for at in (0, 60, 120)]
    assert [b.window_opened_at / S for b in bench.batches()] == [0, 60, 120]


def test_the_next_message_ends_the_wait_and_joins(benches: type[Bench]) -> None:
    bench = quiet(benches, 0, 12, 40)
    assert shape(bench) == [(2, "long_poll", 0, 12), (1, "long_poll", 40, 60)]


def test_the_long_poll_begins_with_the_last_receive(benches: type[Bench]) -> None:
    bench = quiet(benches, 0, 4)
    assert shape(bench) == [(2, "long_poll", 0, 24)]


@pytest.mark.parametrize(
    ("window", "cause", "flushed"), [(19, "long_poll", 20), (20, "batching_window", 20)]
)
def test_a_longer_window_is_not_passed(
    benches: type[Bench], window: int, cause: str, flushed: float
) -> None:
    bench = quiet(benches, 0, maximum_batching_window=window)
    assert shape(bench) == [(1, cause, 0, flushed)]


def test_a_full_batch_waits_for_nothing(benches: type[Bench]) -> None:
    bench = quiet(benches, 0, 1, 2, batch_size=3)
    assert shape(bench) == [(3, "batch_size", 0, 2)]


def test_a_message_that_fills_the_batch_ends_the_wait(benches: type[Bench]) -> None:
    bench = quiet(benches, 0, 8, batch_size=2)
    assert shape(bench) == [(2, "batch_size", 0, 8)]


def test_without_a_window_nothing_waits(benches: type[Bench]) -> None:
    bench = quiet(benches, 0, 60, maximum_batching_window=0)
    assert shape(bench) == [(1, "no_window", at, at) for at in (0, 60)]


def test_a_busy_queue_hardly_notices(benches: type[Bench]) -> None:
    times = [n / 10 for n in range(100)]
    with_, without = (quiet(benches, *times, poll=poll) for poll in (20, 0))
    first = with_.batches()[0], without.batches()[0]
    assert [b.records for b in first] == [10, 10]
    assert [b.cause for b in first] == ["batch_size"] * 2


def test_the_function_keeps_its_time(benches: type[Bench]) -> None:
    """The messages must not come back before the function, which may take 3 s, is over."""
    bench = quiet(benches, 0, visibility=12)
    assert shape(bench) == [(1, "long_poll", 0, 9)]
    assert len(bench.events(action="received")) == 1


def test_a_message_that_is_filtered_ends_the_poll_too(benches: type[Bench]) -> None:
    bench = quiet(
        benches, 0, 9, filter_criteria={"Filters": [{"Pattern": '{"body": {"at": [0]}}'}]}
    )
    assert shape(bench) == [(1, "long_poll", 0, 9)]
    assert bench.batches()[0].filtered == 1


def test_disabled_nobody_polls(benches: type[Bench]) -> None:
    bench = benches(mapping_long_poll=20)
    orders = bench.queue()
    mapping = bench.map(orders, bench.function(), maximum_batching_window=5)
    orders.send("x")
    bench.at(3, lambda: mapping.update(enabled=False))
    bench.run()
    assert shape(bench) == [(1, "batching_window", 0, 5)]


def test_a_wait_keeps_a_run_alive(benches: type[Bench]) -> None:
    bench = quiet(benches, 0)
    assert bench.scheduler.now == 20.1 * S


def test_what_comes_with_filtered_messages_does_not_wait(benches: type[Bench]) -> None:
    bench = benches(mapping_long_poll=20)
    orders = bench.queue()
    wanted = {"Filters": [{"Pattern": '{"body": ["yes"]}'}]}
    bench.map(orders, bench.function(duration=2), maximum_batching_window=5, filter_criteria=wanted)
    orders.send("yes")
    for body in ["no"] * 10 + ["yes"]:  # one receive brings ten
        bench.at(7, partial(orders.send, body))
    bench.run()
    received = [row.at / S for row in bench.events(action="received")]
    assert received == [0] + [7] * 11


def test_a_window_that_is_changed_meanwhile_does_not_count_for_an_open_batch() -> None:
    """It was as long as the long poll when the batch began: it ends with its window."""
    lab = ll.Lab(quotas={"mapping_long_poll": 20})
    lab.create_function("bill", duration=0.1)
    orders = lab.sqs.create_queue("orders")
    mapping = lab.create_event_source_mapping(orders, "bill", maximum_batching_window=20)
    orders.send("x")
    lab.run(until=10)
    mapping.update(maximum_batching_window=1)
    orders.send("y")  # the next long poll begins
    lab.run()
    assert lab.trace.short.batches[["t_s", "cause"]].values.tolist() == [[20.0, "batching_window"]]
