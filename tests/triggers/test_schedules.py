"""The ticks of a schedule in virtual time."""

from __future__ import annotations

from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import EndlessRun
from lambdalab.kernel import US
from lambdalab.triggers.schedule_expressions import parse
from lambdalab.triggers.schedules import Ticker
from lambdalab.triggers.waits import retry_wait_us
from tests.triggers.fronts import parts_of

DAY = 86_400


class Seen:
    """When a ticker fired, and for when: seconds since the lab's start."""

    def __init__(self, lab: ll.Lab, text: str, **settings: Any) -> None:
        parts = parts_of(lab)
        self.at: list[tuple[float, float]] = []

        def fire(due_us: int) -> None:
            due = (due_us - parts.clock.start_us) / US
            self.at.append((parts.now / US, due))

        self.ticker = Ticker(parts, "schedule 'it'", parse(text), fire, **settings)
        self.ticker.begin()

    @property
    def due(self) -> list[float]:
        return [due for _, due in self.at]


def epoch(lab: ll.Lab, seconds: float) -> int:
    return parts_of(lab).clock.start_us + round(seconds * US)


def test_a_rate_counts_from_its_beginning(lab: ll.Lab) -> None:
    lab.run(until=7)
    seen = Seen(lab, "rate(5 minutes)")
    lab.run(until=1_000)
    assert seen.at == [(307, 307), (607, 607), (907, 907)]


def test_at_once_includes_the_beginning(lab: ll.Lab) -> None:
    seen = Seen(lab, "rate(1 day)", at_once=True)
    lab.run(until=DAY)
    assert seen.due == [0, DAY]


def test_a_calendar_waits_for_its_minute(lab: ll.Lab) -> None:
    seen = Seen(lab, "cron(0 9 * * ? *)")
    lab.run(until=2 * DAY)
    assert seen.due == [32_400, DAY + 32_400]


def test_start_and_end_are_both_included(lab: ll.Lab) -> None:
    seen = Seen(lab, "rate(1 hour)", start_us=epoch(lab, 600), end_us=epoch(lab, 7_800))
    lab.run(until=DAY)
    assert seen.due == [600, 4_200, 7_800]
    assert seen.ticker.next_us is None


def test_a_start_in_the_past_only_counts(lab: ll.Lab) -> None:
    lab.run(until=700)
    seen = Seen(lab, "rate(10 minutes)", start_us=epoch(lab, 600), at_once=True)
    lab.run(until=2_000)
    assert seen.due == [1_200, 1_800]


def test_ticks_keep_no_run_alive_and_happen_within_one(lab: ll.Lab) -> None:
    lab.create_function("bill", duration=150, timeout=300)
    seen = Seen(lab, "rate(1 minute)")
    assert str(lab.run()) == (
        "ran 0 s, to 2025-01-07 00:00:00 · schedule 'it' goes on: give run() an until="
    )
    lab.invoke("bill", {}, invocation_type="Event")
    lab.run()
    assert seen.due == [60, 120]
    assert lab.elapsed < 180
    assert "goes on" not in str(lab.run(until=300))
    assert seen.due == [60, 120, 180, 240, 300]


def test_it_stops_and_begins_again(lab: ll.Lab) -> None:
    seen = Seen(lab, "rate(1 minute)")
    lab.run(until=90)
    seen.ticker.stop()
    seen.ticker.stop()
    assert "goes on" not in str(lab.run())
    lab.run(until=200)
    assert seen.due == [60]
    seen.ticker.begin()
    lab.run(until=300)
    assert seen.due == [60, 260]


def test_what_it_calls_may_stop_it(lab: ll.Lab) -> None:
    seen = Seen(lab, "rate(1 minute)")
    fire = seen.ticker._fire

    def once(due_us: int) -> None:
        fire(due_us)
        seen.ticker.stop()

    seen.ticker._fire = once
    lab.run(until=600)
    assert seen.due == [60]


def test_a_further_run_begins_afresh(lab: ll.Lab) -> None:
    seen = Seen(lab, "rate(1 minute)")
    parts_of(lab).on_reset(seen.ticker.begin)
    lab.run(until=130)
    lab.reset()
    lab.run(until=70)
    assert seen.due == [60, 120, 60]


def test_a_late_service_fires_late() -> None:
    lab = ll.Lab(seed=7, quotas={"scheduler_delay": 30})
    seen = Seen(lab, "rate(1 minute)", delay_rule="scheduler_delay")
    lab.run(until=200)
    assert seen.at == [(90, 60), (150, 120)]


def test_many_schedules_are_told_in_short(lab: ll.Lab) -> None:
    for n in range(5):
        Ticker(parts_of(lab), f"schedule '{n}'", parse("rate(1 day)"), lambda due_us: None).begin()
    assert str(lab.run()).endswith(
        "schedule '0', schedule '1', schedule '2' and 2 more go on: give run() an until="
    )


# ---------------------------------------------------------------- the waits of EventBridge and Scheduler


def test_185_retries_fill_24_hours() -> None:
    lengths = []
    for seed in range(20):
        parts = parts_of(ll.Lab(seed=seed))
        waits = [retry_wait_us(parts, tries, 185, "waits/it") for tries in range(1, 186)]
        assert retry_wait_us(parts, 186, 185, "waits/it") is None
        lengths.append(sum(wait for wait in waits if wait is not None) / US)
    assert min(lengths) > 0.95 * DAY
    assert max(lengths) < 1.05 * DAY
    assert sum(lengths) / len(lengths) == pytest.approx(DAY, rel=0.01)


def test_waits_double_with_jitter_up_to_the_longest() -> None:
    parts = parts_of(ll.Lab(seed=1))
    for tries in range(1, 30):
        whole = min(2.0 ** (tries - 1), 650) * US
        drawn = [retry_wait_us(parts, tries, 185, "waits/it") for _ in range(50)]
        assert all(wait is not None and whole / 2 <= wait <= whole for wait in drawn)
        assert len(set(drawn)) > 40
    assert retry_wait_us(parts, 1, 0, "waits/it") is None


def test_the_waits_are_rules() -> None:
    quotas = {"target_retry_first_wait": 10, "target_retry_longest_wait": 10}
    parts = parts_of(ll.Lab(quotas=quotas))
    for tries in (1, 5, 100):
        wait = retry_wait_us(parts, tries, 185, "waits/it")
        assert wait is not None
        assert 5 * US <= wait <= 10 * US


def test_a_schedule_that_keeps_the_lab_busy_for_ever_asks_for_an_end() -> None:
    lab = ll.Lab(seed=1, quotas={"schedule_firings": 100})
    lab.create_function("f", duration=0.1, failure_rate=1)  # its retries outlast a minute
    lab.scheduler.create_schedule("tick", "rate(1 minute)", "f")
    lab.advance(61)
    with pytest.raises(EndlessRun, match=r"tick.*until="):
        lab.run()
    lab.run(until=lab.elapsed + 600)  # the lab goes on
    lab.audit()
    lab.scheduler["tick"].delete()
    lab.run()
