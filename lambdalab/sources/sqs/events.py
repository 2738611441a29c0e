"""A message as a record of the event that a function gets: its JSON, as bytes.

Source: event-source-mappings.md 7 and metrics-and-shapes.md 3 of
the reference (recordings of the service).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from struct import pack

from lambdalab.functions.context import ACCOUNT, REGION
from lambdalab.functions.outcome import encode_text

Attributes = Mapping[str, tuple[str, str | bytes]]
"""Message attributes as they are kept: name to (data type, value)."""

SENDER_ID = "AIDALAMBDALABSENDER00"
"""Who sends every message: the one user of the lab's account."""


def queue_arn(name: str) -> str:
    """The ARN of a queue of the lab's account."""
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def queue_url(name: str) -> str:
    """The URL of a queue of the lab's account; nothing listens there."""
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"


def sqs_record(
    *,
    message_id: str,
    receipt_handle: str,
    body: str,
    attributes: Attributes,
    arn: str,
    receive_count: int,
    sent_ms: int,
    first_received_ms: int,
    dead_letter_source: str = "",
    trace_header: str = "",
    fifo: tuple[str, str, str] | None = None,
) -> bytes:
    """One message as a record of the event.

    ``sent_ms`` and ``first_received_ms`` are milliseconds since 1970; ``dead_letter_source`` is the
    ARN of the queue whose dead letter it is, ``trace_header`` the X-Ray header it was sent with,
    ``fifo`` its sequence number, group and deduplication id if it is of a FIFO queue. Those stand
    where AWS's own example has them (dg/with-sqs).
    """
    came_from = (
        f', "DeadLetterQueueSourceArn": "{dead_letter_source}"' if dead_letter_source else ""
    )
    traced = f', "AWSTraceHeader": "{trace_header}"' if trace_header else ""
    given = _given(attributes) if attributes else '"messageAttributes": {}'
    place = known = ""
    if fifo is not None:
        sequence_number, group, deduplication = fifo
        place = f'"SequenceNumber": "{sequence_number}", "MessageGroupId": {encode_text(group)}, '
        known = f'"MessageDeduplicationId": {encode_text(deduplication)}, '
    return (
        f'{{"messageId": "{message_id}", "receiptHandle": "{receipt_handle}", '
        f'"body": {encode_text(body)}, '
        f'"attributes": {{"ApproximateReceiveCount": "{receive_count}", '
        f'"SentTimestamp": "{sent_ms}", {place}"SenderId": "{SENDER_ID}", {known}'
        f'"ApproximateFirstReceiveTimestamp": "{first_received_ms}"{came_from}{traced}}}, '
        f'{given}, "md5OfBody": "{_md5(body.encode())}", '
        f'"eventSource": "aws:sqs", "eventSourceARN": "{arn}", "awsRegion": "{REGION}"}}'
    ).encode()


def _given(attributes: Attributes) -> str:
    """The message attributes and their digest."""
    shown = {name: _attribute(*attributes[name]) for name in attributes}
    digest = md5_of_attributes(attributes)
    return f'"messageAttributes": {encode_text(shown)}, "md5OfMessageAttributes": "{digest}"'


def _attribute(data_type: str, value: str | bytes) -> dict[str, object]:
    shown: dict[str, object] = (
        {"stringValue": value}
        if isinstance(value, str)
        else {"binaryValue": base64.b64encode(value).decode()}
    )
    return shown | {"stringListValues": [], "binaryListValues": [], "dataType": data_type}


def md5_of_attributes(attributes: Attributes) -> str:
    """The digest SQS gives for message attributes (SQS developer guide, message metadata).

    By name, each as length and bytes of name, data type and value, the value after a byte that says
    whether it is text (1) or binary (2).
    """
    parts = []
    for name in sorted(attributes):
        data_type, value = attributes[name]
        text = isinstance(value, str)
        parts += [_sized(name.encode()), _sized(data_type.encode()), b"\1" if text else b"\2"]
        parts.append(_sized(value.encode() if isinstance(value, str) else value))
    return _md5(b"".join(parts))


def _sized(data: bytes) -> bytes:
    return pack(">I", len(data)) + data


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
