"""DynamoDB's expressions, by moto: a table of moto's own, asked directly.

Nothing is patched and nothing global is touched: a table lives in a backend of its own, which no
``mock_aws`` sees and none of whose calls goes through a client. What moto refuses is raised as the lab's
own exceptions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from boto3.dynamodb.conditions import ConditionBase, ConditionExpressionBuilder
from moto.dynamodb.exceptions import ConditionalCheckFailed, DynamodbException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.responses import DynamoHandler

from lambdalab.errors import ConditionalCheckFailedException, ValidationException
from lambdalab.functions.context import ACCOUNT, REGION

_NAME = "scratch"
_ACTIONS = {
    "PutItem": "put_item", "DeleteItem": "delete_item", "UpdateItem": "update_item",
    "Query": "query", "Scan": "scan",
}  # fmt: skip
_CONDITIONS = ("ConditionExpression", "FilterExpression", "KeyConditionExpression")


class _Handler(DynamoHandler):  # type: ignore[misc]
    """Moto's own reading of requests, in front of a backend of ours."""

    def __init__(self, backend: DynamoDBBackend) -> None:
        super().__init__()
        self._own = backend

    @property
    def dynamodb_backend(self) -> DynamoDBBackend:
        return self._own


class Scratch:
    """A table of moto's with some items in it, as :mod:`lambdalab.sources.dynamodb.expressions` asks."""

    def __init__(self, keys: Iterable[tuple[str, str]], items: Iterable[dict[str, Any]]) -> None:
        self._handler = _Handler(DynamoDBBackend(REGION, ACCOUNT))
        keys = list(keys)
        self._names = [name for name, _ in keys]
        kinds = ("HASH", "RANGE")
        schema = zip(self._names, kinds, strict=False)
        self._ask("create_table", {
            "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in schema],
            "AttributeDefinitions": [
                {"AttributeName": name, "AttributeType": kind} for name, kind in keys
            ],
            "BillingMode": "PAY_PER_REQUEST",
        })  # fmt: skip
        self._table = self._handler.dynamodb_backend.get_table(_NAME)
        for item in items:
            self._table.put_item(item)

    def call(
        self, action: str, request: dict[str, Any], value: Callable[[object], dict[str, Any]]
    ) -> dict[str, Any]:
        """What the service would answer; ``value`` makes attribute values of what conditions hold.

        Raises :class:`ValidationException` and :class:`ConditionalCheckFailedException`.
        """
        request = _spelt_out(request, value)
        if action == "UpdateItem" and "UpdateExpression" not in request:
            request["AttributeUpdates"] = {}
        try:
            return self._ask(_ACTIONS[action], request)
        except DynamodbException as error:
            raise _of_ours(error) from None
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            told = [f"{name}={request[name]!r}" for name in request if name.endswith("Expression")]
            raise ValidationException(
                f"The request could not be evaluated: {type(error).__name__}: {error}",
                f" ({', '.join(told)})",
            ) from error

    def _ask(self, verb: str, request: dict[str, Any]) -> dict[str, Any]:
        handler = self._handler
        handler.body = {"TableName": _NAME, **request}
        answer = getattr(handler, verb)()
        found = getattr(answer, "result", answer)  # older releases answer in JSON
        made: dict[str, Any] = json.loads(found) if isinstance(found, str) else dict(found)
        return made

    def items(self) -> list[dict[str, Any]]:
        """What is in it now."""
        return [item.to_json()["Attributes"] for item in self._table.all_items()]


def scratch(keys: Iterable[tuple[str, str]], items: Iterable[dict[str, Any]]) -> Scratch:
    """A table with that key (names and types) and those items."""
    return Scratch(keys, items)


def _spelt_out(
    request: dict[str, Any], value: Callable[[object], dict[str, Any]]
) -> dict[str, Any]:
    """A request whose conditions are texts: those made with ``boto3.dynamodb.conditions`` are spelt."""
    builder = ConditionExpressionBuilder()
    made = dict(request)
    for name in _CONDITIONS:
        condition = request.get(name)
        if isinstance(condition, ConditionBase):
            built = builder.build_expression(condition, name == "KeyConditionExpression")
            made[name] = built.condition_expression
            names = built.attribute_name_placeholders
            values = built.attribute_value_placeholders
            found = {placeholder: value(given) for placeholder, given in values.items()}
            for key, more in (("Names", names), ("Values", found)):
                if more:
                    key = f"ExpressionAttribute{key}"
                    made[key] = {**made.get(key, {}), **more}
    return made


def _of_ours(error: DynamodbException) -> Exception:
    """Moto's refusal as the lab's."""
    message = str(getattr(error, "message", error))
    if isinstance(error, ConditionalCheckFailed):
        return ConditionalCheckFailedException(message)
    return ValidationException(message)
