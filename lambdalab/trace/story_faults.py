"""What ``lab.faults`` did to a request, as sentences of its story."""

from __future__ import annotations

from collections.abc import Iterator

from lambdalab.trace.codes import FaultKind
from lambdalab.trace.ids import short
from lambdalab.trace.tables import Tables

_SENTENCES = {
    FaultKind.FAIL: "lab.faults makes the run fail",
    FaultKind.SLOW: "lab.faults makes the run take longer",
    FaultKind.THROTTLE: "lab.faults has it refused for want of concurrency",
    FaultKind.SERVICE_ERROR: "lab.faults has the service fail",
    FaultKind.KILL: "lab.faults kills the environment's process",
    FaultKind.DUPLICATE: "lab.faults has the queue deliver it once more",
}


def faults(tables: Tables, request: int) -> Iterator[tuple[int, str]]:
    """Each time that ``lab.faults`` struck a request: when, and what it did."""
    rows = tables.rows("faults")
    for row in rows[rows["request"] == request]:
        sentence = _SENTENCES[int(row["kind"])]
        if row["message"]:  # it has dealt with a message that comes back
            sentence = f"lab.faults has {short('message', int(row['message']))} come back"
        yield int(row["at"]), sentence
