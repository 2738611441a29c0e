"""Expressions by moto's tables: query, scan, updates and conditions, in and outside handlers."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from decimal import Decimal
from typing import Any

import pytest

import lambdalab as ll
from lambdalab.errors import (
    ConditionalCheckFailedException,
    InvalidSetting,
    LabClosed,
    MissingExtra,
    UnknownSetting,
    ValidationException,
)
from lambdalab.sources.dynamodb.table import Table

pytest.importorskip("moto")
conditions = pytest.importorskip("boto3.dynamodb.conditions")


@pytest.fixture
def events(lab: ll.Lab) -> Table:
    """Ten items, five of each device."""
    table = lab.dynamodb.create_table(
        "events", "device", sort_key=("at", "N"), stream_view_type="NEW_AND_OLD_IMAGES"
    )
    for at in range(5):
        for device in ("a", "b"):
            table.put_item({"device": device, "at": at, "heat": at * 1.5, "pic": b"\x00"})
    return table


@pytest.mark.parametrize("limit", [0, -1, True, "5", 1.0])
def test_limits_that_cannot_be(events: Table, limit: Any) -> None:
    with pytest.raises(InvalidSetting, match="limit"):
        events.scan(limit=limit)


def ats(found: Any) -> list[int]:
    return [item["at"] for item in found]


# ---- query and scan


def test_a_query_finds_a_partition_by_its_sort_key(events: Table) -> None:
    found = events.query(
        key_condition_expression="device = :d AND #at BETWEEN :low AND :high",
        expression_attribute_names={"#at": "at"},
        expression_attribute_values={":d": "a", ":low": 1, ":high": 3},
    )
    assert ats(found) == [1, 2, 3]
    assert found[0] == {"device": "a", "at": 1, "heat": Decimal("1.5"), "pic": b"\x00"}
    assert (found.count, found.scanned_count, found.last_evaluated_key) == (3, 3, None)
    assert repr(found).startswith("3 items of 3 looked at in 'events'\n{'device': 'a', 'at': 1")


def test_awss_own_names_of_parameters_are_taken(events: Table) -> None:
    found = events.query(
        KeyConditionExpression="device = :d",
        ExpressionAttributeValues={":d": {"S": "b"}},
        ScanIndexForward=False,
        Limit=2,
        typed=True,
    )
    assert [item["at"] for item in found] == [{"N": "4"}, {"N": "3"}]
    assert found.last_evaluated_key == {"device": {"S": "b"}, "at": {"N": "3"}}


def test_conditions_of_boto3_are_taken(events: Table) -> None:
    found = events.query(
        KeyConditionExpression=conditions.Key("device").eq("a") & conditions.Key("at").gt(1),
        FilterExpression=conditions.Attr("heat").lt(Decimal("5.5"))
        & conditions.Attr("pic").exists(),
        ProjectionExpression="#a",
        ExpressionAttributeNames={"#a": "at"},
    )
    assert list(found) == [{"at": 2}, {"at": 3}]
    assert (found.count, found.scanned_count) == (2, 3)


def test_pages_go_on_where_the_last_one_ended(events: Table) -> None:
    seen: list[int] = []
    start = None
    for _ in range(3):
        page = events.query(
            key_condition_expression="device = :d",
            expression_attribute_values={":d": "a"},
            limit=2,
            exclusive_start_key=start,
        )
        seen += ats(page)
        start = page.last_evaluated_key
    assert seen == [0, 1, 2, 3, 4]
    assert start is None


def test_a_scan_finds_everything(events: Table) -> None:
    assert len(events.scan()) == 10
    found = events.scan(
        filter_expression="heat > :more AND begins_with(device, :b)",
        expression_attribute_values={":more": 2.5, ":b": "b"},
    )
    assert sorted(ats(found)) == [2, 3, 4]
    assert found.scanned_count == 10
    assert events.scan(select="COUNT").count == 10
    parts = [events.scan(segment=part, total_segments=2) for part in range(2)]
    assert sum(map(len, parts)) == 10


def test_reading_sees_every_write_before_it(events: Table) -> None:
    assert events.scan().count == 10
    events.put_item({"device": "c", "at": 1})
    assert events.scan().count == 11
    events.delete_item({"device": "c", "at": 1})
    assert events.scan().count == 10


# ---- updates


def test_an_update_changes_attributes_and_the_stream_tells(events: Table) -> None:
    depth = events.stream.depth
    key = {"device": "a", "at": 2}
    got = events.update_item(
        key,
        update_expression="SET #l = #l + :one, tags = :tags REMOVE pic",
        expression_attribute_names={"#l": "heat"},
        expression_attribute_values={":one": 1, ":tags": {"x", "y"}},
        return_values="ALL_NEW",
    )
    assert got == key | {"heat": 4, "tags": {"x", "y"}}
    assert events.get_item(key) == got
    record = events.stream.records[depth].json()
    assert record["eventName"] == "MODIFY"
    assert record["dynamodb"]["OldImage"]["pic"] == {"B": "AA=="}
    assert record["dynamodb"]["NewImage"]["heat"] == {"N": "4"}


def test_an_update_that_changes_nothing_is_no_record(events: Table) -> None:
    depth = events.stream.depth
    events.update_item(
        {"device": "a", "at": 2},
        update_expression="SET heat = :same",
        expression_attribute_values={":same": 3},
    )
    assert events.stream.depth == depth


def test_an_update_makes_an_item(events: Table) -> None:
    key = {"device": "new", "at": 1}
    got = events.update_item(
        key,
        UpdateExpression="ADD seen :one",
        ExpressionAttributeValues={":one": 1},
        return_values="UPDATED_NEW",
    )
    assert got == {"seen": 1}, "the key was not updated"
    assert events.get_item(key) == key | {"seen": 1}
    assert events.stream.records[10].json()["eventName"] == "INSERT"
    assert events.update_item({"device": "bare", "at": 1}) is None
    assert events.get_item({"device": "bare", "at": 1}) == {"device": "bare", "at": 1}


@pytest.mark.parametrize(
    ("return_values", "expected"),
    [
        ("NONE", None),
        ("ALL_OLD", {"device": "a", "at": 2, "heat": 3, "pic": b"\x00"}),
        ("ALL_NEW", {"device": "a", "at": 2, "heat": 9, "pic": b"\x00"}),
        ("UPDATED_OLD", {"heat": 3}),
        ("UPDATED_NEW", {"heat": 9}),
    ],
)
def test_what_an_update_returns(events: Table, return_values: str, expected: object) -> None:
    got = events.update_item(
        {"device": "a", "at": 2},
        update_expression="SET heat = :nine",
        expression_attribute_values={":nine": 9},
        return_values=return_values,
    )
    assert got == expected


def test_an_update_may_not_make_an_item_too_large(events: Table) -> None:
    key = {"device": "a", "at": 2}
    before = events.get_item(key)
    with pytest.raises(ValidationException, match=r"[Ii]tem size"):
        events.update_item(
            key,
            update_expression="SET note = :text",
            expression_attribute_values={":text": "x" * 410_000},
        )
    assert events.get_item(key) == before


# ---- conditions


def test_a_write_whose_condition_does_not_hold_writes_nothing(events: Table) -> None:
    key, depth = {"device": "a", "at": 2}, events.stream.depth
    with pytest.raises(ConditionalCheckFailedException, match="The conditional request failed"):
        events.put_item(key | {"mine": True}, condition_expression="attribute_not_exists(device)")
    with pytest.raises(ConditionalCheckFailedException):
        events.delete_item(
            key, condition_expression="heat > :most", expression_attribute_values={":most": 99}
        )
    with pytest.raises(ConditionalCheckFailedException):
        events.update_item(
            key | {"at": 77},
            update_expression="SET a = :a",
            condition_expression="attribute_exists(device)",
            expression_attribute_values={":a": 1},
        )
    assert events.stream.depth == depth
    assert (events.get_item(key) or {})["heat"] == 3
    assert len(events) == 10


def test_a_write_whose_condition_holds_is_a_write(events: Table) -> None:
    key = {"device": "a", "at": 2}
    old = events.put_item(
        key | {"heat": 4},
        condition_expression=conditions.Attr("heat").eq(3),
        return_values="ALL_OLD",
    )
    assert old == key | {"heat": 3, "pic": b"\x00"}
    events.put_item({"device": "z", "at": 1}, condition_expression="attribute_not_exists(device)")
    old = events.delete_item(
        key,
        condition_expression="#l = :four",
        expression_attribute_names={"#l": "heat"},
        expression_attribute_values={":four": 4},
        return_values="ALL_OLD",
    )
    assert old == key | {"heat": 4}
    assert events.get_item(key) is None


# ---- what is refused


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "Either KeyConditions or QueryFilter"),
        ({"key_condition_expression": "device = "}, "KeyConditionExpression"),
        ({"key_condition_expression": "device = :x"}, "KeyCondition"),
        (
            {
                "key_condition_expression": "heat = :x",
                "expression_attribute_values": {":x": 1},
            },
            "device",
        ),
        (
            {
                "key_condition_expression": "device = :x",
                "expression_attribute_values": {":x": "a"},
                "expression_attribute_names": {"#unused": "u"},
            },
            "#unused",
        ),
    ],
)
def test_an_expression_that_cannot_be_is_refused(
    events: Table, given: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationException, match=told):
        events.query(**given)


@pytest.mark.parametrize("condition", ["heat >", "nope(", "heat = :missing", "heat = = 5"])
def test_a_condition_that_cannot_be_is_refused(events: Table, condition: str) -> None:
    with pytest.raises(ValidationException):
        events.put_item({"device": "a", "at": 2}, condition_expression=condition)
    assert (events.get_item({"device": "a", "at": 2}) or {})["heat"] == 3


def test_what_moto_is_not_asked(events: Table) -> None:
    with pytest.raises(UnknownSetting, match="did you mean 'filter_expression'"):
        events.scan(FilterExpresion="x")
    with pytest.raises(UnknownSetting, match="index_name"):
        events.query(index_name="by-heat")
    with pytest.raises(ValidationException, match="does not match the schema"):
        events.scan(exclusive_start_key={"device": "a"})
    with pytest.raises(InvalidSetting, match="expression_attribute_values"):
        events.scan(filter_expression="heat = :x", expression_attribute_values={":x": object()})
    with pytest.raises(InvalidSetting, match="expression_attribute_names"):
        events.scan(filter_expression="heat = :x", expression_attribute_names=5)
    with pytest.raises(InvalidSetting, match="ALL_NEW"):
        events.update_item({"device": "a", "at": 2}, return_values="SOME")


def test_a_closed_lab_answers_nothing(lab: ll.Lab, events: Table) -> None:
    lab.close()
    for call in (
        lambda: events.scan(),
        lambda: events.query(key_condition_expression="device = :d"),
        lambda: events.update_item({"device": "a", "at": 2}),
    ):
        with pytest.raises(LabClosed):
            call()


# ---- in handlers, and beside other users of moto


def test_handlers_query_and_update_in_virtual_time(lab: ll.Lab, events: Table) -> None:
    @lab.function(timeout=30)
    def tidy(event: Any, context: Any) -> Any:
        import time

        from boto3.dynamodb.conditions import Key

        time.sleep(5)
        found = events.query(KeyConditionExpression=Key("device").eq(event["device"]))
        for item in found:
            events.update_item(
                {"device": item["device"], "at": item["at"]},
                UpdateExpression="SET seen = :now",
                ExpressionAttributeValues={":now": int(time.time())},
            )
        try:
            events.put_item({"device": "a", "at": 0}, ConditionExpression="attribute_exists(nope)")
        except Exception as error:
            return {"found": found.count, "error": type(error).__name__, "t": time.time()}

    reply = lab.invoke(tidy, {"device": "a"})
    assert reply.payload["found"] == 5
    assert reply.payload["error"] == "ConditionalCheckFailedException"
    assert 1_736_208_005 <= reply.payload["t"] < 1_736_208_006
    seen = {item.get("seen") for item in events.scan()}
    assert seen == {None, 1_736_208_005}
    request = lab.trace.invocations.request_id[0]
    assert list(lab.trace.queue_events.request_id[10:]) == [request] * 5
    attempt = lab.trace.attempts.iloc[0]
    assert attempt.duration_ms == 5000, "an expression takes no time"


def test_two_runs_with_expressions_are_the_same() -> None:
    def run() -> str:
        lab = ll.Lab(seed=3)
        table = lab.dynamodb.create_table("t", stream_view_type="NEW_AND_OLD_IMAGES")

        @lab.function
        def count(event: Any, context: Any) -> None:
            table.update_item(
                {"id": "1"},
                update_expression="ADD n :one, who :who",
                expression_attribute_values={":one": 1, ":who": {f"w{event['n'] % 5}"}},
            )

        lab.drive(count, ll.Poisson(rate=2), duration=20, payload=lambda n: {"n": n})
        lab.run()
        return lab.trace.digest() + str(table.stream.records[-1].data)

    assert run() == run()


def test_a_users_own_mock_is_left_alone(events: Table) -> None:
    boto3 = pytest.importorskip("boto3")
    from moto import mock_aws

    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        assert events.scan().count == 10
        assert client.list_tables()["TableNames"] == []


def test_no_socket_is_opened(events: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert events.scan().count == 10
    events.update_item({"device": "n", "at": 1}, update_expression="REMOVE x")


# ---- without the extra


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "moto"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "lambdalab.aws.tables", raising=False)
    monkeypatch.setitem(sys.modules, "moto", None)
    table = ll.Lab().dynamodb.create_table("t")
    table.put_item({"id": "1"})
    for call in (
        lambda: table.scan(),
        lambda: table.query(key_condition_expression="id = :i"),
        lambda: table.update_item({"id": "1"}, update_expression="REMOVE x"),
        lambda: table.put_item({"id": "1"}, condition_expression="attribute_exists(id)"),
    ):
        with pytest.raises(MissingExtra, match=r'pip install "lambdalab\[aws\]"'):
            call()
    assert table.get_item({"id": "1"}) == {"id": "1"}, "what is ours works without"
    assert len(table) == 1


def test_moto_is_imported_when_an_expression_is_first_used() -> None:
    code = """
        import sys
        import lambdalab as ll
        table = ll.Lab().dynamodb.create_table("t", stream_view_type="NEW_IMAGE")
        table.put_item({"id": "1"}); table.get_item({"id": "1"})
        assert not {"moto", "boto3", "botocore"} & {name.split(".")[0] for name in sys.modules}
        assert table.scan().count == 1
        assert "moto" in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
