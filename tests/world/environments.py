"""An independent reckoning of environments: how each began and ended, and who was run where.

An environment never runs two; a warm one was the one that became idle last; a cold start had none
to take; what grew or shrank is told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from tests.world.numbers import FAR, FUNCTION, S
from tests.world.reading import Books, grouped, need, same

GROUND = {
    "idle_expiry": "idle", "function_updated": "configured", "function_deleted": "function_deleted",
    "init_failed": "environment_failed", "crashed": "environment_failed", "scaled_in": "configured",
    "recycled": "configured", "lab_closed": "lab_closed",
}  # fmt: skip
STAYS = ("", "scaled_in", "init_failed", "function_deleted", "lab_closed")


class Environments:
    """Reckons every environment of a run."""

    def __init__(self, books: Books) -> None:
        self.books, self.past, self.now = books, books.past, books.now
        self.homes = {row.environment_id: row for row in books.environments}
        self.runs = grouped(books.attempts, "environment_id")

    def check(self) -> None:
        """Everything."""
        fleets: dict[Any, list[Any]] = defaultdict(list)
        for row in self.books.attempts:
            home = self.homes[row.environment_id]
            fleets[row.function, home.version, row.init_type].append(row)
        for rows in fleets.values():
            self.reuse(rows)
        for row in self.books.environments:
            self.life(row)
        self.alive()
        self.spill_over()

    def reuse(self, rows: list[Any]) -> None:
        """Warm: the environment that became idle last. Cold: none was idle."""
        stood: dict[str, int] = {}  # environment: idle since
        for row in rows:
            at, home = row.started_at, self.homes[row.environment_id]
            free = [t for e, t in stood.items() if t < at and not 0 <= self.homes[e].ended_at <= at]
            if row.cold_start:
                need("a cold start had no environment to take", row, not free, "cold", free)
                same("it began when it was needed", row, home.started_at, at)
            elif row.init_type == "on_demand" or row.environment_id in stood:
                since = stood.get(row.environment_id, at + 1)
                need("an environment never runs two", row, since <= at, at, since)
                last = max(free, default=0)
                need("the one that became idle last is taken", row, since >= last, since, last)
            ready = row.init_type == "on_demand" or home.ready_at <= at
            told = home.function, home.kind, ready
            same("it is the function's own", row, told, (row.function, row.init_type, True))
            stood[row.environment_id] = row.ended_at if row.ended_at >= 0 else FAR

    def life(self, row: Any) -> None:
        """Why an environment ended, and that it did when it had to."""
        runs = self.runs.get(row.environment_id, [])
        same("how often it ran", row, row.invocations, len(runs))
        if row.kind == "provisioned":
            known = row.ended_because in STAYS
            need("provisioned environments stay", row, known, row.ended_because, STAYS)
            return
        idle = max(r.ended_at if r.ended_at >= 0 else FAR for r in runs)
        until = row.ended_at if row.ended_at >= 0 else self.now
        latest, version = row.version == "$LATEST", f"{row.function}:{row.version}"
        changed = [t for t in self.past.times("retired", row.function) if t > row.started_at]
        retired = max(min(changed), idle) if changed and latest else 2 * FAR
        kind, thing = ("function", row.function) if latest else ("version", version)
        stays = self.past.of(kind, thing, row.started_at).get("idle_expiry")
        expiry = idle + round((FUNCTION["idle_expiry"] if stays is None else stays) * S)
        gone = [t for t in self.past.times("deleted", row.function) if t >= row.started_at]
        if row.ended_because in ("", "lab_closed"):
            due = min(retired, expiry)
            need("it would have ended", row, due >= until or idle >= FAR, until, due)
        elif row.ended_because == "idle_expiry":
            same("it was idle for so long", row, row.ended_at, expiry)
        elif row.ended_because == "function_updated":
            same("its function changed", row, row.ended_at, retired)
        else:
            told = row.ended_because, row.ended_at
            same("its function was deleted", row, told, ("function_deleted", min(gone, default=0)))

    def alive(self) -> None:
        """The table of scaling counts environments as they come and go."""
        alive: Counter[str] = Counter()
        told: Counter[Any] = Counter()
        for row in self.books.scaling:
            if row.kind == "environments":
                same("how many there were", row, row.before, alive[row.subject])
                alive[row.subject] = row.after
                change = row.after - row.before
                told[row.subject, row.at, change // abs(change), row.cause] += abs(change)
        seen: Counter[Any] = Counter()
        for home in self.books.environments:
            cause = "cold_start" if home.kind == "on_demand" else "configured"
            seen[home.function, home.started_at, 1, cause] += 1
            if home.ended_at >= 0:
                seen[home.function, home.ended_at, -1, GROUND[home.ended_because]] += 1
        same("each environment's begin and end", "scaling", dict(told - seen), dict(seen - told))

    def spill_over(self) -> None:
        """No event runs on demand while an environment of provisioned concurrency is idle."""
        ready = [row for row in self.books.scaling if row.cause == "allocated"]
        for home in self.books.environments:
            if home.kind == "provisioned" and home.ready_at >= 0:
                own = [row.at for row in ready if row.subject.split(":")[0] == home.function]
                usable = min((at for at in own if at >= home.ready_at), default=FAR)
                runs = self.runs.get(home.environment_id, [])
                busy = [(r.started_at, r.ended_at if r.ended_at >= 0 else FAR) for r in runs]
                self.not_idle(home, usable, busy)

    def not_idle(self, home: Any, usable: int, busy: list[tuple[int, int]]) -> None:
        """While events of its version run on demand, it is at work, or not there."""
        until = home.ended_at if home.ended_at >= 0 else FAR
        for row in self.books.attempts:
            other, at = self.homes[row.environment_id], row.started_at
            same_version = (other.function, other.version) == (home.function, home.version)
            event = "attempt" in row.cause or "retry" in row.cause
            if other.kind == "on_demand" and same_version and event and usable < at < until:
                works = any(begun <= at <= ended for begun, ended in busy)
                need("idle provisioned concurrency serves first", row, works, row, home)
