"""An independent reckoning of a queue's pollers: how many there were, why, and who had what."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tests.world.numbers import S, dated
from tests.world.reading import Books, grouped, need, same

CAUSES = ("configured", "backlog", "backlog_gone", "idle", "throttled", "failures", "recovered")
GROWTH_OF_PROVISIONED, EACH = 1000, 10  # concurrent invokes a minute; batches of one at a time
HOLD, PAUSE, ROW = 60 * S, 10 * S, 3  # after trouble; between reductions; failures in a row


class Pollers:
    """The pollers of one mapping in one life, as the table of scaling tells of them."""

    def __init__(self, books: Books, name: str, life: tuple[int, int], batches: list[Any]) -> None:
        self.books, self.past, self.now, self.name, self.life = (
            books,
            books.past,
            books.now,
            name,
            life,
        )
        self.batches, self.numbers = batches, dated(books.past)
        self.fifo = name.split("->")[0].endswith(".fifo")
        self.rows = [
            row for row in books.scaling
            if row.kind == "pollers" and row.subject == name and life[0] <= row.at < life[1]
        ]  # fmt: skip
        self.calls = grouped(books.invocations, "parent_id")

    # ------------------------------------------------------------------ what the settings allow

    def settings(self, at: int) -> dict[str, Any]:
        """The mapping's, as they were given."""
        return self.past.last("mapping", self.name, at)

    def each(self, at: int) -> int:
        """Batches of one poller at a time."""
        return EACH if self.settings(at).get("provisioned_poller_config") is not None else 1

    def bounds(self, at: int) -> tuple[int, int, int]:
        """How many at the start, in idleness, and at most."""
        given = self.settings(at)
        provisioned = given.get("provisioned_poller_config")
        if provisioned is not None:
            least = provisioned.get("minimum_pollers", 2)
            return least, least, provisioned.get("maximum_pollers", 200)
        limit = given.get("maximum_concurrency")
        most = limit or self.numbers["mapping_pollers_maximum"]
        start = min(self.numbers["mapping_pollers_start"], most)
        return start, start if limit else min(start, self.numbers["mapping_pollers_idle"]), most

    def number(self, at: int) -> tuple[int, int]:
        """Between how many and how many there were at a moment: it may have changed in it."""
        before = [row.after for row in self.rows if row.at < at][-1:] or [0]
        now = [n for row in self.rows if row.at == at for n in (row.before, row.after)]
        return min(now or before), max(now or before)

    # ------------------------------------------------------------------ checks

    def check(self) -> None:
        """Each change, and each batch's poller."""
        changes = set(self.past.times("mapping", self.name))
        last = 0
        for row in self.rows:
            need("a cause of pollers", row, row.cause in CAUSES, row.cause, CAUSES)
            same("how many there were", row, row.before, last)
            last = row.after
            if row.cause == "configured":
                need("somebody changed it", row, row.at in changes, row.at, changes)
                on = self.settings(row.at).get("enabled") is not False
                start, _, most = self.bounds(row.at)
                good = start <= row.after <= most if on else row.after == 0
                need("as it was set", row, good, row.after, (on, start, most))
            elif row.after > row.before:
                self.grown(row)
            else:
                self.shrunk(row)
        for before, after in pairwise([row for row in self.rows if row.cause == "backlog"]):
            gap, least = after.at - before.at, round(self.numbers["mapping_growth_interval"] * S)
            need("it grows step by step", after, gap >= least, gap, least)
        self.grows_within()
        for batch in self.batches:
            self.poller(batch)

    def grown(self, row: Any) -> None:
        """No more than is allowed, and only if all were busy."""
        _, _, most = self.bounds(row.at)
        told = row.after <= most, row.cause in ("backlog", "recovered")
        same("it grows to its most", row, told, (True, True))
        busy = [
            b for b in self.batches if b.opened_at <= row.at and not 0 <= b.completed_at < row.at
        ]
        each = self.each(row.at)
        if each == 1:
            need("all were busy", row, len(busy) >= row.before, len(busy), row.before)
        if row.cause == "recovered":
            trouble = [at for at in self.trouble() if at < row.at]
            need("after trouble", row, bool(trouble), row.at, trouble)
            last = max((at for at in self.throttles() if at < row.at), default=-HOLD)
            need("a while after the last throttle", row, row.at - last >= HOLD, row.at, last)

    def grows_within(self) -> None:
        """In any time no more than its growth a minute (and one step)."""
        rows = [row for row in self.rows if row.cause == "backlog"]
        for n, row in enumerate(rows):
            each = self.each(row.at)
            growth = GROWTH_OF_PROVISIONED if each > 1 else self.numbers["mapping_growth"]
            step = round(self.numbers["mapping_growth_interval"] * S)
            more = 0
            for later in rows[n:]:
                if self.each(later.at) != each:
                    break
                more += later.after - later.before
                usual, bound = growth * step // (60 * S * each), self.bounds(later.at)[2]
                full = later.after == bound or later.after - later.before >= usual
                need("by as many as that", later, full, later.after, (usual, bound))
                most = growth * (later.at - row.at + 2 * step) / 60 / S / each
                need("no faster than that", later, more <= most + 1e-9, more, most)

    def shrunk(self, row: Any) -> None:
        """For a reason, and no further."""
        start, idle, _ = self.bounds(row.at)
        if row.cause == "backlog_gone":
            since = row.at - self.numbers["mapping_shrink_after"] * S
            for batch in self.batches:
                rested = 0 <= batch.completed_at <= since or batch.opened_at > row.at
                stops = row.after < batch.poller <= row.before
                need("those stop that were idle", row, rested or not stops, batch, since)
            need("not below the start", row, row.after >= start, row.after, start)
        elif row.cause == "idle":
            since = row.at - self.numbers["mapping_idle_after"] * S
            busy = [
                b for b in self.batches if b.opened_at < row.at and not 0 <= b.completed_at <= since
            ]
            same("nothing was to be done", row, (busy, row.after), ([], idle))
        else:
            self.reduced(row)

    def reduced(self, row: Any) -> None:
        """Half of them, not below a floor, and not too often."""
        floor = (
            "mapping_pollers_throttled" if row.cause == "throttled" else "mapping_pollers_failing"
        )
        provisioned = self.each(row.at) > 1
        least = max(self.bounds(row.at)[0] if provisioned else 1, self.numbers[floor])
        same("half of them", row, row.after, max(least, row.before // 2))
        need("for trouble", row, row.at in self.trouble(), row.at, self.trouble()[-5:])
        others = [r.at for r in self.rows if r.at < row.at and r.cause in ("throttled", "failures")]
        need("not too often", row, all(row.at - at >= PAUSE for at in others[-1:]), row.at, others)
        if row.cause == "failures":
            ended = [
                b
                for b in self.batches
                if 0 <= b.completed_at <= row.at and b.outcome != "throttled"
            ]
            ended.sort(key=lambda b: b.completed_at)
            told = [b.outcome for b in ended if b.completed_at < row.at]
            told += [
                b.outcome for b in ended if b.completed_at == row.at and b.outcome == "failure"
            ]
            told = told[-ROW:]  # those of one moment come in any order
            need("several in a row", row, "success" not in told or len(ended) < ROW, told, ROW)

    def trouble(self) -> list[int]:
        """When batches were throttled or failed."""
        failures = [b.completed_at for b in self.batches if b.outcome == "failure"]
        return sorted(failures + self.throttles())

    def throttles(self) -> list[int]:
        """When batches were throttled."""
        return [
            call.completed_at
            for batch in self.batches
            for call in self.calls.get(batch.batch_id, [])
            if call.status == "throttled" and call.completed_at >= 0
        ]

    def poller(self, batch: Any) -> None:
        """It has the poller with the lowest number that may have another batch."""
        at, each = batch.opened_at, self.each(batch.opened_at)
        most = self.number(at)[1]
        if not most and self.settings(at).get("enabled") is False:  # of what it held when it was on
            most = max(row.before for row in self.rows if row.at <= at)
        need("no more pollers than there are", batch, 1 <= batch.poller <= most, batch.poller, most)
        earlier = [b for b in self.batches if b.batch_id < batch.batch_id]
        busy, maybe = {}, {}  # batches by poller
        for b in earlier:
            if b.completed_at < 0 or b.completed_at > at:
                busy[b.poller] = busy.get(b.poller, 0) + 1
            elif b.completed_at == at:
                maybe[b.poller] = maybe.get(b.poller, 0) + 1
        own = busy.get(batch.poller, 0)
        need("a poller has so many batches", batch, own < each, own, each)
        for number in range(1, min(batch.poller, self.number(at)[0] + 1)):
            have = busy.get(number, 0) + maybe.get(number, 0)
            need(
                "the idle poller with the lowest number", batch, have >= each, batch.poller, number
            )

    def must_grow(self, begin: int, end: int) -> None:
        """Where a message waits for long, and there was no trouble, there are soon more of them."""
        limit = begin + (2 + 60 // self.numbers["mapping_growth"]) * S
        changes = [at for at in self.past.times("mapping", self.name) if begin < at <= limit]
        trouble = [at for at in self.trouble() if at <= limit]
        quiet = self.each(begin) == 1 and not changes and not trouble
        if end > limit and quiet and self.number(limit)[1] < self.bounds(begin)[2]:
            grown = [
                row for row in self.rows if row.cause == "backlog" and begin <= row.at <= limit
            ]
            need("a backlog brings more pollers", (self.name, begin), bool(grown), end, limit)

    def all_busy(self, at: int, begins: bool) -> None:
        """Each has as many batches as it may have (``begins``: what ends now may have begun the wait)."""
        each, (few, _) = self.each(at), self.number(at)
        if each > 1:
            return  # they poll at a pace of their own
        busy = [b for b in self.batches if b.flushed_at <= at and b.poller <= few]
        over = at if begins else at + 1
        busy = [b for b in busy if b.completed_at < 0 or b.completed_at >= over]
        told = len(busy)
        need("a message waits only for a poller", (self.name, at), told >= few, told, few)
