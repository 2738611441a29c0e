"""Checking what is put in a stream: data, partition keys, hash keys and names.

Sources: botocore PutRecord, PutRecords and CreateStream.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from lambdalab.errors import InvalidSetting
from lambdalab.functions.outcome import encode_text
from lambdalab.rules import Rules
from lambdalab.sources.checks import whole
from lambdalab.sources.streams.shard import HASH_KEYS, hash_key_of, size_of

_NAME = re.compile(r"[A-Za-z0-9_.-]+\Z")
_HASH_KEY = re.compile(r"(0|[1-9][0-9]{0,38})\Z")
_ENTRY = ("Data", "PartitionKey", "ExplicitHashKey")
_TYPED = dict(zip(("data", "partition_key", "explicit_hash_key"), _ENTRY, strict=True))
_SHOWN = 60


class Entry(NamedTuple):
    """What is to become a record: all of it checked."""

    data: bytes
    partition_key: str
    hash_key: int

    @property
    def size(self) -> int:
        """Bytes that count for limits."""
        return size_of(self.data, self.partition_key)


def entry_of(
    data: object, partition_key: object, explicit_hash_key: object, most_kib: int, rules: Rules
) -> Entry:
    """A record's parts as they are kept, or :class:`InvalidSetting` for what Kinesis refuses."""
    key = _partition_key(partition_key, rules)
    if explicit_hash_key is None:
        hash_key = hash_key_of(key)
    else:
        hash_key = hash_key_given(explicit_hash_key, "explicit_hash_key")
    entry = Entry(data_of(data), key, hash_key)
    if entry.size > most_kib * 1024:
        raise InvalidSetting(
            "record", f"{entry.size:,} bytes",
            f"at most {most_kib * 1024:,} bytes, partition key included",
            rules.source("kinesis_record_size"),
        )  # fmt: skip
    return entry


def entries_of(records: Iterable[object], most_kib: int, rules: Rules) -> list[Entry]:
    """The records of one ``put_records``: all checked, one by one and together."""
    if isinstance(records, (str, bytes, Mapping)) or not isinstance(records, Iterable):
        raise InvalidSetting("records", records, _PAIRS)
    entries = [entry_of(*_parts(given), most_kib, rules) for given in records]
    source = rules.source("kinesis_put_records")
    whole("records", len(entries), 1, rules.kinesis_put_records, "records at a time", source)
    total, most = sum(entry.size for entry in entries), rules.kinesis_put_records_size
    if total > most:
        raise InvalidSetting(
            "records together", f"{total:,} bytes", f"at most {most:,} bytes, partition keys included",
            rules.source("kinesis_put_records_size"),
        )  # fmt: skip
    return entries


_PAIRS = (
    "a list of (data, partition_key) or (data, partition_key, explicit_hash_key), or of mappings "
    f"with {', '.join(_ENTRY)} (or {', '.join(_TYPED)})"
)


def _parts(given: object) -> tuple[Any, Any, Any]:
    if isinstance(given, Mapping):
        named = {_TYPED.get(name, name): value for name, value in given.items()}
        if len(named) == len(given) and {"Data", "PartitionKey"} <= set(named) <= set(_ENTRY):
            return named["Data"], named["PartitionKey"], named.get("ExplicitHashKey")
    elif isinstance(given, (tuple, list)) and 2 <= len(given) <= 3:
        data, key, *rest = given
        return data, key, rest[0] if rest else None
    raise InvalidSetting("records", _cut(given), _PAIRS)


def data_of(data: object) -> bytes:
    """A record's data: bytes as they are, a text as UTF-8, anything else as JSON.

    >>> data_of(b"raw"), data_of("text"), data_of({"n": 1})
    (b'raw', b'text', b'{"n": 1}')
    """
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    try:
        return (data if isinstance(data, str) else encode_text(data)).encode()
    except (TypeError, ValueError, RecursionError) as error:
        limit = f"bytes, a text, or a value that JSON can express: {error}"
        raise InvalidSetting("data", _cut(data), limit) from None


def _partition_key(key: object, rules: Rules) -> str:
    most, source = rules.kinesis_partition_key_length, rules.source("kinesis_partition_key_length")
    if not isinstance(key, str) or not 1 <= len(key) <= most:
        raise InvalidSetting(
            "partition_key", _cut(key), f"a text of 1 to {most} characters", source
        )
    try:
        key.encode()
    except UnicodeEncodeError as error:
        limit = f"text with a UTF-8 form: {error}"
        raise InvalidSetting("partition_key", ascii(key), limit, source) from None
    return key


def hash_key_given(key: object, setting: str) -> int:
    """A hash key given as a whole number or its digits, or :class:`InvalidSetting`."""
    number = int(key) if isinstance(key, str) and _HASH_KEY.match(key) else key
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < HASH_KEYS:
        limit = "a whole number, or its digits, of 0 to 2**128 - 1"
        raise InvalidSetting(setting, key, limit, "botocore PutRecord")
    return number


def check_name(name: object, rules: Rules) -> str:
    """The name of a stream, or :class:`InvalidSetting`."""
    most, source = rules.kinesis_name_length, rules.source("kinesis_name_length")
    if not isinstance(name, str) or not _NAME.match(name) or len(name) > most:
        raise InvalidSetting("name", name, f"1 to {most} letters, digits, _, - or .", source)
    return name


def check_record_size(kib: object, rules: Rules) -> int:
    """The largest record of a stream in KiB, or :class:`InvalidSetting`."""
    low, high = rules.kinesis_record_size_minimum, rules.kinesis_record_size_maximum
    source = rules.source("kinesis_record_size_maximum")
    return whole("max_record_size", kib, low, high, "KiB", source)


def check_retention(hours: object, rules: Rules) -> int:
    """A retention period in hours, or :class:`InvalidSetting`."""
    low, high = rules.kinesis_retention_minimum, rules.kinesis_retention_maximum
    source = rules.source("kinesis_retention_maximum")
    return whole("retention_hours", hours, low, high, "hours", source)


def _cut(value: object) -> object:
    try:
        shown = repr(value)
    except (RecursionError, ValueError):  # nested too deeply, or a number of thousands of digits
        return "..."
    return value if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}..."
