"""What clients give as bytes, and DynamoDB's attribute values as clients give them."""

from __future__ import annotations

from typing import Any

from lambdalab.aws.operations import ApiError

_INVALID = "ValidationException"
_ONE = "must contain exactly one of the supported datatypes"


def bytes_of(given: Any) -> bytes:
    """The bytes of a blob as botocore takes it: bytes, a text (as UTF-8), or a file.

    >>> bytes_of("é"), bytes_of(bytearray(b"x"))
    (b'\\xc3\\xa9', b'x')
    """
    if hasattr(given, "read"):
        given = given.read()
    return given.encode() if isinstance(given, str) else bytes(given)


def received(value: dict[str, Any]) -> dict[str, Any]:
    """An attribute value as the lab's typed items have it; blobs are bytes.

    >>> received({"L": [{"B": "hi"}, {"N": "5"}]})
    {'L': [{'B': b'hi'}, {'N': '5'}]}
    """
    if not value:
        raise ApiError(_INVALID, f"Supplied AttributeValue is empty, {_ONE}")
    if len(value) > 1:
        raise ApiError(_INVALID, f"Supplied AttributeValue has more than one datatypes set, {_ONE}")
    [(kind, inside)] = value.items()
    if kind == "B":
        return {"B": bytes_of(inside)}
    if kind == "BS":
        return {"BS": [bytes_of(each) for each in inside]}
    if kind == "L":
        return {"L": [received(each) for each in inside]}
    if kind == "M":
        return {"M": received_item(inside)}
    if kind == "NULL" and inside is not True:
        raise ApiError(
            _INVALID,
            "One or more parameter values were invalid: Null attribute value types must have the "
            "value of true",
        )
    return {kind: inside}


def received_item(item: dict[str, Any]) -> dict[str, Any]:
    """An item, a key or expression attribute values, each value as :func:`received` has it."""
    return {name: received(value) for name, value in item.items()}
