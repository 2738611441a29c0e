"""A client of botocore whose every answer is held against the service's own model.

``checked(lab.client("sqs"))`` gives the client back; from then on each response (also those that a
paginator, a waiter or a resource asked for) must be one that AWS could have sent: only members that the
model has, of its types, enumerated texts among those it names, required members there. What does not fit
fails the test with the path to it. Requests are validated by botocore itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from botocore.response import StreamingBody

CALLED: set[tuple[str, str]] = set()
"""The operations that were answered, or refused with an error of the service, through a checked client."""

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "character": (str,), "boolean": (bool,), "integer": (int,), "long": (int,),
    "float": (float, int), "double": (float, int), "blob": (bytes, bytearray),
    "timestamp": (dt.datetime,), "structure": (dict,), "map": (dict,), "list": (list,),
}  # fmt: skip

_LEAVES_OUT = {
    "SendMessageBatchResult", "DeleteMessageBatchResult", "ChangeMessageVisibilityBatchResult",
}  # fmt: skip
"""SQS leaves a list out of these that has nothing in it, whatever its model says."""


def checked(client: Any) -> Any:
    """The same client; its answers are validated from now on."""
    answering = client._make_api_call
    service = client.meta.service_model

    def validating(operation: str, given: dict[str, Any]) -> Any:
        CALLED.add((service.service_name, operation))
        try:
            answer = answering(operation, given)
        except client.exceptions.ClientError as error:
            told = error.response
            assert told["Error"]["Code"], told
            assert isinstance(told["Error"]["Message"], str), told
            assert told["ResponseMetadata"]["HTTPStatusCode"] >= 300, told
            raise
        wrong = problems(service.operation_model(operation), answer)
        assert not wrong, f"{service.service_name} {operation}: " + "; ".join(wrong)
        return answer

    client._make_api_call = validating
    return client


def not_called(service_name: str) -> set[str]:
    """Which of the lab's operations of a service no checked client has called in this process."""
    from lambdalab.aws.operations import service

    known = service(service_name)
    assert known is not None, service_name
    return set(known.operations) - {name for of, name in CALLED if of == service_name}


def problems(operation: Any, answer: dict[str, Any]) -> list[str]:
    """What of a response its operation's model does not allow; nothing, where all is well."""
    metadata = answer.get("ResponseMetadata", {})
    wrong = [
        f"ResponseMetadata lacks {name}"
        for name in ("RequestId", "HTTPStatusCode", "HTTPHeaders", "RetryAttempts")
        if name not in metadata
    ]
    members = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    if operation.output_shape is None:
        return wrong + [f"{name}: the operation answers nothing" for name in members]
    if operation.has_streaming_output:  # the member that is the body of the answer
        body = operation.output_shape.serialization["payload"]
        if not isinstance(members.pop(body, None), StreamingBody):
            wrong.append(f".{body} is no StreamingBody")
    return wrong + list(_structure(operation.output_shape, members, ""))


def _value(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """What is wrong with one value."""
    if shape.serialization.get("eventstream") or getattr(shape, "is_eventstream", False):
        if not hasattr(value, "__iter__"):
            yield f"{path}: {value!r} is no stream of events"
    elif shape.serialization.get("streaming"):
        if not isinstance(value, StreamingBody):
            yield f"{path}: {value!r} is no StreamingBody"
    elif getattr(shape, "is_document_type", False):
        return
    elif not isinstance(value, _TYPES[shape.type_name]) or (
        isinstance(value, bool) and shape.type_name != "boolean"
    ):
        yield f"{path}: {value!r} is no {shape.type_name}"
    elif isinstance(value, dt.datetime) and value.tzinfo is None:
        yield f"{path}: {value!r} has no time zone"
    elif isinstance(shape, StructureShape):
        yield from _structure(shape, value, path)
    elif isinstance(shape, ListShape):
        for i, each in enumerate(value):
            yield from _value(shape.member, each, f"{path}[{i}]")
    elif isinstance(shape, MapShape):
        for name, each in value.items():
            yield from _value(shape.key, name, f"{path} key {name!r}")
            yield from _value(shape.value, each, f"{path}[{name!r}]")
    elif isinstance(shape, StringShape) and shape.enum and value not in shape.enum:
        yield f"{path}: {value!r} is none of {', '.join(shape.enum)}"


def _structure(shape: StructureShape, value: dict[str, Any], path: str) -> Iterator[str]:
    """What is wrong with a structure and what is in it."""
    for name in shape.required_members:
        if name not in value and shape.name not in _LEAVES_OUT:
            yield f"{path}.{name} is required"
    if getattr(shape, "is_tagged_union", False) and len(value) != 1:
        yield f"{path}: a union with {len(value)} members"
    for name, each in value.items():
        if name in shape.members:
            yield from _value(shape.members[name], each, f"{path}.{name}")
        else:
            yield f"{path}.{name} is not in the model"
