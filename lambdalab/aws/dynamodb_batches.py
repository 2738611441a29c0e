"""DynamoDB's operations on several items: batches and transactions.

Everything fits into one answer: nothing comes back unprocessed. A transaction is tried on copies of its
items first, and then written; all of it happens in one moment.

Source: botocore's model of DynamoDB (1.44.5).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lambdalab.aws.dynamodb_items import got
from lambdalab.aws.dynamodb_service import (
    SERVICE,
    expressions,
    invalid,
    key_of,
    refuse,
    table_of,
)
from lambdalab.aws.operations import ApiError, Call, of_run
from lambdalab.aws.wire import received_item
from lambdalab.errors import ConditionalCheckFailedException
from lambdalab.kernel.clock import US
from lambdalab.sources.dynamodb.expressions import Expressions
from lambdalab.sources.dynamodb.items import wired_item
from lambdalab.sources.dynamodb.reader import Ident, Reader
from lambdalab.sources.dynamodb.service import Table

_FAILED = "ConditionalCheckFailed"


def _reader(call: Call, table: Table) -> Reader:
    return Reader(table.name, table.settings.keys, call.lab.dynamodb.rules)


def _check_distinct(idents: Iterable[tuple[str, Ident]], message: str) -> None:
    found = list(idents)
    if len(set(found)) < len(found):
        raise invalid(message)


# ------------------------------------------------------------------ batches


@SERVICE.operation
def batch_write_item(call: Call) -> dict[str, Any]:
    """Up to 25 puts and deletes; if one of them is not valid, nothing is written."""
    requests = [
        (table_of(call, name), each) for name, here in call["RequestItems"].items() for each in here
    ]
    if not 1 <= len(requests) <= call.lab.rules.dynamodb_batch_writes:
        raise invalid("Too many items requested for the BatchWriteItem call")
    writes = [_write(call, table, each) for table, each in requests]
    _check_distinct(
        ((table.name, ident) for table, ident, _, _ in writes),
        "Provided list of item keys contains duplicates",
    )
    for table, _, item, puts in writes:
        (table.put_item if puts else table.delete_item)(item, typed=True)
    return {"UnprocessedItems": {}}


def _write(
    call: Call, table: Table, request: dict[str, Any]
) -> tuple[Table, Ident, dict[str, Any], bool]:
    """One write of a batch, checked: its table, what tells its item, the item or key, and which it is."""
    if len(request) != 1:
        raise invalid("A write request must have exactly one of PutRequest and DeleteRequest")
    reader = _reader(call, table)
    if "PutRequest" in request:
        ident, item = reader.item(received_item(request["PutRequest"]["Item"]), typed=True)
        return table, ident, item, True
    ident, key = reader.key(received_item(request["DeleteRequest"]["Key"]), typed=True)
    return table, ident, key, False


@SERVICE.operation
def batch_get_item(call: Call) -> dict[str, Any]:
    """Up to 100 items by their keys."""
    wanted = [(table_of(call, name), name, how) for name, how in call["RequestItems"].items()]
    if sum(len(how["Keys"]) for _, _, how in wanted) > call.lab.rules.dynamodb_batch_gets:
        raise invalid("Too many items requested for the BatchGetItem call")
    _check_distinct(
        (
            (table.name, _reader(call, table).key(received_item(key), typed=True)[0])
            for table, _, how in wanted
            for key in how["Keys"]
        ),
        "Provided list of item keys contains duplicates",
    )
    answer: dict[str, list[dict[str, Any]]] = {}
    for table, name, how in wanted:
        refuse(how)
        found = [got(table, key, how) for key in how["Keys"]]
        answer[name] = [item for item in found if item is not None]
    return {"Responses": answer, "UnprocessedKeys": {}}


# ------------------------------------------------------------------ transactions


@SERVICE.operation
def transact_get_items(call: Call) -> dict[str, Any]:
    """Up to 100 items, all of one moment."""
    wanted = [each["Get"] for each in call["TransactItems"]]
    _check_number(call, len(wanted))
    found = [got(table_of(call, each["TableName"]), each["Key"], each) for each in wanted]
    return {"Responses": [{} if item is None else {"Item": item} for item in found]}


def _check_number(call: Call, number: int) -> None:
    most = call.lab.rules.dynamodb_transaction
    if number > most:
        raise invalid(f"Member must have length less than or equal to {most}: transactItems")


@SERVICE.operation
def transact_write_items(call: Call) -> dict[str, Any]:
    """Up to 100 writes and conditions on different items: all of them, or none."""
    _check_number(call, len(call["TransactItems"]))
    if _done(call):
        return {}
    parts = [_Part(call, each) for each in call["TransactItems"]]
    _check_distinct(
        ((part.table.name, part.ident) for part in parts),
        "Transaction request cannot include multiple operations on one item",
    )
    reasons = [part.tried() for part in parts]
    if any(reason["Code"] != "None" for reason in reasons):
        codes = ", ".join(reason["Code"] for reason in reasons)
        raise ApiError(
            "TransactionCanceledException",
            "Transaction cancelled, please refer cancellation reasons for specific reasons "
            f"[{codes}]",
            CancellationReasons=reasons,
        )
    for part in parts:
        part.write()
    if "ClientRequestToken" in call:
        tokens = of_run(call.lab, "dynamodb").setdefault("tokens", {})
        tokens[call["ClientRequestToken"]] = call["TransactItems"], call.lab._scheduler.now
    return {}


def _done(call: Call) -> bool:
    """Whether a transaction of this token has been written while a token counts."""
    life_us = call.lab.rules.dynamodb_token_life * US
    tokens = of_run(call.lab, "dynamodb").get("tokens", {})
    given, at = tokens.get(call.get("ClientRequestToken"), (None, 0))
    if given is None or call.lab._scheduler.now - at >= life_us:
        return False
    if given != call["TransactItems"]:
        raise ApiError(
            "IdempotentParameterMismatchException",
            "Error: The request uses the same client token as a previous, but non-identical request. "
            "Do not reuse a client token with different requests, unless the requests are identical",
        )
    return True


class _Part:
    """One write or condition of a transaction."""

    def __init__(self, call: Call, given: dict[str, Any]) -> None:
        if len(given) != 1:
            raise invalid("TransactItems can only contain one of Check, Put, Update or Delete")
        [(self.kind, self.given)] = given.items()
        self.table = table_of(call, self.given["TableName"])
        self.reader = _reader(call, self.table)
        self._door = call.lab.dynamodb.open_door
        if self.kind == "Put":
            self.ident, self.item = self.reader.item(received_item(self.given["Item"]), typed=True)
        else:
            self.ident, self.item = self.reader.key(received_item(self.given["Key"]), typed=True)
        self.expressions = expressions(self.given, "ConditionExpression", "UpdateExpression")

    def tried(self) -> dict[str, Any]:
        """Why it cannot be written; of the code ``None``: it can."""
        if self.kind != "Update" and not self.expressions:
            return {"Code": "None"}
        there = self.table.get_item(key_of(self.table, self.item), typed=True)
        evaluating = Expressions(self._door, self.reader)
        scratch = evaluating.scratch("a transaction", [] if there is None else [there])
        what = {"Item" if self.kind == "Put" else "Key": wired_item(self.item)}
        action = {"Put": "PutItem", "Update": "UpdateItem"}.get(self.kind, "DeleteItem")
        try:
            evaluating.call(scratch, action, what | self.expressions, True)
        except ConditionalCheckFailedException as error:
            reason: dict[str, Any] = {"Code": _FAILED, "Message": error.message}
            if self.given.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and there:
                reason["Item"] = there
            return reason
        if self.kind == "Update":
            for item in scratch.items():
                self.reader.item(item, typed=True)  # it may have grown too large
        return {"Code": "None"}

    def write(self) -> None:
        """Write it; its condition holds."""
        if self.kind == "Put":
            self.table.put_item(self.item, typed=True)
        elif self.kind == "Delete":
            self.table.delete_item(self.item, typed=True)
        elif self.kind == "Update":
            self.table.update_item(self.item, typed=True, **self.expressions)
