"""One DynamoDB table: what its users can do with it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidSetting, UnknownSetting, ValidationException
from lambdalab.sources.dynamodb.events import Change, table_arn
from lambdalab.sources.dynamodb.expressions import (
    CONDITION,
    QUERY,
    SCAN,
    UPDATE,
    Expressions,
    parameters,
)
from lambdalab.sources.dynamodb.items import (
    Item,
    copied_item,
    plain_item,
    size_of_item,
    wired_item,
)
from lambdalab.sources.dynamodb.looks import Items, Page
from lambdalab.sources.dynamodb.reader import Ident, Reader
from lambdalab.sources.dynamodb.settings import TableSettings
from lambdalab.sources.dynamodb.stream import TableStream
from lambdalab.sources.dynamodb.ttl import TimeToLive
from lambdalab.sources.shown import Shown
from lambdalab.trace.schema import ParentKind

if TYPE_CHECKING:
    from lambdalab.sources.dynamodb.service import DynamoDb

_OLD = ("NONE", "ALL_OLD")


class Table(Shown):
    """A DynamoDB table, made by ``lab.dynamodb.create_table``.

    Attributes: ``name``, ``arn``, ``settings``. Items are dictionaries of plain Python values; with
    ``typed=True`` a verb takes and gives AWS's own form (``{"id": {"S": "7"}}``).

    Example
    -------
    >>> from lambdalab import Lab
    >>> orders = Lab().dynamodb.create_table("orders", stream_view_type="NEW_IMAGE")
    >>> orders.put_item({"id": "7", "total": 19.9})
    >>> orders.get_item({"id": "7"})
    {'id': '7', 'total': Decimal('19.9')}
    >>> orders.stream.depth
    1
    """

    drive_key = ""

    def __init__(self, name: str, settings: TableSettings, dynamodb: DynamoDb) -> None:
        self.name, self.arn = name, table_arn(name)
        self.settings = settings
        self._dynamodb = dynamodb
        self._reader = Reader(name, settings.keys, dynamodb.rules)
        self._expressions = Expressions(dynamodb.open_door, self._reader)
        self._items: dict[Ident, Item]
        self._version: int
        self._stream: TableStream | None = None
        self._ttl: TimeToLive | None
        self.start()

    # ------------------------------------------------------------------ writing

    def put_item(
        self,
        item: Any,
        *,
        return_values: str = "NONE",
        typed: bool = False,
        **expressions: Any,
    ) -> dict[str, Any] | None:
        """Put an item, in place of the one with the same key; returns that one if asked for.

        Parameters
        ----------
        item
            A mapping of names to texts, numbers, bytes, True, False, None, lists, mappings and sets. A
            float counts as the digits that Python shows.
        return_values
            ``"ALL_OLD"``: return the item that was there before (None: there was none).
        condition_expression, expression_attribute_names, expression_attribute_values
            What must hold of the item that is there; needs the ``aws`` extra.

        Raises
        ------
        InvalidSetting, ValidationException
            For what DynamoDB refuses: a missing key or one of another type, an item of more than 400 KB.
        ConditionalCheckFailedException
            The condition does not hold. Nothing has been put.
        """
        request = parameters("put_item", expressions, CONDITION)
        _check_return(return_values, _OLD)
        caller = self._caller()
        ident, new = self._reader.item(item, typed=typed)
        self._check(ident, "PutItem", {"Item": wired_item(new)}, request, typed)
        return self._told(self._put(ident, new, caller), return_values, typed)

    def delete_item(
        self,
        key: Any,
        *,
        return_values: str = "NONE",
        typed: bool = False,
        **expressions: Any,
    ) -> dict[str, Any] | None:
        """Delete the item with a key, if there is one; returns it with ``return_values="ALL_OLD"``.

        Conditions and errors: as with :meth:`put_item`.
        """
        request = parameters("delete_item", expressions, CONDITION)
        _check_return(return_values, _OLD)
        caller = self._caller()
        ident, given = self._reader.key(key, typed=typed)
        self._check(ident, "DeleteItem", {"Key": wired_item(given)}, request, typed)
        return self._told(self._delete(ident, caller), return_values, typed)

    def update_item(
        self,
        key: Any,
        *,
        return_values: str = "NONE",
        typed: bool = False,
        **expressions: Any,
    ) -> dict[str, Any] | None:
        """Change attributes of an item, or make one; needs the ``aws`` extra.

        Parameters
        ----------
        key
            The item's key; one that is not there is made.
        update_expression
            What to do, as in ``"SET total = total + :more"``.
        condition_expression, expression_attribute_names, expression_attribute_values
            As with :meth:`put_item`.
        return_values
            ``"ALL_OLD"``, ``"ALL_NEW"``, ``"UPDATED_OLD"`` or ``"UPDATED_NEW"``: which attributes to
            return.

        Raises as :meth:`put_item` does, and :class:`MissingExtra` without the extra.
        """
        request = parameters("update_item", expressions, UPDATE)
        _check_return(return_values, (*_OLD, "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"))
        caller = self._caller()
        ident, given = self._reader.key(key, typed=typed)
        scratch = self._expressions.scratch("update_item()", self._there(ident))
        request |= {"Key": wired_item(given), "ReturnValues": return_values}
        answer = self._expressions.call(scratch, "UpdateItem", request, typed)
        [found] = scratch.items()
        _, new = self._reader.item(found, typed=True)
        self._put(ident, new, caller)
        attributes = answer.get("Attributes", {})
        if return_values.startswith("UPDATED"):  # a key cannot be; moto tells that of a new item
            attributes = {name: attributes[name] for name in attributes if name not in given}
        return self._expressions.item(attributes, typed) if attributes else None

    def _check(
        self, ident: Ident, action: str, what: dict[str, Any], request: dict[str, Any], typed: bool
    ) -> None:
        """Raise unless the condition of a write holds."""
        if request:
            scratch = self._expressions.scratch("a condition", self._there(ident))
            self._expressions.call(scratch, action, what | request, typed)

    def _there(self, ident: Ident) -> list[Item]:
        return [self._items[ident]] if ident in self._items else []

    def _put(self, ident: Ident, new: Item, caller: int) -> Item | None:
        old = self._items.get(ident)
        self._items[ident] = new
        self._changed(ident, old, new, caller)
        return old

    def _delete(self, ident: Ident, caller: int, expired: bool = False) -> Item | None:
        old = self._items.pop(ident, None)
        self._changed(ident, old, None, caller, expired)
        return old

    def _changed(
        self, ident: Ident, old: Item | None, new: Item | None, caller: int, expired: bool = False
    ) -> None:
        """What follows from a write: nothing, if it has changed nothing."""
        if old == new:
            return
        self._version += 1
        if self._ttl is not None:
            self._ttl.changed(ident, new)
        if self._stream is not None and self.settings.stream_view_type is not None:
            keys = {key.name: (new or old or {})[key.name] for key in self.settings.keys}
            self._stream.put(Change(keys, old, new, expired), caller)

    def _caller(self) -> int:
        """The invocation whose handler calls; 0 for a caller outside."""
        origin = self._dynamodb._origin_of(self)
        return origin.parent if origin.parent_kind == ParentKind.REQUEST else 0

    def _told(self, old: Item | None, return_values: str, typed: bool) -> dict[str, Any] | None:
        return None if return_values == "NONE" else _as_given(old, typed)

    def check_arrival(self, item: object, key: object) -> None:
        """Refuse what :meth:`arrive` would refuse."""
        self._reader.item(self._keyed(item, 0))

    def arrive(self, item: object, number: int, key: object) -> None:
        """What ``lab.drive`` puts; an item without the table's keys gets the arrival's number."""
        self.put_item(self._keyed(item, number))

    def _keyed(self, item: object, number: int) -> object:
        if not isinstance(item, dict):
            return item
        made = {
            name: number if kind == "N" else str(number) if kind == "S" else b"%d" % number
            for name, kind in self.settings.keys
        }
        return made | item

    # ------------------------------------------------------------------ reading

    def get_item(self, key: Any, *, typed: bool = False) -> dict[str, Any] | None:
        """The item with a key, or None.

        Whole numbers come back as such, others as Decimal. Every read is consistent: it sees what was
        written before. Raises as :meth:`delete_item` does.
        """
        self._dynamodb._origin_of(self)
        ident, _ = self._reader.key(key, typed=typed)
        return _as_given(self._items.get(ident), typed)

    def query(self, *, typed: bool = False, **expressions: Any) -> Page:
        """The items of one partition, by sort key; needs the ``aws`` extra.

        Parameters, in either spelling (``KeyConditionExpression`` too): ``key_condition_expression``,
        ``filter_expression``, ``projection_expression``, ``expression_attribute_names``,
        ``expression_attribute_values``, ``limit``, ``exclusive_start_key``, ``scan_index_forward``,
        ``select``. Conditions may be texts, or made with ``boto3.dynamodb.conditions``.

        Raises :class:`ValidationException` for an expression that DynamoDB refuses, and
        :class:`MissingExtra` without the extra.
        """
        return self._read("Query", "query", expressions, QUERY, typed)

    def scan(self, *, typed: bool = False, **expressions: Any) -> Page:
        """All items; needs the ``aws`` extra.

        Parameters: as :meth:`query`, without the condition on the key and the direction, and with
        ``segment`` and ``total_segments``.
        """
        return self._read("Scan", "scan", expressions, SCAN, typed)

    def _read(
        self, action: str, verb: str, given: dict[str, Any], known: tuple[str, ...], typed: bool
    ) -> Page:
        request = parameters(verb, given, known)
        self._dynamodb._origin_of(self)
        expressions = self._expressions
        scratch = expressions.kept(f"{verb}()", self._version, self._items.values())
        answer = expressions.call(scratch, action, request, typed)
        last = answer.get("LastEvaluatedKey")
        return Page(
            self.name, [expressions.item(item, typed) for item in answer.get("Items", ())],
            answer["Count"], answer["ScannedCount"],
            None if last is None else expressions.item(last, typed),
        )  # fmt: skip

    # ------------------------------------------------------------------ settings

    def update(self, **settings: Any) -> Table:
        """Change ``stream_view_type`` or ``time_to_live``; None switches it off.

        A stream shows changes from then on. What it shows cannot be changed: switch it off first. One
        that is switched off keeps its records for their 24 h; switched on again it goes on under a new
        label (on AWS it would be another stream).

        Raises :class:`UnknownSetting`, :class:`InvalidSetting`, and :class:`ValidationException` for a
        table whose stream shows something else.
        """
        for name in settings:
            if name not in ("stream_view_type", "time_to_live"):
                raise UnknownSetting("update", name, ["stream_view_type", "time_to_live"])
        made = self.settings.changed(self._dynamodb.rules, **settings)
        self._dynamodb._origin_of(self)
        before, view = self.settings.stream_view_type, made.stream_view_type
        if view is not None and before not in (None, view):
            raise ValidationException(
                f"Table already has an enabled stream: TableName: {self.name}",
                f"; it shows {before}: switch it off first, with update(stream_view_type=None)",
            )
        another = made.time_to_live != self.settings.time_to_live
        self.settings = made
        if view is not None and before is None:
            self._begin_stream(view)
        if another:
            self._begin_ttl()
        self._note()
        return self

    def _begin_stream(self, view: str) -> None:
        if self._stream is None:
            self._stream = TableStream(self.name, self.settings.shards, self._dynamodb)
        self._stream.enable(view)

    def _begin_ttl(self) -> None:
        """Items have another time to live, or none."""
        dynamodb, attribute = self._dynamodb, self.settings.time_to_live
        if self._ttl is not None:
            self._ttl.stop()
        self._ttl = None
        if attribute is not None:
            chance = dynamodb.streams.stream(f"time to live/{self.name}")
            self._ttl = TimeToLive(
                attribute, dynamodb.scheduler, dynamodb.clock, dynamodb.rules, chance, self._expire
            )
            for ident, item in self._items.items():
                self._ttl.changed(ident, item)

    def _expire(self, ident: Ident) -> None:
        self._delete(ident, 0, expired=True)

    # ------------------------------------------------------------------ looking

    @property
    def stream(self) -> TableStream:
        """Its stream. Raises :class:`InvalidSetting` if it never had one."""
        if self._stream is None:
            limit = (
                "switched on for the table to have a stream: create_table(..., "
                f"stream_view_type=...) or lab.dynamodb[{self.name!r}].update(stream_view_type=...)"
            )
            raise InvalidSetting("stream_view_type", None, limit)
        return self._stream

    @property
    def items(self) -> Items:
        """A look at every item in it, in the order in which their keys came."""
        return Items(self.name, map(plain_item, self._items.values()))

    @property
    def size_bytes(self) -> int:
        """Bytes of all its items."""
        return sum(map(size_of_item, self._items.values()))

    def __len__(self) -> int:
        return len(self._items)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        number = len(self._items)
        told = [f"{number:,} item{'s' * (number != 1)} by {self.settings.keys_told}"]
        if self.settings.stream_view_type is not None:
            told.append(f"stream of {self.settings.stream_view_type}")
        if self.settings.time_to_live is not None:
            told.append(f"time to live in {self.settings.time_to_live!r}")
        return f"<table {self.name}: {', '.join(told)}>"

    def _repr_html_(self) -> str:
        return f"<div><code>{html.escape(repr(self))}</code></div>{self.items._repr_html_()}"

    # ------------------------------------------------------------------ runs

    def start(self) -> None:
        """Begin a run: empty."""
        self._items, self._version, self._ttl = {}, 0, None
        self._expressions.forget()
        if self._stream is not None:  # the same for mappings, which know it
            self._stream.start()
        if self.settings.stream_view_type is not None:
            self._begin_stream(self.settings.stream_view_type)
        self._begin_ttl()
        self._note()

    def _note(self) -> None:
        self._dynamodb.books.wired("dynamodb", self.name, self.settings.as_dict())


def _check_return(return_values: object, allowed: tuple[str, ...]) -> None:
    if return_values not in allowed:
        if allowed == _OLD:
            raise ValidationException(
                "ReturnValues can only be ALL_OLD or NONE", f", not {return_values!r}"
            )
        raise InvalidSetting(
            "return_values", return_values, f"one of {', '.join(allowed)}", "botocore UpdateItem"
        )


def _as_given(item: Item | None, typed: bool) -> dict[str, Any] | None:
    if item is None:
        return None
    return copied_item(item) if typed else plain_item(item)
