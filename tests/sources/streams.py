"""A mapping of a stream in a lab, for tests: as `lab.create_event_source_mapping` is to make it."""

from __future__ import annotations

from typing import Any

import lambdalab as ll
from lambdalab.sources.kinesis.stream import Stream
from lambdalab.sources.mappings.stream_mapping import StreamMapping, StreamMappings


def mappings_of(lab: ll.Lab) -> StreamMappings:
    """The stream mappings of a lab."""
    made: StreamMappings | None = getattr(lab, "_test_stream_mappings", None)
    if made is None:
        made = StreamMappings(
            lab._scheduler, lab._books, lab.rules, lab._lambda.ids, lab._clock,
            lab._lambda.front_door, lab._origin, lab.sqs, "00000001-uuid".__str__,
        )  # fmt: skip
        lab._test_stream_mappings = made  # type: ignore[attr-defined]
    return made


def connect(lab: ll.Lab, stream: Stream, function: Any, **settings: Any) -> StreamMapping:
    """A mapping, from the oldest record on where nothing else is said."""
    settings = {"starting_position": "TRIM_HORIZON"} | settings
    return mappings_of(lab).create(stream, lab._functions.target(function), **settings)


def reset(lab: ll.Lab) -> None:
    """`lab.reset()`, mappings of streams included."""
    lab.reset()
    mappings_of(lab).reset(lab._scheduler, lab._books, lab._lambda.front_door)
