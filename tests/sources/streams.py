"""Streams, functions that count their records, and what came of them, for tests."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import lambdalab as ll
from lambdalab.sources.kinesis.stream import Stream
from lambdalab.sources.mappings.stream_mapping import StreamMapping

REPORT = ("ReportBatchItemFailures",)
QUICK = {"environment_setup": 0.0}


def make(shards: int = 1, **quotas: Any) -> tuple[ll.Lab, Stream]:
    """A lab whose environments need no time, and its stream `clicks`."""
    lab = ll.Lab(seed=7, quotas=QUICK | quotas)
    return lab, lab.kinesis.create_stream("clicks", shard_count=shards)


def connect(lab: ll.Lab, stream: Any, function: Any, **settings: Any) -> StreamMapping:
    """A mapping, from the oldest record on where nothing else is said."""
    settings = {"starting_position": "TRIM_HORIZON"} | settings
    made = lab.create_event_source_mapping(stream, function, **settings)
    assert isinstance(made, StreamMapping)
    return made


def numbers(event: dict[str, Any]) -> list[int]:
    """What the records of an event say."""
    return [json.loads(base64.b64decode(r["kinesis"]["data"])) for r in event["Records"]]


def counting(
    lab: ll.Lab,
    answer: Callable[[list[int]], Any] = lambda found: None,
    *,
    name: str = "count",
    **more: Any,
) -> list[list[int]]:
    """A function `count`, made to answer so; the list grows with each of its runs."""
    seen: list[list[int]] = []

    def count(event: Any, context: Any) -> Any:
        found = numbers(event)
        seen.append(found)
        return answer(found)

    lab.create_function(name, count, **({"init": 0} | more))
    return seen


def reporting(lab: ll.Lab, poison: int, **more: Any) -> list[list[int]]:
    """A function `count` that names the records from a number on as failed, the last one first."""
    seen: list[list[int]] = []

    def count(event: Any, context: Any) -> Any:
        seen.append(numbers(event))
        return report(event, poison)

    lab.create_function("count", count, **({"init": 0} | more))
    return seen


def report(event: Any, poison: int) -> dict[str, Any]:
    """The answer that names the records from a number on as failed, the last one first."""
    failed = [
        {"itemIdentifier": record["kinesis"]["sequenceNumber"]}
        for record, number in zip(event["Records"], numbers(event), strict=True)
        if number >= poison
    ]
    return {"batchItemFailures": failed[::-1]}


def flat(seen: list[list[int]]) -> list[int]:
    """All records in the order in which the function saw them."""
    return [number for found in seen for number in found]


def fail_at(*poison: int) -> Callable[[list[int]], None]:
    """What fails when one of these records is there."""

    def answer(found: list[int]) -> None:
        if set(poison) & set(found):
            raise ValueError("poison")

    return answer


def put(stream: Stream, *data: int, key: str = "k") -> None:
    """Put numbers, one record each."""
    for number in data:
        stream.put_record(number, key)


def ledger(lab: ll.Lab, mapping: str = "clicks->count") -> Any:
    """What happened to the records that a mapping has read."""
    rows = lab.trace.queue_events
    return rows[rows.queue == f"{mapping} (records)"]


def ends(lab: ll.Lab, mapping: str = "clicks->count") -> dict[tuple[str, str], int]:
    """How the records that a mapping has read ended."""
    rows = ledger(lab, mapping)
    rows = rows[rows.action.isin(["deleted", "dropped", "expired", "filtered"])]
    return dict(Counter(zip(rows.action, rows.cause, strict=True)))


def outcomes(lab: ll.Lab) -> list[tuple[int, str]]:
    """How many records each batch had, and how it ended."""
    return list(zip(lab.trace.batches.records, lab.trace.batches.outcome, strict=True))


def flushed(lab: ll.Lab) -> list[float]:
    """When each batch was handed over, in seconds."""
    since = lab.trace.batches.flushed_at - lab.trace.start
    return [round(second, 6) for second in since.dt.total_seconds()]


# ---- tumbling windows

Answer = Callable[[Any, list[int]], Any]


def add(event: Any, found: list[int]) -> Any:
    """The sum of all the window's records so far."""
    return {"state": {"sum": event["state"].get("sum", 0) + sum(found)}}


def summing(lab: ll.Lab, answer: Answer = add, **more: Any) -> list[Any]:
    """A function `count` that answers so; the list has its events."""
    events: list[Any] = []

    def count(event: Any, context: Any) -> Any:
        events.append(event)
        return answer(event, numbers(event))

    lab.create_function("count", count, **({"init": 0} | more))
    return events


def told(events: list[Any]) -> list[tuple[str, list[int], Any, bool]]:
    """When each event's window began, its records, its state, and whether it is the last."""
    return [
        (e["window"]["start"][11:19], numbers(e), e["state"], e["isFinalInvokeForWindow"])
        for e in events
    ]


def each_second(lab: ll.Lab, stream: Any, *data: int) -> None:
    """Put numbers, one a second."""
    for number in data:
        put(stream, number)
        lab.advance(1)
