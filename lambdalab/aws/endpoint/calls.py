"""From a signed request to an operation of the lab and back."""

from __future__ import annotations

import re
import secrets
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.validate import ParamValidator

from lambdalab.aws import elsewhere
from lambdalab.aws.dispatch import OperationNotSimulated
from lambdalab.aws.dispatch import _new_id as new_id
from lambdalab.aws.endpoint import answers
from lambdalab.aws.endpoint.http import Request, Response
from lambdalab.aws.endpoint.protocols import Asked, Protocol, Unreadable, protocol_of
from lambdalab.aws.operations import WAITING, ApiError, Call, Service, service
from lambdalab.aws.session import LabSession
from lambdalab.errors import LabError
from lambdalab.functions.context import REGION
from lambdalab.functions.variables import trace_id
from lambdalab.kernel import outside
from lambdalab.kernel.clock import US
from lambdalab.traffic.callers import Manner

if TYPE_CHECKING:
    from moto.core.model import OperationModel

    from lambdalab.aws.endpoint.desk import Desk
    from lambdalab.lab import Lab
    from lambdalab.traffic.calls import Calls

_VALIDATOR = ParamValidator()
_CODE = frozenset({"CreateFunction", "UpdateFunctionCode", "PublishLayerVersion"})
_JSON_BODIES = ("application/json", "application/x-amz-json", "application/octet-stream")
_NO_CODE = (
    "Uploading code means running it, and this server was not started for that: lambdalab serve "
    "--allow-code, or create the function in the lab that is served."
)
_NO_CBOR = "CBOR is not spoken here; tell the SDK to use the service's JSON or query protocol."
_NOBODYS = frozenset({"batch", "elasticloadbalancing", "motoapi", *WAITING})
"""Services that moto must not answer over HTTP: it would start containers, or answer for the lab."""
_HOST = re.compile(r"[a-z0-9-]{1,60}\.[a-z0-9-]{1,30}\.amazonaws\.com")
_OURS = frozenset({"status", "server", "date", "content-length", "connection", "transfer-encoding"})
"""Headers of moto's answers that the server itself sets."""
_SERVICES = {"monitoring": "cloudwatch"}
"""Services by the name that signatures have of them, where it is not boto3's."""


class Http:
    """Who calls over HTTP: one try each; whoever wants more sends another request."""

    def manner(self, calls: Calls) -> Manner:
        """See :class:`~lambdalab.traffic.callers.Caller`."""
        return Manner("http")


CALLER = Http()


def service_of(signing_name: str, request: Request) -> str:
    """The service that a signed request is for, by boto3's name."""
    if signing_name == "dynamodb":
        target = request.headers.get("x-amz-target", "")
        return "dynamodbstreams" if target.startswith("DynamoDBStreams") else "dynamodb"
    return _SERVICES.get(signing_name, signing_name)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of a call: the members of its answer, or why it was refused."""

    parsed: dict[str, Any]
    refused: ApiError | None
    status: int
    request_id: str
    headers: dict[str, str]


class Counter:
    """Where signed requests become calls of a lab's operations.

    Parameters: the ``desk`` in front of the lab; ``allow_code``, whether code may be uploaded.
    """

    def __init__(self, desk: Desk, allow_code: bool) -> None:
        self._desk, self._allow_code = desk, allow_code
        self._session = LabSession(desk.lab)
        self._clients: dict[str, Any] = {}

    async def answer(
        self, name: str, request: Request, *, bucket: str = "", region: str = REGION
    ) -> Response:
        """The response to a request that has been let in.

        Parameters: the ``name`` of the service; the ``bucket`` that S3's host names, if one; the
        ``region`` that the request is for, which only services know that no lab has.
        """
        if "smithy-protocol" in request.headers:
            raise ApiError("UnsupportedProtocol", _NO_CBOR, 415)
        known = service(name)
        if known is None:
            return await self._desk.do(lambda: _elsewhere(self._desk.lab, name, region, request))
        protocol, operation = protocol_of(name, request), None
        try:
            asked = Asked(request, bucket)
            operation, params = protocol.operation(asked)
            given = self._given(known, protocol, operation, asked, params)
        except Unreadable as error:
            refused = _unreadable(protocol, name, operation, str(error))
            return answers.refused(protocol, operation, refused, fresh_id())
        except ApiError as error:
            return answers.refused(protocol, operation, error, fresh_id())
        called = operation.name
        outcome = await self._desk.do(lambda: self._carried_out(known, called, given))
        if outcome.refused is not None:
            return answers.refused(protocol, operation, outcome.refused, outcome.request_id)
        parsed = _placed(outcome.parsed, request) if name == "sqs" else outcome.parsed
        made = answers.answered(protocol, operation, parsed, outcome.status, outcome.request_id)
        made.headers.update(outcome.headers)
        return made

    def _given(
        self,
        known: Service,
        protocol: Protocol,
        operation: OperationModel,
        asked: Asked,
        params: dict[str, Any],
    ) -> dict[str, Any]:
        """The parameters of a call, as botocore would have them. Raises :class:`ApiError`."""
        name = operation.name
        if known.name == "lambda":
            if name in _CODE and not self._allow_code:
                raise _no_code()
            if name == "Invoke":
                _check_media_type(asked.request)
        if name not in known.operations:
            raise _not_simulated(known.name, name)
        given = protocol.parse(operation, asked, params)
        if name == "UpdateFunctionConfiguration" and "Handler" in given and not self._allow_code:
            raise _no_code()
        shape = operation.input_shape
        if known.name == "sqs" and "QueueName" in params and "QueueUrl" in shape.members:
            given.setdefault("QueueUrl", asked.raw_path)
        if shape is not None:
            report = _VALIDATOR.validate(given, shape)
            if report.has_errors():
                raise _invalid(known, protocol, report)
        return given

    def _carried_out(self, known: Service, operation: str, given: dict[str, Any]) -> _Outcome:
        """What the lab says; in the desk's thread."""
        lab = self._desk.lab
        client = self._clients.get(known.name)
        if client is None:
            client = self._clients[known.name] = self._session.client(known.name)
        call = Call(lab, client, operation, given, caller=CALLER)
        parsed, refused, headers = {}, None, {}
        try:
            parsed = known.answer(call)
        except ApiError as error:
            refused = error
        except LabError as error:
            refused = ApiError("InternalFailure", str(error), 500)
        request_id = call.request_id or new_id(lab)
        if operation in ("Invoke", "InvokeAsync") and refused is None:
            headers = _invoked(call, request_id)
        return _Outcome(parsed, refused, call.status, request_id, headers)


def _elsewhere(lab: Lab, name: str, region: str, request: Request) -> Response:
    """The answer of a service that no lab has: moto's, or the refusal that there is none."""
    known = f"{name}.{region}.amazonaws.com"
    if name in _NOBODYS or not _HOST.fullmatch(known):
        raise _not_simulated(name, _asked_for(request))
    query = f"?{request.query_string}" if request.query_string else ""
    asked = AWSPreparedRequest(
        request.method, f"https://{known}{request.raw_path}{query}",
        request.headers | {"host": known}, request.body, stream_output=False,
    )  # fmt: skip
    try:
        with outside.virtual(lab._own_time):
            status, headers, body = elsewhere.answered(lab, asked)
    except elsewhere.NotThere:
        raise _not_simulated(name, _asked_for(request)) from None
    told = {key.lower(): str(value) for key, value in headers.items()}
    return Response(
        int(status), body.encode() if isinstance(body, str) else body,
        {key: value for key, value in told.items() if key not in _OURS},
    )  # fmt: skip


def fresh_id() -> str:
    """The id of an answer that no lab has given."""
    return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))


def _invoked(call: Call, request_id: str) -> dict[str, str]:
    """What Lambda tells beside the answer to an Invoke: the trace is the one that the handler saw."""
    lab, at = call.lab, call.handler_at
    epoch_s = lab._clock.epoch_us(lab._scheduler.now if at is None else at) // US
    return {"x-amzn-trace-id": trace_id(request_id, epoch_s), "x-amzn-remapped-content-length": "0"}


def _placed(parsed: dict[str, Any], request: Request) -> dict[str, Any]:
    """The answers of SQS with its queues' URLs here: some SDKs send there what is for a queue."""
    here = f"http://{request.headers['host']}/"

    def place(url: str) -> str:
        return here + url.partition("://")[2].partition("/")[2]

    for name in ("QueueUrl", "QueueUrls", "queueUrls"):
        if name in parsed:
            urls = parsed[name]
            told = place(urls) if isinstance(urls, str) else [place(url) for url in urls]
            parsed = parsed | {name: told}
    return parsed


def _no_code() -> ApiError:
    """The refusal of new code, and of another handler: any function of Python's can be one."""
    return ApiError("AccessDeniedException", _NO_CODE, 403, Type="User")


def _check_media_type(request: Request) -> None:
    """Raise where the event of an Invoke is declared as something else than JSON."""
    kind = request.headers.get("content-type", _JSON_BODIES[0])
    if not kind.lower().startswith(_JSON_BODIES):
        told = f"The content type of the Invoke request body is not JSON: {kind[:100]}"
        raise ApiError("UnsupportedMediaTypeException", told, 415, Type="User")


def _asked_for(request: Request) -> str:
    """What a request calls its operation, where nobody knows its service."""
    target = request.headers.get("x-amz-target", "").rpartition(".")[2]
    return target or request.query.get("Action") or f"{request.method} {request.path}"


def _not_simulated(name: str, operation: str) -> ApiError:
    """The refusal of what a lab has not, with a status that no SDK tries again."""
    told = str(OperationNotSimulated(name, operation, service(name)))
    return ApiError("NotImplemented", told, 501)


def _unreadable(
    protocol: Protocol, name: str, operation: OperationModel | None, why: str
) -> ApiError:
    """The refusal of a body that cannot be read."""
    if name == "lambda":
        told = f"Could not parse request body into json: {why}"
        return ApiError("InvalidRequestContentException", told, Type="User")
    if name == "s3":
        told = "The XML you provided was not well-formed or did not validate against our published schema"
        return ApiError("MalformedXML", told)
    if protocol.name == "query":
        return ApiError("MalformedQueryString", f"The request could not be read: {why}")
    return ApiError("SerializationException", f"The request could not be read: {why}")


def _invalid(known: Service, protocol: Protocol, report: Any) -> ApiError:
    """The refusal of parameters that are missing, or of another kind than the model's."""
    missing = [more["required_name"] for kind, _, more in report._errors if "missing" in kind]
    if missing and known.name == "sqs":
        told = f"The request must contain the parameter {missing[0]}."
        return ApiError("MissingParameter", told)
    said = []
    for kind, path, more in report._errors:
        place = ".".join([*(path or "").strip(".").split("."), more.get("required_name", "")])
        place = place.strip(".")
        place = place[:1].lower() + place[1:]
        if "missing" in kind:
            said.append(
                f"Value null at '{place}' failed to satisfy constraint: Member must not be null"
            )
        elif "min_allowed" in more:
            what = "length" if "length" in kind else "value"
            said.append(
                f"Value '{more['param']}' at '{place}' failed to satisfy constraint: Member must have "
                f"{what} greater than or equal to {more['min_allowed']}"
            )
        else:
            return _unreadable(protocol, known.name, None, report.generate_report())
    errors = "errors" if len(said) > 1 else "error"
    code = "ValidationException" if known.name == "lambda" else known.invalid
    return ApiError(code, f"{len(said)} validation {errors} detected: {'; '.join(said)}")
