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
from lambdalab.functions.mishaps import doubling
from lambdalab.functions.runner import Runner
from lambdalab.functions.target import LATEST, Target
from lambdalab.invocation.destinations import Destination
from lambdalab.invocation.event_config import EventInvokeConfig
from lambdalab.invocation.event_ends import Ends
from lambdalab.invocation.recursion import Chain, Recursion
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

    ``ends`` sends records and dead letters, ``recursion`` knows the chains of requests.
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
        self._queues: dict[str, EventQueue] = {}
        waits = {f"wait_{n}": wait for n, wait in enumerate(rules.retry_waits, start=1)}
        books.wired("account", "retries", {
            **waits, "jitter_least": rules.retry_jitter[0], "jitter_most": rules.retry_jitter[1],
            "back_off_first": rules.throttle_backoff_first,
            "back_off_most": rules.throttle_backoff_maximum,
        })  # fmt: skip

    def of(self, function: Function) -> EventQueue:
        """The queue of one function."""
        queue = self._queues.get(function.name)
        if queue is None or queue.function is not function:  # deleted meanwhile, and made again
            queue = self._queues[function.name] = EventQueue(function, self)
        return queue

    def depth(self, function: Function) -> int:
        """How many events a function has waiting or running; asking makes no queue."""
        queue = self._queues.get(function.name)
        return queue.depth if queue is not None and queue.function is function else 0


class EventQueue:
    """The asynchronous events of one function."""

    def __init__(self, function: Function, shared: EventQueues) -> None:
        self.function = self._function = function
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
        self._doubled: dict[int, Callable[[int], None]] = {}  # requests that come once more
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
        if origin.chain is None and function.reserved == 0:
            self.visible -= 1
            self._drop(call, Cause.ZERO_RESERVED_CONCURRENCY, "visible")
            return call
        looped = origin.chain is not None and self._loops(call, origin.chain)
        call.queued_us = self._dwell_us
        self._scheduler.at(now + self._dwell_us, self._stop if looped else self._first_try, call)
        if function.faults and (mishap := doubling(function)):
            self.duplicate(call, mishap.strike)
        return call

    def _loops(self, call: Call, chain: Chain) -> bool:
        """Whether the chain that led to an event has come here too often; its own begins.

        What ends an event that has a chain waits until it has dwelt in the queue, so that no two
        functions that are each other's destination go round in no time.
        """
        recursion, name = self._recursion, self._function.name
        call.chain = recursion.enter(call.request, name, chain)
        return recursion.loops(name, self._function.settings.recursive_loop, chain)

    def duplicate(self, call: Call, told: Callable[[int], None] = lambda _request: None) -> None:
        """Deliver an event once more when its next run is over, as an at-least-once queue may.

        The second run has the same request id and the next attempt's number, its cause is
        ``duplicate``, and it uses up no retry. How the event ends is then decided by it, as by any
        last run. It comes at once; where no concurrency is free then, it does not come. ``told`` hears
        of it, by the request's number, when it does.
        """
        self._doubled[call.request] = told

    def config(self, call: Call) -> EventInvokeConfig:
        """The event invoke configuration in force for the qualifier that was invoked."""
        configs = self._function.event_configs
        found: EventInvokeConfig = configs.get(call.target.qualifier or LATEST, self._unconfigured)
        return found

    def _first_try(self, call: Call) -> None:
        self.visible -= 1
        self._try(call, call.accepted_at, Cause.FIRST_ATTEMPT, "visible")

    def _stop(self, call: Call) -> None:
        self.visible -= 1
        self._drop(call, Cause.RECURSIVE_LOOP, "visible")

    def _retry(self, call: Call) -> None:
        self.delayed -= 1
        self._try(call, call.started_at, Cause.RETRY_AFTER_ERROR, "delayed")

    def _retry_refused(self, call: Call) -> None:
        self.delayed -= 1
        failed = call.cause == Cause.SERVICE_ERROR
        cause = Cause.RETRY_AFTER_SERVICE_ERROR if failed else Cause.RETRY_AFTER_THROTTLE
        self._try(call, call.started_at, cause, "delayed")

    def _try(self, call: Call, queued_at: int, cause: int, standing: str) -> None:
        """The event is at the head of the queue: run it if there is room and it is not too old.

        ``standing`` is how it stood in the queue until now.
        """
        if self._expires_within(call, 0):
            self._expire(call, standing)
            return
        if self._function.reserved == 0:
            self._drop(call, Cause.ZERO_RESERVED_CONCURRENCY, standing)
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
        before, target = call.version, call.target
        call.version = target.resolve() if target.qualifier else self._function.latest
        refused = self._capacity.admit(call, False)
        if refused:
            call.version = before
        return refused

    def _back_off(self, call: Call, cause: int) -> None:
        """No concurrency is free, or the service fails: the event waits, each time twice as long."""
        low, high = self._backoff_jitter
        factor = low + (high - low) * self._backoff_stream.uniform()
        step = min(self._backoff_first * 2**call.throttles, self._backoff_most)
        delay = round(step * factor * US)  # the longest waits differ too, or all came back at once
        call.throttles += 1
        call.started_at, call.cause = self._scheduler.now, cause
        too_old = self._expires_within(call, delay)
        failed = cause == Cause.SERVICE_ERROR
        action = Action.RETRY_SCHEDULED if failed else Action.THROTTLED
        self._delay(call, action, cause, 0 if too_old else delay)
        if too_old:
            self.delayed -= 1
            self._expire(call, "delayed")
        else:
            call.waiting_us += delay
            self._scheduler.at(self._scheduler.now + delay, self._retry_refused, call)

    def _ended(self, call: Call) -> None:
        """An attempt is over: done, another wait, or the end."""
        told = self._doubled.pop(call.request, None) if self._doubled else None
        if told is not None and self._runs_again(call):
            told(call.request)
            return
        self.in_flight -= 1
        call.started_at = self._scheduler.now
        failure, config = call.failure, self.config(call)
        if failure is None:
            if config.on_success is not None:
                self.in_flight += 1
                self._inform(call, Cause.COMPLETED, config.on_success)
                self.in_flight -= 1
            self._note(call, Action.DELETED, Cause.COMPLETED)
            self._close(call, InvocationStatus.SUCCEEDED, Cause.COMPLETED)
            return
        runs = call.attempts - self._extra.get(call.request, 0)
        if runs > config.maximum_retry_attempts:
            cause, status = Cause.RETRIES_EXHAUSTED, InvocationStatus.FAILED
            self._give_up(call, Action.DROPPED, status, cause, "in_flight")
            return
        delay = self._retry_wait(runs)
        if self._expires_within(call, delay):
            self._expire(call, "in_flight")
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

    def _expire(self, call: Call, standing: str) -> None:
        cause, status = Cause.EVENT_AGE_EXCEEDED, InvocationStatus.EXPIRED
        self._give_up(call, Action.EXPIRED, status, cause, standing)

    def _drop(self, call: Call, cause: int, standing: str) -> None:
        self._give_up(call, Action.DROPPED, InvocationStatus.DROPPED, cause, standing)

    def _give_up(self, call: Call, action: int, status: int, cause: int, standing: str) -> None:
        """The event has ended without success: tell the destination, and the dead-letter queue.

        While that is done the event still stands in the queue as it did (``standing``): a record can
        lead to another event of this very function before it returns.
        """
        destination, letters = self.config(call).on_failure, self._function.dead_letters
        if destination is not None or letters is not None:
            setattr(self, standing, getattr(self, standing) + 1)
            if destination is not None:
                self._inform(call, cause, destination)
            if letters is not None:
                problem = self._ends.dead_letter(call, cause, letters)
                told = Cause.DELIVERY_FAILED if problem else cause
                self._note(call, Action.DEAD_LETTERED, told)
            setattr(self, standing, getattr(self, standing) - 1)
        self._note(call, action, cause)
        self._close(call, status, cause)

    def _inform(self, call: Call, cause: int, destination: Destination) -> None:
        problem = self._ends.inform(call, cause, destination, self._scheduler.now)
        self._note(call, Action.DELIVERED, Cause.DELIVERY_FAILED if problem else cause)

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
