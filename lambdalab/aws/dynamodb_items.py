"""DynamoDB's operations on single items, and Query and Scan.

Every read is consistent. Consumed capacity and item collections are not simulated: that is accepted
when asked for, and nothing is told. Expressions are evaluated as :mod:`lambdalab.aws.tables` does it;
parameters of the API before expressions are refused.

Source: botocore's model of DynamoDB (1.44.5).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambdalab.aws.dynamodb_service import (
    INVALID,
    NAMES,
    SERVICE,
    VALUES,
    expressions,
    invalid,
    key_of,
    refuse,
    table_of,
)
from lambdalab.aws.operations import ApiError, Call
from lambdalab.aws.values import constraint
from lambdalab.aws.wire import received_item
from lambdalab.errors import ConditionalCheckFailedException
from lambdalab.sources.dynamodb.service import Table

_RETURNS = ("ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW")
_READING = ("ExclusiveStartKey", "FilterExpression", "Limit", "ProjectionExpression", "Select")

# ------------------------------------------------------------------ writing


@SERVICE.operation
def put_item(call: Call) -> dict[str, Any]:
    """An item, in place of the one with its key."""
    table, item = _begin(call), received_item(call["Item"])
    return _written(call, table, item, lambda more: table.put_item(item, typed=True, **more))


@SERVICE.operation
def delete_item(call: Call) -> dict[str, Any]:
    """No item any more with that key."""
    table, key = _begin(call), received_item(call["Key"])
    return _written(call, table, key, lambda more: table.delete_item(key, typed=True, **more))


@SERVICE.operation
def update_item(call: Call) -> dict[str, Any]:
    """Some attributes of an item changed; one that is not there is made."""
    table, key = _begin(call), received_item(call["Key"])
    return _written(
        call, table, key, lambda more: table.update_item(key, typed=True, **more),
        "UpdateExpression",
    )  # fmt: skip


def _begin(call: Call) -> Table:
    """The table of a write that a lab can answer."""
    refuse(call.given)
    values = call.get("ReturnValues", "NONE")
    if values not in _RETURNS:
        kinds = f"satisfy enum value set: [{', '.join(_RETURNS)}]"
        raise constraint(INVALID, "returnValues", values, kinds)
    return table_of(call)


def _written(
    call: Call, table: Table, item: dict[str, Any],
    write: Callable[[dict[str, Any]], dict[str, Any] | None], *names: str,
) -> dict[str, Any]:  # fmt: skip
    """What a write answers; where its condition does not hold, with the item if that was asked for."""
    more = expressions(call.given, "ConditionExpression", *names)
    try:
        found = write(more | {"return_values": call.get("ReturnValues", "NONE")})
    except ConditionalCheckFailedException as error:
        fields: dict[str, Any] = {}
        if call.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
            there = table.get_item(key_of(table, item), typed=True)
            fields = {} if there is None else {"Item": there}
        raise ApiError(error.code, error.message, **fields) from None
    return {"Attributes": found} if found else {}


# ------------------------------------------------------------------ reading


@SERVICE.operation
def get_item(call: Call) -> dict[str, Any]:
    """An item, or nothing."""
    refuse(call.given)
    found = got(table_of(call), call["Key"], call.given)
    return {} if found is None else {"Item": found}


def got(table: Table, given: dict[str, Any], how: dict[str, Any]) -> dict[str, Any] | None:
    """The item with a key, or what a projection shows of it; None: there is none."""
    key = received_item(given)
    found = table.get_item(key, typed=True)
    if found is None or not how.get("ProjectionExpression"):
        return found
    names = {f"#lambdalab{i}": name for i, name in enumerate(key)}
    values = {f":lambdalab{i}": value for i, value in enumerate(key.values())}
    condition = " AND ".join(f"{name} = {value}" for name, value in zip(names, values, strict=True))
    [shown] = table.query(
        KeyConditionExpression=condition, ProjectionExpression=how["ProjectionExpression"],
        typed=True, **{NAMES: how.get(NAMES, {}) | names, VALUES: values},
    )  # fmt: skip
    return dict(shown)


@SERVICE.operation
def query(call: Call) -> dict[str, Any]:
    """The items of a partition by sort key, as many as a page has."""
    refuse(call.given)
    if "KeyConditionExpression" not in call:
        raise invalid(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the "
            "request."
        )
    return _page(call, table_of(call).query, "KeyConditionExpression", "ScanIndexForward")


@SERVICE.operation
def scan(call: Call) -> dict[str, Any]:
    """All items, as many as a page has; a segment of them if asked for."""
    refuse(call.given)
    return _page(call, table_of(call).scan, "Segment", "TotalSegments")


def _page(call: Call, read: Callable[..., Any], *names: str) -> dict[str, Any]:
    """One page of what a query or a scan finds."""
    more = expressions(call.given, *_READING, *names)
    if "Limit" in more and more["Limit"] < 1:
        raise constraint(INVALID, "limit", more["Limit"], "have value greater than or equal to 1")
    if "ExclusiveStartKey" in more:
        more["ExclusiveStartKey"] = received_item(more["ExclusiveStartKey"])
    found = read(typed=True, **more)
    answer = {"Count": found.count, "ScannedCount": found.scanned_count}
    if call.get("Select") != "COUNT":
        answer["Items"] = list(found)
    if found.last_evaluated_key is not None:
        answer["LastEvaluatedKey"] = found.last_evaluated_key
    return answer
