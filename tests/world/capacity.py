"""An independent reckoning of limits: how much ran at once, how fast it grew, and which limit refused.

Concurrency never exceeds what binds, and each throttle had a limit that did.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

import numpy as np

from tests.world.numbers import FAR, S, dated
from tests.world.reading import Books, need, same

Left = dict[str, list[tuple[int, float]]]
"""What a function's bucket of new environments held after each: when, and how many."""


class Capacity:
    """Reckons every limit of a run."""

    def __init__(self, books: Books) -> None:
        self.books, self.past = books, books.past
        self.numbers = dated(books.past)
        spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for row in books.attempts:
            if row.init_type == "on_demand":
                ended = row.ended_at if row.ended_at >= 0 else FAR
                spans[row.function].append((row.started_at, ended))
        self.spans = {name: np.array(rows).T for name, rows in spans.items()}

    def check(self) -> None:
        """Everything."""
        for row in self.books.attempts:
            if row.init_type == "on_demand":
                self.within(row)
        left = self.pace()
        for row in self.books.scaling:
            if row.kind == "throttle" and row.cause != "throttled_shard":
                self.throttle(row, left)
        self.told_of_throttles()
        self.reservations()
        self.provisioned()

    def pace(self) -> Left:
        """A function's new environments: so many at once, then so many a second; what is left when."""
        burst, rate = self.numbers["scaling_burst"], self.numbers["scaling_rate"]
        left: Left = defaultdict(lambda: [(0, burst)])
        for home in self.books.environments:
            if home.kind == "on_demand":
                have = saved(left[home.function][-1], home.started_at, burst, rate)
                need("the scaling rate", home, have > 1 - 1e-6, have, 1)
                left[home.function].append((home.started_at, have - 1))
        return left

    # ------------------------------------------------------------------ limits

    def claimed(self, name: str, at: int) -> int:
        """Provisioned concurrency of a function, whether it is ready yet or not."""
        things = [thing for thing in self.past.names("provisioned") if thing.split(":")[0] == name]
        return sum(self.past.of("provisioned", thing, at).get("requested", 0) for thing in things)

    def reserved(self, name: str, at: int) -> int | None:
        """What a function reserves at a time."""
        share: int | None = self.past.of("function", name, at).get("reserved_concurrency")
        return share

    def limit(self, name: str, at: int) -> tuple[int, list[str]]:
        """What binds a function's runs on demand at a time, and which functions share it."""
        functions = self.past.names("function")
        reserved = {f: self.reserved(f, at) for f in functions}
        if reserved[name] is not None:
            return reserved[name] - self.claimed(name, at), [name]
        taken = sum(self.claimed(f, at) if r is None else r for f, r in reserved.items())
        left = max(self.numbers["account_concurrency"] - taken, 0)
        return left, [f for f in functions if reserved[f] is None]

    def within(self, row: Any) -> None:
        """As this attempt began, no more ran than the limit allows (those that end now may be over)."""
        at, (limit, names) = row.started_at, self.limit(row.function, row.started_at)
        spans = [self.spans[name] for name in names if name in self.spans]
        running = sum(int(((begun < at) & (ended > at)).sum()) for begun, ended in spans)
        need("concurrency within its limit", row, running < limit, running + 1, limit)

    def throttle(self, row: Any, left: Left) -> None:
        """A throttle names the limit that bound, and it did."""
        limit, names = self.limit(row.subject, row.at)
        reserved = self.reserved(row.subject, row.at)
        if row.cause == "injected":
            same("nothing gets through a fault", row, (row.before, row.after), (0, 0))
            return
        if row.cause == "throttled_scaling":
            burst, rate = self.numbers["scaling_burst"], self.numbers["scaling_rate"]
            before = [one for one in left[row.subject] if one[0] <= row.at][-1]
            have = saved(before, row.at, burst, rate)
            need("no more were allowed", row, have < 1 and row.before == burst, have, 1)
            return
        if row.cause.endswith("_rate"):
            self.hurried(row, limit, names, reserved)
            return
        cause = ("throttled_account" if reserved is None else "zero_reserved_concurrency" if not reserved
                 else "throttled_reserved" if limit else "throttled_provisioned")  # fmt: skip
        same("which limit bound", row, (row.cause, row.before, row.after), (cause, limit, limit))
        spans = [self.spans[name] for name in names if name in self.spans]
        running = sum(int(((begun <= row.at) & (ended >= row.at)).sum()) for begun, ended in spans)
        need("a throttle had as many running", row, running >= limit, running, limit)

    def hurried(self, row: Any, limit: int, names: list[str], reserved: int | None) -> None:
        """Ten requests a second for each unit of concurrency: so many came in the second before."""
        events = row.cause == "throttled_caller_rate"
        limit = 10 * (self.numbers["account_concurrency"] if events else limit)
        wanted = "throttled_rate" if reserved is None else "throttled_reserved_rate"
        wanted = row.cause if events else wanted
        same("which rate bound", row, (row.cause, row.before), (wanted, limit))
        if events:
            taken = [call for call in self.books.invocations if call.invocation_type == "Event"]
            times = [call.requested_at for call in taken if call.status != "throttled"]
        else:
            taken = [run for run in self.books.attempts if run.init_type == "on_demand"]
            times = [run.started_at for run in taken if run.function in names]
        came = sum(row.at - S <= at <= row.at for at in times)
        if not events and limit != 10 * self.limit(row.subject, max(row.at - S, 0))[0]:
            return  # what is left of a second in which the limit changed is nowhere documented
        need("so many came within a second", row, came >= limit - 1, came, limit)

    def reservations(self) -> None:
        """Each change of what a function reserves is told."""
        rows = [row for row in self.books.scaling if row.kind == "limit"]
        told = Counter((row.subject, row.at, row.before, row.after, row.cause) for row in rows)
        seen: Counter[Any] = Counter()
        for name in self.past.names("function"):
            shares = [(at, self.reserved(name, at)) for at in self.past.times("function", name)]
            for (_, before), (at, after) in pairwise([(0, None), *shares]):
                if before != after:
                    cause = "released" if after is None else "configured"
                    seen[name, at, before or 0, after or 0, cause] += 1
        same("each reservation is told", "scaling", dict(told - seen), dict(seen - told))

    def provisioned(self) -> None:
        """None can be used before a minute of preparation, nor more than were asked for."""
        for row in self.books.scaling:
            if row.kind == "provisioned":
                asked = self.past.of("provisioned", row.subject, row.at).get("requested", 0)
                times = [t for t in self.past.times("provisioned", row.subject) if t <= row.at]
                need("no more than were asked for", row, row.after <= asked, row.after, asked)
                if row.cause == "allocated":
                    told = row.after, row.at - times[-1] >= 60 * S
                    same("all at once, after a minute at least", row, told, (asked, True))

    def told_of_throttles(self) -> None:
        """Each refused try is one throttle."""
        throttles = [r for r in self.books.scaling if r.kind == "throttle"]
        told = Counter((r.subject, r.cause) for r in throttles if r.cause != "throttled_shard")
        refused = [call for call in self.books.invocations if call.status == "throttled"]
        seen = Counter((call.function, call.cause) for call in refused)
        for row in self.books.queue_events:
            if row.kind == "asynchronous" and row.action == "throttled":
                seen[row.queue.removesuffix(" (events)"), row.cause] += 1
        # a second delivery that lab.faults asked for may find no room: that is no event's row
        over = {} if self.past.faults else told - seen
        same("each throttle is told", "scaling", (dict(over), dict(seen - told)), ({}, {}))


def saved(before: tuple[int, float], at: int, burst: float, rate: float) -> float:
    """What a bucket holds that held so much before."""
    return min(burst, before[1] + (at - before[0]) * rate / S)
