"""When a batch opens, what joins it, and why it closes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Bench

S = 1_000_000


def shape(bench: Bench) -> list[tuple[int, str, int]]:
    """Records, cause and second of closing of each batch."""
    return [(b.records, b.cause, b.flushed_at / S) for b in bench.batches()]


def send(bench: Bench, *times: float) -> None:
    """One message at each of these seconds."""
    orders = bench.sqs["orders"]
    for time in times:
        bench.at(time, lambda time=time: orders.send({"at": time}))


# ---- without a window ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, [(1, "no_window")]),
        (9, [(9, "no_window")]),
        (10, [(10, "batch_size")]),
        (11, [(10, "batch_size"), (1, "no_window")]),
        (25, [(10, "batch_size"), (10, "batch_size"), (5, "no_window")]),
    ],
)
def test_what_one_receive_brings(bench: Bench, number: int, expected: list[Any]) -> None:
    orders = bench.queue()
    bench.map(orders, bench.function())
    for n in range(number):
        orders.send(n)
    bench.run()
    assert [(records, cause) for records, cause, _ in shape(bench)] == expected
    assert {at for *_, at in shape(bench)} == {0.0}
    assert [m for b in range(len(expected)) for m in bench.messages_of(b + 1)] == list(
        range(1, number + 1)
    )
    assert orders.depth == 0


@pytest.mark.parametrize("size", [1, 3])
def test_a_receive_brings_no_more_than_the_batch_takes(bench: Bench, size: int) -> None:
    orders = bench.queue()
    bench.map(orders, bench.function(), batch_size=size)
    orders.send_batch(range(7))
    bench.run()
    assert {b.records for b in bench.batches()} <= {size, 7 % size}
    received = [row.at for row in bench.events(action="received")]
    assert received == ([0] * 5 + [S] * 2 if size == 1 else [0] * 7)


def test_a_quiet_queue_sends_each_message_alone(bench: Bench) -> None:
    bench.map(bench.queue(), bench.function(duration=0.1))
    send(bench, 1, 2, 3)
    bench.run()
    assert shape(bench) == [(1, "no_window", 1.0), (1, "no_window", 2.0), (1, "no_window", 3.0)]
    assert [b.poller for b in bench.batches()] == [1, 1, 1]
    assert [(b.window_opened_at, b.opened_at) for b in bench.batches()] == [
        (-1, S), (-1, 2 * S), (-1, 3 * S)
    ], "without a window none begins"  # fmt: skip


def test_five_pollers(benches: type[Bench]) -> None:
    bench = benches(mapping_pollers_maximum=5)
    orders = bench.queue(visibility_timeout=60)
    bench.map(orders, bench.function(duration=2), batch_size=1)
    orders.send_batch(range(7))
    bench.run()
    rows = [(b.poller, b.flushed_at) for b in bench.batches()]
    assert rows == [*((n, 0) for n in range(1, 6)), (1, 2 * S), (2, 2 * S)]
    visible = [r.depth - r.in_flight - r.delayed for r in bench.events(action="received")]
    assert visible == [6, 5, 4, 3, 2, 1, 0]


def test_while_all_pollers_are_busy_messages_gather(bench: Bench) -> None:
    bench.map(bench.queue(), bench.function(duration=2))
    send(bench, 0, 0.1, 0.2, 0.3, 0.4, 1.3, 1.4, 1.5)
    bench.run()
    assert shape(bench) == [
        *((1, "no_window", n / 10) for n in range(5)),
        (3, "no_window", 2.0),
    ]


def test_the_lowest_idle_poller_takes_the_batch(bench: Bench) -> None:
    times = iter([3, 1, 1])
    bench.map(bench.queue(), bench.function(duration=lambda _: next(times), timeout=10))
    send(bench, 0, 0.5, 2)
    bench.run()
    assert [b.poller for b in bench.batches()] == [1, 2, 2]


# ---- with a window ---------------------------------------------------------------------------


def test_the_first_window_begins_with_the_first_record(bench: Bench) -> None:
    bench.map(bench.queue(), bench.function(), maximum_batching_window=5)
    send(bench, 3, 4, 7.9)
    bench.run()
    [batch] = bench.batches()
    assert shape(bench) == [(3, "batching_window", 8.0)]
    assert (batch.window_opened_at, batch.opened_at, batch.poller) == (3 * S, 3 * S, 1)


def test_the_next_window_begins_when_the_previous_invocation_completed(bench: Bench) -> None:
    bench.map(bench.queue(), bench.function(duration=1), maximum_batching_window=5)
    send(bench, 0, 8)
    bench.run()
    first, second = bench.batches()
    assert (first.flushed_at, first.completed_at) == (5 * S, 6 * S)
    assert (second.window_opened_at, second.opened_at, second.flushed_at) == (6 * S, 8 * S, 11 * S)


def test_a_window_that_ends_empty_begins_anew_with_the_next_record(bench: Bench) -> None:
    bench.map(bench.queue(), bench.function(duration=1), maximum_batching_window=5)
    send(bench, 0, 11, 30)
    bench.run()
    rows = [(b.window_opened_at / S, b.flushed_at / S) for b in bench.batches()]
    assert rows == [(0, 5), (11, 16), (30, 35)]


def test_a_window_belongs_to_its_poller(bench: Bench) -> None:
    bench.map(bench.queue(), bench.function(duration=3, timeout=5), maximum_batching_window=5)
    send(bench, 0, 6)
    bench.run()
    rows = [(b.poller, b.window_opened_at / S, b.flushed_at / S) for b in bench.batches()]
    assert rows == [(1, 0, 5), (2, 6, 11)]  # poller 1 was busy: 2 has never invoked


def test_an_open_batch_stays_with_its_poller(bench: Bench) -> None:
    bench.map(bench.queue(), bench.function(duration=3, timeout=5), maximum_batching_window=5)
    send(bench, 0, 6, 9)
    bench.run()
    rows = [(b.poller, b.records, b.flushed_at / S) for b in bench.batches()]
    assert rows == [(1, 1, 5), (2, 2, 11)]  # poller 1 was idle again at 8


def test_a_full_batch_does_not_wait_for_its_window(bench: Bench) -> None:
    orders = bench.queue()
    bench.map(orders, bench.function(), batch_size=3, maximum_batching_window=60)
    send(bench, 1, 2, 3, 3.5)
    assert bench.run() == 64.5
    assert shape(bench) == [(3, "batch_size", 3.0), (1, "batching_window", 63.5)]
    assert [b.poller for b in bench.batches()] == [1, 2]


@pytest.mark.parametrize(
    ("number", "expected"),
    [(15, [(15, "batching_window")]), (100, [(100, "batch_size")]), (101, [100, 1])],
)
def test_large_batches_are_merged_from_receives_of_ten(
    bench: Bench, number: int, expected: list[Any]
) -> None:
    orders = bench.queue()
    bench.map(orders, bench.function(), batch_size=100, maximum_batching_window=2)
    for n in range(number):
        orders.send(n)
    bench.run()
    if number == 101:
        assert [b.records for b in bench.batches()] == expected
    else:
        assert [(b.records, b.cause) for b in bench.batches()] == expected
    assert orders.depth == 0


def test_an_open_window_keeps_a_run_alive(bench: Bench) -> None:
    orders = bench.queue()
    bench.map(orders, bench.function(duration=1), maximum_batching_window=300)
    orders.send("x")
    assert bench.run() == 301


# ---- six megabytes ---------------------------------------------------------------------------


def test_a_batch_closes_before_it_passes_6_mb(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=900)
    bench.map(orders, bench.function(), batch_size=10_000, maximum_batching_window=300)
    for n in range(130):
        orders.send(f"{n:06}" + "x" * (102_400 - 6))
    bench.run()
    assert [(b.records, b.cause, b.poller) for b in bench.batches()] == [
        (61, "payload_size", 1), (61, "payload_size", 2), (8, "batching_window", 3)
    ]  # fmt: skip
    limit = 6 * 1024 * 1024
    full = bench.batches()[0]
    assert full.size_bytes <= limit < full.size_bytes * 62 / 61
    assert bench.messages_of(1) == list(range(1, 62))
    assert bench.messages_of(2) == list(range(62, 123))
    assert [r.payload_bytes for r in bench.rows("invocations")] == [
        b.size_bytes for b in bench.batches()
    ]


def test_a_batch_of_exactly_the_limit_is_whole(benches: type[Bench]) -> None:
    def run(limit: int) -> list[Any]:
        bench = benches(mapping_payload=limit)
        orders = bench.queue()
        bench.map(orders, bench.function())
        orders.send_batch(["a" * 100, "b" * 100, "c" * 100])
        bench.run()
        return bench.batches()

    [whole] = run(6_000_000)
    [same] = run(whole.size_bytes)
    assert (same.records, same.cause) == (3, "no_window")
    first, second = run(whole.size_bytes - 1)
    assert (first.records, first.cause, second.records) == (2, "payload_size", 1)
    assert first.flushed_at == second.flushed_at == 0
    assert (first.poller, second.poller) == (1, 2)


def test_a_record_that_does_not_fit_waits_for_a_poller(benches: type[Bench]) -> None:
    bench = benches(mapping_payload=1_000, mapping_pollers_maximum=1)
    orders = bench.queue()
    bench.map(orders, bench.function(duration=1))
    orders.send_batch(["a" * 100, "b" * 100, "c" * 100])
    bench.run()
    assert [(b.records, b.cause, b.flushed_at / S) for b in bench.batches()] == [
        (1, "payload_size", 0), (1, "payload_size", 1), (1, "no_window", 2)
    ]  # fmt: skip
    assert orders.depth == 0


def test_a_waiting_record_whose_time_is_over_is_received_again(benches: type[Bench]) -> None:
    bench = benches(mapping_payload=1_000, mapping_pollers_maximum=1)
    orders = bench.queue(visibility_timeout=10)
    bench.map(orders, bench.function(duration=1, timeout=10))
    orders.send_batch([n * "a" * 100 for n in range(1, 3)])
    bench.at(0.5, lambda: orders.change_visibility("m2", 0))
    bench.run()
    rows = [(r.event, r.receive_count) for r in bench.events(action="received")]
    assert rows == [(1, 1), (2, 1), (2, 2)]
    assert orders.depth == 0


# ---- visibility ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "timeout", "visibility", "effective"),
    [(0, 20, 30, 30), (10, 20, 30, 30), (11, 20, 30, 61), (300, 30, 30, 360), (300, 30, 400, 400)],
)
def test_the_effective_visibility_timeout(
    bench: Bench, window: int, timeout: int, visibility: int, effective: int
) -> None:
    orders = bench.queue(visibility_timeout=visibility)
    bench.map(orders, bench.function(timeout=timeout), maximum_batching_window=window)
    orders.send("x")
    bench.run()
    [row] = bench.events(action="received")
    assert row.delay_us == effective * S


def test_two_mappings_share_a_queue(bench: Bench) -> None:
    orders = bench.queue()
    bench.map(orders, bench.function("one", duration=2), batch_size=1)
    bench.map(orders, bench.function("two", duration=2), batch_size=1)
    orders.send_batch(range(10))
    bench.run(until=1)
    names = [bench.books.names[b.mapping] for b in bench.batches()]
    assert sorted(names) == ["orders->one"] * 5 + ["orders->two"] * 5
    bench.run()
    assert orders.depth == 0


# ---- the same messages, one poller and five --------------------------------------------------


def pollers_of(benches: type[Bench], number: int, **function: Any) -> list[Any]:
    """A message every two seconds, 100 in all: batch size 100, a window of two minutes."""
    bench = benches(mapping_pollers_start=number, mapping_pollers_maximum=number)
    orders = bench.queue(visibility_timeout=300)
    bench.map(orders, bench.function(**function), batch_size=100, maximum_batching_window=120)
    send(bench, *range(2, 202, 2))
    bench.run()
    assert orders.depth == 0
    return bench.batches()


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        # 60 until 122 s; poller 1 is busy until 152 s, and its next window begins then
        (1, [(1, 60, 2, 122), (1, 40, 152, 272)]),
        # the second has never invoked: its window begins with its first record
        (5, [(1, 60, 2, 122), (2, 40, 122, 242)]),
    ],
)
def test_the_same_messages_with_one_poller_and_with_five(
    benches: type[Bench], number: int, expected: list[Any]
) -> None:
    batches = pollers_of(benches, number, duration=30, timeout=60)
    rows = [(b.poller, b.records, b.window_opened_at / S, b.flushed_at / S) for b in batches]
    assert rows == expected
    assert {b.cause for b in batches} == {"batching_window"}


@pytest.mark.parametrize("number", [1, 5])
def test_a_hundred_at_once_are_one_batch_however_many_pollers(
    benches: type[Bench], number: int
) -> None:
    bench = benches(mapping_pollers_start=number, mapping_pollers_maximum=number)
    orders = bench.queue()
    bench.map(orders, bench.function(), batch_size=100, maximum_batching_window=120)
    for _ in range(10):
        orders.send_batch(range(10))
    bench.run()
    assert [(b.poller, b.records, b.cause, b.flushed_at) for b in bench.batches()] == [
        (1, 100, "batch_size", 0)
    ]
