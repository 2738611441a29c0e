"""Kinesis's operations on records: putting them, and reading a shard by iterators.

A shard's limits hold: what is over them is refused, whole calls of PutRecord and GetRecords, single
records of PutRecords.

Source: botocore's model of Kinesis (1.44.5).
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from lambdalab.aws.kinesis_service import (
    INVALID_ARGUMENT,
    SERVICE,
    keys_of,
    shard_of,
    stream_of,
)
from lambdalab.aws.operations import ApiError, Call
from lambdalab.aws.values import moment, place_of, token_of
from lambdalab.aws.wire import bytes_of
from lambdalab.sources.kinesis.service import Stream
from lambdalab.sources.streams.shard import Shard, StreamRecord
from lambdalab.sources.streams.views import PutResult, ShardIterator

_MILLISECOND = 1_000  # in microseconds

# ------------------------------------------------------------------ writing


@SERVICE.operation
def put_record(call: Call) -> dict[str, Any]:
    """A record; ``SequenceNumberForOrdering`` is accepted, for numbers of a key rise anyway."""
    put = stream_of(call).put_record(
        bytes_of(call["Data"]), call["PartitionKey"], call.get("ExplicitHashKey")
    )
    return {"ShardId": put.shard_id, "SequenceNumber": put.sequence_number}


@SERVICE.operation
def put_records(call: Call) -> dict[str, Any]:
    """Up to 500 records; each is taken or refused on its own."""
    records = [each | {"Data": bytes_of(each["Data"])} for each in call["Records"]]
    results = stream_of(call).put_records(records)
    return {
        "FailedRecordCount": results.failed_record_count,
        "Records": [_told(result) for result in results],
    }


def _told(result: PutResult) -> dict[str, Any]:
    if result.error_code is not None:
        return {"ErrorCode": result.error_code, "ErrorMessage": result.error_message}
    return {"SequenceNumber": result.sequence_number, "ShardId": result.shard_id}


# ------------------------------------------------------------------ reading


@SERVICE.operation
def get_shard_iterator(call: Call) -> dict[str, Any]:
    """A place in a shard to read from; it can be used for five minutes."""
    stream = stream_of(call)
    shard = shard_of(stream, call["ShardId"])
    found = stream.get_shard_iterator(
        shard, call["ShardIteratorType"],
        starting_sequence_number=call.get("StartingSequenceNumber"), timestamp=_timestamp(call),
    )  # fmt: skip
    return {"ShardIterator": _token(stream, found)}


def _timestamp(call: Call) -> dt.datetime | None:
    """The timestamp given, and nothing before the lab's start: there is no record that old."""
    if "Timestamp" not in call:
        return None
    at, now = moment(call["Timestamp"]), call.lab.now
    if at > now:
        given, current = (round(each.timestamp() * 1000) for each in (at, now))
        raise ApiError(
            INVALID_ARGUMENT,
            "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
            f"timestampInMillis: {given}, currentTimestampInMillis: {current}",
        )
    start: dt.datetime = call.lab._clock.datetime(0)
    return max(at, start)


def _token(stream: Stream, iterator: ShardIterator) -> str:
    return token_of(
        json.dumps([stream.name, iterator.shard.shard_id, iterator.place, iterator.made_at])
    )


def _bad_iterator() -> ApiError:
    return ApiError(INVALID_ARGUMENT, "Invalid ShardIterator.")


def _iterator(call: Call) -> tuple[Stream, ShardIterator]:
    """The stream and the place that an iterator's text stands for."""
    try:
        name, shard_id, place, made_at = json.loads(
            place_of(call["ShardIterator"], _bad_iterator())
        )
    except (ValueError, TypeError):
        raise _bad_iterator() from None
    if name not in call.lab.kinesis:
        raise _bad_iterator()
    stream: Stream = call.lab.kinesis[name]
    return stream, ShardIterator(shard_of(stream, shard_id), int(place), int(made_at))


@SERVICE.operation
def get_records(call: Call) -> dict[str, Any]:
    """The records from an iterator on, and the iterator of the next call (none: a closed shard's end)."""
    stream, iterator = _iterator(call)
    found = stream.get_records(iterator, call.get("Limit"))
    answer: dict[str, Any] = {
        "Records": [_record(call, record) for record in found],
        "MillisBehindLatest": found.millis_behind_latest,
    }
    if found.next_shard_iterator is not None:
        answer["NextShardIterator"] = _token(stream, found.next_shard_iterator)
    else:
        answer["ChildShards"] = [_child(shard) for shard in found.child_shards]
    return answer


def _record(call: Call, record: StreamRecord) -> dict[str, Any]:
    at = record.arrived_at // _MILLISECOND * _MILLISECOND
    return {
        "SequenceNumber": record.sequence_number,
        "ApproximateArrivalTimestamp": call.lab._clock.datetime(at),
        "Data": record.data, "PartitionKey": record.partition_key,
    }  # fmt: skip


def _child(shard: Shard) -> dict[str, Any]:
    parents = [parent.shard_id for parent in shard.parents]
    return {"ShardId": shard.shard_id, "ParentShards": parents, "HashKeyRange": keys_of(shard)}
