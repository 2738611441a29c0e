"""Runs a function once: finds an environment, initialises it where it is cold, runs, settles.

A modelled function needs no code: its run is one event at its end. A real handler runs as a task of
the kernel; the tasks are made when the first real function is (nothing of them is imported before).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lambdalab.functions.call import Call
from lambdalab.functions.capacity import Capacity
from lambdalab.functions.mishaps import killed_failure, plan
from lambdalab.functions.outcome import (
    MODELLED_RESPONSE,
    Failure,
    decode,
    iso,
    killed_for_memory,
    model_error,
    modelled_failure,
    platform_document,
    timeout_failure,
)
from lambdalab.kernel.clock import US
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.trace.ids import Ids
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import AttemptOutcome, Cause, InitStatus

if TYPE_CHECKING:
    from lambdalab.functions.environments import Environment
    from lambdalab.functions.handlers import Handlers
    from lambdalab.functions.version import Version


_NO_INIT, _INIT_DONE = InitStatus.NONE, InitStatus.SUCCESS


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
        self._init_limit_us = round(rules.init_limit * US)
        self._provisioned_limit_us = round(rules.provisioned_init_limit * US)
        self._largest_response: int = rules.synchronous_payload
        self._overrun_us = round(rules.timeout_overrun * US)
        self._old_wording: bool = rules.timeout_wording == "old"
        self._attempt, self._attempt_done = books.attempt, books.attempt_done

    @cached_property
    def handlers(self) -> Handlers:
        """What runs real code; made when the first call needs it."""
        return self._handlers_for(self)

    def start(self, call: Call, queued_at: int, cause: int) -> None:
        """Begin the next attempt at ``call`` now; ``call.ended(call)`` when it is over."""
        version, fleet, now = call.version, call.fleet, self.scheduler.now
        environment, cold = fleet.acquire()
        call.environment, call.cold, call.started_at = environment, cold, now
        call.attempts += 1
        call.failure = None
        call.fault = plan(call) if call.function.faults else None
        call.response = b""
        call.row = self._attempt(
            call.request, call.attempts, environment.number, fleet.init_type,
            queued_at, now, cold, version.memory_mb, cause,
        )  # fmt: skip
        call.setup_us = call.init_us = 0
        call.init_status = call.invoke_init_status = _NO_INIT
        if cold:
            environment.tariff = version.tariff
            call.setup_us = self._setup_us
            self._initialise(call)
        else:
            self._run(call)

    # ------------------------------------------------------------------ init

    def _initialise(self, call: Call) -> None:
        """A new environment is made, then its runtime and the function's own init begin."""
        version, environment = call.version, call.environment

        def over(status: int) -> None:
            if environment.furnished:
                environment.log.flush()
            call.init_us = self.scheduler.now - call.started_at - call.setup_us
            call.init_status = status
            if status == InitStatus.SUCCESS:
                environment.ready = True
                self.books.environment_ready(environment.number, self.scheduler.now, call.init_us)
            self._run(call)  # a failed init is run again inside the invoke

        begins = self.scheduler.now + self._setup_us
        self._begin_init(version, environment, call, begins, self._init_limit_us, over)

    def prepare(
        self, version: Version, environment: Environment, done: Callable[[bool], None]
    ) -> None:
        """Initialise an environment ahead of any call (provisioned concurrency).

        Its limit is the function's timeout, 130 s at least (dg/lambda-runtime-environment).
        """
        began = self.scheduler.now

        def over(status: int) -> None:
            if environment.furnished:
                environment.log.flush()
            environment.ready = status == InitStatus.SUCCESS
            if environment.ready:
                now = self.scheduler.now
                self.books.environment_ready(environment.number, now, now - began)
            done(environment.ready)

        limit = max(version.timeout_us, self._provisioned_limit_us)
        self._begin_init(version, environment, None, began, limit, over)

    def _begin_init(
        self,
        version: Version,
        environment: Environment,
        call: Call | None,
        begins: int,
        limit: int,
        over: Callable[[int], None],
    ) -> None:
        """At ``begins``, take the time an init takes by itself, then run the module of real code.

        ``over`` is told how it ended: ``limit`` microseconds later at the latest.
        """
        at = self.scheduler.at
        try:
            init_us = version.draw_init(None)
        except Exception:  # the user's own callable; the init inside the invoke tells of it
            at(begins, over, InitStatus.ERROR)
            return
        if init_us > limit:
            at(begins + limit, over, InitStatus.TIMEOUT)
        elif version.code is None:
            at(begins + init_us, over, InitStatus.SUCCESS)
        else:
            module = version, environment, call, begins + limit, over
            at(begins + init_us, self._run_module, module)

    def _run_module(
        self, init: tuple[Version, Environment, Call | None, int, Callable[[int], None]]
    ) -> None:
        self.handlers.initialise(*init)

    # ------------------------------------------------------------------ run

    def _run(self, call: Call) -> None:
        call.handler_at = now = self.scheduler.now
        version = call.version
        if version.draw is None:
            self.handlers.invoke(call)
            return
        try:
            event = decode(call.payload) if version.needs_event else None
            duration, call.invoke_init_status = version.run_model(call.environment, event)
            over = version.draw_memory is not None and self._exceeds(call, event)
        except Exception as error:  # the user's own callable: its error is the function's
            self._model_failed(call, error)
            return
        killed = False
        if call.fault is not None:
            duration, killed = call.fault.model(duration, version.timeout_us)
        timed_out = duration == version.timeout_us
        end = self._killed if killed else self.timed_out if timed_out else self._modelled
        if over and not killed and not timed_out:
            end = self._out_of_memory
        self.scheduler.at(now + duration, end, call)

    def _model_failed(self, call: Call, error: Exception) -> None:
        request_id = self._ids.request(call.request)
        if call.environment.ready:
            self.failed(call, model_error(request_id, error, "duration="))
            return
        outcome, cause = AttemptOutcome.INIT_ERROR, Cause.INIT_ERROR
        call.invoke_init_status = InitStatus.ERROR
        self.failed(call, model_error(request_id, error, "init=", outcome, cause))

    def _modelled(self, call: Call) -> None:
        fails, request_id = call.version.fails, self._ids.request
        failure = None
        if fails is not None and fails():
            failure = modelled_failure(request_id(call.request))
        elif call.fault is not None:
            failure = call.fault.failure(request_id(call.request))
        if failure is not None:
            self.failed(call, failure)
        else:
            call.response = MODELLED_RESPONSE
            self._settle(call, AttemptOutcome.SUCCESS)

    def _exceeds(self, call: Call, event: Any) -> bool:
        """Draw what a modelled run holds; whether that is more than its memory."""
        version, environment = call.version, call.environment
        assert version.draw_memory is not None
        held = version.draw_memory(event)
        used = min(held, version.memory_mb)
        environment.max_memory_mb = max(environment.max_memory_mb, used)
        return held > version.memory_mb

    def _out_of_memory(self, call: Call) -> None:
        self.failed(call, killed_for_memory(self._ids.request(call.request)))

    def _killed(self, call: Call) -> None:
        """``lab.faults`` ends the process of a modelled function."""
        assert call.fault is not None
        call.fault.struck_dead()
        self.failed(call, killed_failure(self._ids.request(call.request)))

    def succeeded(self, call: Call, response: bytes) -> None:
        """The handler has returned; its result is a response unless it is too large."""
        if len(response) > self._largest_response:
            self.failed(call, self._too_large())
            return
        call.response = response
        self._settle(call, AttemptOutcome.SUCCESS)

    def timed_out(self, call: Call) -> None:
        """The function's timeout has passed."""
        if self._overrun_us:  # until 2025 it was stopped a little later
            self.scheduler.at(self.scheduler.now + self._overrun_us, self._stopped, call)
        else:
            self._stopped(call)

    def _stopped(self, call: Call) -> None:
        took = (self.scheduler.now - call.handler_at) / US
        at = iso(self.books.start_us + self.scheduler.now) if self._old_wording else ""
        self.failed(call, timeout_failure(self._ids.request(call.request), took, at))

    def failed(self, call: Call, failure: Failure) -> None:
        """The attempt ends in a function error."""
        if call.fault is not None:
            failure = call.fault.told(failure)
        call.failure = failure
        call.response = failure.document
        self.books.attempt_error(call.row, failure.error_type, failure.message, failure.document)
        self._settle(call, failure.outcome)

    def _settle(self, call: Call, outcome: int) -> None:
        """Write the attempt's end, free the environment and the capacity, tell who waits."""
        now, version, environment = self.scheduler.now, call.version, call.environment
        duration = now - call.handler_at
        init_us, tariff, used = call.init_us, environment.tariff, environment.max_memory_mb
        paid = min(duration, version.timeout_us) if self._overrun_us else duration
        billed = tariff.billed_ms(paid, init_us if call.init_status == _INIT_DONE else 0)
        if version.max_memory_mb > used:
            used = environment.max_memory_mb = version.max_memory_mb
        call.outcome, call.duration_us, call.billed_ms = outcome, duration, billed
        call.max_memory_mb = used
        self._attempt_done(
            call.row, now, call.setup_us, init_us, duration, billed, used, outcome,
            tariff.cost_nano(billed), call.init_status, call.invoke_init_status,
        )  # fmt: skip
        if call.failure is not None and call.failure.ends_environment:
            environment.reset()
        fleet = environment.fleet
        fleet.release(environment)
        if fleet.on_demand:
            call.function.pool.in_use -= 1
        if call.function.watch is not None:
            call.function.watch(call)
        call.ended(call)

    def _too_large(self) -> Failure:
        kind = "Function.ResponseSizeTooLarge"
        message = (
            "Response payload size exceeded maximum allowed payload size "
            f"({self._largest_response} bytes)."
        )
        document = platform_document({"errorMessage": message, "errorType": kind})
        outcome, cause = AttemptOutcome.RESPONSE_TOO_LARGE, Cause.RESPONSE_TOO_LARGE
        return Failure(outcome, cause, kind, message, document)
