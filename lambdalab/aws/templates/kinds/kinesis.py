"""AWS::Kinesis: streams and their consumers."""

from __future__ import annotations

from typing import Any

from lambdalab.aws.templates.intrinsics import Facts
from lambdalab.aws.templates.kinds.kind import Kind
from lambdalab.aws.templates.resource import Resource, whole


def stream(resource: Resource) -> Facts:
    """A stream; one on demand has the shards that it begins with on AWS."""
    name, lab = resource.name, resource.lab
    mode = (resource.take("StreamModeDetails") or {}).get("StreamMode")
    count: Any = whole(resource.take("ShardCount"))
    if mode == "ON_DEMAND" or (mode is None and count is None):
        count = lab.rules.kinesis_on_demand_shards
        resource.left_out.partly(
            resource.id, resource.type, "StreamModeDetails",
            f"on demand: built with {count} shards, as on AWS at first; a lab does not add any",
        )  # fmt: skip
    resource.call("kinesis", "CreateStream", {"StreamName": name, "ShardCount": count})
    hours = whole(resource.take("RetentionPeriodHours"))
    if hours is not None and hours != lab.rules.kinesis_retention_default:
        given = {"StreamName": name, "RetentionPeriodHours": hours}
        resource.call("kinesis", "IncreaseStreamRetentionPeriod", given)
    resource.ignore("StreamEncryption", "DesiredShardLevelMetrics")
    made = lab.kinesis[name]
    return Facts(name, made, Arn=made.arn, WarmThroughputObject="")


def consumer(resource: Resource) -> Facts:
    """A consumer that the stream pushes to (enhanced fan-out)."""
    given = {"StreamARN": resource.needed("StreamARN"), "ConsumerName": resource.name}
    told = resource.call("kinesis", "RegisterStreamConsumer", given)["Consumer"]
    stream_name = given["StreamARN"].rpartition("/")[2]
    made = resource.lab.kinesis[stream_name].consumers[resource.name]
    return Facts(
        made.arn, made, f"{stream_name}/{resource.name}", ConsumerARN=made.arn,
        ConsumerName=resource.name, StreamARN=given["StreamARN"],
        ConsumerStatus=told["ConsumerStatus"],
    )  # fmt: skip


KINDS = {
    "AWS::Kinesis::Stream": Kind(stream, "Name"),
    "AWS::Kinesis::StreamConsumer": Kind(consumer, "ConsumerName"),
}
