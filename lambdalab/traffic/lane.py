"""The fast lane: traffic that calls a modelled function synchronously.

Nothing can happen to such a call but to run for as long as the model says, so the lane does in two
short steps, one when it comes and one when it ends, what driver, front door and runner do in a dozen,
and notes it in the :class:`~lambdalab.trace.journal.Journal`. What is not the common case (a throttle)
goes the long way round. A test proves that both ways leave the same books.
"""

from __future__ import annotations

from collections.abc import Callable

from lambdalab.functions.environments import Environment
from lambdalab.functions.function import Function
from lambdalab.functions.outcome import (
    MODELLED_RESPONSE,
    Failure,
    modelled_failure,
    timeout_failure,
)
from lambdalab.invocation.service import LambdaService
from lambdalab.kernel.clock import US
from lambdalab.trace.journal import Lane
from lambdalab.trace.schema import AttemptOutcome, Cause

Running = tuple[int, int, Environment]
"""A call under way: its number and lane in the journal, and where it runs."""

_SUCCESS, _SIZE = AttemptOutcome.SUCCESS, len(MODELLED_RESPONSE)


class FastLane:
    """One traffic to one modelled function.

    Parameters: Lambda, the ``service``; the ``function``; ``long_way(number)``, which sends an arrival
    through the front door; ``payload_bytes`` of every request.
    """

    def __init__(
        self,
        service: LambdaService,
        function: Function,
        long_way: Callable[[int], None],
        payload_bytes: int,
    ) -> None:
        self._service, self._scheduler, self._books = service, service.scheduler, service.books
        self._function, self._fleet, self._capacity = function, function.fleet, service.capacity
        self._long_way, self._payload_bytes = long_way, payload_bytes
        self._setup_us = round(service.rules.environment_setup * US)
        self._journal = service.books.journal
        self._at = service.scheduler.at
        self._opened, self._done = self._journal.opened, self._journal.done
        self._generation = -1  # of the function, when the lane was made for it
        self._lane = -1

    def send(self, number: int) -> None:
        """An arrival: the call begins, in the environment that became idle last."""
        function, fleet, capacity = self._function, self._fleet, self._capacity
        if fleet.generation != self._generation:
            self._prepare()
        lane = self._lane
        if function.reserved is None and lane >= 0:
            free = capacity.shared_in_use < capacity.shared
            capacity.shared_in_use += free
        else:
            free = lane >= 0 and fleet.busy < (function.reserved or 0)
        if not free:
            self._long_way(number)
            return
        now = self._scheduler.now
        if not fleet.idle:
            self._start_cold(now)
            return
        fleet.busy += 1
        environment = fleet.idle.pop()
        call = self._opened(now, lane, environment.number)
        if environment.ready:  # what run_model() does, without the call
            duration = function.draw(None)  # type: ignore[misc]
            if duration < function.timeout_us:
                self._at(now + duration, self._ends, (call, lane, environment))
                return
            self._at(now + function.timeout_us, self._times_out, (call, lane, environment))
        else:
            self._begin(call, lane, environment, now)

    def _start_cold(self, now: int) -> None:
        environment, _ = self._fleet.acquire()
        environment.tariff = self._function.tariff
        lane = self._lane
        call = self._opened(now, lane, environment.number)
        init_us = self._function.draw_init(None)
        self._journal.cold(call, self._setup_us, init_us)
        self._at(now + self._setup_us + init_us, self._initialised, (call, lane, environment))

    def _initialised(self, starting: Running) -> None:
        call, lane, environment = starting
        now = self._scheduler.now
        environment.ready = True
        init_us = now - environment.started_at - self._setup_us
        self._books.environment_ready(environment.number, now, init_us)
        self._begin(call, lane, environment, now)

    def _begin(self, call: int, lane: int, environment: Environment, now: int) -> None:
        function = self._function
        duration = function.run_model(environment, None)
        ends = self._ends if duration < function.timeout_us else self._times_out
        self._at(now + duration, ends, (call, lane, environment))

    def _ends(self, running: Running) -> None:
        fails = self._function.fails
        if fails is not None and fails():
            self._fail(running, modelled_failure)
            return
        call, lane, environment = running
        self._done(call, lane, self._scheduler.now, _SUCCESS, _SIZE)
        self._fleet.release(environment)
        if self._function.reserved is None:
            self._capacity.shared_in_use -= 1

    def _times_out(self, running: Running) -> None:
        timeout = self._function.settings.timeout
        running[2].reset()
        self._fail(running, lambda request_id: timeout_failure(request_id, timeout))

    def _fail(self, running: Running, failure_of: Callable[[str], Failure]) -> None:
        call, lane, environment = running
        request, row = self._journal.ids(call)
        failure = failure_of(self._service.ids.request(request))
        document = failure.document
        self._books.attempt_error(row, failure.error_type, failure.message, document)
        self._done(call, lane, self._scheduler.now, failure.outcome, len(document))
        self._release(environment)

    def _release(self, environment: Environment) -> None:
        self._fleet.release(environment)
        if self._function.reserved is None:
            self._capacity.shared_in_use -= 1

    def _prepare(self) -> None:
        """The function is new or has changed: a lane with its constants, where a lane will do."""
        function, name = self._function, self._books.name
        self._generation = function.fleet.generation
        if function.draw is None or function.needs_event:
            self._lane = -1
            return
        drive = name("drive")
        self._lane = self._journal.lane(
            Lane(
                function.name_code, name("$LATEST"), drive, drive, Cause.DRIVEN,
                self._payload_bytes, function.memory_mb, function.max_memory_mb,
                function.tariff.billed_ms, function.tariff.cost_nano,
            )
        )  # fmt: skip
