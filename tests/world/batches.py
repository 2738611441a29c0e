"""An independent reckoning of mappings: what a batch holds, why it closed, what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.world.contents import admits, length
from tests.world.numbers import FAR, S, waits
from tests.world.reading import Difference, need, same

if TYPE_CHECKING:
    from tests.world.pollers import Pollers
    from tests.world.queues import Queues, Receive

MAPPING = {"batch_size": 10, "maximum_batching_window": 0, "filter_criteria": None}
EMPTY, COMMA = len('{"Records": []}'), len(", ")


class Batches:
    """The batches of one mapping, made again from the receives of its queue.

    Where several mappings poll a queue nobody can tell whose receive it was: then only what a batch
    says of itself is checked.
    """

    def __init__(
        self, queues: Queues, name: str, batches: list[Any], pollers: Pollers, until: int
    ) -> None:
        self.past, self.now, self.numbers = queues.past, queues.now, queues.numbers
        self.calls, self.name, self.batches = queues.calls, name, batches
        queue = name.split("->")[0]
        self.alone = len(queues.mappings[queue]) == 1
        self.pollers, self.fifo = pollers, queue.endswith(".fifo")
        since = pollers.life[0]
        mine = [r for r in queues.receives[queue] if since <= r.row.at < until]
        self.filtered = [r for r in mine if r.next and r.next.action == "filtered"]
        gone = set(map(id, self.filtered))
        self.receives = iter([r for r in mine if id(r) not in gone] if self.alone else ())
        self.contents: dict[str, list[str]] = {}
        self.completed: dict[int, list[int]] = defaultdict(list)  # when each poller's were over

    def check(self) -> None:
        """Fill the batches again; then each on its own."""
        for batch, following in zip(self.batches, [*self.batches[1:], None], strict=False):
            records = list(self.fill(batch)) if self.alone else []
            self.contents[batch.batch_id] = [r.row.event_id for r in records]
            self.closed(batch, following, records)
            self.got(batch, records)
            self.answered(batch, records)
        self.passed()
        self.left_over([r for r in self.receives if r.held_until >= self.now])

    def settings(self, at: int) -> dict[str, Any]:
        given = self.past.last("mapping", self.name, at)
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

    def closed(self, batch: Any, following: Any, records: list[Receive]) -> None:
        """The cause of its closing is true, and it closed at that moment."""
        settings, limit = self.settings(batch.opened_at), self.numbers["mapping_payload"]
        size, window = settings["batch_size"], settings["maximum_batching_window"] * S
        begun, ends = batch.opened_at if window else -1, self.completed[batch.poller]
        last = max((at for at in ends if at <= batch.opened_at), default=-1)
        if window and last >= 0 and last + window > begun:
            begun = last
        same("its window begins", batch, batch.window_opened_at, begun)
        full, told = batch.records == size, (batch.records, batch.size_bytes)
        same("as many records as allowed close it", batch, batch.cause == "batch_size", full)
        small = batch.records <= size and (batch.records == 1 or batch.size_bytes <= limit)
        need("never more records or bytes", batch, small, told, (size, limit))
        at, over = batch.flushed_at, begun + window
        if batch.cause == "no_window":
            same("without a window it is sent at once", batch, (window, at), (0, batch.opened_at))
        elif batch.cause == "batching_window":
            same("its window is over", batch, at, over)
        elif batch.cause == "long_poll":
            self.long_poll(batch, records, over, window)
        elif batch.cause == "payload_size" and following is not None and self.next_size(following):
            more = batch.size_bytes + COMMA + self.next_size(following)
            need("one more record would not fit", batch, more > limit, more, limit)
        if window:
            longest = self.numbers["mapping_long_poll"] * S
            late = longest if longest > window else 0
            need("no window is passed", batch, at <= over + late, at, over + late)

    def next_size(self, following: Any) -> int:
        """Bytes of a batch's first record, at most; of a FIFO queue nothing of a group waits for it."""
        if self.fifo and following.records > 1:
            return 0
        return 0 if self.fifo else int(following.size_bytes) - EMPTY

    def long_poll(self, batch: Any, records: list[Receive], over: int, window: int) -> None:
        """The window was over, and the long poll too; or it brought something."""
        longest, at = self.numbers["mapping_long_poll"] * S, batch.flushed_at
        told = window, longest
        need("a window shorter than the long poll", batch, 0 < window < longest, window, longest)
        need("its window was over", batch, at >= over, at, over)
        if self.alone:
            receives = [r.row.at for r in (*records, *self.filtered) if r.row.at <= at]
            last = max(receives)
            first = min((r.hidden_until for r in records), default=FAR)
            name = self.name.split("->")[1]
            timeout = self.past.of("function", name, batch.opened_at).get("timeout") or 3
            ends = {at if at in receives else -1, last + longest, first - timeout * S}
            need("the long poll was over", batch, at in ends or at == over, told, ends)

    def got(self, batch: Any, records: list[Receive]) -> None:
        """The function got what was received, to the byte; and only what a filter lets through."""
        for call in self.calls.get(batch.batch_id, []):
            same("the size is the payload's", batch, call.payload_bytes, batch.size_bytes)
            event = self.past.saw.get(call.request_id)
            if event is not None:
                same("to the byte", batch, length(event), batch.size_bytes)
                names = [record["messageId"] for record in event["Records"]]
                if self.alone:
                    wanted = [r.row.event_id for r in records]
                    same("the function got these", batch, names, wanted)
                same("each once", batch, len(set(names)), batch.records)
                for record in event["Records"]:
                    last = [r.row.at for r in records if r.row.event_id == record["messageId"]]
                    given = [self.settings(at)["filter_criteria"] for at in last]
                    good = all(admits(criteria, "queue", record["body"]) for criteria in given)
                    need("all that reaches a function matches", batch, good, record["body"], given)

    def passed(self) -> None:
        """What was filtered matches no filter."""
        for receive in self.filtered if self.alone else ():
            held = self.past.held.get(receive.row.event_id)
            given = self.settings(receive.row.at)["filter_criteria"]
            need("filtered by filters", receive.row, bool(given), given, "some")
            if held is not None:
                seen = admits(given, "queue", held.content)
                same("what no filter matches is filtered", receive.row, seen, False)

    def answered(self, batch: Any, records: list[Receive]) -> None:
        """Its calls, one after the other while it is throttled; what became of it."""
        due, call = batch.flushed_at, None
        deadline = min((r.hidden_until for r in records), default=-1)
        for tries, call in enumerate(self.calls.get(batch.batch_id, [])):
            same("a batch is handed over when it is due", call, call.requested_at, due)
            if not waits(call):
                break
            due = call.completed_at + min(2**tries, 30) * S
        if call is None or call.completed_at < 0:
            told = batch.outcome, call is None
            same("it is under way", batch, told, ("in_flight", False))
            return
        if not waits(call):
            same("a batch is over with its call", batch, batch.completed_at, call.completed_at)
            self.outcome(batch, call, records)
        elif self.alone and due < deadline:
            need("a throttled batch is tried again", batch, due >= self.now, self.now, due)
        elif self.alone and batch.completed_at >= 0:
            # at the first throttle a poller rests for a second, at least
            first = len(self.calls[batch.batch_id]) == 1
            rested = min(due, call.completed_at + S) if first else call.completed_at
            told, over = (batch.outcome, batch.completed_at), max(rested, deadline)
            same("a throttled batch is let go", batch, told, ("throttled", over))
        if batch.completed_at >= 0:
            self.completed[batch.poller].append(batch.completed_at)

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
        named = self.answered_so(batch, call, bool(reports))
        if named is not None:
            kept = {row.event_id for row in mine} & set(named)
            same("what failed stays", batch, kept, set())
        cause = "batch_succeeded" if batch.outcome == "success" else "partial_batch_failure"
        for row in mine:
            same("a record is deleted", row, (row.at, row.cause), (batch.completed_at, cause))

    def answered_so(self, batch: Any, call: Any, reports: bool) -> list[str] | None:
        """It ended as the handler said; what failed then, where that is known."""
        event = self.past.saw.get(call.request_id)
        if event is None or call.status != "succeeded":
            return None
        answer, names = self.past.answers.get(call.request_id), []
        entries = answer.get("batchItemFailures") if isinstance(answer, dict) else None
        known = [record["messageId"] for record in event["Records"]]
        if reports and answer and not isinstance(answer, dict):
            names = known
        elif reports and entries:
            names = list(dict.fromkeys(entry["itemIdentifier"] for entry in entries))
            names = names if set(names) <= set(known) else known
        said = {entry["itemIdentifier"] for entry in entries or ()}
        told, partial = batch.outcome, said == set(names)
        wanted = "success" if not names else "partial" if partial else "failure"
        same("it ended as the function said", batch, told, wanted)
        same("so many failed", batch, batch.failed_records, len(names))
        return names

    def left_over(self, receives: list[Receive]) -> None:
        """What is in no batch yet has not filled one, and no window has passed."""
        if receives:
            first, settings = receives[0].row, self.settings(receives[0].row.at)
            window, longest = settings["maximum_batching_window"], self.numbers["mapping_long_poll"]
            over = first.at + window * S
            if 0 < window < longest:
                over = max(over, receives[-1].row.at + longest * S)
            held = bool(self.batches) and self.batches[-1].cause == "payload_size"
            good = held or (len(receives) < settings["batch_size"] and self.now <= over)
            need("a batch is closed when it is due", first, good, self.now, over)
