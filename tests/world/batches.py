"""An independent reckoning of mappings: what a batch holds, why it closed, what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.world.numbers import S
from tests.world.reading import Difference, need, same

if TYPE_CHECKING:
    from tests.world.queues import Queues, Receive

MAPPING = {"batch_size": 10, "maximum_batching_window": 0}
EMPTY, COMMA = len('{"Records": []}'), len(", ")


class Batches:
    """The batches of one mapping, made again from the receives of its queue.

    Where several mappings poll a queue nobody can tell whose receive it was: then only what a batch
    says of itself is checked.
    """

    def __init__(self, queues: Queues, name: str, batches: list[Any]) -> None:
        self.past, self.now, self.numbers = queues.past, queues.now, queues.numbers
        self.calls, self.name, self.batches = queues.calls, name, batches
        queue = name.split("->")[0]
        self.alone = len(queues.mappings[queue]) == 1
        self.receives = iter(queues.receives[queue] if self.alone else ())
        self.completed: dict[int, int] = {}  # when each poller's last batch was over

    def check(self) -> None:
        """Fill the batches again; then each on its own."""
        for batch, following in zip(self.batches, [*self.batches[1:], None], strict=False):
            records = list(self.fill(batch)) if self.alone else []
            self.closed(batch, following)
            self.poller(batch)
            self.answered(batch, records)
        self.left_over([r for r in self.receives if r.held_until >= self.now])

    def settings(self, at: int) -> dict[str, Any]:
        given = self.past.of("mapping", self.name, at)
        return MAPPING | {key: value for key, value in given.items() if value is not None}

    def fill(self, batch: Any) -> Iterator[Receive]:
        """The next records received, less those visible again before it was opened."""
        told = batch.records
        while told:
            receive = next(self.receives, None)
            if receive is None:
                raise Difference("a batch holds what was received", batch, batch.records, told)
            at, mine = receive.row.at, receive.next and receive.next.batch_id == batch.batch_id
            if mine or at == batch.opened_at or receive.held_until > batch.opened_at:
                first = told == batch.records
                good = at <= (batch.opened_at if first else batch.flushed_at)
                need("it opens with its first record, and closes after its last", batch, good, at,
                     batch.opened_at)  # fmt: skip
                receive.batch, told = batch, told - 1
                yield receive

    def closed(self, batch: Any, following: Any) -> None:
        """The cause of its closing is true, and it closed at that moment."""
        settings, limit = self.settings(batch.opened_at), self.numbers["mapping_payload"]
        size, window = settings["batch_size"], settings["maximum_batching_window"] * S
        begun, last = batch.opened_at if window else -1, self.completed.get(batch.poller, -1)
        if window and last >= 0 and last + window > begun:
            begun = last
        same("its window begins", batch, batch.window_opened_at, begun)
        full, told = batch.records == size, (batch.records, batch.size_bytes)
        same("as many records as allowed close it", batch, batch.cause == "batch_size", full)
        small = batch.records <= size and (batch.records == 1 or batch.size_bytes <= limit)
        need("never more records or bytes", batch, small, told, (size, limit))
        at = batch.flushed_at
        if batch.cause == "no_window":
            same("without a window it is sent at once", batch, (window, at), (0, batch.opened_at))
        elif batch.cause == "batching_window":
            same("its window is over", batch, at, begun + window)
        elif batch.cause == "payload_size" and following is not None:
            more = batch.size_bytes + COMMA + following.size_bytes - EMPTY
            need("one more record would not fit", batch, more > limit, more, limit)
        if window:
            need("no window is passed", batch, at <= begun + window, at, begun + window)

    def poller(self, batch: Any) -> None:
        """It has the idle poller with the lowest number, and one batch at a time."""
        at, earlier = batch.opened_at, [b for b in self.batches if b.batch_id < batch.batch_id]
        busy = {b.poller for b in earlier if b.completed_at < 0 or b.completed_at > at}
        maybe = busy | {b.poller for b in earlier if b.completed_at == at}
        need("a poller has one batch", batch, batch.poller not in busy, batch.poller, busy)
        lower = set(range(1, batch.poller))
        need("the idle poller with the lowest number", batch, lower <= maybe, batch.poller, maybe)

    def answered(self, batch: Any, records: list[Receive]) -> None:
        """Its calls, one after the other while it is throttled; what became of it."""
        due, call = batch.flushed_at, None
        deadline = min((r.hidden_until for r in records), default=-1)
        for tries, call in enumerate(self.calls.get(batch.batch_id, [])):
            same("a batch is handed over when it is due", call, call.requested_at, due)
            if call.status != "throttled":
                break
            due = call.completed_at + min(2**tries, 30) * S
        if call is None or call.completed_at < 0:
            told = batch.outcome, call is None
            same("it is under way", batch, told, ("in_flight", False))
            return
        if call.status != "throttled":
            same("a batch is over with its call", batch, batch.completed_at, call.completed_at)
            self.outcome(batch, call, records)
        elif self.alone and due < deadline:
            need("a throttled batch is tried again", batch, due >= self.now, self.now, due)
        elif self.alone and batch.completed_at >= 0:
            told, over = (batch.outcome, batch.completed_at), max(call.completed_at, deadline)
            same("a throttled batch is let go", batch, told, ("throttled", over))
        if batch.completed_at >= 0:
            self.completed[batch.poller] = batch.completed_at

    def outcome(self, batch: Any, call: Any, records: list[Receive]) -> None:
        """As its call ended; what was dealt with is deleted at that moment."""
        reports = self.settings(batch.completed_at).get("function_response_types")
        allowed = {"success"} if call.status == "succeeded" else {"failure"}
        allowed |= {"partial", "failure"} if reports else set()
        need("a batch ends as its call", batch, batch.outcome in allowed, batch.outcome, allowed)
        failed = {"success": 0, "failure": batch.records}.get(batch.outcome, batch.failed_records)
        same("how many records failed", batch, batch.failed_records, failed)
        ends = [r.next for r in records if r.held_until <= batch.completed_at]
        deleted = [row for row in ends if row.action == "deleted"]
        mine = [row for row in deleted if row.batch_id == batch.batch_id]
        gone = len(ends) - len(mine)  # back, or done with by somebody else
        least, most = len(mine) + failed, len(mine) + failed + gone
        good = least <= batch.records <= most or not self.alone
        need("what was dealt with is deleted", batch, good, len(mine), batch.records - failed)
        cause = "batch_succeeded" if batch.outcome == "success" else "partial_batch_failure"
        for row in mine:
            same("a record is deleted", row, (row.at, row.cause), (batch.completed_at, cause))

    def left_over(self, receives: list[Receive]) -> None:
        """What is in no batch yet has not filled one, and no window has passed."""
        if receives:
            first, settings = receives[0].row, self.settings(receives[0].row.at)
            over = first.at + settings["maximum_batching_window"] * S
            held = bool(self.batches) and self.batches[-1].cause == "payload_size"
            good = held or (len(receives) < settings["batch_size"] and self.now <= over)
            need("a batch is closed when it is due", first, good, self.now, over)
