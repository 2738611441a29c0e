"""The front door: every Invoke call comes in here, and is run, queued or refused.

Lambda does not retry synchronous calls: who called hears of the failure (dg/invocation-sync).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import orjson

from lambdalab.errors import (
    AccessDeniedException,
    InvalidRequestContentException,
    RequestTooLargeException,
    ResourceConflictException,
    ResourceNotFoundException,
    ServiceError,
    ServiceException,
    TooManyRequestsException,
)
from lambdalab.functions.call import Call
from lambdalab.functions.capacity import Capacity
from lambdalab.functions.mishaps import Mishap, failing
from lambdalab.functions.policy import INVOKE
from lambdalab.functions.runner import Runner
from lambdalab.functions.target import LATEST, Target
from lambdalab.invocation.event_queue import EventQueues
from lambdalab.invocation.recursion import Chain
from lambdalab.kernel.clock import US
from lambdalab.kernel.scheduler import Scheduler
from lambdalab.rules import Rules
from lambdalab.trace.recorder import Recorder
from lambdalab.trace.schema import (
    THROTTLE_REASONS,
    Cause,
    FunctionError,
    InvocationStatus,
    InvocationType,
    ParentKind,
)

Answer = Callable[[Call], None]
PENDING = "Pending"


class Origin(NamedTuple):
    """Who invokes: its name in the books, why (a cause), and what of the books led to it.

    ``chain`` is the chain of requests that led here (:mod:`.recursion`); None: nobody in the lab.
    """

    source: int
    cause: int
    parent_kind: int = ParentKind.NONE
    parent: int = 0
    chain: Chain | None = None


class FrontDoor:
    """Accepts, refuses and answers Invoke calls.

    Every verb takes the target, the payload as JSON bytes, an :class:`Origin` and ``answered``, which
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
        self.recursion = event_queues.recursion
        self._open, self._close = books.invocation, books.invocation_done
        self._largest: int = rules.synchronous_payload
        self._largest_event: int = rules.asynchronous_payload
        self._overhead_us = round(rules.invoke_overhead * US)
        self._one_way_us = round(rules.network_latency * US) // 2
        self._ahead_us = self._overhead_us + self._one_way_us
        self._over = self._ended if self._one_way_us else self._answer

    def request_response(
        self,
        target: Target,
        payload: bytes,
        origin: Origin,
        answered: Answer,
        client_context: dict[str, Any] | None = None,
    ) -> Call:
        """Run the function now; ``answered`` comes with its result."""
        now = self._scheduler.now
        source, cause, parent_kind, parent, chain = origin
        function = target.function
        request = self._open(
            function.name_code, target.code, InvocationType.REQUEST_RESPONSE, source,
            parent_kind, parent, now, len(payload),
        )  # fmt: skip
        call = Call(request, target, payload, now, answered)
        call.ended = self._over
        if client_context is not None:
            call.client_context = client_context
        if len(payload) > self._largest:
            self._refuse_size(call, "synchronous_payload")
        elif function.state == PENDING:
            self._refuse_pending(call)
        elif function.deleted:  # a mapping still had a batch for it
            self._refuse_gone(call)
        elif chain is not None and self._loops(call, chain):
            error = self.recursion.error(function.name)
            self._refuse(call, InvocationStatus.REFUSED, Cause.RECURSIVE_LOOP, error)
        elif self._ahead_us:
            self._scheduler.at(now + self._ahead_us, partial(self._arrive, cause=cause), call)
        else:
            self._admit(call, cause)
        return call

    def _loops(self, call: Call, chain: Chain) -> bool:
        """Whether a call has to be stopped; if not, its own chain begins."""
        name = call.function.name
        if self.recursion.loops(name, call.function.settings.recursive_loop, chain):
            return True
        call.chain = self.recursion.enter(call.request, name, chain)
        return False

    def _arrive(self, call: Call, cause: int) -> None:
        """The function may have changed, or be gone, while the call was on its way."""
        target = call.target
        if call.function.deleted or not call.function.knows(target.qualifier):
            self._refuse_gone(call)
            return
        call.version = target.resolve()
        self._admit(call, cause)

    def _refuse_gone(self, call: Call) -> None:
        target = call.target
        last = "" if target.qualifier else self._rules.unknown_function_version
        error = ResourceNotFoundException(f"Function not found: {target.arn}{last}")
        self._refuse(call, InvocationStatus.REFUSED, Cause.UNKNOWN_FUNCTION, error)

    def _admit(self, call: Call, cause: int) -> None:
        refused = self._capacity.admit(call, True)
        if not refused:
            self._runner.start(call, self._scheduler.now, cause)
        elif refused == Cause.SERVICE_ERROR:
            self._refuse(call, InvocationStatus.REFUSED, refused, service_error())
        else:
            self._refuse(call, InvocationStatus.THROTTLED, refused, throttle(refused))

    def _ended(self, call: Call) -> None:
        """The only attempt of a synchronous call is over; the answer is on its way."""
        self._scheduler.at(self._scheduler.now + self._one_way_us, self._answer, call)

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
            2 * self._one_way_us, self._overhead_us, call.version.version_code,
        )  # fmt: skip
        if call.chain is not None:
            self.recursion.leave(call.request)
        if call.answered is not None:
            call.answered(call)

    def event(self, target: Target, payload: bytes, origin: Origin) -> Call:
        """Queue the event; the call's ``error`` is None when it was accepted (202).

        Callers other than AWS's own services may send ten events a second for each unit of the
        account's concurrency (dg/gettingstarted-limits).
        """
        outside = origin.cause not in (Cause.TRIGGERED, Cause.DESTINATION)
        mishap = failing(target.function) if target.function.faults else None
        if (
            mishap is None
            and len(payload) <= self._largest_event
            and target.function.state != PENDING
            and (not outside or self._capacity.events.take(self._scheduler.now))
        ):
            return self._queues.of(target.function).accept(target, payload or b"{}", origin)
        call = self._record(target, payload, origin, InvocationType.EVENT)
        if mishap is not None:
            self._break_down(call, mishap)
        elif len(payload) > self._largest_event:
            self._refuse_size(call, "asynchronous_payload")
        elif target.function.state == PENDING:
            self._refuse_pending(call)
        else:
            limit, cause = self._capacity.events.burst, Cause.THROTTLED_CALLER_RATE
            self._capacity.throttled(target.function, limit, cause)
            self._refuse(call, InvocationStatus.THROTTLED, cause, throttle(cause))
        return call

    def dry_run(self, target: Target, payload: bytes, origin: Origin) -> Call:
        """Check the call and run nothing (204)."""
        mishap = failing(target.function) if target.function.faults else None
        call = self._record(target, payload, origin, InvocationType.DRY_RUN)
        if mishap is not None:
            self._break_down(call, mishap)
        elif len(payload) > self._largest:
            self._refuse_size(call, "synchronous_payload")
        else:
            self._done(call, InvocationStatus.DRY_RUN, 204, Cause.DRY_RUN)
        return call

    def invalid_json(
        self, target: Target, payload: bytes, origin: Origin, invocation_type: int, text: str
    ) -> Call:
        """Refuse a body that is not JSON (400)."""
        call = self._record(target, payload, origin, invocation_type)
        error = InvalidRequestContentException(
            f"Could not parse request body into json: Could not parse payload into json: {text}"
        )
        self._refuse(call, InvocationStatus.REFUSED, Cause.INVALID_JSON, error)
        return call

    def unknown(
        self,
        name: str,
        qualifier: str,
        origin: Origin,
        invocation_type: int,
        status_code: int = 404,
    ) -> int:
        """Write down a call to a function, version or alias that does not exist (404).

        Or one that names two (400).
        """
        now = self._scheduler.now
        cause = Cause.UNKNOWN_FUNCTION if status_code == 404 else Cause.INVALID_PARAMETER
        request = self._open(
            self._books.name(name), self._books.name(qualifier or LATEST), invocation_type,
            origin.source, origin.parent_kind, origin.parent, now, 0,
        )  # fmt: skip
        self._close(
            request, now, InvocationStatus.REFUSED, status_code, FunctionError.NONE, 0, 0, cause,
            0, 0, 0,
        )  # fmt: skip
        return request

    def denied(
        self, target: Target, payload: bytes, origin: Origin, invocation_type: int, principal: str
    ) -> Call:
        """Refuse a call that the function's resource policy does not allow (403)."""
        call = self._record(target, payload, origin, invocation_type)
        error = AccessDeniedException(
            f"User: {principal} is not authorized to perform: {INVOKE} on resource: {target.arn}",
            "; the function's resource policy does not allow it: lab.add_permission()",
        )
        self._refuse(call, InvocationStatus.REFUSED, Cause.ACCESS_DENIED, error)
        return call

    def _record(self, target: Target, payload: bytes, origin: Origin, invocation_type: int) -> Call:
        now = self._scheduler.now
        request = self._open(
            target.function.name_code, target.code, invocation_type, origin.source,
            origin.parent_kind, origin.parent, now, len(payload),
        )  # fmt: skip
        return Call(request, target, payload, now, None)

    def _break_down(self, call: Call, mishap: Mishap) -> None:
        """``lab.faults`` has Lambda itself fail."""
        mishap.strike(call.request)
        self._refuse(call, InvocationStatus.REFUSED, Cause.SERVICE_ERROR, service_error())

    def _refuse_pending(self, call: Call) -> None:
        """A function that is being created cannot be invoked yet (dg/functions-states)."""
        error = ResourceConflictException(
            "The operation cannot be performed at this time. The function is currently in the "
            f"following state: {call.function.state}"
        )
        self._refuse(call, InvocationStatus.REFUSED, Cause.FUNCTION_STATE, error)

    def _refuse_size(self, call: Call, limit: str) -> None:
        most, size = getattr(self._rules, limit), len(call.payload)
        kind = "Event" if limit == "asynchronous_payload" else "RequestResponse"
        error = RequestTooLargeException(
            f"{size} byte payload is too large for the {kind} invocation type (limit {most} bytes)",
            f" ({self._rules.source(limit)})",
        )
        self._refuse(call, InvocationStatus.REFUSED, Cause.PAYLOAD_TOO_LARGE, error)

    def _refuse(self, call: Call, status: int, cause: int, error: ServiceError) -> None:
        call.error = error
        self._done(call, status, error.status_code, cause)

    def _done(self, call: Call, status: int, status_code: int, cause: int) -> None:
        now = self._scheduler.now
        call.status, call.cause = status, cause
        if call.chain is not None:
            self.recursion.leave(call.request)
        spent = now - call.accepted_at
        network = min(spent, self._one_way_us)
        self._close(
            call.request, now, status, status_code, FunctionError.NONE, 0, 0, cause,
            network, spent - network, 0,
        )  # fmt: skip
        if call.answered is not None:
            call.answered(call)


def throttle(cause: int) -> TooManyRequestsException:
    """The 429 of a throttle (botocore TooManyRequestsException).

    ``retryAfterSeconds`` is a text there; AWS does not say how it is found, so it asks for no wait.
    """
    return TooManyRequestsException(
        "Rate Exceeded.", Reason=THROTTLE_REASONS[cause], retryAfterSeconds="0"
    )


def service_error() -> ServiceException:
    """The 500 of Lambda itself (botocore ServiceException)."""
    return ServiceException("Service error.", " (lab.faults made it so)")


def json_problem(payload: bytes) -> str:
    """Why a payload is not JSON; ``""`` when it is (or is empty)."""
    if not payload:
        return ""
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        return str(error)
    return ""
