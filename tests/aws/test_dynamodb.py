"""DynamoDB through botocore: tables, items, conditions, pages, batches, transactions, resources."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

pytest.importorskip("moto")
pytest.importorskip("boto3")

from boto3.dynamodb import conditions

import lambdalab as ll
from tests.aws.checked import checked, not_called

START = dt.datetime(2025, 1, 7, tzinfo=dt.UTC)
KEYS = {
    "KeySchema": [
        {"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "n", "AttributeType": "N"},
    ],
}  # fmt: skip
DEMAND = {"BillingMode": "PAY_PER_REQUEST"}
FULL = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


@pytest.fixture
def lab() -> Iterator[ll.Lab]:
    with ll.Lab(seed=3) as lab:
        yield lab


@pytest.fixture
def dynamodb(lab: ll.Lab) -> Any:
    """A client; there is a table, made at ten seconds."""
    client = checked(lab.client("dynamodb"))
    lab.run(until=10)
    client.create_table(TableName="orders", **KEYS, **DEMAND)
    return client


def key(name: str, n: int = 1) -> dict[str, Any]:
    return {"id": {"S": name}, "n": {"N": str(n)}}


def put(client: Any, name: str, n: int = 1, **more: Any) -> None:
    client.put_item(TableName="orders", Item=key(name, n) | more)


def refused(client: Any, code: str, words: str, act: Any, **given: Any) -> Any:
    with pytest.raises(client.exceptions.ClientError, match=words) as caught:
        act(**given)
    response = caught.value.response
    assert response["Error"]["Code"] == code
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return response


# ------------------------------------------------------------------ tables


def test_a_table_is_described(dynamodb: Any, lab: ll.Lab) -> None:
    dynamodb.get_waiter("table_exists").wait(TableName="orders")
    put(dynamodb, "a")
    table = dynamodb.describe_table(TableName="orders")["Table"]
    assert table["TableArn"] == lab.dynamodb["orders"].arn
    assert (table["TableStatus"], table["ItemCount"], table["TableSizeBytes"]) == ("ACTIVE", 1, 6)
    assert table["CreationDateTime"] == START + dt.timedelta(seconds=10)
    assert {name: table[name] for name in KEYS} == KEYS
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert "LatestStreamArn" not in table
    by_arn = dynamodb.describe_table(TableName=table["TableArn"])["Table"]
    assert by_arn == table


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (KEYS, "must both be specified when BillingMode is PROVISIONED"),
        (
            KEYS | DEMAND | {
                "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
            },
            "Neither ReadCapacityUnits",
        ),
        (KEYS | DEMAND | {"KeySchema": KEYS["KeySchema"][1:]}, "not a HASH key type"),
        (KEYS | DEMAND | {"KeySchema": KEYS["KeySchema"][:1] * 2}, "not a RANGE key type"),
        (KEYS | DEMAND | {"KeySchema": KEYS["KeySchema"][:1]}, "does not exactly match"),
        (
            KEYS | DEMAND | {"AttributeDefinitions": KEYS["AttributeDefinitions"][:1]},
            r"not defined in AttributeDefinitions. Keys: \[id, n\], AttributeDefinitions: \[id\]",
        ),
        (KEYS | DEMAND | {"StreamSpecification": {"StreamEnabled": True}}, "StreamViewType must"),
        (
            KEYS | DEMAND | {"GlobalSecondaryIndexes": [{
                "IndexName": "other", "KeySchema": KEYS["KeySchema"],
                "Projection": {"ProjectionType": "ALL"},
            }]},
            "no secondary indexes",
        ),
        (KEYS | DEMAND | {"TableName": "a b"}, "letters"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be(dynamodb: Any, given: dict[str, Any], words: str) -> None:
    given = {"TableName": "other"} | given
    refused(dynamodb, "ValidationException", words, dynamodb.create_table, **given)
    assert dynamodb.list_tables()["TableNames"] == ["orders"]


def test_a_table_that_is_there_and_one_that_is_not(dynamodb: Any) -> None:
    with pytest.raises(dynamodb.exceptions.ResourceInUseException, match="already exists: orders"):
        dynamodb.create_table(TableName="orders", **KEYS, **DEMAND)
    missing, no = "ResourceNotFoundException", {"TableName": "no"}
    words = "Requested resource not found: Table: no not found"
    refused(dynamodb, missing, words, dynamodb.describe_table, **no)
    refused(dynamodb, missing, "resource not found$", dynamodb.get_item, **no, Key=key("a"))
    refused(dynamodb, missing, "resource not found$", dynamodb.scan, **no)


def test_tables_are_listed_in_pages(dynamodb: Any, lab: ll.Lab) -> None:
    for name in ("bbb", "aaa"):
        lab.dynamodb.create_table(name)
    pages = dynamodb.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 2})
    assert [page["TableNames"] for page in pages] == [["aaa", "bbb"], ["orders"]]
    refused(dynamodb, "ValidationException", "100", dynamodb.list_tables, Limit=101)


def test_a_stream_is_switched_on_and_off(dynamodb: Any, lab: ll.Lab) -> None:
    update = dynamodb.update_table
    table = update(TableName="orders", StreamSpecification=FULL)["TableDescription"]
    assert table["StreamSpecification"] == FULL
    assert table["LatestStreamLabel"] == "2025-01-07T00:00:10.000"
    assert table["LatestStreamArn"] == lab.dynamodb["orders"].stream.arn
    refused(
        dynamodb, "ValidationException", "already has an enabled stream: TableName: orders", update,
        TableName="orders", StreamSpecification=FULL,
    )  # fmt: skip
    off = {"StreamEnabled": False}
    table = update(TableName="orders", StreamSpecification=off)["TableDescription"]
    assert "StreamSpecification" not in table
    assert "LatestStreamArn" in table
    refused(
        dynamodb, "ValidationException", "no enabled stream", update,
        TableName="orders", StreamSpecification=off,
    )  # fmt: skip


def test_what_changes_nothing_is_kept(dynamodb: Any) -> None:
    units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}
    dynamodb.update_table(
        TableName="orders", BillingMode="PROVISIONED", ProvisionedThroughput=units,
        DeletionProtectionEnabled=True, TableClass="STANDARD_INFREQUENT_ACCESS",
        SSESpecification={"Enabled": True},
    )  # fmt: skip
    table = dynamodb.describe_table(TableName="orders")["Table"]
    assert table["ProvisionedThroughput"] == units | {"NumberOfDecreasesToday": 0}
    assert "BillingModeSummary" not in table
    assert table["DeletionProtectionEnabled"]
    assert table["TableClassSummary"] == {"TableClass": "STANDARD_INFREQUENT_ACCESS"}
    dynamodb.update_table(TableName="orders", **DEMAND)
    table = dynamodb.describe_table(TableName="orders")["Table"]
    assert table["BillingModeSummary"] == {"BillingMode": "PAY_PER_REQUEST"}
    arn = table["TableArn"]
    tags = [{"Key": f"k{i:02}", "Value": str(i)} for i in range(12)]
    dynamodb.tag_resource(ResourceArn=arn, Tags=tags)
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["k00"])
    pages = dynamodb.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)
    assert [tag for page in pages for tag in page["Tags"]] == tags[1:]
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        dynamodb.list_tags_of_resource(ResourceArn=f"{arn}x")


def test_items_have_a_time_to_live(dynamodb: Any, lab: ll.Lab) -> None:
    describe, update = dynamodb.describe_time_to_live, dynamodb.update_time_to_live
    told = describe(TableName="orders")["TimeToLiveDescription"]
    assert told == {"TimeToLiveStatus": "DISABLED"}
    wanted = {"Enabled": True, "AttributeName": "until"}
    assert update(TableName="orders", TimeToLiveSpecification=wanted)[
        "TimeToLiveSpecification"
    ] == wanted  # fmt: skip
    told = describe(TableName="orders")["TimeToLiveDescription"]
    assert told == {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}
    put(dynamodb, "old", until={"N": str(int(START.timestamp()) + 60)})
    lab.run(until="3d")
    assert dynamodb.scan(TableName="orders")["Count"] == 0
    for given, words in (
        (wanted, "already enabled"),
        (wanted | {"AttributeName": "other"}, "current AttributeName is until"),
    ):
        refused(
            dynamodb, "ValidationException", words, update,
            TableName="orders", TimeToLiveSpecification=given,
        )  # fmt: skip
    off = wanted | {"Enabled": False}
    update(TableName="orders", TimeToLiveSpecification=off)
    refused(
        dynamodb, "ValidationException", "already disabled", update,
        TableName="orders", TimeToLiveSpecification=off,
    )  # fmt: skip


# ------------------------------------------------------------------ items


def test_every_type_comes_back(dynamodb: Any, lab: ll.Lab) -> None:
    item = key("a") | {
        "b": {"B": b"\x00\xff"}, "yes": {"BOOL": True}, "none": {"NULL": True},
        "l": {"L": [{"S": "x"}, {"M": {"in": {"B": b"y"}}}]}, "ss": {"SS": ["p", "q"]},
        "ns": {"NS": ["1", "2.5"]}, "bs": {"BS": [b"1", b"2"]}, "e": {"S": ""},
    }  # fmt: skip
    assert "Attributes" not in dynamodb.put_item(TableName="orders", Item=item)
    assert dynamodb.get_item(TableName="orders", Key=key("a"))["Item"] == item
    assert lab.dynamodb["orders"].items[0]["ns"] == {1, Decimal("2.5")}
    put(
        dynamodb, "text", b={"B": "QUJD"}, bs={"BS": ["QUJD"]}
    )  # a text is its UTF-8, and no base64
    assert lab.dynamodb["orders"].items[1]["b"] == b"QUJD"
    assert lab.dynamodb["orders"].items[1]["bs"] == {b"QUJD"}
    assert "Item" not in dynamodb.get_item(TableName="orders", Key=key("none"))


def test_a_projection_of_an_item(dynamodb: Any) -> None:
    put(dynamodb, "a", l={"L": [{"S": "x"}, {"M": {"in": {"N": "5"}}}]}, e={"S": "y"})
    found = dynamodb.get_item(
        TableName="orders", Key=key("a"), ProjectionExpression="l[1].#in, e",
        ExpressionAttributeNames={"#in": "in"},
    )["Item"]  # fmt: skip
    assert found == {"l": {"L": [{"M": {"in": {"N": "5"}}}]}, "e": {"S": "y"}}
    none = dynamodb.get_item(TableName="orders", Key=key("a"), ProjectionExpression="nothing")
    assert none["Item"] == {}


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"id": {"S": "a"}}, "Missing the key n in the item"),
        (key("a") | {"n": {"S": "1"}}, "Type mismatch for key n expected: N actual: S"),
        (key(""), "cannot contain an empty string value. Key: id"),
        (key("a") | {"x": {}}, "Supplied AttributeValue is empty"),
        (key("a") | {"x": {"S": "", "N": "1"}}, "more than one datatypes set"),
        (key("a") | {"x": {"NULL": False}}, "Null attribute value types"),
        (key("a") | {"x": {"N": "one"}}, "cannot be converted to a numeric value: one"),
        (key("a") | {"x": {"SS": []}}, "may not be empty"),
        (key("a") | {"x": {"S": "x" * 410_000}}, "Item size has exceeded"),
    ],
)
def test_items_that_cannot_be(dynamodb: Any, item: dict[str, Any], words: str) -> None:
    given = {"TableName": "orders", "Item": item}
    refused(dynamodb, "ValidationException", words, dynamodb.put_item, **given)
    assert dynamodb.scan(TableName="orders")["Count"] == 0


def test_what_writes_return(dynamodb: Any) -> None:
    put(dynamodb, "a", x={"N": "1"})
    old = dynamodb.put_item(
        TableName="orders", Item=key("a") | {"x": {"N": "2"}}, ReturnValues="ALL_OLD"
    )
    assert old["Attributes"]["x"] == {"N": "1"}
    new = dynamodb.update_item(
        TableName="orders", Key=key("a"), UpdateExpression="SET x = x + :more",
        ExpressionAttributeValues={":more": {"N": "5"}}, ReturnValues="UPDATED_NEW",
    )  # fmt: skip
    assert new["Attributes"] == {"x": {"N": "7"}}
    gone = dynamodb.delete_item(TableName="orders", Key=key("a"), ReturnValues="ALL_OLD")
    assert gone["Attributes"]["x"] == {"N": "7"}
    again = dynamodb.delete_item(TableName="orders", Key=key("a"), ReturnValues="ALL_OLD")
    assert "Attributes" not in again
    wrong = "ValidationException"
    given = {"TableName": "orders", "Item": key("a")}
    act = dynamodb.put_item
    refused(dynamodb, wrong, "can only be ALL_OLD or NONE", act, **given, ReturnValues="ALL_NEW")
    refused(dynamodb, wrong, "enum value set", act, **given, ReturnValues="SOME")


def test_conditions_hold_or_nothing_is_written(dynamodb: Any, lab: ll.Lab) -> None:
    put(dynamodb, "a", x={"N": "1"})
    given = {"TableName": "orders", "Key": key("a"), "ConditionExpression": "x > :y",
             "ExpressionAttributeValues": {":y": {"N": "1"}}}  # fmt: skip
    told = refused(
        dynamodb, "ConditionalCheckFailedException", "The conditional request failed",
        dynamodb.delete_item, **given, ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )  # fmt: skip
    assert told["Item"] == key("a") | {"x": {"N": "1"}}
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException) as caught:
        dynamodb.update_item(**given, UpdateExpression="REMOVE x")
    assert "Item" not in caught.value.response
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(
            TableName="orders", Item=key("a"), ConditionExpression="attribute_not_exists(id)"
        )
    assert lab.dynamodb["orders"].items[0] == {"id": "a", "n": 1, "x": 1}
    dynamodb.delete_item(**given | {"ConditionExpression": "x = :y"})
    assert len(lab.dynamodb["orders"]) == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ConditionExpression": ""}, "The expression can not be empty"),
        ({"ConditionExpression": "x >"}, "Bad comparison|ConditionExpression"),
        ({"ExpressionAttributeValues": {":x": {"S": "y"}}}, "only be specified when using"),
        ({"Expected": {"x": {"Exists": False}}}, "Expected is of the API before expressions"),
    ],
)
def test_conditions_that_cannot_be(dynamodb: Any, given: dict[str, Any], words: str) -> None:
    given = {"TableName": "orders", "Item": key("a")} | given
    refused(dynamodb, "ValidationException", words, dynamodb.put_item, **given)


# ------------------------------------------------------------------ query and scan


def test_a_query_in_pages(dynamodb: Any) -> None:
    for n in range(5):
        put(dynamodb, "a", n, x={"N": str(n % 2)})
        put(dynamodb, "b", n)
    given = {
        "TableName": "orders", "KeyConditionExpression": "id = :id",
        "ExpressionAttributeValues": {":id": {"S": "a"}}, "ScanIndexForward": False,
    }  # fmt: skip
    pages = list(
        dynamodb.get_paginator("query").paginate(**given, PaginationConfig={"PageSize": 2})
    )
    assert [[item["n"]["N"] for item in page["Items"]] for page in pages] == [
        ["4", "3"], ["2", "1"], ["0"],
    ]  # fmt: skip
    assert pages[0]["LastEvaluatedKey"] == key("a", 3)
    given["ExpressionAttributeValues"][":one"] = {"N": "1"}  # type: ignore[index]
    found = dynamodb.query(**given, FilterExpression="x = :one", ProjectionExpression="n")
    assert found["Items"] == [{"n": {"N": "3"}}, {"n": {"N": "1"}}]
    assert (found["Count"], found["ScannedCount"]) == (2, 5)
    del given["ExpressionAttributeValues"][":one"]  # type: ignore[attr-defined]
    counted = dynamodb.query(**given, Select="COUNT")
    assert counted["Count"] == 5
    assert "Items" not in counted


def test_a_scan_in_pages_and_parts(dynamodb: Any) -> None:
    for n in range(7):
        put(dynamodb, f"id{n}")
    pages = dynamodb.get_paginator("scan").paginate(
        TableName="orders", PaginationConfig={"PageSize": 3}
    )
    assert [page["Count"] for page in pages] == [3, 3, 1]
    parts = [dynamodb.scan(TableName="orders", Segment=i, TotalSegments=2) for i in range(2)]
    assert sum(part["Count"] for part in parts) == 7


def test_queries_that_cannot_be(dynamodb: Any) -> None:
    wrong, orders = "ValidationException", {"TableName": "orders"}
    refused(dynamodb, wrong, "KeyConditionExpression parameter", dynamodb.query, **orders)
    refused(
        dynamodb, wrong, "specified index: other", dynamodb.query, **orders, IndexName="other",
        KeyConditionExpression="id = :x", ExpressionAttributeValues={":x": {"S": "a"}},
    )  # fmt: skip
    refused(
        dynamodb, wrong, "KeyConditionExpression", dynamodb.query, **orders,
        KeyConditionExpression="id =",
    )  # fmt: skip
    refused(
        dynamodb, wrong, "does not match the schema", dynamodb.scan, **orders,
        ExclusiveStartKey={"id": {"S": "a"}},
    )  # fmt: skip
    refused(dynamodb, wrong, "AttributesToGet", dynamodb.scan, **orders, AttributesToGet=["id"])


# ------------------------------------------------------------------ several at once


def test_batches(dynamodb: Any, lab: ll.Lab) -> None:
    write, get = dynamodb.batch_write_item, dynamodb.batch_get_item
    puts = [{"PutRequest": {"Item": key("a", n) | {"x": {"S": "y"}}}} for n in range(3)]
    assert write(RequestItems={"orders": puts})["UnprocessedItems"] == {}
    write(RequestItems={"orders": [{"DeleteRequest": {"Key": key("a", 0)}}]})
    assert len(lab.dynamodb["orders"]) == 2
    found = get(
        RequestItems={
            "orders": {
                "Keys": [key("a", n) for n in range(3)], "ProjectionExpression": "#n",
                "ExpressionAttributeNames": {"#n": "n"},
            }
        }
    )  # fmt: skip
    assert found["Responses"] == {"orders": [{"n": {"N": "1"}}, {"n": {"N": "2"}}]}
    assert found["UnprocessedKeys"] == {}
    wrong, twice = "ValidationException", "item keys contains duplicates"
    bad = [{"PutRequest": {"Item": key("b")}}, {"PutRequest": {"Item": {"id": {"S": "c"}}}}]
    refused(dynamodb, wrong, "Missing the key n", write, RequestItems={"orders": bad})
    refused(dynamodb, wrong, twice, write, RequestItems={"orders": puts[:1] * 2})
    refused(dynamodb, wrong, "Too many items", write, RequestItems={"orders": puts * 9})
    refused(dynamodb, wrong, "exactly one", write, RequestItems={"orders": [{}]})
    assert len(lab.dynamodb["orders"]) == 2, "nothing of a batch that is refused is written"
    keys = {"Keys": [key("a")] * 2}
    refused(dynamodb, wrong, twice, get, RequestItems={"orders": keys})
    keys = {"Keys": [key("a", n) for n in range(101)]}
    refused(dynamodb, wrong, "Too many items", get, RequestItems={"orders": keys})
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        write(RequestItems={"no": puts})


def test_a_transaction_writes_everything(dynamodb: Any, lab: ll.Lab) -> None:
    put(dynamodb, "count", x={"N": "1"})
    put(dynamodb, "old")
    of = {"TableName": "orders"}
    items = [
        {"Put": of | {"Item": key("new"), "ConditionExpression": "attribute_not_exists(id)"}},
        {"Update": of | {
            "Key": key("count"), "UpdateExpression": "ADD x :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }},
        {"Delete": of | {"Key": key("old")}},
        {"ConditionCheck": of | {"Key": key("no"), "ConditionExpression":
            "attribute_not_exists(id)"}},
    ]  # fmt: skip
    dynamodb.transact_write_items(TransactItems=items, ClientRequestToken="t1")
    table = lab.dynamodb["orders"]
    assert {item["id"] for item in table.items} == {"count", "new"}
    dynamodb.transact_write_items(TransactItems=items, ClientRequestToken="t1")
    assert (table.get_item({"id": "count", "n": 1}) or {})["x"] == 2, "the same one is written once"
    refused(
        dynamodb, "IdempotentParameterMismatchException", "same client token",
        dynamodb.transact_write_items, TransactItems=items[:1], ClientRequestToken="t1",
    )  # fmt: skip
    found = dynamodb.transact_get_items(
        TransactItems=[{"Get": of | {"Key": key(name)}} for name in ("new", "old")]
    )
    assert found["Responses"] == [{"Item": key("new")}, {}]


def test_a_transaction_writes_nothing(dynamodb: Any, lab: ll.Lab) -> None:
    put(dynamodb, "there", x={"N": "1"})
    of = {"TableName": "orders"}
    put_new = {"Put": of | {"Item": key("new")}}
    update = of | {"Key": key("there"), "UpdateExpression": "SET x = :two",
                   "ConditionExpression": "x = :two", "ExpressionAttributeValues":
                   {":two": {"N": "2"}}, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}  # fmt: skip
    write = dynamodb.transact_write_items
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as caught:
        write(TransactItems=[put_new, {"Update": update}])
    told = caught.value.response
    assert told["Error"]["Message"].endswith("reasons [None, ConditionalCheckFailed]")
    first, second = told["CancellationReasons"]
    assert first == {"Code": "None"}
    assert second["Item"] == key("there") | {"x": {"N": "1"}}
    words = "multiple operations on one item"
    refused(dynamodb, "ValidationException", words, write, TransactItems=[put_new, put_new])
    large = {"Update": of | {
        "Key": key("there"), "UpdateExpression": "SET x = :x",
        "ExpressionAttributeValues": {":x": {"S": "x" * 410_000}},
    }}  # fmt: skip
    refused(dynamodb, "ValidationException", "tem size", write, TransactItems=[put_new, large])
    refused(dynamodb, "ValidationException", "can only contain one", write, TransactItems=[{}])
    assert [item["x"] for item in lab.dynamodb["orders"].items] == [1]


# ------------------------------------------------------------------ resources and handlers


def test_a_resource_with_conditions(lab: ll.Lab) -> None:
    resource = lab.session().resource("dynamodb")
    table = resource.create_table(TableName="orders", **KEYS, **DEMAND, StreamSpecification=FULL)
    table.wait_until_exists()
    assert table.latest_stream_arn == lab.dynamodb["orders"].stream.arn
    with table.batch_writer() as batch:
        for n in range(30):
            batch.put_item(Item={"id": "a", "n": n, "heat": Decimal("1.5"), "tags": {"x"}})
    where = conditions.Key("id").eq("a") & conditions.Key("n").gt(26)
    found = table.query(KeyConditionExpression=where, FilterExpression=conditions.Attr("n").ne(28))
    assert [item["n"] for item in found["Items"]] == [27, 29]
    assert found["Items"][0]["tags"] == {"x"}
    with pytest.raises(resource.meta.client.exceptions.ConditionalCheckFailedException):
        table.put_item(
            Item={"id": "a", "n": 1}, ConditionExpression=conditions.Attr("id").not_exists()
        )
    got = table.update_item(
        Key={"id": "a", "n": 1}, UpdateExpression="SET heat = heat + :two",
        ExpressionAttributeValues={":two": 2}, ReturnValues="ALL_NEW",
    )  # fmt: skip
    assert got["Attributes"]["heat"] == Decimal("3.5")
    assert table.get_item(Key={"id": "a", "n": 1})["Item"]["heat"] == Decimal("3.5")
    table.delete_item(Key={"id": "a", "n": 1})
    assert table.scan()["Count"] == 29


def test_a_handler_counts_in_a_table(lab: ll.Lab, dynamodb: Any) -> None:
    @lab.function
    def visit(event: Any, context: Any) -> int:
        import boto3

        table = boto3.resource("dynamodb").Table("orders")
        answer = table.update_item(
            Key={"id": "visits", "n": 1}, UpdateExpression="ADD seen :one",
            ExpressionAttributeValues={":one": 1}, ReturnValues="UPDATED_NEW",
        )  # fmt: skip
        return int(answer["Attributes"]["seen"])

    with lab.aws():
        assert [lab.invoke(visit, {}).payload for _ in range(3)] == [1, 2, 3]
    assert lab.dynamodb["orders"].items[0]["seen"] == 3


def test_a_deleted_table_is_gone_and_its_stream_is_not(dynamodb: Any, lab: ll.Lab) -> None:
    dynamodb.update_table(TableName="orders", StreamSpecification=FULL)
    put(dynamodb, "a")
    arn = dynamodb.describe_table(TableName="orders")["Table"]["LatestStreamArn"]
    told = dynamodb.delete_table(TableName="orders")["TableDescription"]
    assert (told["TableStatus"], told["TableName"]) == ("DELETING", "orders")
    dynamodb.get_waiter("table_not_exists").wait(TableName="orders")
    missing = "ResourceNotFoundException"
    refused(dynamodb, missing, "orders not found", dynamodb.delete_table, TableName="orders")
    refused(dynamodb, missing, "not found", dynamodb.get_item, TableName="orders", Key=key("a"))
    streams = checked(lab.client("dynamodbstreams"))
    shown = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert shown["StreamStatus"] == "DISABLED"
    begin = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shown["Shards"][0]["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    assert len(streams.get_records(ShardIterator=begin)["Records"]) == 1
    lab.run(until=2 * 86_400)
    with pytest.raises(streams.exceptions.ResourceNotFoundException):
        streams.describe_stream(StreamArn=arn)


def test_a_protected_table_is_not_deleted(dynamodb: Any) -> None:
    dynamodb.update_table(TableName="orders", DeletionProtectionEnabled=True)
    told = "protected against deletion"
    refused(dynamodb, "ValidationException", told, dynamodb.delete_table, TableName="orders")
    dynamodb.update_table(TableName="orders", DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName="orders")


def test_every_operation_was_called() -> None:
    assert not not_called("dynamodb")
