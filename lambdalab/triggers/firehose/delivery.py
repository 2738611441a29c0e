"""Where a delivery stream puts things: objects in a bucket, or lists of its own.

Sources: firehose/s3-object-name, firehose/data-transformation-failure-handling.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from lambdalab.triggers.parts import Parts
from lambdalab.triggers.thin import uuid


class Delivery:
    """The destination of the stream ``name``: a bucket, or None.

    Attributes: without a bucket, ``delivered`` has the data of each batch, ``failed`` the documents about
    records that could not be processed.
    """

    def __init__(self, parts: Parts, name: str, bucket: Any) -> None:
        self._parts, self._name, self.bucket = parts, name, bucket
        self.delivered: list[bytes] = []
        self.failed: list[dict[str, Any]] = []
        self._objects = 0

    def good(self, data: bytes) -> None:
        """The transformed records of one batch, one after the other."""
        if self.bucket is None:
            self.delivered.append(data)
        else:
            self._put("", data)

    def bad(self, documents: Sequence[dict[str, Any]]) -> None:
        """What could not be processed: a line for each record."""
        if self.bucket is None:
            self.failed += documents
        else:
            text = "".join(f"{json.dumps(each)}\n" for each in documents)
            self._put("processing-failed/", text.encode())

    def _put(self, prefix: str, body: bytes) -> None:
        """An object, under the hour it is delivered in."""
        self._objects += 1
        date, time = self._parts.iso[:10], self._parts.iso[11:19]
        name = uuid(self._parts, f"firehose object/{self._name}/{self._objects}")
        stamp = f"{date}-{time.replace(':', '-')}"
        key = f"{prefix}{date.replace('-', '/')}/{time[:2]}/{self._name}-1-{stamp}-{name}"
        self.bucket.put_object(key, body)
