"""Runs a function once: finds an environment, initialises it where it is cold, runs, settles.

A modelled function needs no code: its run is one event at its end. A real handler runs as a task of
the kernel; the tasks are made when the first real function is (nothing of them is imported before).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from lambdalab.functions.call import Call
from lambdalab.functions.capacity import Capacity
from lambdalab.functions.outcome import (
    MODELLED_RESPONSE,
    Failure,
    decode,
    encode,
    model_error,
    modelled_failure,
    timeout_failure,
)
from lambdalab.kernel.clock import US
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.trace.ids import Ids
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import AttemptOutcome, Cause, EnvironmentEnd, InitType

if TYPE_CHECKING:
    from lambdalab.functions.handlers import Handlers


class Runner:
    """Runs calls that capacity has admitted, and gives the capacity back.

    ``handlers`` runs real code; it is asked for once, when the first call needs it.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        books: Recorder,
        rules: Rules,
        capacity: Capacity,
        ids: Ids,
        handlers: Callable[[Runner], Handlers],
    ) -> None:
        self.scheduler, self.books, self.capacity = scheduler, books, capacity
        self._ids = ids
        self._handlers_for = handlers
        self._setup_us = round(rules.environment_setup * US)
        self.longest_init_us = round(rules.timeout_maximum * US)
        """When a module that does not end is stopped (AWS's own 10 s rule is not simulated yet)."""
        self._largest_response: int = rules.synchronous_payload
        self._init_billed: bool = rules.init_billed
        self._attempt, self._attempt_done = books.attempt, books.attempt_done

    @cached_property
    def handlers(self) -> Handlers:
        """What runs real code; made when the first call needs it."""
        return self._handlers_for(self)

    def start(self, call: Call, queued_at: int, cause: int) -> None:
        """Begin the next attempt at ``call`` now; ``call.ended(call)`` when it is over."""
        function, now = call.function, self.scheduler.now
        environment, cold = function.fleet.acquire()
        call.environment, call.cold, call.started_at = environment, cold, now
        call.attempts += 1
        call.failure = None
        call.response = b""
        call.row = self._attempt(
            call.request, call.attempts, environment.number, InitType.ON_DEMAND,
            queued_at, now, cold, function.memory_mb, cause,
        )  # fmt: skip
        if cold:
            environment.tariff = function.tariff
            self._begin_init(call)
        else:
            call.setup_us = call.init_us = 0
            self._run(call)

    def _begin_init(self, call: Call) -> None:
        now = call.handler_at = self.scheduler.now
        call.setup_us = call.init_us = 0
        try:
            init_us = call.function.draw_init(None)
        except Exception as error:  # the user's own callable
            outcome, cause = AttemptOutcome.INIT_ERROR, Cause.INIT_ERROR
            request_id = self._ids.request(call.request)
            self.failed(call, model_error(request_id, error, "init=", outcome, cause))
            return
        call.setup_us, call.init_us = self._setup_us, init_us
        self.scheduler.at(now + call.setup_us + init_us, self._initialised, call)

    def _initialised(self, call: Call) -> None:
        """The time an init takes by itself is over; real code now runs its module."""
        if call.function.code is None:
            self.ready(call)
        else:
            self.handlers.initialise(call)

    def ready(self, call: Call) -> None:
        """A cold environment can serve its first event."""
        environment, now = call.environment, self.scheduler.now
        environment.ready = True
        call.init_us = now - call.started_at - call.setup_us
        self.books.environment_ready(environment.number, now, call.init_us)
        self._run(call)

    def _run(self, call: Call) -> None:
        call.handler_at = now = self.scheduler.now
        function = call.function
        if function.draw is None:
            self.handlers.invoke(call)
            return
        try:
            event = decode(call.payload) if function.needs_event else None
            duration = function.run_model(call.environment, event)
        except Exception as error:  # the user's own callable: its error is the function's
            self.failed(call, model_error(self._ids.request(call.request), error, "duration="))
            return
        timed_out = duration == function.timeout_us
        self.scheduler.at(now + duration, self.timed_out if timed_out else self._modelled, call)

    def _modelled(self, call: Call) -> None:
        fails = call.function.fails
        if fails is not None and fails():
            self.failed(call, modelled_failure(self._ids.request(call.request)))
        else:
            call.response = MODELLED_RESPONSE
            self._settle(call, AttemptOutcome.SUCCESS)

    def succeeded(self, call: Call, response: bytes) -> None:
        """The handler has returned; its result is a response unless it is too large."""
        if len(response) > self._largest_response:
            self.failed(call, self._too_large())
            return
        call.response = response
        self._settle(call, AttemptOutcome.SUCCESS)

    def timed_out(self, call: Call) -> None:
        """The function's timeout has passed."""
        request_id = self._ids.request(call.request)
        self.failed(call, timeout_failure(request_id, call.function.settings.timeout))

    def failed(self, call: Call, failure: Failure) -> None:
        """The attempt ends in a function error."""
        call.failure = failure
        call.response = failure.document
        self.books.attempt_error(call.row, failure.error_type, failure.message, failure.document)
        self._settle(call, failure.outcome)

    def _settle(self, call: Call, outcome: int) -> None:
        """Write the attempt's end, free the environment and the capacity, tell who waits."""
        now, function, environment = self.scheduler.now, call.function, call.environment
        duration = now - call.handler_at
        billed = environment.tariff.billed_ms(duration, call.init_us)
        if function.max_memory_mb > environment.max_memory_mb:
            environment.max_memory_mb = function.max_memory_mb
        call.outcome, call.duration_us, call.billed_ms = outcome, duration, billed
        self._attempt_done(
            call.row, now, call.setup_us, call.init_us, duration, billed,
            environment.max_memory_mb, outcome, environment.tariff.cost_nano(billed),
        )  # fmt: skip
        if outcome == AttemptOutcome.INIT_ERROR:
            function.fleet.lose(environment, EnvironmentEnd.INIT_FAILED)
        else:
            if call.failure is not None and call.failure.ends_environment:
                environment.reset()
            function.fleet.release(environment)
        if function.reserved is None:
            self.capacity.shared_in_use -= 1
        call.ended(call)

    def _too_large(self) -> Failure:
        kind = "Function.ResponseSizeTooLarge"
        message = (
            "Response payload size exceeded maximum allowed payload size "
            f"({self._largest_response} bytes)."
        )
        document = encode({"errorMessage": message, "errorType": kind})
        outcome, cause = AttemptOutcome.RESPONSE_TOO_LARGE, Cause.RESPONSE_TOO_LARGE
        return Failure(outcome, cause, kind, message, document)
