"""Lambda's own queue of a function's asynchronous events: dwell, attempts, retries, back-off, ends.

What it follows (dg/invocation-async-error-handling, and measurements of November 2025):

* an error of the function is retried twice, about one and two minutes after the failed attempt;
* a throttle sends the event back for 1, 2, 4 ... 300 s and uses up no retry;
* before either wait Lambda looks ahead: an event that would be too old after it ends at once;
* with reserved concurrency 0 the event is given up without a try;
* what has failed for good goes to the function's dead-letter queue, where it has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdalab.functions.call import Call
from lambdalab.functions.capacity import Capacity
from lambdalab.functions.function import Function
from lambdalab.functions.runner import Runner
from lambdalab.kernel.clock import US
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
    """The event queue of every function that has been invoked asynchronously."""

    def __init__(
        self,
        scheduler: Scheduler,
        books: Recorder,
        rules: Rules,
        streams: RandomStreams,
        ids: Ids,
        capacity: Capacity,
        runner: Runner,
    ) -> None:
        self.scheduler, self.books, self.rules, self.streams = scheduler, books, rules, streams
        self.ids, self.capacity, self.runner = ids, capacity, runner
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
        self._scheduler, self._books = shared.scheduler, shared.books
        self._capacity, self._runner, self._ids = shared.capacity, shared.runner, shared.ids
        self._code = shared.books.queue(f"{function.name} (events)", QueueKind.ASYNCHRONOUS)
        rules = shared.rules
        self._dwell_us = round(rules.asynchronous_dwell * US)
        self._waits = tuple(rules.retry_waits)
        self._jitter = tuple(rules.retry_jitter)
        self._backoff_first: float = rules.throttle_backoff_first
        self._backoff_most: float = rules.throttle_backoff_maximum
        self._backoff_jitter = tuple(rules.throttle_backoff_jitter)
        self._message_bytes: int = rules.dead_letter_error_message
        self._latest = shared.books.name("$LATEST")
        self._retry_stream = shared.streams.stream(f"events/{function.name}/retry")
        self._backoff_stream = shared.streams.stream(f"events/{function.name}/back-off")
        self.visible = 0
        self.delayed = 0
        self.in_flight = 0

    @property
    def depth(self) -> int:
        """How many events it holds."""
        return self.visible + self.delayed + self.in_flight

    def accept(self, payload: bytes, origin: Origin) -> Call:
        """Take an event (202). It is tried after a short dwell in the queue."""
        now, function = self._scheduler.now, self._function
        request = self._books.invocation(
            function.name_code, self._latest, InvocationType.EVENT, origin.source,
            origin.parent_kind, origin.parent, now, len(payload),
        )  # fmt: skip
        self._books.payload(request, payload)
        call = Call(request, function, payload, now, None)
        call.ended = self._ended
        call.throttles = 0
        call.queued_us = call.waiting_us = 0
        self.visible += 1
        self._note(call, Action.SENT, origin.cause)
        if function.reserved == 0:
            self.visible -= 1
            self._give_up(
                call, Action.DROPPED, InvocationStatus.DROPPED, Cause.ZERO_RESERVED_CONCURRENCY
            )
        else:
            call.queued_us = self._dwell_us
            self._scheduler.at(now + self._dwell_us, self._first_try, call)
        return call

    def _first_try(self, call: Call) -> None:
        self.visible -= 1
        self._try(call, call.accepted_at, Cause.FIRST_ATTEMPT)

    def _retry(self, call: Call) -> None:
        self.delayed -= 1
        self._try(call, call.started_at, Cause.RETRY_AFTER_ERROR)

    def _retry_throttled(self, call: Call) -> None:
        self.delayed -= 1
        self._try(call, call.started_at, Cause.RETRY_AFTER_THROTTLE)

    def _try(self, call: Call, queued_at: int, cause: int) -> None:
        """The event is at the head of the queue: run it if there is room and it is not too old."""
        now = self._scheduler.now
        if now - call.accepted_at > self._function.settings.maximum_event_age * US:
            self._too_old(call)
            return
        throttled = self._capacity.admit(self._function)
        if throttled == Cause.ZERO_RESERVED_CONCURRENCY:
            self._give_up(call, Action.DROPPED, InvocationStatus.DROPPED, throttled)
        elif throttled:
            self._back_off(call, throttled)
        else:
            call.throttles = 0
            self.in_flight += 1
            self._note(call, Action.RECEIVED, cause)
            self._runner.start(call, queued_at, cause)

    def _back_off(self, call: Call, cause: int) -> None:
        low, high = self._backoff_jitter
        seconds = min(self._backoff_first * 2**call.throttles, self._backoff_most)
        delay = round(seconds * (low + (high - low) * self._backoff_stream.uniform()) * US)
        call.throttles += 1
        call.started_at = self._scheduler.now
        too_old = self._expires_within(call, delay)
        self._delay(call, Action.THROTTLED, cause, 0 if too_old else delay)
        if too_old:
            self.delayed -= 1
            self._too_old(call)
        else:
            call.waiting_us += delay
            self._scheduler.at(self._scheduler.now + delay, self._retry_throttled, call)

    def _ended(self, call: Call) -> None:
        """An attempt is over: done, another wait, or the end."""
        self.in_flight -= 1
        call.started_at = self._scheduler.now
        failure = call.failure
        if failure is None:
            self._note(call, Action.DELETED, Cause.COMPLETED)
            self._close(call, InvocationStatus.SUCCEEDED, Cause.COMPLETED)
            return
        if call.attempts > self._function.settings.maximum_retry_attempts:
            self._give_up(call, Action.DROPPED, InvocationStatus.FAILED, Cause.RETRIES_EXHAUSTED)
            return
        delay = self._retry_wait(call.attempts)
        if self._expires_within(call, delay):
            self._too_old(call)
            return
        self._delay(call, Action.RETRY_SCHEDULED, failure.cause, delay)
        call.queued_us += delay
        self._scheduler.at(self._scheduler.now + delay, self._retry, call)

    def _retry_wait(self, attempts: int) -> int:
        low, high = self._jitter
        wait = self._waits[min(attempts, len(self._waits)) - 1]
        seconds: float = wait + low + (high - low) * self._retry_stream.uniform()
        return round(seconds * US)

    def _expires_within(self, call: Call, delay: int) -> bool:
        age = self._scheduler.now - call.accepted_at
        return age + delay > self._function.settings.maximum_event_age * US

    def _too_old(self, call: Call) -> None:
        self._give_up(call, Action.EXPIRED, InvocationStatus.EXPIRED, Cause.EVENT_AGE_EXCEEDED)

    def _give_up(self, call: Call, action: int, status: int, cause: int) -> None:
        """The event has ended without success: to the dead-letter queue with it, if there is one."""
        letters = self._function.dead_letters
        if letters is not None:
            problem = letters.deliver(call.payload, self._attributes(call), call.request)
            self._delay(call, Action.DEAD_LETTERED, Cause.DELIVERY_FAILED if problem else cause)
            self.delayed -= 1
        self._note(call, action, cause)
        self._close(call, status, cause)

    def _attributes(self, call: Call) -> dict[str, tuple[str, str]]:
        """The dead letter's message attributes; what AWS writes for an event that never ran is
        undocumented: here the throttle that kept it from running."""
        failure = call.failure
        message = failure.message if failure else "Rate Exceeded."
        cut = message.encode(errors="backslashreplace")[: self._message_bytes].decode(
            errors="ignore"
        )
        return {
            "RequestID": ("String", self._ids.request(call.request)),
            "ErrorCode": ("Number", "200" if failure else "429"),
            "ErrorMessage": ("String", cut),
        }

    def _close(self, call: Call, status: int, cause: int) -> None:
        call.status, call.cause = status, cause
        error = FunctionError.UNHANDLED if call.failure else FunctionError.NONE
        self._books.invocation_waited(call.request, call.queued_us, call.waiting_us)
        self._books.invocation_done(
            call.request, self._scheduler.now, status, 202, error, call.attempts,
            len(call.response), cause, 0, 0, self._latest if call.attempts else 0,
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
