"""Answers and refusals as bytes of a service's protocol, by moto's serializers."""

from __future__ import annotations

from functools import cache
from typing import Any

from moto.core.errors import ErrorLookupFactory, ErrorShape
from moto.core.model import OperationModel, ServiceModel
from moto.core.serialize import SerializationContext, get_serializer_class

from lambdalab.aws.endpoint.http import Response
from lambdalab.aws.endpoint.protocols import Protocol
from lambdalab.aws.operations import ApiError

_NO_BODY = frozenset({204, 304})
_ID_HEADERS = {"s3": "x-amz-request-id"}
_LOOKUPS = ErrorLookupFactory()


class _Plain:
    """How a serializer finds the members of what it is given: it is a dict, or an :class:`ApiError`."""

    def get_value(self, value: Any, key: str, _shape: Any) -> Any:
        if isinstance(value, dict):
            return value.get(key)
        if key in ("message", "Message"):
            return value.message
        return value.fields.get(key)

    def _serialize_error_metadata(self, serialized: Any, error: Any, shape: Any) -> None:
        super()._serialize_error_metadata(serialized, error, shape)  # type: ignore[misc]
        if "Message" in serialized:  # one is enough
            serialized.pop("message", None)


class _JsonErrors(_Plain):
    """A JSON error has the members of its shape and one message, in the shape's spelling."""

    def _serialize_error_metadata(self, serialized: Any, error: Any, shape: Any) -> None:
        super()._serialize_error_metadata(serialized, error, shape)
        if "Message" not in shape.members:
            serialized.pop("Message", None)
            serialized["message"] = error.message
        if self.operation_model.service_model.protocol == "rest-json":  # type: ignore[attr-defined]
            del serialized["__type"]  # the header says it
            if "Type" in error.fields:  # Lambda tells whose fault it was, whatever the error
                serialized["Type"] = error.fields["Type"]


@cache
def _kind(protocol: Protocol) -> Any:
    """The serializer of a protocol's answers."""
    kind = get_serializer_class(protocol.model.service_name, protocol.name)
    mixed = _JsonErrors if "json" in protocol.name else _Plain
    return type(kind.__name__, (mixed, kind), {"EVENT_STREAM_SERIALIZER_CLS": None})


def _ready(protocol: Protocol, operation: OperationModel, request_id: str) -> Any:
    return _kind(protocol)(operation, SerializationContext(request_id))


@cache
def _nothing(model: ServiceModel) -> OperationModel:
    """An operation without members: for what is refused before it is known what was asked."""
    return OperationModel({}, model)


def answered(
    protocol: Protocol,
    operation: OperationModel,
    parsed: dict[str, Any],
    status: int,
    request_id: str,
) -> Response:
    """The response of an operation that went well.

    Parameters: the members of the response; its status; the id of the request.
    """
    shape = operation.output_shape
    streamed = shape.serialization.get("payload") if shape is not None else None
    if streamed in parsed and hasattr(parsed[streamed], "read"):
        parsed = parsed | {streamed: parsed[streamed].read()}
    made = _ready(protocol, operation, request_id).serialize(parsed)
    headers = {name.lower(): value for name, value in made["headers"].items()}
    if "ContentType" in parsed and shape.members["ContentType"].serialization.get("location"):
        headers["content-type"] = parsed["ContentType"]
    return _response(protocol, status, headers, made["body"], request_id)


def refused(
    protocol: Protocol, operation: OperationModel | None, error: ApiError, request_id: str
) -> Response:
    """The response of an operation that was refused, in the shape of the service's errors."""
    model = protocol.model
    serializer = _ready(protocol, operation or _nothing(model), request_id)
    shape = _LOOKUPS.for_service(model).from_code(error.code) or _shape(error)
    told: dict[str, Any] = {}
    serializer._serialize_error_metadata(told, error, shape)
    made = serializer._serialized_error_to_response(
        serializer._create_default_response(), error, shape, told
    )
    headers = {name.lower(): value for name, value in made["headers"].items()}
    for name, member in shape.members.items():
        if member.serialization.get("location") == "header" and name in error.fields:
            headers[member.serialization["name"].lower()] = str(error.fields[name])
    return _response(protocol, error.status, headers, made["body"], request_id)


def _shape(error: ApiError) -> ErrorShape:
    """The shape of an error that the service's model does not have."""
    fault = {"code": error.code, "senderFault": error.status < 500}
    return ErrorShape(
        error.code,
        {"type": "structure", "members": {}, "exception": True, "error": fault,
         "fault": error.status >= 500},
    )  # fmt: skip


def _response(
    protocol: Protocol, status: int, headers: dict[str, str], body: str | bytes, request_id: str
) -> Response:
    """The response with what all of them have."""
    data = body.encode() if isinstance(body, str) else body or b""
    if status in _NO_BODY:
        data = b""
        headers.pop("content-type", None)
    headers[_ID_HEADERS.get(protocol.model.service_name, "x-amzn-requestid")] = request_id
    return Response(status, data, headers)
