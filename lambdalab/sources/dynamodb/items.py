"""Items as they are kept: attribute values, each with its DynamoDB type.

============================ ======= ============================================================
Python                       type    comes back as
============================ ======= ============================================================
text                         S       text
whole number, Decimal, float N       a whole number if it is one, else a Decimal (both exact)
bytes                        B       bytes
True, False                  BOOL    the same
None                         NULL    None
list, tuple                  L       list
mapping                      M       dict
set of texts, numbers, bytes SS, NS, set
                             BS
============================ ======= ============================================================

A float counts as the digits that Python shows (boto3 refuses floats). Numbers are kept without zeros
around them and never with an exponent, sets in order: equal values are equal.

Sources: ddg/HowItWorks.NamingRulesDataTypes, ddg/CapacityUnitCalculations (sizes), ddg/Constraints
(limits); the words of errors were seen in public reports.
"""

from __future__ import annotations

import base64
import math
import numbers
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

Value = dict[str, Any]
"""An attribute value: its type, and bytes as bytes."""
Item = dict[str, Value]
"""An item, or a key: attribute values by name."""

TYPES = ("S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS")
SETS = {"SS": "S", "NS": "N", "BS": "B"}


def plain(value: Value) -> Any:
    """The Python value of an attribute value, a fresh one.

    >>> plain({"M": {"n": {"N": "5"}, "s": {"SS": ["a"]}}})
    {'n': 5, 's': {'a'}}
    """
    [(kind, inside)] = value.items()
    if kind == "N":
        return _number(inside)
    if kind == "L":
        return [plain(each) for each in inside]
    if kind == "M":
        return plain_item(inside)
    if kind == "NS":
        return {_number(each) for each in inside}
    if kind in SETS:
        return set(inside)
    return None if kind == "NULL" else inside


def plain_item(item: Item) -> dict[str, Any]:
    """The Python values of an item's attributes."""
    return {name: plain(value) for name, value in item.items()}


def _number(text: str) -> int | Decimal:
    return Decimal(text) if "." in text else int(text)


def copied(value: Value) -> Value:
    """An attribute value of its own, with its types."""
    [(kind, inside)] = value.items()
    if kind == "L":
        return {"L": [copied(each) for each in inside]}
    if kind == "M":
        return {"M": copied_item(inside)}
    return {kind: list(inside) if kind in SETS else inside}


def copied_item(item: Item) -> Item:
    """An item of its own, with its types."""
    return {name: copied(value) for name, value in item.items()}


def wired(value: Value) -> Value:
    """An attribute value as JSON has it: bytes in base64.

    >>> wired({"B": b"hi"}), wired({"N": "5"})
    ({'B': 'aGk='}, {'N': '5'})
    """
    [(kind, inside)] = value.items()
    if kind == "B":
        return {"B": base64.b64encode(inside).decode()}
    if kind == "BS":
        return {"BS": [base64.b64encode(each).decode() for each in inside]}
    if kind == "L":
        return {"L": [wired(each) for each in inside]}
    if kind == "M":
        return {"M": wired_item(inside)}
    return {kind: list(inside) if kind in SETS else inside}


def wired_item(item: Item) -> Item:
    """An item as JSON has it."""
    return {name: wired(value) for name, value in item.items()}


# ---------------------------------------------------------------------- sizes


def size_of_item(item: Item) -> int:
    """Bytes of an item: its attributes' names and values.

    >>> size_of_item({"Id": {"N": "101"}, "Message": {"S": "New item!"}})
    21
    """
    return sum(len(name.encode()) + size_of(value) for name, value in item.items())


def size_of(value: Value) -> int:
    """Bytes of an attribute value."""
    [(kind, inside)] = value.items()
    if kind == "S":
        return len(inside.encode())
    if kind == "N":
        return 1 + (len(significant(inside)) + 1) // 2
    if kind == "B":
        return len(inside)
    if kind in SETS:
        return sum(size_of({SETS[kind]: each}) for each in inside)
    if kind == "L":
        return 3 + sum(1 + size_of(each) for each in inside)
    if kind == "M":
        return 3 + len(inside) + size_of_item(inside)
    return 1


def significant(number: str) -> str:
    """The significant digits of a number that is kept: none of zero.

    >>> significant("-0.0120"), significant("100")
    ('12', '1')
    """
    return number.lstrip("-").replace(".", "").strip("0")


# ---------------------------------------------------------------------- Python values


def typed(value: object) -> Value | None:
    """A Python value as an attribute value, still unchecked; None where DynamoDB has no such type.

    >>> typed(5), typed({"a": ["x", None]}), typed({"b", "a"}), typed(object())
    ({'N': Decimal('5')}, {'M': {'a': {'L': [{'S': 'x'}, {'NULL': True}]}}}, {'SS': ['a', 'b']}, None)
    """
    if isinstance(value, str):
        return {"S": value}
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"B": bytes(value)}
    if isinstance(value, Mapping):
        return _typed_map(value)
    if isinstance(value, (list, tuple)):
        inside = [typed(each) for each in value]
        return None if None in inside else {"L": inside}
    if isinstance(value, (set, frozenset)):
        return _typed_set(value)
    number = decimal_of(value)
    return None if number is None else {"N": number}


def _typed_map(value: Mapping[Any, object]) -> Value | None:
    inside = {name: typed(each) for name, each in value.items()}
    good = all(isinstance(name, str) for name in inside) and None not in inside.values()
    return {"M": inside} if good else None


def _typed_set(value: Iterable[object]) -> Value | None:
    inside = [typed(each) for each in value]
    kinds = {next(iter(each)) if each else "" for each in inside}
    if len(kinds) > 1 or not kinds <= set(SETS.values()):
        return None
    kind = kinds.pop() if kinds else "S"
    members = [each[kind] for each in inside if each]
    return {f"{kind}S": sorted(members)}


def decimal_of(value: object) -> Decimal | None:
    """A number exactly, a float by the digits that Python shows; None for what is no number."""
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, numbers.Integral):
        return Decimal(int(value))
    if isinstance(value, numbers.Real):
        number = float(value)
        return Decimal(repr(number)) if math.isfinite(number) else None
    return None
