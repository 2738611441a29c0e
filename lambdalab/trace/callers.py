"""What callers outside saw: the recorder's part about requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lambdalab.trace import schema

if TYPE_CHECKING:
    from lambdalab.trace.journal import Journal

_open_request = schema.REQUESTS.open
_done_request, _REQUEST_DONE = schema.REQUESTS.writer()
_REQUEST_SIZE = schema.REQUESTS.size
_REQUEST_BLANK = schema.REQUESTS.blank
_pack_front = schema.FRONTS.open


class Callers:
    """One row for each try by anyone outside Lambda; part of :class:`.recorder.Recorder`."""

    __slots__ = ("changes",)

    journal: Journal
    requests: bytearray
    changes: int
    _add_request: Callable[[bytes], None]
    _buffers: dict[str, bytearray]

    def sent(self, caller: int, call: int, try_number: int, at: int, front: int = 0) -> int:
        """Somebody outside sends a request. Returns the row, from 0, for :meth:`answered`.

        ``call`` ties the tries of one call together: the ``call`` of the first (0: this row is the
        first of a call of its own, whose number is the row's, from 1). ``try_number`` counts from 1.
        ``front`` is what was asked, a name ("shop GET /orders"); 0 for Lambda itself.
        """
        if self.journal.count > self.journal.reserved:
            self.journal.reserve()
        row = len(self.requests) // _REQUEST_SIZE
        self._add_request(
            _open_request(caller, front, call or row + 1, try_number, at, _REQUEST_BLANK)
        )
        return row

    def answered(
        self, row: int, at: int, status_code: int, gave_up: bool, request: int, cause: int = 0
    ) -> None:
        """The sender got its answer (``status_code`` 0: none came), or ``gave_up`` for good.

        ``request`` is the invocation it led to, 0 where it led to none. ``cause`` says why the answer
        is what it is (``CAUSES["requests"]``); 0: the invocation's own row does.
        """
        place = row * _REQUEST_SIZE + _REQUEST_DONE
        _done_request(self.requests, place, at, status_code, gave_up, request, cause)
        self.changes += 1

    def front_answered(self, row: int, at: int, status_code: int, cause: int) -> None:
        """The front answered a sender who had gone already; at most once for a row."""
        self._buffers["fronts"].extend(_pack_front(row, at, status_code, cause))
