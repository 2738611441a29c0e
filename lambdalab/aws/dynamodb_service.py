"""What all of DynamoDB's operations need: the service, a call's table, and its expressions.

Source: botocore's model of DynamoDB (1.44.5).
"""

from __future__ import annotations

from typing import Any

from lambdalab.aws.operations import ApiError, Call
from lambdalab.aws.values import JsonService
from lambdalab.aws.wire import received_item
from lambdalab.sources.dynamodb.events import table_arn
from lambdalab.sources.dynamodb.service import Table

NOT_FOUND = "ResourceNotFoundException"
INVALID = "ValidationException"
SERVICE = JsonService("dynamodb", unknown=(NOT_FOUND, 400))
NAMES, VALUES = "ExpressionAttributeNames", "ExpressionAttributeValues"

_OLD_WAYS = (
    "AttributesToGet", "AttributeUpdates", "ConditionalOperator", "Expected", "KeyConditions",
    "QueryFilter", "ScanFilter",
)  # fmt: skip


def invalid(message: str) -> ApiError:
    """A refusal: the request is not valid."""
    return ApiError(INVALID, message)


def table_of(call: Call, name: str | None = None, *, told: bool = False) -> Table:
    """A table by its name or its ARN, or DynamoDB's refusal is raised; ``told`` names it there."""
    name = call["TableName"] if name is None else name
    plain = name.rpartition(":table/")[2]
    if plain not in call.lab.dynamodb or (plain != name and name != table_arn(plain)):
        more = f": Table: {plain} not found" if told else ""
        raise ApiError(NOT_FOUND, f"Requested resource not found{more}")
    found: Table = call.lab.dynamodb[plain]
    return found


def refuse(given: dict[str, Any]) -> None:
    """Raise for what there is of DynamoDB and not in a lab."""
    for name in _OLD_WAYS:
        if name in given:
            raise invalid(f"{name} is of the API before expressions, which a lab does not answer")
    if "IndexName" in given:
        raise invalid(f"The table does not have the specified index: {given['IndexName']}")


def expressions(given: dict[str, Any], *names: str) -> dict[str, Any]:
    """The parameters of those names, and the names and values of attributes they speak of."""
    found = {name: given[name] for name in (*names, NAMES) if name in given}
    spoken = [name for name in found if name.endswith("Expression")]
    for name in spoken:
        if found[name] == "":
            raise invalid(f"Invalid {name}: The expression can not be empty;")
    for name in (NAMES, VALUES):
        if name in given and not spoken:
            raise invalid(f"{name} can only be specified when using expressions")
    if VALUES in given:
        found[VALUES] = received_item(given[VALUES])
    return found


def key_of(table: Table, item: dict[str, Any]) -> dict[str, Any]:
    """The key of an item that has one."""
    return {key.name: item[key.name] for key in table.settings.keys}
