"""The operations of AWS's APIs that a lab answers: a table of functions, one file a service.

A function takes a :class:`Call` and returns the members of the response, as botocore would have parsed
them; what it raises of the lab's own errors becomes the error that a client of AWS sees.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from lambdalab.errors import InvalidSetting, ServiceError, UnknownName

if TYPE_CHECKING:
    from lambdalab.lab import Lab

Operation = Callable[["Call"], "dict[str, Any] | None"]

MODULES = {
    "lambda": "functions",
    "sqs": "sqs",
    "sns": "sns",
    "sts": "sts",
    "cloudwatch": "cloudwatch",
    "logs": "logs",
    "s3": "s3",
    "events": "events",
    "scheduler": "scheduler",
    "kinesis": "kinesis",
    "dynamodb": "dynamodb",
    "dynamodbstreams": "dynamodb_streams",
    "firehose": "firehose",
}
"""The services there are, by boto3's names, and the module of each."""

WAITING = frozenset(
    {"apigateway", "apigatewayv2", "cloudformation", "cloudfront", "codecommit", "cognito-idp"}
    | {"config", "elbv2"}
)
"""Services that a lab has, and whose API it does not answer yet: nobody else must answer for them."""

_SERVICES: dict[str, Service | None] = {}


@dataclass(slots=True)
class Call:
    """One API call: the lab that answers, the client that asks, the operation and what was given."""

    lab: Lab
    client: Any
    operation: str
    given: dict[str, Any]
    status: int = 200
    """The HTTP status of the answer; an operation may set another one that is no error."""
    request_id: str = ""
    """The id of the answer, where the operation has one of its own."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """What more its ``ResponseMetadata`` says, such as ``RetryAttempts``."""
    caller: Any = None
    """Who invokes, where it is not the client with retries of its own (see ``lab.invoke``)."""
    handler_at: int | None = None
    """When the handler began that an Invoke ran, in the lab's microseconds."""

    def __getitem__(self, name: str) -> Any:
        return self.given[name]

    def __contains__(self, name: str) -> bool:
        return name in self.given

    def get(self, name: str, default: Any = None) -> Any:
        """What was given, or the default."""
        return self.given.get(name, default)

    def settings(self, **names: str) -> dict[str, Any]:
        """The lab's settings for what was given: ``settings(timeout="Timeout")``."""
        return {ours: self.given[theirs] for ours, theirs in names.items() if theirs in self.given}


def of_run(lab: Lab, service_name: str) -> dict[str, Any]:
    """What a service's operations keep of a lab's run: nothing, once the lab was reset."""
    books, found = lab.__dict__.get("_aws_run", (None, {}))
    if books is not lab._books:
        found = {}
        lab.__dict__["_aws_run"] = lab._books, found
    mine: dict[str, Any] = found.setdefault(service_name, {})
    return mine


_KEPT: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


def kept(thing: Any) -> dict[str, Any]:
    """What is kept of a queue, a topic ... that the lab itself has no use for: tags, a policy."""
    found = _KEPT.get(thing)
    if found is None:
        found = _KEPT[thing] = {}
    return found


def id_of(*told: object) -> str:
    """An id in the form of a UUID, the same for the same: a seed, and what it is for."""
    h = hashlib.sha256("/".join(map(str, told)).encode()).hexdigest()
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:32]}"


class ApiError(Exception):
    """What a service answers when it refuses: a code, a message, a status and further members."""

    def __init__(self, code: str, message: str, status: int = 400, **fields: Any) -> None:
        self.code, self.message, self.status, self.fields = code, message, status, fields
        super().__init__(message)


class Service:
    """One service's operations.

    Parameters: boto3's ``name`` of it; ``invalid``, its error code for a value that cannot be;
    ``unknown``, its code and status for a thing that does not exist; ``codes``, its own codes for some
    of the lab's exceptions (or code and status); ``tell``, how it tells of a setting that cannot be, where
    it has words of its own; ``old_codes``, what it calls its errors in ``Error.Code`` where that is not
    the name of the exception's class.
    """

    def __init__(
        self,
        name: str,
        *,
        invalid: str = "ValidationException",
        unknown: tuple[str, int] = ("ResourceNotFoundException", 404),
        codes: Mapping[type[ServiceError], str | tuple[str, int]] | None = None,
        tell: Callable[[InvalidSetting], ApiError | None] | None = None,
        old_codes: dict[str, str] | None = None,
    ) -> None:
        self.name, self.invalid, self.unknown = name, invalid, unknown
        self.codes, self.old_codes, self.tell = codes or {}, old_codes or {}, tell
        self.operations: dict[str, Operation] = {}

    def operation(self, function: Operation) -> Operation:
        """Declare an operation: ``send_message`` answers SendMessage."""
        name = "".join(part.capitalize() for part in function.__name__.split("_"))
        self.operations[name] = function
        return function

    def error(self, error: Exception) -> ApiError:
        """One of the lab's errors as this service tells it."""
        if isinstance(error, ServiceError):
            code = next(
                (c for kind, c in self.codes.items() if isinstance(error, kind)), error.code
            )
            if isinstance(code, tuple):
                return ApiError(code[0], error.message, code[1], **error.fields)
            return ApiError(code, error.message, error.status_code, **error.fields)
        if isinstance(error, UnknownName):
            code, status = self.unknown
            return ApiError(code, str(error), status)
        told = self.tell(error) if self.tell and isinstance(error, InvalidSetting) else None
        return told or ApiError(self.invalid, str(error))

    def answer(self, call: Call) -> dict[str, Any]:
        """The members of the response to a call; what the service refuses is an :class:`ApiError`."""
        try:
            return self.operations[call.operation](call) or {}
        except OURS as error:
            raise self.error(error) from error


OURS = (ServiceError, InvalidSetting, UnknownName)
"""What a lab raises, and a client of AWS sees as an error of the service."""


def service(name: str) -> Service | None:
    """A service's operations, or None where the lab has none of it."""
    if name not in _SERVICES:
        module = MODULES.get(name)
        found = module and importlib.import_module(f"lambdalab.aws.{module}").SERVICE
        _SERVICES[name] = found or None
    return _SERVICES[name]
