"""DynamoDB's operations on tables. Items: :mod:`.dynamodb_items`; several: :mod:`.dynamodb_batches`.

Tables can be used at once, and take whatever is written: throughput, billing mode, table class,
encryption and tags are kept and given back. There are no secondary indexes. A table that is deleted is
gone at once; its stream can be read for 24 h more.

Source: botocore's model of DynamoDB (1.44.5).
"""

from __future__ import annotations

from typing import Any

from lambdalab.aws import dynamodb_batches, dynamodb_items
from lambdalab.aws.dynamodb_service import NOT_FOUND, SERVICE, invalid, table_of
from lambdalab.aws.operations import ApiError, Call, id_of, kept
from lambdalab.aws.values import limit, page
from lambdalab.errors import InvalidSetting
from lambdalab.sources.dynamodb.service import Table, TableStream

__all__ = ["SERVICE", "dynamodb_batches", "dynamodb_items"]
_WRONG = "One or more parameter values were invalid: "
_KEPT = ("BillingMode", "DeletionProtectionEnabled", "OnDemandThroughput",
         "ProvisionedThroughput", "SSESpecification", "TableClass")  # fmt: skip
_INDEXES = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes", "VectorIndexes",
            "GlobalSecondaryIndexUpdates", "ReplicaUpdates")  # fmt: skip
_NOTHING = {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0}

# ------------------------------------------------------------------ making and changing


@SERVICE.operation
def create_table(call: Call) -> dict[str, Any]:
    """A table, with a stream if asked for; it is active at once."""
    _refuse_indexes(call)
    types = {
        each["AttributeName"]: each["AttributeType"]
        for each in call.get("AttributeDefinitions", ())
    }
    _check_billing(call)
    made = call.lab.dynamodb.create_table(
        call["TableName"], **_keys(call.get("KeySchema", []), types),
        stream_view_type=_view(call.get("StreamSpecification", {"StreamEnabled": False})),
    )  # fmt: skip
    _keep(call, made)
    kept(made).update(created=call.lab.now, tags=_as_dict(call.get("Tags", ())))
    return {"TableDescription": description(call, made)}


def _refuse_indexes(call: Call) -> None:
    for name in _INDEXES:
        if call.get(name):
            raise invalid(f"{name}: a lab's tables have no secondary indexes and no replicas")


def _keys(schema: list[dict[str, str]], types: dict[str, str]) -> dict[str, Any]:
    """The lab's settings for a key schema."""
    kinds = [each["KeyType"] for each in schema]
    if kinds not in (["HASH"], ["HASH", "RANGE"]):
        raise invalid(
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
            if kinds[:1] != ["HASH"]
            else "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"
        )
    names = [each["AttributeName"] for each in schema]
    if not set(names) <= set(types):
        raise invalid(
            f"{_WRONG}Some index key attributes are not defined in AttributeDefinitions. "
            f"Keys: [{', '.join(names)}], AttributeDefinitions: [{', '.join(types)}]"
        )
    if len(types) > len(names):
        raise invalid(
            f"{_WRONG}Number of attributes in KeySchema does not exactly match number of attributes "
            "defined in AttributeDefinitions"
        )
    settings = ("partition_key", "sort_key")
    return {of: (name, types[name]) for of, name in zip(settings, names, strict=False)}


def _check_billing(call: Call) -> None:
    """Throughput and billing mode go together, though nothing follows from them here."""
    demand = call.get("BillingMode") == "PAY_PER_REQUEST"
    if demand and "ProvisionedThroughput" in call:
        raise invalid(
            f"{_WRONG}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
            "BillingMode is PAY_PER_REQUEST"
        )
    if not demand and "ProvisionedThroughput" not in call:
        raise invalid(
            f"{_WRONG}ReadCapacityUnits and WriteCapacityUnits must both be specified when "
            "BillingMode is PROVISIONED"
        )


def _view(given: dict[str, Any]) -> str | None:
    """What a stream is to show; None: there is to be none."""
    view: str | None = given.get("StreamViewType")
    if given["StreamEnabled"] == (view is None):
        side = "must" if view is None else "cannot"
        raise invalid(
            f"{_WRONG}StreamViewType {side} be specified when StreamEnabled is "
            f"{str(given['StreamEnabled']).lower()}"
        )
    return view


def _keep(call: Call, table: Table) -> None:
    kept(table).update({name: call[name] for name in _KEPT if name in call})
    if call.get("BillingMode") == "PAY_PER_REQUEST":
        kept(table).pop("ProvisionedThroughput", None)


@SERVICE.operation
def update_table(call: Call) -> dict[str, Any]:
    """Switch the stream on or off; what else is given is kept."""
    table = table_of(call, told=True)
    _refuse_indexes(call)
    if "StreamSpecification" in call:
        view, before = _view(call["StreamSpecification"]), table.settings.stream_view_type
        if view is not None and before is not None:
            raise invalid(f"Table already has an enabled stream: TableName: {table.name}")
        if view is None and before is None:
            raise invalid(f"Table has no enabled stream: TableName: {table.name}")
        table.update(stream_view_type=view)
    _keep(call, table)
    return {"TableDescription": description(call, table)}


@SERVICE.operation
def delete_table(call: Call) -> dict[str, Any]:
    """A table and its items, unless it is protected."""
    table = table_of(call, told=True)
    if kept(table).get("DeletionProtectionEnabled"):
        raise invalid(
            "Resource cannot be deleted as it is currently protected against deletion. "
            "Disable deletion protection first."
        )
    told = description(call, table) | {"TableStatus": "DELETING"}
    call.lab.dynamodb.delete_table(table)
    return {"TableDescription": told}


# ------------------------------------------------------------------ looking


@SERVICE.operation
def describe_table(call: Call) -> dict[str, Any]:
    """A table."""
    return {"Table": description(call, table_of(call, told=True))}


def description(call: Call, table: Table) -> dict[str, Any]:
    """A table as AWS describes it; unlike there, size and number of items are of now."""
    known, start = kept(table), call.lab._clock.datetime(0)
    kinds = zip(table.settings.keys, ("HASH", "RANGE"), strict=False)
    told: dict[str, Any] = {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in table.settings.keys
        ],
        "TableName": table.name,
        "KeySchema": [{"AttributeName": key.name, "KeyType": kind} for key, kind in kinds],
        "TableStatus": "ACTIVE",
        "CreationDateTime": min(known.get("created", start), call.lab.now),
        "ProvisionedThroughput": {
            "NumberOfDecreasesToday": 0, **known.get("ProvisionedThroughput", _NOTHING),
        },
        "TableSizeBytes": table.size_bytes,
        "ItemCount": len(table),
        "TableArn": table.arn,
        "TableId": id_of(call.lab.seed, "table", table.name),
        "DeletionProtectionEnabled": known.get("DeletionProtectionEnabled", False),
    }  # fmt: skip
    if "ProvisionedThroughput" not in known:
        told["BillingModeSummary"] = {"BillingMode": "PAY_PER_REQUEST"}
    if "TableClass" in known:
        told["TableClassSummary"] = {"TableClass": known["TableClass"]}
    if "OnDemandThroughput" in known:
        told["OnDemandThroughput"] = known["OnDemandThroughput"]
    if known.get("SSESpecification", {}).get("Enabled"):
        told["SSEDescription"] = {"Status": "ENABLED", "SSEType": "KMS"}
    stream = stream_of(table)
    if stream is not None:
        told |= {"LatestStreamLabel": stream.label, "LatestStreamArn": stream.arn}
        if table.settings.stream_view_type is not None:
            told["StreamSpecification"] = {
                "StreamEnabled": True, "StreamViewType": table.settings.stream_view_type,
            }  # fmt: skip
    return told


def stream_of(table: Table) -> TableStream | None:
    """A table's stream, also one that is switched off; None if it never had one."""
    try:
        return table.stream
    except InvalidSetting:
        return None


@SERVICE.operation
def list_tables(call: Call) -> dict[str, Any]:
    """The names of the tables."""
    most = call.lab.rules.dynamodb_list_page
    most = limit(call.get("Limit"), most, most, "ValidationException")
    names = sorted(call.lab.dynamodb)
    found = [name for name in names if name > call.get("ExclusiveStartTableName", "")]
    more = {"LastEvaluatedTableName": found[most - 1]} if len(found) > most else {}
    return {"TableNames": found[:most], **more}


# ------------------------------------------------------------------ time to live


@SERVICE.operation
def update_time_to_live(call: Call) -> dict[str, Any]:
    """Which attribute holds when an item may be deleted; it counts at once."""
    table, given = table_of(call, told=True), call["TimeToLiveSpecification"]
    before, attribute = table.settings.time_to_live, given["AttributeName"]
    if given["Enabled"] and before == attribute:
        raise invalid("TimeToLive is already enabled")
    if not given["Enabled"] and before is None:
        raise invalid("TimeToLive is already disabled")
    if before not in (None, attribute):
        raise invalid(
            f"TimeToLive is active on a different AttributeName: current AttributeName is {before}"
        )
    table.update(time_to_live=attribute if given["Enabled"] else None)
    return {"TimeToLiveSpecification": given}


@SERVICE.operation
def describe_time_to_live(call: Call) -> dict[str, Any]:
    """Whether items have a time to live."""
    attribute = table_of(call, told=True).settings.time_to_live
    told = {"TimeToLiveStatus": "DISABLED" if attribute is None else "ENABLED"}
    return {"TimeToLiveDescription": told | ({"AttributeName": attribute} if attribute else {})}


# ------------------------------------------------------------------ tags


def _as_dict(tags: Any) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in tags}


def _tags(call: Call) -> dict[str, str]:
    arn = call["ResourceArn"]
    for name in call.lab.dynamodb:
        if call.lab.dynamodb[name].arn == arn:
            tags: dict[str, str] = kept(call.lab.dynamodb[name]).setdefault("tags", {})
            return tags
    raise ApiError(NOT_FOUND, f"Requested resource not found: ResourceArn: {arn} not found")


@SERVICE.operation
def tag_resource(call: Call) -> None:
    """Tags of a table are kept."""
    _tags(call).update(_as_dict(call["Tags"]))


@SERVICE.operation
def untag_resource(call: Call) -> None:
    """Tags go; one that is not there is none."""
    for key in call["TagKeys"]:
        _tags(call).pop(key, None)


@SERVICE.operation
def list_tags_of_resource(call: Call) -> dict[str, Any]:
    """The tags of a table, ten at a time."""
    tags = [{"Key": key, "Value": value} for key, value in sorted(_tags(call).items())]
    most, refusal = call.lab.rules.dynamodb_tags_page, invalid("Invalid NextToken")
    shown, token = page(tags, call.get("NextToken"), most, refusal)
    return {"Tags": list(shown)} | ({"NextToken": token} if token else {})
