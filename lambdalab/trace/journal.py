"""A short-hand for the commonest fact: traffic calls a modelled function, and it answers.

Such a call takes one row in each of three tables, and nearly all of their fields follow from four:
when it came, which environment served it, when it ended, what its function is. The journal takes only
these. When somebody else writes in the same tables it reserves the rows that are its own, and when
somebody reads it fills them in bulk. The tables are the same to the byte as if every row had been
written by itself; a test compares them.
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
    InitStatus,
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
Fields = dict[str, Any]
"""Columns by name: an array, or one value for all."""


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

    ``opened`` and ``done`` are the hot ones. ``reserve`` makes room for the rows of what is open,
    ``fill`` writes everything down at length.
    """

    def __init__(self, books: Recorder) -> None:
        self._books = books
        self._lanes: list[Lane] = []
        self._opens, self._dones = bytearray(), bytearray()
        # the steps of `opened` and `done`, for those that cannot afford the calls
        self.add_open, self.add_done = self._opens.extend, self._dones.extend
        self.pack_open, self.pack_done = _OPEN.pack, _DONE.pack
        self.count = 0
        self.reserved = 0
        """How many calls have their rows in the tables."""
        self.stop = 0
        """The number before which :meth:`begin` must be called."""
        self._filled = 0
        # for each time others wrote: the first number since, and what takes a number to its ids
        self._epochs: list[int] = []
        self._offsets: list[tuple[int, int, int]] = []
        self._cold: dict[int, tuple[int, int]] = {}
        self._suppressed: dict[int, int] = {}

    def lane(self, lane: Lane) -> int:
        """Declare a lane; its number goes with every call."""
        self._lanes.append(lane)
        return len(self._lanes) - 1

    def opened(self, at: int, lane: int, environment: int) -> int:
        """A call came and runs in ``environment``. Returns its number."""
        number = self.count
        if number >= self.stop:
            self.begin()
        self.count = number + 1
        self.add_open(self.pack_open(at, lane, environment))
        return number

    def cold(self, number: int, setup_us: int, init_us: int) -> None:
        """The call started its environment."""
        self._cold[number] = setup_us, init_us

    def suppressed(self, number: int, status: int) -> None:
        """The call began with an init: the environment's runtime had been shut down."""
        self._suppressed[number] = status

    def done(self, number: int, lane: int, at: int, outcome: int, response_bytes: int) -> None:
        """The call's function is over: success, error or timeout."""
        self.add_done(self.pack_done(number, lane, at, outcome, response_bytes))

    def ids(self, number: int) -> tuple[int, int]:
        """The request id and the row of the attempt that a call has at length."""
        request, attempt, _ = self._offsets[bisect_right(self._epochs, number) - 1]
        return number + request, number + attempt

    def begin(self) -> None:
        """Before the first call since others wrote, or when it is time to fill: a new epoch.

        From here on ids run along with the numbers.
        """
        books, number = self._books, self.count
        if number - self._filled >= _FULL:
            self.fill()
        self.stop = self._filled + _FULL
        self._epochs.append(number)
        self._offsets.append(
            (
                len(books.invocations) // schema.INVOCATIONS.size + 1 - number,
                len(books.attempts) // schema.ATTEMPTS.size - number,
                len(books.requests) // schema.REQUESTS.size - number,
            )
        )

    def reserve(self) -> None:
        """Others are about to write: take the rows of the calls that have none yet."""
        waiting = self.count - self.reserved
        if waiting:
            self._books.invocations.extend(bytes(waiting * schema.INVOCATIONS.size))
            self._books.attempts.extend(bytes(waiting * schema.ATTEMPTS.size))
            self._books.requests.extend(bytes(waiting * schema.REQUESTS.size))
            self.reserved = self.stop = self.count

    def fill(self) -> None:
        """Write every row at length, at its place; nothing where nothing is new."""
        if not self._opens and not self._dones:
            return
        self.reserve()
        opens = np.frombuffer(bytes(self._opens), _OPEN_ROW)
        dones = np.frombuffer(bytes(self._dones), _DONE_ROW)
        self._opens.clear()
        self._dones.clear()
        first, self._filled = self._filled, self.count
        late = dones["n"] < first
        if late.any():
            self._complete(dones[late])
        if len(opens):
            self._write(opens, dones[~late], first)
        self._books.changes += 1

    def _write(self, opens: Rows, dones: Rows, first: int) -> None:
        """Whole rows for the calls from number ``first`` on, those under way among them."""
        count = len(opens)
        at, lanes, numbers = opens["at"], opens["lane"], np.arange(first, first + count)
        ended, outcome = np.full(count, -1), np.zeros(count, np.int64)
        size, cold = np.zeros(count, np.int64), np.zeros(count, bool)
        where = dones["n"] - first
        ended[where], outcome[where], size[where] = dones["at"], dones["outcome"], dones["size"]
        setup, init = np.zeros(count, np.int64), np.zeros(count, np.int64)
        for number in [number for number in self._cold if number >= first]:
            cold[number - first] = True
            if ended[number - first] >= 0:
                setup[number - first], init[number - first] = self._cold.pop(number)
        request, row, sent = self._places(numbers)
        same = {name: self._constants(name, lanes) for name in _OF_LANE}
        begun = _begun(same, at, request, sent, opens["environment"], cold)
        ends = self._ends(lanes, at, ended, outcome, size, setup, init, request)
        ends[1]["init_status"] = np.where(cold, InitStatus.SUCCESS, InitStatus.NONE)
        ends[1]["invoke_init_status"] = self._inside(numbers, ended >= 0)
        over = ended >= 0
        for layout, buffer, place, opening, ending in zip(
            _LAYOUTS, self._buffers(), (request - 1, row, sent), begun, ends, strict=True
        ):
            whole = np.zeros(count, layout.dtype)
            for name, values in opening.items():
                whole[name] = values
            for name, values in ending.items():
                whole[name] = values if name in _TIMES else np.where(over, values, 0)
            _place(layout, buffer, place, whole)

    def _complete(self, dones: Rows) -> None:
        """Ends of calls whose rows were written while they were under way."""
        numbers = dones["n"]
        request, row, sent = self._places(numbers)
        table = np.frombuffer(self._books.attempts, schema.ATTEMPTS.dtype)
        started = table["started_at"][row].astype(np.int64)
        del table  # or the buffer could not grow any more
        cold = np.isin(numbers, np.fromiter(self._cold, np.int64, len(self._cold)))
        spans = np.array([self._cold.pop(n, (0, 0)) for n in numbers.tolist()], np.int64)
        ends = self._ends(
            dones["lane"], started, dones["at"].astype(np.int64), dones["outcome"].astype(np.int64),
            dones["size"], spans[:, 0], spans[:, 1], request,
        )  # fmt: skip
        ends[1]["init_status"] = np.where(cold, InitStatus.SUCCESS, InitStatus.NONE)
        ends[1]["invoke_init_status"] = self._inside(numbers, np.ones(len(numbers), bool))
        for layout, buffer, place, ending in zip(
            _LAYOUTS, self._buffers(), (request - 1, row, sent), ends, strict=True
        ):
            _complete(layout, buffer, place, ending)

    def _ends(
        self, lanes: Numbers, started: Numbers, ended: Numbers, outcome: Numbers, size: Numbers,
        setup: Numbers, init: Numbers, request: Numbers,
    ) -> tuple[Fields, Fields, Fields]:  # fmt: skip
        """What the rows of the three tables have at the end of each call."""
        failed = outcome != AttemptOutcome.SUCCESS
        duration = ended - started - setup - init
        billed, cost = np.zeros(len(lanes), np.int64), np.zeros(len(lanes), np.int64)
        for number, lane in enumerate(self._lanes):
            mine = lanes == number
            billed[mine] = lane.billed_ms(duration[mine], init[mine])
            cost[mine] = lane.cost_nano(billed[mine])
        invocations: Fields = {
            "completed_at": ended,
            "status": np.where(failed, InvocationStatus.FAILED, InvocationStatus.SUCCEEDED),
            "status_code": 200,
            "function_error": np.where(failed, FunctionError.UNHANDLED, FunctionError.NONE),
            "attempts": 1,
            "response_bytes": size,
            "cause": _CAUSES[outcome],
            "executed_version": self._constants("qualifier", lanes),
        }
        attempts: Fields = {
            "ended_at": ended,
            "setup_us": setup,
            "init_us": init,
            "duration_us": duration,
            "billed_ms": billed,
            "max_memory_mb": self._constants("max_memory_mb", lanes),
            "outcome": outcome,
            "cost_nano": cost,
        }
        requests: Fields = {"answered_at": ended, "status_code": 200, "request": request}
        return invocations, attempts, requests

    def _inside(self, numbers: Numbers, over: npt.NDArray[np.bool_]) -> Numbers:
        """How the init inside each invocation that is over ended."""
        status = np.zeros(len(numbers), np.int64)
        known = self._suppressed
        if known:
            for place in np.flatnonzero(np.isin(numbers, list(known)) & over).tolist():
                status[place] = known.pop(int(numbers[place]))
        return status

    def _places(self, numbers: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """The ids of the calls' requests, and their rows among attempts and callers' requests."""
        epochs = np.searchsorted(np.array(self._epochs), numbers, side="right") - 1
        offsets = np.array(self._offsets, np.int64)[epochs]
        return numbers + offsets[:, 0], numbers + offsets[:, 1], numbers + offsets[:, 2]

    def _constants(self, name: str, lanes: Numbers) -> Numbers:
        """What each call has of its lane."""
        return np.array([getattr(lane, name) for lane in self._lanes], dtype=np.int64)[lanes]

    def _buffers(self) -> tuple[bytearray, bytearray, bytearray]:
        return self._books.invocations, self._books.attempts, self._books.requests


_LAYOUTS = (schema.INVOCATIONS, schema.ATTEMPTS, schema.REQUESTS)
_OF_LANE = (
    "function", "qualifier", "source", "payload_bytes", "memory_mb", "cause", "caller"
)  # fmt: skip
_TIMES = ("completed_at", "ended_at", "answered_at")  # -1 while there is no such time


def _begun(
    same: dict[str, Numbers], at: Numbers, request: Numbers, sent: Numbers, environment: Numbers,
    cold: npt.NDArray[np.bool_],
) -> tuple[Fields, Fields, Fields]:  # fmt: skip
    """What the rows of the three tables have from the beginning of each call."""
    of_lane = ("function", "qualifier", "source", "payload_bytes")
    invocations: Fields = {
        **{name: same[name] for name in of_lane},
        "invocation_type": InvocationType.REQUEST_RESPONSE,
        "parent_kind": ParentKind.NONE,
        "requested_at": at,
    }
    attempts: Fields = {
        "memory_mb": same["memory_mb"],
        "cause": same["cause"],
        "request": request,
        "attempt": 1,
        "environment": environment,
        "started_at": at,
        "init_type": InitType.ON_DEMAND,
        "cold_start": cold,
    }
    requests: Fields = {
        "caller": same["caller"],
        "sent_at": at,
        "call": sent + 1,
        "try_number": 1,
    }
    return invocations, attempts, requests


def _place(layout: schema.Packed, buffer: bytearray, places: Numbers, rows: Rows) -> None:
    """Put whole rows into a table, at rising places."""
    first, last = int(places[0]), int(places[-1])
    if last - first == len(places) - 1:  # nobody else wrote between them
        buffer[first * layout.size : (last + 1) * layout.size] = rows.tobytes()
        return
    table = np.frombuffer(buffer, layout.dtype)
    table[places] = rows
    del table  # or the buffer could not grow any more


def _complete(layout: schema.Packed, buffer: bytearray, places: Numbers, ends: Fields) -> None:
    """Put the last fields into rows of a table."""
    table = np.frombuffer(buffer, layout.dtype)
    for name, values in ends.items():
        table[name][places] = values
    del table
