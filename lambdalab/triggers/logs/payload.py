"""What a subscription filter sends: a JSON document in gzip, in base64.

The gzip holds the document as it is, uncompressed: what a compressor makes of it depends on the version of
its library, and the books of a lab must not.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable
from typing import Any

from lambdalab.functions.outcome import encode, encode_text

_BLOCK = 0xFFFF  # bytes of a stored block of deflate (RFC 1951, 3.2.4)
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # no time, no system (RFC 1952)


def gzip_stored(data: bytes) -> bytes:
    """Gzip without compression: the same bytes wherever it is made.

    >>> import gzip
    >>> gzip.decompress(gzip_stored(b"hello"))
    b'hello'
    """
    blocks = [data[at : at + _BLOCK] for at in range(0, len(data), _BLOCK)] or [b""]
    parts = [_HEADER]
    for number, block in enumerate(blocks, 1):
        size = len(block)
        parts += [struct.pack("<BHH", number == len(blocks), size, size ^ _BLOCK), block]
    return b"".join([*parts, struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)])


def body(
    account: str, group: str, stream: str, name: str, events: Iterable[dict[str, Any]]
) -> bytes:
    """The event of a function (dg-old/services-cloudwatchlogs): log events of one log stream."""
    document = {
        "messageType": "DATA_MESSAGE", "owner": account, "logGroup": group, "logStream": stream,
        "subscriptionFilters": [name], "logEvents": list(events),
    }  # fmt: skip
    data = encode_text(document).encode(errors="backslashreplace")
    return encode({"awslogs": {"data": base64.b64encode(gzip_stored(data)).decode()}})


def pieces(line: str, most: int) -> list[str]:
    """A line, halved until each piece fits into an event of ``most`` bytes.

    CloudWatch Logs has a limit of its own for one log event (256 KB), which a line never comes to here.

    >>> pieces("short", 262_144), [len(piece) for piece in pieces("x" * 300_000, 262_144)]
    (['short'], [150000, 150000])
    """
    if (
        8 * len(line) < most
    ):  # a character is six bytes of JSON at most, and base64 makes eight of them
        return [line]
    size = len(encode_text(line).encode(errors="backslashreplace"))
    if _in_base64(size + 200) <= most:  # with the event's id and timestamp
        return [line]
    half = len(line) // 2
    return pieces(line[:half], most) + pieces(line[half:], most)


def _in_base64(size: int) -> int:
    """The bytes of an event that holds so much."""
    return 4 * size // 3 + 1024


def parts_of(events: list[dict[str, Any]], most: int) -> Iterable[list[dict[str, Any]]]:
    """The log events in parts whose events are no larger than ``most`` bytes."""
    part: list[dict[str, Any]] = []
    size = 0
    for event in events:
        more = len(encode_text(event).encode(errors="backslashreplace")) + 2
        if part and _in_base64(size + more) > most:
            yield part
            part, size = [], 0
        part.append(event)
        size += more
    if part:
        yield part
