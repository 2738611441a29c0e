"""Batches that can never be as large as their batch size: they reach the payload limit first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from lambdalab.advice.design import Design
from lambdalab.advice.finding import Advice, Example
from lambdalab.advice.small import Small, table
from lambdalab.lab import Lab
from lambdalab.sources.kinesis.service import Stream
from lambdalab.sources.mappings.mapping import Mapping
from lambdalab.sources.sqs.service import Queue

_KB, _MB = 1_000, 1_000_000
_KIB = 1024
_BASE64 = 4 / 3  # how much larger a stream's data is in the event
_KEY = 8  # characters of a partition key


def too_large(design: Design) -> Iterator[Advice]:
    """Batch size x record size above the payload limit of a mapping's invocation."""
    limit, undecided = int(design.rules.mapping_payload), []
    for mapping in design.mappings():
        size = design.record_size or _seen(design, mapping)
        if size is not None:
            size = min(size, _largest(design, mapping))
        else:
            undecided.append(mapping.name)
            continue
        batch_size = mapping.settings.batch_size
        stream = not isinstance(mapping.source, Queue)
        whole = size * (_BASE64 if stream else 1) + _beside(design, mapping)[0]
        if batch_size * whole <= limit:
            continue
        window = mapping.settings.maximum_batching_window
        example = design.small.once(cut_short, batch_size, window, size, stream)
        if example is None:
            continue
        fits = int(example.proof.records.iloc[0])
        advice = (
            f"batch_size={batch_size:,} will not be reached: {batch_size:,} records of "
            f"{_short(size / _KB)} KB are {_short(batch_size * size / _MB)} MB and more, and a batch is "
            f"handed over before {limit:,} bytes, here with {fits:,}. Reckon with {fits:,} a batch, or "
            "send smaller records (a claim check: the data in S3, its key in the record)."
        )
        rule = (
            f"a batch's event of at most {limit:,} bytes ({design.rules.source('mapping_payload')})"
        )
        yield Advice.of("batch payload", mapping.name, advice, rule, example, "warning")
    if undecided:
        design.left_out.append(
            f"batch payload of {', '.join(undecided)}: no record seen yet; lab.check(record_size=...)"
        )


def _short(number: float) -> str:
    """Three digits, or the whole number where it has more."""
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def _seen(design: Design, mapping: Mapping) -> int | None:
    """The size of a record's data: the largest mean of a batch, or the largest that lies in the queue."""
    batches = design.tables.rows("batches")
    names = design.tables.recorder.names
    code = names.index(mapping.name) if mapping.name in names else -1
    mine = batches[(batches["mapping"] == code) & (batches["records"] > 0)]
    sizes = []
    if len(mine):
        beside, wrapper = _beside(design, mapping)
        means = ((mine["size_bytes"] - wrapper) / mine["records"]).tolist()
        data = math.ceil(max(means)) - beside
        sizes.append(max(1, data if isinstance(mapping.source, Queue) else int(data / _BASE64)))
    if isinstance(mapping.source, Queue):
        sizes += [len(message.body.encode()) for message in mapping.source.store.messages.values()]
    return max(sizes, default=None)


def _largest(design: Design, mapping: Mapping) -> int:
    """The most bytes that a record of this source may have."""
    if isinstance(mapping.source, Queue):
        return int(design.rules.sqs_message_size)
    return int(design.rules.kinesis_record_size) * _KIB - _KEY


def _beside(design: Design, mapping: Mapping) -> tuple[int, int]:
    """Bytes that the event has beside the data: for each record, and once. A small lab tells."""
    stream, length = not isinstance(mapping.source, Queue), len(mapping.source.name)
    found = design.small.once(_records_of_a_byte, stream, length)
    if found is None:  # the lab's quotas do not allow it
        return 0, 0
    one, two = found.proof["size_bytes"].tolist()
    each = two - one - 1
    return each, one - each - 1


def _records_of_a_byte(small: Small, stream: bool, length: int) -> Example:
    """Two batches; each record brings its source's ARN, so a name of so many characters has it here."""
    traces = [_filled(small, count, 0, 1, stream, count, "r" * length).trace for count in (1, 2)]
    sizes = table(*({"size_bytes": int(trace.batches.size_bytes.iloc[0])} for trace in traces))
    return Example("a batch of one record of a byte, and one of two", sizes, traces[0])


def cut_short(
    small: Small, batch_size: int, window: int, size: int, stream: bool
) -> Example | None:
    """As many records as a batch may have, at once: is the first batch full?"""
    enough = int(small.rules.mapping_payload) // size + 2
    lab = _filled(small, batch_size, window, size, stream, min(batch_size, enough))
    batches = lab.trace.batches
    if batches.cause.iloc[0] != "payload_size":
        return None
    fits = int(batches.records.iloc[0])
    told = f"{min(batch_size, enough):,} records of {size:,} bytes come at once."
    row = {
        "settings": "as it is", "batch_size": batch_size, "records": fits,
        "size_bytes": int(batches.size_bytes.iloc[0]), "cause": "payload_size",
    }  # fmt: skip
    return Example(told, table(row), lab.trace)


def _filled(
    small: Small, batch_size: int, window: int, size: int, stream: bool, count: int,
    name: str = "records",
) -> Lab:  # fmt: skip
    lab = small.lab()
    lab.create_function("work", duration=0.1, timeout=30)
    settings: dict[str, Any] = {"batch_size": batch_size, "maximum_batching_window": window}
    if stream:
        clicks = lab.kinesis.create_stream(name)
        _put(lab, clicks, size, count)
        settings["starting_position"] = "TRIM_HORIZON"
        lab.create_event_source_mapping(clicks, "work", **settings)
    else:
        queue = lab.sqs.create_queue(name)
        lab.create_event_source_mapping(queue, "work", **settings)
        for _ in range(count):
            queue.send("x" * size)
    lab.advance(window + 10)
    return lab


def _put(lab: Lab, stream: Stream, size: int, count: int) -> None:
    """Put records at the pace that one shard takes."""
    rules = lab.rules
    pace = min(rules.kinesis_shard_records, rules.kinesis_shard_bytes // (size + _KEY))
    for number in range(count):
        if number and number % max(pace, 1) == 0:
            lab.advance(1)
        stream.put_record(b"x" * size, f"{number:0{_KEY}}")
