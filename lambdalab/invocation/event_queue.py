"""Lambda's own queue of a function's asynchronous events: dwell, attempts, retries, back-off, ends.

What it follows (dg/invocation-async-error-handling, and measurements of November 2025):

* an error of the function is retried twice, about one and two minutes after the failed attempt;
* a throttle or a failure of the service itself sends the event back for 1, 2, 4 ... 300 s and uses up
  no retry; after a run these waits begin at 1 s again;
* before either wait Lambda looks ahead: an event that would be too old after it ends at once;
* with reserved concurrency 0 the event is given up without a try, and so is one that a recursive loop
  has led to;
* retries, age and destinations are those of the qualifier that was invoked; the version that runs is
  found anew for each attempt;
* the queue delivers at least once: :meth:`EventQueue.duplicate` has it deliver an event twice.

Not simulated, for want of any figures: that a long queue is read more slowly, and that its events may be
deleted unread. What becomes of an event that is over is told in :mod:`.event_ends`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lambdalab.functions.call import Call
from lambdalab.functions.capacity import Capacity
from lambdalab.functions.function import Function
from lambdalab.functions.runner import Runner
from lambdalab.functions.target import LATEST, Target
from lambdalab.invocation.destinations import Destination
from lambdalab.invocation.event_config import EventInvokeConfig
from lambdalab.invocation.event_ends import Ends
from lambdalab.invocation.recursion import Recursion
from lambdalab.kernel.clock import US, Clock
from lambdalab.kernel.random import RandomStreams
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.trace.ids import Ids
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import (
    Action,
    Cause,
    FunctionError,
    InvocationStatus,
    InvocationType,
    QueueKind,
)

if TYPE_CHECKING:
    from lambdalab.invocation.front_door import Origin


class EventQueues:
    """The event queue of every function that has been invoked asynchronously.

    ``ends`` sends records and dead letters, ``recursion`` knows the chains of requests. ``duplicates``,
    where it is set, is asked for each event that is accepted whether it is to be delivered twice.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        books: Recorder,
        rules: Rules,
        streams: RandomStreams,
        ids: Ids,
        capacity: Capacity,
        runner: Runner,
        clock: Clock,
    ) -> None:
        self.scheduler, self.books, self.rules, self.streams = scheduler, books, rules, streams
        self.capacity, self.runner = capacity, runner
        self.recursion = Recursion(rules)
        self.ends = Ends(books, rules, ids, clock, self.recursion)
        self.duplicates: Callable[[Call], bool] | None = None
        self._queues: dict[str, EventQueue] = {}

    def of(self, function: Function) -> EventQueue:
        """The queue of one function."""
        queue = self._queues.get(function.name)
        if queue is None or queue.function is not function:  # deleted meanwhile, and made again
            queue = self._queues[function.name] = EventQueue(function, self)
        return queue


class EventQueue:
    """The asynchronous events of one function."""

    def __init__(self, function: Function, shared: EventQueues) -> None:
        self.function = self._function = function
        self._shared = shared
        self._scheduler, self._books = shared.scheduler, shared.books
        self._capacity, self._runner = shared.capacity, shared.runner
        self._ends, self._recursion = shared.ends, shared.recursion
        self._code = shared.books.queue(f"{function.name} (events)", QueueKind.ASYNCHRONOUS)
        rules = shared.rules
        self._dwell_us = round(rules.asynchronous_dwell * US)
        self._waits = tuple(rules.retry_waits)
        self._jitter = tuple(rules.retry_jitter)
        self._backoff_first: float = rules.throttle_backoff_first
        self._backoff_most: float = rules.throttle_backoff_maximum
        self._backoff_jitter = tuple(rules.throttle_backoff_jitter)
        self._unconfigured = EventInvokeConfig.make(rules)
        self._doubled: dict[int, bool] = {}  # requests that will be delivered once more
        self._extra: dict[int, int] = {}  # how often that has happened to one under way
        self._retry_stream = shared.streams.stream(f"events/{function.name}/retry")
        self._backoff_stream = shared.streams.stream(f"events/{function.name}/back-off")
        self.visible = 0
        self.delayed = 0
        self.in_flight = 0

    @property
    def depth(self) -> int:
        """How many events it holds."""
        return self.visible + self.delayed + self.in_flight

    def accept(self, target: Target, payload: bytes, origin: Origin) -> Call:
        """Take an event (202). It is tried after a short dwell in the queue."""
        now, function = self._scheduler.now, self._function
        request = self._books.invocation(
            function.name_code, target.code, InvocationType.EVENT, origin.source,
            origin.parent_kind, origin.parent, now, len(payload),
        )  # fmt: skip
        self._books.payload(request, payload)
        call = Call(request, target, payload, now, None)
        call.ended = self._ended
        call.throttles = 0
        call.queued_us = call.waiting_us = 0
        self.visible += 1
        self._note(call, Action.SENT, origin.cause)
        stopped = self._stopped(call, origin)
        if stopped:
            self.visible -= 1
            self._give_up(call, Action.DROPPED, InvocationStatus.DROPPED, stopped)
            return call
        call.queued_us = self._dwell_us
        self._scheduler.at(now + self._dwell_us, self._first_try, call)
        if self._shared.duplicates is not None and self._shared.duplicates(call):
            self.duplicate(call)
        return call

    def _stopped(self, call: Call, origin: Origin) -> int:
        """The cause for which an event ends before it is ever tried; 0: it does not."""
        function = self._function
        if origin.chain is not None:
            recursion, name = self._recursion, function.name
            call.chain = recursion.enter(call.request, name, origin.chain)
            if recursion.loops(name, function.settings.recursive_loop, origin.chain):
                return Cause.RECURSIVE_LOOP
        return Cause.ZERO_RESERVED_CONCURRENCY if function.reserved == 0 else 0

    def duplicate(self, call: Call) -> None:
        """Deliver an event once more when its next run is over, as an at-least-once queue may.

        The second run has the same request id and the next attempt's number, its cause is
        ``duplicate``, and it uses up no retry. How the event ends is then decided by it, as by any
        last run. It comes at once; where no concurrency is free then, it does not come.
        """
        self._doubled[call.request] = True

    def config(self, call: Call) -> EventInvokeConfig:
        """The event invoke configuration in force for the qualifier that was invoked."""
        configs = self._function.event_configs
        found: EventInvokeConfig = configs.get(call.target.qualifier or LATEST, self._unconfigured)
        return found

    def _first_try(self, call: Call) -> None:
        self.visible -= 1
        self._try(call, call.accepted_at, Cause.FIRST_ATTEMPT)

    def _retry(self, call: Call) -> None:
        self.delayed -= 1
        self._try(call, call.started_at, Cause.RETRY_AFTER_ERROR)

    def _retry_refused(self, call: Call) -> None:
        self.delayed -= 1
        failed = call.cause == Cause.SERVICE_ERROR
        cause = Cause.RETRY_AFTER_SERVICE_ERROR if failed else Cause.RETRY_AFTER_THROTTLE
        self._try(call, call.started_at, cause)

    def _try(self, call: Call, queued_at: int, cause: int) -> None:
        """The event is at the head of the queue: run it if there is room and it is not too old."""
        if self._expires_within(call, 0):
            self._too_old(call)
            return
        if self._function.reserved == 0:
            cause = Cause.ZERO_RESERVED_CONCURRENCY
            self._give_up(call, Action.DROPPED, InvocationStatus.DROPPED, cause)
            return
        refused = self._admit(call)
        if refused:
            self._back_off(call, refused)
            return
        call.throttles = 0
        self.in_flight += 1
        self._note(call, Action.RECEIVED, cause)
        self._runner.start(call, queued_at, cause)

    def _admit(self, call: Call) -> int:
        """Let the event in, to the version that its qualifier means now; 0, or why it has to wait."""
        before, call.version = call.version, call.target.resolve()
        refused = self._capacity.admit(call, False)
        if refused:
            call.version = before
        return refused

    def _back_off(self, call: Call, cause: int) -> None:
        """No concurrency is free, or the service fails: the event waits, each time twice as long."""
        low, high = self._backoff_jitter
        factor = low + (high - low) * self._backoff_stream.uniform()
        seconds = min(self._backoff_first * 2**call.throttles * factor, self._backoff_most)
        delay = round(seconds * US)
        call.throttles += 1
        call.started_at, call.cause = self._scheduler.now, cause
        too_old = self._expires_within(call, delay)
        failed = cause == Cause.SERVICE_ERROR
        action = Action.RETRY_SCHEDULED if failed else Action.THROTTLED
        self._delay(call, action, cause, 0 if too_old else delay)
        if too_old:
            self.delayed -= 1
            self._too_old(call)
        else:
            call.waiting_us += delay
            self._scheduler.at(self._scheduler.now + delay, self._retry_refused, call)

    def _ended(self, call: Call) -> None:
        """An attempt is over: done, another wait, or the end."""
        if self._doubled and self._doubled.pop(call.request, False) and self._runs_again(call):
            return
        self.in_flight -= 1
        call.started_at = self._scheduler.now
        failure, config = call.failure, self.config(call)
        if failure is None:
            if config.on_success is not None:
                self._inform(call, Cause.COMPLETED, config.on_success)
            self._note(call, Action.DELETED, Cause.COMPLETED)
            self._close(call, InvocationStatus.SUCCEEDED, Cause.COMPLETED)
            return
        runs = call.attempts - self._extra.get(call.request, 0)
        if runs > config.maximum_retry_attempts:
            self._give_up(call, Action.DROPPED, InvocationStatus.FAILED, Cause.RETRIES_EXHAUSTED)
            return
        delay = self._retry_wait(runs)
        if self._expires_within(call, delay):
            self._too_old(call)
            return
        self._delay(call, Action.RETRY_SCHEDULED, failure.cause, delay)
        call.queued_us += delay
        self._scheduler.at(self._scheduler.now + delay, self._retry, call)

    def _runs_again(self, call: Call) -> bool:
        """Run an event that has just run once more; False where there is no room for it."""
        if self._function.reserved == 0 or self._admit(call):
            return False
        self._extra[call.request] = self._extra.get(call.request, 0) + 1
        self._note(call, Action.RECEIVED, Cause.DUPLICATE)
        self._runner.start(call, self._scheduler.now, Cause.DUPLICATE)
        return True

    def _retry_wait(self, attempts: int) -> int:
        low, high = self._jitter
        wait = self._waits[min(attempts, len(self._waits)) - 1]
        seconds: float = wait + low + (high - low) * self._retry_stream.uniform()
        return round(seconds * US)

    def _expires_within(self, call: Call, delay: int) -> bool:
        age = self._scheduler.now - call.accepted_at
        return age + delay > self.config(call).maximum_event_age * US

    def _too_old(self, call: Call) -> None:
        self._give_up(call, Action.EXPIRED, InvocationStatus.EXPIRED, Cause.EVENT_AGE_EXCEEDED)

    def _give_up(self, call: Call, action: int, status: int, cause: int) -> None:
        """The event has ended without success: tell the destination, and the dead-letter queue."""
        destination = self.config(call).on_failure
        if destination is not None:
            self._inform(call, cause, destination)
        if self._function.dead_letters is not None:
            problem = self._ends.dead_letter(call, cause)
            self._left(call, Action.DEAD_LETTERED, Cause.DELIVERY_FAILED if problem else cause)
        self._note(call, action, cause)
        self._close(call, status, cause)

    def _inform(self, call: Call, cause: int, destination: Destination) -> None:
        problem = self._ends.inform(call, cause, destination, self._scheduler.now)
        self._left(call, Action.DELIVERED, Cause.DELIVERY_FAILED if problem else cause)

    def _left(self, call: Call, action: int, cause: int) -> None:
        """Something of the event has gone elsewhere; it is still in this queue itself."""
        self._delay(call, action, cause)
        self.delayed -= 1

    def _close(self, call: Call, status: int, cause: int) -> None:
        call.status, call.cause = status, cause
        error = FunctionError.UNHANDLED if call.failure else FunctionError.NONE
        if call.chain is not None:
            self._recursion.leave(call.request)
        if self._extra or self._doubled:
            self._extra.pop(call.request, None)
            self._doubled.pop(call.request, None)
        self._books.invocation_waited(call.request, call.queued_us, call.waiting_us)
        self._books.invocation_done(
            call.request, self._scheduler.now, status, 202, error, call.attempts,
            len(call.response), cause, 0, 0, call.version.version_code if call.attempts else 0,
        )  # fmt: skip

    def _delay(self, call: Call, action: int, cause: int, delay: int = 0) -> None:
        """The event stays in the queue, out of sight."""
        self.delayed += 1
        self._note(call, action, cause, delay)

    def _note(self, call: Call, action: int, cause: int, delay: int = 0) -> None:
        now = self._scheduler.now
        self._books.queue_event(
            now, self._code, call.request, action,
            self.depth, now - call.accepted_at, delay,
            call.request, 0, cause, self.in_flight, self.delayed, call.attempts,
            now + delay if delay else -1,
        )  # fmt: skip
