"""DynamoDB Streams' operations: the streams of tables, and reading them shard by shard.

A stream that was switched off, or whose table was deleted, can be read while its records last; switched
on again it goes on under its new ARN, and the old one is known no more.

Source: botocore's model of DynamoDB Streams (1.44.5).
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any

from lambdalab.aws.dynamodb import stream_of
from lambdalab.aws.operations import ApiError, Call
from lambdalab.aws.values import JsonService, limit, moment, place_of, token_of
from lambdalab.errors import InvalidArgumentException
from lambdalab.sources.dynamodb.service import Table, TableStream
from lambdalab.sources.streams.shard import Shard, StreamRecord
from lambdalab.sources.streams.views import ShardIterator

_INVALID, _NOT_FOUND = "ValidationException", "ResourceNotFoundException"
SERVICE = JsonService(
    "dynamodbstreams", unknown=(_NOT_FOUND, 400), codes={InvalidArgumentException: _INVALID}
)


def _streams(call: Call) -> list[tuple[Table, TableStream]]:
    """The tables that have a stream, and it, by ARN."""
    found, tables = [], call.lab.dynamodb
    for table in (*map(tables.__getitem__, tables), *tables.left_streams()):
        stream = stream_of(table)
        if stream is not None:
            found.append((table, stream))
    return sorted(found, key=lambda pair: pair[1].arn)


def _stream(call: Call, arn: str) -> tuple[Table, TableStream]:
    for table, stream in _streams(call):
        if stream.arn == arn:
            return table, stream
    raise ApiError(_NOT_FOUND, f"Requested resource not found: Stream: {arn} not found")


@SERVICE.operation
def list_streams(call: Call) -> dict[str, Any]:
    """The streams of all tables, or of one."""
    most = call.lab.rules.dynamodb_list_page
    most = limit(call.get("Limit"), most, most, _INVALID)
    after, name = call.get("ExclusiveStartStreamArn", ""), call.get("TableName")
    found = [
        stream
        for table, stream in _streams(call)
        if stream.arn > after and name in (None, table.name, table.arn)
    ]
    answer: dict[str, Any] = {
        "Streams": [
            {"StreamArn": each.arn, "TableName": each.name, "StreamLabel": each.label}
            for each in found[:most]
        ]
    }
    return answer | ({"LastEvaluatedStreamArn": found[most - 1].arn} if len(found) > most else {})


@SERVICE.operation
def describe_stream(call: Call) -> dict[str, Any]:
    """A stream and its shards, 100 at a time; all of them, or the children of one."""
    table, stream = _stream(call, call["StreamArn"])
    most, after = call.lab.rules.dynamodb_list_page, call.get("ExclusiveStartShardId", "")
    most = limit(call.get("Limit"), most, most, _INVALID)
    parent = call.get("ShardFilter", {}).get("ShardId")
    shards = [
        each
        for each in stream.shards
        if each.shard_id > after and parent in (None, each.parent_shard_id)
    ]
    kinds = zip(table.settings.keys, ("HASH", "RANGE"), strict=False)
    on = table.settings.stream_view_type is not None
    told: dict[str, Any] = {
        "StreamArn": stream.arn, "StreamLabel": stream.label,
        "StreamStatus": "ENABLED" if on else "DISABLED", "StreamViewType": stream.view_type,
        "CreationRequestDateTime": moment(f"{stream.label}Z"), "TableName": table.name,
        "KeySchema": [{"AttributeName": key.name, "KeyType": kind} for key, kind in kinds],
        "Shards": [_shard(each) for each in shards[:most]],
    }  # fmt: skip
    if len(shards) > most:
        told["LastEvaluatedShardId"] = shards[most - 1].shard_id
    return {"StreamDescription": told}


def _shard(shard: Shard) -> dict[str, Any]:
    numbers = {"StartingSequenceNumber": shard.starting_sequence_number}
    if shard.ending_sequence_number is not None:
        numbers["EndingSequenceNumber"] = shard.ending_sequence_number
    told = {"ShardId": shard.shard_id, "SequenceNumberRange": numbers}
    return told | ({"ParentShardId": shard.parent_shard_id} if shard.parent_shard_id else {})


# ------------------------------------------------------------------ reading


@SERVICE.operation
def get_shard_iterator(call: Call) -> dict[str, Any]:
    """A place in a shard to read from; it can be used for 15 minutes."""
    _, stream = _stream(call, call["StreamArn"])
    found = stream.get_shard_iterator(
        call["ShardId"], call["ShardIteratorType"],
        starting_sequence_number=call.get("SequenceNumber"),
    )  # fmt: skip
    if "SequenceNumber" in call and found.place < found.shard.trim_horizon:
        raise ApiError(
            "TrimmedDataAccessException",
            "The operation attempted to read past the oldest stream record in a shard.",
        )
    return {"ShardIterator": _token(stream, found)}


def _token(stream: TableStream, iterator: ShardIterator) -> str:
    return token_of(
        json.dumps([stream.arn, iterator.shard.shard_id, iterator.place, iterator.made_at])
    )


@SERVICE.operation
def get_records(call: Call) -> dict[str, Any]:
    """The records from an iterator on, and the iterator of the next call."""
    refusal = ApiError(_INVALID, "Invalid ShardIterator")
    most = call.lab.rules.dynamodb_read_records
    most = limit(call.get("Limit"), most, most, _INVALID)
    try:
        arn, shard_id, place, made_at = json.loads(place_of(call["ShardIterator"], refusal))
    except (ValueError, TypeError):
        raise refusal from None
    _, stream = _stream(call, arn)
    shard = next((each for each in stream.shards if each.shard_id == shard_id), None)
    if shard is None:
        raise refusal
    found = stream.get_records(ShardIterator(shard, int(place), int(made_at)), most)
    answer: dict[str, Any] = {"Records": [_record(record) for record in found]}
    if found.next_shard_iterator is not None:
        answer["NextShardIterator"] = _token(stream, found.next_shard_iterator)
    return answer


def _record(record: StreamRecord) -> dict[str, Any]:
    """A record as the API has it: unlike a function's event with bytes, dates, and without the ARN."""
    told = record.json()
    del told["eventSourceARN"]
    change = told["dynamodb"]
    at = change["ApproximateCreationDateTime"]
    change["ApproximateCreationDateTime"] = dt.datetime.fromtimestamp(at, dt.UTC)
    for name in ("Keys", "NewImage", "OldImage"):
        if name in change:
            change[name] = {each: _unwired(value) for each, value in change[name].items()}
    if "userIdentity" in told:
        identity = told["userIdentity"]
        told["userIdentity"] = {"PrincipalId": identity["principalId"], "Type": identity["type"]}
    return dict(told)


def _unwired(value: dict[str, Any]) -> dict[str, Any]:
    """An attribute value of JSON as clients get it."""
    [(kind, inside)] = value.items()
    if kind == "B":
        return {"B": base64.b64decode(inside)}
    if kind == "BS":
        return {"BS": [base64.b64decode(each) for each in inside]}
    if kind == "L":
        return {"L": [_unwired(each) for each in inside]}
    if kind == "M":
        return {"M": {name: _unwired(each) for name, each in inside.items()}}
    return {kind: inside}
