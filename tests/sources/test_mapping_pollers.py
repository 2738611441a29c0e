"""How many pollers a mapping has: they start, grow with a backlog, shrink, and sleep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lambdalab as ll
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.sources.mappings.alarm import Alarm
from lambdalab.sources.mappings.pollers import Pollers
from lambdalab.trace.causes import CAUSES
from lambdalab.trace.schema import Cause, ScalingKind

if TYPE_CHECKING:
    from conftest import Bench

S = 1_000_000
MINUTE = 60


def pollers(bench: Bench) -> list[tuple[float, int, int, str]]:
    """Second, before, after and cause of each change."""
    rows = [
        row for row in bench.rows("scaling") if row.kind == ScalingKind.names[ScalingKind.POLLERS]
    ]
    return [(row.at / S, row.before, row.after, row.cause) for row in rows]


def flood(bench: Bench, number: int) -> None:
    """So many messages at once."""
    orders = bench.sqs["orders"]
    for _ in range(number // 10):
        orders.send_batch(range(10))


def together(bench: Bench, at: float) -> int:
    """How many batches the function had at that second."""
    moment = round(at * S)
    return sum(
        b.flushed_at <= moment and (b.completed_at < 0 or moment < b.completed_at)
        for b in bench.batches()
    )


# ---- growing ---------------------------------------------------------------------------------


def test_five_batches_at_first_and_three_hundred_more_a_minute(bench: Bench) -> None:
    bench.queue(visibility_timeout=900)
    bench.map(bench.sqs["orders"], bench.function(duration=600, timeout=900), batch_size=10)
    flood(bench, 10_000)
    bench.run(until=599)
    assert [together(bench, at) for at in (0, 0.9, 1, 2, 60, 120)] == [5, 5, 10, 15, 305, 605]
    assert pollers(bench)[:3] == [
        (0, 0, 5, "configured"), (1, 5, 10, "backlog"), (2, 10, 15, "backlog")
    ]  # fmt: skip
    # 1,000 batches are all there is: none more, whatever the time
    assert together(bench, 500) == 1_000
    assert pollers(bench)[-1][:3] == (199, 995, 1_000)
    numbers = [b.poller for b in bench.batches()]
    assert numbers == list(range(1, 1_001))


def test_the_most_of_a_mapping(benches: type[Bench]) -> None:
    bench = benches(account_concurrency=2_000)
    bench.queue(visibility_timeout=900)
    bill = bench.function(duration=800, timeout=900)
    bench.map(bench.sqs["orders"], bill, batch_size=1)
    flood(bench, 1_400)
    bench.run(until=300)
    assert pollers(bench)[-1] == (249, 1_245, 1_250, "backlog")
    assert {row.poller for row in bench.batches()} == set(range(1, 1_251))


def test_the_growth_of_earlier_years(benches: type[Bench]) -> None:
    bench = benches(mapping_growth=60)
    bench.queue(visibility_timeout=900)
    bench.map(bench.sqs["orders"], bench.function(duration=600, timeout=900))
    flood(bench, 3_000)
    bench.run(until=60)
    assert together(bench, 60) == 65


def test_growth_in_other_steps(benches: type[Bench]) -> None:
    bench = benches(mapping_growth_interval=20, mapping_growth=100)
    bench.queue(visibility_timeout=900)
    bench.map(bench.sqs["orders"], bench.function(duration=600, timeout=900))
    flood(bench, 3_000)
    bench.run(until=60)
    # a third of 100 each time, and what is left over comes later
    assert [row[:3] for row in pollers(bench)[1:]] == [(20, 5, 38), (40, 38, 71), (60, 71, 105)]


def test_a_backlog_has_to_last(bench: Bench) -> None:
    orders = bench.queue()
    bench.map(orders, bench.function(duration=0.6), batch_size=1)
    for start in range(0, 20, 2):
        bench.at(start, lambda: orders.send_batch(range(10)))  # done after 1.2 s, waiting for 0.6
    bench.run()
    assert pollers(bench) == [(0, 0, 5, "configured")]
    assert max(b.poller for b in bench.batches()) == 5


def test_growth_ends_with_the_backlog(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=60)
    bench.map(orders, bench.function(duration=1.5))
    flood(bench, 200)
    bench.run()
    assert pollers(bench)[1:] == [(1, 5, 10, "backlog"), (2, 10, 15, "backlog")]
    assert orders.depth == 0


def test_a_record_that_waits_is_a_backlog(benches: type[Bench]) -> None:
    bench = benches(mapping_payload=1_000, mapping_pollers_start=1)
    orders = bench.queue()
    bench.map(orders, bench.function(duration=3, timeout=5))
    orders.send_batch(["a" * 100, "b" * 100, "c" * 100])
    bench.run()
    assert [(b.poller, b.flushed_at / S) for b in bench.batches()] == [(1, 0), (2, 1), (3, 1)]


def test_an_open_batch_is_no_backlog(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=60)
    bench.map(orders, bench.function(duration=1), batch_size=100, maximum_batching_window=30)
    for at in range(20):
        bench.at(at, lambda: orders.send("x"))
    bench.run()
    assert pollers(bench) == [(0, 0, 5, "configured")]


# ---- maximum_concurrency ---------------------------------------------------------------------


@pytest.mark.parametrize("most", [2, 4, 7])
def test_maximum_concurrency_caps_them(bench: Bench, most: int) -> None:
    orders = bench.queue(visibility_timeout=60)
    bench.map(orders, bench.function(duration=5, timeout=6), maximum_concurrency=most)
    flood(bench, 300)
    bench.run()
    assert max(together(bench, at / 2) for at in range(100)) == most
    assert max(row[2] for row in pollers(bench)) == most
    assert pollers(bench)[0] == (0, 0, min(most, 5), "configured")
    assert orders.depth == 0


def test_maximum_concurrency_changed_while_records_flow(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=60)
    mapping = bench.map(orders, bench.function(duration=4, timeout=6), maximum_concurrency=8)
    flood(bench, 600)
    bench.at(10, lambda: mapping.update(maximum_concurrency=3))
    bench.at(30, lambda: mapping.update(maximum_concurrency=None))
    bench.run()
    rows = pollers(bench)
    assert (10, 8, 3, "configured") in rows
    assert (30, 3, 5, "configured") in rows
    assert together(bench, 9) == 8
    assert {together(bench, at) for at in (16, 20, 25, 29)} == {3}
    assert together(bench, 33) > 8
    assert orders.depth == 0
    deleted = [row.event for row in bench.events(action="deleted")]
    assert sorted(deleted) == list(range(1, 601))


def test_other_settings_change_no_pollers(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=60)
    mapping = bench.map(orders, bench.function(duration=2))
    flood(bench, 300)
    bench.at(2.5, lambda: mapping.update(batch_size=9))
    bench.run(until=2.5)
    assert pollers(bench)[-1] == (2, 10, 15, "backlog")


# ---- shrinking -------------------------------------------------------------------------------


def test_after_a_backlog_they_go_back_to_five_and_then_to_two(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=60)
    bench.map(orders, bench.function(duration=1.5))
    flood(bench, 200)
    bench.run(until=3_600)
    *_, grown, back, idle = pollers(bench)
    assert grown == (2, 10, 15, "backlog")
    # the 15th never had a batch, the 10th until 2.5 s
    done = max(b.completed_at for b in bench.batches()) / S
    assert back[1:] == (15, 5, "backlog_gone")
    assert MINUTE <= back[0] <= done + MINUTE
    assert idle == (done + 300, 5, 2, "idle")


def test_pollers_in_use_stay(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=900)
    times = iter([200] * 12 + [1] * 1_000)
    bench.map(orders, bench.function(duration=lambda _: next(times), timeout=300), batch_size=1)
    orders.send_batch(range(10))
    orders.send_batch(range(2))
    bench.run(until=600)
    rows = pollers(bench)
    assert rows[1:3] == [(1, 5, 10, "backlog"), (2, 10, 15, "backlog")]
    assert rows[3][1:] == (15, 12, "backlog_gone")
    assert rows[3][0] < 200
    assert rows[4][1:] == (12, 5, "backlog_gone")
    assert rows[4][0] >= 260


def test_a_mapping_with_maximum_concurrency_does_not_go_down_to_two(bench: Bench) -> None:
    bench.map(bench.queue(), bench.function(), maximum_concurrency=10)
    bench.run(until=10_000)
    assert pollers(bench) == [(0, 0, 5, "configured")]


def test_two_pollers_grow_again(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=60)
    bench.map(orders, bench.function(duration=3, timeout=5), batch_size=1)
    bench.at(1_000, lambda: orders.send_batch(range(10)))
    bench.run()
    assert pollers(bench)[:3] == [
        (0, 0, 5, "configured"), (300, 5, 2, "idle"), (1_001, 2, 7, "backlog")
    ]  # fmt: skip
    assert [together(bench, at) for at in (1_000.5, 1_001.5)] == [2, 7]


def test_somewhat_busy_is_not_idle(bench: Bench) -> None:
    orders = bench.queue()
    bench.map(orders, bench.function())
    for at in range(0, 2_000, 250):
        bench.at(at, lambda: orders.send("x"))
    bench.run(until=2_000)
    assert pollers(bench) == [(0, 0, 5, "configured")]
    bench.run(until=3_000)
    assert pollers(bench)[1:] == [(2_051, 5, 2, "idle")]


def test_nothing_happens_in_a_quiet_year(bench: Bench) -> None:
    orders = bench.queue()
    bench.map(orders, bench.function(duration=1))
    orders.send("x")
    bench.run(until=31_536_000)
    assert len(pollers(bench)) == 2
    assert not bench.scheduler.heap
    assert bench.scheduler.sequence < 20, "nothing was asked for again and again"


def test_pollers_keep_no_run_alive(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=60)
    bench.map(orders, bench.function(duration=1.5))
    flood(bench, 200)
    assert bench.run() < 10
    assert pollers(bench)[-1][2] == 15


# ---- on and off ------------------------------------------------------------------------------


def test_switched_off_and_on_they_start_anew(bench: Bench) -> None:
    orders = bench.queue(visibility_timeout=60)
    mapping = bench.map(orders, bench.function(duration=10, timeout=20))
    flood(bench, 1_000)
    bench.at(4.5, lambda: mapping.update(enabled=False))
    bench.at(6, lambda: mapping.update(enabled=True))
    bench.run()
    rows = pollers(bench)
    assert rows[4:9] == [
        (4, 20, 25, "backlog"), (4.5, 25, 0, "configured"), (6, 0, 5, "configured"),
        (7, 5, 10, "backlog"), (8, 10, 15, "backlog"),
    ]  # fmt: skip
    # of the 25 batches each goes its way; a poller that has one is not free for another
    assert together(bench, 5) == together(bench, 9) == 25
    assert sorted(row.event for row in bench.events(action="deleted")) == list(range(1, 1_001))
    assert len(bench.events(action="received")) == 1_000


def test_a_mapping_made_disabled_has_none(bench: Bench) -> None:
    mapping = bench.map(bench.queue(), bench.function(), enabled=False)
    mapping.update(maximum_concurrency=3)
    bench.run(until=1_000)
    assert pollers(bench) == []
    mapping.update(enabled=True)
    assert pollers(bench) == [(1_000, 0, 3, "configured")]


# ---- the structure itself --------------------------------------------------------------------


def test_one_that_stops_finishes_its_batch() -> None:
    pollers = Pollers(3)
    taken = [pollers.take() for _ in range(3)]
    pollers.resize(1, 1)
    assert (len(pollers), pollers.busy, pollers.lowest) == (1, 3, None)
    pollers.give_back(taken[2], at=5)
    assert pollers.lowest is None
    pollers.resize(3, 1)
    assert pollers.lowest is taken[2]
    pollers.give_back(taken[0], at=6)
    assert pollers.lowest is taken[0]
    assert pollers.busy == 1


def test_room_for_several_batches() -> None:
    pollers = Pollers(2, each=2)
    assert [pollers.take().number for _ in range(4)] == [1, 1, 2, 2]
    assert pollers.lowest is None
    pollers.resize(2, 3)
    assert pollers.lowest is not None
    assert [pollers.take().number for _ in range(2)] == [1, 2]
    pollers.resize(2, 1)
    first, second = pollers._all
    for _ in range(2):
        pollers.give_back(second, at=1)
        assert pollers.lowest is None
    pollers.give_back(second, at=1)
    assert pollers.lowest is second
    assert pollers.busy == 3
    assert first.room == -2


def test_an_alarm_goes_off_once() -> None:
    scheduler = Scheduler()
    seen: list[int] = []
    alarm = Alarm(scheduler, lambda: seen.append(scheduler.now))
    alarm.at(5)
    alarm.at(3)
    alarm.at(9)
    scheduler.run()
    assert seen == [], "it keeps no run alive"
    scheduler.run(until=20)
    assert seen == [5]
    alarm.at(25)
    alarm.off()
    alarm.off()
    scheduler.run(until=30)
    assert seen == [5]


def test_the_causes_are_documented() -> None:
    used = (Cause.BACKLOG, Cause.BACKLOG_GONE, Cause.IDLE, Cause.FAILURES, Cause.THROTTLED,
            Cause.RECOVERED, Cause.CONFIGURED)  # fmt: skip
    assert set(used) <= set(CAUSES["scaling"])


def test_pollers_that_stop_come_not_to_more() -> None:
    """One poller is left after failures; what it held when the mapping goes is handed over by it."""
    lab = ll.Lab(
        quotas={
            "mapping_pollers_start": 2,
            "mapping_pollers_maximum": 2,
            "mapping_pollers_failing": 1,
            "mapping_payload": 1_000,
        }
    )
    lab.create_function("bill", duration=1, failure_rate=1)
    orders = lab.sqs.create_queue("orders", visibility_timeout=100)
    mapping = lab.create_event_source_mapping(orders, "bill", batch_size=1)
    for _ in range(8):
        orders.send("x")
    lab.run(until=20)
    assert lab.trace.scaling["after"].tolist()[-1] == 1
    mapping.update(batch_size=10, maximum_batching_window=1)
    for _ in range(6):
        orders.send("x")
    lab.advance(0.5)
    mapping.delete()
    lab.run()
    late = lab.trace.batches[lab.trace.batches["records"] > 1]
    assert set(late["poller"]) == {1}
