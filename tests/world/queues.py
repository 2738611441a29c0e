"""An independent reckoning of queues: when each message was visible, hidden or gone, and why.

Nothing lies about while a poller is idle; what died had been received too often, or had lain too long.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.world import groups
from tests.world.batches import Batches
from tests.world.numbers import FAR, THROTTLES, S, dated
from tests.world.pollers import Pollers
from tests.world.reading import Books, Past, grouped, need, same

QUEUE = {"visibility_timeout": 30, "delay": 0, "retention": 345_600, "max_receive_count": 10}
HIDDEN = ("delayed", "in flight")
ENDS = ("deleted", "expired", "dead_lettered", "filtered", "dropped")
FATES = {"failure": "batch_failed", "partial": "partial_batch_failure"}
MANY = 120_000  # messages in flight: where a quota lowers it, pollers may have to wait


class Receive:
    """A message taken from its queue, until its next row (None: there is none yet)."""

    def __init__(self, row: Any, after: Any, hidden_until: int) -> None:
        self.row, self.next, self.hidden_until = row, after, hidden_until
        self.batch: Any = None

    @property
    def held_until(self) -> int:
        """When it came back or ended."""
        return self.next.at if self.next else FAR


class Queues:
    """Reckons every queue and mapping of a run."""

    def __init__(self, books: Books) -> None:
        self.books, self.past, self.now = books, books.past, books.now
        self.numbers = dated(books.past)
        self.receives: dict[str, list[Receive]] = defaultdict(list)  # by pollers, queue by queue
        self.back: list[Receive] = []  # visible again when their timeout was over
        self.waits: list[
            tuple[str, str, int, int]
        ] = []  # visible in a queue and group, from and to
        self.flights: dict[Any, list[tuple[int, int]]] = defaultdict(
            list
        )  # of a group: from and to
        self.calls = grouped(books.invocations, "parent_id")
        self.mappings: dict[str, list[str]] = defaultdict(list)
        for name in self.past.names("mapping"):
            self.mappings[name.split("->")[0]].append(name)

    def check(self) -> None:
        """Messages first: batches are made of their receives."""
        rows = [row for row in self.books.queue_events if row.kind == "sqs"]
        sent: dict[Any, int] = {}
        for row in rows:
            key = (row.event_id, row.queue if row.queue.endswith(".fifo") else "")
            at = row.at - sent.setdefault(key, row.at - row.age_us)
            same("a message's age counts from when it was sent", row, row.age_us, at)
        for (queue, _), lived in grouped(rows, "queue", "event_id").items():
            Stay(self, queue, lived).check()
        place = {id(row): n for n, row in enumerate(rows)}
        for receives in self.receives.values():
            receives.sort(key=lambda receive: place[id(receive.row)])
        for queue, own in grouped(rows, "queue").items():
            if queue.endswith(".fifo"):
                groups.check(self.books, queue, own)
        groups.moved(self.books, rows)
        batches = grouped(self.books.batches, "mapping")
        for name in self.past.names("mapping"):
            for begun, ended in self.past.lives("mapping", name):
                until = min(
                    (b for b, _ in self.past.lives("mapping", name) if b > begun), default=FAR
                )
                own = [b for b in batches.get(name, []) if begun <= b.opened_at < until]
                pollers = Pollers(self.books, name, (begun, until), own)
                pollers.check()
                Batches(self, name, own, pollers, until).check()
                for queue, group, begin, end in self.waits:
                    if queue == name.split("->")[0]:
                        self.nobody_idle(pollers, group, max(begin, begun), min(end, ended))
        for receive in self.back:
            self.returned(receive)

    def returned(self, receive: Receive) -> None:
        """Why a message is visible again: its batch failed before, or nobody was done with it."""
        batch, row = receive.batch, receive.next
        if len(self.mappings[row.queue]) != 1:
            return
        causes = {"visibility_timeout"}
        # a throttled batch may be let go of before its poller is free again
        over = batch and (0 <= batch.completed_at <= row.at or batch.outcome == "throttled")
        if over and batch.outcome != "success":
            fate = (
                {FATES[batch.outcome]}
                if batch.outcome in FATES
                else {*THROTTLES, "injected", "service_error", "function_state"}
            )
            causes = fate | (causes if batch.completed_at >= row.at else set())
        need("why a message came back", row, row.cause in causes, row.cause, causes)
        if row.cause != "visibility_timeout":
            same("the batch that failed", row, row.batch_id, batch.batch_id)

    def nobody_idle(self, pollers: Pollers, group: str, begin: int, end: int) -> None:
        """While a message waited (and none of its group was in flight), no poller was idle."""
        if end - begin < 2 or (self.numbers["sqs_in_flight"] < MANY and not pollers.fifo):
            return
        flights = self.flights[pollers.name.split("->")[0], group]
        for at in (begin, end - 1):
            blocked = any(since <= at + 1 and until >= at for since, until in flights)
            if mapping_on(self.past, pollers.name, at) and not blocked:
                pollers.all_busy(at, at == begin)
        if not pollers.fifo and mapping_on(self.past, pollers.name, begin):
            pollers.must_grow(begin, end)


class Stay:
    """One message in one queue: row after row."""

    def __init__(self, queues: Queues, queue: str, rows: list[Any]) -> None:
        self.queues, self.past, self.now = queues, queues.past, queues.now
        self.queue, self.rows = queue, rows
        self.state, self.until, self.received = "", FAR, 0
        self.receive: Receive | None = None

    def settings(self, at: int) -> dict[str, Any]:
        return known(QUEUE, self.past.of("queue", self.queue, at))

    def check(self) -> None:
        """Each row, in the state in which the last one left it."""
        for row, after in zip(self.rows, [*self.rows[1:], None], strict=True):
            self.end = after.at if after else self.now
            {"sent": self.sent, "returned": self.returned, "received": self.taken}.get(
                row.action, self.ended
            )(row, after)
            count = self.rows[0].receive_count + self.received
            same("how often it was received", row, row.receive_count, count)
            if self.state in HIDDEN:
                in_time = self.end <= self.until
                need("a hidden message comes back in time", row, in_time, self.end, self.until)
            elif self.state == "visible":
                self.queues.waits.append((self.queue, row.message_group, row.at, self.end))
        last, first = self.rows[-1], self.rows[0]
        if self.state not in ENDS:
            over = max(last.at - last.age_us + self.settings(self.now)["retention"] * S, first.at)
            need("a message is kept no longer", last, over >= self.now, self.now, over)

    def sent(self, row: Any, _: Any) -> None:
        """It comes, once; lab.faults may have it come again when it has been deleted."""
        again = row is not self.rows[0]
        told = self.state, row.cause == "duplicate"
        if row.cause == "dead_letter" and again:  # it had been moved back here
            same("it left before", row, self.state in ENDS, True)
            self.received, self.rows = 0, [row, *self.rows[1:]]
            told = "deleted", True
        same("a message is sent once", row, told, ("deleted" if again else "", again))
        self.state = "delayed" if row.delay_us else "visible"
        self.until = row.at + row.delay_us

    def taken(self, row: Any, after: Any) -> None:
        """Received: hidden for its visibility timeout, and not too often."""
        same("only what is visible is received", row, self.state, "visible")
        settings = self.settings(row.at)
        self.received, self.state = self.received + 1, "in flight"
        if settings.get("dead_letter_queue"):
            most = settings["max_receive_count"]
            need("nothing is received too often", row, self.received <= most, self.received, most)
        if row.cause == "polled":
            allowed = self.hidden_for(row.at, settings["visibility_timeout"] * S)
            need("it is hidden for so long", row, row.delay_us in allowed, row.delay_us, allowed)
        moved = self.past.moved[self.queue, row.event_id]
        changed = [until for at, until in moved if row.at <= at <= self.end]
        self.until = changed[-1] if changed else row.at + row.delay_us
        self.receive = Receive(row, after, self.until)
        if row.message_group:
            self.queues.flights[self.queue, row.message_group].append((row.at, self.end))
        if row.cause == "polled":
            self.queues.receives[self.queue].append(self.receive)

    def hidden_for(self, at: int, own: int) -> set[int]:
        """The queue's visibility timeout; with a window, what window and function need."""
        allowed = set()
        for name in self.queues.mappings[self.queue]:
            if mapping_on(self.past, name, at):
                settings = self.past.of("mapping", name, at)
                window = settings.get("maximum_batching_window") or 0
                timeout = self.past.of("function", name.split("->")[1], at).get("timeout") or 3
                short = window and (window + timeout) * S > own
                allowed.add((window + timeout + 30) * S if short else own)
        return allowed

    def returned(self, row: Any, _: Any) -> None:
        """Visible again, when its delay or its visibility timeout is over, or as somebody set it."""
        need("only what is hidden comes back", row, self.state in HIDDEN, self.state, HIDDEN)
        same("it comes back when it has to", row, row.at, self.until)
        if self.state == "delayed":
            same("a delay is over", row, row.cause, "delay")
        elif self.receive:
            begun = self.receive.row.at
            moved = self.past.moved[self.queue, row.event_id]
            if any(begun <= at <= row.at for at, _ in moved):
                causes = ("visibility_changed", *FATES.values())
                need("somebody changed it", row, row.cause in causes, row.cause, causes)
            else:
                self.queues.back.append(self.receive)
        self.state = "visible"

    def ended(self, row: Any, after: Any) -> None:
        """Gone, and why."""
        settings, told = self.settings(row.at), (row.action, row.cause)
        if row.action == "filtered":
            told = row.cause, row.at, self.state
            began = self.receive.row.at if self.receive else -1
            same("filtered when it is received", row, told, ("filter_mismatch", began, "in flight"))
        elif row.action == "dropped":
            same("sent twice", row, (row.cause, row.at), ("deduplicated", self.rows[0].at))
        elif row.action == "expired":
            kept = max(row.at - row.age_us + settings["retention"] * S, self.rows[0].at)
            changes = [at for at in self.past.times("queue", self.queue) if at <= row.at]
            due = row.at if row.at == max(kept, *changes) else kept
            same("its retention is over", row, (row.cause, row.at), ("retention", due))
        elif row.action == "dead_lettered":
            most = settings["max_receive_count"] if settings.get("dead_letter_queue") else FAR
            told = row.cause, self.state, self.received >= most
            same("it was received too often", row, told, ("max_receive_count", "visible", True))
        same("it has ended", row, row.action in ENDS, True)
        again = row.action == "deleted" and after is not None and after.cause == "duplicate"
        need("nothing happens after the end", row, after is None or again, after, None)
        self.state = row.action


def known(usual: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Settings with the defaults filled in."""
    return usual | {key: value for key, value in given.items() if value is not None}


def mapping_on(past: Past, name: str, at: int) -> bool:
    """Whether a mapping is there, and enabled."""
    settings = past.of("mapping", name, at)
    there = any(since <= at for since in past.times("mapping", name))
    return there and settings.get("enabled") is not False
