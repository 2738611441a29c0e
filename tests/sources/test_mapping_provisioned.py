"""Provisioned mode: pollers that are there ahead, with ten batches and a rate each."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import lambdalab as ll
from lambdalab.errors import InvalidParameterValueException, InvalidSetting
from lambdalab.rules import Rules
from lambdalab.sources.mappings.provisioned_pollers import Pace

if TYPE_CHECKING:
    from conftest import Bench

S = 1_000_000
DAY = "2025-11-14"


def provisioned(
    benches: type[Bench], messages: int, body: Any = 1, duration: float = 1,
    visibility: int = 900, quotas: Any = (), **config: int,
) -> Bench:  # fmt: skip
    """A flood, and a mapping with provisioned pollers."""
    bench = benches(DAY, account_concurrency=30_000, scaling_burst=30_000, **dict(quotas))
    orders = bench.queue(visibility_timeout=visibility)
    bench.map(
        orders, bench.function(duration=duration, timeout=min(visibility, 900)),
        provisioned_poller_config=config,
    )  # fmt: skip
    for _ in range(messages // 10):
        orders.send_batch([body] * 10)
    return bench


def pollers(bench: Bench) -> list[tuple[float, int, int, str]]:
    """Second, before, after and cause of each change."""
    rows = [row for row in bench.rows("scaling") if row.kind == "pollers"]
    return [(row.at / S, row.before, row.after, row.cause) for row in rows]


# ---- settings --------------------------------------------------------------------------------


@pytest.mark.parametrize("day", ["2025-01-07", "2025-11-13"])
def test_before_its_day_it_is_refused(benches: type[Bench], day: str) -> None:
    bench = benches(day)
    with pytest.raises(InvalidSetting) as caught:
        bench.map(bench.queue(), bench.function(), provisioned_poller_config={})
    assert "since 2025-11-14" in str(caught.value)
    assert 'Lab(rules="2025-11-14")' in str(caught.value)
    assert f"rules of {day}" in str(caught.value)
    assert len(bench.mappings) == 0


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({}, (2, 200)),
        ({"minimum_pollers": 5}, (5, 200)),
        ({"MinimumPollers": 3, "MaximumPollers": 2_000}, (3, 2_000)),
        ({"minimum_pollers": 200, "maximum_pollers": 200}, (200, 200)),
        ({"minimum_pollers": None, "maximum_pollers": 2}, (2, 2)),
    ],
)
def test_what_can_be(given: dict[str, Any], made: tuple[int, int]) -> None:
    lab = ll.Lab(rules=DAY)
    lab.create_function("bill", duration=1)
    orders = lab.sqs.create_queue("orders")
    mapping = lab.create_event_source_mapping(orders, "bill", provisioned_poller_config=given)
    low, high = made
    config = {"minimum_pollers": low, "maximum_pollers": high}
    assert mapping.settings.as_dict()["provisioned_poller_config"] == config
    assert f"{low:,} to {high:,} provisioned pollers" in repr(mapping)
    mapping.update(batch_size=3)
    assert mapping.settings.as_dict()["provisioned_poller_config"] == config
    mapping.update(provisioned_poller_config=None)
    assert mapping.settings.provisioned_poller_config is None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"minimum_pollers": 1}, r"\['minimum_pollers'\]=1: must be a whole number of 2 to 200"),
        ({"minimum_pollers": 201}, "2 to 200 pollers .dg/services-sqs-configure"),
        ({"maximum_pollers": 2_001}, "2 to 2,000"),
        ({"maximum_pollers": 1}, "2 to 2,000"),
        ({"minimum_pollers": 2.0}, "2 to 200"),
        ({"minimum_pollers": True}, "2 to 200"),
        ({"minimum": 2}, "minimum_pollers"),
        ({"minimum_pollers": 2, "MinimumPollers": 3}, "minimum_pollers"),
        ({3: 4}, "minimum_pollers"),
        ([2, 200], "minimum_pollers"),
        (5, "minimum_pollers"),
    ],
)
def test_what_cannot_be(benches: type[Bench], wrong: Any, words: str) -> None:
    bench = benches(DAY)
    with pytest.raises(InvalidSetting, match=words):
        bench.map(bench.queue(), bench.function(), provisioned_poller_config=wrong)


def test_what_does_not_go_together(benches: type[Bench]) -> None:
    bench = benches(DAY)
    orders, bill = bench.queue(), bench.function()
    with pytest.raises(InvalidParameterValueException, match="both a maximum concurrency"):
        bench.map(orders, bill, provisioned_poller_config={}, maximum_concurrency=5)
    config = {"minimum_pollers": 20, "maximum_pollers": 10}
    with pytest.raises(InvalidParameterValueException, match="must not be greater"):
        bench.map(orders, bill, provisioned_poller_config=config)
    mapping = bench.map(orders, bill, maximum_concurrency=5)
    with pytest.raises(InvalidParameterValueException, match="both"):
        mapping.update(provisioned_poller_config={})
    mapping.update(provisioned_poller_config={}, maximum_concurrency=None)
    assert mapping.settings.maximum_concurrency is None


# ---- rates -----------------------------------------------------------------------------------


def test_each_has_ten_batches_and_ten_polls_a_second(benches: type[Bench]) -> None:
    bench = provisioned(benches, 1_000, duration=600, minimum_pollers=3, maximum_pollers=3)
    bench.run(until=100)
    assert Counter(b.poller for b in bench.batches()) == {1: 10, 2: 10, 3: 10}
    at = Counter(b.flushed_at for b in bench.batches())
    assert at == {n * S // 10: 3 for n in range(10)}


def test_small_messages_are_bound_by_polls(benches: type[Bench]) -> None:
    bench = provisioned(benches, 5_000, duration=0.01, minimum_pollers=2, maximum_pollers=2)
    seconds = bench.run()
    # two pollers, ten polls a second of ten messages
    assert seconds == pytest.approx(25, abs=0.2)
    assert bench.sqs["orders"].depth == 0


def test_large_messages_are_bound_by_bytes(benches: type[Bench]) -> None:
    body = "x" * (20 * 1024)
    bench = provisioned(benches, 1_000, body, duration=0.01, minimum_pollers=2, maximum_pollers=2)
    seconds = bench.run()
    # 20,000 KB at 2 MB a second
    assert seconds == pytest.approx(1_000 * 20 / 2_048, abs=0.4)


def test_a_queue_that_is_not_busy_is_polled_at_once(benches: type[Bench]) -> None:
    bench = provisioned(benches, 0, duration=0.01, minimum_pollers=2, maximum_pollers=2)
    for n in range(10):
        bench.at(n / 10, lambda: bench.sqs["orders"].send("x"))
    bench.run()
    assert [b.flushed_at for b in bench.batches()] == [n * S // 10 for n in range(10)]
    assert {b.poller for b in bench.batches()} == {1}


def test_pace() -> None:
    pace = Pace(Rules.as_of(DAY))
    pace.resize(2, at=0)
    pace.polled(0, 10)
    assert pace.free_at == 0
    pace.polled(0, 3 * 2**20)
    assert pace.free_at == S // 10
    pace.polled(S // 10, 0)
    pace.resize(1, at=S)
    assert pace.free_at == S // 5
    pace.resize(3, at=S // 8)
    assert pace.free_at == S // 8


# ---- scaling ---------------------------------------------------------------------------------


def test_they_grow_from_the_least_to_the_most(benches: type[Bench]) -> None:
    bench = provisioned(benches, 30_000, duration=800, minimum_pollers=5, maximum_pollers=150)
    bench.run(until=61)
    rows = pollers(bench)
    assert rows[0] == (0, 0, 5, "configured")
    assert rows[1] == (1, 5, 6, "backlog")
    after_a_minute = [after for at, _, after, _ in rows if at <= 60][-1]
    assert after_a_minute == 105  # 1,000 concurrent invokes more, ten to a poller
    bench.run(until=300)
    assert pollers(bench)[-1][2] == 150
    assert len(bench.batches()) == 1_500
    assert Counter(b.poller for b in bench.batches()) == dict.fromkeys(range(1, 151), 10)


def test_they_shrink_to_the_least(benches: type[Bench]) -> None:
    bench = provisioned(benches, 2_000, duration=2, minimum_pollers=4, maximum_pollers=20)
    bench.run(until=3_000)
    rows = pollers(bench)
    assert rows[0] == (0, 0, 4, "configured")
    assert max(row[2] for row in rows) > 4
    assert rows[-1][2:] == (4, "backlog_gone")
    assert not [row for row in rows if row[3] == "idle"]


def test_switched_on_and_off_while_records_flow(benches: type[Bench]) -> None:
    bench = provisioned(benches, 3_000, duration=3, minimum_pollers=2, maximum_pollers=2)
    [mapping] = bench.mappings
    bench.at(4, lambda: mapping.update(provisioned_poller_config=None))
    bench.at(9, lambda: mapping.update(provisioned_poller_config={"minimum_pollers": 3}))
    bench.at(12, lambda: mapping.update(enabled=False))
    bench.at(15, lambda: mapping.update(enabled=True))
    bench.run()
    rows = pollers(bench)
    assert (4, 2, 5, "configured") in rows
    assert [row for row in rows if row[0] == 12][-1][2:] == (0, "configured")
    assert (15, 0, 3, "configured") in rows
    assert bench.sqs["orders"].depth == 0
    assert len(bench.events(action="received")) == 3_000
    assert len(bench.events(action="deleted")) == 3_000


def test_throttles_leave_the_least(benches: type[Bench]) -> None:
    bench = benches(DAY)
    orders = bench.queue(visibility_timeout=60)
    bill = bench.function(duration=5, timeout=10, reserved_concurrency=100)
    bench.map(orders, bill, provisioned_poller_config={"minimum_pollers": 8})
    for _ in range(400):
        orders.send_batch(range(10))
    bench.run(until=30)
    rows = pollers(bench)
    assert [row[3] for row in rows].count("throttled") >= 1
    assert min(row[2] for row in rows) == 8


def test_fifo_queues_take_it_too(benches: type[Bench]) -> None:
    """dg/services-sqs-parameters lists it without an exception."""
    bench = benches(DAY)
    orders = bench.queue("orders.fifo", fifo=True)
    bench.map(orders, bench.function(duration=5), provisioned_poller_config={})
    for group in "abc":
        orders.send("x", message_group_id=group, message_deduplication_id=group)
    bench.run()
    assert orders.depth == 0
