"""The columns of each packed table, and the closed lists (re-exported from :mod:`.codes`).

A row is packed without padding, little-endian. Its first section is written when the thing opens,
the others in place when it goes on or ends, so that a trace read in mid-run shows what is in
flight. Times are microseconds since the lab's start (-1: not yet); ids count from 1 (0: none);
names are the recorder's interned numbers.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from lambdalab.trace.causes import CAUSES, THROTTLE_REASONS
from lambdalab.trace.codes import (
    CLOSED_LISTS,
    Action,
    AttemptOutcome,
    BatchCause,
    BatchOutcome,
    Cause,
    ClosedList,
    EnvironmentEnd,
    EnvironmentKind,
    FaultKind,
    FunctionError,
    InitStatus,
    InitType,
    InvocationStatus,
    InvocationType,
    Lane,
    ParentKind,
    QueueKind,
    RetryEnd,
    ScalingKind,
)

__all__ = [
    "ATTEMPTS",
    "BATCHES",
    "BATCH_RECORDS",
    "CAUSES",
    "CLOSED_LISTS",
    "ENVIRONMENTS",
    "FAULTS",
    "FRONTS",
    "INVOCATIONS",
    "LOGS",
    "ORIGINS",
    "PACKED",
    "QUEUED_AT",
    "QUEUE_EVENTS",
    "REQUESTS",
    "SCALING",
    "THROTTLE_REASONS",
    "WAITS",
    "Action",
    "AttemptOutcome",
    "BatchCause",
    "BatchOutcome",
    "Cause",
    "ClosedList",
    "EnvironmentEnd",
    "EnvironmentKind",
    "FaultKind",
    "FunctionError",
    "InitStatus",
    "InitType",
    "InvocationStatus",
    "InvocationType",
    "Lane",
    "Packed",
    "ParentKind",
    "QueueKind",
    "RetryEnd",
    "ScalingKind",
    "Section",
]

#: (name, struct code) of neighbouring fields; the code "N" is an interned name's number.
Fields = tuple[tuple[str, str], ...]


def _code(fields: Fields) -> str:
    return "".join("H" if code == "N" else code for _, code in fields)


class Section:
    """A run of neighbouring fields that are written together.

    ``fields`` are (name, struct code); ``blank`` holds the values they have until then.
    """

    def __init__(self, fields: Fields, blank: tuple[int, ...] = ()) -> None:
        self.fields = fields
        self.struct = struct.Struct("<" + _code(fields))
        self.blank = self.struct.pack(*blank) if blank else b""


class Packed:
    """The layout of one packed table: a section written at the opening, and sections for later.

    ``size`` is the bytes of a row, ``dtype`` its numpy form, ``open`` packs the first section and
    the blank rest (as one bytes argument at the end, ``blank``, where there is a rest);
    ``name_fields`` are the fields that hold interned names.
    """

    def __init__(self, name: str, opening: Fields, *later: Section) -> None:
        self.name = name
        self.later = later
        self.blank = b"".join(section.blank for section in later)
        first = "<" + _code(opening)
        self._open = struct.Struct(first + (f"{len(self.blank)}s" if later else ""))
        self.open: Callable[..., bytes] = self._open.pack
        fields = [*opening, *(field for section in later for field in section.fields)]
        kinds = {code: np.dtype(code).newbyteorder("<") for code in "bBhHiq"}
        kinds["N"] = kinds["H"]
        self.dtype = np.dtype([(field, kinds[code]) for field, code in fields])
        self.name_fields = tuple(field for field, code in fields if code == "N")
        self.size = self.dtype.itemsize
        if self.size != self._open.size:
            raise ValueError(f"{name}: the packed and the numpy row differ in size")

    def writer(self, index: int = 0) -> tuple[Callable[..., None], int]:
        """``pack_into`` of a later section, and where in the row that section begins."""
        ahead = sum(len(section.blank) for section in self.later[index:])
        return self.later[index].struct.pack_into, self.size - ahead


INVOCATIONS = Packed(
    "invocations",
    (
        ("function", "N"), ("qualifier", "N"), ("invocation_type", "b"), ("source", "N"),
        ("parent_kind", "b"), ("parent", "i"), ("requested_at", "q"), ("payload_bytes", "i"),
    ),
    Section(
        (
            ("completed_at", "q"), ("status", "b"), ("status_code", "h"), ("function_error", "b"),
            ("attempts", "H"), ("response_bytes", "i"), ("cause", "B"), ("network_us", "i"),
            ("overhead_us", "i"), ("executed_version", "N"),
        ),
        (-1, InvocationStatus.IN_FLIGHT, 0, 0, 0, 0, Cause.IN_FLIGHT, 0, 0, 0),
    ),
)  # fmt: skip

ATTEMPTS = Packed(
    "attempts",
    (
        ("request", "i"), ("attempt", "H"), ("environment", "i"), ("init_type", "b"),
        ("started_at", "q"), ("cold_start", "b"), ("memory_mb", "H"), ("cause", "B"),
    ),
    Section(
        (
            ("ended_at", "q"), ("setup_us", "i"), ("init_us", "i"), ("duration_us", "i"),
            ("billed_ms", "i"), ("max_memory_mb", "H"), ("outcome", "b"), ("cost_nano", "i"),
            ("init_status", "b"), ("invoke_init_status", "b"),
        ),
        (-1, 0, 0, 0, 0, 0, AttemptOutcome.RUNNING, 0, 0, 0),
    ),
)  # fmt: skip

#: Only where an attempt began later than it was queued: row of the attempt, and when.
QUEUED_AT = Packed("queued_at", (("row", "i"), ("queued_at", "q")))

#: Only for asynchronous invocations: time spent in Lambda's queue, and backing off.
WAITS = Packed("waits", (("request", "i"), ("queued_us", "q"), ("waiting_us", "q")))

ENVIRONMENTS = Packed(
    "environments",
    (("function", "N"), ("version", "N"), ("kind", "b"), ("started_at", "q")),
    Section((("ready_at", "q"), ("init_us", "i")), (-1, 0)),
    Section((("ended_at", "q"), ("because", "b")), (-1, EnvironmentEnd.ALIVE)),
)

QUEUE_EVENTS = Packed(
    "queue_events",
    (
        ("at", "q"), ("queue", "N"), ("event", "i"), ("action", "b"), ("depth", "i"),
        ("age_us", "q"), ("delay_us", "q"), ("request", "i"), ("batch", "i"), ("cause", "B"),
        ("in_flight", "i"), ("delayed", "i"), ("receive_count", "i"), ("visible_at", "q"),
    ),
)  # fmt: skip

BATCHES = Packed(
    "batches",
    (
        ("mapping", "N"), ("source", "N"), ("shard", "N"), ("poller", "i"),
        ("window_opened_at", "q"), ("opened_at", "q"), ("flushed_at", "q"), ("cause", "b"),
        ("records", "i"), ("size_bytes", "i"), ("filtered", "i"), ("parent_batch", "i"),
    ),
    Section(
        (("completed_at", "q"), ("request", "i"), ("outcome", "b"), ("failed_records", "i")),
        (-1, 0, BatchOutcome.IN_FLIGHT, 0),
    ),
)  # fmt: skip

#: Which messages a batch held, one row each.
BATCH_RECORDS = Packed("batch_records", (("batch", "i"), ("message", "i")))

REQUESTS = Packed(
    "requests",
    (("caller", "N"), ("front", "N"), ("call", "i"), ("try_number", "i"), ("sent_at", "q")),
    Section(
        (
            ("answered_at", "q"), ("status_code", "h"), ("gave_up", "b"), ("request", "i"),
            ("cause", "B"),
        ),
        (-1, 0, 0, 0, Cause.IN_FLIGHT),
    ),
)  # fmt: skip

#: Only where a front answered a caller who had gone: row of the request, and what it said when.
FRONTS = Packed(
    "fronts", (("row", "i"), ("answered_at", "q"), ("status_code", "h"), ("cause", "B"))
)

SCALING = Packed(
    "scaling",
    (("at", "q"), ("subject", "N"), ("kind", "b"), ("before", "i"), ("after", "i"), ("cause", "B")),
)

LOGS = Packed("logs", (("at", "q"), ("function", "N"), ("environment", "i"), ("request", "i")))

#: What ``lab.faults`` did: the function or queue it struck, the request, the message (0: none).
FAULTS = Packed(
    "faults", (("at", "q"), ("kind", "b"), ("subject", "N"), ("request", "i"), ("message", "i"))
)

#: Which message or event came of which: what a service handed on has a number of its own there.
ORIGINS = Packed("origins", (("message", "i"), ("event", "i")))

#: Every packed table by name, in the order in which digests and saved traces take them.
PACKED: dict[str, Packed] = {
    layout.name: layout
    for layout in (
        INVOCATIONS, ATTEMPTS, QUEUED_AT, WAITS, ENVIRONMENTS, QUEUE_EVENTS, BATCHES,
        BATCH_RECORDS, REQUESTS, SCALING, LOGS, FAULTS, FRONTS, ORIGINS,
    )
}  # fmt: skip
