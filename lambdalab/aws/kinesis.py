"""Kinesis's operations on streams, their consumers and their shards. Records: :mod:`.kinesis_records`.

Streams are in provisioned mode; they can be used at once, and are gone at once. Tags are kept and given
back. Nothing is encrypted.

Source: botocore's model of Kinesis (1.44.5).
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from lambdalab.aws import kinesis_records
from lambdalab.aws.kinesis_service import (
    INVALID_ARGUMENT,
    NOT_FOUND,
    SERVICE,
    created,
    remembered,
    shard_of,
    stream_of,
    told_shard,
)
from lambdalab.aws.operations import ApiError, Call, kept
from lambdalab.aws.values import disable, limit, moment, page, place_of, token_of
from lambdalab.functions.context import ACCOUNT
from lambdalab.sources.kinesis.consumers import Consumer
from lambdalab.sources.kinesis.service import Stream
from lambdalab.sources.streams.shard import Shard

__all__ = ["SERVICE", "kinesis_records"]
_INVALID = "ValidationException"
_MODE = {"StreamMode": "PROVISIONED"}
_WITHOUT_TOKEN = ("StreamName", "StreamARN", "ExclusiveStartShardId", "ShardFilter")


def _bad_token() -> ApiError:
    return ApiError(INVALID_ARGUMENT, "The NextToken is invalid.")


def _page_size(call: Call, member: str, page_size: int) -> int:
    """How many a page has: more may be asked for than one ever has."""
    name = member[0].lower() + member[1:]
    most = call.lab.rules.kinesis_list_maximum
    return min(limit(call.get(member), page_size, most, _INVALID, name), page_size)


# ------------------------------------------------------------------ streams


@SERVICE.operation
def create_stream(call: Call) -> None:
    """A stream in provisioned mode; it is active at once. On-demand streams are refused."""
    mode = call.get("StreamModeDetails", _MODE)["StreamMode"]
    if mode != "PROVISIONED":
        raise ApiError(_INVALID, f"a lab's streams are in provisioned mode, not in {mode}")
    if "ShardCount" not in call:
        raise ApiError(_INVALID, "ShardCount must be given for a stream in provisioned mode")
    more = call.settings(max_record_size="MaxRecordSizeInKiB")
    made = call.lab.kinesis.create_stream(call["StreamName"], call["ShardCount"], **more)
    kept(made).update(created=call.lab.now, tags=dict(call.get("Tags", {})))


@SERVICE.operation
def delete_stream(call: Call) -> None:
    """A stream and its records, at once; a mapping that reads it stays, disabled."""
    stream = stream_of(call)
    sources = [stream, *stream.consumers.values()]
    if not (stream.consumers and not call.get("EnforceConsumerDeletion", False)):
        disable(call.lab, sources)
    call.lab.kinesis.delete_stream(
        stream, enforce_consumer_deletion=call.get("EnforceConsumerDeletion", False)
    )


@SERVICE.operation
def list_streams(call: Call) -> dict[str, Any]:
    """The streams by name."""
    most = _page_size(call, "Limit", call.lab.rules.kinesis_list_page)
    after = call.get("ExclusiveStartStreamName", "")
    if "NextToken" in call:
        after = place_of(call["NextToken"], _bad_token())
    names = [name for name in sorted(call.lab.kinesis) if name > after]
    shown, more = names[:most], len(names) > most
    streams = [call.lab.kinesis[name] for name in shown]
    answer = {
        "StreamNames": shown, "HasMoreStreams": more,
        "StreamSummaries": [_summary(call, stream) for stream in streams],
    }  # fmt: skip
    return answer | ({"NextToken": token_of(shown[-1])} if more else {})


def _summary(call: Call, stream: Stream) -> dict[str, Any]:
    return {
        "StreamName": stream.name, "StreamARN": stream.arn, "StreamStatus": "ACTIVE",
        "StreamModeDetails": dict(_MODE), "StreamCreationTimestamp": created(call, stream),
    }  # fmt: skip


def _description(call: Call, stream: Stream) -> dict[str, Any]:
    return _summary(call, stream) | {
        "RetentionPeriodHours": stream.retention_hours,
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "NONE",
    }


@SERVICE.operation
def describe_stream(call: Call) -> dict[str, Any]:
    """A stream and its shards, 100 at a time."""
    stream = stream_of(call)
    most = _page_size(call, "Limit", call.lab.rules.kinesis_list_page)
    shards = _after(_remembered(call, stream), call.get("ExclusiveStartShardId"))
    told = {
        "Shards": [told_shard(each) for each in shards[:most]],
        "HasMoreShards": len(shards) > most,
    }
    return {"StreamDescription": _description(call, stream) | told}


@SERVICE.operation
def describe_stream_summary(call: Call) -> dict[str, Any]:
    """A stream without its shards."""
    stream = stream_of(call)
    told = {
        "OpenShardCount": len(stream.store.open_shards), "ConsumerCount": len(stream.consumers),
        "MaxRecordSizeInKiB": stream.max_record_size,
    }  # fmt: skip
    return {"StreamDescriptionSummary": _description(call, stream) | told}


@SERVICE.operation
def increase_stream_retention_period(call: Call) -> None:
    """Keep records for longer."""
    _retain(call, longer=True)


@SERVICE.operation
def decrease_stream_retention_period(call: Call) -> None:
    """Keep records for less long; older ones go at once."""
    _retain(call, longer=False)


def _retain(call: Call, *, longer: bool) -> None:
    stream, hours = stream_of(call), call["RetentionPeriodHours"]
    now = stream.retention_hours
    if hours < now if longer else hours > now:
        side, other = ("shorter", "Decrease") if longer else ("longer", "Increase")
        raise ApiError(
            INVALID_ARGUMENT,
            f"Requested retention period ({hours} hours) for stream {stream.name} can not be {side} "
            f"than existing retention period ({now} hours). Use {other}RetentionPeriod API.",
        )
    stream.update_retention(hours)


@SERVICE.operation
def update_max_record_size(call: Call) -> None:
    """Take larger records, or no such large ones any more."""
    stream_of(call).update_max_record_size(call["MaxRecordSizeInKiB"])


# ------------------------------------------------------------------ tags


def _tags(call: Call) -> dict[str, str]:
    tags: dict[str, str] = kept(stream_of(call)).setdefault("tags", {})
    return tags


@SERVICE.operation
def add_tags_to_stream(call: Call) -> None:
    """Tags are kept."""
    _tags(call).update(call["Tags"])


@SERVICE.operation
def remove_tags_from_stream(call: Call) -> None:
    """Tags go; one that is not there is none."""
    for key in call["TagKeys"]:
        _tags(call).pop(key, None)


@SERVICE.operation
def list_tags_for_stream(call: Call) -> dict[str, Any]:
    """The tags by key."""
    most = call.lab.rules.kinesis_tags_page
    most = limit(call.get("Limit"), most, most, _INVALID)
    tags = sorted(_tags(call).items())
    found = [each for each in tags if each[0] > call.get("ExclusiveStartTagKey", "")]
    return {
        "Tags": [{"Key": key, "Value": value} for key, value in found[:most]],
        "HasMoreTags": len(found) > most,
    }


# ------------------------------------------------------------------ shards


def _remembered(call: Call, stream: Stream) -> list[Shard]:
    return remembered(stream, call.lab._scheduler.now)


def _after(shards: list[Shard], shard_id: str | None) -> list[Shard]:
    return shards if shard_id is None else [each for each in shards if each.shard_id > shard_id]


@SERVICE.operation
def list_shards(call: Call) -> dict[str, Any]:
    """The shards of a stream, all or those of a filter, 1,000 at a time.

    A next page is asked for by its token alone. botocore's paginator does not know that: with more than
    one page it is refused, here as on AWS.
    """
    most = _page_size(call, "MaxResults", call.lab.rules.kinesis_shards_page)
    token = call.get("NextToken")
    if token is None:
        stream = stream_of(call)
        shards = _filtered(call, stream, call.get("ShardFilter"))
        shards = _after(shards, call.get("ExclusiveStartShardId"))
        names = [each.shard_id for each in shards]
    else:
        for other in _WITHOUT_TOKEN:
            if other in call:
                raise ApiError(
                    INVALID_ARGUMENT, f"NextToken and {other} cannot be provided together."
                )
        name, names = _rest(token)
        if name not in call.lab.kinesis:
            raise _bad_token()
        stream = call.lab.kinesis[name]
    shown, rest = names[:most], names[most:]
    answer: dict[str, Any] = {
        "Shards": [told_shard(shard_of(stream, shard_id)) for shard_id in shown]
    }
    return answer | ({"NextToken": token_of(json.dumps([stream.name, rest]))} if rest else {})


def _rest(token: str) -> tuple[str, list[str]]:
    """What a token of ours stands for: the stream, and the shards that are still to be listed."""
    try:
        name, names = json.loads(place_of(token, _bad_token()))
    except (ValueError, TypeError):
        raise _bad_token() from None
    return str(name), list(names)


def _filtered(call: Call, stream: Stream, wanted: dict[str, Any] | None) -> list[Shard]:
    """The shards that a filter lets through: ``AT_``, open then; ``FROM_``, open then or later."""
    shards, kind = _remembered(call, stream), (wanted or {}).get("Type", "FROM_TRIM_HORIZON")
    if kind == "AFTER_SHARD_ID":
        return _after(shards, _needed(wanted, "ShardId"))
    now = call.lab._scheduler.now
    at = max(0, now - stream.store.retention_us)
    if kind == "AT_LATEST":
        at = now
    elif kind.endswith("_TIMESTAMP"):
        at = max(at, _since_start(call, _needed(wanted, "Timestamp")))
    open_later = [each for each in shards if each.closed_at < 0 or each.closed_at > at]
    if kind.startswith("FROM_"):
        return shards if kind == "FROM_TRIM_HORIZON" else open_later
    return [each for each in open_later if _opened_at(each) <= at]


def _needed(wanted: dict[str, Any] | None, name: str) -> Any:
    if not wanted or name not in wanted:
        raise ApiError(INVALID_ARGUMENT, f"ShardFilter needs {name} with this type.")
    return wanted[name]


def _since_start(call: Call, timestamp: Any) -> int:
    """Microseconds from the lab's start to a moment."""
    start: dt.datetime = call.lab._clock.datetime(0)
    return (moment(timestamp) - start) // dt.timedelta(microseconds=1)


def _opened_at(shard: Shard) -> int:
    return max((parent.closed_at for parent in shard.parents), default=0)


@SERVICE.operation
def split_shard(call: Call) -> None:
    """Two shards in place of one, at once."""
    stream = stream_of(call)
    shard = shard_of(stream, call["ShardToSplit"])
    stream.split_shard(shard, call["NewStartingHashKey"])


@SERVICE.operation
def merge_shards(call: Call) -> None:
    """One shard in place of two neighbours (in either order), at once."""
    stream = stream_of(call)
    shards = [shard_of(stream, call[name]) for name in ("ShardToMerge", "AdjacentShardToMerge")]
    first, second = sorted(shards, key=lambda shard: shard.starting_hash_key)
    stream.merge_shards(first, second)


# ------------------------------------------------------------------ consumers


def _consumer(consumer: Consumer) -> dict[str, Any]:
    seconds = int(consumer.arn.rpartition(":")[2])
    return {
        "ConsumerName": consumer.consumer_name, "ConsumerARN": consumer.arn,
        "ConsumerStatus": "ACTIVE",
        "ConsumerCreationTimestamp": dt.datetime.fromtimestamp(seconds, dt.UTC),
    }  # fmt: skip


@SERVICE.operation
def register_stream_consumer(call: Call) -> dict[str, Any]:
    """A consumer with enhanced fan-out, for a mapping to read; it is active at once."""
    made = stream_of(call).register_consumer(call["ConsumerName"])
    kept(made)["tags"] = dict(call.get("Tags", {}))
    return {"Consumer": _consumer(made)}


@SERVICE.operation
def deregister_stream_consumer(call: Call) -> None:
    """A consumer is none any more; a mapping that reads through it stays, disabled."""
    found = _found(call)
    disable(call.lab, [found])
    call.lab.kinesis.deregister_stream_consumer(found)


@SERVICE.operation
def describe_stream_consumer(call: Call) -> dict[str, Any]:
    """A consumer, by its ARN, or by its name and its stream's ARN."""
    found = _found(call)
    return {"ConsumerDescription": _consumer(found) | {"StreamARN": found.stream.arn}}


def _found(call: Call) -> Consumer:
    """The consumer that a call names."""
    arn = call.get("ConsumerARN")
    if arn is not None:
        streams = [call.lab.kinesis[name] for name in call.lab.kinesis]
    elif "StreamARN" in call and "ConsumerName" in call:
        streams = [stream_of(call)]
    else:
        raise ApiError(
            INVALID_ARGUMENT, "Either ConsumerARN, or StreamARN and ConsumerName must be given."
        )
    for stream in streams:
        for consumer in stream.consumers.values():
            if consumer.arn == arn or (
                arn is None and consumer.consumer_name == call["ConsumerName"]
            ):
                return consumer
    named = f"ConsumerARN {arn}" if arn else f"Consumer {call['ConsumerName']}"
    raise ApiError(NOT_FOUND, f"{named} under account {ACCOUNT} not found.")


@SERVICE.operation
def list_stream_consumers(call: Call) -> dict[str, Any]:
    """The consumers of a stream."""
    found = [_consumer(each) for each in stream_of(call).consumers.values()]
    most = _page_size(call, "MaxResults", call.lab.rules.kinesis_list_page)
    shown, token = page(found, call.get("NextToken"), most, _bad_token())
    return {"Consumers": list(shown)} | ({"NextToken": token} if token else {})
