"""An independent reckoning of asynchronous events: which retry was due when, and what had to end.

It shares no code with lambdalab. What AWS documents is written out once more (:mod:`tests.world.numbers`)
and every row of the tables is held against it. The other rooms of the reckoner: :mod:`.runs` (what runs
take and cost), :mod:`.queues` and :mod:`.batches`, :mod:`.environments`, :mod:`.capacity` (limits and
throttles), :mod:`.mishaps` (what was made to fail), :mod:`.waiting` (the table of retries).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.world import mishaps, streams, waiting
from tests.world.arrivals import Arrivals
from tests.world.callers import Callers
from tests.world.capacity import Capacity
from tests.world.environments import Environments
from tests.world.numbers import BUSY, FUNCTION, OF_EVENTS, WAITS, S, cause_of, dated
from tests.world.pushes import Pushes
from tests.world.queues import Queues
from tests.world.reading import Books, grouped, need, same
from tests.world.runs import Runs
from tests.world.wiring import LETTERS

TOO_OLD = "expired", "event_age_exceeded", "expired"
LOOPED = "dropped", "recursive_loop", "dropped"


def check(books: Books) -> None:
    """Hold the tables against what is reckoned; a ``Difference`` names the row and both values."""
    calls = {row.request_id: row for row in books.invocations}
    tries = grouped(books.attempts, "request_id")
    events = grouped(books.queue_events, "kind", "event_id")
    for (kind, event), rows in events.items():
        if kind == "asynchronous":
            Journey(books, rows, calls[event], tries.get(event, [])).check()
    handed_over(books, calls)
    Runs(books).check()
    Queues(books).check()
    streams.check(books)
    Environments(books).check()
    Capacity(books).check()
    Callers(books).check()
    Pushes(books).check()
    Arrivals(books).check()
    waiting.check(books)
    mishaps.check(books)


def handed_over(books: Books, calls: dict[str, Any]) -> None:
    """Each record and dead letter of an event arrived where it was sent, at that moment; no other."""
    left: Counter[Any] = Counter()
    come: Counter[Any] = Counter()
    for row in books.queue_events:
        own, gone = row.kind == "asynchronous", row.action in ("delivered", "dead_lettered")
        if own and gone and row.cause != "delivery_failed":
            kind = "destination" if row.action == "delivered" else "dead_letter"
            left[row.event_id, row.at, kind] += 1
        elif row.kind == "stream" and row.action == "delivered" and row.cause != "delivery_failed":
            left[row.request_id, row.at, "destination"] += 1
        arrived = row.action == "sent" and row.cause in ("destination", "dead_letter")
        arrived = arrived and row.queue != LETTERS  # of pushes: another room's
        if arrived and (row.request_id or row.cause == "destination"):
            event = calls[row.request_id].parent_id if own else row.request_id
            come[event, row.at, row.cause] += 1
    same("what left arrived", "queue_events", dict(left - come), dict(come - left))


class Journey:
    """One event's way through Lambda's own queue: each row when it is due, and as it must be."""

    def __init__(self, books: Books, rows: list[Any], call: Any, tries: list[Any]) -> None:
        self.rows, self.past, self.now = rows, books.past, books.now
        self.call, self.tries = call, tries
        self.sent = self.due = rows[0].at
        self.runs = self.extra = self.throttles = self.queued = self.waiting = 0
        self.running = self.over = False
        self.why = "first_attempt"
        self.end: tuple[str, ...] = ()
        self.steps: list[tuple[str, str]] = []
        looped = self.rows[-1].cause == "recursive_loop"  # about 16 in a chain: not reckoned here
        chained = rows[0].cause in ("nested", "destination")
        if chained or not self.switched_off():
            self.queued = round(dated(self.past)["asynchronous_dwell"] * S)
            self.due += self.queued
        if looped:
            self.end, self.steps = LOOPED, self.to_do(LOOPED[1], LOOPED[0])

    def switched_off(self) -> bool:
        """Whether the function reserved nothing when the event was accepted.

        Then it ends at once, unless a chain of requests led here: what a topic or a bucket brings may
        have one, which no table has. The next row tells, as where it was set at that very microsecond.
        """
        before = self.past.of("function", self.call.function, self.due - 1)
        off: bool = self.limits()["reserved_concurrency"] == 0
        open_ = before.get("reserved_concurrency") != 0 or self.rows[0].cause == "triggered"
        return self.rows[1].at == self.due if off and open_ and len(self.rows) > 1 else off

    def limits(self) -> dict[str, Any]:
        """The function's settings, and those for events of the qualifier that was invoked."""
        name, qualifier = self.call.function, self.call.qualifier
        given = self.past.of("function", name, self.due)
        if qualifier != "$LATEST":
            own = self.past.of("events", f"{name}:{qualifier}", self.due)
            given = given | dict.fromkeys(OF_EVENTS) | own
        return FUNCTION | {key: value for key, value in given.items() if value is not None}

    def check(self) -> None:
        """Row after row, then what the invocation says of it."""
        first, call = self.rows[0], self.call
        told = first.action, first.at
        same("an event is sent when it is accepted", first, told, ("sent", call.requested_at))
        for row in self.rows[1:]:
            same("an event moves when it is due", row, row.at, self.due)
            same("its age counts from when it was sent", row, row.age_us, self.due - self.sent)
            self.left = self.limits()["maximum_event_age"] * S - row.age_us
            (self.ending if self.end else self.after_a_run if self.running else self.at_the_head)(
                row
            )
        same("an event runs as often as it was received", call, len(self.tries), self.runs)
        same("an event that ends is over", self.rows[-1], self.over, bool(self.end))
        if not self.end:
            waits = self.due < 0 or self.due >= self.now
            need("an event moves when it is due", self.rows[-1], waits, self.now, self.due)
            return
        told = (
            call.status,
            call.cause,
            call.completed_at,
            call.attempts,
            call.queued_us,
            call.waiting_us,
        )
        same("an event's end is its invocation's", call, told,
             (*self.end[2:0:-1], self.due, self.runs, self.queued, self.waiting))  # fmt: skip

    def run(self, row: Any) -> Any:
        """The attempt under way, or just over."""
        need(
            "each run is an attempt", row, self.runs <= len(self.tries), len(self.tries), self.runs
        )
        return self.tries[self.runs - 1]

    def at_the_head(self, row: Any) -> None:
        """Its turn: too old, given up, throttled, or run."""
        if self.left < 0:
            self.finish(row, *TOO_OLD)
        elif self.limits()["reserved_concurrency"] == 0:
            self.finish(row, "dropped", "zero_reserved_concurrency", "dropped")
        elif row.action == "throttled" or row.cause == "service_error":
            throttled = row.action == "throttled"
            known = row.cause in BUSY if throttled else row.action == "retry_scheduled"
            need("a throttle names its limit", row, known, row.cause, BUSY)
            seconds = min(2**self.throttles, 300)
            self.throttles += 1
            self.why = "retry_after_throttle" if throttled else "retry_after_service_error"
            self.waiting += row.delay_us
            self.wait(row, seconds, seconds * 1.1)
        else:
            self.received(row)

    def received(self, row: Any) -> None:
        """It is run."""
        self.runs, self.throttles, self.running = self.runs + 1, 0, True
        run = self.run(row)
        told = row.action, row.cause, run.cause, run.attempt, run.started_at
        same("an event is run", row, told, ("received", self.why, self.why, self.runs, row.at))
        self.due = run.ended_at

    def after_a_run(self, row: Any) -> None:
        """It succeeded, or is tried again, or has failed for good."""
        run, self.running = self.run(row), False
        if row.cause == "duplicate":
            self.extra, self.why = self.extra + 1, "duplicate"
            self.received(row)
        elif run.outcome == "success":
            self.finish(row, "deleted", "completed", "succeeded")
        elif self.runs - self.extra > self.limits()["maximum_retry_attempts"]:
            self.finish(row, "dropped", "retries_exhausted", "failed")
        elif row.action == "retry_scheduled":
            same("a retry tells why", row, row.cause, cause_of(run.outcome))
            self.why, self.queued = "retry_after_error", self.queued + row.delay_us
            self.wait(row, *WAITS[self.runs - self.extra])
        else:
            most = WAITS[self.runs - self.extra][1] * S
            need("it ends where a wait would pass its age", row, self.left < most, self.left, most)
            self.finish(row, *TOO_OLD)

    def wait(self, row: Any, least: float, most: float) -> None:
        """It waits so many seconds, unless it would be too old then."""
        if row.delay_us:
            planned, allowed = row.delay_us, (least * S, min(round(most * S), self.left))
            need(
                "a wait is as documented",
                row,
                allowed[0] <= planned <= allowed[1],
                planned,
                allowed,
            )
            self.due += planned
        else:
            need(
                "it ends where a wait would pass its age",
                row,
                self.left < most * S,
                self.left,
                most * S,
            )
            self.end, self.steps = TOO_OLD, self.to_do(TOO_OLD[1], TOO_OLD[0])

    def finish(self, row: Any, *end: str) -> None:
        self.end, self.steps = end, self.to_do(end[1], end[0])
        self.ending(row)

    def to_do(self, cause: str, action: str) -> list[tuple[str, str]]:
        """At its end: a record to the destination, the event to the dead-letter queue, and gone."""
        limits, good = self.limits(), action == "deleted"
        steps = [("delivered", cause)] if limits["on_success" if good else "on_failure"] else []
        steps += [("dead_lettered", cause)] if limits["dead_letter_queue"] and not good else []
        return [*steps, (action, cause)]

    def ending(self, row: Any) -> None:
        """One step of its end."""
        need("nothing happens after the end", row, bool(self.steps), row.action, "nothing")
        action, cause = self.steps.pop(0)
        lost = row.cause == "delivery_failed" and bool(self.steps)
        same(
            "an event ends as it must",
            row,
            (row.action, row.cause),
            (action, row.cause if lost else cause),
        )
        self.over = not self.steps
