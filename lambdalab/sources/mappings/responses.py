"""What a function's answer says about the records of its batch (``ReportBatchItemFailures``).

Source: event-source-mappings.md 3 of the reference (dg/services-sqs-errorhandling and recordings).
"""

from __future__ import annotations

from collections.abc import Collection

import orjson


def failed_items(response: bytes, known: Collection[str]) -> list[str] | None:
    """Which items of a batch failed; None when the answer fails the whole batch.

    Parameters: the answer as JSON, and the identifiers of the batch's records.

    An empty answer (``{}``, ``null``, no or null ``batchItemFailures``, an empty list) means that
    all succeeded. What is no JSON, an entry without ``itemIdentifier``, an empty, null or unknown
    identifier fails the whole batch.

    >>> failed_items(b'{"batchItemFailures": [{"itemIdentifier": "b"}]}', ["a", "b"])
    ['b']
    >>> failed_items(b"null", ["a", "b"])
    []
    >>> failed_items(b'{"batchItemFailures": [{"itemIdentifier": "c"}]}', ["a", "b"]) is None
    True
    """
    if not response or response == b"null":
        return []
    try:
        answer = orjson.loads(response)
    except orjson.JSONDecodeError:
        return None
    if not answer and not isinstance(answer, (bool, int, float)):  # {}, [], "", null
        return []
    if not isinstance(answer, dict):
        return None
    entries = answer.get("batchItemFailures")
    if entries is None:
        return []
    return _identifiers(entries, known)


def _identifiers(entries: object, known: Collection[str]) -> list[str] | None:
    if not isinstance(entries, list):
        return None
    failed: dict[str, None] = {}  # an identifier named twice counts once
    for entry in entries:
        name = entry.get("itemIdentifier") if isinstance(entry, dict) else None
        if not isinstance(name, str) or name not in known:
            return None
        failed[name] = None
    return list(failed)
