"""Where botocore would make an API call: the lab answers instead, in this process.

A client's parameters are validated and its events emitted as on the way to AWS, so that ``boto3.resource``
and what others hook in go on working; only the wire is left out.
"""

from __future__ import annotations

from _thread import get_ident
from contextlib import nullcontext
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from lambdalab.aws import elsewhere
from lambdalab.aws.operations import OURS, WAITING, ApiError, Call, Service, id_of, of_run, service
from lambdalab.aws.route import Route
from lambdalab.errors import LabError
from lambdalab.kernel import outside
from lambdalab.kernel.current import green

if TYPE_CHECKING:
    from lambdalab.lab import Lab


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
    if get_ident() == lab._home and lab._driver is None:
        return _api_call(lab, client, operation, given)
    return lab._in_turn(lambda: _api_call(lab, client, operation, given))


def _api_call(lab: Lab, client: Any, operation: str, given: dict[str, Any]) -> dict[str, Any]:
    routes = client.__dict__.get("_lab_routes")
    if routes is None:
        routes = client.__dict__["_lab_routes"] = {}
    route = routes.get(operation)
    if route is None:
        known = _known(client, operation)
        if known is None:
            return _elsewhere(lab, client, operation, given)
        route = routes[operation] = Route(client, operation, known)
    context = route.context.copy()
    given = route.told(given, context)
    if route.validates:
        route.validate(given)
    call = Call(lab, client, operation, given)
    try:
        parsed, status = route.answering(call) or {}, call.status
    except OURS as error:
        parsed, status = _refused(route.known.error(error), route.known)
    except ApiError as error:
        parsed, status = _refused(error, route.known)
    return _answered(call, route, context, parsed, status)


def _known(client: Any, operation: str) -> Service | None:
    """The lab's service of a client, which has the operation; None where no lab has the service."""
    name = client.meta.service_model.service_name
    known = service(name)
    if name in WAITING or (known is not None and operation not in known.operations):
        raise OperationNotSimulated(name, operation, known)
    return known


def _elsewhere(lab: Lab, client: Any, operation: str, given: dict[str, Any]) -> dict[str, Any]:
    """The answer of a service that no lab has, in the lab's time."""
    task = green()
    own = task is not None and task.tasks is lab._lambda.tasks
    with nullcontext() if own else outside.virtual(lab._own_time):
        try:
            return elsewhere.ask(lab, client, operation, given)
        except elsewhere.NotThere:
            pass
    raise OperationNotSimulated(client.meta.service_model.service_name, operation, None)


def _refused(error: ApiError, known: Service) -> tuple[dict[str, Any], int]:
    """The answer to a refused call; where a service keeps the codes of an old protocol, both are told."""
    told = {"Code": known.old_codes.get(error.code, error.code), "Message": error.message}
    if told["Code"] != error.code:
        told |= {"QueryErrorCode": error.code, "Type": "Sender"}
    return {"Error": told, **error.fields, "message": error.message}, error.status


def _answered(
    call: Call, route: Route, context: dict[str, Any], parsed: dict[str, Any], status: int
) -> dict[str, Any]:
    """The response with its metadata; an error as the client's own exception."""
    request_id = call.request_id or _new_id(call.lab)
    headers = {"x-amzn-requestid": request_id, "content-type": "application/json"}
    parsed["ResponseMetadata"] = {
        "RequestId": request_id, "HTTPStatusCode": status, "HTTPHeaders": headers,
        "RetryAttempts": 0, **call.metadata,
    }  # fmt: skip
    route.emit(
        route.answered, http_response=_Response(status, headers),
        parsed=parsed, model=route.model, context=context,
    )  # fmt: skip
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        kind = parsed["Error"].get("QueryErrorCode") or parsed["Error"]["Code"]
        raise call.client.exceptions.from_code(kind)(parsed, call.operation)
    return parsed


class _Response:
    """What handlers of botocore's events see of the wire: status and headers."""

    __slots__ = ("headers", "status_code")
    url, raw, content, text = "", None, b"", ""

    def __init__(self, status_code: int, headers: dict[str, str]) -> None:
        self.status_code, self.headers = status_code, headers


def _new_id(lab: Lab) -> str:
    """The id of an answer: of the lab's seed and how many calls it has answered in this run."""
    run = of_run(lab, "api")
    if not run:
        run["prefix"], run["calls"] = id_of(lab.seed, "api")[:24], 0
    run["calls"] += 1
    return f"{run['prefix']}{run['calls']:012x}"
