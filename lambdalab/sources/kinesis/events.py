"""What a mapping of a Kinesis stream makes of a record: its JSON in the event.

Source: metrics-and-shapes.md 3 of the reference (recordings of the service).
"""

from __future__ import annotations

import base64

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
