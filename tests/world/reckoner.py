"""An independent reckoning of what Lambda does: events, their retries, and what runs take and cost.

It shares no code with lambdalab. What AWS documents is written out here once more, and every row of the
tables is held against it: which retry was due when, which event had to be given up, and what was billed.
:mod:`tests.world.polling` does the same for queues and batches, :mod:`tests.world.capacity` for
environments and limits, :mod:`tests.world.waiting` for the table of retries.
"""

from __future__ import annotations

from typing import Any

from tests.world.reading import Books, grouped, need, same

S = 1_000_000
FUNCTION = {
    "memory_size": 128, "timeout": 3, "architecture": "x86_64", "maximum_retry_attempts": 2,
    "maximum_event_age": 21_600, "reserved_concurrency": None, "dead_letter_queue": None,
    "on_success": None, "on_failure": None, "idle_expiry": 600,
}  # fmt: skip
OF_EVENTS = ("maximum_retry_attempts", "maximum_event_age", "on_success", "on_failure")
NUMBERS = {
    "account_concurrency": 1000, "asynchronous_dwell": 0.15, "asynchronous_payload": 262_144,
    "environment_setup": 0.15, "init_limit": 10, "invoke_overhead": 0, "mapping_payload": 6_291_456,
    "mapping_pollers_start": 5, "network_latency": 0, "scaling_burst": 1000, "scaling_rate": 100,
    "sqs_in_flight": 120_000, "synchronous_payload": 6_291_556,
}  # fmt: skip
WAITS = {1: (65, 70), 2: (125, 130)}  # seconds after a failed attempt, jitter included
SHUT_DOWN = ("timeout", "exit", "out_of_memory")  # the runtime with its environment's process
PICODOLLARS = {"x86_64": 16_666_700, "arm64": 13_333_400}  # a GB-second; a request is 200,000
BUSY = ("throttled_account", "throttled_reserved", "throttled_scaling", "throttled_provisioned")
THROTTLES = (*BUSY, "throttled_rate", "throttled_reserved_rate", "zero_reserved_concurrency")
REFUSALS = {"payload_too_large": 413, "invalid_json": 400, "unknown_function": 404, "function_state": 409,
            "recursive_loop": 400}  # fmt: skip
TOO_OLD = "expired", "event_age_exceeded", "expired"


class Reckoner:
    """Reckons one run: :meth:`check` raises a ``Difference`` where a table is wrong."""

    def __init__(self, books: Books) -> None:
        self.books, self.past, self.now = books, books.past, books.now
        dated = {"asynchronous_payload": 1_048_576} if self.past.rules >= "2025-10-24" else {}
        self.numbers = NUMBERS | dated | self.past.quotas
        self.calls = {row.request_id: row for row in books.invocations}
        self.tries = grouped(books.attempts, "request_id")
        self.homes = {row.environment_id: row for row in books.environments}

    def check(self) -> None:
        """Every event, every attempt, every call."""
        events = grouped(self.books.queue_events, "kind", "event_id")
        for (kind, _), rows in events.items():
            if kind == "asynchronous":
                Journey(self, rows).check()
        ready: dict[str, bool] = {}  # whether an environment's init has been done
        for attempt in self.books.attempts:
            home = attempt.environment_id
            was = ready.get(home, not attempt.cold_start)
            if attempt.ended_at >= 0:
                was = was or attempt.init_status == "success"
                self.spans(attempt, was)
                self.bill(attempt)
            ready[home] = was or attempt.invoke_init_status == "success"
            ready[home] &= attempt.outcome not in SHUT_DOWN
        for call in self.books.invocations:
            self.call(call)

    def settings(self, row: Any) -> dict[str, Any]:
        """The settings that an attempt ran with: its version's, when it began."""
        version = self.homes[row.environment_id].version
        latest = version == "$LATEST"
        thing = ("function", row.function) if latest else ("version", f"{row.function}:{version}")
        given = self.past.of(*thing, row.started_at)
        return FUNCTION | {key: value for key, value in given.items() if value is not None}

    def spans(self, row: Any, ready: bool) -> None:
        """Set-up, init and run make the attempt; the run ends at its timeout."""
        settings, most = self.settings(row), round(self.numbers["init_limit"] * S)
        begun, timeout = row.started_at + row.setup_us + row.init_us, settings["timeout"] * S
        setup = round(self.numbers["environment_setup"] * S) if row.cold_start else 0
        same("the spans of an attempt", row, row.ended_at, begun + row.duration_us)
        told = row.setup_us, row.init_status != "", row.cold_start or not row.init_us
        same("only cold starts have set-up and init", row, told, (setup, row.cold_start, True))
        need("an init has its limit", row, row.init_us <= most, row.init_us, most)
        same("what is not ready begins with an init", row, row.invoke_init_status != "", not ready)
        need("no run outlasts its timeout", row, row.duration_us <= timeout, row.duration_us, timeout)
        if row.outcome == "timeout":
            text = f"timed out after {timeout / S:.2f} seconds"
            same("a timeout is one", row, (row.duration_us, text in row.error_message), (timeout, True))
        run, init = settings.get("duration"), settings.get("init")
        if isinstance(run, float | int) and isinstance(init, float | int):
            if row.cold_start:
                fits = "success" if init * S <= most else "timeout"
                told = row.init_us, row.init_status
                same("the init takes what was given", row, told, (min(round(init * S), most), fits))
            wanted = round((run + (0 if ready else init)) * S)
            told = row.duration_us, row.outcome == "timeout"
            same("so does the run", row, told, (min(wanted, timeout), wanted >= timeout))

    def bill(self, row: Any) -> None:
        """Whole milliseconds, the init among them since 2025-08-01; GB-seconds and the request."""
        settings = self.settings(row)
        same("the memory it ran with", row, row.memory_mb, settings["memory_size"])
        counts = self.past.rules >= "2025-08-01" and row.init_status == "success"
        billed = max(-(-(row.duration_us + row.init_us * counts) // 1000), 1)
        same("what is billed", row, row.billed_us, billed * 1000)
        gb_s = billed * settings["memory_size"] / 1024 / 1000
        told, price = row.cost_usd * 1e12, gb_s * PICODOLLARS[settings["architecture"]] + 200_000
        need("what it costs", row, abs(told - price) <= 501, told, price)  # to the nano-dollar

    def call(self, row: Any) -> None:
        """A call that waits for its answer is run at once, refused, or throttled."""
        event = row.invocation_type == "Event"
        limit = self.numbers["asynchronous_payload" if event else "synchronous_payload"]
        large = row.payload_bytes > limit and row.cause != "invalid_json"
        same("too large is refused", row, row.cause == "payload_too_large", large)
        if event or row.status in ("refused", "dry_run"):
            code = 204 if row.status == "dry_run" else 429 if row.status == "throttled" else 202
            told = row.status_code if row.completed_at >= 0 else 202
            queued = row.status != "refused" and event  # a loop is stopped in the queue
            same("the answer to a call", row, told, code if queued else REFUSALS.get(row.cause, code))
            return
        way = round(self.numbers["network_latency"] * S) // 2
        admitted = row.requested_at + way + round(self.numbers["invoke_overhead"] * S)
        tries = self.tries.get(row.request_id, [])
        if not tries:
            late = row.completed_at < 0 and admitted >= self.now
            told = row.status, row.status_code, row.completed_at, row.cause in THROTTLES
            need("what is not run is throttled", row, late or told == ("throttled", 429, admitted, True),
                 told, admitted)  # fmt: skip
            return
        run = tries[0]
        same("it is run once, at once", row, (len(tries), run.started_at), (1, admitted))
        if run.ended_at < 0 or run.ended_at + way >= self.now > row.completed_at:
            return
        good = run.outcome == "success"
        told = row.status, row.completed_at, row.cause, row.status_code, row.attempts
        same("its answer is the run's", row, told, ("succeeded" if good else "failed", run.ended_at + way,
             "completed" if good else cause_of(run.outcome), 200, 1))  # fmt: skip


class Journey:
    """One event's way through Lambda's own queue: each row when it is due, and as it must be."""

    def __init__(self, reckoner: Reckoner, rows: list[Any]) -> None:
        self.rows, self.past, self.now = rows, reckoner.past, reckoner.now
        self.call = reckoner.calls[rows[0].event_id]
        self.tries = reckoner.tries.get(rows[0].event_id, [])
        self.sent = self.due = rows[0].at
        self.runs = self.throttles = self.queued = self.waiting = 0
        self.running = self.over = False
        self.why = "first_attempt"
        self.end: tuple[str, ...] = ()
        self.steps: list[tuple[str, str]] = []
        looped = self.rows[-1].cause == "recursive_loop"  # about 16 in a chain: not reckoned here
        if looped:
            self.end, self.steps = ("dropped", "recursive_loop", "dropped"), self.to_do("recursive_loop", "dropped")
        elif self.limits()["reserved_concurrency"] != 0:
            self.queued = round(reckoner.numbers["asynchronous_dwell"] * S)
            self.due += self.queued

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
            (self.ending if self.end else self.after_a_run if self.running else self.at_the_head)(row)
        same("an event runs as often as it was received", call, len(self.tries), self.runs)
        same("an event that ends is over", self.rows[-1], self.over, bool(self.end))
        if not self.end:
            waits = self.due < 0 or self.due >= self.now
            need("an event moves when it is due", self.rows[-1], waits, self.now, self.due)
            return
        told = call.status, call.cause, call.completed_at, call.attempts, call.queued_us, call.waiting_us
        same("an event's end is its invocation's", call, told,
             (*self.end[2:0:-1], self.due, self.runs, self.queued, self.waiting))  # fmt: skip

    def run(self, row: Any) -> Any:
        """The attempt under way, or just over."""
        need("each run is an attempt", row, self.runs <= len(self.tries), len(self.tries), self.runs)
        return self.tries[self.runs - 1]

    def at_the_head(self, row: Any) -> None:
        """Its turn: too old, given up, throttled, or run."""
        if self.left < 0:
            self.finish(row, *TOO_OLD)
        elif self.limits()["reserved_concurrency"] == 0:
            self.finish(row, "dropped", "zero_reserved_concurrency", "dropped")
        elif row.action == "throttled":
            need("a throttle names its limit", row, row.cause in BUSY, row.cause, BUSY)
            seconds = 2**self.throttles
            self.throttles += 1
            self.why, self.waiting = "retry_after_throttle", self.waiting + row.delay_us
            self.wait(row, min(seconds, 300), min(seconds * 1.1, 300))
        else:
            self.runs, self.throttles, self.running = self.runs + 1, 0, True
            run = self.run(row)
            told = row.action, row.cause, run.cause, run.attempt, run.started_at
            same("an event is run", row, told, ("received", self.why, self.why, self.runs, row.at))
            self.due = run.ended_at

    def after_a_run(self, row: Any) -> None:
        """It succeeded, or is tried again, or has failed for good."""
        run, self.running = self.run(row), False
        if run.outcome == "success":
            self.finish(row, "deleted", "completed", "succeeded")
        elif self.runs > self.limits()["maximum_retry_attempts"]:
            self.finish(row, "dropped", "retries_exhausted", "failed")
        elif row.action == "retry_scheduled":
            same("a retry tells why", row, row.cause, cause_of(run.outcome))
            self.why, self.queued = "retry_after_error", self.queued + row.delay_us
            self.wait(row, *WAITS[self.runs])
        else:
            most = WAITS[self.runs][1] * S
            need("it ends where a wait would pass its age", row, self.left < most, self.left, most)
            self.finish(row, *TOO_OLD)

    def wait(self, row: Any, least: float, most: float) -> None:
        """It waits so many seconds, unless it would be too old then."""
        if row.delay_us:
            planned, allowed = row.delay_us, (least * S, min(round(most * S), self.left))
            need("a wait is as documented", row, allowed[0] <= planned <= allowed[1], planned, allowed)
            self.due += planned
        else:
            need("it ends where a wait would pass its age", row, self.left < most * S, self.left, most * S)
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
        same("an event ends as it must", row, (row.action, row.cause), (action, row.cause if lost else cause))
        self.over = not self.steps


def cause_of(outcome: str) -> str:
    """The cause that a failed attempt gives to what follows from it."""
    return "function_error" if outcome == "error" else outcome
