"""A short-hand for the commonest fact: traffic calls a modelled function, and it answers.

Such a call takes one row in each of three tables, and nearly all of their fields follow from four:
when it came, which environment served it, when it ended, what its function is. The journal takes only
these, and writes the rows of the three tables in bulk when somebody else writes there, or reads. The
tables are the same to the byte as if every row had been written by itself; a test compares them.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lambdalab.trace import schema
from lambdalab.trace.schema import (
    AttemptOutcome,
    Cause,
    FunctionError,
    InitType,
    InvocationStatus,
    InvocationType,
    ParentKind,
)

if TYPE_CHECKING:
    from lambdalab.trace.recorder import Recorder

_OPEN = struct.Struct("<qhi")
_DONE = struct.Struct("<qhqbi")
_OPEN_ROW = np.dtype([("at", "<i8"), ("lane", "<i2"), ("environment", "<i4")])
_DONE_ROW = np.dtype(
    [("n", "<i8"), ("lane", "<i2"), ("at", "<i8"), ("outcome", "i1"), ("size", "<i4")]
)
_FULL = 1 << 16  # rows kept in short-hand at most

_CAUSES = np.zeros(len(AttemptOutcome.names), np.int64)
_CAUSES[AttemptOutcome.SUCCESS] = Cause.COMPLETED
_CAUSES[AttemptOutcome.ERROR] = Cause.FUNCTION_ERROR
_CAUSES[AttemptOutcome.TIMEOUT] = Cause.TIMEOUT

Rows = npt.NDArray[np.void]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Lane:
    """What all calls of one traffic to one function have in common."""

    function: int
    qualifier: int
    source: int
    caller: int
    cause: int
    payload_bytes: int
    memory_mb: int
    max_memory_mb: int
    billed_ms: Callable[..., Any]
    cost_nano: Callable[..., Any]


class Journal:
    """Calls in short-hand, numbered from 0 in the order in which they came.

    ``opened`` and ``done`` are the two hot ones. ``settle`` writes everything down at length.
    """

    def __init__(self, books: Recorder) -> None:
        self._books = books
        self._lanes: list[Lane] = []
        self.opens, self.dones = bytearray(), bytearray()
        self._add_open, self._add_done = self.opens.extend, self.dones.extend
        self._pack_open, self._pack_done = _OPEN.pack, _DONE.pack
        self.count = 0
        self._settled = 0
        # for each time others wrote: first number since, and what takes a number to its ids
        self._epochs: list[int] = []
        self._offsets: list[tuple[int, int, int]] = []
        self._cold: dict[int, tuple[int, int]] = {}

    def lane(self, lane: Lane) -> int:
        """Declare a lane; its number goes with every call."""
        self._lanes.append(lane)
        return len(self._lanes) - 1

    def opened(self, at: int, lane: int, environment: int) -> int:
        """A call came and runs in ``environment``. Returns its number."""
        number = self.count
        if number == self._settled:
            self._begin()
        elif number - self._settled >= _FULL:
            self.settle()
            self._begin()
        self.count = number + 1
        self._add_open(self._pack_open(at, lane, environment))
        return number

    def cold(self, number: int, setup_us: int, init_us: int) -> None:
        """The call started its environment."""
        self._cold[number] = setup_us, init_us

    def done(self, number: int, lane: int, at: int, outcome: int, response_bytes: int) -> None:
        """The call's function is over: success, error or timeout."""
        self._add_done(self._pack_done(number, lane, at, outcome, response_bytes))

    def ids(self, number: int) -> tuple[int, int]:
        """The request id and the row of the attempt that a call has at length."""
        request, attempt, _ = self._offsets[bisect_right(self._epochs, number) - 1]
        return number + request, number + attempt

    def _begin(self) -> None:
        """The first call since others wrote: from here on ids run along with the numbers."""
        books, number = self._books, self.count
        self._epochs.append(number)
        self._offsets.append(
            (
                len(books.invocations) // schema.INVOCATIONS.size + 1 - number,
                len(books.attempts) // schema.ATTEMPTS.size - number,
                len(books.requests) // schema.REQUESTS.size - number,
            )
        )

    def settle(self) -> None:
        """Write every row at length, in the order in which it came."""
        opens = np.frombuffer(bytes(self.opens), _OPEN_ROW)
        dones = np.frombuffer(bytes(self.dones), _DONE_ROW)
        self.opens.clear()
        self.dones.clear()
        self._settled = self.count
        if len(opens):
            self._write_opens(opens)
        if len(dones):
            self._write_dones(dones)

    def _constants(self, name: str, lanes: Numbers) -> Numbers:
        """What each call has of its lane."""
        return np.array([getattr(lane, name) for lane in self._lanes], dtype=np.int64)[lanes]

    def _write_opens(self, opens: Rows) -> None:
        books, at, lanes = self._books, opens["at"], opens["lane"]
        numbers = np.arange(self._settled - len(opens), self._settled)
        request, _, sent = self._offsets[-1]

        rows = _blank(schema.INVOCATIONS, len(opens))
        for name in ("function", "qualifier", "source", "payload_bytes"):
            rows[name] = self._constants(name, lanes)
        rows["invocation_type"] = InvocationType.REQUEST_RESPONSE
        rows["parent_kind"], rows["requested_at"] = ParentKind.NONE, at
        books.invocations.extend(rows.tobytes())

        rows = _blank(schema.ATTEMPTS, len(opens))
        for name in ("memory_mb", "cause"):
            rows[name] = self._constants(name, lanes)
        rows["request"], rows["attempt"] = numbers + request, 1
        rows["environment"], rows["started_at"] = opens["environment"], at
        rows["init_type"] = InitType.ON_DEMAND
        rows["cold_start"] = np.isin(numbers, list(self._cold))
        books.attempts.extend(rows.tobytes())

        rows = _blank(schema.REQUESTS, len(opens))
        rows["caller"], rows["sent_at"] = self._constants("caller", lanes), at
        rows["call"], rows["try_number"] = numbers + sent + 1, 1
        books.requests.extend(rows.tobytes())

    def _write_dones(self, dones: Rows) -> None:
        books, numbers, at, lanes = self._books, dones["n"], dones["at"], dones["lane"]
        outcome = dones["outcome"]
        failed = outcome != AttemptOutcome.SUCCESS
        epochs = np.searchsorted(np.array(self._epochs), numbers, side="right") - 1
        offsets = np.array(self._offsets)[epochs]
        request, row, sent = (numbers + offsets[:, column] for column in range(3))
        self._end_attempts(dones, row)

        ends: dict[str, Numbers | int] = {
            "completed_at": at,
            "status": np.where(failed, InvocationStatus.FAILED, InvocationStatus.SUCCEEDED),
            "status_code": 200,
            "function_error": np.where(failed, FunctionError.UNHANDLED, FunctionError.NONE),
            "attempts": 1,
            "response_bytes": dones["size"],
            "cause": _CAUSES[outcome],
            "executed_version": self._constants("qualifier", lanes),
        }
        _put(schema.INVOCATIONS, books.invocations, request - 1, ends)
        answers: dict[str, Numbers | int] = {
            "answered_at": at, "status_code": 200, "request": request
        }  # fmt: skip
        _put(schema.REQUESTS, books.requests, sent, answers)
        books.changes += len(dones)

    def _end_attempts(self, dones: Rows, row: Numbers) -> None:
        numbers, at, lanes = dones["n"], dones["at"], dones["lane"]
        setup, init = np.zeros(len(row), np.int64), np.zeros(len(row), np.int64)
        cold = self._cold
        for place in np.flatnonzero(np.isin(numbers, list(cold))).tolist():
            setup[place], init[place] = cold.pop(int(numbers[place]))
        table = np.frombuffer(self._books.attempts, schema.ATTEMPTS.dtype)
        duration = at - table["started_at"][row] - setup - init
        del table  # or the buffer could not grow any more
        billed, cost = np.zeros(len(row), np.int64), np.zeros(len(row), np.int64)
        for number, lane in enumerate(self._lanes):
            mine = lanes == number
            billed[mine] = lane.billed_ms(duration[mine], init[mine])
            cost[mine] = lane.cost_nano(billed[mine])
        ends: dict[str, Numbers | int] = {
            "ended_at": at,
            "setup_us": setup,
            "init_us": init,
            "duration_us": duration,
            "billed_ms": billed,
            "max_memory_mb": self._constants("max_memory_mb", lanes),
            "outcome": dones["outcome"],
            "cost_nano": cost,
        }
        _put(schema.ATTEMPTS, self._books.attempts, row, ends)


def _blank(layout: schema.Packed, count: int) -> Rows:
    """Rows that are open: the later sections as they are before anything has ended."""
    row = bytes(layout.size - len(layout.blank)) + layout.blank
    return np.frombuffer(bytearray(row * count), layout.dtype)


def _put(
    layout: schema.Packed, buffer: bytearray, rows: Numbers, values: dict[str, Numbers | int]
) -> None:
    """Complete rows in place."""
    table = np.frombuffer(buffer, layout.dtype)
    for name, column in values.items():
        table[name][rows] = column
    del table  # or the buffer could not grow any more
