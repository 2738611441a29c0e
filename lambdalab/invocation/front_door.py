"""The front door: every Invoke call comes in here, and is run, queued or refused.

Lambda does not retry synchronous calls: who called hears of the failure (dg/invocation-sync).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import orjson

from lambdalab.errors import (
    InvalidRequestContentException,
    RequestTooLargeException,
    ServiceError,
    TooManyRequestsException,
)
from lambdalab.functions.call import Call
from lambdalab.functions.capacity import Capacity
from lambdalab.functions.function import Function
from lambdalab.functions.runner import Runner
from lambdalab.invocation.event_queue import EventQueue, EventQueues
from lambdalab.kernel.clock import US
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import (
    Cause,
    FunctionError,
    InvocationStatus,
    InvocationType,
    ParentKind,
)

REASONS = {
    Cause.THROTTLED_ACCOUNT: "ConcurrentInvocationLimitExceeded",
    Cause.THROTTLED_RESERVED: "ReservedFunctionConcurrentInvocationLimitExceeded",
    Cause.ZERO_RESERVED_CONCURRENCY: "ReservedFunctionConcurrentInvocationLimitExceeded",
}
"""The ``Reason`` of a 429 (botocore ThrottleReason)."""

Answer = Callable[[Call], None]


class Origin(NamedTuple):
    """Who invokes: its name in the books, why (a cause), and what of the books led to it."""

    source: int
    cause: int
    parent_kind: int = ParentKind.NONE
    parent: int = 0


class FrontDoor:
    """Accepts, refuses and answers Invoke calls.

    Every verb takes the function, the payload as JSON bytes, an :class:`Origin` and ``answered``, which
    is called with the :class:`Call` when the caller gets its answer (at once where it is refused: then
    ``call.error`` is the service's exception).
    """

    def __init__(
        self,
        scheduler: Scheduler,
        books: Recorder,
        rules: Rules,
        capacity: Capacity,
        runner: Runner,
        event_queues: EventQueues,
    ) -> None:
        self._scheduler, self._books, self._rules = scheduler, books, rules
        self._capacity, self._runner, self._queues = capacity, runner, event_queues
        self._open, self._close = books.invocation, books.invocation_done
        self._largest: int = rules.synchronous_payload
        self._largest_event: int = rules.asynchronous_payload
        self._latest = books.name("$LATEST")
        self._overhead_us = round(rules.invoke_overhead * US)
        self._one_way_us = round(rules.network_latency * US) // 2

    def request_response(
        self, function: Function, payload: bytes, origin: Origin, answered: Answer
    ) -> Call:
        """Run the function now; ``answered`` comes with its result."""
        now = self._scheduler.now
        source, cause, parent_kind, parent = origin
        request = self._open(
            function.name_code, self._latest, InvocationType.REQUEST_RESPONSE, source,
            parent_kind, parent, now, len(payload),
        )  # fmt: skip
        call = Call(request, function, payload, now, answered)
        call.ended = self._ended
        if len(payload) > self._largest:
            self._refuse_size(call, "synchronous_payload")
            return call
        ahead = self._overhead_us + self._one_way_us
        if ahead:
            self._scheduler.at(now + ahead, partial(self._admit, cause=cause), call)
        else:
            self._admit(call, cause)
        return call

    def _admit(self, call: Call, cause: int) -> None:
        throttled = self._capacity.admit(call.function)
        if throttled:
            self._refuse(call, InvocationStatus.THROTTLED, throttled, throttle(throttled))
        else:
            self._runner.start(call, self._scheduler.now, cause)

    def _ended(self, call: Call) -> None:
        """The only attempt of a synchronous call is over."""
        if self._one_way_us:
            self._scheduler.at(self._scheduler.now + self._one_way_us, self._answer, call)
        else:
            self._answer(call)

    def _answer(self, call: Call) -> None:
        if call.failure is None:
            status, error, cause = InvocationStatus.SUCCEEDED, FunctionError.NONE, Cause.COMPLETED
        else:
            status, error, cause = (
                InvocationStatus.FAILED, FunctionError.UNHANDLED, call.failure.cause
            )  # fmt: skip
        call.status, call.cause = status, cause
        self._close(
            call.request, self._scheduler.now, status, 200, error, 1, len(call.response), cause,
            2 * self._one_way_us, self._overhead_us, self._latest,
        )  # fmt: skip
        if call.answered is not None:
            call.answered(call)

    def event(self, function: Function, payload: bytes, origin: Origin) -> Call:
        """Queue the event; the call's ``error`` is None when it was accepted (202)."""
        if len(payload) <= self._largest_event:
            return self._queues.of(function).accept(payload or b"{}", origin)
        call = self._record(function, payload, origin, InvocationType.EVENT)
        self._refuse_size(call, "asynchronous_payload")
        return call

    def dry_run(self, function: Function, payload: bytes, origin: Origin) -> Call:
        """Check the call and run nothing (204)."""
        call = self._record(function, payload, origin, InvocationType.DRY_RUN)
        if len(payload) > self._largest:
            self._refuse_size(call, "synchronous_payload")
        else:
            self._done(call, InvocationStatus.DRY_RUN, 204, Cause.DRY_RUN)
        return call

    def invalid_json(
        self, function: Function, payload: bytes, origin: Origin, invocation_type: int, text: str
    ) -> Call:
        """Refuse a body that is not JSON (400)."""
        call = self._record(function, payload, origin, invocation_type)
        error = InvalidRequestContentException(
            f"Could not parse request body into json: Could not parse payload into json: {text}"
        )
        self._refuse(call, InvocationStatus.REFUSED, Cause.INVALID_JSON, error)
        return call

    def queue_of(self, function: Function) -> EventQueue:
        """Lambda's own queue of a function's asynchronous events."""
        return self._queues.of(function)

    def _record(
        self, function: Function, payload: bytes, origin: Origin, invocation_type: int
    ) -> Call:
        now = self._scheduler.now
        request = self._open(
            function.name_code, self._latest, invocation_type, origin.source,
            origin.parent_kind, origin.parent, now, len(payload),
        )  # fmt: skip
        return Call(request, function, payload, now, None)

    def _refuse_size(self, call: Call, limit: str) -> None:
        most, size = getattr(self._rules, limit), len(call.payload)
        error = RequestTooLargeException(
            f"{size} byte payload is too large for the invocation type: {limit} is {most} bytes",
            f" ({self._rules.source(limit)})",
        )
        self._refuse(call, InvocationStatus.REFUSED, Cause.PAYLOAD_TOO_LARGE, error)

    def _refuse(self, call: Call, status: int, cause: int, error: ServiceError) -> None:
        call.error = error
        self._done(call, status, error.status_code, cause)

    def _done(self, call: Call, status: int, status_code: int, cause: int) -> None:
        now = self._scheduler.now
        call.status, call.cause = status, cause
        spent = now - call.accepted_at
        network = min(spent, self._one_way_us)
        self._close(
            call.request, now, status, status_code, FunctionError.NONE, 0, 0, cause,
            network, spent - network, 0,
        )  # fmt: skip
        if call.answered is not None:
            call.answered(call)


def throttle(cause: int) -> TooManyRequestsException:
    """The 429 of a throttle (botocore TooManyRequestsException)."""
    return TooManyRequestsException("Rate Exceeded.", Reason=REASONS[cause])


def json_problem(payload: bytes) -> str:
    """Why a payload is not JSON; ``""`` when it is (or is empty)."""
    if not payload:
        return ""
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        return str(error)
    return ""
