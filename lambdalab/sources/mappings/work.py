"""What becomes of a batch of stream records: invoked, tried again, split, shortened, given up.

* The function is invoked synchronously. A batch that failed is tried again, and holds its lane up, until
  it succeeds, its records expire in the stream or grow older than ``maximum_record_age``, or
  ``maximum_retry_attempts`` are used up. Refusals before the run (throttles) use up none.
* ``bisect_batch_on_function_error``: a failed batch of several records is cut in two, tried in order;
  cutting uses up no retry either.
* ``ReportBatchItemFailures``: what comes before the lowest record named is done with; the rest is tried
  again as a batch of its own, with all its retries (recorded). With or without bisecting: the cut is
  where the answer says.
* In a tumbling window an answer without a state fails the whole batch. Its last invocation, where it has
  no records left, is tried until it succeeds, or the stream has let go of the window's records.
* What is given up goes its way as one record to the on-failure destination.
* While the mapping is disabled, nothing is begun and nothing tried again: it goes on from there.

The waits in between double while the same records fail (``stream_retry_backoff_first``), and begin anew
for what they are cut into: our choice, AWS documents none. So is that an answer that names a batch's first
record counts as a failure of the whole batch, uncut.

Source: event-source-mappings.md 4 of the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from lambdalab.functions.call import Call
from lambdalab.invocation.front_door import Origin
from lambdalab.kernel.clock import US
from lambdalab.sources.mappings.event import payload
from lambdalab.sources.mappings.failures import RETRIES_EXHAUSTED, TOO_OLD, GivenUp
from lambdalab.sources.mappings.ledger import Item
from lambdalab.sources.mappings.place import FAILED, OK, Workplace
from lambdalab.sources.mappings.responses import failed_items
from lambdalab.sources.mappings.stream_settings import FOREVER
from lambdalab.sources.mappings.tumbling import Window, state_in
from lambdalab.trace.schema import Action, BatchOutcome, Cause, ParentKind

_LEAST_US = 1_000  # nothing is tried twice in one instant, whatever the rules say


@dataclass(slots=True)
class Piece:
    """A batch, or what is left of one. Times are microseconds since the lab's start.

    ``filtered`` records did not pass before it was closed; ``window`` is the tumbling window it is of,
    ``final`` whether it is that window's last. ``retries`` have been used up; ``refusals`` and
    ``failures`` were in a row; ``invokes`` counts the runs of these very records together. ``number``
    is the batch's in the books, once it is there.
    """

    items: list[Item]
    cause: int
    opened_at: int
    window_at: int
    filtered: int = 0
    window: Window | None = None
    final: bool = False
    parent: int = 0
    retries: int = 0
    failures: int = 0
    refusals: int = 0
    invokes: int = 0
    number: int = 0
    request: int = 0
    payload: bytes = b""

    def part(self, items: list[Item], **changes: Any) -> Piece:
        """A batch with some of its records, split from it."""
        fresh = {"number": 0, "invokes": 0, "refusals": 0, "failures": 0, "filtered": 0}
        changes = fresh | {"parent": self.number} | changes
        return replace(self, items=items, payload=b"", **changes)

    def halves(self, **changes: Any) -> list[Piece]:
        """Cut in two; a window's last invocation is the second's."""
        middle = (len(self.items) + 1) // 2
        first, second = self.items[:middle], self.items[middle:]
        return [self.part(first, **changes | {"final": False}), self.part(second, **changes)]

    def event(self) -> bytes:
        """What the function gets."""
        records = payload([item.json for item in self.items])
        return records if self.window is None else self.window.event(records, self.final)


class Work:
    """What a lane does with its batch; ``done`` is called when nothing of it is left."""

    def __init__(
        self, lane: int, shard_name: int, place: Workplace, done: Callable[[], None]
    ) -> None:
        self._lane, self._shard, self._place, self._done = lane, shard_name, place, done
        self._scheduler, self._books, self._ledger = place.scheduler, place.books, place.ledger
        self._pieces: list[Piece] = []  # still to be done, the last one first
        self._waits = 0  # until something is tried again: its token

    def begin(self, piece: Piece) -> None:
        """A batch is closed: do what is to be done with it."""
        self._pieces.append(piece)
        self._go_on(None)

    def _next(self) -> None:
        """One piece is done with. (By way of the scheduler: a long row of them makes no deep stack.)"""
        self._scheduler.at(self._scheduler.now, self._go_on)

    def _go_on(self, _: object) -> None:
        if self._place.closed:
            return
        if not self._pieces:
            self._done()
            return
        if not self._place.settings.enabled:
            self._place.parked.append(self._go_on)
            return
        piece = self._pieces.pop()
        piece.items = self._fresh(piece)
        if piece.items or (piece.final and not (piece.failures and self._outlived(piece))):
            self._hand_over(piece)
        else:
            self._next()

    # ------------------------------------------------------------------ old records

    def _outlived(self, piece: Piece) -> bool:
        """Whether the stream holds no record of a window whose last invocation has none left."""
        if piece.window is None or piece.items:
            return False
        return self._scheduler.now >= piece.window.end + self._place.source.store.retention_us

    def _fresh(self, piece: Piece) -> list[Item]:
        """The records of a piece that may still be tried; the others end."""
        gone, aged = self._old(piece.items)
        self._ledger.end(piece.items[:gone], Action.EXPIRED, Cause.RETENTION)
        old = piece.items[gone : gone + aged]
        if old:
            self._give_up(piece, old, TOO_OLD, Cause.RECORD_AGE_EXCEEDED, max(1, piece.invokes))
        return piece.items[gone + aged :]

    def _old(self, items: list[Item]) -> tuple[int, int]:
        """How many of the first records the stream has let go, and how many next are too old."""
        gone = sum(item.record.place < item.record.shard.trim_horizon for item in items)
        most = self._place.settings.maximum_record_age
        if most == FOREVER:
            return gone, 0
        oldest = self._scheduler.now - most * US
        return gone, sum(item.record.arrived_at < oldest for item in items[gone:])

    def _give_up(
        self, piece: Piece, items: list[Item], condition: str, cause: int, invokes: int,
        version: str = "", error: str | None = None,
    ) -> None:  # fmt: skip
        """Records end without having been dealt with, and the on-failure destination hears of them."""
        batch = piece.number or piece.parent
        self._ledger.end(items, Action.DROPPED, cause, piece.request, batch)
        self._place.give_up(
            GivenUp(items, condition, cause, piece.request, batch, invokes, version, error)
        )

    # ------------------------------------------------------------------ invoking

    def _hand_over(self, piece: Piece) -> None:
        """Write the batch down, and invoke the function."""
        place, books, items = self._place, self._books, piece.items
        piece.payload = piece.event()
        if len(piece.payload) > place.rules.mapping_payload and len(items) > 1:
            self._pieces += reversed(
                piece.halves(parent=piece.parent)
            )  # a window's state has grown
            self._go_on(None)
            return
        piece.number = books.batch(
            place.name, place.source_name, self._shard, self._lane, piece.window_at,
            piece.opened_at, self._scheduler.now, piece.cause, len(items), len(piece.payload),
            piece.filtered, piece.parent,
        )  # fmt: skip
        books.batch_records(piece.number, [item.record.number for item in items])
        self._ledger.hand_over(items, piece.number)
        self._invoke(piece)

    def _invoke(self, piece: Piece) -> None:
        place = self._place
        place.running += 1
        origin = Origin(place.name, Cause.EVENT_SOURCE_MAPPING, ParentKind.BATCH, piece.number)
        answered = partial(self._answered, piece)
        place.door.request_response(place.target, piece.payload, origin, answered)

    def _answered(self, piece: Piece, call: Call) -> None:
        """The function's answer has come, or the service's refusal."""
        piece.request = call.request
        if call.error is not None and call.cause != Cause.PAYLOAD_TOO_LARGE:
            self._place.last_result = FAILED
            self._refused(piece, call.cause)
        elif call.error is not None:  # one record that no function can be given: waiting helps not
            self._failed(piece, call, None)
        else:
            piece.invokes += 1
            piece.refusals = 0
            self._place.last_result = OK
            self._ran(piece, call)
        self._place.answered()

    def _ran(self, piece: Piece, call: Call) -> None:
        state = None if piece.window is None else state_in(call.response)
        if call.failure is not None:
            self._failed(piece, call, "Unhandled")
            return
        failed = self._first_failed(piece, call.response)
        if failed is None or (piece.window is not None and state is None):
            self._failed(piece, call, None)
            return
        if piece.window is not None and state is not None and (failed or not piece.items):
            piece.window.keep(state)
        if failed == len(piece.items):
            self._over(piece, BatchOutcome.SUCCESS, 0)
            self._end(piece.items, Cause.BATCH_SUCCEEDED, piece)
            self._next()
        else:
            self._partly(piece, call, failed)

    def _first_failed(self, piece: Piece, response: bytes) -> int | None:
        """The place in the batch of the first record that failed; their number: none did."""
        items = piece.items
        if not self._place.settings.reports_failures:
            return len(items)
        places = {item.record.sequence_number: place for place, item in enumerate(items)}
        named = failed_items(response, places)
        if named is None:
            return None
        return min((places[number] for number in named), default=len(items))

    # ------------------------------------------------------------------ failures

    def _failed(self, piece: Piece, call: Call, error: str | None) -> None:
        """The whole batch has failed: cut it, try it again, or give it up."""
        number = len(piece.items)
        self._place.last_result = FAILED
        self._over(piece, BatchOutcome.FAILURE, number)
        if self._place.settings.bisect_batch_on_function_error and number > 1:
            self._wait(piece, piece.halves(), Cause.BATCH_FAILED)
        else:
            self._retry(piece, call, error, Cause.BATCH_FAILED)

    def _partly(self, piece: Piece, call: Call, failed: int) -> None:
        """The records before the first that failed are done with."""
        self._over(piece, BatchOutcome.PARTIAL, len(piece.items) - failed)
        if not failed:
            self._retry(piece, call, None, Cause.PARTIAL_BATCH_FAILURE)
            return
        done, rest = piece.items[:failed], piece.items[failed:]
        self._end(done, Cause.PARTIAL_BATCH_FAILURE, piece)
        self._wait(piece, [piece.part(rest, retries=0)], Cause.PARTIAL_BATCH_FAILURE)

    def _retry(self, piece: Piece, call: Call, error: str | None, cause: int) -> None:
        """Once more the same records, while there are retries left."""
        most = self._place.settings.maximum_retry_attempts
        if most == FOREVER or piece.retries < most or not piece.items:
            again = piece.part(
                piece.items, retries=piece.retries + 1, invokes=piece.invokes,
                failures=piece.failures + 1,
            )  # fmt: skip
            self._wait(piece, [again], cause)
            return
        version = call.version.number
        self._give_up(
            piece, piece.items, RETRIES_EXHAUSTED, Cause.RETRIES_EXHAUSTED, piece.invokes, version,
            error,
        )  # fmt: skip
        if piece.final:  # the window has to end all the same
            self._wait(piece, [piece.part([], retries=0)], cause)
        else:
            self._next()

    def _wait(self, failed: Piece, pieces: list[Piece], cause: int) -> None:
        """Try the pieces that came of a failed one, in order, after a wait."""
        at = self._scheduler.now + self._delay_us(failed.failures)
        self._waits = self._scheduler.at(at, self._again, (failed, pieces, cause))

    def rest(self) -> None:
        """Try nothing again: the mapping is gone."""
        if self._waits:
            self._scheduler.cancel(self._waits)
            self._waits = 0

    def _again(self, what: tuple[Piece, list[Piece], int]) -> None:
        self._waits = 0
        failed, pieces, cause = what
        for piece in pieces:
            self._ledger.back(piece.items, cause, failed.request, failed.number)
        self._pieces += reversed(pieces)
        self._go_on(None)

    # ------------------------------------------------------------------ refusals

    def _refused(self, piece: Piece, cause: int) -> None:
        """No concurrency was free, or the service failed: the same batch once more, after a wait."""
        delay_us = self._delay_us(piece.refusals)
        piece.refusals += 1
        self._scheduler.at(self._scheduler.now + delay_us, self._invoke_again, (piece, cause))

    def _invoke_again(self, what: tuple[Piece, int]) -> None:
        piece, cause = what
        outlived = self._outlived(piece)
        if self._place.settings.enabled and not outlived and not sum(self._old(piece.items)):
            self._invoke(piece)
            return
        self._over(piece, BatchOutcome.THROTTLED, len(piece.items))
        if self._place.closed:
            return
        self._ledger.back(piece.items, cause, piece.request, piece.number)
        if not outlived:
            self._pieces.append(piece.part(piece.items, invokes=piece.invokes))
        self._go_on(None)

    # ------------------------------------------------------------------ inside

    def _delay_us(self, times: int) -> int:
        rules = self._place.rules
        first: float = rules.stream_retry_backoff_first
        most: float = rules.stream_retry_backoff_maximum
        return max(round(min(first * (1 << min(times, 40)), most) * US), _LEAST_US)

    def _over(self, piece: Piece, outcome: int, failed: int) -> None:
        now = self._scheduler.now
        self._books.batch_done(piece.number, now, piece.request, outcome, failed)

    def _end(self, items: list[Item], cause: int, piece: Piece) -> None:
        self._ledger.end(items, Action.DELETED, cause, piece.request, piece.number)
