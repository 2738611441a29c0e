"""Reading what people give for items and keys: typed, checked, and in the one form in which it is kept."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from lambdalab.errors import InvalidSetting, ValidationException
from lambdalab.rules import Rules
from lambdalab.sources.dynamodb.items import (
    SETS,
    TYPES,
    Item,
    Value,
    decimal_of,
    size_of,
    size_of_item,
    typed,
)

Ident = tuple[Any, ...]
"""What tells an item from the others of its table: the values of its key."""

_DIGITS = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_INVALID = "One or more parameter values were invalid: "
_SHOWN = 60


class KeyAttribute(NamedTuple):
    """A key attribute of a table: its name and its type (S, N or B)."""

    name: str
    type: str


class Reader:
    """Reads items by a table's key and the limits of a lab's rules.

    Every method raises :class:`InvalidSetting` for what is no item at all, and
    :class:`ValidationException`, with DynamoDB's words, for one that DynamoDB refuses.
    """

    def __init__(self, table: str, keys: tuple[KeyAttribute, ...], rules: Rules) -> None:
        self.table, self.keys, self._rules = table, keys, rules

    # ------------------------------------------------------------------ items and keys

    def item(self, given: object, *, typed: bool = False) -> tuple[Ident, Item]:
        """An item that is to be put, and what tells it from others."""
        item = self.attributes(given, "item", typed=typed)
        for setting, key in zip(("partition_key", "sort_key"), self.keys, strict=False):
            if key.name not in item:
                raise ValidationException(
                    f"{_INVALID}Missing the key {key.name} in the item", self._schema
                )
            [kind] = item[key.name]
            if kind != key.type:
                raise ValidationException(
                    f"{_INVALID}Type mismatch for key {key.name} expected: {key.type} actual: {kind}",
                    f"{self._schema}; a table's key types are given to create_table, as in "
                    f'{setting}=("{key.name}", "{kind}")',
                )
        size, most = size_of_item(item), self._rules.dynamodb_item_size
        if size > most:
            raise ValidationException(
                "Item size has exceeded the maximum allowed size",
                f"; {size:,} bytes, and at most {most:,} ({self._rules.source('dynamodb_item_size')})",
            )
        return self._ident(item), item

    def key(self, given: object, *, typed: bool = False) -> tuple[Ident, Item]:
        """A key: the values of a table's key attributes, and nothing else."""
        key = self.attributes(given, "key", typed=typed)
        kinds = {name: next(iter(value)) for name, value in key.items()}
        if kinds != dict(self.keys):
            raise ValidationException(
                "The provided key element does not match the schema", self._schema
            )
        ordered = {name: key[name] for name, _ in self.keys}
        return self._ident(ordered), ordered

    @property
    def _schema(self) -> str:
        told = " and ".join(f"{name!r} ({kind})" for name, kind in self.keys)
        return f"; the key of table {self.table!r} is {told}"

    def _ident(self, item: Item) -> Ident:
        """The values of the key, within their limits."""
        found = []
        for place, (name, kind) in enumerate(self.keys):
            value = item[name][kind]
            if not value:
                what = "string" if kind == "S" else "binary"
                raise ValidationException(
                    "One or more parameter values are not valid. The AttributeValue for a key "
                    f"attribute cannot contain an empty {what} value. Key: {name}"
                )
            self._check_key_size(size_of(item[name]), kind, place)
            found.append(value)
        return tuple(found)

    def _check_key_size(self, size: int, kind: str, place: int) -> None:
        name = "dynamodb_sort_key_size" if place else "dynamodb_partition_key_size"
        most = getattr(self._rules, name)
        if kind != "N" and size > most:
            words = (
                "Size of hashkey has exceeded the maximum size limit of"  # DynamoDB's, so spaced
            )
            if place:
                words = "Aggregated size of all range keys has exceeded the size limit of "
            hint = f"; {size:,} bytes ({self._rules.source(name)})"
            raise ValidationException(f"{_INVALID}{words}{most} bytes", hint)

    def attributes(self, given: object, setting: str, *, typed: bool = False) -> Item:
        """Attribute values by name, checked one by one."""
        if not isinstance(given, Mapping):
            example = {name: {"N": 1, "B": b"1"}.get(kind, "1") for name, kind in self.keys}
            raise InvalidSetting(setting, _cut(given), f"a mapping such as {example}")
        return {
            self._name(name, setting): self.value(value, f"{setting}[{name!r}]", typed=typed)
            for name, value in given.items()
        }

    def _name(self, name: object, setting: str) -> str:
        most = self._rules.dynamodb_attribute_name_size
        if not isinstance(name, str) or not 1 <= len(_encoded(name, setting)) <= most:
            limit = f"with attribute names of 1 to {most:,} bytes"
            source = self._rules.source("dynamodb_attribute_name_size")
            raise InvalidSetting(setting, _cut({name: "..."}), limit, source)
        return name

    # ------------------------------------------------------------------ values

    def value(self, given: object, setting: str, *, typed: bool = False) -> Value:
        """One attribute value: of a Python value, or (``typed``) in AWS's own form, ``{"N": "5"}``."""
        value = given if typed else _typed(given, setting)
        return self._checked(value, setting, 0)

    def _checked(self, value: Any, setting: str, level: int) -> Value:
        if not isinstance(value, Mapping) or len(value) != 1 or next(iter(value)) not in TYPES:
            limit = f"a type and a value, as {{'N': '5'}}; types are {', '.join(TYPES)}"
            raise InvalidSetting(setting, _cut(value), limit, "botocore AttributeValue")
        [(kind, inside)] = value.items()
        if kind in ("L", "M") and level >= self._rules.dynamodb_nesting:
            raise ValidationException(
                "Nesting Levels have exceeded supported limits: Attributes cannot have more than "
                f"{self._rules.dynamodb_nesting} levels",
                f" ({setting}; {self._rules.source('dynamodb_nesting')})",
            )
        if kind in SETS:
            return {kind: self._members(kind, inside, setting)}
        if kind == "L" and isinstance(inside, (list, tuple)):
            return {"L": [self._checked(each, setting, level + 1) for each in inside]}
        if kind == "M" and isinstance(inside, Mapping):
            return {"M": {
                self._name(name, setting): self._checked(each, setting, level + 1)
                for name, each in inside.items()
            }}  # fmt: skip
        return {kind: self._scalar(kind, inside, setting)}

    def _scalar(self, kind: str, inside: Any, setting: str) -> Any:
        if kind == "S" and isinstance(inside, str):
            _encoded(inside, setting)
            return str.__str__(inside)  # a plain one, of NumPy's too
        if kind == "N":
            return self._number(inside, setting)
        if kind == "B":
            return _bytes(inside, setting)
        if (kind == "BOOL" and isinstance(inside, bool)) or (kind == "NULL" and inside is True):
            return inside
        raise InvalidSetting(setting, _cut({kind: inside}), f"a value of type {kind}")

    def _members(self, kind: str, inside: Any, setting: str) -> list[Any]:
        """What is in a set, in order."""
        if not isinstance(inside, (list, tuple, set, frozenset)):
            raise InvalidSetting(setting, _cut({kind: inside}), f"a value of type {kind}")
        members = [self._scalar(SETS[kind], each, setting) for each in inside]
        if not members:
            raise ValidationException(f"{_INVALID}{_EMPTY[kind]}", f" ({setting})")
        if len(set(members)) < len(members):
            raise ValidationException(
                f"{_INVALID}Input collection {_shown(inside)} contains duplicates.", f" ({setting})"
            )
        return sorted(members, key=Decimal if kind == "NS" else None)

    def _number(self, given: object, setting: str) -> str:
        """A number as it is kept: its significant digits, no zeros around them, no exponent."""
        number = None if isinstance(given, bool) else _decimal(given)
        if number is None:
            raise ValidationException(
                f"The parameter cannot be converted to a numeric value: {given}", f" ({setting})"
            )
        sign, digits, exponent = number.as_tuple()
        text = "".join(map(str, digits)).lstrip("0")
        significant = text.rstrip("0")
        exponent = int(exponent) + len(text) - len(significant)
        if not significant:
            return "0"
        self._check_number(len(significant), len(significant) + exponent - 1, setting)
        return format(Decimal((sign, tuple(map(int, significant)), exponent)), "f")

    def _check_number(self, digits: int, magnitude: int, setting: str) -> None:
        rules = self._rules
        least, most = rules.dynamodb_number_magnitude
        limit, words = "dynamodb_number_magnitude", ""
        if digits > rules.dynamodb_number_digits:
            limit = "dynamodb_number_digits"
            words = (
                f"Attempting to store more than {rules.dynamodb_number_digits} significant digits in "
                "a Number"
            )
        elif magnitude > most:
            words = (
                "Number overflow. Attempting to store a number with magnitude larger than supported "
                "range"
            )
        elif magnitude < least:
            words = (
                "Number underflow. Attempting to store a number with magnitude smaller than supported "
                "range"
            )
        if words:
            raise ValidationException(words, f" ({setting}; {rules.source(limit)})")


_EMPTY = {
    "SS": "An string set  may not be empty",
    "NS": "An number set  may not be empty",
    "BS": "Binary sets should not be empty",
}


def _typed(given: object, setting: str) -> Value:
    try:
        value = typed(given)
    except RecursionError:
        value = None
    if value is None:
        limit = (
            "a text, a finite number, bytes, True, False, None, a list, a mapping with texts for keys, "
            "or a set of texts, of numbers or of bytes"
        )
        raise InvalidSetting(setting, _cut(given), limit)
    return value


def _encoded(text: str, setting: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        limit = f"text with a UTF-8 form: {error}"
        raise InvalidSetting(setting, ascii(text), limit) from None


def _decimal(given: object) -> Decimal | None:
    """A number, or the text of one; None for anything else."""
    if not isinstance(given, str):
        return decimal_of(given)
    text = given.strip()
    try:
        return decimal_of(Decimal(text)) if _DIGITS.match(text) else None
    except InvalidOperation:  # its exponent is beyond Python's own
        return None


def _bytes(given: object, setting: str) -> bytes:
    """Bytes as they are, or of their base64 text."""
    if isinstance(given, (bytes, bytearray, memoryview)):
        return bytes(given)
    try:
        return base64.b64decode(given, validate=True) if isinstance(given, str) else _refuse()
    except (binascii.Error, ValueError):
        raise InvalidSetting(setting, _cut(given), "bytes, or their base64 text") from None


def _refuse() -> bytes:
    raise ValueError


def _shown(members: Any) -> str:
    return f"[{', '.join(map(str, members))}]"


def _cut(value: object) -> object:
    try:
        shown = repr(value)
    except RecursionError:
        return "..."
    return value if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}..."
