"""The record that an on-failure destination gets of stream records that were given up.

Source: event-source-mappings.md 4 of the reference (dg/kinesis-on-failure-destination,
dg/services-dynamodb-errors, recordings of the service).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from lambdalab.kernel.clock import Clock
from lambdalab.sources.mappings.ledger import Item
from lambdalab.sources.streams.source import StreamSource

RETRIES_EXHAUSTED = "RetryAttemptsExhausted"
TOO_OLD = "RecordAgeExceeded"


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Records that are given up: what the on-failure destination hears.

    ``condition`` is AWS's word; ``request`` their last invocation (0: none) and ``batch`` their last
    batch; ``invokes`` how often they ran; ``version`` what ran last, ``""`` where nothing is to be said
    of an answer (as recorded for records that grew too old); ``error`` its function error.
    """

    items: list[Item]
    condition: str
    cause: int
    request: int
    batch: int
    invokes: int
    version: str = ""
    error: str | None = None


def failure_record(
    what: GivenUp, request_id: str, function_arn: str, source: StreamSource, at: int, clock: Clock
) -> bytes:
    """The record, its members in AWS's order.

    ``at`` is now (microseconds since the lab's start); ``function_arn`` is the function's as the mapping
    was given it, unqualified if it was.
    """
    document: dict[str, Any] = {
        "requestContext": {
            "requestId": request_id,
            "functionArn": function_arn,
            "condition": what.condition,
            "approximateInvokeCount": what.invokes,
        }
    }
    if what.version:
        document["responseContext"] = {
            "statusCode": 200,
            "executedVersion": what.version,
            "functionError": what.error,
        }
    first, last = what.items[0].record, what.items[-1].record
    document |= {
        "version": "1.0",
        "timestamp": clock.iso(at),
        source.batch_info: {
            "shardId": first.shard.shard_id,
            "startSequenceNumber": first.sequence_number,
            "endSequenceNumber": last.sequence_number,
            "approximateArrivalOfFirstRecord": source.arrival(first.arrived_at),
            "approximateArrivalOfLastRecord": source.arrival(last.arrived_at),
            "batchSize": len(what.items),
            "streamArn": source.arn,
        },
    }
    return orjson.dumps(document)
