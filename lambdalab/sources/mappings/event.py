"""The event that a function gets: records joined, so that its length is known before it exists."""

from __future__ import annotations

from collections.abc import Sequence

_OPEN, _SEPARATOR, _CLOSE = b'{"Records": [', b", ", b"]}"
EMPTY_PAYLOAD = len(_OPEN) + len(_CLOSE)
"""Bytes of a payload without records."""
SEPARATOR = len(_SEPARATOR)
"""Bytes between two records."""


def payload(records: Sequence[bytes]) -> bytes:
    """The event with these records.

    >>> payload([b'{"n": 1}', b'{"n": 2}'])
    b'{"Records": [{"n": 1}, {"n": 2}]}'
    """
    return _OPEN + _SEPARATOR.join(records) + _CLOSE
