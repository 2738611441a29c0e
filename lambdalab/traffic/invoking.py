"""Invoke as an operation: what a caller with patience and retries asks Lambda for, again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lambdalab.errors import ResourceNotFoundException
from lambdalab.functions.call import Call
from lambdalab.functions.target import Target
from lambdalab.invocation.calling import Answer, Answered, Try
from lambdalab.invocation.front_door import Origin, json_problem
from lambdalab.invocation.service import LambdaService
from lambdalab.trace.schema import InvocationType

STATUS = {"RequestResponse": 200, "Event": 202, "DryRun": 204}


@dataclass(slots=True)
class Unknown:
    """A try that found nothing to invoke; ``request`` is its number."""

    request: int


class Invoke:
    """An Invoke call, sent as often as its caller likes; each try is an invocation of its own.

    Parameters: Lambda, the ``service``; the ``target``, the payload as JSON (``data``), the invocation
    type (``kind``), and the client context of a synchronous call.
    """

    front = 0

    def __init__(
        self,
        service: LambdaService,
        target: Target,
        data: bytes,
        kind: str = "RequestResponse",
        client_context: dict[str, Any] | None = None,
    ) -> None:
        self._door, self._rules = service.front_door, service.rules
        self._target, self._data, self._kind = target, data, kind
        self._context, self._problem = client_context, json_problem(data)
        self._code = InvocationType.names.index(kind)

    def begin(self, origin: Origin, answered: Answered) -> Try:
        """Send it once."""
        door, target, data = self._door, self._target, self._data
        if self._problem:
            call = door.invalid_json(target, data, origin, self._code, self._problem)
        elif target.function.deleted or not target.function.knows(target.qualifier):
            return self._unknown(origin, answered)  # gone since the caller began
        elif self._kind == "Event":
            call = door.event(target, data, origin)
        elif self._kind == "DryRun":
            call = door.dry_run(target, data, origin)
        else:
            return door.request_response(
                target, data, origin, lambda call: answered(self._answer(call)), self._context
            )
        answered(self._answer(call))
        return call

    def _answer(self, call: Call) -> Answer:
        status = STATUS[self._kind] if call.error is None else call.error.status_code
        return Answer(status, call.request, value=call, error=call.error)

    def _unknown(self, origin: Origin, answered: Answered) -> Unknown:
        target = self._target
        request = self._door.unknown(target.function.name, target.qualifier, origin, self._code)
        last = "" if target.qualifier else self._rules.unknown_function_version
        error = ResourceNotFoundException(f"Function not found: {target.arn}{last}")
        answered(Answer(404, request, error=error))
        return Unknown(request)
