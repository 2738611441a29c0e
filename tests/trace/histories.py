"""Consistent books for tests: a small world with its own heap that writes through the recorder.

It knows nothing of the real runtime: callers that retry, asynchronous events with back-off, dead
letters, and a queue polled in batches, all at random from a seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush

import numpy as np

from lambdalab.trace import schema
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import (
    Action,
    AttemptOutcome,
    BatchCause,
    BatchOutcome,
    Cause,
    EnvironmentEnd,
    EnvironmentKind,
    FaultKind,
    FunctionError,
    InitType,
    InvocationStatus,
    InvocationType,
    ParentKind,
    QueueKind,
    ScalingKind,
)

S = 1_000_000
NETWORK, OVERHEAD = 2_000, 500
MEMORY, NANO_PER_MS = 128, 2
VISIBILITY, MAX_RECEIVES = 30 * S, 2
Then = Callable[[int], None]


class Queue:
    """Depth, in flight and delayed of one queue in the books."""

    def __init__(self, world: World, name: str, kind: int) -> None:
        self.world, self.code = world, world.books.queue(name, kind)
        self.depth = self.in_flight = self.delayed = 0
        self.sent_at: dict[int, int] = {}
        self.receives: dict[int, int] = {}

    def note(
        self, event: int, action: int, cause: int, *, depth: int = 0, in_flight: int = 0,
        delayed: int = 0, delay: int = 0, request: int = 0, batch: int = 0,
    ) -> None:  # fmt: skip
        now = self.world.now
        if action == Action.SENT:
            self.sent_at[event] = now
        if action == Action.RECEIVED:
            self.receives[event] = self.receives.get(event, 0) + 1
        self.depth += depth
        self.in_flight += in_flight
        self.delayed += delayed
        self.world.books.queue_event(
            now, self.code, event, action, self.depth, now - self.sent_at[event], delay, request,
            batch, cause, self.in_flight, self.delayed, self.receives.get(event, 0),
            now + delay if delay else -1,
        )  # fmt: skip


class World:
    """One run: ``World(seed).run()`` gives its recorder."""

    def __init__(
        self, seed: int = 0, *, calls: int = 12, events: int = 8, messages: int = 12,
        limit: int = 3, failures: float = 0.3, until: int | None = None, lab_seed: int = 0,
    ) -> None:  # fmt: skip
        self.chance = random.Random(seed)
        self.books = books = Recorder(seed=lab_seed)
        self.limit, self.failures, self.until = limit, failures, until
        self.now, self.heap, self.sequence = 0, list[tuple[int, int, Callable[[], None]]](), 0
        self.bill, self.ship = books.name("bill"), books.name("ship")
        self.caller, self.latest = books.name("client"), books.name("$LATEST")
        self.mapping = books.name("orders->ship")
        self.running, self.environments = 0, {self.bill: 0, self.ship: 0}
        self.idle: dict[int, list[int]] = {self.bill: [], self.ship: []}
        self.own = Queue(self, "bill (events)", QueueKind.ASYNCHRONOUS)
        self.orders = Queue(self, "orders", QueueKind.SQS)
        self.letters = Queue(self, "letters", QueueKind.SQS)
        self.waiting: list[int] = []
        self.message = 0
        books.configured("bill", {"timeout": 3, "runtime": "python3.12"})
        for count, begin in ((calls, self.call), (events, self.event), (messages, self.send)):
            for _ in range(count):
                self.at(self.chance.randrange(20 * S), begin)

    def at(self, time: int, happen: Callable[[], None]) -> None:
        self.sequence += 1
        heappush(self.heap, (time, self.sequence, happen))

    def after(self, delay: int, happen: Callable[[], None]) -> None:
        self.at(self.now + delay, happen)

    def run(self) -> Recorder:
        while self.heap and (self.until is None or self.heap[0][0] <= self.until):
            self.now, _, happen = heappop(self.heap)
            happen()
        return self.books

    # ---- running a function

    def attempt(
        self, function: int, request: int, number: int, queued_at: int, cause: int, then: Then
    ) -> None:
        books, idle = self.books, self.idle[function]
        cold = not idle
        if cold:
            environment = books.environment(function, EnvironmentKind.ON_DEMAND, self.now)
            alive = self.environments[function]
            self.environments[function] += 1
            books.scaling(
                self.now, function, ScalingKind.ENVIRONMENTS, alive, alive + 1, Cause.COLD_START
            )
        else:
            environment = idle.pop()
        self.running += 1
        row = books.attempt(
            request, number, environment, InitType.ON_DEMAND, queued_at, self.now, cold, MEMORY,
            cause,
        )  # fmt: skip
        setup, init = (150_000, self.chance.randrange(1, S)) if cold else (0, 0)
        duration = self.chance.randrange(1_000, 2 * S)
        failed = self.chance.random() < self.failures
        outcome = AttemptOutcome.ERROR if failed else AttemptOutcome.SUCCESS
        if cold:
            self.after(setup + init, lambda: books.environment_ready(environment, self.now, init))

        def end() -> None:
            books.log(self.now, function, environment, request, "worked")
            if failed:
                books.attempt_error(row, "KeyError", "'stock'", b'{"errorType":"KeyError"}')
                if function == self.ship:
                    books.fault(self.now, FaultKind.FAIL, function, request, 0)
            billed = -(-duration // 1000)
            books.attempt_done(
                row, self.now, setup, init, duration, billed, 40, outcome, billed * NANO_PER_MS
            )
            self.running -= 1
            idle.append(environment)
            then(outcome)

        self.after(setup + init + duration, end)

    def expire(self, function: int) -> None:
        """End an idle environment."""
        alive = self.environments[function]
        self.books.environment_done(self.idle[function].pop(), self.now, EnvironmentEnd.IDLE_EXPIRY)
        self.environments[function] -= 1
        self.books.scaling(
            self.now, function, ScalingKind.ENVIRONMENTS, alive, alive - 1, Cause.IDLE
        )

    # ---- callers

    def call(self, call: int = 0, number: int = 1) -> None:
        books, began = self.books, self.now
        row = books.sent(self.caller, call, number, began)
        request = books.invocation(
            self.bill, self.latest, InvocationType.REQUEST_RESPONSE, self.caller, ParentKind.NONE,
            0, began, 10,
        )  # fmt: skip

        def close(status: int, code: int, error: int, tries: int, cause: int) -> None:
            books.invocation_done(
                request, self.now, status, code, error, tries, 4, cause, NETWORK, OVERHEAD,
                self.latest,
            )  # fmt: skip
            again = status == InvocationStatus.THROTTLED and number < 3
            books.answered(row, self.now, code, False, request)
            books.front_answered(row, self.now, code, cause)
            if again:
                self.after(S, lambda: self.call(call or row + 1, number + 1))

        def ended(outcome: int) -> None:
            failed = outcome != AttemptOutcome.SUCCESS
            status = InvocationStatus.FAILED if failed else InvocationStatus.SUCCEEDED
            cause = Cause.FUNCTION_ERROR if failed else Cause.COMPLETED
            self.after(NETWORK // 2, lambda: close(status, 200, int(failed), 1, cause))

        def admit() -> None:
            if self.running < self.limit:
                self.attempt(self.bill, request, 1, self.now, Cause.CALLED, ended)
            else:
                self.after(
                    NETWORK // 2,
                    lambda: close(InvocationStatus.THROTTLED, 429, 0, 0, Cause.THROTTLED_ACCOUNT),
                )

        self.after(NETWORK // 2 + OVERHEAD, admit)

    # ---- asynchronous events

    def event(self) -> None:
        began, books = self.now, self.books
        request = books.invocation(
            self.bill, self.latest, InvocationType.EVENT, self.caller, ParentKind.NONE, 0, began, 10
        )
        books.payload(request, b'{"order":1}')
        self.own.note(request, Action.SENT, Cause.CALLED, depth=1, request=request)
        state = {"tries": 0, "queued": 100_000, "waiting": 0, "throttles": 0}

        def close(action: int, status: int, cause: int, **change: int) -> None:
            self.own.note(request, action, cause, depth=-1, request=request, **change)
            books.invocation_waited(request, state["queued"], state["waiting"])
            error = state["tries"] > 0 and status != InvocationStatus.SUCCEEDED
            books.invocation_done(
                request, self.now, status, 202, int(error), state["tries"], 0, cause, 0, 0,
                self.latest,
            )  # fmt: skip

        def ended(outcome: int) -> None:
            if outcome == AttemptOutcome.SUCCESS:
                status = InvocationStatus.SUCCEEDED
                close(Action.DELETED, status, Cause.COMPLETED, in_flight=-1)
            elif state["tries"] > 2:
                self.dead_letter(request)
                status = InvocationStatus.FAILED
                close(Action.DROPPED, status, Cause.RETRIES_EXHAUSTED, in_flight=-1)
            else:
                delay = 60 * S * state["tries"]
                state["queued"] += delay
                self.own.note(
                    request, Action.RETRY_SCHEDULED, Cause.FUNCTION_ERROR, in_flight=-1, delayed=1,
                    delay=delay, request=request,
                )  # fmt: skip
                since = self.now
                self.after(delay, lambda: take(Cause.RETRY_AFTER_ERROR, since, 1))

        def take(cause: int, since: int, delayed: int) -> None:
            if self.running < self.limit:
                state["tries"] += 1
                self.own.note(
                    request, Action.RECEIVED, cause, in_flight=1, delayed=-delayed, request=request
                )
                self.attempt(self.bill, request, state["tries"], since, cause, ended)
            elif state["throttles"] > 2:
                close(Action.EXPIRED, InvocationStatus.EXPIRED, Cause.EVENT_AGE_EXCEEDED,
                      delayed=-delayed)  # fmt: skip
            else:
                delay = S << state["throttles"]
                state["throttles"] += 1
                state["waiting"] += delay
                self.own.note(
                    request, Action.THROTTLED, Cause.THROTTLED_ACCOUNT, delayed=1 - delayed,
                    delay=delay, request=request,
                )  # fmt: skip
                since = self.now
                self.after(delay, lambda: take(Cause.RETRY_AFTER_THROTTLE, since, 1))

        self.after(100_000, lambda: take(Cause.FIRST_ATTEMPT, began, 0))

    def dead_letter(self, request: int) -> None:
        self.own.note(request, Action.DEAD_LETTERED, Cause.RETRIES_EXHAUSTED, request=request)
        self.message += 1
        self.letters.note(self.message, Action.SENT, Cause.DEAD_LETTER, depth=1, request=request)

    # ---- a queue polled in batches

    def send(self) -> None:
        self.message += 1
        self.orders.note(self.message, Action.SENT, Cause.MESSAGE_SENT, depth=1)
        if self.message > 1:
            self.books.came_of(self.message, self.message - 1)
        self.waiting.append(self.message)
        self.after(self.chance.randrange(3 * S), self.poll)

    def poll(self) -> None:
        took, self.waiting = self.waiting[:3], self.waiting[3:]
        messages = []
        for message in took:
            if self.orders.receives.get(message, 0) >= MAX_RECEIVES:
                self.orders.note(message, Action.DEAD_LETTERED, Cause.MAX_RECEIVE_COUNT, depth=-1)
                self.letters.note(message, Action.SENT, Cause.DEAD_LETTER, depth=1)
            else:
                messages.append(message)
                self.orders.note(
                    message, Action.RECEIVED, Cause.POLLED, in_flight=1, delay=VISIBILITY
                )
        if messages:
            self.hand_over(messages)

    def hand_over(self, messages: list[int]) -> None:
        books, now = self.books, self.now
        batch = books.batch(
            self.mapping, self.orders.code, 0, 1, now, now, now, BatchCause.NO_WINDOW,
            len(messages), 100 * len(messages), 0, 0,
        )  # fmt: skip
        books.batch_records(batch, messages)
        request = books.invocation(
            self.ship, self.latest, InvocationType.REQUEST_RESPONSE, self.mapping,
            ParentKind.BATCH, batch, now, 300,
        )  # fmt: skip

        def ended(outcome: int) -> None:
            failed = outcome != AttemptOutcome.SUCCESS
            status = InvocationStatus.FAILED if failed else InvocationStatus.SUCCEEDED
            error = FunctionError.UNHANDLED if failed else FunctionError.NONE
            cause = Cause.FUNCTION_ERROR if failed else Cause.COMPLETED
            books.invocation_done(
                request, self.now, status, 200, error, 1, 4, cause, 0, 0, self.latest
            )
            whole = BatchOutcome.FAILURE if failed else BatchOutcome.SUCCESS
            books.batch_done(batch, self.now, request, whole, len(messages) if failed else 0)
            for message in messages:
                if failed:
                    self.at(now + VISIBILITY, partial(self.give_back, message, batch))
                else:
                    self.orders.note(
                        message, Action.DELETED, Cause.BATCH_SUCCEEDED, depth=-1, in_flight=-1,
                        request=request, batch=batch,
                    )  # fmt: skip

        self.attempt(self.ship, request, 1, now, Cause.EVENT_SOURCE_MAPPING, ended)

    def give_back(self, message: int, batch: int) -> None:
        self.orders.note(message, Action.RETURNED, Cause.BATCH_FAILED, in_flight=-1, batch=batch)
        self.waiting.append(message)
        self.after(100_000, self.poll)


def change(books: Recorder, table: str, row: int, /, **fields: int) -> None:
    """Falsify fields of one packed row."""
    rows = np.frombuffer(bytes(books.buffers[table]), schema.PACKED[table].dtype).copy()
    for name, value in fields.items():
        rows[name][row] = value
    books.buffers[table][:] = rows.tobytes()
    books.changes += 1


def rows_of(books: Recorder, table: str) -> np.ndarray:
    """The packed rows of a table, to look for one to falsify."""
    books.version()
    return np.frombuffer(bytes(books.buffers[table]), schema.PACKED[table].dtype)
