"""Labs with mappings whose books the tests of tables, stories, findings and pictures read."""

from __future__ import annotations

import base64
import time
from typing import Any

import lambdalab as ll
from lambdalab.trace import Trace

POISON = "poison"


def poisoned(
    *, records: int = 300, poison: int = 137, shards: int = 1, until: float = 600, **settings: Any
) -> Trace:
    """A stream with one record that its function cannot work on, and what becomes of it."""
    lab = ll.Lab(seed=7)
    clicks = lab.kinesis.create_stream("clicks", shard_count=shards)

    @lab.function(timeout=60)
    def count(event: Any, context: Any) -> None:
        time.sleep(0.2)
        for record in event["Records"]:
            if base64.b64decode(record["kinesis"]["data"]).decode() == POISON:
                raise ValueError(POISON)

    settings = {"starting_position": "TRIM_HORIZON"} | settings
    lab.create_event_source_mapping(clicks, count, **settings)
    for number in range(records):
        data = POISON if number == poison else f"record {number}"
        clicks.put_record(data, partition_key=f"key {number % 17}")
        if number % 10 == 9:
            lab.advance(0.2)
    lab.run(until=until)
    return lab.trace


def trap(messages: int = 300, *, duration: float = 25.0, **quotas: Any) -> Trace:
    """More pollers than the function may run at once: messages die though nothing fails."""
    lab = ll.Lab(seed=7, quotas=quotas)
    lab.create_function("bill", duration=duration, timeout=30, reserved_concurrency=2)
    orders = lab.sqs.create_queue(
        "orders", visibility_timeout=30, dead_letter_queue="dead", max_receive_count=3
    )
    lab.create_event_source_mapping(orders, "bill", batch_size=10)
    lab.drive(orders, ll.Burst(messages))
    lab.run()
    return lab.trace
