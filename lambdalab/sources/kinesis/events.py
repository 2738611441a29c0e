"""What a mapping of a Kinesis stream makes of records: the event's JSON, and the record of a failure.

Sources: metrics-and-shapes.md 3 and event-source-mappings.md 4 of the reference (recordings of the
service, dg/kinesis-on-failure-destination).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import orjson

from lambdalab.functions.context import ACCOUNT, REGION
from lambdalab.functions.outcome import encode_text
from lambdalab.kernel.clock import Clock
from lambdalab.sources.streams.shard import StreamRecord

ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/lambda-role"
"""The one role of the lab's account, in whose name streams are read."""


def kinesis_record(record: StreamRecord, arn: str, clock: Clock) -> bytes:
    """One record of a stream as a record of the event: its data in base64."""
    number = record.sequence_number
    arrived = clock.epoch_us(record.arrived_at) // 1_000 / 1_000
    return (
        f'{{"kinesis": {{"kinesisSchemaVersion": "1.0", '
        f'"partitionKey": {encode_text(record.partition_key)}, "sequenceNumber": "{number}", '
        f'"data": "{base64.b64encode(record.data).decode()}", '
        f'"approximateArrivalTimestamp": {arrived!r}}}, '
        f'"eventSource": "aws:kinesis", "eventVersion": "1.0", '
        f'"eventID": "{record.shard.shard_id}:{number}", "eventName": "aws:kinesis:record", '
        f'"invokeIdentityArn": "{ROLE_ARN}", "awsRegion": "{REGION}", '
        f'"eventSourceARN": "{arn}"}}'
    ).encode()


def failure_record(
    *,
    request_id: str,
    function_arn: str,
    condition: str,
    invoke_count: int,
    version: str,
    function_error: str | None,
    records: Sequence[StreamRecord],
    stream_arn: str,
    at: int,
    clock: Clock,
) -> bytes:
    """What the on-failure destination gets about records that were given up, in AWS's order.

    ``condition`` is ``RetryAttemptsExhausted`` or ``RecordAgeExceeded``; ``version`` is what ran, ``""``
    where the record is to say nothing of an answer (as recorded for records that grew too old).
    """
    document: dict[str, Any] = {
        "requestContext": {
            "requestId": request_id,
            "functionArn": function_arn,
            "condition": condition,
            "approximateInvokeCount": invoke_count,
        }
    }
    if version:
        document["responseContext"] = {
            "statusCode": 200,
            "executedVersion": version,
            "functionError": function_error,
        }
    first, last = records[0], records[-1]
    document |= {
        "version": "1.0",
        "timestamp": clock.iso(at),
        "KinesisBatchInfo": {
            "shardId": first.shard.shard_id,
            "startSequenceNumber": first.sequence_number,
            "endSequenceNumber": last.sequence_number,
            "approximateArrivalOfFirstRecord": clock.iso(first.arrived_at),
            "approximateArrivalOfLastRecord": clock.iso(last.arrived_at),
            "batchSize": len(records),
            "streamArn": stream_arn,
        },
    }
    return orjson.dumps(document)
