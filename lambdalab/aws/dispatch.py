"""Where botocore would make an API call: the lab answers instead, in this process.

A client's parameters are validated and its events emitted as on the way to AWS, so that ``boto3.resource``
and what others hook in go on working; only the wire is left out.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ParamValidationError
from botocore.validate import ParamValidator

from lambdalab.aws import elsewhere
from lambdalab.aws.operations import OURS, WAITING, ApiError, Call, Service, service
from lambdalab.errors import LabError
from lambdalab.kernel import outside
from lambdalab.kernel.current import current

if TYPE_CHECKING:
    from lambdalab.lab import Lab

_VALIDATOR = ParamValidator()


class OperationNotSimulated(LabError, NotImplementedError):
    """An API call that the lab does not answer; nothing has left the process."""

    def __init__(self, name: str, operation: str, known: Service | None) -> None:
        self.service, self.operation = name, operation
        there = ", ".join(sorted(known.operations)) if known else ""
        more = f"; of {name} there are {there}" if there else ""
        if name in WAITING:
            more = "; the lab has the service, and its own verbs for it, but not its API"
        super().__init__(f"{name} {operation} is not simulated{more} (docs/aws-api.md)")


def api_call(lab: Lab, client: Any, operation: str, given: dict[str, Any]) -> dict[str, Any]:
    """What the lab answers to one API call of a botocore client.

    Raises botocore's :class:`ParamValidationError`, the client's exceptions
    (:class:`botocore.exceptions.ClientError`) and :class:`OperationNotSimulated`.
    """
    name = client.meta.service_model.service_name
    known = service(name)
    if name in WAITING:
        raise OperationNotSimulated(name, operation, known)
    if known is None:
        return _elsewhere(lab, client, operation, given)
    answering = known.operations.get(operation)
    if answering is None:
        raise OperationNotSimulated(name, operation, known)
    model = client.meta.service_model.operation_model(operation)
    context: dict[str, Any] = {
        "client_region": client.meta.region_name, "client_config": client.meta.config,
        "has_streaming_input": model.has_streaming_input, "auth_type": model.auth_type,
    }  # fmt: skip
    given = client._emit_api_params(api_params=given, operation_model=model, context=context)
    if client.meta.config.parameter_validation and model.input_shape is not None:
        report = _VALIDATOR.validate(given, model.input_shape)
        if report.has_errors():
            raise ParamValidationError(report=report.generate_report())
    call = Call(lab, client, operation, given)
    try:
        parsed, status = answering(call) or {}, call.status
    except OURS as error:
        parsed, status = _refused(known.error(error), known)
    except ApiError as error:
        parsed, status = _refused(error, known)
    return _answered(call, model, context, parsed, status)


def _elsewhere(lab: Lab, client: Any, operation: str, given: dict[str, Any]) -> dict[str, Any]:
    """The answer of a service that no lab has, in the lab's time."""
    task = current()
    own = task is not None and task.tasks is lab._lambda.tasks
    with nullcontext() if own else outside.virtual(time_of(lab)):
        try:
            return elsewhere.ask(lab, client, operation, given)
        except elsewhere.NotThere:
            pass
    raise OperationNotSimulated(client.meta.service_model.service_name, operation, None)


def time_of(lab: Lab) -> outside.Outside:
    """A lab's time, for code that runs outside it: to sleep lets the lab run."""
    return outside.Outside(
        lab._clock.start_us,
        lambda: lab._scheduler.now,
        lambda us: lab.advance(dt.timedelta(microseconds=us)),
    )


def _refused(error: ApiError, known: Service) -> tuple[dict[str, Any], int]:
    """The answer to a refused call; where a service keeps the codes of an old protocol, both are told."""
    told = {"Code": known.old_codes.get(error.code, error.code), "Message": error.message}
    if told["Code"] != error.code:
        told |= {"QueryErrorCode": error.code, "Type": "Sender"}
    return {"Error": told, **error.fields, "message": error.message}, error.status


def _answered(
    call: Call, model: Any, context: dict[str, Any], parsed: dict[str, Any], status: int
) -> dict[str, Any]:
    """The response with its metadata; an error as the client's own exception."""
    client = call.client
    request_id = call.request_id or _new_id(call.lab)
    headers = {"x-amzn-requestid": request_id, "content-type": "application/json"}
    parsed["ResponseMetadata"] = {
        "RequestId": request_id, "HTTPStatusCode": status, "HTTPHeaders": headers,
        "RetryAttempts": 0, **call.metadata,
    }  # fmt: skip
    service_id = client.meta.service_model.service_id.hyphenize()
    client.meta.events.emit(
        f"after-call.{service_id}.{call.operation}",
        http_response=_Response(status, headers),
        parsed=parsed, model=model, context=context,
    )  # fmt: skip
    if status >= 300:
        kind = parsed["Error"].get("QueryErrorCode") or parsed["Error"]["Code"]
        raise client.exceptions.from_code(kind)(parsed, call.operation)
    return parsed


class _Response:
    """What handlers of botocore's events see of the wire: status and headers."""

    __slots__ = ("headers", "status_code")
    url, raw, content, text = "", None, b"", ""

    def __init__(self, status_code: int, headers: dict[str, str]) -> None:
        self.status_code, self.headers = status_code, headers


def _new_id(lab: Lab) -> str:
    """The id of an answer: of the lab's seed and how many calls it has answered so far."""
    count: int = lab.__dict__.get("_api_calls", 0) + 1
    lab.__dict__["_api_calls"] = count
    digits = hashlib.sha256(f"{lab.seed}/api/{count}".encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"
