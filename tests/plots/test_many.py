"""A million rows: each picture is drawn, with few artists and nothing that stands alone left out."""

from __future__ import annotations

import numpy as np
import pytest

from lambdalab import plots
from lambdalab.trace import Recorder, Trace, schema
from lambdalab.trace.schema import (
    Action,
    AttemptOutcome,
    BatchCause,
    Cause,
    QueueKind,
    ScalingKind,
)

ROWS = 1_000_000
FAILURES = 40


def fill(recorder: Recorder, table: str, count: int, **fields) -> None:
    rows = np.zeros(count, dtype=schema.PACKED[table].dtype)
    for name, values in fields.items():
        rows[name] = values
    recorder.buffers[table].extend(rows.tobytes())


@pytest.fixture(scope="module")
def million() -> Trace:
    recorder = Recorder()
    bill, client = recorder.name("bill"), recorder.name("client")
    orders, mapping = recorder.queue("orders", QueueKind.SQS), recorder.name("orders->bill")
    for _ in range(50):
        recorder.environment(bill, 0, 0)
    number = np.arange(ROWS)
    at = number * 100_000
    failed = number % (ROWS // FAILURES) == 7
    fill(
        recorder, "invocations", ROWS, function=bill, source=client, requested_at=at,
        completed_at=at + 40_000, status=1, status_code=200, attempts=1, cause=1,
    )  # fmt: skip
    fill(
        recorder, "attempts", ROWS, request=number + 1, attempt=1, environment=number % 50 + 1,
        started_at=at, ended_at=at + 40_000, duration_us=40_000, memory_mb=128,
        outcome=np.where(failed, AttemptOutcome.ERROR, AttemptOutcome.SUCCESS),
    )  # fmt: skip
    fill(
        recorder, "queue_events", ROWS, at=at, queue=orders, event=number // 2 + 1,
        action=np.where(number % 2, Action.DELETED, Action.SENT), depth=1 - number % 2,
        visible_at=-1,
    )  # fmt: skip
    fill(
        recorder, "batches", ROWS, mapping=mapping, source=orders, poller=1, window_opened_at=at,
        opened_at=at, flushed_at=at + 50_000, cause=BatchCause.BATCH_SIZE, records=10,
        size_bytes=5000, completed_at=at + 90_000, request=number + 1, outcome=1,
    )  # fmt: skip
    fill(
        recorder, "scaling", ROWS, at=at, subject=bill, kind=ScalingKind.THROTTLE, before=50,
        after=50, cause=Cause.THROTTLED_RESERVED,
    )  # fmt: skip
    return Trace(recorder)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(plots.PLOTS))
def test_every_plot_draws_a_million_rows(million, name) -> None:
    ax = plots.PLOTS[name](million)
    ax.figure.canvas.draw()
    artists = [*ax.lines, *ax.collections, *ax.patches]
    assert len(artists) < 50
    points = sum(len(np.asarray(line.get_xdata())) for line in ax.lines)
    assert points < 50 * 3 * 3_100, "merged to what pixels can show"


@pytest.mark.slow
def test_failures_are_never_merged_away(million) -> None:
    ax = plots.timeline(million)
    (line,) = (line for line in ax.lines if line.get_gid() == "error")
    starts = np.asarray(line.get_xdata())[0::3]
    table = million.attempts
    failed = table.loc[table["outcome"] == "error", "started_at"]
    expected = (failed - table["started_at"].iloc[0].normalize()).dt.total_seconds()
    assert np.sort(starts) == pytest.approx(np.sort(expected))
    assert f"{ROWS:,} attempts" in ax.get_title(loc="left")


@pytest.fixture(scope="module")
def million_calls() -> Trace:
    """Calls from outside of two functions, one of which had two memory sizes; many cold starts."""
    recorder = Recorder()
    bill, ship, client = (recorder.name(name) for name in ("bill", "ship", "client"))
    number = np.arange(ROWS)
    at = number * 100_000
    took = 20_000 + number * 7919 % 500_000
    took[123_456] = 600_000_000
    function = np.where(number % 3, bill, ship)
    fill(
        recorder, "invocations", ROWS, function=function, source=client, requested_at=at,
        completed_at=at + took, status=1, status_code=200, attempts=1, cause=1,
        function_error=number % (ROWS // FAILURES) == 7,
    )  # fmt: skip
    fill(
        recorder, "attempts", ROWS, request=number + 1, attempt=1, environment=number // 5 + 1,
        started_at=at, ended_at=at + took, duration_us=took, outcome=AttemptOutcome.SUCCESS,
        memory_mb=np.where(number < ROWS // 2, 128, 256), cold_start=number % 5 == 0,
        init_us=np.where(number % 5 == 0, took, 0), billed_ms=took // 1000, cost_nano=300,
    )  # fmt: skip
    fill(
        recorder, "environments", ROWS // 5, function=bill, started_at=at[::5],
        ready_at=at[::5] + 100, ended_at=at[::5] + 1_000_000, because=1,
    )  # fmt: skip
    fill(
        recorder, "requests", ROWS, caller=client, call=number + 1, try_number=1, sent_at=at,
        answered_at=at + took, status_code=200, request=number + 1,
    )  # fmt: skip
    return Trace(recorder)


@pytest.fixture(scope="module")
def million_records() -> Trace:
    """Batches of one record on ten lanes of a shard, every fourth of which failed first."""
    recorder = Recorder()
    mapping, shard = recorder.name("clicks->count"), recorder.name("shardId-000000000000")
    ledger = recorder.queue("clicks->count (records)", QueueKind.STREAM)
    number = np.arange(ROWS)
    at, part = number * 100_000, number % 3
    fill(
        recorder, "queue_events", ROWS, at=at, queue=ledger, event=number // 3 + 1, visible_at=-1,
        action=np.choose(part, [Action.SENT, Action.RECEIVED, Action.DELETED]),
        batch=np.where(part == 1, number // 3 + 1, 0), age_us=part * 1_000_000, cause=1,
    )  # fmt: skip
    fill(
        recorder, "batches", ROWS, mapping=mapping, source=ledger, shard=shard,
        poller=1 + number // 2 % 10, window_opened_at=-1, opened_at=at, flushed_at=at,
        cause=BatchCause.NO_WINDOW, records=1, size_bytes=10, completed_at=at + 50_000,
        outcome=np.where(number % 4 == 0, 3, 1), parent_batch=np.where(number % 4 == 1, number, 0),
    )  # fmt: skip
    return Trace(recorder)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cold_starts", "cost", "latency", "story"])
def test_a_million_calls_from_outside(million_calls, name) -> None:
    ax = plots.PLOTS[name](million_calls)
    ax.figure.canvas.draw()
    assert len([*ax.lines, *ax.collections, *ax.patches]) < 50
    assert sum(len(np.asarray(line.get_xdata())) for line in ax.lines) < 50_000


@pytest.mark.slow
def test_the_one_slow_call_can_be_seen(million_calls, read_bars) -> None:
    ax = plots.latency(million_calls)
    last = max(end for _, _, end in read_bars(ax, "well:"))
    assert last >= 600
    assert f"{ROWS:,} calls" in ax.get_title(loc="left")
    assert f"{FAILURES} failed" in ax.get_title(loc="left")


@pytest.mark.slow
def test_a_million_records_of_a_stream(million_records) -> None:
    ax = plots.shards(million_records)
    ax.figure.canvas.draw()
    assert len([*ax.lines, *ax.collections, *ax.patches]) < 50
    assert f"blocked {ROWS // 4:,} times" in ax.get_title(loc="left")
