"""The fast lane: traffic that calls a modelled function synchronously.

Nothing can happen to such a call but to run for as long as the model says. So the lane keeps its
arrivals and ends in a small heap of its own, and goes on from one to the next for as long as nobody
else's event comes first; times and sequence numbers are those the scheduler would have given, so the
order of everything is the same. What it does is what driver, front door and runner do in a dozen steps,
noted in the :class:`~lambdalab.trace.journal.Journal`; what is not the common case (a throttle) goes
the long way round. A test proves that both ways leave the same books.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Any

from lambdalab.functions.environments import Environment
from lambdalab.functions.outcome import (
    MODELLED_RESPONSE,
    Failure,
    modelled_failure,
    timeout_failure,
)
from lambdalab.functions.target import Target
from lambdalab.invocation.front_door import PENDING
from lambdalab.invocation.service import LambdaService
from lambdalab.kernel.clock import US
from lambdalab.trace.journal import Lane
from lambdalab.trace.schema import AttemptOutcome, Cause

Running = tuple[int, int, Environment]
"""A call under way: its number and lane in the journal, and where it runs."""

Action = Callable[[Any], None]

_NEVER = 1 << 62
_SUCCESS, _SIZE = AttemptOutcome.SUCCESS, len(MODELLED_RESPONSE)


class FastLane:
    """One traffic to one modelled function, from now on.

    Parameters
    ----------
    service, target
        Lambda, and the function that is called, without a qualifier.
    waits
        Microseconds between arrivals (see :mod:`.arrivals`).
    ends_at, count
        No arrival at or after this time; at most so many. None: no such end.
    long_way
        Sends an arrival, by its number, through the front door.
    payload_bytes
        The size of every request.
    """

    def __init__(
        self,
        service: LambdaService,
        target: Target,
        waits: Iterator[int],
        ends_at: int | None,
        count: int | None,
        long_way: Callable[[int], None],
        payload_bytes: int,
    ) -> None:
        self._service, self._scheduler, self._books = service, service.scheduler, service.books
        self._function, self._version = target.function, target.function.latest
        self._fleet = self._version.fleet
        self._waits, self._long_way, self._payload_bytes = waits, long_way, payload_bytes
        self._ends_at = _NEVER if ends_at is None else ends_at
        self._count = _NEVER if count is None else count
        self._setup_us = round(service.rules.environment_setup * US)
        self._journal = service.books.journal
        self._events: list[tuple[int, int, Action, Any]] = []
        self._next: Action = self._arrive
        self._usual_end: Action = self._end
        self._lane = -1
        self._prepare()
        first = next(waits, _NEVER)
        if self._scheduler.now + first < self._ends_at:
            self._push(self._scheduler.now + first, self._next, 0)
        self.active = bool(self._events)
        """Whether there are arrivals to come."""
        self._give_way()

    def _push(self, at: int, action: Action, argument: Any) -> None:
        """One more event of the lane, at the place in the order that the scheduler would give it."""
        self._scheduler.sequence += 1
        heappush(self._events, (at, self._scheduler.sequence, action, argument))

    def _give_way(self) -> None:
        """Back to the scheduler, which goes on with the lane when its next event is due."""
        if self._events:
            at, sequence, _, _ = self._events[0]
            heappush(self._scheduler.heap, (at, sequence, self._go_on, None))

    def _go_on(self, _: object) -> None:
        """One event of the lane after the other, until somebody else's comes first."""
        scheduler, events, usual_end = self._scheduler, self._events, self._usual_end
        heap, function = scheduler.heap, self._function
        add_done, pack_done = self._journal.add_done, self._journal.pack_done
        try:
            while True:
                now, _, action, argument = heappop(events)
                scheduler.now = now
                if action is usual_end:  # what _end() does, without the calls
                    call, lane, environment = argument
                    fleet = environment.fleet
                    if fleet.expires_at < 0 or fleet.retired or fleet.version.fails:
                        action(argument)
                    else:
                        add_done(pack_done(call, lane, now, _SUCCESS, _SIZE))
                        fleet.busy -= 1
                        environment.idle_since = now
                        fleet.idle.append(environment)
                        function.pool.in_use -= 1
                else:
                    action(argument)
                if not events or scheduler.stepping or (heap and heap[0] < events[0]):
                    break
        finally:
            self._give_way()

    def _arrive(self, number: int) -> None:
        """A call begins, in the environment that became idle last."""
        function = self._function
        if function.latest is not self._version or self._pending:
            self._prepare()
        version, fleet = self._version, self._fleet
        scheduler, events = self._scheduler, self._events
        now = scheduler.now
        wait = next(self._waits, _NEVER) if number + 1 < self._count else _NEVER
        if now + wait < self._ends_at:
            scheduler.sequence = sequence = scheduler.sequence + 1
            heappush(events, (now + wait, sequence, self._next, number + 1))
        else:
            self.active = False
        lane, pool = self._lane, function.pool
        requests, at = pool.requests, now * 1000
        full_at = requests.full_at if requests.full_at > at else at  # what Bucket.take() does
        if (
            lane < 0
            or function.faults
            or function.watch is not None
            or pool.in_use >= pool.limit
            or full_at - at > requests.slack
            or not (fleet.idle or function.growth.take(now))
        ):
            self._long_way(number)
            return
        requests.full_at = full_at + requests.interval
        pool.in_use += 1
        if not fleet.idle:
            self._start_cold(now)
            return
        fleet.busy += 1
        environment = fleet.idle.pop()
        journal = self._journal
        call = journal.count  # what opened() does, without a call
        if call >= journal.stop:
            journal.begin()
        journal.count = call + 1
        journal.add_open(journal.pack_open(now, lane, environment.number))
        if not environment.ready:
            self._begin(call, lane, environment, now)
            return
        duration = version.draw(None)  # type: ignore[misc]
        if duration < version.timeout_us:
            scheduler.sequence = sequence = scheduler.sequence + 1
            running = (call, lane, environment)
            heappush(events, (now + duration, sequence, self._usual_end, running))
        else:
            self._push(now + version.timeout_us, self._times_out, (call, lane, environment))

    def _start_cold(self, now: int) -> None:
        environment, _ = self._fleet.acquire()
        environment.tariff = self._version.tariff
        lane = self._lane
        call = self._journal.opened(now, lane, environment.number)
        init_us = self._version.draw_init(None)
        self._journal.cold(call, self._setup_us, init_us)
        at = now + self._setup_us + init_us
        self._push(at, self._initialised, (call, lane, environment))

    def _initialised(self, starting: Running) -> None:
        call, lane, environment = starting
        now = self._scheduler.now
        environment.ready = True
        init_us = now - environment.started_at - self._setup_us
        self._books.environment_ready(environment.number, now, init_us)
        self._begin(call, lane, environment, now)

    def _begin(self, call: int, lane: int, environment: Environment, now: int) -> None:
        version = environment.fleet.version
        duration, inside = version.run_model(environment, None)
        if inside:
            self._journal.suppressed(call, inside)
        end = self._usual_end if duration < version.timeout_us else self._times_out
        self._push(now + duration, end, (call, lane, environment))

    def _end(self, running: Running) -> None:
        fails = running[2].fleet.version.fails
        if fails is not None and fails():
            self._fail(running, modelled_failure)
            return
        call, lane, environment = running
        self._journal.done(call, lane, self._scheduler.now, _SUCCESS, _SIZE)
        self._release(environment)

    def _times_out(self, running: Running) -> None:
        timeout = running[2].fleet.version.settings.timeout
        running[2].reset()
        self._fail(running, lambda request_id: timeout_failure(request_id, timeout))

    def _fail(self, running: Running, failure_of: Callable[[str], Failure]) -> None:
        call, lane, environment = running
        request, row = self._journal.ids(call)
        failure = failure_of(self._service.ids.request(request))
        document = failure.document
        self._books.attempt_error(row, failure.error_type, failure.message, document)
        self._journal.done(call, lane, self._scheduler.now, failure.outcome, len(document))
        self._release(environment)

    def _release(self, environment: Environment) -> None:
        environment.fleet.release(environment)
        self._function.pool.in_use -= 1

    def _prepare(self) -> None:
        """The function is new or has changed: a lane with its constants, where a lane will do."""
        self._version = version = self._function.latest
        self._fleet, name = version.fleet, self._books.name
        self._pending = self._function.state == PENDING
        ready = not self._pending and version.is_plain_model
        if not ready or not version.fleet.idle_expiry:
            self._lane = -1
            return
        drive = name("drive")
        self._lane = self._journal.lane(
            Lane(
                version.name_code, version.version_code, drive, drive, Cause.DRIVEN,
                self._payload_bytes, version.memory_mb, version.max_memory_mb,
                version.tariff.billed_ms, version.tariff.cost_nano,
            )
        )  # fmt: skip
