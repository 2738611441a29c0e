"""Objects, and what S3 refuses of them. Sources: s3ug/object-keys, s3ug/qfacts, botocore PutObject."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lambdalab.errors import (
    EntityTooLarge,
    EntityTooSmall,
    InvalidSetting,
    KeyTooLongError,
)
from lambdalab.functions.outcome import encode_text
from lambdalab.rules import Rules

_SHOWN = 40  # characters of a body in a repr


@dataclass(frozen=True, slots=True, repr=False)
class S3Object:
    """An object as it was when it was read or written.

    Attributes: ``bucket`` (its name), ``key``, ``body`` (bytes), ``etag`` (without quotes),
    ``last_modified`` (ISO), ``content_type``, ``metadata``.
    """

    bucket: str
    key: str
    body: bytes
    etag: str
    last_modified: str
    content_type: str = "binary/octet-stream"
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of its body."""
        return len(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body parsed as JSON."""
        return json.loads(self.body)

    def __repr__(self) -> str:
        head = self.body[: _SHOWN * 4].decode(errors="replace")
        text = head if len(head) <= _SHOWN else f"{head[: _SHOWN - 3]}..."
        return f"<{self.bucket}/{self.key}: {self.size:,} bytes {text!r}>"


def check_key(key: object, rules: Rules) -> str:
    """An object's key; raises where it cannot be one."""
    if not isinstance(key, str) or not key:
        raise InvalidSetting("key", key, "a text of at least one character", "s3ug/object-keys")
    try:
        size = len(key.encode())
    except UnicodeEncodeError as error:
        limit = f"text with a UTF-8 form: {error}"
        raise InvalidSetting("key", ascii(key), limit, "s3ug/object-keys") from None
    if size > rules.s3_key_length:
        told = f" ({size:,} bytes; {rules.describe('s3_key_length')})"
        raise KeyTooLongError("Your key is too long", told)
    return key


def body_of(given: object) -> bytes:
    """A body's bytes: bytes as they are, text in UTF-8, an open file's content, the rest as JSON."""
    if isinstance(given, (bytes, bytearray, memoryview)):
        return bytes(given)
    if hasattr(given, "read"):
        return body_of(given.read())
    try:
        return (given if isinstance(given, str) else encode_text(given)).encode()
    except (TypeError, ValueError, RecursionError) as error:
        limit = f"bytes, a text, or a value that JSON can express: {error}"
        shown = ascii(given) if isinstance(given, str) else given
        raise InvalidSetting("body", shown, limit, "botocore PutObject") from None


def check_size(size: int, rules: Rules, rule: str = "s3_object_size") -> None:
    """Raise S3's error for a body that one upload cannot hold."""
    if size > getattr(rules, rule):
        told = f" ({size:,} bytes; {rules.describe(rule)})"
        raise EntityTooLarge("Your proposed upload exceeds the maximum allowed size", told)


def check_metadata(given: object, rules: Rules) -> dict[str, str]:
    """An object's own metadata: texts by name."""
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(
        isinstance(name, str) and isinstance(value, str) for name, value in given.items()
    ):
        raise InvalidSetting("metadata", given, "a mapping of text to text", "botocore PutObject")
    try:
        size = sum(len(name.encode()) + len(value.encode()) for name, value in given.items())
    except UnicodeEncodeError as error:
        limit = f"text with a UTF-8 form: {error}"
        raise InvalidSetting("metadata", ascii(given), limit, "botocore PutObject") from None
    if size > rules.s3_metadata_size:
        limit = f"at most {rules.s3_metadata_size:,} bytes in all"
        source = rules.source("s3_metadata_size")
        raise InvalidSetting("metadata", f"{size:,} bytes", limit, source)
    return dict(given)


def joined(parts: object, rules: Rules) -> tuple[bytes, str]:
    """The body of a multipart upload, and its ETag: the MD5 of the parts' MD5s, and how many there are.

    Raises :class:`EntityTooSmall` for a part that is too small and not the last.
    """
    if isinstance(parts, (str, bytes)) or not isinstance(parts, (list, tuple)) or not parts:
        raise InvalidSetting("parts", parts, "a list of bodies", "botocore CompleteMultipartUpload")
    bodies = [body_of(part) for part in parts]
    if len(bodies) > rules.s3_parts:
        limit = f"at most {rules.s3_parts:,} parts"
        raise InvalidSetting("parts", len(bodies), limit, rules.source("s3_parts"))
    for number, body in enumerate(bodies, 1):
        if number < len(bodies) and len(body) < rules.s3_part_size_minimum:
            raise EntityTooSmall(
                "Your proposed upload is smaller than the minimum allowed size",
                f" (part {number}: {len(body):,} bytes; {rules.describe('s3_part_size_minimum')})",
            )
        check_size(len(body), rules)
    check_size(sum(map(len, bodies)), rules, "s3_multipart_size")
    digests = b"".join(bytes.fromhex(etag_of(body)) for body in bodies)
    return b"".join(bodies), f"{etag_of(digests)}-{len(bodies)}"


def etag_of(body: bytes) -> str:
    """The ETag of an object that came in one piece: its MD5."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
