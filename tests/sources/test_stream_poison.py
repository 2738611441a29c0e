"""One poisoned record among 1,000 in one shard, and five ways to live with it.

All records come at once; batches have 100, the function takes no time, and the poisoned one is 550: the
51st of the sixth batch. Waits are 0.25, 0.5, 1 ... 32, then 60 s (`stream_retry_backoff_first` and
`_maximum`), so that a batch that always fails is tried at 0, 0.25, 0.75, 1.75 ... 63.75 s (nine times),
and each minute from then on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

import lambdalab as ll
from tests.sources.streams import QUICK, REPORT, connect, ends, ledger, numbers

POISON = 550
DONE, PARTLY = ("deleted", "batch_succeeded"), ("deleted", "partial_batch_failure")


@dataclass(frozen=True)
class Way:
    """Settings; then invocations, how long it held the shard up (s), how records ended, and failure
    records with how many stream records each tells of."""

    settings: dict[str, Any]
    invocations: int
    held_up: float
    ended: dict[tuple[str, str], int]
    told: list[int]


WAYS = {
    # 5 before it; at 63.75 s and earlier 9 tries, then 1,438 until 86,343.75 s; at 86,403.75 s all that
    # came with it has left the stream
    "until it expires": Way(
        {}, 5 + 9 + 1_438, 86_403.75, {DONE: 500, ("expired", "retention"): 500}, []
    ),
    # 2 tries; 4 batches after it
    "two attempts": Way(
        {"maximum_retry_attempts": 1}, 5 + 2 + 4, 0.25,
        {DONE: 900, ("dropped", "retries_exhausted"): 100}, [100],
    ),
    # failures of 100, 50, 25, 13, 7, 4, 2, 1 and 1 records, a wait after each but the last; successes
    # of 50, and of 1, 2, 3, 6, 12, 25
    "bisect": Way(
        {"maximum_retry_attempts": 1, "bisect_batch_on_function_error": True}, 5 + 9 + 7 + 4, 2.0,
        {DONE: 999, ("dropped", "retries_exhausted"): 1}, [1],
    ),
    # 50 are done with the first; then two attempts at the other 50
    "partial failures": Way(
        {"maximum_retry_attempts": 1, "function_response_types": REPORT}, 5 + 1 + 2 + 4, 0.5,
        {DONE: 900, PARTLY: 50, ("dropped", "retries_exhausted"): 50}, [50],
    ),
    # 9 tries until 63.75 s, 58 until 3,543.75 s; at 3,603.75 s all five batches are too old
    "record age": Way(
        {"maximum_record_age": 3_600}, 5 + 9 + 58, 3_603.75,
        {DONE: 500, ("dropped", "record_age_exceeded"): 500}, [100] * 5,
    ),
}  # fmt: skip


def poisoned(partial: bool, seen: list[list[int]]) -> Any:
    """A handler that fails with the poisoned record, or names it."""

    def count(event: Any, context: Any) -> Any:
        found = numbers(event)
        seen.append(found)
        if POISON not in found:
            return None
        if not partial:
            raise ValueError("poison")
        record = event["Records"][found.index(POISON)]
        return {"batchItemFailures": [{"itemIdentifier": record["kinesis"]["sequenceNumber"]}]}

    return count


@pytest.mark.parametrize("name", WAYS)
def test_five_ways(name: str) -> None:
    way, seen = WAYS[name], []
    lab = ll.Lab(seed=7, quotas=QUICK)
    clicks = lab.kinesis.create_stream("clicks")
    failed = lab.sqs.create_queue("failed")
    lab.create_function("count", poisoned("function_response_types" in way.settings, seen), init=0)
    mapping = connect(lab, clicks, "count", on_failure=failed, **way.settings)
    for number in range(1_000):
        clicks.put_record(number, "k")
    lab.run(until="2d")
    assert len(seen) == len(lab.trace.invocations) == way.invocations
    assert ends(lab) == way.ended
    assert mapping.behind == 0
    last = lab.trace.batches.flushed_at.iloc[-1] - lab.trace.start
    over = ledger(lab)["at"].iloc[-1] - lab.trace.start
    assert max(last, over).total_seconds() == way.held_up, "whoever came behind it waited so long"
    infos = [message.body["KinesisBatchInfo"] for message in failed.messages]
    assert [info["batchSize"] for info in infos] == way.told


def test_another_curve() -> None:
    """A first wait of 1 s, at most 10: tries at 0, 1, 3, 7, 15, 25, 35, 45, 55 s."""
    lab = ll.Lab(
        seed=7,
        quotas=QUICK | {"stream_retry_backoff_first": 1, "stream_retry_backoff_maximum": 10},
    )
    clicks = lab.kinesis.create_stream("clicks")
    seen: list[list[int]] = []
    lab.create_function("count", poisoned(False, seen), init=0)
    connect(lab, clicks, "count", maximum_record_age=60)
    clicks.put_record(POISON, "k")
    lab.run()
    at = (lab.trace.batches.flushed_at - lab.trace.start).dt.total_seconds()
    assert at.tolist() == [0, 1, 3, 7, 15, 25, 35, 45, 55]


def test_other_lanes_are_not_held_up() -> None:
    """With a lane to each of ten keys or so, only the poisoned one's waits."""
    lab = ll.Lab(seed=7, quotas=QUICK)
    clicks = lab.kinesis.create_stream("clicks")
    seen: list[list[int]] = []
    lab.create_function("count", poisoned(False, seen), init=0)
    connect(lab, clicks, "count", parallelization_factor=10)
    for number in range(1_000):
        clicks.put_record(number, f"k{number % 100}")
    lab.run(until="1h")
    rows = ledger(lab)
    done = rows[rows.action == "deleted"]
    assert (done["at"] == lab.trace.start).all()
    held = 1_000 - len(done)
    assert 0 < held < 200
    assert seen[-50:] == [seen[-1]] * 50, "one batch, again and again"
