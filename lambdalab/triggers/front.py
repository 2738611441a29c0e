"""A synchronous front: a service that calls a function and waits for its answer, for as long as it does.

The function does not notice when its caller stops waiting: it runs on to its own end, and is billed for
it (invocation.md 7 of the reference).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lambdalab.errors import ResourceNotFoundException, ServiceError
from lambdalab.functions.call import Call
from lambdalab.functions.outcome import Failure
from lambdalab.functions.policy import INVOKE
from lambdalab.functions.target import Target
from lambdalab.invocation.front_door import Origin
from lambdalab.trace.schema import Cause, InvocationType
from lambdalab.triggers.parts import Parts


@dataclass(slots=True)
class Result:
    """What a service hears of its call.

    Exactly one of four holds: ``response`` is the function's answer (bytes, JSON as a rule); ``failure``
    says how the function failed, with ``response`` as the error document; ``error`` is Lambda's refusal;
    ``timed_out``: no answer came in time. ``request`` is the invocation, ``cause`` why it went so.
    """

    request: int
    cause: int
    response: bytes = b""
    failure: Failure | None = None
    error: ServiceError | None = None
    timed_out: bool = False
    modelled: bool = False
    """Whether a model ran, which returns nothing: a service takes it for the answer that it wants."""

    @property
    def good(self) -> bool:
        """Whether the function ran and returned."""
        return self.failure is None and self.error is None and not self.timed_out


Heard = Callable[[Result], None]


class Waiting:
    """One call that a service waits for; ``request`` is the invocation's number."""

    __slots__ = ("_heard", "_parts", "_token", "request")

    def __init__(self, parts: Parts, heard: Heard) -> None:
        self._parts, self._heard = parts, heard
        self._token = 0
        self.request = 0

    def until(self, limit_us: int | None) -> None:
        """Wait no longer than this, unless it is over already; None: for ever."""
        if limit_us is not None and not self._token:
            scheduler = self._parts.scheduler
            self._token = scheduler.at(scheduler.now + limit_us, self._over)

    def answered(self, call: Call) -> None:
        """The function's answer, or Lambda's refusal; nobody listens after the limit."""
        if self._token < 0:
            return
        if self._token:
            self._parts.scheduler.cancel(self._token)
        if call.error is not None:
            self.told(Result(call.request, call.cause, error=call.error))
        else:
            model = call.version.code is None
            told = Result(call.request, call.cause, call.response, call.failure, modelled=model)
            self.told(told)

    def accepted(self, call: Call) -> None:
        """Lambda has queued an event, or refused it."""
        cause = Cause.ACCEPTED if call.error is None else call.cause
        self.told(Result(call.request, cause, error=call.error))

    def told(self, result: Result) -> None:
        """It is over."""
        self._token, self.request = -1, result.request
        self._heard(result)

    def _over(self, _: object) -> None:
        self._token = -1
        self._heard(Result(self.request, Cause.INTEGRATION_TIMEOUT, timed_out=True))


def call(
    parts: Parts,
    target: Target,
    event: bytes,
    heard: Heard,
    *,
    source: int,
    principal: str,
    source_arn: str,
    limit_us: int | None = None,
    cause_of: Origin | None = None,
    action: str = INVOKE,
    kind: int = InvocationType.REQUEST_RESPONSE,
    problem: str = "",
) -> Waiting:
    """Call a function on behalf of a service, which waits for what Lambda answers.

    Parameters
    ----------
    parts, target, event
        The lab's parts, the function (what goes by its name now), and the event as JSON.
    heard
        Called once with the :class:`Result`, at once where Lambda refuses.
    source
        The caller's name in the books, as in ``books.name("shop")``.
    principal, source_arn
        Who asks, for the function's resource policy: "apigateway.amazonaws.com" and the API's ARN. An
        empty principal needs no permission.
    limit_us
        How long the service waits, from now, the cold start included; None: for ever.
    cause_of
        Who asked the service: the invocation of a handler that did becomes the parent of this one.
    action
        What the policy has to allow.
    kind, problem
        The invocation type, and why the event is no JSON, for services that leave both to their callers.
        Lambda answers an ``Event`` as soon as it is queued (cause ``accepted``).
    """
    waiting, origin = Waiting(parts, heard), Origin(source, Cause.TRIGGERED)
    if cause_of is not None:
        origin = Origin(source, Cause.TRIGGERED, cause_of.parent_kind, cause_of.parent)
    door = parts.service.front_door
    try:
        target = parts.target(target.name, target.qualifier or None)
    except ResourceNotFoundException as error:  # gone since the service was wired
        number = door.unknown(target.name, target.qualifier, origin, kind)
        waiting.told(Result(number, Cause.UNKNOWN_FUNCTION, error=error))
        return waiting
    if principal and not parts.allowed(target, principal, source_arn, action):
        waiting.answered(door.denied(target, event, origin, kind, principal))
    elif problem:
        waiting.answered(door.invalid_json(target, event, origin, kind, problem))
    elif kind == InvocationType.EVENT:
        waiting.accepted(door.event(target, event, origin))
    elif kind == InvocationType.DRY_RUN:
        waiting.answered(door.dry_run(target, event, origin))
    else:
        waiting.request = door.request_response(target, event, origin, waiting.answered).request
        waiting.until(limit_us)
    return waiting
