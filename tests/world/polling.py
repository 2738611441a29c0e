"""An independent reckoning of queues and event source mappings.

When each message was visible, hidden or gone, which receive put it in which batch, why each batch was
closed when it was, what became of its messages, and that nothing lay about while a poller was idle.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.world.reading import Books, Difference, grouped, need, same
from tests.world.reckoner import NUMBERS, S, THROTTLES

QUEUE = {"visibility_timeout": 30, "delay": 0, "retention": 345_600, "max_receive_count": 10}
MAPPING = {"batch_size": 10, "maximum_batching_window": 0, "enabled": True}
EMPTY, COMMA = len('{"Records": []}') - 1, len(", ")
ENDS = ("deleted", "expired", "dead_lettered")
FATES = {"failure": "batch_failed", "partial": "partial_batch_failure"}


class Receive:
    """A message taken from its queue, until its next row (None: there is none yet)."""

    def __init__(self, row: Any, hidden_until: int) -> None:
        self.row, self.hidden_until = row, hidden_until
        self.next: Any = None
        self.batch: Any = None

    @property
    def held_until(self) -> int:
        """When it came back or ended."""
        return self.next.at if self.next else 1 << 60


class Queues:
    """Reckons every queue and mapping of a run."""

    def __init__(self, books: Books) -> None:
        self.books, self.past, self.now = books, books.past, books.now
        self.numbers = NUMBERS | self.past.quotas
        self.receives: dict[str, list[Receive]] = defaultdict(list)  # by pollers, queue by queue
        self.back: list[Receive] = []
        self.waits: list[tuple[str, int, int]] = []  # visible in a queue, from and to
        self.calls = grouped(books.invocations, "parent_id")
        self.mappings: dict[str, list[str]] = defaultdict(list)
        for name in self.past.names("mapping"):
            self.mappings[name.split("->")[0]].append(name)

    def check(self) -> None:
        """Messages first: batches are made of their receives."""
        rows = [row for row in self.books.queue_events if row.kind == "sqs"]
        first = {}
        for row in rows:
            same("a message's age counts from when it was sent", row, row.age_us,
                 row.at - first.setdefault(row.event_id, row.at - row.age_us))  # fmt: skip
        for (queue, _), lived in grouped(rows, "queue", "event_id").items():
            self.message(queue, lived)
        place = {id(row): n for n, row in enumerate(rows)}
        for receives in self.receives.values():
            receives.sort(key=lambda receive: place[id(receive.row)])
        batches = grouped(self.books.batches, "mapping")
        for name in self.past.names("mapping"):
            Mapped(self, name, batches.get(name, [])).check()
        for receive in self.back:
            self.returned(receive)
        for queue, begin, end in self.waits:
            self.nobody_idle(queue, begin, end, batches)

    def settings(self, kind: str, name: str, at: int) -> dict[str, Any]:
        given = self.past.of(kind, name, at)
        return (QUEUE if kind == "queue" else MAPPING) | {k: v for k, v in given.items() if v is not None}

    # ------------------------------------------------------------------ one message in one queue

    def message(self, queue: str, rows: list[Any]) -> None:
        """Visible, hidden, gone: row after row."""
        sent, state, until, receive, received = rows[0], "visible", 0, None, 0
        same("a message is sent before anything else", sent, sent.action, "sent")
        for row, after in zip(rows, [*rows[1:], None], strict=True):
            settings = self.settings("queue", queue, row.at)
            count = sent.receive_count + received + (row.action == "received")
            same("how often it was received", row, row.receive_count, count)
            end = after.at if after else self.now
            if row.action in ("sent", "returned"):
                if row.action == "returned":
                    self.comes_back(row, state, until, receive)
                state = "delayed" if row.delay_us else "visible"
                until = row.at + row.delay_us
                if state == "visible":
                    self.waits.append((queue, row.at, end))
            elif row.action == "received":
                same("only what is visible is received", row, state, "visible")
                received, state = received + 1, "in flight"
                self.not_spent(row, settings, received)
                same("it is hidden for so long", row, row.delay_us, self.hidden_for(row, settings))
                moved = [u for at, u in self.past.moved[queue, row.event_id] if row.at <= at <= end]
                until = moved[-1] if moved else row.at + row.delay_us
                receive = Receive(row, until)
                receive.next = after
                if row.cause == "polled":
                    self.receives[queue].append(receive)
            else:
                self.ends(queue, row, sent, settings, state, received)
                same("nothing happens after the end", row, after, None)
                return
            if state != "visible":
                need("a hidden message comes back in time", row, end <= until, end, until)
        expiry = rows[-1].at - rows[-1].age_us + self.settings("queue", queue, self.now)["retention"] * S
        need("a message is kept no longer", rows[-1], expiry >= self.now or sent.at >= self.now, self.now, expiry)

    def hidden_for(self, row: Any, settings: dict[str, Any]) -> int:
        """The queue's visibility timeout; with a window, what window and function need."""
        own, most = settings["visibility_timeout"] * S, row.delay_us
        if row.cause != "polled":
            return most  # a caller names it
        on = [self.settings("mapping", name, row.at)["enabled"] for name in self.mappings[row.queue]]
        need("an enabled mapping polls", row, any(on), self.mappings[row.queue], on)
        for name in self.mappings[row.queue]:
            window = self.settings("mapping", name, row.at)["maximum_batching_window"]
            timeout = self.past.of("function", name.split("->")[1], row.at).get("timeout") or 3
            if window and (window + timeout) * S > own:
                wanted = (window + timeout + 30) * S
                if wanted == most or len(self.mappings[row.queue]) == 1:
                    return wanted
        return own

    def not_spent(self, row: Any, settings: dict[str, Any], received: int) -> None:
        if settings.get("dead_letter_queue"):
            most = settings["max_receive_count"]
            need("nothing is received too often", row, received <= most, received, most)

    def comes_back(self, row: Any, state: str, until: int, receive: Receive | None) -> None:
        """When its delay or its visibility timeout is over, or somebody ends it."""
        if state == "delayed":
            same("a delay ends when it is over", row, (row.at, row.cause), (until, "delay"))
            return
        same("only what is hidden comes back", row, state, "in flight")
        assert receive is not None
        moved = [at for at, u in self.past.moved[row.queue, row.event_id] if receive.row.at <= at <= row.at]
        same("it comes back when its visibility timeout is over", row, row.at, until)
        if moved:
            same("somebody changed it", row, row.cause in ("visibility_changed", *FATES.values()), True)
        else:
            self.back.append(receive)

    def returned(self, receive: Receive) -> None:
        """Why a message is visible again: its batch failed before, or nobody was done with it."""
        batch, row = receive.batch, receive.next
        if len(self.mappings[row.queue]) != 1:
            return
        causes, before = {"visibility_timeout"}, batch is not None and 0 <= batch.completed_at
        if before and batch.completed_at <= row.at and batch.outcome != "success":
            fate = {FATES[batch.outcome]} if batch.outcome in FATES else set(THROTTLES)
            causes = fate | (causes if batch.completed_at == row.at else set())
        need("why a message came back", row, row.cause in causes, row.cause, causes)
        if row.cause != "visibility_timeout":
            same("the batch that failed", row, row.batch_id, batch.batch_id)

    def ends(
        self, queue: str, row: Any, sent: Any, settings: dict[str, Any], state: str, received: int
    ) -> None:
        """Each end has its reason."""
        if row.action == "expired":
            kept = row.at - row.age_us + settings["retention"] * S
            due = max(kept, sent.at, *(t for t in self.past.times("queue", queue) if t <= row.at))
            same("its retention is over", row, (row.cause, row.at), ("retention", max(kept, sent.at)
                 if row.at != due else due))  # fmt: skip
        elif row.action == "dead_lettered":
            most = settings["max_receive_count"] if settings.get("dead_letter_queue") else None
            told = row.cause, state, most is not None and received >= most
            same("a message dies when it was received too often", row, told, ("max_receive_count", "visible", True))
        else:
            same("an end", row, row.action, "deleted")

    def nobody_idle(self, queue: str, begin: int, end: int, batches: dict[str, list[Any]]) -> None:
        """While a message waited, no poller of an enabled mapping was idle."""
        for name in self.mappings[queue]:
            for at in {begin, end - 1}:
                on = self.settings("mapping", name, at)["enabled"] and self.past.of("mapping", name, at)
                hidden = max(self.numbers["sqs_in_flight"], 1)
                if not on or end - begin < 2 or hidden < 120_000:
                    continue
                busy = [b for b in batches.get(name, [])
                        if b.flushed_at <= at and (b.completed_at < 0 or b.completed_at > at)]  # fmt: skip
                if begin == at:
                    busy += [b for b in batches.get(name, []) if b.completed_at == at > b.flushed_at]
                pollers = self.numbers["mapping_pollers_start"]
                if len(busy) < pollers:
                    raise Difference("a message waits only for a poller", (queue, begin, end), len(busy), pollers)


class Mapped:
    """The batches of one mapping, made again from the receives of its queue."""

    def __init__(self, queues: Queues, name: str, batches: list[Any]) -> None:
        self.queues, self.name, self.batches = queues, name, batches
        self.queue = name.split("->")[0]
        self.alone = len(queues.mappings[self.queue]) == 1
        self.completed: dict[int, int] = {}

    def check(self) -> None:
        """Fill the batches again; then each on its own."""
        receives = iter(self.queues.receives[self.queue] if self.alone else ())
        for place, batch in enumerate(self.batches):
            records = self.fill(batch, receives)
            self.closed(batch, self.batches[place + 1] if place + 1 < len(self.batches) else None)
            self.poller(batch)
            self.answered(batch, records)
        self.left_over([r for r in receives if r.held_until >= self.queues.now])

    def settings(self, at: int) -> dict[str, Any]:
        return self.queues.settings("mapping", self.name, at)

    def fill(self, batch: Any, receives: Any) -> list[Receive]:
        """The next records received, less those visible again before it was opened."""
        records: list[Receive] = []
        while self.alone and len(records) < batch.records:
            receive = next(receives, None)
            if receive is None:
                raise Difference("a batch holds what was received", batch, batch.records, len(records))
            mine = receive.next is not None and receive.next.batch_id == batch.batch_id
            if mine or receive.row.at == batch.opened_at or receive.held_until > batch.opened_at:
                need("records join before it closes", batch, receive.row.at <= batch.flushed_at,
                     receive.row, batch.flushed_at)  # fmt: skip
                receive.batch = batch
                records.append(receive)
        if records and records[0].row.at > batch.opened_at:
            raise Difference("a batch opens with its first record", batch, batch.opened_at, records[0].row.at)
        return records

    def closed(self, batch: Any, following: Any) -> None:
        """The cause of its closing is true, and it closed at that moment."""
        settings, limit = self.settings(batch.opened_at), self.queues.numbers["mapping_payload"]
        size, window = settings["batch_size"], settings["maximum_batching_window"] * S
        since = self.completed.get(batch.poller, -1)
        begun = (since if since >= 0 and since + window > batch.opened_at else batch.opened_at) if window else -1
        same("its window begins", batch, batch.window_opened_at, begun)
        full = batch.records == size
        same("as many records as allowed close a batch", batch, batch.cause == "batch_size", full)
        need("never more", batch, batch.records <= size, batch.records, size)
        if batch.cause == "no_window":
            same("without a window it is sent at once", batch, (window, batch.flushed_at), (0, batch.opened_at))
        elif batch.cause == "batching_window":
            same("its window is over", batch, batch.flushed_at, begun + window)
        elif batch.cause == "payload_size" and following is not None:
            more = batch.size_bytes + COMMA + following.size_bytes - EMPTY
            need("one more record would not fit", batch, more > limit, more, limit)
        if batch.records > 1:
            need("its payload is within the limit", batch, batch.size_bytes <= limit, batch.size_bytes, limit)
        if window:
            need("no window is passed", batch, batch.flushed_at <= begun + window, batch.flushed_at, begun + window)

    def poller(self, batch: Any) -> None:
        """It has the idle poller with the lowest number, and one batch at a time."""
        earlier = [b for b in self.batches if b.opened_at <= batch.opened_at and b is not batch
                   and int(b.batch_id[:8]) < int(batch.batch_id[:8])]  # fmt: skip
        busy = {b.poller for b in earlier if b.completed_at < 0 or b.completed_at > batch.opened_at}
        maybe = busy | {b.poller for b in earlier if b.completed_at == batch.opened_at}
        need("a poller has one batch", batch, batch.poller not in busy, batch.poller, busy)
        lower = set(range(1, batch.poller))
        need("the idle poller with the lowest number", batch, lower <= maybe, batch.poller, maybe)

    def answered(self, batch: Any, records: list[Receive]) -> None:
        """Its calls, one after the other while it is throttled; what became of it."""
        due, calls = batch.flushed_at, self.queues.calls.get(batch.batch_id, [])
        deadline = min((r.hidden_until for r in records), default=-1)
        for tries, call in enumerate(calls):
            same("a batch is handed over when it is due", call, call.requested_at, due)
            if call.completed_at < 0:
                same("it is under way", batch, batch.outcome, "in_flight")
                return
            if call.status != "throttled":
                break
            due = call.completed_at + min(2**tries, 30) * S
        ended, last = calls[-1].completed_at, calls[-1]
        if last.status == "throttled":
            over = max(ended, deadline)
            if self.alone and due < deadline:
                need("a throttled batch is tried again", batch, due >= self.queues.now, self.queues.now, due)
            elif self.alone and batch.completed_at >= 0:
                same("a throttled batch is let go", batch, (batch.outcome, batch.completed_at), ("throttled", over))
        else:
            same("a batch is over with its call", batch, batch.completed_at, ended)
            self.outcome(batch, last, records)
        if batch.completed_at >= 0:
            self.completed[batch.poller] = batch.completed_at

    def outcome(self, batch: Any, call: Any, records: list[Receive]) -> None:
        reports = self.settings(batch.completed_at).get("function_response_types")
        good = call.status == "succeeded"
        allowed = ("success", "partial", "failure") if reports and good else ("success",) if good else ("failure",)
        need("a batch ends as its call did", batch, batch.outcome in allowed, batch.outcome, allowed)
        failed = {"success": 0, "failure": batch.records}.get(batch.outcome, batch.failed_records)
        same("how many records failed", batch, batch.failed_records, failed)
        mine = [r for r in records if r.next and r.next.action == "deleted" and r.next.batch_id == batch.batch_id]
        gone = [r for r in records if r.held_until < batch.completed_at]
        need("what was dealt with is deleted", batch, len(mine) + failed <= batch.records
             <= len(mine) + failed + len(gone) or not self.alone, len(mine), batch.records - failed)  # fmt: skip
        for record in mine:
            cause = "batch_succeeded" if batch.outcome == "success" else "partial_batch_failure"
            same("a record is deleted when its batch is over", record.next,
                 (record.next.at, record.next.cause), (batch.completed_at, cause))  # fmt: skip

    def left_over(self, receives: list[Receive]) -> None:
        """What is in no batch yet has not filled one, and no window has passed."""
        if not receives:
            return
        first, now = receives[0].row, self.queues.now
        settings = self.settings(first.at)
        window = settings["maximum_batching_window"] * S
        held = bool(self.batches) and self.batches[-1].cause == "payload_size"
        good = held or (len(receives) < settings["batch_size"] and now <= first.at + window)
        need("a batch is closed when it is due", first, good, now, first.at + window)
