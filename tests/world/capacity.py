"""An independent reckoning of environments, limits and callers.

Concurrency never exceeds what binds, each throttle had a limit that did, an environment never runs two,
a warm one was free and a cold start had none to take, and everything that grew or shrank is told.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from tests.world.reading import Books, grouped, need, same
from tests.world.reckoner import FUNCTION, NUMBERS, S

GROUND = {
    "idle_expiry": "idle", "function_updated": "configured", "function_deleted": "function_deleted",
    "init_failed": "environment_failed", "lab_closed": "lab_closed",
}  # fmt: skip
RATE, SAVED = 100, 1000  # new environments a second, and how many may come at once


class Capacity:
    """Reckons every environment and limit of a run."""

    def __init__(self, books: Books) -> None:
        self.books, self.past, self.now = books, books.past, books.now
        self.numbers = NUMBERS | self.past.quotas
        self.homes = {row.environment_id: row for row in books.environments}
        self.runs = grouped(books.attempts, "function")
        far = 1 << 60
        self.begun = {f: np.array([r.started_at for r in rows]) for f, rows in self.runs.items()}
        self.ended = {f: np.array([r.ended_at if r.ended_at >= 0 else far for r in rows])
                      for f, rows in self.runs.items()}  # fmt: skip

    def check(self) -> None:
        """Everything."""
        for name, rows in self.runs.items():
            self.reuse(name, rows)
        for row in self.books.environments:
            self.life(row)
        for row in self.books.attempts:
            self.within(row)
        for row in self.books.scaling:
            if row.kind == "throttle":
                self.throttle(row)
        self.alive()
        self.pace()
        self.told_of_throttles()
        self.requests()

    def function(self, name: str, at: int) -> dict[str, Any]:
        given = self.past.of("function", name, at)
        return FUNCTION | {key: value for key, value in given.items() if value is not None}

    # ------------------------------------------------------------------ environments

    def reuse(self, name: str, rows: list[Any]) -> None:
        """Warm: the environment that became idle last. Cold: none was idle."""
        stood: dict[str, int] = {}  # environment: idle since
        for row in rows:
            at, home = row.started_at, self.homes[row.environment_id]
            free = {e: t for e, t in stood.items() if t < at and not 0 <= self.homes[e].ended_at < at}
            free = {e: t for e, t in free.items() if self.homes[e].ended_at != at}
            if row.cold_start:
                need("a cold start had no environment to take", row, not free, "cold", free)
                same("it began when it was needed", row, home.started_at, at)
            else:
                since = stood.get(row.environment_id, at + 1)
                need("an environment never runs two", row, since <= at, at, since)
                need("the one that became idle last is taken", row, since >= max(free.values(), default=0),
                     since, free)  # fmt: skip
            same("it is the function's own", row, home.function, name)
            stood[row.environment_id] = row.ended_at if row.ended_at >= 0 else 1 << 60

    def life(self, row: Any) -> None:
        """Why an environment ended, and that it did when it had to."""
        runs = [r for r in self.runs[row.function] if r.environment_id == row.environment_id]
        idle = max(r.ended_at if r.ended_at >= 0 else 1 << 60 for r in runs)
        until = row.ended_at if row.ended_at >= 0 else self.now
        same("how often it ran", row, row.invocations, len(runs))
        changed = [t for t in self.past.times("retired", row.function) if t > row.started_at]
        retired = max(min(changed), idle) if changed else 1 << 61
        expiry = idle + round(self.function(row.function, row.started_at)["idle_expiry"] * S)
        due = min(retired, expiry)
        if row.ended_because in ("", "lab_closed"):
            need("it would have ended", row, due >= until or idle >= 1 << 60, until, due)
        elif row.ended_because == "idle_expiry":
            same("it was idle for so long", row, row.ended_at, expiry)
        elif row.ended_because in ("function_updated", "function_deleted"):
            same("its function changed", row, row.ended_at, retired)
        elif row.ended_because == "init_failed":
            same("its init failed", row, (runs[-1].outcome, row.ended_at), ("init_error", idle))

    def alive(self) -> None:
        """The table of scaling counts environments as they come and go."""
        alive: Counter[str] = Counter()
        told = Counter()
        for row in self.books.scaling:
            if row.kind == "environments":
                same("how many there were", row, row.before, alive[row.subject])
                alive[row.subject] = row.after
                told[row.subject, row.at, row.after - row.before, row.cause] += 1
        seen: Counter[Any] = Counter()
        for home in self.books.environments:
            seen[home.function, home.started_at, 1, "cold_start"] += 1
            if home.ended_at >= 0:
                seen[home.function, home.ended_at, -1, GROUND[home.ended_because]] += 1
        same("each environment's begin and end", "scaling", told - seen, seen - told)

    def pace(self) -> None:
        """A function's new environments: so many at once, then so many a second."""
        saved, last = {}, {}
        for home in self.books.environments:
            name, at = home.function, home.started_at
            have = min(SAVED, saved.get(name, SAVED) + (at - last.get(name, at)) * RATE / S)
            need("the scaling rate", home, have >= 1 - 1e-9, have, 1)
            saved[name], last[name] = have - 1, at

    # ------------------------------------------------------------------ limits

    def limit(self, name: str, at: int) -> tuple[int, list[str]]:
        """What binds a function at a time, and which functions share it."""
        functions = self.past.names("function")
        reserved = {f: self.past.of("function", f, at).get("reserved_concurrency") for f in functions}
        if reserved[name] is not None:
            return reserved[name], [name]
        left = self.numbers["account_concurrency"] - sum(r or 0 for r in reserved.values())
        return left, [f for f in functions if reserved[f] is None]

    def within(self, row: Any) -> None:
        """As this attempt began, no more ran than the limit allows (those that end now may be over)."""
        at, (limit, names) = row.started_at, self.limit(row.function, row.started_at)
        running = 0
        for name in names:
            begun, ended = self.begun.get(name), self.ended.get(name)
            if begun is not None:
                running += int(((begun < at) & (ended > at)).sum())
        need("concurrency within its limit", row, running < limit, running + 1, limit)

    def throttle(self, row: Any) -> None:
        """A throttle names the limit that bound: as many were running."""
        limit, names = self.limit(row.subject, row.at)
        reserved = self.past.of("function", row.subject, row.at).get("reserved_concurrency")
        cause = ("throttled_account" if reserved is None else "throttled_reserved" if reserved
                 else "zero_reserved_concurrency")  # fmt: skip
        same("which limit bound", row, (row.cause, row.before, row.after), (cause, limit, limit))
        running = sum(int(((self.begun[n] <= row.at) & (self.ended[n] >= row.at)).sum())
                      for n in names if n in self.begun)  # fmt: skip
        need("a throttle had as many running", row, running >= limit, running, limit)

    def told_of_throttles(self) -> None:
        """Each refused try is one throttle."""
        told = Counter((r.subject, r.cause) for r in self.books.scaling if r.kind == "throttle")
        seen = Counter((r.function, r.cause) for r in self.books.invocations if r.status == "throttled")
        for row in self.books.queue_events:
            late = row.action == "dropped" and row.age_us and row.cause == "zero_reserved_concurrency"
            if row.kind == "asynchronous" and (row.action == "throttled" or late):
                seen[row.queue.removesuffix(" (events)"), row.cause] += 1
        same("each throttle is told", "scaling", told, seen)

    # ------------------------------------------------------------------ callers

    def requests(self) -> None:
        """What callers saw is what happened to their calls."""
        calls = {row.request_id: row for row in self.books.invocations}
        for row in self.books.requests:
            if row.request_id:
                call = calls[row.request_id]
                event = call.invocation_type == "Event"
                due = call.requested_at if event else call.completed_at
                code = 413 if call.status == "refused" else 202 if event else call.status_code
                code = call.status_code if call.cause == "invalid_json" else code
                same("what a caller saw", row, (row.answered_at, row.status_code), (due, code))
