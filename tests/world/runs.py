"""An independent reckoning of attempts and calls: what runs take and cost, what callers get."""

from __future__ import annotations

from typing import Any

from tests.world.numbers import (
    FUNCTION,
    IN_TIME,
    INIT_BILLED,
    OVERRUN_US,
    PICODOLLARS,
    REFUSALS,
    SHUT_DOWN,
    THROTTLES,
    S,
    cause_of,
    dated,
)
from tests.world.reading import Books, grouped, need, same

ENDED = ("success", "out_of_memory", "error")  # a model that is a callable may fail before


class Runs:
    """Reckons every attempt and every call of a run."""

    def __init__(self, books: Books) -> None:
        self.books, self.past, self.now = books, books.past, books.now
        self.numbers = dated(books.past)
        self.struck = {row.request_id for row in books.faults if row.kind in ("slow", "kill")}
        self.tries = grouped(books.attempts, "request_id")
        self.homes = {row.environment_id: row for row in books.environments}

    def check(self) -> None:
        """Every attempt in its environment, then every call."""
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
            self.version(call)

    def version(self, call: Any) -> None:
        """What ran is the version that was invoked, or one that its alias led to."""
        tries, name = self.tries.get(call.request_id, []), call.qualifier
        ran = [self.homes[row.environment_id].version for row in tries]
        for row, version in zip(tries, ran, strict=True):
            alias = self.past.of("alias", f"{call.function}:{name}", row.started_at)
            known = alias.get("versions", [name])
            need("the version that was invoked", row, version in known, version, known)
        if call.completed_at >= 0:
            same("the version that ran last", call, call.executed_version, (ran or [""])[-1])

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
        end = timeout + OVERRUN_US * (self.past.rules < IN_TIME)
        if row.outcome == "timeout":
            text = f"timed out after {timeout / S:.2f} seconds"
            same("a timeout is one", row, (row.duration_us, text in row.error_message), (end, True))
        else:
            took = row.duration_us
            need("no run outlasts its timeout", row, took <= timeout, took, timeout)
        if row.request_id not in self.struck:
            self.model(row, settings, ready, end)

    def model(self, row: Any, settings: dict[str, Any], ready: bool, end: int) -> None:
        """A model's init and run take what was given, and hold as much memory."""
        run, init = settings.get("duration"), settings.get("init")
        most, timeout = round(self.numbers["init_limit"] * S), settings["timeout"] * S
        if isinstance(run, float | int) and isinstance(init, float | int):
            if row.cold_start:
                fits = "success" if init * S <= most else "timeout"
                told = row.init_us, row.init_status
                same("the init takes what was given", row, told, (min(round(init * S), most), fits))
            wanted = round((run + (0 if ready else init)) * S)
            told, late = (row.duration_us, row.outcome == "timeout"), wanted >= timeout
            same("so does the run", row, told, (end if late else wanted, late))
        memory, size = settings.get("memory"), settings["memory_size"]
        ended = row.outcome in ENDED if isinstance(run, float | int) else row.outcome in ENDED[:2]
        if run is not None and memory is not None and ended:
            told = row.outcome == "out_of_memory", row.max_memory_mb >= min(memory, size)
            same("it holds what was given", row, told, (memory > size, True))

    def bill(self, row: Any) -> None:
        """Whole milliseconds, the init among them since 2025-08-01; GB-seconds and the request."""
        settings = self.settings(row)
        same("the memory it ran with", row, row.memory_mb, settings["memory_size"])
        counted = self.past.rules >= INIT_BILLED or settings.get("runtime") == "provided.al2023"
        init = row.init_us if counted and row.init_status == "success" else 0
        run = min(row.duration_us, settings["timeout"] * S)
        billed = max(-(-(run + init) // 1000), 1)
        same("what is billed", row, row.billed_us, billed * 1000)
        gb_s = billed * settings["memory_size"] / 1024 / 1000
        told = row.cost_usd * 1e12
        price = gb_s * PICODOLLARS[row.init_type, settings["architecture"]] + 200_000
        need("what it costs", row, abs(told - price) <= 501, told, price)  # to the nano-dollar

    def call(self, row: Any) -> None:
        """A call that waits for its answer is run at once, refused, or throttled."""
        event = row.invocation_type == "Event"
        limit = self.numbers["asynchronous_payload" if event else "synchronous_payload"]
        before = row.cause in ("invalid_json", "service_error", "access_denied")  # who looks first
        large = row.payload_bytes > limit and not before
        same("too large is refused", row, row.cause == "payload_too_large", large)
        made = max(self.past.times("created", row.function), default=-S * 1_000)
        pending = row.requested_at < made + round(self.numbers["function_creation"] * S)
        if row.cause == "function_state" or pending:
            told = row.cause in (*REFUSALS, "dry_run"), pending
            same("a function is pending while it is created", row, told, (True, True))
        if event or row.status in ("refused", "dry_run"):
            code = 204 if row.status == "dry_run" else 429 if row.status == "throttled" else 202
            told = row.status_code if row.completed_at >= 0 else 202
            queued = row.status != "refused" and event  # a loop is stopped in the queue
            code = code if queued else REFUSALS.get(row.cause, code)
            same("the answer to a call", row, told, code)
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
