"""Expressions: what needs moto's tables, and is asked of them by one door.

``query``, ``scan``, ``update_item`` and conditions speak a language of their own; moto has an
implementation of it, and :mod:`lambdalab.aws.tables` lends it. This module knows neither: it opens the
door that the lab was made with, and turns items into what lies behind it and back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from lambdalab.errors import InvalidSetting, MissingExtra, UnknownSetting
from lambdalab.kernel.current import current
from lambdalab.sources.dynamodb.items import Item, Value, copied_item, plain_item, wired, wired_item
from lambdalab.sources.dynamodb.reader import KeyAttribute, Reader

CONDITION = (
    "condition_expression", "expression_attribute_names", "expression_attribute_values",
)  # fmt: skip
UPDATE = ("update_expression", *CONDITION)
SCAN = (
    "exclusive_start_key", "expression_attribute_names", "expression_attribute_values",
    "filter_expression", "limit", "projection_expression", "segment", "select", "total_segments",
)  # fmt: skip
QUERY = (
    "exclusive_start_key", "expression_attribute_names", "expression_attribute_values",
    "filter_expression", "key_condition_expression", "limit", "projection_expression",
    "scan_index_forward", "select",
)  # fmt: skip

Answer = TypeVar("Answer")

_CAPITAL = re.compile(r"(?<!\A)([A-Z])")


class Scratch(Protocol):
    """A table behind the door, with some items in it. Items are as JSON has them."""

    def call(
        self, action: str, request: dict[str, Any], value: Callable[[object], Value]
    ) -> dict[str, Any]:
        """What the service would answer; ``value`` makes attribute values of Python values."""

    def items(self) -> list[Item]:
        """What is in it now."""


class Door(Protocol):
    """What stands behind the door."""

    def scratch(self, keys: tuple[KeyAttribute, ...], items: Iterable[Item]) -> Scratch:
        """A table with that key and those items."""


Open = Callable[[], Door]
"""Opens the door, or raises ImportError where what lies behind is not installed."""


def parameters(verb: str, given: Mapping[str, Any], known: tuple[str, ...]) -> dict[str, Any]:
    """The parameters of a call, by AWS's names.

    They may be given in either spelling.

    >>> parameters("scan", {"limit": 5, "Select": "COUNT"}, SCAN)
    {'Limit': 5, 'Select': 'COUNT'}

    Raises :class:`UnknownSetting` for one that the call does not know.
    """
    found = {}
    for name, value in given.items():
        spelt = _CAPITAL.sub(r"_\1", name).lower() if name[:1].isupper() else name
        if spelt not in known:
            raise UnknownSetting(verb, name, known)
        if value is not None:
            found["".join(word.capitalize() for word in spelt.split("_"))] = value
    return found


class Expressions:
    """One table's way through the door. Parameters: what opens it, and the table's reader.

    Whatever happens behind runs as the process, even when a handler calls: it sees neither the
    handler's clock nor its surroundings.
    """

    def __init__(self, open_door: Open | None, reader: Reader) -> None:
        self._open, self._reader = open_door, reader
        self._kept: tuple[int, Scratch] | None = None

    def kept(self, verb: str, version: int, items: Iterable[Item]) -> Scratch:
        """A table with all items, for reading; the same while ``version`` is."""
        if self._kept is None or self._kept[0] != version:
            self._kept = version, self.scratch(verb, items)
        return self._kept[1]

    def forget(self) -> None:
        """Give back what is kept."""
        self._kept = None

    def scratch(self, verb: str, items: Iterable[Item]) -> Scratch:
        """A table with those items, for one write."""
        door = self._door(verb)
        return _as_process(door.scratch, self._reader.keys, [wired_item(item) for item in items])

    def _door(self, verb: str) -> Door:
        try:
            if self._open is None:
                raise ImportError("this lab was made without a door to them")
            return _as_process(self._open)
        except ImportError as error:
            raise MissingExtra(
                f'{verb} needs moto\'s tables: pip install "lambdalab[aws]" ({error})'
            ) from error

    def call(
        self, scratch: Scratch, action: str, request: dict[str, Any], typed: bool
    ) -> dict[str, Any]:
        """Ask the table behind the door, with values and keys as people give them."""
        request = dict(request)
        reader = self._reader
        names = request.get("ExpressionAttributeNames")
        if names is not None and not isinstance(names, Mapping):
            raise InvalidSetting("expression_attribute_names", names, "a mapping of names")
        if "ExpressionAttributeValues" in request:
            values = request["ExpressionAttributeValues"]
            found = reader.attributes(values, "expression_attribute_values", typed=typed)
            request["ExpressionAttributeValues"] = wired_item(found)
        limit = request.get("Limit", 1)
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise InvalidSetting("limit", limit, "a whole number of 1 or more", "botocore Scan")
        if "ExclusiveStartKey" in request:
            _, key = reader.key(request["ExclusiveStartKey"], typed=typed)
            request["ExclusiveStartKey"] = wired_item(key)
        return _as_process(scratch.call, action, request, self._value)

    def _value(self, given: object) -> Value:
        return wired(self._reader.value(given, "value in a condition"))

    def item(self, given: Item, typed: bool) -> dict[str, Any]:
        """An item of an answer, as people get it."""
        item = self._reader.attributes(given, "item", typed=True)
        return copied_item(item) if typed else plain_item(item)


def _as_process(function: Callable[..., Answer], *args: Any) -> Answer:
    """Call a function as the process, whoever calls."""
    if current() is None:
        return function(*args)
    from lambdalab.kernel.shims.environ import outside  # there already, where a handler runs

    return outside(function, *args)
