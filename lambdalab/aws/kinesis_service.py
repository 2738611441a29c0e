"""What all of Kinesis's operations need: the service, a call's stream, and how a shard is told.

Source: botocore's model of Kinesis (1.44.5); the words of refusals as clients have recorded them, but for
those of a call that names no stream or two, of a token that is none, and of a stream that has consumers.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from lambdalab.aws.operations import ApiError, Call, kept
from lambdalab.aws.values import JsonService
from lambdalab.errors import InvalidSetting
from lambdalab.functions.context import ACCOUNT
from lambdalab.sources.kinesis.service import Stream
from lambdalab.sources.kinesis.stream import stream_arn
from lambdalab.sources.streams.shard import Shard

INVALID_ARGUMENT = "InvalidArgumentException"
NOT_FOUND = "ResourceNotFoundException"
_ARGUMENTS = ("starting_sequence_number", "timestamp", "new_starting_hash_key", "shard_count")


def _tell(error: InvalidSetting) -> ApiError | None:
    """What the service itself finds out is an argument; what the API's model forbids is not."""
    return ApiError(INVALID_ARGUMENT, str(error)) if error.setting in _ARGUMENTS else None


SERVICE = JsonService("kinesis", unknown=(NOT_FOUND, 400), tell=_tell)


def stream_of(call: Call) -> Stream:
    """The stream that a call names, by its name or its ARN, or Kinesis's refusal is raised."""
    name, arn = call.get("StreamName"), call.get("StreamARN")
    if name is None and arn is None:
        raise ApiError("ValidationException", "Either StreamName or StreamARN must be given.")
    if arn is not None:
        named = arn.rpartition(":stream/")[2]
        if name not in (None, named):
            raise ApiError(INVALID_ARGUMENT, "StreamName and StreamARN are of different streams.")
        name = named
    if name not in call.lab.kinesis or arn not in (None, stream_arn(name)):
        raise ApiError(NOT_FOUND, f"Stream {name} under account {ACCOUNT} not found.")
    found: Stream = call.lab.kinesis[name]
    return found


def shard_of(stream: Stream, shard_id: str) -> Shard:
    """A shard by its id, or Kinesis's refusal is raised."""
    for shard in stream.shards:
        if shard.shard_id == shard_id:
            return shard
    raise ApiError(
        NOT_FOUND,
        f"Could not find shard {shard_id} in stream {stream.name} under account {ACCOUNT}.",
    )


def created(call: Call, stream: Stream) -> dt.datetime:
    """When a stream was made; one that was not made by an operation: when the lab began."""
    start: dt.datetime = call.lab._clock.datetime(0)
    made: dt.datetime = min(kept(stream).get("created", start), call.lab.now)
    return made


def keys_of(shard: Shard) -> dict[str, str]:
    """A shard's range of hash keys."""
    return {
        "StartingHashKey": str(shard.starting_hash_key),
        "EndingHashKey": str(shard.ending_hash_key),
    }


def told_shard(shard: Shard) -> dict[str, Any]:
    """A shard as lists have it."""
    numbers = {"StartingSequenceNumber": shard.starting_sequence_number}
    if shard.ending_sequence_number is not None:
        numbers["EndingSequenceNumber"] = shard.ending_sequence_number
    told: dict[str, Any] = {"ShardId": shard.shard_id}
    if shard.parent_shard_id:
        told["ParentShardId"] = shard.parent_shard_id
    if shard.adjacent_parent_shard_id:
        told["AdjacentParentShardId"] = shard.adjacent_parent_shard_id
    return told | {"HashKeyRange": keys_of(shard), "SequenceNumberRange": numbers}


def remembered(stream: Stream, now: int) -> list[Shard]:
    """The shards that are open, or were within the retention period: AWS forgets the others."""
    oldest = now - stream.store.retention_us
    return [each for each in stream.shards if each.closed_at < 0 or each.closed_at >= oldest]
